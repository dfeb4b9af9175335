//! While a journal is written: each witness is asked to sign what its logs have signed.
//!
//! A thread for each witness, woken when a checkpoint is durable; it reads the folder as anybody could, and adds to it
//! what it was given (`kept`). Nobody waits for it: the one who writes only rings a [`Bell`]. A witness that does not
//! answer is left alone for longer and longer, and then shown everything at once, for a checkpoint is over all before
//! it.
//!
//! Before any of this, [`start`] asks whether the journal may go on at all.

mod bell;
pub(crate) mod kept;
pub(crate) mod start;

#[cfg(test)]
mod tests;

pub(crate) use bell::Bell;

use std::io;
use std::mem::{self, Discriminant};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::Log;
use super::checkpoint::Signed;
use super::disk::Disk;
use super::event::Event;
use super::evidence;
use super::note::VerifierKey;
use super::queue::Queue;
use super::tree::{Hashes, TileLevels, TreeSize};
use super::verify::hashes::LevelFiles;
use super::verify::pieces;
use crate::witness::ask::{self, AskError, Cosigned, Witness};
use kept::Cosigned as Kept;

/// For one answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// For one answer when the journal is being closed, and for all of them together.
const LAST: Duration = Duration::from_secs(1);
/// After a first failure a witness is left alone for so long, then for twice as long each time …
const FIRST_REST: Duration = Duration::from_secs(1);
/// … up to this.
const LONGEST_REST: Duration = Duration::from_secs(300);

/// The threads that ask. Dropped, it lets them ask a last time, and does not wait for long.
pub(crate) struct Cosigning {
    queue: Arc<Queue>,
    /// Nothing is ever sent: it ends when the last thread has dropped its sender.
    ended: Receiver<()>,
    closed: Arc<Mutex<bool>>,
}

impl Cosigning {
    /// Asks from now on, about these logs.
    pub(crate) fn start(
        disk: &Arc<dyn Disk>,
        queue: &Arc<Queue>,
        witnesses: &[Witness],
        logs: &[(Log, VerifierKey)],
    ) -> io::Result<Self> {
        let (ends, ended) = mpsc::channel();
        let closed = Arc::new(Mutex::new(false));
        for witness in witnesses {
            let asker = Asker {
                disk: Arc::clone(disk),
                queue: Arc::clone(queue),
                witness: witness.clone(),
                logs: logs.iter().cloned().map(Asked::about).collect(),
                is_silent: false,
                closed: Arc::clone(&closed),
                _ends: ends.clone(),
            };
            let thread = thread::Builder::new().name("witness".to_owned());
            thread.spawn(move || asker.run())?;
        }
        Ok(Self {
            queue: Arc::clone(queue),
            ended,
            closed,
        })
    }
}

impl Drop for Cosigning {
    fn drop(&mut self) {
        self.queue.signed.close();
        let _ = self.ended.recv_timeout(LAST);
        // One that still waits for its witness writes nothing any more: the folder may have another owner.
        *self.closed.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }
}

/// One who asks one witness.
struct Asker {
    disk: Arc<dyn Disk>,
    queue: Arc<Queue>,
    witness: Witness,
    logs: Vec<Asked>,
    /// Whether it did not answer the last time.
    is_silent: bool,
    /// Locked while something is written; set when nothing may be written any more.
    closed: Arc<Mutex<bool>>,
    _ends: Sender<()>,
}

/// What came of asking about one log.
struct Asked {
    log: Log,
    key: VerifierKey,
    /// The size that the witness has signed last, when that is kept here.
    signed: Option<TreeSize>,
    /// What was said last of why it does not sign.
    refused: Option<Discriminant<AskError>>,
}

impl Asked {
    fn about((log, key): (Log, VerifierKey)) -> Self {
        let (signed, refused) = (None, None);
        Self {
            log,
            key,
            signed,
            refused,
        }
    }
}

/// Why there is nothing new from a witness.
enum Failure {
    /// There is nobody to ask for anything else.
    Silent,
    /// About this log.
    Refused,
    /// What it signed is not kept.
    NotKept,
}

impl Asker {
    fn run(mut self) {
        self.recall();
        let mut rest = FIRST_REST;
        loop {
            let heard = self.queue.signed.heard();
            let went_well = self.go_round(if heard.over { LAST } else { PATIENCE });
            if heard.over {
                return;
            }
            if went_well {
                rest = FIRST_REST;
                self.queue.signed.wait(heard);
            } else {
                self.queue.signed.rest(rest);
                rest = LONGEST_REST.min(rest * 2);
                if self.queue.signed.heard().over {
                    return; // it would not answer in time
                }
            }
        }
    }

