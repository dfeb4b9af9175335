//! A journal is copied under load, its machine is lost, and it goes on from the copy elsewhere.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use townclerk::clock::Clock;
use townclerk::journal::Log;

use super::{Crowd, Office, segments};
use crate::serve::program::{Ended, run};
use crate::town::{Cms, HOST};

/// Checkpoints come every ten seconds; what was answered so long before a copy is in it.
const SIGNED: Duration = Duration::from_secs(14);
/// Between two requests of a visitor.
const PAUSE: Duration = Duration::from_millis(2);

fn journal(office: &Office, arguments: &[&str]) -> Ended {
    let config = office.config.to_string_lossy();
    let mut all = vec!["journal"];
    all.extend(arguments);
    all.extend(["--config", &config]);
    run(&all)
}

fn copy(office: &Office, to: &Path) -> Ended {
    journal(office, &["copy", &to.to_string_lossy()])
}

/// A copy that goes well, and when it was begun.
fn copied(office: &Office, to: &Path) -> (Timestamp, String) {
    let begun = Clock::system().now();
    let ended = copy(office, to);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    assert!(ended.out.contains("\nverdict     whole"), "{}", ended.out);
    (begun, ended.out)
}

/// Every path below a folder, with its mode.
fn modes(folder: &Path) -> Vec<(PathBuf, u32)> {
    use std::os::unix::fs::PermissionsExt;
    let mut found = vec![(
        folder.to_owned(),
        fs::metadata(folder).expect("a folder").permissions().mode() & 0o7777,
    )];
    for file in fs::read_dir(folder).expect("a folder").flatten() {
        let (path, metadata) = (file.path(), file.metadata().expect("it is there"));
        if metadata.is_dir() {
            found.extend(modes(&path));
        } else if !metadata.is_symlink() {
            found.push((path, metadata.permissions().mode() & 0o7777));
        }
    }
    found
}

#[test]
fn a_journal_goes_on_from_its_copy_when_its_machine_is_lost() {
    let cms = Cms::page("dzień dobry");
    let [here, there, backup] = [(); 3].map(|()| tempfile::tempdir().expect("a folder"));
    let office = Office::strict(&cms, here.path());
    let to = backup.path().join("nightly/journal");
    let serving = office.start();
    let crowd = Crowd::asking(4, "first", serving.address, PAUSE);
    let (_, said) = copied(&office, &to);
    assert!(
        said.starts_with("copied      to ") && said.contains("a first copy"),
        "{said}"
    );
    thread::sleep(SIGNED);
    let (begun, said) = copied(&office, &to);
    assert!(said.contains("what was new since the last copy"), "{said}");
    for (path, mode) in modes(&to) {
        assert_eq!(mode, if path.is_dir() { 0o700 } else { 0o600 }, "{}", path.display());
    }
    // Kept elsewhere: what the journal said of itself before it was lost.
    let checkpoint = there.path().join("checkpoint");
    fs::copy(to.join("access/checkpoint"), &checkpoint).expect("a copy");
    serving.kill();
    let visits = crowd.leave_when_it_is_gone();

    for file in ["townclerk.toml", "policy.toml", "journal.key"] {
        fs::copy(here.path().join(file), there.path().join(file)).expect("a copy");
    }
    fs::rename(&to, there.path().join("journal")).expect("it moves");
    let office = office.moved_to(there.path());
    office.is_whole("the copy as it is");
    let serving = office.start();
    let crowd = Crowd::asking(2, "second", serving.address, PAUSE);
    thread::sleep(Duration::from_secs(1));
    let more = crowd.leave();
    assert_eq!(serving.stop().code, Some(0));
    let kept = office.there();
    kept.lost(&visits, begun, SIGNED);
    kept.lost(&more, Clock::system().now(), Duration::ZERO);
    let old = visits
        .answered
        .iter()
        .filter(|visit| kept.0.contains(&visit.path))
        .count();
    assert!(
        old > 100 && more.answered.len() > 10,
        "{old} of {}",
        visits.answered.len()
    );

    let keys: Vec<String> = office.keys.iter().map(ToString::to_string).collect();
    let mut verify = vec!["verify", "--checkpoint", checkpoint.to_str().expect("text")];
    verify.extend(keys.iter().flat_map(|key| ["--key", key]));
    let ended = journal(&office, &verify);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.out.contains("the newest checkpoint that agrees is of"),
        "{}",
        ended.out
    );
}

#[test]
fn only_an_earlier_copy_of_the_same_journal_is_written_to() {
    let cms = Cms::page("dzień dobry");
    let [here, place] = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
    let office = Office::before(&cms, here.path());
    assert_eq!(office.start().stop().code, Some(0));
    let refused = |to: &Path, words: &str| {
        let ended = copy(&office, to);
        assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{ended:?}");
        assert!(
            ended.err.contains(words) && ended.err.contains("hint: "),
            "{}",
            ended.err
        );
    };
    let strange = place.path().join("strange");
    fs::create_dir(&strange).expect("a folder");
    fs::write(strange.join("notes.txt"), "").expect("a file");
    refused(&strange, "no copy of this journal");
    refused(&office.journal, "in the journal itself");
    refused(&office.journal.join("access/copy"), "in the journal itself");

    let to = place.path().join("copy");
    copied(&office, &to);
    let (_, said) = copied(&office, &to);
    assert!(said.contains("nothing was new, 0 files"), "{said}");
    // What vanishes from the journal without a signed event stays in the copy, and is told.
    assert_eq!(office.start().stop().code, Some(0));
    copied(&office, &to);
    let gone = segments(&office.journal, Log::Events).remove(0);
    fs::remove_file(&gone).expect("it goes");
    let ended = copy(&office, &to);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let name = gone.file_name().expect("a name").to_string_lossy();
    assert!(
        ended
            .out
            .contains(&format!("events/{name}: the journal has it no longer")),
        "{}",
        ended.out
    );
    fs::copy(to.join("events").join(&*name), &gone).expect("it comes back");

    // Served, it has a history of its own.
    let elsewhere = office.moved_to(place.path());
    for file in ["townclerk.toml", "policy.toml", "journal.key"] {
        fs::copy(here.path().join(file), place.path().join(file)).expect("a copy");
    }
    fs::rename(&to, &elsewhere.journal).expect("it moves");
    let serving = elsewhere.start();
    refused(&elsewhere.journal, "another process has the copy open");
    assert_eq!(serving.stop().code, Some(0));
    refused(&elsewhere.journal, "is not an earlier state of the journal's");

    // A journal that is named by its folder is verified by keys that are given.
    let folder = office.journal.to_string_lossy().into_owned();
    let to = place.path().join("by-folder").to_string_lossy().into_owned();
    let ended = run(&["journal", "copy", &to, "--journal", &folder]);
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.err.contains(&format!("{HOST}/townclerk/access")) && ended.err.contains("--key"),
        "{}",
        ended.err
    );
    let mut all = vec![
        "journal".to_owned(),
        "copy".to_owned(),
        to,
        "--journal".to_owned(),
        folder,
    ];
    for log in Log::ALL {
        all.extend(["--key".to_owned(), office.keys[log as usize].to_string()]);
    }
    assert_eq!(run(&all).code, Some(0));
}
