//! What waits for the one who writes: messages in their order, and beside them the lines of those that have some.
//!
//! A line is made by the thread whose exchange has ended. So what waits is text, in one piece for all: nothing is
//! allocated for an entry, and nothing that one thread made is freed by another.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::queue::Message;

/// Room for so many bytes is kept for the next batch; more goes when it is not needed.
const ROOM: usize = 1024 * 1024;

/// Messages, and the text of each, one behind the other.
#[derive(Default)]
pub(crate) struct Batch {
    messages: VecDeque<Message>,
    text: Vec<u8>,
    /// How much of the text is of messages that were taken.
    taken: usize,
    /// Arrivals that were put.
    arrivals: usize,
    /// Something else than arrivals and entries was.
    urgent: bool,
}

impl Batch {
    /// Puts a message, whose text has the length that it says, behind the others.
    pub(crate) fn push(&mut self, message: Message, text: &[u8]) {
        debug_assert_eq!(message.text(), text.len());
        if self.messages.is_empty() {
            self.clear();
        }
        match &message {
            Message::Arrival(..) => self.arrivals += 1,
            Message::Entry(_) => {}
            _ => self.urgent = true,
        }
        self.text.extend_from_slice(text);
        self.messages.push_back(message);
    }

    /// The first message and its text.
    pub(crate) fn first(&self) -> Option<(&Message, &[u8])> {
        let message = self.messages.front()?;
        let text = self.text.get(self.taken..self.taken + message.text())?;
        Some((message, text))
    }

    /// Takes the first message with its text.
    pub(crate) fn pop(&mut self) -> Option<(Message, &[u8])> {
        let message = self.messages.pop_front()?;
        let begin = self.taken;
        self.taken += message.text();
        let text = self.text.get(begin..self.taken)?;
        Some((message, text))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    /// Leaves the room for others.
    fn clear(&mut self) {
        self.messages.clear();
        self.text.clear();
        self.text.shrink_to(ROOM);
        self.taken = 0;
        self.arrivals = 0;
        self.urgent = false;
    }
}

/// Where messages are put by many, and taken by one.
#[derive(Default)]
pub(crate) struct Inbox {
    state: Mutex<State>,
    come: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Batch,
    /// Until when somebody sleeps.
    asleep: Option<Until>,
    /// Nobody will take anything any more.
    closed: bool,
}

#[derive(Clone, Copy)]
enum Until {
    Anything,
    /// So many arrivals, or something else than arrivals and entries.
    Arrivals(usize),
}

impl Until {
    fn has_come(self, waiting: &Batch) -> bool {
        match self {
            Self::Anything => !waiting.is_empty(),
            Self::Arrivals(arrivals) => waiting.arrivals >= arrivals || waiting.urgent,
        }
    }
}

impl Inbox {
    /// Puts a message; `false` if nobody will take it. Locked for as long as it takes to copy a line.
    pub(crate) fn put(&self, message: Message, text: &[u8]) -> bool {
        let mut state = self.state();
        if state.closed {
            drop(state); // before the message is
            return false;
        }
        state.waiting.push(message, text);
        let come = state.asleep.filter(|until| until.has_come(&state.waiting));
        if come.is_some() {
            state.asleep = None;
        }
        drop(state);
        if come.is_some() {
            self.come.notify_one();
        }
        true
    }

    /// Sleeps until something is there, but no longer than that; looks at the first that is.
    pub(crate) fn wait<T>(&self, longest: Duration, look: impl FnOnce(&Message) -> T) -> Option<T> {
        let state = self.sleep(Until::Anything, longest);
        state.waiting.first().map(|(message, _)| look(message))
    }

    /// Sleeps until so many arrivals are there, or something that is neither an arrival nor an entry, but no longer
    /// than that.
    pub(crate) fn gather(&self, arrivals: usize, longest: Duration) {
        drop(self.sleep(Until::Arrivals(arrivals), longest));
    }

