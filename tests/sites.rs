//! Several sites behind one townclerk: each has its own CMS, its own policy and its own journal (P18).

use std::fs;

use townclerk::clock::Clock;
use townclerk::config::Config;
use townclerk::journal;
use townclerk::server::Server;

use crate::town::{Cms, Kept, POLICY, Visitor};

#[test]
fn each_site_has_its_own_cms_policy_and_journal() {
    let (town, library) = (Cms::page("urząd"), Cms::page("biblioteka"));
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let site = |host: &str, cms: &Cms, folder: &str| {
        format!(
            "[[site]]\nhosts = [\"{host}\"]\npolicy = \"{folder}.policy.toml\"\nupstream = {{ url = \"http://{}\" }}\n\
             journal = {{ folder = \"{folder}/journal\" }}\n",
            cms.address()
        )
    };
    let text = format!(
        "[listen]\nhttp = [\"127.0.0.1:0\"]\n{}{}",
        site("um.example.pl", &town, "town"),
        site("biblioteka.example.pl", &library, "library")
    );
    fs::write(at("townclerk.toml"), text).expect("a file");
    fs::write(at("town.policy.toml"), POLICY).expect("a file");
    let frugal = POLICY
        .replace("version = \"1\"", "version = \"b-7\"")
        .replace("\"whole\"", "\"omitted\"");
    fs::write(at("library.policy.toml"), frugal).expect("a file");
    let config = Config::load(&at("townclerk.toml")).unwrap_or_else(|faults| panic!("{faults}"));
    for site in &config.sites {
        journal::init(&site.journal.folder, &site.journal.key, &site.hosts[0]).expect("a journal");
    }
    let server = Server::start(&config, Clock::system()).expect("it starts");

    let mut visitor = Visitor::to(server.http()[0]);
    for (host, said) in [
        ("um.example.pl", "urząd"),
        ("BIBLIOTEKA.example.pl", "biblioteka"),
        ("um.example.pl:8080", "urząd"),
    ] {
        visitor.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!(visitor.answer().text(), said);
    }
    visitor.send("GET / HTTP/1.1\r\nHost: inna.example.pl\r\nConnection: close\r\n\r\n");
    assert_eq!(visitor.answer().status, 421);
    server.stop().expect("the journals close whole");

    let (town, library) = (Kept::read(&at("town")), Kept::read(&at("library")));
    assert_eq!(
        town.errors(),
        ["-", "-", "refused.unknown_site"],
        "the first site records what belongs to none"
    );
    assert_eq!(library.errors(), ["-"]);
    assert_eq!(library.entry()["townclerk.policy.version"], "b-7");
    assert!(!library.holds("127.0.0.1"));
    assert!(town.holds("127.0.0.1"));
}
