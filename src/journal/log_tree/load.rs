//! What is found of a log's tree at start: the newest checkpoint, and whether the records lead to it.

use std::io::{self, BufReader, Read};
use std::sync::Arc;

use memchr::memmem;
use zeroize::Zeroizing;

use super::{CHECKPOINT, HISTORY, LogTree, level_path, path};
use crate::journal::checkpoint::{OpenError as NotOurs, Signed};
use crate::journal::disk::Disk;
use crate::journal::growing::{Growing, length};
use crate::journal::note::{Note, Signer, VerifyError};
use crate::journal::recovery::{Files, Found, Records, Said};
use crate::journal::segment::{self, Beside, Name};
use crate::journal::tree::{EntryIndex, Frontier, Hash, Hashes, Salt, TileLevels, TreeSize, tile_level};
use crate::journal::{Lines, Log};

/// The end of the history that is looked at, in bytes: a hundred notes and more.
const TAIL: u64 = 64 * 1024;

/// A tree that is not there, or not to be believed.
pub(crate) enum Unproven {
    /// What was found.
    Said(Said),
    /// It could not be looked at.
    Disk(io::Error),
}

impl From<io::Error> for Unproven {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

impl From<Records> for Unproven {
    fn from(records: Records) -> Self {
        let files = Files::Whole;
        Self::Said(Said::Signed { records, files })
    }
}

/// Hash files that are not there any more.
fn gone(records: Records) -> Unproven {
    let files = Files::Gone;
    Unproven::Said(Said::Signed { records, files })
}

/// Reads the tree of a log as it was signed last, and holds its end against the lines: those of the segment with the
/// last signed record. All after them must be there, one behind the other. Says what was found; nothing is written.
pub(crate) fn load(disk: &Arc<dyn Disk>, log: Log, signer: Signer, found: &Found) -> Result<(LogTree, Said), Unproven> {
    let published = newest(&**disk, log, &signer)?;
    let (history, last) = history(&**disk, log, &signer, &published)?;
    let (size, root) = (last.checkpoint().size(), last.checkpoint().root());
    if found.next < size.0 {
        return Err(Records::Missing.into());
    }
    let start = start(&**disk, log, size)?;
    let mut walk = Walk::begin(Arc::clone(disk), log, start)?;
    walk.confirm_to(size.0)?;
    if walk.frontier.root() != root {
        return Err(Records::Altered.into());
    }
    let (frontier, leaves, levels) = walk.finish(found.next)?;
    let tree = LogTree {
        disk: Arc::clone(disk),
        log,
        signer,
        frontier,
        salt: None,
        leaves: leaves.files,
        levels: levels.files,
        history,
        thinned: 0,
        noted: Some(size),
        signed: (published.checkpoint().size() == size).then_some(size),
    };
    let files = match leaves.void || levels.void || tree.history.is_behind() {
        true => Files::Void,
        false => Files::Whole,
    };
    let records = match found.next > size.0 {
        true => Records::More,
        false => Records::Signed,
    };
    Ok((tree, Said::Signed { records, files }))
}

/// The file `checkpoint`.
fn newest(disk: &dyn Disk, log: Log, signer: &Signer) -> Result<Signed, Unproven> {
    let mut bytes = Vec::new();
    match disk.open(&path(log, CHECKPOINT)) {
        Ok(file) => file.take(Note::BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Unproven::Said(Said::Nothing)),
        Err(error) => return Err(error.into()),
    };
    Signed::open(&bytes, signer.verifier()).map_err(|error| {
        Unproven::Said(match error {
            NotOurs::Signature(VerifyError::Unsigned) => Said::AnotherKeys,
            _ => Said::Damaged,
        })
    })
}

/// The file `checkpoints`, which must hold the newest, and the last note in it: one that was not published any more
/// counts as well, for it is signed.
fn history(disk: &dyn Disk, log: Log, signer: &Signer, newest: &Signed) -> Result<(Growing, Signed), Unproven> {
    let file = path(log, HISTORY);
    let length = length(disk, &file)?.unwrap_or(0);
    let from = length.saturating_sub(TAIL);
    let mut tail = Vec::new();
    if length > 0 {
        disk.open_at(&file, from)?.take(TAIL).read_to_end(&mut tail)?;
    }
    // As it was before others may have signed it too.
    let own = newest.checkpoint().clone().sign(signer).map_err(io::Error::other)?;
    let own = own.note().to_string();
    let at = memmem::rfind(&tail, own.as_bytes()).ok_or_else(|| gone(Records::Signed))?;
    let end = at + own.len();
    let mut history = Growing::found(disk, file, from + end as u64)?;
    let (mut rest, mut last) = (&tail[end..], newest.clone());
    while let Some((note, after)) = split_note(rest) {
        match Signed::open(note, signer.verifier()) {
            Ok(signed) if signed.checkpoint().size() > last.checkpoint().size() => last = signed,
            _ => break,
        }
        history.push(note);
        rest = after;
    }
    Ok((history, last))
}

/// A note and what follows it: a text, an empty line, and lines that begin as a signature does.
fn split_note(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut end = memmem::find(bytes, b"\n\n")? + 2;
    let text = end;
    while let Some(line) = bytes[end..].split_inclusive(|byte| *byte == b'\n').next() {
        if !line.starts_with("— ".as_bytes()) || !line.ends_with(b"\n") {
            break;
        }
        end += line.len();
    }
    (end > text).then(|| bytes.split_at(end))
}

/// The index of the first line that is held against the tree: that of the segment with the last signed record. If there
/// is none any more, because retention has removed it, the hash files alone must lead to the checkpoint.
fn start(disk: &dyn Disk, log: Log, size: TreeSize) -> io::Result<u64> {
    let names = segment::list(disk, log)?;
    Ok(match names.iter().rfind(|name| name.first < size.0) {
        Some(name) if segment::status(disk, log, *name)?.length > 0 => name.first,
        _ => size.0,
    })
}

/// Goes through the lines, and makes again the hashes that belong to them.
struct Walk {
    disk: Arc<dyn Disk>,
    log: Log,
    frontier: Frontier,
    lines: Lines,
    /// The segment that is read, and its secret.
    segment: Option<(Name, Salt)>,
    /// By tile level; empty after the signed records.
    compared: Vec<Compared>,
}

/// Hash files that will be gone on with.
struct Made<F> {
    files: F,
    /// Whether what one holds is not what the checkpoint vouches for.
    void: bool,
}

impl Walk {
    fn begin(disk: Arc<dyn Disk>, log: Log, start: u64) -> Result<Self, Unproven> {
        let lines = Lines::on(Arc::clone(&disk), log)?.from(start);
        let on_disk = OnDisk::new(&*disk, log)?;
        let frontier = Frontier::read(&TileLevels(on_disk), TreeSize(start)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof => gone(Records::Signed),
            _ => error.into(),
        })?;
        let mut compared = vec![Compared::new(String::new(), 0)]; // no segment yet
        for level in 1..=7 {
            let (file, durable) = (level_path(log, level), (start >> (8 * level)) * Hash::LENGTH as u64);
            match length(&*disk, &file)? {
                None if durable == 0 => break,
                Some(length) if length >= durable => compared.push(Compared::open(&*disk, file, durable)?),
                _ => return Err(gone(Records::Signed)),
            }
        }
        Ok(Self {
            disk,
            log,
            frontier,
            lines,
            segment: None,
            compared,
        })
    }

