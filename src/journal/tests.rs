//! The journal as a whole, on a simulated disk and on a real one.

mod addresses;
mod arrivals;
mod aside;
mod backup;
mod copying;
mod cosigned;
mod guards;
mod handover;
mod holds;
mod limits;
mod model;
mod outages;
mod packing;
mod promises;
mod reading;
mod recovery;
mod threads;
mod trees;

use std::any::Any;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::Value;

use super::aside::Aside;
use super::disk::Errand;
use super::event::Stop;
use super::inbox::Batch;
use super::key::Key;
use super::log_tree::LogTree;
use super::queue::{Gate, Message, Queue, Unavailable};
use super::segment::{self, Name};
use super::simulated::Simulated;
use super::writer::{Goal, Writer};
use super::{CloseError, Durability, Format, Lines, Log, OnFailure, OpenError, Settings, layout, open};
use crate::clock::Clock;
use crate::policy::{
    AddressRule, Controller, Cookies, Fields, Log as Class, Mode, Policy, Redact, Retention, Text, Unlisted,
};

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

/// The key of every journal here.
pub(super) fn key() -> Key {
    static PLACE: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
        let place = tempfile::tempdir().unwrap();
        Key::create(&place.path().join("key"), "town.example").unwrap();
        place
    });
    Key::load(&PLACE.path().join("key")).unwrap()
}

fn settings() -> Settings {
    Settings {
        folder: PathBuf::new(),
        key: PathBuf::new(),
        format: Format::JsonLines,
        segment_bytes: 1 << 20,
        durability: Durability::Interval,
        sync_interval: Duration::from_secs(1),
        queue: 64,
        on_failure: OnFailure::Refuse,
        immutable: false,
        closed: None,
        witnesses: Vec::new(),
    }
}

fn policy(version: &str, retention: Retention) -> Policy {
    let text = || Text {
        pl: "po polsku".to_owned(),
        en: "in English".to_owned(),
    };
    Policy {
        version: version.to_owned(),
        effective: Date::constant(2026, 11, 1),
        controller: Controller {
            name: String::new(),
            address: String::new(),
            contact: String::new(),
        },
        legal_basis: None,
        access: Class {
            purpose: text(),
            retention,
            fields: Fields {
                arrived: true,
                client_address: AddressRule::Omitted,
                ..Fields::default()
            },
            redact: Redact {
                query_values: false,
                emails: false,
                pesel: false,
                tokens: None,
                parameters: vec![],
            },
        },
        addresses: None,
        cookies: Cookies {
            mode: Mode::Enforce,
            unlisted: Unlisted::Strip,
            expire_unlisted: false,
            login_hosts: vec![],
            first_page: None,
            allowed: vec![],
        },
        third_parties: None,
        smallest_group: 10,
        correspondence: None,
        disclosure: None,
        two_people: false,
    }
}

/// What is done beside the writer, in the test's hands: at once, or when the test says so.
#[derive(Clone, Default)]
struct Turns(Arc<Mutex<Turn>>);

#[derive(Default)]
struct Turn {
    slow: bool,
    errand: Option<Errand>,
    outcome: Option<io::Result<()>>,
}

impl Aside for Turns {
    fn begin(&mut self, errand: Errand) {
        let mut turn = self.0.lock().unwrap();
        assert!(turn.errand.is_none() && turn.outcome.is_none(), "two at a time");
        match turn.slow {
            true => turn.errand = Some(errand),
            false => turn.outcome = Some(errand()),
        }
    }

    fn outcome(&mut self, wait: bool) -> Option<io::Result<()>> {
        if wait {
            self.finish();
        }
        self.0.lock().unwrap().outcome.take()
    }
}

impl Turns {
    fn slow(&self, slow: bool) {
        self.0.lock().unwrap().slow = slow;
    }

    /// What is under way ends; the writer does not know yet.
    fn finish(&self) {
        let mut turn = self.0.lock().unwrap();
        if let Some(errand) = turn.errand.take() {
            turn.outcome = Some(errand());
        }
    }

    fn is_away(&self) -> bool {
        self.0.lock().unwrap().errand.is_some()
    }

    /// Whether something has ended of which the writer does not know.
    fn is_home(&self) -> bool {
        self.0.lock().unwrap().outcome.is_some()
    }

    /// The process is gone before it was done.
    fn forget(&self) {
        let mut turn = self.0.lock().unwrap();
        (turn.errand, turn.outcome) = (None, None);
    }
}

/// A writer on a simulated disk, without its threads: every step is taken by the test.
struct Bench {
    disk: Simulated,
    turns: Turns,
    clock: Clock,
    settings: Settings,
    policy: Policy,
    running: Option<Running>,
}

struct Running {
    writer: Writer,
    queue: Arc<Queue>,
    _lock: Box<dyn Any + Send>,
}

