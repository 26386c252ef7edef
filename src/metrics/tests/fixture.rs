//! A small company for the tests of this module: four stages, a calendar, one promise.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::civil::{Date, Weekday, date};
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use crate::config::{
    AfterClose, Attachments, Calendar, ColumnType, Commitment, Config, Deleted, Delivery, Funnel,
    Metrics, Privacy, Recipient, Retention, Skipping, Sla, Split, Stage, Transport,
};
use crate::fs::Location;
use crate::problem::Place;
use crate::warehouse::{Session, batch_of, schema_of};

/// The columns of `stage_entry`.
const STAGE_ENTRY: [(&str, ColumnType); 30] = [
    ("person_id", ColumnType::String),
    ("opportunity_id", ColumnType::String),
    ("cycle", ColumnType::Bigint),
    ("stage", ColumnType::String),
    ("stage_order", ColumnType::Bigint),
    ("entered_at", ColumnType::Timestamp),
    ("entered_on", ColumnType::Date),
    ("entered_after", ColumnType::Timestamp),
    ("exited_at", ColumnType::Timestamp),
    ("outcome", ColumnType::String),
    ("next_stage", ColumnType::String),
    ("reason", ColumnType::String),
    ("via", ColumnType::String),
    ("implied", ColumnType::Boolean),
    ("confirmed_at", ColumnType::Timestamp),
    ("carried", ColumnType::Boolean),
    ("censored", ColumnType::Boolean),
    ("late", ColumnType::Boolean),
    ("direct", ColumnType::Boolean),
    ("net_new", ColumnType::Boolean),
    ("customer", ColumnType::Boolean),
    ("amount", ColumnType::Decimal),
    ("definition", ColumnType::String),
    ("known_at", ColumnType::Timestamp),
    ("lead_source", ColumnType::String),
    ("channel", ColumnType::String),
    ("segment", ColumnType::String),
    ("region", ColumnType::String),
    ("owner_id", ColumnType::String),
    ("campaign_id", ColumnType::String),
];

pub(in crate::metrics) const STAGES: [&str; 4] = ["known", "mql", "sal", "closed"];

/// A horizon of 30 days, two dimensions, a floor of 5.
pub(in crate::metrics) fn config() -> Config {
    let here = Location::folder(Path::new(".")).unwrap();
    let mail = Recipient {
        address: "ops@acme.example".to_owned(),
        name: None,
    };
    Config {
        retention: Retention {
            derived_days: 31,
            archive_days: None,
            quarantine_days: None,
        },
        company: "Acme".to_owned(),
        time_zone: TimeZone::get("America/New_York").unwrap(),
        warehouse: here.clone(),
        queries: PathBuf::from("no-such-folder"),
        templates: PathBuf::new(),
        sources: Vec::new(),
        metrics: Metrics {
            dimensions: vec!["lead_source".to_owned(), "segment".to_owned()],
            horizon_days: Some(30),
            baseline: Some("year".to_owned()),
            floor: 5,
            industry_averages: Vec::new(),
        },
        reports: Vec::new(),
        delivery: Delivery {
            from: mail,
            transport: Transport::Folder(here),
            channels: Vec::new(),
            attachments: Attachments::default(),
            privacy: Privacy::default(),
            owner: None,
            heartbeat: None,
            keep_trying: std::time::Duration::ZERO,
            suppress: None,
        },
        funnel: funnel(),
        former: Vec::new(),
        sla: Sla {
            commitments: vec![commitment(1200)],
        },
        calendar: calendar(),
        signatures: Vec::new(),
        funnel_file: PathBuf::new(),
        texts: BTreeMap::new(),
    }
}

/// A session over these stage entries.
pub(in crate::metrics) fn session(config: &Config, as_of: Date, entries: &[Entry]) -> Session {
    let session = Session::new(as_of, &config.time_zone);
    let schema = schema_of(&STAGE_ENTRY);
    let rows: Vec<&Map<String, Value>> = entries.iter().map(|entry| &entry.0).collect();
    let batch = batch_of(&schema, &rows).unwrap();
    session
        .register("stage_entry", schema, vec![batch])
        .unwrap();
    session
}

/// One row of `stage_entry`, to be changed where a test cares.
#[derive(Clone)]
pub(in crate::metrics) struct Entry(Map<String, Value>);

/// An observed, net-new entry of the first cycle at noon UTC of `day` (the company's 7 or 8 in the
/// morning), still open, known the same night.
pub(in crate::metrics) fn entry(person: &str, stage: &str, day: &str) -> Entry {
    let order = STAGES.iter().position(|id| *id == stage).unwrap() + 1;
    let row = json!({
        "person_id": person, "cycle": 1, "stage": stage, "stage_order": order,
        "entered_at": format!("{day}T12:00:00Z"), "entered_on": day, "outcome": "open",
        "implied": false, "carried": false, "censored": false, "late": false, "direct": false,
        "net_new": true, "customer": false, "known_at": format!("{day}T23:00:00Z"),
        "definition": "2026-q4", "lead_source": "Web",
    });
    match row {
        Value::Object(row) => Entry(row),
        _ => unreachable!(),
    }
}

impl Entry {
    pub(in crate::metrics) fn with(mut self, column: &str, value: impl Into<Value>) -> Self {
        self.0.insert(column.to_owned(), value.into());
        self
    }

    /// Left at noon UTC of `day`.
    pub(in crate::metrics) fn left(self, day: &str, outcome: &str) -> Self {
        self.with("exited_at", format!("{day}T12:00:00Z"))
            .with("outcome", outcome)
    }
}

pub(in crate::metrics) fn calendar() -> Calendar {
    Calendar {
        fiscal_year_starts: 1,
        week_starts: Weekday::Monday,
        working_days: vec![
            Weekday::Monday,
            Weekday::Tuesday,
            Weekday::Wednesday,
            Weekday::Thursday,
            Weekday::Friday,
        ],
        holidays: BTreeMap::from([
            (date(2026, 11, 26), "Thanksgiving".to_owned()),
            (date(2026, 12, 25), "Christmas".to_owned()),
        ]),
    }
}

/// So many MQLs in the fourth quarter of 2026.
pub(in crate::metrics) fn commitment(commitment: u32) -> Commitment {
    Commitment {
        quarter: "2026-Q4".to_owned(),
        first_day: date(2026, 10, 1),
        last_day: date(2026, 12, 31),
        stage: "mql".to_owned(),
        commitment,
        split: Split::WorkingDays,
        minimum_days_before_resubmission: 14,
    }
}

fn funnel() -> Funnel {
    Funnel {
        definition: "2026-q4".to_owned(),
        effective_from: date(2026, 10, 1),
        stages: STAGES.iter().map(|id| stage(id)).collect(),
        recycle: Vec::new(),
        disqualify: Vec::new(),
        exclude: Vec::new(),
        new_business_types: Vec::new(),
        after_close: AfterClose {
            to: 0,
            quiet_days: 30,
        },
        skipped_stages: Skipping::ReachedOrPassed,
        deleted: Deleted::Stay,
        sign_off: Vec::new(),
        examples: Vec::new(),
        scores: Vec::new(),
        hash: "abc".to_owned(),
    }
}

fn stage(id: &str) -> Stage {
    Stage {
        id: id.to_owned(),
        term: id.to_uppercase(),
        definition: String::new(),
        place: Place::of("funnel.yaml", "", 1, 1),
        triggers: Vec::new(),
        enters_on_change: false,
        won_when: None,
        required_fields: Vec::new(),
    }
}
