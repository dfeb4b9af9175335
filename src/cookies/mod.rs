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
//! - A listed cookie may end by itself: idle, after a time, or when the visitor enters from elsewhere. Its values are
//!   sealed on the way out and opened on the way back (`seal`, `session`), so what is over, or was not sealed here,
//!   never reaches the CMS; it is answered with its deletion, with the attributes that it was set with.
//! - The mark of the first page is ours alone, if the policy asks for it: the answer that opens a visit sets it, and
//!   what brings it is a later page. It never reaches the CMS, which can neither set nor delete it.
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
mod keys;
mod lifetime;
mod mark;
mod name;
mod navigation;
mod neighbours;
mod seal;
mod session;
mod set_cookie;
mod tally;
#[cfg(test)]
mod tests;

pub use counts::{Counts, Traffic};
pub use crumbs::{JudgedCrumb, judge_crumbs};
pub use keys::{Keys, KeysError};
pub use name::Standing;
pub use navigation::Navigation;
pub use set_cookie::{Judged, judge};
pub use tally::{Seen, Snapshot, Tally};

use std::borrow::Cow;
use std::mem;

use bytes::Bytes;
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use self::expired::Expired;
use self::session::{Held, Opened};
use crate::clock::Clock;
use crate::fields;
use crate::policy::{Cookies, Mode};

/// The longest name that is counted by itself, or deleted.
const NAME_BYTES_MAX: usize = 64;
/// Deletions in one answer: servers before us allow a head of few kilobytes. What is left over goes with the next one.
const LINES_MAX: usize = 20;

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
    /// Its session is over, by the policy's limits or because the visitor had left: it does not pass, and is deleted.
    Ended,
    /// Its value was not sealed here, or with a key that is gone: it does not pass, and is deleted.
    NotGenuine,
    /// Its value would be too long for browsers when sealed: it does not pass.
    TooLong,
}

impl Verdict {
    /// Each of them, in their order.
    pub const ALL: [Self; 7] = [
        Self::Passed,
        Self::Limited,
        Self::Deletion,
        Self::Stripped,
        Self::Ended,
        Self::NotGenuine,
        Self::TooLong,
    ];

    /// Its name in events and for programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Limited => "limited",
            Self::Deletion => "deletion",
            Self::Stripped => "stripped",
            Self::Ended => "ended",
            Self::NotGenuine => "not_genuine",
            Self::TooLong => "too_long",
        }
    }
}

/// An exchange, as far as its cookies depend on it.
#[derive(Clone, Copy)]
pub struct Exchange<'a> {
    /// The rules.
    pub rules: &'a Cookies,
    /// Where what is seen under them is counted.
    pub tally: &'a Tally,
    /// Asked only where the rules need the time, or an `Expires` has to tell whether a line is a deletion.
    pub clock: &'a Clock,
    /// Whether the visitor reached the site over TLS: then `Secure` may be added.
    pub secure: bool,
    /// By which host name, in lower case, without port.
    pub host: &'a str,
    /// Where the request stands in the visit; asked only where [`Cookies::follow_visits`] says so.
    pub navigation: Navigation,
    /// The path that was asked for.
    pub path: &'a str,
    /// To which site values are sealed: the first of its host names.
    pub site: &'a str,
    /// What they are sealed with. Without keys nothing that ends by itself passes.
    pub keys: Option<&'a Keys>,
}

/// What a request leaves for its answer to say; made by [`Exchange::inbound`].
#[derive(Default)]
pub struct Owed {
    expired: Expired,
    /// Sealed cookies that hold, and those that are over.
    held: Vec<Held>,
    ended: Vec<Held>,
    /// The request opens a page, and its browser has not got the mark.
    mark: bool,
}

impl Owed {
    /// Whether it is nothing.
    pub fn is_nothing(&self) -> bool {
        self.expired.is_empty() && self.held.is_empty() && self.ended.is_empty() && !self.mark
    }
}

