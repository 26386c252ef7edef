//! Example figures for every report: none, one row of each query, and a full night. `check` and
//! the tests render them; no run does.

mod audit;
mod baseline;
mod definitions;

use std::collections::BTreeMap;

use jiff::ToSpan;
use jiff::civil::{Date, date};
use serde_json::{Map, Value, json};

use crate::config::{SignOff, Signature};
use crate::metrics::{Limits, MetricSet};

/// The day of the examples, a Thursday.
const AS_OF: Date = date(2026, 11, 19);

type Rows = Vec<Map<String, Value>>;

/// Every query without a row.
pub(super) fn empty(report: &str) -> MetricSet {
    cut(report, 0)
}

/// Every query with its first row only.
pub(super) fn one_row(report: &str) -> MetricSet {
    cut(report, 1)
}

/// Every list with entries, every option there.
pub(super) fn full(report: &str) -> MetricSet {
    let tables = match report {
        "audit" => audit::tables(),
        "baseline" => baseline::tables(),
        "daily" => daily(),
        "definitions" => definitions::tables(),
        _ => sla_weekly(),
    };
    MetricSet {
        report: report.to_owned(),
        company: "Acme".to_owned(),
        as_of: AS_OF,
        zone: "America/New_York".to_owned(),
        definition: "2026-q4".to_owned(),
        sign_off: SignOff {
            signed: vec![signature("CMO", "Claire Moreau", '9')],
            missing: vec!["CRO".to_owned()],
            changed: vec![signature("CFO", "Ada Osei", '4')],
        },
        limits: Limits::default(),
        tables: tables
            .into_iter()
            .map(|(query, rows)| (query.to_owned(), rows))
            .collect(),
        // Only a report of one's own asks for them.
        columns: BTreeMap::new(),
    }
}

fn signature(role: &str, name: &str, digit: char) -> Signature {
    Signature {
        role: role.to_owned(),
        name: name.to_owned(),
        date: date(2026, 9, 29),
        definition: "2026-q4".to_owned(),
        hash: digit.to_string().repeat(64),
    }
}

fn cut(report: &str, rows: usize) -> MetricSet {
    let mut set = full(report);
    for table in set.tables.values_mut() {
        table.truncate(rows);
    }
    set
}

fn daily() -> BTreeMap<&'static str, Rows> {
    BTreeMap::from([
        (
            "faults",
            rows(
                json!([{"source": "marketo", "stream": "activity", "outcome": "missing",
                    "message": "no file `activity.ndjson`", "last_good": "2026-11-18"}]),
            ),
        ),
        (
            "needs",
            rows(json!([{"kind": "mql_unowned", "n": 6, "oldest_hours": 19}])),
        ),
        ("months", months()),
        ("restated", restated()),
        ("stages", stages()),
        (
            "stuck",
            rows(json!([
                {"stage": "sal", "term": "Sales accepted lead", "n": 9, "oldest_days": 41.3,
                    "p90_days": 12.1},
                {"stage": "opportunity", "term": "Opportunity", "n": 3, "oldest_days": 203.0,
                    "p90_days": 96.4},
            ])),
        ),
        (
            "summary",
            rows(
                json!([{"as_of": AS_OF, "weekday": "Thursday", "stage": "mql",
                    "term": "Marketing qualified lead", "entered": 31, "expected_low": 14,
                    "expected_high": 24, "top_source": "Webinar", "top_source_n": 20,
                    "quarter": "2026-Q4", "commitment": 1200, "attained": 628,
                    "expected_to_date": 685.7, "baseline_name": "fy2026",
                    "baseline_from": "2025-10-01", "baseline_to": "2026-09-30",
                    "baseline_imported": true, "baseline_definition": "2026-q4",
                    "definition": "2026-q4"}]),
            ),
        ),
        ("trend", trend()),
        ("weeks", weeks()),
    ])
}

