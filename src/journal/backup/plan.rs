//! What is to be in the copy: of each log what its newest checkpoint covers.
//!
//! The journal is written meanwhile. `access` is looked at first. What its records refer to in other logs was durable
//! before, so the others must have signed all that they had by then; and `events`, looked at last, all that it had when
//! the segments of the others were listed. So the copy holds an event for each of its segments and for whatever is
//! gone, and every arrival and address that its entries name.

use std::collections::BTreeMap;
use std::io::{self, Read};

use super::{CopyError, Meanwhile};
use crate::journal::checkpoint::{Checkpoint, Signed};
use crate::journal::cosigning::kept;
use crate::journal::disk::Disk;
use crate::journal::growing::length;
use crate::journal::log_tree::{CHECKPOINT, HISTORY, LEVELS};
use crate::journal::note::{Note, VerifierKey};
use crate::journal::segment::{self, Beside, Form, Name};
use crate::journal::tree::Hash;
use crate::journal::verify::history::Notes;
use crate::journal::verify::key_name;
use crate::journal::verify::scan::Scanner;
use crate::journal::verify::told::Told;
use crate::journal::{Log, OpenError, holds, policies, recovery, reports};

/// What is to be in the copy.
pub(super) struct Plan {
    /// `events` first.
    pub(super) logs: Vec<Planned>,
    /// Small files that are written whole, by their paths: policies, reports, holds.
    pub(super) notices: BTreeMap<String, Vec<u8>>,
    /// What witnesses signed.
    pub(super) cosigned: BTreeMap<String, Vec<u8>>,
    /// What the signed events tell.
    pub(super) told: Told,
}

/// Of one log.
pub(super) struct Planned {
    pub(super) log: Log,
    pub(super) key: VerifierKey,
    pub(super) size: u64,
    /// The file `checkpoint`.
    pub(super) checkpoint: Vec<u8>,
    /// The file `checkpoints`, up to that one.
    pub(super) history: Vec<u8>,
    /// All other files, in the order in which they are copied.
    pub(super) files: Vec<Wanted>,
    /// The newest segment.
    pub(super) last: Option<Name>,
}

/// A file, or its beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Its name in the log's folder.
    pub(super) name: String,
    /// In bytes.
    pub(super) length: u64,
}

impl Plan {
    pub(super) fn of(
        disk: &dyn Disk,
        origin: &str,
        keys: &[VerifierKey],
        meanwhile: &mut dyn Meanwhile,
    ) -> Result<Self, CopyError> {
        let key = |log| key_of(origin, log, keys);
        // Before the checkpoints: a witness may not have signed more than there is.
        let cosigned = notices(disk, &[(kept::FOLDER, "")])?;
        let access = Planned::of(disk, Log::Access, key(Log::Access)?)?;
        let arrived = [Log::Addresses, Log::Arrivals].map(|log| Ok::<_, CopyError>((log, records(disk, log)?)));
        let mut logs = Vec::new();
        for arrived in arrived {
            let (log, records) = arrived?;
            if let Some(records) = records {
                logs.push(signed(disk, log, key(log)?, records, meanwhile)?);
            }
        }
        if records(disk, Log::Disclosures)?.is_some() {
            logs.push(Planned::of(disk, Log::Disclosures, key(Log::Disclosures)?)?);
        }
        logs.insert(0, access);
        let told = records(disk, Log::Events)?.unwrap_or_default();
        let events = signed(disk, Log::Events, key(Log::Events)?, told, meanwhile)?;
        let told = told_by(disk, events.size).map_err(unreadable)?;
        logs.insert(0, events);
        let is_made = |log| logs.iter().any(|planned| planned.log == log);
        if Log::OF_VISITORS
            .into_iter()
            .any(|log| told.tells_of(log) && !is_made(log))
        {
            return Err(CopyError::Changed);
        }
        Ok(Self {
            told,
            notices: notices(
                disk,
                &[
                    (policies::FOLDER, ".toml"),
                    (reports::FOLDER, ".json"),
                    (holds::FOLDER, ".toml"),
                ],
            )?,
            cosigned,
            logs,
        })
    }
}

