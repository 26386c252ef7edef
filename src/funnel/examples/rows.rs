//! An example's lines as rows of the canonical tables. It lives in nightly snapshots: what happened on a
//! day is known when that day has ended.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use crate::clock;
use crate::config::{Cell, Example, Happening, Scalar};
use crate::funnel::derive::Past;
use crate::funnel::shape::{self, Shape, word};
use crate::problem::{Problem, nearest};
use crate::warehouse::batch_of;

/// Of whom every example is about.
const RECORD: &str = "example.person:1";

/// The opportunity of an example that names none.
const OPPORTUNITY: &str = "1";

/// Columns that an example's line cannot say: they follow from its `at`, or name the person.
const OURS: [&str; 9] = [
    "source",
    "stream",
    "record_id",
    "record_key",
    "valid_from",
    "seen_after",
    "known_at",
    "occurred_at",
    "censored",
];

/// One canonical table's rows in the making.
struct Rows<'a> {
    schema: SchemaRef,
    zone: &'a TimeZone,
    problems: Vec<Problem>,
}

type Row = Map<String, Value>;

/// The canonical tables' rows of one example.
pub(super) fn tables(
    past: &Past,
    example: &Example,
    zone: &TimeZone,
) -> Result<BTreeMap<&'static str, RecordBatch>, Vec<Problem>> {
    let mut tables = BTreeMap::new();
    let mut problems = Vec::new();
    let parts: [(&Shape, &[Happening], Make); 5] = [
        (&shape::PERSON, &example.person, person),
        (&shape::ACTIVITY, &example.activities, activity),
        (&shape::RESPONSE, &example.responses, response),
        (&shape::OPPORTUNITY, &example.opportunities, opportunity),
        (&shape::OPPORTUNITY_PERSON, &example.opportunities, link),
    ];
    for (shape, happenings, make) in parts {
        let mut rows = Rows {
            schema: past.schema(shape),
            zone,
            problems: Vec::new(),
        };
        let made = rows.all(shape, happenings, make);
        // A link says nothing that its opportunity's line does not.
        if shape.table != shape::OPPORTUNITY_PERSON.table {
            problems.append(&mut rows.problems);
        }
        tables.extend(made.map(|batch| (shape.table, batch)));
    }
    if problems.is_empty() {
        Ok(tables)
    } else {
        Err(problems)
    }
}

