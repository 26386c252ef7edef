//! The measures of one small company, its figures worked out by hand. The horizon is 30 days.

use std::sync::OnceLock;

use jiff::civil::date;
use serde::Deserialize;
use serde_json::{Value, json};

use super::fixture::{Entry, config, entry, session};
use super::{measure, rows, run_only};
use crate::config::ColumnType;
use crate::metrics::inputs;

/// Thirteen persons. `left` is the exit, so what is not left is open on 19 November.
fn entries() -> Vec<Entry> {
    let lost = |entry: Entry, day| entry.left(day, "lost");
    let on = |entry: Entry, day| entry.left(day, "progressed");
    let event = |entry: Entry| entry.with("lead_source", "Event");
    let blank = |entry: Entry| entry.with("lead_source", " ");
    let implied = |entry: Entry| entry.with("implied", true);
    let censored = |entry: Entry| entry.with("censored", true);
    let carried = |entry: Entry| entry.with("carried", true).with("net_new", false);
    let again = |entry: Entry| entry.with("cycle", 2).with("net_new", false);
    let customer = |entry: Entry| event(entry).with("customer", true).with("net_new", false);
    vec![
        // Straight through, won after 34 days: later than the horizon from known, within it from mql.
        on(entry("p01", "known", "2026-09-01"), "2026-09-10"),
        on(entry("p01", "mql", "2026-09-10"), "2026-09-15"),
        on(entry("p01", "sal", "2026-09-15"), "2026-10-05"),
        entry("p01", "closed", "2026-10-05").left("2026-10-05", "won"),
        // Rejected, carried back to known, and back as an mql in a second cycle.
        on(entry("p02", "known", "2026-09-02"), "2026-09-10"),
        entry("p02", "mql", "2026-09-10").left("2026-09-20", "recycled"),
        on(
            again(carried(entry("p02", "known", "2026-09-20"))),
            "2026-10-12",
        ),
        again(entry("p02", "mql", "2026-10-12")),
        // Skips mql, which is implied 47 days after known.
        on(blank(entry("p03", "known", "2026-09-03")), "2026-10-20"),
        on(
            blank(implied(entry("p03", "mql", "2026-10-20"))),
            "2026-10-20",
        ),
        blank(entry("p03", "sal", "2026-10-20")),
        // Was known when the first snapshot came.
        on(censored(entry("p04", "known", "2026-09-01")), "2026-09-11"),
        entry("p04", "mql", "2026-09-11"),
        // Lost.
        on(event(entry("p05", "known", "2026-09-05")), "2026-09-20"),
        on(event(entry("p05", "mql", "2026-09-20")), "2026-10-01"),
        on(event(entry("p05", "sal", "2026-10-01")), "2026-11-02"),
        lost(event(entry("p05", "closed", "2026-11-02")), "2026-11-02"),
        // A customer.
        on(customer(entry("p06", "known", "2026-10-05")), "2026-10-06"),
        customer(entry("p06", "mql", "2026-10-06")),
        // 44 days to mql: after the horizon.
        on(event(entry("p07", "known", "2026-09-06")), "2026-10-20"),
        event(entry("p07", "mql", "2026-10-20")),
        // Both at the same instant.
        on(entry("p08", "known", "2026-11-18"), "2026-11-18"),
        entry("p08", "mql", "2026-11-18"),
        // First seen as an mql by a snapshot, 64 days later: nobody knows when it became one.
        on(entry("p09", "known", "2026-09-07"), "2026-11-10"),
        censored(entry("p09", "mql", "2026-11-10")),
        // Known again in a second cycle; the mql of the first is no conversion of it.
        on(entry("p10", "known", "2026-09-08"), "2026-09-09"),
        entry("p10", "mql", "2026-09-09").left("2026-09-12", "recycled"),
        again(entry("p10", "known", "2026-10-01")),
        // Out of order: an mql before known.
        entry("p11", "known", "2026-10-10"),
        entry("p11", "mql", "2026-10-08"),
        // Known was implied and confirmed three days later: no good for velocity.
        on(entry("p12", "known", "2026-09-10"), "2026-09-14")
            .with("confirmed_at", "2026-09-13T12:00:00Z"),
        entry("p12", "mql", "2026-09-14"),
        // In sal twice at once, through two cycles.
        censored(entry("p13", "sal", "2026-10-15")),
        again(carried(entry("p13", "sal", "2026-10-25"))),
    ]
}

