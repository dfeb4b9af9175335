//! The lines of a log that count, in order: the void rule in one place.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use jiff::civil::Date;

use super::Log;
use super::age::Identities;
use super::disk::{Disk, Folder};
use super::packing;
use super::segment::{self, Name};

/// The records of a log, from the oldest that is kept to the newest that is whole. The journal may be written and
/// segments may be removed meanwhile; it needs no lock and changes nothing.
///
/// An index that is skipped was removed by retention, or lost: to a disk that forgot what it had promised, or to
/// somebody's hand.
pub struct Lines {
    disk: Arc<dyn Disk>,
    log: Log,
    ahead: VecDeque<Ahead>,
    open: Option<Open>,
    /// Where the last segment was left.
    left: Option<Left>,
    /// The index from which on records are new.
    next: u64,
    line: Vec<u8>,
    read: u64,
    unreadable: Vec<Name>,
}

/// A segment that is to be read.
struct Ahead {
    name: Name,
    /// The index at which the next segment begins.
    end: u64,
    /// The index and the place, in bytes, at which to begin.
    from: (u64, u64),
}

struct Open {
    name: Name,
    text: BufReader<Box<dyn Read + Send>>,
    next: u64,
    end: u64,
    /// The place behind the last whole line, in bytes.
    place: u64,
}

/// Where reading a segment stopped.
struct Left {
    name: Name,
    next: u64,
    place: u64,
    /// Whether at a void line, behind which nothing counts.
    void: bool,
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
    /// Opens a log of the journal in `folder`. Segments that are encrypted, and that none of the identities opens, are
    /// passed over: see [`Lines::unreadable`].
    ///
    /// # Errors
    ///
    /// When the log's folder cannot be listed.
    pub fn of(folder: &Path, log: Log, identities: &Identities) -> io::Result<Self> {
        Self::on(Arc::new(Folder::with(folder, identities)), log)
    }

    pub(crate) fn on(disk: Arc<dyn Disk>, log: Log) -> io::Result<Self> {
        let mut lines = Self {
            disk,
            log,
            ahead: VecDeque::new(),
            open: None,
            left: None,
            next: 0,
            line: Vec::new(),
            read: 0,
            unreadable: Vec::new(),
        };
        lines.look()?;
        Ok(lines)
    }

    /// Passes over the segments that were ended before `day` began, and so hold nothing that happened on it or later.
    #[must_use]
    pub fn since(mut self, day: Date) -> Self {
        // A segment was ended by the time at which the next one was begun.
        while self.ahead.get(1).is_some_and(|next| next.name.day < day) {
            self.ahead.pop_front();
        }
        self
    }

    /// Leaves out the segments that were begun after `day`, and those behind the first such one.
    #[must_use]
    pub fn until(mut self, day: Date) -> Self {
        let end = self.ahead.iter().position(|ahead| ahead.name.day > day);
        self.ahead.truncate(end.unwrap_or(self.ahead.len()));
        self
    }

    /// The day on which the next segment that is to be read was begun.
    pub fn begin(&self) -> Option<Date> {
        Some(self.ahead.front()?.name.day)
    }

    /// Passes over what is left of the segment that is being read, after an error, and names it.
    pub fn give_up(&mut self) -> Option<Name> {
        Some(self.open.take()?.name)
    }

    /// Passes over the segments that end before a record. The first line that is read may come before it.
    pub(crate) fn from(mut self, index: u64) -> Self {
        while self.ahead.get(1).is_some_and(|next| next.name.first <= index) {
            self.ahead.pop_front();
        }
        self
    }

    /// Takes off the last segment, as lines of their own: so a log is read backwards, a segment at a time. `None` if no
    /// segment is left.
    pub fn split_last(&mut self) -> Option<Self> {
        let last = self.ahead.pop_back()?;
        Some(Self {
            disk: Arc::clone(&self.disk),
            log: self.log,
            ahead: VecDeque::from([last]),
            open: None,
            left: None,
            next: 0,
            line: Vec::new(),
            read: 0,
            unreadable: Vec::new(),
        })
    }

