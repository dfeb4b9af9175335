//! What is cut out of a URL: where, and what is said in its place.

use std::ops::Range;

/// What is said in place of what was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    /// The value of a parameter.
    Removed,
    /// An e-mail address.
    Email,
    /// A PESEL number.
    Pesel,
    /// A token.
    Token,
}

impl Label {
    fn text(self) -> &'static [u8] {
        match self {
            Self::Removed => b"[removed]",
            Self::Email => b"[email]",
            Self::Pesel => b"[pesel]",
            Self::Token => b"[token]",
        }
    }
}

/// A stretch of the URL as it was sent.
pub(super) type Cut = (Range<usize>, Label);

/// Collects cuts in a layer, and keeps them by their places in the URL as it was sent.
pub(super) struct Cuts<'a> {
    pub(super) found: &'a mut Vec<Cut>,
    pub(super) starts: Option<&'a [u32]>,
}

impl Cuts<'_> {
    /// Cuts `from..to` of the layer; nothing if that is empty.
    pub(super) fn add(&mut self, from: usize, to: usize, label: Label) {
        if from < to {
            let place = |i: usize| self.starts.map_or(i, |starts| starts[i] as usize);
            self.found.push((place(from)..place(to), label));
        }
    }
}

/// `text` without what was found. Stretches that overlap become one, named after the first and longest.
pub(super) fn apply(text: &[u8], mut found: Vec<Cut>) -> Vec<u8> {
    found.sort_by_key(|(place, _)| (place.start, usize::MAX - place.end));
    let mut out = Vec::with_capacity(text.len());
    let mut done = 0;
    let mut found = found.into_iter().peekable();
    while let Some((mut place, label)) = found.next() {
        while let Some((next, _)) = found.next_if(|(next, _)| next.start < place.end) {
            place.end = place.end.max(next.end);
        }
        out.extend_from_slice(&text[done..place.start]);
        out.extend_from_slice(label.text());
        done = place.end;
    }
    out.extend_from_slice(&text[done..]);
    out
}
