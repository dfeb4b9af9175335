//! What a path stands for: what kind of thing was asked for, and the template that it is counted under.
//!
//! A template is the path without its query, readable, without the marks of servers (`index.php`), and with `*` for
//! every part that could stand for a person or a case: numbers as long as those of people, addresses, tokens, and what
//! the policy has taken out.

use std::borrow::Cow;

use crate::entry;

/// Parts of a path that are told apart; what is below is `*`.
const DEEPEST: usize = 8;
/// A longer part is none of a page's name, in bytes.
const LONGEST: usize = 100;
/// A number with so many digits may be somebody's: of a telephone, a person, a case.
const LONG_NUMBER: usize = 7;

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::report) enum Thing {
    /// Something to read.
    Page,
    /// Something to take along: a form, a picture archive.
    File,
    /// A part of a page: a style, a script, a picture.
    Part,
}

const FILES: [&str; 25] = [
    "7z", "csv", "doc", "docm", "docx", "dwg", "epub", "gml", "ics", "kml", "odg", "odp", "ods", "odt", "pdf", "ppt",
    "pptx", "rar", "rtf", "tsv", "xades", "xls", "xlsx", "zip", "zipx",
];

const PARTS: [&str; 38] = [
    "aac",
    "atom",
    "avif",
    "bmp",
    "css",
    "cur",
    "eot",
    "gif",
    "htc",
    "ico",
    "jfif",
    "jpeg",
    "jpg",
    "js",
    "json",
    "m4a",
    "m4v",
    "map",
    "mjs",
    "mov",
    "mp3",
    "mp4",
    "ogg",
    "ogv",
    "otf",
    "png",
    "rss",
    "svg",
    "swf",
    "tif",
    "tiff",
    "ttf",
    "txt",
    "wasm",
    "webm",
    "webmanifest",
    "webp",
    "xml",
];
const FONTS: [&str; 2] = ["woff", "woff2"];

/// What stands behind a path.
pub(in crate::report) fn thing(path: &[u8]) -> Thing {
    let name = memchr::memrchr(b'/', path).map_or(path, |slash| &path[slash + 1..]);
    let name = memchr::memchr(b';', name).map_or(name, |end| &name[..end]);
    let Some(dot) = memchr::memrchr(b'.', name) else {
        return Thing::Page;
    };
    let mut extension = [0; 12];
    let written = &name[dot + 1..];
    let Some(place) = extension.get_mut(..written.len()) else {
        return Thing::Page;
    };
    place.copy_from_slice(written);
    place.make_ascii_lowercase();
    let is_in = |table: &[&str]| table.binary_search_by(|known| known.as_bytes().cmp(place)).is_ok();
    if is_in(&FILES) {
        Thing::File
    } else if is_in(&PARTS) || is_in(&FONTS) {
        Thing::Part
    } else {
        Thing::Page
    }
}

/// The template of a path or of a path and query; `None` if it is no path.
pub(in crate::report) fn template(path: &[u8]) -> Option<String> {
    let path = memchr::memchr2(b'?', b'#', path).map_or(path, |end| &path[..end]);
    if path.first() != Some(&b'/') {
        return None;
    }
    let path = entry::without_personal_data(path);
    let mut template = String::with_capacity(path.len());
    let mut parts = path
        .split(|byte| *byte == b'/')
        .filter(|part| !part.is_empty())
        .peekable();
    let mut depth = 0;
    while let Some(part) = parts.next() {
        let part = memchr::memchr(b';', part).map_or(part, |end| &part[..end]);
        if parts.peek().is_none() && is_index(part) {
            break;
        }
        depth += 1;
        template.push('/');
        if depth > DEEPEST {
            template.push('*');
            break;
        }
        match readable(part) {
            Some(part) => template.push_str(&part),
            None => template.push('*'),
        }
    }
    if template.is_empty() {
        template.push('/');
    }
    Some(template)
}

/// What servers show for a folder.
fn is_index(part: &[u8]) -> bool {
    let names = ["index.html", "index.htm", "index.php", "default.aspx", "index.jsp"];
    names.iter().any(|name| part.eq_ignore_ascii_case(name.as_bytes()))
}

/// A part as people read it; `None` if it could tell of somebody, or cannot be read.
fn readable(part: &[u8]) -> Option<Cow<'_, str>> {
    let text = match memchr::memchr(b'%', part) {
        Some(_) => Cow::Owned(String::from_utf8(decoded(part)?).ok()?),
        None => Cow::Borrowed(std::str::from_utf8(part).ok()?),
    };
    let is_odd = |sign: char| {
        sign.is_control() || sign.is_whitespace() || is_unprintable(sign) || "[]@*%<>\"|?#/\\".contains(sign)
    };
    let mut digits = 0;
    let mut longest = 0;
    for sign in text.chars() {
        digits = if sign.is_numeric() { digits + 1 } else { 0 };
        longest = longest.max(digits);
    }
    let fits = text.len() <= LONGEST && !text.chars().any(is_odd) && longest < LONG_NUMBER && !text.is_empty();
    fits.then_some(text)
}

