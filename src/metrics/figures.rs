//! The figures of one report: what its queries give, as values that the report's views are read from.

use std::collections::BTreeMap;

use arrow::datatypes::DataType;
use jiff::civil::Date;

use super::{MetricsError, measured};
use crate::config::{ColumnType, Config, SignOff};
use crate::warehouse::query::relation::load;
use crate::warehouse::{Frame, Session};

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
    /// The columns of those rows, in their order.
    pub(crate) columns: BTreeMap<String, Vec<(String, ColumnType)>>,
}

/// Runs the queries of `report` over the measures, which are computed if the session lacks them. A
/// query of a report does not read another of its queries.
pub(crate) async fn figures(
    session: &Session,
    config: &Config,
    report: &str,
    as_of: Date,
) -> Result<MetricSet, MetricsError> {
    let relations = load(&format!("reports/{report}"), &config.queries)?;
    if relations.is_empty() {
        return Err(MetricsError::NoReport {
            report: report.to_owned(),
        });
    }
    measured(session, config).await?;
    let (mut tables, mut columns) = (BTreeMap::new(), BTreeMap::new());
    let frames = session.run_all(&relations).await?;
    for (relation, frame) in relations.into_iter().zip(frames) {
        columns.insert(relation.name.clone(), columns_of(&frame));
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
        columns,
    })
}

fn columns_of(frame: &Frame) -> Vec<(String, ColumnType)> {
    let fields = frame.schema.fields().iter();
    let columns = fields.map(|field| (field.name().clone(), kind_of(field.data_type())));
    columns.collect()
}

/// The kind that a value of an Arrow type is shown as; what is none of ours is text.
fn kind_of(kind: &DataType) -> ColumnType {
    match kind {
        DataType::Boolean => ColumnType::Boolean,
        DataType::Date32 | DataType::Date64 => ColumnType::Date,
        DataType::Timestamp(_, _) => ColumnType::Timestamp,
        DataType::Decimal128(_, _) => ColumnType::Decimal,
        DataType::Float32 | DataType::Float64 => ColumnType::Double,
        DataType::Dictionary(_, value) => kind_of(value),
        kind if kind.is_integer() => ColumnType::Bigint,
        _ => ColumnType::String,
    }
}
