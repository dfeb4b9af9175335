//! Requests of one kind, and the visitors that they came from, in a bounded space.
//!
//! Whether the visitors are many enough to be spoken of is decided on the careful side, for one person may have a new
//! address each day, and one person may make most of the requests of many.

use super::distinct::Distinct;

/// As many visitors must have come on one and the same day: nobody has so many addresses a day, where one person who
/// comes daily from a new address looks like as many as there are days.
const TOGETHER: usize = 3;

/// Requests, and who made them.
#[derive(Clone, Debug, Default)]
pub(in crate::report) struct Group {
    requests: u64,
    /// Those whose visitor is known.
    known: u64,
    visitors: Distinct,
    /// The one who can have made most of them, and the votes for that one that are left when all others have taken back
    /// one each (Boyer and Moore; merged as Misra and Gries do).
    leader: u64,
    lead: u64,
    /// The day of the last request, and of those before it the one that had most.
    today: Day,
    best: Day,
}

/// A day of a group, as far as it matters.
#[derive(Clone, Copy, Debug)]
struct Day {
    day: u16,
    requests: u32,
    /// Different visitors of that day; 0 for nobody.
    visitors: [u64; TOGETHER],
}

impl Default for Day {
    fn default() -> Self {
        Self::of(u16::MAX)
    }
}

impl Day {
    fn of(day: u16) -> Self {
        Self {
            day,
            requests: 0,
            visitors: [0; TOGETHER],
        }
    }

    fn meet(&mut self, visitor: u64) {
        let place = self
            .visitors
            .iter_mut()
            .find(|place| **place == 0 || **place == visitor);
        if let Some(place) = place {
            *place = visitor;
        }
    }

    fn met(&self) -> usize {
        self.visitors.iter().filter(|visitor| **visitor != 0).count()
    }

    /// Takes what another has of the same day, or all of it if that is more.
    fn merge(&mut self, other: &Self) {
        if self.day == other.day {
            self.requests = self.requests.saturating_add(other.requests);
            other
                .visitors
                .iter()
                .filter(|visitor| **visitor != 0)
                .for_each(|visitor| self.meet(*visitor));
        } else if (other.met(), other.requests) > (self.met(), self.requests) {
            *self = *other;
        }
    }
}

/// By what groups are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::report) enum Measure {
    /// By the visitors in them.
    Visitors,
    /// By requests, where nothing tells visitors apart.
    Requests,
}

impl Group {
    /// One more request, on a day of the period, by a visitor: a number that is not 0, or `None` if that is not known.
    pub(in crate::report) fn add(&mut self, visitor: Option<u64>, day: u16) {
        self.requests += 1;
        if self.today.day != day {
            self.best = self.best();
            self.today = Day::of(day);
        }
        self.today.requests = self.today.requests.saturating_add(1);
        if let Some(visitor) = visitor {
            self.known += 1;
            self.visitors.add(visitor);
            self.vote(visitor, 1);
            self.today.meet(visitor);
        }
    }

    /// The day that had most.
    fn best(&self) -> Day {
        let order = |day: Day| (day.met(), day.requests);
        if order(self.today) >= order(self.best) {
            self.today
        } else {
            self.best
        }
    }

    fn vote(&mut self, visitor: u64, votes: u64) {
        if self.leader == visitor {
            self.lead += votes;
        } else if self.lead >= votes {
            self.lead -= votes;
        } else {
            (self.leader, self.lead) = (visitor, votes - self.lead);
        }
    }

    /// Takes what another has counted.
    pub(in crate::report) fn merge(&mut self, other: &Self) {
        self.requests += other.requests;
        self.known += other.known;
        self.visitors.merge(&other.visitors);
        self.vote(other.leader, other.lead);
        self.best = self.best();
        self.best.merge(&other.best());
        self.today = Day::default();
    }

    /// How many.
    pub(in crate::report) fn requests(&self) -> u64 {
        self.requests
    }

    /// Those of a known visitor.
    pub(in crate::report) fn known(&self) -> u64 {
        self.known
    }

