//! A disk that failed: what was asked of it, and how it failed. Nothing in a fault can tell about a visitor.

use std::fmt;
use std::io;

use super::Log;
use super::segment::Name;

/// A disk that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("could not {step} in {log}: {kind}")]
pub struct Fault {
    /// In which log.
    pub log: Log,
    /// Of which segment, if of one.
    pub segment: Option<Name>,
    /// What was asked.
    pub step: Step,
    /// How it failed.
    pub kind: Kind,
}

impl Fault {
    /// For `map_err`.
    pub(crate) fn at(log: Log, segment: Option<Name>, step: Step) -> impl FnOnce(io::Error) -> Self {
        move |error| Self {
            log,
            segment,
            step,
            kind: Kind::of(&error),
        }
    }

    /// Whether an event about another, in the same outage, tells of it as well: it has broken off no other segment.
    pub(crate) fn is_told_with(&self, other: &Self) -> bool {
        let broken = |fault: &Self| match fault.step {
            Step::Write | Step::Sync => fault.segment,
            Step::Begin | Step::Sign | Step::Remove | Step::Hold | Step::Pack => None,
        };
        self.log == other.log && (broken(self).is_none() || broken(self) == broken(other))
    }

    /// Its segment's name, as a field of a diagnostic.
    pub(crate) fn segment(&self) -> Option<impl tracing::Value> {
        self.segment.map(tracing::field::display)
    }
}

/// What was asked of the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// To begin a segment.
    Begin,
    /// To append to it.
    Write,
    /// To make it durable.
    Sync,
    /// To sign a checkpoint, after making durable what it covers.
    Sign,
    /// To remove segments that are too old.
    Remove,
    /// To read what holds segments back; without that none is removed.
    Hold,
    /// To pack a closed segment.
    Pack,
}

impl Step {
    /// As events and diagnostics name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Begin => "begin",
            Self::Write => "write",
            Self::Sync => "sync",
            Self::Sign => "sign",
            Self::Remove => "remove",
            Self::Hold => "hold",
            Self::Pack => "pack",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a disk fails: the causes that an administrator can tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// No space is left (ENOSPC).
    StorageFull,
    /// A quota is used up (EDQUOT).
    QuotaExceeded,
    /// A file may not grow any further (EFBIG): a limit of the process, or of the file system.
    FileTooLarge,
    /// The file system has become read-only (EROFS), as ext4 does after errors.
    ReadOnly,
    /// The device failed (EIO).
    Device,
    /// It is not allowed (EACCES, EPERM).
    Denied,
    /// Something is not there that should be (ENOENT).
    NotFound,
    /// Anything else.
    Other,
}

impl Kind {
    /// EIO has no stable `ErrorKind`; it is 5 on every Unix.
    const EIO: i32 = 5;

    pub(crate) fn of(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull => Self::StorageFull,
            io::ErrorKind::QuotaExceeded => Self::QuotaExceeded,
            io::ErrorKind::FileTooLarge => Self::FileTooLarge,
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            io::ErrorKind::PermissionDenied => Self::Denied,
            io::ErrorKind::NotFound => Self::NotFound,
            _ if error.raw_os_error() == Some(Self::EIO) => Self::Device,
            _ => Self::Other,
        }
    }

    /// As events and diagnostics name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::StorageFull => "storage_full",
            Self::QuotaExceeded => "quota_exceeded",
            Self::FileTooLarge => "file_too_large",
            Self::ReadOnly => "read_only",
            Self::Device => "device",
            Self::Denied => "denied",
            Self::NotFound => "not_found",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
