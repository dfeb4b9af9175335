//! What CMSes set, with what it is for: lists of cookies that a policy can name instead of writing them out; and by
//! what a CMS is known from outside.
//!
//! A preset never changes: policies that name it would say something else under the version they had. What a later
//! version of a CMS needs goes into a preset of another name. Nothing is listed that only makes 'remember me' last, and
//! nothing that holds a name or an e-mail address.

use super::{Allowed, Ends, NamePattern, Text};

/// A list of cookies.
#[derive(Debug, PartialEq, Eq)]
pub struct Preset {
    /// By which a policy names it.
    pub name: &'static str,
    cookies: &'static [Cookie],
    /// By what else it is known. These may change at any time: no policy depends on them.
    pub signs: Signs,
}

/// By what a CMS is known from outside, besides its cookies.
#[derive(Debug, PartialEq, Eq)]
pub struct Signs {
    /// How it calls itself; empty for what is no CMS.
    pub title: &'static str,
    /// How the content of `<meta name="generator">` begins, upper and lower case being the same.
    pub generators: &'static [&'static str],
    /// What stands in the addresses of its pages, scripts and styles.
    pub paths: &'static [&'static str],
    /// Fields of its answers, in lower case, and what stands in their values.
    pub fields: &'static [(&'static str, &'static str)],
    /// Where its log-in is, from the folder of the site.
    pub log_in: &'static [&'static str],
}

impl Signs {
    const NONE: Self = Self {
        title: "",
        generators: &[],
        paths: &[],
        fields: &[],
        log_in: &[],
    };
}

#[derive(Debug, PartialEq, Eq)]
struct Cookie {
    /// As a policy would write it.
    name: &'static str,
    /// Whether scripts of the CMS read or set it, so that it cannot be sealed.
    readable: bool,
    purpose: &'static Purpose,
}

