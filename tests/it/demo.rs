use std::collections::BTreeMap;
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

fn sql(project: &Project, query: &str) -> Vec<Value> {
    let ran = project.ok(&[CONFIG[0], CONFIG[1], "sql", "--format", "json", query]);
    serde_json::from_str(&ran.stdout).unwrap()
}

/// The rows of a CSV file as maps.
fn truth() -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(demo().path("demo/truth.csv")).unwrap();
    reader.deserialize().map(Result::unwrap).collect()
}

fn truth_json() -> Value {
    serde_json::from_str(&demo().read("demo/truth.json")).unwrap()
}

/// Every entry that the simulation made happen is there, with its instant and all that is said of it,
/// and no other. A deletion is dated by the night that missed the record, so its exit is not compared.
#[test]
fn every_entry_is_the_truth() {
    let line = |of: &dyn Fn(&str) -> String| {
        let exited = if of("outcome") == "deleted" {
            String::new()
        } else {
            of("exited_at")
        };
        let names = [
            "person_id",
            "opportunity_id",
            "cycle",
            "stage",
            "stage_order",
            "entered_at",
            "entered_on",
            "implied",
            "confirmed_at",
            "net_new",
            "customer",
            "outcome",
            "direct",
        ];
        let cells: Vec<String> = names.iter().map(|name| of(name)).collect();
        format!("{} {exited}", cells.join(" "))
    };
    let mut expected: Vec<String> = truth()
        .iter()
        .map(|row| line(&|name| row[name].clone()))
        .collect();
    let mut found: Vec<String> = sql(demo(), "select * from stage_entry where not carried")
        .iter()
        .map(|row| {
            line(&|name| match &row[name] {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            })
        })
        .collect();
    expected.sort();
    found.sort();
    assert!(expected.len() > 2000, "{} entries", expected.len());
    let missing: Vec<_> = expected
        .iter()
        .filter(|it| found.binary_search(it).is_err())
        .take(5)
        .collect();
    let extra: Vec<_> = found
        .iter()
        .filter(|it| expected.binary_search(it).is_err())
        .take(5)
        .collect();
    assert_eq!((missing, extra), (vec![], vec![]));
    assert_eq!(expected.len(), found.len());
}

/// Volume, conversion and velocity, as published, are what the simulation counted.
#[test]
fn every_measure_is_the_truth() {
    let truth = truth_json();
    for stage in truth["stages"].as_array().unwrap() {
        let id = stage["stage"].as_str().unwrap();
        let rows = sql(
            demo(),
            &format!(
                "select measure, sum(n) as n from metric
                 where stage = '{id}' and period = 'quarter' and dimension is null
                   and measure in ('volume', 'volume_implied', 'volume_reentry')
                 group by measure order by measure"
            ),
        );
        let found: BTreeMap<&str, i64> = rows
            .iter()
            .map(|row| (row["measure"].as_str().unwrap(), row["n"].as_i64().unwrap()))
            .collect();
        let of = |measure: &str| found.get(measure).copied().unwrap_or(0);
        let expected =
            ["entries", "implied", "re_entries"].map(|name| stage[name].as_i64().unwrap());
        assert_eq!(
            ["volume", "volume_implied", "volume_reentry"].map(of),
            expected,
            "{id}"
        );
    }
}

/// So are each step's conversions within 90 days and its mean days.
#[test]
fn every_step_is_the_truth() {
    let truth = truth_json();
    for step in truth["steps"].as_array().unwrap() {
        let (from, to) = (step["from"].as_str().unwrap(), step["to"].as_str().unwrap());
        let rows = sql(
            demo(),
            &format!(
                "select measure, sum(n) as n, sum(n * value) as total from metric
                 where stage = '{from}' and to_stage = '{to}' and period = 'quarter' and dimension is null
                   and measure in ('conversion', 'velocity_mean') group by measure order by measure"
            ),
        );
        let close = |found: &Value, expected: f64| {
            let found = found.as_f64().unwrap_or(0.0);
            assert!(
                (found - expected).abs() < 1e-6 * expected.max(1.0),
                "{from} {to}: {found} {expected}"
            );
        };
        assert_eq!(rows[0]["n"], step["n"], "{from} {to}");
        close(
            &rows[0]["total"],
            step["converted_within_90_days"].as_f64().unwrap(),
        );
        // A lost opportunity is no passage into the last stage.
        let velocity = if to == "closed" {
            &truth["days_to_won"]
        } else {
            &step["velocity"]
        };
        assert_eq!(rows[1]["n"], velocity["n"], "{from} {to}");
        close(
            &rows[1]["total"],
            velocity["n"].as_f64().unwrap() * velocity["mean_days"].as_f64().unwrap(),
        );
    }
}

/// The demo's weeks of MQLs against the commitment are the simulation's.
#[test]
fn every_week_is_the_truth() {
    let truth = truth_json();
    let expected: BTreeMap<String, i64> = truth["mql_weeks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|week| {
            (
                week["week_start"].as_str().unwrap().to_owned(),
                week["n"].as_i64().unwrap(),
            )
        })
        .collect();
    let rows = sql(
        demo(),
        // A week that two quarters share is split between them, and left out here.
        "select cast(week_start as varchar) as week, sum(gross) as n from sla_week
         where week_end - week_start = 6 group by week_start",
    );
    let compared = rows
        .iter()
        .filter(|row| row["n"].as_i64().unwrap_or(0) > 0)
        .inspect(|row| {
            let week = row["week"].as_str().unwrap();
            assert_eq!(row["n"].as_i64(), expected.get(week).copied(), "{week}");
        })
        .count();
    assert!(compared > 3, "{compared} weeks");
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
                 where p.as_of = date '{day}' and p.measure = 'volume_counted'
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
