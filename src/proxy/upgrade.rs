//! Tunnels: a connection that became a WebSocket, followed to its end.

use std::rc::Rc;

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;

use super::upstream::Link;
use super::witness::Witness;
use crate::entry::{Outcome, Who};
use crate::server::{Connection, End, Stage, Task};

/// Carries bytes both ways until one side ends it, or neither speaks for ten times `limits.idle_time`.
pub(super) fn carry(
    connection: Rc<Connection>,
    visitor: OnUpgrade,
    upstream: OnUpgrade,
    link: Option<Box<Link>>,
    mut witness: Witness,
) {
    let task = Task::begin(&connection.worker);
    tokio::task::spawn_local(async move {
        let _task = task;
        if let Some(link) = link {
            link.finish().await;
        }
        let (Ok(visitor), Ok(upstream)) = (visitor.await, upstream.await) else {
            return;
        };
        let (mut visitor, mut upstream) = (TokioIo::new(visitor), TokioIo::new(upstream));
        connection.meter.enter(Stage::Tunnel);
        let copied = connection
            .until_overdue(copy_bidirectional(&mut visitor, &mut upstream))
            .await;
        let outcome = match copied {
            End::Itself(Ok((_up, down))) => {
                witness.handed_over(down);
                Outcome::Upgraded
            }
            End::Itself(Err(_)) => Outcome::Upgraded, // a reset is how many browsers end one
            End::Overdue => Outcome::CutOff(Who::Timeout),
        };
        witness.end(outcome);
    });
}
