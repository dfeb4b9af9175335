//! Holds: what retention must not remove while a case is open.
//!
//! A hold is a small file, `holds/<case>.toml`, written and removed by a command, whether or not a process has the
//! journal open; it needs no lock, for each file is whole under its name or not there. The process that writes the
//! journal reads all of them at its start and each hour, before it removes anything, and tells in `events` what has
//! changed since the last hold that was told. So the events are told by the one who writes events, and in the order of
//! what retention did.
//!
//! A hold that cannot be read holds everything back: what is removed is gone for good.

mod told;

#[cfg(test)]
mod tests;

pub(crate) use told::Told;

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::disk::{Disk, Folder};
use super::layout::{self, Marker};
use super::segment::{self, Name};
use super::{Log, recovery};

/// The folder of the holds; it is made with the first.
pub(crate) const FOLDER: &str = "holds";
const EXTENSION: &str = ".toml";

/// The most characters that a reason may have.
const REASON_MAX: usize = 500;

/// A segment's day says when exchanges ended. They may have begun up to a day before, and a disk that failed may have
/// made their entries wait as long: the days next to a hold are held too.
const MARGIN: SignedDuration = SignedDuration::from_hours(24);

/// The name of a case, which is a file's name and stands in `events`: 1 to 64 of `A-Z a-z 0-9 . _ -`, the first one a
/// letter or a digit. It should be a reference, never a person's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Case(String);

