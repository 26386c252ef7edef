//! Commits: whole or not at all, once, in order.

use super::*;
use crate::warehouse::log::DataFile;

fn local() -> (tempfile::TempDir, House) {
    let folder = tempfile::tempdir().unwrap();
    let warehouse = Warehouse::open(&Location::folder(folder.path()).unwrap()).unwrap();
    let zone = TimeZone::UTC;
    (folder, House { warehouse, zone })
}

fn reopened(folder: &tempfile::TempDir) -> House {
    let warehouse = Warehouse::open(&Location::folder(folder.path()).unwrap()).unwrap();
    House {
        warehouse,
        zone: TimeZone::UTC,
    }
}

// What is committed is there after a reopening, and each day's version stays as it was.
#[tokio::test]
async fn versions_stay() {
    let (folder, house) = local();
    assert!(house.warehouse.latest().await.unwrap().is_none());
    for (day, n, leads_now) in [(5, 1_u8, 1), (6, 2, 0)] {
        let mut draft = house.begin(nov(day)).await;
        let (schema, batches) = numbers(&[n.into()]);
        draft
            .record(&leads(nov(day), &["a New 1 - -"][..leads_now]), None)
            .await
            .unwrap();
        draft
            .replace("stage_entry", &schema, &batches)
            .await
            .unwrap();
        draft.append("job_run", &schema, &batches).await.unwrap();
        // The draft reads its own work before anyone else does.
        assert_eq!(house.rows(&draft.version(), "stage_entry").await.len(), 1);
        let commit = commit(draft).await;
        assert_eq!(commit.commit_no, u64::from(n));
    }
    let house = reopened(&folder);
    let latest = house.latest().await;
    let tables: Vec<String> = latest.tables().into_iter().collect();
    assert_eq!(
        tables,
        ["crm.lead", "crm.lead_history", "job_run", "stage_entry"]
    );
    let commits = house.warehouse.commits().await.unwrap();
    let texts = &commits.last().unwrap().texts;
    assert_eq!(texts["leadgauge.yaml"], "company: Acme");
    let first = house.warehouse.as_of(nov(5)).await.unwrap().unwrap();
    for (version, entry, runs, leads) in [(&first, 1, 1, 1), (&latest, 2, 2, 0)] {
        assert_eq!(
            house.rows(version, "stage_entry").await,
            [serde_json::json!({"n": entry})]
        );
        assert_eq!(house.rows(version, "job_run").await.len(), runs);
        assert_eq!(house.rows(version, "crm.lead").await.len(), leads);
    }
    assert!(house.warehouse.as_of(nov(4)).await.unwrap().is_none());
    let error = house.warehouse.read(&latest, "nothing").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "There is no table `nothing` in the warehouse"
    );
}

// A run that ends before its commit leaves the old version, and the next run succeeds.
#[tokio::test]
async fn a_dropped_draft_is_invisible() {
    let (folder, house) = local();
    house.night(&leads(nov(5), &["a New 1 - -"]), None).await;
    let mut draft = house.begin(nov(6)).await;
    draft
        .record(&leads(nov(6), &["b New 1 - -"]), None)
        .await
        .unwrap();
    drop(draft);
    let house = reopened(&folder);
    assert_eq!(house.latest().await.as_of, nov(5));
    assert_eq!(house.history().await.len(), 1);
    house.night(&leads(nov(6), &["b New 1 - -"]), None).await;
    assert_eq!(house.history().await.len(), 3);
}

// A day that is published, and a day before the last one, are refused, each in its words.
#[tokio::test]
async fn days_are_published_in_order() {
    let house = House::new();
    for day in [5, 7] {
        commit(house.begin(nov(day)).await).await;
    }
    let run_id = RunId::new(nov(5));
    for (day, published) in [(7, true), (5, true), (6, false)] {
        let refused = house.warehouse.begin(nov(day), &run_id, &house.zone).await;
        match refused.unwrap_err() {
            WarehouseError::AlreadyPublished { as_of, .. } => {
                assert_eq!((as_of, true), (nov(day), published));
            }
            error => assert_eq!(
                (error.to_string().as_str(), false),
                (
                    "`2026-11-06` comes before `2026-11-07`, the last day published; days are published in order",
                    published
                )
            ),
        }
    }
}

// Upkeep adds to the last day's version without taking a day of its own.
#[tokio::test]
async fn upkeep_takes_no_day() {
    let house = House::new();
    let (schema, batches) = numbers(&[1, 2]);
    let run_id = RunId::new(nov(5));
    let early = house.warehouse.begin_addition(&run_id, &house.zone).await;
    assert_eq!(early.unwrap_err().to_string(), "Nothing is published yet");
    commit(house.begin(nov(5)).await).await;
    let mut draft = house
        .warehouse
        .begin_addition(&run_id, &house.zone)
        .await
        .unwrap();
    draft.append("baseline", &schema, &batches).await.unwrap();
    commit(draft).await;
    let version = house.warehouse.as_of(nov(5)).await.unwrap().unwrap();
    assert_eq!(house.rows(&version, "baseline").await.len(), 2);
    commit(house.begin(nov(6)).await).await;
}