fn stages() -> Rows {
    rows(json!([
        {"stage": "known", "term": "Known", "stage_order": 1, "stock": 18204, "entered": 71,
            "expected_low": 58, "expected_high": 84, "entered_28": 1840, "baseline_28": 1720.4,
            "volume_verdict": "up", "next_term": "Responded", "rate": 0.403, "rate_n": 4210,
            "baseline_rate": 0.401, "baseline_rate_n": 20931, "rate_verdict": "same",
            "median_days": 3.2, "median_n": 1650, "baseline_median_days": 3.4,
            "days_verdict": "same", "withheld": false},
        {"stage": "responded", "term": "Responded", "stage_order": 2, "stock": 6310,
            "entered": null, "expected_low": 19, "expected_high": 35, "entered_28": 742,
            "baseline_28": 687.0, "volume_verdict": null, "next_term": "Marketing qualified lead",
            "rate": 0.288, "rate_n": 1984, "baseline_rate": 0.255, "baseline_rate_n": 8393,
            "rate_verdict": "up", "median_days": 9.1, "median_n": 571,
            "baseline_median_days": 11.0, "days_verdict": "down", "withheld": true},
        {"stage": "mql", "term": "Marketing qualified lead", "stage_order": 3, "stock": 188,
            "entered": 31, "expected_low": 14, "expected_high": 24, "entered_28": 214,
            "baseline_28": 175.4, "volume_verdict": "up", "next_term": "Sales accepted lead",
            "rate": 0.612, "rate_n": 240, "baseline_rate": 0.67, "baseline_rate_n": 2140,
            "rate_verdict": "same", "median_days": 1.4, "median_n": 131,
            "baseline_median_days": 0.9, "days_verdict": "up", "withheld": false},
        {"stage": "sal", "term": "Sales accepted lead", "stage_order": 4, "stock": 143,
            "entered": 6, "expected_low": 3, "expected_high": 9, "recovered": "above", "entered_28": 131,
            "baseline_28": 118.0, "volume_verdict": "same", "next_term": "Sales qualified lead",
            "rate": 0.565, "rate_n": 171, "baseline_rate": 0.602, "baseline_rate_n": 1433,
            "rate_verdict": "same", "median_days": 5.0, "median_n": 74,
            "baseline_median_days": 4.8, "days_verdict": "same", "withheld": false},
        {"stage": "sql", "term": "Sales qualified lead", "stage_order": 5, "stock": 97,
            "entered": 3, "expected_low": 1, "expected_high": 6, "recovered": null, "entered_28": 74,
            "baseline_28": 71.2, "volume_verdict": "same", "next_term": "Opportunity",
            "rate": 0.527, "rate_n": 93, "baseline_rate": 0.577, "baseline_rate_n": 862,
            "rate_verdict": "same", "median_days": 8.3, "median_n": 41,
            "baseline_median_days": 8.9, "days_verdict": "same", "withheld": false},
        {"stage": "opportunity", "term": "Opportunity", "stage_order": 6, "stock": 164,
            "entered": 2, "expected_low": 0, "expected_high": 5, "entered_28": 39,
            "baseline_28": 41.1, "volume_verdict": "same", "next_term": "Won", "rate": 0.25,
            "rate_n": 12, "baseline_rate": 0.244, "baseline_rate_n": 494, "rate_verdict": "few",
            "median_days": null, "median_n": 4, "baseline_median_days": 61.0,
            "days_verdict": null, "withheld": false},
        {"stage": "closed", "term": "Won", "stage_order": 7, "stock": null, "entered": 0,
            "expected_low": 0, "expected_high": 2, "entered_28": 4, "baseline_28": 10.0,
            "volume_verdict": "down", "next_term": null, "rate": null, "rate_n": null,
            "baseline_rate": null, "baseline_rate_n": null, "rate_verdict": null,
            "median_days": null, "median_n": null, "baseline_median_days": null,
            "days_verdict": null, "withheld": false},
    ]))
}

fn months() -> Rows {
    rows(json!([
        {"measure": "volume_counted", "period": "month", "period_start": "2026-10-01",
            "period_end": "2026-10-31", "stage": "mql", "term": "Marketing qualified lead",
            "stage_order": 3, "n": 405, "complete": true},
        {"measure": "volume_counted", "period": "month", "period_start": "2026-11-01",
            "period_end": "2026-11-30", "stage": "mql", "term": "Marketing qualified lead",
            "stage_order": 3, "n": 212, "complete": false},
    ]))
}

fn restated() -> Rows {
    let figure = |period: &str,
                  days: [&str; 3],
                  term: &str,
                  told: [i64; 2],
                  causes: &[(&str, i64)]| {
        let mut row = json!({"measure": "volume_counted", "period": period, "period_start": days[0],
            "period_end": days[1], "until": days[2], "stage": "mql", "term": term,
            "told_on": "2026-11-18", "n_then": told[0], "n_now": told[1],
            "difference": told[1] - told[0], "merged": 0, "split": 0, "deleted": 0, "re_dated": 0,
            "redefined": 0, "reopened": 0, "linked": 0, "confirmed": 0, "late": 0, "erased": 0,
            "unexplained": 0});
        for (cause, n) in causes {
            row[*cause] = json!(n);
        }
        row
    };
    let mql = "Marketing qualified lead";
    let october = ["2026-10-01", "2026-10-31", "2026-10-31"];
    let november = ["2026-11-01", "2026-11-30", "2026-11-18"];
    let wednesday = ["2026-11-18"; 3];
    rows(Value::Array(vec![
        figure(
            "month",
            october,
            mql,
            [412, 405],
            &[("merged", -5), ("re_dated", -2)],
        ),
        figure(
            "month",
            november,
            "Working",
            [190, 188],
            &[("merged", -3), ("late", 1)],
        ),
        figure(
            "week",
            ["2026-11-09", "2026-11-15", "2026-11-15"],
            mql,
            [98, 99],
            &[("late", 1)],
        ),
        figure("day", wednesday, mql, [31, 33], &[("late", 2)]),
    ]))
}