impl Exchange<'_> {
    /// Edits the `Cookie` fields of a request: joins several into one (RFC 9113, section 8.2.3) and keeps the crumbs
    /// that may pass, byte for byte. A field with nothing left is removed.
    pub fn inbound(&self, method: &Method, headers: &mut HeaderMap) -> Owed {
        let rules = self.rules;
        let enforced = rules.mode == Mode::Enforce;
        // A form that another site sends is not given the mark by browsers, so nobody knows.
        let opens = self.navigation != Navigation::None && *method == Method::GET;
        let mut owed = Owed {
            mark: enforced && opens && rules.first_page.is_some(),
            ..Owed::default()
        };
        let Some(first) = fields::first(headers, &COOKIE) else {
            return owed;
        };
        let fields = headers.get_all(COOKIE);
        // Written from the start where fields are joined or hold nothing, otherwise from the first crumb that goes.
        let untouched =
            !enforced || (fields.iter().nth(1).is_none() && crumbs::crumbs(first.as_bytes()).next().is_some());
        let mut rewritten = (!untouched).then(Vec::new);

        for field in fields {
            for (index, mut crumb) in judge_crumbs(field.as_bytes(), rules).enumerate() {
                let ends = crumb.standing.ends().filter(|_| enforced);
                let opened = ends.map(|ends| self.open(&crumb, ends));
                match opened {
                    Some(Opened::Ended(_)) => crumb.verdict = Verdict::Ended,
                    Some(Opened::NotGenuine) => crumb.verdict = Verdict::NotGenuine,
                    Some(Opened::Held(_)) | None => {}
                }
                self.tally.count_sent(&crumb);
                if !enforced {
                    continue;
                }
                if crumb.verdict != Verdict::Passed || opened.is_some() {
                    rewritten.get_or_insert_with(|| joined(field, index));
                }
                match opened {
                    Some(Opened::Held(held)) => {
                        if let Some(rewritten) = &mut rewritten {
                            crumbs::push(rewritten, &held.crumb());
                        }
                        owed.held.push(held);
                    }
                    Some(Opened::Ended(held)) => owed.ended.push(held),
                    Some(Opened::NotGenuine) => owed.expired.note(&crumb),
                    None if crumb.verdict == Verdict::Stripped => {
                        owed.mark &= !matches!(crumb.standing, Standing::Mark(_));
                        if rules.expire_unlisted {
                            owed.expired.note(&crumb);
                        }
                    }
                    None => {
                        if let Some(rewritten) = &mut rewritten {
                            crumbs::push(rewritten, crumb.crumb);
                        }
                    }
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
        owed
    }

    /// Edits the `Set-Cookie` lines of the CMS's answer, and adds what its request left to say: deletions before them,
    /// because the CMS may set the same name anew, renewals and the mark behind them. Whether the answer now marks its
    /// page as the first one of the visit.
    pub fn outbound(&self, status: StatusCode, headers: &mut HeaderMap, mut owed: Owed) -> bool {
        let enforced = self.rules.mode == Mode::Enforce;
        let (mut left, mut stripped) = (0_usize, 0_usize);
        if fields::has(headers, &SET_COOKIE) {
            for (_, line) in headers.iter_mut().filter(|(name, _)| *name == SET_COOKIE) {
                let mut judged = judge(line.as_bytes(), self.rules, self.secure, self.clock);
                let after = if enforced {
                    session::set_anew(&mut owed.held, judged.name);
                    self.passing(&mut judged, &owed.held)
                } else {
                    None
                };
                self.tally.count_set(&judged);
                if !enforced {
                    continue;
                }
                let after = match after {
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
            return false;
        }
        let mark = self.rules.first_page.as_ref();
        let mark = mark.filter(|_| owed.mark && mark::shows_a_page(status, headers));
        let deletions = self.deletions(&owed);
        let renewals: Vec<_> = owed.held.iter().filter_map(|held| self.renewal(held)).collect();
        // What we say to one visitor's browser no cache may tell another's.
        let personal = !deletions.is_empty() || !renewals.is_empty() || mark.is_some();
        if stripped > 0 || !deletions.is_empty() {
            put_in_front(headers, deletions);
        }
        renewals.into_iter().for_each(|line| append(headers, line));
        if let Some(mark) = mark {
            append(headers, mark::line(mark, self.secure));
        }
        if (stripped > 0 && left == 0) || personal {
            neighbours::keep_private(headers);
        }
        neighbours::spare_the_siblings(headers);
        mark.is_some()
    }

    /// The line as the browser gets it, sealed if its cookie ends by itself. The verdict follows.
    fn passing<'l>(&self, judged: &mut Judged<'l>, held: &[Held]) -> Option<Cow<'l, [u8]>> {
        let line = judged.line()?;
        if judged.standing.ends().is_none() || judged.verdict == Verdict::Deletion {
            return Some(line);
        }
        match self.sealed(judged, &line, held) {
            Ok(sealed) => Some(Cow::Owned(sealed)),
            Err(verdict) => {
                judged.verdict = verdict;
                None
            }
        }
    }

    /// The lines that delete what the request brought and must not bring again.
    fn deletions(&self, owed: &Owed) -> Vec<Vec<u8>> {
        let mut lines: Vec<Vec<u8>> = Vec::new();
        for line in owed
            .ended
            .iter()
            .map(Held::deletion)
            .chain(owed.expired.deletions(self))
        {
            if lines.len() < LINES_MAX && !lines.contains(&line) {
                lines.push(line);
            }
        }
        lines
    }
}

/// Appends a line of our own.
fn append(headers: &mut HeaderMap, line: Vec<u8>) {
    // Names are tokens and all else is ASCII or was a value before, so the line is a valid value; and a full map needs
    // no more.
    if let Ok(value) = HeaderValue::from_maybe_shared(Bytes::from(line)) {
        let _ = headers.try_append(SET_COOKIE, value);
    }
}

/// The first crumbs of a field that so far stayed as it was, with room for the rest.
fn joined(field: &HeaderValue, count: usize) -> Vec<u8> {
    let mut joined = Vec::with_capacity(field.len());
    crumbs::crumbs(field.as_bytes())
        .take(count)
        .for_each(|crumb| crumbs::push(&mut joined, crumb));
    joined
}

/// Puts lines of our own before those that are left; these stay in order.
fn put_in_front(headers: &mut HeaderMap, lines: Vec<Vec<u8>>) {
    let all = headers
        .iter_mut()
        .filter(|(name, line)| *name == SET_COOKIE && !line.is_empty());
    let left: Vec<HeaderValue> = all.map(|(_, line)| mem::replace(line, GONE)).collect();
    headers.remove(SET_COOKIE);
    lines.into_iter().for_each(|line| append(headers, line));
    for line in left {
        let _ = headers.try_append(SET_COOKIE, line);
    }
}
