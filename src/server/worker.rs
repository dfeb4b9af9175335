//! One worker: a thread, its runtime, its listeners, its upstream connections.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::LocalSet;
use tokio::time::{self, MissedTickBehavior};
use tokio_rustls::TlsAcceptor;

use super::meter::{Allowances, TICK, Ticks};
use super::{Connection, Shared};
use crate::proxy::{HostNames, Pool};

/// How often the cookies that were met are recorded, in ticks: once an hour.
const COOKIES_EVERY: u32 = 3600 * 4;

/// Between the last connection and the drain: what its visitor has sent already is read, and answered.
const LAST_READ: Duration = Duration::from_millis(20);

/// What the connections of one thread share.
pub(crate) struct Worker {
    pub(crate) shared: Arc<Shared>,
    /// One for each site, in the same order.
    pub(crate) pools: Vec<Rc<Pool>>,
    pub(crate) host_names: HostNames,
    pub(crate) tasks: Tasks,
    pub(crate) allowances: Arc<Allowances>,
    pub(crate) now: Ticks,
    /// Every open connection and tunnel, for the sweep.
    open: RefCell<Vec<Weak<Connection>>>,
    draining: Cell<bool>,
    /// The drain's time is up: what still runs is cut off.
    stopped: Cell<bool>,
}

impl Worker {
    fn new(shared: Arc<Shared>) -> Rc<Self> {
        let now = Ticks::default();
        Rc::new(Self {
            pools: shared
                .sites
                .iter()
                .map(|site| Pool::new(&site.upstream, Arc::clone(&now)))
                .collect(),
            host_names: HostNames::new(&shared.resolver, Arc::clone(&now)),
            tasks: Tasks::default(),
            allowances: Arc::new(Allowances::new(&shared.limits)),
            now,
            open: RefCell::default(),
            draining: Cell::new(false),
            stopped: Cell::new(false),
            shared,
        })
    }

    /// The place in the list of the site that has this host name, in lower case.
    pub(crate) fn place(&self, host: &str) -> Option<usize> {
        self.shared
            .sites
            .iter()
            .position(|site| site.hosts.iter().any(|name| **name == *host))
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.get()
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.get()
    }

    /// Lets the sweep see a connection.
    pub(crate) fn watch(&self, connection: &Rc<Connection>) {
        self.open.borrow_mut().push(Rc::downgrade(connection));
    }