/// The key of a log.
pub(super) fn key_of<'k>(origin: &str, log: Log, keys: &'k [VerifierKey]) -> Result<&'k VerifierKey, CopyError> {
    let name = key_name(origin, log);
    let found = keys.iter().find(|key| key.name().as_str() == name);
    found.ok_or(CopyError::NoKey { name })
}

/// How many whole lines a log has now; `None` if it was never made.
fn records(disk: &dyn Disk, log: Log) -> Result<Option<u64>, CopyError> {
    match disk.status(&format!("{}/{CHECKPOINT}", log.folder())) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && log.is_optional() => Ok(None),
        Err(error) => Err(unreadable(error)),
        Ok(_) => Ok(Some(recovery::find(disk, log).map_err(unreadable)?.next)),
    }
}

/// A log when so many of its records are signed, which takes ten seconds at most where somebody writes.
fn signed(
    disk: &dyn Disk,
    log: Log,
    key: &VerifierKey,
    records: u64,
    meanwhile: &mut dyn Meanwhile,
) -> Result<Planned, CopyError> {
    while checkpoint(disk, log, key)?.1.checkpoint().size().0 < records {
        if !meanwhile.wait() {
            return Err(CopyError::Unsigned { log });
        }
    }
    Planned::of(disk, log, key)
}

fn checkpoint(disk: &dyn Disk, log: Log, key: &VerifierKey) -> Result<(Vec<u8>, Signed), CopyError> {
    let mut bytes = Vec::new();
    let file = disk.open(&format!("{}/{CHECKPOINT}", log.folder()));
    let file = file.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => CopyError::Journal(OpenError::Incomplete),
        _ => CopyError::Source(error),
    })?;
    file.take(Note::BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(CopyError::Source)?;
    let signed = Signed::open(&bytes, key).map_err(|_| CopyError::Journal(OpenError::CheckpointDamaged { log }))?;
    Ok((bytes, signed))
}

impl Planned {
    fn of(disk: &dyn Disk, log: Log, key: &VerifierKey) -> Result<Self, CopyError> {
        let (checkpoint, signed) = checkpoint(disk, log, key)?;
        let size = signed.checkpoint().size().0;
        let (files, last) = files(disk, log, size).map_err(unreadable)?;
        Ok(Self {
            log,
            size,
            checkpoint,
            history: history(disk, log, size).map_err(unreadable)?,
            files,
            last,
            key: key.clone(),
        })
    }
}

/// The notes of the history, up to that of so many records.
fn history(disk: &dyn Disk, log: Log, size: u64) -> io::Result<Vec<u8>> {
    let mut notes = Notes::new(disk.open(&format!("{}/{HISTORY}", log.folder()))?);
    let mut history = Vec::new();
    while let Some(note) = notes.next_note()? {
        let checkpoint = Note::parse(note.bytes())
            .ok()
            .and_then(|note| note.text().parse::<Checkpoint>().ok());
        if checkpoint.is_none_or(|noted| noted.size().0 > size) {
            break;
        }
        history.extend_from_slice(note.bytes());
    }
    Ok(history)
}

