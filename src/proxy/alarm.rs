//! Whom a connection to the CMS wakes: the task of the exchange that has it, and only while that waits for it.
//!
//! hyper wakes whoever drives a connection also for what the exchange does itself, such as taking a piece of a body
//! from it. That would be one more turn of the visitor's whole task, for nothing.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

/// One connection's. It is the same waker as long as the connection lives, so what was registered with it stays.
pub(super) struct Alarm {
    waker: Waker,
    bell: Arc<Bell>,
}

/// It is shared only because wakers are. One thread uses it.
struct Bell {
    is_on: AtomicBool,
    task: Mutex<Waker>,
}

impl Default for Alarm {
    fn default() -> Self {
        let bell = Arc::new(Bell {
            is_on: AtomicBool::new(false),
            task: Mutex::new(Waker::noop().clone()),
        });
        Self {
            waker: Waker::from(Arc::clone(&bell)),
            bell,
        }
    }
}

impl Alarm {
    /// What the connection is driven with, which from now on wakes this task.
    pub(super) fn on(&self, task: &Waker) -> &Waker {
        self.on_again();
        self.bell.task().clone_from(task);
        &self.waker
    }

    /// Wakes nobody.
    pub(super) fn off(&self) {
        self.bell.is_on.store(false, Relaxed);
    }

    /// Wakes again whom it woke last.
    pub(super) fn on_again(&self) {
        self.bell.is_on.store(true, Relaxed);
    }

    /// What the connection is driven with while no exchange has it: it wakes nobody, and keeps no task that may be
    /// over.
    pub(super) fn nobody(&self) -> &Waker {
        self.off();
        self.bell.task().clone_from(Waker::noop());
        &self.waker
    }
}

impl Bell {
    /// It is set in one step: right even if who set it has panicked.
    fn task(&self) -> MutexGuard<'_, Waker> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.is_on.load(Relaxed) {
            self.task().wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[derive(Default)]
    struct Task(AtomicUsize);

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    #[test]
    fn whoever_drove_a_connection_last_is_woken_and_only_while_it_waits() {
        let tasks = [(); 2].map(|()| Arc::new(Task::default()));
        let [one, other] = tasks.each_ref().map(|task| Waker::from(Arc::clone(task)));
        let woken = || tasks.each_ref().map(|task| task.0.load(Relaxed));
        let alarm = Alarm::default();
        let registered = alarm.nobody().clone();
        registered.wake_by_ref();
        assert_eq!(woken(), [0, 0]);
        assert!(alarm.on(&one).will_wake(&registered));
        registered.wake_by_ref();
        assert_eq!(woken(), [1, 0]);
        alarm.on(&other);
        registered.wake_by_ref();
        assert_eq!(woken(), [1, 1]);
        alarm.off();
        registered.wake_by_ref();
        assert_eq!(woken(), [1, 1]);
        alarm.on_again();
        registered.wake_by_ref();
        assert_eq!(woken(), [1, 2]);
        alarm.nobody();
        registered.wake_by_ref();
        assert_eq!(woken(), [1, 2]);
        drop((one, other));
        assert_eq!(tasks.map(|task| Arc::strong_count(&task)), [1, 1], "none is kept");
    }
}
