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
//!     20261121-00000000000001048576.salt       the secret of its leaves, 32 random bytes
//!     20261121-00000000000001048576.leaves     the hash of each of its records, 32 bytes each
//!     tree/1, tree/2 …         the levels 8, 16 … of the tree; slices of them are the tiles of C2SP's tlog-tiles
//!     checkpoint               the newest signed checkpoint
//!     checkpoints              every checkpoint that was signed
//!     current                  a symbolic link to the newest segment, for tail -F; nothing depends on it
//! events/                      what happened to the journal, of the same shape
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
//! was never finished.
//!
//! # The tree
//!
//! A segment's salt is durable before the segment is there, and goes with it: from then on the hashes say nothing about
//! the records. Record `i` of a segment that begins at `first` has its leaf at byte 32·(`i` - `first`) of `.leaves`;
//! leaves from the first index of the next segment on are void, as lines are. Hash `n` of `tree/L` stands at byte
//! 32·`n` and is the root of the 256^`L` records from `n`·256^`L` on; such a file is there when it has a hash.
//! Retention leaves `tree/` as it is, and of the leaves those in tiles that the records which are kept still need
//! ([`tree::first_kept`]).
//!
//! A checkpoint ([`checkpoint`]) has the origin `<the site's host name>/townclerk/<log>`, and the key's name is the
//! same. One is signed by [`init`], over nothing; then every 10 s in which something has become durable, at the end of
//! a segment, at start and at the end; never two over the same size. Before it is signed, the lines, leaves and levels
//! that it covers are durable; then it is added to `checkpoints`, durably; then it takes the place of `checkpoint`. A
//! note is its text, an empty line and its signatures, which begin with `— `; in `checkpoints` the next note begins
//! with the next line that does not. After a crash the last one may be unfinished, and does not count.
//!
//! The files of the tree are written only when something is signed, and hold nothing that lines do not give. What they
//! hold beyond the newest checkpoint is void. A file on which a write or a sync failed, or with a void end, is put
//! aside by another one, of the same name by a rename, with what was durable in it and what was to be added.
//!
//! The private key is a file of its own, mode 0600 and never in this folder: `PRIVATE+KEY+<the site's host
//! name>/townclerk+…` ([`key`]). It signs for each log under that log's name.
//!
//! # What a start looks at
//!
//! | The newest checkpoint | The records from the segment on that holds the last signed one | The files of hashes | The start |
//! |---|---|---|---|
//! | missing | | | refuses |
//! | damaged, or of another key | | | refuses |
//! | ours | one has no salt | | refuses |
//! | ours | signed ones are missing | | refuses |
//! | ours | signed ones are altered: they do not give the root | | refuses |
//! | ours | right | missing where these records cannot give them | refuses |
//! | ours | right, and nothing after them | right | goes on |
//! | ours | right, perhaps with more after them | too short, too long or wrong where these records give them | writes them anew and signs |
//! | ours | right, and more after them | right | completes and signs |
//!
//! An unfinished last line is closed in each case in which the journal is opened. What refuses changes nothing. Records
//! of earlier segments are not read at start.
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
//! | The process is killed | entries not yet handed to the kernel: those of the last 5 ms, and of a sync that is under way | `journal.start` without a `journal.stop` before it |
//! | The power is cut | entries not yet durable, `sync_interval` and one sync at most | perhaps a void end, closed by `CAN \n` at the next start, with the event `segment.torn` |
//! | A file of the tree fails | nothing | another in its place, `journal.failure` |
//! | One write or sync fails | nothing | the failed segment's void end, the next segment, `journal.failure` |
//! | The disk stays full, read-only or broken | nothing that was taken, while the process lives | the same; tried again each second, entries wait in memory in the places they hold |
//! | No place is left, or the disk fails | exchanges are refused, or served without an entry, as [`OnFailure`] says | `journal.gap` with their number, from, to, and the cause |
//! | The process is killed while the disk fails | what waited in memory | no `journal.gap` for what was counted since the last |
//! | The clock was wrong for a while | nothing | a segment whose day is out of order: retention takes none for older than one before it. A clock far ahead removes what is due by it |
//! | A start with a segment that has no whole line | the torn line itself | that segment, replaced by one of the same index |
//!
//! A sync that failed in a process may seem to succeed in the next one (Linux reports it once): lines that such a disk
//! showed at start, and then forgot, were signed, and the journal is refused as any other from which records are
//! missing.

mod appender;
pub mod checkpoint;
mod disk;
mod event;
pub mod evidence;
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
pub mod verify;
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
