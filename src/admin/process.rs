//! What the process takes of its machine, by the names that Prometheus's own libraries give it. Where the system does
//! not say, a number is left out.

use std::fmt;
use std::fs;

use jiff::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Unit;
use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};

use super::metrics::{Page, one};

/// When it was started.
#[derive(Debug)]
pub(super) struct Process(pub(super) Timestamp);

impl Collector for Process {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page(encoder);
        let started = self.0.as_duration().as_secs_f64();
        let seconds = Some(&Unit::Seconds);
        page.gauge("process_start_time", "When it was started.", seconds, &one(started))?;
        if let Some(used) = processor_seconds() {
            let help = "Time of processors that it has used.";
            page.counter("process_cpu", help, seconds, &one(used))?;
        }
        if let Some(bytes) = resident_bytes() {
            let help = "Memory that it has in use.";
            page.gauge("process_resident_memory", help, Some(&Unit::Bytes), &one(bytes))?;
        }
        if let Some(open) = open_files() {
            page.gauge(
                "process_open_fds",
                "Files that are open, connections among them.",
                None,
                &one(open),
            )?;
        }
        if let Some(most) = getrlimit(Resource::Nofile).current {
            let help = "As many files may be open.";
            page.gauge("process_max_fds", help, None, &one(most as f64))?;
        }
        Ok(())
    }
}

/// Its own and the kernel's for it: the 14th and 15th word of `stat`, whose second may hold anything in brackets.
fn processor_seconds() -> Option<f64> {
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    let mut words = rest.split_whitespace().skip(11);
    let (own, kernels) = (words.next()?.parse::<u64>().ok()?, words.next()?.parse::<u64>().ok()?);
    Some((own + kernels) as f64 / clock_ticks_per_second() as f64)
}

/// The second word of `statm` is pages.
fn resident_bytes() -> Option<f64> {
    let text = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split_whitespace().nth(1)?.parse().ok()?;
    Some((pages * page_size() as u64) as f64)
}

/// Without the folder that is open while they are counted.
fn open_files() -> Option<f64> {
    let files = fs::read_dir("/proc/self/fd").ok()?.count();
    Some(files.saturating_sub(1) as f64)
}
