//! The side of the process before.

use std::collections::HashMap;
use std::future::Future;
use std::io::{self, BufRead, BufReader};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use thiserror::Error;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time;

use super::sockets::{AT_ONCE, send};
use super::starter::{Started, Starter};
use super::words::{After, Before, Wanted, say};
use crate::clock::Clock;
use crate::journal::{CloseError, Handed, Heir, OpenError, Promise, Tally};
use crate::proxy::Site;
use crate::server::{Phase, Server, find};

/// For the new process to get ready, and then again to open the journals.
const PATIENCE: Duration = Duration::from_secs(60);
/// A journal that cannot be taken back is tried again so often, once a second.
const TRIES: u32 = 20;
/// Why another process could not take over. This one goes on, but for [`HandOverError::Lost`].
#[derive(Debug, Error)]
pub enum HandOverError {
    /// It could not be started, or not be spoken to.
    #[error("the new process cannot be started: {0}")]
    Start(#[from] io::Error),
    /// It ended, and has said why on stderr.
    #[error("the new process ended before it served; what was wrong, it has said above")]
    Ended,
    /// It neither got ready nor ended.
    #[error("the new process was not ready within {} s", PATIENCE.as_secs())]
    Slow,
    /// This process is to stop.
    #[error("this process is to stop")]
    Cancelled,
    /// A journal cannot change hands because its disk fails.
    #[error("the journal in {} cannot be given back: {error}", folder.display())]
    Journal {
        /// Its folder.
        folder: PathBuf,
        /// Why.
        error: CloseError,
    },
    /// The new configuration wants a journal written in another way.
    #[error("the journal in {} would change its format, which needs a restart", folder.display())]
    Format {
        /// Its folder.
        folder: PathBuf,
    },
    /// A journal was given back, nobody has taken it, and it cannot be taken back.
    #[error("the journal in {} cannot be opened any more: {error}", folder.display())]
    Lost {
        /// Its folder.
        folder: PathBuf,
        /// Why.
        error: OpenError,
    },
}

/// The process that goes on.
pub struct Successor {
    /// As long as it may still fail.
    process: Process,
    id: u32,
    wire: Arc<Wire>,
    heard: UnboundedReceiver<After>,
    /// The sites whose journals it writes, and that were ours.
    sites: Vec<Arc<Site>>,
}

/// A process that is killed if it is not let go.
struct Process(Option<Started>);

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(process) = self.0 {
            process.kill();
        }
    }
}

impl Server {
    /// Has another process take over, and accepts nothing more: what follows is [`Server::leave`]. Or goes on as if
    /// nothing had happened.
    ///
    /// # Errors
    /// See [`HandOverError`].
    pub async fn hand_over(
        &mut self,
        starter: &Starter,
        cancelled: impl Future<Output = ()>,
    ) -> Result<Successor, HandOverError> {
        let mut successor = Successor::start(starter)?;
        self.pass_sockets(&successor.wire)?;
        successor.wire.say(&Before::Prepare)?;
        let heard = tokio::select! {
            biased;
            () = cancelled => return Err(HandOverError::Cancelled),
            heard = time::timeout(PATIENCE, successor.heard.recv()) => heard,
        };
        let Some(After::Ready(wanted)) = heard.map_err(|_| HandOverError::Slow)? else {
            return Err(HandOverError::Ended);
        };
        let wanted = self.wanted(&wanted)?;
        let begun = self.shared.clock.now();
        for site in wanted.iter().flatten() {
            if let Err(error) = site.release() {
                drop(successor);
                let folder = site.folder().to_owned();
                self.take_back(wanted.iter().flatten().take_while(|other| !Arc::ptr_eq(other, site)))
                    .await?;
                return Err(HandOverError::Journal { folder, error });
            }
        }
        let said = successor.release(&wanted);
        match time::timeout(PATIENCE, successor.heard.recv()).await {
            Ok(Some(After::Serving)) => {}
            heard => {
                drop(successor);
                self.take_back(wanted.iter().flatten()).await?;
                said?;
                return Err(heard.map_or(HandOverError::Slow, |_| HandOverError::Ended));
            }
        }
        successor.process.0 = None; // it is on its own
        tracing::info!(
            "the journals changed hands within {} ms",
            since(&self.shared.clock, begun)
        );
        for (journal, site) in wanted.into_iter().enumerate() {
            if let Some(site) = site {
                let wire = Arc::clone(&successor.wire);
                site.journal.hand_on(Box::new(Voice { wire, journal }));
                successor.sites.push(site);
            }
        }
        self.renewer = None;
        self.admin.leave();
        self.sockets.clear();
        self.phase.send_replace(Phase::Leaving);
        Ok(successor)
    }

