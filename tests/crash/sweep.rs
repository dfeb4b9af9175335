//! One fault for each system call that touches the journal, by strace: the call fails, or the process is killed at it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use townclerk::clock::Clock;

use super::{Crowd, GENEROUS, Office, Visits, asked_for};
use crate::drain::until;
use crate::serve::program::Serving;
use crate::skip::{cannot, skip};
use crate::town::Cms;

/// Every so many-th call is hit; 1 for all.
pub const STEP: &str = "TOWNCLERK_SWEEP_STEP";

/// What reaches the disk, as strace names sets of calls.
const CALLS: [&str; 8] = [
    "openat",
    "write",
    "fdatasync",
    "fsync",
    "/^rename",
    "/^unlink",
    "/^mkdir",
    "/^symlink",
];

const FAULTS: [&str; 3] = ["error=EIO", "signal=KILL", "error=ENOSPC"];

const PAUSE: Duration = Duration::from_millis(4);

/// Whether strace is there and may look.
pub fn can_trace(what: &str) -> bool {
    match Command::new("strace").args(["-o", "/dev/null", "true"]).output() {
        Ok(traced) if traced.status.success() => return true,
        Ok(traced) => cannot(
            what,
            &format!("strace: {}", String::from_utf8_lossy(&traced.stderr).trim()),
        ),
        Err(_) => skip(what, "strace is not installed"),
    }
    false
}

/// What strace does at the calls numbered `when`.
pub fn inject(calls: &str, fault: &str, when: &str) -> String {
    format!("inject={calls}:{fault}:when={when}")
}

/// A strace of some threads, from their first call after [`Tracing::of`] on.
struct Tracing {
    strace: Child,
    trace: tempfile::NamedTempFile,
}

impl Tracing {
    fn of(threads: &[u32], expressions: &[String]) -> Self {
        let trace = tempfile::NamedTempFile::new().expect("a file");
        let mut strace = Command::new("strace")
            .args(["-y", "-o"])
            .arg(trace.path())
            .args(expressions.iter().flat_map(|expression| ["-e", expression]))
            .args(threads.iter().map(|thread| format!("--attach={thread}")))
            .stderr(Stdio::piped())
            .spawn()
            .expect("strace runs");
        let mut said = BufReader::new(strace.stderr.take().expect("piped")).lines();
        for _ in threads {
            let line = said.next().expect("it runs").expect("text");
            assert!(line.contains("attached"), "{line}");
        }
        Self { strace, trace }
    }

    /// Lets the thread alone, if it is still there. What it did.
    fn end(mut self) -> String {
        let _ = Command::new("kill").arg(self.strace.id().to_string()).output();
        self.strace.wait().expect("it ends");
        fs::read_to_string(self.trace.path()).expect("text")
    }
}

/// The threads that write the journal, by name: one writes, one syncs.
fn writers(serving: &Serving) -> Vec<u32> {
    let threads = format!("/proc/{}/task", serving.id());
    let mut found = BTreeMap::new();
    until(|| {
        for thread in fs::read_dir(&threads).expect("it runs").flatten() {
            let name = fs::read_to_string(thread.path().join("comm")).unwrap_or_default();
            if name.starts_with("journal") {
                let id: u32 = thread.file_name().to_string_lossy().parse().expect("a number");
                found.insert(name, id);
            }
        }
        found.len() == 2
    });
    found.into_values().collect()
}

/// A call that concerns a journal.
#[derive(Clone, Copy, Debug)]
struct Call {
    /// Which of the threads made it, from 0 on.
    thread: usize,
    set: &'static str,
    /// How many-th of its set it was there, from 1 on.
    number: usize,
}

