//! The whole exchange.

use std::rc::Rc;
use std::sync::Arc;

use http::{Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::upgrade::{self, OnUpgrade};
use jiff::Timestamp;

use super::body::{Body, RequestBody};
use super::refusal::{Failure, Language};
use super::upstream::Answer;
use super::witness::Witness;
use super::{forwarded, headers, http2, target, upgrade as tunnel, witness};
use crate::cookies;
use crate::entry::{Refusal, UpstreamFailure};
use crate::server::{Connection, Edition};

/// One exchange: from the visitor, to the CMS, and back. It never fails: whatever happens has an answer, and an entry.
pub(crate) fn exchange(connection: Rc<Connection>, request: Request<Incoming>) -> impl Future<Output = Response<Body>> {
    // Begun before the future is polled: hyper looks for the end of the visitor's input first.
    let arrived = connection.meter.begin_exchange();
    let edition = connection.worker.edition(); // one from the first byte to the last
    let expected = request.headers().contains_key(header::EXPECT);
    let allowed = edition.shared.limits.body_bytes;
    let request = request.map(|body| RequestBody::new(body, expected, allowed, Rc::clone(&connection)));
    there_and_back(connection, edition, arrived, allowed, request)
}

async fn there_and_back(
    connection: Rc<Connection>,
    edition: Rc<Edition>,
    arrived: Timestamp,
    allowed: u64,
    mut request: Request<RequestBody>,
) -> Response<Body> {
    let asked = forwarded::asked(request.headers(), &connection, &edition.shared.trusted_proxies);
    let rewritten = http2::rewrite(&mut request);
    let named = rewritten.and_then(|()| target::named(&request, &connection, &edition));
    // What is for no site of ours is recorded by the first.
    let place = named.as_ref().ok().and_then(|named| named.place).unwrap_or_default();
    let site = &edition.shared.sites[place];
    let in_force = Arc::clone(&site.in_force);

    let method = request.method().clone();
    let language = Language::preferred(request.headers());
    let observation = witness::observe(arrived, asked.client, &request);
    let witness = match Witness::begin(&connection, site, in_force.clone(), observation) {
        Ok(witness) => witness,
        Err(refusal) => return Failure::Refused(refusal).into_response(&method, language, None),
    };

    let (rules, tally) = (&in_force.policy.cookies, &in_force.tally);
    let answer = async {
        let named = named?;
        named.place.ok_or(Refusal::UnknownSite)?;
        target::check_framing(&request, allowed)?;
        headers::inbound(&mut request, &asked, &named.told, connection.peer);
        let expired = cookies::inbound(request.headers_mut(), rules, tally);
        let visitor = headers::wants_websocket(request.headers()).then(|| upgrade::on(&mut request));

        let mut response = edition.pools[place].send(request, &connection).await?;

        let upgraded = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        if upgraded && visitor.is_none() {
            return Err(UpstreamFailure::Malformed.into()); // nobody asked for it
        }
        headers::outbound(&mut response, upgraded)?;
        let told = cookies::Site {
            secure: asked.secure,
            host: &named.host,
        };
        cookies::outbound(
            response.headers_mut(),
            rules,
            &told,
            expired,
            connection.meter.clock(),
            tally,
        );
        Ok::<_, Failure>((response, visitor.filter(|_| upgraded)))
    };
    match answer.await {
        Ok((response, None)) => whole(response, witness),
        Ok((response, Some(visitor))) => become_tunnel(connection, response, visitor, witness),
        Err(failure) => failure.into_response(&method, language, Some(witness)),
    }
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
