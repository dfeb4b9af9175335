//! What may be found at start, and what is done about it: three closed tables, of the folder, of a log's end, and of
//! its tree. Nothing is guessed, nothing is cut off, nothing is created.

use std::any::Any;
use std::io::{self, Read};
use std::sync::Arc;

use memchr::memmem;

use super::cosigning::kept;
use super::disk::Disk;
use super::growing::length;
use super::layout::{self, FOLDERS, LOCK, MARKER, Marker};
use super::log_tree::{self, LogTree, Unproven};
use super::note::Signer;
use super::segment::{self, Beside, CANCEL, Name, Packed, Scan};
use super::verify::told::Told;
use super::{Lines, Log, OpenError, holds};

/// Whether others than the journal's user can read any of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Modes {
    Private,
    Exposed,
}

/// Whether another process writes here.
enum Lock {
    Ours(Box<dyn Any + Send>),
    Theirs,
}

/// The site whose journal this is, for a command that adds something beside whoever writes it.
pub(crate) fn recognise(disk: &dyn Disk) -> Result<String, OpenError> {
    match layout::marker(disk)? {
        Marker::Missing => Err(OpenError::NotAJournal),
        Marker::Foreign => Err(OpenError::Foreign),
        Marker::Newer { version } => Err(OpenError::Newer { version }),
        Marker::Ours { origin } => match modes(disk)? {
            Modes::Private => Ok(origin),
            Modes::Exposed => Err(OpenError::Exposed),
        },
    }
}

/// Decides whether a folder is a journal that this process may write, and takes its lock.
pub(crate) fn claim(disk: &dyn Disk) -> Result<(String, Box<dyn Any + Send>), OpenError> {
    let marker = layout::marker(disk)?;
    let modes = match marker {
        Marker::Ours { .. } => modes(disk)?,
        _ => Modes::Private,
    };
    let lock = match (&marker, modes) {
        (Marker::Ours { .. }, Modes::Private) => disk.lock(LOCK)?.map_or(Lock::Theirs, Lock::Ours),
        _ => Lock::Theirs,
    };
    match (marker, modes, lock) {
        (Marker::Missing, _, _) => Err(OpenError::NotAJournal),
        (Marker::Foreign, _, _) => Err(OpenError::Foreign),
        (Marker::Newer { version }, _, _) => Err(OpenError::Newer { version }),
        (Marker::Ours { .. }, Modes::Exposed, _) => Err(OpenError::Exposed),
        (Marker::Ours { .. }, Modes::Private, Lock::Theirs) => Err(OpenError::Locked),
        (Marker::Ours { origin }, Modes::Private, Lock::Ours(lock)) => Ok((origin, lock)),
    }
}

/// The folder itself, the two files in it, the folders in it (those of further logs, of holds and of cosigned
/// checkpoints if they are there), every segment and every salt.
fn modes(disk: &dyn Disk) -> Result<Modes, OpenError> {
    let mut paths = vec![String::new(), MARKER.to_owned(), LOCK.to_owned()];
    paths.extend(FOLDERS.map(str::to_owned));
    for path in &paths {
        match disk.status(path) {
            Ok(status) if status.mode & 0o077 != 0 => return Ok(Modes::Exposed),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(OpenError::Incomplete),
            Err(error) => return Err(error.into()),
        }
    }
    for log in Log::ALL {
        let names = match disk.list(log.folder()) {
            Err(error) if log.is_optional() && error.kind() == io::ErrorKind::NotFound => continue,
            names => names?,
        };
        if log.is_optional() && disk.status(log.folder())?.mode & 0o077 != 0 {
            return Ok(Modes::Exposed);
        }
        for name in names {
            let ours = Packed::parse(&name).is_some() || Beside::Salt.parse(&name).is_some();
            if ours && disk.status(&format!("{}/{name}", log.folder()))?.mode & 0o077 != 0 {
                return Ok(Modes::Exposed);
            }
        }
    }
    for folder in [holds::FOLDER, kept::FOLDER] {
        match disk.status(folder) {
            Ok(status) if status.mode & 0o077 != 0 => return Ok(Modes::Exposed),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    Ok(Modes::Private)
}

/// How a log ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It has no segment.
    Nowhere,
    /// Its last segment has no byte: it marks where the log goes on.
    Empty,
    /// With a whole line.
    Whole,
    /// With a void line that has an end: an earlier start closed it, or it lost what stood before when the power was
    /// cut.
    Closed,
    /// With an unfinished line.
    Torn,
}

/// Where a log goes on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// The index of the next record.
    pub(crate) next: u64,
    /// Segments at that index, which hold nothing.
    pub(crate) leftovers: Vec<Name>,
    /// What is void at its end.
    pub(crate) torn: Option<Torn>,
}

