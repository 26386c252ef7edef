use jiff::ToSpan;
use jiff::civil::date;
use mail_parser::MessageParser;

use super::*;
use crate::fs::Location;

const FIRST: Date = date(2026, 11, 18);

struct House {
    _folder: tempfile::TempDir,
    store: Store,
    from: Recipient,
    to: Recipient,
}

impl House {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&Location::folder(folder.path()).unwrap()).unwrap();
        let recipient = |address: &str| Recipient {
            address: address.to_owned(),
            name: None,
        };
        Self {
            _folder: folder,
            store,
            from: recipient("leadgauge@acme.example"),
            to: recipient("ops@acme.example"),
        }
    }

    /// A run so many days after the first, on the morning after, with these troubles: the notice's
    /// subject and what stands between its first line and its last two.
    async fn run(&self, day: i64, troubles: &[&str]) -> Option<(String, String)> {
        self.run_that_judges(day, troubles, &|_| true).await
    }

    async fn run_that_judges(
        &self,
        day: i64,
        troubles: &[&str],
        judged: &(dyn Fn(&str) -> bool + Sync),
    ) -> Option<(String, String)> {
        let as_of = FIRST.checked_add(day.days()).unwrap();
        let trouble = |key: &&str| Trouble {
            key: (*key).to_owned(),
            what: format!("`{key}` is missing: no such file\nfix: look at {as_of}"),
        };
        let findings = Findings {
            as_of,
            today: as_of.tomorrow().unwrap(),
            troubles: troubles.iter().map(trouble).collect(),
            judged,
            ended: "It ended.".to_owned(),
        };
        let owner = Owner {
            company: "Acme",
            from: &self.from,
            to: &To::Person(self.to.clone()),
        };
        let mail = notice(&self.store, &owner, &findings).await.unwrap()?;
        assert!(mail.message.is_ascii());
        let parsed = MessageParser::default().parse(&mail.message).unwrap();
        let text = parsed.body_text(0).unwrap().replace("\r\n", "\n");
        let (_, rest) = text.split_once("It ended.\n\n").unwrap();
        let (said, _) = rest.split_once("\n`leadgauge runs`").unwrap();
        Some((parsed.subject().unwrap().to_owned(), said.to_owned()))
    }
}

fn said(subject: &str, text: &str) -> (String, String) {
    (format!("Leadgauge, Acme: {subject}"), text.to_owned())
}

/// A trouble is told once in full, once a day that it is still so, and at last that it is over; a run
/// that finds nothing new on the same day says nothing, and neither does one without trouble.
#[tokio::test]
async fn each_trouble_is_told_once() {
    let house = House::new();
    assert_eq!(house.run(0, &[]).await, None);
    let new = "New\n* `a` is missing: no such file\n  fix: look at 2026-11-19\n";
    assert_eq!(
        house.run(1, &["a"]).await,
        Some(said("1 trouble, 2026-11-19", new))
    );
    assert_eq!(house.run(1, &["a"]).await, None);
    let second = "New\n* `b` is missing: no such file\n  fix: look at 2026-11-19\n";
    assert_eq!(
        house.run(1, &["a", "b"]).await,
        Some(said("1 trouble, 2026-11-19", second))
    );
    let still = "Still so\n* since 2026-11-19: `a` is missing: no such file\n\
                 * since 2026-11-19: `b` is missing: no such file\n";
    assert_eq!(
        house.run(2, &["a", "b"]).await,
        Some(said("still 2 troubles, 2026-11-20", still))
    );
    assert_eq!(house.run(2, &["a", "b"]).await, None);
    let over = "Still so\n* since 2026-11-19: `b` is missing: no such file\n\n\
                Over\n* since 2026-11-19: `a` is missing: no such file\n";
    assert_eq!(
        house.run(3, &["b"]).await,
        Some(said("still 1 trouble, 2026-11-21", over))
    );
    let over = "Over\n* since 2026-11-19: `b` is missing: no such file\n";
    assert_eq!(
        house.run(4, &[]).await,
        Some(said("recovered, 2026-11-22", over))
    );
    assert_eq!(house.run(5, &[]).await, None);
    assert_eq!(notices(&house.store).await.unwrap().len(), 5);
}

/// What a run cannot judge is neither over nor forgotten.
#[tokio::test]
async fn what_is_not_judged_stays_open() {
    let house = House::new();
    house.run(0, &["a"]).await.unwrap();
    let night = "New\n* `night` is missing: no such file\n  fix: look at 2026-11-18\n";
    let failed = house.run_that_judges(0, &["night"], &|_| false).await;
    assert_eq!(failed, Some(said("1 trouble, 2026-11-18", night)));
    let over = "Still so\n* since 2026-11-18: `a` is missing: no such file\n\n\
                Over\n* since 2026-11-18: `night` is missing: no such file\n";
    let next = house.run_that_judges(1, &[], &|key| key == "night").await;
    assert_eq!(next, Some(said("still 1 trouble, 2026-11-19", over)));
}

/// A mail that was refused, and one that may have arrived, are told once each, without the address that
/// a server repeats; after a resend that ends badly, again. A notice's own end is not.
#[tokio::test]
async fn ends_of_mails_are_told_once() {
    let house = House::new();
    let ledger = Ledger::new(&house.store);
    let refused = "550 5.1.1 <ann@acme.example> no such user";
    ledger
        .record("m", 0, State::Refused, refused)
        .await
        .unwrap();
    ledger.record("n", 0, State::Unknown, "lost").await.unwrap();
    ledger
        .record("notice-000001", 0, State::Refused, "no")
        .await
        .unwrap();
    let new = "New\n* The mail `m` was refused: 550 5.1.1 (an address) no such user\n\
               * The mail `n` may or may not have arrived: lost\n";
    assert_eq!(
        house.run(0, &[]).await,
        Some(said("2 troubles, 2026-11-18", new))
    );
    assert_eq!(house.run(1, &[]).await, None);
    let settled = ledger.newest("n").await.unwrap().unwrap();
    assert!(ledger.requeue(&settled, "asked for by Ann").await.unwrap());
    assert_eq!(house.run(2, &[]).await, None);
    ledger
        .record("n", 2, State::Refused, "554 no")
        .await
        .unwrap();
    let new = "New\n* The mail `n` was refused: 554 no\n";
    assert_eq!(
        house.run(3, &[]).await,
        Some(said("1 trouble, 2026-11-21", new))
    );
}

/// Of two runs that find the same, one tells it.
#[tokio::test]
async fn two_runs_tell_it_once() {
    let house = House::new();
    let (one, two) = futures::join!(house.run(0, &["a"]), house.run(0, &["a"]));
    assert_eq!(usize::from(one.is_some()) + usize::from(two.is_some()), 1);
    assert_eq!(notices(&house.store).await.unwrap(), ["notice-000001"]);
}
