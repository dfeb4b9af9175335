//! How a journal is while it is being written: what the writer lets others see of itself, and what can be seen on its
//! disk. Nothing is changed, and nothing about a visitor leaves this room.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use jiff::Timestamp;

use super::checkpoint::{Checkpoint, Signed};
use super::disk::Folder;
use super::log_tree::CHECKPOINT;
use super::note::{Note, VerifierKey};
use super::queue::Tally;
use super::{Log, Status, recovery};
use crate::count::{Histogram, Times};

/// What the writer tells of itself.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    turns: AtomicU64,
    signed_at: Moment,
    unsigned_since: Moment,
    /// Of `access`, and of `addresses` with it; one thread at a time adds to it.
    pub(crate) syncs: Histogram,
    /// Of `arrivals`; the writer adds to it.
    pub(crate) arrival_syncs: Histogram,
}

/// A time, if there is one, in microseconds since 1970.
#[derive(Debug)]
struct Moment(AtomicI64);

const NEVER: i64 = i64::MIN;

impl Default for Moment {
    fn default() -> Self {
        Self(AtomicI64::new(NEVER))
    }
}

impl Moment {
    fn set(&self, time: Option<Timestamp>) {
        self.0.store(time.map_or(NEVER, Timestamp::as_microsecond), Relaxed);
    }

    fn get(&self) -> Option<Timestamp> {
        Timestamp::from_microsecond(self.0.load(Relaxed)).ok() // NEVER is out of its range
    }
}

impl Pulse {
    /// The writer has seen to everything that it was sent.
    pub(crate) fn turned(&self) {
        self.turns.fetch_add(1, Relaxed);
    }

    pub(crate) fn turns(&self) -> u64 {
        self.turns.load(Relaxed)
    }

    pub(crate) fn signed_at(&self, time: Timestamp) {
        self.signed_at.set(Some(time));
    }

    pub(crate) fn unsigned_since(&self, time: Option<Timestamp>) {
        self.unsigned_since.set(time);
    }
}

/// How a journal is doing, as its writer says.
#[derive(Clone, Debug)]
pub(crate) struct Vitals {
    pub(crate) status: Status,
    /// Places in its queue.
    pub(crate) places: usize,
    /// Exchanges that were refused for want of an entry, since the start.
    pub(crate) refused: u64,
    /// Those that were served without one.
    pub(crate) unrecorded: u64,
    /// Those that were served before their arrival was durable, where it should have been.
    pub(crate) unsynced: u64,
    /// Events that were lost.
    pub(crate) events: u64,
    /// When something was last signed; `None` before anything was.
    pub(crate) signed_at: Option<Timestamp>,
    /// How long something has been durable that is not signed.
    pub(crate) unsigned: Duration,
    pub(crate) syncs: Times,
    /// Those of strict durability.
    pub(crate) arrival_syncs: Times,
}

impl Vitals {
    pub(super) fn of(status: Status, places: usize, lost: Tally, pulse: &Pulse, now: Timestamp) -> Self {
        let unsigned = pulse.unsigned_since.get();
        Self {
            status,
            places,
            refused: lost.refused,
            unrecorded: lost.unrecorded,
            unsynced: lost.unsynced,
            events: lost.events,
            signed_at: pulse.signed_at.get(),
            unsigned: unsigned
                .and_then(|since| Duration::try_from(now.duration_since(since)).ok())
                .unwrap_or_default(),
            syncs: pulse.syncs.read(),
            arrival_syncs: pulse.arrival_syncs.read(),
        }
    }
}

/// What is on a journal's disk.
#[derive(Debug)]
pub(crate) struct OnDisk {
    /// Of each log that is there, how many records its newest checkpoint is of; `None` if that is missing, damaged, or
    /// signed with another key than the log's.
    pub(crate) checkpoints: Vec<(Log, Option<u64>)>,
    /// Bytes of the file system, and how many of them are left for the journal's user.
    pub(crate) space: Option<Space>,
}

/// The room on a file system, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Space {
    pub(crate) all: u64,
    pub(crate) left: u64,
}

impl OnDisk {
    /// Reads it. The disk may take its time.
    pub(super) fn of(disk: &Folder, keys: &[(Log, VerifierKey)]) -> Self {
        let checkpoints = keys.iter().filter_map(|(log, key)| {
            let text = recovery::text(disk, &format!("{}/{CHECKPOINT}", log.folder()));
            match text {
                Err(error) if error.kind() == io::ErrorKind::NotFound && log.is_optional() => None,
                Err(_) => Some((*log, None)),
                Ok(text) => {
                    let signed = Signed::open(text.as_bytes(), key).ok();
                    Some((*log, signed.map(|signed| signed.checkpoint().size().0)))
                }
            }
        });
        Self {
            checkpoints: checkpoints.collect(),
            space: disk.space().ok(),
        }
    }
}

/// What can be seen of a journal by whoever may read it. Nothing of it is verified.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Glance {
    /// How many records the newest checkpoint of `access` says that it is of.
    pub(crate) signed: Option<u64>,
    /// When that was written.
    pub(crate) signed_at: Option<Timestamp>,
    pub(crate) space: Option<Space>,
}

impl Glance {
    /// Looks at the journal in `folder`.
    pub(crate) fn at(folder: &Path) -> Self {
        let disk = Folder::new(folder);
        let file = format!("{}/{CHECKPOINT}", Log::Access.folder());
        let checkpoint = recovery::text(&disk, &file)
            .ok()
            .and_then(|text| Note::parse(text.as_bytes()).ok())
            .and_then(|note| note.text().parse::<Checkpoint>().ok());
        Self {
            signed: checkpoint.map(|checkpoint| checkpoint.size().0),
            signed_at: disk.written_at(&file).ok(),
            space: disk.space().ok(),
        }
    }
}
