//! Between those who serve and the one who writes: a bounded number of places, and a channel.
//!
//! A place is taken before an exchange begins, goes with its entry, and is free again when the entry is durable. So the
//! bound covers open exchanges, entries that wait, and lines kept in memory until their sync; the channel itself needs
//! none, and costs memory only for what waits in it.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::arrivals::{Arrival, Moment, Promise};
use super::cosigning::Bell;
use super::disk::Errand;
use super::event::{Event, Stop};
use super::handover::{Handed, Heir};
use super::open::Hold;
use super::packing::{Done, PackError};
use super::segment::Name;
use super::vitals::Pulse;
use super::{CloseError, Log, OnFailure, PolicyInForce};
use crate::clock::Clock;
use crate::entry::Entry;

/// Events that may wait for a disk that fails; more are counted.
const EVENTS_MAX: u64 = 4_096;

/// What the writer is sent.
pub(crate) enum Message {
    /// What is known of an exchange that begins, and who is to be told when that is durable.
    Arrival(Entry, Promise),
    /// What is kept of one that has ended, and its arrival.
    Entry(Entry, Option<Arc<Moment>>),
    Event(Event),
    Policy(PolicyInForce),
    /// What was done beside the writer has ended.
    Home,
    Packed(Result<Done, ((Log, Name), PackError)>),
    /// What an exchange has left that the process before this one served, and the line of such an arrival.
    Handed(Handed),
    HandedArrival(String, Promise),
    /// Another process is to write, see [`super::handover`].
    Release(Sender<Result<(), CloseError>>),
    HandOn(Box<dyn Heir>),
    Hold(Sender<()>),
    Resume(Box<Hold>),
    Close(Stop),
}

/// No place for an entry: the exchange is to be refused with 503.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// Every place is taken.
    #[error("the journal's queue is full")]
    Full,
    /// The disk does not take entries, or the journal is closed.
    #[error("the journal cannot be written")]
    Failed,
}

/// A place for one exchange's entry. Dropped without an entry, the place is free again.
pub struct Slot {
    queue: Arc<Queue>,
    /// Without one the exchange is only counted.
    place: bool,
    arrival: Option<Arc<Moment>>,
}

impl Slot {
    /// Hands over what is known of the exchange at its begin, at most once and before anything else. What comes back is
    /// waited for before anything is answered. `None` if the exchange is only counted.
    pub fn arrive(&mut self, entry: Entry) -> Option<Arrival> {
        if !self.place {
            return None;
        }
        let arrival = self.queue.arrive(|promise| Message::Arrival(entry, promise));
        self.arrival = Some(arrival.moment());
        Some(arrival)
    }

