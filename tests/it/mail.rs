use std::fs;
use std::process::Stdio;

use mail_parser::{MessageParser, MimeHeaders};

use crate::smtp_server::{AUTHORITY, Reply, Security, Server};
use crate::support::{Project, Ran};

const RUN: [&str; 3] = ["run", "--as-of", "2026-11-18"];
const ALREADY: &str = "2026-11-18 was published already, as version 1\n";
/// The two messages, which are named after report, day and recipient alone.
const ANN: &str = "2026-11-18-daily-69d5e77c353f3834";
const BOB: &str = "2026-11-18-daily-b46bae77e9dec1ae";
const PASSWORD: &str = "correct horse battery staple";

/// The deployment, sending through a server.
fn sending(smtp: &str) -> Project {
    let project = Project::from("mail");
    let transport = format!("smtp: {{ {smtp} }}");
    project.replace("config/leadgauge.yaml", "folder: ../mail", &transport);
    project
}

fn plainly(server: &Server) -> Project {
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
fn problems(ran: &Ran) -> Vec<String> {
    let ann = format!("The mail `{ANN}` to ann@acme.example");
    let bob = format!("The mail `{BOB}` to bob@acme.example");
    let lines = ran.stderr.lines();
    let told = lines.filter_map(|line| line.strip_prefix("problem: "));
    told.map(|line| line.replace(&ann, "Ann's").replace(&bob, "Bob's"))
        .collect()
}

fn nothing_is_left_to_do(project: &Project) {
    let ran = project.run(&RUN);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ALREADY));
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
            "2026-11-18 is published as version 1: 1 of 1 streams, 1 reports, 2 mails sent, "
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
    nothing_is_left_to_do(&project);
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
    assert_eq!(ran.code, 1);
    assert_eq!(
        problems(&ran),
        ["Ann's waits for the next run: 450 4.2.1 mailbox busy"]
    );
    assert_eq!(server.reached(), ["bob@acme.example"]);
    assert_eq!(story(&project), ["Bob 1 sending", "Bob 2 sent"]);
    assert_eq!(server.connections(), 1);
    assert_eq!(project.ok(&RUN).stderr, ALREADY);
    assert_eq!(server.reached(), ["bob@acme.example", "ann@acme.example"]);
    nothing_is_left_to_do(&project);
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
    nothing_is_left_to_do(&project);
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
            "Ann's waits for the next run: 550 5.7.1 sender unknown",
            "Bob's waits for the next run: 530 5.7.0 log in first",
        ]
    );
    assert_eq!(project.ok(&RUN).stderr, ALREADY);
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
    assert_eq!(project.ok(&RUN).stderr, ALREADY);
    nothing_is_left_to_do(&project);
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
    nothing_is_left_to_do(&project);
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
    assert_eq!(ran.code, 1);
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
    assert_eq!(project.ok(&RUN).stderr, ALREADY);
    assert_eq!(server.reached(), ["ann@acme.example", "bob@acme.example"]);
}

/// A server that is not there leaves every mail to the next run.
#[test]
fn no_server_is_there() {
    let server = Server::start(&[]);
    // Nothing listens at the first port there is.
    let project = sending("host: 127.0.0.1, port: 1, tls: none");
    let ran = project.run(&RUN);
    assert_eq!(ran.code, 1);
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
    assert_eq!(project.ok(&RUN).stderr, ALREADY);
    assert_eq!(server.reached(), ["ann@acme.example", "bob@acme.example"]);
}

/// Without the encryption that was asked for, nothing is said but hello.
#[test]
fn nothing_goes_in_the_clear() {
    let server = Server::offering(&["AUTH PLAIN LOGIN"], Security::None, &[]);
    let project = sending(&format!(
        "host: 127.0.0.1, port: {}, tls: starttls, user: leadgauge, password: {{ env: LEADGAUGE_TEST_PASSWORD }}",
        server.port
    ));
    let ran = with_password(&project, PASSWORD);
    assert_eq!(ran.code, 1);
    let why = "the server offers no STARTTLS; nothing is sent in the clear";
    assert_eq!(
        problems(&ran)[0],
        format!("Ann's waits for the next run: {why}")
    );
    assert_eq!(server.connections(), 1);
    let commands = server.commands();
    assert!(
        commands
            .iter()
            .all(|line| line.starts_with("EHLO") || line == "QUIT"),
        "{commands:?}"
    );
}

/// A certificate of an unknown authority is refused; once the authority is known, mail goes through
/// encrypted, either from the first byte or after STARTTLS.
#[test]
fn certificates_are_checked() {
    for (security, word) in [
        (Security::Implicit, "implicit"),
        (Security::Starttls, "starttls"),
    ] {
        let server = Server::offering(&[], security, &[]);
        let project = sending(&format!(
            "host: localhost, port: {}, tls: {word}",
            server.port
        ));
        let ran = project.run(&RUN);
        assert_eq!(ran.code, 1);
        assert_eq!(
            problems(&ran)[0],
            format!(
                "Ann's waits for the next run: no connection to `localhost` at port {}: \
                 invalid peer certificate: UnknownIssuer",
                server.port
            )
        );
        assert!(
            !server
                .commands()
                .iter()
                .any(|line| line.starts_with("MAIL"))
        );
        let mut command = project.command(&RUN);
        let ran = project.ended(command.env("SSL_CERT_FILE", AUTHORITY).output().unwrap());
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ALREADY));
        assert_eq!(server.reached(), ["ann@acme.example", "bob@acme.example"]);
        assert!(server.messages().iter().all(|message| message.encrypted));
    }
}

