//! One `Set-Cookie` line: what it is, what becomes of it, and why.
//!
//! A line is a pair and attributes, each from its `;` to the next (RFC 6265bis, section 5.6). Nothing is taken apart
//! and put together again: the spans of `Max-Age` and `Expires` are left out, flags are appended, every other byte
//! stays.

use std::borrow::Cow;

use super::Verdict;
use super::lifetime::{cookie_date, max_age_ends};
use super::name::{Prefix, Standing};
use crate::clock::Clock;
use crate::policy::{Cookies, Text, Unlisted};

/// A longer value makes browsers ignore the attribute (RFC 6265bis, section 5.6).
pub(super) const ATTRIBUTE_BYTES_MAX: usize = 1024;

const SECURE: &[u8] = b"; Secure";
const LAX: &[u8] = b"; SameSite=Lax";

/// What becomes of a `Set-Cookie` line. It holds the cookie's value, so it has no `Debug`: it cannot be printed.
pub struct Judged<'a> {
    /// The cookie's name; empty if it has none.
    pub name: &'a [u8],
    /// Whether the policy lists it.
    pub standing: Standing<'a>,
    /// What becomes of the line.
    pub verdict: Verdict,
    line: &'a [u8],
    /// The line without its lifetimes, if it has any and may pass.
    cut: Option<Vec<u8>>,
    add_secure: bool,
    add_lax: bool,
}

/// Judges a `Set-Cookie` line by itself. `secure`: whether the visitor reached the site over TLS. The clock is asked
/// only if it takes an `Expires` to tell whether the line is a deletion.
pub fn judge<'a>(line: &'a [u8], rules: &'a Cookies, secure: bool, clock: &Clock) -> Judged<'a> {
    let (name, value) = pair(line);
    let standing = Standing::of(name, value, rules);
    let may_pass = match standing {
        Standing::Malformed | Standing::Mark(_) => false,
        Standing::Unlisted => rules.unlisted == Unlisted::Limit,
        Standing::Listed { .. } => true,
    };
    let facts = Facts::of(line, may_pass);
    // On plain HTTP, Secure would make the cookie vanish; a prefixed name has its own rules, which are the CMS's
    // affair.
    let add_secure = secure && !facts.secure && Prefix::of(name).is_none();
    let add_lax = facts.same_site == SameSite::Default;

    let is_empty = name.is_empty() && standing == Standing::Malformed;
    let verdict = if is_ignored_by_browsers(line) || is_empty || matches!(standing, Standing::Mark(_)) {
        Verdict::Stripped
    } else if facts.is_deletion(line, clock) {
        Verdict::Deletion
    } else {
        let changes = facts.cut.is_some() || add_secure || add_lax || standing.ends().is_some();
        match may_pass {
            false => Verdict::Stripped,
            true if changes => Verdict::Limited,
            true => Verdict::Passed,
        }
    };
    Judged {
        name,
        standing,
        verdict,
        line,
        cut: facts.cut,
        add_secure,
        add_lax,
    }
}

impl<'a> Judged<'a> {
    /// The line as the browser gets it, not sealed yet if its cookie ends by itself: borrowed if nothing changes,
    /// `None` if it gets nothing.
    pub fn line(&self) -> Option<Cow<'a, [u8]>> {
        match self.verdict {
            Verdict::Stripped | Verdict::TooLong | Verdict::Ended | Verdict::NotGenuine => None,
            Verdict::Passed | Verdict::Deletion => Some(Cow::Borrowed(self.line)),
            Verdict::Limited => Some(Cow::Owned(self.limited())),
        }
    }

    /// What the policy says that the cookie remembers, if it lists it.
    pub fn purpose(&self) -> Option<&'a Text> {
        self.standing.purpose()
    }

    fn limited(&self) -> Vec<u8> {
        let secure = if self.add_secure { SECURE } else { b"" };
        let lax = if self.add_lax { LAX } else { b"" };
        let kept = self.cut.as_deref().unwrap_or(self.line);
        let mut line = Vec::with_capacity(kept.len() + secure.len() + lax.len());
        line.extend_from_slice(kept);
        line.extend_from_slice(secure);
        line.extend_from_slice(lax);
        line
    }
}

/// What the attributes of a line come to.
struct Facts {
    /// The line without all `Max-Age` and `Expires` spans, if there are any and it was asked for.
    cut: Option<Vec<u8>>,
    /// Whether the last valid `Max-Age` ends the cookie.
    max_age_ends: Option<bool>,
    expires: bool,
    secure: bool,
    same_site: SameSite,
}

/// What the last `SameSite` says, `Default` being none or none that browsers know (RFC 6265bis, section 5.6.7).
#[derive(Clone, Copy, PartialEq, Eq)]
enum SameSite {
    Default,
    Stated,
}

