//! What is known from elsewhere, and verified with.

use std::fs;
use std::path::Path;

use clap::{Args, ValueEnum};

use super::super::speech::Problem;
use crate::journal::Log;
use crate::journal::note::VerifierKey;
use crate::journal::verify::key_name;

/// Public keys.
#[derive(Args, Debug)]
pub(super) struct Keys {
    /// A public key as `townclerk keygen` and `journal init` print it, or a file with one a line. It must have been
    /// kept elsewhere than the journal. May be given several times.
    #[arg(long = "key", value_name = "KEY|FILE", required = true)]
    keys: Vec<String>,
}

/// Public keys, if there are any.
#[derive(Args, Debug)]
pub(super) struct KnownKeys {
    /// A public key, of a log or of a witness, or a file with one a line. It must have been published earlier, and on
    /// another way than what is verified. May be given several times.
    #[arg(long = "key", value_name = "KEY|FILE")]
    keys: Vec<String>,
}

impl KnownKeys {
    pub(super) fn read(&self) -> Result<Vec<VerifierKey>, Problem> {
        read_keys(&self.keys)
    }
}

impl Keys {
    pub(super) fn read(&self) -> Result<Vec<VerifierKey>, Problem> {
        read_keys(&self.keys)
    }

    /// The key of one log of the journal of this site.
    pub(super) fn of(&self, origin: &str, log: Log) -> Result<VerifierKey, Problem> {
        let name = key_name(origin, log);
        let found = self.read()?.into_iter().find(|key| key.name().as_str() == name);
        found.ok_or_else(|| no_key(&name))
    }
}

fn read_keys(given: &[String]) -> Result<Vec<VerifierKey>, Problem> {
    let mut keys = Vec::new();
    for given in given {
        if let Ok(key) = given.parse() {
            keys.push(key);
            continue;
        }
        let text = fs::read_to_string(given).map_err(|error| {
            Problem::with_hint(
                format!("{given} is neither a key nor a file that can be read: {error}"),
                "a key is a name, 8 hexadecimal digits and base64, with + between them",
            )
        })?;
        for (line, key) in VerifierKey::in_lines(&text) {
            keys.push(key.map_err(|error| Problem::new(format!("{given}:{line}: {error}")))?);
        }
    }
    Ok(keys)
}

pub(super) fn no_key(name: &str) -> Problem {
    let hint = "give it with --key; it was printed when the journal was made";
    Problem::with_hint(format!("none of the keys is named {name}"), hint)
}

/// Reads a whole file that the user named.
pub(super) fn read(file: &Path) -> Result<Vec<u8>, Problem> {
    fs::read(file).map_err(|error| Problem::new(format!("{}: {error}", file.display())))
}

/// A log of the journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Which {
    /// What is kept about requests.
    #[default]
    Access,
    /// Of that, what goes sooner, where the policy has a log of addresses.
    Addresses,
    /// What was known of requests before they were answered, where durability is strict.
    Arrivals,
    /// What happened to the journal itself.
    Events,
    /// The register of disclosures.
    Disclosures,
}

impl From<Which> for Log {
    fn from(which: Which) -> Self {
        match which {
            Which::Access => Self::Access,
            Which::Addresses => Self::Addresses,
            Which::Arrivals => Self::Arrivals,
            Which::Events => Self::Events,
            Which::Disclosures => Self::Disclosures,
        }
    }
}
