//! The one who writes: takes what is queued, batch by batch, and never gives up on what it has taken.
//!
//! ```text
//!          batch            interval, size, midnight, policy            10 s, end of a segment
//! queue ──────────▶ kernel ────────────────────────────────▶ durable ──────────────────────────▶ signed
//!                     │                                      places free again
//!                     │ error: a new segment at the first line that is not durable
//!                     │ error again: failed; once a second, another new segment
//! ```

use std::iter;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

use super::appender::Appender;
use super::disk::Disk;
use super::event::{Event, Stop};
use super::fault::Fault;
use super::holds::Told;
use super::queue::{Message, Queue};
use super::segment::Name;
use super::{CloseError, Log, PolicyInForce, Settings, log_tree};
use crate::clock::Clock;
use crate::entry::Entry;

/// A batch gathers for so long after its first entry. Whoever hands over an entry meanwhile wakes nobody.
const GATHER: Duration = Duration::from_millis(5);
/// A batch has at most so many messages.
const BATCH: usize = 4_096;
/// What is durable is signed after so long.
pub(crate) const SIGN: Duration = Duration::from_secs(10);
/// A failed disk is tried again after so long.
const RETRY: Duration = Duration::from_secs(1);
/// How often midnight and retention are looked after when nothing is written.
pub(crate) const ROUND: Duration = Duration::from_secs(60 * 60);

/// How far the entries taken so far are to be brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Goal {
    /// Handed to the kernel.
    Written,
    /// Durable.
    Synced,
    /// Durable and signed.
    Signed,
    /// Durable and signed, and the segment ended.
    Ended,
}

/// The writer's state; [`run`] gives it a thread.
pub(crate) struct Writer {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) clock: Clock,
    pub(crate) access: Appender,
    pub(crate) events: EventLog,
    pub(crate) policy: PolicyInForce,
    /// The holds that were told; `None` until they are first looked at.
    pub(crate) told: Option<Told>,
    /// The day on which the entries of this batch are taken.
    pub(crate) batch_day: Date,
    queue: Arc<Queue>,
    segment_bytes: u64,
    sync_interval: Duration,
    /// So many unsynced lines are synced before their time, for they hold places.
    early: u64,
    unsynced_since: Option<Timestamp>,
    unsigned_since: Option<Timestamp>,
    /// How the disk failed, and when it was last tried.
    failed: Option<(Fault, Timestamp)>,
    /// When midnight and retention were last looked after.
    rounds_at: Timestamp,
}

