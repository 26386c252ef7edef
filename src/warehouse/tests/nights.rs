//! History from snapshots alone.

use serde_json::json;

use super::*;
use crate::config::ColumnType::Double;

// What the first snapshot shows is censored, unless the record tells that it was just made.
#[tokio::test]
async fn the_first_snapshot_tells_little() {
    let house = House::new();
    let rows = [
        "old New 1 01T09:00 03T10:00",
        "today New 1 05T09:00 05T10:00",
        "untouched New 1 02T09:00 02T09:00",
        "unknown New 1 - 03T10:00",
        "tomorrow New 1 06T01:00 06T01:00",
    ];
    let recorded = house.night(&leads(nov(5), &rows), None).await;
    assert_eq!((recorded.new, recorded.versions, recorded.rows), (5, 5, 5));
    assert_eq!(
        house.history().await,
        [
            "old New 1 01T09:00..- snapshot censored",
            "today New 1 05T09:00..- snapshot",
            "tomorrow New 1 05 end..- snapshot censored",
            "unknown New 1 05 end..- snapshot censored",
            "untouched New 1 02T09:00..- snapshot",
        ]
    );
    let rows = house.rows(&house.latest().await, "crm.lead_history").await;
    assert_eq!(rows[0]["known_at"], "2026-11-05T23:59:59.999999Z");
    assert_eq!(rows[0]["seen_after"], json!(null));
    assert_eq!(
        (&rows[0]["imported"], &rows[0]["commit_no"]),
        (&json!(true), &json!(1))
    );
}

// A change stands at the record's own instant if that lies between the snapshots, else at day end.
#[tokio::test]
async fn a_change_is_dated() {
    let house = House::new();
    let before = [
        "a New 1 05T09:00 05T09:00",
        "b New 1 05T09:00 05T09:00",
        "c New - - -",
    ];
    house.night(&leads(nov(5), &before), None).await;
    let after = [
        "a Open 1 05T09:00 06T10:00",
        "b New 2 05T09:00 05T23:00",
        "c New 3 - 07T01:00",
    ];
    let recorded = house.night(&leads(nov(6), &after), None).await;
    assert_eq!((recorded.changed, recorded.new), (3, 0));
    assert_eq!(
        house.history().await,
        [
            "a New 1 05T09:00..06T10:00 snapshot",
            "a Open 1 06T10:00..- snapshot",
            "b New 1 05T09:00..06 end snapshot",
            "b New 2 06 end..- snapshot",
            "c New - 05 end..06 end snapshot censored",
            "c New 3 06 end..- snapshot",
        ]
    );
    let rows = house.rows(&house.latest().await, "crm.lead_history").await;
    assert_eq!(rows[1]["seen_after"], "2026-11-05T23:59:59.999999Z");
    assert_eq!(rows[1]["imported"], json!(false));
}

// Unchanged records cost no row, and a night without news no file.
#[tokio::test]
async fn an_unchanged_night_writes_nothing() {
    let house = House::new();
    let rows = ["a New 1 05T09:00 05T09:00", "b - - - -"];
    house.night(&leads(nov(5), &rows), None).await;
    let recorded = house.night(&leads(nov(6), &rows), None).await;
    let quiet = Recorded {
        rows: 2,
        replacing: Some(0),
        ..Recorded::default()
    };
    assert_eq!(recorded, quiet);
    assert_eq!(house.latest().await.files_of(FileKind::History).count(), 1);
}

// A record that vanishes is deleted at day end; if it comes back, even unchanged, it begins anew.
#[tokio::test]
async fn records_vanish_and_return() {
    let house = House::new();
    let all = ["a New 1 05T09:00 05T09:00", "b New 1 05T09:00 05T09:00"];
    house.night(&leads(nov(5), &all), None).await;
    let gone = house.night(&leads(nov(6), &all[..1]), None).await;
    assert_eq!((gone.vanished, gone.changed), (1, 0));
    let now = house.rows(&house.latest().await, "crm.lead").await;
    assert_eq!(now.len(), 1);
    assert_eq!(now[0]["record_id"], "a");
    let still_gone = house.night(&leads(nov(7), &all[..1]), None).await;
    assert_eq!(still_gone.vanished, 0);
    let back = house.night(&leads(nov(8), &all), None).await;
    assert_eq!((back.returned, back.changed, back.new), (1, 0, 0));
    assert_eq!(
        house.history().await[1..],
        [
            "b New 1 05T09:00..06 end snapshot",
            "b New 1 06 end..08 end snapshot deleted",
            "b New 1 08 end..- snapshot",
        ]
    );
}

