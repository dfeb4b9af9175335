//! `townclerk journal copy`: a journal in a second place, as it was a moment ago.

use std::fs;
use std::io::{self, Write};
use std::path::{self, Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use clap::Args;

use super::super::keygen;
use super::super::speech::{self, Done, Problem};
use super::pinned::KnownKeys;
use super::progress::Progress;
use super::source::{Opener, Source};
use super::verify::{self, WARNINGS};
use crate::clock::Clock;
use crate::journal::Log;
use crate::journal::backup::{self, Copied, CopyError, Meanwhile};
use crate::journal::key::Key;
use crate::journal::note::VerifierKey;
use crate::journal::verify::{Pinned, Verdict};
use crate::policy::Lang;
use crate::report::size;

/// What is not signed yet is asked for so often, and so many times: whoever writes signs every ten seconds.
const MOMENT: Duration = Duration::from_millis(250);
const MOMENTS: u32 = 120;
/// Retention and packing come once an hour; whoever meets them begins again.
const ATTEMPTS: u32 = 3;

pub(super) const EXIT_CODES: &str = "Exit codes:\n  0  copied, and the copy is whole\n  \
    1  the copy is not whole, for the journal is not\n  2  it could not be copied\n  3  copied, with warnings\n\n\
    Without --key the copy is verified with the key that the configuration names. The keys that sign the journal and \
    seal cookies are not copied, nor is the configuration.";

#[derive(Args, Debug)]
pub(in crate::cli) struct Copy {
    /// Where to: a folder that is empty or not there yet, or an earlier copy, which then gets what is new.
    #[arg(value_name = "TO")]
    to: PathBuf,
    #[command(flatten)]
    keys: KnownKeys,
    #[command(flatten)]
    opener: Opener,
    #[command(flatten)]
    source: Source,
}

pub(super) fn run(asked: &Copy) -> Done {
    let (folder, key) = asked.source.folder_and_key()?;
    if is_inside(&asked.to, &folder) {
        return Err(Problem::with_hint(
            format!("{}: this is in the journal itself", asked.to.display()),
            "copy into another folder, on another disk as best",
        ));
    }
    let keys = keys(asked, key.as_deref())?;
    let identities = asked.opener.identities()?;
    let clock = Clock::system();
    let pinned = Pinned {
        keys: &keys,
        trusted: &[],
        identities: &identities,
    };
    let mut attempts = 1;
    let copied = loop {
        let mut meanwhile = Bars::new(&clock);
        match backup::copy(&folder, &asked.to, pinned, clock.now(), &mut meanwhile) {
            Err(CopyError::Changed) if attempts < ATTEMPTS => attempts += 1,
            copied => break copied,
        }
    };
    let copied = copied.map_err(|error| could_not(&folder, &asked.to, &error))?;
    tell(&copied, &asked.to, &mut io::stdout().lock())?;
    Ok(match copied.report.verdict() {
        Verdict::Wrong => ExitCode::from(speech::NO),
        Verdict::Warnings => ExitCode::from(WARNINGS),
        Verdict::Whole if !copied.missing.is_empty() => ExitCode::from(WARNINGS),
        Verdict::Whole => ExitCode::SUCCESS,
    })
}

/// Those that were given; else those of the key that signs the journal.
fn keys(asked: &Copy, key: Option<&Path>) -> Result<Vec<VerifierKey>, Problem> {
    let given = asked.keys.read()?;
    match key {
        Some(file) if given.is_empty() => {
            let key = Key::load(file).map_err(|error| keygen::problem(file, &error))?;
            Ok(Log::ALL.map(|log| key.verifier(log).clone()).to_vec())
        }
        _ => Ok(given),
    }
}

/// Whether a folder is another one or in it, by whatever names.
fn is_inside(folder: &Path, other: &Path) -> bool {
    let (Ok(folder), Ok(other)) = (path::absolute(folder), fs::canonicalize(other)) else {
        return false;
    };
    let there = folder.ancestors().find_map(|above| fs::canonicalize(above).ok());
    there.is_some_and(|there| there.starts_with(&other))
}

fn could_not(from: &Path, to: &Path, error: &CopyError) -> Problem {
    let place = match error {
        CopyError::Journal(_) | CopyError::NoKey { .. } | CopyError::Source(_) => from,
        CopyError::Unsigned { .. } | CopyError::Changed | CopyError::Differs { .. } => from,
        _ => to,
    };
    Problem::with_hint(format!("{}: {error}", place.display()), error.remedy())
}

/// What is told while it lasts.
struct Bars<'a> {
    clock: &'a Clock,
    bar: Option<(Stage, Progress)>,
    waited: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Copying,
    Verifying,
}

impl<'a> Bars<'a> {
    fn new(clock: &'a Clock) -> Self {
        let (bar, waited) = (None, 0);
        Self { clock, bar, waited }
    }

    fn at(&mut self, stage: Stage, done: u64, total: u64) {
        if self.bar.as_ref().is_none_or(|(of, _)| *of != stage) {
            self.bar = Some((stage, Progress::of(total, self.clock)));
        }
        if let Some((_, bar)) = &mut self.bar {
            bar.at(done);
        }
    }
}

impl Meanwhile for Bars<'_> {
    fn copied(&mut self, done: u64, total: u64) {
        self.at(Stage::Copying, done, total);
    }

    fn verified(&mut self, done: u64, total: u64) {
        self.at(Stage::Verifying, done, total);
    }

    fn wait(&mut self) -> bool {
        self.waited += 1;
        thread::sleep(MOMENT);
        self.waited <= MOMENTS
    }
}

fn tell(copied: &Copied, to: &Path, out: &mut dyn Write) -> io::Result<()> {
    let kind = match (copied.is_first, copied.files) {
        (true, _) => "a first copy",
        (false, 0) => "nothing was new",
        (false, _) => "what was new since the last copy",
    };
    let files = match copied.files {
        1 => "1 file".to_owned(),
        many => format!("{many} files"),
    };
    let bytes = size(copied.bytes, Lang::En).replace('\u{a0}', " ");
    verify::row(out, "copied", &format!("to {}: {kind}, {files}, {bytes}", to.display()))?;
    for (log, before, now) in &copied.logs {
        let before = match before {
            Some(before) if before == now => "as before".to_owned(),
            Some(before) => format!("{before} before"),
            None => "new".to_owned(),
        };
        verify::row(out, "", &format!("{log}: {now} signed records, {before}"))?;
    }
    match copied.removed {
        0 => {}
        1 => verify::row(out, "removed", &"1 segment that retention removed from the journal")?,
        many => verify::row(
            out,
            "removed",
            &format!("{many} segments that retention removed from the journal"),
        )?,
    }
    for path in &copied.missing {
        let why = "the journal has it no longer as it was, and no signed event says why; it stays in the copy";
        verify::row(out, "warning", &format!("{path}: {why}"))?;
    }
    writeln!(out)?;
    verify::tell(&copied.report, Clock::system().now(), out)
}
