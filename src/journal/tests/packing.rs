//! Closed segments change their form, and nothing else.

use std::sync::atomic::AtomicBool;

use super::*;
use crate::journal::age::{Identities, Identity};
use crate::journal::fault::Fault;
use crate::journal::packing::{Closed, Done, PackError, open as open_segment, pack};
use crate::journal::segment::Form;
use crate::journal::simulated::{EIO, Planned};
use crate::journal::verify::{Finding, Pinned, Report, Sealed, Verdict, verify_on};

const FIRST: &str = "access/20261121-00000000000000000000";
const SECOND: &str = "access/20261122-00000000000000000003";

fn closed(compress: bool, identity: Option<&Identity>) -> Option<Closed> {
    Some(Closed {
        after: Duration::ZERO,
        compress,
        encrypt_to: identity.iter().map(|identity| identity.recipient()).collect(),
    })
}

/// Three days with their segments, all signed; the first two are closed.
fn three_days(closed: Option<Closed>) -> Bench {
    three_days_under(policy("1", Retention::Unlimited), closed)
}

fn three_days_under(policy: Policy, closed: Option<Closed>) -> Bench {
    let mut bench = Bench::new();
    bench.policy = policy;
    bench.settings.closed = closed;
    bench.open().unwrap();
    bench.batch(["a", "b", "c"]).unwrap();
    for (day, line) in [(22, "d"), (23, "e")] {
        bench.clock.set(at(&format!("2026-11-{day}T10:00:00Z")));
        bench.batch([line]).unwrap();
    }
    bench.wait(10);
    bench
}

fn packed(bench: &mut Bench) -> Option<Result<Done, PackError>> {
    let job = bench.writer().next_to_pack().unwrap()?;
    Some(pack(&bench.disk, job, &Arc::new(AtomicBool::new(false))))
}

/// Packs all that is due, as the packer would; a fault ends it.
fn pack_all(bench: &mut Bench) -> Result<(), Fault> {
    while let Some(done) = packed(bench) {
        let Ok(done) = done else { break };
        bench.writer().install(done)?;
    }
    Ok(())
}

fn files(bench: &Bench) -> Vec<String> {
    let names = bench.disk.names().into_iter();
    names
        .filter(|name| name.starts_with("access/2026") && !name.ends_with(".leaves"))
        .collect()
}

fn report(disk: &Simulated, identities: Identities) -> Report {
    let key = key();
    let keys = Log::ALL.map(|log| key.verifier(log).clone());
    let pinned = Pinned {
        keys: &keys,
        trusted: &[],
        identities: &identities,
    };
    let disk = disk.read_with(identities.clone());
    verify_on(&disk, pinned, at("2026-11-23T10:00:20Z"), &mut |_, _| {}).unwrap()
}

fn texts_with(bench: &Bench, identities: Identities) -> Vec<String> {
    let lines = read(&bench.disk.read_with(identities), Log::Access);
    lines.into_iter().map(|(_, text)| text).collect()
}

#[test]
fn closed_segments_are_compressed_and_read_as_before() {
    let mut bench = three_days(closed(true, None));
    pack_all(&mut bench).unwrap();
    let third = "access/20261123-00000000000000000004";
    assert_eq!(
        files(&bench),
        [
            format!("{FIRST}.jsonl.zst"),
            format!("{FIRST}.salt"),
            format!("{SECOND}.jsonl.zst"),
            format!("{SECOND}.salt"),
            format!("{third}.jsonl"),
            format!("{third}.salt"),
        ]
    );
    assert_eq!(bench.texts(), ["a", "b", "c", "d", "e"]);
    let events = bench.events_named("segment.pack");
    assert_eq!(events.len(), 2);
    assert_eq!(events[0]["segment"], "20261121-00000000000000000000.jsonl");
    assert_eq!(events[0]["form"], "zst");
    assert_eq!(events[0].get("sha256"), None, "it would outlive the lines");
    let report = report(&bench.disk, Identities::default());
    assert_eq!(
        (report.verdict(), report.access.records),
        (Verdict::Whole, 5),
        "{report:?}"
    );
    assert!(bench.writer().next_to_pack().unwrap().is_none(), "once is enough");
}

