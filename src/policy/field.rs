//! The one list of what can be kept about a request. Redaction, codec and statement go by it; each match is
//! exhaustive, so a field without its sentences does not compile.

use super::{AddressRule, AgentRule, Fields, ReferrerRule, Treatment};

/// A language of the statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lang {
    /// Polish.
    Pl,
    /// English.
    En,
}

impl Lang {
    /// By RFC 5646: `pl`, `en`.
    pub fn tag(self) -> &'static str {
        match self {
            Self::Pl => "pl",
            Self::En => "en",
        }
    }
}

/// Something that a policy may keep about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// When the first byte of the request was read.
    Arrived,
    /// When the last byte of the answer was handed to the connection.
    Sent,
    /// The client's address.
    ClientAddress,
    /// The client's host name.
    ClientHost,
    /// The request's method.
    Method,
    /// The path and query.
    Url,
    /// The protocol's version.
    Protocol,
    /// The status of the answer.
    Status,
    /// The size of the answer's body.
    Bytes,
    /// How the exchange failed.
    Error,
    /// The page of another site.
    ExternalReferrer,
    /// The page of this site that holds a broken link.
    InternalReferrer,
    /// The browser.
    UserAgent,
    /// The user name of HTTP authentication.
    AuthUser,
    /// Whether the page was the first one of the visit.
    FirstPage,
    /// The version of the policy.
    PolicyVersion,
}

impl Field {
    /// Every field, in the order in which an entry holds them.
    pub const ALL: [Self; 16] = [
        Self::Arrived,
        Self::Sent,
        Self::ClientAddress,
        Self::ClientHost,
        Self::Method,
        Self::Url,
        Self::Protocol,
        Self::Status,
        Self::Bytes,
        Self::Error,
        Self::ExternalReferrer,
        Self::InternalReferrer,
        Self::UserAgent,
        Self::AuthUser,
        Self::FirstPage,
        Self::PolicyVersion,
    ];

    /// Those that tell who a visitor is, and may stand in a log of their own.
    pub const OF_A_VISITOR: [Self; 4] = [Self::ClientAddress, Self::ClientHost, Self::UserAgent, Self::AuthUser];

