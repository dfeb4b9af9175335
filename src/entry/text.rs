//! How much of a text is kept.

use http::Method;

/// How many bytes of a text a line holds, escapes included. What is longer ends in `[cut]`.
///
/// With these no line is longer than 4,095 bytes: GoAccess 1.7 reads no more, nobody can fill the disk with URLs, and a
/// queue of entries has a bound in bytes too.
#[derive(Clone, Copy)]
pub(super) enum Limit {
    /// A method's name.
    Method = 32,
    /// A user's name.
    User = 128,
    /// A host's name.
    Host = 256,
    /// An agent.
    Agent = 512,
    /// A path, a query or a referrer.
    Url = 768,
}

/// A copy of as much of `text` as a line holds, and one byte more if it is longer, by which the encoder knows.
///
/// A copy, because what was sent is a piece of the connection's buffer: an entry that waits for the disk would hold all
/// of that, cookies included.
pub(super) fn copy(text: &[u8], limit: Limit) -> Box<[u8]> {
    text[..text.len().min(limit as usize + 1)].into()
}

/// The same of a method, which is any token (RFC 9110, section 9.1).
pub(super) fn bounded(method: Method) -> Option<Method> {
    let name = method.as_str().as_bytes();
    if name.len() <= Limit::Method as usize {
        Some(method)
    } else {
        Method::from_bytes(&copy(name, Limit::Method)).ok()
    }
}

/// The same of a path and query, each as far as a line holds it.
pub(super) fn copy_url(url: &[u8]) -> Box<[u8]> {
    let (path, query) = url.split_at(memchr::memchr(b'?', url).unwrap_or(url.len()));
    let (path_end, query_end) = (
        path.len().min(Limit::Url as usize + 1),
        query.len().min(Limit::Url as usize + 2),
    );
    if (path_end, query_end) == (path.len(), query.len()) {
        return url.into();
    }
    [&path[..path_end], &query[..query_end]].concat().into()
}
