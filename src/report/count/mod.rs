//! Requests, counted in one pass and in a space that does not grow with their number.
//!
//! What is here is about visitors. It leaves by [`super::anonymity`] alone.

mod cells;
mod distinct;
mod group;
mod path;
mod times;

pub(super) use cells::{Cell, Cells};
pub(super) use group::{Group, Measure};
pub(super) use path::folder;
pub(crate) use times::Times;

use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::net::IpAddr;

use foldhash::quality::RandomState;

use self::cells::Remembered;
use self::path::{Thing, template, thing};
use super::Period;
use crate::entry::{Family, Record};
use crate::policy::{AddressRule, AgentRule, Fields, Policy, ReferrerRule};

const DAY: i64 = 86_400;
/// Of an IPv6 address the part that a household has.
const HOUSEHOLD: u128 = !0 << (128 - 56);
/// How many names there may be of each kind.
const PAGES: usize = 1 << 14;
const OTHERS: usize = 1 << 12;
/// How many texts of a kind are remembered: 90 MB of both kinds, were all of them as long as a line holds.
const TEXTS: usize = 1 << 16;

/// What was counted of a period.
pub struct Counts {
    pub(super) period: Period,
    begin: i64,
    end: i64,
    /// Drawn for this run, and never written anywhere.
    keys: RandomState,
    /// What the records hold: what is not kept cannot be counted.
    pub(super) kept: Kept,
    pub(super) all: Group,
    pub(super) robots: Group,
    pub(super) views: Group,
    pub(super) visits: Group,
    pub(super) bytes: u64,
    pub(super) things: [(&'static str, Group); 6],
    pub(super) days: Vec<Group>,
    pub(super) hours: [Group; 24],
    pub(super) weekdays: [Group; 7],
    pub(super) pages: Cells,
    pub(super) entries: Cells,
    pub(super) files: Cells,
    pub(super) sites: Cells,
    pub(super) errors: Cells,
    /// By the page that holds the link and by where it leads, a line each.
    pub(super) broken: Cells,
    pub(super) statuses: BTreeMap<u16, Group>,
    pub(super) browsers: Known,
    pub(super) systems: Known,
    agents: Remembered<Agent>,
    paths: Remembered<(Thing, Option<u64>)>,
}

/// Which fields the records have, or the policy says that they have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) arrivals: bool,
    pub(super) addresses: bool,
    pub(super) urls: bool,
    pub(super) statuses: bool,
    pub(super) errors: bool,
    pub(super) bytes: bool,
    pub(super) agents: bool,
    pub(super) sites: bool,
    pub(super) holders: bool,
    pub(super) first_pages: bool,
    pub(super) times: bool,
}

/// Groups whose names are known beforehand, and what has none of them.
#[derive(Default)]
pub(super) struct Known {
    pub(super) named: Vec<(&'static str, Group)>,
    pub(super) rest: Group,
}

/// What an agent is: a robot, or a place in the tables of browsers and of systems.
#[derive(Clone, Copy)]
struct Agent {
    robot: bool,
    browser: Option<usize>,
    system: Option<usize>,
}

impl Kept {
    fn under(policy: &Policy) -> Self {
        let either = |is: fn(&Fields) -> bool| {
            is(&policy.access.fields) || policy.addresses.as_ref().is_some_and(|log| is(&log.fields))
        };
        Self {
            arrivals: policy.access.fields.arrived,
            addresses: either(|fields| fields.client_address != AddressRule::Omitted),
            urls: policy.access.fields.url,
            statuses: policy.access.fields.status,
            errors: policy.access.fields.error,
            bytes: policy.access.fields.bytes,
            agents: either(|fields| fields.user_agent != AgentRule::Omitted),
            sites: policy.access.fields.external_referrer != ReferrerRule::Omitted,
            holders: policy.access.fields.internal_referrer_on_errors,
            first_pages: policy.access.fields.first_page,
            times: false,
        }
    }
}

impl Known {
    /// The place of a name.
    fn place(&mut self, name: &'static str) -> usize {
        let place = self.named.iter().position(|(known, _)| *known == name);
        place.unwrap_or_else(|| {
            self.named.push((name, Group::default()));
            self.named.len() - 1
        })
    }

