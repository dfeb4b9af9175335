//! One Set-Cookie line.

use super::*;

#[test]
fn a_deletion_passes_byte_for_byte() {
    for line in [
        "sid=; Max-Age=0",
        "sid=x; max-age=-1; Path=/",
        "sid=x; Max-Age=-0",
        "sid=x;Max-Age=000 ;",
        "sid=deleted; expires=Thu, 01-Jan-1970 00:00:01 GMT; Max-Age=0; path=/; HttpOnly",
        "sid=%20; expires=Sat, 21-Nov-2025 12:00:00 GMT",
        "sid=%20; expires=Sat, 21 Nov 2026 12:00:00 GMT",
    ] {
        assert_eq!(tls(line).as_deref(), Some(line));
        assert_eq!(verdict(line, &rules()), Verdict::Deletion);
    }
}

#[test]
fn a_deletion_of_an_unlisted_cookie_still_passes() {
    let line = "_ga=; Max-Age=0; Domain=gmina.pl";
    assert_eq!(tls(line).as_deref(), Some(line));
    let line = "prefs[size]=deleted; expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0";
    assert_eq!(tls(line).as_deref(), Some(line));
}

#[test]
fn an_empty_value_is_no_deletion() {
    assert_eq!(plain("sid=; Max-Age=60").as_deref(), Some("sid=; SameSite=Lax"));
    assert_eq!(
        plain("sid=; Expires=Fri, 21 Nov 2036 12:00:00 GMT").as_deref(),
        Some("sid=; SameSite=Lax")
    );
    assert_eq!(plain("sid=").as_deref(), Some("sid=; SameSite=Lax"));
}

#[test]
fn the_end_of_a_lifetime_is_told_by_the_clock() {
    let clock = clock();
    let line = b"sid=1; Expires=Sat, 21 Nov 2026 12:00:01 GMT";
    assert_eq!(judge(line, &rules(), false, &clock).verdict, Verdict::Limited);
    clock.set("2026-11-21T12:00:01Z".parse().unwrap());
    assert_eq!(judge(line, &rules(), false, &clock).verdict, Verdict::Deletion);
}

#[test]
fn max_age_beats_expires() {
    assert!(!is_deletion("sid=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=60"));
    assert!(!is_deletion("sid=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT"));
    assert!(is_deletion("sid=1; Expires=Fri, 21 Nov 2036 12:00:00 GMT; Max-Age=0"));
}

#[test]
fn the_last_of_duplicates_wins() {
    assert!(is_deletion("sid=1; Max-Age=60; Max-Age=0"));
    assert!(!is_deletion("sid=1; Max-Age=0; Max-Age=60"));
    assert!(is_deletion(
        "sid=1; Expires=1 Jan 2036 00:00:00; Expires=1 Jan 1970 00:00:00"
    ));
    assert!(!is_deletion(
        "sid=1; Expires=1 Jan 1970 00:00:00; Expires=1 Jan 2036 00:00:00"
    ));
}

#[test]
fn an_invalid_lifetime_is_ignored() {
    for invalid in ["", "-", "+0", "0s", "0.0", "\"0\"", "- 0", "--1", "null"] {
        assert!(!is_deletion(&format!("sid=1; Max-Age={invalid}")), "{invalid}");
        assert!(
            is_deletion(&format!("sid=1; Max-Age=0; Max-Age={invalid}")),
            "{invalid}"
        );
        assert!(
            is_deletion(&format!("sid=1; Max-Age={invalid}; Expires=1 Jan 1970 00:00:00")),
            "{invalid}"
        );
    }
    assert!(is_deletion("sid=1; Expires=1 Jan 1970 00:00:00; Expires=soon"));
    assert!(!is_deletion("sid=1; Expires=0"));
    assert!(
        !is_deletion(&format!("sid=1; Max-Age={}", "0".repeat(1025))),
        "too long for browsers"
    );
    assert!(
        !is_deletion(&format!("sid=1; Max-Age={}", "9".repeat(1000))),
        "a number of any size"
    );
}

