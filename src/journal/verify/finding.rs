//! What can be found wrong: a closed list.

use std::fmt;

use jiff::Timestamp;

use crate::journal::checkpoint::OpenError;
use crate::journal::cosigning::kept::FOLDER;
use crate::journal::segment::Name;

/// Something that a verification found, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The log has no checkpoint.
    NoCheckpoint,
    /// Its checkpoint is not one that the pinned key signed for this log.
    Checkpoint(OpenError),
    /// A checkpoint that was kept elsewhere is of more records than the log's own.
    RolledBack {
        /// The records of the one kept elsewhere.
        trusted: u64,
        /// The records of the log's own.
        signed: u64,
    },
    /// A checkpoint that was kept elsewhere is of other records: there are two histories.
    Forked {
        /// Its records.
        size: u64,
    },
    /// A checkpoint that was kept elsewhere cannot be compared any more: it ends among records that are gone.
    OutOfReach {
        /// Its records.
        size: u64,
    },
    /// What is kept of the witnesses' signatures is not as townclerk keeps it: it says nothing.
    Cosigned {
        /// How many checkpoints.
        notes: u64,
    },
    /// Records without lines, that no signed entry of `events` says to be removed.
    Missing {
        /// The first of them.
        first: u64,
        /// The first that is there again.
        next: u64,
    },
    /// Records without lines; the entry that says them to be removed is not signed.
    RemovalUnsigned {
        /// The first of them.
        first: u64,
        /// The first that is there again.
        next: u64,
        /// The index of the entry in `events`.
        event: u64,
    },
    /// Records of a segment do not agree with their leaf hashes: the lines, their hashes or the salt were changed.
    RecordsDiffer {
        /// The first of them.
        place: Place,
        /// How many.
        records: u64,
        /// How many records the segment has.
        of: u64,
    },
    /// A packed segment, or its encrypted salt, cannot be unpacked to its end: it was changed, or cut off.
    Damaged {
        /// Which.
        segment: Name,
    },
    /// An encrypted segment that no identity opens is not the file that was packed.
    SealedDiffers {
        /// Which.
        segment: Name,
    },
    /// A segment has no salt, or one of another length: its lines can be compared with nothing.
    SaltMissing {
        /// Which.
        segment: Name,
    },
    /// Signed records of a segment have no leaf hashes.
    LeavesMissing {
        /// The first of them.
        first: u64,
        /// How many.
        records: u64,
    },
    /// Records that cannot be compared with a signed root, because leaf hashes near them are gone.
    Unprovable {
        /// The first of them.
        first: u64,
        /// The first after them.
        next: u64,
    },
    /// A hash in `tree/` is not that of the records below it: they were changed together with their leaf hashes, or the
    /// hash was.
    NodeDiffers {
        /// The file in `tree/`.
        level: u8,
        /// Which hash of the file.
        index: u64,
    },
    /// A file in `tree/` ends before the signed records do.
    NodesMissing {
        /// The file in `tree/`.
        level: u8,
        /// The first hash that is not there.
        index: u64,
    },
    /// The records are not those that were signed.
    RootDiffers {
        /// Where this was signed.
        by: SignedBy,
        /// So many records were signed there.
        size: u64,
        /// So many are as an earlier checkpoint says.
        after: u64,
    },
    /// The signed root cannot be compared, because leaf hashes are gone.
    RootUnknown {
        /// So many records were signed.
        size: u64,
    },
    /// No entry of `events` tells the beginning of a segment: it was added or renamed.
    NotAnnounced {
        /// Its name.
        segment: Name,
    },
    /// There is no file `checkpoints`.
    HistoryMissing,
    /// A note in `checkpoints` is not one that the pinned key signed for this log.
    HistoryNote {
        /// Which, from 0 on.
        note: u64,
        /// Where it begins, in bytes.
        byte: u64,
        /// What is wrong with it.
        error: OpenError,
    },
    /// A note in `checkpoints` is of fewer records than the one before it.
    HistoryShrinks {
        /// Which, from 0 on.
        note: u64,
        /// Where it begins, in bytes.
        byte: u64,
    },
    /// The log's checkpoint is not in `checkpoints`.
    HistoryLacksNewest,
    /// Bytes at the end of `checkpoints` are no whole note.
    HistoryTorn {
        /// Where they begin.
        byte: u64,
    },
    /// Records behind the checkpoint should have been signed by now.
    Unsigned {
        /// How many.
        records: u64,
        /// When the first of them was made, as far as it says.
        since: Option<Timestamp>,
    },
    /// Bytes of a segment that do not count, and no entry of `events` says why.
    Void {
        /// The segment.
        segment: Name,
        /// Where they begin.
        byte: u64,
        /// How many.
        bytes: u64,
    },
    /// The salt of a removed segment is still there: guesses could be tried on its hashes.
    SaltLeft {
        /// The segment's first record.
        first: u64,
    },
}

