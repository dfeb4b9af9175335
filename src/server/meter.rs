//! What a connection is waiting for, and until when.
//!
//! Whoever makes progress says so on the connection's [`Meter`]; the worker's sweep looks at all meters four times a
//! second and wakes the connections that are overdue. No timer is armed per request: that would cost each
//! exchange several times what the check costs.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU32, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::pieces::poll_write_pieces;
use crate::clock::Clock;
use crate::config::Limits;

/// The sweep's period.
pub(crate) const TICK: Duration = Duration::from_millis(250);

/// How long a visitor who shut its sending side waits for more of its answer before we take it for gone: the system
/// cannot tell the two apart until we write.
const HALF_CLOSED: Duration = Duration::from_secs(5);

/// How long the next bytes of a body that nobody wants are waited for.
const LINGER: Duration = Duration::from_secs(5);

/// What a connection is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Stage {
    /// A TLS handshake.
    Handshake,
    /// The first request of a connection: as nginx has it, its head has its time from here, not from its first byte.
    Fresh,
    /// The first byte of another request.
    Idle,
    /// The same, with no more than the socket.
    Asleep,
    /// The rest of its head.
    Head,
    /// More of its body.
    Upload,
    /// A connection to the CMS.
    Connect,
    /// The CMS: the head of its answer, or more of its body.
    Answer,
    /// The visitor, to take what was sent.
    Delivery,
    /// Either side of a tunnel.
    Tunnel,
    /// The end of a body that nobody wants, after its exchange.
    Linger,
    /// A stream of HTTP/2, where none is open; streams have meters of their own.
    Multiplexed,
}

const STAGES: [Stage; 12] = [
    Stage::Handshake,
    Stage::Fresh,
    Stage::Idle,
    Stage::Asleep,
    Stage::Head,
    Stage::Upload,
    Stage::Connect,
    Stage::Answer,
    Stage::Delivery,
    Stage::Tunnel,
    Stage::Linger,
    Stage::Multiplexed,
];

/// A span of time in ticks of the sweep, rounded up.
pub(crate) fn ticks(time: Duration) -> u32 {
    u32::try_from(time.as_millis().div_ceil(TICK.as_millis())).unwrap_or(u32::MAX / 4)
}

/// How many ticks each stage may take without progress; what the CMS may take, its site says.
pub(crate) struct Allowances {
    head: u32,
    idle: u32,
    stall: u32,
    tunnel: u32,
    exchange: u32,
    half_closed: u32,
    linger: u32,
}

impl Allowances {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            head: ticks(limits.head_time),
            idle: ticks(limits.idle_time),
            stall: ticks(limits.stall_time),
            tunnel: ticks(limits.idle_time * 10),
            exchange: ticks(limits.exchange_time),
            half_closed: ticks(HALF_CLOSED),
            linger: ticks(LINGER),
        }
    }
}

/// The tick of a worker's sweep, counted from its start.
pub(crate) type Ticks = Arc<AtomicU32>;

/// One connection's meter. Its fields are atomics only because a tunnel's halves must be able to move; one thread uses
/// them.
pub(crate) struct Meter {
    clock: Clock,
    now: Ticks,
    allowances: Arc<Allowances>,
    stage: AtomicU8,
    deadline: AtomicU32,
    exchange_deadline: AtomicU32,
    connect: AtomicU32,
    answer: AtomicU32,
    /// Microseconds since 1970; 0 until the first byte of the next request has been read.
    first_byte: AtomicI64,
    /// The open exchange waits for more of its request's body.
    starving: AtomicBool,
    /// The tick of the last write.
    written: AtomicU32,
    /// All that was to be written has left.
    flushed: AtomicBool,
    /// The end of the input was met since more of that body came, and kept back.
    noticed: AtomicBool,
    /// The visitor shut its sending side during the exchange.
    half_closed: AtomicBool,
    /// A body that nobody wants is still being read.
    lingering: AtomicBool,
}

impl Meter {
    pub(crate) fn new(clock: Clock, now: Ticks, allowances: Arc<Allowances>, stage: Stage) -> Self {
        let meter = Self {
            clock,
            now,
            allowances,
            stage: AtomicU8::new(0),
            deadline: AtomicU32::new(0),
            exchange_deadline: AtomicU32::new(u32::MAX),
            connect: AtomicU32::new(0),
            answer: AtomicU32::new(0),
            first_byte: AtomicI64::new(0),
            starving: AtomicBool::new(false),
            written: AtomicU32::new(0),
            flushed: AtomicBool::new(true),
            noticed: AtomicBool::new(false),
            half_closed: AtomicBool::new(false),
            lingering: AtomicBool::new(false),
        };
        meter.enter(stage);
        meter
    }

