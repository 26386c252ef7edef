use std::fs;
use std::path::Path;

use crate::small::{FIRST, fresh, night};
use crate::support::Project;

const QUERY: &str = "queries/reports/lead-sources/by_source.sql";
const TEMPLATE: &str = "templates/lead-sources.report.hbs";

/// The small deployment with the report of the README, its three files as they stand there.
fn with_own_report() -> Project {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let section = readme.split("## Your own report\n").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let block = |language: &str| {
        let fence = format!("```{language}\n");
        let mut blocks = section.split(&fence).skip(1);
        let text = blocks.next().unwrap().split("```").next().unwrap();
        assert_eq!(blocks.next(), None, "one file is in {language}");
        text.to_owned()
    };
    for path in [QUERY, TEMPLATE] {
        assert!(section.contains(&format!("`{path}`:")), "{path}");
    }
    let project = fresh();
    project.write(QUERY, block("sql"));
    project.write(TEMPLATE, block("handlebars"));
    let entry = format!("\nreports:\n{}", block("yaml"));
    project.replace("config/leadgauge.yaml", "\nreports:\n", &entry);
    project
}

/// What `check` says of a deployment that it refuses.
fn refused(project: &Project) -> String {
    let ran = project.run(&["check"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    ran.stderr
}

/// The README's three files are a report: checked, archived, mailed, and the same in every form.
#[test]
fn the_readme_s_report() {
    let project = with_own_report();
    project.ok(&["check"]);
    let ran = night(&project, FIRST);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let mails = project.files("mail").into_iter();
    assert_eq!(
        mails.filter(|mail| mail.contains("lead-sources")).count(),
        1
    );
    project.ok(&["report", "lead-sources", "--out", "out"]);
    // Counted by hand in `lead.csv`: Web brought L1, L2 and L6, Event L3 and L4; L5 has no source and
    // is no MQL; L7 is internal.
    let text = project.read(&format!("out/lead-sources-{FIRST}.txt"));
    let expected = "\
Small · Lead sources · Thursday 6 March 2025

Most people came from Web: 3, of whom 100.0% are MQLs by now.

Everybody who became known in the 90 days up to Thu 6 Mar 2025.

WHERE PEOPLE CAME FROM

* Web: 3
* Event: 2
* no source: 1

WHAT BECAME OF THEM

* Web
  People: 3
  MQLs: 3
  MQL rate: 100.0%
* Event
  People: 2
  MQLs: 2
  MQL rate: 100.0%
* no source
  People: 1
  MQLs: 0
  MQL rate: 0.0%

--
Definition 2025-q1, no signature asked for. Days are days in Europe/Berlin.
Any figure: leadgauge sql --as-of 2025-03-06 \"select * from metric\"
";
    assert_eq!(text, expected);
    let archived = project.files("warehouse/archive");
    let is_page = |path: &&String| path.ends_with("/lead-sources.html");
    let page = project.read(archived.iter().find(is_page).unwrap());
    assert_eq!(
        page,
        project.read(&format!("out/lead-sources-{FIRST}.html"))
    );
    for shown in [
        "Most people came from Web: 3",
        "<bdi>no source</bdi>",
        "MQL rate",
    ] {
        assert!(page.contains(shown), "{shown}");
    }
}

/// Mistakes in the query, the template and the entry are told with file and line, before any night.
#[test]
fn a_wrong_report_is_found() {
    let project = with_own_report();
    project.replace(QUERY, "k.net_new", "k.new_net");
    let told = refused(&project);
    assert!(
        told.starts_with("error: There is no column `k.new_net`\n  --> config/../queries/reports/lead-sources/by_source.sql:10:"),
        "{told}"
    );

    let project = with_own_report();
    let text = project.read(TEMPLATE);
    let wrong = "{{#each by_source}}{{#if mqls}}{{> keys totals}}{{/if}}{{/each}}\n";
    project.write(TEMPLATE, format!("{text}{wrong}"));
    insta::assert_snapshot!(refused(&project), @r"
    error: Unknown variable `mqls`
      --> config/../templates/lead-sources.report.hbs:13:20
       |
    13 | {{#each by_source}}{{#if mqls}}{{> keys totals}}{{/if}}{{/each}}
       |                    ^
      fix: one of: `source`, `people`, `MQLs`, `MQL rate`

    Unknown variable `totals`
      --> config/../templates/lead-sources.report.hbs:13:32
       |
    13 | {{#each by_source}}{{#if mqls}}{{> keys totals}}{{/if}}{{/each}}
       |                                ^
      fix: one of: `source`, `people`, `MQLs`, `MQL rate`
    ");

    let project = with_own_report();
    fs::remove_file(project.path(TEMPLATE)).unwrap();
    insta::assert_snapshot!(refused(&project), @r"
    error: No template writes the report `lead-sources`
      --> config/leadgauge.yaml:67:5
       |
    67 |   - name: lead-sources
       |     ^
      why: there is no `lead-sources.page.html.hbs`, `lead-sources.mail.html.hbs`, `lead-sources.mail.txt.hbs`
      fix: write `lead-sources.report.hbs` among the templates: it is for page, mail and plain text
    ");
}

/// A report that fails in the night is left out and told; the night and the other reports are there.
#[test]
fn a_report_that_fails_costs_no_night() {
    let project = with_own_report();
    project.replace(
        QUERY,
        "ratio(count(m.entered_at), count(*))",
        "count(*) / count(m.entered_at)",
    );
    project.ok(&["check"]);
    let ran = night(&project, FIRST);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(
        ran.stderr
            .contains("The report `lead-sources` was left out: Running `config/../queries/reports/lead-sources/by_source.sql` failed"),
        "{}",
        ran.stderr
    );
    assert_eq!(project.files("mail").len(), 2);
}

/// A shipped query and a shipped part are replaced file by file; the others stay.
#[test]
fn shipped_files_are_replaced_one_by_one() {
    let project = fresh();
    let stuck = "select cast(null as varchar) as stage, cast(null as varchar) as term, 7 as n, \
                 cast(null as double) as oldest_days, cast(null as double) as p90_days where false";
    project.write("queries/reports/daily/stuck.sql", stuck);
    project.write(
        "templates/parts/signing.txt.hbs",
        "By {{definition}}, as Ann keeps it.",
    );
    project.ok(&["check"]);
    night(&project, FIRST);
    project.ok(&["report", "daily", "--out", "out"]);
    let text = project.read(&format!("out/daily-{FIRST}.txt"));
    assert!(text.contains("\nBy 2025-q1, as Ann keeps it."), "{text}");
    assert!(!text.contains("stuck in"), "{text}");
    let page = project.read(&format!("out/daily-{FIRST}.html"));
    assert!(page.contains("Definition 2025-q1, no signature asked for."));
    project.replace("queries/reports/daily/stuck.sql", "7 as n", "seven as n");
    let told = refused(&project);
    assert!(
        told.starts_with(
            "error: There is no column `seven`\n --> config/../queries/reports/daily/stuck.sql:1:"
        ),
        "{told}"
    );
}
