//! From files to a [`Config`].

use std::collections::HashMap;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::acme::Surroundings;
use super::listen::{limits, listen, resolver, tls};
use super::site::{Taken, site};
use super::{Config, Site};
use crate::policy::{self, Policy};
use crate::reader::{Document, Fault, Faults, Section, Value};

/// No file that is read here is longer, in bytes.
const LONGEST: u64 = 1 << 20;

/// Why a file cannot be read.
pub(crate) struct Unreadable {
    /// What about the file: `does not exist`.
    pub(crate) found: String,
    pub(crate) remedy: &'static str,
}

impl Unreadable {
    const MISSING: &str = "does not exist";

    /// Whether there is no such file.
    pub(crate) fn is_missing(&self) -> bool {
        self.found == Self::MISSING
    }

    /// A fault of the value that names the file.
    pub(super) fn named_by<T>(self, value: &Value<'_>) -> Option<T> {
        value.fault(format_args!("names a file that {}", self.found), self.remedy)
    }
}

/// The files a `townclerk.toml` names, relative to its own folder.
pub(super) struct Files<'f> {
    folder: &'f Path,
    read: &'f dyn Fn(&Path) -> Result<String, Unreadable>,
}

impl<'f> Files<'f> {
    pub(super) fn new(folder: &'f Path, read: &'f dyn Fn(&Path) -> Result<String, Unreadable>) -> Self {
        Self { folder, read }
    }

    pub(super) fn path(&self, written: &str) -> PathBuf {
        self.folder.join(written)
    }

    pub(super) fn read(&self, path: &Path) -> Result<String, Unreadable> {
        (self.read)(path)
    }
}

/// The policies read so far, each once, and their faults.
#[derive(Default)]
pub(super) struct Policies {
    read: HashMap<PathBuf, Option<(String, Policy)>>,
    faults: Faults,
}

impl Policies {
    pub(super) fn read(&mut self, value: &Value<'_>, files: &Files<'_>) -> Option<(PathBuf, String, Policy)> {
        let path = files.path(value.string()?);
        if !self.read.contains_key(&path) {
            let text = match files.read(&path) {
                Ok(text) => text,
                Err(unreadable) => return unreadable.named_by(value),
            };
            let policy = policy::parse(&path.display().to_string(), &text, &mut self.faults);
            self.read.insert(path.clone(), policy.map(|policy| (text, policy)));
        }
        let (text, policy) = self.read.get(&path)?.clone()?;
        Some((path, text, policy))
    }
}

/// Reads a `townclerk.toml` and what it names.
pub(super) fn load(path: &Path, read: &dyn Fn(&Path) -> Result<String, Unreadable>) -> Result<Config, Faults> {
    let mut faults = Faults::new();
    let file = path.display().to_string();
    let text = match read(path) {
        Ok(text) => text,
        Err(Unreadable { found, remedy }) => {
            faults.push(Fault {
                file,
                place: None,
                found: format!("the file {found}"),
                remedy: remedy.to_owned(),
            });
            return Err(faults);
        }
    };
    let files = Files::new(path.parent().unwrap_or(Path::new("")), read);
    let mut policies = Policies::default();
    let document = Document::read(&file, &text);
    let config = config(document.root(), &files, &mut policies);
    document.finish(&mut faults);
    faults.extend(policies.faults);
    match config {
        Some(config) if faults.is_empty() => Ok(config),
        _ => Err(faults),
    }
}

