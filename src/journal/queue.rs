//! Between those who serve and the one who writes: a bounded number of places, and an inbox.
//!
//! A place is taken before an exchange begins, goes with its entry, and is free again when the entry is durable. So the
//! bound covers open exchanges, entries that wait, and lines kept in memory until their sync; the inbox itself needs
//! none, and costs memory only for what waits in it.

use std::cell::RefCell;
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
use super::handover::Heir;
use super::inbox::Inbox;
use super::open::Hold;
use super::packing::{Done, PackError};
use super::segment::Name;
use super::vitals::Pulse;
use super::{CloseError, Format, Log, OnFailure, PolicyInForce};
use crate::clock::Clock;
use crate::entry::{Begun, Encoder, Entry};

/// Events that may wait for a disk that fails; more are counted.
const EVENTS_MAX: u64 = 4_096;

/// What the writer is sent. What has lines has them beside it, see [`super::inbox`].
pub(crate) enum Message {
    /// What is known of an exchange that begins, a line of so many bytes, and who is to be told when it is durable.
    Arrival(usize, Promise),
    /// What is kept of one that has ended.
    Entry(Texts),
    Event(Box<Event>),
    Policy(Box<PolicyInForce>),
    /// What was done beside the writer has ended.
    Home,
    Packed(Box<Packed>),
    /// Another process is to write, see [`super::handover`].
    Release(Sender<Result<(), CloseError>>),
    HandOn(Box<dyn Heir>),
    Hold(Sender<()>),
    Resume(Box<Hold>),
    Close(Stop),
}

/// How the packing of a segment ended.
pub(crate) type Packed = Result<Done, ((Log, Name), PackError)>;

impl Message {
    /// How many bytes its lines have.
    pub(crate) fn text(&self) -> usize {
        match self {
            Self::Arrival(line, _) => *line,
            Self::Entry(lines) => lines.access + lines.addresses,
            _ => 0,
        }
    }
}

/// An exchange's line for `access`, and behind it that for `addresses`, should the policy in force have such a log.
pub(crate) struct Texts {
    /// In bytes.
    pub(crate) access: usize,
    pub(crate) addresses: usize,
    /// What the line for `access` has instead of its end, as long as the index of the arrival is not known.
    pub(crate) begun: Option<(Begun, Arc<Moment>)>,
}

impl Texts {
    /// Their texts.
    pub(crate) fn split<'a>(&self, text: &'a [u8]) -> (&'a [u8], &'a [u8]) {
        text.split_at(self.access.min(text.len()))
    }
}

thread_local! {
    /// What a thread writes lines with, JSON Lines and Combined, and room for some.
    static PENS: RefCell<([Encoder; 2], Vec<u8>)> =
        RefCell::new(([Format::JsonLines, Format::Combined].map(Encoder::new), Vec::new()));
}

