//! Canonical SQL: what is shipped, and what a deployment may get wrong.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::civil::date;
use serde_json::{Value, json};

use super::{funnel, register, zone};
use crate::config::ColumnType;
use crate::funnel::{Derived, FunnelError, derive};
use crate::warehouse::{FrameFormat, Relation, Session, relation};

use ColumnType::{Bigint, Boolean, Date, Decimal, String as Text, Timestamp};

const VERSION: [(&str, ColumnType); 9] = [
    ("record_id", Text),
    ("valid_from", Timestamp),
    ("valid_to", Timestamp),
    ("seen_after", Timestamp),
    ("known_at", Timestamp),
    ("deleted", Boolean),
    ("via", Text),
    ("censored", Boolean),
    ("imported", Boolean),
];

/// A stream's table: text columns, then others by type, then those of a history or of events.
fn stream(session: &Session, name: &str, text: &str, other: &[(&str, ColumnType)], rows: &[Value]) {
    let columns: Vec<(&str, ColumnType)> = text
        .split_whitespace()
        .map(|name| (name, Text))
        .chain(other.iter().copied())
        .chain(VERSION)
        .collect();
    let (source, table) = name.split_once('.').unwrap();
    register(session, source, table, &columns, rows);
}

fn version(id: &str, from: &str, fields: Value) -> Value {
    let mut row = json!({
        "id": id, "record_id": id, "valid_from": from, "known_at": "2026-11-20T04:59:59Z",
        "deleted": false, "via": "snapshot", "isdeleted": false, "createddate": from,
    });
    row.as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    row
}

