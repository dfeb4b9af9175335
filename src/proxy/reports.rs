//! What browsers report of calls to other sites, taken on a path of the site: read, counted and forgotten. The CMS is
//! never asked.

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;

use super::Site;
use super::body::{BodyFault, RequestBody};
use super::refusal::{self, Failure};
use super::witness::Witness;
use crate::third_parties::{self, BODY_MAX, Format};

/// Where a site's browsers report to, and how what they say is counted.
pub(super) struct Reports<'a>(pub(super) &'a Site);

impl Reports<'_> {
    /// Whether a request is meant for it.
    pub(super) fn are_at(&self, path: &str) -> bool {
        self.0.guard.as_ref().is_some_and(|guard| guard.path() == path)
    }

    /// Takes a report. Whoever sends one learns nothing but that it came.
    ///
    /// # Errors
    /// A body that is too large, too slow or broken, and [`crate::entry::Refusal::Journal`].
    pub(super) async fn take(
        &self,
        request: &mut Request<RequestBody>,
        witness: &mut Witness,
        now: jiff::Timestamp,
    ) -> Result<Response<Bytes>, Failure> {
        let fields = request.headers();
        let lang = refusal::preferred(fields.get_all(header::ACCEPT_LANGUAGE));
        if *request.method() != Method::POST {
            let mut answer = refusal::answer(StatusCode::METHOD_NOT_ALLOWED, lang);
            let allowed = HeaderValue::from_static("POST");
            answer.headers_mut().insert(header::ALLOW, allowed);
            if *request.method() == Method::HEAD {
                answer.body_mut().clear();
            }
            return Ok(answer);
        }
        let Some(format) = fields.get(header::CONTENT_TYPE).and_then(Format::of) else {
            return Ok(refusal::answer(StatusCode::UNSUPPORTED_MEDIA_TYPE, lang));
        };
        if let Some(tally) = self.0.in_force.calls.as_ref().filter(|tally| tally.admits(now)) {
            if request.body().is_expected() {
                witness.may_answer().await?;
            }
            let body = whole(request.body_mut()).await?;
            let reports = third_parties::read(&body, format, &self.0.in_force.policy, &self.0.hosts);
            tally.count(reports);
        }
        let mut answer = Response::new(Bytes::new());
        *answer.status_mut() = StatusCode::NO_CONTENT;
        Ok(answer)
    }
}

async fn whole(body: &mut RequestBody) -> Result<Vec<u8>, BodyFault> {
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        if whole.len() + data.len() > BODY_MAX {
            return Err(BodyFault::TooLarge);
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole)
}
