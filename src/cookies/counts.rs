//! Counts by verdict: while they are counted, and as they are read.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Verdict;

/// Counts of both directions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Crumbs that browsers sent.
    pub sent: Counts,
    /// `Set-Cookie` lines of the CMS.
    pub set: Counts,
}

/// Counts by verdict; where the policy is only observed, of what would have been.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// [`Verdict::Passed`].
    pub passed: u64,
    /// [`Verdict::Limited`].
    pub limited: u64,
    /// [`Verdict::Deletion`].
    pub deletions: u64,
    /// [`Verdict::Stripped`].
    pub stripped: u64,
    /// [`Verdict::Ended`].
    pub ended: u64,
    /// [`Verdict::NotGenuine`].
    pub not_genuine: u64,
    /// [`Verdict::TooLong`].
    pub too_long: u64,
}

/// The counts of one name while they are counted.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub(super) sent: Counters,
    pub(super) set: Counters,
}

impl Row {
    pub(super) fn read(&self) -> Traffic {
        Traffic {
            sent: self.sent.read(),
            set: self.set.read(),
        }
    }
}

/// One number a verdict. They are only ever added to and read by themselves, so no order among them is needed.
#[derive(Debug, Default)]
pub(super) struct Counters([AtomicU64; 7]);

impl Counters {
    pub(super) fn add(&self, verdict: Verdict) {
        let [passed, limited, deletions, stripped, ended, not_genuine, too_long] = &self.0;
        let counter = match verdict {
            Verdict::Passed => passed,
            Verdict::Limited => limited,
            Verdict::Deletion => deletions,
            Verdict::Stripped => stripped,
            Verdict::Ended => ended,
            Verdict::NotGenuine => not_genuine,
            Verdict::TooLong => too_long,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn read(&self) -> Counts {
        let [passed, limited, deletions, stripped, ended, not_genuine, too_long] =
            self.0.each_ref().map(|counter| counter.load(Ordering::Relaxed));
        Counts {
            passed,
            limited,
            deletions,
            stripped,
            ended,
            not_genuine,
            too_long,
        }
    }
}

impl Traffic {
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            sent: self.sent.plus(other.sent),
            set: self.set.plus(other.set),
        }
    }
}

impl Counts {
    /// All verdicts together.
    pub fn sum(self) -> u64 {
        let Self {
            passed,
            limited,
            deletions,
            stripped,
            ended,
            not_genuine,
            too_long,
        } = self;
        passed + limited + deletions + stripped + ended + not_genuine + too_long
    }

    fn plus(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            limited: self.limited + other.limited,
            deletions: self.deletions + other.deletions,
            stripped: self.stripped + other.stripped,
            ended: self.ended + other.ended,
            not_genuine: self.not_genuine + other.not_genuine,
            too_long: self.too_long + other.too_long,
        }
    }
}
