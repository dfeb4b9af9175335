//! Disks that fail: a sync whose pages are gone afterwards, a device that is gone, a file system that became read-only.

use std::fs;
use std::thread;
use std::time::Duration;

use townclerk::clock::Clock;
use townclerk::journal::Log;

use super::disk::{Disk, Failing, Mounted, ext4};
use super::{Crowd, GENEROUS, Office};
use crate::drain::until;
use crate::serve::program::Serving;
use crate::town::{Cms, HOST, Visitor};

const PAUSE: Duration = Duration::from_millis(5);

fn status(serving: &Serving) -> u16 {
    let mut visitor = Visitor::to(serving.address);
    visitor.send(format!("HEAD / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"));
    visitor.answer_to("HEAD").status
}

/// Whether so many failures are told, and the last of them signed: what it kept from the disk is durable before that.
fn is_made_good(office: &Office, failures: usize) -> bool {
    let events = office.lines(Log::Events);
    let told = events.iter().enumerate();
    let mut failed = told.filter(|(_, event)| event["event.name"] == "journal.failure");
    let checkpoint = fs::read_to_string(office.journal.join("events/checkpoint")).unwrap_or_default();
    let signed = checkpoint
        .lines()
        .nth(1)
        .and_then(|size| size.parse().ok())
        .unwrap_or(0);
    failed.nth(failures - 1).is_some_and(|(index, _)| index < signed)
}

#[test]
fn a_sync_that_failed_is_not_believed_when_the_next_one_succeeds() {
    let what = "a sync that fails";
    let cms = Cms::page("x");
    let Some(disk) = Disk::of_ext4(what) else { return };
    let Some(mounted) = disk.mount(what) else { return };
    let office = Office::before(&cms, mounted.path());
    let serving = office.start();
    let crowd = Crowd::asking(2, "all", serving.address, PAUSE);
    for times in 1..=3 {
        thread::sleep(Duration::from_millis(200));
        // An entry's page; the kernel marks it clean all the same, and the next fdatasync(2) succeeds.
        disk.fail(Failing::Once(b"\"user_agent\""));
        until(|| disk.failed() == times);
        // Two failures in a row are another matter, however long the machine takes for the segment that takes over.
        until(|| is_made_good(&office, times as usize));
    }
    let visits = crowd.leave();
    assert_eq!(serving.stop().code, Some(0));
    assert_eq!(visits.refused, 0);
    drop(mounted); // and with it what only memory remembers

    let mounted = disk.mount(what).expect("as before");
    let office = office.moved_to(mounted.path());
    office.is_whole("");
    assert_eq!(office.start().stop().code, Some(0));
    office.is_whole("");
    office.checked(&visits, Clock::system().now(), Duration::ZERO);
    let failures = office.events("journal.failure");
    assert!(failures.len() >= 3, "{failures:#?}");
    assert!(
        failures
            .iter()
            .all(|failure| failure["what"] == "sync" && failure["error.type"] == "device"),
        "{failures:#?}"
    );
}

#[test]
fn a_device_that_is_gone_loses_the_last_moment_and_refuses() {
    let what = "a disk that fails";
    let cms = Cms::page("x");
    let Some(disk) = Disk::of_ext4(what) else { return };
    let Some(mounted) = disk.mount(what) else { return };
    let office = Office::before(&cms, mounted.path());
    mounted.sync();
    let serving = office.start();
    let crowd = Crowd::asking(2, "all", serving.address, PAUSE);
    thread::sleep(Duration::from_secs(3));
    let gone = Clock::system().now();
    disk.fail(Failing::All);
    until(|| status(&serving) == 503);
    let visits = crowd.leave();
    let ended = serving.stop();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("entries could not be written"), "{ended:?}");
    drop(mounted);

    disk.fail(Failing::Not);
    let mounted = disk.mount(what).expect("as before");
    let office = office.goes_on_in(mounted.path());
    let lost = office.checked(&visits, gone, GENEROUS).len();
    assert!(lost < visits.answered.len(), "all {lost}");
}

#[test]
fn a_file_system_that_became_read_only_refuses_and_keeps_what_it_had() {
    let what = "a disk that becomes read-only";
    let (cms, image) = (Cms::page("x"), tempfile::NamedTempFile::new().expect("a file"));
    if ext4(image.path(), what).is_none() {
        return;
    }
    let Some(mounted) = Mounted::loop_device(image.path(), what) else {
        return;
    };
    let office = Office::before(&cms, mounted.path());
    mounted.sync();
    let mut serving = office.start();
    let crowd = Crowd::asking(2, "all", serving.address, PAUSE);
    thread::sleep(Duration::from_secs(3));
    let before = Clock::system().now();
    assert!(mounted.remount("abort"), "what the kernel does to ext4 after an error");
    until(|| status(&serving) == 503);
    serving.hear("read_only");
    let visits = crowd.leave();
    let ended = serving.stop();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    drop(mounted);

    let mounted = Mounted::loop_device(image.path(), what).expect("as before");
    let office = office.goes_on_in(mounted.path());
    office.checked(&visits, before, GENEROUS);
}
