//! What is in the files, read back by other means than those that wrote them.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use jiff::civil::date;
use serde_json::{Map, Value, json};
use zip::ZipArchive;

use super::*;
use crate::config::ColumnType::{
    self, Bigint, Boolean, Date as Day, Decimal, String as Text, Timestamp,
};
use crate::config::SignOff;
use crate::metrics::Limits;

/// What a hostile CRM may hold.
const HOSTILE: [&str; 12] = [
    "=1+1",
    "+49 30 1",
    "-2+3",
    "@SUM(A1)",
    "\tx",
    "\r=1",
    "  =1",
    "\u{ff1d}1",
    "a;=1",
    "a\"b,\nc",
    "März 报告",
    "'=1",
];

fn set(columns: &[(&str, ColumnType)], rows: Value) -> MetricSet {
    let rows: Vec<Map<String, Value>> = serde_json::from_value(rows).unwrap();
    let columns = columns
        .iter()
        .map(|(name, kind)| ((*name).to_owned(), *kind));
    MetricSet {
        report: "daily".to_owned(),
        company: "Acme".to_owned(),
        as_of: date(2026, 11, 19),
        zone: "America/New_York".to_owned(),
        definition: "2026-q4".to_owned(),
        sign_off: SignOff::default(),
        limits: Limits::default(),
        tables: BTreeMap::from([("stages".to_owned(), rows)]),
        columns: BTreeMap::from([("stages".to_owned(), columns.collect())]),
    }
}

fn typed() -> MetricSet {
    let columns = [
        ("day", Day),
        ("at", Timestamp),
        ("n", Bigint),
        ("amount", Decimal),
        ("won", Boolean),
        ("name", Text),
    ];
    set(
        &columns,
        json!([
            {"day": "2026-11-19", "at": "2026-11-19T17:30:00Z", "n": -31, "amount": 1200.5,
             "won": true, "name": "x"},
            {"day": "1899-12-31", "at": null, "n": 9_007_199_254_740_993_i64, "amount": null,
             "won": false, "name": null},
        ]),
    )
}

fn part(book: &[u8], name: &str) -> String {
    let mut packed = ZipArchive::new(Cursor::new(book)).unwrap();
    let mut text = String::new();
    packed
        .by_name(name)
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    text
}

fn lines(set: &MetricSet) -> Vec<Vec<String>> {
    let files = csv::files(set).unwrap();
    let text = files[0].bytes.strip_prefix("\u{feff}".as_bytes()).unwrap();
    let mut reader = ::csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(text);
    let lines = reader
        .records()
        .map(|line| line.unwrap().iter().map(str::to_owned).collect());
    lines.collect()
}

// CSV holds what the query gave: dates and numbers as such, instants in the company's zone, which the
// header names; null is empty.
#[test]
fn csv_holds_the_rows() {
    assert_eq!(
        lines(&typed()),
        [
            ["day", "at (America/New_York)", "n", "amount", "won", "name"],
            [
                "2026-11-19",
                "2026-11-19 12:30:00",
                "-31",
                "1200.5",
                "true",
                "x"
            ],
            ["1899-12-31", "", "9007199254740993", "", "false", ""],
        ]
    );
    let bytes = csv::files(&typed()).unwrap().remove(0).bytes;
    let text = std::str::from_utf8(&bytes).unwrap();
    assert!(
        text.contains("\"2026-11-19 12:30:00\",-31,1200.5,\"true\",\"x\"\r\n"),
        "{text}"
    );
}

// No text of a CSV file begins as a formula does, in its header neither, and none is lost.
#[test]
fn csv_holds_no_formula() {
    let rows: Vec<Value> = HOSTILE.iter().map(|text| json!({"=name": text})).collect();
    let lines = lines(&set(&[("=name", Text)], json!(rows)));
    assert_eq!(lines[0], ["'=name"]);
    for (line, text) in lines[1..].iter().zip(HOSTILE) {
        assert_eq!(
            line[0].trim_start_matches('\''),
            text.trim_start_matches('\'')
        );
        let first = line[0].trim_start().chars().next().unwrap();
        assert!(!"=+-@\u{ff1d}".contains(first), "{line:?}");
    }
    assert_eq!(lines.len(), HOSTILE.len() + 1);
}

