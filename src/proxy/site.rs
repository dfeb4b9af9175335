//! A site: its names, the CMS behind it, the policy in force, and the journal.

use std::path::Path;
use std::sync::Arc;

use http::Request;

use super::Trust;
use super::counts::Counts;
use super::statement::Pages;
use crate::clock::Clock;
use crate::config::{self, ErrorPage, Upstream};
use crate::cookies::{Keys, Navigation, Tally};
use crate::journal::{CloseError, Event, Format, Journal, OpenError, Settings};
use crate::policy::Policy;
use crate::third_parties::{self, Guard};

/// A site as one edition of the configuration has it, shared by all workers. It never changes: a reload makes another
/// one, which may have parts in common with it, and exchanges go on with the one that they began with.
pub struct Site {
    /// Its host names in lower case.
    pub(crate) hosts: Vec<Box<str>>,
    pub(crate) upstream: Upstream,
    pub(crate) error_page: Option<ErrorPage>,
    pub(crate) trust: Option<Arc<Trust>>,
    pub(crate) in_force: Arc<InForce>,
    /// What its cookies are sealed with, where the policy says when they end.
    pub(crate) keys: Option<Arc<Keys>>,
    /// The statement, where the site serves it.
    pub(crate) statement: Option<Pages>,
    /// What its pages tell browsers about other sites, where the policy says something of them.
    pub(crate) guard: Option<Guard>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) counts: Arc<Counts>,
    settings: Settings,
}

/// A version of the policy, and what its rules have met.
pub(crate) struct InForce {
    pub(crate) policy: Policy,
    pub(crate) tally: Tally,
    /// What browsers report, where they are asked to.
    pub(crate) calls: Option<third_parties::Tally>,
    text: String,
}

impl InForce {
    fn new(site: &config::Site) -> Arc<Self> {
        Arc::new(Self {
            policy: site.policy.clone(),
            tally: Tally::new(&site.policy.cookies),
            calls: site.policy.third_parties.as_ref().map(third_parties::Tally::new),
            text: site.policy_text.clone(),
        })
    }
}

impl Site {
    pub(crate) fn open(
        site: &config::Site,
        trust: Option<Arc<Trust>>,
        keys: Option<Arc<Keys>>,
        workers: usize,
        clock: &Clock,
    ) -> Result<Self, OpenError> {
        let journal = Journal::open(&site.journal, &site.policy, &site.policy_text, clock.clone())?;
        Ok(Self {
            hosts: site.hosts.clone(),
            upstream: site.upstream.clone(),
            error_page: site.error_page.clone(),
            trust,
            in_force: InForce::new(site),
            keys,
            statement: Pages::of(site, journal.policies()?, clock.now()),
            guard: guard(site),
            journal: Arc::new(journal),
            counts: Arc::new(Counts::new(workers)),
            settings: site.journal.clone(),
        })
    }

    /// The same site as a later edition of the configuration has it. The journal goes on as it is, under the policy
    /// that it has: [`Site::may_take_over`] and [`Site::take_over`] are for the new one.
    ///
    /// # Errors
    /// [`OpenError::Disk`] if the versions of the policy cannot be read.
    pub(crate) fn next(
        &self,
        site: &config::Site,
        trust: Option<Arc<Trust>>,
        keys: Option<Arc<Keys>>,
        clock: &Clock,
    ) -> Result<Self, OpenError> {
        let same = self.in_force.text == site.policy_text;
        Ok(Self {
            hosts: site.hosts.clone(),
            upstream: site.upstream.clone(),
            error_page: site.error_page.clone(),
            trust,
            in_force: if same {
                Arc::clone(&self.in_force)
            } else {
                InForce::new(site)
            },
            keys,
            statement: Pages::of(site, self.journal.policies()?, clock.now()),
            guard: guard(site),
            journal: Arc::clone(&self.journal),
            counts: Arc::clone(&self.counts),
            settings: self.settings.clone(),
        })
    }

    /// Whether the journal takes this policy after those it had. Nothing is changed.
    ///
    /// # Errors
    /// [`OpenError::Policy`], and [`OpenError::Disk`] if it could not be found out.
    pub(crate) fn may_take_over(&self) -> Result<(), OpenError> {
        self.journal.may_adopt(&self.in_force.policy, &self.in_force.text)
    }

