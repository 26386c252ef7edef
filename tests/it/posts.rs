use std::fmt::Write as _;
use std::process::Stdio;

use serde_json::Value;

use crate::deliver::listed;
use crate::http_server::{Answer, Hook};
use crate::mail::RUN;
use crate::support::{Project, Ran};

/// The deployment, whose report goes to Ann and to these channels, each `slack` or `webhook`.
fn posting(channels: &[(&str, &str, &Hook)]) -> Project {
    let mut project = Project::from("mail");
    let (mut to, mut named) = (String::new(), String::new());
    for (number, (name, kind, hook)) in channels.iter().enumerate() {
        let variable = format!("LEADGAUGE_TEST_HOOK_{number}");
        project.set(&variable, &hook.url);
        write!(to, ", {{ channel: \"{name}\" }}").unwrap();
        let url = format!("{kind}: {{ env: {variable} }}");
        writeln!(named, "    - {{ name: \"{name}\", {url} }}").unwrap();
    }
    let config = "config/leadgauge.yaml";
    project.replace(config, ", Bob Hill <bob@acme.example>", &to);
    let channels = format!("delivery:\n  channels:\n{named}");
    project.replace(config, "delivery:\n", &channels);
    project
}

fn one(hook: &Hook) -> Project {
    posting(&[("#funnel", "slack", hook)])
}

/// What is told of the post to `#funnel` alone.
fn told(project: &Project) -> Vec<String> {
    let lines = listed(project, &["--to", "#Funnel"]).into_iter();
    lines.map(|line| line.replace("#funnel ", "")).collect()
}

/// `state` of each record of a message whose recipient is no person, in order.
fn story(project: &Project) -> String {
    let ann = crate::deliver::ANN;
    let query =
        format!("select state from job_delivery where message <> '{ann}' order by message, number");
    let rows = project.sql(&query);
    let states = rows.iter().map(|row| row["state"].as_str().unwrap());
    states.collect::<Vec<_>>().join(" ")
}

/// Nothing that was printed or written holds the URL.
fn tells_no_url(project: &Project, ran: &Ran) {
    assert!(
        !format!("{}{}", ran.stdout, ran.stderr).contains("s3cret"),
        "{}",
        ran.stderr
    );
    for file in ["warehouse", "mail", "preview", "config"]
        .iter()
        .flat_map(|it| project.files(it))
    {
        let bytes = std::fs::read(project.path(&file)).unwrap();
        let holds = bytes.windows(6).any(|part| part == b"s3cret");
        assert!(!holds, "{file}");
    }
}