/// Those of a trace of these threads, or of the only one.
fn numbered(trace: &str, threads: &[u32], journal: &Path) -> Vec<Call> {
    let journal = journal.to_str().expect("text");
    let mut counts = BTreeMap::new();
    let mut found = Vec::new();
    for line in trace.lines() {
        // Of several threads each line begins with the one's number.
        let (thread, call) = match line.split_once(|byte: char| !byte.is_ascii_digit()) {
            Some((thread, _)) if !thread.is_empty() => (thread.parse().ok(), line[thread.len()..].trim_start()),
            _ => (None, line),
        };
        let thread = thread.and_then(|thread: u32| threads.iter().position(|other| *other == thread));
        let Some(set) = CALLS
            .into_iter()
            .find(|set| call.starts_with(set.trim_start_matches("/^")))
        else {
            continue;
        };
        let thread = thread.unwrap_or_default();
        let number = counts.entry((thread, set)).or_insert(0);
        *number += 1;
        if call.contains(journal) {
            let number = *number;
            found.push(Call { thread, set, number });
        }
    }
    found.sort_by_key(|call| (call.thread, call.set));
    found
}

/// Every so many-th of them, each with its fault.
fn planned(calls: Vec<Call>) -> impl Iterator<Item = (Call, &'static str)> {
    let step = asked_for(STEP, 12) as usize;
    assert!(!calls.is_empty(), "nothing touches the journal");
    calls.into_iter().step_by(step).zip(FAULTS.into_iter().cycle())
}

/// What strace is told to do at a call.
fn at(call: Call, fault: &str) -> [String; 2] {
    let Call { set, number, .. } = call;
    [format!("trace={set}"), inject(set, fault, &number.to_string())]
}

/// What came of a day.
struct Day {
    visits: Visits,
    code: Option<i32>,
    trace: String,
    threads: Vec<u32>,
}

/// A day at the office: visitors, another policy, more visitors, closing time. Of the threads that write, one is
/// traced, or all.
fn a_day(office: &Office, name: &str, thread: Option<usize>, expressions: &[String]) -> Day {
    let mut serving = office.start();
    let mut threads = writers(&serving);
    if let Some(thread) = thread {
        threads = vec![threads[thread]];
    }
    let tracing = Tracing::of(&threads, expressions);
    let mut visits = Visits::default();
    let crowd = Crowd::asking(1, &format!("{name}-morning"), serving.address, PAUSE);
    thread::sleep(Duration::from_millis(150));
    visits.extend(crowd.leave());
    office.next_policy();
    if serving.is_there() {
        serving.signal("HUP");
        thread::sleep(Duration::from_millis(50));
    }
    if serving.is_there() {
        let crowd = Crowd::asking(1, &format!("{name}-noon"), serving.address, PAUSE);
        thread::sleep(Duration::from_millis(150));
        visits.extend(crowd.leave());
    }
    let code = if serving.is_there() { serving.stop().code } else { None };
    Day {
        visits,
        code,
        trace: tracing.end(),
        threads,
    }
}

#[test]
fn a_fault_at_any_call_of_the_writer_loses_nothing() {
    if !can_trace("a fault at each call of the writer") {
        return;
    }
    let (cms, folder) = (Cms::page("x"), tempfile::tempdir().expect("a folder"));
    let office = Office::before(&cms, folder.path());
    let all = format!("trace={}", CALLS.join(","));
    let first = a_day(&office, "first", None, &[all]);
    assert_eq!(first.code, Some(0));
    let mut visits = first.visits;
    let mut hit = 0;
    let calls = numbered(&first.trace, &first.threads, &office.journal);
    for (number, (call, fault)) in planned(calls).enumerate() {
        let place = format!("{fault} at {call:?}");
        let day = a_day(&office, &number.to_string(), Some(call.thread), &at(call, fault));
        let (more, code, trace) = (day.visits, day.code, day.trace);
        let was_hit = trace.contains("INJECTED") || trace.contains("killed by");
        hit += usize::from(was_hit);
        assert!(
            code == Some(0) || (was_hit && fault == "signal=KILL"),
            "{place}: {code:?}\n{trace}"
        );
        assert_eq!(more.refused, 0, "{place}: one fault is no reason to refuse");
        let end = Clock::system().now();
        assert_eq!(office.start().stop().code, Some(0), "{place}");
        office.is_whole(&place);
        let window = if code.is_some() { Duration::ZERO } else { GENEROUS };
        let lost = office.checked(&more, end, window);
        if lost.is_empty() {
            visits.extend(more);
        }
    }
    assert!(hit > 0, "no fault was injected");
    // What was there once is there for good.
    office.checked(&visits, Clock::system().now(), Duration::ZERO);
}

