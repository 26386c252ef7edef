//! The commit log as rows.

use serde_json::{Value, json};

use crate::config::ColumnType::{self, Bigint, Date, String as Text};
use crate::config::Config;
use crate::pipeline::PipelineError;
use crate::warehouse::{Commit, Frame, QueryError, Warehouse, batch_of, schema_of};

const COLUMNS: [(&str, ColumnType); 9] = [
    ("commit_no", Bigint),
    ("as_of", Date),
    ("run_id", Text),
    ("what", Text),
    ("added", Bigint),
    ("removed", Bigint),
    ("rows", Bigint),
    ("bytes", Bigint),
    ("streams", Bigint),
];

/// The newest commits, newest first: which files each added and removed, and the rows and bytes
/// added.
pub(crate) async fn commits(config: &Config, last: usize) -> Result<Frame, PipelineError> {
    let commits = Warehouse::open(&config.warehouse)?.commits().await?;
    if commits.is_empty() {
        return Err(PipelineError::Empty);
    }
    let newest = commits.iter().rev().take(last);
    let rows: Vec<Value> = newest.map(row).collect();
    let schema = schema_of(&COLUMNS);
    let batch = batch_of(&schema, &rows).map_err(|error| QueryError::Shape {
        name: "the commit log".to_owned(),
        reason: error.to_string(),
    })?;
    Ok(Frame {
        name: "log".to_owned(),
        schema,
        batches: vec![batch],
    })
}

fn row(commit: &Commit) -> Value {
    let added = &commit.added;
    json!({
        "commit_no": commit.commit_no,
        "as_of": commit.as_of,
        "run_id": commit.run_id,
        "what": commit.work,
        "added": added.len(),
        "removed": commit.removed.len(),
        "rows": added.iter().map(|file| file.rows).sum::<u64>(),
        "bytes": added.iter().map(|file| file.bytes).sum::<u64>(),
        "streams": commit.streams.len(),
    })
}
