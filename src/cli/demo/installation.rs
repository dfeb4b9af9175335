//! The sample site with townclerk before it, in a temporary folder: made on the same road as `townclerk serve`.

use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;

use tempfile::TempDir;

use super::cms::{Cms, Seen};
use crate::cli::serve;
use crate::cli::speech::Problem;
use crate::clock::Clock;
use crate::journal;
use crate::server::Server;

const CONFIG: &str = include_str!("config/townclerk.toml");
const POLICY: &str = include_str!("config/policy.toml");

/// Everything that runs, and everything that is on disk.
pub(super) struct Installation {
    // In the order in which they are dropped: whoever writes into the folder before the folder.
    server: Server,
    cms: Cms,
    folder: TempDir,
}

impl Installation {
    /// Starts it, with what the CMS sees of each exchange for as long as somebody listens.
    pub(super) fn start(clock: &Clock) -> Result<(Self, Receiver<Seen>), Problem> {
        let folder = tempfile::Builder::new()
            .prefix("townclerk-demo-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir()
            .map_err(Problem::new)?;
        let (cms, seen) = Cms::start(clock.clone()).map_err(Problem::new)?;
        let file = config_file(folder.path());
        write(&file, &CONFIG.replace("{upstream}", &cms.address.to_string()))?;
        write(&folder.path().join("policy.toml"), POLICY)?;

        let config = serve::load(&file)?;
        for site in &config.sites {
            journal::init(&site.journal.folder, &site.journal.key, &site.hosts[0]).map_err(Problem::new)?;
        }
        let server = Server::start(&config, clock.clone()).map_err(Problem::new)?;
        Ok((Self { server, cms, folder }, seen))
    }

    /// Where the proxy answers.
    pub(super) fn address(&self) -> SocketAddr {
        self.server.http()[0] // the demo's configuration has this listener
    }

    /// Where the configuration is.
    pub(super) fn config_file(&self) -> PathBuf {
        config_file(self.folder.path())
    }

    /// Where the journal is.
    pub(super) fn journal(&self) -> PathBuf {
        self.folder.path().join("journal")
    }

    /// Stops the proxy, then the CMS, and removes the folder.
    pub(super) fn stop(self) -> Result<(), Problem> {
        self.server.stop().map_err(Problem::new)?;
        drop(self.cms);
        self.folder.close().map_err(Problem::new)
    }
}

fn config_file(folder: &Path) -> PathBuf {
    folder.join("townclerk.toml")
}

fn write(file: &Path, text: &str) -> Result<(), Problem> {
    fs::write(file, text).map_err(|error| Problem::new(format!("cannot write {}: {error}", file.display())))
}
