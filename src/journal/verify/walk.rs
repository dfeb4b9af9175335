//! One log, from its first record to its last.

use std::io;
use std::ops::Range;

use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::finding::{Finding, Place};
use super::fold::Fold;
use super::hashes::{HashFile, LevelFiles};
use super::pieces::{self, Piece};
use super::report::{LogReport, Unsigned};
use super::scan::Scanner;
use super::stops::{Kept, Stops};
use super::told::{Absent, Told};
use super::witnessed::Witnessed;
use super::{CannotVerify, Progress};
use crate::entry::Record;
use crate::journal::Log;
use crate::journal::checkpoint::Signed;
use crate::journal::disk::Disk;
use crate::journal::event::hex;
use crate::journal::note::{Note, VerifierKey};
use crate::journal::packing;
use crate::journal::segment::{self, Name, Packed};
use crate::journal::tree::{EntryIndex, Hash, Salt};

/// A checkpoint is due so often, where there is something to sign.
const CHECKPOINT_INTERVAL: SignedDuration = SignedDuration::from_secs(10);

/// Records that are not signed after so many intervals are worth a warning.
const INTERVALS: i32 = 3;

/// What a walk through a log is given.
pub(super) struct Task<'a> {
    pub(super) disk: &'a dyn Disk,
    pub(super) log: Log,
    pub(super) key: &'a VerifierKey,
    pub(super) trusted: Vec<Kept>,
    pub(super) cosigned: Witnessed,
    pub(super) now: Timestamp,
}

/// Verifies one log. What is learnt from `events` is put into `told`, and what is missing is explained by it.
pub(super) fn walk(task: Task<'_>, told: &mut Told, progress: &mut Progress<'_>) -> Result<LogReport, CannotVerify> {
    let Task {
        disk,
        log,
        key,
        mut trusted,
        cosigned,
        now,
    } = task;
    let mut report = LogReport::new(log);
    trusted.extend(cosigned.tell(&mut report));
    // First: whatever is written meanwhile is added behind it.
    let own = own_checkpoint(disk, log, key, &mut report)?;
    let signed = own.as_ref().map_or(0, |own| own.checkpoint().size().0);
    report.signed = own.as_ref().map(|_| signed);
    for size in trusted
        .iter()
        .map(|kept| kept.checkpoint.size().0)
        .filter(|size| *size > signed)
    {
        report.findings.push(Finding::RolledBack { trusted: size, signed });
    }
    let reachable = trusted.into_iter().filter(|kept| kept.checkpoint.size().0 <= signed);
    let pieces = pieces::list(disk, log)?;
    let files = LevelFiles::new(disk, log, &pieces);
    let stops = Stops::new(
        disk,
        log,
        &files,
        key,
        own.as_ref(),
        reachable.collect(),
        &mut report.findings,
    )?;
    let mut walk = Walk {
        disk,
        log,
        signed,
        fold: Fold::new(disk, log, &files, signed)?,
        stops,
        told,
        report,
        missing: Vec::new(),
        unprovable: 0..0,
        voids: Vec::new(),
        last_time: None,
        progress,
    };
    let mut next = 0;
    // A salt alone bounds nothing: a crash came before its segment.
    let segments: Vec<_> = pieces
        .iter()
        .filter(|piece| piece.lines.is_some() || piece.leaves)
        .collect();
    for (at, piece) in segments.iter().enumerate() {
        let end = segments.get(at + 1).map_or(u64::MAX, |piece| piece.first);
        if piece.first > next {
            walk.skip(next..piece.first)?;
        }
        next = walk.piece(piece, end)?;
    }
    walk.finish(next, own.as_ref(), &pieces, now)
        .map_err(CannotVerify::from)
}

