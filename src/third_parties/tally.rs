//! What was reported, counted: by the other site, the kind and the page. Names and numbers, and nothing of who
//! reported.
//!
//! All of it comes from strangers, so its places are few, and reports are taken at a bounded rate.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use super::{Kind, Reports};
use crate::policy::ThirdParties;

/// Other sites that have a place of their own, more than a page has time to call.
const HOSTS_MAX: usize = 64;
/// Pages that have one, all sites and kinds together. Beyond them a call counts without its page.
const PAGES_MAX: usize = 256;
/// Bodies read in a second. A browser sends one or a few for a page.
const BODIES_MAX: u32 = 32;

/// The calls that browsers reported to a site under one version of its policy, shared by all threads.
#[derive(Debug)]
pub struct Tally {
    listed: ThirdParties,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    calls: BTreeMap<Box<str>, Calls>,
    pages: usize,
    others: u64,
    unread: u64,
    /// The second that it is, and the bodies that were read in it.
    second: (i64, u32),
}

/// How often, by kind and page; the page is empty where it has no place of its own.
type Calls = BTreeMap<(Kind, Box<str>), u64>;

/// All that a [`Tally`] holds at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// By other site; the policy's listings also when nothing was reported of them.
    pub called: BTreeMap<Box<str>, Called>,
    /// Reports that have no place: malformed, about no other site, or about one too many.
    pub others: u64,
    /// Bodies that were not read because there were too many.
    pub unread: u64,
}

/// One other site.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Called {
    /// Whether the policy lists it.
    pub declared: bool,
    /// How often, by kind and page; the page is empty where it has no place of its own.
    pub calls: BTreeMap<(Kind, Box<str>), u64>,
}

impl Called {
    /// All kinds and pages together.
    pub fn sum(&self) -> u64 {
        self.calls.values().sum()
    }
}

impl Tally {
    /// With nothing counted.
    pub fn new(listed: &ThirdParties) -> Self {
        Self {
            listed: listed.clone(),
            state: Mutex::default(),
        }
    }

    /// Whether one more body may be read now; if not, it is counted.
    pub fn admits(&self, now: Timestamp) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.second.0 != now.as_second() {
            state.second = (now.as_second(), 0);
        }
        if state.second.1 < BODIES_MAX {
            state.second.1 += 1;
            return true;
        }
        state.unread += 1;
        false
    }

    /// Counts what stood in a body.
    pub fn count(&self, reports: Reports) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *state;
        state.others += reports.others;
        for call in reports.calls {
            if !state.calls.contains_key(&call.host) && state.calls.len() >= HOSTS_MAX {
                state.others += 1;
                continue;
            }
            let calls = state.calls.entry(call.host).or_default();
            let mut place = (call.kind, call.page);
            if !calls.contains_key(&place) && !place.1.is_empty() {
                if state.pages < PAGES_MAX {
                    state.pages += 1;
                } else {
                    place.1 = "".into();
                }
            }
            *calls.entry(place).or_default() += 1;
        }
    }

    /// What was counted so far.
    pub fn snapshot(&self) -> Snapshot {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let listed = self.listed.allowed.iter().map(|site| {
            let declared = Called {
                declared: true,
                ..Called::default()
            };
            (site.host.to_string().into(), declared)
        });
        let mut called: BTreeMap<Box<str>, Called> = listed.collect();
        for (host, calls) in &state.calls {
            let declared = self.listed.allowed.iter().any(|site| site.host.covers(host));
            let calls = calls.clone();
            called.insert(host.clone(), Called { declared, calls });
        }
        Snapshot {
            called,
            others: state.others,
            unread: state.unread,
        }
    }
}
