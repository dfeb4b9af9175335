//! Our own answers: what went wrong, for the visitor in plain Polish and English, with nothing internal.

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Method, Response, StatusCode};

use super::body::{Body, BodyFault};
use super::witness::Witness;
use crate::config::ErrorPage;
use crate::entry::{Outcome, Refusal, UpstreamFailure};
use crate::policy::Lang;

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

impl From<BodyFault> for Failure {
    fn from(fault: BodyFault) -> Self {
        Self::Body(fault)
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
    pub(super) fn into_response(self, audience: &Audience<'_>, witness: Option<Witness>) -> Response<Body> {
        let outcome = self.outcome();
        let status = status(outcome);
        let page = Page::of(status, audience);
        let body = if audience.method == Method::HEAD {
            Bytes::new()
        } else {
            page.body
        };
        let mut response = Response::new(Body::page(body, status, outcome, witness));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        );
        if let Some(lang) = page.lang {
            headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(lang));
        }
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(page.may));
        headers.insert(header::REFERRER_POLICY, REFERRER_POLICY);
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

/// What our answer to a request depends on, beside what went wrong.
pub(super) struct Audience<'a> {
    pub(super) method: Method,
    /// `Accept-Language`, read only if there is something to say.
    pub(super) languages: Option<HeaderValue>,
    /// The page of the site that was asked for, if it has one.
    pub(super) error_page: Option<&'a ErrorPage>,
}

/// What stands in such an answer.
struct Page {
    body: Bytes,
    /// Of all of it; `None` where it has several, or is not ours to tell.
    lang: Option<&'static str>,
    /// What it may load (Content Security Policy).
    may: &'static str,
}

impl Page {
    fn of(status: StatusCode, audience: &Audience<'_>) -> Self {
        let lang = preferred(&audience.languages);
        // An office's page says that the site is not there at the moment; what a visitor did wrong we say ourselves.
        match audience.error_page.filter(|_| is_outage(status)) {
            Some(page) => Self {
                body: page.get(lang).clone(),
                lang: page.has_languages().then(|| lang.tag()),
                may: OFFICE,
            },
            None => Self {
                body: page(status, lang).into(),
                lang: None,
                may: NOTHING,
            },
        }
    }
}

/// Our own pages need nothing.
const NOTHING: &str = "default-src 'none'";
/// Links on our pages, and on an office's error page, tell other sites nothing.
pub(super) const REFERRER_POLICY: HeaderValue = HeaderValue::from_static("same-origin");
/// Nothing from elsewhere and no script: an office's page keeps the promises too, whatever it was made with.
const OFFICE: &str =
    "default-src 'none'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; font-src 'self' data:";

fn is_outage(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
    )
}

fn status(outcome: Outcome) -> StatusCode {
    match outcome {
        Outcome::Refused(refusal) => match refusal {
            Refusal::Host | Refusal::Malformed => StatusCode::BAD_REQUEST,
            Refusal::UnknownSite => StatusCode::MISDIRECTED_REQUEST,
            Refusal::Target => StatusCode::METHOD_NOT_ALLOWED,
            Refusal::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::Expectation => StatusCode::EXPECTATION_FAILED,
            Refusal::Journal | Refusal::TooManyExchanges => StatusCode::SERVICE_UNAVAILABLE,
            Refusal::TooSlow => StatusCode::REQUEST_TIMEOUT,
        },
        Outcome::Upstream(UpstreamFailure::Timeout) => StatusCode::GATEWAY_TIMEOUT,
        Outcome::Upstream(_) => StatusCode::BAD_GATEWAY,
        Outcome::Completed | Outcome::Upgraded | Outcome::CutOff(_) | Outcome::NotARequest(_) => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
}

/// Which language `Accept-Language` prefers of our two (RFC 9110, section 12.5.4); Polish where it does not say.
pub(super) fn preferred<'a>(fields: impl IntoIterator<Item = &'a HeaderValue>) -> Lang {
    let ranges = fields
        .into_iter()
        .flat_map(|field| field.as_bytes().split(|&byte| byte == b','));
    let (mut polish, mut english) = (0, 0);
    for (range, weight) in ranges.filter_map(range) {
        match range {
            Lang::Pl => polish = polish.max(weight),
            Lang::En => english = english.max(weight),
        }
    }
    if english > polish { Lang::En } else { Lang::Pl }
}