// A night without the stream is a hole: the next snapshot reaches back over it.
#[tokio::test]
async fn a_missed_night_is_reached_over() {
    let house = House::new();
    house
        .night(&leads(nov(5), &["a New 1 05T09:00 05T09:00"]), None)
        .await;
    commit(house.begin(nov(6)).await).await;
    let rows = ["a Open 1 05T09:00 06T10:00", "b New 1 06T11:00 06T11:00"];
    house.night(&leads(nov(7), &rows), None).await;
    let history = house.history().await;
    assert_eq!(history[1], "a Open 1 06T10:00..- snapshot");
    let rows = house.rows(&house.latest().await, "crm.lead_history").await;
    assert_eq!(rows[1]["seen_after"], "2026-11-05T23:59:59.999999Z");
    assert_eq!(rows[2]["known_at"], "2026-11-07T23:59:59.999999Z");
}

// The day ends where the company is.
#[tokio::test]
async fn days_end_in_the_companys_zone() {
    let house = House {
        zone: TimeZone::get("America/New_York").unwrap(),
        ..House::new()
    };
    house.night(&leads(nov(5), &["a New 1 - -"]), None).await;
    let rows = house.rows(&house.latest().await, "crm.lead").await;
    assert_eq!(rows[0]["known_at"], "2026-11-06T04:59:59.999999Z");
}

// Of rows with one key the one modified last stands, of equals the last; the others, and those without
// a key, are counted and kept apart.
#[tokio::test]
async fn duplicates_are_counted() {
    let house = House::new();
    let rows = [
        "a Late 1 01T09:00 04T10:00",
        "a Early 1 01T09:00 03T10:00",
        "b First 1 01T09:00 -",
        "b Second 1 01T09:00 -",
        "- Lost 1 01T09:00 -",
    ];
    let recorded = house.night(&leads(nov(5), &rows), None).await;
    assert_eq!(
        (recorded.duplicates, recorded.keyless, recorded.new),
        (2, 1, 2)
    );
    assert_eq!(recorded.duplicate_keys, ["ca978112ca1b", "3e23e8160039"]);
    let statuses: Vec<String> = house.history().await;
    assert_eq!(statuses[0], "a Late 1 01T09:00..- snapshot censored");
    assert_eq!(statuses[1], "b Second 1 01T09:00..- snapshot censored");
    let apart = house.rows(&house.latest().await, "crm.lead_apart").await;
    let apart: Vec<_> = apart
        .iter()
        .map(|row| ["record_id", "status", "apart_reason"].map(|name| word(&row[name])))
        .collect();
    assert_eq!(
        apart,
        [
            ["-", "Lost", "no key"],
            ["a", "Early", "duplicate key"],
            ["b", "First", "duplicate key"],
        ]
    );
}

// A new column is null before; one that is gone keeps its values, since not seen is not null.
#[tokio::test]
async fn columns_come_and_go() {
    let house = House::new();
    let row = |extra: Option<&str>| {
        let mut row = lead_row("a New 1 05T09:00 05T09:00");
        row["region__c"] = json!(extra);
        row
    };
    let wide = [LEAD.as_slice(), &[("Region__c", Text)]].concat();
    let night = |day, columns: &[(&str, ColumnType)], row: Value| {
        extract("lead", lead_kind(), day, columns, &[row])
    };
    house.night(&night(nov(5), &LEAD, row(None)), None).await;
    house
        .night(&night(nov(6), &wide, row(Some("EMEA"))), None)
        .await;
    let narrow = night(nov(7), &LEAD, row(None));
    let vanished = Drift::of(&narrow, &house.latest().await).vanished;
    let names: Vec<&str> = vanished.iter().map(schema::Column::original).collect();
    assert_eq!(names, ["Region__c"]);
    let recorded = house.night(&narrow, None).await;
    assert_eq!((recorded.changed, recorded.versions), (0, 0));
    let rows = house.rows(&house.latest().await, "crm.lead_history").await;
    let regions: Vec<&Value> = rows.iter().map(|row| &row["region__c"]).collect();
    assert_eq!(regions, [&json!(null), &json!("EMEA")]);
    assert_eq!(rows[1]["valid_from"], "2026-11-06T23:59:59.999999Z");
    let next = night(nov(8), &LEAD, row(None));
    let drift = Drift::of(&next, &house.latest().await);
    assert!(drift.vanished.is_empty());
}

