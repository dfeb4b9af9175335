//! Listeners, TLS, limits; accept, serve, drain.
//!
//! Workers share nothing but the sites' journals and tallies: each is a thread with a runtime, listeners
//! (SO_REUSEPORT) and upstream connections of its own. `listen` shares the ports, `worker` is one thread's life,
//! `connection` one visitor's connection, `meter` its time limits.

mod connection;
mod listen;
mod meter;
mod tls;
mod worker;

pub(crate) use connection::{Connection, End};
pub(crate) use meter::{Meter, Metered, Stage, Ticks, ticks};
pub use tls::TlsError;
pub(crate) use worker::{Task, Worker};

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use rustls::ServerConfig;
use thiserror::Error;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::config::{self, Config, Limits, Resolver};
use crate::journal;
use crate::proxy::Site;

/// Why the server could not start.
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
    /// The certificate could not be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A journal could not be opened.
    #[error("cannot open the journal in {}: {error}", folder.display())]
    Journal {
        /// Its folder.
        folder: PathBuf,
        /// Why.
        error: journal::OpenError,
    },
    /// A thread or its runtime could not be made.
    #[error("cannot start a worker: {0}")]
    Worker(io::Error),
}

/// What the workers share, read-only.
pub(crate) struct Shared {
    pub(crate) sites: Vec<Arc<Site>>,
    pub(crate) trusted_proxies: Vec<ipnet::IpNet>,
    pub(crate) limits: Limits,
    pub(crate) resolver: Resolver,
    pub(crate) tls: Option<Arc<ServerConfig>>,
    pub(crate) connections_per_worker: usize,
    pub(crate) clock: Clock,
}

/// A running server: it accepts from the moment it is made until [`Server::stop`].
pub struct Server {
    http: Vec<SocketAddr>,
    https: Vec<SocketAddr>,
    shared: Arc<Shared>,
    draining: watch::Sender<bool>,
    workers: Vec<JoinHandle<()>>,
}

impl Server {
    /// Opens the journals, listens, and starts the workers.
    ///
    /// # Errors
    /// See [`StartError`]; nothing is left running then.
    pub fn start(config: &Config, clock: Clock) -> Result<Self, StartError> {
        let tls = config.tls.as_ref().map(tls::load).transpose()?;
        let (http, plain) = listen_all(&config.http, config.workers)?;
        let (https, secure) = listen_all(&config.https, config.workers)?;
        let open = |site: &config::Site| {
            let folder = site.journal.folder.clone();
            Site::open(site, &clock)
                .map(Arc::new)
                .map_err(|error| StartError::Journal { folder, error })
        };
        let sites = config.sites.iter().map(open).collect::<Result<_, _>>()?;
        let shared = Arc::new(Shared {
            sites,
            trusted_proxies: config.trusted_proxies.clone(),
            limits: config.limits.clone(),
            resolver: config.resolver.clone(),
            tls,
            connections_per_worker: config.limits.connections.div_ceil(config.workers),
            clock,
        });
        let draining = watch::Sender::new(false);
        let mut server = Self {
            http,
            https,
            shared,
            draining,
            workers: Vec::new(),
        };
        for (number, (plain, secure)) in plain.into_iter().zip(secure).enumerate() {
            let (shared, draining) = (Arc::clone(&server.shared), server.draining.subscribe());
            let worker = worker::spawn(number, plain, secure, shared, draining).map_err(StartError::Worker)?;
            server.workers.push(worker);
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

    /// The sites, in the order of the configuration.
    pub fn sites(&self) -> &[Arc<Site>] {
        &self.shared.sites
    }

    /// Accepts no more, lets open exchanges end for `limits.drain_time` at most, and closes the journals.
    ///
    /// # Errors
    /// The first journal that could not be closed whole.
    pub fn stop(mut self) -> Result<(), journal::CloseError> {
        self.drain();
        self.shared
            .sites
            .iter()
            .map(|site| site.close())
            .fold(Ok(()), Result::and)
    }

    fn drain(&mut self) {
        self.draining.send_replace(true);
        for worker in self.workers.drain(..) {
            if worker.join().is_err() {
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

/// The sockets of every address, dealt out: one row for each worker.
type Rows = Vec<Vec<std::net::TcpListener>>;

fn listen_all(addresses: &[SocketAddr], workers: usize) -> Result<(Vec<SocketAddr>, Rows), StartError> {
    let mut rows: Rows = (0..workers).map(|_| Vec::new()).collect();
    let mut bound = Vec::new();
    for &address in addresses {
        let failed = |error| StartError::Listen { address, error };
        let sockets = listen::bind(address, workers).map_err(failed)?;
        bound.push(sockets[0].local_addr().map_err(failed)?);
        for (row, socket) in rows.iter_mut().zip(sockets) {
            row.push(socket);
        }
    }
    Ok((bound, rows))
}
