//! Persons taken out of everything: what is left, what later nights bring, and what finds a rest.

mod company;

use company::{ADDRESSES, CONTACT, LEAD, NUMBER, company, company_in, extracts, record};
use serde_json::json;

use super::*;
use crate::fs::faults::{self, Fault, Faulty};

fn jane() -> Erased {
    let record = |table: &str, id: &str| (table.to_owned(), id.to_owned());
    Erased {
        persons: 1,
        addresses: ADDRESSES.map(str::to_owned).into(),
        records: [
            record("crm.lead", LEAD),
            record("crm.contact", CONTACT),
            record("map.person", &NUMBER.to_string()),
        ]
        .into(),
        names: ["Jane Doe".to_owned()].into(),
        streams: ["crm.lead", "crm.contact", "map.person"]
            .map(str::to_owned)
            .into(),
    }
}

/// An erasure, which a failing store may end anywhere.
async fn try_erase(house: &House) -> Result<(Plan, Vacuumed), WarehouseError> {
    let latest = house.warehouse.latest().await?;
    let latest = latest.ok_or(WarehouseError::Empty)?;
    let run_id = RunId::new(latest.as_of);
    let begun = house.warehouse.begin_erasure(&run_id, &house.zone);
    let mut draft = begun.await?;
    let jane = jane();
    let plan = house.warehouse.plan_erasure(&latest, &jane, &run_id, false);
    let mut plan = plan.await?;
    draft.erase(&mut plan).await?;
    draft.bury(&plan).await?;
    draft.commit(BTreeMap::new(), "hash").await?;
    Ok((plan, house.warehouse.sweep().await?))
}

async fn erase(house: &House) -> BTreeMap<String, Went> {
    let (plan, swept) = try_erase(house).await.unwrap();
    assert!(swept.stuck.is_empty());
    plan.went().clone()
}

/// Every row of every table of a day that is no derived one.
async fn answers(house: &House, day: i8) -> BTreeMap<String, Vec<Value>> {
    let version = house.warehouse.as_of(nov(day)).await.unwrap().unwrap();
    let mut answers = BTreeMap::new();
    for table in version
        .tables()
        .into_iter()
        .filter(|table| table != "person")
    {
        answers.insert(table.clone(), house.rows(&version, &table).await);
    }
    answers
}

/// Whether a cell names Jane, told by her values.
fn names_jane(column: &str, cell: &Value) -> bool {
    let text = word(cell).to_lowercase().replace("%40", "@");
    let number = column.ends_with("id") && text == NUMBER.to_string();
    let ids = [LEAD, CONTACT].map(str::to_lowercase);
    number
        || ADDRESSES.iter().any(|one| text.contains(one))
        || ids.iter().any(|id| text.contains(id))
}

/// The rows without Jane: hers are gone, and what names her in others' is null.
fn without_jane(table: &str, rows: &[Value]) -> Vec<Value> {
    let events = ["crm.lead_change", "crm.task", "map.visit"].contains(&table);
    let own = [LEAD.to_owned(), CONTACT.to_owned(), NUMBER.to_string()];
    let rows = rows.iter().filter(|row| {
        let hers = own.contains(&word(&row["record_id"]));
        let named = row
            .as_object()
            .unwrap()
            .iter()
            .any(|(name, cell)| names_jane(name, cell));
        !(hers || events && named)
    });
    let blank = |row: &Value| {
        let cells = row.as_object().unwrap().iter();
        let cells = cells.map(|(name, cell)| {
            let stays = Some(cell).filter(|cell| !names_jane(name, cell));
            (name.clone(), stays.cloned().unwrap_or_default())
        });
        Value::Object(cells.collect())
    };
    rows.map(blank).collect()
}

/// Every file of the store as text: of Parquet the rows, of mails the parts.
async fn everything(house: &House) -> Vec<(String, String)> {
    let store = house.warehouse.store();
    let mut texts = Vec::new();
    for entry in store.list("").await.unwrap() {
        let bytes = store.get(&entry.path).await.unwrap();
        let mut text = String::from_utf8_lossy(&bytes).into_owned();
        if entry.path.strip_suffix(".eml").is_some() {
            let message = mail_parser::MessageParser::default()
                .parse(&bytes[..])
                .unwrap();
            text.push_str(&message.body_text(0).unwrap_or_default());
        }
        if entry.path.ends_with(".parquet") {
            let reader =
                parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(bytes);
            for batch in reader.unwrap().build().unwrap() {
                let batches = [batch.unwrap()];
                let shown = arrow::util::pretty::pretty_format_batches(&batches).unwrap();
                text.push_str(&shown.to_string());
            }
        }
        texts.push((entry.path, text));
    }
    texts
}

