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
//!    A copy that a start makes (see below) has its name when it is whole, after the event `segment.copy`.
//! 5. What was written is never changed or cut off; a closed segment may be packed, and gives the same bytes when it is
//!    unpacked. Whole segments go, by retention only, the oldest first, after the event `retention.remove` is durable;
//!    or because a copy has all their lines. One that goes from behind a segment that is held leaves an empty one of
//!    its name.
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
//!     20261121-00000000000001048576.jsonl      a segment; if it is packed, also .jsonl.zst, .jsonl.age, .jsonl.zst.age
//!     20261121-00000000000001048576.salt       the secret of its leaves, 32 random bytes
//!     20261121-00000000000001048576.leaves     the hash of each of its records, 32 bytes each
//!     tree/1, tree/2 …         the levels 8, 16 … of the tree; slices of them are the tiles of C2SP's tlog-tiles
//!     checkpoint               the newest signed checkpoint
//!     checkpoints              the checkpoints that were signed, the older ones thinned
//!     current                  a symbolic link to the newest segment, for tail -F; nothing depends on it
//! addresses/                   of that, what goes sooner, of the same shape; made when a policy first asks for it
//! arrivals/                    what was known before the answers; made when durability is first strict
//! events/                      what happened to the journal, of the same shape
//! disclosures/                 the register of disclosures, of the same shape; made with the first
//!     lock                     empty; whoever adds to the register holds its lock
//! cosigned/<log>               the newest checkpoints of a log that witnesses signed; made when needed
//! reports/<period>.json        what was published of a period, once and for all; made with the first report
//! holds/<case>.toml            what retention must not remove: case, from, to, set, perhaps reason; made when needed
//! ```
//!
//! A segment's name is the day on which it was begun, in UTC, and the index of its first record in 20 digits. `.jsonl`
//! is JSON Lines, `.log` Combined Log Format; all logs but `access` are always JSON Lines. The day goes by the writer's
//! clock, so an exchange that lasts past midnight stands in the day of its end; order is by index alone, whatever the
//! clock did. A segment ends at midnight, when it is full, when the policy changes, and on an error; the next one
//! begins with the next record. An empty segment only says where its log goes on: it is left when retention has removed
//! everything else, or what stood behind a segment that is held.
//!
//! Names that are not described here are none of the journal's business, and are left alone: `.new` and `.packing` are
//! files that were never finished. A folder with a `.new` and no `journal` was never one: [`init`] begins it anew,
//! unless there is more in it than an unfinished [`init`] leaves, as in an
//! unfinished copy ([`backup`]).
//!
//! # Packed segments
//!
//! A segment about visitors, of any log but `events`, that a later one follows, and that stands before the newest
//! signed record's, may have another form, by its name: `….jsonl.zst` is compressed (zstd, RFC 8878), `….jsonl.age` is
//! encrypted (age, version 1, for X25519 recipients), `….jsonl.zst.age` is compressed first. Unpacked it is the segment
//! byte for byte, void end included; hashes are those of its lines, so `.leaves`, `tree/` and checkpoints stay as they
//! were. With an encrypted segment its salt is encrypted too, `.salt.age`: with it, the lines could be guessed from
//! their hashes.
//!
//! The packed file is written as `.packing`, synced, read back, and each line in it held against its leaf. Then
//! `segment.pack` is told, durably, and signed; then the file gets its name, durably; then the other goes, and the
//! plain salt last. Of two forms of one segment the first counts in the order plain, `.zst`, `.age`, `.zst.age`; the
//! other was left by a crash, and is removed by the next round, as is a plain salt beside an encrypted segment. Whoever
//! cannot open an encrypted segment can still see by `sha256` in the event that it is the file that was packed.
//!
//! Where it is asked for and allowed, the file system guards segments: the open one may only be appended to
//! (`chattr +a`), others not be changed at all (`+i`). Nothing else depends on it.
//!
//! # Addresses
//!
//! A leaf cannot be half deleted, so what is to go sooner than the rest of a record is a record of another log, with a
//! tree, salts and a retention of its own. A line of `addresses` holds what tells who the visitor was, `{}` if nothing
//! was kept, and neither a time nor anything else that would tell to which line of `access` it belongs. That is told in
//! `events`: where a policy with addresses is in force, the event `segment.begin` of a segment of `access` has
//! `addresses.first`, the index in `addresses` of what belongs to its first record. From there on the logs go in step,
//! record by record: what belongs to record `i` of `access` is record `addresses.first` + (`i` - first), up to where
//! the next such event takes over,
//!
//! - from the first index of its segment on in `access`, with nothing belonging to those records if it has no
//!   `addresses.first`,
//! - from `addresses.first` on in `addresses`: nothing there belongs to records of an earlier event.
//!
//! So a crash that leaves more lines in one log than in the other takes no line for another record's: what is too much
//! in `addresses` belongs to nothing, and records whose line was lost have no address. A line of `addresses` is handed
//! to the kernel after the event that says whose it is, and before its line of `access`, before which it is also made
//! durable. An exchange that began under a policy with addresses and ended under one without leaves none.
//!
//! The log is made with its first segment, of which `segment.begin` tells: from then on it must be there. What is in
//! the folder before was never finished, and is made anew. A policy without addresses leaves the log as it is, and what
//! is in it goes when the last policy that had addresses says.
//!
//! # Arrivals
//!
//! With strict durability ([`Durability::Strict`]) not a byte of an answer leaves, nor of a refusal, an interim answer
//! (1xx) or a tunnel, before a line of `arrivals` is durable. The sync goes on while the upstream works; what arrives
//! during one shares the next. The line holds what `access` will hold of the request, and nothing that depends on how
//! the exchange ends, or that the policy keeps in `addresses`. It is kept for as long as `access` is.
//!
//! The line of `access` that the exchange gets at its end names it: `townclerk.arrival` is its index in `arrivals`
//! (` arrival=` in Combined Log Format). It is handed to the kernel after the arrival is durable, so whatever a crash
//! leaves, it names its own. Each index is named once at most. An arrival that nothing names is that of an exchange
//! which is still open, or whose entry a crash took ([`Unmatched`]). Bytes that never became a request have no arrival.
//!
//! Where the disk fails, the exchange is refused or served, as [`OnFailure`] says; one that is served without is
//! counted by `unsynced` in `journal.gap`. Its arrival waits in memory as entries do. While a disk only stalls, answers
//! wait, for as long as the limits of exchanges allow.
//!
//! # The tree
//!
//! A segment's salt is durable before the segment is there, and goes with it: from then on the hashes say nothing about
//! the records. Record `i` of a segment that begins at `first` has its leaf at byte 32·(`i` - `first`) of `.leaves`;
//! leaves from the first index of the next segment on are void, as lines are. Hash `n` of `tree/L` stands at byte
//! 32·`n` and is the root of the 256^`L` records from `n`·256^`L` on; such a file is there when it has a hash.
//! Retention leaves `tree/` as it is, and of the leaves those in tiles that the records which are kept still need
//! ([`tree::first_kept`]), and those in the tile at whose record the newest checkpoint in `cosigned/` of a witness
//! ends.
//!
//! A checkpoint ([`checkpoint`]) has the origin `<the site's host name>/townclerk/<log>`, and the key's name is the
//! same. One is signed by [`init`], over nothing; then every 10 s in which something has become durable, at the end of
//! a segment, at start and at the end; never two over the same size. Before it is signed, the lines, leaves and levels
//! that it covers are durable; then it is added to `checkpoints`, durably; then it takes the place of `checkpoint`. A
//! note is its text, an empty line and its signatures, which begin with `— `; in `checkpoints` the next note begins
//! with the next line that does not. After a crash the last one may be unfinished, and does not count.
//!
//! `checkpoints` is thinned when it has grown by 4 MiB: another takes its place, in which stay the newest 20,000 notes,
//! the first, the last of each segment that is there, and of the others those whose root begins with a zero byte, about
//! one in 256. What is kept does not depend on how often it was thinned.
//!
//! Witnesses sign checkpoints too (C2SP, tlog-witness). Each is shown `checkpoint`, whose note is durable in
//! `checkpoints` by then. What it signs is kept in `cosigned/`, a file for each log, mode 0600: for each witness the
//! newest checkpoint with its signature, as notes one after the other, the smallest first; witnesses that signed the
//! same one stand below the same note. Whoever does not know a witness's key passes over its signatures. It may lag
//! behind, be missing or be of any age: a reader learns from it up to where, and when, a witness has seen this history,
//! and no more.
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
//! | ours | a signed one has no salt | | refuses |
//! | ours | signed ones are missing | | refuses |
//! | ours | signed ones are altered: they do not give the root | | refuses |
//! | ours | right | missing where these records cannot give them | refuses |
//! | ours | right, and nothing after them | right | goes on |
//! | ours | right, perhaps with more after them | too short, too long or wrong where these records give them | writes them anew, copies what is after them, and signs |
//! | ours | right, and more after them | right | copies those and signs |
//!
//! Where it would go on, it asks each witness first, and refuses if one has signed more records than the newest note in
//! `checkpoints` is of, or records that are not its first. A witness that does not answer, does not know the log, or
//! cannot be shown the way from what it signed, is passed over, unless it is required.
//!
//! Records after the newest checkpoint are never signed where they are found: a sync that failed in one process may
//! seem to succeed in the next one (Linux tells it once), so they may stand in the page cache and nowhere else. They
//! are copied, as they were read, segment by segment, the oldest first: each copy begins at the first of them in its
//! segment, and is of its day and its policy. If the segment begins with it too, the copy takes its place; else the
//! void rule takes back its end. Segments behind it in which no line counts go.
//!
//! An unfinished last line is closed in each case in which the journal is opened, unless a copy voids it. What refuses
//! changes nothing. Records of earlier segments are not read at start.
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
//! # A new process
//!
//! A process can give a journal back while it has exchanges that are open, for another one to go on: all that it took
//! is signed, `journal.stop` has the reason `handed_over`, and its lock is free. When these exchanges end, it hands
//! their lines to the process that writes then, which puts them among its own, in a segment of its own; so they follow
//! the policy that they began under. If that process never begins, it takes the lock and begins again itself.
//!
//! # Disclosures
//!
//! What left the journal for an authority or for a person who asked, and what was refused ([`Register`]). Its lines are
//! shaped as those of `events`. They are written by commands, not by the process that writes the rest: `lock` in its
//! folder is held by one at a time. Each begins a segment, makes one line or a few durable, signs them, and ends. So a
//! disclosure neither waits for the server nor stops it. The same tables say what is found of it and what is done; that
//! an end was torn, or copied to be signed, its own lines say (`segment.torn`, `segment.copy`), and `segment.begin` is
//! not told. A folder without a checkpoint and without segments was never finished, and is made anew. Retention leaves
//! it alone. Witnesses are shown its checkpoint by the server, with the next one of its own.
//!
//! # What each failure leaves
//!
//! | What happens | What is lost | What is found afterwards |
//! |---|---|---|
//! | The process is killed | entries not yet handed to the kernel: a batch gathers for 10 ms, and the writer may wait for a core; and where a segment or an event is begun or ended just then, those of the syncs that this takes | `journal.start` without a `journal.stop` before it; perhaps `segment.copy` |
//! | The power is cut | entries not yet durable: `sync_interval`, and the syncs that are under way | perhaps `segment.copy`, or a void end, closed by `CAN \n` at the next start, with the event `segment.torn` |
//! | The same two, with strict durability | no exchange that was answered; of those entries, how they ended | their arrivals, and the same |
//! | The process is killed after another one went on | what it had open still | `journal.gap` with their number |
//! | A file of the tree fails | nothing | another in its place, `journal.failure` |
//! | One write or sync fails | nothing | the failed segment's void end, the next segment, `journal.failure` |
//! | The disk stays full, read-only or broken | nothing that was taken, while the process lives | the same; tried again each second, entries wait in memory in the places they hold |
//! | No place is left, or the disk fails | exchanges are refused, or served without an entry, as [`OnFailure`] says | `journal.gap` with their number, from, to, and the cause |
//! | The process is killed while the disk fails | what waited in memory | no `journal.gap` for what was counted since the last |
//! | The clock was wrong for a while | nothing | a segment whose day is out of order: retention takes none for older than one before it. A clock more than a week ahead removes nothing by that for a day: `clock.doubted` |
//! | A start with a segment that has no whole line | the torn line itself | that segment, replaced by one of the same index |
//! | A start after a sync that failed, and then a power cut | nothing that the start found | `segment.copy` |

