//! Reading everything again while serving: all or nothing, and nobody is dropped.

use std::fs;
use std::io::{Read, Write};

use townclerk::journal;

use crate::drain::{until, waiting};
use crate::serve::program::{Serving, run_with};
use crate::town::{Cms, HOST, Kept, POLICY, Town};

/// The second version of the policy: the next day, without browsers.
fn second(town: &Town) {
    town.edit("policy.toml", "version = \"1\"", "version = \"2\"");
    town.edit("policy.toml", "effective = 2026-11-21", "effective = 2026-11-22");
    town.edit("policy.toml", "user_agent = \"whole\"", "user_agent = \"omitted\"");
}

/// A further site whose CMS says its own word.
fn add_site(town: &Town, cms: &Cms) {
    let config = town.folder().join("townclerk.toml");
    let text = fs::read_to_string(&config).expect("text");
    let site = format!(
        "[[site]]\nhosts = [\"bip.example.pl\"]\npolicy = \"policy.toml\"\nupstream = {{ url = \"http://{}\" }}\n\
         journal = {{ folder = \"bip\" }}\n",
        cms.address()
    );
    fs::write(config, text + &site).expect("a file");
}

fn bip(town: &Town) -> u16 {
    let request = "GET / HTTP/1.1\r\nHost: bip.example.pl\r\nConnection: close\r\n\r\n";
    town.ask(request).status
}

fn names(kept: &Kept) -> Vec<&str> {
    kept.events
        .iter()
        .filter_map(|event| event["event.name"].as_str())
        .collect()
}

#[test]
fn without_a_change_nothing_changes() {
    let mut town = Town::before(&Cms::page("a")).tls().open();
    let reloaded = town.reload().expect("it reloads");
    assert_eq!(
        (reloaded.changed.len(), reloaded.needs_restart.len()),
        (0, 0),
        "{reloaded:?}"
    );
    assert_eq!(town.get("/").text(), "a");
    let kept = town.close();
    assert_eq!(
        names(&kept).iter().filter(|name| **name == "policy.in_force").count(),
        1
    );
}

#[test]
fn an_exchange_ends_under_the_policy_that_it_began_with() {
    let (cms, heard, go_on) = waiting();
    let mut town = Town::before(&cms).open();
    let request = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nUser-Agent: Lynx\r\n\r\n");
    let mut visitor = town.visitor();
    visitor.send(&request);
    heard.recv().expect("the CMS was asked");
    second(&town);
    let reloaded = town.reload().expect("it reloads");
    assert_eq!(
        reloaded.changed,
        [format!("{HOST}, www.{HOST}: policy 2 of 2026-11-22")]
    );
    go_on.send(()).expect("the CMS waits");
    assert_eq!(visitor.answer().text(), "done");

    visitor.send(&request); // the same connection, the next exchange
    heard.recv().expect("the CMS was asked");
    go_on.send(()).expect("the CMS waits");
    assert_eq!(visitor.answer().text(), "done");
    let kept = town.close();
    let seen = |at: usize| {
        let entry = &kept.entries[at];
        let text = |name: &str| entry[name].as_str();
        (text("townclerk.policy.version"), text("user_agent.original"))
    };
    assert_eq!(seen(0), (Some("1"), Some("Lynx")), "{:#?}", kept.entries);
    assert_eq!(seen(1), (Some("2"), None), "{:#?}", kept.entries);
    assert_eq!(
        names(&kept).iter().filter(|name| **name == "policy.in_force").count(),
        2
    );
}

