//! Signs from predicates and events.

use serde_json::json;

use super::{World, funnel, sql, stage, when};
use crate::config::{Event, Exclusion, Exit, Trigger};

const SIGNS: &str = "select at, stage, kind, via, record_id, reason from evidence where kind <> 'enter' or stage <> 'known'";

// A predicate gives a sign each time it turns true, not while it stays so.
#[tokio::test]
async fn a_predicate_that_turns_true_is_a_sign() {
    let mut world = World::default();
    for (from, status) in [
        ("11-01", "Working"),
        ("11-02", "Working"),
        ("11-03", "New"),
        ("11-04", "Working"),
    ] {
        world = world.record(
            "crm.lead:1",
            from,
            json!({"status": status, "via": "history"}),
        );
    }
    let outcome = world.derive(&funnel()).await.unwrap();
    assert_eq!(
        outcome.rows(SIGNS).await,
        [
            "11-01T12:00|sal|enter|history|1|",
            "11-04T12:00|sal|enter|history|1|"
        ]
    );
}

// Returning from deletion turns a predicate true again.
#[tokio::test]
async fn a_deleted_version_is_false() {
    let world = World::default()
        .record("crm.lead:1", "11-01", json!({"status": "Working"}))
        .record(
            "crm.lead:1",
            "11-02",
            json!({"status": "Working", "deleted": true}),
        )
        .record("crm.lead:1", "11-03", json!({"status": "Working"}));
    let outcome = world.derive(&funnel()).await.unwrap();
    assert_eq!(
        outcome.rows(SIGNS).await,
        [
            "11-01T12:00|sal|enter|snapshot|1|",
            "11-02T12:00||deleted|snapshot|1|",
            "11-03T12:00|sal|enter|snapshot|1|",
        ]
    );
}

// That another record comes first is no sign; that a record joins with its own value is one.
#[tokio::test]
async fn a_change_of_the_winning_record_is_no_sign() {
    let lead = |status: &str, deleted: bool, created: &str| json!({"email": "a@x.example", "rank": 1, "status": status, "deleted": deleted, "created_at": created});
    let world = World::default()
        .record("crm.lead:1", "11-01", lead("Working", false, "11-01"))
        .record("crm.lead:2", "11-02", lead("New", false, "11-02"))
        .record("crm.lead:2", "11-03", lead("New", true, "11-02"))
        .record("crm.lead:3", "11-05", lead("Qualified", false, "11-05"));
    let outcome = world.derive(&funnel()).await.unwrap();
    assert_eq!(
        outcome.rows(SIGNS).await,
        [
            "11-01T12:00|sal|enter|snapshot|1|",
            "11-05T12:00|sql|enter|snapshot|3|"
        ]
    );
}

// Recycling and disqualification carry their reason; reinstatement follows when the rule is over.
#[tokio::test]
async fn leaving_and_coming_back() {
    let mut world = World::default();
    for (from, status) in [
        ("11-01", "New"),
        ("11-02", "Junk"),
        ("11-03", "Disqualified"),
        ("11-04", "New"),
        ("11-05", "Recycled"),
    ] {
        world = world.record(
            "crm.lead:1",
            from,
            json!({"status": status, "status_reason": "spam", "recycle_reason": "timing"}),
        );
    }
    let outcome = world.derive(&funnel()).await.unwrap();
    assert_eq!(
        outcome.rows(SIGNS).await,
        [
            "11-02T12:00|known|disqualify|snapshot|1|spam",
            "11-04T12:00|known|reinstate|snapshot|1|",
            "11-05T12:00|known|recycle|snapshot|1|timing",
        ]
    );
}

// Two rules that hold at once end one by one.
#[tokio::test]
async fn each_disqualification_has_its_own_end() {
    let mut funnel = funnel();
    funnel.disqualify.push(Exit {
        when: sql("company = 'Rival'"),
        to: 1,
        reason: None,
    });
    let mut world = World::default();
    for (from, status, company) in [
        ("11-01", "Junk", "Rival"),
        ("11-02", "New", "Rival"),
        ("11-03", "New", "Acme"),
    ] {
        world = world.record(
            "crm.lead:1",
            from,
            json!({"status": status, "company": company}),
        );
    }
    let outcome = world.derive(&funnel).await.unwrap();
    let rows = outcome
        .rows("select at, kind from evidence order by at, kind")
        .await;
    assert_eq!(
        rows,
        [
            "11-01T12:00|disqualify",
            "11-01T12:00|disqualify",
            "11-02T12:00|reinstate",
            "11-03T12:00|reinstate"
        ]
    );
}

