//! The statement is true, sentence by sentence. Each file of `tests/statement` holds one sentence that townclerk
//! answers for, in both languages, what the policy says for it, and what visitors do; and then what an entry holds,
//! what reaches the CMS and the browser, and what is nowhere on the disk. A sentence without a file fails, and so does
//! a file whose sentence is not said.
//!
//! ```toml
//! pl = "…"                                  # the sentence, as the statement of this policy says it
//! en = "…"
//! policy = [["from", "to"], …]              # changes of config/policy.toml
//! shown_by = "file modes"                   # what a list of exchanges cannot show, a function below does
//! later = "91 days"                         # how long after the exchanges the disk is looked at
//! on_disk = ["…"]                           # what is there then
//! nowhere = ["…"]                           # what is not
//! [[exchange]]
//! after = "10 min"                          # since the one before
//! takes = "2 s"                             # the CMS's time
//! request = "GET / HTTP/1.1\nAccept: …"     # Host, X-Forwarded-For and the cookies that the browser has are added
//! answer = "HTTP/1.1 200 OK\n…\n\nbody"     # of the CMS; "" if it hangs up
//! entry = { "http.request.method" = "GET" } # among others
//! no_entry_of = ["client.address"]          # attributes that it has not got
//! entry_of = ["timestamp", …]               # all attributes that it has got
//! cms_gets = ["…"]                          # in the head or body of what reaches the CMS
//! cms_never_gets = ["…"]
//! visitor_gets = ["…"]                      # in the head or body of the answer
//! visitor_never_gets = ["…"]
//! ```

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, Shutdown};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use jiff::Span;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::{Map, Value};
use townclerk::clock::Clock;
use townclerk::journal::Log;
use townclerk::policy::statement::{Publication, Statement};
use townclerk::policy::{Lang, parse};
use townclerk::reader::Faults;

use crate::drain::until;
use crate::host_names::{NameServer, Says};
use crate::town::cms::Received;
use crate::town::{Cms, HOST, Kept, Plan, Town, records};

mod disclosed;
mod shown;