/// Signs that are not seen, or that turn the direction of what follows.
fn is_unprintable(sign: char) -> bool {
    matches!(sign, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202f}'
        | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff0}'..='\u{ffff}' | '\u{e0000}'..='\u{10ffff}')
}

/// Undoes one layer of percent-encoding; `None` where it is none.
fn decoded(part: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part;
    while let Some((&first, after)) = rest.split_first() {
        if first != b'%' {
            bytes.push(first);
            rest = after;
            continue;
        }
        let (digits, after) = after.split_at_checked(2)?;
        let digit = |at: usize| char::from(digits[at]).to_digit(16);
        bytes.push(u8::try_from(digit(0)? << 4 | digit(1)?).ok()?);
        rest = after;
    }
    Some(bytes)
}

/// The folder of a template, `/aktualnosci/*` of `/aktualnosci/budzet` and `/*` of `/aktualnosci/*`; `None` if there is
/// none above it.
pub(in crate::report) fn folder(template: &str) -> Option<String> {
    let inner = template.strip_suffix("/*").unwrap_or(template);
    let own = inner.len() < template.len();
    if own && inner.is_empty() {
        return None;
    }
    let (above, _) = inner.rsplit_once('/')?;
    Some(format!("{above}/*"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn things_are_told_apart_by_their_ends() {
        assert!(FILES.is_sorted() && PARTS.is_sorted() && FONTS.is_sorted());
        for (path, expected) in [
            ("/", Thing::Page),
            ("/kontakt", Thing::Page),
            ("/kontakt.html", Thing::Page),
            ("/v1.2/opis", Thing::Page),
            ("/index.php", Thing::Page),
            ("/druki/wniosek.PDF", Thing::File),
            ("/druki/wniosek.pdf;jsessionid=1", Thing::File),
            ("/style.min.css", Thing::Part),
            ("/a.woff2", Thing::Part),
            ("/.", Thing::Page),
            ("/a.verylongextension", Thing::Page),
        ] {
            assert_eq!(thing(path.as_bytes()), expected, "{path}");
        }
    }

    #[test]
    fn a_template_is_what_can_be_told_to_anybody() {
        for (path, expected) in [
            ("/", "/"),
            ("/index.php", "/"),
            ("/aktualnosci/", "/aktualnosci"),
            ("//aktualnosci//budzet-2026", "/aktualnosci/budzet-2026"),
            ("/aktualno%C5%9Bci/index.html?id=7", "/aktualności"),
            ("/artykul/123/tytul", "/artykul/123/tytul"),
            ("/sprawa/44051401359", "/sprawa/*"),
            ("/sprawa/440514-01359", "/sprawa/440514-01359"),
            ("/tel/600700800", "/tel/*"),
            ("/sprawa/%34%34051401359/druk", "/sprawa/*/druk"),
            ("/sprawa/[pesel]/druk", "/sprawa/*/druk"),
            ("/u/jan.kowalski%40poczta.example", "/u/*"),
            ("/reset/0f8fad5bd9cb469fa16570867728950e", "/reset/*"),
            ("/kontakt;jsessionid=A1B2", "/kontakt"),
            ("/%ff", "/*"),
            ("/a%2Fb", "/*"),
            ("/%zz", "/*"),
            ("/1/2/3/4/5/6/7/8/9/10", "/1/2/3/4/5/6/7/8/*"),
        ] {
            assert_eq!(template(path.as_bytes()).as_deref(), Some(expected), "{path}");
        }
        assert_eq!(template(b"*"), None);
        assert_eq!(template(b""), None);
    }

    #[test]
    fn folders_lead_to_the_root() {
        for (template, expected) in [
            ("/a/b", Some("/a/*")),
            ("/a/*", Some("/*")),
            ("/a/*/b", Some("/a/*/*")),
            ("/a/*/*", Some("/a/*")),
            ("/a", Some("/*")),
            ("/", Some("/*")),
            ("/*", None),
        ] {
            assert_eq!(folder(template).as_deref(), expected, "{template}");
        }
    }

    proptest! {
        #[test]
        fn any_path_is_survived_and_no_long_number_stays(path in prop::collection::vec(any::<u8>(), 0..60), number in 1_000_000u64.., before in "[a-z/.-]{0,5}") {
            thing(&path);
            for path in [path.clone(), [b"/", &path[..]].concat(), format!("/{before}{number}").into_bytes()] {
                let Some(mut template) = template(&path) else { continue };
                prop_assert!(template.starts_with('/') && !template.contains(&number.to_string()));
                prop_assert!(!template.chars().any(|sign| sign.is_control() || sign == '?' || sign == '@'));
                let mut steps = 0;
                while let Some(above) = folder(&template) {
                    template = above;
                    steps += 1;
                    prop_assert!(steps < 12);
                }
                prop_assert_eq!(&template, "/*");
            }
        }
    }
}
