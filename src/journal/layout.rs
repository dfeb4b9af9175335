//! The folder itself: created on purpose, once, and recognised afterwards.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::Log;
use super::disk::{Disk, Folder};
use super::key::{Key, KeyFileError, Signers};
use super::log_tree::{CHECKPOINT, HISTORY, LEVELS, LogTree};
use super::recovery::text;

/// The file that makes a folder a journal.
pub(crate) const MARKER: &str = "journal";
/// The file whose lock the writing process holds.
pub(crate) const LOCK: &str = "lock";
/// The folders in every journal.
pub(crate) const FOLDERS: [&str; 5] = ["access", "access/tree", "events", "events/tree", "policies"];

/// A file that was never finished.
pub(crate) const NEW: &str = ".new";
/// The files that a log has before its first record.
const BEGUN: [&str; 3] = [CHECKPOINT, HISTORY, NEW];

/// The version of the format on disk.
const VERSION: u32 = 1;
const TITLE: &str = "townclerk journal ";
const ORIGIN: &str = "origin ";

/// What the file `journal` says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Marker {
    /// It is not there, nor perhaps the folder.
    Missing,
    /// Something that no townclerk wrote.
    Foreign,
    /// A later townclerk wrote it.
    Newer { version: u32 },
    /// A journal that we can write.
    Ours { origin: String },
}

/// Why a journal could not be created.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// There is something in the folder; a journal begins in an empty one, or where an attempt was cut short.
    #[error("the folder is not empty")]
    NotEmpty,
    /// Another process is making a journal there.
    #[error("another process is making a journal here")]
    Locked,
    /// An origin is 1 to 253 of `a-z 0-9 . - / : _`.
    #[error("the origin is not a host name")]
    Origin,
    /// There is no key to sign with.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The key was made for another site.
    #[error("the key was made for another site")]
    KeyOfAnother,
    /// The disk failed.
    #[error("the folder cannot be written: {0}")]
    Disk(#[from] io::Error),
}

/// Creates the journal of the site `origin` (its first host name) in `folder`, which must be empty or missing, and
/// signs that its logs are empty. This is the only way in which a journal comes to be, so that a wrong mount never
/// starts a second history. The key is made too, unless its file is there; it is given back for its public part to be
/// told.
///
/// An attempt that was cut short left no journal; the next one begins anew in its place, with its key.
///
/// # Errors
///
/// See [`InitError`].
pub fn init(folder: &Path, key: &Path, origin: &str) -> Result<Key, InitError> {
    let disk: Arc<dyn Disk> = Arc::new(Folder::new(folder));
    check(&*disk, origin)?;
    let made = match Key::load(key) {
        Err(KeyFileError::Missing) => Key::create(key, origin)?,
        other => other?,
    };
    if made.origin() != origin {
        return Err(InitError::KeyOfAnother);
    }
    make(&disk, made, origin)?;
    Ok(Key::load(key)?)
}

/// Whether a journal can be made here, for this site.
fn check(disk: &dyn Disk, origin: &str) -> Result<(), InitError> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-/:_".contains(&byte);
    if origin.is_empty() || origin.len() > 253 || !origin.bytes().all(allowed) {
        return Err(InitError::Origin);
    }
    match is_free(disk)? {
        true => Ok(()),
        false => Err(InitError::NotEmpty),
    }
}

