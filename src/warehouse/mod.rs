//! The warehouse: history that is only ever added to, and everything derived from it, in immutable
//! Parquet files that a commit log makes visible a whole run at a time.
//!
//! A reader holds a version, which later runs do not disturb. A writer holds a draft, of which
//! nothing is visible until its commit.

mod declared;
mod draft;
mod error;
mod file;
mod frame;
mod history;
mod log;
pub(crate) mod query;
mod raw;
mod rows;
mod schema;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use jiff::civil::Date;
use jiff::tz::TimeZone;

pub(crate) use declared::declared_tables;
pub(crate) use draft::{Draft, Recorded};
pub(crate) use error::WarehouseError;
pub(crate) use frame::{Frame, FrameFormat};
pub(crate) use log::{Commit, FileKind};
pub(crate) use query::functions::{date_of, instant_type};

pub(crate) use log::version::{Version, gate, vanished_columns};
pub(crate) use query::relation::Relation;
pub(crate) use query::session::{QueryError, Session};
pub(crate) use rows::{batch_of, schema_of};

use crate::clock::RunId;
use crate::fs::{Location, Store};

/// A warehouse at a location. A location without a commit is an empty warehouse.
#[derive(Debug)]
pub(crate) struct Warehouse {
    store: Store,
    /// The commits read so far; they never change, so only later ones are read again.
    known: Mutex<Vec<Arc<Commit>>>,
}

impl Warehouse {
    /// Opens a warehouse without touching it.
    pub(crate) fn open(location: &Location) -> Result<Self, WarehouseError> {
        Ok(Self::on(Store::open(location)?))
    }

    /// A warehouse on a store that is open already.
    pub(crate) fn on(store: Store) -> Self {
        Self {
            store,
            known: Mutex::default(),
        }
    }

    /// The store, for the archive, the outbox and the ledger.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Every commit, in order.
    pub(crate) async fn commits(&self) -> Result<Vec<Arc<Commit>>, WarehouseError> {
        let known = |warehouse: &Self| {
            let guard = warehouse.known.lock();
            guard.unwrap_or_else(PoisonError::into_inner).clone()
        };
        let mut commits = known(self);
        let later = log::read_after(&self.store, commits.len() as u64).await?;
        if !later.is_empty() {
            commits.extend(later);
            let mut guard = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            guard.clone_from(&commits);
        }
        Ok(commits)
    }

    /// The version published last.
    pub(crate) async fn latest(&self) -> Result<Option<Version>, WarehouseError> {
        Ok(Version::of(&self.commits().await?))
    }

    /// The version published for an as-of date, with what upkeep did to it before the next night.
    pub(crate) async fn as_of(&self, day: Date) -> Result<Option<Version>, WarehouseError> {
        let commits = self.commits().await?;
        let last = commits.iter().rposition(|commit| commit.as_of == day);
        Ok(last.and_then(|last| Version::of(commits.get(..=last)?)))
    }

    /// Begins a night's run. Days are published in order, each once.
    pub(crate) async fn begin(
        &self,
        as_of: Date,
        run_id: &RunId,
        zone: &TimeZone,
    ) -> Result<Draft, WarehouseError> {
        let (base, lock) = self.locked(run_id, self.base_of(as_of)).await?;
        let draft = Draft::new(
            self.store.clone(),
            zone.clone(),
            base,
            (as_of, run_id),
            lock,
        );
        Ok(draft)
    }

    /// Takes the lock, and then looks for what to build on; a refusal lets the lock go.
    async fn locked<T>(
        &self,
        run_id: &RunId,
        base: impl Future<Output = Result<T, WarehouseError>>,
    ) -> Result<(T, Option<log::lock::Lock>), WarehouseError> {
        let lock = log::lock::take(&self.store, run_id).await?;
        match (base.await, lock) {
            (Ok(base), lock) => Ok((base, lock)),
            (Err(error), None) => Err(error),
            (Err(error), Some(lock)) => {
                lock.release().await;
                Err(error)
            }
        }
    }

    /// The version that a night's run builds on.
    async fn base_of(&self, as_of: Date) -> Result<Option<Version>, WarehouseError> {
        let base = self.latest().await?;
        match &base {
            Some(base) if base.as_of == as_of => Err(WarehouseError::AlreadyPublished {
                as_of,
                by: base.run_id.clone(),
            }),
            Some(base) if base.as_of > as_of => {
                let same_day = self.as_of(as_of).await?;
                Err(match same_day {
                    Some(version) => WarehouseError::AlreadyPublished {
                        as_of,
                        by: version.run_id,
                    },
                    None => WarehouseError::OutOfOrder {
                        as_of,
                        last: base.as_of,
                    },
                })
            }
            _ => Ok(base),
        }
    }

    /// Begins work on the version published last, for its day: it records no extract, but may add
    /// to tables (a baseline) or replace derived ones.
    pub(crate) async fn begin_upkeep(
        &self,
        run_id: &RunId,
        zone: &TimeZone,
    ) -> Result<Draft, WarehouseError> {
        let newest = async { self.latest().await?.ok_or(WarehouseError::Empty) };
        let (base, lock) = self.locked(run_id, newest).await?;
        let as_of = base.as_of;
        let draft = Draft::new(
            self.store.clone(),
            zone.clone(),
            Some(base),
            (as_of, run_id),
            lock,
        );
        Ok(draft)
    }

    /// A table of a version, or of a draft's: `<table>`, `<source>.<stream>` or
    /// `<source>.<stream>_history`.
    pub(crate) async fn read(
        &self,
        version: &Version,
        table: &str,
    ) -> Result<(SchemaRef, Vec<RecordBatch>), WarehouseError> {
        query::read::read(&self.store, version, table).await
    }
}