impl Bench {
    /// An empty journal, not open.
    fn new() -> Self {
        let bench = Self {
            disk: Simulated::default(),
            turns: Turns::default(),
            clock: Clock::set_to(at("2026-11-21T20:00:00Z")),
            settings: settings(),
            policy: policy("1", Retention::Unlimited),
            running: None,
        };
        layout::init_on(&bench.disk, "town.example").unwrap();
        bench
    }

    fn opened() -> Self {
        let mut bench = Self::new();
        bench.open().unwrap();
        bench
    }

    fn open(&mut self) -> Result<(), OpenError> {
        let (_, lock) = super::recovery::claim(&self.disk)?;
        let queue = Queue::new(
            self.settings.queue,
            self.settings.on_failure,
            self.clock.clone(),
            self.settings.format,
        );
        let queue = Arc::new(queue);
        let text = format!("version {}", self.policy.version);
        let clock = self.clock.clone();
        let disk = Arc::new(self.disk.clone());
        let mut writer = open::prepare(
            &(disk as _),
            &self.settings,
            key(),
            &self.policy,
            &text,
            clock,
            Arc::clone(&queue),
            Box::new(self.turns.clone()),
        )?;
        if self.settings.durability == Durability::Strict {
            writer.arrivals.wait_aside(Box::new(Turns::default()));
        }
        self.running = Some(Running {
            writer,
            queue,
            _lock: lock,
        });
        Ok(())
    }

    fn writer(&mut self) -> &mut Writer {
        &mut self.running.as_mut().unwrap().writer
    }

    fn gate(&self) -> Gate {
        Gate::new(Arc::clone(self.queue()))
    }

    fn queue(&self) -> &Arc<Queue> {
        &self.running.as_ref().unwrap().queue
    }

    /// One batch, as the thread would take it.
    fn batch<'a>(&mut self, lines: impl IntoIterator<Item = &'a str>) -> Result<(), Unavailable> {
        self.writer().turn_the_day();
        let mut outcome = Ok(());
        for text in lines {
            outcome = outcome.and(self.entry(text));
        }
        self.writer().settle(Goal::Written);
        self.writer().tick();
        outcome
    }

    fn entry(&mut self, text: &str) -> Result<(), Unavailable> {
        let slot = self.gate().reserve()?;
        if !slot.has_place() {
            self.queue().count(|tally| tally.unrecorded += 1);
            return Ok(());
        }
        std::mem::forget(slot); // Its place goes with the entry.
        let writer = self.writer();
        let day = writer.batch_day;
        let (access, address) = (format!("{text}\n"), format!("the address of {text}\n"));
        let access = |line: &mut Vec<u8>| line.extend_from_slice(access.as_bytes());
        writer.requests.push(day, access, address.as_bytes());
        Ok(())
    }

    /// The writer takes what it was sent.
    fn take_all(&mut self) {
        let running = self.running.as_mut().unwrap();
        let mut batch = Batch::default();
        running.queue.inbox.take(&mut batch);
        while let Some((message, text)) = batch.pop() {
            running.writer.take(message, text);
        }
    }

    /// Another policy comes into force.
    fn adopt(&mut self, policy: &Policy) {
        self.writer().take(Message::Policy(Box::new(policy.into())), b"");
    }

    fn wait(&mut self, seconds: u64) {
        self.clock.set(self.clock.now() + Duration::from_secs(seconds));
        if let Some(running) = &mut self.running {
            running.writer.tick();
        }
    }

    fn close(&mut self) -> Result<(), CloseError> {
        self.running.take().unwrap().writer.close(Stop::Closed)
    }

    fn kill(&mut self) {
        self.turns.forget();
        self.running = None;
    }

    fn access(&self) -> Vec<(u64, String)> {
        read(&self.disk, Log::Access)
    }

    fn texts(&self) -> Vec<String> {
        self.access().into_iter().map(|(_, text)| text).collect()
    }

    fn events(&self) -> Vec<Value> {
        read(&self.disk, Log::Events)
            .into_iter()
            .map(|(_, text)| serde_json::from_str(&text).unwrap())
            .collect()
    }

    fn events_named(&self, name: &str) -> Vec<Value> {
        self.events()
            .into_iter()
            .filter(|event| event["event.name"] == name)
            .collect()
    }

    fn segments(&self) -> Vec<String> {
        let names = self.disk.names();
        names
            .iter()
            .filter_map(|path| path.strip_prefix("access/"))
            .filter(|name| Name::parse(name).is_some())
            .map(str::to_owned)
            .collect()
    }
}

fn read(disk: &Simulated, log: Log) -> Vec<(u64, String)> {
    let mut lines = Lines::on(Arc::new(disk.clone()), log).unwrap();
    let mut read = Vec::new();
    while let Some(line) = lines.next_line().unwrap() {
        read.push((line.index, String::from_utf8(line.text.to_vec()).unwrap()));
    }
    read
}
