//! From a record to its leaf.

use std::io;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{EntryIndex, Hash};

/// A segment's secret, 32 random bytes: whoever has it can try guesses on the leaves of the segment. Removing it makes
/// them meaningless. Forgotten in memory when dropped, and never printed.
#[derive(Clone)]
pub struct Salt {
    bytes: Zeroizing<[u8; Self::LENGTH]>,
    /// The HMAC with its key already taken in, which halves the work for a record.
    keyed: Hmac<Sha256>,
}

impl Salt {
    /// Its bytes.
    pub const LENGTH: usize = 32;

    /// A new one.
    ///
    /// # Errors
    ///
    /// The system has no random bytes to give.
    pub fn generate() -> io::Result<Self> {
        let mut bytes = Zeroizing::new([0; Self::LENGTH]);
        aws_lc_rs::rand::fill(bytes.as_mut_slice()).map_err(|_| io::Error::other("no random bytes"))?;
        Ok(Self::new(bytes))
    }

    /// The one with these bytes.
    pub fn new(bytes: Zeroizing<[u8; Self::LENGTH]>) -> Self {
        let mut block = Zeroizing::new([0; 64]);
        block[..Self::LENGTH].copy_from_slice(bytes.as_slice());
        // RFC 2104 fills a short key up to a block with zeros: this is the same key, in the form that cannot fail.
        let keyed = Hmac::new((&*block).into());
        Self { bytes, keyed }
    }

    /// What its file holds.
    pub fn bytes(&self) -> &[u8; Self::LENGTH] {
        &self.bytes
    }

    /// What hides one record, and may be given away with it.
    pub fn nonce(&self, index: EntryIndex) -> Nonce {
        let mut mac = self.keyed.clone();
        mac.update(&index.0.to_be_bytes());
        let code: [u8; 32] = mac.finalize().into_bytes().into();
        let mut nonce = [0; Nonce::LENGTH];
        nonce.copy_from_slice(&code[..Nonce::LENGTH]);
        Nonce(nonce)
    }

    /// The leaf of the record at this index, a line without its `\n`.
    pub fn leaf(&self, index: EntryIndex, line: &[u8]) -> Hash {
        leaf(&self.nonce(index), line)
    }
}

/// What hides one record. It says nothing about the salt or any other record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nonce(pub [u8; Self::LENGTH]);

impl Nonce {
    /// Its bytes. Always as many: else the border between it and the line could be moved.
    pub const LENGTH: usize = 16;
}

/// The leaf of a line, taken without its `\n`.
pub fn leaf(nonce: &Nonce, line: &[u8]) -> Hash {
    let mut front = [0; 1 + Nonce::LENGTH];
    front[1..].copy_from_slice(&nonce.0);
    let hash = Sha256::new().chain_update(front).chain_update(line);
    Hash(hash.finalize().into())
}
