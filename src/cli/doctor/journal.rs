//! The journal: whether it is there, its key, its files and checkpoints, its witnesses, the room on its disk.

use std::io;

use super::{Checks, State, count};
use crate::config::Site;
use crate::journal::OpenError;
use crate::journal::condition::{Condition, Guards};
use crate::reader::Span;

/// Whether there is one to look into, and if so, whether it is being written.
pub(super) fn find(condition: &Condition, checks: &mut Checks) -> Option<bool> {
    match &condition.journal {
        Ok(()) => {
            checks.well("journal", "is there, and nobody writes to it");
            Some(false)
        }
        Err(OpenError::Locked) => {
            checks.well("journal", "is being written");
            Some(true)
        }
        Err(error) => {
            let denied = matches!(error, OpenError::Disk(error) if error.kind() == io::ErrorKind::PermissionDenied);
            let remedy = match denied {
                true => "run this as the user that runs townclerk",
                false => error.remedy(),
            };
            checks.add(State::Problem, "journal", error.to_string(), remedy);
            None
        }
    }
}

pub(super) fn look_at_key(condition: &Condition, checks: &mut Checks) {
    match &condition.key {
        Ok(()) => checks.well("key", "is there, and only its user can read it"),
        Err(error) => checks.add(State::Problem, "key", error.to_string(), error.remedy()),
    }
}

pub(super) fn look_into(site: &Site, condition: &Condition, is_running: bool, checks: &mut Checks) {
    let folder = site.journal.folder.display();
    match condition.strangers {
        0 => checks.well("owner", "its files belong to one user"),
        files => checks.add(
            State::Warning,
            "owner",
            format!(
                "{} in it belong to another user than the folder does",
                count(files, "file")
            ),
            format!("give them to its user: chown -R --reference={folder} {folder}"),
        ),
    }
    look_at_witnesses(site, condition, checks);
    match condition.space_left {
        Some(left @ 0..5) => checks.add(
            State::Problem,
            "disk",
            format!("{left} % are left"),
            "make room now: when it is full, exchanges are refused, or have no entry",
        ),
        Some(left @ 5..20) => checks.add(
            State::Warning,
            "disk",
            format!("{left} % are left"),
            "make room; [site.journal.closed] compresses what is older",
        ),
        Some(left) => checks.well("disk", format!("{left} % are left")),
        None => {}
    }
    match condition.unsigned {
        Some(waits) if is_running => checks.add(
            State::Problem,
            "checkpoint",
            format!("what was written {} ago is not signed", Span(waits)),
            "see what `serve` says on stderr; signing failed, or the clock was moved",
        ),
        Some(_) => checks.add(
            State::Warning,
            "checkpoint",
            "something is not signed: the last process did not end in good order",
            "start townclerk; what is whole is signed then",
        ),
        None => checks.well("checkpoint", "covers what was written"),
    }
    match condition.ahead {
        Some(ahead) => checks.add(
            State::Problem,
            "clock",
            format!("the newest record is {} in the future", Span(ahead)),
            "see that the clock is right, and that something keeps it right; retention goes by it",
        ),
        None => checks.well("clock", "no record is from the future"),
    }
    match condition.overdue {
        0 => checks.well("retention", "nothing is too old"),
        files => checks.add(
            State::Problem,
            "retention",
            format!("{} should have been removed", count(files, "file")),
            match is_running {
                true => "see what `serve` says on stderr",
                false => "start townclerk: it removes what is too old at its start, and each hour",
            },
        ),
    }
    if let Some(records) = condition.hidden.filter(|records| *records >= 20) {
        checks.add(
            State::Warning,
            "addresses",
            format!("the newest {records} records all have one private address: those of the visitors are hidden"),
            "name the proxy in front in trusted_proxies; in Docker, let townclerk use the host's network",
        );
    }
    match &condition.guards {
        _ if !site.journal.immutable => checks.well("guards", "are not asked for (immutable = false)"),
        Ok(Guards { bare: 0, guarded }) => {
            checks.well(
                "guards",
                format!("{} cannot be changed by others", count(*guarded, "file")),
            );
        }
        Ok(Guards { bare, .. }) => checks.add(
            State::Warning,
            "guards",
            format!("{} can be changed in spite of immutable = true", count(*bare, "file")),
            "give the service CAP_LINUX_IMMUTABLE (AmbientCapabilities= of systemd), or write immutable = false; \
             closed files are guarded within the hour",
        ),
        Err(error) => checks.add(
            State::Warning,
            "guards",
            format!("the file system does not know them: {error}"),
            "write immutable = false, or put the journal on ext4, XFS or Btrfs",
        ),
    }
}

/// Whether somebody else vouches for the journal, and lately.
fn look_at_witnesses(site: &Site, condition: &Condition, checks: &mut Checks) {
    if site.journal.witnesses.is_empty() {
        let found = "nobody else signs the journal: whoever has its key could rewrite it unnoticed";
        let remedy =
            "take the steps of the README's \"A witness\": `townclerk witness init`, and [[site.journal.witness]]";
        return checks.add(State::Warning, "witness", found, remedy);
    }
    for (name, last) in &condition.unwitnessed {
        let last = last.map_or_else(
            || "it never has".to_owned(),
            |last| format!("the last time was {last:.0}"),
        );
        let found = format!("{name} has not signed the newest checkpoint; {last}");
        checks.add(
            State::Warning,
            "witness",
            found,
            "see that it runs, and what `serve` says of it",
        );
    }
    if condition.unwitnessed.is_empty() {
        let witnesses = count(site.journal.witnesses.len(), "witness");
        checks.well("witness", format!("{witnesses} signed what is there"));
    }
}
