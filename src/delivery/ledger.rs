//! What became of each message: `ledger/<message>/<number>-<state>.json`, each file created, none
//! overwritten. The file with the highest number is the message's state; none means queued.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::clock;
use crate::fs::{Store, StoreError};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// To be sent, or to be tried again.
    Queued,
    /// Somebody is handing it over.
    Sending,
    /// The server took it.
    Sent,
    /// The server will not have it.
    Refused,
    /// It may have arrived or not.
    Unknown,
}

/// One record of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) message: String,
    pub(crate) number: usize,
    pub(crate) state: State,
    pub(crate) at: Timestamp,
    /// The machine and process that wrote it.
    pub(crate) host: String,
    pub(crate) process: u32,
    /// The server's words, or why.
    pub(crate) reason: String,
}

impl State {
    const ALL: [Self; 5] = [
        Self::Queued,
        Self::Sending,
        Self::Sent,
        Self::Refused,
        Self::Unknown,
    ];

    /// The state that a record's name tells: `0002-sent.json`.
    fn of_file(name: &str) -> Option<Self> {
        let word = name.strip_suffix(".json")?.split_once('-')?.1;
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }
}

impl Entry {
    /// Whether the process that wrote this still runs, as far as this machine can tell: another
    /// machine's process counts as alive for an hour.
    pub(super) fn owner_is_alive(&self) -> bool {
        if self.host == host() {
            return self.process != std::process::id()
                && std::path::Path::new(&format!("/proc/{}", self.process)).exists();
        }
        clock::now().duration_since(self.at).as_hours() < 1
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Ledger {
    store: Store,
}

impl Ledger {
    pub(crate) fn new(store: &Store) -> Self {
        Self {
            store: store.clone(),
        }
    }

    /// The messages of which nothing is left to do. Read from the names alone: the ledger grows with
    /// the years.
    pub(crate) async fn settled(&self) -> Result<BTreeSet<String>, StoreError> {
        let mut newest = BTreeMap::new();
        // Names are sorted, so the last of a message is its newest.
        for file in self.store.list("ledger").await? {
            let mut parts = file.path.rsplit('/');
            if let (Some(name), Some(message)) = (parts.next(), parts.next()) {
                newest.insert(message.to_owned(), State::of_file(name));
            }
        }
        let is_settled = |state: &Option<State>| {
            matches!(state, Some(State::Sent | State::Refused | State::Unknown))
        };
        Ok(newest
            .into_iter()
            .filter(|(_, state)| is_settled(state))
            .map(|(message, _)| message)
            .collect())
    }

    /// The records of one message, oldest first.
    pub(super) async fn entries(&self, message: &str) -> Result<Vec<Entry>, StoreError> {
        self.below(&format!("ledger/{message}")).await
    }

    /// Every record there is, by message, oldest first.
    pub(crate) async fn all(&self) -> Result<Vec<Entry>, StoreError> {
        self.below("ledger").await
    }

    async fn below(&self, folder: &str) -> Result<Vec<Entry>, StoreError> {
        let mut entries = Vec::new();
        for file in self.store.list(folder).await? {
            let bytes = self.store.get(&file.path).await?;
            let entry: Entry = serde_json::from_slice(&bytes).map_err(|source| StoreError::Io {
                path: self.store.shown(&file.path),
                source: source.into(),
            })?;
            entries.push(entry);
        }
        entries.sort_by(|left, right| {
            (&left.message, left.number).cmp(&(&right.message, right.number))
        });
        Ok(entries)
    }

    /// Takes the right to send: creates the `sending` record that follows number `after`. False when
    /// another process was first.
    pub(super) async fn claim(&self, message: &str, after: usize) -> Result<bool, StoreError> {
        match self.record(message, after, State::Sending, "").await {
            Ok(()) => Ok(true),
            Err(StoreError::AlreadyExists { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Creates the record that follows number `after`.
    pub(super) async fn record(
        &self,
        message: &str,
        after: usize,
        state: State,
        reason: &str,
    ) -> Result<(), StoreError> {
        let number = after + 1;
        let entry = Entry {
            message: message.to_owned(),
            number,
            state,
            at: clock::now(),
            host: host(),
            process: std::process::id(),
            reason: reason.to_owned(),
        };
        let path = format!("ledger/{message}/{number:04}-{}.json", state.as_str());
        let bytes = serde_json::to_vec(&entry).expect("a ledger entry is plain data");
        self.store.create(&path, bytes.into()).await
    }
}

fn host() -> String {
    hostname::get().map_or_else(
        |_| "unknown".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::Location;

    fn ledger(folder: &std::path::Path) -> Ledger {
        Ledger::new(&Store::open(&Location::folder(folder).unwrap()).unwrap())
    }

    /// Of two that claim the same message, one wins.
    #[tokio::test]
    async fn one_claim_wins() {
        let folder = tempfile::tempdir().unwrap();
        let (mine, theirs) = (ledger(folder.path()), ledger(folder.path()));
        assert!(mine.claim("m", 0).await.unwrap());
        assert!(!theirs.claim("m", 0).await.unwrap());
    }

    /// The newest record is the message's state, and the older ones stay.
    #[tokio::test]
    async fn records_follow_one_another() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = ledger(folder.path());
        ledger.claim("m", 0).await.unwrap();
        ledger
            .record("m", 1, State::Queued, "451 later")
            .await
            .unwrap();
        ledger.claim("m", 2).await.unwrap();
        ledger.record("m", 3, State::Sent, "").await.unwrap();
        let states: Vec<_> = ledger
            .entries("m")
            .await
            .unwrap()
            .iter()
            .map(|e| e.state)
            .collect();
        assert_eq!(
            states,
            [State::Sending, State::Queued, State::Sending, State::Sent]
        );
    }

    /// A process of this machine that is gone owns nothing.
    #[tokio::test]
    async fn a_dead_process_owns_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = ledger(folder.path());
        ledger.claim("m", 0).await.unwrap();
        let mut entry = ledger.entries("m").await.unwrap().remove(0);
        entry.process = u32::MAX;
        assert!(!entry.owner_is_alive());
        entry.process = 1;
        assert!(entry.owner_is_alive());
    }
}
