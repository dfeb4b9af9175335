//! The cookies that the events of a journal tell of, as though it had been one long day.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::disk::{Disk, Folder};
use super::hourly;
use crate::cookies::{Counts, Traffic, Verdict};

/// Which cookies were seen, by name, and what became of them. Names and numbers, never values.
#[derive(Debug, Default)]
pub struct Inventory {
    /// What has a name of its own in the events. What the policy lists is there even if it was never seen.
    pub seen: BTreeMap<String, SeenCookie>,
    /// What has none: malformed, too long, personal, or one too many.
    pub others: Traffic,
    /// Whether nothing is changed at the moment: then verdicts say what would become of cookies.
    pub only_observed: bool,
    /// When the first and the last of these events was written.
    pub told: Option<(Timestamp, Timestamp)>,
}

/// One name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SeenCookie {
    /// Whether the policy listed it when it was told last.
    pub declared: bool,
    /// How often, and what became of it.
    pub traffic: Traffic,
    /// The first and the last event in which it was seen: it was there in the hour before.
    pub told: Option<(Timestamp, Timestamp)>,
}

impl SeenCookie {
    /// Whether the CMS sets it. If not, scripts do, or it stems from earlier days.
    pub fn is_from_cms(&self) -> bool {
        self.traffic.set.sum() > 0
    }
}

impl Inventory {
    /// What the journal in `folder` tells of, from events of `since` on. The journal may be written meanwhile.
    ///
    /// # Errors
    ///
    /// When the events cannot be read.
    pub fn of(folder: &Path, since: Option<Timestamp>) -> io::Result<Self> {
        Self::on(Arc::new(Folder::new(folder)), since)
    }

    pub(crate) fn on(disk: Arc<dyn Disk>, since: Option<Timestamp>) -> io::Result<Self> {
        let mut inventory = Self::default();
        hourly::read(disk, "cookies.seen", |event, time, run| {
            inventory.take(event, time, run, since.is_none_or(|since| time >= since));
        })?;
        Ok(inventory)
    }

    /// What was seen and is not in the policy.
    pub fn undeclared(&self) -> impl Iterator<Item = (&str, &SeenCookie)> {
        let seen = self.seen.iter().map(|(name, cookie)| (name.as_str(), cookie));
        seen.filter(|(_, cookie)| !cookie.declared && cookie.told.is_some())
    }

    /// Whether a name came only in the last week, to a site that has been watched for longer.
    pub fn is_new(&self, cookie: &SeenCookie) -> bool {
        hourly::is_new(cookie.told, self.told)
    }

    /// Takes what an event tells beyond the one before it, which counted the same cookies; if it `counts`.
    fn take(&mut self, event: &Value, time: Timestamp, run: &mut Run, counts: bool) {
        if counts {
            self.only_observed = event["mode"] == "observe";
            hourly::tell(&mut self.told, time);
        }
        for (name, cookie) in event["cookies"].as_object().into_iter().flatten() {
            let more = run.more(Some(name), traffic(cookie));
            if !counts {
                continue;
            }
            let seen = self.seen.entry(name.clone()).or_default();
            seen.declared = cookie["declared"] == true;
            seen.traffic = seen.traffic.plus(more);
            if more != Traffic::default() {
                hourly::tell(&mut seen.told, time);
            }
        }
        let more = run.more(None, traffic(&event["others"]));
        if counts {
            self.others = self.others.plus(more);
        }
    }
}

/// What was told since the counting began: each event tells all of it again.
#[derive(Default)]
struct Run(BTreeMap<Option<String>, Traffic>);

impl Run {
    /// What is told now beyond what was told.
    fn more(&mut self, name: Option<&String>, now: Traffic) -> Traffic {
        let before = self.0.insert(name.cloned(), now).unwrap_or_default();
        now.beyond(before)
    }
}

fn traffic(told: &Value) -> Traffic {
    let counts = |direction: &str| -> Counts {
        let named = |verdict: Verdict| (verdict, told[direction][verdict.name()].as_u64().unwrap_or_default());
        Verdict::ALL.into_iter().map(named).collect()
    };
    Traffic {
        sent: counts("sent"),
        set: counts("set"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::layout;
    use crate::journal::simulated::Simulated;

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
    }

    fn inventory(lines: &[&str], since: Option<&str>) -> Inventory {
        let disk = Simulated::default();
        layout::init_on(&disk, "town.example").unwrap();
        disk.put("events/20261121-00000000000000000000.jsonl", lines.concat().as_bytes());
        Inventory::on(Arc::new(disk), since.map(at)).unwrap()
    }

    const LINES: [&str; 6] = [
        "{\"time\":\"2026-11-21T08:00:00Z\",\"event.name\":\"journal.start\",\"service.version\":\"0.1.0\"}\n",
        "{\"time\":\"2026-11-21T09:00:00Z\",\"event.name\":\"cookies.seen\",\"mode\":\"observe\",\"cookies\":{\
         \"_ga\":{\"declared\":false,\"sent\":{\"stripped\":3}},\"sid\":{\"declared\":true,\"set\":{\"limited\":1}}},\
         \"others\":{\"sent\":{\"stripped\":1}}}\n",
        "{\"time\":\"2026-11-21T10:00:00Z\",\"event.name\":\"cookies.seen\",\"mode\":\"observe\",\"cookies\":{\
         \"_ga\":{\"declared\":false,\"sent\":{\"stripped\":5}},\"sid\":{\"declared\":true,\"set\":{\"limited\":1}}},\
         \"others\":{\"sent\":{\"stripped\":1}}}\n",
        "{\"time\":\"2026-11-22T08:00:00Z\",\"event.name\":\"policy.in_force\",\"policy.version\":\"2\"}\n",
        "{\"time\":\"2026-11-22T09:00:00Z\",\"event.name\":\"cookies.seen\",\"mode\":\"enforce\",\"cookies\":{\
         \"_ga\":{\"declared\":true,\"sent\":{\"passed\":2}},\"new\":{\"declared\":true}},\"others\":{}}\n",
        "not an event of ours: \"event.name\":\"cookies.seen\"\n",
    ];

    #[test]
    fn what_several_runs_have_seen_is_added_up_and_nothing_is_counted_twice() {
        let inventory = inventory(&LINES, None);
        let ga = inventory.seen["_ga"];
        assert_eq!(
            ga.traffic.sent,
            Counts::from([(Verdict::Stripped, 5), (Verdict::Passed, 2)])
        );
        assert_eq!(ga.told, Some((at("2026-11-21T09:00:00Z"), at("2026-11-22T09:00:00Z"))));
        assert!(ga.declared && !inventory.only_observed, "as of the last event");
        let sid = inventory.seen["sid"];
        assert_eq!(sid.told, Some((at("2026-11-21T09:00:00Z"), at("2026-11-21T09:00:00Z"))));
        assert_eq!(
            inventory.seen["new"],
            SeenCookie {
                declared: true,
                ..SeenCookie::default()
            }
        );
        assert_eq!(inventory.others.sent.sum(), 1);
    }

    #[test]
    fn what_was_told_before_a_time_does_not_count() {
        let inventory = inventory(&LINES, Some("2026-11-21T09:30:00Z"));
        let ga = inventory.seen["_ga"];
        assert_eq!(
            ga.traffic.sent,
            Counts::from([(Verdict::Stripped, 2), (Verdict::Passed, 2)])
        );
        assert_eq!(inventory.seen["sid"].told, None);
        assert_eq!(inventory.told.unwrap().0, at("2026-11-21T10:00:00Z"));
    }
}
