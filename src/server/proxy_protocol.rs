//! The PROXY protocol, versions 1 and 2: a load balancer that passes bytes on says whose they are
//! (<https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// No header is longer, what is attached to its addresses (TLVs) included.
pub(super) const LONGEST: usize = 4_096;

/// No line of version 1 is longer, its end included.
const LONGEST_LINE: usize = 107;

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// What the first bytes of a connection are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Header {
    /// A header, of this length.
    Whole {
        length: usize,
        /// Who connected to the sender; `None` if the sender speaks for itself, or does not say.
        client: Option<IpAddr>,
    },
    /// The beginning of one: all of these bytes belong to it.
    Incomplete,
    /// None.
    Malformed,
}

/// Reads the first bytes of a connection.
pub(super) fn parse(bytes: &[u8]) -> Header {
    let begins = |with: &[u8]| bytes.starts_with(with) || with.starts_with(bytes);
    let parsed = if begins(SIGNATURE) {
        binary(bytes)
    } else if begins(b"PROXY ") {
        line(bytes)
    } else {
        None
    };
    parsed.unwrap_or(Header::Malformed)
}

/// Version 2. `None` for what cannot become a header.
fn binary(bytes: &[u8]) -> Option<Header> {
    let Some((head, rest)) = bytes.split_at_checked(SIGNATURE.len() + 4) else {
        return Some(Header::Incomplete);
    };
    let [command, family, high, low] = head[SIGNATURE.len()..] else {
        return None;
    };
    let attached = usize::from(u16::from_be_bytes([high, low]));
    let length = head.len() + attached;
    if length > LONGEST {
        return None;
    }
    let is_local = match command {
        0x20 => true,
        0x21 => false,
        _ => return None,
    };
    // Only streams can reach us: TCP over IPv4, over IPv6, a socket in the file system, or what the sender cannot name.
    let addresses = match family {
        _ if is_local => 0,
        0x00 => 0,
        0x11 => 12,
        0x21 => 36,
        0x31 => 216,
        _ => return None,
    };
    if attached < addresses {
        return None;
    }
    let Some(rest) = rest.get(..attached) else {
        return Some(Header::Incomplete);
    };
    let client = match family {
        _ if is_local => None,
        0x11 => Some(Ipv4Addr::from(*rest.first_chunk::<4>()?).into()),
        0x21 => Some(Ipv6Addr::from(*rest.first_chunk::<16>()?).into()),
        _ => None,
    };
    Some(Header::Whole { length, client })
}

/// Version 1. `None` for what cannot become a header.
fn line(bytes: &[u8]) -> Option<Header> {
    let within = &bytes[..bytes.len().min(LONGEST_LINE)];
    let Some(end) = memchr::memchr(b'\n', within) else {
        return (bytes.len() < LONGEST_LINE).then_some(Header::Incomplete);
    };
    let text = str::from_utf8(within[..end].strip_suffix(b"\r")?).ok()?;
    let length = end + 1;
    let mut words = text.split(' ').skip(1);
    let family = words.next()?;
    if family == "UNKNOWN" {
        return Some(Header::Whole { length, client: None }); // whatever follows is to be ignored
    }
    let client: IpAddr = match family {
        "TCP4" => two::<Ipv4Addr>(&mut words)?.into(),
        "TCP6" => two::<Ipv6Addr>(&mut words)?.into(),
        _ => return None,
    };
    let ports_are_right = words.by_ref().take(2).filter(|port| is_port(port)).count() == 2;
    (ports_are_right && words.next().is_none()).then_some(Header::Whole {
        length,
        client: Some(client),
    })
}

/// Source and destination, of which the source is wanted.
fn two<'w, A: std::str::FromStr>(words: &mut impl Iterator<Item = &'w str>) -> Option<A> {
    let source = words.next()?.parse().ok()?;
    words.next()?.parse::<A>().ok()?;
    Some(source)
}

