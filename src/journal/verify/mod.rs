//! Whether a journal is what was signed. It reads, and changes nothing; the journal may be written meanwhile.
//!
//! For each log that the journal has or should have, `events` first because it says what retention removed:
//!
//! 1. `checkpoint` is opened with the pinned key. Without a valid signature there is nothing to believe.
//! 2. A checkpoint that was kept elsewhere must not be larger, and its root must be that of as many records.
//!    So must one in `cosigned/`, if a witness has signed it whose key is known.
//! 3. Every record has its line, or a signed `retention.remove`.
//! 4. Every line is hashed with its segment's salt. Its leaf must be that in `.leaves`, the nodes above it those in
//!    `tree/`, and the root that of the checkpoint. Of a segment that is encrypted, and that no identity opens, the
//!    hashes in `.leaves` stand for the lines, and its file must be the one that `segment.pack` tells of.
//! 5. What stands behind the checkpoint is not signed: it is counted. What stands behind the whole lines of a segment
//!    must be explained by an event.
//! 6. Every note in `checkpoints` is signed with the key, none is of fewer records than the one before it, and the root
//!    of each is that of as many records: so each is consistent with the next.
//!
//! One pass over the files, in buffers of a fixed size; in memory are the names of the segments and what the events
//! tell of them.
//!
//! # What is found, and what cannot be
//!
//! Any change of a signed record, its leaf hash, its segment's salt and name, of a node above it, of the checkpoint and
//! of the notes in the history; any signed record, leaf hash or segment that is gone without a signed event.
//!
//! Not found: changes by somebody who holds the key, behind the newest checkpoint that was kept elsewhere or that a
//! witness signed, and so without one another history; without one that was kept elsewhere a return to an older state,
//! what witnesses had signed then included; changes of what is not signed yet; notes taken out of
//! the history's middle; what was never recorded. Not looked at: bytes that do not count, which are those behind the
//! last whole line of a segment, behind the hashes of signed records, or in part of a hash at the end of a file;
//! signatures by other keys in a note; `journal` after its second line; `policies/`,
//! `holds/`, and names that are none of the journal's.

mod finding;
mod fold;
pub(crate) mod hashes;
pub(super) mod history;
pub(crate) mod pieces;
mod report;
pub(crate) mod scan;
mod stops;
pub(in crate::journal) mod told;
mod walk;
mod witnessed;

#[cfg(test)]
mod tests;

pub use finding::{Finding, Findings, Place, SignedBy};
pub use report::{Cosigned, Gap, Gaps, LogReport, Removed, Report, Sealed, Trusted, Unsigned, Verdict};

use std::io;
use std::path::Path;

use jiff::Timestamp;

use super::Log;
use super::age::Identities;
use super::checkpoint::{OpenError, Signed};
use super::disk::{Disk, Folder};
use super::layout::{self, Marker};
use super::note::{Algorithm, VerifierKey};
use super::segment;
use stops::Kept;
use told::Told;
use walk::Task;
pub(crate) use walk::time_of;
use witnessed::Witnessed;

/// What a journal is verified with. None of it may come from where the journal is.
#[derive(Clone, Copy, Debug)]
pub struct Pinned<'a> {
    /// The keys of all its logs, those of other journals and those of witnesses, in any order.
    pub keys: &'a [VerifierKey],
    /// Texts of checkpoints that were kept elsewhere, one note or more in each.
    pub trusted: &'a [Vec<u8>],
    /// What opens encrypted segments. Of others the file is compared, and the hashes.
    pub identities: &'a Identities,
}