/// The files of a log that its first `size` records need, and its newest segment.
fn files(disk: &dyn Disk, log: Log, size: u64) -> io::Result<(Vec<Wanted>, Option<Name>)> {
    let folder = log.folder();
    let names = disk.list(folder)?;
    let mut forms = segment::forms(disk, log)?;
    forms.dedup_by_key(|packed| packed.name); // the first counts
    let begins: Vec<_> = forms.iter().map(|packed| packed.name.first).collect();
    // One that begins where the next one does holds nothing.
    let holds_something = |at: usize| begins.get(at + 1).is_none_or(|next| *next > begins[at]);
    let mut segments: Vec<_> = (0..forms.len())
        .filter(|at| begins[*at] < size && holds_something(*at))
        .map(|at| forms[at])
        .collect();
    let mut lengths = Vec::new();
    for packed in &segments {
        lengths.push(disk.status(&packed.path(log))?.length);
    }
    // Of the last one that much is signed.
    let mut end = 0;
    if let (Some(last), Some(length)) = (segments.last(), lengths.last_mut()) {
        end = last.name.first;
        if last.form == Form::PLAIN {
            let (lines, bytes) = beginning(disk, &last.path(log), size - last.name.first)?;
            (end, *length) = (end + lines, bytes);
        }
    }
    // Retention leaves an empty segment to say where the log goes on.
    if end < size
        && let Some(mark) = forms.iter().find(|packed| packed.name.first == size)
    {
        segments.push(*mark);
        lengths.push(0);
    }
    let last = segments.last().map(|packed| packed.name);
    let mut files = Vec::new();
    for packed in &segments {
        let sealed = packed.name.beside(Beside::SealedSalt);
        let salt = match packed.form.encrypted && names.contains(&sealed) {
            true => sealed,
            false => packed.name.beside(Beside::Salt),
        };
        if names.contains(&salt) {
            let length = disk.status(&format!("{folder}/{salt}"))?.length;
            files.push(Wanted { name: salt, length });
        }
    }
    for (packed, length) in segments.iter().zip(lengths) {
        let name = format!("{}{}", packed.name, packed.form.suffix());
        files.push(Wanted { name, length });
    }
    // Leaves without their segment would be what retention leaves.
    for name in &names {
        if let Some(of) = Beside::Leaves.parse(name).filter(|of| of.first < size) {
            let all = disk.status(&format!("{folder}/{name}"))?.length;
            let is_last = last.is_some_and(|last| last.stem() == of.stem());
            let most = if is_last { hashes(size - of.first) } else { all };
            let (name, length) = (name.clone(), all.min(most));
            files.push(Wanted { name, length });
        }
    }
    for level in 1..=7 {
        let name = format!("{LEVELS}/{level}");
        if let Some(all) = length(disk, &format!("{folder}/{name}"))? {
            let length = all.min(hashes(size >> (8 * level)));
            files.push(Wanted { name, length });
        }
    }
    Ok((files, last))
}

fn hashes(count: u64) -> u64 {
    count.saturating_mul(Hash::LENGTH as u64)
}

/// How many lines there are of the first so many, and how many bytes they have.
fn beginning(disk: &dyn Disk, path: &str, lines: u64) -> io::Result<(u64, u64)> {
    let mut text = Scanner::new(disk.open(path)?);
    let mut found = 0;
    while found < lines && text.next_line()?.is_some() {
        found += 1;
    }
    Ok((found, text.place()))
}

/// What the first so many events tell.
fn told_by(disk: &dyn Disk, size: u64) -> io::Result<Told> {
    let mut told = Told::default();
    let names = segment::list(disk, Log::Events)?;
    let ends = names.iter().skip(1).map(|name| name.first.min(size)).chain([size]);
    for (name, end) in names.iter().zip(ends) {
        let mut lines = Scanner::new(disk.open(&name.path(Log::Events))?);
        for index in name.first..end {
            let Some(line) = lines.next_line()? else { break };
            told.take(index, line.text, true);
        }
    }
    Ok(told)
}

/// The small files of some folders that end so; folders that are not there have none.
fn notices(disk: &dyn Disk, folders: &[(&str, &str)]) -> Result<BTreeMap<String, Vec<u8>>, CopyError> {
    let mut found = BTreeMap::new();
    for (folder, end) in folders {
        let names = match disk.list(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            names => names.map_err(unreadable)?,
        };
        for name in names
            .iter()
            .filter(|name| name.ends_with(end) && !name.starts_with('.'))
        {
            let path = format!("{folder}/{name}");
            let mut bytes = Vec::new();
            let read = disk.open(&path).and_then(|mut file| file.read_to_end(&mut bytes));
            match read {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {} // a hold that was released
                read => {
                    read.map_err(unreadable)?;
                    found.insert(path, bytes);
                }
            }
        }
    }
    Ok(found)
}

/// An error in reading the journal. What was listed and is gone was removed meanwhile.
pub(super) fn unreadable(error: io::Error) -> CopyError {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof => CopyError::Changed,
        _ => CopyError::Source(error),
    }
}
