//! `townclerk top` on a terminal, with somebody at its keys.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};

use crate::drain::until;
use crate::serve::program::run;
use crate::town::{Cms, HOST, Town};

/// A terminal, and the program on it.
struct Terminal {
    keyboard: File,
    line: OwnedFd,
    before: Termios,
    child: Child,
    said: Receiver<Vec<u8>>,
    all: Vec<u8>,
    screen: vt100::Parser,
}

impl Terminal {
    fn with(config: &Path, rows: u16, columns: u16, colours: bool) -> Self {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&keyboard).expect("it is ours");
        unlockpt(&keyboard).expect("it opens");
        let name = ptsname(&keyboard, Vec::new()).expect("a name");
        let line = open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("it opens");
        tcsetwinsize(&keyboard, size(rows, columns)).expect("a size");
        let before = tcgetattr(&line).expect("modes");
        let mut command = Command::new(env!("CARGO_BIN_EXE_townclerk"));
        let end = || line.try_clone().expect("another");
        command.args(["top", "--lang", "en", "--config"]).arg(config);
        command.env("TERM", "xterm-256color").env_remove("NO_COLOR");
        if !colours {
            command.env("NO_COLOR", "1");
        }
        let child = command
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .expect("it starts");
        let keyboard = File::from(keyboard);
        let mut listens = keyboard.try_clone().expect("another");
        let (sender, said) = channel();
        thread::spawn(move || {
            let mut buffer = vec![0; 4_096];
            while let Ok(length @ 1..) = listens.read(&mut buffer) {
                if sender.send(buffer[..length].to_vec()).is_err() {
                    break;
                }
            }
        });
        let (all, screen) = (Vec::new(), vt100::Parser::new(rows, columns, 0));
        Self {
            keyboard,
            line,
            before,
            child,
            said,
            all,
            screen,
        }
    }

    fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("it is typed");
    }

    fn look(&mut self) -> String {
        for said in self.said.try_iter() {
            self.screen.process(&said);
            self.all.extend(said);
        }
        self.screen.screen().contents()
    }

    /// Waits until the screen is like this.
    fn shows(&mut self, is_right: impl Fn(&str) -> bool) -> String {
        for _ in 0..1_000 {
            let seen = self.look();
            if is_right(&seen) {
                return seen;
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("it did not come: {}", self.look());
    }

    fn resize(&mut self, rows: u16, columns: u16) {
        self.screen.screen_mut().set_size(rows, columns);
        tcsetwinsize(&self.keyboard, size(rows, columns)).expect("a size");
    }

    /// Waits until the program has ended, and looks whether the terminal is as it was. Its exit code.
    fn ends(&mut self) -> Option<i32> {
        let code = self.child.wait().expect("it ends").code();
        until(|| {
            self.look();
            !self.screen.screen().alternate_screen()
        });
        assert!(!self.screen.screen().hide_cursor());
        let after = tcgetattr(&self.line).expect("modes");
        let modes = |modes: &Termios| (modes.input_modes, modes.output_modes, modes.local_modes);
        assert_eq!(modes(&after), modes(&self.before));
        code
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended
        let _ = self.child.wait();
    }
}

fn size(rows: u16, columns: u16) -> Winsize {
    Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}

/// The row of a name in the list, as words.
fn row(screen: &str, name: &str) -> Vec<String> {
    let row = screen
        .lines()
        .find(|line| line.trim_end().ends_with(&format!("  {name}")));
    row.unwrap_or_default().split_whitespace().map(str::to_owned).collect()
}

#[test]
fn the_live_view_follows_the_running_journal_and_gives_the_terminal_back() {
    let cms = Cms::page("dzień dobry");
    let town = Town::before(&cms).open();
    let mut terminal = Terminal::with(&town.folder().join("townclerk.toml"), 24, 80, true);
    let empty = terminal.shows(|screen| screen.contains("nothing in the last 15 minutes"));
    assert!(empty.contains(HOST) && terminal.screen.screen().alternate_screen());
    for _ in 0..3 {
        assert_eq!(town.get("/kontakt?od=jan").status, 200);
    }
    let seen = terminal.shows(|screen| row(screen, "/kontakt").first().is_some_and(|count| count == "3"));
    assert!(!seen.contains("jan") && seen.contains("2xx 3"), "{seen}");

    terminal.press("2");
    terminal.shows(|screen| row(screen, "127.0.0.1").first().is_some_and(|count| count == "3"));
    assert_eq!(town.ask("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").status, 400);
    terminal.press("4");
    terminal.shows(|screen| screen.contains("4xx 1") && screen.contains("Errors"));
    terminal.press("p");
    terminal.shows(|screen| screen.contains("PAUSED"));
    town.get("/nowe");
    until(|| town.entries() == 5);
    terminal.press("1");
    let paused = terminal.shows(|screen| row(screen, "/kontakt").first().is_some_and(|count| count == "3"));
    assert!(!paused.contains("/nowe"), "{paused}");
    terminal.press("p");
    terminal.shows(|screen| screen.contains("/nowe") && screen.contains("live"));
    terminal.press("?");
    terminal.shows(|screen| screen.contains("Ctrl-C"));
    terminal.resize(40, 120);
    terminal.shows(|screen| {
        screen
            .lines()
            .next()
            .is_some_and(|title| title.trim_end().chars().count() > 110)
    });
    assert!(contains(&terminal.all, "\u{1b}[38;5;"), "there are colours");
    terminal.press("q");
    assert_eq!(terminal.ends(), Some(0));
}

#[test]
fn whatever_ends_it_the_terminal_is_as_it_was() {
    let cms = Cms::page("dzień dobry");
    let town = Town::before(&cms).open();
    town.get("/");
    let config = town.folder().join("townclerk.toml");
    let start = || {
        let mut terminal = Terminal::with(&config, 24, 80, false);
        terminal.shows(|screen| screen.contains(HOST) && screen.contains("live"));
        terminal
    };
    for key in ["\u{3}", "\u{1b}"] {
        let mut terminal = start();
        terminal.press(key);
        assert_eq!(terminal.ends(), Some(0), "{key:?}");
        assert!(!contains(&terminal.all, "\u{1b}[38;5;"), "no colours with NO_COLOR");
    }
    let mut terminal = start();
    let ended = Command::new("kill").arg(terminal.child.id().to_string()).status();
    assert!(ended.expect("kill runs").success());
    assert_eq!(terminal.ends(), Some(0));

    let mut terminal = start();
    let journal = town.leave();
    let access = journal.path().join("journal/access");
    std::fs::rename(&access, access.with_extension("gone")).expect("it goes");
    assert_eq!(terminal.ends(), Some(2));
    terminal.shows(|screen| screen.contains("cannot read the journal"));
}

#[test]
fn without_a_terminal_it_says_what_to_use() {
    let ended = run(&["top"]);
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.err.contains("not a terminal") && ended.err.contains("journal tail -f"),
        "{}",
        ended.err
    );
    assert_eq!(ended.out, "");
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}
