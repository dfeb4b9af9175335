//! For which site and resource a request is: its Host and target, checked before anything else is believed.
//!
//! hyper checks neither (RFC 9112, sections 3.2 and 3.3), so every rule is here.

use std::net::Ipv6Addr;
use std::rc::Rc;
use std::str::FromStr;

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderValue, Method, Request, Uri, Version, header};

use super::forwarded::Told;
use super::headers::is_chunked;
use crate::entry::Refusal;
use crate::fields;
use crate::server::{Connection, Edition};

/// What the requests of one connection with one Host have in common. It is worked out for the first of them and kept
/// with the connection.
pub(crate) struct Named {
    /// The Host field as it came.
    field: HeaderValue,
    /// The host without its port, in lower case.
    pub(super) host: Box<str>,
    /// By which edition of the configuration.
    edition: u64,
    /// The site's place in its list; `None` if it is no site of ours.
    pub(super) place: Option<usize>,
    /// What the CMS is told of a visitor that no trusted proxy speaks for.
    pub(super) told: Told,
}

/// Finds out for which host a request is.
///
/// # Errors
/// [`Refusal::Host`] for none, more than one, one that is no host, or one that differs from an absolute target;
/// [`Refusal::Target`] for CONNECT and for targets that are neither a path, nor a URL, nor the `*` of OPTIONS.
pub(super) fn named<B>(request: &Request<B>, connection: &Connection, edition: &Edition) -> Result<Rc<Named>, Refusal> {
    check_form(request.method(), request.uri())?;
    let field = host_field(request.headers())?;
    let mut known = connection.named.borrow_mut();
    if let Some(known) = known
        .as_ref()
        .filter(|known| known.field == field && known.edition == edition.shared.number)
        && request.uri().authority().is_none()
    {
        return Ok(Rc::clone(known));
    }
    let host = host(field, request.uri())?;
    // A copy: what was sent is a piece of the connection's buffer, which an idle connection would hold for it.
    let field = HeaderValue::from_bytes(field.as_bytes()).map_err(|_| Refusal::Host)?;
    let named = Rc::new(Named {
        edition: edition.shared.number,
        place: edition.place(&host),
        told: Told::new(connection.peer, &field, connection.secure),
        host,
        field,
    });
    *known = Some(Rc::clone(&named));
    Ok(named)
}

/// The host that a Host field names, where an absolute target names no other.
pub(super) fn host(field: &HeaderValue, target: &Uri) -> Result<Box<str>, Refusal> {
    let authority = authority(field)?;
    match target.authority() {
        Some(other) if !same(other, &authority, target.scheme()) => Err(Refusal::Host),
        _ => Ok(name(authority.host())),
    }
}

/// A host as the configuration has it: lower case, IPv6 addresses without brackets and in their short form.
fn name(host: &str) -> Box<str> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match bare.and_then(|bare| bare.parse::<Ipv6Addr>().ok()) {
        Some(address) => address.to_string().into(),
        None => host.to_ascii_lowercase().into(),
    }
}

/// The target as an origin server wants it: a path and query, or `*`. Its bytes stay as they came.
pub(super) fn origin_form(target: &Uri) -> Uri {
    if target.authority().is_none() {
        return target.clone();
    }
    let path = target
        .path_and_query()
        .filter(|path| path.as_str() != "/") // that of a fragment alone says so too, and is written as nothing
        .cloned()
        .unwrap_or_else(|| PathAndQuery::from_static("/"));
    Uri::from(path)
}

pub(super) fn check_form(method: &Method, target: &Uri) -> Result<(), Refusal> {
    let absolute = target
        .scheme()
        .is_some_and(|scheme| *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS);
    let asterisk = method == Method::OPTIONS && target.path() == "*";
    let origin = target.scheme().is_none() && target.authority().is_none() && target.path().starts_with('/');
    if method == Method::CONNECT || !(absolute || asterisk || origin) {
        return Err(Refusal::Target);
    }
    Ok(())
}

fn host_field(headers: &HeaderMap) -> Result<&HeaderValue, Refusal> {
    let mut fields = headers.get_all(header::HOST).iter();
    match (fields.next(), fields.next()) {
        (Some(field), None) => Ok(field),
        _ => Err(Refusal::Host),
    }
}

fn authority(field: &HeaderValue) -> Result<Authority, Refusal> {
    let text = field.to_str().map_err(|_| Refusal::Host)?;
    if text.contains('@') || text.ends_with(':') {
        return Err(Refusal::Host);
    }
    let authority = Authority::from_str(text).map_err(|_| Refusal::Host)?;
    let port = &text[authority.host().len()..];
    if authority.host().is_empty() || !(port.is_empty() || authority.port_u16().is_some()) {
        return Err(Refusal::Host);
    }
    Ok(authority)
}

/// Whether a Host field and an absolute target name one host and port.
fn same(target: &Authority, field: &Authority, scheme: Option<&Scheme>) -> bool {
    let default = if scheme == Some(&Scheme::HTTPS) { 443 } else { 80 };
    let port = |authority: &Authority| authority.port_u16().unwrap_or(default);
    !target.as_str().contains('@') && target.host().eq_ignore_ascii_case(field.host()) && port(target) == port(field)
}

/// Framing and expectations that we do not forward: what hyper lets through raw, we do not.
///
/// A length beside `chunked` is not seen here: hyper obeys the chunks, takes the length away and closes the connection
/// after the exchange, as RFC 9112, section 6.1, allows. The CMS gets the one framing that was obeyed.
///
/// # Errors
/// [`Refusal::Malformed`] for a Transfer-Encoding that is not the one word `chunked` or comes with HTTP/1.0 (RFC 9112,
/// section 6.1); [`Refusal::Expectation`] for anything but `100-continue` (RFC 9110, section 10.1.1);
/// [`Refusal::BodyTooLarge`] where the length already says so.
pub(super) fn check_framing<B: http_body::Body>(request: &Request<B>, body_bytes: u64) -> Result<(), Refusal> {
    let headers = request.headers();
    if is_chunked(headers).is_some_and(|plain| !plain || request.version() < Version::HTTP_11) {
        return Err(Refusal::Malformed);
    }
    let mut expectations = fields::all(headers, &header::EXPECT);
    if expectations.any(|expect| !expect.as_bytes().eq_ignore_ascii_case(b"100-continue")) {
        return Err(Refusal::Expectation);
    }
    if request
        .body()
        .size_hint()
        .exact()
        .is_some_and(|bytes| bytes > body_bytes)
    {
        return Err(Refusal::BodyTooLarge);
    }
    Ok(())
}