const NOON: &str = "2026-12-01T12:00:00Z";
const VISITOR: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 77);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Proof {
    pl: String,
    en: String,
    #[serde(default)]
    policy: Vec<[String; 2]>,
    shown_by: Option<shown::By>,
    later: Option<String>,
    #[serde(default)]
    on_disk: Vec<String>,
    #[serde(default)]
    nowhere: Vec<String>,
    #[serde(default)]
    exchange: Vec<Exchange>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exchange {
    after: Option<String>,
    takes: Option<String>,
    request: String,
    #[serde(default = "page")]
    answer: String,
    #[serde(default)]
    entry: BTreeMap<String, Value>,
    #[serde(default)]
    no_entry_of: Vec<String>,
    entry_of: Option<Vec<String>>,
    #[serde(default)]
    cms_gets: Vec<String>,
    #[serde(default)]
    cms_never_gets: Vec<String>,
    #[serde(default)]
    visitor_gets: Vec<String>,
    #[serde(default)]
    visitor_never_gets: Vec<String>,
}

fn page() -> String {
    "HTTP/1.1 200 OK\n\ndzień dobry".to_owned()
}

/// Each other way in which a policy can say a thing, so that what is said of it is among the sentences.
const OTHERWISE: [&[[&str; 2]]; 21] = [
    &[["retention = \"unlimited\"", "retention = \"90 days\""]],
    &[[ADDRESS, "client_address = \"omitted\""]],
    &[[ADDRESS, "client_address = { ipv4 = 24, ipv6 = 48 }"]],
    &[["bytes = false", "bytes = true"]],
    &[["external_referrer = \"url\"", "external_referrer = \"host\""]],
    &[["user_agent = \"whole\"", "user_agent = \"family\""]],
    &[["auth_user = false", "auth_user = true"]],
    &[
        ["first_page = false", "first_page = true"],
        ["[statistics]", FIRST_PAGE],
    ],
    &[
        [ADDRESS, ""],
        ["user_agent = \"whole\"", ""],
        ["auth_user = false", ""],
        ["[log.access.redact]", ADDRESSES],
    ],
    &[["query_values = false", "query_values = true"]],
    &[[REDACT, NOTHING]],
    &[["[cookies]\nmode = \"enforce\"", "[cookies]\nmode = \"observe\""]],
    &[[THIRD_PARTIES, "[third_parties]\nmode = \"observe\""]],
    &[["referrer = \"omitted\"", "referrer = \"host\""]],
    &[["\nurl = true", ""]],
    &[["unlisted = \"strip\"", "unlisted = \"limit\""]],
    &[["expire_unlisted = false", "expire_unlisted = true"]],
    &[[LEAVING, ""]],
    &[[LEAVING, "idle = \"30 min\""]],
    &[[LEAVING, "absolute = \"8 h\""]],
    &[[
        LEAVING,
        "ends_when_leaving = true\nlogin_hosts = [\"login.example.pl\"]",
    ]],
];
const ADDRESS: &str = "client_address = \"whole\"\nclient_host = true";
const THIRD_PARTIES: &str = "[third_parties]\nmode = \"enforce\"";
const LEAVING: &str = "ends_when_leaving = true";
const FIRST_PAGE: &str = "[cookies.first_page]\nname = \"pierwsza\"\n\
                          purpose = { pl = \"Pamięta wizytę.\", en = \"Remembers the visit.\" }\n[statistics]";
const ADDRESSES: &str = "[log.addresses]\npurpose = { pl = \"Nadużycia.\", en = \"Abuse.\" }\n\
                         retention = \"14 days\"\n[log.addresses.fields]\nclient_address = \"whole\"\n\
                         client_host = true\nuser_agent = \"whole\"\nauth_user = true\n[log.access.redact]";
const REDACT: &str = "query_values = false\nemails = true\npesel = true\ntokens = 32\n\
                      parameters = [\"password\", \"haslo\", \"token\", \"sid\", \"PHPSESSID\"]\n";
const NOTHING: &str = "query_values = false\nemails = false\npesel = false\ntokens = false\nparameters = []\n";

/// The shipped policy without its remarks, changed.
fn policy<S: AsRef<str>>(changes: &[[S; 2]]) -> String {
    let lines = include_str!("../config/policy.toml").lines();
    let mut policy: String = lines
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| format!("{line}\n"))
        .collect();
    for [from, to] in changes {
        let (from, to) = (from.as_ref(), to.as_ref());
        assert_eq!(policy.matches(from).count(), 1, "{from}: {policy}");
        policy = policy.replace(from, to);
    }
    policy
}

/// What the statement of a policy answers for, a pair of languages each.
fn sentences(policy: &str) -> Vec<[String; 2]> {
    let mut faults = Faults::new();
    let policy = parse("policy.toml", policy, &mut faults).unwrap_or_else(|| panic!("{faults}"));
    let publication = Publication {
        hosts: &[HOST.into(), format!("www.{HOST}").into()],
        path: None,
        versions: &[],
        in_force: &policy.version,
    };
    let [pl, en] = [Lang::Pl, Lang::En].map(|lang| Statement::of(&policy, &publication, lang).answered_for());
    assert_eq!(pl.len(), en.len());
    pl.into_iter().zip(en).map(Into::into).collect()
}

fn proofs() -> Vec<(String, Proof)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/statement");
    let mut proofs = Vec::new();
    for file in fs::read_dir(folder).expect("a folder").flatten() {
        let name = file.file_name().into_string().expect("a name");
        let text = fs::read_to_string(file.path()).expect("text");
        proofs.push((
            name.clone(),
            toml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}")),
        ));
    }
    proofs.sort_by(|one, other| one.0.cmp(&other.0));
    proofs
}

