//! Wrong expressions: what is said, and where.

use super::{World, funnel, on, sql, stage, stamp, when};
use crate::config::{Event, Exit};
use crate::funnel::FunnelError;
use serde_json::json;

async fn refused(change: impl FnOnce(&mut crate::config::Funnel)) -> String {
    let mut funnel = funnel();
    change(&mut funnel);
    let world = World::default().record("crm.lead:1", "11-01", json!({}));
    match world.derive(&funnel).await {
        Err(FunnelError::Definition(problems)) => problems.to_string(),
        Err(other) => panic!("another error: {other}"),
        Ok(_) => panic!("the definition was taken"),
    }
}

// Text that is no SQL is told with the place inside the expression.
#[tokio::test]
async fn no_sql() {
    let text = refused(|funnel| funnel.stages[4] = stage("sal", when("status = = 'x'"))).await;
    assert_eq!(
        text,
        r#"The `when` of stage `sal` is not SQL: Expected: an expression, found: =
 --> funnel.yaml:7:21
  |
7 |     when: "status = = 'x'"
  |                     ^"#
    );
}

// An unknown column is told with its place and the nearest name.
#[tokio::test]
async fn unknown_column() {
    let text =
        refused(|funnel| funnel.stages[4] = stage("sal", when("email is null or statu = 'x'")))
            .await;
    assert_eq!(
        text,
        r#"The `when` of stage `sal` names `statu`, and `person_version` has no such column
 --> funnel.yaml:7:29
  |
7 |     when: "email is null or statu = 'x'"
  |                             ^
  fix: did you mean `status`?"#
    );
}

// So is one of the person beside an event, and a table that is not there.
#[tokio::test]
async fn unknown_column_of_the_person() {
    let text = refused(|funnel| {
        funnel.stages[0] = stage(
            "anonymous",
            on(Event::Response, "person.mail is null", None),
        );
        funnel.stages[6] = stage(
            "opportunity",
            on(Event::Opportunity, "person.email is null", None),
        );
    })
    .await;
    assert_eq!(
        text,
        r#"The `on` of stage `anonymous` names `person.mail`, and `person_version` has no such column
 --> funnel.yaml:7:12
  |
7 |     when: "person.mail is null"
  |            ^
  fix: did you mean `person.email`?

The `on` of stage `opportunity` names `person.email`, and `opportunity_version` has no such column
 --> funnel.yaml:7:12
  |
7 |     when: "person.email is null"
  |            ^
  fix: its columns are `opportunity_id`, `account_id`, `name`, `stage`, `amount`, `currency`, `probability`, `forecast_category`, `type`, `owner_id`, `next_step`, `term_months`, `created_at`, `close_date`, `is_closed`, `is_won`, `valid_from`, `valid_to`, `known_at`, `deleted`, `lead_source`"#
    );
}

// What is not true or false, no time, or cannot be compared, is refused.
#[tokio::test]
async fn wrong_types() {
    let text = refused(|funnel| {
        funnel.stages[3] = stage("mql", stamp("status"));
        funnel.stages[4] = stage("sal", when("lead_score"));
        funnel.stages[5] = stage("sql", when("deleted > valid_from"));
    })
    .await;
    assert_eq!(
        text,
        r#"The `stamp` of stage `mql` gives text, not an instant or a date
 --> funnel.yaml:7:12
  |
7 |     when: "status"
  |            ^

The `when` of stage `sal` gives bigint, not true or false
 --> funnel.yaml:7:12
  |
7 |     when: "lead_score"
  |            ^

The `when` of stage `sql` cannot be planned: Cannot infer common argument type for comparison operation Boolean > Timestamp(µs, "UTC")
 --> funnel.yaml:7:12
  |
7 |     when: "deleted > valid_from"
  |            ^"#
    );
}

// The clock, functions that are not there, and queries have no place in a trigger.
#[tokio::test]
async fn clocks_and_queries() {
    let text = refused(|funnel| {
        funnel.stages[3] = stage("mql", when("created_at < now()"));
        funnel.stages[4] = stage("sal", when("exists (select 1 from person)"));
        funnel.stages[5] = stage("sql", when("sum(lead_score) > 1"));
        funnel.stages[1] = stage("known", when("$as_of > created_at"));
    })
    .await;
    assert_eq!(
        text,
        r#"The `when` of stage `known` holds the parameter `$as_of`
 --> funnel.yaml:7:12
  |
7 |     when: "$as_of > created_at"
  |            ^
  why: evidence is the same whatever day asks for it

The `when` of stage `mql` cannot be planned: Invalid function 'now'
 --> funnel.yaml:7:25
  |
7 |     when: "created_at < now()"
  |                         ^
  fix: name a column: evidence depends on what happened, never on the clock

The `when` of stage `sal` looks at more than one row
 --> funnel.yaml:7:12
  |
7 |     when: "exists (select 1 from person)"
  |            ^
  fix: write an expression over the columns of one row

The `when` of stage `sql` looks at more than one row
 --> funnel.yaml:7:12
  |
7 |     when: "sum(lead_score) > 1"
  |            ^
  fix: write an expression over the columns of one row"#
    );
}

// All that is wrong is told at once, in the order of the file.
#[tokio::test]
async fn all_at_once() {
    let text = refused(|funnel| {
        funnel.stages[7].won_when = Some(sql("is_wonn"));
        funnel.stages[3].required_fields = vec!["e_mail".to_owned()];
        funnel.recycle.push(Exit {
            when: sql("stat = 1"),
            to: 1,
            reason: Some(sql("nothing_like_it")),
        });
        funnel.exclude[0].when = sql("emails like 'x'");
    })
    .await;
    assert_eq!(
        text,
        r#"Stage `mql` requires `e_mail`, and `person_version` has no such column
 --> funnel.yaml:7:12
  |
7 |     when: ""
  |            ^

The `won_when` of stage `closed` names `is_wonn`, and `opportunity_version` has no such column
 --> funnel.yaml:7:12
  |
7 |     when: "is_wonn"
  |            ^
  fix: did you mean `is_won`?

The `when` of `recycle` rule 2 names `stat`, and `person_version` has no such column
 --> funnel.yaml:7:12
  |
7 |     when: "stat = 1"
  |            ^
  fix: did you mean `status`?

The `reason` of `recycle` rule 2 names `nothing_like_it`, and `person_version` has no such column
 --> funnel.yaml:7:12
  |
7 |     when: "nothing_like_it"
  |            ^
  fix: its columns are `person_id`, `email`, `name`, `company`, `country`, `region`, `segment`, `industry`, `employees`, `title`, `lead_source`, `channel`, `status`, `lifecycle_stage`, `lead_score`, `owner_id`, `is_customer`, `created_at`, `valid_from`, `valid_to`, `known_at`, `deleted`, `account_id`, `demo_on`, `last_name`, `mql_at`, `recycle_reason`, `status_reason`

The `when` of the exclusion `internal` names `emails`, and `person_version` has no such column
 --> funnel.yaml:7:12
  |
7 |     when: "emails like 'x'"
  |            ^
  fix: did you mean `email`?"#
    );
}
