//! In containers, as the README says: its commands are run by a real Docker engine, with a DokuWiki as the CMS.

mod engine;
mod images;
mod witnessed;
mod wordpress;

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use self::engine::{Engine, Outside, run};
use self::images::{CMS_SLOW, CMS_WORD, make_base, make_tls_front, make_wiki};
use crate::dokuwiki;
use crate::skip::{cannot, skip, without};
use crate::town::{Answer, Visitor};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const WHAT: &str = "the containers";
const CONFIG: &str = "deploy/townclerk/townclerk.toml";

/// The README's section on Docker.
fn section() -> String {
    let readme = fs::read_to_string(format!("{ROOT}/README.md")).expect("text");
    let (_, section) = readme.split_once("\n### Docker\n").expect("a section on Docker");
    section.split("\n##").next().unwrap_or_default().to_owned()
}

/// The lines of it that somebody types.
fn typed() -> Vec<String> {
    let section = section();
    let typed = section.lines().filter_map(|line| line.strip_prefix("$ "));
    typed.map(str::to_owned).collect()
}

/// Waits for what takes containers a while.
fn wait(mut come: impl FnMut() -> bool) {
    let mut left = 900; // tenths of a second
    while !come() {
        assert_ne!(left, 0, "it did not come");
        left -= 1;
        thread::sleep(Duration::from_millis(100));
    }
}

/// The sidecar before the CMS, started by the commands of the README.
struct Deployed {
    engine: Engine,
    outside: Outside,
}

impl Deployed {
    /// By one of the files for compose, with what belongs to this CMS: its images, and changes to the configuration.
    /// `None`, with a reason, where nothing can run it.
    fn by_the_readme(file: &'static str, prepare: impl FnOnce(&Engine)) -> Option<Self> {
        let engine = Engine::find(file).map_err(|why| cannot(WHAT, &why)).ok()?;
        make_base(&engine);
        prepare(&engine);
        let outside = Outside::make(&engine);
        engine.type_in(&typed(), &outside);
        let deployed = Self { engine, outside };
        deployed.wait_until_well();
        Some(deployed)
    }

    /// Before DokuWiki.
    fn before_a_wiki(file: &'static str, configure: impl FnOnce(&Engine)) -> Option<Self> {
        if !dokuwiki::is_installed() {
            skip(WHAT, "the package dokuwiki is not installed");
            return None;
        }
        Self::by_the_readme(file, |engine| {
            configure(engine);
            make_wiki(engine);
        })
    }

    /// What Docker knows of a container.
    fn inspect(&self, service: &str) -> Value {
        let id = self.engine.compose(&["ps", "--quiet", service]);
        let said = self.engine.docker(&["inspect", id.trim()]);
        serde_json::from_str::<Value>(&said).expect("JSON")[0].take()
    }

    fn wait_until_well(&self) {
        wait(|| self.inspect("townclerk")["State"]["Health"]["Status"] == "healthy");
    }

    /// Somebody outside asks.
    fn ask(&self, path: &str) -> Answer {
        let mut visitor = Visitor::to(self.outside.door);
        visitor.send(format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        ));
        visitor.answer()
    }

    /// Somebody outside opens a page.
    fn visit(&self, path: &str) -> String {
        let answer = self.ask(path);
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.text()
    }

    /// The addresses and URLs that are kept, once there are so many of them.
    fn kept(&self, entries: usize) -> Vec<(String, String)> {
        let mut kept = Vec::new();
        wait(|| {
            let said = self
                .engine
                .compose(&["exec", "-T", "townclerk", "townclerk", "journal", "cat"]);
            kept = said.lines().map(entry).collect();
            kept.len() >= entries
        });
        assert_eq!(kept.len(), entries, "{kept:?}");
        kept
    }

    /// What a service has of volumes and folders, to be written or read alone.
    fn mounts(&self, service: &str, is_written: bool) -> Vec<String> {
        let inspected = self.inspect(service);
        let mounts = inspected["Mounts"].as_array().expect("mounts");
        let mounts = mounts.iter().filter(|mount| mount["RW"] == is_written);
        let places = mounts.map(|mount| mount["Destination"].as_str().expect("a path").to_owned());
        let mut places: Vec<_> = places.collect();
        places.sort();
        places
    }

    /// The networks that a service is on.
    fn networks(&self, service: &str) -> Vec<String> {
        let inspected = self.inspect(service);
        let networks = inspected["NetworkSettings"]["Networks"].as_object().expect("networks");
        networks.keys().cloned().collect()
    }

    /// Whether a service publishes no port.
    fn is_closed(&self, service: &str) -> bool {
        let inspected = self.inspect(service);
        let ports = inspected["HostConfig"]["PortBindings"].as_object();
        ports.is_none_or(serde_json::Map::is_empty)
    }

    /// Whether a service has one network alone, which leads nowhere, and publishes no port.
    fn is_inside(&self, service: &str) -> bool {
        let [own] = &self.networks(service)[..] else {
            return false;
        };
        let network: Value = serde_json::from_str(&self.engine.docker(&["network", "inspect", own])).expect("JSON");
        network[0]["Internal"] == true && self.is_closed(service)
    }

    fn verify(&self) {
        let keys = ["--key", "/etc/townclerk/journal.keys"];
        let verify = ["exec", "-T", "townclerk", "townclerk", "journal", "verify"];
        let said = self.engine.compose(&[&verify[..], &keys].concat());
        assert!(said.contains("cosigned    by town.example/witness"), "{said}");
    }
}

