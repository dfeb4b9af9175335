//! `townclerk init`: a look at a site from outside, and the two files drafted from it.
//!
//! ```text
//! survey ─▶ files (sheet: the shipped ones, filled in) ─▶ report
//! ```

mod files;
mod report;
mod sheet;
#[cfg(test)]
mod tests;
mod words;

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use jiff::tz::TimeZone;

use self::files::{Found, NAMES};
use self::report::Report;
use super::check::Form;
use super::language::Language;
use super::speech::{self, Done, Problem, remark};
use super::table::Paint;
use crate::clock::Clock;
use crate::config::{Config, Origin, Upstream};
use crate::reader::host;
use crate::survey::{self, Fault};

pub(super) use self::files::left_open;
pub(super) use self::sheet::OPEN;

pub(super) const EXIT_CODES: &str = "Exit codes:\n  0  both files were written\n  \
    2  the site could not be seen, or a file could not be written\n\n\
    It reads up to 60 pages and style sheets, for a minute at most, one after the other, and logs in nowhere.";

#[derive(Args, Debug)]
pub(super) struct Init {
    /// Where the CMS answers: http://cms:80, https://cms or unix:/run/cms.sock.
    #[arg(long, value_name = "URL")]
    upstream: String,
    /// The name by which visitors call the site. Default: that of URL, or the one that the site sends us to.
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
    /// For https: the authority that vouches for the CMS, a PEM file. Default: those of the system.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The folder for townclerk.toml and policy.toml, which must not be there yet.
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// The language of the report. Default: pl where LC_ALL or LANG says so, otherwise en.
    #[arg(long, value_enum)]
    lang: Option<Language>,
    /// How the report is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Form,
}

pub(super) fn run(init: &Init) -> Done {
    let ca = init.ca.as_deref().map(absolute).transpose()?;
    let upstream = Upstream::read(&init.upstream, ca.as_deref()).map_err(|faults| {
        speech::say_faults(&faults);
        Problem::Said
    })?;
    // The drafts may lie in another folder than the one from which a socket was named.
    let url = match upstream.origins.first() {
        Some(Origin::Unix(socket)) => format!("unix:{}", absolute(socket)?.display()),
        _ => init.upstream.clone(),
    };
    let named = init.host.as_deref().map(named).transpose()?;
    let paths = NAMES.map(|name| init.out.join(name));
    for path in &paths {
        if path.symlink_metadata().is_ok() {
            return Err(exists(path));
        }
    }
    remark(&format!("looking at {url}; this takes a minute at most"));
    let clock = Clock::system();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let survey = runtime
        .map_err(Problem::new)?
        .block_on(survey::look(&upstream, named.as_deref(), &clock))
        .map_err(|fault| blind(&url, &fault))?;
    let found = Found {
        url: &url,
        upstream: &upstream,
        ca: ca.as_deref(),
        is_named: named.is_some(),
        survey: &survey,
        today: clock.now().to_zoned(TimeZone::UTC).date(),
    };
    let texts = [found.townclerk(), found.policy()];
    let mut drafts = Vec::new();
    for (path, text) in paths.into_iter().zip(texts) {
        drafts.push((path, text.map_err(Problem::new)?));
    }
    // What was seen is anybody's: nothing is written before it is known to be right.
    Config::load_drafts(&drafts[0].0, &drafts).map_err(|faults| {
        speech::say_faults(&faults);
        Problem::with_hint("the drafts are not right, and were not written", "please report it")
    })?;
    write(&init.out, &drafts)?;

    let report = Report {
        found: &found,
        files: &drafts,
    };
    let mut stdout = io::stdout().lock();
    match init.format {
        Form::Text => {
            let lang = init.lang.unwrap_or_else(Language::of_environment);
            stdout.write_all(report.text(lang.into(), Paint::of_stdout()).as_bytes())?;
        }
        Form::Json => writeln!(stdout, "{:#}", report.json())?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Both files, or none.
fn write(folder: &Path, drafts: &[(PathBuf, String)]) -> Result<(), Problem> {
    fs::create_dir_all(folder).map_err(|error| unwritten(folder, &error))?;
    for (at, (path, text)) in drafts.iter().enumerate() {
        let written = File::create_new(path).and_then(|mut file| file.write_all(text.as_bytes()));
        if let Err(error) = written {
            // One that was there is somebody else's; the others are ours of a moment ago.
            let ours = if error.kind() == ErrorKind::AlreadyExists {
                at
            } else {
                at + 1
            };
            for (path, _) in &drafts[..ours] {
                let _ = fs::remove_file(path); // it may not have been made
            }
            return Err(match error.kind() {
                ErrorKind::AlreadyExists => exists(path),
                _ => unwritten(path, &error),
            });
        }
    }
    Ok(())
}

fn named(written: &str) -> Result<String, Problem> {
    let name = host::host(written);
    let name = name.map_err(|(wrong, remedy)| Problem::with_hint(format!("--host {written} {wrong}"), remedy))?;
    Ok(name.into())
}

fn absolute(path: &Path) -> Result<PathBuf, Problem> {
    std::path::absolute(path).map_err(|error| unwritten(path, &error))
}

fn exists(path: &Path) -> Problem {
    Problem::with_hint(
        format!("{} is there already, and is left as it is", path.display()),
        "name another folder with --out",
    )
}

fn unwritten(path: &Path, error: &io::Error) -> Problem {
    Problem::new(format!("{}: {error}", path.display()))
}

/// The site could not be seen.
fn blind(url: &str, fault: &Fault) -> Problem {
    let hint = match fault {
        Fault::Unreachable(_) => {
            "see that the CMS runs and that the address is right; a firewall may be between".to_owned()
        }
        Fault::Tls(_) => {
            "name the authority that vouches for it with --ca FILE, and ask for the CMS by a name that stands in \
                          its certificate"
                .to_owned()
        }
        Fault::TooSlow(_) | Fault::CutOff => "see whether the CMS answers a browser; try again later".to_owned(),
        Fault::NotHttp => {
            "see whether the port is the right one: where TLS is spoken the address begins with https://".to_owned()
        }
        Fault::Refused(_) | Fault::NotHtml(_) => {
            "the CMS may know the site by another name: tell it with --host NAME".to_owned()
        }
        Fault::Endless => "if the site sends everybody to its own name, tell that with --host NAME".to_owned(),
        Fault::Elsewhere(host) => format!("if that is the site's own name, say so: --host {host}"),
    };
    Problem::with_hint(format!("{url}: {fault}"), hint)
}
