//! How an exchange ended: a closed list, because a named case can be counted, translated and asserted.

/// How an exchange ended. Every accepted request has exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The whole answer was handed to the connection.
    Completed,
    /// The connection became a tunnel (a WebSocket), which has ended.
    Upgraded,
    /// We answered, not the CMS.
    Refused(Refusal),
    /// The CMS did not answer; the visitor got a 502 or 504.
    Upstream(UpstreamFailure),
    /// The exchange stopped before its end.
    CutOff(Who),
    /// Bytes arrived that never became a request.
    NotARequest(NotARequest),
}

/// Why we answered instead of the CMS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No Host, more than one, or not a host: 400 (RFC 9112, section 3.2).
    Host,
    /// A host that is no site of ours: 421 (RFC 9110, section 15.5.20).
    UnknownSite,
    /// CONNECT, or a target that no origin has: 400, 405 or 501.
    Target,
    /// Framing or a field that we do not forward: 400.
    Malformed,
    /// A body above the limit: 413.
    BodyTooLarge,
    /// An expectation that we cannot meet: 417.
    Expectation,
    /// The journal cannot record it, and is configured to refuse: 503.
    Journal,
    /// A body that came too slowly: 408.
    TooSlow,
    /// More exchanges than may be open at a time: 503.
    TooManyExchanges,
}

/// How the CMS failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamFailure {
    /// Its name could not be resolved: 502.
    Resolve,
    /// It did not accept the connection: 502.
    Connect,
    /// It did not accept the connection, or did not answer, in time: 504.
    Timeout,
    /// Over https it was not who it should be, or did not speak TLS as we do: 502.
    Tls,
    /// It closed the connection before an answer: 502.
    Closed,
    /// Its answer was not HTTP, or not one that we pass on: 502.
    Malformed,
}

/// Who ended an exchange early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// The visitor left.
    Visitor,
    /// The CMS broke off its answer.
    Upstream,
    /// A limit on time was reached.
    Timeout,
    /// townclerk stopped.
    Shutdown,
    /// A fault of our own; the diagnostics say more.
    Internal,
}

/// Why bytes never became a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotARequest {
    /// Not HTTP: 400.
    Malformed,
    /// A head above the limit: 431 or 414.
    HeadTooLarge,
    /// The head did not come in time.
    Timeout,
    /// The connection ended inside the head.
    Incomplete,
    /// More streams of HTTP/2 than may be open at a time.
    TooManyStreams,
    /// The TLS handshake failed.
    Tls,
    /// The TLS handshake did not come in time.
    TlsTimeout,
}

impl Outcome {
    /// Each of them, in the order of [`Outcome::index`].
    pub const ALL: [Self; 29] = [
        Self::Completed,
        Self::Upgraded,
        Self::Refused(Refusal::Host),
        Self::Refused(Refusal::UnknownSite),
        Self::Refused(Refusal::Target),
        Self::Refused(Refusal::Malformed),
        Self::Refused(Refusal::BodyTooLarge),
        Self::Refused(Refusal::Expectation),
        Self::Refused(Refusal::Journal),
        Self::Refused(Refusal::TooSlow),
        Self::Refused(Refusal::TooManyExchanges),
        Self::Upstream(UpstreamFailure::Resolve),
        Self::Upstream(UpstreamFailure::Connect),
        Self::Upstream(UpstreamFailure::Timeout),
        Self::Upstream(UpstreamFailure::Tls),
        Self::Upstream(UpstreamFailure::Closed),
        Self::Upstream(UpstreamFailure::Malformed),
        Self::CutOff(Who::Visitor),
        Self::CutOff(Who::Upstream),
        Self::CutOff(Who::Timeout),
        Self::CutOff(Who::Shutdown),
        Self::CutOff(Who::Internal),
        Self::NotARequest(NotARequest::Malformed),
        Self::NotARequest(NotARequest::HeadTooLarge),
        Self::NotARequest(NotARequest::Timeout),
        Self::NotARequest(NotARequest::Incomplete),
        Self::NotARequest(NotARequest::TooManyStreams),
        Self::NotARequest(NotARequest::Tls),
        Self::NotARequest(NotARequest::TlsTimeout),
    ];

    /// Its place in [`Outcome::ALL`].
    pub fn index(self) -> usize {
        const UPSTREAM: usize = 2 + Refusal::TooManyExchanges as usize + 1;
        const CUT_OFF: usize = UPSTREAM + UpstreamFailure::Malformed as usize + 1;
        const NOT_A_REQUEST: usize = CUT_OFF + Who::Internal as usize + 1;
        match self {
            Self::Completed => 0,
            Self::Upgraded => 1,
            Self::Refused(why) => 2 + why as usize,
            Self::Upstream(how) => UPSTREAM + how as usize,
            Self::CutOff(who) => CUT_OFF + who as usize,
            Self::NotARequest(what) => NOT_A_REQUEST + what as usize,
        }
    }

    /// Its name for programs: that of the error, or `completed`, or `upgraded`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Upgraded => "upgraded",
            other => other.error().unwrap_or_default(),
        }
    }

    /// The value of `error.type`; `None` where nothing went wrong.
    pub fn error(self) -> Option<&'static str> {
        Some(match self {
            Self::Completed | Self::Upgraded => return None,
            Self::Refused(Refusal::Host) => "refused.host",
            Self::Refused(Refusal::UnknownSite) => "refused.unknown_site",
            Self::Refused(Refusal::Target) => "refused.target",
            Self::Refused(Refusal::Malformed) => "refused.malformed",
            Self::Refused(Refusal::BodyTooLarge) => "refused.body_too_large",
            Self::Refused(Refusal::Expectation) => "refused.expectation",
            Self::Refused(Refusal::Journal) => "refused.journal",
            Self::Refused(Refusal::TooSlow) => "refused.too_slow",
            Self::Refused(Refusal::TooManyExchanges) => "refused.too_many_exchanges",
            Self::Upstream(UpstreamFailure::Resolve) => "upstream.resolve",
            Self::Upstream(UpstreamFailure::Connect) => "upstream.connect",
            Self::Upstream(UpstreamFailure::Timeout) => "upstream.timeout",
            Self::Upstream(UpstreamFailure::Tls) => "upstream.tls",
            Self::Upstream(UpstreamFailure::Closed) => "upstream.closed",
            Self::Upstream(UpstreamFailure::Malformed) => "upstream.malformed",
            Self::CutOff(Who::Visitor) => "cut_off.visitor",
            Self::CutOff(Who::Upstream) => "cut_off.upstream",
            Self::CutOff(Who::Timeout) => "cut_off.timeout",
            Self::CutOff(Who::Shutdown) => "cut_off.shutdown",
            Self::CutOff(Who::Internal) => "cut_off.internal",
            Self::NotARequest(NotARequest::Malformed) => "not_a_request.malformed",
            Self::NotARequest(NotARequest::HeadTooLarge) => "not_a_request.head_too_large",
            Self::NotARequest(NotARequest::Timeout) => "not_a_request.timeout",
            Self::NotARequest(NotARequest::Incomplete) => "not_a_request.incomplete",
            Self::NotARequest(NotARequest::TooManyStreams) => "not_a_request.too_many_streams",
            Self::NotARequest(NotARequest::Tls) => "not_a_request.tls",
            Self::NotARequest(NotARequest::TlsTimeout) => "not_a_request.tls_timeout",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_has_its_place_and_its_name() {
        for (place, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome.index(), place);
            let twice = Outcome::ALL
                .iter()
                .filter(|other| other.name() == outcome.name())
                .count();
            assert_eq!(twice, 1, "{}", outcome.name());
        }
    }
}
