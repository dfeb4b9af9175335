//! The inventory: which cookies were seen, who set them, and what became of them. Names and numbers, never values.
//!
//! Names on requests are chosen by strangers. So they are few (half the places at most), short, and none that looks
//! like a person's: an address, a PESEL number. What has no place of its own is counted among the others.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use super::counts::{Row, Traffic};
use super::name::Standing;
use super::{Judged, JudgedCrumb, NAME_BYTES_MAX};
use crate::policy::Cookies;

/// Undeclared names held, as many as a site can sensibly have.
const NAMES_MAX: usize = 256;
/// Those of them that only requests brought: strangers must not crowd out what the CMS sets.
const NAMES_FROM_REQUESTS_MAX: usize = NAMES_MAX / 2;
/// The digits of a PESEL number.
const PESEL_DIGITS: usize = 11;

/// The inventory of a site under one version of its policy, shared by all threads. Counting takes no lock for a
/// declared cookie, and a shared one for the others.
#[derive(Debug)]
pub struct Tally {
    /// A row for each listing, in the policy's order, with its name as the policy writes it; behind them the mark's.
    declared: Vec<(String, Row)>,
    found: RwLock<HashMap<Box<[u8]>, Row>>,
    others: Row,
}

/// All that a [`Tally`] holds at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// What has a place of its own, by name; declared cookies also when none was seen yet.
    pub seen: Vec<Seen>,
    /// What has none: malformed, too long, personal, or one too many.
    pub others: Traffic,
    /// All of them together.
    pub total: Traffic,
}

/// One name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The cookie's name; what the policy lists as `NAME*` or `NAME<hex32>` is written so, and an undeclared name that
    /// ends with 32 hexadecimal digits as well. Empty: the CMS sets a cookie without a name.
    pub name: String,
    /// Whether the policy lists it.
    pub declared: bool,
    /// How often, and what became of it.
    pub traffic: Traffic,
}

impl Seen {
    /// Whether the CMS sets it. If not, scripts do, or it stems from earlier days.
    pub fn from_cms(&self) -> bool {
        self.traffic.set.sum() > 0
    }
}

impl Tally {
    /// An empty inventory for these rules. It numbers the listings as they do: another version of the policy needs
    /// another tally.
    pub fn new(rules: &Cookies) -> Self {
        let names = rules.allowed.iter().map(|listing| listing.name.to_string());
        let mark = rules.first_page.iter().map(|mark| mark.name.clone());
        let declared = names.chain(mark).map(|name| (name, Row::default())).collect();
        Self {
            declared,
            found: RwLock::default(),
            others: Row::default(),
        }
    }

    /// Counts a crumb of a request.
    pub(super) fn count_sent(&self, crumb: &JudgedCrumb<'_>) {
        self.with_row(crumb.name, crumb.standing, Source::Request, |row| {
            row.sent.add(crumb.verdict)
        });
    }

    /// Counts a `Set-Cookie` line of the CMS.
    pub(super) fn count_set(&self, line: &Judged<'_>) {
        self.with_row(line.name, line.standing, Source::Cms, |row| row.set.add(line.verdict));
    }

    /// What was counted so far.
    pub fn snapshot(&self) -> Snapshot {
        let found = self.found.read().unwrap_or_else(PoisonError::into_inner);
        let declared = self.declared.iter().map(|(name, row)| Seen {
            name: name.clone(),
            declared: true,
            traffic: row.read(),
        });
        let undeclared = found.iter().map(|(name, row)| Seen {
            name: String::from_utf8_lossy(name).into_owned(),
            declared: false,
            traffic: row.read(),
        });
        let mut seen: Vec<Seen> = declared.chain(undeclared).collect();
        seen.sort_by(|one, other| one.name.cmp(&other.name));

        let others = self.others.read();
        let total = seen.iter().fold(others, |sum, seen| sum.plus(seen.traffic));
        Snapshot { seen, others, total }
    }

    fn with_row(&self, name: &[u8], standing: Standing<'_>, source: Source, count: impl Fn(&Row)) {
        let declared = match standing {
            Standing::Listed { index, .. } => self.declared.get(index),
            Standing::Mark(_) => self.declared.last(),
            Standing::Unlisted | Standing::Malformed => None,
        };
        if let Some((_, row)) = declared {
            return count(row);
        }
        let mut buffer = [0; NAME_BYTES_MAX];
        let Some(name) = folded(name, &mut buffer).filter(|name| source.may_name(name, standing)) else {
            return count(&self.others);
        };
        if let Some(row) = self.found.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return count(row);
        }
        let mut found = self.found.write().unwrap_or_else(PoisonError::into_inner);
        if found.len() < source.names_max() || found.contains_key(name) {
            count(found.entry(name.into()).or_default());
        } else {
            drop(found);
            count(&self.others);
        }
    }
}

/// Who brought a name.
#[derive(Clone, Copy)]
enum Source {
    Request,
    Cms,
}

impl Source {
    fn names_max(self) -> usize {
        match self {
            Self::Request => NAMES_FROM_REQUESTS_MAX,
            Self::Cms => NAMES_MAX,
        }
    }

    /// Whether a name may be held. The CMS is trusted not to put persons into names, strangers are not.
    fn may_name(self, name: &[u8], standing: Standing<'_>) -> bool {
        match self {
            Self::Request => !name.is_empty() && standing != Standing::Malformed && !looks_personal(name),
            Self::Cms => name.iter().all(|byte| byte.is_ascii_graphic()),
        }
    }
}

/// The name under which one is held: 32 hexadecimal digits at its end are a hash, and written as a policy would. `None`
/// if it is too long.
fn folded<'a>(name: &'a [u8], buffer: &'a mut [u8; NAME_BYTES_MAX]) -> Option<&'a [u8]> {
    const HEX32: &[u8] = b"<hex32>";
    if name.len() > NAME_BYTES_MAX {
        return None;
    }
    match name.split_last_chunk::<32>() {
        Some((start, hash)) if hash.iter().all(u8::is_ascii_hexdigit) => {
            let length = start.len() + HEX32.len();
            buffer[..start.len()].copy_from_slice(start);
            buffer[start.len()..length].copy_from_slice(HEX32);
            Some(&buffer[..length])
        }
        _ => Some(name),
    }
}

fn looks_personal(name: &[u8]) -> bool {
    let has_pesel = name
        .split(|byte| !byte.is_ascii_digit())
        .any(|digits| digits.len() >= PESEL_DIGITS);
    // A token cannot hold `@`, but its percent-encoding.
    has_pesel || name.contains(&b'@') || name.windows(3).any(|bytes| bytes == b"%40")
}
