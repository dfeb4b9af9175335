//! `townclerk journal hold`, `release` and `holds`: what retention must not remove while a case is open.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::Args;

use super::super::speech::{self, Done, Problem};
use super::super::table::{Paint, table};
use super::moment::Moment;
use super::source::Source;
use crate::clock::Clock;
use crate::journal::{self, Case, HoldError};

#[derive(Args, Debug)]
pub(in crate::cli) struct Hold {
    #[command(flatten)]
    source: Source,
    /// The case that needs the entries: its reference, of letters, digits, dots, dashes and underscores. It stands in
    /// the journal's events, so it should not be a person's name.
    #[arg(long, value_name = "CASE", value_parser = case)]
    case: Case,
    /// From this time on: 2026-11-21T20:00:00Z, the beginning of 2026-11-21 or 2026-11 in UTC, or 2h ago.
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    from: Moment,
    /// Up to this time.
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    to: Moment,
    /// Why, for those who come later; it stays in the hold's file.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

#[derive(Args, Debug)]
pub(in crate::cli) struct Release {
    #[command(flatten)]
    source: Source,
    /// The case.
    #[arg(long, value_name = "CASE", value_parser = case)]
    case: Case,
}

#[derive(Args, Debug)]
pub(in crate::cli) struct Holds {
    #[command(flatten)]
    source: Source,
}

pub(super) fn case(name: &str) -> Result<Case, String> {
    Case::parse(name)
        .ok_or_else(|| "1 to 64 letters, digits, dots, dashes and underscores, like RPD-12.2026".to_owned())
}

pub(super) fn hold(hold: &Hold) -> Done {
    let folder = hold.source.folder()?;
    let holds = open(&folder)?;
    let now = Clock::system().now();
    let set = journal::Hold {
        case: hold.case.clone(),
        from: hold.from.from(now),
        to: hold.to.from(now),
        set: now,
        reason: hold.reason.clone(),
    };
    match holds.set(&set) {
        Ok(()) => {}
        Err(error @ HoldError::Exists) => {
            speech::remark(&error.to_string());
            return Ok(ExitCode::from(speech::NO));
        }
        Err(error) => return Err(problem(&folder, &error)),
    }
    let kept = holds.segments(&set).map_err(|error| problem(&folder, &error))?;
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}: held from {} to {}", set.case, set.from, set.to)?;
    match kept.iter().map(|(_, name)| name.day).min() {
        Some(first) => writeln!(stdout, "segments that are there now: {}, from {} on", kept.len(), first)?,
        None => writeln!(stdout, "nothing of that time is there now")?,
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn release(release: &Release) -> Done {
    let folder = release.source.folder()?;
    match open(&folder)?.release(&release.case) {
        Ok(()) => {
            writeln!(
                io::stdout(),
                "{}: released; what is too old goes with the next round",
                release.case
            )?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error @ HoldError::Missing) => {
            speech::remark(&error.to_string());
            Ok(ExitCode::from(speech::NO))
        }
        Err(error) => Err(problem(&folder, &error)),
    }
}

pub(super) fn list(holds: &Holds) -> Done {
    let folder = holds.source.folder()?;
    let holds = open(&folder)?.list().map_err(|error| problem(&folder, &error))?;
    let mut stdout = io::stdout().lock();
    if holds.is_empty() {
        writeln!(stdout, "no case holds anything")?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<_> = holds
        .iter()
        .map(|hold| {
            let journal::Hold {
                case,
                from,
                to,
                set,
                reason,
            } = hold;
            let set = set.strftime("%F").to_string();
            let reason = reason.clone().unwrap_or_default();
            [case.to_string(), from.to_string(), to.to_string(), set, reason]
        })
        .collect();
    let heads = ["case", "from", "to", "set on", "reason"];
    stdout.write_all(table(heads, &rows, Paint::of_stdout()).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn open(folder: &Path) -> Result<journal::Holds, Problem> {
    journal::Holds::of(folder).map_err(|error| problem(folder, &error))
}

pub(super) fn problem(folder: &Path, error: &HoldError) -> Problem {
    let what = format!("{}: {error}", folder.display());
    let hint = match error {
        HoldError::NotAJournal => "see what is mounted, or make a journal with `townclerk journal init`",
        HoldError::Exists => "release it first, or name another case",
        HoldError::Missing => "`townclerk journal holds` lists them",
        HoldError::Empty => "--to must be later than --from",
        HoldError::Reason => "say it in a line of 500 characters",
        HoldError::Damaged { .. } => "nothing is removed while it is there: mend it, or remove it if no case needs it",
        HoldError::Disk(_) => "run this as the user that runs townclerk, and see that the disk is writable",
    };
    Problem::with_hint(what, hint)
}
