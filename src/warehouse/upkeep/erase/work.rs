//! An erasure in a draft: files written anew without who goes, stubs in the place of pages and mails.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use bytes::Bytes;

use super::aside::Cut;
use super::plan::{Plan, sift_stored};
use super::tombstone::Stub;
use crate::warehouse::draft::Draft;
use crate::warehouse::error::WarehouseError;
use crate::warehouse::log::{DataFile, FileKind};

/// How the names of stubs end.
pub(super) const STUB: &str = ".erased.json";
/// The table of refused files, whose rows say where they are.
const QUARANTINE: &str = "quarantine";

impl Draft {
    /// Takes out of the version what the plan says.
    pub(crate) async fn erase(&mut self, plan: &mut Plan) -> Result<(), WarehouseError> {
        let moved = self.cut_asides(plan).await?;
        for file in self.version().files.clone() {
            let holds_places = file.table == QUARANTINE && !moved.is_empty();
            if !file.kind.grows() || !(holds_places || plan.tables.contains(&file)) {
                continue;
            }
            let matcher = &plan.matcher;
            let sift = |batch: RecordBatch| {
                let left = sift_stored(matcher, &file, &batch)?;
                let left = left.map_or(batch, |found| found.batch);
                place_anew(&left, &moved).map_err(WarehouseError::of(&file.table))
            };
            self.rewrite(&file, sift).await?;
        }
        for file in &plan.papers {
            let stub = self.stub(file).await?;
            plan.tombstone.stubs.push(stub);
        }
        Ok(())
    }

    /// Lets go all derived files that this run does not write, and writes the tombstone: before the
    /// commit, so that nobody erased comes back in between.
    pub(crate) async fn bury(&mut self, plan: &Plan) -> Result<(), WarehouseError> {
        self.let_derived_go();
        plan.tombstone.write(self.store()).await
    }

    /// Puts cut files, or stubs, in the place of refused ones; where each is now.
    async fn cut_asides(
        &mut self,
        plan: &mut Plan,
    ) -> Result<BTreeMap<String, String>, WarehouseError> {
        let mut moved = BTreeMap::new();
        for (number, (file, cut)) in plan.asides.iter().enumerate() {
            let place = match cut {
                Cut::Stays => continue,
                Cut::Rows(left, _) => {
                    let run_id = self.run_id();
                    let rest: Vec<&str> = file.path.splitn(3, '/').skip(2).collect();
                    let place = format!("quarantine/{run_id}-{number}/{}", rest.concat());
                    self.exchange(file, file.kind, &place, left.clone()).await?;
                    place
                }
                Cut::Whole => {
                    let stub = self.stub(file).await?;
                    plan.tombstone.stubs.push(stub);
                    stub_path(&self.run_id().to_string(), &file.path)
                }
            };
            moved.insert(file.path.clone(), place);
        }
        Ok(moved)
    }

    /// Puts a stub with its old hash in the place of a file.
    async fn stub(&mut self, file: &Arc<DataFile>) -> Result<Stub, WarehouseError> {
        let stub = Stub {
            was: file.path.clone(),
            sha256: file.sha256.clone(),
            bytes: file.bytes,
        };
        let place = stub_path(&self.run_id().to_string(), &file.path);
        let json = serde_json::to_vec(&stub).map_err(|error| WarehouseError::Garbled {
            path: self.store().shown(&place),
            why: error.to_string(),
        })?;
        self.exchange(file, FileKind::Archive, &place, Bytes::from(json))
            .await?;
        Ok(stub)
    }
}

/// Files of different runs are of one name.
fn stub_path(run_id: &str, was: &str) -> String {
    let rest = was.split_once('/').map_or(was, |(_, rest)| rest);
    format!("archive/{run_id}/{rest}{STUB}")
}

/// The batch with the new places of files that were moved.
fn place_anew(
    batch: &RecordBatch,
    moved: &BTreeMap<String, String>,
) -> Result<RecordBatch, ArrowError> {
    let place = |column: &ArrayRef| -> ArrayRef {
        if moved.is_empty() || *column.data_type() != DataType::Utf8 {
            return Arc::clone(column);
        }
        let texts = column.as_string::<i32>().iter();
        let texts = texts.map(|text| text.map(|text| moved.get(text).map_or(text, String::as_str)));
        Arc::new(texts.collect::<StringArray>())
    };
    let columns = batch.columns().iter().map(place).collect();
    RecordBatch::try_new(batch.schema(), columns)
}
