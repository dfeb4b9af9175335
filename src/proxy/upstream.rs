//! The CMS: connections to it, kept and used again, each driven by the exchange that uses it.
//!
//! There is no task for a connection. The exchange that holds it polls it, in the visitor's own task, so that an answer
//! needs no wake-up from one task to another, and a cancelled exchange closes its connection at once by dropping it.

use std::cell::RefCell;
use std::error::Error;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Method, Request, Response, Uri};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::Site;
use super::alarm::Alarm;
use super::body::{BodyFault, RequestBody};
use super::heard::Heard;
use super::origins::{Origins, Place, Stream};
use super::refusal::Failure;
use crate::config::Lenient;
use crate::entry::UpstreamFailure;
use crate::server::{Connection, Meter, Stage, Ticks, ticks};

/// Idle connections kept for each site and worker, at most.
const IDLE_LIMIT: usize = 256;

/// Bytes of a message that a connection holds in each direction: what a slow visitor makes us hold. The head of an
/// answer has to be smaller.
const BUFFER: usize = 64 * 1024;

/// One worker's connections to one CMS.
pub(crate) struct Pool {
    origins: Origins,
    http: http1::Builder,
    connect: u32,
    answer: u32,
    idle: u32,
    now: Ticks,
    #[expect(clippy::vec_box, reason = "they go to exchanges and come back without being copied")]
    links: RefCell<Vec<Box<Link>>>,
}

impl Pool {
    pub(crate) fn new(site: &Site, now: Ticks) -> Rc<Self> {
        let upstream = &site.upstream;
        Rc::new(Self {
            origins: Origins::new(&upstream.origins, site.trust.clone(), Arc::clone(&now)),
            http: speaking(upstream.lenient),
            connect: ticks(upstream.connect_timeout),
            answer: ticks(upstream.answer_timeout),
            idle: ticks(upstream.idle_timeout),
            now,
            links: RefCell::default(),
        })
    }

    /// Sends a request and waits for the head of its answer.
    ///
    /// # Errors
    /// How the CMS failed, or what was wrong with the request's body.
    pub(super) async fn send(
        self: &Rc<Self>,
        mut request: Box<Request<RequestBody>>,
        connection: &Rc<Connection>,
    ) -> Result<Response<Answer>, Failure> {
        let meter = &connection.meter;
        meter.allow_upstream(self.connect, self.answer);
        let next = self.origins.next();
        while let Some(link) = self.take(next) {
            match link.ask(request, meter).await {
                Ok((response, link)) => return Ok(self.answer(response, link, connection)),
                // The CMS closed it while it was idle, and nothing was sent: any request may go on to the next.
                Err(Asked::NotSent(back)) => request = back,
                // It was closed while the request was on its way. Only what does no harm
                // twice is asked once more.
                Err(Asked::Unanswered(failure, head)) => {
                    let again = head.and_then(|head| head.to_request(RequestBody::nothing()));
                    request = again.ok_or(failure)?;
                    break;
                }
                Err(Asked::Failed(failure)) => return Err(failure),
            }
        }
        // Rare, and large: on the heap it is not moved with every exchange.
        let link = Box::pin(self.connect(next, meter)).await?;
        match link.ask(request, meter).await {
            Ok((response, link)) => Ok(self.answer(response, link, connection)),
            Err(Asked::NotSent(_)) => Err(UpstreamFailure::Closed.into()),
            Err(Asked::Unanswered(failure, _) | Asked::Failed(failure)) => Err(failure),
        }
    }

    fn answer(
        self: &Rc<Self>,
        response: Response<Incoming>,
        link: Box<Link>,
        connection: &Rc<Connection>,
    ) -> Response<Answer> {
        response.map(|body| Answer {
            body,
            link: Some(link),
            pool: Rc::clone(self),
            connection: Rc::clone(connection),
        })
    }

    fn take(&self, next: Option<Place>) -> Option<Box<Link>> {
        let mut links = self.links.borrow_mut();
        // The one used last: the others may grow old and go.
        let link = match next {
            None => links.pop()?,
            Some(next) => {
                let place = links.iter().rposition(|link| link.place == next)?;
                links.remove(place)
            }
        };
        (self.now.load(Relaxed) - link.idle_since < self.idle).then_some(link)
    }

    fn put_back(&self, mut link: Box<Link>) {
        link.alarm.off();
        if !link.sender.is_ready() {
            link.idle(); // it notices that the exchange is over
        }
        let mut links = self.links.borrow_mut();
        if link.sender.is_ready() && !link.over && links.len() < IDLE_LIMIT {
            link.idle_since = self.now.load(Relaxed);
            links.push(link);
        }
    }

    /// Closes what was idle too long, or was closed by the CMS.
    pub(crate) fn sweep(&self) {
        let now = self.now.load(Relaxed);
        self.links.borrow_mut().retain_mut(|link| {
            link.idle();
            !link.over && now - link.idle_since < self.idle
        });
    }

