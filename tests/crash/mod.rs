//! What is kept when a machine fails: processes are killed, power is cut, disks are full, broken or read-only, system
//! calls fail one by one. Afterwards the journal opens, verifies, and nothing that was acknowledged is missing.
//!
//! What needs root, a loop device, FUSE or strace is skipped where there is none. Longer runs are asked for by the
//! environment: [`asked_for`].

mod broken;
mod disk;
mod full;
mod init;
mod kill;
mod limits;
mod moved;
mod power;
mod strict;
pub mod sweep;

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use townclerk::clock::Clock;
use townclerk::journal::age::Identities;
use townclerk::journal::note::VerifierKey;
use townclerk::journal::verify::{Pinned, Report, Verdict, verify};
use townclerk::journal::{self, Lines, Log};

use crate::drain::until;
use crate::serve::program::Serving;
use crate::town::{Cms, HOST, Plan, Town, Visitor};

/// An entry that was answered so long before a kill is there: a batch's 5 ms many times over, for a machine that is
/// busy with other tests.
const GENEROUS: Duration = Duration::from_secs(2);

/// How much of something to do: what the environment says, or this.
pub fn asked_for(variable: &str, usual: u32) -> u32 {
    std::env::var(variable).map_or(usual, |text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} is no number: {text}"))
    })
}

/// A journal, its configuration, and the public keys, which were kept elsewhere.
pub struct Office {
    folder: PathBuf,
    pub config: PathBuf,
    pub journal: PathBuf,
    keys: Vec<VerifierKey>,
}

impl Office {
    /// Synced every 50 ms.
    pub fn before(cms: &Cms, folder: &Path) -> Self {
        Self::of(&Town::before(cms).journal("sync_interval = \"50 ms\""), folder)
    }

    /// The same, with strict durability.
    fn strict(cms: &Cms, folder: &Path) -> Self {
        let plan = Town::before(cms).journal("sync_interval = \"50 ms\", durability = \"strict\"");
        Self::of(&plan, folder)
    }

    pub fn of(plan: &Plan, folder: &Path) -> Self {
        let (config, journal) = plan.write(folder);
        let key = journal::init(&journal, &folder.join("journal.key"), HOST).expect("a journal");
        Self {
            folder: folder.to_owned(),
            config,
            journal,
            keys: Log::ALL.map(|log| key.verifier(log).clone()).to_vec(),
        }
    }

    /// The same files in another place.
    fn moved_to(&self, folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            config: folder.join("townclerk.toml"),
            journal: folder.join("journal"),
            keys: self.keys.clone(),
        }
    }

    /// The same files in another place, where the journal opens and is whole.
    fn goes_on_in(&self, folder: &Path) -> Self {
        let office = self.moved_to(folder);
        assert_eq!(office.start().stop().code, Some(0));
        office.is_whole("");
        office
    }

    /// Puts a policy of the next version in the place of the one that is there.
    fn next_policy(&self) {
        let file = self.folder.join("policy.toml");
        let text = fs::read_to_string(&file).expect("text");
        let (_, rest) = text.split_once("version = \"").expect("a version");
        let (version, _) = rest.split_once('"').expect("quoted");
        let next = version.parse::<u32>().expect("a number") + 1;
        let (old, new) = (format!("version = \"{version}\""), format!("version = \"{next}\""));
        fs::write(file, text.replacen(&old, &new, 1)).expect("room");
    }

    /// The events of this name.
    pub fn events(&self, name: &str) -> Vec<Value> {
        let events = self.lines(Log::Events).into_iter();
        events.filter(|event| event["event.name"] == name).collect()
    }

    pub fn lines(&self, log: Log) -> Vec<Value> {
        let mut lines = Lines::of(&self.journal, log, &Identities::default()).expect("a log");
        let mut read = Vec::new();
        while let Some(line) = lines.next_line().expect("a line") {
            read.push(serde_json::from_slice(line.text).unwrap_or_else(|error| panic!("{error}: {line:?}")));
        }
        read
    }

    pub fn start(&self) -> Serving {
        Serving::start(&self.config)
    }

    /// Holds against it what `journal verify` finds.
    pub fn is_whole(&self, place: &str) {
        is_whole(&self.journal, &self.keys, place);
    }

    /// The same right after a kill or a power cut: its end may not be signed.
    pub fn is_not_wrong(&self) {
        let report = verified(&self.journal, &self.keys);
        assert_ne!(report.verdict(), Verdict::Wrong, "{report:#?}");
    }

    /// What is there: every line once, in the order in which its visitor asked, and one that was asked for.
    fn there(&self) -> There {
        let mut last = BTreeMap::new();
        let mut paths = HashSet::new();
        for entry in self.lines(Log::Access) {
            let path = entry["url"]["path"].as_str().expect("a path").to_owned();
            let (visitor, number) = path.rsplit_once('/').expect("two parts");
            let number: u32 = number.parse().expect("a number");
            let before = last.insert(visitor.to_owned(), number);
            assert!(before.is_none_or(|before| before < number), "{path} after {before:?}");
            paths.insert(path);
        }
        There(paths)
    }

    /// [`There::lost`] of what is there now.
    fn checked(&self, visits: &Visits, end: Timestamp, window: Duration) -> Vec<SignedDuration> {
        self.there().lost(visits, end, window)
    }
}

