//! Which journal is meant.

use std::fs;
use std::path::PathBuf;

use clap::Args;
use zeroize::Zeroizing;

use super::super::ConfigFile;
use super::super::serve;
use super::super::speech::Problem;
use crate::config::Site;
use crate::journal::age::{Identities, IdentityError};

/// A site's journal, by its configuration or by its folder.
#[derive(Args, Debug)]
pub(super) struct Source {
    #[command(flatten)]
    of: OfSite,
    /// The journal's folder, instead of a configuration.
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["config", "site"])]
    journal: Option<PathBuf>,
}

/// A site of a configuration.
#[derive(Args, Debug)]
pub(super) struct OfSite {
    #[command(flatten)]
    file: ConfigFile,
    /// One of the site's host names, where the configuration has several sites.
    #[arg(long, value_name = "HOST")]
    site: Option<String>,
}

/// What opens encrypted segments.
#[derive(Args, Debug)]
pub(in crate::cli) struct Opener {
    /// An identity file of age, as age-keygen writes it, to read encrypted segments.
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
}

impl Opener {
    pub(in crate::cli) fn identities(&self) -> Result<Identities, Problem> {
        let Some(file) = &self.identity else {
            return Ok(Identities::default());
        };
        let because = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
        let text = fs::read(file).map_err(|error| Problem::new(because(&error)))?;
        let text = Zeroizing::new(text);
        let read = str::from_utf8(&text).map_err(|_| IdentityError::Line(1));
        read.and_then(Identities::parse).map_err(|error| match error {
            IdentityError::Encrypted => Problem::with_hint(
                because(&error),
                "decrypt it first, into a file that only you can read: age -d FILE",
            ),
            _ => Problem::with_hint(because(&error), "give the file that age-keygen wrote"),
        })
    }
}

impl Source {
    pub(super) fn folder(&self) -> Result<PathBuf, Problem> {
        match &self.journal {
            Some(folder) => Ok(folder.clone()),
            None => Ok(self.of.site()?.journal.folder),
        }
    }

    /// The folder, and where a configuration says so the file of the key that signs the journal.
    pub(super) fn folder_and_key(&self) -> Result<(PathBuf, Option<PathBuf>), Problem> {
        match &self.journal {
            Some(folder) => Ok((folder.clone(), None)),
            None => {
                let journal = self.of.site()?.journal;
                Ok((journal.folder, Some(journal.key)))
            }
        }
    }
}

impl OfSite {
    pub(super) fn site(&self) -> Result<Site, Problem> {
        serve::site(&self.file.config, self.site.as_deref())
    }
}
