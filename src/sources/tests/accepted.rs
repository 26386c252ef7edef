//! Files that are taken, and how.

use std::io::Write;
use std::sync::Arc;

use arrow::array::{Decimal128Array, Int32Array, ListArray, StringArray, TimestampNanosecondArray};
use arrow::datatypes::Int32Type;

use super::*;

fn csv(text: &str) -> Extract {
    pull_bytes(&stream("Lead.csv"), text.as_bytes(), None).unwrap()
}

// Every type is inferred from the whole file; a column of nulls is a string.
#[test]
fn inferred() {
    let extract = csv("Id,Score,Rate,Won,Day,At,Zip,None\n\
        a,65,0.5,true,2026-11-05,2026-11-05T14:03:22.000+0000,01234,\n\
        b,,1,,,2026-11-05 14:03:22,98765,\n");
    insta::assert_snapshot!(shown(&extract), @r#"
    id Utf8 | score Int64 | rate Float64 | won Boolean | day Date32 | at Timestamp(µs, "UTC") | zip Utf8 | none Utf8
    a | 65 | 0.5 | true | 2026-11-05 | 2026-11-05T14:03:22Z | 01234 | ∅
    b | ∅ | 1.0 | ∅ | ∅ | 2026-11-05T14:03:22Z | 98765 | ∅
    "#);
}

// Quoted commas, quotes and line breaks, CRLF, a BOM and a last line without its end.
#[test]
fn csv_forms() {
    let extract = csv("\u{feff}Id,Note\r\n1,\"a, \"\"b\"\"\r\nc\"\r\n2,d");
    insta::assert_snapshot!(shown(&extract), @r#"
    id Int64 | note Utf8
    1 | a, "b"
    c
    2 | d
    "#);
    assert_eq!(extract.file.path, "Lead.csv");
    assert_eq!(extract.file.bytes, 32);
    assert_eq!(
        extract.file.sha256,
        "cf9340c15272757c1ad726beb4f75c87c6d89d55beb976e4305cf61bc127b222"
    );
}

// Columns of one name, of names that fold alike and without a name are kept apart.
#[test]
fn duplicate_names() {
    let extract = csv("Id,category,category,Category,,Lead Source\n1,a,b,c,d,e\n");
    insta::assert_snapshot!(shown(&extract), @"
    id Int64 | category Utf8 | category_2 Utf8 | category_3 Utf8 | column_5 Utf8 | lead_source Utf8
    1 | a | b | c | d | e
    ");
    let original = |at: usize| extract.schema.field(at).metadata()["original"].clone();
    assert_eq!(
        [1, 2, 3, 5].map(original),
        ["category", "category", "Category", "Lead Source"]
    );
}

// A header without rows is an extract without rows.
#[test]
fn no_rows() {
    let extract = csv("Id,Name\n");
    assert_eq!(shown(&extract), "id Utf8 | name Utf8");
}

// The stream's own spellings of null, besides the empty field.
#[test]
fn nulls() {
    let mut stream = stream("Lead.csv");
    stream.nulls = vec!["?".to_owned(), "n/a".to_owned()];
    let extract = pull_bytes(&stream, b"Id,Score\n1,?\n2,7\n3,n/a\n4,\n", None).unwrap();
    insta::assert_snapshot!(shown(&extract), @"
    id Int64 | score Int64
    1 | ∅
    2 | 7
    3 | ∅
    4 | ∅
    ");
}

// Declared types and forms are followed, and money never passes through a float.
#[test]
fn declared() {
    let mut stream = declare(stream("Lead.csv"), "Id", ColumnType::String, None);
    stream = declare(stream, "Amount", ColumnType::Decimal, None);
    stream = declare(stream, "closed", ColumnType::Date, Some("%d/%m/%Y"));
    stream = declare(
        stream,
        "Opened",
        ColumnType::Timestamp,
        Some("%d/%m/%Y %H:%M"),
    );
    let zone = jiff::tz::TimeZone::get("America/New_York").unwrap();
    stream.columns.get_mut("Opened").unwrap().zone = Some(zone);
    let text = b"Id,Amount,Closed,Opened\n7,12345678901234.5678,5/3/2016,29/2/2016 01:16\n";
    let extract = pull_bytes(&stream, text, None).unwrap();
    insta::assert_snapshot!(shown(&extract), @r#"
    id Utf8 | amount Decimal128(18, 4) | closed Date32 | opened Timestamp(µs, "UTC")
    7 | 12345678901234.5678 | 2016-03-05 | 2016-02-29T06:16:00Z
    "#);
}

// Types and order come from earlier extracts; new columns follow, vanished ones are absent.
#[test]
fn known() {
    let first = csv("Id,Score,Note,Zip\n1,5,x,01\n");
    let stream = stream("Lead.csv");
    let next = b"New,Zip,Score,Id\n2.5,12,6,2\n";
    let extract = pull_bytes(&stream, next, Some(&first.schema)).unwrap();
    insta::assert_snapshot!(shown(&extract), @"
    id Int64 | score Int64 | zip Utf8 | new Float64
    2 | 6 | 12 | 2.5
    ");
}

// A column of whole numbers that nobody declared and no query reads follows its numbers when they get
// fractions, and keeps the wider type.
#[test]
fn numbers_widen() {
    let first = csv("Id,Size\n1,5\n");
    let stream = stream("Lead.csv");
    let next = pull_bytes(&stream, b"Id,Size\n1,5\n2,5.5\n", Some(&first.schema)).unwrap();
    insta::assert_snapshot!(shown(&next), @"
    id Int64 | size Float64
    1 | 5.0
    2 | 5.5
    ");
    let later = pull_bytes(&stream, b"Id,Size\n1,7\n", Some(&next.schema)).unwrap();
    insta::assert_snapshot!(shown(&later), @"
    id Int64 | size Float64
    1 | 7.0
    ");
}

// The stream's kind comes back with SQL names, and its times are timestamps even where all are null.
#[test]
fn kind() {
    let mut stream = stream("LeadHistory.csv");
    stream.kind = StreamKind::FieldHistory {
        key: "Id".to_owned(),
        of: "lead".to_owned(),
        record: "LeadId".to_owned(),
        field: "Field".to_owned(),
        old: "OldValue".to_owned(),
        new: "NewValue".to_owned(),
        at: "CreatedDate".to_owned(),
    };
    let text =
        b"Id,LeadId,Field,OldValue,NewValue,CreatedDate\n1,a,Score,5,65,2026-11-05T14:03:22Z\n";
    let extract = pull_bytes(&stream, text, None).unwrap();
    insta::assert_snapshot!(shown(&extract), @r#"
    id Int64 | leadid Utf8 | field Utf8 | oldvalue Utf8 | newvalue Utf8 | createddate Timestamp(µs, "UTC")
    1 | a | Score | 5 | 65 | 2026-11-05T14:03:22Z
    "#);
    insta::assert_debug_snapshot!(extract.kind, @r#"
    FieldHistory {
        key: "id",
        of: "lead",
        record: "leadid",
        field: "field",
        old: "oldvalue",
        new: "newvalue",
        at: "createddate",
    }
    "#);
    let mut stream = super::stream("Lead.csv");
    stream.kind = StreamKind::Snapshot {
        key: "ID".to_owned(),
        created: None,
        modified: Some("Modified".to_owned()),
    };
    let extract = pull_bytes(&stream, b"Id,Modified\n1,\n", None).unwrap();
    assert_eq!(
        shown(&extract),
        "id Int64 | modified Timestamp(µs, \"UTC\")\n1 | ∅"
    );
}

// A dated path; the file of the day is taken.
#[test]
fn dated_path() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("2026-11-05/Lead_20261105.csv");
    crate::fs::write(&file, b"Id\n1\n").unwrap();
    let stream = stream("{date}/Lead_{date:%Y%m%d}.csv");
    let extract = pull_from(folder.path(), &stream, None).unwrap();
    assert_eq!(extract.file.path, "2026-11-05/Lead_20261105.csv");
    assert_eq!(rows(&extract), 1);
}

// TSV, and CSV with another delimiter.
#[test]
fn delimiters() {
    let mut tsv = with(stream("Lead.tsv"), Format::Tsv);
    tsv.delimiter = b'\t';
    let extract = pull_bytes(&tsv, b"Id\tNote\n1\ta,b\n", None).unwrap();
    assert_eq!(shown(&extract), "id Int64 | note Utf8\n1 | a,b");
    let mut semicolon = stream("Lead.csv");
    semicolon.delimiter = b';';
    let extract = pull_bytes(&semicolon, b"Id;Note\n1;a,b\n", None).unwrap();
    assert_eq!(shown(&extract), "id Int64 | note Utf8\n1 | a,b");
}

// Encodings by label and by BOM.
#[test]
fn encodings() {
    let read = |label: &str, bytes: &[u8]| {
        let mut stream = stream("Lead.csv");
        stream.encoding = label.to_owned();
        shown(&pull_bytes(&stream, bytes, None).unwrap())
    };
    let expected = "id Int64 | name Utf8\n1 | Zoë";
    assert_eq!(read("windows-1252", b"Id,Name\n1,Zo\xeb\n"), expected);
    let utf16: Vec<u8> = "Id,Name\n1,Zoë\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    assert_eq!(read("utf-16", &utf16), expected);
    let bom: Vec<u8> = [0xfe, 0xff]
        .into_iter()
        .chain("Id,Name\n1,Zoë\n".encode_utf16().flat_map(u16::to_be_bytes))
        .collect();
    assert_eq!(read("utf-8", &bom), expected);
}

// Gzip and zstd, several members in one file.
#[test]
fn compressed() {
    let gzip = |text: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    };
    let mut stream = stream("Lead.csv.gz");
    stream.compression = Compression::Gzip;
    let members = [gzip(b"Id\n1\n"), gzip(b"2\n")].concat();
    assert_eq!(rows(&pull_bytes(&stream, &members, None).unwrap()), 2);
    stream.compression = Compression::Zstd;
    let zstd = |text: &[u8]| zstd::encode_all(text, 1).unwrap();
    let members = [zstd(b"Id\n1\n"), zstd(b"2\n")].concat();
    assert_eq!(rows(&pull_bytes(&stream, &members, None).unwrap()), 2);
}

// NDJSON: a missing key is null, nested values are JSON text, numbers and booleans are typed.
#[test]
fn ndjson() {
    let stream = with(stream("lead.ndjson"), Format::Ndjson);
    let text = "{\"Id\": 1, \"score\": 2.50, \"ok\": true, \"zip\": \"01\", \"at\": \"2026-11-05T14:03:22Z\"}\r\n\
        \n\
        {\"Id\":2,\"tags\":{\"a\": [1, \"x y\"]},\"score\":3,\"zip\":\"7\",\"name\":\"Zo\\u00eb\"}\n\
        {\"Id\":3,\"ok\":null,\"name\":\"\"}";
    let extract = pull_bytes(&stream, text.as_bytes(), None).unwrap();
    insta::assert_snapshot!(shown(&extract), @r#"
    id Int64 | score Float64 | ok Boolean | zip Utf8 | at Timestamp(µs, "UTC") | tags Utf8 | name Utf8
    1 | 2.5 | true | 01 | 2026-11-05T14:03:22Z | ∅ | ∅
    2 | 3.0 | ∅ | 7 | ∅ | {"a":[1,"x y"]} | Zoë
    3 | ∅ | ∅ | ∅ | ∅ | ∅ | ∅
    "#);
}

// JSON numbers keep their digits where the column is decimal; numbers too large for a double are text.
#[test]
fn json_numbers() {
    let stream = with(stream("lead.json"), Format::Json);
    let stream = declare(stream, "amount", ColumnType::Decimal, None);
    let text = b"[{\"Id\":1,\"amount\":12345678901234.5678,\"big\":12345678901234567890}]";
    let extract = pull_bytes(&stream, text, None).unwrap();
    insta::assert_snapshot!(shown(&extract), @"
    id Int64 | amount Decimal128(18, 4) | big Utf8
    1 | 12345678901234.5678 | 12345678901234567890
    ");
}

// JSON as an array, as objects one after another, and as one object; an empty array has no rows.
#[test]
fn json_documents() {
    let stream = with(stream("lead.json"), Format::Json);
    let read = |text: &str| pull_bytes(&stream, text.as_bytes(), None).unwrap();
    assert_eq!(rows(&read("[\n {\"Id\": 1},\n {\"Id\": 2}\n]\n")), 2);
    assert_eq!(rows(&read("{\n \"Id\": 1\n}\n{\"Id\": 2}")), 2);
    assert_eq!(rows(&read("{\"Id\": 1}")), 1);
    assert_eq!(shown(&read(" [ ] ")), "id Utf8");
    let first = read("[{\"Id\": 1, \"b\": true}]");
    let empty = pull_bytes(&stream, b"[]", Some(&first.schema)).unwrap();
    assert_eq!(shown(&empty), "id Int64 | b Boolean");
}

// Parquet: typed by the file, nested values as JSON text, decimals rescaled.
#[test]
fn parquet() {
    let lists: [Option<Vec<Option<i32>>>; 2] = [Some(vec![Some(1), None]), None];
    let columns: Vec<(&str, arrow::array::ArrayRef)> = vec![
        ("Id", Arc::new(Int32Array::from(vec![1, 2]))),
        (
            "Name",
            Arc::new(StringArray::from(vec![Some("a"), Some("")])),
        ),
        (
            "Amount",
            Arc::new(
                Decimal128Array::from(vec![150, -5])
                    .with_precision_and_scale(10, 2)
                    .unwrap(),
            ),
        ),
        (
            "At",
            Arc::new(TimestampNanosecondArray::from(vec![1_000, 2_000_000_000])),
        ),
        (
            "Tags",
            Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists)),
        ),
    ];
    let stream = with(stream("lead.parquet"), Format::Parquet);
    let extract = pull_bytes(&stream, &parquet_bytes(columns), None).unwrap();
    insta::assert_snapshot!(shown(&extract), @r#"
    id Int64 | name Utf8 | amount Decimal128(18, 4) | at Timestamp(µs, "UTC") | tags Utf8
    1 | a | 1.5000 | 1970-01-01T00:00:00.000001Z | [1,null]
    2 | ∅ | -0.0500 | 1970-01-01T00:00:02Z | ∅
    "#);
    let text = declare(stream, "Id", ColumnType::String, None);
    let columns: Vec<(&str, arrow::array::ArrayRef)> =
        vec![("Id", Arc::new(Int32Array::from(vec![7])))];
    let extract = pull_bytes(&text, &parquet_bytes(columns), None).unwrap();
    assert_eq!(shown(&extract), "id Utf8\n7");
}

pub(super) fn parquet_bytes(columns: Vec<(&str, arrow::array::ArrayRef)>) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer =
        ::parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

// A file of more rows than a batch holds; a column that appears late is null before.
#[test]
fn many_rows() {
    let stream = with(stream("lead.ndjson"), Format::Ndjson);
    let line = |id: u32| format!("{{\"Id\":{id}}}\n");
    let mut text = (0..40_000).map(line).collect::<Vec<_>>().concat();
    text.push_str("{\"Id\":40000,\"late\":1}\n");
    let extract = pull_bytes(&stream, text.as_bytes(), None).unwrap();
    let sizes: Vec<usize> = extract.batches.iter().map(RecordBatch::num_rows).collect();
    assert_eq!(sizes, [32_768, 7_233]);
    assert!(shown(&extract).ends_with("39999 | ∅\n40000 | 1"));
}
