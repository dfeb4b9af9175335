//! `townclerk doctor`: what should be looked at on this machine before something is lost. It changes nothing, and says
//! nothing about a visitor.

use std::fmt;
use std::io::{self, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use rustix::process::{Resource, getrlimit};
use serde_json::{Value, json};

use super::check::Form;
use super::confined::Extent;
use super::journal::readable;
use super::speech::{self, Done};
use super::{ConfigFile, acme, certificates, serve};
use crate::clock::Clock;
use crate::config::{Config, Origin, Site, Upstream};
use crate::cookies::Keys;
use crate::journal::condition::{Condition, Guards};
use crate::journal::{CallsSeen, Inventory, OpenError};
use crate::policy::Mode;
use crate::reader::Span;

/// Cookies and third parties count if they were seen within this time.
const LATELY: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Something should be looked at, and nothing is broken; as of `journal verify`.
const WARNINGS: u8 = 3;

pub(super) const EXIT_CODES: &str = "Exit codes:\n  0  nothing to do\n  1  there is a problem\n  \
    2  the configuration is wrong; `townclerk check` says the same\n  3  there are warnings\n\n\
    Run it as the user that runs townclerk.";

#[derive(Args, Debug)]
pub(super) struct Doctor {
    #[command(flatten)]
    file: ConfigFile,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Well,
    Warning,
    Problem,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Well => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
        })
    }
}

/// One thing that was looked at.
struct Check {
    state: State,
    what: &'static str,
    found: String,
    remedy: String,
}

/// Of the machine, or of one site.
struct Checks {
    of: String,
    checks: Vec<Check>,
}

impl Checks {
    fn of(of: impl ToString) -> Self {
        let (of, checks) = (of.to_string(), Vec::new());
        Self { of, checks }
    }

    fn well(&mut self, what: &'static str, found: impl Into<String>) {
        self.add(State::Well, what, found, "");
    }

    fn add(&mut self, state: State, what: &'static str, found: impl Into<String>, remedy: impl Into<String>) {
        let (found, remedy) = (found.into(), remedy.into());
        self.checks.push(Check {
            state,
            what,
            found,
            remedy,
        });
    }
}

pub(super) fn run(doctor: &Doctor) -> Done {
    let config = serve::load(&doctor.file.config)?;
    let clock = Clock::system();
    let mut all = vec![machine(&config, &clock)];
    all.extend(config.sites.iter().map(|site| look_at(site, &clock)));
    let mut stdout = io::stdout().lock();
    match doctor.format {
        Form::Text => tell(&all, &mut stdout)?,
        Form::Json => writeln!(stdout, "{:#}", to_json(&all))?,
    }
    Ok(match worst(&all) {
        State::Well => ExitCode::SUCCESS,
        State::Warning => ExitCode::from(WARNINGS),
        State::Problem => ExitCode::from(speech::NO),
    })
}

fn worst(all: &[Checks]) -> State {
    let states = all.iter().flat_map(|checks| &checks.checks).map(|check| check.state);
    states.max().unwrap_or(State::Well)
}

fn machine(config: &Config, clock: &Clock) -> Checks {
    let mut checks = Checks::of("this machine");
    match certificates::warnings(config, clock.now()) {
        Ok(warnings) if warnings.is_empty() && config.acme.is_some() && config.tls.is_empty() => {} // told below
        Ok(warnings) if warnings.is_empty() => checks.well("certificates", count(config.tls.len(), "certificate")),
        Ok(warnings) => {
            for warning in warnings {
                let remedy = "put a certificate for the sites' names in its place; it is taken up by itself";
                checks.add(State::Warning, "certificates", warning, remedy);
            }
        }
        Err(error) => checks.add(State::Problem, "certificates", error.to_string(), error.remedy()),
    }
    for awaited in acme::all(config) {
        match awaited.warning(clock.now()) {
            None => checks.well("certificates", format!("{}: {}", awaited.names(), awaited.state())),
            Some(warning) => checks.add(State::Warning, "certificates", warning, awaited.remedy()),
        }
    }
    // A connection to the CMS for each one of a visitor, and some for journals and name servers.
    let needed = 2 * config.limits.connections as u64 + 100;
    match getrlimit(Resource::Nofile).current {
        Some(open) if open < needed => checks.add(
            State::Warning,
            "open files",
            format!(
                "{open} are allowed here, and {} connections may need {needed}",
                config.limits.connections
            ),
            "if the service has the same limit, raise it (LimitNOFILE= of systemd), or lower connections in [limits]",
        ),
        Some(open) => checks.well("open files", format!("{open} are allowed here")),
        None => checks.well("open files", "as many as there are"),
    }
    checks.well(
        "sandbox",
        format!("a server that is started here is {}", Extent::here()),
    );
    checks
}

