//! Closed segments, packed: compressed, encrypted to the administrator, or both; and read as if they were not.
//!
//! ```text
//!            lines ──▶ zstd ──▶ age ──▶ .packing ──▶ synced, read back, held against .leaves
//!                                           │ segment.pack told, signed
//!                                           ▼
//! 20261121-….jsonl ──(renamed, synced)──▶ 20261121-….jsonl.zst.age, then the plain one goes, and its salt
//! ```
//!
//! The bytes are packed as they are, void ends included: unpacked, the segment is what it was. A segment is packed only
//! when the newest signed record stands in a later one, so that a start never has to read a packed one. `events` are
//! not packed: they are small, hold nothing about a visitor, and a start reads them.
//!
//! Whoever has the salt of a segment can try guesses on its hashes, so it is encrypted with the lines.

mod pack;
mod rounds;

pub(crate) use pack::{Done, Job, PackError, pack};
pub(crate) use rounds::Packer;

use std::io::{self, BufReader, Read};
use std::time::Duration;

use zeroize::Zeroizing;

use super::Log;
use super::age::{self, FileKey, Recipient, Stanza};
use super::disk::Disk;
use super::segment::{self, Beside, Form, Name, Packed};
use super::tree::Salt;

/// What becomes of segments some time after they were closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// Counted from the end of the day on which the segment was begun, in UTC. Default 7 days.
    pub after: Duration,
    /// Whether they are compressed. Default true.
    pub compress: bool,
    /// Who can read them then: nobody else, not even townclerk. Empty, which is the default: as before.
    pub encrypt_to: Vec<Recipient>,
}

impl Closed {
    pub(crate) fn form(&self) -> Form {
        Form {
            encrypted: !self.encrypt_to.is_empty(),
            compressed: self.compress,
        }
    }
}

/// What says that something is encrypted, and that nothing at hand opens it; inside of an [`io::Error`].
#[derive(Debug, thiserror::Error)]
#[error("the segment is encrypted, and no identity that opens it is at hand")]
struct Sealed;

/// Whether something could not be read only for want of an identity.
pub(crate) fn is_sealed(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|error| error.is::<Sealed>())
}

/// Opens the lines of a segment for reading, from a place in bytes on, whatever its form. Everybody who reads segments
/// comes through here.
///
/// # Errors
///
/// [`is_sealed`]; [`io::ErrorKind::InvalidData`] if what is packed was changed; those of the disk.
pub(crate) fn open_at(disk: &dyn Disk, log: Log, name: Name, place: u64) -> io::Result<Box<dyn Read + Send>> {
    segment::in_its_form(|form| {
        if form == Form::PLAIN {
            return disk.open_at(&name.path(log), place);
        }
        let mut text = open_form(disk, log, Packed { name, form })?;
        io::copy(&mut text.by_ref().take(place), &mut io::sink())?;
        Ok(text)
    })
}

/// The same of one form, whether or not it is the one that counts.
pub(crate) fn open_form(disk: &dyn Disk, log: Log, packed: Packed) -> io::Result<Box<dyn Read + Send>> {
    let file = disk.open(&packed.path(log))?;
    match packed.form {
        Form::PLAIN => Ok(file),
        form => unpack(file, form, |stanzas| disk.identities().unwrap(stanzas)),
    }
}

/// The same, from its beginning on.
pub(crate) fn open(disk: &dyn Disk, log: Log, name: Name) -> io::Result<Box<dyn Read + Send>> {
    open_at(disk, log, name, 0)
}

/// The secret of a segment's leaves. `None` if it is not there, or has another length.
///
/// # Errors
///
/// As those of [`open_at`].
pub(crate) fn salt(disk: &dyn Disk, log: Log, name: Name) -> io::Result<Option<Salt>> {
    let path = |which| format!("{}/{}", log.folder(), name.beside(which));
    let unless_missing = |opened: io::Result<Box<dyn Read + Send>>| match opened {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        opened => opened.map(Some),
    };
    let mut file = unless_missing(disk.open(&path(Beside::Salt)))?;
    if file.is_none()
        && let Some(sealed) = unless_missing(disk.open(&path(Beside::SealedSalt)))?
    {
        let form = Form {
            encrypted: true,
            compressed: false,
        };
        file = Some(unpack(sealed, form, |stanzas| disk.identities().unwrap(stanzas))?);
    }
    let Some(file) = file else { return Ok(None) };
    let mut found = Zeroizing::new(Vec::with_capacity(Salt::LENGTH + 1));
    file.take(Salt::LENGTH as u64 + 1).read_to_end(&mut found)?;
    let mut bytes = Zeroizing::new([0; Salt::LENGTH]);
    if found.len() != Salt::LENGTH {
        return Ok(None);
    }
    bytes.copy_from_slice(&found);
    Ok(Some(Salt::new(bytes)))
}

fn unpack(
    file: Box<dyn Read + Send>,
    form: Form,
    unwrap: impl FnOnce(&[Stanza]) -> Option<FileKey>,
) -> io::Result<Box<dyn Read + Send>> {
    let mut text: Box<dyn Read + Send> = Box::new(BufReader::with_capacity(64 * 1024, file));
    if form.encrypted {
        let opened = age::open(text, unwrap).map_err(damaged)?;
        text = Box::new(opened.ok_or_else(|| io::Error::other(Sealed))?);
    }
    if form.compressed {
        text = Box::new(zstd::stream::read::Decoder::new(text)?);
    }
    Ok(Box::new(Unpacked(text)))
}

/// Tells what a disk does from what is wrong with the bytes on it.
struct Unpacked(Box<dyn Read + Send>);

impl Read for Unpacked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(damaged)
    }
}

fn damaged(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::Interrupted => error,
        _ if error.raw_os_error().is_some() => error,
        _ => io::Error::new(io::ErrorKind::InvalidData, "the packed segment was changed, or cut off"),
    }
}