    /// Begins a stage, or begins it anew.
    pub(crate) fn enter(&self, stage: Stage) {
        let allowed = match stage {
            Stage::Handshake | Stage::Fresh | Stage::Head => self.allowances.head,
            Stage::Idle | Stage::Asleep | Stage::Multiplexed => self.allowances.idle,
            Stage::Upload | Stage::Delivery => self.allowances.stall,
            Stage::Linger => self.allowances.linger,
            Stage::Connect => self.patience(&self.connect),
            Stage::Answer => self.patience(&self.answer),
            Stage::Tunnel => self.allowances.tunnel,
        };
        let deadline = self.now.load(Relaxed).saturating_add(allowed);
        self.stage.store(stage as u8, Relaxed);
        self.deadline
            .store(deadline.min(self.exchange_deadline.load(Relaxed)), Relaxed);
    }

    /// Whether it has been idle for a tick, and all that was written has left.
    pub(crate) fn may_sleep(&self) -> bool {
        let since = self.deadline.load(Relaxed).saturating_sub(self.allowances.idle);
        self.stage() == Stage::Idle && self.flushed.load(Relaxed) && self.now.load(Relaxed) > since
    }

    /// Waits on as it did, with its time running.
    pub(crate) fn sleep(&self) {
        self.stage.store(Stage::Asleep as u8, Relaxed);
    }

    /// Streams are open: their meters keep the time.
    pub(crate) fn rest(&self) {
        self.deadline.store(u32::MAX, Relaxed);
    }

    /// What the CMS may take; less if its visitor may be gone.
    fn patience(&self, allowed: &AtomicU32) -> u32 {
        let allowed = allowed.load(Relaxed);
        if self.half_closed.load(Relaxed) {
            allowed.min(self.allowances.half_closed)
        } else {
            allowed
        }
    }

    /// How many ticks the CMS of this exchange's site has to accept a connection, and to answer.
    pub(crate) fn allow_upstream(&self, connect: u32, answer: u32) {
        self.connect.store(connect, Relaxed);
        self.answer.store(answer, Relaxed);
    }

    pub(crate) fn stage(&self) -> Stage {
        STAGES[usize::from(self.stage.load(Relaxed))]
    }

    pub(crate) fn is_overdue(&self) -> bool {
        self.deadline.load(Relaxed) <= self.now.load(Relaxed)
    }

    /// Whether the visitor shut its sending side, and then got nothing for so long that it must be gone.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.half_closed.load(Relaxed) && self.is_overdue() && matches!(self.stage(), Stage::Connect | Stage::Answer)
    }

    /// More of the request's body is waited for. Whether the end of the input was kept back, which is its end too.
    pub(crate) fn wants_more(&self) -> bool {
        !self.starving.swap(true, Relaxed) && self.noticed.load(Relaxed)
    }

    /// More of the request's body came.
    pub(crate) fn got_more(&self) {
        self.starving.store(false, Relaxed);
        self.noticed.store(false, Relaxed);
        if self.stage() == Stage::Linger {
            self.enter(Stage::Linger);
        }
    }

    /// The visitor will send nothing more. Whether that is kept back, because an exchange is open that may need no more
    /// of it: hyper would take the end of the input for the visitor's. It is told if the exchange turns out to wait for
    /// more, having been polled since.
    fn keeps_end_back(&self) -> Kept {
        let stage = self.stage();
        let open = self.exchange_deadline.load(Relaxed) != u32::MAX;
        let noticed = self.noticed.swap(true, Relaxed);
        let starving = self.starving.swap(false, Relaxed);
        if !open || (noticed && starving) || matches!(stage, Stage::Tunnel | Stage::Linger) {
            return Kept::No;
        }
        if !self.half_closed.swap(true, Relaxed) && matches!(stage, Stage::Connect | Stage::Answer) {
            self.enter(stage);
        }
        if noticed { Kept::Again } else { Kept::First }
    }

    /// A body that nobody wants is read on to its end.
    pub(crate) fn linger(&self) {
        self.lingering.store(true, Relaxed);
        if self.stage() == Stage::Idle {
            self.enter_linger();
        }
    }

    /// Begins to read, after the exchange, what is left of its body.
    fn enter_linger(&self) {
        let all = self.now.load(Relaxed).saturating_add(self.allowances.stall);
        self.exchange_deadline.store(all, Relaxed);
        self.enter(Stage::Linger);
    }

    /// Such a body has been read.
    pub(crate) fn lingered(&self) {
        self.lingering.store(false, Relaxed);
        if self.stage() == Stage::Linger {
            self.exchange_deadline.store(u32::MAX, Relaxed);
            self.enter(Stage::Idle);
        }
    }

    /// The head is complete: tells when its first byte was read, and limits the exchange from here.
    pub(crate) fn begin_exchange(&self) -> Timestamp {
        let exchange = self.now.load(Relaxed).saturating_add(self.allowances.exchange);
        self.exchange_deadline.store(exchange, Relaxed);
        self.got_more();
        match self.first_byte.swap(0, Relaxed) {
            0 => self.clock.now(), // pipelined: it was read with the request before
            time => Timestamp::from_microsecond(time).unwrap_or_else(|_| self.clock.now()),
        }
    }

    /// The answer was handed over, or never will be. Whether the visitor had shut its sending side, which hyper was not
    /// told yet.
    pub(crate) fn end_exchange(&self) -> bool {
        self.exchange_deadline.store(u32::MAX, Relaxed);
        self.first_byte.store(0, Relaxed);
        if self.lingering.load(Relaxed) {
            self.enter_linger();
        } else {
            self.enter(Stage::Idle);
        }
        self.half_closed.load(Relaxed)
    }

    /// When the first byte of a request was read that has not become one; `None` between requests.
    pub(crate) fn unfinished_head(&self) -> Option<Timestamp> {
        match self.first_byte.load(Relaxed) {
            0 => None,
            time => Timestamp::from_microsecond(time).ok(),
        }
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    fn read(&self) {
        match self.stage() {
            stage @ (Stage::Fresh | Stage::Idle | Stage::Asleep) => {
                self.first_byte.store(self.clock.now().as_microsecond(), Relaxed);
                if stage == Stage::Fresh {
                    self.stage.store(Stage::Head as u8, Relaxed); // and its time goes on
                } else {
                    self.enter(Stage::Head);
                }
            }
            Stage::Tunnel => self.enter(Stage::Tunnel),
            _ => {}
        }
    }

    /// Whether the visitor took anything for as long as an answer may stall.
    pub(crate) fn wrote_lately(&self) -> bool {
        let since = self.now.load(Relaxed).saturating_sub(self.written.load(Relaxed));
        since < self.allowances.stall
    }

    /// An answer is being taken, if one is.
    pub(crate) fn delivers(&self) {
        if self.stage() == Stage::Delivery {
            self.enter(Stage::Delivery);
        }
    }

    fn writes(&self) {
        self.flushed.store(false, Relaxed);
    }

    fn wrote(&self) {
        self.written.store(self.now.load(Relaxed), Relaxed);
        let stage = self.stage();
        if matches!(stage, Stage::Delivery | Stage::Idle | Stage::Tunnel) {
            self.enter(stage);
        }
    }
}