/// Polish, English.
type Purpose = [&'static str; 2];

const fn cookie(name: &'static str, purpose: &'static Purpose) -> Cookie {
    Cookie {
        name,
        readable: false,
        purpose,
    }
}

const fn readable(name: &'static str, purpose: &'static Purpose) -> Cookie {
    Cookie {
        name,
        readable: true,
        purpose,
    }
}

const SESSION: Purpose = [
    "Łączy kolejne zapytania w jedną wizytę, na przykład po zalogowaniu lub przy wypełnianiu formularza.",
    "Connects the requests of one visit, for instance after logging in or while a form is filled in.",
];
const LOGIN: Purpose = ["Pamięta, kto jest zalogowany.", "Remembers who is logged in."];
const TEST: Purpose = [
    "Sprawdza, czy przeglądarka przyjmuje pliki cookie.",
    "Checks whether the browser takes cookies.",
];
const PASSWORD: Purpose = [
    "Pamięta, że podano hasło do strony chronionej hasłem.",
    "Remembers that the password of a protected page was given.",
];
const RESET: Purpose = [
    "Umożliwia ustawienie nowego hasła.",
    "Makes it possible to set a new password.",
];
const SETTINGS: Purpose = [
    "Pamięta ustawienia panelu administracyjnego lub edytora.",
    "Remembers settings of the administration or the editor.",
];
const LANGUAGE: Purpose = ["Pamięta wybrany język.", "Remembers the language that was chosen."];
const NOTICE: Purpose = [
    "Przenosi na następną stronę krótki komunikat, na przykład o zapisaniu zmian.",
    "Carries a short message to the next page, such as that changes were saved.",
];
const FRESH: Purpose = [
    "Sprawia, że po zapisaniu zmian widać je od razu.",
    "Lets changes be seen as soon as they are saved.",
];
const CONTRAST: Purpose = [
    "Pamięta wybrany kontrast lub kolory strony.",
    "Remembers the contrast or colours that were chosen.",
];
const FONT: Purpose = [
    "Pamięta wybraną wielkość liter.",
    "Remembers the size of letters that was chosen.",
];

/// Every preset, the CMSes in order of the alphabet behind the settings that every site may have.
pub static PRESETS: [Preset; 12] = [
    Preset {
        name: "accessibility",
        cookies: &[
            readable("contrast", &CONTRAST),
            readable("high_contrast", &CONTRAST),
            readable("color", &CONTRAST),
            readable("font-size", &FONT),
            readable("font_resize", &FONT),
        ],
        signs: Signs::NONE,
    },
    Preset {
        name: "asp.net",
        cookies: &[
            cookie("ASP.NET_SessionId", &SESSION),
            cookie("ASPSESSIONID*", &SESSION),
            cookie(".ASPXAUTH", &LOGIN),
        ],
        signs: Signs {
            title: "ASP.NET",
            fields: &[
                ("x-powered-by", "ASP.NET"),
                ("x-aspnet-version", ""),
                ("x-aspnetmvc-version", ""),
            ],
            ..Signs::NONE
        },
    },
    Preset {
        name: "dokuwiki",
        cookies: &[
            cookie("DokuWiki", &SESSION),
            cookie("DW<hex32>", &LOGIN),
            readable("DOKU_PREFS", &SETTINGS),
        ],
        signs: Signs {
            title: "DokuWiki",
            generators: &["DokuWiki"],
            paths: &["/doku.php", "/lib/exe/css.php", "/lib/exe/js.php"],
            fields: &[],
            log_in: &["doku.php?do=login", "start?do=login"],
        },
    },
    Preset {
        name: "drupal",
        cookies: &[
            cookie("SESS<hex32>", &LOGIN),
            cookie("SSESS<hex32>", &LOGIN),
            readable("Drupal.toolbar.*", &SETTINGS),
            readable("Drupal.tableDrag.showWeight", &SETTINGS),
        ],
        signs: Signs {
            title: "Drupal",
            generators: &["Drupal"],
            paths: &[
                "/sites/default/files/",
                "/core/misc/drupal.js",
                "/misc/drupal.js",
                "/core/themes/",
            ],
            fields: &[
                ("x-generator", "Drupal"),
                ("x-drupal-cache", ""),
                ("x-drupal-dynamic-cache", ""),
            ],
            log_in: &["user/login"],
        },
    },
    Preset {
        name: "java",
        cookies: &[cookie("JSESSIONID", &SESSION)],
        signs: Signs {
            title: "Java",
            paths: &[";jsessionid="],
            fields: &[
                ("server", "Apache-Coyote"),
                ("x-powered-by", "Servlet"),
                ("x-powered-by", "JSF"),
            ],
            ..Signs::NONE
        },
    },
    Preset {
        name: "joomla",
        cookies: &[cookie("<hex32>", &SESSION), cookie("joomla_user_state", &LOGIN)],
        signs: Signs {
            title: "Joomla",
            generators: &["Joomla"],
            paths: &[
                "/media/jui/",
                "/media/system/js/",
                "/media/vendor/joomla",
                "option=com_",
            ],
            fields: &[("x-content-encoded-by", "Joomla")],
            log_in: &["administrator/", "index.php?option=com_users&view=login"],
        },
    },
    Preset {
        name: "liferay",
        cookies: &[
            cookie("JSESSIONID", &SESSION),
            readable("COOKIE_SUPPORT", &TEST),
            readable("GUEST_LANGUAGE_ID", &LANGUAGE),
            readable("LFR_SESSION_STATE_*", &SESSION),
        ],
        signs: Signs {
            title: "Liferay",
            generators: &["Liferay"],
            paths: &["/o/frontend-js", "/html/js/liferay", "p_p_id=", "/c/portal/"],
            fields: &[("liferay-portal", "")],
            log_in: &["c/portal/login"],
        },
    },
    Preset {
        name: "mediawiki",
        cookies: &[
            cookie("wiki_session", &SESSION),
            cookie("wikiUserID", &LOGIN),
            cookie("UseDC", &FRESH),
            cookie("UseCDNCache", &FRESH),
            cookie("cpPosIndex", &FRESH),
            readable("wikiPostEditRevision*", &NOTICE),
        ],
        signs: Signs {
            title: "MediaWiki",
            generators: &["MediaWiki"],
            paths: &[
                "/load.php?",
                "/resources/assets/poweredby_mediawiki",
                "title=Special:",
                "title=Specjalna:",
            ],
            fields: &[],
            log_in: &["index.php?title=Special:UserLogin"],
        },
    },
    Preset {
        name: "php",
        cookies: &[cookie("PHPSESSID", &SESSION)],
        signs: Signs {
            title: "PHP",
            fields: &[("x-powered-by", "PHP/")],
            ..Signs::NONE
        },
    },
    Preset {
        name: "plone",
        cookies: &[
            cookie("__ac", &LOGIN),
            cookie("_ZopeId", &SESSION),
            cookie("statusmessages", &NOTICE),
            readable("I18N_LANGUAGE", &LANGUAGE),
            readable("areYourCookiesEnabled", &TEST),
        ],
        signs: Signs {
            title: "Plone",
            generators: &["Plone"],
            paths: &["/++plone++", "/++resource++", "/portal_css/", "/portal_javascripts/"],
            fields: &[("server", "Zope"), ("x-powered-by", "Plone")],
            log_in: &["login", "login_form"],
        },
    },
    Preset {
        name: "typo3",
        cookies: &[
            cookie("fe_typo_user", &LOGIN),
            cookie("be_typo_user", &LOGIN),
            cookie("Typo3InstallTool", &LOGIN),
            readable("typo3-login-cookiecheck", &TEST),
        ],
        signs: Signs {
            title: "TYPO3",
            generators: &["TYPO3"],
            paths: &["/typo3conf/", "/typo3temp/", "/_assets/", "/fileadmin/"],
            fields: &[("x-typo3-parsetime", "")],
            log_in: &["typo3/"],
        },
    },
    Preset {
        name: "wordpress",
        cookies: &[
            cookie("wordpress_<hex32>", &LOGIN),
            cookie("wordpress_sec_<hex32>", &LOGIN),
            cookie("wordpress_logged_in_<hex32>", &LOGIN),
            cookie("wp-postpass_<hex32>", &PASSWORD),
            cookie("wp-resetpass-<hex32>", &RESET),
            readable("wordpress_test_cookie", &TEST),
            readable("wp-settings-*", &SETTINGS),
            readable("wp_lang", &LANGUAGE),
        ],
        signs: Signs {
            title: "WordPress",
            generators: &["WordPress"],
            paths: &["/wp-content/", "/wp-includes/", "/wp-login.php", "/wp-json/"],
            fields: &[("link", "https://api.w.org/"), ("x-pingback", "xmlrpc.php")],
            log_in: &["wp-login.php"],
        },
    },
];

impl Preset {
    /// Whether it lists this cookie.
    pub fn covers(&self, name: &str) -> bool {
        self.listings(Ends::default())
            .any(|listing| listing.name.covers(name.as_bytes()))
    }

    /// The same for a name in which `<hex32>` stands for a hash ([`NamePattern::naming`]).
    pub fn covers_named(&self, name: &str) -> bool {
        self.cookies.iter().any(|cookie| cookie.name == name) || self.covers(name)
    }

    /// Its cookies as listings that end so, those apart that scripts read.
    pub(super) fn listings(&self, ends: Ends) -> impl Iterator<Item = Allowed> {
        self.cookies.iter().filter_map(move |cookie| {
            let [pl, en] = cookie.purpose.map(str::to_owned);
            Some(Allowed {
                name: NamePattern::parse(cookie.name).ok()?,
                purpose: Text { pl, en },
                ends: if cookie.readable { Ends::default() } else { ends },
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_preset_is_made_of_names_that_a_policy_could_write() {
        let ends = Ends {
            idle: Some(Duration::from_secs(60)),
            ..Ends::default()
        };
        for preset in &PRESETS {
            let listings: Vec<_> = preset.listings(ends).collect();
            assert_eq!(listings.len(), preset.cookies.len(), "{}", preset.name);
            for (listing, cookie) in listings.iter().zip(preset.cookies) {
                assert_eq!(listing.name.to_string(), cookie.name);
                assert_eq!(listing.ends.are_enforced(), !cookie.readable, "{}", cookie.name);
                assert!(listing.purpose.pl.ends_with('.') && listing.purpose.en.ends_with('.'));
            }
        }
        assert!(PRESETS.is_sorted_by_key(|preset| preset.name));
    }

    #[test]
    fn the_log_ins_of_cmses_pass_and_what_tracks_or_names_somebody_does_not() {
        let covers = |preset: &str, name: &str| {
            let preset = PRESETS.iter().find(|known| known.name == preset).expect("a preset");
            preset.covers(name)
        };
        let hash = "0123456789abcdef0123456789abcdef";
        for (preset, name) in [
            ("wordpress", format!("wordpress_sec_{hash}")),
            ("wordpress", "wp-settings-time-1".to_owned()),
            ("dokuwiki", format!("DW{hash}")),
            ("mediawiki", "wikiUserID".to_owned()),
            ("joomla", hash.to_owned()),
            ("drupal", format!("SSESS{hash}")),
            ("asp.net", "ASPSESSIONIDQQABCDEF".to_owned()),
        ] {
            assert!(covers(preset, &name), "{preset}: {name}");
        }
        for preset in &PRESETS {
            for name in ["_ga", "_pk_id.1.1fff", "wikiUserName", "wikiToken", "cookies_accepted"] {
                assert!(!covers(preset.name, name), "{}: {name}", preset.name);
            }
            for start in ["comment_author_email_", "joomla_remember_me_"] {
                assert!(
                    !covers(preset.name, &format!("{start}{hash}")),
                    "{}: {start}",
                    preset.name
                );
            }
        }
    }
}
