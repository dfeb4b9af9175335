//! What the visit left: in the answers, in the journal, and under the journal's signature.

use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use memchr::memmem;

use super::visit::{EMAIL, PESEL, Visit};
use crate::cli::speech::Problem;
use crate::config::Site;
use crate::entry::Record;
use crate::journal::age::Identities;
use crate::journal::evidence;
use crate::journal::key::Key;
use crate::journal::{Due, HoldError, Lines, Log};
use crate::policy::{Field, Mode, Text, Unlisted};
use crate::survey::jar::Lasts;

/// Looks so often, a fifth of a second apart: for the entry, and for the checkpoint that covers it, which comes within
/// ten seconds.
const LOOKS: u32 = 100;

/// One promise, and whether it was kept.
pub(super) struct Promise {
    /// `None` where the policy says nothing of it, or nothing came by which it shows.
    pub(super) kept: Option<bool>,
    pub(super) key: &'static str,
    pub(super) found: Text,
}

/// What was found.
pub(super) struct Proof {
    pub(super) promises: Vec<Promise>,
    /// The record of the second request: its index.
    pub(super) index: Option<u64>,
    /// The checkpoint that covers it: its size and root.
    pub(super) checkpoint: Option<(u64, String)>,
}

impl Proof {
    pub(super) fn find(site: &Site, key: &Key, visit: &Visit, now: Timestamp) -> Result<Self, Problem> {
        let mut proof = Self {
            promises: Vec::new(),
            index: None,
            checkpoint: None,
        };
        proof.cookies(site, visit);
        let folder = site.journal.folder.display();
        let unreadable = |error: std::io::Error| {
            let hint = "run this as the user that runs townclerk";
            Problem::with_hint(format!("{folder}: {error}"), hint)
        };
        proof.entry(site, visit).map_err(unreadable)?;
        proof.signature(site, key);
        proof
            .retention(site, now)
            .map_err(|error| Problem::new(format!("{folder}: {error}")))?;
        Ok(proof)
    }

    /// Whether nothing was found that is not as the policy says.
    pub(super) fn is_kept(&self) -> bool {
        self.promises.iter().all(|promise| promise.kept != Some(false))
    }

    fn tell(&mut self, key: &'static str, kept: Option<bool>, pl: impl Into<String>, en: impl Into<String>) {
        let found = Text::new(pl, en);
        self.promises.push(Promise { kept, key, found });
    }

    fn cookies(&mut self, site: &Site, visit: &Visit) {
        let cookies = &site.policy.cookies;
        if cookies.mode == Mode::Observe {
            let (pl, en) = (
                "polityka na razie tylko je obserwuje",
                "the policy only observes them for the time being",
            );
            return self.tell("cookies", None, pl, en);
        }
        let is_listed = |name: &str| {
            let is_mark = cookies.first_page.as_ref().is_some_and(|mark| mark.name == name);
            is_mark
                || cookies
                    .allowed
                    .iter()
                    .any(|listing| listing.name.covers(name.as_bytes()))
        };
        let number = visit.set().count();
        let lasting: Vec<_> = visit.set().filter(|cookie| cookie.lasts != Lasts::Session).collect();
        let strange = visit.set().filter(|cookie| !is_listed(&cookie.name)).count();
        let came = (number > 0).then_some(lasting.is_empty());
        self.tell(
            "session only",
            came,
            format!("przyszło ciasteczek: {number}, z terminem ważności: {}", lasting.len()),
            format!("cookies that came: {number}, with a term: {}", lasting.len()),
        );
        if cookies.unlisted == Unlisted::Strip {
            let (pl, en) = ("spoza polityki", "not in the policy");
            let came = (number > 0).then_some(strange == 0);
            self.tell(
                "listed only",
                came,
                format!("{pl}: {strange}"),
                format!("{en}: {strange}"),
            );
        }
        if cookies.expire_unlisted && cookies.unlisted == Unlisted::Strip {
            self.tell(
                "deleted",
                Some(visit.deletes(&visit.unlisted)),
                "obce ciasteczko, które przyniósł nasz gość, ma zostać usunięte",
                "a cookie of another name that our visitor brought is to be deleted",
            );
        }
        if let Some(forged) = &visit.forged {
            self.tell(
                "sealed",
                Some(visit.deletes(forged)),
                format!("wartość ciasteczka {forged}, której serwer nie nadał, nie jest przyjmowana"),
                format!("a value of {forged} that was not given here is not taken"),
            );
        }
    }

