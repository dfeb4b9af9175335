//! The record of a self-test, for the data protection officer's file.

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::proof::{Promise, Proof};
use super::visit::Visit;
use crate::config::Site;
use crate::policy::Lang;

/// All that it says.
pub(super) struct Record<'a> {
    pub(super) site: &'a Site,
    pub(super) visit: &'a Visit,
    pub(super) proof: &'a Proof,
    pub(super) now: Timestamp,
}

impl Record<'_> {
    pub(super) fn text(&self, lang: Lang) -> String {
        let say = |pl: &'static str, en: &'static str| match lang {
            Lang::Pl => pl,
            Lang::En => en,
        };
        let policy = &self.site.policy;
        let mut lines = vec![
            format!("{} {}", say("Sprawdzenie serwisu", "Self-test of"), self.site.hosts[0]),
            format!("{:.0}, townclerk {}", self.now, env!("CARGO_PKG_VERSION")),
            String::new(),
        ];
        let facts = [
            (
                say("polityka", "policy"),
                format!(
                    "{}, {} {}",
                    policy.version,
                    say("obowiązuje od", "in force from"),
                    policy.effective
                ),
            ),
            ("", format!("SHA-256 {}", self.policy_hash())),
            (
                say("zapytania", "requests"),
                format!(
                    "/ ({}), {} ({})",
                    self.visit.statuses[0], self.visit.path, self.visit.statuses[1]
                ),
            ),
            (
                say("wpis", "entry"),
                self.proof
                    .index
                    .map_or_else(|| "–".to_owned(), |index| index.to_string()),
            ),
            (
                say("podpis", "signature"),
                match &self.proof.checkpoint {
                    Some((size, root)) => format!("{} {size}, {root}", say("liczba wpisów", "entries")),
                    None => "–".to_owned(),
                },
            ),
        ];
        lines.extend(facts.map(|(name, said)| format!("{name:<10}  {said}")));
        lines.push(String::new());
        for Promise { kept, key, found } in &self.proof.promises {
            let kept = match kept {
                Some(true) => say("tak", "yes"),
                Some(false) => say("NIE", "NO"),
                None => "–",
            };
            lines.push(format!("{kept:<3}  {key:<12}  {}", found.get(lang)));
        }
        let outcome = match self.proof.is_kept() {
            true => say(
                "Wszystko, co sprawdzono, jest zgodne z polityką.",
                "All that was tried is as the policy says.",
            ),
            false => say(
                "Nie wszystko jest zgodne z polityką.",
                "Not everything is as the policy says.",
            ),
        };
        lines.extend([String::new(), outcome.to_owned(), String::new()]);
        lines.join("\n")
    }

    pub(super) fn json(&self) -> Value {
        let promises = self.proof.promises.iter().map(|promise| {
            json!({
                "promise": promise.key,
                "kept": promise.kept,
                "pl": promise.found.get(Lang::Pl),
                "en": promise.found.get(Lang::En),
            })
        });
        json!({
            "site": self.site.hosts[0],
            "time": self.now.to_string(),
            "townclerk": env!("CARGO_PKG_VERSION"),
            "policy": {
                "version": self.site.policy.version,
                "effective": self.site.policy.effective.to_string(),
                "sha256": self.policy_hash(),
            },
            "requests": [
                { "path": "/", "status": self.visit.statuses[0] },
                { "path": self.visit.path, "status": self.visit.statuses[1] },
            ],
            "entry": self.proof.index,
            "checkpoint": self.proof.checkpoint.as_ref().map(|(size, root)| json!({ "size": size, "root": root })),
            "promises": promises.collect::<Vec<_>>(),
            "kept": self.proof.is_kept(),
        })
    }

    /// Of the file as it is written.
    fn policy_hash(&self) -> String {
        let hash = Sha256::digest(self.site.policy_text.as_bytes());
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
