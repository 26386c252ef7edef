//! The section `sources`: outside systems and their streams.

use std::collections::BTreeMap;
use std::path::Path;

use encoding_rs::Encoding;
use jiff::civil::date;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

use super::gates;
use super::leadgauge::{location, zone};
use super::reader::{Field, Reader};
use super::yaml::{Entry, Node, Value};
use super::{Column, ColumnType, Compression, Format, Source, Stream, StreamKind};
use crate::fs::Location;
use crate::problem::Problem;

const FORMATS: [(&str, Format); 5] = [
    ("csv", Format::Csv),
    ("tsv", Format::Tsv),
    ("ndjson", Format::Ndjson),
    ("json", Format::Json),
    ("parquet", Format::Parquet),
];

const COMPRESSIONS: [(&str, Compression); 3] = [
    ("none", Compression::None),
    ("gzip", Compression::Gzip),
    ("zstd", Compression::Zstd),
];

const COLUMN_TYPES: [(&str, ColumnType); 7] = [
    ("string", ColumnType::String),
    ("boolean", ColumnType::Boolean),
    ("bigint", ColumnType::Bigint),
    ("double", ColumnType::Double),
    ("decimal", ColumnType::Decimal),
    ("date", ColumnType::Date),
    ("timestamp", ColumnType::Timestamp),
];

pub(super) fn read(reader: &Reader<'_>, node: &Node, folder: &Path) -> Option<Vec<Source>> {
    reader.tell_repeated(node.names("name"), "source");
    reader.some(node, |item| read_source(reader, item, folder))
}

fn read_source(reader: &Reader<'_>, node: &Node, folder: &Path) -> Option<Source> {
    let [name, files] = reader.fields(node, "a source", ["name", "files"])?;
    let name = name.required(|node| reader.identifier(node));
    let files = files.required(|node| read_files(reader, node, folder));
    let (location, streams) = files?;
    Some(Source {
        name: name?,
        place: node.place.clone(),
        location,
        streams,
    })
}

fn read_files(reader: &Reader<'_>, node: &Node, folder: &Path) -> Option<(Location, Vec<Stream>)> {
    let [place, streams] = reader.fields(node, "`files`", ["location", "streams"])?;
    let place = place.required(|node| location(reader, node, folder));
    let streams = streams.required(|list| {
        reader.tell_repeated(list.names("name"), "stream");
        reader.some(list, |item| read_stream(reader, item, list))
    });
    Some((place?, streams?))
}

fn read_stream(reader: &Reader<'_>, node: &Node, siblings: &Node) -> Option<Stream> {
    let [
        name,
        path,
        snapshot,
        changes,
        events,
        field_history,
        format,
        compression,
        encoding,
        delimiter,
        nulls,
        columns,
        gates,
    ] = reader.fields(
        node,
        "a stream",
        [
            "name",
            "path",
            "snapshot",
            "changes",
            "events",
            "field_history",
            "format",
            "compression",
            "encoding",
            "delimiter",
            "nulls",
            "columns",
            "gates",
        ],
    )?;
    let name = name.required(|node| reader.identifier(node));
    let kinds = [&snapshot, &changes, &events, &field_history];
    let kind = read_kind(reader, node, siblings, kinds);
    let path_text = path.required(|node| read_path(reader, node));
    let (format_told, compression_told) = path_text
        .as_deref()
        .map_or((None, Compression::None), ending);
    let compression = compression.or(compression_told, |node| {
        reader.choice(node, "compression", &COMPRESSIONS)
    });
    let format = match (format.node, path.node) {
        (Some(node), _) => reader.choice(node, "format", &FORMATS),
        (None, Some(node)) if path_text.is_some() && format_told.is_none() => {
            let what = "The format is not plain from the file's ending";
            reader.refuse(node, what, "Add `format:`, as `format: csv`")
        }
        (None, _) => format_told,
    };
    let encoding = encoding.or("utf-8".to_owned(), |node| read_encoding(reader, node));
    let delimiter = read_delimiter(reader, &delimiter, format);
    let nulls = nulls.or(Vec::new(), |node| {
        reader.list(node, |item| reader.any_text(item).map(str::to_owned))
    });
    let columns = columns.or(BTreeMap::new(), |node| read_columns(reader, node));
    let gates = gates::read(reader, gates.node, kind.as_ref(), columns.as_ref());
    Some(Stream {
        name: name?,
        place: node.place.clone(),
        kind: kind?,
        path: path_text?,
        format: format?,
        compression: compression?,
        encoding: encoding?,
        delimiter: delimiter?,
        nulls: nulls?,
        columns: columns?,
        gates: gates?,
    })
}

