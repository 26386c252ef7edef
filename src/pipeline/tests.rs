//! Nights on a store that fails: each is published whole or not at all, and the next run makes up for
//! it.
//!
//! A run that came to nothing leaves what no version names, and no more. So the night that follows is
//! the next case: it must get to its own fault by the operations of an undisturbed night, and the last
//! one must end well.

use std::path::Path;
use std::sync::Arc;

use jiff::civil::date;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::*;
use crate::config::Transport;
use crate::delivery::Ledger;
use crate::fs::Location;
use crate::fs::faults::{Fault, Faulty, InMemory, Operation, Plan, Seen};
use crate::warehouse::Frame;

const FIRST: Date = date(2026, 11, 18);
const SECOND: Date = date(2026, 11, 19);

type Memory = Arc<InMemory>;

/// What a reader finds, but for the names of runs and what the clock says.
#[derive(Debug, Clone, Default, PartialEq)]
struct Found {
    days: Vec<Date>,
    tables: BTreeMap<String, Vec<Value>>,
}

/// A small deployment and one night of it.
struct Night {
    config: Config,
    day: Date,
    mails: tempfile::TempDir,
}

/// What an undisturbed night does and leaves behind.
struct Undisturbed {
    seen: Vec<Seen>,
    before: Found,
    after: Found,
    mails: BTreeMap<String, Vec<u8>>,
}

impl Night {
    fn new(day: Date) -> Self {
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/mail");
        let mut config = Config::load(&fixture.join("config/leadgauge.yaml")).unwrap();
        let mails = tempfile::tempdir().unwrap();
        config.delivery.transport = Transport::Folder(Location::folder(mails.path()).unwrap());
        Self { config, day, mails }
    }

    /// One run on a store that fails as planned, and what it asked of the store. What is late gets
    /// done, and the lease of a run that was cut off expires.
    async fn run(
        &self,
        memory: &Memory,
        plan: Plan,
        mails: Mails,
    ) -> (Vec<Seen>, Result<RunSummary, PipelineError>) {
        let faulty = Faulty::over(memory, plan);
        let warehouse = Warehouse::on(faulty.store());
        let ended = Box::pin(run_on(&warehouse, &self.config, self.day, mails, &|_| {})).await;
        faulty.settle().await;
        let store = Faulty::over(memory, Plan::Never).store();
        store.delete("writer.lease").await.unwrap();
        (faulty.seen(), ended)
    }

    async fn undisturbed(&self, memory: &Memory, mails: Mails) -> Undisturbed {
        let fork = Arc::new(memory.fork());
        let before = found(&fork, "before").await;
        let (seen, ended) = self.run(&fork, Plan::Never, mails).await;
        assert_eq!(ended.unwrap().problems, [""; 0]);
        Undisturbed {
            seen,
            before,
            after: found(&fork, "after").await,
            mails: self.take_mails(),
        }
    }

    /// The mails that arrived since the last time.
    fn take_mails(&self) -> BTreeMap<String, Vec<u8>> {
        let mut mails = BTreeMap::new();
        for file in crate::fs::files_in(self.mails.path()).unwrap() {
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            mails.insert(name, std::fs::read(&file).unwrap());
            std::fs::remove_file(&file).unwrap();
        }
        mails
    }
}

/// Reads everything there is as a newcomer would, and holds each file to what the log says of it.
async fn found(memory: &Memory, case: &str) -> Found {
    let store = Faulty::over(memory, Plan::Never).store();
    let warehouse = Warehouse::on(store.clone());
    let commits = warehouse.commits().await.unwrap();
    for file in commits.iter().flat_map(|commit| &commit.added) {
        let bytes = store.get(&file.path).await;
        let bytes = bytes.unwrap_or_else(|error| panic!("{case}: {error}"));
        let there = (bytes.len() as u64, format!("{:x}", Sha256::digest(&bytes)));
        assert_eq!(
            there,
            (file.bytes, file.sha256.clone()),
            "{case}: {}",
            file.path
        );
    }
    let Some(version) = warehouse.latest().await.unwrap() else {
        return Found::default();
    };
    let mut tables = BTreeMap::new();
    for name in version.tables() {
        let (schema, batches) = warehouse.read(&version, &name).await.unwrap();
        let frame = Frame {
            name: name.clone(),
            schema,
            batches,
        };
        let mut rows: Vec<Value> = frame.rows().unwrap();
        for row in &mut rows {
            let row = row.as_object_mut().unwrap();
            row.retain(|column, _| {
                !["run_id", "finished_at", "seconds"].contains(&column.as_str())
            });
        }
        tables.insert(name, rows);
    }
    let days = commits.iter().map(|commit| commit.as_of).collect();
    Found { days, tables }
}

