//! What `events` tells about a journal, as far as it explains what is found.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use jiff::Timestamp;
use serde_json::Value;

use super::report::{Gap, Gaps, Removed};
use crate::journal::Log;
use crate::journal::segment::Name;

/// What the events said that bears on a verification. It grows with the number of segments, not with their records.
#[derive(Debug, Default)]
pub(in crate::journal) struct Told {
    removals: Vec<Removal>,
    pub(super) gaps: Gaps,
    announced: HashSet<(Log, Name)>,
    torn: HashSet<(Log, Name)>,
    /// The SHA-256 of encrypted segments, in hexadecimal.
    packed: HashMap<(Log, Name), String>,
    /// Segments of each log that were given up because the disk failed.
    failures: [u64; Log::ALL.len()],
}

/// One `retention.remove`, or several with the same policy that follow each other.
#[derive(Debug)]
struct Removal {
    log: Log,
    removed: Removed,
    signed: bool,
}

/// Records without lines.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Absent {
    /// Nothing explains it.
    Unexplained(Range<u64>),
    /// An entry that is not signed would.
    Unsigned(Range<u64>, u64),
}

impl Told {
    /// Takes the event at this index.
    pub(in crate::journal) fn take(&mut self, index: u64, line: &[u8], signed: bool) {
        let Ok(event) = serde_json::from_slice::<Value>(line) else {
            return; // compared with its hash all the same
        };
        let text = |key: &str| event.get(key).and_then(Value::as_str);
        let number = |key: &str| event.get(key).and_then(Value::as_u64);
        let time = |key: &str| text(key).and_then(|time| time.parse::<Timestamp>().ok());
        let log = text("log").and_then(|name| Log::ALL.into_iter().find(|log| log.folder() == name));
        let segment = text("segment").and_then(Name::parse);
        match text("event.name") {
            Some("segment.begin") => self.announced.extend(log.zip(segment)),
            Some("segment.torn") => self.torn.extend(log.zip(segment)),
            Some("segment.copy") => {
                self.announced.extend(log.zip(segment));
                self.torn.extend(log.zip(text("from").and_then(Name::parse)));
            }
            Some("segment.pack") if signed => {
                let sha256 = text("sha256").map(str::to_owned);
                self.packed.extend(log.zip(segment).zip(sha256));
            }
            Some("journal.failure") => {
                for log in log.into_iter().flat_map(Log::fails_with) {
                    self.failures[*log as usize] += 1;
                }
            }
            Some("journal.gap") => {
                let count = |key| number(key).unwrap_or_default();
                self.gaps.add(Gap {
                    refused: count("refused"),
                    unrecorded: count("unrecorded"),
                    unsynced: count("unsynced"),
                    events: count("events"),
                    from: time("from"),
                    to: time("to"),
                    signed,
                });
            }
            Some("retention.remove") => {
                if let (Some(log), Some(first), Some(next)) = (log, number("first"), number("next")) {
                    let policy = text("policy.version").unwrap_or_default().to_owned();
                    let events = index..index + 1;
                    let removed = Removed {
                        first,
                        next,
                        policy,
                        events,
                    };
                    self.remove(Removal { log, removed, signed });
                }
            }
            _ => {}
        }
    }

    /// Takes a line of the register, which tells of its own ends.
    pub(in crate::journal) fn take_of_itself(&mut self, line: &[u8]) {
        let Ok(event) = serde_json::from_slice::<Value>(line) else {
            return; // compared with its hash all the same
        };
        let text = |key: &str| event.get(key).and_then(Value::as_str);
        let segment = match text("event.name") {
            Some("segment.torn") => text("segment"),
            Some("segment.copy") => text("from"),
            _ => None,
        };
        self.torn
            .extend(segment.and_then(Name::parse).map(|segment| (Log::Disclosures, segment)));
    }

    fn remove(&mut self, new: Removal) {
        match self.removals.last_mut() {
            Some(last)
                if (last.log, last.signed, last.removed.next, &last.removed.policy)
                    == (new.log, new.signed, new.removed.first, &new.removed.policy) =>
            {
                last.removed.next = new.removed.next;
                last.removed.events.end = new.removed.events.end;
            }
            _ => self.removals.push(new),
        }
    }

