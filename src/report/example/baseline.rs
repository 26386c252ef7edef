//! The baseline report's example figures.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Rows, rows};

pub(super) fn tables() -> BTreeMap<&'static str, Rows> {
    BTreeMap::from([
        (
            "faults",
            rows(
                json!([{"source": "salesforce", "stream": "lead", "outcome": "quarantined",
                "message": "2,104 rows after 31,877", "last_good": "2026-11-18"}]),
            ),
        ),
        ("cohorts", cohorts()),
        ("members", members()),
        ("stages", stages()),
        (
            "summary",
            rows(
                json!([{"baseline_name": "fy2026", "baseline_from": "2025-10-01",
                "baseline_to": "2026-09-30", "baseline_imported": true,
                "baseline_definition": "2026-q3",
                "definition": "2026-q4", "horizon_days": 90, "floor": 30}]),
            ),
        ),
    ])
}

fn stages() -> Rows {
    rows(json!([
        {"stage": "known", "term": "Known", "stage_order": 1, "entered_28": 1840,
            "baseline_28": 1720.4, "volume_verdict": "up",
            "next_term": "Marketing qualified lead", "rate": 0.403, "rate_n": 4210,
            "rate_low": 0.388, "rate_high": 0.418, "baseline_rate": 0.441,
            "baseline_rate_n": 20931, "rate_verdict": "down", "median_days": 3.2,
            "median_n": 1650, "baseline_median_days": 3.4, "days_verdict": "down",
            "industry_rate": 0.35, "industry_days": 4.0},
        {"stage": "mql", "term": "Marketing qualified lead", "stage_order": 2,
            "entered_28": 214, "baseline_28": 175.4, "volume_verdict": "same",
            "next_term": "Won", "rate": 0.25, "rate_n": 12, "rate_low": 0.09,
            "rate_high": 0.53, "baseline_rate": 0.244, "baseline_rate_n": 494,
            "rate_verdict": "few", "median_days": 14.5, "median_n": 131,
            "baseline_median_days": 9.2, "days_verdict": "up", "industry_rate": null,
            "industry_days": null},
        {"stage": "closed", "term": "Won", "stage_order": 3, "entered_28": 4,
            "baseline_28": 10.0, "volume_verdict": "few", "next_term": null, "rate": null,
            "rate_n": null, "rate_low": null, "rate_high": null, "baseline_rate": null,
            "baseline_rate_n": null, "rate_verdict": null, "median_days": null,
            "median_n": null, "baseline_median_days": null, "days_verdict": null,
            "industry_rate": null, "industry_days": null},
    ]))
}

fn cohorts() -> Rows {
    let month = |month: &str, known: (i64, i64, i64, f64), mql: (i64, i64, i64, f64)| {
        let entered = |stage: (&str, &str, i64, &str), it: (i64, i64, i64, f64)| {
            json!({"month": month, "stage": stage.0, "term": stage.1, "stage_order": stage.2,
                "next_term": stage.3, "n": it.0, "converted": it.1, "open": it.2, "rate": it.3})
        };
        [
            entered(("known", "Known", 1, "Marketing qualified lead"), known),
            entered(("mql", "Marketing qualified lead", 2, "Won"), mql),
        ]
    };
    let months = [
        month("2026-08-01", (1702, 769, 0, 0.452), (169, 42, 0, 0.249)),
        month("2026-09-01", (1744, 703, 0, 0.403), (181, 40, 0, 0.221)),
        month("2026-10-01", (1815, 608, 311, 0.335), (190, 21, 88, 0.111)),
        month("2026-11-01", (1203, 241, 702, 0.200), (12, 0, 12, 0.0)),
    ];
    rows(Value::Array(months.concat()))
}

fn members() -> Rows {
    let member =
        |dimension: &str, member: &str, (rate, low, high): (f64, f64, f64), verdict: Value| {
            json!({"dimension": dimension, "member": member, "stage": "known", "term": "Known",
            "stage_order": 1, "next_term": "Marketing qualified lead", "entered_28": 211,
            "baseline_28": 190.2, "rate": rate, "rate_n": 402, "rate_low": low,
            "rate_high": high, "baseline_rate": 0.44, "baseline_rate_n": 2011,
            "rate_verdict": verdict, "median_days": 3.0, "median_n": 150,
            "baseline_median_days": 3.1})
        };
    rows(json!([
        member("lead_source", "Webinar", (0.552, 0.501, 0.602), json!("up")),
        member("lead_source", "blank", (0.431, 0.38, 0.48), json!("same")),
        member("segment", "Mid-market", (0.202, 0.16, 0.24), json!("down")),
    ]))
}
