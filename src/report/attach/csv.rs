//! The rows of a query as CSV, as RFC 4180 has it, for spreadsheets and programs alike.
//!
//! A byte order mark comes first, since Excel otherwise reads UTF-8 in the machine's old encoding.
//! Everything but numbers is quoted, so that a spreadsheet whose separator is `;` parts no cell. Text
//! that a spreadsheet would run as a formula gets an apostrophe in front; numbers stay numbers.

use csv::{QuoteStyle, Terminator, WriterBuilder};

use super::Attachment;
use super::cell::{Cell, Sheet, sheets};
use super::names::Names;
use crate::metrics::MetricSet;
use crate::report::ReportError;

const MARK: &str = "\u{feff}";

/// What a formula may begin with, the wide forms included that some spreadsheets take alike.
const FORMULA: [char; 11] = [
    '=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
];

/// A file for each query, `<query>.csv`.
pub(super) fn files(set: &MetricSet) -> Result<Vec<Attachment>, ReportError> {
    let mut names = Names::default();
    let mut files = Vec::new();
    for sheet in sheets(set) {
        let bytes = written(&sheet).map_err(|why| ReportError::Attachment {
            report: set.report.clone(),
            what: format!("{}.csv", sheet.query),
            why: why.to_string(),
        })?;
        let suffix = format!("{}.csv", names.file(sheet.query));
        files.push(Attachment::new(&suffix, "text/csv; charset=utf-8", bytes));
    }
    Ok(files)
}

fn written(sheet: &Sheet<'_>) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let mut writer = WriterBuilder::new()
        .quote_style(QuoteStyle::NonNumeric)
        .terminator(Terminator::CRLF)
        .from_writer(MARK.as_bytes().to_vec());
    let headings = sheet
        .columns
        .iter()
        .map(|column| safe(&sheet.heading(column)));
    writer.write_record(headings)?;
    for row in sheet.rows {
        let cells = sheet
            .columns
            .iter()
            .map(|column| shown(sheet.cell(row, column)));
        writer.write_record(cells)?;
    }
    Ok(writer.into_inner()?)
}

fn shown(cell: Cell<'_>) -> String {
    match cell {
        Cell::Empty => String::new(),
        Cell::Text(text) => safe(text),
        Cell::Number(_, number) => number,
        Cell::Flag(flag) => flag.to_string(),
        Cell::Day(day) => day.to_string(),
        Cell::At(at) => at.strftime("%Y-%m-%d %H:%M:%S").to_string(),
    }
}

/// Text that no spreadsheet runs.
fn safe(text: &str) -> String {
    let first = text.trim_start_matches(' ').chars().next();
    if first.is_some_and(|first| FORMULA.contains(&first)) {
        return format!("'{text}");
    }
    text.to_owned()
}
