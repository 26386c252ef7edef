use std::fs;
use std::process::Stdio;

use mail_parser::{MessageParser, MimeHeaders};

use crate::smtp_server::{Reply, Server};
use crate::support::{Project, Ran};

pub(crate) const RUN: [&str; 3] = ["run", "--as-of", "2026-11-18"];
/// The two messages, which are named after report, day and recipient alone.
const ANN: &str = "2026-11-18-daily-69d5e77c353f3834";
const BOB: &str = "2026-11-18-daily-b46bae77e9dec1ae";

/// The deployment, sending through a server.
pub(crate) fn sending(smtp: &str) -> Project {
    let project = Project::from("mail");
    let transport = format!("smtp: {{ {smtp} }}");
    project.replace("config/leadgauge.yaml", "folder: ../mail", &transport);
    project
}

pub(crate) fn plainly(server: &Server) -> Project {
    sending(&format!(
        "host: 127.0.0.1, port: {}, tls: none",
        server.port
    ))
}

/// What the ledger tells of each message, oldest first: `Ann 2 sent`.
fn story(project: &Project) -> Vec<String> {
    let query = "select message, number, state, reason from job_delivery order by message, number";
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let rows = project.sql(query);
    let line = |row: &serde_json::Value| {
        let message = text(&row["message"])
            .replace(ANN, "Ann")
            .replace(BOB, "Bob");
        let line = format!(
            "{message} {} {} {}",
            row["number"],
            text(&row["state"]),
            text(&row["reason"])
        );
        line.trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// What the last lines call a problem, of Ann's mail and of Bob's.
pub(crate) fn problems(ran: &Ran) -> Vec<String> {
    let ann = format!("The mail `{ANN}`");
    let bob = format!("The mail `{BOB}`");
    let lines = ran.stderr.lines();
    let told = lines.filter_map(|line| line.strip_prefix("problem: "));
    told.map(|line| line.replace(&ann, "Ann's").replace(&bob, "Bob's"))
        .collect()
}

/// A run of the published night, which sends so much and finds nothing wrong.
pub(crate) fn only_sends(mails: &str, ran: &Ran) {
    let already = "2026-11-18 was published already, as version 1: nothing is pulled";
    let told = format!("{already}, {mails} sent\n");
    assert_eq!((ran.code, &ran.stderr), (0, &told));
}

/// Each recipient gets one message with every part, on one connection, and a rerun sends nothing.
#[test]
fn each_recipient_gets_one_message() {
    let server = Server::start(&[]);
    let project = plainly(&server);
    let ran = project.ok(&RUN);
    let last = ran.stderr.lines().last().unwrap();
    assert!(
        last.starts_with(
            "2026-11-18 is published as version 1: 1 of 1 streams, 1 report, 2 mails sent, "
        ),
        "{last}"
    );
    let messages = server.messages();
    let expected = [
        ("ann@acme.example", "Ann Field", ANN),
        ("bob@acme.example", "Bob Hill", BOB),
    ];
    assert_eq!(messages.len(), expected.len());
    for (message, (address, name, id)) in messages.iter().zip(expected) {
        assert_eq!(message.from, "leadgauge@acme.example");
        assert_eq!(message.to, [address]);
        let mail = MessageParser::default().parse(&message.bytes).unwrap();
        let to = mail.to().unwrap().first().unwrap();
        assert_eq!((to.name(), to.address()), (Some(name), Some(address)));
        assert_eq!(mail.message_id().unwrap(), format!("{id}@acme.example"));
        assert_eq!(mail.date().unwrap().to_rfc3339(), "2026-11-19T04:59:59Z");
        assert_eq!(
            mail.subject(),
            Some("Funnel, Wed 18 Nov: 0 entries into Known")
        );
        assert!(mail.body_text(0).unwrap().contains("Working"));
        assert!(mail.body_html(0).unwrap().contains("<table"));
        let files: Vec<_> = mail
            .attachments()
            .filter_map(|part| part.attachment_name())
            .collect();
        assert_eq!(files, ["daily-2026-11-18.html"]);
    }
    assert_eq!(server.connections(), 1);
    let words: Vec<String> = server
        .commands()
        .iter()
        .map(|line| line.chars().take(4).collect())
        .collect();
    let one = ["MAIL", "RCPT", "DATA", "."];
    assert_eq!(
        words,
        [&["EHLO"], &one[..], &["NOOP"], &one, &["QUIT"]].concat()
    );
    only_sends("0 mails", &project.run(&RUN));
    assert_eq!(server.connections(), 1);
    assert_eq!(
        story(&project),
        ["Ann 1 sending", "Ann 2 sent", "Bob 1 sending", "Bob 2 sent"]
    );
}

/// What is sent is what was committed to the outbox, byte for byte; no word about the people in the
/// data is in what a run prints.
#[test]
fn what_is_sent_is_what_was_committed() {
    let server = Server::start(&[]);
    let project = plainly(&server);
    let ran = project.ok(&["run", "-v", "--as-of", "2026-11-18"]);
    for message in server.messages() {
        let id = if message.to == ["ann@acme.example"] {
            ANN
        } else {
            BOB
        };
        let files = project.files("warehouse/outbox");
        let file = files
            .iter()
            .find(|file| file.ends_with(&format!("{id}.eml")))
            .unwrap();
        // A message that ends in a line break needs none before the dot; lettre adds one.
        let sent = String::from_utf8(message.bytes).unwrap();
        let committed = project.read(file);
        assert!(sent.trim_end() == committed.trim_end(), "{id} differs");
    }
    for word in ["north.example", "south.example", "Stone", "Reed", "Vale"] {
        assert!(!ran.stderr.contains(word), "{word}");
    }
}

/// A recipient whom the server puts off costs the other nothing, and gets the mail with the next run.
#[test]
fn a_recipient_is_put_off() {
    let server = Server::start(&[("RCPT TO:<ann@", Reply::Say("450 4.2.1 mailbox busy"))]);
    let project = plainly(&server);
    let ran = project.run(&RUN);
    assert_eq!(ran.code, 75);
    assert_eq!(
        problems(&ran),
        ["Ann's waits for the next run: 450 4.2.1 mailbox busy"]
    );
    assert_eq!(server.reached(), ["bob@acme.example"]);
    assert_eq!(story(&project), ["Bob 1 sending", "Bob 2 sent"]);
    assert_eq!(server.connections(), 1);
    only_sends("1 mail", &project.run(&RUN));
    assert_eq!(server.reached(), ["bob@acme.example", "ann@acme.example"]);
    only_sends("0 mails", &project.run(&RUN));
    assert_eq!(
        story(&project),
        ["Ann 1 sending", "Ann 2 sent", "Bob 1 sending", "Bob 2 sent"]
    );
}

/// A recipient whom the server refuses is told once and never tried again.
#[test]
fn a_recipient_is_refused() {
    let server = Server::start(&[("RCPT TO:<ann@", Reply::Say("550 5.1.1 no such user"))]);
    let project = plainly(&server);
    let ran = project.run(&RUN);
    assert_eq!(ran.code, 1);
    assert_eq!(
        problems(&ran),
        ["Ann's was refused: 550 5.1.1 no such user"]
    );
    only_sends("0 mails", &project.run(&RUN));
    assert_eq!(server.reached(), ["bob@acme.example"]);
    assert_eq!(
        story(&project),
        [
            "Ann 1 refused 550 5.1.1 no such user",
            "Bob 1 sending",
            "Bob 2 sent"
        ]
    );
}

/// A sender whom the server refuses is a fault to mend, not the end of the recipients' mails.
#[test]
fn a_refused_sender_waits() {
    let server = Server::start(&[
        ("MAIL", Reply::Say("550 5.7.1 sender unknown")),
        ("MAIL", Reply::Say("530 5.7.0 log in first")),
    ]);
    let project = plainly(&server);
    let ran = project.run(&RUN);
    assert_eq!(ran.code, 1);
    assert_eq!(
        problems(&ran),
        [
            "Ann's waits until this is mended: 550 5.7.1 sender unknown",
            "Bob's waits until this is mended: 530 5.7.0 log in first",
        ]
    );
    only_sends("2 mails", &project.run(&RUN));
    assert_eq!(server.reached(), ["ann@acme.example", "bob@acme.example"]);
}

/// A message put off at its end goes back into the queue; one refused there is refused for good.
#[test]
fn a_message_is_put_off_or_refused() {
    let server = Server::start(&[
        (".", Reply::Say("451 4.3.0 try later")),
        (".", Reply::Say("554 5.6.0 content refused")),
    ]);
    let project = plainly(&server);
    let ran = project.run(&RUN);
    assert_eq!(ran.code, 1);
    assert_eq!(
        problems(&ran),
        [
            "Ann's waits for the next run: 451 4.3.0 try later",
            "Bob's was refused: 554 5.6.0 content refused",
        ]
    );
    only_sends("1 mail", &project.run(&RUN));
    only_sends("0 mails", &project.run(&RUN));
    assert_eq!(server.reached(), ["ann@acme.example"]);
    assert_eq!(
        story(&project),
        [
            "Ann 1 sending",
            "Ann 2 queued 451 4.3.0 try later",
            "Ann 3 sending",
            "Ann 4 sent",
            "Bob 1 sending",
            "Bob 2 refused 554 5.6.0 content refused",
        ]
    );
}

/// When the connection ends before the answer, the message may have arrived: it is told and not sent
/// again. The other recipient gets theirs.
#[test]
fn an_answer_is_lost() {
    let server = Server::start(&[(".", Reply::Close)]);
    let project = plainly(&server);
    let ran = project.run(&RUN);
    assert_eq!(ran.code, 1);
    let why = "the message was handed over, but the server closed the connection, or its answer is no SMTP";
    assert_eq!(
        problems(&ran),
        [format!("Ann's may or may not have arrived: {why}")]
    );
    only_sends("0 mails", &project.run(&RUN));
    assert_eq!(server.reached(), ["ann@acme.example", "bob@acme.example"]);
    let unknown = format!("Ann 2 unknown {why}");
    assert_eq!(
        story(&project),
        [
            "Ann 1 sending",
            unknown.as_str(),
            "Bob 1 sending",
            "Bob 2 sent"
        ]
    );
}

/// When the connection ends before the message was sent, the message waits.
#[test]
fn the_connection_ends_before_the_message() {
    let server = Server::start(&[("RCPT", Reply::Close), ("DATA", Reply::Close)]);
    let project = plainly(&server);
    let ran = project.run(&RUN);
    assert_eq!(ran.code, 75);
    let why = "the server closed the connection, or its answer is no SMTP";
    assert_eq!(
        problems(&ran),
        [
            format!("Ann's waits for the next run: {why}"),
            format!("Bob's waits for the next run: {why}"),
        ]
    );
    let queued = format!("Bob 2 queued {why}");
    assert_eq!(story(&project), ["Bob 1 sending", &queued]);
    only_sends("2 mails", &project.run(&RUN));
    assert_eq!(server.reached(), ["ann@acme.example", "bob@acme.example"]);
}

/// A server that is not there leaves every mail to the next run.
#[test]
fn no_server_is_there() {
    let server = Server::start(&[]);
    // Nothing listens at the first port there is.
    let project = sending("host: 127.0.0.1, port: 1, tls: none");
    let ran = project.run(&RUN);
    assert_eq!(ran.code, 75);
    let why = "no connection to `127.0.0.1` at port 1: Connection refused (os error 111)";
    assert_eq!(
        problems(&ran),
        [
            format!("Ann's waits for the next run: {why}"),
            format!("Bob's waits for the next run: {why}"),
        ]
    );
    assert_eq!(story(&project), [""; 0]);
    project.replace(
        "config/leadgauge.yaml",
        "port: 1,",
        &format!("port: {},", server.port),
    );
    only_sends("2 mails", &project.run(&RUN));
    assert_eq!(server.reached(), ["ann@acme.example", "bob@acme.example"]);
}

/// A run that dies after the server has the message leaves it unknown: the next run tells so, sends
/// the other mail, and never this one.
#[test]
fn killed_while_the_server_takes_the_message() {
    let server = Server::start(&[(".", Reply::Silence)]);
    let project = plainly(&server);
    let mut run = project.command(&RUN).stderr(Stdio::null()).spawn().unwrap();
    server.wait_for(".");
    run.kill().unwrap();
    run.wait().unwrap();
    let ran = project.run(&RUN);
    assert_eq!(ran.code, 1);
    let why = "the run that was sending it ended before the server's answer was recorded";
    assert_eq!(
        problems(&ran),
        [format!("Ann's may or may not have arrived: {why}")]
    );
    only_sends("0 mails", &project.run(&RUN));
    assert_eq!(server.reached(), ["bob@acme.example"]);
    let unknown = format!("Ann 2 unknown {why}");
    assert_eq!(
        story(&project),
        [
            "Ann 1 sending",
            unknown.as_str(),
            "Bob 1 sending",
            "Bob 2 sent"
        ]
    );
}

/// Until the recipient is accepted nothing is claimed: a run that dies there costs nobody their mail.
#[test]
fn killed_while_the_server_looks_at_the_recipient() {
    let server = Server::start(&[("RCPT", Reply::Silence)]);
    let project = plainly(&server);
    let mut run = project.command(&RUN).stderr(Stdio::null()).spawn().unwrap();
    server.wait_for("RCPT");
    assert_eq!(story(&project), [""; 0]);
    run.kill().unwrap();
    run.wait().unwrap();
    only_sends("2 mails", &project.run(&RUN));
    assert_eq!(server.reached(), ["ann@acme.example", "bob@acme.example"]);
}

/// While one run hands a message over, another leaves it alone and sends what is left.
#[test]
fn two_runs_send_at_once() {
    let server = Server::start(&[(".", Reply::Silence)]);
    let project = plainly(&server);
    let mut run = project.command(&RUN).stderr(Stdio::null()).spawn().unwrap();
    server.wait_for(".");
    let ran = project.run(&RUN);
    assert_eq!(ran.code, 75);
    assert_eq!(problems(&ran), ["Ann's is being sent by another run"]);
    assert_eq!(server.reached(), ["bob@acme.example"]);
    run.kill().unwrap();
    run.wait().unwrap();
}

/// A mail folder that cannot be written leaves the mails to the next run.
#[test]
fn the_mail_folder_is_none() {
    let project = Project::from("mail");
    project.write("mail", "a file");
    let ran = project.run(&RUN);
    assert_eq!(ran.code, 75);
    let told = problems(&ran);
    assert_eq!(told.len(), 2);
    assert_eq!(
        told[0],
        format!(
            "Ann's waits for the next run: \
             Cannot read or write `[ROOT]/mail/{ANN}.eml`: Not a directory (os error 20)"
        )
    );
    fs::remove_file(project.path("mail")).unwrap();
    only_sends("2 mails", &project.run(&RUN));
    assert_eq!(
        project.files("mail"),
        [format!("mail/{ANN}.eml"), format!("mail/{BOB}.eml")]
    );
}

/// Who is on the list of the suppressed gets nothing, which is told once and is no failure; the others
/// get theirs. Without the list nobody does.
#[test]
fn a_suppressed_recipient() {
    let server = Server::start(&[]);
    let project = plainly(&server);
    let line = "  suppress: suppress.txt\n  keep_trying:";
    project.replace("config/leadgauge.yaml", "  keep_trying:", line);
    let ran = project.run(&RUN);
    assert_eq!((ran.code, server.reached().len()), (1, 0));
    let list = "problem: The mails wait in the outbox: The list of suppressed addresses `";
    assert!(ran.stderr.contains(list), "{}", ran.stderr);
    project.write(
        "config/suppress.txt",
        "# who left\nAnn@ACME.example  # in May\n",
    );
    let ran = project.run(&RUN);
    let told =
        format!("note: The mail `{ANN}` is not sent: `delivery.suppress` names its recipient");
    assert_eq!(ran.code, 0);
    assert!(ran.stderr.contains(", 1 mail sent\n"), "{}", ran.stderr);
    assert!(ran.stderr.contains(&told), "{}", ran.stderr);
    only_sends("0 mails", &project.run(&RUN));
    assert_eq!(server.reached(), ["bob@acme.example"]);
    let story = story(&project);
    assert_eq!(
        story,
        ["Ann 1 refused suppressed", "Bob 1 sending", "Bob 2 sent"]
    );
    let listed = project.ok(&["deliver", "list"]).stdout;
    assert!(
        listed.contains("refused") && listed.contains("suppressed"),
        "{listed}"
    );
    project.write("config/suppress.txt", "ann@acme.example\nBob\n");
    let ran = project.run(&["check"]);
    assert_eq!(ran.code, 2);
    let told = "This is no e-mail address\n --> config/suppress.txt:2:1\n";
    assert!(ran.stderr.contains(told), "{}", ran.stderr);
}
