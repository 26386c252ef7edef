//! A company of two sources in which Jane is a lead, a contact and a person of the other source.

use serde_json::json;

use super::*;
use crate::config::ColumnType::Boolean;

pub(super) const LEAD: &str = "00Q00000000JANE";
pub(super) const CONTACT: &str = "00300000000JANE";
const DEAL: &str = "00600000000DEAL";
/// The person's number in the other source, and all that names the person anywhere.
pub(super) const NUMBER: i64 = 4711;
pub(super) const ADDRESSES: [&str; 3] =
    ["jane@x.example", "doe@home.example", "j.doe@work.example"];

const PERSON: [(&str, ColumnType); 6] = [
    ("Id", Text),
    ("Email", Text),
    ("Name", Text),
    ("Note", Text),
    ("Converted", Boolean),
    ("SystemModstamp", Timestamp),
];

/// Everything one night brings; Jane is part of it.
pub(super) fn extracts(day: i8) -> Vec<Extract> {
    let jane = if day < 7 { ADDRESSES[0] } else { ADDRESSES[1] };
    let note = format!("seen on {day}");
    let person = |id: &str, email: &str, name: &str, note: &str| {
        json!({"id": id, "email": email, "name": name, "note": note, "converted": day > 8,
               "systemmodstamp": null})
    };
    let leads = [
        person(
            "00Q00000000MARY",
            "mary@x.example",
            "Mary Major",
            "knows JANE@x.example, says Ann",
        ),
        person(LEAD, jane, "Jane Doe", &note),
        person(LEAD, jane, "Jane Doe", "twice"),
        person("00Q00000000BOBO", "bob@x.example", "Bob Ross", &note),
    ];
    let contacts = [
        person(CONTACT, ADDRESSES[2], "Jane Doe", "of old"),
        person(
            "00300000000MARY",
            "mary@work.example",
            "Mary Major",
            "of old",
        ),
    ];
    let deal = [
        ("Id", Text),
        ("Name", Text),
        ("ContactId", Text),
        ("Stage", Text),
    ];
    let deals = [
        json!({"id": DEAL, "name": "Big", "contactid": CONTACT, "stage": format!("{}", day / 3)}),
        json!({"id": "00600000000MORE", "name": "Small", "contactid": "00300000000MARY", "stage": "1"}),
    ];
    let mapped = [("Id", Bigint), ("Email", Text), ("Employees", Bigint)];
    let people = [
        json!({"id": NUMBER, "email": jane, "employees": 5}),
        json!({"id": 12, "email": "mary@x.example", "employees": NUMBER}),
    ];
    let visit = [("Id", Text), ("PersonId", Bigint), ("Page", Text)];
    let visits = [
        json!({"id": format!("v{day}"), "personid": NUMBER, "page": "/a"}),
        json!({"id": format!("w{day}"), "personid": 12, "page": "/b"}),
        json!({"id": format!("x{day}"), "personid": null, "page": "/c?email=doe%40home.example"}),
    ];
    let task = [("Id", Text), ("WhoId", Text), ("Subject", Text)];
    let tasks = [
        json!({"id": format!("t{day}"), "whoid": LEAD, "subject": "Call"}),
        json!({"id": format!("u{day}"), "whoid": "00Q00000000MARY", "subject": "Call"}),
    ];
    let (as_of, kind) = (nov(day), lead_kind);
    let keyed = || StreamKind::Snapshot {
        key: "id".to_owned(),
        created: None,
        modified: None,
    };
    let events = || StreamKind::Events {
        key: "id".to_owned(),
        at: None,
    };
    let other = |mut extract: Extract| {
        extract.source = "map".to_owned();
        extract
    };
    let kind = || match kind() {
        StreamKind::Snapshot { key, modified, .. } => StreamKind::Snapshot {
            key,
            created: None,
            modified,
        },
        other => other,
    };
    vec![
        extract("lead", kind(), as_of, &PERSON, &leads),
        extract("contact", kind(), as_of, &PERSON, &contacts),
        extract("deal", keyed(), as_of, &deal, &deals),
        extract("task", events(), as_of, &task, &tasks),
        other(extract("person", keyed(), as_of, &mapped, &people)),
        other(extract("visit", events(), as_of, &visit, &visits)),
    ]
}

fn told(day: i8) -> Extract {
    let jane = format!("c{day} {LEAD} Note - {day} {day:02}T10:00");
    let mary = format!("d{day} 00Q00000000MARY Name Mary Marys {day:02}T10:00");
    changes(nov(day), &[&jane, &mary])
}

pub(super) async fn record(draft: &mut Draft, day: i8) -> BTreeMap<String, Recorded> {
    let told = told(day);
    let mut recorded = BTreeMap::new();
    recorded.insert(
        "crm.lead_change".to_owned(),
        draft.record_events(&told).await.unwrap(),
    );
    for extract in extracts(day) {
        let what = match extract.kind {
            StreamKind::Events { .. } => draft.record_events(&extract).await,
            _ if extract.stream == "lead" => draft.record(&extract, Some(&told)).await,
            _ => draft.record(&extract, None).await,
        };
        recorded.insert(
            format!("{}.{}", extract.source, extract.stream),
            what.unwrap(),
        );
    }
    recorded
}

fn mail() -> Vec<u8> {
    // A body in base64: "Ask jane@x.example"
    let head = "From: a@b.example\r\nTo: c@d.example\r\nSubject: x\r\nMIME-Version: 1.0\r\n";
    let body = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n\
                QXNrIGphbmVAeC5leGFtcGxl\r\n";
    format!("{head}{body}").into_bytes()
}

/// Six nights, the third of which kept a refused file, with pages and mails.
pub(super) async fn company() -> House {
    company_in(House::new()).await
}

pub(super) async fn company_in(house: House) -> House {
    for day in 5..=10 {
        let mut draft = house.begin(nov(day)).await;
        record(&mut draft, day).await;
        let schema = schema_of(&[("person_id", Text), ("n", Bigint)]);
        let rows = [
            json!({"person_id": format!("crm.lead:{LEAD}"), "n": day}),
            json!({"person_id": "crm.lead:00Q00000000MARY", "n": day}),
        ];
        let batch = [batch_of(&schema, &rows).unwrap()];
        draft.append("seen", &schema, &batch).await.unwrap();
        draft.replace("person", &schema, &batch).await.unwrap();
        let page = |text: &str| bytes::Bytes::from(text.to_owned());
        let put = [
            (FileKind::Archive, "a.html", page("<td>Jane  Doe</td>")),
            (FileKind::Archive, "b.html", page("<td>Mary Major</td>")),
            (FileKind::Outbox, "m1.json", page("{}")),
            (FileKind::Outbox, "m1.eml", mail().into()),
            (FileKind::Outbox, "m2.json", page("{}")),
            (FileKind::Outbox, "m2.eml", page("Subject: y\r\n\r\nnobody")),
        ];
        for (kind, path, bytes) in put {
            draft.put(kind, path, bytes).await.unwrap();
        }
        if day == 7 {
            let text = format!("Id,Email\n1,mary@x.example\n{LEAD},\n2,jane@x.example\n");
            draft
                .put_aside("crm.lead", "d/lead.csv", text.into())
                .await
                .unwrap();
            draft
                .put_aside("crm.lead", "d/all.json", "[\"doe@home.example\"]".into())
                .await
                .unwrap();
        }
        commit(draft).await;
    }
    house
}
