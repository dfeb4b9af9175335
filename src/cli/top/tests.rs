//! Screens of several sizes, of a journal whose lines are known.

use std::fs;
use std::path::Path;

use jiff::SignedDuration;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Color;

use super::*;
use crate::journal::{Glance, Space};
use crate::policy::Lang;

const NOW: &str = "2026-11-22T10:15:30Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// So many seconds before [`NOW`], as lines have it.
fn ago(seconds: i64, milliseconds: i64) -> String {
    let time = now() - SignedDuration::from_secs(seconds) + SignedDuration::from_millis(milliseconds);
    time.strftime("%FT%T%.3fZ").to_string()
}

/// A line of `access`.
struct Line<'a> {
    ago: i64,
    took: i64,
    address: &'a str,
    path: &'a str,
    status: u16,
    bytes: u64,
    agent: &'a str,
    error: Option<&'a str>,
}

const LINE: Line<'static> = Line {
    ago: 10,
    took: 12,
    address: "203.0.113.7",
    path: "/",
    status: 200,
    bytes: 4_200,
    agent: "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    error: None,
};

impl Line<'_> {
    fn text(&self) -> String {
        let error = self
            .error
            .map_or(String::new(), |error| format!(r#""error":{{"type":"{error}"}},"#));
        format!(
            r#"{{"timestamp":"{}","client":{{"address":"{}"}},"url":{{"path":"{}"}},"network":{{"protocol":{{"version":"1.1"}}}},"http":{{"request":{{"method":"GET"}},"response":{{"status_code":{},"body":{{"size":{}}}}}}},{error}"user_agent":{{"original":"{}"}},"townclerk":{{"sent":"{}","policy":{{"version":"1"}}}}}}"#,
            ago(self.ago, -self.took),
            self.address,
            self.path,
            self.status,
            self.bytes,
            self.agent,
            ago(self.ago, 0),
        ) + "\n"
    }
}

/// A journal with a morning's lines.
fn journal(folder: &Path) {
    let mut lines = vec![
        Line {
            ago: 3_600,
            path: "/an-hour-ago",
            ..LINE
        }
        .text(),
    ];
    for ago in (0..900).rev() {
        if ago % 3 == 0 || (60..90).contains(&ago) {
            lines.push(
                Line {
                    ago,
                    took: 8 + ago % 40,
                    ..LINE
                }
                .text(),
            );
        }
        if ago % 7 == 0 {
            let (path, address) = ("/aktualności/budżet", "198.51.100.20");
            lines.push(
                Line {
                    ago,
                    path,
                    address,
                    bytes: 31_000,
                    took: 90,
                    ..LINE
                }
                .text(),
            );
        }
        if ago % 30 == 0 {
            let (path, agent) = (
                "/zgubione",
                "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            );
            lines.push(
                Line {
                    ago,
                    path,
                    agent,
                    address: "192.0.2.99",
                    status: 404,
                    bytes: 900,
                    ..LINE
                }
                .text(),
            );
        }
        if ago % 200 == 0 {
            let error = Some("upstream.connect");
            lines.push(
                Line {
                    ago,
                    path: "/sesja",
                    status: 502,
                    took: 2_400,
                    error,
                    ..LINE
                }
                .text(),
            );
        }
    }
    let event = format!(
        "{{\"time\":\"{}\",\"event.name\":\"segment.begin\",\"log\":\"access\",\"segment\":\"20261122-00000000000000000000.jsonl\",\"policy.version\":\"1\"}}\n",
        ago(4_000, 0)
    );
    for (log, text) in [("access", lines.concat()), ("events", event)] {
        fs::create_dir_all(folder.join(log)).unwrap();
        fs::write(folder.join(log).join("20261122-00000000000000000000.jsonl"), text).unwrap();
    }
}

/// A desk with this journal, all of it read.
fn desk(folder: &Path, lang: Lang) -> Desk {
    let open = |name: &str| Feed::open(name.to_owned(), folder.to_owned(), now()).unwrap();
    let mut desk = Desk {
        feeds: vec![open("um.example.pl"), open("bip.example.pl")],
        chosen: 0,
        now: now(),
        panel: Panel::default(),
        order: Order::default(),
        paused: false,
        help: false,
        words: Words::of(lang),
        look: Look { coloured: true },
    };
    assert!(desk.read(now()).unwrap());
    for feed in &mut desk.feeds {
        feed.health.glance = Glance {
            signed: feed.health.at.map(|(_, records)| records - 12),
            signed_at: Some(now() - SignedDuration::from_secs(4)),
            space: Some(Space { all: 100, left: 43 }),
        };
    }
    desk
}

fn drawn(desk: &Desk, width: u16, height: u16) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| desk.view().draw(frame)).unwrap();
    terminal
}

