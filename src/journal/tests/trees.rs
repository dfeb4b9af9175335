//! What the tree on disk must be at any moment; the model asks after every step.

use std::io::Read;

use zeroize::Zeroizing;

use super::*;
use crate::journal::checkpoint::{Checkpoint, Signed};
use crate::journal::disk::Disk;
use crate::journal::note::Note;
use crate::journal::recovery;
use crate::journal::segment::Beside;
use crate::journal::tree::{EntryIndex, Frontier, Hash, Levels, Salt, TreeSize, consistency, tile_level};

/// The notes of `checkpoints`, read as the format says: each verified, the last perhaps unfinished.
fn history(disk: &Simulated, log: Log) -> Vec<Checkpoint> {
    let bytes = disk.bytes(&format!("{log}/checkpoints"));
    let key = key();
    let mut notes: Vec<Vec<u8>> = Vec::new();
    let mut signed = true;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let signature = line.starts_with("— ".as_bytes());
        if signed && !signature {
            notes.push(Vec::new());
        }
        signed = signature;
        notes.last_mut().unwrap().extend_from_slice(line);
    }
    let mut checkpoints = Vec::new();
    let count = notes.len();
    for (nth, note) in notes.into_iter().enumerate() {
        if nth + 3 < count {
            checkpoints.push(Note::parse(&note).unwrap().text().parse().unwrap()); // verified when it was the last
            continue;
        }
        match Signed::open(&note, key.verifier(log)) {
            Ok(signed) => checkpoints.push(signed.checkpoint().clone()),
            Err(error) => assert_eq!(nth + 1, count, "{log}: a note before the last: {error}"),
        }
    }
    checkpoints
}

fn hashes(disk: &Simulated, path: &str) -> Vec<Hash> {
    let chunks = disk.bytes(path);
    let (chunks, _) = chunks.as_chunks::<32>();
    chunks.iter().map(|bytes| Hash(*bytes)).collect()
}

/// The leaf of every line that counts, made from nothing but the line and its salt, and the one on disk if there is
/// one.
fn leaves(disk: &Simulated, log: Log) -> Vec<(u64, Hash, Option<Hash>)> {
    let mut lines = Lines::on(Arc::new(disk.clone()), log).unwrap();
    let names = disk.names();
    let mut leaves = Vec::new();
    let mut segment: Option<(Name, Salt, Vec<Hash>)> = None;
    while let Some(line) = lines.next_line().unwrap() {
        let (_, salt, kept) = match &segment {
            Some(known @ (name, ..)) if *name == line.segment => known,
            _ => {
                let beside = |which| format!("{log}/{}", line.segment.beside(which));
                let mut salt = Zeroizing::new([0; 32]);
                let mut file = disk.open(&beside(Beside::Salt)).unwrap();
                file.read_exact(salt.as_mut_slice()).unwrap();
                let file = beside(Beside::Leaves);
                let kept = if names.contains(&file) {
                    hashes(disk, &file)
                } else {
                    vec![]
                };
                segment.insert((line.segment, Salt::new(salt), kept))
            }
        };
        let leaf = salt.leaf(EntryIndex(line.index), line.text);
        let place = usize::try_from(line.index - line.segment.first).unwrap();
        leaves.push((line.index, leaf, kept.get(place).copied()));
    }
    leaves
}