/// One language range that is ours, and its weight in thousandths.
fn range(element: &[u8]) -> Option<(Lang, u16)> {
    let element = std::str::from_utf8(element).ok()?;
    let (range, parameter) = element.split_once(';').unwrap_or((element, ""));
    let primary = range.split('-').next().unwrap_or_default().trim();
    let language = match primary {
        _ if primary.eq_ignore_ascii_case("pl") => Lang::Pl,
        _ if primary.eq_ignore_ascii_case("en") => Lang::En,
        _ => return None,
    };
    let weight = parameter.trim().strip_prefix(['q', 'Q']).map_or(1.0, |weight| {
        let weight = weight.trim_start().trim_start_matches('=').trim();
        weight.parse::<f32>().unwrap_or(0.0).clamp(0.0, 1.0)
    });
    Some((language, (weight * 1000.0) as u16))
}

/// Such a page as an answer of its own, which nobody may keep.
pub(super) fn answer(status: StatusCode, lang: Lang) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::from(page(status, lang)));
    *answer.status_mut() = status;
    let fields = answer.headers_mut();
    fields.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    fields.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(NOTHING));
    fields.insert(header::REFERRER_POLICY, REFERRER_POLICY);
    answer
}

/// A page of ours, in both languages: the preferred one comes first.
pub(super) fn page(status: StatusCode, first: Lang) -> String {
    let Texts { pl, en } = texts(status);
    let (second, (title, text), (other_title, other_text)) = match first {
        Lang::Pl => (Lang::En, pl, en),
        Lang::En => (Lang::Pl, en, pl),
    };
    let (first, second) = (first.tag(), second.tag());
    format!(
        "<!doctype html>\n<html lang=\"{first}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{title}</title></head>\n\
         <body><main><h1>{title}</h1><p>{text}</p>\n\
         <section lang=\"{second}\"><h2>{other_title}</h2><p>{other_text}</p></section></main></body></html>\n"
    )
}

/// A title and a sentence or two in each language.
struct Texts {
    pl: (&'static str, &'static str),
    en: (&'static str, &'static str),
}

fn texts(status: StatusCode) -> Texts {
    match status {
        _ if is_outage(status) => Texts {
            pl: (
                "Strona chwilowo niedostępna",
                "Serwer strony teraz nie odpowiada. Proszę spróbować ponownie za kilka minut.",
            ),
            en: (
                "Temporarily unavailable",
                "The site's server does not answer at the moment. Please try again in a few minutes.",
            ),
        },
        StatusCode::MISDIRECTED_REQUEST => Texts {
            pl: (
                "Nie ma tu takiej strony internetowej",
                "Ten serwer nie obsługuje adresu, o który pyta przeglądarka. Proszę sprawdzić adres.",
            ),
            en: (
                "No such site here",
                "This server does not serve the address that your browser asked for. Please check the address.",
            ),
        },
        StatusCode::PAYLOAD_TOO_LARGE => Texts {
            pl: ("Za duży plik", "Przesyłane dane są większe, niż przyjmuje ta strona."),
            en: ("Too large", "What you are sending is larger than this site accepts."),
        },
        StatusCode::REQUEST_TIMEOUT => Texts {
            pl: (
                "Przesyłanie trwało zbyt długo",
                "Dane nie dotarły w całości na czas. Proszę spróbować ponownie.",
            ),
            en: (
                "It took too long",
                "What you were sending did not arrive in time. Please try again.",
            ),
        },
        StatusCode::NOT_FOUND => Texts {
            pl: (
                "Nie ma takiej wersji",
                "Polityka prywatności nie ma takiej wersji. Proszę sprawdzić adres.",
            ),
            en: (
                "No such version",
                "The privacy policy has no such version. Please check the address.",
            ),
        },
        _ => Texts {
            pl: (
                "Nieprawidłowe zapytanie",
                "Serwer nie rozumie zapytania wysłanego przez przeglądarkę.",
            ),
            en: (
                "Not a valid request",
                "The server does not understand the request that your browser sent.",
            ),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(field: &str) -> Lang {
        let value = HeaderValue::from_bytes(field.as_bytes()).expect("a value");
        preferred([&value])
    }

    #[test]
    fn the_language_with_the_greater_weight_comes_first_and_polish_where_nothing_is_said() {
        assert_eq!(preferred([]), Lang::Pl);
        assert_eq!(of("en"), Lang::En);
        assert_eq!(of("de, en-GB;q=0.8, pl;q=0.3"), Lang::En);
        assert_eq!(of("EN;q=0.5,PL-pl;q=0.6"), Lang::Pl);
        assert_eq!(of("en;q=0"), Lang::Pl);
        assert_eq!(of("de"), Lang::Pl);
        assert_eq!(of("en;q=\u{ff};;,=,"), Lang::Pl);
    }

    #[test]
    fn both_languages_stay_on_the_page() {
        for lang in [Lang::Pl, Lang::En] {
            let page = page(StatusCode::BAD_GATEWAY, lang);
            assert!(page.contains("lang=\"pl\"") && page.contains("lang=\"en\""), "{page}");
        }
    }
}
