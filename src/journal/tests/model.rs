//! A journal is a list that may forget its end that was not synced: that is all of the model. Random actions, crashes
//! and faults, and everything read again after every step.

use proptest::prelude::*;

use super::*;
use crate::journal::simulated::{EIO, ENOSPC, EROFS, Planned};
use crate::journal::verify::Verdict;

#[derive(Clone, Debug)]
enum Action {
    Batch(usize),
    Wait(u64),
    Fault(Planned),
    ShortWrites(usize),
    Limit(usize),
    Heal,
    Slow(bool),
    Finish,
    Reopen,
    Kill,
    CutPower(Vec<u8>),
    NewPolicy { addresses: bool },
    ClockBack(u64),
}

fn action() -> impl Strategy<Value = Action> {
    let fault = (
        0..40_u32,
        1..30_u32,
        prop_oneof![Just(EIO), Just(ENOSPC), Just(EROFS)],
        any::<bool>(),
    );
    prop_oneof![
        8 => (1..12_usize).prop_map(Action::Batch),
        3 => (0..3_u64).prop_map(Action::Wait),
        1 => (0..60_u64).prop_map(|hours| Action::Wait(hours * 3600)),
        4 => fault.prop_map(|(after, calls, errno, done)| Action::Fault(Planned { after, calls, errno, done })),
        1 => (1..30_usize).prop_map(Action::ShortWrites),
        1 => (100..2_000_usize).prop_map(Action::Limit),
        1 => Just(Action::Heal),
        2 => any::<bool>().prop_map(Action::Slow),
        2 => Just(Action::Finish),
        1 => Just(Action::Reopen),
        3 => Just(Action::Kill),
        5 => proptest::collection::vec(any::<u8>(), 1..40).prop_map(Action::CutPower),
        1 => any::<bool>().prop_map(|addresses| Action::NewPolicy { addresses }),
        1 => (1..60_u64).prop_map(Action::ClockBack),
    ]
}

struct Record {
    text: String,
    taken_at: Timestamp,
    synced: bool,
    /// Whether its address is there when it is.
    addressed: bool,
    /// The index of its arrival, where durability is strict.
    arrival: Option<u64>,
}

/// What was known of an exchange when it arrived.
struct Arrived {
    text: String,
    taken_at: Timestamp,
    acknowledged: bool,
}

struct Model {
    bench: Bench,
    records: Vec<Record>,
    arrivals: Vec<Arrived>,
    /// How many records the kernel has, unless the disk fails.
    written: usize,
    made: u64,
    refused: u64,
    /// Since a crash took some of the events, their sum is unknown.
    crashed: bool,
    /// When the disk last failed: what it did not remove it is asked for again an hour later.
    faulted_at: Option<Timestamp>,
    /// Files held hardly a line of the events, which then cannot tell of each end that did not fit.
    cramped: bool,
}

impl Model {
    fn new(retention: Retention, addresses: bool, durability: Durability, segment_bytes: u64) -> Self {
        let mut bench = Bench::new();
        bench.policy = policy("1", retention);
        bench.policy.addresses = addresses.then(super::addresses::two_days);
        bench.settings.segment_bytes = segment_bytes;
        bench.settings.queue = 24;
        bench.settings.durability = durability;
        bench.open().unwrap();
        Self {
            bench,
            records: vec![],
            arrivals: vec![],
            written: 0,
            made: 0,
            refused: 0,
            crashed: false,
            faulted_at: None,
            cramped: false,
        }
    }

