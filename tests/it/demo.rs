use std::sync::OnceLock;

use serde_json::Value;

use crate::support::Project;

const CONFIG: [&str; 2] = ["--config", "demo/config/leadgauge.yaml"];

/// One demo for all tests that only look at it.
pub(crate) fn demo() -> &'static Project {
    static DEMO: OnceLock<Project> = OnceLock::new();
    DEMO.get_or_init(|| {
        let project = Project::empty();
        let ran = project.ok(&["demo", "--people", "900"]);
        assert!(
            ran.stderr.contains("15 nights are published"),
            "{}",
            ran.stderr
        );
        project
    })
}

pub(crate) fn sql(project: &Project, query: &str) -> Vec<Value> {
    let ran = project.ok(&[CONFIG[0], CONFIG[1], "sql", "--format", "json", query]);
    serde_json::from_str(&ran.stdout).unwrap()
}

/// What is wrong with the exports on purpose is said, night by night, and nothing else is.
#[test]
fn every_fault_is_said() {
    let rows = sql(
        demo(),
        "select cast(as_of as varchar) as night, source || '.' || stream as stream, outcome
         from job_extract where outcome <> 'ok' order by 1, 2",
    );
    let found: Vec<String> = rows
        .iter()
        .map(|row| {
            format!("{} {} {}", row["night"], row["stream"], row["outcome"]).replace('"', "")
        })
        .collect();
    assert_eq!(
        found,
        [
            "2026-11-09 marketo.activity missing",
            "2026-11-09 marketo.lead missing",
            "2026-11-09 marketo.lead_change missing",
            "2026-11-09 marketo.program missing",
            "2026-11-12 salesforce.opportunity quarantined",
            "2026-11-14 salesforce.lead quarantined",
        ]
    );
}

/// Every due report reached every recipient once, and running the last night again sends nothing.
#[test]
fn every_mail_once() {
    let mails = demo().files("demo/mail");
    assert_eq!(mails.len(), 15 * 4 + 2 * (2 + 4 + 1 + 1), "{mails:?}");
    let mut ids: Vec<String> = mails
        .iter()
        .map(|mail| {
            let text = demo().read(mail);
            text.lines()
                .find(|line| line.starts_with("Message-ID: "))
                .unwrap()
                .to_owned()
        })
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), mails.len());
    let ran = demo().ok(&[
        CONFIG[0],
        CONFIG[1],
        "--json",
        "run",
        "--as-of",
        "2026-11-19",
    ]);
    let summary: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        (&summary["already_published"], &summary["sent"]),
        (&true.into(), &0.into())
    );
    assert_eq!(demo().files("demo/mail"), mails);
}

/// A day that was published is asked as it was: the baseline came after the import, the last night's
/// figures are not in it.
#[test]
fn a_published_day_stays() {
    let asked = |day: &str| {
        let query = "select count(*) as n, max(entered_on) as last from stage_entry";
        let args = [
            CONFIG[0], CONFIG[1], "sql", "--format", "json", "--as-of", day, query,
        ];
        serde_json::from_str::<Vec<Value>>(&demo().ok(&args).stdout)
            .unwrap()
            .remove(0)
    };
    let (first, last) = (asked("2026-11-05"), asked("2026-11-19"));
    assert!(first["last"].as_str().unwrap() <= "2026-11-05", "{first}");
    assert!(first["n"].as_i64() < last["n"].as_i64());
}

/// A folder that the demo did not make is left alone.
#[test]
fn a_foreign_folder_is_left_alone() {
    let project = Project::empty();
    project.write("mine/thesis.txt", "years of work");
    let ran = project.run(&["demo", "--dir", "mine"]);
    assert_eq!(ran.code, 2);
    assert_eq!(
        ran.stderr,
        "error: `mine` is there and is no demo's folder\n  fix: name another with --dir, or remove it yourself\n"
    );
    assert_eq!(project.files("mine"), ["mine/thesis.txt"]);
}

/// Every volume that a report told differs from what is known now by exactly what its causes say. What
/// is known now is counted here from the entries, what was told from the entries as they were published.
#[test]
fn what_was_told_differs_by_its_causes() {
    let counted =
        "count(*) filter (where not e.implied and not e.carried and not e.censored and e.net_new
         and (e.stage <> 'closed' or e.outcome = 'won'))";
    let wrong = sql(
        demo(),
        &format!(
            "select r.commit_no, r.period, r.period_start, r.stage
             from restated r
             left join stage_entry e on e.stage = r.stage and e.entered_on between r.period_start and r.until
             group by r.commit_no, r.report, r.period, r.period_start, r.stage, r.n_then, r.n_now, r.difference,
                 r.merged, r.split, r.deleted, r.re_dated, r.redefined, r.reopened, r.linked, r.confirmed, r.late,
                 r.erased, r.unexplained
             having {counted} <> r.n_now or r.unexplained <> 0 or r.n_now - r.n_then <> r.difference
                 or r.difference <> r.merged + r.split + r.deleted + r.re_dated + r.redefined + r.reopened
                     + r.linked + r.confirmed + r.late + r.erased"
        ),
    );
    assert_eq!(wrong, Vec::<Value>::new());
    let told = "select count(*) as n, count(distinct commit_no) as nights,
             count(distinct period) filter (where period in ('day', 'week', 'month')) as periods,
             count(*) filter (where difference <> 0) > 0 as differ from restated";
    let told = sql(demo(), told);
    assert_eq!(
        told[0]["nights"], 14,
        "the last night's own are not restated yet"
    );
    assert_eq!(told[0]["periods"], 3);
    assert_eq!(told[0]["differ"], true);
    for day in ["2026-11-09", "2026-11-13"] {
        let then = sql(
            demo(),
            &format!(
                "select p.period, p.period_start, p.stage
                 from published_metric p
                 left join known_on('stage_entry', date '{day}') e
                     on e.stage = p.stage and e.entered_on between p.period_start and p.period_end
                 where p.as_of = date '{day}' and p.measure = 'volume_counted' and p.scope is null
                 group by p.period, p.period_start, p.stage, p.n
                 having {counted} <> p.n"
            ),
        );
        assert_eq!(then, Vec::<Value>::new(), "{day}");
    }
}

/// Between any two nights, on every day and at every stage, entries differ by the changes that are told,
/// and every change has a cause.
#[test]
fn nothing_changes_without_being_told() {
    for (before, after) in [("2026-11-09", "2026-11-10"), ("2026-11-13", "2026-11-14")] {
        let query = format!(
            "select stage, day from (
                 select stage, entered_on as day, -1 as n from known_on('stage_entry', date '{before}')
                 where not implied and not carried and not censored
                 union all
                 select stage, entered_on, 1 from known_on('stage_entry', date '{after}')
                 where not implied and not carried and not censored and entered_on <= date '{before}'
                 union all
                 select stage, old_on, 1 from stage_entry_change
                 where as_of = date '{after}' and dimension is null and old_on is not null and not old_implied
                 union all
                 select stage, new_on, -1 from stage_entry_change
                 where as_of = date '{after}' and dimension is null and new_on <= date '{before}' and not new_implied
             )
             group by stage, day having sum(n) <> 0"
        );
        assert_eq!(sql(demo(), &query), Vec::<Value>::new(), "{after}");
    }
    let defects = "select sum(n) as n from job_check where name = 'changes_unexplained'";
    assert_eq!(sql(demo(), defects)[0]["n"], 0);
}
