//! Where the CMS is.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::load::time;
use super::{Upstream, host};
use crate::reader::{Section, Value};

/// Reads `[site.upstream]`. `listeners` are our own: an upstream that is one of them would ask us for ever.
pub(super) fn upstream(mut section: Section<'_>, listeners: &[SocketAddr]) -> Option<Upstream> {
    let place = section
        .required("url", "url = \"http://cms:80\", where the CMS answers")
        .and_then(|value| {
            let (host, port) = url(&value)?;
            if listeners.iter().any(|listener| reaches(*listener, &host, port)) {
                return value.fault("is where townclerk itself listens", "write where the CMS answers");
            }
            Some((host, port))
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
    section.finish();
    let (host, port) = place?;
    Some(Upstream {
        host,
        port,
        connect_timeout,
        answer_timeout,
        idle_timeout,
    })
}

fn url(value: &Value<'_>) -> Option<(String, u16)> {
    const LIKE: &str = "write it like \"http://cms:80\"";
    let written = value.string()?;
    if written.contains('@') {
        return value.fault_unseen("holds a user name or a password", LIKE);
    }
    let Some(rest) = written.strip_prefix("http://") else {
        let remedy = match written.split_once("://") {
            Some(("https", _)) => {
                "townclerk reaches the CMS over plain HTTP: write it like \"http://cms:80\"".to_owned()
            }
            Some(_) => LIKE.to_owned(),
            None => format!("write \"http://{written}\""),
        };
        return value.fault("does not start with http://", remedy);
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if !matches!(path, "" | "/") {
        let remedy = format!("write \"http://{authority}\"; visitors' paths are passed on as they come");
        return value.fault("has a path or query", remedy);
    }
    let (name, port) = match authority.rsplit_once(':') {
        // The last colon of "[::1]" is not before a port.
        Some((name, port)) if !port.ends_with(']') => match port.parse() {
            Ok(port) if port != 0 => (name, port),
            _ => return value.fault("has no valid port", "write a port from 1 to 65535"),
        },
        _ => (authority, 80),
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
