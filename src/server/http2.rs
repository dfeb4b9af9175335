//! HTTP/2 (RFC 9113): every stream is an exchange of its own, with limits of its own.
//!
//! A stream has its own [`Connection`] with its own meter, so that nothing of an exchange need know that it shares its
//! visitor's connection with others. What a flood can make us hold is bounded: streams by [`STREAMS`] and, on all
//! connections together, by `limits.exchanges`; a head by `limits.head_bytes` (and CONTINUATION frames with it), resets
//! by [`RESETS`] and [`ERRORS`], bytes of a body by [`STREAM_WINDOW`] and [`SEND_BUFFER`], frames on their way out by
//! [`gathered`]; answers to PING and SETTINGS are bounded by h2, which reads no further while they cannot leave.

mod frames;
mod gathered;

use std::cell::RefCell;
use std::error::Error;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;

use h2::Reason;
use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncWrite};

use self::frames::{Frames, Watched};
use self::gathered::Gathered;
use super::{Connection, End, Metered};
use crate::entry::NotARequest;
use crate::proxy;

/// Exchanges that a visitor may have open at a time (RFC 9113, section 6.5.2).
const STREAMS: u32 = 100;
/// Streams that a visitor may reset before we came to serve them (CVE-2023-44487), before the connection is closed.
const RESETS: usize = 50;
/// Streams that we reset for the visitor's errors, before the connection is closed: more than a burst that began before
/// the visitor knew of [`STREAMS`].
const ERRORS: usize = 1000;
/// Bytes of one stream that wait to be sent.
const SEND_BUFFER: usize = 32 * 1024;
/// Bytes that a visitor may send before we took them: of one stream, and of all of them.
const STREAM_WINDOW: u32 = 128 * 1024;
const WINDOW: u32 = 1024 * 1024;

/// Serves a connection to its end.
pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin + 'static>(connection: Rc<Connection>, stream: S) {
    let edition = connection.worker.edition();
    let limits = &edition.shared.limits;
    let streams = Streams::default();
    let mut builder = http2::Builder::new(streams.clone());
    builder
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(RESETS)
        .max_local_error_reset_streams(ERRORS)
        .max_send_buf_size(SEND_BUFFER)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(WINDOW);
    let arrived = connection.meter.clock().now();
    let clock = connection.meter.clock().clone();
    let frames = Rc::new(RefCell::new(Frames::new(clock, connection.worker.exchanges.clone())));
    let service = service_fn(|request| {
        let accepted = frames.borrow_mut().accept(limits.exchanges);
        let exchange = match accepted {
            Ok(()) => {
                let stream = connection.stream();
                *streams.next.borrow_mut() = Some(Rc::clone(&stream));
                Some(proxy::exchange(stream, request))
            }
            Err((opened, status, what)) => {
                proxy::not_a_request(&connection, opened, status, what);
                None // nothing of it stays, and the visitor may ask again (RFC 9113, section 8.7)
            }
        };
        async {
            match exchange {
                Some(exchange) => Ok(exchange.await),
                None => Err(h2::Error::from(Reason::REFUSED_STREAM)),
            }
        }
    });
    let written = Gathered::new(Metered::new(stream, Arc::clone(&connection.meter)));
    let io = Watched::new(written.again(), Rc::clone(&frames));
    let mut http = pin!(builder.serve_connection(TokioIo::new(io), service));
    let (mut greeted, mut sent_away) = (false, None);
    let end = connection
        .until_overdue(poll_fn(|cx| {
            let mut polled = http.as_mut().poll(cx);
            if !greeted && frames.borrow().is_past_preface() {
                greeted = true;
                connection.greeted();
            }
            if polled.is_pending() && sent_away.is_none() && connection.worker.is_leaving() {
                sent_away = Some(connection.meter.clock().now());
                http.as_mut().graceful_shutdown();
                polled = http.as_mut().poll(cx);
            }
            written.leave(cx);
            for (opened, status, what) in frames.borrow_mut().refused() {
                proxy::not_a_request(&connection, opened, status, what);
            }
            polled
        }))
        .await;
    record_undecided(&connection, &frames, arrived, sent_away, &end);
}

/// What is left when a connection ends: heads that were not complete, and what was no HTTP/2 at all.
fn record_undecided(
    connection: &Rc<Connection>,
    frames: &RefCell<Frames>,
    arrived: Timestamp,
    sent_away: Option<Timestamp>,
    end: &End<hyper::Result<()>>,
) {
    let what = match end {
        End::Itself(Err(error)) if is_protocol_error(error) => NotARequest::Malformed,
        End::Itself(_) => NotARequest::Incomplete,
        End::Overdue => NotARequest::Timeout,
    };
    // What came after GOAWAY was not looked at, and is asked for elsewhere (RFC 9113, section 6.8).
    let asked_elsewhere = |opened: &Timestamp| sent_away.is_some_and(|away| *opened >= away);
    let mut undecided: Vec<_> = frames.borrow_mut().undecided().collect();
    undecided.retain(|opened| !asked_elsewhere(opened));
    let is_no_http2 = what == NotARequest::Malformed || frames.borrow().is_in_preface();
    if undecided.is_empty() && is_no_http2 {
        proxy::not_a_request(connection, arrived, None, what);
    }
    for opened in undecided {
        proxy::not_a_request(connection, opened, None, what);
    }
}

/// Whether it was us who ended the connection, for what the visitor sent.
fn is_protocol_error(error: &hyper::Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<h2::Error>());
    cause.is_some_and(|cause| cause.is_library())
}

/// Runs the streams of one connection, each until it ends or its meter says that nothing came in time.
#[derive(Clone, Default)]
struct Streams {
    /// The stream that hyper has just had made, and will have run next.
    next: Rc<RefCell<Option<Rc<Connection>>>>,
}

impl<F: Future<Output: 'static> + 'static> Executor<F> for Streams {
    fn execute(&self, exchange: F) {
        let stream = self.next.borrow_mut().take();
        tokio::task::spawn_local(async move {
            match stream {
                // Dropped before its end, it resets the stream.
                Some(stream) => drop(stream.until_overdue(exchange).await),
                None => drop(exchange.await), // refused
            }
        });
    }
}
