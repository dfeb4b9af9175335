//! Files that may not grow as long as they would.

use super::copying::verdict;
use super::*;
use crate::journal::simulated::EIO;
use crate::journal::verify::Verdict;

/// Lines of 101 bytes.
fn lines(count: usize) -> Vec<String> {
    (0..count).map(|line| format!("{line:0100}")).collect()
}

fn take(bench: &mut Bench, lines: &[String]) {
    bench.batch(lines.iter().map(String::as_str)).unwrap();
}

#[test]
fn a_batch_that_no_file_holds_goes_to_as_many_as_it_takes() {
    let mut bench = Bench::opened();
    bench.disk.limit(1_000);
    let lines = lines(50);
    take(&mut bench, &lines);
    assert!(!bench.queue().has_failed());
    assert_eq!(bench.texts(), lines);
    assert_eq!(bench.segments().len(), 6, "nine lines each");
    assert_eq!(bench.queue().taken(), 5, "those in the last");
    let failures = bench.events_named("journal.failure");
    assert!(failures.iter().all(|failure| failure["error.type"] == "file_too_large"));
    bench.close().unwrap();
    assert_eq!(verdict(&bench), Verdict::Whole);
}

#[test]
fn and_so_does_what_waited_for_a_disk_that_failed() {
    let mut bench = Bench::opened();
    take(&mut bench, &lines(3));
    bench.disk.fail(EIO);
    bench.wait(1);
    assert!(bench.queue().has_failed());
    for line in lines(50).split_off(3) {
        let access = |text: &mut Vec<u8>| text.extend_from_slice(format!("{line}\n").as_bytes());
        bench.writer().requests.push(Date::constant(2026, 11, 21), access, b"");
    }
    bench.disk.heal();
    bench.disk.limit(1_000);
    bench.wait(1);
    assert!(!bench.queue().has_failed());
    assert_eq!(bench.texts(), lines(50));
}

#[test]
fn an_address_is_with_its_record_in_whichever_file() {
    let mut bench = Bench::new();
    bench.policy.addresses = Some(super::addresses::two_days());
    bench.open().unwrap();
    bench.disk.limit(1_000);
    let lines = lines(30);
    take(&mut bench, &lines);
    let joined = super::addresses::joined(&bench.disk);
    assert_eq!(joined.len(), 30);
    for (_, text, address) in joined {
        assert_eq!(address, Some(format!("the address of {text}")));
    }
    assert_eq!(verdict(&bench), Verdict::Whole);
}

#[test]
fn a_line_that_fits_into_no_file_waits_for_one_that_may_grow() {
    let mut bench = Bench::opened();
    take(&mut bench, &lines(1));
    bench.disk.limit(200);
    let long = vec!["a".repeat(300)];
    take(&mut bench, &long);
    assert!(bench.queue().has_failed());
    bench.wait(1);
    assert!(bench.queue().has_failed());
    bench.disk.heal();
    bench.wait(1);
    assert_eq!(bench.texts(), [lines(1), long].concat());
}
