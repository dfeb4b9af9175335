//! `townclerk statement`: what visitors of a site are told, made from the policy that is enforced there.

use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::speech::{self, Done, Problem};
use super::{ConfigFile, Language, serve};
use crate::journal;
use crate::policy::statement::{self, Publication};

#[derive(Args, Debug)]
pub(super) struct Statement {
    #[command(flatten)]
    file: ConfigFile,
    /// One of the site's host names, where the configuration has several sites.
    #[arg(long, value_name = "HOST")]
    site: Option<String>,
    /// The language of the statement.
    #[arg(long, value_enum, default_value_t)]
    lang: Language,
    /// How it is written.
    #[arg(long, value_enum, default_value_t)]
    format: Form,
}

/// How a statement is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Form {
    /// A page that needs no script and nothing from elsewhere.
    Html,
    /// CommonMark with tables.
    Markdown,
    /// For people at a terminal.
    #[default]
    Text,
}

pub(super) fn run(statement: &Statement) -> Done {
    let site = serve::site(&statement.file.config, statement.site.as_deref())?;
    let folder: &PathBuf = &site.journal.folder;
    let versions = match journal::policies(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(), // nothing was in force yet
        versions => versions.map_err(|error| Problem::new(format!("{}: {error}", folder.display())))?,
    };
    let publication = Publication {
        hosts: &site.hosts,
        path: site.statement.as_deref(),
        versions: &versions,
        in_force: &site.policy.version,
    };
    let told = statement::Statement::of(&site.policy, &publication, statement.lang.into());
    let told = match statement.format {
        Form::Html => told.html(),
        Form::Markdown => told.markdown(),
        Form::Text => told.text(),
    };
    io::stdout().lock().write_all(told.as_bytes())?;
    if site.policy.legal_basis.is_none() {
        speech::remark(
            "the policy names no legal_basis, without which the statement is not complete (GDPR, Article 13)",
        );
    }
    Ok(ExitCode::SUCCESS)
}
