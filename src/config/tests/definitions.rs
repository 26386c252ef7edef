//! Definitions that follow one another: how they are read, and what is told of them.

use jiff::civil::date;

use super::*;

/// The small deployment with files in `definitions/`, each the small funnel after edits `old => new`.
fn with_former(former: &[(&str, &[(&str, &str)])]) -> (tempfile::TempDir, Result<Config, String>) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in FILES.iter().zip(SMALL) {
        fs::write(&folder.path().join(name), text.as_bytes()).unwrap();
    }
    for (name, edits) in former {
        let text = edits.iter().fold(SMALL[1].to_owned(), |text, (old, new)| {
            assert!(text.contains(old), "{old}");
            text.replacen(old, new, 1)
        });
        let path = folder.path().join("definitions").join(name);
        fs::write(&path, text.as_bytes()).unwrap();
    }
    let path = folder.path().display().to_string();
    let loaded = Config::load(&folder.path().join("leadgauge.yaml"));
    let loaded = loaded.map_err(|problems| problems.to_string().replace(&path, "config"));
    (folder, loaded)
}

const OLDEST: (&str, &[(&str, &str)]) = (
    "b.yaml",
    &[
        ("definition: first", "definition: oldest"),
        ("2026-01-01", "2025-01-01"),
    ],
);

const OLDER: (&str, &[(&str, &str)]) = (
    "c.yml",
    &[
        ("definition: first", "definition: older"),
        ("2026-01-01", "2025-10-01"),
    ],
);

fn names(config: &Config) -> Vec<&str> {
    let definitions = config.definitions().into_iter();
    definitions.map(|it| it.definition.as_str()).collect()
}

// Definitions stand in the order of their coming into force, and each day has one in force. Files
// without YAML's ending are none.
#[test]
fn definitions_follow_one_another() {
    let (folder, config) = with_former(&[OLDER, OLDEST]);
    let config = config.unwrap_or_else(|told| panic!("{told}"));
    assert_eq!(names(&config), ["oldest", "older", "first"]);
    let on = |day| config.on(day);
    assert_eq!(names(&on(date(2026, 1, 1))), ["oldest", "older", "first"]);
    assert_eq!(names(&on(date(2025, 12, 31))), ["oldest", "older"]);
    assert_eq!(names(&on(date(2025, 1, 1))), ["oldest"]);
    // None is in force yet: the first is told of.
    assert_eq!(names(&on(date(2024, 12, 31))), ["oldest"]);
    assert_ne!(config.former[0].hash, config.funnel.hash);

    fs::write(&folder.path().join("definitions/notes.md"), b"- agreed").unwrap();
    let again = Config::load(&folder.path().join("leadgauge.yaml"));
    assert_eq!(names(&again.unwrap_or_else(|e| panic!("{e}"))).len(), 3);
}

// The texts of a commit hold every definition, and give them back.
#[test]
fn texts_hold_the_former_definitions() {
    let (_, config) = with_former(&[OLDEST, OLDER]);
    let config = config.unwrap_or_else(|told| panic!("{told}"));
    let held = config.texts.keys().map(String::as_str);
    let held: Vec<&str> = held
        .filter(|name| name.starts_with("definitions"))
        .collect();
    assert_eq!(held, ["definitions/b.yaml", "definitions/c.yml"]);
    let scratch = tempfile::tempdir().unwrap();
    let again = Config::of_texts(&config.texts, scratch.path()).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(names(&again), names(&config));
    assert_eq!(again.former[1].hash, config.former[1].hash);
}

// A commitment may be about a stage that a former definition has.
#[test]
fn a_commitment_may_name_a_former_stage() {
    let renamed: &[(&str, &str)] = &[
        ("definition: first", "definition: oldest"),
        ("2026-01-01", "2025-01-01"),
        ("  - id: known", "  - id: met"),
        (
            "{ when: \"status = 'Recycled'\", to: known }",
            "{ when: \"status = 'Recycled'\", to: met }",
        ),
        ("after_close: { to: known", "after_close: { to: met"),
    ];
    let (folder, _) = with_former(&[("a.yaml", renamed)]);
    let sla = SMALL[2].replace("stage: known", "stage: met");
    fs::write(&folder.path().join("sla.yaml"), sla.as_bytes()).unwrap();
    let config = Config::load(&folder.path().join("leadgauge.yaml"));
    let config = config.unwrap_or_else(|told| panic!("{told}"));
    assert_eq!(config.sla.commitments[0].stage, "met");
}

// Two definitions of one name or day, one later than funnel.yaml, and what is wrong inside a file, are
// told at once.
#[test]
fn mistakes_in_definitions() {
    let later: &[(&str, &str)] = &[
        ("definition: first", "definition: later"),
        ("2026-01-01", "2026-02-01"),
        ("quiet: 30 days", "quite: 30 days"),
    ];
    let (_, told) = with_former(&[OLDEST, ("a.yaml", &[]), ("later.yaml", later)]);
    insta::assert_snapshot!(told.unwrap_err());
}

// What a stage does on a change is one of two words, and needs a condition.
#[test]
fn mistakes_in_on_change() {
    let enter = "funnel:     when: \"email is not null\" =>     when: \"email is not null\"\\n    on_change: enter";
    let config = edited(enter).unwrap_or_else(|told| panic!("{told}"));
    let enters: Vec<bool> = config
        .funnel
        .stages
        .iter()
        .map(|it| it.enters_on_change)
        .collect();
    assert_eq!(enters, [true, false]);
    let word = enter.replace("on_change: enter", "on_change: entre");
    let stamp =
        "funnel:     when: \"email is not null\" =>     stamp: met_at\\n    on_change: enter";
    let told = [word.as_str(), stamp].map(|edits| edited(edits).map(|_| ()).unwrap_err());
    insta::assert_snapshot!(told.join("\n\n"));
}

// One definition is read from a file of any name, as a draft has.
#[test]
fn a_definition_is_read_by_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("draft.yaml");
    fs::write(&path, SMALL[1].as_bytes()).unwrap();
    let funnel = Funnel::load(&path).unwrap_or_else(|told| panic!("{told}"));
    assert_eq!(
        (funnel.definition.as_str(), funnel.stages.len()),
        ("first", 2)
    );
    fs::write(&path, b"definition: x").unwrap();
    let told = Funnel::load(&path).unwrap_err().to_string();
    assert!(told.contains("`effective_from` is missing"), "{told}");
}
