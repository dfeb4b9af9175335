//! From one edition of the configuration to the next, all or nothing.
//!
//! Everything that can fail comes first and changes nothing that is in use; what comes after it cannot fail. Exchanges
//! and tunnels that have begun go on with the edition that they began with.

use std::path::Path;
use std::sync::{Arc, mpsc};

use super::certificates::Certificates;
use super::{Server, Shared, StartError, cookie_keys};
use crate::acme::{self, Errand};
use crate::config::{self, Config};
use crate::proxy::{Site, Trust};

/// What a reload changed, and what only a restart can, a sentence each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reloaded {
    /// In use from now on.
    pub changed: Vec<String>,
    /// As it was at start; the configuration says otherwise.
    pub needs_restart: Vec<String>,
}

/// A site of the next edition, and the one of this edition whose journal it goes on with.
struct Next {
    site: Arc<Site>,
    before: Option<Arc<Site>>,
}

impl Server {
    /// Goes over to another configuration: certificates, sites with their policies and upstreams, limits, trusted
    /// proxies. When it returns, every new exchange follows it. Where to listen, the number of threads, name servers,
    /// and how a journal is written stay as they were at start.
    ///
    /// # Errors
    /// See [`StartError`]. Everything then stays as it was, except that journals of new sites may tell of a start and
    /// a stop.
    pub fn reload(&mut self, config: &Config) -> Result<Reloaded, StartError> {
        let reloaded = self.go_over(config);
        match &reloaded {
            Ok(_) => self.view.reloads().done.add(1),
            Err(_) => self.view.reloads().refused.add(1),
        }
        reloaded
    }

    fn go_over(&mut self, config: &Config) -> Result<Reloaded, StartError> {
        let errand = config.acme.as_ref().map(Errand::of).transpose()?;
        let certificates = match (&self.certificates, config.https.as_slice()) {
            (None, _) | (_, []) => None, // a listener came or went: that needs a restart
            (Some(_), _) => {
                let awaited = acme::files(config.acme.as_ref());
                Some(Certificates::open(&config.tls, &awaited, &self.shared.challenges)?)
            }
        };
        let next = self.next_sites(config)?;
        // From here on nothing can fail.
        let mut reloaded = Reloaded {
            changed: self.changes(config, &next),
            needs_restart: self.needs_restart(config),
        };
        if let (Some(used), Some(new)) = (&self.certificates, certificates)
            && used.replace(new)
        {
            reloaded.changed.push("the certificates".to_owned());
        }
        if self.acme != config.acme {
            reloaded
                .changed
                .push("whom to ask for certificates, and for which".to_owned());
            self.acme.clone_from(&config.acme);
        }
        for Next { site, before } in &next {
            if let Some(before) = before {
                site.take_over(before);
                self.caretaker.give_back(before);
            }
        }
        let sites: Vec<_> = next.into_iter().map(|next| next.site).collect();
        let clock = self.shared.clock.clone();
        let shared = Shared::new(sites, config, self.started.workers, clock, Some(&*self.shared));
        let shared = Arc::new(shared);
        let before = std::mem::replace(&mut self.shared, shared);
        self.view.follow(Arc::clone(&self.shared));
        self.hand_out();
        if let Some(renewer) = &self.renewer {
            renewer.follow(errand);
        }
        for site in &before.sites {
            if find(&self.shared.sites, site.folder()).is_none() {
                self.caretaker.look_after(Arc::clone(site));
            }
        }
        Ok(reloaded)
    }

