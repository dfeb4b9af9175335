//! One process takes over from another, and no visitor notices: a new version, without a pause.
//!
//! ```text
//! before                                          after
//!   │ has it started, its standard input a socket   │
//!   │ sockets that listen, "prepare" ─────────────▶ │ reads the configuration, all that can be wrong
//!   │ ◀───────────────────────────────── "ready" ── │
//!   │ gives the journals back; what ends waits      │
//!   │ "released" ─────────────────────────────────▶ │ opens the journals, and accepts
//!   │ ◀─────────────────────────────── "serving" ── │
//!   │ accepts no more; what ends goes over ───────▶ │ writes it
//!   │ the last exchange has ended: "bye" ─────────▶ │
//! ```
//!
//! Up to "serving" a failure on one side leaves the other as it was: the one before kills the new one and takes the
//! journals back, and the new one goes on by itself where the one before has died. At every moment one process at most
//! writes a journal, which its lock sees to; the other hands it lines.
//!
//! Nothing is refused: sockets are passed, not opened anew, so connections wait in the kernel for whoever accepts.
//! Visitors' connections stay where they are, to their end: the next answer on each says that it is the last.
//!
//! `giving` is the side of the process before, `taking` that of the one after; `words` are what they say, `sockets` how
//! the sockets come along, and `starter` starts the one after.

mod giving;
mod sockets;
mod starter;
mod taking;
mod words;

pub use giving::{HandOverError, Successor};
pub use starter::Starter;
pub(super) use taking::Following;
pub use taking::Predecessor;