    /// Connects to one of the addresses, each of which has its time.
    async fn connect(&self, next: Option<Place>, meter: &Meter) -> Result<Box<Link>, Failure> {
        meter.enter(Stage::Connect);
        let places = in_time(self.origins.in_turn(next), meter).await?;
        let mut failure = UpstreamFailure::Connect;
        for (index, place) in places.into_iter().enumerate() {
            if index > 0 {
                meter.enter(Stage::Connect);
            }
            match in_time(self.link(place), meter).await {
                Ok(link) => {
                    self.origins.is_well(place);
                    return Ok(Box::new(link));
                }
                Err(why) => {
                    self.origins.is_not(place);
                    failure = why;
                }
            }
        }
        Err(failure.into())
    }

    async fn link(&self, place: Place) -> Result<Link, UpstreamFailure> {
        match self.origins.connect(place).await? {
            Stream::Tcp(stream) => Link::over(stream, place, &self.http).await,
            Stream::Tls(stream) => Link::over(stream, place, &self.http).await,
            Stream::Unix(stream) => Link::over(stream, place, &self.http).await,
        }
    }
}

/// HTTP/1.1 as the CMS speaks it.
pub(crate) fn speaking(lenient: Lenient) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.allow_obsolete_multiline_headers_in_responses(lenient.folded_fields)
        .allow_spaces_after_header_name_in_responses(lenient.space_before_colon)
        .ignore_invalid_headers_in_responses(lenient.broken_fields)
        .title_case_headers(lenient.title_case)
        .max_buf_size(BUFFER);
    http
}

async fn in_time<T>(
    future: impl Future<Output = Result<T, UpstreamFailure>>,
    meter: &Meter,
) -> Result<T, UpstreamFailure> {
    let mut future = pin!(future);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Pending if meter.is_overdue() => Poll::Ready(Err(UpstreamFailure::Timeout)),
        polled => polled,
    })
    .await
}

/// A connection to the CMS. It lies on the heap, for it goes from hand to hand.
pub(super) struct Link {
    sender: SendRequest<RequestBody>,
    driver: Pin<Box<dyn Future<Output = hyper::Result<()>>>>, // hyper does not let its type be named
    alarm: Alarm,
    /// Whether a byte has come since the request was sent.
    heard: Arc<AtomicBool>,
    over: bool,
    idle_since: u32,
    place: Place,
    /// That of the request that was sent, if it may be sent twice.
    head: Head,
}

/// Why a request got no answer.
enum Asked {
    NotSent(Box<Request<RequestBody>>),
    /// The connection ended before one byte of an answer.
    Unanswered(Failure, Option<Head>),
    Failed(Failure),
}

/// Whether a request may be sent twice: its method is idempotent (RFC 9110, section 9.2.2), and its body is nothing.
fn may_be_repeated(request: &Request<RequestBody>) -> bool {
    request.method().is_idempotent() && request.body().is_nothing()
}

/// The head of a request as text: the method, the target, each name and each value a line. hyper gives back only a
/// request of which nothing was written; to copy it into room that is there already costs a seventh of a clone that is
/// hardly ever needed.
#[derive(Default)]
struct Head(Vec<u8>);

impl Head {
    fn note<B>(&mut self, request: &Request<B>) {
        self.0.clear();
        let target = request.uri().path_and_query().map_or("", PathAndQuery::as_str);
        let lines = [request.method().as_str(), target].map(str::as_bytes);
        let fields = request.headers().iter();
        let fields = fields.flat_map(|(name, value)| [name.as_str().as_bytes(), value.as_bytes()]);
        for line in lines.into_iter().chain(fields) {
            self.0.extend_from_slice(line);
            self.0.push(b'\n'); // which none of them can hold
        }
    }

    fn to_request<B>(&self, body: B) -> Option<Box<Request<B>>> {
        let mut lines = self.0.split(|&byte| byte == b'\n');
        let mut request = Request::new(body);
        *request.method_mut() = Method::from_bytes(lines.next()?).ok()?;
        *request.uri_mut() = Uri::try_from(lines.next()?).ok()?;
        while let (Some(name), Some(value)) = (lines.next().filter(|name| !name.is_empty()), lines.next()) {
            let (name, value) = (HeaderName::from_bytes(name).ok()?, HeaderValue::from_bytes(value).ok()?);
            request.headers_mut().append(name, value);
        }
        Some(Box::new(request))
    }
}