    fn entry(&mut self, site: &Site, visit: &Visit) -> std::io::Result<()> {
        if !site.policy.keeps(Field::Url) {
            let (pl, en) = (
                "polityka nie zapisuje adresów URL, więc naszego zapytania nie da się odnaleźć",
                "the policy keeps no URLs, so our request cannot be found",
            );
            self.tell("entry", None, pl, en);
            return Ok(());
        }
        let mut found = None;
        for _ in 0..LOOKS {
            found = self.look(site, visit)?;
            if found.is_some() {
                break;
            }
            thread::sleep(Duration::from_millis(200));
        }
        let is_found = found == Some(1);
        let times = found.unwrap_or_default();
        self.tell(
            "entry",
            Some(is_found),
            format!("wpisów o naszym zapytaniu: {times}"),
            format!("entries of our request: {times}"),
        );
        Ok(())
    }

    /// Looks for the entry in what was written since the visit began; how many there are.
    fn look(&mut self, site: &Site, visit: &Visit) -> std::io::Result<Option<u64>> {
        let day = visit.began.to_zoned(jiff::tz::TimeZone::UTC).date();
        let mut times = 0;
        let mut held = Vec::new();
        for log in [Log::Access, Log::Addresses, Log::Arrivals] {
            let lines = Lines::of(&site.journal.folder, log, &Identities::default());
            let mut lines = match lines {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                lines => lines?.since(day),
            };
            while let Some(line) = lines.next_line()? {
                held.extend(self.secrets(site, visit, line.text));
                if log != Log::Access || memmem::find(line.text, visit.path.as_bytes()).is_none() {
                    continue;
                }
                times += 1;
                self.index = Some(line.index);
                if times > 1 {
                    continue;
                }
                match Record::decode(line.text, line.segment.format, line.segment.day) {
                    Ok(record) => self.fields(site, &record),
                    Err(_) => self.tell(
                        "fields",
                        Some(false),
                        "wpis jest nieczytelny",
                        "the entry cannot be read",
                    ),
                }
            }
        }
        if times == 0 {
            return Ok(None);
        }
        held.sort_unstable();
        held.dedup();
        self.tell(
            "redaction",
            Some(held.is_empty()),
            format!(
                "z ciasteczka, hasła, adresu e-mail, numeru PESEL i tokena w dzienniku zostało: {}",
                listed(&held, "nic")
            ),
            format!(
                "of the cookie, password, e-mail address, PESEL number and token the journal holds: {}",
                listed(&held, "nothing")
            ),
        );
        Ok(Some(times))
    }

