//! What a journal promises, a sentence each.

use super::*;
use crate::journal::recovery;
use crate::journal::simulated::{EIO, ENOSPC, EROFS, Planned};
use crate::journal::verify::Verdict;

#[test]
fn a_journal_is_created_on_purpose_only() {
    let bench = Bench {
        disk: Simulated::default(),
        ..Bench::new()
    };
    assert!(matches!(recovery::claim(&bench.disk), Err(OpenError::NotAJournal)));
    assert_eq!(bench.disk.names(), Vec::<String>::new());
}

#[test]
fn a_journal_begins_in_an_empty_folder() {
    let bench = Bench::new();
    assert!(matches!(
        layout::init_on(&bench.disk, "town.example"),
        Err(layout::InitError::NotEmpty)
    ));
    let origin = layout::init_on(&Simulated::default(), "town\nexample");
    assert!(matches!(origin, Err(layout::InitError::Origin)));
}

#[test]
fn a_creation_that_a_power_cut_stopped_is_no_journal() {
    let disk = Simulated::default();
    layout::init_on(&disk, "town.example").unwrap();
    let whole = disk.bytes("journal");
    disk.take_away("journal");
    assert!(matches!(recovery::claim(&disk), Err(OpenError::NotAJournal)));
    disk.put("journal", &whole[..5]);
    assert!(matches!(recovery::claim(&disk), Err(OpenError::Foreign)));
}

#[test]
fn a_journal_has_one_writer() {
    let mut bench = Bench::opened();
    assert!(matches!(recovery::claim(&bench.disk), Err(OpenError::Locked)));
    bench.kill();
    assert!(recovery::claim(&bench.disk).is_ok());
}

#[test]
fn a_journal_that_others_can_read_is_not_opened() {
    let mut bench = Bench::opened();
    bench.batch(["a"]).unwrap();
    let segment = format!("access/{}", bench.segments()[0]);
    bench.kill();
    for (path, mode, right) in [("", 0o755, 0o700), ("policies", 0o710, 0o700), (&segment, 0o640, 0o600)] {
        bench.disk.set_mode(path, mode);
        assert!(matches!(bench.open(), Err(OpenError::Exposed)), "{path}");
        bench.disk.set_mode(path, right);
    }
    bench.open().unwrap();
}

#[test]
fn a_later_format_is_not_opened() {
    let mut bench = Bench::new();
    bench.disk.put("journal", b"townclerk journal 2\nanything\n");
    assert!(matches!(bench.open(), Err(OpenError::Newer { version: 2 })));
    bench.disk.put("journal", b"PNG");
    assert!(matches!(bench.open(), Err(OpenError::Foreign)));
}

#[test]
fn a_journal_with_a_part_missing_is_not_opened() {
    let mut bench = Bench::new();
    bench.disk.take_away("lock");
    assert!(matches!(bench.open(), Err(OpenError::Incomplete)));
}

#[test]
fn a_start_without_entries_leaves_no_segment() {
    let mut bench = Bench::opened();
    bench.close().unwrap();
    assert_eq!(bench.segments(), Vec::<String>::new());
}

#[test]
fn a_restart_goes_on_in_a_new_segment() {
    let mut bench = Bench::opened();
    bench.batch(["a", "b"]).unwrap();
    bench.close().unwrap();
    bench.open().unwrap();
    bench.batch(["c"]).unwrap();
    let expected = [
        "20261121-00000000000000000000.jsonl",
        "20261121-00000000000000000002.jsonl",
    ];
    assert_eq!(bench.segments(), expected);
    assert_eq!(
        bench.access(),
        [(0, "a".to_owned()), (1, "b".to_owned()), (2, "c".to_owned())]
    );
}

#[test]
fn a_segment_ends_at_midnight_utc() {
    let mut bench = Bench::opened();
    bench.batch(["a"]).unwrap();
    bench.clock.set(at("2026-11-21T23:59:59Z"));
    bench.batch(["b"]).unwrap();
    bench.clock.set(at("2026-11-22T00:00:00Z"));
    bench.batch(["c"]).unwrap();
    let expected = [
        "20261121-00000000000000000000.jsonl",
        "20261122-00000000000000000002.jsonl",
    ];
    assert_eq!(bench.segments(), expected);
}

