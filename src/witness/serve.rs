//! A witness over HTTP/1.1: `POST /add-checkpoint`, on a socket of this machine or a port.
//!
//! One thread does it all. A decision and its way to the disk are one step without a pause, so that two requests cannot
//! overtake each other; waiting is only for those who ask.

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use http::header::{ALLOW, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use tokio::time;

use super::request;
use super::state::{Refusal, State};
use crate::clock::Clock;
use crate::desk::{self, Listener, READ_TIME, TEXT, said, text};

/// Answers until it is dropped. Within a [`LocalSet`](tokio::task::LocalSet).
pub async fn serve(state: State, listener: &Listener, clock: Clock) {
    let desk = Rc::new(Desk {
        state: RefCell::new(state),
        clock,
    });
    desk::serve(listener, move |request| {
        let desk = Rc::clone(&desk);
        async move { desk.answer(request).await }
    })
    .await;
}

/// What the connections share.
struct Desk {
    state: RefCell<State>,
    clock: Clock,
}

impl Desk {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        if request.uri().path() != "/add-checkpoint" {
            return said(StatusCode::NOT_FOUND, "a witness has /add-checkpoint, and nothing else");
        }
        if request.method() != Method::POST {
            let mut answer = said(StatusCode::METHOD_NOT_ALLOWED, "a checkpoint is sent with POST");
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            return answer;
        }
        let body = Limited::new(request.into_body(), request::Request::BYTES_MAX);
        match time::timeout(READ_TIME, body.collect()).await {
            Ok(Ok(body)) => self.add_checkpoint(&body.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                said(StatusCode::PAYLOAD_TOO_LARGE, "more than a checkpoint and its proof")
            }
            Ok(Err(_)) => said(StatusCode::BAD_REQUEST, "the body is cut off"),
            Err(_) => said(StatusCode::REQUEST_TIMEOUT, "the body does not come"),
        }
    }

    fn add_checkpoint(&self, body: &[u8]) -> Response<Full<Bytes>> {
        let answer = self.state.borrow_mut().add_checkpoint(body, self.clock.now());
        match answer {
            Ok(signature) => text(StatusCode::OK, TEXT, format!("{signature}\n")),
            Err(refusal) => {
                tell(&refusal);
                refused(refusal)
            }
        }
    }
}

/// A refusal as the protocol says it.
fn refused(refusal: Refusal) -> Response<Full<Bytes>> {
    let status = match refusal {
        Refusal::Malformed(_) => StatusCode::BAD_REQUEST,
        Refusal::UnknownLog => StatusCode::NOT_FOUND,
        Refusal::NotSigned => StatusCode::FORBIDDEN,
        Refusal::OtherSize { size, .. } | Refusal::OtherRoot { size } => {
            return text(StatusCode::CONFLICT, "text/x.tlog.size", format!("{size}\n"));
        }
        Refusal::NotConsistent { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        Refusal::Disk(_) | Refusal::Crypto(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    said(status, &refusal.to_string())
}

/// What the witness's administrator has to know. A log's own signature, or our own disk, leads here; but a log's
/// checkpoints are no secret, and anybody who can reach us may send them again.
fn tell(refusal: &Refusal) {
    match refusal {
        Refusal::OtherSize { size, shrunk: true } => {
            tracing::warn!(
                target: crate::OFTEN,
                "a checkpoint of fewer records than the {size} that were signed for its log: rolled back, or sent again"
            );
        }
        Refusal::OtherRoot { .. } => tracing::warn!(target: crate::OFTEN, "a log has signed two histories: {refusal}"),
        Refusal::NotConsistent { .. } => {
            tracing::warn!(target: crate::OFTEN, "a log has signed two histories, or cannot prove: {refusal}")
        }
        Refusal::Disk(_) | Refusal::Crypto(_) => {
            tracing::error!(target: crate::OFTEN, "nothing can be signed: {refusal}")
        }
        Refusal::Malformed(_) | Refusal::UnknownLog | Refusal::NotSigned | Refusal::OtherSize { shrunk: false, .. } => {
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use http::header::CONTENT_TYPE;

    use super::*;
    use crate::journal::note::NoteError;
    use crate::journal::tree::TreeSize;
    use crate::witness::Malformed;

    #[test]
    fn every_refusal_has_the_answer_of_the_specification() {
        let size = TreeSize(7);
        let cases = [
            (Refusal::Malformed(Malformed::Note(NoteError::NotText)), 400),
            (Refusal::Malformed(Malformed::Backwards), 400),
            (Refusal::UnknownLog, 404),
            (Refusal::NotSigned, 403),
            (Refusal::OtherSize { size, shrunk: true }, 409),
            (Refusal::OtherSize { size, shrunk: false }, 409),
            (Refusal::OtherRoot { size }, 409),
            (Refusal::NotConsistent { size }, 422),
            (Refusal::Disk(io::ErrorKind::StorageFull), 500),
        ];
        for (refusal, status) in cases {
            tell(&refusal);
            let answer = refused(refusal);
            assert_eq!(answer.status().as_u16(), status, "{refusal:?}");
            let is_size = answer.headers()[CONTENT_TYPE] == "text/x.tlog.size";
            assert_eq!(is_size, status == 409, "{refusal:?}");
        }
    }
}