/// 26 weeks of every stage, with a slope and a ripple.
fn trend() -> Rows {
    let stages = [
        ("known", "Known", 430),
        ("responded", "Responded", 170),
        ("mql", "Marketing qualified lead", 47),
        ("sal", "Sales accepted lead", 30),
        ("sql", "Sales qualified lead", 18),
        ("opportunity", "Opportunity", 9),
        ("closed", "Won", 2),
    ];
    let first = date(2026, 5, 18);
    let mut trend = Vec::new();
    for week in 0..26_i64 {
        let start = first.saturating_add((week * 7).days());
        for (index, (stage, term, base)) in (1_i64..).zip(stages) {
            let ripple = (week * 7 + index * 5) % 11 - 5;
            let n = base + base * week / 100 + base * ripple / 25;
            trend.push(json!({"week_start": start, "stage": stage, "term": term,
                "stage_order": index, "n": n}));
        }
    }
    rows(Value::Array(trend))
}

/// The weeks of the quarter: seven complete, one open, five to come.
fn weeks() -> Rows {
    let plan = [
        (2, 38, 38),
        (5, 96, 98),
        (5, 96, 85),
        (5, 96, 97),
        (5, 95, 101),
        (5, 95, 79),
        (5, 95, 90),
        (5, 95, 40),
        (3, 57, 0),
        (5, 95, 0),
        (5, 95, 0),
        (5, 95, 0),
        (4, 76, 0),
        (4, 76, 0),
    ];
    let week = |(number, (days, commitment, attained)): (i64, (i64, i64, i64))| {
        let monday = date(2026, 9, 28).saturating_add(((number - 1) * 7).days());
        let start = monday.max(date(2026, 10, 1));
        let end = monday.saturating_add(6.days()).min(date(2026, 12, 31));
        let complete = end <= AS_OF;
        let verdict = match (complete, attained >= commitment) {
            (true, true) => "met",
            (true, false) => "short",
            (false, true) => "ahead",
            (false, false) => "open",
        };
        json!({"quarter": "2026-Q4", "week_no": number, "week_start": start, "week_end": end,
            "working_days": days, "commitment": commitment,
            "attained": if start <= AS_OF { Some(attained) } else { None }, "complete": complete,
            "verdict": verdict})
    };
    rows(Value::Array((1_i64..).zip(plan).map(week).collect()))
}

fn sla_weekly() -> BTreeMap<&'static str, Rows> {
    let sources = [
        ("Webinar", 211),
        ("Paid search", 148),
        ("Content", 97),
        ("Referral", 71),
        ("blank", 54),
        ("Event", 47),
    ];
    let sources =
        sources.map(|(member, n)| json!({"member": member, "n": n, "share": f64::from(n) / 628.0}));
    BTreeMap::from([
        (
            "faults",
            rows(
                json!([{"source": "salesforce", "stream": "task", "outcome": "quarantined",
                    "message": "2,104 rows after 31,877", "last_good": "2026-11-18"}]),
            ),
        ),
        (
            "quarter",
            rows(
                json!([{"quarter": "2026-Q4", "first_day": "2026-10-01", "last_day": "2026-12-31",
                    "stage": "mql", "term": "Marketing qualified lead", "commitment": 1200,
                    "attained": 628, "gross": 628, "rejected": 58, "pending": 84, "net": 570,
                    "expected_to_date": 685.7, "pace": 0.916, "completed_days": 50,
                    "remaining_weeks": 6, "needed_per_week": 95.3, "working_days": 63,
                    "working_days_done": 36, "withheld": false}]),
            ),
        ),
        ("sources", rows(json!(sources))),
        ("weeks", weeks()),
    ])
}

fn rows(list: Value) -> Rows {
    let Value::Array(list) = list else {
        return Rows::new();
    };
    let objects = list.into_iter().filter_map(|row| match row {
        Value::Object(cells) => Some(cells),
        _ => None,
    });
    objects.collect()
}