    /// Ends when the last exchange and the last tunnel have ended, however long that takes, and so has the process
    /// before this one, if it is still there. With `hurry` they have `limits.drain_time` for it.
    ///
    /// # Errors
    /// What was recorded and not written.
    pub async fn leave(mut self, mut successor: Successor, hurry: impl Future<Output = ()>) -> Result<(), CloseError> {
        let (mut hurry, mut hurried, mut gone) = (pin!(hurry), false, false);
        loop {
            tokio::select! {
                () = self.ended() => break,
                () = &mut hurry, if !hurried => {
                    hurried = true;
                    self.phase.send_replace(Phase::Draining);
                    self.before = None;
                }
                heard = successor.heard.recv(), if !gone => match heard {
                    Some(After::Stopping) => successor.fall_silent(),
                    Some(_) => {}
                    None => {
                        gone = true;
                        tracing::warn!("the new process has ended; this one writes its last entries itself");
                        if let Err(error) = self.take_back(successor.sites.iter()).await {
                            tracing::error!("{error}");
                        }
                        self.phase.send_replace(Phase::Draining);
                    }
                },
            }
        }
        let stopped = self.stop();
        let _ = successor.wire.say(&Before::Bye); // it may have gone
        stopped
    }

    /// Waits for the workers' last exchange, and for the process before this one.
    async fn ended(&self) {
        for worker in &self.workers {
            worker.orders.closed().await;
        }
        if let Some(before) = &self.before {
            before.ended().await;
        }
    }

    fn pass_sockets(&self, wire: &Wire) -> io::Result<()> {
        for sockets in self.sockets.chunks(AT_ONCE) {
            let places = sockets.iter().map(|(place, _)| place.clone()).collect();
            let sockets: Vec<_> = sockets.iter().map(|(_, socket)| socket.as_fd()).collect();
            send(&wire.stream(), &Before::Sockets(places), &sockets)?;
        }
        Ok(())
    }

    /// The sites whose journals the new process wants; `None` for those that are not ours.
    fn wanted(&self, wanted: &[Wanted]) -> Result<Vec<Option<Arc<Site>>>, HandOverError> {
        let known = [self.shared.sites.clone(), self.caretaker.removed()].concat();
        let of = |wanted: &Wanted| match find(&known, &wanted.folder) {
            Some(site) if site.format() != wanted.format() => {
                let folder = wanted.folder.clone();
                Err(HandOverError::Format { folder })
            }
            site => Ok(site),
        };
        wanted.iter().map(of).collect()
    }

    /// Writes journals again that were given back.
    async fn take_back(&self, sites: impl Iterator<Item = &Arc<Site>>) -> Result<(), HandOverError> {
        for site in sites {
            let mut tries = 0;
            while let Err(error) = site.resume(&self.shared.clock) {
                tries += 1;
                if tries == TRIES {
                    let folder = site.folder().to_owned();
                    return Err(HandOverError::Lost { folder, error });
                }
                time::sleep(Duration::from_secs(1)).await;
            }
        }
        Ok(())
    }
}

