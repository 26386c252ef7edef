//! The shipped deployment loads; broken ones tell everything that is wrong, word for word.

use std::fmt::Write;
use std::path::Path;

use jiff::civil::{Weekday, date};

mod definitions;

use super::load::FILES;
use super::*;
use crate::fs;

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config")
}

// The shipped signature is of the shipped definition: whoever changes that puts the new SHA-256 into
// config/signatures.yaml.
#[test]
fn the_shipped_definition_is_signed_by_one_of_two() {
    let config = Config::load(&shipped().join("leadgauge.yaml")).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(config.signatures[0].hash, config.funnel.hash);
    let sign_off = config.sign_off();
    assert_eq!(sign_off.words(), "signed by CMO, not signed by CRO");
}

// The deployment in config/ loads and means what it says.
#[test]
fn the_shipped_deployment_loads() {
    let config = Config::load(&shipped().join("leadgauge.yaml")).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(config.company, "Acme");
    let streams: Vec<usize> = config
        .sources
        .iter()
        .map(|source| source.streams.len())
        .collect();
    assert_eq!(streams, [11, 4]);
    let lead = &config.sources[0].streams[0];
    assert_eq!(
        lead.columns["MQL_Date__c"].kind,
        Some(ColumnType::Timestamp)
    );
    assert_eq!(
        (lead.format, lead.compression, lead.delimiter),
        (Format::Csv, Compression::None, b',')
    );
    let ids: Vec<&str> = config
        .funnel
        .stages
        .iter()
        .map(|stage| stage.id.as_str())
        .collect();
    let stages = [
        "anonymous",
        "known",
        "responded",
        "mql",
        "sal",
        "sql",
        "opportunity",
        "closed",
    ];
    assert_eq!(ids, stages);
    assert_eq!(
        config.funnel.after_close,
        AfterClose {
            to: 1,
            quiet_days: 30
        }
    );
    assert_eq!(config.sla.commitments[1].first_day, date(2026, 10, 1));
    assert_eq!(
        config.sla.commitments[1].minimum_days_before_resubmission,
        14
    );
    assert_eq!(
        config.reports[1].schedule,
        Schedule::Weekly(Weekday::Sunday)
    );
    // What lies beside the shipped deployment are the shipped queries themselves.
    let (own, files): (Vec<&String>, Vec<&String>) = config
        .texts
        .keys()
        .partition(|name| name.starts_with("queries/"));
    assert_eq!(
        files,
        [
            "calendar.yaml",
            "funnel.yaml",
            "leadgauge.yaml",
            "signatures.yaml",
            "sla.yaml"
        ]
    );
    assert!(
        own.iter().any(|name| *name == "queries/metrics/volume.sql"),
        "{own:?}"
    );
}

// The predicate of an `on` carries its own place, so that a fault in the SQL points at the SQL.
#[test]
fn a_predicate_knows_its_place() {
    let config = Config::load(&shipped().join("leadgauge.yaml")).unwrap_or_else(|e| panic!("{e}"));
    let Trigger::On {
        predicate: Some(sql),
        ..
    } = &config.funnel.stages[0].triggers[0]
    else {
        panic!("an event with a predicate")
    };
    assert_eq!(sql.text, "kind = 'web' and person.email is null");
    let shown: String = sql.place.text.chars().skip(sql.place.column - 1).collect();
    assert_eq!(shown, "kind = 'web' and person.email is null\"");
}

/// A small deployment that loads, as `FILES`.
const SMALL: [&str; 4] = [
    include_str!("tests/small/leadgauge.yaml"),
    include_str!("tests/small/funnel.yaml"),
    include_str!("tests/small/sla.yaml"),
    include_str!("tests/small/calendar.yaml"),
];

/// Loads the small deployment after edits, one a line: `file: old => new`, where `\n` and `\t` stand
/// for what they do. The problems name its folder `config`.
fn edited(edits: &str) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    let mut texts = SMALL.map(str::to_owned);
    for edit in edits.lines() {
        let (file, edit) = edit.split_once(": ").unwrap();
        let (old, new) = edit.split_once(" =>").unwrap();
        let [old, new] = [old, new.strip_prefix(' ').unwrap_or(new)]
            .map(|text| text.replace("\\n", "\n").replace("\\t", "\t"));
        let index = FILES
            .iter()
            .position(|name| name.strip_suffix(".yaml") == Some(file));
        let text = &mut texts[index.unwrap()];
        assert!(text.contains(&old), "`{old}` is not in {file}.yaml");
        *text = text.replacen(&old, &new, 1);
    }
    for (name, text) in FILES.iter().zip(&texts) {
        fs::write(&folder.path().join(name), text.as_bytes()).unwrap();
    }
    let path = folder.path().display().to_string();
    let loaded = Config::load(&folder.path().join("leadgauge.yaml"));
    loaded.map_err(|problems| problems.to_string().replace(&path, "config"))
}

/// What each of the mistakes tells: blocks of a line that names it and the edits that make it.
fn told(mistakes: &str) -> String {
    let mut out = String::new();
    for mistake in mistakes.trim().split("\n\n") {
        let (name, edits) = mistake.split_once('\n').unwrap();
        let told = edited(edits).map_or_else(|told| told, |_| "NOTHING IS TOLD".to_owned());
        writeln!(out, "#### {name}\n\n{told}\n").unwrap();
    }
    out
}

