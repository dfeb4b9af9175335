//! Signed notes (C2SP, signed-note v1.0.0): a text, and below it the signatures of one or more keys.
//!
//! ```text
//! what is signed, any number of lines
//!
//! — <key name> <base64 of the key's id, 4 bytes, and the signature>
//! ```
//!
//! Nothing in the text is to be believed before [`Note::verify`] has found the signature of a key that is known from
//! elsewhere.

mod key;
mod signer;

#[cfg(test)]
mod tests;

pub use key::{Algorithm, KeyError, KeyName, VerifierKey};
pub use signer::{Cosigner, CryptoError, PrivateText, Signer};

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

/// A text with one signature or more. Written and read back, it is the same to the byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<SignatureLine>,
}

impl Note {
    /// A larger note is not read. As in Go's `sumdb/note`.
    pub const BYTES_MAX: usize = 1_000_000;

    /// A note with more signatures is not read. As in Go's `sumdb/note`.
    pub const SIGNATURES_MAX: usize = 100;

    /// A text with its first signature, made over this text.
    ///
    /// # Errors
    ///
    /// The text is too large, has control characters, or does not end with a newline.
    pub fn new(text: String, signature: SignatureLine) -> Result<Self, NoteError> {
        is_text(&text)?;
        let note = Self {
            text,
            signatures: vec![signature],
        };
        note.within_limits()
    }

    /// Reads a note. Its signatures are not verified.
    ///
    /// # Errors
    ///
    /// It is not a note.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > Self::BYTES_MAX {
            return Err(NoteError::TooLarge);
        }
        let note = std::str::from_utf8(bytes).map_err(|_| NoteError::NotText)?;
        is_text(note)?;
        let end = note.rfind("\n\n").ok_or(NoteError::NoSignatures)? + 1;
        let (text, signatures) = (&note[..end], &note[end + 1..]);
        if signatures.is_empty() {
            return Err(NoteError::NoSignatures);
        }
        let lines = signatures.lines().take(Self::SIGNATURES_MAX + 1);
        let note = Self {
            text: text.to_owned(),
            signatures: lines.map(str::parse).collect::<Result<_, _>>()?,
        };
        note.within_limits()
    }

    /// What is signed, its last newline included.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures, in their order.
    pub fn signatures(&self) -> &[SignatureLine] {
        &self.signatures
    }

    /// Looks for the signature of a known key, and verifies it. Signatures of all other keys are passed over.
    ///
    /// # Errors
    ///
    /// The key has not signed, or there is a signature in its name that it did not make: then the whole note is to
    /// be rejected, whatever else it has.
    pub fn verify(&self, key: &VerifierKey) -> Result<Verified, VerifyError> {
        let mut verified = Err(VerifyError::Unsigned);
        for line in self.signatures.iter().filter(|line| key.is_of(line)) {
            let this = key.verify(&self.text, &line.signature).ok_or(VerifyError::Wrong)?;
            verified = Ok(verified.map_or(this, |other: Verified| other.max(this)));
        }
        verified
    }

    /// Adds a signature, made over this text. An earlier one of the same key makes room for it.
    ///
    /// # Errors
    ///
    /// The note would be too large to be read.
    pub fn add(&mut self, signature: SignatureLine) -> Result<(), NoteError> {
        let mut with = self.clone();
        with.signatures
            .retain(|line| (&line.name, line.id) != (&signature.name, signature.id));
        with.signatures.push(signature);
        *self = with.within_limits()?;
        Ok(())
    }

    /// Takes out the signatures of a key. Not for the last one: a note has a signature.
    pub(super) fn forget(&mut self, key: &VerifierKey) {
        self.signatures.retain(|line| !key.is_of(line));
    }

    fn within_limits(self) -> Result<Self, NoteError> {
        if self.signatures.len() > Self::SIGNATURES_MAX {
            return Err(NoteError::TooManySignatures);
        }
        let lines = self.signatures.iter().map(|line| line.to_string().len());
        let bytes = self.text.len() + 1 + lines.map(|line| line + 1).sum::<usize>();
        if bytes > Self::BYTES_MAX {
            Err(NoteError::TooLarge)
        } else {
            Ok(self)
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// Newlines are the only control characters (those below U+0020), and one is at the end.
fn is_text(text: &str) -> Result<(), NoteError> {
    if text.bytes().any(|byte| byte < b' ' && byte != b'\n') || !text.ends_with('\n') {
        return Err(NoteError::NotText);
    }
    Ok(())
}

/// One signature of a note. Whether it is right, [`Note::verify`] tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureLine {
    name: KeyName,
    id: u32,
    /// Never empty.
    signature: Vec<u8>,
}

impl SignatureLine {
    /// The name of the key that is said to have made it.
    pub fn name(&self) -> &KeyName {
        &self.name
    }
}

/// Without a newline.
impl fmt::Display for SignatureLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.id.to_be_bytes()[..], &self.signature].concat();
        write!(f, "— {} {}", self.name, BASE64.encode(bytes))
    }
}

impl FromStr for SignatureLine {
    type Err = NoteError;

    fn from_str(line: &str) -> Result<Self, NoteError> {
        let parts = line.strip_prefix("— ").and_then(|line| line.split_once(' '));
        let (name, bytes) = parts.ok_or(NoteError::Signature)?;
        let bytes = BASE64.decode(bytes).map_err(|_| NoteError::Signature)?;
        match bytes.split_first_chunk() {
            Some((id, signature)) if !signature.is_empty() => Ok(Self {
                name: name.parse().map_err(|_| NoteError::Signature)?,
                id: u32::from_be_bytes(*id),
                signature: signature.to_vec(),
            }),
            _ => Err(NoteError::Signature),
        }
    }
}

/// What a signature that was verified says beside the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Verified {
    /// When a cosigner signed, in seconds since 1970; other keys do not say.
    pub time: Option<u64>,
}

/// Why something is not a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// It is larger than [`Note::BYTES_MAX`].
    #[error("the note is larger than a megabyte")]
    TooLarge,
    /// It is not UTF-8, has control characters, or its last line has no end.
    #[error("the note is not a text of whole lines without control characters")]
    NotText,
    /// There is nothing after the last empty line, or no empty line.
    #[error("the note has no signatures")]
    NoSignatures,
    /// There are more than [`Note::SIGNATURES_MAX`].
    #[error("the note has more than 100 signatures")]
    TooManySignatures,
    /// A line after the last empty one does not have the form of a signature.
    #[error("a signature of the note cannot be read")]
    Signature,
}

/// Why a note is not a certain key's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// There is no signature in the name of the key.
    #[error("the note is not signed by the key")]
    Unsigned,
    /// There is one, and the key did not make it for this text.
    #[error("a signature in the name of the key is wrong")]
    Wrong,
}
