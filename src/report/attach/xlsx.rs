//! The rows of every query of a report as one workbook. Text is written as text, so that no cell is
//! ever a formula.

use jiff::civil::DateTime;
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, Worksheet, XlsxError};
use serde_json::{Map, Value};

use super::Attachment;
use super::cell::{Cell, Sheet, sheets};
use super::names::Names;
use crate::config::ColumnType;
use crate::metrics::MetricSet;
use crate::report::ReportError;

const MEDIA_TYPE: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
/// The rows of a sheet, without its header.
const MOST_ROWS: usize = 1_048_575;
/// The characters of a cell, of UTF-16 at the most.
const MOST_TEXT: usize = 32_767;
/// A number with more digits is none to a spreadsheet: it would be rounded.
const MOST_DIGITS: f64 = 999_999_999_999_999.0;
/// The widest column, in pixels; what is wider is cut where the next cell has something.
const WIDEST: u32 = 360;

/// How kinds of cells look.
struct Looks {
    heading: Format,
    whole: Format,
    decimal: Format,
    day: Format,
    instant: Format,
    plain: Format,
}

/// A sheet for each query, with a header that stays in sight and filters.
pub(super) fn workbook(set: &MetricSet) -> Result<Attachment, ReportError> {
    let bytes = written(set).map_err(|why| ReportError::Attachment {
        report: set.report.clone(),
        what: "xlsx".to_owned(),
        why: why.to_string(),
    })?;
    Ok(Attachment::new("xlsx", MEDIA_TYPE, bytes))
}

fn written(set: &MetricSet) -> Result<Vec<u8>, XlsxError> {
    let looks = Looks {
        heading: Format::new().set_bold(),
        whole: Format::new().set_num_format("0"),
        decimal: Format::new().set_num_format("0.00##"),
        day: Format::new().set_num_format("yyyy-mm-dd"),
        instant: Format::new().set_num_format("yyyy-mm-dd hh:mm:ss"),
        plain: Format::new(),
    };
    let mut book = Workbook::new();
    // The day stands for the wall clock, so that the same night makes the same bytes.
    let about = DocProperties::new()
        .set_title(format!("{} {}, {}", set.company, set.report, set.as_of))
        .set_creation_datetime(&instant(set.as_of.at(0, 0, 0, 0))?);
    book.set_properties(&about);
    let mut names = Names::default();
    for sheet in sheets(set) {
        // An empty table has its header all the same.
        let parts = sheet.rows.chunks(MOST_ROWS);
        let parts = parts.chain(sheet.rows.is_empty().then_some(sheet.rows));
        for rows in parts {
            let target = book.add_worksheet().set_name(names.sheet(sheet.query))?;
            fill(target, &sheet, rows, &looks)?;
        }
    }
    book.save_to_buffer()
}

fn fill(
    target: &mut Worksheet,
    sheet: &Sheet<'_>,
    rows: &[Map<String, Value>],
    looks: &Looks,
) -> Result<(), XlsxError> {
    for (column, at) in sheet.columns.iter().zip(0_u16..) {
        target.write_string_with_format(0, at, sheet.heading(column), &looks.heading)?;
        for (row, line) in rows.iter().zip(1_u32..) {
            let look = looks.of(column.1);
            write(target, (line, at), sheet.cell(row, column), look)?;
        }
    }
    target.set_freeze_panes(1, 0)?;
    target.set_repeat_rows(0, 0)?;
    target.set_landscape();
    target.set_print_fit_to_pages(1, 0);
    if let Some(last) = sheet.columns.len().checked_sub(1) {
        let (bottom, last) = (rows.len().try_into(), last.try_into());
        target.autofilter(0, 0, bottom.unwrap_or(u32::MAX), last.unwrap_or(u16::MAX))?;
    }
    target.set_autofit_max_width(WIDEST).autofit();
    Ok(())
}

impl Looks {
    fn of(&self, kind: ColumnType) -> &Format {
        match kind {
            ColumnType::Bigint => &self.whole,
            ColumnType::Decimal => &self.decimal,
            ColumnType::Date => &self.day,
            ColumnType::Timestamp => &self.instant,
            ColumnType::String | ColumnType::Boolean | ColumnType::Double => &self.plain,
        }
    }
}

/// Writes a cell. What a spreadsheet cannot hold as what it is, is text.
fn write(
    target: &mut Worksheet,
    (row, at): (u32, u16),
    cell: Cell<'_>,
    look: &Format,
) -> Result<(), XlsxError> {
    let text = match cell {
        Cell::Empty => return Ok(()),
        Cell::Flag(flag) => return target.write_boolean(row, at, flag).map(drop),
        Cell::Number(value, _) if value.abs() <= MOST_DIGITS => {
            return target
                .write_number_with_format(row, at, value, look)
                .map(drop);
        }
        Cell::Number(_, shown) => shown,
        Cell::Text(text) => cut(text),
        Cell::Day(day) => match instant(day.at(0, 0, 0, 0)) {
            Ok(day) => {
                return target
                    .write_datetime_with_format(row, at, &day, look)
                    .map(drop);
            }
            Err(_) => day.to_string(),
        },
        Cell::At(local) => match instant(local) {
            Ok(local) => {
                return target
                    .write_datetime_with_format(row, at, &local, look)
                    .map(drop);
            }
            Err(_) => local.to_string(),
        },
    };
    target.write_string(row, at, text).map(drop)
}

/// As a spreadsheet counts it, to the second; an error before 1900.
fn instant(local: DateTime) -> Result<ExcelDateTime, XlsxError> {
    // Its count begins with 1900, and what it calls the day before is none.
    let year = u16::try_from(local.year())
        .ok()
        .filter(|year| *year >= 1900);
    let year = year.unwrap_or_default();
    let part = i8::unsigned_abs;
    ExcelDateTime::from_ymd(year, part(local.month()), part(local.day()))?.and_hms(
        u16::from(part(local.hour())),
        part(local.minute()),
        f64::from(local.second()),
    )
}

/// As much of a text as a cell holds; that it is cut shows.
fn cut(text: &str) -> String {
    if text.encode_utf16().count() <= MOST_TEXT {
        return text.to_owned();
    }
    let mut length = 1;
    let fits = |c: &char| {
        length += c.len_utf16();
        length <= MOST_TEXT
    };
    let kept: String = text.chars().take_while(fits).collect();
    kept + "…"
}
