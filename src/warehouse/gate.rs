//! Judges an extract before it is recorded: by itself, and beside the stream's last complete one.
//!
//! A judgement counts something and fails where it counts more than its threshold. All are made, so
//! that everything that is wrong with an extract is told at once.

use arrow::array::{Array, RecordBatch};
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::log::version::{StreamState, Version, stream_name};
use super::raw::instants;
use super::schema::columns_of;
use crate::clock::day_end;
use crate::config::{Gates, StreamKind};
use crate::sources::Extract;

const DAY: i64 = 86_400_000_000;

/// A judgement, or a mere count where there is no threshold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Check {
    pub(crate) name: String,
    pub(crate) n: u64,
    /// The most that is believed.
    pub(crate) threshold: Option<u64>,
}

/// All that was judged of an extract, and what is not believed.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    pub(crate) checks: Vec<Check>,
    pub(crate) faults: Vec<Fault>,
}

/// Why an extract should not be recorded.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum Fault {
    #[error(
        "`{stream}` fell from {before} rows on {last} to {now}; a fall of more than {percent} % is not believed"
    )]
    Fall {
        stream: String,
        before: u64,
        last: Date,
        now: u64,
        percent: f64,
    },
    #[error(
        "`{stream}` is stale: its newest stamp lies {days} days before the end of {as_of}; at most {max} is believed"
    )]
    Stale {
        stream: String,
        days: u64,
        as_of: Date,
        max: u64,
    },
    #[error(
        "`{stream}` has {future} of its {all} stamps after {as_of}; more than {percent} % are not believed"
    )]
    Future {
        stream: String,
        future: u64,
        all: u64,
        as_of: Date,
        percent: f64,
    },
    #[error(
        "`{column}` of `{stream}` is null in {nulls} of {rows} rows; more than {percent} % are not believed"
    )]
    Nulls {
        stream: String,
        column: String,
        nulls: u64,
        rows: u64,
        percent: f64,
    },
}

impl Check {
    pub(crate) fn counted(name: impl Into<String>, n: u64) -> Self {
        Self {
            name: name.into(),
            n,
            threshold: None,
        }
    }

    pub(crate) fn judged(name: impl Into<String>, n: u64, threshold: u64) -> Self {
        Self {
            threshold: Some(threshold),
            ..Self::counted(name, n)
        }
    }

    /// `passed`, `failed`, or `counted` where nothing is judged.
    pub(crate) fn outcome(&self) -> &'static str {
        match self.threshold {
            None => "counted",
            Some(threshold) if self.n > threshold => "failed",
            Some(_) => "passed",
        }
    }
}

impl Fault {
    /// What to do about it.
    pub(crate) fn fix(&self) -> String {
        match self {
            Self::Fall { stream, .. } => format!(
                "export it again; if so many are really gone, raise `max_fall` of stream `{stream}`"
            ),
            Self::Stale { stream, .. } => format!(
                "see that the export still runs; if so little really happens, raise `max_age` of stream `{stream}`"
            ),
            Self::Future { stream, .. } => format!(
                "see that this is the export of that day, and that zone and format of its stamps are right; else raise `max_future` of stream `{stream}`"
            ),
            Self::Nulls { stream, column, .. } => format!(
                "export it again; if so many are really without it, raise `{column}` in `max_null` of stream `{stream}`"
            ),
        }
    }
}

impl Judged {
    fn add(&mut self, check: Check, fault: impl FnOnce() -> Fault) {
        if check.outcome() == "failed" {
            self.faults.push(fault());
        }
        self.checks.push(check);
    }
}

/// Judges an extract by its stream's gates; `version` is the newest published one.
pub(crate) fn gate(
    extract: &Extract,
    version: Option<&Version>,
    gates: &Gates,
    zone: &TimeZone,
) -> Judged {
    let mut judged = Judged::default();
    let before = version.and_then(|version| version.stream(&stream_name(extract)));
    fall(extract, before, gates, &mut judged);
    stamps(extract, gates, zone, &mut judged);
    nulls(extract, gates, &mut judged);
    judged
}

