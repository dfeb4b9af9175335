//! What identifies a person wherever it stands: e-mail addresses, PESEL numbers, tokens.

use super::cut::{Cuts, Label};
use super::escape::escaped;
use super::pesel;

/// Cuts e-mail addresses.
///
/// An address is found by its `@`: letters, digits and a few signs before it, and behind it a host name whose last
/// label looks like a top-level domain. `logo@2x.png` is a picture.
pub(super) fn emails(text: &[u8], cuts: &mut Cuts<'_>) {
    for at in memchr::memchr_iter(b'@', text) {
        let mut from = at;
        while from > 0 && is_local(text[from - 1]) && !(from >= 3 && escaped(&text[from - 3..]).is_some()) {
            from -= 1;
        }
        let host = &text[at + 1..];
        let host = &host[..host.iter().position(|&byte| !is_host(byte)).unwrap_or(host.len())];
        if from == at || is_picture(host) {
            continue;
        }
        if let Some(length) = host_length(host) {
            cuts.add(from, at + 1 + length, Label::Email);
        }
    }
}

fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80 || b".!$'*+-^_`{|}~".contains(&byte)
}

fn is_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80 || matches!(byte, b'.' | b'-')
}

/// How many bytes of `host`, from its start, are a host name with a top-level domain: letters, two at least.
fn host_length(host: &[u8]) -> Option<usize> {
    let mut end = host.len();
    while let Some(dot) = memchr::memrchr(b'.', &host[..end]) {
        let label = &host[dot + 1..end];
        let is_letter = |byte: &u8| byte.is_ascii_alphabetic() || *byte >= 0x80;
        let encoded = label.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"xn--"));
        let letters = label.iter().position(|byte| !is_letter(byte)).unwrap_or(label.len());
        if dot > 0 && letters >= 2 {
            return Some(if encoded { end } else { dot + 1 + letters });
        }
        end = dot;
    }
    None
}

/// Pictures for dense screens are named `logo@2x.png`.
fn is_picture(host: &[u8]) -> bool {
    let (density, kind) = host.split_at(host.len().min(3));
    let kinds = ["png", "jpg", "jpeg", "gif", "webp", "svg", "avif"];
    matches!(density, [b'1'..=b'9', b'x' | b'X', b'.'])
        && kinds.iter().any(|name| kind.eq_ignore_ascii_case(name.as_bytes()))
}

/// Cuts PESEL numbers and, if they have `tokens` bytes or more, tokens.
pub(super) fn numbers_and_tokens(text: &[u8], pesel: bool, tokens: Option<u16>, cuts: &mut Cuts<'_>) {
    let tokens = tokens.map(usize::from);
    let shortest = if pesel { pesel::DIGITS } else { usize::MAX }
        .min(tokens.unwrap_or(usize::MAX))
        .min(JWT);
    let mut i = 0;
    while i < text.len() {
        if is_word(text[i]) {
            let from = i;
            while i < text.len() && is_word(text[i]) {
                i += 1;
            }
            if i - from < shortest {
                continue;
            }
            let count = text[from..i].iter().filter(|byte| byte.is_ascii_digit()).count();
            if pesel && count >= pesel::DIGITS {
                digits(text, from, i, cuts);
            }
            if let Some(shortest) = tokens
                && (count > 0 || text[from..].starts_with(OBJECT))
            {
                i = token(text, from, i, shortest, cuts);
            }
        } else if escaped(&text[i..]).is_some() {
            // A percent sign before a number may be an escape or a wildcard: in doubt, the number goes.
            if pesel {
                let end = text[i + 1..].iter().position(|byte| !byte.is_ascii_alphanumeric());
                digits(text, i + 1, end.map_or(text.len(), |end| i + 1 + end), cuts);
            }
            i += 3;
        } else {
            i += 1;
        }
    }
}

fn is_word(byte: u8) -> bool {
    WORD[byte as usize]
}

