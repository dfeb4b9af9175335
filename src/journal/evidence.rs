//! What is handed out of a log without the log: the proof of one record, and the tiles of its tree.

use std::io;
use std::path::Path;

use super::Log;
use super::age::Identities;
use super::checkpoint::{OpenError, Signed};
use super::cosigning::kept::Cosigned;
use super::disk::{Disk, Folder};
use super::layout::{self, Marker};
use super::note::VerifierKey;
use super::packing;
use super::proof::{RecordError, RecordProof};
use super::segment::Name;
use super::tree::{EntryIndex, Frontier, Hash, Hashes, Salt, Tile, TileLevels, TreeSize};
use super::verify::hashes::LevelFiles;
use super::verify::pieces;
use super::verify::scan::Scanner;

/// Why something could not be handed out.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// The folder is not a journal.
    #[error("the folder is not a journal")]
    NotAJournal,
    /// There is no checkpoint, so nothing is signed.
    #[error("the log has no checkpoint")]
    NoCheckpoint,
    /// The checkpoint is not the one of this key.
    #[error("the log's checkpoint: {0}")]
    Checkpoint(#[from] OpenError),
    /// The checkpoint does not reach to the record.
    #[error("the record is not signed: the checkpoint is of {size} records")]
    Unsigned {
        /// Its records.
        size: u64,
    },
    /// Its line or its salt is not there any more.
    #[error("the record is not there; perhaps retention removed it")]
    Gone,
    /// Its segment is encrypted, and no identity that opens it was given.
    #[error("the record is encrypted; give the identity of the administrator with --identity")]
    Sealed,
    /// The hashes on disk are not those that were signed.
    #[error("the hashes on disk are not those that were signed; `townclerk journal verify` says more")]
    Differs,
    /// The disk failed.
    #[error("the journal cannot be read: {0}")]
    Disk(#[from] io::Error),
}

/// The site whose journal is in `folder`, as it says itself; it is believed only by who has a key of that name.
///
/// # Errors
///
/// [`EvidenceError::NotAJournal`], [`EvidenceError::Disk`].
pub fn origin(folder: &Path) -> Result<String, EvidenceError> {
    match layout::marker(&Folder::new(folder))? {
        Marker::Ours { origin } => Ok(origin),
        Marker::Missing | Marker::Foreign | Marker::Newer { .. } => Err(EvidenceError::NotAJournal),
    }
}

/// One record, and the proof that it is in its log.
pub struct Proven {
    /// Its line, without the `\n`. It is about a visitor.
    pub record: Vec<u8>,
    /// What shows that it is in the log.
    pub proof: RecordProof,
}

/// Proves a record of the journal in `folder`; one of the identities opens it, if it is encrypted. The proof was
/// verified with the key when this returns it. It is by the newest checkpoint that a witness has signed too, if one
/// reaches to the record; else by the newest.
///
/// # Errors
///
/// See [`EvidenceError`].
pub fn prove(
    folder: &Path,
    log: Log,
    key: &VerifierKey,
    index: u64,
    identities: &Identities,
) -> Result<Proven, EvidenceError> {
    prove_on(&Folder::with(folder, identities), log, key, index)
}

pub(crate) fn prove_on(disk: &dyn Disk, log: Log, key: &VerifierKey, index: u64) -> Result<Proven, EvidenceError> {
    let cosigned = Cosigned::read(disk, log, key)?;
    let (_, newest) = checkpoint(disk, log, key)?;
    let size = newest.checkpoint().size().0;
    if index >= size {
        return Err(EvidenceError::Unsigned { size });
    }
    let pieces = pieces::list(disk, log)?;
    let (record, salt) = record(disk, log, &pieces, index)?;
    let nonce = salt.nonce(EntryIndex(index));
    let hashes = TileLevels(LevelFiles::new(disk, log, &pieces));
    let by = |signed: &Signed| {
        let proof = RecordProof::new(&hashes, EntryIndex(index), nonce, signed).map_err(absent)?;
        match proof.verify(&record, key) {
            Ok(_) => Ok(proof),
            Err(RecordError::Checkpoint(error)) => Err(error.into()),
            Err(RecordError::Path(_)) => Err(EvidenceError::Differs),
        }
    };
    // One that a witness signed says more. It may end among hashes that are gone, or be another history's.
    let witnessed = cosigned
        .notes()
        .iter()
        .rev()
        .take_while(|signed| index < signed.checkpoint().size().0);
    let proof = witnessed
        .filter_map(|signed| by(signed).ok())
        .next()
        .map_or_else(|| by(&newest), Ok)?;
    Ok(Proven { record, proof })
}

/// Proofs of many records of one log, all by one checkpoint.
pub struct Proofs {
    disk: Folder,
    log: Log,
    key: VerifierKey,
    signed: Signed,
    pieces: Vec<pieces::Piece>,
    /// That of the segment that was asked for last.
    salt: Option<(Name, Salt)>,
}

impl Proofs {
    /// Of the journal in `folder`; the identities open encrypted salts. By the newest checkpoint that a witness signed
    /// too, if it covers record `last` or as much as the newest does; else by the newest.
    ///
    /// # Errors
    ///
    /// See [`EvidenceError`].
    pub fn of(
        folder: &Path,
        log: Log,
        key: &VerifierKey,
        last: Option<u64>,
        identities: &Identities,
    ) -> Result<Self, EvidenceError> {
        let disk = Folder::with(folder, identities);
        let cosigned = Cosigned::read(&disk, log, key)?;
        let (_, newest) = checkpoint(&disk, log, key)?;
        let pieces = pieces::list(&disk, log)?;
        let files = LevelFiles::new(&disk, log, &pieces);
        // It may end among hashes that are gone, or be another history's.
        let leads_to = |signed: &&Signed| {
            let size = signed.checkpoint().size();
            let root = Frontier::read(&TileLevels(&files), size).map(|frontier| frontier.root());
            root.is_ok_and(|root| root == signed.checkpoint().root())
        };
        let reaches = |signed: &&Signed| {
            let size = signed.checkpoint().size();
            size >= newest.checkpoint().size() || last.is_none_or(|last| last < size.0)
        };
        let witnessed = cosigned.notes().last().filter(reaches).filter(leads_to);
        let signed = witnessed.unwrap_or(&newest).clone();
        Ok(Self {
            disk,
            log,
            key: key.clone(),
            signed,
            pieces,
            salt: None,
        })
    }

    /// The checkpoint.
    pub fn signed(&self) -> &Signed {
        &self.signed
    }

    /// Proves a record that stands in this segment. The proof was verified when this returns it.
    ///
    /// # Errors
    ///
    /// See [`EvidenceError`].
    pub fn prove(&mut self, index: u64, segment: Name, record: &[u8]) -> Result<RecordProof, EvidenceError> {
        let Self { disk, log, .. } = &*self;
        if self.salt.as_ref().is_none_or(|(of, _)| *of != segment) {
            let salt = packing::salt(disk, *log, segment).map_err(absent)?;
            self.salt = Some((segment, salt.ok_or(EvidenceError::Gone)?));
        }
        let size = self.signed.checkpoint().size().0;
        let Some((_, salt)) = self.salt.as_ref().filter(|_| index < size) else {
            return Err(EvidenceError::Unsigned { size });
        };
        let hashes = TileLevels(LevelFiles::new(&self.disk, self.log, &self.pieces));
        let index = EntryIndex(index);
        let proof = RecordProof::new(&hashes, index, salt.nonce(index), &self.signed).map_err(absent)?;
        match proof.verify(record, &self.key) {
            Ok(_) => Ok(proof),
            Err(RecordError::Checkpoint(error)) => Err(error.into()),
            Err(RecordError::Path(_)) => Err(EvidenceError::Differs),
        }
    }
}

fn record(disk: &dyn Disk, log: Log, pieces: &[pieces::Piece], index: u64) -> Result<(Vec<u8>, Salt), EvidenceError> {
    let after = pieces.partition_point(|piece| piece.first <= index);
    let piece = after.checked_sub(1).and_then(|at| pieces.get(at));
    let (piece, name) = piece
        .and_then(|piece| Some((piece, piece.lines?)))
        .ok_or(EvidenceError::Gone)?;
    let salt = packing::salt(disk, log, name)
        .map_err(absent)?
        .ok_or(EvidenceError::Gone)?;
    let mut lines = Scanner::new(packing::open(disk, log, name).map_err(absent)?);
    for _ in piece.first..index {
        lines.next_line()?.ok_or(EvidenceError::Gone)?;
    }
    let line = lines.next_line()?.ok_or(EvidenceError::Gone)?;
    Ok((line.text.to_vec(), salt))
}

/// What the tiles of a log came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The records that the checkpoint covers.
    pub size: u64,
    /// How many tiles were handed out.
    pub tiles: u64,
    /// How many were not, because retention removed their records and leaf hashes.
    pub removed: u64,
}

