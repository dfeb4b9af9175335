//! Power cuts: a disk's writes are recorded while the server runs on it, and whatever a cut at any moment can leave of
//! them is mounted and looked at.

use std::fs;
use std::io::{Write, stderr};
use std::thread;
use std::time::Duration;

use super::disk::{Disk, Mounted};
use super::{Crowd, Dice, GENEROUS, Office, Visits, asked_for};
use crate::town::Cms;

/// How many states of the disk are looked at.
const CUTS: &str = "TOWNCLERK_POWER_CUTS";

const WHAT: &str = "power cuts";

#[test]
fn a_power_cut_takes_the_last_moment_and_nothing_that_was_signed() {
    let cms = Cms::page("x");
    let Some(disk) = Disk::of_ext4(WHAT) else { return };
    let Some(mounted) = disk.mount(WHAT) else { return };
    let office = Office::before(&cms, mounted.path());
    mounted.sync();
    disk.record();

    // Two starts, checkpoints of both kinds, and a kill in between.
    let mut visits = Visits::default();
    for name in ["first", "second"] {
        let serving = office.start();
        let crowd = Crowd::asking(2, name, serving.address, Duration::from_millis(20));
        thread::sleep(Duration::from_secs(6));
        visits.extend(crowd.leave());
        serving.kill();
    }
    assert_eq!(office.start().stop().code, Some(0));
    let calls = disk.calls();
    drop(mounted);

    let mut dice = Dice(7);
    let cuts = asked_for(CUTS, 15);
    let mut missing = 0;
    for number in 0..cuts {
        // Spread over all, each somewhere in its part.
        let (from, to) = (at(number, cuts, calls), at(number + 1, cuts, calls));
        let cut = disk.cut(from + dice.below((to - from) as u64) as usize, &mut dice);
        let image = tempfile::NamedTempFile::new().expect("a file");
        fs::write(image.path(), &cut.image).expect("room");
        let mounted = Mounted::loop_device(image.path(), WHAT).expect("ext4 survives it");
        let office = office.moved_to(mounted.path());
        // Before anything is mended: what was signed is there.
        office.is_not_wrong();
        assert_eq!(office.start().stop().code, Some(0));
        office.is_whole("");
        // The interval, a sync, and what a busy machine makes of them.
        missing += office.checked(&visits, cut.at, GENEROUS).len();
    }
    let _ = writeln!(
        stderr(),
        "{cuts} power cuts in {calls} writes and flushes: {answered} requests were answered, {lost} lines on average \
         missing",
        answered = visits.answered.len(),
        lost = missing / cuts.max(1) as usize,
    );
}

fn at(number: u32, cuts: u32, calls: usize) -> usize {
    calls * number as usize / cuts as usize
}
