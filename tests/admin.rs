//! The admin listener: whether the server is well, its numbers, and the reload; for the administrator alone.

mod diagnostics;
mod watching;

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use serde_json::Value;

use crate::drain::until;
use crate::serve::program::{Serving, run, run_with};
use crate::town::{Answer, Cms, HOST, Plan, Town, Visitor};

/// With a port of its own for the administrator.
fn administered(town: Plan) -> Plan {
    town.table("[admin]\nlisten = [\"127.0.0.1:0\"]")
}

pub fn port(town: &Town) -> SocketAddr {
    let place = &town.admin()[0];
    let address = place.strip_prefix("http://").expect("a port");
    address.parse().expect("an address")
}

/// One request with further lines of its head.
fn ask(admin: SocketAddr, method: &str, path: &str, more: &str) -> Answer {
    let mut visitor = Visitor::to(admin);
    visitor.send(format!(
        "{method} {path} HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n{more}\r\n"
    ));
    visitor.answer_to(method)
}

fn get(admin: SocketAddr, path: &str) -> Answer {
    ask(admin, "GET", path, "")
}

/// The page of numbers in OpenMetrics.
pub fn metrics(admin: SocketAddr) -> String {
    let answer = ask(admin, "GET", "/metrics", "Accept: application/openmetrics-text\r\n");
    assert_eq!(answer.status, 200);
    let kind = answer.field("content-type").expect("a type");
    assert!(
        kind.starts_with("application/openmetrics-text; version=1.0.0"),
        "{kind}"
    );
    let text = answer.text();
    assert!(text.ends_with("# EOF\n"), "{text}");
    text
}

/// The number of the series that begins so.
pub fn number(page: &str, series: &str) -> f64 {
    let line = page
        .lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    let number = line.unwrap_or_else(|| panic!("no {series} in {page}"));
    number.parse().unwrap_or_else(|_| panic!("{series} {number}"))
}

fn outcome(page: &str, outcome: &str, status: &str) -> f64 {
    let series = format!("townclerk_exchanges_total{{site=\"{HOST}\",outcome=\"{outcome}\",status=\"{status}\"}}");
    number(page, &series)
}

#[test]
fn a_server_that_is_well_says_so_in_words_and_in_json() {
    let town = administered(Town::before(&Cms::page("a"))).open();
    let admin = port(&town);
    for path in ["/healthz", "/readyz"] {
        let answer = get(admin, path);
        assert_eq!((answer.status, answer.text().as_str()), (200, "ok\n"), "{path}");
        assert_eq!(answer.field("cache-control"), Some("no-store"));
        let json = ask(admin, "GET", path, "Accept: application/json\r\n");
        let said: Value = serde_json::from_slice(&json.body).expect("JSON");
        assert_eq!(
            (&said["ok"], &said["lacks"]),
            (&Value::Bool(true), &Value::Array(Vec::new()))
        );
    }
    assert_eq!(ask(admin, "HEAD", "/healthz", "").status, 200);
    assert_eq!(ask(admin, "POST", "/healthz", "").status, 405);
    assert_eq!(get(admin, "/").status, 404);
    assert_eq!(town.close().entries.len(), 0, "nothing of it is recorded");
}

#[test]
fn a_cms_that_is_down_is_named_until_it_is_back() {
    let cms = TcpListener::bind("127.0.0.1:0")
        .expect("a port")
        .local_addr()
        .expect("an address");
    let town = administered(Town::before_address(cms)).open();
    let admin = port(&town);
    assert_eq!(get(admin, "/readyz").status, 200, "nobody knows yet");
    assert_eq!(town.get("/").status, 502);
    let answer = get(admin, "/readyz");
    assert_eq!(answer.status, 503);
    assert_eq!(
        answer.text(),
        format!("{HOST}: upstream: the CMS accepts no connection\n")
    );
    let _back = TcpListener::bind(cms).expect("the port");
    assert_eq!(get(admin, "/readyz").status, 200);
}

