//! Where the CMS is.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use serde_json::Value as Json;

use super::listen::pem;
use super::load::{Files, read_file, time};
use super::{Lenient, Origin, Upstream};
use crate::reader::{Document, Faults, Section, Value, host};

const LIKE: &str = "write it like \"http://cms:80\", \"https://cms:443\" or \"unix:/run/cms.sock\"";

/// Reads `[site.upstream]`. `listeners` are our own: an upstream that is one of them would ask us for ever.
pub(super) fn upstream(mut section: Section<'_>, listeners: &[SocketAddr], files: &Files<'_>) -> Option<Upstream> {
    let origins = section
        .required("url", "url = \"http://cms:80\", where the CMS answers")
        .and_then(|value| origins(&value, listeners, files));
    let ca = section.optional("ca").and_then(|value| {
        let file = pem(&value, files, "CERTIFICATE", "certificate")?;
        let is_https = |origin: &Origin| matches!(origin, Origin::Https { .. });
        if origins.as_ref().is_some_and(|origins| !origins.iter().any(is_https)) {
            return value.fault("is for no https upstream", "remove it, or write https:// in url");
        }
        Some(file)
    });
    let default = Upstream::new("", 0);
    let seconds = |from_millis, to| Duration::from_millis(from_millis)..=Duration::from_secs(to);
    let connect_timeout = time(
        &mut section,
        "connect_timeout",
        default.connect_timeout,
        seconds(100, 60),
    );
    let answer_timeout = time(
        &mut section,
        "answer_timeout",
        default.answer_timeout,
        seconds(1_000, 3_600),
    );
    let idle_timeout = time(&mut section, "idle_timeout", default.idle_timeout, seconds(100, 3_600));
    let lenient = section.optional("lenient").map(|value| lenient(&value));
    section.finish();
    Some(Upstream {
        origins: origins?,
        ca,
        connect_timeout,
        answer_timeout,
        idle_timeout,
        lenient: lenient.unwrap_or_default(),
    })
}

impl Upstream {
    /// What a `[site.upstream]` would mean that has this `url`, and this `ca`; relative to the current folder. Faults
    /// call it `--upstream`.
    ///
    /// # Errors
    ///
    /// All that is wrong with them.
    pub(crate) fn read(url: &str, ca: Option<&Path>) -> Result<Self, Faults> {
        // What JSON escapes in a string TOML escapes alike.
        let mut text = format!("url = {}\n", Json::from(url));
        if let Some(ca) = ca {
            text += &format!("ca = {}\n", Json::from(ca.to_string_lossy()));
        }
        let files = Files::new(Path::new(""), &read_file);
        let document = Document::read("--upstream", &text);
        let read = upstream(document.root(), &[], &files);
        let mut faults = Faults::new();
        document.finish(&mut faults);
        read.filter(|_| faults.is_empty()).ok_or(faults)
    }
}

type Allow = fn(&mut Lenient);

const WORDS: [(&str, Allow); 4] = [
    ("folded-fields", |lenient| lenient.folded_fields = true),
    ("space-before-colon", |lenient| lenient.space_before_colon = true),
    ("broken-fields", |lenient| lenient.broken_fields = true),
    ("title-case", |lenient| lenient.title_case = true),
];

impl Lenient {
    /// What may be tried where an answer is not understood: each fault of answers alone, then all of them.
    pub(crate) fn one_by_one() -> impl Iterator<Item = Self> {
        let answers = &WORDS[..3];
        let alone = answers.iter().map(|word| std::slice::from_ref(word));
        alone.chain([answers]).map(|words| {
            let mut lenient = Self::default();
            words.iter().for_each(|(_, allow)| allow(&mut lenient));
            lenient
        })
    }

    /// As the configuration names it.
    pub(crate) fn words(self) -> impl Iterator<Item = &'static str> {
        let is_allowed = move |(_, allow): &&(&str, Allow)| {
            let mut lenient = self;
            allow(&mut lenient);
            lenient == self
        };
        WORDS.iter().filter(is_allowed).map(|(word, _)| *word)
    }
}

/// A list of the faults that are put up with.
fn lenient(value: &Value<'_>) -> Lenient {
    let mut lenient = Lenient::default();
    if !value.is_list() {
        let words = WORDS.map(|(word, _)| format!("\"{word}\"")).join(", ");
        value.fault::<()>(
            "is no list",
            format!("write those that are needed of lenient = [{words}]"),
        );
        return lenient;
    }
    for allow in value
        .items()
        .unwrap_or_default()
        .iter()
        .filter_map(|item| item.one_of(&WORDS))
    {
        allow(&mut lenient);
    }
    lenient
}

