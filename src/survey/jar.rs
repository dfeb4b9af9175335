//! A browser's cookie jar, as far as one host needs it (RFC 6265bis, sections 5.6 to 5.8). It is written apart from the
//! rules that townclerk enforces, so that it can bear witness to them.

use jiff::{SignedDuration, Timestamp, civil, tz::TimeZone};

/// For how long a cookie stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lasts {
    /// Until the browser is closed.
    Session,
    /// From now on.
    For(SignedDuration),
    /// It is over: the cookie is deleted.
    Ended,
}

/// What a `Set-Cookie` line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SetCookie {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) lasts: Lasts,
    path: Option<String>,
    domain: Option<String>,
}

impl SetCookie {
    /// Reads a line; `None` where a browser ignores it.
    pub(crate) fn read(line: &str, now: Timestamp) -> Option<Self> {
        let mut parts = line.split(';');
        let (name, value) = parts.next()?.split_once('=')?;
        let mut cookie = Self {
            name: name.trim().to_owned(),
            value: value.trim().to_owned(),
            lasts: Lasts::Session,
            path: None,
            domain: None,
        };
        let (mut max_age, mut expires) = (None, None);
        for attribute in parts {
            let (name, value) = attribute.split_once('=').unwrap_or((attribute, ""));
            let value = value.trim();
            match name.trim().to_ascii_lowercase().as_str() {
                "max-age" => max_age = value.parse().ok().map(SignedDuration::from_secs).or(max_age),
                "expires" => expires = date(value).map(|end| end.duration_since(now)).or(expires),
                "path" => cookie.path = value.starts_with('/').then(|| value.to_owned()),
                "domain" => cookie.domain = Some(value.trim_start_matches('.').to_ascii_lowercase()),
                _ => {}
            }
        }
        // Max-Age takes precedence, wherever it stands.
        if let Some(left) = max_age.or(expires) {
            cookie.lasts = if left.is_positive() {
                Lasts::For(left)
            } else {
                Lasts::Ended
            };
        }
        Some(cookie)
    }
}

/// `Sun, 21 Nov 2027 21:15:19 GMT`.
fn date(text: &str) -> Option<Timestamp> {
    let time = civil::DateTime::strptime("%a, %d %b %Y %H:%M:%S GMT", text).ok()?;
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// A cookie that the browser holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) name: String,
    value: String,
    path: String,
    /// When it ends; `None` with the session.
    ends: Option<Timestamp>,
}

impl Held {
    /// Whether it outlives the session.
    pub(crate) fn is_persistent(&self) -> bool {
        self.ends.is_some()
    }
}

/// What a browser holds of one host.
#[derive(Debug)]
pub(crate) struct Jar {
    host: String,
    held: Vec<Held>,
}

impl Jar {
    /// An empty jar for a host without port.
    pub(crate) fn of(host: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            held: Vec::new(),
        }
    }

    /// Does as a `Set-Cookie` line says that came with the answer for `path`.
    pub(crate) fn obey(&mut self, line: &str, path: &str, now: Timestamp) {
        let Some(cookie) = SetCookie::read(line, now) else {
            return;
        };
        if cookie.domain.is_some_and(|domain| domain != self.host) {
            return;
        }
        let path = cookie.path.unwrap_or_else(|| default_path(path).to_owned());
        self.held
            .retain(|held| (&held.name, &held.path) != (&cookie.name, &path));
        let ends = match cookie.lasts {
            Lasts::Ended => return,
            Lasts::Session => None,
            Lasts::For(left) => Some(now.checked_add(left).unwrap_or(Timestamp::MAX)),
        };
        self.held.push(Held {
            name: cookie.name,
            value: cookie.value,
            path,
            ends,
        });
    }

    /// The `Cookie` field for a request of `path`, if there is anything to send.
    pub(crate) fn field(&self, path: &str, now: Timestamp) -> Option<String> {
        let sent = self
            .held
            .iter()
            .filter(|held| held.ends.is_none_or(|end| end > now) && covers(&held.path, path));
        let crumbs: Vec<_> = sent.map(|held| format!("{}={}", held.name, held.value)).collect();
        (!crumbs.is_empty()).then(|| crumbs.join("; "))
    }

    /// Everything in it, the oldest first.
    pub(crate) fn held(&self) -> &[Held] {
        &self.held
    }
}

