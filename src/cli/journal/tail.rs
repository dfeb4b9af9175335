//! `townclerk journal tail`: the end of a journal, and what comes.

use std::collections::VecDeque;
use std::io::{self, BufWriter, Write};
use std::time::Duration;

use clap::Args;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

use super::super::speech::{Done, Problem};
use super::cat::{self, cannot_read, join, open};
use super::form::{Chosen, Shower, View};
use super::progress::Progress;
use super::source::{Opener, Source};
use crate::clock::Clock;
use crate::journal::{Addresses, Lines, Name};

/// How often a journal that is followed is looked at.
const LOOK: Duration = Duration::from_millis(200);

#[derive(Args, Debug)]
pub(in crate::cli) struct Tail {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    opener: Opener,
    #[command(flatten)]
    view: View,
    /// How many records.
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 10)]
    lines: usize,
    /// Go on with what comes, until Ctrl-C.
    #[arg(short, long)]
    follow: bool,
}

pub(super) fn run(tail: &Tail) -> Done {
    let clock = Clock::system();
    let folder = tail.source.folder()?;
    let mut shower = tail.view.shower(&clock, BufWriter::new(io::stdout()))?;
    let identities = tail.opener.identities()?;
    let mut lines = shower.skip(open(&folder, tail.view.log(), &identities)?);
    let mut addresses = tail.view.addresses(&folder, &identities)?;
    let Last {
        chosen,
        end,
        unreadable,
    } = last(&mut lines, tail.lines, &mut addresses, &mut shower, &clock)?;
    for chosen in chosen {
        shower.show_chosen(&chosen)?;
    }
    shower.flush()?;
    if tail.follow {
        follow(end.unwrap_or(lines), &mut addresses, &mut shower)?;
    }
    shower.finish()?;
    Ok(cat::end(&unreadable, addresses.as_ref()))
}

/// The end of a log.
struct Last {
    /// The last records that are wanted, in their order.
    chosen: VecDeque<Chosen>,
    /// The reader behind them.
    end: Option<Lines>,
    /// Segments among them that are encrypted.
    unreadable: Vec<Name>,
}

/// Reads as few segments as it can, the newest first.
fn last<W: Write>(
    lines: &mut Lines,
    count: usize,
    addresses: &mut Option<Addresses>,
    shower: &mut Shower<'_, W>,
    clock: &Clock,
) -> Result<Last, Problem> {
    let mut progress = Progress::of(lines.ahead().map_err(cannot_read)?.1, clock);
    let (mut found, mut end, mut read) = (VecDeque::new(), None, 0);
    let mut unreadable = Vec::new();
    while let Some(mut segment) = lines.split_last() {
        let room = count - found.len();
        let mut here = VecDeque::new();
        while let Some(line) = segment.next_line().map_err(cannot_read)? {
            let line = join(addresses.as_mut(), line)?;
            here.extend(shower.choose(&line));
            if here.len() > room {
                here.pop_front();
            }
            progress.step(read + segment.bytes_read());
        }
        read += segment.bytes_read();
        unreadable.extend_from_slice(segment.unreadable());
        here.append(&mut found);
        found = here;
        end.get_or_insert(segment);
        if found.len() == count {
            break;
        }
    }
    unreadable.reverse();
    Ok(Last {
        chosen: found,
        end,
        unreadable,
    })
}

/// Shows what comes, until it is interrupted or nobody listens.
fn follow<W: Write>(
    mut lines: Lines,
    addresses: &mut Option<Addresses>,
    shower: &mut Shower<'_, W>,
) -> Result<(), Problem> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Problem::new)?;
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt()).map_err(Problem::new)?;
        let mut end = signal(SignalKind::terminate()).map_err(Problem::new)?;
        // A file cannot be waited for, but it does not go away either.
        #[expect(deprecated, reason = "stdout stays open, and what replaces it is unsafe to call")]
        let reader = AsyncFd::with_interest(io::stdout(), Interest::ERROR).ok();
        loop {
            lines.look().map_err(cannot_read)?;
            while let Some(line) = lines.next_line().map_err(cannot_read)? {
                let line = join(addresses.as_mut(), line)?;
                if shower.takes(&line) {
                    shower.show_line(&line)?;
                }
            }
            shower.flush()?;
            tokio::select! {
                () = sleep(LOOK) => {}
                _ = interrupt.recv() => return Ok(()),
                _ = end.recv() => return Ok(()),
                () = has_gone(reader.as_ref()) => return Err(Problem::NobodyListens),
            }
        }
    })
}

/// Waits until the reader of our output has closed the pipe.
async fn has_gone(reader: Option<&AsyncFd<io::Stdout>>) {
    match reader {
        Some(reader) if reader.ready(Interest::ERROR).await.is_ok() => {}
        _ => std::future::pending().await,
    }
}
