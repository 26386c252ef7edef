//! Random nights against a model that keeps everything.

use proptest::prelude::*;
use serde_json::json;

use super::*;

/// What one snapshot shows of a record: status, score, modified, and a column that comes later.
pub(super) type Shown = (Option<u8>, Option<i64>, Option<i64>, Option<bool>);
/// A night: none is missed; else each record's row, where it has one.
pub(super) type Night = Option<Vec<Option<Shown>>>;

const HOUR: i64 = 3_600_000_000;

fn start() -> i64 {
    crate::clock::day_start(nov(1), &TimeZone::UTC).as_microsecond()
}

fn stamp(at: i64) -> String {
    jiff::Timestamp::from_microsecond(at).unwrap().to_string()
}

fn micros(value: &Value) -> i64 {
    let instant: jiff::Timestamp = value.as_str().unwrap().parse().unwrap();
    instant.as_microsecond()
}

/// A record's fields, as the history shows them at an instant.
fn state_at(history: &[Value], at: i64, fields: &[&str]) -> BTreeMap<String, Vec<Value>> {
    let holds = |row: &&Value| {
        let ended = !row["valid_to"].is_null() && micros(&row["valid_to"]) <= at;
        micros(&row["valid_from"]) <= at && !ended && row["deleted"] == false
    };
    let pick = |row: &Value| fields.iter().map(|field| row[*field].clone()).collect();
    let holding = history.iter().filter(holds);
    holding
        .map(|row| (word(&row["record_id"]), pick(row)))
        .collect()
}

fn shown() -> impl Strategy<Value = Shown> {
    (
        proptest::option::of(0..3_u8),
        proptest::option::of(0..3_i64),
        proptest::option::of(-30..30_i64),
        proptest::option::of(any::<bool>()),
    )
}

pub(super) fn nights() -> impl Strategy<Value = Vec<Night>> {
    let rows = proptest::collection::vec(proptest::option::weighted(0.8, shown()), 4);
    proptest::collection::vec(proptest::option::weighted(0.85, rows), 1..7)
}

pub(super) fn rows_of(
    day: i8,
    night: &[Option<Shown>],
    late_column: bool,
) -> BTreeMap<String, Value> {
    let row = |(id, shown): (usize, &Option<Shown>)| {
        let (status, score, modified, flag) = (*shown)?;
        let day_start = start() + i64::from(day - 1) * 24 * HOUR;
        let modified = modified.map(|hours| stamp(day_start + hours * HOUR));
        let row = json!({"id": id.to_string(), "status": status.map(|s| s.to_string()),
            "score__c": score, "systemmodstamp": modified,
            "flag": flag.filter(|_| late_column)});
        Some((id.to_string(), row))
    };
    night.iter().enumerate().filter_map(row).collect()
}

async fn snapshots_hold(nights: &[Night], column_from: usize) {
    let house = House::new();
    let wide = [LEAD.as_slice(), &[("Flag", ColumnType::Boolean)]].concat();
    let mut model = Vec::new();
    for (index, night) in nights.iter().enumerate() {
        let day = i8::try_from(index + 2).unwrap();
        let Some(night) = night else { continue };
        let late = index >= column_from;
        let rows = rows_of(day, night, late);
        let columns = if late {
            wide.as_slice()
        } else {
            LEAD.as_slice()
        };
        let values: Vec<Value> = rows.values().cloned().collect();
        let night = extract("lead", lead_kind(), nov(day), columns, &values);
        house.night(&night, None).await;
        model.push((day, rows));
    }
    let Some((_, last)) = model.last() else {
        return;
    };
    let version = house.latest().await;
    let history = house.rows(&version, "crm.lead_history").await;
    let fields = ["status", "score__c", "systemmodstamp", "flag"];
    for (day, rows) in &model {
        let expected: BTreeMap<String, Vec<Value>> = rows
            .iter()
            .map(|(id, row)| (id.clone(), fields.map(|field| row[field].clone()).to_vec()))
            .collect();
        let end = start() + i64::from(*day) * 24 * HOUR - 1;
        let mut found = state_at(&history, end, &fields);
        for row in found.values_mut() {
            row.resize(4, Value::Null);
        }
        assert_eq!(found, expected, "at the end of day {day}");
    }
    let now = house.rows(&version, "crm.lead").await;
    let ids: Vec<String> = now.iter().map(|row| word(&row["record_id"])).collect();
    assert_eq!(ids, last.keys().cloned().collect::<Vec<_>>());
}

/// A life: the hours after the start at which a record is made, its status and score change, and
/// it is deleted.
#[derive(Debug, Clone)]
pub(super) struct Life {
    created: i64,
    changes: BTreeMap<i64, (bool, u8)>,
    deleted: Option<i64>,
}

