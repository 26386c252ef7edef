//! Refused files that are kept as they came: rows that name an erased person are cut out of plain
//! files, the rest stays byte for byte; any other file that names one goes whole.

use std::borrow::Cow;
use std::io::Read;
use std::ops::Range;

use arrow::array::RecordBatch;
use bytes::Bytes;
use csv::ByteRecord;
use encoding_rs::Encoding;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use super::matcher::Matcher;
use super::sift::{Of, sift};
use crate::warehouse::log::FileKind;

/// What becomes of a refused file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// It names nobody.
    Stays,
    /// What is left of it, and how many rows went.
    Rows(Bytes, u64),
    /// It goes whole.
    Whole,
}

/// Whose rows a file holds.
#[derive(Clone, Copy)]
struct Rows<'a> {
    matcher: &'a Matcher,
    /// `<source>.<stream>`, or a source.
    table: &'a str,
}

/// What becomes of a file of the stream `<source>.<stream>`, or of a source, which no reader of ours
/// may have understood.
pub(super) fn cut(matcher: &Matcher, table: &str, bytes: &Bytes) -> Cut {
    let rows = Rows { matcher, table };
    let whole = |names| if names { Cut::Whole } else { Cut::Stays };
    if let Some(plain) = decompressed(bytes) {
        return whole(cut(matcher, table, &plain) != Cut::Stays);
    }
    if bytes.starts_with(b"PAR1") {
        return whole(parquet_names(rows, bytes));
    }
    if let Some(text) = other_encoding(bytes) {
        let plain = Bytes::from(text.into_owned());
        return whole(cut(matcher, table, &plain) != Cut::Stays);
    }
    let ranges = match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') if is_lines(bytes) => lines(rows, bytes),
        Some(b'[' | b'{') => return whole(json_names(rows, bytes)),
        _ => records(rows, bytes),
    };
    match ranges.len() as u64 {
        0 => Cut::Stays,
        rows => Cut::Rows(without(bytes, &ranges), rows),
    }
}

/// What may be kept of a file that is refused now; none if nothing may.
pub(in crate::warehouse) fn kept(
    matcher: Option<&Matcher>,
    table: &str,
    bytes: Bytes,
) -> Option<Bytes> {
    match matcher.map(|matcher| cut(matcher, table, &bytes)) {
        None | Some(Cut::Stays) => Some(bytes),
        Some(Cut::Rows(left, _)) => Some(left),
        Some(Cut::Whole) => None,
    }
}

impl<'a> Rows<'a> {
    fn source(self) -> &'a str {
        self.table.split('.').next().unwrap_or(self.table)
    }

    fn names(self, column: &str, cell: &str) -> bool {
        let Self { matcher, table } = self;
        // A row's own id is that of its stream.
        let own = table.contains('.') && column.eq_ignore_ascii_case("id");
        let column = if own { "" } else { column };
        own && matcher.is_record(table, cell)
            || matcher.names(Some(self.source()), column, cell, false)
    }

    /// Whether a text names somebody of which nobody knows where its cells begin.
    fn names_somewhere(self, text: &str) -> bool {
        self.matcher
            .names(Some(self.source()), "record_ids", text, false)
    }
}

/// The content of a compressed file, as far as it can be had.
fn decompressed(bytes: &Bytes) -> Option<Bytes> {
    let mut plain = Vec::new();
    // A file that was cut off, which may be why it was refused, names whom its beginning names.
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut decoder = flate2::read::MultiGzDecoder::new(&bytes[..]);
        decoder.read_to_end(&mut plain).ok();
    } else if bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        let mut decoder = zstd::stream::read::Decoder::new(&bytes[..]).ok()?;
        decoder.read_to_end(&mut plain).ok();
    } else {
        return None;
    }
    Some(plain.into())
}

/// The text of a file that says it is in another encoding than UTF-8.
fn other_encoding(bytes: &[u8]) -> Option<Cow<'_, str>> {
    let (encoding, skip) = Encoding::for_bom(bytes)?;
    if encoding == encoding_rs::UTF_8 {
        return None;
    }
    let (text, _) = encoding.decode_without_bom_handling(bytes.get(skip..)?);
    Some(text)
}

