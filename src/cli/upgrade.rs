//! SIGUSR2: the program that is installed by now takes over from this one, and no visitor notices.

use std::env;
use std::ffi::OsString;
use std::future::Future;
use std::io;
use std::process::ExitCode;

use sd_notify::NotifyState;
use tokio::signal::unix::{SignalKind, signal};

use super::serve::could_not_start;
use super::speech::{Done, Problem};
use crate::clock::Clock;
use crate::config::Config;
use crate::server::{HandOverError, Inherited, Predecessor, Prepared, Server, StartError, Starter, Successor};

/// The arguments that tell a server that it is to take over, and its starter that it is one.
const TAKE_OVER: &str = "--take-over";
const STAND_BY: &str = "--stand-by";

/// The arguments of this process, with one more in the place of either.
fn arguments(one_more: &str) -> Vec<OsString> {
    let own = env::args_os().skip(1);
    let own = own.filter(|argument| argument != TAKE_OVER && argument != STAND_BY);
    own.chain([one_more.into()]).collect()
}

/// Whoever will start the next version. To be called before anything is given up that the next version needs.
pub(super) fn starter() -> Option<Starter> {
    let begun = Starter::begin(arguments(STAND_BY));
    begun
        .inspect_err(|error| tracing::warn!("a new version takes a restart: nobody is there to start it: {error}"))
        .ok()
}

/// Is the starter of another process, to its end. Signals that are for servers do not end it.
pub(super) fn stand_by() -> Done {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let _context = runtime.enter();
    let _for_servers = [
        SignalKind::hangup(),
        SignalKind::user_defined2(),
        SignalKind::interrupt(),
    ]
    .map(signal);
    Starter::serve(&arguments(TAKE_OVER)).map_err(|error| {
        let what = format!("there is no server to stand by: {error}");
        Problem::with_hint(what, "a server uses --stand-by itself, for the next one")
    })?;
    Ok(ExitCode::SUCCESS)
}

/// What came of it.
pub(super) enum Handed {
    /// The other process serves.
    Over(Box<Successor>),
    /// This one goes on, as it was.
    Not,
    /// It is to stop, by this signal.
    Stopped(&'static str),
}

/// What listens already: systemd's sockets, where it passes some; or those of the server that is to be taken over from.
pub(super) fn inherited(take_over: bool) -> Result<(Option<Predecessor>, Inherited), Problem> {
    if !take_over {
        return Ok((None, Inherited::from_systemd().map_err(not_sockets)?));
    }
    let met = Predecessor::meet().map(|(before, inherited)| (Some(before), inherited));
    met.map_err(|error| {
        let error = StartError::TakeOver(error);
        Problem::with_hint(
            error,
            "a server uses --take-over itself: send SIGUSR2 to the one that runs",
        )
    })
}

/// Starts a server there.
pub(super) fn start(config: &Config, before: Option<Predecessor>, inherited: Inherited) -> Result<Server, Problem> {
    let prepared = Prepared::of(config, Clock::system(), inherited);
    let started = prepared.and_then(|prepared| match before {
        Some(before) => prepared.take_over(before),
        None => prepared.start(),
    });
    started.map_err(|error| could_not_start(&error))
}

fn not_sockets(error: io::Error) -> Problem {
    Problem::with_hint(
        format!("systemd passes what cannot be listened on: {error}"),
        "the .socket unit may have ListenStream= only",
    )
}

/// Hands over to a process of the program that is installed, with the same arguments.
///
/// # Errors
/// A journal is lost on the way.
pub(super) async fn hand_over(
    starter: Option<&Starter>,
    server: &mut Server,
    stop: impl Future<Output = &'static str>,
) -> Result<Handed, Problem> {
    let Some(starter) = starter else {
        tracing::error!("SIGUSR2: a new version takes a restart, for nobody is there to start it");
        return Ok(Handed::Not);
    };
    tracing::info!("SIGUSR2: another process is to take over");
    let mut stopped = None;
    let handed = server.hand_over(starter, async { stopped = Some(stop.await) }).await;
    match handed {
        Ok(successor) => {
            let id = successor.id();
            tracing::info!("process {id} serves; this one ends with its last exchange, and hands it what is recorded");
            // Where no systemd runs it, nobody is told.
            if let Err(error) = sd_notify::notify(&[NotifyState::MainPid(id)]) {
                tracing::warn!(error = %error.kind(), "systemd could not be told which process serves now");
            }
            Ok(Handed::Over(Box::new(successor)))
        }
        Err(error @ HandOverError::Lost { .. }) => Err(Problem::new(error)),
        Err(error) => {
            tracing::error!("{error}");
            if let Some(signal) = stopped {
                return Ok(Handed::Stopped(signal));
            }
            tracing::error!("not handed over: everything goes on as it was");
            Ok(Handed::Not)
        }
    }
}