/// The store's state is the night's, whole, or the one before.
async fn is_published(night: &Undisturbed, memory: &Memory, case: &str) -> bool {
    let now = found(memory, case).await;
    assert!(
        now == night.before || now == night.after,
        "{case}: a mix: {now:?}"
    );
    now == night.after
}

/// A run after one that published: it sends what is not sent, each mail once.
async fn assert_sent(night: &Night, undisturbed: &Undisturbed, memory: &Memory, case: &str) {
    let (_, ended) = night.run(memory, Plan::Never, Mails::Send).await;
    assert_eq!(ended.unwrap().problems, [""; 0], "{case}");
    assert!(
        night.take_mails() == undisturbed.mails,
        "{case}: the mails differ"
    );
    let ledger = Ledger::new(&Faulty::over(memory, Plan::Never).store());
    let settled = ledger.settled().await.unwrap();
    let mut sent = undisturbed.mails.keys();
    assert!(
        sent.all(|name| settled.contains(name.trim_end_matches(".eml"))),
        "{case}: {settled:?}"
    );
    assert!(is_published(undisturbed, memory, case).await, "{case}");
}

/// The first operations of a run, without the names of runs.
fn way(seen: &[Seen], number: usize) -> Vec<(Operation, &str)> {
    seen.iter().take(number).map(unnamed).collect()
}

fn unnamed((operation, about): &Seen) -> (Operation, &str) {
    (*operation, about.split("/2026-").next().unwrap_or(about))
}

impl Undisturbed {
    /// The number of the first operation of a kind on what begins so.
    fn number(&self, operation: Operation, about: &str) -> usize {
        let is_it = |seen: &Seen| seen.0 == operation && seen.1.starts_with(about);
        self.seen.iter().position(is_it).unwrap() + 1
    }

    fn every_fault(&self, numbers: impl IntoIterator<Item = usize>) -> Vec<(usize, Fault)> {
        let faults = |number| {
            self.faults(number)
                .iter()
                .map(move |fault| (number, *fault))
        };
        numbers.into_iter().flat_map(faults).collect()
    }

    /// One fault for each operation, each kind in its turn, where a case costs a second. That the
    /// answer is lost is a case of its own.
    fn one_fault(&self, numbers: impl IntoIterator<Item = usize>) -> Vec<(usize, Fault)> {
        let fault = |(turn, number)| {
            let faults = self.faults(number).iter().copied();
            let mut faults: Vec<Fault> = faults.collect();
            faults.retain(|fault| *fault != Fault::AnswerLost);
            (number, faults[turn % faults.len()])
        };
        numbers.into_iter().enumerate().map(fault).collect()
    }

    fn faults(&self, number: usize) -> &'static [Fault] {
        self.seen[number - 1].0.faults()
    }
}

impl Night {
    /// Runs the night once for each case, on what the case before left, until one made up for it.
    async fn disturb(&self, base: &Memory, cases: &[(usize, Fault)], undisturbed: &Undisturbed) {
        let mut memory = Arc::new(base.fork());
        for (number, fault) in cases {
            let about = &undisturbed.seen[number - 1];
            let case = format!("operation {number}, {about:?}: {fault:?}");
            let (seen, ended) = self
                .run(&memory, Plan::At(*number, *fault), Mails::Send)
                .await;
            assert_eq!(
                way(&seen, *number),
                way(&undisturbed.seen, *number),
                "{case}"
            );
            let published = is_published(undisturbed, &memory, &case).await;
            assert!(published || ended.is_err(), "{case}: {ended:?}");
            if published {
                assert_sent(self, undisturbed, &memory, &case).await;
                memory = Arc::new(base.fork());
            } else {
                assert_eq!(self.take_mails().len(), 0, "{case}");
            }
        }
        let (_, ended) = self.run(&memory, Plan::Never, Mails::Send).await;
        assert_eq!(ended.unwrap().problems, [""; 0]);
        assert!(is_published(undisturbed, &memory, "at last").await);
        self.take_mails();
    }
}

