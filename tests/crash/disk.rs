//! A disk that remembers every write and every flush, and fails when it is told to: a file in a file system of its own
//! (FUSE), which a loop device makes a disk of. ext4 on it is the kernel's. A power cut leaves what a disk may leave:
//! any of the writes since the last flush that was answered may be missing or torn.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use fuser::{
    BackgroundSession, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, Generation, INodeNo, LockOwner,
    MountOption, OpenFlags, ReplyAttr, ReplyData, ReplyEmpty, ReplyEntry, ReplyWrite, Request, WriteFlags,
};
use jiff::Timestamp;
use townclerk::clock::Clock;

use super::Dice;
use crate::skip::{cannot, skip};

/// What the disk was asked to do.
enum Call {
    Write { at: usize, bytes: Vec<u8> },
    Flush,
}

/// How a disk fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failing {
    /// Not at all.
    Not,
    /// The next write that holds these bytes fails; those after it do not.
    Once(&'static [u8]),
    /// Every write and every flush fails.
    All,
    /// Every flush waits until it is told otherwise.
    Waiting,
}

struct State {
    bytes: Vec<u8>,
    /// What was there when the recording began.
    before: Vec<u8>,
    calls: Vec<(Timestamp, Call)>,
    failing: Failing,
    failed: u32,
}

/// The disk, unmounted when it is dropped.
pub struct Disk {
    state: Arc<Mutex<State>>,
    file: PathBuf,
    _mounted: BackgroundSession,
    _folder: tempfile::TempDir,
}

/// What a power cut leaves, and when it was.
pub struct Cut {
    pub image: Vec<u8>,
    pub at: Timestamp,
}

