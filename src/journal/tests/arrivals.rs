//! Strict durability: what was answered is on the disk, if only as far as it was known when it arrived.

use std::pin::Pin;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use super::threads::{entry, key_of};
use super::*;
use crate::entry::Record;
use crate::journal::arrivals::{Moment, Promise};
use crate::journal::simulated::{EIO, Planned};
use crate::journal::{Arrival, Journal, Unmatched};

/// An exchange that waits for its arrival.
pub(super) struct Waiting {
    moment: Arc<Moment>,
    arrival: Arrival,
}

impl Waiting {
    pub(super) fn index(&self) -> u64 {
        self.moment.index().unwrap()
    }

    /// Whether it may be answered; `None` while it waits.
    pub(super) fn answer(&mut self) -> Option<bool> {
        match Pin::new(&mut self.arrival).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(may) => Some(may.is_ok()),
            Poll::Pending => None,
        }
    }
}

impl Bench {
    /// The writer takes an arrival with this text.
    pub(super) fn arrive(&mut self, text: &str) -> Waiting {
        let moment = Arc::<Moment>::default();
        let queue = Arc::clone(self.queue());
        let writer = self.writer();
        let promise = Promise::about(Arc::clone(&moment));
        let day = writer.batch_day;
        writer.arrivals.push(day, promise, |line| {
            line.extend_from_slice(format!("{text}\n").as_bytes());
        });
        Waiting {
            arrival: Arrival::new(Arc::clone(&moment), queue),
            moment,
        }
    }

    fn arrivals(&self) -> Vec<String> {
        let read = read(&self.disk, Log::Arrivals).into_iter();
        read.map(|(_, text)| text).collect()
    }
}

fn strict() -> Bench {
    let mut bench = Bench::new();
    bench.settings.durability = Durability::Strict;
    bench.open().unwrap();
    bench
}

#[test]
fn an_exchange_is_answered_when_its_arrival_would_survive_a_power_cut() {
    let mut bench = strict();
    let mut first = bench.arrive("first");
    assert_eq!(first.answer(), None);
    bench.batch([]).unwrap();
    assert_eq!(first.answer(), Some(true));
    bench.kill();
    bench.disk.cut_power(|_| 0);
    bench.open().unwrap();
    assert_eq!(bench.arrivals(), ["first"]);
    assert_eq!(bench.arrive("second").index(), 1);
}

#[test]
fn nothing_is_answered_too_early_whichever_call_to_the_disk_fails() {
    let mut answered = 0;
    for after in 0..60 {
        for (calls, done) in [(1, false), (1, true), (2, false), (60, true)] {
            let mut bench = strict();
            let mut before = bench.arrive("before");
            bench.batch([]).unwrap();
            assert_eq!(before.answer(), Some(true));
            bench.wait(86_400); // another day: a segment begins with the next
            bench.disk.plan(Planned {
                after,
                calls,
                errno: EIO,
                done,
            });
            let mut during = bench.arrive("during");
            bench.batch([]).unwrap();
            let is_answered = during.answer().unwrap();
            answered += u32::from(is_answered);
            bench.kill();
            bench.disk.cut_power(|_| 0);
            bench.open().unwrap();
            let there = bench.arrivals();
            assert_eq!(there[0], "before");
            assert!(there.len() == 2 || !is_answered, "{after} {calls} {done}");
        }
    }
    assert!(answered > 100, "{answered}");
}

#[test]
fn arrivals_that_wait_at_the_same_time_share_one_sync() {
    let mut bench = strict();
    bench.arrive("first");
    bench.batch([]).unwrap();
    let before = bench.disk.syncs();
    let waiting: Vec<_> = (0..10).map(|number| bench.arrive(&number.to_string())).collect();
    bench.batch(["an entry"]).unwrap();
    let begun = bench.disk.syncs() - before;
    assert!(waiting.into_iter().all(|mut waits| waits.answer() == Some(true)));
    assert!(begun > 1, "the segment of access");
    let before = bench.disk.syncs();
    (0..10).for_each(|number| drop(bench.arrive(&number.to_string())));
    bench.batch(["another"]).unwrap();
    assert_eq!(bench.disk.syncs() - before, 1);
}

