//! What a start finds, and no checkpoint covers, is signed in a copy only.

use super::*;
use crate::journal::disk::Disk;
use crate::journal::simulated::{EIO, Planned};
use crate::journal::tree::TreeSize;
use crate::journal::verify::{Pinned, Verdict, verify_on};

/// The verdict of a stranger.
pub(super) fn verdict(bench: &Bench) -> Verdict {
    let keys = Log::ALL.map(|log| key().verifier(log).clone());
    let pinned = Pinned {
        keys: &keys,
        trusted: &[],
        identities: &crate::journal::age::Identities::default(),
    };
    let report = verify_on(&bench.disk, pinned, bench.clock.now(), &mut |_, _| {}).unwrap();
    report.verdict()
}

/// `a` is signed; `b` and `c` are not.
fn unsigned() -> Bench {
    let mut bench = Bench::opened();
    bench.batch(["a"]).unwrap();
    bench.wait(1);
    bench.wait(10);
    bench.batch(["b", "c"]).unwrap();
    bench
}

#[test]
fn what_an_earlier_process_could_not_sync_is_not_believed() {
    let mut bench = unsigned();
    bench.turns.slow(true);
    bench.wait(1);
    bench.disk.plan(Planned {
        after: 0,
        calls: 1,
        errno: EIO,
        done: false,
    });
    bench.turns.finish();
    bench.kill(); // before it could do anything about it
    assert_eq!(bench.texts(), ["a", "b", "c"], "in the page cache");
    bench.open().unwrap();
    assert_eq!(bench.writer().requests.access.tree().signed(), Some(TreeSize(3)));
    bench.kill();
    bench.disk.cut_power(|_| 0);
    bench.open().unwrap();
    assert_eq!(bench.texts(), ["a", "b", "c"]);
    assert_eq!(verdict(&bench), Verdict::Whole);
}

#[test]
fn the_copy_begins_at_the_first_line_that_is_not_signed_and_is_told() {
    let mut bench = unsigned();
    bench.kill();
    bench.clock.set(at("2026-11-24T08:00:00Z"));
    bench.open().unwrap();
    let (from, copy) = (
        "20261121-00000000000000000000.jsonl",
        "20261121-00000000000000000001.jsonl",
    );
    assert_eq!(bench.segments(), [from, copy], "as old as its lines");
    assert_eq!(bench.disk.bytes(&format!("access/{copy}")), b"b\nc\n");
    let told = bench.events_named("segment.copy");
    let told = told.iter().find(|event| event["log"] == "access").unwrap();
    assert_eq!(
        (&told["segment"], &told["from"], &told["lines"]),
        (&copy.into(), &from.into(), &2.into())
    );
    bench.batch(["d"]).unwrap();
    assert_eq!(bench.texts(), ["a", "b", "c", "d"]);
    assert_eq!(verdict(&bench), Verdict::Whole);
    bench.close().unwrap();
    let events = bench.events_named("segment.copy").len();
    bench.open().unwrap();
    assert_eq!(bench.events_named("segment.copy").len(), events, "all is signed");
}

#[test]
fn a_copy_of_a_whole_segment_takes_its_place_without_its_unfinished_line() {
    let mut bench = Bench::opened();
    bench.batch(["a", "b"]).unwrap();
    let path = format!("access/{}", bench.segments()[0]);
    bench.kill();
    bench.disk.put(&path, b"a\nb");
    bench.open().unwrap();
    assert_eq!(bench.disk.bytes(&path), b"a\n");
    assert_eq!(bench.events_named("segment.torn").len(), 1);
    assert_eq!(verdict(&bench), Verdict::Whole);
}

/// `a` is signed. Behind it `b` and `c` are durable in the same segment, `d` and `e` in another one.
fn in_two_segments() -> Bench {
    let mut bench = unsigned();
    bench.kill();
    let first = "access/20261121-00000000000000000000.jsonl";
    bench.disk.put(first, b"a\nb\nc\n");
    bench.disk.put("access/20261121-00000000000000000003.jsonl", b"d\ne\n");
    bench
}

#[test]
fn what_stood_in_a_segment_of_another_day_is_as_old_as_it_was() {
    let mut bench = in_two_segments();
    let later = "20261122-00000000000000000003.jsonl";
    let names = bench.segments();
    bench.disk.take_away(&format!("access/{}", names[1]));
    bench.disk.put(&format!("access/{later}"), b"d\ne\n");
    bench.disk.put("access/20261122-00000000000000000005.jsonl", b"f"); // torn in its first line
    bench.clock.set(at("2026-11-24T08:00:00Z"));
    bench.open().unwrap();
    let copy = "20261121-00000000000000000001.jsonl";
    assert_eq!(bench.segments(), [names[0].as_str(), copy, later]);
    assert_eq!(bench.disk.bytes(&format!("access/{copy}")), b"b\nc\n");
    assert_eq!(bench.disk.bytes(&format!("access/{later}")), b"d\ne\n");
    let told = bench.events_named("segment.copy");
    let told = told.iter().filter(|event| event["log"] == "access");
    let told: Vec<_> = told.map(|event| (&event["segment"], &event["from"])).collect();
    assert_eq!(
        told,
        [
            (&copy.into(), &names[0].as_str().into()),
            (&later.into(), &later.into())
        ]
    );
    assert_eq!(bench.texts(), ["a", "b", "c", "d", "e"]);
    assert_eq!(verdict(&bench), Verdict::Whole);
}

#[test]
fn a_start_that_is_cut_short_anywhere_forgets_nothing_that_was_durable() {
    let mut cut_short = 0;
    for after in 0..60 {
        for (done, power) in [(false, false), (true, false), (false, true), (true, true)] {
            let mut bench = in_two_segments();
            bench.disk.plan(Planned {
                after,
                calls: 1,
                errno: EIO,
                done,
            });
            cut_short += u32::from(bench.open().is_err());
            bench.kill();
            bench.disk.heal();
            if power {
                bench.disk.cut_power(|_| 0);
            }
            bench.open().unwrap();
            assert_eq!(bench.texts(), ["a", "b", "c", "d", "e"], "{after}");
            assert_eq!(bench.writer().requests.access.tree().signed(), Some(TreeSize(5)));
        }
    }
    assert!(cut_short > 40, "{cut_short}");
}

#[test]
fn a_long_tail_is_copied_piece_by_piece() {
    let mut bench = Bench::new();
    bench.settings.queue = 40_000;
    bench.open().unwrap();
    let lines: Vec<_> = (0..9_000).map(|line| format!("{line:0100}")).collect();
    bench.batch(lines.iter().map(String::as_str)).unwrap();
    bench.kill();
    bench.open().unwrap();
    assert_eq!(bench.texts(), lines);
    super::trees::check_running(&bench);
}

#[test]
fn a_salt_whose_segment_never_came_goes_with_the_next_start() {
    for (log, before) in [
        (Log::Access, unsigned as fn() -> Bench),
        (Log::Events, unsigned),
        (Log::Access, Bench::opened), // of which there is nothing yet
    ] {
        let mut bench = before();
        bench.kill();
        let salt = format!("{}/20261120-00000000000000000001.salt", log.folder());
        bench.disk.put(&salt, &[7; 32]);
        assert_eq!(verdict(&bench), Verdict::Warnings, "{log}");
        bench.open().unwrap();
        let left = bench.disk.list(log.folder()).unwrap();
        assert!(!left.iter().any(|file| salt.ends_with(file)), "{left:?}");
        assert_eq!(verdict(&bench), Verdict::Whole, "{log}");
    }
}