impl Writer {
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        settings: &Settings,
        clock: Clock,
        queue: Arc<Queue>,
        policy: PolicyInForce,
        access: Appender,
        events: Appender,
    ) -> Self {
        let events = EventLog {
            appender: events,
            queued: 0,
            announced: None,
            clock: clock.clone(),
        };
        let rounds_at = clock.now();
        queue.set_durable(access.durable());
        Self {
            disk,
            clock,
            access,
            events,
            policy,
            told: None,
            batch_day: day_of(rounds_at),
            queue,
            segment_bytes: settings.segment_bytes,
            sync_interval: settings.sync_interval,
            early: (settings.queue as u64 / 4).max(1),
            unsynced_since: None,
            unsigned_since: None,
            failed: None,
            rounds_at,
        }
    }

    /// Takes one message; [`Writer::settle`] brings it to the disk. The reason, if the message was to stop.
    pub(crate) fn take(&mut self, message: Message, encode: &mut impl FnMut(&Entry, &mut Vec<u8>)) -> Option<Stop> {
        match message {
            Message::Entry(entry) => self.access.push(self.batch_day, |line| encode(&entry, line)),
            Message::Event(event) => {
                self.events.push(&event);
                self.events.queued += 1;
            }
            Message::Policy(policy) => self.adopt(policy),
            Message::Close(reason) => return Some(reason),
        }
        None
    }

    /// Goes over to another policy, in a segment of its own.
    fn adopt(&mut self, policy: PolicyInForce) {
        self.settle(Goal::Ended);
        self.events.push(&Event::Policy {
            version: policy.version.clone(),
            effective: policy.effective,
        });
        self.policy = policy;
        self.settle(Goal::Written);
    }

    /// Ends a segment that was begun on another day. To be called before a batch is taken.
    pub(crate) fn turn_the_day(&mut self) {
        let today = self.today();
        self.batch_day = today;
        if self.access.day().is_some_and(|day| day != today) {
            self.settle(Goal::Ended);
        }
        if self.events.appender.day().is_some_and(|day| day != today) {
            self.settle(Goal::Signed);
            self.events.appender.end(); // Every event is durable at once.
        }
    }

    /// Brings what was taken as far as `goal`. A first error is answered with a new segment, a second one with failure;
    /// in failure nothing is done but by [`Writer::tick`].
    pub(crate) fn settle(&mut self, goal: Goal) {
        if self.failed.is_some() {
            return;
        }
        let outcome = self.attempt(goal).or_else(|fault| {
            tracing::warn!(%fault, segment = fault.segment(), "the journal's disk failed; a new segment takes over");
            self.events.push(&fault.into());
            self.attempt(goal.max(Goal::Signed))
        });
        match outcome {
            Ok(()) if goal > Goal::Written => self.report_gap(None),
            Ok(()) => {}
            Err(fault) => {
                tracing::error!(%fault, segment = fault.segment(), "the journal cannot be written; it is tried each second");
                self.failed = Some((fault, self.clock.now()));
                self.queue.set_failed(true);
            }
        }
    }

    fn attempt(&mut self, goal: Goal) -> Result<(), Fault> {
        let today = self.today();
        self.events.sync(today, &self.queue)?;
        self.access.write(today, |name| {
            self.events.announce(name, &self.policy.version, today, &self.queue)
        })?;
        let full = self.access.bytes() >= self.segment_bytes;
        let due = self.access.tree().unsigned() >= log_tree::EARLY;
        if full || goal > Goal::Written || self.access.unsynced() >= self.early {
            let synced = self.access.sync()?;
            self.queue.release(usize::try_from(synced).unwrap_or(usize::MAX));
            self.queue.set_durable(self.access.durable());
        }
        if full || goal == Goal::Ended {
            self.access.end();
        }
        self.unsynced_since = match self.access.unsynced() {
            0 => None,
            _ => self.unsynced_since.or_else(|| Some(self.clock.now())),
        };
        if full || due || goal >= Goal::Signed {
            self.seal()?;
        }
        self.unsigned_since = match self.access.tree().is_behind() || self.events.appender.tree().is_behind() {
            false => None,
            true => self.unsigned_since.or_else(|| Some(self.clock.now())),
        };
        Ok(())
    }

    /// Signs what is durable in both logs.
    pub(crate) fn seal(&mut self) -> Result<(), Fault> {
        self.access.sign()?;
        self.events.appender.sign()
    }

    /// Does what the time asks for.
    pub(crate) fn tick(&mut self) {
        let now = self.clock.now();
        if self
            .failed
            .is_some_and(|(_, tried_at)| has_passed(RETRY, tried_at, now))
        {
            self.retry(now);
        }
        if self
            .unsynced_since
            .is_some_and(|since| has_passed(self.sync_interval, since, now))
        {
            self.settle(Goal::Synced);
        }
        if self.unsigned_since.is_some_and(|since| has_passed(SIGN, since, now)) {
            self.settle(Goal::Signed);
        }
        if has_passed(ROUND, self.rounds_at, now) {
            self.go_round();
        }
    }

    /// Looks after midnight and retention.
    pub(crate) fn go_round(&mut self) {
        self.rounds_at = self.clock.now();
        self.turn_the_day();
        if self.failed.is_none()
            && let Err(fault) = self.retire()
        {
            tracing::error!(%fault, "what is too old was not removed");
            self.events.push(&fault.into());
            self.settle(Goal::Written);
        }
    }

    fn retry(&mut self, now: Timestamp) {
        let Some((before, _)) = self.failed else { return };
        match self.attempt(Goal::Signed) {
            Ok(()) => {
                tracing::info!(records = self.access.durable(), "the journal is written again");
                self.failed = None;
                self.queue.set_failed(false);
                self.report_gap(Some(before));
            }
            Err(fault) => self.failed = Some((fault, now)),
        }
    }

    fn report_gap(&mut self, cause: Option<Fault>) {
        if let Some(tally) = self.queue.take_tally() {
            let kind = cause.map(|fault| fault.kind);
            self.events
                .push(&Event::gap(tally, self.clock.now(), self.access.next(), kind));
            self.settle(Goal::Written);
        }
    }

    /// Ends in good order: everything durable, what can have no entry any more counted, the last word said.
    pub(crate) fn close(mut self, reason: Stop) -> Result<(), CloseError> {
        if self.failed.is_some() {
            self.retry(self.clock.now());
        }
        self.settle(Goal::Ended);
        let lost = self.access.unsynced();
        let open = (self.queue.taken() as u64).saturating_sub(lost);
        if open > 0 {
            self.queue.count(|tally| tally.unrecorded += open);
            self.report_gap(None);
        }
        self.events.push(&Event::Stop { reason });
        self.settle(Goal::Signed);
        match self.failed {
            None => Ok(()),
            Some((fault, _)) => Err(CloseError::Disk { fault, lost }),
        }
    }

    /// How long the writer may wait for the next message.
    pub(crate) fn patience(&self) -> Duration {
        let now = self.clock.now();
        let due = match self.failed {
            Some((_, tried_at)) => left(RETRY, tried_at, now),
            None => {
                let sync = self.unsynced_since.map(|since| left(self.sync_interval, since, now));
                let sign = self.unsigned_since.map(|since| left(SIGN, since, now));
                sync.into_iter().chain(sign).min().unwrap_or(ROUND)
            }
        };
        left(ROUND, self.rounds_at, now).min(due)
    }

    pub(crate) fn today(&self) -> Date {
        day_of(self.clock.now())
    }

    /// Makes the events durable that were pushed, without the second chance of [`Writer::settle`].
    pub(crate) fn sync_events(&mut self) -> Result<(), Fault> {
        let today = self.today();
        self.events.sync(today, &self.queue)
    }

    /// Begins an empty segment, so that the log's index outlives its segments.
    pub(crate) fn mark(&mut self) -> Result<(), Fault> {
        let today = self.today();
        self.access.begin(today, |name| {
            self.events.announce(name, &self.policy.version, today, &self.queue)
        })
    }
}

