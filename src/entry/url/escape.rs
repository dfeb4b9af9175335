//! Percent-encoding, undone layer by layer, each byte knowing where it stands in what was sent.

/// How many layers are undone. Redirects nest two or three; nothing real nests five.
pub(super) const LAYERS: usize = 5;

/// A text with one or more layers of percent-encoding undone.
#[derive(Default)]
pub(super) struct Layer {
    /// The text.
    pub(super) text: Vec<u8>,
    /// Where each of its bytes begins in the text as sent, and where that text ends.
    pub(super) starts: Vec<u32>,
}

impl Layer {
    /// Undoes one layer of `text`, whose bytes begin at `starts`, or each at its own place if it was sent so.
    /// Says whether there was anything to undo.
    pub(super) fn decode(&mut self, text: &[u8], starts: Option<&[u32]>) -> bool {
        let start = |i: usize| starts.map_or(i as u32, |starts| starts[i]);
        self.text.clear();
        self.starts.clear();
        let mut i = 0;
        while i < text.len() {
            self.starts.push(start(i));
            if let Some(byte) = escaped(&text[i..]) {
                self.text.push(byte);
                i += 3;
            } else {
                self.text.push(text[i]);
                i += 1;
            }
        }
        self.starts.push(start(i));
        self.text.len() < text.len()
    }
}

/// The byte for which an escape at the start of `text` stands.
pub(super) fn escaped(text: &[u8]) -> Option<u8> {
    match text {
        [b'%', high, low, ..] => Some(hex(*high)? << 4 | hex(*low)?),
        _ => None,
    }
}

/// `text` with every layer undone.
pub(super) fn decode_fully(text: &[u8]) -> Vec<u8> {
    let mut layer = Layer::default();
    let mut text = text.to_vec();
    for _ in 0..LAYERS {
        if !layer.decode(&text, None) {
            break;
        }
        std::mem::swap(&mut text, &mut layer.text);
    }
    text
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}