impl Successor {
    fn start(starter: &Starter) -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        let process = starter.start(theirs)?;
        let (id, process) = (process.id(), Process(Some(process)));
        let reading = BufReader::new(ours.try_clone()?);
        let wire = Arc::new(Wire::new(ours));
        let (tell, heard) = unbounded_channel();
        thread::Builder::new().name("successor".to_owned()).spawn({
            let wire = Arc::clone(&wire);
            move || wire.hear(reading, &tell)
        })?;
        let sites = Vec::new();
        Ok(Self {
            process,
            id,
            wire,
            heard,
            sites,
        })
    }

    /// Its number, for whoever watches over it.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Says that the journals are free, and what will come for each: should this process be killed, so much is missing.
    fn release(&self, wanted: &[Option<Arc<Site>>]) -> io::Result<()> {
        for (journal, site) in wanted.iter().enumerate() {
            let exchanges = site.as_ref().map_or(0, |site| site.journal.status().waiting as u64);
            self.wire.say(&Before::Open { journal, exchanges })?;
        }
        self.wire.say(&Before::Released)
    }

    /// Hands nothing over any more.
    fn fall_silent(&self) {
        self.sites.iter().for_each(|site| site.journal.hold());
        let _ = self.wire.say(&Before::Bye); // it may have gone
    }
}

/// In milliseconds.
fn since(clock: &Clock, begun: Timestamp) -> i128 {
    clock.now().duration_since(begun).as_millis()
}

/// The way to the new process, for all journals.
struct Wire {
    stream: Mutex<UnixStream>,
    /// About arrivals that it is to make durable.
    promises: Mutex<HashMap<u64, Promise>>,
    next: AtomicU64,
}

impl Wire {
    fn new(stream: UnixStream) -> Self {
        Self {
            stream: Mutex::new(stream),
            promises: Mutex::default(),
            next: AtomicU64::new(0),
        }
    }

    /// Hears it until its end, which `tell` being dropped says.
    fn hear(&self, reading: BufReader<UnixStream>, tell: &UnboundedSender<After>) {
        for line in reading.lines() {
            match line.and_then(|line| Ok(serde_json::from_str(&line)?)) {
                Ok(After::Durable { id, index }) => {
                    if let Some(promise) = self.promises().remove(&id) {
                        promise.keep_as(index);
                    }
                }
                Ok(After::NotDurable { id }) => drop(self.promises().remove(&id)),
                Ok(word) => drop(tell.send(word)), // who listens may have gone
                Err(_) => break,
            }
        }
        self.promises().clear(); // nobody keeps them
    }

    fn say(&self, word: &Before) -> io::Result<()> {
        say(&*self.stream(), word)
    }

    fn stream(&self) -> MutexGuard<'_, UnixStream> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn promises(&self) -> MutexGuard<'_, HashMap<u64, Promise>> {
        self.promises.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Speaks for one journal.
struct Voice {
    wire: Arc<Wire>,
    journal: usize,
}

impl Heir for Voice {
    fn open(&mut self, exchanges: u64) -> io::Result<()> {
        let journal = self.journal;
        self.wire.say(&Before::Open { journal, exchanges })
    }

    fn entry(&mut self, handed: &Handed, open: u64) -> io::Result<()> {
        self.wire.say(&Before::Entry {
            journal: self.journal,
            access: handed.access.clone(),
            addresses: handed.addresses.clone(),
            open,
        })
    }

    fn arrival(&mut self, line: String, promise: Promise) -> io::Result<()> {
        let id = self.wire.next.fetch_add(1, Ordering::Relaxed);
        self.wire.promises().insert(id, promise); // before it can be answered
        let journal = self.journal;
        let said = self.wire.say(&Before::Arrival { journal, id, line });
        if said.is_err() {
            self.wire.promises().remove(&id);
        }
        said
    }

    fn count(&mut self, tally: Tally) -> io::Result<()> {
        self.wire.say(&Before::Count {
            journal: self.journal,
            refused: tally.refused,
            unrecorded: tally.unrecorded,
            unsynced: tally.unsynced,
        })
    }
}
