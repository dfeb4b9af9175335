//! What our pages have in common: the head, the way past what stands before the content, the office's name above it.
//! Every text is escaped by maud, by its type.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::policy::Lang;

/// A whole page. `style` begins with `base.css`; `above` is what stands over the content.
pub(crate) fn page(lang: Lang, title: &str, style: &str, above: &Markup, content: &Markup) -> String {
    let skip = match lang {
        Lang::Pl => "Przejdź do treści",
        Lang::En => "Skip to the content",
    };
    let page = html! {
        (DOCTYPE)
        html lang=(lang.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(style)) }
            }
            body {
                a.skip href="#content" { (skip) }
                header { div.wide { (above) } }
                main #content.wide tabindex="-1" { (content) }
                footer { p.wide { "townclerk" } }
            }
        }
    };
    page.into_string()
}
