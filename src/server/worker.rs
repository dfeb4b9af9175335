//! One worker: a thread, its runtime, its listeners, its upstream connections.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::IpAddr;
use std::rc::{Rc, Weak};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use slab::Slab;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{self, LocalOptions};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::{Notify, watch};
use tokio::time::{self, MissedTickBehavior};
use tokio_rustls::TlsAcceptor;

use super::meter::{Allowances, TICK, Ticks};
use super::start::Door;
use super::view::Hands;
use super::{Connection, Exchanges, Shared, proxied};
use crate::journal::Gate;
use crate::proxy::{HostNames, Pool, Site};

/// How often what was met of cookies and third parties is recorded, in ticks: once an hour.
const SEEN_EVERY: u32 = 3600 * 4;

/// Between the last connection and the drain: what its visitor has sent already is read, and answered.
const LAST_READ: Duration = Duration::from_millis(20);

/// An edition of the configuration as one worker has it.
pub(crate) struct Edition {
    pub(crate) shared: Arc<Shared>,
    /// One for each site, in the same order.
    pub(crate) pools: Vec<Rc<Pool>>,
    /// Where its exchanges get their places in the journals.
    pub(crate) gates: Vec<Gate>,
    pub(crate) allowances: Arc<Allowances>,
}

impl Edition {
    /// With the pools of the edition before it where their CMS is the same.
    fn new(shared: Arc<Shared>, before: Option<&Self>, now: &Ticks) -> Rc<Self> {
        let kept = |site: &Arc<Site>| {
            let before = before?;
            let place = before.shared.sites.iter().position(|old| old.has_upstream_of(site))?;
            before.pools.get(place).cloned()
        };
        let pools = shared.sites.iter();
        let pools = pools.map(|site| kept(site).unwrap_or_else(|| Pool::new(site, Arc::clone(now))));
        Rc::new(Self {
            pools: pools.collect(),
            gates: shared.sites.iter().map(|site| site.journal.gate()).collect(),
            allowances: Arc::new(Allowances::new(&shared.limits)),
            shared,
        })
    }

    /// The place in the list of the site that has this host name, in lower case.
    pub(crate) fn place(&self, host: &str) -> Option<usize> {
        let sites = &self.shared.sites;
        sites
            .iter()
            .position(|site| site.hosts.iter().any(|name| **name == *host))
    }
}

/// An edition for a worker to take over, and whom to tell by dropping it.
pub(super) type Order = (Arc<Shared>, mpsc::Sender<()>);

/// How far a server has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Serving,
    /// Another process accepts. What is open goes on to its end; each connection has one more answer.
    Leaving,
    /// What is open ends soon, or is cut off.
    Draining,
}

/// What the connections of one thread share.
pub(crate) struct Worker {
    edition: RefCell<Rc<Edition>>,
    pub(crate) host_names: HostNames,
    pub(crate) tasks: Tasks,
    pub(crate) now: Ticks,
    pub(crate) hands: Arc<Hands>,
    pub(super) exchanges: Exchanges,
    /// Every open connection, stream and tunnel, for the sweep.
    open: RefCell<Slab<Weak<Connection>>>,
    phase: Cell<Phase>,
    /// The drain's time is up: what still runs is cut off.
    stopped: Cell<bool>,
}

impl Worker {
    fn new(shared: Arc<Shared>, hands: Arc<Hands>) -> Rc<Self> {
        let now = Arc::clone(&hands.now);
        Rc::new(Self {
            host_names: HostNames::new(&shared.resolver, Arc::clone(&now)),
            exchanges: shared.exchanges.clone(),
            edition: RefCell::new(Edition::new(shared, None, &now)),
            tasks: Tasks::default(),
            now,
            hands,
            open: RefCell::default(),
            phase: Cell::new(Phase::Serving),
            stopped: Cell::new(false),
        })
    }

    /// The edition of the configuration that what begins now belongs to.
    pub(crate) fn edition(&self) -> Rc<Edition> {
        Rc::clone(&self.edition.borrow())
    }

    /// Takes over a later edition.
    fn take_over(&self, shared: Arc<Shared>) {
        let next = Edition::new(shared, Some(&self.edition()), &self.now);
        let before = self.edition.replace(next);
        drop(before); // after the borrow has ended: closing connections may ask for the edition
    }

