//! Scores under a definition that changes.

use jiff::civil::date;
use serde_json::json;

use super::{behaviour, condition, score, scored};
use crate::config::{Decay, Event, Funnel, Group};
use crate::funnel::tests::{Outcome, World, stage, when};

/// A definition in which a form is worth so many points for three days, and 20 make an MQL.
fn forms(points: i64) -> Funnel {
    let form = (Event::Response, "kind = 'form'");
    let large = condition(Group::Demographic, "large", "employees >= 100", 5);
    let form = behaviour("form", form, points, (3, None, Decay::None));
    let mut funnel = scored(vec![score("score", vec![large, form])]);
    funnel.stages[3] = stage("mql", when("score >= 20"));
    funnel.scores[0].stage = Some(3);
    funnel
}

/// The same as the next definition, of the 10th of November.
fn next(funnel: Funnel) -> Funnel {
    Funnel {
        definition: "next".to_owned(),
        effective_from: date(2026, 11, 10),
        ..funnel
    }
}

/// Three large leads, and what they sent: 1 before the change, 2 right before it, 3 after it.
fn world() -> World {
    let large = || json!({"employees": 500, "via": "history"});
    World::default()
        .record("crm.lead:1", "11-01", large())
        .record("crm.lead:2", "11-01", large())
        .record("crm.lead:3", "11-01", large())
        .response("crm.lead:1", "11-03", "form", None)
        .response("crm.lead:2", "11-09", "form", None)
        .response("crm.lead:3", "11-11", "form", None)
}

async fn mqls(outcome: &Outcome) -> Vec<String> {
    let sql = "select e.person_id, e.at, s.definition, e.kind, e.via from evidence e
               join stage_entry s
                   on s.person_id = e.person_id and s.stage = e.stage and s.entered_at = e.at
               where e.stage = 'mql' order by e.person_id, e.at";
    outcome.rows(sql).await
}

// Each definition reckons by its own points over the whole history, and gives what is dated in its
// time; who is above the new threshold already is carried.
#[tokio::test]
async fn each_definition_has_its_own_points() {
    let raised = [&forms(20), &next(forms(10))];
    let outcome = world().derive_over(&raised).await.unwrap();
    assert_eq!(
        mqls(&outcome).await,
        [
            "crm.lead:1|11-03T12:00|q4|enter|event",
            "crm.lead:2|11-09T12:00|q4|enter|event",
        ]
    );
    let lowered = [&forms(10), &next(forms(20))];
    let outcome = world().derive_over(&lowered).await.unwrap();
    assert_eq!(
        mqls(&outcome).await,
        [
            "crm.lead:2|11-10T05:00|next|carry|history",
            "crm.lead:3|11-11T12:00|next|enter|event",
        ]
    );
}

// A score that was high enough under both definitions is no new evidence; nor is one that falls with
// the day on which the new one takes effect.
#[tokio::test]
async fn what_holds_over_the_change_is_no_new_evidence() {
    let world = World::default()
        .record("crm.lead:1", "11-01", json!({"employees": 500}))
        .record("crm.lead:2", "11-01", json!({"employees": 500}))
        .response("crm.lead:1", "11-09", "form", None)
        .response("crm.lead:2", "11-07", "form", None);
    let same = [&forms(20), &next(forms(30))];
    let outcome = world.derive_over(&same).await.unwrap();
    let signs = "select person_id, at, kind from evidence where stage = 'mql' order by person_id";
    assert_eq!(
        outcome.rows(signs).await,
        [
            "crm.lead:1|11-09T12:00|enter",
            "crm.lead:2|11-07T12:00|enter",
        ]
    );
    let world = World::default()
        .record("crm.lead:2", "11-01", json!({"employees": 500}))
        .response("crm.lead:2", "11-07", "form", None);
    let lowered = [&forms(10), &next(forms(20))];
    let outcome = world.derive_over(&lowered).await.unwrap();
    assert_eq!(outcome.rows(signs).await, [""; 0]);
}

// A condition that reads a score disqualifies from the change on, and the state ends with the window.
#[tokio::test]
async fn disqualified_by_a_score() {
    let mut strict = next(forms(20));
    strict.disqualify[0].when = crate::funnel::tests::sql("score >= 20");
    let outcome = world().derive_over(&[&forms(20), &strict]).await.unwrap();
    let signs = "select person_id, at, kind, via from evidence
                 where kind in ('disqualify', 'reinstate') order by person_id, at";
    assert_eq!(
        outcome.rows(signs).await,
        [
            "crm.lead:2|11-10T05:00|disqualify|history",
            "crm.lead:2|11-12T05:00|reinstate|score",
            "crm.lead:3|11-11T12:00|disqualify|event",
            "crm.lead:3|11-14T05:00|reinstate|score",
        ]
    );
}

// What is told of scores is told by the definition in force, and of the entries that it judged.
#[tokio::test]
async fn the_tables_are_of_the_definition_in_force() {
    let funnels = [&forms(20), &next(forms(30))];
    let outcome = world().derive_over(&funnels).await.unwrap();
    let points = "select person_id, max(points) from person_score group by 1 order by 1";
    assert_eq!(
        outcome.rows(points).await,
        ["crm.lead:1|35", "crm.lead:2|35", "crm.lead:3|35"]
    );
    let reasons = "select person_id, at, rule, points from person_score_reason
                   where stage = 'mql' order by 1, 2, 3";
    assert_eq!(
        outcome.rows(reasons).await,
        [
            "crm.lead:3|11-11T12:00|form|30",
            "crm.lead:3|11-11T12:00|large|5",
        ]
    );
}
