//! The only place that asks the time, so that a test can be any day it likes.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;

/// Tells the time: the machine's, or one that a test sets.
#[derive(Clone, Debug, Default)]
pub struct Clock(Source);

#[derive(Clone, Debug, Default)]
enum Source {
    #[default]
    System,
    Set(Arc<AtomicI64>),
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that stands still until [`Clock::set`] moves it.
    pub fn set_to(time: Timestamp) -> Self {
        Self(Source::Set(Arc::new(AtomicI64::new(time.as_microsecond()))))
    }

    /// Moves a clock made by [`Clock::set_to`], for all its clones; the machine's clock stays as it is.
    pub fn set(&self, time: Timestamp) {
        if let Source::Set(microseconds) = &self.0 {
            microseconds.store(time.as_microsecond(), Ordering::SeqCst);
        }
    }

    /// The time, in UTC.
    #[expect(clippy::disallowed_methods, reason = "the one place that may")]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => Timestamp::now(),
            Source::Set(microseconds) => {
                Timestamp::from_microsecond(microseconds.load(Ordering::SeqCst)).unwrap_or(Timestamp::UNIX_EPOCH)
            }
        }
    }
}
