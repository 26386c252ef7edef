use std::process::Stdio;

use mail_parser::MessageParser;

use crate::crash::wait_for_step;
use crate::deliver::{ANN, listed};
use crate::mail::{RUN, only_sends, plainly, sending};
use crate::smtp_server::Server;
use crate::support::Project;

/// A deployment whose daily report waits for a stream that is not there.
fn waiting_for_touches(project: &Project, gates: &str, day: &str) {
    let stream = "created: timestamp\n            modified: timestamp\n        - name: touch\n          \
                  path: \"{date}/touch.csv\"\n          events: { key: id }\n          columns: { id: string }\n";
    let lead = "created: timestamp\n            modified: timestamp\n";
    project.replace("config/leadgauge.yaml", lead, stream);
    let gated = format!("schedule: daily\n    gates: {gates}");
    project.replace("config/leadgauge.yaml", "schedule: daily", &gated);
    let export = project.read("exports/2026-11-18/lead.csv");
    project.write(&format!("exports/{day}/lead.csv"), export);
}

fn states(project: &Project) -> Vec<String> {
    let rows = listed(project, &[]);
    rows.iter()
        .map(|row| row.replace("@acme.example", ""))
        .collect()
}

/// A report whose data is not there is held: each run for its day looks for the data again, and when it
/// has come, the report goes out once. A run that is killed in between changes nothing of that.
#[test]
fn a_report_is_held_until_its_data_is_there() {
    let project = Project::from("mail");
    // A deadline that does not come while this test is run.
    let day = "2126-11-18";
    waiting_for_touches(&project, "{ deadline: 23:59, streams: [crm.touch] }", day);
    project.replace(
        "config/leadgauge.yaml",
        "delivery:",
        "delivery:\n  owner: ops@acme.example",
    );
    let night = ["run", "--as-of", day];
    let why = format!("`crm.touch` did not arrive for {day}");
    for _ in 0..2 {
        let ran = project.run(&night);
        let told = format!("problem: Report `daily` is held until 23:59: {why}\n");
        assert!(
            ran.code == 1 && ran.stderr.contains(&told),
            "{}",
            ran.stderr
        );
        let held = format!(" held 0 {why}");
        assert_eq!(states(&project), ["ops sent 1", &held]);
    }
    let runs = project.ok(&["runs", "--json"]).stdout;
    assert!(
        runs.contains("Report `daily` is held until 23:59"),
        "{runs}"
    );
    let notice = project.read("mail/notice-000001.eml");
    assert!(
        notice.contains("2 troubles") && notice.contains("Report `daily` is held"),
        "{notice}"
    );
    project.write(&format!("exports/{day}/touch.csv"), "id\n1\n");
    for step in [
        "pulling",
        "rendering",
        "publishing",
        "publishing",
        "sending",
    ] {
        let mut command = project.command(&["run", "-v", "--as-of", day]);
        let mut run = command.stderr(Stdio::piped()).spawn().unwrap();
        wait_for_step(&mut run, step);
        run.kill().unwrap();
        run.wait().unwrap();
    }
    project.ok(&night);
    let mails = project.files("mail");
    let daily: Vec<_> = mails
        .iter()
        .filter(|mail| mail.contains("-daily-"))
        .collect();
    assert_eq!(daily.len(), 2, "{mails:?}");
    let over = project.read("mail/notice-000002.eml");
    assert!(
        over.contains("recovered") && over.contains("Over"),
        "{over}"
    );
    project.ok(&night);
    assert_eq!(project.files("mail"), mails);
    let told = project.sql("select distinct as_of from published_metric where report = 'daily'");
    assert_eq!(told.len(), 1);
}

/// At its deadline a report that is not ready is said to be so, in its place and once: who was told gets
/// no report of that day any more.
#[test]
fn a_report_that_is_not_ready_says_so_once() {
    let server = Server::start(&[]);
    let project = plainly(&server);
    let gates = "{ deadline: 09:00, rows: { crm.lead: 4 } }";
    waiting_for_touches(&project, gates, "2026-11-18");
    let ran = project.run(&RUN);
    assert_eq!(ran.code, 1);
    let missing = [
        "`crm.lead` has 3 rows for 2026-11-18, fewer than 4",
        "`crm.touch` did not arrive for 2026-11-18",
    ];
    let told = format!(
        "problem: Report `daily` is not ready, as its recipients are told: {}\n",
        missing.join("; ")
    );
    assert!(ran.stderr.contains(&told), "{}", ran.stderr);
    assert_eq!(server.reached(), ["ann@acme.example", "bob@acme.example"]);
    for message in server.messages() {
        let mail = MessageParser::default().parse(&message.bytes).unwrap();
        assert_eq!(mail.subject(), Some("Not ready: daily, 2026-11-18"));
        let text = mail.body_text(0).unwrap().replace("\r\n", "\n");
        let because = format!(
            "The report `daily` for 2026-11-18 is not ready, because\n\n* {}\n* {}\n\n",
            missing[0], missing[1]
        );
        assert!(text.starts_with(&because), "{text}");
        assert!(mail.message_id().unwrap().starts_with("2026-11-18-daily-"));
    }
    project.write("exports/2026-11-18/touch.csv", "id\n1\n");
    only_sends("0 mails", &project.run(&RUN));
    assert_eq!(server.reached().len(), 2);
}

