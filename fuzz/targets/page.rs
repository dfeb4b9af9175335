//! What `init` reads of a site: a page, a style sheet, lines of `Set-Cookie`. Whatever they hold, there are no more
//! addresses than bytes, and all of them are of the web; and no cookie is sent back that nobody set.
#![no_main]

use std::sync::LazyLock;

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use townclerk::survey::fuzzing::{cookies, page, sheet};
use url::Url;

static AT: LazyLock<Url> = LazyLock::new(|| Url::parse("https://um.example.pl/bip/start").expect("a URL"));

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    for found in [page(bytes, &AT), sheet(&text, &AT)] {
        assert!(found.len() <= bytes.len());
        for url in found {
            assert!(matches!(url.scheme(), "http" | "https") && url.has_host() && url.fragment().is_none());
        }
    }
    if let Some(field) = cookies(text.lines(), Timestamp::UNIX_EPOCH) {
        for crumb in field.split("; ") {
            let (name, value) = crumb.split_once('=').expect("a pair");
            assert!(text.contains(name) && text.contains(value));
        }
    }
});