fn look_at(site: &Site, clock: &Clock) -> Checks {
    let mut checks = Checks::of(&site.hosts[0]);
    let condition = Condition::of(&site.journal, &site.policy, clock.now());
    let is_running = match &condition.journal {
        Ok(()) => {
            checks.well("journal", "is there, and nobody writes to it");
            false
        }
        Err(OpenError::Locked) => {
            checks.well("journal", "is being written");
            true
        }
        Err(error) => {
            let denied = matches!(error, OpenError::Disk(error) if error.kind() == io::ErrorKind::PermissionDenied);
            let remedy = match denied {
                true => "run this as the user that runs townclerk",
                false => error.remedy(),
            };
            checks.add(State::Problem, "journal", error.to_string(), remedy);
            false
        }
    };
    look_at_policy(site, clock.now(), &mut checks);
    match &condition.key {
        Ok(()) => checks.well("key", "is there, and only its user can read it"),
        Err(error) => checks.add(State::Problem, "key", error.to_string(), error.remedy()),
    }
    if !matches!(condition.journal, Ok(()) | Err(OpenError::Locked)) {
        look_at_upstream(&site.upstream, &mut checks);
        return checks; // there is nothing in it to look at
    }
    look_into(site, &condition, is_running, clock.now(), &mut checks);
    look_at_upstream(&site.upstream, &mut checks);
    checks
}

fn look_into(site: &Site, condition: &Condition, is_running: bool, now: Timestamp, checks: &mut Checks) {
    let folder = site.journal.folder.display();
    match condition.strangers {
        0 => checks.well("owner", "its files belong to one user"),
        files => checks.add(
            State::Warning,
            "owner",
            format!(
                "{} in it belong to another user than the folder does",
                count(files, "file")
            ),
            format!("give them to its user: chown -R --reference={folder} {folder}"),
        ),
    }
    look_at_witnesses(site, condition, checks);
    match condition.space_left {
        Some(left @ 0..5) => checks.add(
            State::Problem,
            "disk",
            format!("{left} % are left"),
            "make room now: when it is full, exchanges are refused, or have no entry",
        ),
        Some(left @ 5..20) => checks.add(
            State::Warning,
            "disk",
            format!("{left} % are left"),
            "make room; [site.journal.closed] compresses what is older",
        ),
        Some(left) => checks.well("disk", format!("{left} % are left")),
        None => {}
    }
    match condition.unsigned {
        Some(waits) if is_running => checks.add(
            State::Problem,
            "checkpoint",
            format!("what was written {} ago is not signed", Span(waits)),
            "see what `serve` says on stderr; signing failed, or the clock was moved",
        ),
        Some(_) => checks.add(
            State::Warning,
            "checkpoint",
            "something is not signed: the last process did not end in good order",
            "start townclerk; what is whole is signed then",
        ),
        None => checks.well("checkpoint", "covers what was written"),
    }
    match condition.ahead {
        Some(ahead) => checks.add(
            State::Problem,
            "clock",
            format!("the newest record is {} in the future", Span(ahead)),
            "see that the clock is right, and that something keeps it right; retention goes by it",
        ),
        None => checks.well("clock", "no record is from the future"),
    }
    match condition.overdue {
        0 => checks.well("retention", "nothing is too old"),
        files => checks.add(
            State::Problem,
            "retention",
            format!("{} should have been removed", count(files, "file")),
            match is_running {
                true => "see what `serve` says on stderr",
                false => "start townclerk: it removes what is too old at its start, and each hour",
            },
        ),
    }
    if let Some(records) = condition.hidden.filter(|records| *records >= 20) {
        checks.add(
            State::Warning,
            "addresses",
            format!("the newest {records} records all have one private address: those of the visitors are hidden"),
            "name the proxy in front in trusted_proxies; in Docker, let townclerk use the host's network",
        );
    }
    look_at_cookies(site, now, checks);
    look_at_third_parties(site, now, checks);
    match &condition.guards {
        _ if !site.journal.immutable => checks.well("guards", "are not asked for (immutable = false)"),
        Ok(Guards { bare: 0, guarded }) => {
            checks.well(
                "guards",
                format!("{} cannot be changed by others", count(*guarded, "file")),
            );
        }
        Ok(Guards { bare, .. }) => checks.add(
            State::Warning,
            "guards",
            format!("{} can be changed in spite of immutable = true", count(*bare, "file")),
            "give the service CAP_LINUX_IMMUTABLE (AmbientCapabilities= of systemd), or write immutable = false; \
             closed files are guarded within the hour",
        ),
        Err(error) => checks.add(
            State::Warning,
            "guards",
            format!("the file system does not know them: {error}"),
            "write immutable = false, or put the journal on ext4, XFS or Btrfs",
        ),
    }
}

