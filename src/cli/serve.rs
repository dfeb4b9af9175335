//! `townclerk serve`: from a configuration to a drained server.

use std::io::ErrorKind;
use std::path::Path;
use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};
use tracing::level_filters::LevelFilter;

use super::speech::{self, Done, Problem};
use super::{Serve, certificates, keygen};
use crate::clock::Clock;
use crate::config::Config;
use crate::journal::key::Key;
use crate::journal::{self, InitError, Log};
use crate::server::{Server, StartError};

pub(super) fn run(serve: &Serve) -> Done {
    speech::start_diagnostics(LevelFilter::INFO);
    let config = load(&serve.file.config)?;
    if serve.create_journal {
        for (folder, key) in &create_missing(&config)? {
            tracing::info!("made a journal in {}, signed with", folder.display());
            Log::ALL
                .iter()
                .for_each(|log| tracing::info!("  {}", key.verifier(*log)));
            tracing::info!("{}", keygen::ADVICE);
        }
    }
    let signals = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Problem::new)?;
    let (server, drain_time, asked) = signals.block_on(async {
        // Before the first connection: a signal that comes early must not kill what has begun.
        let mut end = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        let mut server = Server::start(&config, Clock::system()).map_err(|error| could_not_start(&error))?;
        introduce(&config, &server);
        warn(&config);
        let mut drain_time = config.limits.drain_time;
        let asked = loop {
            tokio::select! {
                _ = end.recv() => break "SIGTERM",
                _ = interrupt.recv() => break "SIGINT",
                _ = hang_up.recv() => {
                    if let Some(config) = reload(&serve.file.config, &mut server) {
                        drain_time = config.limits.drain_time;
                    }
                }
            }
        };
        Ok::<_, Problem>((server, drain_time, asked))
    })?;
    tracing::info!("{asked}: open exchanges have {} s to end", drain_time.as_secs());
    server.stop().map_err(Problem::new)?;
    tracing::info!("stopped; the journals are on disk");
    Ok(ExitCode::SUCCESS)
}

/// Reads everything again, all or nothing, and says what changed. The new configuration, if it is in use.
fn reload(file: &Path, server: &mut Server) -> Option<Config> {
    tracing::info!("SIGHUP: reading {} again", file.display());
    let config = load(file);
    let reloaded = config.and_then(|config| {
        let reloaded = server.reload(&config).map_err(|error| could_not_start(&error))?;
        Ok((config, reloaded))
    });
    let (config, reloaded) = match reloaded {
        Ok(both) => both,
        Err(problem) => {
            problem.report();
            tracing::error!("not reloaded: everything stays as it was");
            return None;
        }
    };
    for what in &reloaded.changed {
        tracing::info!("changed: {what}");
    }
    for what in &reloaded.needs_restart {
        tracing::warn!("stays as it was until a restart: {what}");
    }
    warn(&config);
    match reloaded.changed.len() {
        0 => tracing::info!("reloaded: nothing changed"),
        1 => tracing::info!("reloaded: 1 change is in use"),
        many => tracing::info!("reloaded: {many} changes are in use"),
    }
    Some(config)
}

/// Says what is odd about the certificates.
fn warn(config: &Config) {
    for warning in certificates::warnings(config, Clock::system().now()).unwrap_or_default() {
        tracing::warn!("{warning}");
    }
}

/// Reads a configuration; its faults are said before this returns.
pub(super) fn load(file: &Path) -> Result<Config, Problem> {
    Config::load(file).map_err(|faults| {
        speech::say_faults(&faults);
        Problem::Said
    })
}

/// Makes the journals whose folders are missing or empty, with their keys, and names them.
pub(super) fn create_missing(config: &Config) -> Result<Vec<(&Path, Key)>, Problem> {
    let mut made = Vec::new();
    for site in &config.sites {
        let folder = site.journal.folder.as_path();
        match journal::init(folder, &site.journal.key, &site.hosts[0]) {
            Ok(key) => made.push((folder, key)),
            Err(InitError::Key(error)) => return Err(keygen::problem(&site.journal.key, &error)),
            Err(InitError::NotEmpty) if folder.join("journal").is_file() => {} // its marker: it was made before
            Err(error @ InitError::NotEmpty) => {
                return Err(Problem::with_hint(
                    format!("{}: {error}, and is no journal", folder.display()),
                    "see what is mounted there; what a `journal init` that was cut short has left can be removed",
                ));
            }
            Err(error) => return Err(Problem::new(format!("{}: {error}", folder.display()))),
        }
    }
    Ok(made)
}

fn could_not_start(error: &StartError) -> Problem {
    match error {
        StartError::Tls(cause) => Problem::with_hint(error, cause.remedy()),
        StartError::Journal { error: cause, .. } => Problem::with_hint(error, cause.remedy()),
        StartError::Listen { error: cause, .. } if cause.kind() == ErrorKind::PermissionDenied => Problem::with_hint(
            error,
            "ports below 1024 need root or CAP_NET_BIND_SERVICE; or choose a higher one",
        ),
        StartError::Listen { error: cause, .. } if cause.kind() == ErrorKind::AddrInUse => {
            Problem::with_hint(error, "another program listens there: stop it, or choose another port")
        }
        _ => Problem::new(error),
    }
}

/// Which build, which policies, where: the first lines of the diagnostics.
fn introduce(config: &Config, server: &Server) {
    tracing::info!("townclerk {} on {} threads", env!("CARGO_PKG_VERSION"), config.workers);
    for address in server.http() {
        tracing::info!("listening on http://{address}");
    }
    for address in server.https() {
        tracing::info!("listening on https://{address}");
    }
    for site in &config.sites {
        let policy = &site.policy;
        tracing::info!(
            "{}: before {}, policy {} of {}, journal in {}",
            site.hosts.join(", "),
            site.upstream,
            policy.version,
            policy.effective,
            site.journal.folder.display()
        );
    }
}