fn entry(line: &str) -> (String, String) {
    let entry: Value = serde_json::from_str(line).expect("JSON");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&entry["client"]["address"]), text(&entry["url"]["path"]))
}

#[test]
fn what_the_readme_says_of_docker_runs_and_keeps_its_promises() {
    let Some(here) = Deployed::before_a_wiki("compose.yaml", |_| {}) else {
        return;
    };
    let engine = &here.engine;

    let inspected = here.inspect("townclerk");
    assert_eq!(inspected["HostConfig"]["ReadonlyRootfs"], true);
    assert_eq!(inspected["Config"]["User"], "65532:65532");
    assert_eq!(inspected["HostConfig"]["CapDrop"][0], "ALL");
    assert_eq!(here.mounts("townclerk", true), ["/var/lib/townclerk"]);
    witnessed::is_apart(&here);
    let container = inspected["Id"].as_str().expect("an id");
    for shell in ["sh", "/bin/sh", "/bin/bash", "/busybox/sh"] {
        assert!(
            engine.fails(&["exec", container, shell, "-c", "true"]),
            "{shell} is in the image"
        );
    }

    // A visitor from a network that is none of Docker's for the sidecar.
    let visitor = here.outside.visitor.to_string();
    assert!(here.visit("/doku.php").contains(CMS_WORD));
    assert_eq!(here.kept(1), [(visitor.clone(), "/doku.php".to_owned())]);

    // Nobody reaches the CMS but through townclerk, not even from the network that townclerk is on.
    assert!(here.is_inside("cms"));
    let cms = here.inspect("cms");
    let own = here.networks("cms").remove(0);
    let mut networks = here.networks("townclerk").into_iter();
    let front = networks.find(|network| *network != own).expect("the other one");
    let address = |of: &Value, network: &str| {
        let network = &of["NetworkSettings"]["Networks"][network];
        network["IPAddress"].as_str().expect("an address").to_owned()
    };
    assert!(
        engine.reaches(&front, &address(&inspected, &front)),
        "townclerk is reached from its network"
    );
    assert!(
        !engine.reaches(&front, &address(&cms, &own)),
        "the CMS is reached past townclerk"
    );
    let seen = here.kept(1).len(); // a connection that said nothing is no exchange

    engine.compose(&["restart", "townclerk"]);
    here.wait_until_well();
    witnessed::has_signed(&here, seen);
    witnessed::copy(&here);
    here.visit("/doku.php?id=restarted");
    here.kept(seen + 1);

    engine.compose(&["kill", "-s", "SIGKILL", "townclerk"]);
    engine.compose(&["up", "--detach"]);
    here.wait_until_well();
    here.kept(seen + 1);
    here.visit("/doku.php?id=killed");
    here.kept(seen + 2);
    here.verify();

    let before = here.inspect("townclerk")["Image"].clone();
    engine.build(&["--label", "org.opencontainers.image.version=next"]);
    engine.compose(&["up", "--detach"]);
    here.wait_until_well();
    assert_ne!(
        here.inspect("townclerk")["Image"],
        before,
        "the container has the new image"
    );
    here.kept(seen + 2);
    here.visit("/doku.php?id=upgraded");
    here.kept(seen + 3);
    here.verify();

    // What has begun ends before the container does, and in time: Docker need not kill it.
    thread::scope(|scope| {
        let slow = scope.spawn(|| here.visit("/slow.php"));
        wait(|| engine.compose(&["exec", "-T", "cms", "php", "-r", "echo is_file('/tmp/slow');"]) == "1");
        engine.compose(&["stop", "townclerk"]);
        assert_eq!(slow.join().expect("a visitor"), CMS_SLOW);
    });
    assert_eq!(here.inspect("townclerk")["State"]["ExitCode"], 0);
    let said = engine.compose(&["run", "--rm", "--no-deps", "-T", "townclerk", "journal", "cat"]);
    let kept: Vec<_> = said.lines().map(entry).collect();
    assert_eq!(kept.len(), seen + 4, "{kept:?}");
    assert_eq!(kept.last(), Some(&(visitor, "/slow.php".to_owned())));

    witnessed::has_signed(&here, seen + 4);
    witnessed::an_older_copy_is_not_started(&here);
}

