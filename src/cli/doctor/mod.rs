//! `townclerk doctor`: what should be looked at on this machine before something is lost. It changes nothing, and says
//! nothing about a visitor.

mod journal;
mod machine;
mod policy;
mod upstream;

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::check::Form;
use super::speech::{self, Done};
use super::{ConfigFile, serve};
use crate::clock::Clock;
use crate::config::Site;
use crate::journal::condition::Condition;

/// Something should be looked at, and nothing is broken; as of `journal verify`.
const WARNINGS: u8 = 3;

pub(in crate::cli) const EXIT_CODES: &str = "Exit codes:\n  0  nothing to do\n  1  there is a problem\n  \
    2  the configuration is wrong; `townclerk check` says the same\n  3  there are warnings\n\n\
    Run it as the user that runs townclerk.";

#[derive(Args, Debug)]
pub(in crate::cli) struct Doctor {
    #[command(flatten)]
    file: ConfigFile,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Well,
    Warning,
    Problem,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Well => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
        })
    }
}

/// One thing that was looked at.
struct Check {
    state: State,
    what: &'static str,
    found: String,
    remedy: String,
}

/// Of the machine, or of one site.
struct Checks {
    of: String,
    checks: Vec<Check>,
}

impl Checks {
    fn of(of: impl ToString) -> Self {
        let (of, checks) = (of.to_string(), Vec::new());
        Self { of, checks }
    }

    fn well(&mut self, what: &'static str, found: impl Into<String>) {
        self.add(State::Well, what, found, "");
    }

    fn add(&mut self, state: State, what: &'static str, found: impl Into<String>, remedy: impl Into<String>) {
        let (found, remedy) = (found.into(), remedy.into());
        self.checks.push(Check {
            state,
            what,
            found,
            remedy,
        });
    }
}

pub(in crate::cli) fn run(doctor: &Doctor) -> Done {
    let config = serve::load(&doctor.file.config)?;
    let clock = Clock::system();
    let mut all = vec![machine::look_at(&config, &clock)];
    all.extend(config.sites.iter().map(|site| look_at(site, &clock)));
    let mut stdout = io::stdout().lock();
    match doctor.format {
        Form::Text => tell(&all, &mut stdout)?,
        Form::Json => writeln!(stdout, "{:#}", to_json(&all))?,
    }
    Ok(match worst(&all) {
        State::Well => ExitCode::SUCCESS,
        State::Warning => ExitCode::from(WARNINGS),
        State::Problem => ExitCode::from(speech::NO),
    })
}

fn worst(all: &[Checks]) -> State {
    let states = all.iter().flat_map(|checks| &checks.checks).map(|check| check.state);
    states.max().unwrap_or(State::Well)
}

/// At one site: its journal, its policy, its CMS.
fn look_at(site: &Site, clock: &Clock) -> Checks {
    let mut checks = Checks::of(&site.hosts[0]);
    let now = clock.now();
    let condition = Condition::of(&site.journal, &site.policy, now);
    let found = journal::find(&condition, &mut checks);
    policy::look_at(site, now, &mut checks);
    journal::look_at_key(&condition, &mut checks);
    if let Some(is_running) = found {
        journal::look_into(site, &condition, is_running, &mut checks);
        policy::look_at_cookies(site, now, &mut checks);
        policy::look_at_third_parties(site, now, &mut checks);
    }
    upstream::look_at(&site.upstream, &mut checks);
    checks
}

fn count(number: impl TryInto<u64>, what: &str) -> String {
    match number.try_into().unwrap_or(u64::MAX) {
        1 => format!("1 {what}"),
        many => format!("{many} {what}s"),
    }
}

fn tell(all: &[Checks], out: &mut dyn Write) -> io::Result<()> {
    for (at, checks) in all.iter().enumerate() {
        writeln!(out, "{}{}", if at > 0 { "\n" } else { "" }, checks.of)?;
        for Check {
            state,
            what,
            found,
            remedy,
        } in &checks.checks
        {
            writeln!(out, "  {state:<7}  {what:<12}  {found}")?;
            if !remedy.is_empty() {
                writeln!(out, "  {:<7}  {:<12}  hint: {remedy}", "", "")?;
            }
        }
    }
    Ok(())
}

fn to_json(all: &[Checks]) -> Value {
    let checks = all.iter().flat_map(|checks| {
        checks.checks.iter().map(|check| {
            json!({
                "of": checks.of,
                "check": check.what,
                "state": check.state.to_string(),
                "found": check.found,
                "remedy": (!check.remedy.is_empty()).then_some(&check.remedy),
            })
        })
    });
    json!({ "state": worst(all).to_string(), "checks": checks.collect::<Vec<_>>() })
}
