//! The names in an expression: which columns they are, and what is said of those that are none.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::sql::sqlparser::ast::{
    Expr, ExprWithAlias, Ident, Value, ValueWithSpan, visit_expressions_mut,
};

use super::PERSON;
use super::refusal::{place, several_rows};
use crate::config::Sql;
use crate::problem::Problem;

/// What an expression may name.
#[derive(Debug, Clone)]
pub(in crate::funnel) struct Scope {
    pub(in crate::funnel) table: &'static str,
    pub(in crate::funnel) columns: SchemaRef,
    /// The columns that may stand as `person.x`.
    pub(in crate::funnel) person: Option<SchemaRef>,
}

/// Checks every name, turns `person.x` and `<table>.x` into names of single columns, and gives the
/// columns that are read.
pub(super) fn resolve(
    parsed: &mut ExprWithAlias,
    scope: &Scope,
    what: &str,
    sql: &Sql,
) -> Result<SchemaRef, Problem> {
    let mut own = BTreeSet::new();
    let mut person = BTreeSet::new();
    let found = visit_expressions_mut(&mut parsed.expr, |expr| {
        let names = match expr {
            Expr::Identifier(name) => vec![name.clone()],
            Expr::CompoundIdentifier(names) => names.clone(),
            Expr::Value(value) if matches!(value.value, Value::Placeholder(_)) => {
                return ControlFlow::Break(parameter(value, what, sql));
            }
            Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. } => {
                return ControlFlow::Break(several_rows(what, sql));
            }
            _ => return ControlFlow::Continue(()),
        };
        match scope.find(&names) {
            Some((column, true)) => {
                *expr = Expr::Identifier(Ident::with_quote('"', format!("{PERSON}{column}")));
                person.insert(column);
            }
            Some((column, false)) => {
                *expr = Expr::Identifier(Ident::with_quote('"', column.clone()));
                own.insert(column);
            }
            None => return ControlFlow::Break(scope.unknown(&names, what, sql)),
        }
        ControlFlow::Continue(())
    });
    if let ControlFlow::Break(problem) = found {
        return Err(problem);
    }
    let field = |schema: &Schema, column: &String, prefix: &str| {
        let field = schema.field_with_name(column).ok()?;
        Some(Field::new(
            format!("{prefix}{column}"),
            field.data_type().clone(),
            true,
        ))
    };
    let beside = scope.person.as_ref();
    let own = own
        .iter()
        .filter_map(|column| field(&scope.columns, column, ""));
    let person = person
        .iter()
        .filter_map(|column| field(beside?, column, PERSON));
    Ok(Arc::new(Schema::new(own.chain(person).collect::<Vec<_>>())))
}

impl Scope {
    /// The column that is named, and whether it is the person's.
    fn find(&self, names: &[Ident]) -> Option<(String, bool)> {
        let names: Vec<String> = names.iter().map(lower).collect();
        let (qualifier, name) = match names.as_slice() {
            [name] => (None, name),
            [qualifier, name] => (Some(qualifier.as_str()), name),
            _ => return None,
        };
        let there = |schema: &Schema| schema.index_of(name).is_ok();
        match (qualifier, &self.person) {
            (Some("person"), Some(person)) => there(person).then(|| (name.clone(), true)),
            (None, _) => there(&self.columns).then(|| (name.clone(), false)),
            (Some(table), _)
                if table == self.table || self.table.starts_with(&format!("{table}_")) =>
            {
                there(&self.columns).then(|| (name.clone(), false))
            }
            _ => None,
        }
    }

    fn unknown(&self, names: &[Ident], what: &str, sql: &Sql) -> Problem {
        let name = names.iter().map(lower).collect::<Vec<_>>().join(".");
        let of_person = name.strip_prefix(PERSON).filter(|_| self.person.is_some());
        let (table, schema, asked) = match (of_person, &self.person) {
            (Some(rest), Some(person)) => ("person_version", person, rest),
            _ => (self.table, &self.columns, name.as_str()),
        };
        let span = names.first().map(|name| name.span.start);
        let place = span.map_or_else(|| sql.place.clone(), |at| place(sql, at.line, at.column));
        let prefix = if of_person.is_some() { PERSON } else { "" };
        let fix = match nearest(schema, asked) {
            Some(near) => format!("did you mean `{prefix}{near}`?"),
            None => format!("its columns are {}", listed(schema)),
        };
        Problem::new(format!(
            "The {what} names `{name}`, and `{table}` has no such column"
        ))
        .at(place)
        .fix(fix)
    }
}

fn lower(name: &Ident) -> String {
    match name.quote_style {
        None => name.value.to_lowercase(),
        Some(_) => name.value.clone(),
    }
}

fn listed(schema: &Schema) -> String {
    let names: Vec<String> = schema
        .fields()
        .iter()
        .map(|field| format!("`{}`", field.name()))
        .collect();
    names.join(", ")
}

/// The column whose name is at most two letters off.
fn nearest<'a>(schema: &'a Schema, asked: &str) -> Option<&'a str> {
    let names = schema.fields().iter().map(|field| field.name().as_str());
    let near = names.map(|name| (distance(name, asked), name)).min()?;
    (near.0 <= 2).then_some(near.1)
}

/// Letters to insert, drop or change to make one word of the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, wanted) in other.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *wanted);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

fn parameter(value: &ValueWithSpan, what: &str, sql: &Sql) -> Problem {
    let start = value.span.start;
    Problem::new(format!("The {what} holds the parameter `{value}`"))
        .at(place(sql, start.line, start.column))
        .why("evidence is the same whatever day asks for it")
}
