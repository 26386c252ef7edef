//! The figures that the weekly SLA report shows, by their keys: what `published_metric` keeps of it.

use super::{Figures, Quarter};
use crate::metrics::Told;
use crate::report::words;

/// The quarter, its weeks and its sources, where they are known.
pub(super) fn all(figures: &Figures) -> Vec<Told> {
    let Some(quarter) = figures.known() else {
        return Vec::new();
    };
    let parts = [
        ("sla_attained", quarter.attained),
        ("sla_rejected", quarter.rejected),
        ("sla_pending", quarter.pending),
        ("sla_net", quarter.net),
    ];
    let whole = parts.map(|(measure, n)| of(quarter, measure, n));
    let weeks = figures.weeks.iter().filter_map(|week| {
        Some(Told {
            period: "week".into(),
            period_start: week.start,
            period_end: week.end,
            ..of(quarter, "sla_attained", week.attained?)
        })
    });
    whole.into_iter().chain(weeks).collect()
}

fn of(quarter: &Quarter, measure: &'static str, n: i64) -> Told {
    Told {
        measure: measure.into(),
        period: "quarter".into(),
        period_start: quarter.first_day,
        period_end: quarter.last_day,
        stage: quarter.stage.clone(),
        to_stage: None,
        dimension: None,
        member: None,
        n: Some(n),
        value: Some(words::real(n)),
    }
}
