//! Which records are shown.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use clap::Args;
use ipnet::IpNet;
use jiff::Timestamp;

use super::moment::Moment;
use crate::entry::Record;

/// What every record that is shown must be.
#[derive(Args, Debug, Default)]
pub(super) struct Filter {
    /// Arrived at this time or later: 2026-11-21T20:00:00Z, the beginning of 2026-11-21 or 2026-11 in UTC, or 2h ago.
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    from: Option<Moment>,
    /// Arrived before this time.
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    to: Option<Moment>,
    /// Answered like this: 404, 4xx or 400..499.
    #[arg(long, value_name = "STATUS", value_parser = statuses)]
    status: Option<RangeInclusive<u16>>,
    /// For a path that begins like this; with * for anything, the whole path.
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// By a client whose address, as it is kept, is this one or in this network. Where the policy shortens addresses,
    /// name the network that is left.
    #[arg(long, value_name = "IP[/LENGTH]", value_parser = network)]
    address: Option<IpNet>,
    /// That failed; or failed like this: cut_off, or cut_off.visitor.
    #[arg(long, value_name = "TYPE", num_args = 0..=1, default_missing_value = "")]
    error: Option<String>,
}

/// A time without its end.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Period {
    pub(super) from: Option<Timestamp>,
    pub(super) to: Option<Timestamp>,
}

impl Filter {
    pub(super) fn period(&self, now: Timestamp) -> Period {
        Period {
            from: self.from.map(|from| from.from(now)),
            to: self.to.map(|to| to.from(now)),
        }
    }

    /// What it is by apart from a time, and the values.
    pub(super) fn told(&self) -> Vec<(&'static str, String)> {
        let status = |range: &RangeInclusive<u16>| match range.start() == range.end() {
            true => range.start().to_string(),
            false => format!("{}..{}", range.start(), range.end()),
        };
        let parts = [
            ("address", self.address.map(|address| address.to_string())),
            ("path", self.path.clone()),
            ("status", self.status.as_ref().map(status)),
            ("error", self.error.clone()),
        ];
        parts.into_iter().filter_map(|(by, value)| Some((by, value?))).collect()
    }

    /// Whether it asks for more than a time, so for what only records of requests have.
    pub(super) fn is_about_requests(&self) -> bool {
        self.address.is_some() || self.is_about_more_than_addresses()
    }

    /// Whether it asks for what the log of addresses does not have.
    pub(super) fn is_about_more_than_addresses(&self) -> bool {
        self.status.is_some() || self.path.is_some() || self.error.is_some()
    }

    pub(super) fn has_period(&self) -> bool {
        self.from.is_some() || self.to.is_some()
    }

    /// Whether the record is one of those, apart from its time.
    pub(super) fn takes(&self, record: &Record<'_>) -> bool {
        let Self {
            status,
            path,
            address,
            error,
            ..
        } = self;
        let right_status = |range: &RangeInclusive<u16>| {
            record
                .http_response_status_code()
                .is_some_and(|status| range.contains(&status))
        };
        let right_path = |wanted: &String| record.url_path().is_some_and(|path| fits(wanted.as_bytes(), path));
        let right_address = |network: &IpNet| {
            record
                .client_address()
                .is_some_and(|address| network.contains(&address))
        };
        let right_error = |wanted: &String| record.error_type().is_some_and(|error| is_kind(wanted, error));
        status.as_ref().is_none_or(right_status)
            && path.as_ref().is_none_or(right_path)
            && address.as_ref().is_none_or(right_address)
            && error.as_ref().is_none_or(right_error)
    }
}

impl Period {
    pub(super) fn is_all(self) -> bool {
        self.from.is_none() && self.to.is_none()
    }

    pub(super) fn contains(self, time: Timestamp) -> bool {
        self.from.is_none_or(|from| time >= from) && self.to.is_none_or(|to| time < to)
    }
}

