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
pub struct Counts([u64; Verdict::ALL.len()]);

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
pub(super) struct Counters([AtomicU64; Verdict::ALL.len()]);

impl Counters {
    pub(super) fn add(&self, verdict: Verdict) {
        self.0[verdict as usize].fetch_add(1, Ordering::Relaxed);
    }

    fn read(&self) -> Counts {
        Counts(self.0.each_ref().map(|counter| counter.load(Ordering::Relaxed)))
    }
}

impl Traffic {
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            sent: self.sent.plus(other.sent),
            set: self.set.plus(other.set),
        }
    }

    /// What it has beyond an earlier count.
    pub(crate) fn beyond(self, before: Self) -> Self {
        Self {
            sent: self.sent.beyond(before.sent),
            set: self.set.beyond(before.set),
        }
    }
}

impl Counts {
    /// How many had this verdict.
    pub fn of(self, verdict: Verdict) -> u64 {
        self.0[verdict as usize]
    }

    /// How many had each verdict, without those that none had.
    pub fn by_verdict(self) -> impl Iterator<Item = (Verdict, u64)> {
        Verdict::ALL.into_iter().zip(self.0).filter(|(_, count)| *count > 0)
    }

    /// All verdicts together.
    pub fn sum(self) -> u64 {
        self.0.iter().sum()
    }

    fn plus(self, other: Self) -> Self {
        Self(std::array::from_fn(|at| self.0[at].saturating_add(other.0[at])))
    }

    fn beyond(self, before: Self) -> Self {
        Self(std::array::from_fn(|at| self.0[at].saturating_sub(before.0[at])))
    }
}

impl FromIterator<(Verdict, u64)> for Counts {
    fn from_iter<I: IntoIterator<Item = (Verdict, u64)>>(named: I) -> Self {
        let mut counts = Self::default();
        for (verdict, count) in named {
            counts.0[verdict as usize] = count;
        }
        counts
    }
}

#[cfg(test)]
impl<const N: usize> From<[(Verdict, u64); N]> for Counts {
    fn from(named: [(Verdict, u64); N]) -> Self {
        named.into_iter().collect()
    }
}
