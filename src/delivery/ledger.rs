//! What became of each message: `ledger/<message>/<number>-<state>.json`, each file created, none
//! overwritten. The newest record is the message's state; none means queued.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::clock;
use crate::fs::{Store, StoreError};

const FOLDER: &str = "ledger";

/// Later ones win where two senders gave one number: what says more about a mail's arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// To be tried again.
    Queued,
    /// A later day's mail goes out in its place.
    Superseded,
    /// The server will not have it.
    Refused,
    /// Somebody is handing it over.
    Sending,
    /// It may have arrived or not.
    Unknown,
    /// The server took it.
    Sent,
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
    /// When that process began, in the machine's own count: numbers of processes are given again.
    started: Option<u64>,
    /// The server's words, or why.
    pub(crate) reason: String,
}

/// How a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) number: usize,
    pub(crate) state: State,
    /// How many records say that somebody was handing it over.
    pub(crate) claims: u32,
}

impl State {
    const ALL: [Self; 6] = [
        Self::Queued,
        Self::Superseded,
        Self::Refused,
        Self::Sending,
        Self::Unknown,
        Self::Sent,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Superseded => "superseded",
            Self::Refused => "refused",
            Self::Sending => "sending",
            Self::Unknown => "unknown",
            Self::Sent => "sent",
        }
    }

    /// Whether nothing is left to do.
    pub(crate) fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Sending)
    }
}

