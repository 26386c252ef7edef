//! Gives a file's columns their SQL names, types and order. All that does not fit is reported at once.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Field, Schema, SchemaRef};

use super::column::{Question, is_time, label};
use super::error::{BadColumn, MissingColumn};
use super::names::{ORIGINAL, fold, sql_names};
use super::raw::{Cells, Raw, RawColumn};
use super::roles::{Role, roles, translate};
use super::typed::{self, Target};
use super::{Input, SourceError};
use crate::config::{Column, ColumnType, StreamKind};
use crate::problem::nearest;

pub(super) struct Conformed {
    /// With SQL names.
    pub(super) kind: StreamKind,
    pub(super) schema: SchemaRef,
    pub(super) batches: Vec<RecordBatch>,
}

/// A column of the file with its SQL name.
struct Named {
    name: String,
    raw: RawColumn,
}

struct Typed {
    field: Field,
    chunks: Vec<ArrayRef>,
}

pub(super) fn conform(
    raw: Raw<'_>,
    input: &Input<'_>,
    known: Option<&SchemaRef>,
) -> Result<Conformed, SourceError> {
    let originals: Vec<&str> = raw.columns.iter().map(|c| c.original.as_str()).collect();
    let names = sql_names(&originals, known).into_iter();
    let mut columns: Vec<Named> = names
        .zip(raw.columns)
        .map(|(name, raw)| Named { name, raw })
        .collect();
    let roles = named_columns(&columns, input, known)?;
    let (mut typed, mut bad) = (Vec::new(), Vec::new());
    for (position, column) in columns.iter_mut().enumerate() {
        let role = roles.iter().find(|(found, _)| *found == position);
        let question = Question {
            raw: &column.raw,
            declared: declared(column, input),
            known: known_type(&column.name, known),
            role: role.map(|(_, role)| role),
            held: input.held.contains(&column.name),
        };
        match question.answer() {
            Ok((kind, chunks)) => typed.push(Typed {
                field: field(column, kind),
                chunks,
            }),
            Err(refused) => bad.push(BadColumn {
                path: input.path.to_owned(),
                column: column.raw.original.clone(),
                fault: refused.fault,
                count: refused.count,
                places: raw.places.describe(&refused.rows, refused.count),
                first_line: refused.rows.first().and_then(|row| raw.places.line(*row)),
            }),
        }
        // As text its cells are wanted no more, and a large file holds many.
        column.raw.cells = Cells::none();
    }
    if !bad.is_empty() {
        return Err(SourceError::Values {
            path: input.path.to_owned(),
            columns: bad,
        });
    }
    let rename = |name: &str| {
        let position = find(&columns, name);
        position.map_or_else(|| fold(name), |at| columns[at].name.clone())
    };
    let (schema, batches) = assemble(typed, known);
    Ok(Conformed {
        kind: translate(&input.stream.kind, rename),
        schema,
        batches,
    })
}

/// The columns that the stream's kind names, by position, or all that is wrong with such names.
fn named_columns<'a>(
    columns: &[Named],
    input: &'a Input<'_>,
    known: Option<&SchemaRef>,
) -> Result<Vec<(usize, Role<'a>)>, SourceError> {
    let mut found = Vec::new();
    let mut missing = Vec::new();
    for role in roles(&input.stream.kind) {
        match find(columns, role.column) {
            Some(position) => {
                check_time(&columns[position], &role, input)?;
                found.push((position, role));
            }
            None => missing.push(MissingColumn {
                path: input.path.to_owned(),
                column: role.column.to_owned(),
                role: format!("the {} of stream `{}`", role.what, input.name),
                nearest: nearest(role.column, originals(columns)).map(str::to_owned),
            }),
        }
    }
    missing.extend(misspelt(columns, input, known));
    if missing.is_empty() {
        return Ok(found);
    }
    Err(SourceError::Columns {
        columns: missing,
        place: input.stream.place.clone(),
    })
}

fn check_time(column: &Named, role: &Role<'_>, input: &Input<'_>) -> Result<(), SourceError> {
    let kind = declared(column, input).and_then(|declared| declared.kind);
    match kind.filter(|kind| role.time && !is_time(*kind)) {
        None => Ok(()),
        Some(kind) => Err(SourceError::Setting {
            what: format!(
                "Column `{}`, the {} of stream `{}`, is declared `{}`",
                column.raw.original,
                role.what,
                input.name,
                label(kind)
            ),
            fix: "Declare it `date` or `timestamp`".to_owned(),
            place: input.stream.place.clone(),
        }),
    }
}

