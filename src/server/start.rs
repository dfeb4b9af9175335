//! The way to a running server: what may be wrong and changes nothing comes first, then the journals, then the threads.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustls::ServerConfig;
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::caretaker::Caretaker;
use super::certificates::Certificates;
use super::handover::{Following, Predecessor};
use super::inherited::{Inherited, Of, Place};
use super::worker::{self, Phase};
use super::{Running, Server, Shared, StartError, View, cookie_keys, listen, tls};
use crate::acme::{self, Challenges, Errand, Renewer};
use crate::admin::{Admin, Doors};
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::cookies::Keys;
use crate::journal::Journal;
use crate::proxy::{Site, Trust};

/// A server that listens and does not accept yet: nothing can fail any more but journals and threads.
pub struct Prepared<'a> {
    config: &'a Config,
    clock: Clock,
    errand: Option<Errand>,
    challenges: Challenges,
    certificates: Option<Arc<Certificates>>,
    tls: Option<Arc<ServerConfig>>,
    http: (Vec<SocketAddr>, Rows),
    https: (Vec<SocketAddr>, Rows),
    doors: Doors,
    sockets: Vec<(Place, OwnedFd)>,
    parts: Vec<Parts>,
}

/// What a site needs that is read from files: whom to trust for its CMS, and the keys for its cookies.
type Parts = (Option<Arc<Trust>>, Option<Arc<Keys>>);

/// The sockets of every address, dealt out: one row for each worker.
type Rows = Vec<Vec<Door>>;

/// A socket that listens.
pub(crate) struct Door {
    pub(super) socket: TcpListener,
    /// Whether each connection begins with a header of the PROXY protocol.
    pub(super) is_proxied: bool,
}

impl<'a> Prepared<'a> {
    /// Reads what the configuration names, and listens, on sockets that listen already where there are such.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn of(config: &'a Config, clock: Clock, mut inherited: Inherited) -> Result<Self, StartError> {
        let errand = config.acme.as_ref().map(Errand::of).transpose()?;
        let challenges = Challenges::default();
        let certificates = match config.https.as_slice() {
            [] => None,
            _ => {
                let awaited = acme::files(config.acme.as_ref());
                Some(Arc::new(Certificates::open(&config.tls, &awaited, &challenges)?))
            }
        };
        let tls = certificates.clone().map(|all| tls::speak(all)).transpose()?;
        let mut sockets = Vec::new();
        let mut listen = |of, addresses| listen_all(of, addresses, config, &mut inherited, &mut sockets);
        let http = listen(Of::Http, &config.http)?;
        let https = listen(Of::Https, &config.https)?;
        let doors = Doors::listen(&config.admin, &mut inherited).map_err(|(place, error)| match place {
            Some(place) => StartError::Admin { place, error },
            None => StartError::Worker(error),
        })?;
        sockets.extend(doors.sockets(&config.admin).map_err(StartError::Worker)?);
        let places = inherited.unwanted();
        if !places.is_empty() {
            return Err(StartError::Unwanted { places });
        }
        let parts = |site: &config::Site| Ok((Trust::of(&site.upstream, None)?, cookie_keys(site)?));
        Ok(Self {
            config,
            clock,
            errand,
            challenges,
            certificates,
            tls,
            http,
            https,
            doors,
            sockets,
            parts: config.sites.iter().map(parts).collect::<Result<_, StartError>>()?,
        })
    }

    /// Opens the journals, and accepts.
    ///
    /// # Errors
    /// See [`StartError`]; nothing is left running then.
    pub fn start(self) -> Result<Server, StartError> {
        let Self { config, clock, .. } = self;
        let open = |(site, (trust, keys)): (&config::Site, _)| {
            let folder = site.journal.folder.clone();
            Site::open(site, trust, keys, config.workers, &clock)
                .map(Arc::new)
                .map_err(|error| StartError::Journal { folder, error })
        };
        let sites = config.sites.iter().zip(self.parts).map(open);
        let sites = sites.collect::<Result<_, _>>()?;
        let shared = Shared::new(sites, config, config.workers, clock, None);
        let challenges = self.challenges;
        let shared = Arc::new(Shared { challenges, ..shared });
        let view = View::new(Arc::clone(&shared), config.workers, self.certificates.clone());
        let (admin, wishes) = Admin::start(self.doors, Arc::clone(&view)).map_err(StartError::Worker)?;
        let ((http, plain), (https, secure)) = (self.http, self.https);
        let mut server = Server {
            before: None,
            http,
            https,
            started: config.clone(),
            shared,
            view,
            admin,
            wishes,
            caretaker: Caretaker::start(self.certificates.clone()).map_err(StartError::Worker)?,
            certificates: self.certificates,
            renewer: None,
            acme: config.acme.clone(),
            phase: watch::Sender::new(Phase::Serving),
            workers: Vec::new(),
            sockets: self.sockets,
        };
        let hands = server.view.workers.clone().into_iter();
        for ((hands, plain), secure) in hands.zip(plain).zip(secure) {
            let (shared, phase) = (Arc::clone(&server.shared), server.phase.subscribe());
            let (orders, received) = unbounded_channel();
            let tls = self.tls.clone().map(TlsAcceptor::from);
            let thread = worker::spawn(hands, plain, secure, tls, shared, received, phase);
            server.workers.push(Running {
                thread: thread.map_err(StartError::Worker)?,
                orders,
            });
        }
        if server.certificates.is_some() {
            let Shared { challenges, clock, .. } = &*server.shared;
            let renewer = Renewer::start(challenges, &server.view.orders, clock).map_err(StartError::Worker)?;
            renewer.follow(self.errand); // who looks at a name reaches us from now on
            server.renewer = Some(renewer);
        }
        Ok(server)
    }

    /// The same from a process that serves until this one does.
    ///
    /// # Errors
    /// See [`StartError`]; the process before then goes on.
    pub fn take_over(self, mut before: Predecessor) -> Result<Server, StartError> {
        for site in &self.config.sites {
            Journal::may_open(&site.journal, &site.policy, &site.policy_text).map_err(|error| {
                let folder = site.journal.folder.clone();
                StartError::Journal { folder, error }
            })?;
        }
        before.is_succeeded(self.config).map_err(StartError::TakeOver)?;
        let mut server = self.start()?;
        let journals = server.shared.sites.iter().map(|site| Arc::clone(&site.journal));
        let following = Following::begin(before, journals.collect());
        server.before = Some(following.map_err(StartError::Worker)?);
        Ok(server)
    }
}

fn listen_all(
    of: Of,
    addresses: &[SocketAddr],
    config: &Config,
    inherited: &mut Inherited,
    sockets: &mut Vec<(Place, OwnedFd)>,
) -> Result<(Vec<SocketAddr>, Rows), StartError> {
    let mut rows: Rows = (0..config.workers).map(|_| Vec::new()).collect();
    let mut bound = Vec::new();
    for &address in addresses {
        let failed = |error| StartError::Listen { address, error };
        let there = inherited.take_tcp(of, address);
        let listening = match there.is_empty() {
            true => listen::bind(address, config.workers),
            false => listen::deal(there, config.workers),
        };
        let listening = listening.map_err(failed)?;
        bound.push(listening[0].local_addr().map_err(failed)?);
        for (at, socket) in listening.into_iter().enumerate() {
            let place = Place {
                of,
                address: address.to_string(),
                stays: false,
            };
            sockets.push((place, socket.as_fd().try_clone_to_owned().map_err(failed)?));
            rows[at % config.workers].push(Door {
                socket,
                is_proxied: config.proxy_protocol.contains(&address),
            });
        }
    }
    Ok((bound, rows))
}
