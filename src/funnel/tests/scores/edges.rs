//! Scores at their edges, by hand.

use serde_json::json;

use super::{behaviour, condition, score, scored};
use crate::config::{Decay, Event, Funnel, Group, Vendor};
use crate::funnel::tests::{Outcome, World, sql, stage, when};

/// The stretches of the score of the first person.
async fn stretches(outcome: &Outcome) -> Vec<String> {
    outcome
        .rows(
            "select valid_from, valid_to, points from person_score order by person_id, valid_from",
        )
        .await
}

fn forms(within_days: u32, points: i64, at_most: Option<i64>, decay: Decay) -> Funnel {
    let form = (Event::Response, "kind = 'form'");
    let rule = behaviour("form", form, points, (within_days, at_most, decay));
    scored(vec![score("score", vec![rule])])
}

// A window of two days is the event's own local day and the next, whatever the hour; midnight is New
// York's.
#[tokio::test]
async fn a_window_ends_at_a_local_midnight() {
    let outcome = World::default()
        .record("crm.lead:1", "11-01", json!({}))
        .response("crm.lead:1", "2026-11-04T04:59:00Z", "form", None)
        .response("crm.lead:1", "2026-11-10T05:00:00Z", "form", None)
        .derive(&forms(2, 10, None, Decay::None))
        .await
        .unwrap();
    let expected = [
        "11-01T12:00|11-04T04:59|0",
        "11-04T04:59|11-05T05:00|10",
        "11-05T05:00|11-10T05:00|0",
        "11-10T05:00|11-12T05:00|10",
        "11-12T05:00||0",
    ];
    assert_eq!(stretches(&outcome).await, expected);
}

// What fades is summed before it is rounded: two events of a point and a half give three, not four.
#[tokio::test]
async fn rounding_comes_after_the_sum() {
    let outcome = World::default()
        .record("crm.lead:1", "11-01", json!({}))
        .response("crm.lead:1", "11-02", "form", None)
        .response("crm.lead:1", "11-02T13", "form", None)
        .derive(&forms(5, 3, None, Decay::HalvesEvery(1)))
        .await
        .unwrap();
    // A quarter of three, twice, is one and a half: halves go away from zero.
    let expected = [
        "11-01T12:00|11-02T12:00|0",
        "11-02T12:00|11-02T13:00|3",
        "11-02T13:00|11-03T05:00|6",
        "11-03T05:00|11-04T05:00|3",
        "11-04T05:00|11-05T05:00|2",
        "11-05T05:00|11-06T05:00|1",
        "11-06T05:00||0",
    ];
    assert_eq!(stretches(&outcome).await, expected);
}

// Points against are capped like points for, and what happened before the person was there counts.
#[tokio::test]
async fn points_against_are_capped() {
    let outcome = World::default()
        .record("crm.lead:1", "11-03", json!({}))
        .response("crm.lead:1", "11-01", "form", None)
        .response("crm.lead:1", "11-04", "form", None)
        .response("crm.lead:1", "11-05", "form", None)
        .derive(&forms(30, -4, Some(9), Decay::None))
        .await
        .unwrap();
    let expected = [
        "11-03T12:00|11-04T12:00|-4",
        "11-04T12:00|11-05T12:00|-8",
        "11-05T12:00||-9",
    ];
    assert_eq!(stretches(&outcome).await, expected);
}

// A deleted person has no score until they return.
#[tokio::test]
async fn the_deleted_have_no_score() {
    let large = condition(Group::Demographic, "large", "employees >= 100", 20);
    let outcome = World::default()
        .record("crm.lead:1", "11-01", json!({"employees": 100}))
        .record(
            "crm.lead:1",
            "11-05",
            json!({"employees": 100, "deleted": true}),
        )
        .record("crm.lead:1", "11-09", json!({"employees": 100}))
        .derive(&scored(vec![score("score", vec![large])]))
        .await
        .unwrap();
    let expected = ["11-01T12:00|11-05T12:00|20", "11-09T12:00||20"];
    assert_eq!(stretches(&outcome).await, expected);
}

