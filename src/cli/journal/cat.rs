//! `townclerk journal cat`: what a journal holds.

use std::io::{self, BufWriter, ErrorKind, IsTerminal};
use std::path::Path;
use std::process::ExitCode;

use clap::Args;

use super::super::speech::{self, Done, Problem};
use super::form::View;
use super::progress::Progress;
use super::source::{Opener, Source};
use crate::clock::Clock;
use crate::journal::age::Identities;
use crate::journal::{Addresses, Line, Lines, Log, Name, Unmatched};

#[derive(Args, Debug)]
pub(in crate::cli) struct Cat {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    opener: Opener,
    #[command(flatten)]
    view: View,
    /// With --log arrivals: only those whose exchange has no entry, since a crash took it or it is still open.
    #[arg(long)]
    unmatched: bool,
}

pub(super) fn run(cat: &Cat) -> Done {
    let clock = Clock::system();
    let folder = cat.source.folder()?;
    let mut shower = cat.view.shower(&clock, BufWriter::new(io::stdout().lock()))?;
    let identities = cat.opener.identities()?;
    let unmatched = match cat.unmatched {
        true => Some(unmatched(&folder, cat.view.log(), &identities)?),
        false => None,
    };
    let mut lines = shower.skip(open(&folder, cat.view.log(), &identities)?);
    let mut addresses = cat.view.addresses(&folder, &identities)?;
    let mut progress = Progress::of(lines.ahead().map_err(cannot_read)?.1, &clock);
    let to_terminal = io::stdout().is_terminal();
    loop {
        progress.step(lines.bytes_read());
        let Some(line) = lines.next_line().map_err(cannot_read)? else {
            break;
        };
        if unmatched.as_ref().is_some_and(|unmatched| !unmatched.has(line.index)) {
            continue;
        }
        let line = join(addresses.as_mut(), line)?;
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
    Ok(end(lines.unreadable(), addresses.as_ref()))
}

/// The arrivals that have no entry, which can be said only where every entry can be read.
fn unmatched(folder: &Path, log: Log, identities: &Identities) -> Result<Unmatched, Problem> {
    if log != Log::Arrivals {
        return Err(Problem::with_hint(
            "only arrivals can be without their entry",
            "with --unmatched write --log arrivals",
        ));
    }
    let unmatched = Unmatched::of(folder, identities).map_err(cannot_read)?;
    match unmatched.unreadable().first() {
        None => Ok(unmatched),
        Some(segment) => Err(Problem::with_hint(
            format!("access/{segment} is encrypted, and which arrivals have their entry there cannot be seen"),
            "where the administrator's identity is, add --identity FILE",
        )),
    }
}

/// Says which segments could not be read. What was shown is then not all.
pub(super) fn end(unreadable: &[Name], addresses: Option<&Addresses>) -> ExitCode {
    let of_addresses = addresses.map_or(&[][..], Addresses::unreadable);
    if unreadable.is_empty() && of_addresses.is_empty() {
        return ExitCode::SUCCESS;
    }
    for segment in unreadable {
        speech::remark(&format!("{segment} is encrypted and was passed over"));
    }
    for segment in of_addresses {
        speech::remark(&format!(
            "addresses/{segment} is encrypted; its requests are shown without"
        ));
    }
    speech::hint("where the administrator's identity is, add --identity FILE");
    ExitCode::from(speech::COULD_NOT)
}

/// A line of `access` with its address, any other as it is.
pub(super) fn join<'a>(addresses: Option<&'a mut Addresses>, line: Line<'a>) -> Result<Line<'a>, Problem> {
    match addresses {
        Some(addresses) => addresses.join(line).map_err(cannot_read),
        None => Ok(line),
    }
}

/// Opens a log for reading.
pub(in crate::cli) fn open(folder: &Path, log: Log, identities: &Identities) -> Result<Lines, Problem> {
    // Every journal has events.
    let lines = Lines::of(folder, Log::Events, identities).and_then(|_| Lines::of(folder, log, identities));
    lines.map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => Problem::with_hint(
            format!("{}: there is no journal here", folder.display()),
            "see what is mounted, or make one with `townclerk journal init`",
        ),
        _ => cannot_read(error),
    })
}

pub(in crate::cli) fn cannot_read(error: io::Error) -> Problem {
    let what = format!("cannot read the journal: {error}");
    match error.kind() {
        ErrorKind::PermissionDenied => Problem::with_hint(what, "run this as the user that runs townclerk"),
        _ => Problem::new(what),
    }
}
