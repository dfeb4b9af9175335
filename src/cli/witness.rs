//! `townclerk witness`: made on purpose, told of its logs by their keys, then serving until SIGTERM.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::LocalSet;
use tracing::level_filters::LevelFilter;

use super::diagnostics;
use super::speech::{self, Done, Problem};
use super::systemd;
use crate::clock::Clock;
use crate::config::read_file;
use crate::desk::Listener;
use crate::journal::note::{KeyName, VerifierKey};
use crate::witness::serve::serve;
use crate::witness::{self, AddError, InitError, State, StateError};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a witness: its state folder and its key. Prints the public key, which those who run the logs need.
    Init(Init),
    /// Tell a witness of a log, by the log's public key. The witness must not be running.
    Add(Add),
    /// Answer logs until SIGTERM (C2SP tlog-witness: POST /add-checkpoint).
    Serve(Serve),
    /// Print the last checkpoint that was signed for each log, as a signed note. The witness may be running.
    Show(Folder),
}

#[derive(Args, Debug)]
pub(super) struct Folder {
    /// The witness's state folder. It is all that the witness remembers, and must never be replaced by an older copy.
    #[arg(long, value_name = "DIR", default_value = "/var/lib/townclerk-witness")]
    state: PathBuf,
}

#[derive(Args, Debug)]
pub(super) struct Init {
    #[command(flatten)]
    folder: Folder,
    /// What the witness is called, a URL without its scheme as a rule: witness.example/w1.
    #[arg(long, value_name = "NAME")]
    name: KeyName,
}

#[derive(Args, Debug)]
pub(super) struct Add {
    #[command(flatten)]
    folder: Folder,
    /// The log's public key: its origin, 8 hexadecimal digits and base64, with + between them.
    #[arg(value_name = "VKEY")]
    log: VerifierKey,
}

