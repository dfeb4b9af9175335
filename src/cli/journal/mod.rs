//! `townclerk journal`: made on purpose, read at any time, held back from retention where a case needs it.

mod cat;
mod columns;
mod filter;
mod form;
mod hold;
mod init;
mod moment;
mod progress;
mod retention;
mod source;
mod tail;

use clap::Subcommand;

use super::speech::Done;
use super::{ConfigFile, serve};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make the journals that a configuration names and that are not there yet.
    Init(ConfigFile),
    /// Show what a journal holds. It may be written meanwhile.
    Cat(cat::Cat),
    /// Show the end of a journal, and with -f what comes.
    Tail(tail::Tail),
    /// Keep the entries of a time from being removed by retention. The days next to it are kept too.
    Hold(hold::Hold),
    /// Let retention have what a case no longer needs.
    Release(hold::Release),
    /// List the holds.
    Holds(hold::Holds),
    /// Show what retention would remove now, and what a hold keeps.
    Retention(retention::Retention),
}

pub(super) fn run(command: &Command) -> Done {
    match command {
        Command::Init(file) => init::run(file),
        Command::Cat(cat) => cat::run(cat),
        Command::Tail(tail) => tail::run(tail),
        Command::Hold(hold) => hold::hold(hold),
        Command::Release(release) => hold::release(release),
        Command::Holds(holds) => hold::list(holds),
        Command::Retention(retention) => retention::run(retention),
    }
}
