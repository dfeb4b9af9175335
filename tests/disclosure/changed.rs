//! Whatever is changed of a bundle is found, and the file is named.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use sha2::{Digest, Sha256, Sha512};
use townclerk::disclosure::verify::{Finding, verify};
use townclerk::journal::note::VerifierKey;

use super::{Office, apart, text};

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for file in fs::read_dir(folder).expect("a folder").flatten() {
        match file.path().is_dir() {
            true => found.extend(files(&file.path())),
            false => found.push(file.path()),
        }
    }
    found.sort();
    found
}

pub(super) fn keys(office: &Office) -> Vec<VerifierKey> {
    let keys = text(office.keys());
    keys.lines().map(|key| key.parse().expect("a key")).collect()
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(copied.is_ok_and(|status| status.success()));
}

fn found(bundle: &Path, keys: &[VerifierKey]) -> BTreeSet<String> {
    let report = verify(bundle, keys).expect("it can be read");
    report.findings.into_iter().map(|Finding { file, .. }| file).collect()
}

/// How many bytes of a long file are passed over between two that are changed; every byte of a short one is.
const STEP: &str = "TOWNCLERK_FLIP_STEP";

#[test]
fn one_flipped_bit_anywhere_is_found_in_its_file() {
    let office = Office::of_two_days(apart());
    let bundle = office.discloses(&["--path", "/druki", "--addresses", "--status", "200"]);
    let keys = keys(&office);
    assert_eq!(found(&bundle, &keys), BTreeSet::new());
    let all = files(&bundle);
    let step = std::env::var(STEP).map_or(7, |step| step.parse().expect("a number"));
    let workers = thread::available_parallelism().map_or(2, usize::from);
    thread::scope(|scope| {
        for worker in 0..workers {
            let (office, bundle, keys, all) = (&office, &bundle, &keys, &all);
            scope.spawn(move || {
                let own = office.out.path().join(format!("copy-{worker}"));
                copy(bundle, &own);
                for file in all {
                    let name = file.strip_prefix(bundle).expect("below").to_str().expect("text");
                    let bytes = fs::read(file).expect("a file");
                    let changed = fs::OpenOptions::new().write(true).open(own.join(name)).expect("a file");
                    let step = if bytes.len() > 1_000 { step } else { 1 };
                    let places = bytes.iter().enumerate().step_by(step).skip(worker).step_by(workers);
                    for (place, byte) in places {
                        let flipped = byte ^ (1 << (place.wrapping_mul(5) % 8));
                        changed.write_all_at(&[flipped], place as u64).expect("written");
                        assert_eq!(
                            found(&own, keys),
                            BTreeSet::from([name.to_owned()]),
                            "byte {place} of {name}"
                        );
                        changed.write_all_at(&[*byte], place as u64).expect("written");
                    }
                }
            });
        }
    });
}

#[test]
fn a_file_that_is_gone_or_too_many_is_named() {
    let office = Office::of_two_days(apart());
    let bundle = office.discloses(&["--path", "/druki"]);
    let keys = keys(&office);
    for file in files(&bundle) {
        let name = file
            .strip_prefix(&bundle)
            .expect("below")
            .to_str()
            .expect("text")
            .to_owned();
        let aside = office.out.path().join("aside");
        fs::rename(&file, &aside).expect("it goes");
        assert!(found(&bundle, &keys).contains(&name), "{name}");
        fs::rename(&aside, &file).expect("it comes back");
    }
    for more in [
        "data/more",
        "data/access/proofs/00000000000000000000.tlog-proof",
        "more",
        "register/more",
    ] {
        fs::write(bundle.join(more), "x").expect("a file");
        assert_eq!(found(&bundle, &keys), BTreeSet::from([more.to_owned()]));
        fs::remove_file(bundle.join(more)).expect("it goes");
    }
    assert_eq!(found(&bundle, &keys), BTreeSet::new());
}

