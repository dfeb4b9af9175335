//! One request, as it comes and as it is kept: its entry, and its cookies before and after.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use http::{HeaderValue, Method, StatusCode, Uri, Version};
use jiff::ToSpan;

use crate::clock::Clock;
use crate::config::Site;
use crate::cookies::{self, Standing, Verdict};
use crate::entry::{ClientHost, Encoder, Observation, Outcome, RequestHead};
use crate::policy::{Lang, NamePattern};

/// The request that is shown; what is not given is made up.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Sample {
    /// Show how this request would be kept: a target, with whatever a visitor might put into it.
    #[arg(long = "sample", value_name = "TARGET", default_value = TARGET)]
    target: Uri,
    /// The visitor's address.
    #[arg(long = "sample-from", value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 77)))]
    from: IpAddr,
    /// The page from which the visitor came.
    #[arg(long = "sample-referer", value_name = "URL", default_value = REFERRER)]
    referrer: String,
    /// The status of the answer.
    #[arg(long = "sample-status", value_name = "STATUS", default_value = "200")]
    status: StatusCode,
    /// The cookies that the browser sends: `name=value; name=value`. Default: every listed one, and two that are not.
    #[arg(long = "sample-cookie", value_name = "COOKIES")]
    cookie: Option<String>,
    /// A cookie that the CMS sets, as its line says; may be given several times.
    #[arg(long = "sample-set-cookie", value_name = "LINE")]
    set_cookie: Vec<String>,
}

const TARGET: &str = "/szukaj?q=podatek&e-mail=jan.kowalski%40poczta.example&pesel=44051401359";
const REFERRER: &str = "https://wyszukiwarka.example/wyniki?q=urzad+miasta";
const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// Shows a sample under a site's policy.
///
/// # Errors
/// Only those of `out`.
pub(super) fn show(sample: &Sample, site: &Site, lang: Lang, clock: &Clock, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\nA request, and its entry:")?;
    writeln!(
        out,
        "  came  {} {} HTTP/1.1, from {}, status {}",
        Method::GET,
        sample.target,
        sample.from,
        sample.status
    )?;
    writeln!(out, "        Referer: {}", sample.referrer)?;
    writeln!(out, "        User-Agent: {AGENT}")?;
    let (access, addresses) = entry(sample, site, clock);
    writeln!(out, "  kept  {}", access.trim_end())?;
    if let Some(log) = &site.policy.addresses {
        writeln!(out, "  for {} days  {}", log.days, addresses.trim_end())?;
    }

    writeln!(out, "\nThe cookies it brings:")?;
    for crumb in cookies::judge_crumbs(browser_sends(sample, site).as_bytes(), &site.policy.cookies) {
        let what = match (crumb.verdict, crumb.standing.ends()) {
            (Verdict::Passed, None) => "reaches the CMS",
            (Verdict::Passed, Some(_)) => "reaches the CMS if it comes sealed, and has not ended",
            _ => "does not reach the CMS",
        };
        writeln!(out, "  {}  {what}{}", lossy(crumb.crumb), why(crumb.standing, lang))?;
    }
    writeln!(out, "\nThe cookies it is answered with:")?;
    for line in cms_sets(sample, site) {
        let judged = cookies::judge(line.as_bytes(), &site.policy.cookies, false, clock);
        writeln!(out, "  before  {line}")?;
        let mut after = judged.line().map_or("nothing".to_owned(), |after| lossy(&after));
        if judged.verdict == Verdict::Limited && judged.standing.ends().is_some() {
            let attributes = after.find(';').map_or(String::new(), |end| after.split_off(end));
            after = format!("{}=(sealed){attributes}", lossy(judged.name));
        }
        writeln!(out, "  after   {after}  ({})", verdict(judged.verdict, judged.standing))?;
    }
    Ok(())
}

