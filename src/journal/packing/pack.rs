//! Packing one segment, up to where the packed one is known to be as good as the other.

use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::{open, salt, unpack};
use crate::journal::age::{self, FileKey, Recipient};
use crate::journal::disk::{Disk, File};
use crate::journal::segment::{Form, Name};
use crate::journal::tree::{EntryIndex, Hash};
use crate::journal::verify::hashes::HashFile;
use crate::journal::verify::scan::Scanner;
use crate::journal::{Log, layout, segment};

/// What zstd calls its usual level: lines become a ninth of what they were, at some 400 MB/s.
const LEVEL: i32 = 3;

/// A segment that is to be packed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Job {
    pub(crate) log: Log,
    pub(crate) name: Name,
    /// The index at which the next segment begins.
    pub(crate) end: u64,
    pub(crate) from: Form,
    pub(crate) to: Form,
    pub(crate) recipients: Vec<Recipient>,
}

/// One that was packed, in [`temporary`], and is yet to be given its name.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) job: Job,
    /// The SHA-256 of the packed file, if it is encrypted. That of one that is only compressed is not told: it would
    /// outlive the lines, and whoever guesses them all could see that he is right.
    pub(crate) sha256: Option<Hash>,
    /// The segment's salt, encrypted too.
    pub(crate) salt: Option<Vec<u8>>,
}

/// Why a segment was not packed. It is what it was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PackError {
    /// Its lines are not those that were signed. They are left for a verification to find.
    #[error("its lines do not agree with their hashes")]
    Differs,
    /// What was written cannot be read as it was.
    #[error("what was packed is not what was to be packed")]
    Unlike,
    /// The journal is being closed.
    #[error("the journal is being closed")]
    Stopped,
    /// The disk failed.
    #[error("{0}")]
    Disk(#[from] io::Error),
}

/// Where a segment is packed.
pub(crate) fn temporary(log: Log) -> String {
    format!("{}/.packing", log.folder())
}

/// Packs a segment, makes the result durable, and reads it back. Nothing else is changed.
pub(crate) fn pack(disk: &dyn Disk, job: Job, stop: &Arc<AtomicBool>) -> Result<Done, PackError> {
    let packed = try_to_pack(disk, &job, stop);
    if packed.is_err() {
        let _ = layout::remove(disk, &temporary(job.log)); // the next round tries again
    }
    let (sha256, salt) = match packed {
        Err(_) if stop.load(Ordering::Relaxed) => return Err(PackError::Stopped),
        packed => packed?,
    };
    Ok(Done { job, sha256, salt })
}

type Told = (Option<Hash>, Option<Vec<u8>>);

fn try_to_pack(disk: &dyn Disk, job: &Job, stop: &Arc<AtomicBool>) -> Result<Told, PackError> {
    let (log, name, form) = (job.log, job.name, job.to);
    let path = temporary(log);
    layout::remove(disk, &path)?;
    let key = FileKey::generate()?;
    let (mut text, plain) = Hashed::new(open(disk, log, name)?, stop);
    let mut file = disk.create(&path)?;
    write(&mut text, form, &key, &job.recipients, Sink(&mut *file))?;
    file.sync()?;
    drop(file);

    let (file, whole) = Hashed::new(disk.open(&path)?, stop);
    let (text, unpacked) = Hashed::new(unpack(Box::new(file), form, |_| Some(key.clone()))?, stop);
    compare(disk, job, Scanner::new(Box::new(text)))?;
    if plain.take() != unpacked.take() {
        return Err(PackError::Unlike);
    }
    let salt = match form.encrypted {
        true => Some(sealed_salt(disk, job)?),
        false => None,
    };
    Ok((form.encrypted.then(|| whole.take()), salt))
}

fn write(text: &mut impl Read, form: Form, key: &FileKey, recipients: &[Recipient], to: impl Write) -> io::Result<()> {
    match form.encrypted {
        true => {
            let mut sealing = age::seal(key, recipients, to)?;
            compress(text, form, &mut sealing)?;
            sealing.finish().map(drop)
        }
        false => compress(text, form, to),
    }
}

fn compress(text: &mut impl Read, form: Form, mut to: impl Write) -> io::Result<()> {
    if !form.compressed {
        return io::copy(text, &mut to).map(drop);
    }
    let mut encoder = zstd::stream::write::Encoder::new(to, LEVEL)?;
    encoder.include_checksum(true)?;
    io::copy(text, &mut encoder)?;
    encoder.finish().map(drop)
}

/// Holds every line that counts against its leaf, and reads to the end.
fn compare(disk: &dyn Disk, job: &Job, mut lines: Scanner) -> Result<(), PackError> {
    let salt = salt(disk, job.log, job.name)?.ok_or(PackError::Differs)?;
    let leaves = format!("{}/{}", job.log.folder(), job.name.beside(segment::Beside::Leaves));
    let mut leaves = HashFile::open(disk, &leaves, 0)?.ok_or(PackError::Differs)?;
    for index in job.name.first..job.end {
        let line = lines.next_line()?.ok_or(PackError::Differs)?;
        if leaves.next_hash()? != Some(salt.leaf(EntryIndex(index), line.text)) {
            return Err(PackError::Differs);
        }
    }
    lines.rest()?;
    Ok(())
}

/// The salt for the same recipients, with a file key of its own.
fn sealed_salt(disk: &dyn Disk, job: &Job) -> Result<Vec<u8>, PackError> {
    let salt = salt(disk, job.log, job.name)?.ok_or(PackError::Differs)?;
    let mut sealing = age::seal(&FileKey::generate()?, &job.recipients, Vec::new())?;
    sealing.write_all(salt.bytes())?;
    Ok(sealing.finish()?)
}

struct Sink<'a>(&'a mut dyn File);

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Hashes what is read through it, and stops where it is told to.
struct Hashed {
    from: Box<dyn Read + Send>,
    hash: Arc<Mutex<Sha256>>,
    stop: Arc<AtomicBool>,
}

/// The hash of what was read.
struct Taken(Arc<Mutex<Sha256>>);

impl Taken {
    fn take(self) -> Hash {
        let hash = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Hash(hash.finalize().into())
    }
}

impl Hashed {
    fn new(from: Box<dyn Read + Send>, stop: &Arc<AtomicBool>) -> (Self, Taken) {
        let hash = Arc::default();
        let taken = Taken(Arc::clone(&hash));
        let stop = Arc::clone(stop);
        (Self { from, hash, stop }, taken)
    }
}

impl Read for Hashed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(io::Error::other("stopped"));
        }
        let length = self.from.read(buffer)?;
        let mut hash = self.hash.lock().unwrap_or_else(PoisonError::into_inner);
        hash.update(&buffer[..length]);
        Ok(length)
    }
}
