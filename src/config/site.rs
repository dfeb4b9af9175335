//! `[[site]]`: its names, the CMS behind it, its policy and its journal.

use std::net::SocketAddr;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;

use super::load::{Files, Policies, count, size, time};
use super::upstream::upstream;
use super::witness::witnesses;
use super::{ErrorPage, Site, defaults};
use crate::journal::age::{Recipient, RecipientError};
use crate::journal::{Closed, Durability, Format, OnFailure, Settings};
use crate::reader::{Section, Value, host};

/// What one site has, another cannot have.
#[derive(Default)]
pub(super) struct Taken {
    hosts: Vec<Box<str>>,
    journals: Vec<PathBuf>,
    keys: Vec<PathBuf>,
}

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
    let error_page = section
        .optional("error_page")
        .and_then(|value| error_page(&value, files));
    let policy = section
        .required(
            "policy",
            "policy = \"policy.toml\", the file of the data protection officer",
        )
        .and_then(|value| policies.read(&value, files));
    let (statement, browser_reports) = paths(&mut section);
    let journal = section
        .required_section("journal", "folder = \"/var/lib/townclerk/site\"")
        .and_then(|section| journal(section, files, taken));
    let mut cookies = section.section("cookies");
    let cookie_keys = cookies.optional("key").map(|value| cookie_keys(&value, files, taken));
    cookies.finish();
    section.finish();
    let (policy_file, policy_text, policy) = policy?;
    let journal = journal?;
    let cookie_keys = match cookie_keys {
        Some(written) => Some(written?),
        None => policy.cookies.seal().then(|| defaults::cookie_keys_of(&journal.folder)),
    };
    Some(Site {
        hosts: hosts?,
        upstream: upstream?,
        error_page,
        policy_file,
        policy_text,
        policy,
        cookie_keys,
        statement,
        browser_reports: browser_reports?,
        journal,
    })
}

/// A file of HTML, or one for each language.
fn error_page(value: &Value<'_>, files: &Files<'_>) -> Option<ErrorPage> {
    if !value.is_section() {
        return html(value, files).map(ErrorPage::One);
    }
    let mut section = value.section()?;
    let pl = section.required("pl", "pl = \"error.pl.html\", the page in Polish");
    let en = section.required("en", "en = \"error.en.html\", the page in English");
    section.finish();
    let (pl, en) = (
        pl.and_then(|value| html(&value, files)),
        en.and_then(|value| html(&value, files)),
    );
    Some(ErrorPage::Each { pl: pl?, en: en? })
}

fn html(value: &Value<'_>, files: &Files<'_>) -> Option<Bytes> {
    match files.read(&files.path(value.string()?)) {
        Ok(text) if text.contains('<') => Some(Bytes::from(text)),
        Ok(_) => value.fault(
            "names a file that holds no HTML",
            "write the path of a page, or remove error_page",
        ),
        Err(unreadable) => unreadable.named_by(value),
    }
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

/// Where the statement is, if it is served, and where browsers report to.
fn paths(section: &mut Section<'_>) -> (Option<Box<str>>, Option<Box<str>>) {
    let statement = section.optional("statement");
    let reports = section.optional("browser_reports");
    let written = reports.clone().or(statement.clone());
    let statement = statement.and_then(|value| path(&value, "\"/polityka-prywatnosci\""));
    let reports = match reports {
        Some(value) => path(&value, "\"/townclerk-reports\""),
        None => Some(defaults::BROWSER_REPORTS.into()),
    };
    let lies_below = |path: &str, above: &str| {
        let below = path.strip_prefix(above);
        below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
    };
    if let (Some(statement), Some(reports), Some(written)) = (&statement, &reports, written)
        && lies_below(reports, statement)
    {
        written.fault::<()>(
            "leaves browsers nowhere to report to: the statement and its versions are there",
            "let browser_reports be another path",
        );
    }
    (statement, reports)
}

/// A path that is answered here. Its parts are unreserved (RFC 3986, section 2.3), so that there is one way to write
/// it.
fn path(value: &Value<'_>, like: &str) -> Option<Box<str>> {
    let like = &format!("write a path of the site like {like}");
    let path = value.string()?;
    let Some(parts) = path.strip_prefix('/') else {
        return value.fault("does not begin with /", like);
    };
    if parts.is_empty() {
        return value.fault("is the whole site", like);
    }
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if !parts.bytes().all(|byte| unreserved(byte) || byte == b'/') {
        return value.fault("has other characters than A-Z a-z 0-9 - . _ ~ and /", like);
    }
    if parts.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return value.fault("has an empty part, or one that browsers take out", like);
    }
    if path.len() > 128 {
        return value.fault("is longer than 128 characters", like);
    }
    Some(path.into())
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
    const DURABILITIES: [(&str, Durability); 2] = [("interval", Durability::Interval), ("strict", Durability::Strict)];
    let durability = section
        .optional("durability")
        .and_then(|value| value.one_of(&DURABILITIES));
    let of = &mut section;
    let interval = Duration::from_millis(10)..=Duration::from_secs(60);
    let segment_bytes = size(of, "segment_bytes", default.segment_bytes, 1 << 20..=4 << 30);
    let sync_interval = time(of, "sync_interval", default.sync_interval, interval);
    let queue = count(of, "queue", default.queue, 64..=16_777_216);
    let immutable = section.optional("immutable").and_then(|value| value.boolean());
    let closed = section.optional("closed").and_then(|value| value.section());
    let closed = closed.and_then(closed_segments);
    let witnesses = match section.optional("witness") {
        Some(value) => value.sections().and_then(|sections| witnesses(sections, files)),
        None => Some(Vec::new()),
    };
    section.finish();
    Some(Settings {
        folder: folder?,
        key: key?,
        format: format.unwrap_or_default(),
        segment_bytes,
        durability: durability.unwrap_or_default(),
        sync_interval,
        queue,
        on_failure: on_failure.unwrap_or_default(),
        immutable: immutable.unwrap_or(default.immutable),
        closed,
        witnesses: witnesses?,
    })
}

