//! The parts of a report, in their order, and what their rows are called.

use super::super::anonymity::{Row, Table, Told};
use super::names::{MONTHS, error, month, status, thing, when};
use super::{Both, say};
use crate::policy::Lang;

/// A part of a report.
pub(in crate::report) struct Section {
    /// For links to it, and the name of its table in what programs read.
    pub(in crate::report) id: &'static str,
    pub(in crate::report) title: Both,
    /// What it says, in a sentence or two.
    pub(in crate::report) about: Both,
    /// What its rows are, and what is counted of them.
    pub(in crate::report) heads: [Both; 2],
    pub(in crate::report) table: fn(&Told) -> &Table,
    pub(in crate::report) look: Look,
}

/// How a part looks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum Look {
    /// Columns side by side, in the order of time.
    Columns,
    /// Bars below each other, the longest first.
    Bars,
    /// Links, and the pages that hold them.
    Links,
    /// Two times for each page.
    Times,
}

const VIEWS: Both = ["Odsłony", "Views"];
const REQUESTS: Both = ["Zapytania", "Requests"];
const PAGE: Both = ["Strona", "Page"];

/// Every part, in the order of a report.
pub(in crate::report) const SECTIONS: [Section; 14] = [
    Section {
        id: "days",
        title: ["Dzień po dniu", "Day by day"],
        about: [
            "Ile stron obejrzano każdego dnia.",
            "How many pages were seen on each day.",
        ],
        heads: [["Dzień", "Day"], VIEWS],
        table: |told| &told.days,
        look: Look::Columns,
    },
    Section {
        id: "pages",
        title: ["Najczęściej oglądane strony", "Most visited pages"],
        about: [
            "Adresy bez tego, co stoi po znaku zapytania. Gwiazdka zastępuje części adresu, które mogłyby kogoś \
             wskazywać, oraz strony, które osobno oglądało zbyt mało osób.",
            "Addresses without what follows the question mark. A star stands for parts that could point at somebody, and \
             for pages that too few people have seen.",
        ],
        heads: [PAGE, VIEWS],
        table: |told| &told.pages,
        look: Look::Bars,
    },
    Section {
        id: "entries",
        title: ["Od czego zaczynają się wizyty", "Where visits begin"],
        about: [
            "Strony, które ktoś obejrzał jako pierwsze w czasie wizyty.",
            "The pages that were the first ones of a visit.",
        ],
        heads: [PAGE, ["Wizyty", "Visits"]],
        table: |told| &told.entries,
        look: Look::Bars,
    },
    Section {
        id: "files",
        title: ["Najczęściej pobierane pliki", "Most fetched files"],
        about: [
            "Formularze, dokumenty i inne pliki do pobrania.",
            "Forms, documents and other files to take along.",
        ],
        heads: [["Plik", "File"], ["Pobrania", "Fetched"]],
        table: |told| &told.files,
        look: Look::Bars,
    },
    Section {
        id: "sites",
        title: ["Skąd przychodzą odwiedzający", "Where visitors come from"],
        about: [
            "Serwisy, z których odnośnik prowadził tutaj.",
            "Sites from which a link led here.",
        ],
        heads: [["Serwis", "Site"], VIEWS],
        table: |told| &told.sites,
        look: Look::Bars,
    },
    Section {
        id: "browsers",
        title: ["Przeglądarki", "Browsers"],
        about: [
            "Rodzaj przeglądarki, bez wersji i bez urządzenia.",
            "The kind of browser, without version and device.",
        ],
        heads: [["Przeglądarka", "Browser"], VIEWS],
        table: |told| &told.browsers,
        look: Look::Bars,
    },
    Section {
        id: "systems",
        title: ["Systemy", "Systems"],
        about: [
            "System, w którym działała przeglądarka.",
            "The system on which the browser ran.",
        ],
        heads: [["System", "System"], VIEWS],
        table: |told| &told.systems,
        look: Look::Bars,
    },
    Section {
        id: "hours",
        title: ["Pory dnia", "Hours of the day"],
        about: [
            "Godziny czasu uniwersalnego (UTC). W Polsce jest o godzinę później, a latem o dwie.",
            "Hours of universal time (UTC). In Poland it is an hour later, in summer two.",
        ],
        heads: [["Godzina (UTC)", "Hour (UTC)"], VIEWS],
        table: |told| &told.hours,
        look: Look::Columns,
    },
    Section {
        id: "weekdays",
        title: ["Dni tygodnia", "Days of the week"],
        about: [
            "Ile stron obejrzano w poszczególne dni tygodnia.",
            "How many pages were seen on each day of the week.",
        ],
        heads: [["Dzień", "Day"], VIEWS],
        table: |told| &told.weekdays,
        look: Look::Columns,
    },
    Section {
        id: "things",
        title: ["O co proszą przeglądarki", "What browsers ask for"],
        about: [
            "Wszystkie zapytania oprócz zapytań robotów: strony, pliki i to, z czego strony się składają.",
            "All requests but those of robots: pages, files, and what pages are made of.",
        ],
        heads: [["Rodzaj", "Kind"], REQUESTS],
        table: |told| &told.things,
        look: Look::Bars,
    },
    Section {
        id: "statuses",
        title: ["Odpowiedzi serwera", "Answers of the server"],
        about: [
            "Kod, którym serwer odpowiedział (HTTP).",
            "The code with which the server answered (HTTP).",
        ],
        heads: [["Kod", "Code"], REQUESTS],
        table: |told| &told.statuses,
        look: Look::Bars,
    },
    Section {
        id: "errors",
        title: ["Błędy", "Errors"],
        about: [
            "Zapytania, na które nie udało się w całości odpowiedzieć, według przyczyny.",
            "Requests that could not be answered, or not in full, by the reason.",
        ],
        heads: [["Przyczyna", "Reason"], REQUESTS],
        table: |told| &told.errors,
        look: Look::Bars,
    },
    Section {
        id: "slow",
        title: ["Najwolniejsze strony", "Slowest pages"],
        about: [
            "Ile czasu minęło od nadejścia zapytania do wysłania całej odpowiedzi: w połowie przypadków najwyżej tyle, i \
             w 95 przypadkach na 100 najwyżej tyle.",
            "How long it took from the arrival of the request until all of the answer was sent: in half of the cases at \
             most, and in 95 of 100 at most.",
        ],
        heads: [PAGE, ["95 na 100", "95 of 100"]],
        table: |told| &told.slow,
        look: Look::Times,
    },
    Section {
        id: "broken",
        title: ["Odnośniki, które donikąd nie prowadzą", "Links that lead nowhere"],
        about: [
            "Strony tego serwisu, na których jest odnośnik do czegoś, czego nie ma. Dokąd prowadzi, podajemy tylko \
             wtedy, gdy była tam strona; inaczej podajemy folder.",
            "Pages of this site that hold a link to something that is not there. Where it leads is told only where there \
             was a page; otherwise its folder is.",
        ],
        heads: [["Odnośnik prowadzi do", "The link leads to"], ["Razy", "Times"]],
        table: |told| &told.broken,
        look: Look::Links,
    },
];

