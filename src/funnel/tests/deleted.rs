//! `deleted`: whether a deleted person's entries stay.

use jiff::civil::date;
use serde_json::{Value, json};

use super::{World, funnel};
use crate::config::{Deleted, Funnel};

fn dropping() -> Funnel {
    Funnel {
        deleted: Deleted::Drop,
        ..funnel()
    }
}

fn mail(mail: &str) -> Value {
    json!({"email": mail})
}

/// Lead 1 is deleted for good, 2 came back, 3 was merged into 4, and a deal of lead 1 is won later.
fn world() -> World {
    let gone = |mail: &str| json!({"email": mail, "deleted": true});
    let merged = json!({"email": "c@x.example", "merged_into": "crm.lead:4", "deleted": true});
    let won = json!({"stage": "Won", "is_closed": true, "is_won": true});
    World::default()
        .record("crm.lead:1", "11-02", mail("a@x.example"))
        .record("crm.lead:1", "11-05", gone("a@x.example"))
        .record("crm.lead:2", "11-02", mail("b@x.example"))
        .record("crm.lead:2", "11-05", gone("b@x.example"))
        .record("crm.lead:2", "11-08", mail("b@x.example"))
        .record("crm.lead:3", "11-02", mail("c@x.example"))
        .record("crm.lead:3", "11-05", merged)
        .record("crm.lead:4", "11-03", mail("d@x.example"))
        .opportunity("D1", "11-04", json!({"stage": "Offer"}))
        .opportunity("D1", "11-09", won)
        .link("D1", "crm.lead:1", json!({}))
}

const KNOWN: &str =
    "select person_id, cycle, entered_on, outcome from stage_entry where stage = 'known'";
const OF_DEAL: &str = "select person_id, stage from stage_entry where opportunity_id = 'D1'";

// The entries of a deleted person stay in the figures of their days, and the open ones exit with the
// deletion; a win after it still counts.
#[tokio::test]
async fn entries_of_the_deleted_stay() {
    let outcome = world().derive(&funnel()).await.unwrap();
    let merged = "crm.lead:3|1|11-02|open";
    assert_eq!(
        outcome.rows(KNOWN).await,
        [
            "crm.lead:1|1|11-02|progressed",
            "crm.lead:1|2|11-09|progressed",
            "crm.lead:2|1|11-02|deleted",
            "crm.lead:2|2|11-08|open",
            merged,
        ]
    );
    assert_eq!(outcome.count("entries_dropped"), 0);
}

// With `drop` a deleted person leaves no entry of any day, won deals included; who came back, and who
// was merged into another, is no deleted person. What was dropped is counted.
#[tokio::test]
async fn entries_of_the_deleted_are_dropped() {
    let stays = world().derive(&funnel()).await.unwrap();
    let drops = world().derive(&dropping()).await.unwrap();
    assert_eq!(
        drops.rows(KNOWN).await,
        [
            "crm.lead:2|1|11-02|deleted",
            "crm.lead:2|2|11-08|open",
            "crm.lead:3|1|11-02|open",
        ]
    );
    assert_eq!(drops.rows(OF_DEAL).await, Vec::<String>::new());
    let rows = "select count(*) from stage_entry where person_id = 'crm.lead:1'";
    let dropped = drops.count("entries_dropped").to_string();
    assert_eq!(stays.rows(rows).await, [dropped]);
}

// An opportunity that is deleted is no person: its entries stay under either rule.
#[tokio::test]
async fn a_deleted_opportunity_is_no_deleted_person() {
    let offer = |deleted: bool| json!({"stage": "Offer", "deleted": deleted});
    let world = World::default()
        .record("crm.lead:1", "11-02", mail("a@x.example"))
        .opportunity("D1", "11-04", offer(false))
        .opportunity("D1", "11-06", offer(true))
        .link("D1", "crm.lead:1", json!({}));
    let sql = "select stage, outcome from stage_entry where stage = 'opportunity'";
    let outcome = world.derive(&dropping()).await.unwrap();
    assert_eq!(outcome.rows(sql).await, ["opportunity|deleted"]);
}

// The definition in force at the deletion decides, so a new one does not rewrite what was agreed.
#[tokio::test]
async fn the_definition_of_its_day_decides() {
    let gone = |mail: &str| json!({"email": mail, "deleted": true});
    let world = World::default()
        .record("crm.lead:1", "11-02", mail("a@x.example"))
        .record("crm.lead:1", "11-05", gone("a@x.example"))
        .record("crm.lead:2", "11-02", mail("b@x.example"))
        .record("crm.lead:2", "11-12", gone("b@x.example"));
    let next = Funnel {
        definition: "next".to_owned(),
        effective_from: date(2026, 11, 10),
        ..dropping()
    };
    let outcome = world.derive_over(&[&funnel(), &next]).await.unwrap();
    let persons = "select distinct person_id from stage_entry";
    assert_eq!(outcome.rows(persons).await, ["crm.lead:1"]);
}
