//! What was asked for in the last quarter of an hour, in a space that does not grow with it.
//!
//! Times are those at which exchanges ended, in seconds since 1970. What is here is about visitors, lives in memory and
//! is shown to the administrator alone.

use std::collections::VecDeque;
use std::hash::Hash;
use std::net::IpAddr;

use super::ranks::{Ranks, Sums};
use crate::entry::{Family, Record};
use crate::report::AnswerTimes;

/// How far back it goes, in seconds.
pub(super) const WINDOW: i64 = 900;
/// Rates go by slots of so many seconds.
pub(super) const SLOT: i64 = 5;
/// Names go by the minute.
const MINUTE: i64 = 60;
/// So many names of a kind are told apart in a minute.
const NAMES: usize = 1_024;
/// A longer name is cut, in bytes.
const LONGEST: usize = 200;

/// Classes of statuses: those of 1xx to 5xx, and none.
pub(super) const CLASSES: usize = 6;

/// The counts of one site.
#[derive(Debug, Default)]
pub(super) struct Tally {
    slots: VecDeque<Slot>,
    minutes: VecDeque<Minute>,
}

/// Sums of some time.
#[derive(Clone, Debug, Default)]
pub(super) struct Slot {
    /// Its number: its first second, in slots.
    at: i64,
    pub(super) requests: u64,
    pub(super) bytes: u64,
    pub(super) robots: u64,
    /// By [`CLASSES`].
    pub(super) classes: [u64; CLASSES],
    pub(super) times: AnswerTimes,
    pub(super) longest: Option<u64>,
}

#[derive(Debug)]
struct Minute {
    at: i64,
    names: Names,
}

/// Names of every kind.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) paths: Ranks<Option<Box<[u8]>>>,
    pub(super) addresses: Ranks<Option<IpAddr>>,
    pub(super) agents: Ranks<Agent>,
    pub(super) errors: Ranks<Trouble>,
}

/// Who asks, as far as it says so itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Agent {
    /// A browser, and its system.
    Browser(&'static str, Option<&'static str>),
    /// A robot or a tool, as it calls itself where that is kept.
    Robot(Option<Box<[u8]>>),
    /// Something that is not known.
    Other,
    /// Nothing is kept of it.
    Unknown,
}

/// How an exchange failed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Trouble {
    /// By the journal's name for it.
    Error(Box<str>),
    /// It was answered so.
    Status(u16),
}

impl Default for Names {
    fn default() -> Self {
        Self {
            paths: Ranks::new(NAMES),
            addresses: Ranks::new(NAMES),
            agents: Ranks::new(NAMES),
            errors: Ranks::new(NAMES),
        }
    }
}

impl Tally {
    /// Counts a record whose exchange ended at `second`. `to_the_millisecond`: whether its arrival is told so.
    pub(super) fn take(&mut self, record: &Record<'_>, second: i64, to_the_millisecond: bool) {
        let status = record.http_response_status_code();
        let failed = record.error_type().is_some() || status.is_some_and(|status| status >= 400);
        let took = to_the_millisecond.then(|| took(record)).flatten();
        let agent = agent(record);
        let sums = Sums {
            requests: 1,
            errors: u64::from(failed),
            bytes: record.http_response_body_size().unwrap_or_default(),
            timed: u64::from(took.is_some()),
            milliseconds: took.unwrap_or_default(),
            longest: took.unwrap_or_default(),
        };
        let (slot, minute) = (second.div_euclid(SLOT), second.div_euclid(MINUTE));
        if let Some(slot) = at(&mut self.slots, slot, WINDOW / SLOT, |slot| slot.at, Slot::of) {
            slot.requests += 1;
            slot.bytes = slot.bytes.saturating_add(sums.bytes);
            slot.robots += u64::from(matches!(agent, Agent::Robot(_)));
            if let Some(class) = slot.classes.get_mut(class(status)) {
                *class += 1;
            }
            if let Some(milliseconds) = took {
                slot.times.add(milliseconds);
            }
            slot.longest = slot.longest.max(took);
        }
        let minute = at(
            &mut self.minutes,
            minute,
            WINDOW / MINUTE,
            |minute| minute.at,
            Minute::of,
        );
        let Some(Minute { names, .. }) = minute else { return };
        names.paths.add(record.url_path().map(cut), &sums);
        names.addresses.add(record.client_address(), &sums);
        names.agents.add(agent, &sums);
        let error = record.error_type().map(|error| Trouble::Error(error.into()));
        if let Some(trouble) = error.or(status.filter(|_| failed).map(Trouble::Status)) {
            names.errors.add(trouble, &sums);
        }
    }

