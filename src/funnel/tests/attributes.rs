//! What a stage entry freezes.

use serde_json::json;

use super::{World, funnel};

const ENTRIES: &str = "select stage, entered_on, region, owner_id, lead_source, campaign_id
    from stage_entry where not implied order by stage_order";

// Subtlety 16. Attributes are those at the end of the day of entry, not those of now; the campaign is that of the
// latest response by then.
#[tokio::test]
async fn attributes_are_as_at_entry() {
    let version = |region: &str, owner: &str| json!({"email": "a@x.example", "region": region, "owner_id": owner, "lead_source": "Web", "mql_at": "11-05T14"});
    let world = World::default()
        .record(
            "crm.lead:1",
            "11-02",
            json!({"email": "a@x.example", "region": "EMEA"}),
        )
        .record("crm.lead:1", "11-05T14", version("EMEA", "queue"))
        .record("crm.lead:1", "11-06T04", version("EMEA", "ann"))
        .record("crm.lead:1", "11-09", version("APAC", "bob"))
        .response("crm.lead:1", "11-03", "form", Some("P1"))
        .response("crm.lead:1", "11-04", "web", Some("P2"))
        .response("crm.lead:1", "11-10", "web", Some("P3"));
    let outcome = world.derive(&funnel()).await.unwrap();
    assert_eq!(
        outcome.rows(ENTRIES).await,
        [
            "known|11-02|EMEA|||",
            "responded|11-03|EMEA|||P1",
            "mql|11-05|EMEA|ann|Web|P2",
        ]
    );
}

// A stage entered before the person's first version has the first attributes known.
#[tokio::test]
async fn before_the_first_version() {
    let world = World::default()
        .record("crm.lead:1", "11-05", json!({"region": "EMEA"}))
        .response("crm.lead:1", "11-02", "form", Some("P1"));
    let outcome = world.derive(&funnel()).await.unwrap();
    assert_eq!(outcome.rows(ENTRIES).await, ["responded|11-02|EMEA|||P1"]);
}

// The walk's columns and the frozen ones make the whole table.
#[tokio::test]
async fn the_columns_of_stage_entry() {
    let world = World::default().record("crm.lead:1", "11-05", json!({"email": "a@x.example"}));
    let outcome = world.derive(&funnel()).await.unwrap();
    let sql = "select column_name from information_schema.columns
               where table_name = 'stage_entry' order by ordinal_position";
    assert_eq!(
        outcome.rows(sql).await.join(" "),
        "person_id opportunity_id cycle stage stage_order entered_at entered_on entered_after \
         exited_at outcome next_stage reason via implied confirmed_at carried censored late direct \
         net_new customer amount definition known_at lead_source channel segment region owner_id \
         campaign_id"
    );
}
