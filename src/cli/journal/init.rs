//! `townclerk journal init`: a journal is made on purpose, never by accident; and so are the keys.

use std::io::{self, Write};
use std::process::ExitCode;

use super::{ConfigFile, Done, serve};

pub(super) fn run(file: &ConfigFile) -> Done {
    let config = serve::load(&file.config)?;
    let made = serve::create_missing(&config)?;
    let mut lines = made.tell();
    if lines.is_empty() {
        lines.push("every journal is there already".to_owned());
    }
    let mut stdout = io::stdout().lock();
    for line in lines {
        writeln!(stdout, "{line}")?;
    }
    Ok(ExitCode::SUCCESS)
}
