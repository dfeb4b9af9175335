//! The mark of the first page: a cookie that says that a page of this site was seen before, and nothing else.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};

use crate::policy::FirstPage;

/// The line that sets it, for the host alone and the session of the browser. A value that is the same for everybody
/// identifies nobody.
pub(super) fn line(mark: &FirstPage, secure: bool) -> Vec<u8> {
    let flags: &[u8] = if secure { b"; Secure" } else { b"" };
    [mark.name.as_bytes(), b"=1; Path=/; HttpOnly; SameSite=Lax", flags].concat()
}

/// Whether an answer shows a page: HTML that is there, or that the browser still has (304). A redirect shows none; the
/// page that it leads to is the first.
pub(super) fn shows_a_page(status: StatusCode, headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(|kind| kind.as_bytes());
    let starts = |kind: &[u8], with: &[u8]| kind.len() >= with.len() && kind[..with.len()].eq_ignore_ascii_case(with);
    let is_html = kind.map(|kind| starts(kind, b"text/html") || starts(kind, b"application/xhtml+xml"));
    match status {
        StatusCode::NOT_MODIFIED => is_html != Some(false),
        status => status.is_success() && is_html == Some(true),
    }
}
