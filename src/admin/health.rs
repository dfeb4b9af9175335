//! Whether the process works, and whether it keeps its promises.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::{TcpStream, UnixStream};
use tokio::time;

use super::disks::{Disks, PATIENCE};
use crate::config::Origin;
use crate::journal::OnDisk;
use crate::proxy::Site;
use crate::server::View;

/// How long a worker may take to turn, which it does four times a second.
const TURN: Duration = Duration::from_secs(3);
/// How often it is looked whether it has.
const LOOK: Duration = Duration::from_millis(25);
/// What is durable is signed after ten seconds; this is too long.
const UNSIGNED_MAX: Duration = Duration::from_secs(60);
/// For a connection to one address of the CMS.
const CONNECT: Duration = Duration::from_secs(1);

/// Something that is not as it should be.
pub(crate) struct Lack {
    /// The site; `None` for the process.
    site: Option<Box<str>>,
    what: &'static str,
    found: String,
}

impl Lack {
    fn of(site: &Site, what: &'static str, found: impl Into<String>) -> Self {
        let (site, found) = (Some(site.hosts[0].clone()), found.into());
        Self { site, what, found }
    }

    fn of_writer(site: &Site) -> Self {
        let found = format!("its writer has not answered for {} s", PATIENCE.as_secs());
        Self::of(site, "journal", found)
    }

    fn of_process(what: &'static str, found: impl Into<String>) -> Self {
        let (site, found) = (None, found.into());
        Self { site, what, found }
    }

    pub(super) fn to_json(&self) -> Value {
        json!({ "site": self.site.as_deref(), "what": self.what, "found": self.found })
    }
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(site) = &self.site {
            write!(f, "{site}: ")?;
        }
        write!(f, "{}: {}", self.what, self.found)
    }
}

/// Whether every worker turns. One that stops in good order need not.
pub(super) async fn health(view: &View) -> Vec<Lack> {
    let turns = || {
        view.workers
            .iter()
            .map(|hands| hands.now.load(Relaxed))
            .collect::<Vec<_>>()
    };
    let before = turns();
    let stuck = || {
        let now = turns();
        let stuck = before.iter().zip(&now).enumerate();
        let stuck = stuck.filter(|(_, (before, now))| before == now);
        stuck.map(|(worker, _)| worker).collect::<Vec<_>>()
    };
    let all_turn = wait_for(TURN, || view.is_draining() || stuck().is_empty()).await;
    if all_turn {
        return Vec::new();
    }
    let lack = |worker| {
        Lack::of_process(
            "workers",
            format!("worker {worker} has not turned for {} s", TURN.as_secs()),
        )
    };
    stuck().into_iter().map(lack).collect()
}

/// What a restart may mend: a worker, or a journal's writer, that does not turn. Nothing else: while a disk takes no
/// entries they wait in memory, and would be lost.
pub(crate) async fn life(view: &View) -> Vec<Lack> {
    let edition = view.edition();
    let (mut lacks, stuck) = tokio::join!(health(view), stuck_writers(&edition.sites));
    let stuck = edition.sites.iter().zip(stuck).filter(|(_, stuck)| *stuck);
    lacks.extend(stuck.map(|(site, _)| Lack::of_writer(site)));
    let was_closed = view.is_draining() || view.edition().number != edition.number;
    if was_closed {
        lacks.clear(); // what was asked may have ended in good order
    }
    lacks
}

/// Whether the next exchange would be served and recorded.
pub(super) async fn readiness(view: &View, disks: &Disks) -> Vec<Lack> {
    let edition = view.edition();
    let sites = &edition.sites;
    let now = edition.clock.now();
    let (stuck, on_disk, unreachable) = tokio::join!(stuck_writers(sites), disks.look(sites), unreachable(sites));
    let mut lacks = Vec::new();
    if view.is_draining() {
        lacks.push(Lack::of_process(
            "server",
            "it stops: open exchanges end, and no new ones begin",
        ));
    }
    for (place, (site, on_disk)) in sites.iter().zip(on_disk).enumerate() {
        let vitals = site.journal.vitals(now);
        if stuck[place] {
            lacks.push(Lack::of_writer(site));
        }
        let mut lack = |what, found: String| lacks.push(Lack::of(site, what, found));
        if vitals.status.failed {
            lack("journal", "its disk takes no entries".to_owned());
        } else if vitals.status.waiting >= vitals.places {
            lack("journal", "its queue is full".to_owned());
        }
        if vitals.unsigned > UNSIGNED_MAX {
            let found = format!("entries have waited {} s to be signed", vitals.unsigned.as_secs());
            lack("checkpoint", found);
        }
        for found in checkpoints(on_disk) {
            lack("checkpoint", found);
        }
        if unreachable[place] {
            lack("upstream", "the CMS accepts no connection".to_owned());
        }
    }
    lacks
}

