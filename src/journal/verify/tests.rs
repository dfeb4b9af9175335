//! Every way in which a journal can be tampered with, and what is found.

mod evidence;
mod fixture;
mod history;
mod matrix;
mod noise;
mod retention;

use jiff::Timestamp;

use super::*;
use fixture::Fixture;

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

fn no_progress(_: u64, _: u64) {}

/// What is found in `access`, and nothing may be found in `events`.
fn found(fixture: &Fixture) -> Vec<Finding> {
    found_with(fixture, &[])
}

fn found_with(fixture: &Fixture, trusted: &[Vec<u8>]) -> Vec<Finding> {
    let report = fixture.verify(trusted).unwrap();
    assert_eq!(report.events.findings.listed(), []);
    report.access.findings.listed().to_vec()
}
