//! A disk that fails for a while, wherever that begins and however long it lasts.

use super::copying::verdict;
use super::*;
use crate::journal::simulated::{EIO, Planned};
use crate::journal::verify::Verdict;

#[test]
fn an_outage_leaves_a_whole_journal_with_all_that_was_taken() {
    let mut failed = 0;
    for after in 0..24 {
        for calls in 1..=9 {
            for done in [false, true] {
                let place = format!("{calls} calls after {after}, done: {done}");
                let mut bench = Bench::opened();
                let mut taken = Vec::new();
                let mut batch = |bench: &mut Bench, text: &'static str| {
                    if bench.batch([text]).is_ok() {
                        taken.push(text);
                    }
                };
                batch(&mut bench, "a");
                bench.wait(10);
                bench.disk.plan(Planned {
                    after,
                    calls,
                    errno: EIO,
                    done,
                });
                batch(&mut bench, "b");
                let next = policy("2", Retention::Unlimited);
                bench.adopt(&next);
                batch(&mut bench, "c");
                bench.wait(1);
                batch(&mut bench, "d");
                failed += u32::from(bench.queue().has_failed());
                bench.wait(1);
                bench.disk.heal();
                bench.wait(1);
                batch(&mut bench, "e");
                bench.close().unwrap();
                assert_eq!(bench.texts(), taken, "{place}");
                assert!(taken.ends_with(&["e"]), "{place}");
                assert_eq!(verdict(&bench), Verdict::Whole, "{place}");
            }
        }
    }
    assert!(failed > 100, "{failed}");
}

/// So many calls fail, after some that do not; `done` if they do their work all the same.
fn fails(bench: &Bench, after: u32, calls: u32, done: bool) {
    let errno = EIO;
    bench.disk.plan(Planned {
        after,
        calls,
        errno,
        done,
    });
}

#[test]
fn an_end_that_the_events_themselves_have_is_told_though_a_crash_came_before_the_failure_was_an_event() {
    let mut bench = Bench::new();
    bench.settings.segment_bytes = 60;
    bench.open().unwrap();
    bench.disk.short_writes(Some(3));
    fails(&bench, 1, 2, false);
    let _ = bench.batch([r#"{"record":1}"#]);
    fails(&bench, 17, 1, false);
    bench.wait(1);
    bench.kill();
    bench.disk.heal();
    bench.open().unwrap();
    bench.close().unwrap();
    let torn = bench.events_named("segment.torn");
    assert!(torn.iter().any(|event| event["log"] == "events"), "{torn:?}");
    assert_eq!(super::copying::verdict(&bench), Verdict::Whole);
    bench.open().unwrap();
    bench.close().unwrap();
    assert_eq!(bench.events_named("segment.torn").len(), torn.len(), "and once only");
}

#[test]
fn an_outage_that_breaks_off_two_segments_of_the_events_is_told_twice() {
    let mut bench = Bench::opened();
    bench.disk.short_writes(Some(18));
    for (after, calls) in [(0, 3), (32, 1)] {
        fails(&bench, after, calls, true);
        bench.policy.version.push('1');
        let policy = bench.policy.clone();
        let _ = bench.batch([r#"{"first":1}"#]);
        bench.adopt(&policy);
        bench.wait(3600);
    }
    bench.disk.heal();
    bench.close().unwrap();
    assert_eq!(super::copying::verdict(&bench), Verdict::Whole);
}
