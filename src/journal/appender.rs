//! The writing end of a log: lines in memory until they are durable, and the segment they go to.
//!
//! Every error ends the segment: nothing is ever tried again on a file that failed. The lines since the last sync stay
//! in memory, and the next segment begins at their first, so the void rule takes back whatever the failed file holds of
//! them.

use std::io;
use std::sync::Arc;

use jiff::civil::Date;

use super::disk::{Disk, File};
use super::fault::{Fault, Step};
use super::log_tree::LogTree;
use super::segment::{Beside, Name};
use super::{Format, Log, layout};

/// The writing end of a log.
pub(crate) struct Appender {
    disk: Arc<dyn Disk>,
    log: Log,
    format: Format,
    /// The index of the first line that is not durable.
    durable: u64,
    /// The lines from there on.
    kept: Vec<u8>,
    kept_lines: u64,
    /// The day on which the first of them was taken.
    kept_since: Option<Date>,
    segment: Option<Segment>,
    /// Segments that begin at `durable`: empty, torn in their first line, or failed before anything was durable. They
    /// hold nothing that counts, and go when their index is taken for good.
    leftovers: Vec<Name>,
    /// Over the lines that are durable.
    tree: LogTree,
}

struct Segment {
    name: Name,
    file: Box<dyn File>,
    /// How much of `kept` it has.
    written: usize,
    bytes: u64,
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
        let (kept, kept_lines, kept_since, segment) = (Vec::new(), 0, None, None);
        Self {
            disk,
            log,
            format,
            durable: next,
            kept,
            kept_lines,
            kept_since,
            segment,
            leftovers,
            tree,
        }
    }

    /// The tree over the lines that are durable.
    pub(crate) fn tree(&self) -> &LogTree {
        &self.tree
    }

    /// Signs everything that is durable.
    pub(crate) fn sign(&mut self) -> Result<(), Fault> {
        self.tree.sign().map_err(Fault::at(self.log, None, Step::Sign))
    }

    /// The index of the next line.
    pub(crate) fn next(&self) -> u64 {
        self.durable + self.kept_lines
    }

    /// The index of the first line that is not durable.
    pub(crate) fn durable(&self) -> u64 {
        self.durable
    }

    /// Lines that are not durable.
    pub(crate) fn unsynced(&self) -> u64 {
        self.kept_lines
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
        encode(&mut self.kept);
        self.kept_since.get_or_insert(today);
        self.kept_lines += 1;
    }

    /// Hands every line to the kernel, in a new segment if none is open; `announce` is told its name first.
    pub(crate) fn write(&mut self, today: Date, announce: impl FnOnce(Name) -> Result<(), Fault>) -> Result<(), Fault> {
        if self.kept.is_empty() {
            return Ok(());
        }
        // Lines that waited for a disk that failed are as old as they are: retention goes by the segment's day.
        self.begin(self.kept_since.unwrap_or(today), announce)?;
        let Some(segment) = &mut self.segment else {
            return Ok(());
        };
        let rest = self.kept.get(segment.written..).unwrap_or_default();
        match segment.file.write_all(rest) {
            Ok(()) => {
                segment.bytes += rest.len() as u64;
                segment.written = self.kept.len();
                Ok(())
            }
            Err(error) => Err(self.abandon(Step::Write, error)),
        }
    }

    /// Makes durable what was written, and says how many lines that were.
    pub(crate) fn sync(&mut self) -> Result<u64, Fault> {
        let Some(segment) = self.segment.as_mut().filter(|segment| segment.written > 0) else {
            return Ok(0);
        };
        if let Err(error) = segment.file.sync() {
            return Err(self.abandon(Step::Sync, error));
        }
        segment.written = 0;
        self.tree.take(&self.kept);
        self.kept.clear();
        self.kept_since = None;
        self.leftovers.clear();
        self.durable += self.kept_lines;
        Ok(std::mem::take(&mut self.kept_lines))
    }

    /// Ends the open segment; what it holds must be durable.
    pub(crate) fn end(&mut self) {
        self.segment = None;
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
        announce(name)?;
        let file = self
            .create(name)
            .map_err(Fault::at(self.log, Some(name), Step::Begin))?;
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
        });
        Ok(())
    }

    /// A file that failed before anything in it was durable may have this very name. It is replaced by a rename, not
    /// removed first: a crash at any point leaves a segment that begins at this index.
    fn create(&mut self, name: Name) -> io::Result<Box<dyn File>> {
        self.tree.begin(name)?;
        let file = if self.leftovers.contains(&name) {
            let new = format!("{}/.new", self.log.folder());
            layout::remove(&*self.disk, &new)?;
            let file = self.disk.create(&new)?;
            self.disk.rename(&new, &name.path(self.log))?;
            file
        } else {
            self.leftovers.push(name); // Even a creation that fails may have happened.
            self.disk.create(&name.path(self.log))?
        };
        for leftover in self.leftovers.iter().filter(|leftover| **leftover != name) {
            layout::remove(&*self.disk, &leftover.path(self.log))?;
            for beside in [Beside::Salt, Beside::Leaves] {
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

    fn abandon(&mut self, step: Step, error: io::Error) -> Fault {
        let segment = self.segment.take().map(|segment| segment.name);
        Fault::at(self.log, segment, step)(error)
    }
}