impl Section {
    pub(in crate::report) fn title(&self, told: &Told, lang: Lang) -> &'static str {
        if self.id == "days" && is_by_month(told) {
            return say(lang, ["Miesiąc po miesiącu", "Month by month"]);
        }
        say(lang, self.title)
    }

    pub(in crate::report) fn about(&self, told: &Told, lang: Lang) -> &'static str {
        if self.id == "days" && is_by_month(told) {
            return say(
                lang,
                [
                    "Ile stron obejrzano każdego miesiąca.",
                    "How many pages were seen in each month.",
                ],
            );
        }
        say(lang, self.about)
    }

    /// What is said where there is nothing to see.
    pub(in crate::report) fn nothing(&self, table: &Table, lang: Lang) -> &'static str {
        match table {
            Table::NotKept => say(
                lang,
                [
                    "Polityka prywatności nie pozwala zapisywać tego, co trzeba by policzyć.",
                    "The privacy policy does not let us record what would have to be counted.",
                ],
            ),
            _ => say(
                lang,
                [
                    "Za mało odwiedzających, aby cokolwiek pokazać.",
                    "Too few visitors to show anything.",
                ],
            ),
        }
    }

    /// What a row is called.
    pub(in crate::report) fn name(&self, row: &Row, lang: Lang) -> String {
        const WEEKDAYS: [Both; 7] = [
            ["poniedziałek", "Monday"],
            ["wtorek", "Tuesday"],
            ["środa", "Wednesday"],
            ["czwartek", "Thursday"],
            ["piątek", "Friday"],
            ["sobota", "Saturday"],
            ["niedziela", "Sunday"],
        ];
        let known = match self.id {
            _ if row.name.is_empty() => return say(lang, ["pozostałe razem", "all others"]).to_owned(),
            "days" => return when(&row.name, lang),
            "hours" => return format!("{0:0>2}:00–{0:0>2}:59", row.name),
            "weekdays" => {
                let place = row.name.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
                place.and_then(|place| WEEKDAYS.get(place)).copied()
            }
            "things" => thing(&row.name),
            "statuses" => return [row.name.as_str(), status(&row.name).map_or("", |both| say(lang, both))].join(" "),
            "errors" => error(&row.name),
            "pages" | "entries" | "slow" if row.name == "/" => Some(["/ (strona główna)", "/ (the first page)"]),
            _ => None,
        };
        known.map_or_else(|| row.name.clone(), |both| say(lang, both).to_owned())
    }

    /// The same, short enough for the foot of a column.
    pub(in crate::report) fn mark(&self, row: &Row, lang: Lang) -> String {
        match self.id {
            "hours" => row.name.clone(),
            "weekdays" => self
                .name(row, lang)
                .chars()
                .take(if lang == Lang::Pl { 2 } else { 3 })
                .collect(),
            "days" => match row.name.get(8..10) {
                Some(day) => day.trim_start_matches('0').to_owned(),
                None => month(&row.name)
                    .map_or_else(String::new, |month| say(lang, MONTHS[month]).chars().take(3).collect()),
            },
            _ => row.name.clone(),
        }
    }

    /// Whether its rows are addresses of the site, which are read letter by letter.
    pub(in crate::report) fn is_of_paths(&self) -> bool {
        matches!(self.id, "pages" | "entries" | "files" | "broken" | "slow")
    }
}

fn is_by_month(told: &Told) -> bool {
    told.period.parts().len() > 1
}
