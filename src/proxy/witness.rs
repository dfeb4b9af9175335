//! Sees an exchange to its end, whatever that is, and records it once.

use std::net::IpAddr;
use std::rc::Rc;
use std::thread;

use http::{Request, StatusCode, header};
use jiff::Timestamp;

use super::Site;
use crate::entry::{ClientHost, NotARequest, Observation, Outcome, Refusal, RequestHead, Who};
use crate::fields;
use crate::journal::{Arrival, Durability, Slot};
use crate::policy::Field;
use crate::server::{Connection, Edition, Stage};

/// Holds what was seen of one exchange. However the exchange ends, dropped futures and panics included, exactly one
/// entry leaves here: a witness that is dropped before it was told the end finds out by itself.
pub(super) struct Witness(Option<Seen>);

struct Seen {
    record: Record,
    connection: Rc<Connection>,
    /// Until it is durable, where the journal is strict.
    arrival: Option<Arrival>,
}

impl Witness {
    /// Begins with a place in the journal's queue, so that the entry cannot be lost for want of room.
    ///
    /// # Errors
    /// [`Refusal::Journal`] if the journal cannot record the exchange and is configured to refuse it.
    pub(super) fn begin(
        connection: &Rc<Connection>,
        edition: &Rc<Edition>,
        place: usize,
        observation: Observation,
    ) -> Result<Self, Refusal> {
        let site = &edition.shared.sites[place];
        let mut slot = edition.gates[place].reserve().map_err(|_| {
            let (refused, status) = (Outcome::Refused(Refusal::Journal), StatusCode::SERVICE_UNAVAILABLE);
            site.counts
                .ended(connection.worker.hands.number, refused, Some(status), 0);
            Refusal::Journal
        })?;
        let arrival = match site.journal.durability() {
            Durability::Interval => None,
            Durability::Strict if observation.request.is_none() => None, // hyper has answered it already
            Durability::Strict => slot.arrive(&observation.arrival(&site.in_force.policy, &site.hosts)),
        };
        if site.in_force.policy.keeps(Field::ClientHost) {
            connection
                .worker
                .host_names
                .begin(&connection.worker, observation.client);
        }
        connection.begin_exchange();
        let record = Record::new(observation, Rc::clone(edition), place, slot);
        Ok(Self(Some(Seen {
            record,
            connection: Rc::clone(connection),
            arrival,
        })))
    }

    /// The exchange may be answered: where the journal is strict, its arrival is durable.
    ///
    /// # Errors
    /// [`Refusal::Journal`] if it is not to be, and the journal is configured to refuse then.
    pub(super) async fn may_answer(&mut self) -> Result<(), Refusal> {
        let arrival = self.0.as_mut().and_then(|seen| seen.arrival.take());
        match arrival {
            Some(arrival) => arrival.await.map_err(|_| Refusal::Journal),
            None => Ok(()),
        }
    }

    /// An answer with this status is on its way.
    pub(super) fn answered(&mut self, status: StatusCode) {
        if let Some(seen) = &self.0 {
            seen.connection.meter.enter(Stage::Delivery);
        }
        self.observe(|observation| observation.status = Some(status));
    }

    /// The answer marks its page as the first one of the visit.
    pub(super) fn first_page(&mut self) {
        self.observe(|observation| observation.first_page = true);
    }

    /// So many more bytes of its body were handed to the connection.
    pub(super) fn handed_over(&mut self, bytes: u64) {
        self.observe(|observation| observation.bytes += bytes);
    }

    /// The exchange is over. Only the first end counts.
    pub(super) fn end(&mut self, outcome: Outcome) {
        let Some(seen) = self.0.take() else { return };
        let Seen {
            mut record, connection, ..
        } = seen;
        connection.end_exchange();
        let now = connection.meter.clock().now();
        if connection.meter.end_exchange() {
            connection.wake(); // it was not told of the input's end yet
        }
        record.observe(|observation| {
            observation.outcome = outcome;
            observation.sent = observation.status.map(|_| now);
        });
        record.count(connection.worker.hands.number);
        connection.worker.host_names.complete(record);
    }

