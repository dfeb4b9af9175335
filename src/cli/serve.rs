//! `townclerk serve`: from a configuration to a drained server.

use std::io::ErrorKind;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tracing::level_filters::LevelFilter;

use super::confined::{self, Confined, Extent};
use super::speech::{self, Done, Problem};
use super::upgrade::{self, Handed};
use super::{Serve, diagnostics, keygen, open_files, systemd, warnings};
use crate::acme::{self, FolderError};
use crate::admin::Reading;
use crate::clock::Clock;
use crate::config::{Config, Site};
use crate::cookies::{Keys, KeysError};
use crate::journal::key::Key;
use crate::journal::{self, CloseError, InitError};
use crate::reader::Faults;
use crate::server::{Reloaded, Server, StartError};

/// A file reached the limit of its size. Its number on Linux, but for MIPS.
const SIGXFSZ: SignalKind = SignalKind::from_raw(25);

pub(super) fn run(serve: &Serve) -> Done {
    diagnostics::start(LevelFilter::INFO, serve.diagnostics);
    if serve.stand_by {
        return upgrade::stand_by();
    }
    let (config, files) = confined::load(&serve.file.config);
    let config = config.map_err(said)?;
    if serve.create_journal {
        let (made, whole) = create_missing(&config);
        for line in made.tell().into_iter().chain(made.keys()) {
            tracing::info!("{line}");
        }
        whole?;
    }
    open_files::allow_all();
    let (before, inherited) = upgrade::inherited(serve.take_over)?;
    let starter = upgrade::starter(); // which is not confined: it runs what is installed by then
    let confined = Confined::to(&config, &files); // before there is another thread
    let signals = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Problem::new)?;
    let ended = signals.block_on(async {
        // Before the first connection: a signal that comes early must not kill what has begun.
        let mut end = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        let mut next = signal(SignalKind::user_defined2())?;
        // By default it ends the process. Handled, a file that may not grow is a fault of the journal's disk (EFBIG).
        let _file_too_large = signal(SIGXFSZ)?;
        let mut server = upgrade::start(&config, before, inherited)?;
        introduce(&config, &server, confined.extent);
        warn(&config);
        let watchdog = systemd::Watchdog::start(server.view())?;
        systemd::ready(&status(&config));
        let mut drain_time = config.limits.drain_time;
        let asked = loop {
            tokio::select! {
                _ = end.recv() => break "SIGTERM",
                _ = interrupt.recv() => break "SIGINT",
                _ = hang_up.recv() => {
                    if let Reread::Done(config, _) = reload("SIGHUP", &serve.file.config, &confined, &mut server) {
                        drain_time = config.limits.drain_time;
                    }
                }
                wish = server.wish() => {
                    let why = "asked at the admin listener";
                    let reread = reload(why, &serve.file.config, &confined, &mut server);
                    if let Reread::Done(config, _) = &reread {
                        drain_time = config.limits.drain_time;
                    }
                    wish.answer(reread.into());
                }
                _ = next.recv() => {
                    let mut stop = async || {
                        tokio::select! {
                            _ = end.recv() => "SIGTERM",
                            _ = interrupt.recv() => "SIGINT",
                        }
                    };
                    match upgrade::hand_over(starter.as_ref(), &mut server, stop()).await? {
                        Handed::Over(successor) => {
                            drop(watchdog); // systemd watches the other one
                            let left = server.leave(*successor, async { _ = stop().await }).await;
                            return Ok(Ended::Left(left));
                        }
                        Handed::Not => {}
                        Handed::Stopped(signal) => break signal,
                    }
                }
            }
        };
        Ok::<_, Problem>(Ended::Asked(Box::new(server), watchdog, drain_time, asked))
    })?;
    let (server, watchdog, drain_time, asked) = match ended {
        Ended::Asked(server, watchdog, drain_time, asked) => (server, watchdog, drain_time, asked),
        Ended::Left(left) => {
            left.map_err(Problem::new)?;
            tracing::info!("the last exchange has ended; all that this process had recorded is handed over");
            return Ok(ExitCode::SUCCESS);
        }
    };
    let stopping = format!("{asked}: open exchanges have {} s to end", drain_time.as_secs());
    tracing::info!("{stopping}");
    systemd::stopping(&stopping);
    server.stop().map_err(Problem::new)?;
    drop(watchdog);
    tracing::info!("stopped; the journals are on disk");
    Ok(ExitCode::SUCCESS)
}