fn with_password(project: &Project, password: &str) -> Ran {
    let mut command = project.command(&["run", "-v", "--as-of", "2026-11-18"]);
    project.ended(
        command
            .env("LEADGAUGE_TEST_PASSWORD", password)
            .output()
            .unwrap(),
    )
}

fn logging_in(server: &Server) -> Project {
    sending(&format!(
        "host: 127.0.0.1, port: {}, tls: none, user: leadgauge, password: {{ env: LEADGAUGE_TEST_PASSWORD }}",
        server.port
    ))
}

/// Looks for the password, as it is and as the login sends it, in all that was printed and written.
fn tells_no_password(project: &Project, ran: &Ran) {
    let spellings = [
        PASSWORD,
        "Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZQ",
        "b3JyZWN0IGhvcnNlIGJhdHRlcnkgc3RhcGxl",
    ];
    for spelling in spellings {
        assert!(
            !ran.stdout.contains(spelling) && !ran.stderr.contains(spelling),
            "{}",
            ran.stderr
        );
        for file in project.files("") {
            let bytes = fs::read(project.path(&file)).unwrap();
            let found = bytes
                .windows(spelling.len())
                .any(|part| part == spelling.as_bytes());
            assert!(!found, "the password is in {file}");
        }
    }
}

/// The password comes from the environment, goes to the server and nowhere else.
#[test]
fn the_password_is_told_to_nobody_else() {
    let server = Server::offering(&["AUTH PLAIN LOGIN"], Security::None, &[]);
    let project = logging_in(&server);
    let ran = with_password(&project, PASSWORD);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    // NUL leadgauge NUL password, in base64.
    let login = "AUTH PLAIN AGxlYWRnYXVnZQBjb3JyZWN0IGhvcnNlIGJhdHRlcnkgc3RhcGxl";
    assert_eq!(
        server
            .commands()
            .iter()
            .filter(|line| *line == login)
            .count(),
        1
    );
    assert_eq!(server.reached(), ["ann@acme.example", "bob@acme.example"]);
    tells_no_password(&project, &ran);
}

/// A wrong password is tried once a run, and is not repeated even by a server that does.
#[test]
fn a_wrong_password() {
    let echo = "535 5.7.8 no: AGxlYWRnYXVnZQBjb3JyZWN0IGhvcnNlIGJhdHRlcnkgc3RhcGxl correct horse battery staple";
    let server = Server::offering(
        &["AUTH PLAIN LOGIN"],
        Security::None,
        &[("AUTH", Reply::Say(echo))],
    );
    let project = logging_in(&server);
    let ran = with_password(&project, PASSWORD);
    assert_eq!(ran.code, 1);
    let why = "the server did not accept the user and password (535)";
    assert_eq!(
        problems(&ran),
        [
            format!("Ann's waits for the next run: {why}"),
            format!("Bob's waits for the next run: {why}"),
        ]
    );
    assert_eq!(
        server
            .commands()
            .iter()
            .filter(|line| line.starts_with("AUTH"))
            .count(),
        1
    );
    tells_no_password(&project, &ran);
    let ran = with_password(&project, PASSWORD);
    assert_eq!((ran.code, server.reached().len()), (0, 2));
}

/// A password that is not there is said with what to do, and is not missed when nothing is to be sent.
#[test]
fn an_absent_password() {
    let server = Server::offering(&["AUTH PLAIN LOGIN"], Security::None, &[]);
    let project = logging_in(&server);
    let ran = project.run(&RUN);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr.ends_with(
            "error: The mail server's password cannot be read\n\
             The environment variable `LEADGAUGE_TEST_PASSWORD` holds no secret\n  \
             why: it is not there, not readable, or empty\n  \
             fix: Set it for the user that runs the job, or name another in `leadgauge.yaml`\n"
        ),
        "{}",
        ran.stderr
    );
    assert_eq!(with_password(&project, PASSWORD).code, 0);
    nothing_is_left_to_do(&project);
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
    nothing_is_left_to_do(&project);
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
    assert_eq!(project.ok(&RUN).stderr, ALREADY);
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
    assert_eq!(ran.code, 1);
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
    assert_eq!(ran.code, 1);
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
    assert_eq!(project.ok(&RUN).stderr, ALREADY);
    assert_eq!(
        project.files("mail"),
        [format!("mail/{ANN}.eml"), format!("mail/{BOB}.eml")]
    );
}
