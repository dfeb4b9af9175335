//! Checkpoints (C2SP, tlog-checkpoint v1.0.0): what a log vouches for with its key.
//!
//! ```text
//! town.example/townclerk/access                     the origin: which log
//! 1048576                                           how many records
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=      the root of the tree over them
//!
//! — town.example/townclerk/access Az3grlgt…         the log's signature
//! — witness.example/w1 jWbPPwAAAABk…                and perhaps those of witnesses, with the time
//! ```

use std::fmt;
use std::str::FromStr;

use super::note::{Cosigner, CryptoError, KeyName, Note, NoteError, SignatureLine, Signer, VerifierKey, VerifyError};
use super::tree::{Hash, TreeSize, decimal};

/// A tree of a log, told by its size and root. Reading passes over extension lines; none is ever written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Checkpoint {
    origin: String,
    size: TreeSize,
    root: Hash,
}

impl Checkpoint {
    /// One to sign. The log's key bears its origin for a name.
    pub fn new(origin: &KeyName, size: TreeSize, root: Hash) -> Self {
        Self {
            origin: origin.as_str().to_owned(),
            size,
            root,
        }
    }

    /// Which log it is of.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// How many records the tree has.
    pub fn size(&self) -> TreeSize {
        self.size
    }

    /// The root of the tree.
    pub fn root(&self) -> Hash {
        self.root
    }

    /// Signs it.
    ///
    /// # Errors
    ///
    /// The cryptographic library failed.
    pub fn sign(self, signer: &Signer) -> Result<Signed, SignError> {
        let text = self.to_string();
        let signature = signer.sign(&text)?;
        let note = Note::new(text, signature)?;
        Ok(Signed { checkpoint: self, note })
    }
}

/// The text of the note, three lines.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, self.root)
    }
}

impl FromStr for Checkpoint {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let lines = text.strip_suffix('\n').ok_or(CheckpointError::Lines)?;
        let mut lines = lines.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(CheckpointError::Lines);
        };
        if origin.is_empty() || lines.any(str::is_empty) {
            return Err(CheckpointError::Lines);
        }
        Ok(Self {
            origin: origin.to_owned(),
            size: TreeSize(decimal(size).ok_or(CheckpointError::Size)?),
            root: root.parse().map_err(|_| CheckpointError::Root)?,
        })
    }
}

/// A checkpoint that its log has signed, seen with the log's pinned key; and the note that it stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    checkpoint: Checkpoint,
    note: Note,
}

impl Signed {
    /// Reads a checkpoint that is signed with this key. The key's name is the origin that it must have.
    ///
    /// # Errors
    ///
    /// It is not a note, not signed with this key, not a checkpoint, or of another log.
    pub fn open(note: &[u8], key: &VerifierKey) -> Result<Self, OpenError> {
        Self::try_from_note(Note::parse(note)?, key)
    }

    /// As [`Signed::open`], from a note that was read already.
    ///
    /// # Errors
    ///
    /// It is not signed with this key, not a checkpoint, or of another log.
    pub fn try_from_note(note: Note, key: &VerifierKey) -> Result<Self, OpenError> {
        note.verify(key)?; // before a word of its text is looked at
        let checkpoint: Checkpoint = note.text().parse()?;
        if checkpoint.origin != key.name().as_str() {
            return Err(OpenError::Origin);
        }
        Ok(Self { checkpoint, note })
    }

    /// What was signed.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The note, to be kept and handed on as it is.
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// When a witness signed it too, in seconds since 1970. `None` if the key is not a cosigner's.
    ///
    /// # Errors
    ///
    /// The witness did not sign it, or its signature is wrong.
    pub fn cosigned_at(&self, witness: &VerifierKey) -> Result<Option<u64>, VerifyError> {
        Ok(self.note.verify(witness)?.time)
    }

    /// A witness's signature. Only for who knows that no earlier tree of this log contradicts it.
    ///
    /// # Errors
    ///
    /// The cryptographic library failed, or the time is after 2^63-1.
    pub fn cosign(&self, cosigner: &Cosigner, time: u64) -> Result<SignatureLine, CryptoError> {
        cosigner.sign(self.note.text(), time)
    }

