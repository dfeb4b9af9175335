//! Who really asks: `X-Forwarded-*` and `Forwarded` (RFC 7239), believed from trusted proxies only, and told to the
//! CMS.

use std::net::IpAddr;

use http::header::{self, Entry, HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;

use crate::server::Connection;

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// Who asks, and how they reached the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// The visitor's address: the last one in the chain that is no trusted proxy.
    pub(super) client: IpAddr,
    /// Whether the visitor speaks TLS, with us or with a trusted proxy.
    pub(super) secure: bool,
    trusted: bool,
}

/// Reads who asks from the connection and, if it is a trusted proxy's, from the fields.
pub(super) fn asked(headers: &HeaderMap, connection: &Connection, proxies: &[IpNet]) -> Asked {
    let mut asked = Asked {
        client: connection.peer,
        secure: connection.secure,
        trusted: false,
    };
    if !is_trusted(proxies, connection.peer) {
        return asked;
    }
    asked.trusted = true;
    asked.client = client(headers, connection.peer, proxies);
    if let Some(proto) = headers.get(&PROTO) {
        asked.secure = proto.as_bytes().eq_ignore_ascii_case(b"https");
    }
    asked
}

/// What the CMS is told of a visitor that no trusted proxy speaks for: the same for a whole connection.
pub(super) struct Told {
    address: HeaderValue,
    element: HeaderValue,
    host: HeaderValue,
    scheme: HeaderValue,
}

impl Told {
    pub(super) fn new(peer: IpAddr, host: &HeaderValue, secure: bool) -> Self {
        Self {
            address: text(peer.to_string()),
            element: text(element(peer, host, secure)),
            host: host.clone(),
            scheme: scheme(secure),
        }
    }
}

/// Tells the CMS who asks. A stranger's own claims are gone by then ([`is_claim`]); a trusted proxy's are added to.
pub(super) fn tell(headers: &mut HeaderMap, asked: &Asked, told: &Told, peer: IpAddr) {
    if !asked.trusted {
        headers.insert(FOR, told.address.clone());
        headers.insert(header::FORWARDED, told.element.clone());
        headers.insert(PROTO, told.scheme.clone());
        headers.insert(HOST, told.host.clone());
        headers.insert(REAL_IP, told.address.clone());
        return;
    }
    append(headers, FOR, &peer.to_string());
    append(headers, header::FORWARDED, &element(peer, &told.host, asked.secure));
    if let Entry::Vacant(field) = headers.entry(PROTO) {
        field.insert(scheme(asked.secure));
    }
    if let Entry::Vacant(field) = headers.entry(HOST) {
        field.insert(told.host.clone());
    }
    headers.insert(REAL_IP, text(asked.client.to_string()));
}

/// One hop, as RFC 7239 writes it. The host was checked: it holds no quote.
fn element(peer: IpAddr, host: &HeaderValue, secure: bool) -> String {
    let peer = match peer {
        IpAddr::V4(peer) => peer.to_string(),
        IpAddr::V6(peer) => format!("\"[{peer}]\""),
    };
    let proto = if secure { "https" } else { "http" };
    format!(
        "for={peer};host=\"{}\";proto={proto}",
        host.to_str().unwrap_or_default()
    )
}

fn scheme(secure: bool) -> HeaderValue {
    HeaderValue::from_static(if secure { "https" } else { "http" })
}

/// Addresses and checked hosts are visible ASCII.
fn text(text: String) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("unknown"))
}

/// Whether a field is one by which proxies tell who asks. An underscore counts as a hyphen: CGI cannot tell them apart.
pub(super) fn is_claim(name: &HeaderName) -> bool {
    const CLAIMS: [&str; 8] = [
        "forwarded",
        "x-real-ip",
        "x-client-ip",
        "x-cluster-client-ip",
        "x-original-host",
        "x-original-forwarded-for",
        "true-client-ip",
        "client-ip",
    ];
    let name = name.as_str();
    if !name.starts_with(['f', 'x', 't', 'c']) {
        return false;
    }
    let same = |claim: &str, name: &str| {
        let hyphen = |byte| if byte == b'_' { b'-' } else { byte };
        claim.len() == name.len() && claim.bytes().eq(name.bytes().map(hyphen))
    };
    name.get(..12).is_some_and(|start| same("x-forwarded-", start)) || CLAIMS.iter().any(|claim| same(claim, name))
}

