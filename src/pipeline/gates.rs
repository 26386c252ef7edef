//! Whether a due report is mailed: its gates (is the data there?), then its condition (is there anything
//! to say?). What was decided is a row of `job_report`.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::record::shape;
use super::{PipelineError, Version, Warehouse};
use crate::clock::RunId;
use crate::config::ColumnType::{self, Bigint, Date as Day, String as Text};
use crate::config::{Config, Report, ReportGates, SendWhen};
use crate::metrics::MetricSet;
use crate::problem::{Problem, nearest};
use crate::warehouse::query::relation::load;
use crate::warehouse::{Draft, Frame, batch_of, schema_of};

const TABLE: &str = "job_report";

const COLUMNS: [(&str, ColumnType); 7] = [
    ("run_id", Text),
    ("commit_no", Bigint),
    ("as_of", Day),
    ("report", Text),
    ("outcome", Text),
    ("reason", Text),
    ("sha256", Text),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Decision {
    /// Its mails are in the outbox.
    Queued,
    /// It waits for data, until its deadline.
    Held,
    /// Its recipients are told that it is not ready.
    NotReady,
    /// There was nothing to say.
    Skipped,
}

/// What was decided of one report of one day; the newest of several holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Decided {
    pub(super) as_of: Date,
    pub(super) report: String,
    pub(super) outcome: Decision,
    pub(super) reason: Option<String>,
    /// Of the rows that `changed` compares.
    pub(super) sha256: Option<String>,
}

/// A row of `job_report`.
#[derive(Serialize, Deserialize)]
struct Row {
    run_id: RunId,
    commit_no: u64,
    #[serde(flatten)]
    decided: Decided,
}

/// A gate's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Gate {
    Open,
    /// What is missing.
    Held(Vec<String>),
    /// The same, and the time is up.
    Late(Vec<String>),
}

/// Whether the data of `day` is there for a report.
pub(super) fn gate(
    report: &Report,
    config: &Config,
    version: &Version,
    day: Date,
    now: Timestamp,
) -> Gate {
    let Some(gates) = &report.conditions.gates else {
        return Gate::Open;
    };
    let missing = missing(gates, config, version, day);
    if missing.is_empty() {
        Gate::Open
    } else if now < deadline(gates, config, day) {
        Gate::Held(missing)
    } else {
        Gate::Late(missing)
    }
}

fn missing(gates: &ReportGates, config: &Config, version: &Version, day: Date) -> Vec<String> {
    let rows_of = |table: &String| {
        let after = day.tomorrow().unwrap_or(day);
        let last = version.stream(table)?.before(after)?;
        (last.as_of == day).then_some(last.rows)
    };
    let mut needed: BTreeSet<String> = match &gates.streams {
        Some(streams) => streams.iter().cloned().collect(),
        None => streams(config).collect(),
    };
    needed.extend(gates.rows.keys().cloned());
    let faults = needed.iter().filter_map(|table| {
        let least = gates.rows.get(table).copied().unwrap_or(0);
        match rows_of(table) {
            None => Some(format!("`{table}` did not arrive for {day}")),
            Some(rows) if rows < least.into() => Some(format!(
                "`{table}` has {rows} rows for {day}, fewer than {least}"
            )),
            Some(_) => None,
        }
    });
    faults.collect()
}

/// The instant until which a report is held.
fn deadline(gates: &ReportGates, config: &Config, day: Date) -> Timestamp {
    let at = DateTime::from_parts(day.tomorrow().unwrap_or(day), gates.deadline);
    let zoned = config.time_zone.to_ambiguous_zoned(at).compatible();
    zoned.map_or(Timestamp::MAX, |zoned| zoned.timestamp())
}

fn streams(config: &Config) -> impl Iterator<Item = String> {
    config.sources.iter().flat_map(|source| {
        let streams = source.streams.iter();
        streams.map(|stream| format!("{}.{}", source.name, stream.name))
    })
}

/// What the condition of a report says of its figures.
pub(super) struct Judged {
    /// Why there is nothing to say.
    pub(super) skip: Option<String>,
    pub(super) sha256: Option<String>,
}

