//! What the events say about a time: where the journal has gaps, what was removed, which policies were in force.

use std::collections::HashSet;
use std::io;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::question::{Question, Read};
use crate::journal::{Lines, Log, Name};

/// Events that say what is missing of a time, or why something may be.
const OF_THAT_TIME: [&str; 9] = [
    "journal.start",
    "journal.stop",
    "journal.gap",
    "journal.failure",
    "policy.in_force",
    "segment.torn",
    "segment.copy",
    "clock.doubted",
    "witness.conflict",
];

/// An event that belongs to a bundle.
#[derive(Clone, Debug)]
pub struct Told {
    /// Its index in `events`.
    pub index: u64,
    /// Where it stands.
    pub segment: Name,
    /// Its line.
    pub text: Vec<u8>,
}

/// What the events say.
#[derive(Clone, Debug, Default)]
pub struct Gaps {
    /// Those that are disclosed with the records, in their order.
    pub events: Vec<Told>,
    /// The versions of the policies that were in force, the oldest first.
    pub policies: Vec<String>,
    /// Starts of that time that no stop came before: the process had been killed, or the power cut.
    pub crashes: u64,
}

impl Gaps {
    /// Reads the events: those of the time of the question; what removed records since it began; and what says where
    /// the records of the segments `touched` have their addresses.
    ///
    /// # Errors
    ///
    /// When the events cannot be read.
    pub fn read(question: &Question<'_>, touched: &HashSet<Name>) -> io::Result<Self> {
        let mut gaps = Self::default();
        // What was in force when the time began.
        let mut before = None;
        let mut is_running = false;
        let mut lines = Lines::of(question.folder, Log::Events, question.identities)?;
        while let Some(line) = lines.next_line()? {
            let Ok(event) = serde_json::from_slice::<Value>(line.text) else {
                continue; // another's line tells nothing
            };
            let text = |key: &str| event.get(key).and_then(Value::as_str);
            let name = text("event.name").unwrap_or_default();
            let Some(time) = text("time").and_then(|time| time.parse::<Timestamp>().ok()) else {
                continue;
            };
            let told = || Told {
                index: line.index,
                segment: line.segment,
                text: line.text.to_vec(),
            };
            let is_of_that_time = time >= question.from && time < question.to;
            match name {
                "journal.start" => {
                    gaps.crashes += u64::from(is_running && is_of_that_time);
                    is_running = true;
                }
                "journal.stop" => is_running = false,
                _ => {}
            }
            let belongs = match name {
                "policy.in_force" if time < question.from => {
                    before = text("policy.version").map(|version| (told(), version.to_owned()));
                    false
                }
                "retention.remove" => time >= question.from,
                "segment.begin" => {
                    let segment = text("segment").and_then(Name::parse);
                    text("log") == Some(Log::Access.folder()) && segment.is_some_and(|name| touched.contains(&name))
                }
                name => is_of_that_time && OF_THAT_TIME.contains(&name),
            };
            if !belongs {
                continue;
            }
            if name == "policy.in_force" {
                gaps.policies.extend(text("policy.version").map(str::to_owned));
            }
            gaps.events.push(told());
        }
        if let Some((told, version)) = before {
            gaps.policies.insert(0, version);
            gaps.events.push(told);
            gaps.events.sort_by_key(|told| told.index);
        }
        let mut seen = HashSet::new();
        gaps.policies.retain(|version| seen.insert(version.clone()));
        Ok(gaps)
    }

    /// `gaps.json`, where so many matched records of each log are not signed yet.
    pub(crate) fn to_json(&self, read: &Read, unsigned: &[(Log, u64)]) -> Value {
        let events = self.events.iter().map(|told| {
            let mut event: Value = serde_json::from_slice(&told.text).unwrap_or_default();
            event["index"] = told.index.into();
            event
        });
        let missing = read
            .missing
            .iter()
            .map(|(log, first, next)| json!({ "log": log.folder(), "first": first, "next": next }));
        let unsigned = unsigned
            .iter()
            .map(|(log, records)| (log.folder().to_owned(), Value::from(*records)));
        json!({
            "events": events.filter(|event| event["event.name"] != "segment.begin").collect::<Vec<_>>(),
            "missing": missing.collect::<Vec<_>>(),
            "not_signed_yet": unsigned.collect::<serde_json::Map<_, _>>(),
            "starts_after_a_crash": self.crashes,
            "requests_without_an_entry": read.arrivals.of_that_time,
            "not_understood": read.access.not_understood + read.arrivals.not_understood,
        })
    }
}
