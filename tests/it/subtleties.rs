//! What funnel warehouses get wrong is numbered; each number that this program has to do with has a test
//! that would fail where it is got wrong, and says so in its first line: `Subtlety 7. …`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// By number.
const SUBTLETIES: [(u32, &str); 25] = [
    (1, "first, latest and every MQL"),
    (2, "the past gives the same bytes"),
    (3, "stamps that are overwritten"),
    (4, "leads that become contacts"),
    (5, "duplicates, merges and exclusions"),
    (6, "skipped stages"),
    (7, "going back and coming again"),
    (8, "period against cohort"),
    (9, "resolved against all who entered"),
    (10, "who may convert"),
    (11, "averages of rates"),
    (12, "days of those who never arrived"),
    (13, "the baseline's window"),
    (14, "net-new as at entry"),
    (15, "deals that were deleted"),
    (16, "attributes as at entry"),
    (17, "blank fields in conditions"),
    (18, "days, weeks and years of a time zone"),
    (19, "a commitment in weeks"),
    (20, "which MQLs count to it"),
    (21, "a definition that changes"),
    (27, "the win rate"),
    (32, "nights and exports that lack something"),
    (33, "small numbers"),
    (34, "members sum to totals"),
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

/// The number that a line of comment begins with.
fn number(line: &str) -> Option<u32> {
    let text = line.trim_start().trim_start_matches('/').trim_start();
    let (number, _) = text.strip_prefix("Subtlety ")?.split_once('.')?;
    number.parse().ok()
}

/// The numbers that tests say.
fn named(text: &str, tests: &mut BTreeSet<u32>) {
    let lines: Vec<&str> = text.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        let Some(number) = number(line) else { continue };
        let below = lines[at..].iter().map(|line| line.trim_start());
        let mut rest = below.skip_while(|line| line.starts_with("//"));
        let attribute = rest.next().unwrap_or_default();
        assert!(
            attribute.starts_with("#[test]") || attribute.starts_with("#[tokio::test]"),
            "{number}: no test follows `{line}`"
        );
        tests.insert(number);
    }
}

// Each number has a test, and no test says a number that is not in the list.
#[test]
fn every_subtlety_has_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    sources(&root.join("tests/it"), &mut files);
    let mut tests = BTreeSet::new();
    for file in files {
        named(&fs::read_to_string(file).unwrap(), &mut tests);
    }
    let found: Vec<u32> = tests.into_iter().collect();
    assert_eq!(found, SUBTLETIES.map(|(number, _)| number));
}
