//! What a connection is waiting for, and until when.
//!
//! Whoever makes progress says so on the connection's [`Meter`]; the worker's sweep looks at all meters four times a
//! second and wakes the connections that are overdue. No timer is armed per request: that would cost each
//! exchange several times what the check costs.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU32, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::clock::Clock;
use crate::config::Limits;

/// The sweep's period.
pub(crate) const TICK: Duration = Duration::from_millis(250);

/// What a connection is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Stage {
    /// A TLS handshake.
    Handshake,
    /// The first byte of a request.
    Idle,
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
}

const STAGES: [Stage; 8] = [
    Stage::Handshake,
    Stage::Idle,
    Stage::Head,
    Stage::Upload,
    Stage::Connect,
    Stage::Answer,
    Stage::Delivery,
    Stage::Tunnel,
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
}

impl Allowances {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            head: ticks(limits.head_time),
            idle: ticks(limits.idle_time),
            stall: ticks(limits.stall_time),
            tunnel: ticks(limits.idle_time * 10),
            exchange: ticks(limits.exchange_time),
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
        };
        meter.enter(stage);
        meter
    }

    /// Begins a stage, or begins it anew.
    pub(crate) fn enter(&self, stage: Stage) {
        let allowed = match stage {
            Stage::Handshake | Stage::Head => self.allowances.head,
            Stage::Idle => self.allowances.idle,
            Stage::Upload | Stage::Delivery => self.allowances.stall,
            Stage::Connect => self.connect.load(Relaxed),
            Stage::Answer => self.answer.load(Relaxed),
            Stage::Tunnel => self.allowances.tunnel,
        };
        let deadline = self.now.load(Relaxed).saturating_add(allowed);
        self.stage.store(stage as u8, Relaxed);
        self.deadline
            .store(deadline.min(self.exchange_deadline.load(Relaxed)), Relaxed);
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

    /// The head is complete: tells when its first byte was read, and limits the exchange from here.
    pub(crate) fn begin_exchange(&self) -> Timestamp {
        let exchange = self.now.load(Relaxed).saturating_add(self.allowances.exchange);
        self.exchange_deadline.store(exchange, Relaxed);
        match self.first_byte.swap(0, Relaxed) {
            0 => self.clock.now(), // pipelined: it was read with the request before
            time => Timestamp::from_microsecond(time).unwrap_or_else(|_| self.clock.now()),
        }
    }

    /// The answer was handed over, or never will be.
    pub(crate) fn end_exchange(&self) {
        self.exchange_deadline.store(u32::MAX, Relaxed);
        self.first_byte.store(0, Relaxed);
        self.enter(Stage::Idle);
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
            Stage::Idle => {
                self.first_byte.store(self.clock.now().as_microsecond(), Relaxed);
                self.enter(Stage::Head);
            }
            Stage::Tunnel => self.enter(Stage::Tunnel),
            _ => {}
        }
    }

    fn wrote(&self) {
        let stage = self.stage();
        if matches!(stage, Stage::Delivery | Stage::Idle | Stage::Tunnel) {
            self.enter(stage);
        }
    }
}

/// A stream that tells its meter what moves.
pub(crate) struct Metered<S> {
    stream: S,
    meter: Arc<Meter>,
}

impl<S> Metered<S> {
    pub(crate) fn new(stream: S, meter: Arc<Meter>) -> Self {
        Self { stream, meter }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.meter.read();
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
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
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        if polled.is_ready() {
            self.meter.wrote();
        }
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
