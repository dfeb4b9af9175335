//! The host names of clients: reverse DNS, confirmed forward, cached and bounded. An exchange never waits for one; its
//! entry does, for a stated time.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{Name, RData};
use hickory_resolver::{Resolver, TokioResolver};
use lru::LruCache;
use tokio::time;

use super::witness::Record;
use crate::config;
use crate::entry::ClientHost;
use crate::server::{Ticks, Worker, ticks};

/// How long a name is believed, and how long the lack of one is.
const FRESH: Duration = Duration::from_secs(3600);
const FRESH_IF_NONE: Duration = Duration::from_secs(600);
const FRESH_IF_FAILED: Duration = Duration::from_secs(60);

/// How many of an address's names are confirmed, at most.
const NAMES_TRIED: usize = 4;

/// One worker's look-ups.
pub(crate) struct HostNames {
    resolver: Option<TokioResolver>,
    deadline: Duration,
    at_once: usize,
    now: Ticks,
    known: RefCell<LruCache<IpAddr, (ClientHost, u32)>>,
    /// Look-ups under way, each with the records that wait for it.
    waiting: RefCell<HashMap<IpAddr, Vec<Record>>>,
}

impl HostNames {
    /// Must be called inside the worker's runtime.
    pub(crate) fn new(config: &config::Resolver, now: Ticks) -> Self {
        let resolver = resolver(&config.servers)
            .inspect_err(|_| tracing::warn!("no name server is configured: client host names will be `failed`"))
            .ok();
        Self {
            resolver,
            deadline: config.deadline,
            at_once: config.at_once,
            now,
            known: RefCell::new(LruCache::new(
                NonZeroUsize::new(config.cache).unwrap_or(NonZeroUsize::MIN),
            )),
            waiting: RefCell::default(),
        }
    }

    /// Begins to look an address up, unless its name is known or being looked up, or too many are.
    pub(super) fn begin(&self, worker: &Rc<Worker>, address: IpAddr) {
        let Some(resolver) = &self.resolver else { return };
        let mut waiting = self.waiting.borrow_mut();
        if self.known(address).is_some() || waiting.contains_key(&address) || waiting.len() >= self.at_once {
            return;
        }
        waiting.insert(address, Vec::new());
        let (resolver, worker) = (resolver.clone(), Rc::clone(worker));
        tokio::task::spawn_local(async move {
            let names = &worker.host_names;
            let answer = time::timeout(names.deadline, look_up(&resolver, address)).await;
            names.learn(address, answer.unwrap_or(ClientHost::Timeout));
            worker.tasks.ended();
        });
    }

    /// Writes a finished record: at once if its name is known or not wanted, else when the look-up ends.
    pub(super) fn complete(&self, record: Record) {
        let Some(address) = record.wants_host_name() else {
            return record.write(ClientHost::NotAsked);
        };
        if let Some(host) = self.known(address) {
            return record.write(host);
        }
        let mut waiting = self.waiting.borrow_mut();
        match waiting.get_mut(&address) {
            Some(records) => records.push(record),
            None if self.resolver.is_none() => record.write(ClientHost::Failed),
            None => record.write(ClientHost::Timeout),
        }
    }

    /// Whether entries may still be waiting for a name.
    pub(crate) fn are_asked(&self) -> bool {
        !self.waiting.borrow().is_empty()
    }

    fn known(&self, address: IpAddr) -> Option<ClientHost> {
        let mut known = self.known.borrow_mut();
        let (host, until) = known.get(&address)?;
        (self.now.load(Relaxed) < *until).then(|| host.clone())
    }

    fn learn(&self, address: IpAddr, host: ClientHost) {
        let fresh = match host {
            ClientHost::Confirmed(_) | ClientHost::Unconfirmed(_) => FRESH,
            ClientHost::None => FRESH_IF_NONE,
            ClientHost::NotAsked | ClientHost::Timeout | ClientHost::Failed => FRESH_IF_FAILED,
        };
        let until = self.now.load(Relaxed).saturating_add(ticks(fresh));
        self.known.borrow_mut().put(address, (host.clone(), until));
        for record in self.waiting.borrow_mut().remove(&address).unwrap_or_default() {
            record.write(host.clone());
        }
    }
}

fn resolver(servers: &[SocketAddr]) -> Result<TokioResolver, NetError> {
    if servers.is_empty() {
        return TokioResolver::builder_tokio()?.build();
    }
    let servers = servers.iter().map(|server| {
        let mut connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
        connections
            .iter_mut()
            .for_each(|connection| connection.port = server.port());
        NameServerConfig::new(server.ip(), true, connections.into())
    });
    let config = ResolverConfig::from_parts(None, Vec::new(), servers.collect());
    let mut builder = Resolver::builder_with_config(config, TokioRuntimeProvider::default());
    builder.options_mut().use_hosts_file = ResolveHosts::Never; // this machine's names are not the office's
    builder.build()
}

/// Asks for the address's names, then whether one of them has the address.
async fn look_up(resolver: &TokioResolver, address: IpAddr) -> ClientHost {
    let names = match resolver.reverse_lookup(address).await {
        Ok(answer) => names(answer.answers().iter().map(|record| &record.data)),
        Err(error) => return failure(&error),
    };
    for name in &names {
        if let Ok(answer) = resolver.lookup_ip(name.clone()).await
            && answer.iter().any(|found| found.to_canonical() == address)
        {
            return ClientHost::Confirmed(text(name));
        }
    }
    names
        .first()
        .map_or(ClientHost::None, |name| ClientHost::Unconfirmed(text(name)))
}

fn names<'a>(answers: impl Iterator<Item = &'a RData>) -> Vec<Name> {
    let names = answers.filter_map(|data| match data {
        RData::PTR(name) => Some(name.0.clone()),
        _ => None,
    });
    names.take(NAMES_TRIED).collect()
}

fn text(name: &Name) -> Arc<str> {
    name.to_ascii().trim_end_matches('.').to_ascii_lowercase().into()
}

fn failure(error: &NetError) -> ClientHost {
    match error {
        error if error.is_nx_domain() || error.is_no_records_found() => ClientHost::None,
        NetError::Timeout => ClientHost::Timeout,
        _ => ClientHost::Failed,
    }
}