    /// Whether idle connections are closed.
    pub(crate) fn is_draining(&self) -> bool {
        self.phase.get() == Phase::Draining
    }

    /// Whether an answer is the last one of its connection.
    pub(crate) fn is_leaving(&self) -> bool {
        self.phase.get() != Phase::Serving
    }

    fn enter(&self, phase: Phase) {
        self.phase.set(phase);
        self.wake(|_| true);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.get()
    }

    /// Lets the sweep see a connection, which is made with its place among them.
    pub(super) fn watch(&self, make: impl FnOnce(usize) -> Connection) -> Rc<Connection> {
        let mut open = self.open.borrow_mut();
        let place = open.vacant_entry();
        let connection = Rc::new(make(place.key()));
        place.insert(Rc::downgrade(&connection));
        connection
    }

    /// The connection at this place is closed.
    pub(super) fn forget(&self, place: usize) {
        self.open.borrow_mut().try_remove(place);
    }

    /// Wakes the connections that `which` names.
    fn wake(&self, which: impl Fn(&Connection) -> bool) {
        let open = self.open.borrow();
        let connections = open.iter().filter_map(|(_, connection)| connection.upgrade());
        connections
            .filter(|connection| which(connection))
            .for_each(|connection| connection.wake());
    }
}

/// Counts what must have ended before the worker may: connections and tunnels.
#[derive(Default)]
pub(crate) struct Tasks {
    open: Cell<usize>,
    ended: Notify,
}

/// One such task; it is over when this is dropped.
pub(crate) struct Task {
    worker: Rc<Worker>,
}

impl Tasks {
    fn open(&self) -> usize {
        self.open.get()
    }

    /// Waits until nothing is open, and no entry waits for a name.
    async fn all_ended(&self, names: &HostNames) {
        while self.open() > 0 || names.are_asked() {
            self.ended.notified().await;
        }
    }

    /// Something ended that a drain may wait for.
    pub(crate) fn ended(&self) {
        self.ended.notify_waiters();
    }
}

impl Task {
    pub(crate) fn begin(worker: &Rc<Worker>) -> Self {
        worker.tasks.open.set(worker.tasks.open.get() + 1);
        worker.hands.open.set(worker.tasks.open() as u64);
        Self {
            worker: Rc::clone(worker),
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        let tasks = &self.worker.tasks;
        tasks.open.set(tasks.open.get() - 1);
        self.worker.hands.open.set(tasks.open() as u64);
        tasks.ended();
    }
}

/// Starts a worker's thread.
///
/// # Errors
/// The system gives no thread or no runtime, or a socket cannot be used.
pub(super) fn spawn(
    hands: Arc<Hands>,
    plain: Vec<Door>,
    secure: Vec<Door>,
    tls: Option<TlsAcceptor>,
    shared: Arc<Shared>,
    orders: UnboundedReceiver<Order>,
    phase: watch::Receiver<Phase>,
) -> io::Result<JoinHandle<()>> {
    let name = format!("worker-{}", hands.number);
    let (say, said) = mpsc::sync_channel(1);
    let thread = thread::Builder::new().name(name).spawn(move || {
        // One that holds tasks of this thread alone needs no list of its own beside it, which each wake-up would lock.
        let built = runtime::Builder::new_current_thread()
            .enable_all()
            .build_local(LocalOptions::default());
        let runtime = match built {
            Ok(runtime) => runtime,
            Err(error) => return drop(say.send(Err(error))),
        };
        drop(say.send(Ok(())));
        let worker = {
            let _context = runtime.enter();
            Worker::new(shared, hands)
        };
        let doors = plain.into_iter().map(|door| (door, None));
        let doors = doors.chain(secure.into_iter().map(|door| (door, tls.clone())));
        let life = live(Rc::clone(&worker), doors.collect(), orders, phase);
        runtime.block_on(life);
        worker.stopped.set(true);
        drop(runtime); // what is still open is cut off, and its entry written
    })?;
    said.recv().unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))?;
    Ok(thread)
}

