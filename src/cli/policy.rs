//! `townclerk policy`: what a version of the policy changes for a visitor, and which versions there were.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::check::Form;
use super::serve;
use super::speech::{self, Done, Problem};
use super::table::{Paint, table};
use super::{ConfigFile, Language};
use crate::config::Site;
use crate::journal;
use crate::policy::history::Version;
use crate::policy::{self, Change, Lang, Policy, Text};
use crate::reader::Faults;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Say in plain words what one version of a policy changes for a visitor.
    Diff(Diff),
    /// List the versions that are kept beside each journal, each with its date and what it changed.
    History(History),
}

#[derive(Args, Debug)]
pub(super) struct Diff {
    /// The earlier version: a policy file, or, with --config, the name of a version that is kept beside the journal.
    #[arg(value_name = "BEFORE")]
    before: String,
    /// The later one.
    #[arg(value_name = "AFTER")]
    after: String,
    /// Look for versions beside the journal of a site of this configuration.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// One of the site's host names, where the configuration has several sites.
    #[arg(long, value_name = "HOST", requires = "config")]
    site: Option<String>,
    #[command(flatten)]
    how: How,
}

#[derive(Args, Debug)]
pub(super) struct History {
    #[command(flatten)]
    file: ConfigFile,
    #[command(flatten)]
    how: How,
}

#[derive(Args, Debug)]
struct How {
    /// The language of what is said.
    #[arg(long, value_enum, default_value_t)]
    lang: Language,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Form,
}

pub(super) fn run(command: &Command) -> Done {
    match command {
        Command::Diff(diff) => run_diff(diff),
        Command::History(history) => run_history(history),
    }
}

