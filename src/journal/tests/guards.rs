//! Segments that the file system guards: nobody else changes them, and the journal is not in its own way.

use std::fs;
use std::path::Path;

use super::threads::{entry, key_of};
use super::*;
use crate::journal::Journal;
use crate::journal::disk::{Disk, Folder, Guard};
use crate::journal::packing::Closed;

/// Whether files can be guarded here.
fn can_guard() -> bool {
    let place = tempfile::tempdir().unwrap();
    let disk = Folder::guarded(place.path());
    drop(disk.create("probe").unwrap());
    disk.guard("probe", Guard::Append);
    let can = disk.guard_of("probe").is_ok_and(|guard| guard == Some(Guard::Append));
    disk.remove("probe").unwrap();
    can
}

/// Takes all guards off, however the test ends, so that the folder can go.
struct Unguarded<'a>(&'a Path);

impl Drop for Unguarded<'_> {
    fn drop(&mut self) {
        let disk = Folder::new(self.0);
        for log in Log::ALL {
            for name in disk.list(log.folder()).unwrap_or_default() {
                let _ = disk.append(&format!("{}/{name}", log.folder()));
                if disk
                    .guard_of(&format!("{}/{name}", log.folder()))
                    .is_ok_and(|guard| guard.is_some())
                {
                    let _ = disk.remove(&format!("{}/{name}", log.folder()));
                }
            }
        }
    }
}

#[test]
fn nobody_changes_a_guarded_segment_and_the_journal_goes_on_is_packed_and_retires() {
    if !can_guard() {
        let _ = std::io::Write::write_all(
            &mut std::io::stderr(),
            b"skipped guarded segments: they take CAP_LINUX_IMMUTABLE, and a file system that can\n",
        );
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let folder = &place.path().join("journal");
    layout::init(folder, &key_of(folder), "town.example").unwrap();
    let _unguarded = Unguarded(folder);
    let disk = Folder::new(folder);
    let day = |day: u8, retention, closed| {
        let settings = Settings {
            folder: folder.clone(),
            key: key_of(folder),
            immutable: true,
            closed,
            ..settings()
        };
        let clock = Clock::set_to(at(&format!("2026-11-{day}T22:00:00Z")));
        Journal::open(&settings, &policy("1", retention), "version = 1", clock).unwrap()
    };
    let names = || segment::list(&disk, Log::Access).unwrap();
    let wait = |done: &dyn Fn() -> bool| {
        for _ in 0..3_000 {
            if done() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("it takes too long");
    };
    let guard_of = |path: &str| disk.guard_of(path).ok().flatten();

    let journal = day(21, Retention::Unlimited, None);
    journal.reserve().unwrap().append(&entry());
    wait(&|| {
        names()
            .first()
            .is_some_and(|name| guard_of(&name.path(Log::Access)) == Some(Guard::Append))
    });
    let first = names()[0].path(Log::Access);
    assert!(fs::write(folder.join(&first), "another history").is_err());
    journal.close().unwrap();
    assert_eq!(guard_of(&first), Some(Guard::Immutable));
    assert!(fs::remove_file(folder.join(&first)).is_err());

    let closed = Closed {
        after: Duration::ZERO,
        compress: true,
        encrypt_to: Vec::new(),
    };
    for today in [22, 23] {
        let journal = day(today, Retention::Unlimited, None);
        journal.reserve().unwrap().append(&entry());
        journal.close().unwrap();
    }
    let journal = day(23, Retention::Unlimited, Some(closed));
    let packed = format!("{first}.zst");
    wait(&|| guard_of(&packed) == Some(Guard::Immutable));
    assert!(!folder.join(&first).exists());
    journal.close().unwrap();

    day(24, Retention::Days(2), None).close().unwrap();
    assert!(!folder.join(&packed).exists(), "retention takes the guard off");
    assert_eq!(names().len(), 1);
}