// Of two runs that began on one version, one publishes and the other says who did.
#[tokio::test]
async fn one_of_two_runs_publishes() {
    let house = House::new();
    let mut drafts = Vec::new();
    for name in ["first", "second"] {
        let run_id: RunId = serde_json::from_value(name.into()).unwrap();
        let mut draft = house
            .warehouse
            .begin(nov(5), &run_id, &house.zone)
            .await
            .unwrap();
        draft
            .record(&leads(nov(5), &["a New 1 - -"]), None)
            .await
            .unwrap();
        drafts.push(draft);
        // The lease only spares work: without it the commit decides.
        house
            .warehouse
            .store()
            .delete("writer.lease")
            .await
            .unwrap();
    }
    let second = drafts.pop().unwrap();
    commit(drafts.pop().unwrap()).await;
    let lost = second.commit(BTreeMap::new(), "hash").await.unwrap_err();
    assert_eq!(
        lost.to_string(),
        "Run `first` published commit 1 first; run `second` published nothing"
    );
    assert_eq!(house.latest().await.run_id.to_string(), "first");
}

// A second writer on one machine is told who writes; the lock goes with the draft.
#[tokio::test]
async fn a_second_writer_waits_outside() {
    let (folder, house) = local();
    let draft = house.begin(nov(5)).await;
    let other = reopened(&folder);
    let run_id = RunId::new(nov(5));
    let locked = other.warehouse.begin(nov(5), &run_id, &other.zone).await;
    let text = locked.unwrap_err().to_string();
    let holder = format!(
        "run `{}`, process {} on `",
        draft.run_id(),
        std::process::id()
    );
    let expected = format!("Another run is writing to this warehouse: {holder}");
    assert!(text.starts_with(&expected), "{text}");
    drop(draft);
    other.begin(nov(5)).await;
}

// Equal input, and the same run, give equal bytes in every file.
#[tokio::test]
async fn equal_input_gives_equal_bytes() {
    let mut files: Vec<BTreeMap<String, bytes::Bytes>> = Vec::new();
    for _ in 0..2 {
        let house = House::new();
        for day in [5, 6] {
            let run_id: RunId = serde_json::from_value(format!("run-{day}").into()).unwrap();
            let mut draft = house
                .warehouse
                .begin(nov(day), &run_id, &house.zone)
                .await
                .unwrap();
            let rows: Vec<String> = (0..200).map(|n| format!("{n} S{day} {n} - -")).collect();
            let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
            let told = changes(
                nov(day),
                &["1 3 Status A B 04T10:00", "2 4 Status A B 04T10:00"],
            );
            draft.record_events(&told).await.unwrap();
            draft
                .record(&leads(nov(day), &rows), Some(&told))
                .await
                .unwrap();
            let (schema, batches) = numbers(&[1, 2, 3]);
            draft.replace("metric", &schema, &batches).await.unwrap();
            draft
                .put(FileKind::Archive, "daily.html", "<p>".into())
                .await
                .unwrap();
            commit(draft).await;
        }
        let store = house.warehouse.store();
        let mut all = BTreeMap::new();
        for entry in store.list("").await.unwrap() {
            all.insert(entry.path.clone(), store.get(&entry.path).await.unwrap());
        }
        files.push(all);
    }
    assert_eq!(files[0].len(), 9);
    assert!(files[0] == files[1]);
}

// A file for the archive or the outbox is in the commit, under the run's name.
#[tokio::test]
async fn reports_are_part_of_the_commit() {
    let house = House::new();
    let mut draft = house.begin(nov(5)).await;
    let path = draft
        .put(FileKind::Outbox, "a.eml", "To: x".into())
        .await
        .unwrap();
    assert_eq!(path, format!("outbox/{}/a.eml", draft.run_id()));
    commit(draft).await;
    let version = house.latest().await;
    let files: Vec<&DataFile> = version.files_of(FileKind::Outbox).collect();
    assert_eq!(
        (files.len(), files[0].path.as_str(), files[0].bytes),
        (1, path.as_str(), 5)
    );
    assert_eq!(version.files_of(FileKind::Archive).count(), 0);
}

// A derived table is written once a run; a type that no table may hold is refused.
#[tokio::test]
async fn odd_tables_are_refused() {
    let house = House::new();
    let mut draft = house.begin(nov(5)).await;
    let (schema, batches) = numbers(&[]);
    draft.replace("metric", &schema, &batches).await.unwrap();
    let twice = draft
        .replace("metric", &schema, &batches)
        .await
        .unwrap_err();
    assert_eq!(
        twice.to_string(),
        "`metric` is recorded already in this run"
    );
    let field = Field::new("span", arrow::datatypes::DataType::Binary, true);
    let schema = Arc::new(Schema::new(vec![field]));
    let odd = draft.replace("other", &schema, &[]).await.unwrap_err();
    assert_eq!(
        odd.to_string(),
        "Column `span` of `other` is of type Binary, which no table may hold"
    );
}
