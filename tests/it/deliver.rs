use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::thread;

use mail_parser::MessageParser;

use crate::mail::{RUN, only_sends, plainly, problems};
use crate::smtp_server::{Message, Reply, Server};
use crate::support::{Project, Ran};

pub(crate) const ANN: &str = "2026-11-18-daily-69d5e77c353f3834";
const BOB: &str = "2026-11-18-daily-b46bae77e9dec1ae";

fn with_owner(server: &Server) -> Project {
    let project = plainly(server);
    let owner = "delivery:\n  owner: Ops <ops@acme.example>";
    project.replace("config/leadgauge.yaml", "delivery:", owner);
    project
}

/// What `deliver list` tells: `recipient state attempts reason`.
pub(crate) fn listed(project: &Project, args: &[&str]) -> Vec<String> {
    let args = [&["deliver", "list", "--json"], args].concat();
    let rows: Vec<serde_json::Value> = serde_json::from_str(&project.ok(&args).stdout).unwrap();
    let line = |row: &serde_json::Value| {
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        let line = format!(
            "{} {} {}",
            text("recipient"),
            text("state"),
            row["attempts"]
        );
        format!("{line} {}", text("reason")).trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// Subject and text of the owner's mails that a server took.
fn notices(server: &Server) -> Vec<(String, String)> {
    let is_owners = |message: &Message| message.to == ["ops@acme.example"];
    let mut messages = server.messages();
    messages.retain(is_owners);
    let read = |message: &Message| {
        let mail = MessageParser::default().parse(&message.bytes).unwrap();
        let text = mail.body_text(0).unwrap().replace("\r\n", "\n");
        (mail.subject().unwrap().to_owned(), text)
    };
    messages.iter().map(read).collect()
}

fn ended(ran: &Ran) -> (i32, &str) {
    (ran.code, ran.stderr.as_str())
}

/// A night can be made, looked at, listed and sent by hand; each step says what it did.
#[test]
fn a_night_is_looked_at_before_it_is_sent() {
    let server = Server::start(&[]);
    let project = plainly(&server);
    project.ok(&["run", "--no-send", "--as-of", "2026-11-18"]);
    let queued = ["bob@acme.example queued 0", "ann@acme.example queued 0"];
    assert_eq!(listed(&project, &[]), queued);
    let ran = project.ok(&["deliver", "preview"]);
    let page = "preview/daily-2026-11-18.html";
    let files = format!("preview/{ANN}.eml\npreview/{BOB}.eml\n{page}\n");
    assert_eq!(ran.stdout, files);
    assert!(project.read(page).starts_with("<!"));
    assert!(server.messages().is_empty() && project.files("warehouse/ledger").is_empty());
    let ran = project.ok(&["deliver", "retry"]);
    assert_eq!(ran.stderr, "2 mails sent\n");
    let sent = server.messages().pop().unwrap();
    let shown = project.read(&format!("preview/{BOB}.eml"));
    assert_eq!(
        String::from_utf8(sent.bytes).unwrap().trim_end(),
        shown.trim_end()
    );
    let ran = project.ok(&["deliver", "retry"]);
    assert_eq!(ran.stderr, "There is nothing to send\n");
    let sent = ["bob@acme.example sent 1", "ann@acme.example sent 1"];
    assert_eq!(listed(&project, &[]), sent);
    assert_eq!(listed(&project, &["--to", "Ann@acme.example"]), sent[1..]);
    assert_eq!(listed(&project, &["--as-of", "2026-11-17"]), [""; 0]);
    let table = project.ok(&["deliver", "list", "--report", "daily"]).stdout;
    assert!(table.contains("| ann@acme.example | sent"), "{table}");
    let ran = project.ok(&["deliver", "preview"]);
    let none = "No message fits: `leadgauge run --no-send` makes a night's mails without sending them, \
                and `--as-of DATE` takes those of a day that were sent already\n";
    assert_eq!(ran.stderr, none);
}

/// A message is sent again only on purpose, by its name, as the same message; the ledger says who asked.
#[test]
fn a_message_is_sent_again_on_purpose() {
    let refused = Reply::Say("550 5.1.1 no such user");
    let server = Server::start(&[("RCPT TO:<ann@", refused), (".", Reply::Close)]);
    let project = plainly(&server);
    assert_eq!(project.run(&RUN).code, 1);
    let why = "the message was handed over, but the server closed the connection, or its answer is no SMTP";
    let bob = format!("bob@acme.example unknown 1 {why}");
    let ann = "ann@acme.example refused 1 550 5.1.1 no such user";
    assert_eq!(listed(&project, &[]), [bob.as_str(), ann]);
    for id in [ANN, BOB] {
        let ran = project.ok(&["deliver", "resend", id, "--name", "Dana Lee"]);
        assert_eq!(ran.stderr, "1 mail sent\n");
    }
    let messages = server.messages();
    let to: Vec<&str> = messages
        .iter()
        .map(|message| message.to[0].as_str())
        .collect();
    assert_eq!(
        to,
        ["bob@acme.example", "ann@acme.example", "bob@acme.example"]
    );
    assert_eq!(messages[0].bytes, messages[2].bytes);
    let query =
        "select state, reason from job_delivery where message like '%daily-b4%' order by number";
    let story = serde_json::to_string(&project.sql(query)).unwrap();
    let asked = r#"{"state":"queued","reason":"asked for by Dana Lee"},{"state":"sending","reason":""},{"state":"sent","reason":""}]"#;
    assert!(story.ends_with(asked), "{story}");
    only_sends("0 mails", &project.run(&RUN));
}

/// What cannot be sent again is said, with what to do.
#[test]
fn what_cannot_be_sent_again_is_said() {
    let project = Project::from("mail");
    let empty = "error: The warehouse is empty\n  fix: run `leadgauge run` once\n";
    assert_eq!(ended(&project.run(&["deliver", "list"])), (2, empty));
    project.ok(&["run", "--no-send", "--as-of", "2026-11-18"]);
    let mistyped = ANN.replace("daily", "dayly");
    let ran = project.run(&["deliver", "resend", &mistyped, "--name", "Dana"]);
    let told = format!(
        "error: There is no message `{mistyped}` in the outbox\n  \
         fix: did you mean `{ANN}`? `leadgauge deliver list` shows the messages there are\n"
    );
    assert_eq!(ended(&ran), (2, told.as_str()));
    let ran = project.run(&["deliver", "resend", ANN, "--name", "Dana"]);
    let told = format!(
        "error: The message `{ANN}` is queued: only one of which nothing is left to do is sent again on purpose\n  \
         fix: `leadgauge deliver retry` sends what waits; `leadgauge deliver list` shows what became of each\n"
    );
    assert_eq!(ended(&ran), (2, told.as_str()));
    let ran = project.run(&["deliver", "resend", ANN]);
    assert!(ran.stderr.contains("--name <NAME>"), "{}", ran.stderr);
}

/// A server that is busy for a moment gets the mail in the same run, after the others'.
#[test]
fn a_busy_server_is_asked_again() {
    let server = Server::start(&[("RCPT TO:<ann@", Reply::Say("450 4.2.1 mailbox busy"))]);
    let project = plainly(&server);
    project.replace("config/leadgauge.yaml", "  keep_trying: 0 minutes\n", "");
    project.ok(&RUN);
    assert_eq!(server.reached(), ["bob@acme.example", "ann@acme.example"]);
    let sent = ["bob@acme.example sent 1", "ann@acme.example sent 2"];
    assert_eq!(listed(&project, &[]), sent);
}

/// When nothing arrives, so that nothing is published, the owner hears of it once, and once that it is
/// over; recipients hear nothing of either.
#[test]
fn the_owner_hears_of_a_night_without_exports() {
    let server = Server::start(&[]);
    let project = with_owner(&server);
    let night = ["run", "--as-of", "2026-11-20"];
    for _ in 0..2 {
        assert_eq!(project.run(&night).code, 75);
    }
    let told = notices(&server);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].0, "Leadgauge, Acme: 1 trouble, 2026-11-20");
    let start = "The run for 2026-11-20 failed, and nothing is published for that day.\n\nNew\n\
                 * Nothing could be published for 2026-11-20: No stream arrived for 2026-11-20";
    assert!(told[0].1.starts_with(start), "{}", told[0].1);
    assert_eq!(server.reached(), ["ops@acme.example"]);
    let export = project.read("exports/2026-11-18/lead.csv");
    project.write("exports/2026-11-20/lead.csv", export);
    project.ok(&night);
    let told = notices(&server);
    assert_eq!(told.len(), 2);
    assert_eq!(told[1].0, "Leadgauge, Acme: recovered, 2026-11-20");
    assert!(
        told[1]
            .1
            .starts_with("2026-11-20 is published, as version 1.\n\nOver\n")
    );
    project.ok(&night);
    assert_eq!(notices(&server).len(), 2);
}

