//! What a list of exchanges cannot show.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use jiff::ToSpan;
use serde::Deserialize;
use townclerk::journal::Log;

use super::{NOON, Proof, Scene, disclosed, pass, policy};
use crate::serve::program::{Serving, run_with};
use crate::skip::without;
use crate::town::{Cms, HOST, Town, Visitor, records};

/// By what a sentence is shown.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// The modes of all files and folders of a journal.
    FileModes,
    /// The calls by which the program connects to somebody.
    Connections,
    /// A hold, over the time at which everything else goes.
    Hold,
    /// Statistics of a month, in every form.
    Report,
    /// A second site behind the same program.
    AnotherSite,
    /// A policy that was changed under its old version.
    ChangedPolicy,
    /// What is disclosed and refused, and what the register says of it.
    Register,
    /// A disclosure that one alone tries to make.
    TwoPeople,
}

impl By {
    pub fn show(self, proof: &Proof) {
        match self {
            Self::FileModes => nobody_else_can_read_the_journal(proof),
            Self::Connections => it_connects_to_the_cms_alone(proof),
            Self::Hold => what_a_case_needs_stays_and_goes_later(proof),
            Self::Report => statistics_show_no_small_group(proof),
            Self::AnotherSite => another_site_has_its_own_policy_and_journal(proof),
            Self::ChangedPolicy => a_changed_policy_needs_another_version(proof),
            Self::Register => disclosed::what_leaves_is_in_the_register_first(proof),
            Self::TwoPeople => disclosed::one_alone_discloses_nothing(proof),
        }
    }
}

fn nobody_else_can_read_the_journal(proof: &Proof) {
    let scene = Scene::of(proof);
    let town = scene.plan().open();
    let folder = town.leave();
    let mut left = vec![folder.path().join("journal")];
    let mut files = 0;
    while let Some(path) = left.pop() {
        let about = path.symlink_metadata().expect("it is there");
        let mode = about.permissions().mode() & 0o777;
        if about.is_dir() {
            assert_eq!(mode, 0o700, "{}", path.display());
            left.extend(fs::read_dir(&path).expect("a folder").flatten().map(|file| file.path()));
        } else if !about.is_symlink() {
            assert_eq!(mode, 0o600, "{}", path.display());
            files += 1;
        }
    }
    assert!(files > 5, "{files}");
}

