//! What the journal costs: CPU for each entry at a fixed rate, and what is left of the disk's own speed in group
//! commit.
//!
//! `cargo bench --bench journal`; `TMPDIR` says on which disk.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use cpu_time::ProcessTime;
use http::{HeaderValue, Method, StatusCode, Version};
use townclerk::clock::Clock;
use townclerk::entry::{ClientHost, Encoder, Entry, Observation, Outcome, RequestHead};
use townclerk::journal::{self, Durability, Format, Journal, OnFailure, Settings};
use townclerk::policy::{self, Policy};
use townclerk::reader::Faults;

/// Entries a second, and for how long.
const RATE: usize = 10_000;
const SECONDS: usize = 25;
/// The queue of the second measurement: a sync begins when a quarter of it is written.
const QUEUE: usize = 16_384;
const PRODUCERS: usize = 8;
const ENTRIES: usize = 400_000;
/// Of the second measurement, the journal and the bare loop by turns: what else the machine does falls on both.
const ROUNDS: usize = 7;

const POLICY: &str = include_str!("../config/policy.toml");

#[allow(clippy::print_stdout, reason = "a benchmark prints")]
fn main() {
    let policy = policy::parse("policy.toml", POLICY, &mut Faults::default()).expect("the policy that we ship");
    println!(
        "{:<34}{:>12}{:>12}{:>8}{:>8}",
        "", "journal", "reference", "ratio", "goal"
    );
    let cost = cpu(&policy);
    println!(
        "{:<34}{:>9.2} µs{:>12}{:>8}{:>8}",
        "CPU an entry, at 10,000/s", cost, "", "", "<= 3 µs"
    );
    let (ours, bare): (Vec<_>, Vec<_>) = (0..ROUNDS).map(|_| (group_commit(&policy), bare(&policy))).unzip();
    let ratios = ours.iter().zip(&bare).map(|(ours, bare)| ours / bare).collect();
    println!(
        "{:<34}{:>10.0}/s{:>10.0}/s{:>8.2}{:>8}",
        "durable entries, group commit",
        median(ours),
        median(bare),
        median(ratios),
        ">= 0.5"
    );
}

#[allow(clippy::disallowed_methods, reason = "a benchmark measures")]
fn now() -> Instant {
    Instant::now()
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn open(folder: &Path, policy: &Policy, queue: usize) -> Journal {
    let settings = Settings {
        folder: folder.join("journal"),
        key: folder.join("journal.key"),
        format: Format::JsonLines,
        segment_bytes: 256 << 20,
        durability: Durability::Interval,
        sync_interval: Duration::from_secs(1),
        queue,
        on_failure: OnFailure::Refuse,
        immutable: false,
        closed: None,
        witnesses: Vec::new(),
    };
    journal::init(&settings.folder, &settings.key, "town.example").expect("a journal");
    Journal::open(&settings, policy, POLICY, Clock::system()).expect("a journal")
}

fn entries(policy: &Policy, count: usize) -> Vec<Entry> {
    let entry = |number: usize| {
        let arrived = Clock::system().now();
        let observation = Observation {
            arrived,
            sent: Some(arrived),
            client: [192, 0, 2, (number % 250) as u8].into(),
            client_host: ClientHost::NotAsked,
            request: Some(RequestHead {
                method: Method::GET,
                target: format!("/aktualnosci/{number}?strona=2").parse().expect("a target"),
                version: Version::HTTP_11,
                referrer: Some(HeaderValue::from_static("https://town.example/")),
                agent: Some(HeaderValue::from_static(
                    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                )),
                authorization: None,
            }),
            status: Some(StatusCode::OK),
            bytes: 12_345,
            first_page: false,
            outcome: Outcome::Completed,
        };
        observation.redact(policy, &[])
    };
    (0..count).map(entry).collect()
}

/// Microseconds of CPU for each entry, in all threads: encoding, writing, hashing, signing, and handing it over.
fn cpu(policy: &Policy) -> f64 {
    let place = tempfile::tempdir().expect("a folder");
    let journal = open(place.path(), policy, 65_536);
    let mut entries = entries(policy, RATE * SECONDS).into_iter();
    let (begun, step) = (now(), Duration::from_millis(10));
    let cpu = ProcessTime::now();
    for nth in 1..=SECONDS as u32 * 100 {
        for entry in entries.by_ref().take(RATE / 100) {
            journal.reserve().expect("a place").append(entry);
        }
        thread::sleep((begun + step * nth).saturating_duration_since(now()));
    }
    journal.close().expect("all is written");
    cpu.elapsed().as_secs_f64() * 1e6 / (RATE * SECONDS) as f64
}

/// Durable entries a second.
fn group_commit(policy: &Policy) -> f64 {
    let place = tempfile::tempdir().expect("a folder");
    let journal = Arc::new(open(place.path(), policy, QUEUE));
    let shares: Vec<_> = (0..PRODUCERS).map(|_| entries(policy, ENTRIES / PRODUCERS)).collect();
    let begun = now();
    thread::scope(|scope| {
        for share in shares {
            let journal = Arc::clone(&journal);
            scope.spawn(move || {
                for entry in share {
                    let slot = loop {
                        match journal.reserve() {
                            Ok(slot) => break slot,
                            Err(_) => thread::sleep(Duration::from_millis(1)),
                        }
                    };
                    slot.append(entry);
                }
            });
        }
    });
    journal.close().expect("all is written");
    ENTRIES as f64 / begun.elapsed().as_secs_f64()
}

/// The same of a loop that writes as much and syncs, and does nothing else.
fn bare(policy: &Policy) -> f64 {
    let place = tempfile::tempdir().expect("a folder");
    let mut line = Vec::new();
    Encoder::new(Format::JsonLines).encode(&entries(policy, 1)[0], None, &mut line);
    let batch = line.repeat(QUEUE / 4);
    let mut file = File::create(place.path().join("bare")).expect("a file");
    let begun = now();
    for _ in 0..ENTRIES / (QUEUE / 4) {
        file.write_all(&batch).expect("room");
        file.sync_data().expect("a disk");
    }
    let written = ENTRIES / (QUEUE / 4) * (QUEUE / 4);
    written as f64 / begun.elapsed().as_secs_f64()
}
