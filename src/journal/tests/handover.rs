//! A journal that changes hands while exchanges are open: each entry is written once, by whoever writes then.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::threads::{entry, key_of};
use super::*;
use crate::journal::arrivals::Promise;
use crate::journal::handover::{Handed, Heir};
use crate::journal::queue::Tally;
use crate::journal::simulated::ENOSPC;
use crate::journal::{Journal, Slot};

/// What an heir was told, and after how many words it takes no more.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Words>>);

#[derive(Default)]
struct Words {
    open: Vec<u64>,
    handed: Vec<Handed>,
    arrivals: Vec<(String, Promise)>,
    unrecorded: u64,
    deaf_after: Option<usize>,
}

impl Told {
    fn words(&self) -> std::sync::MutexGuard<'_, Words> {
        self.0.lock().unwrap()
    }

    fn wait(&self, come: impl Fn(&Words) -> bool) {
        while !come(&self.words()) {
            std::thread::yield_now();
        }
    }
}

impl Heir for Told {
    fn open(&mut self, exchanges: u64) -> io::Result<()> {
        self.words().open.push(exchanges);
        Ok(())
    }

    fn entry(&mut self, handed: &Handed, open: u64) -> io::Result<()> {
        let mut words = self.words();
        if words.deaf_after == Some(words.handed.len()) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        words.open.push(open);
        let again = Handed::new(handed.access.clone(), handed.addresses.clone());
        words.handed.push(again.expect("a line each"));
        Ok(())
    }

    fn arrival(&mut self, line: String, promise: Promise) -> io::Result<()> {
        self.words().arrivals.push((line, promise));
        Ok(())
    }

    fn count(&mut self, tally: Tally) -> io::Result<()> {
        self.words().unrecorded += tally.unrecorded;
        Ok(())
    }
}

/// A journal on a real disk.
struct Office {
    place: tempfile::TempDir,
    settings: Settings,
}

impl Office {
    fn new(durability: Durability) -> Self {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("journal");
        layout::init(&folder, &key_of(&folder), "town.example").unwrap();
        let key = key_of(&folder);
        let settings = Settings {
            folder,
            key,
            durability,
            on_failure: OnFailure::ServeAndCount,
            ..settings()
        };
        Self { place, settings }
    }

    fn open(&self) -> Result<Journal, OpenError> {
        let policy = policy("1", Retention::Unlimited);
        Journal::open(&self.settings, &policy, "version = 1", Clock::system())
    }

    fn resume(&self, journal: &Journal) -> Result<(), OpenError> {
        let policy = policy("1", Retention::Unlimited);
        journal.resume(&self.settings, &policy, "version = 1", Clock::system())
    }

    fn lines(&self, log: Log) -> Vec<String> {
        let identities = crate::journal::age::Identities::default();
        let mut lines = Lines::of(&self.place.path().join("journal"), log, &identities).unwrap();
        let mut read = Vec::new();
        while let Some(line) = lines.next_line().unwrap() {
            read.push(String::from_utf8(line.text.to_vec()).unwrap());
        }
        read
    }

    fn reasons(&self) -> Vec<String> {
        let events = self.lines(Log::Events).into_iter();
        let events = events.map(|line| serde_json::from_str::<Value>(&line).unwrap());
        let reasons = events.filter_map(|event| Some(event["reason"].as_str()?.to_owned()));
        reasons.collect()
    }
}

fn slots<const N: usize>(journal: &Journal) -> [Slot; N] {
    std::array::from_fn(|_| journal.reserve().unwrap())
}

#[test]
fn what_ends_after_it_was_given_back_is_written_by_whoever_takes_it() {
    let office = Office::new(Durability::Interval);
    let before = office.open().unwrap();
    let [first, second, third, _open] = slots(&before);
    first.append(&entry());
    before.release().unwrap();
    assert_eq!(
        (office.lines(Log::Access).len(), office.reasons()),
        (1, vec!["handed_over".to_owned()])
    );
    second.append(&entry());
    assert_eq!(office.lines(Log::Access).len(), 1, "it waits");

    let after = office.open().unwrap();
    let told = Told::default();
    before.hand_on(Box::new(told.clone()));
    third.append(&entry());
    told.wait(|words| words.handed.len() == 2);
    assert_eq!(told.words().open, [3, 2, 1]);
    let line = told.words().handed[0].access.clone();
    assert_eq!(line.trim_end(), office.lines(Log::Access)[0], "as it would have been");
    for handed in told.words().handed.drain(..) {
        after.take_handed(handed);
    }
    before.close().unwrap();
    assert_eq!(before.status().waiting, 1, "what is open has nobody to write it");
    after.close().unwrap();
    assert_eq!(after.status().waiting, 0);
    assert_eq!(office.lines(Log::Access).len(), 3);
    assert_eq!(office.reasons(), ["handed_over", "closed"]);
}

