//! SQL files, one relation each: found, parsed, ordered by what they read.
//!
//! The shipped `queries/` folder is compiled in; a deployment's own folder replaces it file by file
//! and may add files. A file's stem is the name of the relation it defines. What it reads is taken
//! from the SQL itself by DataFusion's parser, never declared.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::ops::ControlFlow;
use std::path::Path;

use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::resolve::resolve_table_references;
use datafusion::sql::sqlparser::ast::{Expr, visit_expressions};
use include_dir::{Dir, include_dir};

use super::past;
use crate::fs;
use crate::problem::{Place, Problem, Problems};

static SHIPPED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/queries");

/// One relation, parsed.
#[derive(Debug, Clone)]
pub(crate) struct Relation {
    pub(crate) name: String,
    /// The file as the user would name it: `queries/metrics/volume.sql`.
    pub(crate) file: String,
    pub(crate) sql: String,
    /// Every table that the SQL reads, `schema.table` or `table`, common table expressions left out.
    pub(crate) needs: BTreeSet<String>,
    /// Every column name that the SQL mentions, whichever table it belongs to, with the line and the
    /// column of its first place.
    columns: BTreeMap<String, (usize, usize)>,
    /// Whether the deployment wrote it, rather than this program.
    pub(crate) own: bool,
    pub(in crate::warehouse) statement: Box<datafusion::sql::sqlparser::ast::Statement>,
}

impl Relation {
    /// Parses the text of one file. Exactly one query is expected.
    pub(crate) fn parse(name: &str, file: &str, sql: &str) -> Result<Self, Problem> {
        let mut statements = DFParser::parse_sql(sql).map_err(|error| syntax(file, sql, &error))?;
        let found = statements.len();
        let (Some(statement), 1) = (statements.pop_front(), found) else {
            return Err(not_one(found).at(Place::of(file, sql, 1, 1)));
        };
        let columns = columns_of(&statement);
        let mut statement = statement;
        if let Statement::Statement(inner) = &mut statement {
            past::rewrite(inner)
                .map_err(|(function, what)| wrong_past(file, sql, function, what))?;
        }
        let needs = tables_of(&statement);
        match statement {
            Statement::Statement(inner) if is_query(&inner) => Ok(Self {
                name: name.to_owned(),
                file: file.to_owned(),
                sql: sql.to_owned(),
                needs,
                columns,
                own: false,
                statement: inner,
            }),
            _ => Err(Problem::new("Only a query (`select`) may stand here")
                .at(Place::of(file, sql, 1, 1))
                .why("history and derived tables are written by the nightly job alone")
                .fix("ask with `select`, or `with … select`")),
        }
    }

    /// The query's first line.
    pub(crate) fn start(&self) -> Place {
        Place::of(&self.file, &self.sql, 1, 1)
    }

    /// Where the SQL first mentions a column, of whichever table; none if it does not.
    pub(crate) fn mention(&self, column: &str) -> Option<Place> {
        let (line, at) = self.columns.get(column)?;
        Some(Place::of(&self.file, &self.sql, *line, *at))
    }

    /// Where the SQL names a table.
    pub(crate) fn place_of_table(&self, table: &str) -> Place {
        let mut lines = self.sql.lines().enumerate();
        let found = lines.find_map(|(index, line)| {
            let code = line.split("--").next().unwrap_or_default().to_lowercase();
            let before = code.split_once(table)?.0;
            Some((index + 1, before.chars().count() + 1))
        });
        let (line, column) = found.unwrap_or((1, 1));
        Place::of(&self.file, &self.sql, line, column)
    }
}

/// A table of the past that is asked for in another way than it can be.
fn wrong_past(file: &str, sql: &str, function: &str, what: String) -> Problem {
    let mut lines = sql.lines().enumerate();
    let found = lines.find_map(|(index, line)| {
        let before = line.to_lowercase().split_once(function)?.0.chars().count();
        Some((index + 1, before + 1))
    });
    let (line, column) = found.unwrap_or((1, 1));
    Problem::new(what)
        .at(Place::of(file, sql, line, column))
        .fix(format!(
            "write `{function}('person_version', date '2026-11-12')`"
        ))
}