/// A warehouse in which the first night is published.
async fn a_night_published() -> Memory {
    let memory = Memory::default();
    let (_, ended) = Night::new(FIRST)
        .run(&memory, Plan::Never, Mails::Send)
        .await;
    assert_eq!(ended.unwrap().sent, 2);
    memory
}

/// Whichever operation of a night fails, and however, the night is published whole or not at all, and
/// the next run makes up for it.
#[tokio::test]
async fn a_night_is_whole_whatever_fails() {
    let memory = a_night_published().await;
    let night = Night::new(SECOND);
    let undisturbed = night.undisturbed(&memory, Mails::Send).await;
    let derived = undisturbed.number(Operation::Put, "derived/");
    let commit = undisturbed.number(Operation::Put, "_log/");
    let sending = undisturbed.number(Operation::List, "ledger");
    // A derived table takes four at most: its file, its Delta log's last entry (asked for, then read),
    // the next.
    let is_table = |(operation, path): &&Seen| {
        *operation == Operation::Put && path.starts_with("derived/") && path.ends_with(".parquet")
    };
    let tables = undisturbed.seen.iter().filter(is_table).count();
    let others = undisturbed.seen.len().saturating_sub(4 * tables);
    assert!(
        tables > 20 && others < 180,
        "{tables} tables, {others} others"
    );
    let cases = [
        undisturbed.one_fault(1..derived),
        undisturbed.one_fault((derived..commit).step_by(8)),
        undisturbed.every_fault([commit]),
        undisturbed.one_fault((commit + 1..sending).step_by(8)),
    ];
    night.disturb(&memory, &cases.concat(), &undisturbed).await;
}

/// The same of the very first night, which takes the operations of the work that the other left out.
#[tokio::test]
async fn the_first_night_is_whole_whatever_fails() {
    let memory = Memory::default();
    let night = Night::new(FIRST);
    let undisturbed = night.undisturbed(&memory, Mails::Send).await;
    let derived = undisturbed.number(Operation::Put, "derived/");
    let commit = undisturbed.number(Operation::Put, "_log/");
    let cases = [
        undisturbed.every_fault((1..derived).chain([commit])),
        undisturbed.one_fault((derived + 1..commit).step_by(8)),
    ];
    night.disturb(&memory, &cases.concat(), &undisturbed).await;
}

/// Whichever operation of the sending fails, and however, the next run sends what is not sent, and
/// each mail is there once.
#[tokio::test]
async fn each_mail_is_sent_once_whatever_fails() {
    let memory = Memory::default();
    let night = Night::new(FIRST);
    let (_, ended) = night.run(&memory, Plan::Never, Mails::Queue).await;
    assert_eq!(ended.unwrap().problems, [""; 0]);
    let undisturbed = night.undisturbed(&memory, Mails::Send).await;
    let cases = undisturbed.every_fault(1..=undisturbed.seen.len());
    night.disturb(&memory, &cases, &undisturbed).await;
}

/// A store that does everything and answers no write is as good as any.
#[tokio::test]
async fn no_write_is_answered() {
    let memory = Memory::default();
    let night = Night::new(FIRST);
    let undisturbed = night.undisturbed(&memory, Mails::Send).await;
    let (_, ended) = night.run(&memory, Plan::NoAnswers, Mails::Send).await;
    assert_eq!(ended.unwrap().problems, [""; 0]);
    assert!(night.take_mails() == undisturbed.mails);
    assert!(is_published(&undisturbed, &memory, "no answers").await);
}