/// Checks all that can be checked of a log on a disk; its whole tree, if nothing was removed. Gives the size that is
/// signed.
pub(super) fn check(disk: &Simulated, log: Log) -> u64 {
    let history = history(disk, log);
    let newest = Signed::open(&disk.bytes(&format!("{log}/checkpoint")), key().verifier(log)).unwrap();
    assert!(
        history.contains(newest.checkpoint()),
        "the newest checkpoint is in the history"
    );
    assert!(
        history.is_sorted_by(|a, b| a.size() < b.size()),
        "each size is signed once"
    );
    let size = history.last().unwrap().size().0;
    let leaves = leaves(disk, log);
    let signed: Vec<_> = leaves.into_iter().take_while(|(index, ..)| *index < size).collect();
    for (index, made, kept) in &signed {
        assert_eq!(kept.as_ref(), Some(made), "{log}: the leaf of record {index}");
    }
    if signed.first().is_some_and(|(first, ..)| *first > 0) || signed.is_empty() && size > 0 {
        return size;
    }
    assert_eq!(signed.len() as u64, size, "{log}: what is signed is there");

    let (mut levels, mut frontier) = (Levels::default(), Frontier::new());
    let mut files: Vec<Vec<Hash>> = vec![];
    let mut expected = history.iter().peekable();
    let mut check_root = |frontier: &Frontier| {
        if let Some(checkpoint) = expected.next_if(|next| next.size() == frontier.size()) {
            assert_eq!(checkpoint.root(), frontier.root(), "the root at {}", frontier.size());
        }
    };
    check_root(&frontier);
    for (_, leaf, _) in signed {
        frontier.append(leaf, |level, hash| {
            levels.push(level, hash);
            if let Some(level) = tile_level(level).map(usize::from) {
                files.resize_with(files.len().max(level + 1), Vec::new);
                files[level].push(*hash);
            }
        });
        check_root(&frontier);
    }
    for (level, expected) in files.iter().enumerate().skip(1) {
        let found = hashes(disk, &format!("{log}/tree/{level}"));
        assert_eq!(&found[..expected.len()], expected, "{log}: level {level}");
    }
    for pair in history.windows(2).rev().take(3) {
        let proof = consistency::prove(&levels, pair[0].size(), pair[1].size()).unwrap();
        let (old, new) = (pair[0].root(), pair[1].root());
        consistency::verify(&proof, pair[0].size(), &old, pair[1].size(), &new).unwrap();
    }
    size
}

/// What a start would find.
pub(super) fn load(disk: &Simulated, log: Log) -> Result<LogTree, OpenError> {
    let signers = key().into_signers();
    let signer = match log {
        Log::Access => signers.access,
        Log::Addresses => signers.addresses,
        Log::Arrivals => signers.arrivals,
        Log::Events => signers.events,
        Log::Disclosures => signers.disclosures,
    };
    let found = recovery::find(disk, log)?;
    recovery::tree(&(Arc::new(disk.clone()) as _), log, signer, &found)
}

/// What is published is what a start would load.
pub(super) fn check_running(bench: &Bench) {
    let Some(running) = &bench.running else { return };
    let disk = bench.disk.snapshot();
    let writer = &running.writer;
    let addresses = &writer.requests.addresses;
    let optional = [(Log::Addresses, addresses), (Log::Arrivals, writer.arrivals.appender())];
    let optional = optional.into_iter().filter(|(_, appender)| appender.is_made());
    let always = [
        (Log::Access, &writer.requests.access),
        (Log::Events, &writer.events.appender),
    ];
    for (log, appender) in always.into_iter().chain(optional) {
        let size = check(&disk, log);
        assert!(
            size <= appender.durable(),
            "{log}: {size} are signed, {} durable",
            appender.durable()
        );
        let loaded = load(&disk, log).unwrap();
        // While the disk fails, a note may be in the history that is not yet the newest checkpoint.
        if !running.queue.has_failed() && !bench.turns.is_home() {
            assert_eq!(loaded.signed(), appender.tree().signed());
        }
        if !running.queue.has_failed() && appender.unsigned().is_none() {
            assert_eq!(loaded.frontier(), appender.tree().frontier());
        }
    }
}

#[test]
fn everything_is_signed_after_ten_seconds_and_not_again() {
    let mut bench = Bench::opened();
    bench.batch(["a", "b"]).unwrap();
    bench.wait(1);
    let signed = |bench: &mut Bench| bench.writer().requests.access.tree().signed();
    assert_eq!(signed(&mut bench), Some(TreeSize(0)));
    for _ in 0..10 {
        bench.wait(1);
    }
    assert_eq!(signed(&mut bench), Some(TreeSize(2)));
    let syncs = bench.disk.syncs();
    bench.wait(60);
    assert_eq!(bench.disk.syncs(), syncs, "there is nothing new");
    check_running(&bench);
    bench.close().unwrap();
    let closed = history(&bench.disk, Log::Access);
    bench.open().unwrap();
    assert_eq!(history(&bench.disk, Log::Access), closed);
}

#[test]
fn a_sync_of_lines_costs_no_sync_of_the_tree() {
    let mut bench = Bench::opened();
    bench.batch(["a"]).unwrap();
    let before = bench.disk.syncs();
    bench.wait(1);
    assert_eq!(bench.disk.syncs(), before + 1);
}

