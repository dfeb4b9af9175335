//! The writing end of the log of events, whose lines are durable as soon as they are written.

use jiff::civil::Date;

use super::Log;
use super::appender::Appender;
use super::event::Event;
use super::fault::Fault;
use super::queue::Queue;
use super::requests::Begin;
use super::writer::day_of;
use crate::clock::Clock;

/// The log of what happens to the journal.
pub(crate) struct EventLog {
    pub(crate) appender: Appender,
    /// Of the lines that are not durable, those that came through the queue.
    pub(crate) queued: u64,
    /// What was told last of each log's segments; another attempt at one is not another event.
    announced: [Option<Event>; Log::ALL.len()],
    clock: Clock,
}

impl EventLog {
    pub(crate) fn new(appender: Appender, clock: Clock) -> Self {
        Self {
            appender,
            queued: 0,
            announced: [const { None }; Log::ALL.len()],
            clock,
        }
    }

    /// Takes one event, in memory.
    pub(crate) fn push(&mut self, event: &Event) {
        let now = self.clock.now();
        self.appender.push(day_of(now), |line| event.encode(now, line));
    }

    /// Makes all of them durable, and tells of each segment that may not grow. Where a file holds hardly a line the
    /// telling breaks off as many more: that has an end.
    pub(crate) fn sync(&mut self, today: Date, queue: &Queue) -> Result<(), Fault> {
        let mut most = usize::MAX;
        loop {
            let mut full = Vec::new();
            let written = self.appender.write_and_sync(today, &mut full, |_| Ok(()));
            let is_over = full.is_empty() || full.len() >= most;
            most = full.len();
            if !is_over {
                full.into_iter().for_each(|fault| self.push(&fault.into()));
            }
            written?;
            if is_over {
                break;
            }
        }
        queue.events_done(std::mem::take(&mut self.queued));
        Ok(())
    }

    pub(crate) fn announce(&mut self, begin: Begin, policy: &str, today: Date, queue: &Queue) -> Result<(), Fault> {
        let (log, segment, addresses) = begin;
        let event = Event::Segment {
            log,
            segment,
            addresses,
            policy: policy.to_owned(),
        };
        if self.announced[log as usize].as_ref() != Some(&event) {
            self.push(&event);
            self.announced[log as usize] = Some(event);
        }
        self.sync(today, queue)
    }
}
