//! A look at a site from outside, before townclerk stands there: which CMS it is, which cookies it sets, and which
//! hosts of others its pages call.
//!
//! ```text
//! crawl ─▶ client ─▶ CMS
//!   │  ▲
//!   ▼  └── links
//! page, css ─▶ Survey
//! ```
//!
//! It reads what any visitor may read, one request after the other, and nothing is sent but `GET` without log-in. All
//! of it is bounded: pages, depth, bytes, time, and what is kept of them, because a page may be anybody's.

pub(crate) mod client;
mod crawl;
mod css;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
pub(crate) mod jar;
mod page;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::SignedDuration;

use crate::clock::Clock;
use crate::config::{Lenient, Upstream};
use crate::policy::{Preset, Sign};

pub use page::Use;

/// What a look at a site showed.
#[derive(Debug, Default)]
pub struct Survey {
    /// The name by which the site was asked for, in the end: as told, or as it calls itself.
    pub host: String,
    /// Whether it sent us to that name by itself.
    pub renamed: bool,
    /// Whether it calls itself `https://`.
    pub is_secure: bool,
    /// What had to be put up with in its answers.
    pub lenient: Lenient,
    /// What it is made with, as far as that shows.
    pub made_with: Option<MadeWith>,
    /// The pages that were read: path and status.
    pub pages: Vec<(String, u16)>,
    /// Those on which a password is asked for, log-in pages first of all.
    pub log_ins: Vec<String>,
    /// The cookies that came, by name; 32 hexadecimal digits at its end are `<hex32>`.
    pub cookies: BTreeMap<String, Cookie>,
    /// The hosts of others that its pages call.
    pub foreign: BTreeMap<String, Foreign>,
    /// Why it ended with pages unseen; `None` if there were no more.
    pub bound: Option<Bound>,
    /// Pages and style sheets that were not answered, or not whole.
    pub unread: usize,
}

/// A CMS, or what else a site is made with.
#[derive(Debug)]
pub struct MadeWith {
    /// Its cookies.
    pub preset: &'static Preset,
    /// What showed it; one at least.
    pub signs: Vec<Sign>,
}

/// A cookie of the site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie {
    /// The longest time that it was given.
    pub lasts: Lasts,
    /// Paths of the pages that set it, few of them.
    pub set_on: BTreeSet<String>,
}

/// For how long a cookie stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lasts {
    /// It was only deleted.
    Deleted,
    /// Until the browser is closed.
    Session,
    /// So long.
    For(SignedDuration),
}

/// A host of others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Foreign {
    /// What it is called for.
    pub uses: BTreeSet<Use>,
    /// Paths of the pages and style sheets that call it, few of them.
    pub called_on: BTreeSet<String>,
}

/// What a look ended by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// So many pages.
    Pages,
    /// So many bytes.
    Bytes,
    /// So much time.
    Time,
}

/// Why there was nothing to see.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Nobody takes connections there.
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    /// TLS failed.
    #[error("TLS failed: {0}")]
    Tls(String),
    /// No whole answer in time.
    #[error("it did not answer within {} s", .0.as_secs())]
    TooSlow(Duration),
    /// It ended the connection before its answer was whole.
    #[error("it closed the connection before its answer was whole")]
    CutOff,
    /// What came is not HTTP/1.1.
    #[error("what it answers is not HTTP")]
    NotHttp,
    /// The first page cannot be seen.
    #[error("its first page is refused with status {0}")]
    Refused(u16),
    /// The first page is no page.
    #[error("its first page is {0}, not HTML")]
    NotHtml(String),
    /// It sends its visitor from page to page.
    #[error("it sends its visitors from page to page without an end")]
    Endless,
    /// It sends its visitor to another site.
    #[error("it sends its visitors to another site, {0}")]
    Elsewhere(String),
}

/// Looks at the site of a CMS. `host` is the name by which visitors call it; without one, that of the upstream, or the
/// one that the site itself sends us to.
///
/// # Errors
/// There is no first page. Whatever is wrong further on is counted in [`Survey::unread`].
pub async fn look(upstream: &Upstream, host: Option<&str>, clock: &Clock) -> Result<Survey, Fault> {
    crawl::crawl(upstream, host, &crawl::Bounds::default(), clock).await
}