#[derive(Args, Debug)]
pub(super) struct Serve {
    #[command(flatten)]
    folder: Folder,
    #[command(flatten)]
    place: Place,
    /// A file of logs' public keys, one a line, as `townclerk journal init` prints them. At its start the witness pins
    /// those that it does not know yet. Keys of witnesses may stand there too.
    #[arg(long, value_name = "FILE")]
    logs: Option<PathBuf>,
    /// How diagnostics are written, on stderr.
    #[arg(long, value_enum, default_value_t)]
    diagnostics: diagnostics::Form,
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct Place {
    /// A socket to make, for logs on this machine. Its user and group may ask (mode 0660).
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// An address and port to listen on, for logs elsewhere; plain HTTP.
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
}

pub(super) fn run(command: &Command) -> Done {
    match command {
        Command::Init(init) => make(init),
        Command::Add(add) => tell(add),
        Command::Serve(place) => answer(place),
        Command::Show(folder) => show(folder),
    }
}

fn make(init: &Init) -> Done {
    let folder = &init.folder.state;
    let key = witness::init(folder, init.name.clone()).map_err(|error| {
        let what = format!("{}: {error}", folder.display());
        match error {
            InitError::NotEmpty => {
                Problem::with_hint(what, "a witness begins in an empty folder; is there one already?")
            }
            InitError::Crypto(_) | InitError::Disk(_) => Problem::new(what),
        }
    })?;
    writeln!(io::stdout().lock(), "{key}")?;
    Ok(ExitCode::SUCCESS)
}

fn tell(add: &Add) -> Done {
    match witness::add(&add.folder.state, add.log.clone()) {
        Ok(()) => {
            writeln!(io::stdout().lock(), "knows {}", add.log.name())?;
            Ok(ExitCode::SUCCESS)
        }
        Err(AddError::State(error)) => Err(unusable(&add.folder, &error)),
        Err(AddError::NotALog) => Err(Problem::with_hint(
            AddError::NotALog,
            "give the public key that the log's checkpoints are signed with",
        )),
        Err(error @ (AddError::Known | AddError::OtherKey)) => {
            speech::remark(&error.to_string());
            Ok(ExitCode::from(speech::NO))
        }
    }
}

fn show(folder: &Folder) -> Done {
    let logs = witness::latest(&folder.state).map_err(|error| unusable(folder, &error))?;
    let mut stdout = io::stdout().lock();
    for (key, signed) in logs {
        match signed {
            Some(signed) => write!(stdout, "{}", signed.note())?,
            None => speech::remark(&format!("nothing signed yet for {}", key.name())),
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn answer(place: &Serve) -> Done {
    diagnostics::start(LevelFilter::INFO, place.diagnostics);
    let mut state = State::open(&place.folder.state).map_err(|error| unusable(&place.folder, &error))?;
    if let Some(file) = &place.logs {
        learn(&mut state, file, &place.folder)?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Problem::new)?;
    let asked = LocalSet::new().block_on(&runtime, async {
        let mut end = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let listener = listen(&place.place)?;
        introduce(&state, place.logs.as_deref(), &listener);
        systemd::ready(&format!("knows {} logs", state.logs().count()));
        Ok::<_, Problem>(tokio::select! {
            () = serve(state, &listener, Clock::system()) => "no more to do",
            _ = end.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        })
    })?;
    tracing::info!("{asked}: stopped; all that was signed is on disk");
    Ok(ExitCode::SUCCESS)
}

/// Tells it of the logs in a file that it does not know yet.
fn learn(state: &mut State, file: &Path, folder: &Folder) -> Result<(), Problem> {
    const LIKE: &str = "keep in it what `townclerk journal init` prints, a key a line; a remark begins with #";
    let text = read_file(file).map_err(|unreadable| {
        let remedy = match unreadable.is_missing() {
            true => "make it of what `townclerk journal init` prints, or leave out --logs",
            false => unreadable.remedy,
        };
        Problem::with_hint(format!("{} {}", file.display(), unreadable.found), remedy)
    })?;
    for (line, key) in VerifierKey::in_lines(&text) {
        let wrong = |what: &dyn Display, hint| Problem::with_hint(format!("{}:{line}: {what}", file.display()), hint);
        let key = key.map_err(|error| wrong(&error, LIKE))?;
        let name = key.name().clone();
        match state.learn(key) {
            Ok(()) => tracing::info!("was told of {name}"),
            Err(AddError::Known | AddError::NotALog) => {} // a witness's is there for who verifies
            Err(error @ AddError::OtherKey) => {
                return Err(wrong(
                    &format_args!("{error}: {name}"),
                    "find out who changed it; for a journal that was begun anew on purpose make a new witness",
                ));
            }
            Err(AddError::State(error)) => return Err(unusable(folder, &error)),
        }
    }
    Ok(())
}

fn listen(place: &Place) -> Result<Listener, Problem> {
    let (at, listener) = match (&place.socket, place.listen) {
        (Some(path), _) => (path.display().to_string(), Listener::unix(path)),
        (None, Some(address)) => (address.to_string(), Listener::tcp(address)),
        (None, None) => return Err(Problem::new("nowhere to listen: --socket or --listen")),
    };
    listener.map_err(|error| {
        let what = format!("cannot listen on {at}: {error}");
        match error.kind() {
            ErrorKind::AlreadyExists => {
                Problem::with_hint(what, "there is a file of another kind: choose another path")
            }
            ErrorKind::AddrInUse => {
                Problem::with_hint(what, "another program listens there: stop it, or choose another")
            }
            _ => Problem::new(what),
        }
    })
}

/// Which build, which key, which logs, where.
fn introduce(state: &State, logs: Option<&Path>, listener: &Listener) {
    tracing::info!(
        "townclerk {} as the witness {}",
        env!("CARGO_PKG_VERSION"),
        state.verifier()
    );
    for (origin, size) in state.logs() {
        tracing::info!("knows {origin}, {size} records");
    }
    if state.logs().next().is_none() {
        match logs {
            Some(file) => tracing::warn!(
                "knows no log yet: append what `townclerk journal init` prints to {}, and start it again",
                file.display()
            ),
            None => tracing::warn!("knows no log yet: stop it, and tell it of one with `townclerk witness add`"),
        }
    }
    tracing::info!("listening on {}", listener.place());
}

fn unusable(folder: &Folder, error: &StateError) -> Problem {
    let what = format!("{}: {error}", folder.state.display());
    Problem::with_hint(what, error.remedy())
}
