//! A running server touches its own files and no others, though they were named to it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::serve::program::{Serving, run_with};
use crate::skip::cannot;
use crate::town::{Cms, HOST, Plan, Town, Visitor};

/// A server whose files are in a folder of their own, and one beside it.
struct Office {
    folder: tempfile::TempDir,
    config: PathBuf,
    serving: Serving,
}

impl Office {
    /// `None`, with a reason, where the kernel confines nothing.
    fn open(plan: Plan) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let own = folder.path().join("own");
        for name in ["own", "other"] {
            fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        let (config, _) = plan.write(&own);
        assert_eq!(run_with(&["journal", "init"], &config).code, Some(0));
        let serving = Serving::start(&config);
        if serving.said.iter().any(|line| line.contains("not confined")) {
            cannot("what confines a server", "this kernel has no Landlock");
            return None;
        }
        Some(Self {
            folder,
            config,
            serving,
        })
    }

    fn other(&self) -> PathBuf {
        self.folder.path().join("other")
    }

    /// Asks for a reload with a change of the configuration.
    fn reload_with(&mut self, from: &str, to: &str) {
        let text = fs::read_to_string(&self.config).expect("text");
        assert!(text.contains(from), "{text}");
        fs::write(&self.config, text.replacen(from, to, 1)).expect("a file");
        self.serving.signal("HUP");
    }

    fn visit(&self, host: &str) -> u16 {
        let mut visitor = Visitor::to(self.serving.address);
        visitor.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"));
        visitor.answer().status
    }
}

fn said(serving: &Serving, words: &str) -> bool {
    serving.said.iter().any(|line| line.contains(words))
}

#[test]
fn a_reload_that_names_a_file_elsewhere_says_where_and_what_to_do() {
    let Some(mut office) = Office::open(Town::before(&Cms::page("a"))) else {
        return;
    };
    let policy = office.other().join("policy.toml");
    fs::copy(office.config.with_file_name("policy.toml"), &policy).expect("a copy");
    office.reload_with("\"policy.toml\"", &format!("\"{}\"", policy.display()));
    office.serving.hear("not reloaded");
    let found = "names a file that townclerk may not read since it started";
    assert!(said(&office.serving, found), "{:#?}", office.serving.said);
    assert!(said(&office.serving, "restart townclerk"), "{:#?}", office.serving.said);
    assert_eq!(office.visit(HOST), 200);
    assert_eq!(office.serving.stop().code, Some(0));

    let mut serving = Serving::start(&office.config);
    assert!(serving.is_there(), "a restart is the remedy");
}

/// A second site with its journal, in a folder of its own.
fn site(config: &Path, folder: &Path) -> String {
    let site = format!(
        "[[site]]\nhosts = [\"bip.example.pl\"]\npolicy = \"policy.toml\"\nupstream = {{ url = \"http://127.0.0.1:9\" }}\n\
         journal = {{ folder = \"{}\" }}\n[[site]]",
        folder.display()
    );
    let text = fs::read_to_string(config).expect("text");
    let whole = config.with_file_name("whole.toml");
    fs::write(&whole, text.replacen("[[site]]", &site, 1)).expect("a file");
    assert_eq!(run_with(&["journal", "init"], &whole).code, Some(0));
    site
}

#[test]
fn a_site_whose_journal_lies_elsewhere_needs_a_restart() {
    let Some(mut office) = Office::open(Town::before(&Cms::page("a"))) else {
        return;
    };
    let folder = office.other().join("bip");
    let site = site(&office.config, &folder);
    office.reload_with("[[site]]", &site);
    office.serving.hear("not reloaded");
    let found = format!("townclerk may not write {} since it started", folder.display());
    assert!(said(&office.serving, &found), "{:#?}", office.serving.said);
    assert_eq!(office.visit(HOST), 200);
}

#[test]
fn a_certificate_that_leads_elsewhere_is_not_read_and_the_old_one_stays() {
    let Some(mut office) = Office::open(Town::before(&Cms::page("a")).tls()) else {
        return;
    };
    let (named, other) = (
        office.config.with_file_name("cert.pem"),
        office.other().join("cert.pem"),
    );
    fs::copy(&named, &other).expect("a copy");
    fs::remove_file(&named).expect("it goes");
    symlink(&other, &named).expect("a link");
    office.serving.hear("Permission denied");
    assert!(said(&office.serving, "cert.pem"), "{:#?}", office.serving.said);
    assert_eq!(office.serving.stop().code, Some(0));
}
