//! The sample site: what a small municipal CMS answers, with the cookies that such systems set.
//!
//! Nothing is protected by its login: the session's value is the same for all, and written here.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::pages::{self, Look, Page};

/// Who is logged in.
pub(super) const SESSION: &str = "sesja";
/// 'Remember me', for a year.
pub(super) const REMEMBER: &str = "zapamietaj";
/// The wish for high contrast, for a year.
const CONTRAST: &str = "kontrast";
/// The number by which an old statistics plug-in knows a browser again, for thirteen months.
pub(super) const TRACKER: &str = "_pk_id.1.9c2b";

/// Where a page has a pixel that counts visitors.
pub(super) const PIXEL: &str = "statystyki.example";

/// What must be in no journal: the values of the cookies that tell somebody apart.
pub(super) const SESSION_VALUE: &str = "7d1f0c9b52e84a63";
pub(super) const REMEMBER_VALUE: &str = "anna-4be1d907c2f3";
pub(super) const TRACKER_VALUE: &str = "3f6e1c0a9b7d4e25.1795295719";

const DAY: i64 = 86_400;
const YEAR: i64 = 365 * DAY;
/// Matomo's default, 393 days.
const THIRTEEN_MONTHS: i64 = 393 * DAY;

/// What a CMS answers.
pub(super) type Answer = Response<Full<Bytes>>;

/// Answers a request, whose body does not matter: every log-in is welcome.
pub(super) fn answer(request: &Parts, now: Timestamp) -> Answer {
    let query = request.uri.query().unwrap_or_default();
    let look = Look {
        high_contrast: cookie(request, CONTRAST) == Some("wysoki"),
        logged_in: cookie(request, SESSION) == Some(SESSION_VALUE),
    };
    let method = if request.method == Method::HEAD {
        &Method::GET
    } else {
        &request.method
    };
    match (method.as_str(), request.uri.path()) {
        ("GET", "/") => page(&pages::START, look),
        ("GET", "/aktualnosci") => page(&pages::NEWS, look),
        ("GET", "/aktualnosci/odbior-odpadow") => page(&pages::WASTE, look),
        ("GET", "/aktualnosci/dzien-otwarty") => page(&pages::LIBRARY, look),
        ("GET", "/kontakt") => page(&pages::CONTACT, look),
        ("GET", "/druki") => page(&pages::FORMS, look),
        ("GET", "/szukaj") => html(StatusCode::OK, pages::search(&parameter(query, "q"), look)),
        ("GET", "/budzet") => {
            let tracker = format!("{TRACKER}={TRACKER_VALUE}.; Path=/; SameSite=Lax");
            set(page(&pages::BUDGET, look), &lasting(&tracker, THIRTEEN_MONTHS, now))
        }
        ("GET", "/kontrast") => match parameter(query, "tryb").as_str() {
            "wysoki" => set(
                to("/"),
                &lasting(&format!("{CONTRAST}=wysoki; Path=/; SameSite=Lax"), YEAR, now),
            ),
            _ => set(to("/"), &deletion(CONTRAST)),
        },
        ("GET", "/logowanie") => page(&pages::LOGIN, look),
        ("POST", "/logowanie") => {
            let session = format!("{SESSION}={SESSION_VALUE}; Path=/; HttpOnly; SameSite=Lax");
            let remember = format!("{REMEMBER}={REMEMBER_VALUE}; Path=/; HttpOnly; SameSite=Lax");
            set(set(to("/moje-sprawy"), &session), &lasting(&remember, YEAR, now))
        }
        ("GET", "/moje-sprawy") if look.logged_in => page(&pages::CASES, look),
        ("GET", "/moje-sprawy") => to("/logowanie"),
        ("POST", "/wyloguj") => set(set(to("/"), &deletion(SESSION)), &deletion(REMEMBER)),
        _ => html(StatusCode::NOT_FOUND, pages::NOT_FOUND.html(look)),
    }
}

fn page(page: &Page, look: Look) -> Answer {
    html(StatusCode::OK, page.html(look))
}

fn html(status: StatusCode, text: String) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(text)));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// Sends the visitor to another page (RFC 9110, section 15.4.4).
fn to(place: &'static str) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = StatusCode::SEE_OTHER;
    answer.headers_mut().insert(LOCATION, HeaderValue::from_static(place));
    answer
}

fn set(mut answer: Answer, line: &str) -> Answer {
    // The lines are ours, of plain ASCII, so they are values.
    if let Ok(line) = HeaderValue::from_str(line) {
        answer.headers_mut().append(SET_COOKIE, line);
    }
    answer
}

