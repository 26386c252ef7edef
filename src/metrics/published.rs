//! What a report said: the table `published_metric`, from the figures that the report itself names.

use std::borrow::Cow;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use jiff::civil::Date;
use serde::Serialize;

use super::{MetricSet, MetricsError, rows};
use crate::clock::RunId;
use crate::config::ColumnType;
use crate::warehouse::{batch_of, schema_of};

/// The columns of `published_metric`.
pub(super) const COLUMNS: [(&str, ColumnType); 16] = [
    ("run_id", ColumnType::String),
    ("commit_no", ColumnType::Bigint),
    ("as_of", ColumnType::Date),
    ("report", ColumnType::String),
    ("scope", ColumnType::String),
    ("definition", ColumnType::String),
    ("measure", ColumnType::String),
    ("period", ColumnType::String),
    ("period_start", ColumnType::Date),
    ("period_end", ColumnType::Date),
    ("stage", ColumnType::String),
    ("to_stage", ColumnType::String),
    ("dimension", ColumnType::String),
    ("member", ColumnType::String),
    ("n", ColumnType::Bigint),
    ("value", ColumnType::Double),
];

/// One figure that a report shows, by its key in `metric`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Told {
    pub(crate) measure: Cow<'static, str>,
    pub(crate) period: Cow<'static, str>,
    pub(crate) period_start: Date,
    pub(crate) period_end: Date,
    pub(crate) stage: String,
    pub(crate) to_stage: Option<String>,
    pub(crate) dimension: Option<String>,
    pub(crate) member: Option<String>,
    pub(crate) n: Option<i64>,
    pub(crate) value: Option<f64>,
}

/// A figure, who told it and when; `scope` in words, null where it is of everyone's rows.
#[derive(Serialize)]
struct Row<'a> {
    run_id: &'a RunId,
    commit_no: u64,
    as_of: Date,
    report: &'a str,
    scope: Option<&'a str>,
    definition: &'a str,
    #[serde(flatten)]
    told: &'a Told,
}

/// The rows that rendered reports add, each by what it was made of and what it told.
pub(crate) fn published(
    run_id: &RunId,
    commit_no: u64,
    reports: &[(MetricSet, Vec<Told>)],
) -> Result<(SchemaRef, RecordBatch), MetricsError> {
    let all = reports.iter().flat_map(|(set, told)| {
        told.iter().map(move |told| Row {
            run_id,
            commit_no,
            as_of: set.as_of,
            report: &set.report,
            scope: set.limits.scope.as_deref(),
            definition: &set.definition,
            told,
        })
    });
    let all: Vec<Row<'_>> = all.collect();
    let schema = schema_of(&COLUMNS);
    let batch = batch_of(&schema, &all).map_err(rows("published_metric"))?;
    Ok((schema, batch))
}
