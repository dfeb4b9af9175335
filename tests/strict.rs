//! `durability = "strict"`: each answer has its arrival, which says no more than its entry.

use std::io::Write;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use townclerk::journal::age::Identities;
use townclerk::journal::{self, Lines, Log};

use crate::serve::program::{Serving, run_with};
use crate::town::{Cms, HOST, Plan, Town, cms};

fn strict(cms: &Cms) -> Plan {
    Town::before(cms).journal("durability = \"strict\"")
}

/// The lines of the log of arrivals.
fn arrivals(folder: &std::path::Path) -> Vec<Value> {
    let mut lines = Lines::of(&folder.join("journal"), Log::Arrivals, &Identities::default()).expect("a log");
    let mut read = Vec::new();
    while let Some(line) = lines.next_line().expect("a line") {
        read.push(serde_json::from_slice(line.text).expect("JSON"));
    }
    read
}

#[test]
fn whatever_is_answered_has_an_arrival_and_its_entry_names_it() {
    let cms = Cms::writing(|request, stream| {
        let switch = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello";
        let answer = match request.target() {
            "/ws" => switch.as_bytes().to_vec(),
            _ => cms::ok(&[], "x"),
        };
        let _ = stream.write_all(&answer);
    });
    let town = strict(&cms).open();
    let asked = [
        ("GET /page HTTP/1.1\r\nHost: um.example.pl\r\n\r\n", 200),
        ("GET /refused HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n", 421),
        (
            "POST /told HTTP/1.1\r\nHost: um.example.pl\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n",
            100,
        ),
        (
            "GET /ws HTTP/1.1\r\nHost: um.example.pl\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
            101,
        ),
    ];
    for (request, expected) in asked {
        let mut visitor = town.visitor();
        visitor.send(request);
        assert_eq!(visitor.head().0, expected);
        let path = request.split(' ').nth(1).expect("a path");
        // It is on the disk before its answer is here, and its entry is not yet.
        let last = arrivals(town.folder()).pop().expect("an arrival");
        assert_eq!(last["url"]["path"], path);
        if expected == 100 {
            visitor.send("x");
            assert_eq!(visitor.answer().status, 200);
        }
    }
    assert_eq!(town.ask("no request\r\n\r\n").status, 400);
    let folder = town.leave();
    let arrivals = arrivals(folder.path());
    let entries = crate::town::Kept::read(folder.path()).entries;
    let (of_requests, others): (Vec<_>, Vec<_>) = entries
        .iter()
        .partition(|entry| entry.get("townclerk.arrival").is_some());
    assert_eq!((arrivals.len(), of_requests.len(), others.len()), (4, 4, 1));
    assert_eq!(others[0]["error.type"], "not_a_request.malformed", "{}", others[0]);
    for entry in of_requests {
        let arrival = entry["townclerk.arrival"].as_u64().expect("a number");
        assert_eq!(entry["url.path"], arrivals[arrival as usize]["url"]["path"]);
        assert_eq!(entry["timestamp"], arrivals[arrival as usize]["timestamp"]);
    }
}

#[test]
fn an_arrival_says_nothing_that_depends_on_the_end_and_no_address_that_is_kept_elsewhere() {
    const FIELDS: &str = "client_address = \"whole\"\n";
    const REDACT: &str = "[log.access.redact]";
    let table = format!(
        "[log.addresses]\npurpose = {{ pl = \"Nadużycia.\", en = \"Abuse.\" }}\nretention = \"14 days\"\n\
         [log.addresses.fields]\n{FIELDS}{REDACT}"
    );
    let cms = Cms::page("x");
    let plan = strict(&cms).policy("retention = \"unlimited\"", "retention = \"90 days\"");
    let town = plan.policy(FIELDS, "").policy(REDACT, &table).open();
    town.ask(format!(
        "GET /a?haslo=tajne HTTP/1.1\r\nHost: {HOST}\r\nReferer: http://{HOST}/strona\r\nConnection: close\r\n\r\n"
    ));
    let folder = town.leave();
    let arrivals = arrivals(folder.path());
    let arrival = arrivals[0].as_object().expect("an object");
    let names: Vec<_> = arrival.keys().map(String::as_str).collect();
    assert_eq!(names, ["http", "network", "timestamp", "townclerk", "url"]);
    assert_eq!(arrival["http"], serde_json::json!({"request": {"method": "GET"}}));
    assert_eq!(arrival["townclerk"], serde_json::json!({"policy": {"version": "1"}}));
    assert!(!arrivals[0].to_string().contains("tajne"));
}

#[test]
fn after_a_crash_what_got_no_entry_is_listed() {
    for format in ["json-lines", "combined"] {
        let cms = Cms::new(|request| match request.target() {
            "/open" => {
                thread::sleep(Duration::from_secs(60));
                Vec::new()
            }
            _ => cms::ok(&[], "x"),
        });
        let folder = tempfile::tempdir().expect("a folder");
        let (config, journal) = strict(&cms)
            .journal(&format!("format = \"{format}\""))
            .write(folder.path());
        journal::init(&journal, &folder.path().join("journal.key"), HOST).expect("a journal");
        let serving = Serving::start(&config);
        let ask = |path: &str| {
            let mut visitor = crate::town::Visitor::to(serving.address);
            visitor.send(format!(
                "GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"
            ));
            visitor
        };
        let _open = ask("/open");
        for _ in 0..3 {
            assert_eq!(ask("/whole").answer().status, 200);
        }
        thread::sleep(Duration::from_millis(200)); // its entries are written
        serving.kill();
        let unmatched = run_with(&["journal", "cat", "--log", "arrivals", "--unmatched"], &config);
        assert_eq!(unmatched.code, Some(0), "{unmatched:?}");
        assert_eq!(unmatched.out.lines().count(), 1, "{unmatched:?}");
        assert!(unmatched.out.contains("\"path\":\"/open\""), "{unmatched:?}");
        let table = run_with(&["journal", "cat", "--log", "arrivals", "--format", "table"], &config);
        assert_eq!(table.out.lines().count(), 5, "{table:?}");
        let of_access = run_with(&["journal", "cat", "--unmatched"], &config);
        assert_ne!(of_access.code, Some(0));
        assert!(of_access.err.contains("--log arrivals"), "{of_access:?}");
    }
}
