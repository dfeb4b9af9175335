//! An entry as a line of text.
//!
//! A line can neither be broken nor forged by what was sent: it ends in the only newline, and holds no control character
//! and no quote that is not the format's own.

mod address;
mod combined;
mod escape;
mod json;
mod time;

use super::Entry;
use crate::journal::Format;

/// Writes entries as lines of one format. It remembers the text of the current second, so keep one a journal.
#[derive(Debug)]
pub struct Encoder {
    format: Format,
    arrived: time::Rfc3339,
    arrived_combined: time::Combined,
    sent: time::Rfc3339,
}

impl Encoder {
    /// An encoder of this format.
    pub fn new(format: Format) -> Self {
        Self {
            format,
            arrived: time::Rfc3339::default(),
            arrived_combined: time::Combined::default(),
            sent: time::Rfc3339::default(),
        }
    }

    /// Appends `entry` to `out` as exactly one line that ends in `\n`, of 4,095 bytes at most: longer texts end in `[cut]`.
    ///
    /// JSON Lines holds an object a line, UTF-8, its members named after OpenTelemetry's attributes and nested at their dots;
    /// a field that is not kept, or was not there, is absent, but `url.path` is `null` where it is kept and there was none.
    /// Combined Log Format is printable ASCII; see [`Format::Combined`].
    pub fn encode(&mut self, entry: &Entry, out: &mut Vec<u8>) {
        match self.format {
            Format::JsonLines => json::encode(self, entry, out),
            Format::Combined => combined::encode(self, entry, out),
        }
    }
}

fn number(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// The version's number (OpenTelemetry, `network.protocol.version`).
fn version(version: http::Version) -> &'static str {
    match version {
        http::Version::HTTP_09 => "0.9",
        http::Version::HTTP_10 => "1.0",
        http::Version::HTTP_2 => "2",
        http::Version::HTTP_3 => "3",
        _ => "1.1",
    }
}
