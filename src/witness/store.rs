//! The state folder of a witness, mode 0700, its files 0600.
//!
//! ```text
//! key                   the witness's private key
//! lock                  empty; the process that writes holds its lock (flock)
//! logs/<name>           one for each log; the name is the SHA-256 of its origin, in hexadecimal
//! ```
//!
//! A log's file is its pinned key and the last checkpoint that was signed for it, with both signatures:
//!
//! ```text
//! townclerk witness 1
//! town.example/townclerk/access+a3c9f7a1+AZ…
//!
//! <the checkpoint as a note, or the words `nothing signed yet`>
//! ```
//!
//! The file is made on purpose, by [`add`] or [`State::learn`]. One that is lost makes its log unknown; the log does
//! not begin anew. It is replaced whole (a new file, fsync, rename, fsync of the folder) before the signature is given
//! out.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use sha2::{Digest, Sha256};
use thiserror::Error;
use zeroize::Zeroizing;

use super::state::{Known, State};
use crate::journal::checkpoint::Signed;
use crate::journal::note::{Algorithm, Cosigner, CryptoError, KeyError, KeyName, VerifierKey};

const KEY: &str = "key";
const LOCK: &str = "lock";
const LOGS: &str = "logs";
/// The first line of a log's file: what it is, and the version of its form.
const TITLE: &str = "townclerk witness 1";
/// In place of a checkpoint.
const NOTHING: &str = "nothing signed yet\n";

/// Says what a folder is to whoever looks; in an image it makes the folder of a volume.
const REMARK: &str = "README";

/// Makes a state folder, which must be missing or hold nothing but a `README`, and a new key of this name in it. Gives
/// the key to verify its signatures with, which is to be handed to those who run the logs.
///
/// # Errors
///
/// See [`InitError`].
pub fn init(folder: &Path, name: KeyName) -> Result<VerifierKey, InitError> {
    match fs::read_dir(folder) {
        Ok(mut files) => {
            if files.any(|file| file.is_ok_and(|file| file.file_name() != REMARK)) {
                return Err(InitError::NotEmpty);
            }
            fs::set_permissions(folder, Permissions::from_mode(0o700))?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            if let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                File::open(parent)?.sync_all()?;
            }
        }
        Err(error) => return Err(error.into()),
    }
    let cosigner = Cosigner::generate(name)?;
    DirBuilder::new().mode(0o700).create(folder.join(LOGS))?;
    replace(folder, LOCK, b"")?;
    let key = Zeroizing::new([cosigner.private_text().expose().as_bytes(), b"\n"].concat());
    replace(folder, KEY, &key)?; // the last: without it the folder is none
    Ok(cosigner.verifier().clone())
}

/// Tells a witness of a log, by the log's key, which must have come by a way that can be trusted. The witness must not
/// be running.
///
/// # Errors
///
/// See [`AddError`].
pub fn add(folder: &Path, log: VerifierKey) -> Result<(), AddError> {
    if log.algorithm() != Algorithm::Ed25519 {
        return Err(AddError::NotALog);
    }
    State::open(folder)?.learn(log)
}

/// The last checkpoint of each log, with the witness's signature; of logs without one, the key alone. Reads beside a
/// witness that runs.
///
/// # Errors
///
/// As [`State::open`](super::State::open), but it may be locked.
pub fn latest(folder: &Path) -> Result<Vec<(VerifierKey, Option<Signed>)>, StateError> {
    let known = logs(folder, key(folder)?.verifier())?;
    Ok(known.into_iter().map(|known| (known.key, known.last)).collect())
}

