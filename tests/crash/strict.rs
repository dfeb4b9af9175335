//! Strict durability on disks that lose their power, fail or stall: what was answered is there, if only as its arrival.

use std::collections::BTreeSet;
use std::fs;
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use townclerk::clock::Clock;
use townclerk::entry::Record;
use townclerk::journal::age::Identities;
use townclerk::journal::{Lines, Log};

use super::disk::{Disk, Failing, Mounted};
use super::{Crowd, Dice, Office, Visits};
use crate::town::{Cms, HOST, Visitor};

const PAUSE: Duration = Duration::from_millis(5);

impl Office {
    /// Everything that was answered before `end` has its arrival: there is no window. Whose entry is lost is listed.
    fn check_arrivals(&self, visits: &Visits, end: Timestamp) {
        let mut lines = Lines::of(&self.journal, Log::Arrivals, &Identities::default()).expect("a log");
        let mut arrived = BTreeSet::new();
        while let Some(line) = lines.next_line().expect("a line") {
            let record = Record::decode(line.text, line.segment.format, line.segment.day).expect("a record");
            arrived.insert(String::from_utf8(record.url_path().expect("a path").to_vec()).expect("text"));
        }
        for answered in visits.answered.iter().filter(|answered| answered.at <= end) {
            assert!(arrived.contains(&answered.path), "{answered:?} before {end}");
        }
    }
}

#[test]
fn a_power_cut_takes_nothing_that_was_answered() {
    let what = "power cuts, strict";
    let cms = Cms::page("x");
    let Some(disk) = Disk::of_ext4(what) else { return };
    let Some(mounted) = disk.mount(what) else { return };
    let office = Office::strict(&cms, mounted.path());
    mounted.sync();
    disk.record();
    let mut visits = Visits::default();
    for name in ["first", "second"] {
        let serving = office.start();
        let crowd = Crowd::asking(3, name, serving.address, Duration::from_millis(10));
        thread::sleep(Duration::from_secs(3));
        visits.extend(crowd.leave());
        serving.kill();
    }
    let calls = disk.calls();
    drop(mounted);

    let mut dice = Dice(11);
    const CUTS: usize = 20;
    for number in 0..CUTS {
        let part = calls / CUTS;
        let cut = disk.cut(part * number + dice.below(part as u64) as usize, &mut dice);
        let image = tempfile::NamedTempFile::new().expect("a file");
        fs::write(image.path(), &cut.image).expect("room");
        let mounted = Mounted::loop_device(image.path(), what).expect("ext4 survives it");
        let office = office.moved_to(mounted.path());
        office.check_arrivals(&visits, cut.at);
        assert_eq!(office.start().stop().code, Some(0));
        office.is_whole("");
        office.check_arrivals(&visits, cut.at);
    }
    assert!(visits.answered.len() > 100, "{}", visits.answered.len());
}

#[test]
fn a_kill_takes_nothing_that_was_answered() {
    let (cms, folder) = (Cms::page("x"), tempfile::tempdir().expect("a folder"));
    let office = Office::strict(&cms, folder.path());
    for number in 0..5 {
        let serving = office.start();
        let crowd = Crowd::asking(4, &number.to_string(), serving.address, PAUSE);
        thread::sleep(Duration::from_millis(300));
        serving.kill();
        let visits = crowd.leave_when_it_is_gone();
        assert!(!visits.answered.is_empty());
        office.check_arrivals(&visits, Clock::system().now());
    }
    assert_eq!(office.start().stop().code, Some(0));
    office.is_whole("");
}

#[test]
fn a_device_that_is_gone_takes_nothing_that_was_answered() {
    let what = "a disk that fails, strict";
    let cms = Cms::page("x");
    let Some(disk) = Disk::of_ext4(what) else { return };
    let Some(mounted) = disk.mount(what) else { return };
    let office = Office::strict(&cms, mounted.path());
    mounted.sync();
    let serving = office.start();
    let crowd = Crowd::asking(2, "all", serving.address, PAUSE);
    thread::sleep(Duration::from_secs(2));
    disk.fail(Failing::All);
    crowd.until_refused();
    let visits = crowd.leave();
    assert!(!visits.answered.is_empty());
    assert_eq!(serving.stop().code, Some(2));
    drop(mounted);

    disk.fail(Failing::Not);
    let mounted = disk.mount(what).expect("as before");
    let office = office.goes_on_in(mounted.path());
    office.check_arrivals(&visits, Clock::system().now());
}

#[test]
fn while_a_sync_stalls_the_cms_works_and_the_visitor_waits() {
    let what = "a disk that stalls";
    let cms = Cms::page("x");
    let Some(disk) = Disk::of_ext4(what) else { return };
    let Some(mounted) = disk.mount(what) else { return };
    let office = Office::strict(&cms, mounted.path());
    mounted.sync();
    let serving = office.start();
    let ask = |path: &str| {
        let mut visitor = Visitor::to(serving.address);
        visitor.send(format!(
            "GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"
        ));
        visitor
    };
    assert_eq!(ask("/before").answer().status, 200);
    disk.fail(Failing::Waiting);
    let waiting = ["/page", "/other"].map(|path| {
        let mut visitor = ask(path);
        thread::spawn(move || visitor.answer().status)
    });
    thread::sleep(Duration::from_secs(1));
    let (asked, answered) = (
        cms.received().len(),
        waiting.iter().any(|visitor| visitor.is_finished()),
    );
    disk.fail(Failing::Not); // before anything is asserted: a panic would wait for the disk for ever
    assert_eq!((asked, answered), (3, false));
    assert_eq!(waiting.map(|visitor| visitor.join().expect("no panic")), [200, 200]);
    assert_eq!(serving.stop().code, Some(0));
    office.is_whole("");
}
