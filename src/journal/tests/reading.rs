//! Reading while it is written.

use jiff::civil::date;

use super::*;
use crate::journal::simulated::{ENOSPC, Planned};

fn lines(bench: &Bench) -> Lines {
    Lines::on(Arc::new(bench.disk.clone()), Log::Access).unwrap()
}

fn rest(lines: &mut Lines) -> Vec<String> {
    let mut read = Vec::new();
    while let Some(line) = lines.next_line().unwrap() {
        read.push(String::from_utf8(line.text.to_vec()).unwrap());
    }
    read
}

/// What has come since.
fn news(lines: &mut Lines) -> Vec<String> {
    lines.look().unwrap();
    rest(lines)
}

#[test]
fn a_reader_follows_across_segments_and_sees_each_record_once() {
    let mut bench = Bench::opened();
    let mut lines = lines(&bench);
    assert!(rest(&mut lines).is_empty());
    bench.batch(["a"]).unwrap();
    assert_eq!(news(&mut lines), ["a"]);
    assert!(news(&mut lines).is_empty());
    bench.batch(["b"]).unwrap();
    bench.wait(24 * 60 * 60);
    bench.batch(["c"]).unwrap();
    bench.batch(["d"]).unwrap();
    assert_eq!(news(&mut lines), ["b", "c", "d"]);
    bench.close().unwrap();
    bench.open().unwrap();
    bench.batch(["e"]).unwrap();
    assert_eq!(news(&mut lines), ["e"]);
}

#[test]
fn records_that_a_failed_disk_made_the_writer_repeat_are_seen_once() {
    let mut bench = Bench::opened();
    let mut lines = lines(&bench);
    bench.batch(["a"]).unwrap();
    assert_eq!(news(&mut lines), ["a"]);
    let (after, calls, done) = (0, 1, false);
    bench.disk.plan(Planned {
        after,
        calls,
        errno: ENOSPC,
        done,
    });
    bench.wait(2);
    assert_eq!(bench.events_named("journal.failure").len(), 1);
    bench.batch(["b"]).unwrap();
    bench.batch(["c"]).unwrap();
    assert_eq!(news(&mut lines), ["b", "c"]);
    assert_eq!(bench.texts(), ["a", "b", "c"]);
}

#[test]
fn a_segment_that_is_removed_while_it_is_followed_does_no_harm() {
    let mut bench = Bench::new();
    bench.policy = policy("1", Retention::Days(2));
    bench.open().unwrap();
    bench.batch(["a"]).unwrap();
    let mut lines = lines(&bench);
    assert_eq!(rest(&mut lines), ["a"]);
    bench.wait(5 * 24 * 60 * 60);
    assert!(bench.texts().is_empty());
    assert!(news(&mut lines).is_empty());
    bench.batch(["b"]).unwrap();
    assert_eq!(news(&mut lines), ["b"]);
}

#[test]
fn an_unfinished_line_is_read_when_it_is_whole_and_a_void_one_never() {
    let bench = Bench::new();
    let path = "access/20261121-00000000000000000000.jsonl";
    bench.disk.put(path, b"a\nb");
    let mut lines = lines(&bench);
    assert_eq!(rest(&mut lines), ["a"]);
    bench.disk.put(path, b"a\nbc\nd\x18\ne\n");
    assert_eq!(news(&mut lines), ["bc"]);
    bench.disk.put(path, b"a\nbc\nd\x18\ne\nf\n");
    assert!(news(&mut lines).is_empty());
    bench.disk.put("access/20261121-00000000000000000002.jsonl", b"g\n");
    assert_eq!(news(&mut lines), ["g"]);
}

#[test]
fn a_reader_can_begin_at_a_day_or_at_the_end() {
    let mut bench = Bench::opened();
    for text in ["21", "22", "23"] {
        bench.batch([text]).unwrap();
        bench.wait(24 * 60 * 60);
    }
    assert_eq!(
        rest(&mut lines(&bench).since(date(2026, 11, 22))),
        ["21", "22", "23"],
        "21 ended on the 22nd"
    );
    assert_eq!(rest(&mut lines(&bench).since(date(2026, 11, 23))), ["22", "23"]);
    assert_eq!(rest(&mut lines(&bench).since(date(2027, 1, 1))), ["23"]);
    let mut all = lines(&bench);
    assert_eq!(all.ahead().unwrap(), (3, 9));
    let mut last = all.split_last().unwrap();
    assert_eq!(rest(&mut last), ["23"]);
    assert_eq!(last.bytes_read(), 3);
    assert_eq!(rest(&mut all.split_last().unwrap()), ["22"]);
    bench.batch(["24"]).unwrap();
    assert_eq!(news(&mut last), ["24"]);
}
