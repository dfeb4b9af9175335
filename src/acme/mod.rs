//! Certificates by themselves: an authority is asked for them, and asked anew before they end (ACME, RFC 8555).
//!
//! ```text
//! renewals ─▶ order ─▶ client ─▶ the authority's directory
//!    │          └────▶ challenges ◀─ server (tls-alpn-01), proxy (http-01) ◀─ the authority looks whose the name is
//!    └────────▶ folder ◀─ server::certificates, which reads every new file by itself
//! ```
//!
//! `renewals` says when, or the authority itself (`suggestion`), `account` by whom, `order` how. A thread of its own
//! does it, so that nobody's exchange waits for an authority. A certificate is one file that is replaced whole; what
//! serves does not know where it came from.

mod account;
mod challenges;
mod client;
mod failure;
mod folder;
mod order;
mod renewals;
mod suggestion;

pub use self::folder::FolderError;

pub(crate) use self::challenges::{ALPN, Challenges};
pub(crate) use self::folder::{Folder, Refused};
pub(crate) use self::renewals::due;

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use thiserror::Error;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::config::{self, Tls};
use crate::count::Number;
use crate::proxy::Trust;
use crate::server::TlsError;

/// Why an authority cannot be asked at all.
#[derive(Debug, Error)]
pub enum AcmeError {
    /// Its folder cannot be used.
    #[error("cannot keep certificates in {}: {error}", folder.display())]
    Folder {
        /// The folder.
        folder: std::path::PathBuf,
        /// Why.
        error: FolderError,
    },
    /// Nobody vouches for its directory.
    #[error("cannot believe the directory of [acme]: {0}")]
    Trust(TlsError),
}

impl AcmeError {
    /// What to do about it, for a hint.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Folder { error, .. } => error.remedy(),
            Self::Trust(error) => error.remedy(),
        }
    }
}

/// Settings that can be followed: the folder is there, and the directory can be believed.
pub(crate) struct Errand {
    settings: config::Acme,
    folder: Folder,
    trust: Arc<Trust>,
}

impl Errand {
    /// # Errors
    /// See [`AcmeError`].
    pub(crate) fn of(settings: &config::Acme) -> Result<Self, AcmeError> {
        let folder = Folder::of(settings);
        folder.look().map_err(|error| AcmeError::Folder {
            folder: settings.folder.clone(),
            error,
        })?;
        let trust = Trust::by(settings.ca.as_deref()).map_err(AcmeError::Trust)?;
        Ok(Self {
            settings: settings.clone(),
            folder,
            trust: Arc::new(trust),
        })
    }

    fn is_like(&self, other: &Self) -> bool {
        self.settings == other.settings && self.trust.is_like(&other.trust)
    }
}

/// Where the certificates of these settings are, or will be.
pub(crate) fn files(settings: Option<&config::Acme>) -> Vec<Tls> {
    let of = |settings: &config::Acme| {
        let folder = Folder::of(settings);
        let files = settings.certificates.iter().map(|names| folder.certificate(names));
        files.collect::<Vec<_>>()
    };
    settings.map(of).unwrap_or_default()
}

/// What became of all orders; the thread that makes them counts.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    pub(crate) certified: Number,
    pub(crate) refused: Number,
    /// The directory could not be reached, or the disk took nothing.
    pub(crate) failed: Number,
}

/// The thread that asks for certificates.
pub(crate) struct Renewer {
    errands: watch::Sender<Option<Arc<Errand>>>,
    thread: Option<JoinHandle<()>>,
}

impl Renewer {
    /// Starts it. It has nothing to do until [`Renewer::follow`].
    ///
    /// # Errors
    /// The system gives no thread or no runtime.
    pub(crate) fn start(challenges: &Challenges, orders: &Arc<Orders>, clock: &Clock) -> io::Result<Self> {
        let (errands, received) = watch::channel(None);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (challenges, orders, clock) = (challenges.clone(), Arc::clone(orders), clock.clone());
        let run = move || live(runtime, received, &challenges, &orders, &clock);
        let thread = thread::Builder::new().name("acme".to_owned()).spawn(run)?;
        Ok(Self {
            errands,
            thread: Some(thread),
        })
    }

    /// From now on by these settings. An order under way goes on if they are the same, and is given up otherwise.
    pub(crate) fn follow(&self, errand: Option<Errand>) {
        self.errands.send_if_modified(|current| {
            let same = match (&*current, &errand) {
                (Some(current), Some(errand)) => current.is_like(errand),
                (current, errand) => current.is_none() && errand.is_none(),
            };
            if !same {
                *current = errand.map(Arc::new);
            }
            !same
        });
    }
}

impl Drop for Renewer {
    fn drop(&mut self) {
        self.errands = watch::channel(None).0; // that the one before is gone is the sign
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that asks for certificates ended in a panic");
        }
    }
}

fn live(
    runtime: Runtime,
    mut errands: watch::Receiver<Option<Arc<Errand>>>,
    challenges: &Challenges,
    orders: &Orders,
    clock: &Clock,
) {
    runtime.block_on(async {
        loop {
            let errand = errands.borrow_and_update().clone();
            let work = async {
                match &errand {
                    Some(errand) => renewals::keep(errand, challenges, orders, clock).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = work => {}
                changed = errands.changed() => if changed.is_err() { return },
            }
        }
    });
    runtime.shutdown_background(); // a name that is still being looked up is not waited for
}
