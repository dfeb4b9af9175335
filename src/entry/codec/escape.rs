//! Escapes, so that nothing that was sent can end a string or a line.

use crate::entry::text::Limit;

/// Whether all of `text` is printable ASCII without quotes and backslashes: most texts are, and are copied as they are.
/// It looks at every byte rather than stop early, so that many are compared at a time.
fn is_plain(text: &[u8]) -> bool {
    text.iter().fold(true, |plain, &byte| plain & is_plain_byte(byte))
}

fn is_plain_byte(byte: u8) -> bool {
    (0x20..0x7f).contains(&byte) & (byte != b'"') & (byte != b'\\')
}

const CUT: &[u8] = b"[cut]";

/// How many bytes a text may have. One that ends in the mark of a cut has room for it too, so that what is read from a
/// line and written again is not cut twice.
fn room(text: &[u8], limit: Limit) -> usize {
    limit as usize + if text.ends_with(CUT) { CUT.len() } else { 0 }
}

/// Appends what is plain as it is, as far as `limit` goes; says whether it was.
fn plain(out: &mut Vec<u8>, text: &[u8], limit: Limit) -> bool {
    let fits = text.len() <= room(text, limit);
    let short = if fits { text } else { &text[..limit as usize] };
    let plain = is_plain(short);
    if plain {
        out.extend_from_slice(short);
        if !fits {
            out.extend_from_slice(CUT);
        }
    }
    plain
}

/// Appends sign after sign; if they need more than `room`, as far as `limit` goes.
fn each<T>(
    out: &mut Vec<u8>,
    signs: impl Iterator<Item = T>,
    limit: Limit,
    room: usize,
    write: impl Fn(&mut Vec<u8>, T),
) {
    let start = out.len();
    let mut cut = start;
    for sign in signs {
        if out.len() - start <= limit as usize {
            cut = out.len();
        }
        write(out, sign);
        if out.len() - start > room {
            out.truncate(cut);
            return out.extend_from_slice(CUT);
        }
    }
}

/// Appends `text` to a JSON string (RFC 8259, section 7). A sequence that is not UTF-8 becomes U+FFFD.
pub(super) fn json(out: &mut Vec<u8>, text: &[u8], limit: Limit) {
    if plain(out, text, limit) {
        return;
    }
    let signs = text.utf8_chunks().flat_map(|chunk| {
        let invalid = (!chunk.invalid().is_empty()).then_some('\u{fffd}');
        chunk.valid().chars().chain(invalid)
    });
    each(out, signs, limit, room(text, limit), json_sign);
}

fn json_sign(out: &mut Vec<u8>, sign: char) {
    match sign {
        '"' | '\\' => out.extend_from_slice(&[b'\\', sign as u8]),
        _ if needs_escape(sign) => {
            let [high, low] = (sign as u16).to_be_bytes();
            out.extend_from_slice(b"\\u");
            hexadecimal(out, high);
            hexadecimal(out, low);
        }
        _ => out.extend_from_slice(sign.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

/// Quotes, controls of both sets, and signs that break lines or turn their direction. All have four digits at most.
fn needs_escape(sign: char) -> bool {
    matches!(sign, '"' | '\\' | '\0'..='\x1f' | '\x7f'..='\u{9f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Appends `text` to a quoted string of Combined Log Format: all but plain ASCII as `\xhh`.
pub(super) fn quoted(out: &mut Vec<u8>, text: &[u8], limit: Limit) {
    if !plain(out, text, limit) {
        each(out, text.iter(), limit, room(text, limit), |out, &byte| {
            if is_plain_byte(byte) {
                out.push(byte)
            } else {
                escape(out, byte)
            }
        });
    }
}

/// Appends `text` where no quotes stand around it: spaces and brackets are escaped too, but not those of the mark of a
/// cut. A text that was cut is cut again where it was: the escape of its bracket is as long as any.
pub(super) fn bare(out: &mut Vec<u8>, text: &[u8], limit: Limit) {
    each(out, text.iter(), limit, limit as usize, |out, &byte| {
        let plain = is_plain_byte(byte) && !matches!(byte, b' ' | b'[' | b']');
        if plain { out.push(byte) } else { escape(out, byte) }
    });
}

fn escape(out: &mut Vec<u8>, byte: u8) {
    out.extend_from_slice(b"\\x");
    hexadecimal(out, byte);
}

fn hexadecimal(out: &mut Vec<u8>, byte: u8) {
    let digits = b"0123456789abcdef";
    out.extend_from_slice(&[digits[usize::from(byte >> 4)], digits[usize::from(byte & 0xf)]]);
}
