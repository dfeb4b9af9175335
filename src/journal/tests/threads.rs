//! The whole journal, with its thread, on a real disk.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::LazyLock;
use std::thread;

use super::*;
use crate::entry::{ClientHost, Entry, Observation, Outcome};
use crate::journal::age::Identities;
use crate::journal::{Event, Journal};

static SEEN: LazyLock<(Observation, Policy)> = LazyLock::new(|| {
    let observation = Observation {
        arrived: at("2026-11-21T20:00:00Z"),
        sent: None,
        client: IpAddr::V4(Ipv4Addr::LOCALHOST),
        client_host: ClientHost::NotAsked,
        request: None,
        status: None,
        bytes: 0,
        first_page: false,
        outcome: Outcome::Completed,
    };
    (observation, policy("1", Retention::Unlimited))
});

pub(super) fn entry() -> Entry<'static> {
    let (observation, policy) = &*SEEN;
    observation.redact(policy, &[])
}

fn open(folder: &Path) -> Result<Journal, OpenError> {
    let settings = Settings {
        folder: folder.to_owned(),
        key: key_of(folder),
        queue: 65_536,
        ..settings()
    };
    Journal::open(
        &settings,
        &policy("1", Retention::Unlimited),
        "version = 1",
        Clock::system(),
    )
}

pub(super) fn key_of(folder: &Path) -> PathBuf {
    folder.with_extension("key")
}

fn init(folder: &Path, origin: &str) -> Result<Key, layout::InitError> {
    layout::init(folder, &key_of(folder), origin)
}

fn count(folder: &Path, log: Log) -> u64 {
    let mut lines = Lines::of(folder, log, &Identities::default()).unwrap();
    let mut count = 0;
    while let Some(line) = lines.next_line().unwrap() {
        assert_eq!(line.index, count);
        count += 1;
    }
    count
}

#[test]
fn every_entry_of_every_thread_is_written_once() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("journal");
    init(&folder, "town.example").unwrap();
    let journal = open(&folder).unwrap();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..2_500).for_each(|_| journal.reserve().unwrap().append(&entry())));
        }
    });
    drop(journal.reserve().unwrap());
    assert!(matches!(open(&folder), Err(OpenError::Locked)));
    journal.close().unwrap();
    assert_eq!(journal.status().records, 10_000);
    assert_eq!(journal.status().waiting, 0);
    assert!(journal.reserve().is_err());
    assert_eq!(count(&folder, Log::Access), 10_000);

    let again = open(&folder).unwrap();
    assert_eq!((again.origin(), again.status().records), ("town.example", 10_000));
}

#[test]
fn only_its_user_can_read_a_journal() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    init(folder, "town.example").unwrap();
    let journal = open(folder).unwrap();
    journal.reserve().unwrap().append(&entry());
    journal.close().unwrap();
    let mut seen = 0;
    let mut ahead = vec![folder.to_owned()];
    while let Some(path) = ahead.pop() {
        let metadata = fs::metadata(&path).unwrap();
        let expected = if metadata.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(metadata.permissions().mode() & 0o7777, expected, "{}", path.display());
        if metadata.is_dir() {
            ahead.extend(fs::read_dir(&path).unwrap().map(|item| item.unwrap().path()));
        }
        seen += 1;
    }
    assert!(seen >= 9, "{seen}");
}

#[test]
fn the_current_segment_has_a_name_that_stays() {
    let place = tempfile::tempdir().unwrap();
    init(place.path(), "town.example").unwrap();
    for _ in 0..2 {
        let journal = open(place.path()).unwrap();
        journal.reserve().unwrap().append(&entry());
        journal.close().unwrap();
        let current = fs::read(place.path().join("access/current")).unwrap();
        assert_eq!(current.iter().filter(|byte| **byte == b'\n').count(), 1);
    }
    assert_eq!(count(place.path(), Log::Access), 2);
}

#[test]
fn a_journal_that_is_dropped_says_so() {
    let place = tempfile::tempdir().unwrap();
    init(place.path(), "town.example").unwrap();
    let journal = open(place.path()).unwrap();
    journal.event(Event::Stop { reason: Stop::Closed });
    drop(journal);
    let mut lines = Lines::of(place.path(), Log::Events, &Identities::default()).unwrap();
    let mut last = String::new();
    while let Some(line) = lines.next_line().unwrap() {
        last = String::from_utf8(line.text.to_vec()).unwrap();
    }
    assert!(last.contains("\"reason\":\"dropped\""), "{last}");
}

#[test]
fn a_changed_policy_needs_a_new_version_while_running_too() {
    let place = tempfile::tempdir().unwrap();
    init(place.path(), "town.example").unwrap();
    let journal = open(place.path()).unwrap();
    let changed = journal.adopt(&policy("1", Retention::Unlimited), "version = 1 # changed");
    assert!(matches!(changed, Err(OpenError::Policy(_))));
    journal.reserve().unwrap().append(&entry());
    journal
        .adopt(&policy("2", Retention::Unlimited), "version = 2")
        .unwrap();
    journal.reserve().unwrap().append(&entry());
    journal.close().unwrap();
    let names = fs::read_dir(place.path().join("access")).unwrap();
    let segments = names.filter(|name| Name::parse(&name.as_ref().unwrap().file_name().to_string_lossy()).is_some());
    assert_eq!((segments.count(), count(place.path(), Log::Access)), (2, 2));
    assert_eq!(fs::read(place.path().join("policies/2.toml")).unwrap(), b"version = 2");
}
