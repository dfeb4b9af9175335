//! What h2 writes leaves in one piece, once the connection has been polled.
//!
//! h2 writes and flushes each DATA frame by itself. Over TLS each would be a record and a system call of its own, for
//! every one of the streams whose answers come at the same time.

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What is gathered never has more bytes, which a TLS record can hold. Larger pieces are not copied.
const FULL: usize = 16 * 1024;

/// A stream that gathers what is written to it, and the same stream for whoever says when that leaves.
pub(super) struct Gathered<S>(Rc<RefCell<Outlet<S>>>);

struct Outlet<S> {
    stream: S,
    bytes: BytesMut,
    /// Whether all that the stream was given has left it.
    flushed: bool,
    /// How the stream failed while nobody was writing, to be told to the next who does.
    failed: Option<ErrorKind>,
}

impl<S> Gathered<S> {
    pub(super) fn new(stream: S) -> Self {
        Self(Rc::new(RefCell::new(Outlet {
            stream,
            bytes: BytesMut::new(),
            flushed: true,
            failed: None,
        })))
    }

    /// The same stream.
    pub(super) fn again(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<S: AsyncWrite + Unpin> Gathered<S> {
    /// Sends what was gathered, as far as it goes. To be called whenever the connection has been polled.
    pub(super) fn leave(&self, cx: &mut Context<'_>) {
        let outlet = &mut *self.0.borrow_mut();
        if let Poll::Ready(Err(error)) = outlet.poll_leave(cx) {
            outlet.failed = Some(error.kind());
            cx.waker().wake_by_ref(); // for the connection to learn of it
        }
    }
}

impl<S: AsyncWrite + Unpin> Outlet<S> {
    fn poll_leave(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_write_out(cx))?;
        if !self.flushed {
            ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
            self.flushed = true;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.is_well()?;
        while !self.bytes.is_empty() {
            self.flushed = false;
            match ready!(Pin::new(&mut self.stream).poll_write(cx, &self.bytes))? {
                0 => return Poll::Ready(Err(ErrorKind::WriteZero.into())),
                written => self.bytes.advance(written),
            }
        }
        self.bytes = BytesMut::new(); // an idle connection holds nothing
        Poll::Ready(Ok(()))
    }

    fn is_well(&self) -> io::Result<()> {
        self.failed.map_or(Ok(()), |kind| Err(kind.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gathered<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0.borrow_mut().stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gathered<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[io::IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outlet = &mut *self.0.borrow_mut();
        outlet.is_well()?;
        let bytes = bufs.iter().map(|buf| buf.len()).sum();
        if outlet.bytes.len() + bytes > FULL {
            ready!(outlet.poll_write_out(cx))?;
            if bytes > FULL {
                outlet.flushed = false;
                return Pin::new(&mut outlet.stream).poll_write_vectored(cx, bufs);
            }
        }
        bufs.iter().for_each(|buf| outlet.bytes.extend_from_slice(buf));
        Poll::Ready(Ok(bytes))
    }

    fn is_write_vectored(&self) -> bool {
        self.0.borrow().stream.is_write_vectored()
    }

    /// It is not the time yet.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.0.borrow().is_well())
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outlet = &mut *self.0.borrow_mut();
        ready!(outlet.poll_leave(cx))?;
        Pin::new(&mut outlet.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use proptest::prelude::*;

    use super::*;

    /// Takes as many bytes as it has room for, and then fails if it is broken.
    #[derive(Default)]
    struct Socket {
        room: usize,
        broken: bool,
        pieces: Vec<Vec<u8>>,
    }

    impl AsyncWrite for Socket {
        fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
            let taken = buf.len().min(self.room);
            match taken {
                0 if self.broken => return Poll::Ready(Err(ErrorKind::BrokenPipe.into())),
                0 => return Poll::Pending,
                _ => self.room -= taken,
            }
            self.pieces.push(buf[..taken].to_vec());
            Poll::Ready(Ok(taken))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    fn write(gathered: &Gathered<Socket>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let cx = &mut Context::from_waker(Waker::noop());
        let written = Pin::new(&mut gathered.again()).poll_write(cx, bytes);
        let flushed = Pin::new(&mut gathered.again()).poll_flush(cx);
        match (written, flushed) {
            (written, Poll::Ready(Ok(()))) => written,
            (_, Poll::Ready(Err(error))) => Poll::Ready(Err(error)),
            (_, Poll::Pending) => Poll::Pending,
        }
    }

    fn leave(gathered: &Gathered<Socket>) {
        gathered.leave(&mut Context::from_waker(Waker::noop()));
    }

    fn with_room(room: usize) -> Gathered<Socket> {
        Gathered::new(Socket {
            room,
            ..Socket::default()
        })
    }

    #[test]
    fn what_is_written_and_flushed_leaves_in_one_piece() {
        let gathered = with_room(usize::MAX);
        for piece in [&b"one"[..], b"two", b"three"] {
            assert!(matches!(write(&gathered, piece), Poll::Ready(Ok(bytes)) if bytes == piece.len()));
        }
        assert!(gathered.0.borrow().stream.pieces.is_empty());
        leave(&gathered);
        assert_eq!(gathered.0.borrow().stream.pieces, [b"onetwothree"]);
        assert_eq!(gathered.0.borrow().bytes.capacity(), 0, "nothing is held");
    }

    #[test]
    fn a_failure_is_told_to_the_next_who_writes() {
        let gathered = with_room(3);
        gathered.0.borrow_mut().stream.broken = true;
        assert!(write(&gathered, b"one, two").is_ready());
        leave(&gathered);
        assert!(matches!(write(&gathered, b"three"), Poll::Ready(Err(error)) if error.kind() == ErrorKind::BrokenPipe));
    }

    proptest! {
        #[test]
        fn every_byte_leaves_once_and_in_order_and_few_are_held(
            pieces in prop::collection::vec((1..40_000_usize, 0..50_000_usize, any::<bool>()), 1..30),
        ) {
            let gathered = with_room(0);
            let mut sent = Vec::new();
            for (number, (bytes, room, leaves)) in pieces.into_iter().enumerate() {
                gathered.0.borrow_mut().stream.room = room;
                if let Poll::Ready(written) = write(&gathered, &vec![number as u8; bytes]) {
                    sent.extend(vec![number as u8; written.unwrap()]);
                }
                if leaves {
                    leave(&gathered);
                }
                prop_assert!(gathered.0.borrow().bytes.len() <= FULL);
            }
            gathered.0.borrow_mut().stream.room = usize::MAX;
            leave(&gathered);
            prop_assert!(gathered.0.borrow().stream.pieces.concat() == sent);
        }
    }
}