#[test]
fn a_websocket_goes_on() {
    let cms = Cms::writing(|_, stream| {
        let _ =
            stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
        let mut bytes = [0; 64];
        while let Ok(length @ 1..) = stream.read(&mut bytes) {
            let _ = stream.write_all(&bytes[..length]);
        }
    });
    let mut town = Town::before(&cms).open();
    let mut visitor = town.visitor();
    visitor.send(format!(
        "GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ));
    assert_eq!(visitor.head().0, 101);
    second(&town);
    let other = Cms::page("other");
    town.edit(
        "townclerk.toml",
        &cms.address().to_string(),
        &other.address().to_string(),
    );
    town.reload().expect("it reloads");
    visitor.send("still");
    assert_eq!(visitor.take(5), b"still");
    assert_eq!(town.get("/").text(), "other");
}

#[test]
fn faults_change_nothing_at_all() {
    let cms = Cms::page("a");
    let mut town = Town::before(&cms).tls().open();
    let other = Cms::page("b");
    town.edit(
        "townclerk.toml",
        &cms.address().to_string(),
        &other.address().to_string(),
    );

    town.edit("policy.toml", "mode = \"enforce\"", "mode = \"enforced\"");
    assert!(town.reload().is_err_and(|said| said.contains("mode = \"enforced\"")));
    assert_eq!(town.get("/").text(), "a");

    town.edit("policy.toml", "mode = \"enforced\"", "mode = \"observe\"");
    let refused = town.reload().expect_err("a changed policy under its old version");
    assert!(refused.contains("version 1 of the policy was in force"), "{refused}");
    assert_eq!(town.get("/").text(), "a");

    town.edit("policy.toml", "mode = \"observe\"", "mode = \"enforce\"");
    let whole = fs::read(town.certificate()).expect("a file");
    fs::write(
        town.certificate(),
        "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n",
    )
    .expect("a file");
    assert!(town.reload().is_err_and(|said| said.contains("cert.pem")));
    assert_eq!(town.get("/").text(), "a");

    fs::write(town.certificate(), whole).expect("a file");
    town.reload().expect("it reloads");
    assert_eq!(town.get("/").text(), "b");
    assert_eq!(town.close().errors(), ["-"; 4]);
}

#[test]
fn a_version_of_a_policy_that_was_refused_can_still_be_mended() {
    let mut town = Town::before(&Cms::page("a")).open();
    second(&town);
    add_site(&town, &Cms::page("bip")); // it has no journal
    assert!(town.reload().is_err_and(|said| said.contains("there is no journal")));
    town.edit("policy.toml", "tokens = 20", "tokens = 24");
    journal::init(
        &town.folder().join("bip"),
        &town.folder().join("bip.key"),
        "bip.example.pl",
    )
    .expect("a journal");
    town.reload().expect("version 2 was never in force");
}

#[test]
fn sites_come_and_go_and_come_back() {
    let mut town = Town::before(&Cms::page("a")).open();
    assert_eq!(bip(&town), 421);
    let alone = fs::read_to_string(town.folder().join("townclerk.toml")).expect("text");
    journal::init(
        &town.folder().join("bip"),
        &town.folder().join("bip.key"),
        "bip.example.pl",
    )
    .expect("a journal");
    add_site(&town, &Cms::page("bip"));
    let both = fs::read_to_string(town.folder().join("townclerk.toml")).expect("text");
    let put = |town: &Town, text: &str| fs::write(town.folder().join("townclerk.toml"), text).expect("a file");

    assert_eq!(
        town.reload().expect("it reloads").changed,
        ["bip.example.pl: a new site"]
    );
    assert_eq!(bip(&town), 200);
    put(&town, &alone);
    assert_eq!(
        town.reload().expect("it reloads").changed,
        ["bip.example.pl: no longer a site"]
    );
    assert_eq!(bip(&town), 421);
    put(&town, &both);
    town.reload()
        .expect("it reloads, whether its journal is closed by now or not");
    assert_eq!(bip(&town), 200);

    put(&town, &alone);
    town.reload().expect("it reloads");
    let events = town.folder().join("bip/events");
    let stopped = || {
        let files = fs::read_dir(&events).expect("a folder").flatten();
        let texts = files.filter_map(|file| fs::read_to_string(file.path()).ok());
        texts.last().is_some_and(|text| {
            text.trim_end()
                .lines()
                .last()
                .is_some_and(|line| line.contains("journal.stop"))
        })
    };
    until(stopped);
    assert_eq!(town.get("/").text(), "a");
    town.close();
}

#[test]
fn one_connection_follows_the_names_of_the_sites() {
    let cms = Cms::page("a");
    let mut town = Town::before(&cms).open();
    let mut visitor = town.visitor();
    let request = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    visitor.send(&request);
    assert_eq!(visitor.answer().status, 200);
    town.edit("townclerk.toml", &format!("\"{HOST}\", "), "");
    town.reload().expect("it reloads");
    visitor.send(&request);
    assert_eq!(visitor.answer().status, 421);
}

#[test]
fn limits_and_trusted_proxies_are_followed() {
    let cms = Cms::page("a");
    let mut town = Town::before(&cms).listen("trusted_proxies = [\"192.0.2.1\"]").open();
    let request =
        format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-For: 203.0.113.7\r\nConnection: close\r\n\r\n");
    town.ask(&request);
    town.edit("townclerk.toml", "\"192.0.2.1\"", "\"127.0.0.1\"");
    town.edit(
        "townclerk.toml",
        "[[site]]",
        "[limits]\nbody_bytes = \"1 KiB\"\n[[site]]",
    );
    let reloaded = town.reload().expect("it reloads");
    assert_eq!(
        reloaded.changed,
        ["the limits, for new connections", "the trusted proxies"]
    );
    town.ask(&request);
    let large = format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 2000\r\nConnection: close\r\n\r\n");
    assert_eq!(town.ask(large).status, 413);
    let kept = town.close();
    let clients: Vec<_> = kept
        .entries
        .iter()
        .map(|entry| entry["client.address"].as_str())
        .collect();
    assert_eq!(clients[..2], [Some("127.0.0.1"), Some("203.0.113.7")]);
}

#[test]
fn what_only_a_restart_can_change_is_said_and_stays() {
    let mut town = Town::before(&Cms::page("a")).open();
    town.edit("townclerk.toml", "workers = 2", "workers = 3\nhttps = []");
    town.edit(
        "townclerk.toml",
        "http = [\"127.0.0.1:0\"]",
        "http = [\"127.0.0.1:0\", \"127.0.0.1:0\"]",
    );
    town.edit(
        "townclerk.toml",
        "folder = \"journal\"",
        "folder = \"journal\", queue = 64",
    );
    let reloaded = town.reload().expect("it reloads");
    assert!(reloaded.changed.is_empty(), "{reloaded:?}");
    assert_eq!(
        reloaded.needs_restart,
        [
            "where to listen".to_owned(),
            "the number of threads".to_owned(),
            format!("{HOST}, www.{HOST}: how its journal is written")
        ]
    );
    assert_eq!(town.get("/").text(), "a");
}

#[test]
fn sighup_reloads_and_says_what_changed_or_what_is_wrong() {
    let cms = Cms::page("a");
    let folder = tempfile::tempdir().expect("a folder");
    let (config, journal) = Town::before(&cms).write(folder.path());
    assert_eq!(run_with(&["journal", "init"], &config).code, Some(0));
    let mut serving = Serving::start(&config);
    let policy = folder.path().join("policy.toml");

    fs::write(
        &policy,
        POLICY.replace("retention = \"unlimited\"", "retention = \"90\""),
    )
    .expect("a file");
    serving.signal("HUP");
    serving.hear("everything stays as it was");
    let said = serving.said.concat();
    assert!(
        said.contains("retention = \"90\" has no unit") && said.contains("hint: write \"90 days\""),
        "{said}"
    );

    let next = POLICY
        .replace("version = \"1\"", "version = \"2\"")
        .replace("2026-11-21", "2026-11-22");
    fs::write(&policy, next).expect("a file");
    serving.signal("HUP");
    serving.hear("1 change is in use");
    let said = serving.said.concat();
    assert!(
        said.contains(&format!("changed: {HOST}, www.{HOST}: policy 2 of 2026-11-22")),
        "{said}"
    );
    serving.signal("HUP");
    serving.hear("nothing changed");
    assert_eq!(serving.stop().code, Some(0));
    assert!(journal.join("policies/2.toml").exists());
}
