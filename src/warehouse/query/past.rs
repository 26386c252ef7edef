//! Two questions about the past, as tables of a query:
//!
//! * `state_on('crm.lead', date '2026-11-12')`: the rows of a history that held when that day had
//!   ended, as is known in the version that is asked;
//! * `known_on('stage_entry', date '2026-11-12')`: a table as it was published for that day.
//!
//! They are replaced before planning: the first by a selection from the table's history, the second by
//! a table of its own name, which whoever runs the query makes known.

use std::ops::ControlFlow;

use datafusion::sql::parser::{DFParser, Statement as Parsed};
use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, SetExpr, Statement, TableAlias, TableFactor, Value,
    VisitMut, VisitorMut,
};
use jiff::civil::Date;

/// How the names of tables as they were known on a day begin; the day and the table follow.
const KNOWN: &str = "known_on_";

/// Replaces the tables of the past in a query. The error says what is wrong with one, and which.
pub(super) fn rewrite(statement: &mut Statement) -> Result<(), (&'static str, String)> {
    match statement.visit(&mut Rewrite) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(wrong) => Err(wrong),
    }
}

/// The day and the table that a name of a table of the past stands for.
pub(crate) fn known_on(name: &str) -> Option<(Date, String)> {
    let (day, table) = name.strip_prefix(KNOWN)?.split_once('.')?;
    let day = day.replace('_', "-").parse().ok()?;
    Some((day, table.replace("__", ".")))
}

struct Rewrite;

impl VisitorMut for Rewrite {
    type Break = (&'static str, String);

    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Self::Break> {
        let TableFactor::Table {
            name,
            alias,
            args: Some(args),
            ..
        } = factor
        else {
            return ControlFlow::Continue(());
        };
        let Some((function, of)) = of(&name.to_string()) else {
            return ControlFlow::Continue(());
        };
        let arguments: Vec<Expr> = args.args.iter().filter_map(argument).collect();
        let told = match arguments.as_slice() {
            [table, day] => text(table).zip(Some(day)),
            _ => None,
        };
        let Some((table, day)) = told.filter(|(table, _)| is_name(table)) else {
            let what = format!("`{function}` is asked for a table's name and a day");
            return ControlFlow::Break((function, what));
        };
        match of(&table, day, alias.take()) {
            Ok(replaced) => *factor = replaced,
            Err(what) => return ControlFlow::Break((function, what)),
        }
        ControlFlow::Continue(())
    }
}

type Replace = fn(&str, &Expr, Option<TableAlias>) -> Result<TableFactor, String>;

fn of(name: &str) -> Option<(&'static str, Replace)> {
    match name {
        "state_on" => Some(("state_on", state)),
        "known_on" => Some(("known_on", known)),
        _ => None,
    }
}

/// The rows of a history that held at the end of a day.
fn state(table: &str, day: &Expr, alias: Option<TableAlias>) -> Result<TableFactor, String> {
    // A stream's versions stand in a table beside it; other histories are named as they are.
    let history = if table.contains('.') && !table.ends_with("_history") {
        format!("{table}_history")
    } else {
        table.to_owned()
    };
    let sql = format!(
        "select * from {history}
         where valid_from <= day_end({day}) and (valid_to is null or valid_to > day_end({day}))
           and not deleted"
    );
    selection(&sql, table, alias)
}

/// A table as it was published for a day.
fn known(table: &str, day: &Expr, alias: Option<TableAlias>) -> Result<TableFactor, String> {
    let date: Option<Date> = text(day).and_then(|text| text.parse().ok());
    let Some(date) = date else {
        return Err("`known_on` is asked for a day as `date '2026-11-12'`".to_owned());
    };
    let day = date.to_string().replace('-', "_");
    let name = format!("{KNOWN}{day}.{}", table.replace('.', "__"));
    selection(&format!("select * from {name}"), table, alias)
}

/// A selection that stands for a table, under its alias or the last part of the table's name.
fn selection(sql: &str, table: &str, alias: Option<TableAlias>) -> Result<TableFactor, String> {
    let name = table.rsplit('.').next().unwrap_or(table);
    let whole = format!("select * from ({sql}) as {name}");
    let mut statements = DFParser::parse_sql(&whole).map_err(|error| error.strip_backtrace())?;
    let statement = statements.pop_front();
    if let Some(Parsed::Statement(statement)) = statement
        && let Statement::Query(query) = *statement
        && let SetExpr::Select(select) = *query.body
        && let Some(from) = select.from.into_iter().next()
        && let TableFactor::Derived {
            lateral,
            subquery,
            alias: named,
            sample,
        } = from.relation
    {
        return Ok(TableFactor::Derived {
            lateral,
            subquery,
            alias: alias.or(named),
            sample,
        });
    }
    Err(format!("`{table}` cannot be asked so"))
}

fn argument(argument: &FunctionArg) -> Option<Expr> {
    match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
        _ => None,
    }
}

/// The text of `'…'` or of `date '…'`.
fn text(expr: &Expr) -> Option<String> {
    let value = match expr {
        Expr::Value(value) => &value.value,
        Expr::TypedString(typed) => &typed.value.value,
        _ => return None,
    };
    match value {
        Value::SingleQuotedString(text) => Some(text.clone()),
        _ => None,
    }
}

fn is_name(table: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let mut parts = table.split('.');
    parts.all(|part| !part.is_empty() && part.chars().all(plain))
}
