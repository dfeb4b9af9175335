//! The one who writes: takes what is queued, batch by batch, and never gives up on what it has taken.
//!
//! ```text
//!          batch            interval, size, midnight, policy            10 s, end of a segment
//! queue ──────────▶ kernel ────────────────────────────────▶ durable ──────────────────────────▶ signed
//!                     │                                      places free again
//!                     │ error: a new segment at the first line that is not durable
//!                     │ error again: failed; once a second, another new segment
//! ```
//!
//! The syncs and signatures that the time asks for are done aside, one after the other, while further batches go to
//! the kernel. Only where a segment ends or begins, or after an error, does the writer wait for the disk; and for
//! events and arrivals, which are durable with their batch.

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

use super::appender::{Appender, Written};
use super::arrivals::Arrivals;
use super::aside::Aside;
use super::belief::Belief;
use super::copy::Copy;
use super::disk::Disk;
use super::event::{Event, Stop};
use super::event_log::EventLog;
use super::fault::Fault;
use super::holds::Told;
use super::packing::{Closed, Packer};
use super::queue::{Message, Queue};
use super::requests::Requests;
use super::retention::Bounds;
use super::segment::Name;
use super::{CloseError, Durability, Log, PolicyInForce, Settings, log_tree};
use crate::clock::Clock;

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
    /// And nothing is under way aside.
    Home,
    /// Durable and signed.
    Signed,
    /// Durable and signed, and the segment ended.
    Ended,
}

/// Why the writer stops.
pub(crate) enum Leave {
    Close(Stop),
    /// Another process is to write; how it went is told.
    Release(Sender<Result<(), CloseError>>),
}

/// What is done aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Away {
    Sync,
    Sign,
}

/// The writer's state; [`super::writing`] gives it a thread.
pub(crate) struct Writer {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) clock: Clock,
    pub(crate) requests: Requests,
    pub(crate) arrivals: Arrivals,
    pub(crate) events: EventLog,
    pub(crate) policy: PolicyInForce,
    /// How long what is there is kept.
    pub(crate) bounds: Bounds,
    /// The holds that were told; `None` until they are first looked at.
    pub(crate) told: Option<Told>,
    /// What is believed of the time; `None` until something may be removed by it.
    pub(crate) belief: Option<Belief>,
    /// The day on which the entries of this batch are taken.
    pub(crate) batch_day: Date,
    pub(crate) queue: Arc<Queue>,
    aside: Box<dyn Aside>,
    /// What is under way there, for the logs about requests.
    away: Option<Away>,
    /// Whether somebody waits for the disk.
    pub(crate) strict: bool,
    /// How many arrivals the last batch made durable that had any, and how long the disk took. Who waited for them is
    /// likely to come again.
    crowd: (usize, Duration),
    segment_bytes: u64,
    sync_interval: Duration,
    /// So many unsynced lines are synced before their time, for they hold places.
    early: u64,
    /// Since when there are lines that no sync covers, not even one under way.
    unsynced_since: Option<Timestamp>,
    unsigned_since: Option<Timestamp>,
    /// How the disk failed, and when it was last tried.
    failed: Option<(Fault, Timestamp)>,
    /// When midnight and retention were last looked after.
    rounds_at: Timestamp,
    /// How closed segments are packed, and by whom; those that could not be.
    pub(crate) closed: Option<Closed>,
    pub(crate) packer: Option<Packer>,
    pub(crate) unpackable: Vec<(Log, Name)>,
}

