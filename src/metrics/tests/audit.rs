//! The audit over a company of a few persons, each figure counted by hand.

use std::collections::BTreeMap;

use jiff::civil::date;
use serde_json::{Value, json};

use super::fixture::{config, entry, session};
use super::rows;
use crate::config::{ColumnType, Config, Exit, Sql, Trigger};
use crate::metrics::{audit::audit, inputs, measure};
use crate::problem::Place;
use crate::warehouse::Session;

use ColumnType::{Bigint, Boolean, String as Text, Timestamp};

const PERSON_VERSION: [(&str, ColumnType); 6] = [
    ("person_id", Text),
    ("email", Text),
    ("status", Text),
    ("valid_from", Timestamp),
    ("valid_to", Timestamp),
    ("deleted", Boolean),
];

const RECORD_VERSION: [(&str, ColumnType); 19] = [
    ("person_id", Text),
    ("record_no", Bigint),
    ("version_no", Bigint),
    ("valid_to", Timestamp),
    ("source", Text),
    ("stream", Text),
    ("record_id", Text),
    ("email", Text),
    ("status", Text),
    ("lifecycle_stage", Text),
    ("lead_score", Bigint),
    ("lead_source", Text),
    ("owner_id", Text),
    ("created_at", Timestamp),
    ("rank", Bigint),
    ("valid_from", Timestamp),
    ("deleted", Boolean),
    ("merged_into", Text),
    ("converted_to", Text),
];

const EVIDENCE: [(&str, ColumnType); 11] = [
    ("person_id", Text),
    ("at", Timestamp),
    ("stage", Text),
    ("stage_order", Bigint),
    ("kind", Text),
    ("via", Text),
    ("record_id", Text),
    ("opportunity_id", Text),
    ("censored", Boolean),
    ("date_only", Boolean),
    ("excluded", Boolean),
];

/// Instants of the autumn of 2026, by day of November and time.
fn at(day: u8, time: &str) -> String {
    format!("2026-11-{day:02}T{time}Z")
}

/// mql by a status, sal by two statuses of which one is mql's too; recycling by a third.
fn company() -> Config {
    let sql = |text: &str| Sql {
        text: text.to_owned(),
        place: Place::of("funnel.yaml", "", 1, 1),
    };
    let mut config = config();
    let stages = &mut config.funnel.stages;
    stages[0].triggers = vec![Trigger::When(sql("email is not null"))];
    stages[1].triggers = vec![Trigger::When(sql("status in ('Hot', 'Both')"))];
    stages[2].triggers = vec![Trigger::When(sql("status = 'Both' -- agreed"))];
    config.funnel.recycle = vec![Exit {
        when: sql("status = 'Back'"),
        to: 0,
        reason: None,
    }];
    config
}

fn empty(session: &Session, name: &'static str, columns: &[(&str, ColumnType)]) {
    inputs::table::<()>(session, name, columns, &[]).unwrap();
}

async fn audited(
    config: &Config,
    persons: &[Value],
    records: &[Value],
    evidence: &[Value],
) -> Session {
    let session = session(
        config,
        date(2026, 11, 19),
        &[entry("a", "mql", "2026-11-05")],
    );
    inputs::table(&session, "person_version", &PERSON_VERSION, persons).unwrap();
    inputs::table(
        &session,
        "record_version",
        &RECORD_VERSION,
        &placed(records),
    )
    .unwrap();
    inputs::table(&session, "evidence", &EVIDENCE, evidence).unwrap();
    let versions = [
        ("opportunity_id", Text),
        ("stage", Text),
        ("valid_from", Timestamp),
        ("valid_to", Timestamp),
        ("deleted", Boolean),
    ];
    empty(&session, "opportunity_version", &versions);
    let events = |id| {
        [
            (id, Text),
            ("kind", Text),
            ("person_id", Text),
            ("occurred_at", Timestamp),
        ]
    };
    empty(&session, "activity", &events("activity_id"));
    empty(&session, "response", &events("response_id"));
    measure(&session, config).await.unwrap();
    let counts = BTreeMap::from([("entered".to_owned(), 7), ("ignored_quiet".to_owned(), 3)]);
    audit(&session, config, &counts).await.unwrap();
    session
}

/// The versions of records, in order, with the places that the funnel gives them; each record is of the
/// person that its id begins with.
fn placed(records: &[Value]) -> Vec<Value> {
    let key = |it: &Value| format!("{}{}{}", it["source"], it["stream"], it["record_id"]);
    let keys: Vec<String> = records.iter().map(key).collect();
    let place = |(row, record): (usize, &Value)| {
        let same = |other: &usize| keys[*other] == keys[row];
        let next = (row + 1..keys.len()).find(same);
        let mut record = record.clone();
        let id = record["record_id"].as_str().unwrap().to_owned();
        record["person_id"] = id.split('-').next().into();
        record["record_no"] = keys.iter().position(|it| *it == keys[row]).into();
        record["version_no"] = (0..=row).filter(same).count().into();
        record["valid_to"] = next.map_or(Value::Null, |next| records[next]["valid_from"].clone());
        record
    };
    records.iter().enumerate().map(place).collect()
}

