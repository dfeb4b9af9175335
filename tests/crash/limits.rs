//! A limit on the size of files, which the kernel says by a signal that ends a process.

use std::process::Command;
use std::time::Duration;

use townclerk::clock::Clock;
use townclerk::journal::Log;

use super::{Crowd, Office, segments};
use crate::drain::until;
use crate::serve::program::Serving;
use crate::skip::without;
use crate::town::{Cms, Town};

#[test]
fn a_file_that_may_not_grow_is_followed_by_the_next() {
    if without("prlimit", "--version", "a limit on the size of files") {
        return;
    }
    let (cms, folder) = (Cms::page("x"), tempfile::tempdir().expect("a folder"));
    // In a second far more is asked for than one file may hold.
    let office = Office::of(&Town::before(&cms).journal("sync_interval = \"1 s\""), folder.path());
    let mut limited = Command::new("prlimit");
    limited.arg("--fsize=50000").arg(env!("CARGO_BIN_EXE_townclerk"));
    limited.args(["serve", "--config"]).arg(&office.config);
    let serving = Serving::start_by(&mut limited).unwrap_or_else(|said| panic!("{said:#?}"));
    let crowd = Crowd::asking(16, "all", serving.address, Duration::from_millis(10));
    until(|| segments(&office.journal, Log::Access).len() >= 10);
    let visits = crowd.leave();
    assert_eq!(serving.stop().code, Some(0));
    assert_eq!(visits.refused, 0);
    office.is_whole("");
    office.checked(&visits, Clock::system().now(), Duration::ZERO);
    let failures = office.events("journal.failure");
    assert_eq!(failures[0]["error.type"], "file_too_large", "{failures:#?}");
}
