//! How fast a journal is verified, on one core, and whether its size makes a difference to the memory that takes.
//!
//! `cargo bench --bench verify`; `TMPDIR` says on which disk. Behind `--`: how many records, 2000000.

mod common;

use std::env;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use cpu_time::ProcessTime;
use mimalloc::MiMalloc;
use townclerk::clock::Clock;
use townclerk::journal::age::Identities;
use townclerk::journal::note::VerifierKey;
use townclerk::journal::verify::{Pinned, Verdict, verify};
use townclerk::journal::{self, Durability, Journal, Log};
use townclerk::policy::{self, Policy};
use townclerk::reader::Faults;

use common::{median, observation, settings};

/// As the program has it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const POLICY: &str = include_str!("../config/policy.toml");
/// Of each journal.
const ROUNDS: usize = 3;

#[allow(clippy::print_stdout, reason = "a benchmark prints")]
fn main() {
    let asked_for = env::args().skip(1).find_map(|argument| argument.parse::<usize>().ok());
    let most = asked_for.unwrap_or(2_000_000);
    let policy = policy::parse("policy.toml", POLICY, &mut Faults::default()).expect("the policy that we ship");
    println!(
        "{:>12}{:>10}{:>18}{:>12}{:>16}",
        "records", "MB", "records a CPU s", "goal", "memory, MB"
    );
    for records in [most / 16, most] {
        let place = tempfile::tempdir().expect("a folder");
        let keys = write(place.path(), &policy, records);
        let bytes = segments(place.path());
        let (mut rates, mut memory) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let (seconds, more) = measure(place.path(), &keys);
            rates.push(records as f64 / seconds);
            memory.push(more);
        }
        println!(
            "{records:>12}{:>10.0}{:>18.0}{:>12}{:>16.1}",
            bytes as f64 / 1e6,
            median(rates),
            ">= 1000000",
            median(memory)
        );
    }
}

/// CPU seconds of one verification, and by how many megabytes the process grew meanwhile.
fn measure(place: &Path, keys: &[VerifierKey]) -> (f64, f64) {
    let pinned = Pinned {
        keys,
        trusted: &[],
        identities: &Identities::default(),
    };
    let before = resident("VmRSS:");
    fs::write("/proc/self/clear_refs", "5").expect("Linux"); // the peak begins anew
    let cpu = ProcessTime::now();
    let report = verify(&place.join("journal"), pinned, Clock::system().now(), &mut |_, _| {}).expect("a journal");
    let seconds = cpu.elapsed().as_secs_f64();
    assert_eq!(report.verdict(), Verdict::Whole);
    (seconds, (resident("VmHWM:") - before) / 1e6)
}

/// What the system says of this process's memory, in bytes.
fn resident(what: &str) -> f64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix(what)).expect(what);
    let kilobytes: f64 = line
        .split_whitespace()
        .next()
        .and_then(|text| text.parse().ok())
        .expect("a number");
    kilobytes * 1024.0
}

fn segments(place: &Path) -> u64 {
    let files = fs::read_dir(place.join("journal/access")).expect("a log").flatten();
    let lines = files.filter(|file| file.path().extension().is_some_and(|end| end == "jsonl"));
    lines.map(|file| file.metadata().expect("a file").len()).sum()
}

/// A journal of so many records, and its public keys.
fn write(place: &Path, policy: &Policy, records: usize) -> Vec<VerifierKey> {
    let settings = settings(place, Durability::Interval);
    let key = journal::init(&settings.folder, &settings.key, "town.example").expect("a journal");
    let journal = Journal::open(&settings, policy, POLICY, Clock::system()).expect("a journal");
    for number in 0..records {
        let slot = loop {
            match journal.reserve() {
                Ok(slot) => break slot,
                Err(_) => thread::sleep(Duration::from_millis(1)), // until the disk has what waits
            }
        };
        slot.append(&observation(number).redact(policy, &[]));
    }
    journal.close().expect("all is written");
    Log::ALL.map(|log| key.verifier(log).clone()).to_vec()
}
