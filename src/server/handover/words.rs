//! What the two processes say to each other, an object of JSON a line. They may be of different versions: further
//! members are passed over, and those that are here stay.

use std::io::{self, Write};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::journal::Format;
use crate::server::inherited::Place;

/// The process before speaks.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Before {
    /// With this line come so many sockets, for these.
    Sockets(Vec<Place>),
    /// Those were all.
    Prepare,
    /// The journals can be opened.
    Released,
    /// So many exchanges are open whose lines will come; a journal is known by its place in [`After::Ready`].
    Open { journal: usize, exchanges: u64 },
    /// An exchange has ended.
    Entry {
        journal: usize,
        access: String,
        addresses: String,
        open: u64,
    },
    /// The answer of an exchange waits for this to be durable.
    Arrival { journal: usize, id: u64, line: String },
    /// Exchanges that have no entry.
    Count {
        journal: usize,
        refused: u64,
        unrecorded: u64,
        unsynced: u64,
    },
    /// Nothing more comes.
    Bye,
}

/// The process after speaks.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum After {
    /// All is prepared to serve with these journals.
    Ready(Vec<Wanted>),
    /// It writes the journals, and accepts.
    Serving,
    /// An arrival is durable, at this index.
    Durable { id: u64, index: u64 },
    /// It will not be.
    NotDurable { id: u64 },
    /// It is about to end, and wants nothing more.
    Stopping,
}

/// A journal, and how its entries are to be written.
#[derive(Serialize, Deserialize)]
pub(super) struct Wanted {
    pub(super) folder: PathBuf,
    combined: bool,
}

impl Wanted {
    pub(super) fn new(folder: PathBuf, format: Format) -> Self {
        let combined = format == Format::Combined;
        Self { folder, combined }
    }

    pub(super) fn format(&self) -> Format {
        match self.combined {
            true => Format::Combined,
            false => Format::JsonLines,
        }
    }
}

/// A word as its line.
pub(super) fn line(word: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(word)?;
    line.push(b'\n');
    Ok(line)
}

/// Says it.
pub(super) fn say(mut to: impl Write, word: &impl Serialize) -> io::Result<()> {
    to.write_all(&line(word)?)
}