#[test]
fn an_arrival_waits_for_no_sync_or_signature_of_the_entries() {
    let mut bench = strict();
    bench.arrive("a");
    bench.batch(["a"]).unwrap();
    bench.turns.slow(true);
    bench.wait(1);
    assert!(bench.turns.is_away());
    let mut during = bench.arrive("b");
    bench.batch(["b"]).unwrap();
    assert_eq!(during.answer(), Some(true));
    bench.turns.finish();
    bench.batch([]).unwrap();
    bench.wait(10);
    assert!(bench.turns.is_away());
    let mut during = bench.arrive("c");
    bench.batch([]).unwrap();
    assert_eq!(during.answer(), Some(true));
    bench.kill();
    bench.disk.cut_power(|_| 0);
    bench.open().unwrap();
    assert_eq!(bench.arrivals(), ["a", "b", "c"]);
}

#[test]
fn where_the_disk_fails_nobody_waits_and_what_was_taken_is_written_when_it_is_well() {
    for (on_failure, served) in [(OnFailure::Refuse, false), (OnFailure::ServeAndCount, true)] {
        let mut bench = Bench::new();
        bench.settings.on_failure = on_failure;
        bench.open().unwrap();
        bench.arrive("a");
        bench.batch(["a"]).unwrap();
        bench.disk.fail(EIO);
        let mut at_failure = bench.arrive("b");
        bench.batch([]).unwrap();
        assert_eq!(at_failure.answer(), Some(served));
        let mut in_failure = bench.arrive("c"); // it had its place before
        bench.batch([]).unwrap();
        assert_eq!(in_failure.answer(), Some(served));
        bench.disk.heal();
        bench.wait(1);
        let mut afterwards = bench.arrive("d");
        bench.batch([]).unwrap();
        assert_eq!(afterwards.answer(), Some(true));
        assert_eq!(bench.arrivals(), ["a", "b", "c", "d"]);
        let gaps = bench.events_named("journal.gap");
        let unsynced: Vec<_> = gaps.iter().map(|gap| &gap["unsynced"]).collect();
        match served {
            true => assert_eq!(unsynced, [2], "{gaps:?}"),
            false => assert_eq!(gaps.len(), 0, "each has its entry, of a 503"),
        }
    }
}