/// `[site.journal.closed]`: how segments are packed.
fn closed_segments(mut section: Section<'_>) -> Option<Closed> {
    let default = defaults::closed();
    let after = time(
        &mut section,
        "after",
        default.after,
        Duration::ZERO..=Duration::from_secs(3_650 * 86_400),
    );
    let compress = section.optional("compress");
    let encrypt_to = section.optional("encrypt_to").map(|value| recipients(&value));
    section.finish();
    let encrypt_to = encrypt_to.unwrap_or(Some(default.encrypt_to))?;
    let is_compressed = match &compress {
        Some(value) => value.boolean()?,
        None => default.compress,
    };
    if let Some(value) = compress.filter(|_| !is_compressed && encrypt_to.is_empty()) {
        return value.fault(
            "leaves nothing to do, for nothing is encrypted either",
            "take the whole of [site.journal.closed] away, or write encrypt_to = [\"age1…\"] in it",
        );
    }
    Some(Closed {
        after,
        compress: is_compressed,
        encrypt_to,
    })
}

fn recipients(value: &Value<'_>) -> Option<Vec<Recipient>> {
    const REMEDY: &str = "write the line that age-keygen calls the public key, \"age1…\"";
    let mut recipients = Vec::new();
    for item in value.items()? {
        match item.string()?.parse() {
            // Not even in the words of a fault may a private key be shown.
            Err(RecipientError::Private) => {
                return item.fault_unseen("is a private key, which must not be on this machine at all", REMEDY);
            }
            Err(error @ RecipientError::Kind) => return item.fault(error, REMEDY),
            Err(error @ RecipientError::Letters) => return item.fault(error, REMEDY),
            Ok(recipient) if recipients.contains(&recipient) => {
                return item.fault("stands there twice", "keep one of the two");
            }
            Ok(recipient) => recipients.push(recipient),
        }
    }
    Some(recipients)
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

/// The file of the keys for cookies, which sites may share.
fn cookie_keys(value: &Value<'_>, files: &Files<'_>, taken: &Taken) -> Option<PathBuf> {
    let key = files.path(value.string()?);
    let plain = plain(&key);
    if taken.journals.iter().any(|journal| plain.starts_with(journal)) {
        return value.fault(
            "lies in the folder of a journal",
            "keep it elsewhere, like \"cookies.key\"",
        );
    }
    if taken.keys.contains(&plain) {
        return value.fault(
            "is the key of a journal",
            "make another one: `townclerk keygen --cookies cookies.key`",
        );
    }
    Some(key)
}

/// A path without detours, so that two can be compared. Links are not followed: nothing need be there yet.
pub(super) fn plain(path: &Path) -> PathBuf {
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