    /// Wakes the connections that `which` names, and forgets the closed ones.
    fn wake(&self, which: impl Fn(&Connection) -> bool) {
        self.open.borrow_mut().retain(|connection| {
            let connection = connection.upgrade();
            if let Some(connection) = connection.as_ref().filter(|connection| which(connection)) {
                connection.wake();
            }
            connection.is_some()
        });
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

    /// Something ended that a drain may wait for.
    pub(crate) fn ended(&self) {
        self.ended.notify_waiters();
    }
}

impl Task {
    pub(crate) fn begin(worker: &Rc<Worker>) -> Self {
        worker.tasks.open.set(worker.tasks.open.get() + 1);
        Self {
            worker: Rc::clone(worker),
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        let tasks = &self.worker.tasks;
        tasks.open.set(tasks.open.get() - 1);
        tasks.ended();
    }
}

/// Starts a worker's thread.
///
/// # Errors
/// The system gives no thread or no runtime, or a socket cannot be used.
pub(super) fn spawn(
    number: usize,
    plain: Vec<std::net::TcpListener>,
    secure: Vec<std::net::TcpListener>,
    shared: Arc<Shared>,
    draining: watch::Receiver<bool>,
) -> io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new().name(format!("worker-{number}")).spawn(move || {
        let tasks = LocalSet::new();
        let worker = {
            let _context = runtime.enter();
            Worker::new(shared)
        };
        runtime.block_on(tasks.run_until(live(number, Rc::clone(&worker), plain, secure, draining)));
        worker.stopped.set(true);
        let _context = runtime.enter();
        drop(tasks); // what is still open is cut off, and its entry written
    })
}

/// From the first connection to the end of the drain.
async fn live(
    number: usize,
    worker: Rc<Worker>,
    plain: Vec<std::net::TcpListener>,
    secure: Vec<std::net::TcpListener>,
    mut draining: watch::Receiver<bool>,
) {
    let sweeper = tokio::task::spawn_local(sweep(Rc::clone(&worker), number == 0));
    let mut listeners = Vec::new();
    for (socket, tls) in plain.into_iter().map(|s| (s, None)).chain(
        secure
            .into_iter()
            .map(|s| (s, worker.shared.tls.clone().map(TlsAcceptor::from))),
    ) {
        match TcpListener::from_std(socket) {
            Ok(socket) => listeners.push(tokio::task::spawn_local(accept(
                Rc::clone(&worker),
                socket,
                tls,
                draining.clone(),
            ))),
            Err(error) => tracing::error!(error = %error.kind(), "a listener cannot be used"),
        }
    }

    let _ = draining.wait_for(|draining| *draining).await; // or the server is gone: the same
    for listener in listeners {
        let _ = listener.await; // what the kernel had accepted already is served
    }
    time::sleep(LAST_READ).await;
    worker.draining.set(true);
    worker.wake(|_| true);
    let _ = time::timeout(worker.shared.limits.drain_time, async {
        while worker.tasks.open() > 0 || worker.host_names.are_asked() {
            worker.tasks.ended.notified().await;
        }
    })
    .await;
    sweeper.abort();
}

/// Accepts until the drain, and serves each connection in a task of its own.
async fn accept(
    worker: Rc<Worker>,
    socket: TcpListener,
    tls: Option<TlsAcceptor>,
    mut draining: watch::Receiver<bool>,
) {
    loop {
        while worker.tasks.open() >= worker.shared.connections_per_worker {
            // The kernel's backlog holds the next ones.
            tokio::select! {
                () = worker.tasks.ended.notified() => {}
                _ = draining.wait_for(|draining| *draining) => return,
            }
        }
        let accepted = tokio::select! {
            biased;
            accepted = socket.accept() => accepted,
            _ = draining.wait_for(|draining| *draining) => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                let _ = stream.set_nodelay(true); // fails only on a dead socket
                let task = Task::begin(&worker);
                tokio::task::spawn_local(serve(task, stream, peer, tls.clone()));
            }
            // Out of descriptors, usually: others end, so it passes. The visitor's own failures need no pause but bear
            // one.
            Err(error) => {
                tracing::warn!(error = %error.kind(), "cannot accept a connection");
                time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn serve(task: Task, stream: TcpStream, peer: SocketAddr, tls: Option<TlsAcceptor>) {
    let worker = Rc::clone(&task.worker);
    match tls {
        None => Connection::plain(worker, stream, peer.ip()).await,
        Some(tls) => Connection::secure(worker, stream, peer.ip(), tls).await,
    }
}

/// Counts the ticks, wakes what is overdue, closes upstream connections that were idle too long. One worker also has
/// the cookies that all of them met recorded.
async fn sweep(worker: Rc<Worker>, keeps_count: bool) {
    let mut last = 0;
    let mut interval = time::interval(TICK);
    interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let start = interval.tick().await;
    loop {
        let elapsed = interval.tick().await - start;
        let now = u32::try_from(elapsed.as_millis() / TICK.as_millis()).unwrap_or(u32::MAX - 1);
        worker.now.store(now, Relaxed);
        worker.wake(Connection::is_overdue);
        worker.pools.iter().for_each(|pool| pool.sweep());
        if keeps_count && now / COOKIES_EVERY > last / COOKIES_EVERY {
            worker.shared.sites.iter().for_each(|site| site.record_cookies());
        }
        last = now;
    }
}
