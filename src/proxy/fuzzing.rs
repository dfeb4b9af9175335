//! Doors for `fuzz/`, which is another crate; in no other build.

use std::net::IpAddr;

use http::{HeaderMap, HeaderValue, Method, Uri};
use ipnet::IpNet;

use super::{forwarded, headers, refusal, target};
use crate::policy::Lang;

/// The visitor behind trusted proxies.
pub fn client(fields: &HeaderMap, peer: IpAddr, proxies: &[IpNet]) -> IpAddr {
    forwarded::client(fields, peer, proxies)
}

/// What is left of trailers.
pub fn trailers(fields: &mut HeaderMap) {
    headers::trailers(fields);
}

/// Whether English comes before Polish.
pub fn is_english_preferred(fields: &HeaderMap) -> bool {
    refusal::preferred(fields.get_all(http::header::ACCEPT_LANGUAGE)) == Lang::En
}

/// The host that a request is for, and its target for the CMS; `None` if it is refused.
pub fn destination(method: &Method, uri: &Uri, field: &HeaderValue) -> Option<(Box<str>, Uri)> {
    target::check_form(method, uri).ok()?;
    let host = target::host(field, uri).ok()?;
    Some((host, target::origin_form(uri)))
}
