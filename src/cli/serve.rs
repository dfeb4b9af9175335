//! `townclerk serve`: from a configuration to a drained server.

use std::io::ErrorKind;
use std::path::Path;
use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};
use tracing::level_filters::LevelFilter;

use super::Serve;
use super::speech::{self, Done, Problem};
use crate::clock::Clock;
use crate::config::Config;
use crate::journal::{self, InitError};
use crate::server::{Server, StartError};

pub(super) fn run(serve: &Serve) -> Done {
    speech::start_diagnostics(LevelFilter::INFO);
    let config = load(&serve.file.config)?;
    if serve.create_journal {
        create_missing(&config)?
            .iter()
            .for_each(|folder| tracing::info!("made a journal in {}", folder.display()));
    }
    let signals = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Problem::new)?;
    let (server, asked) = signals.block_on(async {
        // Before the first connection: a signal that comes early must not kill what has begun.
        let mut end = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let server = Server::start(&config, Clock::system()).map_err(|error| could_not_start(&error))?;
        introduce(&config, &server);
        let asked = tokio::select! {
            _ = end.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        Ok::<_, Problem>((server, asked))
    })?;
    tracing::info!(
        "{asked}: open exchanges have {} s to end",
        config.limits.drain_time.as_secs()
    );
    server.stop().map_err(Problem::new)?;
    tracing::info!("stopped; the journals are on disk");
    Ok(ExitCode::SUCCESS)
}

/// Reads a configuration; its faults are said before this returns.
pub(super) fn load(file: &Path) -> Result<Config, Problem> {
    Config::load(file).map_err(|faults| {
        speech::say_faults(&faults);
        Problem::Said
    })
}

/// Makes the journals whose folders are missing or empty, and names them.
pub(super) fn create_missing(config: &Config) -> Result<Vec<&Path>, Problem> {
    let mut made = Vec::new();
    for site in &config.sites {
        let folder = site.journal.folder.as_path();
        match journal::init(folder, &site.hosts[0]) {
            Ok(()) => made.push(folder),
            Err(InitError::NotEmpty) => {} // a journal, or something that `serve` will not take for one
            Err(error) => return Err(Problem::new(format!("{}: {error}", folder.display()))),
        }
    }
    Ok(made)
}

fn could_not_start(error: &StartError) -> Problem {
    match error {
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
        let (upstream, policy) = (&site.upstream, &site.policy);
        tracing::info!(
            "{}: before {}:{}, policy {} of {}, journal in {}",
            site.hosts.join(", "),
            upstream.host,
            upstream.port,
            policy.version,
            policy.effective,
            site.journal.folder.display()
        );
    }
}
