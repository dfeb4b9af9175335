//! In Polish.

use super::{Span, Words};

pub(super) const WORDS: Words = Words {
    title: "mały serwis gminy, przed nim townclerk, wszystko tylko na tym komputerze",
    open: "Otwórz w przeglądarce:",

    visit: "Przychodzi mieszkanka",
    arrives: "z odsyłacza w innym serwisie trafia na artykuł",
    asks_contact: "sprawdza, jak skontaktować się z urzędem",
    wants_contrast: "włącza wysoki kontrast, na rok",
    goes_home: "przechodzi na stronę główną",
    reads_budget: "czyta o budżecie; stara wtyczka liczy tam odwiedzających",
    searches: "szuka, a w zapytaniu podaje numer PESEL i adres e-mail",
    opens_forms: "otwiera listę druków",
    follows_broken_link: "klika w zepsuty odsyłacz na tej liście",
    opens_login: "otwiera stronę logowania",
    logs_in: "loguje się, zaznacza „zapamiętaj mnie”",
    sees_cases: "ogląda sprawy dostępne po zalogowaniu",
    logs_out: "wylogowuje się",
    tries_cases_again: "próbuje wrócić do spraw i trafia na stronę logowania",

    cookies: "Co się stało z każdym ciasteczkiem",
    cookie_heads: [
        "ciasteczko",
        "CMS wysłał",
        "przeglądarka",
        "co zrobił townclerk",
        "na koniec",
    ],
    nothing: "nic",
    from_before: "(sprzed roku)",
    session: "sesja",
    ended: "usunięcie",
    lasts,
    passed: "przepuścił bez zmian",
    limited: "skrócił do sesji",
    changed: "wzmocnił zabezpieczenia",
    deletion: "przepuścił usunięcie",
    stripped: "zatrzymał: spoza polityki",
    withheld: "nie dopuścił do CMS: spoza polityki",
    wrong: "to, czego nie powinien",
    held_for_session: "na czas sesji",
    held_longer: "na dłużej",
    held_as_before: "jak przedtem",
    not_held: "nie ma",

    entries: "Co jest w dzienniku, odczytane z dysku",
    entry_heads: ["czas UTC", "żądanie", "kod", "strona odsyłająca"],
    whole_entry: "Jeden wpis w całości:",
    redacted: "Jego adres URL, przed i po:",
    asked: "żądano",
    kept: "zapisano",

    checked: "Czy to wszystko prawda?",
    all_recorded,
    site_works: "każda strona odpowiada tak samo jak bez programu townclerk",
    nothing_persistent: "do przeglądarki nie dotarło żadne ciasteczko trwalsze niż sesja",
    logged_out: "po wylogowaniu nie zostało żadne ciasteczko logowania",
    nothing_leaked: "do CMS nie dotarło żadne ciasteczko spoza polityki",
    no_other_site: "piksel z serwisu statystyki.example nie został wczytany: strona zakazała tego przeglądarce",
    nothing_personal: "w dzienniku nie ma numeru PESEL, adresu e-mail, hasła ani ciasteczek mieszkanki",
    untrue: "coś w tym pokazie jest inaczej, niż napisano",

    next: "Co dalej",
    files: "pliki",
    look: "podgląd",
    try_next: "spróbuj",
    browse: "pochodź po serwisie i zobacz niżej, co zostaje zapisane",
    end: "Ctrl-C kończy pokaz i usuwa jego folder",
    later: "Twoje własne odwiedziny, tak jak zostają zapisane:",
    once: "Pokaz skończony, jego folder usunięty. Bez --once trwa dalej i można pochodzić po serwisie.",
};

fn lasts(seconds: i64) -> String {
    let (number, [one, few, many]) = match Span::of(seconds) {
        Span::Years(number) => (number, ["rok", "lata", "lat"]),
        Span::Months(number) => (number, ["miesiąc", "miesiące", "miesięcy"]),
        Span::Days(number) => (number, ["dzień", "dni", "dni"]),
        Span::Minutes(number) => (number, ["minuta", "minuty", "minut"]),
        Span::Seconds(number) => (number, ["sekunda", "sekundy", "sekund"]),
    };
    let unit = match (number, number % 10, number % 100) {
        (1, ..) => one,
        (_, _, 12..=14) => many,
        (_, 2..=4, _) => few,
        _ => many,
    };
    format!("{number} {unit}")
}

fn all_recorded(requests: usize, entries: usize) -> String {
    format!("każde żądanie ma swój wpis: żądań {requests}, wpisów {entries}")
}