/// One that cannot be read counts as naming: nobody can tell.
fn parquet_names(rows: Rows<'_>, bytes: &Bytes) -> bool {
    let table = format!("{}.", rows.source());
    let of = Of::new(&table, FileKind::Events);
    let names = |batch: RecordBatch| sift(rows.matcher, of, &batch, None);
    let Ok(reader) = ParquetRecordBatchReaderBuilder::try_new(bytes.clone()) else {
        return true;
    };
    let Ok(mut batches) = reader.build() else {
        return true;
    };
    batches.any(|batch| batch.and_then(names).is_ok_and(|found| found.is_some()))
}

/// Whether the first line is a JSON object of its own.
fn is_lines(bytes: &[u8]) -> bool {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let first = lines.find(|line| !line.trim_ascii().is_empty());
    first.is_some_and(|line| serde_json::from_slice::<Value>(line).is_ok())
}

/// The places of the lines that name somebody.
fn lines(rows: Rows<'_>, bytes: &[u8]) -> Vec<Range<usize>> {
    let mut named = Vec::new();
    let mut start = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let range = start..start + line.len();
        start = range.end;
        if json_names(rows, line) {
            named.push(range);
        }
    }
    named
}

fn json_names(rows: Rows<'_>, bytes: &[u8]) -> bool {
    match serde_json::from_slice::<Value>(bytes) {
        Ok(value) => value_names(rows, "", &value),
        Err(_) => rows.names_somewhere(&String::from_utf8_lossy(bytes)),
    }
}

fn value_names(rows: Rows<'_>, key: &str, value: &Value) -> bool {
    match value {
        Value::String(text) => rows.names(key, text),
        Value::Number(number) => rows.names(key, &number.to_string()),
        Value::Array(values) => values.iter().any(|value| value_names(rows, key, value)),
        Value::Object(fields) => {
            let mut fields = fields.iter();
            fields.any(|(key, value)| value_names(rows, key, value))
        }
        Value::Null | Value::Bool(_) => false,
    }
}

/// The places of the records of delimited text that name somebody.
fn records(rows: Rows<'_>, bytes: &[u8]) -> Vec<Range<usize>> {
    let mut builder = csv::ReaderBuilder::new();
    builder
        .delimiter(delimiter(bytes))
        .flexible(true)
        .has_headers(false);
    let mut reader = builder.from_reader(bytes);
    let (mut header, mut record) = (ByteRecord::new(), ByteRecord::new());
    let mut named = Vec::new();
    // Bytes in memory are always there to read, and records may be of any width.
    while reader.read_byte_record(&mut record).unwrap_or(false) {
        let start = record.position().map_or(0, csv::Position::byte);
        let place = start_of_line(bytes, start)..start_of_line(bytes, reader.position().byte());
        if header.is_empty() {
            header.clone_from(&record);
        } else if record_names(rows, &header, &record) {
            named.push(place);
        }
    }
    named
}

fn record_names(rows: Rows<'_>, header: &ByteRecord, record: &ByteRecord) -> bool {
    record.iter().enumerate().any(|(index, cell)| {
        let column = String::from_utf8_lossy(header.get(index).unwrap_or_default());
        let column = column.trim_start_matches('\u{feff}').trim();
        rows.names(column, &String::from_utf8_lossy(cell))
    })
}

/// The reader stops between the two characters of a line's end.
fn start_of_line(bytes: &[u8], at: u64) -> usize {
    let at = usize::try_from(at).unwrap_or(bytes.len()).min(bytes.len());
    let between = at > 0 && bytes[at - 1] == b'\r' && bytes.get(at) == Some(&b'\n');
    at + usize::from(between)
}

/// What stands most often between the names of the first line.
fn delimiter(bytes: &[u8]) -> u8 {
    let first = bytes
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    let count = |delimiter: &u8| first.split(|byte| byte == delimiter).count();
    let delimiters = [b'|', b'\t', b';', b','];
    delimiters.into_iter().max_by_key(count).unwrap_or(b',')
}

