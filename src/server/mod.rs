//! Listeners, TLS, limits; accept, serve, reload, drain.
//!
//! Workers share nothing but the sites' journals and tallies: each is a thread with a runtime, listeners
//! (SO_REUSEPORT) and upstream connections of its own. `start` is the way there. `listen` shares the ports, `worker` is
//! one thread's life, `connection` one visitor's connection, `http2` one with many streams, `exchanges` how many are
//! open, `meter` their time limits, `pieces` how they are written, `proxied` what may come before it. `certificates`
//! chooses what a visitor is shown, and `tls` says how TLS is spoken. `reload` is the way from one edition of the
//! configuration to the next, `handover` that from one process to the next, `inherited` are sockets that came from
//! elsewhere, and `caretaker` is a thread for what is nobody's exchange.

mod caretaker;
mod certificate;
mod certificates;
mod connection;
mod exchanges;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod handover;
mod http2;
mod inherited;
mod listen;
mod meter;
mod pieces;
mod proxied;
mod proxy_protocol;
mod reload;
mod start;
mod tls;
mod view;
mod worker;

pub use certificate::TlsError;
pub(crate) use certificate::{Certificate, chain};
pub(crate) use connection::{Connection, End};
pub(crate) use exchanges::Exchanges;
pub use handover::{HandOverError, Predecessor, Starter, Successor};
pub use inherited::Inherited;
pub(crate) use inherited::{Of, Place};
pub(crate) use meter::{Meter, Metered, Stage, Ticks, ticks};
pub(crate) use pieces::poll_write_pieces;
pub use reload::Reloaded;
pub use start::Prepared;
pub(crate) use view::{Hands, View};
pub(crate) use worker::{Edition, Task, Worker};

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use thiserror::Error;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::watch;

use self::caretaker::Caretaker;
use self::certificates::Certificates;
use self::handover::Following;
use self::reload::find;
use self::worker::{Order, Phase};
use crate::acme::{AcmeError, Challenges, Renewer};
use crate::admin::{Admin, Wish};
use crate::clock::Clock;
use crate::config::{self, AdminPlace, Config, Limits, Resolver};
use crate::cookies::{self, Keys};
use crate::journal;
use crate::proxy::Site;

/// Why the server could not start, or not go over to another configuration.
#[derive(Debug, Error)]
pub enum StartError {
    /// A port could not be listened on.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address of ours.
        address: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
    /// The administrator's programs could not be listened to.
    #[error("cannot listen on {place}, for [admin]: {error}")]
    Admin {
        /// Where.
        place: AdminPlace,
        /// What the system says.
        error: io::Error,
    },
    /// A certificate could not be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Certificates could not be asked for.
    #[error(transparent)]
    Acme(#[from] AcmeError),
    /// A journal could not be opened, or does not take the policy.
    #[error("cannot open the journal in {}: {error}", folder.display())]
    Journal {
        /// Its folder.
        folder: PathBuf,
        /// Why.
        error: journal::OpenError,
    },
    /// The keys for a site's cookies could not be used.
    #[error("cannot seal cookies with {}: {error}", file.display())]
    Cookies {
        /// The file of the keys.
        file: PathBuf,
        /// Why.
        error: cookies::KeysError,
    },
    /// There are sockets of systemd's on which nobody would accept.
    #[error("systemd listens where the configuration does not: {}", places.join(", "))]
    Unwanted {
        /// Their addresses, and how systemd calls them.
        places: Vec<String>,
    },
    /// The process to take over from could not be spoken to.
    #[error("cannot take over from the process before: {0}")]
    TakeOver(io::Error),
    /// A thread or its runtime could not be made.
    #[error("cannot start a thread: {0}")]
    Worker(io::Error),
}

/// An edition of the configuration: what the workers share, read-only.
pub(crate) struct Shared {
    /// Counted from 0, the one at start.
    pub(crate) number: u64,
    pub(crate) sites: Vec<Arc<Site>>,
    pub(crate) trusted_proxies: Vec<ipnet::IpNet>,
    pub(crate) limits: Limits,
    pub(crate) resolver: Resolver,
    pub(crate) connections_per_worker: usize,
    /// The same in every edition.
    pub(crate) exchanges: Exchanges,
    /// The same in every edition.
    pub(crate) challenges: Challenges,
    pub(crate) clock: Clock,
}

/// The keys for a site's cookies, if it has a file of them.
///
/// # Errors
/// [`StartError::Cookies`].
fn cookie_keys(site: &config::Site) -> Result<Option<Arc<Keys>>, StartError> {
    let Some(file) = &site.cookie_keys else {
        return Ok(None);
    };
    let keys = Keys::load(file).map_err(|error| StartError::Cookies {
        file: file.clone(),
        error,
    })?;
    Ok(Some(Arc::new(keys)))
}

/// A running server: it accepts from the moment it is made until [`Server::stop`] or [`Server::leave`].
pub struct Server {
    /// The process that served before this one, while it has exchanges that are open.
    before: Option<Following>,
    http: Vec<SocketAddr>,
    https: Vec<SocketAddr>,
    /// As it was at start; what only a restart can change stays as it says.
    started: Config,
    shared: Arc<Shared>,
    certificates: Option<Arc<Certificates>>,
    /// There where there is https.
    renewer: Option<Renewer>,
    /// What it follows.
    acme: Option<config::Acme>,
    view: Arc<View>,
    admin: Admin,
    wishes: UnboundedReceiver<Wish>,
    caretaker: Caretaker,
    phase: watch::Sender<Phase>,
    workers: Vec<Running>,
    /// What it listens on, for another process to listen on.
    sockets: Vec<(Place, OwnedFd)>,
}

/// A worker, and how to tell it of another edition.
struct Running {
    thread: JoinHandle<()>,
    orders: UnboundedSender<Order>,
}

impl Server {
    /// Listens, opens the journals, and starts the workers.
    ///
    /// # Errors
    /// See [`StartError`]; nothing is left running then.
    pub fn start(config: &Config, clock: Clock) -> Result<Self, StartError> {
        Prepared::of(config, clock, Inherited::default())?.start()
    }

