//! The only file that touches the file system of a journal. Everything else goes through [`Disk`], so that a test can
//! lose what was not synced, tear a write, or fail any call.

use std::any::Any;
use std::fs::{self, DirBuilder, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};

use super::age::Identities;
use super::vitals::Space;

/// A journal's folder. Paths are relative to it; the empty path is the folder itself.
pub(crate) trait Disk: Send + Sync {
    /// What stands at a path.
    fn status(&self, path: &str) -> io::Result<Status>;
    /// The names in a folder, in no order.
    fn list(&self, folder: &str) -> io::Result<Vec<String>>;
    /// Opens a file for reading.
    fn open(&self, path: &str) -> io::Result<Box<dyn Read + Send>> {
        self.open_at(path, 0)
    }
    /// Opens a file for reading from a place, in bytes, on.
    fn open_at(&self, path: &str, place: u64) -> io::Result<Box<dyn Read + Send>>;
    /// Makes a folder of mode 0700, or gives that mode to the one that is there.
    fn make_folder(&self, path: &str) -> io::Result<()>;
    /// Creates a file of mode 0600 for appending; it must not exist. Durable after [`Disk::sync_folder`].
    fn create(&self, path: &str) -> io::Result<Box<dyn File>>;
    /// Opens an existing file for appending.
    fn append(&self, path: &str) -> io::Result<Box<dyn File>>;
    /// Gives a file another name in its folder, in place of what has that name. Durable after [`Disk::sync_folder`].
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file. Durable after [`Disk::sync_folder`].
    fn remove(&self, path: &str) -> io::Result<()>;
    /// Lets the symbolic link `path` point at `target` in the same folder, atomically.
    fn link(&self, target: &str, path: &str) -> io::Result<()>;
    /// Makes the names in a folder durable.
    fn sync_folder(&self, path: &str) -> io::Result<()>;
    /// Takes the lock of an existing file until what is returned is dropped; `None` if another process has it.
    fn lock(&self, path: &str) -> io::Result<Option<Box<dyn Any + Send>>>;
    /// Lets the file system guard a file against everybody, root included, where it can and the journal asks for it.
    /// [`Disk::remove`], [`Disk::rename`] and [`Disk::append`] take the guard off where it is in their way.
    fn guard(&self, path: &str, guard: Guard);
    /// What opens encrypted segments, where whoever reads has it.
    fn identities(&self) -> &Identities;
}

/// A file open for appending.
pub(crate) trait File: Send {
    /// Appends some of the bytes and says how many, as `write(2)` does.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;
    /// Makes what was written durable. After an error nothing in this file past the last success can be believed.
    fn sync(&mut self) -> io::Result<()> {
        self.sync_aside()()
    }
    /// [`File::sync`] of what has been written so far, for another thread to do while more is written.
    fn sync_aside(&self) -> Errand;
}

/// Something that may take the disk its time.
pub(crate) type Errand = Box<dyn FnOnce() -> io::Result<()> + Send>;

impl dyn File + '_ {
    /// Appends all of the bytes, going on after short writes.
    pub(crate) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_as_far(bytes).1
    }

    /// The same, and says how many were appended before the error, if there was one.
    pub(crate) fn write_as_far(&mut self, bytes: &[u8]) -> (usize, io::Result<()>) {
        let mut written = 0;
        while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
            match self.write(rest) {
                Ok(0) => return (written, Err(io::ErrorKind::WriteZero.into())),
                Ok(more) => written += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return (written, Err(error)),
            }
        }
        (written, Ok(()))
    }
}

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) folder: bool,
    /// Permission bits.
    pub(crate) mode: u32,
    /// In bytes; for files.
    pub(crate) length: u64,
}

/// What a file system forbids for a file (`chattr`), to whoever has not the capability CAP_LINUX_IMMUTABLE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guard {
    /// Anything but appending: `+a`.
    Append,
    /// Any change: `+i`.
    Immutable,
}

impl Guard {
    fn flag(self) -> IFlags {
        match self {
            Self::Append => IFlags::APPEND,
            Self::Immutable => IFlags::IMMUTABLE,
        }
    }
}

/// A folder of the file system.
pub(crate) struct Folder {
    path: PathBuf,
    identities: Identities,
    /// Whether files are guarded. Not any more after it was not allowed once.
    guards: AtomicBool,
}

impl Folder {
    pub(crate) fn new(folder: &Path) -> Self {
        Self::with(folder, &Identities::default())
    }

    /// One whose encrypted segments can be opened.
    pub(crate) fn with(folder: &Path, identities: &Identities) -> Self {
        Self {
            path: folder.to_owned(),
            identities: identities.clone(),
            guards: AtomicBool::new(false),
        }
    }

    /// One whose files are guarded.
    pub(crate) fn guarded(folder: &Path) -> Self {
        Self {
            guards: AtomicBool::new(true),
            ..Self::new(folder)
        }
    }

    /// How a file is guarded.
    pub(crate) fn guard_of(&self, path: &str) -> io::Result<Option<Guard>> {
        let flags = ioctl_getflags(fs::File::open(self.path(path))?)?;
        let guards = [Guard::Immutable, Guard::Append];
        Ok(guards.into_iter().find(|guard| flags.contains(guard.flag())))
    }

