//! Whole answers: several lines, deletions of ours, caches, and the modes.

use super::*;

#[test]
fn lines_keep_their_order_and_are_never_folded_or_split() {
    let lines = [
        "sid=1; SameSite=Lax",
        "_ga=1",
        "wp-a=1,wp-b=2; Max-Age=60",
        "sid=; Max-Age=0",
        "sid=; Max-Age=0",
        "wp-c=3",
    ];
    let headers = answer(fields(SET_COOKIE, &lines.map(str::as_bytes)), &rules(), PLAIN);
    assert_eq!(
        strings(&headers, SET_COOKIE),
        [
            "sid=1; SameSite=Lax",
            "wp-a=1,wp-b=2; SameSite=Lax",
            "sid=; Max-Age=0",
            "sid=; Max-Age=0",
            "wp-c=3; SameSite=Lax"
        ]
    );
}

#[test]
fn cookies_set_by_scripts_are_answered_with_their_deletion() {
    assert_eq!(
        deletions("_ga=GA1.2; sid=1; _gid=2; _ga=3", TLS),
        [
            "_ga=; Max-Age=0; Path=/",
            "_ga=; Max-Age=0; Path=/; Domain=www.gmina.pl",
            "_gid=; Max-Age=0; Path=/",
            "_gid=; Max-Age=0; Path=/; Domain=www.gmina.pl",
        ]
    );
    assert_eq!(deletions("sid=1; wp-a=2", TLS), [""; 0]);
}

#[test]
fn deletions_are_for_every_path_that_the_cookie_can_have() {
    let deleted_at = |path: &str, cookies: &str| {
        let (rules, clock) = (expiring(), clock());
        let tally = Tally::new(&rules);
        let site = Site {
            secure: true,
            host: "localhost",
        };
        let exchange = Exchange {
            path,
            ..site.under(&rules, &tally, &clock)
        };
        let owed = exchange.inbound(&Method::GET, &mut fields(COOKIE, &[cookies.as_bytes()]));
        let mut headers = HeaderMap::new();
        exchange.outbound(StatusCode::OK, &mut headers, owed);
        let lines = strings(&headers, SET_COOKIE);
        lines
            .iter()
            .map(|line| line.replace("=; Max-Age=0; Path=", " "))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        deleted_at("/wiki/a/b.php", "_ga=1; x=2"),
        [
            "_ga /",
            "x /",
            "_ga /wiki",
            "x /wiki",
            "_ga /wiki/",
            "x /wiki/",
            "_ga /wiki/a",
            "x /wiki/a",
            "_ga /wiki/a/",
            "x /wiki/a/",
            "_ga /wiki/a/b.php",
            "x /wiki/a/b.php",
        ]
    );
    assert_eq!(deleted_at("/", "_ga=1"), ["_ga /"]);
    assert_eq!(deleted_at("/wiki/", "_ga=1"), ["_ga /", "_ga /wiki", "_ga /wiki/"]);
    assert_eq!(
        deleted_at("/a;b/c", "_ga=1; __Host-x=1"),
        ["_ga /", "__Host-x /; Secure"]
    );
    assert_eq!(deleted_at("*", "_ga=1"), ["_ga /"]);
    assert_eq!(deleted_at(&"/a".repeat(99), "_ga=1").len(), 20);
}

#[test]
fn addresses_and_single_labels_are_no_domain() {
    for host in [
        "localhost",
        "192.0.2.7",
        "[2001:db8::7]",
        "2001:db8::7",
        "www.gmina.pl:8080",
        "a;b.pl",
        "gmina.pl.",
        ".pl",
        "",
    ] {
        assert_eq!(
            deletions("_ga=1", Site { secure: true, host }),
            ["_ga=; Max-Age=0; Path=/"],
            "{host}"
        );
    }
}

