//! Each gate at its threshold and beyond it, and columns that drift.

use serde_json::json;

use super::*;
use crate::config::ColumnType::{Date as Day, Double};
use crate::config::Gates;

/// Gates that judge nothing.
fn open() -> Gates {
    Gates {
        max_fall: None,
        max_age_days: None,
        max_future: None,
        max_null: BTreeMap::new(),
    }
}

/// What is judged of an extract without a version before: checks as `name n/threshold outcome`, then
/// what is not believed and its fix.
fn judged(extract: &Extract, version: Option<&Version>, gates: &Gates) -> String {
    let judged = gate(extract, version, gates, &TimeZone::UTC);
    let checks = judged.checks.iter().map(|check| {
        let threshold = check.threshold.unwrap();
        format!("{} {}/{threshold} {}", check.name, check.n, check.outcome())
    });
    let faults = judged.faults.iter();
    let faults = faults.map(|fault| format!("{fault}\n  fix: {}", fault.fix()));
    checks.chain(faults).collect::<Vec<_>>().join("\n")
}

// A snapshot that lost more than its share of rows is not believed; what else came is not compared.
#[tokio::test]
async fn a_fall() {
    let house = House::new();
    let all: Vec<String> = (0..10).map(|n| format!("{n} New 1 - -")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    house.night(&leads(nov(5), &all), None).await;
    let version = house.latest().await;
    let gates = Gates {
        max_fall: Some(0.2),
        ..open()
    };
    let after = |rows| judged(&leads(nov(6), rows), Some(&version), &gates);
    assert_eq!(after(&all), "max_fall 0/2 passed");
    assert_eq!(after(&all[..8]), "max_fall 2/2 passed");
    insta::assert_snapshot!(after(&all[..7]), @r"
    max_fall 3/2 failed
    `crm.lead` fell from 10 rows on 2026-11-05 to 7; a fall of more than 20 % is not believed
      fix: export it again; if so many are really gone, raise `max_fall` of stream `crm.lead`
    ");
    assert_eq!(judged(&calls(nov(6), &[]), Some(&version), &gates), "");
    assert_eq!(judged(&leads(nov(6), &[]), None, &gates), "");
}

// An export whose newest stamp is too old is stale, to the microsecond; no stamp tells nothing.
#[test]
fn an_age() {
    let gates = Gates {
        max_age_days: Some(3),
        ..open()
    };
    let of = |rows: &[&str]| judged(&leads(nov(8), rows), None, &gates);
    assert_eq!(of(&["a New 1 01T09:00 08T23:59"]), "max_age 1/3 passed");
    assert_eq!(of(&["a New 1 06T00:00 01T09:00"]), "max_age 3/3 passed");
    insta::assert_snapshot!(of(&["a New 1 01T09:00 05T23:59", "b New 1 01T09:00 -"]), @r"
    max_age 4/3 failed
    `crm.lead` is stale: its newest stamp lies 4 days before the end of 2026-11-08; at most 3 is believed
      fix: see that the export still runs; if so little really happens, raise `max_age` of stream `crm.lead`
    ");
    // The small hours after the day are no age at all; a slip into next year is no freshness.
    assert_eq!(of(&["a New 1 01T09:00 09T02:00"]), "max_age 0/3 passed");
    assert_eq!(
        of(&["a New 1 01T09:00 30T00:00"]).lines().next(),
        Some("max_age 8/3 failed")
    );
    assert_eq!(of(&["a New 1 - -"]), "");
    assert_eq!(of(&[]), "");
}

// A day is over when it has ended in the company's zone; a date counts from its first instant.
#[test]
fn stamps_are_judged_in_the_companys_zone() {
    let columns = [("Id", Text), ("At", Day)];
    let kind = StreamKind::Events {
        key: "id".to_owned(),
        at: Some("at".to_owned()),
    };
    let row = json!({"id": "1", "at": "2026-11-06"});
    let extract = extract("task", kind, nov(5), &columns, &[row]);
    let gates = Gates {
        max_future: Some(0.5),
        ..open()
    };
    let n = |zone: &TimeZone| gate(&extract, None, &gates, zone).checks[0].n;
    assert_eq!(n(&TimeZone::UTC), 1);
    let late = leads(nov(5), &["a New 1 - 06T04:00"]);
    let n = |zone: &TimeZone| gate(&late, None, &gates, zone).checks[0].n;
    let west = TimeZone::get("America/New_York").unwrap();
    assert_eq!((n(&TimeZone::UTC), n(&west)), (1, 0));
}

// Stamps after the day's end are believed up to a share: an export of the small hours has a few.
#[test]
fn a_future() {
    let gates = Gates {
        max_future: Some(0.25),
        ..open()
    };
    let of = |rows: &[&str]| judged(&leads(nov(5), rows), None, &gates);
    let sound = "a New 1 05T09:00 05T23:59";
    assert_eq!(
        of(&[sound, "b New 1 05T09:00 06T00:00"]),
        "max_future 1/1 passed"
    );
    insta::assert_snapshot!(of(&[sound, "b New 1 06T00:00 06T00:00"]), @r"
    max_future 2/1 failed
    `crm.lead` has 2 of its 4 stamps after 2026-11-05; more than 25 % are not believed
      fix: see that this is the export of that day, and that zone and format of its stamps are right; else raise `max_future` of stream `crm.lead`
    ");
    let changes = changes(nov(5), &["1 a Status New Open 06T00:00"]);
    assert_eq!(
        judged(&changes, None, &gates).lines().next(),
        Some("max_future 1/0 failed")
    );
    assert_eq!(of(&[]), "max_future 0/0 passed");
}

// A column may be null in a share of the rows; one that is not there is null in all of them.
#[test]
fn nulls() {
    let gates = |column: &str, share| Gates {
        max_null: BTreeMap::from([(column.to_owned(), share)]),
        ..open()
    };
    let rows: Vec<String> = (0..100)
        .map(|n| format!("{n} {} 1 - -", if n < 29 { "-" } else { "New" }))
        .collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let extract = leads(nov(5), &rows);
    let of = |gates: &Gates| judged(&extract, None, gates);
    assert_eq!(of(&gates("Status", 0.29)), "max_null: Status 29/29 passed");
    insta::assert_snapshot!(of(&gates("Status", 0.07)), @r"
    max_null: Status 29/7 failed
    `Status` of `crm.lead` is null in 29 of 100 rows; more than 7 % are not believed
      fix: export it again; if so many are really without it, raise `Status` in `max_null` of stream `crm.lead`
    ");
    assert_eq!(
        of(&gates("Email", 0.5)).lines().next(),
        Some("max_null: Email 100/50 failed")
    );
    let empty = leads(nov(5), &[]);
    assert_eq!(
        judged(&empty, None, &gates("Status", 0.1)),
        "max_null: Status 0/0 passed"
    );
}

// A refused file is kept as it came, once even where two streams read it, and is no table.
#[tokio::test]
async fn refused_files_are_kept() {
    let house = House::new();
    let mut draft = house.begin(nov(5)).await;
    let mut kept = Vec::new();
    for stream in ["crm.lead", "crm.contact"] {
        let put = draft.put_aside(stream, "2026-11-05/all.csv", "Id\r\n1".into());
        kept.push(put.await.unwrap());
    }
    commit(draft).await;
    assert_eq!(kept[0], kept[1]);
    let version = house.latest().await;
    let files: Vec<_> = version.files_of(FileKind::Quarantine).collect();
    assert_eq!((files.len(), files[0].table.as_str()), (1, "crm.lead"));
    let path = format!("quarantine/{}/crm/2026-11-05/all.csv", version.run_id);
    assert_eq!(files[0].path, path);
    let bytes = house.warehouse.store().get(&path).await.unwrap();
    assert_eq!(bytes, "Id\r\n1");
    assert!(version.tables().is_empty());
}

// Columns that go, come and widen are counted; a new one of nearly the name and of the type may be
// the one that went.
#[tokio::test]
async fn columns_drift() {
    let house = House::new();
    let night = |day, columns: &[(&str, ColumnType)], row: Value| {
        extract("lead", lead_kind(), day, columns, &[row])
    };
    let row = json!({"id": "a", "email": "x", "score": 5, "zip": "01"});
    let columns = [
        ("Id", Text),
        ("Email", Text),
        ("Score", Bigint),
        ("Zip", Text),
    ];
    let mut draft = house.begin(nov(5)).await;
    draft
        .record(&night(nov(5), &columns, row), None)
        .await
        .unwrap();
    commit(draft).await;
    let row = json!({"id": "a", "e_mail": "x", "zap": 1, "score": 5.5});
    let columns = [
        ("Id", Text),
        ("E_Mail", Text),
        ("Zap", Bigint),
        ("Score", Double),
    ];
    let drift = Drift::of(&night(nov(6), &columns, row), &house.latest().await);
    let said: Vec<String> = drift.checks().into_iter().map(|check| check.name).collect();
    assert_eq!(
        said,
        [
            "vanished: Email",
            "vanished: Zip",
            "added: E_Mail",
            "added: Zap",
            "widened: Score"
        ]
    );
    let renamed: Vec<Option<&str>> = drift
        .vanished
        .iter()
        .map(|gone| drift.renamed(gone).map(schema::Column::original))
        .collect();
    assert_eq!(renamed, [Some("E_Mail"), None], "a number is no text");
}
