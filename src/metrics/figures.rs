//! The figures of one report: what its queries give, as values that the report's views are read from.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::{MetricsError, measured, member};
use crate::config::{Config, SignOff};
use crate::warehouse::Session;
use crate::warehouse::query::relation::load;

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
    if relations.iter().any(|it| it.needs.contains(member::TABLE)) {
        member::register(session, config).await?;
    }
    let mut tables = BTreeMap::new();
    let frames = session.run_all(&relations).await?;
    for (relation, frame) in relations.into_iter().zip(frames) {
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
    })
}
