//! Which streams are open, and which never became an exchange: h2 refuses some by itself and tells nobody, nor when the
//! last of an answer has left, so the frames are watched as they pass (RFC 9113, section 4.1).
//!
//! A stream that the visitor opens is either accepted, in the order of opening, or the first frame that goes out on it
//! is h2's own refusal. A refusal leaves before any later stream is accepted; where the visitor takes nothing and it
//! cannot, a later stream may be named in its place: their number is always right.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use http::StatusCode;
use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::clock::Clock;
use crate::entry::NotARequest;
use crate::server::Exchanges;

/// `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`
const PREFACE: usize = 24;
const FRAME_HEAD: usize = 9;
const DATA: u8 = 0x0;
const HEADERS: u8 = 0x1;
const RST_STREAM: u8 = 0x3;
const END_STREAM: u8 = 0x1;
const REFUSED_STREAM: u32 = 0x7;

/// What became of one stream that is no exchange.
pub(super) type Refused = (Timestamp, Option<StatusCode>, NotARequest);

/// What is known of a connection's streams.
pub(super) struct Frames {
    clock: Clock,
    /// Bytes of the preface that are still to come.
    preface: usize,
    inbound: Direction,
    outbound: Direction,
    /// The newest stream of the visitor's.
    newest: u32,
    /// Opened, and neither accepted nor refused.
    undecided: VecDeque<(u32, Timestamp)>,
    refused: Vec<Refused>,
    open: Open,
}

impl Frames {
    pub(super) fn new(clock: Clock, exchanges: Exchanges) -> Self {
        Self {
            clock,
            preface: PREFACE,
            inbound: Direction::default(),
            outbound: Direction::default(),
            newest: 0,
            undecided: VecDeque::new(),
            refused: Vec::new(),
            open: Open {
                streams: VecDeque::new(),
                exchanges,
            },
        }
    }

    /// The next stream becomes an exchange, unless more are open than may be in all. A connection may never have more
    /// than are left for others, so that a few of them cannot take every place.
    pub(super) fn accept(&mut self, allowed: usize) -> Result<(), Refused> {
        let opened = self.undecided.pop_front();
        let opened = opened.map_or_else(|| self.clock.now(), |(_, opened)| opened);
        let Open { streams, exchanges } = &self.open;
        let before_the_undecided = |open: usize| open.saturating_sub(self.undecided.len());
        if before_the_undecided(exchanges.open()) + before_the_undecided(streams.len()) > allowed + 1 {
            return Err((opened, None, NotARequest::TooManyStreams));
        }
        Ok(())
    }

    /// The streams that were refused since this was last asked.
    pub(super) fn refused(&mut self) -> Vec<Refused> {
        std::mem::take(&mut self.refused)
    }

    /// When the streams were opened about which nothing was decided before the connection ended.
    pub(super) fn undecided(&mut self) -> impl Iterator<Item = Timestamp> {
        self.undecided.drain(..).map(|(_, opened)| opened)
    }

    /// Whether the connection has said that it speaks HTTP/2.
    pub(super) fn is_past_preface(&self) -> bool {
        self.preface == 0
    }

    /// Whether the connection has begun to say that it speaks HTTP/2, and not ended that.
    pub(super) fn is_in_preface(&self) -> bool {
        (1..PREFACE).contains(&self.preface)
    }

    fn read(&mut self, bytes: &[u8]) {
        let preface = self.preface.min(bytes.len());
        self.preface -= preface;
        let Self {
            clock,
            inbound,
            newest,
            undecided,
            open,
            ..
        } = self;
        inbound.pass(&bytes[preface..], |frame| {
            if frame.kind == HEADERS && frame.stream > *newest {
                *newest = frame.stream;
                open.begin(frame.stream);
                undecided.push_back((frame.stream, clock.now()));
            } else if frame.kind == RST_STREAM {
                open.end(frame.stream);
            }
        });
    }