    fn act(&mut self, action: &Action) {
        let failing = self.bench.disk.is_failing();
        if failing {
            self.faulted_at = Some(self.bench.clock.now());
        }
        match action {
            Action::Batch(count) => self.batch(*count),
            Action::Wait(seconds) => self.bench.wait(*seconds),
            Action::Fault(fault) => self.bench.disk.plan(*fault),
            Action::ShortWrites(chunk) => self.bench.disk.short_writes(Some(*chunk)),
            Action::Limit(bytes) => {
                self.cramped |= *bytes < 1_000;
                self.bench.disk.limit(*bytes);
            }
            Action::Heal => self.bench.disk.heal(),
            Action::Slow(slow) => self.bench.turns.slow(*slow),
            Action::Finish => self.bench.turns.finish(),
            Action::Reopen => {
                if self.bench.close().is_err() {
                    self.crashed = true;
                }
                self.bench.disk.heal();
                self.open(self.written);
            }
            Action::Kill => {
                self.bench.kill();
                self.crashed = true;
                self.bench.disk.heal();
                self.open(self.written);
            }
            Action::CutPower(choices) => {
                self.bench.kill();
                self.crashed = true;
                let mut choices = choices.iter().cycle();
                self.bench
                    .disk
                    .cut_power(|below| usize::from(*choices.next().unwrap()) % below);
                self.open(0);
            }
            // Where retention has a bound, a clock that errs for days would make it err as well.
            Action::ClockBack(_)
                if self.bench.policy.access.retention != Retention::Unlimited
                    || self
                        .bench
                        .disk
                        .names()
                        .iter()
                        .any(|name| name.starts_with("addresses/")) => {}
            Action::ClockBack(hours) => {
                self.bench
                    .clock
                    .set(self.bench.clock.now() - Duration::from_secs(hours * 3600));
                self.bench.wait(0);
            }
            Action::NewPolicy { addresses } => {
                let version = self.made.to_string();
                let mut policy = policy(&version, self.bench.policy.access.retention);
                policy.addresses = addresses.then(super::addresses::two_days);
                self.bench.policy.addresses.clone_from(&policy.addresses);
                self.bench.adopt(&policy);
            }
        }
        if failing {
            self.faulted_at = Some(self.bench.clock.now());
        }
        if let Some(running) = &self.bench.running {
            let durable = usize::try_from(running.writer.requests.access.durable()).unwrap();
            self.records[..durable]
                .iter_mut()
                .for_each(|record| record.synced = true);
            self.written = if running.queue.has_failed() {
                durable
            } else {
                self.records.len()
            };
        }
    }

    fn batch(&mut self, count: usize) {
        self.bench.writer().turn_the_day();
        let mut waiting = Vec::new();
        for number in 0..count {
            self.made += 1;
            let text = format!("{{\"record\":{}}}", self.made);
            let taken_at = self.bench.clock.now();
            let mut arrival = None;
            if self.bench.settings.durability == Durability::Strict && !self.bench.queue().has_failed() {
                let waits = self.bench.arrive(&text);
                let index = waits.index();
                assert_eq!(index, self.arrivals.len() as u64);
                self.arrivals.push(Arrived {
                    text: text.clone(),
                    taken_at,
                    acknowledged: false,
                });
                arrival = Some(index);
                waiting.push(waits);
                if number % 3 == 2 {
                    continue; // it is open until a crash, or its visitor has left before it had a place
                }
            }
            match self.bench.entry(&text) {
                Ok(()) => self.records.push(Record {
                    text,
                    taken_at,
                    synced: false,
                    addressed: self.bench.policy.addresses.is_some(),
                    arrival,
                }),
                Err(_) => self.refused += 1,
            }
        }
        assert!(waiting.iter_mut().all(|waits| waits.answer().is_none()));
        self.bench.writer().settle(Goal::Written);
        let failed = self.bench.queue().has_failed();
        for mut waits in waiting {
            let durable = waits.answer().expect("nobody waits for a disk that fails");
            assert!(durable || failed, "refused though the disk takes it");
            self.arrivals[usize::try_from(waits.index()).unwrap()].acknowledged = durable;
        }
        self.bench.writer().tick();
    }

    fn open_arrivals(&mut self) {
        let next = self.bench.writer().arrivals.appender().next();
        let left = usize::try_from(next).unwrap();
        assert!(left <= self.arrivals.len(), "arrivals found that never were");
        assert!(
            self.arrivals[left..].iter().all(|arrived| !arrived.acknowledged),
            "an arrival was acknowledged and forgotten"
        );
        self.arrivals.truncate(left);
        let names_one = |record: &Record| record.arrival.is_none_or(|arrival| arrival < next);
        assert!(
            self.records.iter().all(names_one),
            "an entry outlived its arrival, whose index another gets"
        );
    }

    /// Opens again; at least `written` records must be found.
    fn open(&mut self, written: usize) {
        self.bench.open().unwrap();
        let next = usize::try_from(self.bench.writer().requests.access.next()).unwrap();
        assert!(next >= written, "{next} records found where the kernel had {written}");
        assert!(next <= self.records.len(), "records found that were never taken");
        assert!(
            self.records[next..].iter().all(|record| !record.synced),
            "synced records forgotten"
        );
        self.records.truncate(next);
        self.open_arrivals();
        // Of what was not synced a line may have outlived its address.
        for (index, _, address) in super::addresses::joined(&self.bench.disk) {
            let record = &mut self.records[usize::try_from(index).unwrap()];
            record.addressed &= record.synced || address.is_some();
        }
        self.written = next;
    }

