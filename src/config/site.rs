//! `[[site]]`: its names, the CMS behind it, its policy and its journal.

use std::net::SocketAddr;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use super::load::{Files, Policies, count, size, time};
use super::upstream::upstream;
use super::{Site, defaults, host};
use crate::journal::{Format, OnFailure, Settings};
use crate::reader::{Section, Value};

/// What one site has, another cannot have.
#[derive(Default)]
pub(super) struct Taken {
    hosts: Vec<Box<str>>,
    journals: Vec<PathBuf>,
    keys: Vec<PathBuf>,
}

/// The only durability so far: entries are with the kernel at once and on the disk within `sync_interval`.
#[derive(Clone, Copy)]
struct Interval;

/// Reads a `[[site]]`.
pub(super) fn site(
    mut section: Section<'_>,
    listeners: &[SocketAddr],
    files: &Files<'_>,
    policies: &mut Policies,
    taken: &mut Taken,
) -> Option<Site> {
    let hosts = section
        .required(
            "hosts",
            "hosts = [\"www.um.example.pl\"], the names by which visitors call the site",
        )
        .and_then(|value| hosts(&value, taken));
    let upstream = section
        .required_section("upstream", "url = \"http://cms:80\"")
        .and_then(|section| upstream(section, listeners, files));
    let policy = section
        .required(
            "policy",
            "policy = \"policy.toml\", the file of the data protection officer",
        )
        .and_then(|value| policies.read(&value, files));
    let journal = section
        .required_section("journal", "folder = \"/var/lib/townclerk/site\"")
        .and_then(|section| journal(section, files, taken));
    section.finish();
    let (policy_file, policy_text, policy) = policy?;
    Some(Site {
        hosts: hosts?,
        upstream: upstream?,
        policy_file,
        policy_text,
        policy,
        journal: journal?,
    })
}

fn hosts(value: &Value<'_>, taken: &mut Taken) -> Option<Vec<Box<str>>> {
    let items = value.items()?;
    if items.is_empty() {
        return value.fault("is empty", "name the hosts by which visitors call the site");
    }
    let mut hosts: Vec<Box<str>> = Vec::new();
    for item in items {
        match item.string().map(host::host) {
            Some(Ok(host)) if hosts.contains(&host) => {
                item.fault::<()>("stands there twice", "keep one of the two");
            }
            Some(Ok(host)) if taken.hosts.contains(&host) => {
                item.fault::<()>("belongs to another site already", "keep it in one of the two sites");
            }
            Some(Ok(host)) => hosts.push(host),
            Some(Err((wrong, remedy))) => {
                item.fault::<()>(wrong, remedy);
            }
            None => {}
        }
    }
    taken.hosts.extend(hosts.iter().cloned());
    Some(hosts)
}

fn journal(mut section: Section<'_>, files: &Files<'_>, taken: &mut Taken) -> Option<Settings> {
    let folder = section
        .required("folder", "folder = \"/var/lib/townclerk/site\", where the journal is")
        .and_then(|value| folder(&value, files, taken));
    let key = key(&mut section, folder.as_deref(), files, taken);
    let default = defaults::journal(PathBuf::new());
    const FORMATS: [(&str, Format); 2] = [("json-lines", Format::JsonLines), ("combined", Format::Combined)];
    const FAILURES: [(&str, OnFailure); 2] = [
        ("refuse", OnFailure::Refuse),
        ("serve-and-count", OnFailure::ServeAndCount),
    ];
    let format = section.optional("format").and_then(|value| value.one_of(&FORMATS));
    let on_failure = section.optional("on_failure").and_then(|value| value.one_of(&FAILURES));
    let _: Option<Interval> = section
        .optional("durability")
        .and_then(|value| value.one_of(&[("interval", Interval)]));
    let of = &mut section;
    let interval = Duration::from_millis(10)..=Duration::from_secs(60);
    let segment_bytes = size(of, "segment_bytes", default.segment_bytes, 1 << 20..=4 << 30);
    let sync_interval = time(of, "sync_interval", default.sync_interval, interval);
    let queue = count(of, "queue", default.queue, 64..=16_777_216);
    section.finish();
    Some(Settings {
        folder: folder?,
        key: key?,
        format: format.unwrap_or_default(),
        segment_bytes,
        sync_interval,
        queue,
        on_failure: on_failure.unwrap_or_default(),
    })
}

fn folder(value: &Value<'_>, files: &Files<'_>, taken: &mut Taken) -> Option<PathBuf> {
    const REMEDY: &str = "give each site a folder of its own, like \"/var/lib/townclerk/www.um.example.pl\"";
    let folder = files.path(value.string()?);
    let plain = plain(&folder);
    for other in &taken.journals {
        if *other == plain {
            return value.fault("is the journal of another site already", REMEDY);
        }
        if plain.starts_with(other) {
            return value.fault("lies in the journal of another site", REMEDY);
        }
        if other.starts_with(&plain) {
            return value.fault("holds the journal of another site", REMEDY);
        }
    }
    if taken.keys.iter().any(|key| key.starts_with(&plain)) {
        return value.fault("holds the key of another site", REMEDY);
    }
    taken.journals.push(plain);
    Some(folder)
}

/// The file of the key, for which no other site and no journal has a place.
fn key(section: &mut Section<'_>, folder: Option<&Path>, files: &Files<'_>, taken: &mut Taken) -> Option<PathBuf> {
    const REMEDY: &str = "give each site a key of its own, outside of every journal, like \"www.um.example.pl.key\"";
    let Some(value) = section.optional("key") else {
        let key = defaults::key_of(folder?);
        taken.keys.push(plain(&key));
        return Some(key);
    };
    let key = files.path(value.string()?);
    let plain = plain(&key);
    if taken.keys.contains(&plain) {
        return value.fault("is the key of another site already", REMEDY);
    }
    if taken.journals.iter().any(|journal| plain.starts_with(journal)) {
        return value.fault("lies in the folder of a journal", REMEDY);
    }
    taken.keys.push(plain);
    Some(key)
}

/// A path without detours, so that two can be compared. Links are not followed: nothing need be there yet.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in std::path::absolute(path)
        .unwrap_or_else(|_| path.to_owned())
        .components()
    {
        match component {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}
