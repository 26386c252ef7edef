//! One writer at a time, in an object store, which has no file locks: an object that says who writes
//! and until when, renewed while the writer lives. Whoever finds it expired takes it over.
//!
//! Correctness never depends on it. Clocks may differ and renewals may fail, so two may hold it at
//! once; then each does its work, and the commit log's create decides which of them publishes.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::lock::{holder, host};
use crate::clock::{self, RunId};
use crate::fs::{Store, StoreError};
use crate::warehouse::error::WarehouseError;

const NAME: &str = "writer.lease";
/// How long the end of a run waits for the store to let the lease go.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a lease holds, and how often it is renewed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    lasts: SignedDuration,
    renewed_after: Duration,
}

impl Terms {
    /// A killed run keeps others out for a minute at most.
    pub(super) const USUAL: Self =
        Self::new(SignedDuration::from_secs(60), Duration::from_secs(20));

    const fn new(lasts: SignedDuration, renewed_after: Duration) -> Self {
        Self {
            lasts,
            renewed_after,
        }
    }
}

/// What the object says.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Claim {
    run_id: RunId,
    host: String,
    process: u32,
    expires: Timestamp,
}

/// A lease that is held: renewed in the background until released, dropped or lost.
#[derive(Debug)]
pub(in crate::warehouse) struct Lease {
    /// Dropping it ends the renewals and removes the object, if the program lives that long.
    held: oneshot::Sender<()>,
    renewals: JoinHandle<()>,
}

/// Takes the lease of a warehouse for a run.
pub(super) async fn take(
    store: &Store,
    run_id: &RunId,
    terms: Terms,
) -> Result<Lease, WarehouseError> {
    let claim = Claim {
        run_id: run_id.clone(),
        host: host(),
        process: std::process::id(),
        expires: terms.expiry(),
    };
    match store.create(NAME, claim.bytes()).await {
        Ok(()) => {}
        Err(StoreError::AlreadyExists { .. }) => take_over(store, &claim).await?,
        Err(error) => return Err(error.into()),
    }
    let (held, released) = oneshot::channel();
    let renewals = tokio::spawn(keep(store.clone(), claim, terms, released));
    Ok(Lease { held, renewals })
}

/// Takes over a lease that has expired. Of two that do so at once, the later one's stands.
async fn take_over(store: &Store, claim: &Claim) -> Result<(), WarehouseError> {
    let others = |there: Claim| (there.run_id != claim.run_id).then_some(there);
    let there = read(store).await?.and_then(others);
    if let Some(there) = there.filter(|there| there.expires > clock::now()) {
        return Err(there.locks());
    }
    store.replace(NAME, claim.bytes()).await?;
    let there = read(store).await?.and_then(others);
    there.map_or(Ok(()), |there| Err(there.locks()))
}

/// What the object says; none where there is none, or none that can be read.
async fn read(store: &Store) -> Result<Option<Claim>, StoreError> {
    let found = store.find(NAME).await?;
    Ok(found.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

/// Renews the lease until it is let go, and then removes it. One that another has taken over is theirs.
async fn keep(store: Store, mut claim: Claim, terms: Terms, mut released: oneshot::Receiver<()>) {
    loop {
        tokio::select! {
            _ = &mut released => break,
            () = sleep(terms.renewed_after) => {}
        }
        if !claim.stands(&store).await {
            return;
        }
        claim.expires = terms.expiry();
        // One that fails is made up for by the next.
        store.replace(NAME, claim.bytes()).await.ok();
    }
    if claim.stands(&store).await {
        // What stays expires.
        store.delete(NAME).await.ok();
    }
}

impl Terms {
    fn expiry(self) -> Timestamp {
        clock::now()
            .checked_add(self.lasts)
            .unwrap_or(Timestamp::MAX)
    }
}

impl Claim {
    fn bytes(&self) -> Bytes {
        let bytes = serde_json::to_vec(self).expect("a claim is plain data");
        bytes.into()
    }

    fn locks(&self) -> WarehouseError {
        WarehouseError::Locked {
            holder: self.to_string(),
        }
    }

    /// Whether the object is this run's, as far as the store tells.
    async fn stands(&self, store: &Store) -> bool {
        match read(store).await {
            Ok(there) => there.is_some_and(|there| there.run_id == self.run_id),
            Err(_) => true,
        }
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&holder(&self.run_id, self.process, &self.host))
    }
}

impl Lease {
    /// Lets it go, and waits a little for the store to know.
    pub(super) async fn release(self) {
        drop(self.held);
        timeout(PATIENCE, self.renewals).await.ok();
    }
}

#[cfg(test)]
mod tests;
