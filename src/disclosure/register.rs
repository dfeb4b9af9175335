//! The lines of the register, and what can be counted of them. None of them can hold anything about a visitor.
//!
//! ```text
//! {"time":"…","event.name":"disclosure.requested","id":"2026-0001","case":"…","authority":"…","basis":"…",…}
//! {"time":"…","event.name":"disclosure.made","id":"2026-0001",…,"matched":12,"disclosed":12,"manifest.sha256":"…"}
//! {"time":"…","event.name":"disclosure.refused","id":"2026-0002",…,"reason":"…"}
//! {"time":"…","event.name":"find.answered","by":"…","narrowed_by":["address"],"matched":3}
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use jiff::Timestamp;
use jiff::tz::Offset;
use serde_json::{Map, Value, json};

use super::question::{Question, Read};
use super::sha256;
use crate::journal::age::Identities;
use crate::journal::{Case, Lines, Log};

/// Who asks, on what basis, and who decides. Texts are for people: a line each, and no visitor's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The case.
    pub case: Case,
    /// Who asks: the authority.
    pub authority: String,
    /// On what legal basis.
    pub basis: String,
    /// Who enters it: the member of the office's staff.
    pub by: String,
    /// The SHA-256 of the letter, in hexadecimal, if there was one.
    pub document: Option<String>,
}

/// What a line says has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One person asks for a disclosure; another has to make it.
    Requested,
    /// A bundle was made.
    Made,
    /// A demand was refused.
    Refused,
    /// A person was told what is kept.
    Answered,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Requested, Self::Made, Self::Refused, Self::Answered];

    /// Its `event.name`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Requested => "disclosure.requested",
            Self::Made => "disclosure.made",
            Self::Refused => "disclosure.refused",
            Self::Answered => "find.answered",
        }
    }
}

/// A line of the register.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// When it was written.
    pub time: Timestamp,
    /// What it says.
    pub kind: Kind,
    /// All of it.
    pub line: Value,
}

impl Entry {
    /// One of its texts.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.line.get(key).and_then(Value::as_str)
    }

    /// One of its numbers.
    pub fn number(&self, key: &str) -> Option<u64> {
        self.line.get(key).and_then(Value::as_u64)
    }

    /// The matter that it is about.
    pub fn id(&self) -> Option<&str> {
        self.text("id")
    }

    fn parse(line: &[u8]) -> Option<Self> {
        let line: Value = serde_json::from_slice(line).ok()?;
        let name = line.get("event.name")?.as_str()?;
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name)?;
        let time = line.get("time")?.as_str()?.parse().ok()?;
        Some(Self { time, kind, line })
    }
}

/// The register of the journal in `folder`, the oldest line first; empty if nothing was ever disclosed.
///
/// # Errors
///
/// When it cannot be read.
pub fn read(folder: &Path) -> io::Result<Vec<Entry>> {
    let mut lines = Lines::of(folder, Log::Disclosures, &Identities::default())?;
    let mut entries = Vec::new();
    while let Some(line) = lines.next_line()? {
        entries.extend(Entry::parse(line.text));
    }
    Ok(entries)
}

/// The name of the next matter: the year and a number, `2026-0001`.
pub fn next_id(entries: &[Entry], now: Timestamp) -> String {
    let year = year_of(now);
    let numbers = entries.iter().filter_map(|entry| {
        let (of, number) = entry.id()?.split_once('-')?;
        (of.parse() == Ok(year)).then(|| number.parse::<u64>().ok())?
    });
    format!("{year:04}-{:04}", numbers.max().unwrap_or_default().saturating_add(1))
}

/// What tells one demand from another, so that the second person makes what the first has asked for.
pub fn fingerprint(order: &Order, question: &Question<'_>) -> String {
    let Order {
        case, authority, basis, ..
    } = order;
    let asked = json!([
        case.as_str(),
        authority,
        basis,
        question.from.to_string(),
        question.to.to_string(),
        question.narrowed,
        question.addresses,
    ]);
    sha256(asked.to_string().as_bytes())
}

/// `disclosure.requested`.
pub fn requested(id: &str, order: &Order, question: &Question<'_>) -> Map<String, Value> {
    let mut line = of_order(id, order);
    asked(&mut line, question);
    line.insert("asked.sha256".to_owned(), fingerprint(order, question).into());
    line
}

