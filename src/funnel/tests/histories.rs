//! Worked histories from canonical rows to stage entries, where evidence and walk must agree.

use serde_json::{Value, json};

use super::{World, funnel, sql, stage, stamp, when};
use crate::config::{Exit, Funnel};

const ENTRIES: &str = "select person_id, opportunity_id, cycle, stage, entered_on, outcome, net_new
    from stage_entry where not implied and not carried";

async fn entries(world: &World, funnel: &Funnel) -> Vec<String> {
    world.derive(funnel).await.unwrap().rows(ENTRIES).await
}

fn deal(stage: &str) -> Value {
    let closed = stage == "Won" || stage == "Lost";
    json!({"stage": stage, "is_closed": closed, "is_won": stage == "Won"})
}

// A high score still holds after recycling, and is no new evidence; having fallen in between it is.
#[tokio::test]
async fn what_still_holds_after_recycling_enters_nothing() {
    let funnel = Funnel {
        stages: vec![
            stage("known", when("email is not null")),
            stage("mql", when("lead_score >= 65")),
            stage("sal", when("status = 'Working'")),
        ],
        recycle: vec![Exit {
            when: sql("status = 'Recycled'"),
            to: 0,
            reason: None,
        }],
        ..funnel()
    };
    let mut world = World::default();
    let mut expected = vec![
        "crm.lead:1||1|known|11-02|progressed|true",
        "crm.lead:1||1|mql|11-03|recycled|true",
    ];
    for (from, status, score) in [
        ("11-02", "New", 10),
        ("11-03", "New", 70),
        ("11-04", "Recycled", 70),
        ("11-05", "New", 80),
    ] {
        let fields = json!({"email": "a@x.example", "status": status, "lead_score": score});
        world = world.record("crm.lead:1", from, fields);
    }
    assert_eq!(entries(&world, &funnel).await, expected);

    for (from, score) in [("11-06", 60), ("11-07", 65)] {
        let fields = json!({"email": "a@x.example", "status": "New", "lead_score": score});
        world = world.record("crm.lead:1", from, fields);
    }
    expected.push("crm.lead:1||2|mql|11-07|open|false");
    assert_eq!(entries(&world, &funnel).await, expected);
}

// A corrected stamp moves the entry; a stamp set anew is a second sign, and enters once the lead has
// been recycled in between.
#[tokio::test]
async fn corrections_and_new_stamps() {
    let funnel = Funnel {
        stages: vec![
            stage("known", when("email is not null")),
            stage("mql", stamp("mql_at")),
            stage("sal", when("status = 'Working'")),
        ],
        recycle: vec![Exit {
            when: sql("status = 'Recycled'"),
            to: 0,
            reason: None,
        }],
        ..funnel()
    };
    let version = |mql_at: &str, after: &str, status: &str| json!({"email": "a@x.example", "mql_at": mql_at, "status": status, "seen_after": after});
    let known = World::default().record("crm.lead:1", "11-02", json!({"email": "a@x.example"}));
    let corrected = known
        .record("crm.lead:1", "11-05", version("11-05", "11-04", "New"))
        .record("crm.lead:1", "11-07", version("11-04", "11-06", "New"));
    let first = "crm.lead:1||1|known|11-02|progressed|true";
    assert_eq!(
        entries(&corrected, &funnel).await,
        [first, "crm.lead:1||1|mql|11-04|open|true"]
    );

    let again = corrected
        .record("crm.lead:1", "11-09", version("11-04", "11-08", "Recycled"))
        .record("crm.lead:1", "11-12", version("11-12", "11-11", "New"));
    assert_eq!(
        entries(&again, &funnel).await,
        [
            first,
            "crm.lead:1||1|mql|11-04|recycled|true",
            "crm.lead:1||2|mql|11-12|open|false"
        ]
    );
}

// Reopening withdraws the close and restores the cycle as it was; the next close is the only one.
#[tokio::test]
async fn closing_reopening_and_closing_again() {
    let open = World::default()
        .record("crm.lead:1", "11-01", json!({}))
        .link("O", "crm.lead:1", json!({"converted": true}))
        .opportunity("O", "11-03", deal("Proposal"));
    let worked = |outcome: &str| format!("crm.lead:1|O|1|opportunity|11-03|{outcome}|true");
    let never_closed = entries(&open, &funnel()).await;
    assert_eq!(never_closed, [worked("open")]);

    let won = open.opportunity("O", "11-06", deal("Won"));
    let closed = |on: &str, outcome: &str| format!("crm.lead:1|O|1|closed|{on}|{outcome}|true");
    assert_eq!(
        entries(&won, &funnel()).await,
        [worked("progressed"), closed("11-06", "won")]
    );

    let reopened = won.opportunity("O", "11-09", deal("Proposal"));
    assert_eq!(entries(&reopened, &funnel()).await, never_closed);

    let lost = reopened.opportunity("O", "11-12", deal("Lost"));
    assert_eq!(
        entries(&lost, &funnel()).await,
        [worked("progressed"), closed("11-12", "lost")]
    );
}

// What a direct opportunity did is the person's once somebody links them, and direct no more.
#[tokio::test]
async fn a_later_link_moves_a_direct_opportunity() {
    let world = World::default()
        .record("crm.lead:1", "11-01", json!({"email": "a@x.example"}))
        .opportunity("O", "11-03", deal("Proposal"));
    assert_eq!(
        entries(&world, &funnel()).await,
        [
            "crm.lead:1||1|known|11-01|open|true",
            "opportunity:O|O|1|opportunity|11-03|open|true"
        ]
    );
    let linked = world.link("O", "crm.lead:1", json!({"linked_at": "11-10"}));
    assert_eq!(
        entries(&linked, &funnel()).await,
        [
            "crm.lead:1||1|known|11-01|progressed|true",
            "crm.lead:1|O|1|opportunity|11-03|open|true"
        ]
    );
}

// Being deleted reinstates nobody: who was disqualified has left the funnel already.
#[tokio::test]
async fn deletion_is_no_reinstatement() {
    let version = |status: &str, deleted: bool| json!({"email": "a@x.example", "status": status, "deleted": deleted});
    let world = World::default()
        .record("crm.lead:1", "11-01", version("New", false))
        .record("crm.lead:1", "11-03", version("Junk", false))
        .record("crm.lead:1", "11-05", version("Junk", true));
    let outcome = world.derive(&funnel()).await.unwrap();
    let rows = outcome
        .rows("select cycle, stage, outcome from stage_entry")
        .await;
    assert_eq!(rows, ["1|anonymous|progressed", "1|known|disqualified"]);
}
