//! History from changes alone: extracts that hold only the records that changed.

use serde_json::json;

use super::*;
use crate::config::ColumnType::Boolean;

/// Rows written `id status modified`, with `gone` behind them for a record that is deleted.
fn changed(as_of: Date, rows: &[&str]) -> Extract {
    let columns = [
        ("Id", Text),
        ("Status", Text),
        ("SystemModstamp", Timestamp),
        ("IsDeleted", Boolean),
    ];
    let row = |row: &&str| {
        let cells: Vec<&str> = row.split(' ').collect();
        let modified = (cells[2] != "-").then(|| instant(cells[2]));
        json!({"id": cells[0], "status": cells[1], "systemmodstamp": modified,
            "isdeleted": cells.get(3) == Some(&"gone")})
    };
    let rows: Vec<Value> = rows.iter().map(row).collect();
    let kind = StreamKind::Changes {
        key: "id".to_owned(),
        created: None,
        modified: Some("systemmodstamp".to_owned()),
        deleted: Some("isdeleted".to_owned()),
    };
    extract("lead", kind, as_of, &columns, &rows)
}

/// The history in lines `id status from..to`, with `deleted` where true.
async fn lines(house: &House) -> Vec<String> {
    let rows = house.rows(&house.latest().await, "crm.lead_history").await;
    let line = |row: &Value| {
        let gone = if row["deleted"] == true {
            " deleted"
        } else {
            ""
        };
        format!(
            "{} {} {}..{}{gone}",
            word(&row["record_id"]),
            word(&row["status"]),
            short(&row["valid_from"]),
            short(&row["valid_to"])
        )
    };
    rows.iter().map(line).collect()
}

// A record that does not come is unchanged; one that comes as deleted is gone since its own
// modification, whether or not it was ever seen; one that comes again returns.
#[tokio::test]
async fn what_does_not_come_is_unchanged() {
    let house = House::new();
    let first = ["a New 05T09:00", "b New 05T09:00"];
    house.any_night(&changed(nov(5), &first), None).await;
    let second = ["b Open 06T10:00"];
    let recorded = house.any_night(&changed(nov(6), &second), None).await;
    assert_eq!((recorded.changed, recorded.vanished), (1, 0));
    let third = ["a New 07T08:00 gone", "c New 07T09:00 gone"];
    let recorded = house.any_night(&changed(nov(7), &third), None).await;
    assert_eq!(
        (recorded.vanished, recorded.new, recorded.versions),
        (2, 0, 2)
    );
    let fourth = ["a Open 08T08:00", "b Open 06T10:00"];
    let recorded = house.any_night(&changed(nov(8), &fourth), None).await;
    assert_eq!((recorded.returned, recorded.changed), (1, 0));
    assert_eq!(
        lines(&house).await,
        [
            "a New 05 end..07T08:00",
            "a New 07T08:00..08T08:00 deleted",
            "a Open 08T08:00..-",
            "b New 05 end..06T10:00",
            "b Open 06T10:00..-",
            "c New 07T09:00..- deleted",
        ]
    );
    let now = house.rows(&house.latest().await, "crm.lead").await;
    let ids: Vec<String> = now.iter().map(|row| word(&row["record_id"])).collect();
    assert_eq!(ids, ["a", "b"]);
}

// Changes that come late join as if they had come in their turn.
#[tokio::test]
async fn changes_may_come_late() {
    let nights = [
        changed(nov(5), &["a New 05T09:00", "b New 05T09:00"]),
        changed(nov(6), &["a Open 06T09:00", "c New 06T10:00"]),
        changed(nov(7), &["b Open -", "c New 07T10:00 gone"]),
        changed(nov(8), &["a Won 08T09:00"]),
    ];
    let in_order = House::new();
    for night in &nights {
        in_order.any_night(night, None).await;
    }
    for order in [[0, 2, 3, 1], [0, 3, 1, 2], [0, 3, 2, 1]] {
        let house = House::new();
        for at in order {
            house.any_night(&nights[at], None).await;
        }
        assert_eq!(lines(&house).await, lines(&in_order).await, "{order:?}");
    }
}

// A column that says whether a record is gone must say true or false.
#[tokio::test]
async fn a_flag_is_a_flag() {
    let house = House::new();
    let mut night = changed(nov(5), &["a New 05T09:00"]);
    if let StreamKind::Changes { deleted, .. } = &mut night.kind {
        *deleted = Some("status".to_owned());
    }
    let mut draft = house.begin(nov(5)).await;
    assert_eq!(
        draft.record(&night, None).await.unwrap_err().to_string(),
        "Column `status` of `crm.lead` is of type Utf8; it must say true or false"
    );
}
