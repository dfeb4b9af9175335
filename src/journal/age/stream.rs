//! The payload: pieces of 64 KiB, each sealed, the last one marked, so that none can be changed, moved or cut off.

use std::io::{self, Read, Write};

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::key::KEY_LENGTH;
use super::{damaged, failed};

const PIECE: usize = 64 << 10;
const TAG: usize = 16;

/// The key of a payload, and the number of the next piece.
struct Pieces {
    /// `None` never happens: the key has the length that is asked for.
    key: Option<LessSafeKey>,
    next: u64,
}

impl Pieces {
    fn new(key: &[u8; KEY_LENGTH]) -> Self {
        let key = UnboundKey::new(&CHACHA20_POLY1305, key).ok().map(LessSafeKey::new);
        Self { key, next: 0 }
    }

    /// 11 bytes count, the last one marks the last piece.
    fn take(&mut self, last: bool) -> io::Result<(&LessSafeKey, Nonce)> {
        let mut nonce = [0; 12];
        nonce[3..11].copy_from_slice(&self.next.to_be_bytes());
        nonce[11] = last.into();
        self.next += 1;
        let key = self.key.as_ref().ok_or_else(|| failed(aws_lc_rs::error::Unspecified))?;
        Ok((key, Nonce::assume_unique_for_key(nonce)))
    }
}

/// Encrypts what is written. Nothing of it is whole before [`Sealing::finish`].
pub(crate) struct Sealing<W> {
    file: W,
    pieces: Pieces,
    piece: Vec<u8>,
}

impl<W: Write> Sealing<W> {
    pub(super) fn new(file: W, key: &[u8; KEY_LENGTH]) -> Self {
        let (pieces, piece) = (Pieces::new(key), Vec::with_capacity(PIECE + TAG));
        Self { file, pieces, piece }
    }

    fn write_piece(&mut self, last: bool) -> io::Result<()> {
        let (key, nonce) = self.pieces.take(last)?;
        key.seal_in_place_append_tag(nonce, Aad::empty(), &mut self.piece)
            .map_err(failed)?;
        self.file.write_all(&self.piece)?;
        self.piece.clear();
        Ok(())
    }

    /// Writes the last piece, and gives the file back.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.write_piece(true)?;
        Ok(self.file)
    }
}

impl<W: Write> Write for Sealing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.piece.len() == PIECE {
            self.write_piece(false)?; // only now is it known that it is not the last
        }
        let taken = bytes.len().min(PIECE - self.piece.len());
        self.piece.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Decrypts what is read. A piece is given out only after it was found unchanged.
pub(crate) struct Opened<R> {
    file: R,
    pieces: Pieces,
    /// The piece that is read ahead: whether it is the last is known by what follows.
    ahead: Vec<u8>,
    plain: Zeroizing<Vec<u8>>,
    given: usize,
    ended: bool,
}

impl<R: Read> Opened<R> {
    pub(super) fn new(file: R, key: &[u8; KEY_LENGTH]) -> Self {
        Self {
            file,
            pieces: Pieces::new(key),
            ahead: Vec::new(),
            plain: Zeroizing::new(Vec::new()),
            given: 0,
            ended: false,
        }
    }

    fn fetch(&mut self) -> io::Result<Vec<u8>> {
        let mut piece = Vec::with_capacity(PIECE + TAG);
        self.file.by_ref().take((PIECE + TAG) as u64).read_to_end(&mut piece)?;
        Ok(piece)
    }

    fn next_piece(&mut self) -> io::Result<()> {
        if self.pieces.next == 0 {
            self.ahead = self.fetch()?;
        }
        let following = match self.ahead.len() == PIECE + TAG {
            true => self.fetch()?,
            false => Vec::new(),
        };
        let last = following.is_empty();
        let first = self.pieces.next == 0;
        let mut piece = std::mem::replace(&mut self.ahead, following);
        let (key, nonce) = self.pieces.take(last)?;
        let length = match key.open_in_place(nonce, Aad::empty(), &mut piece) {
            Ok(plain) => plain.len(),
            Err(_) => return Err(damaged()),
        };
        if length == 0 && !first {
            return Err(damaged()); // an empty last piece would give one text two forms
        }
        piece.truncate(length);
        self.plain = Zeroizing::new(piece);
        self.given = 0;
        self.ended = last;
        Ok(())
    }
}

impl<R: Read> Read for Opened<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.plain.len() {
            if self.ended {
                return Ok(0);
            }
            self.next_piece()?;
        }
        let rest = self.plain.get(self.given..).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        self.given += length;
        Ok(length)
    }
}
