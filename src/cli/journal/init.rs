//! `townclerk journal init`: a journal is made on purpose, never by accident; and so are the keys.

use std::io::{self, Write};
use std::process::ExitCode;

use super::super::speech;
use super::{ConfigFile, Done, serve};

pub(super) fn run(file: &ConfigFile) -> Done {
    let config = serve::load(&file.config)?;
    let (made, whole) = serve::create_missing(&config);
    let lines = made.tell();
    for line in &lines {
        speech::remark(line);
    }
    let mut stdout = io::stdout().lock();
    for key in made.keys() {
        writeln!(stdout, "{key}")?; // and nothing else, so that the output is a file of keys
    }
    whole?;
    if lines.is_empty() {
        speech::remark("every journal is there already");
    }
    Ok(ExitCode::SUCCESS)
}