/// Makes a row of a line: its number, the line, the row that the lines before it made.
type Make = fn(&mut Rows<'_>, usize, &Happening, &[Row]) -> Row;

fn person(rows: &mut Rows<'_>, _: usize, happening: &Happening, before: &[Row]) -> Row {
    let mut row = before.last().cloned().unwrap_or_default();
    if before.is_empty() {
        row.insert("created_at".to_owned(), rows.instant(happening.at));
    }
    rows.version(&mut row, happening);
    row.insert("stream".to_owned(), json!("person"));
    row.insert("record_id".to_owned(), json!("1"));
    row
}

fn activity(rows: &mut Rows<'_>, number: usize, happening: &Happening, _: &[Row]) -> Row {
    rows.event("activity_id", number, happening)
}

fn response(rows: &mut Rows<'_>, number: usize, happening: &Happening, _: &[Row]) -> Row {
    rows.event("response_id", number, happening)
}

fn opportunity(rows: &mut Rows<'_>, _: usize, happening: &Happening, before: &[Row]) -> Row {
    let id = opportunity_id(happening);
    let same = |row: &&Row| row.get("opportunity_id") == Some(&id);
    let mut row = before.iter().rev().find(same).cloned().unwrap_or_default();
    row.insert("opportunity_id".to_owned(), id);
    if !row.contains_key("created_at") {
        row.insert("created_at".to_owned(), rows.instant(happening.at));
    }
    rows.version(&mut row, happening);
    row
}

fn link(rows: &mut Rows<'_>, _: usize, happening: &Happening, _: &[Row]) -> Row {
    let row = json!({
        "opportunity_id": opportunity_id(happening), "record_key": RECORD, "is_primary": true,
        "linked_at": rows.instant(happening.at),
    });
    row.as_object().cloned().unwrap_or_default()
}

fn opportunity_id(happening: &Happening) -> Value {
    let named = happening
        .cells
        .iter()
        .find(|it| it.column == "opportunity_id");
    match named.map(|cell| &cell.value) {
        Some(Scalar::Text(id)) => json!(id),
        Some(Scalar::Integer(id)) => json!(id.to_string()),
        _ => json!(OPPORTUNITY),
    }
}

impl Rows<'_> {
    /// The lines as rows, of the example's source; none where a line is wrong.
    fn all(&mut self, shape: &Shape, happenings: &[Happening], make: Make) -> Option<RecordBatch> {
        let mut rows: Vec<Row> = Vec::new();
        let mut order: Vec<&Happening> = happenings.iter().collect();
        order.sort_by_key(|happening| happening.at);
        for (number, happening) in order.into_iter().enumerate() {
            let mut row = make(self, number, happening, &rows);
            row.insert("source".to_owned(), json!("example"));
            rows.push(row);
        }
        if !self.problems.is_empty() {
            return None;
        }
        match batch_of(&self.schema, &rows) {
            Ok(batch) => Some(batch),
            Err(error) => {
                let what = format!("`{}` cannot hold an example's rows: {error}", shape.table);
                let problem = Problem::new(what);
                let place = happenings.first().map(|first| first.place.clone());
                self.problems
                    .push(place.into_iter().fold(problem, Problem::at));
                None
            }
        }
    }

    /// A version begins: what the line says is so from now on.
    fn version(&mut self, row: &mut Row, happening: &Happening) {
        let day = happening.at.date();
        let before = day.yesterday().unwrap_or(day);
        self.fill(row, happening);
        row.insert("valid_from".to_owned(), self.instant(happening.at));
        row.insert("seen_after".to_owned(), self.day_end(before));
        row.insert("known_at".to_owned(), self.day_end(day));
        row.insert("via".to_owned(), json!("snapshot"));
        row.entry("deleted").or_insert(json!(false));
        row.insert("censored".to_owned(), json!(false));
        row.insert("imported".to_owned(), json!(false));
    }

    fn event(&mut self, id: &str, number: usize, happening: &Happening) -> Row {
        let mut row = Row::new();
        self.fill(&mut row, happening);
        row.insert(id.to_owned(), json!(number.to_string()));
        row.insert("record_key".to_owned(), json!(RECORD));
        row.insert("occurred_at".to_owned(), self.instant(happening.at));
        row.insert("known_at".to_owned(), self.day_end(happening.at.date()));
        row.insert("imported".to_owned(), json!(false));
        row
    }

    fn fill(&mut self, row: &mut Row, happening: &Happening) {
        for cell in &happening.cells {
            match self.value(cell) {
                Ok(value) => {
                    row.insert(cell.column.clone(), value);
                }
                Err(problem) => self.problems.push(problem),
            }
        }
    }

    /// The value as JSON of the column's type.
    fn value(&self, cell: &Cell) -> Result<Value, Problem> {
        let name = cell.column.as_str();
        let known = self.schema.field_with_name(name).ok();
        let Some(field) = known.filter(|_| !OURS.contains(&name)) else {
            return Err(self.unknown(cell));
        };
        let value = match (field.data_type(), &cell.value) {
            (_, Scalar::Null) => Some(Value::Null),
            (DataType::Boolean, Scalar::Boolean(value)) => Some(json!(value)),
            (DataType::Utf8, Scalar::Text(text)) => Some(json!(text)),
            (DataType::Utf8 | DataType::Decimal128(_, _), Scalar::Integer(value)) => {
                Some(json!(value.to_string()))
            }
            (DataType::Int64 | DataType::Float64, Scalar::Integer(value)) => Some(json!(value)),
            (DataType::Float64, Scalar::Decimal(value)) => Some(json!(value)),
            (DataType::Decimal128(_, _), Scalar::Decimal(value)) => Some(json!(value.to_string())),
            (DataType::Date32, Scalar::Text(text)) => day(text).map(|day| json!(day)),
            (DataType::Timestamp(_, _), Scalar::Text(text)) => {
                local(text).map(|at| self.instant(at))
            }
            _ => None,
        };
        value.ok_or_else(|| {
            let wanted = word(field.data_type());
            Problem::new(format!("`{name}` holds {wanted}, and this is none"))
                .at(cell.place.clone())
        })
    }

    fn unknown(&self, cell: &Cell) -> Problem {
        let names = self
            .schema
            .fields()
            .iter()
            .map(|field| field.name().as_str());
        let names: Vec<&str> = names.filter(|name| !OURS.contains(name)).collect();
        let fix = match nearest(&cell.column, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("name one of `{}`", names.join("`, `")),
        };
        let what = format!("An example cannot say `{}`", cell.column);
        Problem::new(what).at(cell.place.clone()).fix(fix)
    }

    fn instant(&self, at: DateTime) -> Value {
        let zoned = self.zone.to_ambiguous_zoned(at).compatible();
        json!(zoned.map_or(Timestamp::MAX, |zoned| zoned.timestamp()))
    }

    fn day_end(&self, day: Date) -> Value {
        json!(clock::day_end(day, self.zone))
    }
}

fn day(text: &str) -> Option<Date> {
    text.parse().ok()
}

/// A local instant; a day stands for its beginning.
fn local(text: &str) -> Option<DateTime> {
    text.parse().ok()
}