    fn next_sites(&self, config: &Config) -> Result<Vec<Next>, StartError> {
        let known = [self.shared.sites.clone(), self.caretaker.removed()].concat();
        let of = |site: &config::Site| {
            let folder = site.journal.folder.clone();
            move |error| StartError::Journal { folder, error }
        };
        let mut kept = Vec::new();
        for site in &config.sites {
            let before = find(&known, &site.journal.folder);
            let trust = Trust::of(&site.upstream, before.as_deref())?;
            let keys = cookie_keys(site)?;
            let next = before
                .as_ref()
                .map(|before| before.next(site, trust.clone(), keys.clone(), &self.shared.clock));
            let next = next.transpose().map_err(of(site))?.map(Arc::new);
            if let Some(next) = &next {
                next.may_take_over().map_err(of(site))?;
            }
            kept.push((next, before, trust, keys));
        }
        let (mut all, workers) = (Vec::new(), self.started.workers);
        for (site, (next, before, trust, keys)) in config.sites.iter().zip(kept) {
            let next = match next {
                Some(next) => next,
                None => Arc::new(Site::open(site, trust, keys, workers, &self.shared.clock).map_err(of(site))?),
            };
            all.push(Next { site: next, before });
        }
        for (site, next) in config.sites.iter().zip(&all) {
            next.site.keep_policy().map_err(of(site))?;
        }
        Ok(all)
    }

    /// Returns when every worker has taken the edition over, or has ended.
    fn hand_out(&self) {
        let (taken_over, all) = mpsc::channel();
        for worker in &self.workers {
            let _ = worker.orders.send((Arc::clone(&self.shared), taken_over.clone())); // it may have ended
        }
        drop(taken_over);
        let _ = all.recv(); // nothing is ever sent: it ends when the last worker has dropped its sender
    }

    fn changes(&self, config: &Config, next: &[Next]) -> Vec<String> {
        let mut changes = Vec::new();
        if self.shared.limits != config.limits {
            changes.push("the limits, for new connections".to_owned());
        }
        if self.shared.trusted_proxies != config.trusted_proxies {
            changes.push("the trusted proxies".to_owned());
        }
        for Next { site, before } in next {
            let name = site.hosts.join(", ");
            let was_served = find(&self.shared.sites, site.folder()).is_some();
            let Some(before) = before.as_ref().filter(|_| was_served) else {
                changes.push(format!("{name}: a new site"));
                continue;
            };
            if before.hosts != site.hosts {
                changes.push(format!("{name}: its names, which were {}", before.hosts.join(", ")));
            }
            if !before.has_upstream_of(site) {
                changes.push(format!("{name}: its upstream"));
            }
            if !site.has_keys_of(before) {
                changes.push(format!("{name}: the keys for its cookies"));
            }
            if before.error_page != site.error_page {
                changes.push(format!("{name}: its error page"));
            }
            if before.statement_path() != site.statement_path() {
                changes.push(format!("{name}: where its statement is"));
            }
            if before.reports_path() != site.reports_path() && site.has_policy_of(before) {
                changes.push(format!("{name}: where browsers report to"));
            }
            if !site.has_policy_of(before) {
                let policy = &site.in_force.policy;
                changes.push(format!("{name}: policy {} of {}", policy.version, policy.effective));
            }
        }
        for site in &self.shared.sites {
            if !next.iter().any(|next| next.site.folder() == site.folder()) {
                changes.push(format!("{}: no longer a site", site.hosts.join(", ")));
            }
        }
        changes
    }

    fn needs_restart(&self, config: &Config) -> Vec<String> {
        let mut needs = Vec::new();
        let mut unless = |same: bool, what: &str| {
            if !same {
                needs.push(what.to_owned());
            }
        };
        let started = &self.started;
        unless(
            started.http == config.http
                && started.https == config.https
                && started.proxy_protocol == config.proxy_protocol,
            "where to listen",
        );
        unless(started.admin == config.admin, "where the administrator is listened to");
        unless(started.workers == config.workers, "the number of threads");
        unless(started.resolver == config.resolver, "the name servers and their limits");
        for site in &config.sites {
            if let Some(open) = find(&self.shared.sites, &site.journal.folder)
                && !open.is_written_as(&site.journal)
            {
                needs.push(format!("{}: how its journal is written", site.hosts.join(", ")));
            }
        }
        needs
    }
}

/// The site whose journal is in this folder.
pub(super) fn find(sites: &[Arc<Site>], folder: &Path) -> Option<Arc<Site>> {
    sites.iter().find(|site| site.folder() == folder).cloned()
}