/// Makes lines, and gives them with what `write` says of them to `put`.
fn written<L, T>(
    format: Format,
    write: impl FnOnce(&mut Encoder, &mut Vec<u8>) -> L,
    put: impl FnOnce(L, &[u8]) -> T,
) -> T {
    PENS.with_borrow_mut(|([json, combined], text)| {
        text.clear();
        let lines = match format {
            Format::JsonLines => write(json, text),
            Format::Combined => write(combined, text),
        };
        put(lines, text)
    })
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

/// Where one thread takes its places. Threads that shared one would count its slots at the same spot of memory, and
/// wait for each other's caches.
#[derive(Clone)]
pub struct Gate(Arc<Way>);

/// To the queue.
struct Way(Arc<Queue>);

impl Gate {
    pub(crate) fn new(queue: Arc<Queue>) -> Self {
        Self(Arc::new(Way(queue)))
    }

    /// See [`Journal::reserve`](super::Journal::reserve).
    ///
    /// # Errors
    /// As there.
    pub fn reserve(&self) -> Result<Slot, Unavailable> {
        let place = self.0.0.reserve()?;
        Ok(Slot {
            way: Arc::clone(&self.0),
            place,
            arrival: None,
        })
    }
}

/// A place for one exchange's entry. Dropped without an entry, the place is free again.
pub struct Slot {
    way: Arc<Way>,
    /// Without one the exchange is only counted.
    place: bool,
    arrival: Option<Arc<Moment>>,
}

impl Slot {
    /// Hands over what is known of the exchange at its begin, at most once and before anything else. What comes back is
    /// waited for before anything is answered. `None` if the exchange is only counted.
    pub fn arrive(&mut self, entry: &Entry<'_>) -> Option<Arrival> {
        if !self.place {
            return None;
        }
        let queue = &self.way.0;
        let encode = |encoder: &mut Encoder, line: &mut Vec<u8>| encoder.encode_arrival(entry, line);
        let arrival = written(queue.format, encode, |(), line| queue.arrive(line));
        self.arrival = Some(arrival.moment());
        Some(arrival)
    }

    /// Hands over the entry. It never blocks and never fails.
    pub fn append(mut self, entry: &Entry<'_>) {
        let queue = &self.way.0;
        if !self.place {
            return queue.count(|tally| tally.unrecorded += 1);
        }
        let arrival = self.arrival.take();
        let index = arrival.as_ref().and_then(|arrival| arrival.index());
        let encode = |encoder: &mut Encoder, text: &mut Vec<u8>| {
            let begun = encoder.begin(entry, text);
            let begun = match arrival.filter(|_| index.is_none()) {
                Some(arrival) => Some((begun, arrival)),
                None => {
                    begun.end(index, text);
                    None
                }
            };
            let access = text.len();
            encoder.encode_addresses(entry, text);
            let addresses = text.len() - access;
            Texts {
                access,
                addresses,
                begun,
            }
        };
        let put = |lines, text: &[u8]| queue.inbox.put(Message::Entry(lines), text);
        if written(queue.format, encode, put) {
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
            self.way.0.release(1);
        }
    }
}

/// The places, the way to the writer, and what had no place.
pub(crate) struct Queue {
    limit: usize,
    on_failure: OnFailure,
    clock: Clock,
    format: Format,
    pub(crate) inbox: Inbox,
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
    pub(crate) fn new(limit: usize, on_failure: OnFailure, clock: Clock, format: Format) -> Self {
        let (taken, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
        let (events, durable, tallies) = (AtomicU64::new(0), AtomicU64::new(0), Mutex::default());
        Self {
            limit,
            on_failure,
            clock,
            format,
            inbox: Inbox::default(),
            taken,
            failed,
            events,
            durable,
            tallies,
            pulse: Pulse::default(),
            signed: Bell::default(),
        }
    }

    /// Takes a place, or none where exchanges are served and counted all the same. The counters publish nothing but
    /// themselves, and the inbox orders what it carries: relaxed.
    fn reserve(&self) -> Result<bool, Unavailable> {
        let refusal = if self.failed.load(Ordering::Relaxed) {
            Unavailable::Failed
        } else if self.taken.fetch_add(1, Ordering::Relaxed) < self.limit {
            return Ok(true);
        } else {
            self.release(1);
            Unavailable::Full
        };
        match self.on_failure {
            OnFailure::Refuse => {
                self.count(|tally| tally.refused += 1);
                Err(refusal)
            }
            OnFailure::ServeAndCount => Ok(false),
        }
    }

    /// Takes one that is not refused: its exchange has ended in the process before this one.
    pub(crate) fn take_place(&self) {
        self.taken.fetch_add(1, Ordering::Relaxed);
    }

    /// Hands over the line of an arrival. If nobody takes it, the promise is broken.
    pub(crate) fn arrive(self: &Arc<Self>, line: &[u8]) -> Arrival {
        let moment = Arc::<Moment>::default();
        let promise = Promise::about(Arc::clone(&moment));
        self.inbox.put(Message::Arrival(line.len(), promise), line);
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
        } else if !self.inbox.put(Message::Event(Box::new(event)), b"") {
            tracing::error!(target: crate::OFTEN, "an event came after its journal was closed, and is not recorded");
        }
    }

    /// Hands over a word to the writer itself; it is lost if the writer has gone.
    pub(crate) fn tell(&self, message: Message) {
        self.inbox.put(message, b"");
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
