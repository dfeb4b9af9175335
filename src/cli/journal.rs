//! `townclerk journal`: a journal is made on purpose, never by accident.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Subcommand;

use super::speech::Done;
use super::{ConfigFile, serve};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make the journals that a configuration names and that are not there yet.
    Init(ConfigFile),
}

pub(super) fn run(command: &Command) -> Done {
    let Command::Init(file) = command;
    let config = serve::load(&file.config)?;
    let made = serve::create_missing(&config)?;
    let mut stdout = io::stdout().lock();
    for folder in &made {
        writeln!(stdout, "made a journal in {}", folder.display())?;
    }
    if made.is_empty() {
        writeln!(stdout, "every journal is there already")?;
    }
    Ok(ExitCode::SUCCESS)
}
