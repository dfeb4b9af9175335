//! What browsers report (CSP3, section 5.3 for `report-uri`, 5.4 and the Reporting API for `report-to`), cut down to
//! what is counted.

use http::HeaderValue;
use serde_json::Value;

use crate::entry::{foreign_host, own_path};
use crate::policy::{Field, Policy};

/// The longest body that is read: more than a page full of blocked parts makes of it.
pub const BODY_MAX: usize = 128 << 10;
/// Reports of one body that are counted.
const REPORTS_MAX: usize = 256;
/// The longest path that is told by itself.
const PATH_BYTES_MAX: usize = 128;
/// What is told of a host that is an address.
const ADDRESS: &str = "[address]";

/// How a body says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `application/csp-report`: a report.
    ReportUri,
    /// `application/reports+json`: a list of them, among others.
    ReportTo,
}

/// What a page tried to load, or where it tried to send something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A script, or a worker.
    Script,
    /// A style sheet.
    Style,
    /// A font.
    Font,
    /// An image, a counting pixel among them.
    Image,
    /// Sound or film.
    Media,
    /// Another page within the page.
    Frame,
    /// What a script asked for.
    Connection,
    /// A form that was sent.
    Form,
    /// Anything else.
    Other,
}

/// A call, as a browser told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The other site: a host name in lower case, redacted, or `[address]`.
    pub host: Box<str>,
    /// What was called for.
    pub kind: Kind,
    /// The path of the page, redacted, without its query; empty where the policy keeps no URLs, or it is too long.
    pub page: Box<str>,
}

/// What stood in a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reports {
    /// What can be counted.
    pub calls: Vec<Call>,
    /// How many others there were: malformed, not of this site, not of another one.
    pub others: u64,
}

impl Format {
    /// By `Content-Type`; `None` for what is no report, as which another site's page could not have it sent unasked.
    pub fn of(kind: &HeaderValue) -> Option<Self> {
        let essence = kind.as_bytes().split(|&byte| byte == b';').next().unwrap_or_default();
        let is = |name: &str| essence.trim_ascii().eq_ignore_ascii_case(name.as_bytes());
        if is("application/csp-report") {
            Some(Self::ReportUri)
        } else if is("application/reports+json") {
            Some(Self::ReportTo)
        } else {
            None
        }
    }
}

impl Kind {
    /// Each of them.
    pub const ALL: [Self; 9] = [
        Self::Script,
        Self::Style,
        Self::Font,
        Self::Image,
        Self::Media,
        Self::Frame,
        Self::Connection,
        Self::Form,
        Self::Other,
    ];

    /// Its name in events and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Script => "script",
            Self::Style => "style",
            Self::Font => "font",
            Self::Image => "image",
            Self::Media => "media",
            Self::Frame => "frame",
            Self::Connection => "connection",
            Self::Form => "form",
            Self::Other => "other",
        }
    }

    /// By its name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// By the directive that forbids it, of which old browsers tell with its sources behind it.
    fn of(directive: &str) -> Self {
        match directive.split_ascii_whitespace().next().unwrap_or_default() {
            "script-src" | "script-src-elem" | "script-src-attr" | "worker-src" => Self::Script,
            "style-src" | "style-src-elem" | "style-src-attr" => Self::Style,
            "font-src" => Self::Font,
            "img-src" => Self::Image,
            "media-src" => Self::Media,
            "frame-src" | "child-src" => Self::Frame,
            "connect-src" => Self::Connection,
            "form-action" => Self::Form,
            _ => Self::Other,
        }
    }
}

/// Reads a body, for a site with these names. Nothing else of it is kept anywhere.
pub fn read(body: &[u8], format: Format, policy: &Policy, hosts: &[Box<str>]) -> Reports {
    let said: Value = serde_json::from_slice(body).unwrap_or_default();
    let reader = Reader { policy, hosts };
    match (format, &said) {
        (Format::ReportUri, said) => {
            let report = &said["csp-report"];
            let directive = ["effective-directive", "violated-directive"].map(|key| report[key].as_str());
            reader.read([reader.call(&report["document-uri"], &report["blocked-uri"], directive)])
        }
        (Format::ReportTo, Value::Array(reports)) => {
            let of_policies = reports.iter().filter(|report| report["type"] == "csp-violation");
            reader.read(of_policies.map(|report| {
                let body = &report["body"];
                let directive = [body["effectiveDirective"].as_str(), None];
                reader.call(&body["documentURL"], &body["blockedURL"], directive)
            }))
        }
        (Format::ReportTo, _) => reader.read([None]),
    }
}

struct Reader<'a> {
    policy: &'a Policy,
    hosts: &'a [Box<str>],
}

impl Reader<'_> {
    fn read(&self, all: impl IntoIterator<Item = Option<Call>>) -> Reports {
        let mut reports = Reports::default();
        for call in all {
            match call {
                Some(call) if reports.calls.len() < REPORTS_MAX => reports.calls.push(call),
                _ => reports.others += 1,
            }
        }
        reports
    }

    fn call(&self, document: &Value, blocked: &Value, directives: [Option<&str>; 2]) -> Option<Call> {
        let redact = &self.policy.access.redact;
        let page = own_path(&url(document)?, self.hosts, redact)?;
        let host = foreign_host(&url(blocked)?, self.hosts, redact)?;
        let host = str::from_utf8(&host).ok()?.to_ascii_lowercase();
        Some(Call {
            host: match host.parse::<std::net::IpAddr>() {
                Ok(_) => ADDRESS.into(),
                Err(_) => host.into(),
            },
            kind: Kind::of(directives.into_iter().flatten().next().unwrap_or_default()),
            page: match String::from_utf8(page.into()) {
                Ok(page) if page.len() <= PATH_BYTES_MAX && self.policy.keeps(Field::Url) => page.into(),
                _ => "".into(),
            },
        })
    }
}

/// A URL as fields have them: browsers write theirs in ASCII. WebSockets are named by other schemes.
fn url(written: &Value) -> Option<HeaderValue> {
    let written = written.as_str()?;
    let url = match written.strip_prefix("ws") {
        Some(rest) => HeaderValue::try_from(format!("http{rest}")),
        None => HeaderValue::try_from(written),
    };
    url.ok().filter(|url| url.as_bytes().is_ascii())
}
