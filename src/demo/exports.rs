//! Writes the exports: for each night a folder for each source, with what that source's export
//! showed when the as-of date had ended. Rows go straight into buffers, so memory does not grow
//! with the company; every night's files are written in one pass over the people.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::DemoError;
use super::calendar::{At, Calendar, Day, marketo_instant, salesforce_instant, to_date};
use super::faults::Faults;
use super::ids::salesforce_id;
use super::record::{Record, Replay};
use super::row::{Cell, Row};
use super::shapes::{Format, KINDS, Kind, Rows};
use crate::fs;

pub(super) struct Exports<'a> {
    calendar: &'a Calendar,
    faults: &'a Faults,
    nights: Vec<Night>,
    row: Row,
}

struct Night {
    as_of: Day,
    close: At,
    snapshots: [Option<Output>; KINDS.len()],
    rows: [Option<Output>; Rows::ALL.len()],
}

/// What a file grows to before it is written on.
const BUFFER: usize = 64 * 1024;

impl<'a> Exports<'a> {
    pub(super) fn create(
        folder: &Path,
        calendar: &'a Calendar,
        faults: &'a Faults,
    ) -> Result<Self, DemoError> {
        let mut nights = Vec::new();
        for (index, as_of) in calendar.nights.iter().enumerate() {
            nights.push(Night::create(folder, calendar, faults, index, *as_of)?);
        }
        Ok(Self {
            calendar,
            faults,
            nights,
            row: Row::new(),
        })
    }

    /// Writes a settled record to every night that shows it, and its history.
    pub(super) fn record(&mut self, record: &Record) -> Result<(), DemoError> {
        self.snapshots(record)?;
        self.history(record)
    }

    fn snapshots(&mut self, record: &Record) -> Result<(), DemoError> {
        let mut replay = Replay::of(record);
        let mut written = None;
        for (index, night) in self.nights.iter_mut().enumerate() {
            let changed = replay.advance(night.close);
            let shown = record.created <= night.close
                && record.shown_from.is_none_or(|from| night.as_of >= from)
                && record.gone_from.is_none_or(|from| night.as_of < from);
            let hidden = self.faults.hidden(index, record.kind);
            if changed || written != Some(hidden) {
                self.row.snapshot(record.kind, &replay.cells, hidden);
                written = Some(hidden);
            }
            if shown && let Some(output) = &mut night.snapshots[record.kind as usize] {
                output.push(self.row.bytes())?;
            }
        }
        Ok(())
    }

    fn history(&mut self, record: &Record) -> Result<(), DemoError> {
        let shape = record.kind.shape();
        let Some(rows) = shape.history else {
            return Ok(());
        };
        let mut state = record.cells.clone();
        for (number, change) in (0_i64..).zip(&record.changes) {
            let old = std::mem::replace(&mut state[change.column], change.value.clone());
            if !shape.tracked.contains(&change.column) {
                continue;
            }
            let id = record.serial * 256 + number;
            let field = shape.columns[change.column];
            self.row.begin(shape.format);
            if shape.format == Format::Csv {
                self.row.text("Id", &salesforce_id("017", id));
                self.row.text("LeadId", record.id());
                self.row.text("Field", field);
                self.row.text("OldValue", &old);
                self.row.text("NewValue", &change.value);
                self.row.text("CreatedDate", &salesforce_instant(change.at));
                self.row.text("CreatedById", &change.by);
            } else {
                self.row.bare("id", &id.to_string());
                self.row.bare("leadId", record.id());
                self.row.text("activityDate", &marketo_instant(change.at));
                self.row.text("attributeName", field);
                self.row.text("oldValue", &old);
                self.row.text("newValue", &change.value);
            }
            let day = self.calendar.company_day(change.at);
            self.finish_row(rows, day.max(record.shown_from.unwrap_or(day)))?;
        }
        Ok(())
    }

