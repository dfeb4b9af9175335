//! The log of addresses: each line belongs to its own record whatever happens, and goes in its own time.

use super::*;
use crate::journal::Addresses;
use crate::journal::age::Identities;
use crate::journal::holds::{self, Case, Hold};
use crate::journal::note::VerifierKey;
use crate::journal::simulated::{EIO, Planned};
use crate::journal::verify::{Finding, Pinned, Report, Verdict, verify_on};
use crate::policy;

pub(super) fn two_days() -> policy::Addresses {
    kept_for(2)
}

pub(super) fn kept_for(days: u32) -> policy::Addresses {
    policy::Addresses {
        purpose: policy("1", Retention::Unlimited).access.purpose,
        days,
        fields: Fields {
            client_address: AddressRule::Whole,
            ..Fields::default()
        },
    }
}

/// Every record with what belongs to it.
pub(super) fn joined(disk: &Simulated) -> Vec<(u64, String, Option<String>)> {
    let disk = Arc::new(disk.clone());
    let mut addresses = Addresses::on(disk.clone()).unwrap();
    let mut lines = Lines::on(disk, Log::Access).unwrap();
    let mut joined = Vec::new();
    while let Some(line) = lines.next_line().unwrap() {
        let text = String::from_utf8(line.text.to_vec()).unwrap();
        let (segment, index) = (line.segment, line.index);
        let address = addresses.find(segment, index).unwrap();
        joined.push((
            index,
            text,
            address.map(|address| String::from_utf8(address.text).unwrap()),
        ));
    }
    joined
}

fn opened() -> Bench {
    let mut bench = Bench::new();
    bench.policy.addresses = Some(two_days());
    bench.open().unwrap();
    bench
}

/// Records that have their address, and records that have none; nobody has another's.
fn with_and_without(bench: &Bench) -> (Vec<String>, Vec<String>) {
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for (_, text, address) in joined(&bench.disk) {
        match address {
            Some(address) => {
                assert_eq!(address, format!("the address of {text}"));
                with.push(text);
            }
            None => without.push(text),
        }
    }
    (with, without)
}

fn adopt(bench: &mut Bench, version: &str, addresses: Option<policy::Addresses>) {
    let mut policy = policy(version, bench.policy.access.retention);
    policy.addresses = addresses;
    bench.adopt(&policy);
    bench.policy.addresses = policy.addresses;
}

pub(super) fn verified(bench: &Bench) -> Report {
    let key = key();
    let keys: Vec<VerifierKey> = Log::ALL.iter().map(|log| key.verifier(*log).clone()).collect();
    let pinned = Pinned {
        keys: &keys,
        trusted: &[],
        identities: &Identities::default(),
    };
    verify_on(&bench.disk, pinned, bench.clock.now(), &mut |_, _| {}).unwrap()
}

fn holds_bytes(bench: &Bench, what: &str) -> bool {
    let contents = bench.disk.contents();
    contents
        .values()
        .any(|bytes| memchr::memmem::find(bytes, what.as_bytes()).is_some())
}

#[test]
fn a_journal_has_addresses_only_once_a_policy_asks_for_them() {
    let mut bench = Bench::opened();
    bench.batch(["a", "b"]).unwrap();
    bench.close().unwrap();
    let of_addresses = |bench: &Bench| bench.disk.names().iter().any(|name| name.starts_with("addresses/"));
    assert!(!of_addresses(&bench));
    assert_eq!(verified(&bench).logs().count(), 2);
    bench.open().unwrap();
    bench.batch(["c"]).unwrap();
    adopt(&mut bench, "2", Some(two_days()));
    bench.batch(["d", "e"]).unwrap();
    adopt(&mut bench, "3", None);
    bench.batch(["f"]).unwrap();
    adopt(&mut bench, "4", Some(two_days()));
    bench.batch(["g"]).unwrap();
    bench.close().unwrap();
    let (with, without) = with_and_without(&bench);
    assert_eq!(with, ["d", "e", "g"]);
    assert_eq!(without, ["a", "b", "c", "f"]);
    let report = verified(&bench);
    assert_eq!((report.verdict(), report.logs().count()), (Verdict::Whole, 3));
    assert_eq!(report.others[0].signed, Some(3));
}