impl Case {
    /// Checks a name; `None` if it is not one.
    pub fn parse(name: &str) -> Option<Self> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let right = name.len() <= 64
            && name.bytes().all(allowed)
            && name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        right.then(|| Self(name.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn path(&self) -> String {
        format!("{FOLDER}/{self}{EXTENSION}")
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Keeps the entries of a time from being removed by retention.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The case that needs them.
    pub case: Case,
    /// From here on.
    pub from: Timestamp,
    /// Up to here, exclusive; later than `from`.
    pub to: Timestamp,
    /// When it was set.
    pub set: Timestamp,
    /// Why, for people: at most 500 characters, none of them a control. It stays in the hold's file.
    pub reason: Option<String>,
}

/// Why a hold could not be set, released or read.
#[derive(Debug, thiserror::Error)]
pub enum HoldError {
    /// There is no journal of ours in the folder.
    #[error("there is no journal here")]
    NotAJournal,
    /// The case has a hold already.
    #[error("the case has a hold already")]
    Exists,
    /// The case has none.
    #[error("the case has no hold")]
    Missing,
    /// The time is empty: its end is not later than its beginning.
    #[error("the time is empty")]
    Empty,
    /// The reason is too long, or holds a control character.
    #[error("the reason has more than 500 characters, or a control character")]
    Reason,
    /// A file in `holds/` is not one that townclerk wrote; nothing is removed while it is there.
    #[error("the file of the hold {case} is damaged")]
    Damaged {
        /// The file's name without its extension, if it is a case's.
        case: String,
    },
    /// The disk failed.
    #[error("the holds cannot be read or written: {0}")]
    Disk(#[from] io::Error),
}

impl Hold {
    /// Whether it keeps a segment that was begun on `day`, where the next one was begun on `next`.
    pub(crate) fn keeps(&self, day: Date, next: Option<Date>) -> bool {
        let midnight = |day: Date| Offset::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok();
        let begin = midnight(day).and_then(|begin| begin.checked_sub(MARGIN).ok());
        let last = next.map_or(day, |next| next.yesterday().unwrap_or(next).max(day));
        let end = midnight(last).and_then(|end| end.checked_add(MARGIN + SignedDuration::from_hours(24)).ok());
        // A day at the end of time is held.
        begin.is_none_or(|begin| begin < self.to) && end.is_none_or(|end| end > self.from)
    }

    pub(super) fn text(&self) -> String {
        let Self {
            case,
            from,
            to,
            set,
            reason,
        } = self;
        let mut text = format!("case = \"{case}\"\nfrom = {from}\nto = {to}\nset = {set}\n");
        if let Some(reason) = reason {
            text.push_str(&format!("reason = {}\n", Value::from(reason.as_str()))); // without controls, JSON's quotes are TOML's
        }
        text
    }

    pub(super) fn parse(case: &Case, text: &str) -> Option<Self> {
        let table: toml::Table = text.parse().ok()?;
        let time = |key: &str| table.get(key)?.as_datetime()?.to_string().parse::<Timestamp>().ok();
        let reason = match table.get("reason") {
            Some(reason) => Some(reason.as_str()?.to_owned()),
            None => None,
        };
        let hold = Self {
            case: case.clone(),
            from: time("from")?,
            to: time("to")?,
            set: time("set")?,
            reason,
        };
        (table.get("case")?.as_str() == Some(case.as_str()) && hold.from < hold.to).then_some(hold)
    }
}

/// The holds of a journal.
pub struct Holds {
    disk: Arc<dyn Disk>,
}

impl Holds {
    /// Those of the journal in `folder`.
    ///
    /// # Errors
    ///
    /// [`HoldError::NotAJournal`], [`HoldError::Disk`].
    pub fn of(folder: &Path) -> Result<Self, HoldError> {
        let disk = Folder::new(folder);
        match layout::marker(&disk)? {
            Marker::Ours { .. } => Ok(Self { disk: Arc::new(disk) }),
            _ => Err(HoldError::NotAJournal),
        }
    }

    /// All of them, by their cases.
    ///
    /// # Errors
    ///
    /// [`HoldError::Damaged`], [`HoldError::Disk`].
    pub fn list(&self) -> Result<Vec<Hold>, HoldError> {
        list(&*self.disk)
    }

    /// The segments that are there now and that a hold keeps, log by log, the oldest first.
    ///
    /// # Errors
    ///
    /// [`HoldError::Disk`].
    pub fn segments(&self, hold: &Hold) -> Result<Vec<(Log, Name)>, HoldError> {
        let mut kept = Vec::new();
        for log in Log::OF_VISITORS {
            let names = segment::list(&*self.disk, log)?;
            let next = names.iter().skip(1).map(|next| Some(next.day)).chain([None]);
            let held = names
                .iter()
                .zip(next)
                .filter(|(name, next)| hold.keeps(name.day, *next));
            kept.extend(held.map(|(name, _)| (log, *name)));
        }
        Ok(kept)
    }

    /// Sets a hold, durably. From the next round of retention on, nothing that it keeps is removed.
    ///
    /// # Errors
    ///
    /// [`HoldError::Exists`], [`HoldError::Empty`], [`HoldError::Reason`], [`HoldError::Disk`].
    pub fn set(&self, hold: &Hold) -> Result<(), HoldError> {
        set(&*self.disk, hold)
    }

    /// Releases a hold, durably. What is too old goes with the next round of retention.
    ///
    /// # Errors
    ///
    /// [`HoldError::Missing`], [`HoldError::Disk`].
    pub fn release(&self, case: &Case) -> Result<(), HoldError> {
        release(&*self.disk, case)
    }
}

pub(crate) fn list(disk: &dyn Disk) -> Result<Vec<Hold>, HoldError> {
    let names = match disk.list(FOLDER) {
        Ok(names) => names,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let mut holds = Vec::new();
    for name in names.iter().filter_map(|name| name.strip_suffix(EXTENSION)) {
        let damaged = || HoldError::Damaged { case: name.to_owned() };
        let case = Case::parse(name).ok_or_else(damaged)?;
        let text = match recovery::text(disk, &case.path()) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue, // released meanwhile
            Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(damaged()),
            Err(error) => return Err(error.into()),
        };
        holds.push(Hold::parse(&case, &text).ok_or_else(damaged)?);
    }
    holds.sort_by(|a, b| a.case.cmp(&b.case));
    Ok(holds)
}

pub(crate) fn set(disk: &dyn Disk, hold: &Hold) -> Result<(), HoldError> {
    if hold.from >= hold.to {
        return Err(HoldError::Empty);
    }
    let right = |reason: &String| reason.chars().count() <= REASON_MAX && !reason.chars().any(char::is_control);
    if !hold.reason.as_ref().is_none_or(right) {
        return Err(HoldError::Reason);
    }
    match disk.status(&hold.case.path()) {
        Ok(_) => return Err(HoldError::Exists),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        Err(_) => {}
    }
    disk.make_folder(FOLDER)?;
    disk.sync_folder("")?;
    Ok(layout::replace(
        disk,
        FOLDER,
        &format!("{}{EXTENSION}", hold.case),
        &hold.text(),
    )?)
}

pub(crate) fn release(disk: &dyn Disk, case: &Case) -> Result<(), HoldError> {
    match disk.remove(&case.path()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(HoldError::Missing),
        other => other?,
    }
    Ok(disk.sync_folder(FOLDER)?)
}

/// Which cases keep a segment, given the one that follows it.
pub(crate) fn keeping<'a>(holds: &'a [Hold], name: &Name, next: Option<&Name>) -> impl Iterator<Item = &'a Case> {
    let (day, next) = (name.day, next.map(|next| next.day));
    holds
        .iter()
        .filter(move |hold| hold.keeps(day, next))
        .map(|hold| &hold.case)
}
