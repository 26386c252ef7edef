//! SQL names of columns.

use std::collections::{BTreeMap, BTreeSet};

use arrow::datatypes::SchemaRef;

/// The field metadata key of the name in the file.
pub(super) const ORIGINAL: &str = "original";

/// Columns that history adds to a stream's own; a stream's column of such a name is the second.
const TAKEN: [&str; 10] = [
    "record_id",
    "valid_from",
    "valid_to",
    "seen_after",
    "known_at",
    "commit_no",
    "deleted",
    "via",
    "censored",
    "imported",
];

/// Lower case, other characters as `_`, never a digit first.
pub(super) fn fold(original: &str) -> String {
    let mut name: String = original
        .trim()
        .to_lowercase()
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { '_' })
        .collect();
    if name.chars().next().is_none_or(char::is_numeric) {
        name.insert(0, '_');
    }
    name
}

/// A SQL name for each column, all different. The n-th column of a name keeps the SQL name that the
/// n-th of that name has in `known`; else the second `a` becomes `a_2`, or the next number whose
/// name no column of the file has by itself.
pub(super) fn sql_names(originals: &[&str], known: Option<&SchemaRef>) -> Vec<String> {
    let mut pinned = pinned(known);
    let mut names: Vec<Option<String>> = originals
        .iter()
        .map(|original| pinned.get_mut(*original).and_then(Vec::pop))
        .collect();
    let mut used: BTreeSet<String> = names.iter().flatten().cloned().collect();
    used.extend(TAKEN.map(str::to_owned));
    let natural: BTreeSet<String> = originals.iter().map(|original| fold(original)).collect();
    for (name, original) in names.iter_mut().zip(originals) {
        if name.is_none() {
            *name = Some(free(&fold(original), &used, &natural));
        }
        used.extend(name.clone());
    }
    names.into_iter().flatten().collect()
}

/// The SQL names that `known` gives to each original name, the first last.
fn pinned(known: Option<&SchemaRef>) -> BTreeMap<&str, Vec<String>> {
    let mut pinned: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for field in known.iter().flat_map(|schema| schema.fields()).rev() {
        if let Some(original) = field.metadata().get(ORIGINAL) {
            pinned
                .entry(original)
                .or_default()
                .push(field.name().clone());
        }
    }
    pinned
}

fn free(name: &str, used: &BTreeSet<String>, natural: &BTreeSet<String>) -> String {
    if !used.contains(name) {
        return name.to_owned();
    }
    // One more candidate than there are names to avoid.
    (2..used.len() + natural.len() + 3)
        .map(|n| format!("{name}_{n}"))
        .find(|candidate| !used.contains(candidate) && !natural.contains(candidate))
        .expect("there are more candidates than names used")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::datatypes::{DataType, Field, Schema};

    use super::*;

    // Names fold to what SQL reads without quotes.
    #[test]
    fn folded() {
        let folded = ["MQL_Date__c", " Lead Source ", "2nd", "", "Größe", "a.b-c"].map(fold);
        assert_eq!(
            folded,
            ["mql_date__c", "lead_source", "_2nd", "_", "größe", "a_b_c"]
        );
    }

    // Equal names, names that fold alike and names that history uses all stay apart.
    #[test]
    fn collisions() {
        let names = sql_names(&["a", "A", "a_2", "a b", "a_b", "Deleted"], None);
        assert_eq!(names, ["a", "a_3", "a_2", "a_b", "a_b_2", "deleted_2"]);
    }

    // A column keeps its SQL name when the file's order of columns changes.
    #[test]
    fn names_are_pinned() {
        let field = |name: &str, original: &str| {
            Field::new(name, DataType::Utf8, true)
                .with_metadata([(ORIGINAL.to_owned(), original.to_owned())].into())
        };
        let known = Arc::new(Schema::new(vec![
            field("a_b", "A b"),
            field("a_b_2", "a_b"),
            field("c", "c"),
            field("c_2", "c"),
        ]));
        let names = sql_names(&["c", "a_b", "c", "A b", "a-b"], Some(&known));
        assert_eq!(names, ["c", "a_b_2", "c_2", "a_b", "a_b_3"]);
    }
}
