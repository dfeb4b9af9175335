//! Who may read: recipients by their public keys, identities by their private ones.

use std::fmt;
use std::io;
use std::str::FromStr;
use std::sync::Arc;

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{self, PrivateKey, UnparsedPublicKey, X25519};
use bech32::primitives::decode::CheckedHrpstring;
use bech32::{Bech32, Hrp};
use zeroize::Zeroizing;

use super::{Stanza, derive, failed};

pub(super) const KEY_LENGTH: usize = 32;
const FILE_KEY_LENGTH: usize = 16;
const INFO: &[u8] = b"age-encryption.org/v1/X25519";
const PUBLIC: &str = "age";
const PRIVATE: &str = "age-secret-key-";

pub(super) type Share = [u8; KEY_LENGTH];

/// Who can open what is encrypted: an X25519 public key, `age1…`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Recipient([u8; KEY_LENGTH]);

/// Why a text is not a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecipientError {
    /// It is the private key.
    #[error("is a private key")]
    Private,
    /// It is of another kind: a plugin's, or an SSH key.
    #[error("is of a kind that is not supported")]
    Kind,
    /// A letter is wrong, missing or too many.
    #[error("is not a public key of age; a letter may be wrong")]
    Letters,
}

impl FromStr for Recipient {
    type Err = RecipientError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.to_ascii_lowercase().starts_with(PRIVATE) {
            return Err(RecipientError::Private);
        }
        // What follows `age1` knows no further 1; names of plugins, and of what came later, have one.
        let other = text.strip_prefix("age1").is_some_and(|rest| rest.contains('1'));
        match decode(text, PUBLIC) {
            Some(bytes) => Ok(Self(*bytes)),
            None if other || text.starts_with("ssh-") => Err(RecipientError::Kind),
            None => Err(RecipientError::Letters),
        }
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encoded = bech32::encode::<Bech32>(Hrp::parse(PUBLIC).map_err(|_| fmt::Error)?, &self.0);
        f.write_str(&encoded.map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Recipient {
    /// Wraps a file key for it: the sender's share, and the body.
    pub(super) fn wrap(&self, key: &FileKey) -> io::Result<(Share, Vec<u8>)> {
        let secret = PrivateKey::generate(&X25519).map_err(failed)?;
        let share: Share = public(&secret).ok_or_else(|| failed(aws_lc_rs::error::Unspecified))?;
        let sealing = wrap_key(&secret, &self.0, &share, self).ok_or_else(|| failed(aws_lc_rs::error::Unspecified))?;
        let mut body = key.0.to_vec();
        sealing
            .seal_in_place_append_tag(nonce(), Aad::empty(), &mut body)
            .map_err(failed)?;
        Ok((share, body))
    }
}

/// What one file is encrypted with. Forgotten in memory when dropped.
#[derive(Clone)]
pub(crate) struct FileKey(Zeroizing<[u8; FILE_KEY_LENGTH]>);

impl FileKey {
    pub(crate) fn generate() -> io::Result<Self> {
        let mut bytes = Zeroizing::new([0; FILE_KEY_LENGTH]);
        aws_lc_rs::rand::fill(bytes.as_mut_slice()).map_err(failed)?;
        Ok(Self(bytes))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.0.as_slice()
    }
}

/// A private key: opens what was encrypted to its recipient. Never printed.
pub(crate) struct Identity {
    secret: PrivateKey,
    recipient: Recipient,
}

impl Identity {
    /// Reads `AGE-SECRET-KEY-1…`.
    fn parse(text: &str) -> Option<Self> {
        let bytes = decode(text, PRIVATE)?;
        let secret = PrivateKey::from_private_key(&X25519, bytes.as_slice()).ok()?;
        let recipient = Recipient(public(&secret)?);
        Some(Self { secret, recipient })
    }

    #[cfg(test)]
    pub(crate) fn generate() -> Self {
        let secret = PrivateKey::generate(&X25519).unwrap();
        let recipient = Recipient(public(&secret).unwrap());
        Self { secret, recipient }
    }

    /// As age-keygen writes it.
    #[cfg(test)]
    pub(crate) fn to_text(&self) -> String {
        use aws_lc_rs::encoding::{AsBigEndian, Curve25519SeedBin};
        let seed: Curve25519SeedBin<'_> = self.secret.as_be_bytes().unwrap();
        let text = bech32::encode::<Bech32>(Hrp::parse(PRIVATE).unwrap(), seed.as_ref()).unwrap();
        text.to_uppercase()
    }

    #[cfg(test)]
    pub(crate) fn recipient(&self) -> Recipient {
        self.recipient
    }

    /// The file key in a stanza, if it was wrapped for this identity.
    fn unwrap(&self, stanza: &Stanza) -> Option<FileKey> {
        let opening = wrap_key(&self.secret, &stanza.share, &stanza.share, &self.recipient)?;
        let mut body = Zeroizing::new(stanza.body.clone());
        if body.len() != FILE_KEY_LENGTH + CHACHA20_POLY1305.tag_len() {
            return None; // the format forbids other lengths, so that no key opens two texts
        }
        let key = opening.open_in_place(nonce(), Aad::empty(), &mut body).ok()?;
        let mut bytes = Zeroizing::new([0; FILE_KEY_LENGTH]);
        bytes.copy_from_slice(key);
        Some(FileKey(bytes))
    }
}

/// Private keys that may open what is encrypted. Never printed.
#[derive(Clone, Default)]
pub struct Identities(Arc<[Identity]>);

/// Why a text holds no identities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The file itself is encrypted with a passphrase.
    #[error("the identity file is encrypted")]
    Encrypted,
    /// A line is not a private key of age, from 1 on.
    #[error("line {0} is not a private key of age")]
    Line(usize),
    /// There is no private key in it.
    #[error("there is no private key in it")]
    None,
}

impl Identities {
    /// Reads an identity file as age-keygen writes it: a private key a line, remarks behind `#`.
    ///
    /// # Errors
    ///
    /// See [`IdentityError`].
    pub fn parse(text: &str) -> Result<Self, IdentityError> {
        if text.starts_with("age-encryption.org/") || text.starts_with("-----BEGIN AGE ENCRYPTED FILE-----") {
            return Err(IdentityError::Encrypted);
        }
        let mut identities = Vec::new();
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                identities.push(Identity::parse(line).ok_or(IdentityError::Line(at + 1))?);
            }
        }
        match identities.is_empty() {
            true => Err(IdentityError::None),
            false => Ok(Self(identities.into())),
        }
    }

    /// The file key, if one of them opens one of the stanzas.
    pub(crate) fn unwrap(&self, stanzas: &[Stanza]) -> Option<FileKey> {
        let mut pairs = self
            .0
            .iter()
            .flat_map(|identity| stanzas.iter().map(move |stanza| (identity, stanza)));
        pairs.find_map(|(identity, stanza)| identity.unwrap(stanza))
    }
}

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identities({})", self.0.len())
    }
}