#[test]
fn a_segment_ends_when_it_is_full() {
    let mut bench = Bench::new();
    bench.settings.segment_bytes = 10;
    bench.open().unwrap();
    bench.batch(["1234"]).unwrap();
    bench.batch(["1234"]).unwrap();
    bench.batch(["1234"]).unwrap();
    let expected = [
        "20261121-00000000000000000000.jsonl",
        "20261121-00000000000000000002.jsonl",
    ];
    assert_eq!(bench.segments(), expected);
}

#[test]
fn a_segment_ends_when_the_policy_changes_and_names_its_version() {
    let mut bench = Bench::opened();
    bench.batch(["a"]).unwrap();
    let next = policy("2", Retention::Unlimited);
    bench.adopt(&next);
    bench.batch(["b"]).unwrap();
    let segments = bench.events_named("segment.begin");
    let named: Vec<_> = segments
        .iter()
        .map(|event| (&event["segment"], &event["policy.version"]))
        .collect();
    assert_eq!(named[0], (&"20261121-00000000000000000000.jsonl".into(), &"1".into()));
    assert_eq!(named[1], (&"20261121-00000000000000000001.jsonl".into(), &"2".into()));
}

#[test]
fn a_segment_is_announced_durably_before_its_first_line() {
    let mut bench = Bench::opened();
    bench.batch(["a"]).unwrap();
    bench.kill();
    bench.disk.cut_power(|_| 0);
    assert_eq!(bench.texts(), Vec::<String>::new());
    assert_eq!(bench.events_named("segment.begin").len(), 1);
}

#[test]
fn an_entry_is_durable_when_the_interval_has_passed_and_no_sync_is_wasted() {
    let mut bench = Bench::opened();
    bench.batch(["a"]).unwrap();
    let before = bench.disk.syncs();
    bench.batch(["b"]).unwrap();
    assert_eq!(bench.disk.syncs(), before);
    assert_eq!(bench.writer().patience(), Duration::from_secs(1));
    bench.wait(1);
    assert_eq!(bench.disk.syncs(), before + 1);
    bench.wait(1);
    assert_eq!(bench.disk.syncs(), before + 1);
    bench.kill();
    bench.disk.cut_power(|_| 0);
    assert_eq!(bench.texts(), ["a", "b"]);
}

#[test]
fn a_clock_that_goes_back_delays_no_sync() {
    let mut bench = Bench::opened();
    bench.batch(["a"]).unwrap();
    bench.clock.set(at("2026-11-21T12:00:00Z"));
    assert_eq!(bench.writer().patience(), Duration::ZERO);
    bench.writer().tick();
    assert_eq!(bench.writer().requests.access.durable(), 1);
}

#[test]
fn a_torn_line_never_becomes_a_record() {
    let mut bench = Bench::opened();
    bench.batch(["{\"whole\":1}"]).unwrap();
    bench.wait(1);
    bench.wait(10); // it is signed
    bench.batch(["{\"torn\":2}"]).unwrap();
    let path = format!("access/{}", bench.segments()[0]);
    bench.kill();
    let bytes = bench.disk.bytes(&path);
    bench.disk.put(&path, &bytes[..bytes.len() - 1]); // Only the newline is missing.
    for _ in 0..3 {
        bench.open().unwrap();
        bench.kill();
        assert_eq!(bench.texts(), ["{\"whole\":1}"]);
    }
    assert_eq!(bench.disk.bytes(&path), b"{\"whole\":1}\n{\"torn\":2}\x18\n");
    let torn = bench.events_named("segment.torn");
    assert_eq!((torn.len(), &torn[0]["lines"]), (1, &1.into()));
    bench.open().unwrap();
    bench.batch(["{\"next\":2}"]).unwrap();
    assert_eq!(bench.access()[1], (1, "{\"next\":2}".to_owned()));
}

