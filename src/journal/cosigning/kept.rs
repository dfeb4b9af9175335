//! What witnesses signed, as it is kept: `cosigned/<log>`.
//!
//! For each witness the newest checkpoint that it has signed, as notes one after the other, the smallest first. A note
//! has the log's own signature, then those of all witnesses for which it is the newest. A folder of its own, because
//! whoever writes a log puts new files into that log's folder.

use std::io::{self, Read};

use crate::journal::checkpoint::{Checkpoint, OpenError, Signed};
use crate::journal::disk::Disk;
use crate::journal::note::{Note, SignatureLine, VerifierKey};
use crate::journal::verify::history::Notes;
use crate::journal::{Log, layout};

/// Made when the first witness has signed.
pub(crate) const FOLDER: &str = "cosigned";

/// More is not read, in bytes: a thousand witnesses have not got as much to say.
const LONGEST: u64 = 1 << 20;

/// What witnesses signed of one log.
#[derive(Debug, Default)]
pub(crate) struct Cosigned {
    /// The smallest first. Each has the log's signature, which was verified, and others, which were not.
    notes: Vec<Signed>,
    /// How many notes were passed over because the log has not signed them.
    pub(crate) strange: u64,
}

impl Cosigned {
    /// Reads what is kept of a log with this key; nothing, if nothing is.
    pub(crate) fn read(disk: &dyn Disk, log: Log, key: &VerifierKey) -> io::Result<Self> {
        let mut cosigned = Self::default();
        let Some(mut notes) = notes(disk, log)? else {
            return Ok(cosigned);
        };
        while let Some(found) = notes.next_note()? {
            match Signed::open(found.bytes(), key) {
                Ok(signed) => cosigned.notes.push(signed),
                Err(_) => cosigned.strange += 1,
            }
        }
        cosigned.sort();
        Ok(cosigned)
    }

    /// The checkpoints, the smallest first.
    pub(crate) fn notes(&self) -> &[Signed] {
        &self.notes
    }

    /// The newest that this witness signed.
    pub(crate) fn of(&self, witness: &VerifierKey) -> Option<&Signed> {
        self.notes.iter().rfind(|signed| signed.cosigned_at(witness).is_ok())
    }

    /// Takes the place of what the witness signed before.
    pub(crate) fn add(
        &mut self,
        signed: &Signed,
        signature: SignatureLine,
        witness: &VerifierKey,
    ) -> Result<(), OpenError> {
        let mut new = signed.clone();
        new.add(signature.clone(), witness)?;
        self.notes.iter_mut().for_each(|kept| kept.forget(witness));
        self.notes.retain(|kept| kept.note().signatures().len() > 1);
        let same = |kept: &&mut Signed| kept.checkpoint() == signed.checkpoint();
        match self.notes.iter_mut().find(same) {
            Some(kept) => kept.add(signature, witness)?,
            None => self.notes.push(new),
        }
        self.sort();
        Ok(())
    }

    fn sort(&mut self) {
        self.notes.sort_by_key(|signed| signed.checkpoint().size());
    }

    /// Puts it in the place of what was kept, durably.
    pub(crate) fn write(&self, disk: &dyn Disk, log: Log) -> io::Result<()> {
        let text: String = self.notes.iter().map(|signed| signed.note().to_string()).collect();
        if disk.status(FOLDER).is_err() {
            disk.make_folder(FOLDER)?;
            disk.sync_folder("")?;
        }
        layout::replace(disk, FOLDER, log.folder(), &text)
    }
}

/// The sizes of the trees that witnesses signed last, as they are written: the next proof goes on from there.
pub(crate) fn sizes(disk: &dyn Disk, log: Log) -> io::Result<Vec<u64>> {
    let mut sizes = Vec::new();
    let Some(mut notes) = notes(disk, log)? else {
        return Ok(sizes);
    };
    while let Some(found) = notes.next_note()? {
        let checkpoint = Note::parse(found.bytes())
            .ok()
            .and_then(|note| note.text().parse::<Checkpoint>().ok());
        sizes.extend(checkpoint.map(|checkpoint| checkpoint.size().0));
    }
    Ok(sizes)
}

fn notes(disk: &dyn Disk, log: Log) -> io::Result<Option<Notes>> {
    match disk.open(&format!("{FOLDER}/{}", log.folder())) {
        Ok(text) => Ok(Some(Notes::new(Box::new(text.take(LONGEST))))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
