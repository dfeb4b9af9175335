//! Where the CMS answers: its addresses in turn, without those that could not be reached lately.
//!
//! An upstream has one URL or several, and a name has one address or several: all of them are equal. Nobody is asked
//! whether it is well; who cannot be connected to is left out for a while, a longer one each time, and if all of them
//! are, all are tried.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio_rustls::client::TlsStream;

use super::trust::Trust;
use crate::config::Origin;
use crate::entry::UpstreamFailure;
use crate::server::{Ticks, ticks};

/// An address that failed is left out for this long, each further time for twice as long, up to 16 times.
const PAUSE: Duration = Duration::from_secs(4);
const LONGEST: u32 = 4;

/// One worker's view of the addresses of one CMS.
pub(super) struct Origins {
    origins: Vec<Origin>,
    trust: Option<Arc<Trust>>,
    now: Ticks,
    /// As of the last look-up, in the order of the configuration.
    known: RefCell<Vec<Place>>,
    turn: Cell<usize>,
    failed: RefCell<Vec<Failed>>,
}

/// An address of the CMS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    origin: usize,
    /// `None` for a socket in the file system.
    address: Option<SocketAddr>,
}

struct Failed {
    place: Place,
    /// The tick at which it is tried again.
    until: u32,
    times: u32,
}

/// A connection as it came.
pub(super) enum Stream {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Unix(UnixStream),
}

impl Origins {
    pub(super) fn new(origins: &[Origin], trust: Option<Arc<Trust>>, now: Ticks) -> Self {
        Self {
            origins: origins.to_vec(),
            trust,
            now,
            known: RefCell::default(),
            turn: Cell::new(0),
            failed: RefCell::default(),
        }
    }

    /// Whose turn it is; `None` if there is no choice.
    pub(super) fn next(&self) -> Option<Place> {
        let known = self.known.borrow();
        if known.len() < 2 {
            return None;
        }
        let first = self.turn.get();
        let of = |step| known[first.wrapping_add(step) % known.len()];
        let step = (0..known.len()).find(|&step| !self.is_out(of(step))).unwrap_or(0);
        self.turn.set(first.wrapping_add(step + 1));
        Some(of(step))
    }

    /// Looks the names up. All addresses, first the one whose turn it is, last those that are out.
    ///
    /// # Errors
    /// [`UpstreamFailure::Resolve`] if not one is known.
    pub(super) async fn in_turn(&self, next: Option<Place>) -> Result<Vec<Place>, UpstreamFailure> {
        let mut places = Vec::new();
        for (origin, written) in self.origins.iter().enumerate() {
            match written {
                Origin::Unix(_) => places.push(Place { origin, address: None }),
                Origin::Http { host, port } | Origin::Https { host, port } => {
                    let addresses = lookup_host((host.as_str(), *port)).await;
                    for address in addresses.into_iter().flatten() {
                        let address = Some(address);
                        let place = Place { origin, address };
                        if !places.contains(&place) {
                            places.push(place);
                        }
                    }
                }
            }
        }
        if places.is_empty() {
            return Err(UpstreamFailure::Resolve);
        }
        self.known.borrow_mut().clone_from(&places);
        let first = next.or_else(|| self.next());
        let first = first.and_then(|next| places.iter().position(|place| *place == next));
        places.rotate_left(first.unwrap_or(0));
        places.sort_by_key(|place| self.is_out(*place)); // the order is otherwise kept
        Ok(places)
    }

    /// Connects. What fails here was never asked anything: the next address may be.
    ///
    /// # Errors
    /// It could not be reached, or is not who it should be.
    pub(super) async fn connect(&self, place: Place) -> Result<Stream, UpstreamFailure> {
        let origin = self.origins.get(place.origin).ok_or(UpstreamFailure::Connect)?;
        if let Origin::Unix(path) = origin {
            let stream = UnixStream::connect(path).await;
            return stream.map(Stream::Unix).map_err(|_| UpstreamFailure::Connect);
        }
        let address = place.address.ok_or(UpstreamFailure::Connect)?;
        let stream = TcpStream::connect(address)
            .await
            .map_err(|_| UpstreamFailure::Connect)?;
        let _ = stream.set_nodelay(true); // fails only on a dead socket
        match (origin, &self.trust) {
            (Origin::Https { host, .. }, Some(trust)) => {
                let stream = trust.shake_hands(host, stream).await;
                let stream = stream.map_err(|_| UpstreamFailure::Tls)?;
                Ok(Stream::Tls(Box::new(stream)))
            }
            (Origin::Https { .. }, None) => Err(UpstreamFailure::Tls),
            _ => Ok(Stream::Tcp(stream)),
        }
    }

