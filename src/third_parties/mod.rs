//! Other sites: what the pages of this one may call there (P2), and what browsers report of it.
//!
//! ```text
//! visitor ◀── two fields more ── outbound ◀── page ── CMS
//! visitor ── report ──▶ reports ──▶ tally: other site, kind, page; no address
//! ```
//!
//! A browser hands its address to every site from which a page loads something, and perhaps the page's address too.
//! Only the browser can keep from it, so the page says what may be called (`Content-Security-Policy`, CSP3), and how
//! much a call may tell of where it comes from (`Referrer-Policy`):
//!
//! - The policy is about origins alone: scripts and styles within the page, `eval`, `data:` and `blob:` stay allowed,
//!   for old CMSes are made of them. This site under all its names, and the listed sites, may be called for anything.
//! - It is a field of its own beside those of the CMS. Browsers enforce each of them, so it can only narrow what the
//!   CMS allows; what the CMS says stays byte for byte.
//! - It goes with what can call: pages (HTML, XML, SVG, and what does not say what it is), scripts (a worker has the
//!   policy of its script), and 304, with which a browser renews the fields of what it holds. Not with images, fonts,
//!   styles or plain text, which call nothing or under the policy of their page.
//! - Forms may be sent to the listed sites and to the hosts of external log-ins, to which browsers count a redirect
//!   behind a form. Who may show this site in a frame is not said: the office may want it, and it hands nothing out.
//! - `Referrer-Policy` goes with every answer: redirects, styles and scripts call too. The stricter of the CMS's and
//!   ours goes out, never a looser one. Between pages of this site all is told, so that links that lead nowhere are
//!   found.
//! - Where the policy is only observed, `Content-Security-Policy-Report-Only` is all that is added.
//!
//! What no field prevents: connections that are opened in advance (`preconnect`), what a page itself says of referrers
//! (`<meta name=referrer>`, `referrerpolicy=`), links that a visitor follows, and a browser that takes no notice.
//!
//! Reports come from anybody. They are taken for what they are, hints for the administrator: read up to a size and a
//! rate, cut down to the other site's name, the kind and the path of a page of this site, redacted like every URL that
//! is kept, and counted in a bounded number of places. Hosts that are addresses share one, so that nobody can write
//! down a visitor's.

mod referrer;
mod report;
mod tally;
#[cfg(test)]
mod tests;

pub use referrer::ReferrerPolicy;
pub use report::{BODY_MAX, Call, Format, Kind, Reports, read};
pub use tally::{Called, Snapshot, Tally};

use bytes::Bytes;
use http::StatusCode;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::policy::{Mode, Policy, Referring, ThirdParties};

const REPORTING_ENDPOINTS: HeaderName = HeaderName::from_static("reporting-endpoints");

/// Within the page, whatever it is: we are not the ones to guard a page against itself.
const WITHIN: &str = "'self' 'unsafe-inline' 'unsafe-eval' data: blob:";

/// What goes with the answers of a site, made once from its policy.
pub struct Guard {
    /// Where browsers report to.
    path: Box<str>,
    /// The field that says what may be called.
    field: HeaderName,
    /// Its value over TLS, where browsers know named endpoints, and over plain HTTP, where they do not and a name would
    /// keep them from reporting at all.
    secure: HeaderValue,
    plain: HeaderValue,
    endpoints: HeaderValue,
    /// Where it is enforced.
    referrer: Option<ReferrerPolicy>,
}

impl Guard {
    /// Made for a site with these names, whose browsers report to this path of it; `None` if the policy says nothing of
    /// third parties.
    pub fn new(policy: &Policy, hosts: &[Box<str>], path: &str) -> Option<Self> {
        let rules = policy.third_parties.as_ref()?;
        let allowed = sources(rules, hosts);
        let logins: String = policy.cookies.login_hosts.iter().map(|host| source(host)).collect();
        let says = format!(
            "default-src {WITHIN}{allowed}; form-action 'self' data: blob: javascript: mailto:{allowed}{logins}; \
             report-uri {path}"
        );
        Some(Self {
            path: path.into(),
            field: match rules.mode {
                Mode::Enforce => header::CONTENT_SECURITY_POLICY,
                Mode::Observe => header::CONTENT_SECURITY_POLICY_REPORT_ONLY,
            },
            secure: value(format!("{says}; report-to townclerk")),
            plain: value(says),
            endpoints: value(format!("townclerk=\"{path}\"")),
            referrer: (rules.mode == Mode::Enforce).then(|| ReferrerPolicy::of(rules.referrer)),
        })
    }

    /// Where browsers report to.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Adds to an answer of the CMS what browsers are told. `secure`: whether the visitor came over TLS.
    pub fn outbound(&self, status: StatusCode, headers: &mut HeaderMap, secure: bool) {
        if let Some(ours) = self.referrer {
            let theirs = ReferrerPolicy::read(headers.get_all(header::REFERRER_POLICY));
            headers.insert(header::REFERRER_POLICY, ours.and(theirs).value());
        }
        if !can_call(status, headers) {
            return;
        }
        // A full map takes no more; nobody sends one that is.
        let says = if secure { &self.secure } else { &self.plain };
        let _ = headers.try_append(self.field.clone(), says.clone());
        if secure {
            let _ = headers.try_append(REPORTING_ENDPOINTS, self.endpoints.clone());
        }
    }
}

/// The names that may be called, each with a space before it.
fn sources(rules: &ThirdParties, hosts: &[Box<str>]) -> String {
    let own = hosts.iter().filter(|host| is_nameable(host)).map(|host| source(host));
    let listed = rules.allowed.iter().map(|site| source(&site.host.to_string()));
    own.chain(listed).collect()
}

/// At any port, and over WebSocket, which a name alone does not mean.
fn source(host: &str) -> String {
    format!(" {host}:* wss://{host}:*")
}

/// Whether a policy can say it (CSP3, section 2.3.1); a site that is called by an address is `'self'`.
fn is_nameable(host: &str) -> bool {
    host.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
}

/// Names and paths are checked, so this is a value; if it were not, nothing elsewhere might be called.
fn value(text: String) -> HeaderValue {
    HeaderValue::from_maybe_shared(Bytes::from(text)).unwrap_or(HeaderValue::from_static(
        "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:",
    ))
}

/// Whether what was answered can call other sites by itself.
fn can_call(status: StatusCode, headers: &HeaderMap) -> bool {
    /// What calls nothing, or only as a part of a page. What is not among them may be a page.
    const CANNOT: [&[u8]; 11] = [
        b"image/",
        b"font/",
        b"audio/",
        b"video/",
        b"text/css",
        b"text/plain",
        b"text/csv",
        b"application/json",
        b"application/pdf",
        b"application/zip",
        b"application/octet-stream",
    ];
    if status == StatusCode::NO_CONTENT || (status.is_redirection() && status != StatusCode::NOT_MODIFIED) {
        return false;
    }
    let Some(kind) = headers.get(header::CONTENT_TYPE) else {
        return true;
    };
    let is = |with: &[u8]| {
        let start = kind.as_bytes().trim_ascii_start().get(..with.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(with))
    };
    is(b"image/svg") || !CANNOT.into_iter().any(is)
}
