//! A journal in a second place: what is there, what goes from there, and what a crash leaves.

use super::*;
use crate::journal::age::{Identities, Identity};
use crate::journal::backup::{Copied, CopyError, Meanwhile, copy_on};
use crate::journal::disk::Disk;
use crate::journal::simulated::{EIO, Planned};
use crate::journal::verify::{Pinned, Verdict, verify_on};
use crate::journal::{holds, packing};

/// Nothing is signed while it waits.
struct Impatient;

impl Meanwhile for Impatient {
    fn copied(&mut self, _: u64, _: u64) {}
    fn verified(&mut self, _: u64, _: u64) {}
    fn wait(&mut self) -> bool {
        false
    }
}

/// The writer goes on for a second each time that it waits.
struct Patient<'a>(&'a mut Bench);

impl Meanwhile for Patient<'_> {
    fn copied(&mut self, _: u64, _: u64) {}
    fn verified(&mut self, _: u64, _: u64) {}
    fn wait(&mut self) -> bool {
        self.0.wait(1);
        true
    }
}

fn copy_of(
    from: &Simulated,
    now: Timestamp,
    to: &Simulated,
    meanwhile: &mut dyn Meanwhile,
) -> Result<Copied, CopyError> {
    let keys = Log::ALL.map(|log| key().verifier(log).clone());
    let pinned = Pinned {
        keys: &keys,
        trusted: &[],
        identities: &Identities::default(),
    };
    copy_on(from, to, pinned, now, meanwhile)
}

fn copy(bench: &Bench, to: &Simulated) -> Result<Copied, CopyError> {
    copy_of(&bench.disk, bench.clock.now(), to, &mut Impatient)
}

/// A copy that is whole.
fn copied(bench: &Bench, to: &Simulated) -> Copied {
    let copied = copy(bench, to).unwrap();
    assert_eq!(copied.report.verdict(), Verdict::Whole, "{copied:#?}");
    copied
}

/// Another machine, with the copy for its journal.
fn restored(bench: &Bench, to: &Simulated) -> Bench {
    Bench {
        disk: to.clone(),
        turns: Turns::default(),
        clock: Clock::set_to(bench.clock.now()),
        settings: bench.settings.clone(),
        policy: bench.policy.clone(),
        running: None,
    }
}

/// `a` and `b` are signed, `c` is not.
fn running() -> Bench {
    let mut bench = Bench::opened();
    bench.batch(["a", "b"]).unwrap();
    sign(&mut bench);
    bench.batch(["c"]).unwrap();
    bench
}

/// Time passes, in which all is made durable and signed.
fn sign(bench: &mut Bench) {
    bench.wait(1);
    bench.wait(10);
}

fn is_whole(bench: &Bench, place: &str) {
    let keys = Log::ALL.map(|log| key().verifier(log).clone());
    let pinned = Pinned {
        keys: &keys,
        trusted: &[],
        identities: &Identities::default(),
    };
    let report = verify_on(&bench.disk, pinned, bench.clock.now(), &mut |_, _| {}).unwrap();
    assert_eq!(report.verdict(), Verdict::Whole, "{place}: {report:#?}");
}

fn segments(disk: &Simulated) -> Vec<String> {
    let names = disk.names().into_iter();
    let names = names.filter_map(|path| path.strip_prefix("access/").map(str::to_owned));
    names.filter(|name| name.contains(".jsonl")).collect()
}

#[test]
fn a_copy_holds_what_is_signed_and_goes_on_elsewhere() {
    let bench = running();
    let to = Simulated::default();
    let told = copied(&bench, &to);
    assert!(told.is_first && told.missing.is_empty() && told.removed == 0);
    assert!(told.logs.contains(&(Log::Access, None, 2)));
    let mut elsewhere = restored(&bench, &to);
    assert_eq!(elsewhere.texts(), ["a", "b"]);
    elsewhere.open().unwrap();
    elsewhere.batch(["d"]).unwrap();
    elsewhere.close().unwrap();
    assert_eq!(elsewhere.texts(), ["a", "b", "d"]);
    is_whole(&elsewhere, "");
}