    /// What a line holds of what it must not.
    fn secrets(&self, site: &Site, visit: &Visit, line: &[u8]) -> Vec<&'static str> {
        let redact = &site.policy.access.redact;
        let has = |what: &str| memmem::find(line, what.as_bytes()).is_some();
        let mut held = Vec::new();
        let searched = [
            ("cookie", true, visit.secrets[0].as_str()),
            ("password", true, &visit.secrets[1]),
            (
                "token",
                redact
                    .tokens
                    .is_some_and(|length| usize::from(length) <= visit.token.len()),
                &visit.token,
            ),
        ];
        held.extend(
            searched
                .iter()
                .filter(|(_, is_taken, what)| *is_taken && has(what))
                .map(|(name, ..)| *name),
        );
        if has(&visit.path) {
            held.extend((redact.emails && (has(EMAIL) || has("kowalski"))).then_some("e-mail"));
            held.extend((redact.pesel && has(PESEL)).then_some("PESEL"));
        }
        held
    }

    /// Whether it has what the policy keeps, and nothing else.
    fn fields(&mut self, site: &Site, record: &Record<'_>) {
        let policy = &site.policy;
        let apart = |field: Field| {
            policy
                .addresses
                .as_ref()
                .is_some_and(|log| field.of(&log.fields).is_some())
        };
        let (mut missing, mut beyond) = (Vec::new(), Vec::new());
        for field in Field::ALL {
            let (is_there, may_miss) = match field {
                Field::Arrived => (record.timestamp().is_some(), false),
                Field::Sent => (record.sent().is_some(), false),
                Field::ClientAddress => (record.client_address().is_some(), false),
                Field::ClientHost => (record.client_host().is_some(), true),
                Field::Method => (record.http_request_method().is_some(), false),
                Field::Url => (record.url_path().is_some(), false),
                Field::Protocol => (record.network_protocol_version().is_some(), false),
                Field::Status => (record.http_response_status_code().is_some(), false),
                Field::Bytes => (record.http_response_body_size().is_some(), false),
                Field::Error => (record.error_type().is_some(), true),
                Field::ExternalReferrer => (record.external_referrer().is_some(), false),
                Field::InternalReferrer => (record.internal_referrer().is_some(), true),
                Field::UserAgent => (
                    record.user_agent_original().is_some() || record.user_agent_name().is_some(),
                    false,
                ),
                Field::AuthUser => (record.user_name().is_some(), false),
                Field::FirstPage => (record.is_first_page(), true),
                Field::PolicyVersion => (record.policy_version().is_some(), false),
            };
            let is_kept = policy.keeps(field) && !apart(field);
            match (is_there, is_kept) {
                (true, false) => beyond.push(field.key()),
                (false, true) if !may_miss => missing.push(field.key()),
                _ => {}
            }
        }
        self.tell(
            "fields",
            Some(missing.is_empty() && beyond.is_empty()),
            format!(
                "brakuje we wpisie: {}; ponad politykę: {}",
                listed(&missing, "nic"),
                listed(&beyond, "nic")
            ),
            format!(
                "missing in the entry: {}; beyond the policy: {}",
                listed(&missing, "nothing"),
                listed(&beyond, "nothing")
            ),
        );
    }

    /// The proof of the record, as `journal prove` makes it; the next checkpoint comes within ten seconds.
    fn signature(&mut self, site: &Site, key: &Key) {
        let Some(index) = self.index else { return };
        let (folder, key) = (&site.journal.folder, key.verifier(Log::Access));
        for _ in 0..LOOKS {
            let proven = evidence::prove(folder, Log::Access, key, index, &Identities::default());
            let signed = proven
                .ok()
                .and_then(|proven| proven.proof.verify(&proven.record, key).ok());
            if let Some(signed) = signed {
                let checkpoint = signed.checkpoint();
                self.checkpoint = Some((checkpoint.size().0, checkpoint.root().to_string()));
                break;
            }
            thread::sleep(Duration::from_millis(200));
        }
        self.tell(
            "signature",
            Some(self.checkpoint.is_some()),
            "wpis ma dowód, że należy do podpisanego dziennika",
            "the entry has its proof that it is in the signed journal",
        );
    }

    fn retention(&mut self, site: &Site, now: Timestamp) -> Result<(), HoldError> {
        let due = Due::now(&site.journal.folder, &site.policy, now)?;
        let overdue = due.iter().filter(|due| due.held.is_empty()).count();
        let held = due.len() - overdue;
        self.tell(
            "retention",
            Some(overdue == 0),
            format!("plików starszych niż pozwala polityka: {overdue}, zatrzymanych dla spraw: {held}"),
            format!("files older than the policy allows: {overdue}, held for cases: {held}"),
        );
        Ok(())
    }
}

fn listed(names: &[&str], nothing: &str) -> String {
    if names.is_empty() {
        nothing.to_owned()
    } else {
        names.join(", ")
    }
}
