//! Signs from opportunities, and to whom they go.

use serde_json::{Value, json};

use super::{World, at, funnel};

const SIGNS: &str = "select person_id, at, stage, kind, opportunity_id, date_only, won, amount, new_business, customer
    from evidence where opportunity_id is not null";

fn open(stage: &str) -> Value {
    json!({"stage": stage, "amount": "100.0000", "close_date": "2026-12-31"})
}

fn closed(won: bool, close_date: &str) -> Value {
    json!({"stage": "Closed", "amount": "120.0000", "close_date": close_date, "is_closed": true, "is_won": won})
}

fn lead() -> World {
    World::default()
        .record("crm.lead:1", "11-01", json!({}))
        .link("O", "crm.lead:1", json!({"converted": true}))
}

// The stage is met at the version that first says so, the close on the close date; amount and outcome
// of the close follow the latest version. A win does not make its own close a customer's.
#[tokio::test]
async fn an_opportunity_opens_and_closes() {
    let world = lead()
        .opportunity("O", "11-02", open("Prospecting"))
        .opportunity("O", "11-03", open("Proposal"))
        .opportunity("O", "11-09", closed(false, "2026-11-08"))
        .opportunity("O", "11-10", closed(true, "2026-11-07"));
    let outcome = world.derive(&funnel()).await.unwrap();
    assert_eq!(
        outcome.rows(SIGNS).await,
        [
            "crm.lead:1|11-03T12:00|opportunity|enter|O|false||100.0000|true|false",
            "crm.lead:1|11-07T05:00|closed|enter|O|true|true|120.0000|true|false",
        ]
    );
}

// Reopening takes the close back.
#[tokio::test]
async fn a_reopened_opportunity_is_not_closed() {
    let world = lead()
        .opportunity("O", "11-03", open("Proposal"))
        .opportunity("O", "11-09", closed(true, "2026-11-09"))
        .opportunity("O", "11-11", open("Negotiation"));
    let outcome = world.derive(&funnel()).await.unwrap();
    assert_eq!(
        outcome.rows("select stage from evidence").await,
        ["opportunity"]
    );
}

// Deletion is a sign of its own; what happened before it stays.
#[tokio::test]
async fn a_deleted_opportunity() {
    let mut gone = open("Proposal");
    gone["deleted"] = json!(true);
    let world = lead()
        .opportunity("O", "11-03", open("Proposal"))
        .opportunity("O", "11-09", gone);
    let outcome = world.derive(&funnel()).await.unwrap();
    let rows = outcome
        .rows("select at, stage, kind, opportunity_id from evidence")
        .await;
    assert_eq!(
        rows,
        ["11-03T12:00|opportunity|enter|O", "11-09T12:00||deleted|O"]
    );
}

// One person is credited: the converted lead, else the primary role, else the earliest.
#[tokio::test]
async fn one_person_is_credited() {
    let role = |primary: bool, linked: &str| json!({"role": "r", "is_primary": primary, "linked_at": at(linked)});
    let world = World::default()
        .record("crm.contact:1", "11-01", json!({}))
        .record("crm.contact:2", "11-01", json!({}))
        .record("crm.lead:3", "11-01", json!({}))
        .link("A", "crm.contact:1", role(true, "11-02"))
        .link(
            "A",
            "crm.lead:3",
            json!({"converted": true, "linked_at": "11-03"}),
        )
        .link("B", "crm.contact:1", role(false, "11-02"))
        .link("B", "crm.contact:2", role(true, "11-03"))
        .link("C", "crm.contact:2", role(false, "11-03"))
        .link("C", "crm.contact:1", role(false, "11-02"))
        .link("C", "crm.contact:9", role(true, "11-01"))
        .opportunity("A", "11-03", open("Proposal"))
        .opportunity("B", "11-03", open("Proposal"))
        .opportunity("C", "11-03", open("Proposal"));
    let outcome = world.derive(&funnel()).await.unwrap();
    let credited = "select opportunity_id, person_id from opportunity_person where credited";
    assert_eq!(
        outcome.rows(credited).await,
        ["A|crm.lead:3", "B|crm.contact:2", "C|crm.contact:1"]
    );
    assert_eq!(outcome.count("links_unknown"), 1);
    let grain =
        "select count(*), count(distinct opportunity_id || person_id) from opportunity_person";
    assert_eq!(outcome.rows(grain).await, ["6|6"]);
}

// Two records of one person are one link, as the nearer of them says.
#[tokio::test]
async fn two_records_of_a_person_are_one_link() {
    let world = World::default()
        .record(
            "crm.lead:1",
            "11-01",
            json!({"converted_to": "crm.contact:2"}),
        )
        .record("crm.contact:2", "11-03", json!({}))
        .link(
            "O",
            "crm.lead:1",
            json!({"converted": true, "role": "Converted lead", "linked_at": "11-03"}),
        )
        .link(
            "O",
            "crm.contact:2",
            json!({"is_primary": true, "role": "Buyer", "linked_at": "11-02"}),
        );
    let outcome = world.derive(&funnel()).await.unwrap();
    let rows = outcome
        .rows("select person_id, role, is_primary, credited, linked_at from opportunity_person")
        .await;
    assert_eq!(rows, ["crm.contact:2|Converted lead|true|true|11-02T12:00"]);
}

// An opportunity that nobody is on stands for itself.
#[tokio::test]
async fn an_opportunity_without_a_person() {
    let world = World::default()
        .record("crm.lead:1", "11-01", json!({}))
        .opportunity("O", "11-03", json!({"stage": "Proposal", "type": "Renewal", "owner_id": "u", "lead_source": "Partner"}));
    let outcome = world.derive(&funnel()).await.unwrap();
    assert_eq!(
        outcome.rows(SIGNS).await,
        ["opportunity:O|11-03T12:00|opportunity|enter|O|false|||false|false"]
    );
    let entry = "select person_id, stage, direct, owner_id, lead_source from stage_entry";
    assert_eq!(
        outcome.rows(entry).await,
        ["opportunity:O|opportunity|true|u|Partner"]
    );
}

// A person is a customer for what comes after the win of another opportunity.
#[tokio::test]
async fn a_later_opportunity_is_a_customers() {
    let world = lead()
        .link("P", "crm.lead:1", json!({"is_primary": true}))
        .opportunity("O", "11-05", closed(true, "2026-11-05"))
        .opportunity("P", "11-10", open("Proposal"));
    let outcome = world.derive(&funnel()).await.unwrap();
    let rows = outcome
        .rows("select opportunity_id, stage, customer from evidence")
        .await;
    assert_eq!(
        rows,
        [
            "O|closed|false",
            "O|opportunity|false",
            "P|opportunity|true"
        ]
    );
}
