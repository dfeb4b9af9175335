//! What was published of a journal's entries, in `reports/`: once for each period, and word for word ever after.

use std::any::Any;
use std::io;
use std::path::Path;

use super::disk::{Disk, Folder};
use super::layout::{self, Marker};
use super::recovery;

pub(crate) const FOLDER: &str = "reports";
const EXTENSION: &str = ".json";
/// Whoever publishes holds its lock.
const LOCK: &str = "reports/lock";

/// The publications of a journal. While this is there nobody else publishes.
pub struct Reports {
    disk: Folder,
    _lock: Box<dyn Any + Send>,
}

/// Why there is nothing to read and to keep.
#[derive(Debug, thiserror::Error)]
pub enum ReportsError {
    /// There is no journal.
    #[error("there is no journal here")]
    NotAJournal,
    /// Somebody else is publishing.
    #[error("another report is being made of this journal")]
    Locked,
    /// The disk failed.
    #[error("the reports cannot be read or written: {0}")]
    Disk(#[from] io::Error),
}

impl Reports {
    /// Those of the journal in `folder`.
    ///
    /// # Errors
    ///
    /// See [`ReportsError`].
    pub fn of(folder: &Path) -> Result<Self, ReportsError> {
        let disk = Folder::new(folder);
        if !matches!(layout::marker(&disk)?, Marker::Ours { .. }) {
            return Err(ReportsError::NotAJournal);
        }
        if is_missing(disk.status(FOLDER))? {
            disk.make_folder(FOLDER)?;
            disk.sync_folder("")?;
        }
        if is_missing(disk.status(LOCK))? {
            match disk.create(LOCK) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => drop(made?),
            }
        }
        let lock = disk.lock(LOCK)?.ok_or(ReportsError::Locked)?;
        Ok(Self { disk, _lock: lock })
    }

    /// The periods that are published, by their names, in no order.
    ///
    /// # Errors
    ///
    /// Those of the disk.
    pub fn periods(&self) -> io::Result<Vec<String>> {
        let names = self.disk.list(FOLDER)?;
        let periods = names.iter().filter_map(|name| name.strip_suffix(EXTENSION));
        Ok(periods.filter(|period| !period.is_empty()).map(str::to_owned).collect())
    }

    /// What was published of a period.
    ///
    /// # Errors
    ///
    /// Those of the disk.
    pub fn read(&self, period: &str) -> io::Result<Option<String>> {
        match recovery::text(&self.disk, &format!("{FOLDER}/{period}{EXTENSION}")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        }
    }

    /// Keeps what is published of a period, durably.
    ///
    /// # Errors
    ///
    /// Those of the disk.
    pub fn keep(&self, period: &str, text: &str) -> io::Result<()> {
        layout::replace(&self.disk, FOLDER, &format!("{period}{EXTENSION}"), text)
    }
}

fn is_missing<T>(found: io::Result<T>) -> io::Result<bool> {
    match found {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        found => found.map(|_| false),
    }
}