fn own_checkpoint(
    disk: &dyn Disk,
    log: Log,
    key: &VerifierKey,
    report: &mut LogReport,
) -> Result<Option<Signed>, CannotVerify> {
    let mut text = Vec::new();
    match disk.open(&format!("{}/checkpoint", log.folder())) {
        Ok(file) => io::Read::read_to_end(&mut io::Read::take(file, Note::BYTES_MAX as u64 + 1), &mut text)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            report.findings.push(Finding::NoCheckpoint);
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    match Signed::open(&text, key) {
        Ok(signed) => Ok(Some(signed)),
        Err(error) => {
            report.findings.push(Finding::Checkpoint(error));
            Ok(None)
        }
    }
}

struct Walk<'a, 'p> {
    disk: &'a dyn Disk,
    log: Log,
    signed: u64,
    fold: Fold<'a>,
    stops: Stops<'a>,
    told: &'a mut Told,
    report: LogReport,
    /// Records without lines. At most one range a segment.
    missing: Vec<Range<u64>>,
    /// Signed records that could not be compared with a root.
    unprovable: Range<u64>,
    /// Ends of segments that do not count.
    voids: Vec<(Name, u64, u64)>,
    /// When the last record was made, where somebody wants to know.
    last_time: Option<Timestamp>,
    progress: &'a mut Progress<'p>,
}

impl Walk<'_, '_> {
    /// Passes over records of which there is nothing.
    fn skip(&mut self, range: Range<u64>) -> io::Result<()> {
        self.compare(range.start)?;
        self.fold.jump(range.end)?;
        self.miss(range);
        Ok(())
    }

    fn miss(&mut self, range: Range<u64>) {
        match self.missing.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => self.missing.push(range),
        }
    }

    fn compare(&mut self, size: u64) -> io::Result<()> {
        if self.stops.next() <= size {
            self.stops.compare(size, &self.fold, self.last_time, &mut self.report)?;
        }
        Ok(())
    }

    /// Verifies what is left of a segment, and gives the index behind it.
    fn piece(&mut self, piece: &Piece, end: u64) -> Result<u64, CannotVerify> {
        // Before the lines: whoever writes meanwhile adds to the lines first.
        let mut leaves = match piece.leaves {
            true => HashFile::open(self.disk, &piece.leaves_path(self.log), 0)?,
            false => None,
        };
        if let Some(leaves) = &mut leaves {
            leaves.limit(end - piece.first);
        }
        let lines_end = match piece.lines {
            Some(name) => self.lines(piece, name, end, leaves.as_mut())?,
            None => Some(piece.first),
        };
        let sealed = lines_end.is_none();
        let lines_end = lines_end.unwrap_or(piece.first);
        // Where lines are gone and their hashes are not, as at the edge of what retention removed, all else can still
        // be compared.
        let mut at = lines_end;
        let wanted = if end == u64::MAX { self.signed } else { end };
        while at < wanted {
            let Some(leaf) = leaves.as_mut().map_or(Ok(None), HashFile::next_hash)? else {
                break;
            };
            self.compare(at)?;
            self.fold.append(leaf, leaf, &mut self.report.findings)?;
            self.last_time = None;
            at += 1;
        }
        if end == u64::MAX {
            self.compare(at)?;
        } else if at < end {
            self.compare(at)?;
            self.fold.jump(end)?;
        }
        let next = if end == u64::MAX { at } else { end };
        if sealed {
            self.report.sealed.segments += 1;
            self.report.sealed.records += next - piece.first;
            if at < next.min(self.signed) {
                let records = next.min(self.signed) - at;
                self.report.findings.push(Finding::LeavesMissing { first: at, records });
            }
        } else if lines_end < next {
            self.miss(lines_end..next);
        }
        Ok(next)
    }

    /// Verifies the file of a segment that no identity opens.
    fn sealed(&mut self, segment: Name) -> Result<(), CannotVerify> {
        let file = segment::in_its_form(|form| self.disk.open(&Packed { name: segment, form }.path(self.log)));
        let mut hasher = Sha256::new();
        let length = io::copy(&mut file.map_err(changed)?, &mut IntoHash(&mut hasher))?;
        if self.told.packed(self.log, segment) != Some(&hex(&Hash(hasher.finalize().into()))) {
            self.report.findings.push(Finding::SealedDiffers { segment });
        }
        self.progress.passed(length);
        Ok(())
    }

    /// Verifies the lines of a segment, and gives the index behind the last; `None` if they are encrypted, and nothing
    /// opens them.
    fn lines(
        &mut self,
        piece: &Piece,
        name: Name,
        end: u64,
        mut leaves: Option<&mut HashFile>,
    ) -> Result<Option<u64>, CannotVerify> {
        let length = segment::status(self.disk, self.log, name).map_err(changed)?.length;
        let (text, salt) = match self.open(name) {
            Err(error) if packing::is_sealed(&error) => return self.sealed(name).map(|()| None),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                self.report.findings.push(Finding::Damaged { segment: name });
                return Ok(Some(piece.first));
            }
            opened => opened.map_err(changed)?,
        };
        let mut scanner = Scanner::new(text);
        let mut segment = Segment::default();
        let mut at = piece.first;
        while at < end {
            let line = match scanner.next_line() {
                Ok(Some(line)) => line,
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    self.report.findings.push(Finding::Damaged { segment: name });
                    break;
                }
                Ok(None) => break,
                Err(error) => return Err(error.into()),
            };
            self.compare(at)?;
            if at.is_multiple_of(Progress::STEP) {
                self.progress.at(line.place.min(length)); // which is that of the packed file
            }
            let of_disk = leaves.as_mut().map_or(Ok(None), |leaves| leaves.next_hash())?;
            let of_disk = of_disk.filter(|_| at < self.signed); // behind, it may be written anew at the next start
            let leaf = salt.as_ref().map(|salt| salt.leaf(EntryIndex(at), line.text));
            match (leaf, of_disk) {
                (Some(leaf), Some(of_disk)) if leaf != of_disk => segment.differs(at, piece.first, line.place, name),
                (Some(_), None) if at < self.signed => segment.lacks(at),
                _ => {}
            }
            if self.fold.is_blind() && at < self.signed {
                self.cannot_prove(at);
            }
            let leaf = leaf.or(of_disk).unwrap_or(Hash::of_nothing());
            self.fold
                .append(leaf, of_disk.unwrap_or(leaf), &mut self.report.findings)?;
            match self.log {
                Log::Events => self.told.take(at, line.text, at < self.signed),
                Log::Disclosures => self.told.take_of_itself(line.text),
                Log::Access | Log::Addresses | Log::Arrivals => {}
            }
            at += 1;
            if at == self.stops.next() || at == self.signed + 1 {
                self.last_time = time_of(line.text, self.log, name);
                if at == self.signed + 1 {
                    self.report.unsigned.since = self.last_time.or_else(|| end_of_day(name));
                }
            } else {
                self.last_time = None;
            }
        }
        let records = at - piece.first;
        self.report.records += records.min(self.signed.saturating_sub(piece.first));
        self.report.unsigned.records += at.saturating_sub(piece.first.max(self.signed));
        if salt.is_none() && piece.first < self.signed.min(at) {
            self.report.findings.push(Finding::SaltMissing { segment: name });
        }
        segment.report(&mut self.report, records);
        // The end of the last segment is perhaps being written.
        let unfinished = end == u64::MAX && !scanner.stopped_at_a_void_line();
        let place = scanner.place();
        match if unfinished { Ok(0) } else { scanner.rest() } {
            Ok(0) => {}
            Ok(rest) => self.voids.push((name, place, place + rest)),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {} // said already, or behind what counts
            Err(error) => return Err(error.into()),
        }
        self.progress.passed(length);
        Ok(Some(at))
    }

    /// The lines of a segment and its secret.
    fn open(&self, name: Name) -> io::Result<(Box<dyn io::Read + Send>, Option<Salt>)> {
        let text = packing::open(self.disk, self.log, name)?;
        Ok((text, packing::salt(self.disk, self.log, name)?))
    }

    fn cannot_prove(&mut self, index: u64) {
        let range = &mut self.unprovable;
        if range.end != index || range.is_empty() {
            self.say_unprovable();
            self.unprovable = index..index;
        }
        self.unprovable.end = index + 1;
    }

    fn say_unprovable(&mut self) {
        let Range {
            start: first,
            end: next,
        } = std::mem::take(&mut self.unprovable);
        if first < next {
            self.report.findings.push(Finding::Unprovable { first, next });
        }
    }

    fn finish(mut self, next: u64, own: Option<&Signed>, pieces: &[Piece], now: Timestamp) -> io::Result<LogReport> {
        self.compare(next)?;
        self.say_unprovable();
        let signed = self.stops.finish(own, &mut self.report)?.max(self.signed);
        if next < signed {
            self.miss(next..signed);
        }
        let missing = std::mem::take(&mut self.missing);
        for absent in missing
            .into_iter()
            .flat_map(|range| self.told.unexplained(self.log, range))
        {
            self.report.findings.push(match absent {
                Absent::Unexplained(Range {
                    start: first,
                    end: next,
                }) => Finding::Missing { first, next },
                Absent::Unsigned(
                    Range {
                        start: first,
                        end: next,
                    },
                    event,
                ) => Finding::RemovalUnsigned { first, next, event },
            });
        }
        for (segment, byte, length) in std::mem::take(&mut self.voids) {
            if !self.told.torn(self.log, segment) && !self.told.spend_failure(self.log) {
                let bytes = length - byte;
                self.report.findings.push(Finding::Void { segment, byte, bytes });
            }
        }
        self.look_at_names(pieces);
        let Unsigned { records, since } = self.report.unsigned;
        if records > 0 && since.is_none_or(|since| now.duration_since(since) > CHECKPOINT_INTERVAL * INTERVALS) {
            self.report.findings.push(Finding::Unsigned { records, since });
        }
        self.report.removed = self.told.removed(self.log);
        Ok(self.report)
    }

    /// Every segment was announced, but those of `events` and of the register, and no salt outlives its lines.
    fn look_at_names(&mut self, pieces: &[Piece]) {
        for piece in pieces {
            match piece.lines {
                Some(segment) if self.log.is_of_visitors() && !self.told.announced(self.log, segment) => {
                    self.report.findings.push(Finding::NotAnnounced { segment });
                }
                None if piece.salt => self.report.findings.push(Finding::SaltLeft { first: piece.first }),
                _ => {}
            }
        }
    }
}

