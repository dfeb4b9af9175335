//! `[listen]`, `[tls]`, `[limits]`, `[resolver]`: what holds for every site.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use super::load::{Files, count, size, time};
use super::{Limits, Resolver, Tls, defaults};
use crate::reader::{Section, Value};

/// `[listen]`.
pub(super) struct Listen {
    pub(super) http: Vec<SocketAddr>,
    pub(super) https: Vec<SocketAddr>,
    /// Whether https was written, rightly or not.
    pub(super) wants_tls: bool,
    pub(super) workers: usize,
    pub(super) trusted_proxies: Vec<IpNet>,
    pub(super) proxy_protocol: Vec<SocketAddr>,
}

impl Listen {
    pub(super) fn all(&self) -> Vec<SocketAddr> {
        [self.http.as_slice(), self.https.as_slice()].concat()
    }
}

/// Reads `[listen]`; `has_certificates` says whether there is a `[tls]` or `[acme]`.
pub(super) fn listen(mut section: Section<'_>, has_certificates: bool) -> Listen {
    let (http, https) = (section.optional("http"), section.optional("https"));
    let mut taken = Vec::new();
    let http_addresses = http
        .as_ref()
        .map(|value| addresses(value, &mut taken))
        .unwrap_or_default();
    let https_addresses = https
        .as_ref()
        .map(|value| addresses(value, &mut taken))
        .unwrap_or_default();
    let empty = |value: &Option<Value<'_>>| value.as_ref().is_none_or(Value::is_empty_list);
    if empty(&http) && empty(&https) {
        section.missing("there is nowhere to listen", "add http = [\"0.0.0.0:80\"] to [listen]");
    }
    let https = https.filter(|value| !value.is_empty_list());
    if let (Some(https), false) = (&https, has_certificates) {
        https.fault::<()>("has no certificate", "add [tls] with certificate and key, or [acme]");
    }
    let workers = section.optional("workers").and_then(|value| match value.is_string() {
        true => value.one_of(&[("cores", defaults::workers())]),
        false => value.integer(1..=1_024).and_then(|number| usize::try_from(number).ok()),
    });
    let proxies = section
        .optional("trusted_proxies")
        .and_then(|value| value.items())
        .unwrap_or_default();
    let proxy_protocol = section
        .optional("proxy_protocol")
        .map(|value| proxied(&value, &taken, proxies.is_empty()));
    section.finish();
    Listen {
        http: http_addresses,
        https: https_addresses,
        wants_tls: https.is_some(),
        workers: workers.unwrap_or_else(defaults::workers),
        trusted_proxies: proxies.iter().filter_map(proxy).collect(),
        proxy_protocol: proxy_protocol.unwrap_or_default(),
    }
}

/// The listeners, of those there are, behind proxies that speak the PROXY protocol.
fn proxied(value: &Value<'_>, listeners: &[SocketAddr], nobody_is_trusted: bool) -> Vec<SocketAddr> {
    if !value.is_list() {
        let example = listeners.first().map_or("0.0.0.0:80".to_owned(), ToString::to_string);
        let remedy = format!("write proxy_protocol = [\"{example}\"], with all to which load balancers connect");
        value.fault::<()>("is no list of listeners", remedy);
        return Vec::new();
    }
    if nobody_is_trusted && !value.is_empty_list() {
        value.fault::<()>(
            "has nobody who is trusted to say who the visitor is",
            "add trusted_proxies with the addresses of the load balancers",
        );
    }
    let mut proxied = Vec::new();
    for item in value.items().unwrap_or_default() {
        match item.socket_address(None) {
            Some(address) if !listeners.contains(&address) => {
                item.fault::<()>("is not listened on", "write it in http or https too");
            }
            Some(address) => proxied.push(address),
            None => {}
        }
    }
    proxied
}

fn addresses(value: &Value<'_>, taken: &mut Vec<SocketAddr>) -> Vec<SocketAddr> {
    let mut addresses = Vec::new();
    for item in value.items().unwrap_or_default() {
        let Some(address) = item.socket_address(None) else {
            continue;
        };
        // Port 0 is another one each time: the system chooses.
        if address.port() != 0 && taken.contains(&address) {
            item.fault::<()>("is listened on twice", "keep one of the two");
            continue;
        }
        taken.push(address);
        addresses.push(address);
    }
    addresses
}