#[test]
fn every_sentence_has_a_file_and_every_file_its_sentence() {
    let proofs = proofs();
    let mut said: BTreeSet<[String; 2]> = sentences(&policy::<&str>(&[])).into_iter().collect();
    for change in OTHERWISE {
        said.extend(sentences(&policy(change)));
    }
    for (file, proof) in &proofs {
        let sentence = [proof.pl.clone(), proof.en.clone()];
        let own = sentences(&policy(&proof.policy));
        assert!(
            own.contains(&sentence),
            "{file} proves what its policy does not say: {sentence:#?}, but {own:#?}"
        );
        said.extend(own);
    }
    for sentence in &said {
        let files = proofs
            .iter()
            .filter(|(_, proof)| [&proof.pl, &proof.en] == [&sentence[0], &sentence[1]]);
        let files: Vec<_> = files.map(|(file, _)| file).collect();
        assert_eq!(files.len(), 1, "one file proves {sentence:#?}, and not {files:?}");
    }
}

#[test]
fn every_sentence_is_true() {
    let proofs = proofs();
    assert!(proofs.len() > 40, "{}", proofs.len());
    // A thread each, so that all that fail are named.
    let failed = proofs.into_iter().filter_map(|(file, proof)| {
        let shown = thread::spawn(move || proof.show()).join();
        shown.is_err().then_some(file)
    });
    let failed: Vec<_> = failed.collect();
    assert!(failed.is_empty(), "not true: {failed:#?}");
}

impl Proof {
    fn show(&self) {
        assert!(self.shown_by.is_some() || !self.exchange.is_empty(), "it shows nothing");
        if let Some(by) = self.shown_by {
            by.show(self);
        }
        if !self.exchange.is_empty() {
            Scene::of(self).play(self);
        }
    }
}

/// A town under the policy of a proof, and a visitor who comes to it with a browser.
struct Scene {
    clock: Clock,
    policy: String,
    names: NameServer,
    cms: Cms,
    /// What the CMS will answer, and after which time.
    answers: Arc<Mutex<VecDeque<(String, Span)>>>,
    browser: BTreeMap<String, String>,
}

impl Scene {
    fn of(proof: &Proof) -> Self {
        let clock = Clock::set_to(NOON.parse().expect("a time"));
        let answers: Arc<Mutex<VecDeque<(String, Span)>>> = Arc::default();
        let (next, time) = (Arc::clone(&answers), clock.clone());
        let cms = Cms::writing(move |_, stream| {
            let (answer, takes) = next
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop_front()
                .expect("an answer");
            pass(&time, takes);
            let _ = match answer.as_str() {
                "" => stream.shutdown(Shutdown::Both),
                answer => stream.write_all(&message(answer, &[])),
            };
        });
        Self {
            clock,
            policy: policy(&proof.policy),
            names: NameServer::new(Says::Name { address: VISITOR }),
            cms,
            answers,
            browser: BTreeMap::new(),
        }
    }

    fn plan(&self) -> Plan {
        let resolver = format!(
            "[resolver]\nservers = [\"{}\"]\ndeadline = \"1 s\"",
            self.names.address()
        );
        Town::before(&self.cms)
            .whole_policy(&self.policy)
            .listen("trusted_proxies = [\"127.0.0.0/8\"]")
            .table(&resolver)
            .sealing()
            .clock(&self.clock)
    }

    fn play(mut self, proof: &Proof) {
        let town = self.plan().open();
        for (before, exchange) in proof.exchange.iter().enumerate() {
            self.meet(&town, exchange);
            until(|| town.entries() > before); // entries stand in the order in which exchanges end
        }
        let mut folder = town.leave();
        let entries = entries(folder.path());
        assert_eq!(entries.len(), proof.exchange.len(), "{entries:#?}");
        for (exchange, entry) in proof.exchange.iter().zip(&entries) {
            exchange.is_kept_as(entry);
        }
        if let Some(later) = &proof.later {
            pass(&self.clock, later.parse().expect("a span"));
            folder = self.plan().open_in(folder).leave();
            pass(&self.clock, Span::new().days(1)); // a clock that leapt is doubted for a day
            folder = self.plan().open_in(folder).leave();
        }
        let journal = Kept::bytes_of(&folder.path().join("journal"));
        let holds = |what: &str| journal.windows(what.len()).any(|window| window == what.as_bytes());
        for what in &proof.on_disk {
            assert!(holds(what), "{what} is not on the disk");
        }
        for what in &proof.nowhere {
            assert!(!holds(what), "{what} is on the disk");
        }
    }

