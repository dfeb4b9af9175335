//! What the custodian states about a bundle, in Polish and in English: a text to be read, signed and answered for.

use jiff::Timestamp;

use super::gaps::Gaps;
use super::question::{Question, Read};
use super::register::Order;
use crate::policy::{Lang, Policy};

/// What is told.
pub(crate) struct Statement<'a> {
    pub(crate) id: &'a str,
    pub(crate) made: Timestamp,
    pub(crate) order: &'a Order,
    pub(crate) requested_by: Option<&'a str>,
    pub(crate) policy: &'a Policy,
    pub(crate) origin: &'a str,
    pub(crate) question: &'a Question<'a>,
    pub(crate) read: &'a Read,
    pub(crate) gaps: &'a Gaps,
    /// Records that are in the bundle; and those that are asked for and not signed yet.
    pub(crate) disclosed: u64,
    pub(crate) unsigned: u64,
}

impl Statement<'_> {
    pub(crate) fn text(&self, lang: Lang) -> String {
        let Self {
            id,
            made,
            order,
            policy,
            origin,
            question,
            read,
            disclosed,
            ..
        } = self;
        let Order {
            case,
            authority,
            basis,
            by,
            ..
        } = order;
        let Question { from, to, .. } = question;
        let (office, address) = (&policy.controller.name, &policy.controller.address);
        let version = env!("CARGO_PKG_VERSION");
        let scanned = read.access.scanned + read.arrivals.scanned;
        let matched = read.access.matched + read.arrivals.matched;
        let (crashes, without, missing) = (self.gaps.crashes, read.arrivals.of_that_time, read.missing.len());
        let requested = match (self.requested_by, lang) {
            (Some(other), Lang::Pl) => {
                format!("- Wniosek w urzędzie złożył(a): {other}, a udostępnienie zatwierdził(a): {by}\n")
            }
            (Some(other), Lang::En) => format!("- Requested at the office by: {other}, and approved by: {by}\n"),
            (None, Lang::Pl) => format!("- W urzędzie udostępnił(a): {by}\n"),
            (None, Lang::En) => format!("- Disclosed at the office by: {by}\n"),
        };
        let addresses = self.addresses(lang);
        let unsigned = match (self.unsigned, lang) {
            (0, _) => String::new(),
            (unsigned, Lang::Pl) => format!(
                "Pasujących zapisów, które w chwili udostępnienia nie były jeszcze podpisane i dlatego nie są dołączone: \
                 {unsigned}.\n\n"
            ),
            (unsigned, Lang::En) => format!(
                "Matching records that were not signed yet at the time of the disclosure, and so are not included: \
                 {unsigned}.\n\n"
            ),
        };
        match lang {
            Lang::Pl => format!(
                "# Oświadczenie o zapisach serwisu {origin}\n\n\
                 - Udostępnienie: {id}\n- Sprawa: {case}\n- Organ: {authority}\n- Podstawa prawna: {basis}\n{requested}\
                 - Administrator danych: {office}, {address}\n- Data: {made:.0} (UTC)\n\n\
                 ## Skąd pochodzą zapisy\n\n\
                 Przed serwisem stoi program townclerk {version}. Przez niego przechodzi każde żądanie, które dociera \
                 do serwisu. Program sam zapisuje o żądaniu to, co przewiduje polityka prywatności urzędu, i nic \
                 więcej. Pliki z politykami, które obowiązywały w tym czasie, są w folderze `policies`. Zapisy \
                 powstają na bieżąco, w zwykłym toku pracy serwisu. Później nikt ich nie poprawia ani nie \
                 uzupełnia.\n\n\
                 Czas pochodzi z zegara serwera i jest podany w UTC. Program nie sprawdza, czy zegar chodzi dobrze. \
                 Kolejność zapisów nie zależy od zegara.\n\n\
                 ## Czego szukano\n\n\
                 Szukano żądań, które nadeszły od {from} do {to} (bez tej ostatniej chwili). Pozostałe warunki są w \
                 pliku `query.json`. Przejrzano zapisów: {scanned}. Warunki spełniło: {matched}. Dołączono żądań: \
                 {disclosed}.\n\n\
                 {addresses}{unsigned}\
                 Zapisy są dołączone bez zmian, bajt po bajcie. To, co polityka prywatności każe usuwać z adresów \
                 stron albo skracać, zostało usunięte lub skrócone już wtedy, gdy zapis powstawał. Nie da się tego \
                 odtworzyć.\n\n\
                 ## Czego może brakować\n\n\
                 Wyłączenia, przerwy i usunięcia, o których wie program, wymienia plik `gaps.json`. Tyle razy w tym \
                 czasie program uruchamiał się po nagłym zatrzymaniu: {crashes}. Żądań bez pełnego zapisu: {without}. \
                 Miejsc, w których brakuje zapisów: {missing}.\n\n\
                 Program nie zapisuje tego, co ominęło serwer, na którym działa. Nie wie też, kto siedział przy \
                 komputerze o danym adresie IP.\n\n\
                 ## Jak to sprawdzić\n\n\
                 Każdy zapis ma dowód, że należy do dziennika podpisanego kluczem urzędu. Sprawdzenie opisuje plik \
                 `VERIFY.md`; nie wymaga ono zaufania do urzędu poza jednym: klucz publiczny trzeba porównać z tym, \
                 który urząd podał wcześniej. Dowody pokazują, że dołączone zapisy są prawdziwe i że nic w nich nie \
                 zmieniono. Nie pokazują, że żaden inny zapis nie spełnia warunków: o tym zapewnia urząd tym \
                 oświadczeniem.\n\n\
                 Imię, nazwisko, stanowisko: ………………………………………………\n\nData i podpis: ………………………………………………\n"
            ),
            Lang::En => format!(
                "# Statement about the records of the site {origin}\n\n\
                 - Disclosure: {id}\n- Case: {case}\n- Authority: {authority}\n- Legal basis: {basis}\n{requested}\
                 - Controller of the data: {office}, {address}\n- Date: {made:.0} (UTC)\n\n\
                 ## Where the records come from\n\n\
                 The program townclerk {version} stands before the site. Every request that reaches the site passes \
                 through it. The program itself records of a request what the office's privacy policy says, and \
                 nothing else. The policies that were in force at that time are in the folder `policies`. Records are \
                 made at once, in the ordinary course of the site's work. Nobody corrects or completes them later.\n\n\
                 The time is that of the server's clock, in UTC. The program does not find out whether the clock is \
                 right. The order of the records does not depend on the clock.\n\n\
                 ## What was looked for\n\n\
                 Requests that arrived from {from} to {to} (without that last moment). All other conditions are in \
                 the file `query.json`. Records read: {scanned}. Matching: {matched}. Requests included: \
                 {disclosed}.\n\n\
                 {addresses}{unsigned}\
                 The records are included unchanged, byte for byte. What the privacy policy takes out of page \
                 addresses, or shortens, was taken out or shortened when the record was made. It cannot be brought \
                 back.\n\n\
                 ## What may be missing\n\n\
                 The file `gaps.json` lists the stops, gaps and removals that the program knows of. So many times \
                 during that time it started after a sudden end: {crashes}. Requests without a full record: \
                 {without}. Places where records are missing: {missing}.\n\n\
                 The program does not record what went past the server on which it runs. Nor does it know who sat at \
                 the computer with a certain IP address.\n\n\
                 ## How to verify it\n\n\
                 Every record has a proof that it belongs to the log that was signed with the office's key. The file \
                 `VERIFY.md` says how to verify that. It takes no trust in the office but in one thing: the public \
                 key must be compared with the one that the office gave earlier. The proofs show that the included \
                 records are genuine and unchanged. They do not show that no other record matches: this is what the \
                 office vouches for with this statement.\n\n\
                 Name and position: ………………………………………………\n\nDate and signature: ………………………………………………\n"
            ),
        }
    }

    /// What became of what the log of addresses holds, if there is one.
    fn addresses(&self, lang: Lang) -> &'static str {
        if self.policy.addresses.is_none() {
            return "";
        }
        match (self.question.addresses, lang) {
            (true, Lang::Pl) => {
                "Dane, po których można rozpoznać osobę odwiedzającą, są w osobnym dzienniku `addresses`. Dołączono z niego \
                 tylko zapisy należące do udostępnionych żądań.\n\n"
            }
            (true, Lang::En) => {
                "What may tell who a visitor was stands in a log of its own, `addresses`. Of that log only the records that \
                 belong to the disclosed requests are included.\n\n"
            }
            (false, Lang::Pl) => {
                "Dane, po których można rozpoznać osobę odwiedzającą, są w osobnym dzienniku `addresses`. Nie żądano ich, więc \
                 nie zostały dołączone.\n\n"
            }
            (false, Lang::En) => {
                "What may tell who a visitor was stands in a log of its own, `addresses`. It was not asked for, and so it is \
                 not included.\n\n"
            }
        }
    }
}
