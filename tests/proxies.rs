//! Whose word about the visitor's address is believed.

use crate::town::{Cms, HOST, Town};

fn ask(town: &Town, fields: &str) {
    town.ask(format!(
        "GET / HTTP/1.1\r\nHost: {HOST}\r\n{fields}Connection: close\r\n\r\n"
    ));
}

#[test]
fn a_stranger_cannot_claim_another_address() {
    let cms = Cms::page("");
    let town = Town::before(&cms).open();
    ask(
        &town,
        "X-Forwarded-For: 6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nX-Forwarded-Proto: https\r\nX_Forwarded_For: 6.6.6.6\r\nX-Forwarded-Host: evil.example\r\n",
    );

    let request = cms.request();
    assert!(
        !request
            .fields
            .iter()
            .any(|field| field.contains("6.6.6.6") || field.contains("evil")),
        "{request:#?}"
    );
    assert_eq!(request.field("x-forwarded-proto"), Some("http"));
    assert_eq!(town.close().entry()["client.address"], "127.0.0.1");
}

#[test]
fn a_trusted_proxy_is_believed_and_added_to() {
    let cms = Cms::page("");
    let town = Town::before(&cms).listen("trusted_proxies = [\"127.0.0.0/8\"]").open();
    ask(
        &town,
        "X-Forwarded-For: 6.6.6.6, 203.0.113.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: www.um.example.pl\r\n",
    );

    let request = cms.request();
    assert_eq!(request.all("x-forwarded-for"), ["6.6.6.6, 203.0.113.7, 127.0.0.1"]);
    assert_eq!(request.all("x-forwarded-proto"), ["https"]);
    assert_eq!(request.all("x-forwarded-host"), ["www.um.example.pl"]);
    assert_eq!(request.all("x-real-ip"), ["203.0.113.7"]);
    assert_eq!(town.close().entry()["client.address"], "203.0.113.7");
}

#[test]
fn behind_a_trusted_front_with_tls_cookies_are_secure() {
    let cms = Cms::saying(crate::town::cms::ok(&["Set-Cookie: PHPSESSID=a"], ""));
    let town = Town::before(&cms).listen("trusted_proxies = [\"127.0.0.0/8\"]").open();
    let answer = town.ask(format!(
        "GET / HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n\r\n"
    ));
    assert!(
        answer
            .field("set-cookie")
            .is_some_and(|cookie| cookie.contains("Secure")),
        "{answer:?}"
    );
}