    /// Adds a witness's signature, after verifying it. An earlier one of the same witness makes room for it.
    ///
    /// # Errors
    ///
    /// It is not this witness's signature of this checkpoint; or there are too many.
    pub fn add(&mut self, signature: SignatureLine, witness: &VerifierKey) -> Result<(), OpenError> {
        Note::new(self.note.text().to_owned(), signature.clone())?.verify(witness)?;
        Ok(self.note.add(signature)?)
    }

    /// Takes out a witness's signature, if there is one. The log's own stays.
    pub(super) fn forget(&mut self, witness: &VerifierKey) {
        if witness.name().as_str() != self.checkpoint.origin {
            self.note.forget(witness);
        }
    }
}

/// Why a text is not a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// There are fewer than three lines, or empty ones among them.
    #[error("a checkpoint has at least three lines, none of them empty")]
    Lines,
    /// The second line is not a decimal number up to 2^63-1 without zeros in front.
    #[error("the size in the checkpoint cannot be read")]
    Size,
    /// The third line is not the base64 of a hash.
    #[error("the root in the checkpoint cannot be read")]
    Root,
}

/// Why something is not a checkpoint of a certain log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It is not a note.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// It is not signed with the pinned key.
    #[error(transparent)]
    Signature(#[from] VerifyError),
    /// It is signed, and not a checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// It is of another log than the key's.
    #[error("the checkpoint is of another log")]
    Origin,
}

/// Why a checkpoint could not be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The cryptographic library failed.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// The origin is too long for a note.
    #[error(transparent)]
    Note(#[from] NoteError),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ROOT: &str = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";

    #[test]
    fn the_checkpoint_of_the_specification_is_read() {
        let text = format!("example.com/behind-the-sofa\n20852163\n{ROOT}\n");
        let checkpoint: Checkpoint = text.parse().unwrap();
        assert_eq!(
            (checkpoint.origin(), checkpoint.size().0),
            ("example.com/behind-the-sofa", 20_852_163)
        );
        assert_eq!(checkpoint.root().to_string(), ROOT);
        assert_eq!(checkpoint.to_string(), text);
    }

    #[test]
    fn extension_lines_are_passed_over_and_never_written() {
        let text = format!("go.sum database tree\n0\n{ROOT}\n");
        let checkpoint: Checkpoint = format!("{text}more\nand more\n").parse().unwrap();
        assert_eq!(checkpoint.to_string(), text);
    }

    #[test]
    fn what_is_not_a_checkpoint_says_why() {
        let cases = [
            (String::new(), CheckpointError::Lines),
            ("a\n1\n".into(), CheckpointError::Lines),
            (format!("a\n1\n{ROOT}"), CheckpointError::Lines),
            (format!("\n1\n{ROOT}\n"), CheckpointError::Lines),
            (format!("a\n1\n{ROOT}\n\n"), CheckpointError::Lines),
            (format!("a\n1\n{ROOT}\nx\n\ny\n"), CheckpointError::Lines),
            (format!("a\n01\n{ROOT}\n"), CheckpointError::Size),
            (format!("a\n+1\n{ROOT}\n"), CheckpointError::Size),
            (format!("a\n\n{ROOT}\n"), CheckpointError::Size),
            (format!("a\n9223372036854775808\n{ROOT}\n"), CheckpointError::Size),
            (format!("a\n1\n{}\n", &ROOT[4..]), CheckpointError::Root),
            (format!("a\n1\n{ROOT} \n"), CheckpointError::Root),
            (format!("a\n1\n{}\n", ROOT.replace("2I=", "2J=")), CheckpointError::Root), // bits behind the last byte
        ];
        for (text, error) in cases {
            assert_eq!(text.parse::<Checkpoint>(), Err(error), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn every_checkpoint_is_read_back(origin in "[^\\s+\\x00-\\x1f]{1,40}", size in 0..=TreeSize::MAX.0, root: [u8; 32]) {
            let checkpoint = Checkpoint::new(&origin.parse().unwrap(), TreeSize(size), Hash(root));
            prop_assert_eq!(checkpoint.to_string().parse(), Ok(checkpoint));
        }

        #[test]
        fn any_text_is_a_checkpoint_or_not(text in "(\\PC|\n|[0-9]|CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=){0,60}") {
            if let Ok(checkpoint) = text.parse::<Checkpoint>() {
                prop_assert!(text.starts_with(&checkpoint.to_string()));
            }
        }
    }
}