/// Why a journal could not be verified. It is then neither whole nor changed.
#[derive(Debug, thiserror::Error)]
pub enum CannotVerify {
    /// The folder is none, or is damaged so much that nobody can tell.
    #[error("the folder is not a journal")]
    NotAJournal,
    /// A later townclerk wrote it.
    #[error("the journal has a later format, {version}")]
    Newer {
        /// Its format.
        version: u32,
    },
    /// None of the keys is that of a log.
    #[error("none of the keys is named {name}")]
    NoKey {
        /// What the key would be called.
        name: String,
    },
    /// A checkpoint kept elsewhere is none of this journal.
    #[error("checkpoint {} that was kept elsewhere is none of this journal: {error}", at + 1)]
    Trusted {
        /// Which, from 0 on.
        at: usize,
        /// What is wrong with it.
        error: OpenError,
    },
    /// Retention removed something while it was read.
    #[error("the journal was changed while it was read")]
    Changed,
    /// The disk failed.
    #[error("the journal cannot be read: {0}")]
    Disk(#[from] io::Error),
}

/// Verifies the journal in `folder`. `progress` is told now and then how many bytes of how many lines were read.
///
/// # Errors
///
/// See [`CannotVerify`]. What is wrong with the journal itself is in the report.
pub fn verify(
    folder: &Path,
    pinned: Pinned<'_>,
    now: Timestamp,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Report, CannotVerify> {
    verify_on(&Folder::with(folder, pinned.identities), pinned, now, progress)
}

pub(crate) fn verify_on(
    disk: &dyn Disk,
    pinned: Pinned<'_>,
    now: Timestamp,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Report, CannotVerify> {
    let origin = match layout::marker(disk)? {
        Marker::Ours { origin } => origin,
        Marker::Newer { version } => return Err(CannotVerify::Newer { version }),
        Marker::Missing | Marker::Foreign => return Err(CannotVerify::NotAJournal),
    };
    let keys = Log::ALL.map(|log| {
        let name = key_name(&origin, log);
        let mut keys = pinned.keys.iter();
        keys.find(|key| is_log_key(key) && key.name().as_str() == name)
    });
    let key = |log| {
        let found: Option<&VerifierKey> = keys[log as usize];
        found.ok_or_else(|| CannotVerify::NoKey {
            name: key_name(&origin, log),
        })
    };
    let access_key = key(Log::Access)?;
    let mut trusted = trusted(pinned, keys)?;
    let wanted: Vec<_> = Log::ALL
        .into_iter()
        .filter(|log| !trusted[*log as usize].is_empty())
        .collect();
    let mut progress = Progress::of(disk, progress)?;
    let mut told = Told::default();
    let mut walk = |log, key, told: &mut Told| {
        let task = Task {
            disk,
            log,
            key,
            trusted: std::mem::take(&mut trusted[log as usize]),
            cosigned: Witnessed::read(disk, log, key, pinned)?,
            now,
        };
        walk::walk(task, told, &mut progress)
    };
    let events = walk(Log::Events, key(Log::Events)?, &mut told)?;
    let access = walk(Log::Access, access_key, &mut told)?;
    let mut others = Vec::new();
    for log in Log::ALL.into_iter().filter(|log| log.is_optional()) {
        // A log is missed if it was told of, or if its key has signed something that was kept elsewhere.
        if is_there(disk, log)? || told.tells_of(log) || wanted.contains(&log) {
            others.push(walk(log, key(log)?, &mut told)?);
        }
    }
    Ok(Report {
        origin,
        events,
        access,
        others,
        gaps: told.gaps,
    })
}

/// Whether there is anything of a log.
fn is_there(disk: &dyn Disk, log: Log) -> io::Result<bool> {
    match disk.status(&format!("{}/checkpoint", log.folder())) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(!pieces::list(disk, log)?.is_empty()),
        status => status.map(|_| true),
    }
}

/// The name of a log's key, which is the log's origin.
pub(crate) fn key_name(origin: &str, log: Log) -> String {
    format!("{origin}/townclerk/{log}")
}

fn is_log_key(key: &VerifierKey) -> bool {
    key.algorithm() == Algorithm::Ed25519
}

/// The checkpoints that were kept elsewhere, by log.
fn trusted<const LOGS: usize>(
    pinned: Pinned<'_>,
    keys: [Option<&VerifierKey>; LOGS],
) -> Result<[Vec<Kept>; LOGS], CannotVerify> {
    let mut trusted = [const { Vec::new() }; LOGS];
    for (at, text) in pinned.trusted.iter().enumerate() {
        let found = history::checkpoints(text, &keys).map_err(|error| CannotVerify::Trusted { at, error })?;
        for (of, signed) in found {
            let kept = Kept {
                time: cosigned(&signed, pinned.keys),
                checkpoint: signed.checkpoint().clone(),
            };
            trusted[of].push(kept);
        }
    }
    Ok(trusted)
}

/// When a known witness last signed.
fn cosigned(signed: &Signed, keys: &[VerifierKey]) -> Option<Timestamp> {
    let times = keys.iter().filter_map(|key| signed.cosigned_at(key).ok().flatten());
    time_of_witness(times.max()?)
}

/// A witness's time, in seconds since 1970.
pub(crate) fn time_of_witness(seconds: u64) -> Option<Timestamp> {
    Timestamp::from_second(i64::try_from(seconds).ok()?).ok()
}

/// How far the reading is.
struct Progress<'a> {
    tell: &'a mut dyn FnMut(u64, u64),
    passed: u64,
    total: u64,
}

impl<'a> Progress<'a> {
    /// It is told each time so many records were read.
    const STEP: u64 = 1 << 16;

    fn of(disk: &dyn Disk, tell: &'a mut dyn FnMut(u64, u64)) -> io::Result<Self> {
        let mut total = 0;
        for log in Log::ALL {
            let names = match segment::list(disk, log) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
                names => names?,
            };
            for name in names {
                // One that is gone is noticed where it is read.
                total += segment::status(disk, log, name).map_or(0, |status| status.length);
            }
        }
        Ok(Self { tell, passed: 0, total })
    }

    fn at(&mut self, place: u64) {
        (self.tell)(self.passed + place, self.total);
    }

    fn passed(&mut self, length: u64) {
        self.passed += length;
    }
}
