//! One `Cookie` field: its crumbs, and which of them reach the CMS.

use super::Verdict;
use super::name::Standing;
use super::set_cookie::trim;
use crate::policy::{Cookies, Text, Unlisted};

/// What becomes of a crumb: one `name=value` of a `Cookie` field. It holds the value, so it has no `Debug`: it cannot
/// be printed.
pub struct JudgedCrumb<'a> {
    /// The crumb, without SP and HTAB around it.
    pub crumb: &'a [u8],
    /// The cookie's name; empty if it has none.
    pub name: &'a [u8],
    /// Whether the policy lists it.
    pub standing: Standing<'a>,
    /// [`Verdict::Passed`] or [`Verdict::Stripped`]: a crumb has no lifetime.
    pub verdict: Verdict,
}

impl<'a> JudgedCrumb<'a> {
    /// What the policy says that the cookie remembers, if it lists it.
    pub fn purpose(&self) -> Option<&'a Text> {
        self.standing.purpose()
    }
}

/// Judges the crumbs of a `Cookie` field, in order, duplicates and all.
pub fn judge_crumbs<'a>(field: &'a [u8], rules: &'a Cookies) -> impl Iterator<Item = JudgedCrumb<'a>> {
    crumbs(field).map(|crumb| {
        // Browsers put nothing between a name and its `=`, so the name is not trimmed: what stands there is no token.
        let (name, value) = match memchr::memchr(b'=', crumb) {
            Some(equals) => (&crumb[..equals], &crumb[equals + 1..]),
            None => (&b""[..], crumb),
        };
        let standing = Standing::of(name, value, rules);
        let verdict = match (standing, rules.unlisted) {
            (Standing::Malformed | Standing::Mark(_), _) | (Standing::Unlisted, Unlisted::Strip) => Verdict::Stripped,
            _ => Verdict::Passed,
        };
        JudgedCrumb {
            crumb,
            name,
            standing,
            verdict,
        }
    })
}

/// The crumbs of a `Cookie` field, the empty ones left out. Quotes protect nothing: every `;` ends one.
pub(super) fn crumbs(field: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(field);
    let pieces = std::iter::from_fn(move || {
        let field = rest.take()?;
        let end = memchr::memchr(b';', field);
        rest = end.map(|end| &field[end + 1..]);
        Some(&field[..end.unwrap_or(field.len())])
    });
    pieces.map(trim).filter(|crumb| !crumb.is_empty())
}

/// Adds a crumb to a `Cookie` field in the making (RFC 6265bis, section 4.2.1).
pub(super) fn push(field: &mut Vec<u8>, crumb: &[u8]) {
    if !field.is_empty() {
        field.extend_from_slice(b"; ");
    }
    field.extend_from_slice(crumb);
}
