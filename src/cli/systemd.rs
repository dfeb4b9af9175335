//! What systemd is told of the service that it runs (sd_notify(3)): that it is ready, reads its configuration again or
//! stops, and, where a watchdog watches, that it is alive. Where no systemd asks for it, nobody is told.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::sync::oneshot;
use tokio::time;

use crate::admin;
use crate::server::View;

/// After it was found not to be alive, it is looked again so soon.
const AGAIN: Duration = Duration::from_secs(1);

/// Everything is open, or was read again.
pub(super) fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// The configuration is read again; [`ready`] follows. systemd 253 wants to know when that began.
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(began) => tell(&[NotifyState::Reloading, began]),
        Err(error) => cannot(&error),
    }
}

/// Nothing more is accepted.
pub(super) fn stopping(status: &str) {
    tell(&[NotifyState::Stopping, NotifyState::Status(status)]);
}

fn tell(what: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(what) {
        cannot(&error);
    }
}

fn cannot(error: &io::Error) {
    tracing::warn!(error = %error.kind(), "systemd could not be told how the service is");
}

/// A thread that tells systemd that the server is alive, for as long as it is. It ends when this is dropped.
pub(super) struct Watchdog(Option<(oneshot::Sender<()>, JoinHandle<()>)>);

impl Watchdog {
    /// Where a watchdog watches (`WatchdogSec=`).
    ///
    /// # Errors
    /// The system gives no thread or no runtime.
    pub(super) fn start(view: Arc<View>) -> io::Result<Self> {
        let Some(limit) = sd_notify::watchdog_enabled() else {
            return Ok(Self(None));
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let (end, ended) = oneshot::channel();
        let thread = thread::Builder::new().name("watchdog".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = ended => {}
                    () = watch(&view, limit / 2) => {}
                }
            });
        })?;
        Ok(Self(Some((end, thread))))
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        if let Some((end, thread)) = self.0.take() {
            drop(end);
            if thread.join().is_err() {
                tracing::error!("the watchdog's thread ended in a panic");
            }
        }
    }
}

/// Says so each time that the server was found alive, and why when it no longer is: who reads that later has no server
/// left to ask.
async fn watch(view: &View, pause: Duration) {
    let mut was_alive = true;
    loop {
        let lacks = admin::life(view).await;
        let is_alive = lacks.is_empty();
        match (was_alive, is_alive) {
            (_, true) => tell(&[NotifyState::Watchdog]),
            (true, false) => {
                for lack in &lacks {
                    tracing::error!("{lack}; if it stays so, systemd's watchdog ends this process");
                }
            }
            (false, false) => {}
        }
        was_alive = is_alive;
        time::sleep(if is_alive { pause } else { AGAIN }).await;
    }
}