/// What kind of stream it is.
fn read_kind(
    reader: &Reader<'_>,
    stream: &Node,
    siblings: &Node,
    kinds: [&Field<'_>; 4],
) -> Option<StreamKind> {
    match kinds.map(|kind| kind.node) {
        [Some(node), None, None, None] => read_snapshot(reader, node),
        [None, Some(node), None, None] => read_changes(reader, node),
        [None, None, Some(node), None] => {
            let [key, at] = reader.fields(node, "`events`", ["key", "at"])?;
            let key = key.required(|node| reader.text(node));
            let at = at.optional(|node| reader.text(node));
            Some(StreamKind::Events { key: key?, at: at? })
        }
        [None, None, None, Some(node)] => read_field_history(reader, node, siblings),
        [None, None, None, None] if kinds.iter().any(|kind| kind.is_meant()) => None,
        _ => {
            let fix = "Write one of `snapshot`, `changes`, `events` and `field_history`";
            reader.refuse(stream, "A stream is of one kind", fix)
        }
    }
}

fn read_snapshot(reader: &Reader<'_>, node: &Node) -> Option<StreamKind> {
    let [key, created, modified] =
        reader.fields(node, "`snapshot`", ["key", "created", "modified"])?;
    let key = key.required(|node| reader.text(node));
    let created = created.optional(|node| reader.text(node));
    let modified = modified.optional(|node| reader.text(node));
    Some(StreamKind::Snapshot {
        key: key?,
        created: created?,
        modified: modified?,
    })
}

fn read_changes(reader: &Reader<'_>, node: &Node) -> Option<StreamKind> {
    let [key, created, modified, deleted] =
        reader.fields(node, "`changes`", ["key", "created", "modified", "deleted"])?;
    let key = key.required(|node| reader.text(node));
    let [created, modified, deleted] =
        [created, modified, deleted].map(|column| column.optional(|node| reader.text(node)));
    Some(StreamKind::Changes {
        key: key?,
        created: created?,
        modified: modified?,
        deleted: deleted?,
    })
}

fn read_field_history(reader: &Reader<'_>, node: &Node, siblings: &Node) -> Option<StreamKind> {
    let [key, of, record, field, old, new, at] = reader.fields(
        node,
        "`field_history`",
        ["key", "of", "record", "field", "old", "new", "at"],
    )?;
    let of = of.required(|node| {
        let snapshots = siblings
            .items()
            .iter()
            .filter(|stream| stream.get("snapshot").or(stream.get("changes")).is_some());
        let names: Option<Vec<_>> = snapshots
            .map(|stream| stream.get("name")?.as_text())
            .collect();
        // A snapshot stream without a name is told already; it may be the one that is meant.
        let Some(names) = names else {
            return reader.identifier(node);
        };
        reader.one_of(node, "snapshot or changes stream of this source", &names)
    });
    let [key, record, field, old, new, at] =
        [key, record, field, old, new, at].map(|column| column.required(|node| reader.text(node)));
    Some(StreamKind::FieldHistory {
        key: key?,
        of: of?,
        record: record?,
        field: field?,
        old: old?,
        new: new?,
        at: at?,
    })
}

/// A relative path in which every brace is a `{date}` or a `{date:form}`.
fn read_path(reader: &Reader<'_>, node: &Node) -> Option<String> {
    let path = reader.text(node)?;
    if path.starts_with('/') || path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        let fix = "Write it below the source's `location`, as `{date}/Lead.csv`";
        let what = "A stream's path is relative and has no empty, `.` or `..` part";
        return reader.refuse(node, what, fix);
    }
    let mut rest = path.as_str();
    while let Some((before, behind)) = rest.split_once('{') {
        let inside = behind.split_once('}').filter(|_| !before.contains('}'));
        let Some((_, after)) = inside.filter(|(name, _)| is_date(name)) else {
            let fix = "Write `{date}`, or `{date:%Y%m%d}` with the form you need";
            return reader.refuse(node, "The braces of this path hold no date", fix);
        };
        rest = after;
    }
    if rest.contains('}') {
        return reader.refuse(node, "A brace is closed that was not opened", "Remove it");
    }
    Some(path)
}

/// Whether this is what may stand in a path's braces.
fn is_date(inside: &str) -> bool {
    let form = inside.strip_prefix("date:");
    inside == "date" || form.is_some_and(|form| strtime::format(form, date(2026, 11, 5)).is_ok())
}

