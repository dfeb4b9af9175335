//! What a style sheet calls: `@import` and `url()` (CSS Syntax Level 3, section 4; CSS Cascade, section 2).
//!
//! Only as far as that: comments, strings and escapes are told apart from the rest, and nothing is nested.

/// What is called, as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// Another style sheet.
    Import(String),
    /// Anything else: a font, an image.
    Url(String),
}

/// Everything that a style sheet calls, in order.
pub(super) fn calls(sheet: &str) -> Vec<Call> {
    let mut rest = sheet;
    let mut found = Vec::new();
    let mut importing = false;
    while let Some(first) = rest.chars().next() {
        if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/").map_or("", |(_, after)| after);
        } else if matches!(first, '"' | '\'') {
            let (text, after) = string(&rest[1..], first);
            if importing {
                found.push(Call::Import(text));
            }
            (importing, rest) = (false, after);
        } else if let Some(after) = word(rest, "@import") {
            (importing, rest) = (true, after);
        } else if let Some(inside) = word(rest, "url(") {
            let (text, after) = url(inside);
            found.push(if importing { Call::Import(text) } else { Call::Url(text) });
            (importing, rest) = (false, after);
        } else {
            importing &= first.is_ascii_whitespace();
            rest = &rest[first.len_utf8()..];
        }
    }
    found.retain(|(Call::Import(url) | Call::Url(url))| !url.is_empty());
    found
}

/// What follows a word, ASCII letters compared without case.
fn word<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let start = text.get(..word.len())?;
    start.eq_ignore_ascii_case(word).then(|| &text[word.len()..])
}

/// A string up to its quote, or to the end of a line that forgot it; and what follows.
fn string(text: &str, quote: char) -> (String, &str) {
    until(text, |sign| sign == quote || sign == '\n')
}

/// What stands in `url(…)`, quoted or not; and what follows.
fn url(text: &str) -> (String, &str) {
    let text = text.trim_start();
    match text.chars().next() {
        Some(quote @ ('"' | '\'')) => {
            let (url, after) = string(&text[1..], quote);
            (url, after.split_once(')').map_or("", |(_, after)| after))
        }
        _ => {
            let (url, after) = until(text, |sign| sign == ')');
            (url.trim_end().to_owned(), after)
        }
    }
}

/// A text up to a sign that ends it, escapes undone; and what follows that sign.
fn until(text: &str, ends: impl Fn(char) -> bool) -> (String, &str) {
    let mut taken = String::new();
    let mut signs = text.char_indices().peekable();
    while let Some((at, sign)) = signs.next() {
        if ends(sign) {
            return (taken, &text[at + sign.len_utf8()..]);
        }
        if sign != '\\' {
            taken.push(sign);
            continue;
        }
        let mut code = String::new();
        while let Some((_, digit)) = signs.next_if(|(_, next)| code.len() < 6 && next.is_ascii_hexdigit()) {
            code.push(digit);
        }
        match u32::from_str_radix(&code, 16).ok().and_then(char::from_u32) {
            Some(sign) => {
                taken.push(sign);
                signs.next_if(|(_, next)| next.is_ascii_whitespace());
            }
            None => taken.extend(signs.next().map(|(_, sign)| sign).filter(|sign| *sign != '\n')),
        }
    }
    (taken, "")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn import(url: &str) -> Call {
        Call::Import(url.to_owned())
    }

    fn called(url: &str) -> Call {
        Call::Url(url.to_owned())
    }

    #[test]
    fn imports_fonts_and_images_are_found_however_they_are_written() {
        let sheet = r#"
            @charset "utf-8";
            @import url("https://fonts.example/css?family=Lato");
            @IMPORT 'a.css' screen;
            @import/* why */url( b.css );
            @font-face { font-family: "url(no)"; src: local("x"), URL('//cdn.example/x.woff2') format("woff2") }
            p { background: url(img\(1\).png), url(data:image/png;base64,AA==) }
            /* url(https://gone.example/) */
            q::before { content: "@import 'no.css'"; background: url("a\2f b.png") }
        "#;
        let expected = [
            import("https://fonts.example/css?family=Lato"),
            import("a.css"),
            import("b.css"),
            called("//cdn.example/x.woff2"),
            called("img(1).png"),
            called("data:image/png;base64,AA=="),
            called("a/b.png"),
        ];
        assert_eq!(calls(sheet), expected);
    }

    #[test]
    fn what_was_cut_off_ends_where_it_ends() {
        for (sheet, expected) in [
            ("@import", vec![]),
            ("url(", vec![]),
            ("url(a", vec![called("a")]),
            ("url('a", vec![called("a")]),
            ("url('a\nb') url(c)", vec![called("a"), called("c")]),
            ("/* url(a)", vec![]),
            ("url(\\", vec![]),
        ] {
            assert_eq!(calls(sheet), expected, "{sheet}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_to_its_end(sheet in "(@import|url\\(|['\"/*\\\\);a ż\n]){0,40}") {
            prop_assert!(calls(&sheet).len() <= sheet.len());
        }
    }
}
