//! A baseline: the measures of a window, frozen with the hash of the definition that made them.
//!
//! A baseline never changes: its rows are added once to the append-only table `baseline`, and a
//! name that is taken is refused. It is frozen from the relations that `measure` leaves registered.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use jiff::ToSpan;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{MetricsError, inputs, measured, rows};
use crate::config::{ColumnType, Config};
use crate::problem::Problem;
use crate::warehouse::query::relation::load;
use crate::warehouse::{Frame, Session, schema_of};

/// The columns of `baseline`; what the measures are, `queries/baseline/baseline_row.sql` says.
pub(super) const COLUMNS: [(&str, ColumnType); 20] = [
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
    ("age_days", ColumnType::Bigint),
    ("n", ColumnType::Bigint),
    ("converted", ColumnType::Bigint),
    ("value", ColumnType::Double),
    ("durations", ColumnType::String),
    ("observed_from", ColumnType::Date),
];

/// How many of them all rows of one baseline share.
const HEAD: usize = 8;

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
    let imported = reaches_back(session, config, freeze, first_day).await?;
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
    inputs::table(session, "baseline_head", &COLUMNS[..HEAD], &[head])?;
    let frame = run(session, config, "baseline_row").await?;
    let schema = schema_of(&COLUMNS);
    let batches = frame.batches.iter();
    let batches = batches
        .map(|batch| RecordBatch::try_new(Arc::clone(&schema), batch.columns().to_vec()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(rows("baseline"))?;
    Ok(Frozen {
        first_day,
        last_day,
        rows: frame.len(),
        schema,
        batches,
    })
}

/// What a baseline says of itself and of each stage, every member and the total: entries, what
/// converted within its horizon, and the median days. By name; a name that is not there is refused.
pub(crate) async fn show(session: &Session, name: &str) -> Result<Frame, MetricsError> {
    known_name(session, name).await?;
    let sql = format!(
        "select measure, stage, to_stage, dimension, member, n, converted, value, observed_from
         from baseline
         where baseline = '{name}' and measure in ('stage', 'volume', 'conversion', 'duration')
         order by measure, stage, to_stage, dimension nulls first, member"
    );
    Ok(session.query("baseline", &sql).await?)
}

/// Refuses a baseline that is not there.
pub(super) async fn known_name(session: &Session, name: &str) -> Result<(), MetricsError> {
    let names: Vec<Named> = baselines(session).await?.rows()?;
    if names.iter().any(|it| it.baseline == name) {
        return Ok(());
    }
    let problem = Problem::new(format!("There is no baseline `{name}`"));
    let fix = if names.is_empty() {
        format!("freeze it: `leadgauge baseline freeze {name}`")
    } else {
        let names: Vec<String> = names
            .iter()
            .map(|it| format!("`{}`", it.baseline))
            .collect();
        format!("name one of {}", names.join(", "))
    };
    Err(refused(problem.fix(fix)))
}

/// Runs a relation of `queries/baseline/` and leaves it registered.
pub(super) async fn run(
    session: &Session,
    config: &Config,
    name: &str,
) -> Result<Frame, MetricsError> {
    let all = load("baseline", &config.queries)?;
    let relation = all.iter().find(|relation| relation.name == name);
    let Some(relation) = relation else {
        return Err(refused(Problem::new(format!("There is no query `{name}`"))));
    };
    let frame = session.run(relation).await?;
    session.register(name, Arc::clone(&frame.schema), frame.batches.clone())?;
    Ok(frame)
}

#[derive(Deserialize)]
struct Named {
    baseline: String,
}

/// The part of a row that all rows of one baseline share.
#[derive(Serialize)]
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

/// The window asked for, if it has passed; else the twelve full months up to the as-of date.
async fn window(session: &Session, freeze: &Freeze<'_>) -> Result<(Date, Date), MetricsError> {
    let known = inputs::known(session).await?;
    let (first_day, last_day) = freeze.window.unwrap_or_else(|| twelve_months(known.as_of));
    if first_day > last_day || last_day > known.as_of {
        let wrong = window_wrong(freeze.name, first_day, last_day, known.as_of);
        return Err(refused(wrong));
    }
    if first_day != first_day.first_of_month() {
        return Err(refused(partial(freeze.name, first_day)));
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

/// A row of `queries/baseline/observed.sql`.
#[derive(Deserialize)]
struct Observed {
    stage: String,
    first_on: Option<Date>,
    observed_from: Option<Date>,
}

/// Whether the window rests on imported history; refused when nothing is known of its beginning, or
/// when imported history is not allowed.
async fn reaches_back(
    session: &Session,
    config: &Config,
    freeze: &Freeze<'_>,
    first_day: Date,
) -> Result<bool, MetricsError> {
    let stages: Vec<Observed> = run(session, config, "observed").await?.rows()?;
    let known = stages.iter().filter_map(|stage| stage.first_on).min();
    if known.is_none_or(|day| day > first_day) {
        return Err(refused(too_short(freeze.name, first_day, known)));
    }
    let late = |it: &&Observed| it.observed_from.is_none_or(|day| day > first_day);
    match stages.iter().find(late) {
        Some(stage) if !freeze.imported => Err(refused(unseen(freeze.name, first_day, stage))),
        found => Ok(found.is_some()),
    }
}

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

fn partial(name: &str, first_day: Date) -> Problem {
    let first = first_day.first_of_month().saturating_add(1.month());
    Problem::new(format!(
        "Baseline `{name}` cannot be frozen: its window begins on {first_day}, within a month"
    ))
    .why("a part of a month would stand beside whole ones")
    .fix(format!(
        "begin on {first}, or on {}",
        first_day.first_of_month()
    ))
}

fn unseen(name: &str, first_day: Date, stage: &Observed) -> Problem {
    let found = stage.observed_from.map_or_else(
        || "was never observed".to_owned(),
        |day| format!("was observed only from {day}"),
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

    /// Subtlety 13. The months are full ones; the as-of date's own month counts when it ends on that day.
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
