//! One visitor's connection, from the first byte to the last, and the entry for bytes that never became a request.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use http::header::{CONNECTION, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::server::conn::http1::{self, UpgradeableConnection};
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::{Meter, Metered, Stage, Worker, http2};
use crate::acme;
use crate::entry::NotARequest;
use crate::proxy::{self, Body, Named};

/// What the exchanges of one connection know of it.
pub(crate) struct Connection {
    pub(crate) worker: Rc<Worker>,
    pub(crate) peer: IpAddr,
    pub(crate) secure: bool,
    pub(crate) meter: Arc<Meter>,
    /// For which host the last request was.
    pub(crate) named: RefCell<Option<Rc<Named>>>,
    /// Exchanges that have begun and not ended.
    exchanges: Cell<usize>,
    waker: RefCell<Option<Waker>>,
    /// A body that nobody wants any more, and how many bytes of it are still read.
    unwanted: RefCell<Option<(Incoming, u64)>>,
    /// Streams that are open, where it speaks HTTP/2.
    streams: Cell<usize>,
    /// The connection that it is a stream of.
    whole: Option<Rc<Connection>>,
    /// Where the sweep finds it.
    place: usize,
}

/// How a wait ended.
pub(crate) enum End<T> {
    /// What was waited for came.
    Itself(T),
    /// The meter's time was up.
    Overdue,
}

/// What became of a connection while hyper had it.
enum Awake<S> {
    Idle(Metered<S>),
    Over(End<hyper::Result<()>>),
    Tunnel,
}

impl Connection {
    /// Serves HTTP/1.1.
    pub(super) async fn plain(worker: Rc<Worker>, stream: TcpStream, peer: IpAddr) {
        Self::new(worker, peer, false, Stage::Fresh).http(stream).await;
    }

    /// Serves HTTP/2 or HTTP/1.1 over TLS, as the visitor prefers.
    pub(super) async fn secure(worker: Rc<Worker>, stream: TcpStream, peer: IpAddr, tls: TlsAcceptor) {
        let connection = Self::new(worker, peer, true, Stage::Handshake);
        let mut first = [0];
        match connection.until_overdue(stream.peek(&mut first)).await {
            End::Itself(Ok(1..)) => {}
            _ => return, // not one byte: nothing happened
        }
        let arrived = connection.meter.clock().now();
        let shaken = connection.until_overdue(tls.accept(stream)).await;
        let hands = &connection.worker.hands;
        match &shaken {
            End::Itself(Ok(_)) => hands.greeted.add(1),
            End::Itself(Err(_)) => hands.failed.add(1),
            End::Overdue => hands.overdue.add(1),
        }
        match shaken {
            End::Itself(Ok(stream)) => {
                connection.meter.enter(Stage::Fresh);
                match stream.get_ref().1.alpn_protocol() {
                    Some(b"h2") => http2::serve(connection, stream).await,
                    Some(acme::ALPN) => {} // the authority has seen what it came for
                    _ => connection.http(stream).await,
                }
            }
            End::Itself(Err(_)) => proxy::not_a_request(&connection, arrived, None, NotARequest::Tls),
            End::Overdue => proxy::not_a_request(&connection, arrived, None, NotARequest::TlsTimeout),
        }
    }

    /// An exchange has begun. HTTP/2 counts its streams itself.
    pub(crate) fn begin_exchange(&self) {
        self.exchanges.set(self.exchanges.get() + 1);
        if self.whole.is_none() {
            self.worker.exchanges.begin();
        }
    }

    pub(crate) fn end_exchange(&self) {
        self.exchanges.set(self.exchanges.get() - 1);
        if self.whole.is_none() {
            self.worker.exchanges.end(1);
        }
    }

    /// Whether the exchange that has begun is one more than may be open. Of streams that was decided before.
    pub(crate) fn is_one_too_many(&self, allowed: usize) -> bool {
        self.whole.is_none() && self.worker.exchanges.open() > allowed
    }

    pub(super) fn new(worker: Rc<Worker>, peer: IpAddr, secure: bool, stage: Stage) -> Rc<Self> {
        Self::watched(worker, peer.to_canonical(), secure, stage, None)
    }

    /// A stream of this connection: one exchange, with time limits of its own.
    pub(super) fn stream(self: &Rc<Self>) -> Rc<Self> {
        self.streams.set(self.streams.get() + 1);
        self.meter.rest();
        let whole = Some(Rc::clone(self));
        let stream = Self::watched(Rc::clone(&self.worker), self.peer, self.secure, Stage::Idle, whole);
        stream.named.borrow_mut().clone_from(&self.named.borrow());
        stream
    }