    fn add(&mut self, place: Option<usize>, visitor: Option<u64>, day: u16) {
        let named = place.and_then(|place| self.named.get_mut(place));
        named.map_or(&mut self.rest, |(_, group)| group).add(visitor, day);
    }
}

/// How a request ended, as far as it matters here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Good,
    NotFound,
    Failed,
    Other,
}

impl Counts {
    /// Of nothing so far. `policy` says what the records can hold.
    pub fn of(period: Period, policy: &Policy) -> Self {
        let (begin, end) = period.times();
        let cells = |_| Cells::new(OTHERS);
        let [entries, files, sites, errors, broken] = [(); 5].map(cells);
        Self {
            period,
            begin: begin.as_second(),
            end: end.as_second(),
            keys: RandomState::default(),
            kept: Kept::under(policy),
            all: Group::default(),
            robots: Group::default(),
            views: Group::default(),
            visits: Group::default(),
            bytes: 0,
            things: ["pages", "files", "parts", "not-found", "failed", "others"].map(|name| (name, Group::default())),
            days: vec![Group::default(); period.count()],
            hours: Default::default(),
            weekdays: Default::default(),
            pages: Cells::new(PAGES),
            entries,
            files,
            sites,
            errors,
            broken,
            statuses: BTreeMap::new(),
            browsers: Known::default(),
            systems: Known::default(),
            agents: Remembered::new(TEXTS),
            paths: Remembered::new(TEXTS),
        }
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.all.requests() == 0 && self.robots.requests() == 0
    }

    /// By what groups are measured: by visitors where most records tell whose they are.
    pub(super) fn measure(&self) -> Measure {
        match self.all.known() * 2 >= self.all.requests() && self.kept.addresses {
            true => Measure::Visitors,
            false => Measure::Requests,
        }
    }

    /// Counts a record if it is of the period. `to_the_millisecond`: whether its arrival is.
    pub fn take(&mut self, record: &Record<'_>, to_the_millisecond: bool) {
        let arrived = record.timestamp_or_midnight();
        let second = arrived.as_second();
        if !(self.begin..self.end).contains(&second) {
            return;
        }
        let day = u16::try_from((second - self.begin) / DAY).unwrap_or(u16::MAX - 1);
        let visitor = record.client_address().map(|address| self.visitor(address));
        let agent = self.agent(record);
        self.kept.addresses |= visitor.is_some();
        if agent.robot {
            self.robots.add(visitor, day);
            return;
        }
        self.all.add(visitor, day);
        if let Some(bytes) = record.http_response_body_size() {
            self.kept.bytes = true;
            self.bytes = self.bytes.saturating_add(bytes);
        }
        if let Some(error) = record.error_type() {
            self.kept.errors = true;
            self.errors.at(&self.keys, plain(error)).1.group.add(visitor, day);
        }
        let end = self.end_of(record, visitor, day);
        let (thing, page) = self.thing(record, end);
        let thing = match (thing, end) {
            (_, End::NotFound) => 3,
            (_, End::Failed) => 4,
            (_, End::Other) => 5,
            (Thing::Page, End::Good) => 0,
            (Thing::File, End::Good) => 1,
            (Thing::Part, End::Good) => 2,
        };
        if let Some((_, group)) = self.things.get_mut(thing) {
            group.add(visitor, day);
        }
        match (thing, page) {
            (0, page) => {
                let took = to_the_millisecond.then(|| took(record)).flatten();
                self.view(record, visitor, day, agent, page, took);
            }
            (1, Some(key)) => {
                if let Some(cell) = self.files.get(key) {
                    cell.group.add(visitor, day);
                }
            }
            (3, _) => self.broken_link(record, visitor, day),
            _ => {}
        }
    }

    /// A page that somebody saw.
    fn view(
        &mut self,
        record: &Record<'_>,
        visitor: Option<u64>,
        day: u16,
        agent: Agent,
        page: Option<u64>,
        took: Option<u64>,
    ) {
        let second = record.timestamp_or_midnight().as_second();
        self.views.add(visitor, day);
        if let Some(group) = self.days.get_mut(usize::from(day)) {
            group.add(visitor, day);
        }
        let (hour, weekday) = (
            second.rem_euclid(DAY) / 3_600,
            (second.div_euclid(DAY) + 3).rem_euclid(7),
        );
        if let (Some(hour), Some(weekday)) = (
            self.hours.get_mut(hour as usize),       // below 24
            self.weekdays.get_mut(weekday as usize), // below 7, Monday first: 1970 began with a Thursday
        ) {
            hour.add(visitor, day);
            weekday.add(visitor, day);
        }
        self.browsers.add(agent.browser, visitor, day);
        self.systems.add(agent.system, visitor, day);
        if let Some(page) = record.external_referrer() {
            self.kept.sites = true;
            match host(page) {
                Some(host) => self.sites.at(&self.keys, &host).1.group.add(visitor, day),
                None => self.sites.nameless().add(visitor, day),
            }
        }
        if record.is_first_page() {
            self.kept.first_pages = true;
            self.visits.add(visitor, day);
        }
        if let Some((key, cell)) = page.and_then(|key| Some((key, self.pages.get(key)?))) {
            cell.group.add(visitor, day);
            if record.is_first_page() {
                self.entries.with(key, &cell.name).group.add(visitor, day);
            }
            if let Some(milliseconds) = took {
                self.kept.times = true;
                cell.times.get_or_insert_default().add(milliseconds);
            }
        }
    }

