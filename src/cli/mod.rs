//! The commands, and how they speak.
//!
//! Results go to stdout; remarks to stderr as `townclerk: …`, with one `hint:` where there is a remedy. Exit codes: 0
//! yes, 1 no, 2 could not. A reader who closes the pipe early is no error.

mod certificates;
mod check;
mod demo;
mod journal;
mod keygen;
mod sample;
mod serve;
mod speech;
mod table;
mod witness;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::clock::Clock;
use crate::policy::Lang;

/// Keeps the promises of a public office's privacy policy in front of its web site.
#[derive(Debug, Parser)]
#[command(name = "townclerk", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the sites of a configuration until SIGTERM.
    Serve(Serve),
    /// Read a configuration and its policies, name every fault, and show what would be kept. Opens no port and no
    /// journal.
    Check(Check),
    /// Show the whole product on an embedded sample site, on this machine alone.
    Demo(demo::Demo),
    /// Make the key that signs a journal, before the journal is made.
    Keygen(keygen::Keygen),
    /// Make, read and look after journals.
    #[command(subcommand)]
    Journal(journal::Command),
    /// Vouch that the journals of others only grow. Under another user than theirs, or on another machine.
    #[command(subcommand)]
    Witness(witness::Command),
}

/// Where the configuration is.
#[derive(Args, Debug)]
struct ConfigFile {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "/etc/townclerk/townclerk.toml")]
    config: PathBuf,
}

#[derive(Args, Debug)]
struct Serve {
    #[command(flatten)]
    file: ConfigFile,
    /// Make a journal where there is none. For a first start in a container, whose volume is empty.
    #[arg(long)]
    create_journal: bool,
}

#[derive(Args, Debug)]
struct Check {
    #[command(flatten)]
    file: ConfigFile,
    /// The language of the sentences for visitors.
    #[arg(long, value_enum, default_value_t)]
    lang: Language,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    format: check::Form,
    #[command(flatten)]
    sample: sample::Sample,
}

/// A language of the statement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Language {
    /// Polish.
    #[default]
    Pl,
    /// English.
    En,
}

/// Runs the command that the arguments name.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => {
            let _ = usage.print(); // fails only if nobody is listening
            return if usage.use_stderr() {
                ExitCode::from(speech::COULD_NOT)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    let done = match cli.command {
        Command::Serve(serve) => serve::run(&serve),
        Command::Check(check) => run_check(&check),
        Command::Demo(demo) => demo::run(&demo),
        Command::Keygen(keygen) => keygen::run(&keygen),
        Command::Journal(command) => journal::run(&command),
        Command::Witness(command) => witness::run(&command),
    };
    done.unwrap_or_else(speech::Problem::report)
}

fn run_check(check: &Check) -> speech::Done {
    let lang = match check.lang {
        Language::Pl => Lang::Pl,
        Language::En => Lang::En,
    };
    let (file, clock) = (&check.file.config, Clock::system());
    let right = check::check(
        file,
        lang,
        check.format,
        &check.sample,
        &clock,
        &mut io::stdout().lock(),
    )?;
    Ok(if right {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(speech::NO)
    })
}
