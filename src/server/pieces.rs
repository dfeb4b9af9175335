//! Several pieces in one write.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;

/// So many bytes are cheaper to copy than to have the system gather them: a head, and perhaps a short body.
const SHORT: usize = 2048;

/// Writes as [`AsyncWrite::poll_write_vectored`] does, but what is short in one piece.
pub(crate) fn poll_write_pieces<S: AsyncWrite + Unpin>(
    stream: &mut S,
    cx: &mut Context<'_>,
    pieces: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    let stream = Pin::new(stream);
    if let [piece] = pieces {
        return stream.poll_write(cx, piece);
    }
    let bytes = pieces.iter().map(|piece| piece.len()).sum();
    if bytes > SHORT {
        return stream.poll_write_vectored(cx, pieces);
    }
    let mut whole = [0; SHORT];
    let mut rest = &mut whole[..];
    for piece in pieces {
        let (place, behind) = rest.split_at_mut(piece.len());
        place.copy_from_slice(piece);
        rest = behind;
    }
    stream.poll_write(cx, &whole[..bytes])
}