fn without(bytes: &[u8], ranges: &[Range<usize>]) -> Bytes {
    let mut left = Vec::with_capacity(bytes.len());
    let mut from = 0;
    for range in ranges {
        left.extend_from_slice(&bytes[from..range.start]);
        from = range.end;
    }
    left.extend_from_slice(&bytes[from..]);
    left.into()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use jiff::civil::date;
    use ring::hmac;

    use super::super::matcher::{address, id, record};
    use super::super::tombstone::Tombstone;
    use super::*;
    use crate::clock::RunId;

    fn matcher() -> Matcher {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
        let day = date(2026, 11, 5);
        let mut tombstone = Tombstone::new(&RunId::new(day), 1, day);
        tombstone.sources.insert("crm".to_owned());
        tombstone.addresses.insert(address(&key, "jane@x.example"));
        tombstone.lengths.insert(2);
        tombstone.ids.insert(id(&key, "crm", "42"));
        tombstone.records.insert(record(&key, "crm.lead", "42"));
        Matcher::new(key, &[tombstone])
    }

    fn cut_of(bytes: &[u8]) -> Cut {
        cut(&matcher(), "crm.lead", &Bytes::copy_from_slice(bytes))
    }

    fn rows(left: &[u8], rows: u64) -> Cut {
        Cut::Rows(Bytes::copy_from_slice(left), rows)
    }

    // Rows that name somebody go, by address or id, with line breaks in cells and either line end; the
    // rest stays byte for byte, and a file that names nobody stays.
    #[test]
    fn rows_of_delimited_text_are_cut() {
        let text = b"Id;Note\r\n41;\"a\r\nb\"\r\n42;x\r\n43;\"jane@x.example\r\n\"\r\n44;42\r\n";
        assert_eq!(
            cut_of(text),
            rows(b"Id;Note\r\n41;\"a\r\nb\"\r\n44;42\r\n", 2)
        );
        assert_eq!(cut_of(b"Id,N\n41,a\n42,b"), rows(b"Id,N\n41,a\n", 1));
        assert_eq!(cut_of(b"Id,N\n41,42\n\xff,b\n"), Cut::Stays);
    }

    // Lines of JSON are cut; one JSON text goes whole, and so does one that was cut off.
    #[test]
    fn lines_of_json_are_cut() {
        let text = b"{\"leadId\":42}\n{\"leadId\":41,\"n\":42}\n{\"a\":[\"jane@x.example\"]}\n";
        assert_eq!(cut_of(text), rows(b"{\"leadId\":41,\"n\":42}\n", 2));
        assert_eq!(cut_of(b"[{\"id\":\"42\"}]"), Cut::Whole);
        assert_eq!(cut_of(b"[{\"id\":\"41\"}]"), Cut::Stays);
        assert_eq!(
            cut_of(b"{\"id\":41}\n{\"id\":\"42"),
            rows(b"{\"id\":41}\n", 1)
        );
        assert_eq!(cut_of(b"[{\"id\":41},\n{\"id\":\"42"), Cut::Whole);
    }

    // A deal's own id is no lead's, though it reads alike; who is named by a deal is.
    #[test]
    fn ids_are_those_of_a_stream() {
        let cut_of = |text: &'static [u8]| cut(&matcher(), "crm.deal", &Bytes::from_static(text));
        assert_eq!(cut_of(b"Id,LeadId\n42,41\n"), Cut::Stays);
        assert_eq!(cut_of(b"Id,LeadId\n41,42\n"), rows(b"Id,LeadId\n", 1));
    }

    // Compressed files, cut off or not, and files in other encodings go whole.
    #[test]
    fn other_files_go_whole() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(b"Id\n42\n").unwrap();
        let packed = gzip.finish().unwrap();
        assert_eq!(cut_of(&packed), Cut::Whole);
        assert_eq!(cut_of(&packed[..packed.len() - 4]), Cut::Whole);
        let wide: Vec<u8> = "\u{feff}Id\n42\n"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert_eq!(cut_of(&wide), Cut::Whole);
        let other: Vec<u8> = "\u{feff}Id\n43\n"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert_eq!(cut_of(&other), Cut::Stays);
        assert_eq!(cut_of(b"PAR1 and no more"), Cut::Whole);
    }
}
