//! A site: its names, the CMS behind it, the policy in force, and the journal.

use arc_swap::ArcSwap;

use crate::clock::Clock;
use crate::config::{self, Upstream};
use crate::cookies::Tally;
use crate::journal::{CloseError, Event, Journal, OpenError};
use crate::policy::Policy;

/// A site, shared by all workers.
pub struct Site {
    /// Its host names in lower case.
    pub(crate) hosts: Vec<Box<str>>,
    pub(crate) upstream: Upstream,
    /// One version from the first byte of an exchange to its last: whoever begins one keeps the `Arc`.
    pub(crate) in_force: ArcSwap<InForce>,
    pub(crate) journal: Journal,
}

/// A version of the policy, and what its cookie rules have met.
pub(crate) struct InForce {
    pub(crate) policy: Policy,
    pub(crate) tally: Tally,
}

impl Site {
    pub(crate) fn open(site: &config::Site, clock: &Clock) -> Result<Self, OpenError> {
        Ok(Self {
            hosts: site.hosts.clone(),
            upstream: site.upstream.clone(),
            journal: Journal::open(&site.journal, &site.policy, &site.policy_text, clock.clone())?,
            in_force: ArcSwap::from_pointee(InForce {
                policy: site.policy.clone(),
                tally: Tally::new(&site.policy.cookies),
            }),
        })
    }

    /// Tells the journal which cookies there were.
    pub(crate) fn record_cookies(&self) {
        let in_force = self.in_force.load();
        let (mode, cookies) = (in_force.policy.cookies.mode, in_force.tally.snapshot());
        self.journal.event(Event::Cookies { mode, cookies });
    }

    /// Ends the journal in good order.
    pub(crate) fn close(&self) -> Result<(), CloseError> {
        self.record_cookies();
        self.journal.close()
    }
}
