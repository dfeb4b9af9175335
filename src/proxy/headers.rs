//! Fields that belong to one connection only, and must not travel on (RFC 9110, section 7.6.1).
//!
//! No `Via` is added: it makes common servers stop compressing, and tells visitors what stands here.

use std::net::IpAddr;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Request, Response, Version};

use super::forwarded::{self, Asked, Told};
use super::target;
use crate::entry::UpstreamFailure;
use crate::fields;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");
const UPGRADE: HeaderValue = HeaderValue::from_static("upgrade");
const TRAILERS: HeaderValue = HeaderValue::from_static("trailers");

/// Always taken out. Content-Length stays: hyper has checked it, and frames the message anew by it.
const HOP_BY_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    KEEP_ALIVE,
    PROXY_CONNECTION,
];

/// What a `Connection` field cannot name away: without them a message means something else.
const PROTECTED: [HeaderName; 8] = [
    header::HOST,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::COOKIE,
    header::SET_COOKIE,
    header::AUTHORIZATION,
    header::CACHE_CONTROL,
    header::FORWARDED,
];

/// Makes a request fit for the CMS: origin-form, HTTP/1.1, nothing of the visitor's connection, and who asks. Whether
/// it asks to become a WebSocket.
pub(super) fn inbound<B>(request: &mut Request<B>, asked: &Asked, told: &Told, peer: IpAddr) -> bool {
    if request.uri().authority().is_some() {
        *request.uri_mut() = target::origin_form(request.uri());
    }
    *request.version_mut() = Version::HTTP_11;
    let upgrade = wants_websocket(request.headers());
    let trailers = takes_trailers(request.headers());
    let headers = request.headers_mut();
    let strangers = !asked.believes_claims();
    // An expectation is answered here, by hyper, when the CMS asks for the body.
    strip(headers, |name| {
        *name == header::EXPECT || (strangers && forwarded::is_claim(name))
    });
    if upgrade {
        headers.insert(header::CONNECTION, UPGRADE);
        headers.insert(header::UPGRADE, WEBSOCKET);
    }
    if trailers {
        headers.append(header::CONNECTION, HeaderValue::from_static("te"));
        headers.insert(header::TE, TRAILERS);
    }
    forwarded::tell(headers, asked, told, peer);
    upgrade
}

/// Makes an answer fit for the visitor.
///
/// # Errors
/// [`UpstreamFailure::Malformed`] for a Transfer-Encoding other than the one word `chunked`: its body is not what it
/// seems.
pub(super) fn outbound<B>(response: &mut Response<B>, upgraded: bool) -> Result<(), UpstreamFailure> {
    let headers = response.headers_mut();
    if is_chunked(headers) == Some(false) {
        return Err(UpstreamFailure::Malformed);
    }
    strip(headers, |_| false);
    if upgraded {
        headers.insert(header::CONNECTION, UPGRADE);
        headers.insert(header::UPGRADE, WEBSOCKET);
    }
    *response.version_mut() = Version::HTTP_11;
    Ok(())
}

/// Whether the Transfer-Encoding is the one word `chunked`; `None` without one.
pub(super) fn is_chunked(headers: &HeaderMap) -> Option<bool> {
    let mut codings = fields::all(headers, &header::TRANSFER_ENCODING);
    let plain = codings.next()?.as_bytes().eq_ignore_ascii_case(b"chunked");
    Some(plain && codings.next().is_none())
}

/// Whether a request asks to become a WebSocket: the one upgrade that we pass on.
fn wants_websocket(headers: &HeaderMap) -> bool {
    fields::first(headers, &header::UPGRADE)
        .is_some_and(|upgrade| upgrade.as_bytes().eq_ignore_ascii_case(b"websocket"))
        && nominated(headers).any(|name| name.eq_ignore_ascii_case(b"upgrade"))
}

/// Whether the visitor takes trailers: the one thing in `TE` that we pass on (RFC 9110, section 10.1.4).
fn takes_trailers(headers: &HeaderMap) -> bool {
    fields::all(headers, &header::TE)
        .flat_map(|field| field.as_bytes().split(|&byte| byte == b','))
        .any(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"trailers"))
}

/// Takes out of a message's trailers what belongs to a connection, or would mean something else there: framing,
/// routing, cookies, who asks (RFC 9110, section 6.5.1).
pub(super) fn trailers(fields: &mut HeaderMap) {
    strip(fields, |name| {
        PROTECTED.contains(name) || *name == header::TRAILER || *name == header::EXPECT || forwarded::is_claim(name)
    });
}

/// Removes what belongs to this connection, and what else is `unwanted`.
fn strip(headers: &mut HeaderMap, unwanted: impl Fn(&HeaderName) -> bool) {
    let named: Vec<HeaderName> = nominated(headers)
        .filter(|name| !name.eq_ignore_ascii_case(b"keep-alive") && !name.eq_ignore_ascii_case(b"close"))
        .filter_map(|name| HeaderName::from_bytes(name).ok())
        .filter(|name| !PROTECTED.contains(name))
        .collect();
    let goes = |name: &&HeaderName| HOP_BY_HOP.contains(name) || named.contains(name) || unwanted(name);
    // A look at each name costs less than asking for each that may be there, and seldom is one.
    while let Some(name) = headers.keys().find(goes).cloned() {
        headers.remove(name);
    }
}

/// The names in every Connection field, as bytes: one odd byte must not hide the others.
fn nominated(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    fields::all(headers, &header::CONNECTION)
        .flat_map(|field| field.as_bytes().split(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripped(fields: &[(&'static str, &'static str)]) -> Vec<String> {
        let mut headers: HeaderMap = HeaderMap::new();
        for &(name, value) in fields {
            headers.append(HeaderName::from_static(name), value.parse().expect("a value"));
        }
        strip(&mut headers, |_| false);
        let mut left: Vec<_> = headers.keys().map(|name| name.as_str().to_owned()).collect();
        left.sort();
        left
    }

    #[test]
    fn what_any_connection_line_names_goes() {
        let fields = [
            ("connection", "x-one, close"),
            ("connection", "\u{a0}junk ,X-Two"),
            ("x-one", "1"),
            ("x-two", "2"),
        ];
        assert_eq!(stripped(&fields[..1]), [""; 0]);
        let left = stripped(&fields);
        assert!(left.is_empty(), "{left:?}");
    }

    #[test]
    fn host_length_and_cookies_cannot_be_named_away() {
        let fields = [
            ("connection", "host, content-length, cookie"),
            ("host", "a"),
            ("content-length", "1"),
            ("cookie", "a=b"),
        ];
        assert_eq!(stripped(&fields), ["content-length", "cookie", "host"]);
    }

    #[test]
    fn an_upgrade_needs_both_its_fields() {
        let both = HeaderMap::from_iter([(header::CONNECTION, UPGRADE), (header::UPGRADE, WEBSOCKET)]);
        assert!(wants_websocket(&both));
        assert!(!wants_websocket(&HeaderMap::from_iter([(header::UPGRADE, WEBSOCKET)])));
        let h2c = HeaderMap::from_iter([
            (header::CONNECTION, UPGRADE),
            (header::UPGRADE, HeaderValue::from_static("h2c")),
        ]);
        assert!(!wants_websocket(&h2c));
    }
}