impl Judged {
    pub(super) fn decided(&self, report: &Report, as_of: Date) -> Decided {
        let outcome = match self.skip {
            Some(_) => Decision::Skipped,
            None => Decision::Queued,
        };
        Decided {
            as_of,
            report: report.name.clone(),
            outcome,
            reason: self.skip.clone(),
            sha256: self.sha256.clone(),
        }
    }
}

/// Judges a report's condition, beside the decisions before.
pub(super) fn judge(report: &Report, set: &MetricSet, before: &[Decided]) -> Judged {
    let conditions = &report.conditions;
    let rows = |query: &String| set.tables.get(query).map(Vec::as_slice).unwrap_or_default();
    let (skip, sha256) = match &conditions.send_when {
        None => (None, None),
        Some(SendWhen::Rows(query)) => {
            let skip = rows(query)
                .is_empty()
                .then(|| format!("`{query}` has no rows"));
            (skip, None)
        }
        Some(SendWhen::Changed(query)) => {
            let hash = hash(rows(query));
            let mut sent = before.iter().rev();
            let last = sent.find(|decided| {
                decided.report == report.name && decided.outcome == Decision::Queued
            });
            let same = last.filter(|last| last.sha256.as_ref() == Some(&hash));
            let skip = same.map(|last| format!("`{query}` is as it was on {}", last.as_of));
            (skip, Some(hash))
        }
    };
    let is_always = conditions.always_on.contains(&set.as_of.weekday());
    Judged {
        skip: skip.filter(|_| !is_always),
        sha256,
    }
}

fn hash(rows: &[serde_json::Map<String, serde_json::Value>]) -> String {
    let bytes = serde_json::to_vec(rows).unwrap_or_default();
    format!("{:x}", Sha256::digest(&bytes))
}

/// Every decision that a version knows, oldest first.
pub(super) async fn decisions(
    warehouse: &Warehouse,
    version: &Version,
) -> Result<Vec<Decided>, PipelineError> {
    if !version.tables().contains(TABLE) {
        return Ok(Vec::new());
    }
    let (schema, batches) = warehouse.read(version, TABLE).await?;
    let frame = Frame {
        name: TABLE.to_owned(),
        schema,
        batches,
    };
    let mut rows: Vec<Row> = frame.rows()?;
    rows.sort_by_key(|row| (row.decided.as_of, row.commit_no));
    Ok(rows.into_iter().map(|row| row.decided).collect())
}

/// Appends what was decided of reports that have something to decide.
pub(super) async fn record(draft: &mut Draft, decided: &[Decided]) -> Result<(), PipelineError> {
    if decided.is_empty() {
        return Ok(());
    }
    let rows = decided.iter().map(|decided| Row {
        run_id: draft.run_id().clone(),
        commit_no: draft.commit_no(),
        decided: decided.clone(),
    });
    let rows: Vec<Row> = rows.collect();
    let schema = schema_of(&COLUMNS);
    let batch = batch_of(&schema, &rows).map_err(shape)?;
    Ok(draft.append(TABLE, &schema, &[batch]).await?)
}

/// Whether there is anything to decide of a report, besides its schedule.
pub(super) fn has_conditions(report: &Report) -> bool {
    report.conditions.gates.is_some() || report.conditions.send_when.is_some()
}

/// Gates and conditions that name what there is not.
pub(super) fn unknown(config: &Config) -> Vec<Problem> {
    let there: BTreeSet<String> = streams(config).collect();
    let mut problems = Vec::new();
    for report in &config.reports {
        let gates = report.conditions.gates.iter();
        let named = gates.flat_map(|gates| gates.streams.iter().flatten().chain(gates.rows.keys()));
        let strange = named.filter(|table| !there.contains(*table));
        problems.extend(strange.map(|table| nothing_is(report, "stream", table, &there)));
        let Some(SendWhen::Rows(query) | SendWhen::Changed(query)) = &report.conditions.send_when
        else {
            continue;
        };
        let relations = load(&format!("reports/{}", report.name), &config.queries);
        let queries = relations.unwrap_or_default().into_iter();
        let queries: BTreeSet<String> = queries.map(|relation| relation.name).collect();
        if !queries.contains(query) {
            problems.push(nothing_is(report, "query", query, &queries));
        }
    }
    problems
}

