//! `townclerk journal init`: a journal is made on purpose, never by accident.

use std::io::{self, Write};
use std::process::ExitCode;

use super::{ConfigFile, Done, serve};

pub(super) fn run(file: &ConfigFile) -> Done {
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