/// What is wrong with the records of one segment, to be said once.
#[derive(Default)]
struct Segment {
    differ: Option<(Place, u64)>,
    lack: Option<(u64, u64)>,
}

impl Segment {
    fn differs(&mut self, index: u64, first: u64, byte: u64, segment: Name) {
        let line = index - first + 1;
        let place = Place {
            index,
            segment,
            line,
            byte,
        };
        self.differ.get_or_insert((place, 0)).1 += 1;
    }

    fn lacks(&mut self, index: u64) {
        self.lack.get_or_insert((index, 0)).1 += 1;
    }

    fn report(self, report: &mut LogReport, of: u64) {
        if let Some((place, records)) = self.differ {
            report.findings.push(Finding::RecordsDiffer { place, records, of });
        }
        if let Some((first, records)) = self.lack {
            report.findings.push(Finding::LeavesMissing { first, records });
        }
    }
}

/// Lets a hash be written to.
struct IntoHash<'a>(&'a mut Sha256);

impl io::Write for IntoHash<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A file that was there when the folder was listed and is not any more.
fn changed(error: io::Error) -> CannotVerify {
    match error.kind() {
        io::ErrorKind::NotFound => CannotVerify::Changed,
        _ => error.into(),
    }
}

/// When a record was made, as far as it says.
pub(crate) fn time_of(line: &[u8], log: Log, segment: Name) -> Option<Timestamp> {
    match log {
        Log::Events | Log::Disclosures => serde_json::from_slice::<Value>(line)
            .ok()?
            .get("time")?
            .as_str()?
            .parse()
            .ok(),
        Log::Access | Log::Addresses | Log::Arrivals => {
            let record = Record::decode(line, segment.format, segment.day).ok()?;
            record.sent().or_else(|| record.timestamp())
        }
    }
}

/// A segment ends with its day.
fn end_of_day(segment: Name) -> Option<Timestamp> {
    let next = segment.day.tomorrow().ok()?;
    Offset::UTC.to_timestamp(next.at(0, 0, 0, 0)).ok()
}
