//! The policy: whether it is looked at now and then, and whether it lists what the site does.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use super::super::journal::readable;
use super::{Checks, State, count};
use crate::config::Site;
use crate::cookies::Keys;
use crate::journal::{CallsSeen, Inventory};
use crate::policy::Mode;

/// Cookies and third parties count if they were seen within this time.
const LATELY: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Whether the policy is looked at now and then, and its cookies can be sealed.
pub(super) fn look_at(site: &Site, now: Timestamp, checks: &mut Checks) {
    let policy = &site.policy;
    let today = now.to_zoned(TimeZone::UTC).date();
    let since = format!("version {} is in force since {}", policy.version, policy.effective);
    match policy.effective.saturating_add(1.year()) < today {
        true => checks.add(
            State::Warning,
            "policy",
            format!("{since}, longer than a year"),
            "let the data protection officer see whether all of it still holds, and date it anew as another version",
        ),
        false => checks.well("policy", since),
    }
    match site.cookie_keys.as_deref().map(Keys::load) {
        None => {}
        Some(Ok(_)) => checks.well("cookie key", "is there, and only its user can read it"),
        Some(Err(error)) => checks.add(State::Problem, "cookie key", error.to_string(), error.remedy()),
    }
}

/// What the CMS sets and the policy does not list. Names that only browsers bring may be anything, and are counted.
pub(super) fn look_at_cookies(site: &Site, now: Timestamp, checks: &mut Checks) {
    const REMEDY: &str = "`townclerk cookies` shows what becomes of them; list in [cookies] what the site needs";
    let lately = now.checked_sub(LATELY).unwrap_or(Timestamp::MIN);
    let inventory = match Inventory::of(&site.journal.folder, Some(lately)) {
        Ok(inventory) => inventory,
        Err(error) => return checks.add(State::Problem, "cookies", error.to_string(), "see what is mounted"),
    };
    let (from_cms, others): (Vec<_>, Vec<_>) = inventory.undeclared().partition(|(_, cookie)| cookie.is_from_cms());
    if from_cms.is_empty() {
        let others = match others.len() {
            0 => String::new(),
            others => format!("; browsers brought {} that it does not", count(others, "name")),
        };
        return checks.well("cookies", format!("the policy lists what the CMS sets{others}"));
    }
    let names: Vec<_> = from_cms
        .iter()
        .map(|(name, cookie)| match inventory.is_new(cookie) {
            true => format!("{} (new)", readable(name)),
            false => readable(name),
        })
        .collect();
    let found = format!("the CMS sets what the policy does not list: {}", names.join(", "));
    checks.add(State::Warning, "cookies", found, REMEDY);
}

/// Which other sites pages call, as browsers say, and whether the policy lists them.
pub(super) fn look_at_third_parties(site: &Site, now: Timestamp, checks: &mut Checks) {
    const WHAT: &str = "other sites";
    const REMEDY: &str = "`townclerk third-parties` shows on which pages; take out what the office does not need, and \
        list the rest in [third_parties]";
    let Some(rules) = &site.policy.third_parties else {
        return checks.well(WHAT, "are not looked at: the policy has no [third_parties]");
    };
    let lately = now.checked_sub(LATELY).unwrap_or(Timestamp::MIN);
    let seen = match CallsSeen::of(&site.journal.folder, Some(lately)) {
        Ok(seen) => seen,
        Err(error) => return checks.add(State::Problem, WHAT, error.to_string(), "see what is mounted"),
    };
    // Listed by now, whatever the policy was when they were reported.
    let listed = |host: &str| rules.allowed.iter().any(|site| site.host.covers(host));
    let called = seen.undeclared().filter(|(host, _)| !listed(host));
    let names: Vec<_> = called
        .map(|(host, called)| match seen.is_new(called) {
            true => format!("{} (new)", readable(host)),
            false => readable(host),
        })
        .collect();
    match (rules.mode, names.is_empty()) {
        (Mode::Observe, true) if seen.told.is_none() => checks.well(WHAT, "are observed, and nothing was told yet"),
        (Mode::Observe, true) => checks.well(
            WHAT,
            "are only observed; no page was seen to call one that is not listed",
        ),
        (Mode::Observe, false) => {
            let found = format!("pages call some that the policy does not list: {}", names.join(", "));
            checks.add(State::Warning, WHAT, found, REMEDY);
        }
        (Mode::Enforce, true) => checks.well(WHAT, "browsers are told to call none that is not listed"),
        (Mode::Enforce, false) => checks.well(
            WHAT,
            format!(
                "browsers are told not to call these, which pages try to: {}",
                names.join(", ")
            ),
        ),
    }
}
