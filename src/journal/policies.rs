//! The policies that were in force, word for word, in `policies/`: what an entry was promised under can be read for as
//! long as the entry can.

use std::io;
use std::path::Path;

use super::OpenError;
use super::disk::{Disk, Folder};
use super::layout;
use super::recovery::text;
use crate::policy::history::{self, Earlier, Standing, Version};
use crate::policy::{self, Policy, Retention};
use crate::reader::Faults;

pub(crate) const FOLDER: &str = "policies";
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

/// The policies that were in force in the journal in `folder`, the oldest first. It may be written meanwhile.
///
/// # Errors
///
/// Those of the disk; [`io::ErrorKind::NotFound`] if there is no journal.
pub fn policies(folder: &Path) -> io::Result<Vec<Version>> {
    versions(&Folder::new(folder))
}

/// The text of a policy that was in force in the journal in `folder`.
///
/// # Errors
///
/// Those of the disk; [`io::ErrorKind::NotFound`] if there is no such version.
pub fn text_of(folder: &Path, version: &str) -> io::Result<String> {
    text(&Folder::new(folder), &format!("{FOLDER}/{version}{EXTENSION}"))
}

pub(crate) fn versions(disk: &dyn Disk) -> io::Result<Vec<Version>> {
    let earlier = earlier(disk)?;
    let earlier = earlier.iter().map(|(version, text)| Earlier { version, text });
    Ok(history::versions(earlier))
}

/// How long the newest policy that had a log of addresses kept it; `None` if none had. A version that cannot be read
/// any more says nothing.
pub(crate) fn retention_of_addresses(disk: &dyn Disk) -> io::Result<Option<Retention>> {
    let newest = earlier(disk)?
        .iter()
        .filter_map(|(version, text)| policy::parse(version, text, &mut Faults::new()))
        .filter_map(|policy| Some((policy.effective, policy.addresses?.retention())))
        .max_by_key(|(effective, _)| *effective);
    Ok(newest.map(|(_, retention)| retention))
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