#[test]
fn a_hole_that_a_power_cut_left_voids_what_follows_it() {
    let mut bench = Bench::opened();
    bench.batch(["one", "two", "three"]).unwrap();
    let path = format!("access/{}", bench.segments()[0]);
    bench.kill();
    bench.disk.put(&path, b"one\n\0\0\0\nthree\n");
    bench.open().unwrap();
    bench.batch(["again"]).unwrap();
    assert_eq!(bench.access(), [(0, "one".to_owned()), (1, "again".to_owned())]);
    bench.close().unwrap();
    assert_eq!(bench.events_named("segment.torn").len(), 1, "though it has an end");
    assert_eq!(super::copying::verdict(&bench), Verdict::Whole);
}

#[test]
fn a_policy_changed_under_the_same_version_does_not_open() {
    let mut bench = Bench::opened();
    bench.close().unwrap();
    bench.disk.put("policies/1.toml", b"other words");
    assert!(matches!(bench.open(), Err(OpenError::Policy(_))));
    bench.policy = policy("2", Retention::Unlimited);
    bench.open().unwrap();
    assert_eq!(bench.disk.bytes("policies/2.toml"), b"version 2");
}

#[test]
fn one_failed_sync_loses_nothing_and_is_never_tried_again_on_its_file() {
    let mut bench = Bench::opened();
    bench.batch(["a"]).unwrap();
    bench.wait(1);
    bench.batch(["b", "c"]).unwrap();
    bench.disk.plan(Planned {
        after: 0,
        calls: 1,
        errno: EIO,
        done: false,
    });
    bench.wait(1);
    assert!(!bench.queue().has_failed());
    bench.kill();
    bench.disk.cut_power(|below| below - 1); // Everything that the disk can still give is there.
    assert_eq!(bench.texts(), ["a", "b", "c"]);
    let failures = bench.events_named("journal.failure");
    assert_eq!(
        (&failures[0]["what"], &failures[0]["error.type"]),
        (&"sync".into(), &"device".into())
    );
}

#[test]
fn a_disk_that_stays_full_is_tried_each_second_and_takes_every_entry_in_the_end() {
    let mut bench = Bench::opened();
    bench.batch(["a"]).unwrap();
    bench.disk.fail(ENOSPC);
    bench.batch(["b", "c"]).unwrap();
    assert!(bench.queue().has_failed());
    assert_eq!(bench.writer().patience(), Duration::from_secs(1));
    bench.wait(1);
    bench.wait(1);
    bench.disk.heal();
    bench.wait(1);
    assert!(!bench.queue().has_failed());
    assert_eq!(bench.texts(), ["a", "b", "c"]);
    assert_eq!(bench.queue().taken(), 0);
    let told = bench.events_named("journal.failure");
    let told: Vec<_> = told.iter().map(|event| event["log"].as_str().unwrap()).collect();
    assert_eq!(told, ["access", "events"], "once each");
}

#[test]
fn a_second_attempt_at_a_segment_is_not_announced_again() {
    let mut bench = Bench::opened();
    // The event is written and synced; the creation of the segment fails.
    bench.disk.plan(Planned {
        after: 2,
        calls: 1,
        errno: EIO,
        done: false,
    });
    bench.batch(["a"]).unwrap();
    assert_eq!(bench.texts(), ["a"]);
    assert_eq!(bench.events_named("journal.failure")[0]["what"], "begin");
    assert_eq!(bench.events_named("segment.begin").len(), 1);
}

#[test]
fn a_failed_disk_leaves_the_writer_at_rest_between_two_tries() {
    let mut bench = Bench::opened();
    bench.batch(["a"]).unwrap();
    bench.wait(0);
    bench.disk.fail(ENOSPC);
    bench.wait(5);
    assert!(bench.queue().has_failed());
    assert_eq!(bench.writer().patience(), Duration::from_secs(1));
}

#[test]
fn refused_exchanges_are_told_as_a_gap_with_their_exact_number() {
    let mut bench = Bench::opened();
    bench.batch(["a"]).unwrap();
    bench.disk.fail(EROFS);
    bench.batch(["b"]).unwrap();
    bench.clock.set(at("2026-11-21T20:00:00.25Z"));
    for _ in 0..7 {
        assert_eq!(bench.entry("refused"), Err(Unavailable::Failed));
    }
    bench.disk.heal();
    bench.clock.set(at("2026-11-21T20:01:00Z"));
    bench.wait(0);
    let gaps = bench.events_named("journal.gap");
    let expected = serde_json::json!({
        "time": "2026-11-21T20:01:00Z", "event.name": "journal.gap",
        "refused": 7, "unrecorded": 0, "events": 0, "index": 2,
        "from": "2026-11-21T20:00:00.25Z", "to": "2026-11-21T20:01:00Z", "error.type": "read_only",
    });
    assert_eq!(gaps, [expected]);
}

