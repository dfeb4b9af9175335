//! Host names as a site is called by them.

use std::net::{IpAddr, Ipv6Addr};

/// What is wrong with a text, and how to mend it.
pub(crate) type Slip = (&'static str, String);

/// Reads a host name or address: lower case, without port; IPv6 comes with or without brackets and goes without.
pub(crate) fn host(written: &str) -> Result<Box<str>, Slip> {
    if let Some((_, rest)) = written.split_once("://") {
        let name = rest.split(['/', ':']).next().unwrap_or_default();
        return Err(("has a scheme", format!("write \"{name}\"")));
    }
    if let Some((name, _)) = written.split_once('/') {
        return Err(("has a path", format!("write \"{name}\"")));
    }
    let bare = written
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(written);
    if let Ok(address) = bare.parse::<Ipv6Addr>() {
        return Ok(address.to_string().into());
    }
    if let Some((name, port)) = written.rsplit_once(':')
        && port.bytes().all(|byte| byte.is_ascii_digit())
    {
        return Err((
            "has a port",
            format!("write \"{name}\"; a site answers on every port townclerk listens on"),
        ));
    }
    if written.parse::<IpAddr>().is_ok() {
        return Ok(written.into());
    }
    name(written).map(|()| written.into())
}

/// Checks a host name: RFC 1123, section 2.1, and the underscore, which names of containers may have.
pub(crate) fn name(written: &str) -> Result<(), Slip> {
    const LIKE: &str = "write a host name like \"www.um.example.pl\"";
    if written.contains('*') {
        return Err((
            "is a pattern",
            "write out each name by which visitors call the site".into(),
        ));
    }
    if !written.is_ascii() {
        return Err((
            "has letters beyond a to z",
            "write it as browsers send it, in punycode: \"xn--…\"".into(),
        ));
    }
    if let Some(name) = written.strip_suffix('.') {
        return Err(("ends with a dot", format!("write \"{name}\"")));
    }
    if written.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err((
            "has upper-case letters",
            format!("write \"{}\"", written.to_ascii_lowercase()),
        ));
    }
    if !written
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    {
        return Err(("has characters that no host name has", LIKE.into()));
    }
    if written.len() > 253 || written.split('.').any(|label| label.len() > 63) {
        return Err(("is longer than a host name can be", LIKE.into()));
    }
    if written
        .split('.')
        .any(|label| label.is_empty() || label.starts_with('-') || label.ends_with('-'))
    {
        return Err(("is not a host name", LIKE.into()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_and_addresses_are_hosts() {
        for (written, meant) in [
            ("www.um.example.pl", "www.um.example.pl"),
            ("localhost", "localhost"),
            ("xn--przykadowo-8lc.pl", "xn--przykadowo-8lc.pl"),
            ("old_cms", "old_cms"),
            ("192.0.2.7", "192.0.2.7"),
            ("[2001:DB8::0:7]", "2001:db8::7"),
            ("2001:db8::7", "2001:db8::7"),
        ] {
            assert_eq!(host(written).as_deref(), Ok(meant));
        }
    }

    #[test]
    fn what_is_no_host_is_named() {
        for (written, wrong) in [
            ("https://um.example.pl/", "has a scheme"),
            ("um.example.pl/bip", "has a path"),
            ("um.example.pl:80", "has a port"),
            ("[::1]:80", "has a port"),
            ("*.example.pl", "is a pattern"),
            ("przykładowo.pl", "has letters beyond a to z"),
            ("um.example.pl.", "ends with a dot"),
            ("UM.example.pl", "has upper-case letters"),
            ("um example", "has characters that no host name has"),
            ("a..b", "is not a host name"),
            ("-a.pl", "is not a host name"),
        ] {
            assert_eq!(host(written).map_err(|(wrong, _)| wrong), Err(wrong), "{written}");
        }
        assert_eq!(
            host(&"a".repeat(64)).map_err(|slip| slip.0),
            Err("is longer than a host name can be")
        );
    }

    proptest! {
        #[test]
        fn a_host_is_a_host_again(written in "\\PC{0,30}|[a-z0-9.:\\[\\]-]{0,30}") {
            if let Ok(meant) = host(&written) {
                prop_assert_eq!(host(&meant), Ok(meant.clone()));
            }
        }
    }
}
