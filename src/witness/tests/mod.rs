//! A log in memory, and a witness beside it.

mod asking;
mod deciding;
mod properties;
mod reading;

use std::path::Path;

use jiff::Timestamp;
use tempfile::TempDir;

use super::{Refusal, Request, State, add, init};
use crate::journal::checkpoint::{Checkpoint, Signed};
use crate::journal::note::{SignatureLine, Signer, VerifierKey};
use crate::journal::tree::{Frontier, Hash, Levels, Nonce, TreeSize, consistency, leaf};

pub(super) const ORIGIN: &str = "town.example/townclerk/access";

/// A log that can show any of its sizes.
pub(super) struct Log {
    pub(super) signer: Signer,
    pub(super) levels: Levels,
}

impl Log {
    /// One of so many records.
    pub(super) fn of(size: u64) -> Self {
        Self::forked(&Signer::generate(ORIGIN.parse().unwrap()).unwrap(), size, size)
    }

    /// One with the same key, whose records are others from `from` on.
    pub(super) fn forked(signer: &Signer, from: u64, size: u64) -> Self {
        let (mut levels, mut frontier) = (Levels::default(), Frontier::new());
        for index in 0..size {
            let record = format!("{index}{}", if index < from { "" } else { " rewritten" });
            let hash = leaf(&Nonce([7; 16]), record.as_bytes());
            frontier.append(hash, |level, hash| levels.push(level, hash));
        }
        Self {
            signer: Signer::parse(signer.private_text().expose()).unwrap(),
            levels,
        }
    }

    pub(super) fn key(&self) -> &VerifierKey {
        self.signer.verifier()
    }

    pub(super) fn root(&self, size: u64) -> Hash {
        Frontier::read(&self.levels, TreeSize(size)).unwrap().root()
    }

    pub(super) fn signed(&self, size: u64) -> Signed {
        Checkpoint::new(self.key().name(), TreeSize(size), self.root(size))
            .sign(&self.signer)
            .unwrap()
    }

    /// An honest request.
    pub(super) fn request(&self, old: u64, size: u64) -> String {
        let proof = consistency::prove(&self.levels, TreeSize(old), TreeSize(size)).unwrap();
        self.request_with(old, proof, size)
    }

    pub(super) fn request_with(&self, old: u64, proof: Vec<Hash>, size: u64) -> String {
        let signed = self.signed(size);
        Request::new(TreeSize(old), proof, signed.checkpoint().clone(), signed.note().clone()).to_string()
    }
}

/// A state folder that knows a log.
pub(super) fn knowing(log: &Log) -> (TempDir, State) {
    let folder = tempfile::tempdir().unwrap();
    init(&folder.path().join("state"), "witness.example/w1".parse().unwrap()).unwrap();
    add(&folder.path().join("state"), log.key().clone()).unwrap();
    let state = State::open(&folder.path().join("state")).unwrap();
    (folder, state)
}

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

pub(super) fn ask(state: &mut State, body: &str) -> Result<SignatureLine, Refusal> {
    state.add_checkpoint(body.as_bytes(), at(1_800_000_000))
}

pub(super) fn size_of(state: &State) -> u64 {
    state.logs().next().unwrap().1.0
}

pub(super) fn log_file(folder: &Path) -> std::path::PathBuf {
    let logs = std::fs::read_dir(folder.join("state/logs")).unwrap();
    logs.flatten().next().unwrap().path()
}
