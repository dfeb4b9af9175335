//! Names, in both directions, and Cookie fields.

use super::*;

#[test]
fn a_nameless_cookie_is_unlisted() {
    assert_eq!(tls("token; Path=/"), None);
    assert_eq!(tls("=token; Path=/"), None);
    assert_eq!(request(&[b"token; sid=1"], &rules()), [b"sid=1"]);
    assert_eq!(verdict("token; Path=/", &limiting()), Verdict::Limited);
    assert_eq!(request(&[b"token; sid=1"], &limiting()), [b"token; sid=1"]);
}

#[test]
fn a_name_hidden_in_a_nameless_value_never_passes() {
    for line in [
        "=__Host-x=y",
        "=__host-sid=y; Secure; Path=/",
        "__Secure-x",
        "=sid=y",
        " = sid=y",
        "=",
        "",
        "=__Host-x=; Max-Age=0",
    ] {
        assert_eq!(verdict(line, &limiting()), Verdict::Stripped, "{line}");
        assert_eq!(verdict(line, &rules()), Verdict::Stripped, "{line}");
    }
    for crumb in [&b"=__Host-x=y"[..], b"=sid=y", b"__Host-x", b"=__http-x", b"="] {
        assert_eq!(request(&[crumb], &limiting()), nothing());
    }
}

#[test]
fn only_token_names_pass() {
    let mut crumbs: Vec<Vec<u8>> = [
        &b"\xa0sid=1"[..],
        b"\x85sid=1",
        b"\xc2\xa0sid=1",
        b"sid =1",
        b"s\tid=1",
        b"wp-\xff=1",
    ]
    .map(<[u8]>::to_vec)
    .to_vec();
    crumbs.extend(
        b"\"(),/:<>?@[\\]{} "
            .iter()
            .map(|byte| [b"wp-", &[*byte][..], b"x=1"].concat()),
    );
    for crumb in crumbs {
        for rules in [rules(), limiting()] {
            assert_eq!(request(&[&crumb], &rules), nothing(), "{crumb:?}");
            assert_eq!(request(&[&[&crumb, &b"; sid=2"[..]].concat()], &rules), [b"sid=2"]);
        }
    }
    assert_eq!(verdict("prefs[size]=1", &limiting()), Verdict::Stripped);
    assert_eq!(
        judge(b"\xa0sid=1", &limiting(), false, &clock()).verdict,
        Verdict::Stripped
    );
}

#[test]
fn reserved_names_never_pass() {
    for name in ["$Version", "$version", "$Path", "$Domain", "$Port", "$"] {
        let crumbs = format!("{name}=1; sid=1; {name}");
        assert_eq!(request(&[crumbs.as_bytes()], &limiting()), [b"sid=1"]);
        assert_eq!(verdict(&format!("{name}=1"), &limiting()), Verdict::Stripped);
    }
}

#[test]
fn a_name_that_php_would_turn_into_a_prefixed_one_never_passes() {
    for name in [
        "..Host-sid",
        "_.Secure-sid",
        "%5f%5FHost-sid",
        "__%48ost-sid",
        "+_http-x",
        "__Host%2dsid",
        "%2E_Host-x",
    ] {
        assert_eq!(
            request(&[format!("{name}=1").as_bytes()], &limiting()),
            nothing(),
            "{name}"
        );
        assert_eq!(verdict(&format!("{name}=1"), &limiting()), Verdict::Stripped, "{name}");
    }
    for name in [
        "..Hosts-x",
        "_ga",
        "__utma",
        "%5F%5",
        "%zz",
        "__Host-x",
        ".ASPXAUTH",
        "__Hos%zz",
    ] {
        assert_eq!(
            request(&[format!("{name}=1").as_bytes()], &limiting()),
            [format!("{name}=1").as_bytes()],
            "{name}"
        );
    }
}

#[test]
fn values_are_bytes_and_quotes_protect_nothing() {
    assert_eq!(
        request(&[b"sid=\"\xc5\x82\xff, x=y\"; _ga=1"], &rules()),
        [b"sid=\"\xc5\x82\xff, x=y\""]
    );
    assert_eq!(
        request(&[b"sid=\"a; _ga=1; wp-x=b\""], &rules()),
        [b"sid=\"a; wp-x=b\""]
    );
    let rules = rules();
    let after = judge(b"sid=\"\xff; Max-Age=60\"; Path=/\xff", &rules, false, &clock()).line();
    assert_eq!(after.as_deref(), Some(&b"sid=\"\xff; Path=/\xff; SameSite=Lax"[..]));
}

#[test]
fn duplicate_names_are_kept_in_order() {
    assert_eq!(
        request(&[b"sid=2; _ga=0; sid=1; wp-a=; sid=2"], &rules()),
        [b"sid=2; sid=1; wp-a=; sid=2"]
    );
}

#[test]
fn crumbs_of_several_fields_are_joined() {
    assert_eq!(
        request(&[b"sid=1", b"_ga=1", b"wp-a=1;wp-b=2"], &rules()),
        [b"sid=1; wp-a=1; wp-b=2"]
    );
    assert_eq!(request(&[b"sid=1", b"wp-a=1"], &rules()), [b"sid=1; wp-a=1"]);
}

#[test]
fn a_cookie_field_is_never_empty() {
    assert_eq!(request(&[b"_ga=1; _gid=2"], &rules()), nothing());
    assert_eq!(request(&[b"_ga=1", b"_gid=2"], &rules()), nothing());
    assert_eq!(request(&[b""], &rules()), nothing());
    assert_eq!(request(&[b" ;; "], &limiting()), nothing());
}

#[test]
fn a_cookie_field_whose_crumbs_all_pass_stays_as_it_came() {
    let mut headers = fields(COOKIE, &[b"sid=1;wp-a=2;; wp-b=\t3;"]);
    let before = headers[COOKIE].as_bytes().as_ptr();
    let rules = rules();
    PLAIN
        .under(&rules, &Tally::new(&rules), &clock())
        .inbound(&Method::GET, &mut headers);
    assert_eq!(headers[COOKIE].as_bytes(), b"sid=1;wp-a=2;; wp-b=\t3;");
    assert_eq!(headers[COOKIE].as_bytes().as_ptr(), before);
}
