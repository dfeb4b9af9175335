//! Which cookie names a listing covers.

use std::fmt;

/// Which names a listing covers. Names are case-sensitive (RFC 6265bis, section 5.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamePattern {
    /// This very name.
    Exact(String),
    /// Every name that starts so: written `wp-settings-*`.
    Prefix(String),
    /// This, followed by 32 hexadecimal digits: written `wordpress_logged_in_<hex32>`.
    Hex32(String),
}

/// Why a text is no pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternSlip {
    /// `*` alone would allow every cookie.
    Everything,
    /// `*` or `<hex32>` before the end.
    NotAtTheEnd,
    /// A byte that no cookie name has (RFC 9110, section 5.6.2: token).
    NotAToken,
    /// `$Version` and its like are attributes of old cookies (RFC 2965), not cookies.
    Dollar,
}

impl NamePattern {
    /// Reads a name as a policy writes it.
    ///
    /// # Errors
    ///
    /// [`PatternSlip`] if no cookie could have such a name, or every cookie could.
    pub fn parse(written: &str) -> Result<Self, PatternSlip> {
        let (name, made): (&str, fn(String) -> Self) = if let Some(prefix) = written.strip_suffix("<hex32>") {
            (prefix, Self::Hex32)
        } else if let Some(prefix) = written.strip_suffix('*') {
            (prefix, Self::Prefix)
        } else {
            (written, Self::Exact)
        };
        let is_hex = written.len() != name.len() && written.ends_with('>');
        if name.is_empty() && !is_hex {
            return Err(if written.is_empty() {
                PatternSlip::NotAToken
            } else {
                PatternSlip::Everything
            });
        }
        if name.contains('*') || name.contains("<hex32>") {
            return Err(PatternSlip::NotAtTheEnd);
        }
        if !name.bytes().all(is_token_byte) {
            return Err(PatternSlip::NotAToken);
        }
        if name.starts_with('$') {
            return Err(PatternSlip::Dollar);
        }
        Ok(made(name.to_owned()))
    }

    /// As a policy would name this cookie: 32 hexadecimal digits at the end are a hash, which differs by installation.
    pub fn naming(name: &str) -> Self {
        let hash = name
            .len()
            .checked_sub(32)
            .and_then(|start| name.split_at_checked(start));
        match hash {
            Some((start, hash)) if hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => Self::Hex32(start.to_owned()),
            _ => Self::Exact(name.to_owned()),
        }
    }

    /// Whether it covers this name.
    pub fn covers(&self, name: &[u8]) -> bool {
        match self {
            Self::Exact(exact) => name == exact.as_bytes(),
            Self::Prefix(prefix) => name.starts_with(prefix.as_bytes()),
            Self::Hex32(prefix) => name
                .strip_prefix(prefix.as_bytes())
                .is_some_and(|rest| rest.len() == 32 && rest.iter().all(u8::is_ascii_hexdigit)),
        }
    }
}

/// As a policy writes it.
impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Prefix(prefix) => write!(f, "{prefix}*"),
            Self::Hex32(prefix) => write!(f, "{prefix}<hex32>"),
        }
    }
}

impl PatternSlip {
    /// What was found.
    pub fn found(self) -> &'static str {
        match self {
            Self::Everything => "would allow every cookie",
            Self::NotAtTheEnd => "has * or <hex32> before its end",
            Self::NotAToken => "has a character that no cookie name has",
            Self::Dollar => "starts with $, as no cookie of today does",
        }
    }

    /// What to do about it.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Everything => "name each cookie, or the beginning of its name: \"wp-settings-*\"",
            Self::NotAtTheEnd => "put it at the end: \"wp-settings-*\", \"wordpress_logged_in_<hex32>\"",
            Self::NotAToken => "write letters, digits and ! # $ % & ' + - . ^ _ ` | ~ only",
            Self::Dollar => "write the cookie's own name",
        }
    }
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_pattern_covers_what_it_says() {
        let covers = |written: &str, name: &str| NamePattern::parse(written).map(|p| p.covers(name.as_bytes()));
        let md5 = "0123456789abcdef0123456789ABCDEF";
        assert_eq!(covers("PHPSESSID", "PHPSESSID"), Ok(true));
        assert_eq!(covers("PHPSESSID", "phpsessid"), Ok(false));
        assert_eq!(covers("PHPSESSID", "PHPSESSID2"), Ok(false));
        assert_eq!(covers("wp-settings-*", "wp-settings-1"), Ok(true));
        assert_eq!(covers("wp-settings-*", "wp-setting"), Ok(false));
        assert_eq!(covers("DW<hex32>", &format!("DW{md5}")), Ok(true));
        assert_eq!(covers("DW<hex32>", &format!("DW{md5}0")), Ok(false));
        assert_eq!(covers("DW<hex32>", "DW012345678901234567890123456789xy"), Ok(false));
        // Joomla names its session cookie by a hash and nothing else.
        assert_eq!(covers("<hex32>", md5), Ok(true));
    }

    #[test]
    fn a_cookie_is_named_without_its_hash() {
        let md5 = "0123456789abcdef0123456789ABCDEF";
        for (name, written) in [
            (format!("wordpress_{md5}"), "wordpress_<hex32>"),
            (md5.to_owned(), "<hex32>"),
            (format!("{md5}x"), &format!("{md5}x")),
            ("PHPSESSID".to_owned(), "PHPSESSID"),
            (format!("ż{}", &md5[1..]), &format!("ż{}", &md5[1..])),
        ] {
            assert_eq!(NamePattern::naming(&name).to_string(), written);
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for (written, slip) in [
            ("", PatternSlip::NotAToken),
            ("*", PatternSlip::Everything),
            ("a*b", PatternSlip::NotAtTheEnd),
            ("a**", PatternSlip::NotAtTheEnd),
            ("<hex32>a", PatternSlip::NotAtTheEnd),
            ("a<hex32>*", PatternSlip::NotAtTheEnd),
            ("a b", PatternSlip::NotAToken),
            ("a;b", PatternSlip::NotAToken),
            ("a=b", PatternSlip::NotAToken),
            ("ż", PatternSlip::NotAToken),
            ("DW<md5>", PatternSlip::NotAToken),
            ("$Version", PatternSlip::Dollar),
        ] {
            assert_eq!(NamePattern::parse(written), Err(slip), "{written}");
        }
    }

    proptest! {
        #[test]
        fn a_pattern_is_told_as_it_was_written(written in "([ -~]{0,12}|[a-z_-]{1,9}(\\*|<hex32>)?)") {
            if let Ok(pattern) = NamePattern::parse(&written) {
                prop_assert_eq!(pattern.to_string(), written);
            }
        }
    }
}