    /// Forgets what is too old at `now`.
    pub(super) fn forget(&mut self, now: i64) {
        let (slot, minute) = (now.div_euclid(SLOT), now.div_euclid(MINUTE));
        while self.slots.front().is_some_and(|first| first.at + WINDOW / SLOT < slot) {
            self.slots.pop_front();
        }
        let is_old = |first: &Minute| first.at + WINDOW / MINUTE <= minute;
        while self.minutes.front().is_some_and(is_old) {
            self.minutes.pop_front();
        }
    }

    /// Requests in a second, of those in the last `seconds` before `now`.
    pub(super) fn rate(&self, now: i64, seconds: i64) -> f64 {
        let first = (now - seconds).div_euclid(SLOT);
        let requests: u64 = self.since(first).map(|slot| slot.requests).sum();
        requests as f64 / (now + 1 - first * SLOT).max(1) as f64
    }

    /// All of the last quarter of an hour.
    pub(super) fn all(&self) -> Slot {
        let mut all = Slot::default();
        for slot in &self.slots {
            all.add(slot);
        }
        all
    }

    /// Requests in equal parts of the last quarter of an hour, `most` or fewer, and how many seconds each has. The last
    /// is the one that `now` is in.
    pub(super) fn history(&self, now: i64, most: u16) -> (Vec<u64>, i64) {
        let all = WINDOW / SLOT;
        let width = (all + i64::from(most.max(1)) - 1) / i64::from(most.max(1));
        let count = all / width;
        let last = now.div_euclid(SLOT).div_euclid(width);
        let mut parts = vec![0; count as usize]; // 180 at most
        for slot in &self.slots {
            let ago = last - slot.at.div_euclid(width);
            let place = usize::try_from(count - 1 - ago).ok();
            if let Some(part) = place.and_then(|place| parts.get_mut(place)) {
                *part += slot.requests;
            }
        }
        (parts, width * SLOT)
    }

    /// The names of one kind, of the last quarter of an hour.
    pub(super) fn ranks<K: Clone + Eq + Hash>(&self, of: impl Fn(&Names) -> &Ranks<K>) -> Ranks<K> {
        let mut all = Ranks::new(NAMES * (WINDOW / MINUTE) as usize); // 15 times as many
        for Minute { names, .. } in &self.minutes {
            all.merge(of(names));
        }
        all
    }

    fn since(&self, first: i64) -> impl Iterator<Item = &Slot> {
        self.slots.iter().rev().take_while(move |slot| slot.at >= first)
    }
}

/// The place of a number in a row of numbered ones, of which it holds the newest `length`; `None` for an older one.
fn at<T>(
    row: &mut VecDeque<T>,
    number: i64,
    length: i64,
    of: impl Fn(&T) -> i64,
    new: impl Fn(i64) -> T,
) -> Option<&mut T> {
    let newest = row.back().map_or(number, &of);
    if number + length < newest {
        return None;
    }
    let place = row.partition_point(|item| of(item) < number);
    if row.get(place).is_none_or(|item| of(item) != number) {
        row.insert(place, new(number));
    }
    while row.front().is_some_and(|first| of(first) + length < newest.max(number)) {
        row.pop_front();
    }
    let place = row.partition_point(|item| of(item) < number);
    row.get_mut(place)
}

impl Slot {
    fn of(at: i64) -> Self {
        Self { at, ..Self::default() }
    }