    /// What is read is what was taken, in order, each once; and what was synced is there until it is due.
    fn check(&self) {
        let now = self.bench.clock.now();
        let bound = match self.bench.policy.access.retention {
            Retention::Days(days) => jiff::SignedDuration::from_hours(24 * i64::from(days)),
            Retention::Unlimited => jiff::SignedDuration::MAX,
        };
        let read = self.bench.access();
        let mut present = vec![false; self.records.len()];
        let mut last = None;
        let hour = jiff::SignedDuration::from_hours(1);
        // For a day after a leap of more than a week retention does not go by the clock.
        let is_doubted = self.bench.events_named("clock.doubted").iter().any(|event| {
            let said: Timestamp = event["time"].as_str().unwrap().parse().unwrap();
            now.duration_since(said) <= hour * 25
        });
        let in_order = !is_doubted && self.faulted_at.is_none_or(|then| now.duration_since(then) >= hour);
        for (index, text) in &read {
            assert!(last.is_none_or(|last| last < *index), "out of order");
            last = Some(*index);
            let index = usize::try_from(*index).unwrap();
            let record = &self.records[index];
            assert_eq!(&record.text, text, "record {index} is another one");
            present[index] = true;
        }
        for (index, record) in self.records.iter().enumerate() {
            let age = now.duration_since(record.taken_at);
            let may_be_gone = age > bound - jiff::SignedDuration::from_hours(26);
            assert!(
                present[index] || !record.synced || may_be_gone,
                "record {index} was synced and is missing"
            );
            if present[index] && in_order {
                assert!(age < bound, "record {index} is too old");
            }
        }
        for (index, _, address) in super::addresses::joined(&self.bench.disk) {
            let record = &self.records[usize::try_from(index).unwrap()];
            let age = now.duration_since(record.taken_at);
            let may_be_gone = age > jiff::SignedDuration::from_hours(22);
            match address {
                Some(address) => assert_eq!(address, format!("the address of {}", record.text)),
                None => assert!(
                    !record.addressed || !record.synced || may_be_gone,
                    "record {index} has lost its address"
                ),
            }
        }
        let mut present = vec![false; self.arrivals.len()];
        for (index, text) in super::read(&self.bench.disk, Log::Arrivals) {
            let index = usize::try_from(index).unwrap();
            assert_eq!(self.arrivals[index].text, text, "arrival {index} is another one");
            present[index] = true;
        }
        for (index, arrived) in self.arrivals.iter().enumerate() {
            let age = now.duration_since(arrived.taken_at);
            let may_be_gone = age > bound - jiff::SignedDuration::from_hours(26);
            assert!(
                present[index] || !arrived.acknowledged || may_be_gone,
                "arrival {index} was acknowledged and is missing"
            );
            if present[index] && in_order {
                assert!(age < bound, "arrival {index} is too old");
            }
        }
        self.bench.events();
    }

    /// When all is well again, the events account for every refusal.
    fn account(&mut self) {
        self.bench.disk.heal();
        self.bench.turns.slow(false);
        self.bench.wait(1);
        self.bench.wait(3600); // what the disk did not remove it is asked for again
        self.batch(1);
        self.bench.close().unwrap();
        if !self.cramped {
            assert_eq!(super::copying::verdict(&self.bench), Verdict::Whole);
        }
        if !self.crashed {
            let counted: u64 = self
                .bench
                .events_named("journal.gap")
                .iter()
                .map(|gap| gap["refused"].as_u64().unwrap())
                .sum();
            assert_eq!(counted, self.refused);
        }
        assert_eq!(self.bench.events().last().unwrap()["event.name"], "journal.stop");
    }
}

/// Some two thousand crashes.
fn holds(actions: &[Action], bounded: bool, addresses: bool, durability: Durability, segment_bytes: u64) {
    let retention = if bounded {
        Retention::Days(3)
    } else {
        Retention::Unlimited
    };
    let mut model = Model::new(retention, addresses, durability, segment_bytes);
    for action in actions {
        model.act(action);
        model.check();
        trees::check_running(&model.bench);
    }
    model.account();
}

fn schedule() -> impl Strategy<Value = Vec<Action>> {
    proptest::collection::vec(action(), 1..60)
}

fn segment_bytes() -> impl Strategy<Value = u64> {
    prop_oneof![Just(60), Just(400), Just(100_000)]
}

proptest! {
    #[test]
    fn what_was_synced_stays_and_nothing_else_appears(
        actions in schedule(),
        bounded in any::<bool>(),
        addresses in any::<bool>(),
        bytes in segment_bytes(),
    ) {
        holds(&actions, bounded, addresses, Durability::Interval, bytes);
    }

    #[test]
    fn what_was_answered_stays_where_answers_wait_for_it(
        actions in schedule(),
        bounded in any::<bool>(),
        addresses in any::<bool>(),
        bytes in segment_bytes(),
    ) {
        holds(&actions, bounded, addresses, Durability::Strict, bytes);
    }
}