/// Each channel gets the report once, in its own form; the preview shows the same; a rerun posts nothing;
/// and the URL is nowhere.
#[test]
fn each_channel_gets_one_post() {
    let (slack, lake) = (Hook::start(&[]), Hook::start(&[Answer::Slow]));
    let project = posting(&[
        ("#funnel", "slack", &slack),
        ("data lake", "webhook", &lake),
    ]);
    let link = "delivery:\n  archive_url: https://reports.acme.example/archive";
    project.replace("config/leadgauge.yaml", "delivery:", link);
    project.ok(&["run", "--no-send", "--as-of", "2026-11-18"]);
    let shown = project.ok(&["deliver", "preview"]).stdout;
    let ran = project.ok(&RUN);
    assert!(ran.stderr.ends_with("3 mails sent\n"), "{}", ran.stderr);
    tells_no_url(&project, &ran);
    project.ok(&RUN);
    let [(to_slack, slack), (to_lake, lake)] = [slack, lake].map(|hook| {
        let [request] = hook.requests().try_into().unwrap();
        let body: Value = serde_json::from_str(&request.body).unwrap();
        (request, body)
    });
    for request in [&to_slack, &to_lake] {
        assert!(
            request
                .head
                .starts_with("post /services/s3cret http/1.1\r\n"),
            "{}",
            request.head
        );
        assert!(
            request
                .head
                .contains("\r\ncontent-type: application/json\r\n")
        );
        let id = request.head.split("idempotency-key: ").nth(1).unwrap();
        let id = id.split('\r').next().unwrap();
        assert!(shown.contains(&format!("preview/{id}.json\n")), "{shown}");
        assert_eq!(project.read(&format!("preview/{id}.json")), request.body);
    }
    assert_eq!(lake["report"], "daily");
    assert_eq!(lake["as_of"], "2026-11-18");
    let mail = project.read(&format!("mail/{}.eml", crate::deliver::ANN));
    let subject = lake["subject"].as_str().unwrap();
    assert_eq!(slack["text"], *subject);
    assert_eq!(slack["blocks"][0]["text"]["text"], *subject);
    let page = lake["page"].as_str().unwrap();
    assert!(
        page.starts_with("https://reports.acme.example/archive/2026-11-18"),
        "{page}"
    );
    let archived = page.replace("https://reports.acme.example/", "warehouse/");
    assert!(
        project.files("warehouse/archive").contains(&archived),
        "{page}"
    );
    assert!(
        to_slack
            .body
            .contains(&format!("<{page}|The whole report>"))
    );
    let published =
        "select measure, period, stage, n, value from published_metric where report = 'daily'";
    let figures = lake["figures"].as_array().unwrap();
    for figure in project.sql(published) {
        let same = |told: &&Value| {
            figure
                .as_object()
                .unwrap()
                .iter()
                .all(|(key, value)| told[key] == *value)
        };
        assert!(figures.iter().any(|told| same(&told)), "{figure}");
    }
    assert!(!figures.is_empty() && mail.contains("Subject: "));
    assert_eq!(story(&project), "sending sent sending sent");
    let scopes = "select distinct aggregate from job_scope order by 1";
    assert_eq!(
        serde_json::to_string(&project.sql(scopes)).unwrap(),
        r#"[{"aggregate":false},{"aggregate":true}]"#
    );
}

/// A refusal is final and told in the server's word; a report's other recipients get it.
#[test]
fn a_post_is_refused() {
    for (answer, why) in [
        (
            Answer::Say("400 Bad Request", "invalid_payload"),
            "400 Bad Request: invalid_payload",
        ),
        (
            Answer::Say("404 Not Found", "no_service"),
            "404 Not Found: no_service",
        ),
        (
            Answer::Say("410 Gone", "Cannot POST /services/s3cret"),
            "410 Gone",
        ),
    ] {
        let hook = Hook::start(&[answer]);
        let project = one(&hook);
        let ran = project.run(&RUN);
        assert_eq!(ran.code, 1);
        assert!(
            ran.stderr
                .contains(&format!("` was refused: `#funnel` answered {why}\n")),
            "{}",
            ran.stderr
        );
        assert_eq!(
            told(&project),
            [format!("refused 1 `#funnel` answered {why}")]
        );
        assert_eq!(project.files("mail").len(), 1);
        project.ok(&RUN);
        assert_eq!(hook.requests().len(), 1);
        tells_no_url(&project, &ran);
    }
}

/// What passes waits for the next run, and arrives once.
#[test]
fn a_post_is_put_off() {
    let answers = [
        (
            Answer::Say("429 Too Many Requests\r\nretry-after: 1", "rate_limited"),
            "429 Too Many Requests: rate_limited",
        ),
        (
            Answer::Say("500 Internal Server Error", "rollup_error"),
            "500 Internal Server Error: rollup_error",
        ),
        (
            Answer::Say("503 Service Unavailable", "<html>"),
            "503 Service Unavailable",
        ),
    ];
    let hook = Hook::start(&answers.map(|(answer, _)| answer));
    let project = one(&hook);
    for (attempts, (_, why)) in (1..).zip(answers) {
        let ran = project.run(&RUN);
        assert_eq!(ran.code, 75, "{}", ran.stderr);
        assert_eq!(
            told(&project),
            [format!("queued {attempts} `#funnel` answered {why}")]
        );
    }
    project.ok(&["deliver", "retry"]);
    assert_eq!(told(&project), ["sent 4"]);
    assert_eq!(
        story(&project),
        "sending queued sending queued sending queued sending sent"
    );
    let bodies = hook.requests();
    assert!(bodies.iter().all(|request| request.body == bodies[0].body));
}

