//! What goes from the copy, after it was verified: what retention took away from the journal, and what was packed there
//! since. A promise to keep something no longer holds for its copies too.

use std::io::{self, Read};

use sha2::{Digest, Sha256};

use super::plan::{Plan, Planned};
use crate::journal::disk::Disk;
use crate::journal::event::hex;
use crate::journal::growing::length;
use crate::journal::segment::{self, Beside, Name, Packed};
use crate::journal::tree::Hash;
use crate::journal::verify::told::Told;
use crate::journal::{Log, holds, layout, packing};

/// What became of segments of the copy that the journal has not got.
#[derive(Debug, Default)]
pub(super) struct Pruned {
    pub(super) removed: u64,
    /// Those that stay.
    pub(super) missing: Vec<String>,
}

pub(super) fn prune(to: &dyn Disk, plan: &Plan) -> io::Result<Pruned> {
    let mut pruned = Pruned::default();
    for planned in &plan.logs {
        segments(to, planned, &plan.told, &mut pruned)?;
        beside(to, planned)?;
        to.sync_folder(planned.log.folder())?;
    }
    released(to, plan)?;
    Ok(pruned)
}

/// Of each segment the form that the journal has, or none if a signed event says so.
fn segments(to: &dyn Disk, planned: &Planned, told: &Told, pruned: &mut Pruned) -> io::Result<()> {
    let log = planned.log;
    let wanted: Vec<(Packed, u64)> = planned
        .files
        .iter()
        .filter_map(|file| Some((Packed::parse(&file.name)?, file.length)))
        .collect();
    let forms = segment::forms(to, log)?;
    let names = segment::list(to, log)?;
    let end_of = |name: Name| {
        let next = names.iter().find(|next| next.first > name.first);
        next.map_or(planned.size, |next| next.first)
    };
    for packed in forms {
        let path = packed.path(log);
        let name = packed.name;
        let kept = wanted.iter().find(|(wanted, _)| wanted.name == name);
        let has_lines = length(to, &path)?.is_some_and(|length| length > 0);
        let is_taken_away = || told.explains(log, name.first..end_of(name));
        match kept {
            Some((kept, length)) if *kept == packed => {
                // Behind a segment that is held retention leaves an empty one.
                if *length == 0 && has_lines && is_taken_away() {
                    layout::replace(to, log.folder(), &name.to_string(), "")?;
                    remove_salts(to, log, name)?;
                    pruned.removed += 1;
                }
            }
            Some((kept, _)) if is_as_good(to, log, packed, *kept, told)? => {
                to.remove(&path)?;
                if kept.form.encrypted {
                    layout::remove(to, &format!("{}/{}", log.folder(), name.beside(Beside::Salt)))?;
                }
            }
            None if !has_lines || is_taken_away() => {
                to.remove(&path)?;
                remove_salts(to, log, name)?;
                pruned.removed += u64::from(has_lines);
            }
            _ => pruned.missing.push(path),
        }
    }
    Ok(())
}

/// Whether another form of a segment is what it was made from.
fn is_as_good(to: &dyn Disk, log: Log, old: Packed, new: Packed, told: &Told) -> io::Result<bool> {
    let mut file = to.open(&new.path(log))?;
    if new.form.encrypted {
        let mut hash = Sha256::new();
        each_chunk(&mut file, |chunk| hash.update(chunk))?;
        return Ok(told.packed(log, new.name) == Some(&hex(&Hash(hash.finalize().into()))));
    }
    let digest = |packed: Packed| -> io::Result<_> {
        let mut hash = Sha256::new();
        each_chunk(&mut packing::open_form(to, log, packed)?, |chunk| hash.update(chunk))?;
        Ok(hash.finalize())
    };
    match digest(new) {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(false),
        new => Ok(new? == digest(old)?),
    }
}

fn each_chunk(from: &mut dyn Read, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => take(buffer.get(..length).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn remove_salts(to: &dyn Disk, log: Log, name: Name) -> io::Result<()> {
    for which in [Beside::Salt, Beside::SealedSalt] {
        layout::remove(to, &format!("{}/{}", log.folder(), name.beside(which)))?;
    }
    Ok(())
}

/// Salts and leaves whose segment has gone, where the journal has them no longer either.
fn beside(to: &dyn Disk, planned: &Planned) -> io::Result<()> {
    let log = planned.log;
    let stems: Vec<_> = segment::list(to, log)?.iter().map(Name::stem).collect();
    for file in to.list(log.folder())? {
        let of = Beside::ALL.iter().find_map(|which| which.parse(&file));
        let is_wanted = planned.files.iter().any(|wanted| wanted.name == file);
        if of.is_some_and(|of| !stems.contains(&of.stem())) && !is_wanted {
            to.remove(&format!("{}/{file}", log.folder()))?;
        }
    }
    Ok(())
}

/// Holds that were released.
fn released(to: &dyn Disk, plan: &Plan) -> io::Result<()> {
    let names = match to.list(holds::FOLDER) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        names => names?,
    };
    for name in names.iter().filter(|name| name.ends_with(".toml")) {
        let path = format!("{}/{name}", holds::FOLDER);
        if !plan.notices.contains_key(&path) {
            to.remove(&path)?;
        }
    }
    to.sync_folder(holds::FOLDER)
}
