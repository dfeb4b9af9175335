//! Rung when a checkpoint is durable. Whoever rings never waits.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// One rings, any number wait.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    rung: Mutex<Rung>,
    changed: Condvar,
}

/// What was heard of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rung {
    times: u64,
    /// Whether it will never ring again.
    pub(super) over: bool,
}

impl Bell {
    pub(crate) fn ring(&self) {
        self.change(|rung| rung.times += 1);
    }

    /// The last time.
    pub(super) fn close(&self) {
        self.change(|rung| rung.over = true);
    }

    fn change(&self, change: impl FnOnce(&mut Rung)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    /// What there was to hear so far.
    pub(super) fn heard(&self) -> Rung {
        *self.lock()
    }

    /// Waits until there is more to hear.
    pub(super) fn wait(&self, heard: Rung) {
        let waited = self.changed.wait_while(self.lock(), |rung| *rung == heard);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Waits for so long, whatever is rung, or until the last time.
    pub(super) fn rest(&self, time: Duration) {
        let _ = self.changed.wait_timeout_while(self.lock(), time, |rung| !rung.over);
    }

    /// A count is right even if somebody panicked.
    fn lock(&self) -> MutexGuard<'_, Rung> {
        self.rung.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