#[test]
fn a_journal_with_packed_segments_goes_on_and_is_followed_from_any_line() {
    let mut bench = three_days(closed(true, None));
    let mut lines = Lines::on(Arc::new(bench.disk.clone()), Log::Access).unwrap();
    assert_eq!(lines.next_line().unwrap().unwrap().text, b"a");
    pack_all(&mut bench).unwrap();
    bench.close().unwrap();
    bench.open().unwrap();
    bench.batch(["f"]).unwrap();
    let mut rest = Vec::new();
    lines.look().unwrap();
    while let Some(line) = lines.next_line().unwrap() {
        rest.push(String::from_utf8(line.text.to_vec()).unwrap());
    }
    assert_eq!(rest, ["b", "c", "d", "e", "f"]);
}

#[test]
fn what_is_encrypted_is_read_by_the_administrator_alone() {
    let identity = Identity::generate();
    let mut bench = three_days(closed(true, Some(&identity)));
    let identities = Identities::from(&identity);
    pack_all(&mut bench).unwrap();
    assert_eq!(
        files(&bench)[..4],
        [
            format!("{FIRST}.jsonl.zst.age"),
            format!("{FIRST}.salt.age"),
            format!("{SECOND}.jsonl.zst.age"),
            format!("{SECOND}.salt.age"),
        ]
    );
    let mut lines = Lines::on(Arc::new(bench.disk.clone()), Log::Access).unwrap();
    assert_eq!(lines.next_line().unwrap().unwrap().text, b"e");
    assert_eq!(lines.unreadable().len(), 2);
    assert_eq!(texts_with(&bench, identities.clone()), ["a", "b", "c", "d", "e"]);
    bench.close().unwrap();
    bench.open().unwrap();
    let report = |identities| report(&bench.disk, identities);
    let (without, with) = (report(Identities::default()), report(identities));
    let sealed = Sealed {
        segments: 2,
        records: 4,
    };
    assert_eq!(
        (without.verdict(), without.access.records, without.access.sealed),
        (Verdict::Whole, 1, sealed),
        "{without:?}"
    );
    assert_eq!(
        (with.verdict(), with.access.records, with.access.sealed),
        (Verdict::Whole, 5, Sealed::default()),
        "{with:?}"
    );
}

#[test]
fn one_changed_byte_of_a_packed_segment_is_found() {
    for (compress, encrypt) in [(true, false), (false, true), (true, true)] {
        let identity = Identity::generate();
        let mut bench = three_days(closed(compress, encrypt.then_some(&identity)));
        pack_all(&mut bench).unwrap();
        let form = Form {
            encrypted: encrypt,
            compressed: compress,
        };
        let path = format!("{FIRST}.jsonl{}", form.suffix());
        let mut bytes = bench.disk.bytes(&path);
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        bench.disk.put(&path, &bytes);
        let findings = |identities| report(&bench.disk, identities).access.findings.listed().to_vec();
        let name = Name::parse("20261121-00000000000000000000.jsonl").unwrap();
        assert!(
            findings(Identities::from(&identity)).contains(&Finding::Damaged { segment: name }),
            "{form:?}"
        );
        if encrypt {
            assert_eq!(
                findings(Identities::default()),
                [Finding::SealedDiffers { segment: name }]
            );
        }
    }
}

