//! The calls to other sites that the events of a journal tell of, as though it had been one long day.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::disk::{Disk, Folder};
use super::hourly;
use crate::third_parties::Kind;

/// Which other sites pages called, as browsers reported it, or would have called had they been let. Names and numbers.
#[derive(Debug, Default)]
pub struct CallsSeen {
    /// By other site. What the policy lists is there even if nothing was reported of it.
    pub sites: BTreeMap<String, SiteSeen>,
    /// Reports that have no place: malformed, about no other site, or about one too many.
    pub others: u64,
    /// Messages that were not read because there were too many.
    pub unread: u64,
    /// Whether nothing is kept from happening at the moment.
    pub only_observed: bool,
    /// When the first and the last of these events was written.
    pub told: Option<(Timestamp, Timestamp)>,
}

/// Another site.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SiteSeen {
    /// Whether the policy listed it when it was told last.
    pub declared: bool,
    /// How often it was called, by kind and page; the page is empty where it has no place of its own.
    pub calls: BTreeMap<(Kind, String), u64>,
    /// The first and the last event in which calls were reported: they were there in the hour before.
    pub told: Option<(Timestamp, Timestamp)>,
}

impl CallsSeen {
    /// What the journal in `folder` tells of, from events of `since` on. The journal may be written meanwhile.
    ///
    /// # Errors
    ///
    /// When the events cannot be read.
    pub fn of(folder: &Path, since: Option<Timestamp>) -> io::Result<Self> {
        Self::on(Arc::new(Folder::new(folder)), since)
    }

    pub(crate) fn on(disk: Arc<dyn Disk>, since: Option<Timestamp>) -> io::Result<Self> {
        let mut seen = Self::default();
        hourly::read(disk, "third_parties.seen", |event, time, run| {
            seen.take(event, time, run, since.is_none_or(|since| time >= since));
        })?;
        Ok(seen)
    }

    /// What was called and is not in the policy.
    pub fn undeclared(&self) -> impl Iterator<Item = (&str, &SiteSeen)> {
        let sites = self.sites.iter().map(|(host, site)| (host.as_str(), site));
        sites.filter(|(_, site)| !site.declared && site.told.is_some())
    }

    /// Whether a site came only in the last week, on pages that have been watched for longer.
    pub fn is_new(&self, site: &SiteSeen) -> bool {
        hourly::is_new(site.told, self.told)
    }

    /// Takes what an event tells beyond the one before it, which counted the same reports; if it `counts`.
    fn take(&mut self, event: &Value, time: Timestamp, run: &mut Run, counts: bool) {
        if counts {
            self.only_observed = event["mode"] == "observe";
            hourly::tell(&mut self.told, time);
        }
        for (host, called) in event["called"].as_object().into_iter().flatten() {
            let more: Vec<_> = calls(called)
                .map(|((kind, page), count)| {
                    let more = run.more((host.clone(), kind.name(), page.clone()), count);
                    ((kind, page), more)
                })
                .filter(|(_, more)| *more > 0)
                .collect();
            if !counts {
                continue;
            }
            let seen = self.sites.entry(host.clone()).or_default();
            seen.declared = called["declared"] == true;
            if !more.is_empty() {
                hourly::tell(&mut seen.told, time);
            }
            for (place, more) in more {
                let count = seen.calls.entry(place).or_default();
                *count = count.saturating_add(more);
            }
        }
        for (total, key) in [(&mut self.others, "others"), (&mut self.unread, "unread")] {
            let more = run.more(
                (String::new(), key, String::new()),
                event[key].as_u64().unwrap_or_default(),
            );
            if counts {
                *total = total.saturating_add(more);
            }
        }
    }
}