#[test]
fn deletions_of_prefixed_names_meet_what_browsers_ask() {
    let domain = "Domain=www.gmina.pl; Secure";
    assert_eq!(deletions("__Host-x=1", TLS), ["__Host-x=; Max-Age=0; Path=/; Secure"]);
    assert_eq!(
        deletions("__Host-Http-x=1", TLS),
        ["__Host-Http-x=; Max-Age=0; Path=/; Secure; HttpOnly"]
    );
    assert_eq!(
        deletions("__Secure-x=1", TLS)[1],
        format!("__Secure-x=; Max-Age=0; Path=/; {domain}")
    );
    assert_eq!(
        deletions("__Http-x=1", TLS)[1],
        format!("__Http-x=; Max-Age=0; Path=/; {domain}; HttpOnly")
    );
    assert_eq!(deletions("__Host-x=1; __Secure-y=2", PLAIN), [""; 0]);
}

#[test]
fn deletions_are_bounded_and_only_of_names_that_can_be_named() {
    let many: Vec<String> = (0..50).map(|number| format!("x{number}=1")).collect();
    assert_eq!(deletions(&many.join("; "), TLS).len(), 20);
    let long = "x".repeat(65);
    assert_eq!(
        deletions(&format!("{long}=1; nameless; =x; a b=1; $Path=/"), TLS),
        [""; 0]
    );
}

#[test]
fn our_deletions_come_before_the_lines_of_the_cms() {
    let rules = expiring();
    let (tally, clock) = (Tally::new(&rules), clock());
    let site = Site {
        secure: false,
        host: "localhost",
    };
    let exchange = site.under(&rules, &tally, &clock);
    let owed = exchange.inbound(&Method::GET, &mut fields(COOKIE, &[b"_ga=1"]));
    let mut headers = fields(SET_COOKIE, &[b"sid=1; SameSite=Lax"]);
    exchange.outbound(StatusCode::OK, &mut headers, owed);
    assert_eq!(
        strings(&headers, SET_COOKIE),
        ["_ga=; Max-Age=0; Path=/", "sid=1; SameSite=Lax"]
    );
    assert_eq!(headers[CACHE_CONTROL], "private");
}

#[test]
fn where_unlisted_cookies_pass_none_is_deleted() {
    let rules = Cookies {
        expire_unlisted: true,
        ..limiting()
    };
    let mut headers = fields(COOKIE, &[b"_ga=1; $Version=1"]);
    let (tally, clock) = (Tally::new(&rules), clock());
    let owed = PLAIN.under(&rules, &tally, &clock).inbound(&Method::GET, &mut headers);
    assert!(owed.is_nothing());
}

#[test]
fn clear_site_data_never_clears_cookies() {
    let name = HeaderName::from_static("clear-site-data");
    for value in ["\"cookies\"", "\"cache\", \"cookies\"", "\"*\"", "\"Cookies\""] {
        let headers = answer(fields(name.clone(), &[b"\"storage\"", value.as_bytes()]), &rules(), TLS);
        assert!(!headers.contains_key(&name), "{value}");
    }
    let headers = answer(fields(name.clone(), &[b"\"cache\", \"storage\""]), &rules(), TLS);
    assert_eq!(headers[&name], "\"cache\", \"storage\"");
}

#[test]
fn an_answer_that_loses_its_last_set_cookie_becomes_private() {
    for (before, after) in [
        (vec![], "private"),
        (vec!["max-age=600"], "private, max-age=600"),
        (vec!["public", "s-maxage=600"], "private, public, s-maxage=600"),
        (vec!["private=\"set-cookie\""], "private, private=\"set-cookie\""),
        (vec!["x=\"a, private, b\""], "private, x=\"a, private, b\""),
        (vec!["x=\"a"], "private, x=\"a"),
        (vec![""], "private"),
    ] {
        let mut headers = fields(SET_COOKIE, &[b"_ga=1"]);
        for value in before {
            headers.append(CACHE_CONTROL, HeaderValue::from_static(value));
        }
        headers.insert("surrogate-control", HeaderValue::from_static("max-age=600"));
        let headers = answer(headers, &rules(), TLS);
        assert_eq!(strings(&headers, CACHE_CONTROL), [after]);
        assert!(!headers.contains_key("surrogate-control"));
    }
}