fn nothing_is(report: &Report, what: &str, name: &str, there: &BTreeSet<String>) -> Problem {
    let names: Vec<&str> = there.iter().map(String::as_str).collect();
    let fix = match nearest(name, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("name one of `{}`", names.join("`, `")),
    };
    let text = format!(
        "Report `{}` waits for the {what} `{name}`, which there is not",
        report.name
    );
    Problem::new(text).at(report.place.clone()).fix(fix)
}

/// The reports of a day that are held, by what was decided last.
pub(super) fn held(decided: &[Decided], day: Date) -> BTreeSet<String> {
    let mut held = BTreeSet::new();
    for one in decided.iter().filter(|one| one.as_of == day) {
        match one.outcome {
            Decision::Held => held.insert(one.report.clone()),
            _ => held.remove(&one.report),
        };
    }
    held
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::civil::{Weekday, date};
    use serde_json::json;

    use super::*;
    use crate::config::{Conditions, Schedule, SignOff};
    use crate::metrics::Limits;
    use crate::problem::Place;

    /// A Thursday.
    const DAY: Date = date(2026, 11, 19);

    fn report(send_when: SendWhen, always_on: &[Weekday]) -> Report {
        Report {
            name: "daily".to_owned(),
            place: Place::of("leadgauge.yaml", "", 1, 1),
            schedule: Schedule::Daily,
            conditions: Conditions {
                gates: None,
                send_when: Some(send_when),
                always_on: always_on.to_vec(),
            },
            recipients: Vec::new(),
            recipient_queries: Vec::new(),
            attach: Vec::new(),
        }
    }

    /// Figures whose query `stuck` gave so many rows.
    fn set(rows: usize) -> MetricSet {
        let row = |n: usize| json!({"n": n}).as_object().unwrap().clone();
        MetricSet {
            report: "daily".to_owned(),
            company: "Acme".to_owned(),
            as_of: DAY,
            zone: "UTC".to_owned(),
            definition: "d".to_owned(),
            sign_off: SignOff::default(),
            limits: Limits::default(),
            tables: BTreeMap::from([("stuck".to_owned(), (0..rows).map(row).collect())]),
            columns: BTreeMap::new(),
        }
    }

    fn skip(report: &Report, rows: usize, before: &[Decided]) -> Option<String> {
        judge(report, &set(rows), before).skip
    }

    /// `rows` asks for a row, except on the weekdays named.
    #[test]
    fn without_rows_there_is_nothing_to_say() {
        let stuck = || SendWhen::Rows("stuck".to_owned());
        let why = Some("`stuck` has no rows".to_owned());
        assert_eq!(skip(&report(stuck(), &[]), 0, &[]), why);
        assert_eq!(skip(&report(stuck(), &[Weekday::Monday]), 0, &[]), why);
        assert_eq!(skip(&report(stuck(), &[Weekday::Thursday]), 0, &[]), None);
        assert_eq!(skip(&report(stuck(), &[]), 1, &[]), None);
    }

    /// `changed` compares with what was mailed last: a skipped day in between is no mail.
    #[test]
    fn unchanged_is_against_the_last_mail() {
        let report = report(SendWhen::Changed("stuck".to_owned()), &[]);
        let decided = |rows: usize, day: Date, outcome: Decision| Decided {
            outcome,
            ..judge(&report, &set(rows), &[]).decided(&report, day)
        };
        let monday = decided(1, date(2026, 11, 16), Decision::Queued);
        let tuesday = decided(2, date(2026, 11, 17), Decision::Skipped);
        let before = [monday, tuesday];
        let why = "`stuck` is as it was on 2026-11-16".to_owned();
        assert_eq!(skip(&report, 1, &[]), None);
        assert_eq!(skip(&report, 1, &before), Some(why));
        assert_eq!(skip(&report, 2, &before), None);
    }

    /// A report is held as long as nothing else was decided since.
    #[test]
    fn the_last_decision_counts() {
        let decided = |report: &str, outcome: Decision| Decided {
            as_of: DAY,
            report: report.to_owned(),
            outcome,
            reason: None,
            sha256: None,
        };
        let story = [
            decided("daily", Decision::Held),
            decided("audit", Decision::Held),
            decided("daily", Decision::Queued),
        ];
        assert_eq!(held(&story, DAY), BTreeSet::from(["audit".to_owned()]));
        assert!(held(&story, date(2026, 11, 18)).is_empty());
    }
}
