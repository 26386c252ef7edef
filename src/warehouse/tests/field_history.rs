//! Field history merged with snapshots.

use super::*;

// Before the first snapshot, versions are rebuilt backwards: from creation, then change by change.
#[tokio::test]
async fn the_past_is_rebuilt() {
    let house = House::new();
    let rows = [
        "a Working 85 01T09:00 04T10:00",
        "b New 1 02T09:00 03T10:00",
        "c Open 2 - 03T10:00",
    ];
    let told = [
        "3 a Score__c - 85 04T10:00",
        "1 a status New Open 02T10:00",
        "2 a STATUS Open Working 03T10:00",
        "4 c Status New Open 03T10:00",
    ];
    let recorded = house
        .night(&leads(nov(5), &rows), Some(&changes(nov(5), &told)))
        .await;
    assert_eq!(
        (recorded.new, recorded.versions, recorded.disagreements),
        (3, 7, 0)
    );
    assert_eq!(
        house.history().await,
        [
            "a New - 01T09:00..02T10:00 history",
            "a Open - 02T10:00..03T10:00 history",
            "a Working - 03T10:00..04T10:00 history",
            "a Working 85 04T10:00..- history",
            "b New 1 02T09:00..- history",
            // Nothing tells when `c` was made: it was `New` when it changed.
            "c New 2 03T09:59..03T10:00 history censored",
            "c Open 2 03T10:00..- history",
        ]
    );
}

// Each night the changes since the last version are applied in order, however far the export
// reaches back; what else changed gets a version at the record's own instant.
#[tokio::test]
async fn nights_go_on_from_the_last_version() {
    let house = House::new();
    let told = [
        "1 a Status New Open 05T10:00",
        "2 a Status Open Working 06T10:00",
        "3 a Status Working Open 06T11:00",
        "4 a Status Open Done 07T10:00",
        "5 b Status New Open 06T12:00",
        "6 b Status Open New 06T13:00",
    ];
    let five = ["a Open 1 04T09:00 05T10:00", "b New 1 05T09:00 05T09:00"];
    house
        .night(&leads(nov(5), &five), Some(&changes(nov(5), &told[..1])))
        .await;
    let six = ["a Open 2 04T09:00 06T15:00", "b New 1 05T09:00 05T09:00"];
    let recorded = house
        .night(&leads(nov(6), &six), Some(&changes(nov(6), &told)))
        .await;
    assert_eq!((recorded.changed, recorded.versions), (2, 5));
    let seven = ["a Done 2 04T09:00 07T10:00", "b New 1 05T09:00 05T09:00"];
    let recorded = house
        .night(&leads(nov(7), &seven), Some(&changes(nov(7), &told)))
        .await;
    assert_eq!(
        (recorded.changed, recorded.versions, recorded.disagreements),
        (1, 1, 0)
    );
    assert_eq!(
        house.history().await,
        [
            "a New 1 04T09:00..05T10:00 history",
            "a Open 1 05T10:00..06T10:00 history",
            "a Working 1 06T10:00..06T11:00 history",
            "a Open 1 06T11:00..06T15:00 history",
            "a Open 2 06T15:00..07T10:00 snapshot",
            "a Done 2 07T10:00..- history",
            "b New 1 05T09:00..06T12:00 history",
            "b Open 1 06T12:00..06T13:00 history",
            "b New 1 06T13:00..- history",
        ]
    );
}

// A record that vanished keeps the changes told of it; a new one is told from its creation.
#[tokio::test]
async fn new_and_vanished_records_are_told() {
    let house = House::new();
    house
        .night(&leads(nov(5), &["a New 1 05T09:00 05T09:00"]), None)
        .await;
    let told = [
        "1 a Status New Lost 06T10:00",
        "2 n Status New Open 06T12:00",
    ];
    let recorded = house
        .night(
            &leads(nov(6), &["n Open 1 06T11:00 06T12:00"]),
            Some(&changes(nov(6), &told)),
        )
        .await;
    assert_eq!((recorded.vanished, recorded.new), (1, 1));
    assert_eq!(
        house.history().await,
        [
            "a New 1 05T09:00..06T10:00 snapshot",
            "a Lost 1 06T10:00..06 end history",
            "a Lost 1 06 end..- snapshot deleted",
            "n New 1 06T11:00..06T12:00 history",
            "n Open 1 06T12:00..- history",
        ]
    );
}