#[test]
fn addresses_are_gone_from_the_disk_in_their_own_time_and_the_rest_still_verifies() {
    let mut bench = Bench::new();
    bench.policy = policy("1", Retention::Days(90));
    bench.policy.addresses = Some(kept_for(14));
    bench.open().unwrap();
    bench.batch(["a", "b"]).unwrap();
    for _ in 0..14 * 24 - 1 {
        bench.wait(60 * 60);
    }
    assert!(!holds_bytes(&bench, "the address of"), "{:?}", bench.disk.names());
    assert_eq!(with_and_without(&bench), (vec![], vec!["a".to_owned(), "b".to_owned()]));
    let [told] = &bench.events_named("retention.remove")[..] else {
        panic!("{:?}", bench.events());
    };
    assert_eq!(
        (&told["log"], &told["first"], &told["next"]),
        (&"addresses".into(), &0.into(), &2.into())
    );
    bench.batch(["c"]).unwrap();
    bench.close().unwrap();
    assert_eq!(with_and_without(&bench).0, ["c"]);
    let report = verified(&bench);
    assert_eq!(report.verdict(), Verdict::Whole, "{report:?}");
    assert_eq!((report.others[0].removed.len(), report.access.records), (1, 3));
}

/// The example of a policy, with its lines about addresses in use and two days for them.
fn example_with_addresses() -> String {
    let text = include_str!("../../../config/policy.toml").replace("2026-12-01", "2026-10-01");
    let (before, rest) = text.split_once("# [log.addresses]").unwrap();
    let (table, after) = rest.split_once("\n\n").unwrap();
    let mut before = before.to_owned();
    for field in [
        "client_address = \"whole\"\n",
        "client_host = true\n",
        "user_agent = \"whole\"\n",
    ] {
        before = before.replacen(field, "", 1);
    }
    let table = table.replace("\n# ", "\n").replace("14 days", "2 days");
    format!("{before}[log.addresses]{table}\n\n{after}")
}

#[test]
fn addresses_do_not_outlive_their_time_under_a_policy_that_no_longer_has_them() {
    for restarted in [false, true] {
        let mut bench = Bench::new();
        bench.disk.put("policies/0.toml", example_with_addresses().as_bytes());
        bench.policy.addresses = Some(two_days());
        bench.open().unwrap();
        bench.batch(["a"]).unwrap();
        match restarted {
            false => adopt(&mut bench, "2", None),
            true => {
                bench.close().unwrap();
                bench.policy.addresses = None;
                bench.open().unwrap();
            }
        }
        bench.batch(["b"]).unwrap();
        assert!(holds_bytes(&bench, "the address of a"));
        for _ in 0..2 * 24 - 1 {
            bench.wait(60 * 60);
        }
        assert!(!holds_bytes(&bench, "the address of"));
        assert_eq!(bench.texts(), ["a", "b"]);
    }
}

#[test]
fn a_hold_keeps_addresses_too() {
    let mut bench = opened();
    bench.batch(["a"]).unwrap();
    let hold = Hold {
        case: Case::parse("A").unwrap(),
        from: at("2026-11-21T00:00:00Z"),
        to: at("2026-11-22T00:00:00Z"),
        set: at("2026-11-21T20:00:00Z"),
        reason: None,
    };
    holds::set(&bench.disk, &hold).unwrap();
    for _ in 0..4 {
        bench.wait(24 * 60 * 60);
        bench.batch(["b"]).unwrap();
    }
    let (with, without) = with_and_without(&bench);
    // The day next to it is kept too; the 23rd goes, the last two days are not too old.
    assert_eq!(
        (with, without),
        (["a", "b", "b", "b"].map(str::to_owned).to_vec(), vec!["b".to_owned()])
    );
    bench.close().unwrap();
    assert_eq!(verified(&bench).verdict(), Verdict::Whole, "{:?}", verified(&bench));
}

#[test]
fn a_crash_takes_no_line_for_anothers() {
    // What was not synced is lost in one log and not in the other.
    for lost in ["access/", "addresses/"] {
        let mut bench = opened();
        bench.batch(["a"]).unwrap();
        bench.wait(1);
        bench.batch(["b", "c"]).unwrap();
        bench.kill();
        let segment = bench
            .disk
            .names()
            .into_iter()
            .find(|name| name.starts_with(lost) && name.ends_with(".jsonl"));
        let segment = segment.unwrap();
        let first = bench
            .disk
            .bytes(&segment)
            .iter()
            .position(|&byte| byte == b'\n')
            .unwrap();
        bench.disk.put(&segment, &bench.disk.bytes(&segment)[..=first]);
        bench.open().unwrap();
        bench.batch(["d", "e", "f"]).unwrap();
        let (with, without) = with_and_without(&bench);
        match lost {
            "access/" => assert_eq!(
                (with, without),
                (["a", "d", "e", "f"].map(str::to_owned).to_vec(), vec![])
            ),
            _ => {
                assert_eq!(with, ["a", "d", "e", "f"]);
                assert_eq!(without, ["b", "c"]);
            }
        }
        bench.close().unwrap();
        assert_eq!(verified(&bench).verdict(), Verdict::Whole, "{:?}", verified(&bench));
    }
}