/// Whether the end of the input is kept back from hyper.
enum Kept {
    No,
    /// It was not met before, or not since more of a body came.
    First,
    Again,
}

/// A stream that tells its meter what moves.
pub(crate) struct Metered<S> {
    stream: S,
    meter: Arc<Meter>,
    /// What was read from it and is to be read again.
    unread: Bytes,
}

impl<S> Metered<S> {
    pub(crate) fn new(stream: S, meter: Arc<Meter>) -> Self {
        let unread = Bytes::new();
        Self { stream, meter, unread }
    }

    /// Puts back what was read. If that is nothing, its buffer is not kept for it.
    pub(crate) fn unread(&mut self, bytes: Bytes) {
        self.unread = if bytes.is_empty() { Bytes::new() } else { bytes };
    }
}

impl<S: AsyncRead + Unpin> Metered<S> {
    /// Waits until there is something to read. Whether there is, and not the end.
    pub(crate) fn poll_first(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        if self.unread.is_empty() {
            let mut byte = [0];
            let mut buf = ReadBuf::new(&mut byte);
            if ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buf)).is_err() {
                return Poll::Ready(false);
            }
            self.unread = Bytes::copy_from_slice(buf.filled());
        }
        Poll::Ready(!self.unread.is_empty())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        if !self.unread.is_empty() {
            let again = self.unread.len().min(buf.remaining());
            buf.put_slice(&self.unread.split_to(again));
        }
        let polled = match Pin::new(&mut self.stream).poll_read(cx, buf) {
            Poll::Pending if buf.filled().len() > before => Poll::Ready(Ok(())),
            polled => polled,
        };
        if buf.filled().len() > before {
            self.meter.read();
        } else if matches!(polled, Poll::Ready(Ok(()))) {
            match self.meter.keeps_end_back() {
                Kept::No => {}
                Kept::Again => return Poll::Pending, // the end of the exchange wakes the connection
                Kept::First => {
                    cx.waker().wake_by_ref(); // whoever waits for more of a body says so once more
                    return Poll::Pending;
                }
            }
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.meter.writes();
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        if polled.is_ready() {
            self.meter.wrote();
        }
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.meter.writes();
        let polled = poll_write_pieces(&mut self.stream, cx, bufs);
        if polled.is_ready() {
            self.meter.wrote();
        }
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(cx);
        if polled.is_ready() {
            self.meter.flushed.store(true, Relaxed); // hyper flushes when it has nothing left to write
        }
        polled
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_head_of_a_connection_has_its_time_from_the_connections_begin() {
        let now = Ticks::default();
        let allowances = Arc::new(Allowances::new(&Limits::default()));
        let head = allowances.head;
        let meter = Meter::new(Clock::system(), Arc::clone(&now), allowances, Stage::Fresh);
        now.store(head - 1, Relaxed);
        meter.read();
        assert!(meter.stage() == Stage::Head && !meter.is_overdue());
        now.store(head, Relaxed);
        assert!(meter.is_overdue());
        meter.end_exchange();
        now.store(head * 2, Relaxed);
        meter.read();
        assert!(!meter.is_overdue(), "any other from its first byte");
    }
}