    /// Holds what is on disk against the lines, up to the size that was signed.
    fn confirm_to(&mut self, size: u64) -> Result<(), Unproven> {
        let mut hashes = Vec::new();
        while self.frontier.size().0 < size {
            let Some(leaf) = self.next_leaf()? else {
                return Err(Records::Missing.into());
            };
            self.frontier.append(leaf, |level, hash| {
                if let Some(level) = tile_level(level) {
                    hashes.push((usize::from(level), *hash));
                }
            });
            for (level, hash) in hashes.drain(..) {
                if self.compared.len() <= level {
                    self.compared.push(Compared::new(level_path(self.log, level), 0));
                }
                self.compared[level].confirm(&hash)?;
            }
        }
        Ok(())
    }

    /// The tree up to here, and its files; the lines behind it are only counted.
    #[allow(clippy::type_complexity)]
    fn finish(mut self, next: u64) -> Result<(Frontier, Made<Vec<(Name, Growing)>>, Made<Vec<Growing>>), Unproven> {
        let mut compared = std::mem::take(&mut self.compared).into_iter();
        let mut leaves = Made {
            files: Vec::new(),
            void: false,
        };
        if let (Some(first), Some((name, _))) = (compared.next(), &self.segment) {
            let (file, void) = first.finish(&*self.disk)?;
            leaves.files.push((*name, file));
            leaves.void = void;
        }
        let mut levels = Made {
            files: Vec::new(),
            void: false,
        };
        for level in compared {
            let (file, void) = level.finish(&*self.disk)?;
            levels.files.push(file);
            levels.void |= void;
        }
        let mut at = self.frontier.size().0;
        while let Some(line) = self.lines.next_line()? {
            if line.index != at {
                return Err(Records::Missing.into());
            }
            at += 1;
        }
        match at == next {
            true => Ok((self.frontier, leaves, levels)),
            false => Err(Records::Missing.into()),
        }
    }