fn is_port(written: &str) -> bool {
    let is_number = !written.is_empty() && written.bytes().all(|byte| byte.is_ascii_digit());
    is_number && written.parse::<u16>().is_ok() && (written == "0" || !written.starts_with('0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn client(bytes: &[u8]) -> Option<String> {
        match parse(bytes) {
            Header::Whole { length, client } if length == bytes.len() => {
                Some(client.map_or("itself".to_owned(), |client| client.to_string()))
            }
            _ => None,
        }
    }

    fn binary(command: u8, family: u8, attached: &[u8]) -> Vec<u8> {
        let length = u16::try_from(attached.len()).unwrap().to_be_bytes();
        [SIGNATURE, [command, family].as_slice(), &length, attached].concat()
    }

    #[test]
    fn lines_of_version_1() {
        for (line, who) in [
            ("PROXY TCP4 203.0.113.7 192.0.2.1 56324 443\r\n", "203.0.113.7"),
            ("PROXY TCP6 2001:db8::7 2001:db8::1 0 65535\r\n", "2001:db8::7"),
            ("PROXY UNKNOWN\r\n", "itself"),
            ("PROXY UNKNOWN ffff:f...f:ffff ffff 65535 65535\r\n", "itself"),
        ] {
            assert_eq!(client(line.as_bytes()).as_deref(), Some(who), "{line}");
        }
    }

    #[test]
    fn headers_of_version_2() {
        let v4 = [203, 0, 113, 7, 192, 0, 2, 1, 0, 80, 0, 80];
        let mut v6 = [0; 36];
        v6[..4].copy_from_slice(&[0x20, 1, 0x0d, 0xb8]);
        v6[15] = 7;
        let with_more = [v4.as_slice(), &[4, 0, 1, 0]].concat(); // a TLV behind the addresses
        for (bytes, who) in [
            (binary(0x21, 0x11, &v4), "203.0.113.7"),
            (binary(0x21, 0x11, &with_more), "203.0.113.7"),
            (binary(0x21, 0x21, &v6), "2001:db8::7"),
            (binary(0x21, 0x31, &[0; 216]), "itself"),
            (binary(0x21, 0x00, b""), "itself"),
            (binary(0x20, 0x11, &v4), "itself"),
            (binary(0x20, 0x00, b""), "itself"),
        ] {
            assert_eq!(client(&bytes).as_deref(), Some(who), "{bytes:?}");
        }
    }

    #[test]
    fn what_is_no_header_is_refused_as_soon_as_it_shows() {
        let long = binary(0x21, 0x11, &[0; LONGEST]);
        let endless = format!("PROXY UNKNOWN {}", "x".repeat(LONGEST_LINE));
        for bytes in [
            b"GET / HTTP/1.1\r\n".as_slice(),
            b"PROXY TCP4 203.0.113.7 192.0.2.1 1 2\n",
            b"PROXY TCP4 203.0.113.7 192.0.2.1 1 2 3\r\n",
            b"PROXY TCP4 203.0.113.7 192.0.2.1 1\r\n",
            b"PROXY TCP4 203.0.113.7 192.0.2.1 1 65536\r\n",
            b"PROXY TCP4 203.0.113.7 192.0.2.1 +1 2\r\n",
            b"PROXY TCP4 203.0.113.7 192.0.2.1 01 2\r\n",
            b"PROXY TCP4 203.0.113.07 192.0.2.1 1 2\r\n",
            b"PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n",
            b"PROXY  TCP4 203.0.113.7 192.0.2.1 1 2\r\n",
            b"PROXY UDP4 203.0.113.7 192.0.2.1 1 2\r\n",
            b"PROXY TCP4 \xff\r\n",
            endless.as_bytes(),
            b"\r\n\r\nGET",
            &binary(0x11, 0x11, &[0; 12]),
            &binary(0x22, 0x11, &[0; 12]),
            &binary(0x21, 0x12, &[0; 12]),
            &binary(0x21, 0x11, &[0; 11]),
            &binary(0x21, 0x21, &[0; 35]),
            &long[..16],
        ] {
            assert_eq!(parse(bytes), Header::Malformed, "{}", bytes.escape_ascii());
        }
    }

    fn headers() -> impl Strategy<Value = Vec<u8>> {
        let line = (any::<Ipv4Addr>(), any::<u16>())
            .prop_map(|(from, port)| format!("PROXY TCP4 {from} 192.0.2.1 {port} 443\r\n").into_bytes());
        let line_6 = (any::<Ipv6Addr>(), any::<u16>())
            .prop_map(|(from, port)| format!("PROXY TCP6 {from} ::1 {port} 443\r\n").into_bytes());
        let v2 = prop::collection::vec(any::<u8>(), 36..300).prop_map(|attached| binary(0x21, 0x21, &attached));
        prop_oneof![line, line_6, v2]
    }

    proptest! {
        #[test]
        fn a_header_is_incomplete_until_it_is_whole_and_what_follows_is_left(header in headers(), more: Vec<u8>) {
            for cut in 0..header.len() {
                prop_assert_eq!(parse(&header[..cut]), Header::Incomplete);
            }
            let whole = parse(&header);
            let is_whole = matches!(whole, Header::Whole { length, client: Some(_) } if length == header.len());
            prop_assert!(is_whole, "{:?}", whole);
            prop_assert_eq!(parse(&[header, more].concat()), whole);
        }

        #[test]
        fn any_bytes_are_judged(bytes: Vec<u8>, command: u8, family: u8) {
            let _ = parse(&bytes);
            let _ = parse(&[b"PROXY ", bytes.as_slice()].concat());
            match parse(&binary(command, family, &bytes)) {
                Header::Whole { length, .. } => prop_assert_eq!(length, bytes.len() + 16),
                other => prop_assert_eq!(other, Header::Malformed),
            }
        }
    }
}
