//! `townclerk journal prove` and `check-proof`: one record, shown to be in its log to somebody who has not the journal.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::super::speech::{self, Done, Problem};
use super::pinned::{self, Keys, Which};
use super::source::{Opener, Source};
use crate::journal::checkpoint::Signed;
use crate::journal::evidence::{self, EvidenceError};
use crate::journal::note::{Algorithm, VerifierKey, VerifyError};
use crate::journal::proof::{RecordError, RecordProof};
use crate::journal::verify::time_of_witness;

#[derive(Args, Debug)]
pub(in crate::cli) struct Prove {
    /// The record's index in its log, from 0 on.
    index: u64,
    /// Where to write the proof; it must not be there yet.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Where to write the record itself; it must not be there yet. It is about a visitor.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// The log.
    #[arg(long, value_enum, default_value_t)]
    log: Which,
    #[command(flatten)]
    opener: Opener,
    #[command(flatten)]
    keys: Keys,
    #[command(flatten)]
    source: Source,
}

#[derive(Args, Debug)]
pub(in crate::cli) struct CheckProof {
    /// The record: a line of a segment.
    #[arg(long, value_name = "FILE")]
    record: PathBuf,
    /// Its proof.
    #[arg(long, value_name = "FILE")]
    proof: PathBuf,
    #[command(flatten)]
    keys: Keys,
}

pub(super) fn prove(asked: &Prove) -> Done {
    let folder = asked.source.folder()?;
    let key = asked.keys.of(&origin(&folder)?, asked.log.into())?;
    let identities = asked.opener.identities()?;
    let proven = evidence::prove(&folder, asked.log.into(), &key, asked.index, &identities);
    let proven = proven.map_err(|error| problem(&folder, &error))?;
    write_new(&asked.out, proven.proof.to_string().as_bytes())?;
    if let Some(file) = &asked.record {
        write_new(file, &[&proven.record[..], b"\n"].concat())?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn check(asked: &CheckProof) -> Done {
    let (record, proof) = (pinned::read(&asked.record)?, pinned::read(&asked.proof)?);
    let record = record.strip_suffix(b"\n").unwrap_or(&record);
    let proof =
        RecordProof::parse(&proof).map_err(|error| Problem::new(format!("{}: {error}", asked.proof.display())))?;
    let mut why = None;
    let keys = asked.keys.read()?;
    let (witnesses, logs): (Vec<_>, Vec<_>) = keys.iter().partition(|key| key.algorithm() == Algorithm::Cosignature);
    for key in logs {
        match proof.verify(record, key) {
            Ok(signed) => {
                let cosigned = match cosigned(&signed, &witnesses) {
                    Ok(cosigned) => cosigned,
                    Err(no) => {
                        writeln!(io::stdout(), "no: {no}")?;
                        return Ok(ExitCode::from(speech::NO));
                    }
                };
                let (checkpoint, index) = (signed.checkpoint(), proof.index());
                writeln!(
                    io::stdout(),
                    "yes: it is record {index} of {}, by the checkpoint of {} records",
                    checkpoint.origin(),
                    checkpoint.size()
                )?;
                write!(io::stdout(), "{cosigned}")?;
                return Ok(ExitCode::SUCCESS);
            }
            // What is wrong with the record says more than that another key signed.
            Err(error @ RecordError::Path(_)) => why = Some(error),
            Err(error) => why = why.or(Some(error)),
        }
    }
    let why = why.map_or("no key was given".to_owned(), |why| why.to_string());
    writeln!(io::stdout(), "no: {why}")?;
    Ok(ExitCode::from(speech::NO))
}

/// What the witnesses say whose keys are known, a line each.
///
/// # Errors
///
/// A signature in the name of one is not its own: nothing in the note is to be believed then.
fn cosigned(signed: &Signed, witnesses: &[&VerifierKey]) -> Result<String, String> {
    let mut lines = String::new();
    for witness in witnesses {
        let name = witness.name();
        lines += &match signed.cosigned_at(witness) {
            Ok(time) => match time.and_then(time_of_witness) {
                Some(time) => format!("cosigned by {name} at {time}\n"),
                None => format!("cosigned by {name}\n"),
            },
            Err(VerifyError::Unsigned) => format!("not cosigned by {name}\n"),
            Err(error @ VerifyError::Wrong) => return Err(format!("{name}: {error}")),
        };
    }
    Ok(lines)
}

/// The site whose journal it is.
pub(super) fn origin(folder: &Path) -> Result<String, Problem> {
    evidence::origin(folder).map_err(|error| problem(folder, &error))
}

pub(super) fn problem(folder: &Path, error: &EvidenceError) -> Problem {
    Problem::new(format!("{}: {error}", folder.display()))
}

/// Mode 0600: what is handed out is for whom it is handed to.
fn write_new(file: &Path, bytes: &[u8]) -> Result<(), Problem> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    let written = opened.and_then(|mut file| file.write_all(bytes));
    written.map_err(|error| Problem::new(format!("{}: {error}", file.display())))
}
