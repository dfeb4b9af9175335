//! A disk that is really full: nothing that was taken is lost, the configured answer is given, the gap becomes an
//! entry, and the journal verifies. Needs root, for a file system of its own.

use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::process::Command;

use townclerk::clock::Clock;
use townclerk::config::Config;
use townclerk::journal::{self, Log};
use townclerk::server::Server;

use super::is_whole;
use crate::drain::until;
use crate::skip::cannot;
use crate::town::{Cms, HOST, Kept, Town, Visitor};

/// A file system of 1 MiB in memory, gone with the value.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=1m", "townclerk-test"])
            .arg(folder.path())
            .output();
        if mounted.is_ok_and(|mounted| mounted.status.success()) {
            return Some(Self(folder));
        }
        cannot("a full disk", "no file system can be mounted here, run as root");
        None
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn fill(&self) {
        let mut filler = fs::File::create(self.path().join("filler")).expect("a file");
        while std::io::Write::write_all(&mut filler, &[0; 4096]).is_ok() {}
    }

    fn make_room(&self) {
        fs::remove_file(self.path().join("filler")).expect("it is there");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.path()).status();
    }
}

/// Those who ask, and what they were told.
struct Visitors<'a> {
    server: &'a Server,
    answered: Cell<u64>,
    refused: Cell<u64>,
}

impl Visitors<'_> {
    fn ask(&self, path: &str) -> u16 {
        let mut visitor = Visitor::to(self.server.http()[0]);
        visitor.send(format!(
            "GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"
        ));
        let status = visitor.answer().status;
        let count = if status == 503 { &self.refused } else { &self.answered };
        count.set(count.get() + 1);
        status
    }
}

/// What a full disk left, and how many exchanges were answered and refused.
struct Left {
    kept: Kept,
    answered: u64,
    refused: u64,
}

impl Left {
    /// What all gaps tell of one kind.
    fn told(&self, key: &str) -> u64 {
        let events = self.kept.events.iter();
        events.filter_map(|event| event[key].as_u64()).sum()
    }
}

/// Serves one page, fills the disk, asks until `during` is content, makes room, serves one page, stops.
fn through_a_full_disk(on_failure: &str, during: impl Fn(&Visitors<'_>)) -> Option<Left> {
    let disk = SmallDisk::mount()?;
    let cms = Cms::page("x");
    let plan = Town::before(&cms)
        .journal(&format!("on_failure = \"{on_failure}\""))
        .journal("sync_interval = \"10 ms\"");
    let (config, folder) = plan.write(disk.path());
    let config = Config::load(&config).unwrap_or_else(|faults| panic!("{faults}"));
    let key = journal::init(&folder, &config.sites[0].journal.key, HOST).expect("a journal");
    let server = Server::start(&config, Clock::system()).expect("it starts");
    let visitors = Visitors {
        server: &server,
        answered: Cell::new(0),
        refused: Cell::new(0),
    };
    assert_eq!(visitors.ask("/before"), 200);
    until(|| Kept::read(disk.path()).entries.len() == 1);
    disk.fill();
    during(&visitors);
    disk.make_room();
    let gap = || {
        Kept::read(disk.path())
            .events
            .iter()
            .any(|event| event["event.name"] == "journal.gap")
    };
    until(|| visitors.ask("/again") == 200 && gap());
    assert_eq!(visitors.ask("/after"), 200);
    let (answered, refused) = (visitors.answered.get(), visitors.refused.get());
    server.stop().expect("the journal closes whole");
    is_whole(&folder, &Log::ALL.map(|log| key.verifier(log).clone()), on_failure);
    let kept = Kept::read(disk.path());
    Some(Left {
        kept,
        answered,
        refused,
    })
}

#[test]
fn what_cannot_be_recorded_is_refused() {
    let refused = |visitors: &Visitors<'_>| until(|| visitors.ask("/during") == 503);
    let Some(left) = through_a_full_disk("refuse", refused) else {
        return;
    };
    assert!(left.refused >= 1);
    assert_eq!((left.told("refused"), left.told("unrecorded")), (left.refused, 0));
    let entries = &left.kept.entries;
    assert_eq!(
        entries.len() as u64,
        left.answered,
        "each that was answered has its entry"
    );
    assert_eq!(entries[0]["url.path"], "/before");
    assert_eq!(entries.last().expect("one")["url.path"], "/after");
}

#[test]
fn or_it_is_served_and_counted() {
    let served = |visitors: &Visitors<'_>| {
        // Places are there until the disk has said no; a hundred exchanges more than those it held are not recorded.
        until(|| {
            assert_eq!(visitors.ask("/during"), 200);
            visitors.answered.get() > 300
        });
    };
    let Some(left) = through_a_full_disk("serve-and-count", served) else {
        return;
    };
    let unrecorded = left.told("unrecorded");
    assert!(unrecorded >= 1, "{:#?}", left.kept.events);
    assert_eq!(left.told("refused"), 0);
    assert_eq!(
        left.kept.entries.len() as u64 + unrecorded,
        left.answered,
        "each is an entry, or counted"
    );
}
