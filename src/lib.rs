//! townclerk stands in front of an office's site and keeps the promises of its privacy policy.
//!
//! ```text
//! visitor ─▶ server ─▶ proxy ─────────────────▶ upstream (the CMS)
//!                       │ headers, cookies: in and out
//!                       ▼
//!               Observation ──policy──▶ Entry ─▶ journal ─▶ report ─▶ people
//!                 (memory only)        (the only thing kept)
//! ```
//!
//! A street of rooms, in the order of the road:
//!
//! - [`cli`]: the commands, and how they speak
//! - [`config`]: `townclerk.toml` as written, and what it means
//! - [`policy`]: `policy.toml`: what is promised, told and enforced
//! - [`server`]: listeners, TLS, limits; accept, serve, drain
//! - [`proxy`]: one exchange: a request, and its answer
//! - [`cookies`]: `Cookie` and `Set-Cookie`, byte for byte
//! - [`third_parties`]: what pages may call at other sites, and what browsers report of it
//! - [`entry`]: what was seen, cut down to what is kept
//! - [`journal`]: what is kept, on disk, append-only
//! - [`disclosure`]: what leaves it for an authority or a person, entered in the register before
//! - [`report`]: what is kept, counted until nobody is seen in it any more
//! - [`witness`]: elsewhere, vouches that the journal has only grown
//!
//! - [`admin`]: a listener apart from the public one: health, metrics, reload
//!
//! Beside the road: [`acme`], where certificates come from by themselves; [`clock`], the only place that asks the time;
//! [`reader`], which reads TOML and names every fault with its place and remedy; `count`, which costs those who serve
//! next to nothing; `page`, the frame of our pages; [`desk`], where programs ask small things over HTTP; and
//! [`survey`], a look at a site before townclerk stands there.

/// The commit that it was built from, where whoever built it said so (`TOWNCLERK_COMMIT`).
pub(crate) const COMMIT: Option<&str> = option_env!("TOWNCLERK_COMMIT");

/// The target of diagnostics that may be said for every connection, and are left out where they repeat themselves.
pub(crate) const OFTEN: &str = "townclerk::often";

pub mod acme;
pub mod admin;
pub mod cli;
pub mod clock;
pub mod config;
pub mod cookies;
mod count;
pub mod desk;
pub mod disclosure;
pub mod entry;
mod fields;
pub mod journal;
mod page;
pub mod policy;
pub mod proxy;
pub mod reader;
pub mod report;
pub mod server;
pub mod survey;
pub mod third_parties;
pub mod witness;
