//! How the versions of a person's records become the person's.

use serde_json::json;

use super::{World, funnel, sql, when};

// At each change of a record, fields come from the first record that has them: an open lead, then
// what the other records have where it is blank.
#[tokio::test]
async fn fields_take_the_first_value_that_is_not_blank() {
    let linked = |fields: serde_json::Value| {
        let mut all = json!({"linked_to": "crm.lead:1", "rank": 4, "created_at": "11-02"});
        all.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        all
    };
    let world = World::default()
        .record(
            "crm.lead:1",
            "11-01",
            json!({"rank": 1, "status": "New", "company": " ", "lead_score": 5}),
        )
        .record(
            "mkt.lead:7",
            "11-02",
            linked(json!({"company": "Acme", "lead_score": 50, "status": "x"})),
        )
        .record(
            "crm.lead:1",
            "11-03",
            json!({"rank": 1, "status": "Working", "lead_score": null}),
        )
        .record(
            "mkt.lead:7",
            "11-04",
            linked(json!({"company": "Acme Inc", "lead_score": 60})),
        );
    let outcome = world.derive(&funnel()).await.unwrap();
    let sql =
        "select valid_from, valid_to, status, company, lead_score, created_at from person_version";
    assert_eq!(
        outcome.rows(sql).await,
        [
            "11-01T12:00|11-02T12:00|New||5|11-01T12:00",
            "11-02T12:00|11-03T12:00|New|Acme|5|11-01T12:00",
            "11-03T12:00|11-04T12:00|Working|Acme|50|11-01T12:00",
            "11-04T12:00||Working|Acme Inc|60|11-01T12:00",
        ]
    );
    let now = "select person_id, status, company, lead_score from person";
    assert_eq!(outcome.rows(now).await, ["crm.lead:1|Working|Acme Inc|60"]);
}

// Of two open leads the newest wins; a deleted record only fills what no other has.
#[tokio::test]
async fn the_newest_record_wins_and_deleted_ones_come_last() {
    let lead = |id: &str, created: &str| json!({"email": "a@x.example", "rank": 1, "created_at": created, "status": id, "title": id});
    let world = World::default()
        .record("crm.lead:1", "11-01", json!({"email": "a@x.example", "rank": 1, "status": "one", "company": "Acme"}))
        .record("crm.lead:2", "11-02", lead("two", "11-02"))
        .record("crm.lead:2", "11-03", json!({"email": "a@x.example", "rank": 1, "created_at": "11-02", "status": "two", "region": "EMEA", "deleted": true}));
    let outcome = world.derive(&funnel()).await.unwrap();
    let sql = "select valid_from, status, company, region, deleted from person_version";
    assert_eq!(
        outcome.rows(sql).await,
        [
            "11-01T12:00|one|Acme||false",
            "11-02T12:00|two|Acme||false",
            "11-03T12:00|one|Acme|EMEA|false",
        ]
    );
}

// A person is deleted when all records are; one merged away does not delete its winner, even before
// the winner is first seen. The deleted are no persons now.
#[tokio::test]
async fn deletion_needs_every_record() {
    let gone = json!({"deleted": true, "merged_into": "crm.lead:2"});
    let world = World::default()
        .record("crm.lead:1", "11-01", json!({}))
        .record("crm.lead:1", "11-02", gone)
        .record("crm.lead:2", "11-03", json!({"created_at": "11-02"}))
        .record(
            "crm.lead:2",
            "11-04",
            json!({"created_at": "11-02", "deleted": true}),
        );
    let outcome = world.derive(&funnel()).await.unwrap();
    let sql = "select valid_from, deleted from person_version";
    assert_eq!(
        outcome.rows(sql).await,
        [
            "11-01T12:00|false",
            "11-02T12:00|false",
            "11-03T12:00|false",
            "11-04T12:00|true"
        ]
    );
    assert!(outcome.rows("select * from person").await.is_empty());
    let evidence = "select at, kind, stage from evidence where kind = 'deleted'";
    assert_eq!(outcome.rows(evidence).await, ["11-04T12:00|deleted|"]);
}

// A person is a customer from the win of an opportunity that is theirs, or their account's, on; a
// version begins there.
#[tokio::test]
async fn a_win_makes_a_customer() {
    let world = World::default()
        .record("crm.lead:1", "11-01", json!({}))
        .record("crm.contact:2", "11-01", json!({"account_id": "A"}))
        .record("crm.lead:3", "11-01", json!({}))
        .link("O", "crm.lead:1", json!({"converted": true}))
        .opportunity("O", "11-03", json!({"account_id": "A"}))
        .opportunity(
            "O",
            "11-05",
            json!({"account_id": "A", "is_closed": true, "is_won": true}),
        );
    let outcome = world.derive(&funnel()).await.unwrap();
    let sql = "select person_id, valid_from, is_customer from person_version";
    assert_eq!(
        outcome.rows(sql).await,
        [
            "crm.contact:2|11-01T12:00|false",
            "crm.contact:2|11-05T12:00|true",
            "crm.lead:1|11-01T12:00|false",
            "crm.lead:1|11-05T12:00|true",
            "crm.lead:3|11-01T12:00|false",
        ]
    );
}

// What only one source gives is a column too.
#[tokio::test]
async fn extra_columns_are_kept() {
    let world = World::default()
        .record("crm.lead:1", "11-01", json!({"demo_on": "2026-11-09"}))
        .record("mkt.lead:2", "11-01", json!({}));
    let outcome = world.derive(&funnel()).await.unwrap();
    let rows = outcome.rows("select person_id, demo_on from person").await;
    assert_eq!(rows, ["crm.lead:1|11-09", "mkt.lead:2|"]);
}

// Functions that DataFusion only rewrites, `coalesce` and `nvl` among them, work in every trigger.
#[tokio::test]
async fn functions_that_stand_for_others() {
    let mut funnel = funnel();
    funnel.stages[3].triggers = when("coalesce(lead_score, employees, 0) >= nvl(null, 65)");
    funnel.exclude[0].when = sql("coalesce(email, '') like '%@acme.example'");
    let outcome = World::default()
        .record("crm.lead:1", "11-03", json!({"employees": 70}))
        .record(
            "crm.lead:2",
            "11-03",
            json!({"lead_score": 10, "employees": 70}),
        )
        .record(
            "crm.lead:3",
            "11-03",
            json!({"email": "a@acme.example", "lead_score": 90}),
        )
        .derive(&funnel)
        .await
        .unwrap();
    let signs = "select person_id, excluded from evidence where stage = 'mql' order by 1";
    assert_eq!(
        outcome.rows(signs).await,
        ["crm.lead:1|false", "crm.lead:3|true"]
    );
}
