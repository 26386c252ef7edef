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
    insta::assert_snapshot!(error.problem(), @"");
}

// A folder that cannot be read is told from one that is not there.
#[test]
fn unreadable() {
    let folder = tempfile::tempdir().unwrap();
    crate::fs::write(&folder.path().join("2026-11-05"), b"").unwrap();
    let error = pull_from(folder.path(), &stream("{date}/Lead.csv"), None).unwrap_err();
    assert!(!error.transient());
    insta::assert_snapshot!(unplaced(error, folder.path()).problem(), @"");
}

// A path that cannot be followed.
#[test]
fn path_pattern() {
    insta::assert_snapshot!(refusal(&stream("{day}/Lead.csv"), b"Id\n1\n"), @"");
    insta::assert_snapshot!(refusal(&stream("{date/Lead.csv"), b"Id\n1\n"), @"");
}

// No bytes, no header, no rows where there is no header.
#[test]
fn empty() {
    insta::assert_snapshot!(csv(""), @"");
    insta::assert_snapshot!(csv("\n\r\n"), @"");
    insta::assert_snapshot!(ndjson("\n"), @"");
}

// A header that parses as one column tells which delimiter was meant.
#[test]
fn wrong_delimiter() {
    insta::assert_snapshot!(csv("Id;Name;Note\n1;a;b\n"), @"");
    insta::assert_snapshot!(csv("Id\tName\n1\ta\n"), @"");
}

// Rows with more or fewer columns than the header, placed past quoted line breaks.
#[test]
fn column_counts() {
    insta::assert_snapshot!(csv("Id,Note\r\n1,\"a\r\nb\"\r\n\r\n2,b,c\r\n3\r\n4,d\r\n"), @"");
}

// A last line that breaks off, an open quote and a cut character are a file cut off.
#[test]
fn cut_csv() {
    insta::assert_snapshot!(csv("Id,Name,Note\n1,a,b\n2,c"), @"");
    insta::assert_snapshot!(csv("Id,Note\n1,a\n2,\"b\nc"), @"");
    let cut = refusal(&stream("Lead.csv"), b"Id,Name\n1,Zo\xc3");
    insta::assert_snapshot!(cut, @"");
}

// Bytes that are not of the encoding.
#[test]
fn malformed_bytes() {
    insta::assert_snapshot!(refusal(&stream("Lead.csv"), b"Id,Name\n1,a\n2,Zo\xeb\n3,b\n"), @"");
    let mut stream = stream("Lead.csv");
    stream.encoding = "shift_jis".to_owned();
    insta::assert_snapshot!(refusal(&stream, b"Id,Name\n1,\x83\xff\n2,b\n"), @"");
    stream.encoding = "utf-61".to_owned();
    insta::assert_snapshot!(refusal(&stream, b"Id\n1\n"), @"");
}

// Compressed data that ends early, is broken, or is not what the stream says.
#[test]
fn cut_compression() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(b"Id,Name\n1,a\n2,b\n").unwrap();
    let gzip = encoder.finish().unwrap();
    let mut stream = stream("Lead.csv.gz");
    insta::assert_snapshot!(refusal(&stream, &gzip), @"");
    stream.compression = Compression::Gzip;
    insta::assert_snapshot!(refusal(&stream, &gzip[..gzip.len() - 9]), @"");
    let mut broken = gzip.clone();
    let checksum = broken.len() - 6;
    broken[checksum] ^= 0xff;
    insta::assert_snapshot!(refusal(&stream, &broken), @"");
    stream.compression = Compression::Zstd;
    let zstd = zstd::encode_all(&b"Id,Name\n1,a\n2,b\n"[..], 1).unwrap();
    insta::assert_snapshot!(refusal(&stream, &zstd[..zstd.len() - 3]), @"");
}

// NDJSON whose last line breaks off is cut off; a broken line before is malformed.
#[test]
fn broken_ndjson() {
    insta::assert_snapshot!(ndjson("{\"Id\":1}\n{\"Id\":2,\"na"), @"");
    insta::assert_snapshot!(ndjson("{\"Id\":1}\n{\"Id\":2,\"na\n{\"Id\":3}\n"), @"");
    insta::assert_snapshot!(ndjson("{\"Id\":1}\n[2]\n"), @"");
    insta::assert_snapshot!(ndjson("{\"Id\":1} {\"Id\":2}\n"), @"");
    insta::assert_snapshot!(ndjson("{\"Id\":1,\"Id\":2}\n"), @"");
}

// JSON that is not closed is cut off; what is no object is malformed.
#[test]
fn broken_json() {
    insta::assert_snapshot!(json("[\n{\"Id\":1},\n{\"Id\":2}\n"), @"");
    insta::assert_snapshot!(json("[{\"Id\":1}, 2]"), @"");
    insta::assert_snapshot!(json("<html>"), @"");
    insta::assert_snapshot!(json("[{\"Id\":1}] x"), @"");
}

// Parquet without its footer, bytes that are no Parquet, and decimals that do not fit.
#[test]
fn broken_parquet() {
    let stream = with(stream("lead.parquet"), Format::Parquet);
    let ids: ArrayRef = Arc::new(StringArray::from(vec!["a", "b"]));
    let bytes = accepted::parquet_bytes(vec![("Id", ids)]);
    insta::assert_snapshot!(refusal(&stream, &bytes[..bytes.len() - 20]), @"");
    insta::assert_snapshot!(refusal(&stream, b"Id\n1\n"), @"");
    let fine = Decimal128Array::from(vec![123_456])
        .with_precision_and_scale(10, 6)
        .unwrap();
    let bytes = accepted::parquet_bytes(vec![("Id", Arc::new(fine))]);
    insta::assert_snapshot!(refusal(&stream, &bytes), @"");
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
    insta::assert_snapshot!(refusal(&stream, b"Id,CloseDate\n1,2026-11-05\n"), @"");
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
    insta::assert_snapshot!(refusal(&stream, text.as_bytes()), @"");
}

// Dates that read both ways are ambiguous; dates that read one way still need their format stated.
#[test]
fn slashed_dates() {
    let opened = |kind, values: &str| {
        let stream = declare(stream("Lead.csv"), "opened_at", kind, None);
        refusal(&stream, format!("Id,opened_at\n{values}").as_bytes())
    };
    insta::assert_snapshot!(opened(ColumnType::Date, "1,1/2/2016\n2,12/11/2016\n"), @"");
    insta::assert_snapshot!(opened(ColumnType::Timestamp, "1,1/2/2016 01:16\n2,29/2/2016 01:16\n"), @"");
    insta::assert_snapshot!(opened(ColumnType::Date, "1,10/20/2016\n2,3/1/2017\n"), @"");
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
    insta::assert_snapshot!(refusal(&stream, b"Id,Updated\n1,soon\n"), @"");
    let stream = declare(stream, "Updated", ColumnType::Bigint, None);
    insta::assert_snapshot!(refusal(&stream, b"Id,Updated\n1,5\n"), @"");
}

// A type known from earlier extracts is held to.
#[test]
fn known_types() {
    let stream = stream("Lead.csv");
    let first = pull_bytes(&stream, b"Id,Size\n1,200\n", None).unwrap();
    let error = pull_bytes(&stream, b"Id,Size\n1,200+\n", Some(&first.schema)).unwrap_err();
    insta::assert_snapshot!(error.problem(), @"");
}

// Records without a key.
#[test]
fn null_keys() {
    insta::assert_snapshot!(csv("Id,Name\na,1\n,2\n,3\nb,4\n"), @"");
}
