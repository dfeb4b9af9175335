use proptest::prelude::*;

use super::redact;
use crate::policy::Redact;

const PESEL: &str = "44051401359";

fn rules() -> Redact {
    Redact {
        query_values: false,
        emails: true,
        pesel: true,
        tokens: Some(24),
        parameters: vec![
            "Nazwisko".into(),
            "first name".into(),
            "token".into(),
            "jsessionid".into(),
            "łąka".into(),
        ],
    }
}

fn left(url: &str) -> String {
    redact(url.as_bytes(), &rules()).map_or(url.to_owned(), |left| String::from_utf8_lossy(&left).into_owned())
}

#[track_caller]
fn assert_left(cases: &[(&str, &str)]) {
    for (url, expected) in cases {
        assert_eq!(left(url), *expected, "{url}");
    }
}

#[test]
fn e_mail_addresses_are_cut_wherever_they_stand() {
    assert_left(&[
        (
            "/kontakt?mail=jan.kowalski+bip@urzad.gmina.pl&x=1",
            "/kontakt?mail=[email]&x=1",
        ),
        ("/u/jan@poczta.example/pliki", "/u/[email]/pliki"),
        ("/?q=%3Cjan%40poczta.pl%3E", "/?q=%3C[email]%3E"),
        ("/?q=jan%2540poczta%252Epl,", "/?q=[email],"),
        ("/?q=%6A%61%6E%40%70%2E%70%6C", "/?q=[email]"),
        ("/?q=%25jan@poczta.pl%25", "/?q=%25[email]%25"),
        ("/?q=%25adam@poczta.pl%25", "/?q=[email]%25"),
        ("/jan@2x.pl", "/[email]"),
        ("/jan@poczta.pl-2/x", "/[email]-2/x"),
        ("/?q=ja%C5%82@%C5%82%C3%B3d%C5%BA.pl", "/?q=[email]"),
        ("/mailto:jan@poczta.pl.", "/mailto:[email]."),
        ("/jan@poczta.pl.2026/x", "/[email].2026/x"),
        ("/jan@xn--d-uga0v8h.xn--p1ai", "/[email]"),
    ]);
}

#[test]
fn an_at_sign_alone_is_no_address() {
    for url in [
        "/logo@2x.png",
        "/@jan",
        "/@jan/status",
        "/npm/jquery@3.7.1/",
        "/a@b",
        "/?q=@",
        "/?q=a@.pl",
        "/@",
    ] {
        assert_eq!(left(url), url);
    }
}

#[test]
fn pesel_numbers_are_cut_wherever_they_stand() {
    assert_left(&[
        ("/osoba/44051401359", "/osoba/[pesel]"),
        ("/?p=PESEL44051401359x", "/?p=PESEL[pesel]x"),
        ("/?p=a-44051401359_b", "/?p=a-[pesel]_b"),
        ("/?q=%2044051401359", "/?q=%20[pesel]"),
        ("/?q=%44051401359%", "/?q=%[pesel]%"),
        ("/?q=%2544051401359%25", "/?q=%25[pesel]%25"),
        ("/?q=%34405140135%39", "/?q=[pesel]"),
        ("/?q=%253440514013%25359", "/?q=[pesel]"),
        ("/44051401359/02070803628", "/[pesel]/[pesel]"),
    ]);
    for url in [
        "/44051401358",
        "/144051401359",
        "/440514013591",
        "/4405140135",
        "/?t=1764000000000",
        "/?tel=48123456789",
    ] {
        assert_eq!(left(url), url);
    }
}

