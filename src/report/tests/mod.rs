//! Tests of whole reports: what they say, and what may never be in them.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

pub(in crate::report) mod lint;
mod rules;

use super::*;
use crate::metrics::Limits;

fn shipped() -> Templates {
    Templates::load(Path::new("no/such/folder")).expect("the shipped templates parse")
}

/// A report without its pictures, which take a while to draw.
fn written(set: &MetricSet) -> Rendered {
    let prepared = prepare(set).expect("the rows are as expected");
    write(&set.report, &prepared.view, &shipped()).expect("renders")
}

/// The examples, and one whose every text is hostile.
fn all_sets() -> Vec<MetricSet> {
    let of = |report| {
        let sets = [
            example::empty(report),
            example::one_row(report),
            example::full(report),
        ];
        sets.into_iter().chain([hostile(report)])
    };
    REPORTS.into_iter().flat_map(of).collect()
}

const HOSTILE: &str =
    "<script>alert(1)</script>{{lede}}{{{lede}}}\r\nBcc: a@b.example\u{202e}\"'`&<!--";

fn hostile(report: &str) -> MetricSet {
    let mut set = example::full(report);
    set.company = HOSTILE.to_owned();
    set.definition = HOSTILE.to_owned();
    let words = [
        "message",
        "top_source",
        "member",
        "term",
        "next_term",
        "kind",
        "source",
        "stream",
        "quarter",
        "baseline_name",
        "value",
        "examples",
        "words",
        "dimension",
        "required_fields",
        "name",
        "expression",
    ];
    // What a query chooses from a few words of its own cannot be hostile.
    let chosen = |word: &str| word == "kind" && report != "daily";
    for row in set.tables.values_mut().flatten() {
        for word in words.into_iter().filter(|word| !chosen(word)) {
            if row.get(word).is_some_and(Value::is_string) {
                row.insert(word.to_owned(), json!(HOSTILE));
            }
        }
    }
    set
}

fn change(set: &mut MetricSet, query: &str, row: usize, column: &str, value: Value) {
    let rows = set.tables.get_mut(query).expect("the query is there");
    rows[row].insert(column.to_owned(), value);
}

/// A small daily mail, word for word.
#[test]
fn small_daily_mail() {
    let mut set = example::full("daily");
    for (query, keep) in [("faults", 0), ("stuck", 1), ("weeks", 3), ("trend", 0)] {
        set.tables.get_mut(query).expect("there").truncate(keep);
    }
    let stages = set.tables.get_mut("stages").expect("there");
    stages.drain(3..);
    stages.drain(..2);
    let rendered = written(&set);
    assert_eq!(
        rendered.subject,
        "Funnel, Thu 19 Nov: 31 MQLs (14–24 expected)"
    );
    let expected = "\
Acme · Funnel · Thursday 19 November 2026

31 MQLs on Thursday, 24 at most expected. Most came from Webinar (20 of 31).

2026-Q4 stands at 628 of 1,200: 58 behind the 686 due by now, 91.5% of pace.

Over 28 days against the baseline: MQL up.

* MQLs on Thursday: 31 (14–24 expected), more than expected
* of pace to 1,200: 91.5% (58 behind 686)
* MQL to Sales accepted lead: 61.2% (baseline 67.0%, n\u{a0}240)
* MQL to Sales accepted lead, median: 1.4 days (baseline 0.9 days, n\u{a0}131),
  slower than the baseline

WHAT CHANGED SINCE WE TOLD YOU

* October MQLs: 412 when we told you, 405 now: 5 merged, 2 re-dated.
* November entries into Working up to Wed 18 Nov: 190 when we told you, 188
  now: −3 merged, +1 late.
* MQLs in the week of Mon 9 Nov: 98 when we told you, 99 now: 1 late.
* MQLs on Wed 18 Nov: 31 when we told you, 33 now: 2 late.

WHAT NEEDS SOMEONE TODAY

* 6 MQLs without an owner, the oldest for 19 hours
* 9 stuck in SAL, longer than the 12.1 days in which nine of ten go on; the
  oldest for 41.3 days

MQLS AGAINST THE COMMITMENT

* Week 1 from 1 Oct: 38 of 38, 0, met
* Week 2 from 5 Oct: 98 of 96, +2, met
* Week 3 from 12 Oct: 85 of 96, −11, short

BY MONTH

* MQL: 405 in October, 212 so far in November

EVERY STAGE

* MQL: 188 in stage
  Entered: 31 (14–24 expected), more than expected
  In 28 days: 214 (baseline 175), more than the baseline
  To Sales accepted lead: 61.2% (baseline 67.0%, n\u{a0}240)
  Median to Sales accepted lead: 1.4 days (baseline 0.9 days, n\u{a0}131), slower
    than the baseline

--
Definition 2026-q4, signed by CMO, not signed by CRO, changed since CFO
signed it on 29 Sep 2026. Baseline fy2026: Wed 1 Oct 2025 to Wed 30 Sep
2026, from imported history. Days are days in America/New_York.
Any figure: leadgauge sql --as-of 2026-11-19 \"select * from metric\"
";
    assert_eq!(rendered.mail_text, expected);
}

