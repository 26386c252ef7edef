//! NDJSON (an object a line) and JSON (an array of objects, or objects one after another). A key that
//! an object lacks is null; nested values are kept as compact JSON text.

use arrow::datatypes::SchemaRef;

use super::infer::Guesses;
use super::names::ORIGINAL;
use super::raw::{Raw, RawBuilder, line_at};
use super::scan::{Kind, Scanner, Stop, compact};
use super::{Input, SourceError};
use crate::config::StreamKind;

/// Why an object cannot be taken, at an offset.
struct Refusal {
    at: usize,
    why: Why,
}

enum Why {
    End,
    Wrong(String),
}

/// Reads NDJSON. Blank lines are passed over.
pub(super) fn lines<'a>(text: &'a str, input: &'a Input<'_>) -> Result<Raw<'a>, SourceError> {
    let mut builder = RawBuilder::new(&input.stream.nulls);
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let content = line.trim_end();
        if !content.is_empty() {
            line_row(content, &mut builder, offset).map_err(|mut refusal| {
                let last = text.get(offset + line.len()..).unwrap_or_default();
                if matches!(refusal.why, Why::End) && !last.trim().is_empty() {
                    refusal.why = Why::Wrong("the line ends inside an object".to_owned());
                }
                refusal.at = offset;
                refuse(text, refusal, input)
            })?;
        }
        offset += line.len();
    }
    let raw = builder.finish(text);
    if raw.rows == 0 {
        return Err(input.empty("it holds no rows"));
    }
    Ok(raw)
}

fn line_row(content: &str, builder: &mut RawBuilder<'_>, offset: usize) -> Result<(), Refusal> {
    let mut scanner = Scanner::new(content);
    row(&mut scanner, builder, offset)?;
    match scanner.peek() {
        None => Ok(()),
        Some(_) => Err(refusal(&scanner, Stop::Expected("one object a line"))),
    }
}

/// Reads JSON. An empty array is an extract without rows.
pub(super) fn documents<'a>(
    text: &'a str,
    input: &'a Input<'_>,
    known: Option<&SchemaRef>,
) -> Result<Raw<'a>, SourceError> {
    let mut builder = RawBuilder::new(&input.stream.nulls);
    let mut scanner = Scanner::new(text);
    match scanner.peek() {
        None => return Err(input.empty("it holds no rows")),
        Some(b'[') => array(&mut scanner, &mut builder),
        Some(_) => objects(&mut scanner, &mut builder),
    }
    .map_err(|refusal| refuse(text, refusal, input))?;
    if scanner.peek().is_some() {
        let line = Some(line_at(text, scanner.at()));
        return Err(input.malformed(line, "more follows after the array"));
    }
    if builder.is_empty() {
        for name in expected_columns(input, known) {
            builder.add_column(&name, None);
        }
    }
    Ok(builder.finish(text))
}

/// The columns of an empty array: those known, else those that the stream names.
fn expected_columns(input: &Input<'_>, known: Option<&SchemaRef>) -> Vec<String> {
    if let Some(known) = known {
        let original = |field: &arrow::datatypes::FieldRef| {
            let name = field.metadata().get(ORIGINAL);
            name.unwrap_or(field.name()).clone()
        };
        return known.fields().iter().map(original).collect();
    }
    let kind = input.stream.kind.clone();
    match kind {
        StreamKind::Snapshot {
            key,
            created,
            modified,
        } => [Some(key), created, modified]
            .into_iter()
            .flatten()
            .collect(),
        StreamKind::Changes {
            key,
            created,
            modified,
            deleted,
        } => [Some(key), created, modified, deleted]
            .into_iter()
            .flatten()
            .collect(),
        StreamKind::Events { key, at } => [Some(key), at].into_iter().flatten().collect(),
        StreamKind::FieldHistory {
            key,
            record,
            field,
            old,
            new,
            at,
            ..
        } => vec![key, record, field, old, new, at],
    }
}

fn array(scanner: &mut Scanner<'_>, builder: &mut RawBuilder<'_>) -> Result<(), Refusal> {
    scanner.take(b'[');
    if scanner.take(b']') {
        return Ok(());
    }
    loop {
        row(scanner, builder, 0)?;
        if !scanner.take(b',') {
            let closed = scanner.expect(b']', "`,` or `]`");
            return closed.map_err(|stop| refusal(scanner, stop));
        }
    }
}

fn objects(scanner: &mut Scanner<'_>, builder: &mut RawBuilder<'_>) -> Result<(), Refusal> {
    while scanner.peek().is_some() {
        row(scanner, builder, 0)?;
    }
    Ok(())
}

/// Reads an object as a row. `base` is the scanner's offset in the text.
fn row(
    scanner: &mut Scanner<'_>,
    builder: &mut RawBuilder<'_>,
    base: usize,
) -> Result<(), Refusal> {
    scanner.peek();
    let start = scanner.at();
    let opened = scanner.expect(b'{', "an object");
    opened.map_err(|stop| refusal(scanner, stop))?;
    let mut hint = 0;
    let mut more = !scanner.take(b'}');
    while more {
        hint = cell(scanner, builder, hint)? + 1;
        more = scanner.take(b',');
        if !more {
            let closed = scanner.expect(b'}', "`,` or `}`");
            closed.map_err(|stop| refusal(scanner, stop))?;
        }
    }
    builder.end_row(base + start);
    Ok(())
}

/// Reads a key and its value; returns the column's position.
fn cell(
    scanner: &mut Scanner<'_>,
    builder: &mut RawBuilder<'_>,
    hint: usize,
) -> Result<usize, Refusal> {
    scanner.peek();
    let at = scanner.at();
    let key = scanner.string().map_err(|stop| refusal(scanner, stop))?;
    let colon = scanner.expect(b':', "`:`");
    colon.map_err(|stop| refusal(scanner, stop))?;
    let column = builder
        .position(&key, hint)
        .unwrap_or_else(|| builder.add_column(&key, None));
    if builder.has(column) {
        let why = Why::Wrong(format!("key `{key}` stands twice in one object"));
        return Err(Refusal { at, why });
    }
    if scanner.peek() == Some(b'"') {
        let text = scanner.string().map_err(|stop| refusal(scanner, stop))?;
        builder.cell(column, &text, Guesses::DATES);
        return Ok(column);
    }
    let (kind, written) = scanner.value().map_err(|stop| refusal(scanner, stop))?;
    match kind {
        Kind::Null => builder.cell(column, "", Guesses::ANY),
        Kind::Boolean => builder.cell(column, written, Guesses::BOOLEAN),
        Kind::Number => builder.cell(column, written, Guesses::NUMBERS),
        Kind::String | Kind::Nested => builder.cell(column, &compact(written), Guesses::NONE),
    }
    Ok(column)
}

fn refusal(scanner: &Scanner<'_>, stop: Stop) -> Refusal {
    let why = match stop {
        Stop::End => Why::End,
        Stop::Expected(what) => Why::Wrong(format!("{what} is expected")),
    };
    Refusal {
        at: scanner.at(),
        why,
    }
}

fn refuse(text: &str, refusal: Refusal, input: &Input<'_>) -> SourceError {
    let line = Some(line_at(text, refusal.at.min(text.len())));
    match refusal.why {
        Why::End => input.truncated(line, "it ends inside an object or array"),
        Why::Wrong(what) => input.malformed(line, what),
    }
}
