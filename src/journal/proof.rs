//! The proof that one record is in a log, as a text that stands by itself (C2SP, tlog-proof v1). It is verified with
//! the record, the proof and the log's key, without the journal or a network.
//!
//! ```text
//! c2sp.org/tlog-proof@v1
//! extra <base64 of the record's nonce, 16 bytes>
//! index 73894
//! <the hashes from the leaf's sister to the root, base64, one a line>
//!
//! <the checkpoint, as it was signed>
//! ```
//!
//! The nonce is needed for the leaf, `SHA-256(0x00 ‖ nonce ‖ record)`. It is given out rather than the segment's salt,
//! which it does not disclose, and which would lay open the hashes of the neighbours in the proof to guessing. The
//! format does not sign `extra`: a wrong nonce leads to a wrong leaf, and the proof fails.

use std::fmt;
use std::io;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::checkpoint::{OpenError, Signed};
use super::note::{Note, NoteError, VerifierKey};
use super::tree::{EntryIndex, Hash, Hashes, Nonce, ProofError, decimal, inclusion, leaf};

/// What shows that a record is in a log. Written and read back, it is the same to the byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordProof {
    nonce: Nonce,
    index: EntryIndex,
    path: Vec<Hash>,
    note: Note,
}

/// The first line.
const VERSION: &str = "c2sp.org/tlog-proof@v1";

/// A tree of 2^63 records is no higher.
const PATH_MAX: usize = 63;

/// No larger are the lines before the checkpoint: 63 hashes of 45 bytes, and less than 128 bytes before them.
const HEAD_MAX: usize = PATH_MAX * 45 + 128;

impl RecordProof {
    /// Makes the proof from the hashes of the log's tree, of which the checkpoint is.
    ///
    /// # Errors
    ///
    /// The checkpoint does not reach to the record, or a hash cannot be read.
    pub fn new(hashes: &impl Hashes, index: EntryIndex, nonce: Nonce, signed: &Signed) -> io::Result<Self> {
        Ok(Self {
            nonce,
            index,
            path: inclusion::prove(hashes, index, signed.checkpoint().size())?,
            note: signed.note().clone(),
        })
    }

    /// Reads a proof. Nothing is verified.
    ///
    /// # Errors
    ///
    /// It is not such a text.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let searched = &bytes[..bytes.len().min(HEAD_MAX)];
        let head = searched
            .windows(2)
            .position(|pair| pair == b"\n\n")
            .ok_or(ParseError::End)?;
        let note = &bytes[head + 2..];
        let head = std::str::from_utf8(&bytes[..head]).map_err(|_| ParseError::Version)?;
        let mut lines = head.split('\n');
        if lines.next() != Some(VERSION) {
            return Err(ParseError::Version);
        }
        let extra = lines.next().and_then(|line| line.strip_prefix("extra "));
        let nonce = extra.and_then(|extra| BASE64.decode(extra).ok()?.try_into().ok());
        let index = lines.next().and_then(|line| line.strip_prefix("index "));
        Ok(Self {
            nonce: Nonce(nonce.ok_or(ParseError::Nonce)?),
            index: EntryIndex(index.and_then(decimal).ok_or(ParseError::Index)?),
            path: lines
                .map(str::parse)
                .collect::<Result<_, _>>()
                .map_err(|_| ParseError::Path)?,
            note: Note::parse(note)?,
        })
    }

    /// Where in the log the record is said to be.
    pub fn index(&self) -> EntryIndex {
        self.index
    }

    /// Whether the record, a line without its `\n`, is in the log of this key, at [`RecordProof::index`]. Gives the
    /// checkpoint, which can be asked for its witnesses.
    ///
    /// # Errors
    ///
    /// It is not, or the proof does not show it.
    pub fn verify(&self, record: &[u8], key: &VerifierKey) -> Result<Signed, RecordError> {
        let signed = Signed::try_from_note(self.note.clone(), key)?;
        let (leaf, checkpoint) = (leaf(&self.nonce, record), signed.checkpoint());
        inclusion::verify(&self.path, self.index, &leaf, checkpoint.size(), &checkpoint.root())?;
        Ok(signed)
    }
}

impl fmt::Display for RecordProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{VERSION}\nextra {}\nindex {}",
            BASE64.encode(self.nonce.0),
            self.index
        )?;
        self.path.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.note)
    }
}

/// Why a text is not a proof of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The first line names another format, or another version.
    #[error("not a proof of the format c2sp.org/tlog-proof@v1")]
    Version,
    /// The second line is not `extra` with 16 bytes.
    #[error("the proof has no nonce of the record")]
    Nonce,
    /// The third line is not `index` with a decimal number up to 2^63-1 without zeros in front.
    #[error("the index in the proof cannot be read")]
    Index,
    /// A line after these is not the base64 of a hash.
    #[error("a hash in the proof cannot be read")]
    Path,
    /// No empty line follows on the 63 hashes that a proof may have.
    #[error("the hashes of the proof have no end")]
    End,
    /// What follows is not a note.
    #[error(transparent)]
    Note(#[from] NoteError),
}

/// Why a record is not shown to be in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The checkpoint is not the log's.
    #[error(transparent)]
    Checkpoint(#[from] OpenError),
    /// The record, its index, its nonce or the hashes do not belong to the checkpoint.
    #[error("the record and its proof do not belong together: {0}")]
    Path(#[from] ProofError),
}

#[cfg(test)]
mod tests;
