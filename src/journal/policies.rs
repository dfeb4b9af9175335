//! The policies that were in force, word for word, in `policies/`: what an entry was promised under can be read for as
//! long as the entry can.

use std::io;

use super::disk::Disk;
use super::layout;
use super::recovery::text;

const FOLDER: &str = "policies";

/// What a policy is to the versions that were in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// A version that is known, unchanged.
    Same,
    /// A version that is not known.
    New,
    /// A version that is known with other words.
    Changed,
}

/// Keeps the text of a version, durably, before anything is written under it. `false`: this version is known with
/// another text, and must not come into force (P19).
pub(crate) fn keep(disk: &dyn Disk, version: &str, policy: &str) -> io::Result<bool> {
    let name = format!("{version}.toml");
    let known = match text(disk, &format!("{FOLDER}/{name}")) {
        Ok(known) => Some(known),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    match standing(known.as_deref(), policy) {
        Standing::Same => Ok(true),
        Standing::New => layout::replace(disk, FOLDER, &name, policy).map(|()| true),
        Standing::Changed => Ok(false),
    }
}

fn standing(known: Option<&str>, policy: &str) -> Standing {
    match known {
        None => Standing::New,
        Some(known) if known == policy => Standing::Same,
        Some(_) => Standing::Changed,
    }
}
