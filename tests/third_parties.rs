//! Pages call no other site but those of the policy, what they try is counted, and nobody learns who tried.

mod browser;

use std::fs;

use serde_json::{Value, json};

use crate::drain::until;
use crate::serve::program::{Serving, run_with};
use crate::town::{Answer, Cms, HOST, Kept, POLICY, Plan, Town, Visitor, cms};

/// A policy with this section.
fn before(cms: &Cms, third_parties: &str) -> Plan {
    let section = format!("[third_parties]\n{third_parties}\n[statistics]");
    Town::before(cms).policy("[statistics]", &section)
}

fn page() -> Cms {
    Cms::saying(cms::ok(&["Content-Type: text/html"], "<p>Dzień dobry</p>"))
}

fn report(target: &str, kind: &str, body: &str) -> String {
    format!(
        "POST {target} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: {kind}\r\nReferer: http://{HOST}/tajna-strona\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// What a browser says of a page that called another site.
fn said(document: &str, blocked: &str, directive: &str) -> String {
    json!({ "csp-report": { "document-uri": document, "blocked-uri": blocked, "effective-directive": directive } })
        .to_string()
}

const REPORTS: &str = "/townclerk-reports";
const REPORT: &str = "application/csp-report";

fn tell(town: &Town, body: &str) -> Answer {
    town.ask(report(REPORTS, REPORT, body))
}

/// The last that the events tell of it.
fn told(kept: &Kept) -> Value {
    let mut events = kept.events.iter();
    let told = events.rfind(|event| event["event.name"] == "third_parties.seen");
    told.expect("an event of third parties").clone()
}

#[test]
fn a_page_carries_the_policy_beside_that_of_the_cms_which_stays() {
    let own = [
        "Content-Type: text/html",
        "Content-Security-Policy: script-src 'none'",
        "Referrer-Policy: unsafe-url",
    ];
    let cms = Cms::saying(cms::ok(&own, ""));
    let town = before(&cms, "mode = \"enforce\"").open();
    let answer = town.get("/");
    let policies = answer.all("content-security-policy");
    assert_eq!(policies.len(), 2);
    assert_eq!(policies[0], "script-src 'none'");
    assert!(
        policies[1].starts_with("default-src 'self' 'unsafe-inline'"),
        "{policies:?}"
    );
    assert!(policies[1].contains(&format!(" www.{HOST}:*")) && policies[1].ends_with("report-uri /townclerk-reports"));
    assert_eq!(answer.all("referrer-policy"), ["same-origin"]);
    town.close();

    let town = before(&cms, "mode = \"observe\"").tls().open();
    let answer = crate::tls::get(&town, "/");
    assert_eq!(answer.all("content-security-policy"), ["script-src 'none'"]);
    assert_eq!(answer.all("referrer-policy"), ["unsafe-url"], "nothing is changed");
    let observed = answer.all("content-security-policy-report-only");
    assert!(observed[0].ends_with("report-to townclerk"), "{observed:?}");
    assert_eq!(answer.all("reporting-endpoints"), ["townclerk=\"/townclerk-reports\""]);
    town.close();
}

#[test]
fn without_a_word_of_third_parties_nothing_is_added_and_the_path_is_the_cmss() {
    let town = Town::before(&page()).open();
    let answer = town.get("/");
    for name in [
        "content-security-policy",
        "content-security-policy-report-only",
        "referrer-policy",
    ] {
        assert_eq!(answer.all(name), [""; 0]);
    }
    assert_eq!(tell(&town, "{}").text(), "<p>Dzień dobry</p>");
    assert!(!town.close().holds("third_parties.seen"));
}

#[test]
fn a_report_is_counted_by_site_kind_and_page_and_nothing_else_of_it_is_kept() {
    let cms = page();
    let town = before(&cms, "mode = \"observe\"").open();
    let document = format!("http://{HOST}/druki/jan@poczta.example?szukaj=tajne-slowo");
    for _ in 0..3 {
        let answer = tell(
            &town,
            &said(&document, "https://fonts.example/tajny-plik.woff2?k=1", "font-src"),
        );
        assert_eq!((answer.status, answer.body.len()), (204, 0));
    }
    let list = json!([{ "type": "csp-violation", "url": document, "user_agent": "tajna-przegladarka", "body": {
        "documentURL": format!("https://www.{HOST}/"), "blockedURL": "https://pixel.example",
        "effectiveDirective": "img-src" } }]);
    let answer = town.ask(report(REPORTS, "application/reports+json", &list.to_string()));
    assert_eq!(answer.status, 204);
    assert_eq!(tell(&town, "nothing of the kind").status, 204);
    assert!(cms.received().is_empty(), "the CMS was asked");

    let kept = town.close();
    let told = told(&kept);
    assert_eq!(told["mode"], "observe");
    assert_eq!(
        told["called"],
        json!({
            "fonts.example": { "declared": false, "calls": { "font": { "/druki/[email]": 3 } } },
            "pixel.example": { "declared": false, "calls": { "image": { "/": 1 } } },
        })
    );
    assert_eq!(told["others"], 1);
    // Each report is an exchange with an entry, which does not say what was reported.
    assert_eq!(kept.entries.len(), 5);
    for entry in &kept.entries {
        assert_eq!(entry["http.response.status_code"], 204);
        assert_eq!(
            (&entry["url.path"], &entry["http.request.method"]),
            (&REPORTS.into(), &"POST".into())
        );
        assert_eq!(entry["http.request.header.referer"], Value::Null);
    }
    for secret in ["tajn", "szukaj", "poczta.example", "woff2"] {
        assert!(!kept.holds(secret), "{secret}");
    }
    let address = "127.0.0.1";
    assert!(!told.to_string().contains(address) && kept.entries[0].to_string().contains(address));
}

#[test]
fn what_is_no_report_is_refused_and_recorded_once() {
    let cms = page();
    let town = before(&cms, "mode = \"enforce\"").open();
    let get = town.get(REPORTS);
    assert_eq!((get.status, get.field("allow")), (405, Some("POST")));
    assert_eq!(
        town.ask(report(REPORTS, "text/plain", "{}")).status,
        415,
        "a form of another site"
    );
    let preflight =
        format!("OPTIONS {REPORTS} HTTP/1.1\r\nHost: {HOST}\r\nOrigin: https://a.example\r\nConnection: close\r\n\r\n");
    let preflight = town.ask(preflight);
    assert_eq!(
        (preflight.status, preflight.field("access-control-allow-origin")),
        (405, None)
    );
    let large = format!("[{}]", "1,".repeat(100_000));
    assert_eq!(tell(&town, &large).status, 413);
    let mut leaving = town.visitor();
    leaving.send(format!(
        "POST {REPORTS} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: {REPORT}\r\nContent-Length: 9\r\n\r\n{{"
    ));
    drop(leaving);
    until(|| town.entries() == 5);
    assert!(cms.received().is_empty());
    let kept = town.close();
    assert_eq!(kept.entries.len(), 5);
    let mut errors = kept.errors();
    errors.sort_unstable();
    assert_eq!(errors[..3], ["-"; 3]);
    // A body that ends too soon is either seen first, or that its visitor has left.
    let left = ["cut_off.visitor", "refused.malformed"];
    assert!(
        errors[3..]
            .iter()
            .all(|error| left.contains(error) || *error == "refused.body_too_large"),
        "{errors:?}"
    );
    assert!(errors.contains(&"refused.body_too_large"), "{errors:?}");
    assert_eq!(told(&kept)["called"], json!({}));
}

#[test]
fn a_report_may_come_in_pieces_and_wait_to_be_asked_for() {
    let town = before(&page(), "mode = \"observe\"")
        .journal("durability = \"strict\"")
        .open();
    let body = said(&format!("http://{HOST}/"), "https://fonts.example", "style-src-elem");
    let (one, other) = body.split_at(20);
    let mut visitor = town.visitor();
    visitor.send(format!(
        "POST {REPORTS} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: {REPORT}\r\nTransfer-Encoding: chunked\r\n\
         Expect: 100-continue\r\nConnection: close\r\n\r\n"
    ));
    assert_eq!(visitor.head().0, 100);
    for piece in [one, other] {
        visitor.send(format!("{:x}\r\n{piece}\r\n", piece.len()));
    }
    visitor.send("0\r\n\r\n");
    assert_eq!(visitor.answer().status, 204);
    let kept = town.close();
    assert_eq!(told(&kept)["called"]["fonts.example"]["calls"]["style"]["/"], 1);
}

#[test]
fn a_flood_of_reports_is_answered_and_not_read() {
    let clock = townclerk::clock::Clock::set_to("2026-11-22T12:00:00Z".parse().expect("a time"));
    let town = before(&page(), "mode = \"observe\"").clock(&clock).open();
    let body = said(&format!("http://{HOST}/"), "https://fonts.example", "font-src");
    for _ in 0..40 {
        assert_eq!(tell(&town, &body).status, 204);
    }
    let kept = town.close();
    let told = told(&kept);
    let read = told["called"]["fonts.example"]["calls"]["font"]["/"]
        .as_u64()
        .expect("a number");
    let unread = told["unread"].as_u64().expect("a number");
    assert_eq!((read, unread, kept.entries.len()), (32, 8, 40));
}

#[test]
fn a_reload_changes_what_is_told_and_where_it_is_reported_and_counts_anew() {
    let mut town = before(&page(), "mode = \"observe\"")
        .site(&format!("browser_reports = \"{REPORTS}\""))
        .open();
    assert_eq!(
        tell(&town, &said(&format!("http://{HOST}/"), "https://a.example", "img-src")).status,
        204
    );
    town.edit("townclerk.toml", REPORTS, "/zgloszenia");
    let reloaded = town.reload().expect("it reloads");
    assert_eq!(
        reloaded.changed,
        [format!("{HOST}, www.{HOST}: where browsers report to")]
    );
    assert_eq!(tell(&town, "{}").status, 200, "it is the CMS's now");
    assert!(town.get("/").all("content-security-policy-report-only")[0].ends_with("report-uri /zgloszenia"));
    town.edit(
        "policy.toml",
        "version = \"1\"\neffective = 2026-11-21",
        "version = \"2\"\neffective = 2026-11-22",
    );
    town.edit(
        "policy.toml",
        "[third_parties]\nmode = \"observe\"",
        "[third_parties]\nmode = \"enforce\"",
    );
    town.reload().expect("it reloads");
    let answer = town.get("/");
    assert!(answer.field("content-security-policy").is_some());
    assert!(answer.field("content-security-policy-report-only").is_none());
    let kept = town.close();
    let told: Vec<_> = kept
        .events
        .iter()
        .filter(|event| event["event.name"] == "third_parties.seen")
        .collect();
    assert_eq!(told.len(), 2);
    assert_eq!(told[0]["called"]["a.example"]["calls"]["image"]["/"], 1);
    assert_eq!((&told[1]["mode"], &told[1]["called"]), (&"enforce".into(), &json!({})));
}

#[test]
fn the_administrator_sees_which_sites_pages_call_and_where() {
    let folder = tempfile::tempdir().expect("a folder");
    let cms = page();
    let allow = "mode = \"observe\"\n[[third_parties.allow]]\nhost = \"mapy.example\"\n\
                 purpose = { pl = \"Mapa.\", en = \"A map.\" }";
    let (config, _) = before(&cms, allow).write(folder.path());
    assert_eq!(run_with(&["journal", "init"], &config).code, Some(0));
    let see = |arguments: &[&str]| run_with(&[&["third-parties"], arguments].concat(), &config);
    let nothing = see(&[]);
    assert_eq!(nothing.code, Some(0));
    assert!(nothing.out.starts_with("nothing was told of"), "{}", nothing.out);

    for _ in 0..2 {
        let serving = Serving::start(&config);
        for page in ["/kontakt", "/kontakt", "/"] {
            let mut visitor = Visitor::to(serving.address);
            let body = said(&format!("http://{HOST}{page}"), "https://fonts.example/a", "font-src");
            visitor.send(report(REPORTS, REPORT, &body));
            assert_eq!(visitor.answer().status, 204);
        }
        assert_eq!(serving.stop().code, Some(0));
    }
    let seen = see(&[]);
    assert_eq!(seen.code, Some(1), "one is not in the policy: {seen:?}");
    let rows: Vec<Vec<&str>> = seen.out.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[1][..5], ["fonts.example", "no", "font", "/kontakt", "4"]);
    assert_eq!(rows[2][..5], ["fonts.example", "no", "font", "/", "2"]);
    assert_eq!(rows[3], ["mapy.example", "yes", "never", "never"]);
    assert!(
        seen.out.contains("only observed") && seen.err.contains("hint"),
        "{seen:?}"
    );
    let json: Value = serde_json::from_str(&see(&["--format", "json"]).out).expect("JSON");
    assert_eq!(
        json["sites"][0]["calls"][0],
        json!({ "kind": "font", "page": "/", "reports": 2 })
    );
    assert_eq!(
        (&json["mode"], &json["sites"][1]["declared"]),
        (&"observe".into(), &true.into())
    );
    assert_eq!(see(&["--from", "2040-01-01"]).code, Some(0));

    let doctor = || run_with(&["doctor"], &config).out;
    assert!(
        doctor().contains("call some that the policy does not list: fonts.example"),
        "{}",
        doctor()
    );
    let policy = folder.path().join("policy.toml");
    let text = fs::read_to_string(&policy).expect("text");
    fs::write(&policy, text.replace("mapy.example", "fonts.example")).expect("a file");
    assert!(
        doctor().contains("no page was seen to call one that is not listed"),
        "{}",
        doctor()
    );
    fs::write(
        &policy,
        text.replace(
            "[third_parties]\nmode = \"observe\"",
            "[third_parties]\nmode = \"enforce\"",
        ),
    )
    .expect("a file");
    assert!(
        doctor().contains("told not to call these, which pages try to: fonts.example"),
        "{}",
        doctor()
    );
    fs::write(&policy, POLICY).expect("a file");
    assert!(doctor().contains("the policy has no [third_parties]"), "{}", doctor());
}

#[test]
fn the_officer_reads_which_sites_a_draft_lets_pages_call() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, section: &str| {
        let file = folder.path().join(name);
        fs::write(&file, POLICY.replace("[statistics]", &format!("{section}[statistics]"))).expect("a file");
        file.display().to_string()
    };
    let map = "[[third_parties.allow]]\nhost = \"mapy.example\"\npurpose = { pl = \"Mapa.\", en = \"A map.\" }\n";
    let silent = write("silent.toml", "");
    let observed = write("observed.toml", "[third_parties]\nmode = \"observe\"\n");
    let enforced = write("enforced.toml", &format!("[third_parties]\nmode = \"enforce\"\n{map}"));
    let diff = |before: &str, after: &str, lang: &str| {
        let arguments = ["policy", "diff", before, after, "--lang", lang];
        crate::serve::program::run(&arguments).out
    };
    let begun = diff(&silent, &observed, "en");
    assert!(
        begun.contains("Other rules for other sites\n  + For the time being"),
        "{begun}"
    );
    let changed = diff(&observed, &enforced, "en");
    for line in [
        "Other sites that pages may call\n  + mapy.example: A map.",
        "  - For the time being we do not limit",
        "  + We tell the browser to load nothing from sites that this policy does not list",
    ] {
        assert!(changed.contains(line), "{line}: {changed}");
    }
    let back = diff(&enforced, &observed, "pl");
    assert!(back.contains("już się nie połączą\n  - mapy.example: Mapa."), "{back}");
}
