//! `townclerk keygen`: the key that signs a journal, made before it or elsewhere, and the public keys, to be told; and
//! the key that seals cookies.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::serve;
use super::speech::{self, Done, Problem};
use crate::cookies::{Keys, KeysError};
use crate::journal::Log;
use crate::journal::key::{Key, KeyFileError};

#[derive(Args, Debug)]
pub(super) struct Keygen {
    /// Make the key of each site of a configuration that has none yet.
    #[arg(long, value_name = "FILE", required_unless_present_any = ["out", "cookies"], conflicts_with_all = ["out", "origin"])]
    config: Option<PathBuf>,
    /// Make one key, in this file.
    #[arg(long, value_name = "FILE", requires = "origin")]
    out: Option<PathBuf>,
    /// The site that the key is for: the first of its host names.
    #[arg(long, value_name = "HOST", requires = "out")]
    origin: Option<String>,
    /// Make a key to seal cookies with, in this file, where a policy says when they end.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["config", "out", "origin"])]
    cookies: Option<PathBuf>,
}

pub(super) fn run(keygen: &Keygen) -> Done {
    if let Some(file) = &keygen.cookies {
        Keys::create(file).map_err(|error| cookie_problem(file, &error))?;
        speech::remark(&format!(
            "made a key in {}; name it as key in [site.cookies]",
            file.display()
        ));
        return Ok(ExitCode::SUCCESS);
    }
    let mut made = Vec::new();
    if let (Some(file), Some(origin)) = (&keygen.out, &keygen.origin) {
        made.push((
            file.clone(),
            Key::create(file, origin).map_err(|error| problem(file, &error))?,
        ));
    }
    if let Some(config) = &keygen.config {
        for site in serve::load(config)?.sites {
            let file = site.journal.key;
            match Key::create(&file, &site.hosts[0]) {
                Ok(key) => made.push((file, key)),
                Err(KeyFileError::Exists) => {}
                Err(error) => return Err(problem(&file, &error)),
            }
        }
    }
    let mut stdout = io::stdout().lock();
    for (file, key) in &made {
        speech::remark(&format!("made a key in {}", file.display()));
        for line in public_keys(key) {
            writeln!(stdout, "{line}")?;
        }
    }
    speech::remark(match made.is_empty() {
        true => "every key is there already",
        false => ADVICE,
    });
    Ok(ExitCode::SUCCESS)
}

/// What is to be done with public keys.
pub(super) const ADVICE: &str = "keep these public keys where whoever can write the journal cannot: what was signed is \
                                 verified with them; and keep a copy of each key file in a safe place";

/// The public keys, a line each.
pub(super) fn public_keys(key: &Key) -> impl Iterator<Item = String> {
    Log::ALL.iter().map(|log| key.verifier(*log).to_string())
}

pub(super) fn cookie_problem(file: &Path, error: &KeysError) -> Problem {
    Problem::with_hint(format!("{}: {error}", file.display()), error.remedy())
}

pub(super) fn problem(file: &Path, error: &KeyFileError) -> Problem {
    Problem::with_hint(format!("{}: {error}", file.display()), error.remedy())
}