fn proxy(value: &Value<'_>) -> Option<IpNet> {
    let prefix = value.prefix()?;
    if prefix.prefix_len() == 0 {
        return value.fault(
            "trusts everybody, so that anybody may claim any address",
            "write the addresses of the proxies in front of townclerk, like \"172.16.0.0/12\"",
        );
    }
    Some(prefix)
}

/// Reads `[tls]` or each `[[tls]]`, and looks whether its files are what they should be.
pub(super) fn tls(sections: Vec<Section<'_>>, files: &Files<'_>) -> Option<Vec<Tls>> {
    let mut taken = Vec::new();
    let all: Vec<_> = sections
        .into_iter()
        .map(|section| certificate(section, files, &mut taken))
        .collect();
    all.into_iter().collect()
}

fn certificate(mut section: Section<'_>, files: &Files<'_>, taken: &mut Vec<PathBuf>) -> Option<Tls> {
    let certificate = section
        .required(
            "certificate",
            "certificate = \"fullchain.pem\", the site's own certificate first",
        )
        .and_then(|value| {
            let path = pem(&value, files, "CERTIFICATE", "certificate")?;
            if taken.contains(&path) {
                return value.fault("stands there twice", "keep one of the two [[tls]]");
            }
            taken.push(path.clone());
            Some(path)
        });
    let key = section
        .required("key", "key = \"privkey.pem\", the private key of the certificate")
        .and_then(|value| pem(&value, files, "PRIVATE KEY", "private key"));
    section.finish();
    Some(Tls {
        certificate: certificate?,
        key: key?,
    })
}

/// Reads the name of a PEM file that holds what `label` says.
pub(super) fn pem(value: &Value<'_>, files: &Files<'_>, label: &str, what: &str) -> Option<PathBuf> {
    let path = files.path(value.string()?);
    let text = match files.read(&path) {
        Ok(text) => text,
        Err(unreadable) => return unreadable.named_by(value),
    };
    let holds = |line: &str| line.starts_with("-----BEGIN ") && line.trim_end().ends_with(&format!("{label}-----"));
    if !text.lines().any(holds) {
        return value.fault(
            format_args!("names a file that holds no {what}"),
            format!("name a PEM file with a {what}"),
        );
    }
    Some(path)
}

/// Reads `[limits]`.
pub(super) fn limits(mut section: Section<'_>) -> Limits {
    let default = Limits::default();
    let seconds = |from, to| Duration::from_secs(from)..=Duration::from_secs(to);
    let of = &mut section;
    let limits = Limits {
        connections: count(of, "connections", default.connections, 1..=1_000_000),
        exchanges: count(of, "exchanges", default.exchanges, 1..=1_000_000),
        head_bytes: usize::try_from(size(of, "head_bytes", default.head_bytes as u64, 8 << 10..=1 << 20))
            .unwrap_or(default.head_bytes),
        head_fields: count(of, "head_fields", default.head_fields, 16..=1_000),
        body_bytes: size(of, "body_bytes", default.body_bytes, 1 << 10..=1 << 40),
        head_time: time(of, "head_time", default.head_time, seconds(1, 600)),
        idle_time: time(of, "idle_time", default.idle_time, seconds(1, 3_600)),
        stall_time: time(of, "stall_time", default.stall_time, seconds(1, 3_600)),
        exchange_time: time(of, "exchange_time", default.exchange_time, seconds(1, 86_400)),
        drain_time: time(of, "drain_time", default.drain_time, seconds(1, 3_600)),
    };
    section.finish();
    limits
}

/// Reads `[resolver]`.
pub(super) fn resolver(mut section: Section<'_>) -> Resolver {
    let default = Resolver::default();
    let servers = section
        .optional("servers")
        .and_then(|value| value.items())
        .unwrap_or_default();
    let of = &mut section;
    let resolver = Resolver {
        servers: servers
            .iter()
            .filter_map(|value| value.socket_address(Some(53)))
            .collect(),
        deadline: time(
            of,
            "deadline",
            default.deadline,
            Duration::from_millis(10)..=Duration::from_secs(30),
        ),
        cache: count(of, "cache", default.cache, 16..=1_000_000),
        at_once: count(of, "at_once", default.at_once, 1..=10_000),
    };
    section.finish();
    resolver
}
