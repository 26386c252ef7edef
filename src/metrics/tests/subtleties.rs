//! What funnel warehouses get wrong about figures, each on entries that measure otherwise where it is got
//! wrong. The numbers are those that `tests/it/subtleties.rs` asks for.

use jiff::civil::date;
use serde_json::{Value, json};

use super::fixture::{Entry, config, entry, session};
use super::{measure, rows};

/// The figures of the total that a condition over `metric` names, as of 30 November.
async fn told(entries: &[Entry], condition: &str) -> Vec<Value> {
    let config = config();
    let session = session(&config, date(2026, 11, 30), entries);
    measure(&session, &config).await.unwrap();
    let sql = format!(
        "select stage, period_start, n, value from metric where dimension is null and {condition}
         order by stage, period_start"
    );
    rows(&session, &sql).await
}

/// Known on a day, and an mql so many days later if there is a day for it.
fn person(name: &str, known: &str, mql: Option<&str>) -> Vec<Entry> {
    let first = entry(name, "known", known);
    match mql {
        Some(day) => vec![first.left(day, "progressed"), entry(name, "mql", day)],
        None => vec![first],
    }
}

// Subtlety 11. A quarter's conversion is the quarter's converted over the quarter's entries: 1 of 1 in
// October and 0 of 3 in November are 25 %, not the 50 % that the months average to. Of none there is no
// rate: neither 0 nor 100 %.
#[tokio::test]
async fn an_average_rate_is_a_ratio_of_sums() {
    let mut entries = person("p1", "2026-10-05", Some("2026-10-07"));
    for name in ["p2", "p3", "p4"] {
        entries.extend(person(name, "2026-11-05", None));
    }
    let rates = |period: &str| {
        format!(
            "measure = 'conversion' and to_stage = 'mql' and stage = 'known' and period = '{period}'"
        )
    };
    let rate = |start: &str, n: u32, value: f64| json!({"stage": "known", "period_start": start, "n": n, "value": value});
    assert_eq!(
        told(&entries, &rates("month")).await,
        [rate("2026-10-01", 1, 1.0), rate("2026-11-01", 3, 0.0)]
    );
    assert_eq!(
        told(&entries, &rates("quarter")).await,
        [rate("2026-10-01", 4, 0.25)]
    );
    // An mql, and nobody known.
    let alone = [entry("p9", "mql", "2026-11-09")];
    let rate = "measure = 'period_rate' and stage = 'known' and period = 'quarter'";
    assert_eq!(
        told(&alone, rate).await,
        [json!({"stage": "known", "period_start": "2026-10-01", "n": 0, "value": null})]
    );
}

// Subtlety 12. Who never arrived adds no days: one of four became an mql, after ten days, and the mean is
// ten days of one, not two and a half of four.
#[tokio::test]
async fn who_never_arrived_adds_no_days() {
    let mut entries = person("p1", "2026-10-05", Some("2026-10-15"));
    for name in ["p2", "p3", "p4"] {
        entries.extend(person(name, "2026-10-05", None));
    }
    for measure in ["velocity_mean", "velocity_median"] {
        let days = format!(
            "measure = '{measure}' and stage = 'known' and to_stage = 'mql' and period = 'quarter'"
        );
        assert_eq!(
            told(&entries, &days).await,
            [json!({"stage": "known", "period_start": "2026-10-01", "n": 1, "value": 10.0})]
        );
    }
}

// Subtlety 34. Two leads and one mql of one day and source are two and one, however many stages share the
// key: nothing is multiplied by a join, and the members sum to the total.
#[tokio::test]
async fn counts_are_not_multiplied_by_stages_of_one_key() {
    let entries = [
        person("p1", "2026-11-05", Some("2026-11-05")),
        person("p2", "2026-11-05", None),
    ]
    .concat();
    let day =
        "measure = 'volume' and period = 'day' and period_start = date '2026-11-05' and n > 0";
    let told = told(&entries, day).await;
    let of = |stage: &str, n: u32| json!({"stage": stage, "period_start": "2026-11-05", "n": n, "value": f64::from(n)});
    assert_eq!(told, [of("known", 2), of("mql", 1)]);
}

// Subtlety 8. A rate has the earlier stage below the line and the later one above it, and what it is of
// is in its name: of eight entries four converted (cohort), while six entries of the next stage in the
// same quarter are 75 % of them (period).
#[tokio::test]
async fn conversion_is_not_upside_down() {
    let mut entries = Vec::new();
    for name in ["p1", "p2", "p3", "p4"] {
        entries.extend(person(name, "2026-10-05", Some("2026-10-08")));
    }
    for name in ["p5", "p6", "p7", "p8"] {
        entries.extend(person(name, "2026-10-05", None));
    }
    entries.push(entry("q1", "mql", "2026-10-09"));
    entries.push(entry("q2", "mql", "2026-10-09"));
    for (measure, value) in [("conversion", 0.5), ("period_rate", 0.75)] {
        let rate = format!(
            "measure = '{measure}' and stage = 'known' and to_stage = 'mql' and period = 'quarter'"
        );
        assert_eq!(
            told(&entries, &rate).await,
            [json!({"stage": "known", "period_start": "2026-10-01", "n": 8, "value": value})]
        );
    }
}
