//! The user name in `Authorization`, and nothing else of it.

use std::borrow::Cow;

use super::text::{self, Limit};

/// The user name of Basic (RFC 7617) or Digest (RFC 7616) authentication; `None` if there is none to be read.
pub(super) fn name(authorization: &[u8]) -> Option<Cow<'static, [u8]>> {
    let space = memchr::memchr2(b' ', b'\t', authorization)?;
    let (scheme, credentials) = authorization.split_at(space);
    let name = if scheme.eq_ignore_ascii_case(b"Basic") {
        basic(credentials.trim_ascii())?
    } else if scheme.eq_ignore_ascii_case(b"Digest") {
        digest(credentials)?
    } else {
        return None;
    };
    (!name.is_empty()).then(|| text::shorten(name, Limit::User).into())
}

/// What stands before the first colon.
fn basic(credentials: &[u8]) -> Option<Vec<u8>> {
    let mut name = Vec::new();
    let mut bits = 0u32;
    let mut count = 0;
    for &digit in credentials {
        bits = bits << 6 | base64(digit)?;
        count += 6;
        if count >= 8 {
            count -= 8;
            let byte = (bits >> count) as u8;
            if byte == b':' {
                return Some(name);
            }
            name.push(byte);
        }
    }
    None
}

/// The value of a digit of base64 (RFC 4648, section 4).
fn base64(digit: u8) -> Option<u32> {
    let value = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(value.into())
}

/// The parameter `username`. `username*`, for names outside of ASCII, is left as it came: its escapes are readable.
fn digest(mut credentials: &[u8]) -> Option<Vec<u8>> {
    loop {
        credentials = credentials.trim_ascii_start();
        let equals = memchr::memchr(b'=', credentials)?;
        let name = credentials[..equals].trim_ascii();
        let (value, rest) = parameter_value(credentials[equals + 1..].trim_ascii_start())?;
        if name.eq_ignore_ascii_case(b"username") || name.eq_ignore_ascii_case(b"username*") {
            return Some(value);
        }
        credentials = rest.trim_ascii_start().strip_prefix(b",")?;
    }
}

/// A token or a quoted string (RFC 9110, section 5.6.4), and what follows it.
fn parameter_value(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let Some(quoted) = text.strip_prefix(b"\"") else {
        let end = text.iter().position(|&byte| byte == b',').unwrap_or(text.len());
        return Some((text[..end].trim_ascii().to_vec(), &text[end..]));
    };
    let mut value = Vec::new();
    let mut bytes = quoted.iter();
    loop {
        match bytes.next()? {
            b'"' => return Some((value, bytes.as_slice())),
            b'\\' => value.push(*bytes.next()?),
            byte => value.push(*byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::name;

    fn read(authorization: &str) -> Option<String> {
        name(authorization.as_bytes()).map(|name| String::from_utf8_lossy(&name).into_owned())
    }

    #[test]
    fn basic_gives_its_user_and_never_its_password() {
        assert_eq!(read("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==").unwrap(), "Aladdin");
        assert_eq!(read("basic   QWxhZGRpbjpvcGVuIHNlc2FtZQ").unwrap(), "Aladdin");
        assert_eq!(read("Basic YTpiOmM=").unwrap(), "a");
        for nothing in [
            "Basic",
            "Basic ",
            "Basic Og==",
            "Basic YWI=",
            "Basic !!!",
            "Basic YTo6*",
            "Bearer abc",
            "Negotiate YTpi",
        ] {
            assert_ne!(read(nothing).as_deref(), Some("b"), "{nothing}");
        }
        assert_eq!(read("Basic YWI="), None);
        assert_eq!(read("Basic Og=="), None);
        assert_eq!(read("Bearer abc"), None);
    }

    #[test]
    fn digest_gives_its_user_wherever_it_stands() {
        let digest = r#"Digest realm="a, username=\"evil\"", nonce=abc, USERNAME = "Ja\"n", response="x""#;
        assert_eq!(read(digest).unwrap(), "Ja\"n");
        assert_eq!(
            read("Digest username*=UTF-8''J%C3%A4s%C3%B8n, x=y").unwrap(),
            "UTF-8''J%C3%A4s%C3%B8n"
        );
        assert_eq!(read(r#"Digest realm="x""#), None);
        assert_eq!(read(r#"Digest username="open"#), None);
    }

    proptest::proptest! {
        #[test]
        fn no_value_panics(authorization in proptest::collection::vec(proptest::num::u8::ANY, 0..80)) {
            name(&authorization);
            name(&[b"Basic ", authorization.as_slice()].concat());
            name(&[b"Digest ", authorization.as_slice()].concat());
        }
    }
}
