//! Strict durability: what is known of an exchange when it arrives is durable before any byte of its answer leaves. The
//! sync overlaps with the upstream's work, and those that arrive during one share the next.
//!
//! Who waits needs no runtime of a certain kind: [`Arrival`] is a future of the standard library's, which the thread
//! that writes completes.

use std::fmt;
use std::future::poll_fn;
use std::io::ErrorKind;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use jiff::civil::Date;

use super::Log;
use super::appender::{Appender, Written};
use super::aside::Aside;
use super::copy::Copy;
use super::fault::Fault;
use super::queue::{Queue, Unavailable};
use super::requests::Begin;

/// Waits until an exchange's arrival is durable. After that, or where the journal is set to serve and to count all the
/// same, the exchange may be answered.
pub struct Arrival {
    moment: Arc<Moment>,
    queue: Arc<Queue>,
}

/// What those who serve and the one who writes both know of an arrival.
#[derive(Debug, Default)]
pub(crate) struct Moment {
    /// Its index in its log, once the writer has taken it.
    index: OnceLock<u64>,
    fate: Mutex<Fate>,
}

#[derive(Debug)]
enum Fate {
    /// Not known yet, and who is to be woken then.
    Open(Option<Waker>),
    Durable,
    /// Nobody says any more when it will be.
    Failed,
}

impl Default for Fate {
    fn default() -> Self {
        Self::Open(None)
    }
}

/// The writer's word to who waits. Dropped, it is broken.
pub(crate) struct Promise(Arc<Moment>);

impl Moment {
    pub(crate) fn index(&self) -> Option<u64> {
        self.index.get().copied()
    }

    /// Whether nobody knows yet.
    pub(crate) fn is_open(&self) -> bool {
        matches!(*self.fate(), Fate::Open(_))
    }

    /// Whether it is durable, once that is decided.
    fn poll(&self, cx: &Context<'_>) -> Poll<bool> {
        match &mut *self.fate() {
            Fate::Open(waker) => {
                *waker = Some(cx.waker().clone());
                Poll::Pending
            }
            Fate::Durable => Poll::Ready(true),
            Fate::Failed => Poll::Ready(false),
        }
    }

    fn ends(&self, fate: Fate) {
        let mut now = self.fate();
        if let Fate::Open(waker) = &mut *now {
            let waker = waker.take();
            *now = fate;
            drop(now);
            waker.into_iter().for_each(Waker::wake);
        }
    }

    /// It is set in one step: right even if who looked at it has panicked.
    fn fate(&self) -> MutexGuard<'_, Fate> {
        self.fate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Promise {
    pub(crate) fn about(moment: Arc<Moment>) -> Self {
        Self(moment)
    }

    fn keep(self) {
        self.0.ends(Fate::Durable);
    }

    /// Another process has made it durable, with this index.
    pub(crate) fn keep_as(self, index: u64) {
        let _ = self.0.index.set(index); // nobody else does
        self.keep();
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        self.0.ends(Fate::Failed); // unless it was kept
    }
}

impl Arrival {
    pub(crate) fn new(moment: Arc<Moment>, queue: Arc<Queue>) -> Self {
        Self { moment, queue }
    }

    pub(crate) fn moment(&self) -> Arc<Moment> {
        Arc::clone(&self.moment)
    }

    /// Its index, once it is durable; `None` if it will not be.
    pub(crate) async fn index(self) -> Option<u64> {
        let durable = poll_fn(|cx| self.moment.poll(cx)).await;
        self.moment.index().filter(|_| durable)
    }
}

impl Future for Arrival {
    /// [`Unavailable::Failed`] if it is not durable, and the exchange is to be refused.
    type Output = Result<(), Unavailable>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.moment.poll(cx).map(|durable| match durable {
            true => Ok(()),
            false => self.queue.without_arrival(),
        })
    }
}

impl fmt::Debug for Arrival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Arrival").field(&self.moment).finish()
    }
}

/// The writing end of the log of arrivals. What it takes is durable with the batch: the writer itself syncs it, as it
/// does events.
pub(crate) struct Arrivals {
    appender: Appender,
    /// About the lines that are not durable.
    promises: Vec<Promise>,
    /// Who waits for the disk while the writer works. The writer itself, where there is nobody.
    aside: Option<Box<dyn Aside>>,
}

