//! `townclerk journal export-tiles`: a log as static files for monitors.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::super::speech::{Done, Problem};
use super::pinned::{Keys, Which};
use super::proof::{origin, problem};
use super::source::Source;
use crate::journal::evidence::{self, Exported};

#[derive(Args, Debug)]
pub(in crate::cli) struct ExportTiles {
    /// Where to write the files: `checkpoint` and `tile/…`. What is there of an earlier export is written anew.
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// The log.
    #[arg(long, value_enum, default_value_t)]
    log: Which,
    #[command(flatten)]
    keys: Keys,
    #[command(flatten)]
    source: Source,
}

pub(super) fn run(asked: &ExportTiles) -> Done {
    let folder = asked.source.folder()?;
    let key = asked.keys.of(&origin(&folder)?, asked.log.into())?;
    let mut failed = None;
    let exported = evidence::tiles(&folder, asked.log.into(), &key, &mut |path, bytes| {
        let file = asked.out.join(path);
        let parent = file.parent().unwrap_or(&asked.out);
        let written = fs::create_dir_all(parent).and_then(|()| {
            // A whole file or none: a monitor may be reading.
            let new = file.with_extension("new");
            fs::write(&new, bytes)?;
            fs::rename(new, &file)
        });
        written.inspect_err(|error| failed = Some(format!("{}: {error}", file.display())))
    });
    let Exported { size, tiles, removed } = exported.map_err(|error| match failed.take() {
        Some(failed) => Problem::new(failed),
        None => problem(&folder, &error),
    })?;
    let left_out = match removed {
        0 => String::new(),
        _ => format!(" ({removed} are gone with records that retention removed)"),
    };
    writeln!(io::stdout(), "{size} records, {tiles} tiles{left_out}")?;
    Ok(ExitCode::SUCCESS)
}
