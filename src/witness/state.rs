//! What a witness has vouched for, and the decision whether to go on.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::request::{Malformed, Request};
use super::store::{self, AddError, StateError};
use crate::journal::checkpoint::{OpenError, Signed};
use crate::journal::note::{Algorithm, Cosigner, CryptoError, Note, SignatureLine, VerifierKey};
use crate::journal::tree::{Hash, TreeSize, consistency};

/// A witness's state folder, open and locked: nobody else writes to it.
pub struct State {
    folder: PathBuf,
    cosigner: Cosigner,
    /// By origin.
    logs: BTreeMap<String, Known>,
    /// Held until the state is dropped.
    _lock: File,
}

/// A log that the witness was told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) key: VerifierKey,
    /// The last checkpoint that it signed, with its signature.
    pub(super) last: Option<Signed>,
}

impl Known {
    /// The tree to go on from; the empty one at first.
    fn tree(&self) -> (TreeSize, Hash) {
        match &self.last {
            Some(signed) => (signed.checkpoint().size(), signed.checkpoint().root()),
            None => (TreeSize(0), Hash::of_nothing()),
        }
    }
}

impl State {
    /// Opens a folder that [`init`](super::init) made.
    ///
    /// # Errors
    ///
    /// It is not one, others can read it, another witness has it, or something in it cannot be believed. A witness
    /// that has forgotten is worse than none, so nothing is passed over.
    pub fn open(folder: &Path) -> Result<Self, StateError> {
        let (cosigner, lock) = store::open(folder)?;
        let logs = store::logs(folder, cosigner.verifier())?
            .into_iter()
            .map(|known| (known.key.name().as_str().to_owned(), known))
            .collect();
        Ok(Self {
            folder: folder.to_owned(),
            cosigner,
            logs,
            _lock: lock,
        })
    }

    /// The key to verify its signatures with.
    pub fn verifier(&self) -> &VerifierKey {
        self.cosigner.verifier()
    }

    /// The origins of the logs that it knows, each with the size that it has vouched for.
    pub fn logs(&self) -> impl Iterator<Item = (&str, TreeSize)> {
        self.logs
            .iter()
            .map(|(origin, known)| (origin.as_str(), known.tree().0))
    }

    /// Pins the key of a log, which must have come by a way that can be trusted. Durable when this returns.
    ///
    /// # Errors
    ///
    /// See [`AddError`]: it is no log's, or is known already, or another one of the same origin is.
    pub fn learn(&mut self, log: VerifierKey) -> Result<(), AddError> {
        if log.algorithm() != Algorithm::Ed25519 {
            return Err(AddError::NotALog);
        }
        let origin = log.name().as_str().to_owned();
        match self.logs.get(&origin) {
            Some(known) if known.key == log => return Err(AddError::Known),
            Some(_) => return Err(AddError::OtherKey),
            None => {}
        }
        let known = Known { key: log, last: None };
        store::write(&self.folder, &known).map_err(StateError::Disk)?;
        self.logs.insert(origin, known);
        Ok(())
    }

    /// Answers one request, given its body. The signature is made over what is on disk when this returns.
    ///
    /// The time that is signed is `now`, or that of the last signature for this log where the clock has gone back:
    /// a later tree is never signed with an earlier time.
    ///
    /// # Errors
    ///
    /// See [`Refusal`]; nothing was signed then that anybody has.
    pub fn add_checkpoint(&mut self, body: &[u8], now: Timestamp) -> Result<SignatureLine, Refusal> {
        let request = Request::parse(body)?;
        let origin = request.checkpoint().origin();
        let known = self.logs.get_mut(origin).ok_or(Refusal::UnknownLog)?;
        let signed = Signed::try_from_note(request.note().clone(), &known.key)?;
        goes_on(known.tree(), &request)?;

        let last = known
            .last
            .as_ref()
            .map(|last| last.cosigned_at(self.cosigner.verifier()));
        let last = last.transpose().ok().flatten().flatten().unwrap_or(0);
        let time = u64::try_from(now.as_second()).unwrap_or(0).max(last);
        let signature = signed.cosign(&self.cosigner, time)?;
        let next = Known {
            key: known.key.clone(),
            last: Some(kept(&signed, &signature, &known.key, self.cosigner.verifier())?),
        };
        store::write(&self.folder, &next).map_err(|error| Refusal::Disk(error.kind()))?;
        *known = next;
        Ok(signature)
    }
}

/// Whether a request goes on from the tree that was vouched for last.
fn goes_on((size, root): (TreeSize, Hash), request: &Request) -> Result<(), Refusal> {
    let new = request.checkpoint();
    if request.old() != size {
        let shrunk = new.size() < size;
        return Err(Refusal::OtherSize { size, shrunk });
    }
    if new.size() == size && new.root() != root {
        return Err(Refusal::OtherRoot { size });
    }
    consistency::verify(request.proof(), size, &root, new.size(), &new.root())
        .map_err(|_| Refusal::NotConsistent { size })
}

/// The note with the log's signature and ours; those of others need not be carried along.
fn kept(
    signed: &Signed,
    signature: &SignatureLine,
    log: &VerifierKey,
    ours: &VerifierKey,
) -> Result<Signed, OpenError> {
    let alone = |line: &SignatureLine| {
        let note = Note::new(signed.note().text().to_owned(), line.clone()).ok()?;
        Signed::try_from_note(note, log).ok()
    };
    let mut kept = signed
        .note()
        .signatures()
        .iter()
        .find_map(alone)
        .unwrap_or(signed.clone());
    kept.add(signature.clone(), ours)?;
    Ok(kept)
}

/// Why a witness does not sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is not a request.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Nobody has told the witness of a log with this origin.
    #[error("the log is not known here")]
    UnknownLog,
    /// The checkpoint is not signed with the log's key that is known.
    #[error("the checkpoint is not signed with the key that is known here")]
    NotSigned,
    /// The request goes on from another size than the last that was signed.
    #[error("the last size signed for this log is {size}")]
    OtherSize {
        /// The last size that was signed; 0 if none was.
        size: TreeSize,
        /// The log shows fewer records than it had.
        shrunk: bool,
    },
    /// There was another root for the same size: two histories.
    #[error("another tree of {size} records was signed for this log")]
    OtherRoot {
        /// The size of both.
        size: TreeSize,
    },
    /// The proof does not show the last tree that was signed in the new one: two histories, or a wrong proof.
    #[error("the proof does not lead from the tree of {size} records to this one")]
    NotConsistent {
        /// The last size that was signed.
        size: TreeSize,
    },
    /// The state could not be kept, so nothing may be signed.
    #[error("the state cannot be written: {0}")]
    Disk(io::ErrorKind),
    /// The cryptographic library failed.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

impl From<OpenError> for Refusal {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Note(error) => Malformed::Note(error).into(),
            OpenError::Checkpoint(error) => Malformed::Checkpoint(error).into(),
            OpenError::Signature(_) | OpenError::Origin => Self::NotSigned,
        }
    }
}