/// What is said where another number of queries stands than one.
fn not_one(found: usize) -> Problem {
    if found == 0 {
        return Problem::new("There is no query here").fix("write one that begins with `select`");
    }
    Problem::new(format!("Expected one query, found {found} statements"))
        .fix("split them: one relation a file, one query at a time")
}

fn is_query(statement: &datafusion::sql::sqlparser::ast::Statement) -> bool {
    matches!(
        statement,
        datafusion::sql::sqlparser::ast::Statement::Query(_)
    )
}

fn tables_of(statement: &Statement) -> BTreeSet<String> {
    let (tables, ctes) = resolve_table_references(statement, true).unwrap_or_default();
    let ctes: BTreeSet<String> = ctes.iter().map(ToString::to_string).collect();
    tables
        .iter()
        .map(ToString::to_string)
        .filter(|name| !ctes.contains(name))
        .collect()
}

fn columns_of(statement: &Statement) -> BTreeMap<String, (usize, usize)> {
    let mut columns = BTreeMap::new();
    if let Statement::Statement(inner) = statement {
        let walked: ControlFlow<()> = visit_expressions(inner.as_ref(), |expr| {
            let last = match expr {
                Expr::Identifier(name) => Some(name),
                Expr::CompoundIdentifier(parts) => parts.last(),
                _ => None,
            };
            if let Some(name) = last {
                let start = name.span.start;
                let number = |number| usize::try_from(number).unwrap_or(1);
                let at = (number(start.line), number(start.column));
                let first = columns.entry(name.value.to_lowercase()).or_insert(at);
                *first = at.min(*first);
            }
            ControlFlow::Continue(())
        });
        debug_assert!(walked.is_continue(), "nothing stops the walk");
    }
    columns
}

/// A parser's message ends in "at Line: 3, Column: 7" when it knows the place.
fn syntax(file: &str, sql: &str, error: &datafusion::error::DataFusionError) -> Problem {
    let text = error.strip_backtrace();
    let text = text.trim_start_matches("SQL error: ");
    let number_after = |label: &str| {
        let rest = text.rsplit_once(label)?.1;
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<usize>().ok()
    };
    let place = if let Some((line, column)) = number_after("Line: ").zip(number_after("Column: ")) {
        Place::of(file, sql, line, column)
    } else {
        // It ends too early.
        let last = sql.lines().last().unwrap_or_default();
        Place::of(file, sql, sql.lines().count(), last.chars().count() + 1)
    };
    let message = text.split(" at Line: ").next().unwrap_or(text);
    let message = message
        .trim_start_matches("ParserError(\"")
        .trim_end_matches("\")")
        .replace("found: EOF", "found the end");
    Problem::new(format!("This is not SQL: {message}")).at(place)
}

/// Every relation of one folder below `queries/` (`metrics`, `canonical/salesforce`), sorted by
/// name: the shipped files, replaced and joined by those of the `overrides` folder.
pub(crate) fn load(folder: &str, overrides: &Path) -> Result<Vec<Relation>, Problems> {
    let mut texts = Texts::new();
    let shipped = SHIPPED.get_dir(folder).into_iter().flat_map(Dir::files);
    for file in shipped {
        if let (Some(stem), Some(sql)) = (stem_of(file.path()), file.contents_utf8()) {
            let (file, sql) = (format!("queries/{}", file.path().display()), sql.to_owned());
            texts.insert(
                stem,
                Text {
                    file,
                    sql,
                    own: false,
                },
            );
        }
    }
    texts.extend(own_files(&overrides.join(folder))?);
    let mut problems = Vec::new();
    let mut relations = Vec::new();
    for (name, Text { file, sql, own }) in texts {
        match Relation::parse(&name, &file, &sql) {
            Ok(relation) => relations.push(Relation { own, ..relation }),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        Ok(relations)
    } else {
        Err(Problems(problems))
    }
}

/// A file of a folder, before it is parsed.
struct Text {
    file: String,
    sql: String,
    own: bool,
}

type Texts = BTreeMap<String, Text>;

/// The `.sql` files directly in a folder of the deployment, by stem; none if there is no such folder.
fn own_files(folder: &Path) -> Result<Texts, Problem> {
    let mut texts = Texts::new();
    for path in fs::files_in(folder).map_err(|error| unreadable(&error))? {
        if let Some(stem) = stem_of(&path) {
            let sql = fs::read_text(&path).map_err(|error| unreadable(&error))?;
            let file = path.display().to_string();
            texts.insert(
                stem,
                Text {
                    file,
                    sql,
                    own: true,
                },
            );
        }
    }
    Ok(texts)
}

fn unreadable(error: &fs::StoreError) -> Problem {
    let problem = Problem::new(error.to_string())
        .fix("see that it is there as a folder of `.sql` files that this program may read");
    match error.source() {
        Some(cause) => problem.why(cause.to_string()),
        None => problem,
    }
}

fn stem_of(path: &Path) -> Option<String> {
    let sql = path
        .extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("sql"));
    path.file_stem()
        .filter(|_| sql)
        .map(|stem| stem.to_string_lossy().into_owned())
}

