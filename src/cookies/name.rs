//! Names: which are listed, which are merely unlisted, and which no browser could have been given honestly.

use crate::policy::{Allowed, Cookies, Ends, FirstPage, Text};

/// What the policy, and the grammar, say of a cookie's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing<'r> {
    /// The policy lists it.
    Listed {
        /// Its place in the policy's list.
        index: usize,
        /// The listing that covers it, the first one if several do.
        listing: &'r Allowed,
    },
    /// The mark of the first page of a visit, which is ours: it never reaches the CMS and is never taken from it.
    Mark(&'r FirstPage),
    /// Well-formed, and not in the policy.
    Unlisted,
    /// Not a token (RFC 9110, section 5.6.2), reserved (`$Version`), or a name in disguise. It never passes, listed or
    /// not.
    Malformed,
}

impl<'r> Standing<'r> {
    /// Judges a name. A cookie without a name travels back as its bare value, so there the value is judged as a name
    /// would be; it must hold no `=`, or `=__Host-x=y` would come back as a cookie that was never set (RFC 6265bis,
    /// section 5.7).
    pub(super) fn of(name: &[u8], value: &[u8], rules: &'r Cookies) -> Self {
        if name.is_empty() {
            return match is_well_formed(value) && Prefix::of(value).is_none() {
                true => Self::Unlisted,
                false => Self::Malformed,
            };
        }
        if !is_well_formed(name) {
            return Self::Malformed;
        }
        match rules
            .allowed
            .iter()
            .enumerate()
            .find(|(_, listing)| listing.name.covers(name))
        {
            Some((index, listing)) => Self::Listed { index, listing },
            None => match &rules.first_page {
                Some(mark) if mark.name.as_bytes() == name => Self::Mark(mark),
                _ => Self::Unlisted,
            },
        }
    }

    /// When the cookie ends by itself, if it does: then its values are sealed.
    pub fn ends(self) -> Option<&'r Ends> {
        match self {
            Self::Listed { listing, .. } => Some(&listing.ends).filter(|ends| ends.are_enforced()),
            Self::Mark(_) | Self::Unlisted | Self::Malformed => None,
        }
    }

    /// What the policy says that the cookie remembers, if it lists it.
    pub fn purpose(self) -> Option<&'r Text> {
        match self {
            Self::Listed { listing, .. } => Some(&listing.purpose),
            Self::Mark(mark) => Some(&mark.purpose),
            Self::Unlisted | Self::Malformed => None,
        }
    }
}

/// A prefix by which a name promises how its cookie was set (RFC 6265bis, section 4.1.3, and its successor draft).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prefix {
    /// `__Host-`: Secure, Path=/, no Domain.
    Host,
    /// `__Host-Http-`: as above, and HttpOnly.
    HostHttp,
    /// `__Http-`: Secure and HttpOnly.
    Http,
    /// `__Secure-`: Secure.
    Secure,
}

impl Prefix {
    /// The longest first, because one begins with another.
    const ALL: [(&'static [u8], Self); 4] = [
        (b"__Host-Http-", Self::HostHttp),
        (b"__Host-", Self::Host),
        (b"__Secure-", Self::Secure),
        (b"__Http-", Self::Http),
    ];

    /// The prefix of a name, in any case.
    pub(super) fn of(name: &[u8]) -> Option<Self> {
        // Most names are told apart by their first byte.
        if name.first() != Some(&b'_') {
            return None;
        }
        Self::ALL
            .iter()
            .find(|(prefix, _)| starts_with(name.iter().copied(), prefix))
            .map(|(_, kind)| *kind)
    }
}

/// Whether a name is a token that means the same to every server.
fn is_well_formed(name: &[u8]) -> bool {
    // `$` begins the attributes of RFC 2965, by which a client switches old servers to another grammar.
    name.first().is_some_and(|first| *first != b'$')
        && name.iter().all(|byte| TOKEN[usize::from(*byte)])
        && !is_disguised(name)
}

/// The bytes of a token (RFC 9110, section 5.6.2), as a table: every byte of every name is looked up.
static TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let bytes = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut index = 0;
    while index < bytes.len() {
        table[bytes[index] as usize] = true;
        index += 1;
    }
    table
};

/// Whether a name turns into a prefixed one on its way into PHP, which writes `.` as `_` and in old versions undoes
/// percent-encoding: `..Host-x` would arrive as `__Host-x`, without what browsers ask of that (CVE-2022-31629,
/// CVE-2020-7070).
fn is_disguised(name: &[u8]) -> bool {
    matches!(name.first(), Some(b'.' | b'%' | b'+' | b'_'))
        && Prefix::of(name).is_none()
        && Prefix::ALL
            .iter()
            .any(|(prefix, _)| starts_with(as_php_reads(name), prefix))
}

fn as_php_reads(name: &[u8]) -> impl Iterator<Item = u8> {
    let mut rest = name;
    std::iter::from_fn(move || {
        let (byte, after) = match rest {
            [b'%', high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                (hex_value(*high) << 4 | hex_value(*low), after)
            }
            [byte, after @ ..] => (*byte, after),
            [] => return None,
        };
        rest = after;
        Some(if matches!(byte, b'.' | b' ' | b'+') { b'_' } else { byte })
    })
}

/// The value of a hexadecimal digit.
fn hex_value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20).wrapping_sub(b'a').wrapping_add(10),
    }
}

/// Whether bytes begin with a prefix, ASCII letters compared without case.
fn starts_with(mut bytes: impl Iterator<Item = u8>, prefix: &[u8]) -> bool {
    prefix
        .iter()
        .all(|expected| bytes.next().is_some_and(|byte| byte.eq_ignore_ascii_case(expected)))
}
