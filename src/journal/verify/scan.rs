//! The lines of one segment, out of a buffer, without a copy of each.

use std::io::{self, Read};

use crate::journal::segment::CANCEL;

/// The buffer to begin with, in bytes.
const BUFFER: usize = 256 * 1024;

/// No line is longer, in bytes; what has no end so far off is no line.
const LINE_MAX: usize = 16 << 20;

/// Reads lines up to the first that is void: the rule stands in the journal's own text.
pub(crate) struct Scanner {
    text: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    /// What of the buffer was read from the file, and not yet given out.
    from: usize,
    to: usize,
    /// Where `from` is in the file.
    place: u64,
    void: bool,
}

/// A line without its `\n`, and where it begins in the file.
pub(crate) struct Line<'a> {
    pub(crate) text: &'a [u8],
    pub(crate) place: u64,
}

impl Scanner {
    pub(crate) fn new(text: Box<dyn Read + Send>) -> Self {
        Self {
            text,
            buffer: vec![0; BUFFER],
            from: 0,
            to: 0,
            place: 0,
            void: false,
        }
    }

    /// Whether reading ended at a line that is void, and not where there was nothing more.
    pub(crate) fn stopped_at_a_void_line(&self) -> bool {
        self.void
    }

    /// How far whole lines were read, in bytes.
    pub(crate) fn place(&self) -> u64 {
        self.place
    }

    /// The next line; `None` where there is none, or one that is void or has no end.
    pub(crate) fn next_line(&mut self) -> io::Result<Option<Line<'_>>> {
        let mut seen = self.from;
        let end = loop {
            let unread = self.buffer.get(seen..self.to).unwrap_or_default();
            match memchr::memchr3(b'\n', 0, CANCEL, unread) {
                Some(at) if unread.get(at) == Some(&b'\n') => break seen + at,
                Some(_) => {
                    self.void = true;
                    return Ok(None);
                }
                None => {}
            }
            let known = self.to - self.from;
            if known >= LINE_MAX {
                self.void = true;
                return Ok(None);
            }
            if self.fill()? == 0 {
                return Ok(None);
            }
            seen = self.from + known;
        };
        let (from, place) = (self.from, self.place);
        self.from = end + 1;
        self.place += (end + 1 - from) as u64;
        let text = self.buffer.get(from..end).unwrap_or_default();
        Ok(Some(Line { text, place }))
    }

    /// Reads to the end, and gives how many bytes stand behind the last whole line that was given out.
    pub(crate) fn rest(&mut self) -> io::Result<u64> {
        let mut rest = 0;
        loop {
            rest += (self.to - self.from) as u64;
            (self.from, self.to) = (0, 0);
            if self.fill()? == 0 {
                return Ok(rest);
            }
        }
    }

    /// Reads more behind what is there.
    fn fill(&mut self) -> io::Result<usize> {
        self.buffer.copy_within(self.from..self.to, 0);
        self.to -= self.from;
        self.from = 0;
        if self.to == self.buffer.len() {
            self.buffer.resize(2 * self.to, 0);
        }
        let free = self.buffer.get_mut(self.to..).unwrap_or_default();
        let read = loop {
            match self.text.read(free) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        self.to += read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::journal::segment::Scan;

    /// Gives a few bytes at a time.
    struct Drops(Vec<u8>, usize);

    impl Read for Drops {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = self.1.min(self.0.len()).min(buffer.len());
            buffer[..length].copy_from_slice(&self.0[..length]);
            self.0.drain(..length);
            Ok(length)
        }
    }

    #[test]
    fn a_line_longer_than_the_buffer_is_whole() {
        let long = vec![b'a'; 3 * BUFFER];
        let mut scanner = Scanner::new(Box::new(Drops([b"x\n", &long[..], b"\ny\n"].concat(), BUFFER / 3)));
        let mut lengths = Vec::new();
        while let Some(line) = scanner.next_line().unwrap() {
            lengths.push((line.text.len(), line.place));
        }
        assert_eq!(lengths, [(1, 0), (3 * BUFFER, 2), (1, 3 * BUFFER as u64 + 3)]);
    }

    proptest! {
        #[test]
        fn the_same_lines_count_as_at_a_start(bytes in "[\n\u{0}\u{18}a]{0,60}", drops in 1..9_usize) {
            let mut scanner = Scanner::new(Box::new(Drops(bytes.clone().into_bytes(), drops)));
            let mut lines = 0;
            while let Some(line) = scanner.next_line().unwrap() {
                let end = line.place as usize + line.text.len();
                prop_assert_eq!(line.text, &bytes.as_bytes()[line.place as usize..end]);
                lines += 1;
            }
            prop_assert_eq!(lines, Scan::of(bytes.as_bytes()).unwrap().lines);
        }
    }
}
