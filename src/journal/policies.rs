//! The policies that were in force, word for word, in `policies/`: what an entry was promised under can be read for as
//! long as the entry can.

use std::io;

use super::OpenError;
use super::disk::Disk;
use super::layout;
use super::recovery::text;
use crate::policy::Policy;

const FOLDER: &str = "policies";
const EXTENSION: &str = ".toml";

/// How a policy stands to the versions before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// It is one of them, unchanged.
    Same,
    /// It is a new version.
    New,
}

/// Keeps the text of a policy, durably, before anything is written under it.
///
/// # Errors
///
/// [`OpenError::PolicyChanged`] if it must not come into force (P19), [`OpenError::Disk`].
pub(crate) fn keep(disk: &dyn Disk, policy: &Policy, policy_text: &str) -> Result<(), OpenError> {
    match judge(&earlier(disk)?, policy, policy_text)? {
        Standing::Same => Ok(()),
        Standing::New => {
            let name = format!("{}{EXTENSION}", policy.version);
            Ok(layout::replace(disk, FOLDER, &name, policy_text)?)
        }
    }
}

/// Versions that were in force, each with its text.
fn earlier(disk: &dyn Disk) -> io::Result<Vec<(String, String)>> {
    let names = disk.list(FOLDER)?;
    let versions = names.iter().filter_map(|name| name.strip_suffix(EXTENSION));
    versions
        .map(|version| {
            Ok((
                version.to_owned(),
                text(disk, &format!("{FOLDER}/{version}{EXTENSION}"))?,
            ))
        })
        .collect()
}

fn judge(earlier: &[(String, String)], policy: &Policy, policy_text: &str) -> Result<Standing, OpenError> {
    match earlier.iter().find(|(version, _)| *version == policy.version) {
        None => Ok(Standing::New),
        Some((_, text)) if text == policy_text => Ok(Standing::Same),
        Some(_) => Err(OpenError::PolicyChanged),
    }
}
