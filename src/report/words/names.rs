//! What statuses, errors, kinds of requests, months and days are called.

use jiff::civil::Date;

use super::{Both, day, say};
use crate::policy::Lang;

pub(super) fn thing(name: &str) -> Option<Both> {
    Some(match name {
        "pages" => ["strony", "pages"],
        "files" => ["pliki", "files"],
        "parts" => [
            "części stron (style, skrypty, obrazy)",
            "parts of pages (styles, scripts, pictures)",
        ],
        "not-found" => ["czego nie znaleziono", "what was not found"],
        "failed" => ["odmowy i błędy", "refusals and errors"],
        "others" => ["przekierowania i inne", "redirects and others"],
        _ => return None,
    })
}

pub(super) fn status(code: &str) -> Option<Both> {
    Some(match code {
        "200" => ["w porządku", "all right"],
        "206" => ["część treści", "a part of it"],
        "301" | "308" => ["przeniesiono na stałe", "moved for good"],
        "302" | "303" | "307" => ["jest pod innym adresem", "is at another address"],
        "304" => ["nie zmieniło się", "has not changed"],
        "400" => ["niezrozumiałe zapytanie", "not understood"],
        "401" => ["trzeba się zalogować", "a log-in is needed"],
        "403" => ["zabronione", "forbidden"],
        "404" => ["nie znaleziono", "not found"],
        "405" => ["tak nie można", "not in this way"],
        "410" => ["usunięto", "gone"],
        "429" => ["za dużo zapytań", "too many requests"],
        "500" => ["błąd systemu strony", "the site's system failed"],
        "502" => ["system strony nie odpowiada", "the site's system does not answer"],
        "503" => ["chwilowo niedostępne", "not available for now"],
        "504" => [
            "system strony nie odpowiedział na czas",
            "the site's system was too late",
        ],
        _ => return None,
    })
}

pub(super) fn error(name: &str) -> Option<Both> {
    Some(match name {
        "cut_off.visitor" => ["odwiedzający przerwał", "the visitor left"],
        "cut_off.upstream" => ["system strony urwał odpowiedź", "the site's system broke off"],
        "cut_off.timeout" => ["trwało zbyt długo", "it took too long"],
        "cut_off.shutdown" => ["serwer był zatrzymywany", "the server was being stopped"],
        "refused.journal" => ["dziennik był niedostępny", "the journal was not available"],
        "refused.too_many_exchanges" => ["zbyt wiele zapytań naraz", "too many requests at a time"],
        "upstream.connect" => ["system strony nie działał", "the site's system was down"],
        "upstream.timeout" => [
            "system strony nie odpowiedział na czas",
            "the site's system was too late",
        ],
        "upstream.closed" => ["system strony zerwał połączenie", "the site's system hung up"],
        _ if name.starts_with("refused.") => ["zapytanie odrzucone", "the request was refused"],
        _ if name.starts_with("not_a_request.") => ["to nie było zapytanie", "it was no request"],
        _ => return None,
    })
}

pub(super) const MONTHS: [Both; 12] = [
    ["styczeń", "January"],
    ["luty", "February"],
    ["marzec", "March"],
    ["kwiecień", "April"],
    ["maj", "May"],
    ["czerwiec", "June"],
    ["lipiec", "July"],
    ["sierpień", "August"],
    ["wrzesień", "September"],
    ["październik", "October"],
    ["listopad", "November"],
    ["grudzień", "December"],
];

/// The place of a month, written `2026-10`.
pub(super) fn month(name: &str) -> Option<usize> {
    let month = name.get(5..7)?.parse::<usize>().ok()?;
    (1..=12).contains(&month).then(|| month - 1)
}

/// A day or a month by its name.
pub(super) fn when(name: &str, lang: Lang) -> String {
    match (name.parse::<Date>(), month(name)) {
        (Ok(date), _) => day(date, lang),
        (_, Some(month)) => format!("{} {}", say(lang, MONTHS[month]), name.get(..4).unwrap_or_default()),
        _ => name.to_owned(),
    }
}