pub mod age;
mod appender;
mod arrivals;
mod aside;
pub mod backup;
mod belief;
mod calls;
pub mod checkpoint;
pub mod condition;
mod copy;
mod cosigning;
mod disk;
mod event;
mod event_log;
pub mod evidence;
mod fault;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod growing;
mod handover;
mod holds;
mod hourly;
mod inbox;
mod inventory;
mod join;
pub mod key;
mod layout;
mod log_tree;
pub mod note;
mod open;
mod packing;
mod policies;
pub mod proof;
mod queue;
mod read;
mod recovery;
mod register;
mod reports;
mod requests;
mod retention;
mod segment;
pub mod tree;
mod unmatched;
pub mod verify;
mod vitals;
mod writer;
mod writing;

#[cfg(test)]
mod simulated;
#[cfg(test)]
mod tests;

pub use arrivals::Arrival;
pub(crate) use arrivals::Promise;
pub use calls::{CallsSeen, SiteSeen};
pub use event::{Event, Stop};
pub use fault::{Fault, Kind, Step};
pub(crate) use handover::{Handed, Heir, is_line};
pub use holds::{Case, Hold, HoldError, Holds};
pub use inventory::{Inventory, SeenCookie};
pub use join::{Addresses, Belonging};
pub use layout::{InitError, init};
pub(crate) use open::PolicyInForce;
pub use open::{CloseError, Journal, OpenError, Status};
pub use packing::Closed;
pub use policies::{policies, text_of as policy_text};
pub(crate) use queue::Tally;
pub use queue::{Gate, Slot, Unavailable};
pub use read::{Line, Lines};
pub use register::{Register, RegisterError};
pub use reports::{Reports, ReportsError};
pub use retention::Due;
pub use segment::{Form, Name};
pub use unmatched::Unmatched;
#[cfg(test)]
pub(crate) use vitals::Space;
pub(crate) use vitals::{Glance, OnDisk, Vitals};

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::witness::ask::Witness;

