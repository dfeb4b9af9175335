//! Addresses as text, without the formatter.

use std::net::{IpAddr, Ipv6Addr};

/// Appends an address; IPv6 as RFC 5952 recommends.
pub(super) fn write(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            for (i, octet) in address.octets().into_iter().enumerate() {
                if i > 0 {
                    out.push(b'.');
                }
                super::number(out, octet);
            }
        }
        IpAddr::V6(address) => write_v6(out, address),
    }
}

fn write_v6(out: &mut Vec<u8>, address: Ipv6Addr) {
    let groups = address.segments();
    let (zeros, count) = longest_zeros(groups);
    let mut i = 0;
    while i < groups.len() {
        if i == zeros && count > 1 {
            out.extend_from_slice(b"::");
            i += count;
            continue;
        }
        if i > 0 && !(count > 1 && i == zeros + count) {
            out.push(b':');
        }
        hexadecimal(out, groups[i]);
        i += 1;
    }
}

/// Where the longest run of zero groups begins, and how many they are; the first of equals.
fn longest_zeros(groups: [u16; 8]) -> (usize, usize) {
    let mut longest = (0, 0);
    let mut start = 0;
    for (i, group) in groups.into_iter().enumerate() {
        if group != 0 {
            start = i + 1;
        } else if i + 1 - start > longest.1 {
            longest = (start, i + 1 - start);
        }
    }
    longest
}

fn hexadecimal(out: &mut Vec<u8>, group: u16) {
    let digits = (16 - group.leading_zeros()).div_ceil(4).max(1);
    for digit in (0..digits).rev() {
        out.push(b"0123456789abcdef"[usize::from(group >> (4 * digit) & 0xf)]);
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv6Addr};

    use proptest::prelude::*;

    fn text(address: IpAddr) -> String {
        let mut out = Vec::new();
        super::write(&mut out, address);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn addresses_are_written_as_everybody_writes_them() {
        for address in [
            "0.0.0.0",
            "203.0.113.255",
            "::",
            "::1",
            "1::",
            "2001:db8::1:0:0:1",
            "2001:db8:0:1:1:1:1:1",
            "fe80::a:0:b",
        ] {
            assert_eq!(text(address.parse().unwrap()), address);
        }
    }

    proptest! {
        #[test]
        fn every_address_is_written_as_the_standard_library_does(
            groups in prop::array::uniform8(prop_oneof![Just(0u16), any::<u16>(), 0u16..16]),
            v4 in any::<u32>(),
        ) {
            let v6 = Ipv6Addr::from(groups);
            // The standard library writes mapped addresses with dots; entries hold them as IPv4.
            if v6.to_canonical().is_ipv6() {
                prop_assert_eq!(text(v6.into()), v6.to_string());
            }
            prop_assert_eq!(text(std::net::Ipv4Addr::from(v4).into()), std::net::Ipv4Addr::from(v4).to_string());
        }
    }
}
