//! Notes that stand one after the other in a file, as they do in `checkpoints`: the text, an empty line, the signature
//! lines; the next note begins at the next line that is none.

use std::io::{self, BufRead, BufReader, Read};

use crate::journal::checkpoint::{OpenError, Signed};
use crate::journal::note::{Note, NoteError, VerifierKey};

const SIGNATURE: &[u8] = "— ".as_bytes();

/// Reads notes one after the other.
pub(in crate::journal) struct Notes {
    text: BufReader<Box<dyn Read + Send>>,
    /// A line that was read, and belongs to the next note.
    ahead: Vec<u8>,
    /// Where it begins, in bytes.
    place: u64,
    /// How many notes were given out.
    count: u64,
}

/// What stands where a note should.
pub(in crate::journal) struct Found {
    /// Its number, from 0 on.
    pub(in crate::journal) note: u64,
    /// Where it begins, in bytes.
    pub(super) byte: u64,
    /// The bytes, up to the next note.
    bytes: Vec<u8>,
    /// Whether it is the last, and has no end.
    pub(super) torn: bool,
}

impl Found {
    pub(in crate::journal) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn open(&self, key: &VerifierKey) -> Result<Signed, OpenError> {
        Signed::open(&self.bytes, key)
    }
}

impl Notes {
    pub(in crate::journal) fn new(text: Box<dyn Read + Send>) -> Self {
        Self {
            text: BufReader::with_capacity(64 * 1024, text),
            ahead: Vec::new(),
            place: 0,
            count: 0,
        }
    }

    pub(in crate::journal) fn next_note(&mut self) -> io::Result<Option<Found>> {
        let byte = self.place;
        let mut bytes = std::mem::take(&mut self.ahead);
        let mut signed = false;
        loop {
            // A note has a largest size: what goes on longer is none, however it goes on.
            let room = (Note::BYTES_MAX + 1).saturating_sub(bytes.len()) as u64;
            let mut line = Vec::new();
            (&mut self.text).take(room).read_until(b'\n', &mut line)?;
            let signature = line.starts_with(SIGNATURE);
            if line.is_empty() || (signed && !signature) {
                self.ahead = line;
                break;
            }
            signed |= signature;
            bytes.extend_from_slice(&line);
        }
        if bytes.is_empty() {
            return Ok(None);
        }
        self.place += bytes.len() as u64;
        let note = self.count;
        self.count += 1;
        let ended = signed && bytes.ends_with(b"\n");
        let torn = !ended && self.ahead.is_empty() && bytes.len() <= Note::BYTES_MAX;
        Ok(Some(Found {
            note,
            byte,
            bytes,
            torn,
        }))
    }
}

/// The checkpoints of a log in a text with one note or more. Those of other keys are passed over.
pub(super) fn checkpoints(text: &[u8], keys: &[Option<&VerifierKey>]) -> Result<Vec<(usize, Signed)>, OpenError> {
    let mut notes = Notes::new(Box::new(io::Cursor::new(text.to_vec())));
    let mut found = Vec::new();
    // Reading from memory does not fail.
    while let Ok(Some(note)) = notes.next_note() {
        let mut why = None;
        let of = keys.iter().enumerate().find_map(|(log, key)| match note.open((*key)?) {
            Ok(signed) => Some((log, signed)),
            // What is wrong with it says more than that it is another log's.
            Err(error) if matches!(why, None | Some(OpenError::Signature(_))) => {
                why = Some(error);
                None
            }
            Err(_) => None,
        });
        match (of, why) {
            (Some(of), _) => found.push(of),
            (None, Some(error)) => return Err(error),
            (None, None) => {} // no key was asked
        }
    }
    match found.is_empty() {
        true => Err(OpenError::Note(NoteError::NotText)),
        false => Ok(found),
    }
}