    /// Keeps the text of the policy with the journal, where it comes into force with [`Site::take_over`].
    ///
    /// # Errors
    /// See [`OpenError`].
    pub(crate) fn keep_policy(&self) -> Result<(), OpenError> {
        self.journal.keep(&self.in_force.policy, &self.in_force.text)
    }

    /// Lets the journal go over to the policy of this site from that of the site before it.
    pub(crate) fn take_over(&self, before: &Self) {
        if !self.has_policy_of(before) {
            before.record_seen();
            self.journal.go_over(&self.in_force.policy);
        }
    }

    /// Whether the same policy is in force in both, down to the tally.
    pub(crate) fn has_policy_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.in_force, &other.in_force)
    }

    /// Whether the CMS behind both is the same one, reached in the same way.
    pub(crate) fn has_upstream_of(&self, other: &Self) -> bool {
        let trust = |site: &Self| site.trust.as_ref().map(Arc::as_ptr);
        self.upstream == other.upstream && trust(self) == trust(other)
    }

    /// Where a request stands in its visit, as far as the cookie rules ask for it.
    pub(crate) fn navigation<B>(&self, request: &Request<B>) -> Navigation {
        let cookies = &self.in_force.policy.cookies;
        if !cookies.follow_visits() {
            return Navigation::None;
        }
        Navigation::of(request.method(), request.headers(), &self.hosts, &cookies.login_hosts)
    }

    /// Whether the cookies of both are sealed with the same keys.
    pub(crate) fn has_keys_of(&self, other: &Self) -> bool {
        match (&self.keys, &other.keys) {
            (Some(one), Some(other)) => one.is(other),
            (one, other) => one.is_none() && other.is_none(),
        }
    }

    /// The path at which its statement is served.
    pub(crate) fn statement_path(&self) -> Option<&str> {
        self.statement.as_ref().map(Pages::path)
    }

    /// The path at which browsers report calls to other sites.
    pub(crate) fn reports_path(&self) -> Option<&str> {
        self.guard.as_ref().map(Guard::path)
    }

    /// Where its journal is: what makes it the same site in two versions of the configuration.
    pub(crate) fn folder(&self) -> &Path {
        &self.settings.folder
    }

    /// Whether its journal is written as these settings say.
    pub(crate) fn is_written_as(&self, settings: &Settings) -> bool {
        self.settings == *settings
    }

    /// Whether nobody else holds it or writes to its journal.
    pub(crate) fn is_quiet(self: &Arc<Self>) -> bool {
        Arc::strong_count(self) == 1 && Arc::strong_count(&self.journal) == 1
    }

    /// Tells the journal which cookies there were, and which calls to other sites.
    pub(crate) fn record_seen(&self) {
        let in_force = &self.in_force;
        let (mode, cookies) = (in_force.policy.cookies.mode, Box::new(in_force.tally.snapshot()));
        self.journal.event(Event::Cookies { mode, cookies });
        if let (Some(rules), Some(calls)) = (&in_force.policy.third_parties, &in_force.calls) {
            let (mode, calls) = (rules.mode, Box::new(calls.snapshot()));
            self.journal.event(Event::ThirdParties { mode, calls });
        }
    }

    /// How its entries are written.
    pub(crate) fn format(&self) -> Format {
        self.settings.format
    }

    /// Lets another process write the journal, see [`Journal::release`].
    pub(crate) fn release(&self) -> Result<(), CloseError> {
        self.record_seen();
        self.journal.release()
    }

    /// Writes it again, see [`Journal::resume`].
    pub(crate) fn resume(&self, clock: &Clock) -> Result<(), OpenError> {
        let in_force = &self.in_force;
        self.journal
            .resume(&self.settings, &in_force.policy, &in_force.text, clock.clone())
    }

    /// Ends the journal in good order.
    pub(crate) fn close(&self) -> Result<(), CloseError> {
        self.record_seen();
        self.journal.close()
    }
}

fn guard(site: &config::Site) -> Option<Guard> {
    Guard::new(&site.policy, &site.hosts, &site.browser_reports)
}
