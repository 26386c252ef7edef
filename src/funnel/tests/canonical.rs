//! Canonical SQL: what is shipped, and what a deployment may get wrong.

use std::collections::BTreeMap;
use std::path::Path;

use super::vendor::company;
use super::{funnel, zone};
use crate::funnel::derive::Derived;
use crate::funnel::{FunnelError, derive};
use crate::warehouse::query::relation;
use crate::warehouse::{FrameFormat, Relation, Session};

fn shipped() -> BTreeMap<String, Vec<Relation>> {
    let load = |source: &str| {
        let folder = format!("canonical/{source}");
        (
            source.to_owned(),
            relation::load(&folder, Path::new("nowhere")).unwrap(),
        )
    };
    ["salesforce", "marketo"].map(load).into()
}

async fn rows(session: &Session, sql: &str) -> Vec<String> {
    let frame = session.query("test", sql).await.unwrap();
    let csv = String::from_utf8(frame.bytes(FrameFormat::Csv).unwrap()).unwrap();
    csv.lines()
        .skip(1)
        .map(|line| line.replace(":00Z", ":00"))
        .collect()
}

// The shipped queries turn vendors' exports into one person with everything that happened to them.
#[tokio::test]
async fn what_is_shipped() {
    let session = company();
    let derived: Derived = derive(&session, &shipped(), &[&funnel()], &zone())
        .await
        .unwrap();
    assert!(derived.left_out.is_empty());
    assert_eq!(derived.tables.len(), 17);
    let person = "select person_id, email, name, company, country, employees, status, lead_score, owner_id, is_customer from person";
    assert_eq!(
        rows(&session, person).await,
        ["marketo.lead:7,ann@x.example,Ann Lee,X Inc,US,120,Qualified,70,005A,true"]
    );
    let touches = "select activity_id, person_id is not null as known, opportunity_id, kind, direction, automated, occurred_at, outcome
                   from activity order by occurred_at, activity_id";
    assert_eq!(
        rows(&session, touches).await,
        [
            "3,true,,email,outbound,true,2026-11-03T09:00:00,",
            "00T1,true,,call,outbound,false,2026-11-04T10:00:00,Reached",
            "00T2,true,0061,email,outbound,true,2026-11-06T10:00:00,Completed",
            "00U1,true,,meeting,,false,2026-11-07T15:00:00,",
        ]
    );
    let responses = "select response_id, kind, success, campaign_id from response order by 1";
    assert_eq!(
        rows(&session, responses).await,
        ["1,web,false,", "2,form,true,12"]
    );
    let opportunity =
        "select opportunity_id, stage, amount, probability, is_won, close_date from opportunity";
    assert_eq!(
        rows(&session, opportunity).await,
        ["0061,Closed Won,5000.0000,0.4,true,2026-11-12"]
    );
    let entries =
        "select stage, entered_on, implied, outcome from stage_entry order by stage_order";
    assert_eq!(
        rows(&session, entries).await,
        [
            "anonymous,2026-11-02,true,progressed",
            "known,2026-11-02,false,progressed",
            "responded,2026-11-03,false,progressed",
            "mql,2026-11-03,false,progressed",
            "sal,2026-11-05,true,progressed",
            "sql,2026-11-05,false,progressed",
            "opportunity,2026-11-06,false,progressed",
            "closed,2026-11-12,false,won",
        ]
    );
}

async fn refused(table: &str, sql: &str) -> String {
    let session = company();
    let file = format!("queries/canonical/own/{table}.sql");
    let own = Relation::parse(table, &file, sql).unwrap();
    let mut canonical = shipped();
    canonical.insert("own".to_owned(), vec![own]);
    let result: Result<Derived, FunnelError> =
        derive(&session, &canonical, &[&funnel()], &zone()).await;
    result.unwrap_err().to_string()
}

// A canonical query that gives a column in a type that cannot be read says which, not what is in it.
#[tokio::test]
async fn wrong_columns() {
    let sql = "select 'x' as stream, '1' as record_id, 'many' as employees, valid_from, known_at, deleted from marketo.lead_history";
    assert_eq!(
        refused("person_version", sql).await,
        "`queries/canonical/own/person_version.sql` gives `employees` as text; bigint is expected"
    );
    let sql = "select 'x' as stream, '1' as record_id, local_date(valid_from) as created_at, valid_from, known_at, deleted from marketo.lead_history";
    assert_eq!(
        refused("person_version", sql).await,
        "`queries/canonical/own/person_version.sql` gives `created_at` as a date; an instant is expected"
    );
    assert_eq!(
        refused("response", "select '1' as response_id").await,
        "`queries/canonical/own/response.sql` gives no column `record_key`"
    );
}

// A query over a stream that never arrived is left out, and said so; the rest goes on.
#[tokio::test]
async fn a_stream_that_never_arrived() {
    let session = company();
    session
        .context()
        .deregister_table("salesforce.task")
        .unwrap();
    let derived = derive(&session, &shipped(), &[&funnel()], &zone())
        .await
        .unwrap();
    let told: Vec<String> = derived.left_out.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "`queries/canonical/salesforce/activity.sql` is left out: `salesforce.task` has never arrived"
        ]
    );
    assert_eq!(rows(&session, "select count(*) from activity").await, ["1"]);
    session
        .context()
        .deregister_table("salesforce.contact_history")
        .unwrap();
    let error = derive(&session, &shipped(), &[&funnel()], &zone())
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with(
            "`queries/canonical/salesforce/person_version.sql` is left out: \
             `salesforce.contact_history` has never arrived, and the definition needs more than is \
             there\nThe `stamp` of stage `mql` names `mql_at`"
        ),
        "{text}"
    );
}
