//! A baseline: the measures of a window, frozen with the hash of the definition that made them.
//!
//! A baseline never changes: its rows are added once to the append-only table `baseline`, and a
//! name that is taken is refused. It is frozen from the relations that `measure` leaves registered.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use jiff::ToSpan;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{MetricsError, inputs, measured, rows};
use crate::config::{ColumnType, Config};
use crate::problem::Problem;
use crate::warehouse::query::relation::load;
use crate::warehouse::{Frame, Session, batch_of, schema_of};

/// The columns of `baseline`; what the measures are, `queries/baseline/baseline_row.sql` says.
pub(super) const COLUMNS: [(&str, ColumnType); 18] = [
    ("baseline", ColumnType::String),
    ("definition", ColumnType::String),
    ("definition_hash", ColumnType::String),
    ("commit_no", ColumnType::Bigint),
    ("first_day", ColumnType::Date),
    ("last_day", ColumnType::Date),
    ("imported", ColumnType::Boolean),
    ("horizon_days", ColumnType::Bigint),
    ("measure", ColumnType::String),
    ("stage", ColumnType::String),
    ("to_stage", ColumnType::String),
    ("dimension", ColumnType::String),
    ("member", ColumnType::String),
    ("period_start", ColumnType::Date),
    ("n", ColumnType::Bigint),
    ("converted", ColumnType::Bigint),
    ("value", ColumnType::Double),
    ("durations", ColumnType::String),
];

const WINDOW: [(&str, ColumnType); 2] = [
    ("first_day", ColumnType::Date),
    ("last_day", ColumnType::Date),
];

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Freeze<'a> {
    pub(crate) name: &'a str,
    /// First and last day; none: the twelve full months up to the as-of date.
    pub(crate) window: Option<(Date, Date)>,
    /// The commit whose history it is made from.
    pub(crate) commit_no: u64,
    /// Whether imported history will do.
    pub(crate) imported: bool,
}

/// A new baseline: the rows to be added to the table `baseline`.
#[derive(Debug)]
pub(crate) struct Frozen {
    pub(crate) first_day: Date,
    pub(crate) last_day: Date,
    pub(crate) rows: usize,
    pub(crate) schema: SchemaRef,
    pub(crate) batches: Vec<RecordBatch>,
}

/// The baselines there are, one row each, by name.
pub(crate) async fn baselines(session: &Session) -> Result<Frame, MetricsError> {
    if !session.tables().contains("baseline") {
        inputs::table::<()>(session, "baseline", &COLUMNS, &[])?;
    }
    let sql =
        "select distinct baseline, definition, definition_hash, commit_no, first_day, last_day,
                      imported, horizon_days
               from baseline order by baseline";
    Ok(session.query("baselines", sql).await?)
}

/// Freezes the measures of a window under a name. Nothing is registered or written: comparisons see
/// the baseline once its rows are in the table `baseline`.
pub(crate) async fn freeze(
    session: &Session,
    config: &Config,
    freeze: &Freeze<'_>,
) -> Result<Frozen, MetricsError> {
    let names: Vec<Named> = baselines(session).await?.rows()?;
    if names.iter().any(|it| it.baseline == freeze.name) {
        return Err(refused(taken(freeze.name)));
    }
    measured(session, config).await?;
    let (first_day, last_day) = window(session, freeze).await?;
    let imported = reaches_back(session, freeze, first_day).await?;
    let head = Head {
        baseline: freeze.name,
        definition: &config.funnel.definition,
        definition_hash: &config.funnel.hash,
        commit_no: freeze.commit_no,
        first_day,
        last_day,
        imported,
        horizon_days: config.metrics.horizon_days,
    };
    let measured = figures(session, config, (first_day, last_day)).await?;
    let all: Vec<Row<'_>> = measured
        .into_iter()
        .map(|measured| Row { head, measured })
        .collect();
    let schema = schema_of(&COLUMNS);
    let batch = batch_of(&schema, &all).map_err(rows("baseline"))?;
    Ok(Frozen {
        first_day,
        last_day,
        rows: all.len(),
        schema,
        batches: vec![batch],
    })
}

#[derive(Deserialize)]
struct Named {
    baseline: String,
}

/// The part of a row that all rows of one baseline share.
#[derive(Clone, Copy, Serialize)]
struct Head<'a> {
    baseline: &'a str,
    definition: &'a str,
    definition_hash: &'a str,
    commit_no: u64,
    first_day: Date,
    last_day: Date,
    imported: bool,
    horizon_days: Option<u32>,
}

#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    head: Head<'a>,
    #[serde(flatten)]
    measured: Measured,
}

/// A row of `queries/baseline/baseline_row.sql`.
#[derive(Deserialize, Serialize)]
struct Measured {
    measure: String,
    stage: String,
    to_stage: Option<String>,
    dimension: Option<String>,
    member: Option<String>,
    period_start: Option<Date>,
    n: i64,
    converted: Option<i64>,
    value: Option<f64>,
    durations: Option<String>,
}

