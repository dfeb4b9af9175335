//! What pages call at other sites, what these learn of a visitor, and what we count of it.

use super::super::{Block, Cell, Section, Table};
use super::Writer;
use crate::policy::{Field, Mode, ThirdParties};

impl Writer<'_> {
    pub(super) fn third_parties(&self) -> Section {
        let blocks = match &self.policy.third_parties {
            None => vec![self.by_itself(), self.unseen()],
            Some(third_parties) => self.guarded(third_parties),
        };
        self.section(
            "third-parties",
            "Treści z innych serwisów",
            "Content from other sites",
            blocks,
        )
    }

    fn by_itself(&self) -> Block {
        self.explains(
            "Jeśli strona zawiera coś z innego serwisu, na przykład mapę albo film, przeglądarka sama łączy się z tym \
             serwisem. Poznaje on wtedy jej adres IP i to, co przeglądarka podaje o sobie, i może zapisać w niej \
             własne ciasteczka. Robi to według własnych zasad.",
            "If a page holds something from another site, such as a map or a film, the browser itself connects to \
             that site. The site then gets to know its IP address and what the browser says about itself, and may put \
             cookies of its own into it. It does so under rules of its own.",
        )
    }

    fn unseen(&self) -> Block {
        self.explains(
            "Program, który stoi przed naszym serwisem, tego nie widzi i temu nie zapobiega.",
            "The program that stands before our site does not see this, and does not prevent it.",
        )
    }

    fn guarded(&self, third_parties: &ThirdParties) -> Vec<Block> {
        let mut blocks = vec![self.by_itself()];
        let rules = third_parties.rules();
        blocks.extend(
            rules
                .iter()
                .map(|(_, text)| Block::Says(text.get(self.lang).to_owned())),
        );
        if !third_parties.allowed.is_empty() {
            let row = |site: &crate::policy::AllowedHost| {
                let purpose = site.purpose.get(self.lang).to_owned();
                vec![Cell::Code(site.host.to_string()), Cell::Plain(purpose)]
            };
            blocks.push(Block::Table(Table {
                caption: self.say(
                    "Serwisy, z którymi strony mogą się łączyć",
                    "Other sites that pages may call",
                ),
                heads: vec![self.say("Serwis", "Site"), self.say("Po co", "Why")],
                rows: third_parties.allowed.iter().map(row).collect(),
            }));
            if third_parties
                .allowed
                .iter()
                .any(|site| site.host.to_string().starts_with('*'))
            {
                blocks.push(self.explains(
                    "Gwiazdka na początku nazwy zastępuje dowolne nazwy, które kończą się tak samo.",
                    "The star at the beginning of a name stands for any names that end in the same way.",
                ));
            }
        } else if third_parties.mode == Mode::Enforce {
            blocks.push(self.explains(
                "Polityka nie wymienia żadnego takiego serwisu.",
                "The policy lists no such site.",
            ));
        }
        if third_parties.mode == Mode::Enforce {
            blocks.push(self.explains(
                "Przeglądarki stosują się do tego same i nie możemy tego sprawdzić. Nie dotyczy to stron innych \
                 serwisów, na które odwiedzający sam przechodzi.",
                "Browsers keep to this by themselves, and we cannot check that they do. It is not about pages of \
                 other sites to which a visitor goes by choice.",
            ));
        }
        blocks.push(self.reports());
        blocks
    }

    /// What is counted, and what is not.
    fn reports(&self) -> Block {
        let (pl, en) = match self.keeps(Field::Url) {
            true => (
                "nazwy tego serwisu, rodzaju treści i naszej strony",
                "the name of that site, the kind of content and our page",
            ),
            false => (
                "nazwy tego serwisu i rodzaju treści",
                "the name of that site and the kind of content",
            ),
        };
        self.says(
            &format!(
                "Gdy strona sięga do serwisu, którego polityka nie wymienia, przeglądarka nam to zgłasza. Liczymy \
                 zgłoszenia według {pl}, ale bez adresu IP i bez związku z odwiedzającym. Samo zgłoszenie jest \
                 zapytaniem do serwera i jak każde inne trafia do dziennika, ale bez swojej treści."
            ),
            &format!(
                "When a page calls a site that the policy does not list, the browser reports it to us. We count the \
                 reports by {en}, but without an IP address and apart from any visitor. The report itself is a request \
                 to the server, and is recorded like any other, but without what it says."
            ),
        )
    }
}
