//! A disk for tests. What was written and what is durable are kept apart, for files and for their names: a power cut
//! may lose, tear or hollow out whatever was not synced, name by name and file by file. Any call can be made to fail,
//! with or without having been done; a sync that failed has lost its pages for good, as on Linux, whatever the next
//! sync says (fsyncgate, 2018).

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Cursor, Read};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};

use super::age::Identities;
use super::disk::{Disk, Errand, File, Guard, Status};

pub(crate) const EIO: i32 = 5;
pub(crate) const EFBIG: i32 = 27;
pub(crate) const ENOSPC: i32 = 28;
pub(crate) const EROFS: i32 = 30;

#[derive(Clone, Default)]
pub(crate) struct Simulated(Arc<Mutex<State>>, Identities);

#[derive(Default)]
struct State {
    inodes: Vec<Inode>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    folders: BTreeMap<String, u32>,
    locks: BTreeMap<String, Arc<()>>,
    fault: Option<Planned>,
    /// The most that one write takes.
    chunk: Option<usize>,
    /// The most that one file holds.
    limit: Option<usize>,
    syncs: u64,
}

#[derive(Clone, Default)]
struct Inode {
    bytes: Vec<u8>,
    durable: Vec<u8>,
    lost: Vec<Range<usize>>,
    mode: u32,
}

/// From the call after `after` on, so many changing calls fail.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Planned {
    pub(crate) after: u32,
    pub(crate) calls: u32,
    pub(crate) errno: i32,
    /// Whether the call does its work all the same; a write does half of it.
    pub(crate) done: bool,
}

impl State {
    fn inode(&self, path: &str) -> io::Result<usize> {
        self.names
            .get(path)
            .copied()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// `Some` if this call is to fail, with whether it is done all the same.
    fn fault(&mut self) -> Option<(io::Error, bool)> {
        let planned = self.fault.as_mut()?;
        if planned.after > 0 {
            planned.after -= 1;
            return None;
        }
        let fault = (io::Error::from_raw_os_error(planned.errno), planned.done);
        planned.calls = planned.calls.saturating_sub(1);
        if planned.calls == 0 {
            self.fault = None;
        }
        Some(fault)
    }

    fn change<T>(&mut self, work: impl FnOnce(&mut Self) -> io::Result<T>) -> io::Result<T> {
        match self.fault() {
            None => work(self),
            Some((error, true)) => work(self).and(Err(error)),
            Some((error, false)) => Err(error),
        }
    }
}

impl Simulated {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// A copy of what is there, without its faults.
    pub(crate) fn snapshot(&self) -> Self {
        let state = self.state();
        Self(
            Arc::new(Mutex::new(State {
                inodes: state.inodes.clone(),
                names: state.names.clone(),
                durable_names: state.durable_names.clone(),
                folders: state.folders.clone(),
                ..State::default()
            })),
            self.1.clone(),
        )
    }

    /// The same disk, for somebody who can open what is encrypted on it.
    pub(crate) fn read_with(&self, identities: Identities) -> Self {
        Self(Arc::clone(&self.0), identities)
    }

    pub(crate) fn plan(&self, fault: Planned) {
        self.state().fault = Some(fault);
    }

    pub(crate) fn fail(&self, errno: i32) {
        self.plan(Planned {
            after: 0,
            calls: u32::MAX,
            errno,
            done: false,
        });
    }

    pub(crate) fn heal(&self) {
        let mut state = self.state();
        (state.fault, state.limit) = (None, None);
    }

    pub(crate) fn is_failing(&self) -> bool {
        let state = self.state();
        state.fault.is_some() || state.limit.is_some()
    }

    /// Files may not grow any longer than this.
    pub(crate) fn limit(&self, bytes: usize) {
        self.state().limit = Some(bytes);
    }

    pub(crate) fn short_writes(&self, chunk: Option<usize>) {
        self.state().chunk = chunk;
    }

