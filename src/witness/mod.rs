//! A witness: for each log that it was told of, it keeps the largest tree that it has vouched for, and vouches only for
//! what goes on from there (C2SP, tlog-witness, with tlog-cosignature's `cosignature/v1`).
//!
//! ```text
//! log                                                     witness, another user or another machine
//!  │  POST /add-checkpoint                                  │ is the log known, is it the log's signature,
//!  │  old <size>, proof of growth, checkpoint  ───────────▶ │ does the tree go on from the one that is kept?
//!  │                                                        │ kept on disk first,
//!  │  its signature with the time              ◀─────────── │ answered then
//! ```
//!
//! Whoever holds a log's key can rewrite the log and sign it anew. He cannot make a witness forget what it has seen:
//! it refuses the rewritten log, and anybody who has a cosigned checkpoint can tell the two apart. A witness learns
//! origins, sizes and roots, and nothing else.
//!
//! - `request`: what is asked, as text, both ways
//! - [`State`]: what is kept, and the one decision
//! - [`serve`]: HTTP before it
//! - [`ask`]: the log's side, with `wire` below it

pub mod ask;
mod place;
mod request;
pub mod serve;
mod state;
mod store;
mod wire;

#[cfg(test)]
mod tests;

pub use place::{Place, PlaceError};
pub use request::{Malformed, Request};
pub use state::{Refusal, State};
pub use store::{AddError, InitError, StateError, add, init, latest};