    fn wrote(&mut self, bytes: &[u8]) {
        let Self {
            outbound,
            undecided,
            refused,
            open,
            ..
        } = self;
        outbound.pass(bytes, |frame| {
            if frame.ends_stream() {
                open.end(frame.stream);
            }
            let what = match (frame.kind, frame.code) {
                (HEADERS, _) => (
                    Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
                    NotARequest::HeadTooLarge,
                ),
                (RST_STREAM, REFUSED_STREAM) => (None, NotARequest::TooManyStreams),
                (RST_STREAM, _) => (None, NotARequest::Malformed),
                _ => return,
            };
            if let Ok(place) = undecided.binary_search_by_key(&frame.stream, |(stream, _)| *stream)
                && let Some((_, opened)) = undecided.remove(place)
            {
                refused.push((opened, what.0, what.1));
            }
        });
    }
}

/// The streams that are open until the last frame of their answers has left, whether they are exchanges or not.
struct Open {
    /// In ascending order.
    streams: VecDeque<u32>,
    exchanges: Exchanges,
}

impl Open {
    fn begin(&mut self, stream: u32) {
        self.streams.push_back(stream);
        self.exchanges.begin();
    }

    fn end(&mut self, stream: u32) {
        if let Ok(place) = self.streams.binary_search(&stream) {
            self.streams.remove(place);
            self.exchanges.end(1);
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.exchanges.end(self.streams.len());
    }
}

/// What of a frame is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    /// Of RST_STREAM: the error code.
    code: u32,
}

impl Frame {
    fn ends_stream(self) -> bool {
        self.kind == RST_STREAM || (matches!(self.kind, DATA | HEADERS) && self.flags & END_STREAM != 0)
    }
}

/// The frames of one direction, however its bytes are cut.
#[derive(Default)]
struct Direction {
    /// The head of a frame, and the code of RST_STREAM.
    head: [u8; FRAME_HEAD + 4],
    got: usize,
    /// Bytes of the payload that are still to pass.
    left: usize,
}

impl Direction {
    fn pass(&mut self, mut bytes: &[u8], mut each: impl FnMut(Frame)) {
        while !bytes.is_empty() {
            let skipped = self.left.min(bytes.len());
            self.left -= skipped;
            bytes = &bytes[skipped..];
            let taken = (self.wanted() - self.got).min(bytes.len());
            self.head[self.got..self.got + taken].copy_from_slice(&bytes[..taken]);
            self.got += taken;
            bytes = &bytes[taken..];
            if self.got == self.wanted() {
                let [l0, l1, l2, kind, flags, s0, s1, s2, s3, c0, c1, c2, c3] = self.head;
                let length = u32::from_be_bytes([0, l0, l1, l2]) as usize;
                self.left = length - (self.got - FRAME_HEAD);
                self.got = 0;
                each(Frame {
                    kind,
                    flags,
                    stream: u32::from_be_bytes([s0 & 0x7f, s1, s2, s3]),
                    code: u32::from_be_bytes([c0, c1, c2, c3]),
                });
            }
        }
    }

    /// How many bytes of the frame that has begun are looked at.
    fn wanted(&self) -> usize {
        let is_reset = self.got >= FRAME_HEAD && self.head[..4] == [0, 0, 4, RST_STREAM];
        if is_reset { FRAME_HEAD + 4 } else { FRAME_HEAD }
    }
}