/// A value maps to the stages whose conditions read its field and hold: to one, to two at once, to an
/// exit, or to nothing; and no value of a column that names a person is shown.
#[tokio::test]
async fn values_map_to_stages() {
    let version = |person: &str, status: Option<&str>, from: String, to: Option<String>| {
        json!({"person_id": person, "email": format!("{person}@x.example"), "status": status,
            "valid_from": from, "valid_to": to, "deleted": false})
    };
    let persons = [
        version("a", Some("Hot"), at(1, "12:00:00"), Some(at(2, "12:00:00"))),
        version("a", Some("Both"), at(2, "12:00:00"), None),
        version("b", Some("Odd"), at(3, "12:00:00"), None),
        version("c", Some("Odd"), at(4, "12:00:00"), Some(at(5, "12:00:00"))),
        version("c", Some("Back"), at(5, "12:00:00"), None),
        version("d", Some("  "), at(6, "12:00:00"), None),
    ];
    let session = audited(&company(), &persons, &[], &[]).await;
    let sql = "select field, value, ever, now, cast(first_on as varchar) as first_on, cast(last_on as varchar) as last_on,
                      stages, exits, maps_to from audit_value";
    let row = |value: Option<&str>,
               (ever, now): (i64, i64),
               (first, last): (&str, &str),
               stages: Option<&str>,
               exits: Option<&str>,
               maps: &str| {
        json!({"field": "status", "value": value, "ever": ever, "now": now,
            "first_on": format!("2026-11-{first}"), "last_on": format!("2026-11-{last}"),
            "stages": stages, "exits": exits, "maps_to": maps})
    };
    assert_eq!(
        rows(&session, sql).await,
        [
            row(
                Some("Back"),
                (1, 1),
                ("05", "19"),
                None,
                Some("recycle"),
                "one"
            ),
            row(
                Some("Both"),
                (1, 1),
                ("02", "19"),
                Some("mql, sal"),
                None,
                "several"
            ),
            row(Some("Hot"), (1, 0), ("01", "02"), Some("mql"), None, "one"),
            row(Some("Odd"), (2, 1), ("03", "19"), None, None, "none"),
            row(None, (1, 1), ("06", "19"), None, None, "none"),
        ]
    );
}

/// A change counts where it was made first; it arrives, is overtaken, or waits; who stands on one side
/// alone and who says something else is told by record.
#[tokio::test]
async fn systems_are_compared() {
    let version = |source: &str, person: &str, score: i64, from: String| {
        json!({"source": source, "stream": "lead", "record_id": format!("{person}-{source}"),
            "lead_score": score, "created_at": at(1, "00:00:00"), "rank": 1, "valid_from": from,
            "deleted": false})
    };
    let records = [
        // Arrives after 10 minutes; then one is overtaken, and the last has waited since the 19th, noon.
        version("crm", "a", 5, at(1, "00:00:00")),
        version("crm", "a", 10, at(2, "00:10:00")),
        version("map", "a", 5, at(1, "00:00:00")),
        version("map", "a", 10, at(2, "00:00:00")),
        version("map", "a", 20, at(3, "00:00:00")),
        version("map", "a", 30, at(19, "17:00:00")),
        // The same on both sides; and one that the other side has not.
        version("crm", "b", 7, at(1, "00:00:00")),
        version("map", "b", 7, at(1, "00:00:00")),
        version("map", "c", 1, at(1, "00:00:00")),
    ];
    let session = audited(&company(), &[], &records, &[]).await;
    let sql = "select source, field, both, here_only, differ, changes, arrived, minutes_p50, overtaken, waiting, oldest_days
               from audit_sync";
    let crm_score = json!({"source": "crm", "field": "lead_score", "both": 2, "here_only": null, "differ": 1, "changes": 0,
        "arrived": 0, "minutes_p50": null, "overtaken": 0, "waiting": 0, "oldest_days": null});
    let crm = json!({"source": "crm", "field": null, "both": 2, "here_only": 0, "differ": null, "changes": 0,
        "arrived": 0, "minutes_p50": null, "overtaken": 0, "waiting": 0, "oldest_days": null});
    let found = rows(&session, sql).await;
    assert_eq!(found[..2], [crm_score, crm]);
    let score = &found[2];
    let counts = [
        "both",
        "differ",
        "changes",
        "arrived",
        "overtaken",
        "waiting",
    ];
    assert_eq!(
        counts.map(|name| score[name].as_i64().unwrap()),
        [2, 1, 3, 1, 1, 1]
    );
    assert_eq!(score["minutes_p50"], 10.0);
    // From noon of New York to the end of the day.
    assert!(
        (score["oldest_days"].as_f64().unwrap() - 0.5).abs() < 1e-6,
        "{score}"
    );
    assert_eq!(found[3]["here_only"], 1);
    let sql =
        "select kind, field, record_id, value, other_record_id, other_value from audit_sync_record";
    assert_eq!(
        rows(&session, sql).await,
        [
            json!({"kind": "differs", "field": "lead_score", "record_id": "a-crm", "value": "10",
            "other_record_id": "a-map", "other_value": "30"})
        ],
        "c never reached the stage that was promised"
    );
}

