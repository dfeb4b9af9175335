//! The keys that notes are verified with.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest, Sha256};

use super::{SignatureLine, Verified};

/// What a key is called, a URL without its scheme as a rule: `town.example/townclerk/access`. Neither empty nor with
/// spaces (Unicode's), control characters or `+`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(String);

impl KeyName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyName {
    type Err = KeyError;

    fn from_str(name: &str) -> Result<Self, KeyError> {
        let not_allowed = |char: char| char.is_whitespace() || char < ' ' || char == '+';
        if name.is_empty() || name.contains(not_allowed) {
            return Err(KeyError::Name);
        }
        Ok(Self(name.to_owned()))
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a key signs, by the byte that C2SP gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// The text of a note.
    Ed25519 = 0x01,
    /// `cosignature/v1`: a checkpoint, and the time at which it was the newest that a witness knew.
    Cosignature = 0x04,
}

impl Algorithm {
    pub(super) fn from_byte(byte: u8) -> Option<Self> {
        [Self::Ed25519, Self::Cosignature]
            .into_iter()
            .find(|algorithm| *algorithm as u8 == byte)
    }
}

/// A public key with its name: `<name>+<id, 8 hexadecimal digits>+<base64 of the algorithm and the key>`, which others
/// call a vkey. To be pinned: it must have come another way than what it verifies.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VerifierKey {
    name: KeyName,
    id: u32,
    algorithm: Algorithm,
    public: [u8; 32],
}

impl VerifierKey {
    pub(super) fn new(name: KeyName, algorithm: Algorithm, public: [u8; 32]) -> Self {
        let bytes = [name.as_str().as_bytes(), b"\n", &[algorithm as u8], &public].concat();
        let [a, b, c, d, ..] = <[u8; 32]>::from(Sha256::digest(bytes));
        let id = u32::from_be_bytes([a, b, c, d]);
        Self {
            name,
            id,
            algorithm,
            public,
        }
    }

    /// The keys of a text, one a line, each with its line's number. Empty lines, and those that begin with `#`, are
    /// remarks.
    pub fn in_lines(text: &str) -> impl Iterator<Item = (usize, Result<Self, KeyError>)> {
        let lines = (1..).zip(text.lines().map(str::trim));
        let written = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        written.map(|(number, line)| (number, line.parse()))
    }

    /// Its name.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// What it signs.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The number beside its name in a signature: the first 4 bytes of a hash of name, algorithm and key. It tells
    /// keys apart, and proves nothing.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Whether a signature is said to be this key's.
    pub(super) fn is_of(&self, line: &SignatureLine) -> bool {
        (&self.name, self.id) == (&line.name, line.id)
    }

    pub(super) fn verify(&self, text: &str, signature: &[u8]) -> Option<Verified> {
        let key = UnparsedPublicKey::new(&ED25519, &self.public);
        match self.algorithm {
            Algorithm::Ed25519 => {
                key.verify(text.as_bytes(), signature).ok()?;
                Some(Verified { time: None })
            }
            Algorithm::Cosignature => {
                let (time, signature) = signature.split_first_chunk()?;
                let time = u64::from_be_bytes(*time);
                i64::try_from(time).ok()?; // 2^63-1 at most
                key.verify(cosigned(time, text).as_bytes(), signature).ok()?;
                Some(Verified { time: Some(time) })
            }
        }
    }
}

/// What a cosigner signs. The first line keeps it apart from all else that the key might sign.
pub(super) fn cosigned(time: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&[self.algorithm as u8][..], &self.public].concat();
        write!(f, "{}+{:08x}+{}", self.name, self.id, BASE64.encode(bytes))
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let mut parts = text.splitn(3, '+'); // base64 may have more of them
        let (Some(name), Some(id), Some(bytes)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::Form);
        };
        let bytes = BASE64.decode(bytes).map_err(|_| KeyError::Form)?;
        let (algorithm, public) = bytes.split_first().ok_or(KeyError::Form)?;
        let algorithm = Algorithm::from_byte(*algorithm).ok_or(KeyError::Algorithm)?;
        let public = public.try_into().map_err(|_| KeyError::Form)?;
        let key = Self::new(name.parse()?, algorithm, public);
        if id != format!("{:08x}", key.id) {
            Err(KeyError::Id)
        } else {
            Ok(key)
        }
    }
}

/// Why a text is not a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The name is empty, or has a space, a control character or `+`.
    #[error("the name of a key must not be empty, nor have spaces, control characters or +")]
    Name,
    /// It has not the parts of a key, or they are not base64 or of the wrong length.
    #[error("not a key: name, 8 hexadecimal digits and base64, with + between them")]
    Form,
    /// It is of a kind that is not known, or not the one that is needed here.
    #[error("a key of another kind than is needed here")]
    Algorithm,
    /// The id is not that of this name and key: one of them was changed.
    #[error("the digits in the middle of the key do not belong to its name and its end")]
    Id,
}
