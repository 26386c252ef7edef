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
            channel: None,
            page: None,
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
        let receipts = send(&house.store, &house.mails(), Duration::ZERO, &mails)
            .await
            .unwrap();
        outcomes.extend(receipts.into_iter().map(|receipt| receipt.outcome));
    }
    assert_eq!(outcomes, [Outcome::Sent, Outcome::Settled]);
    std::fs::remove_file(house.folder.path().join("ledger/m/0002-sent.json")).unwrap();
    let receipts = send(&house.store, &house.mails(), Duration::ZERO, &mails)
        .await
        .unwrap();
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
    let receipts = send(&house.store, &house.mails(), Duration::ZERO, &[mail("m")])
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
    let receipts = send(&house.store, &house.mails(), Duration::ZERO, &mails)
        .await
        .unwrap();
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

/// A server that answers each recipient by a script of its own, once a connection.
struct Answers {
    port: u16,
    heard: std::sync::Arc<std::sync::Mutex<Vec<String>>>,
}

impl Answers {
    /// The first so many times that a recipient is named, the server puts them off.
    fn putting_off(times: &'static [(&'static str, usize)]) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = std::sync::Arc::default();
        let shared = std::sync::Arc::clone(&heard);
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                converse(socket.unwrap(), &shared, times);
            }
        });
        Self { port, heard }
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    fn transport(&self) -> config::Transport {
        config::Transport::Smtp(config::Smtp {
            host: "127.0.0.1".to_owned(),
            port: self.port,
            tls: config::Tls::None,
            login: None,
        })
    }
}

fn converse(
    socket: std::net::TcpStream,
    heard: &std::sync::Mutex<Vec<String>>,
    times: &[(&str, usize)],
) {
    use std::io::{BufRead, BufReader, Write};
    let mut out = socket.try_clone().unwrap();
    let mut say = |line: &str| out.write_all(format!("{line}\r\n").as_bytes()).is_ok();
    say("220 ready");
    let mut in_message = false;
    for line in BufReader::new(socket).lines().map_while(Result::ok) {
        let recipient = line.strip_prefix("RCPT TO:<").unwrap_or_default();
        let name = recipient.split('@').next().unwrap_or_default();
        let put_off = !name.is_empty() && {
            let mut heard = heard.lock().unwrap();
            heard.push(name.to_owned());
            let so_far = heard.iter().filter(|known| *known == name).count();
            let limit = times.iter().find(|(who, _)| *who == name);
            limit.is_some_and(|(_, limit)| so_far <= *limit)
        };
        let answered = match line.as_str() {
            "DATA" => {
                in_message = true;
                say("354 go on")
            }
            "." => {
                in_message = false;
                say("250 taken")
            }
            _ if in_message => true,
            _ if put_off => say("450 4.2.1 busy"),
            _ => say("250 ok"),
        };
        if !answered {
            break;
        }
    }
}

fn to(name: &str) -> Outgoing {
    let mut mail = mail(name);
    mail.envelope.to = format!("{name}@acme.example");
    mail
}

/// What a server puts off is tried again behind the others, in the same run, until it is taken.
#[tokio::test]
async fn put_off_is_tried_again_behind_the_others() {
    let house = House::new();
    let server = Answers::putting_off(&[("ann", 2)]);
    let mails = [to("ann"), to("bob"), to("cid")];
    let mails: Vec<&Outgoing> = mails.iter().collect();
    let transport = server.transport();
    let millis = Duration::from_millis;
    let pauses = Backoff::new(millis(1), millis(5), Duration::from_mins(1));
    let receipts = send_patiently(&house.store, Way::Mail(&transport), pauses, &mails);
    let receipts = receipts.await.unwrap();
    let told: Vec<_> = receipts
        .iter()
        .map(|receipt| (receipt.id.as_str(), receipt.attempts, &receipt.outcome))
        .collect();
    let sent = &Outcome::Sent;
    assert_eq!(told, [("ann", 3, sent), ("bob", 1, sent), ("cid", 1, sent)]);
    assert_eq!(server.heard(), ["ann", "bob", "cid", "ann", "ann"]);
    let tries = tries(&house.store).await.unwrap();
    let told: Vec<_> = tries
        .iter()
        .map(|(id, tried)| (id.as_str(), tried.attempts))
        .collect();
    assert_eq!(told, [("ann", 3)]);
}

