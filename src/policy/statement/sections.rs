//! What a statement says, part by part. Nothing is said that is not enforced, declared by the office, or law.

mod third_parties;

use super::{Block, Cell, Link, Publication, Section, Table, address};
use crate::policy::told::{smallest_group_sentence, two_people_sentence};
use crate::policy::{
    AddressRule, Allowed, Ends, Field, FirstPage, Lang, LegalBasis, Mode, NamePattern, Policy, Retention, Text,
    Unlisted,
};

pub(super) fn of(policy: &Policy, publication: &Publication<'_>, lang: Lang) -> Vec<Section> {
    let writer = Writer {
        policy,
        publication,
        lang,
    };
    vec![
        writer.controller(),
        writer.purpose(),
        writer.kept(),
        writer.not_kept(),
        writer.retention(),
        writer.access(),
        writer.third_parties(),
        writer.cookies(),
        writer.statistics(),
        writer.links(),
        writer.correspondence(),
        writer.rights(),
        writer.versions(),
    ]
}

struct Writer<'a> {
    policy: &'a Policy,
    publication: &'a Publication<'a>,
    lang: Lang,
}

impl Writer<'_> {
    fn say<'t>(&self, pl: &'t str, en: &'t str) -> &'t str {
        match self.lang {
            Lang::Pl => pl,
            Lang::En => en,
        }
    }

    fn says(&self, pl: &str, en: &str) -> Block {
        Block::Says(self.say(pl, en).to_owned())
    }

    fn explains(&self, pl: &str, en: &str) -> Block {
        Block::Explains(self.say(pl, en).to_owned())
    }

    fn section(&self, id: &'static str, pl: &'static str, en: &'static str, blocks: Vec<Block>) -> Section {
        Section {
            id,
            title: self.say(pl, en),
            blocks,
        }
    }

    fn keeps(&self, field: Field) -> bool {
        self.policy.kept().any(|kept| kept.field == field)
    }

    fn hosts(&self) -> String {
        self.publication.hosts.join(", ")
    }

    fn controller(&self) -> Section {
        let controller = &self.policy.controller;
        let is_mail = controller.contact.contains('@') && !controller.contact.contains([' ', ':', '?', '/']);
        let contact = match is_mail {
            true => Cell::Link(Link {
                to: format!("mailto:{}", controller.contact),
                text: controller.contact.clone(),
            }),
            false => Cell::Plain(controller.contact.clone()),
        };
        let facts = vec![
            (
                self.say("Administrator danych", "Data controller"),
                Cell::Plain(controller.name.clone()),
            ),
            (self.say("Adres", "Address"), Cell::Plain(controller.address.clone())),
            (self.say("Kontakt w sprawach danych", "Contact about data"), contact),
            (self.say("Serwis", "Site"), Cell::Plain(self.hosts())),
            (self.say("Wersja", "Version"), Cell::Plain(self.policy.version.clone())),
            (
                self.say("Obowiązuje od", "In force from"),
                Cell::Date(self.policy.effective),
            ),
        ];
        self.section(
            "controller",
            "Kto odpowiada za dane",
            "Who answers for the data",
            vec![Block::Facts(facts)],
        )
    }

    fn purpose(&self) -> Section {
        let mut blocks = vec![Block::Declares(self.policy.access.purpose.get(self.lang).to_owned())];
        if let Some(addresses) = &self.policy.addresses {
            blocks.push(Block::Declares(addresses.purpose.get(self.lang).to_owned()));
        }
        if let Some(basis) = &self.policy.legal_basis {
            blocks.push(Block::Declares(basis.sentence(self.lang)));
        }
        blocks.push(self.explains(
            "Dane, o których tu mowa, przeglądarka przesyła sama przy każdym zapytaniu. Nikt nie musi ich podawać \
             osobno, ale bez adresu IP serwer nie mógłby odesłać odpowiedzi.",
            "The data meant here is sent by the browser itself with every request. Nobody has to give it separately, \
             but without an IP address the server could not send an answer.",
        ));
        self.section("purpose", "Po co zapisujemy dane", "Why data is recorded", blocks)
    }

    fn kept(&self) -> Section {
        let policy = self.policy;
        let mut blocks = vec![
            self.says(
                "Serwer prowadzi dziennik zapytań HTTP, czyli tego, o co proszą przeglądarki. O każdym zapytaniu \
                 zapisuje tylko to:",
                "The server keeps a journal of HTTP requests, that is, of what browsers ask for. Of each request it \
                 records this and nothing else:",
            ),
            Block::List(policy.kept().map(|kept| kept.sentence(self.lang)).collect()),
        ];
        let urls = [Field::Url, Field::ExternalReferrer, Field::InternalReferrer];
        if urls.into_iter().any(|field| self.keeps(field)) {
            let parts = policy.access.redact.parts();
            if parts.is_empty() {
                blocks.push(self.says(
                    "Adresy URL zapisujemy w całości, razem z tym, co się w nich znajdzie.",
                    "URLs are recorded whole, with whatever they hold.",
                ));
            } else {
                blocks.push(self.says(
                    "Zanim zapiszemy adres URL, usuwamy z niego:",
                    "Before a URL is recorded, we take out of it:",
                ));
                let parts = parts.iter().map(|(_, text)| text.get(self.lang).to_owned());
                blocks.push(Block::Ends(parts.collect()));
            }
        }
        if self.keeps(Field::Url) && !policy.access.redact.query_values {
            blocks.push(self.explains(
                "Wyszukiwarka w serwisie zwykle dopisuje szukane słowa do adresu URL. Stają się one wtedy częścią \
                 zapisanego adresu.",
                "A search on the site usually adds the words to the URL. They are then part of the URL that is recorded.",
            ));
        }
        if self.keeps(Field::ClientHost) {
            blocks.push(self.says(
                "Aby ustalić nazwę hosta, pytamy o adres IP serwer nazw (DNS).",
                "To find out the host name, we ask a name server (DNS) about the IP address.",
            ));
        }
        self.section("kept", "Co zapisujemy", "What is recorded", blocks)
    }

    fn not_kept(&self) -> Section {
        let mut not = vec![
            self.say(
                "treści zapytań: tego, co ktoś wysyła formularzem metodą POST albo przesyła jako plik,",
                "the content of requests: what somebody sends with a form by POST, or uploads as a file,",
            ),
            self.say("haseł uwierzytelniania HTTP,", "passwords of HTTP authentication,"),
            self.say("wartości ciasteczek.", "the values of cookies."),
        ];
        if !self.keeps(Field::ClientAddress) {
            not.insert(0, self.say("adresów IP,", "IP addresses,"));
        }
        let mut blocks = vec![
            self.says("Dziennik nigdy nie zawiera:", "The journal never holds:"),
            Block::Ends(not.into_iter().map(str::to_owned).collect()),
        ];
        blocks.push(if self.keeps(Field::AuthUser) {
            self.says(
                "Program nie nadaje odwiedzającym żadnych identyfikatorów. O tym, kto wysłał zapytanie, mówi w zapisie \
                 tylko nazwa użytkownika podana przy uwierzytelnianiu HTTP.",
                "The program gives visitors no identifiers. Only the user name given in HTTP authentication says in a \
                 record who sent the request.",
            )
        } else {
            self.says(
                "Program nie nadaje odwiedzającym żadnych identyfikatorów i nie dopisuje do zapytań, kto je wysłał: \
                 zapisów nie łączy z osobami.",
                "The program gives visitors no identifiers, and does not add to a request who sent it: records are not \
                 linked to persons.",
            )
        });
        if self.policy.access.fields.client_address == AddressRule::Whole {
            blocks.push(self.explains(
                "Pełny adres IP może jednak prowadzić do osoby. Dlatego traktujemy go jak dane osobowe.",
                "A whole IP address can lead to a person all the same. So we treat it as personal data.",
            ));
        }
        self.section("not-kept", "Czego nie zapisujemy", "What is not recorded", blocks)
    }

    fn retention(&self) -> Section {
        let retention = self.policy.access.retention;
        let mut blocks = vec![Block::Says(retention.sentence(self.lang))];
        let addresses = self.policy.addresses.as_ref();
        blocks.extend(addresses.map(|addresses| Block::Says(addresses.sentence(self.lang))));
        if matches!(retention, Retention::Days(_)) || addresses.is_some() {
            blocks.push(self.says(
                "Starsze zapisy program usuwa sam. Jest jeden wyjątek: zapisy z okresu, którego dotyczy konkretna \
                 sprawa, administrator może zatrzymać, dopóki są w niej potrzebne. Zatrzymanie i każde usunięcie są \
                 odnotowywane.",
                "The program removes older records by itself. There is one exception: records of a time that a case is \
                 about can be held for as long as the case needs them. Every hold and every removal is noted down.",
            ));
        }
        self.section(
            "retention",
            "Jak długo przechowujemy zapisy",
            "How long records are kept",
            blocks,
        )
    }

    fn access(&self) -> Section {
        let mut blocks = vec![
            self.says(
                "Pliki dziennika może odczytać tylko administrator serwera: są zamknięte dla wszystkich innych \
                 użytkowników systemu.",
                "Only the administrator of the server can read the journal's files: they are closed to all other users \
                 of the system.",
            ),
            self.says(
                "Program sam nie przekazuje zapisów nikomu i nie wysyła ich żadnej stronie trzeciej.",
                "The program by itself passes records on to nobody, and sends them to no third party.",
            ),
        ];
        if let Some(disclosure) = &self.policy.disclosure {
            blocks.push(Block::Declares(disclosure.get(self.lang).to_owned()));
        }
        blocks.push(self.says(
            "Gdy administrator udostępnia zapisy za pomocą programu, program najpierw wpisuje to do rejestru: komu, na \
             jakiej podstawie i ile zapisów. Tak samo wpisuje odmowy. Rejestru nie można niepostrzeżenie zmienić. \
             Nie ma w nim niczego o osobach, które nas odwiedziły.",
            "When the administrator discloses records by means of the program, the program first enters it in a register: \
             to whom, on what basis and how many records. It enters refusals too. The register cannot be changed \
             without a trace. It holds nothing about those who visited us.",
        ));
        if self.policy.two_people {
            blocks.push(Block::Says(two_people_sentence(self.lang)));
        }
        self.section(
            "access",
            "Kto ma dostęp do zapisów",
            "Who has access to the records",
            blocks,
        )
    }

    fn cookies(&self) -> Section {
        let cookies = &self.policy.cookies;
        let enforced = cookies.mode == Mode::Enforce;
        let mut blocks = vec![self.explains(
            "Ciasteczko to krótki tekst, który serwis zapisuje w przeglądarce, a ona odsyła go przy następnych \
             zapytaniach.",
            "A cookie is a short text that a site puts into the browser, and that the browser sends back with later \
             requests.",
        )];
        let ends = |ends: &Ends| Cell::Says(cookies.ends_sentence(ends, self.lang));
        let purpose = |purpose: &Text| Cell::Plain(purpose.get(self.lang).to_owned());
        let listed = cookies.allowed.iter().map(|cookie| {
            let Allowed {
                name,
                purpose: why,
                ends: when,
            } = cookie;
            vec![Cell::Code(name.to_string()), purpose(why), ends(when)]
        });
        let mark = cookies.first_page.iter().map(|mark| {
            let FirstPage { name, purpose: why } = mark;
            vec![Cell::Code(name.clone()), purpose(why), ends(&Ends::default())]
        });
        let rows: Vec<_> = listed.chain(mark).collect();
        if rows.is_empty() {
            blocks.push(self.says(
                "Polityka nie przewiduje żadnych ciasteczek.",
                "The policy provides for no cookies.",
            ));
        } else {
            blocks.push(Block::Table(Table {
                caption: self.say("Ciasteczka, których używa serwis", "Cookies that the site uses"),
                heads: vec![
                    self.say("Nazwa", "Name"),
                    self.say("Co pamięta", "What it remembers"),
                    self.say("Kiedy wygasa", "When it ends"),
                ],
                rows,
            }));
        }
        let named = |is: fn(&NamePattern) -> bool| cookies.allowed.iter().any(|cookie| is(&cookie.name));
        if named(|name| matches!(name, NamePattern::Prefix(_))) {
            blocks.push(self.explains(
                "Gwiazdka na końcu nazwy zastępuje dowolne znaki.",
                "The star at the end of a name stands for any characters.",
            ));
        }
        if named(|name| matches!(name, NamePattern::Hex32(_))) {
            blocks.push(self.explains(
                "Znak <hex32> na końcu nazwy zastępuje 32 cyfry szesnastkowe.",
                "The sign <hex32> at the end of a name stands for 32 hexadecimal digits.",
            ));
        }
        blocks.extend(
            cookies
                .rules()
                .into_iter()
                .map(|(_, text)| Block::Says(text.get(self.lang).to_owned())),
        );
        if enforced {
            blocks.extend(self.session());
            if cookies.unlisted == Unlisted::Strip {
                blocks.push(self.explains(
                    "Ciasteczka, które w przeglądarce zapisze skrypt działający na stronie, mogą w niej pozostać dłużej.",
                    "Cookies that a script on a page puts into the browser may stay there for longer.",
                ));
            }
        }
        blocks.push(self.says(
            "Wartości ciasteczek nie trafiają do dziennika, więc nie da się z niego za ich pomocą odczytać, co kto \
             oglądał. Liczymy tylko nazwy ciasteczek, bez związku z odwiedzającymi.",
            "The values of cookies never reach the journal, so they cannot be used to read out of it who looked at \
             what. We only count the names of cookies, apart from any visitor.",
        ));
        self.section("cookies", "Ciasteczka (cookies)", "Cookies", blocks)
    }

    /// When the session ends, and no more than that.
    fn session(&self) -> [Block; 2] {
        let cookies = &self.policy.cookies;
        let all_end = cookies.first_page.is_none()
            && cookies.unlisted == Unlisted::Strip
            && cookies.allowed.iter().all(|cookie| cookie.ends.are_enforced());
        let who_decides = if all_end {
            self.explains(
                "Przeglądarka, która przy następnym uruchomieniu przywraca okna i karty, potrafi przechować ciasteczka \
                 dłużej. Tych, które już wygasły, serwer od niej nie przyjmie.",
                "A browser that restores its windows and tabs at the next start may keep cookies for longer. Those that \
                 have ended the server does not take from it.",
            )
        } else {
            self.explains(
                "Kiedy sesja się kończy, decyduje przeglądarka: zwykle po jej zamknięciu, ale taka, która przy \
                 następnym uruchomieniu przywraca okna i karty, potrafi zachować ciasteczka na tygodnie. Aby mieć \
                 pewność, proszę się wylogować i usunąć ciasteczka w ustawieniach przeglądarki.",
                "When a session ends is for the browser to decide: usually when it is closed, but one that restores its \
                 windows and tabs at the next start may keep cookies for weeks. To be sure, log out, and delete \
                 cookies in the settings of the browser.",
            )
        };
        let term = self.says(
            "Serwer usuwa z każdego ciasteczka termin ważności, dlatego przeglądarka ma je przechowywać tylko do końca \
             sesji.",
            "The server takes the term out of every cookie, so that the browser is to keep it until the end of the \
             session only.",
        );
        [term, who_decides]
    }

    fn statistics(&self) -> Section {
        let blocks = vec![
            self.explains(
                "Z zapisów można sporządzać zestawienia, na przykład najczęściej odwiedzanych stron, używanych \
                 przeglądarek albo błędów w serwisie.",
                "Records can be counted, for instance to see which pages are visited most, which browsers are used, or \
                 where the site has errors.",
            ),
            match self.keeps(Field::ClientAddress) {
                true => Block::Says(smallest_group_sentence(self.policy.smallest_group, self.lang)),
                false => self.smallest_number(),
            },
            self.says(
                "Statystyki dotyczą zawsze całych, zakończonych dni. Nie ma w nich adresów IP ani tej części adresu strony, \
                 która stoi po znaku zapytania, a liczby są zaokrąglone. Opublikowanych statystyk nie liczymy na nowo.",
                "Statistics are always of whole days that are over. They hold neither IP addresses nor the part of a \
                 page's address that follows the question mark, and their numbers are rounded. Statistics that were \
                 published are not counted again.",
            ),
        ];
        self.section("statistics", "Statystyki", "Statistics", blocks)
    }

    /// What statistics show where nothing is kept that tells visitors apart.
    fn smallest_number(&self) -> Block {
        let group = self.policy.smallest_group;
        self.says(
            &format!(
                "Zapisy nie pozwalają odróżnić odwiedzających, dlatego w statystykach pokazujemy tylko to, o co jednego \
                 dnia poproszono co najmniej {group} razy."
            ),
            &format!(
                "Visitors cannot be told apart in the records, so statistics show only what was asked for {group} times at \
                 least on one day."
            ),
        )
    }

    fn links(&self) -> Section {
        let hosts = self.hosts();
        let blocks = vec![
            self.says(
                &format!("Ta polityka dotyczy tylko serwisu {hosts}."),
                &format!("This policy is for the site {hosts} only."),
            ),
            self.explains(
                "Serwisy, do których prowadzą stąd odnośniki, mają własne zasady, za które nie odpowiadamy. Zachęcamy, \
                 aby je tam przeczytać.",
                "Sites to which links lead from here have rules of their own, for which we do not answer. Please read \
                 them there.",
            ),
        ];
        self.section("links", "Odnośniki do innych serwisów", "Links to other sites", blocks)
    }

    fn correspondence(&self) -> Section {
        let blocks = match &self.policy.correspondence {
            Some(text) => vec![
                Block::Declares(text.get(self.lang).to_owned()),
                self.explains(
                    "Listy i wiadomości e-mail nie przechodzą przez program, który prowadzi dziennik. Dotrzymanie tej \
                     obietnicy zależy od samego urzędu.",
                    "Letters and e-mail do not pass through the program that keeps the journal. This promise is for the \
                     office itself to keep.",
                ),
            ],
            None => vec![self.explains(
                "Ta polityka nie obejmuje listów i wiadomości e-mail wysyłanych do urzędu.",
                "This policy does not cover letters and e-mail sent to the office.",
            )],
        };
        self.section(
            "correspondence",
            "Listy i poczta elektroniczna",
            "Letters and e-mail",
            blocks,
        )
    }

    fn rights(&self) -> Section {
        let objection = match self.policy.legal_basis {
            Some(LegalBasis::PublicTask | LegalBasis::LegitimateInterest) => self.say(
                "sprzeciwu wobec przetwarzania z przyczyn związanych z jego szczególną sytuacją (art. 21 RODO),",
                "to object to the processing on grounds relating to his or her particular situation (Article 21),",
            ),
            Some(LegalBasis::Other(_)) | None => self.say(
                "sprzeciwu wobec przetwarzania, jeśli jego podstawą jest art. 6 ust. 1 lit. e lub f (art. 21 RODO),",
                "to object to the processing, where its basis is Article 6(1)(e) or (f) (Article 21),",
            ),
        };
        let rights = [
            self.say(
                "dostępu do swoich danych i otrzymania ich kopii (art. 15 RODO),",
                "of access to his or her data, and to a copy of it (Article 15),",
            ),
            self.say(
                "sprostowania danych (art. 16 RODO),",
                "to have the data rectified (Article 16),",
            ),
            self.say(
                "usunięcia danych (art. 17 RODO),",
                "to have the data erased (Article 17),",
            ),
            self.say(
                "ograniczenia ich przetwarzania (art. 18 RODO),",
                "to have its processing restricted (Article 18),",
            ),
            objection,
            self.say(
                "wniesienia skargi do Prezesa Urzędu Ochrony Danych Osobowych (art. 77 RODO, uodo.gov.pl).",
                "to lodge a complaint with the President of the Personal Data Protection Office of Poland (Article 77, \
                 uodo.gov.pl).",
            ),
        ];
        let contact = &self.policy.controller.contact;
        let mut blocks = vec![
            self.explains(
                "Na zasadach określonych w RODO (rozporządzenie (UE) 2016/679) każdy, czyje dane przetwarzamy, ma prawo do:",
                "Under the GDPR (Regulation (EU) 2016/679), everybody whose data we process has the right:",
            ),
            Block::Ends(rights.map(str::to_owned).to_vec()),
            self.explains(
                &format!(
                    "Kontakt w tych sprawach: {contact}. Odpowiedź przychodzi bez zbędnej zwłoki, co do zasady w ciągu \
                     miesiąca (art. 12 ust. 3 RODO)."
                ),
                &format!(
                    "Contact about these: {contact}. An answer comes without undue delay, as a rule within a month \
                     (Article 12(3))."
                ),
            ),
        ];
        blocks.push(if self.keeps(Field::AuthUser) {
            self.explains(
                "Aby znaleźć w dzienniku czyjeś zapisy, trzeba znać nazwę użytkownika podaną przy uwierzytelnianiu \
                 HTTP, albo inne dane zapytania i jego czas (art. 11 RODO).",
                "To find somebody's records in the journal, one has to know the user name given in HTTP \
                 authentication, or other data of the request and its time (Article 11).",
            )
        } else if self.keeps(Field::ClientAddress) {
            self.explains(
                "Dziennik nie zawiera imion ani nazwisk. Aby znaleźć w nim czyjeś zapisy, trzeba znać adres IP i czas \
                 odwiedzin (art. 11 RODO).",
                "The journal holds no names. To find somebody's records in it, one has to know the IP address and the \
                 time of the visit (Article 11).",
            )
        } else {
            self.explains(
                "Dziennik nie zawiera imion, nazwisk ani adresów IP, dlatego czyichś zapisów zwykle nie da się w nim \
                 odnaleźć (art. 11 RODO).",
                "The journal holds no names and no IP addresses, so somebody's records can usually not be found in it \
                 (Article 11).",
            )
        });
        self.section(
            "rights",
            "Jakie prawa ma odwiedzający",
            "What rights a visitor has",
            blocks,
        )
    }

    fn versions(&self) -> Section {
        let Policy { version, effective, .. } = self.policy;
        let date = super::day(*effective, self.lang);
        let mut blocks = vec![self.says(
            &format!(
                "To jest wersja {version}, która obowiązuje od {date} Każda zmiana tej polityki to nowa wersja z nową \
                 datą: programu nie da się uruchomić z polityką zmienioną bez nich."
            ),
            &format!(
                "This is version {version}, in force from {date}. Every change of this policy is a new version with a \
                 new date: the program does not start with a policy that was changed without them."
            ),
        )];
        // A version that cannot be read any more cannot be shown either.
        let known = self
            .publication
            .versions
            .iter()
            .filter(|version| version.policy.is_some());
        let rows: Vec<_> = known
            .rev()
            .map(|known| {
                let named = match self.publication.path {
                    Some(path) if known.name != *version => Cell::Link(Link {
                        to: address(path, Some(&known.name), Some(self.lang)),
                        text: known.name.clone(),
                    }),
                    _ => Cell::Plain(known.name.clone()),
                };
                vec![
                    named,
                    known.effective.map_or_else(|| Cell::Plain("–".to_owned()), Cell::Date),
                ]
            })
            .collect();
        if rows.len() > 1 {
            blocks.push(Block::Table(Table {
                caption: self.say("Wersje tej polityki", "Versions of this policy"),
                heads: vec![
                    self.say("Wersja", "Version"),
                    self.say("Obowiązuje od", "In force from"),
                ],
                rows,
            }));
        }
        self.section("versions", "Wersje i zmiany", "Versions and changes", blocks)
    }
}