/// The folder of a path (RFC 6265bis, section 5.1.4).
fn default_path(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) | None => "/",
        Some(end) => &path[..end],
    }
}

/// Whether a cookie's path covers that of a request.
fn covers(cookie: &str, path: &str) -> bool {
    path.strip_prefix(cookie)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || cookie.ends_with('/'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_795_295_719, 0);

    fn jar(lines: &[&str]) -> Jar {
        let mut jar = Jar::of("127.0.0.1");
        lines.iter().for_each(|line| jar.obey(line, "/a/b", NOW));
        jar
    }

    #[test]
    fn a_lifetime_makes_a_cookie_persistent_and_none_lets_it_end_with_the_session() {
        let jar = jar(&[
            "a=1; Path=/",
            "b=2; Path=/; max-age=60",
            "c=3; Path=/; Expires=Sun, 21 Nov 2027 21:15:19 GMT",
        ]);
        let kept: Vec<_> = jar
            .held()
            .iter()
            .map(|held| (held.name.as_str(), held.is_persistent()))
            .collect();
        assert_eq!(kept, [("a", false), ("b", true), ("c", true)]);
        assert_eq!(jar.field("/x", NOW).as_deref(), Some("a=1; b=2; c=3"));
        let later = Timestamp::from_second(NOW.as_second() + 60).unwrap();
        assert_eq!(jar.field("/x", later).as_deref(), Some("a=1; c=3"));
    }

    #[test]
    fn max_age_is_stronger_than_expires() {
        let read = |line: &str| SetCookie::read(line, NOW).unwrap().lasts;
        let past = "Expires=Thu, 01 Jan 1970 00:00:00 GMT";
        assert_eq!(
            read(&format!("a=; Max-Age=5; {past}")),
            Lasts::For(SignedDuration::from_secs(5))
        );
        assert_eq!(read(&format!("a=; {past}")), Lasts::Ended);
        assert_eq!(
            read("a=; Max-Age=-1; Expires=Sun, 21 Nov 2027 21:15:19 GMT"),
            Lasts::Ended
        );
        assert_eq!(read("a=; Max-Age=soon; Expires=never"), Lasts::Session);
    }

    #[test]
    fn a_deletion_takes_the_cookie_of_its_own_path_only() {
        let jar = jar(&["a=1; Path=/", "a=2; Path=/a", "a=; Path=/; Max-Age=0"]);
        assert_eq!(jar.field("/a/c", NOW).as_deref(), Some("a=2"));
        assert_eq!(jar.field("/", NOW), None);
    }

    #[test]
    fn a_new_value_replaces_the_old_one_and_its_lifetime() {
        let jar = jar(&["a=1; Path=/; Max-Age=60", "a=2; Path=/"]);
        assert_eq!(jar.field("/", NOW).as_deref(), Some("a=2"));
        assert!(!jar.held()[0].is_persistent());
    }

    #[test]
    fn without_a_path_a_cookie_belongs_to_the_folder_it_came_from() {
        let jar = jar(&[
            "a=1",
            "b=1; Domain=127.0.0.1; Path=/",
            "c=1; Domain=example.org; Path=/",
            "nothing",
        ]);
        assert_eq!(jar.field("/a", NOW).as_deref(), Some("a=1; b=1"));
        assert_eq!(jar.field("/ab", NOW).as_deref(), Some("b=1"));
    }

    proptest! {
        #[test]
        fn any_line_leaves_at_most_one_cookie(line in "\\PC{0,60}|[a=; ]{0,8}(max-age|expires|path|domain)=[-0-9/a-z]{0,20}") {
            prop_assert!(jar(&[&line]).held().len() <= 1);
        }
    }
}