#[test]
fn a_crash_at_any_point_leaves_every_line_and_the_next_round_finishes() {
    for encrypt in [false, true] {
        let identity = Identity::generate();
        let identities = Identities::from(&identity);
        let mut interrupted = 0;
        for after in 0.. {
            let mut bench = three_days(closed(true, encrypt.then_some(&identity)));
            bench.disk.plan(Planned {
                after,
                calls: u32::MAX,
                errno: EIO,
                done: after % 2 == 0,
            });
            let _ = pack_all(&mut bench);
            let finished = after > 0 && packed_without_fault(&bench);
            bench.kill();
            let mut at = after as usize;
            bench.disk.cut_power(|below| {
                at = at.wrapping_mul(31).wrapping_add(7);
                at % below
            });
            assert_eq!(
                texts_with(&bench, identities.clone()),
                ["a", "b", "c", "d", "e"],
                "after {after}"
            );
            bench.open().unwrap();
            pack_all(&mut bench).unwrap();
            bench.writer().go_round();
            assert_eq!(texts_with(&bench, identities.clone()), ["a", "b", "c", "d", "e"]);
            assert_eq!(
                files(&bench).len(),
                6,
                "nothing is left twice after {after}: {:?}",
                files(&bench)
            );
            assert!(!bench.disk.names().contains(&"access/.packing".to_owned()));
            let report = report(&bench.disk, Identities::default());
            assert_eq!(report.verdict(), Verdict::Whole, "after {after}: {report:?}");
            if finished {
                break;
            }
            interrupted += 1;
        }
        assert!(interrupted > 20, "{interrupted}");
    }
}

fn packed_without_fault(bench: &Bench) -> bool {
    files(bench).iter().filter(|file| file.contains(".zst")).count() == 2 && files(bench).len() == 6
}

#[test]
fn what_was_compressed_is_encrypted_when_the_administrator_asks_for_it_later() {
    let mut bench = three_days(closed(true, None));
    pack_all(&mut bench).unwrap();
    bench.close().unwrap();
    let identity = Identity::generate();
    bench.settings.closed = closed(false, Some(&identity));
    bench.open().unwrap();
    pack_all(&mut bench).unwrap();
    assert_eq!(
        files(&bench)[..2],
        [format!("{FIRST}.jsonl.age"), format!("{FIRST}.salt.age")]
    );
    assert_eq!(
        texts_with(&bench, Identities::from(&identity)),
        ["a", "b", "c", "d", "e"]
    );
}

#[test]
fn a_segment_waits_for_its_time_and_for_a_signed_record_after_it() {
    let mut bench = three_days(closed(true, None).map(|closed| Closed {
        after: Duration::from_secs(36 * 3_600),
        ..closed
    }));
    assert!(bench.writer().next_to_pack().unwrap().is_none());
    bench.clock.set(at("2026-11-23T12:00:00Z"));
    let job = bench.writer().next_to_pack().unwrap().unwrap();
    assert_eq!(job.name.to_string(), "20261121-00000000000000000000.jsonl");
    bench.clock.set(at("2026-12-24T12:00:00Z"));
    bench.kill();
    let mut last = three_days(None);
    last.close().unwrap();
    last.settings.closed = closed(true, None);
    last.clock.set(at("2026-12-24T12:00:00Z"));
    last.open().unwrap();
    pack_all(&mut last).unwrap();
    assert!(files(&last).contains(&"access/20261123-00000000000000000004.jsonl".to_owned()));
}

#[test]
fn a_segment_that_is_not_what_was_signed_stays_as_it_is() {
    let mut bench = three_days(closed(true, None));
    let path = format!("{FIRST}.jsonl");
    bench.disk.put(&path, b"a\nX\nc\n");
    let done = packed(&mut bench).unwrap();
    assert!(matches!(done, Err(PackError::Differs)), "{done:?}");
    let name = Name::parse("20261121-00000000000000000000.jsonl").unwrap();
    bench
        .writer()
        .take_packed(done.map_err(|error| ((Log::Access, name), error)));
    assert_eq!(bench.disk.bytes(&path), b"a\nX\nc\n");
    assert_eq!(bench.events_named("journal.failure")[0]["what"], "pack");
    let next = bench.writer().next_to_pack().unwrap().unwrap();
    assert_ne!(next.name, name, "the others are packed all the same");
}

