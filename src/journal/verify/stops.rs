//! The places at which the tree is compared with what was signed: the notes in `checkpoints`, those kept elsewhere, and
//! the log's own checkpoint.

use std::io;

use jiff::Timestamp;

use super::finding::{Finding, Findings, SignedBy};
use super::fold::{Fold, is_absence};
use super::hashes::LevelFiles;
use super::history::{Found, Notes};
use super::report::{LogReport, Trusted};
use crate::journal::Log;
use crate::journal::checkpoint::{Checkpoint, Signed};
use crate::journal::disk::Disk;
use crate::journal::note::VerifierKey;
use crate::journal::tree::{Frontier, Hash, TileLevels, TreeSize};

/// A checkpoint kept elsewhere, and when a witness signed it.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) checkpoint: Checkpoint,
    pub(super) time: Option<Timestamp>,
}

/// All of them, the next one first.
pub(super) struct Stops<'a> {
    files: &'a LevelFiles<'a>,
    key: &'a VerifierKey,
    own: Option<Checkpoint>,
    /// The largest last.
    trusted: Vec<Kept>,
    /// `None` when it is read to its end, or not there.
    history: Option<Notes>,
    ahead: Option<(u64, Checkpoint)>,
    /// The last note that was the log's.
    last: Option<Checkpoint>,
    /// The largest size at which the records were what was signed.
    agreed: u64,
    /// Records and signatures are at odds, which is said once.
    at_odds: bool,
    next: u64,
}

impl<'a> Stops<'a> {
    pub(super) fn new(
        disk: &dyn Disk,
        log: Log,
        files: &'a LevelFiles<'a>,
        key: &'a VerifierKey,
        own: Option<&Signed>,
        mut trusted: Vec<Kept>,
        findings: &mut Findings,
    ) -> io::Result<Self> {
        let path = format!("{}/checkpoints", log.folder());
        // As long as it is now: what is signed from here on is of records that may not be read.
        let history = match disk
            .status(&path)
            .and_then(|status| Ok((status.length, disk.open(&path)?)))
        {
            Ok((length, text)) => Some(Notes::new(Box::new(io::Read::take(text, length)))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                findings.push(Finding::HistoryMissing);
                None
            }
            Err(error) => return Err(error),
        };
        trusted.sort_by_key(|kept| std::cmp::Reverse(kept.checkpoint.size()));
        let mut stops = Self {
            files,
            key,
            own: own.map(|signed| signed.checkpoint().clone()),
            trusted,
            history,
            ahead: None,
            last: None,
            agreed: 0,
            at_odds: false,
            next: 0,
        };
        stops.read_ahead(findings)?;
        stops.find_next();
        Ok(stops)
    }

    /// The size at which something is to be compared next.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    fn find_next(&mut self) {
        let own = self.own.as_ref().map(|own| own.size().0);
        let trusted = self.trusted.last().map(|kept| kept.checkpoint.size().0);
        let note = self.ahead.as_ref().map(|(_, note)| note.size().0);
        self.next = [own, trusted, note].into_iter().flatten().min().unwrap_or(u64::MAX);
    }

    fn read_ahead(&mut self, findings: &mut Findings) -> io::Result<()> {
        self.ahead = None;
        while let Some(history) = &mut self.history {
            let Some(found) = history.next_note()? else {
                self.history = None;
                break;
            };
            let Found { note, byte, torn, .. } = found;
            match found.open(self.key) {
                Ok(signed)
                    if self
                        .last
                        .as_ref()
                        .is_some_and(|last| signed.checkpoint().size() < last.size()) =>
                {
                    findings.push(Finding::HistoryShrinks { note, byte });
                }
                Ok(signed) => {
                    self.last = Some(signed.checkpoint().clone());
                    self.ahead = Some((note, signed.checkpoint().clone()));
                    break;
                }
                Err(_) if torn => findings.push(Finding::HistoryTorn { byte }),
                Err(error) => findings.push(Finding::HistoryNote { note, byte, error }),
            }
        }
        Ok(())
    }

    /// Compares all that was signed at or before `size` records, to which the fold has come. `time` is that of the last
    /// record.
    pub(super) fn compare(
        &mut self,
        size: u64,
        fold: &Fold<'_>,
        time: Option<Timestamp>,
        report: &mut LogReport,
    ) -> io::Result<()> {
        while self.next <= size {
            let at = self.next;
            let roots = match at == size {
                true => fold.roots(),
                false => self.roots_of_removed(at)?.map(|root| (root, None)),
            };
            let agrees = |root: Hash| roots.map(|(lines, kept)| lines == root || kept == Some(root));
            if let Some((note, checkpoint)) = self.ahead.take_if(|(_, note)| note.size().0 == at) {
                report.notes += 1;
                match agrees(checkpoint.root()) {
                    Some(agrees) => self.judge(agrees, SignedBy::History { note }, at, report),
                    None => report.notes_out_of_reach += 1,
                }
                self.read_ahead(&mut report.findings)?;
            }
            while let Some(kept) = self.trusted.pop_if(|kept| kept.checkpoint.size().0 == at) {
                report.trusted_compared += 1;
                match agrees(kept.checkpoint.root()) {
                    Some(true) => {
                        let time = kept.time.or(time.filter(|_| at == size));
                        report.trusted = Some(Trusted { size: at, time });
                    }
                    Some(false) => report.findings.push(Finding::Forked { size: at }),
                    None => report.findings.push(Finding::OutOfReach { size: at }),
                }
            }
            if let Some(own) = self.own.take_if(|own| own.size().0 == at) {
                match agrees(own.root()) {
                    Some(agrees) => self.judge(agrees, SignedBy::Checkpoint, at, report),
                    None => report.findings.push(Finding::RootUnknown { size: at }),
                }
            }
            self.find_next();
        }
        Ok(())
    }

    fn judge(&mut self, agrees: bool, by: SignedBy, size: u64, report: &mut LogReport) {
        match agrees {
            true => self.agreed = size,
            false if self.at_odds => {}
            false => {
                self.at_odds = true;
                let after = self.agreed;
                report.findings.push(Finding::RootDiffers { by, size, after });
            }
        }
    }

    /// The root of a tree that ends among records without leaves, from the levels above; most often there is none.
    fn roots_of_removed(&self, size: u64) -> io::Result<Option<Hash>> {
        let within_a_tile = !size.is_multiple_of(256);
        if within_a_tile && !self.files.may_have_leaf(size - 1) {
            return Ok(None);
        }
        match Frontier::read(&TileLevels(self.files), TreeSize(size)) {
            Ok(frontier) => Ok(Some(frontier.root())),
            Err(error) if is_absence(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads the history to its end, and gives the number of records that are signed in all.
    pub(super) fn finish(&mut self, own: Option<&Signed>, report: &mut LogReport) -> io::Result<u64> {
        let was_there = self.history.is_some() || self.last.is_some();
        let mut signed = 0;
        while let Some((_, note)) = &self.ahead {
            signed = signed.max(note.size().0);
            self.read_ahead(&mut report.findings)?;
        }
        let newest = self.last.as_ref();
        if let Some(own) = own.filter(|_| was_there)
            && newest.is_none_or(|last| last.size() < own.checkpoint().size())
        {
            report.findings.push(Finding::HistoryLacksNewest);
        }
        Ok(signed)
    }
}