    /// The segments that are to be read, and how many bytes they have now.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub fn ahead(&self) -> io::Result<(usize, u64)> {
        let mut bytes = 0;
        for ahead in &self.ahead {
            match segment::status(&*self.disk, self.log, ahead.name) {
                Ok(status) => bytes += status.length.saturating_sub(ahead.from.1),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok((self.ahead.len(), bytes))
    }

    /// The segments that were passed over so far because they are encrypted, and no identity opens them.
    pub fn unreadable(&self) -> &[Name] {
        &self.unreadable
    }

    /// The bytes that were read so far.
    pub fn bytes_read(&self) -> u64 {
        self.read
    }

    /// The next record; `None` after the last, until [`Lines::look`] finds more.
    ///
    /// # Errors
    ///
    /// When a segment cannot be read.
    pub fn next_line(&mut self) -> io::Result<Option<Line<'_>>> {
        loop {
            let Some(open) = &mut self.open else {
                let Some(ahead) = self.ahead.pop_front() else {
                    return Ok(None);
                };
                match open_segment(&*self.disk, self.log, &ahead) {
                    Err(error) if packing::is_sealed(&error) => self.unreadable.push(ahead.name),
                    Err(error) => return Err(named(self.log, ahead.name, error)),
                    Ok(opened) => self.open = opened,
                }
                continue;
            };
            self.line.clear();
            let read = match open.next < open.end {
                true => read_line(&mut open.text, &mut self.line),
                false => Ok(()),
            };
            read.map_err(|error| named(self.log, open.name, error))?;
            let length = self.line.len() as u64;
            self.read += length;
            let whole = self.line.last() == Some(&b'\n');
            let void = segment::is_void(&self.line);
            if !whole || void {
                self.left = Some(Left {
                    name: open.name,
                    next: open.next,
                    place: open.place,
                    void: whole && void,
                });
                self.open = None;
                continue;
            }
            self.line.pop();
            let (index, segment) = (open.next, open.name);
            open.next += 1;
            open.place += length;
            if index < self.next {
                continue; // A disk failed, and the next segment holds it once more.
            }
            self.next = index + 1;
            return Ok(Some(Line {
                index,
                segment,
                text: &self.line,
            }));
        }
    }

    /// Looks for what was written since the last record: in the segment where reading stopped, and in new ones. To be
    /// called when [`Lines::next_line`] gave `None`.
    ///
    /// # Errors
    ///
    /// When the log's folder cannot be listed.
    pub fn look(&mut self) -> io::Result<()> {
        let names = segment::list(&*self.disk, self.log)?;
        let mut end = u64::MAX;
        self.ahead.clear();
        for name in names.into_iter().rev() {
            let next_begins = std::mem::replace(&mut end, name.first);
            let from = match &self.left {
                Some(left) if (name.first, name.day) < (left.name.first, left.name.day) => break,
                // By its name again: a file that failed may have been replaced, and begins with the same lines.
                Some(left) if name == left.name && left.void => break,
                Some(left) if name == left.name => (left.next, left.place),
                _ => (name.first, 0),
            };
            self.ahead.push_front(Ahead {
                name,
                end: next_begins,
                from,
            });
        }
        Ok(())
    }
}

/// As [`BufRead::read_until`] a newline, which looks for it more slowly.
fn read_line(text: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let there = match text.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            there => there?,
        };
        let newline = memchr::memchr(b'\n', there);
        let length = newline.map_or(there.len(), |at| at + 1);
        line.extend_from_slice(&there[..length]);
        text.consume(length);
        if newline.is_some() || length == 0 {
            return Ok(());
        }
    }
}

/// The error with the segment that it is about.
fn named(log: Log, segment: Name, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", segment.path(log)))
}

/// `None` if retention was faster.
fn open_segment(disk: &dyn Disk, log: Log, ahead: &Ahead) -> io::Result<Option<Open>> {
    let (next, place) = ahead.from;
    match packing::open_at(disk, log, ahead.name, place) {
        Ok(text) => Ok(Some(Open {
            name: ahead.name,
            text: BufReader::with_capacity(64 * 1024, text),
            next,
            end: ahead.end,
            place,
        })),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
