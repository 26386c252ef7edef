//! A definition that changes over the nights of the small deployment.

use serde_json::json;

use crate::small::{FIRST, SECOND, THIRD, published, told};
use crate::support::Project;

const FUNNEL: &str = "config/funnel.yaml";
const ENTRIES: &str = "select * from stage_entry order by person_id, cycle, stage_order";

/// The definition becomes a former one, and its successor, which comes into force on the third day, has
/// no `sal`, a `demo` in its place, and takes 60 points for an mql.
fn change(project: &Project) {
    let former = project.read(FUNNEL);
    project.write("config/definitions/2025-q1.yaml", &former);
    let sal = "  - { id: sal, term: Sales accepted lead, definition: Sales works on the lead., when: \"status = 'Working'\" }";
    let demo = "  - { id: demo, term: Demo, definition: Somebody called., on: \"activity where kind = 'call'\" }";
    project.replace(FUNNEL, "definition: 2025-q1", "definition: 2025-q2");
    project.replace(
        FUNNEL,
        "effective_from: 2025-01-01",
        "effective_from: 2025-03-08",
    );
    project.replace(FUNNEL, sal, demo);
    project.replace(FUNNEL, "stamp: mql_at", "when: \"lead_score >= 60\"");
}

fn definitions(project: &Project, table: &str) -> Vec<serde_json::Value> {
    project.sql(&format!(
        "select distinct definition from {table} order by definition"
    ))
}

/// A definition waits for its day: the night before is that of the former one, and `check` reads both.
#[test]
fn a_definition_waits() {
    let project = published();
    let other = published();
    change(&project);
    for project in [&project, &other] {
        project.ok(&["run", "--as-of", SECOND]);
    }
    assert_eq!(project.sql(ENTRIES), other.sql(ENTRIES));
    assert_eq!(
        json!(definitions(&project, "metric")),
        json!([{"definition": "2025-q1"}])
    );
    project.ok(&["check"]);
    project.replace(FUNNEL, "lead_score >= 60", "lead_scor >= 60");
    let ran = project.run(&["check"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    insta::assert_snapshot!(told(&ran));
}

/// From its day on the definition judges what comes, measures and reports; the former nights answer as
/// before, from their files and derived again.
#[test]
fn a_definition_takes_effect() {
    let project = published();
    project.ok(&["run", "--as-of", SECOND]);
    let before = [FIRST, SECOND].map(|day| project.sql_as_of(ENTRIES, day));
    change(&project);
    let config = project.read("config/leadgauge.yaml") + "\nretention: { derived: 0 days }\n";
    project.write("config/leadgauge.yaml", config);
    project.ok(&["run", "--as-of", THIRD]);
    let entries = project.sql(
        "select person_id, stage, stage_order, entered_on, outcome, next_stage, carried, definition
         from stage_entry where stage in ('sal', 'demo', 'mql') order by person_id, cycle, stage_order, entered_on",
    );
    let lines: Vec<String> = entries.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(lines.join("\n"));
    assert_eq!(
        json!(definitions(&project, "metric")),
        json!([{"definition": "2025-q2"}])
    );
    let stages = project.sql("select id from stage order by stage_order");
    assert_eq!(
        json!(stages),
        json!([{"id": "known"}, {"id": "responded"}, {"id": "mql"}, {"id": "demo"}, {"id": "opportunity"}, {"id": "closed"}])
    );
    // What is measured are the entries of today's stages, wherever they stood.
    let measured = project.sql(
        "select stage, sum(n) as n from metric
         where measure = 'volume' and period = 'month' and dimension is null and to_stage is null
         group by stage order by stage",
    );
    let counted = project.sql(
        "select s.id as stage, count(e.stage) filter (where not implied and not carried and not censored) as n
         from stage s left join stage_entry e on e.stage = s.id group by s.id order by s.id",
    );
    assert_eq!(json!(measured), json!(counted));
    for (day, before) in [FIRST, SECOND].into_iter().zip(before) {
        assert_eq!(project.sql_as_of(ENTRIES, day), before, "{day}");
    }
    // Those nights are derived again from their own texts now, and this one from both definitions.
    let third = project.sql_as_of(ENTRIES, THIRD);
    project.write("config/definitions/2025-q1.yaml", "no: definition");
    project.replace(FUNNEL, "2025-q2", "2025-q9");
    std::fs::remove_dir_all(project.path("config/definitions")).unwrap();
    assert_eq!(project.sql_as_of(ENTRIES, THIRD), third);
}

/// Definitions that cannot stand beside one another are refused before anything is pulled.
#[test]
fn definitions_that_clash_are_refused() {
    let project = published();
    project.write("config/definitions/same.yaml", project.read(FUNNEL));
    let ran = project.run(&["run", "--as-of", SECOND]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    insta::assert_snapshot!(told(&ran));
}