    /// When a file was last written.
    pub(crate) fn written_at(&self, path: &str) -> io::Result<Timestamp> {
        let time = fs::metadata(self.path(path))?.modified()?;
        Timestamp::try_from(time).map_err(io::Error::other)
    }

    /// The user that a file belongs to.
    pub(crate) fn owner(&self, path: &str) -> io::Result<u32> {
        Ok(fs::symlink_metadata(self.path(path))?.uid())
    }

    /// The part of the disk that is left for its user, in percent.
    pub(crate) fn space_left(&self) -> io::Result<u64> {
        let space = self.space()?;
        Ok(space.left.saturating_mul(100) / space.all.max(1))
    }

    /// The room on its file system.
    pub(crate) fn space(&self) -> io::Result<Space> {
        let space = rustix::fs::statvfs(&self.path)?;
        Ok(Space {
            all: space.f_blocks.saturating_mul(space.f_frsize),
            left: space.f_bavail.saturating_mul(space.f_frsize),
        })
    }

    /// Does something to a file, and once more without its guard if that was in the way.
    fn unguarded<T>(&self, path: &str, work: impl Fn() -> io::Result<T>) -> io::Result<T> {
        match work() {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                let taken_off = set_guard(&self.path(path), None);
                if taken_off.is_ok_and(|was| was) {
                    work()
                } else {
                    Err(error)
                }
            }
            done => done,
        }
    }

    /// Makes the folders down to it that are missing; those that are there stay as they are.
    pub(crate) fn make_parents(&self) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.path)
    }

    fn path(&self, path: &str) -> PathBuf {
        // Joining the empty path would add a slash, through which a link is followed.
        if path.is_empty() {
            self.path.clone()
        } else {
            self.path.join(path)
        }
    }
}

impl Disk for Folder {
    fn status(&self, path: &str) -> io::Result<Status> {
        let metadata = fs::metadata(self.path(path))?;
        Ok(Status {
            folder: metadata.is_dir(),
            mode: metadata.mode() & 0o7777,
            length: metadata.len(),
        })
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        fs::read_dir(self.path(folder))?
            .map(|item| Ok(item?.file_name().to_string_lossy().into_owned()))
            .collect()
    }

    fn open_at(&self, path: &str, place: u64) -> io::Result<Box<dyn Read + Send>> {
        let mut file = fs::File::open(self.path(path))?;
        if place > 0 {
            file.seek(SeekFrom::Start(place))?;
        }
        Ok(Box::new(file))
    }

    fn make_folder(&self, path: &str) -> io::Result<()> {
        let path = self.path(path);
        if let Some(parent) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
        }
        match DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                fs::set_permissions(&path, Permissions::from_mode(0o700))
            }
            other => other,
        }
    }

    fn create(&self, path: &str) -> io::Result<Box<dyn File>> {
        let file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .mode(0o600)
            .open(self.path(path))?;
        Ok(Box::new(Arc::new(file)))
    }

    fn append(&self, path: &str) -> io::Result<Box<dyn File>> {
        let open = || OpenOptions::new().append(true).open(self.path(path));
        Ok(Box::new(Arc::new(self.unguarded(path, open)?)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.unguarded(to, || fs::rename(self.path(from), self.path(to)))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.unguarded(path, || fs::remove_file(self.path(path)))
    }

    fn link(&self, target: &str, path: &str) -> io::Result<()> {
        let path = self.path(path);
        let new = path.with_extension("new");
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        symlink(target, &new)?;
        fs::rename(new, path)
    }

    fn sync_folder(&self, path: &str) -> io::Result<()> {
        fs::File::open(self.path(path))?.sync_all()
    }

    fn lock(&self, path: &str) -> io::Result<Option<Box<dyn Any + Send>>> {
        let file = OpenOptions::new().write(true).open(self.path(path))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn guard(&self, path: &str, guard: Guard) {
        if self.guards.load(Ordering::Relaxed)
            && let Err(error) = set_guard(&self.path(path), Some(guard))
            && self.guards.swap(false, Ordering::Relaxed)
        {
            tracing::warn!(%error, "segments are not guarded: it takes CAP_LINUX_IMMUTABLE and a file system that can");
        }
    }

    fn identities(&self) -> &Identities {
        &self.identities
    }
}

/// Guards a file in one way, or not at all. Whether that changes anything.
fn set_guard(path: &Path, guard: Option<Guard>) -> io::Result<bool> {
    let file = fs::File::open(path)?;
    let flags = ioctl_getflags(&file)?;
    let wanted = (flags - (IFlags::APPEND | IFlags::IMMUTABLE)) | guard.map_or(IFlags::empty(), Guard::flag);
    if wanted != flags {
        ioctl_setflags(&file, wanted)?;
    }
    Ok(wanted != flags)
}

/// Shared with a sync that is under way: it must be of the open file that was written, for the kernel tells an error in
/// writing back to each open file once.
impl File for Arc<fs::File> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Write::write(&mut &**self, bytes)
    }

    fn sync_aside(&self) -> Errand {
        let file = Self::clone(self);
        Box::new(move || file.sync_data())
    }
}
