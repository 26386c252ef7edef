//! The history of streams: rows that are only ever added, in sorted runs.
//!
//! A record's versions come from what its snapshots, or its changes, showed night by night, and from
//! field history. Rules that hold for every night:
//! * Tonight's extract is compared with the last complete one. New, changed, vanished and returned
//!   records become rows; unchanged ones cost a digest and nothing more. An extract that repeats adds
//!   nothing.
//! * Of a snapshot's rows with one key the one modified last stands, of equals the last in the file.
//!   The others, and rows without a key, are kept apart and counted.
//! * Where they disagree, field history wins over the snapshot for the time it speaks of, and the
//!   snapshot has the last word at its day's end; each such field is counted. (A stamp, which is a
//!   column's own word of when something happened, wins over both: that is the funnel's to judge.)
//! * A column that an extract lacks keeps each record's last value: not seen is not null. A column that
//!   is new is null in all versions before.
//! * Of changes, a record that does not come is unchanged; one that comes as deleted is gone since its
//!   own modification.
//! * A late extract, for a day between two recorded ones, is compared with the one before it, and the
//!   ones after it are compared again, as if all had come in order. What that takes back is
//!   withdrawn by a newer row, so that nothing is lost to who asks what was known before.

pub(in crate::warehouse) mod changes;
pub(in crate::warehouse) mod compare;
pub(in crate::warehouse) mod digest;
pub(in crate::warehouse) mod events;
mod fetch;
mod life;
pub(in crate::warehouse) mod merge;
mod night;
mod pool;
pub(in crate::warehouse) mod replay;
pub(in crate::warehouse) mod snapshot;

use std::sync::Arc;

use arrow::array::{ArrayRef, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::file::DIGEST;
use super::schema::{Column, Kind, schema_of};

/// What `via` says of a row that takes back an earlier one; such rows never come out.
const WITHDRAWN: &str = "withdrawn";

/// The order of the rows in a run.
pub(in crate::warehouse) const ORDER: [&str; 3] = ["record_id", "valid_from", "commit_no"];

/// The columns that history adds to a stream's own, as they are stored.
pub(in crate::warehouse) fn own_columns() -> Vec<Column> {
    let columns = [
        ("record_id", Kind::String),
        ("valid_from", Kind::Timestamp),
        ("seen_after", Kind::Timestamp),
        ("known_at", Kind::Timestamp),
        ("commit_no", Kind::Bigint),
        ("deleted", Kind::Boolean),
        ("via", Kind::String),
        ("censored", Kind::Boolean),
        ("imported", Kind::Boolean),
    ];
    columns.map(|(name, kind)| Column::new(name, kind)).to_vec()
}

/// The columns of a run: a stream's own, history's, and the digest.
pub(in crate::warehouse) fn stored_schema(raw: &[Column]) -> SchemaRef {
    let stated = schema_of(&[raw, &own_columns()].concat());
    let mut fields: Vec<Arc<Field>> = stated.fields().iter().cloned().collect();
    let digest = Field::new(DIGEST, DataType::FixedSizeBinary(16), true);
    fields.push(Arc::new(digest));
    Arc::new(Schema::new(fields))
}

fn instants(values: impl IntoIterator<Item = Option<i64>>) -> ArrayRef {
    let values: TimestampMicrosecondArray = values.into_iter().collect();
    Arc::new(values.with_timezone("UTC"))
}