/// Relations in waves: each reads only what stands in earlier waves, so those of one wave may run
/// side by side. A cycle is a problem that names it.
pub(crate) fn in_waves(relations: Vec<Relation>) -> Result<Vec<Vec<Relation>>, Problems> {
    let named = |relation: Relation| (relation.name.clone(), relation);
    let mut waiting: BTreeMap<String, Relation> = relations.into_iter().map(named).collect();
    let mut waves = Vec::new();
    while !waiting.is_empty() {
        let is_ready = |relation: &&Relation| {
            relation
                .needs
                .iter()
                .all(|need| !waiting.contains_key(need))
        };
        let ready: Vec<String> = waiting
            .values()
            .filter(is_ready)
            .map(|it| it.name.clone())
            .collect();
        if ready.is_empty() {
            return Err(Problems(
                waiting.values().map(|it| cycle(it, &waiting)).collect(),
            ));
        }
        waves.push(
            ready
                .iter()
                .filter_map(|name| waiting.remove(name))
                .collect(),
        );
    }
    Ok(waves)
}

fn cycle(relation: &Relation, waiting: &BTreeMap<String, Relation>) -> Problem {
    let needs: Vec<String> = relation
        .needs
        .iter()
        .filter(|need| waiting.contains_key(*need))
        .map(|need| format!("`{need}`"))
        .collect();
    Problem::new(format!(
        "`{}` reads itself in a circle, through {}",
        relation.name,
        needs.join(", ")
    ))
    .at(Place::of(&relation.file, &relation.sql, 1, 1))
    .fix("let one of them read something else")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relation(name: &str, sql: &str) -> Relation {
        Relation::parse(name, &format!("queries/{name}.sql"), sql).unwrap()
    }

    /// What a query reads comes from its SQL; a common table expression is no table.
    #[test]
    fn needs_are_read_from_the_sql() {
        let sql = "with a as (select * from x.lead_history) select * from a join b using (id)";
        let needs: Vec<_> = relation("r", sql).needs.into_iter().collect();
        assert_eq!(needs, ["b", "x.lead_history"]);
    }

    /// A relation stands after all that it reads, whatever the order of the files.
    #[test]
    fn waves_follow_the_needs() {
        let given = vec![
            relation("a", "select * from c"),
            relation("b", "select 1"),
            relation("c", "select * from b"),
            relation("d", "select 2"),
        ];
        let names = |wave: Vec<Relation>| wave.into_iter().map(|it| it.name).collect::<Vec<_>>();
        let waves: Vec<_> = in_waves(given).unwrap().into_iter().map(names).collect();
        assert_eq!(waves, [vec!["b", "d"], vec!["c"], vec!["a"]]);
    }

    /// A circle is refused, naming its members.
    #[test]
    fn a_circle_is_refused() {
        let given = vec![
            relation("a", "select * from b"),
            relation("b", "select * from a"),
        ];
        let text = in_waves(given).unwrap_err().to_string();
        assert!(
            text.starts_with("`a` reads itself in a circle, through `b`"),
            "{text}"
        );
    }

    /// A syntax error points at its line and column.
    #[test]
    fn a_syntax_error_has_its_place() {
        let problem = Relation::parse("m", "queries/m.sql", "select a\nfrom )").unwrap_err();
        let place = problem.place.unwrap();
        assert_eq!((place.line, place.column), (2, 6));
    }

    /// A statement that writes is refused.
    #[test]
    fn only_queries() {
        let problem = Relation::parse("m", "queries/m.sql", "drop table x").unwrap_err();
        assert_eq!(problem.what, "Only a query (`select`) may stand here");
    }
}
