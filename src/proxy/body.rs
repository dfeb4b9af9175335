//! Bodies, streamed: what goes up to the CMS, and what comes down to the visitor.

use std::fmt;
use std::mem;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::StatusCode;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;

use super::headers;
use super::upstream::Answer;
use super::witness::Witness;
use crate::entry::{Outcome, Refusal, Who};
use crate::server::{Connection, Stage};

/// The body of a request on its way to the CMS, until all of it was read or it cannot be read any further. Most have
/// none, and carry no more than that.
pub(super) struct RequestBody(Option<Box<Upload>>);

/// A body, limited in size and in the time between its bytes. What the CMS did not want of it is still read
/// ([`Connection::linger`]).
struct Upload {
    body: Incoming,
    connection: Rc<Connection>,
    allowed: u64,
    /// The visitor sends it only when told to go on, and was not told yet (RFC 9110, section 10.1.1).
    expected: bool,
}

impl RequestBody {
    /// `expected`: whether the visitor waits for a 100 before it sends it.
    pub(super) fn new(body: Incoming, expected: bool, allowed: u64, connection: &Rc<Connection>) -> Self {
        Self((!body.is_end_stream()).then(|| {
            Box::new(Upload {
                body,
                connection: Rc::clone(connection),
                allowed,
                expected,
            })
        }))
    }

    /// None at all.
    pub(super) fn nothing() -> Self {
        Self(None)
    }

    pub(super) fn is_nothing(&self) -> bool {
        self.0.is_none()
    }

    /// Whether the visitor is told to go on as soon as somebody asks for it.
    pub(super) fn is_expected(&self) -> bool {
        self.0.as_ref().is_some_and(|upload| upload.expected)
    }
}

/// Why a request's body did not reach its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyFault {
    TooLarge,
    TooSlow,
    /// It was cut off, or its chunks were malformed.
    Broken,
    /// The CMS broke off, or went silent.
    Upstream,
}

impl fmt::Display for BodyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLarge => "a body is larger than allowed",
            Self::TooSlow => "a body came too slowly",
            Self::Broken => "a body was cut off",
            Self::Upstream => "the upstream cut its body off",
        })
    }
}

