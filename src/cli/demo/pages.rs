//! The pages of the sample site, written into the program so that nothing is loaded from anywhere.

/// A page: what a visitor's browser calls it, and what stands in its middle.
pub(super) struct Page {
    title: &'static str,
    main: &'static str,
}

pub(super) const START: Page = Page {
    title: "Strona główna",
    main: include_str!("pages/start.html"),
};
pub(super) const NEWS: Page = Page {
    title: "Aktualności",
    main: include_str!("pages/news.html"),
};
pub(super) const WASTE: Page = Page {
    title: "Odbiór odpadów",
    main: include_str!("pages/waste.html"),
};
pub(super) const LIBRARY: Page = Page {
    title: "Dzień otwarty",
    main: include_str!("pages/library.html"),
};
pub(super) const CONTACT: Page = Page {
    title: "Kontakt",
    main: include_str!("pages/contact.html"),
};
pub(super) const FORMS: Page = Page {
    title: "Druki i wnioski",
    main: include_str!("pages/forms.html"),
};
pub(super) const BUDGET: Page = Page {
    title: "Budżet",
    main: include_str!("pages/budget.html"),
};
pub(super) const LOGIN: Page = Page {
    title: "Logowanie",
    main: include_str!("pages/login.html"),
};
pub(super) const CASES: Page = Page {
    title: "Moje sprawy",
    main: include_str!("pages/cases.html"),
};
pub(super) const NOT_FOUND: Page = Page {
    title: "Nie ma takiej strony",
    main: include_str!("pages/not_found.html"),
};
const SEARCH: Page = Page {
    title: "Szukaj",
    main: include_str!("pages/search.html"),
};

const LAYOUT: &str = include_str!("pages/layout.html");

/// What of a page depends on who looks at it.
#[derive(Clone, Copy)]
pub(super) struct Look {
    pub(super) high_contrast: bool,
    pub(super) logged_in: bool,
}

impl Page {
    pub(super) fn html(&self, look: Look) -> String {
        layout(self.title, self.main, look)
    }
}

/// The search: its form with what was asked, and what was found.
pub(super) fn search(asked: &str, look: Look) -> String {
    let found = match asked {
        "" => "",
        _ => "<p>Znaleziono jedną stronę: <a href=\"/druki\">Druki i wnioski</a>.</p>",
    };
    // What the visitor wrote comes last, so that nothing in it is filled in.
    layout(
        SEARCH.title,
        &SEARCH.main.replace("{found}", found).replace("{asked}", &escape(asked)),
        look,
    )
}

fn layout(title: &str, main: &str, look: Look) -> String {
    let contrast = match look.high_contrast {
        true => "<a href=\"/kontrast?tryb=zwykly\">Zwykły kontrast</a>",
        false => "<a href=\"/kontrast?tryb=wysoki\">Wysoki kontrast</a>",
    };
    let account = match look.logged_in {
        true => "<form action=\"/wyloguj\" method=\"post\"><button>Wyloguj się</button></form>",
        false => "<a href=\"/logowanie\">Zaloguj się</a>",
    };
    LAYOUT
        .replace("{title}", title)
        .replace("{look}", if look.high_contrast { "contrast" } else { "" })
        .replace("{contrast}", contrast)
        .replace("{account}", account)
        .replace("{main}", main)
}

/// Text as HTML shows it, in an attribute or not.
fn escape(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Look = Look {
        high_contrast: false,
        logged_in: false,
    };

    #[test]
    fn a_page_has_its_language_and_nothing_left_to_fill_in_and_nothing_from_elsewhere() {
        let pages = [
            &START, &NEWS, &WASTE, &LIBRARY, &CONTACT, &FORMS, &BUDGET, &LOGIN, &CASES, &NOT_FOUND,
        ];
        let pages = pages
            .map(|page| page.html(PLAIN))
            .into_iter()
            .chain([search("kot", PLAIN)]);
        for html in pages {
            assert!(html.contains("<html lang=\"pl\">"));
            assert_eq!(html.matches("<h1>").count(), 1);
            for slot in [
                "{title}",
                "{look}",
                "{contrast}",
                "{account}",
                "{main}",
                "{asked}",
                "{found}",
            ] {
                assert!(!html.contains(slot), "{slot}");
            }
            // But for the pixel, which no browser is to load.
            let html = html.replace(&format!("<img src=\"https://{}/", super::super::site::PIXEL), "");
            for outside in ["src=", "url(", "@import", "href=\"http", "<script"] {
                assert!(!html.contains(outside), "{outside}");
            }
        }
    }

    #[test]
    fn what_is_searched_for_is_text_and_no_html() {
        let html = search("\"><b>{main}'&", PLAIN);
        assert!(html.contains("value=\"&quot;&gt;&lt;b&gt;{main}&#39;&amp;\""));
    }
}
