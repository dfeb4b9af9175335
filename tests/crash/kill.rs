//! `kill -9` under load, again and again. What was answered shortly before may be lost, as the README says; how shortly
//! is told at the end.

use std::io::{Write, stderr};
use std::thread;
use std::time::Duration;

use jiff::SignedDuration;
use townclerk::clock::Clock;

use super::{Crowd, Dice, GENEROUS, Office, asked_for};
use crate::town::Cms;

/// How many kills; a soak is this and some hours.
const KILLS: &str = "TOWNCLERK_KILLS";
/// So many of them hit the same journal.
const EACH: u32 = 10;
/// Between two requests of a visitor: the server has the machine for itself, not they.
const PAUSE: Duration = Duration::from_micros(500);
/// One in so many comes late.
const LONG: u32 = 20;

#[test]
fn a_killed_server_has_lost_nothing_but_the_last_moment_and_goes_on() {
    let kills = asked_for(KILLS, 10);
    let mut lost = Vec::new();
    let mut answered = 0;
    let mut dice = Dice(u64::from(kills));
    for first in (0..kills).step_by(EACH as usize) {
        let (cms, folder) = (Cms::page("dzień dobry"), tempfile::tempdir().expect("a folder"));
        let office = Office::before(&cms, folder.path());
        let mut ends = Vec::new();
        for number in first..kills.min(first + EACH) {
            let serving = office.start();
            assert_eq!(ends.len(), starts(&office) - 1, "every start is an event");
            office.is_not_wrong();
            let crowd = Crowd::asking(4, &ends.len().to_string(), serving.address, PAUSE);
            // Mostly soon after the start; sometimes when there is something that must not be lost.
            let least = if number % LONG == 0 { GENEROUS } else { Duration::ZERO };
            thread::sleep(least + Duration::from_millis(50 + dice.below(350)));
            let killed = Clock::system().now();
            serving.kill();
            let visits = crowd.leave_when_it_is_gone();
            answered += visits.answered.len();
            ends.push((visits, killed));
        }
        assert_eq!(office.start().stop().code, Some(0));
        office.is_whole("");
        let there = office.there();
        for (visits, killed) in &ends {
            lost.extend(there.lost(visits, *killed, GENEROUS));
        }
    }
    tell(kills, answered, &mut lost);
}

/// How many starts the events tell of.
fn starts(office: &Office) -> usize {
    office.events("journal.start").len()
}

/// Prints how long before their kill the lost ones were answered.
fn tell(kills: u32, answered: usize, lost: &mut [SignedDuration]) {
    lost.sort_unstable();
    let percentile = |percent: usize| {
        let at = (lost.len() * percent).div_ceil(100).saturating_sub(1);
        lost.get(at).map_or(0.0, |lost| lost.as_secs_f64() * 1e3)
    };
    let _ = writeln!(
        stderr(), // println would be captured, and so not seen
        "{kills} kills: of {answered} answered requests {} have no line; they were answered before the kill: half of \
         them {:.1} ms or less, 90 % {:.1}, 99 % {:.1}, all {:.1}",
        lost.len(),
        percentile(50),
        percentile(90),
        percentile(99),
        percentile(100),
    );
}
