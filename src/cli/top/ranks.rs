//! Who and what is asked for most, in a space that does not grow with how many there are.

use std::collections::HashMap;
use std::hash::Hash;

/// What was asked for under one name, or by one client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) requests: u64,
    /// Those that failed, or were answered with 400 or above.
    pub(super) errors: u64,
    pub(super) bytes: u64,
    /// How many of them have a time, and these together, in milliseconds.
    pub(super) timed: u64,
    pub(super) milliseconds: u64,
    pub(super) longest: u64,
}

impl Sums {
    pub(super) fn add(&mut self, more: &Self) {
        self.requests += more.requests;
        self.errors += more.errors;
        self.bytes = self.bytes.saturating_add(more.bytes);
        self.timed += more.timed;
        self.milliseconds = self.milliseconds.saturating_add(more.milliseconds);
        self.longest = self.longest.max(more.longest);
    }

    /// In milliseconds, of those that have one.
    pub(super) fn mean(&self) -> Option<u64> {
        self.milliseconds.checked_div(self.timed)
    }
}

/// The names of one kind. Whenever there are too many, those with the fewest requests lose their names: a flood of
/// names that come once each cannot hide one that comes often.
#[derive(Clone, Debug)]
pub(super) struct Ranks<K> {
    named: HashMap<K, Sums>,
    room: usize,
    /// All that have no name any more.
    rest: Sums,
}

impl<K: Clone + Eq + Hash> Ranks<K> {
    /// For so many names, at the most.
    pub(super) fn new(room: usize) -> Self {
        Self {
            named: HashMap::new(),
            room,
            rest: Sums::default(),
        }
    }

    pub(super) fn add(&mut self, name: K, sums: &Sums) {
        self.named.entry(name).or_default().add(sums);
        if self.named.len() > self.room {
            self.forget_half();
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (name, sums) in &other.named {
            self.add(name.clone(), sums);
        }
        self.rest.add(&other.rest);
    }

    fn forget_half(&mut self) {
        let mut counts: Vec<_> = self.named.values().map(|sums| sums.requests).collect();
        let middle = counts.len() / 2;
        let (_, &mut least, above) = counts.select_nth_unstable(middle);
        // Of those that have just as many, some stay.
        let mut room = 1 + above.iter().filter(|count| **count == least).count();
        let rest = &mut self.rest;
        self.named.retain(|_, sums| {
            let stays = sums.requests > least || (sums.requests == least && room > 0);
            room -= usize::from(stays && sums.requests == least);
            if !stays {
                rest.add(sums);
            }
            stays
        });
    }

    pub(super) fn names(&self) -> impl Iterator<Item = (&K, &Sums)> {
        self.named.iter()
    }

    pub(super) fn rest(&self) -> &Sums {
        &self.rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Sums = Sums {
        requests: 1,
        errors: 0,
        bytes: 10,
        timed: 0,
        milliseconds: 0,
        longest: 0,
    };

    #[test]
    fn a_flood_of_names_hides_none_that_comes_often_and_no_request_is_lost() {
        let mut ranks = Ranks::new(64);
        for number in 0..10_000_u32 {
            ranks.add(number + 1, &ONE);
            if number % 10 == 0 {
                ranks.add(0, &ONE);
            }
            assert!(ranks.names().count() <= 64);
        }
        let often = ranks.names().find(|(name, _)| **name == 0).map(|(_, sums)| *sums);
        assert_eq!(often.map(|sums| sums.requests), Some(1_000));
        let named: u64 = ranks.names().map(|(_, sums)| sums.requests).sum();
        assert_eq!(named + ranks.rest().requests, 11_000);
        assert_eq!(ranks.rest().bytes, ranks.rest().requests * 10);
    }

    #[test]
    fn names_that_are_alike_lose_half_of_them() {
        let mut ranks = Ranks::new(4);
        (0..5).for_each(|name| ranks.add(name, &ONE));
        assert_eq!((ranks.names().count(), ranks.rest().requests), (3, 2));
    }

    #[test]
    fn a_mean_is_of_those_that_have_a_time() {
        let timed = Sums {
            timed: 2,
            milliseconds: 30,
            longest: 20,
            ..ONE
        };
        assert_eq!((timed.mean(), ONE.mean()), (Some(15), None));
    }
}