impl std::error::Error for BodyFault {}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = BodyFault;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        let Some(upload) = &mut self.0 else {
            return Poll::Ready(None);
        };
        let polled = Pin::new(&mut upload.body).poll_frame(cx);
        upload.expected = false;
        let meter = &upload.connection.meter;
        if polled.is_pending() && meter.wants_more() {
            upload.connection.wake(); // to be told that no more will come
        }
        match polled {
            Poll::Pending if meter.stage() == Stage::Upload => {
                if meter.is_overdue() {
                    self.0 = None;
                    return Poll::Ready(Some(Err(BodyFault::TooSlow)));
                }
                Poll::Pending
            }
            Poll::Pending => {
                meter.enter(Stage::Upload);
                Poll::Pending
            }
            Poll::Ready(Some(Ok(mut frame))) => {
                meter.enter(Stage::Answer); // it is the CMS's turn to take it
                meter.got_more();
                if let Some(trailers) = frame.trailers_mut() {
                    headers::trailers(trailers);
                    self.0 = None;
                    return Poll::Ready(Some(Ok(frame)));
                }
                let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
                match upload.allowed.checked_sub(bytes) {
                    Some(left) => upload.allowed = left,
                    None => return Poll::Ready(Some(Err(BodyFault::TooLarge))),
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(_))) => {
                self.0 = None;
                Poll::Ready(Some(Err(BodyFault::Broken)))
            }
            Poll::Ready(None) => {
                meter.enter(Stage::Answer);
                self.0 = None;
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(|upload| upload.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let none = SizeHint::with_exact(0);
        self.0.as_ref().map_or(none, |upload| upload.body.size_hint())
    }
}

impl Drop for RequestBody {
    /// An answer that comes before the body's end must not be lost in the reset that follows bytes nobody reads.
    fn drop(&mut self) {
        match self.0.take() {
            Some(upload) if !upload.expected && !upload.body.is_end_stream() => upload.connection.linger(upload.body),
            _ => {}
        }
    }
}

/// The body of an answer on its way to the visitor. When it ends, or is dropped before, its exchange is over.
pub(crate) struct Body {
    source: Source,
    /// How the exchange ends if the whole body is taken.
    whole: Outcome,
    /// A fault that waits until what came before it has left.
    fault: Option<BodyFault>,
    /// Whether something may not have left yet.
    unsent: bool,
    witness: Option<Witness>,
}

enum Source {
    Nothing,
    Page(Bytes),
    Upstream(Answer),
}

impl Body {
    /// The CMS's answer.
    pub(super) fn upstream(answer: Answer, status: StatusCode, mut witness: Witness) -> Self {
        witness.answered(status);
        Self::new(Source::Upstream(answer), Outcome::Completed, Some(witness))
    }

    /// A page of our own; `None` for a request that has no place in the journal.
    pub(super) fn page(page: Bytes, status: StatusCode, whole: Outcome, mut witness: Option<Witness>) -> Self {
        if let Some(witness) = &mut witness {
            witness.answered(status);
        }
        let source = if page.is_empty() {
            Source::Nothing
        } else {
            Source::Page(page)
        };
        Self::new(source, whole, witness)
    }

    /// Nothing: a tunnel's witness goes with the tunnel.
    pub(super) fn nothing() -> Self {
        Self::new(Source::Nothing, Outcome::Upgraded, None)
    }

    fn new(source: Source, whole: Outcome, witness: Option<Witness>) -> Self {
        Self {
            source,
            whole,
            fault: None,
            unsent: true,
            witness,
        }
    }

    /// hyper throws away what it has not written yet when a body fails. So a fault is told in two steps: nothing first,
    /// which makes hyper write, then the fault. The visitor gets what the CMS sent, and sees that it was cut off.
    fn poll_fault(&mut self, fault: BodyFault, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        if mem::take(&mut self.unsent) {
            self.fault = Some(fault);
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.end(Outcome::CutOff(match fault {
            BodyFault::TooSlow => Who::Timeout,
            _ => Who::Upstream,
        }));
        Poll::Ready(Some(Err(fault)))
    }

    fn end_whole(&mut self) {
        self.end(self.whole);
    }

    fn end(&mut self, outcome: Outcome) {
        if let Source::Upstream(answer) = &mut self.source {
            answer.release();
        }
        if let Some(mut witness) = self.witness.take() {
            witness.end(outcome);
        }
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BodyFault;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        if let Some(fault) = self.fault {
            return self.poll_fault(fault, cx);
        }
        let frame = match &mut self.source {
            Source::Nothing => None,
            Source::Page(page) => {
                let page = Frame::data(std::mem::take(page));
                self.source = Source::Nothing;
                Some(Ok(page))
            }
            Source::Upstream(answer) => std::task::ready!(answer.poll_frame(cx)),
        };
        let frame = frame.map(|frame| frame.map(only_fit_trailers));
        match &frame {
            None => self.end_whole(),
            Some(Ok(frame)) => {
                let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
                if let Some(witness) = &mut self.witness {
                    witness.handed_over(bytes);
                }
                self.unsent = true;
                if frame.is_trailers() {
                    self.end_whole(); // hyper asks for nothing after them
                }
            }
            Some(Err(fault)) => return self.poll_fault(*fault, cx),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Nothing => true,
            Source::Page(_) => false,
            Source::Upstream(answer) => answer.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Nothing => SizeHint::with_exact(0),
            Source::Page(page) => SizeHint::with_exact(page.len() as u64),
            Source::Upstream(answer) => answer.size_hint(),
        }
    }
}

impl Drop for Body {
    /// hyper drops a body when it has its last byte, and also when the visitor has left.
    fn drop(&mut self) {
        if self.is_end_stream() {
            self.end_whole();
        }
    }
}

fn only_fit_trailers(mut frame: Frame<Bytes>) -> Frame<Bytes> {
    if let Some(trailers) = frame.trailers_mut() {
        headers::trailers(trailers);
    }
    frame
}

impl From<BodyFault> for Refusal {
    fn from(fault: BodyFault) -> Self {
        match fault {
            BodyFault::TooLarge => Self::BodyTooLarge,
            BodyFault::TooSlow => Self::TooSlow,
            BodyFault::Broken | BodyFault::Upstream => Self::Malformed,
        }
    }
}