/// A trigger without evidence never fired, one that fell still is silent, and one whose sign comes after
/// that of a higher stage fires backwards. What an exclusion took is left out.
#[tokio::test]
async fn triggers_are_watched() {
    let sign = |person: &str, stage: &str, order: i64, at: String| {
        json!({"person_id": person, "at": at, "stage": stage, "stage_order": order, "kind": "enter",
            "via": "history", "record_id": "r", "censored": false, "date_only": false, "excluded": false})
    };
    let mut evidence = vec![
        sign("a", "mql", 2, at(9, "00:00:00")),
        sign("a", "sal", 3, at(7, "00:00:00")),
        sign("b", "mql", 2, at(7, "00:00:00")),
        sign("b", "sal", 3, at(8, "00:00:00")),
    ];
    evidence.push(sign("c", "mql", 2, at(7, "00:00:00")));
    evidence[4]["excluded"] = json!(true);
    // 40 in the half year before, and none in 28 days.
    evidence.extend((1..=40).map(|n| {
        sign(
            &format!("k{n}"),
            "known",
            1,
            "2026-08-01T12:00:00Z".to_owned(),
        )
    }));
    let session = audited(&company(), &[], &[], &evidence).await;
    let sql = "select kind, stage, n, n_28, n_before, state, ordered, backwards, backwards_days from audit_trigger";
    let row = |(kind, stage): (&str, &str),
               [n, recent, before]: [i64; 3],
               state: &str,
               [ordered, backwards]: [i64; 2],
               days: Option<f64>| {
        json!({"kind": kind, "stage": stage, "n": n, "n_28": recent, "n_before": before, "state": state,
            "ordered": ordered, "backwards": backwards, "backwards_days": days})
    };
    assert_eq!(
        rows(&session, sql).await,
        [
            row(("recycle", "known"), [0, 0, 0], "never", [0, 0], None),
            row(("when", "known"), [40, 0, 40], "silent", [0, 0], None),
            row(("when", "mql"), [2, 2, 0], "fires", [2, 1], Some(2.0)),
            row(("when", "sal"), [2, 2, 0], "fires", [0, 0], None),
        ]
    );
    let sql = "select name, n, total from audit_rule order by name";
    assert_eq!(
        rows(&session, sql).await,
        [
            json!({"name": "entered", "n": 7, "total": 10}),
            json!({"name": "ignored_quiet", "n": 3, "total": 10}),
        ]
    );
}

/// Two live records of one person in one stream stand twice; an address of two persons is shared.
#[tokio::test]
async fn duplicates_are_found() {
    let record = |id: &str, email: &str| {
        json!({"source": "crm", "stream": "lead", "record_id": id, "email": email, "rank": 1,
            "created_at": at(1, "00:00:00"), "valid_from": at(1, "00:00:00"), "deleted": false})
    };
    let mut records = vec![
        record("a-1", "a@x.example"),
        record("a-2", "A@x.example"),
        record("b-1", "info@x.example"),
        record("c-1", "info@x.example"),
        record("d-1", "d@x.example"),
        record("d-2", "d@x.example"),
    ];
    records[5]["merged_into"] = json!("crm.lead:d-1");
    let session = audited(&company(), &[], &records, &[]).await;
    let sql = "select cause, record_id, group_id, group_n from audit_duplicate";
    let row = |cause: &str, id: &str, group: &str| json!({"cause": cause, "record_id": id, "group_id": format!("crm.lead:{group}"), "group_n": 2});
    assert_eq!(
        rows(&session, sql).await,
        [
            row("same_person", "a-1", "a-1"),
            row("same_person", "a-2", "a-1"),
            row("shared_address", "b-1", "b-1"),
            row("shared_address", "c-1", "b-1"),
        ]
    );
}