    pub(crate) fn syncs(&self) -> u64 {
        self.state().syncs
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.state().names.keys().cloned().collect()
    }

    pub(crate) fn bytes(&self, path: &str) -> Vec<u8> {
        let state = self.state();
        state.inodes[state.inode(path).unwrap()].bytes.clone()
    }

    /// All files.
    pub(crate) fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        let names = self.names().into_iter();
        names.map(|path| (path.clone(), self.bytes(&path))).collect()
    }

    /// Somebody's hand.
    pub(crate) fn take_away(&self, path: &str) {
        let mut state = self.state();
        state.names.remove(path);
        state.durable_names.remove(path);
    }

    /// Somebody's hand.
    pub(crate) fn put(&self, path: &str, bytes: &[u8]) {
        let mut state = self.state();
        let inode = state.inodes.len();
        let (bytes, durable) = (bytes.to_vec(), bytes.to_vec());
        state.inodes.push(Inode {
            bytes,
            durable,
            lost: vec![],
            mode: 0o600,
        });
        state.names.insert(path.to_owned(), inode);
        state.durable_names.insert(path.to_owned(), inode);
    }

    pub(crate) fn set_mode(&self, path: &str, mode: u32) {
        let mut state = self.state();
        if let Some(folder) = state.folders.get_mut(path) {
            *folder = mode;
        } else {
            let inode = state.inode(path).unwrap();
            state.inodes[inode].mode = mode;
        }
    }

    /// Cuts the power; `choose(n)` is a number below `n`.
    pub(crate) fn cut_power(&self, mut choose: impl FnMut(usize) -> usize) {
        self.heal();
        let mut state = self.state();
        let paths: BTreeSet<_> = state.names.keys().chain(state.durable_names.keys()).cloned().collect();
        for path in paths {
            let (new, old) = (state.names.get(&path).copied(), state.durable_names.get(&path).copied());
            match if choose(2) == 0 { old } else { new } {
                Some(inode) => state.names.insert(path, inode),
                None => state.names.remove(&path),
            };
        }
        state.durable_names = state.names.clone();
        for inode in &mut state.inodes {
            let (synced, rest) = (inode.durable.len(), inode.bytes.len() - inode.durable.len());
            hollow(&mut inode.bytes, &inode.lost);
            inode.bytes.truncate(synced + choose(rest + 1));
            let from = synced + choose(inode.bytes.len() - synced + 1);
            if choose(3) == 0 {
                let to = from + choose(inode.bytes.len() - from + 1);
                inode.bytes[from..to].fill(0);
            }
            inode.bytes[..synced].copy_from_slice(&inode.durable);
            inode.durable = inode.bytes.clone();
            inode.lost.clear();
        }
    }
}

