//! What a hold keeps, and nothing more.

use super::*;
use crate::journal::disk::Disk;
use crate::journal::holds::{self, Case, Hold};
use crate::journal::simulated::{EIO, Planned};

/// A journal of 2 days' retention with a segment a day from the 1st to the 9th of November, and holds from its start.
fn nine_days(holds: &[Hold]) -> Bench {
    let mut bench = Bench::new();
    bench.clock.set(at("2026-11-01T12:00:00Z"));
    bench.policy = policy("1", Retention::Days(2));
    for hold in holds {
        holds::set(&bench.disk, hold).unwrap();
    }
    bench.open().unwrap();
    for day in 1..=9 {
        bench.clock.set(at(&format!("2026-11-{day:02}T12:00:00Z")));
        bench.batch([format!("{day}a").as_str(), &format!("{day}b")]).unwrap();
        bench.writer().go_round();
    }
    bench
}

fn hold(case: &str, from: &str, to: &str) -> Hold {
    Hold {
        case: Case::parse(case).unwrap(),
        from: at(from),
        to: at(to),
        set: at("2026-11-01T00:00:00Z"),
        reason: None,
    }
}

fn days(bench: &Bench) -> Vec<String> {
    bench.texts().into_iter().filter(|text| text.ends_with('a')).collect()
}

#[test]
fn a_hold_keeps_its_days_and_retention_goes_on_around_them() {
    let hold = hold("A", "2026-11-04T10:00:00Z", "2026-11-04T11:00:00Z");
    let mut bench = nine_days(std::slice::from_ref(&hold));
    assert_eq!(days(&bench), ["3a", "4a", "5a", "8a", "9a"]);
    assert_eq!(bench.access()[6], (14, "8a".to_owned()), "each record keeps its index");
    bench.close().unwrap();
    bench.open().unwrap();
    bench.wait(24 * 60 * 60);
    assert_eq!(days(&bench), ["3a", "4a", "5a", "9a"]);

    holds::release(&bench.disk, &hold.case).unwrap();
    bench.writer().go_round();
    assert_eq!(bench.access(), [(16, "9a".to_owned()), (17, "9b".to_owned())]);
    assert_eq!(bench.segments().len(), 1, "{:?}", bench.segments());
    let told: Vec<_> = bench
        .events()
        .iter()
        .filter_map(|event| {
            Some((
                event["event.name"].as_str()?.to_owned(),
                event["case"].as_str()?.to_owned(),
            ))
        })
        .collect();
    let expected = [("hold.set", "A"), ("hold.release", "A")].map(|(name, case)| (name.to_owned(), case.to_owned()));
    assert_eq!(told, expected, "each once, across a restart");
}

#[test]
fn nothing_is_kept_longer_than_the_policy_says_because_something_else_is_held() {
    let mut bench = nine_days(&[
        hold("A", "2026-11-02T10:00:00Z", "2026-11-02T11:00:00Z"),
        hold("B", "2026-11-06T10:00:00Z", "2026-11-06T11:00:00Z"),
    ]);
    assert_eq!(days(&bench), ["1a", "2a", "3a", "5a", "6a", "7a", "8a", "9a"]);
    bench.clock.set(at("2026-11-09T21:59:59Z"));
    bench.writer().go_round();
    assert_eq!(days(&bench), ["1a", "2a", "3a", "5a", "6a", "7a", "8a", "9a"]);
    bench.clock.set(at("2026-11-09T22:00:00Z"));
    bench.writer().go_round();
    assert_eq!(days(&bench), ["1a", "2a", "3a", "5a", "6a", "7a", "9a"]);
    let removed = bench.events_named("retention.remove");
    let removed: Vec<_> = removed
        .iter()
        .map(|event| (event["first"].as_u64().unwrap(), event["next"].as_u64().unwrap()))
        .collect();
    assert_eq!(removed, [(6, 8), (14, 16)], "every index that is missing is told");
    assert!(
        bench
            .events_named("retention.remove")
            .iter()
            .all(|event| event["policy.version"] == "1")
    );
}