#[test]
fn the_tree_is_right_across_tiles_segments_and_starts() {
    let mut bench = Bench::new();
    bench.settings.segment_bytes = 1_500;
    bench.settings.queue = 4_096;
    bench.open().unwrap();
    for batch in 0..40 {
        let lines: Vec<_> = (0..batch * 3 % 71)
            .map(|line| format!("{{\"{batch}\":{line}}}"))
            .collect();
        bench.batch(lines.iter().map(String::as_str)).unwrap();
        bench.wait(batch % 7);
        match batch % 5 {
            0 => bench.kill(),
            1 => bench.close().unwrap(),
            _ => {}
        }
        if bench.running.is_none() {
            bench.open().unwrap();
        }
        check_running(&bench);
    }
    assert!(bench.access().len() > 2 * 256, "{}", bench.access().len());
    assert!(hashes(&bench.disk, "access/tree/1").len() >= 2);
}

/// A journal with a note for each of 400 records, in segments of 12 records.
fn noted() -> Bench {
    let mut bench = Bench::new();
    bench.settings.segment_bytes = 120;
    bench.open().unwrap();
    for record in 0..400 {
        bench.batch([format!("{record:09}").as_str()]).unwrap();
        bench.wait(1);
        bench.wait(10);
    }
    bench
}

#[test]
fn of_old_checkpoints_a_sample_is_kept_and_the_last_of_each_segment() {
    let mut bench = noted();
    let all = history(&bench.disk, Log::Access);
    assert_eq!(all.len(), 401);
    bench.writer().requests.access.tree().thin(50).unwrap();
    let thin = history(&bench.disk, Log::Access);
    let is_kept = |note: &&Checkpoint| note.root().0[0] == 0 || note.size().0.is_multiple_of(12) || note.size().0 > 350;
    let expected: Vec<_> = all.iter().filter(is_kept).cloned().collect();
    assert_eq!(thin, expected);
    bench.writer().requests.access.tree().thin(50).unwrap();
    assert_eq!(history(&bench.disk, Log::Access), thin);
    assert_eq!(super::copying::verdict(&bench), crate::journal::verify::Verdict::Whole);
    bench.close().unwrap();
    bench.disk.cut_power(|_| 0);
    bench.open().unwrap();
    assert_eq!(history(&bench.disk, Log::Access), thin);
}

#[test]
fn a_thinning_that_fails_anywhere_leaves_the_old_history_or_the_new() {
    let whole = noted();
    for after in 0..7 {
        for done in [false, true] {
            let mut bench = Bench {
                disk: whole.disk.snapshot(),
                ..Bench::new()
            };
            bench.settings.segment_bytes = 120;
            bench.open().unwrap();
            bench.disk.plan(crate::journal::simulated::Planned {
                after,
                calls: 1,
                errno: crate::journal::simulated::EIO,
                done,
            });
            let _ = bench.writer().requests.access.tree().thin(50);
            bench.disk.heal();
            let disk = bench.disk.snapshot();
            disk.cut_power(|_| 0);
            load(&disk, Log::Access).unwrap();
            bench.batch(["next"]).unwrap();
            bench.wait(1);
            bench.wait(10);
            check_running(&bench);
            assert_eq!(bench.writer().requests.access.tree().signed(), Some(TreeSize(401)));
            assert_eq!(super::copying::verdict(&bench), crate::journal::verify::Verdict::Whole);
        }
    }
}

#[test]
fn a_file_of_the_tree_that_failed_is_written_anew_and_nothing_is_lost() {
    for after in 0..40 {
        for done in [false, true] {
            let mut bench = Bench::opened();
            bench.batch(["a", "b"]).unwrap();
            bench.wait(11);
            bench.batch(["c"]).unwrap();
            bench.wait(1);
            bench.disk.plan(crate::journal::simulated::Planned {
                after,
                calls: 1,
                errno: crate::journal::simulated::EIO,
                done,
            });
            bench.wait(10);
            assert!(!bench.queue().has_failed());
            check_running(&bench);
            assert_eq!(
                bench.writer().requests.access.tree().signed(),
                Some(TreeSize(3)),
                "{after}"
            );
            bench.kill();
            bench.disk.cut_power(|_| 0);
            assert_eq!(check(&bench.disk, Log::Access), 3);
            bench.open().unwrap();
            assert_eq!(bench.texts(), ["a", "b", "c"]);
        }
    }
}
