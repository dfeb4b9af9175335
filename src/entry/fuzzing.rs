//! A door for `fuzz/`, which is another crate; in no other build.

use crate::policy::Redact;

/// What is left of a URL; `None` if all of it is.
pub fn redact(url: &[u8], rules: &Redact) -> Option<Vec<u8>> {
    super::url::redact(url, rules)
}