/// A stream whose frames are watched.
pub(super) struct Watched<S> {
    stream: S,
    frames: Rc<RefCell<Frames>>,
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S, frames: Rc<RefCell<Frames>>) -> Self {
        Self { stream, frames }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.frames.borrow_mut().read(&buf.filled()[before..]);
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        if let Poll::Ready(Ok(written)) = polled {
            self.frames.borrow_mut().wrote(&buf[..written]);
        }
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        if let Poll::Ready(Ok(mut written)) = polled {
            for buf in bufs {
                let part = written.min(buf.len());
                self.frames.borrow_mut().wrote(&buf[..part]);
                written -= part;
            }
        }
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(kind: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut frame = vec![length[1], length[2], length[3], kind, 0];
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        frame
    }

    fn frames() -> Frames {
        let mut frames = Frames::new(Clock::system(), Exchanges::default());
        frames.read(&[0; PREFACE]);
        frames
    }

    fn kinds(frames: &mut Frames) -> Vec<NotARequest> {
        frames.refused().into_iter().map(|(_, _, what)| what).collect()
    }

    #[test]
    fn a_stream_that_is_refused_is_told_once_and_one_that_is_accepted_never() {
        let mut frames = frames();
        for stream in [1, 3, 5, 7] {
            frames.read(&frame(HEADERS, stream, b"fields"));
        }
        frames.wrote(&frame(RST_STREAM, 3, &[0, 0, 0, 1]));
        assert_eq!(kinds(&mut frames), [NotARequest::Malformed]);
        assert!(frames.accept(7).is_ok()); // 1
        assert!(frames.accept(7).is_ok()); // 5
        frames.read(&frame(HEADERS, 5, b"trailers"));
        frames.wrote(&frame(HEADERS, 1, b"answer"));
        frames.wrote(&frame(RST_STREAM, 5, &[0, 0, 0, 1]));
        frames.wrote(&frame(RST_STREAM, 3, &[0, 0, 0, 1]));
        assert_eq!(kinds(&mut frames), []);
        frames.wrote(&frame(HEADERS, 7, b"431"));
        frames.read(&frame(HEADERS, 9, b"fields"));
        frames.wrote(&frame(RST_STREAM, 9, &[0, 0, 0, 7]));
        assert_eq!(
            kinds(&mut frames),
            [NotARequest::HeadTooLarge, NotARequest::TooManyStreams]
        );
        frames.read(&frame(HEADERS, 11, b"fields"));
        assert_eq!(frames.undecided().count(), 1);
    }

    #[test]
    fn a_stream_is_open_until_its_last_frame_has_left_or_either_side_resets_it() {
        let exchanges = Exchanges::default();
        let mut frames = Frames::new(Clock::system(), exchanges.clone());
        frames.read(&[0; PREFACE]);
        for stream in [1, 3, 5, 7, 9] {
            frames.read(&frame(HEADERS, stream, b"fields"));
        }
        let mut last = frame(DATA, 1, b"answer");
        frames.wrote(&last);
        assert_eq!(exchanges.open(), 5);
        last[4] = END_STREAM;
        frames.wrote(&last);
        frames.wrote(&last);
        frames.read(&frame(RST_STREAM, 3, &[0, 0, 0, 8]));
        frames.wrote(&frame(RST_STREAM, 5, &[0, 0, 0, 1]));
        assert_eq!(exchanges.open(), 2);
        drop(frames);
        assert_eq!(exchanges.open(), 0);
    }

    #[test]
    fn a_connection_has_no_more_streams_than_exchanges_are_left_for_others() {
        let exchanges = Exchanges::default();
        let accepted = || {
            let mut frames = Frames::new(Clock::system(), exchanges.clone());
            frames.read(&[0; PREFACE]);
            let accepted = (0..100).take_while(|number| {
                frames.read(&frame(HEADERS, number * 2 + 1, b"fields"));
                let accepted = frames.accept(100).is_ok();
                if !accepted {
                    frames.wrote(&frame(RST_STREAM, number * 2 + 1, &[0, 0, 0, 7]));
                }
                accepted
            });
            (accepted.count(), frames)
        };
        let connections = [accepted(), accepted(), accepted(), accepted(), accepted(), accepted()];
        assert_eq!(connections.map(|(accepted, _)| accepted), [50, 25, 13, 6, 3, 2]);
    }

    proptest! {
        #[test]
        fn frames_are_the_same_however_their_bytes_are_cut(
            sent in proptest::collection::vec((0..10_u8, 0..8_u32, 0..40_usize), 0..20),
            cuts in proptest::collection::vec(1..30_usize, 1..40),
        ) {
            let (mut bytes, mut expected) = (Vec::new(), Vec::new());
            for (kind, stream, length) in sent {
                bytes.extend(frame(kind, stream, &vec![7; length]));
                expected.push((kind, stream));
            }
            let (mut direction, mut seen) = (Direction::default(), Vec::new());
            let mut rest = &bytes[..];
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, after) = rest.split_at((*cut).min(rest.len()));
                direction.pass(piece, |frame| seen.push((frame.kind, frame.stream)));
                rest = after;
            }
            prop_assert_eq!(seen, expected);
        }

        #[test]
        fn any_bytes_are_survived(pieces: Vec<Vec<u8>>) {
            let mut frames = Frames::new(Clock::system(), Exchanges::default());
            for (number, piece) in pieces.iter().enumerate() {
                if number % 2 == 0 { frames.read(piece) } else { frames.wrote(piece) }
            }
        }
    }
}
