//! How often messages were tried, and why they wait: `ledger/tries/<instant>-<process>.json`, one file a
//! run in which something was put off. No state hangs on it: without it a message waits all the same.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Outcome, Receipt};
use crate::clock;
use crate::fs::{Store, StoreError};

const FOLDER: &str = "ledger/tries";
/// How many runs back are looked through.
const RUNS: usize = 30;

/// What is known of the tries at a message, up to the last run that put it off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tried {
    pub(crate) at: Timestamp,
    /// In all runs.
    pub(crate) attempts: u32,
    /// Why it waits, in the server's words or ours; empty where that run ended well.
    pub(crate) reason: String,
}

/// Keeps what was put off in a run. That it cannot be kept changes nothing for the messages, and is no
/// reason to fail what was sent.
pub(super) async fn note(store: &Store, receipts: &[Receipt]) {
    let waits = |outcome: &Outcome| matches!(outcome, Outcome::Waits(_) | Outcome::Held(_));
    let put_off = |receipt: &&Receipt| receipt.attempts > 1 || waits(&receipt.outcome);
    if !receipts.iter().any(|receipt| put_off(&receipt)) {
        return;
    }
    let at = clock::now();
    let before = tries(store).await.unwrap_or_default();
    let tried = receipts.iter().filter(put_off).map(|receipt| {
        let before = before.get(&receipt.id).map_or(0, |tried| tried.attempts);
        let reason = match &receipt.outcome {
            Outcome::Waits(reason) | Outcome::Held(reason) => reason.clone(),
            _ => String::new(),
        };
        let attempts = before + receipt.attempts;
        let tried = Tried {
            at,
            attempts,
            reason,
        };
        (receipt.id.as_str(), tried)
    });
    let tried: BTreeMap<&str, Tried> = tried.collect();
    let bytes = serde_json::to_vec(&tried).unwrap_or_default();
    let name = format!(
        "{FOLDER}/{:020}-{}.json",
        at.as_nanosecond(),
        std::process::id()
    );
    store.create(&name, bytes.into()).await.ok();
}

/// What is known of tries, by message; of the last runs that put something off.
pub(crate) async fn tries(store: &Store) -> Result<BTreeMap<String, Tried>, StoreError> {
    let files = store.list(FOLDER).await?;
    let skipped = files.len().saturating_sub(RUNS);
    let mut newest = BTreeMap::new();
    for file in files.iter().skip(skipped) {
        let bytes = store.get(&file.path).await?;
        // A file that another version of this program wrote tells nothing.
        let told: BTreeMap<String, Tried> = serde_json::from_slice(&bytes).unwrap_or_default();
        newest.extend(told);
    }
    Ok(newest)
}