#[test]
fn a_checkpoint_that_is_gone_or_not_genuine_is_named() {
    let town = administered(Town::before(&Cms::page("a"))).open();
    let admin = port(&town);
    let checkpoint = town.folder().join("journal/access/checkpoint");
    let genuine = fs::read_to_string(&checkpoint).expect("a checkpoint");
    let valid = format!("townclerk_journal_checkpoint_valid{{site=\"{HOST}\",log=\"access\"}}");
    assert_eq!(number(&metrics(admin), &valid), 1.0);
    let altered = genuine.replacen("\n0\n", "\n7\n", 1);
    assert_ne!(altered, genuine);
    for bad in [Some(altered), None] {
        match bad {
            Some(text) => fs::write(&checkpoint, text).expect("a file"),
            None => fs::remove_file(&checkpoint).expect("it goes"),
        }
        let answer = get(admin, "/readyz");
        assert_eq!(answer.status, 503);
        assert!(
            answer.text().contains("checkpoint: the newest one of `access`"),
            "{}",
            answer.text()
        );
        assert_eq!(number(&metrics(admin), &valid), 0.0);
    }
    assert_eq!(get(admin, "/healthz").status, 200, "the process works all the same");
}

#[test]
fn numbers_are_those_of_what_happened() {
    let cms = Cms::new(|request| {
        let status = if request.target() == "/no" { "404 No" } else { "200 OK" };
        let cookies = "Set-Cookie: PHPSESSID=a; Max-Age=9\r\nSet-Cookie: other=b";
        format!("HTTP/1.1 {status}\r\n{cookies}\r\nContent-Length: 3\r\n\r\nabc").into_bytes()
    });
    let mut town = administered(Town::before(&cms)).open();
    let admin = port(&town);
    let page = metrics(admin);
    assert_eq!(
        (
            outcome(&page, "completed", "2xx"),
            outcome(&page, "upstream.closed", "5xx")
        ),
        (0.0, 0.0)
    );

    town.get("/");
    town.get("/no");
    town.ask("GET / HTTP/1.1\r\nHost: elsewhere.example\r\nConnection: close\r\n\r\n");
    town.ask(format!(
        "GET / HTTP/1.1\r\nHost: {HOST}\r\nCookie: _ga=1; PHPSESSID=a\r\nConnection: close\r\n\r\n"
    ));
    until(|| outcome(&metrics(admin), "completed", "2xx") == 2.0);
    let page = metrics(admin);
    assert_eq!(outcome(&page, "completed", "4xx"), 1.0);
    assert_eq!(outcome(&page, "refused.unknown_site", "4xx"), 1.0);
    let cookies = |direction: &str, verdict: &str| {
        let labels = format!("direction=\"{direction}\",verdict=\"{verdict}\",mode=\"enforce\"");
        number(&page, &format!("townclerk_cookies_total{{site=\"{HOST}\",{labels}}}"))
    };
    assert_eq!(
        (cookies("response", "limited"), cookies("response", "stripped")),
        (3.0, 3.0)
    );
    assert_eq!(
        (cookies("request", "passed"), cookies("request", "stripped")),
        (1.0, 1.0)
    );
    let names = |listed: &str, seen: &str| {
        number(
            &page,
            &format!("townclerk_cookie_names{{site=\"{HOST}\",listed=\"{listed}\",seen=\"{seen}\"}}"),
        )
    };
    assert_eq!(
        (names("yes", "yes"), names("yes", "no"), names("no", "yes")),
        (1.0, 1.0, 2.0)
    );
    let by_name = |name: &str, listed: &str, direction: &str, verdict: &str| {
        let labels = format!("name=\"{name}\",listed=\"{listed}\",direction=\"{direction}\",verdict=\"{verdict}\"");
        number(
            &page,
            &format!("townclerk_cookies_by_name_total{{site=\"{HOST}\",{labels}}}"),
        )
    };
    assert_eq!(by_name("PHPSESSID", "yes", "response", "limited"), 3.0);
    assert_eq!(by_name("PHPSESSID", "yes", "request", "passed"), 1.0);
    assert_eq!(by_name("other", "no", "response", "stripped"), 3.0);
    assert_eq!(by_name("_ga", "no", "request", "stripped"), 1.0, "which no answer set");
    assert!(
        !page.contains("name=\"_ga\",listed=\"no\",direction=\"response\""),
        "{page}"
    );
    let of_site = |name: &str| number(&page, &format!("townclerk_{name}{{site=\"{HOST}\"}}"));
    assert_eq!(of_site("upstream_answer_seconds_count"), 3.0);
    assert!(of_site("upstream_answer_seconds_sum") > 0.0);
    assert_eq!(of_site("journal_failed"), 0.0);
    assert_eq!(of_site("journal_queue_limit"), 65_536.0);
    assert!(of_site("journal_disk_free_bytes") < of_site("journal_disk_size_bytes"));
    assert!(of_site("response_body_bytes_total") >= 9.0);
    assert_eq!(number(&page, "townclerk_workers"), 2.0);
    assert_eq!(number(&page, "townclerk_connections_accepted_total"), 4.0);
    assert!(page.contains(&format!(
        "townclerk_policy_info{{site=\"{HOST}\",version=\"1\",effective=\"2026-11-21\"}} 1"
    )));
    until(|| {
        number(
            &metrics(admin),
            &format!("townclerk_journal_records_total{{site=\"{HOST}\"}}"),
        ) == 4.0
    });
    let synced = format!("townclerk_journal_sync_seconds_count{{site=\"{HOST}\",log=\"access\"}}");
    assert!(number(&metrics(admin), &synced) >= 1.0);

    // They go on when the configuration is read again; what a policy counts begins anew with it.
    town.edit("policy.toml", "version = \"1\"", "version = \"2\"");
    town.edit("policy.toml", "effective = 2026-11-21", "effective = 2026-11-22");
    town.reload().expect("it reloads");
    let page = metrics(admin);
    assert_eq!(outcome(&page, "completed", "2xx"), 2.0);
    assert!(page.contains(",version=\"2\",effective=\"2026-11-22\"} 1"), "{page}");
    assert_eq!(number(&page, "townclerk_reloads_total{result=\"done\"}"), 1.0);
}

