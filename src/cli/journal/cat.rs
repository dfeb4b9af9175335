//! `townclerk journal cat`: what a journal holds.

use std::io::{self, BufWriter, ErrorKind, IsTerminal};
use std::path::Path;
use std::process::ExitCode;

use clap::Args;

use super::super::speech::{Done, Problem};
use super::form::View;
use super::progress::Progress;
use super::source::Source;
use crate::clock::Clock;
use crate::journal::{Lines, Log};

#[derive(Args, Debug)]
pub(in crate::cli) struct Cat {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    view: View,
}

pub(super) fn run(cat: &Cat) -> Done {
    let clock = Clock::system();
    let folder = cat.source.folder()?;
    let mut shower = cat.view.shower(&clock, BufWriter::new(io::stdout().lock()))?;
    let mut lines = shower.skip(open(&folder, cat.view.log())?);
    let mut progress = Progress::of(lines.ahead().map_err(cannot_read)?.1, &clock);
    let to_terminal = io::stdout().is_terminal();
    loop {
        progress.step(lines.bytes_read());
        let Some(line) = lines.next_line().map_err(cannot_read)? else {
            break;
        };
        if !shower.takes(&line) {
            continue;
        }
        shower.show_line(&line)?;
        // Who waits at the terminal for few records sees each at once.
        if to_terminal && progress.clear() {
            shower.flush()?;
        }
    }
    drop(progress);
    shower.finish()?;
    Ok(ExitCode::SUCCESS)
}

/// Opens a log for reading.
pub(super) fn open(folder: &Path, log: Log) -> Result<Lines, Problem> {
    Lines::of(folder, log).map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => Problem::with_hint(
            format!("{}: there is no journal here", folder.display()),
            "see what is mounted, or make one with `townclerk journal init`",
        ),
        _ => cannot_read(error),
    })
}

pub(super) fn cannot_read(error: io::Error) -> Problem {
    let what = format!("cannot read the journal: {error}");
    match error.kind() {
        ErrorKind::PermissionDenied => Problem::with_hint(what, "run this as the user that runs townclerk"),
        _ => Problem::new(what),
    }
}