#[test]
fn unrecorded_exchanges_are_told_as_a_gap_with_their_exact_number() {
    let mut bench = Bench::new();
    bench.settings.on_failure = OnFailure::ServeAndCount;
    bench.open().unwrap();
    bench.disk.fail(ENOSPC);
    bench.batch(["a"]).unwrap();
    for _ in 0..5 {
        bench.entry("unrecorded").unwrap();
    }
    bench.disk.heal();
    bench.wait(1);
    let gaps = bench.events_named("journal.gap");
    assert_eq!(
        (gaps.len(), &gaps[0]["unrecorded"], &gaps[0]["refused"]),
        (1, &5.into(), &0.into())
    );
    assert_eq!(bench.texts(), ["a"]);
}

#[test]
fn a_full_queue_refuses_and_the_gap_says_that_no_disk_failed() {
    let mut bench = Bench::new();
    bench.settings.queue = 4;
    bench.open().unwrap();
    let open: Vec<_> = (0..3).map(|_| bench.gate().reserve().unwrap()).collect();
    bench.entry("a").unwrap();
    assert_eq!(bench.entry("b"), Err(Unavailable::Full));
    drop(open);
    bench.batch(["c"]).unwrap();
    bench.wait(1);
    bench.batch(["d"]).unwrap();
    bench.close().unwrap();
    let gaps = bench.events_named("journal.gap");
    assert_eq!(
        (gaps.len(), &gaps[0]["refused"], &gaps[0]["error.type"]),
        (1, &1.into(), &"queue_full".into())
    );
    assert_eq!(bench.texts(), ["a", "c", "d"]);
}

#[test]
fn exchanges_still_open_at_the_stop_are_counted() {
    let mut bench = Bench::opened();
    let _open = bench.gate().reserve().unwrap();
    bench.close().unwrap();
    assert_eq!(bench.events_named("journal.gap")[0]["unrecorded"], 1);
    assert_eq!(bench.events_named("journal.stop")[0]["reason"], "closed");
}

#[test]
fn entries_that_could_not_be_written_by_the_stop_are_counted() {
    let mut bench = Bench::opened();
    bench.disk.fail(ENOSPC);
    bench.batch(["a", "b"]).unwrap();
    assert!(matches!(bench.close(), Err(CloseError::Disk { lost: 2, .. })));
}

#[test]
fn nothing_is_kept_longer_than_the_policy_says() {
    let mut bench = Bench::new();
    bench.policy = policy("1", Retention::Days(2));
    bench.open().unwrap();
    bench.clock.set(at("2026-11-21T00:00:00Z"));
    bench.batch(["a", "b"]).unwrap();
    bench.clock.set(at("2026-11-22T12:00:00Z"));
    bench.batch(["c"]).unwrap();
    bench.clock.set(at("2026-11-22T21:59:59Z"));
    bench.writer().go_round();
    assert_eq!(bench.texts(), ["a", "b", "c"]);
    bench.clock.set(at("2026-11-22T22:00:00Z"));
    bench.writer().go_round();
    assert_eq!(bench.access(), [(2, "c".to_owned())]);
    let removed = bench.events_named("retention.remove");
    assert_eq!(
        (&removed[0]["segments"], &removed[0]["first"], &removed[0]["next"]),
        (&1.into(), &0.into(), &2.into())
    );
}

