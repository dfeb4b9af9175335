//! Man pages, and completions for shells, from the definitions that `--help` is made of.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::Cli;
use super::speech::{Done, Problem};

/// Of a command that says no more of them.
const EXIT_CODES: &str = "Exit codes:\n  0  it is done, or yes\n  1  no\n  2  it could not be done, or found out";

#[derive(Args, Debug)]
pub(super) struct Pages {
    /// The folder to write them into; it must be there.
    folder: PathBuf,
}

#[derive(Args, Debug)]
pub(super) struct Completions {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// Writes a page for each command, `townclerk-journal-cat.1` and so on.
pub(super) fn write_pages(pages: &Pages) -> Done {
    for (name, page) in all_pages()? {
        let file = pages.folder.join(format!("{name}.1"));
        fs::write(&file, page).map_err(|error| Problem::new(format!("{}: {error}", file.display())))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints what a shell reads to complete commands and options.
pub(super) fn print_completions(completions: &Completions) -> Done {
    let mut text = Vec::new(); // generating into a pipe that closes would panic
    clap_complete::generate(completions.shell, &mut Cli::command(), "townclerk", &mut text);
    io::Write::write_all(&mut io::stdout().lock(), &text)?;
    Ok(ExitCode::SUCCESS)
}

/// The pages, by the names of their commands.
fn all_pages() -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    let mut left = vec![(command, None)];
    while let Some((command, parent)) = left.pop() {
        let name = command.get_display_name().unwrap_or("townclerk").to_owned();
        let children = command.get_subcommands().filter(|child| !child.is_hide_set());
        left.extend(children.map(|child| (child.clone(), Some(name.clone()))));
        pages.push((name, page(command, parent.as_deref())?));
    }
    Ok(pages)
}

fn page(command: Command, parent: Option<&str>) -> io::Result<Vec<u8>> {
    let after = command.get_after_help().map(ToString::to_string);
    let is_parent = command.get_subcommands().any(|child| !child.is_hide_set());
    let man = Man::new(command)
        .source(concat!("townclerk ", env!("CARGO_PKG_VERSION")))
        .manual("townclerk");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if is_parent {
        man.render_subcommands_section(&mut page)?;
    }
    exit_status(after.as_deref().unwrap_or(EXIT_CODES)).to_writer(&mut page)?;
    if let Some(parent) = parent {
        let mut see = Roff::new();
        see.control("SH", ["SEE ALSO"]);
        see.text([bold(parent), roman("(1)")]);
        see.to_writer(&mut page)?;
    }
    Ok(page)
}

/// What stands behind the help of a command: its exit codes, a line each, and perhaps remarks behind an empty line.
fn exit_status(after: &str) -> Roff {
    let mut roff = Roff::new();
    let (codes, remarks) = after.split_once("\n\n").unwrap_or((after, ""));
    roff.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in codes.lines().filter_map(|line| line.trim().split_once("  ")) {
        roff.control("TP", []);
        roff.text([bold(code)]);
        roff.text([roman(meaning)]);
    }
    if !remarks.is_empty() {
        roff.control("SH", ["NOTES"]);
        roff.text([roman(remarks)]);
    }
    roff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_with_its_exit_codes() {
        let pages = all_pages().unwrap();
        assert!(pages.len() > 30, "{}", pages.len());
        for (name, page) in pages {
            let page = String::from_utf8(page).unwrap();
            let (_, status) = page
                .split_once(".SH \"EXIT STATUS\"\n")
                .unwrap_or_else(|| panic!("{name}\n{page}"));
            assert!(status.starts_with(".TP\n\\fB0\\fR\n"), "{name}\n{status}");
            assert!(status.contains(".TP\n\\fB2\\fR\n"), "{name}\n{status}");
        }
    }
}
