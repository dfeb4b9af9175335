//! Whether the clock is believed before something is removed by it. What is removed cannot be put back, and a clock
//! with an empty battery, or a wrong time server, can be years ahead.
//!
//! The journal knows a time that has certainly come: that of its events, and of its rounds, each hour. A clock more
//! than a week ahead of that is doubted: what is removed goes by the time that is certain, the event `clock.doubted`
//! says so, and somebody has a day to see it. A clock that still says so a day later is believed. The price is a day: a
//! machine that was off for more than a week removes what it could not remove meanwhile one day after it is back.

use std::io;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::disk::Disk;
use super::{Lines, Log};

/// A clock so far ahead is doubted.
const FAR: SignedDuration = SignedDuration::from_hours(7 * 24);
/// For so long by itself.
const WAIT: SignedDuration = SignedDuration::from_hours(24);

/// What is believed of the time.
#[derive(Debug, Default)]
pub(crate) struct Belief {
    /// The latest time that has certainly come.
    sure: Option<Timestamp>,
    /// Since when, by the clock itself, it has been too far ahead.
    doubted: Option<Timestamp>,
    /// Whether that was told.
    told: bool,
}

/// What a removal may go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Time {
    pub(crate) now: Timestamp,
    /// Whether this is not what the clock says, and nobody was told yet.
    pub(crate) is_news: bool,
}

impl Belief {
    /// What the times of the events say: they are the history of the clock.
    pub(crate) fn read(disk: &Arc<dyn Disk>) -> io::Result<Self> {
        let mut belief = Self::default();
        let mut lines = Lines::on(Arc::clone(disk), Log::Events)?;
        while let Some(line) = lines.next_line()? {
            let text = line.text.strip_prefix(b"{\"time\":\"").unwrap_or_default();
            let end = memchr::memchr(b'"', text).unwrap_or_default();
            let text = text.get(..end).and_then(|text| std::str::from_utf8(text).ok());
            if let Some(time) = text.and_then(|text| text.parse().ok()) {
                belief.hear(time);
            }
        }
        Ok(belief)
    }

    /// Takes what the clock says now.
    pub(crate) fn hear(&mut self, now: Timestamp) -> Time {
        let sure = self.sure.unwrap_or(now);
        if now.duration_since(sure) <= FAR {
            self.sure = Some(sure.max(now));
            (self.doubted, self.told) = (None, false);
            return Time { now, is_news: false };
        }
        match self.doubted.map(|since| now.duration_since(since)) {
            Some(waited) if waited >= WAIT => {
                // It has certainly come; what lies between then and now may be the next leap.
                (self.sure, self.doubted) = (self.doubted, None);
                self.hear(now)
            }
            Some(waited) if !waited.is_negative() => Time {
                now: sure,
                is_news: !self.told,
            },
            _ => {
                (self.doubted, self.told) = (Some(now), false);
                Time {
                    now: sure,
                    is_news: true,
                }
            }
        }
    }

    /// The doubt was told.
    pub(crate) fn tell(&mut self) {
        self.told = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
    }

    /// What is gone by, for each time that the clock says.
    fn heard(times: &[&str]) -> Vec<String> {
        let mut belief = Belief::default();
        let heard = times.iter().map(|time| belief.hear(at(&format!("{time}:00Z"))).now);
        heard.map(|now| now.to_string()[..16].to_owned()).collect()
    }

    #[test]
    fn a_clock_is_believed_for_a_week_on() {
        let times = ["2026-11-01T12:00", "2026-11-08T12:00", "2026-11-15T12:00"];
        assert_eq!(heard(&times), times);
    }

    #[test]
    fn a_clock_that_leaps_is_believed_after_a_day() {
        let times = [
            "2026-11-01T12:00",
            "2027-01-01T12:00",
            "2027-01-02T11:59",
            "2027-01-02T12:00",
        ];
        let expected = [times[0], times[0], times[0], times[3]];
        assert_eq!(heard(&times), expected);
    }

    #[test]
    fn a_clock_that_was_set_right_in_time_has_done_nothing() {
        let times = [
            "2026-11-01T12:00",
            "2036-01-01T12:00",
            "2026-11-01T18:00",
            "2036-01-05T12:00",
        ];
        assert_eq!(heard(&times), [times[0], times[0], times[2], times[2]]);
    }

    #[test]
    fn a_clock_that_was_in_the_past_is_believed_at_once_when_it_is_right() {
        let times = ["2026-11-01T12:00", "1970-01-01T00:00", "2026-11-01T12:05"];
        assert_eq!(heard(&times), times);
    }

    #[test]
    fn a_machine_that_runs_for_an_hour_now_and_then_removes_all_the_same() {
        let times = ["2026-11-01T12:00", "2026-12-01T12:00", "2027-01-01T12:00"];
        assert_eq!(heard(&times), [times[0], times[0], times[1]]);
    }

    #[test]
    fn a_doubt_is_news_until_it_is_told() {
        let mut belief = Belief::default();
        assert!(!belief.hear(at("2026-11-01T12:00:00Z")).is_news);
        assert!(belief.hear(at("2027-11-01T12:00:00Z")).is_news);
        assert!(belief.hear(at("2027-11-01T13:00:00Z")).is_news);
        belief.tell();
        assert!(!belief.hear(at("2027-11-01T14:00:00Z")).is_news);
        assert!(belief.hear(at("2027-10-01T14:00:00Z")).is_news, "another leap");
    }
}
