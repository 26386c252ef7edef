//! `funnel sql`: what it prints gives the evidence that the walk takes.

use serde_json::Value;

use crate::small::{FIRST, SECOND, THIRD, fresh};
use crate::support::Project;

/// A lead's line on the first night and on those after.
struct Lead {
    id: &'static str,
    then: &'static str,
    later: &'static str,
}

/// An internal one, one who is so on the first night only, one who turns out a rival on the second.
const LEADS: [Lead; 3] = [
    Lead {
        id: "X1",
        then: "X1,A B,B,x1@small.example,Small,Web,Working,,90,2025-03-02T10:00:00Z,rep1,2025-03-01T09:00:00Z,2025-03-03T10:00:00Z",
        later: "X1,A B,B,x1@small.example,Small,Web,Working,,90,2025-03-02T10:00:00Z,rep1,2025-03-01T09:00:00Z,2025-03-03T10:00:00Z",
    },
    Lead {
        id: "X2",
        then: "X2,C D,D,x2@small.example,Acme,Web,Working,,90,2025-03-02T11:00:00Z,rep1,2025-03-01T09:00:00Z,2025-03-03T11:00:00Z",
        later: "X2,C D,D,x2@acme.example,Acme,Web,New,,90,2025-03-07T11:00:00Z,rep1,2025-03-01T09:00:00Z,2025-03-07T09:00:00Z",
    },
    Lead {
        id: "X3",
        then: "X3,E F,F,x3@them.example,Them,Web,Working,,90,2025-03-02T12:00:00Z,rep1,2025-03-01T09:00:00Z,2025-03-03T12:00:00Z",
        later: "X3,E F,F,x3@them.example,Rival Inc,Web,Working,,90,2025-03-02T12:00:00Z,rep1,2025-03-01T09:00:00Z,2025-03-07T10:00:00Z",
    },
];

const EXCLUDED: &str = "exclude:
  - { name: internal, when: \"email like '%@small.example'\" }
  - { name: rival, when: \"company = 'Rival Inc'\", ever: true }";

fn append(project: &Project, day: &str, file: &str, lines: &[String]) {
    let path = format!("exports/{day}/{file}");
    let before = project.read(&path);
    project.write(
        &path,
        format!("{}\n{}\n", before.trim_end(), lines.join("\n")),
    );
}

/// Three nights with excluded persons who reach every stage.
fn with_excluded() -> Project {
    let project = fresh();
    let rule = "exclude: [{ name: internal, when: \"email like '%@small.example'\" }]";
    project.replace("config/funnel.yaml", rule, EXCLUDED);
    let history = LEADS.map(|it| {
        let id = it.id;
        format!("C-{id},{id},Status,New,Working,2025-03-03T13:00:00Z")
    });
    let forms = LEADS.map(|it| {
        let id = it.id;
        format!(
            "{{\"id\":\"F-{id}\",\"leadId\":\"{id}\",\"form\":\"demo\",\"submittedAt\":\"2025-03-04T06:00:00Z\"}}"
        )
    });
    let deals = LEADS.map(|it| {
        let id = it.id;
        format!(
            "D-{id},{id},Deal,Won,100.00,New,06.03.2025,2025-03-05T09:00:00Z,2025-03-06T09:00:00Z"
        )
    });
    for day in [FIRST, SECOND, THIRD] {
        let line = |it: Lead| if day == FIRST { it.then } else { it.later };
        let leads = LEADS.map(|it| line(it).to_owned());
        append(&project, day, "lead.csv", &leads);
        append(&project, day, "lead_change.csv", &history);
        append(&project, day, "deal.csv", &deals);
    }
    append(&project, FIRST, "form.ndjson", &forms);
    for day in [FIRST, SECOND, THIRD] {
        project.ok(&["run", "--as-of", day]);
    }
    project
}

fn count(project: &Project, sql: &str) -> u64 {
    project.sql(&format!("select count(*) as n from ({sql})"))[0]["n"]
        .as_u64()
        .unwrap()
}

// The SQL behind each trigger, run by anyone, gives the persons and instants of the evidence that the
// walk takes: whoever is excluded then, or ever where a rule says so, is left out of both.
#[test]
fn the_sql_of_a_stage_gives_its_evidence() {
    let project = with_excluded();
    let printed = project.ok(&["funnel", "sql", "--json"]).stdout;
    let queries: Vec<Value> = serde_json::from_str(&printed).unwrap();
    let text = |query: &Value, key: &str| query[key].as_str().unwrap().to_owned();
    let kinds: Vec<(String, String)> = queries
        .iter()
        .map(|it| (text(it, "stage"), text(it, "trigger")))
        .collect();
    let expected = [
        ("known", "when"),
        ("responded", "on"),
        ("mql", "stamp"),
        ("sal", "when"),
        ("opportunity", "on"),
        ("closed", "on"),
    ];
    assert_eq!(kinds, expected.map(|(stage, on)| (stage.into(), on.into())));
    for query in &queries {
        let (stage, sql) = (text(query, "stage"), text(query, "sql"));
        let asked = format!("select person_id, at from ({sql}) order by 1, 2");
        let signs = format!("from evidence where stage = '{stage}' and kind = 'enter'");
        let taken = format!("select person_id, at {signs} and not excluded order by 1, 2");
        let found = project.sql(&asked);
        assert!(found.len() >= 2, "{stage}: {found:?}");
        assert_eq!(found, project.sql(&taken), "{stage}");
        let left_out = count(&project, &format!("select at {signs} and excluded"));
        assert!(left_out >= 2, "{stage}: {left_out}");
        // Every person it gives entered the stage, and whoever was only excluded did not.
        let entered =
            format!("select person_id from stage_entry where stage = '{stage}' and not implied");
        let lost = format!("select person_id from ({sql}) except {entered}");
        assert_eq!(count(&project, &lost), 0, "{stage}");
    }
    let printed = project.ok(&["funnel", "sql", "sal"]).stdout;
    assert!(printed.starts_with("-- Stage `sal`, `when`\n"), "{printed}");
    project.write("sal.sql", &printed);
    let ran = project.ok(&["sql", "--file", "sal.sql", "--format", "csv"]);
    assert_eq!(ran.stdout.lines().count(), 6);
}