/// The line in the journal, in the site's format, and that in the log of addresses.
fn entry(sample: &Sample, site: &Site, clock: &Clock) -> (String, String) {
    let arrived = clock.now();
    let observation = Observation {
        arrived,
        sent: arrived.checked_add(42.milliseconds()).ok(),
        client: sample.from,
        client_host: ClientHost::Confirmed("gosc.example".into()),
        request: Some(RequestHead {
            method: Method::GET,
            target: sample.target.clone(),
            version: Version::HTTP_11,
            referrer: HeaderValue::from_str(&sample.referrer).ok(),
            agent: HeaderValue::from_str(AGENT).ok(),
            authorization: None,
        }),
        status: Some(sample.status),
        bytes: 14_582,
        first_page: true,
        outcome: Outcome::Completed,
    };
    let entry = observation.redact(&site.policy, &site.hosts);
    let mut encoder = Encoder::new(site.journal.format);
    let (mut access, mut addresses) = (Vec::new(), Vec::new());
    encoder.encode(&entry, None, &mut access);
    encoder.encode_addresses(&entry, &mut addresses);
    (lossy(&access), lossy(&addresses))
}

/// Every listed cookie, a visitor counter's, and one from before.
fn browser_sends(sample: &Sample, site: &Site) -> String {
    sample.cookie.clone().unwrap_or_else(|| {
        let listed = site
            .policy
            .cookies
            .allowed
            .iter()
            .map(|listing| format!("{}=a1b2", example(&listing.name)));
        let others = [
            "_ga=GA1.2.1234567890.1700000000".to_owned(),
            "cookies_accepted=T".to_owned(),
        ];
        listed.chain(others).collect::<Vec<_>>().join("; ")
    })
}

/// A lasting login, its deletion, and a visitor counter's identifier.
fn cms_sets(sample: &Sample, site: &Site) -> Vec<String> {
    if !sample.set_cookie.is_empty() {
        return sample.set_cookie.clone();
    }
    let login = site
        .policy
        .cookies
        .allowed
        .first()
        .map(|listing| example(&listing.name));
    let login = login.unwrap_or_else(|| "PHPSESSID".to_owned());
    vec![
        format!("{login}=a1b2; Max-Age=31536000; Expires=Fri, 31 Dec 2038 23:59:59 GMT; Path=/; HttpOnly"),
        format!("{login}=deleted; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Path=/"),
        "_pk_id.1.1fff=0a1b2c3d4e5f6071.1700000000.; Max-Age=33955200; Path=/; SameSite=Lax".to_owned(),
    ]
}

fn example(name: &NamePattern) -> String {
    match name {
        NamePattern::Exact(name) => name.clone(),
        NamePattern::Prefix(prefix) => format!("{prefix}1"),
        NamePattern::Hex32(prefix) => format!("{prefix}0123456789abcdef0123456789abcdef"),
    }
}

fn why(standing: Standing<'_>, lang: Lang) -> String {
    match standing {
        Standing::Listed { listing, .. } => format!(": {}", listing.purpose.get(lang)),
        Standing::Mark(mark) => format!(": {}", mark.purpose.get(lang)),
        Standing::Unlisted => ": not in the policy".to_owned(),
        Standing::Malformed => ": not a valid name".to_owned(),
    }
}

fn verdict(verdict: Verdict, standing: Standing<'_>) -> &'static str {
    match (verdict, standing) {
        (Verdict::Passed, _) => "passes as it is",
        (Verdict::Limited, standing) if standing.ends().is_some() => "limited, and its value sealed on the way",
        (Verdict::Limited, _) => "limited to the session",
        (Verdict::Deletion, _) => "a deletion, passes as it is",
        (Verdict::Stripped, Standing::Malformed) => "stripped: not a valid name",
        (Verdict::Stripped, Standing::Mark(_)) => "stripped: the mark of the first page is townclerk's own",
        (Verdict::Stripped, _) => "stripped: not in the policy",
        (Verdict::Ended, _) => "stripped: its session is over",
        (Verdict::NotGenuine, _) => "stripped: not sealed here",
        (Verdict::TooLong, _) => "stripped: too long to be sealed",
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl Default for Sample {
    fn default() -> Self {
        Self {
            target: Uri::from_str(TARGET).unwrap_or_default(),
            from: IpAddr::V4(Ipv4Addr::new(203, 0, 113, 77)),
            referrer: REFERRER.to_owned(),
            status: StatusCode::OK,
            cookie: None,
            set_cookie: Vec::new(),
        }
    }
}