impl Entry {
    /// Whether the process that wrote this is another one that still runs, as far as this machine
    /// can tell. Where it cannot, the process counts as running for an hour.
    pub(super) fn owner_is_alive(&self) -> bool {
        let me = std::process::id();
        if self.host == host() && started(me).is_some() {
            let same = self.started.is_some() && self.started == started(self.process);
            return same && self.process != me;
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
        let states = self.states().await?.into_iter();
        let settled = states.filter(|(_, standing)| standing.state.is_final());
        Ok(settled.map(|(message, _)| message).collect())
    }

    /// The newest number and state of each message, and how often it was claimed: read from the names
    /// alone.
    pub(crate) async fn states(&self) -> Result<BTreeMap<String, Standing>, StoreError> {
        let mut standings: BTreeMap<String, Standing> = BTreeMap::new();
        for file in self.store.list(FOLDER).await? {
            if let Some((message, (number, state))) = name(&file.path) {
                let known = standings.entry(message.to_owned()).or_insert(Standing {
                    number,
                    state,
                    claims: 0,
                });
                (known.number, known.state) = (known.number, known.state).max((number, state));
                known.claims += u32::from(state == State::Sending);
            }
        }
        Ok(standings)
    }

    /// The newest record of one message.
    pub(crate) async fn newest(&self, message: &str) -> Result<Option<Entry>, StoreError> {
        let mut entries = self.below(&format!("{FOLDER}/{message}")).await?;
        Ok(entries.pop())
    }

    /// Every record there is, by message, oldest first.
    pub(crate) async fn all(&self) -> Result<Vec<Entry>, StoreError> {
        self.below(FOLDER).await
    }

    async fn below(&self, folder: &str) -> Result<Vec<Entry>, StoreError> {
        let mut entries = Vec::new();
        for file in self.store.list(folder).await? {
            if name(&file.path).is_none() {
                continue;
            }
            let bytes = self.store.get(&file.path).await?;
            let entry: Entry = serde_json::from_slice(&bytes).map_err(|source| StoreError::Io {
                path: self.store.shown(&file.path),
                source: source.into(),
            })?;
            entries.push(entry);
        }
        entries.sort_by(|left, right| {
            let rank = |entry: &Entry| (entry.number, entry.state);
            (&left.message, rank(left)).cmp(&(&right.message, rank(right)))
        });
        Ok(entries)
    }

    /// Puts a settled message back into the queue, on purpose; `why` says who asked. False when another
    /// did so first.
    pub(crate) async fn requeue(&self, settled: &Entry, why: &str) -> Result<bool, StoreError> {
        let Entry {
            message, number, ..
        } = settled;
        self.record(message, *number, State::Queued, why).await
    }

    /// Settles a message that nobody has begun to hand over: a later day's goes out in its place. False
    /// where somebody has. Who is handing it over at this moment still does.
    pub(crate) async fn supersede(&self, message: &str, why: &str) -> Result<bool, StoreError> {
        let newest = self.newest(message).await?;
        if newest
            .as_ref()
            .is_some_and(|entry| entry.state != State::Queued)
        {
            return Ok(false);
        }
        let number = newest.map_or(0, |entry| entry.number);
        self.record(message, number, State::Superseded, why).await
    }

    /// Creates the record that follows number `after`. False when somebody else created it first.
    pub(super) async fn record(
        &self,
        message: &str,
        after: usize,
        state: State,
        reason: &str,
    ) -> Result<bool, StoreError> {
        let number = after + 1;
        let process = std::process::id();
        let entry = Entry {
            message: message.to_owned(),
            number,
            state,
            at: clock::now(),
            host: host(),
            process,
            started: started(process),
            reason: reason.to_owned(),
        };
        let path = format!("{FOLDER}/{message}/{number:04}-{}.json", state.as_str());
        let bytes = serde_json::to_vec(&entry).expect("a ledger entry is plain data");
        match self.store.create(&path, bytes.into()).await {
            Ok(()) => Ok(true),
            Err(StoreError::AlreadyExists { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// The message, the number and the state that a record's path tells: `ledger/<message>/0002-sent.json`.
/// None where a file is no record.
fn name(path: &str) -> Option<(&str, (usize, State))> {
    let (message, file) = path
        .strip_prefix(FOLDER)?
        .strip_prefix('/')?
        .split_once('/')?;
    let (number, word) = file.strip_suffix(".json")?.split_once('-')?;
    let state = State::ALL
        .into_iter()
        .find(|state| state.as_str() == word)?;
    Some((message, (number.parse().ok()?, state)))
}

fn host() -> String {
    hostname::get().map_or_else(
        |_| "unknown".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    )
}

/// When a running process of this machine began; none for one that has ended, whether or not its
/// parent has taken note, and on systems that do not tell.
fn started(process: u32) -> Option<u64> {
    let told = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The second field is a name in parentheses, which may hold anything.
    let mut fields = told.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    (!matches!(state, "Z" | "X")).then(|| fields.nth(18)?.parse().ok())?
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
        assert!(mine.record("m", 0, State::Sending, "").await.unwrap());
        assert!(!theirs.record("m", 0, State::Sending, "").await.unwrap());
    }

    /// Sent, refused and unknown are settled, by the newest record; a file that is no record counts
    /// for nothing, and neither does the order of names once there are ten thousand.
    #[tokio::test]
    async fn settled_by_the_newest_record() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = ledger(folder.path());
        let records = [
            ("waits", 0, State::Sending),
            ("waits", 1, State::Queued),
            ("sending", 0, State::Sending),
            ("sent", 0, State::Sending),
            ("sent", 1, State::Sent),
            ("refused", 0, State::Refused),
            ("unknown", 0, State::Sending),
            ("unknown", 1, State::Unknown),
            ("again", 9_998, State::Unknown),
            ("again", 9_999, State::Queued),
        ];
        for (message, after, state) in records {
            assert!(ledger.record(message, after, state, "").await.unwrap());
        }
        for stray in [
            "waits/0002-sent.json~",
            "waits/0003-sent",
            "waits/notes.json",
        ] {
            let path = folder.path().join(FOLDER).join(stray);
            crate::fs::write(&path, b"no record").unwrap();
        }
        let settled = ledger.settled().await.unwrap();
        let settled: Vec<&str> = settled.iter().map(String::as_str).collect();
        assert_eq!(settled, ["refused", "sent", "unknown"]);
        assert_eq!(ledger.all().await.unwrap().len(), records.len());
        let newest = ledger.newest("again").await.unwrap().unwrap();
        assert_eq!((newest.number, newest.state), (10_000, State::Queued));
    }

    /// A process of this machine that is gone, or whose number another process has now, owns nothing.
    #[tokio::test]
    async fn a_dead_process_owns_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = ledger(folder.path());
        ledger.record("m", 0, State::Sending, "").await.unwrap();
        let mut entry = ledger.newest("m").await.unwrap().unwrap();
        assert!(!entry.owner_is_alive(), "what I left behind is nobody's");
        (entry.process, entry.started) = (1, started(1));
        assert!(entry.owner_is_alive());
        entry.started = Some(u64::MAX);
        assert!(!entry.owner_is_alive());
        (entry.process, entry.started) = (u32::MAX, None);
        assert!(!entry.owner_is_alive());
    }

    /// Of another machine's process nothing is known but the time.
    #[tokio::test]
    async fn another_machine_has_an_hour() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = ledger(folder.path());
        ledger.record("m", 0, State::Sending, "").await.unwrap();
        let mut entry = ledger.newest("m").await.unwrap().unwrap();
        entry.host = "elsewhere.example".to_owned();
        assert!(entry.owner_is_alive());
        entry.at -= jiff::SignedDuration::from_mins(61);
        assert!(!entry.owner_is_alive());
    }
}