/// What was told since the counting began: each event tells all of it again.
#[derive(Default)]
struct Run(BTreeMap<(String, &'static str, String), u64>);

impl Run {
    /// What is told now beyond what was told.
    fn more(&mut self, of: (String, &'static str, String), now: u64) -> u64 {
        now.saturating_sub(self.0.insert(of, now).unwrap_or_default())
    }
}

fn calls(called: &Value) -> impl Iterator<Item = ((Kind, String), u64)> {
    let kinds = called["calls"].as_object().into_iter().flatten();
    let kinds = kinds.filter_map(|(kind, pages)| Some((Kind::named(kind)?, pages.as_object()?)));
    kinds.flat_map(|(kind, pages)| {
        let page = move |(page, count): (&String, &Value)| ((kind, page.clone()), count.as_u64().unwrap_or_default());
        pages.iter().map(page)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Event;
    use crate::journal::layout;
    use crate::journal::simulated::Simulated;
    use crate::policy::Mode;
    use crate::third_parties::{Called, Snapshot};

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
    }

    fn told(time: &str, mode: Mode, calls: &[(&str, bool, Kind, &str, u64)]) -> String {
        let mut snapshot = Snapshot {
            others: 2,
            ..Snapshot::default()
        };
        for &(host, declared, kind, page, count) in calls {
            let called: &mut Called = snapshot.called.entry(host.into()).or_default();
            called.declared = declared;
            if count > 0 {
                called.calls.insert((kind, page.into()), count);
            }
        }
        let event = Event::ThirdParties {
            mode,
            calls: Box::new(snapshot),
        };
        let mut line = Vec::new();
        event.encode(at(time), &mut line);
        String::from_utf8(line).unwrap()
    }

    fn seen(since: Option<&str>) -> CallsSeen {
        let font = |count| ("fonts.example", false, Kind::Font, "/", count);
        let pixel = ("pixel.example", false, Kind::Image, "", 1);
        let lines = [
            told("2026-11-21T09:00:00Z", Mode::Observe, &[font(3), pixel]),
            told("2026-11-21T10:00:00Z", Mode::Observe, &[font(5), pixel]),
            "{\"time\":\"2026-11-22T08:00:00Z\",\"event.name\":\"policy.in_force\",\"policy.version\":\"2\"}\n"
                .to_owned(),
            told(
                "2026-11-22T09:00:00Z",
                Mode::Enforce,
                &[
                    ("fonts.example", true, Kind::Font, "/", 2),
                    ("map.example", true, Kind::Frame, "", 0),
                ],
            ),
            "not an event of ours: \"event.name\":\"third_parties.seen\"\n".to_owned(),
        ];
        let disk = Simulated::default();
        layout::init_on(&disk, "town.example").unwrap();
        disk.put("events/20261121-00000000000000000000.jsonl", lines.concat().as_bytes());
        CallsSeen::on(Arc::new(disk), since.map(at)).unwrap()
    }

    #[test]
    fn what_several_runs_have_seen_is_added_up_and_nothing_is_counted_twice() {
        let seen = seen(None);
        let font = &seen.sites["fonts.example"];
        assert_eq!(font.calls, BTreeMap::from([((Kind::Font, "/".to_owned()), 7)]));
        assert_eq!(
            font.told,
            Some((at("2026-11-21T09:00:00Z"), at("2026-11-22T09:00:00Z")))
        );
        assert!(font.declared && !seen.only_observed, "as of the last event");
        let pixel = &seen.sites["pixel.example"];
        assert_eq!(
            pixel.told,
            Some((at("2026-11-21T09:00:00Z"), at("2026-11-21T09:00:00Z")))
        );
        assert_eq!(
            seen.undeclared().map(|(host, _)| host).collect::<Vec<_>>(),
            ["pixel.example"]
        );
        assert_eq!(seen.sites["map.example"].told, None, "listed, and never called");
        assert_eq!(seen.others, 4);
    }

    #[test]
    fn what_was_told_before_a_time_does_not_count() {
        let seen = seen(Some("2026-11-21T09:30:00Z"));
        assert_eq!(seen.sites["fonts.example"].calls[&(Kind::Font, "/".to_owned())], 4);
        assert_eq!(seen.sites["pixel.example"].told, None);
        assert_eq!(seen.others, 2);
    }
}