/// Whether the folder is missing, or holds nothing but what an attempt leaves that was cut short. That one can be told
/// by the unfinished marker, which is there before anything else is made and for as long as it is no journal; only
/// empty folders may be without it. No journal has had a record there: none is opened without its marker.
fn is_free(disk: &dyn Disk) -> io::Result<bool> {
    let names = match disk.list("") {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        names => names?,
    };
    let begun = names.iter().any(|name| name == NEW);
    let may_be_there = |name: &String| FOLDERS.contains(&name.as_str()) || (begun && [NEW, LOCK].contains(&&**name));
    if !names.iter().all(may_be_there) {
        return Ok(false);
    }
    for folder in FOLDERS {
        let names = match disk.list(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Ok(false),
            names => names?,
        };
        let is_log = Log::ALL.iter().any(|log| log.folder() == folder);
        let may_be_there = |name: &String| is_log && (name == LEVELS || (begun && BEGUN.contains(&&**name)));
        if !names.iter().all(may_be_there) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Removes what an attempt left that was cut short; the unfinished marker, by which it can be told, last.
fn clear(disk: &dyn Disk) -> Result<(), InitError> {
    let _lock = match disk.lock(NEW) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        lock => lock?.ok_or(InitError::Locked)?,
    };
    for log in Log::ALL.map(Log::folder) {
        let there = match disk.list(log) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            names => names?,
        };
        for name in there.iter().filter(|name| BEGUN.contains(&&***name)) {
            remove(disk, &format!("{log}/{name}"))?;
        }
        disk.sync_folder(log)?;
    }
    remove(disk, LOCK)?;
    disk.sync_folder("")?;
    remove(disk, NEW)?;
    Ok(())
}

fn make(disk: &Arc<dyn Disk>, key: Key, origin: &str) -> Result<(), InitError> {
    check(&**disk, origin)?;
    disk.make_folder("")?;
    clear(&**disk)?;
    // The marker comes first, unfinished, and gets its name last: a journal is whole, or is none and can be told.
    let mut marker = disk.create(NEW)?;
    let _lock = disk.lock(NEW)?.ok_or(InitError::Locked)?;
    marker.write_all(marker_of(origin).as_bytes())?;
    marker.sync()?;
    disk.sync_folder("")?;
    for folder in FOLDERS {
        disk.make_folder(folder)?;
    }
    let Signers { access, events, .. } = key.into_signers();
    LogTree::init(Arc::clone(disk), Log::Access, access)?;
    LogTree::init(Arc::clone(disk), Log::Events, events)?;
    disk.create(LOCK)?.sync()?;
    disk.sync_folder("")?;
    disk.rename(NEW, MARKER)?;
    disk.sync_folder("")?;
    disk.sync_folder("..")?;
    Ok(())
}

/// What the file `journal` of a site says.
pub(crate) fn marker_of(origin: &str) -> String {
    format!("{TITLE}{VERSION}\n{ORIGIN}{origin}\n")
}

/// Reads the file `journal`.
pub(crate) fn marker(disk: &dyn Disk) -> io::Result<Marker> {
    let text = match text(disk, MARKER) {
        Ok(text) => text,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Marker::Missing);
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidData => return Ok(Marker::Foreign),
        Err(error) => return Err(error),
    };
    let mut lines = text.lines();
    let version = lines
        .next()
        .and_then(|line| line.strip_prefix(TITLE))
        .and_then(|version| version.parse().ok());
    let origin = lines.next().and_then(|line| line.strip_prefix(ORIGIN));
    Ok(match (version, origin) {
        (Some(version), _) if version > VERSION => Marker::Newer { version },
        (Some(VERSION), Some(origin)) => Marker::Ours {
            origin: origin.to_owned(),
        },
        _ => Marker::Foreign,
    })
}

/// Writes a whole small file, durable and under its name at once or not at all.
pub(crate) fn replace(
    disk: &dyn Disk,
    folder: &str,
    name: &str,
    content: &(impl AsRef<[u8]> + ?Sized),
) -> io::Result<()> {
    let path = |name: &str| {
        if folder.is_empty() {
            name.to_owned()
        } else {
            format!("{folder}/{name}")
        }
    };
    let new = path(NEW);
    remove(disk, &new)?;
    let mut file = disk.create(&new)?;
    file.write_all(content.as_ref())?;
    file.sync()?;
    disk.rename(&new, &path(name))?;
    disk.sync_folder(folder)
}

