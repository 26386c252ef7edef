//! What is wrong with a report of one's own: templates that are not there, variables that no query
//! gives, what cannot be written.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::super::check::{not_plain, unknown_variables};
use super::super::prepare;
use super::super::templates::Templates;
use super::super::{PARTS, write};
use crate::config::ColumnType;
use crate::metrics::MetricSet;
use crate::problem::{Place, Problem};

/// Everything that is wrong with the templates of the report that `set` is for. The rows of `set` are
/// not looked at, only its columns: examples are made of them.
pub(in crate::report) fn check(
    set: &MetricSet,
    place: &Place,
    templates: &Templates,
) -> Vec<Problem> {
    let report = &set.report;
    let absent = absent(report, templates);
    if !absent.is_empty() {
        return vec![no_template(report, place, &absent)];
    }
    let filled = examples(set, &[filled]);
    let view = match prepare(&filled) {
        Ok(prepared) => prepared.view,
        Err(error) => return vec![Problem::new(error.to_string()).at(place.clone())],
    };
    let mut problems = not_plain(templates, &format!("{report}.report"));
    let parts = PARTS.iter().map(|part| format!("{report}.{part}"));
    for problem in parts.flat_map(|part| unknown_variables(templates, &part, &view)) {
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }
    if !problems.is_empty() {
        return problems;
    }
    let sets = [
        examples(set, &[]),
        filled,
        examples(set, &[filled_as_null, self::filled]),
    ];
    let written = sets.iter().find_map(|set| {
        let written = prepare(set).and_then(|it| write(report, &it.view, templates));
        written.err()
    });
    written
        .into_iter()
        .map(|error| Problem::new(error.to_string()))
        .collect()
}

/// The templates that neither stand for themselves nor follow from one that is written once.
fn absent(report: &str, templates: &Templates) -> Vec<String> {
    let bodies = PARTS.iter().filter(|part| !part.starts_with("subject"));
    let names = bodies.map(|part| format!("{report}.{part}"));
    names.filter(|name| !templates.has(name)).collect()
}

fn no_template(report: &str, place: &Place, absent: &[String]) -> Problem {
    let absent: Vec<String> = absent.iter().map(|name| format!("`{name}.hbs`")).collect();
    Problem::new(format!("No template writes the report `{report}`"))
        .at(place.clone())
        .why(format!("there is no {}", absent.join(", ")))
        .fix(format!(
            "write `{report}.report.hbs` among the templates: it is for page, mail and plain text"
        ))
}

type Fill = fn(ColumnType) -> Value;

/// The same report with one row for each of `fills` in every query.
fn examples(set: &MetricSet, fills: &[Fill]) -> MetricSet {
    let row = |columns: &Vec<(String, ColumnType)>, fill: &Fill| {
        let cells = columns
            .iter()
            .map(|(name, kind)| (name.clone(), fill(*kind)));
        cells.collect::<Map<_, _>>()
    };
    let rows = |columns| fills.iter().map(|fill| row(columns, fill)).collect();
    let tables = set
        .columns
        .iter()
        .map(|(query, columns)| match query.as_str() {
            super::FAULTS => (query.clone(), faults(fills.len())),
            _ => (query.clone(), rows(columns)),
        });
    MetricSet {
        tables: tables.collect::<BTreeMap<_, _>>(),
        ..set.clone()
    }
}

fn faults(rows: usize) -> Vec<Map<String, Value>> {
    let fault = json!({"source": "crm", "stream": "lead", "outcome": "missing", "message": null,
        "last_good": null});
    let fault = fault.as_object().cloned().unwrap_or_default();
    vec![fault; rows]
}

fn filled(kind: ColumnType) -> Value {
    match kind {
        ColumnType::String => json!("Example"),
        ColumnType::Boolean => json!(true),
        ColumnType::Bigint => json!(3),
        ColumnType::Double | ColumnType::Decimal => json!(0.5),
        ColumnType::Date => json!("2026-11-19"),
        ColumnType::Timestamp => json!("2026-11-19T10:00:00Z"),
    }
}

fn filled_as_null(_: ColumnType) -> Value {
    Value::Null
}
