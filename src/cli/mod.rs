//! The commands, and how they speak.
//!
//! Results go to stdout; remarks to stderr as `townclerk: …`, with one `hint:` where there is a remedy. Exit codes: 0
//! yes, 1 no, 2 could not. A reader who closes the pipe early is no error.

mod acme;
mod certificates;
mod check;
mod confined;
mod demo;
mod diagnostics;
mod doctor;
mod health;
mod init;
mod journal;
mod keygen;
mod language;
mod manual;
mod open_files;
mod policy;
mod report;
mod sample;
mod selftest;
mod serve;
mod speech;
mod statement;
mod systemd;
mod table;
mod top;
mod upgrade;
mod warnings;
mod witness;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use self::language::Language;
use crate::clock::Clock;

/// Keeps the promises of a public office's privacy policy in front of its web site.
#[derive(Debug, Parser)]
#[command(name = "townclerk", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Look at a site from outside, and draft a configuration and a policy for it. The place to begin.
    #[command(after_help = init::EXIT_CODES)]
    Init(init::Init),
    /// Serve the sites of a configuration until SIGTERM. SIGHUP reads it again; on SIGUSR2 the program that is
    /// installed by then takes over.
    Serve(Serve),
    /// Read a configuration and its policies, name every fault, and show what would be kept. Opens no port and no
    /// journal.
    Check(Check),
    /// Look at this machine, the journals and the CMS, and say what should be mended. Changes nothing.
    #[command(after_help = doctor::EXIT_CODES)]
    Doctor(doctor::Doctor),
    /// Send a visitor of our own through the server that is running, and write a dated record of whether what happened
    /// to it is what the policy promises.
    #[command(after_help = selftest::EXIT_CODES)]
    Selftest(selftest::Selftest),
    /// Ask the server that is running whether it is well, at its admin listener. For a container's health check.
    #[command(after_help = health::EXIT_CODES)]
    Health(health::Health),
    /// Have the server that is running read its configuration again, as SIGHUP does, and show what comes of it.
    #[command(after_help = health::RELOAD_EXIT_CODES)]
    Reload(health::Admin),
    /// Show the whole product on an embedded sample site, on this machine alone.
    Demo(demo::Demo),
    /// Make the key that signs a journal, before the journal is made, or one to seal cookies with.
    Keygen(keygen::Keygen),
    /// Watch what the sites are asked for, as it happens, on a terminal. For the administrator.
    #[command(after_help = top::AFTER_HELP)]
    Top(top::Top),
    /// Make, read and look after journals.
    #[command(subcommand)]
    Journal(journal::Command),
    /// Show which cookies were seen at a site, who sets them, and what became of them.
    #[command(after_help = journal::cookies::EXIT_CODES)]
    Cookies(journal::cookies::Cookies),
    /// Show which other sites the pages of a site call, as browsers reported it.
    #[command(after_help = journal::third_parties::EXIT_CODES)]
    ThirdParties(journal::third_parties::ThirdParties),
    /// Disclose records to an authority: a bundle that proves itself, entered in the register before it leaves.
    #[command(after_help = journal::disclose::EXIT_CODES)]
    Disclose(Box<journal::disclose::Disclose>),
    /// Answer a person who asks what is kept of them (GDPR, Article 15). It is entered in the register, without the
    /// address.
    Find(journal::find::Find),
    /// Publish statistics of a time that is over: what was visited, when, and what is broken. They identify nobody.
    #[command(after_help = report::EXIT_CODES)]
    Report(report::Report),
    /// Write the privacy statement of a site, made from the policy that is enforced there.
    Statement(statement::Statement),
    /// Compare versions of a policy, and list those that were in force.
    #[command(subcommand)]
    Policy(policy::Command),
    /// Vouch that the journals of others only grow. Under another user than theirs, or on another machine.
    #[command(subcommand)]
    Witness(witness::Command),
    /// Print what a shell reads to complete commands and options.
    #[command(hide = true)]
    Completions(manual::Completions),
    /// Write the man pages of all commands.
    #[command(hide = true)]
    Man(manual::Pages),
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
    /// How diagnostics are written, on stderr.
    #[arg(long, value_enum, default_value_t)]
    diagnostics: diagnostics::Form,
    /// Take over from the server that has started this one: it does so itself, on SIGUSR2.
    #[arg(long, hide = true)]
    take_over: bool,
    /// Start those that take over. A server has one such process itself.
    #[arg(long, hide = true, conflicts_with = "take_over")]
    stand_by: bool,
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
        Command::Init(init) => init::run(&init),
        Command::Serve(serve) => serve::run(&serve),
        Command::Check(check) => run_check(&check),
        Command::Doctor(doctor) => doctor::run(&doctor),
        Command::Selftest(selftest) => selftest::run(&selftest),
        Command::Health(health) => health::run(&health),
        Command::Reload(admin) => health::reload(&admin),
        Command::Demo(demo) => demo::run(&demo),
        Command::Keygen(keygen) => keygen::run(&keygen),
        Command::Journal(command) => journal::run(&command),
        Command::Cookies(cookies) => journal::cookies::run(&cookies),
        Command::ThirdParties(asked) => journal::third_parties::run(&asked),
        Command::Disclose(disclose) => journal::disclose::run(&disclose),
        Command::Find(find) => journal::find::run(&find),
        Command::Policy(command) => policy::run(&command),
        Command::Report(report) => report::run(&report),
        Command::Statement(statement) => statement::run(&statement),
        Command::Top(top) => top::run(&top),
        Command::Witness(command) => witness::run(&command),
        Command::Completions(completions) => manual::print_completions(&completions),
        Command::Man(pages) => manual::write_pages(&pages),
    };
    done.unwrap_or_else(speech::Problem::report)
}

fn run_check(check: &Check) -> speech::Done {
    let (file, clock) = (&check.file.config, Clock::system());
    let right = check::check(
        file,
        check.lang.into(),
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