/// `disclosure.refused`. Of a demand that was entered before, the time that it was about stands there.
pub fn refused(id: &str, order: &Order, reason: &str) -> Map<String, Value> {
    let mut line = of_order(id, order);
    line.insert("reason".to_owned(), reason.into());
    line
}

/// `disclosure.made`.
pub fn made(
    id: &str,
    order: &Order,
    requested_by: Option<&str>,
    question: &Question<'_>,
    counts: &Map<String, Value>,
    manifest: &str,
    encrypted: bool,
) -> Map<String, Value> {
    let mut line = of_order(id, order);
    if let Some(requested_by) = requested_by {
        line.insert("requested_by".to_owned(), requested_by.into());
    }
    asked(&mut line, question);
    line.extend(counts.clone());
    line.insert("encrypted".to_owned(), encrypted.into());
    line.insert("manifest.sha256".to_owned(), sha256(manifest.as_bytes()).into());
    line
}

/// `find.answered`.
pub fn answered(by: &str, narrowed: &[(&str, String)], read: &Read) -> Map<String, Value> {
    let by_what: Vec<_> = narrowed.iter().map(|(by, _)| *by).collect();
    let mut line = Map::new();
    line.insert("by".to_owned(), by.into());
    line.insert("narrowed_by".to_owned(), by_what.into());
    line.insert(
        "scanned".to_owned(),
        (read.access.scanned + read.arrivals.scanned).into(),
    );
    line.insert(
        "matched".to_owned(),
        (read.access.matched + read.arrivals.matched).into(),
    );
    line
}

fn of_order(id: &str, order: &Order) -> Map<String, Value> {
    let Order {
        case,
        authority,
        basis,
        by,
        document,
    } = order;
    let texts = [
        ("id", id),
        ("case", case.as_str()),
        ("authority", authority),
        ("basis", basis),
        ("by", by),
    ];
    let mut line: Map<_, _> = texts
        .into_iter()
        .map(|(key, text)| (key.to_owned(), Value::from(text)))
        .collect();
    if let Some(document) = document {
        line.insert("document.sha256".to_owned(), document.as_str().into());
    }
    line
}

/// Of the filter only what it is by: the address itself is about a visitor.
fn asked(line: &mut Map<String, Value>, question: &Question<'_>) {
    let by: Vec<_> = question.narrowed.iter().map(|(by, _)| *by).collect();
    line.insert("from".to_owned(), question.from.to_string().into());
    line.insert("to".to_owned(), question.to.to_string().into());
    line.insert("narrowed_by".to_owned(), by.into());
    line.insert("addresses".to_owned(), question.addresses.into());
}

/// What the office may publish about a year: numbers, and nobody's name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Year {
    /// Demands of authorities, whatever became of them.
    pub demands: u64,
    /// Those that led to a disclosure.
    pub disclosed: u64,
    /// Those that were refused.
    pub refused: u64,
    /// Those that were neither, by the end of the register.
    pub pending: u64,
    /// Records that were disclosed.
    pub records: u64,
    /// Questions of persons about what is kept of them that were answered.
    pub answered: u64,
}

/// The counts of each year, by the year in which a matter was entered.
pub fn years(entries: &[Entry]) -> BTreeMap<i16, Year> {
    let mut years: BTreeMap<i16, Year> = BTreeMap::new();
    let mut matters: BTreeMap<&str, (i16, BTreeSet<&str>)> = BTreeMap::new();
    for entry in entries {
        let year = year_of(entry.time);
        match (entry.kind, entry.id()) {
            (Kind::Answered, _) => years.entry(year).or_default().answered += 1,
            (kind, Some(id)) => {
                matters
                    .entry(id)
                    .or_insert((year, BTreeSet::new()))
                    .1
                    .insert(kind.name());
                let records = entry.number("disclosed").unwrap_or_default();
                years.entry(year).or_default().records += records;
            }
            (_, None) => {}
        }
    }
    for (year, kinds) in matters.values() {
        let year = years.entry(*year).or_default();
        let has = |kind: Kind| kinds.contains(kind.name());
        year.demands += 1;
        match (has(Kind::Made), has(Kind::Refused)) {
            (true, _) => year.disclosed += 1,
            (false, true) => year.refused += 1,
            (false, false) => year.pending += 1,
        }
    }
    years
}

fn year_of(time: Timestamp) -> i16 {
    Offset::UTC.to_datetime(time).year()
}
