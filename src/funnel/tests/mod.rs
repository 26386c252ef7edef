//! The funnel over small companies, from canonical rows to the tables that come out. `World` makes
//! them; each file holds one part of the funnel to its rules.

mod attributes;
mod canonical;
mod changes;
mod definition;
mod deleted;
mod histories;
mod identity;
mod opportunities;
mod properties;
mod scores;
mod signs;
mod stamps;
mod subtleties;
mod vendor;
mod versions;

use std::collections::BTreeMap;

use jiff::civil::date;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::derive::Derived;
use super::{FunnelError, derive};
use crate::config::{
    AfterClose, ColumnType, Deleted, Event, Exclusion, Exit, Funnel, Skipping, Sql, Stage, Trigger,
};
use crate::problem::Place;
use crate::warehouse::{FrameFormat, Relation, Session, batch_of, schema_of};

use ColumnType::{Bigint, Boolean, Date, Decimal, String as Text, Timestamp};

const PERSON: [(&str, ColumnType); 31] = [
    ("stream", Text),
    ("record_id", Text),
    ("email", Text),
    ("name", Text),
    ("last_name", Text),
    ("company", Text),
    ("region", Text),
    ("segment", Text),
    ("employees", Bigint),
    ("lead_source", Text),
    ("channel", Text),
    ("status", Text),
    ("status_reason", Text),
    ("recycle_reason", Text),
    ("lead_score", Bigint),
    ("owner_id", Text),
    ("account_id", Text),
    ("created_at", Timestamp),
    ("converted_to", Text),
    ("linked_to", Text),
    ("merged_into", Text),
    ("rank", Bigint),
    ("mql_at", Timestamp),
    ("demo_on", Date),
    ("valid_from", Timestamp),
    ("seen_after", Timestamp),
    ("known_at", Timestamp),
    ("deleted", Boolean),
    ("via", Text),
    ("censored", Boolean),
    ("imported", Boolean),
];

const OPPORTUNITY: [(&str, ColumnType); 14] = [
    ("opportunity_id", Text),
    ("account_id", Text),
    ("stage", Text),
    ("amount", Decimal),
    ("type", Text),
    ("owner_id", Text),
    ("lead_source", Text),
    ("close_date", Date),
    ("is_closed", Boolean),
    ("is_won", Boolean),
    ("valid_from", Timestamp),
    ("known_at", Timestamp),
    ("deleted", Boolean),
    ("censored", Boolean),
];

const LINK: [(&str, ColumnType); 6] = [
    ("opportunity_id", Text),
    ("record_key", Text),
    ("role", Text),
    ("is_primary", Boolean),
    ("converted", Boolean),
    ("linked_at", Timestamp),
];

const ACTIVITY: [(&str, ColumnType); 5] = [
    ("activity_id", Text),
    ("record_key", Text),
    ("kind", Text),
    ("occurred_at", Timestamp),
    ("known_at", Timestamp),
];

const RESPONSE: [(&str, ColumnType); 7] = [
    ("response_id", Text),
    ("record_key", Text),
    ("kind", Text),
    ("success", Boolean),
    ("campaign_id", Text),
    ("occurred_at", Timestamp),
    ("known_at", Timestamp),
];

/// A company as canonical SQL would give it.
#[derive(Default)]
pub(super) struct World {
    people: BTreeMap<String, Vec<Value>>,
    opportunities: Vec<Value>,
    links: Vec<Value>,
    activities: Vec<Value>,
    responses: Vec<Value>,
}

/// `11-02` is noon UTC of that day in 2026, `11-02T09` the ninth hour.
pub(super) fn at(short: &str) -> String {
    match short.len() {
        5 => format!("2026-{short}T12:00:00Z"),
        8 => format!("2026-{short}:00:00Z"),
        _ => short.to_owned(),
    }
}

/// The end of the day in New York on which a nightly run learns of an instant.
fn known(short: &str) -> String {
    let instant: jiff::Timestamp = at(short).parse().unwrap();
    let day = instant.to_zoned(zone()).date();
    crate::clock::day_end(day, &zone()).to_string()
}