fn statuses(text: &str) -> Result<RangeInclusive<u16>, String> {
    let number = |text: &str| {
        let right = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
        right.then(|| text.parse::<u16>().ok())?.filter(|status| *status >= 100)
    };
    let range = if let Some(class) = text.strip_suffix("xx") {
        number(&format!("{class}00")).map(|first| first..=first + 99)
    } else if let Some((first, last)) = text.split_once("..") {
        let range = number(first).zip(number(last));
        range
            .map(|(first, last)| first..=last)
            .filter(|range| !range.is_empty())
    } else {
        number(text).map(|status| status..=status)
    };
    range.ok_or_else(|| "write 404, 4xx or 400..499".to_owned())
}

fn network(text: &str) -> Result<IpNet, String> {
    let network = match text.parse::<IpAddr>() {
        Ok(address) => Ok(IpNet::from(address.to_canonical())),
        Err(_) => text.parse::<IpNet>().map(|network| network.trunc()),
    };
    network.map_err(|_| "write 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32".to_owned())
}

/// Whether a path begins as it should; or, with `*`, is what it should be.
fn fits(wanted: &[u8], path: &[u8]) -> bool {
    let mut pieces = wanted.split(|&byte| byte == b'*');
    let Some(mut rest) = pieces.next().and_then(|first| path.strip_prefix(first)) else {
        return false;
    };
    let mut pieces = pieces.peekable();
    if pieces.peek().is_none() {
        return true;
    }
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        match memchr::memmem::find(rest, piece) {
            Some(at) => rest = rest.get(at + piece.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    true
}

/// Whether an error is of a kind: it, one below it, or any at all.
fn is_kind(wanted: &str, error: &str) -> bool {
    let below = error.strip_prefix(wanted);
    wanted.is_empty() || below.is_some_and(|below| below.is_empty() || below.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_one_a_class_or_a_range() {
        assert_eq!(statuses("404"), Ok(404..=404));
        assert_eq!(statuses("4xx"), Ok(400..=499));
        assert_eq!(statuses("400..403"), Ok(400..=403));
        for text in [
            "", "xx", "4x", "44xx", "0xx", "403..400", "1..2", "+04", "40", "4000", "400..", "ąxx",
        ] {
            assert!(statuses(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_path_is_a_beginning_or_a_pattern_for_all_of_it() {
        for (wanted, path, fit) in [
            ("/a", "/abc", true),
            ("/a", "/b/a", false),
            ("", "/", true),
            ("*", "/", true),
            ("*.php", "/wp/x.php", true),
            ("*.php", "/x.php5", false),
            ("/a*/c", "/a/b/c", true),
            ("/a*a", "/a", false),
            ("/*b*b", "/b", false),
            ("/*b*b", "/bb", true),
            ("*b*", "/abc", true),
        ] {
            assert_eq!(fits(wanted.as_bytes(), path.as_bytes()), fit, "{wanted} {path}");
        }
    }

    #[test]
    fn an_error_is_of_its_kind_and_of_those_above_it() {
        assert!(is_kind("", "cut_off.visitor"));
        assert!(is_kind("cut_off", "cut_off.visitor"));
        assert!(is_kind("cut_off.visitor", "cut_off.visitor"));
        assert!(!is_kind("cut", "cut_off.visitor"));
        assert!(!is_kind("visitor", "cut_off.visitor"));
    }

    #[test]
    fn a_network_is_an_address_or_a_prefix() {
        let holds = |network: &str, address: &str| {
            self::network(network)
                .unwrap()
                .contains(&address.parse::<IpAddr>().unwrap())
        };
        assert!(holds("203.0.113.7", "203.0.113.7"));
        assert!(holds("::ffff:203.0.113.7", "203.0.113.7"));
        assert!(!holds("203.0.113.7", "203.0.113.0"));
        assert!(
            holds("203.0.113.7/16", "203.0.0.0"),
            "a shortened address is in its prefix"
        );
        assert!(holds("2001:db8::/32", "2001:db8:1::"));
        assert!(network("203.0.113").is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_argument_is_survived(text in "\\PC{0,12}|[0-9x.*]{0,8}", path in "[/a*]{0,8}") {
            let _ = statuses(&text);
            let _ = network(&text);
            proptest::prop_assert!(fits(path.as_bytes(), path.as_bytes()));
        }
    }
}