impl Facts {
    fn of(line: &[u8], may_pass: bool) -> Self {
        let mut facts = Self {
            cut: None,
            max_age_ends: None,
            expires: false,
            secure: false,
            same_site: SameSite::Default,
        };
        for attribute in attributes(line) {
            let kind = attribute.kind();
            if matches!(kind, Kind::MaxAge | Kind::Expires) {
                if may_pass && facts.cut.is_none() {
                    let mut before = Vec::with_capacity(line.len());
                    before.extend_from_slice(&line[..attribute.start]);
                    facts.cut = Some(before);
                }
            } else if let Some(cut) = &mut facts.cut {
                cut.extend_from_slice(attribute.span);
            }
            if attribute.value.len() > ATTRIBUTE_BYTES_MAX {
                continue;
            }
            match kind {
                Kind::MaxAge => facts.max_age_ends = max_age_ends(attribute.value).or(facts.max_age_ends),
                Kind::Expires => facts.expires = true,
                Kind::Secure => facts.secure = true,
                Kind::SameSite => {
                    let known = ["Strict", "Lax", "None"]
                        .iter()
                        .any(|word| is_same(attribute.value, word));
                    facts.same_site = if known { SameSite::Stated } else { SameSite::Default };
                }
                Kind::Other => {}
            }
        }
        facts
    }

    /// Max-Age goes before Expires, and of each the last valid one counts (RFC 6265bis, section 5.7).
    fn is_deletion(&self, line: &[u8], clock: &Clock) -> bool {
        self.max_age_ends.unwrap_or_else(|| {
            self.expires
                && attributes(line)
                    .filter(|attribute| attribute.is("Expires") && attribute.value.len() <= ATTRIBUTE_BYTES_MAX)
                    .filter_map(|attribute| cookie_date(attribute.value))
                    .last()
                    .is_some_and(|date| date <= jiff::tz::TimeZone::UTC.to_datetime(clock.now()))
        })
    }
}

/// An attribute of a line.
pub(super) struct Attribute<'a> {
    /// Where its `;` stands in the line.
    start: usize,
    /// From there to the next one.
    span: &'a [u8],
    name: &'a [u8],
    pub(super) value: &'a [u8],
}

impl Attribute<'_> {
    pub(super) fn is(&self, name: &str) -> bool {
        is_same(self.name, name)
    }

    /// Told by its length first: attributes are many, and those that matter here are few.
    fn kind(&self) -> Kind {
        let kinds: &[(&str, Kind)] = match self.name.len() {
            6 => &[("Secure", Kind::Secure)],
            7 => &[("Max-Age", Kind::MaxAge), ("Expires", Kind::Expires)],
            8 => &[("SameSite", Kind::SameSite)],
            _ => &[],
        };
        let found = kinds.iter().find(|(name, _)| self.is(name));
        found.map_or(Kind::Other, |(_, kind)| *kind)
    }
}

/// What an attribute says, as far as it matters here.
#[derive(Clone, Copy)]
enum Kind {
    MaxAge,
    Expires,
    Secure,
    SameSite,
    Other,
}

/// The attributes of a line, in order. Quotes protect nothing: every `;` begins one.
pub(super) fn attributes(line: &[u8]) -> impl Iterator<Item = Attribute<'_>> {
    let mut start = pair_span(line).len();
    std::iter::from_fn(move || {
        let content = line.get(start + 1..)?;
        let length = memchr::memchr(b';', content).unwrap_or(content.len());
        let span = &line[start..start + 1 + length];
        let content = &span[1..];
        let (name, value) = split_pair(content).unwrap_or((content, b""));
        let attribute = Attribute {
            start,
            span,
            name: trim(name),
            value: trim(value),
        };
        start += span.len();
        Some(attribute)
    })
}

/// The name and value of a line; without a `=` all of it is the value.
fn pair(line: &[u8]) -> (&[u8], &[u8]) {
    let span = pair_span(line);
    let (name, value) = split_pair(span).unwrap_or((b"", span));
    (trim(name), trim(value))
}

/// The value of a line, without SP and HTAB around it.
pub(super) fn value_of(line: &[u8]) -> &[u8] {
    pair(line).1
}

/// All before the first `;`.
pub(super) fn pair_span(line: &[u8]) -> &[u8] {
    &line[..memchr::memchr(b';', line).unwrap_or(line.len())]
}

fn split_pair(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    // Names are short: looking at each byte is faster here than a search made for long texts.
    let equals = bytes.iter().position(|byte| *byte == b'=')?;
    Some((&bytes[..equals], &bytes[equals + 1..]))
}

/// Whether a word is this one, in any case; as a rule it is written as here.
fn is_same(bytes: &[u8], word: &str) -> bool {
    bytes == word.as_bytes() || bytes.eq_ignore_ascii_case(word.as_bytes())
}

/// Without SP and HTAB around it; other white space belongs to names and values.
pub(super) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// Control characters, HTAB apart, make browsers ignore a line (RFC 6265bis, section 5.6). No field value can hold
/// them, but a line may also come from a file. All bytes are looked at, because that is faster than stopping at the
/// first.
fn is_ignored_by_browsers(line: &[u8]) -> bool {
    line.iter().fold(false, |found, byte| {
        found | (byte.is_ascii_control() & (*byte != b'\t'))
    })
}
