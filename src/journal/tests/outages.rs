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
