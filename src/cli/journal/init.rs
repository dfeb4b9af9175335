//! `townclerk journal init`: a journal is made on purpose, never by accident.

use std::io::{self, Write};
use std::process::ExitCode;

use super::{ConfigFile, Done, serve};
use crate::cli::keygen;

pub(super) fn run(file: &ConfigFile) -> Done {
    let config = serve::load(&file.config)?;
    let made = serve::create_missing(&config)?;
    let mut stdout = io::stdout().lock();
    for (folder, key) in &made {
        writeln!(stdout, "made a journal in {}, signed with", folder.display())?;
        keygen::tell(&mut stdout, key)?;
    }
    match made.is_empty() {
        true => writeln!(stdout, "every journal is there already")?,
        false => writeln!(stdout, "{}", keygen::ADVICE)?,
    }
    Ok(ExitCode::SUCCESS)
}