/// The weekly report's first sentences, and its subject.
#[test]
fn weekly_sentences() {
    let mut set = example::full("sla-weekly");
    set.tables.insert("faults".to_owned(), Vec::new());
    let rendered = written(&set);
    assert_eq!(
        rendered.subject,
        "SLA, Thu 19 Nov: 628 of 1,200 MQLs in 2026-Q4, 58 behind pace"
    );
    let start = "\
Acme · SLA · Thursday 19 November 2026

Week 7 brought 90 MQLs, 5 short of the 95 committed. The quarter is 58
behind its pace.

2026-Q4 stands at 628 of 1,200: 58 behind the 686 due by now, 91.5% of pace.

95.3 are needed in each of the 6 remaining weeks; the last complete week
brought 90.
";
    assert!(
        rendered.mail_text.starts_with(start),
        "{}",
        rendered.mail_text
    );
}

/// A missing stream makes the day's count a lower bound, or not known where the query says so, and
/// withholds every verdict on it.
#[test]
fn faults_withhold() {
    let mut set = example::full("daily");
    for row in set.tables.get_mut("stages").expect("there") {
        row.shift_remove("withheld");
    }
    let rendered = written(&set);
    assert_eq!(
        rendered.subject,
        "Funnel, Thu 19 Nov: at least 31 MQLs (14–24 expected)"
    );
    for said in [
        "At least 31 MQLs on Thursday; 14–24 are expected of a whole day.",
        "2026-Q4 stands at 628 of 1,200 or more; whether that is on pace is not known.",
        "! The day's counts are lower bounds, and no verdict is given on them.",
        "Entered: ≥ 31 (14–24 expected) In",
        "In 28 days: 214 (baseline 175) To",
    ] {
        let words: Vec<&str> = rendered.mail_text.split_whitespace().collect();
        let text = words.join(" ");
        assert!(text.contains(said), "{said}\n{text}");
    }
    change(&mut set, "stages", 2, "withheld", json!(true));
    let rendered = written(&set);
    assert_eq!(rendered.subject, "Funnel, Thu 19 Nov: MQLs not known");
    assert!(
        rendered
            .mail_text
            .contains("\nMQLs on Thursday are not known.\n")
    );

    let mut set = example::full("sla-weekly");
    change(&mut set, "quarter", 0, "withheld", json!(true));
    let rendered = written(&set);
    assert_eq!(rendered.subject, "SLA, Thu 19 Nov: 2026-Q4 is not known");
    assert!(!rendered.page.contains("628"));
}

/// "Most" is said only of enough, and a blank source is no name.
#[test]
fn where_most_came_from() {
    let lede = |entered: i64, name: &str, of: i64| {
        let mut set = example::full("daily");
        change(&mut set, "summary", 0, "entered", json!(entered));
        change(&mut set, "summary", 0, "expected_low", Value::Null);
        change(&mut set, "summary", 0, "top_source", json!(name));
        change(&mut set, "summary", 0, "top_source_n", json!(of));
        let view = prepare(&set).expect("rows").view;
        view["lede"].as_str().expect("a text").to_owned()
    };
    assert_eq!(lede(4, "Webinar", 4), "4 MQLs on Thursday.");
    assert_eq!(lede(1, "Webinar", 1), "1 MQL on Thursday.");
    assert_eq!(
        lede(9, "Webinar", 9),
        "9 MQLs on Thursday. All came from Webinar."
    );
    assert_eq!(
        lede(9, "Webinar", 4),
        "9 MQLs on Thursday. Webinar brought most, 4 of 9."
    );
    assert_eq!(
        lede(9, "blank", 6),
        "9 MQLs on Thursday. 6 of 9 have no lead source."
    );
}

