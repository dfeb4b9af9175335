//! In Polish.

use super::Words;
use crate::policy::Lang;

pub(super) const WORDS: Words = Words {
    lang: Lang::Pl,
    live: "na żywo",
    paused: "PAUZA",
    reading: |size| format!("czytam, zostało {size}"),

    rates: "zapytania/s",
    most: |rate| format!("{rate}/s"),
    ago: "15 min",
    answers: "odpowiedzi",
    load: "ruch",
    time: "czas",
    journal: "dziennik",
    event: "zdarzenie",
    trouble: "KŁOPOT",

    spans: ["teraz", "w 1 min", "w 15 min"],
    unanswered: "brak",
    requests: "zapytań",
    robots: "od robotów",
    half: "połowa do",
    most_of_them: "99% do",
    longest: "najdłużej",
    no_times: "wpisy nie podają czasu co do milisekundy",
    records: "wpisów",
    unsigned: |count| format!("bez podpisu {count}"),
    signed: |ago| format!("podpis {ago} temu"),
    disk: |part| format!("wolne {part} dysku"),
    in_segment: |segment| format!("w {segment}"),
    silence: "nie ma jeszcze wpisów",

    panels: ["Ścieżki", "Adresy", "Przeglądarki", "Błędy"],
    orders: ["według zapytań", "według błędów", "według bajtów", "według czasu"],
    columns: ["zapytań", "błędów", "wysłano", "średnio", "najdł."],
    others: "wszystkie inne",
    nothing: "nic w ostatnich 15 minutach",
    robot: "robot",
    other_agent: "coś innego",
    unknown: "–",
    on: |browser, system| format!("{browser}, {system}"),

    keys: "q koniec  p pauza  s serwis  Tab lista  o kolejność  ? pomoc",
    help: &[
        "q, Esc, Ctrl-C   koniec",
        "p, spacja        zatrzymanie; dziennik rośnie dalej, potem doczytamy resztę",
        "s                następny serwis",
        "Tab, 1 2 3 4     lista: ścieżki, adresy, przeglądarki i roboty, błędy",
        "o                kolejność: według zapytań, błędów, bajtów lub czasu",
        "?                ta pomoc i powrót",
        "",
        "Liczymy ostatni kwadrans, według czasu zakończenia wymiany.",
        "Błąd to wymiana, która się nie udała, albo odpowiedź 400 lub wyższa.",
        "Widać to, co zachowuje polityka. To nie jest anonimowe: jest tylko dla Ciebie.",
    ],
};