/// Within a run, who asks for a while is left alone for it, and then gets the post.
#[test]
fn a_run_waits_as_long_as_it_is_asked_to() {
    let hook = Hook::start(&[Answer::Say("429 Too Many Requests\r\nretry-after: 4", "")]);
    let project = one(&hook);
    project.replace(
        "config/leadgauge.yaml",
        "keep_trying: 0 minutes",
        "keep_trying: 1 minutes",
    );
    let began = std::time::Instant::now();
    project.ok(&RUN);
    assert!(began.elapsed().as_secs() >= 4 && hook.requests().len() == 2);
    assert_eq!(told(&project), ["sent 2"]);
}

/// Where nobody knows whether a post arrived, it is told and not posted again unless asked for.
#[test]
fn an_answer_is_lost() {
    let lost = "the post was handed over, but no answer came: ";
    let gateway = "`#funnel` answered 504 Gateway Timeout";
    for (answer, requests, why) in [
        (Answer::CloseUnread, 0, lost),
        (Answer::Close, 1, lost),
        (Answer::Say("504 Gateway Timeout", "<html>"), 1, gateway),
    ] {
        let hook = Hook::start(&[answer]);
        let project = one(&hook);
        let ran = project.run(&RUN);
        assert_eq!(ran.code, 1);
        let why = format!("` may or may not have arrived: {why}");
        assert!(ran.stderr.contains(&why), "{}", ran.stderr);
        project.ok(&RUN);
        assert_eq!(
            (hook.requests().len(), story(&project).as_str()),
            (requests, "sending unknown")
        );
        tells_no_url(&project, &ran);
        let query = "select message from job_delivery where state = 'unknown'";
        let id = project.sql(query)[0]["message"]
            .as_str()
            .unwrap()
            .to_owned();
        project.ok(&["deliver", "resend", &id, "--name", "Dana Lee"]);
        assert_eq!(story(&project), "sending unknown queued sending sent");
        assert_eq!(hook.requests().len(), requests + 1);
    }
}

/// Where nobody listens, nothing has left: it waits.
#[test]
fn nobody_listens() {
    let hook = Hook::start(&[]);
    let mut project = one(&hook);
    project.set(
        "LEADGAUGE_TEST_HOOK_0",
        "http://127.0.0.1:1/services/s3cret",
    );
    let ran = project.run(&RUN);
    assert_eq!(ran.code, 75);
    assert!(
        ran.stderr
            .contains("` waits for the next run: `#funnel` cannot be reached: "),
        "{}",
        ran.stderr
    );
    assert!(told(&project)[0].starts_with("queued 1 `#funnel` cannot be reached"));
    assert_eq!(story(&project), "sending queued");
    tells_no_url(&project, &ran);
}

/// A URL that is absent, none, or would travel in the clear holds the post, and costs nobody their mail.
#[test]
fn a_url_that_is_none() {
    let hook = Hook::start(&[]);
    let mut project = one(&hook);
    for (url, why) in [
        (
            "",
            "The environment variable `LEADGAUGE_TEST_HOOK_0` holds no secret",
        ),
        (
            "s3cret",
            "What the environment variable `LEADGAUGE_TEST_HOOK_0` holds for `#funnel` is no `https://` URL",
        ),
        (
            "http://hooks.acme.example/s3cret",
            "What the environment variable `LEADGAUGE_TEST_HOOK_0` holds for `#funnel` is no `https://` URL",
        ),
    ] {
        project.set("LEADGAUGE_TEST_HOOK_0", url);
        let ran = project.run(&RUN);
        assert_eq!(ran.code, 1);
        assert!(
            ran.stderr
                .contains(&format!("` waits until this is mended: {why}")),
            "{}",
            ran.stderr
        );
        assert_eq!(
            (project.files("mail").len(), story(&project).as_str()),
            (1, "")
        );
        tells_no_url(&project, &ran);
    }
    project.set("LEADGAUGE_TEST_HOOK_0", &hook.url);
    let config = "config/leadgauge.yaml";
    project.replace(config, "slack: {", "webhook: {");
    let ran = project.run(&RUN);
    assert!(
        ran.stderr
            .contains("`#funnel` was a channel of another kind when this was written"),
        "{}",
        ran.stderr
    );
    project.replace(config, "webhook: {", "slack: {");
    project.ok(&RUN);
    assert_eq!(hook.requests().len(), 1);
}