    /// Writes one row of an event stream, given as names and values, to the nights whose window
    /// holds the day on which the source came to know it.
    pub(super) fn event(
        &mut self,
        rows: Rows,
        arrived: Day,
        cells: &[(&str, Cell<'_>)],
    ) -> Result<(), DemoError> {
        self.row.begin(rows.format());
        for (name, cell) in cells {
            self.row.cell(name, cell);
        }
        self.finish_row(rows, arrived)
    }

    fn finish_row(&mut self, rows: Rows, arrived: Day) -> Result<(), DemoError> {
        self.row.end();
        let import = self.calendar.import();
        for night in &mut self.nights {
            let within = if night.as_of == import {
                arrived <= import
            } else {
                (night.as_of - rows.window() + 1..=night.as_of).contains(&arrived)
            };
            if within && let Some(output) = &mut night.rows[rows as usize] {
                output.push(self.row.bytes())?;
            }
        }
        Ok(())
    }

    /// Writes what is left in the buffers, and does to the files what befell them. Returns rows
    /// and bytes.
    pub(super) fn finish(mut self) -> Result<(u64, u64), DemoError> {
        let mut total = (0, 0);
        for (index, night) in self.nights.iter_mut().enumerate() {
            if self.faults.truncated(index)
                && let Some(output) = &mut night.snapshots[Kind::Opportunity as usize]
            {
                output.cut_short()?;
            }
            for output in night.snapshots.iter_mut().chain(&mut night.rows).flatten() {
                output.flush()?;
                total = (total.0 + output.rows, total.1 + output.bytes);
            }
        }
        Ok(total)
    }
}

impl Night {
    fn create(
        folder: &Path,
        calendar: &Calendar,
        faults: &Faults,
        index: usize,
        as_of: Day,
    ) -> Result<Self, DemoError> {
        let mut night = Self {
            as_of,
            close: calendar.close(as_of),
            snapshots: [const { None }; KINDS.len()],
            rows: [const { None }; Rows::ALL.len()],
        };
        let date = to_date(as_of).to_string();
        let open = |source: &str, file: &str, header: &str| {
            if faults.missing(index, source) {
                return Ok(None);
            }
            let path = folder.join("exports").join(source).join(&date).join(file);
            Output::create(path, header).map(Some)
        };
        for (kind, output) in KINDS.into_iter().zip(&mut night.snapshots) {
            let shape = kind.shape();
            let header = header(kind, faults.hidden(index, kind));
            *output = open(shape.source, shape.file, &header)?;
        }
        for (rows, output) in Rows::ALL.into_iter().zip(&mut night.rows) {
            let (source, file, header) = rows.file();
            *output = open(source, file, header)?;
        }
        Ok(night)
    }
}

fn header(kind: Kind, hidden: u64) -> String {
    let shape = kind.shape();
    if shape.format == Format::Ndjson {
        return String::new();
    }
    let mut names = Vec::new();
    for (index, name) in shape.columns.iter().enumerate() {
        if hidden >> index & 1 == 0 {
            names.push(*name);
        }
    }
    names.join(",") + "\n"
}

/// A file that is being written.
struct Output {
    path: PathBuf,
    file: File,
    buffer: Vec<u8>,
    rows: u64,
    bytes: u64,
}

impl Output {
    fn create(path: PathBuf, header: &str) -> Result<Self, DemoError> {
        let file = fs::create(&path)?;
        let mut output = Self {
            path,
            file,
            buffer: Vec::with_capacity(1024),
            rows: 0,
            bytes: 0,
        };
        output.append(header.as_bytes())?;
        Ok(output)
    }

    fn push(&mut self, row: &[u8]) -> Result<(), DemoError> {
        self.rows += 1;
        self.append(row)
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), DemoError> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= BUFFER {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), DemoError> {
        let written = self.file.write_all(&self.buffer);
        written.map_err(|source| self.failed(source))?;
        self.bytes += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Loses the last two fifths, the last row that stays in part among them.
    fn cut_short(&mut self) -> Result<(), DemoError> {
        self.flush()?;
        let kept = self.bytes * 3 / 5;
        let mut last = [0];
        let cut = self
            .file
            .seek(SeekFrom::Start(kept.saturating_sub(1)))
            .and_then(|_| self.file.read_exact(&mut last))
            .and_then(|()| {
                let at_row_end = last == *b"\n";
                self.file.set_len(kept - if at_row_end { 5 } else { 0 })
            });
        cut.map_err(|source| self.failed(source))
    }

    fn failed(&self, source: std::io::Error) -> DemoError {
        DemoError::Write {
            path: self.path.clone(),
            source,
        }
    }
}
