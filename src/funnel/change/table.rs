//! The table `stage_entry_change`: of each change one row for the total and one for each dimension, as
//! in `metric`.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Date32Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::cause::Cause;
use super::pair::Pair;
use super::rows::Counts;
use crate::funnel::FunnelError;

/// Where changes are told.
pub(super) struct Head<'a> {
    /// Days since 1970.
    pub(super) as_of: i32,
    pub(super) commit_no: i64,
    pub(super) dimensions: &'a [&'a str],
    /// Whether who is gone is not named.
    pub(super) nameless: bool,
}

/// One row: a change as the total, or as the members of one dimension, see it.
struct Row<'a> {
    pair: &'a Pair,
    cause: Cause,
    dimension: Option<usize>,
}

pub(super) fn schema() -> SchemaRef {
    use DataType::{Boolean, Date32, Int64, Utf8};
    let columns = [
        ("as_of", Date32),
        ("commit_no", Int64),
        ("person_id", Utf8),
        ("opportunity_id", Utf8),
        ("cycle", Int64),
        ("stage", Utf8),
        ("dimension", Utf8),
        ("change", Utf8),
        ("old_on", Date32),
        ("new_on", Date32),
        ("old_member", Utf8),
        ("new_member", Utf8),
        ("old_implied", Boolean),
        ("new_implied", Boolean),
        ("old_net_new", Boolean),
        ("new_net_new", Boolean),
        ("old_won", Boolean),
        ("new_won", Boolean),
        ("cause", Utf8),
    ];
    let fields = columns.map(|(name, kind)| Field::new(name, kind, true));
    Arc::new(Schema::new(fields.to_vec()))
}

/// The rows of all changes.
pub(super) fn table(
    head: &Head<'_>,
    changes: &[(Pair, Cause)],
) -> Result<RecordBatch, FunnelError> {
    let rows: Vec<Row<'_>> = changes
        .iter()
        .flat_map(|(pair, cause)| Row::all(pair, *cause, head.dimensions.len()))
        .collect();
    let names = |row: &Row<'_>| !(head.nameless && row.pair.is.is_none());
    let text = |cell: &dyn Fn(&Row<'_>) -> Option<String>| -> ArrayRef {
        Arc::new(rows.iter().map(cell).collect::<StringArray>())
    };
    let truth = |cell: &dyn Fn(&Row<'_>) -> Option<bool>| -> ArrayRef {
        Arc::new(rows.iter().map(cell).collect::<BooleanArray>())
    };
    let whole = |cell: &dyn Fn(&Row<'_>) -> Option<i64>| -> ArrayRef {
        Arc::new(rows.iter().map(cell).collect::<Int64Array>())
    };
    let day = |cell: &dyn Fn(&Row<'_>) -> Option<i32>| -> ArrayRef {
        Arc::new(rows.iter().map(cell).collect::<Date32Array>())
    };
    let person = |row: &Row<'_>| names(row).then(|| row.entry().map(|it| it.person.clone()))?;
    let opportunity = |row: &Row<'_>| names(row).then(|| row.entry()?.opportunity.clone())?;
    let columns: Vec<ArrayRef> = vec![
        day(&|_| Some(head.as_of)),
        whole(&|_| Some(head.commit_no)),
        text(&person),
        text(&opportunity),
        whole(&|row| Some(row.entry()?.cycle)),
        text(&|row| Some(row.entry()?.stage.clone())),
        text(&|row| Some(head.dimensions[row.dimension?].to_owned())),
        text(&|row| Some(row.change().to_owned())),
        day(&|row| Some(row.pair.was.as_ref()?.on)),
        day(&|row| Some(row.pair.is.as_ref()?.on)),
        text(&|row| Some(row.pair.was.as_ref()?.members[row.dimension?].clone())),
        text(&|row| Some(row.pair.is.as_ref()?.members[row.dimension?].clone())),
        truth(&|row| Some(row.was()?.implied)),
        truth(&|row| Some(row.is()?.implied)),
        truth(&|row| Some(row.was()?.net_new)),
        truth(&|row| Some(row.is()?.net_new)),
        truth(&|row| Some(row.was()?.won)),
        truth(&|row| Some(row.is()?.won)),
        text(&|row| Some(row.cause.as_str().to_owned())),
    ];
    RecordBatch::try_new(schema(), columns).map_err(FunnelError::arrow("telling changes"))
}

impl<'a> Row<'a> {
    /// The rows in which something differs.
    fn all(pair: &'a Pair, cause: Cause, dimensions: usize) -> Vec<Self> {
        let seen = |dimension: Option<usize>| {
            let side = |entry: &'a super::rows::Entry| {
                let member = dimension.map(|it| entry.members[it].as_str());
                (entry.on, entry.counts, member)
            };
            (pair.was.as_ref().map(side), pair.is.as_ref().map(side))
        };
        let all = [None].into_iter().chain((0..dimensions).map(Some));
        let differ = all.filter(|dimension| {
            let (was, is) = seen(*dimension);
            was != is
        });
        let row = |dimension| Self {
            pair,
            cause,
            dimension,
        };
        differ.map(row).collect()
    }

    /// The entry that the row is about: as it is, else as it was.
    fn entry(&self) -> Option<&super::rows::Entry> {
        self.pair.is.as_ref().or(self.pair.was.as_ref())
    }

    fn was(&self) -> Option<Counts> {
        Some(self.pair.was.as_ref()?.counts)
    }

    fn is(&self) -> Option<Counts> {
        Some(self.pair.is.as_ref()?.counts)
    }

    fn change(&self) -> &'static str {
        match (&self.pair.was, &self.pair.is) {
            (None, _) => "added",
            (Some(_), None) => "removed",
            (Some(was), Some(is)) if was.on != is.on => "moved",
            _ => "changed",
        }
    }
}