/// Declared columns that the file does not have, that no earlier extract had, and whose name is
/// nearly that of a column nobody declared.
fn misspelt(columns: &[Named], input: &Input<'_>, known: Option<&SchemaRef>) -> Vec<MissingColumn> {
    let declared = input.stream.columns.keys();
    let unseen = declared.filter(|name| {
        find(columns, name).is_none()
            && known.is_none_or(|schema| schema.column_with_name(&fold(name)).is_none())
    });
    let near = |name: &String| {
        let undeclared = columns
            .iter()
            .filter(|column| self::declared(column, input).is_none())
            .map(|column| column.raw.original.as_str());
        nearest(name, undeclared).map(|nearest| MissingColumn {
            path: input.path.to_owned(),
            column: name.clone(),
            role: format!("which stream `{}` declares", input.name),
            nearest: Some(nearest.to_owned()),
        })
    };
    unseen.filter_map(near).collect()
}

fn originals(columns: &[Named]) -> impl Iterator<Item = &str> {
    columns.iter().map(|column| column.raw.original.as_str())
}

/// The position of the column that a user calls `name`: by its name in the file or its SQL name.
fn find(columns: &[Named], name: &str) -> Option<usize> {
    let exact = originals(columns).position(|original| original == name);
    exact.or_else(|| columns.iter().position(|column| column.name == fold(name)))
}

fn declared<'a>(column: &Named, input: &'a Input<'_>) -> Option<&'a Column> {
    declared_as(&column.name, &column.raw.original, input)
}

/// What the user declared of a column: by its SQL name, so that of two columns of one name each can be
/// told, else by its name in the file.
fn declared_as<'a>(name: &str, original: &str, input: &'a Input<'_>) -> Option<&'a Column> {
    let columns = &input.stream.columns;
    let folded = || columns.iter().find(|(declared, _)| fold(declared) == name);
    columns
        .get(name)
        .or_else(|| columns.get(original))
        .or_else(|| folded().map(|(_, declared)| declared))
}

/// By column of the header: the date or instant that it is known to hold, declared or from earlier
/// extracts.
pub(super) fn instants<'a>(
    header: &[String],
    input: &'a Input<'_>,
    known: Option<&SchemaRef>,
) -> Vec<Option<Target<'a>>> {
    let originals: Vec<&str> = header.iter().map(String::as_str).collect();
    let names = sql_names(&originals, known).into_iter().zip(originals);
    let target = |(name, original): (String, &str)| {
        let declared = declared_as(&name, original, input);
        let kind = declared.and_then(|declared| declared.kind);
        let kind = kind.or_else(|| known_type(&name, known));
        Some(Target::of(declared, kind.filter(|kind| is_time(*kind))?))
    };
    names.map(target).collect()
}

fn known_type(name: &str, known: Option<&SchemaRef>) -> Option<ColumnType> {
    let field = known?.field_with_name(name).ok()?;
    typed::column_type(field.data_type())
}

fn field(column: &Named, kind: ColumnType) -> Field {
    let original = (ORIGINAL.to_owned(), column.raw.original.clone());
    Field::new(&column.name, typed::data_type(kind), true).with_metadata([original].into())
}

/// Columns known first, in their order; then the others in the file's.
fn assemble(mut columns: Vec<Typed>, known: Option<&SchemaRef>) -> (SchemaRef, Vec<RecordBatch>) {
    let rank = |column: &Typed| {
        let found = known.and_then(|schema| schema.column_with_name(column.field.name()));
        found.map_or(usize::MAX, |(position, _)| position)
    };
    columns.sort_by_key(rank);
    let fields: Vec<Field> = columns.iter().map(|column| column.field.clone()).collect();
    let schema = Arc::new(Schema::new(fields));
    let chunks = columns.first().map_or(0, |column| column.chunks.len());
    let batch = |chunk: usize| {
        let arrays = columns
            .iter()
            .map(|column| Arc::clone(&column.chunks[chunk]));
        RecordBatch::try_new(Arc::clone(&schema), arrays.collect())
            .expect("chunks of one file have the same rows and the types of its schema")
    };
    let batches = (0..chunks).map(batch).collect();
    (schema, batches)
}