/// From the first connection to the end of the drain.
async fn live(
    worker: Rc<Worker>,
    doors: Vec<(Door, Option<TlsAcceptor>)>,
    mut orders: UnboundedReceiver<Order>,
    mut phase: watch::Receiver<Phase>,
) {
    let sweeper = tokio::task::spawn_local(sweep(Rc::clone(&worker)));
    let follower = tokio::task::spawn_local({
        let worker = Rc::clone(&worker);
        async move {
            while let Some((shared, _taken_over)) = orders.recv().await {
                worker.take_over(shared);
            }
        }
    });
    let mut listeners = Vec::new();
    for (Door { socket, is_proxied }, tls) in doors {
        match TcpListener::from_std(socket) {
            Ok(socket) => listeners.push(tokio::task::spawn_local(accept(
                Rc::clone(&worker),
                socket,
                is_proxied,
                tls,
                phase.clone(),
            ))),
            Err(error) => tracing::error!(error = %error.kind(), "a listener cannot be used"),
        }
    }

    let _ = phase.wait_for(|phase| *phase != Phase::Serving).await; // or the server is gone: the same
    for listener in listeners {
        let _ = listener.await; // what the kernel had accepted already is served
    }
    if *phase.borrow() == Phase::Leaving {
        worker.enter(Phase::Leaving);
        tokio::select! {
            () = worker.tasks.all_ended(&worker.host_names) => {}
            _ = phase.wait_for(|phase| *phase == Phase::Draining) => {}
        }
    } else {
        time::sleep(LAST_READ).await;
    }
    worker.enter(Phase::Draining);
    let drain_time = worker.edition().shared.limits.drain_time;
    let _ = time::timeout(drain_time, worker.tasks.all_ended(&worker.host_names)).await;
    follower.abort();
    sweeper.abort();
}

/// Accepts until another process does, or the drain, and serves each connection in a task of its own.
async fn accept(
    worker: Rc<Worker>,
    socket: TcpListener,
    is_proxied: bool,
    tls: Option<TlsAcceptor>,
    mut phase: watch::Receiver<Phase>,
) {
    let mut left = phase.clone();
    loop {
        while worker.tasks.open() >= worker.edition().shared.connections_per_worker {
            // The kernel's backlog holds the next ones.
            tokio::select! {
                () = worker.tasks.ended.notified() => {}
                _ = phase.wait_for(|phase| *phase != Phase::Serving) => return,
            }
        }
        let accepted = tokio::select! {
            biased;
            _ = left.wait_for(|phase| *phase == Phase::Leaving) => return,
            accepted = socket.accept() => accepted,
            _ = phase.wait_for(|phase| *phase != Phase::Serving) => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                let _ = stream.set_nodelay(true); // fails only on a dead socket
                let task = Task::begin(&worker);
                worker.hands.accepted.add(1);
                tokio::task::spawn_local(serve(task, stream, peer.ip(), is_proxied, tls.clone()));
            }
            // Out of descriptors, usually: others end, so it passes. The visitor's own failures need no pause but bear
            // one.
            Err(error) => {
                tracing::warn!(target: crate::OFTEN, error = %error.kind(), "cannot accept a connection");
                time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn serve(task: Task, mut stream: TcpStream, mut peer: IpAddr, is_proxied: bool, tls: Option<TlsAcceptor>) {
    let worker = Rc::clone(&task.worker);
    if is_proxied {
        match proxied::visitor(&worker, &mut stream, peer).await {
            Some(visitor) => peer = visitor,
            None => return,
        }
    }
    match tls {
        None => Connection::plain(worker, stream, peer).await,
        Some(tls) => Box::pin(Connection::secure(worker, stream, peer, tls)).await, // lest plain ones are as large
    }
}

/// Counts the ticks, wakes what is overdue or may sleep, closes upstream connections that were idle too long. One
/// worker also has recorded what all of them met.
async fn sweep(worker: Rc<Worker>) {
    let keeps_count = worker.hands.number == 0;
    let mut last = 0;
    let mut interval = time::interval(TICK);
    interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let start = interval.tick().await;
    loop {
        let elapsed = interval.tick().await - start;
        let now = u32::try_from(elapsed.as_millis() / TICK.as_millis()).unwrap_or(u32::MAX - 1);
        worker.now.store(now, Relaxed);
        worker.wake(Connection::is_due);
        let edition = worker.edition();
        edition.pools.iter().for_each(|pool| pool.sweep());
        if keeps_count && now / SEEN_EVERY > last / SEEN_EVERY {
            edition.shared.sites.iter().for_each(|site| site.record_seen());
        }
        last = now;
    }
}