#[test]
fn caching_stays_as_it_is_where_it_can() {
    for (line, cache_control) in [
        ("_ga=1", "Private, max-age=60"),
        ("_ga=1", "no-cache, NO-STORE"),
        ("sid=1; Max-Age=60", "public, max-age=60"),
        ("_ga=; Max-Age=0", "public, max-age=60"),
    ] {
        let mut headers = fields(SET_COOKIE, &[line.as_bytes()]);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache_control));
        assert_eq!(strings(&answer(headers, &rules(), TLS), CACHE_CONTROL), [cache_control]);
    }
    let headers = answer(fields(SET_COOKIE, &[b"_ga=1", b"sid=1"]), &rules(), TLS);
    assert!(
        !headers.contains_key(CACHE_CONTROL),
        "a Set-Cookie remains, and keeps caches away as before"
    );
    assert_eq!(answer(HeaderMap::new(), &rules(), TLS), HeaderMap::new());
}

#[test]
fn unlisted_cookies_may_pass_limited() {
    let headers = answer(fields(SET_COOKIE, &[b"lang=pl; Max-Age=60; Path=/"]), &limiting(), TLS);
    assert_eq!(strings(&headers, SET_COOKIE), ["lang=pl; Path=/; Secure; SameSite=Lax"]);
    assert_eq!(request(&[b"lang=pl; sid=1"], &limiting()), [b"lang=pl; sid=1"]);
}

#[test]
fn where_the_policy_is_only_observed_nothing_changes_and_everything_is_counted() {
    let rules = Cookies {
        mode: Mode::Observe,
        ..expiring()
    };
    let tally = Tally::new(&rules);
    let cookies = fields(COOKIE, &[b"sid=1; _ga=2;", b"$Version=1"]);
    let mut headers = cookies.clone();
    let clock = clock();
    let exchange = TLS.under(&rules, &tally, &clock);
    let owed = exchange.inbound(&Method::GET, &mut headers);
    assert!(owed.is_nothing());
    assert_eq!(headers, cookies);

    let mut lines = fields(
        SET_COOKIE,
        &[
            b"sid=1; Max-Age=60",
            b"_ga=1",
            b"sid=; Max-Age=0",
            b"sid=1; Secure; SameSite=Lax",
        ],
    );
    lines.insert("clear-site-data", HeaderValue::from_static("\"cookies\""));
    let mut headers = lines.clone();
    exchange.outbound(StatusCode::OK, &mut headers, owed);
    assert_eq!(headers, lines);

    let total = tally.snapshot().total;
    assert_eq!(total.sent, Counts::from([(Verdict::Passed, 1), (Verdict::Stripped, 2)]));
    assert_eq!(
        total.set,
        Counts::from([
            (Verdict::Passed, 1),
            (Verdict::Limited, 1),
            (Verdict::Deletion, 1),
            (Verdict::Stripped, 1)
        ])
    );
}

#[test]
fn the_logout_of_wordpress_passes_whole() {
    let past = "expires=Fri, 21-Nov-2025 12:00:00 GMT; Max-Age=0";
    let hash = "0123456789abcdef0123456789abcdef";
    let mut lines = vec![];
    for name in [
        "wordpress",
        "wordpress_sec",
        "wordpress_logged_in",
        "wordpressuser",
        "wordpresspass",
    ] {
        lines.extend(["/wp-admin", "/", "/"].map(|path| format!("{name}_{hash}=%20; {past}; path={path}")));
    }
    let headers = fields(SET_COOKIE, &lines.iter().map(String::as_bytes).collect::<Vec<_>>());
    assert_eq!(strings(&answer(headers, &rules(), TLS), SET_COOKIE), lines);
}

#[test]
fn a_verdict_tells_the_declared_purpose() {
    let (rules, line) = (rules(), b"wordpress_logged_in_0123456789abcdef0123456789ABCDEF=1");
    let judged = judge(line, &rules, true, &clock());
    assert_eq!(
        judged.purpose().map(|purpose| &*purpose.en),
        Some("Remembers who is logged in.")
    );
    assert_eq!(judge(b"_ga=1", &rules, true, &clock()).purpose(), None);
    let crumbs: Vec<_> = judge_crumbs(b"sid=1; _ga=2", &rules)
        .map(|crumb| (crumb.verdict, crumb.purpose().is_some()))
        .collect();
    assert_eq!(crumbs, [(Verdict::Passed, true), (Verdict::Stripped, false)]);
}