/// A mail that is refused, or may have arrived, is told to the owner once, without anybody's address or
/// name in it.
#[test]
fn the_owner_hears_of_mails_that_end_badly() {
    let refused = Reply::Say("550 5.1.1 <ann@acme.example> no such user");
    let server = Server::start(&[("RCPT TO:<ann@", refused), (".", Reply::Close)]);
    let project = with_owner(&server);
    assert_eq!(project.run(&RUN).code, 1);
    project.ok(&RUN);
    let told = notices(&server);
    assert_eq!(told.len(), 1, "{told:?}");
    let (subject, text) = &told[0];
    assert_eq!(subject, "Leadgauge, Acme: 2 troubles, 2026-11-18");
    let line = format!("* The mail `{ANN}` was refused: 550 5.1.1 (an address) no such user\n");
    assert!(text.contains(&line), "{text}");
    assert!(text.contains(&format!("* The mail `{BOB}` may or may not have arrived")));
    for word in ["ann@", "bob@", "Field", "Hill", "north.example", "Stone"] {
        assert!(!text.contains(word), "{word}");
    }
}

/// A run that dies while the owner's notice is handed over leaves it unknown, and it is not sent again;
/// one that dies before that leaves it to the next run.
#[test]
fn killed_while_the_owner_is_told() {
    for (silent, reached) in [(".", 0), ("RCPT", 1)] {
        let server = Server::start(&[(silent, Reply::Silence)]);
        let project = with_owner(&server);
        let night = ["run", "--as-of", "2026-11-20"];
        let mut run = project
            .command(&night)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        server.wait_for(silent);
        run.kill().unwrap();
        run.wait().unwrap();
        let export = project.read("exports/2026-11-18/lead.csv");
        project.write("exports/2026-11-20/lead.csv", export);
        let ran = project.run(&night);
        let told = notices(&server);
        let subjects: Vec<&str> = told.iter().map(|(subject, _)| subject.as_str()).collect();
        let both = [
            "Leadgauge, Acme: 1 trouble, 2026-11-20",
            "Leadgauge, Acme: recovered, 2026-11-20",
        ];
        assert_eq!(subjects, both[1 - reached..], "{}", ran.stderr);
        if silent == "." {
            let why = "the run that was sending it ended before the server's answer was recorded";
            assert_eq!(
                problems(&ran),
                [format!(
                    "The mail `notice-000001` may or may not have arrived: {why}"
                )]
            );
        }
        assert_eq!(project.run(&night).code, 0);
        assert_eq!(notices(&server).len(), told.len());
    }
}