#[test]
fn where_nobody_takes_it_it_is_taken_back_and_nothing_is_lost_or_doubled() {
    let office = Office::new(Durability::Interval);
    let journal = office.open().unwrap();
    let [first, second, third, fourth] = slots(&journal);
    first.append(&entry());
    journal.release().unwrap();
    let other = office.open().unwrap();
    assert!(matches!(office.resume(&journal), Err(OpenError::Locked)));
    second.append(&entry());
    let told = Told::default();
    told.words().deaf_after = Some(1);
    journal.hand_on(Box::new(told.clone()));
    third.append(&entry());
    told.wait(|words| words.handed.len() == 1);
    journal.hold(); // all but one still wait
    other.close().unwrap();
    office.resume(&journal).unwrap();
    fourth.append(&entry());
    journal.close().unwrap();
    assert_eq!((office.lines(Log::Access).len(), journal.status().waiting), (3, 0));
    assert_eq!(office.reasons(), ["handed_over", "closed", "closed"]);
}

#[test]
fn held_back_it_waits_again() {
    let office = Office::new(Durability::Interval);
    let journal = office.open().unwrap();
    let [first, second] = slots(&journal);
    journal.release().unwrap();
    let told = Told::default();
    journal.hand_on(Box::new(told.clone()));
    first.append(&entry());
    journal.hold();
    second.append(&entry());
    assert!(matches!(journal.close(), Err(CloseError::NotTaken { lost: 1 })));
    assert_eq!(told.words().handed.len(), 1);
}

#[test]
fn what_has_no_entry_is_told_at_the_end() {
    let office = Office::new(Durability::Interval);
    let journal = office.open().unwrap();
    journal.release().unwrap();
    journal.count(0, 2, 0);
    let told = Told::default();
    journal.hand_on(Box::new(told.clone()));
    journal.close().unwrap();
    assert_eq!(told.words().unrecorded, 2);
}

#[test]
fn an_arrival_is_answered_when_the_heir_has_it_and_its_entry_names_it() {
    let office = Office::new(Durability::Strict);
    let before = office.open().unwrap();
    let [mut slot] = slots(&before);
    before.release().unwrap();
    let mut arrival = pin!(slot.arrive(&entry()).expect("it has a place"));
    let mut answer = || arrival.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(answer().is_pending());
    let after = office.open().unwrap();
    let told = Told::default();
    before.hand_on(Box::new(told.clone()));
    told.wait(|words| words.arrivals.len() == 1);
    slot.append(&entry()); // the visitor has left
    assert!(told.words().handed.is_empty(), "its line is not known yet");
    let (line, promise) = told.words().arrivals.remove(0);
    let mut taken = pin!(after.take_arrival(&line).index());
    let index = loop {
        match taken.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(index) => break index.expect("it is durable"),
            Poll::Pending => std::thread::yield_now(),
        }
    };
    assert_eq!(office.lines(Log::Arrivals).len(), 1);
    promise.keep_as(index);
    assert_eq!(answer(), Poll::Ready(Ok(())));
    told.wait(|words| words.handed.len() == 1);
    after.take_handed(told.words().handed.remove(0));
    before.close().unwrap();
    after.close().unwrap();
    let entries = office.lines(Log::Access);
    assert!(entries[0].contains(&format!("\"arrival\":{index}")), "{entries:?}");
}

#[test]
fn an_arrival_that_the_heir_never_has_is_counted() {
    let office = Office::new(Durability::Strict);
    let journal = office.open().unwrap();
    let [mut slot] = slots(&journal);
    journal.release().unwrap();
    let told = Told::default();
    journal.hand_on(Box::new(told.clone()));
    let mut arrival = pin!(slot.arrive(&entry()).expect("it has a place"));
    told.wait(|words| words.arrivals.len() == 1);
    told.words().arrivals.clear();
    let answer = arrival.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert_eq!(answer, Poll::Ready(Ok(())), "as it is configured");
    slot.append(&entry());
    told.wait(|words| words.handed.len() == 1);
    assert!(!told.words().handed[0].access.contains("arrival"));
    journal.close().unwrap();
}

#[test]
fn a_disk_that_fails_keeps_it_in_its_hands() {
    let mut bench = Bench::opened();
    bench.batch(["a"]).unwrap();
    bench.disk.fail(ENOSPC);
    bench.batch(["b"]).unwrap();
    assert!(matches!(
        bench.writer().release(),
        Err(CloseError::Disk { lost: 2, .. })
    ));
    bench.disk.heal();
    bench.wait(1);
    bench.batch(["c"]).unwrap();
    assert!(bench.events_named("journal.stop").is_empty());
    bench.close().unwrap();
    assert_eq!(bench.texts(), ["a", "b", "c"]);
}
