//! A witness over HTTP/1.1: `POST /add-checkpoint`, on a socket of this machine or a port.
//!
//! One thread does it all. A decision and its way to the disk are one step without a pause, so that two requests cannot
//! overtake each other; waiting is only for those who ask. What they send is bounded in size and time.

use std::cell::RefCell;
use std::convert::Infallible;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time;

use super::request;
use super::state::{Refusal, State};
use crate::clock::Clock;

/// For a request's head, and for its body.
const READ_TIME: Duration = Duration::from_secs(10);
/// For a connection, however often it asks.
const CONNECTION_TIME: Duration = Duration::from_secs(120);
/// Open at once; more wait in the kernel.
const CONNECTIONS: usize = 64;
/// After the system has refused a connection, for want of files as a rule.
const REST: Duration = Duration::from_millis(100);
/// No request's head is larger.
const HEAD_MAX: usize = 16 << 10;

/// Where a witness listens.
pub enum Listener {
    /// A socket, with its path.
    Unix(UnixListener, PathBuf),
    /// A port.
    Tcp(TcpListener),
}

impl Listener {
    /// Makes a socket of mode 0660: its user and its group may ask. One that a dead witness left is replaced; one where
    /// somebody listens is not, nor a file of another kind.
    ///
    /// # Errors
    ///
    /// The path is taken, or the folder cannot be written.
    pub fn unix(path: &Path) -> io::Result<Self> {
        match fs::symlink_metadata(path) {
            Ok(found) if !found.file_type().is_socket() => return Err(io::ErrorKind::AlreadyExists.into()),
            Ok(_) => match std::os::unix::net::UnixStream::connect(path) {
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path)?,
                Err(error) => return Err(error),
                Ok(_) => return Err(io::ErrorKind::AddrInUse.into()),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let listener = UnixListener::bind(path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o660))?;
        Ok(Self::Unix(listener, path.to_owned()))
    }

    /// Listens on a port; 0 is chosen by the system.
    ///
    /// # Errors
    ///
    /// The address is not ours, or in use.
    pub async fn tcp(address: SocketAddr) -> io::Result<Self> {
        Ok(Self::Tcp(TcpListener::bind(address).await?))
    }

    /// What a log is to be given.
    pub fn place(&self) -> String {
        match self {
            Self::Unix(_, path) => format!("unix:{}", path.display()),
            Self::Tcp(listener) => match listener.local_addr() {
                Ok(address) => format!("http://{address}"),
                Err(_) => "a port".to_owned(),
            },
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Self::Unix(_, path) = self {
            let _ = fs::remove_file(path); // the next one removes it too
        }
    }
}

/// Answers until it is dropped. Within a [`LocalSet`](tokio::task::LocalSet).
pub async fn serve(state: State, listener: &Listener, clock: Clock) {
    let desk = Rc::new(Desk {
        state: RefCell::new(state),
        clock,
    });
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return; // it is never closed
        };
        let accepted = match listener {
            Listener::Unix(listener, _) => listener.accept().await.map(|(stream, _)| {
                connection(Rc::clone(&desk), stream, place);
            }),
            Listener::Tcp(listener) => listener.accept().await.map(|(stream, _)| {
                connection(Rc::clone(&desk), stream, place);
            }),
        };
        if let Err(error) = accepted {
            tracing::warn!(error = %error.kind(), "a connection could not be accepted");
            time::sleep(REST).await;
        }
    }
}

/// What the connections share.
struct Desk {
    state: RefCell<State>,
    clock: Clock,
}

fn connection<S>(desk: Rc<Desk>, stream: S, place: OwnedSemaphorePermit)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    tokio::task::spawn_local(async move {
        let _place = place;
        let service = service_fn(|request| {
            let desk = Rc::clone(&desk);
            async move { Ok::<_, Infallible>(desk.answer(request).await) }
        });
        let http = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(READ_TIME)
            .half_close(true) // who has asked may end his side
            .max_buf_size(HEAD_MAX)
            .serve_connection(TokioIo::new(stream), service);
        let _ = time::timeout(CONNECTION_TIME, http).await; // who leaves early has nobody to tell
    });
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
            Ok(signature) => text(StatusCode::OK, "text/plain; charset=utf-8", format!("{signature}\n")),
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
                "a checkpoint of fewer records than the {size} that were signed for its log: rolled back, or sent again"
            );
        }
        Refusal::OtherRoot { .. } => tracing::warn!("a log has signed two histories: {refusal}"),
        Refusal::NotConsistent { .. } => tracing::warn!("a log has signed two histories, or cannot prove: {refusal}"),
        Refusal::Disk(_) | Refusal::Crypto(_) => tracing::error!("nothing can be signed: {refusal}"),
        Refusal::Malformed(_) | Refusal::UnknownLog | Refusal::NotSigned | Refusal::OtherSize { shrunk: false, .. } => {
        }
    }
}

fn said(status: StatusCode, what: &str) -> Response<Full<Bytes>> {
    text(status, "text/plain; charset=utf-8", format!("{what}\n"))
}

fn text(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::from(body));
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

#[cfg(test)]
mod tests {
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