#[test]
fn the_next_copy_takes_what_is_new_and_leaves_what_was_closed() {
    let mut bench = running();
    let to = Simulated::default();
    copied(&bench, &to);
    bench.clock.set(at("2026-11-22T10:00:00Z"));
    bench.batch(["d"]).unwrap();
    sign(&mut bench);
    copied(&bench, &to);
    assert_eq!(read(&to, Log::Access), bench.access());
    assert_eq!(copied(&bench, &to).files, 0, "nothing was new");

    // Bytes of the journal that were changed later do not reach what was copied.
    let first = format!("access/{}", bench.segments()[0]);
    bench.disk.put(&first, b"A\nb\nc\nd\n");
    bench.clock.set(at("2026-11-23T10:00:00Z"));
    bench.batch(["e"]).unwrap();
    sign(&mut bench);
    copied(&bench, &to);
    assert_eq!(to.bytes(&first), b"a\nb\nc\n");
}

#[test]
fn what_grows_must_begin_with_what_was_copied() {
    let mut bench = running();
    let to = Simulated::default();
    copied(&bench, &to);
    let path = format!("access/{}", bench.segments()[0]);
    sign(&mut bench);
    let before = to.contents();
    bench.disk.put(&path, b"A\nb\nc\n");
    let refused = copy(&bench, &to);
    assert!(matches!(refused, Err(CopyError::Differs { path: told }) if told == path));
    assert_eq!(to.bytes(&path), b"a\nb\n");
    assert_eq!(to.bytes("access/checkpoint"), before["access/checkpoint"]);
}

#[test]
fn what_is_wrong_with_the_journal_is_found_in_the_copy() {
    let bench = running();
    let path = format!("access/{}", bench.segments()[0]);
    bench.disk.put(&path, b"a\nB\nc\n");
    let told = copy(&bench, &Simulated::default()).unwrap();
    assert_eq!(told.report.verdict(), Verdict::Wrong);
}

#[test]
fn a_crash_at_any_point_leaves_the_copy_that_was_or_none_and_the_next_run_finishes() {
    let mut bench = running();
    let empty = Simulated::default();
    survives_crashes(&bench, &empty);
    let earlier = Simulated::default();
    copied(&bench, &earlier);
    bench.clock.set(at("2026-11-22T10:00:00Z"));
    bench.batch(["d", "e"]).unwrap();
    sign(&mut bench);
    survives_crashes(&bench, &earlier);
}

fn survives_crashes(bench: &Bench, begin: &Simulated) {
    let whole = begin.snapshot();
    copied(bench, &whole);
    for done in [false, true] {
        for (after, chance) in (0..).zip([3, 1, 4, 1, 5, 9, 2, 6].into_iter().cycle()) {
            let to = begin.snapshot();
            to.plan(Planned {
                after,
                calls: u32::MAX,
                errno: EIO,
                done,
            });
            let never_cut = copy(bench, &to).is_ok();
            let mut at: usize = chance;
            to.cut_power(|below| {
                at = (at * 31 + 7) % 1_009;
                at % below
            });
            // Of a rename one of both names is left; this disk may lose both.
            let names = to.names();
            let is_there = |name: &str| names.iter().any(|there| there == name);
            if !names.is_empty() && !is_there("journal") && !is_there(".new") {
                to.put(".new", b"townclerk journal 1\norigin town.example\n");
            }
            let mut elsewhere = restored(bench, &to.snapshot());
            if is_there("journal") {
                elsewhere
                    .open()
                    .unwrap_or_else(|error| panic!("cut after {after}: {error}"));
                elsewhere.close().unwrap();
                is_whole(&elsewhere, &format!("cut after {after}"));
            } else {
                assert!(
                    matches!(elsewhere.open(), Err(OpenError::NotAJournal)),
                    "cut after {after}"
                );
            }
            copied(bench, &to);
            assert_eq!(to.contents(), whole.contents(), "cut after {after}");
            if never_cut {
                break;
            }
        }
    }
}