#[derive(Serialize)]
struct Window {
    first_day: Date,
    last_day: Date,
}

async fn figures(
    session: &Session,
    config: &Config,
    (first_day, last_day): (Date, Date),
) -> Result<Vec<Measured>, MetricsError> {
    let window = Window {
        first_day,
        last_day,
    };
    inputs::table(session, "baseline_window", &WINDOW, &[window])?;
    let mut all = Vec::new();
    for relation in load("baseline", &config.queries)? {
        all.extend(session.run(&relation).await?.rows()?);
    }
    Ok(all)
}

/// The window asked for, if it has passed; else the twelve full months up to the as-of date.
async fn window(session: &Session, freeze: &Freeze<'_>) -> Result<(Date, Date), MetricsError> {
    let known = inputs::known(session).await?;
    let (first_day, last_day) = freeze.window.unwrap_or_else(|| twelve_months(known.as_of));
    if first_day > last_day || last_day > known.as_of {
        let wrong = window_wrong(freeze.name, first_day, last_day, known.as_of);
        return Err(refused(wrong));
    }
    Ok((first_day, last_day))
}

/// The twelve full months that have ended by `as_of`.
fn twelve_months(as_of: Date) -> (Date, Date) {
    let last = if as_of == as_of.last_of_month() {
        as_of
    } else {
        as_of.first_of_month().saturating_sub(1.day())
    };
    (last.first_of_month().saturating_sub(11.months()), last)
}

#[derive(Deserialize)]
struct Reach {
    stage: String,
    /// The first observed entry.
    first_on: Option<Date>,
    /// The first that was not imported.
    watched_on: Option<Date>,
}

/// Whether the window rests on imported history; refused when nothing is known of its beginning, or
/// when imported history is not allowed.
async fn reaches_back(
    session: &Session,
    freeze: &Freeze<'_>,
    first_day: Date,
) -> Result<bool, MetricsError> {
    let reach: Vec<Reach> = session.query("reach of history", REACH).await?.rows()?;
    let known = reach.iter().filter_map(|stage| stage.first_on).min();
    if known.is_none_or(|day| day > first_day) {
        return Err(refused(too_short(freeze.name, first_day, known)));
    }
    let unwatched = |it: &&Reach| it.watched_on.is_none_or(|day| day > first_day);
    match reach.iter().find(unwatched) {
        Some(stage) if !freeze.imported => Err(refused(unseen(freeze.name, first_day, stage))),
        found => Ok(found.is_some()),
    }
}

/// An entry that became known after its day without being late came with a stream's first extract.
const REACH: &str = "
    select
        s.id as stage, min(e.entered_on) as first_on,
        min(e.entered_on) filter (where e.late or local_date(e.known_at) <= e.entered_on) as watched_on
    from stage s
    left join entry e on e.stage = s.id and e.observed
    group by s.id, s.stage_order
    order by s.stage_order";

fn refused(problem: Problem) -> MetricsError {
    MetricsError::Refused(Box::new(problem))
}

fn taken(name: &str) -> Problem {
    Problem::new(format!("There is a baseline `{name}` already"))
        .why("a baseline never changes")
        .fix("freeze another under a new name")
}

fn window_wrong(name: &str, first_day: Date, last_day: Date, as_of: Date) -> Problem {
    Problem::new(format!(
        "Baseline `{name}` cannot be frozen: its window, {first_day} to {last_day}, is empty or does not end by {as_of}"
    ))
    .fix("name a first and a last day that have passed")
}

fn too_short(name: &str, first_day: Date, known: Option<Date>) -> Problem {
    let found = known.map_or_else(
        || "no entry is known".to_owned(),
        |day| format!("the first entry known is of {day}"),
    );
    Problem::new(format!(
        "Baseline `{name}` cannot be frozen: its window begins on {first_day}, and {found}"
    ))
    .why("months without history would count as months without entries")
    .fix("name a window that begins later, or wait")
}

fn unseen(name: &str, first_day: Date, stage: &Reach) -> Problem {
    let found = stage.watched_on.map_or_else(
        || "was never watched".to_owned(),
        |day| format!("was watched only from {day}"),
    );
    Problem::new(format!(
        "Baseline `{name}` cannot be frozen: its window begins on {first_day}, and stage `{}` {found}",
        stage.stage
    ))
    .why("what came before was imported, and may lack what the source did not keep")
    .fix("allow imported history; every comparison will then say so")
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    /// The months are full ones; the as-of date's own month counts when it ends on that day.
    #[test]
    fn twelve_full_months() {
        let year = (date(2025, 11, 1), date(2026, 10, 31));
        assert_eq!(twelve_months(date(2026, 11, 19)), year);
        assert_eq!(twelve_months(date(2026, 10, 31)), year);
        assert_eq!(
            twelve_months(date(2028, 3, 15)),
            (date(2027, 3, 1), date(2028, 2, 29))
        );
    }
}
