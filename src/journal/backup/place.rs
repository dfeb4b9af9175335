//! Where the copy is: nothing yet, a copy that was cut short, or an earlier one.

use std::any::Any;
use std::collections::HashMap;
use std::io;

use super::CopyError;
use super::plan::{Plan, Planned, unreadable};
use crate::journal::checkpoint::Signed;
use crate::journal::cosigning::kept;
use crate::journal::disk::Disk;
use crate::journal::layout::{self, FOLDERS, LOCK, MARKER, Marker, NEW};
use crate::journal::log_tree::CHECKPOINT;
use crate::journal::recovery;
use crate::journal::tree::{Frontier, TileLevels};
use crate::journal::verify::hashes::LevelFiles;
use crate::journal::verify::pieces;
use crate::journal::{Log, OpenError, holds, policies, reports};

/// The folder of a copy, which nobody else writes to while this is there.
pub(super) struct Place {
    is_first: bool,
    _lock: Box<dyn Any + Send>,
}

/// How many records each log had in the copy before.
pub(super) type Before = HashMap<Log, u64>;

impl Place {
    /// Takes the folder, if it is empty or may be a copy of this site's journal.
    pub(super) fn claim(disk: &dyn Disk, origin: &str) -> Result<Self, CopyError> {
        let is_first = match layout::marker(disk)? {
            Marker::Missing => {
                begin(disk, origin)?;
                true
            }
            Marker::Ours { origin: theirs } if theirs != origin => return Err(CopyError::OfAnother { origin: theirs }),
            Marker::Ours { .. } | Marker::Foreign | Marker::Newer { .. } => {
                recovery::recognise(disk).map_err(CopyError::Copy)?;
                false
            }
        };
        let lock = disk.lock(LOCK)?.ok_or(CopyError::Locked)?;
        Ok(Self { is_first, _lock: lock })
    }

    pub(super) fn is_first(&self) -> bool {
        self.is_first
    }

    /// Holds what was copied before against the journal: each log must be an earlier state of the journal's.
    pub(super) fn judge(&self, from: &dyn Disk, to: &dyn Disk, plan: &Plan) -> Result<Before, CopyError> {
        let mut before = Before::new();
        if self.is_first {
            return Ok(before);
        }
        for log in Log::ALL {
            let text = match recovery::text(to, &format!("{}/{CHECKPOINT}", log.folder())) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                text => text?,
            };
            match plan.logs.iter().find(|planned| planned.log == log) {
                Some(planned) => before.insert(log, judge(from, planned, text.as_bytes())?),
                None => return Err(CopyError::Diverged { log }),
            };
        }
        Ok(before)
    }

    /// Makes it a journal, now that all of it is there.
    pub(super) fn finish(&self, disk: &dyn Disk) -> io::Result<()> {
        if self.is_first {
            disk.rename(NEW, MARKER)?;
            disk.sync_folder("")?;
            disk.sync_folder("..")?;
        }
        Ok(())
    }
}

/// Makes a folder that is known by its unfinished marker to be one that is being copied into, or takes up such a one.
fn begin(disk: &dyn Disk, origin: &str) -> Result<(), CopyError> {
    let names = match disk.list("") {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        names => names?,
    };
    let marker = layout::marker_of(origin);
    let is_right = names.iter().any(|name| name == NEW) && recovery::text(disk, NEW).is_ok_and(|text| text == marker);
    let is_ours = |name: &String| {
        let folders = [policies::FOLDER, reports::FOLDER, holds::FOLDER, kept::FOLDER];
        [NEW, LOCK].contains(&name.as_str())
            || folders.contains(&name.as_str())
            || Log::ALL.iter().any(|log| log.folder() == name)
    };
    // Nothing else was there before the marker was durable.
    let is_free = names.iter().all(|name| name == NEW) || (is_right && names.iter().all(is_ours));
    if !is_free {
        return Err(CopyError::NotEmpty);
    }
    disk.make_folder("")?;
    if !is_right {
        layout::remove(disk, NEW)?;
        let mut file = disk.create(NEW)?;
        file.write_all(marker.as_bytes())?;
        file.sync()?;
        disk.sync_folder("")?;
    }
    if !names.iter().any(|name| name == LOCK) {
        disk.create(LOCK)?.sync()?;
    }
    for folder in FOLDERS {
        disk.make_folder(folder)?;
    }
    disk.sync_folder("")?;
    Ok(())
}

/// How many records a log had in the copy, by its checkpoint there, which must be of the journal's own history.
fn judge(from: &dyn Disk, planned: &Planned, checkpoint: &[u8]) -> Result<u64, CopyError> {
    let log = planned.log;
    let earlier = Signed::open(checkpoint, &planned.key);
    let earlier = earlier.map_err(|_| CopyError::Copy(OpenError::CheckpointDamaged { log }))?;
    let (size, records) = (earlier.checkpoint().size(), earlier.checkpoint().size().0);
    let diverged = CopyError::Diverged { log };
    if records > planned.size {
        return Err(diverged);
    }
    let pieces = pieces::list(from, log).map_err(unreadable)?;
    match Frontier::read(&TileLevels(LevelFiles::new(from, log, &pieces)), size) {
        Ok(frontier) if frontier.root() == earlier.checkpoint().root() => Ok(records),
        Ok(_) => Err(diverged),
        // The hashes next to its end went with their records; those above them are compared as they are copied.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof) => Ok(records),
        Err(error) => Err(CopyError::Source(error)),
    }
}
