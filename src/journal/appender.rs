//! The writing end of a log: lines in memory until they are durable, and the segment they go to.
//!
//! ```text
//! push      write            begin_sync           note_sync            grow
//! ────▶ kept ────▶ the kernel ─────────▶ syncing ──────────▶ durable ──────▶ in the tree
//!        ▲                                  │ error
//!        └──────────────────────────────────┘
//! ```
//!
//! While a sync is under way, more lines are pushed and written. Every error ends the segment: nothing is ever written
//! again to a file that failed. The lines since the last sync stay in memory, and the next segment begins at their
//! first, so the void rule takes back whatever the failed file holds of them. A file that may not grow has not failed:
//! the lines that fitted are synced before the next segment goes on behind them, or lines that are more than a file
//! holds would never be written.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::civil::Date;

use super::copy::Copy;
use super::disk::{Disk, Errand, File, Guard};
use super::fault::{Fault, Kind, Step};
use super::log_tree::{LEVELS, LogTree};
use super::note::Signer;
use super::segment::{Beside, Name};
use super::{Format, Log, layout};

/// The writing end of a log.
pub(crate) struct Appender {
    disk: Arc<dyn Disk>,
    log: Log,
    format: Format,
    /// The index of the first line that is not durable.
    durable: u64,
    /// The lines from there on that a sync which is under way makes durable.
    syncing: Kept,
    /// Those behind them.
    kept: Kept,
    segment: Option<Segment>,
    /// Segments that begin at `durable`: empty, torn in their first line, or failed before anything was durable. They
    /// hold nothing that counts, and go when their index is taken for good.
    leftovers: Vec<Name>,
    /// Lines that are durable, and not in the tree yet.
    fresh: Kept,
    /// Over the lines that are durable. Locked for long only by a signature that is under way.
    tree: Arc<Mutex<LogTree>>,
    /// How many lines the newest checkpoint covers; `None` before it was looked at.
    signed: Option<u64>,
    /// Whether the log is there. Otherwise its first segment makes it.
    made: bool,
}

/// Lines in memory.
#[derive(Default)]
struct Kept {
    text: Vec<u8>,
    lines: u64,
    /// The day on which the first of them was taken.
    since: Option<Date>,
}

impl Kept {
    /// Keeps the first so many bytes, which are whole lines, and gives the others.
    fn split_off(&mut self, bytes: usize) -> Self {
        let text = self.text.split_off(bytes);
        let (lines, since) = (count(&text), self.since);
        self.lines -= lines;
        Self { text, lines, since }
    }

    /// Leaves the room for others.
    fn clear(&mut self) {
        self.text.clear();
        self.lines = 0;
        self.since = None;
    }
}

/// How far a write came.
#[derive(Clone, Copy, Debug)]
#[must_use = "lines may be left"]
pub(crate) enum Written {
    /// To the end.
    All,
    /// To the end of what the file may hold. The other lines go to the next, after [`Appender::sync`] and
    /// [`Appender::end`].
    Full(Fault),
}

struct Segment {
    name: Name,
    file: Box<dyn File>,
    /// How much of `kept` it has, in bytes of whole lines.
    written: usize,
    bytes: u64,
    /// Why nothing more goes into it.
    full: Option<Fault>,
}