/// Writes every manifest anew, as somebody does who knows how.
fn with_right_manifests(bundle: &Path) {
    let hashes = |paths: Vec<PathBuf>, hash: fn(&[u8]) -> Vec<u8>| {
        let line = |path: PathBuf| {
            let name = path
                .strip_prefix(bundle)
                .expect("below")
                .to_str()
                .expect("text")
                .to_owned();
            let hash = hash(&fs::read(&path).expect("a file"));
            let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{hash}  {name}\n")
        };
        paths.into_iter().map(line).collect::<String>()
    };
    let sorted = |of: &dyn Fn(&str) -> bool| {
        let name = |path: &Path| {
            path.strip_prefix(bundle)
                .expect("below")
                .to_str()
                .expect("text")
                .to_owned()
        };
        let mut paths: Vec<_> = files(bundle).into_iter().filter(|path| of(&name(path))).collect();
        paths.sort_by_key(|path| name(path));
        paths
    };
    let sha256 = |bytes: &[u8]| Sha256::digest(bytes).to_vec();
    let payload = hashes(sorted(&|name| name.starts_with("data/")), sha256);
    fs::write(bundle.join("manifest-sha256.txt"), payload).expect("a file");
    let beside = |name: &str| !name.starts_with("data/") && !name.starts_with("tagmanifest");
    let first = hashes(sorted(&beside), sha256);
    let second = hashes(sorted(&beside), |bytes| Sha512::digest(bytes).to_vec());
    fs::write(bundle.join("tagmanifest-sha256.txt"), first).expect("a file");
    fs::write(bundle.join("tagmanifest-sha512.txt"), second).expect("a file");
}

#[test]
fn what_was_changed_with_all_its_manifests_is_found_by_its_proofs_and_by_the_register() {
    let office = Office::of_two_days(apart());
    let bundle = office.discloses(&["--path", "/urlop", "--addresses"]);
    let keys = keys(&office);
    with_right_manifests(&bundle);
    assert_eq!(found(&bundle, &keys), BTreeSet::new(), "they are as they were");
    for (file, from, to, finds) in [
        (
            "data/access/records.jsonl",
            "GET",
            "PUT",
            "data/access/proofs/00000000000000000000.tlog-proof",
        ),
        (
            "data/addresses/records.jsonl",
            "203",
            "204",
            "data/addresses/proofs/00000000000000000000.tlog-proof",
        ),
        (
            "data/access/index.jsonl",
            "\"index\":0",
            "\"index\":1",
            "data/access/proofs/00000000000000000001.tlog-proof",
        ),
        ("data/statement.en.md", "Komenda", "Urząd", "register/record.jsonl"),
        ("data/order.json", "RPD-12", "RPD-13", "register/record.jsonl"),
        ("data/policies/1.toml", "Urząd", "Komenda", "data/policies/1.toml"),
        (
            "register/record.jsonl",
            "RPD-12",
            "RPD-13",
            "register/record.tlog-proof",
        ),
        (
            "data/access/checkpoint",
            "townclerk/access\n6",
            "townclerk/access\n7",
            "data/access/checkpoint",
        ),
    ] {
        let own = office.out.path().join("own");
        copy(&bundle, &own);
        let before = text(own.join(file));
        let after = before.replacen(from, to, 1);
        assert_ne!(before, after, "{file}");
        fs::write(own.join(file), after).expect("a file");
        with_right_manifests(&own);
        let found = found(&own, &keys);
        assert!(found.contains(finds), "{file}: {found:?}");
        fs::remove_dir_all(&own).expect("it goes");
    }
    // A record less, with its place and its proof.
    let own = office.out.path().join("own");
    copy(&bundle, &own);
    for file in ["records.jsonl", "index.jsonl"] {
        let path = own.join("data/access").join(file);
        let lines = text(path.clone());
        fs::write(&path, lines.split_once('\n').expect("a line").1).expect("a file");
    }
    fs::remove_file(own.join("data/access/proofs/00000000000000000000.tlog-proof")).expect("it goes");
    with_right_manifests(&own);
    let found = found(&own, &keys);
    assert!(
        found.contains("data/query.json") && found.contains("register/record.jsonl"),
        "{found:?}"
    );
}

#[test]
fn a_bundle_that_was_cut_short_is_none() {
    let office = Office::of_two_days(apart());
    let bundle = office.discloses(&["--path", "/druki"]);
    // As a crash leaves it: without the last files, and under a name that is none.
    let unfinished = office.out.path().join(".unfinished-x");
    fs::rename(&bundle, &unfinished).expect("it goes");
    for last in ["tagmanifest-sha512.txt", "tagmanifest-sha256.txt", "bag-info.txt"] {
        fs::remove_file(unfinished.join(last)).expect("it goes");
        assert!(!found(&unfinished, &[]).is_empty(), "{last}");
    }
    let next = office.discloses(&["--path", "/druki"]);
    assert_eq!(office.verifies(&next).code, Some(0));
    assert_eq!(
        office.register().len(),
        2,
        "the first one is in the register all the same"
    );
}
