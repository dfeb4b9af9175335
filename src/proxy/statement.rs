//! The statement, served on a path of the site (P20) with its earlier versions below it (P19). Each page is made once,
//! when a policy comes into force; the CMS is never asked.

use std::collections::HashMap;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use jiff::Timestamp;
use jiff::fmt::rfc2822::{DateTimeParser, DateTimePrinter};

use super::refusal;
use crate::config;
use crate::policy::history::Version;
use crate::policy::statement::{Publication, STYLE, Statement};
use crate::policy::{Lang, Policy};

/// The statement of a site, in all its versions and languages.
pub(crate) struct Pages {
    path: Box<str>,
    in_force: Box<str>,
    versions: HashMap<Box<str>, [Page; 2]>,
    /// When they were made, to the second.
    modified: Timestamp,
    /// The style of the page may be used, and nothing else.
    content_security: HeaderValue,
}

struct Page {
    html: Bytes,
    tag: HeaderValue,
}

impl Pages {
    /// Makes them; `None` if the site does not serve its statement. `versions` were in force, the oldest first.
    pub(super) fn of(site: &config::Site, mut versions: Vec<Version>, now: Timestamp) -> Option<Self> {
        let path = site.statement.clone()?;
        let policy = &site.policy;
        if !versions.iter().any(|version| version.name == policy.version) {
            versions.push(Version {
                name: policy.version.clone(),
                effective: Some(policy.effective),
                policy: Some(policy.clone()),
            });
        }
        let publication = Publication {
            hosts: &site.hosts,
            path: Some(&path),
            versions: &versions,
            in_force: &policy.version,
        };
        let readable = versions.iter().filter_map(|version| version.policy.as_ref());
        let pages = readable.map(|policy| (policy.version.as_str().into(), pages(policy, &publication)));
        let style = STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
        let content_security = format!(
            "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
        );
        Some(Self {
            versions: pages.collect(),
            in_force: policy.version.as_str().into(),
            modified: Timestamp::from_second(now.as_second()).unwrap_or(now),
            content_security: HeaderValue::try_from(content_security).ok()?,
            path,
        })
    }

    /// The path at which it is served.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The answer to a request for the statement; `None` to one for anything else.
    pub(super) fn answer<B>(&self, request: &Request<B>) -> Option<Response<Bytes>> {
        let below = request.uri().path().strip_prefix(&*self.path)?;
        let version = match below {
            "" | "/" => &*self.in_force,
            below => below.strip_prefix('/')?, // or it only begins alike
        };
        let headers = request.headers();
        let preferred = refusal::preferred(headers.get_all(header::ACCEPT_LANGUAGE));
        let mut answer = if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut answer = refusal::answer(StatusCode::METHOD_NOT_ALLOWED, preferred);
            answer
                .headers_mut()
                .insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            answer
        } else if let Some(pages) = self.versions.get(version) {
            let lang = asked_for(request.uri().query()).unwrap_or(preferred);
            self.page(&pages[lang as usize], lang, headers)
        } else {
            refusal::answer(StatusCode::NOT_FOUND, preferred)
        };
        let length = HeaderValue::from(answer.body().len());
        let fields = answer.headers_mut();
        fields.insert(header::CONTENT_SECURITY_POLICY, self.content_security.clone());
        fields.insert(header::REFERRER_POLICY, refusal::REFERRER_POLICY);
        fields.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        fields.insert(header::VARY, HeaderValue::from_static("accept-language"));
        if request.method() == Method::HEAD && answer.status() != StatusCode::NOT_MODIFIED {
            answer.headers_mut().insert(header::CONTENT_LENGTH, length);
            *answer.body_mut() = Bytes::new();
        }
        Some(answer)
    }

    fn page(&self, page: &Page, lang: Lang, asked: &HeaderMap) -> Response<Bytes> {
        let fresh = self.is_fresh(page, asked);
        let mut answer = Response::new(if fresh { Bytes::new() } else { page.html.clone() });
        let fields = answer.headers_mut();
        fields.insert(header::ETAG, page.tag.clone());
        // What is in force can change at any time, and asking again costs little.
        fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        let modified = DateTimePrinter::new().timestamp_to_rfc9110_string(&self.modified);
        if let Some(modified) = modified.ok().and_then(|date| HeaderValue::try_from(date).ok()) {
            fields.insert(header::LAST_MODIFIED, modified);
        }
        if fresh {
            *answer.status_mut() = StatusCode::NOT_MODIFIED;
            return answer;
        }
        fields.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        );
        fields.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(lang.tag()));
        answer
    }

    /// Whether the visitor has the page already (RFC 9110, section 13.2.2).
    fn is_fresh(&self, page: &Page, asked: &HeaderMap) -> bool {
        if asked.contains_key(header::IF_NONE_MATCH) {
            let lists = asked.get_all(header::IF_NONE_MATCH).iter();
            let mut tags = lists.flat_map(|list| list.as_bytes().split(|&byte| byte == b','));
            return tags.any(|tag| {
                let tag = tag.trim_ascii();
                tag == b"*" || tag.strip_prefix(b"W/").unwrap_or(tag) == page.tag.as_bytes()
            });
        }
        let since = asked
            .get(header::IF_MODIFIED_SINCE)
            .and_then(|since| since.to_str().ok());
        since
            .and_then(|since| DateTimeParser::new().parse_timestamp(since).ok())
            .is_some_and(|since| since >= self.modified)
    }
}

/// A version in both languages, in the order of [`Lang`].
fn pages(policy: &Policy, publication: &Publication<'_>) -> [Page; 2] {
    [Lang::Pl, Lang::En].map(|lang| {
        let html = Statement::of(policy, publication, lang).html();
        let hash = URL_SAFE_NO_PAD.encode(&digest(&SHA256, html.as_bytes()).as_ref()[..12]);
        Page {
            tag: HeaderValue::try_from(format!("\"{hash}\"")).unwrap_or(HeaderValue::from_static("\"\"")),
            html: html.into(),
        }
    })
}

/// `?lang=en`, which links between the languages use.
fn asked_for(query: Option<&str>) -> Option<Lang> {
    let mut parameters = query?.split('&').filter_map(|pair| pair.strip_prefix("lang="));
    match parameters.next()? {
        "pl" => Some(Lang::Pl),
        "en" => Some(Lang::En),
        _ => None,
    }
}