// After an erasure no file holds the person's addresses, ids or name, in whatever form; each night
// answers as before but for that person; and the proof holds.
#[tokio::test]
async fn nothing_is_left() {
    let house = company().await;
    let mut before = Vec::new();
    for day in 5..=10 {
        before.push(answers(&house, day).await);
    }
    let went = erase(&house).await;
    for (path, text) in everything(&house).await {
        for value in ADDRESSES
            .iter()
            .chain(&[LEAD, CONTACT, "Jane Doe", "JANE@"])
        {
            assert!(!text.contains(value), "{path}");
        }
    }
    for (day, before) in (5..=10).zip(before) {
        let after = answers(&house, day).await;
        for (table, rows) in &before {
            assert_eq!(after[table], without_jane(table, rows), "{table} of {day}");
        }
        assert_eq!(after.len(), before.len());
    }
    let aside = went["quarantine"];
    assert_eq!((aside.rows, aside.files), (2, 2));
    assert_eq!((went["archive"].files, went["outbox"].files), (6, 12));
    assert!(went["crm.lead"].cells > 0 && went["crm.deal"].cells > 0);
    let proof = house.warehouse.prove_erasure().await.unwrap();
    assert!(
        proof.left.is_empty() && proof.unread.is_empty(),
        "{proof:?}"
    );
    assert_eq!((proof.erasures, proof.persons), (1, 1));
    let verified = house.warehouse.verify().await.unwrap();
    assert!(verified.faults.is_empty(), "{:?}", verified.faults);
    let latest = house.latest().await;
    assert_eq!(latest.as_of, nov(10), "the newest day stays the newest");
}

// Derived tables of older nights are derived again when they are asked, and the newest night's files
// are those of the erasure; how many were erased since is known.
#[tokio::test]
async fn old_nights_are_derived_again() {
    let house = company().await;
    erase(&house).await;
    for day in [5, 10] {
        let version = house.warehouse.as_of(nov(day)).await.unwrap().unwrap();
        assert!(!version.is_derived);
        assert_eq!(house.warehouse.erased_since(&version).await.unwrap(), 1);
    }
    let latest = house.latest().await;
    assert!(latest.is_derived);
    assert_eq!(house.warehouse.erased_since(&latest).await.unwrap(), 0);
}

// The next night still brings the person: nothing of it is recorded, and nothing else changes for it.
#[tokio::test]
async fn the_next_night_adds_nothing() {
    let house = company().await;
    erase(&house).await;
    let before = answers(&house, 10).await;
    let mut draft = house.begin(nov(11)).await;
    let recorded = record(&mut draft, 11).await;
    commit(draft).await;
    let lead = &recorded["crm.lead"];
    assert_eq!(
        (lead.rows, lead.new, lead.changed, lead.vanished),
        (4, 0, 2, 0)
    );
    assert_eq!(
        (lead.erased, lead.duplicates),
        (3, 0),
        "two rows, and a cell of another"
    );
    for table in ["crm.contact", "map.person"] {
        let one = &recorded[table];
        assert_eq!((one.erased, one.new, one.versions), (1, 0, 0), "{table}");
    }
    assert_eq!(
        (recorded["crm.deal"].erased, recorded["crm.deal"].versions),
        (1, 0)
    );
    assert_eq!(
        (recorded["crm.task"].erased, recorded["crm.task"].new),
        (1, 1)
    );
    assert_eq!(
        (recorded["map.visit"].erased, recorded["map.visit"].new),
        (2, 1)
    );
    assert_eq!(
        (
            recorded["crm.lead_change"].erased,
            recorded["crm.lead_change"].new
        ),
        (1, 1)
    );
    assert_eq!(answers(&house, 10).await, before);
    let proof = house.warehouse.prove_erasure().await.unwrap();
    assert!(proof.left.is_empty(), "{proof:?}");
}

// A person who comes back under a new id with an erased address stays out too, and so does who had
// only that address in another stream of people.
#[tokio::test]
async fn an_erased_address_stays_out_under_a_new_id() {
    let house = company().await;
    erase(&house).await;
    let mut draft = house.begin(nov(11)).await;
    let mut leads = extracts(11).swap_remove(0);
    let row = json!({"id": "00Q00000000BACK", "email": "Jane@X.example", "name": "Jane Doe"});
    leads.batches = vec![batch_of(&leads.schema, &[row]).unwrap()];
    let recorded = draft.record(&leads, None).await.unwrap();
    assert_eq!((recorded.rows, recorded.erased, recorded.new), (1, 1, 0));
}

// A refused file that still names the person is kept without those rows, or not at all.
#[tokio::test]
async fn a_file_refused_later_is_kept_without_them() {
    let house = company().await;
    erase(&house).await;
    let mut draft = house.begin(nov(11)).await;
    let text = format!("Id,Email\n{LEAD},\n1,mary@x.example\n");
    let kept = draft.put_aside("crm.lead", "d/lead.csv", text.into());
    let kept = kept.await.unwrap().unwrap();
    let left = house.warehouse.store().get(&kept).await.unwrap();
    assert_eq!(left, "Id,Email\n1,mary@x.example\n");
    let whole = format!("[\"{LEAD}\"]");
    let kept = draft.put_aside("crm.lead", "d/lead.json", whole.into());
    assert_eq!(kept.await.unwrap(), None);
}

