//! What a verification comes to.

use std::ops::Range;

use jiff::Timestamp;

use super::finding::Findings;
use crate::journal::Log;

/// What a verification of a journal came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The site whose journal it is.
    pub origin: String,
    /// Its events, which were verified first.
    pub events: LogReport,
    /// What it keeps about requests.
    pub access: LogReport,
    /// The further logs that it has, or should have.
    pub others: Vec<LogReport>,
    /// Exchanges that have no entry, or not what strict durability promises, as the events say.
    pub gaps: Gaps,
}

impl Report {
    /// All its logs.
    pub fn logs(&self) -> impl Iterator<Item = &LogReport> {
        [&self.events, &self.access].into_iter().chain(&self.others)
    }

    /// The whole of it in a word.
    pub fn verdict(&self) -> Verdict {
        let any = |is: fn(&Findings) -> bool| self.logs().any(|log| is(&log.findings));
        if any(Findings::any_wrong) {
            Verdict::Wrong
        } else if any(|findings| !findings.is_empty()) {
            Verdict::Warnings
        } else {
            Verdict::Whole
        }
    }
}

/// What a journal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All that was signed is there, and unchanged.
    Whole,
    /// That too; something should be looked at.
    Warnings,
    /// Something was changed, or is missing.
    Wrong,
}

/// What a verification of one log came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogReport {
    /// Which.
    pub log: Log,
    /// The records that the log's checkpoint covers; `None` if none can be believed.
    pub signed: Option<u64>,
    /// Lines that were compared.
    pub records: u64,
    /// Those that are encrypted, and that no identity opened.
    pub sealed: Sealed,
    /// Records that have no line because retention removed them, with the signed entries that say so.
    pub removed: Vec<Removed>,
    /// Records behind the checkpoint.
    pub unsigned: Unsigned,
    /// The newest checkpoint kept elsewhere, or signed by a witness, that the log agrees with.
    pub trusted: Option<Trusted>,
    /// What witnesses whose keys are known signed, as it is kept in the journal; the smallest first.
    pub cosigned: Vec<Cosigned>,
    /// How many checkpoints kept there are signed by nobody whose key is known.
    pub cosigned_by_strangers: u64,
    /// How many checkpoints kept elsewhere were compared, those signed by witnesses among them.
    pub trusted_compared: u64,
    /// The notes in `checkpoints` that were compared with the records.
    pub notes: u64,
    /// Those that end among removed records, of which only signature and order could be checked.
    pub notes_out_of_reach: u64,
    /// What is wrong.
    pub findings: Findings,
}

impl LogReport {
    pub(super) fn new(log: Log) -> Self {
        Self {
            log,
            signed: None,
            records: 0,
            sealed: Sealed::default(),
            removed: Vec::new(),
            unsigned: Unsigned::default(),
            trusted: None,
            cosigned: Vec::new(),
            cosigned_by_strangers: 0,
            trusted_compared: 0,
            notes: 0,
            notes_out_of_reach: 0,
            findings: Findings::default(),
        }
    }

    /// The first record that somebody who holds the log's key could have changed since, and how many there are from
    /// there on, as far as they are there.
    pub fn changeable(&self) -> (u64, u64) {
        let from = self.trusted.map_or(0, |trusted| trusted.size);
        let end = self.signed.unwrap_or_default() + self.unsigned.records;
        (from, end.saturating_sub(from))
    }
}

/// Records that retention removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// The first.
    pub first: u64,
    /// The first after them.
    pub next: u64,
    /// The version of the policy that asked for it.
    pub policy: String,
    /// The entries of `events` that say so, from the first to before the last's successor.
    pub events: Range<u64>,
}

/// Records in encrypted segments that no identity opened. Their hashes were compared, and their files, whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sealed {
    /// How many segments.
    pub segments: u64,
    /// How many records.
    pub records: u64,
}

/// Records behind the checkpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unsigned {
    /// How many.
    pub records: u64,
    /// When the first of them was made, as far as it says.
    pub since: Option<Timestamp>,
}

/// A checkpoint that was kept elsewhere, and that the log agrees with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trusted {
    /// Its records.
    pub size: u64,
    /// When it was signed, as far as it or its last record says.
    pub time: Option<Timestamp>,
}

/// A checkpoint with a witness's signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosigned {
    /// The name of its key.
    pub witness: String,
    /// The records of the checkpoint.
    pub size: u64,
    /// When it was signed, by the witness's clock.
    pub time: Option<Timestamp>,
}

/// Exchanges that have no entry, or not what strict durability promises, as the events say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gaps {
    /// Refused for want of a place.
    pub refused: u64,
    /// Served, or cut off at the stop.
    pub unrecorded: u64,
    /// Answered before their arrival was durable.
    pub unsynced: u64,
    /// Events that were given up.
    pub events: u64,
    /// The first of them.
    pub listed: Vec<Gap>,
    /// How many more there are.
    pub more: u64,
}

impl Gaps {
    const LISTED: usize = 100;

    pub(super) fn add(&mut self, gap: Gap) {
        self.refused = self.refused.saturating_add(gap.refused);
        self.unrecorded = self.unrecorded.saturating_add(gap.unrecorded);
        self.unsynced = self.unsynced.saturating_add(gap.unsynced);
        self.events = self.events.saturating_add(gap.events);
        if self.listed.len() < Self::LISTED {
            self.listed.push(gap);
        } else {
            self.more += 1;
        }
    }
}

/// A time in which that was so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Refused for want of a place.
    pub refused: u64,
    /// Served, or cut off at the stop.
    pub unrecorded: u64,
    /// Answered before their arrival was durable.
    pub unsynced: u64,
    /// Events that were given up.
    pub events: u64,
    /// From.
    pub from: Option<Timestamp>,
    /// To.
    pub to: Option<Timestamp>,
    /// Whether the entry that says so is signed.
    pub signed: bool,
}
