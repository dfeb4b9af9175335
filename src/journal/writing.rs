//! The thread of the one who writes.

use std::collections::VecDeque;
use std::iter;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use super::CloseError;
use super::aside::Runner;
use super::event::Stop;
use super::handover::{Released, Then};
use super::open::Hold;
use super::queue::{Message, Queue};
use super::writer::{Goal, Leave, Writer};

/// A batch gathers for so long after its first entry. Whoever hands over an entry meanwhile wakes nobody.
const GATHER: Duration = Duration::from_millis(5);
/// A batch has at most so many messages.
const BATCH: usize = 4_096;

/// Writes until it is told to stop; while another process does, hands over to that one.
pub(super) fn run(mut hold: Hold, messages: &Receiver<Message>) -> Result<(), CloseError> {
    // However this ends, nobody shall wait for a writer that is gone.
    let _gone = Gone(Arc::clone(&hold.writer.queue));
    let mut first = VecDeque::new();
    equip(&mut hold.writer);
    loop {
        match write(&mut hold.writer, std::mem::take(&mut first), messages) {
            Leave::Close(reason) => return hold.writer.close(reason),
            Leave::Release(told) => match hold.writer.release() {
                Err(error) => drop(told.send(Err(error))), // who asked may have gone
                Ok(()) => {
                    let released = Released::new(Arc::clone(&hold.writer.queue), hold.format);
                    drop(hold);
                    let _ = told.send(Ok(()));
                    match released.live(messages) {
                        Then::Resumed(again, waited) => {
                            (hold, first) = (*again, waited);
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
    if !writer.gathers
        && let Ok(aside) = Runner::start("journal-arrivals", || ())
    {
        writer.arrivals.wait_aside(Box::new(aside));
    }
}

/// Writes, what was taken already first.
fn write(writer: &mut Writer, taken: VecDeque<Message>, messages: &Receiver<Message>) -> Leave {
    if !taken.is_empty() {
        writer.turn_the_day();
        for message in taken {
            writer.take(message); // entries and arrivals, nothing that would have it stop
        }
        writer.settle(Goal::Written);
    }
    loop {
        let first = match messages.recv_timeout(writer.patience()) {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return Leave::Close(Stop::Dropped),
        };
        if let Some(first) = first {
            if writer.gathers && matches!(first, Message::Entry(..)) && !writer.queue.is_pressed() {
                thread::sleep(GATHER);
            }
            writer.turn_the_day();
            for message in iter::once(first).chain(messages.try_iter()).take(BATCH) {
                if let Some(leave) = writer.take(message) {
                    for message in messages.try_iter() {
                        writer.take(message);
                    }
                    return leave;
                }
            }
            writer.settle(Goal::Written);
        }
        writer.tick();
        writer.queue.pulse.turned();
    }
}

struct Gone(Arc<Queue>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.set_failed(true);
        if thread::panicking() {
            tracing::error!("the journal's writer stopped by a fault of its own; nothing is recorded any more");
        }
    }
}
