//! Lines that a start finds, and no checkpoint covers, are signed in a copy only.
//!
//! Whoever wrote them may have been told by the disk that they are lost: a sync that failed in one process may seem to
//! succeed in the next one (Linux tells it once to each open file), and until they leave the page cache they can be
//! read. So they are written once more, as they were read, segment by segment: what stood in one is copied into one of
//! its day, for retention goes by it. Where all of it is copied, the copy takes the segment's place; otherwise the copy
//! begins at the first of the lines, and the void rule takes back the end of the segment in which they stood.

use std::io;
use std::sync::Arc;

use super::disk::Disk;
use super::log_tree::LogTree;
use super::segment::{self, Beside, Name};
use super::{Lines, Log, layout};

/// So much is written at once, in bytes.
const CHUNK: usize = 256 * 1024;

/// What is to be copied of one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Copy {
    /// The segment that is made.
    pub(crate) segment: Name,
    /// The one in which the lines stand; perhaps the same.
    pub(crate) from: Name,
    /// The index behind the last.
    pub(crate) next: u64,
    /// What holds nothing, in its order.
    superseded: Vec<Name>,
}

impl Copy {
    /// What is to be done about the lines from `signed` up to `next`, in this order; nothing if there are none.
    pub(crate) fn plan(disk: &dyn Disk, log: Log, signed: u64, next: u64) -> io::Result<Vec<Self>> {
        if signed == next {
            return Ok(Vec::new());
        }
        let names = segment::list(disk, log)?;
        let ends = names.iter().skip(1).map(|name| name.first.min(next)).chain([next]);
        let mut copies: Vec<Self> = Vec::new();
        for (from, next) in names.iter().zip(ends) {
            let first = from.first.max(signed);
            if first < next {
                let segment = Name { first, ..*from };
                let superseded = Vec::new();
                copies.push(Self {
                    segment,
                    from: *from,
                    next,
                    superseded,
                });
            }
        }
        for name in names.into_iter().filter(|name| name.first >= signed) {
            let mut before = copies.iter_mut().rev();
            let copy = before.find(|copy| copy.segment.first <= name.first);
            let copy = copy.ok_or(io::ErrorKind::NotFound)?;
            if copy.segment != name {
                copy.superseded.push(name);
            }
        }
        Ok(copies)
    }

    /// Makes it, durably, and has the tree take the lines. A crash at any point leaves every line in a segment in which
    /// it counts: the copy has its name when it is whole, and what it supersedes goes after that, the oldest first.
    /// `more` are further lines for its end.
    pub(crate) fn make(&self, disk: &Arc<dyn Disk>, log: Log, tree: &mut LogTree, more: &[u8]) -> io::Result<()> {
        let folder = log.folder();
        tree.begin(self.segment)?;
        let new = format!("{folder}/{}", layout::NEW);
        layout::remove(&**disk, &new)?;
        let mut file = disk.create(&new)?;
        let mut lines = Lines::on(Arc::clone(disk), log)?.from(self.segment.first);
        let (mut next, mut chunk) = (self.segment.first, Vec::with_capacity(2 * CHUNK));
        while next < self.next
            && let Some(line) = lines.next_line()?
        {
            if line.index < next {
                continue; // a signed one
            }
            next += 1;
            chunk.extend_from_slice(line.text);
            chunk.push(b'\n');
            if chunk.len() >= CHUNK {
                file.write_all(&chunk)?;
                tree.take(&chunk);
                chunk.clear();
            }
        }
        if next != self.next {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        chunk.extend_from_slice(more);
        file.write_all(&chunk)?;
        tree.take(&chunk);
        file.sync()?;
        disk.rename(&new, &self.segment.path(log))?;
        disk.sync_folder(folder)?;
        for old in &self.superseded {
            layout::remove(&**disk, &old.path(log))?;
            if old.stem() != self.segment.stem() {
                layout::remove(&**disk, &format!("{folder}/{}", old.beside(Beside::Salt)))?;
                layout::remove(&**disk, &format!("{folder}/{}", old.beside(Beside::Leaves)))?;
            }
            disk.sync_folder(folder)?;
        }
        Ok(())
    }
}
