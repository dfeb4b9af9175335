//! Looking at the journals' disks without waiting for one that does not answer.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time;

use crate::journal::OnDisk;
use crate::proxy::Site;

/// How long a disk is waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// One look at a time for each journal: a disk that hangs takes one thread, not one for each who asks.
#[derive(Default)]
pub(super) struct Disks(RefCell<HashMap<PathBuf, Arc<Semaphore>>>);

impl Disks {
    /// What is on each site's disk, in their order; `None` if it did not answer.
    pub(super) async fn look(&self, sites: &[Arc<Site>]) -> Vec<Option<OnDisk>> {
        let looks: Vec<_> = sites.iter().map(|site| self.look_at(site)).collect();
        let mut found = Vec::with_capacity(looks.len());
        for look in looks {
            found.push(look.await.ok().flatten());
        }
        found
    }

    fn look_at(&self, site: &Site) -> tokio::task::JoinHandle<Option<OnDisk>> {
        let mut turns = self.0.borrow_mut();
        let turn = turns
            .entry(site.folder().to_owned())
            .or_insert_with(|| Arc::new(Semaphore::new(1)));
        let (turn, journal) = (Arc::clone(turn), Arc::clone(&site.journal));
        tokio::task::spawn_local(async move {
            let look = async {
                let turn = turn.acquire_owned().await.ok()?;
                let look = spawn_blocking(move || {
                    let found = journal.on_disk();
                    drop(turn);
                    found
                });
                look.await.ok()
            };
            time::timeout(PATIENCE, look).await.ok().flatten()
        })
    }
}
