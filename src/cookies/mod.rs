//! `Cookie` and `Set-Cookie`, byte for byte (RFC 6265bis).
//!
//! ```text
//! visitor ── Cookie ──▶ inbound ── what the policy lists ──▶ CMS
//! visitor ◀── for the session only ── outbound ◀── Set-Cookie ── CMS
//! ```
//!
//! - A listed cookie passes both ways. On its way out every `Max-Age` and `Expires` is cut, so that it ends with the
//!   session; it gains `SameSite=Lax` if it says nothing valid, and `Secure` if the visitor came over TLS. `Path`,
//!   `Domain`, `HttpOnly` and what we do not know stay. A valid `SameSite` is never changed, and none is made `Strict`:
//!   that would break the return from an external login. Names such as `__Host-` never gain `Secure`.
//! - A deletion passes as it is, whosever it is: `Max-Age` of 0 or less, or no valid `Max-Age` and a past `Expires`.
//!   Cutting its lifetime would turn a log-out into a cookie.
//! - Any other cookie is unlisted. It is stripped both ways, or passes limited like a listed one, as the policy says.
//! - A malformed name never passes, unless to be deleted: not a token, reserved, or made to look like another one
//!   further on.
//! - What a browser sends unlisted and we strip is answered with its deletion, if the policy says so. Where unlisted
//!   cookies pass, none is deleted: the CMS may have just set it.
//! - Each line and crumb is judged by itself, in order, duplicates included. If none changes, the fields stay
//!   untouched.
//! - Taking `Set-Cookie` away must not let shared caches store what it kept them from: such an answer becomes
//!   `private`.
//! - `Clear-Site-Data` that speaks of cookies is dropped: it would clear those of sibling departments.
//! - Where the policy is only observed nothing at all is changed, and everything is counted as it would have been.
//!
//! What scripts store in the browser by themselves never crosses this room on its way there: it can be stripped from
//! requests and deleted, not limited.

mod counts;
mod crumbs;
mod expired;
mod lifetime;
mod name;
mod neighbours;
mod set_cookie;
mod tally;
#[cfg(test)]
mod tests;

pub use counts::{Counts, Traffic};
pub use crumbs::{JudgedCrumb, judge_crumbs};
pub use expired::Expired;
pub use name::Standing;
pub use set_cookie::{Judged, judge};
pub use tally::{Seen, Snapshot, Tally};

use std::borrow::Cow;
use std::mem;

use bytes::Bytes;
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};

use crate::clock::Clock;
use crate::policy::{Cookies, Mode};

/// The longest name that is counted by itself, or deleted.
const NAME_BYTES_MAX: usize = 64;

/// What a stripped line is replaced with until it is removed: a field map cannot remove one of several values in place.
/// An empty line is no cookie, so none that passes looks the same.
const GONE: HeaderValue = HeaderValue::from_static("");

/// What becomes of a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It passes as it is.
    Passed,
    /// It passes with its lifetime cut, flags added, or both.
    Limited,
    /// It deletes a cookie, and passes as it is.
    Deletion,
    /// It does not pass.
    Stripped,
}

/// How the visitor reached the site.
#[derive(Clone, Copy, Debug)]
pub struct Site<'a> {
    /// Whether over TLS: then `Secure` may be added.
    pub secure: bool,
    /// By which host name, in lower case, without port.
    pub host: &'a str,
}

/// Edits the `Cookie` fields of a request: joins several into one (RFC 9113, section 8.2.3) and keeps the crumbs that
/// may pass, byte for byte. A field with nothing left is removed. Returns what the answer to this request has to
/// delete.
pub fn inbound(headers: &mut HeaderMap, rules: &Cookies, tally: &Tally) -> Expired {
    let mut expired = Expired::default();
    let fields = headers.get_all(COOKIE);
    let Some(first) = fields.iter().next() else {
        return expired;
    };
    let enforced = rules.mode == Mode::Enforce;
    // Written from the start where fields are joined or hold nothing, otherwise from the first crumb that goes.
    let untouched = !enforced || (fields.iter().nth(1).is_none() && crumbs::crumbs(first.as_bytes()).next().is_some());
    let mut rewritten = (!untouched).then(Vec::new);

    for field in fields {
        for (index, crumb) in judge_crumbs(field.as_bytes(), rules).enumerate() {
            tally.count_sent(&crumb);
            if !enforced {
                continue;
            }
            if crumb.verdict == Verdict::Stripped {
                rewritten.get_or_insert_with(|| joined(field, index));
                if rules.expire_unlisted {
                    expired.note(&crumb);
                }
            } else if let Some(rewritten) = &mut rewritten {
                crumbs::push(rewritten, crumb.crumb);
            }
        }
    }

    if let Some(rewritten) = rewritten {
        // Removed first, so that whatever fails afterwards lets nothing through.
        headers.remove(COOKIE);
        match HeaderValue::from_maybe_shared(Bytes::from(rewritten)) {
            Ok(field) if !field.is_empty() => drop(headers.try_append(COOKIE, field)),
            _ => {}
        }
    }
    expired
}

/// The first crumbs of a field that so far stayed as it was, with room for the rest.
fn joined(field: &HeaderValue, count: usize) -> Vec<u8> {
    let mut joined = Vec::with_capacity(field.len());
    crumbs::crumbs(field.as_bytes())
        .take(count)
        .for_each(|crumb| crumbs::push(&mut joined, crumb));
    joined
}

/// Edits the `Set-Cookie` lines of the CMS's answer, and appends the deletions that its request called for. The clock
/// is asked only if it takes an `Expires` to tell a deletion.
pub fn outbound(
    headers: &mut HeaderMap,
    rules: &Cookies,
    site: &Site<'_>,
    expired: Expired,
    clock: &Clock,
    tally: &Tally,
) {
    let enforced = rules.mode == Mode::Enforce;
    let (mut left, mut stripped) = (0_usize, 0_usize);
    if headers.contains_key(SET_COOKIE) {
        for (_, line) in headers.iter_mut().filter(|(name, _)| *name == SET_COOKIE) {
            let judged = judge(line.as_bytes(), rules, site.secure, clock);
            tally.count_set(&judged);
            if !enforced {
                continue;
            }
            let after = match judged.line() {
                Some(Cow::Borrowed(_)) => {
                    left += 1;
                    continue;
                }
                // Parts of a valid value and our own ASCII make a valid value; were it not, it would not pass.
                Some(Cow::Owned(limited)) => HeaderValue::from_maybe_shared(Bytes::from(limited)).ok(),
                None => None,
            };
            match after {
                Some(_) => left += 1,
                None => stripped += 1,
            }
            *line = after.unwrap_or(GONE);
        }
    }
    if !enforced {
        return;
    }
    if stripped > 0 {
        remove_gone(headers);
    }
    expired.append_to(headers, site);
    // A deletion names what one visitor's browser holds: no cache may tell it to another.
    if (stripped > 0 && left == 0) || !expired.is_empty() {
        neighbours::keep_private(headers);
    }
    neighbours::spare_the_siblings(headers);
}

/// Removes the lines that were stripped; the others stay in order.
fn remove_gone(headers: &mut HeaderMap) {
    let lines = headers
        .iter_mut()
        .filter(|(name, line)| *name == SET_COOKIE && !line.is_empty());
    let left: Vec<HeaderValue> = lines.map(|(_, line)| mem::replace(line, GONE)).collect();
    headers.remove(SET_COOKIE);
    for line in left {
        // There are fewer fields than before, so there is room.
        let _ = headers.try_append(SET_COOKIE, line);
    }
}
