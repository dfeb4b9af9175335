//! The README is true: every command in it runs, one after the other, in a folder with copies of what it speaks of, and
//! what it shows is what comes out.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

use crate::drain::until;
use crate::serve::program::Serving;
use crate::skip::without;
use crate::town::Cms;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const CONFIG: &str = "config/townclerk.toml";
/// Where the shipped configuration listens, and where it looks for the CMS.
const HERE: &str = "127.0.0.1:8080";
const BEHIND: &str = "127.0.0.1:8000";

#[test]
fn every_command_of_the_readme_runs_and_says_what_the_readme_says() {
    let readme = read("README.md");
    let cms = Cms::page("dzień dobry");
    let mut desk = Desk::before(&cms);
    let commands: Vec<String> = blocks(&readme, "sh")
        .iter()
        .flat_map(|block| block.lines())
        .map(str::to_owned)
        .collect();
    assert!(commands.len() >= 10, "{commands:#?}");
    for command in &commands {
        desk.run(command);
    }
    assert_eq!(desk.serving.take().expect("the README serves").stop().code, Some(0));

    let told = &blocks(&readme, "text")[0];
    assert!(
        told.contains("We record") && told.lines().all(|line| desk.said.contains(line)),
        "{told}"
    );
    // The entry that the README shows, and the one that its command led to.
    let shown: Value = serde_json::from_str(blocks(&readme, "json")[0].trim()).expect("JSON");
    let kept: Value = serde_json::from_str(&desk.last_line).expect("JSON");
    assert_eq!(keys(&shown), keys(&kept), "{kept}");
    assert_eq!(shown["http"]["request"], kept["http"]["request"]);
}

#[test]
fn the_test_command_of_the_readme_is_what_ci_runs() {
    let commands: Vec<String> = blocks(&read("README.md"), "sh")
        .concat()
        .lines()
        .map(str::to_owned)
        .collect();
    let ci = read(".ci/run");
    assert!(commands.iter().any(|command| command == "cargo test"));
    assert!(
        ci.lines().any(|line| line.starts_with("step cargo test --locked")),
        "{ci}"
    );
    let demo = ci.lines().skip_while(|line| *line != "step deploy/build").nth(1);
    assert!(
        demo.is_some_and(|line| line.starts_with("step target/release/townclerk demo --once")),
        "{ci}"
    );
}

#[test]
fn what_the_readme_names_is_there() {
    let readme = read("README.md");
    let links = readme.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let heading = |line: &str| line.trim_start_matches(['#', ' ']).to_lowercase().replace(' ', "-");
    let headings: BTreeSet<String> = readme
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(heading)
        .collect();
    for link in links.filter(|link| !link.starts_with("https://")) {
        let is_there = match link.strip_prefix('#') {
            Some(section) => headings.contains(section),
            None => Path::new(ROOT).join(link).exists(),
        };
        assert!(is_there, "{link}");
    }
    let settings = read(CONFIG) + &read("config/policy.toml");
    for setting in [
        "trusted_proxies",
        "drain_time",
        "sync_interval",
        "queue",
        "on_failure",
        "format",
        "mode",
        "expire_unlisted",
        "listen",
    ] {
        assert!(
            readme.contains(setting) && settings.contains(&format!("{setting} =")),
            "{setting}"
        );
    }
    assert!(settings.contains("#drain_time = \"8 s\"") && settings.contains("#sync_interval = \"1 s\""));
}

/// Where somebody sits who types the README's commands: a folder, and the programs that they call.
struct Desk {
    folder: tempfile::TempDir,
    /// The CMS.
    behind: SocketAddr,
    serving: Option<Serving>,
    /// What the last `tail` showed.
    last_line: String,
    /// All that was printed.
    said: String,
}

impl Desk {
    fn before(cms: &Cms) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for part in ["config", "deploy"] {
            fs::create_dir(folder.path().join(part)).expect("a folder");
            let files = fs::read_dir(Path::new(ROOT).join(part)).expect("a folder").flatten();
            for file in files.filter(|file| file.path().is_file()) {
                fs::copy(file.path(), folder.path().join(part).join(file.file_name())).expect("a copy");
            }
        }
        let config = folder.path().join(CONFIG);
        let text = fs::read_to_string(&config).expect("text");
        assert!(text.contains(HERE) && text.contains(BEHIND), "{text}");
        let text = text
            .replace(HERE, "127.0.0.1:0")
            .replace(BEHIND, &cms.address().to_string());
        fs::write(&config, text).expect("a file");

