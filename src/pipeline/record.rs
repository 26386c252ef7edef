//! The job's own record: `job_run`, `job_extract`, `job_check` and `quarantine`, one batch a run.

use std::collections::BTreeMap;

use jiff::civil;
use serde::Serialize;
use serde_json::{Value, json};

use super::summary::{RunSummary, StreamResult};
use super::{PipelineError, Session, Version, Warehouse};
use crate::clock::{self, RunId};
use crate::config::ColumnType::{self, Bigint, Boolean, Date, Double, String as Text, Timestamp};
use crate::metrics::Given;
use crate::warehouse::{Check, Draft, QueryError, batch_of, schema_of};

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

const JOB_CHECK: [(&str, ColumnType); 8] = [
    ("run_id", Text),
    ("as_of", Date),
    ("source", Text),
    ("stream", Text),
    ("name", Text),
    ("n", Bigint),
    ("threshold", Bigint),
    ("outcome", Text),
];

pub(super) const QUARANTINE: [(&str, ColumnType); 9] = [
    ("run_id", Text),
    ("as_of", Date),
    ("source", Text),
    ("stream", Text),
    ("file", Text),
    ("bytes", Bigint),
    ("sha256", Text),
    ("reason", Text),
    ("released_by", Text),
];

const JOB_SCOPE: [(&str, ColumnType); 11] = [
    ("run_id", Text),
    ("commit_no", Bigint),
    ("as_of", Date),
    ("report", Text),
    ("message", Text),
    ("scope", Text),
    ("aggregate", Boolean),
    ("query", Text),
    ("rows", Bigint),
    ("left_out", Boolean),
    ("sha256", Text),
];

/// Which rows of one query a message holds; to whom it goes stands in the outbox.
#[derive(Debug, Serialize)]
pub(super) struct ScopeRow {
    pub(super) report: String,
    pub(super) message: String,
    /// In words; none: every row.
    pub(super) scope: Option<String>,
    pub(super) aggregate: bool,
    #[serde(flatten)]
    pub(super) given: Given,
}

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

/// Appends who got which rows.
pub(super) async fn append_scopes(
    draft: &mut Draft,
    rows: &[ScopeRow],
) -> Result<(), PipelineError> {
    #[derive(Serialize)]
    struct Row<'a> {
        run_id: &'a RunId,
        commit_no: u64,
        as_of: civil::Date,
        #[serde(flatten)]
        row: &'a ScopeRow,
    }
    let schema = schema_of(&JOB_SCOPE);
    let (run_id, commit_no, as_of) = (draft.run_id(), draft.commit_no(), draft.as_of());
    let rows = rows.iter().map(|row| Row {
        run_id,
        commit_no,
        as_of,
        row,
    });
    let batch = batch_of(&schema, &rows.collect::<Vec<_>>()).map_err(shape)?;
    Ok(draft.append("job_scope", &schema, &[batch]).await?)
}

/// Appends the run's record to the draft.
pub(super) async fn append(draft: &mut Draft, record: &Record<'_>) -> Result<(), PipelineError> {
    let Record {
        run_id, summary, ..
    } = record;
    let tables: [(&str, &Columns, Vec<Value>); 4] = [
        ("job_extract", &JOB_EXTRACT, extract_rows(run_id, summary)),
        (
            "job_run",
            &JOB_RUN,
            vec![run_row(record, draft.commit_no())],
        ),
        ("job_check", &JOB_CHECK, check_rows(record)),
        ("quarantine", &QUARANTINE, quarantine_rows(run_id, summary)),
    ];
    for (table, columns, rows) in tables {
        let schema = schema_of(columns);
        let batch = batch_of(&schema, &rows).map_err(shape)?;
        draft.append(table, &schema, &[batch]).await?;
    }
    Ok(())
}

/// What was judged and counted of each stream, and what was counted of the whole.
fn check_rows(record: &Record<'_>) -> Vec<Value> {
    let row = |of: Option<&StreamResult>, check: &Check| {
        json!({
            "run_id": record.run_id,
            "as_of": record.summary.as_of,
            "source": of.map(|stream| &stream.source),
            "stream": of.map(|stream| &stream.stream),
            "name": check.name,
            "n": check.n,
            "threshold": check.threshold,
            "outcome": check.outcome(),
        })
    };
    let mut rows = Vec::new();
    for stream in &record.summary.streams {
        let recorded = recorded_counts(stream);
        let checks = stream.checks.iter().chain(&recorded);
        rows.extend(checks.map(|check| row(Some(stream), check)));
    }
    let counts = record.counts.iter();
    rows.extend(counts.map(|(name, n)| row(None, &Check::counted(name, *n))));
    rows
}

/// What recording a stream left out or found at odds.
fn recorded_counts(stream: &StreamResult) -> Vec<Check> {
    if stream.outcome != "ok" {
        return Vec::new();
    }
    let recorded = &stream.recorded;
    let mut counts = vec![
        ("duplicates", recorded.duplicates),
        ("keyless", recorded.keyless),
        ("disagreements", recorded.disagreements),
        ("unknown_fields", recorded.unknown_fields),
        ("unreadable", recorded.unreadable),
    ];
    if recorded.erased > 0 {
        counts.push(("erased", recorded.erased));
    }
    let counts = counts.into_iter();
    counts.map(|(name, n)| Check::counted(name, n)).collect()
}

fn quarantine_rows(run_id: &RunId, summary: &RunSummary) -> Vec<Value> {
    let kept = summary
        .streams
        .iter()
        .filter(|stream| stream.kept.is_some());
    kept.map(|stream| {
        json!({
            "run_id": run_id,
            "as_of": summary.as_of,
            "source": stream.source,
            "stream": stream.stream,
            "file": stream.kept,
            "bytes": stream.bytes,
            "sha256": stream.sha256,
            "reason": stream.message,
            "released_by": null,
        })
    })
    .collect()
}

fn run_row(record: &Record<'_>, commit_no: u64) -> Value {
    let summary = record.summary;
    let told = [summary.problems.as_slice(), summary.notes.as_slice()].concat();
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
        "message": told.join("\n"),
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
pub(super) fn shape(error: impl ToString) -> QueryError {
    QueryError::Shape {
        name: "the job's record".to_owned(),
        reason: error.to_string(),
    }
}
