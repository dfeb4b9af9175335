//! The machine: certificates, open files, and how far a server is confined here.

use rustix::process::{Resource, getrlimit};

use super::super::confined::Extent;
use super::super::{acme, certificates};
use super::{Checks, State, count};
use crate::clock::Clock;
use crate::config::Config;

pub(super) fn look_at(config: &Config, clock: &Clock) -> Checks {
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
