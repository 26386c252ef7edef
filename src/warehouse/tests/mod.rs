//! What the warehouse promises, night by night.

mod checkpoints;
mod compact;
mod delta;
mod erase;
mod faults;
mod field_history;
mod gates;
mod incremental;
mod late;
mod merging;
mod model;
mod nights;
mod publishing;
mod stored;
mod upkeep;
mod vacuum;
mod verify;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use object_store::memory::InMemory;
use serde_json::Value;

use super::rows::arrow_type;
use super::*;
use crate::config::ColumnType::{self, Bigint, String as Text, Timestamp};
use crate::config::StreamKind;
use crate::sources::{Extract, FileFact};

const LEAD: [(&str, ColumnType); 5] = [
    ("Id", Text),
    ("Status", Text),
    ("Score__c", Bigint),
    ("CreatedDate", Timestamp),
    ("SystemModstamp", Timestamp),
];

const CHANGE: [(&str, ColumnType); 6] = [
    ("Id", Text),
    ("LeadId", Text),
    ("Field", Text),
    ("OldValue", Text),
    ("NewValue", Text),
    ("CreatedDate", Timestamp),
];

/// The `n`-th of November 2026.
fn nov(n: i8) -> Date {
    jiff::civil::date(2026, 11, n)
}

/// An extract whose rows are JSON objects by SQL name; columns are named as in the file.
fn extract(
    stream: &str,
    kind: StreamKind,
    as_of: Date,
    columns: &[(&str, ColumnType)],
    rows: &[Value],
) -> Extract {
    let field = |(name, kind): &(&str, ColumnType)| {
        let original = HashMap::from([("original".to_owned(), (*name).to_owned())]);
        Field::new(name.to_lowercase(), arrow_type(*kind), true).with_metadata(original)
    };
    let fields: Vec<Field> = columns.iter().map(field).collect();
    let schema = Arc::new(Schema::new(fields));
    let batch = batch_of(&schema, rows).unwrap();
    Extract {
        source: "crm".to_owned(),
        stream: stream.to_owned(),
        kind,
        as_of,
        schema,
        batches: vec![batch],
        file: FileFact {
            path: format!("{stream}.csv"),
            bytes: 1,
            sha256: String::new(),
        },
    }
}

fn lead_kind() -> StreamKind {
    StreamKind::Snapshot {
        key: "id".to_owned(),
        created: Some("createddate".to_owned()),
        modified: Some("systemmodstamp".to_owned()),
    }
}

/// Rows written `id status score created modified`, `-` for null, instants as `05T14:03`.
fn leads(as_of: Date, rows: &[&str]) -> Extract {
    let rows: Vec<Value> = rows.iter().map(|row| lead_row(row)).collect();
    extract("lead", lead_kind(), as_of, &LEAD, &rows)
}

fn lead_row(row: &str) -> Value {
    let mut cells = row.split(' ').map(|cell| (cell != "-").then_some(cell));
    let mut next = || cells.next().flatten();
    let (id, status) = (next(), next());
    let score: Option<i64> = next().map(|score| score.parse().unwrap());
    let (created, modified) = (next().map(instant), next().map(instant));
    serde_json::json!({"id": id, "status": status, "score__c": score,
        "createddate": created, "systemmodstamp": modified})
}

/// Rows written `id lead field old new at`.
fn changes(as_of: Date, rows: &[&str]) -> Extract {
    let row = |row: &&str| {
        let cells: Vec<Option<&str>> = row
            .split(' ')
            .map(|cell| (cell != "-").then_some(cell))
            .collect();
        serde_json::json!({"id": cells[0], "leadid": cells[1], "field": cells[2],
            "oldvalue": cells[3], "newvalue": cells[4], "createddate": cells[5].map(instant)})
    };
    let rows: Vec<Value> = rows.iter().map(row).collect();
    let kind = StreamKind::FieldHistory {
        key: "id".to_owned(),
        of: "lead".to_owned(),
        record: "leadid".to_owned(),
        field: "field".to_owned(),
        old: "oldvalue".to_owned(),
        new: "newvalue".to_owned(),
        at: "createddate".to_owned(),
    };
    extract("lead_change", kind, as_of, &CHANGE, &rows)
}

