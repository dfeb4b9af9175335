//! The keys that notes are signed with. They are forgotten in memory when dropped, and cannot be printed by accident.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use zeroize::Zeroizing;

use super::SignatureLine;
use super::key::{Algorithm, KeyError, KeyName, VerifierKey, cosigned};

/// A log's key: signs notes, with [`Algorithm::Ed25519`].
pub struct Signer(Secret);

/// A witness's key: signs checkpoints with the time, with [`Algorithm::Cosignature`], and nothing else: see
/// [`Signed::cosign`](crate::journal::checkpoint::Signed::cosign).
pub struct Cosigner(Secret);

impl Signer {
    /// A new key.
    ///
    /// # Errors
    ///
    /// There are no random bytes to make it of.
    pub fn generate(name: KeyName) -> Result<Self, CryptoError> {
        Secret::generate(name, Algorithm::Ed25519).map(Self)
    }

    /// Reads [`Signer::private_text`].
    ///
    /// # Errors
    ///
    /// It is not such a text, or that of a [`Cosigner`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        Secret::parse(text, Algorithm::Ed25519).map(Self)
    }

    /// The same secret under another name, and so with another id: a log's key of its own.
    ///
    /// # Errors
    ///
    /// The cryptographic library failed.
    pub fn named(&self, name: KeyName) -> Result<Self, CryptoError> {
        let Secret { seed, public, .. } = &self.0;
        Secret::new(name, public.algorithm(), seed.clone()).map(Self)
    }

    /// The key to verify with.
    pub fn verifier(&self) -> &VerifierKey {
        &self.0.public
    }

    /// The key as text, to be kept where only the program can read it.
    pub fn private_text(&self) -> PrivateText {
        self.0.text()
    }

    /// Signs the text of a note, its last newline included.
    ///
    /// # Errors
    ///
    /// The cryptographic library failed.
    pub fn sign(&self, text: &str) -> Result<SignatureLine, CryptoError> {
        let signature = self.0.sign(text)?;
        Ok(self.0.line(signature))
    }
}

impl Cosigner {
    /// A new key.
    ///
    /// # Errors
    ///
    /// There are no random bytes to make it of.
    pub fn generate(name: KeyName) -> Result<Self, CryptoError> {
        Secret::generate(name, Algorithm::Cosignature).map(Self)
    }

    /// Reads [`Cosigner::private_text`].
    ///
    /// # Errors
    ///
    /// It is not such a text, or that of a [`Signer`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        Secret::parse(text, Algorithm::Cosignature).map(Self)
    }

    /// The key to verify with.
    pub fn verifier(&self) -> &VerifierKey {
        &self.0.public
    }

    /// The key as text, to be kept where only the program can read it.
    pub fn private_text(&self) -> PrivateText {
        self.0.text()
    }

    /// Signs the text of a checkpoint, its last newline included, at a time in seconds since 1970, 2^63-1 at most.
    /// It says: of all trees of this log that I have seen, this is the largest, and it goes on from the others.
    ///
    /// # Errors
    ///
    /// The cryptographic library failed, or the time is later.
    pub(in crate::journal) fn sign(&self, text: &str, time: u64) -> Result<SignatureLine, CryptoError> {
        i64::try_from(time).map_err(|_| CryptoError)?;
        let signature = self.0.sign(&cosigned(time, text))?;
        let signature = [&time.to_be_bytes()[..], &signature].concat();
        Ok(self.0.line(signature))
    }
}

/// A private key as text: `PRIVATE+KEY+<name>+<id>+<base64 of the algorithm and the 32 bytes it was made of>`, as in
/// Go's `sumdb/note`. Forgotten in memory when dropped.
pub struct PrivateText(Zeroizing<String>);

impl PrivateText {
    /// The text, without a newline. To be written to one place only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// What comes before the name.
const PREFIX: &str = "PRIVATE+KEY+";

struct Secret {
    seed: Zeroizing<[u8; 32]>,
    pair: Ed25519KeyPair,
    public: VerifierKey,
}

impl Secret {
    fn generate(name: KeyName, algorithm: Algorithm) -> Result<Self, CryptoError> {
        let mut seed = Zeroizing::new([0; 32]);
        aws_lc_rs::rand::fill(seed.as_mut_slice()).map_err(|_| CryptoError)?;
        Self::new(name, algorithm, seed)
    }

    fn new(name: KeyName, algorithm: Algorithm, seed: Zeroizing<[u8; 32]>) -> Result<Self, CryptoError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).map_err(|_| CryptoError)?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| CryptoError)?;
        let public = VerifierKey::new(name, algorithm, public);
        Ok(Self { seed, pair, public })
    }

    fn parse(text: &str, algorithm: Algorithm) -> Result<Self, KeyError> {
        let mut parts = text.strip_prefix(PREFIX).ok_or(KeyError::Form)?.splitn(3, '+');
        let (Some(name), Some(id), Some(base64)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::Form);
        };
        let mut bytes = Zeroizing::new([0; 1 + 32 + 2]); // as many as the decoder may ask for
        let length = BASE64.decode_slice(base64, bytes.as_mut_slice());
        let (&[found], seed) = bytes[..length.map_err(|_| KeyError::Form)?]
            .split_first_chunk()
            .ok_or(KeyError::Form)?;
        if Algorithm::from_byte(found) != Some(algorithm) {
            return Err(KeyError::Algorithm);
        }
        let mut whole = Zeroizing::new([0; 32]);
        if seed.len() != whole.len() {
            return Err(KeyError::Form);
        }
        whole.copy_from_slice(seed);
        let secret = Self::new(name.parse()?, algorithm, whole).map_err(|CryptoError| KeyError::Form)?;
        if id != format!("{:08x}", secret.public.id()) {
            Err(KeyError::Id)
        } else {
            Ok(secret)
        }
    }

    fn text(&self) -> PrivateText {
        let mut bytes = Zeroizing::new([self.public.algorithm() as u8; 33]);
        bytes[1..].copy_from_slice(self.seed.as_slice());
        let (name, id) = (self.public.name(), self.public.id());
        // Into places that are wiped, and with room for all of it at once: a text that grows leaves copies behind.
        let mut base64 = Zeroizing::new([0; 44]);
        let length = BASE64
            .encode_slice(bytes.as_slice(), base64.as_mut_slice())
            .unwrap_or(0); // 33 bytes are 44
        let mut text = Zeroizing::new(String::with_capacity(PREFIX.len() + name.as_str().len() + 10 + length));
        text.push_str(PREFIX);
        text.push_str(name.as_str());
        text.push_str(&format!("+{id:08x}+"));
        text.extend(base64[..length].iter().copied().map(char::from));
        PrivateText(text)
    }

    fn sign(&self, text: &str) -> Result<Vec<u8>, CryptoError> {
        let signature = self.pair.try_sign(text.as_bytes()).map_err(|_| CryptoError)?;
        Ok(signature.as_ref().to_vec())
    }

    fn line(&self, signature: Vec<u8>) -> SignatureLine {
        SignatureLine {
            name: self.public.name().clone(),
            id: self.public.id(),
            signature,
        }
    }
}

/// The cryptographic library could not do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the cryptographic library failed")]
pub struct CryptoError;
