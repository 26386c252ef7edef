//! What one reader gets of a report's rows: the one place where it is decided.
//!
//! Rows of the reader's scope and nothing else; of those, no row of a person and no small group for
//! who gets figures of many alone; and no column that may not be mailed. What cannot be limited to
//! the scope is left out and said, never shown for all.

use jiff::ToSpan;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::MetricSet;
use super::MetricsError;
use super::figures::{Figures, Limits, Query, Row, Scoped};
use crate::config::{Detail, Privacy, Scope, Sees};

/// Columns that make a row one of a person.
const PERSONAL: [&str; 3] = ["person_id", "email", "record_id"];

/// Columns that name persons beside the figures of many.
const NAMING: [&str; 5] = [
    "examples",
    "person_name",
    "first_name",
    "last_name",
    "full_name",
];

/// Counts of persons whose column does not end in `_n`.
const COUNTS: [&str; 5] = ["n", "entered", "entered_28", "stock", "attained"];

/// How many rows of a query a reader got, and which: the proof of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Given {
    pub(crate) query: String,
    pub(crate) rows: usize,
    pub(crate) left_out: bool,
    /// SHA-256 of the rows as JSON, one a line; lower-case hex.
    pub(crate) sha256: String,
}

/// What a reader gets.
pub(crate) struct Reading {
    pub(crate) set: MetricSet,
    pub(crate) given: Vec<Given>,
}

impl Figures {
    /// What who `sees` so gets. The scope must be one of those that the figures were asked for.
    pub(crate) fn of(&self, sees: &Sees, privacy: &Privacy) -> Result<Reading, MetricsError> {
        let scoped = !sees.scope.is_everything();
        let aggregate = sees.detail == Detail::Aggregate;
        let few = (scoped && aggregate && privacy.min_group > 1).then_some(privacy.min_group);
        let mut set = MetricSet {
            limits: Limits {
                scope: scoped.then(|| sees.scope.words()),
                aggregate,
                few,
                left_out: Vec::new(),
                locale: sees.locale,
            },
            ..self.set.clone()
        };
        set.zone = zone(&set, sees);
        let mut given = Vec::new();
        for (name, query) in &self.queries {
            let rows = self.rows(query, sees)?;
            let left_out = rows.is_none();
            if left_out {
                set.limits.left_out.push(query.title.clone());
            }
            let mut rows = rows.unwrap_or_default();
            if let Some(few) = few {
                suppress(&mut rows, few);
            }
            for row in &mut rows {
                classify(row, privacy, aggregate);
            }
            given.push(Given {
                query: name.clone(),
                rows: rows.len(),
                left_out,
                sha256: digest(&rows),
            });
            set.tables.insert(name.clone(), rows);
        }
        Ok(Reading { set, given })
    }

    /// Whether anything of the report is told apart by scope.
    pub(crate) fn tells_apart(&self, scope: &Scope) -> bool {
        self.queries.values().any(|query| match &query.scoped {
            Scoped::Numbered(numbered) => numbered.tells_apart(),
            Scoped::Unsaid => query.has(scope),
        })
    }

    /// The rows that a reader may see; none where the query cannot tell them, or each is a person's.
    fn rows(&self, query: &Query, sees: &Sees) -> Result<Option<Vec<Row>>, MetricsError> {
        let scope = &sees.scope;
        if sees.detail == Detail::Aggregate && query.is_personal() {
            return Ok(None);
        }
        if scope.is_everything() {
            return Ok(Some(query.whole.clone()));
        }
        match &query.scoped {
            Scoped::Numbered(numbered) => {
                let place = self.scopes.iter().position(|it| it == scope);
                let number = place.and_then(|place| i64::try_from(place).ok());
                number.map(|number| numbered.of_scope(number)).transpose()
            }
            Scoped::Unsaid if query.has(scope) => {
                let own = |row: &&Row| scope.admits(|column| row.get(column)?.as_str());
                Ok(Some(query.whole.iter().filter(own).cloned().collect()))
            }
            Scoped::Unsaid => Ok(None),
        }
    }
}

impl Query {
    fn is_personal(&self) -> bool {
        self.columns
            .iter()
            .any(|it| PERSONAL.contains(&it.as_str()))
    }

    /// Whether the rows themselves say whether they are in the scope.
    fn has(&self, scope: &Scope) -> bool {
        let mut columns = scope.columns().into_iter();
        columns.all(|column| self.columns.iter().any(|it| it == column))
    }
}

/// The zone in which days are told, and when such a day ends for the reader.
fn zone(set: &MetricSet, sees: &Sees) -> String {
    let own = sees.time_zone.as_ref();
    let ends = own
        .zip(jiff::tz::TimeZone::get(&set.zone).ok())
        .and_then(|(own, zone)| {
            let next = set.as_of.saturating_add(1.day());
            let end = next.to_zoned(zone).ok()?;
            Some((own.iana_name()?, end.with_time_zone(own.clone())))
        });
    match ends.filter(|(name, _)| *name != set.zone) {
        Some((name, end)) => format!(
            "{}; this one ended at {} in {name}",
            set.zone,
            end.strftime("%H:%M")
        ),
        None => set.zone.clone(),
    }
}

