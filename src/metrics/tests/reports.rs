//! The figures that reports are made of.

use jiff::ToSpan;
use jiff::civil::{Date, Weekday, date};
use serde_json::{Map, Value, json};

use super::fixture::{Entry, config, entry, session};
use crate::config::ColumnType;
use crate::metrics::{MetricSet, figures, inputs};
use crate::warehouse::Session;

async fn report(session: &Session, name: &str) -> MetricSet {
    figures(session, &config(), name, date(2026, 12, 3))
        .await
        .unwrap()
}

fn pick(row: &Map<String, Value>, names: &[&str]) -> Value {
    names.iter().map(|name| row[*name].clone()).collect()
}

/// On Thursdays of ten weeks two and four mqls by turns, none on Thanksgiving, and one of 31 August.
fn thursdays() -> Vec<Entry> {
    let mut entries = vec![entry("first", "known", "2026-08-31")];
    let first = date(2026, 9, 3);
    for (index, day) in first.series(1.week()).take(12).enumerate() {
        let persons = if index % 2 == 0 { 2 } else { 4 };
        for number in 0..persons {
            entries.push(entry(
                &format!("p{index}-{number}"),
                "mql",
                &day.to_string(),
            ));
        }
    }
    entries
}

/// Every report names each stage of the funnel once, in its order.
#[tokio::test]
async fn each_stage_once() {
    let session = session(&config(), date(2026, 12, 3), &thursdays());
    let order: Vec<String> = config().funnel.stages.into_iter().map(|it| it.id).collect();
    for name in ["baseline", "daily", "definitions"] {
        let set = report(&session, name).await;
        let told = set.tables["stages"].iter().map(|row| row["stage"].as_str());
        assert_eq!(told.flatten().collect::<Vec<_>>(), order, "{name}");
    }
}

/// What a Thursday brings is told from Thursdays that were worked: 11 of them, for the one at the end of
/// October is left out; mean 34/11, variance 12/11, so 34/11 -/+ 2.576 sqrt(34/11 x 12/11).
#[tokio::test]
async fn a_day_is_expected_by_its_weekday() {
    let mut entries = thursdays();
    entries.push(entry("today-1", "mql", "2026-12-03").with("owner_id", "u1"));
    entries.push(entry("today-2", "mql", "2026-12-03").with("lead_source", ""));
    entries.push(entry("today-3", "mql", "2026-12-03").with("lead_source", ""));
    let session = session(&config(), date(2026, 12, 3), &entries);
    let set = report(&session, "daily").await;
    let names = [
        "stage",
        "entered",
        "expected_low",
        "expected_high",
        "entered_28",
        "stock",
    ];
    assert_eq!(
        pick(&set.tables["stages"][1], &names),
        json!(["mql", 3, 0, 8, 9, 39])
    );
    let summary = &set.tables["summary"][0];
    let names = [
        "weekday",
        "stage",
        "entered",
        "expected_high",
        "top_source",
        "top_source_n",
    ];
    assert_eq!(
        pick(summary, &names),
        json!(["Thursday", "mql", 3, 8, "blank", 2])
    );
    let needs = &set.tables["needs"];
    assert_eq!(pick(&needs[0], &["kind", "n"]), json!(["mql_unowned", 2]));
    let trend = &set.tables["trend"];
    assert_eq!(trend.len(), 26 * 4);
    assert_eq!(trend[0]["week_start"], "2026-06-01");
    let last = trend.iter().rfind(|row| row["stage"] == "mql").unwrap();
    assert_eq!(pick(last, &["week_start", "n"]), json!(["2026-11-23", 0]));
}

/// Where the last worked days of a month bring three times as many, as many are no news: 214/78 times 4
/// are expected of such a Monday, 23 others had 4 each, so 10.97 -/+ 2.576 sqrt(10.97 x 24/23).
#[tokio::test]
async fn a_month_s_end_is_expected() {
    let mut entries = vec![entry("first", "known", "2026-05-25")];
    let days = date(2026, 6, 1).series(1.day());
    let worked = days
        .take_while(|day| *day <= date(2026, 11, 30))
        .filter(|day| !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday))
        .filter(|day| *day != date(2026, 11, 26));
    let worked: Vec<Date> = worked.collect();
    for day in &worked {
        let later = worked
            .iter()
            .filter(|it| *it > day && it.month() == day.month());
        let persons = if later.count() < 3 { 12 } else { 4 };
        for number in 0..persons {
            entries.push(entry(&format!("{day}-{number}"), "mql", &day.to_string()));
        }
    }
    let session = session(&config(), date(2026, 11, 30), &entries);
    let set = report(&session, "daily").await;
    let names = ["entered", "expected_low", "expected_high"];
    assert_eq!(pick(&set.tables["stages"][1], &names), json!([12, 2, 20]));
}

