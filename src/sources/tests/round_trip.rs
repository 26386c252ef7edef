//! What is written comes back.

use arrow::array::{Array, AsArray};
use proptest::prelude::*;

use super::*;

fn field() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9 ]{0,6}",
        "[\"\n\r,;\t'|\\\\]{0,5}",
        any::<String>(),
        Just("\u{feff}é漢🙂".to_owned()),
    ]
}

fn written(rows: &[[String; 3]], quote: csv::QuoteStyle, end: csv::Terminator) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new()
        .quote_style(quote)
        .terminator(end)
        .from_writer(Vec::new());
    writer.write_record(["Id", "a", "b", "c"]).unwrap();
    for (id, row) in rows.iter().enumerate() {
        let id = id.to_string();
        let record = std::iter::once(&id).chain(row);
        writer.write_record(record).unwrap();
    }
    writer.into_inner().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    // Rows written as CSV, with quotes, line breaks and any Unicode, come back as they were.
    #[test]
    fn csv_round_trip(
        rows in prop::collection::vec([field(), field(), field()], 0..12),
        always in any::<bool>(),
        crlf in any::<bool>(),
    ) {
        let quote = if always { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary };
        let end = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let mut stream = stream("Lead.csv");
        for column in ["a", "b", "c"] {
            stream = declare(stream, column, ColumnType::String, None);
        }
        let extract = pull_bytes(&stream, &written(&rows, quote, end), None).unwrap();
        let mut back = Vec::new();
        for batch in &extract.batches {
            for row in 0..batch.num_rows() {
                back.push([1, 2, 3].map(|column| {
                    let column = batch.column(column).as_string::<i32>();
                    if column.is_null(row) { String::new() } else { column.value(row).to_owned() }
                }));
            }
        }
        prop_assert_eq!(back, rows);
    }
}
