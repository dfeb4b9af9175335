//! How much a request tells of the page it comes from (Referrer Policy, W3C), and which of two policies is stricter.

use http::HeaderValue;

use super::Referring;

/// The policies that a field can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferrerPolicy {
    /// `no-referrer`
    NoReferrer,
    /// `same-origin`
    SameOrigin,
    /// `strict-origin`
    StrictOrigin,
    /// `origin`
    Origin,
    /// `strict-origin-when-cross-origin`, which browsers take where nothing is said.
    StrictOriginWhenCrossOrigin,
    /// `origin-when-cross-origin`
    OriginWhenCrossOrigin,
    /// `no-referrer-when-downgrade`
    NoReferrerWhenDowngrade,
    /// `unsafe-url`
    UnsafeUrl,
}

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Tells {
    Nothing,
    /// Scheme, host and port.
    Origin,
    /// All but the fragment.
    Url,
}

impl ReferrerPolicy {
    /// Each of them.
    pub const ALL: [Self; 8] = [
        Self::NoReferrer,
        Self::SameOrigin,
        Self::StrictOrigin,
        Self::Origin,
        Self::StrictOriginWhenCrossOrigin,
        Self::OriginWhenCrossOrigin,
        Self::NoReferrerWhenDowngrade,
        Self::UnsafeUrl,
    ];

    /// The one by which other sites learn what the policy says, and this site everything.
    pub fn of(rule: Referring) -> Self {
        match rule {
            Referring::Omitted => Self::SameOrigin,
            Referring::Host => Self::StrictOriginWhenCrossOrigin,
        }
    }

    /// What `Referrer-Policy` fields say: the last word in them that is one (section 8.1).
    pub fn read<'a>(fields: impl IntoIterator<Item = &'a HeaderValue>) -> Option<Self> {
        let words = fields
            .into_iter()
            .flat_map(|field| field.as_bytes().split(|&byte| byte == b','));
        let named = |word: &[u8]| {
            let is = |policy: &Self| policy.name().as_bytes().eq_ignore_ascii_case(word.trim_ascii());
            Self::ALL.into_iter().find(is)
        };
        words.filter_map(named).last()
    }

    /// The loosest that is looser than neither. `theirs`: `None` if they say nothing.
    #[must_use]
    pub fn and(self, theirs: Option<Self>) -> Self {
        let Some(theirs) = theirs else { return self };
        let within = |policy: &Self| policy.is_within(self) && policy.is_within(theirs);
        // What is within another stands before it in their order.
        Self::ALL.into_iter().rfind(within).unwrap_or(Self::NoReferrer)
    }

    /// Whether it tells nobody more than the other.
    pub fn is_within(self, other: Self) -> bool {
        self.tells().iter().zip(other.tells()).all(|(one, other)| *one <= other)
    }

    /// What is told to this site; to others; to others in the open, by a page that came over TLS.
    fn tells(self) -> [Tells; 3] {
        use Tells::{Nothing, Origin, Url};
        match self {
            Self::NoReferrer => [Nothing, Nothing, Nothing],
            Self::SameOrigin => [Url, Nothing, Nothing],
            Self::StrictOrigin => [Origin, Origin, Nothing],
            Self::Origin => [Origin, Origin, Origin],
            Self::StrictOriginWhenCrossOrigin => [Url, Origin, Nothing],
            Self::OriginWhenCrossOrigin => [Url, Origin, Origin],
            Self::NoReferrerWhenDowngrade => [Url, Url, Nothing],
            Self::UnsafeUrl => [Url, Url, Url],
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::NoReferrer => "no-referrer",
            Self::SameOrigin => "same-origin",
            Self::StrictOrigin => "strict-origin",
            Self::Origin => "origin",
            Self::StrictOriginWhenCrossOrigin => "strict-origin-when-cross-origin",
            Self::OriginWhenCrossOrigin => "origin-when-cross-origin",
            Self::NoReferrerWhenDowngrade => "no-referrer-when-downgrade",
            Self::UnsafeUrl => "unsafe-url",
        }
    }

    /// As a field's value.
    pub fn value(self) -> HeaderValue {
        HeaderValue::from_static(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(fields: &[&'static str]) -> Option<ReferrerPolicy> {
        let fields: Vec<_> = fields.iter().copied().map(HeaderValue::from_static).collect();
        ReferrerPolicy::read(&fields)
    }

    #[test]
    fn the_last_word_that_is_one_counts() {
        use ReferrerPolicy::*;
        assert_eq!(read(&[]), None);
        assert_eq!(read(&["", "quite-secret"]), None);
        assert_eq!(
            read(&["no-referrer, strict-origin-when-cross-origin"]),
            Some(StrictOriginWhenCrossOrigin)
        );
        assert_eq!(read(&["unsafe-url", " SAME-Origin\t, of-the-future"]), Some(SameOrigin));
        assert_eq!(read(&["unsafe-url no-referrer"]), None);
    }

    #[test]
    fn the_stricter_of_two_is_the_loosest_that_is_looser_than_neither() {
        for one in ReferrerPolicy::ALL {
            assert_eq!(one.and(None), one);
            assert_eq!(one.and(Some(one)), one);
            for other in ReferrerPolicy::ALL {
                let both = one.and(Some(other));
                assert!(
                    both.is_within(one) && both.is_within(other),
                    "{one:?} {other:?} {both:?}"
                );
                assert_eq!(both, other.and(Some(one)));
                for third in ReferrerPolicy::ALL {
                    if third.is_within(one) && third.is_within(other) {
                        assert!(
                            third.is_within(both),
                            "{third:?} is looser than {both:?} and within both"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn other_sites_learn_no_more_than_the_policy_says_whatever_the_cms_says() {
        use ReferrerPolicy::*;
        let nothing = ReferrerPolicy::of(Referring::Omitted);
        for (theirs, both) in [
            (UnsafeUrl, SameOrigin),
            (NoReferrerWhenDowngrade, SameOrigin),
            (NoReferrer, NoReferrer),
            // No policy says 'the origin, and to this site alone'.
            (StrictOrigin, NoReferrer),
        ] {
            assert_eq!(nothing.and(Some(theirs)), both);
        }
        let host = ReferrerPolicy::of(Referring::Host);
        assert_eq!(host.and(Some(UnsafeUrl)), StrictOriginWhenCrossOrigin);
        assert_eq!(host.and(Some(Origin)), StrictOrigin);
        assert_eq!(host.and(Some(SameOrigin)), SameOrigin);
    }
}