    /// Hands over the entry. It never blocks and never fails.
    pub fn append(mut self, entry: Entry) {
        if !self.place {
            self.queue.count(|tally| tally.unrecorded += 1);
        } else if self
            .queue
            .sender
            .send(Message::Entry(entry, self.arrival.take()))
            .is_ok()
        {
            self.place = false; // It goes with the entry.
        } else {
            tracing::error!(target: crate::OFTEN, "an exchange ended after its journal was closed, and is not recorded");
        }
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
impl Slot {
    pub(crate) fn has_place(&self) -> bool {
        self.place
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if self.place {
            self.queue.release(1);
        }
    }
}

/// The places, the way to the writer, and what had no place.
pub(crate) struct Queue {
    limit: usize,
    on_failure: OnFailure,
    clock: Clock,
    sender: Sender<Message>,
    taken: AtomicUsize,
    failed: AtomicBool,
    events: AtomicU64,
    durable: AtomicU64,
    tallies: Mutex<Tallies>,
    /// What the writer lets others see of itself.
    pub(crate) pulse: Pulse,
    /// Rung when a checkpoint is durable.
    pub(crate) signed: Bell,
}

/// What could not be recorded.
#[derive(Debug, Default)]
struct Tallies {
    /// Since the last `journal.gap`.
    untold: Tally,
    /// Before it.
    told: Tally,
}

/// What could not be recorded since the last `journal.gap`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) refused: u64,
    pub(crate) unrecorded: u64,
    pub(crate) unsynced: u64,
    pub(crate) events: u64,
    pub(crate) since: Option<Timestamp>,
}

impl Tally {
    fn plus(self, other: Self) -> Self {
        Self {
            refused: self.refused + other.refused,
            unrecorded: self.unrecorded + other.unrecorded,
            unsynced: self.unsynced + other.unsynced,
            events: self.events + other.events,
            since: self.since.or(other.since),
        }
    }
}

impl Queue {
    pub(crate) fn new(limit: usize, on_failure: OnFailure, clock: Clock, sender: Sender<Message>) -> Self {
        let (taken, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
        let (events, durable, tallies) = (AtomicU64::new(0), AtomicU64::new(0), Mutex::default());
        Self {
            limit,
            on_failure,
            clock,
            sender,
            taken,
            failed,
            events,
            durable,
            tallies,
            pulse: Pulse::default(),
            signed: Bell::default(),
        }
    }

    /// Takes a place. The counters publish nothing but themselves, and the channel orders what it carries: relaxed.
    pub(crate) fn reserve(self: &Arc<Self>) -> Result<Slot, Unavailable> {
        let refusal = if self.failed.load(Ordering::Relaxed) {
            Unavailable::Failed
        } else if self.taken.fetch_add(1, Ordering::Relaxed) < self.limit {
            return Ok(Slot {
                queue: Arc::clone(self),
                place: true,
                arrival: None,
            });
        } else {
            self.release(1);
            Unavailable::Full
        };
        match self.on_failure {
            OnFailure::Refuse => {
                self.count(|tally| tally.refused += 1);
                Err(refusal)
            }
            OnFailure::ServeAndCount => Ok(Slot {
                queue: Arc::clone(self),
                place: false,
                arrival: None,
            }),
        }
    }

    /// Takes one that is not refused: its exchange has ended in the process before this one.
    pub(crate) fn take_place(&self) {
        self.taken.fetch_add(1, Ordering::Relaxed);
    }

    /// Hands over an arrival. If nobody takes it, the promise is broken.
    pub(crate) fn arrive(self: &Arc<Self>, message: impl FnOnce(Promise) -> Message) -> Arrival {
        let moment = Arc::<Moment>::default();
        self.tell(message(Promise::about(Arc::clone(&moment))));
        Arrival::new(moment, Arc::clone(self))
    }

    /// An arrival cannot be made durable now: whether its exchange is answered all the same, which is counted.
    ///
    /// # Errors
    /// [`Unavailable::Failed`] where it is to be refused.
    pub(crate) fn without_arrival(&self) -> Result<(), Unavailable> {
        match self.on_failure {
            OnFailure::Refuse => Err(Unavailable::Failed),
            OnFailure::ServeAndCount => {
                self.count(|tally| tally.unsynced += 1);
                Ok(())
            }
        }
    }

    /// Hands over an event.
    pub(crate) fn event(&self, event: Event) {
        if self.events.fetch_add(1, Ordering::Relaxed) >= EVENTS_MAX {
            self.events_done(1);
            self.count(|tally| tally.events += 1);
        } else if self.sender.send(Message::Event(event)).is_err() {
            tracing::error!(target: crate::OFTEN, "an event came after its journal was closed, and is not recorded");
        }
    }

    /// Hands over a word to the writer itself; it is lost if the writer has gone.
    pub(crate) fn tell(&self, message: Message) {
        let _ = self.sender.send(message);
    }

    /// Whether so many places are taken that gathering more would only cost room.
    pub(crate) fn is_pressed(&self) -> bool {
        self.taken() * 2 >= self.limit
    }

    /// Open exchanges, and entries that are not durable yet.
    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// Frees places.
    pub(crate) fn release(&self, places: usize) {
        self.taken.fetch_sub(places, Ordering::Relaxed);
    }

    /// Events that no longer wait.
    pub(crate) fn events_done(&self, events: u64) {
        self.events.fetch_sub(events, Ordering::Relaxed);
    }

    /// The access records that are durable.
    pub(crate) fn durable(&self) -> u64 {
        self.durable.load(Ordering::Relaxed)
    }

    pub(crate) fn set_durable(&self, records: u64) {
        self.durable.store(records, Ordering::Relaxed);
    }

    /// Whether the disk does not take entries.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    pub(crate) fn set_failed(&self, failed: bool) {
        self.failed.store(failed, Ordering::Relaxed);
    }

    /// Counts something that is not recorded.
    pub(crate) fn count(&self, add: impl FnOnce(&mut Tally)) {
        let mut tallies = self.tallies();
        tallies.untold.since.get_or_insert_with(|| self.clock.now());
        add(&mut tallies.untold);
    }

    /// What was counted since the last time; `None` if nothing was.
    pub(crate) fn take_tally(&self) -> Option<Tally> {
        let mut tallies = self.tallies();
        let tally = std::mem::take(&mut tallies.untold);
        tallies.told = tallies.told.plus(tally);
        tally.since.is_some().then_some(tally)
    }

    /// What was ever counted.
    pub(crate) fn lost(&self) -> Tally {
        let tallies = self.tallies();
        tallies.told.plus(tallies.untold)
    }

    /// Places in all.
    pub(crate) fn places(&self) -> usize {
        self.limit
    }

    /// A checkpoint is durable.
    pub(crate) fn has_signed(&self) {
        self.pulse.signed_at(self.clock.now());
        self.signed.ring();
    }

    /// An errand that syncs, with its time taken.
    pub(crate) fn timed(self: &Arc<Self>, errand: Errand) -> Errand {
        let queue = Arc::clone(self);
        Box::new(move || {
            let begun = queue.clock.now();
            let outcome = errand();
            queue.pulse.syncs.add(queue.since(begun));
            outcome
        })
    }

    /// How long ago it was; nothing, where the clock was set back meanwhile.
    pub(crate) fn since(&self, begun: Timestamp) -> Duration {
        Duration::try_from(self.clock.now().duration_since(begun)).unwrap_or_default()
    }

    /// Numbers stay right even if a thread that counted has panicked.
    fn tallies(&self) -> MutexGuard<'_, Tallies> {
        self.tallies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
