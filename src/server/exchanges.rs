//! The exchanges that are open, in all: with their number, what visitors can make us hold is limited.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Counts them for all workers together.
#[derive(Clone, Default)]
pub(crate) struct Exchanges(Arc<AtomicUsize>);

impl Exchanges {
    pub(super) fn begin(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    pub(super) fn end(&self, ended: usize) {
        self.0.fetch_sub(ended, Relaxed);
    }

    pub(crate) fn open(&self) -> usize {
        self.0.load(Relaxed)
    }
}
