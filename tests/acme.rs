//! Certificates by themselves: from a real authority, by both challenges, in time, and without anybody noticing.

mod pebble;
mod wishing;

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};
use townclerk::clock::Clock;

use self::pebble::{LIFETIME_DAYS, Pebble, Ports, free_ports};
use crate::admin::{metrics, number, port};
use crate::drain::until;
use crate::serve::program::{Serving, run_with};
use crate::town::{Cms, HOST, Plan, Town, Visitor};

const WWW: &str = "www.um.example.pl";

/// A visitor who believes one authority alone, and the certificate that was shown; `None` if there is no handshake.
fn handshake(
    address: SocketAddr,
    root: &CertificateDer<'static>,
    name: &'static str,
) -> Option<(Visitor, CertificateDer<'static>)> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).expect("a certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(rustls::ALL_VERSIONS)
        .expect("known versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name).expect("a name");
    let mut connection = ClientConnection::new(Arc::new(config), name).expect("a connection");
    let mut stream = TcpStream::connect(address).expect("it accepts");
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("a socket");
    while connection.is_handshaking() {
        connection.complete_io(&mut stream).ok()?;
    }
    let shown = connection.peer_certificates()?.first()?.clone().into_owned();
    Some((Visitor::over(StreamOwned::new(connection, stream)), shown))
}

fn get(visitor: &mut Visitor) -> String {
    visitor.send(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
    visitor.answer().text()
}

/// A clock that a test moves on, beginning with the day that it is.
fn clock() -> Clock {
    Clock::set_to(Clock::system().now())
}

fn pass(clock: &Clock, time: SignedDuration) {
    clock.set(clock.now().saturating_add(time).expect("a length of time"));
}

fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

/// A town that asks this authority.
fn before(cms: &Cms, pebble: &Pebble, more: &str, clock: &Clock) -> Plan {
    Town::before(cms)
        .listen("https = [\"127.0.0.1:0\"]")
        .table(&pebble.table(more))
        .file("pebble.pem", pebble.certificate())
        .clock(clock)
}

/// A folder with one for certificates.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let mut made = fs::DirBuilder::new();
    made.mode(0o700).create(folder.path().join("acme")).expect("a folder");
    folder
}

fn ports(town: &Town) -> Ports {
    Ports {
        http: town.http().port(),
        https: town.https().port(),
    }
}

/// Everything that is kept for the authority.
fn kept(folder: &Path) -> Vec<PathBuf> {
    let of = |folder: &Path| -> Vec<_> {
        let entries = fs::read_dir(folder).expect("a folder");
        entries.map(|entry| entry.expect("an entry").path()).collect()
    };
    let mut kept: Vec<_> = of(&folder.join("acme")).iter().flat_map(|one| of(one)).collect();
    kept.sort();
    kept
}

/// Why the last order led to nothing, if it did.
fn refused(folder: &Path) -> Option<String> {
    let file = kept(folder)
        .into_iter()
        .find(|file| file.ends_with("um.example.pl.refused.json"))?;
    let refused: Value = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
    Some(refused["why"].as_str().expect("a text").to_owned())
}

#[test]
fn a_handshake_shows_the_authority_whose_the_name_is_and_a_restart_asks_nobody() {
    let Some(mut pebble) = Pebble::new("certificates by tls-alpn-01") else {
        return;
    };
    let (cms, clock) = (Cms::page("witaj"), clock());
    let administered = "contact = \"it@um.example.pl\"\n[admin]\nlisten = [\"127.0.0.1:0\"]";
    let town = before(&cms, &pebble, administered, &clock).open_in(folder());
    // The authority is not there, and nobody is shown anything in place of its certificate.
    until(|| refused(town.folder()).is_some_and(|why| why.contains("cannot be reached")));
    pebble.open(ports(&town), &[]);
    let root = pebble.root();
    assert!(handshake(town.https(), &root, HOST).is_none());

    pass(&clock, minutes(1));
    until(|| handshake(town.https(), &root, HOST).is_some());
    let (mut visitor, first) = handshake(town.https(), &root, HOST).expect("a certificate");
    assert_eq!(get(&mut visitor), "witaj");
    let (_, of_www) = handshake(town.https(), &root, WWW).expect("one for both names");
    assert_eq!(first, of_www);
    assert_eq!(refused(town.folder()), None);
    for file in kept(town.folder()) {
        let mode = fs::metadata(&file).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }

    let page = metrics(port(&town));
    let orders = |result: &str| {
        number(
            &page,
            &format!("townclerk_certificate_orders_total{{result=\"{result}\"}}"),
        )
    };
    assert_eq!((orders("certified"), orders("refused")), (1.0, 0.0));
    assert!(orders("failed") >= 1.0, "it was not there at first");
    assert!(
        page.contains("townclerk_certificate_end_timestamp_seconds{certificate="),
        "{page}"
    );

    drop(visitor);
    let left = town.leave();
    assert_eq!(pebble.orders(), 1);
    let town = before(&cms, &pebble, administered, &clock).open_in(left);
    let (_, again) = handshake(town.https(), &root, HOST).expect("it is there at once");
    assert_eq!(first, again);
    drop(town.leave());
    assert_eq!(pebble.orders(), 1);
}

#[test]
fn a_request_shows_it_too_is_an_exchange_like_others_and_foreign_tokens_are_the_cms_s() {
    let Some(mut pebble) = Pebble::new("certificates by http-01") else {
        return;
    };
    let (cms, clock) = (Cms::page("witaj"), clock());
    let town = before(&cms, &pebble, "challenge = \"http-01\"", &clock).open_in(folder());
    until(|| refused(town.folder()).is_some());
    pebble.open(ports(&town), &[]);
    pass(&clock, minutes(1));
    let root = pebble.root();
    until(|| handshake(town.https(), &root, HOST).is_some());
    assert_eq!(cms.received().len(), 0, "the CMS was not asked");
    assert_eq!(town.get("/.well-known/acme-challenge/foreign").text(), "witaj");
    assert_eq!(cms.received().len(), 1);

    let kept = town.close();
    let paths: Vec<_> = kept
        .entries
        .iter()
        .filter_map(|entry| entry["url.path"].as_str())
        .collect();
    // It looks from several places, for each of two names; the last is the foreign one.
    let (last, before) = paths.split_last().expect("exchanges");
    assert_eq!(*last, "/.well-known/acme-challenge/foreign");
    assert!(before.len() >= 2, "{paths:?}");
    assert!(
        before.iter().all(|path| *path == "/.well-known/acme-challenge/[token]"),
        "{paths:?}"
    );
}

#[test]
fn a_certificate_is_replaced_in_time_and_nobody_notices() {
    let Some(mut pebble) = Pebble::new("renewals of certificates") else {
        return;
    };
    let cms = Cms::page_and_echo("witaj");
    let clock = clock();
    let town = before(&cms, &pebble, "", &clock).open_in(folder());
    until(|| refused(town.folder()).is_some());
    pebble.open(ports(&town), &[]);
    pass(&clock, minutes(1));
    let root = pebble.root();
    let mut failed = 0;
    until(|| {
        let shaken = handshake(town.https(), &root, HOST).is_some();
        failed += usize::from(!shaken);
        shaken
    });

    let (mut keeping, first) = handshake(town.https(), &root, HOST).expect("a certificate");
    assert_eq!(get(&mut keeping), "witaj");
    let (mut tunnel, _) = handshake(town.https(), &root, HOST).expect("a certificate");
    tunnel.send(format!(
        "GET /ws HTTP/1.1\r\nHost: {HOST}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ));
    assert_eq!(tunnel.head().0, 101);

    pass(&clock, days(LIFETIME_DAYS * 2 / 3 - 1));
    std::thread::sleep(Duration::from_millis(2_500)); // two looks
    assert_eq!(pebble.orders(), 1, "more than a third of its time is left");
    pass(&clock, days(2));
    until(|| handshake(town.https(), &root, HOST).expect("one of the two").1 != first);
    assert_eq!(pebble.orders(), 2);
    assert_eq!(get(&mut keeping), "witaj");
    tunnel.send("dalej");
    assert_eq!(tunnel.take(5), b"dalej");
    drop((keeping, tunnel));
    let kept = town.close();
    let errors = kept.errors();
    let (answered, refused): (Vec<_>, Vec<_>) = errors.into_iter().partition(|error| *error == "-");
    assert_eq!(answered.len(), 3, "two requests and the WebSocket");
    assert_eq!(
        refused,
        vec!["not_a_request.tls"; failed],
        "handshakes of the authority have no entry"
    );
}

#[test]
fn an_authority_that_refuses_is_asked_later_and_in_the_end_gives_one() {
    let Some(mut pebble) = Pebble::new("certificates that are refused") else {
        return;
    };
    let clock = clock();
    let town = before(&Cms::page("witaj"), &pebble, "", &clock).open_in(folder());
    let why = |part: &str| until(|| refused(town.folder()).is_some_and(|why| why.contains(part)));
    why("cannot be reached");

    pebble.open(ports(&town), &[("PEBBLE_WFE_NONCEREJECT", "100")]);
    pass(&clock, minutes(1));
    why("badNonce");

    pebble.close();
    let [nobody_s] = free_ports();
    let elsewhere = Ports {
        https: nobody_s,
        ..ports(&town)
    };
    pebble.open(elsewhere, &[]);
    pass(&clock, minutes(60));
    why("um.example.pl: Failed to connect to 127.0.0.1:");
    assert_eq!(pebble.orders(), 1);
    pass(&clock, minutes(5));
    std::thread::sleep(Duration::from_millis(2_500)); // two looks
    assert_eq!(pebble.orders(), 1, "it was asked too soon");

    // The next one has forgotten the account.
    pebble.close();
    pebble.open(ports(&town), &[]);
    pass(&clock, minutes(12 * 60));
    why("does not know the account");
    pass(&clock, minutes(24 * 60));
    let root = pebble.root();
    until(|| handshake(town.https(), &root, HOST).is_some());
    assert_eq!(refused(town.folder()), None);
}

#[test]
fn a_reload_asks_for_what_is_missing_by_then() {
    let Some(mut pebble) = Pebble::new("certificates after a reload") else {
        return;
    };
    let clock = clock();
    let mut town = before(&Cms::page("witaj"), &pebble, "names = [\"um.example.pl\"]", &clock).open_in(folder());
    until(|| refused(town.folder()).is_some());
    pebble.open(ports(&town), &[]);
    pass(&clock, minutes(1));
    let root = pebble.root();
    until(|| handshake(town.https(), &root, HOST).is_some());
    assert!(handshake(town.https(), &root, WWW).is_none(), "it is for one name");

    assert_eq!(town.reload().expect("nothing is wrong").changed, [""; 0]);
    town.edit("townclerk.toml", "names = [\"um.example.pl\"]", "");
    let reloaded = town.reload().expect("it reloads");
    assert_eq!(reloaded.changed, ["whom to ask for certificates, and for which"]);
    assert!(
        handshake(town.https(), &root, HOST).is_some(),
        "the old one serves meanwhile"
    );
    until(|| handshake(town.https(), &root, WWW).is_some());
    assert_eq!(pebble.orders(), 2);
}

#[test]
fn an_authority_may_want_a_certificate_replaced_sooner() {
    let (authority, ca) = wishing::authority();
    let clock = clock();
    let folder = folder();
    let of_it = folder.path().join(format!("acme/127.0.0.1-{}-dir", authority.port()));
    fs::create_dir(&of_it).expect("a folder");
    let end = clock.now().saturating_add(days(LIFETIME_DAYS)).expect("a time");
    let (certificate, key) = signed(&[HOST, WWW], clock.now(), end);
    fs::write(of_it.join("um.example.pl.pem"), certificate + &key).expect("a file");
    let account = rcgen::KeyPair::generate().expect("a key").serialize_der();
    let account = json!({ "contact": null, "credentials": {
        "id": format!("https://{authority}/1"),
        "key_pkcs8": URL_SAFE_NO_PAD.encode(account),
        "directory": format!("https://{authority}/dir"),
    }});
    fs::write(of_it.join("account.json"), account.to_string()).expect("a file");
    let table = format!(
        "[acme]\naccept_terms = true\nfolder = \"acme\"\ndirectory = \"https://{authority}/dir\"\nca = \"ca.pem\""
    );
    let town = Town::before(&Cms::page("witaj"))
        .listen("https = [\"127.0.0.1:0\"]")
        .table(&table)
        .file("ca.pem", &ca)
        .clock(&clock)
        .open_in(folder);
    std::thread::sleep(Duration::from_millis(2_500)); // two looks
    assert_eq!(
        refused(town.folder()),
        None,
        "it has most of its time left, and nobody was asked"
    );
    pass(&clock, minutes(61));
    until(|| refused(town.folder()).is_some()); // it was asked, and gives nothing
}

/// A certificate by an authority that it names, and its key.
fn signed(names: &[&str], begins: Timestamp, ends: Timestamp) -> (String, String) {
    let day = |time: Timestamp| {
        let day = time.to_zoned(TimeZone::UTC).date();
        let number = |part: i8| u8::try_from(part).expect("a part of a date");
        rcgen::date_time_ymd(day.year().into(), number(day.month()), number(day.day()))
    };
    let [authority_s, own] = [(); 2].map(|()| rcgen::KeyPair::generate().expect("a key"));
    let mut authority = rcgen::CertificateParams::new([]).expect("names");
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut parameters = rcgen::CertificateParams::new(names).expect("names");
    parameters.use_authority_key_identifier_extension = true;
    (parameters.not_before, parameters.not_after) = (day(begins), day(ends));
    let issuer = rcgen::Issuer::new(authority, authority_s);
    let signed = parameters.signed_by(&own, &issuer).expect("a certificate");
    (signed.pem(), own.serialize_pem())
}

#[test]
fn the_program_says_what_it_would_do_what_it_does_and_what_was_refused() {
    let Some(mut pebble) = Pebble::new("what is said of certificates") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let clock = Clock::system();
    let (config, _) = before(&Cms::page("witaj"), &pebble, "", &clock).write(folder.path());
    let checked = run_with(&["check"], &config);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    for said in [
        "asked by tls-alpn-01",
        "not there yet",
        "warning: there is no certificate for um.example.pl, ",
    ] {
        assert!(checked.out.contains(said), "{said}: {}", checked.out);
    }
    assert_eq!(checked.out.matches("warning: ").count(), 1, "{}", checked.out);
    let made = run_with(&["journal", "init"], &config);
    assert!(made.err.contains("made a folder for certificates in"), "{made:?}");
    let acme = folder.path().join("acme");
    assert_eq!(
        fs::metadata(&acme).expect("a folder").permissions().mode() & 0o777,
        0o700
    );

    fs::remove_dir(&acme).expect("it goes");
    let refused = run_with(&["serve"], &config);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.err.contains("the folder is not there"), "{refused:?}");
    assert!(
        refused
            .err
            .contains("hint: see what is mounted there; `townclerk journal init` makes it")
    );
    assert_eq!(run_with(&["journal", "init"], &config).code, Some(0));
    fs::set_permissions(&acme, fs::Permissions::from_mode(0o755)).expect("a mode");
    let refused = run_with(&["serve"], &config);
    assert!(refused.err.contains("others can look into it"), "{refused:?}");
    fs::set_permissions(&acme, fs::Permissions::from_mode(0o700)).expect("a mode");

    let [http, https] = free_ports();
    pebble.open(Ports { http, https }, &[]);
    let mut serving = Serving::start(&config);
    serving.hear("um.example.pl, www.um.example.pl: no certificate: the directory refuses");
    let root = pebble.root();
    assert!(handshake(serving.https(), &root, HOST).is_none());
    serving.hear("https is refused: there is no certificate yet");
    let doctor = run_with(&["doctor"], &config);
    assert_eq!(doctor.code, Some(3), "{doctor:?}");
    assert!(
        doctor
            .out
            .contains("there is no new certificate for um.example.pl, www.um.example.pl: ")
    );
    assert!(
        doctor
            .out
            .contains("port 443 of um.example.pl, www.um.example.pl leads to it"),
        "{doctor:?}"
    );
    assert_eq!(serving.stop().code, Some(0));
}