pub(super) fn zone() -> TimeZone {
    TimeZone::get("America/New_York").unwrap()
}

impl World {
    /// A version of a record, `crm.lead:1`, from an instant on. Instants in `fields` may be short.
    pub(super) fn record(mut self, key: &str, from: &str, fields: Value) -> Self {
        let (source, rest) = key.split_once('.').unwrap();
        let (stream, id) = rest.split_once(':').unwrap();
        let mut row = json!({
            "stream": stream, "record_id": id, "valid_from": at(from), "known_at": known(from),
            "created_at": at("11-01"), "deleted": false, "via": "snapshot",
        });
        fill(&mut row, fields);
        self.people.entry(source.to_owned()).or_default().push(row);
        self
    }

    pub(super) fn opportunity(mut self, id: &str, from: &str, fields: Value) -> Self {
        let mut row = json!({
            "opportunity_id": id, "valid_from": at(from), "known_at": known(from), "deleted": false,
            "type": "New Business", "is_closed": false, "is_won": false,
        });
        fill(&mut row, fields);
        self.opportunities.push(row);
        self
    }

    pub(super) fn link(mut self, opportunity: &str, key: &str, fields: Value) -> Self {
        let mut row = json!({"opportunity_id": opportunity, "record_key": key});
        fill(&mut row, fields);
        self.links.push(row);
        self
    }

    pub(super) fn activity(mut self, key: &str, on: &str, kind: &str) -> Self {
        self.activities.push(json!({
            "activity_id": format!("a{}", self.activities.len()), "record_key": key, "kind": kind,
            "occurred_at": at(on), "known_at": known(on),
        }));
        self
    }

    pub(super) fn response(
        mut self,
        key: &str,
        on: &str,
        kind: &str,
        campaign: Option<&str>,
    ) -> Self {
        self.responses.push(json!({
            "response_id": format!("r{}", self.responses.len()), "record_key": key, "kind": kind,
            "success": kind == "form", "campaign_id": campaign,
            "occurred_at": at(on), "known_at": known(on),
        }));
        self
    }

    /// Derives everything as of 2026-11-20.
    pub(super) async fn derive(&self, funnel: &Funnel) -> Result<Outcome, FunnelError> {
        self.derive_over(&[funnel]).await
    }

    /// The same under definitions that follow one another.
    pub(super) async fn derive_over(&self, funnels: &[&Funnel]) -> Result<Outcome, FunnelError> {
        let session = Session::new(date(2026, 11, 20), &zone());
        let mut canonical = BTreeMap::new();
        for (source, rows) in &self.people {
            register(&session, source, "person_version", &PERSON, rows);
            canonical.insert(source.clone(), vec![relation(source, "person_version")]);
        }
        let crm: &mut Vec<Relation> = canonical.entry("crm".to_owned()).or_default();
        let mut add = |name: &str, columns: &[(&str, ColumnType)], rows: &[Value]| {
            register(&session, "crm", name, columns, rows);
            crm.push(relation("crm", name));
        };
        add("opportunity_version", &OPPORTUNITY, &self.opportunities);
        add("opportunity_person", &LINK, &self.links);
        add("activity", &ACTIVITY, &self.activities);
        add("response", &RESPONSE, &self.responses);
        let derived = derive(&session, &canonical, funnels, &zone()).await?;
        Ok(Outcome { session, derived })
    }
}

fn fill(row: &mut Value, fields: Value) {
    let instants = [
        "valid_from",
        "seen_after",
        "known_at",
        "created_at",
        "mql_at",
        "linked_at",
    ];
    let Value::Object(fields) = fields else {
        panic!("fields are an object");
    };
    let row: &mut Map<String, Value> = row.as_object_mut().unwrap();
    for (name, value) in fields {
        let short = value.as_str().filter(|_| instants.contains(&name.as_str()));
        let value = short.map(|short| json!(at(short))).unwrap_or(value);
        row.insert(name, value);
    }
}

