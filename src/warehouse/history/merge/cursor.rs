//! One run on its way through a merge.

use std::panic::resume_unwind;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, StringViewArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use futures::StreamExt;
use futures::stream;
use tokio::sync::mpsc::{Receiver, channel};

use super::Runs;
use super::block::index;
use crate::fs::Store;
use crate::warehouse::error::WarehouseError;
use crate::warehouse::file::Reading;
use crate::warehouse::history::WITHDRAWN;
use crate::warehouse::log::DataFile;

/// Row groups that are decoded before their turn, and batches that wait.
const AHEAD: usize = 2;

/// One run, as far as it is read.
pub(super) struct Cursor {
    pub(super) run: usize,
    batches: Receiver<Result<RecordBatch, WarehouseError>>,
    /// The row of the run at which the next batch begins.
    next_row: u32,
    /// How many rows there are.
    rows: usize,
    path: String,
    pub(super) keys: Option<Keys>,
}

/// The columns that order the rows of one batch, and the next row of it.
pub(super) struct Keys {
    pub(super) batch: RecordBatch,
    /// Where the batch is among the block's.
    pub(super) part: u32,
    pub(super) first: u32,
    pub(super) ids: Texts,
    from: Option<TimestampMicrosecondArray>,
    commits: Int64Array,
    via: Option<Texts>,
    pub(super) at: usize,
}

/// A column of texts, as they lie or as views.
#[derive(Clone)]
pub(super) enum Texts {
    Whole(StringArray),
    Views(StringViewArray),
}

impl Texts {
    fn of(column: &ArrayRef) -> Self {
        match column.as_string_view_opt() {
            Some(views) => Self::Views(views.clone()),
            None => Self::Whole(column.as_string().clone()),
        }
    }

    pub(super) fn value(&self, at: usize) -> &str {
        match self {
            Self::Whole(texts) => texts.value(at),
            Self::Views(views) => views.value(at),
        }
    }
}

impl Cursor {
    pub(super) async fn open(
        store: &Store,
        runs: &Runs<'_>,
        run: usize,
        file: &DataFile,
    ) -> Result<Self, WarehouseError> {
        let reading = Reading::open(store, file).await?;
        let reading = reading.with_views_of(&runs.schema)?;
        Ok(Self {
            run,
            rows: reading.rows(),
            path: store.shown(&file.path),
            batches: read_ahead(reading, runs),
            next_row: 0,
            keys: None,
        })
    }

    /// The next batch and the row of the run at which it begins; none at the end.
    pub(super) async fn next(&mut self) -> Result<Option<(RecordBatch, u32)>, WarehouseError> {
        let Some(batch) = self.batches.recv().await else {
            self.check()?;
            return Ok(None);
        };
        let (batch, first) = (batch?, self.next_row);
        self.next_row += index(batch.num_rows());
        Ok(Some((batch, first)))
    }

    /// A task that broke off must not pass for the end of its run.
    fn check(&self) -> Result<(), WarehouseError> {
        if self.next_row as usize == self.rows {
            return Ok(());
        }
        Err(WarehouseError::BrokenOff {
            path: self.path.clone(),
        })
    }

    pub(super) fn is_through(&self) -> bool {
        self.keys
            .as_ref()
            .is_none_or(|keys| keys.at == keys.batch.num_rows())
    }
}

impl Keys {
    pub(super) fn of(batch: RecordBatch, part: u32, first: u32) -> Self {
        let from = batch.column_by_name("valid_from");
        let from = from.map(|from| from.as_primitive::<TimestampMicrosecondType>().clone());
        let via = from.as_ref().map(|_| Texts::of(&batch["via"]));
        Self {
            part,
            first,
            ids: Texts::of(&batch["record_id"]),
            from,
            commits: batch["commit_no"].as_primitive::<Int64Type>().clone(),
            via,
            at: 0,
            batch,
        }
    }

    pub(super) fn key(&self, at: usize) -> (&str, (i64, i64)) {
        (
            self.ids.value(at),
            (self.valid_from(at), self.commits.value(at)),
        )
    }

    /// Rows that are no versions have no `valid_from`: one stands for each record.
    fn valid_from(&self, at: usize) -> i64 {
        self.from.as_ref().map_or(0, |from| from.value(at))
    }

    pub(super) fn is_withdrawn(&self, at: usize) -> bool {
        self.via
            .as_ref()
            .is_some_and(|via| via.value(at) == WITHDRAWN)
    }
}

/// Decodes a run in tasks of its own, which end when nobody listens any more: a row group each, a few at
/// a time, and in their order.
fn read_ahead(reading: Reading, runs: &Runs<'_>) -> Receiver<Result<RecordBatch, WarehouseError>> {
    let (sender, receiver) = channel(AHEAD);
    let fields = runs.schema.fields().iter();
    let names: Arc<Vec<String>> = Arc::new(fields.map(|field| field.name().clone()).collect());
    tokio::spawn(async move {
        let group = |group: usize| {
            let (reading, names) = (reading.clone(), Arc::clone(&names));
            tokio::spawn(async move {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                reading.group(group, &names)?.all().await
            })
        };
        let mut groups = stream::iter(0..reading.groups()).map(group).buffered(AHEAD);
        while let Some(decoded) = groups.next().await {
            let decoded = decoded.unwrap_or_else(|failed| resume_unwind(failed.into_panic()));
            let batches = match decoded {
                Ok(batches) => batches.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            };
            for batch in batches {
                if sender.send(batch).await.is_err() {
                    return;
                }
            }
        }
    });
    receiver
}