/// Takes out figures of fewer persons than `few`: a row that counts nothing else goes, with the other
/// rows of its stage, since their sum may be told elsewhere; of other rows the cell alone, and what
/// was reckoned from it.
fn suppress(rows: &mut Vec<Row>, few: u32) {
    let small = |value: Option<&Value>| {
        let n = value.and_then(Value::as_i64);
        n.is_some_and(|n| n > 0 && n < i64::from(few))
    };
    let stage = |row: &Row| row.get("stage").and_then(Value::as_str).map(str::to_owned);
    let gone: Vec<Option<String>> = rows
        .iter()
        .filter(|row| small(row.get("n")))
        .map(stage)
        .collect();
    rows.retain(|row| {
        !small(row.get("n")) && (stage(row).is_none() || !gone.contains(&stage(row)))
    });
    for row in rows {
        let counts: Vec<String> = row
            .iter()
            .filter(|(column, value)| is_count(column) && small(Some(value)))
            .map(|(column, _)| column.clone())
            .collect();
        for column in counts {
            for other in reckoned(&column) {
                hide(row, other);
            }
            hide(row, &column);
        }
    }
}

fn is_count(column: &str) -> bool {
    COUNTS.contains(&column) || column.ends_with("_n")
}

/// The columns that say something of the same persons.
fn reckoned(count: &str) -> &'static [&'static str] {
    match count {
        "rate_n" => &["rate", "rate_low", "rate_high", "rate_verdict"],
        "median_n" => &["median_days", "days_verdict"],
        "top_source_n" => &["top_source"],
        "entered" => &["top_source", "top_source_n"],
        "entered_28" => &["volume_verdict"],
        _ => &[],
    }
}

fn hide(row: &mut Row, column: &str) {
    if let Some(cell) = row.get_mut(column) {
        *cell = Value::Null;
    }
}

/// Takes out of a row what may not be mailed.
fn classify(row: &mut Row, privacy: &Privacy, aggregate: bool) {
    for (column, cell) in row.iter_mut() {
        let named = |columns: &[String]| columns.iter().any(|it| it.eq_ignore_ascii_case(column));
        if named(&privacy.never_mail) || (aggregate && NAMING.contains(&column.as_str())) {
            *cell = withheld(cell);
        } else if named(&privacy.masked) {
            *cell = masked(cell);
        }
    }
}

/// What stands in the place of a cell. A text that a report must have stays one.
fn withheld(cell: &Value) -> Value {
    match cell {
        Value::String(_) => Value::String("–".to_owned()),
        _ => Value::Null,
    }
}

/// The first character of a text, and the domain of an address.
fn masked(cell: &Value) -> Value {
    let Some(text) = cell.as_str() else {
        return Value::Null;
    };
    let first: String = text.chars().take(1).collect();
    let domain = text
        .rsplit_once('@')
        .map(|(_, domain)| format!("@{domain}"));
    Value::String(format!("{first}…{}", domain.unwrap_or_default()))
}

fn digest(rows: &[Row]) -> String {
    let mut hash = Sha256::new();
    for row in rows {
        hash.update(serde_json::to_vec(row).unwrap_or_default());
        hash.update(b"\n");
    }
    format!("{:x}", hash.finalize())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rows(value: Value) -> Vec<Row> {
        serde_json::from_value(value).unwrap()
    }

    /// Counts under the floor go with what was reckoned from them, and with the rest of their stage
    /// where the sum could be told; what is none stays.
    #[test]
    fn small_groups() {
        let mut stages = rows(json!([
            {"stage": "mql", "stock": 4, "entered": 0, "entered_28": 5, "rate": 0.5, "rate_n": 3, "rate_verdict": "few"},
            {"stage": "sal", "stock": 40, "entered": 9, "entered_28": 1, "rate": 0.5, "rate_n": 30, "volume_verdict": "up"},
        ]));
        suppress(&mut stages, 5);
        assert_eq!(
            json!(stages),
            json!([
                {"stage": "mql", "stock": null, "entered": 0, "entered_28": 5, "rate": null, "rate_n": null, "rate_verdict": null},
                {"stage": "sal", "stock": 40, "entered": 9, "entered_28": null, "rate": 0.5, "rate_n": 30, "volume_verdict": null},
            ])
        );
        let mut weeks = rows(json!([
            {"stage": "mql", "n": 9}, {"stage": "sal", "n": 9}, {"stage": "mql", "n": 4}, {"stage": "sal", "n": 0},
        ]));
        suppress(&mut weeks, 5);
        assert_eq!(
            json!(weeks),
            json!([{"stage": "sal", "n": 9}, {"stage": "sal", "n": 0}])
        );
        let mut needs = rows(json!([{"kind": "a", "n": 2}, {"kind": "b", "n": 7}]));
        suppress(&mut needs, 5);
        assert_eq!(json!(needs), json!([{"kind": "b", "n": 7}]));
    }

    /// Columns that are never mailed say nothing, masked ones show one character and a domain.
    #[test]
    fn classes_of_columns() {
        let privacy = Privacy {
            never_mail: vec!["phone".to_owned()],
            masked: vec!["email".to_owned(), "points".to_owned()],
            ..Privacy::default()
        };
        let mut row = rows(
            json!([{"Phone": "555", "email": "ann@acme.example", "points": 9, "examples": "x", "n": 1}]),
        );
        classify(&mut row[0], &privacy, false);
        assert_eq!(
            json!(row[0]),
            json!({"Phone": "–", "email": "a…@acme.example", "points": null, "examples": "x", "n": 1})
        );
        classify(&mut row[0], &privacy, true);
        assert_eq!(row[0]["examples"], "–");
    }
}