    fn broken_link(&mut self, record: &Record<'_>, visitor: Option<u64>, day: u16) {
        let Some(holder) = record.internal_referrer() else {
            return;
        };
        self.kept.holders = true;
        let (Some(holder), Some(target)) = (template(holder), record.url_path().and_then(template)) else {
            return;
        };
        let name = format!("{holder}\n{target}");
        self.broken.at(&self.keys, &name).1.group.add(visitor, day);
    }

    fn end_of(&mut self, record: &Record<'_>, visitor: Option<u64>, day: u16) -> End {
        let is_read = record
            .http_request_method()
            .is_none_or(|method| matches!(method, "GET" | "POST"));
        let Some(status) = record.http_response_status_code() else {
            let failed = record.error_type().is_some() || self.kept.statuses;
            return if failed {
                End::Failed
            } else if is_read {
                End::Good
            } else {
                End::Other
            };
        };
        self.kept.statuses = true;
        self.statuses.entry(status).or_default().add(visitor, day);
        match status {
            404 | 410 => End::NotFound,
            400.. => End::Failed,
            200..300 | 304 if is_read => End::Good,
            _ => End::Other,
        }
    }

    /// What was asked for, and the group of its template where it was there.
    fn thing(&mut self, record: &Record<'_>, end: End) -> (Thing, Option<u64>) {
        let Some(path) = record.url_path() else {
            return (Thing::Page, None);
        };
        self.kept.urls = true;
        if end != End::Good {
            return (Thing::Page, None);
        }
        let (keys, pages, files) = (&self.keys, &mut self.pages, &mut self.files);
        let found = |cells: [&mut Cells; 2]| {
            let thing = thing(path);
            let [pages, files] = cells;
            let cells = match thing {
                Thing::Page => pages,
                Thing::File => files,
                Thing::Part => return (thing, None),
            };
            (thing, template(path).map(|name| cells.at(keys, &name).0))
        };
        let (thing, cell) = self.paths.get(path, || found([pages, files]));
        let is_there = match (thing, cell) {
            (Thing::Page, Some(cell)) => self.pages.get(cell).is_some(),
            (Thing::File, Some(cell)) => self.files.get(cell).is_some(),
            _ => true,
        };
        if is_there {
            return (thing, cell);
        }
        found([&mut self.pages, &mut self.files]) // it had lost its name, and comes anew
    }

    /// A number for an address: random, different in each run, and never 0.
    fn visitor(&self, address: IpAddr) -> u64 {
        let address = match address {
            IpAddr::V4(address) => u128::from(u32::from(address)),
            IpAddr::V6(address) => u128::from(address) & HOUSEHOLD,
        };
        self.keys.hash_one(address).max(1)
    }

    fn agent(&mut self, record: &Record<'_>) -> Agent {
        let Some(agent) = record.user_agent_original().or(record.user_agent_name()) else {
            return Agent {
                robot: false,
                browser: None,
                system: None,
            };
        };
        self.kept.agents = true;
        let (browsers, systems) = (&mut self.browsers, &mut self.systems);
        self.agents.get(agent, || {
            let family = Family::of(agent);
            Agent {
                robot: family.is_robot(),
                browser: family
                    .browser()
                    .filter(|_| !family.is_robot())
                    .map(|name| browsers.place(name)),
                system: family.system().map(|name| systems.place(name)),
            }
        })
    }
}

/// From the first byte of the request to the last one of the answer.
fn took(record: &Record<'_>) -> Option<u64> {
    let took = record.sent()?.duration_since(record.timestamp()?);
    u64::try_from(took.as_millis()).ok()
}

/// An error type as we write them.
fn plain(error: &str) -> &str {
    let plain = error.len() <= 40
        && error
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || b"._".contains(&byte));
    if plain { error } else { "" }
}

/// The host of a page of another site, in lower case.
fn host(page: &[u8]) -> Option<String> {
    let page = std::str::from_utf8(page).ok()?;
    let (_, rest) = page.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let host = rest.get(..end)?;
    let host = match host.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => host,
    };
    let right = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    let is_host = !host.is_empty() && host.len() <= 100 && host.bytes().all(right);
    is_host.then(|| host.trim_end_matches('.').to_ascii_lowercase())
}
