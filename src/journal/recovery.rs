//! What may be found at start, and what is done about it: two closed tables. Nothing is guessed, nothing is cut off,
//! nothing is created.

use std::any::Any;
use std::io::{self, Read};

use super::disk::Disk;
use super::layout::{self, FOLDERS, LOCK, MARKER, Marker};
use super::segment::{self, CANCEL, Name, Scan};
use super::{Log, OpenError, holds};

/// Whether others than the journal's user can read any of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Modes {
    Private,
    Exposed,
}

/// Whether another process writes here.
enum Lock {
    Ours(Box<dyn Any + Send>),
    Theirs,
}

/// Decides whether a folder is a journal that this process may write, and takes its lock.
pub(crate) fn claim(disk: &dyn Disk) -> Result<(String, Box<dyn Any + Send>), OpenError> {
    let marker = layout::marker(disk)?;
    let modes = match marker {
        Marker::Ours { .. } => modes(disk)?,
        _ => Modes::Private,
    };
    let lock = match (&marker, modes) {
        (Marker::Ours { .. }, Modes::Private) => disk.lock(LOCK)?.map_or(Lock::Theirs, Lock::Ours),
        _ => Lock::Theirs,
    };
    match (marker, modes, lock) {
        (Marker::Missing, _, _) => Err(OpenError::NotAJournal),
        (Marker::Foreign, _, _) => Err(OpenError::Foreign),
        (Marker::Newer { version }, _, _) => Err(OpenError::Newer { version }),
        (Marker::Ours { .. }, Modes::Exposed, _) => Err(OpenError::Exposed),
        (Marker::Ours { .. }, Modes::Private, Lock::Theirs) => Err(OpenError::Locked),
        (Marker::Ours { origin }, Modes::Private, Lock::Ours(lock)) => Ok((origin, lock)),
    }
}

/// The folder itself, the two files in it, the folders in it (that of the holds, if there were any), and every segment.
fn modes(disk: &dyn Disk) -> Result<Modes, OpenError> {
    let mut paths = vec![String::new(), MARKER.to_owned(), LOCK.to_owned()];
    paths.extend(FOLDERS.map(str::to_owned));
    for path in &paths {
        match disk.status(path) {
            Ok(status) if status.mode & 0o077 != 0 => return Ok(Modes::Exposed),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(OpenError::Incomplete),
            Err(error) => return Err(error.into()),
        }
    }
    for log in Log::ALL {
        for name in segment::list(disk, log)? {
            if disk.status(&name.path(log))?.mode & 0o077 != 0 {
                return Ok(Modes::Exposed);
            }
        }
    }
    match disk.status(holds::FOLDER) {
        Ok(status) if status.mode & 0o077 != 0 => return Ok(Modes::Exposed),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    Ok(Modes::Private)
}

/// How a log ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It has no segment.
    Nowhere,
    /// Its last segment has no byte: it marks where the log goes on.
    Empty,
    /// With a whole line.
    Whole,
    /// With a void line that was closed by an earlier start.
    Closed,
    /// With an unfinished line.
    Torn,
}

/// Where a log goes on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// The index of the next record.
    pub(crate) next: u64,
    /// Segments at that index, which hold nothing.
    pub(crate) leftovers: Vec<Name>,
    /// The last segment, if it must be made durable.
    pub(crate) last: Option<Name>,
    /// Its whole lines, if an unfinished one follows that must be told and closed.
    pub(crate) torn: Option<u64>,
}

/// Reads how a log ends; of its text, only the last segment.
pub(crate) fn find(disk: &dyn Disk, log: Log) -> io::Result<Found> {
    let names = segment::list(disk, log)?;
    let (end, first, lines) = match names.last() {
        None => (End::Nowhere, 0, 0),
        Some(last) if disk.status(&last.path(log))?.length == 0 => (End::Empty, last.first, 0),
        Some(last) => {
            let scan = Scan::of(disk.open(&last.path(log))?)?;
            let end = match (scan.torn, scan.unfinished) {
                (false, _) => End::Whole,
                (true, false) => End::Closed,
                (true, true) => End::Torn,
            };
            (end, last.first, scan.lines)
        }
    };
    let next = first + lines;
    let (last, torn) = match end {
        End::Nowhere | End::Empty => (None, None),
        End::Whole | End::Closed => (names.last().copied(), None),
        End::Torn => (names.last().copied(), Some(lines)),
    };
    let leftovers = names.into_iter().filter(|name| name.first >= next).collect();
    Ok(Found {
        next,
        leftovers,
        last,
        torn,
    })
}

/// Makes durable what a process that was killed may have left with the kernel, before the log goes on behind it.
pub(crate) fn sync(disk: &dyn Disk, log: Log, found: &Found) -> io::Result<()> {
    if let Some(last) = found.last {
        disk.append(&last.path(log))?.sync()?;
    }
    disk.sync_folder(log.folder())
}

/// Closes an unfinished line, so that it can never be taken for a record. This is an append like any other.
pub(crate) fn close_line(disk: &dyn Disk, log: Log, last: Name) -> io::Result<()> {
    let mut file = disk.append(&last.path(log))?;
    file.write_all(&[CANCEL, b'\n'])?;
    file.sync()
}

/// Reads a small file of the journal's own.
pub(crate) fn text(disk: &dyn Disk, path: &str) -> io::Result<String> {
    let mut text = String::new();
    disk.open(path)?.read_to_string(&mut text)?;
    Ok(text)
}