fn public(secret: &PrivateKey) -> Option<[u8; KEY_LENGTH]> {
    secret.compute_public_key().ok()?.as_ref().try_into().ok()
}

/// The key that wraps a file key: from our private and their public key. `None` for a public key that would make it the
/// same for everybody.
fn wrap_key(secret: &PrivateKey, theirs: &[u8], share: &Share, recipient: &Recipient) -> Option<LessSafeKey> {
    let theirs = UnparsedPublicKey::new(&X25519, theirs);
    let salt = [&share[..], &recipient.0].concat();
    let key = agreement::agree(secret, theirs, (), |shared| Ok::<_, ()>(derive(&salt, shared, INFO))).ok()?;
    UnboundKey::new(&CHACHA20_POLY1305, key.as_slice())
        .ok()
        .map(LessSafeKey::new)
}

/// A wrap key is used once.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

/// The 32 bytes in a Bech32 text of this kind.
fn decode(text: &str, kind: &str) -> Option<Zeroizing<[u8; KEY_LENGTH]>> {
    let checked = CheckedHrpstring::new::<Bech32>(text).ok()?;
    if !checked.hrp().as_str().eq_ignore_ascii_case(kind) {
        return None;
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(KEY_LENGTH));
    bytes.extend(checked.byte_iter());
    let mut key = Zeroizing::new([0; KEY_LENGTH]);
    key.copy_from_slice(bytes.get(..KEY_LENGTH).filter(|whole| whole.len() == bytes.len())?);
    Some(key)
}

#[cfg(test)]
impl From<&Identity> for Identities {
    fn from(identity: &Identity) -> Self {
        Self([Identity::parse(&identity.to_text()).unwrap()].into())
    }
}
