//! A definition that changes: which evidence each gives, and what is true already as one takes effect.

use jiff::civil::date;
use serde_json::json;

use super::{Outcome, World, funnel, on, sql, when};
use crate::config::{Event, Funnel, Trigger};
use crate::funnel::FunnelError;

/// A definition whose `mql` has this condition.
fn mql(condition: &str) -> Funnel {
    let mut funnel = funnel();
    funnel.stages[3].triggers = when(condition);
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

/// Leads 1 to 4: 60 points before the change; 60 after it; 85 after it; 60 before and 85 after it.
fn scores() -> World {
    let point = |score: i64| json!({"lead_score": score, "via": "history"});
    World::default()
        .record("crm.lead:1", "11-05", point(60))
        .record("crm.lead:2", "11-12", point(60))
        .record("crm.lead:3", "11-12", point(85))
        .record("crm.lead:4", "11-05", point(60))
        .record("crm.lead:4", "11-12", point(85))
}

async fn mqls(outcome: &Outcome) -> Vec<String> {
    let sql = "select person_id, entered_at, definition, carried, late from stage_entry
               where stage = 'mql' order by person_id";
    outcome.rows(sql).await
}

// Subtlety 21. A threshold is raised: who entered under the former one stays, and the new one counts from its day on.
#[tokio::test]
async fn a_raised_threshold_counts_from_its_day_on() {
    let funnels = [&mql("lead_score >= 50"), &next(mql("lead_score >= 80"))];
    let outcome = scores().derive_over(&funnels).await.unwrap();
    assert_eq!(
        mqls(&outcome).await,
        [
            "crm.lead:1|11-05T12:00|q4|false|false",
            "crm.lead:3|11-12T12:00|next|false|false",
            "crm.lead:4|11-05T12:00|q4|false|false",
        ]
    );
    let signs =
        "select person_id, at, kind from evidence where stage = 'mql' order by person_id, at";
    assert_eq!(
        outcome.rows(signs).await,
        [
            "crm.lead:1|11-05T12:00|enter",
            "crm.lead:3|11-12T12:00|enter",
            "crm.lead:4|11-05T12:00|enter",
            "crm.lead:4|11-12T12:00|enter",
        ]
    );
}

// A threshold is lowered: who is above the new one already stands in the stage from that day on, and
// did not enter it; evidence is known when the day has ended.
#[tokio::test]
async fn a_lowered_threshold_carries() {
    let funnels = [&mql("lead_score >= 80"), &next(mql("lead_score >= 50"))];
    let outcome = scores().derive_over(&funnels).await.unwrap();
    assert_eq!(
        mqls(&outcome).await,
        [
            "crm.lead:1|11-10T05:00|next|true|false",
            "crm.lead:2|11-12T12:00|next|false|false",
            "crm.lead:3|11-12T12:00|next|false|false",
            "crm.lead:4|11-10T05:00|next|true|false",
        ]
    );
    let signs =
        "select person_id, at, known_at, seen_after, via from evidence where kind = 'carry'";
    assert_eq!(
        outcome.rows(signs).await,
        [
            "crm.lead:1|11-10T05:00|2026-11-11T04:59:59.999999Z||history".replace("2026-", ""),
            "crm.lead:4|11-10T05:00|2026-11-11T04:59:59.999999Z||history".replace("2026-", ""),
        ]
    );
}

// With `on_change: enter` they enter it.
#[tokio::test]
async fn a_lowered_threshold_enters_where_it_says_so() {
    let mut lowered = next(mql("lead_score >= 50"));
    lowered.stages[3].enters_on_change = true;
    let funnels = [&mql("lead_score >= 80"), &lowered];
    let outcome = scores().derive_over(&funnels).await.unwrap();
    assert_eq!(
        mqls(&outcome).await[0],
        "crm.lead:1|11-10T05:00|next|false|false"
    );
    assert_eq!(outcome.count("carried"), 0);
}

// A condition that holds under both is no new evidence: who was recycled since stays recycled.
#[tokio::test]
async fn what_held_before_is_no_new_evidence() {
    let world = World::default()
        .record("crm.lead:1", "11-03", json!({"lead_score": 90}))
        .record(
            "crm.lead:1",
            "11-05",
            json!({"lead_score": 90, "status": "Recycled"}),
        );
    let funnels = [&mql("lead_score >= 80"), &next(mql("lead_score >= 50"))];
    let outcome = world.derive_over(&funnels).await.unwrap();
    let entries =
        "select cycle, stage, outcome, carried from stage_entry where stage in ('known', 'mql')
                   order by cycle, stage_order";
    assert_eq!(
        outcome.rows(entries).await,
        [
            "1|known|progressed|false",
            "1|mql|recycled|false",
            "2|known|open|true",
        ]
    );
}

// A condition that ends or begins at the very instant of the change is judged once.
#[tokio::test]
async fn a_turn_at_the_instant_of_the_change() {
    let world = World::default()
        .record("crm.lead:1", "11-03", json!({"lead_score": 60}))
        .record("crm.lead:1", "11-10T05", json!({"lead_score": 20}))
        .record("crm.lead:2", "11-03", json!({"lead_score": 20}))
        .record("crm.lead:2", "11-10T05", json!({"lead_score": 60}));
    let funnels = [&mql("lead_score >= 80"), &next(mql("lead_score >= 50"))];
    let outcome = world.derive_over(&funnels).await.unwrap();
    assert_eq!(
        mqls(&outcome).await,
        ["crm.lead:2|11-10T05:00|next|false|false"]
    );
}

// A definition of another name with the same stages changes nothing but `definition`.
#[tokio::test]
async fn a_renamed_definition_gives_the_same_evidence() {
    let world = || {
        let mut world = scores()
            .opportunity("O1", "11-04", json!({"stage": "Proposal"}))
            .opportunity("O1", "11-15", json!({"stage": "Won", "is_closed": true, "is_won": true, "close_date": "2026-11-09"}))
            .link("O1", "crm.lead:1", json!({"converted": true}))
            .response("crm.lead:2", "11-09", "form", None)
            .activity("crm.lead:2", "11-13", "meeting");
        for (day, status) in [
            ("11-02", "Junk"),
            ("11-06", "New"),
            ("11-08", "Junk"),
            ("11-12", "Working"),
        ] {
            world = world.record(
                "crm.lead:5",
                day,
                json!({"status": status, "email": "a@b.example"}),
            );
        }
        world
    };
    let first = mql("lead_score >= 50");
    let alone = world().derive(&first).await.unwrap();
    let both = world().derive_over(&[&first, &next(first.clone())]).await;
    let both = both.unwrap();
    for table in ["evidence", "stage_entry"] {
        let columns = if table == "evidence" {
            "*"
        } else {
            "person_id, opportunity_id, cycle, stage, stage_order, entered_at, exited_at, outcome, next_stage,
             reason, via, implied, carried, censored, late, net_new, customer, known_at"
        };
        let sql = format!("select {columns} from {table}");
        assert_eq!(both.rows(&sql).await, alone.rows(&sql).await, "{table}");
        assert!(alone.rows(&sql).await.len() > 10, "{table}");
    }
    assert_eq!(both.derived.counts, alone.derived.counts);
}

// To be disqualified is a condition: who is by both definitions stays so, who is by one alone changes
// with it. To be recycled is none.
#[tokio::test]
async fn disqualification_changes_with_the_definition() {
    let status = |status: &str| json!({"status": status, "status_reason": "why"});
    let world = World::default()
        .record("crm.lead:1", "11-03", status("Junk"))
        .record("crm.lead:1", "11-15", status("New"))
        .record("crm.lead:2", "11-03", status("Spam"))
        .record("crm.lead:3", "11-03", status("Disqualified"))
        .record("crm.lead:4", "11-03", status("Nurture"));
    let mut changed = next(funnel());
    changed.disqualify[0].when = sql("status in ('Junk', 'Spam')");
    changed.recycle[0].when = sql("status = 'Nurture'");
    let outcome = world.derive_over(&[&funnel(), &changed]).await.unwrap();
    let signs = "select person_id, at, kind, reason from evidence where kind <> 'enter' order by person_id, at";
    assert_eq!(
        outcome.rows(signs).await,
        [
            "crm.lead:1|11-03T12:00|disqualify|why",
            "crm.lead:1|11-15T12:00|reinstate|",
            "crm.lead:2|11-10T05:00|disqualify|why",
            "crm.lead:3|11-03T12:00|disqualify|why",
            "crm.lead:3|11-10T05:00|reinstate|",
        ]
    );
}

// An opportunity that meets a new condition already is carried; its own instant counts where it is told.
#[tokio::test]
async fn an_opportunity_that_meets_the_condition_is_carried() {
    let world = World::default()
        .record("crm.lead:1", "11-03", json!({}))
        .opportunity("O1", "11-03", json!({"stage": "Discovery"}))
        .opportunity("O2", "11-03", json!({"stage": "Proposal"}))
        .opportunity(
            "O3",
            "11-03",
            json!({"stage": "Lost", "is_closed": true, "close_date": "2026-11-14"}),
        );
    let mut former = funnel();
    former.stages[6].triggers = on(Event::Opportunity, "stage = 'Proposal'", None);
    former.stages[7].triggers = on(Event::Opportunity, "is_won", Some("close_date"));
    let mut changed = next(funnel());
    changed.stages[6].triggers = on(
        Event::Opportunity,
        "stage in ('Proposal', 'Discovery')",
        None,
    );
    let outcome = world.derive_over(&[&former, &changed]).await.unwrap();
    let entries = "select person_id, stage, entered_at, carried, outcome from stage_entry
                   where person_id like 'opportunity:%' order by person_id, stage_order";
    assert_eq!(
        outcome.rows(entries).await,
        [
            "opportunity:O1|opportunity|11-10T05:00|true|open",
            "opportunity:O2|opportunity|11-03T12:00|false|open",
            "opportunity:O3|closed|11-14T05:00|false|lost",
        ]
    );
}

// Who is excluded is for the definition in force at the evidence's instant.
#[tokio::test]
async fn exclusions_follow_the_definition_in_force() {
    let world = World::default()
        .record("crm.lead:1", "11-05", json!({"email": "a@partner.example"}))
        .record("crm.lead:2", "11-12", json!({"email": "b@partner.example"}));
    let mut changed = next(funnel());
    changed.exclude[0].when = sql("email like '%@partner.example'");
    let outcome = world.derive_over(&[&funnel(), &changed]).await.unwrap();
    let sql = "select person_id, stage from stage_entry where stage = 'known'";
    assert_eq!(outcome.rows(sql).await, ["crm.lead:1|known"]);
    assert_eq!(outcome.count("excluded"), 1);
}

// A definition that comes into force after the as-of date waits, and what is wrong in any is told.
#[tokio::test]
async fn a_definition_waits_and_is_planned() {
    let waits = Funnel {
        effective_from: date(2026, 11, 21),
        ..next(mql("lead_score >= 80"))
    };
    let first = mql("lead_score >= 50");
    let outcome = scores().derive_over(&[&first, &waits]).await.unwrap();
    let alone = scores().derive(&first).await.unwrap();
    assert_eq!(mqls(&outcome).await, mqls(&alone).await);
    assert_eq!(outcome.derived.counts, alone.derived.counts);

    let wrong = |column: &str| {
        let mut funnel = funnel();
        funnel.stages[3].triggers = vec![Trigger::Stamp(sql(column))];
        funnel
    };
    let told = scores()
        .derive_over(&[&wrong("mql_on"), &next(wrong("mql_an"))])
        .await;
    let Err(FunnelError::Definition(problems)) = told else {
        panic!("two wrong definitions")
    };
    let told = problems.to_string();
    assert!(
        told.contains("names `mql_on`") && told.contains("names `mql_an`"),
        "{told}"
    );
}