/// Hands out the checkpoint of a log in the journal in `folder`, and the tiles of its tree, by their paths under a
/// log's URL (C2SP, tlog-tiles). The checkpoint comes last: it is then of tiles that are there.
///
/// Entry bundles are left out. They would hold the records, which are about visitors; whoever has a record and its
/// proof can verify it with these tiles, and nobody can learn one from them.
///
/// # Errors
///
/// See [`EvidenceError`]; and those of `write`.
pub fn tiles(
    folder: &Path,
    log: Log,
    key: &VerifierKey,
    write: &mut dyn FnMut(&str, &[u8]) -> io::Result<()>,
) -> Result<Exported, EvidenceError> {
    tiles_on(&Folder::new(folder), log, key, write)
}

pub(crate) fn tiles_on(
    disk: &dyn Disk,
    log: Log,
    key: &VerifierKey,
    write: &mut dyn FnMut(&str, &[u8]) -> io::Result<()>,
) -> Result<Exported, EvidenceError> {
    let (text, signed) = checkpoint(disk, log, key)?;
    let size = signed.checkpoint().size();
    let pieces = pieces::list(disk, log)?;
    let files = LevelFiles::new(disk, log, &pieces);
    let root = Frontier::read(&TileLevels(&files), size).map_err(absent)?.root();
    if root != signed.checkpoint().root() {
        return Err(EvidenceError::Differs);
    }
    let mut exported = Exported {
        size: size.0,
        tiles: 0,
        removed: 0,
    };
    for tile in Tile::grown(TreeSize(0), size) {
        let (first, width) = (tile.bytes().start / Hash::LENGTH as u64, u64::from(tile.width));
        match files.hashes(8 * tile.level, first, width) {
            Ok(hashes) => {
                let bytes: Vec<u8> = hashes.iter().flat_map(|hash| hash.0).collect();
                write(&tile.to_string(), &bytes)?;
                exported.tiles += 1;
            }
            Err(error) if tile.level == 0 && error.kind() == io::ErrorKind::NotFound => exported.removed += 1,
            Err(error) => return Err(absent(error)),
        }
    }
    write("checkpoint", &text)?;
    Ok(exported)
}

/// The newest checkpoint of a log, and the text in which it stands.
pub(crate) fn checkpoint(disk: &dyn Disk, log: Log, key: &VerifierKey) -> Result<(Vec<u8>, Signed), EvidenceError> {
    let mut text = Vec::new();
    let opened = disk.open(&format!("{}/checkpoint", log.folder()));
    let read = opened.and_then(|mut file| io::Read::read_to_end(&mut file, &mut text));
    match read {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(EvidenceError::NoCheckpoint),
        Err(error) => return Err(error.into()),
    }
    let signed = Signed::open(&text, key)?;
    Ok((text, signed))
}

fn absent(error: io::Error) -> EvidenceError {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof => EvidenceError::Gone,
        _ if packing::is_sealed(&error) => EvidenceError::Sealed,
        _ => EvidenceError::Disk(error),
    }
}
