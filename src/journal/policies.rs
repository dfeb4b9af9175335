//! The policies that were in force, word for word, in `policies/`: what an entry was promised under can be read for as
//! long as the entry can.

use std::io;

use super::OpenError;
use super::disk::Disk;
use super::layout;
use super::recovery::text;
use crate::policy::Policy;
use crate::policy::history::{self, Earlier, Standing};

const FOLDER: &str = "policies";
const EXTENSION: &str = ".toml";

/// Keeps the text of a policy, durably, before anything is written under it.
///
/// # Errors
///
/// [`OpenError::Policy`] if it must not come into force (P19), [`OpenError::Disk`].
pub(crate) fn keep(disk: &dyn Disk, policy: &Policy, policy_text: &str) -> Result<(), OpenError> {
    match judge(disk, policy, policy_text)? {
        Standing::Same => Ok(()),
        Standing::New => {
            let name = format!("{}{EXTENSION}", policy.version);
            Ok(layout::replace(disk, FOLDER, &name, policy_text)?)
        }
    }
}

/// Whether a policy may follow those that are kept.
///
/// # Errors
///
/// As those of [`keep`].
pub(crate) fn judge(disk: &dyn Disk, policy: &Policy, policy_text: &str) -> Result<Standing, OpenError> {
    let earlier = earlier(disk)?;
    let earlier = earlier.iter().map(|(version, text)| Earlier { version, text });
    Ok(history::judge(earlier, policy, policy_text)?)
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