    /// Where plain HTTP is spoken, ports chosen by the system filled in.
    pub fn http(&self) -> &[SocketAddr] {
        &self.http
    }

    /// Where HTTP over TLS is spoken.
    pub fn https(&self) -> &[SocketAddr] {
        &self.https
    }

    /// Where the administrator's programs are listened to, as `unix:/path` or `http://address:port`.
    pub fn admin(&self) -> &[String] {
        self.admin.places()
    }

    /// How the journals are doing, in the order of the configuration's sites.
    pub fn journals(&self) -> Vec<journal::Status> {
        self.shared.sites.iter().map(|site| site.journal.status()).collect()
    }

    /// The server, seen from beside.
    pub(crate) fn view(&self) -> Arc<View> {
        Arc::clone(&self.view)
    }

    /// Waits until somebody asks for the configuration to be read again. It may be dropped and called again.
    pub async fn wish(&mut self) -> Wish {
        match self.wishes.recv().await {
            Some(wish) => wish,
            None => std::future::pending().await, // there is nobody who could ask
        }
    }

    /// Counts a configuration that could not be read, of which the server knows nothing otherwise.
    pub fn could_not_read(&self) {
        self.view.reloads().refused.add(1);
    }

    /// Accepts nothing more, lets open exchanges end within `limits.drain_time`, cuts the others off, and closes the
    /// journals.
    ///
    /// # Errors
    /// A journal that could not be closed whole.
    pub fn stop(mut self) -> Result<(), journal::CloseError> {
        self.drain();
        self.before = None; // while the journals still take what it says
        let sites = self.shared.sites.iter().cloned().chain(self.caretaker.stop());
        sites.map(|site| site.close()).fold(Ok(()), Result::and)
    }

    fn drain(&mut self) {
        self.renewer = None;
        self.view.drain();
        self.sockets.clear();
        self.phase.send_replace(Phase::Draining);
        for worker in self.workers.drain(..) {
            if worker.thread.join().is_err() {
                tracing::error!("a worker ended in a panic");
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.drain();
    }
}

impl Shared {
    fn new(sites: Vec<Arc<Site>>, config: &Config, workers: usize, clock: Clock, before: Option<&Self>) -> Self {
        Self {
            number: before.map_or(0, |before| before.number + 1),
            sites,
            trusted_proxies: config.trusted_proxies.clone(),
            limits: config.limits.clone(),
            resolver: config.resolver.clone(),
            connections_per_worker: config.limits.connections.div_ceil(workers),
            exchanges: before.map(|before| before.exchanges.clone()).unwrap_or_default(),
            challenges: before.map(|before| before.challenges.clone()).unwrap_or_default(),
            clock,
        }
    }
}
