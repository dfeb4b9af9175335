use std::sync::Arc;

use super::*;
use crate::journal::Lines;
use crate::journal::layout::init_on;
use crate::journal::simulated::{EIO, Planned, Simulated};
use crate::journal::tests::key;
use crate::journal::verify::{Pinned, Verdict, verify_on};

fn journal() -> Simulated {
    let disk = Simulated::default();
    init_on(&disk, "town.example").unwrap();
    disk
}

fn clock() -> Clock {
    Clock::set_to("2026-11-21T20:00:00Z".parse().unwrap())
}

fn open(disk: &Simulated) -> Result<Register, RegisterError> {
    Register::open_on(Arc::new(disk.clone()), key(), &clock())
}

fn add(disk: &Simulated, case: &str) -> Result<Proven, RegisterError> {
    let mut attributes = Map::new();
    attributes.insert("case".to_owned(), case.into());
    open(disk)?.add("disclosure.made", &attributes)
}

fn cases(disk: &Simulated) -> Vec<String> {
    let mut lines = Lines::on(Arc::new(disk.clone()), LOG).unwrap();
    let mut cases = Vec::new();
    while let Some(line) = lines.next_line().unwrap() {
        let line: Value = serde_json::from_slice(line.text).unwrap();
        cases.extend(line["case"].as_str().map(str::to_owned));
    }
    cases
}

fn verdict(disk: &Simulated) -> Verdict {
    let keys = Log::ALL.map(|log| key().verifier(log).clone());
    let identities = crate::journal::age::Identities::default();
    let pinned = Pinned {
        keys: &keys,
        trusted: &[],
        identities: &identities,
    };
    verify_on(disk, pinned, clock().now(), &mut |_, _| {})
        .unwrap()
        .verdict()
}

#[test]
fn a_line_is_proved_as_soon_as_it_is_there_and_the_journal_verifies() {
    let disk = journal();
    for (index, case) in (0..).zip(["a", "b\n\u{18}\0", "c"]) {
        let proven = add(&disk, case).unwrap();
        assert_eq!(proven.proof.index().0, index);
        let line = String::from_utf8(proven.record.clone()).unwrap();
        assert!(line.starts_with("{\"time\":\"2026-11-21T20:00:00Z\",\"event.name\":\"disclosure.made\",\"case\":"));
        assert!(proven.proof.verify(&proven.record, key().verifier(LOG)).is_ok());
    }
    assert_eq!(cases(&disk), ["a", "b\n\u{18}\0", "c"]);
    assert_eq!(verdict(&disk), Verdict::Whole);
}

#[test]
fn one_process_at_a_time_adds_to_it_and_the_journals_own_lock_is_not_in_its_way() {
    let disk = journal();
    let _serving = disk.lock("lock").unwrap().unwrap();
    let first = open(&disk).unwrap();
    assert!(first.is_new());
    assert!(matches!(open(&disk), Err(RegisterError::Locked)));
    drop(first);
    add(&disk, "a").unwrap();
    assert!(!open(&disk).unwrap().is_new());
}

#[test]
fn whatever_fails_and_however_it_is_cut_short_no_line_is_lost_that_was_acknowledged() {
    for done in [false, true] {
        for (after, chance) in (0..).zip([3, 1, 4, 1, 5, 9, 2, 6].into_iter().cycle()) {
            let disk = journal();
            add(&disk, "before").unwrap();
            disk.plan(Planned {
                after,
                calls: u32::MAX,
                errno: EIO,
                done,
            });
            let acknowledged = add(&disk, "at stake").is_ok();
            let mut at: usize = chance;
            disk.cut_power(|below| {
                at = (at * 31 + 7) % 1_009;
                at % below
            });
            add(&disk, "after").unwrap();
            let cases = cases(&disk);
            assert_eq!(
                (cases.first(), cases.last()),
                (Some(&"before".to_owned()), Some(&"after".to_owned()))
            );
            assert!(!acknowledged || cases.len() == 3, "cut after {after}: {cases:?}");
            assert_eq!(verdict(&disk), Verdict::Whole, "cut after {after}");
            if acknowledged {
                break;
            }
        }
    }
}

#[test]
fn a_first_line_that_is_cut_short_anywhere_leaves_a_register_or_none() {
    for after in 0.. {
        let disk = journal();
        disk.plan(Planned {
            after,
            calls: u32::MAX,
            errno: EIO,
            done: true,
        });
        let acknowledged = add(&disk, "first").is_ok();
        disk.cut_power(|below| after as usize % below);
        add(&disk, "second").unwrap();
        assert_eq!(cases(&disk).last().map(String::as_str), Some("second"));
        assert!(!acknowledged || cases(&disk).len() == 2);
        assert_eq!(verdict(&disk), Verdict::Whole, "cut after {after}");
        if acknowledged {
            break;
        }
    }
}

#[test]
fn a_signed_line_that_was_changed_or_removed_stops_the_next_one_and_is_found() {
    let disk = journal();
    add(&disk, "a").unwrap();
    let names = segment::list(&disk, LOG).unwrap();
    let path = names[0].path(LOG);
    let text = String::from_utf8(disk.bytes(&path)).unwrap();
    disk.put(&path, text.replace("\"a\"", "\"b\"").as_bytes());
    assert!(matches!(
        add(&disk, "c"),
        Err(RegisterError::Open(OpenError::SignedAltered { log: LOG }))
    ));
    assert_eq!(verdict(&disk), Verdict::Wrong);
    disk.remove(&path).unwrap();
    assert!(matches!(
        add(&disk, "c"),
        Err(RegisterError::Open(OpenError::SignedMissing { log: LOG }))
    ));
}