pub(super) fn config(mut root: Section<'_>, files: &Files<'_>, policies: &mut Policies) -> Option<Config> {
    let tls_sections = root.optional("tls").map(|value| value.sections());
    let acme = root.optional("acme").map(|value| value.section());
    let has_certificates = tls_sections.is_some() || acme.is_some();
    let listen = root
        .required_section("listen", "http = [\"0.0.0.0:80\"]")
        .map(|section| listen(section, has_certificates));
    let tls_sections = tls_sections.flatten().unwrap_or_default();
    if let Some(first) = tls_sections.first()
        && listen.as_ref().is_some_and(|listen| !listen.wants_tls)
    {
        first.missing(
            "[tls] has no https listener",
            "add https = [\"0.0.0.0:443\"] to [listen], or remove [tls]",
        );
    }
    let has_own = !tls_sections.is_empty();
    let tls = tls(tls_sections, files);
    let limits = limits(root.section("limits"));
    let resolver = resolver(root.section("resolver"));
    let listeners = listen.as_ref().map(|listen| listen.all()).unwrap_or_default();
    let admin = root.optional("admin").and_then(|value| value.section());
    let admin = super::admin::admin(admin, &listeners, files);
    let sites = sites(&mut root, |section, taken| {
        site(section, &listeners, files, policies, taken)
    });
    let acme = acme.map(|section| {
        let surroundings = Surroundings {
            listen: listen.as_ref(),
            has_own,
            sites: sites.as_deref(),
        };
        super::acme::acme(section?, &surroundings, files)
    });
    root.finish();
    let listen = listen?;
    Some(Config {
        http: listen.http,
        https: listen.https,
        tls: tls?,
        acme: match acme {
            Some(written) => Some(written?),
            None => None,
        },
        workers: listen.workers,
        trusted_proxies: listen.trusted_proxies,
        proxy_protocol: listen.proxy_protocol,
        admin,
        limits,
        resolver,
        sites: sites?,
    })
}

fn sites(root: &mut Section<'_>, mut site: impl FnMut(Section<'_>, &mut Taken) -> Option<Site>) -> Option<Vec<Site>> {
    let sites = match root.optional("site") {
        Some(value) => value.items()?,
        None => Vec::new(),
    };
    if sites.is_empty() {
        root.missing(
            "there is no site",
            "add [[site]] with hosts, upstream, policy and journal",
        );
        return None;
    }
    let mut taken = Taken::default();
    let sites: Vec<_> = sites
        .iter()
        .map(|value| value.section().and_then(|section| site(section, &mut taken)))
        .collect();
    sites.into_iter().collect()
}

/// Reads a file from the disk.
pub(crate) fn read_file(path: &Path) -> Result<String, Unreadable> {
    let because = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => Unreadable {
            found: Unreadable::MISSING.into(),
            remedy: "write the path of a file that exists",
        },
        ErrorKind::PermissionDenied => Unreadable {
            found: "may not be read".into(),
            remedy: "let the user that runs townclerk read it",
        },
        _ => Unreadable {
            found: format!("cannot be read: {error}"),
            remedy: "write the path of a readable file",
        },
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(because)?;
    file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(because)?;
    if bytes.len() as u64 > LONGEST {
        return Err(Unreadable {
            found: "is longer than 1 MiB".into(),
            remedy: "write the path of the right file",
        });
    }
    String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        Unreadable {
            found: format!("is not UTF-8 text from byte {offset} on"),
            remedy: "save it as UTF-8",
        }
    })
}

/// A time that may be written.
pub(super) fn time(
    section: &mut Section<'_>,
    key: &'static str,
    default: Duration,
    range: RangeInclusive<Duration>,
) -> Duration {
    section
        .optional(key)
        .and_then(|value| value.duration(range))
        .unwrap_or(default)
}

/// A number of bytes that may be written.
pub(super) fn size(section: &mut Section<'_>, key: &'static str, default: u64, range: RangeInclusive<u64>) -> u64 {
    section
        .optional(key)
        .and_then(|value| value.size(range))
        .unwrap_or(default)
}

/// A number of things that may be written.
pub(super) fn count(section: &mut Section<'_>, key: &'static str, default: usize, range: RangeInclusive<u64>) -> usize {
    let number = section.optional(key).and_then(|value| value.integer(range));
    number
        .and_then(|number| usize::try_from(number).ok())
        .unwrap_or(default)
}