#[test]
fn retention_holds_for_the_copy_but_what_only_vanished_stays() {
    let mut bench = Bench::new();
    bench.policy = policy("1", Retention::Days(3));
    bench.open().unwrap();
    let to = Simulated::default();
    for (day, line) in [(21, "a"), (22, "b")] {
        bench.clock.set(at(&format!("2026-11-{day}T23:30:00Z")));
        bench.batch([line]).unwrap();
        sign(&mut bench);
    }
    copied(&bench, &to);
    bench.clock.set(at("2026-11-24T10:00:00Z"));
    bench.batch(["c"]).unwrap();
    bench.writer().go_round();
    sign(&mut bench);
    assert_eq!(bench.texts(), ["b", "c"]);
    let told = copied(&bench, &to);
    assert_eq!((told.removed, told.missing.len()), (1, 0));
    assert_eq!(read(&to, Log::Access), bench.access());
    let secrets = |disk: &Simulated| disk.names().iter().filter(|name| name.ends_with(".salt")).count();
    assert_eq!(secrets(&to), secrets(&bench.disk));

    let gone = format!("access/{}", bench.segments()[0]);
    bench.disk.take_away(&gone);
    let told = copied(&bench, &to);
    assert_eq!((told.removed, told.missing), (0, vec![gone]));
    is_whole(&restored(&bench, &to), "");
}

#[test]
fn a_journal_from_which_all_was_removed_is_copied_and_goes_on_at_its_index() {
    let mut bench = Bench::new();
    bench.policy = policy("1", Retention::Days(2));
    bench.open().unwrap();
    bench.batch(["a", "b"]).unwrap();
    sign(&mut bench);
    let to = Simulated::default();
    copied(&bench, &to);
    bench.clock.set(at("2026-11-25T10:00:00Z"));
    bench.writer().go_round();
    assert_eq!(bench.texts(), [""; 0]);
    sign(&mut bench);
    for to in [to, Simulated::default()] {
        copied(&bench, &to);
        let mut elsewhere = restored(&bench, &to);
        elsewhere.open().unwrap();
        elsewhere.batch(["c"]).unwrap();
        assert_eq!(elsewhere.access(), [(2, "c".to_owned())]);
    }
}

#[test]
fn what_was_packed_since_is_packed_in_the_copy() {
    let identity = Identity::generate();
    for encrypt_to in [vec![], vec![identity.recipient()]] {
        let mut bench = running();
        bench.clock.set(at("2026-11-22T10:00:00Z"));
        bench.batch(["d"]).unwrap();
        sign(&mut bench);
        let to = Simulated::default();
        copied(&bench, &to);
        bench.close().unwrap();
        bench.settings.closed = Some(packing::Closed {
            after: Duration::ZERO,
            compress: true,
            encrypt_to,
        });
        bench.clock.set(at("2026-11-23T10:00:00Z"));
        bench.open().unwrap();
        bench.batch(["e"]).unwrap();
        sign(&mut bench);
        packing_all(&mut bench);
        sign(&mut bench);
        for to in [to, Simulated::default()] {
            let told = copied(&bench, &to);
            assert_eq!((told.removed, told.missing), (0, vec![]));
            assert_eq!(segments(&to), segments(&bench.disk));
            let secrets = |disk: &Simulated| {
                let names = disk.names().into_iter();
                names.filter(|name| name.contains(".salt")).collect::<Vec<_>>()
            };
            assert_eq!(secrets(&to), secrets(&bench.disk));
        }
    }
}

fn packing_all(bench: &mut Bench) {
    let mut packed = 0;
    while let Some(job) = bench.writer().next_to_pack().unwrap() {
        let done = packing::pack(&bench.disk, job, &Arc::default()).unwrap();
        bench.writer().install(done).unwrap();
        packed += 1;
    }
    assert!(packed > 0);
}