// Evidence of a stage that a score enters names the event that made it cross, and when it was known;
// where time alone does, it says so.
#[tokio::test]
async fn evidence_names_what_moved_the_score() {
    let mut funnel = forms(3, 40, None, Decay::None);
    funnel.stages[3] = stage("mql", when("score >= 80"));
    funnel.stages[4] = stage("sal", when("score < 80 and email is not null"));
    let outcome = World::default()
        .record("crm.lead:1", "11-01", json!({"email": "ann@example.com"}))
        .response("crm.lead:1", "11-04", "form", None)
        .response("crm.lead:1", "11-05", "form", None)
        .derive(&funnel)
        .await
        .unwrap();
    let found = outcome
        .rows(
            "select stage, at, via, source, record_id, known_at from evidence
             where stage in ('mql', 'sal') order by at",
        )
        .await;
    let expected = [
        "sal|11-01T12:00|snapshot|crm|1|11-02T04:59:59.999999Z",
        "mql|11-05T12:00|event|crm|r1|11-06T04:59:59.999999Z",
        "sal|11-07T05:00|score|crm|1|11-08T04:59:59.999999Z",
    ];
    assert_eq!(found, expected);
}

// A recycled lead whose score still holds is no new lead until it has fallen and risen again.
#[tokio::test]
async fn a_score_must_fall_before_it_enters_again() {
    let mut funnel = forms(3, 80, Some(80), Decay::None);
    funnel.stages[3] = stage("mql", when("score >= 80"));
    let outcome = World::default()
        .record("crm.lead:1", "11-01", json!({"email": "ann@example.com"}))
        .record(
            "crm.lead:1",
            "11-05T14",
            json!({"email": "ann@example.com", "status": "Recycled"}),
        )
        .response("crm.lead:1", "11-05", "form", None)
        .response("crm.lead:1", "11-06", "form", None)
        .response("crm.lead:1", "11-12", "form", None)
        .derive(&funnel)
        .await
        .unwrap();
    let found = outcome
        .rows(
            "select cycle, entered_at, outcome from stage_entry where stage = 'mql' order by cycle",
        )
        .await;
    assert_eq!(found, ["1|11-05T12:00|recycled", "2|11-12T12:00|open"]);
}

// Who is qualified by the score and by the vendor stands beside one another, for those who are there.
#[tokio::test]
async fn qualified_beside_the_vendor() {
    let large = condition(Group::Demographic, "large", "employees >= 100", 70);
    let mut own = score("score", vec![large]);
    own.qualified_when = Some(sql(
        "score >= 65 and score_demographic >= 20 and email is not null",
    ));
    own.vendor = Some(Vendor {
        points: sql("lead_score"),
        qualified_when: sql("lead_score >= 65"),
    });
    let outcome = World::default()
        .record(
            "crm.lead:1",
            "11-01",
            json!({"email": "1@example.com", "employees": 100, "lead_score": 70}),
        )
        .record(
            "crm.lead:2",
            "11-01",
            json!({"email": "2@example.com", "employees": 100, "lead_score": 10}),
        )
        .record(
            "crm.lead:3",
            "11-01",
            json!({"email": "3@example.com", "lead_score": 90}),
        )
        .record("crm.lead:4", "11-01", json!({"employees": 100}))
        .record(
            "crm.lead:5",
            "11-01",
            json!({"employees": 100, "lead_score": 80, "deleted": true}),
        )
        .derive(&scored(vec![own]))
        .await
        .unwrap();
    let found = outcome
        .rows("select person_id, points, qualified, vendor_points, vendor_qualified from person_qualified order by person_id")
        .await;
    let expected = [
        "crm.lead:1|70|true|70|true",
        "crm.lead:2|70|true|10|false",
        "crm.lead:3|0|false|90|true",
        "crm.lead:4|70|false||false",
    ];
    assert_eq!(found, expected);
}
