//! Counting that costs those who serve next to nothing. Numbers only, never about whom.
//!
//! Each number is changed by one thread, which alone adds to it, and read by any: adding is a load, an addition and a
//! store, without a locked instruction. Threads have numbers of their own, which are added up when somebody asks.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// A number that one thread changes.
#[derive(Debug, Default)]
pub(crate) struct Number(AtomicU64);

impl Number {
    pub(crate) fn add(&self, more: u64) {
        self.set(self.get().wrapping_add(more));
    }

    pub(crate) fn set(&self, number: u64) {
        self.0.store(number, Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// The least bound of a [`Histogram`] is 2 to the power of this, in seconds: 0.24 ms. Each further bound is twice the
/// one before it, as in Prometheus's native histograms of schema 0.
const LEAST: i32 = -12;
/// How many bounds there are: the last is 64 s.
const BOUNDS: usize = 19;

/// How often something took how long; one thread adds to it.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    /// By the bound that they did not exceed; the last place is for those beyond all bounds.
    times: [Number; BOUNDS + 1],
    microseconds: Number,
}

/// What a [`Histogram`] has at one moment, or several together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Times {
    counts: [u64; BOUNDS + 1],
    microseconds: u64,
}

impl Histogram {
    pub(crate) fn add(&self, time: Duration) {
        let microseconds = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.times[place(microseconds)].add(1);
        self.microseconds.add(microseconds);
    }

    pub(crate) fn read(&self) -> Times {
        Times {
            counts: self.times.each_ref().map(Number::get),
            microseconds: self.microseconds.get(),
        }
    }
}

impl Times {
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            counts: std::array::from_fn(|at| self.counts[at].wrapping_add(other.counts[at])),
            microseconds: self.microseconds.wrapping_add(other.microseconds),
        }
    }

    /// How many there were.
    pub(crate) fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Their sum, in seconds.
    pub(crate) fn seconds(&self) -> f64 {
        Duration::from_micros(self.microseconds).as_secs_f64()
    }

    /// Each bound in seconds, the last infinite, with how many it has that the one before has not.
    pub(crate) fn by_bound(&self) -> [(f64, u64); BOUNDS + 1] {
        let mut bound = 2_f64.powi(LEAST);
        self.counts.map(|count| {
            let here = bound;
            bound *= 2.0;
            (if here > 64.0 { f64::INFINITY } else { here }, count)
        })
    }
}

/// The first bound that is no less: 2^place parts of a second, each 2^-12.
fn place(microseconds: u64) -> usize {
    const BEYOND: u64 = 65_000_000; // all bounds, and a number that may be multiplied
    let parts = (microseconds.min(BEYOND) << -LEAST).div_ceil(1_000_000);
    let place = parts
        .saturating_sub(1)
        .checked_ilog2()
        .map_or(0, |power| power as usize + 1);
    place.min(BOUNDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_counted_at_the_first_bound_that_is_no_less() {
        let bounds = Times::default().by_bound().map(|(bound, _)| bound);
        assert_eq!(
            (bounds[0], bounds[12], bounds[18], bounds[19]),
            (1.0 / 4096.0, 1.0, 64.0, f64::INFINITY)
        );
        for microseconds in (0..2_000).chain([15_624, 15_625, 15_626, 999_999, 1_000_000, 1_000_001]) {
            let seconds = Duration::from_micros(microseconds).as_secs_f64();
            let right = bounds.iter().position(|bound| seconds <= *bound).unwrap();
            assert_eq!(place(microseconds), right, "{microseconds}");
        }
        assert_eq!((place(64_000_000), place(64_000_001), place(u64::MAX)), (18, 19, 19));
    }

    #[test]
    fn what_threads_have_counted_is_added_up() {
        let (one, other) = (Histogram::default(), Histogram::default());
        one.add(Duration::from_millis(1));
        other.add(Duration::from_secs(90));
        other.add(Duration::from_millis(1));
        let both = one.read().plus(other.read());
        assert_eq!((both.count(), both.seconds()), (3, 90.002));
        assert_eq!(both.by_bound()[3], (1.0 / 512.0, 2));
        assert_eq!(both.by_bound()[19].1, 1);
    }
}