/// Where something was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignedBy {
    /// In `checkpoint`.
    Checkpoint,
    /// In `checkpoints`.
    History {
        /// Which note, from 0 on.
        note: u64,
    },
}

/// The place of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its index in the log.
    pub index: u64,
    /// Its segment.
    pub segment: Name,
    /// Its line, from 1 on.
    pub line: u64,
    /// Where its line begins, in bytes.
    pub byte: u64,
}

impl Finding {
    /// Whether the journal can still be believed: it is nothing that was signed, or nothing that counts.
    pub fn is_warning(&self) -> bool {
        matches!(
            self,
            Self::OutOfReach { .. }
                | Self::Cosigned { .. }
                | Self::HistoryTorn { .. }
                | Self::Unsigned { .. }
                | Self::Void { .. }
                | Self::SaltLeft { .. }
        )
    }

    /// A name for programs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::NoCheckpoint => "checkpoint.missing",
            Self::Checkpoint(_) => "checkpoint.wrong",
            Self::RolledBack { .. } => "trusted.rolled_back",
            Self::Forked { .. } => "trusted.forked",
            Self::OutOfReach { .. } => "trusted.out_of_reach",
            Self::Cosigned { .. } => "cosigned.wrong",
            Self::Missing { .. } => "records.missing",
            Self::RemovalUnsigned { .. } => "records.removal_unsigned",
            Self::RecordsDiffer { .. } => "records.differ",
            Self::Unprovable { .. } => "records.unprovable",
            Self::Damaged { .. } => "segment.damaged",
            Self::SealedDiffers { .. } => "segment.differs",
            Self::SaltMissing { .. } => "salt.missing",
            Self::SaltLeft { .. } => "salt.left",
            Self::LeavesMissing { .. } => "leaves.missing",
            Self::NodeDiffers { .. } => "tree.differs",
            Self::NodesMissing { .. } => "tree.missing",
            Self::RootDiffers { .. } => "root.differs",
            Self::RootUnknown { .. } => "root.unknown",
            Self::NotAnnounced { .. } => "segment.not_announced",
            Self::Void { .. } => "segment.void",
            Self::HistoryMissing => "history.missing",
            Self::HistoryNote { .. } => "history.wrong",
            Self::HistoryShrinks { .. } => "history.shrinks",
            Self::HistoryLacksNewest => "history.lacks_newest",
            Self::HistoryTorn { .. } => "history.torn",
            Self::Unsigned { .. } => "records.unsigned",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCheckpoint => f.write_str("there is no checkpoint: nothing here is signed"),
            Self::Checkpoint(error) => write!(f, "the checkpoint is not the log's: {error}"),
            Self::RolledBack { trusted, signed } => write!(
                f,
                "rolled back: the checkpoint kept elsewhere, or signed by a witness, is of {trusted} records, the log's own of \
                 {signed}"
            ),
            Self::Forked { size } => write!(
                f,
                "rewritten: the first {size} records are not those of the checkpoint kept elsewhere, or signed by a witness"
            ),
            Self::OutOfReach { size } => write!(
                f,
                "the checkpoint kept elsewhere, or signed by a witness, of {size} records, ends among removed ones, and cannot be compared"
            ),
            Self::Cosigned { notes } => write!(
                f,
                "what is kept of the witnesses' signatures is not theirs, or not of this log: {notes} in `{FOLDER}/`"
            ),
            Self::Missing { first, next } => {
                write!(
                    f,
                    "{} are missing, and no signed event removes them",
                    records(*first, *next)
                )
            }
            Self::RemovalUnsigned { first, next, event } => write!(
                f,
                "{} are missing, and event {event}, which removes them, is not signed; if the journal is being written, \
                 verify it again in a minute",
                records(*first, *next)
            ),
            Self::RecordsDiffer { place, records, of } if records == of => write!(
                f,
                "{place} and all others of its segment do not agree with their leaf hashes: the segment or its salt was \
                 replaced"
            ),
            Self::RecordsDiffer { place, records: 1, .. } => {
                write!(f, "{place} does not agree with its leaf hash")
            }
            Self::RecordsDiffer { place, records, of } => write!(
                f,
                "{place} does not agree with its leaf hash, nor do {} more of the {of} of its segment",
                records - 1
            ),
            Self::Damaged { segment } => write!(
                f,
                "segment {segment} cannot be unpacked to its end: its file, or that of its salt, was changed or cut off"
            ),
            Self::SealedDiffers { segment } => write!(
                f,
                "segment {segment} is encrypted, and is not the file that an event says was packed"
            ),
            Self::SaltMissing { segment } => {
                write!(
                    f,
                    "segment {segment} has no salt, so its lines cannot be compared with what was signed"
                )
            }
            Self::LeavesMissing { first, records } => {
                write!(
                    f,
                    "leaf hashes are missing: {records} in one segment, from that of record {first} on"
                )
            }
            Self::Unprovable { first, next } => write!(
                f,
                "{} cannot be compared with what was signed: leaf hashes before them are gone",
                records(*first, *next)
            ),
            Self::NodeDiffers { level, index } => {
                let width = 1u64.checked_shl(8 * u32::from(*level)).unwrap_or(u64::MAX);
                let (first, next) = (
                    index.saturating_mul(width),
                    index.saturating_add(1).saturating_mul(width),
                );
                let what = records(first, next);
                write!(
                    f,
                    "hash {index} of tree/{level} is not that of {what}: they, or it, were changed"
                )
            }
            Self::NodesMissing { level, index } => write!(f, "tree/{level} ends before hash {index}"),
            Self::RootDiffers { by, size, after } => {
                write!(f, "the first {size} records are not those signed in {by}")?;
                match after {
                    0 => Ok(()),
                    after => write!(f, "; the first {after} are"),
                }
            }
            Self::RootUnknown { size } => write!(
                f,
                "the signed root of {size} records cannot be compared, because leaf hashes are gone"
            ),
            Self::NotAnnounced { segment } => {
                write!(
                    f,
                    "no event tells the beginning of segment {segment}: it was added or renamed"
                )
            }
            Self::HistoryMissing => f.write_str("the history of checkpoints is not there"),
            Self::HistoryNote { note, byte, error } => {
                write!(
                    f,
                    "note {note} in checkpoints, at byte {byte}, is not the log's: {error}"
                )
            }
            Self::HistoryShrinks { note, byte } => {
                write!(
                    f,
                    "note {note} in checkpoints, at byte {byte}, is of fewer records than the one before it"
                )
            }
            Self::HistoryLacksNewest => f.write_str("the newest checkpoint is not in the history of checkpoints"),
            Self::HistoryTorn { byte } => write!(f, "checkpoints ends with half a note, at byte {byte}"),
            Self::Unsigned { records, since } => {
                write!(f, "{records} records at the end are not signed yet")?;
                since.map_or(Ok(()), |since| write!(f, ", the first of them of {since:.0}"))
            }
            Self::Void { segment, byte, bytes } => write!(
                f,
                "{bytes} bytes of segment {segment}, from byte {byte} on, do not count, and no event says why"
            ),
            Self::SaltLeft { first } => write!(
                f,
                "the salt of the removed segment that began at record {first} is still there"
            ),
        }
    }
}

