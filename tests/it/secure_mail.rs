use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use crate::mail::{RUN, only_sends, problems, sending};
use crate::smtp_server::{AUTHORITY, Reply, Security, Server};
use crate::support::{Project, Ran};

const PASSWORD: &str = "correct horse battery staple";

fn with_password(project: &Project) -> Ran {
    let mut command = project.command(&["run", "-v", "--as-of", "2026-11-18"]);
    project.ended(
        &command
            .env("LEADGAUGE_TEST_PASSWORD", PASSWORD)
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

/// Without the encryption that was asked for, nothing is said but hello.
#[test]
fn nothing_goes_in_the_clear() {
    let server = Server::offering(&["AUTH PLAIN LOGIN"], Security::None, &[]);
    let project = sending(&format!(
        "host: 127.0.0.1, port: {}, tls: starttls, user: leadgauge, password: {{ env: LEADGAUGE_TEST_PASSWORD }}",
        server.port
    ));
    let ran = with_password(&project);
    assert_eq!(ran.code, 1);
    let why = "the server offers no STARTTLS; nothing is sent in the clear";
    assert_eq!(
        problems(&ran)[0],
        format!("Ann's waits until this is mended: {why}")
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
                "Ann's waits until this is mended: no connection to `localhost` at port {}: \
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
        let ran = project.ended(&command.env("SSL_CERT_FILE", AUTHORITY).output().unwrap());
        only_sends("2 mails", &ran);
        assert_eq!(server.reached(), ["ann@acme.example", "bob@acme.example"]);
        assert!(server.messages().iter().all(|message| message.encrypted));
    }
}

/// The password comes from the environment, goes to the server and nowhere else.
#[test]
fn the_password_is_told_to_nobody_else() {
    let server = Server::offering(&["AUTH PLAIN LOGIN"], Security::None, &[]);
    let project = logging_in(&server);
    let ran = with_password(&project);
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
    let ran = with_password(&project);
    assert_eq!(ran.code, 1);
    let why = "the server did not accept the user and password (535)";
    assert_eq!(
        problems(&ran),
        [
            format!("Ann's waits until this is mended: {why}"),
            format!("Bob's waits until this is mended: {why}"),
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
    let ran = with_password(&project);
    assert_eq!((ran.code, server.reached().len()), (0, 2));
}

/// A password that is not there is said with what to do, and is not missed when nothing is to be sent.
#[test]
fn an_absent_password() {
    let server = Server::offering(&["AUTH PLAIN LOGIN"], Security::None, &[]);
    let project = logging_in(&server);
    let ran = project.run(&RUN);
    assert_eq!(ran.code, 1);
    let told = "problem: The mails wait in the outbox: A secret of the mail server cannot be read\n  \
                The environment variable `LEADGAUGE_TEST_PASSWORD` holds no secret\n    \
                why: it is not there, not readable, or empty\n    \
                fix: Set it for the user that runs the job, or name another in `leadgauge.yaml`\n";
    assert!(ran.stderr.ends_with(told), "{}", ran.stderr);
    assert_eq!(with_password(&project).code, 0);
    only_sends("0 mails", &project.run(&RUN));
}

/// Grants one token, and gives what it was asked with.
fn granting(token: &'static str) -> (u16, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = thread::spawn(move || {
        let mut socket = listener.accept().unwrap().0;
        let mut asked = vec![0; 4096];
        let mut read = 0;
        while !String::from_utf8_lossy(&asked[..read]).contains("scope=") {
            read += socket.read(&mut asked[read..]).unwrap();
        }
        let body = format!("{{\"access_token\":\"{token}\",\"token_type\":\"Bearer\"}}");
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        socket.write_all((head + &body).as_bytes()).unwrap();
        String::from_utf8_lossy(&asked[..read]).into_owned()
    });
    (port, asked)
}

/// Logging in by a token that the endpoint at a port grants.
fn by_token(server: &Server, endpoint: u16) -> Project {
    sending(&format!(
        "host: 127.0.0.1, port: {}, tls: none, user: ops@acme.example, oauth: {{ microsoft: {{ tenant: acme, \
         client_id: app, client_secret: {{ env: LEADGAUGE_TEST_PASSWORD }}, \
         token_url: \"http://127.0.0.1:{endpoint}/token\" }} }}",
        server.port
    ))
}

/// A token is asked for with the client's secret, and goes to the server as XOAUTH2 has it; neither is
/// told to anybody else.
#[test]
fn a_login_by_token() {
    let (endpoint, asked) = granting("t0ken");
    let server = Server::offering(&["AUTH PLAIN LOGIN XOAUTH2"], Security::None, &[]);
    let project = by_token(&server, endpoint);
    let ran = with_password(&project);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let asked = asked.join().unwrap();
    let form = "client_id=app&client_secret=correct+horse+battery+staple&grant_type=client_credentials\
                &scope=https%3A%2F%2Foutlook.office365.com%2F.default";
    assert!(
        asked.starts_with("POST /token HTTP/1.1\r\n") && asked.ends_with(form),
        "{asked}"
    );
    // user=ops@acme.example ^A auth=Bearer t0ken ^A ^A, in base64.
    let login = "AUTH XOAUTH2 dXNlcj1vcHNAYWNtZS5leGFtcGxlAWF1dGg9QmVhcmVyIHQwa2VuAQE=";
    let commands = server.commands();
    assert!(commands.iter().any(|line| line == login), "{commands:?}");
    assert_eq!(server.reached(), ["ann@acme.example", "bob@acme.example"]);
    tells_no_password(&project, &ran);
    assert!(!ran.stderr.contains("t0ken"), "{}", ran.stderr);
}

/// A token that the server will not have is said so: such a server answers with a challenge.
#[test]
fn a_token_that_is_not_accepted() {
    let (endpoint, _) = granting("t0ken");
    let server = Server::offering(
        &["AUTH XOAUTH2"],
        Security::None,
        &[("AUTH", Reply::Say("334 eyJzdGF0dXMiOiI0MDAifQ=="))],
    );
    let project = by_token(&server, endpoint);
    let ran = with_password(&project);
    assert_eq!(ran.code, 1);
    let why = "the server did not accept the token: may the application send as this user, and does the server \
               offer XOAUTH2?";
    let told = problems(&ran);
    assert_eq!(told[0], format!("Ann's waits until this is mended: {why}"));
    assert_eq!(server.reached(), Vec::<String>::new());
}
