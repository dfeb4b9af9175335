//! The same in a real browser: Chromium, to which the foreign sites are one server that remembers what it was asked.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::{before, told};
use crate::drain::until;
use crate::skip::without;
use crate::town::cms::{Received, ok};
use crate::town::{Cms, HOST, Kept, Town};

/// A page as old CMSes make them: scripts within it, and parts from everywhere.
const PAGE: &str = r#"<!DOCTYPE html><html><head><title>Urząd</title>
<link rel="stylesheet" href="/styl.css">
<style>@font-face { font-family: obca; src: url(http://fonts.foreign.example/f.woff2) } h1 { font-family: obca }</style>
<script src="http://scripts.foreign.example/s.js"></script>
<script src="http://www.um.example.pl/own.js"></script>
</head><body onload="document.body.dataset.loaded = eval('6 * 7')">
<h1>Zażółć</h1>
<img src="http://pixel.foreign.example/p.gif" alt="">
<img src="http://map.foreign.example/map.png" alt="">
<img src="data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7" alt="" onload="document.body.dataset.inline = 'shown'">
</body></html>"#;

/// A style that calls another site too: its `Referer` would be the style's own address.
const STYLE: &str = "h1 { background: url(http://map.foreign.example/background.png) }";

fn cms() -> Cms {
    Cms::new(|request| match request.target() {
        "/styl.css" => ok(&["Content-Type: text/css", "Cache-Control: no-store"], STYLE),
        "/own.js" => ok(&["Content-Type: text/javascript"], "window.own = 'ran'"),
        // What it says of referrers is as loose as can be.
        _ => ok(
            &["Content-Type: text/html; charset=utf-8", "Referrer-Policy: unsafe-url"],
            PAGE,
        ),
    })
}

/// Everything that is not the site.
fn foreign() -> Cms {
    Cms::new(|_| {
        ok(
            &["Content-Type: text/javascript", "Access-Control-Allow-Origin: *"],
            "window.foreign = 1",
        )
    })
}

/// The page as Chromium has it in the end.
fn visited(town: &Town, foreign: &Cms, url: &str, site: SocketAddr, more: &[String]) -> String {
    let rules = format!(
        "MAP {HOST} {site}, MAP www.{HOST} {site}, MAP *.foreign.example {foreign}, MAP * ~NOTFOUND",
        foreign = foreign.address()
    );
    let output = Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
        ])
        .args([
            "--disable-background-networking",
            "--virtual-time-budget=10000",
            "--dump-dom",
        ])
        .arg(format!("--user-data-dir={}", town.folder().join("profile").display()))
        .arg(format!("--host-resolver-rules={rules}"))
        .args(more)
        .arg(url)
        .env("HOME", town.folder())
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .expect("chromium runs");
    String::from_utf8(output.stdout).expect("text")
}

/// The page over plain HTTP.
fn plainly(town: &Town, foreign: &Cms) -> String {
    visited(town, foreign, &format!("http://{HOST}{TARGET}"), town.http(), &[])
}

/// The hash of the key in a certificate, by which Chromium is told to trust it.
fn key_hash(certificate: &Path) -> String {
    let text = fs::read(certificate).expect("a file");
    let (_, pem) = x509_parser::pem::parse_x509_pem(&text).expect("PEM");
    let certificate = pem.parse_x509().expect("a certificate");
    STANDARD.encode(Sha256::digest(certificate.public_key().raw))
}

fn asked(foreign: &Cms) -> Vec<String> {
    let host = |request: &Received| request.field("host").unwrap_or_default().to_owned();
    let mut hosts: Vec<_> = foreign.received().iter().map(host).collect();
    hosts.sort();
    hosts.dedup();
    hosts
}

/// Waits for so many reports at least, and for those that come with them. The browser has ended: no more are sent.
fn until_reported(town: &Town, least: usize) {
    let is_report = |entry: &&serde_json::Value| entry["url.path"] == "/townclerk-reports";
    let reports = || Kept::read(town.folder()).entries.iter().filter(is_report).count();
    until(|| reports() >= least);
    let mut before = 0;
    while before < reports() {
        before = reports();
        thread::sleep(Duration::from_millis(300));
    }
}