#[test]
fn a_void_end_is_packed_with_the_rest_byte_for_byte() {
    let mut bench = three_days(closed(true, None));
    let path = format!("{FIRST}.jsonl");
    let whole = [&bench.disk.bytes(&path)[..], b"torn\x18\nlost\n"].concat();
    bench.disk.put(&path, &whole);
    pack_all(&mut bench).unwrap();
    let name = segment::list(&bench.disk, Log::Access).unwrap()[0];
    let mut unpacked = Vec::new();
    let mut text = open_segment(&bench.disk, Log::Access, name).unwrap();
    std::io::Read::read_to_end(&mut text, &mut unpacked).unwrap();
    assert_eq!(unpacked, whole);
    assert_eq!(bench.texts(), ["a", "b", "c", "d", "e"]);
}

#[test]
fn retention_removes_packed_segments_with_their_salts() {
    let identity = Identity::generate();
    let mut bench = three_days(closed(true, Some(&identity)));
    pack_all(&mut bench).unwrap();
    bench.close().unwrap();
    bench.policy = policy("1", Retention::Days(2));
    bench.clock.set(at("2026-11-23T22:00:00Z"));
    bench.open().unwrap();
    assert_eq!(texts_with(&bench, Identities::from(&identity)), ["e"]);
    assert!(
        files(&bench).iter().all(|file| file.contains("20261123")),
        "{:?}",
        files(&bench)
    );
    assert_eq!(bench.events_named("retention.remove").len(), 1);
    let report = report(&bench.disk, Identities::default());
    assert_eq!(report.verdict(), Verdict::Whole, "{report:?}");
}

#[test]
fn addresses_are_packed_as_their_requests_are_and_seen_by_the_administrator_alone() {
    let identity = Identity::generate();
    let mut with_addresses = policy("1", Retention::Unlimited);
    with_addresses.addresses = Some(addresses::kept_for(14));
    let mut bench = three_days_under(with_addresses, closed(true, Some(&identity)));
    pack_all(&mut bench).unwrap();
    let first = "addresses/20261121-00000000000000000000";
    bench.disk.put(&format!("{first}.salt"), b"left by a crash");
    bench.disk.put("addresses/.packing", b"left by a crash");
    bench.writer().go_round();
    let of_addresses: Vec<_> = bench.disk.names();
    let of_addresses = of_addresses.iter().filter(|name| name.starts_with("addresses/"));
    let packed: Vec<_> = of_addresses
        .filter(|name| name.starts_with(first) || name.ends_with("packing"))
        .collect();
    assert_eq!(
        packed,
        [
            &format!("{first}.jsonl.zst.age"),
            &format!("{first}.leaves"),
            &format!("{first}.salt.age")
        ]
    );
    let identities = Identities::from(&identity);
    let seen = |disk: &Simulated| -> Vec<_> {
        let records = addresses::joined(disk).into_iter();
        records.map(|(index, _, address)| (index, address.is_some())).collect()
    };
    assert_eq!(seen(&bench.disk), [(4, true)]);
    let all = [(0, true), (1, true), (2, true), (3, true), (4, true)];
    assert_eq!(seen(&bench.disk.read_with(identities.clone())), all);
    for identities in [Identities::default(), identities] {
        let report = report(&bench.disk, identities);
        assert_eq!(
            (report.verdict(), report.others.len()),
            (Verdict::Whole, 1),
            "{report:?}"
        );
    }
    for _ in 0..13 {
        bench.wait(24 * 60 * 60);
    }
    let names = bench.disk.names();
    assert!(
        !names
            .iter()
            .any(|name| name.starts_with(first) && !name.ends_with(".leaves")),
        "{names:?}"
    );
}