    /// It has said that it speaks HTTP/2.
    pub(super) fn greeted(&self) {
        if self.streams.get() == 0 {
            self.meter.enter(Stage::Multiplexed);
        }
    }

    fn watched(worker: Rc<Worker>, peer: IpAddr, secure: bool, stage: Stage, whole: Option<Rc<Self>>) -> Rc<Self> {
        let edition = worker.edition();
        let meter = Arc::new(Meter::new(
            edition.shared.clock.clone(),
            Arc::clone(&worker.now),
            Arc::clone(&edition.allowances),
            stage,
        ));
        Rc::clone(&worker).watch(|place| Self {
            peer,
            secure,
            meter,
            named: RefCell::new(None),
            exchanges: Cell::new(0),
            waker: RefCell::new(None),
            unwanted: RefCell::new(None),
            streams: Cell::new(0),
            whole,
            place,
            worker,
        })
    }

    /// Serves HTTP/1.1. hyper holds its buffers for as long as it has the connection, so one that has been idle for a
    /// while is taken back from it, and given to it anew with the first byte that comes.
    async fn http<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(self: Rc<Self>, stream: S) {
        let mut stream = Metered::new(stream, Arc::clone(&self.meter));
        let end = loop {
            // On the heap, and gone before it sleeps.
            match Box::pin(self.until_idle(stream)).await {
                Awake::Idle(idle) => stream = idle,
                Awake::Over(end) => break end,
                Awake::Tunnel => return,
            }
            if !self.sleep(&mut stream).await {
                return;
            }
        };
        if let Some((arrived, status, what)) = self.unfinished(end) {
            proxy::not_a_request(&self, arrived, status, what);
        }
    }