/// A day within what is expected after one that was not is told as recovered, and how it was before.
#[tokio::test]
async fn an_unusual_day_is_over() {
    let recovered = async |wednesday: usize, thursday: usize| {
        let mut entries = thursdays();
        for (day, persons) in [("2026-12-02", wednesday), ("2026-12-03", thursday)] {
            for number in 0..persons {
                entries.push(entry(&format!("{day}-{number}"), "mql", day));
            }
        }
        let session = session(&config(), date(2026, 12, 3), &entries);
        let set = report(&session, "daily").await;
        set.tables["stages"][1]["recovered"].clone()
    };
    assert_eq!(recovered(3, 3).await, "above");
    assert_eq!(recovered(0, 3).await, Value::Null);
    assert_eq!(recovered(3, 30).await, Value::Null, "it is not over");
}

/// Before eight such days are known nothing is expected.
#[tokio::test]
async fn little_history_expects_nothing() {
    let entries = [
        entry("a", "mql", "2026-11-05"),
        entry("b", "mql", "2026-12-03"),
    ];
    let session = session(&config(), date(2026, 12, 3), &entries);
    let set = report(&session, "daily").await;
    let names = [
        "entered",
        "expected_low",
        "expected_high",
        "volume_verdict",
        "rate",
        "median_days",
    ];
    let row = &set.tables["stages"][1];
    assert_eq!(pick(row, &names), json!([1, null, null, null, null, null]));
}

/// Stuck is what waits longer than nine in ten did; too soon back is what was rejected days ago.
#[tokio::test]
async fn what_waits() {
    let mut entries = Vec::new();
    for (index, days) in [2, 4, 6, 8, 10].into_iter().enumerate() {
        let sal = date(2026, 10, 1).saturating_add(days.days()).to_string();
        let person = format!("p{index}");
        entries.push(entry(&person, "mql", "2026-10-01").left(&sal, "progressed"));
        entries.push(entry(&person, "sal", &sal));
    }
    // p90 is 9.2 days; the first has waited for 63 days and 17 hours, the second for one day less than that.
    entries.push(entry("old", "mql", "2026-10-01"));
    entries.push(entry("older", "mql", "2026-11-25").left("2026-11-26", "recycled"));
    let back = entry("older", "mql", "2026-11-30")
        .with("cycle", 2)
        .with("net_new", false);
    entries.push(back);
    let session = session(&config(), date(2026, 12, 3), &entries);
    let set = report(&session, "daily").await;
    let stuck = &set.tables["stuck"];
    assert_eq!(stuck.len(), 1, "{stuck:?}");
    assert_eq!(
        pick(&stuck[0], &["stage", "n", "p90_days"]),
        json!(["mql", 1, 9.2])
    );
    assert!((stuck[0]["oldest_days"].as_f64().unwrap() - (63.0 + 17.0 / 24.0)).abs() < 1e-6);
    let needs = &set.tables["needs"];
    assert_eq!(
        pick(&needs[0], &["kind", "n"]),
        json!(["mql_resubmitted", 1])
    );
}

/// The quarter adds up, over completed days; a fault is told with its last good day.
#[tokio::test]
async fn the_quarter_so_far() {
    let session = session(&config(), date(2026, 12, 3), &thursdays());
    let columns = [
        ("as_of", ColumnType::Date),
        ("source", ColumnType::String),
        ("stream", ColumnType::String),
        ("outcome", ColumnType::String),
        ("message", ColumnType::String),
    ];
    let extract = |as_of, stream, outcome| json!({"as_of": as_of, "source": "salesforce", "stream": stream, "outcome": outcome});
    let extracts = [
        extract("2026-12-01", "lead", "ok"),
        extract("2026-12-02", "lead", "missing"),
        extract("2026-12-03", "lead", "quarantined"),
        extract("2026-12-03", "task", "ok"),
    ];
    inputs::table(&session, "job_extract", &columns, &extracts).unwrap();
    let set = report(&session, "sla-weekly").await;
    let names = [
        "commitment",
        "attained",
        "rejected",
        "pending",
        "working_days",
        "working_days_done",
        "completed_days",
    ];
    // From 1 October: 4, 2, 4, 2, 4, 2, 4, 2 mqls on eight Thursdays; 45 of 64 working days are done.
    let quarter = &set.tables["quarter"][0];
    assert_eq!(pick(quarter, &names), json!([1200, 24, 0, 24, 64, 45, 64]));
    let number = |name: &str| quarter[name].as_f64().unwrap();
    let near = |found: f64, expected: f64| {
        assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
    };
    near(number("expected_to_date"), 843.75);
    near(number("pace"), 24.0 / 843.75);
    near(number("remaining_weeks"), 19.0 / 5.0);
    near(number("needed_per_week"), 1176.0 / 3.8);
    assert_eq!(
        set.tables["sources"],
        [json!({"member": "Web", "n": 24, "share": 1.0})
            .as_object()
            .unwrap()
            .clone()]
    );
    assert_eq!(set.tables["weeks"].len(), 14);
    let fault = json!({"source": "salesforce", "stream": "lead", "outcome": "quarantined", "message": null, "last_good": "2026-12-01"});
    assert_eq!(set.tables["faults"], [fault.as_object().unwrap().clone()]);
}

/// A report that has no queries is refused by its name.
#[tokio::test]
async fn an_unknown_report_is_refused() {
    let config = config();
    let session = session(&config, date(2026, 12, 3), &[]);
    let error = figures(&session, &config, "weekly", date(2026, 12, 3))
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "There is no report `weekly`: `queries/reports/weekly` holds no query"
    );
}
