//! A thread for what is nobody's exchange: looking at the certificates' files, and closing the journals of sites that
//! were removed, once their last exchange has ended.

use std::io;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::certificates::Certificates;
use crate::proxy::Site;

/// How often it looks.
const ROUND: Duration = Duration::from_secs(1);

/// Sites that were removed and whose exchanges may go on.
type Removed = Arc<Mutex<Vec<Arc<Site>>>>;

pub(super) struct Caretaker {
    removed: Removed,
    /// Dropping the sender ends the thread.
    running: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Caretaker {
    pub(super) fn start(certificates: Option<Arc<Certificates>>) -> io::Result<Self> {
        let removed = Removed::default();
        let (end, ended) = mpsc::channel();
        let thread = thread::Builder::new().name("caretaker".to_owned()).spawn({
            let removed = Arc::clone(&removed);
            move || {
                while ended.recv_timeout(ROUND) == Err(RecvTimeoutError::Timeout) {
                    if let Some(certificates) = &certificates {
                        certificates.renew();
                    }
                    close_quiet(&removed);
                }
            }
        })?;
        Ok(Self {
            removed,
            running: Some((end, thread)),
        })
    }

    /// Looks after a site that no new exchange can reach.
    pub(super) fn look_after(&self, site: Arc<Site>) {
        self.removed.lock().unwrap_or_else(PoisonError::into_inner).push(site);
    }

    /// The sites it looks after.
    pub(super) fn removed(&self) -> Vec<Arc<Site>> {
        self.removed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gives a site back that is there again.
    pub(super) fn give_back(&self, site: &Arc<Site>) {
        self.removed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|other| !Arc::ptr_eq(site, other));
    }

    /// Ends the thread, and hands over what it still looks after.
    pub(super) fn stop(&mut self) -> Vec<Arc<Site>> {
        if let Some((end, thread)) = self.running.take() {
            drop(end);
            if thread.join().is_err() {
                tracing::error!("the caretaker ended in a panic");
            }
        }
        std::mem::take(&mut *self.removed.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Caretaker {
    fn drop(&mut self) {
        drop(self.stop());
    }
}

/// Closes the journals that nobody can write to any more.
fn close_quiet(removed: &Removed) {
    let mut removed = removed.lock().unwrap_or_else(PoisonError::into_inner);
    removed.retain(|site| {
        if !site.is_quiet() {
            return true;
        }
        match site.close() {
            Ok(()) => tracing::info!("the journal in {} is closed", site.folder().display()),
            Err(error) => tracing::error!("the journal in {}: {error}", site.folder().display()),
        }
        false
    });
}
