//! Streams as Salesforce and Marketo export them: one lead that converts and wins, and what they did.

use jiff::civil::date;
use serde_json::{Value, json};

use super::{register, zone};
use crate::config::ColumnType;
use crate::warehouse::Session;

use ColumnType::{Bigint, Boolean, Date, Decimal, Double, String as Text, Timestamp};

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

const CREATED: (&str, ColumnType) = ("createddate", Timestamp);
const DELETED: (&str, ColumnType) = ("isdeleted", Boolean);

pub(super) fn company() -> Session {
    let session = Session::new(date(2026, 11, 20), &zone());
    leads(&session);
    contacts(&session);
    opportunities(&session);
    touches(&session);
    directory(&session);
    marketing(&session);
    session
}

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

/// A row from a day of November on, at ten.
fn version(id: &str, day: &str, fields: &Value) -> Value {
    let from = format!("2026-11-{day}T10:00:00Z");
    let mut row = json!({
        "id": id, "record_id": id, "valid_from": from, "known_at": "2026-11-20T04:59:59Z",
        "deleted": false, "via": "snapshot", "isdeleted": false, "createddate": from,
    });
    let fields = fields.as_object().unwrap().clone();
    row.as_object_mut().unwrap().extend(fields);
    row
}

fn leads(session: &Session) {
    let text = "id firstname lastname email company title country region__c segment__c industry \
                leadsource channel__c status status_reason__c recycle_reason__c ownerid \
                convertedcontactid convertedaccountid convertedopportunityid masterrecordid";
    let other = [
        ("numberofemployees", Bigint),
        ("lead_score__c", Bigint),
        ("mql_date__c", Timestamp),
        ("isconverted", Boolean),
        DELETED,
        CREATED,
    ];
    let mut lead = json!({
        "firstname": "Ann", "lastname": "Lee", "email": " Ann@X.example", "company": "X",
        "leadsource": "Web", "ownerid": "005A", "createddate": "2026-11-02T10:00:00Z",
        "status": "New", "isconverted": false,
    });
    let new = version("00Q1", "02", &lead);
    let converted = json!({
        "status": "Qualified", "isconverted": true, "convertedcontactid": "0031",
        "convertedaccountid": "0011", "convertedopportunityid": "0061",
        "mql_date__c": "2026-11-03T10:00:00Z",
    });
    let converted = converted.as_object().unwrap().clone();
    lead.as_object_mut().unwrap().extend(converted);
    let rows = [new, version("00Q1", "05", &lead)];
    stream(session, "salesforce.lead_history", text, &other, &rows);
}

fn contacts(session: &Session) {
    let text = "id accountid firstname lastname email title ownerid mailingcountry leadsource \
                masterrecordid";
    let contact =
        json!({"accountid": "0011", "firstname": "Ann", "lastname": "Lee", "mailingcountry": "US"});
    let rows = [version("0031", "05", &contact)];
    let other = [DELETED, CREATED];
    stream(session, "salesforce.contact_history", text, &other, &rows);
    let text = "id name type industry billingcountry ownerid";
    let other = [("numberofemployees", Bigint), DELETED, CREATED];
    let account = json!({"name": "X Inc", "numberofemployees": 120});
    let rows = [version("0011", "05", &account)];
    stream(session, "salesforce.account_history", text, &other, &rows);
    stream(session, "salesforce.account", text, &other, &rows);
}

fn opportunities(session: &Session) {
    let text = "id accountid name stagename currencyisocode forecastcategoryname type ownerid \
                nextstep leadsource";
    let other = [
        ("amount", Decimal),
        ("probability", Double),
        ("closedate", Date),
        ("isclosed", Boolean),
        ("iswon", Boolean),
        DELETED,
        CREATED,
    ];
    let deal = |day, stage: &str, closed: bool| {
        let fields = json!({
            "accountid": "0011", "name": "X deal", "stagename": stage, "amount": "5000.0000",
            "probability": 40.0, "type": "New Business", "closedate": "2026-11-12",
            "isclosed": closed, "iswon": closed,
        });
        version("0061", day, &fields)
    };
    let rows = [
        deal("06", "Proposal", false),
        deal("12", "Closed Won", true),
    ];
    stream(
        session,
        "salesforce.opportunity_history",
        text,
        &other,
        &rows,
    );
    let role =
        json!({"opportunityid": "0061", "contactid": "0031", "role": "Buyer", "isprimary": true});
    stream(
        session,
        "salesforce.opportunity_contact_role",
        "id opportunityid contactid role",
        &[("isprimary", Boolean), DELETED, CREATED],
        &[version("00K1", "06", &role)],
    );
}

