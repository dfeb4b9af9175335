//! What is kept, on disk, append-only.
//!
//! @DOC@

mod appender;
mod disk;
mod event;
mod fault;
mod layout;
mod open;
mod policies;
mod queue;
mod read;
mod recovery;
mod retention;
mod segment;
mod writer;

#[cfg(test)]
mod simulated;
#[cfg(test)]
mod tests;

pub use event::{CookiesSeen, Event, Stop};
pub use fault::{Fault, Kind, Step};
pub use layout::{InitError, init};
pub(crate) use open::PolicyInForce;
pub use open::{CloseError, Journal, OpenError, Status};
pub use queue::{Slot, Unavailable};
pub use read::{Line, Lines};
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
