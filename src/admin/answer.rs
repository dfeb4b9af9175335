//! Who is answered, and what.
//!
//! A page of any site can have a browser send requests to a loopback address. It cannot read the answer unless a name
//! of its own leads there (DNS rebinding), so names are not answered; and it cannot add a field to a request without
//! asking first, so orders need one.

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, ALLOW, CACHE_CONTROL, HOST, HeaderValue, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;
use tokio::time;

use super::disks::Disks;
use super::{Reading, Wish, classic, health, metrics};
use crate::config::AdminPlace;
use crate::desk::{TEXT, said, text};
use crate::server::View;

/// The field that orders need. Its value says nothing.
pub(crate) const ORDER: &str = "townclerk-order";

const JSON: &str = "application/json";
/// OpenMetrics 1.0.0, and the text format of Prometheus.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const CLASSIC: &str = "text/plain; version=0.0.4; charset=utf-8";

/// For reading the configuration again, after which whoever asked is told to look at the diagnostics.
const RELOAD_TIME: Duration = Duration::from_secs(60);

/// Who answers.
#[derive(Clone)]
pub(super) struct Clerk {
    view: Arc<View>,
    disks: Rc<Disks>,
    wishes: UnboundedSender<Wish>,
}

impl Clerk {
    pub(super) fn new(view: Arc<View>, wishes: UnboundedSender<Wish>) -> Self {
        let disks = Rc::default();
        Self { view, disks, wishes }
    }

    /// `own`: whom the listener can be reached by.
    pub(super) async fn answer(&self, request: Request<Incoming>, own: Own) -> Response<Full<Bytes>> {
        let mut answer = self.decide(&request, own).await;
        answer
            .headers_mut()
            .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        answer
    }

    async fn decide(&self, request: &Request<Incoming>, own: Own) -> Response<Full<Bytes>> {
        if own == Own::Loopback && !is_called_by_address(request.headers()) {
            return said(
                StatusCode::MISDIRECTED_REQUEST,
                "here is an answer for localhost and loopback addresses, not for other names",
            );
        }
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        match request.uri().path() {
            "/reload" => self.reload(request, own).await,
            "/healthz" | "/readyz" | "/metrics" if !reads => not_allowed("GET"),
            "/healthz" => found(request, &health::health(&self.view).await),
            "/readyz" => found(request, &health::readiness(&self.view, &self.disks).await),
            "/metrics" => self.metrics(request).await,
            _ => said(
                StatusCode::NOT_FOUND,
                "there are /healthz, /readyz, /metrics and, with POST, /reload",
            ),
        }
    }

    async fn metrics(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        match metrics::page(&self.view, &self.disks).await {
            Ok(page) if accepts(request.headers(), "application/openmetrics-text") => {
                text(StatusCode::OK, OPEN_METRICS, page)
            }
            Ok(page) => text(StatusCode::OK, CLASSIC, classic::of(&page)),
            Err(_) => said(StatusCode::INTERNAL_SERVER_ERROR, "the numbers could not be written"),
        }
    }

    async fn reload(&self, request: &Request<Incoming>, own: Own) -> Response<Full<Bytes>> {
        if request.method() != Method::POST {
            return not_allowed("POST");
        }
        if let Err(why) = may_order(request.headers(), own) {
            return said(StatusCode::FORBIDDEN, why);
        }
        let (answer, answered) = oneshot::channel();
        let gone = "nobody reads the configuration any more: the server stops";
        if self.wishes.send(Wish(answer)).is_err() {
            return said(StatusCode::SERVICE_UNAVAILABLE, gone);
        }
        match time::timeout(RELOAD_TIME, answered).await {
            Ok(Ok(reading)) => outcome(reading),
            Ok(Err(_)) => said(StatusCode::SERVICE_UNAVAILABLE, gone),
            Err(_) => said(
                StatusCode::GATEWAY_TIMEOUT,
                "it takes long; the diagnostics will tell how it ends",
            ),
        }
    }
}

/// Whom a listener can be reached by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Own {
    /// Those who may open its socket.
    Socket,
    /// All programs of this machine, browsers among them.
    Loopback,
    /// Others.
    No,
}

impl Own {
    pub(super) fn of(place: &AdminPlace) -> Self {
        match place {
            AdminPlace::Unix(_) => Self::Socket,
            AdminPlace::Tcp(_) if place.is_of_this_machine() => Self::Loopback,
            AdminPlace::Tcp(_) => Self::No,
        }
    }
}

/// Whether Host is one of this machine's own addresses, or `localhost`: no other name can lead here by right.
fn is_called_by_address(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let Some(host) = host.and_then(|host| host.parse::<Authority>().ok()) else {
        return false;
    };
    let host = host.host();
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    let is_loopback = |address: IpAddr| address.to_canonical().is_loopback();
    host.eq_ignore_ascii_case("localhost") || bare.parse().is_ok_and(is_loopback)
}

