//! How much of a text is kept.

use http::Method;

/// How many bytes of a text a line holds, escapes included. What is longer ends in `[cut]`.
///
/// With these no line is longer than 4,095 bytes: GoAccess 1.7 reads no more, nobody can fill the disk with URLs, and
/// what waits for the disk has a bound in bytes too.
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

/// As much of `text` as a line holds, and one byte more if it is longer, by which the encoder knows.
pub(super) fn short(text: &[u8], limit: Limit) -> &[u8] {
    &text[..text.len().min(limit as usize + 1)]
}

/// The same of a text of ours.
pub(super) fn shorten(mut text: Vec<u8>, limit: Limit) -> Vec<u8> {
    text.truncate(limit as usize + 1);
    text
}

/// The same of a method, which is any token (RFC 9110, section 9.1), and so ASCII.
pub(super) fn method(method: &Method) -> &str {
    let name = method.as_str();
    name.get(..=Limit::Method as usize).unwrap_or(name)
}
