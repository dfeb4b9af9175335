//! The thread of the one who writes.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::CloseError;
use super::aside::Runner;
use super::handover::{Released, Then};
use super::inbox::Batch;
use super::open::Hold;
use super::queue::{Message, Queue};
use super::writer::{Goal, Leave, Writer};

/// A batch gathers for so long after its first entry, unless somebody waits for the disk. Whoever hands over an entry
/// meanwhile wakes nobody.
const GATHER: Duration = Duration::from_millis(10);
/// A batch has at most so many messages.
const BATCH: usize = 4_096;

/// Writes until it is told to stop; while another process does, hands over to that one.
pub(super) fn run(mut hold: Hold) -> Result<(), CloseError> {
    // However this ends, nobody shall wait for a writer that is gone.
    let _gone = Gone(Arc::clone(&hold.writer.queue));
    let mut batch = Batch::default();
    equip(&mut hold.writer);
    loop {
        match write(&mut hold.writer, &mut batch) {
            Leave::Close(reason) => return hold.writer.close(reason),
            Leave::Release(told) => match hold.writer.release() {
                Err(error) => drop(told.send(Err(error))), // who asked may have gone
                Ok(()) => {
                    let released = Released::new(Arc::clone(&hold.writer.queue));
                    drop(hold);
                    let _ = told.send(Ok(()));
                    match released.live() {
                        Then::Resumed(again, waited) => {
                            (hold, batch) = (*again, waited);
                            equip(&mut hold.writer);
                        }
                        Then::Ended(outcome) => return outcome,
                    }
                }
            },
        }
    }
}

/// Gives it the threads that work for it.
fn equip(writer: &mut Writer) {
    writer.start_packer();
    if writer.strict
        && let Ok(aside) = Runner::start("journal-arrivals", || ())
    {
        writer.arrivals.wait_aside(Box::new(aside));
    }
}

/// Writes, what is in the batch first.
fn write(writer: &mut Writer, batch: &mut Batch) -> Leave {
    let queue = Arc::clone(&writer.queue);
    loop {
        while !batch.is_empty() {
            writer.turn_the_day();
            for _ in 0..BATCH {
                let Some((message, text)) = batch.pop() else { break };
                if let Some(leave) = writer.take(message, text) {
                    take_rest(writer, batch);
                    return leave;
                }
            }
            writer.settle(Goal::Written);
        }
        writer.tick();
        queue.pulse.turned();
        let (crowd, longest) = writer.crowd();
        queue.inbox.gather(crowd, longest);
        let entry = queue
            .inbox
            .wait(writer.patience(), |first| matches!(first, Message::Entry(_)));
        if entry == Some(true) && !queue.is_pressed() {
            queue.inbox.gather(1, GATHER);
        }
        queue.inbox.take(batch);
    }
}

/// What came with the last word, or just behind it.
fn take_rest(writer: &mut Writer, batch: &mut Batch) {
    loop {
        while let Some((message, text)) = batch.pop() {
            writer.take(message, text);
        }
        writer.queue.inbox.take(batch);
        if batch.is_empty() {
            return;
        }
    }
}

struct Gone(Arc<Queue>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.set_failed(true);
        self.0.inbox.close();
        if thread::panicking() {
            tracing::error!("the journal's writer stopped by a fault of its own; nothing is recorded any more");
        }
    }
}