    fn add(&mut self, more: &Self) {
        self.requests += more.requests;
        self.bytes = self.bytes.saturating_add(more.bytes);
        self.robots += more.robots;
        for (class, more) in self.classes.iter_mut().zip(more.classes) {
            *class += more;
        }
        self.times.merge(&more.times);
        self.longest = self.longest.max(more.longest);
    }
}

impl Minute {
    fn of(at: i64) -> Self {
        Self {
            at,
            names: Names::default(),
        }
    }
}

fn class(status: Option<u16>) -> usize {
    let class = status.map(|status| usize::from(status / 100));
    class
        .filter(|class| (1..CLASSES).contains(class))
        .map_or(CLASSES - 1, |class| class - 1)
}

/// From the first byte of the request to the last one of the answer, in milliseconds.
fn took(record: &Record<'_>) -> Option<u64> {
    let took = record.sent()?.duration_since(record.timestamp()?);
    u64::try_from(took.as_millis()).ok()
}

fn agent(record: &Record<'_>) -> Agent {
    let Some(kept) = record.user_agent_original().or(record.user_agent_name()) else {
        return Agent::Unknown;
    };
    let family = Family::of(kept);
    match family.browser() {
        _ if family.is_robot() => Agent::Robot(record.user_agent_original().map(cut)),
        Some(browser) => Agent::Browser(browser, family.system()),
        None => Agent::Other,
    }
}

fn cut(text: &[u8]) -> Box<[u8]> {
    text.get(..LONGEST).unwrap_or(text).into()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;
    use crate::journal::Format;

    fn take(tally: &mut Tally, path: &str, second: i64) {
        let line = format!("{{\"url\":{{\"path\":\"{path}\"}}}}");
        let record = Record::decode(line.as_bytes(), Format::JsonLines, date(2026, 11, 22));
        tally.take(&record.unwrap_or_else(|_| panic!("{line}")), second, true);
    }

    #[test]
    fn rates_are_of_the_time_that_was_asked_for() {
        let mut tally = Tally::default();
        (0..900).for_each(|second| take(&mut tally, "/", second));
        (890..900).for_each(|second| take(&mut tally, "/", second));
        assert_eq!(tally.rate(899, 5), 2.0);
        assert_eq!((tally.rate(899, 60) * 65.0).round(), 75.0);
        assert_eq!((tally.rate(899, 900) * 905.0).round(), 910.0);
        let (parts, seconds) = tally.history(899, 60);
        assert_eq!((parts.len(), seconds), (60, 15));
        assert_eq!((parts[0], parts[58], parts[59]), (15, 15, 25));
    }

    #[test]
    fn a_long_path_is_cut_and_an_address_that_is_not_kept_is_none() {
        let mut tally = Tally::default();
        take(&mut tally, &"/a".repeat(500), 0);
        let paths = tally.ranks(|names| &names.paths);
        let lengths: Vec<_> = paths
            .names()
            .map(|(path, _)| path.as_deref().map(<[u8]>::len))
            .collect();
        assert_eq!(lengths, [Some(LONGEST)]);
        let addresses = tally.ranks(|names| &names.addresses);
        assert_eq!(
            addresses.names().map(|(address, _)| *address).collect::<Vec<_>>(),
            [None]
        );
    }

    proptest! {
        #[test]
        fn whatever_the_clock_does_a_quarter_of_an_hour_is_kept_and_no_more(
            seconds in prop::collection::vec(prop_oneof![0i64..3_000, any::<i32>().prop_map(i64::from)], 1..300),
            width in any::<u16>(),
        ) {
            let mut tally = Tally::default();
            for second in &seconds {
                take(&mut tally, "/", *second);
                prop_assert!(tally.slots.len() as i64 <= WINDOW / SLOT + 1);
                prop_assert!(tally.minutes.len() as i64 <= WINDOW / MINUTE + 1);
            }
            for now in &seconds {
                prop_assert!(tally.rate(*now, 60) >= 0.0);
                tally.history(*now, width);
            }
            let newest = seconds.iter().max().copied().unwrap_or_default();
            tally.forget(newest);
            let within = seconds.iter().filter(|second| newest - **second <= WINDOW).count() as u64;
            prop_assert!(tally.all().requests >= within);
        }
    }
}