// Files that a copy brought back are found, whether or not a version names them.
#[tokio::test]
async fn what_comes_back_is_found() {
    let house = company().await;
    let store = house.warehouse.store().clone();
    let mut old = Vec::new();
    for folder in [
        "history/crm/lead",
        "archive",
        "outbox",
        "quarantine",
        "derived",
        "events",
    ] {
        for entry in store.list(folder).await.unwrap() {
            old.push((entry.path.clone(), store.get(&entry.path).await.unwrap()));
        }
    }
    erase(&house).await;
    for (path, bytes) in &old {
        // What was not replaced is still there.
        store.create(path, bytes.clone()).await.ok();
    }
    let proof = house.warehouse.prove_erasure().await.unwrap();
    let found = |folder: &str| {
        let prefix = store.shown(folder);
        proof
            .left
            .iter()
            .filter(|left| left.file.starts_with(&prefix))
            .count()
    };
    assert!(found("history/crm/lead/") > 0 && found("derived/") > 0 && found("events/") > 0);
    assert_eq!((found("outbox/"), found("quarantine/")), (6, 2));
    assert_eq!(
        found("archive/"),
        0,
        "a name alone is not kept, not even as a hash"
    );
    house.warehouse.sweep().await.unwrap();
    let proof = house.warehouse.prove_erasure().await.unwrap();
    assert!(proof.left.is_empty(), "{proof:?}");
}

// The tombstone holds no plain value, and hashes differ from one warehouse to another.
#[tokio::test]
async fn hashes_are_keyed() {
    let mut tombstones = Vec::new();
    for _ in 0..2 {
        let house = company().await;
        erase(&house).await;
        let store = house.warehouse.store();
        let entries = store.list("erased").await.unwrap();
        let entry = entries
            .iter()
            .find(|entry| entry.path.strip_suffix(".json").is_some())
            .unwrap();
        let text = store.get(&entry.path).await.unwrap();
        let json: Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(json["addresses"].as_array().unwrap().len(), 3);
        tombstones.push(json["addresses"].clone());
    }
    assert_ne!(tombstones[0], tombstones[1]);
}

/// The same files in a store of their own, without a lease that nobody holds any more.
async fn copy(memory: &Arc<InMemory>) -> Arc<InMemory> {
    let copy = Arc::new(InMemory::new());
    let (from, to) = (Store::over(memory.clone()), Store::over(copy.clone()));
    for entry in from.list("").await.unwrap() {
        if entry.path != "writer.lease" {
            let bytes = from.get(&entry.path).await.unwrap();
            to.create(&entry.path, bytes).await.unwrap();
        }
    }
    copy
}

fn over(memory: &Arc<InMemory>, plan: faults::Plan) -> (Faulty, House) {
    let store = Faulty::over(memory, plan);
    let warehouse = Warehouse::on(store.store());
    let zone = TimeZone::UTC;
    (store, House { warehouse, zone })
}

// An erasure that breaks off anywhere leaves every answer as it was, or has taken the person out of
// all of them; doing the same again ends it.
#[tokio::test]
async fn what_is_cut_short_is_done_again() {
    let memory = Arc::default();
    let (_, house) = over(&memory, faults::Plan::Never);
    let house = company_in(house).await;
    let before = answers(&house, 10).await;
    let (store, rehearsal) = over(&copy(&memory).await, faults::Plan::Never);
    erase(&rehearsal).await;
    let after = answers(&rehearsal, 10).await;
    let operations = store.seen().len();
    assert!(operations > 100, "{operations}");
    let mut ends = [0, 0];
    for at in (1..operations).step_by(operations / 24) {
        let memory = copy(&memory).await;
        let (_, crashing) = over(&memory, faults::Plan::At(at, Fault::Crash));
        // After the last deletions nothing is left to fail.
        try_erase(&crashing).await.ok();
        let memory = copy(&memory).await;
        let (_, house) = over(&memory, faults::Plan::Never);
        let is_erased = house.latest().await.commit_no == 7;
        let expected = if is_erased { &after } else { &before };
        assert_eq!(&answers(&house, 10).await, expected, "after {at}");
        ends[usize::from(is_erased)] += 1;
        erase(&house).await;
        let proof = house.warehouse.prove_erasure().await.unwrap();
        assert!(proof.left.is_empty(), "after {at}: {proof:?}");
        let verified = house.warehouse.verify().await.unwrap();
        assert!(verified.faults.is_empty(), "{:?}", verified.faults);
    }
    assert!(ends[0] > 0 && ends[1] > 0, "{ends:?}");
}
