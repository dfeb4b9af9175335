//! When an authority is asked: at once for a certificate that is not there, and for another one when a third of its
//! time is left, or sooner if it says so itself. After a failure it is asked again later and later; this outlasts a
//! restart.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::sleep;

use super::challenges::Challenges;
use super::failure::Failure;
use super::folder::Refused;
use super::suggestion::{Suggestion, suggestion};
use super::{Errand, Orders, account, order};
use crate::clock::Clock;
use crate::server::Certificate;

/// How often it is looked whether something is due.
const ROUND: Duration = Duration::from_secs(1);

/// The first wait after a refusal. Let's Encrypt allows five of a name in an hour; these are three, and four with a
/// restart.
const REFUSED: SignedDuration = SignedDuration::from_mins(15);
/// The first wait after a failure that no authority saw.
const UNSEEN: SignedDuration = SignedDuration::from_secs(30);
/// No wait is longer, but for what chance adds.
const LONGEST: SignedDuration = SignedDuration::from_hours(12);

/// For so long after a start an authority is not heard, lest each of many starts asks it something.
const UNHEARD: SignedDuration = SignedDuration::from_hours(1);
/// And for so long about a new certificate: where the clock is wrong, every moment that it names seems to be past.
const UNHEARD_NEW: SignedDuration = SignedDuration::from_hours(48);

/// A certificate, and when it is asked for.
struct Planned<'a> {
    names: &'a [Box<str>],
    next: Timestamp,
    /// When it is next heard whether that should be sooner.
    hear: Timestamp,
    /// How many orders led to nothing, one after the other.
    failed: u32,
}

/// Looks after all certificates, and never ends.
pub(super) async fn keep(errand: &Errand, challenges: &Challenges, orders: &Orders, clock: &Clock) {
    let names = errand.settings.certificates.iter();
    let mut planned: Vec<_> = names.map(|names| plan(errand, names, clock.now())).collect();
    loop {
        for planned in planned.iter_mut().filter(|planned| planned.next <= clock.now()) {
            renew(errand, planned, challenges, orders, clock).await;
        }
        let quiet = |planned: &&mut Planned<'_>| planned.failed == 0 && planned.hear <= clock.now();
        for planned in planned.iter_mut().filter(quiet) {
            hear(errand, planned, clock).await;
        }
        sleep(ROUND).await;
    }
}

fn plan<'a>(errand: &Errand, names: &'a [Box<str>], now: Timestamp) -> Planned<'a> {
    let file = errand.folder.certificate(names);
    let due = Certificate::load(&file).map_or(now, |there| due(&there, names));
    // Whoever mended the cause and starts again need not wait until the time that was set.
    let refused = errand.folder.refused(names);
    let allowed = |refused: &Refused| refused.again.min(later(refused.asked, REFUSED));
    Planned {
        names,
        hear: later(now, UNHEARD),
        next: refused.as_ref().map_or(due, |refused| due.max(allowed(refused))),
        failed: refused.map_or(0, |refused| refused.times),
    }
}

/// When a certificate is replaced: with a third of its time left, or at once if it lacks a name.
pub(crate) fn due(certificate: &Certificate, names: &[Box<str>]) -> Timestamp {
    let (begins, ends) = (certificate.begins, certificate.ends);
    if !names.iter().all(|name| certificate.is_for(name)) {
        return begins;
    }
    later(ends, -(ends.duration_since(begins) / 3))
}

/// Asks the authority whether a certificate should be replaced sooner. That it cannot say is nobody's business.
async fn hear(errand: &Errand, planned: &mut Planned<'_>, clock: &Clock) {
    let Ok(certificate) = Certificate::load(&errand.folder.certificate(planned.names)) else {
        return;
    };
    let heard = match account::account(errand).await {
        Ok(account) => suggestion(&account, certificate.own(), chance()).await,
        Err(_) => Suggestion::NONE,
    };
    planned.hear = later(clock.now(), heard.again);
    if let Some(sooner) = heard.replace.filter(|sooner| *sooner < planned.next) {
        tracing::info!(
            "{}: its authority wants it replaced on {sooner:.0}",
            planned.names.join(", ")
        );
        planned.next = sooner;
    }
}

