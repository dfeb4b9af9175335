//! townclerk beside nginx and HAProxy, and beside itself under a policy that keeps nothing: `cargo bench --bench
//! peers`.
//!
//! Everything stays on this machine's loopback. In each round every contestant comes by turns, started afresh for each
//! scenario, all with the same work: two workers, kept connections to the CMS, `X-Forwarded-For`, two lasting cookies
//! made to end with the session, and a line for each request. What does not do the work has no figure.
//!
//! The main figure is the CPU time of all the contestant's processes for each request done, because the load and the
//! CMS share the machine with it. Ratios are medians of the ratios within a round, which stand a machine that changes
//! its speed. Loopback hides what a network costs, and the kernel's part, most of each figure, is the same for all.

mod contestant;
mod load;
mod measure;
mod processes;
mod table;
mod upstream;
mod visitor;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use townclerk::clock::Clock;

use contestant::{Contestant, Site};
use measure::{Scenario, measure};
use table::{Results, rounded};

/// Whatever goes wrong, in words.
type Fault = Box<dyn Error + Send + Sync>;

/// Measures townclerk beside nginx and HAProxy on this machine, and prints a table in Markdown.
#[derive(Debug, Parser)]
#[command(name = "cargo bench --bench peers --", version)]
struct Options {
    /// Seconds of load for each measurement, after one to warm up.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: u32,
    /// How often each measurement is made, but for those that come out the same each time.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Whom to measure: all that are installed, if not said.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Contestant>,
    /// What to measure: everything, if not said.
    #[arg(long, value_enum, value_delimiter = ',')]
    scenario: Vec<Scenario>,
    /// What cargo says to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(fault) => {
            tell(&fault.to_string());
            ExitCode::FAILURE
        }
    }
}

/// Whether every figure was found.
fn run(options: &Options) -> Result<bool, Fault> {
    let mut scenarios = chosen(&options.scenario);
    scenarios.retain(|scenario| match scenario.missing() {
        Some(why) => {
            tell(&format!("left out: {scenario:?}: {why}"));
            false
        }
        None => true,
    });
    processes::allow_many_files();

    let mut contestants = Vec::new();
    let mut versions = Vec::new();
    for contestant in chosen(&options.only) {
        match contestant.version() {
            Ok(version) => {
                contestants.push(contestant);
                // The same program under another policy needs no naming twice.
                versions.extend((contestant != Contestant::NothingKept).then_some(version));
            }
            Err(why) => tell(&format!("left out: {why}")),
        }
    }

    let site = Site::new(upstream::start()?)?;
    let mut results = Results::default();
    let mut others: Vec<f64> = Vec::new();
    let mut is_complete = true;
    for round in 0..options.rounds {
        for scenario in scenarios.iter().filter(|scenario| round == 0 || scenario.varies()) {
            // Nobody is always the first.
            let turns = contestants.iter().cycle().skip(round as usize).take(contestants.len());
            for contestant in turns {
                let what = format!("round {}, {scenario:?}, {}", round + 1, contestant.title());
                match measure(*contestant, *scenario, options.seconds, &site) {
                    Ok(cell) => {
                        others.extend(cell.others);
                        let figures = cell
                            .figures
                            .iter()
                            .map(|(figure, value)| format!("{} {}", figure.title(), rounded(*value)));
                        tell(&format!("{what}: {}", figures.collect::<Vec<_>>().join(", ")));
                        cell.figures
                            .into_iter()
                            .for_each(|(figure, value)| results.add(*contestant, round, figure, value));
                    }
                    Err(fault) => {
                        is_complete = false;
                        tell(&format!("{what}: no figure: {fault}"));
                    }
                }
            }
        }
    }

    let mut out = io::stdout().lock();
    writeln!(out, "{}", results.markdown(&contestants))?;
    let most = others.iter().copied().fold(0.0, f64::max);
    writeln!(
        out,
        "{}; {}. {}, {} × {} s. Other programs took up to {:.0} % of the machine.",
        processes::machine(),
        versions.join(", "),
        Clock::system().now().strftime("%-d %B %Y"),
        options.rounds,
        options.seconds,
        most * 100.0
    )?;
    Ok(is_complete)
}

/// What was asked for, or all there is.
fn chosen<T: ValueEnum + Copy>(asked: &[T]) -> Vec<T> {
    if asked.is_empty() {
        T::value_variants().to_vec()
    } else {
        asked.to_vec()
    }
}

/// What is not the table goes to standard error.
fn tell(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
