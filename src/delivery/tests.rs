use jiff::civil::date;

use super::*;
use crate::fs::Location;

struct House {
    folder: tempfile::TempDir,
    store: Store,
}

impl House {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&Location::folder(folder.path()).unwrap()).unwrap();
        Self { folder, store }
    }

    fn ledger(&self) -> Ledger {
        Ledger::new(&self.store)
    }

    /// What the ledger tells, oldest first.
    async fn story(&self) -> Vec<(usize, State, String)> {
        let entries = self.ledger().all().await.unwrap();
        let line = |entry: Entry| (entry.number, entry.state, entry.reason);
        entries.into_iter().map(line).collect()
    }

    fn mails(&self) -> config::Transport {
        let folder = self.folder.path().join("mail");
        config::Transport::Folder(Location::folder(&folder).unwrap())
    }
}

fn mail(id: &str) -> Outgoing {
    Outgoing {
        envelope: Envelope {
            id: id.to_owned(),
            report: "daily".to_owned(),
            as_of: date(2026, 11, 19),
            from: "leadgauge@acme.example".to_owned(),
            to: "ann@acme.example".to_owned(),
        },
        message: b"Subject: x\r\n\r\nx\r\n".to_vec(),
    }
}

/// A message that waits after its claim goes back into the queue, with the reason; before it, the
/// ledger stays as it is.
#[tokio::test]
async fn a_claim_is_given_back() {
    let house = House::new();
    let ledger = house.ledger();
    let mut claim = Claim::after(None, &ledger, "m");
    let waits = || Handed::Waits("451 later".to_owned());
    let outcome = Outcome::Waits("451 later".to_owned());
    assert_eq!(settle(&mut claim, waits()).await, outcome);
    assert_eq!(house.story().await, []);
    assert!(claim.take().await.unwrap());
    assert_eq!(settle(&mut claim, waits()).await, outcome);
    let story = [
        (1, State::Sending, String::new()),
        (2, State::Queued, "451 later".to_owned()),
    ];
    assert_eq!(house.story().await, story);
}

/// Who could not reach the server does not give back the claim that another sender took meanwhile:
/// a third would send the message again.
#[tokio::test]
async fn another_senders_claim_stands() {
    let house = House::new();
    let ledger = house.ledger();
    let mut mine = Claim::after(None, &ledger, "m");
    let mut theirs = Claim::after(None, &ledger, "m");
    assert!(theirs.take().await.unwrap());
    settle(&mut mine, Handed::Waits("no route".to_owned())).await;
    assert_eq!(house.story().await, [(1, State::Sending, String::new())]);
    assert!(!mine.take().await.unwrap());
}

/// A message is handed over once; after a crash in between, the file that is there is enough.
#[tokio::test]
async fn a_file_is_written_once() {
    let house = House::new();
    let mails = [mail("m")];
    let mut outcomes = Vec::new();
    for _ in 0..2 {
        let receipts = send(&house.store, &house.mails(), &mails).await.unwrap();
        outcomes.extend(receipts.into_iter().map(|receipt| receipt.outcome));
    }
    assert_eq!(outcomes, [Outcome::Sent, Outcome::Settled]);
    std::fs::remove_file(house.folder.path().join("ledger/m/0002-sent.json")).unwrap();
    let receipts = send(&house.store, &house.mails(), &mails).await.unwrap();
    assert_eq!(receipts.first().unwrap().outcome, Outcome::Sent);
    let states: Vec<_> = house.story().await.into_iter().map(|line| line.1).collect();
    assert_eq!(states, [State::Sending, State::Sending, State::Sent]);
}

/// Another mail of the same name is not taken for this one.
#[tokio::test]
async fn another_mail_stays() {
    let house = House::new();
    let path = house.folder.path().join("mail/m.eml");
    crate::fs::write(&path, b"another").unwrap();
    let receipts = send(&house.store, &house.mails(), &[mail("m")])
        .await
        .unwrap();
    let why = format!("another mail is at `{}`", path.display());
    assert_eq!(receipts.first().unwrap().outcome, Outcome::Held(why));
    assert_eq!(std::fs::read(&path).unwrap(), b"another");
}

/// A message whose ledger cannot be read waits, and the next one is sent all the same.
#[tokio::test]
async fn a_damaged_ledger_costs_nobody_else() {
    let house = House::new();
    let damaged = house.folder.path().join("ledger/a/0001-sending.json");
    crate::fs::write(&damaged, b"{").unwrap();
    let mails = [mail("a"), mail("b")];
    let receipts = send(&house.store, &house.mails(), &mails).await.unwrap();
    let outcomes: Vec<_> = receipts.iter().map(|receipt| &receipt.outcome).collect();
    let [Outcome::Held(why), Outcome::Sent] = outcomes.as_slice() else {
        panic!("{outcomes:?}");
    };
    assert!(
        why.starts_with("its ledger fails: Cannot read or write `"),
        "{why}"
    );
}

/// A server's words are one line of a log.
#[test]
fn words_from_elsewhere_are_plain() {
    assert_eq!(
        plain("550 5.1.1\r\n\u{1b}[31mno\tsuch  user"),
        "550 5.1.1 [31mno such user"
    );
    assert_eq!(plain(&"x".repeat(1000)).len(), 500);
}
