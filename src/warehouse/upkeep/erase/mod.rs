//! Erasure of persons from every history, every version and every file that is kept. Keyed hashes of
//! their addresses and ids stay, so that no later pull brings them back and anyone can look whether
//! something is left.

mod aside;
mod find;
mod matcher;
mod plan;
mod proof;
mod pull;
mod sift;
mod text;
mod tombstone;
mod work;

use std::collections::BTreeSet;

use jiff::tz::TimeZone;

use crate::clock::RunId;
use crate::warehouse::draft::Draft;
use crate::warehouse::error::WarehouseError;
use crate::warehouse::log::Work;
use crate::warehouse::{Version, Warehouse, log};

pub(in crate::warehouse) use aside::kept;
pub(crate) use find::Found;
pub(in crate::warehouse) use matcher::Matcher;
pub(crate) use matcher::plain_address;
pub(crate) use plan::Plan;
pub(crate) use proof::Proof;
pub(in crate::warehouse) use pull::{matcher, sifted};
use tombstone::Tombstone;
pub(crate) use tombstone::Went;

/// Who is to be erased.
#[derive(Debug, Default)]
pub(crate) struct Erased {
    pub(crate) persons: usize,
    /// Every address that is theirs alone, in lower case.
    pub(crate) addresses: BTreeSet<String>,
    /// Every record that stands for them: `<source>.<stream>` and id.
    pub(crate) records: BTreeSet<(String, String)>,
    /// Full names, for pages and mails.
    pub(crate) names: BTreeSet<String>,
    /// The streams whose records are people.
    pub(crate) streams: BTreeSet<String>,
}

impl Warehouse {
    /// Begins an erasure: the newest day is derived again from what is left, and every older day when
    /// it is asked.
    pub(crate) async fn begin_erasure(
        &self,
        run_id: &RunId,
        zone: &TimeZone,
    ) -> Result<Draft, WarehouseError> {
        self.begin_on_newest(Work::Erasure, run_id, zone).await
    }

    /// Those of the addresses that were erased before.
    pub(crate) async fn erased_before(
        &self,
        addresses: &BTreeSet<String>,
    ) -> Result<BTreeSet<String>, WarehouseError> {
        let Some(matcher) = self.erased_by_hash().await? else {
            return Ok(BTreeSet::new());
        };
        let known = addresses
            .iter()
            .filter(|address| matcher.is_address(address));
        Ok(known.cloned().collect())
    }

    /// How many persons were erased since a version was published.
    pub(crate) async fn erased_since(&self, version: &Version) -> Result<usize, WarehouseError> {
        let mut persons = 0;
        for tombstone in tombstone::all(&self.store).await? {
            if tombstone.commit_no > version.commit_no && self.is_committed(&tombstone).await? {
                persons += tombstone.persons;
            }
        }
        Ok(persons)
    }

    /// A tombstone comes before its commit, which may not have come.
    async fn is_committed(&self, tombstone: &Tombstone) -> Result<bool, WarehouseError> {
        let newest = log::newest_number(&self.store).await?;
        if tombstone.commit_no > newest {
            return Ok(false);
        }
        let commit = log::read(&self.store, tombstone.commit_no).await?;
        Ok(commit.run_id == tombstone.run_id)
    }

    /// Everybody erased so far; none if nobody was.
    async fn erased_by_hash(&self) -> Result<Option<Matcher>, WarehouseError> {
        matcher(&self.store).await
    }
}