    fn next_leaf(&mut self) -> Result<Option<Hash>, Unproven> {
        let Some(line) = self.lines.next_line()? else {
            return Ok(None);
        };
        if line.index != self.frontier.size().0 {
            return Err(Records::Missing.into());
        }
        let (name, salt) = match self.segment.take() {
            Some((name, salt)) if name == line.segment => (name, salt),
            before => {
                let salt = salt(&*self.disk, self.log, line.segment)?;
                if let (None, Some(leaves)) = (before, self.compared.first_mut()) {
                    let file = path(self.log, &line.segment.beside(Beside::Leaves));
                    *leaves = Compared::open(&*self.disk, file, 0)?;
                }
                (line.segment, salt)
            }
        };
        let leaf = salt.leaf(EntryIndex(line.index), line.text);
        self.segment = Some((name, salt));
        Ok(Some(leaf))
    }
}

/// A segment's secret.
fn salt(disk: &dyn Disk, log: Log, segment: Name) -> Result<Salt, Unproven> {
    let file = path(log, &segment.beside(Beside::Salt));
    let mut bytes = Zeroizing::new([0; Salt::LENGTH]);
    match length(disk, &file)? {
        Some(length) if length == Salt::LENGTH as u64 => disk.open(&file)?.read_exact(bytes.as_mut_slice())?,
        _ => return Err(Records::Unsalted.into()),
    }
    Ok(Salt::new(bytes))
}

/// A hash file that is held against the lines.
struct Compared {
    path: String,
    /// The bytes that are right.
    right: u64,
    rest: Option<BufReader<Box<dyn Read + Send>>>,
    /// What should stand there after the first that is not.
    made: Vec<u8>,
}

impl Compared {
    fn new(path: String, right: u64) -> Self {
        let (rest, made) = (None, Vec::new());
        Self {
            path,
            right,
            rest,
            made,
        }
    }

    fn open(disk: &dyn Disk, path: String, right: u64) -> io::Result<Self> {
        let rest = match disk.open_at(&path, right) {
            Ok(rest) => Some(BufReader::new(rest)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        Ok(Self {
            rest,
            ..Self::new(path, right)
        })
    }

    fn confirm(&mut self, hash: &Hash) -> io::Result<()> {
        if let Some(rest) = &mut self.rest {
            let mut bytes = [0; Hash::LENGTH];
            match rest.read_exact(&mut bytes) {
                Ok(()) if bytes == hash.0 => {
                    self.right += Hash::LENGTH as u64;
                    return Ok(());
                }
                Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(error),
                _ => self.rest = None,
            }
        }
        self.made.extend_from_slice(&hash.0);
        Ok(())
    }

    /// The file to go on with, and whether it has to be mended.
    fn finish(self, disk: &dyn Disk) -> io::Result<(Growing, bool)> {
        let mut file = Growing::found(disk, self.path, self.right)?;
        file.push(&self.made);
        let void = file.is_behind();
        Ok((file, void))
    }
}

/// The hash files as they are.
struct OnDisk<'d> {
    disk: &'d dyn Disk,
    log: Log,
    /// Segments that have leaves, in their order.
    leaves: Vec<Name>,
}

impl<'d> OnDisk<'d> {
    fn new(disk: &'d dyn Disk, log: Log) -> io::Result<Self> {
        let names = disk.list(log.folder())?;
        let mut leaves: Vec<_> = names.iter().filter_map(|name| Beside::Leaves.parse(name)).collect();
        leaves.sort_by_key(|name| (name.first, name.day));
        Ok(Self { disk, log, leaves })
    }
}

impl Hashes for OnDisk<'_> {
    fn hash(&self, level: u8, index: u64) -> io::Result<Hash> {
        let (file, index) = match tile_level(level).ok_or(io::ErrorKind::InvalidInput)? {
            0 => {
                let name = self.leaves.iter().rfind(|name| name.first <= index);
                let name = name.ok_or(io::ErrorKind::NotFound)?;
                (path(self.log, &name.beside(Beside::Leaves)), index - name.first)
            }
            level => (level_path(self.log, level.into()), index),
        };
        let mut hash = [0; Hash::LENGTH];
        self.disk
            .open_at(&file, index * Hash::LENGTH as u64)?
            .read_exact(&mut hash)?;
        Ok(Hash(hash))
    }
}
