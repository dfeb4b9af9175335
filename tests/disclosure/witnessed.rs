//! A bundle of a journal that a witness signs has its signature, the records being signed a moment ago or not.

use std::fs;

use townclerk::journal::checkpoint::Signed;
use townclerk::journal::note::VerifierKey;

use super::{Office, json, plain, text};
use crate::drain::until;
use crate::serve::program::{Serving, run};
use crate::town::{HOST, Visitor};
use crate::witness;

/// The CMS is not there, which makes an entry too.
fn ask(serving: &Serving) {
    let mut visitor = Visitor::to(serving.address);
    visitor.send(format!(
        "GET /urlop HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"
    ));
    assert_eq!(visitor.answer().status, 502);
}

#[test]
fn the_signatures_of_witnesses_leave_with_the_records() {
    let place = tempfile::tempdir().expect("a folder");
    let (state, socket) = (place.path().join("state"), place.path().join("socket"));
    let [state_text, socket_text] = [&state, &socket].map(|path| path.to_str().expect("text"));
    let made = run(&["witness", "init", "--state", state_text, "--name", "witness.example/w1"]);
    let witness: VerifierKey = made.out.trim_end().parse().expect("it prints the key");
    let setting = format!("witness = [{{ url = \"unix:{socket_text}\", key = \"{witness}\" }}]");
    let office = Office::of(plain().journal(&setting));
    let keys = text(office.keys());
    for key in keys.lines() {
        assert_eq!(run(&["witness", "add", "--state", state_text, key]).code, Some(0));
    }
    let _witness = witness::Serving::start(&state, &["--socket", socket_text]);

    let serving = Serving::start(&office.desk.config);
    let log: VerifierKey = keys.lines().next().and_then(|key| key.parse().ok()).expect("a key");
    let signed = |file: &str| {
        let note = fs::read(office.desk.journal.join(file)).ok()?;
        Some(Signed::open(&note, &log).ok()?.checkpoint().size().0)
    };
    (0..3).for_each(|_| ask(&serving));
    until(|| signed("cosigned/access") == Some(3));
    ask(&serving); // which is not signed before ten seconds have passed
    let lines = || {
        office
            .desk
            .segments()
            .iter()
            .map(|(_, text)| text.lines().count())
            .sum::<usize>()
    };
    until(|| lines() == 4);
    let bundle = office.discloses_all("2026-01", "9999-01");
    assert!(json(bundle.join("data/query.json"))["disclosed"].as_u64() >= Some(3));
    let checkpoint = Signed::open(&fs::read(bundle.join("data/access/checkpoint")).expect("a note"), &log);
    let time = checkpoint.expect("the log's").cosigned_at(&witness);
    assert!(matches!(time, Ok(Some(_))), "{time:?}");

    let bundle = bundle.to_str().expect("text");
    let mut verify = vec![
        "disclose",
        "verify",
        bundle,
        "--key",
        &made.out[..made.out.trim_end().len()],
    ];
    verify.extend(keys.lines().flat_map(|key| ["--key", key]));
    let verified = run(&verify);
    assert_eq!(verified.code, Some(0), "{verified:?}");
    assert!(
        verified.out.contains("\ncosigned by witness.example/w1 at 2"),
        "{}",
        verified.out
    );
    assert_eq!(serving.stop().code, Some(0));
}