impl fmt::Display for SignedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Checkpoint => f.write_str("the checkpoint"),
            Self::History { note } => write!(f, "note {note} of checkpoints"),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            index,
            segment,
            line,
            byte,
        } = self;
        write!(f, "record {index} (segment {segment}, line {line}, byte {byte})")
    }
}

fn records(first: u64, next: u64) -> String {
    match next.saturating_sub(first) {
        0 | 1 => format!("record {first}"),
        count => format!("records {first} to {} ({count})", next - 1),
    }
}

/// Findings of one log; the first of them by name, the rest as a number, so that memory does not grow with the damage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    listed: Vec<Finding>,
    more: u64,
    wrong: bool,
}

impl Findings {
    /// So many are kept.
    const LISTED: usize = 200;

    pub(super) fn push(&mut self, finding: Finding) {
        self.wrong |= !finding.is_warning();
        if self.listed.len() < Self::LISTED {
            self.listed.push(finding);
        } else {
            self.more += 1;
        }
    }

    /// The first of them, as they were found.
    pub fn listed(&self) -> &[Finding] {
        &self.listed
    }

    /// How many more there are.
    pub fn more(&self) -> u64 {
        self.more
    }

    /// Whether one of them is more than a warning.
    pub fn any_wrong(&self) -> bool {
        self.wrong
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }
}
