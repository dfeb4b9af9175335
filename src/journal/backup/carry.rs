//! Bytes from the journal to the copy, in an order in which the copy is always what it was, or more.

use std::io::{self, Read};

use super::place::Before;
use super::plan::{Plan, Planned, Wanted, unreadable};
use super::{CopyError, Meanwhile};
use crate::journal::disk::Disk;
use crate::journal::growing::length;
use crate::journal::layout::{self, NEW};
use crate::journal::log_tree::{CHECKPOINT, HISTORY, LEVELS};
use crate::journal::segment::{Beside, Packed};
use crate::journal::{Log, segment};

/// So much is read at once, in bytes.
const CHUNK: usize = 256 * 1024;

/// What was written.
#[derive(Debug, Default)]
pub(super) struct Carried {
    pub(super) files: u64,
    pub(super) bytes: u64,
}

/// Copies what is new. Events come before what they tell of; a log that is not there yet is whole before a signed event
/// can tell of it; checkpoints come last, those of the events first.
pub(super) fn carry(
    from: &dyn Disk,
    to: &dyn Disk,
    plan: &Plan,
    before: &Before,
    meanwhile: &mut dyn Meanwhile,
) -> Result<Carried, CopyError> {
    let mut carried = Carried::default();
    for (path, bytes) in &plan.notices {
        carried.files += u64::from(put(to, path, bytes)?);
    }
    let total = plan
        .logs
        .iter()
        .flat_map(|log| &log.files)
        .map(|file| file.length)
        .sum();
    let mut done = 0;
    for planned in &plan.logs {
        let log = planned.log;
        to.make_folder(log.folder())?;
        to.make_folder(&format!("{}/{LEVELS}", log.folder()))?;
        let closed = closed(to, log)?;
        for file in &planned.files {
            let bytes = bring(from, to, log, file, &closed)?;
            carried.files += u64::from(bytes.is_some());
            carried.bytes += bytes.unwrap_or_default();
            done += file.length;
            meanwhile.copied(done, total);
        }
        to.sync_folder(log.folder())?;
        if !before.contains_key(&log) && log.is_optional() {
            publish(to, planned)?;
        }
    }
    for planned in &plan.logs {
        publish(to, planned)?;
    }
    for (path, bytes) in &plan.cosigned {
        carried.files += u64::from(put(to, path, bytes)?);
    }
    Ok(carried)
}

/// Puts the checkpoints of a log in the place of the earlier ones.
fn publish(to: &dyn Disk, planned: &Planned) -> io::Result<()> {
    let folder = planned.log.folder();
    put(to, &format!("{folder}/{HISTORY}"), &planned.history)?;
    put(to, &format!("{folder}/{CHECKPOINT}"), &planned.checkpoint)?;
    if let Some(last) = planned.last {
        let _ = to.link(&last.to_string(), &format!("{folder}/current")); // nothing depends on it
    }
    Ok(())
}

/// Writes a small file, unless it is there as it should be.
fn put(to: &dyn Disk, path: &str, bytes: &[u8]) -> io::Result<bool> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    if let Ok(mut file) = to.open(path) {
        let mut there = Vec::new();
        file.read_to_end(&mut there)?;
        if there == bytes {
            return Ok(false);
        }
    } else if to.status(folder).is_err() {
        to.make_folder(folder)?;
        to.sync_folder("")?;
    }
    layout::replace(to, folder, name, bytes)?;
    Ok(true)
}

/// The segments in the copy that another follows, by their stems. They are what they are.
fn closed(to: &dyn Disk, log: Log) -> io::Result<Vec<String>> {
    let mut stems: Vec<_> = segment::list(to, log)?.iter().map(|name| name.stem()).collect();
    stems.pop();
    Ok(stems)
}

/// Copies a file, or what it has more than before. How many bytes it has, if it was written.
fn bring(
    from: &dyn Disk,
    to: &dyn Disk,
    log: Log,
    wanted: &Wanted,
    closed: &[String],
) -> Result<Option<u64>, CopyError> {
    let path = format!("{}/{}", log.folder(), wanted.name);
    let there = length(to, &path)?;
    let is_salt = Beside::Salt.parse(&wanted.name).is_some();
    let stem = wanted.name.split('.').next().unwrap_or_default();
    let is_closed = there.is_some() && closed.iter().any(|of| of == stem) && Packed::parse(&wanted.name).is_some();
    if is_closed || (there >= Some(wanted.length) && !is_salt) {
        return Ok(None);
    }
    if is_salt {
        let mut salt = Vec::new();
        from.open(&path)
            .and_then(|mut file| file.read_to_end(&mut salt))
            .map_err(unreadable)?;
        let salt = zeroize::Zeroizing::new(salt);
        // A segment without a line may have been begun anew, with another secret.
        if there.is_some() && has_lines(to, log, stem)? && !is_same(to, &path, &salt)? {
            return Err(CopyError::Differs { path });
        }
        return Ok(put(to, &path, &salt)?.then_some(wanted.length));
    }
    let (folder, _) = path.rsplit_once('/').unwrap_or_default();
    let new = format!("{folder}/{NEW}");
    layout::remove(to, &new)?;
    let mut source = from.open(&path).map_err(unreadable)?.take(wanted.length);
    let mut earlier = match there {
        Some(_) => to.open(&path)?,
        None => Box::new(io::empty()),
    };
    let mut file = to.create(&new)?;
    let (mut buffer, mut compared) = (vec![0; CHUNK], Vec::with_capacity(CHUNK));
    let mut left = wanted.length;
    while left > 0 {
        let read = match source.read(&mut buffer) {
            Ok(0) => return Err(CopyError::Changed),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(CopyError::Source(error)),
        };
        let chunk = buffer.get(..read).unwrap_or_default();
        compared.clear();
        earlier.by_ref().take(read as u64).read_to_end(&mut compared)?;
        if !chunk.starts_with(&compared) {
            layout::remove(to, &new)?;
            return Err(CopyError::Differs { path });
        }
        file.write_all(chunk)?;
        left -= read as u64;
    }
    file.sync()?;
    to.rename(&new, &path)?;
    to.sync_folder(folder)?;
    Ok(Some(wanted.length))
}

fn is_same(to: &dyn Disk, path: &str, bytes: &[u8]) -> io::Result<bool> {
    let mut there = Vec::new();
    to.open(path)?.read_to_end(&mut there)?;
    Ok(there == bytes)
}

/// Whether there is a segment of this stem in the copy, with something in it.
fn has_lines(to: &dyn Disk, log: Log, stem: &str) -> io::Result<bool> {
    for name in to.list(log.folder())? {
        if Packed::parse(&name).is_some_and(|packed| packed.name.stem() == stem)
            && length(to, &format!("{}/{name}", log.folder()))?.is_some_and(|length| length > 0)
        {
            return Ok(true);
        }
    }
    Ok(false)
}