/// A watcher outside hears that a run starts, and how it ends; where it hears nothing, the run is as
/// good as ever, and says so. The URL is told to nobody.
#[test]
fn a_heartbeat_at_start_and_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/ping/s3cret", listener.local_addr().unwrap());
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let shared = Arc::clone(&asked);
    thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = socket.unwrap();
            let mut lines = BufReader::new(socket.try_clone().unwrap()).lines();
            let first = lines.next().unwrap().unwrap();
            shared.lock().unwrap().push(first.replace(" HTTP/1.1", ""));
            lines.map_while(Result::ok).find(String::is_empty);
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nOK";
            socket.write_all(answer).unwrap();
        }
    });
    let mut project = Project::from("mail");
    let heartbeat = "delivery:\n  heartbeat: { env: HEARTBEAT_URL }";
    project.replace("config/leadgauge.yaml", "delivery:", heartbeat);
    project.set("HEARTBEAT_URL", &url);
    project.ok(&RUN);
    assert_eq!(project.run(&["run", "--as-of", "2026-11-20"]).code, 75);
    let heard = asked.lock().unwrap().clone();
    let (start, plain) = ("GET /ping/s3cret/start", "GET /ping/s3cret");
    assert_eq!(heard, [start, plain, start, "GET /ping/s3cret/fail"]);
    project.set("HEARTBEAT_URL", "http://127.0.0.1:1/s3cret");
    let ran = project.ok(&RUN);
    let told = "\"event\":\"note\",\"what\":\"The heartbeat's URL did not take the call: ";
    assert_eq!(ran.stderr.matches(told).count(), 2, "{}", ran.stderr);
    assert!(!ran.stderr.contains("s3cret"), "{}", ran.stderr);
}