/// The rows of a screen, without the spaces at their ends.
fn rows(terminal: &Terminal<TestBackend>) -> String {
    let buffer = terminal.backend().buffer();
    let width = usize::from(buffer.area.width).max(1);
    let rows = buffer.content().chunks(width).map(|cells| {
        let row: String = cells.iter().map(ratatui::buffer::Cell::symbol).collect();
        row.trim_end().to_owned() + "\n"
    });
    rows.collect()
}

fn press(desk: &mut Desk, key: KeyCode) -> Then {
    desk.press(KeyEvent::from(key))
}

/// Holds a screen against the file that shows it; `BLESS=1` writes that anew.
fn is_as_shown(desk: &Desk, width: u16, height: u16, file: &str) {
    let shown = rows(&drawn(desk, width, height));
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/cli/top/screens")
        .join(file);
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &shown).unwrap();
    }
    assert_eq!(shown, fs::read_to_string(&path).unwrap_or_default(), "{file}");
}

#[test]
fn screens_of_every_size_show_what_matters_most() {
    let folder = tempfile::tempdir().unwrap();
    journal(folder.path());
    let mut english = desk(folder.path(), Lang::En);
    is_as_shown(&english, 80, 24, "80x24.txt");
    is_as_shown(&english, 20, 5, "20x5.txt");
    assert_eq!(press(&mut english, KeyCode::Char('?')), Then::GoOn);
    is_as_shown(&english, 80, 24, "help.txt");
    let mut polish = desk(folder.path(), Lang::Pl);
    press(&mut polish, KeyCode::Char('3'));
    is_as_shown(&polish, 120, 40, "120x40.txt");
}

#[test]
fn no_screen_is_too_small_or_too_large() {
    let folder = tempfile::tempdir().unwrap();
    journal(folder.path());
    let mut desk = desk(folder.path(), Lang::Pl);
    for key in ['1', '2', '3', '4', '?'] {
        press(&mut desk, KeyCode::Char(key));
        for width in (0..24).chain([29, 30, 49, 50, 69, 70, 79, 120, 400]) {
            for height in (0..12).chain([16, 17, 20, 22, 30, 100]) {
                drawn(&desk, width, height);
            }
        }
    }
}

#[test]
fn keys_choose_what_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    journal(folder.path());
    let mut desk = desk(folder.path(), Lang::En);
    let shows = |desk: &Desk, text: &str| {
        let shown = rows(&drawn(desk, 80, 24));
        assert!(shown.contains(text), "{text} is not in\n{shown}");
    };
    press(&mut desk, KeyCode::Tab);
    shows(&desk, "203.0.113.7");
    press(&mut desk, KeyCode::Tab);
    shows(&desk, "Firefox on Linux");
    shows(&desk, "robot Mozilla/5.0 (compatible; G");
    press(&mut desk, KeyCode::Char('4'));
    shows(&desk, "upstream.connect");
    press(&mut desk, KeyCode::Tab);
    let first = |desk: &Desk| {
        let shown = rows(&drawn(desk, 80, 24));
        let row = shown.lines().find(|line| line.contains("  /")).unwrap_or_default();
        row.rsplit("  ").next().unwrap_or_default().to_owned()
    };
    let by = ["/", "/zgubione", "/aktualności/budżet", "/sesja"];
    for expected in by {
        assert_eq!(first(&desk), expected, "{:?}", desk.order);
        press(&mut desk, KeyCode::Char('o'));
    }
    shows(&desk, "um.example.pl 1/2");
    press(&mut desk, KeyCode::Char('s'));
    shows(&desk, "bip.example.pl 2/2");
    press(&mut desk, KeyCode::Char('p'));
    shows(&desk, "PAUSED");
    let before = desk.now;
    assert!(desk.read(now() + SignedDuration::from_secs(60)).unwrap());
    assert_eq!(desk.now, before, "it stands still");
    press(&mut desk, KeyCode::Char(' '));
    shows(&desk, "live");
    assert_eq!(press(&mut desk, KeyCode::Char('c')), Then::GoOn);
    let control_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(desk.press(control_c), Then::Quit);
    assert_eq!(press(&mut desk, KeyCode::Esc), Then::Quit);
    assert_eq!(press(&mut desk, KeyCode::Char('q')), Then::Quit);
}

