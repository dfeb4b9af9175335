//! Every row of the table of trees: made on a disk, opened, and compared with what the table says.

use super::trees::{check, load};
use super::*;
use crate::journal::recovery::{Files, Records, Said, Verdict, judge};
use crate::journal::tree::TreeSize;

const FIRST: &str = "access/20261121-00000000000000000000";
const LAST: &str = "access/20261121-00000000000000000300";

fn line(index: u64) -> String {
    format!("{{\"record\":{index:03}}}")
}

/// A log of two segments, 300 and 400 records, closed in good order: `tree/1` has two hashes, one of each segment.
fn whole() -> Bench {
    let mut bench = Bench::new();
    bench.settings.queue = 4_096;
    for records in [0..300, 300..700] {
        bench.open().unwrap();
        let lines: Vec<_> = records.map(line).collect();
        bench.batch(lines.iter().map(String::as_str)).unwrap();
        bench.close().unwrap();
    }
    bench
}

fn change(disk: &Simulated, path: &str, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = disk.bytes(path);
    change(&mut bytes);
    disk.put(path, &bytes);
}

fn flip(disk: &Simulated, path: &str, at: usize) {
    change(disk, path, |bytes| bytes[at] ^= 1);
}

/// What somebody's hand, or a crash, makes of the checkpoint.
fn with_checkpoint(disk: &Simulated, said: &str) {
    match said {
        "nothing" => disk.take_away("access/checkpoint"),
        "damaged text" => flip(disk, "access/checkpoint", 40),
        "damaged signature" => {
            let last = disk.bytes("access/checkpoint").len() - 4;
            flip(disk, "access/checkpoint", last);
        }
        "torn" => change(disk, "access/checkpoint", |bytes| bytes.truncate(50)),
        "another key's" => {
            let other = Simulated::default();
            let key = Key::generate("town.example").unwrap();
            for folder in ["", "access", "access/tree"] {
                crate::journal::disk::Disk::make_folder(&other, folder).unwrap();
            }
            let access = key.into_signers().access;
            LogTree::init(Arc::new(other.clone()), Log::Access, access).unwrap();
            disk.put("access/checkpoint", &other.bytes("access/checkpoint"));
        }
        _ => {}
    }
}

fn with_records(disk: &Simulated, records: Records) {
    let path = &format!("{LAST}.jsonl");
    match records {
        Records::Signed => {}
        Records::More => change(disk, path, |bytes| bytes.extend_from_slice(b"more\nmore\n")),
        Records::Missing => change(disk, path, |bytes| bytes.truncate(bytes.len() - 5)),
        Records::Altered => flip(disk, path, 11),
        Records::Unsalted => disk.take_away(&format!("{LAST}.salt")),
    }
}

type Change = fn(&Simulated);

/// Every way in which the files can be so.
fn with_files(files: Files) -> Vec<(&'static str, Change)> {
    match files {
        Files::Whole => vec![("whole", |_| {})],
        Files::Void => vec![
            ("no leaves", |disk| disk.take_away(&format!("{LAST}.leaves"))),
            ("short leaves", |disk| {
                change(disk, &format!("{LAST}.leaves"), |bytes| bytes.truncate(100));
            }),
            ("wrong leaves", |disk| flip(disk, &format!("{LAST}.leaves"), 1_000)),
            ("long leaves", |disk| {
                change(disk, &format!("{LAST}.leaves"), |bytes| {
                    bytes.extend_from_slice(&[7; 45])
                });
            }),
            ("short level", |disk| {
                change(disk, "access/tree/1", |bytes| bytes.truncate(33))
            }),
            ("wrong level", |disk| flip(disk, "access/tree/1", 40)),
            ("long level", |disk| {
                change(disk, "access/tree/1", |bytes| bytes.push(7))
            }),
            ("a history with an unfinished end", |disk| {
                change(disk, "access/checkpoints", |bytes| {
                    bytes.extend_from_slice(b"town.example/t")
                });
            }),
            ("a history with a hole", |disk| {
                change(disk, "access/checkpoints", |bytes| bytes.extend_from_slice(&[0; 300]));
            }),
        ],
        Files::Gone => vec![
            ("no leaves before", |disk| disk.take_away(&format!("{FIRST}.leaves"))),
            ("no level", |disk| disk.take_away("access/tree/1")),
            ("too short a level", |disk| {
                change(disk, "access/tree/1", |bytes| bytes.truncate(31))
            }),
            ("no history", |disk| disk.take_away("access/checkpoints")),
            ("a history of less", |disk| {
                change(disk, "access/checkpoints", |bytes| bytes.truncate(bytes.len() - 1));
            }),
        ],
    }
}