// The small deployment loads, so that what is told below comes from the mistakes alone.
#[test]
fn the_small_deployment_loads() {
    let config = edited("").unwrap_or_else(|told| panic!("{told}"));
    assert_eq!(config.sources[0].streams[0].compression, Compression::Gzip);
    assert_eq!(config.metrics.floor, 30);
}

// Each mistake in leadgauge.yaml is told word for word.
#[test]
fn mistakes_in_leadgauge_yaml() {
    insta::assert_snapshot!(told(include_str!("tests/leadgauge.txt")));
}

// Each mistake in how mail leaves is told word for word, and no secret with it.
#[test]
fn mistakes_in_the_transport() {
    let told = told(include_str!("tests/transport.txt"));
    assert!(!told.contains("hunter2"));
    insta::assert_snapshot!(told);
}

// Each mistake in recipients, in what they may see and in schedules is told word for word.
#[test]
fn mistakes_in_recipients() {
    insta::assert_snapshot!(told(include_str!("tests/recipients.txt")));
}

// Each mistake in channels is told word for word, and no URL with it.
#[test]
fn mistakes_in_channels() {
    let told = told(include_str!("tests/channels.txt"));
    assert!(!told.contains("hunter2"), "{told}");
    insta::assert_snapshot!(told);
}

// A channel gets figures of many unless told otherwise, whatever the domains are that mail goes to.
#[test]
fn a_channel_is_read() {
    let to = "leadgauge: [Ada <ada@acme.example>] => [{ channel: ops }, { channel: lake, detail: full, locale: de-DE }]";
    let channels = "leadgauge: { folder: ../mail } => { folder: ../mail }\\n  privacy: { domains: [acme.example] }\\n  \
                    channels:\\n    - { name: ops, slack: { env: OPS_URL } }\\n    - { name: lake, webhook: { file: lake } }";
    let config = edited(&format!("{to}\n{channels}")).unwrap_or_else(|told| panic!("{told}"));
    let listed = &config.reports[0].recipients;
    let read: Vec<_> = listed
        .iter()
        .map(|it| (it.recipient.address(), it.sees.detail))
        .collect();
    assert_eq!(read, [("ops", Detail::Aggregate), ("lake", Detail::Full)]);
    assert_eq!(listed[1].sees.locale, Locale::DeDe);
    let kinds: Vec<_> = config.delivery.channels.iter().map(|it| it.kind).collect();
    assert_eq!(kinds, [ChannelKind::Slack, ChannelKind::Webhook]);
}

// Mail without TLS is for this machine alone.
#[test]
fn no_tls_to_this_machine() {
    let smtp = "{ smtp: { host: 127.0.0.1, tls: none } }";
    let config = edited(&format!("leadgauge: {{ folder: ../mail }} => {smtp}"));
    let transport = config
        .unwrap_or_else(|told| panic!("{told}"))
        .delivery
        .transport;
    assert!(matches!(
        transport,
        Transport::Smtp(Smtp {
            port: 25,
            tls: Tls::None,
            ..
        })
    ));
}

// Each mistake in funnel.yaml, sla.yaml and calendar.yaml is told word for word; several at once.
#[test]
fn mistakes_in_the_other_files() {
    insta::assert_snapshot!(told(include_str!("tests/others.txt")));
}

// Each mistake in the scores of funnel.yaml is told word for word.
#[test]
fn mistakes_in_scores() {
    insta::assert_snapshot!(told(include_str!("tests/scores.txt")));
}

// A score means what it says: groups in their order, days, caps and shares in millionths.
#[test]
fn a_score_is_read() {
    let rules = "behavioural:\\n      - { name: call, on: \"activity where kind = 'call'\", within: 9 days, \
                 points: -3, at_most: 6, steps: [{ after: 2 days, share: 0.25 }] }\\n    demographic:\\n      \
                 - { name: known, when: \"email is not null\", points: 5 }";
    let edit = format!(
        "funnel: after_close: => scores:\\n  - name: score\\n    stage: known\\n    {rules}\\nafter_close:"
    );
    let config = edited(&edit).unwrap_or_else(|told| panic!("{told}"));
    let [score] = config.funnel.scores.as_slice() else {
        panic!("one score")
    };
    let rules: Vec<_> = score
        .rules
        .iter()
        .map(|rule| (rule.name.as_str(), rule.group, rule.points))
        .collect();
    let expected = [
        ("known", Group::Demographic, 5),
        ("call", Group::Behavioural, -3),
    ];
    assert_eq!((rules.as_slice(), score.stage), (&expected[..], Some(0)));
    let Basis::On(call) = &score.rules[1].basis else {
        panic!("behaviour")
    };
    assert_eq!(
        (call.event, call.within_days, call.at_most),
        (Event::Activity, 9, Some(6))
    );
    assert_eq!(call.decay, Decay::Steps(vec![(2, 250_000)]));
}

// A syntax error tells its place and, where the cause is plain, the fix.
#[test]
fn syntax_errors() {
    insta::assert_snapshot!(told(include_str!("tests/syntax.txt")));
}

// A file that is not there is told, beside what is wrong in the others; sla.yaml may be empty.
#[test]
fn missing_files() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(&folder.path().join("funnel.yaml"), SMALL[1].as_bytes()).unwrap();
    fs::write(&folder.path().join("sla.yaml"), b"").unwrap();
    fs::write(&folder.path().join("calendar.yaml"), b"week: 1").unwrap();
    let problems = Config::load(&folder.path().join("leadgauge.yaml")).unwrap_err();
    let path = folder.path().display().to_string();
    insta::assert_snapshot!(problems.to_string().replace(&path, "config"));
}