fn calls(as_of: Date, ids: &[&str]) -> Extract {
    let rows: Vec<Value> = ids
        .iter()
        .map(|id| serde_json::json!({"id": id, "subject": format!("seen {as_of}")}))
        .collect();
    let kind = StreamKind::Events {
        key: "id".to_owned(),
        at: None,
    };
    extract(
        "task",
        kind,
        as_of,
        &[("Id", Text), ("Subject", Text)],
        &rows,
    )
}

fn instant(short: &str) -> String {
    format!("2026-11-{short}:00Z")
}

/// A warehouse in memory whose company lives in UTC.
struct House {
    warehouse: Warehouse,
    zone: TimeZone,
}

impl House {
    fn new() -> Self {
        Self {
            warehouse: Warehouse::on(Store::over(Arc::new(InMemory::new()))),
            zone: TimeZone::UTC,
        }
    }

    /// The same on local disk.
    fn below(folder: &std::path::Path) -> Self {
        Self {
            warehouse: Warehouse::open(&Location::folder(folder).unwrap()).unwrap(),
            zone: TimeZone::UTC,
        }
    }

    async fn begin(&self, as_of: Date) -> Draft {
        let run_id = RunId::new(as_of);
        let begun = self.warehouse.begin(as_of, &run_id, &self.zone).await;
        begun.unwrap()
    }

    /// One whole night.
    async fn night(&self, leads: &Extract, changes: Option<&Extract>) -> Recorded {
        let mut draft = self.begin(leads.as_of).await;
        let recorded = draft.record(leads, changes).await.unwrap();
        commit(draft).await;
        recorded
    }

    /// One whole night, in its turn or late.
    async fn any_night(&self, leads: &Extract, changes: Option<&Extract>) -> Recorded {
        let newest = self.warehouse.latest().await.unwrap();
        let run_id = RunId::new(leads.as_of);
        let begun = match newest {
            Some(newest) if newest.as_of >= leads.as_of => {
                let late = self.warehouse.begin_late(leads.as_of, &run_id, &self.zone);
                late.await.unwrap()
            }
            _ => self.begin(leads.as_of).await,
        };
        let mut draft = begun;
        if let Some(changes) = changes {
            draft.record_events(changes).await.unwrap();
        }
        let recorded = draft.record(leads, changes).await.unwrap();
        commit(draft).await;
        recorded
    }

    async fn latest(&self) -> Version {
        self.warehouse.latest().await.unwrap().unwrap()
    }

    async fn rows(&self, version: &Version, table: &str) -> Vec<Value> {
        let (schema, batches) = self.warehouse.read(version, table).await.unwrap();
        let name = table.to_owned();
        Frame {
            name,
            schema,
            batches,
        }
        .rows()
        .unwrap()
    }

    /// The history in lines `id status score from..to via`, with `gone` and `censored` where true.
    async fn history(&self) -> Vec<String> {
        let rows = self.rows(&self.latest().await, "crm.lead_history").await;
        rows.iter().map(line).collect()
    }
}

fn line(row: &Value) -> String {
    let mut line = format!(
        "{} {} {} {}..{} {}",
        word(&row["record_id"]),
        word(&row["status"]),
        word(&row["score__c"]),
        short(&row["valid_from"]),
        short(&row["valid_to"]),
        word(&row["via"]),
    );
    for flag in ["deleted", "censored"] {
        if row[flag] == true {
            line.push(' ');
            line.push_str(flag);
        }
    }
    line
}

fn word(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `05T14:03`, or `05 end` for the last microsecond of a day in UTC.
fn short(value: &Value) -> String {
    let text = word(value);
    match text.strip_prefix("2026-11-") {
        Some(rest) if rest.contains("T23:59:59.999999") => {
            rest.chars().take(2).chain(" end".chars()).collect()
        }
        Some(rest) => rest.chars().take(8).collect(),
        None => text,
    }
}

async fn commit(draft: Draft) -> Commit {
    let texts = BTreeMap::from([("leadgauge.yaml".to_owned(), "company: Acme".to_owned())]);
    draft.commit(texts, "hash").await.unwrap()
}

fn numbers(values: &[i64]) -> (SchemaRef, Vec<RecordBatch>) {
    let schema = schema_of(&[("n", Bigint)]);
    let rows: Vec<Value> = values.iter().map(|n| serde_json::json!({"n": n})).collect();
    let batch = batch_of(&schema, &rows).unwrap();
    (schema, vec![batch])
}