fn run_diff(diff: &Diff) -> Done {
    let kept = match &diff.config {
        Some(config) => {
            let site = serve::site(config, diff.site.as_deref())?;
            Some(kept(&site)?)
        }
        None => None,
    };
    let before = version(&diff.before, kept.as_deref())?;
    let after = version(&diff.after, kept.as_deref())?;
    let changes = before.changes(&after);
    let mut stdout = io::stdout().lock();
    let lang = diff.how.lang.into();
    match diff.how.format {
        Form::Text => tell(&before, &after, &changes, lang, &mut stdout)?,
        Form::Json => writeln!(stdout, "{:#}", diff_json(&before, &after, &changes))?,
    }
    if before.version == after.version && !before.differences(&after).is_empty() {
        speech::remark(&format!(
            "both are version {}: the changed one needs a new version and a new date, or townclerk does not start",
            after.version
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// A version that is kept, or a file.
fn version(named: &str, kept: Option<&[Version]>) -> Result<Policy, Problem> {
    if let Some(version) = kept.into_iter().flatten().find(|version| version.name == named) {
        return version.policy.clone().ok_or_else(|| {
            Problem::with_hint(
                format!("version {named} cannot be read any more"),
                "it was written for an older townclerk, or is damaged; read it with a text editor in policies/",
            )
        });
    }
    let text = fs::read_to_string(named).map_err(|error| match (error.kind(), kept) {
        (ErrorKind::NotFound, Some(kept)) => {
            let names: Vec<_> = kept.iter().map(|version| version.name.as_str()).collect();
            let hint = format!(
                "kept beside the journal: {}; or write the path of a file",
                names.join(", ")
            );
            Problem::with_hint(format!("{named} is neither a version nor a file"), hint)
        }
        (ErrorKind::NotFound, None) => Problem::with_hint(
            format!("{named}: there is no such file"),
            "write the path of a policy file, or name a configuration with --config",
        ),
        _ => Problem::new(format!("{named}: {error}")),
    })?;
    let mut faults = Faults::new();
    policy::parse(named, &text, &mut faults).ok_or_else(|| {
        speech::say_faults(&faults);
        Problem::Said
    })
}

fn kept(site: &Site) -> Result<Vec<Version>, Problem> {
    let folder = &site.journal.folder;
    journal::policies(folder).map_err(|error| no_policies(folder, &error))
}

fn no_policies(folder: &Path, error: &io::Error) -> Problem {
    match error.kind() {
        ErrorKind::NotFound => Problem::with_hint(
            format!("{}: there is no journal", folder.display()),
            "versions are kept beside a journal once they are in force; two files can be compared without one",
        ),
        _ => Problem::new(format!("{}: {error}", folder.display())),
    }
}

fn tell(before: &Policy, after: &Policy, changes: &[Change], lang: Lang, out: &mut dyn Write) -> io::Result<()> {
    let (one, other) = (label(before), label(after));
    match (changes.is_empty(), lang) {
        (true, Lang::Pl) => writeln!(
            out,
            "Między wersją {one} a wersją {other} dla odwiedzających nic się nie zmienia."
        )?,
        (true, Lang::En) => writeln!(
            out,
            "Between version {one} and version {other} nothing changes for a visitor."
        )?,
        (false, Lang::Pl) => writeln!(
            out,
            "Co zmienia się dla odwiedzających między wersją {one} a wersją {other}:"
        )?,
        (false, Lang::En) => writeln!(
            out,
            "What changes for a visitor between version {one} and version {other}:"
        )?,
    }
    for changes in changes.chunk_by(|one, other| one.effect == other.effect) {
        writeln!(out, "\n{}", Paint::of_stdout().strong(changes[0].effect.heading(lang)))?;
        for change in changes {
            for (sign, text) in [("-", &change.before), ("+", &change.after)] {
                if let Some(text) = text {
                    writeln!(out, "  {sign} {}", one_line(text.get(lang)))?;
                }
            }
        }
    }
    Ok(())
}

fn label(policy: &Policy) -> String {
    format!("{} ({})", policy.version, policy.effective)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn diff_json(before: &Policy, after: &Policy, changes: &[Change]) -> Value {
    let version = |policy: &Policy| json!({ "version": policy.version, "effective": policy.effective.to_string() });
    json!({ "before": version(before), "after": version(after), "changes": changes_json(changes) })
}

fn changes_json(changes: &[Change]) -> Value {
    let text = |text: &Option<Text>| text.as_ref().map(|text| json!({ "pl": text.pl, "en": text.en }));
    let change = |change: &Change| {
        json!({
            "key": change.key,
            "effect": change.effect.key(),
            "before": text(&change.before),
            "after": text(&change.after),
        })
    };
    changes.iter().map(change).collect()
}

fn run_history(history: &History) -> Done {
    let config = serve::load(&history.file.config)?;
    let lang = history.how.lang.into();
    let mut sites = Vec::new();
    for site in &config.sites {
        sites.push((site, kept(site)?));
    }
    let mut stdout = io::stdout().lock();
    match history.how.format {
        Form::Json => {
            let sites: Vec<_> = sites.iter().map(|(site, kept)| history_json(site, kept)).collect();
            writeln!(stdout, "{:#}", json!({ "sites": sites }))?;
        }
        Form::Text => {
            for (at, (site, kept)) in sites.iter().enumerate() {
                if at > 0 {
                    writeln!(stdout)?;
                }
                writeln!(stdout, "{}", site.hosts.join(", "))?;
                write!(stdout, "{}", history_table(kept, lang))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn history_table(kept: &[Version], lang: Lang) -> String {
    let (heads, none) = match lang {
        Lang::Pl => (
            ["wersja", "od dnia", "co zmieniła"],
            "żadna polityka jeszcze nie obowiązywała",
        ),
        Lang::En => (["version", "from", "what it changed"], "no policy was in force yet"),
    };
    if kept.is_empty() {
        return format!("   {none}\n");
    }
    let row = |(at, version): (usize, &Version)| {
        let date = version
            .effective
            .map_or_else(|| "–".to_owned(), |date| date.to_string());
        [version.name.clone(), date, summary(kept, at, lang)]
    };
    let rows: Vec<_> = kept.iter().enumerate().map(row).collect();
    table(heads, &rows, Paint::of_stdout())
}

/// What a version changed against the one before it.
fn summary(kept: &[Version], at: usize, lang: Lang) -> String {
    let say = |pl: &str, en: &str| Text::new(pl, en).get(lang).to_owned();
    let Some(policy) = &kept[at].policy else {
        return say("nie daje się już odczytać", "it cannot be read any more");
    };
    match at.checked_sub(1).map(|before| &kept[before].policy) {
        None => say("pierwsza wersja", "the first version"),
        Some(None) => say(
            "poprzednia nie daje się już odczytać",
            "the one before it cannot be read any more",
        ),
        Some(Some(before)) => policy::summary(&before.changes(policy), lang),
    }
}

fn history_json(site: &Site, kept: &[Version]) -> Value {
    let version = |(at, version): (usize, &Version)| {
        let before = at.checked_sub(1).and_then(|before| kept[before].policy.as_ref());
        let changes = before.zip(version.policy.as_ref());
        json!({
            "version": version.name,
            "effective": version.effective.map(|date| date.to_string()),
            "summary": { "pl": summary(kept, at, Lang::Pl), "en": summary(kept, at, Lang::En) },
            "changes": changes.map(|(before, after)| changes_json(&before.changes(after))),
        })
    };
    json!({
        "hosts": site.hosts,
        "journal": site.journal.folder.display().to_string(),
        "versions": kept.iter().enumerate().map(version).collect::<Vec<_>>(),
    })
}
