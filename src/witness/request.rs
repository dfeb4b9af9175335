//! What a log asks of a witness: the body of `add-checkpoint`.
//!
//! ```text
//! old 20852014                                      the size that the witness is believed to know
//! PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=      the proof of growth from there, a hash a line
//!
//! town.example/townclerk/access                     the new checkpoint, as the log has signed it
//! 20852163
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//!
//! — town.example/townclerk/access Az3grlgt…
//! ```

use std::fmt;

use crate::journal::checkpoint::{Checkpoint, CheckpointError};
use crate::journal::note::{Note, NoteError};
use crate::journal::tree::{Hash, TreeSize};

/// A checkpoint to be vouched for, with what shows that it goes on from an older one. Nothing in it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    old: TreeSize,
    proof: Vec<Hash>,
    checkpoint: Checkpoint,
    note: Note,
}

/// More hashes are in no proof: a tree of 2^63 records is no higher (tlog-witness says so too).
const PROOF_MAX: usize = 63;

/// No larger are the lines before the checkpoint: `old`, 19 digits, and 63 hashes of 45 bytes.
const HEAD_MAX: usize = PROOF_MAX * 45 + 32;

impl Request {
    /// A larger one is not read: the proof, and a note with more signatures than a log has witnesses.
    pub const BYTES_MAX: usize = 64 << 10;

    /// Asks for a signature on a checkpoint.
    pub fn new(old: TreeSize, proof: Vec<Hash>, checkpoint: Checkpoint, note: Note) -> Self {
        Self {
            old,
            proof,
            checkpoint,
            note,
        }
    }

    /// Reads one.
    ///
    /// # Errors
    ///
    /// It does not have this form.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let searched = &bytes[..bytes.len().min(HEAD_MAX)];
        let end = searched.windows(2).position(|pair| pair == b"\n\n");
        let end = end.ok_or(Malformed::End)?;
        let head = std::str::from_utf8(&bytes[..end]).map_err(|_| Malformed::Old)?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| line.strip_prefix("old "));
        let old = old.and_then(decimal).ok_or(Malformed::Old)?;
        let proof: Vec<Hash> = lines
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map_err(|_| Malformed::Proof)?;
        if proof.len() > PROOF_MAX {
            return Err(Malformed::Proof);
        }
        let note = Note::parse(&bytes[end + 2..])?;
        let checkpoint: Checkpoint = note.text().parse()?;
        if old > checkpoint.size() {
            return Err(Malformed::Backwards);
        }
        Ok(Self {
            old,
            proof,
            checkpoint,
            note,
        })
    }

    /// The size that the witness is believed to know.
    pub fn old(&self) -> TreeSize {
        self.old
    }

    /// What shows the tree of that size in the new one.
    pub fn proof(&self) -> &[Hash] {
        &self.proof
    }

    /// What the note says. Not to be believed before its signature was verified.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The new checkpoint as it was signed.
    pub fn note(&self) -> &Note {
        &self.note
    }
}

/// The body of the request.
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.note)
    }
}

/// A size as C2SP's texts have it: digits only, no zero in front, 2^63-1 at most.
pub(super) fn decimal(text: &str) -> Option<TreeSize> {
    let size = TreeSize(text.parse().ok()?);
    (size <= TreeSize::MAX && size.to_string() == text).then_some(size)
}

/// Why something is not such a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The first line is not `old` with a decimal number up to 2^63-1 without zeros in front.
    #[error("the first line is not `old` and a size")]
    Old,
    /// A line of the proof is not the base64 of a hash, or there are more than 63.
    #[error("a line of the proof is not a hash, or there are more than 63")]
    Proof,
    /// No empty line follows where it should.
    #[error("no empty line follows on the proof")]
    End,
    /// What follows is not a note.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The note holds no checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The old size is larger than that of the checkpoint.
    #[error("the old size is larger than the checkpoint's")]
    Backwards,
}
