//! CSV and TSV: a header, then rows of as many fields; fields may be quoted and then hold anything.

use arrow::datatypes::SchemaRef;
use csv::{ReaderBuilder, StringRecord};

use super::conform::instants;
use super::infer::Guesses;
use super::raw::{Raw, RawBuilder, line_at};
use super::typed::Target;
use super::{Input, SourceError};

/// What else could have been meant as the delimiter.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// The cells of a text. Instants of which the form is known are typed as they come. Where one does not
/// fit, all are read again as text, for what is told of a misfit is told from the text.
pub(super) fn read<'a>(
    text: &'a str,
    input: &'a Input<'_>,
    known: Option<&SchemaRef>,
) -> Result<Raw<'a>, SourceError> {
    let builder = cells(text, input, |header| instants(header, input, known))?;
    if builder.all_fit() {
        return Ok(builder.finish(text));
    }
    let as_text = |header: &[String]| header.iter().map(|_| None).collect();
    Ok(cells(text, input, as_text)?.finish(text))
}

fn cells<'a>(
    text: &str,
    input: &'a Input<'_>,
    targets: impl FnOnce(&[String]) -> Vec<Option<Target<'a>>>,
) -> Result<RawBuilder<'a>, SourceError> {
    let delimiter = input.stream.delimiter;
    let mut reader = reader(text, delimiter);
    let mut record = StringRecord::new();
    if !next(&mut reader, &mut record, input)? {
        return Err(input.empty("it has no header"));
    }
    let header = header(text, delimiter, &record, input)?;
    let mut builder = RawBuilder::new(&input.stream.nulls);
    for (name, target) in header.iter().zip(targets(&header)) {
        builder.add_column(name, target);
    }
    let mut ragged = Ragged::default();
    let mut last = start(&record);
    while next(&mut reader, &mut record, input)? {
        last = start(&record);
        if record.len() != header.len() {
            ragged.add(last, record.len());
            continue;
        }
        for (column, field) in record.iter().enumerate() {
            builder.cell(column, field, Guesses::ANY);
        }
        builder.end_row(last);
    }
    if quote_open(&text.as_bytes()[last..], delimiter) {
        return Err(never_closed(text, last, input));
    }
    ragged.check(text, last, header.len(), input)?;
    builder.end_chunk();
    Ok(builder)
}

fn reader(text: &str, delimiter: u8) -> csv::Reader<&[u8]> {
    ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes())
}

fn next(
    reader: &mut csv::Reader<&[u8]>,
    record: &mut StringRecord,
    input: &Input<'_>,
) -> Result<bool, SourceError> {
    // The text is UTF-8 and in memory: only a field beyond all limits is left to fail.
    reader
        .read_record(record)
        .map_err(|_| input.malformed(None, "it cannot be split into fields"))
}

/// The offset at which a record starts, or the end of the line before it.
fn start(record: &StringRecord) -> usize {
    let byte = record.position().map_or(0, csv::Position::byte);
    usize::try_from(byte).unwrap_or(usize::MAX)
}

/// The names of the columns; one without a name is named for its position.
fn header(
    text: &str,
    delimiter: u8,
    record: &StringRecord,
    input: &Input<'_>,
) -> Result<Vec<String>, SourceError> {
    if record.len() == 1
        && let Some(other) = other_delimiter(text, delimiter)
    {
        let what = format!("its header is one column; `{other}` seems to be its delimiter");
        let line = line_at(text, start(record));
        let fix = format!("Write `delimiter: \"{other}\"` for stream `{}`", input.name);
        return Err(input.malformed(Some(line), what).with_fix(fix));
    }
    let name = |(position, name): (usize, &str)| match name.trim() {
        "" => format!("column_{}", position + 1),
        name => name.to_owned(),
    };
    Ok(record.iter().enumerate().map(name).collect())
}

/// The delimiter that splits the header into most columns, if any splits it.
fn other_delimiter(text: &str, delimiter: u8) -> Option<&'static str> {
    let columns = |candidate: u8| {
        let mut record = StringRecord::new();
        match reader(text, candidate).read_record(&mut record) {
            Ok(true) => record.len(),
            _ => 0,
        }
    };
    let best = DELIMITERS
        .into_iter()
        .filter(|candidate| *candidate != delimiter)
        .max_by_key(|candidate| columns(*candidate))?;
    if columns(best) < 2 {
        return None;
    }
    Some(match best {
        b';' => ";",
        b'\t' => "\\t",
        b'|' => "|",
        _ => ",",
    })
}

/// Whether a text that starts where a record does ends inside a quoted field. Follows `csv`: a quote
/// opens a field only as its first character.
fn quote_open(text: &[u8], delimiter: u8) -> bool {
    let (mut open, mut field_start) = (false, true);
    let mut bytes = text.iter().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' if open => {
                if bytes.peek() == Some(&&b'"') {
                    bytes.next();
                } else {
                    open = false;
                }
            }
            b'"' if field_start => open = true,
            _ => {}
        }
        field_start = *byte == delimiter || matches!(byte, b'\r' | b'\n');
    }
    open
}

fn never_closed(text: &str, start: usize, input: &Input<'_>) -> SourceError {
    let line = line_at(text, start);
    input.truncated(
        Some(line),
        "a quote in the row that starts there is never closed",
    )
}

/// Rows whose number of fields is not the header's.
#[derive(Default)]
struct Ragged {
    /// Offset and fields of the first.
    first: Option<(usize, usize)>,
    count: usize,
}

impl Ragged {
    fn add(&mut self, start: usize, fields: usize) {
        self.first = self.first.or(Some((start, fields)));
        self.count += 1;
    }

    /// Tells a last row that breaks off from rows that are wrong.
    fn check(
        &self,
        text: &str,
        last_row: usize,
        columns: usize,
        input: &Input<'_>,
    ) -> Result<(), SourceError> {
        let Some((start, fields)) = self.first else {
            return Ok(());
        };
        let line = Some(line_at(text, start));
        let ends = text.ends_with(['\n', '\r']);
        if start == last_row && fields < columns && !ends {
            let what = format!("the last row has {fields} of {columns} columns");
            return Err(input.truncated(line, what));
        }
        let mut what = format!("the row has {fields} columns, the header has {columns}");
        if self.count > 1 {
            what = format!("{what}; it is the first of {} such rows", self.count);
        }
        Err(input
            .malformed(line, what)
            .with_fix("Quote fields that hold the delimiter, a quote or a line break"))
    }
}

#[cfg(test)]
mod tests {
    use super::quote_open;

    // Only a quote that opens a field counts; doubled quotes do not close it.
    #[test]
    fn open_quotes() {
        let open = |text: &str| quote_open(text.as_bytes(), b',');
        assert!(open("a,\"b"));
        assert!(open("a,\"b\"\"\nc,d\n"));
        assert!(open("\""));
        assert!(!open("a,\"b\"\"\"\n"));
        assert!(!open("5\" pipe,b\n"));
        assert!(!open("\"a\"b\",c"));
    }
}