#[test]
fn every_occurrence_of_a_lifetime_is_cut() {
    assert_eq!(
        plain(
            "sid=1; Max-Age=60; SameSite=Lax; expires=soon;MAX-AGE; Path=/ ; Expires = Fri, 21 Nov 2036 12:00:00 GMT"
        ),
        Some("sid=1; SameSite=Lax; Path=/ ".into())
    );
}

#[test]
fn the_rest_of_a_line_stays_byte_for_byte() {
    assert_eq!(
        tls("sid=a\"b ; Partitioned;Priority=High;; x-next = 1; Max-Age=60;\tdomain=.Gmina.pl").as_deref(),
        Some("sid=a\"b ; Partitioned;Priority=High;; x-next = 1;\tdomain=.Gmina.pl; Secure; SameSite=Lax")
    );
}

#[test]
fn a_line_that_passes_is_not_copied() {
    let (rules, line) = (rules(), "sid=1; Secure; SameSite=Strict");
    let judged = judge(line.as_bytes(), &rules, true, &clock());
    assert_eq!(judged.verdict, Verdict::Passed);
    assert!(matches!(judged.line(), Some(Cow::Borrowed(same)) if std::ptr::eq(same, line.as_bytes())));
}

#[test]
fn attribute_names_have_no_case_and_no_white_space() {
    assert_eq!(
        tls("sid=1;\t mAx-AgE \t=60; sEcUrE ;SAMESITE\t=\tlAX").as_deref(),
        Some("sid=1; sEcUrE ;SAMESITE\t=\tlAX")
    );
    assert_eq!(
        tls("sid=1; Secure=no; SameSite=Lax").as_deref(),
        Some("sid=1; Secure=no; SameSite=Lax")
    );
    assert_eq!(
        plain("sid=1; X-Max-Age=60; SameSite=Lax").as_deref(),
        Some("sid=1; X-Max-Age=60; SameSite=Lax")
    );
}

#[test]
fn same_site_none_gains_secure_over_tls_only() {
    assert_eq!(
        tls("sid=1; SameSite=None").as_deref(),
        Some("sid=1; SameSite=None; Secure")
    );
    assert_eq!(plain("sid=1; SameSite=None").as_deref(), Some("sid=1; SameSite=None"));
}

#[test]
fn same_site_becomes_lax_at_most_and_is_never_weakened() {
    assert_eq!(plain("sid=1").as_deref(), Some("sid=1; SameSite=Lax"));
    assert_eq!(
        plain("sid=1; SameSite=Strict").as_deref(),
        Some("sid=1; SameSite=Strict")
    );
    assert_eq!(
        plain("sid=1; SameSite=").as_deref(),
        Some("sid=1; SameSite=; SameSite=Lax")
    );
    // The last one counts, and an unknown word is none.
    assert_eq!(
        plain("sid=1; SameSite=Strict; SameSite=x").as_deref(),
        Some("sid=1; SameSite=Strict; SameSite=x; SameSite=Lax")
    );
    assert_eq!(
        plain("sid=1; SameSite=x; SameSite=Strict").as_deref(),
        Some("sid=1; SameSite=x; SameSite=Strict")
    );
}

#[test]
fn prefixed_names_keep_their_path_domain_and_secure() {
    for name in [
        "__Host-sid",
        "__HOST-sid",
        "__secure-sid",
        "__Secure-sid",
        "__http-sid",
        "__Host-Http-sid",
    ] {
        for attributes in ["; Path=/; Secure", "; Path=/wiki; Domain=gmina.pl", ""] {
            let line = format!("{name}=1; Max-Age=60{attributes}");
            assert_eq!(
                text(judge(line.as_bytes(), &limiting(), true, &clock()).line()),
                Some(format!("{name}=1{attributes}; SameSite=Lax"))
            );
        }
    }
}

#[test]
fn a_line_with_control_characters_is_none_for_browsers_and_does_not_pass() {
    for line in ["sid=1\0", "sid=; Max-Age=0; \n", "sid=1\x7f; SameSite=Lax"] {
        assert_eq!(plain(line), None);
    }
    assert!(plain("sid=1\t2").is_some());
}
