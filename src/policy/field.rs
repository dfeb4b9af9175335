//! The one list of what can be kept about a request. Redaction, codec and statement go by it; each match is
//! exhaustive, so a field without its sentences does not compile.

/// A language of the statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lang {
    /// Polish.
    Pl,
    /// English.
    En,
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
    /// The version of the policy.
    PolicyVersion,
}

impl Field {
    /// Every field, in the order in which an entry holds them.
    pub const ALL: [Self; 15] = [
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
        Self::PolicyVersion,
    ];

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
            Self::PolicyVersion => "policy_version",
        }
    }
}