#[test]
fn tokens_are_cut_and_slugs_are_not() {
    assert_left(&[
        ("/reset/9f86d081884c7d659a2feaa0c55ad015", "/reset/[token]"),
        ("/a/f81d4fae-7dec-11d0-a765-00a0c91e6bf6.pdf", "/a/[token].pdf"),
        ("/a/rada-f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "/a/rada-[token]"),
        (
            "/?t=eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1g&a=b",
            "/?t=[token]&a=b",
        ),
        ("/?t=eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.", "/?t=[token]"),
        ("/?t=dBjft-JeZ4C_VPmB92-K27uhb_UJU1p", "/?t=[token]"),
        ("/?t=PL61109010140000071219812874", "/?t=[token]"),
        ("/?u=f81d4fae%2D7dec%2D11d0%2Da765%2D00a0c91e6bf6", "/?u=[token]"),
    ]);
    for url in [
        "/posiedzenie-rady-miasta-2026",
        "/Posiedzenie-Rady-Miasta-Nr-12-z-dnia-2026-11-21",
        "/uchwala_nr_XII-123-2026_w_sprawie_budzetu_miasta",
        "/zarzadzenie-nr-123-2026-burmistrza-miasta-ciechanow-z-dnia-1-stycznia-2026-roku",
        "/%C5%82%C3%B3d%C5%BA-w-2026-roku-obchody-rocznicy-nadania-praw-miejskich",
        "/konstantynopolitanczykowianeczka",
        "/wp-content/uploads/2026/11/DSC_0123-1024x768.jpg",
        "/wp-includes/js/jquery/jquery.min.js?ver=3.7.1",
        "/?q=%20posiedzenieradymiastawolnego%20",
    ] {
        assert_eq!(left(url), url);
    }
}

#[test]
fn named_parameters_lose_their_values() {
    assert_left(&[
        ("/?nazwisko=Kowalski&a=b", "/?nazwisko=[removed]&a=b"),
        ("/?a=b&NAZWISKO=Kowalski", "/?a=b&NAZWISKO=[removed]"),
        ("/?a=b;nazwisko=Kowalski;c=d", "/?a=b;nazwisko=[removed];c=d"),
        (
            "/?nazwisko[]=A&nazwisko[0][x]=B&nazwisko%5B%5D=C",
            "/?nazwisko[]=[removed]&nazwisko[0][x]=[removed]&nazwisko%5B%5D=[removed]",
        ),
        ("/?n%61zwisko=Kowalski", "/?n%61zwisko=[removed]"),
        ("/?n%2561zwisko=Kowalski", "/?n%2561zwisko=[removed]"),
        (
            "/?First+Name=Jan&first%20name=Jan",
            "/?First+Name=[removed]&first%20name=[removed]",
        ),
        (
            "/?%C5%82%C4%85ka=zielona&ŁĄKA=a",
            "/?%C5%82%C4%85ka=[removed]&ŁĄKA=[removed]",
        ),
        ("/?token==a=b?c&d=e", "/?token=[removed]&d=e"),
        ("/?token=&nazwisko&x=1", "/?token=&nazwisko&x=1"),
        ("/?token=a%26b", "/?token=[removed]"),
        (
            "/?next=%2Flogin%3Ftoken%3Dab%2526cd%26x%3D1",
            "/?next=%2Flogin%3Ftoken%3D[removed]%26x%3D1",
        ),
        (
            "/index.jsp;jsessionid=AB12/x?y=z",
            "/index.jsp;jsessionid=[removed]/x?y=z",
        ),
        ("/mytoken=a?xtoken=b", "/mytoken=a?xtoken=b"),
    ]);
}

#[test]
fn where_no_value_may_stay_names_do() {
    let rules = Redact {
        query_values: true,
        parameters: vec![],
        ..rules()
    };
    for (url, expected) in [
        ("/a?b=c&d=&e;f=g", "/a?b=[removed]&d=&[removed];f=[removed]"),
        ("/a?szukaj", "/a?[removed]"),
        ("/a?", "/a?"),
        ("/a=b?jan@poczta.pl=1", "/a=b?[email]=[removed]"),
        ("/a?b=%26c%3Dd", "/a?b=[removed]"),
        ("/a?b=c?d", "/a?b=[removed]"),
    ] {
        assert_eq!(
            redact(url.as_bytes(), &rules).as_deref().unwrap_or(url.as_bytes()),
            expected.as_bytes()
        );
    }
}

#[test]
fn where_nothing_is_named_everything_stays() {
    let none = Redact {
        query_values: false,
        emails: false,
        pesel: false,
        tokens: None,
        parameters: vec![],
    };
    assert!(
        redact(
            b"/jan@poczta.pl/44051401359?token=9f86d081884c7d659a2feaa0c55ad015",
            &none
        )
        .is_none()
    );
}

#[test]
fn the_worst_url_takes_no_more_than_a_moment() {
    for piece in ["token=", "%2525", "a@a.a", "eyJ", "=", ";", "44051401359%", "f81d4fae-"] {
        let url = format!("/{}", piece.repeat(60_000 / piece.len()));
        redact(url.as_bytes(), &rules());
    }
}

fn encoded(text: &str, times: usize, all: bool) -> String {
    (0..times).fold(text.to_owned(), |text, _| {
        text.bytes()
            .map(|b| {
                if all || !b.is_ascii_alphanumeric() {
                    format!("%{b:02X}")
                } else {
                    char::from(b).into()
                }
            })
            .collect()
    })
}

/// `url` with all its layers undone.
fn decoded(url: &str) -> String {
    String::from_utf8_lossy(&super::escape::decode_fully(url.as_bytes())).into_owned()
}

proptest! {
    #[test]
    fn no_bytes_panic(url in proptest::collection::vec(any::<u8>(), 0..120), query_values in any::<bool>()) {
        redact(&url, &Redact { query_values, ..rules() });
    }

    #[test]
    fn no_url_like_text_panics(url in "[/?&;=%@.a-f0-9A-F_-]{0,200}") {
        redact(url.as_bytes(), &rules());
    }

    #[test]
    fn a_planted_secret_is_never_left(
        before in "/[a-z/?&=%,-]{0,12}(%[24-7][0-9a-f]|[/?&=%,])", after in "([/?&,%]|%2[0-9a-f])[a-z/?&=,%-]{0,12}",
        local in "[a-z]{2,8}[.+]?[a-z]{1,8}", host in "[a-z]{3,8}[.][a-z]{2,4}", times in 0usize..4, all in any::<bool>(),
    ) {
        let mail = format!("{local}@{host}");
        let url = format!("{before}{}{after}", encoded(&mail, times, all));
        prop_assert!(!decoded(&left(&url)).contains(&mail), "{} became {}", url, left(&url));
        let url = format!("{before}{}{after}", encoded(PESEL, times, all));
        prop_assert!(!decoded(&left(&url)).contains(PESEL), "{} became {}", url, left(&url));
    }

    #[test]
    fn the_value_of_a_named_parameter_is_never_left(
        before in "[a-z&;=,%?]{0,12}", value in "[g-zG-Z]{6,12}", name in "[Nn][aA]z[wW]isko(\\[[a-z]?\\])?", times in 0usize..3, all in any::<bool>(),
    ) {
        let url = format!("/x?{before}&{}={}&z=1", encoded(&name, times, all), encoded(&value, times, all));
        prop_assert!(!decoded(&left(&url)).contains(&value), "{} became {}", url, left(&url));
    }

    #[test]
    fn a_url_without_secrets_is_left_as_it_is(
        url in "(/[A-Z]?[a-z]{1,9}(-[a-z]{1,9}){0,3}(%20|%C5%82|[.-]){1}[0-9]{0,6}){1,4}([?][a-z]{1,6}=[a-z0-9,+]{0,9}(&b=%2F){0,2})?",
    ) {
        prop_assert!(redact(url.as_bytes(), &rules()).is_none(), "{} became {}", url, left(&url));
    }
}