impl Appender {
    /// Goes on at `next`, where `leftovers` are the segments that already begin there.
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        log: Log,
        format: Format,
        next: u64,
        leftovers: Vec<Name>,
        tree: LogTree,
    ) -> Self {
        Self {
            disk,
            log,
            format,
            durable: next,
            syncing: Kept::default(),
            kept: Kept::default(),
            segment: None,
            leftovers,
            fresh: Kept::default(),
            tree: Arc::new(Mutex::new(tree)),
            signed: None,
            made: true,
        }
    }

    /// That of a log which is made with its first segment.
    pub(crate) fn unmade(disk: &Arc<dyn Disk>, log: Log, format: Format, signer: Signer) -> Self {
        let tree = LogTree::new(Arc::clone(disk), log, signer);
        Self {
            made: false,
            ..Self::new(Arc::clone(disk), log, format, 0, Vec::new(), tree)
        }
    }

    /// Makes the log, durably, with a checkpoint that says that it is empty. Whatever an attempt that was cut short has
    /// left of it holds nothing.
    fn make(&mut self) -> Result<(), Fault> {
        if self.made {
            return Ok(());
        }
        let folder = self.log.folder();
        let made = [folder.to_owned(), format!("{folder}/{LEVELS}")]
            .iter()
            .try_for_each(|folder| self.disk.make_folder(folder))
            .and_then(|()| self.disk.sync_folder(""))
            .and_then(|()| lock(&self.tree).sign());
        made.map_err(Fault::at(self.log, None, Step::Begin))?;
        (self.made, self.signed) = (true, Some(0));
        Ok(())
    }

    /// Takes over lines that a start found, and no checkpoint covers, and puts more behind the last of them. Before
    /// anything else is taken.
    pub(crate) fn take_over(&mut self, copy: &Copy, more: &[u8]) -> Result<(), Fault> {
        copy.make(&self.disk, self.log, &mut lock(&self.tree), more)
            .map_err(Fault::at(self.log, Some(copy.segment), Step::Begin))?;
        self.durable = copy.next + count(more);
        self.leftovers.clear();
        Ok(())
    }

    #[cfg(test)]
    pub(crate) fn is_made(&self) -> bool {
        self.made
    }

    /// The tree over the lines that are durable.
    #[cfg(test)]
    pub(crate) fn tree(&self) -> MutexGuard<'_, LogTree> {
        lock(&self.tree)
    }

    /// The index of the next line.
    pub(crate) fn next(&self) -> u64 {
        self.durable + self.unsynced()
    }

    /// The index of the first line that is not durable.
    pub(crate) fn durable(&self) -> u64 {
        self.durable
    }

    /// Lines that are not durable.
    pub(crate) fn unsynced(&self) -> u64 {
        self.syncing.lines + self.kept.lines
    }

    /// The day on which the first line was taken that waits for a sync.
    pub(crate) fn waiting_since(&self) -> Option<Date> {
        self.kept.since
    }

    /// Lines that no sync covers that has begun.
    pub(crate) fn waiting(&self) -> u64 {
        self.kept.lines
    }

    /// Durable lines that the newest checkpoint does not cover; `None` if it covers all.
    pub(crate) fn unsigned(&self) -> Option<u64> {
        (self.made && self.signed != Some(self.durable)).then(|| self.durable - self.signed.unwrap_or_default())
    }

    /// How many lines the newest checkpoint covers.
    pub(crate) fn signed(&self) -> u64 {
        self.durable - self.unsigned().unwrap_or_default()
    }

    /// Whether a segment is open.
    pub(crate) fn is_open(&self) -> bool {
        self.segment.is_some()
    }

    /// The bytes of the open segment, 0 if none is.
    pub(crate) fn bytes(&self) -> u64 {
        self.segment.as_ref().map_or(0, |segment| segment.bytes)
    }

    /// The day of the open segment.
    pub(crate) fn day(&self) -> Option<Date> {
        self.segment.as_ref().map(|segment| segment.name.day)
    }

    /// Takes one line, in memory.
    pub(crate) fn push(&mut self, today: Date, encode: impl FnOnce(&mut Vec<u8>)) {
        encode(&mut self.kept.text);
        self.kept.since.get_or_insert(today);
        self.kept.lines += 1;
    }

    /// Hands every line to the kernel, in a new segment if none is open; `announce` is told its name first. A new one
    /// begins only where it is known what is durable: with no sync under way.
    pub(crate) fn write(
        &mut self,
        today: Date,
        announce: impl FnOnce(Name) -> Result<(), Fault>,
    ) -> Result<Written, Fault> {
        if self.kept.lines == 0 {
            return Ok(Written::All);
        }
        // Lines that waited for a disk that failed are as old as they are: retention goes by the segment's day.
        self.begin(self.kept.since.unwrap_or(today), announce)?;
        let Some(segment) = &mut self.segment else {
            return Ok(Written::All);
        };
        if let Some(fault) = segment.full {
            return Ok(Written::Full(fault));
        }
        let rest = self.kept.text.get(segment.written..).unwrap_or_default();
        let (written, outcome) = segment.file.write_as_far(rest);
        let whole = memchr::memrchr(b'\n', rest.get(..written).unwrap_or_default()).map_or(0, |end| end + 1);
        segment.bytes += whole as u64;
        segment.written += whole;
        match outcome {
            Ok(()) => Ok(Written::All),
            Err(error) if Kind::of(&error) == Kind::FileTooLarge && segment.bytes > 0 => {
                let fault = Fault::at(self.log, Some(segment.name), Step::Write)(error);
                segment.full = Some(fault);
                Ok(Written::Full(fault))
            }
            Err(error) => Err(self.abandon(Step::Write, error)),
        }
    }

    /// What makes durable all that was written, to be done while more is; [`Appender::end_sync`] is told how it ended.
    /// `None` if there is nothing, or one is under way.
    pub(crate) fn begin_sync(&mut self) -> Option<Errand> {
        let segment = self.segment.as_mut().filter(|segment| segment.written > 0)?;
        if self.syncing.lines > 0 {
            return None;
        }
        std::mem::swap(&mut self.syncing, &mut self.kept);
        let written = std::mem::take(&mut segment.written);
        if written < self.syncing.text.len() {
            self.kept = self.syncing.split_off(written);
        }
        Some(segment.file.sync_aside())
    }

    /// Says how many lines have become durable, and takes them into the tree.
    pub(crate) fn end_sync(&mut self, outcome: io::Result<()>) -> Result<u64, Fault> {
        let lines = self.note_sync(outcome)?;
        self.grow();
        Ok(lines)
    }

    /// Says how many lines have become durable. [`Appender::grow`] may come later: who waits for the disk need not wait
    /// for hashes.
    pub(crate) fn note_sync(&mut self, outcome: io::Result<()>) -> Result<u64, Fault> {
        if let Err(error) = outcome {
            self.syncing.text.append(&mut self.kept.text);
            self.syncing.lines += self.kept.lines;
            self.kept.clear();
            std::mem::swap(&mut self.syncing, &mut self.kept);
            return Err(self.abandon(Step::Sync, error));
        }
        let lines = self.syncing.lines;
        self.grow();
        std::mem::swap(&mut self.fresh, &mut self.syncing);
        self.leftovers.clear();
        self.durable += lines;
        Ok(lines)
    }

    /// Takes into the tree what is durable. No signature may be under way.
    pub(crate) fn grow(&mut self) {
        if self.fresh.lines > 0 {
            lock(&self.tree).take(&self.fresh.text);
            self.fresh.clear();
        }
    }

    /// Lines that are durable, and not in the tree yet.
    pub(crate) fn fresh(&self) -> u64 {
        self.fresh.lines
    }

    /// Makes durable what was written, and says how many lines that were. No sync may be under way.
    pub(crate) fn sync(&mut self) -> Result<u64, Fault> {
        match self.begin_sync() {
            Some(errand) => self.end_sync(errand()),
            None => Ok(0),
        }
    }

    /// Makes every line durable, in as many segments as it takes. No sync may be under way. `full` is given why a
    /// segment was not enough, also if a later one fails.
    pub(crate) fn write_and_sync(
        &mut self,
        today: Date,
        full: &mut Vec<Fault>,
        mut announce: impl FnMut(Name) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        while let Written::Full(fault) = self.write(today, &mut announce)? {
            full.push(fault);
            self.sync()?;
            self.end();
        }
        self.sync()?;
        Ok(())
    }

    /// What signs everything that is durable, to be done while more is written; [`Appender::end_sign`] is told how it
    /// ended. Until then nothing becomes durable.
    pub(crate) fn begin_sign(&mut self) -> Errand {
        self.grow();
        let tree = Arc::clone(&self.tree);
        Box::new(move || lock(&tree).sign())
    }

    pub(crate) fn end_sign(&mut self, outcome: io::Result<()>) -> Result<(), Fault> {
        outcome.map_err(Fault::at(self.log, None, Step::Sign))?;
        self.signed = Some(self.durable);
        Ok(())
    }

    /// Signs everything that is durable.
    pub(crate) fn sign(&mut self) -> Result<(), Fault> {
        match self.unsigned() {
            Some(_) => {
                let errand = self.begin_sign();
                self.end_sign(errand())
            }
            None => Ok(()),
        }
    }

    /// Ends the open segment; what it holds must be durable.
    pub(crate) fn end(&mut self) {
        if let Some(segment) = self.segment.take() {
            self.disk.guard(&segment.name.path(self.log), Guard::Immutable);
        }
    }

    /// Begins a segment, unless one is open. Its name is durable before its first line is written.
    pub(crate) fn begin(&mut self, day: Date, announce: impl FnOnce(Name) -> Result<(), Fault>) -> Result<(), Fault> {
        if self.segment.is_some() {
            return Ok(());
        }
        let name = Name {
            day,
            first: self.durable,
            format: self.format,
        };
        self.make()?;
        announce(name)?;
        let file = self
            .create(name)
            .map_err(Fault::at(self.log, Some(name), Step::Begin))?;
        self.disk.guard(&name.path(self.log), Guard::Append);
        // For people with `tail -F`; a file system without links does without.
        if let Err(error) = self
            .disk
            .link(&name.to_string(), &format!("{}/current", self.log.folder()))
        {
            tracing::debug!(%error, "no link to the current segment");
        }
        self.segment = Some(Segment {
            name,
            file,
            written: 0,
            bytes: 0,
            full: None,
        });
        Ok(())
    }

    /// A file that failed before anything in it was durable may have this very name. It is replaced by a rename, not
    /// removed first: a crash at any point leaves a segment that begins at this index.
    fn create(&mut self, name: Name) -> io::Result<Box<dyn File>> {
        self.grow(); // with the secret of the segment before
        lock(&self.tree).begin(name)?;
        let file = if self.leftovers.contains(&name) {
            let new = format!("{}/{}", self.log.folder(), layout::NEW);
            layout::remove(&*self.disk, &new)?;
            let file = self.disk.create(&new)?;
            self.disk.rename(&new, &name.path(self.log))?;
            file
        } else {
            self.leftovers.push(name); // Even a creation that fails may have happened.
            self.disk.create(&name.path(self.log))?
        };
        if self.leftovers.iter().any(|leftover| *leftover != name) {
            // Where they are all that says where the log goes on, the new name must outlive them.
            self.disk.sync_folder(self.log.folder())?;
        }
        for leftover in self.leftovers.iter().filter(|leftover| **leftover != name) {
            layout::remove(&*self.disk, &leftover.path(self.log))?;
            for beside in Beside::ALL {
                let file = leftover.beside(beside);
                if leftover.stem() != name.stem() {
                    layout::remove(&*self.disk, &format!("{}/{file}", self.log.folder()))?;
                }
            }
        }
        self.disk.sync_folder(self.log.folder())?;
        self.leftovers.retain(|leftover| *leftover == name);
        Ok(file)
    }

    /// Gives up the open segment, without an error: the next begins with the lines that are not durable. Whether there
    /// was one.
    pub(crate) fn give_up(&mut self) -> bool {
        self.segment.take().is_some()
    }

    fn abandon(&mut self, step: Step, error: io::Error) -> Fault {
        let segment = self.segment.take().map(|segment| segment.name);
        Fault::at(self.log, segment, step)(error)
    }
}

fn count(lines: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', lines).count() as u64
}

/// A tree whose signing panicked has not signed, and is as good as before.
fn lock(tree: &Mutex<LogTree>) -> MutexGuard<'_, LogTree> {
    tree.lock().unwrap_or_else(PoisonError::into_inner)
}