/// A rate of too few is words, not a number; what does not exist is a dash.
#[test]
fn too_few_to_say() {
    let text = written(&example::full("daily")).mail_text;
    assert!(
        text.contains("\n  To Won: too few to say (n\u{a0}12)\n"),
        "{text}"
    );
    assert!(text.contains("\n  Median to Won: – (baseline 61.0 days, n\u{a0}4)\n"));
    assert!(!text.contains("25.0%"));
    let page = written(&example::full("daily")).page;
    assert!(page.contains(r#"<span class="few">too few to say (n"#));
    assert!(!page.contains("25.0%"));
}

/// Strict mode: a template that names what there is not fails instead of leaving a hole in a mail.
#[test]
fn strict_rendering() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("daily.mail.txt.hbs");
    crate::fs::write(&file, b"Dear all,\n  {{company}} {{ledde}}").expect("writes");
    let templates = Templates::load(folder.path()).expect("parses");
    let error = render(&example::empty("daily"), &templates).expect_err("refused");
    let told = format!("Template {}:2:15: Unknown variable `ledde`", file.display());
    assert_eq!(error.to_string(), told);
}

/// A query's rows that do not fit are refused with the file, the row and the column.
#[test]
fn rows_that_do_not_fit() {
    let refused = |spoil: &dyn Fn(&mut MetricSet)| {
        let mut set = example::full("daily");
        spoil(&mut set);
        prepare(&set).map(|_| ()).expect_err("refused").to_string()
    };
    assert_eq!(
        refused(&|set| drop(set.tables.get_mut("stages").expect("there")[1].shift_remove("stock"))),
        "Report `daily`: `queries/reports/daily/stages.sql`, row 2, column `stock`: expected a column of this name"
    );
    assert_eq!(
        refused(&|set| change(set, "stages", 0, "entered", json!("many"))),
        "Report `daily`: `queries/reports/daily/stages.sql`, row 1, column `entered`: expected a whole number"
    );
    assert_eq!(
        refused(&|set| change(set, "trend", 3, "n", Value::Null)),
        "Report `daily`: `queries/reports/daily/trend.sql`, row 4, column `n`: expected a value, not null"
    );
    assert_eq!(
        refused(&|set| change(set, "stages", 0, "rate_verdict", json!("better"))),
        "Report `daily`: `queries/reports/daily/stages.sql`, row 1, column `rate_verdict`: expected one of `up`, `down`, `same`, `few`"
    );
    assert_eq!(
        refused(&|set| drop(set.tables.remove("weeks"))),
        "Report `daily` needs the rows of `queries/reports/daily/weeks.sql`"
    );
    assert_eq!(
        refused(&|set| set
            .tables
            .get_mut("summary")
            .expect("there")
            .extend(example::full("daily").tables["summary"].clone())),
        "Report `daily`: `queries/reports/daily/summary.sql` gave 2 rows where one is expected"
    );
}

/// What a report tells is what it shows: the keys of its figures, and none that is withheld.
#[test]
fn figures_told_are_those_shown() {
    let told = prepare(&example::full("daily")).expect("reads").told;
    let counted = |period: &str, stage: &str| {
        let of = |it: &&Told| {
            (&*it.measure, &*it.period, it.stage.as_str()) == ("volume_counted", period, stage)
        };
        told.iter().filter(of).map(|it| it.n).collect::<Vec<_>>()
    };
    assert_eq!(counted("day", "mql"), [Some(31)]);
    assert_eq!(counted("month", "mql"), [Some(405), Some(212)]);
    assert_eq!(counted("day", "responded"), [], "it is withheld");
    assert_eq!(counted("day", "closed"), [Some(0)]);
    let rates = told.iter().filter(|it| it.measure == "conversion");
    let few = rates.filter(|it| it.stage == "opportunity").count();
    assert_eq!(few, 0, "too few to say is no figure");
}

/// What is kept from a reader is said in every part of every report, and a scope's name is only text.
#[test]
fn limits_in_every_part() {
    for report in REPORTS {
        let mut set = example::full(report);
        set.limits = Limits {
            scope: Some("region <b>EMEA</b>\r\n{{x}}".to_owned()),
            left_out: vec!["the weeks".to_owned()],
            ..Limits::default()
        };
        let rendered = written(&set);
        let scope = "region <b>EMEA</b> {{x}}";
        let escaped = "region &lt;b&gt;EMEA&lt;/b&gt; {{x}}";
        assert!(rendered.subject.contains(scope), "{report}");
        for html in [&rendered.page, &rendered.mail_html] {
            assert!(
                html.contains(escaped) && !html.contains("<b>EMEA"),
                "{report}"
            );
            assert!(
                html.contains("cannot be limited to that: the weeks."),
                "{report}"
            );
        }
        let text = rendered.mail_text.replace('\n', " ");
        assert!(
            text.contains(scope) && text.contains("limited to that: the weeks."),
            "{report}"
        );
    }
}
