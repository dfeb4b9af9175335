//! What is left of each segment: its lines, its salt, its leaf hashes; retention removes them at different times.

use std::io;

use jiff::civil::Date;

use crate::journal::disk::Disk;
use crate::journal::segment::{Name, Packed};
use crate::journal::{Format, Log};

/// What is left of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) first: u64,
    pub(crate) day: Date,
    /// The segment itself.
    pub(crate) lines: Option<Name>,
    pub(crate) salt: bool,
    pub(crate) leaves: bool,
}

impl Piece {
    pub(crate) fn leaves_path(&self, log: Log) -> String {
        format!(
            "{}/{}-{:020}.leaves",
            log.folder(),
            self.day.strftime("%Y%m%d"),
            self.first
        )
    }
}

/// Everything that is left of a log's segments, in the order of their records. A folder that is missing has none.
pub(crate) fn list(disk: &dyn Disk, log: Log) -> io::Result<Vec<Piece>> {
    let names = match disk.list(log.folder()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        names => names?,
    };
    let mut pieces: Vec<_> = names.iter().filter_map(|name| part(name)).collect();
    let order = |piece: &Piece| {
        (
            piece.first,
            piece.day,
            piece.lines.map(|name| name.format == Format::Combined),
        )
    };
    pieces.sort_by_key(order); // parts without lines come before the lines that they belong to
    pieces.dedup_by(|part, before| {
        let free = before.lines.is_none() || before.lines == part.lines; // or there in two forms
        let one = (part.first, part.day) == (before.first, before.day) && free;
        if one {
            before.lines = part.lines;
            before.salt |= part.salt;
            before.leaves |= part.leaves;
        }
        one
    });
    Ok(pieces)
}

/// The part of a segment that a file name says it is.
fn part(file: &str) -> Option<Piece> {
    let (stem, extension) = file
        .strip_suffix(".salt.age")
        .map_or_else(|| file.rsplit_once('.'), |stem| Some((stem, "salt")))?;
    let (name, is_lines) = match extension {
        "salt" | "leaves" => (Name::parse(&format!("{stem}.jsonl"))?, false),
        _ => (Packed::parse(file)?.name, true),
    };
    Some(Piece {
        first: name.first,
        day: name.day,
        lines: is_lines.then_some(name),
        salt: extension == "salt",
        leaves: extension == "leaves",
    })
}
