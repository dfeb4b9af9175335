//! Words that sockets come with (SCM_RIGHTS, unix(7)).

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::cmsg_space;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};

use super::words::{Before, line};

/// So many come with a word at most; the kernel would allow 253.
pub(super) const AT_ONCE: usize = 64;

/// Says a word that sockets come with.
pub(super) fn send(mut stream: &UnixStream, word: &Before, sockets: &[BorrowedFd<'_>]) -> io::Result<()> {
    let line = line(word)?;
    let sent = transmit(stream, &line, sockets)?;
    stream.write_all(line.get(sent..).unwrap_or_default())
}

/// Sends sockets with some of the bytes, and says with how many.
pub(super) fn transmit(stream: &UnixStream, bytes: &[u8], sockets: &[BorrowedFd<'_>]) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(AT_ONCE))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(sockets)) {
        return Err(ErrorKind::InvalidInput.into());
    }
    let from = [IoSlice::new(bytes)];
    Ok(rustix::net::sendmsg(stream, &from, &mut control, SendFlags::NOSIGNAL)?)
}

/// Receives bytes, and says how many, with the sockets that come with them.
pub(super) fn receive(stream: &UnixStream, bytes: &mut [u8], sockets: &mut Vec<OwnedFd>) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(AT_ONCE))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let into = &mut [IoSliceMut::new(bytes)];
    let received = rustix::net::recvmsg(stream, into, &mut control, RecvFlags::CMSG_CLOEXEC)?;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(more) = message {
            sockets.extend(more);
        }
    }
    Ok(received.bytes)
}

/// Hears words, and keeps the sockets that come with them.
pub(super) struct Hearing {
    stream: UnixStream,
    unread: Vec<u8>,
    pub(super) sockets: VecDeque<OwnedFd>,
}

impl Hearing {
    pub(super) fn new(stream: UnixStream) -> Self {
        Self {
            stream,
            unread: Vec::new(),
            sockets: VecDeque::new(),
        }
    }

    /// The next word; `None` if none comes any more.
    pub(super) fn next(&mut self) -> io::Result<Option<Before>> {
        loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                return Ok(Some(serde_json::from_slice(&line)?));
            }
            let (mut bytes, mut sockets) = ([0; 4096], Vec::new());
            let heard = receive(&self.stream, &mut bytes, &mut sockets)?;
            self.sockets.extend(sockets);
            match bytes.get(..heard) {
                None | Some([]) => return Ok(None),
                Some(more) => self.unread.extend_from_slice(more),
            }
        }
    }

    /// To speak to whoever is heard.
    pub(super) fn stream(&self) -> &UnixStream {
        &self.stream
    }

    /// The stream, of which nothing was read that was not heard: the other side waits to be answered.
    pub(super) fn into_stream(self) -> UnixStream {
        self.stream
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsFd;

    use super::*;
    use crate::server::inherited::{Of, Place};

    #[test]
    fn sockets_come_with_their_words_and_connections_that_wait_in_them_too() {
        let (here, there) = UnixStream::pair().expect("a pair");
        let listeners: Vec<_> = (0..3)
            .map(|_| TcpListener::bind("127.0.0.1:0").expect("a port"))
            .collect();
        let addresses: Vec<_> = listeners
            .iter()
            .map(|listener| listener.local_addr().expect("an address"))
            .collect();
        let visitor = TcpStream::connect(addresses[1]).expect("the kernel accepts");
        let places = addresses.iter().map(|address| Place {
            of: Of::Http,
            address: address.to_string(),
            stays: false,
        });
        let sockets: Vec<_> = listeners.iter().map(AsFd::as_fd).collect();
        send(&here, &Before::Sockets(places.collect()), &sockets).expect("it is sent");
        send(&here, &Before::Prepare, &[sockets[0]]).expect("it is sent");
        drop(listeners);
        drop(here);

        let mut hearing = Hearing::new(there);
        let Some(Before::Sockets(places)) = hearing.next().expect("a word") else {
            panic!("another word")
        };
        assert_eq!((places.len(), hearing.sockets.len()), (3, 3));
        assert!(matches!(hearing.next().expect("a word"), Some(Before::Prepare)));
        assert_eq!(hearing.sockets.len(), 4);
        assert!(hearing.next().expect("the end").is_none());
        let passed = TcpListener::from(hearing.sockets.remove(1).expect("the second"));
        let (_, peer) = passed.accept().expect("who waited");
        assert_eq!(peer, visitor.local_addr().expect("an address"));
    }
}
