//! The log's side: asking a witness for its signature.
//!
//! Everything here waits, and is meant for a thread of its own; it must not be called from asynchronous code. Whoever
//! writes a journal does not wait for a witness.
//!
//! A checkpoint may be shown to a witness only once it is durable, with all that it is over: else a power cut would
//! make an honest journal look rolled back.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;

use super::place::Place;
use super::request::{Request, decimal};
use super::wire;
use crate::journal::checkpoint::{OpenError, Signed};
use crate::journal::note::{Algorithm, KeyError, SignatureLine, VerifierKey, VerifyError};
use crate::journal::tree::{Frontier, Hashes, TreeSize, consistency};

/// A witness, and the key that it is known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    place: Place,
    key: VerifierKey,
    required: bool,
}

impl Witness {
    /// The key must have come another way than from the place.
    ///
    /// # Errors
    ///
    /// The key is not a witness's: [`KeyError::Algorithm`].
    pub fn new(place: Place, key: VerifierKey) -> Result<Self, KeyError> {
        match key.algorithm() {
            Algorithm::Cosignature => Ok(Self {
                place,
                key,
                required: false,
            }),
            Algorithm::Ed25519 => Err(KeyError::Algorithm),
        }
    }

    /// One without whose signature a journal is not opened.
    #[must_use]
    pub fn required(self, required: bool) -> Self {
        Self { required, ..self }
    }

    /// Whether a journal is opened only with its signature. Default no.
    pub fn is_required(&self) -> bool {
        self.required
    }

    /// Where it is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// What its signatures are verified with.
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }
}

/// A signature that was verified, and what the witness knew before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosigned {
    /// To be added to the checkpoint ([`Signed::add`]).
    pub signature: SignatureLine,
    /// The size from which the witness went on; 0 if it knew of none.
    pub knew: TreeSize,
}

/// Why there is no signature of a witness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// Nobody listens there, or the connection broke.
    #[error("the witness cannot be reached: {0}")]
    Unreachable(io::ErrorKind),
    /// No answer in time.
    #[error("the witness does not answer in time")]
    TooSlow,
    /// The witness has signed for more records than the checkpoint has. Its number is not signed: who can answer in its
    /// place can keep a log waiting so, but cannot make it believe a signature.
    #[error("the witness knows {size} records of this log, more than it has now")]
    KnowsMore {
        /// How many.
        size: TreeSize,
    },
    /// The witness has signed another tree: the checkpoint does not go on from it.
    #[error("the witness knows another history of this log's first {size} records")]
    Forked {
        /// The size of the tree that it knows.
        size: TreeSize,
    },
    /// The hashes that would show the witness's tree in ours cannot be read (any more).
    #[error("the hashes that lead from the witness's {knows} records on cannot be read: {kind}")]
    CannotProve {
        /// The size that the witness knows, or was thought to know.
        knows: TreeSize,
        /// What the disk says; `NotFound` if they were removed with their records, `InvalidData` if they do not lead to
        /// the checkpoint.
        kind: io::ErrorKind,
    },
    /// The witness was never told of this log.
    #[error("the witness does not know this log")]
    UnknownLog,
    /// The witness knows another key of this log.
    #[error("the witness knows another key of this log")]
    UnknownKey,
    /// What came back is not signed with the witness's key.
    #[error("the answer is not signed with the witness's key")]
    WrongSignature,
    /// The answer is none that the protocol has.
    #[error("the witness's answer, status {status}, is not understood")]
    NotUnderstood {
        /// Its status code.
        status: u16,
    },
    /// The witness named two sizes one after the other: somebody else shows it checkpoints of this log.
    #[error("the size that the witness knows changes: somebody else signs with this log's key")]
    Unsteady,
}

impl AskError {
    /// Whether it shows that the log is not what it was: rolled back, or rewritten. Such a log must not be carried on
    /// with. All else may be mended: a witness that does not answer, was not told of the log, or knows a beginning of
    /// it which the log no longer has the hashes to show.
    pub fn contradicts(&self) -> bool {
        matches!(self, Self::KnowsMore { .. } | Self::Forked { .. })
    }

