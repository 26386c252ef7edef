//! metrics

use std::collections::BTreeMap;

use jiff::civil::Date;

/// The figures of one report: what the report may use, and nothing else.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MetricSet {
    pub(crate) report: String,
    pub(crate) company: String,
    pub(crate) as_of: Date,
    pub(crate) zone: String,
    pub(crate) definition: String,
    /// Rows by the stem of the query's file.
    pub(crate) tables: BTreeMap<String, Vec<serde_json::Map<String, serde_json::Value>>>,
}