/// Why it serves no longer.
enum Ended {
    /// A signal asked for it.
    Asked(Box<Server>, systemd::Watchdog, Duration, &'static str),
    /// Another process serves.
    Left(Result<(), CloseError>),
}

/// What came of reading the configuration again.
enum Reread {
    Done(Box<Config>, Reloaded),
    Faulty(Faults),
    Refused(Problem),
}

impl From<Reread> for Reading {
    fn from(reread: Reread) -> Self {
        match reread {
            Reread::Done(_, reloaded) => Self::Done(reloaded),
            Reread::Faulty(faults) => Self::Faulty(faults),
            Reread::Refused(Problem::Is { what, hint }) => Self::Refused { what, hint },
            Reread::Refused(Problem::Said | Problem::NobodyListens) => Self::Refused {
                what: "it could not be used; the diagnostics say why".to_owned(),
                hint: None,
            },
        }
    }
}

/// Reads everything again, all or nothing, and says what changed, or what is wrong.
fn reload(why: &str, file: &Path, confined: &Confined, server: &mut Server) -> Reread {
    tracing::info!("{why}: reading {} again", file.display());
    systemd::reloading();
    let reread = match confined.load(file) {
        Err(faults) => {
            server.could_not_read();
            Reread::Faulty(faults)
        }
        Ok(config) => match confined.keeps_from(&config) {
            Some(problem) => {
                server.could_not_read();
                Reread::Refused(problem)
            }
            None => match server.reload(&config) {
                Ok(reloaded) => Reread::Done(Box::new(config), reloaded),
                Err(error) => Reread::Refused(could_not_start(&error)),
            },
        },
    };
    match &reread {
        Reread::Done(config, reloaded) => {
            for what in &reloaded.changed {
                tracing::info!("changed: {what}");
            }
            for what in &reloaded.needs_restart {
                tracing::warn!("stays as it was until a restart: {what}");
            }
            warn(config);
            match reloaded.changed.len() {
                0 => tracing::info!("reloaded: nothing changed"),
                1 => tracing::info!("reloaded: 1 change is in use"),
                many => tracing::info!("reloaded: {many} changes are in use"),
            }
        }
        Reread::Faulty(faults) => speech::say_faults(faults),
        Reread::Refused(problem) => problem.say(),
    }
    match &reread {
        Reread::Done(config, _) => systemd::ready(&status(config)),
        Reread::Faulty(_) | Reread::Refused(_) => {
            const STAYS: &str = "not reloaded: everything stays as it was";
            tracing::error!("{STAYS}");
            systemd::ready(STAYS);
        }
    }
    reread
}

/// What is served, in a line.
fn status(config: &Config) -> String {
    let sites = config.sites.iter();
    let sites: Vec<_> = sites
        .map(|site| format!("{} under policy {}", site.hosts[0], site.policy.version))
        .collect();
    format!("serving {}", sites.join(", "))
}

/// Says what is odd, and what the system may not allow.
fn warn(config: &Config) {
    let mut warnings = warnings::of(config, Clock::system().now()).unwrap_or_default();
    warnings.extend(open_files::warning(config.limits.connections));
    for warning in warnings {
        tracing::warn!("{warning}");
    }
}

/// Reads a configuration; its faults are said before this returns.
pub(super) fn load(file: &Path) -> Result<Config, Problem> {
    Config::load(file).map_err(said)
}

fn said(faults: Faults) -> Problem {
    speech::say_faults(&faults);
    Problem::Said
}

/// Reads a configuration, and chooses the site of a host name, or the only one.
pub(super) fn site(file: &Path, host: Option<&str>) -> Result<Site, Problem> {
    let Config { mut sites, .. } = load(file)?;
    let chosen = place_of(&sites, host)?;
    Ok(sites.swap_remove(chosen))
}

/// The place of the site of a host name, or of the only one.
pub(super) fn place_of(sites: &[Site], host: Option<&str>) -> Result<usize, Problem> {
    let chosen = match host {
        Some(host) => sites
            .iter()
            .position(|site| site.hosts.iter().any(|own| own.eq_ignore_ascii_case(host))),
        None => (sites.len() == 1).then_some(0),
    };
    chosen.ok_or_else(|| {
        let names: Vec<_> = sites.iter().map(|site| &*site.hosts[0]).collect();
        let what = match host {
            Some(_) => "the configuration has no such site",
            None => "the configuration has several sites",
        };
        Problem::with_hint(what, format!("name one with --site: {}", names.join(", ")))
    })
}

/// What was missing, and is there now.
#[derive(Default)]
pub(super) struct Made<'a> {
    journals: Vec<(&'a Path, Key)>,
    cookie_keys: Vec<&'a Path>,
    acme: Option<&'a Path>,
}

impl Made<'_> {
    /// The public keys of the journals, to be pinned elsewhere.
    pub(super) fn keys(&self) -> impl Iterator<Item = String> {
        self.journals.iter().flat_map(|(_, key)| keygen::public_keys(key))
    }