fn register(
    session: &Session,
    source: &str,
    table: &str,
    columns: &[(&str, ColumnType)],
    rows: &[Value],
) {
    let schema = schema_of(columns);
    let batch = batch_of(&schema, rows).unwrap();
    session
        .register(&format!("{source}.{table}"), schema, vec![batch])
        .unwrap();
}

fn relation(source: &str, table: &str) -> Relation {
    let file = format!("queries/canonical/{source}/{table}.sql");
    Relation::parse(table, &file, &format!("select * from {source}.{table}")).unwrap()
}

/// What came out.
pub(super) struct Outcome {
    session: Session,
    pub(super) derived: Derived,
}

impl Outcome {
    /// The rows of a query as lines of cells between bars.
    pub(super) async fn rows(&self, sql: &str) -> Vec<String> {
        let frame = self.session.query("test", sql).await.unwrap();
        let csv = String::from_utf8(frame.bytes(FrameFormat::Csv).unwrap()).unwrap();
        csv.lines()
            .skip(1)
            .map(|line| {
                line.replace(',', "|")
                    .replace(":00Z", "")
                    .replace("2026-", "")
            })
            .collect()
    }

    pub(super) fn count(&self, what: &str) -> u64 {
        self.derived.counts.get(what).copied().unwrap_or_default()
    }
}

pub(super) fn sql(text: &str) -> Sql {
    Sql {
        text: text.to_owned(),
        place: Place {
            file: "funnel.yaml".to_owned(),
            line: 7,
            column: 12,
            text: format!("    when: \"{text}\""),
        },
    }
}

pub(super) fn stage(id: &str, triggers: Vec<Trigger>) -> Stage {
    Stage {
        id: id.to_owned(),
        term: id.to_owned(),
        definition: String::new(),
        place: sql("").place,
        triggers,
        enters_on_change: false,
        won_when: None,
        required_fields: Vec::new(),
    }
}

pub(super) fn when(predicate: &str) -> Vec<Trigger> {
    vec![Trigger::When(sql(predicate))]
}

pub(super) fn stamp(column: &str) -> Vec<Trigger> {
    vec![Trigger::Stamp(sql(column))]
}

pub(super) fn on(event: Event, predicate: &str, at: Option<&str>) -> Vec<Trigger> {
    vec![Trigger::On {
        event,
        predicate: Some(sql(predicate)),
        at: at.map(sql),
    }]
}

/// The demo's stages and rules.
pub(super) fn funnel() -> Funnel {
    let mut closed = stage(
        "closed",
        on(Event::Opportunity, "is_closed", Some("close_date")),
    );
    closed.won_when = Some(sql("is_won"));
    let exit = |when: &str, reason: &str| Exit {
        when: sql(when),
        to: 1,
        reason: Some(sql(reason)),
    };
    Funnel {
        definition: "2026-q4".to_owned(),
        effective_from: date(2026, 10, 1),
        stages: vec![
            stage(
                "anonymous",
                on(
                    Event::Response,
                    "kind = 'web' and person.email is null",
                    None,
                ),
            ),
            stage("known", when("email is not null")),
            stage("responded", on(Event::Response, "success", None)),
            stage("mql", stamp("mql_at")),
            stage("sal", when("status = 'Working'")),
            stage("sql", when("status = 'Qualified'")),
            stage(
                "opportunity",
                on(Event::Opportunity, "stage <> 'Prospecting'", None),
            ),
            closed,
        ],
        recycle: vec![exit("status = 'Recycled'", "recycle_reason")],
        disqualify: vec![exit("status in ('Junk', 'Disqualified')", "status_reason")],
        exclude: vec![Exclusion {
            name: "internal".to_owned(),
            when: sql("email like '%@acme.example'"),
            ever: false,
        }],
        new_business_types: vec!["New Business".to_owned()],
        after_close: AfterClose {
            to: 1,
            quiet_days: 30,
        },
        skipped_stages: Skipping::ReachedOrPassed,
        deleted: Deleted::Stay,
        sign_off: Vec::new(),
        examples: Vec::new(),
        scores: Vec::new(),
        hash: String::new(),
    }
}
