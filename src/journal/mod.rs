//! What is kept, on disk, append-only.

use std::path::PathBuf;
use std::time::Duration;

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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