fn fall(extract: &Extract, before: Option<&StreamState>, gates: &Gates, judged: &mut Judged) {
    let (StreamKind::Snapshot { .. }, Some(state), Some(share)) =
        (&extract.kind, before, gates.max_fall)
    else {
        return;
    };
    let Some(last) = state.before(extract.as_of) else {
        return;
    };
    let (before, now) = (last.rows, rows_of(extract));
    let lost = before.saturating_sub(now);
    let check = Check::judged("max_fall", lost, part(share, before));
    judged.add(check, || Fault::Fall {
        stream: stream_name(extract),
        before,
        last: last.as_of,
        now,
        percent: percent(share),
    });
}

fn stamps(extract: &Extract, gates: &Gates, zone: &TimeZone, judged: &mut Judged) {
    let end = day_end(extract.as_of, zone).as_microsecond();
    let (mut all, mut future, mut newest) = (0, 0, None);
    for stamp in stamps_of(extract, zone).flatten() {
        all += 1;
        future += u64::from(stamp > end);
        // One that lies further ahead is a slip, and says nothing of when the export was made.
        if stamp <= end + DAY {
            newest = newest.max(Some(stamp));
        }
    }
    if let (Some(max), Some(newest)) = (gates.max_age_days.map(u64::from), newest) {
        let days = end.saturating_sub(newest).max(0).cast_unsigned();
        let days = days.div_ceil(DAY.cast_unsigned());
        judged.add(Check::judged("max_age", days, max), || Fault::Stale {
            stream: stream_name(extract),
            days,
            as_of: extract.as_of,
            max,
        });
    }
    if let Some(share) = gates.max_future {
        let check = Check::judged("max_future", future, part(share, all));
        judged.add(check, || Fault::Future {
            stream: stream_name(extract),
            future,
            all,
            as_of: extract.as_of,
            percent: percent(share),
        });
    }
}

/// Every stamp of the columns that the stream's kind names, in microseconds.
fn stamps_of<'a>(
    extract: &'a Extract,
    zone: &'a TimeZone,
) -> impl Iterator<Item = Option<i64>> + 'a {
    let names = match &extract.kind {
        StreamKind::Snapshot {
            created, modified, ..
        }
        | StreamKind::Changes {
            created, modified, ..
        } => [created.as_deref(), modified.as_deref()],
        StreamKind::Events { at, .. } => [at.as_deref(), None],
        StreamKind::FieldHistory { at, .. } => [Some(at.as_str()), None],
    };
    let columns = names.into_iter().flatten().flat_map(|name| {
        let batches = extract.batches.iter();
        batches.filter_map(move |batch| batch.column_by_name(name))
    });
    columns
        .filter_map(|column| instants(column, zone))
        .flat_map(|instants| instants.iter().collect::<Vec<_>>())
}

fn nulls(extract: &Extract, gates: &Gates, judged: &mut Judged) {
    let columns = columns_of("", &extract.schema).unwrap_or_default();
    let rows = rows_of(extract);
    for (name, share) in &gates.max_null {
        let found = columns.iter().position(|column| column.is_called(name));
        // A column that is not there has no value in any row.
        let nulls = found.map_or(rows, |index| {
            let batches = extract.batches.iter();
            let nulls: usize = batches.map(|b| b.column(index).null_count()).sum();
            nulls as u64
        });
        let check = Check::judged(format!("max_null: {name}"), nulls, part(*share, rows));
        judged.add(check, || Fault::Nulls {
            stream: stream_name(extract),
            column: name.clone(),
            nulls,
            rows,
            percent: percent(*share),
        });
    }
}

pub(super) fn rows_of(extract: &Extract) -> u64 {
    let rows: usize = extract.batches.iter().map(RecordBatch::num_rows).sum();
    rows as u64
}

/// The most of `all` that are a share of them; 29 % of 100 are 29, whatever a double makes of it.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a count is no more than the count; no file has 2^52 rows"
)]
fn part(share: f64, all: u64) -> u64 {
    (share * all as f64 + 1e-6).floor() as u64
}

/// A share as it is told, without the dust of doubles.
fn percent(share: f64) -> f64 {
    (share * 1e6).round() / 1e4
}
