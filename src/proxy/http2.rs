//! A request that came over HTTP/2, as HTTP/1.1 would have written it (RFC 9113, section 8.3.1).

use std::str::FromStr;

use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Request, Version, header};

use super::target;
use crate::entry::Refusal;

/// Writes `:authority` as Host, the target as a path, and the crumbs of `Cookie` as one field (section 8.2.3).
///
/// # Errors
/// [`Refusal::Host`] where `:authority` and Host differ.
pub(super) fn rewrite<B>(request: &mut Request<B>) -> Result<(), Refusal> {
    if request.version() != Version::HTTP_2 {
        return Ok(());
    }
    join_crumbs(request.headers_mut());
    let Some(authority) = request.uri().authority().cloned() else {
        return Ok(()); // Host stands alone, as in HTTP/1.1
    };
    if request.method() == http::Method::CONNECT {
        return Ok(()); // it has no path, and is refused as it is
    }
    let field = HeaderValue::from_str(authority.as_str()).map_err(|_| Refusal::Host)?;
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let same = |host: &HeaderValue| {
        let host = host.to_str().ok().and_then(|host| Authority::from_str(host).ok());
        host.is_some_and(|host| host == authority)
    };
    match (hosts.next(), hosts.next()) {
        (None, _) => {}
        (Some(host), None) if same(host) => {}
        _ => return Err(Refusal::Host),
    }
    request.headers_mut().insert(header::HOST, field);
    *request.uri_mut() = target::origin_form(request.uri());
    Ok(())
}

fn join_crumbs(headers: &mut HeaderMap) {
    let mut crumbs = headers.get_all(header::COOKIE).iter();
    let (Some(first), Some(second)) = (crumbs.next(), crumbs.next()) else {
        return;
    };
    let mut whole = first.as_bytes().to_vec();
    for crumb in [second].into_iter().chain(crumbs) {
        whole.extend_from_slice(b"; ");
        whole.extend_from_slice(crumb.as_bytes());
    }
    if let Ok(whole) = HeaderValue::from_maybe_shared(bytes::Bytes::from(whole)) {
        headers.insert(header::COOKIE, whole);
    }
}
