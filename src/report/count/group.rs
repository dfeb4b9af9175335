//! Requests of one kind, and the visitors that they came from, in a bounded space.
//!
//! Whether the visitors are many enough to be spoken of is decided on the careful side, for one person may have a new
//! address each day, and one person may make most of the requests of many.

use std::mem;

use super::distinct::Distinct;

/// As many visitors must have come on one and the same day: nobody has so many addresses a day, where one person who
/// comes daily from a new address looks like as many as there are days.
const TOGETHER: usize = 3;

/// Visitors fall into so many parts by chance, so that one who has made most of the requests is seen as a part that has
/// most of them. Nothing else would stay the same in whatever order groups are put together (as it would not with the
/// majority vote of Boyer and Moore), and the order of their names must not be seen in what is published.
const PARTS: usize = 32;

/// Requests, and who made them. The same requests give the same group, in any order and put together in any way.
#[derive(Clone, Debug, Default)]
pub(in crate::report) struct Group {
    requests: u64,
    /// Those whose visitor is known.
    known: u64,
    visitors: Distinct,
    /// The known requests, by the part into which their visitor falls.
    parts: [u32; PARTS],
    /// The day of the last request, and the others that have some.
    today: Day,
    before: Vec<Day>,
}

/// A day of a group, as far as it matters.
#[derive(Clone, Copy, Debug, Default)]
struct Day {
    day: u16,
    requests: u32,
    /// Different visitors of that day, by the half of their numbers; 0 for nobody.
    visitors: [u32; TOGETHER],
}

impl Day {
    fn meet(&mut self, visitor: u32) {
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
        let today = self.on(day);
        today.requests = today.requests.saturating_add(1);
        if let Some(visitor) = visitor {
            today.meet(half(visitor));
            self.known += 1;
            self.visitors.add(visitor);
            if let Some(part) = self.parts.get_mut((visitor % PARTS as u64) as usize) {
                *part = part.saturating_add(1);
            }
        }
    }

    /// A day, which is that of the last request nearly always.
    fn on(&mut self, day: u16) -> &mut Day {
        if self.today.day != day {
            let met = self.before.iter().position(|before| before.day == day);
            let new = Day { day, ..Day::default() };
            let new = met.map_or(new, |place| self.before.swap_remove(place));
            let last = mem::replace(&mut self.today, new);
            if last.requests > 0 {
                self.before.push(last);
            }
        }
        &mut self.today
    }

    fn days(&self) -> impl Iterator<Item = &Day> {
        self.before.iter().chain([&self.today])
    }

    /// Takes what another has counted.
    pub(in crate::report) fn merge(&mut self, other: &Self) {
        self.requests += other.requests;
        self.known += other.known;
        self.visitors.merge(&other.visitors);
        for (part, others) in self.parts.iter_mut().zip(other.parts) {
            *part = part.saturating_add(others);
        }
        for theirs in other.days().filter(|day| day.requests > 0) {
            let day = self.on(theirs.day);
            day.requests = day.requests.saturating_add(theirs.requests);
            let met = theirs.visitors.into_iter().filter(|visitor| *visitor != 0);
            met.for_each(|visitor| day.meet(visitor));
        }
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
            Measure::Requests => self.days().any(|day| day.requests >= smallest),
            Measure::Visitors => {
                let most = self.parts.into_iter().max().unwrap_or_default();
                let led = u64::from(most).saturating_mul(4) >= self.known.saturating_mul(3);
                self.visitors.are_at_least(smallest) && self.days().any(|day| day.met() >= TOGETHER) && !led
            }
        }
    }
}

/// Half of a visitor's number, which is not 0 either.
fn half(visitor: u64) -> u32 {
    ((visitor >> 32) as u32).max(1)
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
        fn the_same_requests_give_the_same_group_in_any_order_and_any_pieces(
            visits in prop::collection::vec((prop::option::of(0u64..14), 0u16..40), 0..60).prop_shuffle(),
            pieces in 1usize..8, swapped in any::<bool>(),
        ) {
            let told = |group: &Group| {
                let large = [3, 5, 10].map(|smallest| {
                    [Measure::Visitors, Measure::Requests].map(|measure| group.is_large(smallest, measure))
                });
                (large, group.requests(), group.known(), group.visitors())
            };
            let one = |visits: &[(Option<u64>, u16)]| {
                let mut group = Group::default();
                visits.iter().for_each(|(visitor, day)| group.add(visitor.map(hashed), *day));
                group
            };
            let mut in_order = visits.clone();
            in_order.sort_unstable_by_key(|(visitor, day)| (*day, *visitor));
            let mut groups: Vec<_> = visits.chunks(visits.len().div_ceil(pieces).max(1)).map(one).collect();
            if swapped {
                groups.reverse();
            }
            let mut all = Group::default();
            groups.iter().for_each(|group| all.merge(group));
            prop_assert_eq!(told(&all), told(&one(&in_order)));
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
