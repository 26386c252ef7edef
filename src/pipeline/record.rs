//! The job's own record: `job_run`, `job_extract` and `job_check`, one batch a run.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::summary::{RunSummary, StreamResult};
use super::{PipelineError, Session, Version, Warehouse};
use crate::clock::{self, RunId};
use crate::config::ColumnType::{self, Bigint, Date, Double, String as Text, Timestamp};
use crate::warehouse::{Draft, QueryError, batch_of, schema_of};

type Columns = [(&'static str, ColumnType)];

const JOB_EXTRACT: [(&str, ColumnType); 14] = [
    ("run_id", Text),
    ("as_of", Date),
    ("source", Text),
    ("stream", Text),
    ("outcome", Text),
    ("file", Text),
    ("rows", Bigint),
    ("bytes", Bigint),
    ("sha256", Text),
    ("new", Bigint),
    ("changed", Bigint),
    ("vanished", Bigint),
    ("seconds", Double),
    ("message", Text),
];

const JOB_RUN: [(&str, ColumnType); 13] = [
    ("run_id", Text),
    ("commit_no", Bigint),
    ("as_of", Date),
    ("finished_at", Timestamp),
    ("definition", Text),
    ("outcome", Text),
    ("streams", Bigint),
    ("streams_missing", Bigint),
    ("streams_quarantined", Bigint),
    ("reports", Bigint),
    ("mails", Bigint),
    ("seconds", Double),
    ("message", Text),
];

const JOB_CHECK: [(&str, ColumnType); 4] = [
    ("run_id", Text),
    ("as_of", Date),
    ("name", Text),
    ("n", Bigint),
];

/// What one run has to say of itself.
pub(super) struct Record<'a> {
    pub(super) run_id: &'a RunId,
    pub(super) definition: &'a str,
    pub(super) summary: &'a RunSummary,
    /// What was counted on the way, by name.
    pub(super) counts: &'a BTreeMap<String, u64>,
}

/// One row of `job_extract` a stream.
pub(super) fn extract_rows(run_id: &RunId, summary: &RunSummary) -> Vec<Value> {
    summary
        .streams
        .iter()
        .map(|stream| extract_row(run_id, summary, stream))
        .collect()
}

/// Makes `job_extract` known to the night's queries: the runs before and, in `rows`, this one.
pub(super) async fn register_extracts(
    session: &Session,
    warehouse: &Warehouse,
    base: Option<&Version>,
    rows: &[Value],
) -> Result<(), PipelineError> {
    let schema = schema_of(&JOB_EXTRACT);
    let mut batches = Vec::new();
    if let Some(base) = base.filter(|version| version.tables().contains("job_extract")) {
        batches.extend(warehouse.read(base, "job_extract").await?.1);
    }
    batches.push(batch_of(&schema, rows).map_err(shape)?);
    Ok(session.register("job_extract", schema, batches)?)
}

/// Appends the run's record to the draft.
pub(super) async fn append(draft: &mut Draft, record: &Record<'_>) -> Result<(), PipelineError> {
    let Record {
        run_id,
        summary,
        counts,
        ..
    } = record;
    let count_row =
        |(name, n)| json!({"run_id": run_id, "as_of": summary.as_of, "name": name, "n": n});
    let tables: [(&str, &Columns, Vec<Value>); 3] = [
        ("job_extract", &JOB_EXTRACT, extract_rows(run_id, summary)),
        (
            "job_run",
            &JOB_RUN,
            vec![run_row(record, draft.commit_no())],
        ),
        (
            "job_check",
            &JOB_CHECK,
            counts.iter().map(count_row).collect(),
        ),
    ];
    for (table, columns, rows) in tables {
        let schema = schema_of(columns);
        let batch = batch_of(&schema, &rows).map_err(shape)?;
        draft.append(table, &schema, &[batch]).await?;
    }
    Ok(())
}

fn run_row(record: &Record<'_>, commit_no: u64) -> Value {
    let summary = record.summary;
    let having = |outcome| {
        summary
            .streams
            .iter()
            .filter(|stream| stream.outcome == outcome)
            .count()
    };
    json!({
        "run_id": record.run_id,
        "commit_no": commit_no,
        "as_of": summary.as_of,
        "finished_at": clock::now(),
        "definition": record.definition,
        "outcome": if summary.is_complete() { "complete" } else { "incomplete" },
        "streams": summary.streams.len(),
        "streams_missing": having("missing"),
        "streams_quarantined": having("quarantined"),
        "reports": summary.reports.len(),
        "mails": summary.mails,
        "seconds": summary.seconds,
        "message": summary.problems.join("\n"),
    })
}

fn extract_row(run_id: &RunId, summary: &RunSummary, stream: &StreamResult) -> Value {
    json!({
        "run_id": run_id,
        "as_of": summary.as_of,
        "source": stream.source,
        "stream": stream.stream,
        "outcome": stream.outcome,
        "file": stream.file,
        "rows": stream.recorded.rows,
        "bytes": stream.bytes,
        "sha256": stream.sha256,
        "new": stream.recorded.new,
        "changed": stream.recorded.changed,
        "vanished": stream.recorded.vanished,
        "seconds": stream.seconds,
        "message": stream.message,
    })
}

#[expect(clippy::needless_pass_by_value, reason = "it is called by `map_err`")]
fn shape(error: impl ToString) -> QueryError {
    QueryError::Shape {
        name: "the job's record".to_owned(),
        reason: error.to_string(),
    }
}