/// The paths that have a line.
struct There(HashSet<String>);

impl There {
    /// What was answered `window` before `end` has its line. How long before the end those were answered that have
    /// none.
    fn lost(&self, visits: &Visits, end: Timestamp, window: Duration) -> Vec<SignedDuration> {
        let answered = visits.answered.iter().filter(|answered| answered.at <= end);
        let without = answered.filter(|answered| !self.0.contains(&answered.path));
        let lost: Vec<_> = without.map(|answered| end.duration_since(answered.at)).collect();
        let window = SignedDuration::try_from(window).expect("short");
        let worst = lost.iter().max().copied().unwrap_or_default();
        assert!(worst <= window, "what was answered {worst:?} before has no line");
        lost
    }
}

/// What the library's verification says of a journal.
pub fn verified(journal: &Path, keys: &[VerifierKey]) -> Report {
    let pinned = Pinned {
        keys,
        trusted: &[],
        identities: &Identities::default(),
    };
    verify(journal, pinned, Clock::system().now(), &mut |_, _| {}).expect("a journal")
}

fn is_whole(journal: &Path, keys: &[VerifierKey], place: &str) {
    let report = verified(journal, keys);
    assert_eq!(report.verdict(), Verdict::Whole, "{place}: {report:#?}");
}

/// A request that was answered as it should be.
#[derive(Clone, Debug)]
struct Answered {
    path: String,
    at: Timestamp,
}

/// What visitors were told.
#[derive(Debug, Default)]
struct Visits {
    answered: Vec<Answered>,
    /// How many were refused with 503.
    refused: u32,
}

impl Visits {
    fn extend(&mut self, more: Self) {
        self.answered.extend(more.answered);
        self.refused += more.refused;
    }
}

/// Visitors who ask again as soon as they are answered, or after a pause, each over one connection, until they are told
/// to stop or the server is gone.
struct Crowd {
    enough: Arc<AtomicBool>,
    refused: Arc<AtomicBool>,
    /// Without a visitor where the server was gone before.
    visitors: Vec<JoinHandle<Option<Visits>>>,
}

impl Crowd {
    /// Their paths begin with `name`; each pauses between two requests.
    fn asking(visitors: u32, name: &str, server: SocketAddr, pause: Duration) -> Self {
        let (enough, refused) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let visitors = (0..visitors).map(|visitor| {
            let name = format!("/{name}.{visitor}");
            let (enough, refused) = (Arc::clone(&enough), Arc::clone(&refused));
            let visitor = Visitor::try_to(server);
            thread::spawn(move || visitor.map(|visitor| browse(visitor, &name, pause, &enough, &refused)))
        });
        Self {
            visitors: visitors.collect(),
            enough,
            refused,
        }
    }

    /// Waits until one of them was refused.
    fn until_refused(&self) {
        until(|| self.refused.load(Ordering::Relaxed));
    }

    /// Lets them go on until the server is gone.
    fn leave_when_it_is_gone(self) -> Visits {
        let mut visits = Visits::default();
        for visitor in self.visitors {
            visits.extend(visitor.join().expect("no panic").unwrap_or_default());
        }
        visits
    }

    fn leave(self) -> Visits {
        self.enough.store(true, Ordering::Relaxed);
        self.leave_when_it_is_gone()
    }
}

fn browse(mut visitor: Visitor, name: &str, pause: Duration, enough: &AtomicBool, refused: &AtomicBool) -> Visits {
    let mut visits = Visits::default();
    for number in 0.. {
        if enough.load(Ordering::Relaxed) {
            break;
        }
        let path = format!("{name}/{number}");
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {HOST}\r\nUser-Agent: {}\r\n\r\n",
            "a".repeat(700)
        );
        if !visitor.try_send(request) {
            break;
        }
        match visitor.try_answer() {
            Some(answer) if answer.status == 200 && answer.whole => visits.answered.push(Answered {
                path,
                at: Clock::system().now(),
            }),
            Some(answer) if answer.status == 503 => {
                visits.refused += 1;
                refused.store(true, Ordering::Relaxed);
            }
            Some(answer) if answer.whole => panic!("{path}: {answer:?}"),
            _ => break,
        }
        thread::sleep(pause);
    }
    visits
}

/// The segments of a log, in order.
fn segments(journal: &Path, log: Log) -> Vec<PathBuf> {
    let files = fs::read_dir(journal.join(log.folder())).expect("a log").flatten();
    let mut segments: Vec<_> = files
        .map(|file| file.path())
        .filter(|path| path.extension().is_some_and(|end| end == "jsonl"))
        .collect();
    segments.sort();
    segments
}

/// Numbers that look random, the same each time.
struct Dice(u64);

impl Dice {
    /// A number below `n`.
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n.max(1)
    }
}
