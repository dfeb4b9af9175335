//! `townclerk top`: what sites are asked for, as it happens. For the administrator: what it shows is what the journals
//! hold, and nobody is hidden in it.
//!
//! ```text
//! journal ─▶ feed ─▶ tally (ranks) ─▶ list ─▶ screen ─▶ terminal
//!                (a quarter of an hour, in memory only)
//! ```

mod feed;
mod list;
mod ranks;
mod screen;
mod tally;
#[cfg(test)]
mod tests;
mod words;

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use signal_hook::consts::{SIGHUP, SIGTERM};
use signal_hook::flag;

use self::feed::Feed;
use self::list::{Order, Panel};
use self::screen::{Look, View};
use self::words::Words;
use super::language::Language;
use super::speech::{Done, Problem};
use super::table::Paint;
use super::{ConfigFile, serve};
use crate::clock::Clock;
use crate::config::Site;
use crate::journal::evidence;

/// How often the journal is looked at.
const LOOK: Duration = Duration::from_millis(250);

#[derive(Args, Debug)]
pub(super) struct Top {
    #[command(flatten)]
    file: ConfigFile,
    /// The site to begin with, by one of its host names. Key `s` goes on to the next.
    #[arg(long, value_name = "HOST")]
    site: Option<String>,
    /// A journal's folder, instead of a configuration.
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["config", "site"])]
    journal: Option<PathBuf>,
    /// The language. Default: pl where LC_ALL or LANG says so, otherwise en.
    #[arg(long, value_enum)]
    lang: Option<Language>,
}

pub(super) const AFTER_HELP: &str = "Exit codes:\n  0  it was left, by a key or a signal\n  \
    2  it could not be shown, or a journal not be read\n\n\
    Keys: q quits, p stands still, s goes to the next site, Tab and 1 to 4 choose \
    what is listed, o its order, ? helps.\n\nIt reads the journals as they are written, needs no lock and disturbs \
    nobody. What it shows is not anonymous. Run it as the user that runs townclerk.";

pub(super) fn run(top: &Top) -> Done {
    if !io::stdout().is_terminal() {
        return Err(Problem::with_hint(
            "stdout is not a terminal, and top has nothing else to show it on",
            "for a file or another program use `townclerk journal tail -f`",
        ));
    }
    let clock = Clock::system();
    let (feeds, chosen) = top.feeds(clock.now())?;
    let lang = top.lang.unwrap_or_else(Language::of_environment).into();
    let mut desk = Desk {
        feeds,
        chosen,
        now: clock.now(),
        panel: Panel::default(),
        order: Order::default(),
        paused: false,
        help: false,
        words: Words::of(lang),
        look: Look {
            coloured: Paint::of_stdout().is_coloured(),
        },
    };
    let ended = Ended::listen()?;
    let mut screen = Screen::enter()?;
    desk.watch(&mut screen.0, &clock, &ended)
}

impl Top {
    /// What is watched, and with which it begins.
    fn feeds(&self, now: Timestamp) -> Result<(Vec<Feed>, usize), Problem> {
        if let Some(folder) = &self.journal {
            let name = evidence::origin(folder).unwrap_or_default(); // whether it is a journal is said next
            return Ok((vec![Feed::open(name, folder.clone(), now)?], 0));
        }
        let sites = serve::load(&self.file.config)?.sites;
        let chosen = match self.site.as_deref() {
            None => 0,
            host => serve::place_of(&sites, host)?,
        };
        let open = |site: &Site| {
            let name = site.hosts.first().map(|host| host.to_string());
            Feed::open(name.unwrap_or_default(), site.journal.folder.clone(), now)
        };
        Ok((sites.iter().map(open).collect::<Result<_, _>>()?, chosen))
    }
}

/// The terminal while it is ours. Whatever happens, it is given back as it was, by a panic too.
struct Screen(DefaultTerminal);

impl Screen {
    fn enter() -> Result<Self, Problem> {
        ratatui::try_init().map(Self).map_err(|error| {
            ratatui::restore();
            Problem::new(format!("the terminal cannot be used: {error}"))
        })
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

/// Whether somebody has ended us from outside.
struct Ended(Arc<AtomicBool>);

impl Ended {
    fn listen() -> Result<Self, Problem> {
        let ended = Arc::new(AtomicBool::new(false));
        for signal in [SIGTERM, SIGHUP] {
            flag::register(signal, Arc::clone(&ended)).map_err(Problem::new)?;
        }
        Ok(Self(ended))
    }

    fn by_now(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What somebody looks at, and how.
struct Desk {
    feeds: Vec<Feed>,
    chosen: usize,
    /// The time that is shown.
    now: Timestamp,
    panel: Panel,
    order: Order,
    paused: bool,
    help: bool,
    words: &'static Words,
    look: Look,
}

/// Whether it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    GoOn,
    Quit,
}

impl Desk {
    fn watch(&mut self, terminal: &mut DefaultTerminal, clock: &Clock, ended: &Ended) -> Done {
        loop {
            let all_is_read = self.read(clock.now())?;
            terminal.draw(|frame| self.view().draw(frame))?;
            let mut wait = if all_is_read { LOOK } else { Duration::ZERO };
            while event::poll(wait)? {
                if let Event::Key(key) = event::read()?
                    && self.press(key) == Then::Quit
                {
                    return Ok(ExitCode::SUCCESS);
                }
                wait = Duration::ZERO;
            }
            if ended.by_now() {
                return Ok(ExitCode::SUCCESS);
            }
        }
    }

    /// Reads on in every journal, unless it stands still. Whether there was no more.
    fn read(&mut self, now: Timestamp) -> Result<bool, Problem> {
        if self.paused {
            return Ok(true);
        }
        self.now = now;
        let mut all = true;
        for feed in &mut self.feeds {
            all &= feed.read(now)?;
        }
        Ok(all)
    }

    fn view(&self) -> View<'_> {
        View {
            feed: &self.feeds[self.chosen],
            place: (self.chosen, self.feeds.len()),
            now: self.now,
            paused: self.paused,
            panel: self.panel,
            order: self.order,
            help: self.help,
            words: self.words,
            look: self.look,
        }
    }

    fn press(&mut self, key: KeyEvent) -> Then {
        if key.kind == KeyEventKind::Release {
            return Then::GoOn;
        }
        let with_control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c') if with_control => return Then::Quit,
            KeyCode::Char('q') | KeyCode::Esc => return Then::Quit,
            KeyCode::Char('p' | ' ') => self.paused = !self.paused,
            KeyCode::Char('s') => self.chosen = (self.chosen + 1) % self.feeds.len(),
            KeyCode::Char('o') => self.order = Order::ALL[(self.order as usize + 1) % Order::ALL.len()],
            KeyCode::Char('?' | 'h') => self.help = !self.help,
            KeyCode::Tab => self.panel = Panel::ALL[(self.panel as usize + 1) % Panel::ALL.len()],
            KeyCode::Char(digit @ '1'..='4') => self.panel = Panel::ALL[digit as usize - '1' as usize],
            _ => {}
        }
        Then::GoOn
    }
}
