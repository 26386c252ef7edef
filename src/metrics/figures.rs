//! The figures of one report: what its queries give, as values that the report's views are read from.

use std::collections::BTreeMap;

use arrow::datatypes::DataType;
use jiff::civil::Date;

use super::{MetricsError, measured};
use crate::config::{ColumnType, Config, SignOff};
use crate::warehouse::query::relation::load;
use crate::warehouse::{Frame, Relation, Session};

/// What a report may use, and nothing else.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MetricSet {
    pub(crate) report: String,
    pub(crate) company: String,
    pub(crate) as_of: Date,
    pub(crate) zone: String,
    pub(crate) definition: String,
    /// Who signed the definition, and who did not.
    pub(crate) sign_off: SignOff,
    /// Rows by the stem of the query's file.
    pub(crate) tables: BTreeMap<String, Vec<serde_json::Map<String, serde_json::Value>>>,
    /// The columns of those rows, in order.
    pub(crate) columns: BTreeMap<String, Vec<(String, ColumnType)>>,
}

/// The queries of one report, those that all share included.
fn queries(report: &str, config: &Config) -> Result<Vec<Relation>, MetricsError> {
    let mut relations = load(&format!("reports/{report}"), &config.queries)?;
    if relations.is_empty() {
        return Err(MetricsError::NoReport {
            report: report.to_owned(),
        });
    }
    let shared = load("reports", &config.queries)?.into_iter();
    let missing = |it: &Relation| relations.iter().all(|own| own.name != it.name);
    let shared: Vec<Relation> = shared.filter(missing).collect();
    relations.extend(shared);
    Ok(relations)
}

/// The types in which a report sees a query's columns; what is none of them is read as text.
fn columns(frame: &Frame) -> Vec<(String, ColumnType)> {
    let kind = |kind: &DataType| match kind {
        DataType::Boolean => ColumnType::Boolean,
        DataType::Date32 => ColumnType::Date,
        DataType::Timestamp(_, _) => ColumnType::Timestamp,
        DataType::Decimal128(_, _) | DataType::Decimal256(_, _) => ColumnType::Decimal,
        kind if kind.is_integer() => ColumnType::Bigint,
        kind if kind.is_floating() => ColumnType::Double,
        _ => ColumnType::String,
    };
    let fields = frame.schema.fields().iter();
    fields
        .map(|field| (field.name().clone(), kind(field.data_type())))
        .collect()
}

/// Runs the queries of `report` over the measures, which are computed if the session lacks them. A
/// query of a report does not read another of its queries.
pub(crate) async fn figures(
    session: &Session,
    config: &Config,
    report: &str,
    as_of: Date,
) -> Result<MetricSet, MetricsError> {
    let relations = queries(report, config)?;
    measured(session, config).await?;
    let (mut tables, mut heads) = (BTreeMap::new(), BTreeMap::new());
    let frames = session.run_all(&relations).await?;
    for (relation, frame) in relations.into_iter().zip(frames) {
        heads.insert(relation.name.clone(), columns(&frame));
        tables.insert(relation.name, frame.rows()?);
    }
    Ok(MetricSet {
        report: report.to_owned(),
        company: config.company.clone(),
        as_of,
        zone: config.time_zone.iana_name().unwrap_or("UTC").to_owned(),
        definition: config.funnel.definition.clone(),
        sign_off: config.sign_off(),
        tables,
        columns: heads,
    })
}
