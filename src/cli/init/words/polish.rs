//! Po polsku.

use super::Words;
use crate::survey::{Bound, Use};

pub(super) const WORDS: Words = Words {
    read,
    of_host: "serwis",
    made_with: "system",
    unknown: "nieznany programowi townclerk",
    signs: "po czym",
    log_in: "logowanie",
    no_log_in: "nie znaleziono",
    bound,
    unread,

    cookies: "Ciasteczka, które ustawia serwis",
    cookie_heads: ["ciasteczko", "czas życia", "ustawiane na", "zestaw"],
    no_cookies: "Nie przyszło żadne. Ciasteczek ustawianych przez skrypty z zewnątrz nie widać.",
    session: "do zamknięcia przeglądarki",
    deleted: "tylko usuwane",
    unlisted: "żaden",
    no_name: "(bez nazwy)",

    foreign: "Obce serwery, z którymi łączą się strony; każdy z nich poznaje adres odwiedzającego",
    foreign_heads: ["serwer", "po co", "na stronach"],
    no_foreign: "Nie ma ich, o ile widać to po stronach.",
    uses,

    written: "Zapisano",
    open,

    next: "Co dalej",
    fill_in: "uzupełnij to, czego nie dało się ustalić: w plikach stoi tam ???",
    check: "sprawdź, czy pliki są poprawne i co oznaczają",
    make_journal: "załóż dziennik",
    serve: "uruchom; ciasteczka są tylko obserwowane, nic się nie zmienia",
    look: "po tygodniu obejrzyj, jakie ciasteczka się pojawiły, także te ze skryptów",
    enforce: "uzgodnij politykę z inspektorem ochrony danych, potem wpisz mode = \"enforce\" i nową wersję",
};

/// Jeden, kilka, wiele.
fn counted(number: usize, [one, few, many]: [&str; 3]) -> String {
    let form = match (number, number % 10, number % 100) {
        (1, ..) => one,
        (_, _, 12..=14) => many,
        (_, 2..=4, _) => few,
        _ => many,
    };
    format!("{number} {form}")
}

fn read(pages: usize) -> String {
    let pages = counted(pages, ["strona", "strony", "stron"]);
    format!("obejrzano: {pages}")
}

fn bound(bound: Bound) -> &'static str {
    match bound {
        Bound::Pages => "Stron jest więcej, niż się ogląda; nie ma tu tego, co pojawia się tylko na pozostałych.",
        Bound::Bytes => {
            "Strony są zbyt duże, aby obejrzeć wszystkie; nie ma tu tego, co pojawia się tylko na pozostałych."
        }
        Bound::Time => {
            "Serwis odpowiada wolno; nie ma tu tego, co pojawia się tylko na stronach, na które zabrakło czasu."
        }
    }
}

fn unread(pages: usize) -> String {
    format!(
        "Bez odpowiedzi albo z niepełną odpowiedzią: {}.",
        counted(pages, ["strona", "strony", "stron"])
    )
}

fn uses(what: Use) -> &'static str {
    match what {
        Use::Script => "skrypt",
        Use::Style => "arkusz stylów",
        Use::Font => "krój pisma",
        Use::Frame => "ramka",
        Use::Image => "obraz",
        Use::Media => "dźwięk lub film",
        Use::Object => "wtyczka",
        Use::Form => "formularz, który tam wysyła",
        Use::Connection => "połączenie",
        Use::Named => "być może: wymienia go skrypt",
    }
}

fn open(lines: &[usize]) -> String {
    let numbers: Vec<_> = lines.iter().map(ToString::to_string).collect();
    format!(
        "??? w {} {}",
        if lines.len() == 1 { "wierszu" } else { "wierszach" },
        numbers.join(", ")
    )
}