async fn renew(errand: &Errand, planned: &mut Planned<'_>, challenges: &Challenges, orders: &Orders, clock: &Clock) {
    let names = planned.names.join(", ");
    let directory = &errand.settings.directory;
    tracing::info!("{names}: asking {directory} for a certificate");
    let asked = clock.now();
    let failure = match certify(errand, planned, challenges, asked).await {
        Ok(certificate) => {
            orders.certified.add(1);
            planned.failed = 0;
            planned.hear = later(clock.now(), UNHEARD_NEW);
            // Where the clock is wrong a new one can seem to be old: it is not asked for again and again.
            let third = certificate.ends.duration_since(certificate.begins) / 3;
            planned.next = due(&certificate, planned.names).max(later(clock.now(), third));
            tracing::info!(
                "{names}: a certificate until {}, to be replaced from {} on",
                certificate.ends,
                planned.next
            );
            return;
        }
        Err(failure) => failure,
    };
    match failure.is_counted() {
        true => orders.refused.add(1),
        false => orders.failed.add(1),
    }
    planned.failed = planned.failed.saturating_add(1);
    planned.next = later(clock.now(), wait(&failure, planned.failed, chance()));
    let why = without(&failure.to_string(), errand.settings.contact.as_deref());
    tracing::warn!("{names}: no certificate: {why}; asking again at {:.0}", planned.next);
    if matches!(failure, Failure::NoAccount)
        && let Err(error) = errand.folder.forget_account()
    {
        tracing::warn!("{names}: the account could not be removed: {error}");
    }
    remember(errand, planned, asked, why);
}

/// Asks. What comes of it, should this process end before the answer, is on the disk already.
async fn certify(
    errand: &Errand,
    planned: &Planned<'_>,
    challenges: &Challenges,
    now: Timestamp,
) -> Result<Certificate, Failure> {
    let account = account::account(errand).await?;
    errand.folder.keep_refused(
        planned.names,
        &Refused {
            asked: now,
            again: later(now, REFUSED),
            times: planned.failed.saturating_add(1),
            why: "no answer has come yet".to_owned(),
        },
    )?;
    let pem = order::order(&account, planned.names, errand.settings.challenge, challenges).await?;
    errand.folder.keep_certificate(planned.names, &pem)
}

fn remember(errand: &Errand, planned: &Planned<'_>, asked: Timestamp, why: String) {
    let refused = Refused {
        asked,
        again: planned.next,
        times: planned.failed,
        why,
    };
    if let Err(error) = errand.folder.keep_refused(planned.names, &refused) {
        tracing::warn!("{}: that cannot be kept: {error}", planned.names.join(", "));
    }
}

/// Twice as long each time, and a fifth less or more by `chance`, 0 to 1, lest all who failed together come together.
fn wait(failure: &Failure, times: u32, chance: f64) -> SignedDuration {
    let first = match failure.is_counted() {
        true => REFUSED,
        false => UNSEEN,
    };
    let doubled = 1i32.checked_shl(times.saturating_sub(1).min(20)).unwrap_or(1);
    let wait = first.saturating_mul(doubled).min(LONGEST);
    SignedDuration::from_secs_f64(wait.as_secs_f64() * (0.8 + 0.4 * chance))
}

/// A number from 0 to 1.
fn chance() -> f64 {
    let mut bytes = [0; 4];
    match aws_lc_rs::rand::fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 0.5,
    }
}

fn later(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.saturating_add(by).unwrap_or(time)
}

/// Without the address of a person, which a directory may repeat.
fn without(text: &str, contact: Option<&str>) -> String {
    match contact {
        Some(contact) => text.replace(contact, "(contact)"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_half_a_day_and_chance_keeps_them_apart() {
        let refused = Failure::Refused(String::new());
        let silent = Failure::Silent(String::new());
        let minutes = |failure, times, chance| wait(failure, times, chance).as_secs_f64() / 60.0;
        for (times, wait) in [
            (1, 15.0),
            (2, 30.0),
            (3, 60.0),
            (6, 480.0),
            (7, 720.0),
            (u32::MAX, 720.0),
        ] {
            assert!((minutes(&refused, times, 0.5) - wait).abs() < 1e-6, "{times}");
        }
        assert!((minutes(&silent, 1, 0.5) - 0.5).abs() < 1e-6);
        assert!((minutes(&refused, 1, 0.0) - 12.0).abs() < 1e-6);
        assert!((minutes(&refused, 1, 1.0) - 18.0).abs() < 1e-6);
        assert!((0.0..=1.0).contains(&chance()) && chance() != chance());
    }

    #[test]
    fn what_is_said_of_a_failure_holds_no_address_of_a_person() {
        let said = without("no mail to it@um.example.pl", Some("it@um.example.pl"));
        assert_eq!(said, "no mail to (contact)");
        assert_eq!(without("no", None), "no");
    }
}