fn touches(session: &Session) {
    let call = json!({
        "whoid": "00Q1", "ownerid": "005A", "tasksubtype": "Call", "calltype": "Outbound",
        "calldisposition": "Reached", "completeddatetime": "2026-11-04T10:00:00Z",
    });
    let mail = json!({
        "whoid": "0031", "whatid": "0061", "ownerid": "005R", "tasksubtype": "Email",
        "status": "Completed", "completeddatetime": "2026-11-06T10:00:00Z",
    });
    let open = json!({"whoid": "00Q1", "ownerid": "005A", "tasksubtype": "Task", "status": "Open"});
    stream(
        session,
        "salesforce.task",
        "id whoid whatid ownerid tasksubtype subject status calltype calldisposition",
        &[CREATED, ("completeddatetime", Timestamp)],
        &[
            version("00T1", "04", &call),
            version("00T2", "06", &mail),
            version("00T3", "06", &open),
        ],
    );
    let meeting =
        json!({"whoid": "0031", "ownerid": "005A", "startdatetime": "2026-11-07T15:00:00Z"});
    stream(
        session,
        "salesforce.event",
        "id whoid whatid ownerid subject",
        &[
            ("startdatetime", Timestamp),
            ("enddatetime", Timestamp),
            CREATED,
        ],
        &[version("00U1", "04", &meeting)],
    );
}

fn directory(session: &Session) {
    let user = |id, kind: &str| version(id, "01", &json!({"usertype": kind}));
    stream(
        session,
        "salesforce.user",
        "id name email usertype timezonesidkey team__c managerid region__c",
        &[("isactive", Boolean), CREATED],
        &[
            user("005A", "Standard"),
            user("005R", "AutomatedProcess"),
            user("00GQ", "Queue"),
        ],
    );
    stream(
        session,
        "salesforce.campaign",
        "id name type status",
        &[("startdate", Date), ("actualcost", Decimal), CREATED],
        &[],
    );
}

fn marketing(session: &Session) {
    let text = "email firstname lastname company title country sfdcleadid sfdccontactid \
                originalsourcetype";
    let other = [
        ("id", Bigint),
        ("leadscore", Bigint),
        ("createdat", Timestamp),
    ];
    let created = "2026-11-01T10:00:00Z";
    let mut lead = version(
        "7",
        "01",
        &json!({"sfdcleadid": "00Q1", "leadscore": 70, "createdat": created}),
    );
    lead["id"] = json!(7);
    stream(session, "marketo.lead_history", text, &other, &[lead]);
    let response = |id: i64, kind: &str, program: Option<i64>| {
        json!({
            "id": id, "record_id": id.to_string(), "leadid": 7, "activitytype": kind,
            "programid": program, "activitydate": "2026-11-03T09:00:00Z",
            "known_at": "2026-11-20T04:59:59Z",
        })
    };
    stream(
        session,
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
            response(1, "Visit Webpage", None),
            response(2, "Fill Out Form", Some(12)),
            response(3, "Send Email", Some(12)),
        ],
    );
    let program = json!({"name": "Webinar", "channel": "Webinar", "startdate": "2026-11-01"});
    let mut program = version("12", "01", &program);
    program["id"] = json!(12);
    stream(
        session,
        "marketo.program",
        "name type channel status",
        &[
            ("id", Bigint),
            ("startdate", Date),
            ("createdat", Timestamp),
        ],
        &[program],
    );
}