/// The log of what happens to the journal.
pub(crate) struct EventLog {
    appender: Appender,
    /// Of the lines that are not durable, those that came through the queue.
    queued: u64,
    /// The segment named last, with its policy; another attempt at it is not another event.
    announced: Option<(Name, String)>,
    clock: Clock,
}

impl EventLog {
    /// Takes one event, in memory.
    pub(crate) fn push(&mut self, event: &Event) {
        let now = self.clock.now();
        self.appender.push(day_of(now), |line| event.encode(now, line));
    }

    #[cfg(test)]
    pub(crate) fn appender(&self) -> &Appender {
        &self.appender
    }

    fn sync(&mut self, today: Date, queue: &Queue) -> Result<(), Fault> {
        self.appender.write(today, |_| Ok(()))?;
        self.appender.sync()?;
        queue.events_done(std::mem::take(&mut self.queued));
        Ok(())
    }

    fn announce(&mut self, segment: Name, policy: &str, today: Date, queue: &Queue) -> Result<(), Fault> {
        let announced = Some((segment, policy.to_owned()));
        if self.announced != announced {
            self.announced = announced;
            self.push(&Event::Segment {
                log: Log::Access,
                segment,
                policy: policy.to_owned(),
            });
        }
        self.sync(today, queue)
    }
}

fn day_of(time: Timestamp) -> Date {
    Offset::UTC.to_datetime(time).date()
}

/// Whether so much time has passed; a clock that went back is no reason to wait longer.
fn has_passed(time: Duration, since: Timestamp, now: Timestamp) -> bool {
    Duration::try_from(now.duration_since(since)).map_or(true, |passed| passed >= time)
}

fn left(time: Duration, since: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(since)).map_or(Duration::ZERO, |passed| time.saturating_sub(passed))
}

/// Writes until it is told to stop.
pub(crate) fn run(
    mut writer: Writer,
    messages: &Receiver<Message>,
    mut encode: impl FnMut(&Entry, &mut Vec<u8>),
) -> Result<(), CloseError> {
    // However this ends, nobody shall wait for a writer that is gone.
    let _gone = Gone(Arc::clone(&writer.queue));
    loop {
        let first = match messages.recv_timeout(writer.patience()) {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return writer.close(Stop::Dropped),
        };
        if let Some(first) = first {
            if matches!(first, Message::Entry(_)) && !writer.queue.is_pressed() {
                thread::sleep(GATHER);
            }
            writer.turn_the_day();
            for message in iter::once(first).chain(messages.try_iter()).take(BATCH) {
                if let Some(reason) = writer.take(message, &mut encode) {
                    for message in messages.try_iter() {
                        writer.take(message, &mut encode);
                    }
                    return writer.close(reason);
                }
            }
            writer.settle(Goal::Written);
        }
        writer.tick();
    }
}

struct Gone(Arc<Queue>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.set_failed(true);
        if thread::panicking() {
            tracing::error!("the journal's writer stopped by a fault of its own; nothing is recorded any more");
        }
    }
}
