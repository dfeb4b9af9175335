//! What watches the numbers knows them: the dashboard and the alerts ask for nothing that is not there.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::{administered, get, metrics, port};
use crate::skip::without;
use crate::town::{Cms, HOST, Town};

const DEPLOY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy");

fn deployed(file: &str) -> String {
    fs::read_to_string(Path::new(DEPLOY).join(file)).expect("text")
}

/// The names of our numbers in a text, as samples have them.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|char: char| !char.is_ascii_alphanumeric() && char != '_');
    words
        .filter(|word| word.starts_with("townclerk_") || word.starts_with("process_"))
        .map(str::to_owned)
        .collect()
}

/// Every label of ours that a page has, by the name of its number.
fn samples(page: &str) -> BTreeSet<String> {
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.split(['{', ' ']).next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_dashboard_and_the_alerts_ask_for_numbers_that_there_are() {
    let town = administered(Town::before(&Cms::page("a")).tls()).open();
    town.ask(format!(
        "GET / HTTP/1.1\r\nHost: {HOST}\r\nCookie: PHPSESSID=a\r\nConnection: close\r\n\r\n"
    ));
    let there = samples(&metrics(port(&town)));
    let dashboard: Value = serde_json::from_str(&deployed("grafana-dashboard.json")).expect("JSON");
    let asked = |text: &str| {
        let asked = names(text);
        assert!(asked.len() > 15, "{asked:?}");
        let missing: Vec<_> = asked.difference(&there).collect();
        assert!(missing.is_empty(), "{missing:?} are not among {there:?}");
        asked
    };
    let shown = asked(&dashboard.to_string());
    let watched = asked(&deployed("alerts.yml"));
    // What is there and nobody looks at is not worth its bytes.
    let nowhere: Vec<_> = there
        .iter()
        .filter(|name| !shown.contains(*name) && !watched.contains(*name))
        .filter(|name| !name.ends_with("_sum") && !name.ends_with("_count"))
        .collect();
    assert_eq!(nowhere, ["townclerk_workers"]);
}

/// Every expression of the dashboard as a rule, which Prometheus's tool can read.
fn dashboard_as_rules() -> String {
    fn find(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Array(all) => all.iter().for_each(|value| find(value, found)),
            Value::Object(all) => {
                found.extend(all.get("expr").and_then(Value::as_str).map(str::to_owned));
                all.values().for_each(|value| find(value, found));
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    find(
        &serde_json::from_str(&deployed("grafana-dashboard.json")).expect("JSON"),
        &mut found,
    );
    assert!(found.len() > 30, "{found:?}");
    let filled = found.iter().map(|expression| {
        let filled = expression.replace("$__rate_interval", "5m").replace("$__range", "1h");
        json!({ "record": "shown", "expr": filled, "labels": { "place": filled } })
    });
    let rules: Value = filled.collect();
    json!({ "groups": [{ "name": "dashboard", "rules": rules }] }).to_string()
}

#[test]
fn every_alert_is_tested() {
    let alerts = deployed("alerts.yml");
    let severities = |severity: &str| alerts.matches(&format!("severity: {severity}")).count();
    let tests = deployed("alerts.test.yml");
    for severity in ["critical", "warning", "info"] {
        let told = format!("{{severity=\"{severity}\"}}', value: {}", severities(severity));
        assert!(tests.contains(&told), "{told}");
    }
}

#[test]
fn prometheus_takes_the_rules_and_the_numbers() {
    if without("promtool", "--version", "rules and numbers by Prometheus's own tool") {
        return;
    }
    for arguments in [["check", "rules", "alerts.yml"], ["test", "rules", "alerts.test.yml"]] {
        let ran = Command::new("promtool")
            .args(arguments)
            .current_dir(DEPLOY)
            .output()
            .expect("it runs");
        assert!(ran.status.success(), "{ran:?}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let rules = folder.path().join("dashboard.yml");
    fs::write(&rules, dashboard_as_rules()).expect("a file");
    let ran = Command::new("promtool")
        .args(["check", "rules"])
        .arg(&rules)
        .output()
        .expect("it runs");
    assert!(ran.status.success(), "{ran:?}");
    let town = administered(Town::before(&Cms::page("a")).tls()).open();
    town.get("/");
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let page = get(port(&town), "/metrics").text();
    promtool
        .stdin
        .take()
        .expect("piped")
        .write_all(page.as_bytes())
        .expect("it reads");
    let ran = promtool.wait_with_output().expect("it ends");
    assert!(ran.status.success() && ran.stderr.is_empty(), "{ran:?}\n{page}");
}
