//! A listener apart from the public one, for the administrator's programs.
//!
//! ```text
//! /healthz      whether the process works: every worker turns
//! /readyz       whether it keeps its promises: journals are written and signed, the CMS can be reached
//! /metrics      numbers, in OpenMetrics, or in Prometheus's own text
//! POST /reload  what SIGHUP does, with the outcome for an answer
//! ```
//!
//! `answer` decides who is answered, `health` and `metrics` look, `classic` writes numbers for who does not know
//! OpenMetrics, `ask` is the other end, for `townclerk health`. A thread of its own does it all; nothing here is on the
//! way of an exchange, recorded in a journal, or about a visitor.

mod answer;
pub(crate) mod ask;
mod classic;
mod disks;
mod health;
mod metrics;
mod process;

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, LocalSet};
use tokio::time;

use self::answer::{Clerk, Own};
pub(crate) use self::health::life;
use crate::config::AdminPlace;
use crate::desk::{self, Listener};
use crate::reader::Faults;
use crate::server::{Inherited, Of, Place, Reloaded, View};

/// For those who are there when another process answers.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// Somebody asked for the configuration to be read again, and waits for what comes of it.
pub struct Wish(oneshot::Sender<Reading>);

/// What came of reading the configuration again.
#[derive(Debug)]
pub enum Reading {
    /// It is in use.
    Done(Reloaded),
    /// It has faults, and everything stays as it was.
    Faulty(Faults),
    /// It is right and cannot be used; everything stays as it was.
    Refused {
        /// Why.
        what: String,
        /// What to do about it.
        hint: Option<String>,
    },
}

impl Wish {
    /// Says what came of it.
    pub fn answer(self, reading: Reading) {
        let _ = self.0.send(reading); // who asked may have gone
    }
}

impl fmt::Debug for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Wish").finish_non_exhaustive()
    }
}

/// The places where it listens, before anybody is answered.
pub(crate) struct Doors {
    listeners: Vec<(Listener, Own)>,
    runtime: Option<Runtime>,
}

impl Doors {
    /// Listens, on sockets that listen already where there are such.
    ///
    /// # Errors
    /// With the place that cannot be listened on; `None` if the system gives no runtime.
    pub(crate) fn listen(
        places: &[AdminPlace],
        inherited: &mut Inherited,
    ) -> Result<Self, (Option<AdminPlace>, io::Error)> {
        let mut doors = Self {
            listeners: Vec::new(),
            runtime: None,
        };
        if places.is_empty() {
            return Ok(doors);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = doors.runtime.insert(runtime.map_err(|error| (None, error))?);
        let context = runtime.enter();
        for place in places {
            let listener = match place {
                AdminPlace::Tcp(address) => match inherited.take_tcp(Of::Admin, *address).pop() {
                    Some(socket) => Listener::on_tcp(socket),
                    None => Listener::tcp(*address),
                },
                AdminPlace::Unix(path) => match inherited.take_unix(path) {
                    Some((socket, stays)) => Listener::on_unix(socket, path, stays),
                    None => Listener::unix(path),
                },
            };
            let listener = listener.map_err(|error| (Some(place.clone()), error))?;
            doors.listeners.push((listener, Own::of(place)));
        }
        drop(context);
        Ok(doors)
    }

    /// The sockets, for another process to listen on, in the order of the configuration's places.
    ///
    /// # Errors
    /// The system gives no further file.
    pub(crate) fn sockets(&self, places: &[AdminPlace]) -> io::Result<Vec<(Place, OwnedFd)>> {
        let listeners = places.iter().zip(&self.listeners);
        let sockets = listeners.map(|(place, (listener, _))| {
            let place = Place {
                of: Of::Admin,
                address: place.to_string(),
                stays: listener.stays().load(Relaxed),
            };
            Ok((place, listener.socket()?))
        });
        sockets.collect()
    }
}

/// A runtime that waits for nothing when it goes: it may be inside another one.
impl Drop for Doors {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            let context = runtime.enter();
            self.listeners.clear();
            drop(context);
            runtime.shutdown_background();
        }
    }
}

/// The listener; it is there until it is dropped.
pub(crate) struct Admin {
    places: Vec<String>,
    /// For each, whether the file of its socket stays.
    stays: Vec<Arc<AtomicBool>>,
    running: Option<(Option<oneshot::Sender<()>>, thread::JoinHandle<()>)>,
}

impl Admin {
    /// Answers from a thread of its own, if it listens anywhere.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(crate) fn start(mut doors: Doors, view: Arc<View>) -> io::Result<(Self, UnboundedReceiver<Wish>)> {
        let (wishes, wished) = unbounded_channel();
        let listeners = std::mem::take(&mut doors.listeners);
        let places = listeners.iter().map(|(listener, _)| listener.place()).collect();
        let stays = listeners.iter().map(|(listener, _)| listener.stays()).collect();
        let Some(runtime) = doors.runtime.take() else {
            let running = None;
            return Ok((Self { places, stays, running }, wished));
        };
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new().name("admin".to_owned()).spawn(move || {
            let clerk = Clerk::new(view, wishes);
            let mut tasks = LocalSet::new();
            let serving = listeners.into_iter().map(|(listener, own)| {
                let clerk = clerk.clone();
                tasks.spawn_local(async move {
                    let answer = move |request| {
                        let clerk = clerk.clone();
                        async move { clerk.answer(request, own).await }
                    };
                    desk::serve(&listener, answer).await;
                })
            });
            let serving: Vec<_> = serving.collect();
            // Dropped, it says to end now.
            if tasks.block_on(&runtime, stopped).is_ok() {
                serving.iter().for_each(JoinHandle::abort);
                let _ = runtime.block_on(async { time::timeout(LAST_ANSWERS, &mut tasks).await });
            }
            {
                let _context = runtime.enter();
                drop(tasks);
            }
            runtime.shutdown_background(); // a disk that does not answer is not waited for
        })?;
        let running = Some((Some(stop), thread));
        Ok((Self { places, stays, running }, wished))
    }

    /// Accepts nobody any more, for another process does on the same sockets. Who is there is still answered.
    pub(crate) fn leave(&mut self) {
        self.stays.iter().for_each(|stays| stays.store(true, Relaxed));
        if let Some(stop) = self.running.as_mut().and_then(|(stop, _)| stop.take()) {
            let _ = stop.send(()); // it may have ended in a panic
        }
    }

    /// Where it listens: `unix:/path` or `http://address:port`.
    pub(crate) fn places(&self) -> &[String] {
        &self.places
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.running.take() {
            drop(stop);
            if thread.join().is_err() {
                tracing::error!("the thread of the admin listener ended in a panic");
            }
        }
    }
}
