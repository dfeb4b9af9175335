//! `townclerk health` and `townclerk reload`: what can be asked of the server that is running.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use http::StatusCode;
use serde_json::Value;

use super::speech::{self, Done, Problem};
use super::{ConfigFile, serve};
use crate::admin::ask::{Question, ask};
use crate::config::AdminPlace;

/// A little more than the server takes to find out that something does not answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// A reload may read many files.
const RELOAD_PATIENCE: Duration = Duration::from_secs(90);

pub(super) const EXIT_CODES: &str = "Exit codes:\n  0  it is well\n  1  it is not, or does not answer\n  \
    2  it could not be asked: the configuration is wrong or has no [admin]";

pub(super) const RELOAD_EXIT_CODES: &str = "Exit codes:\n  0  the configuration is in use\n  \
    1  it has faults, or cannot be used: everything stays as it was\n  2  the server could not be asked";

#[derive(Args, Debug)]
pub(super) struct Health {
    /// Also whether the journals are written and signed, and the CMS can be reached.
    #[arg(long)]
    ready: bool,
    #[command(flatten)]
    admin: Admin,
}

/// Where the admin listener is.
#[derive(Args, Debug)]
pub(super) struct Admin {
    #[command(flatten)]
    file: ConfigFile,
    /// Where to ask, in place of the first `listen` of [admin] in the configuration, which is not read then:
    /// 127.0.0.1:9465, or unix:/run/townclerk/admin.sock.
    #[arg(long, value_name = "PLACE", value_parser = place)]
    admin: Option<AdminPlace>,
}

fn place(written: &str) -> Result<AdminPlace, String> {
    match written.strip_prefix("unix:") {
        Some(path) => Ok(AdminPlace::Unix(PathBuf::from(path))),
        None => {
            let address = written.parse().map(AdminPlace::Tcp);
            address.map_err(|_| "write an address with its port, or unix: and a path".to_owned())
        }
    }
}

impl Admin {
    fn place(&self) -> Result<AdminPlace, Problem> {
        if let Some(place) = &self.admin {
            return Ok(place.clone());
        }
        let file: &Path = &self.file.config;
        let config = serve::load(file)?;
        config.admin.into_iter().next().ok_or_else(|| {
            Problem::with_hint(
                format!("{}: there is no [admin], so nobody can be asked", file.display()),
                "add [admin] with listen = [\"unix:/run/townclerk/admin.sock\"], and start the server anew",
            )
        })
    }
}

pub(super) fn run(health: &Health) -> Done {
    let question = match health.ready {
        true => Question::Readiness,
        false => Question::Health,
    };
    let place = health.admin.place()?;
    match ask(&place, question, PATIENCE) {
        Ok((status, said)) => {
            write!(io::stdout().lock(), "{said}")?;
            Ok(yes_if(status == StatusCode::OK))
        }
        Err(error) => {
            speech::remark(&format!("no answer at {place}: {error}"));
            Ok(yes_if(false))
        }
    }
}

pub(super) fn reload(admin: &Admin) -> Done {
    let place = admin.place()?;
    let asked = ask(&place, Question::Reload, RELOAD_PATIENCE);
    let (status, said) = asked.map_err(|error| {
        Problem::with_hint(
            format!("no answer at {place}: {error}"),
            "see that the server runs with this [admin], and that you may open its socket",
        )
    })?;
    let Ok(said) = serde_json::from_str::<Value>(&said) else {
        return Err(Problem::new(said.trim_end()));
    };
    tell(&said)?;
    Ok(yes_if(status == StatusCode::OK))
}

/// The same words as on the server's stderr.
fn tell(said: &Value) -> io::Result<()> {
    let texts = |key: &str| {
        let texts = said[key].as_array().into_iter().flatten();
        texts.filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
    };
    let mut stdout = io::stdout().lock();
    for what in texts("changed") {
        writeln!(stdout, "changed: {what}")?;
    }
    for what in texts("needs_restart") {
        writeln!(stdout, "stays as it was until a restart: {what}")?;
    }
    for fault in said["faults"].as_array().into_iter().flatten() {
        let text = |key: &str| fault[key].as_str().unwrap_or_default().to_owned();
        let place = match (fault["line"].as_u64(), fault["column"].as_u64()) {
            (Some(line), Some(column)) => format!(":{line}:{column}"),
            _ => String::new(),
        };
        writeln!(
            stdout,
            "{}{place}: {}\n  hint: {}",
            text("file"),
            text("found"),
            text("remedy")
        )?;
    }
    if let Some(error) = said["error"].as_str() {
        writeln!(stdout, "{error}")?;
    }
    if let Some(hint) = said["hint"].as_str() {
        writeln!(stdout, "  hint: {hint}")?;
    }
    match said["reloaded"] == true {
        true if texts("changed").is_empty() => writeln!(stdout, "reloaded: nothing changed"),
        true => writeln!(stdout, "reloaded"),
        false => writeln!(stdout, "not reloaded: everything stays as it was"),
    }
}

fn yes_if(yes: bool) -> ExitCode {
    match yes {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(speech::NO),
    }
}