/// Whether somebody else vouches for the journal, and lately.
fn look_at_witnesses(site: &Site, condition: &Condition, checks: &mut Checks) {
    if site.journal.witnesses.is_empty() {
        let found = "nobody else signs the journal: whoever has its key could rewrite it unnoticed";
        let remedy = "name one in [[site.journal.witness]], or keep its checkpoints on another machine";
        return checks.add(State::Warning, "witness", found, remedy);
    }
    for (name, last) in &condition.unwitnessed {
        let last = last.map_or_else(
            || "it never has".to_owned(),
            |last| format!("the last time was {last:.0}"),
        );
        let found = format!("{name} has not signed the newest checkpoint; {last}");
        checks.add(
            State::Warning,
            "witness",
            found,
            "see that it runs, and what `serve` says of it",
        );
    }
    if condition.unwitnessed.is_empty() {
        let witnesses = count(site.journal.witnesses.len(), "witness");
        checks.well("witness", format!("{witnesses} signed what is there"));
    }
}

/// Whether the policy is looked at now and then, and its cookies can be sealed.
fn look_at_policy(site: &Site, now: Timestamp, checks: &mut Checks) {
    let policy = &site.policy;
    let today = now.to_zoned(TimeZone::UTC).date();
    let since = format!("version {} is in force since {}", policy.version, policy.effective);
    match policy.effective.saturating_add(1.year()) < today {
        true => checks.add(
            State::Warning,
            "policy",
            format!("{since}, longer than a year"),
            "let the data protection officer see whether all of it still holds, and date it anew as another version",
        ),
        false => checks.well("policy", since),
    }
    match site.cookie_keys.as_deref().map(Keys::load) {
        None => {}
        Some(Ok(_)) => checks.well("cookie key", "is there, and only its user can read it"),
        Some(Err(error)) => checks.add(State::Problem, "cookie key", error.to_string(), error.remedy()),
    }
}

/// What the CMS sets and the policy does not list. Names that only browsers bring may be anything, and are counted.
fn look_at_cookies(site: &Site, now: Timestamp, checks: &mut Checks) {
    const REMEDY: &str = "`townclerk cookies` shows what becomes of them; list in [cookies] what the site needs";
    let lately = now.checked_sub(LATELY).unwrap_or(Timestamp::MIN);
    let inventory = match Inventory::of(&site.journal.folder, Some(lately)) {
        Ok(inventory) => inventory,
        Err(error) => return checks.add(State::Problem, "cookies", error.to_string(), "see what is mounted"),
    };
    let (from_cms, others): (Vec<_>, Vec<_>) = inventory.undeclared().partition(|(_, cookie)| cookie.is_from_cms());
    if from_cms.is_empty() {
        let others = match others.len() {
            0 => String::new(),
            others => format!("; browsers brought {} that it does not", count(others, "name")),
        };
        return checks.well("cookies", format!("the policy lists what the CMS sets{others}"));
    }
    let names: Vec<_> = from_cms
        .iter()
        .map(|(name, cookie)| match inventory.is_new(cookie) {
            true => format!("{} (new)", readable(name)),
            false => readable(name),
        })
        .collect();
    let found = format!("the CMS sets what the policy does not list: {}", names.join(", "));
    checks.add(State::Warning, "cookies", found, REMEDY);
}

