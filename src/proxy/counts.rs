//! What is counted of a site's exchanges: how they ended, never whose they were.

use std::time::Duration;

use http::StatusCode;

use crate::count::{Histogram, Number, Times};
use crate::entry::Outcome;

/// Status codes by their first digit; at 0 are exchanges that had none.
pub(crate) const CLASSES: [&str; 6] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];

/// The counts of one site, for each worker its own. They go on when the configuration is read again.
#[derive(Debug)]
pub(crate) struct Counts(Box<[Share]>);

/// What one worker counts, on cache lines of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Share {
    ended: [[Number; CLASSES.len()]; Outcome::ALL.len()],
    bytes: Number,
    answers: Histogram,
    /// 1 if the CMS failed the last request, 0 if it did not.
    failed: Number,
}

impl Counts {
    pub(super) fn new(workers: usize) -> Self {
        Self((0..workers).map(|_| Share::default()).collect())
    }

    /// An exchange has ended, with so many bytes of its answer's body handed over.
    pub(super) fn ended(&self, worker: usize, outcome: Outcome, status: Option<StatusCode>, bytes: u64) {
        let class = status.map_or(0, |status| usize::from(status.as_u16() / 100));
        if let Some(share) = self.0.get(worker)
            && let Some(ended) = share.ended[outcome.index()].get(class)
        {
            ended.add(1);
            share.bytes.add(bytes);
        }
    }

    /// The head of the CMS's answer came after so long; `None` if it did not come.
    pub(super) fn answered(&self, worker: usize, after: Option<Duration>) {
        let Some(share) = self.0.get(worker) else { return };
        share.failed.set(u64::from(after.is_none()));
        if let Some(after) = after {
            share.answers.add(after);
        }
    }

    /// How many exchanges have ended so, by [`CLASSES`].
    pub(crate) fn of(&self, outcome: Outcome) -> [u64; CLASSES.len()] {
        std::array::from_fn(|class| self.sum(|share| share.ended[outcome.index()][class].get()))
    }

    /// The bytes of all answers' bodies.
    pub(crate) fn bytes(&self) -> u64 {
        self.sum(|share| share.bytes.get())
    }

    /// From when a request was sent to the CMS until the head of its answer came.
    pub(crate) fn answers(&self) -> Times {
        let shares = self.0.iter().map(|share| share.answers.read());
        shares.fold(Times::default(), Times::plus)
    }

    /// Whether the CMS failed the last request of one of the workers.
    pub(crate) fn may_be_down(&self) -> bool {
        self.sum(|share| share.failed.get()) > 0
    }

    fn sum(&self, of: impl Fn(&Share) -> u64) -> u64 {
        self.0.iter().map(of).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::UpstreamFailure;

    #[test]
    fn every_exchange_is_counted_once_by_outcome_and_class() {
        let counts = Counts::new(2);
        let failed = Outcome::Upstream(UpstreamFailure::Timeout);
        counts.ended(0, Outcome::Completed, Some(StatusCode::OK), 10);
        counts.ended(1, Outcome::Completed, Some(StatusCode::NOT_FOUND), 5);
        counts.ended(1, failed, Some(StatusCode::GATEWAY_TIMEOUT), 1);
        counts.ended(1, failed, None, 0);
        assert_eq!(counts.of(Outcome::Completed), [0, 0, 1, 0, 1, 0]);
        assert_eq!(counts.of(failed), [1, 0, 0, 0, 0, 1]);
        assert_eq!(counts.of(Outcome::Upgraded), [0; 6]);
        assert_eq!(counts.bytes(), 16);
    }

    #[test]
    fn one_worker_that_got_no_answer_is_enough_to_doubt_the_cms() {
        let counts = Counts::new(2);
        counts.answered(0, Some(Duration::from_millis(1)));
        assert!(!counts.may_be_down());
        counts.answered(1, None);
        assert!(counts.may_be_down());
        counts.answered(1, Some(Duration::from_millis(1)));
        assert!(!counts.may_be_down());
        assert_eq!(counts.answers().count(), 2);
    }
}
