//! One exchange: a request, and its answer.
//!
//! `exchange` is the whole of it on one screen. The steps are a file each: who asks and for what (`target`,
//! `forwarded`), fields (`headers`), the CMS (`upstream`, `origins`, `trust`), bodies (`body`), tunnels (`upgrade`),
//! our own answers (`refusal`, `statement`, `reports`), and `witness`, which sees the exchange to its end whatever that
//! is.

mod alarm;
mod body;
mod counts;
mod exchange;
mod forwarded;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod headers;
mod heard;
mod host_names;
mod http2;
mod origins;
mod refusal;
mod reports;
mod site;
mod statement;
mod target;
mod trust;
mod upgrade;
mod upstream;
mod witness;

pub(crate) use body::Body;
pub(crate) use counts::CLASSES;
pub(crate) use exchange::exchange;
pub(crate) use host_names::HostNames;
pub use site::Site;
pub(crate) use target::Named;
pub(crate) use trust::Trust;
pub(crate) use upstream::{Pool, speaking};
pub(crate) use witness::not_a_request;
