//! `townclerk journal`: made on purpose, read and verified at any time, held back from retention where a case
//! needs it. And what leaves it: `disclose` and `find`.

mod cat;
mod columns;
pub(super) mod cookies;
mod copy;
pub(super) mod disclose;
mod disclosures;
mod filter;
pub(super) mod find;
mod form;
mod hold;
mod init;
mod moment;
mod pinned;
pub(super) mod progress;
mod proof;
mod retention;
pub(super) mod source;
mod tail;
pub(super) mod third_parties;
mod tiles;
mod told;
mod verify;

use clap::Subcommand;

pub(super) use cat::{cannot_read, open};
pub(super) use columns::readable;
pub(super) use form::event;

use super::speech::Done;
use super::{ConfigFile, serve};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make the journals that a configuration names and that are not there yet. Prints their public keys, one a line,
    /// and nothing else: append them to a file that whoever can write the journals cannot.
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
    /// Copy a journal to another folder, or what is new to an earlier copy, and verify it. It may be written meanwhile.
    #[command(after_help = copy::EXIT_CODES)]
    Copy(copy::Copy),
    /// Verify that a journal is what was signed. It may be written meanwhile.
    #[command(after_help = verify::EXIT_CODES)]
    Verify(verify::Verify),
    /// Prove one record: a text by which anybody who has the record and the log's key can verify that it is in the log.
    Prove(proof::Prove),
    /// Verify the proof of a record, without the journal.
    CheckProof(proof::CheckProof),
    /// Write a log's checkpoint and the hashes of its tree as static files, by their paths of C2SP's tlog-tiles, for
    /// monitors. Bundles of entries are left out: the records stay private.
    ExportTiles(tiles::ExportTiles),
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
        Command::Copy(copy) => copy::run(copy),
        Command::Verify(verify) => verify::run(verify),
        Command::Prove(prove) => proof::prove(prove),
        Command::CheckProof(check) => proof::check(check),
        Command::ExportTiles(export) => tiles::run(export),
    }
}