/// The key and the lock.
pub(super) fn open(folder: &Path) -> Result<(Cosigner, File), StateError> {
    let cosigner = key(folder)?;
    let lock = OpenOptions::new().write(true).open(folder.join(LOCK))?;
    match lock.try_lock() {
        Ok(()) => Ok((cosigner, lock)),
        Err(TryLockError::WouldBlock) => Err(StateError::InUse),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

fn key(folder: &Path) -> Result<Cosigner, StateError> {
    let path = folder.join(KEY);
    match path.try_exists() {
        Ok(true) => {}
        Ok(false) => return Err(StateError::NotAState),
        Err(error) => return Err(error.into()),
    }
    private(folder)?;
    private(&path)?;
    let text = Zeroizing::new(fs::read_to_string(path)?);
    Ok(Cosigner::parse(text.trim_end_matches('\n'))?)
}

/// Whether its owner alone can read it.
fn private(path: &Path) -> Result<(), StateError> {
    if fs::metadata(path)?.mode() & 0o077 == 0 {
        Ok(())
    } else {
        Err(StateError::Shared)
    }
}

/// Reads every log's file.
pub(super) fn logs(folder: &Path, witness: &VerifierKey) -> Result<Vec<Known>, StateError> {
    let mut logs = Vec::new();
    for file in fs::read_dir(folder.join(LOGS))? {
        let file = file?;
        let name = file.file_name().to_string_lossy().into_owned();
        if name.ends_with(".new") {
            continue; // was never finished
        }
        let known = read(&fs::read(file.path())?, witness).filter(|known| file_name(&known.key) == name);
        logs.push(known.ok_or(StateError::Damaged { name })?);
    }
    Ok(logs)
}

fn read(text: &[u8], witness: &VerifierKey) -> Option<Known> {
    let text = std::str::from_utf8(text).ok()?;
    let (key, last) = text.strip_prefix(TITLE)?.strip_prefix('\n')?.split_once("\n\n")?;
    let key: VerifierKey = key.parse().ok()?;
    let last = match last {
        NOTHING => None,
        note => {
            let signed = Signed::open(note.as_bytes(), &key).ok()?;
            signed.cosigned_at(witness).ok()??; // we would know our own
            Some(signed)
        }
    };
    Some(Known { key, last })
}

/// Writes a log's file. Durable when this returns.
pub(super) fn write(folder: &Path, known: &Known) -> io::Result<()> {
    let last = known.last.as_ref().map(|last| last.note().to_string());
    let text = format!("{TITLE}\n{}\n\n{}", known.key, last.as_deref().unwrap_or(NOTHING));
    replace(&folder.join(LOGS), &file_name(&known.key), text.as_bytes())
}

fn file_name(key: &VerifierKey) -> String {
    let hash = Sha256::digest(key.name().as_str());
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Puts a file of mode 0600 in the place of what has its name, all or nothing.
fn replace(folder: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    let (path, new) = (folder.join(name), folder.join(format!("{name}.new")));
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(new, path)?;
    File::open(folder)?.sync_all()
}

/// Why a state folder could not be made.
#[derive(Debug, Error)]
pub enum InitError {
    /// There is something in it: perhaps a witness's memory.
    #[error("the folder is not empty")]
    NotEmpty,
    /// There are no random bytes for a key.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// The disk failed.
    #[error("the folder cannot be written: {0}")]
    Disk(#[from] io::Error),
}

/// Why a log could not be made known.
#[derive(Debug, Error)]
pub enum AddError {
    /// It is the key of a witness.
    #[error("the key is a witness's, not a log's")]
    NotALog,
    /// It knows this log, by this key.
    #[error("the log is known already")]
    Known,
    /// It knows a log of this origin by another key. What was signed for it stands; so does its key.
    #[error("a log of this origin is known already, by another key")]
    OtherKey,
    /// The state could not be opened.
    #[error(transparent)]
    State(#[from] StateError),
}

/// Why a witness's state could not be used.
#[derive(Debug, Error)]
pub enum StateError {
    /// There is no key in it.
    #[error("the folder is not the state of a witness")]
    NotAState,
    /// The folder or the key can be read by others.
    #[error("the folder or its key can be read by others than the owner")]
    Shared,
    /// Another process writes to it.
    #[error("another witness has the folder")]
    InUse,
    /// The key's file does not hold a witness's key.
    #[error("the witness's key cannot be read: {0}")]
    Key(#[from] KeyError),
    /// A log's file is not as this witness wrote it.
    #[error("logs/{name} is not as this witness wrote it")]
    Damaged {
        /// The file.
        name: String,
    },
    /// The disk failed.
    #[error("the folder cannot be used: {0}")]
    Disk(#[from] io::Error),
}

impl StateError {
    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::NotAState => "make it with `townclerk witness init`, or name another folder",
            Self::Shared => "chmod 700 the folder and 600 its key; if others may have read the key, make a new witness",
            Self::InUse => "end the witness that runs there first",
            Self::Key(_) => "restore the key; without it this witness is no more, and a new one takes its place",
            Self::Damaged { .. } => {
                "restore the newest copy; with an older one the witness would vouch for a tree that contradicts what it signed"
            }
            Self::Disk(_) => "see that the disk works and that the user may use the folder",
        }
    }
}
