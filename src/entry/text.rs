//! A text that is kept: a piece of what was sent, shared without a copy, or one made anew.

use std::ops::Range;

use http::HeaderValue;

/// Bytes to be written; not checked to be UTF-8.
pub(super) enum Text {
    /// This piece of a field's value.
    Sent(HeaderValue, Range<usize>),
    /// What was left of one.
    Made(Box<[u8]>),
}

impl Text {
    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Sent(value, piece) => value.as_bytes().get(piece.clone()).unwrap_or_default(),
            Self::Made(text) => text,
        }
    }
}
