//! The lines of a log that count, in order: the void rule in one place.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use super::Log;
use super::disk::{Disk, Folder};
use super::segment::{self, Name};

/// The records of a log, from the oldest that is kept to the newest that is whole. The journal may be written and
/// segments may be removed meanwhile; it needs no lock and changes nothing.
///
/// An index that is skipped was lost: to a disk that forgot what it had promised, or to somebody's hand.
pub struct Lines {
    disk: Arc<dyn Disk>,
    log: Log,
    /// With the index at which the next segment begins.
    ahead: VecDeque<(Name, u64)>,
    open: Option<Open>,
    line: Vec<u8>,
}

struct Open {
    name: Name,
    text: BufReader<Box<dyn Read + Send>>,
    next: u64,
    end: u64,
}

/// A record as it stands in its segment.
pub struct Line<'a> {
    /// Its position in the log.
    pub index: u64,
    /// Where it stands.
    pub segment: Name,
    /// Its text, without the `\n`.
    pub text: &'a [u8],
}

impl fmt::Debug for Line<'_> {
    /// Without the text, which is about a visitor.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line")
            .field("index", &self.index)
            .field("segment", &self.segment)
            .finish_non_exhaustive()
    }
}

impl Lines {
    /// Opens a log of the journal in `folder`.
    ///
    /// # Errors
    ///
    /// When the log's folder cannot be listed.
    pub fn of(folder: &Path, log: Log) -> io::Result<Self> {
        Self::on(Arc::new(Folder::new(folder)), log)
    }

    pub(crate) fn on(disk: Arc<dyn Disk>, log: Log) -> io::Result<Self> {
        let names = segment::list(&*disk, log)?;
        let mut end = u64::MAX;
        let mut ahead = VecDeque::with_capacity(names.len());
        for name in names.into_iter().rev() {
            ahead.push_front((name, std::mem::replace(&mut end, name.first)));
        }
        Ok(Self {
            disk,
            log,
            ahead,
            open: None,
            line: Vec::new(),
        })
    }

    /// The next record; `None` after the last.
    ///
    /// # Errors
    ///
    /// When a segment cannot be read.
    pub fn next_line(&mut self) -> io::Result<Option<Line<'_>>> {
        loop {
            let Some(open) = &mut self.open else {
                let Some((name, end)) = self.ahead.pop_front() else {
                    return Ok(None);
                };
                self.open = open_segment(&*self.disk, self.log, name, end)?;
                continue;
            };
            self.line.clear();
            if open.next < open.end
                && open.text.read_until(b'\n', &mut self.line)? > 0
                && self.line.pop() == Some(b'\n')
                && !segment::is_void(&self.line)
            {
                let index = open.next;
                open.next += 1;
                let segment = open.name;
                return Ok(Some(Line {
                    index,
                    segment,
                    text: &self.line,
                }));
            }
            self.open = None;
        }
    }
}

/// `None` if retention was faster.
fn open_segment(disk: &dyn Disk, log: Log, name: Name, end: u64) -> io::Result<Option<Open>> {
    match disk.open(&name.path(log)) {
        Ok(text) => {
            let text = BufReader::with_capacity(64 * 1024, text);
            Ok(Some(Open {
                name,
                text,
                next: name.first,
                end,
            }))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