#[test]
fn without_colours_there_are_none() {
    let folder = tempfile::tempdir().unwrap();
    journal(folder.path());
    let mut desk = desk(folder.path(), Lang::En);
    let coloured = |desk: &Desk| {
        let terminal = drawn(desk, 80, 24);
        let cells = terminal.backend().buffer().content();
        cells
            .iter()
            .any(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset)
    };
    assert!(coloured(&desk));
    desk.look.coloured = false;
    assert!(!coloured(&desk));
}

#[test]
fn what_comes_is_read_and_what_is_old_is_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    journal(folder.path());
    let mut feed = Feed::open(String::new(), folder.path().to_owned(), now()).unwrap();
    assert!(feed.read(now()).unwrap());
    let before = feed.tally.all().requests;
    let segment = folder.path().join("access/20261122-00000000000000000000.jsonl");
    let mut text = fs::read_to_string(&segment).unwrap();
    text += &Line {
        ago: 0,
        path: "/nowe\\u001b[31m",
        ..LINE
    }
    .text();
    fs::write(&segment, text).unwrap();
    let later = now() + SignedDuration::from_secs(1);
    assert!(feed.read(later).unwrap() && feed.read(later).unwrap());
    assert_eq!(feed.tally.all().requests, before + 1);
    let list = list::List::of(&feed.tally, Panel::Paths, Order::Requests, 9, Words::of(Lang::En));
    let names: Vec<_> = list.rows.iter().map(|row| row.name.as_str()).collect();
    assert!(names.contains(&"/nowe\\u{1b}[31m"), "{names:?}");
    assert!(feed.read(now() + SignedDuration::from_mins(20)).unwrap());
    assert_eq!(feed.tally.all().requests, 0);
    assert!(feed.tally.rate(now().as_second() + 1_200, 900) == 0.0);
}

#[test]
fn what_has_no_room_is_counted_together() {
    let folder = tempfile::tempdir().unwrap();
    journal(folder.path());
    let segment = folder.path().join("access/20261122-00000000000000000000.jsonl");
    let mut text = fs::read_to_string(&segment).unwrap();
    for number in 0..40 {
        let path = &format!("/druki/{number}");
        text += &Line { path, ..LINE }.text();
    }
    fs::write(&segment, text).unwrap();
    let desk = desk(folder.path(), Lang::En);
    let shown = rows(&drawn(&desk, 80, 24));
    let (_, list) = shown.split_once("  Paths\n").unwrap();
    let counts = list
        .lines()
        .map_while(|row| row.split_whitespace().next()?.parse::<u64>().ok());
    assert_eq!(counts.sum::<u64>(), desk.feeds[0].tally.all().requests, "{shown}");
    assert!(shown.contains("all others"), "{shown}");
}

#[test]
fn trouble_takes_the_place_of_the_last_event_for_an_hour() {
    let folder = tempfile::tempdir().unwrap();
    journal(folder.path());
    let events = folder.path().join("events/20261122-00000000000000000000.jsonl");
    let failure = format!(
        "{{\"time\":\"{}\",\"event.name\":\"journal.failure\",\"log\":\"access\",\"what\":\"write\",\"kind\":\"storage_full\"}}\n",
        ago(600, 0)
    );
    fs::write(&events, fs::read_to_string(&events).unwrap() + &failure).unwrap();
    let mut desk = desk(folder.path(), Lang::En);
    let shown = rows(&drawn(&desk, 80, 24));
    assert!(
        shown.contains("TROUBLE") && shown.contains("journal.failure kind=storage_full"),
        "{shown}"
    );
    desk.now = now() + SignedDuration::from_hours(1);
    assert!(!rows(&drawn(&desk, 80, 24)).contains("TROUBLE"));
}