/// A look-up costs less than five comparisons, and every byte of every URL is asked.
const WORD: [bool; 256] = {
    let mut word = [false; 256];
    let mut byte = 0u8;
    while byte < 128 {
        word[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        byte += 1;
    }
    word
};

/// Cuts PESEL numbers out of the word `from..to`: exactly eleven digits in a row.
fn digits(text: &[u8], from: usize, to: usize, cuts: &mut Cuts<'_>) {
    let mut start = from;
    for run in text[from..to].split(|byte| !byte.is_ascii_digit()) {
        if pesel::is_valid(run) {
            cuts.add(start, start + run.len(), Label::Pesel);
        }
        start += run.len() + 1;
    }
}

/// How base64url begins an object, `{"`.
const OBJECT: &[u8] = b"eyJ";

/// The shortest JSON Web Token's first part, `{"alg":"none"}`, has this many bytes.
const JWT: usize = 17;

/// Cuts the word `from..to` if it is a token or holds one, and says where to go on.
fn token(text: &[u8], from: usize, to: usize, shortest: usize, cuts: &mut Cuts<'_>) -> usize {
    if let Some(end) = json_web_token(text, from, to) {
        cuts.add(from, end, Label::Token);
        return end;
    }
    let mut start = from;
    while let Some(place) = text[start..to].windows(UUID.len()).position(is_uuid) {
        let uuid = start + place;
        random(text, start, uuid, shortest, cuts);
        start = uuid + UUID.len();
        cuts.add(uuid, start, Label::Token);
    }
    random(text, start, to, shortest, cuts);
    to
}

/// Cuts `from..to` if it looks random as a whole, or else its parts that do.
fn random(text: &[u8], from: usize, to: usize, shortest: usize, cuts: &mut Cuts<'_>) {
    let word = &text[from..to];
    if word.len() < shortest {
        return;
    }
    if looks_random(word, shortest) {
        return cuts.add(from, to, Label::Token);
    }
    let mut start = from;
    for run in word.split(|byte| !byte.is_ascii_alphanumeric()) {
        if run.len() >= shortest && run.iter().any(u8::is_ascii_digit) {
            cuts.add(start, start + run.len(), Label::Token);
        }
        start += run.len() + 1;
    }
}

/// The end of a JSON Web Token (RFC 7519) that begins here.
fn json_web_token(text: &[u8], from: usize, to: usize) -> Option<usize> {
    if to - from < JWT || !text[from..].starts_with(OBJECT) || text.get(to) != Some(&b'.') {
        return None;
    }
    let more = text[to..].iter().position(|&byte| !is_word(byte) && byte != b'.');
    Some(more.map_or(text.len(), |more| to + more))
}

/// Whether a word with dashes is base64url rather than a slug: the parts between its dashes that mix digits with
/// letters, or small letters with capitals behind them, are long enough together.
fn looks_random(word: &[u8], shortest: usize) -> bool {
    let mixed = |part: &&[u8]| {
        let small = part.iter().position(u8::is_ascii_lowercase).unwrap_or(part.len());
        let digit = part.iter().any(u8::is_ascii_digit);
        part[small..].iter().any(u8::is_ascii_uppercase) || digit && part.iter().any(u8::is_ascii_alphabetic)
    };
    let parts = word.split(|byte| !byte.is_ascii_alphanumeric());
    word.iter().any(u8::is_ascii_digit) && parts.filter(mixed).map(<[u8]>::len).sum::<usize>() >= shortest
}

/// The shape of a UUID (RFC 9562, section 4).
const UUID: &[u8] = b"xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

fn is_uuid(text: &[u8]) -> bool {
    text.len() == UUID.len()
        && text.iter().zip(UUID).all(|(byte, shape)| {
            if *shape == b'-' {
                *byte == b'-'
            } else {
                byte.is_ascii_hexdigit()
            }
        })
}