#[test]
fn holds_come_and_go_with_those_of_the_journal() {
    let bench = running();
    let to = Simulated::default();
    bench.disk.make_folder(holds::FOLDER).unwrap();
    bench.disk.put("holds/RPD-1.toml", b"case");
    copied(&bench, &to);
    assert_eq!(to.bytes("holds/RPD-1.toml"), b"case");
    bench.disk.take_away("holds/RPD-1.toml");
    copied(&bench, &to);
    assert!(!to.names().contains(&"holds/RPD-1.toml".to_owned()));
}

#[test]
fn entries_are_not_copied_before_the_arrivals_that_they_name_are_signed() {
    let mut bench = Bench::new();
    bench.settings.durability = Durability::Strict;
    bench.open().unwrap();
    let _waiting = bench.arrive("first");
    bench.batch(["a"]).unwrap();
    assert!(matches!(
        copy(&bench, &Simulated::default()),
        Err(CopyError::Unsigned { log: Log::Arrivals })
    ));
    let to = Simulated::default();
    let told = copy_of(&bench.disk.clone(), bench.clock.now(), &to, &mut Patient(&mut bench)).unwrap();
    assert_eq!(told.report.verdict(), Verdict::Whole);
    assert!(
        told.logs
            .iter()
            .any(|(log, _, size)| (*log, *size) == (Log::Arrivals, 1))
    );
}

/// Somebody removes a segment when the first file was copied.
struct Hasty(Simulated, Option<String>);

impl Meanwhile for Hasty {
    fn copied(&mut self, _: u64, _: u64) {
        if let Some(path) = self.1.take() {
            self.0.take_away(&path);
        }
    }
    fn verified(&mut self, _: u64, _: u64) {}
    fn wait(&mut self) -> bool {
        false
    }
}

#[test]
fn what_is_gone_before_it_was_copied_is_asked_for_again() {
    let bench = running();
    let to = Simulated::default();
    let path = format!("access/{}", bench.segments()[0]);
    let bytes = bench.disk.bytes(&path);
    let mut hasty = Hasty(bench.disk.clone(), Some(path.clone()));
    let first = copy_of(&bench.disk, bench.clock.now(), &to, &mut hasty);
    assert!(matches!(first, Err(CopyError::Changed)));
    bench.disk.put(&path, &bytes);
    assert!(copied(&bench, &to).is_first);
}

#[test]
fn nothing_but_an_earlier_copy_of_the_same_journal_is_written_to() {
    let mut bench = running();
    let refused = |to: &Simulated| {
        let before = to.contents();
        let error = copy(&bench, to).unwrap_err();
        assert_eq!(to.contents(), before);
        error
    };
    let other = Simulated::default();
    other.make_folder("").unwrap();
    other.put("notes.txt", b"");
    assert!(matches!(refused(&other), CopyError::NotEmpty));
    let other = Simulated::default();
    layout::init_on(&other, "village.example").unwrap();
    assert!(matches!(refused(&other), CopyError::OfAnother { origin } if origin == "village.example"));
    let own = Simulated::default();
    layout::init_on(&own, "town.example").unwrap();
    own.set_mode("", 0o755);
    assert!(matches!(refused(&own), CopyError::Copy(OpenError::Exposed)));

    // A copy that was served from has a history of its own.
    let to = Simulated::default();
    copied(&bench, &to);
    let mut elsewhere = restored(&bench, &to);
    elsewhere.open().unwrap();
    assert!(matches!(refused(&to), CopyError::Locked));
    elsewhere.batch(["x"]).unwrap();
    elsewhere.close().unwrap();
    assert!(matches!(refused(&to), CopyError::Diverged { .. }));
    sign(&mut bench);
    bench.batch(["y", "z"]).unwrap();
    bench.close().unwrap();
    let before = to.contents();
    assert!(matches!(copy(&bench, &to), Err(CopyError::Diverged { .. })));
    assert_eq!(to.contents(), before);
}
