//! Which CMS it is, by what it leaves to be seen.

use std::collections::BTreeSet;
use std::fmt;

use super::presets::{PRESETS, Preset};

/// What was seen of a site.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traces {
    /// Contents of `<meta name="generator">`.
    pub generators: Vec<String>,
    /// Paths on the site, queries included, that its pages link to or load.
    pub paths: BTreeSet<String>,
    /// Fields of its answers: names in lower case, values.
    pub fields: BTreeSet<(String, String)>,
    /// Names of cookies that it set.
    pub cookies: BTreeSet<String>,
}

/// What shows a CMS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sign {
    /// It says so itself: the whole of what it says.
    Generator(String),
    /// What stands in an address.
    Path(&'static str),
    /// A field of its answers.
    Field(&'static str),
    /// A cookie, by its name.
    Cookie(String),
}

impl Sign {
    /// How much it proves. What a site says of itself is seldom wrong; the name of a cookie may be anybody's.
    fn weight(&self) -> u32 {
        match self {
            Self::Generator(_) => 4,
            Self::Path(_) | Self::Field(_) => 2,
            Self::Cookie(_) => 1,
        }
    }
}

/// As it is seen in the site's own pages and answers.
impl fmt::Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Generator(content) => write!(f, "<meta name=\"generator\" content=\"{content}\">"),
            Self::Path(path) => f.write_str(path),
            Self::Field(name) => write!(f, "{name}:"),
            Self::Cookie(name) => write!(f, "Set-Cookie: {name}"),
        }
    }
}

/// What the site is made with, if that can be told: the preset for which there are most signs, and those. A CMS takes
/// more than the name of a cookie; what a CMS may be written in, PHP or Java, does not.
pub fn recognise(traces: &Traces) -> Option<(&'static Preset, Vec<Sign>)> {
    let mut best: Option<(u32, &Preset, Vec<Sign>)> = None;
    for preset in PRESETS.iter().filter(|preset| !preset.signs.title.is_empty()) {
        let signs = signs_of(preset, traces);
        let weight = signs.iter().map(Sign::weight).sum();
        let is_platform = preset.signs.log_in.is_empty();
        let enough = if is_platform { 1 } else { 2 };
        let beats = |(most, than, _): &(u32, &Preset, Vec<Sign>)| match than.signs.log_in.is_empty() {
            true if !is_platform => true,
            than_platform => is_platform == than_platform && weight > *most,
        };
        if weight >= enough && best.as_ref().is_none_or(beats) {
            best = Some((weight, preset, signs));
        }
    }
    best.map(|(_, preset, signs)| (preset, signs))
}

fn signs_of(preset: &Preset, traces: &Traces) -> Vec<Sign> {
    let known = &preset.signs;
    let generator = traces.generators.iter().find(|content| {
        let begins = |start: &&str| {
            content
                .get(..start.len())
                .is_some_and(|begin| begin.eq_ignore_ascii_case(start))
        };
        known.generators.iter().any(begins)
    });
    let paths = known
        .paths
        .iter()
        .filter(|part| traces.paths.iter().any(|path| path.contains(**part)));
    let fields = known.fields.iter().filter(|(name, part)| {
        let is_there = |(field, value): &(String, String)| field == name && value.contains(part);
        traces.fields.iter().any(is_there)
    });
    let cookies = traces.cookies.iter().filter(|name| preset.covers(name));
    generator
        .cloned()
        .map(Sign::Generator)
        .into_iter()
        .chain(paths.map(|path| Sign::Path(path)))
        .chain(fields.map(|(name, _)| Sign::Field(name)))
        .chain(cookies.cloned().map(Sign::Cookie))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made_with(traces: &Traces) -> Option<&'static str> {
        recognise(traces).map(|(preset, _)| preset.name)
    }

    fn cookies(names: &[&str]) -> Traces {
        Traces {
            cookies: names.iter().map(ToString::to_string).collect(),
            ..Traces::default()
        }
    }

    #[test]
    fn a_cms_is_known_by_each_of_its_signs() {
        for preset in PRESETS.iter().filter(|preset| !preset.signs.title.is_empty()) {
            for generator in preset.signs.generators {
                let generators = vec![format!("{} 6.1 (free)", generator.to_ascii_lowercase())];
                let traces = Traces {
                    generators,
                    ..Traces::default()
                };
                assert_eq!(made_with(&traces), Some(preset.name), "{generator}");
            }
            for path in preset.signs.paths {
                let traces = Traces {
                    paths: [format!("/bip{path}x")].into(),
                    ..Traces::default()
                };
                assert_eq!(made_with(&traces), Some(preset.name), "{path}");
            }
            for (name, value) in preset.signs.fields {
                let fields = [((*name).to_owned(), format!("a {value} b"))].into();
                let traces = Traces {
                    fields,
                    ..Traces::default()
                };
                assert_eq!(made_with(&traces), Some(preset.name), "{name}: {value}");
            }
        }
    }

    #[test]
    fn a_cookie_shows_a_platform_and_two_a_cms() {
        assert_eq!(made_with(&cookies(&["PHPSESSID"])), Some("php"));
        assert_eq!(made_with(&cookies(&["JSESSIONID"])), Some("java"));
        assert_eq!(
            made_with(&cookies(&["JSESSIONID", "COOKIE_SUPPORT", "GUEST_LANGUAGE_ID"])),
            Some("liferay")
        );
        let hash = "0123456789abcdef0123456789abcdef";
        assert_eq!(made_with(&cookies(&[hash])), None, "a hash may be anybody's");
        assert_eq!(
            made_with(&cookies(&["DokuWiki", &format!("DW{hash}")])),
            Some("dokuwiki")
        );
        assert_eq!(made_with(&cookies(&["kontrast"])), None);
    }

    #[test]
    fn a_cms_goes_before_what_it_is_written_in_and_its_own_word_before_all() {
        let mut traces = cookies(&["PHPSESSID"]);
        traces.fields.insert(("x-powered-by".to_owned(), "PHP/8.2".to_owned()));
        assert_eq!(made_with(&traces), Some("php"));
        traces.paths.insert("/wp-content/themes/a.css".to_owned());
        assert_eq!(made_with(&traces), Some("wordpress"));
        traces
            .generators
            .push("Joomla! - Open Source Content Management".to_owned());
        let (preset, signs) = recognise(&traces).expect("a CMS");
        assert_eq!(preset.name, "joomla");
        assert_eq!(
            signs,
            [Sign::Generator("Joomla! - Open Source Content Management".to_owned())]
        );
    }
}
