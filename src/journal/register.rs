//! The register of disclosures: a log that commands add to, whether or not a process has the journal open.
//!
//! A line is durable and signed before whoever added it goes on, so that nothing leaves without it. What a crash leaves
//! of one is told by the next, by the same tables as at the start of a journal.

use std::any::Any;
use std::io;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::appender::Appender;
use super::disk::{Disk, Folder};
use super::event::Event;
use super::evidence::{self, EvidenceError, Proven};
use super::fault::Fault;
use super::key::Key;
use super::note::VerifierKey;
use super::open::Looked;
use super::recovery::{self, Torn};
use super::writer::day_of;
use super::{Format, Log, OpenError, Settings, segment};
use crate::clock::Clock;

const LOG: Log = Log::Disclosures;
/// The file whose lock is held by whoever adds to it; in the log's folder.
const LOCK: &str = "lock";

/// The register, open for adding to it. One process at a time has it.
pub struct Register {
    disk: Arc<dyn Disk>,
    appender: Appender,
    key: VerifierKey,
    clock: Clock,
    is_new: bool,
    _lock: Box<dyn Any + Send>,
}

/// Why nothing could be added to the register.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The journal, its key or the register is not as it must be.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Another process adds to it.
    #[error("another process has the register open")]
    Locked,
    /// The disk failed. The line may be found in the register all the same.
    #[error("the register cannot be written: {0}")]
    Fault(#[from] Fault),
    /// The line is there, and cannot be proved.
    #[error("the register: {0}")]
    Evidence(#[from] EvidenceError),
}

impl RegisterError {
    /// What to do about it, for a hint.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Open(error) => error.remedy(),
            Self::Locked => "another disclosure is under way; try again when it has ended",
            Self::Fault(_) => "see that the disk is mounted, writable for this user, and not full",
            Self::Evidence(_) => "`townclerk journal verify` says more",
        }
    }
}

impl Register {
    /// Opens it, and makes it where there is none yet: takes its lock, looks at how it ended, and holds the end against
    /// what was signed.
    ///
    /// # Errors
    ///
    /// See [`RegisterError`].
    pub fn open(settings: &Settings, clock: &Clock) -> Result<Self, RegisterError> {
        let disk: Arc<dyn Disk> = Arc::new(match settings.immutable {
            true => Folder::guarded(&settings.folder),
            false => Folder::new(&settings.folder),
        });
        let key = Key::load(&settings.key).map_err(OpenError::from)?;
        Self::open_on(disk, key, clock)
    }

    pub(crate) fn open_on(disk: Arc<dyn Disk>, key: Key, clock: &Clock) -> Result<Self, RegisterError> {
        if recovery::recognise(&*disk)? != key.origin() {
            return Err(OpenError::KeyOfAnother.into());
        }
        let lock = lock(&*disk).map_err(OpenError::from)?.ok_or(RegisterError::Locked)?;
        let verifier = key.verifier(LOG).clone();
        let signer = key.into_signers().disclosures;
        let is_new = !is_made(&*disk).map_err(OpenError::from)?;
        let mut told = Vec::new();
        let appender = if is_new {
            Appender::unmade(&disk, LOG, Format::JsonLines, signer)
        } else {
            let looked = Looked::at(&disk, LOG, signer)?;
            disk.sync_folder(LOG.folder()).map_err(OpenError::from)?;
            let (copies, torn) = (looked.copies.clone(), looked.found.torn);
            let mut appender = looked.appender(&disk, Format::JsonLines);
            for copy in &copies {
                Event::copied(LOG, copy).encode(clock.now(), &mut told);
                let is_last = copies.last() == Some(copy);
                appender.take_over(copy, if is_last { &told } else { b"" })?;
            }
            let earlier = recovery::told_of_itself(&disk).map_err(OpenError::from)?;
            let torn = torn.filter(|torn| torn.lines > 0 && copies.is_empty() && torn.is_new(LOG, &earlier));
            if let Some(Torn {
                segment,
                lines,
                is_closed,
            }) = torn
            {
                let event = Event::Torn {
                    log: LOG,
                    segment,
                    lines,
                };
                appender.push(day_of(clock.now()), |line| event.encode(clock.now(), line));
                appender.write_and_sync(day_of(clock.now()), &mut Vec::new(), |_| Ok(()))?;
                if !is_closed {
                    recovery::close_line(&*disk, LOG, segment).map_err(OpenError::from)?;
                }
            }
            appender.sign()?;
            appender
        };
        Ok(Self {
            disk,
            appender,
            key: verifier,
            clock: clock.clone(),
            is_new,
            _lock: lock,
        })
    }

    /// Whether this process has made it, or will with its first line.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// What its checkpoints are verified with.
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// Adds a line of this name, durably and signed, and gives its proof. The time is put before its attributes.
    ///
    /// # Errors
    ///
    /// [`RegisterError::Fault`], after which nothing more is added; [`RegisterError::Evidence`].
    pub fn add(&mut self, name: &str, attributes: &Map<String, Value>) -> Result<Proven, RegisterError> {
        let now = self.clock.now();
        let index = self.appender.next();
        self.appender.push(day_of(now), |line| {
            let text = |text: &str| Value::from(text).to_string(); // which leaves no control character
            line.extend_from_slice(format!("{{\"time\":\"{now}\",\"event.name\":{}", text(name)).as_bytes());
            for (key, value) in attributes {
                line.extend_from_slice(format!(",{}:{value}", text(key)).as_bytes());
            }
            line.extend_from_slice(b"}\n");
        });
        self.appender.write_and_sync(day_of(now), &mut Vec::new(), |_| Ok(()))?;
        self.appender.sign()?;
        Ok(evidence::prove_on(&*self.disk, LOG, &self.key, index)?)
    }
}

impl Drop for Register {
    fn drop(&mut self) {
        self.appender.end();
    }
}

/// `None` if another process has it.
fn lock(disk: &dyn Disk) -> io::Result<Option<Box<dyn Any + Send>>> {
    let path = format!("{}/{LOCK}", LOG.folder());
    disk.make_folder(LOG.folder())?;
    match disk.create(&path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    disk.lock(&path)
}

/// Whether anything of it was ever finished.
fn is_made(disk: &dyn Disk) -> io::Result<bool> {
    match disk.status(&format!("{}/checkpoint", LOG.folder())) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(!segment::list(disk, LOG)?.is_empty()),
        status => status.map(|_| true),
    }
}

#[cfg(test)]
mod tests;