/// The format and the compression that a path's ending tells.
fn ending(path: &str) -> (Option<Format>, Compression) {
    let path = path.to_ascii_lowercase();
    let (rest, compression) = if let Some(rest) = path.strip_suffix(".gz") {
        (rest, Compression::Gzip)
    } else if let Some(rest) = path.strip_suffix(".zst") {
        (rest, Compression::Zstd)
    } else {
        (path.as_str(), Compression::None)
    };
    let format = match rest.rsplit_once('.').map(|(_, ending)| ending) {
        Some("csv") => Some(Format::Csv),
        Some("tsv") => Some(Format::Tsv),
        Some("ndjson" | "jsonl") => Some(Format::Ndjson),
        Some("json") => Some(Format::Json),
        Some("parquet") => Some(Format::Parquet),
        _ => None,
    };
    (format, compression)
}

fn read_encoding(reader: &Reader<'_>, node: &Node) -> Option<String> {
    let label = reader.text(node)?;
    if Encoding::for_label(label.as_bytes()).is_some() {
        return Some(label);
    }
    let fix = "Write a WHATWG label, as `utf-8`, `windows-1252` or `utf-16le`";
    reader.refuse(node, format!("`{label}` is no encoding"), fix)
}

fn read_delimiter(reader: &Reader<'_>, field: &Field<'_>, format: Option<Format>) -> Option<u8> {
    let usual = if format == Some(Format::Tsv) {
        b'\t'
    } else {
        b','
    };
    field.or(usual, |node| {
        match (format, reader.any_text(node)?.as_bytes()) {
            (Some(Format::Ndjson | Format::Json | Format::Parquet), _) => {
                reader.refuse(node, "Only `csv` and `tsv` have a delimiter", "Remove it")
            }
            (_, [byte]) if byte.is_ascii() && !matches!(byte, b'"' | b'\r' | b'\n') => Some(*byte),
            _ => {
                let what = "A delimiter is one ASCII character and no quotation mark";
                reader.refuse(node, what, "Write it in quotes, as `\";\"` or `\"\\t\"`")
            }
        }
    })
}

fn read_columns(reader: &Reader<'_>, node: &Node) -> Option<BTreeMap<String, Column>> {
    let entries = reader.entries(node, "column names and their types")?;
    let columns: Vec<_> = entries
        .iter()
        .map(|entry| Some((entry.key.clone(), read_column(reader, &entry.node)?)))
        .collect();
    reader.tell_repeated(entries.iter().map(Entry::named), "column");
    columns.into_iter().collect()
}

/// `bigint`, or `{ type: date, format: "%d/%m/%Y" }`.
fn read_column(reader: &Reader<'_>, node: &Node) -> Option<Column> {
    if !matches!(node.value, Value::Map(_)) {
        return Some(Column {
            kind: Some(reader.choice(node, "column type", &COLUMN_TYPES)?),
            format: None,
            zone: None,
        });
    }
    let [kind, format, column_zone] =
        reader.fields(node, "a column", ["type", "format", "zone"])?;
    let kind = kind.required(|node| reader.choice(node, "column type", &COLUMN_TYPES))?;
    let format = format.optional(|node| read_time_format(reader, node, kind));
    let zone = column_zone.optional(|node| {
        if kind == ColumnType::Timestamp {
            return zone(reader, node);
        }
        let fix = "Remove `zone`, or set `type: timestamp`";
        reader.refuse(node, "Only a timestamp has a zone", fix)
    });
    Some(Column {
        kind: Some(kind),
        format: format?,
        zone: zone?,
    })
}

/// A strptime form that gives a whole date or instant.
fn read_time_format(reader: &Reader<'_>, node: &Node, kind: ColumnType) -> Option<String> {
    if !matches!(kind, ColumnType::Date | ColumnType::Timestamp) {
        let fix = "Remove `format`, or set `type: date` or `type: timestamp`";
        return reader.refuse(node, "Only a date or a timestamp has a format", fix);
    }
    let form = reader.text(node)?;
    if let Err(error) = read_back(&form, kind) {
        let problem = Problem::new(format!("No date can be read by `{form}`"))
            .at(node.place.clone())
            .why(error.to_string());
        let fix = "Write the form of a whole date, as `%d/%m/%Y` or `%Y-%m-%d %H:%M:%S`";
        reader.tell_problem(problem.fix(fix));
        return None;
    }
    Some(form)
}

/// Writes an example in a form and reads it back: what `jiff` writes it does not always read.
fn read_back(form: &str, kind: ColumnType) -> Result<(), jiff::Error> {
    let example = date(2026, 11, 5).at(14, 3, 22, 0).to_zoned(TimeZone::UTC)?;
    let text = strtime::format(form, &example)?;
    let parts = strtime::parse(form, text)?;
    if kind == ColumnType::Timestamp && parts.to_timestamp().is_ok() {
        return Ok(());
    }
    parts.to_date().map(|_| ())
}
