//! All files of each table that grows, merged into one.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;

use crate::clock::RunId;
use crate::warehouse::Warehouse;
use crate::warehouse::draft::Draft;
use crate::warehouse::error::WarehouseError;
use crate::warehouse::log::Work;

/// What was merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Compacted {
    pub(crate) commit_no: u64,
    pub(crate) tables: usize,
    /// Files that one file a table stands for now.
    pub(crate) files: usize,
}

impl Warehouse {
    /// Leaves one file of each table to which runs only add; none if there is nothing to merge. The
    /// files that were merged go with a later vacuum.
    pub(crate) async fn compact(
        &self,
        texts: BTreeMap<String, String>,
        definition_hash: &str,
    ) -> Result<Option<Compacted>, WarehouseError> {
        let newest = self.latest().await?.ok_or(WarehouseError::Empty)?;
        // It records no extract, so that no day's end is asked for.
        let run_id = RunId::new(newest.as_of);
        let zone = TimeZone::UTC;
        let mut draft = self.begin_on_newest(Work::Upkeep, &run_id, &zone).await?;
        let merged = merge_all(&mut draft).await;
        let Ok((tables @ 1.., files)) = merged else {
            draft.abandon().await;
            return merged.map(|_| None);
        };
        let commit = Box::pin(draft.commit(texts, definition_hash)).await?;
        Ok(Some(Compacted {
            commit_no: commit.commit_no,
            tables,
            files,
        }))
    }
}

/// How many tables had several files, and how many those were.
async fn merge_all(draft: &mut Draft) -> Result<(usize, usize), WarehouseError> {
    let version = draft.version();
    let growing = version.files.iter().filter(|file| file.kind.grows());
    let tables: BTreeSet<_> = growing.map(|file| (file.kind, &file.table)).collect();
    let (mut merged, mut merged_files) = (0, 0);
    for (kind, table) in tables {
        let files = version.files(kind, table);
        if files.len() > 1 {
            Box::pin(draft.merge(&files)).await?;
            merged += 1;
            merged_files += files.len();
        }
    }
    Ok((merged, merged_files))
}
