//! What is said of a deployment that is wrong: what, where, why and what to do, each once. Nothing is
//! written, and `check` says the same as the job.

use std::fs;

use crate::small::{FIRST, fresh, night, state, told};
use crate::support::Project;

const LEADGAUGE: &str = "config/leadgauge.yaml";
const FUNNEL: &str = "config/funnel.yaml";
const PERSONS: &str = "queries/canonical/crm/person_version.sql";

/// What a deployment is refused with, by the job and by `check` alike; nothing is written.
fn refused(spoil: impl FnOnce(&Project)) -> String {
    let project = fresh();
    spoil(&project);
    let ran = night(&project, FIRST);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert_eq!(ran.stdout, "");
    assert_eq!(state(&project), Vec::<String>::new());
    let checked = project.run(&["check"]);
    assert_eq!(checked.code, 2, "{}", checked.stderr);
    assert_eq!(told(&checked), told(&ran));
    told(&ran)
}

/// A file of the deployment that is not there.
#[test]
fn a_missing_configuration() {
    let told = refused(|project| fs::remove_file(project.path(LEADGAUGE)).unwrap());
    insta::assert_snapshot!(told, @r"
    error: `config/leadgauge.yaml` is not there
      fix: Create it, or name the deployment's `leadgauge.yaml` with `--config`; `sla.yaml` and `calendar.yaml` may be empty
    ");
    let told = refused(|project| fs::remove_file(project.path("config/sla.yaml")).unwrap());
    insta::assert_snapshot!(told, @r"
    error: `config/sla.yaml` is not there
      fix: Create it, or name the deployment's `leadgauge.yaml` with `--config`; `sla.yaml` and `calendar.yaml` may be empty
    ");
}

/// Folders that cannot be read are told, not taken to be empty.
#[test]
fn an_unreadable_folder() {
    let told = refused(|project| {
        fs::remove_dir_all(project.path("queries")).unwrap();
        project.write("queries", "no folder");
    });
    insta::assert_snapshot!(told, @r"
    error: Cannot read or write `config/../queries`
      why: Not a directory (os error 20)
      fix: see that it is there as a folder of `.sql` files that this program may read
    ");
    let told = refused(|project| project.write("templates", "no folder"));
    insta::assert_snapshot!(told, @r"
    error: Cannot read `config/../templates`
      why: Not a directory (os error 20)
    ");
}

/// A key that nobody reads.
#[test]
fn an_unknown_key() {
    let told = refused(|project| project.replace(LEADGAUGE, "horizon_days", "horizon_dais"));
    insta::assert_snapshot!(told, @r"
    error: Unknown key `horizon_dais` in `metrics`
      --> config/leadgauge.yaml:63:3
       |
    63 |   horizon_dais: 90
       |   ^
      fix: Did you mean `horizon_days`?
    ");
}

/// A recipient that is no address.
#[test]
fn a_recipient_without_an_address() {
    let told = refused(|project| {
        project.replace(LEADGAUGE, "bob@small.example", "bob at small.example");
    });
    insta::assert_snapshot!(told, @r"
    error: This is no e-mail address
      --> config/leadgauge.yaml:69:39
       |
    69 |     to: [Ann Lee <ann@small.example>, bob at small.example]
       |                                       ^
      why: it has no `@`
      fix: Write `name@example.com` or `Name <name@example.com>`
    ");
}

/// A report that nobody can render.
#[test]
fn an_unknown_report() {
    let told = refused(|project| project.replace(LEADGAUGE, "name: daily", "name: dayly"));
    insta::assert_snapshot!(told, @r"
    error: There is no report `dayly`
      --> config/leadgauge.yaml:67:5
       |
    67 |   - name: dayly
       |     ^
      fix: name one of `audit`, `baseline`, `daily`, `definitions`, `sla-weekly`, or write its queries in `config/../queries/reports/dayly`
    ");
}

/// Mistakes in two files, and two in one, are told at once.
#[test]
fn several_mistakes_at_once() {
    let told = refused(|project| {
        project.replace(LEADGAUGE, "Europe/Berlin", "Europe/Berlim");
        project.replace(LEADGAUGE, "bob@small.example", "bob");
        project.replace(FUNNEL, "2025-01-01", "2025-01-32");
    });
    insta::assert_snapshot!(told, @r"
    error: `Europe/Berlim` is no time zone
     --> config/leadgauge.yaml:4:12
      |
    4 | time_zone: Europe/Berlim
      |            ^
      fix: Did you mean `Europe/Berlin`?

    This is no e-mail address
      --> config/leadgauge.yaml:69:39
       |
    69 |     to: [Ann Lee <ann@small.example>, bob]
       |                                       ^
      why: it has no `@`
      fix: Write `name@example.com` or `Name <name@example.com>`

    `2025-01-32` is no date
     --> config/funnel.yaml:2:17
      |
    2 | effective_from: 2025-01-32
      |                 ^
      fix: Write year-month-day, as `2026-10-01`
    ");
    let told = refused(|project| {
        project.replace(LEADGAUGE, "name: daily", "name: dayly");
        project.replace(PERSONS, "select\n", "selct\n");
        project.write("templates/daily.mail.txt.hbs", "{{lede}} {{lade}}");
    });
    insta::assert_snapshot!(told, @r"
    error: There is no report `dayly`
      --> config/leadgauge.yaml:67:5
       |
    67 |   - name: dayly
       |     ^
      fix: name one of `audit`, `baseline`, `daily`, `definitions`, `sla-weekly`, or write its queries in `config/../queries/reports/dayly`

    This is not SQL: Expected: an SQL statement, found: selct
     --> config/../queries/canonical/crm/person_version.sql:2:1
      |
    2 | selct
      | ^

    Unknown variable `lade`
     --> config/../templates/daily.mail.txt.hbs:1:10
      |
    1 | {{lede}} {{lade}}
      |          ^
      fix: one of: `title`, `company`, `as_of`, `zone`, `subject`, `lede`, `standing`, `moved`, `recovered`, `faults`, `consequence`, `keys`, `restated`, `needs`, `funnel`, `weeks`, `trends`, `trend_from`, `trend_to`, `months`, `stages`, `baseline`, `definition`, `signed`, `signing`, `limits`
    ");
}

/// A trigger that is no SQL, one that names a column nobody gives, and a stamp that names none.
#[test]
fn a_wrong_trigger() {
    let told = refused(|project| {
        project.replace(FUNNEL, "status = 'Working'", "status = = 'Working'");
    });
    insta::assert_snapshot!(told, @r#"
    error: The `when` of stage `sal` is not SQL: Expected: an expression, found: =
     --> config/funnel.yaml:7:97
      |
    7 |   - { id: sal, term: Sales accepted lead, definition: Sales works on the lead., when: "status = = 'Working'" }
      |                                                                                                 ^
    "#);
    let told = refused(|project| {
        project.replace(FUNNEL, "status = 'Working'", "state = 'Working'");
        project.replace(FUNNEL, "stamp: mql_at", "stamp: mql_on");
    });
    insta::assert_snapshot!(told, @r#"
    error: The `stamp` of stage `mql` names `mql_on`, and `person_version` has no such column
     --> config/funnel.yaml:6:100
      |
    6 |   - { id: mql, term: Marketing qualified lead, definition: Marketing handed the lead over., stamp: mql_on }
      |                                                                                                    ^
      fix: did you mean `mql_at`?

    The `when` of stage `sal` names `state`, and `person_version` has no such column
     --> config/funnel.yaml:7:88
      |
    7 |   - { id: sal, term: Sales accepted lead, definition: Sales works on the lead., when: "state = 'Working'" }
      |                                                                                        ^
      fix: did you mean `status`?
    "#);
}

/// Canonical SQL of the deployment's own: its syntax, and every name in it.
#[test]
fn wrong_canonical_sql() {
    let told = refused(|project| project.replace(PERSONS, "from crm.", "form crm."));
    insta::assert_snapshot!(told, @r"
    error: This is not SQL: Expected: end of statement, found: crm
      --> config/../queries/canonical/crm/person_version.sql:23:6
       |
    23 | form crm.lead_history
       |      ^
    ");
    let told = refused(|project| project.replace(PERSONS, "lower(email)", "lower(e_mail)"));
    insta::assert_snapshot!(told, @r"
    error: There is no column `e_mail`
     --> config/../queries/canonical/crm/person_version.sql:5:11
      |
    5 |     lower(e_mail) as email,
      |           ^
      fix: did you mean `email`?
    ");
    let told = refused(|project| project.replace(PERSONS, "lower(email)", "lowr(email)"));
    insta::assert_snapshot!(told, @r"
    error: There is no function `lowr`
     --> config/../queries/canonical/crm/person_version.sql:5:5
      |
    5 |     lowr(email) as email,
      |     ^
      fix: did you mean `lower`?
    ");
    let told = refused(|project| project.replace(PERSONS, "crm.lead_history", "lead_history"));
    insta::assert_snapshot!(told, @r"
    error: There is no table `lead_history`
      --> config/../queries/canonical/crm/person_version.sql:23:6
       |
    23 | from lead_history
       |      ^
      fix: did you mean `crm.lead_history`?
    ");
    let told = refused(|project| project.replace(PERSONS, "    known_at,\n", ""));
    insta::assert_snapshot!(told, @r"
    error: `config/../queries/canonical/crm/person_version.sql` gives no column `known_at`
      fix: add `known_at` to its `select`
    ");
}

/// A canonical query under a name that nothing is made from would be lost without a word.
#[test]
fn a_canonical_query_of_another_name() {
    let told = refused(|project| {
        let (from, to) = ("response.sql", "responses.sql");
        let folder = project.path("queries/canonical/crm");
        fs::rename(folder.join(from), folder.join(to)).unwrap();
    });
    insta::assert_snapshot!(told, @r"
    error: There is no canonical table `responses`
     --> config/../queries/canonical/crm/responses.sql:1:1
      |
    1 | -- Grain: one row per form sent.
      | ^
      fix: did you mean `response.sql`?
    ");
}

/// A source whose streams no query maps.
#[test]
fn a_source_without_canonical_sql() {
    let told = refused(|project| {
        fs::remove_dir_all(project.path("queries/canonical/crm")).unwrap();
    });
    insta::assert_snapshot!(told, @r"
    error: No query says what the streams of `crm` mean
     --> config/leadgauge.yaml:8:5
      |
    8 |   - name: crm
      |     ^
      fix: write `person_version.sql` and what else applies in `config/../queries/canonical/crm`
    ");
}

/// A measure that asks the clock, and one that reads what is not there.
#[test]
fn a_wrong_measure() {
    let told = refused(|project| {
        project.write("queries/metrics/recent.sql", "select\n    now() as at\n");
    });
    insta::assert_snapshot!(told, @r"
    error: There is no function `now`
     --> config/../queries/metrics/recent.sql:2:5
      |
    2 |     now() as at
      |     ^
      fix: use `$as_of`: a result depends on the as-of date, never on the clock
    ");
    let told = refused(|project| {
        project.write(
            "queries/metrics/recent.sql",
            "select count(*) as n\nfrom stage_entri\n",
        );
    });
    insta::assert_snapshot!(told, @r"
    error: There is no table `stage_entri`
     --> config/../queries/metrics/recent.sql:2:6
      |
    2 | from stage_entri
      |      ^
      fix: did you mean `stage_entry`?
    ");
}

/// A template's variable that its view does not have, also where no night may ever come by.
#[test]
fn an_unknown_variable() {
    let told = refused(|project| {
        project.write(
            "templates/sla-weekly.subject.txt.hbs",
            "{{company}}: {{weak}}\n",
        );
    });
    insta::assert_snapshot!(told, @r"
    error: Unknown variable `weak`
     --> config/../templates/sla-weekly.subject.txt.hbs:1:14
      |
    1 | {{company}}: {{weak}}
      |              ^
      fix: one of: `title`, `company`, `as_of`, `zone`, `subject`, `lede`, `standing`, `needed`, `faults`, `consequence`, `keys`, `weeks`, `parts`, `sources`, `other_sources`, `quarter`, `definition`, `signed`, `signing`, `limits`
    ");
    let told = refused(|project| {
        project.write(
            "templates/sla-weekly.subject.txt.hbs",
            "{{company}}{{#if faulty}}: faults{{/if}}\n",
        );
    });
    insta::assert_snapshot!(told, @r"
    error: Unknown variable `faulty`
     --> config/../templates/sla-weekly.subject.txt.hbs:1:12
      |
    1 | {{company}}{{#if faulty}}: faults{{/if}}
      |            ^
      fix: one of: `title`, `company`, `as_of`, `zone`, `subject`, `lede`, `standing`, `needed`, `faults`, `consequence`, `keys`, `weeks`, `parts`, `sources`, `other_sources`, `quarter`, `definition`, `signed`, `signing`, `limits`
    ");
}

/// A template that is none.
#[test]
fn a_template_that_does_not_parse() {
    let told = refused(|project| {
        project.write(
            "templates/sla-weekly.subject.txt.hbs",
            "{{#if company}}\n{{company}}\n",
        );
    });
    insta::assert_snapshot!(told, @r"
    error: Template does not parse
     --> config/../templates/sla-weekly.subject.txt.hbs:3:1
      why: invalid handlebars syntax: expected escape, expression, html_expression, decorator_expression, partial_expression, invert_tag, invert_chain_tag, helper_block_start, helper_block_end, decorator_block_start, partial_block_start, raw_block_start, hbs_comment, or hbs_comment_compact
    ");
}