    /// It was reached.
    pub(super) fn is_well(&self, place: Place) {
        self.failed.borrow_mut().retain(|failed| failed.place != place);
    }

    /// It was not, and is left out for a while.
    pub(super) fn is_not(&self, place: Place) {
        let now = self.now.load(Relaxed);
        let mut failed = self.failed.borrow_mut();
        let known = self.known.borrow();
        failed.retain(|failed| known.contains(&failed.place)); // names change their addresses
        let pause = |times: u32| now.saturating_add(ticks(PAUSE) << times.min(LONGEST));
        match failed.iter_mut().find(|failed| failed.place == place) {
            Some(again) => {
                again.until = pause(again.times);
                again.times += 1;
            }
            None => failed.push(Failed {
                place,
                until: pause(0),
                times: 1,
            }),
        }
    }

    fn is_out(&self, place: Place) -> bool {
        let now = self.now.load(Relaxed);
        let failed = self.failed.borrow();
        failed.iter().any(|failed| failed.place == place && now < failed.until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(ports: &[u16]) -> Origins {
        let origin = |&port| Origin::Http {
            host: "127.0.0.1".into(),
            port,
        };
        let all: Vec<_> = ports.iter().map(origin).collect();
        Origins::new(&all, None, Ticks::default())
    }

    fn ports(places: impl IntoIterator<Item = Place>) -> Vec<u16> {
        places
            .into_iter()
            .map(|place| place.address.map_or(0, |a| a.port()))
            .collect()
    }

    #[tokio::test(flavor = "current_thread")]
    async fn addresses_take_turns() {
        let origins = origins(&[1, 2, 3]);
        assert_eq!(origins.next(), None, "nothing is known yet");
        assert_eq!(ports(origins.in_turn(None).await.unwrap()), [1, 2, 3]);
        let next = || ports(origins.next());
        assert_eq!([next(), next(), next(), next()], [[2], [3], [1], [2]]);
        let third = origins.next();
        assert_eq!(ports(origins.in_turn(third).await.unwrap()), [3, 1, 2]);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_single_address_is_no_choice() {
        let origins = origins(&[1]);
        let places = origins.in_turn(None).await.unwrap();
        origins.is_not(places[0]);
        assert_eq!(origins.next(), None);
        assert_eq!(
            ports(origins.in_turn(None).await.unwrap()),
            [1],
            "all are out: all are tried"
        );
    }

    #[tokio::test(flavor = "current_thread")]
    async fn who_failed_is_left_out_for_a_while_and_longer_the_next_time() {
        let origins = origins(&[1, 2]);
        let first = origins.in_turn(None).await.unwrap()[0];
        let pause = ticks(PAUSE);
        for (begin, length) in [(0, pause), (pause, 2 * pause)] {
            origins.now.store(begin, Relaxed);
            origins.is_not(first);
            origins.now.store(begin + length - 1, Relaxed);
            assert!((0..4).all(|_| ports(origins.next()) == [2]));
            assert_eq!(
                ports(origins.in_turn(None).await.unwrap()),
                [2, 1],
                "still the last resort"
            );
            origins.now.store(begin + length, Relaxed);
            assert!((0..2).any(|_| ports(origins.next()) == [1]));
        }
        origins.is_not(first);
        origins.is_well(first);
        assert!((0..2).any(|_| ports(origins.next()) == [1]));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn if_all_failed_all_are_tried() {
        let origins = origins(&[1, 2]);
        for place in origins.in_turn(None).await.unwrap() {
            origins.is_not(place);
        }
        assert_eq!(ports(origins.in_turn(None).await.unwrap()).len(), 2);
        assert!(origins.next().is_some());
    }
}
