//! A file that only grows, and is written anew when that failed: of hashes, or of checkpoints.
//!
//! What is not durable yet is kept in memory. After an error the file is left as it is, and the next attempt puts
//! another in its place by a rename: what had been durable in the first, and what was kept.

use std::io::{self, Read};

use super::disk::{Disk, File};
use super::layout;

/// A growing file.
pub(crate) struct Growing {
    path: String,
    /// Its bytes that are durable and believed.
    durable: u64,
    /// What comes after them.
    kept: Vec<u8>,
    /// `None` if it must be written anew.
    file: Option<Box<dyn File>>,
    /// Whether there is a file that holds something else.
    stale: bool,
}

impl Growing {
    /// One that is to be made. Whatever has its name holds nothing that counts.
    pub(crate) fn new(path: String) -> Self {
        let (durable, kept, file, stale) = (0, Vec::new(), None, false);
        Self {
            path,
            durable,
            kept,
            file,
            stale,
        }
    }

    /// One that is there. Bytes after the first `durable` are void.
    pub(crate) fn found(disk: &dyn Disk, path: String, durable: u64) -> io::Result<Self> {
        let length = length(disk, &path)?;
        let right = length == Some(durable);
        Ok(Self {
            file: if right { Some(disk.append(&path)?) } else { None },
            stale: !right && length.is_some_and(|length| length > 0),
            ..Self {
                durable,
                ..Self::new(path)
            }
        })
    }

    /// Takes bytes, in memory.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.kept.extend_from_slice(bytes);
    }

    /// Whether it holds less than was taken, or something else.
    pub(crate) fn is_behind(&self) -> bool {
        !self.kept.is_empty() || self.stale
    }

    /// Its bytes that are durable.
    pub(crate) fn durable(&self) -> u64 {
        self.durable
    }

    /// Puts a file with other bytes in its place, by a rename. All that was taken must be durable. After an error it is
    /// the one or the other, and written anew.
    pub(crate) fn replace(&mut self, disk: &dyn Disk, bytes: &[u8]) -> io::Result<()> {
        let length = bytes.len() as u64;
        let written = write_new(disk, &self.path, |file| file.write_all(bytes));
        (self.file, self.stale) = (None, written.is_err());
        if written.is_ok() || self::length(disk, &self.path)? == Some(length) {
            self.durable = length;
        }
        self.file = Some(written?);
        Ok(())
    }

    /// Makes durable what was taken. After an error nothing is believed to have happened.
    pub(crate) fn write(&mut self, disk: &dyn Disk) -> io::Result<()> {
        if !self.is_behind() {
            return Ok(());
        }
        // Until all is well there is no file: one on which anything failed is never written again.
        let file = match self.file.take() {
            Some(mut file) => {
                self.stale = true;
                file.write_all(&self.kept)?;
                file.sync()?;
                file
            }
            None => self.write_anew(disk)?,
        };
        self.file = Some(file);
        self.stale = false;
        self.durable += self.kept.len() as u64;
        self.kept.clear();
        Ok(())
    }

    fn write_anew(&self, disk: &dyn Disk) -> io::Result<Box<dyn File>> {
        write_new(disk, &self.path, |file| {
            if self.durable > 0 {
                let mut old = disk.open(&self.path)?.take(self.durable);
                let mut buffer = vec![0; 64 * 1024];
                let mut left = self.durable;
                while left > 0 {
                    let length = match old.read(&mut buffer) {
                        Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                        Ok(length) => length,
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                        Err(error) => return Err(error),
                    };
                    file.write_all(buffer.get(..length).unwrap_or_default())?;
                    left -= length as u64;
                }
            }
            file.write_all(&self.kept)
        })
    }
}

/// Puts a new file in the place of another, durable and whole or not at all.
fn write_new(
    disk: &dyn Disk,
    path: &str,
    write: impl FnOnce(&mut dyn File) -> io::Result<()>,
) -> io::Result<Box<dyn File>> {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let new = format!("{folder}/{}", layout::NEW);
    layout::remove(disk, &new)?;
    let mut file = disk.create(&new)?;
    write(&mut *file)?;
    file.sync()?;
    disk.rename(&new, path)?;
    disk.sync_folder(folder)?;
    Ok(file)
}

/// How long a file is; `None` if there is none.
pub(crate) fn length(disk: &dyn Disk, path: &str) -> io::Result<Option<u64>> {
    match disk.status(path) {
        Ok(status) => Ok(Some(status.length)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