/// Which sites have a journal whose writer does not turn when it is asked to.
async fn stuck_writers(sites: &[Arc<Site>]) -> Vec<bool> {
    let asked: Vec<_> = sites.iter().map(|site| site.journal.nudge()).collect();
    let stuck = || {
        let asked = asked.iter().zip(sites);
        asked
            .map(|(before, site)| *before == site.journal.turns())
            .collect::<Vec<_>>()
    };
    wait_for(PATIENCE, || !stuck().contains(&true)).await;
    stuck()
}

/// What is wrong with those that lie on the disk.
fn checkpoints(on_disk: Option<OnDisk>) -> Vec<String> {
    let Some(on_disk) = on_disk else {
        return vec![format!("the disk has not answered for {} s", PATIENCE.as_secs())];
    };
    let bad = on_disk.checkpoints.into_iter().filter(|(_, size)| size.is_none());
    bad.map(|(log, _)| format!("the newest one of `{log}` is missing, damaged, or signed with another key"))
        .collect()
}

/// Of which sites the CMS is known to be down: it failed a request, and accepts no connection now.
async fn unreachable(sites: &[Arc<Site>]) -> Vec<bool> {
    let tries: Vec<_> = sites
        .iter()
        .map(|site| {
            let origins = site.counts.may_be_down().then(|| site.upstream.origins.clone());
            tokio::task::spawn_local(async move {
                let Some(origins) = origins else { return false };
                let one_accepts = async {
                    for origin in &origins {
                        if time::timeout(CONNECT, accepts(origin)).await == Ok(true) {
                            return true;
                        }
                    }
                    false
                };
                time::timeout(PATIENCE, one_accepts).await != Ok(true)
            })
        })
        .collect();
    let mut unreachable = Vec::with_capacity(tries.len());
    for tried in tries {
        unreachable.push(tried.await.unwrap_or(false));
    }
    unreachable
}

async fn accepts(origin: &Origin) -> bool {
    match origin {
        Origin::Http { host, port } | Origin::Https { host, port } => {
            TcpStream::connect((host.as_str(), *port)).await.is_ok()
        }
        Origin::Unix(path) => UnixStream::connect(path).await.is_ok(),
    }
}

/// Whether it came true in this time.
async fn wait_for(patience: Duration, is_so: impl Fn() -> bool) -> bool {
    let waiting = async {
        while !is_so() {
            time::sleep(LOOK).await;
        }
    };
    time::timeout(patience, waiting).await.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::config::{Limits, Resolver};
    use crate::server::Shared;

    #[tokio::test(flavor = "current_thread")]
    async fn a_worker_that_does_not_turn_is_named_unless_the_server_stops() {
        let shared = Shared {
            number: 0,
            sites: Vec::new(),
            trusted_proxies: Vec::new(),
            limits: Limits::default(),
            resolver: Resolver::default(),
            connections_per_worker: 1,
            exchanges: Default::default(),
            challenges: Default::default(),
            clock: Clock::system(),
        };
        let view = View::new(Arc::new(shared), 2, None);
        let turning = async {
            loop {
                view.workers[0].now.fetch_add(1, Relaxed);
                time::sleep(LOOK).await;
            }
        };
        let lacks = tokio::select! {
            lacks = health(&view) => lacks,
            () = turning => Vec::new(),
        };
        let said: Vec<_> = lacks.iter().map(Lack::to_string).collect();
        assert_eq!(said, ["workers: worker 1 has not turned for 3 s"]);
        view.drain();
        assert!(health(&view).await.is_empty());
    }
}
