//! Tests of `check`: what it finds, where, and what it leaves alone.

use crate::report::{REPORTS, Templates, check, example, prepare};

use super::*;

/// The problems that `check` finds when the daily page is `text`.
fn problems(text: &str) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    crate::fs::write(&folder.path().join("daily.page.html.hbs"), text.as_bytes()).expect("writes");
    let found = Templates::load(folder.path()).and_then(|templates| check(&templates));
    let prefix = format!("{}/", folder.path().display());
    let found = found.map_or_else(|problems| problems.0, |()| Vec::new());
    found
        .iter()
        .map(|problem| problem.to_string().replace(&prefix, ""))
        .collect()
}

/// What parts that reports share can write, and these reports never have; nor is anything kept from the
/// reader of an example.
const NEVER: [&str; 6] = [
    "audit.keys.mark",
    "audit.panels",
    "audit.grids.rows.cells.mark",
    "baseline.keys.mark",
    "definitions.keys.mark",
    "definitions.grids.rows.cells.mark",
];

/// The shipped templates name nothing that their views do not have, and the examples show all.
#[test]
fn shipped_templates() {
    let none = std::path::Path::new("no/such/folder");
    let templates = Templates::load(none).expect("parses");
    check(&templates).expect("nothing is wrong");
    for report in REPORTS {
        let view = prepare(&example::full(report)).expect("rows").view;
        let mut without = unknown(&shape(&view), report);
        without.retain(|path| !NEVER.contains(&path.as_str()) && !path.ends_with(".limits"));
        assert_eq!(without, Vec::<String>::new(), "an example without");
    }
}

/// The paths under which a shape holds nothing to check against.
fn unknown(shape: &Value, path: &str) -> Vec<String> {
    match shape {
        Value::Null => vec![path.to_owned()],
        Value::Array(entries) if entries.is_empty() => vec![path.to_owned()],
        Value::Array(entries) => entries.iter().flat_map(|it| unknown(it, path)).collect(),
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(key, field)| unknown(field, &format!("{path}.{key}")))
            .collect(),
        _ => Vec::new(),
    }
}

/// A variable that only an `if` names is found, in the branch not taken too, with its place.
#[test]
fn unknown_in_if() {
    let found = problems(
        "<p>{{lede}}</p>\n  {{#if standng}}x{{else}}{{/if}}\n{{#if signed}}{{#each stages}}{{labl}}{{/each}}{{/if}}\n",
    );
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].starts_with("Unknown variable `standng`\n --> daily.page.html.hbs:2:3\n  |\n2 |   {{#if standng}}x{{else}}{{/if}}\n  |   ^\n  fix: one of: `title`, `company`,"), "{}", found[0]);
    assert!(
        found[1].starts_with("Unknown variable `labl`\n --> daily.page.html.hbs:3:"),
        "{}",
        found[1]
    );
    assert!(
        found[1].ends_with(
            "fix: one of: `label`, `term`, `stock`, `entered`, `entered_28`, `next`, `rate`, `days`"
        ),
        "{}",
        found[1]
    );
}

/// Paths through parents, the root, names and includes are followed.
#[test]
fn paths() {
    let fine = "{{#each stages as |stage i|}}{{stage.rate.shown}}{{../company}}{{@root.company}}{{@index}}{{i}}{{> parts/cell.html stage.rate}}{{/each}}{{#with baseline}}{{name}}{{else}}{{/with}}{{#if keys}}{{#if (gt (lookup stages 0) 1)}}{{/if}}{{stages.0.label}}{{/if}}";
    assert_eq!(problems(fine), Vec::<String>::new());
    let wrong = problems(
        "{{#each stages as |stage|}}{{stage.rat}}{{../compny}}{{@root.x}}{{/each}}{{> parts/cell.html keys}}",
    );
    let first: Vec<&str> = wrong.iter().filter_map(|it| it.lines().next()).collect();
    assert_eq!(
        first[..3],
        [
            "Unknown variable `stage.rat`",
            "Unknown variable `../compny`",
            "Unknown variable `@root.x`"
        ]
    );
    assert!(
        first[3..].contains(&"Unknown variable `shown`"),
        "{first:?}"
    );
}

/// What does not parse, and what there is not, is told with its place.
#[test]
fn mistakes() {
    let found = problems("<p>\n{{#if lede}}\n</p>");
    assert_eq!(found.len(), 1);
    assert!(
        found[0].starts_with("Template does not parse\n --> daily.page.html.hbs:"),
        "{}",
        found[0]
    );
    assert_eq!(
        problems("{{> parts/pge.html}}")[0].lines().next(),
        Some("No template `parts/pge.html` to include")
    );
    assert_eq!(
        problems("{{shout lede}}")[0].lines().next(),
        Some("Unknown helper `shout`")
    );
    assert_eq!(
        problems("{{integer lede}}"),
        ["Template daily.page.html.hbs:1:1: `integer` takes a number"]
    );
}

/// A file that is neither HTML nor text cannot be escaped right and is refused.
#[test]
fn other_endings() {
    let folder = tempfile::tempdir().expect("a folder");
    crate::fs::write(&folder.path().join("parts/x.hbs"), b"x").expect("writes");
    let problems = Templates::load(folder.path())
        .map(|_| ())
        .expect_err("refused");
    assert!(problems.to_string().ends_with("x.hbs` is neither HTML nor text\n  why: what is written into HTML is escaped, what is written into text is not\n  fix: end its name in `.html.hbs` or `.txt.hbs`, or in `.report.hbs` for both"), "{problems}");
}