impl Disk {
    /// One with an empty ext4 on it. `None`, and said, where there can be none.
    pub fn of_ext4(what: &str) -> Option<Self> {
        let image = tempfile::NamedTempFile::new().expect("a file");
        ext4(image.path(), what)?;
        let bytes = fs::read(image.path()).expect("bytes");
        let state = Arc::new(Mutex::new(State {
            before: bytes.clone(),
            bytes,
            calls: Vec::new(),
            failing: Failing::Not,
            failed: 0,
        }));
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName("townclerk-test".to_owned())];
        let mounted = match fuser::spawn_mount(OneFile(Arc::clone(&state)), folder.path(), &config) {
            Ok(mounted) => mounted,
            Err(error) => {
                cannot(what, &format!("FUSE: {error}"));
                return None;
            }
        };
        Some(Self {
            state,
            file: folder.path().join(NAME),
            _mounted: mounted,
            _folder: folder,
        })
    }

    /// Mounts what is on it.
    pub fn mount(&self, what: &str) -> Option<Mounted> {
        Mounted::loop_device(&self.file, what)
    }

    /// Remembers from here on.
    pub fn record(&self) {
        let mut state = self.state();
        state.before = state.bytes.clone();
        state.calls.clear();
    }

    /// How many writes and flushes there were since.
    pub fn calls(&self) -> usize {
        self.state().calls.len()
    }

    pub fn fail(&self, failing: Failing) {
        self.state().failing = failing;
    }

    /// How many writes and flushes failed.
    pub fn failed(&self) -> u32 {
        self.state().failed
    }

    /// What a power cut leaves that comes when so many calls were answered.
    pub fn cut(&self, calls: usize, dice: &mut Dice) -> Cut {
        let state = self.state();
        let calls = &state.calls[..calls];
        let flushed = calls.iter().rposition(|(_, call)| matches!(call, Call::Flush));
        let mut image = state.before.clone();
        // Disks differ: some keep all they have taken, some in order, some as they like.
        let kind = dice.below(3);
        for (number, (_, call)) in calls.iter().enumerate() {
            let Call::Write { at, bytes } = call else { continue };
            let sure = flushed.is_some_and(|flushed| number < flushed);
            let length = match (sure, kind) {
                (true, _) | (_, 0) => bytes.len(),
                (_, 1) => break,
                _ if dice.below(2) == 0 => 0,
                _ if dice.below(8) == 0 => dice.below(bytes.len() as u64 / 512) as usize * 512,
                _ => bytes.len(),
            };
            image[*at..*at + length].copy_from_slice(&bytes[..length]);
        }
        let at = calls.last().map_or(Timestamp::MIN, |(at, _)| *at);
        Cut { image, at }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes an ext4 of 16 MiB in a file.
pub fn ext4(image: &Path, what: &str) -> Option<()> {
    let size = fs::OpenOptions::new()
        .write(true)
        .open(image)
        .and_then(|file| file.set_len(16 << 20));
    size.expect("room");
    let made = Command::new("mkfs.ext4")
        .args(["-q", "-F", "-E", "nodiscard,lazy_itable_init=0,lazy_journal_init=0"])
        .arg(image)
        .output();
    if made.is_ok_and(|made| made.status.success()) {
        return Some(());
    }
    skip(what, "mkfs.ext4 is not installed");
    None
}

/// A file system that is mounted, unmounted when it is dropped.
pub struct Mounted {
    folder: tempfile::TempDir,
}

impl Mounted {
    /// That in an image. `None`, and said, where nothing can be mounted.
    pub fn loop_device(image: &Path, what: &str) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let mounted = Command::new("mount")
            .args(["-t", "ext4", "-o", "loop"])
            .arg(image)
            .arg(folder.path())
            .output();
        let said = match mounted {
            Ok(mounted) if mounted.status.success() => return Some(Self { folder }),
            Ok(mounted) => String::from_utf8_lossy(&mounted.stderr).into_owned(),
            Err(error) => error.to_string(),
        };
        cannot(what, &format!("nothing can be mounted here: {}", said.trim()));
        None
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Everything is on the disk.
    pub fn sync(&self) {
        let synced = Command::new("sync").arg("-f").arg(self.path()).status();
        assert!(synced.expect("sync runs").success());
    }

    /// As `mount -o remount,…`.
    pub fn remount(&self, options: &str) -> bool {
        let remount = Command::new("mount")
            .args(["-o", &format!("remount,{options}")])
            .arg(self.path())
            .output();
        remount.expect("mount runs").status.success()
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // A program that another test starts has our files for a moment.
        for _ in 0..100 {
            let unmounted = Command::new("umount").arg(self.path()).output();
            if unmounted.is_ok_and(|unmounted| unmounted.status.success()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = Command::new("umount").arg("-l").arg(self.path()).output();
    }
}

/// A file system of one file.
struct OneFile(Arc<Mutex<State>>);

const NAME: &str = "disk";
const FILE: INodeNo = INodeNo(2);
const TTL: Duration = Duration::from_secs(3600);

impl OneFile {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn attributes(&self, inode: INodeNo) -> FileAttr {
        let is_file = inode == FILE;
        let size = if is_file { self.state().bytes.len() as u64 } else { 0 };
        FileAttr {
            ino: inode,
            size,
            blocks: size.div_ceil(512),
            atime: UNIX_EPOCH,
            mtime: UNIX_EPOCH,
            ctime: UNIX_EPOCH,
            crtime: UNIX_EPOCH,
            kind: if is_file {
                FileType::RegularFile
            } else {
                FileType::Directory
            },
            perm: if is_file { 0o600 } else { 0o700 },
            nlink: 1,
            uid: 0,
            gid: 0,
            rdev: 0,
            blksize: 4096,
            flags: 0,
        }
    }
}

impl Filesystem for OneFile {
    fn lookup(&self, _: &Request, _: INodeNo, name: &OsStr, reply: ReplyEntry) {
        match name == NAME {
            true => reply.entry(&TTL, &self.attributes(FILE), Generation(0)),
            false => reply.error(Errno::ENOENT),
        }
    }

    fn getattr(&self, _: &Request, inode: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        reply.attr(&TTL, &self.attributes(inode));
    }

    fn read(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let state = self.state();
        let from = usize::try_from(offset).map_or(state.bytes.len(), |from| from.min(state.bytes.len()));
        let to = (from + size as usize).min(state.bytes.len());
        reply.data(&state.bytes[from..to]);
    }

    fn write(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let mut state = self.state();
        let at = usize::try_from(offset).expect("a small disk");
        let fails = match state.failing {
            Failing::Not | Failing::Waiting => false,
            Failing::All => true,
            Failing::Once(bytes) => data.windows(bytes.len()).any(|window| window == bytes),
        };
        if fails || at + data.len() > state.bytes.len() {
            if state.failing != Failing::All {
                state.failing = Failing::Not;
            }
            state.failed += 1;
            return reply.error(Errno::EIO);
        }
        state.bytes[at..at + data.len()].copy_from_slice(data);
        let bytes = data.to_vec();
        state.calls.push((Clock::system().now(), Call::Write { at, bytes }));
        reply.written(u32::try_from(data.len()).expect("a short write"));
    }

    fn fsync(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        while self.state().failing == Failing::Waiting {
            thread::sleep(Duration::from_millis(2));
        }
        let mut state = self.state();
        if state.failing == Failing::All {
            state.failed += 1;
            return reply.error(Errno::EIO);
        }
        state.calls.push((Clock::system().now(), Call::Flush));
        reply.ok();
    }

    fn setattr(
        &self,
        _: &Request,
        inode: INodeNo,
        _: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        _: Option<u64>,
        _: Option<fuser::TimeOrNow>,
        _: Option<fuser::TimeOrNow>,
        _: Option<std::time::SystemTime>,
        _: Option<FileHandle>,
        _: Option<std::time::SystemTime>,
        _: Option<std::time::SystemTime>,
        _: Option<std::time::SystemTime>,
        _: Option<fuser::BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        reply.attr(&TTL, &self.attributes(inode));
    }
}
