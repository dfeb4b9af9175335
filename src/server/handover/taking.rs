//! The side of the process after.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::pin::pin;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedReadHalf;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::{oneshot, watch};
use tokio::task::LocalSet;
use tokio::time;

use super::sockets::Hearing;
use super::words::{After, Before, Wanted, line, say};
use crate::config::Config;
use crate::journal::{Handed, Journal, is_line};
use crate::server::inherited::Inherited;

/// For the process before to say its last word, when this one stops.
const LAST: Duration = Duration::from_secs(5);

/// The process before this one, which serves until this one does.
pub struct Predecessor {
    hearing: Hearing,
    /// Exchanges that are open there, for each journal.
    open: Vec<u64>,
}

impl Predecessor {
    /// The one that has started this one, on standard input, and the sockets that it passes.
    ///
    /// # Errors
    /// Standard input is no such process, or it has gone.
    pub fn meet() -> io::Result<(Self, Inherited)> {
        let mut hearing = Hearing::new(StdUnixStream::from(io::stdin().as_fd().try_clone_to_owned()?));
        let mut inherited = Inherited::default();
        loop {
            match hearing.next()? {
                Some(Before::Sockets(places)) => {
                    for place in places {
                        let socket = hearing.sockets.pop_front().ok_or(io::ErrorKind::InvalidData)?;
                        inherited.add(place, socket)?;
                    }
                }
                Some(Before::Prepare) => {
                    let open = Vec::new();
                    return Ok((Self { hearing, open }, inherited));
                }
                Some(_) => return Err(io::ErrorKind::InvalidData.into()),
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
    }

    /// Says that nothing can fail any more but the journals, and waits until they are free. They are too where the
    /// process before has died.
    pub(in crate::server) fn is_succeeded(&mut self, config: &Config) -> io::Result<()> {
        let wanted = config.sites.iter().map(|site| &site.journal);
        let wanted = wanted.map(|journal| Wanted::new(journal.folder.clone(), journal.format));
        let mut said = say(self.hearing.stream(), &After::Ready(wanted.collect()));
        loop {
            match said.and_then(|()| self.hearing.next()) {
                Ok(Some(Before::Open { exchanges, .. })) => self.open.push(exchanges),
                Ok(Some(Before::Released)) => return Ok(()),
                Ok(Some(_)) => return Err(io::ErrorKind::InvalidData.into()),
                Ok(None) | Err(_) => {
                    tracing::warn!("the process before this one has died; this one goes on alone");
                    return Ok(());
                }
            }
            said = Ok(());
        }
    }
}

/// The process before this one, which serves those who are still there. In the order of the configuration that it was
/// told, these are the journals that it has something for.
pub(in crate::server) struct Following {
    stop: Option<oneshot::Sender<()>>,
    ended: watch::Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

impl Following {
    /// Says that this one serves, and takes what the other one has to hand over.
    ///
    /// # Errors
    /// The system gives no thread or no runtime.
    pub(in crate::server) fn begin(before: Predecessor, journals: Vec<Arc<Journal>>) -> io::Result<Self> {
        let (stream, mut open) = (before.hearing.into_stream(), before.open);
        open.resize(journals.len(), 0);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let (end, ended) = watch::channel(());
        let _ = say(&stream, &After::Serving); // it may have died
        stream.set_nonblocking(true)?;
        let thread = thread::Builder::new().name("predecessor".to_owned()).spawn(move || {
            let _end = end; // dropped, it says so
            LocalSet::new().block_on(&runtime, async {
                match UnixStream::from_std(stream) {
                    Ok(stream) => follow(stream, &journals, open, stopped).await,
                    Err(error) => tracing::error!(error = %error.kind(), "the process before this one cannot be heard"),
                }
            });
        })?;
        Ok(Self {
            stop: Some(stop),
            ended,
            thread: Some(thread),
        })
    }

    /// Waits until it has said its last word.
    pub(in crate::server) async fn ended(&self) {
        let _ = self.ended.clone().changed().await; // nothing is ever sent: its end is the sign
    }
}

/// It is told to keep what it has, and heard up to there: what comes after, nobody would write.
impl Drop for Following {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that hears the process before this one ended in a panic");
        }
    }
}

async fn follow(stream: UnixStream, journals: &[Arc<Journal>], open: Vec<u64>, stopped: oneshot::Receiver<()>) {
    let (reading, mut writing) = stream.into_split();
    let (answers, mut said) = unbounded_channel::<After>();
    tokio::task::spawn_local(async move {
        while let Some(word) = said.recv().await {
            if let Ok(line) = line(&word) {
                let _ = writing.write_all(&line).await; // it may have died
            }
        }
    });
    let mut taking = Taking {
        journals,
        open,
        answers: answers.clone(),
    };
    let whole = {
        let mut heard = pin!(taking.hear(reading));
        tokio::select! {
            whole = &mut heard => whole,
            _ = stopped => {
                let _ = answers.send(After::Stopping);
                time::timeout(LAST, heard).await.unwrap_or(false)
            }
        }
    };
    match whole {
        true => tracing::info!("the process before this one has said its last word"),
        false => taking.give_up(),
    }
}

struct Taking<'a> {
    journals: &'a [Arc<Journal>],
    /// For each of them, exchanges of the other process that are open.
    open: Vec<u64>,
    answers: UnboundedSender<After>,
}

impl Taking<'_> {
    /// Takes what the other process says. Whether it came to its last word.
    async fn hear(&mut self, reading: OwnedReadHalf) -> bool {
        let mut lines = BufReader::new(reading).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let taken = match serde_json::from_str(&line) {
                Ok(Before::Bye) => return true,
                Ok(word) => self.take(word),
                Err(_) => None,
            };
            if taken.is_none() {
                return false;
            }
        }
        false
    }

    /// `None` if it makes no sense.
    fn take(&mut self, word: Before) -> Option<()> {
        match word {
            Before::Open { journal, exchanges } => *self.open.get_mut(journal)? = exchanges,
            Before::Entry {
                journal,
                access,
                addresses,
                open,
            } => {
                self.journals.get(journal)?.take_handed(Handed::new(access, addresses)?);
                *self.open.get_mut(journal)? = open;
            }
            Before::Arrival { journal, id, line } => {
                let arrival = self
                    .journals
                    .get(journal)?
                    .take_arrival(is_line(&line).then_some(&line)?);
                let answers = self.answers.clone();
                tokio::task::spawn_local(async move {
                    let _ = answers.send(match arrival.index().await {
                        Some(index) => After::Durable { id, index },
                        None => After::NotDurable { id },
                    });
                });
            }
            Before::Count {
                journal,
                refused,
                unrecorded,
                unsynced,
            } => self.journals.get(journal)?.count(refused, unrecorded, unsynced),
            Before::Sockets(_) | Before::Prepare | Before::Released | Before::Bye => return None,
        }
        Some(())
    }

    /// The other process has gone without its last word: what it had open has no entry.
    fn give_up(&self) {
        tracing::error!("the process before this one ended without its last word; what it had open has no entry");
        for (journal, open) in self.journals.iter().zip(&self.open) {
            if *open > 0 {
                journal.count(0, *open, 0);
            }
        }
    }
}
