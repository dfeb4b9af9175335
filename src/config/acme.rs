//! `[acme]`: the authority that certifies names of the sites by itself.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use super::Site;
use super::listen::{Listen, pem};
use super::load::Files;
use super::site::plain;
use crate::reader::{Section, Value, host, nearest};

/// Directories that have a name of their own.
const KNOWN: [(&str, &str); 2] = [
    ("letsencrypt", "https://acme-v02.api.letsencrypt.org/directory"),
    (
        "letsencrypt-staging",
        "https://acme-staging-v02.api.letsencrypt.org/directory",
    ),
];

/// An authority that certifies by itself (RFC 8555), and what it is asked for. Its terms are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acme {
    /// The URL of its directory, over https. Default: that of Let's Encrypt.
    pub directory: String,
    /// Who vouches for the directory, a PEM file. Default: the authorities of the system.
    pub ca: Option<PathBuf>,
    /// Where the account and the certificates are kept.
    pub folder: PathBuf,
    /// An e-mail address that it is given with the account. Default: none.
    pub contact: Option<String>,
    /// How it sees that the names are ours.
    pub challenge: Challenge,
    /// For each certificate its names, at least one: those of a site in one.
    pub certificates: Vec<Vec<Box<str>>>,
}

/// How an authority sees that a name is ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Challenge {
    /// By a handshake at port 443 of the name (RFC 8737).
    #[default]
    TlsAlpn01,
    /// By a request at port 80 of the name (RFC 8555, section 8.3).
    Http01,
}

impl Challenge {
    /// The port of the name to which the authority connects.
    pub fn port(self) -> u16 {
        match self {
            Self::TlsAlpn01 => 443,
            Self::Http01 => 80,
        }
    }
}

/// As the configuration names it.
impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::TlsAlpn01 => "tls-alpn-01",
            Self::Http01 => "http-01",
        })
    }
}

/// What else the file says; `None` where it is faulty itself.
pub(super) struct Surroundings<'a> {
    pub(super) listen: Option<&'a Listen>,
    /// Whether there are certificates of one's own.
    pub(super) has_own: bool,
    pub(super) sites: Option<&'a [Site]>,
}

/// Reads `[acme]`.
pub(super) fn acme(mut section: Section<'_>, around: &Surroundings<'_>, files: &Files<'_>) -> Option<Acme> {
    if around.listen.is_some_and(|listen| !listen.wants_tls) {
        section.missing(
            "[acme] has no https listener",
            "add https = [\"0.0.0.0:443\"] to [listen], or remove [acme]",
        );
    }
    let accepted = section
        .required(
            "accept_terms",
            "accept_terms = true, once you have read the authority's terms; those of Let's Encrypt are at \
             https://letsencrypt.org/repository/",
        )
        .and_then(|value| accepted(&value));
    let folder = section
        .required(
            "folder",
            "folder = \"/var/lib/townclerk/acme\", where the account and the certificates are kept",
        )
        .and_then(|value| folder(&value, around.sites, files));
    let directory = match section.optional("directory") {
        Some(value) => directory(&value),
        None => Some(KNOWN[0].1.to_owned()),
    };
    let ca = section
        .optional("ca")
        .map(|value| pem(&value, files, "CERTIFICATE", "certificate"));
    let contact = section.optional("contact").map(|value| contact(&value));
    let challenge = match section.optional("challenge") {
        Some(value) => challenge(&value, around.listen),
        None => Some(Challenge::default()),
    };
    let names = match around.has_own {
        true => section.required(
            "names",
            "names = [\"www.um.example.pl\"], those that the certificates of [tls] are not for",
        ),
        false => section.optional("names"),
    };
    let names = names.map(|value| names_of(&value, around.sites));
    let certificates = around.sites.map(|sites| match &names {
        Some(names) => certificates(sites, |host| names.iter().flatten().any(|name| **name == *host)),
        None => certificates(sites, can_be_certified),
    });
    if names.is_none() && certificates.as_ref().is_some_and(Vec::is_empty) {
        section.missing(
            "[acme] has no name to ask for: every host of the sites is an address, or has no dot",
            "add the name by which visitors call the site to its hosts, or remove [acme]",
        );
    }
    section.finish();
    accepted?;
    Some(Acme {
        directory: directory?,
        ca: written(ca)?,
        folder: folder?,
        contact: written(contact)?,
        challenge: challenge?,
        certificates: names.unwrap_or(Some(Vec::new())).and(certificates)?,
    })
}

/// What may be left out, and must be right where it is not.
fn written<T>(value: Option<Option<T>>) -> Option<Option<T>> {
    match value {
        Some(read) => read.map(Some),
        None => Some(None),
    }
}

fn accepted(value: &Value<'_>) -> Option<()> {
    match value.boolean()? {
        true => Some(()),
        false => value.fault(
            "lets the authority certify nothing",
            "read its terms and write true, or remove [acme]",
        ),
    }
}