/// One URL, or a list of them.
fn origins(value: &Value<'_>, listeners: &[SocketAddr], files: &Files<'_>) -> Option<Vec<Origin>> {
    if !value.is_list() {
        return Some(vec![origin(value, listeners, files)?]);
    }
    if value.is_empty_list() {
        return value.fault("is empty", LIKE);
    }
    let mut origins: Vec<Origin> = Vec::new();
    let items = value.items()?;
    for item in &items {
        match origin(item, listeners, files) {
            Some(origin) if origins.contains(&origin) => {
                item.fault::<()>("stands there twice", "keep one of the two");
            }
            Some(origin) => origins.push(origin),
            None => {}
        }
    }
    (origins.len() == items.len()).then_some(origins)
}

fn origin(value: &Value<'_>, listeners: &[SocketAddr], files: &Files<'_>) -> Option<Origin> {
    let written = value.string()?;
    if written.contains('@') {
        return value.fault_unseen("holds a user name or a password", LIKE);
    }
    if let Some(path) = written.strip_prefix("unix:") {
        if path.is_empty() || path.starts_with("//") {
            let path = path.trim_start_matches('/');
            let remedy = match path {
                "" => "write the path of the socket, like \"unix:/run/cms.sock\"".to_owned(),
                path => format!("write \"unix:/{path}\""),
            };
            return value.fault("has no path like that of a file", remedy);
        }
        return Some(Origin::Unix(files.path(path)));
    }
    let (rest, scheme, port) = match written.split_once("://") {
        Some(("http", rest)) => (rest, "http", 80),
        Some(("https", rest)) => (rest, "https", 443),
        Some(_) => return value.fault("does not start with http://, https:// or unix:", LIKE),
        None => {
            let remedy = format!("write \"http://{written}\"");
            return value.fault("does not start with http://, https:// or unix:", remedy);
        }
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if !matches!(path, "" | "/") {
        let remedy = format!("write \"{scheme}://{authority}\"; visitors' paths are passed on as they come");
        return value.fault("has a path or query", remedy);
    }
    let (host, port) = host_and_port(value, authority, port)?;
    if listeners.iter().any(|listener| reaches(*listener, &host, port)) {
        return value.fault("is where townclerk itself listens", "write where the CMS answers");
    }
    Some(match scheme {
        "https" => Origin::Https { host, port },
        _ => Origin::Http { host, port },
    })
}

fn host_and_port(value: &Value<'_>, authority: &str, default: u16) -> Option<(String, u16)> {
    let (name, port) = match authority.rsplit_once(':') {
        // The last colon of "[::1]" is not before a port.
        Some((name, port)) if !port.ends_with(']') => match port.parse() {
            Ok(port) if port != 0 => (name, port),
            _ => return value.fault("has no valid port", "write a port from 1 to 65535"),
        },
        _ => (authority, default),
    };
    let name = name.to_ascii_lowercase();
    match name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(bare) if bare.parse::<std::net::Ipv6Addr>().is_ok() => Some((bare.to_owned(), port)),
        Some(_) => value.fault("has no valid IPv6 address in its brackets", LIKE),
        None => match host::name(&name) {
            Ok(()) => Some((name, port)),
            Err(_) => value.fault("has no valid host name", LIKE),
        },
    }
}

/// Whether a connection to this host and port would come to this listener.
fn reaches(listener: SocketAddr, host: &str, port: u16) -> bool {
    let address = match host {
        "localhost" => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        host => host.parse().ok(),
    };
    let here = |address: IpAddr| {
        let on_this_machine = address.is_loopback() || address.is_unspecified();
        listener.ip() == address
            || (listener.ip().is_unspecified() && on_this_machine)
            || (host == "localhost" && listener.ip().is_loopback())
    };
    listener.port() == port && address.is_some_and(here)
}

/// As it is written, the port filled in: `http://cms:80`.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, host, port) = match self {
            Self::Http { host, port } => ("http", host, port),
            Self::Https { host, port } => ("https", host, port),
            Self::Unix(path) => return write!(f, "unix:{}", path.display()),
        };
        if host.contains(':') {
            write!(f, "{scheme}://[{host}]:{port}")
        } else {
            write!(f, "{scheme}://{host}:{port}")
        }
    }
}

/// All of them.
impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, origin) in self.origins.iter().enumerate() {
            let between = if index == 0 { "" } else { ", " };
            write!(f, "{between}{origin}")?;
        }
        Ok(())
    }
}