    /// What it signed earlier.
    fn recall(&mut self) {
        for asked in &mut self.logs {
            let kept = Kept::read(&*self.disk, asked.log, &asked.key).unwrap_or_default();
            asked.signed = kept.of(self.witness.key()).map(|signed| signed.checkpoint().size());
        }
    }

    /// Whether the newest checkpoint of every log is signed and kept.
    fn go_round(&mut self, patience: Duration) -> bool {
        let mut went_well = true;
        for at in 0..self.logs.len() {
            match self.ask_about(at, patience) {
                Ok(()) => {}
                Err(Failure::Silent) => return false,
                Err(Failure::Refused | Failure::NotKept) => went_well = false,
            }
        }
        went_well
    }

    fn ask_about(&mut self, at: usize, patience: Duration) -> Result<(), Failure> {
        let Asked { log, key, signed, .. } = &self.logs[at];
        // What is wrong with the journal itself, whoever writes it says.
        let Ok((_, newest)) = evidence::checkpoint(&*self.disk, *log, key) else {
            return Ok(());
        };
        let size = newest.checkpoint().size();
        if *signed == Some(size) {
            return Ok(());
        }
        let asked = self.ask(*log, &newest, signed.unwrap_or(size), patience);
        self.listen(at, size, &asked)?;
        let Ok(cosigned) = asked else {
            return Err(Failure::Refused);
        };
        match self.keep(at, &newest, cosigned) {
            Ok(()) => {
                self.logs[at].signed = Some(size);
                Ok(())
            }
            Err(error) => {
                let witness = self.witness.key().name();
                tracing::warn!(%witness, %error, "what the witness signed could not be kept");
                Err(Failure::NotKept)
            }
        }
    }

    fn ask(&self, log: Log, newest: &Signed, known: TreeSize, patience: Duration) -> Result<Cosigned, AskError> {
        let ask = || {
            let hashes = hashes_of(&*self.disk, log).map_err(|error| AskError::CannotProve {
                knows: known,
                kind: error.kind(),
            })?;
            ask::ask(&self.witness, newest, known, &hashes, patience)
        };
        match ask() {
            // A file may have taken another's place, or gone, since the folder was listed.
            Err(AskError::CannotProve { .. }) => ask(),
            asked => asked,
        }
    }

    /// Says once that it does not answer, once that it does again, and once why it does not sign.
    fn listen(&mut self, at: usize, size: TreeSize, asked: &Result<Cosigned, AskError>) -> Result<(), Failure> {
        let witness = self.witness.key().name();
        let is_silent = asked.as_ref().is_err_and(AskError::is_silence);
        match (asked, mem::replace(&mut self.is_silent, is_silent)) {
            (Err(error), false) if is_silent => {
                tracing::warn!(%witness, "{error}; the journal goes on, and shows it everything later");
            }
            (_, true) if !is_silent => tracing::info!(%witness, "the witness answers again"),
            _ => {}
        }
        if is_silent {
            return Err(Failure::Silent);
        }
        let asked_about = &mut self.logs[at];
        let reason = asked.as_ref().err().map(mem::discriminant);
        if let (Err(error), true) = (asked, mem::replace(&mut asked_about.refused, reason) != reason) {
            let log = asked_about.log;
            match error.contradicts() {
                true => tracing::error!(%witness, %log, "{error}"),
                false => tracing::warn!(%witness, %log, "{error}"),
            }
            if !self.queue.signed.heard().over {
                self.queue.event(Event::Witness {
                    witness: witness.clone(),
                    log,
                    size: size.0,
                    answer: *error,
                });
            }
        }
        Ok(())
    }

    fn keep(&self, at: usize, newest: &Signed, cosigned: Cosigned) -> io::Result<()> {
        let Asked { log, key, .. } = &self.logs[at];
        let closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        if *closed {
            return Ok(());
        }
        let mut kept = Kept::read(&*self.disk, *log, key)?;
        kept.add(newest, cosigned.signature, self.witness.key())
            .map_err(io::Error::other)?;
        kept.write(&*self.disk, *log)
    }
}

/// The hashes of a log as they lie on disk now.
pub(super) fn hashes_of(disk: &dyn Disk, log: Log) -> io::Result<impl Hashes + '_> {
    Ok(TileLevels(LevelFiles::new(disk, log, &pieces::list(disk, log)?)))
}
