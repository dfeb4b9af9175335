//! How the numbers were made, for whoever reads them.

use super::super::anonymity::{MeasuredBy, Told};
use super::{Both, day, say};
use crate::policy::Lang;

/// A sentence or two each.
pub(in crate::report) fn method(told: &Told, lang: Lang) -> Vec<String> {
    let group = told.smallest_group;
    let step = told.rounded_to;
    let mut said = vec![
        match (told.measured_by, lang) {
            (MeasuredBy::Visitors, Lang::Pl) => format!(
                "Nie pokazujemy grup, które liczą mniej niż {group} odwiedzających. Mniejsze grupy łączymy ze sobą tak, \
                 aby nie dało się ich wyliczyć z pozostałych liczb."
            ),
            (MeasuredBy::Visitors, Lang::En) => format!(
                "No group of fewer than {group} visitors is shown. Smaller groups are put together, so that they cannot be \
                 worked out from the other numbers."
            ),
            (MeasuredBy::Requests, Lang::Pl) => format!(
                "Dziennik nie zawiera adresów, po których można by odróżnić odwiedzających, dlatego liczymy zapytania: \
                 pokazujemy tylko to, o co jednego dnia poproszono co najmniej {group} razy."
            ),
            (MeasuredBy::Requests, Lang::En) => format!(
                "The journal has no addresses by which visitors could be told apart, so requests are counted: shown is only \
                 what was asked for {group} times at least on one day."
            ),
        },
        match lang {
            Lang::Pl => format!("Wszystkie liczby są zaokrąglone do {step}, dlatego sumy mogą się nieco różnić."),
            Lang::En => format!("All numbers are rounded to {step}, so sums may differ a little."),
        },
    ];
    let notes: [(bool, Both); 6] = [
        (
            told.measured_by == MeasuredBy::Visitors,
            [
                "Odwiedzający to adres IP, z którego przyszło zapytanie (w IPv6 jego pierwsze 56 bitów). Kilka osób za \
                 jednym adresem liczymy jako jedną. Więcej niż 128 odwiedzających liczymy z dokładnością do kilku procent.",
                "A visitor is an IP address from which requests came (of IPv6 its first 56 bits). Several people behind one \
                 address are counted as one. More than 128 visitors are counted to within a few per cent.",
            ],
        ),
        (
            told.period.parts().len() > 1 && told.totals.views.is_some(),
            [
                "Te statystyki powstały z miesięcznych. Odwiedzających z różnych miesięcy nie odróżniamy, dlatego ich \
                 liczby podajemy tylko dla miesięcy.",
                "These statistics are made of those of the months. Visitors of different months are not told apart, so their \
                 numbers are given for months only.",
            ],
        ),
        (
            told.robots_apart,
            [
                "Zapytań wyszukiwarek i innych robotów nie ma w żadnej tabeli.",
                "Requests of search engines and other robots are in no table.",
            ],
        ),
        (
            !told.robots_apart,
            [
                "Dziennik nie zawiera informacji o przeglądarkach, dlatego nie odróżniamy robotów od ludzi.",
                "The journal says nothing about browsers, so robots and people are not told apart.",
            ],
        ),
        (
            !told.pages_apart,
            [
                "Dziennik nie zawiera adresów stron, dlatego odsłonami są tu wszystkie udane zapytania.",
                "The journal has no addresses of pages, so every request that went well counts as a view.",
            ],
        ),
        (
            !told.totals.counts_visits,
            [
                "Wizyt nie liczymy: polityka prywatności nie pozwala zapisywać, która strona była pierwszą stroną wizyty.",
                "Visits are not counted: the privacy policy does not let us record which page was the first of a visit.",
            ],
        ),
    ];
    said.extend(
        notes
            .iter()
            .filter(|(is_so, _)| *is_so)
            .map(|(_, both)| say(lang, *both).to_owned()),
    );
    if let Some(begin) = told.entries_begin {
        said.push(match lang {
            Lang::Pl => format!("Zapisy zaczynają się dopiero {}.", day(begin, lang)),
            Lang::En => format!("The entries begin only on {}.", day(begin, lang)),
        });
    }
    if told.unreadable > 0 {
        said.push(
            say(
                lang,
                [
                    "Części zapisów nie udało się odczytać; brakuje ich tutaj.",
                    "A part of the entries could not be read and is missing here.",
                ],
            )
            .to_owned(),
        );
    }
    said.push(match lang {
        Lang::Pl => format!(
            "Statystyki tego okresu opublikowano {} i nie będą już liczone na nowo. Obowiązywała polityka prywatności w \
             wersji {}. Dni liczymy według czasu uniwersalnego (UTC).",
            day(told.published, lang),
            told.policy
        ),
        Lang::En => format!(
            "The statistics of this time were published on {} and are not counted again. Version {} of the privacy policy \
             was in force. Days are those of universal time (UTC).",
            day(told.published, lang),
            told.policy
        ),
    });
    said
}