#[test]
fn an_entry_names_its_arrival_and_reaches_the_kernel_after_it_is_durable() {
    let mut bench = strict();
    bench.arrive("before");
    let mut slot = bench.gate().reserve().unwrap();
    let mut arrival = slot.arrive(&entry()).unwrap();
    slot.append(&entry());
    bench.take_all();
    bench.batch([]).unwrap();
    let mut context = Context::from_waker(Waker::noop());
    assert_eq!(Pin::new(&mut arrival).poll(&mut context), Poll::Ready(Ok(())));
    let texts = bench.texts();
    let name = Name::parse(&bench.segments()[0]).unwrap();
    let record = Record::decode(texts[0].as_bytes(), name.format, name.day).unwrap();
    assert_eq!(record.arrival(), Some(1));
    assert_eq!(bench.arrivals()[1], r#"{"timestamp":"2026-11-21T20:00:00.000Z"}"#);
}

#[test]
fn arrivals_that_a_crash_left_without_an_entry_can_be_told() {
    let mut bench = strict();
    for _ in 0..3 {
        let mut slot = bench.gate().reserve().unwrap();
        drop(slot.arrive(&entry()));
        slot.append(&entry());
    }
    let mut open = bench.gate().reserve().unwrap();
    let mut arrival = open.arrive(&entry()).unwrap();
    bench.take_all();
    bench.batch([]).unwrap();
    let mut context = Context::from_waker(Waker::noop());
    assert!(Pin::new(&mut arrival).poll(&mut context).is_ready());
    let unmatched = |bench: &Bench| {
        let unmatched = Unmatched::on(Arc::new(bench.disk.clone())).unwrap();
        (0..200).filter(|index| unmatched.has(*index)).collect::<Vec<_>>()
    };
    assert_eq!(unmatched(&bench), [3], "it is open");
    bench.kill();
    bench.disk.cut_power(|_| 0);
    assert_eq!(unmatched(&bench), [0, 1, 2, 3], "no entry was synced yet");
    bench.open().unwrap();
    let mut slot = bench.gate().reserve().unwrap();
    drop(slot.arrive(&entry()));
    slot.append(&entry());
    bench.take_all();
    bench.batch([]).unwrap();
    assert_eq!(unmatched(&bench), [0, 1, 2, 3]);
}

#[test]
fn arrivals_go_with_the_entries_and_the_rest_still_verifies() {
    let mut bench = Bench::new();
    bench.policy = policy("1", Retention::Days(3));
    bench.settings.durability = Durability::Strict;
    bench.open().unwrap();
    for day in 0..6 {
        bench.arrive(&format!("arrival {day}"));
        bench.batch([format!("entry {day}").as_str()]).unwrap();
        bench.wait(86_400);
    }
    let days = |texts: &[String]| -> Vec<_> {
        let last = texts.iter().filter_map(|text| text.split(' ').nth(1));
        last.map(str::to_owned).collect()
    };
    assert_eq!(days(&bench.arrivals()), days(&bench.texts()));
    assert!(bench.arrivals().len() < 4);
    bench.close().unwrap();
    let report = super::addresses::verified(&bench);
    assert_eq!(report.logs().count(), 3);
    assert_eq!(report.verdict(), crate::journal::verify::Verdict::Whole);
}

#[test]
fn a_journal_that_was_strict_goes_on_without() {
    let mut bench = strict();
    bench.arrive("a");
    bench.batch(["a"]).unwrap();
    bench.close().unwrap();
    bench.settings.durability = Durability::Interval;
    bench.open().unwrap();
    bench.batch(["b"]).unwrap();
    bench.close().unwrap();
    assert_eq!(bench.arrivals(), ["a"]);
    assert_eq!(
        super::addresses::verified(&bench).verdict(),
        crate::journal::verify::Verdict::Whole
    );
}

/// Wakes a thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn wait_for(mut arrival: Arrival) -> Result<(), Unavailable> {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        match Pin::new(&mut arrival).poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(durable) => return durable,
            Poll::Pending => thread::park(),
        }
    }
}

#[test]
fn many_threads_wait_for_the_one_that_writes_and_none_after_the_end() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("journal");
    layout::init(&folder, &key_of(&folder), "town.example").unwrap();
    let settings = Settings {
        key: key_of(&folder),
        folder: folder.clone(),
        queue: 1_024,
        durability: Durability::Strict,
        ..settings()
    };
    let policy = policy("1", Retention::Unlimited);
    let journal = Journal::open(&settings, &policy, "version = 1", Clock::system()).unwrap();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let mut slot = journal.reserve().unwrap();
                    let arrival = slot.arrive(&entry()).unwrap();
                    assert_eq!(wait_for(arrival), Ok(()));
                    slot.append(&entry());
                }
            });
        }
    });
    let mut slot = journal.reserve().unwrap();
    journal.close().unwrap();
    let arrival = slot.arrive(&entry()).unwrap();
    assert_eq!(wait_for(arrival), Err(Unavailable::Failed));
    let disk = Arc::new(crate::journal::disk::Folder::new(&folder));
    let mut lines = Lines::on(disk, Log::Access).unwrap();
    let mut arrivals = std::collections::BTreeSet::new();
    while let Some(line) = lines.next_line().unwrap() {
        let record = Record::decode(line.text, line.segment.format, line.segment.day).unwrap();
        arrivals.insert(record.arrival().unwrap());
    }
    assert!(arrivals.into_iter().eq(0..400));
}