pub(super) fn life() -> impl Strategy<Value = Life> {
    let changes = proptest::collection::btree_map(1..120_i64, (any::<bool>(), 0..4_u8), 0..8);
    (
        0..70_i64,
        changes,
        proptest::option::weighted(0.2, 100..140_i64),
    )
        .prop_map(|(created, changes, deleted)| {
            let shifted = changes
                .into_iter()
                .map(|(at, change)| (created + at, change));
            let kept = shifted.filter(|(at, _)| deleted.is_none_or(|end| *at < end));
            Life {
                created,
                changes: kept.collect(),
                deleted: deleted.filter(|end| *end > created),
            }
        })
}

impl Life {
    /// Status and score at an hour.
    fn at(&self, hour: i64) -> [u8; 2] {
        let mut state = [0, 0];
        for (is_status, value) in self.changes.range(..=hour).map(|(_, change)| change) {
            state[usize::from(!is_status)] = *value;
        }
        state
    }

    pub(super) fn row(&self, id: usize, end: i64) -> Option<Value> {
        let gone = self.deleted.is_some_and(|deleted| deleted < end);
        if self.created >= end || gone {
            return None;
        }
        let [status, score] = self.at(end - 1);
        let modified = self
            .changes
            .range(..end)
            .next_back()
            .map_or(self.created, |(at, _)| *at);
        Some(
            json!({"id": id.to_string(), "status": status.to_string(), "score__c": score,
            "createddate": stamp(start() + self.created * HOUR),
            "systemmodstamp": stamp(start() + modified * HOUR)}),
        )
    }

    pub(super) fn told(&self, id: usize, from: i64, end: i64) -> Vec<Value> {
        let changes = self.changes.range(from.min(end)..end);
        let row = |(at, (is_status, value)): (&i64, &(bool, u8))| {
            let old = self.at(at - 1)[usize::from(!is_status)];
            let field = if *is_status { "Status" } else { "Score__c" };
            json!({"id": format!("{id}-{at}"), "leadid": id.to_string(), "field": field,
                "oldvalue": old.to_string(), "newvalue": value.to_string(),
                "createddate": stamp(start() + at * HOUR)})
        };
        changes.map(row).collect()
    }
}

async fn lives_hold(lives: &[Life], first: i64, missed: &[bool]) {
    let house = House::new();
    let mut last_end = 0;
    for day in first..8 {
        let end = day * 24;
        if day > first && missed[usize::try_from(day).unwrap()] {
            continue;
        }
        let date = nov(i8::try_from(day).unwrap());
        let rows: Vec<Value> = lives
            .iter()
            .enumerate()
            .filter_map(|(id, life)| life.row(id, end))
            .collect();
        let from = if day == first {
            0
        } else {
            (end - 7 * 24).max(0)
        };
        let told = lives
            .iter()
            .enumerate()
            .flat_map(|(id, life)| life.told(id, from, end));
        let told: Vec<Value> = told.collect();
        let kind = changes(date, &[]).kind;
        let told = extract("lead_change", kind, date, &CHANGE, &told);
        let leads = extract("lead", lead_kind(), date, &LEAD, &rows);
        let recorded = house.night(&leads, Some(&told)).await;
        assert_eq!(recorded.disagreements, 0);
        last_end = end;
    }
    let history = house.rows(&house.latest().await, "crm.lead_history").await;
    for (id, life) in lives.iter().enumerate() {
        let seen = history
            .iter()
            .any(|row| word(&row["record_id"]) == id.to_string());
        for hour in (life.created..last_end).filter(|_| seen) {
            if life
                .deleted
                .is_some_and(|deleted| hour >= deleted / 24 * 24)
            {
                break;
            }
            let [status, score] = life.at(hour);
            let expected = vec![json!(status.to_string()), json!(score)];
            let found = state_at(&history, start() + hour * HOUR, &["status", "score__c"]);
            assert_eq!(
                found.get(&id.to_string()),
                Some(&expected),
                "record {id} at hour {hour}"
            );
        }
    }
}

pub(super) fn wait(work: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    runtime.unwrap().block_on(work);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    // Whatever snapshots come, missed nights and a late column included, the history shows at each
    // night's end what that night's snapshot showed.
    #[test]
    fn every_snapshot_can_be_asked_back(nights in nights(), column_from in 0..7_usize) {
        wait(snapshots_hold(&nights, column_from));
    }

    // With field history, the history shows every record's true state at every hour, before the
    // first snapshot and over missed nights too.
    #[test]
    fn every_hour_can_be_asked_back(
        lives in proptest::collection::vec(life(), 1..4),
        first in 1..5_i64,
        missed in proptest::collection::vec(proptest::bool::weighted(0.2), 8),
    ) {
        wait(lives_hold(&lives, first, &missed));
    }
}