    /// From how many visitors, as far as they are known.
    pub(in crate::report) fn visitors(&self) -> u64 {
        self.visitors.count()
    }

    /// Whether it may be spoken of: it has `smallest` visitors at least, three of them on one day, and none of them has
    /// made three quarters of the requests. Where visitors cannot be told apart, there must have been as many requests
    /// on one day.
    pub(in crate::report) fn is_large(&self, smallest: u32, measure: Measure) -> bool {
        match measure {
            Measure::Requests => self.best().requests >= smallest,
            Measure::Visitors => {
                let led = self.lead.saturating_mul(2) >= self.known;
                self.visitors.are_at_least(smallest) && self.best().met() >= TOGETHER && !led
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn group(visits: impl IntoIterator<Item = (u64, u16)>) -> Group {
        let mut group = Group::default();
        for (visitor, day) in visits {
            group.add(Some(hashed(visitor)), day);
        }
        group
    }

    fn hashed(visitor: u64) -> u64 {
        (visitor + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    fn is_large(group: &Group) -> bool {
        group.is_large(10, Measure::Visitors)
    }

    #[test]
    fn ten_visitors_are_spoken_of_and_nine_are_not() {
        assert!(is_large(&group((0..10).map(|visitor| (visitor, 0)))));
        assert!(!is_large(&group((0..900).map(|visit| (visit % 9, 0)))));
    }

    #[test]
    fn one_who_comes_daily_is_one_whatever_the_address() {
        assert!(!is_large(&group((0..30).map(|day| (7, day)))));
        assert!(
            !is_large(&group((0..30).map(|day| (u64::from(day), day)))),
            "a new address each day"
        );
        assert!(
            !is_large(&group((0..60).map(|visit| (visit, visit as u16 / 2)))),
            "two persons so"
        );
    }

    #[test]
    fn one_who_makes_nearly_all_of_the_requests_is_not_hidden_by_others() {
        let others = (0..20).map(|visitor| (visitor, 0_u16));
        for at in [0, 10, 20] {
            let mut visits: Vec<_> = others.clone().collect();
            visits.splice(at..at, std::iter::repeat_n((99, 1), 100));
            assert!(!is_large(&group(visits)));
        }
        assert!(is_large(&group(others.chain(std::iter::repeat_n((3, 1), 10)))));
    }

    #[test]
    fn without_visitors_it_takes_as_many_requests_on_one_day() {
        let mut group = Group::default();
        (0..300).for_each(|visit| group.add(None, visit / 9));
        assert!(!group.is_large(10, Measure::Requests), "nine a day");
        group.add(None, 33);
        (0..9).for_each(|_| group.add(None, 33));
        assert!(group.is_large(10, Measure::Requests));
    }

    proptest! {
        #[test]
        fn whoever_has_three_quarters_is_found_in_any_order_and_any_pieces(
            mut visits in prop::collection::vec((0u64..200, 0u16..3), 0..60),
            (times, pieces) in (1usize..4, 1usize..6), seed in any::<u64>(),
        ) {
            let own = visits.len() * 3 * times;
            visits.extend(std::iter::repeat_n((1_000, 1), own.max(1)));
            // Any order, from the seed.
            let mut state = seed | 1;
            for at in (1..visits.len()).rev() {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                visits.swap(at, (state % (at as u64 + 1)) as usize);
            }
            let mut all = Group::default();
            for piece in visits.chunks(visits.len().div_ceil(pieces)) {
                all.merge(&group(piece.iter().copied()));
            }
            prop_assert_eq!(all.requests(), visits.len() as u64);
            prop_assert!(!is_large(&all));
        }

        #[test]
        fn a_group_below_the_smallest_is_never_spoken_of(
            visits in prop::collection::vec((0u64..9, 0u16..31), 0..300), pieces in 1usize..5,
        ) {
            let mut all = Group::default();
            for piece in visits.chunks(visits.len().div_ceil(pieces).max(1)) {
                all.merge(&group(piece.iter().copied()));
            }
            prop_assert!(!is_large(&all));
        }
    }
}
