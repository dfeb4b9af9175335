//! What is kept, on disk, append-only. This text is the format: a reader or a verifier can be written from it alone.
//!
//! # What always holds
//!
//! 1. A record is one line, ended by `\n`. No record holds another control character: encoders escape them.
//! 2. A record is known by its index in its log. The index is its position and stands nowhere in the line: the index of
//!    a segment's first record is in the segment's name, and each line counts one more.
//! 3. A segment is begun by one process, under one policy version, and written by nobody else. A start begins new ones.
//!    Exchanges that were open when the policy changed follow the version that they began with, in the new segment.
//! 4. A segment's name is durable before its first line is written, and so is the event `segment.begin` that names it.
//! 5. What was written is never changed or cut off. Whole segments go, by retention only, the oldest first, after the
//!    event `retention.remove` is durable. One that goes from behind a segment that is held leaves an empty one of its
//!    name.
//! 6. A file on which a write or a sync failed is never written again, and nothing in it past its last successful sync
//!    is believed: the next segment begins at the first line that was not durable, and holds it once more.
//! 7. *The void rule.* The segments of a log are read by their first index (then by day). A line counts only if it
//!    - stands before the first index of the next segment,
//!    - is ended by `\n`,
//!    - holds neither NUL (a hole that a power cut left) nor CAN, 0x18 (the mark of a torn line),
//!    - and every line before it in its segment counts too.
//! 8. Every index from the first segment's on has its line, or an event `retention.remove` that takes it away. One that
//!    has neither was lost by a disk that had promised to keep it, or was taken by hand.
//!
//! # The folder
//!
//! One for each site, mode 0700, its files 0600. It is opened only if that is so, and made only by [`init`].
//!
//! ```text
//! journal                      "townclerk journal 1\norigin <the site's host name>\n"
//! lock                         empty; the process that writes holds its lock (flock)
//! policies/<version>.toml      every policy that was in force, word for word
//! access/                      what the policy keeps about requests
//!     20261121-00000000000001048576.jsonl      a segment
//!     current                  a symbolic link to the newest segment, for tail -F; nothing depends on it
//! events/                      what happened to the journal, segments of the same shape
//! holds/<case>.toml            what retention must not remove: case, from, to, set, perhaps reason; made when needed
//! ```
//!
//! A segment's name is the day on which it was begun, in UTC, and the index of its first record in 20 digits. `.jsonl`
//! is JSON Lines, `.log` Combined Log Format; events are always JSON Lines. The day goes by the writer's clock, so an
//! exchange that lasts past midnight stands in the day of its end; order is by index alone, whatever the clock did. A
//! segment ends at midnight, when it is full, when the policy changes, and on an error; the next one begins with the
//! next record. An empty segment only says where its log goes on: it is left when retention has removed everything
//! else, or what stood behind a segment that is held.
//!
//! Names that are not described here are none of the journal's business, and are left alone: `.new` is a file that
//! was never finished. `checkpoint`, `tree/`, and files that have a segment's name with `.salt` or `.leaves` for its
//! extension are set aside for proofs.
//!
//! # Events
//!
//! ```text
//! {"time":"2026-11-21T20:00:00Z","event.name":"segment.begin","log":"access","segment":"…","policy.version":"3"}
//! ```
//!
//! `time` is RFC 3339 in UTC and `event.name` is OpenTelemetry's; the other keys are those of [`Event`], which lists
//! all events. An event is durable as soon as it is written. None can hold anything about a visitor.
//!
//! # What each failure leaves
//!
//! | What happens | What is lost | What is found afterwards |
//! |---|---|---|
//! | The process is killed | entries not yet handed to the kernel, 5 ms at most while the disk works | `journal.start` without a `journal.stop` before it |
//! | The power is cut | entries not yet durable, `sync_interval` and one sync at most | perhaps a void end, closed by `CAN \n` at the next start, with the event `segment.torn` |
//! | One write or sync fails | nothing | the failed segment's void end, the next segment, `journal.failure` |
//! | The disk stays full, read-only or broken | nothing that was taken, while the process lives | the same; tried again each second, entries wait in memory in the places they hold |
//! | No place is left, or the disk fails | exchanges are refused, or served without an entry, as [`OnFailure`] says | `journal.gap` with their number, from, to, and the cause |
//! | The process is killed while the disk fails | what waited in memory | no `journal.gap` for what was counted since the last |
//! | A start with a segment that has no whole line | the torn line itself | that segment, replaced by one of the same index |
//!
//! A sync that failed in a process may seem to succeed in the next one (Linux reports it once): lines that such a disk
//! showed at start, and then forgot, are an index without a line by rule 8.

mod appender;
pub mod checkpoint;
mod disk;
mod event;
mod fault;
mod growing;
mod holds;
pub mod key;
mod layout;
mod log_tree;
pub mod note;
mod open;
mod policies;
pub mod proof;
mod queue;
mod read;
mod recovery;
mod retention;
mod segment;
pub mod tree;
mod writer;

#[cfg(test)]
mod simulated;
#[cfg(test)]
mod tests;

pub use event::{Event, Stop};
pub use fault::{Fault, Kind, Step};
pub use holds::{Case, Hold, HoldError, Holds};
pub use layout::{InitError, init};
pub(crate) use open::PolicyInForce;
pub use open::{CloseError, Journal, OpenError, Status};
pub use queue::{Slot, Unavailable};
pub use read::{Line, Lines};
pub use retention::Due;
pub use segment::Name;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// A sequence of records in the order in which they ended, each known by its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Log {
    /// What the policy keeps about requests.
    Access,
    /// What happened to the journal itself; nothing about a visitor.
    Events,
}

impl Log {
    /// Every log.
    pub const ALL: [Self; 2] = [Self::Access, Self::Events];

    /// Its folder in the journal's.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Events => "events",
        }
    }
}

impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.folder())
    }
}

/// Where a site's journal is and how it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Its folder, mode 0700.
    pub folder: PathBuf,
    /// The file of the key that signs it, mode 0600, outside of the folder. Default: the folder's path and `.key`.
    pub key: PathBuf,
    /// The text of its segments.
    pub format: Format,
    /// A segment ends at midnight UTC, or when it has this many bytes. Default 256 MiB.
    pub segment_bytes: u64,
    /// At most this long after an entry was written it is synced. Default 1 s.
    pub sync_interval: Duration,
    /// Entries that may wait for the disk, open exchanges included. Default 65,536.
    pub queue: usize,
    /// What happens to an exchange that cannot be recorded.
    pub on_failure: OnFailure,
}

/// The text of a segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// JSON Lines with OpenTelemetry's attribute names where it has them.
    #[default]
    JsonLines,
    /// Combined Log Format, further fields behind it as `name=value`.
    Combined,
}

/// What happens to an exchange that cannot be recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// It is refused with 503.
    #[default]
    Refuse,
    /// It is served and counted; the count becomes an entry in `events`.
    ServeAndCount,
}