fn outcome(disk: &Simulated) -> Verdict {
    let next = crate::journal::recovery::find(disk, Log::Access).unwrap().next;
    match load(disk, Log::Access) {
        Ok(tree) if tree.is_behind() || tree.size().0 < next => Verdict::Mend,
        Ok(_) => Verdict::AsSigned,
        Err(OpenError::Incomplete) => Verdict::Incomplete,
        Err(OpenError::CheckpointDamaged { .. }) => Verdict::Damaged,
        Err(OpenError::AnotherKey { .. }) => Verdict::AnotherKey,
        Err(OpenError::SignedMissing { .. }) => Verdict::Missing,
        Err(OpenError::SignedAltered { .. }) => Verdict::Altered,
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn every_combination_of_what_may_be_found_ends_as_the_table_says() {
    let whole = whole();
    let all_records = [
        Records::Signed,
        Records::More,
        Records::Missing,
        Records::Altered,
        Records::Unsalted,
    ];
    let checkpoints = [
        ("nothing", Some(Said::Nothing)),
        ("damaged text", Some(Said::Damaged)),
        ("damaged signature", Some(Said::Damaged)),
        ("torn", Some(Said::Damaged)),
        ("another key's", Some(Said::AnotherKeys)),
        ("ours", None),
    ];
    let mut rows = 0;
    for records in all_records {
        for files in [Files::Whole, Files::Void, Files::Gone] {
            for (name, change_files) in with_files(files) {
                for (checkpoint, said) in checkpoints {
                    for torn in [false, true] {
                        let disk = whole.disk.snapshot();
                        with_records(&disk, records);
                        change_files(&disk);
                        with_checkpoint(&disk, checkpoint);
                        if torn && records != Records::Missing {
                            change(&disk, &format!("{LAST}.jsonl"), |bytes| {
                                bytes.extend_from_slice(b"torn")
                            });
                        }
                        let said = said.unwrap_or(Said::Signed { records, files });
                        let row = format!("{records:?}, {files:?} ({name}), checkpoint {checkpoint}, torn {torn}");
                        let expected = judge(said);
                        let found = outcome(&disk);
                        // Where two things are wrong, which of the two is said is of no matter.
                        let refused = |verdict| !matches!(verdict, Verdict::AsSigned | Verdict::Mend);
                        let twice = records != Records::Signed && records != Records::More && files != Files::Whole;
                        let agrees = found == expected || twice && refused(found) && refused(expected);
                        assert!(agrees, "{row}: {found:?} instead of {expected:?}");
                        starts(disk, expected, records, &row);
                        rows += 1;
                    }
                }
            }
        }
    }
    assert_eq!(rows, 5 * 15 * 6 * 2);
}

/// A journal that may be opened is mended by the start; one that may not is left as it is.
fn starts(disk: Simulated, verdict: Verdict, records: Records, row: &str) {
    let mut bench = Bench { disk, ..Bench::new() };
    bench.settings.queue = 4_096;
    if !matches!(verdict, Verdict::AsSigned | Verdict::Mend) {
        let before = bench.disk.contents();
        assert!(bench.open().is_err(), "{row}");
        assert!(bench.disk.contents() == before, "{row}: something was changed");
        return;
    }
    bench.open().unwrap_or_else(|error| panic!("{row}: {error}"));
    let size = if records == Records::More { 702 } else { 700 };
    assert_eq!(
        bench.writer().requests.access.tree().signed(),
        Some(TreeSize(size)),
        "{row}"
    );
    assert_eq!(check(&bench.disk, Log::Access), size, "{row}");
    bench.batch(["next"]).unwrap();
    bench.close().unwrap();
    assert_eq!(check(&bench.disk, Log::Access), size + 1, "{row}");
}

#[test]
fn the_key_of_another_site_is_refused_before_anything_is_looked_at() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    layout::init(&at("journal"), &at("journal.key"), "town.example").unwrap();
    Key::create(&at("other.key"), "other.example").unwrap();
    let again = layout::init(&at("second"), &at("other.key"), "town.example");
    assert!(matches!(again, Err(layout::InitError::KeyOfAnother)));
    let open = |name: &str| {
        let settings = Settings {
            folder: at("journal"),
            key: at(name),
            ..settings()
        };
        let policy = policy("1", Retention::Unlimited);
        crate::journal::Journal::open(&settings, &policy, "version = 1", Clock::system()).map(drop)
    };
    assert!(matches!(open("other.key"), Err(OpenError::KeyOfAnother)));
    assert!(matches!(open("no.key"), Err(OpenError::Key(_))));
    Key::create(&at("new.key"), "town.example").unwrap();
    assert!(matches!(
        open("new.key"),
        Err(OpenError::AnotherKey { log: Log::Access })
    ));
    open("journal.key").unwrap();
}
