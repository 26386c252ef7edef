//! The warehouse: history that is only ever added to, and everything derived from it, in immutable
//! Parquet files that a commit log makes visible a whole run at a time.
//!
//! A reader holds a version, which later runs do not disturb. A writer holds a draft, of which
//! nothing is visible until its commit.

mod declared;
mod delta;
mod draft;
mod drift;
mod error;
mod file;
mod frame;
mod gate;
mod history;
mod log;
pub(crate) mod query;
mod raw;
mod rows;
mod schema;
#[cfg(test)]
mod tests;
mod upkeep;

use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use jiff::civil::Date;
use jiff::tz::TimeZone;

pub(crate) use declared::declared_tables;
pub(crate) use delta::Rewritten;
pub(crate) use draft::{Draft, Recorded};
pub(crate) use drift::Drift;
pub(crate) use error::WarehouseError;
pub(crate) use frame::{Frame, FrameFormat};
pub(crate) use log::{Commit, FileKind};
pub(crate) use query::functions::{date_of, days_since_epoch, instant_type};
pub(crate) use query::quantile::type_7;

pub(crate) use gate::{Check, Judged, gate};
pub(crate) use log::version::Version;
pub(crate) use query::read::Table;
pub(crate) use query::relation::Relation;
pub(crate) use query::session::{QueryError, Session};
pub(crate) use query::stored::Stored;
pub(crate) use rows::{batch_of, schema_of};
pub(crate) use upkeep::compact::Compacted;
pub(crate) use upkeep::erase::{Erased, Found, Plan, Proof, Went, plain_address};
pub(crate) use upkeep::vacuum::{GRACE_DAYS, Vacuumed};
pub(crate) use upkeep::verify::Verified;

use crate::clock::RunId;
use crate::fs::{Location, Store};
use draft::Begin;
use log::Work;
use log::fold::Folded;
use log::lock::Lock;

/// A warehouse at a location. A location without a commit is an empty warehouse.
#[derive(Debug)]
pub(crate) struct Warehouse {
    store: Store,
    /// The log as far as it was read; entries never change, so only later ones are read again.
    known: Mutex<Option<Arc<Folded>>>,
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
    pub(crate) async fn commits(&self) -> Result<Vec<Commit>, WarehouseError> {
        log::all(&self.store).await
    }

    /// One commit.
    pub(crate) async fn commit(&self, commit_no: u64) -> Result<Commit, WarehouseError> {
        log::read(&self.store, commit_no).await
    }

    /// The version published last.
    pub(crate) async fn latest(&self) -> Result<Option<Version>, WarehouseError> {
        let newest = self.newest().await?;
        Ok(newest.map(|newest| newest.version.clone()))
    }

    /// The version published for an as-of date, with what was added to it before the next night. Its
    /// history lies in the newest files, which keep the commit of every row.
    pub(crate) async fn as_of(&self, day: Date) -> Result<Option<Version>, WarehouseError> {
        let Some(newest) = self.newest().await? else {
            return Ok(None);
        };
        let Some(commit_no) = newest.days.get(&day) else {
            return Ok(None);
        };
        let then = log::fold::at(&self.store, *commit_no).await?;
        let newest = |then: &Folded| {
            let version = then.version.clone();
            version.in_files_of(&newest.version, newest.derived_since)
        };
        Ok(then.as_deref().map(newest))
    }

    async fn newest(&self) -> Result<Option<Arc<Folded>>, WarehouseError> {
        let known = |warehouse: &Self| {
            let guard = warehouse.known.lock();
            guard.unwrap_or_else(PoisonError::into_inner).clone()
        };
        let newest = log::fold::newest(&self.store, known(self)).await?;
        let mut guard = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        guard.clone_from(&newest);
        Ok(newest)
    }