/// A cookie that stays for so many seconds, said twice as PHP does.
fn lasting(cookie: &str, seconds: i64, now: Timestamp) -> String {
    let end = Timestamp::from_second(now.as_second() + seconds).unwrap_or(Timestamp::MAX);
    format!("{cookie}; Max-Age={seconds}; Expires={}", http_date(end))
}

fn deletion(name: &str) -> String {
    format!(
        "{name}=; Path=/; Max-Age=0; Expires={}",
        http_date(Timestamp::UNIX_EPOCH)
    )
}

/// `Thu, 01 Jan 1970 00:00:00 GMT` (RFC 9110, section 5.6.7).
fn http_date(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC)
        .strftime("%a, %d %b %Y %H:%M:%S GMT")
        .to_string()
}

/// The value of a cookie that the browser sent.
fn cookie<'a>(request: &'a Parts, name: &str) -> Option<&'a str> {
    let fields = request
        .headers
        .get_all(COOKIE)
        .into_iter()
        .filter_map(|field| field.to_str().ok());
    let mut crumbs = fields
        .flat_map(|field| field.split("; "))
        .filter_map(|crumb| crumb.split_once('='));
    crumbs.find(|(sent, _)| *sent == name).map(|(_, value)| value)
}

/// The value of a form's field (URL Standard, section 5.1); empty if it is not there.
fn parameter(query: &str, name: &str) -> String {
    let value = query
        .split('&')
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let mut rest = value.unwrap_or_default().as_bytes();
    let mut text = Vec::with_capacity(rest.len());
    while let [byte, after @ ..] = rest {
        rest = after;
        match (byte, after.first_chunk().and_then(escaped)) {
            (b'%', Some(byte)) => {
                text.push(byte);
                rest = &after[2..];
            }
            (b'+', _) => text.push(b' '),
            _ => text.push(*byte),
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

fn escaped(digits: &[u8; 2]) -> Option<u8> {
    let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
    u8::try_from(high? * 16 + low?).ok()
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_795_295_719, 0);

    fn asked(method: &str, target: &str, cookies: &str) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(target)
            .header(COOKIE, cookies)
            .body(())
            .unwrap();
        answer(&request.into_parts().0, NOW)
    }

    fn set_by(answer: &Answer) -> Vec<&str> {
        answer
            .headers()
            .get_all(SET_COOKIE)
            .iter()
            .map(|line| line.to_str().unwrap())
            .collect()
    }

    #[test]
    fn logging_in_is_remembered_for_the_session_and_for_a_year() {
        let answer = asked("POST", "/logowanie", "");
        assert_eq!(answer.status(), 303);
        let year = "Max-Age=31536000; Expires=Sun, 21 Nov 2027 21:15:19 GMT";
        let session = format!("sesja={SESSION_VALUE}; Path=/; HttpOnly; SameSite=Lax");
        let remember = format!("zapamietaj={REMEMBER_VALUE}; Path=/; HttpOnly; SameSite=Lax; {year}");
        assert_eq!(set_by(&answer), [session, remember]);
    }

    #[test]
    fn logging_out_deletes_what_logging_in_set() {
        let past = "Path=/; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT";
        let deletions = [format!("sesja=; {past}"), format!("zapamietaj=; {past}")];
        assert_eq!(set_by(&asked("POST", "/wyloguj", "")), deletions);
    }

    #[test]
    fn cases_are_for_who_is_logged_in() {
        assert_eq!(asked("GET", "/moje-sprawy", "").headers()[LOCATION], "/logowanie");
        assert_eq!(asked("GET", "/moje-sprawy", "sesja=x").status(), 303);
        let session = format!("a=b; {SESSION}={SESSION_VALUE}");
        assert_eq!(asked("GET", "/moje-sprawy", &session).status(), 200);
    }

    #[test]
    fn the_old_plug_in_tracks_for_thirteen_months_and_the_forms_have_a_broken_link() {
        assert!(set_by(&asked("GET", "/budzet", ""))[0].contains("; Max-Age=33955200; "));
        assert_eq!(asked("GET", "/druki/wniosek-2019.pdf", "").status(), 404);
        assert_eq!(asked("DELETE", "/", "").status(), 404);
    }

    #[test]
    fn parameters_are_read_as_forms_write_them() {
        assert_eq!(parameter("a=1&q=kot+%C5%BC%zz%+4%4", "q"), "kot ż%zz% 4%4");
        assert_eq!(parameter("qq=1", "q"), "");
    }
}