#[derive(Debug, Clone, Deserialize)]
struct Metric {
    measure: String,
    period: String,
    period_start: String,
    stage: String,
    to_stage: Option<String>,
    dimension: Option<String>,
    member: Option<String>,
    n: i64,
    value: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
    detail: Option<String>,
}

/// The table `metric` of that company, computed once.
fn metrics() -> &'static [Metric] {
    static METRICS: OnceLock<Vec<Metric>> = OnceLock::new();
    METRICS.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            let config = config();
            let session = session(&config, date(2026, 11, 19), &entries());
            measure(&session, &config).await.unwrap();
            let frame = session.query("test", "select * from metric").await.unwrap();
            frame.rows().unwrap()
        })
    })
}

/// The rows of a measure and a period, of the total or a lead source.
fn of<'a>(
    measure: &'a str,
    period: &'a str,
    start: &'a str,
    source: Option<&'a str>,
) -> Vec<&'a Metric> {
    let found = metrics().iter().filter(move |row| {
        row.measure == measure
            && row.period == period
            && row.period_start == start
            && row.member.as_deref() == source
            && row.dimension.as_deref() == source.map(|_| "lead_source")
    });
    found.collect()
}

fn one<'a>(rows: &[&'a Metric], stage: &str, to_stage: Option<&str>) -> &'a Metric {
    let mut found = rows
        .iter()
        .filter(|row| row.stage == stage && row.to_stage.as_deref() == to_stage);
    let row = found
        .next()
        .unwrap_or_else(|| panic!("no row of {stage} to {to_stage:?}"));
    assert!(
        found.next().is_none(),
        "two rows of {stage} to {to_stage:?}"
    );
    row
}

fn count(measure: &str, period: &str, start: &str, stage: &str) -> i64 {
    let row = one(&of(measure, period, start, None), stage, None);
    assert_eq!(row.value, Some(crate::metrics::statistics::of(row.n)));
    row.n
}

fn near(found: Option<f64>, expected: f64) {
    let found = found.unwrap();
    assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
}

const Q3: &str = "2026-07-01";
const Q4: &str = "2026-10-01";

/// Volume counts observed entries; net-new, re-entries, implied and won stand apart.
#[test]
fn volume() {
    let quarter = |measure, start, stage| count(measure, "quarter", start, stage);
    // p04's is censored; p02's second is carried.
    assert_eq!(quarter("volume", Q3, "known"), 8);
    assert_eq!(quarter("volume", Q4, "known"), 4);
    assert_eq!(quarter("volume_net_new", Q4, "known"), 2);
    assert_eq!(quarter("volume_reentry", Q4, "known"), 1);
    assert_eq!(quarter("volume", Q4, "mql"), 5);
    assert_eq!(quarter("volume_net_new", Q4, "mql"), 3);
    assert_eq!(quarter("volume_reentry", Q4, "mql"), 1);
    assert_eq!(quarter("volume_implied", Q4, "mql"), 1);
    assert_eq!(quarter("volume", Q4, "closed"), 2);
    assert_eq!(quarter("volume_won", Q4, "closed"), 1);
    assert_eq!(count("volume", "month", "2026-10-01", "mql"), 4);
    assert_eq!(count("volume", "week", "2026-11-16", "mql"), 1);
    assert_eq!(count("volume", "day", "2026-11-18", "known"), 1);
    assert_eq!(count("volume", "day", "2026-11-19", "known"), 0);
}

/// Subtlety 1. A person first counted in September stays counted there after coming back in October.
#[test]
fn a_second_entry_does_not_move_the_first() {
    assert_eq!(count("volume", "month", "2026-09-01", "mql"), 6);
    assert_eq!(count("volume_net_new", "month", "2026-09-01", "mql"), 6);
}

