//! The log's side: asking a witness for its signature.
//!
//! Everything here waits, for [`DEADLINE`] at most, and is meant for a thread of its own; it must not be called from
//! asynchronous code. Whoever writes a journal does not wait for a witness.
//!
//! A checkpoint may be shown to a witness only once it is durable, with all that it is over: else a power cut would
//! make an honest journal look rolled back.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST};
use http::{Method, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use super::place::Place;
use super::request::{Request, decimal};
use super::standing::Standing;
use crate::journal::checkpoint::{OpenError, Signed};
use crate::journal::note::{Algorithm, KeyError, SignatureLine, VerifierKey, VerifyError};
use crate::journal::tree::{Hashes, TreeSize, consistency};

/// From the connection to the end of one answer.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// A longer answer is not read.
const ANSWER_MAX: usize = 64 << 10;

/// A witness, and the key that it is known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    place: Place,
    key: VerifierKey,
}

impl Witness {
    /// The key must have come another way than from the place.
    ///
    /// # Errors
    ///
    /// The key is not a witness's: [`KeyError::Algorithm`].
    pub fn new(place: Place, key: VerifierKey) -> Result<Self, KeyError> {
        match key.algorithm() {
            Algorithm::Cosignature => Ok(Self { place, key }),
            Algorithm::Ed25519 => Err(KeyError::Algorithm),
        }
    }

    /// Where it is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// What its signatures are verified with.
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }
}

/// A signature that was verified, and what the witness knew before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosigned {
    /// To be added to the checkpoint ([`Signed::add`]).
    pub signature: SignatureLine,
    /// The size from which the witness went on; 0 if it knew of none.
    pub knew: TreeSize,
}

/// Why there is no signature of a witness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// Nobody listens there, or the connection broke.
    #[error("the witness cannot be reached: {0}")]
    Unreachable(io::ErrorKind),
    /// No answer in [`DEADLINE`].
    #[error("the witness does not answer in time")]
    TooSlow,
    /// The witness has signed for more records than the checkpoint has. Its number is not signed: who can answer in its
    /// place can keep a log waiting so, but cannot make it believe a signature.
    #[error("the witness knows {size} records of this log, more than it has now")]
    KnowsMore {
        /// How many.
        size: TreeSize,
    },
    /// The witness has signed another tree: the checkpoint does not go on from it.
    #[error("the witness knows another history of this log's first {size} records")]
    Forked {
        /// The size of the tree that it knows.
        size: TreeSize,
    },
    /// The hashes that would show the witness's tree in ours cannot be read (any more).
    #[error("the hashes that lead from the witness's {knows} records on cannot be read: {kind}")]
    CannotProve {
        /// The size that the witness knows, or was thought to know.
        knows: TreeSize,
        /// What the disk says; `NotFound` if they were removed with their records.
        kind: io::ErrorKind,
    },
    /// The witness was never told of this log.
    #[error("the witness does not know this log")]
    UnknownLog,
    /// The witness knows another key of this log.
    #[error("the witness knows another key of this log")]
    UnknownKey,
    /// What came back is not signed with the witness's key.
    #[error("the answer is not signed with the witness's key")]
    WrongSignature,
    /// The answer is none that the protocol has.
    #[error("the witness's answer, status {status}, is not understood")]
    NotUnderstood {
        /// Its status code.
        status: u16,
    },
    /// The witness named two sizes one after the other: somebody else shows it checkpoints of this log.
    #[error("the size that the witness knows changes: somebody else signs with this log's key")]
    Unsteady,
}

/// Asks a witness to sign a checkpoint, and verifies what it gives. `last_known` is the size that it is known to have
/// from an earlier answer; if it has another, it says so, and is asked once more from there.
///
/// # Errors
///
/// See [`AskError`].
pub fn cosign(
    witness: &Witness,
    signed: &Signed,
    last_known: TreeSize,
    hashes: &impl Hashes,
) -> Result<SignatureLine, AskError> {
    converse(witness, signed, last_known, hashes).map(|cosigned| cosigned.signature)
}

/// How a journal stands with a witness, asked at its start with its newest checkpoint. Where nothing contradicts, the
/// witness has then signed this checkpoint.
pub fn standing(witness: &Witness, signed: &Signed, hashes: &impl Hashes) -> Standing {
    let size = signed.checkpoint().size();
    Standing::of(size, &converse(witness, signed, size, hashes))
}

fn converse(
    witness: &Witness,
    signed: &Signed,
    last_known: TreeSize,
    hashes: &impl Hashes,
) -> Result<Cosigned, AskError> {
    converse_by(&witness.key, signed, last_known, hashes, |request| {
        exchange(&witness.place, request.to_string())
    })
}

