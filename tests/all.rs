//! The one integration-test binary. `town` holds the words that tests are written in; every other module is a kind of
//! promise.

mod town;

mod certificates;
mod cookies;
mod demo;
mod dokuwiki;
mod drain;
mod exchange;
mod full_disk;
mod host_names;
mod http;
mod http2;
mod interop;
mod journal_cli;
mod limits;
mod outcomes;
mod proxies;
mod proxy_protocol;
mod readers;
mod readme;
mod reload;
mod secrets;
mod serve;
mod sites;
mod skip;
mod tidy;
mod tls;
mod upstreams;
mod verify;
mod websocket;
mod witness;