/// Subtlety 9. Conversion is of the cohort that entered, with what became of the others.
#[test]
fn conversion() {
    let third = of("conversion", "quarter", Q3, None);
    let row = one(&third, "known", Some("mql"));
    // p01, p02, p05, p10 and p12 of seven; p03 and p07 were late, p09 is left out.
    assert_eq!(row.n, 7);
    near(row.value, 5.0 / 7.0);
    near(row.low, 0.358_934_451_832_619_35);
    near(row.high, 0.917_781_075_995_943_3);
    let detail: Value = serde_json::from_str(row.detail.as_deref().unwrap()).unwrap();
    let expected = json!({"converted": 5, "lost": 2, "open": 0, "late_after": 2, "mature": 7,
                          "left_out": 1, "mature_share": 1.0});
    assert_eq!(detail, expected);
    // p01 and p05 of six; p02 and p10 were recycled, p04 and p12 wait.
    let row = one(&third, "mql", Some("sal"));
    assert_eq!((row.n, row.value), (6, Some(2.0 / 6.0)));
    assert!(
        row.detail
            .as_deref()
            .unwrap()
            .contains(r#""lost":2,"open":2"#)
    );
}

/// Subtlety 27. Into the last stage only won counts: p05 closed and was lost.
#[test]
fn only_won_converts_into_the_last_stage() {
    let third = of("conversion", "quarter", Q3, None);
    let row = one(&third, "mql", Some("closed"));
    assert_eq!((row.n, row.value), (6, Some(1.0 / 6.0)));
    let row = one(&third, "known", Some("closed"));
    assert_eq!((row.n, row.value), (8, Some(0.0)));
    assert!(
        row.detail
            .as_deref()
            .unwrap()
            .starts_with(r#"{"converted":0,"lost":4,"open":4,"late_after":1"#)
    );
    let fourth = of("win_rate", "quarter", Q4, None);
    let row = one(&fourth, "closed", None);
    assert_eq!((row.n, row.value), (2, Some(0.5)));
    near(row.low, 0.094_531_205_734_230_74);
    near(row.high, 0.905_468_794_265_769_3);
}

/// Subtlety 10. An entry at the same instant converts (p08); one of an earlier cycle (p10) or before (p11) does not.
#[test]
fn conversion_needs_the_same_cycle_and_order() {
    let fourth = of("conversion", "quarter", Q4, None);
    let row = one(&fourth, "known", Some("mql"));
    assert_eq!((row.n, row.value), (4, Some(0.5)));
    let detail = row.detail.as_deref().unwrap();
    assert!(
        detail.starts_with(r#"{"converted":2,"lost":0,"open":2,"late_after":0,"mature":3"#),
        "{detail}"
    );
    assert!(detail.ends_with(r#""mature_share":0.75}"#), "{detail}");
}

/// Subtlety 8. A period's rate is entries over entries, may pass 1, and is null over none.
#[test]
fn period_rate() {
    let rate = |start, stage, to, source| {
        let row = one(
            &of("period_rate", "quarter", start, source),
            stage,
            Some(to),
        );
        (row.n, row.value)
    };
    assert_eq!(rate(Q3, "known", "mql", None), (8, Some(0.75)));
    assert_eq!(rate(Q4, "known", "mql", None), (4, Some(1.25)));
    assert_eq!(rate(Q4, "sal", "closed", None), (2, Some(0.5)));
    assert_eq!(rate(Q4, "mql", "sal", Some("blank")), (0, None));
}

/// Subtlety 12. Days are exact: elapsed time over 86,400 seconds, with quantiles of type 7.
#[test]
fn velocity() {
    let days = |measure, start, stage, to| {
        let row = one(&of(measure, "month", start, None), stage, Some(to));
        (row.n, row.value.unwrap())
    };
    // p01 9, p02 8, p05 15, p10 1; p12 was confirmed too late.
    assert_eq!(
        days("velocity_mean", "2026-09-01", "known", "mql"),
        (4, 8.25)
    );
    assert_eq!(
        days("velocity_median", "2026-09-01", "known", "mql"),
        (4, 8.5)
    );
    let (n, p90) = days("velocity_p90", "2026-09-01", "known", "mql");
    assert_eq!(n, 4);
    near(Some(p90), 13.2);
    // p06 1 and p07 44; p03's mql was implied, p11 was out of order.
    assert_eq!(
        days("velocity_median", "2026-10-01", "known", "mql"),
        (2, 22.5)
    );
    let row = one(
        &of("velocity_mean", "month", "2026-10-01", None),
        "known",
        Some("mql"),
    );
    assert_eq!(row.detail.as_deref(), Some(r#"{"out_of_order":1}"#));
    assert_eq!(
        days("velocity_mean", "2026-11-01", "known", "mql"),
        (1, 0.0)
    );
    // Won alone is timed into the last stage, beyond the horizon too.
    assert_eq!(
        days("velocity_median", "2026-10-01", "known", "closed"),
        (1, 34.0)
    );
    let november = of("velocity_mean", "month", "2026-11-01", None);
    assert!(
        november
            .iter()
            .all(|row| row.to_stage.as_deref() != Some("closed"))
    );
}

/// Subtlety 7. Stock counts persons, carried and censored ones too, each once.
#[test]
fn stock() {
    let at = |period, start| {
        ["known", "mql", "sal", "closed"].map(|stage| count("stock", period, start, stage))
    };
    assert_eq!(at("month", "2026-09-01"), [4, 3, 1, 0]);
    assert_eq!(at("month", "2026-10-01"), [3, 6, 3, 0]);
    assert_eq!(at("day", "2026-11-19"), [2, 8, 2, 0]);
    assert!(
        of("stock", "month", "2026-11-01", None).is_empty(),
        "November has not ended"
    );
    // Of the seven mqls whose time is known the middle one entered on 8 October, 42 days and 17 hours ago.
    let row = one(
        &of("stock_age_median", "day", "2026-11-19", None),
        "mql",
        None,
    );
    assert_eq!(row.n, 7);
    assert!((row.value.unwrap() - (42.0 + 17.0 / 24.0)).abs() < 1e-6);
}

/// Subtlety 34. The members of every dimension add up to the total, of every count and every denominator.
#[test]
fn members_sum_to_the_total() {
    let of_members = ["quarter", "fiscal_year", "rolling_90", "rolling_365"];
    let additive = |row: &&Metric| match row.measure.as_str() {
        "stock" if row.period == "day" => row.period_start == "2026-11-19",
        measure if measure.starts_with("time_to") || measure.starts_with("incidence") => {
            of_members.contains(&row.period.as_str())
        }
        _ => true,
    };
    for total in metrics()
        .iter()
        .filter(additive)
        .filter(|row| row.dimension.is_none())
    {
        for dimension in ["lead_source", "segment"] {
            let parts = metrics().iter().filter(|row| {
                row.dimension.as_deref() == Some(dimension)
                    && (
                        &row.measure,
                        &row.period,
                        &row.period_start,
                        &row.stage,
                        &row.to_stage,
                    ) == (
                        &total.measure,
                        &total.period,
                        &total.period_start,
                        &total.stage,
                        &total.to_stage,
                    )
            });
            assert_eq!(
                parts.map(|row| row.n).sum::<i64>(),
                total.n,
                "{dimension} of {total:?}"
            );
        }
    }
    let sources: Vec<_> = of("volume", "quarter", Q3, Some("blank"))
        .iter()
        .map(|row| row.n)
        .collect();
    assert_eq!(
        sources,
        [1],
        "a source of blanks alone is the member `blank`"
    );
}

/// Wilson's interval, against Newcombe (1998), Statistics in Medicine 17, table I, method 3.
#[tokio::test]
async fn wilson_interval() {
    let config = config();
    let session = session(&config, date(2026, 11, 19), &entries());
    run_only(&session, &config, &["entry"]).await;
    let columns = [
        ("period", ColumnType::String),
        ("period_start", ColumnType::Date),
        ("period_end", ColumnType::Date),
        ("stage_order", ColumnType::Bigint),
        ("to_order", ColumnType::Bigint),
        ("member_no", ColumnType::Bigint),
        ("measure", ColumnType::String),
        ("n", ColumnType::Bigint),
        ("converted", ColumnType::Bigint),
        ("lost", ColumnType::Bigint),
        ("open", ColumnType::Bigint),
        ("late_after", ColumnType::Bigint),
        ("mature", ColumnType::Bigint),
        ("left_out", ColumnType::Bigint),
    ];
    let cases = [(81, 263), (15, 148), (0, 20), (1, 29), (0, 0)];
    let of = |(converted, n): &(i64, i64)| json!({"n": n, "converted": converted, "mature": n});
    inputs::table(&session, "conversion", &columns, &cases.each_ref().map(of)).unwrap();
    inputs::table::<()>(&session, "volume", &columns, &[]).unwrap();
    let relation = super::relations(&config)
        .unwrap()
        .into_iter()
        .flatten()
        .find(|it| it.name == "rate");
    let frame = session.run(&relation.unwrap()).await.unwrap();
    session
        .register("rate", frame.schema, frame.batches)
        .unwrap();
    let found = rows(
        &session,
        "select round(low, 4) as low, round(high, 4) as high, value from rate",
    )
    .await;
    let shown: Vec<_> = found
        .iter()
        .map(|row| (row["low"].as_f64(), row["high"].as_f64()))
        .collect();
    let published = [
        (0.2553, 0.3662),
        (0.0624, 0.1605),
        (0.0, 0.1611),
        (0.0061, 0.1718),
    ];
    assert_eq!(
        shown[..4],
        published.map(|(low, high)| (Some(low), Some(high)))
    );
    assert_eq!(found[4], json!({"low": null, "high": null, "value": null}));
}