fn hollow(bytes: &mut [u8], holes: &[Range<usize>]) {
    for hole in holes {
        let end = hole.end.min(bytes.len());
        bytes[hole.start.min(end)..end].fill(0);
    }
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

impl Disk for Simulated {
    fn status(&self, path: &str) -> io::Result<Status> {
        let state = self.state();
        if let Some(mode) = state.folders.get(path) {
            return Ok(Status {
                folder: true,
                mode: *mode,
                length: 0,
            });
        }
        let inode = &state.inodes[state.inode(path)?];
        Ok(Status {
            folder: false,
            mode: inode.mode,
            length: inode.bytes.len() as u64,
        })
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let state = self.state();
        if !state.folders.contains_key(folder) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let paths = state
            .names
            .keys()
            .chain(state.folders.keys())
            .filter(|path| !path.is_empty());
        let inside = paths.filter(|path| folder_of(path) == folder);
        Ok(inside
            .map(|path| path.rsplit('/').next().unwrap_or(path).to_owned())
            .collect())
    }

    fn open_at(&self, path: &str, place: u64) -> io::Result<Box<dyn Read + Send>> {
        let state = self.state();
        let mut bytes = Cursor::new(state.inodes[state.inode(path)?].bytes.clone());
        bytes.set_position(place);
        Ok(Box::new(bytes))
    }

    fn make_folder(&self, path: &str) -> io::Result<()> {
        self.state().change(|state| {
            state.folders.insert(path.to_owned(), 0o700);
            Ok(())
        })
    }

    fn create(&self, path: &str) -> io::Result<Box<dyn File>> {
        self.state().change(|state| {
            if state.names.contains_key(path) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            state.inodes.push(Inode {
                mode: 0o600,
                ..Inode::default()
            });
            state.names.insert(path.to_owned(), state.inodes.len() - 1);
            Ok(())
        })?;
        self.append(path)
    }

    fn append(&self, path: &str) -> io::Result<Box<dyn File>> {
        let inode = self.state().inode(path)?;
        Ok(Box::new(Handle {
            disk: self.clone(),
            inode,
        }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.state().change(|state| {
            let inode = state.inode(from)?;
            state.names.remove(from);
            state.names.insert(to.to_owned(), inode);
            Ok(())
        })
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.state().change(|state| {
            state
                .names
                .remove(path)
                .map(drop)
                .ok_or_else(|| io::ErrorKind::NotFound.into())
        })
    }

    fn link(&self, _target: &str, _path: &str) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        self.state().change(|state| {
            state.durable_names.retain(|path, _| folder_of(path) != folder);
            let inside = state.names.iter().filter(|(path, _)| folder_of(path) == folder);
            let inside: Vec<_> = inside.map(|(path, inode)| (path.clone(), *inode)).collect();
            state.durable_names.extend(inside);
            Ok(())
        })
    }

    fn lock(&self, path: &str) -> io::Result<Option<Box<dyn Any + Send>>> {
        let mut state = self.state();
        state.inode(path)?;
        let lock = state.locks.entry(path.to_owned()).or_default();
        let free = Arc::strong_count(lock) == 1;
        Ok(free.then(|| Box::new(Arc::clone(lock)) as Box<dyn Any + Send>))
    }

    fn guard(&self, _path: &str, _guard: Guard) {}

    fn identities(&self) -> &Identities {
        &self.1
    }
}

struct Handle {
    disk: Simulated,
    inode: usize,
}

impl File for Handle {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.disk.state();
        let fault = state.fault();
        let room = state
            .limit
            .map(|limit| limit.saturating_sub(state.inodes[self.inode].bytes.len()));
        if room == Some(0) && !bytes.is_empty() {
            return Err(io::Error::from_raw_os_error(EFBIG));
        }
        let bytes = &bytes[..bytes.len().min(room.unwrap_or(usize::MAX))];
        let length = match &fault {
            None => bytes.len().min(state.chunk.unwrap_or(usize::MAX)),
            Some((_, true)) => bytes.len() / 2,
            Some((_, false)) => 0,
        };
        state.inodes[self.inode].bytes.extend_from_slice(&bytes[..length]);
        fault.map_or(Ok(length), |(error, _)| Err(error))
    }

    /// Of what was written by now: what is written until it ends stays as it is, or is lost with the rest if it fails.
    fn sync_aside(&self) -> Errand {
        let (disk, inode) = (self.disk.clone(), self.inode);
        let length = disk.state().inodes[inode].bytes.len();
        Box::new(move || {
            let mut state = disk.state();
            state.syncs += 1;
            let fault = state.fault();
            let inode = &mut state.inodes[inode];
            if let Some((error, false)) = fault {
                inode.lost.push(inode.durable.len()..inode.bytes.len());
                return Err(error);
            }
            if inode.durable.len() < length {
                inode.durable = inode.bytes[..length].to_vec();
                hollow(&mut inode.durable, &inode.lost);
            }
            fault.map_or(Ok(()), |(error, _)| Err(error))
        })
    }
}