        // The program is built already: what cargo would build and run is it. Tests and benchmarks have their own time.
        let bin = folder.path().join("bin");
        fs::create_dir(&bin).expect("a folder");
        symlink(env!("CARGO_BIN_EXE_townclerk"), bin.join("townclerk")).expect("a link");
        let cargo = "#!/bin/sh\ncase \"$*\" in\n'install --locked --path .' | test | 'bench --bench peers') ;;\n\
                     'run --release -- '*) shift 3; exec townclerk \"$@\" ;;\n*) echo \"cargo $*?\" >&2; exit 2 ;;\nesac\n";
        fs::write(bin.join("cargo"), cargo).expect("a file");
        fs::set_permissions(bin.join("cargo"), fs::Permissions::from_mode(0o755)).expect("a program");
        Self {
            folder,
            behind: cms.address(),
            serving: None,
            last_line: String::new(),
            said: String::new(),
        }
    }

    fn run(&mut self, command: &str) {
        let words: Vec<&str> = command.split_whitespace().collect();
        match words[..] {
            ["townclerk", "serve", ..] => self.serve(&words),
            ["cargo", "run", "--release", "--", "demo"] => self.stay(command),
            // The configuration says port 0 here.
            ["townclerk", "selftest", ..] => {
                self.succeed(&format!("{command} --url http://{}", self.address()));
            }
            ["goaccess", ..] if without("goaccess", "--version", command) => {}
            ["lnav", ..] if without("lnav", "-V", command) => {}
            ["curl", ..] if without("curl", "--version", command) => {
                let asked = "GET / HTTP/1.1\r\nHost: localhost\r\nReferer: https://www.example.org/links\r\n\
                             User-Agent: curl/7.88.1\r\nConnection: close\r\n\r\n";
                let mut visitor = crate::town::Visitor::to(self.address());
                visitor.send(asked);
                assert_eq!(visitor.answer().status, 200);
            }
            ["tail", ..] => {
                // The entry is written a moment after the answer.
                let current = self.folder.path().join("journal/access/current");
                let is_there = |text: String| text.ends_with('\n') && text.contains("curl/");
                until(|| fs::read_to_string(&current).is_ok_and(is_there));
                self.last_line = self.succeed(command);
            }
            _ => {
                self.succeed(command);
            }
        }
    }

    /// Starts what the README starts, in place of the one from earlier on the page.
    fn serve(&mut self, words: &[&str]) {
        if let Some(earlier) = self.serving.take() {
            assert_eq!(earlier.stop().code, Some(0));
        }
        assert_eq!(words, ["townclerk", "serve", "--config", CONFIG]);
        self.serving = Some(Serving::start(&self.folder.path().join(CONFIG)));
    }

    /// Runs a command that stays, until it says where to look, and ends it as Ctrl-C does.
    fn stay(&self, command: &str) {
        let mut child = self
            .shell(&format!("exec {command}"))
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let is_address = |line: std::io::Result<String>| line.is_ok_and(|line| line.contains("http://127.0.0.1:"));
        assert!(lines.any(is_address), "{command} says where to look");
        interrupt(&child);
        lines.for_each(drop);
        assert!(child.wait().expect("it ends").success(), "{command}");
    }

    fn succeed(&mut self, command: &str) -> String {
        let command = command.replace(BEHIND, &self.behind.to_string());
        let command = match &self.serving {
            Some(serving) => command.replace(HERE, &serving.address.to_string()),
            None => command,
        };
        let Output { status, stdout, stderr } = self.shell(&command).output().expect("a shell");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(status.success(), "{command}\n{}{}", text(&stdout), text(&stderr));
        self.said += &text(&stdout);
        text(&stdout)
    }

    fn shell(&self, command: &str) -> Command {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut shell = Command::new("sh");
        shell
            .args(["-e", "-c", command])
            .current_dir(self.folder.path())
            .env("PATH", format!("{}:{path}", self.folder.path().join("bin").display()))
            .env("HOME", self.folder.path())
            .env_remove("XDG_CONFIG_HOME")
            .stdin(Stdio::null());
        shell
    }

    fn address(&self) -> SocketAddr {
        self.serving.as_ref().expect("the README serves first").address
    }
}

fn interrupt(child: &Child) {
    assert!(
        Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status()
            .expect("kill runs")
            .success()
    );
}

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The fenced blocks of a language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fences: Vec<&str> = text.split("```").collect();
    let inside = fences.iter().skip(1).step_by(2);
    inside
        .filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n'))
        .map(str::to_owned)
        .collect()
}

/// Every key of an entry, with those above it; but not the host name, which depends on the machine.
fn keys(entry: &Value) -> BTreeSet<String> {
    fn walk(value: &Value, above: &str, found: &mut BTreeSet<String>) {
        for (key, value) in value.as_object().into_iter().flatten() {
            found.insert(format!("{above}/{key}"));
            walk(value, &format!("{above}/{key}"), found);
        }
    }
    let mut found = BTreeSet::new();
    walk(entry, "", &mut found);
    found.remove("/townclerk/client/host");
    found
}