/// The last segment, if it ends with a void line that must be told, and closed if it has no end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Torn {
    pub(crate) segment: Name,
    /// Its whole lines.
    pub(crate) lines: u64,
    pub(crate) is_closed: bool,
}

impl Torn {
    /// Whether it was not told at an earlier start.
    pub(crate) fn is_new(&self, log: Log, told: &Told) -> bool {
        !self.is_closed || !told.torn(log, self.segment)
    }
}

/// Reads how a log ends; of its text, only the last segment.
pub(crate) fn find(disk: &dyn Disk, log: Log) -> io::Result<Found> {
    let names = segment::list(disk, log)?;
    let (end, first, lines) = match names.last() {
        None => (End::Nowhere, 0, 0),
        Some(last) if length(disk, &last.path(log))? == Some(0) => (End::Empty, last.first, 0),
        Some(last) => {
            let scan = Scan::of(disk.open(&last.path(log))?)?;
            let end = match (scan.torn, scan.unfinished) {
                (false, _) => End::Whole,
                (true, false) => End::Closed,
                (true, true) => End::Torn,
            };
            (end, last.first, scan.lines)
        }
    };
    let next = first + lines;
    let is_closed = match end {
        End::Nowhere | End::Empty | End::Whole => None,
        End::Closed => Some(true),
        End::Torn => Some(false),
    };
    let torn = names.last().zip(is_closed).map(|(last, is_closed)| Torn {
        segment: *last,
        lines,
        is_closed,
    });
    let leftovers = names.into_iter().filter(|name| name.first >= next).collect();
    Ok(Found { next, leftovers, torn })
}

/// What the newest checkpoint of a log says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// There is none. [`super::init`] signs the first.
    Nothing,
    /// It cannot be read, or its signature is wrong.
    Damaged,
    /// It is signed by another key only.
    AnotherKeys,
    /// It is signed by ours.
    Signed {
        /// What has become of the records.
        records: Records,
        /// What has become of the files of hashes, `checkpoints` among them.
        files: Files,
    },
}

/// The records of a log, held against its newest checkpoint: those of the segment in which the last signed one stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Records {
    /// They are those that were signed, and no more.
    Signed,
    /// They are, and whole ones follow that a crash has kept from being signed: they are copied.
    More,
    /// Signed ones are missing, or one between them and the last.
    Missing,
    /// They do not lead to what was signed.
    Altered,
    /// The secret of signed ones is not there.
    Unsalted,
}

/// The files of hashes, held against the newest checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Files {
    /// They are what was signed.
    Whole,
    /// One has too much, too little or something else, where the lines can make it again.
    Void,
    /// One is not there, or too short, where the lines cannot make it again.
    Gone,
}

/// What is done about a log's tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is as the last checkpoint says.
    AsSigned,
    /// Its files are written anew from the lines, or lines that are not signed are copied; then it is signed.
    Mend,
    /// A file is missing: the journal is not opened, nor in any of the following cases.
    Incomplete,
    /// The checkpoint is damaged.
    Damaged,
    /// The key is another.
    AnotherKey,
    /// Signed records are missing.
    Missing,
    /// Signed records are altered.
    Altered,
}

/// The table.
pub(crate) fn judge(said: Said) -> Verdict {
    match said {
        Said::Nothing => Verdict::Incomplete,
        Said::Damaged => Verdict::Damaged,
        Said::AnotherKeys => Verdict::AnotherKey,
        Said::Signed { records, files } => match (records, files) {
            (Records::Missing, _) => Verdict::Missing,
            (Records::Altered, _) => Verdict::Altered,
            (Records::Unsalted, _) | (Records::Signed | Records::More, Files::Gone) => Verdict::Incomplete,
            (Records::Signed, Files::Whole) => Verdict::AsSigned,
            (Records::Signed, Files::Void) | (Records::More, Files::Whole | Files::Void) => Verdict::Mend,
        },
    }
}

