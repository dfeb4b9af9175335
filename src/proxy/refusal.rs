//! Our own answers: what went wrong, for the visitor in plain Polish and English, with nothing internal.

use http::header::{self, HeaderValue};
use http::{Method, Response, StatusCode};

use super::body::{Body, BodyFault};
use super::witness::Witness;
use crate::entry::{Outcome, Refusal, UpstreamFailure};

/// Why an exchange gets an answer of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    Refused(Refusal),
    Upstream(UpstreamFailure),
    Body(BodyFault),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<UpstreamFailure> for Failure {
    fn from(failure: UpstreamFailure) -> Self {
        Self::Upstream(failure)
    }
}

impl Failure {
    pub(super) fn outcome(self) -> Outcome {
        match self {
            Self::Refused(refusal) => Outcome::Refused(refusal),
            Self::Upstream(failure) => Outcome::Upstream(failure),
            Self::Body(fault) => Outcome::Refused(fault.into()),
        }
    }

    /// The answer, and with it the end of the exchange. Without a witness there is no entry: the journal counts it.
    pub(super) fn into_response(self, method: &Method, witness: Option<Witness>) -> Response<Body> {
        let outcome = self.outcome();
        let status = status(outcome);
        let page: &[u8] = if method == Method::HEAD {
            b""
        } else {
            page(status).as_bytes()
        };
        let mut response = Response::new(Body::page(page, status, outcome, witness));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'"),
        );
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
        }
        if status == StatusCode::METHOD_NOT_ALLOWED {
            let allowed = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
            headers.insert(header::ALLOW, HeaderValue::from_static(allowed));
        }
        response
    }
}

fn status(outcome: Outcome) -> StatusCode {
    match outcome {
        Outcome::Refused(refusal) => match refusal {
            Refusal::Host | Refusal::Malformed => StatusCode::BAD_REQUEST,
            Refusal::UnknownSite => StatusCode::MISDIRECTED_REQUEST,
            Refusal::Target => StatusCode::METHOD_NOT_ALLOWED,
            Refusal::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::Expectation => StatusCode::EXPECTATION_FAILED,
            Refusal::Journal => StatusCode::SERVICE_UNAVAILABLE,
            Refusal::TooSlow => StatusCode::REQUEST_TIMEOUT,
        },
        Outcome::Upstream(UpstreamFailure::Timeout) => StatusCode::GATEWAY_TIMEOUT,
        Outcome::Upstream(_) => StatusCode::BAD_GATEWAY,
        Outcome::Completed | Outcome::Upgraded | Outcome::CutOff(_) | Outcome::NotARequest(_) => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
}

/// A page in both languages: title, then a sentence, in each.
macro_rules! page {
    ($pl_title:literal, $pl:literal, $en_title:literal, $en:literal) => {
        concat!(
            "<!doctype html>\n<html lang=\"pl\"><head><meta charset=\"utf-8\">",
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>",
            $pl_title,
            "</title></head>\n<body><main><h1>",
            $pl_title,
            "</h1><p>",
            $pl,
            "</p>\n<section lang=\"en\"><h2>",
            $en_title,
            "</h2><p>",
            $en,
            "</p></section></main></body></html>\n"
        )
    };
}

fn page(status: StatusCode) -> &'static str {
    match status {
        StatusCode::MISDIRECTED_REQUEST => page!(
            "Nie ma tu takiej strony internetowej",
            "Ten serwer nie obsługuje adresu, o który pyta przeglądarka. Proszę sprawdzić adres.",
            "No such site here",
            "This server does not serve the address that your browser asked for. Please check the address."
        ),
        StatusCode::PAYLOAD_TOO_LARGE => page!(
            "Za duży plik",
            "Przesyłane dane są większe, niż przyjmuje ta strona.",
            "Too large",
            "What you are sending is larger than this site accepts."
        ),
        StatusCode::REQUEST_TIMEOUT => page!(
            "Przesyłanie trwało zbyt długo",
            "Dane nie dotarły w całości na czas. Proszę spróbować ponownie.",
            "It took too long",
            "What you were sending did not arrive in time. Please try again."
        ),
        StatusCode::SERVICE_UNAVAILABLE => page!(
            "Strona chwilowo niedostępna",
            "Nie możemy teraz obsłużyć zapytania. Proszę spróbować za kilka minut.",
            "Temporarily unavailable",
            "We cannot serve your request at the moment. Please try again in a few minutes."
        ),
        StatusCode::BAD_GATEWAY => page!(
            "Strona nie odpowiada",
            "Serwer strony nie odpowiada prawidłowo. Proszę spróbować za kilka minut.",
            "The site does not answer",
            "The site's server does not answer as it should. Please try again in a few minutes."
        ),
        StatusCode::GATEWAY_TIMEOUT => page!(
            "Strona odpowiada zbyt długo",
            "Serwer strony nie odpowiedział na czas. Proszę spróbować za kilka minut.",
            "The site takes too long",
            "The site's server did not answer in time. Please try again in a few minutes."
        ),
        _ => page!(
            "Nieprawidłowe zapytanie",
            "Serwer nie rozumie zapytania wysłanego przez przeglądarkę.",
            "Not a valid request",
            "The server does not understand the request that your browser sent."
        ),
    }
}