#[test]
fn lines_that_a_later_segment_took_back_do_not_count_again_when_that_one_goes() {
    let mut bench = Bench::new();
    bench.policy = policy("1", Retention::Days(2));
    // A failed file of the first, which holds two lines that the second holds once more.
    let mut tree = super::trees::load(&bench.disk, Log::Access).unwrap();
    for (name, text, counts) in [
        ("20261101-00000000000000000000.jsonl", "1\n2\n3\n", "1\n"),
        ("20261103-00000000000000000001.jsonl", "2\n3\n4\n", "2\n3\n4\n"),
        ("20261120-00000000000000000004.jsonl", "5\n", "5\n"),
    ] {
        bench.disk.put(&format!("access/{name}"), text.as_bytes());
        tree.begin(Name::parse(name).unwrap()).unwrap();
        tree.take(counts.as_bytes());
    }
    tree.sign().unwrap();
    holds::set(&bench.disk, &hold("A", "2026-11-01T00:00:00Z", "2026-11-01T01:00:00Z")).unwrap();
    bench.clock.set(at("2026-11-21T12:00:00Z"));
    bench.open().unwrap();
    bench.batch(["6"]).unwrap();
    let names = bench.segments();
    assert!(names[0].starts_with("20261101"), "{names:?}");
    assert_eq!(bench.disk.bytes("access/20261103-00000000000000000001.jsonl"), b"");
    assert_eq!(bench.texts(), ["1", "5", "6"]);
    bench.writer().go_round();
    assert_eq!(bench.events_named("retention.remove").len(), 1, "it is told once");
}

#[test]
fn a_hold_that_cannot_be_read_holds_everything_back() {
    let mut bench = Bench::new();
    bench.policy = policy("1", Retention::Days(2));
    bench.open().unwrap();
    bench.batch(["a"]).unwrap();
    bench.disk.make_folder(holds::FOLDER).unwrap();
    bench.disk.put("holds/A.toml", b"torn");
    bench.wait(5 * 24 * 60 * 60);
    assert_eq!(bench.texts(), ["a"]);
    assert_eq!(bench.events_named("journal.failure")[0]["what"], "hold");
    bench.disk.remove("holds/A.toml").unwrap();
    bench.wait(60 * 60);
    assert!(bench.texts().is_empty());
}

#[test]
fn a_round_that_was_cut_short_anywhere_is_finished_by_the_next() {
    for after in 0..80 {
        let hold = hold("A", "2026-11-04T10:00:00Z", "2026-11-04T11:00:00Z");
        let mut bench = Bench::new();
        bench.clock.set(at("2026-11-01T12:00:00Z"));
        holds::set(&bench.disk, &hold).unwrap();
        bench.open().unwrap();
        for day in 1..=9 {
            bench.clock.set(at(&format!("2026-11-{day:02}T12:00:00Z")));
            bench.batch([format!("{day}a").as_str()]).unwrap();
        }
        bench.close().unwrap();
        bench.policy = policy("2", Retention::Days(2));
        bench.disk.plan(Planned {
            after,
            calls: 1,
            errno: EIO,
            done: after % 2 == 0,
        });
        let _ = bench.open(); // it may fail
        bench.kill();
        bench.disk.heal();
        bench.open().unwrap();
        assert_eq!(days(&bench), ["3a", "4a", "5a", "8a", "9a"], "{after}");
    }
}

#[test]
fn salts_go_with_their_segments_and_leaves_when_no_proof_needs_them() {
    let mut bench = Bench::new();
    bench.clock.set(at("2026-11-01T12:00:00Z"));
    bench.policy = policy("1", Retention::Days(2));
    bench.settings.queue = 4_096;
    bench.open().unwrap();
    for day in 1..=9 {
        bench.clock.set(at(&format!("2026-11-{day:02}T12:00:00Z")));
        let lines: Vec<_> = (0..100).map(|line| format!("{day}.{line}")).collect();
        bench.batch(lines.iter().map(String::as_str)).unwrap();
        bench.writer().go_round();
    }
    bench.wait(1);
    bench.wait(10);
    let files = |bench: &Bench, end: &str| {
        let names = bench.disk.names();
        let files = names
            .iter()
            .filter(|path| path.starts_with("access/") && path.ends_with(end));
        files.map(|path| path[7..15].to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(files(&bench, ".jsonl"), ["20261108", "20261109"]);
    assert_eq!(files(&bench, ".salt"), ["20261108", "20261109"]);
    // The first record that is kept is 700; its tile begins at 512, in the segment of the 6th.
    assert_eq!(
        files(&bench, ".leaves"),
        ["20261106", "20261107", "20261108", "20261109"]
    );
    bench.close().unwrap();
    bench.open().unwrap();
    bench.batch(["next"]).unwrap();
    assert_eq!(bench.access().last().unwrap().0, 900);
    super::trees::check_running(&bench);
}