#[test]
fn handshakes_and_the_ends_of_certificates_are_counted() {
    let town = administered(Town::before(&Cms::page("a")).tls()).open();
    let admin = port(&town);
    let mut visitor = Visitor::to(town.https());
    visitor.send("this is no handshake\r\n\r\n");
    visitor.rest();
    until(|| number(&metrics(admin), "townclerk_tls_handshakes_total{result=\"failed\"}") == 1.0);
    let page = metrics(admin);
    assert_eq!(number(&page, "townclerk_tls_handshakes_total{result=\"done\"}"), 0.0);
    until(|| outcome(&metrics(admin), "not_a_request.tls", "none") == 1.0);
    let certificate = town.certificate();
    let ends = format!(
        "townclerk_certificate_end_timestamp_seconds{{certificate=\"{}\"}}",
        certificate.display()
    );
    assert!(number(&page, &ends) > 1.7e9, "{page}");
}

#[test]
fn what_the_process_takes_has_the_names_of_prometheuss_own_libraries() {
    let town = administered(Town::before(&Cms::page("a"))).open();
    let admin = port(&town);
    let files: Vec<_> = (0..200)
        .map(|_| fs::File::open("/dev/null").expect("it opens"))
        .collect();
    let page = metrics(admin);
    let open = number(&page, "process_open_fds");
    assert!(
        open > files.len() as f64 && open <= number(&page, "process_max_fds"),
        "{page}"
    );
    let memory = number(&page, "process_resident_memory_bytes");
    assert!((1e6..1e12).contains(&memory), "{memory}");
    assert!(number(&page, "process_start_time_seconds") > 1.7e9);
    let used = |page: &str| number(page, "process_cpu_seconds_total");
    until(|| used(&metrics(admin)) > used(&page)); // asking takes some
    assert_eq!(page.matches("# EOF").count(), 1);
}

