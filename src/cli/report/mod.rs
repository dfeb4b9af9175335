//! `townclerk report`: statistics that identify nobody.

mod publisher;
mod reading;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use self::publisher::{Publisher, Stop};
use super::journal::source::Opener;
use super::speech::{self, Done, Problem};
use super::table::Paint;
use super::{Language, serve};
use crate::clock::Clock;
use crate::config::Site;
use crate::report::{self, Edition, Period};

pub(super) const EXIT_CODES: &str = "Exit codes:\n  0  it is published\n  1  it may not be, or there is nothing\n  \
    2  it could not be found out: a part of the journal cannot be read";

#[derive(Args, Debug)]
pub(super) struct Report {
    /// What it is about, in whole days of UTC: 2026-10 for a month, 2026-W43 for a week, 2026 for a year, or
    /// 2026-10-01..2026-10-15, the last day included. It must be over: last-month and last-week are the last that are.
    #[arg(long, value_name = "PERIOD", value_parser = period)]
    period: Period,
    /// The configuration file. Several are replicas of one site, or other sites.
    #[arg(long, value_name = "FILE", default_value = "/etc/townclerk/townclerk.toml")]
    config: Vec<PathBuf>,
    /// One of a site's host names; several for several sites. Default: all sites.
    #[arg(long, value_name = "HOST")]
    site: Vec<String>,
    #[command(flatten)]
    opener: Opener,
    /// The language of the report.
    #[arg(long, value_enum, default_value_t)]
    lang: Language,
    /// How it is written.
    #[arg(long, value_enum, default_value_t)]
    format: Form,
    /// Publish although a part of the journal cannot be read. The report says that it is missing, and stays so.
    #[arg(long)]
    incomplete: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people at a terminal.
    #[default]
    Text,
    /// For programs.
    Json,
    /// For spreadsheets.
    Csv,
    /// A page that needs no script and nothing from elsewhere.
    Html,
}

fn period(text: &str) -> Result<Period, String> {
    let last = match text {
        "last-month" => Period::last_month,
        "last-week" => Period::last_week,
        _ => return Period::parse(text),
    };
    last(Clock::system().now()).ok_or_else(|| "the clock is wrong".to_owned())
}

pub(super) fn run(report: &Report) -> Done {
    let identities = report.opener.identities()?;
    let clock = Clock::system();
    let mut editions = Vec::new();
    let mut refused = false;
    for (name, sites) in chosen(report)? {
        let publisher = Publisher::of(&sites, &identities, &clock, report.incomplete)?;
        match publisher.edition(report.period) {
            Ok(edition) => editions.push(edition),
            Err(Stop::No { what, hint }) => {
                speech::remark(&format!("{name}: {what}"));
                speech::hint(&hint);
                refused = true;
            }
            Err(Stop::Problem(problem)) => return Err(problem),
        }
    }
    if refused {
        return Ok(ExitCode::from(speech::NO));
    }
    write(&editions, report)?;
    Ok(ExitCode::SUCCESS)
}

fn write(editions: &[Edition], report: &Report) -> io::Result<()> {
    let lang = report.lang.into();
    let text = match report.format {
        Form::Text => report::text(editions, lang, Paint::of_stdout().is_coloured()),
        Form::Json => report::json(editions),
        Form::Csv => report::csv(editions, lang),
        Form::Html => report::html(editions, lang),
    };
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// The sites that are meant, by their first host names, each with all configurations that have it.
fn chosen(report: &Report) -> Result<BTreeMap<Box<str>, Vec<Site>>, Problem> {
    let mut found: BTreeMap<Box<str>, Vec<Site>> = BTreeMap::new();
    let mut wanted: Vec<&str> = report.site.iter().map(String::as_str).collect();
    let mut names = Vec::new();
    for file in &report.config {
        for site in serve::load(file)?.sites {
            let is_own = |host: &&str| site.hosts.iter().any(|own| own.eq_ignore_ascii_case(host));
            names.extend(site.hosts.first().cloned());
            if report.site.is_empty() || report.site.iter().any(|host| is_own(&host.as_str())) {
                wanted.retain(|host| !is_own(host));
                let name = site.hosts.first().cloned().unwrap_or_default(); // it has one
                found.entry(name).or_default().push(site);
            }
        }
    }
    match wanted.first() {
        None => Ok(found),
        Some(host) => Err(Problem::with_hint(
            format!("no configuration has a site {host}"),
            format!("name one with --site: {}", names.join(", ")),
        )),
    }
}
