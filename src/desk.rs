//! A desk at which programs ask, few and small things, over HTTP/1.1: on a socket of this machine, or a port. What they
//! send is bounded in size and time, and so is how many of them there are.

use std::convert::Infallible;
use std::fs;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time;

/// For a request's head, and for its body.
pub(crate) const READ_TIME: Duration = Duration::from_secs(10);
/// For a connection, however often it asks.
const CONNECTION_TIME: Duration = Duration::from_secs(120);
/// For the last answer of a connection whose time is up.
const LAST_TIME: Duration = Duration::from_secs(60);
/// Open at once; more wait in the kernel.
const CONNECTIONS: usize = 64;
/// After the system has refused a connection, for want of files as a rule.
const REST: Duration = Duration::from_millis(100);
/// No request's head is larger.
const HEAD_MAX: usize = 16 << 10;

/// Text in UTF-8.
pub(crate) const TEXT: &str = "text/plain; charset=utf-8";

/// Where a desk is.
pub enum Listener {
    /// A socket, with its file.
    Unix(UnixListener, SocketFile),
    /// A port.
    Tcp(TcpListener),
}

/// The file of a socket. It goes with the listener, unless somebody else listens there too.
pub struct SocketFile {
    path: PathBuf,
    stays: Arc<AtomicBool>,
}

impl Listener {
    /// Makes a socket of mode 0660: its user and its group may ask. One that a dead process left is replaced; one where
    /// somebody listens is not, nor a file of another kind. Within a runtime.
    ///
    /// # Errors
    ///
    /// The path is taken, or the folder cannot be written.
    pub fn unix(path: &Path) -> io::Result<Self> {
        match fs::symlink_metadata(path) {
            Ok(found) if !found.file_type().is_socket() => return Err(io::ErrorKind::AlreadyExists.into()),
            Ok(_) => match unix::net::UnixStream::connect(path) {
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path)?,
                Err(error) => return Err(error),
                Ok(_) => return Err(io::ErrorKind::AddrInUse.into()),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let listener = UnixListener::bind(path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o660))?;
        let stays = Arc::default();
        let path = path.to_owned();
        Ok(Self::Unix(listener, SocketFile { path, stays }))
    }

    /// Listens on a socket that is there, and whose file stays where it is somebody else's. Within a runtime.
    ///
    /// # Errors
    ///
    /// It is none that listens.
    pub(crate) fn on_unix(socket: unix::net::UnixListener, path: &Path, stays: bool) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let file = SocketFile {
            path: path.to_owned(),
            stays: Arc::new(AtomicBool::new(stays)),
        };
        Ok(Self::Unix(UnixListener::from_std(socket)?, file))
    }

    /// The same on a port.
    ///
    /// # Errors
    ///
    /// As above.
    pub(crate) fn on_tcp(socket: std::net::TcpListener) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self::Tcp(TcpListener::from_std(socket)?))
    }

    /// The socket itself, for another process to listen on.
    ///
    /// # Errors
    ///
    /// The system gives no further file.
    pub(crate) fn socket(&self) -> io::Result<OwnedFd> {
        match self {
            Self::Unix(listener, _) => listener.as_fd().try_clone_to_owned(),
            Self::Tcp(listener) => listener.as_fd().try_clone_to_owned(),
        }
    }

    /// Whether the file of a socket stays when this goes, to be set later.
    pub(crate) fn stays(&self) -> Arc<AtomicBool> {
        match self {
            Self::Unix(_, file) => Arc::clone(&file.stays),
            Self::Tcp(_) => Arc::default(),
        }
    }

    /// Listens on a port; 0 is chosen by the system. Within a runtime.
    ///
    /// # Errors
    ///
    /// The address is not ours, or in use.
    pub fn tcp(address: SocketAddr) -> io::Result<Self> {
        Self::on_tcp(std::net::TcpListener::bind(address)?)
    }

    /// Where to ask: `unix:/path` or `http://address:port`.
    pub fn place(&self) -> String {
        match self {
            Self::Unix(_, file) => format!("unix:{}", file.path.display()),
            Self::Tcp(listener) => match listener.local_addr() {
                Ok(address) => format!("http://{address}"),
                Err(_) => "a port".to_owned(),
            },
        }
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if !self.stays.load(Relaxed) {
            let _ = fs::remove_file(&self.path); // the next one removes it too
        }
    }
}

/// Answers until it is dropped. Within a [`LocalSet`](tokio::task::LocalSet).
pub(crate) async fn serve<A>(listener: &Listener, answer: impl Fn(Request<Incoming>) -> A + 'static)
where
    A: Future<Output = Response<Full<Bytes>>> + 'static,
{
    let answer = Rc::new(answer);
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return; // it is never closed
        };
        let accepted = match listener {
            Listener::Unix(listener, _) => listener.accept().await.map(|(stream, _)| {
                connection(Rc::clone(&answer), stream, place);
            }),
            Listener::Tcp(listener) => listener.accept().await.map(|(stream, _)| {
                connection(Rc::clone(&answer), stream, place);
            }),
        };
        if let Err(error) = accepted {
            tracing::warn!(target: crate::OFTEN, error = %error.kind(), "a connection could not be accepted");
            time::sleep(REST).await;
        }
    }
}

fn connection<S, A>(answer: Rc<impl Fn(Request<Incoming>) -> A + 'static>, stream: S, place: OwnedSemaphorePermit)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
    A: Future<Output = Response<Full<Bytes>>> + 'static,
{
    tokio::task::spawn_local(async move {
        let _place = place;
        let service = service_fn(|request| {
            let answer = answer(request);
            async { Ok::<_, Infallible>(answer.await) }
        });
        let mut http = pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(READ_TIME)
                .half_close(true) // who has asked may end his side
                .max_buf_size(HEAD_MAX)
                .serve_connection(TokioIo::new(stream), service)
        );
        // Who leaves early has nobody to tell, and who is being answered then is.
        if time::timeout(CONNECTION_TIME, http.as_mut()).await.is_err() {
            http.as_mut().graceful_shutdown();
            let _ = time::timeout(LAST_TIME, http).await;
        }
    });
}

/// An answer of one line.
pub(crate) fn said(status: StatusCode, what: &str) -> Response<Full<Bytes>> {
    text(status, TEXT, format!("{what}\n"))
}

/// An answer of this media type.
pub(crate) fn text(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::from(body));
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}
