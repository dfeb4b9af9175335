//! Which journal is meant.

use std::path::PathBuf;

use clap::Args;

use super::super::ConfigFile;
use super::super::serve;
use super::super::speech::Problem;
use crate::config::{Config, Site};

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

impl Source {
    pub(super) fn folder(&self) -> Result<PathBuf, Problem> {
        match &self.journal {
            Some(folder) => Ok(folder.clone()),
            None => Ok(self.of.site()?.journal.folder),
        }
    }
}

impl OfSite {
    pub(super) fn site(&self) -> Result<Site, Problem> {
        let Config { mut sites, .. } = serve::load(&self.file.config)?;
        let chosen = match &self.site {
            Some(host) => sites
                .iter()
                .position(|site| site.hosts.iter().any(|own| own.eq_ignore_ascii_case(host))),
            None => (sites.len() == 1).then_some(0),
        };
        match chosen {
            Some(chosen) => Ok(sites.swap_remove(chosen)),
            None => {
                let names: Vec<_> = sites.iter().map(|site| &*site.hosts[0]).collect();
                let what = match self.site {
                    Some(_) => "the configuration has no such site",
                    None => "the configuration has several sites",
                };
                let hint = format!("name one with --site: {}", names.join(", "));
                Err(Problem::with_hint(what, hint))
            }
        }
    }
}