impl Writer {
    #[allow(clippy::too_many_arguments)] // each is another thing
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        settings: &Settings,
        clock: Clock,
        queue: Arc<Queue>,
        aside: Box<dyn Aside>,
        policy: PolicyInForce,
        bounds: Bounds,
        requests: Requests,
        arrivals: Appender,
        events: Appender,
    ) -> Self {
        let events = EventLog::new(events, clock.clone());
        let rounds_at = clock.now();
        queue.set_durable(requests.access.durable());
        Self {
            disk,
            clock,
            requests,
            arrivals: Arrivals::new(arrivals),
            events,
            policy,
            bounds,
            told: None,
            belief: None,
            batch_day: day_of(rounds_at),
            queue,
            aside,
            away: None,
            strict: settings.durability == Durability::Strict,
            crowd: (0, Duration::ZERO),
            segment_bytes: settings.segment_bytes,
            sync_interval: settings.sync_interval,
            early: (settings.queue as u64 / 4).max(1),
            unsynced_since: None,
            unsigned_since: None,
            failed: None,
            rounds_at,
            closed: settings.closed.clone(),
            packer: None,
            unpackable: Vec::new(),
        }
    }

    /// Takes over lines of a log about requests that a start found, and no checkpoint covers.
    pub(crate) fn take_over(&mut self, log: Log, copy: &Copy) -> Result<(), Fault> {
        match log {
            Log::Addresses => self.requests.addresses.take_over(copy, b"")?,
            Log::Arrivals => self.arrivals.take_over(copy)?,
            Log::Access | Log::Events | Log::Disclosures => self.requests.access.take_over(copy, b"")?,
        }
        self.queue.set_durable(self.requests.access.durable());
        Ok(())
    }

    /// Takes one message with its text; [`Writer::settle`] brings it to the disk. Why, if the message was to stop.
    pub(crate) fn take(&mut self, message: Message, text: &[u8]) -> Option<Leave> {
        match message {
            Message::Arrival(_, promise) => {
                self.arrivals
                    .push(self.batch_day, promise, |line| line.extend_from_slice(text));
            }
            Message::Entry(lines) => {
                let (access, addresses) = lines.split(text);
                let whole = |line: &mut Vec<u8>| {
                    line.extend_from_slice(access);
                    if let Some((begun, arrival)) = lines.begun {
                        begun.end(arrival.index(), line);
                    }
                };
                self.requests.push(self.batch_day, whole, addresses);
            }
            Message::Event(event) => {
                self.events.push(&event);
                self.events.queued += 1;
            }
            Message::Policy(policy) => self.adopt(*policy),
            Message::Home => {} // to be seen to with the batch
            Message::Packed(packed) => {
                self.settle(Goal::Home);
                match self.failed {
                    None => self.take_packed(*packed),
                    Some(_) => self.give_up_packed(),
                }
            }
            Message::Close(reason) => return Some(Leave::Close(reason)),
            Message::Release(told) => return Some(Leave::Release(told)),
            // It is written already, and nobody is handed anything.
            Message::Resume(_) | Message::HandOn(_) => {}
            Message::Hold(told) => drop(told.send(())),
        }
        None
    }

    /// Goes over to another policy, in a segment of its own.
    fn adopt(&mut self, policy: PolicyInForce) {
        self.settle(Goal::Ended);
        if self.failed.is_some() {
            // What is under way is not waited for again: it ends as it ends, and the disk is tried soon.
            let _ = self.come_home(true);
        }
        if self.requests.follow(policy.addresses.is_some()) {
            let fault = self.failed.map(|(fault, _)| fault);
            let fault = fault.map(|fault| Fault {
                log: Log::Access,
                ..fault
            });
            fault.into_iter().for_each(|fault| self.events.push(&fault.into()));
        }
        self.arrivals.end();
        self.bounds.follow(&policy);
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
        if self.requests.is_of_another_day(today) || self.arrivals.is_of_another_day(today) {
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
            return self.arrivals.despair();
        }
        let outcome = self.attempt(goal).or_else(|fault| {
            tracing::warn!(target: crate::OFTEN, %fault, segment = fault.segment(), "the journal's disk failed; a new segment takes over");
            self.events.push(&fault.into());
            self.attempt(goal.max(Goal::Signed)).inspect_err(|second| {
                if !second.is_told_with(&fault) {
                    self.events.push(&(*second).into());
                }
            })
        });
        match outcome {
            Ok(true) => self.report_gap(None),
            Ok(false) => {}
            Err(fault) => {
                tracing::error!(%fault, segment = fault.segment(), "the journal cannot be written; it is tried each second");
                self.failed = Some((fault, self.clock.now()));
                self.queue.set_failed(true);
                self.arrivals.despair();
            }
        }
    }

    /// Says whether anything was synced or signed, or is about to be.
    fn attempt(&mut self, goal: Goal) -> Result<bool, Fault> {
        let today = self.today();
        self.come_home(goal > Goal::Written || self.requests.must_begin())?;
        self.events.sync(today, &self.queue)?;
        self.write(today)?;
        let full = self.requests.bytes().max(self.arrivals.bytes()) >= self.segment_bytes;
        let wait = full || goal > Goal::Home;
        if wait {
            self.come_home(true)?;
            let synced = self.requests.sync();
            self.synced(synced)?;
        }
        if full || goal == Goal::Ended {
            self.requests.end();
            self.arrivals.end();
        }
        if full || goal >= Goal::Signed {
            self.seal()?;
        }
        self.look_at_times();
        if goal == Goal::Home {
            return Ok(wait);
        }
        let began = self.go_away()?;
        self.look_at_times();
        Ok(wait || began)
    }

    /// Hands every line to the kernel, in as many segments as it takes where files may not grow.
    fn write(&mut self, today: Date) -> Result<(), Fault> {
        // Before an entry names one of them.
        let crowd = self.arrivals.waited_for();
        let began = self.clock.now();
        let mut full = Vec::new();
        let synced = self.arrivals.sync(
            today,
            &mut full,
            |begin| self.events.announce(begin, &self.policy.version, today, &self.queue),
            || {
                if crowd > 0 {
                    let took = self.queue.since(began);
                    self.queue.pulse.arrival_syncs.add(took);
                    self.crowd = (crowd, took);
                }
            },
        );
        let any_full = !full.is_empty();
        full.into_iter().for_each(|fault| self.events.push(&fault.into()));
        synced?;
        if self.requests.must_begin() {
            self.come_home(true)?;
        }
        if any_full {
            self.events.sync(today, &self.queue)?;
        }
        while let Written::Full(fault) = self.requests.write(today, |begin| {
            self.events.announce(begin, &self.policy.version, today, &self.queue)
        })? {
            tracing::warn!(target: crate::OFTEN, %fault, segment = fault.segment(), "the segment may not grow; the next goes on");
            self.events.push(&fault.into());
            self.come_home(true)?;
            let synced = self.requests.sync();
            self.synced(synced)?;
            self.requests.end();
        }
        Ok(())
    }

    /// Takes note of what was done aside, if it has ended or this is to wait for it.
    fn come_home(&mut self, wait: bool) -> Result<(), Fault> {
        let Some(away) = self.away else { return Ok(()) };
        let Some(outcome) = self.aside.outcome(wait) else {
            return Ok(());
        };
        self.away = None;
        match away {
            Away::Sync => {
                let synced = self.requests.end_sync(outcome);
                self.synced(synced)
            }
            Away::Sign => {
                self.requests.end_sign(outcome)?;
                self.queue.has_signed();
                Ok(())
            }
        }
    }

    fn synced(&mut self, synced: Result<u64, Fault>) -> Result<(), Fault> {
        self.queue.release(usize::try_from(synced?).unwrap_or(usize::MAX));
        self.queue.set_durable(self.requests.access.durable());
        Ok(())
    }

    /// Begins aside what the time asks for. Signing comes first: it is rare, and a slow disk must not put it off for
    /// ever. Events are few, and signed at once; arrivals are too, for each batch makes some durable.
    fn go_away(&mut self) -> Result<bool, Fault> {
        if self.away.is_some() {
            return Ok(false);
        }
        let now = self.clock.now();
        let due = |time, since: Option<Timestamp>| since.is_some_and(|since| has_passed(time, since, now));
        let unsigned = self.requests.unsigned();
        let sign = due(SIGN, self.unsigned_since) || unsigned.is_some_and(|lines| lines >= log_tree::EARLY);
        if sign {
            self.arrivals.sign()?;
            self.events.appender.sign()?;
            self.queue.has_signed();
        }
        let errand = if sign && unsigned.is_some() {
            Some((Away::Sign, self.requests.begin_sign()))
        } else if due(self.sync_interval, self.unsynced_since) || self.requests.access.waiting() >= self.early {
            self.requests
                .begin_sync()
                .map(|errand| (Away::Sync, self.queue.timed(errand)))
        } else {
            None
        };
        let Some((away, errand)) = errand else {
            return Ok(sign);
        };
        self.aside.begin(errand);
        self.away = Some(away);
        self.come_home(false)?;
        Ok(true)
    }

    fn look_at_times(&mut self) {
        let now = self.clock.now();
        let since = |there: bool, since: Option<Timestamp>| there.then(|| since.unwrap_or(now));
        self.unsynced_since = since(self.requests.access.waiting() > 0, self.unsynced_since);
        let unsigned = self.requests.unsigned().is_some()
            || self.arrivals.unsigned().is_some()
            || self.events.appender.unsigned().is_some();
        self.unsigned_since = since(unsigned, self.unsigned_since);
        self.queue.pulse.unsigned_since(self.unsigned_since);
    }

    /// Signs what is durable in all logs.
    pub(crate) fn seal(&mut self) -> Result<(), Fault> {
        self.requests.sign()?;
        self.arrivals.sign()?;
        self.events.appender.sign()?;
        self.queue.has_signed();
        Ok(())
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
        let due = |time, since: Option<Timestamp>| since.is_some_and(|since| has_passed(time, since, now));
        if due(self.sync_interval, self.unsynced_since) || due(SIGN, self.unsigned_since) {
            self.settle(Goal::Written);
        }
        if has_passed(ROUND, self.rounds_at, now) {
            self.go_round();
        }
    }

    /// Looks after midnight and retention.
    pub(crate) fn go_round(&mut self) {
        self.rounds_at = self.clock.now();
        self.turn_the_day();
        self.settle(Goal::Home); // Files are made, replaced and removed in one place at a time.
        if self.failed.is_none()
            && let Err(fault) = self.retire()
        {
            tracing::error!(%fault, "what is too old was not removed");
            self.events.push(&fault.into());
            self.settle(Goal::Signed); // it may have been a file of the tree that failed
        }
        if self.failed.is_none() {
            self.look_after_closed();
        }
    }

    fn retry(&mut self, now: Timestamp) {
        let Some((before, _)) = self.failed else { return };
        match self.attempt(Goal::Signed) {
            Ok(_) => {
                tracing::info!(records = self.requests.access.durable(), "the journal is written again");
                self.failed = None;
                self.queue.set_failed(false);
                self.report_gap(Some(before));
            }
            Err(fault) => {
                // Whoever verifies asks for a reason for each segment that was broken off.
                if !fault.is_told_with(&before) {
                    self.events.push(&fault.into());
                }
                self.failed = Some((fault, now));
            }
        }
    }

    fn report_gap(&mut self, cause: Option<Fault>) {
        if let Some(tally) = self.queue.take_tally() {
            let kind = cause.map(|fault| fault.kind);
            self.events
                .push(&Event::gap(tally, self.clock.now(), self.requests.access.next(), kind));
            self.settle(Goal::Written);
        }
    }

    /// Ends in good order for another process to go on, where what is still open will have its entry. After an error it
    /// goes on itself.
    pub(crate) fn release(&mut self) -> Result<(), CloseError> {
        self.settle(Goal::Ended);
        let told = self.failed.is_none();
        if told {
            let reason = Stop::HandedOver;
            self.events.push(&Event::Stop { reason });
            self.settle(Goal::Signed);
        }
        let Some((fault, _)) = self.failed else { return Ok(()) };
        if told {
            let version = env!("CARGO_PKG_VERSION");
            self.events.push(&Event::Start { version });
        }
        let lost = self.requests.access.unsynced();
        Err(CloseError::Disk { fault, lost })
    }

    /// Ends in good order: everything durable, what can have no entry any more counted, the last word said.
    pub(crate) fn close(mut self, reason: Stop) -> Result<(), CloseError> {
        if self.failed.is_some() {
            self.retry(self.clock.now());
        }
        self.settle(Goal::Ended);
        let lost = self.requests.access.unsynced();
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
            None if self.away.is_some() => ROUND, // it will be told
            None => {
                let sync = self.unsynced_since.map(|since| left(self.sync_interval, since, now));
                let sign = self.unsigned_since.map(|since| left(SIGN, since, now));
                sync.into_iter().chain(sign).min().unwrap_or(ROUND)
            }
        };
        left(ROUND, self.rounds_at, now).min(due)
    }

    /// How many arrivals are worth waiting for after the batch before, and how long: a sync for all of them is cheaper
    /// than one for the first and one for the rest, as long as none waits for more than half of one.
    pub(crate) fn crowd(&mut self) -> (usize, Duration) {
        let (arrivals, sync) = std::mem::take(&mut self.crowd);
        (arrivals, sync / 2)
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
    pub(crate) fn mark(&mut self, log: Log) -> Result<(), Fault> {
        let today = self.today();
        let announce = |begin| self.events.announce(begin, &self.policy.version, today, &self.queue);
        match log {
            Log::Arrivals => self.arrivals.mark(today, announce),
            _ => self.requests.mark(log, today, announce),
        }
    }

    /// How many records of a log about visitors its newest checkpoint covers.
    pub(crate) fn signed(&self, log: Log) -> u64 {
        match log {
            Log::Arrivals => self.arrivals.signed(),
            _ => self.requests.signed(log),
        }
    }
}

pub(crate) fn day_of(time: Timestamp) -> Date {
    Offset::UTC.to_datetime(time).date()
}

/// Whether so much time has passed; a clock that went back is no reason to wait longer.
fn has_passed(time: Duration, since: Timestamp, now: Timestamp) -> bool {
    Duration::try_from(now.duration_since(since)).map_or(true, |passed| passed >= time)
}

fn left(time: Duration, since: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(since)).map_or(Duration::ZERO, |passed| time.saturating_sub(passed))
}
