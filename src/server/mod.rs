//! Listeners, TLS, limits; accept, serve, reload, drain.
//!
//! Workers share nothing but the sites' journals and tallies: each is a thread with a runtime, listeners
//! (SO_REUSEPORT) and upstream connections of its own. `listen` shares the ports, `worker` is one thread's life,
//! `connection` one visitor's connection, `http2` one with many streams, `exchanges` how many are open, `meter` their
//! time limits, `pieces` how they are written, `proxied` what may come before it. `certificates` chooses what a visitor
//! is shown, and `tls` says how TLS is spoken. `reload` is the way from one edition of the configuration to the next,
//! `caretaker` a thread for what is nobody's exchange.

mod caretaker;
mod certificate;
mod certificates;
mod connection;
mod exchanges;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod http2;
mod listen;
mod meter;
mod pieces;
mod proxied;
mod proxy_protocol;
mod reload;
mod tls;
mod view;
mod worker;

pub use certificate::TlsError;
pub(crate) use certificate::{Certificate, chain};
pub(crate) use connection::{Connection, End};
pub(crate) use exchanges::Exchanges;
pub(crate) use meter::{Meter, Metered, Stage, Ticks, ticks};
pub(crate) use pieces::poll_write_pieces;
pub use reload::Reloaded;
pub(crate) use view::{Hands, View};
pub(crate) use worker::{Edition, Task, Worker};

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use thiserror::Error;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use self::caretaker::Caretaker;
use self::certificates::Certificates;
use self::worker::Order;
use crate::admin::{Admin, Doors, Wish};
use crate::clock::Clock;
use crate::config::{self, AdminPlace, Config, Limits, Resolver};
use crate::cookies::{self, Keys};
use crate::journal;
use crate::proxy::{Site, Trust};

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

/// A running server: it accepts from the moment it is made until [`Server::stop`].
pub struct Server {
    http: Vec<SocketAddr>,
    https: Vec<SocketAddr>,
    /// As it was at start; what only a restart can change stays as it says.
    started: Config,
    shared: Arc<Shared>,
    certificates: Option<Arc<Certificates>>,
    view: Arc<View>,
    admin: Admin,
    wishes: UnboundedReceiver<Wish>,
    caretaker: Caretaker,
    draining: watch::Sender<bool>,
    workers: Vec<Running>,
}

/// A worker, and how to tell it of another edition.
struct Running {
    thread: JoinHandle<()>,
    orders: UnboundedSender<Order>,
}

impl Server {
    /// Opens the journals, listens, and starts the workers.
    ///
    /// # Errors
    /// See [`StartError`]; nothing is left running then.
    pub fn start(config: &Config, clock: Clock) -> Result<Self, StartError> {
        let certificates = match config.tls.as_slice() {
            [] => None,
            all => Some(Arc::new(Certificates::open(all)?)),
        };
        let tls = certificates.clone().map(|all| tls::speak(all)).transpose()?;
        let (http, plain) = listen_all(&config.http, &config.proxy_protocol, config.workers)?;
        let (https, secure) = listen_all(&config.https, &config.proxy_protocol, config.workers)?;
        let doors = Doors::listen(&config.admin).map_err(|(place, error)| match place {
            Some(place) => StartError::Admin { place, error },
            None => StartError::Worker(error),
        })?;
        let open = |site: &config::Site| {
            let folder = site.journal.folder.clone();
            let trust = Trust::of(&site.upstream, None)?;
            let keys = cookie_keys(site)?;
            Site::open(site, trust, keys, config.workers, &clock)
                .map(Arc::new)
                .map_err(|error| StartError::Journal { folder, error })
        };
        let sites = config.sites.iter().map(open).collect::<Result<_, _>>()?;
        let shared = Arc::new(Shared::new(sites, config, config.workers, clock, None));
        let view = View::new(Arc::clone(&shared), config.workers, certificates.clone());
        let (admin, wishes) = Admin::start(doors, Arc::clone(&view)).map_err(StartError::Worker)?;
        let mut server = Self {
            http,
            https,
            started: config.clone(),
            shared,
            view,
            admin,
            wishes,
            caretaker: Caretaker::start(certificates.clone()).map_err(StartError::Worker)?,
            certificates,
            draining: watch::Sender::new(false),
            workers: Vec::new(),
        };
        let hands = server.view.workers.clone().into_iter();
        for ((hands, plain), secure) in hands.zip(plain).zip(secure) {
            let (shared, draining) = (Arc::clone(&server.shared), server.draining.subscribe());
            let (orders, received) = unbounded_channel();
            let tls = tls.clone().map(TlsAcceptor::from);
            let thread = worker::spawn(hands, plain, secure, tls, shared, received, draining);
            server.workers.push(Running {
                thread: thread.map_err(StartError::Worker)?,
                orders,
            });
        }
        Ok(server)
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
        let sites = self.shared.sites.iter().cloned().chain(self.caretaker.stop());
        sites.map(|site| site.close()).fold(Ok(()), Result::and)
    }

    fn drain(&mut self) {
        self.view.drain();
        self.draining.send_replace(true);
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
            clock,
        }
    }
}

/// The sockets of every address, dealt out: one row for each worker.
type Rows = Vec<Vec<Door>>;

/// A socket that listens.
pub(crate) struct Door {
    socket: std::net::TcpListener,
    /// Whether each connection begins with a header of the PROXY protocol.
    is_proxied: bool,
}

fn listen_all(
    addresses: &[SocketAddr],
    proxied: &[SocketAddr],
    workers: usize,
) -> Result<(Vec<SocketAddr>, Rows), StartError> {
    let mut rows: Rows = (0..workers).map(|_| Vec::new()).collect();
    let mut bound = Vec::new();
    for &address in addresses {
        let failed = |error| StartError::Listen { address, error };
        let sockets = listen::bind(address, workers).map_err(failed)?;
        bound.push(sockets[0].local_addr().map_err(failed)?);
        for (row, socket) in rows.iter_mut().zip(sockets) {
            row.push(Door {
                socket,
                is_proxied: proxied.contains(&address),
            });
        }
    }
    Ok((bound, rows))
}
