//! What is said of a query that the planner refuses: the name that is wrong, its place, and what to
//! write instead, in the words of the tables' contract rather than the planner's.

use std::collections::BTreeSet;

use datafusion::common::{Column, SchemaError};
use datafusion::error::DataFusionError;

use crate::problem::{Place, Problem, nearest};
use crate::warehouse::query::relation::Relation;

/// Functions of the clock, which sessions do not have.
const CLOCK: [&str; 5] = [
    "now",
    "current_date",
    "current_timestamp",
    "current_time",
    "today",
];

/// A planner's refusal. `tables` are the names that a table may have.
pub(in crate::warehouse) fn of(
    relation: &Relation,
    error: &DataFusionError,
    tables: &BTreeSet<String>,
) -> Problem {
    let root = error.find_root();
    let message = plain(root);
    let place = || {
        let spanned = error.diagnostic().and_then(|diagnostic| diagnostic.span);
        let told = spanned.map(|span| (usize_of(span.start.line), usize_of(span.start.column)));
        let (line, column) = told
            .or_else(|| find(&relation.sql, last_part(quoted(&message)?)))
            .unwrap_or((1, 1));
        Place::of(&relation.file, &relation.sql, line, column)
    };
    if let DataFusionError::SchemaError(inner, _) = root
        && let SchemaError::FieldNotFound {
            field,
            valid_fields,
        } = inner.as_ref()
    {
        return no_column(field, valid_fields).at(place());
    }
    let unknown = |before: &str, after: &str| {
        let rest = message.strip_prefix(before)?;
        rest.contains(after).then(|| quoted(&message)).flatten()
    };
    if let Some(table) = unknown("table '", "' not found") {
        return no_table(shown(table), tables).at(place());
    }
    if let Some(function) = unknown("Invalid function '", "'") {
        return no_function(function, &message).at(place());
    }
    Problem::new(format!("The query cannot be planned: {message}")).at(place())
}

/// A table that is not there; `tables` are those that are.
pub(crate) fn no_table(name: &str, tables: &BTreeSet<String>) -> Problem {
    let same = |table: &&String| table.rsplit_once('.').is_some_and(|(_, last)| last == name);
    let near = nearest(name, tables.iter().map(String::as_str));
    let near = near.or_else(|| tables.iter().find(same).map(String::as_str));
    let fix = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`\\d` at the prompt of `leadgauge sql` lists the tables".to_owned(),
    };
    Problem::new(format!("There is no table `{name}`")).fix(fix)
}

pub(in crate::warehouse) fn no_parameter(relation: &Relation, name: &str) -> Problem {
    let (line, column) = find(&relation.sql, name).unwrap_or((1, 1));
    Problem::new(format!("There is no parameter `{name}`"))
        .at(Place::of(&relation.file, &relation.sql, line, column))
        .fix("use `$as_of` (date) or `$as_of_end` (the last instant of that day)")
}

fn no_column(asked: &Column, there: &[Column]) -> Problem {
    // Without brackets the clock's functions look like columns.
    if CLOCK.contains(&asked.name()) {
        return no_function(asked.name(), "");
    }
    let qualifier = asked.relation.as_ref().map(ToString::to_string);
    let of_table = |column: &&Column| {
        let table = column.relation.as_ref().map(ToString::to_string);
        qualifier.is_none() || table == qualifier
    };
    let mut names: Vec<&str> = there.iter().filter(of_table).map(Column::name).collect();
    names.dedup();
    let prefix = qualifier
        .as_ref()
        .map_or_else(String::new, |table| format!("{table}."));
    let fix = match (nearest(asked.name(), names.iter().copied()), &qualifier) {
        (Some(near), _) => format!("did you mean `{prefix}{near}`?"),
        (None, Some(table)) if names.is_empty() => {
            format!("name a table of the `from` clause; `{table}` is none")
        }
        (None, None) if names.is_empty() => "name a table in a `from` clause".to_owned(),
        (None, _) => format!("the columns are `{}`", names.join("`, `")),
    };
    Problem::new(format!("There is no column `{prefix}{}`", asked.name())).fix(fix)
}