/// A run that dies while a post is on its way leaves it unknown; two runs at once post it once.
#[test]
fn killed_and_doubled() {
    let hook = Hook::start(&[Answer::Silence]);
    let project = one(&hook);
    let mut run = project.command(&RUN).stderr(Stdio::null()).spawn().unwrap();
    hook.wait();
    assert_eq!(story(&project), "sending");
    let ran = project.run(&RUN);
    assert_eq!(ran.code, 75);
    assert!(
        ran.stderr.contains("` is being sent by another run\n"),
        "{}",
        ran.stderr
    );
    run.kill().unwrap();
    run.wait().unwrap();
    assert_eq!(project.run(&RUN).code, 1);
    let why = "the run that was sending it ended before the server's answer was recorded";
    assert_eq!(told(&project), [format!("unknown 1 {why}")]);
    project.ok(&RUN);
    assert_eq!(hook.requests().len(), 1);
}

/// Mail that cannot leave keeps no channel waiting.
#[test]
fn mail_is_down() {
    let hook = Hook::start(&[]);
    let project = one(&hook);
    let smtp =
        "smtp: { host: mail.acme.example, user: a, password: { env: LEADGAUGE_NO_SUCH_VARIABLE } }";
    project.replace("config/leadgauge.yaml", "folder: ../mail", smtp);
    let ran = project.run(&RUN);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(
        ran.stderr
            .contains("The mails wait in the outbox: A secret of the mail server cannot be read")
    );
    assert_eq!(
        (told(&project), hook.requests().len()),
        (vec!["sent 1".to_owned()], 1)
    );
}

/// A channel can be the owner: it hears of trouble where mail cannot leave.
#[test]
fn the_owner_is_a_channel() {
    let (funnel, ops) = (Hook::start(&[]), Hook::start(&[]));
    let project = posting(&[("#funnel", "slack", &funnel), ("ops", "webhook", &ops)]);
    let config = "config/leadgauge.yaml";
    project.replace(config, ", { channel: \"ops\" }", "");
    let smtp =
        "smtp: { host: mail.acme.example, user: a, password: { env: LEADGAUGE_NO_SUCH_VARIABLE } }";
    project.replace(config, "folder: ../mail", smtp);
    project.replace(
        config,
        "delivery:\n",
        "delivery:\n  owner: { channel: ops }\n",
    );
    let ran = project.run(&RUN);
    assert_eq!(
        (ran.code, funnel.requests().len()),
        (1, 1),
        "{}",
        ran.stderr
    );
    let [notice] = ops.requests().try_into().unwrap();
    let document: Value = serde_json::from_str(&notice.body).unwrap();
    assert_eq!(
        document["subject"],
        "Leadgauge, Acme: 1 trouble, 2026-11-18"
    );
    let text = document["text"].as_str().unwrap();
    assert!(text.contains("The mails wait in the outbox"), "{text}");
    assert!(
        notice.head.contains("idempotency-key: notice-000001-"),
        "{}",
        notice.head
    );
    assert_eq!(listed(&project, &["--to", "ops"]), ["ops sent 1"]);
    project.run(&RUN);
    assert_eq!(ops.requests().len(), 1);
    tells_no_url(&project, &ran);
}
