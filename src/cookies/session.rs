//! Listed cookies that end by themselves: what becomes of a sealed value that a request brings, and of a value that the
//! CMS sets.
//!
//! A session begins with the first value that the CMS sets, and goes on in every value that it sets while the browser
//! still brings one: an answer that sets the cookie anew does not make it young again. When it was last used is in the
//! seal, and renewing that takes a `Set-Cookie`. So it is done seldom: with a page, once a tenth of the idle time has
//! gone; with anything else, once half of it has; never where the CMS sets the cookie itself. The answers to images and
//! styles stay as cacheable as they were, and an answer that arrives after that of a log-in, to a request that was sent
//! before it, hardly ever puts back the value of before.

use super::set_cookie::{ATTRIBUTE_BYTES_MAX, attributes, pair_span, value_of};
use super::{Exchange, Judged, JudgedCrumb, Navigation, Verdict};
use crate::cookies::seal::Content;
use crate::policy::Ends;

/// Browsers ignore a longer name and value (RFC 6265bis, section 5.6).
const PAIR_BYTES_MAX: usize = 4096;

/// A sealed value of a request.
pub(super) enum Opened {
    /// It holds.
    Held(Held),
    /// Its session is over.
    Ended(Held),
    /// It was not sealed here, for this site and name, with one of these keys.
    NotGenuine,
}

/// A cookie that was opened. It holds a visitor's cookie, so it has no `Debug`: it cannot be printed.
pub(super) struct Held {
    name: Box<[u8]>,
    content: Content,
    /// Whether its last use is to be sealed anew.
    renew: bool,
}

impl Held {
    /// As the CMS set it.
    pub(super) fn crumb(&self) -> Vec<u8> {
        [&self.name, &b"="[..], &self.content.value].concat()
    }

    /// The line that deletes it, with the attributes it was set with.
    pub(super) fn deletion(&self) -> Vec<u8> {
        [&self.name, &b"=; Max-Age=0"[..], &self.content.attributes].concat()
    }
}

impl Exchange<'_> {
    /// Opens what a browser sent as the value of a cookie that ends.
    pub(super) fn open(&self, crumb: &JudgedCrumb<'_>, ends: &Ends) -> Opened {
        let value = crumb.crumb.get(crumb.name.len() + 1..).unwrap_or_default();
        let opened = self.keys.and_then(|keys| keys.open(self.site, crumb.name, value));
        let Some(mut content) = opened else {
            return Opened::NotGenuine;
        };
        let now = self.clock.now().as_second();
        let since = |time: i64| u64::try_from(now.saturating_sub(time)).unwrap_or(0); // a clock may have been set back
        let (age, unused) = (since(content.begun), since(content.used));
        let over = ends.absolute.is_some_and(|most| age >= most.as_secs())
            || ends.idle.is_some_and(|most| unused >= most.as_secs())
            || (ends.when_leaving && self.navigation == Navigation::Entry);
        let soon = if self.navigation == Navigation::None { 2 } else { 10 };
        let renew = ends.idle.is_some_and(|most| unused >= most.as_secs() / soon);
        content.used = content.used.max(now);
        let held = Held {
            name: crumb.name.into(),
            content,
            renew,
        };
        if over { Opened::Ended(held) } else { Opened::Held(held) }
    }

    /// A line of the CMS, limited already, with its value sealed. `held` are the cookies that the request brought.
    ///
    /// # Errors
    /// The verdict on a line that cannot be sealed, and so does not pass.
    pub(super) fn sealed(&self, judged: &Judged<'_>, line: &[u8], held: &[Held]) -> Result<Vec<u8>, Verdict> {
        let name = judged.name;
        let now = self.clock.now().as_second();
        let begun = held
            .iter()
            .filter(|held| *held.name == *name)
            .map(|held| held.content.begun)
            .min();
        let mut kept = line[pair_span(line).len()..].to_vec();
        if !has_path(line)
            && let Some(path) = default_path(self.path)
        {
            // Browsers take it from the address that they asked for; a later answer is to another one.
            kept.extend_from_slice(b"; Path=");
            kept.extend_from_slice(path.as_bytes());
        }
        let content = Content {
            begun: begun.unwrap_or(now),
            used: now,
            attributes: kept.into(),
            value: value_of(line).into(),
        };
        self.line(name, &content)
    }

    /// The line that renews a cookie, if that is due.
    pub(super) fn renewal(&self, held: &Held) -> Option<Vec<u8>> {
        held.renew.then(|| self.line(&held.name, &held.content).ok()).flatten()
    }

    fn line(&self, name: &[u8], content: &Content) -> Result<Vec<u8>, Verdict> {
        let sealed = self.keys.and_then(|keys| keys.seal(self.site, name, content));
        let sealed = sealed.ok_or(Verdict::Stripped)?;
        if name.len() + sealed.len() > PAIR_BYTES_MAX {
            return Err(Verdict::TooLong);
        }
        Ok([name, b"=", sealed.as_bytes(), &content.attributes].concat())
    }
}

/// What the CMS sets itself is not renewed with what it was before.
pub(super) fn set_anew(held: &mut [Held], name: &[u8]) {
    let same = held.iter_mut().filter(|held| *held.name == *name);
    same.for_each(|held| held.renew = false);
}

/// Whether the last `Path` of a line is one that browsers take (RFC 6265bis, section 5.6.4).
fn has_path(line: &[u8]) -> bool {
    let paths =
        attributes(line).filter(|attribute| attribute.is("Path") && attribute.value.len() <= ATTRIBUTE_BYTES_MAX);
    paths.last().is_some_and(|path| path.value.starts_with(b"/"))
}

/// The path of a cookie that names none (RFC 6265bis, section 5.1.4); `None` if no attribute can say it.
fn default_path(asked: &str) -> Option<&str> {
    let path = match asked.rfind('/') {
        Some(0) | None => "/",
        Some(last) if asked.starts_with('/') => &asked[..last],
        Some(_) => "/",
    };
    (path.len() <= ATTRIBUTE_BYTES_MAX && !path.contains(';')).then_some(path)
}