// An event is a sign where the predicate holds for it, and for the person as of it.
#[tokio::test]
async fn events_see_the_person_as_of_then() {
    let world = World::default()
        .record("mkt.lead:1", "11-02", json!({}))
        .record("mkt.lead:1", "11-04", json!({"email": "a@x.example"}))
        .response("mkt.lead:1", "11-01", "web", Some("P"))
        .response("mkt.lead:1", "11-03", "web", Some("P"))
        .response("mkt.lead:1", "11-04", "form", Some("P"))
        .response("mkt.lead:1", "11-05", "web", Some("P"))
        .response("mkt.lead:9", "11-05", "form", Some("P"));
    let outcome = world.derive(&funnel()).await.unwrap();
    let rows = outcome
        .rows("select at, stage, via, record_id, source from evidence")
        .await;
    assert_eq!(
        rows,
        [
            "11-01T12:00|anonymous|event|r0|crm",
            "11-03T12:00|anonymous|event|r1|crm",
            "11-04T12:00|known|snapshot|1|mkt",
            "11-04T12:00|responded|event|r2|crm",
        ]
    );
    assert_eq!(outcome.count("events_unknown"), 1);
    let persons = outcome
        .rows("select response_id, person_id from response where response_id = 'r4'")
        .await;
    assert_eq!(persons, ["r4|"]);
}

// An event without a predicate is a sign whatever it is.
#[tokio::test]
async fn a_bare_event_is_a_sign() {
    let mut funnel = funnel();
    funnel.stages[4] = stage(
        "sal",
        vec![Trigger::On {
            event: Event::Activity,
            predicate: None,
            at: None,
        }],
    );
    let world = World::default()
        .record("crm.lead:1", "11-01", json!({}))
        .activity("crm.lead:1", "11-02", "call");
    let outcome = world.derive(&funnel).await.unwrap();
    assert_eq!(
        outcome.rows(SIGNS).await,
        ["11-02T12:00|sal|enter|event|a0|"]
    );
}

// Signs after the as-of day wait, and are counted.
#[tokio::test]
async fn the_future_waits() {
    let world = World::default()
        .record("crm.lead:1", "11-01", json!({"mql_at": "11-21"}))
        .activity("crm.lead:1", "11-22", "meeting")
        .response("crm.lead:1", "11-22", "form", None);
    let outcome = world.derive(&funnel()).await.unwrap();
    assert!(outcome.rows(SIGNS).await.is_empty());
    assert_eq!(outcome.count("evidence_waiting"), 2);
}

// What the first snapshot shows has no known time; so it says.
#[tokio::test]
async fn the_first_snapshot_is_censored() {
    let world = World::default().record(
        "crm.lead:1",
        "11-01",
        json!({"status": "Working", "censored": true, "imported": true, "mql_at": "11-01"}),
    );
    let outcome = world.derive(&funnel()).await.unwrap();
    let rows = outcome
        .rows("select stage, via, censored, imported from evidence")
        .await;
    assert_eq!(rows, ["mql|stamp|false|true", "sal|snapshot|true|true"]);
}

// Subtlety 5. An exclusion is judged at the instant of the evidence, or over all versions if it says so.
#[tokio::test]
async fn exclusion_as_of_the_sign_or_ever() {
    let world = || {
        World::default()
            .record(
                "crm.lead:1",
                "11-01",
                json!({"email": "a@x.example", "status": "Working"}),
            )
            .record(
                "crm.lead:1",
                "11-03",
                json!({"email": "a@acme.example", "status": "Qualified"}),
            )
    };
    let rows = "select stage, excluded from evidence";
    let then = world().derive(&funnel()).await.unwrap();
    assert_eq!(
        then.rows(rows).await,
        ["known|false", "sal|false", "sql|true"]
    );
    let mut funnel = funnel();
    funnel.exclude = vec![Exclusion {
        name: "internal".to_owned(),
        when: sql("email like '%@acme.example'"),
        ever: true,
    }];
    let ever = world().derive(&funnel).await.unwrap();
    assert_eq!(
        ever.rows(rows).await,
        ["known|true", "sal|true", "sql|true"]
    );
}

// Cleared values are signs too, where a predicate asks for them.
#[tokio::test]
async fn a_cleared_value_can_be_a_sign() {
    let mut funnel = funnel();
    funnel.stages[4] = stage("sal", when("owner_id is null and company = 'Acme'"));
    let world = World::default()
        .record(
            "crm.lead:1",
            "11-01",
            json!({"company": "Acme", "owner_id": "u"}),
        )
        .record("crm.lead:1", "11-02", json!({"company": "Acme"}));
    let outcome = world.derive(&funnel).await.unwrap();
    assert_eq!(
        outcome.rows(SIGNS).await,
        ["11-02T12:00|sal|enter|snapshot|1|"]
    );
}