    fn sleep(&self, until: Until, longest: Duration) -> MutexGuard<'_, State> {
        let asleep = |state: &mut State| {
            state.asleep = (!until.has_come(&state.waiting)).then_some(until);
            state.asleep.is_some()
        };
        let slept = self.come.wait_timeout_while(self.state(), longest, asleep);
        let (mut state, _) = slept.unwrap_or_else(PoisonError::into_inner);
        state.asleep = None;
        state
    }

    /// Takes all that is there. What is left in `batch` goes, but for its room.
    pub(crate) fn take(&self, batch: &mut Batch) {
        batch.clear();
        std::mem::swap(&mut self.state().waiting, batch);
    }

    /// Nobody will take anything any more.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        let left = std::mem::take(&mut state.waiting);
        drop(state);
        drop(left); // which tells who waits for it
    }

    /// What is done while it is locked does not panic half-way.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::arrivals::{Moment, Promise};

    fn arrival(inbox: &Inbox, line: &str) -> (std::sync::Arc<Moment>, bool) {
        let moment = std::sync::Arc::<Moment>::default();
        let promise = Promise::about(std::sync::Arc::clone(&moment));
        let taken = inbox.put(Message::Arrival(line.len(), promise), line.as_bytes());
        (moment, taken)
    }

    fn texts(batch: &mut Batch) -> Vec<String> {
        let mut texts = Vec::new();
        while let Some((message, text)) = batch.pop() {
            let kind = if matches!(message, Message::Home) { "home " } else { "" };
            texts.push(format!("{kind}{}", String::from_utf8_lossy(text)));
        }
        texts
    }

    #[test]
    fn what_is_put_is_taken_in_its_order_and_each_with_its_text() {
        let (inbox, mut batch) = (Inbox::default(), Batch::default());
        for _ in 0..2 {
            arrival(&inbox, "one\n");
            inbox.put(Message::Home, b"");
            arrival(&inbox, "three\n");
            assert_eq!(inbox.wait(Duration::ZERO, Message::text), Some(4));
            inbox.take(&mut batch);
            assert_eq!(batch.len(), 3);
            assert_eq!(texts(&mut batch), ["one\n", "home ", "three\n"]);
        }
        assert_eq!(inbox.wait(Duration::ZERO, Message::text), None);
    }

    #[test]
    fn a_batch_gathers_until_so_many_arrivals_are_there_or_something_else_is() {
        let long = Duration::from_secs(3600);
        let (inbox, mut batch) = (Inbox::default(), Batch::default());
        let gathered = |inbox: &Inbox, arrivals, batch: &mut Batch| {
            inbox.gather(arrivals, long);
            inbox.take(batch);
            texts(batch).len()
        };
        for _ in 0..2 {
            std::thread::scope(|scope| {
                scope.spawn(|| (0..3).for_each(|_| drop(arrival(&inbox, "one\n"))));
                assert_eq!(gathered(&inbox, 3, &mut batch), 3);
            });
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    arrival(&inbox, "one\n");
                    inbox.put(Message::Home, b"");
                });
                assert_eq!(gathered(&inbox, 3, &mut batch), 2);
            });
        }
        inbox.gather(1, Duration::ZERO);
        assert!(inbox.state().asleep.is_none());
    }

    #[test]
    fn who_waits_for_a_message_learns_that_nobody_will_take_it() {
        let inbox = Inbox::default();
        let (before, taken) = arrival(&inbox, "one\n");
        assert!(taken && before.is_open());
        inbox.close();
        assert!(!before.is_open());
        let (after, taken) = arrival(&inbox, "two\n");
        assert!(!taken && !after.is_open());
    }

    #[test]
    fn room_for_much_is_not_kept_for_little() {
        let (inbox, mut batch) = (Inbox::default(), Batch::default());
        arrival(&inbox, &"a".repeat(4 * ROOM));
        inbox.take(&mut batch);
        assert_eq!(texts(&mut batch).len(), 1);
        inbox.take(&mut batch);
        arrival(&inbox, "one\n");
        inbox.take(&mut batch);
        assert!(batch.text.capacity() <= ROOM && inbox.state().waiting.text.capacity() <= ROOM);
    }
}