fn folder(value: &Value<'_>, sites: Option<&[Site]>, files: &Files<'_>) -> Option<PathBuf> {
    let folder = files.path(value.string()?);
    let mut journals = sites.into_iter().flatten().map(|site| plain(&site.journal.folder));
    if journals.any(|journal| plain(&folder).starts_with(journal)) {
        return value.fault(
            "lies in the folder of a journal",
            "keep it elsewhere, like \"/var/lib/townclerk/acme\"",
        );
    }
    Some(folder)
}

/// A word for a known directory, or the URL of one.
fn directory(value: &Value<'_>) -> Option<String> {
    let written = value.string()?;
    if let Some((_, url)) = KNOWN.iter().find(|(name, _)| *name == written) {
        return Some((*url).to_owned());
    }
    let words = "write \"letsencrypt\", \"letsencrypt-staging\", or the URL of a directory, \"https://…\"";
    if written.contains('@') {
        return value.fault_unseen("holds a user name or a password", words);
    }
    let Some(rest) = written.strip_prefix("https://") else {
        return match nearest(written, KNOWN.map(|(name, _)| name)) {
            Some(near) => value.fault("is no directory that is known", format!("write \"{near}\"")),
            None => value.fault("does not begin with https://", words),
        };
    };
    match written.parse::<http::Uri>() {
        Ok(url) if url.host().is_some_and(|host| !host.is_empty()) && !rest.contains('#') => Some(written.to_owned()),
        _ => value.fault("is not a URL", words),
    }
}

/// An e-mail address as the authority takes it (RFC 8555, section 7.3): a single one, without further fields.
fn contact(value: &Value<'_>) -> Option<String> {
    const LIKE: &str = "write an e-mail address like \"informatyk@um.example.pl\", or remove contact";
    let written = value.string()?;
    if let Some(address) = written.strip_prefix("mailto:") {
        return value.fault("has a scheme", format!("write \"{address}\""));
    }
    let is_address = written
        .split_once('@')
        .is_some_and(|(user, at)| !user.is_empty() && at.contains('.') && host::name(at).is_ok());
    let is_plain = written
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !b",?\"<>%".contains(&byte));
    match is_address && is_plain {
        true => Some(written.to_owned()),
        false => value.fault("is not an e-mail address", LIKE),
    }
}

fn challenge(value: &Value<'_>, listen: Option<&Listen>) -> Option<Challenge> {
    const WORDS: [(&str, Challenge); 2] = [("tls-alpn-01", Challenge::TlsAlpn01), ("http-01", Challenge::Http01)];
    let challenge = value.one_of(&WORDS)?;
    if challenge == Challenge::Http01 && listen.is_some_and(|listen| listen.http.is_empty()) {
        return value.fault(
            "has no plain listener, to which port 80 of the names leads",
            "add http = [\"0.0.0.0:80\"] to [listen], or write \"tls-alpn-01\"",
        );
    }
    Some(challenge)
}

/// Some of the sites' hosts.
fn names_of(value: &Value<'_>, sites: Option<&[Site]>) -> Option<Vec<Box<str>>> {
    if value.is_empty_list() {
        return value.fault("is empty", "name hosts of the sites, or remove [acme]");
    }
    let mut names: Vec<Box<str>> = Vec::new();
    let items = value.items()?;
    for item in &items {
        let Some(written) = item.string() else { continue };
        let hosts = || sites.into_iter().flatten().flat_map(|site| &site.hosts);
        if names.iter().any(|name| **name == *written) {
            item.fault::<()>("stands there twice", "keep one of the two");
        } else if !can_be_certified(written) {
            item.fault::<()>(
                "is nothing that an authority certifies: it is an address, or has no dot",
                "remove it; a certificate of your own for it belongs in [[tls]]",
            );
        } else if sites.is_some() && !hosts().any(|host| **host == *written) {
            let remedy = match nearest(written, hosts().map(|host| &**host)) {
                Some(near) => format!("write \"{near}\""),
                None => "add it to the hosts of its [[site]]".to_owned(),
            };
            item.fault::<()>("is no host of any site", remedy);
        } else {
            names.push(written.into());
        }
    }
    (names.len() == items.len()).then_some(names)
}

/// Whether it is a name that can be looked up everywhere.
fn can_be_certified(host: &str) -> bool {
    host.contains('.') && !host.contains('_') && host.parse::<IpAddr>().is_err()
}

/// One for each site that has such a name.
fn certificates(sites: &[Site], is_wanted: impl Fn(&str) -> bool) -> Vec<Vec<Box<str>>> {
    let of = |site: &Site| -> Vec<Box<str>> { site.hosts.iter().filter(|host| is_wanted(host)).cloned().collect() };
    sites.iter().map(of).filter(|names| !names.is_empty()).collect()
}
