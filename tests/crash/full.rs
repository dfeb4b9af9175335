//! A disk that is really full: nothing of the past is lost, the configured answer is given, and the gap becomes an
//! entry. Needs root, for a file system of its own.

use std::fs;
use std::path::Path;
use std::process::Command;

use townclerk::clock::Clock;
use townclerk::config::Config;
use townclerk::journal;
use townclerk::server::Server;

use crate::drain::until;
use crate::skip::cannot;
use crate::town::{Answer, Cms, HOST, Kept, Town, Visitor};

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

fn ask(server: &Server, path: &str) -> Answer {
    let mut visitor = Visitor::to(server.http()[0]);
    visitor.send(format!(
        "GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"
    ));
    visitor.answer()
}

/// Serves one page, fills the disk, asks until `during` is content, makes room, serves one page, stops.
fn through_a_full_disk(on_failure: &str, during: impl Fn(&Server)) -> Option<Kept> {
    let disk = SmallDisk::mount()?;
    let cms = Cms::page("x");
    let plan = Town::before(&cms)
        .journal(&format!("on_failure = \"{on_failure}\""))
        .journal("sync_interval = \"10 ms\"");
    let (config, folder) = plan.write(disk.path());
    let config = Config::load(&config).unwrap_or_else(|faults| panic!("{faults}"));
    journal::init(&folder, &config.sites[0].journal.key, HOST).expect("a journal");
    let server = Server::start(&config, Clock::system()).expect("it starts");
    assert_eq!(ask(&server, "/before").status, 200);
    until(|| Kept::read(disk.path()).entries.len() == 1);
    disk.fill();
    during(&server);
    disk.make_room();
    let gap = || {
        Kept::read(disk.path())
            .events
            .iter()
            .any(|event| event["event.name"] == "journal.gap")
    };
    until(|| ask(&server, "/again").status == 200 && gap());
    assert_eq!(ask(&server, "/after").status, 200);
    server.stop().expect("the journal closes whole");
    Some(Kept::read(disk.path()))
}

#[test]
fn what_cannot_be_recorded_is_refused() {
    let refused = |server: &Server| until(|| ask(server, "/during").status == 503);
    let Some(kept) = through_a_full_disk("refuse", refused) else {
        return;
    };
    let gap = kept
        .events
        .iter()
        .find(|event| event["event.name"] == "journal.gap")
        .expect("a gap");
    assert!(gap["refused"].as_u64().expect("a count") >= 1, "{gap}");
    assert_eq!(gap["unrecorded"], 0, "{gap}");
    assert_eq!(kept.entries[0]["url.path"], "/before");
    assert_eq!(kept.entries.last().expect("one")["url.path"], "/after");
}

#[test]
fn or_it_is_served_and_counted() {
    let lost = std::cell::Cell::new(0_u32);
    let served = |server: &Server| {
        // Places are there until the disk has said no; a hundred exchanges more than those it held are not recorded.
        until(|| {
            assert_eq!(ask(server, "/during").status, 200);
            lost.set(lost.get() + 1);
            lost.get() >= 300
        });
    };
    let Some(kept) = through_a_full_disk("serve-and-count", served) else {
        return;
    };
    let unrecorded: u64 = kept
        .events
        .iter()
        .filter_map(|event| event["unrecorded"].as_u64())
        .sum();
    let during = kept
        .entries
        .iter()
        .filter(|entry| entry["url.path"] == "/during")
        .count() as u64;
    let after = kept
        .entries
        .iter()
        .filter(|entry| entry["url.path"] == "/after")
        .count() as u64;
    assert!(unrecorded >= 1, "{:#?}", kept.events);
    assert!(during + unrecorded >= 300, "{during} entries and {unrecorded} counted");
    assert!(after >= 1);
}
