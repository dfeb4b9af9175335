//! A journal, copied to another folder while it is written, and copied again from where the copy ended.
//!
//! ```text
//! journal ──plan──▶ what the newest checkpoints cover ──carry──▶ copy ──verify──▶ report
//!                                                                  └──prune: what signed events took away
//! ```
//!
//! # What always holds
//!
//! 1. The copy is a journal in the format of this room. What it holds is covered by checkpoints of the same time: of
//!    the last segments, of the hashes and of the history of checkpoints it has the beginnings.
//! 2. A file of the copy gets its name when it is whole and durable. The file `journal` comes last: a first copy that
//!    was cut short is no journal, and the next one goes on with it.
//! 3. A segment that another follows is copied once, and not touched again. Whatever grows must begin with what was
//!    copied before; if it does not, nothing is written over.
//! 4. The newest checkpoints come after what they cover: until then the copy is what it was, with lines behind its
//!    checkpoints as a crash leaves them.
//! 5. Nothing goes from the copy but what a signed event takes away, retention or packing, and only after all of it was
//!    verified. What the journal has lost without such an event stays.
//!
//! A copy that was written to as a journal of its own has another history; it is refused.

mod carry;
mod place;
mod plan;
mod prune;

use std::io;
use std::path::Path;

use jiff::Timestamp;

use super::disk::{Disk, Folder};
use super::layout::{self, Marker};
use super::verify::{self, CannotVerify, Pinned, Report, Verdict};
use super::{Log, OpenError};
use place::Place;
use plan::Plan;

/// What came of it.
#[derive(Debug)]
pub struct Copied {
    /// Whether there was no copy before.
    pub is_first: bool,
    /// Files that were written.
    pub files: u64,
    /// Bytes that were read from the journal for that.
    pub bytes: u64,
    /// Each log that is in the copy, with its records before, if it was there, and now.
    pub logs: Vec<(Log, Option<u64>, u64)>,
    /// Segments that signed events took away.
    pub removed: u64,
    /// Segments that the journal has not got any more, and no signed event says why. They stay in the copy.
    pub missing: Vec<String>,
    /// What a verification of the copy found.
    pub report: Report,
}

/// Why there is no copy, or no newer one.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The journal is none, or its marker or a checkpoint is not as it must be.
    #[error("the journal: {0}")]
    Journal(OpenError),
    /// The same of the copy, or of its modes.
    #[error("the copy: {0}")]
    Copy(OpenError),
    /// None of the keys is that of a log.
    #[error("none of the keys is named {name}")]
    NoKey {
        /// What the key would be called.
        name: String,
    },
    /// There is something else in the folder.
    #[error("there is something in the folder that is no copy of this journal")]
    NotEmpty,
    /// It is the journal of another site.
    #[error("the folder holds the journal of {origin}")]
    OfAnother {
        /// That site.
        origin: String,
    },
    /// Something else writes there.
    #[error("another process has the copy open")]
    Locked,
    /// Its history is not the beginning of the journal's.
    #[error("`{log}` in the folder is not an earlier state of the journal's")]
    Diverged {
        /// The log.
        log: Log,
    },
    /// What was copied before is not how the journal's file begins.
    #[error("{path} of the journal does not begin with what was copied before")]
    Differs {
        /// The file, from the journal's folder.
        path: String,
    },
    /// Something that was written before is not signed yet, and nobody signs it.
    #[error("the end of `{log}` is not signed")]
    Unsigned {
        /// The log.
        log: Log,
    },
    /// Retention or packing was faster.
    #[error("the journal was changed while it was copied")]
    Changed,
    /// What was copied cannot be verified.
    #[error("the copy: {0}")]
    Verify(#[from] CannotVerify),
    /// The journal cannot be read.
    #[error("the journal cannot be read: {0}")]
    Source(io::Error),
    /// The copy cannot be read or written.
    #[error("the copy cannot be read or written: {0}")]
    Disk(#[from] io::Error),
}

impl CopyError {
    /// What to do about it, for a hint.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Journal(error) | Self::Copy(error) => error.remedy(),
            Self::NoKey { .. } => "give it with --key; it was printed when the journal was made",
            Self::NotEmpty => "name an empty folder, one that is not there yet, or an earlier copy of this journal",
            Self::OfAnother { .. } => "give each journal a folder of its own",
            Self::Locked => "wait until the other copy has ended, or stop the server that runs on it",
            Self::Diverged { .. } => {
                "it was served from, or is of another time: keep it as it is, and copy into another folder"
            }
            Self::Differs { .. } => {
                "run `townclerk journal verify` on both, keep the copy as it is, and copy into another folder"
            }
            Self::Unsigned { .. } => {
                "start the server, which signs what a crash has left, and copy then; if it cannot start, nobody writes, \
                 and `cp -a` of the folder is a copy too"
            }
            Self::Changed => "copy it again",
            Self::Verify(_) => "run `townclerk journal verify` on the copy",
            Self::Source(_) => "run this as the user that runs townclerk",
            Self::Disk(_) => "see that the disk is mounted, writable for this user, and not full",
        }
    }
}

