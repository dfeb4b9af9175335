//! Our own answers: what went wrong, for the visitor in plain Polish and English, with nothing internal.

use http::header::{self, HeaderMap, HeaderValue};
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
    pub(super) fn into_response(self, method: &Method, language: Language, witness: Option<Witness>) -> Response<Body> {
        let outcome = self.outcome();
        let status = status(outcome);
        let page: &[u8] = if method == Method::HEAD {
            b""
        } else {
            language.of(pages(status)).as_bytes()
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
        if status == StatusCode::BAD_REQUEST {
            // What follows it on the connection may be part of it to somebody else.
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
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

/// The language that comes first on a page; the other one follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    Polish,
    English,
}

impl Language {
    /// What `Accept-Language` prefers of the two (RFC 9110, section 12.5.4); Polish where it does not say.
    pub(super) fn preferred(headers: &HeaderMap) -> Self {
        let fields = headers.get_all(header::ACCEPT_LANGUAGE).iter();
        let ranges = fields.flat_map(|field| field.as_bytes().split(|&byte| byte == b','));
        let (mut polish, mut english) = (0, 0);
        for (range, weight) in ranges.filter_map(range) {
            match range {
                Self::Polish => polish = polish.max(weight),
                Self::English => english = english.max(weight),
            }
        }
        if english > polish { Self::English } else { Self::Polish }
    }

    fn of(self, pages: [&'static str; 2]) -> &'static str {
        pages[self as usize]
    }
}

/// One language range that is ours, and its weight in thousandths.
fn range(element: &[u8]) -> Option<(Language, u16)> {
    let element = std::str::from_utf8(element).ok()?;
    let (range, parameter) = element.split_once(';').unwrap_or((element, ""));
    let primary = range.split('-').next().unwrap_or_default().trim();
    let language = match primary {
        _ if primary.eq_ignore_ascii_case("pl") => Language::Polish,
        _ if primary.eq_ignore_ascii_case("en") => Language::English,
        _ => return None,
    };
    let weight = parameter.trim().strip_prefix(['q', 'Q']).map_or(1.0, |weight| {
        let weight = weight.trim_start().trim_start_matches('=').trim();
        weight.parse::<f32>().unwrap_or(0.0).clamp(0.0, 1.0)
    });
    Some((language, (weight * 1000.0) as u16))
}

/// A page in both languages, in both orders: Polish first, and English first.
macro_rules! page {
    ($pl_title:literal, $pl:literal, $en_title:literal, $en:literal) => {
        [
            page!("pl", $pl_title, $pl, "en", $en_title, $en),
            page!("en", $en_title, $en, "pl", $pl_title, $pl),
        ]
    };
    ($first:literal, $title:literal, $text:literal, $second:literal, $other_title:literal, $other:literal) => {
        concat!(
            "<!doctype html>\n<html lang=\"",
            $first,
            "\"><head><meta charset=\"utf-8\">",
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>",
            $title,
            "</title></head>\n<body><main><h1>",
            $title,
            "</h1><p>",
            $text,
            "</p>\n<section lang=\"",
            $second,
            "\"><h2>",
            $other_title,
            "</h2><p>",
            $other,
            "</p></section></main></body></html>\n"
        )
    };
}

fn pages(status: StatusCode) -> [&'static str; 2] {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn preferred(field: &str) -> Language {
        let value = HeaderValue::from_bytes(field.as_bytes()).expect("a value");
        Language::preferred(&HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, value)]))
    }

    #[test]
    fn the_language_with_the_greater_weight_comes_first_and_polish_where_nothing_is_said() {
        assert_eq!(Language::preferred(&HeaderMap::new()), Language::Polish);
        assert_eq!(preferred("en"), Language::English);
        assert_eq!(preferred("de, en-GB;q=0.8, pl;q=0.3"), Language::English);
        assert_eq!(preferred("EN;q=0.5,PL-pl;q=0.6"), Language::Polish);
        assert_eq!(preferred("en;q=0"), Language::Polish);
        assert_eq!(preferred("de"), Language::Polish);
        assert_eq!(preferred("en;q=\u{ff};;,=,"), Language::Polish);
    }

    #[test]
    fn both_languages_stay_on_the_page() {
        for language in [Language::Polish, Language::English] {
            let page = language.of(pages(StatusCode::BAD_GATEWAY));
            assert!(page.contains("lang=\"pl\"") && page.contains("lang=\"en\""), "{page}");
        }
    }
}
