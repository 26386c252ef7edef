use jiff::civil::date;

use super::*;

fn session() -> Session {
    Session::new(
        date(2026, 11, 1),
        &TimeZone::get("America/New_York").unwrap(),
    )
}

async fn one(sql: &str) -> serde_json::Value {
    let rows: Vec<serde_json::Value> = session().query("test", sql).await.unwrap().rows().unwrap();
    rows[0].clone()
}

async fn refused(sql: &str) -> String {
    session()
        .query("queries/x.sql", sql)
        .await
        .unwrap_err()
        .to_string()
}

/// Parameters are typed: they stand wherever an expression may.
#[tokio::test]
async fn parameters_are_typed() {
    let row = one(
        "select $as_of as d, day_end($as_of) = $as_of_end as same, $as_of - 1 < $as_of as before",
    )
    .await;
    assert_eq!(
        row,
        serde_json::json!({"d": "2026-11-01", "same": true, "before": true})
    );
}

/// The day the clocks go back has 25 hours, and its instants fall on it.
#[tokio::test]
async fn a_day_is_the_companys() {
    let row = one(
        "select day_end(date '2026-11-01') as last, day_start(date '2026-11-01') as first,
                local_date(timestamp '2026-11-02T04:30:00Z') as late,
                local_date(timestamp '2026-11-02T05:00:00Z') as next",
    )
    .await;
    assert_eq!(row["first"], "2026-11-01T04:00:00Z");
    assert_eq!(row["last"], "2026-11-02T04:59:59.999999Z");
    assert_eq!(row["late"], "2026-11-01");
    assert_eq!(row["next"], "2026-11-02");
}

/// Nothing over nothing is unknown, not zero.
#[tokio::test]
async fn a_ratio_over_zero_is_null() {
    let row = one("select ratio(1, 0) as a, ratio(1, 4) as b, ratio(null, 2) as c").await;
    assert_eq!(row, serde_json::json!({"a": null, "b": 0.25, "c": null}));
}

/// Quantiles are exact: DataFusion's own would give 299,999 here.
#[tokio::test]
async fn quantiles_interpolate() {
    let row = one(
        "select quantile(x, 0.9) as p90, quantile(x, 0.5) filter (where x < 0) as of_none
         from (values (0), (0), (0), (0), (0), (0), (0), (1000000), (null)) t(x)",
    )
    .await;
    // 300,000 is no double exactly; the library's cut weights miss it by one.
    assert!(
        (row["p90"].as_f64().unwrap() - 300_000.0).abs() < 1e-6,
        "{row}"
    );
    assert!(row["of_none"].is_null(), "{row}");
}

/// The clock is refused, with the way out.
#[tokio::test]
async fn the_clock_is_refused() {
    let text = refused("select now() as t").await;
    assert!(text.starts_with("There is no function `now`"), "{text}");
    assert!(
        text.ends_with("fix: use `$as_of`: a result depends on the as-of date, never on the clock"),
        "{text}"
    );
}

/// An unknown column is shown where it stands.
#[tokio::test]
async fn an_unknown_column_has_its_place() {
    let text = refused("select a,\n  b\nfrom (values (1)) t(a)").await;
    assert!(text.contains("queries/x.sql:2:3"), "{text}");
}

/// An unknown parameter is shown where it stands.
#[tokio::test]
async fn an_unknown_parameter_has_its_place() {
    let text = refused("select 1 as a,\n       $asof as b").await;
    assert!(
        text.starts_with("There is no parameter `$asof`\n --> queries/x.sql:2:8"),
        "{text}"
    );
}

/// Every column comes out with a type of the contract, nullable.
#[tokio::test]
async fn columns_have_contract_types() {
    let frame = session()
        .query("t", "select row_number() over () as n, null as nothing, cast('x' as varchar) as s, cast(1 as int) as i")
        .await
        .unwrap();
    let types: Vec<_> = frame
        .schema
        .fields()
        .iter()
        .map(|f| f.data_type().to_string())
        .collect();
    assert_eq!(types, ["Int64", "Utf8", "Utf8", "Int64"]);
}
