//! What whoever looks after the server can see of it at any moment, without disturbing those who serve.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use arc_swap::ArcSwap;
use jiff::Timestamp;

use super::certificates::Certificates;
use super::meter::Ticks;
use super::{Certificate, Shared};
use crate::acme::Orders;
use crate::count::Number;

/// The server, seen from beside.
pub(crate) struct View {
    edition: ArcSwap<Shared>,
    pub(crate) workers: Vec<Arc<Hands>>,
    certificates: Option<Arc<Certificates>>,
    /// What became of orders for certificates.
    pub(crate) orders: Arc<Orders>,
    pub(crate) started: Timestamp,
    /// Nothing more is accepted.
    draining: AtomicBool,
    reloads: Reloads,
}

/// What one worker counts of itself; it alone does.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Hands {
    /// Counted from 0.
    pub(crate) number: usize,
    /// Where the worker's sweep is.
    pub(crate) now: Ticks,
    /// Connections and tunnels that are open, and all connections that ever were.
    pub(crate) open: Number,
    pub(crate) accepted: Number,
    /// TLS handshakes: those that led to a connection, that failed, and that took too long.
    pub(crate) greeted: Number,
    pub(crate) failed: Number,
    pub(crate) overdue: Number,
}

impl Hands {
    fn of(number: usize) -> Arc<Self> {
        Arc::new(Self {
            number,
            ..Self::default()
        })
    }
}

/// How often the configuration was read again; one thread does.
#[derive(Debug, Default)]
pub(crate) struct Reloads {
    pub(crate) done: Number,
    pub(crate) refused: Number,
}

impl View {
    pub(crate) fn new(first: Arc<Shared>, workers: usize, certificates: Option<Arc<Certificates>>) -> Arc<Self> {
        Arc::new(Self {
            started: first.clock.now(),
            edition: ArcSwap::new(first),
            workers: (0..workers).map(Hands::of).collect(),
            certificates,
            orders: Arc::default(),
            draining: AtomicBool::new(false),
            reloads: Reloads::default(),
        })
    }

    /// The edition that new exchanges follow.
    pub(crate) fn edition(&self) -> Arc<Shared> {
        self.edition.load_full()
    }

    pub(super) fn follow(&self, edition: Arc<Shared>) {
        self.edition.store(edition);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Relaxed)
    }

    pub(crate) fn drain(&self) {
        self.draining.store(true, Relaxed);
    }

    /// The certificates in use, in the order of the configuration.
    pub(crate) fn certificates(&self) -> Vec<Arc<Certificate>> {
        self.certificates.iter().flat_map(|all| all.all()).collect()
    }

    pub(crate) fn reloads(&self) -> &Reloads {
        &self.reloads
    }
}