    /// Whether there was no answer.
    pub fn is_silence(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::TooSlow)
    }

    /// A name for programs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::TooSlow => "too_slow",
            Self::KnowsMore { .. } => "knows_more",
            Self::Forked { .. } => "forked",
            Self::CannotProve { .. } => "cannot_prove",
            Self::UnknownLog => "unknown_log",
            Self::UnknownKey => "unknown_key",
            Self::WrongSignature => "wrong_signature",
            Self::NotUnderstood { .. } => "not_understood",
            Self::Unsteady => "unsteady",
        }
    }
}

/// Asks a witness to sign a checkpoint, and verifies what it gives. `last_known` is the size that it is known to have
/// from an earlier answer; if it has another, it says so, and is asked once more from there. Each of the two answers
/// may take as long as `patience`, from the connection to its end.
///
/// # Errors
///
/// See [`AskError`].
pub fn ask(
    witness: &Witness,
    signed: &Signed,
    last_known: TreeSize,
    hashes: &impl Hashes,
    patience: Duration,
) -> Result<Cosigned, AskError> {
    converse_by(&witness.key, signed, last_known, hashes, |request| {
        wire::post(&witness.place, request.to_string(), patience)
    })
}

/// The conversation, whatever carries it.
pub(super) fn converse_by(
    key: &VerifierKey,
    signed: &Signed,
    last_known: TreeSize,
    hashes: &impl Hashes,
    mut exchange: impl FnMut(&Request) -> Result<(StatusCode, Bytes), AskError>,
) -> Result<Cosigned, AskError> {
    let size = signed.checkpoint().size();
    let mut old = last_known.min(size);
    for _ in 0..2 {
        let proof = consistency::prove(hashes, old, size).map_err(|error| AskError::CannotProve {
            knows: old,
            kind: error.kind(),
        })?;
        let request = Request::new(old, proof, signed.checkpoint().clone(), signed.note().clone());
        let (status, body) = exchange(&request)?;
        let not_understood = AskError::NotUnderstood {
            status: status.as_u16(),
        };
        match status {
            StatusCode::OK => {
                let signature = verified(&body, signed, key)?;
                return Ok(Cosigned { signature, knew: old });
            }
            StatusCode::CONFLICT => match size_in(&body).ok_or(not_understood)? {
                known if known > size => return Err(AskError::KnowsMore { size: known }),
                known if known == old => return Err(AskError::Forked { size: known }),
                known => old = known,
            },
            StatusCode::UNPROCESSABLE_ENTITY => {
                prove_to_ourselves(&request, hashes)?;
                return Err(AskError::Forked { size: old });
            }
            StatusCode::NOT_FOUND => return Err(AskError::UnknownLog),
            StatusCode::FORBIDDEN => return Err(AskError::UnknownKey),
            _ => return Err(not_understood),
        }
    }
    Err(AskError::Unsteady)
}

/// Whether our own hashes lead from our own tree of that size to the checkpoint. If not, it is they that are wrong, and
/// the witness's refusal says nothing about the history.
fn prove_to_ourselves(request: &Request, hashes: &impl Hashes) -> Result<(), AskError> {
    let (old, new) = (request.old(), request.checkpoint());
    let cannot = |kind| AskError::CannotProve { knows: old, kind };
    let root = Frontier::read(hashes, old)
        .map_err(|error| cannot(error.kind()))?
        .root();
    consistency::verify(request.proof(), old, &root, new.size(), &new.root())
        .map_err(|_| cannot(io::ErrorKind::InvalidData))
}

/// The size in the body of a 409, a line of its own.
fn size_in(body: &[u8]) -> Option<TreeSize> {
    decimal(std::str::from_utf8(body).ok()?.strip_suffix('\n')?)
}

/// The signature of this witness among those that came; others' are passed over.
fn verified(body: &[u8], signed: &Signed, key: &VerifierKey) -> Result<SignatureLine, AskError> {
    let text = std::str::from_utf8(body).map_err(|_| AskError::WrongSignature)?;
    for line in text.lines() {
        let line: SignatureLine = line.parse().map_err(|_| AskError::WrongSignature)?;
        match signed.clone().add(line.clone(), key) {
            Ok(()) => return Ok(line),
            Err(OpenError::Signature(VerifyError::Unsigned)) => {} // another key's
            Err(_) => return Err(AskError::WrongSignature),
        }
    }
    Err(AskError::WrongSignature)
}