    /// Serves until it has been idle for a while, or is over.
    async fn until_idle<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        self: &Rc<Self>,
        stream: Metered<S>,
    ) -> Awake<S> {
        let mut http = self.serve(stream);
        let mut draining = false;
        let end = self
            .until_overdue(poll_fn(|cx| {
                let polled = Pin::new(&mut http).poll(cx);
                self.read_unwanted(cx);
                if polled.is_ready() || draining {
                    return polled.map(Some);
                }
                if self.meter.may_sleep() {
                    return Poll::Ready(None);
                }
                if !self.worker.is_draining() {
                    return Poll::Pending;
                }
                draining = true;
                Pin::new(&mut http).graceful_shutdown();
                Pin::new(&mut http).poll(cx).map(Some)
            }))
            .await;
        match end {
            End::Itself(Some(result)) => return Awake::Over(End::Itself(result)),
            End::Overdue => return Awake::Over(End::Overdue),
            End::Itself(None) => {}
        }
        let Some(parts) = http.into_parts() else {
            return Awake::Tunnel;
        };
        let mut stream = parts.io.into_inner();
        stream.unread(parts.read_buf);
        Awake::Idle(stream)
    }

    fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        self: &Rc<Self>,
        stream: Metered<S>,
    ) -> UpgradeableConnection<
        TokioIo<Metered<S>>,
        impl Service<Request<Incoming>, Response = Response<Body>, Error = Infallible>,
    > {
        let edition = self.worker.edition();
        let limits = &edition.shared.limits;
        let mut builder = http1::Builder::new();
        builder.header_read_timeout(None).max_buf_size(limits.head_bytes); // the meter keeps the time
        if limits.head_fields != 100 {
            builder.max_headers(limits.head_fields); // hyper's own 100 stand on the stack, any other number on the heap
        }
        let connection = Rc::clone(self);
        let service = service_fn(move |request| {
            let exchange = proxy::exchange(Rc::clone(&connection), request);
            let worker = Rc::clone(&connection.worker);
            async move {
                let mut answer = exchange.await;
                if worker.is_leaving() && answer.status() != StatusCode::SWITCHING_PROTOCOLS {
                    answer
                        .headers_mut()
                        .insert(CONNECTION, HeaderValue::from_static("close"));
                }
                Ok::<_, Infallible>(answer)
            }
        });
        builder.serve_connection(TokioIo::new(stream), service).with_upgrades()
    }

    /// Waits for the first byte of another request, with nothing but the socket. Whether it came.
    async fn sleep<S: AsyncRead + Unpin>(&self, stream: &mut Metered<S>) -> bool {
        self.meter.sleep();
        let woken = self.until_overdue(poll_fn(|cx| match stream.poll_first(cx) {
            Poll::Pending if self.worker.is_draining() => Poll::Ready(false),
            polled => polled,
        }));
        matches!(woken.await, End::Itself(true))
    }

    /// Reads on to the end of a body that nobody wants any more, so that the visitor comes to read the answer: bytes
    /// that are in our socket when it closes would have the system reset the connection, and the answer with it.
    /// Bounded by `limits.body_bytes`; once the exchange is over also by `limits.stall_time`, and by 5 s of silence.
    pub(crate) fn linger(&self, body: Incoming) {
        if self.whole.is_some() {
            return; // HTTP/2 tells the visitor to stop, and no answer is lost
        }
        self.meter.linger();
        *self.unwanted.borrow_mut() = Some((body, self.worker.edition().shared.limits.body_bytes));
        self.wake();
    }

    fn read_unwanted(&self, cx: &mut Context<'_>) {
        let mut unwanted = self.unwanted.borrow_mut();
        let Some((body, allowed)) = &mut *unwanted else {
            return;
        };
        match read_to_end(body, allowed, &self.meter, cx) {
            Poll::Pending if !self.meter.wants_more() => return,
            Poll::Pending => {}
            Poll::Ready(ended) => {
                *unwanted = None;
                if ended {
                    self.meter.lingered();
                }
            }
        }
        cx.waker().wake_by_ref(); // hyper must see that it is gone, or that no more will come
    }

    /// What is left when a connection ends inside a head: exchanges record themselves.
    fn unfinished(&self, end: End<hyper::Result<()>>) -> Option<(Timestamp, Option<StatusCode>, NotARequest)> {
        if self.exchanges.get() > 0 {
            return None;
        }
        let begun = self.meter.unfinished_head();
        let arrived = begun.unwrap_or_else(|| self.meter.clock().now());
        match end {
            // hyper has answered these itself.
            End::Itself(Err(error)) if error.is_parse_too_large() => Some((
                arrived,
                Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
                NotARequest::HeadTooLarge,
            )),
            End::Itself(Err(error)) if error.is_parse_version_h2() => Some((arrived, None, NotARequest::Malformed)),
            End::Itself(Err(error)) if error.is_parse() => {
                Some((arrived, Some(StatusCode::BAD_REQUEST), NotARequest::Malformed))
            }
            End::Itself(_) => begun.map(|arrived| (arrived, None, NotARequest::Incomplete)),
            End::Overdue => begun.map(|arrived| (arrived, None, NotARequest::Timeout)),
        }
    }

    /// Runs a future until it is done, or until the meter says that nothing came in time.
    pub(crate) async fn until_overdue<F: Future>(&self, future: F) -> End<F::Output> {
        let mut future = pin!(future);
        poll_fn(|cx| {
            self.remember(cx);
            if self.meter.is_abandoned() {
                return Poll::Ready(End::Overdue);
            }
            match future.as_mut().poll(cx) {
                Poll::Ready(output) => Poll::Ready(End::Itself(output)),
                Poll::Pending if self.meter.is_overdue() => Poll::Ready(End::Overdue),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    fn remember(&self, cx: &Context<'_>) {
        let mut waker = self.waker.borrow_mut();
        match &mut *waker {
            Some(waker) if waker.will_wake(cx.waker()) => {}
            other => *other = Some(cx.waker().clone()),
        }
    }

    pub(crate) fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    /// Whether the sweep has a reason to wake it.
    pub(super) fn is_due(&self) -> bool {
        self.is_overdue() || self.meter.may_sleep()
    }

    fn is_overdue(&self) -> bool {
        if let Some(whole) = &self.whole
            && self.meter.is_overdue()
            && whole.meter.wrote_lately()
        {
            self.meter.delivers(); // its bytes may have been among them
        }
        self.meter.is_overdue()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.worker.forget(self.place);
        if let Some(whole) = &self.whole {
            if let Some(named) = self.named.take() {
                whole.named.replace(Some(named)); // for the next stream
            }
            whole.streams.set(whole.streams.get() - 1);
            if whole.streams.get() == 0 {
                whole.meter.enter(Stage::Multiplexed);
            }
        }
    }
}

/// Reads a body until it ends, or breaks, or more came than is allowed. Whether it ended.
fn read_to_end(body: &mut Incoming, allowed: &mut u64, meter: &Meter, cx: &mut Context<'_>) -> Poll<bool> {
    loop {
        let frame = match ready!(Pin::new(&mut *body).poll_frame(cx)) {
            None => return Poll::Ready(true),
            Some(Err(_)) => return Poll::Ready(false),
            Some(Ok(frame)) => frame,
        };
        meter.got_more();
        let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
        match allowed.checked_sub(bytes) {
            Some(left) => *allowed = left,
            None => return Poll::Ready(false),
        }
    }
}
