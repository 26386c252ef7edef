//! All files of a table merged into one: no answer changes.

use super::merging::{answers, night};
use super::*;

async fn compact(house: &House) -> Option<Compacted> {
    let texts = BTreeMap::new();
    house.warehouse.compact(texts, "hash").await.unwrap()
}

/// What every night's version answers.
async fn all_answers(house: &House, days: i8) -> Vec<String> {
    let mut all = Vec::new();
    for day in 1..=days {
        let version = house.warehouse.as_of(nov(day)).await.unwrap().unwrap();
        all.push(serde_json::to_string(&answers(house, &version).await).unwrap());
    }
    all
}

// Of ten nights one file a table is left, in one commit that takes no day; every as-of answer is the
// same, byte for byte. A second time there is nothing to do, and nothing is committed.
#[tokio::test]
async fn one_file_a_table_is_left() {
    let house = House::new();
    for day in 1..=10 {
        night(&house, day).await;
    }
    let before = all_answers(&house, 10).await;
    let done = compact(&house).await.unwrap();
    let expected = Compacted {
        commit_no: 11,
        tables: 3,
        files: 12,
    };
    assert_eq!(done, expected);
    let latest = house.latest().await;
    for kind in [FileKind::History, FileKind::Events, FileKind::Append] {
        let files: Vec<_> = latest.files_of(kind).collect();
        assert_eq!((files.len(), files[0].commits), (1, [1, 10]), "{kind:?}");
    }
    assert_eq!(all_answers(&house, 10).await, before);
    assert_eq!(compact(&house).await, None);
    assert_eq!(house.latest().await.commit_no, 11);
    night(&house, 11).await;
    let next = compact(&house).await.unwrap();
    assert_eq!((next.commit_no, next.files), (13, 6));
    assert_eq!(all_answers(&house, 10).await, before);
    assert!(house.warehouse.verify().await.unwrap().faults.is_empty());
}

// An empty warehouse has nothing to merge, and says so.
#[tokio::test]
async fn nothing_is_not_compacted() {
    let house = House::new();
    let refused = house.warehouse.compact(BTreeMap::new(), "hash").await;
    assert!(matches!(refused, Err(WarehouseError::Empty)));
}
