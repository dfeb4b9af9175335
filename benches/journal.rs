//! What the journal costs: CPU for each entry at a fixed rate, and what is left of the disk's own speed in group
//! commit.
//!
//! `cargo bench --bench journal`; `TMPDIR` says on which disk.

mod common;

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use cpu_time::ProcessTime;
use mimalloc::MiMalloc;
use tokio::runtime::Builder;
use tokio::task::LocalSet;
use townclerk::clock::Clock;
use townclerk::entry::{Encoder, Entry};
use townclerk::journal::{self, Durability, Format, Journal};
use townclerk::policy::{self, Policy};
use townclerk::reader::Faults;

use common::{median, observation, settings};

/// As the program has it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Entries a second, and for how long.
const RATE: usize = 10_000;
const SECONDS: usize = 25;
/// Of the second measurement: threads that serve, and on each the exchanges that wait for the disk at the same time. A
/// disk that syncs in a third of a millisecond has some 30 waiting in all where two cores do nothing but proxy.
const WORKERS: usize = 2;
const WAITING: [usize; 3] = [4, 16, 64];
/// Arrivals of each that waits.
const ARRIVALS: usize = 500;
/// Of the second measurement, the journal and the bare loop by turns: what else the machine does falls on both.
const ROUNDS: usize = 7;

const POLICY: &str = include_str!("../config/policy.toml");

#[allow(clippy::print_stdout, reason = "a benchmark prints")]
fn main() {
    let policy = policy::parse("policy.toml", POLICY, &mut Faults::default()).expect("the policy that we ship");
    let policy: &Policy = Box::leak(Box::new(policy));
    println!(
        "{:<34}{:>12}{:>12}{:>8}{:>8}",
        "", "journal", "reference", "ratio", "goal"
    );
    let cost = cpu(policy);
    println!(
        "{:<34}{:>9.2} µs{:>12}{:>8}{:>8}",
        "CPU an entry, at 10,000/s", cost, "", "", "<= 3 µs"
    );
    for waiting in WAITING {
        let round = |_| (group_commit(policy, waiting), bare(policy, waiting));
        let (ours, bare): (Vec<_>, Vec<_>) = (0..ROUNDS).map(round).unzip();
        let ratios = ours.iter().zip(&bare).map(|(ours, bare)| ours / bare).collect();
        println!(
            "{:<34}{:>10.0}/s{:>10.0}/s{:>8.2}{:>8}",
            format!("answers, {} waiting for the disk", WORKERS * waiting),
            median(ours),
            median(bare),
            median(ratios),
            ">= 0.5"
        );
    }
}

#[allow(clippy::disallowed_methods, reason = "a benchmark measures")]
fn now() -> Instant {
    Instant::now()
}

fn open(folder: &Path, policy: &Policy, durability: Durability) -> Journal {
    let settings = settings(folder, durability);
    journal::init(&settings.folder, &settings.key, "town.example").expect("a journal");
    Journal::open(&settings, policy, POLICY, Clock::system()).expect("a journal")
}

/// Microseconds of CPU for each entry, in all threads: encoding, writing, hashing, signing, and handing it over.
fn cpu(policy: &Policy) -> f64 {
    let place = tempfile::tempdir().expect("a folder");
    let journal = open(place.path(), policy, Durability::Interval);
    // Few, as warm as those that have just been made.
    let seen = Vec::from_iter((0..RATE / 100).map(observation));
    let entries = Vec::from_iter(seen.iter().map(|seen| seen.redact(policy, &[])));
    let (begun, step) = (now(), Duration::from_millis(10));
    let cpu = ProcessTime::now();
    for nth in 1..=SECONDS as u32 * 100 {
        for entry in &entries {
            journal.reserve().expect("a place").append(entry);
        }
        thread::sleep((begun + step * nth).saturating_duration_since(now()));
    }
    journal.close().expect("all is written");
    cpu.elapsed().as_secs_f64() * 1e6 / (RATE * SECONDS) as f64
}

/// Exchanges a second under strict durability, each of which waits for its arrival as an answer does.
fn group_commit(policy: &'static Policy, waiting: usize) -> f64 {
    let place = tempfile::tempdir().expect("a folder");
    let journal = Arc::new(open(place.path(), policy, Durability::Strict));
    // As the lines of the bare loop, all is there before.
    let seen = Vec::from_iter((0..ARRIVALS).map(observation)).leak(); // tasks may last for ever
    let made = || {
        Vec::from_iter(
            seen.iter()
                .map(|seen| (seen.arrival(policy, &[]), seen.redact(policy, &[]))),
        )
    };
    let mut made = Vec::from_iter((0..WORKERS * waiting).map(|_| made()));
    let begun = now();
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            let made = made.split_off(made.len() - waiting);
            scope.spawn(|| {
                let tasks = LocalSet::new();
                for made in made {
                    tasks.spawn_local(exchanges(Arc::clone(&journal), made));
                }
                let runtime = Builder::new_current_thread().build().expect("a runtime");
                runtime.block_on(tasks);
            });
        }
    });
    let took = begun.elapsed().as_secs_f64();
    journal.close().expect("all is written");
    (ARRIVALS * WORKERS * waiting) as f64 / took
}

/// One after the other.
async fn exchanges(journal: Arc<Journal>, made: Vec<(Entry<'_>, Entry<'_>)>) {
    for (arrival, entry) in &made {
        let mut slot = journal.reserve().expect("a place");
        let arrival = slot.arrive(arrival);
        arrival.expect("it is taken").await.expect("a disk");
        slot.append(entry);
    }
}

/// The lines a second of a loop that writes as many as there may wait at once and syncs them, and does nothing else.
fn bare(policy: &Policy, waiting: usize) -> f64 {
    let place = tempfile::tempdir().expect("a folder");
    let mut line = Vec::new();
    Encoder::new(Format::JsonLines).encode_arrival(&observation(1).arrival(policy, &[]), &mut line);
    let batch = line.repeat(WORKERS * waiting);
    let mut file = File::create(place.path().join("bare")).expect("a file");
    let begun = now();
    for _ in 0..ARRIVALS {
        file.write_all(&batch).expect("room");
        file.sync_data().expect("a disk");
    }
    (ARRIVALS * WORKERS * waiting) as f64 / begun.elapsed().as_secs_f64()
}
