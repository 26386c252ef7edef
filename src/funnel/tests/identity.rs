//! Which records are one person.

use serde_json::json;

use super::{Outcome, World, funnel};

const BY: &str = "select record_id, person_id, matched_by from person_record
                  order by source, stream, record_id";

async fn persons(world: World) -> Vec<String> {
    let outcome = world.derive(&funnel()).await.unwrap();
    outcome.rows(BY).await
}

fn mail(address: &str, last_name: &str) -> serde_json::Value {
    json!({"email": address, "last_name": last_name})
}

// A lead and the contact that it became are one person, named for the lead, which came first.
#[tokio::test]
async fn conversion_joins() {
    let world = World::default()
        .record(
            "crm.lead:1",
            "11-02",
            json!({"converted_to": "crm.contact:9"}),
        )
        .record("crm.contact:9", "11-03", json!({"created_at": "11-03"}));
    assert_eq!(
        persons(world).await,
        ["9|crm.lead:1|converted", "1|crm.lead:1|"]
    );
}

// Two leads converted into one contact are one person; so they are if that contact never arrived.
#[tokio::test]
async fn two_leads_one_contact() {
    let leads = || {
        World::default()
            .record(
                "crm.lead:1",
                "11-02",
                json!({"converted_to": "crm.contact:9"}),
            )
            .record(
                "crm.lead:2",
                "11-04",
                json!({"converted_to": "crm.contact:9", "created_at": "11-04"}),
            )
    };
    assert_eq!(
        persons(leads()).await,
        ["1|crm.lead:1|", "2|crm.lead:1|converted"]
    );
    let with_contact = leads().record("crm.contact:9", "11-05", json!({"created_at": "11-05"}));
    assert_eq!(
        persons(with_contact).await,
        [
            "9|crm.lead:1|converted",
            "1|crm.lead:1|",
            "2|crm.lead:1|converted"
        ]
    );
}

// The link field joins a marketing record, by any value that it ever had.
#[tokio::test]
async fn links_join_for_good() {
    let world = World::default()
        .record("crm.lead:1", "11-02", json!({}))
        .record(
            "mkt.lead:5",
            "11-02",
            json!({"linked_to": "crm.lead:1", "created_at": "11-02"}),
        )
        .record(
            "mkt.lead:5",
            "11-03",
            json!({"linked_to": null, "created_at": "11-02"}),
        );
    assert_eq!(
        persons(world).await,
        ["1|crm.lead:1|", "5|crm.lead:1|linked"]
    );
}

// Subtlety 5. Merges join through a chain, through a record that is not there, and in a circle.
#[tokio::test]
async fn merge_chains_and_circles() {
    let chain = World::default()
        .record("crm.lead:1", "11-02", json!({"merged_into": "crm.lead:2"}))
        .record(
            "crm.lead:2",
            "11-02",
            json!({"merged_into": "crm.lead:3", "created_at": "11-02"}),
        )
        .record(
            "crm.lead:3",
            "11-02",
            json!({"merged_into": "crm.lead:1", "created_at": "11-03"}),
        )
        .record(
            "crm.lead:4",
            "11-02",
            json!({"merged_into": "crm.lead:x", "created_at": "11-04"}),
        )
        .record(
            "crm.lead:5",
            "11-02",
            json!({"merged_into": "crm.lead:x", "created_at": "11-05"}),
        );
    let outcome = chain.derive(&funnel()).await.unwrap();
    assert_eq!(
        outcome.rows(BY).await,
        [
            "1|crm.lead:1|",
            "2|crm.lead:1|merged",
            "3|crm.lead:1|merged",
            "4|crm.lead:4|",
            "5|crm.lead:4|merged"
        ]
    );
    let alias = "select former_id, person_id, cause from person_alias order by 1";
    assert_eq!(
        outcome.rows(alias).await,
        [
            "crm.lead:2|crm.lead:1|merged",
            "crm.lead:3|crm.lead:1|merged",
            "crm.lead:5|crm.lead:4|merged"
        ]
    );
}

// An address joins whatever its spaces and case, at its latest value only, and leaves no alias.
#[tokio::test]
async fn addresses_join_at_their_latest_value() {
    let world = World::default()
        .record("crm.lead:1", "11-02", mail("Ann@X.example ", "Lee"))
        .record("mkt.lead:5", "11-02", mail("ann@x.example", "Lee"))
        .record("mkt.lead:6", "11-02", mail("ann@x.example", "Lee"))
        .record("mkt.lead:6", "11-03", mail("bob@x.example", "Lee"));
    let outcome = world.derive(&funnel()).await.unwrap();
    assert_eq!(
        outcome.rows(BY).await,
        ["1|crm.lead:1|", "5|crm.lead:1|email", "6|mkt.lead:6|"]
    );
    assert!(outcome.rows("select * from person_alias").await.is_empty());
}

// Subtlety 5. An address of a role, and one that two last names of one stream have, join nobody.
#[tokio::test]
async fn shared_addresses_join_nobody() {
    let world = World::default()
        .record("crm.lead:1", "11-02", mail("info@x.example", "Lee"))
        .record("crm.lead:2", "11-02", mail("Info@x.example", "Lee"))
        .record("crm.lead:3", "11-02", mail("lee@x.example", "Lee"))
        .record("crm.lead:4", "11-02", mail("lee@x.example", "Poe"))
        .record("mkt.lead:5", "11-02", mail("lee@x.example", "Lee"));
    let outcome = world.derive(&funnel()).await.unwrap();
    assert_eq!(outcome.count("persons"), 5);
    assert_eq!(outcome.count("addresses_shared"), 2);
}

// Two last names in two streams are a spelling; a record merged away is not asked for its name.
#[tokio::test]
async fn names_are_compared_within_a_stream() {
    let world = World::default()
        .record("crm.lead:1", "11-02", mail("lee@x.example", "Lee"))
        .record("mkt.lead:5", "11-02", mail("lee@x.example", "Leigh"))
        .record(
            "crm.lead:2",
            "11-02",
            json!({"email": "lee@x.example", "last_name": "Li", "merged_into": "crm.lead:1", "deleted": true}),
        );
    let outcome: Outcome = world.derive(&funnel()).await.unwrap();
    assert_eq!(outcome.count("persons"), 1);
}

// The order in which rows arrive changes nothing.
#[tokio::test]
async fn order_of_rows_is_free() {
    let records = [
        (
            "crm.lead:1",
            json!({"email": "a@x.example", "converted_to": "crm.contact:9"}),
        ),
        ("crm.lead:2", json!({"merged_into": "crm.lead:1"})),
        ("crm.contact:9", json!({"email": "b@x.example"})),
        (
            "mkt.lead:5",
            json!({"email": "b@x.example", "linked_to": "crm.lead:2"}),
        ),
    ];
    let mut results = Vec::new();
    for turn in 0..records.len() {
        let mut world = World::default();
        for step in 0..records.len() {
            let (key, fields) = &records[(turn + step) % records.len()];
            world = world.record(key, "11-02", fields.clone());
        }
        results.push(persons(world).await);
    }
    results.dedup();
    assert_eq!(results.len(), 1);
}
