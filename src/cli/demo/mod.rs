//! `townclerk demo`: the whole product in thirty seconds, on a sample site, on this machine alone.
//!
//! ```text
//! tour ─▶ visitor ─▶ the real proxy ─▶ cms (site, pages)
//!   │                     │
//!   └──▶ show ◀── kept ◀──┴── journal
//! ```
//!
//! [`installation`] makes a folder with a configuration and runs it as `serve` would; [`tour`] sends a scripted
//! [`visitor`] with a cookie jar through it; [`claims`] looks up whether all that is said is true.

mod claims;
pub(super) mod cms;
mod fate;
mod installation;
mod kept;
mod pages;

mod show;
mod site;
mod tour;
mod visitor;
mod words;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::sleep;
use tracing::level_filters::LevelFilter;

use self::cms::Seen;
use self::installation::Installation;
use self::show::Show;
use self::visitor::Visitor;
use self::words::Words;
use super::diagnostics;
use super::language::Language;
use super::speech::{Done, NO, Problem, remark};
use super::table::Paint;
use crate::clock::Clock;
use crate::policy::Lang;

/// How often the journal is looked at for what a browser did.
const FOLLOW: Duration = Duration::from_millis(500);

/// What is asked of the demo.
#[derive(Args, Debug)]
pub(super) struct Demo {
    /// End after the visit; the exit code says whether everything was as promised.
    #[arg(long)]
    once: bool,
    /// The language that the demo speaks. Default: pl where LC_ALL or LANG says so, otherwise en.
    #[arg(long, value_enum)]
    lang: Option<Language>,
}

pub(super) fn run(demo: &Demo) -> Done {
    diagnostics::start(LevelFilter::WARN, diagnostics::Form::Auto);
    let lang = Lang::from(demo.lang.unwrap_or_else(Language::of_environment));
    let show = Show {
        words: Words::of(lang),
        paint: Paint::of_stdout(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Problem::new)?;
    runtime.block_on(async {
        // Before there is a folder: from here on a signal must not leave it behind.
        let mut ending = Ending::listen()?;
        let clock = Clock::system();
        let (installation, seen) = Installation::start(&clock)?;
        let done = tokio::select! {
            done = perform(&installation, seen, &clock, &show, demo.once) => done,
            () = ending.asked() => Ok(ExitCode::SUCCESS),
        };
        let stopped = installation.stop();
        let code = done?;
        stopped?;
        if demo.once {
            say(&format!("\n{}\n", show.words.once))?;
        }
        Ok(code)
    })
}

/// The signals by which a demo is asked to end.
struct Ending([Signal; 3]);

impl Ending {
    fn listen() -> Result<Self, Problem> {
        let listen = |kind| signal(kind).map_err(Problem::new);
        Ok(Self([
            listen(SignalKind::interrupt())?,
            listen(SignalKind::terminate())?,
            listen(SignalKind::hangup())?,
        ]))
    }

    async fn asked(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

/// The demo from its first line on; it comes back only if it is to end by itself.
async fn perform(installation: &Installation, seen: Receiver<Seen>, clock: &Clock, show: &Show, once: bool) -> Done {
    say(&show.start(installation.address()))?;
    let visit = tour::run(Visitor::of(installation.address(), clock.clone()), seen, clock)
        .await
        .map_err(Problem::new)?;
    say(&show.visit(&visit))?;
    say(&show.cookies(&visit))?;

    let journal = installation.journal();
    let entries = kept::await_entries(&journal, visit.statuses.len())
        .await
        .map_err(Problem::new)?;
    say(&show.entries(&entries, tour::SEARCH))?;
    let personal = kept::holds_any(&journal, &tour::SECRETS).map_err(Problem::new)?;
    let claims = claims::of(&visit, &entries, personal, show.words);
    say(&show.claims(&claims))?;

    let is_true = claims.iter().all(|claim| claim.holds);
    if !is_true {
        remark(show.words.untrue);
    }
    if once {
        return Ok(if is_true { ExitCode::SUCCESS } else { ExitCode::from(NO) });
    }
    say(&show.next(installation.address(), &journal, &installation.config_file()))?;
    let mut next = entries.last().map_or(0, |entry| entry.index + 1);
    loop {
        sleep(FOLLOW).await;
        for entry in kept::entries(&journal, next).map_err(Problem::new)? {
            say(&show.entry(&entry))?;
            next = entry.index + 1;
        }
    }
}

fn say(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// How long a cookie lasts, as people say it.
pub(super) fn lasts(lang: Lang, seconds: i64) -> String {
    (Words::of(lang).lasts)(seconds)
}
