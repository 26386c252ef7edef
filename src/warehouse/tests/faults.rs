//! Stores that fail, and files that are not what they should be.

use bytes::Bytes;

use super::*;
use crate::fs::faults::{Fault, Faulty, Operation, Plan};

/// A house whose store fails in one way at the operation that commits its first night.
async fn failing_at_its_commit(fault: Fault) -> House {
    let rehearsal = Faulty::over(&Arc::default(), Plan::Never);
    let house = |store: &Faulty| House {
        warehouse: Warehouse::on(store.store()),
        zone: TimeZone::UTC,
    };
    let night = leads(nov(5), &["a New 1 - -"]);
    house(&rehearsal).night(&night, None).await;
    let seen = rehearsal.seen();
    let is_commit = |(operation, path): &(Operation, String)| {
        *operation == Operation::Put && path.starts_with("_log/")
    };
    let number = seen.iter().position(is_commit).unwrap() + 1;
    house(&Faulty::over(&Arc::default(), Plan::At(number, fault)))
}

// A commit whose answer is lost is read back and known as ours.
#[tokio::test]
async fn a_lost_answer_is_read_back() {
    let house = failing_at_its_commit(Fault::AnswerLost).await;
    house.night(&leads(nov(5), &["a New 1 - -"]), None).await;
    assert_eq!(house.history().await.len(), 1);
}

// A commit that is lost is an error, nothing is published, and the next run succeeds.
#[tokio::test]
async fn a_lost_commit_publishes_nothing() {
    let house = failing_at_its_commit(Fault::Refused).await;
    let night = leads(nov(5), &["a New 1 - -"]);
    let mut draft = house.begin(nov(5)).await;
    draft.record(&night, None).await.unwrap();
    let error = draft.commit(BTreeMap::new(), "hash").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Cannot read or write `s3://test/_log/00000000000000000001.json`"
    );
    assert!(house.warehouse.latest().await.unwrap().is_none());
    house.night(&night, None).await;
}

async fn open_with(log: &[(u64, &str)]) -> String {
    let store = Store::over(Arc::new(InMemory::new()));
    for (number, text) in log {
        let path = format!("_log/{number:020}.json");
        let text = Bytes::from((*text).to_owned());
        store.create(&path, text).await.unwrap();
    }
    let error = Warehouse::on(store).latest().await.unwrap_err();
    error.to_string()
}

// A log that cannot be trusted is never read around: the error names the file.
#[tokio::test]
async fn a_broken_log_is_named() {
    let one = "s3://test/_log/00000000000000000001.json";
    assert_eq!(
        open_with(&[(1, r#"{"format": 1, "comm"#)]).await,
        format!(
            "`{one}` is no entry of a commit log: EOF while parsing a string at line 1 column 19"
        )
    );
    assert_eq!(
        open_with(&[(1, r#"{"format": 2, "anything": []}"#)]).await,
        format!("`{one}` is of format 2; this program reads format 1")
    );
    assert_eq!(
        open_with(&[(2, "{}")]).await,
        format!("`{one}` is missing from the commit log, though later entries are there")
    );
    let house = House::new();
    commit(house.begin(nov(5)).await).await;
    let store = house.warehouse.store();
    let first = store.get("_log/00000000000000000001.json").await.unwrap();
    store
        .create("_log/00000000000000000002.json", first)
        .await
        .unwrap();
    let error = house.warehouse.latest().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "`s3://test/_log/00000000000000000002.json` is no entry of a commit log: it calls itself commit 1"
    );
}

// A data file that is shorter than the log says, or no Parquet, is named.
#[tokio::test]
async fn a_broken_file_is_named() {
    for (keep, words) in [
        (10, "has 10 bytes; the commit log says"),
        (0, "cannot be read as Parquet"),
    ] {
        let house = House::new();
        house.night(&leads(nov(5), &["a New 1 - -"]), None).await;
        let version = house.latest().await;
        let file = version.files_of(FileKind::History).next().unwrap();
        let store = house.warehouse.store();
        let whole = store.get(&file.path).await.unwrap();
        store.delete(&file.path).await.unwrap();
        let broken = if keep == 0 {
            Bytes::from(vec![7; whole.len()])
        } else {
            whole.slice(..keep)
        };
        store.create(&file.path, broken).await.unwrap();
        let error = house
            .warehouse
            .read(&version, "crm.lead")
            .await
            .unwrap_err();
        let text = error.to_string();
        assert!(text.contains(words) && text.contains(&file.path), "{text}");
        let mut draft = house.begin(nov(6)).await;
        let refused = draft.record(&leads(nov(6), &["a New 1 - -"]), None).await;
        assert_eq!(refused.unwrap_err().to_string(), text);
    }
}