/// The conversation, whatever carries it.
pub(super) fn converse_by(
    key: &VerifierKey,
    signed: &Signed,
    last_known: TreeSize,
    hashes: &impl Hashes,
    mut exchange: impl FnMut(&Request) -> Result<(StatusCode, Bytes), AskError>,
) -> Result<Cosigned, AskError> {
    let size = signed.checkpoint().size();
    let mut old = last_known.min(size);
    for _ in 0..2 {
        let proof = consistency::prove(hashes, old, size).map_err(|error| AskError::CannotProve {
            knows: old,
            kind: error.kind(),
        })?;
        let request = Request::new(old, proof, signed.checkpoint().clone(), signed.note().clone());
        let (status, body) = exchange(&request)?;
        let not_understood = AskError::NotUnderstood {
            status: status.as_u16(),
        };
        match status {
            StatusCode::OK => {
                let signature = verified(&body, signed, key)?;
                return Ok(Cosigned { signature, knew: old });
            }
            StatusCode::CONFLICT => match size_in(&body).ok_or(not_understood)? {
                known if known > size => return Err(AskError::KnowsMore { size: known }),
                known if known == old => return Err(AskError::Forked { size: known }),
                known => old = known,
            },
            StatusCode::UNPROCESSABLE_ENTITY => return Err(AskError::Forked { size: old }),
            StatusCode::NOT_FOUND => return Err(AskError::UnknownLog),
            StatusCode::FORBIDDEN => return Err(AskError::UnknownKey),
            _ => return Err(not_understood),
        }
    }
    Err(AskError::Unsteady)
}

/// The size in the body of a 409, a line of its own.
fn size_in(body: &[u8]) -> Option<TreeSize> {
    decimal(std::str::from_utf8(body).ok()?.strip_suffix('\n')?)
}

/// The signature of this witness among those that came; others' are passed over.
fn verified(body: &[u8], signed: &Signed, key: &VerifierKey) -> Result<SignatureLine, AskError> {
    let text = std::str::from_utf8(body).map_err(|_| AskError::WrongSignature)?;
    for line in text.lines() {
        let line: SignatureLine = line.parse().map_err(|_| AskError::WrongSignature)?;
        match signed.clone().add(line.clone(), key) {
            Ok(()) => return Ok(line),
            Err(OpenError::Signature(VerifyError::Unsigned)) => {} // another key's
            Err(_) => return Err(AskError::WrongSignature),
        }
    }
    Err(AskError::WrongSignature)
}

/// One request and its answer, in time.
fn exchange(place: &Place, body: String) -> Result<(StatusCode, Bytes), AskError> {
    let unreachable = |error: io::Error| AskError::Unreachable(error.kind());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(unreachable)?;
    let answer = runtime.block_on(async {
        let asked = async {
            match place {
                Place::Unix(path) => {
                    let stream = UnixStream::connect(path).await.map_err(unreachable)?;
                    post(stream, "localhost", "", body).await
                }
                Place::Http { host, port, prefix } => {
                    let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(unreachable)?;
                    let host = place.to_string();
                    let host = host.trim_start_matches("http://").split('/').next().unwrap_or_default();
                    post(stream, host, prefix, body).await
                }
            }
        };
        tokio::time::timeout(DEADLINE, asked).await
    });
    runtime.shutdown_background(); // a name that is still being looked up is not waited for
    answer.unwrap_or(Err(AskError::TooSlow))
}

async fn post<S>(stream: S, host: &str, prefix: &str, body: String) -> Result<(StatusCode, Bytes), AskError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let broken = |_: hyper::Error| AskError::Unreachable(io::ErrorKind::ConnectionAborted);
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let connection = tokio::spawn(connection);
    let request = http::Request::builder()
        .method(Method::POST)
        .uri(format!("{prefix}/add-checkpoint"))
        .header(HOST, host)
        .header(CONTENT_LENGTH, body.len())
        .body(Full::new(Bytes::from(body)))
        .map_err(|_| AskError::Unreachable(io::ErrorKind::InvalidInput))?;
    let answer = sender.send_request(request).await.map_err(broken)?;
    let status = answer.status();
    let not_understood = AskError::NotUnderstood {
        status: status.as_u16(),
    };
    let body = Limited::new(answer.into_body(), ANSWER_MAX).collect().await;
    connection.abort(); // it would wait for the next request
    Ok((status, body.map_err(|_| not_understood)?.to_bytes()))
}