fn no_function(name: &str, message: &str) -> Problem {
    let problem = Problem::new(format!("There is no function `{name}`"));
    if CLOCK.contains(&name) {
        return problem.fix("use `$as_of`: a result depends on the as-of date, never on the clock");
    }
    let near = message
        .split_once("Did you mean")
        .and_then(|(_, rest)| quoted(rest));
    match near {
        Some(near) => problem.fix(format!("did you mean `{near}`?")),
        None => problem,
    }
}

/// Why running a query failed, without the cells that arrow quotes.
pub(in crate::warehouse) fn without_cells(error: &DataFusionError) -> String {
    let message = plain(error.find_root());
    let around = message.split_once('\'').and_then(|(before, rest)| {
        let (_, after) = rest.rsplit_once('\'')?;
        Some(format!("{before}'…'{after}"))
    });
    around.unwrap_or(message)
}

/// The planner's words for types, and those of the tables' contract.
const TYPES: [(&str, &str); 6] = [
    ("Timestamp(µs, \"UTC\")", "timestamp"),
    ("Decimal128(18, 4)", "decimal"),
    ("Utf8", "string"),
    ("Int64", "bigint"),
    ("Float64", "double"),
    ("Date32", "date"),
];

/// A message without the labels of the libraries that it came through, in our words.
fn plain(error: &DataFusionError) -> String {
    let mut message = error.strip_backtrace();
    let labels = [
        "Error during planning: ",
        "Schema error: ",
        "Execution error: ",
        "Arrow error: ",
        "Cast error: ",
        "Compute error: ",
        "Parser error: ",
    ];
    while let Some(rest) = labels.iter().find_map(|label| message.strip_prefix(label)) {
        message = rest.to_owned();
    }
    for (theirs, ours) in TYPES {
        message = message.replace(theirs, ours);
    }
    message.trim_end_matches('.').to_owned()
}

/// A table's name without what the planner puts before it.
fn shown(name: &str) -> &str {
    let name = name.strip_prefix("datafusion.").unwrap_or(name);
    name.strip_prefix("public.").unwrap_or(name)
}

/// The first quoted name in a message.
fn quoted(message: &str) -> Option<&str> {
    message.split('\'').nth(1)
}

fn last_part(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// The line and the column at which a part of a text stands first.
fn find(text: &str, part: &str) -> Option<(usize, usize)> {
    text.lines().enumerate().find_map(|(index, line)| {
        let before = line.split_once(part)?.0;
        Some((index + 1, before.chars().count() + 1))
    })
}

fn usize_of(number: u64) -> usize {
    usize::try_from(number).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    // A cell that holds a quote itself is left out whole.
    #[test]
    fn cells_are_left_out() {
        let message =
            "Arrow error: Cast error: Cannot cast string 'O'Brien, Ada' to value of Int64 type";
        let error = DataFusionError::Execution(message.to_owned());
        assert_eq!(
            without_cells(&error),
            "Cannot cast string '…' to value of bigint type"
        );
        let error = DataFusionError::Execution("Divide by zero error".to_owned());
        assert_eq!(without_cells(&error), "Divide by zero error");
    }

    // A table is looked for without its schema too; a wholly different name finds none.
    #[test]
    fn nearest_table() {
        let tables: BTreeSet<String> = ["crm.lead", "stage_entry"].map(str::to_owned).into();
        let fix = |name| no_table(name, &tables).fix.unwrap();
        assert_eq!(fix("stage_entries"), "did you mean `stage_entry`?");
        assert_eq!(fix("lead"), "did you mean `crm.lead`?");
        assert!(fix("invoice").starts_with("`\\d` at the prompt"));
    }
}