/// Reads the tree of a log that ends as `found`, up to the newest checkpoint. Nothing is written; what is to be mended
/// is, with the next checkpoint.
pub(crate) fn tree(disk: &Arc<dyn Disk>, log: Log, signer: Signer, found: &Found) -> Result<LogTree, OpenError> {
    let (tree, said) = match log_tree::load(disk, log, signer, found) {
        Ok((tree, said)) => (Some(tree), said),
        Err(Unproven::Said(said)) => (None, said),
        Err(Unproven::Disk(error)) => return Err(error.into()),
    };
    let refusal = match judge(said) {
        verdict @ (Verdict::AsSigned | Verdict::Mend) => {
            if verdict == Verdict::Mend {
                tracing::info!(%log, "the last checkpoint does not cover everything; it is made good from the lines");
            }
            // A tree comes with every such finding.
            return tree.ok_or(OpenError::Incomplete);
        }
        Verdict::Incomplete => OpenError::Incomplete,
        Verdict::Damaged => OpenError::CheckpointDamaged { log },
        Verdict::AnotherKey => OpenError::AnotherKey { log },
        Verdict::Missing => OpenError::SignedMissing { log },
        Verdict::Altered => OpenError::SignedAltered { log },
    };
    Err(refusal)
}

/// What the events tell of segments and failures. A log of whose segments they tell must be there; what is found of one
/// that they do not tell of was never finished, and is made anew when it is needed.
pub(crate) fn told(disk: &Arc<dyn Disk>) -> io::Result<Told> {
    let wanted = ["\"event.name\":\"segment.", "\"event.name\":\"journal.failure\""].map(memmem::Finder::new);
    let mut told = Told::default();
    let mut lines = Lines::on(Arc::clone(disk), Log::Events)?;
    while let Some(line) = lines.next_line()? {
        if wanted.iter().any(|name| name.find(line.text).is_some()) {
            told.take(line.index, line.text, false);
        }
    }
    Ok(told)
}

/// What the register tells of its own ends.
pub(crate) fn told_of_itself(disk: &Arc<dyn Disk>) -> io::Result<Told> {
    let mut told = Told::default();
    let mut lines = Lines::on(Arc::clone(disk), Log::Disclosures)?;
    while let Some(line) = lines.next_line()? {
        told.take_of_itself(line.text);
    }
    Ok(told)
}

/// Segments of `events` before the last, with their whole lines, whose ends are void and told of by nothing: the disk
/// failed there, and a crash came before the failure was an event. No other log has such an end, for its next segment
/// is begun only once what came before is durable in `events`.
pub(crate) fn untold(disk: &dyn Disk, told: &mut Told) -> io::Result<Vec<(Name, u64)>> {
    let log = Log::Events;
    let mut untold = Vec::new();
    for pair in segment::list(disk, log)?.windows(2) {
        let [name, after] = *pair else { break };
        let scan = Scan::of(disk.open(&name.path(log))?)?;
        let lines = scan.lines.min(after.first.saturating_sub(name.first));
        let is_void = scan.torn || lines < scan.lines;
        if is_void && !told.torn(log, name) && !told.spend_failure(log) {
            untold.push((name, lines));
        }
    }
    Ok(untold)
}

/// Closes an unfinished line, so that it can never be taken for a record. This is an append like any other.
pub(crate) fn close_line(disk: &dyn Disk, log: Log, last: Name) -> io::Result<()> {
    let mut file = disk.append(&last.path(log))?;
    file.write_all(&[CANCEL, b'\n'])?;
    file.sync()
}

/// Reads a small file of the journal's own.
pub(crate) fn text(disk: &dyn Disk, path: &str) -> io::Result<String> {
    let mut text = String::new();
    disk.open(path)?.read_to_string(&mut text)?;
    Ok(text)
}