// A workbook has numbers, dates and truth values as such, strings as strings, and no formula at all.
#[test]
fn a_workbook_is_typed() {
    let book = xlsx::workbook(&typed()).unwrap().bytes;
    let sheet = part(&book, "xl/worksheets/sheet1.xml");
    // 19 November 2026, and half past noon of it in New York.
    for cell in [
        "<v>46345</v>",
        "<v>46345.520833333",
        "<v>-31</v>",
        "<v>1200.5</v>",
        "t=\"b\"><v>1</v>",
    ] {
        assert!(sheet.contains(cell), "{cell}: {sheet}");
    }
    assert!(sheet.contains("state=\"frozen\""));
    assert!(sheet.contains("<autoFilter ref=\"A1:F3\"/>"));
    let texts = part(&book, "xl/sharedStrings.xml");
    for text in ["at (America/New_York)", "1899-12-31", "9007199254740993"] {
        assert!(texts.contains(text), "{text}: {texts}");
    }
    let rows: Vec<Value> = HOSTILE.iter().map(|text| json!({"name": text})).collect();
    let book = xlsx::workbook(&set(&[("name", Text)], json!(rows)))
        .unwrap()
        .bytes;
    let sheet = part(&book, "xl/worksheets/sheet1.xml");
    assert!(!sheet.contains("<f>"), "{sheet}");
    assert_eq!(sheet.matches("t=\"s\"").count(), HOSTILE.len() + 1);
}

// The same figures are the same bytes, whatever the clock says.
#[test]
fn the_same_figures_are_the_same_bytes() {
    let first = xlsx::workbook(&typed()).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(2100));
    assert_eq!(first, xlsx::workbook(&typed()).unwrap());
}

// A query without rows or without columns has its sheet and its file all the same.
#[test]
fn nothing_is_a_file_too() {
    for columns in [&[("n", Bigint)][..], &[]] {
        let empty = set(columns, json!([]));
        let book = xlsx::workbook(&empty).unwrap().bytes;
        assert!(part(&book, "xl/workbook.xml").contains("name=\"stages\""));
        assert_eq!(csv::files(&empty).unwrap()[0].suffix, "stages.csv");
    }
}

// Text that no cell can hold is cut, and shows it.
#[test]
fn long_text_is_cut() {
    let long = "𝔸".repeat(20_000);
    let book = xlsx::workbook(&set(&[("name", Text)], json!([{"name": long}]))).unwrap();
    let texts = part(&book.bytes, "xl/sharedStrings.xml");
    assert_eq!(texts.matches('𝔸').count(), 16_383);
    assert!(texts.contains("𝔸…"));
}

// What a mail says of a file stands in both its parts, before the end of the page, and escaped.
#[test]
fn a_mail_tells_what_it_lacks() {
    let templates = crate::report::Templates::load(std::path::Path::new("no-such-folder")).unwrap();
    let mut rendered =
        crate::report::render(&crate::report::example::full("daily"), &templates).unwrap();
    let note = Note {
        says: "daily.xlsx <b> is too large. It is here:".to_owned(),
        url: Some("https://reports.example.com/archive/2026-11-19-0a1b2c3d/daily.xlsx".to_owned()),
    };
    tell(&mut rendered, &[note], &templates).unwrap();
    let url = "https://reports.example.com/archive/2026-11-19-0a1b2c3d/daily.xlsx";
    assert!(
        rendered
            .mail_html
            .contains("daily.xlsx &lt;b&gt; is too large.")
    );
    assert!(rendered.mail_html.contains(&format!("href=\"{url}\"")));
    assert!(rendered.mail_html.trim_end().ends_with("</html>"));
    let text = format!("\n\nNOT ATTACHED\n\n* daily.xlsx <b> is too large. It is here:\n  {url}\n");
    assert!(
        rendered.mail_text.ends_with(&text),
        "{}",
        rendered.mail_text
    );
}
