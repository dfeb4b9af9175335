//! What the kernel says about processes, in `/proc`: CPU time, memory, descendants.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::Fault;

/// Ticks in a second, as Linux counts them for programs (USER_HZ).
const TICKS: f64 = 100.0;

/// The CPU seconds, user and system, of a process with all its threads and descendants so far.
pub fn cpu_seconds(root: u32) -> f64 {
    let ticks = |pid| stat(pid).map_or(0, |fields| number(&fields, 11) + number(&fields, 12));
    tree(root).into_iter().map(ticks).sum::<u64>() as f64 / TICKS
}

/// The CPU seconds of this process and of the children that it has waited for.
pub fn own_cpu_seconds() -> f64 {
    let fields = stat(std::process::id()).unwrap_or_default();
    (11..=14).map(|field| number(&fields, field)).sum::<u64>() as f64 / TICKS
}

/// The CPU seconds that all of the machine has worked, and how many there were.
pub fn machine_seconds() -> (f64, f64) {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let times: Vec<u64> = text.lines().next().map(numbers).unwrap_or_default();
    // user, nice, system, idle, waiting for disks, interrupts twice, and what the host took for others.
    let all: u64 = times.iter().take(8).sum();
    let idle: u64 = times.iter().skip(3).take(2).sum();
    ((all - idle) as f64 / TICKS, all as f64 / TICKS)
}

/// The memory of a process and its descendants in KiB. What they share is counted once: proportional set size.
pub fn pss_kib(root: u32) -> Result<u64, Fault> {
    let mut sum = 0;
    for pid in tree(root) {
        let file = format!("/proc/{pid}/smaps_rollup");
        let text = fs::read_to_string(&file).map_err(|error| format!("{file}: {error}"))?;
        let line = text.lines().find(|line| line.starts_with("Pss:"));
        sum += line.map(numbers).unwrap_or_default().first().copied().unwrap_or(0);
    }
    Ok(sum)
}

/// A process and all its descendants.
pub fn tree(root: u32) -> Vec<u32> {
    let folders = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = folders.filter_map(|folder| folder.file_name().to_str()?.parse().ok());
    let parents: Vec<(u32, u64)> = pids.filter_map(|pid| Some((pid, number(&stat(pid)?, 1)))).collect();
    let mut found = vec![root];
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        found.extend(
            parents
                .iter()
                .filter(|(_, of)| *of == u64::from(parent))
                .map(|(pid, _)| pid),
        );
        next += 1;
    }
    found
}

/// Sends a signal, by its name.
pub fn signal(pid: u32, name: &str) {
    let _ = Command::new("kill")
        .args([&format!("-{name}"), &pid.to_string()])
        .status();
}

/// Lets this process and those that it starts have as many files open as the machine allows, and says how many.
pub fn allow_many_files() -> usize {
    let limits = || -> Option<(usize, usize)> {
        let text = fs::read_to_string("/proc/self/limits").ok()?;
        let line = text.lines().find(|line| line.starts_with("Max open files"))?;
        match numbers(line)[..] {
            [soft, hard, ..] => Some((usize::try_from(soft).ok()?, usize::try_from(hard).ok()?)),
            _ => None,
        }
    };
    if let Some((_, hard)) = limits() {
        let most = format!("--nofile={hard}:{hard}");
        let _ = Command::new("prlimit")
            .args(["--pid", &std::process::id().to_string(), &most])
            .status();
    }
    limits().map_or(1024, |(soft, _)| soft)
}

/// What this machine is, in a line.
pub fn machine() -> String {
    let value = |file: &str, key: &str, separator: char| {
        let text = fs::read_to_string(Path::new(file)).ok()?;
        let line = text.lines().find(|line| line.starts_with(key))?;
        Some(line.split_once(separator)?.1.trim().trim_matches('"').to_owned())
    };
    let processor = value("/proc/cpuinfo", "model name", ':').unwrap_or_else(|| "unknown processor".to_owned());
    let system = value("/etc/os-release", "PRETTY_NAME", '=').unwrap_or_else(|| "Linux".to_owned());
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{processor}, {cores} cores, {system}, kernel {}", kernel.trim())
}

/// The fields of `/proc/PID/stat` after the name: 0 state, 1 parent, 11 to 14 times.
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}

fn number(fields: &[String], index: usize) -> u64 {
    fields.get(index).and_then(|field| field.parse().ok()).unwrap_or(0)
}

fn numbers(line: &str) -> Vec<u64> {
    line.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}