/// Whoever cannot be told that a report is late, because their row is wrong, is told of like on any night.
#[test]
fn wrong_recipients_of_a_late_report_are_told() {
    let server = Server::start(&[]);
    let project = plainly(&server);
    let gates = "{ deadline: 09:00, streams: [crm.touch] }";
    waiting_for_touches(&project, gates, "2026-11-18");
    let query = "-- wrong: no address.\nselect 'nobody' as email\n";
    project.write("queries/recipients/wrong.sql", query);
    let bob = "Bob Hill <bob@acme.example>]";
    let more = "Bob Hill <bob@acme.example>, { query: wrong }]";
    project.replace("config/leadgauge.yaml", bob, more);
    let ran = project.run(&RUN);
    let told = "row 1 in the order of addresses: its `email` is no e-mail address: it has no `@`";
    assert!(ran.code == 1 && ran.stderr.contains(told), "{}", ran.stderr);
    assert_eq!(server.reached(), ["ann@acme.example", "bob@acme.example"]);
}

/// A report that says the same as when it was mailed last is skipped, which is no failure and is told.
#[test]
fn a_report_without_news_is_skipped() {
    let project = Project::from("mail");
    let when = "schedule: daily\n    send_when: { changed: stuck }\n    always_on: [friday]";
    project.replace("config/leadgauge.yaml", "schedule: daily", when);
    let export = project.read("exports/2026-11-18/lead.csv");
    for day in ["2026-11-18", "2026-11-19", "2026-11-20"] {
        project.write(&format!("exports/{day}/lead.csv"), &export);
        let ran = project.ok(&["run", "--as-of", day]);
        let note = "note: Report `daily` is not mailed: `stuck` is as it was on 2026-11-18\n";
        assert_eq!(
            ran.stderr.contains(note),
            day == "2026-11-19",
            "{}",
            ran.stderr
        );
    }
    assert_eq!(project.files("mail").len(), 4);
    let skipped = " skipped 0 `stuck` is as it was on 2026-11-18";
    assert_eq!(listed(&project, &["--as-of", "2026-11-19"]), [skipped]);
    let query = "select message from job_run where as_of = date '2026-11-19'";
    let told = project.sql(query)[0]["message"].to_string();
    assert!(told.contains("is not mailed"), "{told}");
}

/// Gates and conditions that name what there is not are refused before the night.
#[test]
fn conditions_that_name_nothing_are_refused() {
    let project = Project::from("mail");
    let wrong = "schedule: daily\n    gates: { deadline: 09:00, streams: [crm.leed] }\n    \
                 send_when: { rows: stukc }";
    project.replace("config/leadgauge.yaml", "schedule: daily", wrong);
    let ran = project.run(&["check"]);
    assert_eq!(ran.code, 2);
    for told in [
        "Report `daily` waits for the stream `crm.leed`, which there is not",
        "fix: did you mean `crm.lead`?",
        "Report `daily` waits for the query `stukc`, which there is not",
        "fix: did you mean `stuck`?",
    ] {
        assert!(ran.stderr.contains(told), "{}", ran.stderr);
    }
}

/// After days on which no mail could leave, a run sends only the last day's, and says so of the others;
/// one of those is still sent if somebody asks for it.
#[test]
fn after_an_outage_the_last_day_is_mailed() {
    let server = Server::start(&[]);
    let project = sending("host: 127.0.0.1, port: 1, tls: none");
    let export = project.read("exports/2026-11-19/lead.csv");
    project.write("exports/2026-11-20/lead.csv", export);
    for day in ["2026-11-18", "2026-11-19"] {
        assert_eq!(project.run(&["run", "--as-of", day]).code, 75);
    }
    let port = format!("port: {},", server.port);
    project.replace("config/leadgauge.yaml", "port: 1,", &port);
    let ran = project.ok(&["run", "--as-of", "2026-11-20"]);
    assert_eq!(
        ran.stderr.matches("goes out in its place").count(),
        2,
        "{}",
        ran.stderr
    );
    assert_eq!(server.reached(), ["ann@acme.example", "bob@acme.example"]);
    let subjects = server.messages().into_iter().map(|message| {
        let mail = MessageParser::default().parse(&message.bytes).unwrap();
        mail.message_id()
            .unwrap()
            .chars()
            .take(10)
            .collect::<String>()
    });
    assert_eq!(subjects.collect::<Vec<_>>(), ["2026-11-20", "2026-11-20"]);
    let earlier = project.sql(
        "select message, reason from job_delivery where state = 'superseded' order by message",
    );
    assert_eq!(earlier.len(), 4, "{earlier:?}");
    project.ok(&["deliver", "resend", ANN, "--name", "Dana"]);
    assert_eq!(server.reached().last().unwrap(), "ann@acme.example");
    project.ok(&["run", "--as-of", "2026-11-20"]);
    assert_eq!(server.reached().len(), 3);
}