/// With so many lines to work on it is worth while to have another thread wait for the disk.
const MUCH: u64 = if cfg!(test) { 2 } else { 16 };

impl Arrivals {
    pub(crate) fn new(appender: Appender) -> Self {
        Self {
            appender,
            promises: Vec::new(),
            aside: None,
        }
    }

    /// Has somebody else wait for the disk.
    pub(crate) fn wait_aside(&mut self, aside: Box<dyn Aside>) {
        self.aside = Some(aside);
    }

    #[cfg(test)]
    pub(crate) fn appender(&self) -> &Appender {
        &self.appender
    }

    /// Takes one line, in memory.
    pub(crate) fn push(&mut self, today: Date, promise: Promise, encode: impl FnOnce(&mut Vec<u8>)) {
        let _ = promise.0.index.set(self.appender.next()); // it comes once
        self.appender.push(today, encode);
        self.promises.push(promise);
    }

    /// How many wait for their lines to be durable.
    pub(crate) fn waited_for(&self) -> usize {
        self.promises.len()
    }

    /// Makes durable what was taken, calls `durable`, and says so to those who wait. `full` is given why a segment was
    /// not enough.
    ///
    /// What is durable already is hashed while the disk is waited for, if it is much, or else afterwards: in no case
    /// does anybody wait for it.
    pub(crate) fn sync(
        &mut self,
        today: Date,
        full: &mut Vec<Fault>,
        mut announce: impl FnMut(Begin) -> Result<(), Fault>,
        durable: impl FnOnce(),
    ) -> Result<(), Fault> {
        while let Written::Full(fault) = self
            .appender
            .write(today, |name| announce((Log::Arrivals, name, None)))?
        {
            full.push(fault);
            self.appender.sync()?;
            self.appender.end();
        }
        let is_much = self.appender.fresh() >= MUCH;
        match (self.appender.begin_sync(), &mut self.aside) {
            (Some(errand), Some(aside)) if is_much => {
                aside.begin(errand);
                self.appender.grow();
                let outcome = aside.outcome(true);
                self.appender
                    .note_sync(outcome.unwrap_or_else(|| Err(ErrorKind::WouldBlock.into())))?;
                durable();
                self.keep_promises();
            }
            (errand, _) => {
                if let Some(errand) = errand {
                    self.appender.note_sync(errand())?;
                }
                durable();
                self.keep_promises();
                self.appender.grow();
            }
        }
        Ok(())
    }

    fn keep_promises(&mut self) {
        self.promises.drain(..).for_each(Promise::keep);
    }

    /// The disk fails, and nobody is to wait for it. What was taken stays, and is written when it is tried again.
    pub(crate) fn despair(&mut self) {
        self.promises.clear();
    }

    /// See [`Appender::take_over`].
    pub(crate) fn take_over(&mut self, copy: &Copy) -> Result<(), Fault> {
        self.appender.take_over(copy, b"")
    }

    /// Begins an empty segment, so that the log's index outlives its segments.
    pub(crate) fn mark(&mut self, today: Date, announce: impl FnOnce(Begin) -> Result<(), Fault>) -> Result<(), Fault> {
        self.appender.begin(today, |name| announce((Log::Arrivals, name, None)))
    }

    /// Signs everything that is durable.
    pub(crate) fn sign(&mut self) -> Result<(), Fault> {
        self.appender.sign()
    }

    /// See [`Appender::unsigned`].
    pub(crate) fn unsigned(&self) -> Option<u64> {
        self.appender.unsigned()
    }

    /// See [`Appender::signed`].
    pub(crate) fn signed(&self) -> u64 {
        self.appender.signed()
    }

    /// Ends the open segment, in which all that was written is durable.
    pub(crate) fn end(&mut self) {
        self.appender.end();
    }

    /// The bytes of the open segment.
    pub(crate) fn bytes(&self) -> u64 {
        self.appender.bytes()
    }

    /// Whether a segment is open that was begun on another day.
    pub(crate) fn is_of_another_day(&self, today: Date) -> bool {
        self.appender.day().is_some_and(|day| day != today)
    }
}