#[test]
fn programs_that_do_not_know_openmetrics_have_the_numbers_too() {
    let town = administered(Town::before(&Cms::page("a"))).open();
    let answer = get(port(&town), "/metrics");
    assert_eq!(
        answer.field("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    let page = answer.text();
    assert!(page.contains("\n# TYPE townclerk_exchanges_total counter\n"), "{page}");
    assert!(!page.contains("# EOF") && !page.contains("# UNIT"), "{page}");
}

#[test]
fn other_names_and_web_pages_get_nothing() {
    let town = administered(Town::before(&Cms::page("a"))).open();
    let admin = port(&town);
    let mut rebound = Visitor::to(admin);
    rebound.send("GET /metrics HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
    let answer = rebound.answer();
    assert_eq!(answer.status, 421);
    assert!(!answer.text().contains("townclerk_"));
    let order = "Townclerk-Order: reload\r\n";
    for (more, status) in [
        (String::new(), 403),
        (format!("{order}Origin: https://evil.example\r\n"), 403),
        (format!("{order}Sec-Fetch-Site: cross-site\r\n"), 403),
    ] {
        assert_eq!(ask(admin, "POST", "/reload", &more).status, status, "{more}");
    }
    assert_eq!(ask(admin, "GET", "/reload", order).status, 405);
}

#[test]
fn whom_other_machines_can_reach_takes_no_orders() {
    let town = Town::before(&Cms::page("a"))
        .table("[admin]\nlisten = [\"0.0.0.0:0\"]")
        .open();
    let admin = SocketAddr::from(([127, 0, 0, 1], port(&town).port()));
    let mut prometheus = Visitor::to(admin);
    prometheus.send("GET /metrics HTTP/1.1\r\nHost: townclerk:9465\r\nConnection: close\r\n\r\n");
    assert_eq!(prometheus.answer().status, 200, "by the name of its container");
    let answer = ask(admin, "POST", "/reload", "Townclerk-Order: reload\r\n");
    assert_eq!(answer.status, 403);
    assert!(
        answer.text().contains("unix socket or a loopback address"),
        "{}",
        answer.text()
    );
}

#[test]
fn a_socket_is_for_its_user_and_group_and_goes_with_the_server() {
    let plan = || Town::before(&Cms::page("a")).table("[admin]\nlisten = [\"unix:admin.sock\"]");
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("admin.sock");
    drop(UnixListener::bind(&socket).expect("a socket")); // whoever had it was killed
    let town = plan().open_in(folder);
    let mode = fs::metadata(&socket).expect("a socket").permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    let mut visitor = Visitor::over(UnixStream::connect(&socket).expect("it is listened to"));
    visitor.send("GET /healthz HTTP/1.1\r\nHost: whatever\r\nConnection: close\r\n\r\n");
    assert_eq!(visitor.answer().text(), "ok\n");
    let folder = town.leave();
    assert!(!socket.exists());
    fs::write(&socket, "a file of somebody's").expect("a file");
    let (config, _) = plan().write(folder.path());
    let ended = run_with(&["serve"], &config);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("a file of another kind"), "{}", ended.err);
    assert!(socket.exists(), "it is nobody's to take");
}

/// A program that serves, with a socket for the administrator.
fn serving(folder: &Path) -> Serving {
    let town = Town::before(&Cms::page("a")).table("[admin]\nlisten = [\"unix:admin.sock\"]");
    let (config, _) = town.write(folder);
    assert_eq!(run_with(&["journal", "init"], &config).code, Some(0));
    Serving::start(&config)
}

#[test]
fn health_is_a_question_with_an_exit_code() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("townclerk.toml");
    let serving = serving(folder.path());
    let well = run_with(&["health"], &config);
    assert_eq!((well.code, well.out.as_str()), (Some(0), "ok\n"), "{well:?}");
    assert_eq!(run_with(&["health", "--ready"], &config).code, Some(0));
    let place = format!("unix:{}", folder.path().join("admin.sock").display());
    fs::write(&config, "broken").expect("a file");
    assert_eq!(
        run(&["health", "--admin", &place]).code,
        Some(0),
        "the configuration is not read then"
    );
    assert_eq!(run_with(&["health"], &config).code, Some(2));
    fs::remove_file(folder.path().join("journal/events/checkpoint")).expect("it goes");
    let lacking = run(&["health", "--ready", "--admin", &place]);
    assert_eq!(lacking.code, Some(1));
    assert!(lacking.out.contains("checkpoint"), "{lacking:?}");
    serving.kill();
    let gone = run(&["health", "--admin", &place]);
    assert_eq!(gone.code, Some(1));
    assert!(gone.err.contains("no answer at unix:"), "{gone:?}");
    Town::before(&Cms::page("a")).write(folder.path());
    let nobody = run_with(&["health"], &config);
    assert_eq!(nobody.code, Some(2));
    assert!(nobody.err.contains("there is no [admin]"), "{nobody:?}");
}

#[test]
fn a_reload_is_all_or_nothing_and_answers_with_what_came_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("townclerk.toml");
    let mut serving = serving(folder.path());
    let unchanged = run_with(&["reload"], &config);
    assert_eq!(
        (unchanged.code, unchanged.out.as_str()),
        (Some(0), "reloaded: nothing changed\n")
    );

    let right = fs::read_to_string(&config).expect("text");
    let place = format!("unix:{}", folder.path().join("admin.sock").display());
    fs::write(
        &config,
        right.replace("[[site]]", "[limits]\nconnections = 0\nexchange = 1\n[[site]]"),
    )
    .expect("a file");
    let faulty = run(&["reload", "--admin", &place]);
    assert_eq!(faulty.code, Some(1), "{faulty:?}");
    assert!(
        faulty
            .out
            .contains("connections = 0 is too little\n  hint: write a number from 1 to 1000000")
            && faulty.out.contains("unknown key exchange")
            && faulty.out.ends_with("not reloaded: everything stays as it was\n"),
        "{faulty:?}"
    );
    serving.hear("everything stays as it was");

    // Right by itself, but the journal does not take it: a policy that says something else under an old version.
    fs::write(&config, &right).expect("a file");
    let policy = folder.path().join("policy.toml");
    let text = fs::read_to_string(&policy).expect("text");
    fs::write(&policy, text.replace("auth_user = true", "auth_user = false")).expect("a file");
    let refused = run_with(&["reload"], &config);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.out.contains("  hint: give the policy a new version"),
        "{refused:?}"
    );
    fs::write(&policy, text).expect("a file");

    fs::write(
        &config,
        right.replace("[[site]]", "[limits]\nconnections = 77\n[[site]]"),
    )
    .expect("a file");
    let reloaded = run_with(&["reload"], &config);
    assert_eq!(reloaded.code, Some(0), "{reloaded:?}");
    assert_eq!(reloaded.out, "changed: the limits, for new connections\nreloaded\n");
    serving.hear("1 change is in use");

    let mut admin = Visitor::over(UnixStream::connect(folder.path().join("admin.sock")).expect("a socket"));
    admin.send("GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: application/openmetrics-text\r\nConnection: close\r\n\r\n");
    let page = admin.answer().text();
    assert_eq!(number(&page, "townclerk_reloads_total{result=\"done\"}"), 2.0);
    assert_eq!(number(&page, "townclerk_reloads_total{result=\"refused\"}"), 2.0);
    assert_eq!(number(&page, "townclerk_connections_limit"), 77.0);
    assert_eq!(serving.stop().code, Some(0));
}