    pub(super) fn removed(&self, log: Log) -> Vec<Removed> {
        let signed = self
            .removals
            .iter()
            .filter(|removal| removal.log == log && removal.signed);
        signed.map(|removal| removal.removed.clone()).collect()
    }

    /// The parts of a range of records without lines that no signed entry removes.
    pub(super) fn unexplained(&self, log: Log, range: Range<u64>) -> Vec<Absent> {
        let of = |signed| {
            self.removals
                .iter()
                .filter(move |removal| removal.log == log && removal.signed == signed)
        };
        let mut rest = vec![range];
        for removal in of(true) {
            rest = rest
                .into_iter()
                .flat_map(|range| without(range, &removal.removed))
                .collect();
        }
        let mut absent = Vec::new();
        for removal in of(false) {
            let Removed {
                first, next, events, ..
            } = &removal.removed;
            for range in &rest {
                let (first, next) = (range.start.max(*first), range.end.min(*next));
                if first < next {
                    absent.push(Absent::Unsigned(first..next, events.start));
                }
            }
            rest = rest
                .into_iter()
                .flat_map(|range| without(range, &removal.removed))
                .collect();
        }
        absent.extend(rest.into_iter().map(Absent::Unexplained));
        absent
    }

    /// Whether signed entries take away all of a range of records.
    pub(in crate::journal) fn explains(&self, log: Log, range: Range<u64>) -> bool {
        self.unexplained(log, range).is_empty()
    }

    pub(super) fn announced(&self, log: Log, segment: Name) -> bool {
        self.announced.contains(&(log, segment))
    }

    /// Whether a segment of this log was ever begun.
    pub(in crate::journal) fn tells_of(&self, log: Log) -> bool {
        self.announced.iter().any(|(of, _)| *of == log)
    }

    pub(in crate::journal) fn packed(&self, log: Log, segment: Name) -> Option<&String> {
        self.packed.get(&(log, segment))
    }

    pub(in crate::journal) fn torn(&self, log: Log, segment: Name) -> bool {
        self.torn.contains(&(log, segment))
    }

    /// Takes one failure as the reason for something.
    pub(in crate::journal) fn spend_failure(&mut self, log: Log) -> bool {
        let failures = &mut self.failures[log as usize];
        let any = *failures > 0;
        *failures = failures.saturating_sub(1);
        any
    }
}

/// A range without what was removed: up to two.
fn without(range: Range<u64>, removed: &Removed) -> impl Iterator<Item = Range<u64>> + use<> {
    let before = range.start..range.end.min(removed.first);
    let after = range.start.max(removed.next)..range.end;
    let parts = match removed.first < removed.next {
        true => [before, after],
        false => [range.clone(), range.end..range.end],
    };
    parts.into_iter().filter(|range| range.start < range.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn removal(told: &mut Told, index: u64, first: u64, next: u64, signed: bool) {
        let line = format!(
            r#"{{"event.name":"retention.remove","log":"access","segments":1,"first":{first},"next":{next},"policy.version":"1"}}"#
        );
        told.take(index, line.as_bytes(), signed);
    }

    #[test]
    fn what_a_signed_entry_removes_is_explained_and_no_more() {
        let mut told = Told::default();
        removal(&mut told, 3, 0, 10, true);
        removal(&mut told, 4, 10, 20, true);
        removal(&mut told, 9, 30, 40, false);
        assert_eq!(told.removed(Log::Access).len(), 1);
        assert_eq!(told.unexplained(Log::Access, 0..20), []);
        assert_eq!(
            told.unexplained(Log::Access, 5..45),
            [
                Absent::Unsigned(30..40, 9),
                Absent::Unexplained(20..30),
                Absent::Unexplained(40..45)
            ]
        );
        assert_eq!(told.unexplained(Log::Events, 0..5), [Absent::Unexplained(0..5)]);
    }

    #[test]
    fn an_entry_that_ends_before_it_begins_explains_nothing() {
        let mut told = Told::default();
        removal(&mut told, 0, 20, 10, true);
        assert_eq!(told.unexplained(Log::Access, 0..30), [Absent::Unexplained(0..30)]);
    }
}