impl Asked {
    /// Whether the fields by which proxies tell who asks may stay.
    pub(super) fn believes_claims(&self) -> bool {
        self.trusted
    }
}

fn is_trusted(proxies: &[IpNet], address: IpAddr) -> bool {
    proxies.iter().any(|network| network.contains(&address))
}

/// Walks the chain from its near end: each trusted proxy tells of the hop before it. What cannot be read ends the walk.
pub(super) fn client(headers: &HeaderMap, peer: IpAddr, proxies: &[IpNet]) -> IpAddr {
    let mut client = peer;
    let fields: Vec<&[u8]> = if headers.contains_key(&FOR) {
        headers.get_all(&FOR).iter().map(HeaderValue::as_bytes).collect()
    } else {
        headers
            .get_all(header::FORWARDED)
            .iter()
            .map(HeaderValue::as_bytes)
            .collect()
    };
    for element in fields.iter().rev().flat_map(|field| field.rsplit(|&byte| byte == b',')) {
        let Some(hop) = hop(element) else { break };
        client = hop;
        if !is_trusted(proxies, hop) {
            break;
        }
    }
    client
}

/// The address in one element of `X-Forwarded-For` or `Forwarded`, its port left out.
fn hop(element: &[u8]) -> Option<IpAddr> {
    let element = std::str::from_utf8(element).ok()?.trim();
    let node = match element.split(';').find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        name.eq_ignore_ascii_case("for").then_some(value)
    }) {
        Some(node) => node.trim_matches('"'),
        None => element,
    };
    let bare = match node.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        None if node.matches(':').count() == 1 => node.split_once(':')?.0,
        None => node,
    };
    bare.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// Adds an element to a list, in one line.
fn append(headers: &mut HeaderMap, name: HeaderName, element: &str) {
    let mut line: Vec<u8> = Vec::new();
    for value in headers.get_all(&name) {
        line.extend_from_slice(value.as_bytes());
        line.extend_from_slice(b", ");
    }
    line.extend_from_slice(element.as_bytes());
    if let Ok(value) = HeaderValue::from_maybe_shared(bytes::Bytes::from(line)) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        fields
            .iter()
            .map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    fn seen(fields: &[(&'static str, &'static str)]) -> String {
        let proxies = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        client(&headers(fields), "10.0.0.1".parse().unwrap(), &proxies).to_string()
    }

    #[test]
    fn the_client_is_the_last_hop_that_no_trusted_proxy_is() {
        assert_eq!(seen(&[]), "10.0.0.1");
        assert_eq!(seen(&[("x-forwarded-for", "203.0.113.7")]), "203.0.113.7");
        assert_eq!(
            seen(&[("x-forwarded-for", "6.6.6.6, 203.0.113.7, 10.2.0.9")]),
            "203.0.113.7"
        );
        assert_eq!(
            seen(&[("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "203.0.113.7")]),
            "203.0.113.7"
        );
        assert_eq!(seen(&[("x-forwarded-for", "203.0.113.7, junk")]), "10.0.0.1");
        assert_eq!(seen(&[("x-forwarded-for", "[2001:db8::7]:4711")]), "2001:db8::7");
        assert_eq!(seen(&[("x-forwarded-for", "203.0.113.7:4711")]), "203.0.113.7");
        assert_eq!(seen(&[("x-forwarded-for", "::ffff:203.0.113.7")]), "203.0.113.7");
    }

    #[test]
    fn forwarded_is_read_where_there_is_no_x_forwarded_for() {
        assert_eq!(
            seen(&[("forwarded", "for=6.6.6.6, For=\"[2001:db8::7]\";proto=https")]),
            "2001:db8::7"
        );
        assert_eq!(seen(&[("forwarded", "for=_hidden")]), "10.0.0.1");
    }

    #[test]
    fn claims_are_known_in_every_spelling_that_a_cgi_program_mixes_up() {
        for name in [
            "x-forwarded-for",
            "x_forwarded_for",
            "x-forwarded_proto",
            "x-real-ip",
            "forwarded",
            "client_ip",
        ] {
            assert!(is_claim(&HeaderName::from_static(name)), "{name}");
        }
        for name in ["x-requested-with", "cookie", "content-type", "x-forward", "from"] {
            assert!(!is_claim(&HeaderName::from_static(name)), "{name}");
        }
    }
}
