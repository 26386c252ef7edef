//! Files that are refused, with the whole text of each refusal.

use std::io::Write;
use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, StringArray};

use super::*;

/// The refusal as the user sees it, with its outcome.
fn refusal(stream: &Stream, bytes: &[u8]) -> String {
    let error = pull_bytes(stream, bytes, None).unwrap_err();
    format!("[{}] {}", error.outcome(), error.problem())
}

fn csv(text: &str) -> String {
    refusal(&stream("Lead.csv"), text.as_bytes())
}

fn ndjson(text: &str) -> String {
    refusal(
        &with(stream("lead.ndjson"), Format::Ndjson),
        text.as_bytes(),
    )
}

fn json(text: &str) -> String {
    refusal(&with(stream("lead.json"), Format::Json), text.as_bytes())
}

// A file that is not there is missing, and may come.
#[test]
fn missing() {
    let folder = tempfile::tempdir().unwrap();
    let error = pull_from(folder.path(), &stream("{date}/Lead.csv"), None).unwrap_err();
    let error = unplaced(error, folder.path());
    assert!(error.transient());
    assert_eq!(error.outcome(), "missing");
    insta::assert_snapshot!(error.problem(), @"
    `2026-11-05/Lead.csv` is not there
     --> leadgauge.yaml:7:5
      |
    7 |     lead:
      |     ^
      fix: Put the export there, or correct `path` of stream `crm.lead`
    ");
}

// A folder that cannot be read is told from one that is not there.
#[test]
fn unreadable() {
    let folder = tempfile::tempdir().unwrap();
    crate::fs::write(&folder.path().join("2026-11-05"), b"").unwrap();
    let error = pull_from(folder.path(), &stream("{date}/Lead.csv"), None).unwrap_err();
    assert!(!error.transient());
    insta::assert_snapshot!(unplaced(error, folder.path()).problem(), @"
    Cannot read `2026-11-05/Lead.csv`: Not a directory (os error 20)
      fix: See that the path is a file that this program may read
    ");
}

// No bytes, no header, no rows where there is no header.
#[test]
fn empty() {
    insta::assert_snapshot!(csv(""), @"
    [quarantined] `Lead.csv` is empty: it holds no bytes
      fix: Export it again; an export without rows has a header (CSV) or is `[]` (JSON)
    ");
    insta::assert_snapshot!(csv("\n\r\n"), @"
    [quarantined] `Lead.csv` is empty: it has no header
      fix: Export it again; an export without rows has a header (CSV) or is `[]` (JSON)
    ");
    insta::assert_snapshot!(ndjson("\n"), @"
    [quarantined] `lead.ndjson` is empty: it holds no rows
      fix: Export it again; an export without rows has a header (CSV) or is `[]` (JSON)
    ");
}

// A header that parses as one column tells which delimiter was meant.
#[test]
fn wrong_delimiter() {
    insta::assert_snapshot!(csv("Id;Name;Note\n1;a;b\n"), @r#"
    [quarantined] `Lead.csv` is malformed in line 1: its header is one column; `;` seems to be its delimiter
     --> Lead.csv:1:1
      fix: Write `delimiter: ";"` for stream `crm.lead`
    "#);
    insta::assert_snapshot!(csv("Id\tName\n1\ta\n"), @r#"
    [quarantined] `Lead.csv` is malformed in line 1: its header is one column; `\t` seems to be its delimiter
     --> Lead.csv:1:1
      fix: Write `delimiter: "\t"` for stream `crm.lead`
    "#);
}

// Rows with more or fewer columns than the header, placed past quoted line breaks.
#[test]
fn column_counts() {
    insta::assert_snapshot!(csv("Id,Note\r\n1,\"a\r\nb\"\r\n\r\n2,b,c\r\n3\r\n4,d\r\n"), @"
    [quarantined] `Lead.csv` is malformed in line 5: the row has 3 columns, the header has 2; it is the first of 2 such rows
     --> Lead.csv:5:1
      fix: Quote fields that hold the delimiter, a quote or a line break
    ");
}

// A last line that breaks off, an open quote and a cut character are a file cut off.
#[test]
fn cut_csv() {
    insta::assert_snapshot!(csv("Id,Name,Note\n1,a,b\n2,c"), @"
    [quarantined] `Lead.csv` is cut off in line 3: the last row has 2 of 3 columns
     --> Lead.csv:3:1
      fix: Export or copy it again, and rename it only when it is whole
    ");
    insta::assert_snapshot!(csv("Id,Note\n1,a\n2,\"b\nc"), @"
    [quarantined] `Lead.csv` is cut off in line 3: a quote in the row that starts there is never closed
     --> Lead.csv:3:1
      fix: Export or copy it again, and rename it only when it is whole
    ");
    let cut = refusal(&stream("Lead.csv"), b"Id,Name\n1,Zo\xc3");
    insta::assert_snapshot!(cut, @"
    [quarantined] `Lead.csv` is cut off in line 2: its last character is incomplete
     --> Lead.csv:2:1
      fix: Export or copy it again, and rename it only when it is whole
    ");
}

// Bytes that are not of the encoding.
#[test]
fn malformed_bytes() {
    insta::assert_snapshot!(refusal(&stream("Lead.csv"), b"Id,Name\n1,a\n2,Zo\xeb\n3,b\n"), @"
    [quarantined] `Lead.csv` is malformed in line 3: byte 0xEB is no UTF-8
     --> Lead.csv:3:1
      fix: State the encoding of stream `crm.lead`, as `encoding: windows-1252`
    ");
    let mut stream = stream("Lead.csv");
    stream.encoding = "shift_jis".to_owned();
    insta::assert_snapshot!(refusal(&stream, b"Id,Name\n1,\x83\xff\n2,b\n"), @"
    [quarantined] `Lead.csv` is malformed in line 2: its bytes are no Shift_JIS
     --> Lead.csv:2:1
      fix: Correct `encoding` of stream `crm.lead`
    ");
}

// Compressed data that ends early, is broken, or is not what the stream says.
#[test]
fn cut_compression() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(b"Id,Name\n1,a\n2,b\n").unwrap();
    let gzip = encoder.finish().unwrap();
    let mut stream = stream("Lead.csv.gz");
    insta::assert_snapshot!(refusal(&stream, &gzip), @"
    [quarantined] `Lead.csv.gz` is malformed: its compression is gzip, the stream's is none
      fix: Write `compression: gzip` for stream `crm.lead`
    ");
    stream.compression = Compression::Gzip;
    insta::assert_snapshot!(refusal(&stream, &gzip[..gzip.len() - 9]), @"
    [quarantined] `Lead.csv.gz` is cut off: its gzip data ends early
      fix: Export or copy it again, and rename it only when it is whole
    ");
    let mut broken = gzip.clone();
    let checksum = broken.len() - 6;
    broken[checksum] ^= 0xff;
    insta::assert_snapshot!(refusal(&stream, &broken), @"
    [quarantined] `Lead.csv.gz` is malformed: its gzip data is corrupt
      fix: Export or copy it again
    ");
    stream.compression = Compression::Zstd;
    let zstd = zstd::encode_all(&b"Id,Name\n1,a\n2,b\n"[..], 1).unwrap();
    insta::assert_snapshot!(refusal(&stream, &zstd[..zstd.len() - 3]), @"
    [quarantined] `Lead.csv.gz` is cut off: its zstd data ends early
      fix: Export or copy it again, and rename it only when it is whole
    ");
}

// NDJSON whose last line breaks off is cut off; a broken line before is malformed.
#[test]
fn broken_ndjson() {
    insta::assert_snapshot!(ndjson("{\"Id\":1}\n{\"Id\":2,\"na"), @"
    [quarantined] `lead.ndjson` is cut off in line 2: it ends inside an object or array
     --> lead.ndjson:2:1
      fix: Export or copy it again, and rename it only when it is whole
    ");
    insta::assert_snapshot!(ndjson("{\"Id\":1}\n{\"Id\":2,\"na\n{\"Id\":3}\n"), @"
    [quarantined] `lead.ndjson` is malformed in line 2: the line ends inside an object
     --> lead.ndjson:2:1
      fix: Correct the export, or `format` of stream `crm.lead`
    ");
    insta::assert_snapshot!(ndjson("{\"Id\":1}\n[2]\n"), @"
    [quarantined] `lead.ndjson` is malformed in line 2: an object is expected
     --> lead.ndjson:2:1
      fix: Correct the export, or `format` of stream `crm.lead`
    ");
    insta::assert_snapshot!(ndjson("{\"Id\":1} {\"Id\":2}\n"), @"
    [quarantined] `lead.ndjson` is malformed in line 1: one object a line is expected
     --> lead.ndjson:1:1
      fix: Correct the export, or `format` of stream `crm.lead`
    ");
    insta::assert_snapshot!(ndjson("{\"Id\":1,\"Id\":2}\n"), @"
    [quarantined] `lead.ndjson` is malformed in line 1: key `Id` stands twice in one object
     --> lead.ndjson:1:1
      fix: Correct the export, or `format` of stream `crm.lead`
    ");
}

// JSON that is not closed is cut off; what is no object is malformed.
#[test]
fn broken_json() {
    insta::assert_snapshot!(json("[\n{\"Id\":1},\n{\"Id\":2}\n"), @"
    [quarantined] `lead.json` is cut off in line 4: it ends inside an object or array
     --> lead.json:4:1
      fix: Export or copy it again, and rename it only when it is whole
    ");
    insta::assert_snapshot!(json("[{\"Id\":1}, 2]"), @"
    [quarantined] `lead.json` is malformed in line 1: an object is expected
     --> lead.json:1:1
      fix: Correct the export, or `format` of stream `crm.lead`
    ");
    insta::assert_snapshot!(json("<html>"), @"
    [quarantined] `lead.json` is malformed in line 1: an object is expected
     --> lead.json:1:1
      fix: Correct the export, or `format` of stream `crm.lead`
    ");
    insta::assert_snapshot!(json("[{\"Id\":1}] x"), @"
    [quarantined] `lead.json` is malformed in line 1: more follows after the array
     --> lead.json:1:1
      fix: Correct the export, or `format` of stream `crm.lead`
    ");
}

// Parquet without its footer, bytes that are no Parquet, and decimals that do not fit.
#[test]
fn broken_parquet() {
    let stream = with(stream("lead.parquet"), Format::Parquet);
    let ids: ArrayRef = Arc::new(StringArray::from(vec!["a", "b"]));
    let bytes = accepted::parquet_bytes(vec![("Id", ids)]);
    insta::assert_snapshot!(refusal(&stream, &bytes[..bytes.len() - 20]), @"
    [quarantined] `lead.parquet` is cut off: its footer is missing
      fix: Export or copy it again, and rename it only when it is whole
    ");
    insta::assert_snapshot!(refusal(&stream, b"Id\n1\n"), @"
    [quarantined] `lead.parquet` is malformed: it is no Parquet file
      fix: Correct the export, or `format` of stream `crm.lead`
    ");
    let fine = Decimal128Array::from(vec![123_456])
        .with_precision_and_scale(10, 6)
        .unwrap();
    let bytes = accepted::parquet_bytes(vec![("Id", Arc::new(fine))]);
    insta::assert_snapshot!(refusal(&stream, &bytes), @"
    [quarantined] `lead.parquet` is malformed: column `Id`, a `Decimal128(10, 6)`, has values that no type here holds
      fix: Export it as text, bigint, double, decimal(18,4), date or timestamp
    ");
}

// Columns that the stream names and the file lacks, all at once, with the nearest name.
#[test]
fn missing_columns() {
    let mut stream = declare(stream("Lead.csv"), "CloseDat", ColumnType::Date, None);
    stream.kind = StreamKind::Snapshot {
        key: "Idd".to_owned(),
        created: Some("CreatedDate".to_owned()),
        modified: None,
    };
    insta::assert_snapshot!(refusal(&stream, b"Id,CloseDate\n1,2026-11-05\n"), @"
    [quarantined] `Lead.csv` has no column `Idd`, the `key` of stream `crm.lead`; did you mean `Id`?
    `Lead.csv` has no column `CreatedDate`, the `created` of stream `crm.lead`
    `Lead.csv` has no column `CloseDat`, which stream `crm.lead` declares; did you mean `CloseDate`?
     --> leadgauge.yaml:7:5
      |
    7 |     lead:
      |     ^
      fix: Write `Id` if that is the column meant; Have `CreatedDate` exported, or name another column; Write `CloseDate` if that is the column meant
    ");
}

// Every column's values that do not fit, with how many, where and their shape; never the values.
#[test]
fn values() {
    let mut stream = declare(stream("Lead.csv"), "Amount", ColumnType::Decimal, None);
    stream = declare(stream, "Closed", ColumnType::Date, None);
    stream = declare(stream, "Score", ColumnType::Bigint, None);
    let text = "Id,Amount,Closed,Score\n\
        1,\"1,000.00\",2026-11-05,65\n\
        2,0.00001,2026-13-05,65\n\
        3,7,2026-11-31,65\n\
        4,$7,2026-11-31,Jane Doe\n\
        5,$8,2026-11-30,65\n";
    insta::assert_snapshot!(refusal(&stream, text.as_bytes()), @"
    [quarantined] Column `Amount` of `Lead.csv` holds 4 values that are no decimal(18,4), as `9,999.99`, in lines 2, 3, 5 and 1 more
    Column `Closed` of `Lead.csv` holds 3 values that are no date, as `9999-99-99`, in lines 3, 4 and 5
    Column `Score` of `Lead.csv` holds a value that is no bigint, as `Aaaa Aaa`, in line 5
     --> Lead.csv:2:1
      fix: Correct the export, or state the columns' types and formats
    ");
}

// Dates that read both ways are ambiguous; dates that read one way still need their format stated.
#[test]
fn slashed_dates() {
    let opened = |kind, values: &str| {
        let stream = declare(stream("Lead.csv"), "opened_at", kind, None);
        refusal(&stream, format!("Id,opened_at\n{values}").as_bytes())
    };
    insta::assert_snapshot!(opened(ColumnType::Date, "1,1/2/2016\n2,12/11/2016\n"), @r#"
    [quarantined] Column `opened_at` of `Lead.csv` is ambiguous: every date, as `9/9/9999`, reads both as day/month and as month/day
     --> Lead.csv:2:1
      fix: Write `format: "%d/%m/%Y"` or `format: "%m/%d/%Y"` for column `opened_at`
    "#);
    insta::assert_snapshot!(opened(ColumnType::Timestamp, "1,1/2/2016 01:16\n2,29/2/2016 01:16\n"), @r#"
    [quarantined] Column `opened_at` of `Lead.csv` needs its format stated: its dates, as `9/9/9999 99:99`, read only as day/month
     --> Lead.csv:2:1
      fix: Write `format: "%d/%m/%Y %H:%M"` for column `opened_at`
    "#);
    insta::assert_snapshot!(opened(ColumnType::Date, "1,10/20/2016\n2,3/1/2017\n"), @r#"
    [quarantined] Column `opened_at` of `Lead.csv` needs its format stated: its dates, as `99/99/9999`, read only as month/day
     --> Lead.csv:2:1
      fix: Write `format: "%m/%d/%Y"` for column `opened_at`
    "#);
}

// A time that the stream names must be one, though nobody declared it.
#[test]
fn named_times() {
    let mut stream = stream("Lead.csv");
    stream.kind = StreamKind::Snapshot {
        key: "Id".to_owned(),
        created: None,
        modified: Some("Updated".to_owned()),
    };
    insta::assert_snapshot!(refusal(&stream, b"Id,Updated\n1,soon\n"), @"
    [quarantined] Column `Updated` of `Lead.csv` holds a value that is no timestamp, as `aaaa`, in line 2
     --> Lead.csv:2:1
      fix: Correct the export, or state the columns' types and formats
    ");
    let stream = declare(stream, "Updated", ColumnType::Bigint, None);
    insta::assert_snapshot!(refusal(&stream, b"Id,Updated\n1,5\n"), @"
    [quarantined] Column `Updated`, the `modified` of stream `crm.lead`, is declared `bigint`
     --> leadgauge.yaml:7:5
      |
    7 |     lead:
      |     ^
      fix: Declare it `date` or `timestamp`
    ");
}

// A type known from earlier extracts is held to.
#[test]
fn known_types() {
    let stream = stream("Lead.csv");
    let first = pull_bytes(&stream, b"Id,Size\n1,200\n", None).unwrap();
    let error = pull_bytes(&stream, b"Id,Size\n1,200+\n", Some(&first.schema)).unwrap_err();
    insta::assert_snapshot!(error.problem(), @"
    Column `Size` of `Lead.csv` holds a value that is no bigint, as `999+`, in line 2
     --> Lead.csv:2:1
      fix: Correct the export, or state the columns' types and formats
    ");
}

// Numbers with a fraction where whole ones stood are refused in a key, in a column that a query reads
// and in one that is declared; what is no number is refused anywhere.
#[test]
fn types_that_do_not_widen() {
    let plain = stream("Lead.csv");
    let first = pull_bytes(&plain, b"Id,Held,Size\n1,200,200\n", None).unwrap();
    let next = |stream: &Stream, bytes: &[u8]| {
        let error = pull_bytes(stream, bytes, Some(&first.schema)).unwrap_err();
        error.problem().to_string()
    };
    insta::assert_snapshot!(next(&plain, b"Id,Held,Size\n1.5,200,5.5\n"), @"
    Column `Id` of `Lead.csv` holds a value that is no bigint, as `9.9`, in line 2
     --> Lead.csv:2:1
      fix: Correct the export, or state the columns' types and formats
    ");
    insta::assert_snapshot!(next(&plain, b"Id,Held,Size\n1,200,1\n2,5.5,5.5\n3,7.5,1\n"), @"
    Column `Held` of `Lead.csv` holds 2 values that are no bigint, as `9.9`, in lines 3 and 4
     --> Lead.csv:3:1
      fix: Correct the export, or state the columns' types and formats
    ");
    insta::assert_snapshot!(next(&plain, b"Id,Held,Size\n1,2,5.5\n2,2,big\n"), @"
    Column `Size` of `Lead.csv` holds 2 values that are no bigint, as `9.9`, in lines 2 and 3
     --> Lead.csv:2:1
      fix: Correct the export, or state the columns' types and formats
    ");
    let declared = declare(plain, "Size", ColumnType::Bigint, None);
    insta::assert_snapshot!(next(&declared, b"Id,Held,Size\n1,2,5.5\n"), @"
    Column `Size` of `Lead.csv` holds a value that is no bigint, as `9.9`, in line 2
     --> Lead.csv:2:1
      fix: Correct the export, or state the columns' types and formats
    ");
}

// Records without a key.
#[test]
fn null_keys() {
    insta::assert_snapshot!(csv("Id,Name\na,1\n,2\n,3\nb,4\n"), @"
    [quarantined] Column `Id` of `Lead.csv` is the stream's `key`, but is empty in lines 3 and 4
     --> Lead.csv:3:1
      fix: Correct the export, or name another column than `Id`
    ");
}