    /// Its key in `policy.toml`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Arrived => "arrived",
            Self::Sent => "sent",
            Self::ClientAddress => "client_address",
            Self::ClientHost => "client_host",
            Self::Method => "method",
            Self::Url => "url",
            Self::Protocol => "protocol",
            Self::Status => "status",
            Self::Bytes => "bytes",
            Self::Error => "error",
            Self::ExternalReferrer => "external_referrer",
            Self::InternalReferrer => "internal_referrer_on_errors",
            Self::UserAgent => "user_agent",
            Self::AuthUser => "auth_user",
            Self::FirstPage => "first_page",
            Self::PolicyVersion => "policy_version",
        }
    }

    /// What a visitor is told of it; how much of it is kept says [`Treatment::sentence`].
    pub fn sentence(self, lang: Lang) -> &'static str {
        let (pl, en) = match self {
            Self::Arrived => (
                "Zapisujemy, kiedy dotarło do nas zapytanie.",
                "We record when your request reached us.",
            ),
            Self::Sent => (
                "Zapisujemy, kiedy skończyliśmy wysyłać odpowiedź.",
                "We record when we finished sending the answer.",
            ),
            Self::ClientAddress => (
                "Zapisujemy adres IP, z którego przyszło zapytanie.",
                "We record the IP address from which the request came.",
            ),
            Self::ClientHost => (
                "Zapisujemy nazwę, pod którą ten adres jest znany w internecie (nazwę hosta).",
                "We record the name by which that address is known on the internet (its host name).",
            ),
            Self::Method => (
                "Zapisujemy rodzaj zapytania, na przykład GET (odczyt strony) albo POST (wysłanie formularza).",
                "We record the kind of request, such as GET (reading a page) or POST (sending a form).",
            ),
            Self::Url => (
                "Zapisujemy adres URL strony lub pliku, którego dotyczyło zapytanie.",
                "We record the URL of the page or file that was asked for.",
            ),
            Self::Protocol => (
                "Zapisujemy wersję protokołu HTTP.",
                "We record the version of the HTTP protocol.",
            ),
            Self::Status => (
                "Zapisujemy kod odpowiedzi, na przykład 200 (wszystko w porządku) albo 404 (nie ma takiej strony).",
                "We record the status of the answer, such as 200 (all is well) or 404 (there is no such page).",
            ),
            Self::Bytes => (
                "Zapisujemy, ile bajtów liczyła treść odpowiedzi.",
                "We record how many bytes the body of the answer had.",
            ),
            Self::Error => (
                "Jeśli podczas obsługi zapytania wystąpił błąd, zapisujemy jego rodzaj.",
                "If something went wrong with the request, we record what kind of error it was.",
            ),
            Self::ExternalReferrer => (
                "Jeśli do naszej strony prowadził odnośnik z innego serwisu, zapisujemy, skąd prowadził.",
                "If a link on another site led to ours, we record where it was.",
            ),
            Self::InternalReferrer => (
                "Jeśli odnośnik na naszej stronie prowadzi do błędu, zapisujemy, gdzie się znajduje, aby można było go \
                 poprawić.",
                "If a link on our own site leads to an error, we record where it is, so that it can be mended.",
            ),
            Self::UserAgent => (
                "Zapisujemy informację o przeglądarce, którą przeglądarka sama podaje.",
                "We record what the browser says about itself.",
            ),
            Self::AuthUser => (
                "Zapisujemy nazwę użytkownika podaną przy uwierzytelnianiu HTTP; hasła nie zapisujemy nigdy.",
                "We record the user name given in HTTP authentication; the password is never recorded.",
            ),
            Self::FirstPage => (
                "Zapisujemy, czy strona była pierwszą stroną otwartą podczas tej wizyty.",
                "We record whether the page was the first one opened during the visit.",
            ),
            Self::PolicyVersion => (
                "Zapisujemy, która wersja polityki prywatności wtedy obowiązywała.",
                "We record which version of the privacy policy was in force.",
            ),
        };
        match lang {
            Lang::Pl => pl,
            Lang::En => en,
        }
    }

    /// How much of it is kept, redaction apart; `None` if nothing is.
    pub fn of(self, fields: &Fields) -> Option<Treatment> {
        let whole = |kept: bool| kept.then_some(Treatment::Whole);
        match self {
            Self::ClientAddress => match fields.client_address {
                AddressRule::Omitted => None,
                AddressRule::Shortened { ipv4, ipv6 } => Some(Treatment::Shortened { ipv4, ipv6 }),
                AddressRule::Whole => Some(Treatment::Whole),
            },
            Self::ExternalReferrer => match fields.external_referrer {
                ReferrerRule::Omitted => None,
                ReferrerRule::Host => Some(Treatment::Host),
                ReferrerRule::Url => Some(Treatment::Whole),
            },
            Self::UserAgent => match fields.user_agent {
                AgentRule::Omitted => None,
                AgentRule::Family => Some(Treatment::Family),
                AgentRule::Whole => Some(Treatment::Whole),
            },
            Self::Arrived => whole(fields.arrived),
            Self::Sent => whole(fields.sent),
            Self::ClientHost => whole(fields.client_host),
            Self::Method => whole(fields.method),
            Self::Url => whole(fields.url),
            Self::Protocol => whole(fields.protocol),
            Self::Status => whole(fields.status),
            Self::Bytes => whole(fields.bytes),
            Self::Error => whole(fields.error),
            Self::InternalReferrer => whole(fields.internal_referrer_on_errors),
            Self::AuthUser => whole(fields.auth_user),
            Self::FirstPage => whole(fields.first_page),
            Self::PolicyVersion => whole(fields.policy_version),
        }
    }

    /// Its place in [`Fields`], where that is a plain yes or no.
    pub(super) fn flag(self, fields: &mut Fields) -> Option<&mut bool> {
        Some(match self {
            Self::ClientAddress | Self::ExternalReferrer | Self::UserAgent => return None,
            Self::Arrived => &mut fields.arrived,
            Self::Sent => &mut fields.sent,
            Self::ClientHost => &mut fields.client_host,
            Self::Method => &mut fields.method,
            Self::Url => &mut fields.url,
            Self::Protocol => &mut fields.protocol,
            Self::Status => &mut fields.status,
            Self::Bytes => &mut fields.bytes,
            Self::Error => &mut fields.error,
            Self::InternalReferrer => &mut fields.internal_referrer_on_errors,
            Self::AuthUser => &mut fields.auth_user,
            Self::FirstPage => &mut fields.first_page,
            Self::PolicyVersion => &mut fields.policy_version,
        })
    }
}
