//! `leadgauge baseline`: what is frozen stays as it was, is shown, and is compared with.

use serde_json::{Value, json};

use crate::small::{FIRST, SECOND, THIRD, night, piped, published};
use crate::support::Project;

const FREEZE: [&str; 8] = [
    "baseline",
    "freeze",
    "start",
    "--from",
    "2025-02-01",
    "--to",
    "2025-02-28",
    "--imported",
];

fn frozen() -> Project {
    let project = published();
    project.ok(&FREEZE);
    project
}

fn kept(project: &Project) -> Vec<Value> {
    project.sql(
        "select * from baseline
         order by measure, stage, to_stage, dimension, member, period_start, age_days",
    )
}

/// Later nights, a new definition, a night that comes late and an erasure change no row of a baseline.
#[test]
fn a_baseline_never_changes() {
    let project = frozen();
    let before = kept(&project);
    assert!(before.len() > 50, "{}", before.len());
    // The third night goes before the second, whose changes come late then.
    night(&project, THIRD);
    assert_eq!(kept(&project), before);
    night(&project, SECOND);
    assert_eq!(kept(&project), before);
    project.replace("config/funnel.yaml", "status = 'Working'", "status = 'New'");
    let erased = piped(
        &project,
        &["warehouse", "erase", "--list", "-"],
        "ben@kunde.example\n",
    );
    assert_eq!(erased.code, 0, "{}", erased.stderr);
    assert_eq!(kept(&project), before);
}

/// What was frozen is shown by stage and member; a name that is not there is refused with those that are.
#[test]
fn a_baseline_is_shown() {
    let project = frozen();
    let shown = project.ok(&["--json", "baseline", "show", "start"]).stdout;
    let shown: Vec<Value> = serde_json::from_str(&shown).unwrap();
    let observed: Vec<&Value> = shown
        .iter()
        .filter(|row| row["measure"] == "stage")
        .map(|row| &row["observed_from"])
        .collect();
    assert_eq!(observed, [FIRST; 6]);
    let known = |dimension: Option<&str>| -> i64 {
        let rows = shown.iter().filter(|row| {
            row["measure"] == "volume"
                && row["stage"] == "known"
                && row["dimension"] == json!(dimension)
        });
        rows.map(|row| row["n"].as_i64().unwrap()).sum()
    };
    assert!(known(None) > 0);
    assert_eq!(known(Some("lead_source")), known(None));

    let absent = project.run(&["baseline", "show", "spring"]);
    assert_eq!(absent.code, 2);
    assert_eq!(
        absent.stderr,
        "error: There is no baseline `spring`\n  fix: name one of `start`\n"
    );
}

/// A comparison tells first what bears on every figure, and has the industry's averages beside both.
#[test]
fn a_baseline_is_compared() {
    let project = frozen();
    let nameless = project.run(&["baseline", "compare"]);
    assert_eq!(nameless.code, 2);
    assert_eq!(
        nameless.stderr,
        "error: No baseline is named, here or by `baseline` in `metrics`\n  fix: `leadgauge baseline list` lists those there are\n"
    );
    let averages = "  floor: 3\n  industry_averages:\n    \
                    - { from: mql, to: sal, conversion: 0.45, median_days: 2.5, source: A survey }\n";
    project.replace("config/leadgauge.yaml", "  floor: 3\n", averages);
    project.replace(
        "config/funnel.yaml",
        "Sales works on the lead.",
        "Sales has begun.",
    );
    let told = project
        .ok(&["--json", "baseline", "compare", "start"])
        .stdout;
    let told: Value = serde_json::from_str(&told).unwrap();
    let notes: Vec<&str> = told["notes"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert_eq!(
        notes[..3],
        [
            "Baseline `start`: 2025-02-01 to 2025-02-28, definition 2025-q1",
            "It rests on imported history, which may lack what the source did not keep",
            "Observed only from 2025-03-06, what is earlier was imported: `closed`, `known`, `mql`, `opportunity`, `responded`, `sal`",
        ]
    );
    assert!(
        notes.contains(
            &"It was frozen under another text of the definition than is in force, 2025-q1"
        ),
        "{notes:?}"
    );
    let mql = &told["stages"][2];
    let names = [
        "stage",
        "to_stage",
        "industry_rate",
        "industry_median_days",
        "industry_source",
    ];
    assert_eq!(
        json!(names.map(|name| &mql[name])),
        json!(["mql", "sal", 0.45, 2.5, "A survey"])
    );

    project.replace("config/leadgauge.yaml", "from: mql, to", "from: mqll, to");
    let unknown = project.run(&["baseline", "compare", "start"]);
    assert_eq!(unknown.code, 2);
    assert_eq!(
        unknown.stderr,
        "error: `industry_averages` names `mqll`, which is no stage of the funnel\n  \
         --> config/leadgauge.yaml:66:7\n   |\n\
         66 |     - { from: mqll, to: sal, conversion: 0.45, median_days: 2.5, source: A survey }\n   |       ^\n  \
         fix: name some of: known, responded, mql, sal, opportunity, closed\n"
    );
}

/// A window that begins within a month is refused: its first month would be no whole one.
#[test]
fn a_partial_month_is_refused() {
    let project = published();
    let window = ["--from", "2025-02-10", "--to", "2025-02-28", "--imported"];
    let refused = project.run(&[&["baseline", "freeze", "start"], &window[..]].concat());
    assert_eq!(refused.code, 2);
    assert_eq!(
        refused.stderr,
        "error: Baseline `start` cannot be frozen: its window begins on 2025-02-10, within a month\n  \
         why: a part of a month would stand beside whole ones\n  \
         fix: begin on 2025-03-01, or on 2025-02-01\n"
    );
}