    fn observe(&mut self, what: impl FnOnce(&mut Observation)) {
        if let Some(seen) = &mut self.0 {
            seen.record.observe(what);
        }
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let Some(seen) = &self.0 else { return };
        let who = if thread::panicking() {
            Who::Internal
        } else if seen.connection.worker.is_stopped() {
            Who::Shutdown
        } else if seen.connection.meter.is_abandoned() {
            Who::Visitor
        } else if seen.connection.meter.is_overdue() {
            Who::Timeout
        } else {
            Who::Visitor
        };
        self.end(Outcome::CutOff(who));
    }
}

/// Records bytes that never became a request, in the journal of the first site.
pub(crate) fn not_a_request(
    connection: &Rc<Connection>,
    arrived: Timestamp,
    status: Option<StatusCode>,
    what: NotARequest,
) {
    let edition = connection.worker.edition();
    let mut observation = observation(arrived, connection.peer, None);
    observation.status = status;
    // A checked configuration has a first site.
    if let Ok(mut witness) = Witness::begin(connection, &edition, 0, observation) {
        witness.end(Outcome::NotARequest(what));
    }
}

/// The first look at a request.
pub(super) fn observe<B>(arrived: Timestamp, client: IpAddr, request: &Request<B>) -> Observation {
    let field = |name| fields::first(request.headers(), &name).cloned();
    let head = RequestHead {
        method: request.method().clone(),
        target: request.uri().clone(),
        version: request.version(),
        referrer: field(header::REFERER),
        agent: field(header::USER_AGENT),
        authorization: field(header::AUTHORIZATION),
    };
    observation(arrived, client, Some(head))
}

fn observation(arrived: Timestamp, client: IpAddr, request: Option<RequestHead>) -> Observation {
    Observation {
        arrived,
        sent: None,
        client,
        client_host: ClientHost::NotAsked,
        request,
        status: None,
        bytes: 0,
        first_page: false,
        outcome: Outcome::CutOff(Who::Internal),
    }
}

/// An observation with all that is needed to keep what the policy lets it. Dropped early, it is written without a host
/// name. It goes from hand to hand, and lies on the heap.
pub(super) struct Record(Option<Box<Unwritten>>);

struct Unwritten {
    observation: Observation,
    /// The site's place in it, and with that the policy that the exchange began with.
    edition: Rc<Edition>,
    place: usize,
    slot: Slot,
}

impl Unwritten {
    fn site(&self) -> &Site {
        &self.edition.shared.sites[self.place]
    }
}

impl Record {
    fn new(observation: Observation, edition: Rc<Edition>, place: usize, slot: Slot) -> Self {
        Self(Some(Box::new(Unwritten {
            observation,
            edition,
            place,
            slot,
        })))
    }

    /// The address to look up, if the policy keeps its host name.
    pub(super) fn wants_host_name(&self) -> Option<IpAddr> {
        let unwritten = self.0.as_ref()?;
        let policy = &unwritten.site().in_force.policy;
        policy.keeps(Field::ClientHost).then_some(unwritten.observation.client)
    }

    /// Counts how the exchange ended, for the worker that served it.
    fn count(&self, worker: usize) {
        if let Some(unwritten) = self.0.as_deref() {
            let Observation {
                outcome, status, bytes, ..
            } = unwritten.observation;
            unwritten.site().counts.ended(worker, outcome, status, bytes);
        }
    }

    /// Cuts it down to what the policy keeps, and hands it to the journal.
    pub(super) fn write(mut self, client_host: ClientHost) {
        self.write_once(client_host);
    }

    fn write_once(&mut self, client_host: ClientHost) {
        if let Some(unwritten) = self.0.take() {
            let Unwritten {
                mut observation,
                edition,
                place,
                slot,
            } = *unwritten;
            let site = &edition.shared.sites[place];
            observation.client_host = client_host;
            slot.append(&observation.redact(&site.in_force.policy, &site.hosts));
        }
    }

    fn observe(&mut self, what: impl FnOnce(&mut Observation)) {
        if let Some(unwritten) = &mut self.0 {
            what(&mut unwritten.observation);
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.write_once(ClientHost::Timeout);
    }
}