/// What is told, and what is asked, while it lasts.
pub trait Meanwhile {
    /// So many bytes of so many were copied.
    fn copied(&mut self, done: u64, total: u64);
    /// So many bytes of so many were verified.
    fn verified(&mut self, done: u64, total: u64);
    /// Something is not signed yet; whoever writes signs every ten seconds. Waits a moment, or gives up with `false`.
    fn wait(&mut self) -> bool;
}

/// Copies the journal in `from` to the folder `to`, which is empty, missing, or an earlier copy, and verifies the copy.
///
/// # Errors
///
/// See [`CopyError`]. What a verification finds is in the report.
pub fn copy(
    from: &Path,
    to: &Path,
    pinned: Pinned<'_>,
    now: Timestamp,
    meanwhile: &mut dyn Meanwhile,
) -> Result<Copied, CopyError> {
    let to = Folder::with(to, pinned.identities);
    copy_on(&Folder::new(from), &to, pinned, now, meanwhile)
}

pub(crate) fn copy_on(
    from: &dyn Disk,
    to: &dyn Disk,
    pinned: Pinned<'_>,
    now: Timestamp,
    meanwhile: &mut dyn Meanwhile,
) -> Result<Copied, CopyError> {
    let origin = match layout::marker(from).map_err(CopyError::Source)? {
        Marker::Ours { origin } => origin,
        Marker::Newer { version } => return Err(CopyError::Journal(OpenError::Newer { version })),
        Marker::Foreign => return Err(CopyError::Journal(OpenError::Foreign)),
        Marker::Missing => return Err(CopyError::Journal(OpenError::NotAJournal)),
    };
    plan::key_of(&origin, Log::Access, pinned.keys)?;
    let place = Place::claim(to, &origin)?;
    let plan = Plan::of(from, &origin, pinned.keys, meanwhile)?;
    let before = place.judge(from, to, &plan)?;
    let carried = carry::carry(from, to, &plan, &before, meanwhile)?;
    place.finish(to)?;
    let report = verify::verify_on(to, pinned, now, &mut |done, total| meanwhile.verified(done, total))?;
    let pruned = match report.verdict() {
        Verdict::Wrong => prune::Pruned::default(),
        Verdict::Whole | Verdict::Warnings => prune::prune(to, &plan)?,
    };
    Ok(Copied {
        is_first: place.is_first(),
        files: carried.files,
        bytes: carried.bytes,
        logs: plan
            .logs
            .iter()
            .map(|log| (log.log, before.get(&log.log).copied(), log.size))
            .collect(),
        removed: pruned.removed,
        missing: pruned.missing,
        report,
    })
}
