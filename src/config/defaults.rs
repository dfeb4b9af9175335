//! The value of every setting that is not written.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use super::{Lenient, Limits, Origin, Resolver, Upstream};
use crate::journal::{Closed, Durability, Format, OnFailure, Settings};

/// Where browsers report to: a path that no CMS is likely to have.
pub(super) const BROWSER_REPORTS: &str = "/townclerk-reports";

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            exchanges: 10_000,
            head_bytes: 64 << 10,
            head_fields: 100,
            body_bytes: 100 << 20,
            head_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(75),
            stall_time: Duration::from_secs(30),
            exchange_time: Duration::from_secs(3_600),
            drain_time: Duration::from_secs(8),
        }
    }
}

impl Default for Resolver {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            deadline: Duration::from_secs(1),
            cache: 4_096,
            at_once: 64,
        }
    }
}

impl Upstream {
    /// A server that speaks plain HTTP, with the default timeouts.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            origins: vec![Origin::Http {
                host: host.into(),
                port,
            }],
            ca: None,
            connect_timeout: Duration::from_secs(5),
            answer_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(4),
            lenient: Lenient::default(),
        }
    }
}

/// A journal in this folder, written as it is by default.
pub(super) fn journal(folder: PathBuf) -> Settings {
    Settings {
        key: key_of(&folder),
        folder,
        format: Format::default(),
        segment_bytes: 256 << 20,
        durability: Durability::Interval,
        sync_interval: Duration::from_secs(1),
        queue: 65_536,
        on_failure: OnFailure::default(),
        immutable: false,
        closed: None,
        witnesses: Vec::new(),
    }
}

/// How closed segments are packed by whoever asks for it without saying more.
pub(super) fn closed() -> Closed {
    Closed {
        after: Duration::from_secs(7 * 86_400),
        compress: true,
        encrypt_to: Vec::new(),
    }
}

/// The key's file for a journal in this folder: beside it, by its name and `.key`.
pub(super) fn key_of(folder: &Path) -> PathBuf {
    let mut key = folder.components().as_path().as_os_str().to_owned();
    key.push(".key");
    key.into()
}

/// The file of the keys that cookies are sealed with, for a journal in this folder: beside it too.
pub(super) fn cookie_keys_of(folder: &Path) -> PathBuf {
    let mut keys = folder.components().as_path().as_os_str().to_owned();
    keys.push(".cookies.key");
    keys.into()
}

/// As many threads as the machine has cores. Counted once: a process that has confined itself can no longer read how
/// many its control group allows.
pub(super) fn workers() -> usize {
    static CORES: LazyLock<usize> = LazyLock::new(|| std::thread::available_parallelism().map_or(1, NonZero::get));
    *CORES
}