// Where they disagree, field history holds for its time and the snapshot has the last word.
#[tokio::test]
async fn disagreements_are_counted() {
    let house = House::new();
    let told = [
        "1 a Status New Open 03T10:00",
        "2 a Status Working Lost 04T10:00",
    ];
    let rows = ["a Won 1 01T09:00 05T10:00"];
    let recorded = house
        .night(&leads(nov(5), &rows), Some(&changes(nov(5), &told)))
        .await;
    assert_eq!(recorded.disagreements, 2);
    assert_eq!(
        house.history().await,
        [
            "a New 1 01T09:00..03T10:00 history",
            "a Open 1 03T10:00..04T10:00 history",
            "a Lost 1 04T10:00..05T10:00 history",
            "a Won 1 05T10:00..- snapshot",
        ]
    );
}

// Changes of one instant make one version, and are not told twice by the next night's export.
#[tokio::test]
async fn an_instant_is_told_once() {
    let house = House::new();
    let told = [
        "1 a Status New Open 03T10:00",
        "2 a Status Open Won 03T10:00",
    ];
    let rows = ["a Won 1 01T09:00 03T10:00"];
    for day in [5, 6] {
        let (leads, told) = (leads(nov(day), &rows), changes(nov(day), &told));
        let recorded = house.night(&leads, Some(&told)).await;
        let versions = if day == 5 { 2 } else { 0 };
        assert_eq!((recorded.versions, recorded.disagreements), (versions, 0));
    }
}

// What the snapshot adds is never dated before a change that the field history tells.
#[tokio::test]
async fn the_snapshot_speaks_last() {
    let house = House::new();
    house
        .night(&leads(nov(5), &["a New 1 05T09:00 05T09:00"]), None)
        .await;
    let told = ["1 a Status New Open 06T10:00"];
    let rows = ["a Open 2 05T09:00 06T08:00"];
    house
        .night(&leads(nov(6), &rows), Some(&changes(nov(6), &told)))
        .await;
    assert_eq!(
        house.history().await,
        [
            "a New 1 05T09:00..06T10:00 snapshot",
            "a Open 2 06T10:00..- history",
        ]
    );
}

// A field that is no column, a value that is not of its column's type and a row without an instant
// are counted and left out; a row that comes twice counts once.
#[tokio::test]
async fn unusable_changes_are_counted() {
    let house = House::new();
    let told = [
        "1 a Campaign x y 03T10:00",
        "2 a Score__c 1 many 03T10:00",
        "3 a Status New Open -",
        "4 a Status New Open 04T10:00",
        "4 a Status New Open 04T10:00",
    ];
    let rows = ["a Open 1 01T09:00 04T10:00"];
    let recorded = house
        .night(&leads(nov(5), &rows), Some(&changes(nov(5), &told)))
        .await;
    let counts = (
        recorded.unknown_fields,
        recorded.unreadable,
        recorded.disagreements,
    );
    assert_eq!(counts, (1, 2, 0));
    assert_eq!(recorded.versions, 2);
}

// Field history is a table of its own, deduplicated by key over overlapping exports.
#[tokio::test]
async fn changes_are_a_table() {
    let house = House::new();
    for day in [5, 6] {
        let mut draft = house.begin(nov(day)).await;
        let told = [
            "1 a Status New Open 03T10:00",
            "2 a Status Open New 04T10:00",
        ];
        let extract = changes(nov(day), &told[..usize::try_from(day - 4).unwrap()]);
        draft.record_events(&extract).await.unwrap();
        commit(draft).await;
    }
    let version = house.latest().await;
    let rows = house.rows(&version, "crm.lead_change").await;
    assert_eq!(rows.len(), 2);
    assert!(!version.tables().contains("crm.lead_change_history"));
}