const MAP: &str =
    "[[third_parties.allow]]\nhost = \"map.foreign.example\"\npurpose = { pl = \"Mapa.\", en = \"A map.\" }";
const TARGET: &str = "/kontakt?od=jan.kowalski";

#[test]
fn a_browser_calls_no_other_site_but_the_listed_one_and_tells_it_nothing_of_the_page() {
    if without("chromium", "--version", "third parties in a browser, enforced") {
        return;
    }
    let (cms, foreign) = (cms(), foreign());
    let town = before(&cms, &format!("mode = \"enforce\"\n{MAP}")).open();
    let shown = plainly(&town, &foreign);
    // The page works as it did: scripts within it, eval, data: and this site's other name.
    assert!(
        shown.contains("data-loaded=\"42\"") && shown.contains("data-inline=\"shown\""),
        "{shown}"
    );
    let own = cms.received().iter().any(|request| request.target() == "/own.js");
    assert!(own, "{:#?}", cms.received());

    assert_eq!(asked(&foreign), ["map.foreign.example"]);
    for request in foreign.received() {
        assert_eq!(request.field("referer"), None, "{request:#?}");
    }
    let internal = cms.received();
    let style = internal
        .iter()
        .find(|request| request.target() == "/styl.css")
        .expect("the style");
    let page = format!("http://{HOST}{TARGET}");
    assert_eq!(
        style.field("referer"),
        Some(&*page),
        "this site learns it, to find broken links"
    );

    until_reported(&town, 3);
    let kept = town.close();
    let told = told(&kept);
    for (site, kind) in [("fonts", "font"), ("scripts", "script"), ("pixel", "image")] {
        let calls = &told["called"][format!("{site}.foreign.example")]["calls"];
        assert!(calls[kind]["/kontakt"].as_u64() >= Some(1), "{told:#}");
    }
    assert_eq!(told["called"]["map.foreign.example"]["calls"], serde_json::Value::Null);
    assert!(!told.to_string().contains("jan.kowalski"));
}

#[test]
fn where_it_is_only_observed_a_browser_calls_them_all_and_says_so() {
    if without("chromium", "--version", "third parties in a browser, observed") {
        return;
    }
    let (cms, foreign) = (cms(), foreign());
    let town = before(&cms, "mode = \"observe\"").open();
    plainly(&town, &foreign);
    let all = ["fonts", "map", "pixel", "scripts"].map(|site| format!("{site}.foreign.example"));
    assert_eq!(asked(&foreign), all);
    let page = format!("http://{HOST}{TARGET}");
    let received = foreign.received();
    let handed_over = received.iter().any(|request| request.field("referer") == Some(&*page));
    assert!(handed_over, "what the CMS asks for is not changed: {received:#?}");
    until_reported(&town, 4);
    let kept = town.close();
    let told = told(&kept);
    for site in all {
        assert!(told["called"][&site]["calls"].is_object(), "{site}: {told:#}");
    }
}

/// Over TLS Chromium sends its reports another way, by the endpoint that is named (`report-to`).
#[test]
fn over_tls_a_browser_reports_to_the_endpoint() {
    if without("chromium", "--version", "reports of a browser over TLS") {
        return;
    }
    let (cms, foreign) = (cms(), foreign());
    let town = before(&cms, "mode = \"enforce\"").tls().open();
    let trusted = [
        format!(
            "--ignore-certificate-errors-spki-list={}",
            key_hash(&town.certificate())
        ),
        "--short-reporting-delay".to_owned(),
    ];
    visited(
        &town,
        &foreign,
        &format!("https://{HOST}{TARGET}"),
        town.https(),
        &trusted,
    );
    assert_eq!(asked(&foreign), [""; 0]);
    until_reported(&town, 1);
    let told = told(&town.close());
    let calls = &told["called"]["pixel.foreign.example"]["calls"];
    assert!(calls["image"]["/kontakt"].as_u64() >= Some(1), "{told:#}");
}