    fn meet(&mut self, town: &Town, exchange: &Exchange) {
        let span = |written: &Option<String>| {
            written
                .as_deref()
                .map_or(Span::new(), |text| text.parse().expect("a span"))
        };
        pass(&self.clock, span(&exchange.after));
        let answer = (exchange.answer.clone(), span(&exchange.takes));
        let before = self.cms.received().len();
        let mut answers = self.answers.lock().expect("no panic in the CMS");
        answers.clear();
        answers.push_back(answer);
        drop(answers);

        let mut fields = vec![
            format!("Host: {HOST}"),
            format!("X-Forwarded-For: {VISITOR}"),
            "Connection: close".into(),
        ];
        let held: Vec<_> = self
            .browser
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if !held.is_empty() {
            fields.push(format!("Cookie: {}", held.join("; ")));
        }
        let got = town.ask(message(&exchange.request, &fields));
        for line in got.all("set-cookie") {
            let (name, rest) = line.split_once('=').expect("a cookie");
            match line.contains("Max-Age=0") {
                true => self.browser.remove(name),
                false => self
                    .browser
                    .insert(name.to_owned(), rest.split(';').next().unwrap_or_default().to_owned()),
            };
        }
        let reached = self.cms.received().get(before).map(whole).unwrap_or_default();
        seen("the CMS", &reached, &exchange.cms_gets, &exchange.cms_never_gets);
        let fields: Vec<_> = got
            .fields
            .iter()
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        let answered = format!("{}\n{}\n\n{}", got.status, fields.join("\n"), got.text());
        seen(
            "the visitor",
            &answered,
            &exchange.visitor_gets,
            &exchange.visitor_never_gets,
        );
    }
}

impl Exchange {
    fn is_kept_as(&self, entry: &Map<String, Value>) {
        for (name, value) in &self.entry {
            assert_eq!(entry.get(name), Some(value), "{name}: {entry:#?}");
        }
        for name in &self.no_entry_of {
            assert!(!entry.contains_key(name), "{name}: {entry:#?}");
        }
        if let Some(all) = &self.entry_of {
            let names: BTreeSet<_> = entry.keys().collect();
            assert_eq!(names, all.iter().collect::<BTreeSet<_>>());
        }
    }
}

/// What is kept of each exchange, in whichever log it stands.
fn entries(folder: &Path) -> Vec<Map<String, Value>> {
    let journal = folder.join("journal");
    let mut entries = records(&journal, Log::Access);
    if journal.join("addresses").exists() {
        for (entry, more) in entries.iter_mut().zip(records(&journal, Log::Addresses)) {
            entry.extend(more);
        }
    }
    entries
}

fn seen(by: &str, text: &str, gets: &[String], never: &[String]) {
    for what in gets {
        assert!(text.contains(what), "{by} does not get {what:?}: {text}");
    }
    for what in never {
        assert!(!text.contains(what), "{by} gets {what:?}: {text}");
    }
}

fn whole(request: &Received) -> String {
    let body = String::from_utf8_lossy(&request.body);
    format!("{}\n{}\n\n{body}", request.line, request.fields.join("\n"))
}

/// A message as it goes over the wire, with further fields and the length of its body.
fn message(written: &str, fields: &[String]) -> Vec<u8> {
    let (head, body) = written.split_once("\n\n").unwrap_or((written.trim_end(), ""));
    let mut head = head.replace('\n', "\r\n");
    let first = head.starts_with("HTTP/") || !body.is_empty();
    let length = first.then(|| format!("Content-Length: {}", body.len()));
    for field in fields.iter().cloned().chain(length) {
        head.push_str("\r\n");
        head.push_str(&field);
    }
    format!("{head}\r\n\r\n{body}").into_bytes()
}

fn pass(clock: &Clock, time: Span) {
    let now = clock.now().to_zoned(TimeZone::UTC);
    clock.set(now.checked_add(time).expect("a time").timestamp());
}
