//! Doors for `fuzz/`, which is another crate; in no other build.

use jiff::Timestamp;
use url::Url;

use super::jar::Jar;
use super::page::{self, Page};

/// Every address in a page that was found at this one: what it links to, calls, and sends its reader to.
pub fn page(html: &[u8], at: &Url) -> Vec<Url> {
    let Page {
        links, calls, refresh, ..
    } = page::read(html, at);
    let links = links.into_iter().map(|link| link.to);
    links
        .chain(calls.into_iter().map(|(_, url)| url))
        .chain(refresh)
        .collect()
}

/// Every address that a style sheet which was found at this one calls.
pub fn sheet(css: &str, at: &Url) -> Vec<Url> {
    page::sheet(css, at).into_iter().map(|(_, url)| url).collect()
}

/// The `Cookie` field for `/`, after an empty jar has obeyed these lines one after the other.
pub fn cookies<'l>(lines: impl IntoIterator<Item = &'l str>, now: Timestamp) -> Option<String> {
    let mut jar = Jar::of("um.example.pl");
    lines.into_iter().for_each(|line| jar.obey(line, "/", now));
    jar.field("/", now)
}