    /// In lines for whoever asked for it.
    pub(super) fn tell(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (folder, _) in &self.journals {
            lines.push(format!("made a journal in {}", folder.display()));
        }
        if !self.journals.is_empty() {
            lines.push(keygen::ADVICE.to_owned());
        }
        for keys in &self.cookie_keys {
            lines.push(format!("made a key to seal cookies with in {}", keys.display()));
        }
        if let Some(folder) = self.acme {
            lines.push(format!("made a folder for certificates in {}", folder.display()));
        }
        lines
    }
}

/// Makes the journals whose folders are missing or empty, with their keys, such keys for cookies as a policy needs, and
/// the folder of [acme].
/// A journal whose making was cut short is made anew. What was made is told even where the rest failed: its public keys
/// are given out once.
pub(super) fn create_missing(config: &Config) -> (Made<'_>, Result<(), Problem>) {
    let mut made = Made::default();
    let whole = create(config, &mut made);
    (made, whole)
}

fn create<'a>(config: &'a Config, made: &mut Made<'a>) -> Result<(), Problem> {
    for site in &config.sites {
        let folder = site.journal.folder.as_path();
        match journal::init(folder, &site.journal.key, &site.hosts[0]) {
            Ok(key) => made.journals.push((folder, key)),
            Err(InitError::Key(error)) => return Err(keygen::problem(&site.journal.key, &error)),
            Err(InitError::NotEmpty) if folder.join("journal").is_file() => {} // its marker: it was made before
            Err(error @ InitError::NotEmpty) => {
                return Err(Problem::with_hint(
                    format!("{}: {error}, and is no journal", folder.display()),
                    "see what is mounted there; a journal begins in an empty folder",
                ));
            }
            Err(error) => return Err(Problem::new(format!("{}: {error}", folder.display()))),
        }
        if let Some(keys) = site.cookie_keys.as_deref().filter(|_| site.policy.cookies.seal()) {
            match Keys::create(keys) {
                Ok(()) => made.cookie_keys.push(keys),
                Err(KeysError::Exists) => {}
                Err(error) => return Err(keygen::cookie_problem(keys, &error)),
            }
        }
    }
    if let Some(acme) = &config.acme {
        let created = acme::Folder::create(&acme.folder);
        let problem =
            |error: FolderError| Problem::with_hint(format!("{}: {error}", acme.folder.display()), error.remedy());
        made.acme = created.map_err(problem)?.then_some(acme.folder.as_path());
    }
    Ok(())
}

pub(super) fn could_not_start(error: &StartError) -> Problem {
    match error {
        StartError::Unwanted { .. } => Problem::with_hint(
            error,
            "name these addresses in [listen] or [admin], or take them out of the .socket unit",
        ),
        StartError::Tls(cause) => Problem::with_hint(error, cause.remedy()),
        StartError::Acme(cause) => Problem::with_hint(error, cause.remedy()),
        StartError::Journal { error: cause, .. } => Problem::with_hint(error, cause.remedy()),
        StartError::Admin { error: cause, .. } if cause.kind() == ErrorKind::AlreadyExists => {
            Problem::with_hint(error, "there is a file of another kind: choose another path in [admin]")
        }
        StartError::Admin { error: cause, .. } if cause.kind() == ErrorKind::AddrInUse => Problem::with_hint(
            error,
            "another program listens there, perhaps a townclerk: stop it, or choose another place in [admin]",
        ),
        StartError::Admin { error: cause, .. } if cause.kind() == ErrorKind::NotFound => Problem::with_hint(
            error,
            "make the folder of the socket, or choose another path in [admin]",
        ),
        StartError::Cookies { error: cause, .. } => Problem::with_hint(error, cause.remedy()),
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

/// Which build, which policies, how long a history, where: the first lines of the diagnostics.
fn introduce(config: &Config, server: &Server, extent: Extent) {
    let commit = crate::COMMIT.map(|commit| format!(" ({commit})")).unwrap_or_default();
    tracing::info!(
        "townclerk {}{commit} on {} threads",
        env!("CARGO_PKG_VERSION"),
        config.workers
    );
    tracing::info!("{extent}");
    for address in server.http() {
        tracing::info!("listening on http://{address}");
    }
    for address in server.https() {
        tracing::info!("listening on https://{address}");
    }
    if let Some(acme) = &config.acme {
        tracing::info!(
            "certificates are asked for at {}, by {}",
            acme.directory,
            acme.challenge
        );
    }
    for place in server.admin() {
        tracing::info!("the administrator's programs are answered at {place}");
    }
    for (site, journal) in config.sites.iter().zip(server.journals()) {
        let policy = &site.policy;
        tracing::info!(
            "{}: before {}, policy {} of {}, journal in {} with {} entries",
            site.hosts.join(", "),
            site.upstream,
            policy.version,
            policy.effective,
            site.journal.folder.display(),
            journal.records
        );
        for witness in &site.journal.witnesses {
            tracing::info!("  witnessed by {}, {}", witness.key().name(), witness.place());
        }
    }
}
