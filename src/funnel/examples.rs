//! The examples of a definition: made-up persons go through the same evidence and the same walk as
//! real ones, and what comes out is held against what is expected.
//!
//! An example lives in nightly snapshots: what happened on a day is known when that day has ended.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::FunnelError;
use super::derive::Past;
use super::shape::{self, Shape, word};
use crate::clock;
use crate::config::{Cell, Entered, Example, Expected, Funnel, Happening, Scalar};
use crate::problem::{Problem, Problems, nearest};
use crate::warehouse::{Session, batch_of};

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

/// An entry that came out.
#[derive(Debug, Deserialize)]
struct Came {
    stage: String,
    entered_at: Timestamp,
    entered_on: Date,
    implied: bool,
}

/// Runs every example of a definition over the columns of `past`; gives what came out otherwise than
/// expected, at its place in the file.
///
/// # Errors
/// `Definition` tells every line of an example that does not fit the deployment's columns.
pub(crate) async fn failures(
    past: &Past,
    funnel: &Funnel,
    zone: &TimeZone,
) -> Result<Vec<Problem>, FunnelError> {
    let mut problems = Vec::new();
    let mut failures = Vec::new();
    for example in &funnel.examples {
        match tables(past, example, zone) {
            Err(more) => problems.extend(more),
            Ok(mut rows) => {
                let session = Session::new(example.as_of, zone);
                let made = past.with_rows(&session, &mut rows, funnel, zone)?;
                made.walk(&session, funnel, zone)?;
                let came = session.query("entries", ENTRIES).await?.rows()?;
                failures.extend(judge(example, &came, zone));
            }
        }
    }
    if problems.is_empty() {
        Ok(failures)
    } else {
        Err(FunnelError::Definition(Problems(problems)))
    }
}

const ENTRIES: &str = "select stage, entered_at, entered_on, implied from stage_entry
    where not carried order by entered_at, cycle, stage_order";

/// The canonical tables' rows of one example.
fn tables(
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
            (DataType::Utf8, Scalar::Integer(value)) => Some(json!(value.to_string())),
            (DataType::Int64 | DataType::Float64, Scalar::Integer(value)) => Some(json!(value)),
            (DataType::Float64, Scalar::Decimal(value)) => Some(json!(value)),
            (DataType::Decimal128(_, _), Scalar::Integer(value)) => Some(json!(value.to_string())),
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

/// Where an example came out otherwise.
fn judge(example: &Example, came: &[Came], zone: &TimeZone) -> Vec<Problem> {
    let differs = |expected: &&Expected| {
        let own: Vec<&Came> = came
            .iter()
            .filter(|it| it.stage == expected.stage)
            .collect();
        let same = own.len() == expected.entries.len();
        !same
            || !own
                .iter()
                .zip(&expected.entries)
                .all(|(it, entered)| it.is(entered, zone))
    };
    let failed = example.expected.iter().filter(differs);
    failed
        .map(|expected| {
            let own = came.iter().filter(|it| it.stage == expected.stage);
            let timed = expected
                .entries
                .iter()
                .any(|entered| entered.time.is_some());
            let own: Vec<String> = own.map(|it| it.shown(timed, zone)).collect();
            let wanted: Vec<String> = expected.entries.iter().map(shown).collect();
            Problem::new(format!(
                "{}: `{}` is {}, and {} is expected",
                example.name,
                expected.stage,
                entered(&own),
                if wanted.is_empty() {
                    "never".to_owned()
                } else {
                    wanted.join(", then ")
                },
            ))
            .at(expected.place.clone())
        })
        .collect()
}

fn entered(entries: &[String]) -> String {
    match entries {
        [] => "never entered".to_owned(),
        entries => format!("entered {}", entries.join(", then ")),
    }
}

impl Came {
    fn is(&self, expected: &Entered, zone: &TimeZone) -> bool {
        let local = self.entered_at.to_zoned(zone.clone()).datetime();
        let at = expected
            .time
            .is_none_or(|time| local == expected.day.to_datetime(time));
        at && self.entered_on == expected.day && self.implied == expected.implied
    }

    /// As it would be written under `expect`.
    fn shown(&self, timed: bool, zone: &TimeZone) -> String {
        let local = self.entered_at.to_zoned(zone.clone());
        let form = if timed { "%Y-%m-%d %H:%M" } else { "%Y-%m-%d" };
        let implied = if self.implied { " implied" } else { "" };
        format!("{}{implied}", local.strftime(form))
    }
}

fn shown(entered: &Entered) -> String {
    let time = entered.time.map(|time| time.strftime(" %H:%M").to_string());
    let implied = if entered.implied { " implied" } else { "" };
    format!("{}{}{implied}", entered.day, time.unwrap_or_default())
}