/// Streams as the vendors export them, with one lead that converts and wins, and its web visits.
pub(super) fn company() -> Session {
    let session = Session::new(date(2026, 11, 20), &zone());
    let created = ("createddate", Timestamp);
    let lead = |from: &str, fields: Value| {
        let mut all = json!({
            "firstname": "Ann", "lastname": "Lee", "email": "ann@x.example", "company": "X",
            "leadsource": "Web", "ownerid": "005A", "createddate": "2026-11-02T10:00:00Z",
        });
        all.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        version("00Q1", from, all)
    };
    let converted = json!({
        "status": "Qualified", "isconverted": true, "convertedcontactid": "0031",
        "convertedaccountid": "0011", "convertedopportunityid": "0061", "mql_date__c": "2026-11-03T10:00:00Z",
    });
    stream(
        &session,
        "salesforce.lead_history",
        "id firstname lastname email company title country region__c segment__c industry leadsource \
         channel__c status status_reason__c recycle_reason__c ownerid convertedcontactid \
         convertedaccountid convertedopportunityid masterrecordid",
        &[
            ("numberofemployees", Bigint),
            ("lead_score__c", Bigint),
            ("mql_date__c", Timestamp),
            ("isconverted", Boolean),
            ("isdeleted", Boolean),
            created,
        ],
        &[
            lead(
                "2026-11-02T10:00:00Z",
                json!({"status": "New", "isconverted": false}),
            ),
            lead("2026-11-05T10:00:00Z", converted),
        ],
    );
    stream(
        &session,
        "salesforce.contact_history",
        "id accountid firstname lastname email title ownerid mailingcountry leadsource masterrecordid",
        &[("isdeleted", Boolean), created],
        &[version(
            "0031",
            "2026-11-05T10:00:00Z",
            json!({"accountid": "0011", "firstname": "Ann", "lastname": "Lee", "mailingcountry": "US"}),
        )],
    );
    for table in ["salesforce.account_history", "salesforce.account"] {
        stream(
            &session,
            table,
            "id name type industry billingcountry ownerid",
            &[
                ("numberofemployees", Bigint),
                ("isdeleted", Boolean),
                created,
            ],
            &[version(
                "0011",
                "2026-11-05T10:00:00Z",
                json!({"name": "X Inc", "numberofemployees": 120}),
            )],
        );
    }
    let deal = |from: &str, stage: &str, closed: bool| {
        version(
            "0061",
            from,
            json!({
                "accountid": "0011", "name": "X deal", "stagename": stage, "amount": "5000.0000", "probability": 40.0,
                "type": "New Business", "closedate": "2026-11-12", "isclosed": closed, "iswon": closed,
            }),
        )
    };
    stream(
        &session,
        "salesforce.opportunity_history",
        "id accountid name stagename currencyisocode forecastcategoryname type ownerid nextstep leadsource",
        &[
            ("amount", Decimal),
            ("probability", ColumnType::Double),
            ("closedate", Date),
            ("isclosed", Boolean),
            ("iswon", Boolean),
            ("isdeleted", Boolean),
            created,
        ],
        &[
            deal("2026-11-06T10:00:00Z", "Proposal", false),
            deal("2026-11-12T18:00:00Z", "Closed Won", true),
        ],
    );
    stream(
        &session,
        "salesforce.opportunity_contact_role",
        "id opportunityid contactid role",
        &[("isprimary", Boolean), ("isdeleted", Boolean), created],
        &[version(
            "00K1",
            "2026-11-06T10:00:00Z",
            json!({"opportunityid": "0061", "contactid": "0031", "role": "Buyer", "isprimary": true}),
        )],
    );
    let done = |id: &str, fields: Value| version(id, "2026-11-04T10:00:00Z", fields);
    stream(
        &session,
        "salesforce.task",
        "id whoid whatid ownerid tasksubtype subject status calltype calldisposition",
        &[created, ("completeddatetime", Timestamp)],
        &[
            done(
                "00T1",
                json!({"whoid": "00Q1", "ownerid": "005A", "tasksubtype": "Call", "calltype": "Outbound",
                                "calldisposition": "Reached", "completeddatetime": "2026-11-04T10:00:00Z"}),
            ),
            done(
                "00T2",
                json!({"whoid": "0031", "whatid": "0061", "ownerid": "005R", "tasksubtype": "Email",
                                "status": "Completed", "completeddatetime": "2026-11-06T10:00:00Z"}),
            ),
            done(
                "00T3",
                json!({"whoid": "00Q1", "ownerid": "005A", "tasksubtype": "Task", "status": "Open"}),
            ),
        ],
    );
    stream(
        &session,
        "salesforce.event",
        "id whoid whatid ownerid subject",
        &[
            ("startdatetime", Timestamp),
            ("enddatetime", Timestamp),
            created,
        ],
        &[done(
            "00U1",
            json!({"whoid": "0031", "ownerid": "005A", "startdatetime": "2026-11-07T15:00:00Z"}),
        )],
    );
    stream(
        &session,
        "salesforce.user",
        "id name email usertype timezonesidkey team__c managerid region__c",
        &[("isactive", Boolean), created],
        &[
            version(
                "005A",
                "2026-01-01T00:00:00Z",
                json!({"usertype": "Standard"}),
            ),
            version(
                "005R",
                "2026-01-01T00:00:00Z",
                json!({"usertype": "AutomatedProcess"}),
            ),
        ],
    );
    stream(
        &session,
        "salesforce.campaign",
        "id name type status",
        &[("startdate", Date), ("actualcost", Decimal), created],
        &[],
    );
    stream(
        &session,
        "marketo.lead_history",
        "email firstname lastname company title country sfdcleadid sfdccontactid originalsourcetype",
        &[
            ("id", Bigint),
            ("leadscore", Bigint),
            ("createdat", Timestamp),
        ],
        &[json!({
            "id": 7, "record_id": "7", "sfdcleadid": "00Q1", "leadscore": 70, "createdat": "2026-11-01T10:00:00Z",
            "valid_from": "2026-11-01T10:00:00Z", "known_at": "2026-11-20T04:59:59Z", "deleted": false, "via": "snapshot",
        })],
    );
    let visit = |id: i64, kind: &str, program: Value| {
        json!({
            "id": id, "record_id": id.to_string(), "leadid": 7, "activitytype": kind, "programid": program,
            "activitydate": "2026-11-03T09:00:00Z", "known_at": "2026-11-20T04:59:59Z",
        })
    };
    stream(
        &session,
        "marketo.activity",
        "activitytype primaryattributevalue",
        &[
            ("id", Bigint),
            ("leadid", Bigint),
            ("activitytypeid", Bigint),
            ("programid", Bigint),
            ("activitydate", Timestamp),
        ],
        &[
            visit(1, "Visit Webpage", json!(null)),
            visit(2, "Fill Out Form", json!(12)),
            visit(3, "Send Email", json!(12)),
        ],
    );
    stream(
        &session,
        "marketo.program",
        "name type channel status",
        &[
            ("id", Bigint),
            ("startdate", Date),
            ("createdat", Timestamp),
        ],
        &[],
    );
    session
}

pub(super) fn shipped() -> BTreeMap<String, Vec<Relation>> {
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
    let derived: Derived = derive(&session, &shipped(), &funnel(), &zone())
        .await
        .unwrap();
    assert!(derived.left_out.is_empty());
    assert_eq!(derived.tables.len(), 14);
    let person = "select person_id, name, company, country, employees, status, lead_score, owner_id, is_customer from person";
    assert_eq!(
        rows(&session, person).await,
        ["marketo.lead:7,Ann Lee,X Inc,US,120,Qualified,70,005A,true"]
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
        derive(&session, &canonical, &funnel(), &zone()).await;
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
    let derived = derive(&session, &shipped(), &funnel(), &zone())
        .await
        .unwrap();
    assert_eq!(
        derived.left_out,
        ["queries/canonical/salesforce/activity.sql"]
    );
    assert_eq!(rows(&session, "select count(*) from activity").await, ["1"]);
}
