//! Holds: what retention must not remove while a case is open.
//!
//! A hold is a small file, `holds/<case>.toml`, written and removed by a command, whether or not a process has the
//! journal open; it needs no lock, for each file is whole under its name or not there. The process that writes the
//! journal reads all of them at its start and each hour, before it removes anything, and tells in `events` what has
//! changed since the last hold that was told. So the events are told by the one who writes events, and in the order of
//! what retention did.
//!
//! A hold that cannot be read holds everything back: what is removed is gone for good.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::disk::{Disk, Folder};
use super::event::Event;
use super::layout::{self, Marker};
use super::segment::{self, Name};
use super::{Lines, Log, recovery};

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

    fn text(&self) -> String {
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

    fn parse(case: &Case, text: &str) -> Option<Self> {
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

    /// The segments of `access` that are there now and that a hold keeps, the oldest first.
    ///
    /// # Errors
    ///
    /// [`HoldError::Disk`].
    pub fn segments(&self, hold: &Hold) -> Result<Vec<Name>, HoldError> {
        let names = segment::list(&*self.disk, Log::Access)?;
        let next = names.iter().skip(1).map(|next| Some(next.day)).chain([None]);
        let kept = names
            .iter()
            .zip(next)
            .filter(|(name, next)| hold.keeps(name.day, *next));
        Ok(kept.map(|(name, _)| *name).collect())
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

/// The holds that `events` tell of, so that each change is told once, across restarts too.
pub(crate) struct Told(BTreeMap<Case, (Timestamp, Timestamp)>);

impl Told {
    /// What the events say.
    pub(crate) fn read(disk: &Arc<dyn Disk>) -> io::Result<Self> {
        let mut told = BTreeMap::new();
        let mut lines = Lines::on(Arc::clone(disk), Log::Events)?;
        let about_holds = memchr::memmem::Finder::new(b"\"event.name\":\"hold.");
        while let Some(line) = lines.next_line()? {
            if about_holds.find(line.text).is_none() {
                continue;
            }
            let event: Value = serde_json::from_slice(line.text).unwrap_or_default(); // another's line tells nothing
            let text = |key: &str| event.get(key).and_then(Value::as_str);
            let time = |key: &str| text(key)?.parse::<Timestamp>().ok();
            let Some(case) = text("case").and_then(Case::parse) else {
                continue;
            };
            match (text("event.name"), time("from"), time("to")) {
                (Some("hold.set"), Some(from), Some(to)) => told.insert(case, (from, to)),
                (Some("hold.release"), _, _) => told.remove(&case),
                _ => None,
            };
        }
        Ok(Self(told))
    }

    /// What is to be told of the holds that are there now. It counts as told.
    pub(crate) fn changes(&mut self, holds: &[Hold]) -> Vec<Event> {
        let now: BTreeMap<_, _> = holds
            .iter()
            .map(|hold| (hold.case.clone(), (hold.from, hold.to)))
            .collect();
        let released = self.0.keys().filter(|case| !now.contains_key(case));
        let mut events: Vec<_> = released.map(|case| Event::Release { case: case.clone() }).collect();
        let set = now.iter().filter(|(case, time)| self.0.get(case) != Some(time));
        events.extend(set.map(|(case, &(from, to))| Event::Hold {
            case: case.clone(),
            from,
            to,
        }));
        self.0 = now;
        events
    }
}

/// Which cases keep a segment, given the one that follows it.
pub(crate) fn keeping<'a>(holds: &'a [Hold], name: &Name, next: Option<&Name>) -> impl Iterator<Item = &'a Case> {
    let (day, next) = (name.day, next.map(|next| next.day));
    holds
        .iter()
        .filter(move |hold| hold.keeps(day, next))
        .map(|hold| &hold.case)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;
    use crate::journal::simulated::Simulated;

    fn hold(from: &str, to: &str) -> Hold {
        Hold {
            case: Case::parse("RPD-12.2026").unwrap(),
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
            set: "2026-11-21T20:00:00Z".parse().unwrap(),
            reason: Some("pismo \"RPD\" \\ 12".to_owned()),
        }
    }

    #[test]
    fn a_hold_is_read_as_it_is_set_once_and_is_gone_when_released() {
        let disk = Simulated::default();
        layout::init_on(&disk, "town.example").unwrap();
        assert!(list(&disk).unwrap().is_empty());
        let hold = hold("2026-11-01T00:00:00Z", "2026-11-02T00:00:00.5Z");
        set(&disk, &hold).unwrap();
        assert_eq!(list(&disk).unwrap(), std::slice::from_ref(&hold));
        assert!(matches!(set(&disk, &hold), Err(HoldError::Exists)));
        release(&disk, &hold.case).unwrap();
        assert!(list(&disk).unwrap().is_empty());
        assert!(matches!(release(&disk, &hold.case), Err(HoldError::Missing)));
    }

    #[test]
    fn what_is_not_a_hold_is_not_set() {
        let disk = Simulated::default();
        let time = "2026-11-01T00:00:00Z";
        assert!(matches!(set(&disk, &hold(time, time)), Err(HoldError::Empty)));
        for reason in ["a\nb".to_owned(), "a".repeat(501)] {
            let mut hold = hold(time, "2026-11-02T00:00:00Z");
            hold.reason = Some(reason);
            assert!(matches!(set(&disk, &hold), Err(HoldError::Reason)));
        }
        for case in ["", ".new", "../a", "a/b", "a b", "ż", "-a", &"a".repeat(65)] {
            assert_eq!(Case::parse(case), None, "{case}");
        }
    }

    #[test]
    fn a_damaged_hold_is_no_missing_hold() {
        for text in ["", "case = \"b\"", "case = \"a\"\nfrom = 1\n", "\u{0}"] {
            let disk = Simulated::default();
            disk.make_folder(FOLDER).unwrap();
            disk.put("holds/a.toml", text.as_bytes());
            assert!(matches!(list(&disk), Err(HoldError::Damaged { case }) if case == "a"));
        }
    }

    #[test]
    fn a_hold_keeps_the_days_that_it_touches_and_those_next_to_them() {
        let hold = hold("2026-11-10T08:00:00Z", "2026-11-11T00:00:00Z");
        let days =
            (1..=30).filter(|day| hold.keeps(date(2026, 11, *day), Some(date(2026, 11, *day).tomorrow().unwrap())));
        assert_eq!(days.collect::<Vec<_>>(), [9, 10, 11]);
        let last = Some(date(2026, 11, 20));
        assert!(
            hold.keeps(date(2026, 11, 1), last),
            "it may hold what waited for a failed disk"
        );
    }

    proptest! {
        #[test]
        fn any_case_and_reason_read_back(case in "\\PC{0,8}|[a-z0-9._-]{1,64}", reason in prop::option::of("\\PC{0,40}")) {
            if let Some(case) = Case::parse(&case) {
                let mut hold = hold("2026-11-10T08:00:00Z", "2026-11-11T00:00:00Z");
                hold.case = case.clone();
                hold.reason = reason.filter(|reason| !reason.chars().any(char::is_control));
                prop_assert_eq!(Hold::parse(&case, &hold.text()), Some(hold));
            }
        }

        #[test]
        fn any_file_is_survived(text in "\\PC{0,60}|(case = \"a\"\n)?(from = [0-9T:Z-]{1,20}\n)?") {
            Hold::parse(&Case::parse("a").unwrap(), &text);
        }
    }
}