#[test]
fn a_fault_at_any_call_of_a_start_after_a_crash_loses_nothing() {
    if !can_trace("a fault at each call of a start") {
        return;
    }
    let (cms, folder) = (Cms::page("x"), tempfile::tempdir().expect("a folder"));
    let before = Office::before(&cms, folder.path());
    let serving = before.start();
    let visits = Crowd::asking(1, "all", serving.address, PAUSE);
    until(|| before.there().0.len() >= 20);
    let visits = visits.leave();
    until(|| before.there().0.len() >= visits.answered.len());
    serving.kill();

    let crashed = || {
        let place = tempfile::tempdir().expect("a folder");
        let copied = Command::new("cp")
            .arg("-a")
            .arg(folder.path())
            .arg(place.path().join("copy"))
            .status();
        assert!(copied.expect("cp runs").success());
        let office = before.moved_to(&place.path().join("copy"));
        (place, office)
    };
    let start = |office: &Office, expressions: &[String]| {
        let trace = tempfile::NamedTempFile::new().expect("a file");
        let mut strace = Command::new("strace");
        strace.args(["-D", "-y", "-o"]).arg(trace.path());
        strace.args(expressions.iter().flat_map(|expression| ["-e", expression]));
        strace
            .arg(env!("CARGO_BIN_EXE_townclerk"))
            .args(["serve", "--config"])
            .arg(&office.config);
        if let Ok(serving) = Serving::start_by(&mut strace) {
            serving.stop();
        }
        fs::read_to_string(trace.path()).expect("text")
    };
    let (_place, office) = crashed();
    let trace = start(&office, &[format!("trace={}", CALLS.join(","))]);
    for (call, fault) in planned(numbered(&trace, &[], &office.journal)) {
        let (_place, office) = crashed();
        start(&office, &at(call, fault));
        let place = format!("{fault} at {call:?}");
        assert_eq!(office.start().stop().code, Some(0), "{place}");
        office.is_whole(&place);
        office.checked(&visits, Clock::system().now(), Duration::ZERO);
    }
}

#[test]
fn what_is_refused_while_a_disk_fails_is_an_entry_when_it_is_well_again() {
    if !can_trace("a disk that fails for a while") {
        return;
    }
    let (cms, folder) = (Cms::page("x"), tempfile::tempdir().expect("a folder"));
    let office = Office::before(&cms, folder.path());
    let serving = office.start();
    let mut visits = Visits::default();
    let mut refused = 0;
    for (call, name) in [("fdatasync", "0"), ("write", "1"), ("openat,/^rename", "2")] {
        let expressions = [format!("trace={call}"), inject(call, "error=EIO", "2+")];
        let tracing = Tracing::of(&writers(&serving), &expressions);
        let crowd = Crowd::asking(2, name, serving.address, PAUSE);
        // A broken folder is noticed when the next segment begins.
        office.next_policy();
        serving.signal("HUP");
        let gaps = office.events("journal.gap").len();
        crowd.until_refused();
        tracing.end();
        until(|| office.events("journal.gap").len() > gaps);
        let more = crowd.leave();
        refused += more.refused;
        visits.extend(more);
    }
    assert_eq!(serving.stop().code, Some(0));
    office.is_whole("");
    office.checked(&visits, Clock::system().now(), Duration::ZERO);
    let told: u64 = office
        .events("journal.gap")
        .iter()
        .filter_map(|gap| gap["refused"].as_u64())
        .sum();
    assert_eq!(told, u64::from(refused), "each that was refused is told");
}