/// Which other sites pages call, as browsers say, and whether the policy lists them.
fn look_at_third_parties(site: &Site, now: Timestamp, checks: &mut Checks) {
    const WHAT: &str = "other sites";
    const REMEDY: &str = "`townclerk third-parties` shows on which pages; take out what the office does not need, and \
        list the rest in [third_parties]";
    let Some(rules) = &site.policy.third_parties else {
        return checks.well(WHAT, "are not looked at: the policy has no [third_parties]");
    };
    let lately = now.checked_sub(LATELY).unwrap_or(Timestamp::MIN);
    let seen = match CallsSeen::of(&site.journal.folder, Some(lately)) {
        Ok(seen) => seen,
        Err(error) => return checks.add(State::Problem, WHAT, error.to_string(), "see what is mounted"),
    };
    // Listed by now, whatever the policy was when they were reported.
    let listed = |host: &str| rules.allowed.iter().any(|site| site.host.covers(host));
    let called = seen.undeclared().filter(|(host, _)| !listed(host));
    let names: Vec<_> = called
        .map(|(host, called)| match seen.is_new(called) {
            true => format!("{} (new)", readable(host)),
            false => readable(host),
        })
        .collect();
    match (rules.mode, names.is_empty()) {
        (Mode::Observe, true) if seen.told.is_none() => checks.well(WHAT, "are observed, and nothing was told yet"),
        (Mode::Observe, true) => checks.well(
            WHAT,
            "are only observed; no page was seen to call one that is not listed",
        ),
        (Mode::Observe, false) => {
            let found = format!("pages call some that the policy does not list: {}", names.join(", "));
            checks.add(State::Warning, WHAT, found, REMEDY);
        }
        (Mode::Enforce, true) => checks.well(WHAT, "browsers are told to call none that is not listed"),
        (Mode::Enforce, false) => checks.well(
            WHAT,
            format!(
                "browsers are told not to call these, which pages try to: {}",
                names.join(", ")
            ),
        ),
    }
}

/// Whether the CMS takes connections. None is asked for anything.
fn look_at_upstream(upstream: &Upstream, checks: &mut Checks) {
    const REMEDY: &str = "see that the CMS runs, and what `upstream` says; a firewall may be between";
    for origin in &upstream.origins {
        let (place, connected) = match origin {
            Origin::Http { host, port } | Origin::Https { host, port } => {
                (format!("{host}:{port}"), connect(host, *port, upstream.connect_timeout))
            }
            Origin::Unix(path) => (path.display().to_string(), UnixStream::connect(path).map(drop)),
        };
        match connected {
            Ok(()) => checks.well("upstream", format!("{place} takes connections")),
            Err(error) => checks.add(State::Problem, "upstream", format!("{place}: {error}"), REMEDY),
        }
    }
}

fn connect(host: &str, port: u16, patience: Duration) -> io::Result<()> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, patience) {
            Ok(_) => return Ok(()),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn count(number: impl TryInto<u64>, what: &str) -> String {
    match number.try_into().unwrap_or(u64::MAX) {
        1 => format!("1 {what}"),
        many => format!("{many} {what}s"),
    }
}

fn tell(all: &[Checks], out: &mut dyn Write) -> io::Result<()> {
    for (at, checks) in all.iter().enumerate() {
        writeln!(out, "{}{}", if at > 0 { "\n" } else { "" }, checks.of)?;
        for Check {
            state,
            what,
            found,
            remedy,
        } in &checks.checks
        {
            writeln!(out, "  {state:<7}  {what:<12}  {found}")?;
            if !remedy.is_empty() {
                writeln!(out, "  {:<7}  {:<12}  hint: {remedy}", "", "")?;
            }
        }
    }
    Ok(())
}

fn to_json(all: &[Checks]) -> Value {
    let checks = all.iter().flat_map(|checks| {
        checks.checks.iter().map(|check| {
            json!({
                "of": checks.of,
                "check": check.what,
                "state": check.state.to_string(),
                "found": check.found,
                "remedy": (!check.remedy.is_empty()).then_some(&check.remedy),
            })
        })
    });
    json!({ "state": worst(all).to_string(), "checks": checks.collect::<Vec<_>>() })
}