#[test]
fn a_clock_far_ahead_removes_nothing_for_a_day_and_says_so() {
    let mut bench = Bench::new();
    bench.policy = policy("1", Retention::Days(2));
    bench.open().unwrap();
    bench.batch(["a", "b"]).unwrap();
    bench.close().unwrap();
    for time in ["2036-01-01T03:00:00Z", "2036-01-01T04:00:00Z", "2036-01-02T02:59:59Z"] {
        bench.clock.set(at(time));
        bench.open().unwrap();
        bench.writer().go_round();
        assert_eq!(bench.texts(), ["a", "b"], "{time}");
        let sure = &bench.events_named("clock.doubted")[0]["sure"];
        assert_eq!(sure, "2026-11-21T20:00:00Z");
        bench.kill();
    }
    bench.clock.set(at("2026-11-21T20:30:00Z"));
    bench.open().unwrap();
    bench.clock.set(at("2026-11-22T22:00:00Z"));
    bench.writer().go_round();
    assert_eq!(bench.texts(), Vec::<String>::new(), "the right time goes on as ever");
}

#[test]
fn a_machine_that_was_off_for_long_removes_after_a_day() {
    let mut bench = Bench::new();
    bench.policy = policy("1", Retention::Days(2));
    bench.open().unwrap();
    bench.batch(["a", "b"]).unwrap();
    bench.kill();
    bench.clock.set(at("2027-03-01T08:00:00Z"));
    bench.open().unwrap();
    assert_eq!(bench.texts(), ["a", "b"]);
    bench.clock.set(at("2027-03-02T08:00:00Z"));
    bench.writer().go_round();
    assert_eq!(bench.texts(), Vec::<String>::new());
    assert_eq!(bench.events_named("clock.doubted").len(), 1);
}

#[test]
fn entries_that_waited_for_a_failed_disk_are_as_old_as_they_are() {
    let mut bench = Bench::opened();
    bench.disk.fail(ENOSPC);
    bench.batch(["a"]).unwrap();
    bench.clock.set(at("2026-11-23T12:00:00Z"));
    bench.disk.heal();
    bench.writer().tick();
    bench.batch(["b"]).unwrap();
    let expected = [
        "20261121-00000000000000000000.jsonl",
        "20261123-00000000000000000001.jsonl",
    ];
    assert_eq!(bench.segments(), expected);
}

#[test]
fn a_journal_that_retention_has_emptied_still_knows_its_index() {
    let mut bench = Bench::new();
    bench.policy = policy("1", Retention::Days(2));
    bench.open().unwrap();
    bench.batch(["a", "b"]).unwrap();
    for day in 22..30 {
        bench.clock.set(at(&format!("2026-11-{day}T12:00:00Z")));
        bench.writer().go_round();
    }
    assert_eq!(bench.segments(), ["20261123-00000000000000000002.jsonl"]);
    assert_eq!(bench.events_named("retention.remove").len(), 1);
    bench.close().unwrap();
    bench.open().unwrap();
    bench.batch(["c"]).unwrap();
    assert_eq!(bench.access(), [(2, "c".to_owned())]);
    assert_eq!(bench.segments(), ["20261129-00000000000000000002.jsonl"]);
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let mut bench = Bench::new();
    bench.disk.put("access/notes.txt", b"mine");
    bench.policy = policy("1", Retention::Days(2));
    bench.open().unwrap();
    bench.batch(["a"]).unwrap();
    bench.wait(60 * 60 * 24 * 9);
    assert_eq!(bench.disk.bytes("access/notes.txt"), b"mine");
}

#[test]
fn a_log_that_retention_emptied_goes_on_where_it_was_whatever_the_power_takes() {
    for after in 0..24 {
        for choice in 0..4 {
            let mut bench = Bench::new();
            bench.policy = policy("1", Retention::Days(2));
            bench.open().unwrap();
            bench.batch(["a", "b"]).unwrap();
            bench.wait(2 * 24 * 60 * 60);
            bench.close().unwrap();
            assert!(bench.texts().is_empty(), "{:?}", bench.segments());
            bench.wait(24 * 60 * 60);
            bench.open().unwrap();
            bench.disk.plan(Planned {
                after,
                calls: 2,
                errno: EIO,
                done: false,
            });
            bench.batch(["c"]).unwrap();
            bench.kill();
            bench.disk.heal();
            bench.disk.cut_power(|below| choice % below);
            bench.open().unwrap_or_else(|error| panic!("{after} {choice}: {error}"));
            let next = bench.writer().requests.access.next();
            assert_eq!(next.max(2), next);
        }
    }
}
