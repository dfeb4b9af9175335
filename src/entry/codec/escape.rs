//! Escapes, so that nothing that was sent can end a string or a line.

/// Whether all of `text` is printable ASCII without quotes and backslashes: most texts are, and are copied as they are.
/// It looks at every byte rather than stop early, so that many are compared at a time.
fn is_plain(text: &[u8]) -> bool {
    text.iter().fold(true, |plain, &byte| plain & is_plain_byte(byte))
}

fn is_plain_byte(byte: u8) -> bool {
    (0x20..0x7f).contains(&byte) & (byte != b'"') & (byte != b'\\')
}

/// Appends `text` to a JSON string (RFC 8259, section 7). A sequence that is not UTF-8 becomes U+FFFD.
pub(super) fn json(out: &mut Vec<u8>, text: &[u8]) {
    if is_plain(text) {
        return out.extend_from_slice(text);
    }
    for chunk in text.utf8_chunks() {
        let mut valid = chunk.valid();
        while let Some(first) = valid.find(needs_escape) {
            let (before, rest) = valid.split_at(first);
            let mut rest = rest.chars();
            out.extend_from_slice(before.as_bytes());
            match rest.next() {
                Some(sign @ ('"' | '\\')) => out.extend_from_slice(&[b'\\', sign as u8]),
                Some(sign) => {
                    let [high, low] = (sign as u16).to_be_bytes();
                    out.extend_from_slice(b"\\u");
                    hexadecimal(out, high);
                    hexadecimal(out, low);
                }
                None => {}
            }
            valid = rest.as_str();
        }
        out.extend_from_slice(valid.as_bytes());
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
}

/// Quotes, controls of both sets, and signs that break lines or turn their direction. All have four digits at most.
fn needs_escape(sign: char) -> bool {
    matches!(sign, '"' | '\\' | '\0'..='\x1f' | '\x7f'..='\u{9f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Appends `text` to a quoted string of Combined Log Format: all but plain ASCII as `\xhh`.
pub(super) fn quoted(out: &mut Vec<u8>, text: &[u8]) {
    if is_plain(text) {
        return out.extend_from_slice(text);
    }
    for &byte in text {
        if is_plain_byte(byte) {
            out.push(byte)
        } else {
            escape(out, byte)
        }
    }
}

/// Appends `text` where no quotes stand around it: spaces and brackets are escaped too.
pub(super) fn bare(out: &mut Vec<u8>, text: &[u8]) {
    for &byte in text {
        let plain = is_plain_byte(byte) && !matches!(byte, b' ' | b'[' | b']');
        if plain { out.push(byte) } else { escape(out, byte) }
    }
}

fn escape(out: &mut Vec<u8>, byte: u8) {
    out.extend_from_slice(b"\\x");
    hexadecimal(out, byte);
}

fn hexadecimal(out: &mut Vec<u8>, byte: u8) {
    let digits = b"0123456789abcdef";
    out.extend_from_slice(&[digits[usize::from(byte >> 4)], digits[usize::from(byte & 0xf)]]);
}
