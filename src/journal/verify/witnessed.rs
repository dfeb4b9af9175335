//! What witnesses signed of a log, as the journal keeps it itself.
//!
//! Whoever holds the log's key can take such a checkpoint away, or put back an older one, but can make none. So one
//! that agrees with the records says of them what one says that was kept elsewhere.

use std::io;

use super::finding::Finding;
use super::report::{Cosigned, LogReport};
use super::stops::Kept;
use super::{Pinned, time_of_witness};
use crate::journal::Log;
use crate::journal::cosigning::kept;
use crate::journal::disk::Disk;
use crate::journal::note::{Algorithm, VerifierKey, VerifyError};

/// Those of one log.
#[derive(Default)]
pub(super) struct Witnessed {
    kept: Vec<Kept>,
    signed: Vec<Cosigned>,
    /// Checkpoints that nobody signed whose key is known.
    strangers: u64,
    /// Checkpoints of another log, or with a wrong signature of a witness.
    wrong: u64,
}

impl Witnessed {
    /// Reads them. To be called before the log's own checkpoint is read: whoever writes meanwhile has that first.
    pub(super) fn read(disk: &dyn Disk, log: Log, key: &VerifierKey, pinned: Pinned<'_>) -> io::Result<Self> {
        let cosigned = kept::Cosigned::read(disk, log, key)?;
        let mut witnessed = Self {
            wrong: cosigned.strange,
            ..Self::default()
        };
        let witnesses = || {
            pinned
                .keys
                .iter()
                .filter(|key| key.algorithm() == Algorithm::Cosignature)
        };
        for signed in cosigned.notes() {
            let size = signed.checkpoint().size().0;
            let mut newest = None;
            let (mut known, mut wrong) = (false, false);
            for witness in witnesses() {
                match signed.cosigned_at(witness) {
                    Ok(time) => {
                        let time = time.and_then(time_of_witness);
                        witnessed.signed.push(Cosigned {
                            witness: witness.name().to_string(),
                            size,
                            time,
                        });
                        newest = newest.max(time);
                        known = true;
                    }
                    Err(VerifyError::Wrong) => wrong = true,
                    Err(VerifyError::Unsigned) => {}
                }
            }
            witnessed.wrong += u64::from(wrong);
            witnessed.strangers += u64::from(!known && !wrong);
            if known {
                witnessed.kept.push(Kept {
                    checkpoint: signed.checkpoint().clone(),
                    time: newest,
                });
            }
        }
        Ok(witnessed)
    }

    /// Says what was found, and gives what the log is to be compared with.
    pub(super) fn tell(self, report: &mut LogReport) -> Vec<Kept> {
        report.cosigned = self.signed;
        report.cosigned_by_strangers = self.strangers;
        if self.wrong > 0 {
            report.findings.push(Finding::Cosigned { notes: self.wrong });
        }
        self.kept
    }
}