/// A sequence of records in the order in which they ended, each known by its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Log {
    /// What the policy keeps about requests.
    Access,
    /// Of that, what goes sooner: what tells who the visitor was. There is one where a policy asked for it.
    Addresses,
    /// What was known of requests when they arrived, durable before they were answered. There is one where strict
    /// durability was asked for.
    Arrivals,
    /// What happened to the journal itself; nothing about a visitor.
    Events,
    /// The register: what was disclosed, to whom and why, and what was refused; nothing about a visitor. There is one
    /// after the first disclosure.
    Disclosures,
}

impl Log {
    /// Every log.
    pub const ALL: [Self; 5] = [
        Self::Access,
        Self::Addresses,
        Self::Arrivals,
        Self::Events,
        Self::Disclosures,
    ];

    /// Those about visitors, in which retention removes what is too old.
    pub const OF_VISITORS: [Self; 3] = [Self::Access, Self::Addresses, Self::Arrivals];

    /// The logs whose segments are given up when the disk fails with this one: those of an exchange stay in step.
    pub(crate) fn fails_with(self) -> &'static [Self] {
        match self {
            Self::Access | Self::Addresses => &[Self::Access, Self::Addresses],
            Self::Arrivals => &[Self::Arrivals],
            Self::Events => &[Self::Events],
            Self::Disclosures => &[Self::Disclosures],
        }
    }

    /// Whether its lines are about requests, and so about visitors.
    pub fn is_of_visitors(self) -> bool {
        Self::OF_VISITORS.contains(&self)
    }

    /// Whether a journal without it is whole: it is made when it is needed.
    pub fn is_optional(self) -> bool {
        match self {
            Self::Access | Self::Events => false,
            Self::Addresses | Self::Arrivals | Self::Disclosures => true,
        }
    }

    /// Its folder in the journal's.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Addresses => "addresses",
            Self::Arrivals => "arrivals",
            Self::Events => "events",
            Self::Disclosures => "disclosures",
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
    /// What is durable before an exchange is answered.
    pub durability: Durability,
    /// At most this long after an entry was written it is synced. Default 1 s.
    pub sync_interval: Duration,
    /// Entries that may wait for the disk, open exchanges included. Default 65,536.
    pub queue: usize,
    /// What happens to an exchange that cannot be recorded.
    pub on_failure: OnFailure,
    /// Whether the file system guards segments, open ones with `+a` and closed ones with `+i`, where that is allowed.
    /// Default false.
    pub immutable: bool,
    /// How closed segments are packed. Default: not at all.
    pub closed: Option<Closed>,
    /// Who signs its checkpoints too. Default: nobody.
    pub witnesses: Vec<Witness>,
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

/// What is durable before an exchange is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Nothing: its entry is with the kernel at once, and on the disk within the interval.
    #[default]
    Interval,
    /// Its arrival: not a byte of the answer leaves before that is on the disk.
    Strict,
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
