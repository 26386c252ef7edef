//! Wrong rules: what is said, and where.

use serde_json::json;

use super::{behaviour, condition, score, scored};
use crate::config::{Decay, Event, Group, Score, Vendor};
use crate::funnel::FunnelError;
use crate::funnel::tests::{World, sql, stage, when};

async fn refused(scores: Vec<Score>, predicate: &str) -> String {
    let mut funnel = scored(scores);
    funnel.stages[3] = stage("mql", when(predicate));
    let world = World::default().record("crm.lead:1", "11-01", json!({}));
    match world.derive(&funnel).await {
        Err(FunnelError::Definition(problems)) => problems.to_string(),
        Err(other) => panic!("another error: {other}"),
        Ok(_) => panic!("the definition was taken"),
    }
}

fn large() -> crate::config::ScoreRule {
    condition(Group::Demographic, "large", "employees >= 100", 20)
}

// Unknown columns in rules, and a rule or a stage that names a score which is not there, are all told
// at once.
#[tokio::test]
async fn unknown_columns() {
    let window = || (30, None, Decay::None);
    let rules = vec![
        condition(Group::Demographic, "large", "employes >= 100", 20),
        condition(Group::Situational, "scored", "score_demographic > 1", 5),
        behaviour("form", (Event::Response, "knd = 'form'"), 5, window()),
        behaviour(
            "call",
            (Event::Activity, "person.emial is null"),
            5,
            window(),
        ),
    ];
    let text = refused(vec![score("score", rules)], "scores >= 65").await;
    let first_lines: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("The ") || line.starts_with("  fix: did"))
        .collect();
    assert_eq!(
        first_lines,
        [
            "The `when` of rule `large` of the score `score` names `employes`, and `person_version` has no such column",
            "  fix: did you mean `employees`?",
            "The `when` of rule `scored` of the score `score` names `score_demographic`, and `person_version` has no such column",
            "The `on` of rule `form` of the score `score` names `knd`, and `response` has no such column",
            "  fix: did you mean `kind`?",
            "The `on` of rule `call` of the score `score` names `person.emial`, and `person_version` has no such column",
            "  fix: did you mean `person.email`?",
            "The `when` of stage `mql` names `scores`, and `person_version` has no such column",
            "  fix: did you mean `score`?",
        ]
    );
}

// A score may not take the name of a column that is there.
#[tokio::test]
async fn a_name_that_is_taken() {
    let text = refused(vec![score("lead_score", vec![large()])], "lead_score > 1").await;
    assert!(
        text.starts_with(
            "The score `lead_score` gives `lead_score`, and `person_version` has a column of that name
 --> funnel.yaml:7:12
  |
7 |     when: \"\"
  |            ^
  fix: give the score another name"
        ),
        "{text}"
    );
}

// What qualifies must be true or false, and the vendor's points whole numbers.
#[tokio::test]
async fn wrong_types() {
    let mut own = score("score", vec![large()]);
    own.qualified_when = Some(sql("score"));
    own.vendor = Some(Vendor {
        points: sql("email"),
        qualified_when: sql("score > 1"),
    });
    let text = refused(vec![own], "score >= 65").await;
    let told: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("The "))
        .collect();
    assert_eq!(
        told,
        [
            "The `qualified_when` of the score `score` gives bigint, not true or false",
            "The `points` of the vendor's score beside `score` gives text, not a whole number",
            "The `qualified_when` of the vendor's score beside `score` names `score`, and `person_version` has no such column",
        ]
    );
}
