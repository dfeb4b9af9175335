//! What statistics are called and how they are explained, in Polish and English.

use jiff::civil::Date;

use super::anonymity::{MeasuredBy, Row, Table, Told};
use super::{Kind, Period};
use crate::policy::Lang;

/// Polish, English.
pub(super) type Both = [&'static str; 2];

pub(super) fn say(lang: Lang, [pl, en]: Both) -> &'static str {
    match lang {
        Lang::Pl => pl,
        Lang::En => en,
    }
}

/// A part of a report.
pub(super) struct Section {
    /// For links to it, and the name of its table in what programs read.
    pub(super) id: &'static str,
    pub(super) title: Both,
    /// What it says, in a sentence or two.
    pub(super) about: Both,
    /// What its rows are, and what is counted of them.
    pub(super) heads: [Both; 2],
    pub(super) table: fn(&Told) -> &Table,
    pub(super) look: Look,
}

/// How a part looks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
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
pub(super) const SECTIONS: [Section; 14] = [
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
    pub(super) fn title(&self, told: &Told, lang: Lang) -> &'static str {
        if self.id == "days" && is_by_month(told) {
            return say(lang, ["Miesiąc po miesiącu", "Month by month"]);
        }
        say(lang, self.title)
    }

    pub(super) fn about(&self, told: &Told, lang: Lang) -> &'static str {
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
    pub(super) fn nothing(&self, table: &Table, lang: Lang) -> &'static str {
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
    pub(super) fn name(&self, row: &Row, lang: Lang) -> String {
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
    pub(super) fn mark(&self, row: &Row, lang: Lang) -> String {
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
    pub(super) fn is_of_paths(&self) -> bool {
        matches!(self.id, "pages" | "entries" | "files" | "broken" | "slow")
    }
}

fn is_by_month(told: &Told) -> bool {
    told.period.parts().len() > 1
}

fn thing(name: &str) -> Option<Both> {
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

fn status(code: &str) -> Option<Both> {
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

fn error(name: &str) -> Option<Both> {
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

const MONTHS: [Both; 12] = [
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
fn month(name: &str) -> Option<usize> {
    let month = name.get(5..7)?.parse::<usize>().ok()?;
    (1..=12).contains(&month).then(|| month - 1)
}

/// A day or a month by its name.
fn when(name: &str, lang: Lang) -> String {
    match (name.parse::<Date>(), month(name)) {
        (Ok(date), _) => day(date, lang),
        (_, Some(month)) => format!("{} {}", say(lang, MONTHS[month]), name.get(..4).unwrap_or_default()),
        _ => name.to_owned(),
    }
}

/// A day as people write it.
pub(super) fn day(date: Date, lang: Lang) -> String {
    crate::policy::statement::day(date, lang)
}

/// What a period is called.
pub(super) fn period(period: Period, lang: Lang) -> String {
    let (first, last) = (period.first(), period.last());
    match period.kind() {
        Kind::Year => match lang {
            Lang::Pl => format!("rok {}", first.year()),
            Lang::En => format!("the year {}", first.year()),
        },
        Kind::Month => when(&period.to_string(), lang),
        Kind::Week | Kind::Days if first == last => day(first, lang),
        Kind::Week | Kind::Days => format!("{} – {}", day(first, lang), day(last, lang)),
    }
}

/// How the numbers were made, for whoever reads them.
pub(super) fn method(told: &Told, lang: Lang) -> Vec<String> {
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

/// A number with its thousands apart.
pub(super) fn number(number: u64, lang: Lang) -> String {
    let digits = number.to_string();
    if lang == Lang::Pl && digits.len() == 4 {
        return digits;
    }
    let between = if lang == Lang::Pl { '\u{a0}' } else { ',' };
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(between);
        }
        text.push(digit);
    }
    text
}

/// A size that people can take in.
pub(super) fn size(bytes: u64, lang: Lang) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let (mut size, mut unit) = (bytes as f64, 0);
    while size >= 1_000.0 && unit + 1 < UNITS.len() {
        size /= 1_000.0;
        unit += 1;
    }
    let text = if size < 10.0 && unit > 0 {
        format!("{size:.1}")
    } else {
        format!("{size:.0}")
    };
    format!("{}\u{a0}{}", decimal(&text, lang), UNITS[unit])
}

/// A time that people can take in.
pub(super) fn time(milliseconds: u64, lang: Lang) -> String {
    match milliseconds {
        0..1_000 => format!("{milliseconds}\u{a0}ms"),
        1_000..100_000 => format!(
            "{}\u{a0}s",
            decimal(&format!("{:.1}", milliseconds as f64 / 1_000.0), lang)
        ),
        _ => format!("{}\u{a0}s", number(milliseconds / 1_000, lang)),
    }
}

/// A part of a whole, in per cent.
pub(super) fn share(part: u64, whole: u64, lang: Lang) -> String {
    let percent = part as f64 * 100.0 / whole.max(1) as f64;
    let text = if percent < 9.95 {
        format!("{percent:.1}")
    } else {
        format!("{percent:.0}")
    };
    let space = if lang == Lang::Pl { "\u{a0}" } else { "" };
    format!("{}{space}%", decimal(&text, lang))
}

/// How much it changed, in per cent.
pub(super) fn change(now: u64, before: u64, lang: Lang) -> Option<String> {
    (before > 0).then(|| {
        let percent = (now as f64 / before as f64 - 1.0) * 100.0;
        let sign = if percent >= 0.5 {
            "+"
        } else if percent <= -0.5 {
            "−"
        } else {
            "±"
        };
        let space = if lang == Lang::Pl { "\u{a0}" } else { "" };
        format!("{sign}{}{space}%", number(percent.abs().round() as u64, lang))
    })
}

fn decimal(text: &str, lang: Lang) -> String {
    if lang == Lang::Pl {
        text.replace('.', ",")
    } else {
        text.to_owned()
    }
}