/// Whether an order is taken.
fn may_order(headers: &HeaderMap, own: Own) -> Result<(), &'static str> {
    if own == Own::No {
        return Err("orders are taken on a unix socket or a loopback address only");
    }
    if headers.contains_key(ORIGIN) || headers.contains_key("sec-fetch-site") {
        return Err("orders are not taken from web pages");
    }
    if !headers.contains_key(ORDER) {
        return Err("an order needs the field `Townclerk-Order: reload`, which no web page can send unasked");
    }
    Ok(())
}

/// What is wanted: all of it, or nothing that is named.
fn found(request: &Request<Incoming>, lacks: &[health::Lack]) -> Response<Full<Bytes>> {
    let status = match lacks {
        [] => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    if accepts(request.headers(), JSON) {
        let lacks: Value = lacks.iter().map(health::Lack::to_json).collect();
        return text(
            status,
            JSON,
            format!("{}\n", json!({ "ok": status == StatusCode::OK, "lacks": lacks })),
        );
    }
    let lines: String = lacks.iter().map(|lack| format!("{lack}\n")).collect();
    text(status, TEXT, if lines.is_empty() { "ok\n".to_owned() } else { lines })
}

/// What came of reading the configuration again.
fn outcome(reading: Reading) -> Response<Full<Bytes>> {
    let (status, body) = match reading {
        Reading::Done(done) => (
            StatusCode::OK,
            json!({ "reloaded": true, "changed": done.changed, "needs_restart": done.needs_restart }),
        ),
        Reading::Faulty(faults) => (
            StatusCode::UNPROCESSABLE_ENTITY,
            json!({ "reloaded": false, "faults": faults.to_json() }),
        ),
        Reading::Refused { what, hint } => (
            StatusCode::UNPROCESSABLE_ENTITY,
            json!({ "reloaded": false, "error": what, "hint": hint }),
        ),
    };
    text(status, JSON, format!("{body:#}\n"))
}

fn not_allowed(method: &'static str) -> Response<Full<Bytes>> {
    let mut answer = said(StatusCode::METHOD_NOT_ALLOWED, "another method is wanted here");
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(method));
    answer
}

/// Whether a media type is named as one that is accepted.
fn accepts(headers: &HeaderMap, kind: &str) -> bool {
    let fields = headers.get_all(ACCEPT).iter().filter_map(|field| field.to_str().ok());
    let mut kinds = fields.flat_map(|field| field.split(','));
    kinds.any(|named| {
        named
            .split(';')
            .next()
            .is_some_and(|named| named.trim().eq_ignore_ascii_case(kind))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let fields = fields.iter().map(|(name, value)| {
            let value = HeaderValue::from_static(value);
            (http::HeaderName::from_static(name), value)
        });
        fields.collect()
    }

    #[test]
    fn only_addresses_of_this_machine_are_names_for_it() {
        for right in [
            "localhost",
            "LOCALHOST:9465",
            "127.0.0.1:9465",
            "127.8.8.8",
            "[::1]:9465",
            "[::ffff:127.0.0.1]",
        ] {
            assert!(is_called_by_address(&headers(&[("host", right)])), "{right}");
        }
        for wrong in [
            "evil.example",
            "localhost.evil.example",
            "192.0.2.7:9465",
            "[2001:db8::1]",
            "",
            "a b",
        ] {
            assert!(!is_called_by_address(&headers(&[("host", wrong)])), "{wrong}");
        }
        assert!(!is_called_by_address(&headers(&[])));
    }

    #[test]
    fn no_web_page_and_no_other_machine_gives_orders() {
        let order = ("townclerk-order", "reload");
        assert_eq!(may_order(&headers(&[order]), Own::Socket), Ok(()));
        assert_eq!(may_order(&headers(&[order]), Own::Loopback), Ok(()));
        for (fields, own) in [
            (headers(&[order]), Own::No),
            (headers(&[]), Own::Loopback),
            (headers(&[order, ("origin", "https://evil.example")]), Own::Loopback),
            (headers(&[order, ("origin", "null")]), Own::Socket),
            (headers(&[order, ("sec-fetch-site", "same-origin")]), Own::Loopback),
        ] {
            assert!(may_order(&fields, own).is_err(), "{fields:?} {own:?}");
        }
    }

    #[test]
    fn a_media_type_is_accepted_where_it_is_named() {
        let prometheus = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        assert!(accepts(
            &headers(&[("accept", prometheus)]),
            "application/openmetrics-text"
        ));
        assert!(!accepts(
            &headers(&[("accept", "text/plain, */*")]),
            "application/openmetrics-text"
        ));
        assert!(!accepts(&headers(&[]), JSON));
    }
}
