//! The figures that the daily report shows, by their keys: what `published_metric` keeps of it.

use jiff::ToSpan;
use jiff::civil::Date;

use super::Figures;
use super::rows::{Measured, Stage};
use super::sentences::Reading;
use crate::metrics::Told;
use crate::report::rows::Verdict;

/// What reports count.
const COUNTED: &str = "volume_counted";

/// Every figure of a stage, unless it is withheld: what stands in the view, and nothing else.
pub(super) fn all(figures: &Figures, as_of: Date) -> Vec<Told> {
    let mut told = Vec::new();
    for stage in &figures.stages {
        if figures.reading(stage) != Reading::Withheld {
            told.extend(
                stage
                    .entered
                    .map(|n| count(COUNTED, "day", (as_of, as_of), stage, n)),
            );
            told.extend(months(figures, stage));
        }
        told.extend(
            stage
                .stock
                .map(|n| count("stock", "day", (as_of, as_of), stage, n)),
        );
        let month = (as_of.saturating_sub(27.days()), as_of);
        told.extend(
            stage
                .entered_28
                .map(|n| count(COUNTED, "28_days", month, stage, n)),
        );
        told.extend(last_week(figures, stage));
        let to = next(&figures.stages, stage);
        told.extend(measured("conversion", &stage.rate, stage, to, as_of));
        told.extend(measured("velocity_median", &stage.days, stage, to, as_of));
    }
    told
}

fn months<'a>(figures: &'a Figures, stage: &'a Stage) -> impl Iterator<Item = Told> + 'a {
    let months = figures
        .months
        .iter()
        .filter(|month| month.stage == stage.id);
    months.map(|month| count(COUNTED, "month", (month.start, month.end), stage, month.n))
}

/// The week at the end of the stage's line.
fn last_week(figures: &Figures, stage: &Stage) -> Option<Told> {
    let weeks = figures
        .points
        .iter()
        .filter(|point| point.stage == stage.id);
    let last = weeks.max_by_key(|point| point.week_start)?;
    let end = last.week_start.saturating_add(6.days());
    Some(count(
        COUNTED,
        "week",
        (last.week_start, end),
        stage,
        last.n,
    ))
}

fn next<'a>(stages: &'a [Stage], stage: &Stage) -> Option<&'a str> {
    let term = stage.next_term.as_ref()?;
    let next = stages.iter().find(|next| &next.term == term)?;
    Some(&next.id)
}

fn count(
    measure: &'static str,
    period: &'static str,
    (period_start, period_end): (Date, Date),
    stage: &Stage,
    n: i64,
) -> Told {
    Told {
        measure: measure.into(),
        period: period.into(),
        period_start,
        period_end,
        stage: stage.id.clone(),
        to_stage: None,
        dimension: None,
        member: None,
        n: Some(n),
        value: Some(crate::report::words::real(n)),
    }
}

/// A figure of the last 90 days; "too few to say" is none.
fn measured(
    measure: &'static str,
    it: &Measured,
    stage: &Stage,
    to: Option<&str>,
    as_of: Date,
) -> Option<Told> {
    let value = it.value.filter(|_| it.verdict != Some(Verdict::Few))?;
    let days = (as_of.saturating_sub(89.days()), as_of);
    Some(Told {
        to_stage: to.map(str::to_owned),
        n: it.n,
        value: Some(value),
        ..count(measure, "90_days", days, stage, 0)
    })
}
