//! The fields beside `Set-Cookie` that must change with it: what caches may store, and `Clear-Site-Data`.

use bytes::Bytes;
use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::set_cookie::trim;
use crate::fields;

const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

/// What shared caches read before `Cache-Control` (RFC 9213; Edge Architecture Specification; nginx).
const TARGETED: [HeaderName; 3] = [
    HeaderName::from_static("cdn-cache-control"),
    HeaderName::from_static("surrogate-control"),
    HeaderName::from_static("x-accel-expires"),
];

/// Keeps an answer out of shared caches that its `Set-Cookie` kept out so far: most of them store no answer that has
/// one. An answer that is `private` or `no-store` already, without naming fields, stays as it is.
pub(super) fn keep_private(headers: &mut HeaderMap) {
    for name in TARGETED {
        headers.remove(name);
    }
    let lines = headers.get_all(CACHE_CONTROL);
    if lines.iter().any(|line| is_private(line.as_bytes())) {
        return;
    }
    // In front, so that an unfinished quoted string behind it cannot swallow it, and in one line, for readers of the
    // first.
    let mut joined = b"private".to_vec();
    for line in lines.iter().filter(|line| !line.is_empty()) {
        joined.extend_from_slice(b", ");
        joined.extend_from_slice(line.as_bytes());
    }
    let private = HeaderValue::from_maybe_shared(Bytes::from(joined));
    // Parts of valid values are valid; were they not, less would be cached, not more.
    let _ = headers.try_insert(
        CACHE_CONTROL,
        private.unwrap_or(const { HeaderValue::from_static("private") }),
    );
}

fn is_private(cache_control: &[u8]) -> bool {
    let mut quoted = false;
    let ends_directive = |byte: &u8| {
        quoted ^= *byte == b'"';
        *byte == b',' && !quoted
    };
    cache_control
        .split(ends_directive)
        .map(trim)
        .any(|directive| directive.eq_ignore_ascii_case(b"private") || directive.eq_ignore_ascii_case(b"no-store"))
}

/// Drops `Clear-Site-Data` where it speaks of cookies, by name or by `*`: it would clear those of the whole registrable
/// domain, and with them the log-ins of sibling departments. Other data are the CMS's affair.
pub(super) fn spare_the_siblings(headers: &mut HeaderMap) {
    let clears_cookies = |line: &HeaderValue| {
        let line = line.as_bytes();
        line.contains(&b'*') || line.windows(7).any(|word| word.eq_ignore_ascii_case(b"cookies"))
    };
    if fields::all(headers, &CLEAR_SITE_DATA).any(clears_cookies) {
        headers.remove(CLEAR_SITE_DATA);
    }
}