    /// Begins a night's run. Days are published in order, each once.
    pub(crate) async fn begin(
        &self,
        as_of: Date,
        run_id: &RunId,
        zone: &TimeZone,
    ) -> Result<Draft, WarehouseError> {
        let (base, lock) = self.locked(run_id, self.base_of(as_of)).await?;
        let begin = Begin {
            run_id,
            work: Work::Night,
            day: as_of,
            as_of,
        };
        Ok(self.draft(base, &begin, zone, lock))
    }

    /// Begins the run of a day before the newest published one: its extracts join the history, and
    /// the newest day's tables are derived again.
    pub(crate) async fn begin_late(
        &self,
        day: Date,
        run_id: &RunId,
        zone: &TimeZone,
    ) -> Result<Draft, WarehouseError> {
        let newest = async {
            let base = self.newest().await?.ok_or(WarehouseError::Empty)?;
            let last = base.version.as_of;
            if day > last {
                return Err(WarehouseError::NotLate { day, last });
            }
            Ok(base)
        };
        let (base, lock) = self.locked(run_id, newest).await?;
        let begin = Begin {
            run_id,
            work: Work::Late,
            day,
            as_of: base.version.as_of,
        };
        Ok(self.draft(Some(base), &begin, zone, lock))
    }

    /// Takes the lock, and then looks for what to build on; a refusal lets the lock go.
    async fn locked<T>(
        &self,
        run_id: &RunId,
        base: impl Future<Output = Result<T, WarehouseError>>,
    ) -> Result<(T, Option<Lock>), WarehouseError> {
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

    /// What a night's run builds on.
    async fn base_of(&self, as_of: Date) -> Result<Option<Arc<Folded>>, WarehouseError> {
        let base = self.newest().await?;
        let Some(last) = base.as_ref().map(|base| base.version.as_of) else {
            return Ok(base);
        };
        if last < as_of {
            return Ok(base);
        }
        let published = self.as_of(as_of).await?;
        Err(
            published.map_or(WarehouseError::OutOfOrder { as_of, last }, |version| {
                WarehouseError::AlreadyPublished {
                    as_of,
                    by: version.run_id,
                }
            }),
        )
    }

    /// Begins work on the version published last, for its day: it records no extract, but may add
    /// to tables (a baseline) or replace derived ones.
    pub(crate) async fn begin_addition(
        &self,
        run_id: &RunId,
        zone: &TimeZone,
    ) -> Result<Draft, WarehouseError> {
        self.begin_on_newest(Work::Addition, run_id, zone).await
    }

    /// Begins work on the version published last, for its day.
    async fn begin_on_newest(
        &self,
        work: Work,
        run_id: &RunId,
        zone: &TimeZone,
    ) -> Result<Draft, WarehouseError> {
        let newest = async { self.newest().await?.ok_or(WarehouseError::Empty) };
        let (base, lock) = self.locked(run_id, newest).await?;
        let as_of = base.version.as_of;
        let begin = Begin {
            run_id,
            work,
            day: as_of,
            as_of,
        };
        Ok(self.draft(Some(base), &begin, zone, lock))
    }

    fn draft(
        &self,
        base: Option<Arc<Folded>>,
        begin: &Begin<'_>,
        zone: &TimeZone,
        lock: Option<Lock>,
    ) -> Draft {
        Draft::new(self.store.clone(), zone.clone(), base, begin, lock)
    }

    /// A table of a version, or of a draft's: `<table>`, `<source>.<stream>` or
    /// `<source>.<stream>_history`.
    pub(crate) async fn table(
        &self,
        version: &Version,
        table: &str,
    ) -> Result<Table, WarehouseError> {
        query::read::table(&self.store, version, table).await
    }

    /// A derived table of a version as it was written: those of these columns that it has.
    pub(crate) fn stored(&self, version: &Version, table: &str, columns: &[&str]) -> Stored {
        Stored::open(&self.store, version, table, columns)
    }

    /// All rows of a table of a version.
    pub(crate) async fn read(
        &self,
        version: &Version,
        table: &str,
    ) -> Result<(SchemaRef, Vec<RecordBatch>), WarehouseError> {
        query::read::read(&self.store, version, table).await
    }
}