/// Removes a file, if it is there.
pub(crate) fn remove(disk: &dyn Disk, path: &str) -> io::Result<()> {
    match disk.remove(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A journal of the tests' key.
#[cfg(test)]
pub(crate) fn init_on(disk: &super::simulated::Simulated, origin: &str) -> Result<(), InitError> {
    make(&(Arc::new(disk.clone()) as _), super::tests::key(), origin)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::journal::simulated::{EIO, Planned, Simulated};

    fn says(text: &[u8]) -> Marker {
        let disk = Simulated::default();
        disk.put(MARKER, text);
        marker(&disk).unwrap()
    }

    #[test]
    fn the_marker_says_whose_journal_it_is() {
        let disk = Simulated::default();
        init_on(&disk, "town.example").unwrap();
        assert_eq!(disk.bytes(MARKER), b"townclerk journal 1\norigin town.example\n");
        assert_eq!(
            marker(&disk).unwrap(),
            Marker::Ours {
                origin: "town.example".to_owned()
            }
        );
        assert_eq!(says(b"townclerk journal 0\norigin a\n"), Marker::Foreign);
        assert_eq!(says(b"townclerk journal 1\n"), Marker::Foreign);
        assert_eq!(says(b"\xff"), Marker::Foreign);
        assert_eq!(marker(&Simulated::default()).unwrap(), Marker::Missing);
    }

    #[test]
    fn an_attempt_that_was_cut_short_anywhere_is_begun_anew() {
        let whole = Simulated::default();
        init_on(&whole, "town.example").unwrap();
        for done in [false, true] {
            for (after, chance) in (0..).zip([3, 1, 4, 1, 5, 9, 2, 6].into_iter().cycle()) {
                let disk = Simulated::default();
                disk.plan(Planned {
                    after,
                    calls: u32::MAX,
                    errno: EIO,
                    done,
                });
                let never_cut = init_on(&disk, "town.example").is_ok();
                let mut at: usize = chance;
                disk.cut_power(|below| {
                    at = (at * 31 + 7) % 1_009;
                    at % below
                });
                match marker(&disk).unwrap() {
                    Marker::Missing => init_on(&disk, "town.example").unwrap(),
                    _ => assert!(matches!(init_on(&disk, "town.example"), Err(InitError::NotEmpty))),
                }
                assert_eq!(disk.contents(), whole.contents(), "cut after {after}");
                if never_cut {
                    break;
                }
            }
        }
    }

    #[test]
    fn a_journal_begins_where_nothing_can_have_been_recorded() {
        let left = [".new", "lock", "access/.new", "access/checkpoint", "events/checkpoints"];
        let refused = |more: &str, left: &[&str]| {
            let disk = Simulated::default();
            for folder in ["", "access", "access/tree", "policies"] {
                disk.make_folder(folder).unwrap();
            }
            for name in left.iter().chain([&more]) {
                disk.put(name, b"");
            }
            let before = disk.contents();
            let refused = matches!(init_on(&disk, "town.example"), Err(InitError::NotEmpty));
            assert_eq!(refused, disk.contents() == before);
            refused
        };
        assert!(!refused("lock", &left), "an attempt left nothing else");
        assert!(refused("access/checkpoint", &left[1..]), "no unfinished marker");
        for more in [
            "access/20261121-00000000000000000000.jsonl",
            "access/tree/1",
            "policies/1.toml",
            "policies/.new",
            "notes.txt",
            "journal",
        ] {
            assert!(refused(more, &left), "{more}");
        }
    }

    #[test]
    fn two_do_not_make_the_same_journal() {
        let disk = Simulated::default();
        disk.make_folder("").unwrap();
        disk.put(NEW, b"");
        let _other = disk.lock(NEW).unwrap().unwrap();
        assert!(matches!(init_on(&disk, "town.example"), Err(InitError::Locked)));
    }

    proptest! {
        #[test]
        fn any_marker_is_survived(text in proptest::collection::vec(any::<u8>(), 0..60), version in any::<u64>()) {
            says(&text);
            let later = says(format!("townclerk journal {version}\norigin a\n").as_bytes());
            let expected = match u32::try_from(version) {
                Ok(0) | Err(_) => Marker::Foreign,
                Ok(1) => Marker::Ours { origin: "a".to_owned() },
                Ok(version) => Marker::Newer { version },
            };
            prop_assert_eq!(later, expected);
        }
    }
}
