//! The age format, version 1 (C2SP, age.md), as far as a journal needs it: files for X25519 recipients, so that the
//! administrator opens them with the `age` program and with nothing of ours.
//!
//! ```text
//! age-encryption.org/v1
//! -> X25519 <the sender's share, base64 without padding>
//! <the file key, wrapped for one recipient>
//! --- <HMAC of the lines above>
//! <16 random bytes><the payload, in pieces of 64 KiB>
//! ```
//!
//! The package `age` is not used: it brings some 130 others, with a translation engine and three more kinds of
//! recipients. The primitives are aws-lc-rs's, which is here for TLS. Tests hold what is written here against the
//! `age` program, both ways.

mod key;
mod stream;

pub(crate) use key::FileKey;
pub use key::{Identities, IdentityError, Recipient, RecipientError};
pub(crate) use stream::{Opened, Sealing};

use std::io::{self, Read, Write};

use aws_lc_rs::hkdf::{self, HKDF_SHA256, KeyType};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;

use key::{KEY_LENGTH, Share};

const VERSION: &[u8] = b"age-encryption.org/v1\n";
const END: &[u8] = b"---";
/// The lines of a stanza's body have this many letters, but for the last, which has fewer.
const COLUMNS: usize = 64;
/// No header of ours comes near it, nor one of somebody's who means well.
const HEADER_MAX: usize = 64 << 10;
const NONCE_LENGTH: usize = 16;

/// Begins an age file for these recipients. What is written to the result is its payload; [`Sealing::finish`] ends it.
pub(crate) fn seal<W: Write>(key: &FileKey, recipients: &[Recipient], mut file: W) -> io::Result<Sealing<W>> {
    let mut header = VERSION.to_vec();
    for recipient in recipients {
        let (share, body) = recipient.wrap(key)?;
        writeln!(header, "-> X25519 {}\n{}", BASE64.encode(share), BASE64.encode(body))?;
    }
    header.extend_from_slice(END);
    let code = hmac::sign(&header_key(key), &header);
    writeln!(header, " {}", BASE64.encode(code))?;
    file.write_all(&header)?;
    let mut nonce = [0; NONCE_LENGTH];
    aws_lc_rs::rand::fill(&mut nonce).map_err(failed)?;
    file.write_all(&nonce)?;
    Ok(Sealing::new(file, &payload_key(key, &nonce)))
}

/// Opens an age file. `unwrap` finds the file key in the shares and bodies of its X25519 stanzas; `None` if it has
/// nothing that opens one of them.
///
/// # Errors
///
/// [`io::ErrorKind::InvalidData`] if it is no age file, or was changed.
pub(crate) fn open<R: Read>(
    mut file: R,
    unwrap: impl FnOnce(&[Stanza]) -> Option<FileKey>,
) -> io::Result<Option<Opened<R>>> {
    let (header, stanzas, code) = header(&mut file)?;
    let Some(key) = unwrap(&stanzas) else {
        return Ok(None);
    };
    hmac::verify(&header_key(&key), &header, &code).map_err(|_| damaged())?;
    let mut nonce = [0; NONCE_LENGTH];
    file.read_exact(&mut nonce)?;
    Ok(Some(Opened::new(file, &payload_key(&key, &nonce))))
}

/// What a file key is wrapped in for one recipient.
pub(crate) struct Stanza {
    share: Share,
    body: Vec<u8>,
}

/// The header up to and with `---`, the X25519 stanzas in it, and its code. Others' stanzas are passed over.
fn header(file: &mut impl Read) -> io::Result<(Vec<u8>, Vec<Stanza>, Vec<u8>)> {
    let mut header = Vec::new();
    let mut stanzas = Vec::new();
    let begins = line(file, &mut header)?;
    if header[begins..] != *VERSION {
        return Err(damaged());
    }
    let mut begins = line(file, &mut header)?;
    loop {
        let text = std::str::from_utf8(&header[begins..])
            .map_err(|_| damaged())?
            .trim_end();
        if let Some(code) = text.strip_prefix("--- ") {
            let code = BASE64.decode(code).map_err(|_| damaged())?;
            header.truncate(begins + END.len());
            return Ok((header, stanzas, code));
        }
        let share = match text.strip_prefix("-> ").ok_or_else(damaged)?.split_once(' ') {
            Some(("X25519", share)) => BASE64.decode(share).ok().and_then(|share| share.try_into().ok()),
            _ => None,
        };
        let mut body = String::new();
        loop {
            begins = line(file, &mut header)?;
            let text = std::str::from_utf8(&header[begins..])
                .map_err(|_| damaged())?
                .trim_end();
            body += text;
            if text.len() < COLUMNS {
                break;
            }
        }
        let body = BASE64.decode(body).map_err(|_| damaged())?;
        stanzas.extend(share.map(|share| Stanza { share, body }));
        begins = line(file, &mut header)?;
    }
}

/// Reads one more line, no byte further: the payload follows on the last one. Where it begins.
fn line(file: &mut impl Read, header: &mut Vec<u8>) -> io::Result<usize> {
    let begins = header.len();
    let mut byte = [0];
    while header.len() == begins || header.last() != Some(&b'\n') {
        if header.len() >= HEADER_MAX {
            return Err(damaged());
        }
        file.read_exact(&mut byte)?;
        header.push(byte[0]);
    }
    Ok(begins)
}

fn header_key(key: &FileKey) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, &*derive(&[], key.bytes(), b"header"))
}

fn payload_key(key: &FileKey, nonce: &[u8; NONCE_LENGTH]) -> zeroize::Zeroizing<[u8; KEY_LENGTH]> {
    derive(nonce, key.bytes(), b"payload")
}

/// HKDF-SHA-256 (RFC 5869), 32 bytes.
fn derive(salt: &[u8], secret: &[u8], info: &[u8]) -> zeroize::Zeroizing<[u8; KEY_LENGTH]> {
    struct Length;
    impl KeyType for Length {
        fn len(&self) -> usize {
            KEY_LENGTH
        }
    }
    let mut derived = zeroize::Zeroizing::new([0; KEY_LENGTH]);
    let done = hkdf::Salt::new(HKDF_SHA256, salt)
        .extract(secret)
        .expand(&[info], Length)
        .and_then(|expanded| expanded.fill(derived.as_mut_slice()));
    // 32 bytes are far below the 255 blocks that it can give.
    debug_assert!(done.is_ok());
    derived
}

fn damaged() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "the encrypted file was changed, or is none of age's",
    )
}

fn failed(_: aws_lc_rs::error::Unspecified) -> io::Error {
    io::Error::other("the cryptography failed")
}

#[cfg(test)]
pub(crate) use key::Identity;
#[cfg(test)]
mod tests;
