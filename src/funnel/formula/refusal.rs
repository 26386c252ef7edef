//! What a wrong expression is told, and where.

use arrow::datatypes::DataType;
use datafusion::error::DataFusionError;

use super::Gives;
use crate::config::Sql;
use crate::funnel::shape::word;
use crate::problem::{Place, Problem};

/// Refuses what is of another type than the trigger needs.
pub(super) fn check_type(
    found: &DataType,
    gives: Gives,
    what: &str,
    sql: &Sql,
) -> Result<(), Problem> {
    let (fits, wanted) = match gives {
        Gives::Truth => (
            matches!(found, DataType::Boolean | DataType::Null),
            "true or false",
        ),
        Gives::Time => (
            matches!(found, DataType::Timestamp(_, _) | DataType::Date32),
            "an instant or a date",
        ),
        Gives::Text => (!found.is_nested(), "text"),
        Gives::Whole => (
            matches!(found, DataType::Int64 | DataType::Null),
            "a whole number",
        ),
    };
    if fits {
        return Ok(());
    }
    let problem = Problem::new(format!("The {what} gives {}, not {wanted}", word(found)));
    Err(problem.at(sql.place.clone()))
}

/// The place of a line and column of the expression in the file that it stands in. The file's own
/// line is known for the first line of the expression only.
pub(super) fn place(sql: &Sql, line: u64, column: u64) -> Place {
    let offset = usize::try_from(column.saturating_sub(1)).unwrap_or_default();
    let mut place = sql.place.clone();
    if line <= 1 {
        place.column += offset;
    }
    place
}

/// A parser's message ends in "at Line: 1, Column: 7" when it knows the place.
pub(super) fn syntax(what: &str, sql: &Sql, error: &DataFusionError) -> Problem {
    let root = error.find_root().strip_backtrace();
    let text = root.trim_start_matches("SQL error: ");
    let number = |label: &str| {
        let rest = text.rsplit_once(label)?.1;
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u64>().ok()
    };
    let end = (1, sql.text.chars().count() as u64 + 1);
    let (line, column) = number("Line: ").zip(number("Column: ")).unwrap_or(end);
    let message = text.split(" at Line: ").next().unwrap_or(text);
    let message = message
        .trim_start_matches("ParserError(\"")
        .trim_start_matches("TokenizerError(\"")
        .trim_end_matches("\")");
    Problem::new(format!("The {what} is not SQL: {message}")).at(place(sql, line, column))
}

/// A planner's refusal, at the function that it does not know if that is the reason.
pub(super) fn refused(what: &str, sql: &Sql, error: &DataFusionError) -> Problem {
    let root = error.find_root().strip_backtrace();
    let message = root
        .trim_start_matches("Error during planning: ")
        .trim_start_matches("This feature is not implemented: ");
    let message = message
        .lines()
        .next()
        .unwrap_or_default()
        .trim_end_matches('.');
    let unknown = message
        .strip_prefix("Invalid function '")
        .and_then(|rest| rest.split('\'').next());
    let problem = Problem::new(format!("The {what} cannot be planned: {message}"));
    let Some(function) = unknown else {
        return problem.at(sql.place.clone());
    };
    let text = sql.text.to_lowercase();
    let before = text.split_once(function).map_or("", |(before, _)| before);
    let problem = problem.at(place(sql, 1, before.chars().count() as u64 + 1));
    if ["now", "current_date", "current_timestamp", "today"].contains(&function) {
        return problem.fix("name a column: evidence depends on what happened, never on the clock");
    }
    problem
}

/// What an expression over several rows is told.
pub(super) fn several_rows(what: &str, sql: &Sql) -> Problem {
    Problem::new(format!("The {what} looks at more than one row"))
        .at(sql.place.clone())
        .fix("write an expression over the columns of one row")
}
