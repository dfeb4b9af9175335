//! Addresses, as far as the policy keeps them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::policy::AddressRule;

/// `address` under `rule`. An IPv4 address mapped into IPv6 (RFC 4291, section 2.5.5.2) is an IPv4 address.
pub(super) fn redact(address: IpAddr, rule: AddressRule) -> Option<IpAddr> {
    let address = address.to_canonical();
    match rule {
        AddressRule::Omitted => None,
        AddressRule::Whole => Some(address),
        AddressRule::Shortened { ipv4, ipv6 } => Some(match address {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(32u32.saturating_sub(ipv4.into())).unwrap_or(0);
                Ipv4Addr::from_bits(address.to_bits() & mask).into()
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(128u32.saturating_sub(ipv6.into())).unwrap_or(0);
                Ipv6Addr::from_bits(address.to_bits() & mask).into()
            }
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::redact;
    use crate::policy::AddressRule::{Omitted, Shortened, Whole};

    fn kept(address: &str, rule: crate::policy::AddressRule) -> Option<String> {
        redact(address.parse().unwrap(), rule).map(|address| address.to_string())
    }

    #[test]
    fn addresses_are_shortened_by_family() {
        let rule = Shortened { ipv4: 16, ipv6: 48 };
        assert_eq!(kept("203.0.113.77", rule).unwrap(), "203.0.0.0");
        assert_eq!(kept("2001:db8:aaaa:bbbb::1", rule).unwrap(), "2001:db8:aaaa::");
        assert_eq!(kept("203.0.113.77", Shortened { ipv4: 0, ipv6: 0 }).unwrap(), "0.0.0.0");
        assert_eq!(kept("2001:db8::1", Shortened { ipv4: 0, ipv6: 0 }).unwrap(), "::");
        assert_eq!(
            kept("203.0.113.77", Shortened { ipv4: 200, ipv6: 200 }).unwrap(),
            "203.0.113.77"
        );
    }

    #[test]
    fn a_mapped_address_is_an_ipv4_address() {
        assert_eq!(
            kept("::ffff:203.0.113.77", Shortened { ipv4: 24, ipv6: 48 }).unwrap(),
            "203.0.113.0"
        );
        assert_eq!(kept("::ffff:203.0.113.77", Whole).unwrap(), "203.0.113.77");
        assert_eq!(kept("203.0.113.77", Omitted), None);
    }
}