fn it_connects_to_the_cms_alone(proof: &Proof) {
    if without("strace", "--version", "whom the program connects to") {
        return;
    }
    let cms = Cms::page("x");
    let folder = tempfile::tempdir().expect("a folder");
    let plan = Town::before(&cms).whole_policy(&policy(&proof.policy)).sealing();
    let (config, _) = plan.write(folder.path());
    let calls = folder.path().join("calls");
    let mut traced = Command::new("strace");
    traced.args(["-D", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o"]);
    traced.arg(&calls).arg(env!("CARGO_BIN_EXE_townclerk"));
    traced.args(["serve", "--create-journal", "--config"]).arg(&config);
    // A machine that lets nobody look says so here.
    let serving = Serving::start_by(&mut traced).unwrap_or_else(|said| panic!("{said:#?}"));
    let mut visitor = Visitor::to(serving.address);
    visitor.send(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"));
    assert_eq!(visitor.answer().status, 200);
    serving.stop();
    let calls = fs::read_to_string(&calls).expect("calls");
    let to_somebody: Vec<_> = calls
        .lines()
        .filter(|call| call.contains("sa_family=AF_INET"))
        .collect();
    let to_the_cms = format!("sin_port=htons({})", cms.address().port());
    assert!(!to_somebody.is_empty(), "{calls}");
    for call in to_somebody {
        assert!(call.contains(&to_the_cms), "{call}");
    }
}

fn what_a_case_needs_stays_and_goes_later(proof: &Proof) {
    let scene = Scene::of(proof);
    let town = scene.plan().open();
    let request = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n");
    scene
        .answers
        .lock()
        .expect("no panic")
        .push_back((super::page(), jiff::Span::new()));
    assert_eq!(town.ask(request).status, 200);
    let mut folder = town.leave();
    let config = folder.path().join("townclerk.toml");
    let journal = folder.path().join("journal");
    let day = NOON.split('T').next().expect("a day");
    let (from, to) = (format!("{day}T00:00:00Z"), format!("{day}T23:00:00Z"));
    let hold = [
        "journal", "hold", "--case", "II-K-7", "--from", &from, "--to", &to, "--reason", "sprawa",
    ];
    let held = run_with(&hold, &config);
    assert_eq!(held.code, Some(0), "{held:?}");
    for (released, left) in [(false, 1), (true, 0)] {
        if released {
            assert_eq!(
                run_with(&["journal", "release", "--case", "II-K-7"], &config).code,
                Some(0)
            );
        }
        for time in [91.days(), 2.days()] {
            pass(&scene.clock, time);
            folder = scene.plan().open_in(folder).leave();
        }
        assert_eq!(records(&journal, Log::Access).len(), left, "released: {released}");
    }
    let events = records(&journal, Log::Events);
    for name in ["hold.set", "hold.release", "retention.remove"] {
        assert!(
            events.iter().any(|event| event["event.name"] == name),
            "{name}: {events:#?}"
        );
    }
}

fn statistics_show_no_small_group(proof: &Proof) {
    let scene = Scene::of(proof);
    scene.clock.set("2026-10-06T12:00:00Z".parse().expect("a time"));
    let town = scene.plan().open();
    let visits = (1..=14).map(|visitor| ("/komunikaty?od=radna".to_owned(), visitor));
    let few = [1, 2].map(|visitor| ("/sprawa-kowalskiego".to_owned(), visitor));
    // Many a page that one person saw: together they are no small group either.
    let single = (21..=40).map(|visitor| (format!("/notatka-{visitor}"), visitor));
    for (target, visitor) in visits.chain(few).chain(single) {
        let answer = "HTTP/1.1 200 OK\nContent-Type: text/html\n\n<p>x".to_owned();
        scene
            .answers
            .lock()
            .expect("no panic")
            .push_back((answer, jiff::Span::new()));
        let from = format!("X-Forwarded-For: 203.0.113.{visitor}\r\nUser-Agent: Mozilla/5.0 Firefox/128.0");
        let request = format!("GET {target} HTTP/1.1\r\nHost: {HOST}\r\n{from}\r\nConnection: close\r\n\r\n");
        assert_eq!(town.ask(request).status, 200);
    }
    let folder = town.leave();
    let config = folder.path().join("townclerk.toml");
    for format in ["text", "json", "csv", "html"] {
        let report = || {
            run_with(
                &["report", "--period", "2026-10", "--lang", "pl", "--format", format],
                &config,
            )
        };
        let published = report();
        assert_eq!(published.code, Some(0), "{published:?}");
        assert!(published.out.contains("komunikaty"), "{format}: {}", published.out);
        for hidden in ["kowalskiego", "notatka-", "203.0.113", "radna"] {
            assert!(!published.out.contains(hidden), "{format}: {hidden}: {}", published.out);
        }
        assert_eq!(report().out, published.out, "{format}: it stays as it was published");
    }
    let open = run_with(&["report", "--period", "2099-10"], &config);
    assert_ne!(open.code, Some(0), "a month that is not over");
}

fn another_site_has_its_own_policy_and_journal(proof: &Proof) {
    let (scene, other) = (Scene::of(proof), Cms::page("biblioteka"));
    let url = format!("http://{}", other.address());
    let site = format!(
        "[[site]]\nhosts = [\"biblioteka.example.pl\"]\npolicy = \"other.toml\"\nupstream = {{ url = \"{url}\" }}\n\
         journal = {{ folder = \"other/journal\" }}"
    );
    let others = policy(&[
        ["version = \"2026-1\"", "version = \"b-7\""],
        ["ends_when_leaving = true", ""],
    ]);
    let town = scene.plan().table(&site).file("other.toml", &others).open();
    let request = "GET /ksiazki HTTP/1.1\r\nHost: biblioteka.example.pl\r\nConnection: close\r\n\r\n";
    assert_eq!(town.ask(request).text(), "biblioteka");
    let folder = town.leave();
    let kept = |folder: &Path| records(&folder.join("journal"), Log::Access);
    assert!(kept(folder.path()).is_empty(), "it is none of this site's");
    let entries = kept(&folder.path().join("other"));
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["townclerk.policy.version"], "b-7");
}

fn a_changed_policy_needs_another_version(proof: &Proof) {
    let scene = Scene::of(proof);
    let folder = tempfile::tempdir().expect("a folder");
    let (config, _) = scene.plan().write(folder.path());
    assert_eq!(
        Serving::start_as(&["serve", "--create-journal"], &config).stop().code,
        Some(0)
    );
    let file = folder.path().join("policy.toml");
    let changed = scene.policy.replace("auth_user = false", "auth_user = true");
    fs::write(&file, &changed).expect("a file");
    let refused = run_with(&["serve"], &config);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.err.contains("version"), "{refused:?}");
    let renewed = changed
        .replace("version = \"2026-1\"", "version = \"2026-2\"")
        .replace("2026-12-01", "2026-12-02");
    fs::write(&file, renewed).expect("a file");
    assert_eq!(Serving::start(&config).stop().code, Some(0));
}
