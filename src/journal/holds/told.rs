//! Which holds `events` tell of.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::{Case, Hold};
use crate::journal::disk::Disk;
use crate::journal::event::Event;
use crate::journal::{Lines, Log};

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
