//! Tests of reports of one's own: one template in three forms, and what `check` finds.

use crate::metrics::Limits;
use serde_json::json;

use super::*;
use crate::config::SignOff;
use crate::problem::Place;
use crate::report::tests::lint::lint;
use crate::report::{Rendered, Templates, check_own, render};

const TEMPLATE: &str = "\
{{#with (first sources)}}
{{#> lede}}{{source}} brought most: {{integer people}} of {{date @root.as_of}}.{{/lede}}
{{else}}
{{#> lede}}Nobody came.{{/lede}}
{{/with}}
{{#> say}}Whoever has no source counts as \"none\" & < 3.{{/say}}
{{> keys totals}}
{{#> section heading=\"By source\"}}
{{#> say}}Of the last 90 days.{{/say}}
{{> bars sources}}
{{> table sources}}
{{/section}}
";

fn set() -> MetricSet {
    let rows = |list: Value| {
        let list = list.as_array().cloned().unwrap_or_default();
        let rows = list.iter().filter_map(|row| row.as_object().cloned());
        rows.collect::<Vec<_>>()
    };
    let columns = |list: &[(&str, ColumnType)]| {
        let columns = list.iter().map(|(name, kind)| ((*name).to_owned(), *kind));
        columns.collect::<Vec<_>>()
    };
    MetricSet {
        report: "lead-sources".to_owned(),
        company: "Acme".to_owned(),
        as_of: jiff::civil::date(2026, 11, 19),
        zone: "America/New_York".to_owned(),
        definition: "2026-q4".to_owned(),
        sign_off: SignOff::default(),
        limits: Limits::default(),
        tables: [
            (
                "sources".to_owned(),
                rows(json!([
                    {"source": "Web\u{202e}inar <b>", "people": 1200, "mql_rate": 0.25, "median_days": 1.0,
                        "last_on": "2026-11-18", "spent": "1200.5000", "paid": true},
                    {"source": null, "people": 300, "mql_rate": null, "median_days": 2.25,
                        "last_on": null, "spent": "0.2500", "paid": false},
                ])),
            ),
            ("totals".to_owned(), rows(json!([{"people": 1500, "MQL share": 0.2}]))),
            ("faults".to_owned(), Vec::new()),
        ]
        .into(),
        columns: [
            (
                "sources".to_owned(),
                columns(&[
                    ("source", ColumnType::String),
                    ("people", ColumnType::Bigint),
                    ("mql_rate", ColumnType::Double),
                    ("median_days", ColumnType::Double),
                    ("last_on", ColumnType::Date),
                    ("spent", ColumnType::Decimal),
                    ("paid", ColumnType::Boolean),
                ]),
            ),
            (
                "totals".to_owned(),
                columns(&[("people", ColumnType::Bigint), ("MQL share", ColumnType::Double)]),
            ),
            ("faults".to_owned(), Vec::new()),
        ]
        .into(),
    }
}

/// The shipped templates and these, each by its path.
fn with(own: &[(&str, &str)]) -> Templates {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, text) in own {
        crate::fs::write(&folder.path().join(path), text.as_bytes()).expect("writes");
    }
    Templates::load(folder.path()).unwrap_or_else(|problems| panic!("{problems}"))
}

fn written(template: &str, set: &MetricSet) -> Rendered {
    let templates = with(&[("lead-sources.report.hbs", template)]);
    render(set, &templates).unwrap_or_else(|error| panic!("{error}"))
}

/// What `check` finds, without the folder's name.
fn problems(own: &[(&str, &str)]) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, text) in own {
        crate::fs::write(&folder.path().join(path), text.as_bytes()).expect("writes");
    }
    let templates = Templates::load(folder.path()).unwrap_or_else(|problems| panic!("{problems}"));
    let place = Place::of("leadgauge.yaml", "  - name: lead-sources", 1, 5);
    let prefix = format!("{}/", folder.path().display());
    let found = check_own(&set(), &place, &templates).into_iter();
    found
        .map(|problem| problem.to_string().replace(&prefix, ""))
        .collect()
}

/// One template makes the plain text, word for word; the page and the mail say the same figures.
#[test]
fn one_template_three_forms() {
    let rendered = written(TEMPLATE, &set());
    assert_eq!(rendered.subject, "Lead sources, Thu 19 Nov");
    let expected = "\
Acme · Lead sources · Thursday 19 November 2026

Web inar <b> brought most: 1,200 of Thu 19 Nov 2026.

Whoever has no source counts as \"none\" & < 3.

* People: 1,500
* MQL share: 20.0%

BY SOURCE

Of the last 90 days.

* Web inar <b>: 1,200
* –: 300

* Web inar <b>
  People: 1,200
  Mql rate: 25.0%
  Median days: 1.0 day
  Last on: Wed 18 Nov 2026
  Spent: 1,200.5
  Paid: yes
* –
  People: 300
  Mql rate: –
  Median days: 2.3 days
  Last on: –
  Spent: 0.3
  Paid: no

--
Definition 2026-q4, no signature asked for. Days are days in
America/New_York.
Any figure: leadgauge sql --as-of 2026-11-19 \"select * from metric\"
";
    assert_eq!(rendered.mail_text, expected);
    assert_eq!(lint(&rendered), Vec::<String>::new());
    for html in [&rendered.page, &rendered.mail_html] {
        for shown in [
            "Web inar &lt;b&gt;",
            "1,200",
            "1,500",
            "20.0%",
            "25.0%",
            "2.3 days",
            "By source",
        ] {
            assert!(html.contains(shown), "{shown}\n{html}");
        }
        assert!(!html.contains("<b>") || !html.contains("inar <b>"));
    }
}

/// Without a row the other branch is written, and blocks say that there is nothing to show.
#[test]
fn no_rows() {
    let mut none = set();
    none.tables.values_mut().for_each(Vec::clear);
    let text = written(TEMPLATE, &none).mail_text;
    assert!(text.contains("\nNobody came.\n"), "{text}");
    assert_eq!(text.matches("Nothing to show.").count(), 2, "{text}");
}

/// A stream that is missing is said at the top of every form.
#[test]
fn faults_are_told() {
    let mut faulty = set();
    let fault = json!([{"source": "crm", "stream": "lead", "outcome": "missing", "message": null, "last_good": null}]);
    let fault = fault[0].as_object().cloned().unwrap_or_default();
    faulty.tables.insert("faults".to_owned(), vec![fault]);
    let rendered = written(TEMPLATE, &faulty);
    for part in [&rendered.page, &rendered.mail_html, &rendered.mail_text] {
        assert!(part.contains("crm.lead did not arrive."), "{part}");
    }
}

/// Rows that come with the key of a figure are figures that the report tells; others are none.
#[test]
fn figures_told() {
    let mut telling = set();
    assert_eq!(prepare(&telling).expect("reads").told, []);
    let row = json!([{"measure": "volume_counted", "period": "month", "period_start": "2026-10-01",
        "period_end": "2026-10-31", "stage": "mql", "dimension": "lead_source", "member": "Webinar", "n": 12,
        "value": 12.0}]);
    let row = row[0].as_object().cloned().unwrap_or_default();
    telling.tables.insert("months".to_owned(), vec![row]);
    let told = prepare(&telling).expect("reads").told;
    assert_eq!(told.len(), 1);
    assert_eq!((&*told[0].measure, told[0].n), ("volume_counted", Some(12)));
    assert_eq!(told[0].member.as_deref(), Some("Webinar"));
}

/// A query may not be called as something that every report has.
#[test]
fn a_taken_name() {
    let mut taken = set();
    taken.tables.insert("title".to_owned(), Vec::new());
    let error = prepare(&taken).map(|_| ()).expect_err("refused");
    assert_eq!(
        error.to_string(),
        "Report `lead-sources`: the query `title` has the name of something that every report has\n  \
         fix: call its file otherwise than `title.sql`"
    );
}

/// The whole template is as it should be.
#[test]
fn nothing_wrong() {
    assert_eq!(
        problems(&[("lead-sources.report.hbs", TEMPLATE)]),
        Vec::<String>::new()
    );
}

/// A variable that no query gives is found in `if`, in `each`, in `first` and in a branch not taken,
/// with its line.
#[test]
fn unknown_variables_are_found() {
    let text = "\
{{#each sources}}
{{#> lede}}{{sorce}}{{#if pepole}}x{{/if}}{{/lede}}
{{/each}}
{{#if surces}}{{> table sources}}{{/if}}
{{#with (first totals)}}{{#if peeple}}{{/if}}{{else}}{{/with}}
{{> table source}}
";
    let found = problems(&[("lead-sources.report.hbs", text)]);
    let starts = [
        "Unknown variable `sorce`\n --> lead-sources.report.hbs:2:12",
        "Unknown variable `pepole`\n --> lead-sources.report.hbs:2:21",
        "Unknown variable `surces`\n --> lead-sources.report.hbs:4:1",
        "Unknown variable `peeple`\n --> lead-sources.report.hbs:5:25",
        "Unknown variable `source`\n --> lead-sources.report.hbs:6:1",
    ];
    assert_eq!(found.len(), starts.len(), "{found:#?}");
    for (found, start) in found.iter().zip(starts) {
        assert!(found.starts_with(start), "{start}\n{found}");
    }
    assert!(
        found[0].ends_with(
            "fix: one of: `source`, `people`, `mql_rate`, `median_days`, `last_on`, `spent`, `paid`"
        ),
        "{}",
        found[0]
    );
}

/// A report without a template is told at its entry, and so is one that lacks a form.
#[test]
fn a_missing_template() {
    let expected = "\
No template writes the report `lead-sources`
 --> leadgauge.yaml:1:5
  |
1 |   - name: lead-sources
  |     ^
  why: there is no `lead-sources.page.html.hbs`, `lead-sources.mail.html.hbs`, `lead-sources.mail.txt.hbs`
  fix: write `lead-sources.report.hbs` among the templates: it is for page, mail and plain text";
    assert_eq!(problems(&[]), [expected]);
    let one = problems(&[("lead-sources.page.html.hbs", "<p>{{company}}</p>")]);
    assert!(
        one[0].contains("why: there is no `lead-sources.mail.html.hbs`, `lead"),
        "{}",
        one[0]
    );
}

/// HTML, and text outside a block, would be read as such in the plain text.
#[test]
fn html_and_stray_text() {
    let html = "{{#> lede}}All{{/lede}}\n\n{{#each sources}}\n  {{#> say}}so <em>much</em>{{/say}}{{/each}}\n";
    let found = problems(&[("lead-sources.report.hbs", html)]);
    let expected = "\
HTML stands in a report's template
 --> lead-sources.report.hbs:4:16
  |
4 |   {{#> say}}so <em>much</em>{{/say}}{{/each}}
  |                ^
  why: it is written into the page, the mail and the plain text
  fix: use the blocks, or write the page in a template of its own, `.page.html.hbs`";
    assert_eq!(found[0], expected);
    let found = problems(&[(
        "lead-sources.report.hbs",
        "{{> keys totals}}\n\nNote well.\n",
    )]);
    assert!(
        found[0].starts_with("Text stands outside a block\n --> lead-sources.report.hbs:3:1"),
        "{}",
        found[0]
    );
    let found = problems(&[(
        "lead-sources.report.hbs",
        "{{#> lede}}{{upper totals}}{{/lede}}",
    )]);
    assert_eq!(
        found,
        ["Template lead-sources.report.hbs:1:12: `upper` takes a text"]
    );
}

/// Each form may have a template of its own, and each block may be replaced.
#[test]
fn forms_and_blocks_are_replaced_file_by_file() {
    let own = [
        ("lead-sources.report.hbs", TEMPLATE),
        ("lead-sources.mail.txt.hbs", "{{company}} in few words"),
        ("lead-sources.subject.txt.hbs", "{{company}}!"),
        (
            "blocks/lede.page.html.hbs",
            "<p class=\"lede big\">{{> @partial-block}}</p>",
        ),
    ];
    let rendered = render(&set(), &with(&own)).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(
        (rendered.subject.as_str(), rendered.mail_text.trim()),
        ("Acme!", "Acme in few words")
    );
    assert!(rendered.page.contains("<p class=\"lede big\">Web"));
    assert!(!rendered.mail_html.contains("lede big"));
}
