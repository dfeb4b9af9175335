//! What a site's journal has of the last quarter of an hour, and what comes.

use std::collections::VecDeque;
use std::path::PathBuf;

use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::super::journal::{cannot_read, event, open, readable};
use super::super::speech::Problem;
use super::tally::{Tally, WINDOW};
use crate::entry::Record;
use crate::journal::age::Identities;
use crate::journal::{Addresses, Format, Glance, Line, Lines, Log, Name};

/// So many lines are read before somebody looks at the keyboard again.
const AT_ONCE: usize = 10_000;
/// How the journal is, is looked at so often.
const GLANCE: SignedDuration = SignedDuration::from_secs(1);

/// One site that is watched.
pub(super) struct Feed {
    /// What it is called: its first host name.
    pub(super) name: String,
    folder: PathBuf,
    /// What is yet to be read of `access`, a segment each; the last one is followed.
    segments: VecDeque<Lines>,
    addresses: Addresses,
    events: Lines,
    /// Whether all was read once. What comes then comes now.
    caught_up: bool,
    pub(super) tally: Tally,
    pub(super) health: Health,
}

/// How a journal is.
#[derive(Clone, Debug, Default)]
pub(super) struct Health {
    /// The segment of the last record, and how many records there are.
    pub(super) at: Option<(Name, u64)>,
    /// When that one ended, as far as it says.
    pub(super) last: Option<Timestamp>,
    pub(super) glance: Glance,
    glanced: Option<Timestamp>,
    /// The last event.
    pub(super) event: Option<Told>,
    /// The last that tells of something lost or broken.
    pub(super) trouble: Option<Told>,
}

/// An event.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) time: Timestamp,
    pub(super) what: String,
}

/// Events that somebody should know of.
const TROUBLES: [&str; 6] = [
    "clock.doubted",
    "journal.failure",
    "journal.gap",
    "segment.torn",
    "witness.conflict",
    "witness.refused",
];

impl Feed {
    pub(super) fn open(name: String, folder: PathBuf, now: Timestamp) -> Result<Self, Problem> {
        let identities = Identities::default(); // what is encrypted was closed long ago
        let begin = Timestamp::from_second(now.as_second() - WINDOW).unwrap_or(now);
        let day = Offset::UTC.to_datetime(begin).date();
        let mut lines = open(&folder, Log::Access, &identities)?.since(day);
        let mut feed = Self {
            segments: VecDeque::new(),
            addresses: Addresses::of(&folder, &identities).map_err(cannot_read)?,
            events: open(&folder, Log::Events, &identities)?.since(day),
            name,
            folder,
            caught_up: false,
            tally: Tally::default(),
            health: Health::default(),
        };
        // Backwards, up to the segment that begins before that time.
        while let Some(mut segment) = lines.split_last() {
            let first = match segment.next_line().map_err(cannot_read)? {
                Some(first) => feed.seen().take(first, None)?,
                None => None,
            };
            feed.segments.push_front(segment);
            if first.is_some_and(|first| first < begin) {
                break;
            }
        }
        if feed.segments.is_empty() {
            feed.segments.push_back(lines);
        }
        Ok(feed)
    }

    /// Reads what there is, or a part of it. Whether that was all.
    pub(super) fn read(&mut self, now: Timestamp) -> Result<bool, Problem> {
        self.look_at_health(now)?;
        self.tally.forget(now.as_second());
        for _ in 0..AT_ONCE {
            let more = self.segments.len() > 1;
            let Some(mut segment) = self.segments.pop_front() else {
                break;
            };
            let line = segment.next_line().map_err(cannot_read)?;
            let is_over = line.is_none();
            if let Some(line) = line {
                let now = Some(now).filter(|_| self.caught_up);
                self.seen().take(line, now)?;
            }
            if is_over && !more {
                self.caught_up = true;
                segment.look().map_err(cannot_read)?;
            }
            if !is_over || !more {
                self.segments.push_front(segment);
            }
            if is_over && !more {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// How much there is to be read before all is known, in bytes; nothing afterwards.
    pub(super) fn ahead(&self) -> Option<u64> {
        let ahead = |segment: &Lines| segment.ahead().map_or(0, |(_, bytes)| bytes);
        (!self.caught_up).then(|| self.segments.iter().map(ahead).sum())
    }

    fn look_at_health(&mut self, now: Timestamp) -> Result<(), Problem> {
        let health = &mut self.health;
        if health.glanced.is_some_and(|at| now.duration_since(at).abs() < GLANCE) {
            return Ok(());
        }
        health.glanced = Some(now);
        health.glance = Glance::at(&self.folder);
        while let Some(line) = self.events.next_line().map_err(cannot_read)? {
            if let Ok((event, time)) = event(line.text) {
                health.take(&event, time);
            }
        }
        self.events.look().map_err(cannot_read)
    }

    fn seen(&mut self) -> Seen<'_> {
        Seen {
            addresses: &mut self.addresses,
            tally: &mut self.tally,
            health: &mut self.health,
        }
    }
}

/// Where a line goes.
struct Seen<'a> {
    addresses: &'a mut Addresses,
    tally: &'a mut Tally,
    health: &'a mut Health,
}

impl Seen<'_> {
    /// Takes a line; one that does not say when it ended did `now`, if that is known. Gives the time that it says. What
    /// is no record is left to `journal verify`.
    fn take(self, line: Line<'_>, now: Option<Timestamp>) -> Result<Option<Timestamp>, Problem> {
        let Line { index, segment, text } = line;
        let Ok(mut record) = Record::decode(text, segment.format, segment.day) else {
            return Ok(None);
        };
        let address = self.addresses.find(segment, index).map_err(cannot_read)?;
        if let Some(Ok(address)) = address
            .as_ref()
            .map(|found| Record::decode(&found.text, Format::JsonLines, segment.day))
        {
            record.join(address);
        }
        let said = record.sent().or_else(|| record.timestamp());
        if let Some(time) = said.or(now) {
            let is_precise = segment.format == Format::JsonLines;
            self.tally.take(&record, time.as_second(), is_precise);
        }
        if self.health.at.is_none_or(|(_, records)| index >= records) {
            self.health.at = Some((segment, index + 1));
            self.health.last = said;
        }
        Ok(said)
    }
}

impl Health {
    fn take(&mut self, event: &Value, time: Timestamp) {
        let name = event.get("event.name").and_then(Value::as_str).unwrap_or_default();
        let others = event.as_object().into_iter().flatten();
        let told = others
            .filter(|(key, _)| !matches!(key.as_str(), "time" | "event.name"))
            .map(|(key, value)| match value {
                Value::String(text) => format!(" {key}={text}"),
                value => format!(" {key}={value}"),
            });
        let what = readable(&format!("{name}{}", told.collect::<String>()));
        if TROUBLES.contains(&name) {
            self.trouble = Some(Told {
                time,
                what: what.clone(),
            });
        }
        self.event = Some(Told { time, what });
    }
}