// A type that widens changes no value; the first value of a blank column gives it its type.
#[tokio::test]
async fn types_widen_over_nights() {
    let house = House::new();
    let columns = |score, note| [("Id", Text), ("Score__c", score), ("Note", note)];
    let night = |day, score, note, row| {
        let kind = lead_kind();
        extract("lead", kind, day, &columns(score, note), &[row])
    };
    let first = json!({"id": "a", "score__c": 5});
    house.night(&night(nov(5), Bigint, Text, first), None).await;
    let pinned = house.latest().await.pinned("crm.lead").unwrap();
    let names: Vec<&String> = pinned.fields().iter().map(|field| field.name()).collect();
    assert_eq!(names, ["id", "score__c"], "a blank column has no type yet");
    let same = json!({"id": "a", "score__c": 5.0});
    let recorded = house.night(&night(nov(6), Double, Text, same), None).await;
    assert_eq!(recorded.versions, 0);
    let wider = json!({"id": "a", "score__c": 5.5, "note": 7});
    house
        .night(&night(nov(7), Double, Bigint, wider), None)
        .await;
    let rows = house.rows(&house.latest().await, "crm.lead_history").await;
    let values: Vec<_> = rows
        .iter()
        .map(|row| (&row["score__c"], &row["note"]))
        .collect();
    let expected = [(json!(5.0), json!(null)), (json!(5.5), json!(7))];
    assert_eq!(
        values,
        expected.each_ref().map(|(score, note)| (score, note))
    );
}

// A source's column that is named like one of ours is kept under another name.
#[tokio::test]
async fn our_names_are_ours() {
    let house = House::new();
    let columns = [("deleted", Text), ("Record_Id", Text)];
    let row = json!({"deleted": "no", "record_id": "a"});
    let kind = StreamKind::Snapshot {
        key: "record_id".to_owned(),
        created: None,
        modified: None,
    };
    let night = extract("lead", kind, nov(5), &columns, &[row]);
    house.night(&night, None).await;
    let rows = house.rows(&house.latest().await, "crm.lead_history").await;
    assert_eq!(rows[0]["deleted"], json!(false));
    assert_eq!(rows[0]["deleted_raw"], "no");
    assert_eq!(
        (&rows[0]["record_id"], &rows[0]["record_id_raw"]),
        (&json!("a"), &json!("a"))
    );
}

// An event is recorded once, however often it comes; the first row stands.
#[tokio::test]
async fn events_are_recorded_once() {
    let house = House::new();
    for (day, ids) in [(5, &["c2", "c1", "c1"][..]), (6, &["c2", "c3"]), (7, &[])] {
        let mut draft = house.begin(nov(day)).await;
        let recorded = draft.record_events(&calls(nov(day), ids)).await.unwrap();
        let expected = [(5, (3, 2, 1)), (6, (2, 1, 0)), (7, (0, 0, 0))];
        let found = (recorded.rows, recorded.new, recorded.duplicates);
        assert!(expected.contains(&(day, found)), "{day}: {found:?}");
        commit(draft).await;
    }
    let rows = house.rows(&house.latest().await, "crm.task").await;
    let lines: Vec<String> = rows
        .iter()
        .map(|row| {
            format!(
                "{} {} {}",
                word(&row["record_id"]),
                word(&row["subject"]),
                row["imported"]
            )
        })
        .collect();
    let expected = [
        "c1 seen 2026-11-05 true",
        "c2 seen 2026-11-05 true",
        "c3 seen 2026-11-06 false",
    ];
    assert_eq!(lines, expected);
}

// An extract without its key, of another day, or recorded twice, is refused.
#[tokio::test]
async fn odd_extracts_are_refused() {
    let house = House::new();
    let mut draft = house.begin(nov(5)).await;
    let keyless = extract("lead", lead_kind(), nov(5), &[("Status", Text)], &[]);
    let other_day = leads(nov(4), &[]);
    let sound = leads(nov(5), &[]);
    let text = |result: Result<Recorded, WarehouseError>| result.unwrap_err().to_string();
    assert_eq!(
        text(draft.record(&keyless, None).await),
        "`crm.lead` has no column `id`"
    );
    assert_eq!(
        text(draft.record(&other_day, None).await),
        "The extract of `crm.lead` stands for `2026-11-04`, the run for `2026-11-05`"
    );
    draft.record(&sound, None).await.unwrap();
    assert_eq!(
        text(draft.record(&sound, None).await),
        "`crm.lead` is recorded already in this run"
    );
    assert_eq!(
        text(draft.record_events(&sound).await),
        "`crm.lead` is recorded as a snapshot and cannot become events"
    );
}
