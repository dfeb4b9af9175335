//! While the disk is busy with a sync or a signature, entries go on to the kernel.

use super::*;
use crate::journal::simulated::{EIO, Planned};
use crate::journal::tree::TreeSize;

fn fail_once(bench: &Bench, after: u32) {
    let (calls, errno, done) = (1, EIO, false);
    bench.disk.plan(Planned {
        after,
        calls,
        errno,
        done,
    });
}

/// A journal with `a` durable, and a sync of `b` under way.
fn syncing() -> Bench {
    let mut bench = Bench::opened();
    bench.batch(["a"]).unwrap();
    bench.wait(1);
    bench.turns.slow(true);
    bench.batch(["b"]).unwrap();
    bench.wait(1);
    assert!(bench.turns.is_away());
    bench
}

#[test]
fn entries_reach_the_kernel_while_a_sync_is_under_way() {
    let mut bench = syncing();
    bench.batch(["c"]).unwrap();
    bench.wait(5);
    bench.batch(["d"]).unwrap();
    assert_eq!(bench.texts(), ["a", "b", "c", "d"]);
    assert_eq!(bench.writer().requests.access.durable(), 1);
    bench.kill();
    bench.open().unwrap();
    assert_eq!(bench.texts(), ["a", "b", "c", "d"]);
}

#[test]
fn a_sync_makes_durable_what_was_written_before_it_began() {
    let mut bench = syncing();
    bench.batch(["c"]).unwrap();
    bench.turns.finish();
    bench.wait(0);
    bench.batch([]).unwrap();
    assert_eq!(bench.writer().requests.access.durable(), 2);
    assert_eq!(bench.queue().taken(), 1, "the place of c");
    bench.kill();
    bench.disk.cut_power(|_| 0);
    assert_eq!(bench.texts(), ["a", "b"]);
}

#[test]
fn lines_written_during_a_sync_that_fails_go_to_the_next_segment_with_those_before() {
    let mut bench = syncing();
    bench.batch(["c"]).unwrap();
    fail_once(&bench, 0);
    bench.turns.finish();
    bench.batch(["d"]).unwrap();
    let expected = [
        "20261121-00000000000000000000.jsonl",
        "20261121-00000000000000000001.jsonl",
    ];
    assert_eq!(bench.segments(), expected);
    assert_eq!(bench.disk.bytes(&format!("access/{}", expected[1])), b"b\nc\nd\n");
    assert_eq!(bench.events_named("journal.failure")[0]["what"], "sync");
    bench.kill();
    bench.disk.cut_power(|_| 0);
    assert_eq!(bench.texts(), ["a", "b", "c", "d"]);
}

#[test]
fn after_a_failed_write_the_sync_under_way_is_waited_for_before_another_segment_begins() {
    let mut bench = syncing();
    fail_once(&bench, 0);
    bench.batch(["c"]).unwrap();
    assert_eq!(bench.events_named("journal.failure")[0]["what"], "write");
    assert_eq!(bench.segments()[1], "20261121-00000000000000000002.jsonl");
    assert_eq!(bench.texts(), ["a", "b", "c"]);
}

#[test]
fn entries_reach_the_kernel_while_a_checkpoint_is_signed() {
    let mut bench = Bench::opened();
    bench.batch(["a"]).unwrap();
    bench.wait(1);
    bench.turns.slow(true);
    bench.wait(10);
    assert!(bench.turns.is_away());
    bench.batch(["b"]).unwrap();
    bench.wait(1);
    assert_eq!(bench.texts(), ["a", "b"]);
    assert_eq!(bench.writer().requests.access.tree().signed(), Some(TreeSize(0)));
    bench.turns.finish();
    bench.turns.slow(false);
    assert_eq!(bench.writer().requests.access.tree().signed(), Some(TreeSize(1)));
    bench.wait(0);
    bench.batch([]).unwrap();
    assert_eq!(
        bench.writer().requests.access.durable(),
        2,
        "the sync that was due came after it"
    );
}

#[test]
fn a_signature_that_fails_aside_is_made_anew() {
    for after in 0..6 {
        let mut bench = Bench::opened();
        bench.batch(["a"]).unwrap();
        bench.wait(1);
        bench.turns.slow(true);
        bench.wait(10);
        fail_once(&bench, after);
        bench.turns.finish();
        bench.batch(["b"]).unwrap();
        assert_eq!(bench.events_named("journal.failure")[0]["what"], "sign");
        assert!(bench.writer().requests.access.tree().signed() >= Some(TreeSize(1)));
        bench.kill();
        bench.disk.cut_power(|_| 0);
        bench.open().unwrap();
        assert_eq!(bench.texts(), ["a", "b"]);
    }
}

#[test]
fn the_writer_waits_for_what_is_under_way_without_asking_again_and_again() {
    let mut bench = syncing();
    bench.batch(["c"]).unwrap();
    bench.wait(2);
    assert!(bench.writer().patience() > Duration::from_secs(60));
}