/// When the time is up, what is still put off waits, and why it does can be asked.
#[tokio::test]
async fn what_still_waits_is_kept_with_its_reason() {
    let house = House::new();
    let server = Answers::putting_off(&[("ann", usize::MAX)]);
    let mails = [to("ann"), to("bob")];
    let mails: Vec<&Outgoing> = mails.iter().collect();
    let transport = server.transport();
    let millis = Duration::from_millis;
    let pauses = Backoff::new(millis(1), millis(4), millis(200));
    let receipts = send_patiently(&house.store, Way::Mail(&transport), pauses, &mails);
    let receipts = receipts.await.unwrap();
    let ann = receipts.first().unwrap();
    assert_eq!(ann.outcome, Outcome::Waits("450 4.2.1 busy".to_owned()));
    assert!(ann.attempts > 2, "{}", ann.attempts);
    let known = tries(&house.store).await.unwrap();
    let told = known.get("ann").unwrap();
    assert_eq!(
        (told.attempts, told.reason.as_str()),
        (ann.attempts, "450 4.2.1 busy")
    );
    assert_eq!(known.len(), 1);
    let states: Vec<_> = house.story().await.into_iter().map(|line| line.1).collect();
    assert_eq!(
        states,
        [State::Sending, State::Sent],
        "only Bob's was claimed"
    );
    send(&house.store, &transport, Duration::ZERO, &[to("ann")])
        .await
        .unwrap();
    let now = tries(&house.store).await.unwrap()["ann"].attempts;
    assert_eq!(now, ann.attempts + 1, "tries add up over runs");
}

/// What is put back into the queue on purpose is sent again, the same message, and the ledger says who
/// asked; of two who ask at once, one does.
#[tokio::test]
async fn a_settled_message_is_sent_again_on_purpose() {
    let house = House::new();
    let mails = [mail("m")];
    let transport = house.mails();
    send(&house.store, &transport, Duration::ZERO, &mails)
        .await
        .unwrap();
    let ledger = house.ledger();
    let settled = ledger.newest("m").await.unwrap().unwrap();
    assert!(ledger.requeue(&settled, "asked by Ann").await.unwrap());
    assert!(!ledger.requeue(&settled, "asked by Bob").await.unwrap());
    assert!(ledger.settled().await.unwrap().is_empty());
    let receipts = send(&house.store, &transport, Duration::ZERO, &mails)
        .await
        .unwrap();
    assert_eq!(receipts.first().unwrap().outcome, Outcome::Sent);
    let words: Vec<_> = house.story().await.into_iter().map(|line| line.2).collect();
    assert_eq!(words, ["", "", "asked by Ann", "", ""]);
    let standing = ledger.states().await.unwrap()["m"];
    assert_eq!(
        (standing.number, standing.state, standing.claims),
        (5, State::Sent, 2)
    );
}

/// Only what nobody has begun to hand over is superseded, and then it is settled.
#[tokio::test]
async fn only_what_waits_is_superseded() {
    let house = House::new();
    let ledger = house.ledger();
    ledger
        .record("sending", 0, State::Sending, "")
        .await
        .unwrap();
    ledger
        .record("queued", 0, State::Queued, "451 later")
        .await
        .unwrap();
    for (message, done) in [
        ("sending", false),
        ("queued", true),
        ("new", true),
        ("new", false),
    ] {
        assert_eq!(
            ledger.supersede(message, "later").await.unwrap(),
            done,
            "{message}"
        );
    }
    let settled = ledger.settled().await.unwrap();
    assert_eq!(settled.iter().collect::<Vec<_>>(), ["new", "queued"]);
    let mails = [mail("queued")];
    let receipts = send(&house.store, &house.mails(), Duration::ZERO, &mails)
        .await
        .unwrap();
    assert_eq!(receipts.first().unwrap().outcome, Outcome::Settled);
}
