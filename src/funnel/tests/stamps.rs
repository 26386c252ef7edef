//! Signs from stamps: new ones, corrected ones, cleared ones, dates without time.

use serde_json::{Value, json};

use super::{World, funnel, stage, stamp};

const STAMPS: &str = "select at, record_id, date_only, known_at from evidence where stage = 'mql'";

async fn stamps(versions: &[(&str, Value)]) -> Vec<String> {
    let mut world = World::default();
    for (from, fields) in versions {
        world = world.record("crm.lead:1", from, fields.clone());
    }
    let outcome = world.derive(&funnel()).await.unwrap();
    let sql = "select at, via from evidence where stage = 'mql'";
    outcome.rows(sql).await
}

fn snapshot(stamp: Option<&str>, seen_after: &str) -> Value {
    json!({"mql_at": stamp, "seen_after": seen_after})
}

fn change(stamp: &str) -> Value {
    json!({"mql_at": stamp, "via": "history", "known_at": "11-19", "imported": true})
}

// Subtlety 3. A replacement dated since the last snapshot is a new stamp; the old one stays.
#[tokio::test]
async fn a_replacement_since_the_last_look_is_new() {
    let rows = stamps(&[
        ("11-02", snapshot(Some("11-02T10"), "11-01")),
        ("11-09", snapshot(Some("11-09T10"), "11-08")),
    ])
    .await;
    assert_eq!(rows, ["11-02T10:00|stamp", "11-09T10:00|stamp"]);
}

// Subtlety 3. A replacement dated before the last snapshot corrects the old value.
#[tokio::test]
async fn a_replacement_from_before_corrects() {
    let rows = stamps(&[
        ("11-02", snapshot(Some("11-02T10"), "11-01")),
        ("11-09", snapshot(Some("11-03T10"), "11-08")),
    ])
    .await;
    assert_eq!(rows, ["11-03T10:00|stamp"]);
}

// Clearing withdraws nothing, and what then replaces the stamp is judged against it.
#[tokio::test]
async fn clearing_withdraws_nothing() {
    let cleared = [
        ("11-02", snapshot(Some("11-02T10"), "11-01")),
        ("11-05", snapshot(None, "11-04")),
    ];
    assert_eq!(stamps(&cleared).await, ["11-02T10:00|stamp"]);
    let mut corrected = cleared.to_vec();
    corrected.push(("11-09", snapshot(Some("11-01T10"), "11-08")));
    assert_eq!(stamps(&corrected).await, ["11-01T10:00|stamp"]);
}

// Field history tells when a stamp was set: on the day of the change it is new, else corrected,
// however late the history was imported.
#[tokio::test]
async fn field_history_judges_by_the_day_of_the_change() {
    let new = [("11-02", change("11-02T10")), ("11-09", change("11-09T10"))];
    assert_eq!(
        stamps(&new).await,
        ["11-02T10:00|stamp", "11-09T10:00|stamp"]
    );
    let corrected = [("11-02", change("11-02T10")), ("11-09", change("11-03T10"))];
    assert_eq!(stamps(&corrected).await, ["11-03T10:00|stamp"]);
}

// The stamps of two records of one person are both signs; one does not correct the other.
#[tokio::test]
async fn each_record_has_its_own_stamps() {
    let lead = |stamp: &str, created: &str| json!({"email": "a@x.example", "mql_at": stamp, "created_at": created});
    let world = World::default()
        .record("crm.lead:1", "11-02", lead("11-02T10", "11-01"))
        .record("crm.lead:2", "11-09", lead("11-05T10", "11-09"));
    let outcome = world.derive(&funnel()).await.unwrap();
    let rows = outcome
        .rows("select at, record_id from evidence where stage = 'mql'")
        .await;
    assert_eq!(rows, ["11-02T10:00|1", "11-05T10:00|2"]);
}

// A date without time is its day in the company's zone, and says that it is no instant.
#[tokio::test]
async fn dates_are_local_days() {
    let mut funnel = funnel();
    funnel.stages[3] = stage("mql", stamp("demo_on"));
    let world = World::default()
        .record(
            "crm.lead:1",
            "11-09",
            json!({"demo_on": "2026-11-09", "seen_after": "11-08"}),
        )
        .record(
            "crm.lead:1",
            "11-10",
            json!({"demo_on": "2026-11-10", "seen_after": "11-09"}),
        )
        .record(
            "crm.lead:1",
            "11-12",
            json!({"demo_on": "2026-11-09", "seen_after": "11-11"}),
        );
    let outcome = world.derive(&funnel).await.unwrap();
    assert_eq!(
        outcome.rows(STAMPS).await,
        [
            "11-09T05:00|1|true|11-10T04:59:59.999999Z",
            "11-09T05:00|1|true|11-13T04:59:59.999999Z"
        ]
    );
}
