//! The one integration-test binary. `town` holds the words that tests are written in; every other module is a kind of
//! promise.

mod town;

mod cookies;
mod demo;
mod drain;
mod exchange;
mod limits;
mod outcomes;
mod proxies;
mod readers;
mod secrets;
mod tidy;
mod tls;
mod websocket;