#[test]
fn whatever_fails_nobody_gets_anothers_address_and_the_journal_verifies() {
    for after in 0..45 {
        for (done, synced) in [(false, false), (true, false), (false, true), (true, true)] {
            let mut bench = opened();
            bench.batch(["a", "b"]).unwrap();
            if synced {
                bench.wait(1);
            }
            bench.disk.plan(Planned {
                after,
                calls: 1,
                errno: EIO,
                done,
            });
            bench.batch(["c"]).unwrap();
            bench.wait(1);
            bench.batch(["d", "e"]).unwrap();
            bench.wait(11);
            bench.disk.heal();
            bench.wait(1);
            assert_eq!(with_and_without(&bench).0, ["a", "b", "c", "d", "e"], "{after} {done}");
            bench.close().unwrap();
            let report = verified(&bench);
            assert_eq!(report.verdict(), Verdict::Whole, "{after} {done} {report:?}");
        }
    }
}

#[test]
fn a_policy_that_comes_while_the_disk_fails_has_its_addresses_from_then_on() {
    let mut bench = Bench::opened();
    bench.batch(["a"]).unwrap();
    bench.wait(1);
    bench.disk.fail(EIO);
    bench.batch(["b"]).unwrap();
    bench.wait(1);
    assert!(bench.queue().has_failed());
    adopt(&mut bench, "2", Some(two_days()));
    bench.disk.heal();
    bench.wait(1);
    bench.batch(["c"]).unwrap();
    let (with, without) = with_and_without(&bench);
    assert_eq!(
        (with, without),
        (vec!["c".to_owned()], vec!["a".to_owned(), "b".to_owned()])
    );
    bench.close().unwrap();
    assert_ne!(verified(&bench).verdict(), Verdict::Wrong);
}

#[test]
fn a_log_of_addresses_that_was_told_of_must_be_there() {
    let mut bench = opened();
    bench.batch(["a"]).unwrap();
    bench.close().unwrap();
    for path in bench.disk.names() {
        if path.starts_with("addresses/") {
            bench.disk.take_away(&path);
        }
    }
    assert!(matches!(bench.open(), Err(OpenError::Incomplete)));
    let report = verified(&bench);
    assert_eq!(report.others[0].findings.listed()[0], Finding::NoCheckpoint);
}

#[test]
fn what_was_never_finished_is_made_anew() {
    for calls in 1..12 {
        let mut bench = opened();
        bench.disk.plan(Planned {
            after: calls,
            calls: u32::MAX,
            errno: EIO,
            done: true,
        });
        bench.batch(["a"]).unwrap();
        bench.kill();
        bench.disk.heal();
        bench.open().unwrap();
        bench.batch(["b"]).unwrap();
        let (with, _) = with_and_without(&bench);
        assert_eq!(with.last().map(String::as_str), Some("b"), "{calls}");
        bench.close().unwrap();
        assert_ne!(
            verified(&bench).verdict(),
            Verdict::Wrong,
            "{calls} {:?}",
            verified(&bench)
        );
    }
}

#[test]
fn an_address_that_was_changed_is_found() {
    let mut bench = opened();
    bench.batch(["a", "b"]).unwrap();
    bench.close().unwrap();
    let segment = bench
        .disk
        .names()
        .into_iter()
        .find(|name| name.starts_with("addresses/2") && name.ends_with("jsonl"));
    let segment = segment.unwrap();
    let text = String::from_utf8(bench.disk.bytes(&segment)).unwrap();
    bench.disk.put(&segment, text.replace("of b", "of c").as_bytes());
    let report = verified(&bench);
    assert!(matches!(
        report.others[0].findings.listed()[0],
        Finding::RecordsDiffer { .. }
    ));
    assert!(report.access.findings.is_empty());
}

#[test]
fn a_record_whose_address_a_crash_took_never_gets_that_of_a_later_one() {
    for after in 0..80 {
        let mut bench = opened();
        bench.batch(["a", "b"]).unwrap();
        bench.kill();
        // A power cut may keep unsynced lines of one log, and none of the other.
        bench.disk.put("addresses/20261121-00000000000000000000.jsonl", b"");
        bench.open().unwrap();
        bench.disk.plan(Planned {
            after,
            calls: u32::MAX,
            errno: EIO,
            done: true,
        });
        let _ = bench.batch(["c"]);
        assert_eq!(with_and_without(&bench).1[..2], ["a", "b"], "after {after}");
        bench.kill();
        bench.disk.heal();
        bench.open().unwrap();
        bench.batch(["d"]).unwrap();
        let (with, without) = with_and_without(&bench);
        assert_eq!(
            (&with.last().unwrap()[..], &without[..2]),
            ("d", &["a".to_owned(), "b".to_owned()][..])
        );
    }
}