impl Link {
    async fn over<S>(stream: S, place: Place, http: &http1::Builder) -> Result<Self, UpstreamFailure>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let heard = Arc::new(AtomicBool::new(false));
        let stream = Heard::new(stream, Arc::clone(&heard));
        let (sender, driver) = http
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|_| UpstreamFailure::Closed)?;
        Ok(Self {
            sender,
            driver: Box::pin(driver.with_upgrades()),
            alarm: Alarm::default(),
            heard,
            over: false,
            idle_since: 0,
            place,
            head: Head::default(),
        })
    }

    /// Moves bytes, as far as they go.
    fn drive(&mut self, cx: &mut Context<'_>) {
        if !self.over {
            let cx = &mut Context::from_waker(self.alarm.on(cx.waker()));
            self.over = self.driver.as_mut().poll(cx).is_ready();
        }
    }

    /// Moves what there is to move while no exchange has it.
    fn idle(&mut self) {
        if !self.over {
            let cx = &mut Context::from_waker(self.alarm.nobody());
            self.over = self.driver.as_mut().poll(cx).is_ready();
        }
    }

    /// Drives it to its end, which after a 101 hands its stream over.
    pub(super) async fn finish(mut self: Box<Self>) {
        poll_fn(|cx| {
            self.drive(cx);
            if self.over { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    async fn ask(
        mut self: Box<Self>,
        request: Box<Request<RequestBody>>,
        meter: &Meter,
    ) -> Result<(Response<Incoming>, Box<Self>), Asked> {
        let twice = may_be_repeated(&request);
        if twice {
            self.head.note(&request);
        }
        meter.enter(if request.body().is_end_stream() {
            Stage::Answer
        } else {
            Stage::Upload
        });
        self.heard.store(false, Relaxed);
        let mut answer = pin!(self.sender.try_send_request(*request));
        let answered = poll_fn(|cx| {
            if !self.over {
                let cx = &mut Context::from_waker(self.alarm.on(cx.waker()));
                self.over = self.driver.as_mut().poll(cx).is_ready();
            }
            // Only driving can bring the answer, and that has just been done: nobody need wake us for it.
            match answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(answer) => Poll::Ready(Some(answer)),
                Poll::Pending if meter.is_overdue() => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            }
        })
        .await;
        match answered {
            Some(Ok(response)) => Ok((response, self)),
            Some(Err(mut error)) => match error.take_message() {
                Some(request) => Err(Asked::NotSent(Box::new(request))),
                None => {
                    let error = error.into_error();
                    let closed = failure(&error) == UpstreamFailure::Closed.into();
                    if closed && !self.heard.load(Relaxed) {
                        Err(Asked::Unanswered(failure(&error), twice.then_some(self.head)))
                    } else {
                        Err(Asked::Failed(failure(&error)))
                    }
                }
            },
            None if meter.stage() == Stage::Upload => Err(Asked::Failed(Failure::Body(BodyFault::TooSlow))),
            None => Err(Asked::Failed(UpstreamFailure::Timeout.into())),
        }
    }
}

fn failure(error: &hyper::Error) -> Failure {
    let body = error.source().and_then(|source| source.downcast_ref::<BodyFault>());
    match body {
        Some(&fault) => Failure::Body(fault),
        None if error.is_parse() => UpstreamFailure::Malformed.into(),
        None => UpstreamFailure::Closed.into(),
    }
}

/// The body of an answer, with the connection that it comes from.
pub(super) struct Answer {
    body: Incoming,
    link: Option<Box<Link>>,
    pool: Rc<Pool>,
    connection: Rc<Connection>,
}

impl Answer {
    pub(super) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        let mut polled = self.poll_body();
        if polled.is_pending()
            && let Some(link) = &mut self.link
        {
            link.drive(cx);
            polled = self.poll_body();
        }
        if polled.is_pending()
            && let Some(link) = &self.link
        {
            link.alarm.on_again();
        }
        let meter = &self.connection.meter;
        match polled {
            Poll::Pending if meter.stage() != Stage::Answer => {
                meter.enter(Stage::Answer);
                Poll::Pending
            }
            Poll::Pending if meter.is_overdue() => Poll::Ready(Some(Err(BodyFault::TooSlow))),
            Poll::Pending => Poll::Pending,
            Poll::Ready(frame) => {
                meter.enter(Stage::Delivery);
                Poll::Ready(frame.map(|frame| frame.map_err(|_| BodyFault::Upstream)))
            }
        }
    }

    /// Nobody need be woken for it: only driving can bring more of it, and that is done by who asks.
    fn poll_body(&mut self) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        if let Some(link) = &self.link {
            link.alarm.off();
        }
        Pin::new(&mut self.body).poll_frame(&mut Context::from_waker(Waker::noop()))
    }

    pub(super) fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }

    /// Gives the connection back if its answer was read to the end.
    pub(super) fn release(&mut self) {
        if let Some(link) = self.link.take() {
            self.pool.put_back(link);
        }
    }

    /// Takes the connection out, for a tunnel.
    pub(super) fn into_link(mut self) -> Option<Box<Link>> {
        self.link.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_noted_head_is_the_same_once_more() {
        let mut whole = Request::delete("/a//b%20?c=d&").body(()).expect("a request");
        for (name, value) in [
            ("cookie", &b"a=1; b=\xff\t"[..]),
            ("x-own", b""),
            ("accept", b"a"),
            ("accept", b"b"),
        ] {
            let value = HeaderValue::from_bytes(value).expect("a value");
            whole.headers_mut().append(HeaderName::from_static(name), value);
        }
        let mut noted = Head::default();
        let empty = Request::options("*").body(()).expect("a request");
        for request in [&whole, &empty, &whole] {
            noted.note(request);
            let again = noted.to_request(()).expect("what was noted");
            assert_eq!(
                (again.method(), again.uri(), again.headers()),
                (request.method(), request.uri(), request.headers())
            );
        }
    }
}
