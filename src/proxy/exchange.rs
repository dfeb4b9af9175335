//! The whole exchange.

use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::upgrade::{self, OnUpgrade};
use jiff::Timestamp;

use super::body::{Body, RequestBody};
use super::refusal::{Audience, Failure};
use super::reports::Reports;
use super::upstream::Answer;
use super::witness::Witness;
use super::{forwarded, headers, http2, target, upgrade as tunnel, witness};
use crate::cookies;
use crate::entry::{Outcome, Refusal, UpstreamFailure};
use crate::fields;
use crate::server::{Connection, Edition};

/// One exchange: from the visitor, to the CMS, and back. It never fails: whatever happens has an answer, and an entry.
/// It lies on the heap: it is large, and hyper hands it on several times.
pub(crate) fn exchange(
    connection: Rc<Connection>,
    request: Request<Incoming>,
) -> Pin<Box<impl Future<Output = Response<Body>>>> {
    // Begun before the future is polled: hyper looks for the end of the visitor's input first.
    let arrived = connection.meter.begin_exchange();
    let edition = connection.worker.edition(); // one from the first byte to the last
    let expected = fields::has(request.headers(), &header::EXPECT);
    let allowed = edition.shared.limits.body_bytes;
    let request = request.map(|body| RequestBody::new(body, expected, allowed, &connection));
    let request = Box::new(request); // it goes from hand to hand, and each future on its way would have room for it
    Box::pin(there_and_back(connection, edition, arrived, allowed, request))
}

async fn there_and_back(
    connection: Rc<Connection>,
    edition: Rc<Edition>,
    arrived: Timestamp,
    allowed: u64,
    mut request: Box<Request<RequestBody>>,
) -> Response<Body> {
    let asked = forwarded::asked(request.headers(), &connection, &edition.shared.trusted_proxies);
    let rewritten = http2::rewrite(&mut request);
    let named = rewritten.and_then(|()| target::named(&request, &connection, &edition));
    // What is for no site of ours is recorded by the first.
    let place = named.as_ref().ok().and_then(|named| named.place).unwrap_or_default();
    let site = &edition.shared.sites[place];

    let audience = Audience {
        method: request.method().clone(),
        languages: fields::first(request.headers(), &header::ACCEPT_LANGUAGE).cloned(),
        // A visitor of no site of ours is shown no office's page.
        error_page: match &named {
            Ok(named) if named.place.is_some() => site.error_page.as_ref(),
            _ => None,
        },
    };
    let observation = witness::observe(arrived, asked.client, &request);
    let mut witness = match Witness::begin(&connection, &edition, place, observation) {
        Ok(witness) => witness,
        Err(refusal) => return Failure::Refused(refusal).into_response(&audience, None),
    };

    let (rules, tally) = (&site.in_force.policy.cookies, &site.in_force.tally);
    let answer = async {
        let named = named?;
        named.place.ok_or(Refusal::UnknownSite)?;
        target::check_framing(&request, allowed)?;
        if connection.is_one_too_many(edition.shared.limits.exchanges) {
            return Err(Refusal::TooManyExchanges.into());
        }
        if !connection.secure
            && let Some(page) = edition.shared.challenges.answer(&request)
        {
            return Ok(Reply::Page(page));
        }
        if let Some(page) = site.statement.as_ref().and_then(|pages| pages.answer(&request)) {
            return Ok(Reply::Page(page));
        }
        let reports = Reports(site);
        if reports.are_at(request.uri().path()) {
            let now = connection.meter.clock().now();
            return reports.take(&mut request, &mut witness, now).await.map(Reply::Page);
        }
        let upgrade = headers::inbound(&mut request, &asked, &named.told, connection.peer);
        let path = request.uri().path_and_query().cloned();
        let visit = cookies::Exchange {
            rules,
            tally,
            clock: connection.meter.clock(),
            secure: asked.secure,
            host: &named.host,
            navigation: site.navigation(&request),
            path: path.as_ref().map_or("/", PathAndQuery::path),
            site: &site.hosts[0], // a checked configuration has one
            keys: site.keys.as_deref(),
        };
        let owed = visit.inbound(&audience.method, request.headers_mut());
        let visitor = upgrade.then(|| upgrade::on(&mut *request));

        if request.body().is_expected() {
            witness.may_answer().await?; // a 100 is an answer too
        }
        let clock = connection.meter.clock();
        let asked_at = clock.now();
        let answered = edition.pools[place].send(request, &connection).await;
        let worker = connection.worker.hands.number;
        match &answered {
            Ok(_) => site.counts.answered(worker, Some(since(asked_at, clock.now()))),
            Err(Failure::Upstream(_)) => site.counts.answered(worker, None),
            Err(Failure::Refused(_) | Failure::Body(_)) => {} // the visitor's doing
        }
        let mut response = answered?;

        let upgraded = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        if upgraded && visitor.is_none() {
            return Err(UpstreamFailure::Malformed.into()); // nobody asked for it
        }
        headers::outbound(&mut response, upgraded)?;
        if let Some(guard) = site.guard.as_ref().filter(|_| !upgraded) {
            guard.outbound(response.status(), response.headers_mut(), asked.secure);
        }
        if visit.outbound(response.status(), response.headers_mut(), owed) {
            witness.first_page();
        }
        Ok::<_, Failure>(match visitor.filter(|_| upgraded) {
            Some(visitor) => Reply::Tunnel(response, visitor),
            None => Reply::Upstream(response),
        })
    };
    let answer = answer.await;
    let answer = match witness.may_answer().await {
        Ok(()) => answer,
        Err(refusal) => Err(refusal.into()),
    };
    match answer {
        Ok(Reply::Page(page)) => ours(page, witness),
        Ok(Reply::Upstream(response)) => whole(response, witness),
        Ok(Reply::Tunnel(response, visitor)) => become_tunnel(connection, response, visitor, witness),
        Err(failure) => failure.into_response(&audience, Some(witness)),
    }
}

/// None, where the clock was set back meanwhile.
fn since(begun: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(begun)).unwrap_or_default()
}

/// What the visitor gets.
enum Reply {
    /// The statement, that a report came, or what an authority asked for.
    Page(Response<Bytes>),
    Upstream(Response<Answer>),
    Tunnel(Response<Answer>, OnUpgrade),
}

fn ours(page: Response<Bytes>, witness: Witness) -> Response<Body> {
    let status = page.status();
    page.map(|page| Body::page(page, status, Outcome::Completed, Some(witness)))
}

/// The answer's body takes the witness with it: its end is the exchange's.
fn whole(response: Response<Answer>, witness: Witness) -> Response<Body> {
    let status = response.status();
    response.map(|answer| Body::upstream(answer, status, witness))
}

/// The connection becomes a tunnel once its 101 has left, and the witness goes with it.
fn become_tunnel(
    connection: Rc<Connection>,
    mut response: Response<Answer>,
    visitor: OnUpgrade,
    mut witness: Witness,
) -> Response<Body> {
    let upstream = upgrade::on(&mut response);
    let (parts, answer) = response.into_parts();
    witness.answered(parts.status);
    tunnel::carry(connection, visitor, upstream, answer.into_link(), witness);
    Response::from_parts(parts, Body::nothing())
}
