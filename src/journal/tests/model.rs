//! A journal is a list that may forget its end that was not synced: that is all of the model. Random actions, crashes
//! and faults, and everything read again after every step.

use proptest::prelude::*;

use super::*;
use crate::journal::simulated::{EIO, ENOSPC, EROFS, Planned};

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
        1 => Just(Action::Kill),
        2 => proptest::collection::vec(any::<u8>(), 1..40).prop_map(Action::CutPower),
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
}

struct Model {
    bench: Bench,
    records: Vec<Record>,
    /// How many records the kernel has, unless the disk fails.
    written: usize,
    made: u64,
    refused: u64,
    /// Since a crash took some of the events, their sum is unknown.
    crashed: bool,
    /// When the disk last failed: what it did not remove it is asked for again an hour later.
    faulted_at: Option<Timestamp>,
}

impl Model {
    fn new(retention: Retention, addresses: bool, segment_bytes: u64) -> Self {
        let mut bench = Bench::new();
        bench.policy = policy("1", retention);
        bench.policy.addresses = addresses.then(super::addresses::two_days);
        bench.settings.segment_bytes = segment_bytes;
        bench.settings.queue = 24;
        bench.open().unwrap();
        Self {
            bench,
            records: vec![],
            written: 0,
            made: 0,
            refused: 0,
            crashed: false,
            faulted_at: None,
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
            Action::Limit(bytes) => self.bench.disk.limit(*bytes),
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
                self.bench.writer().take(Message::Policy((&policy).into()));
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
        for _ in 0..count {
            self.made += 1;
            let text = format!("{{\"record\":{}}}", self.made);
            match self.bench.entry(&text) {
                Ok(()) => self.records.push(Record {
                    text,
                    taken_at: self.bench.clock.now(),
                    synced: false,
                    addressed: self.bench.policy.addresses.is_some(),
                }),
                Err(_) => self.refused += 1,
            }
        }
        self.bench.writer().settle(Goal::Written);
        self.bench.writer().tick();
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
        let in_order = self.faulted_at.is_none_or(|then| now.duration_since(then) >= hour);
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
        self.bench.events();
    }

    /// When all is well again, the events account for every refusal.
    fn account(&mut self) {
        self.bench.disk.heal();
        self.bench.turns.slow(false);
        self.bench.wait(1);
        self.batch(1);
        self.bench.close().unwrap();
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

proptest! {
    #[test]
    fn what_was_synced_stays_and_nothing_else_appears(
        actions in proptest::collection::vec(action(), 1..60),
        bounded in any::<bool>(),
        addresses in any::<bool>(),
        segment_bytes in prop_oneof![Just(60_u64), Just(400), Just(100_000)],
    ) {
        let retention = if bounded { Retention::Days(3) } else { Retention::Unlimited };
        let mut model = Model::new(retention, addresses, segment_bytes);
        for action in &actions {
            model.act(action);
            model.check();
            trees::check_running(&model.bench);
        }
        model.account();
    }
}