#[test]
fn every_file_for_compose_is_taken_by_it_and_so_are_the_lines_of_the_readme() {
    let Ok(mut engine) = Engine::find("compose.yaml").map_err(|why| cannot(WHAT, &why)) else {
        return;
    };
    for file in ["compose.yaml", "compose.wordpress.yaml", "compose.behind-tls.yaml"] {
        engine.file = file;
        let said = engine.compose(&["config"]);
        assert!(
            said.contains("read_only: true") && said.contains("no-new-privileges"),
            "{said}"
        );
        assert!(
            said.contains("internal: true") && said.contains("network_mode: none"),
            "{said}"
        );
    }
    let section = section();
    let lines = section
        .split("```yaml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    engine.file = "theirs.yaml:ours.yaml";
    let deploy = engine.folder.path().join("deploy"); // where compose is called
    fs::rename(deploy.join("townclerk"), engine.folder.path().join("config/townclerk")).expect("out of the way");
    symlink(engine.folder.path(), deploy.join("townclerk")).expect("a link");
    fs::write(deploy.join("ours.yaml"), lines.expect("lines")).expect("a file");
    fs::write(deploy.join("theirs.yaml"), "services: { cms: { image: cms } }\n").expect("a file");
    let said = engine.compose(&["config"]);
    assert!(
        said.contains("network_mode: none") && said.contains("image: cms"),
        "{said}"
    );
}

#[test]
fn behind_a_tls_front_the_visitors_keep_their_addresses() {
    if without("haproxy", "-v", WHAT) || without("curl", "--version", WHAT) {
        return;
    }
    let trust = |engine: &Engine| {
        let front = format!("trusted_proxies = [\"{}\"]", engine.tls_front());
        engine.edit(CONFIG, "#trusted_proxies = [\"172.30.0.6\"]", &front);
    };
    let Some(here) = Deployed::before_a_wiki("compose.behind-tls.yaml", trust) else {
        return;
    };
    let engine = &here.engine;
    assert!(here.is_closed("townclerk") && here.is_inside("cms"));

    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let front = engine.image("tls");
    make_tls_front(engine, &(made.cert.pem() + &made.signing_key.serialize_pem()));
    let address = engine.tls_front().to_string();
    let place = ["--network", &engine.name, "--ip", &address];
    engine.docker(&[&["run", "--detach", "--name", &front], &place[..], &[&front]].concat());
    let url = format!("https://{address}/doku.php");
    // What a visitor claims is not believed: the front says who it was.
    let mut page = String::new();
    wait(|| {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--fail", "--insecure", "--header", "Host: localhost"]);
        curl.args(["--header", "X-Forwarded-For: 192.0.2.1", &url]);
        page = run(curl).unwrap_or_default();
        !page.is_empty()
    });
    assert!(page.contains(CMS_WORD), "{page}");
    assert_eq!(
        here.kept(1),
        [(here.outside.visitor.to_string(), "/doku.php".to_owned())]
    );
}
