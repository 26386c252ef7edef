//! Each scope beside what the baseline kept of the same rows. The tests of one scope share one false
//! discovery rate, for they stand in one report.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::SCOPE_NO;
use crate::config::{ColumnType, Config};
use crate::metrics::comparison::{self, Baselines, Kept, Recent, Row, Sides};
use crate::metrics::{MetricsError, inputs};
use crate::warehouse::Session;

#[derive(Deserialize)]
struct Of<T> {
    scope_no: i64,
    #[serde(flatten)]
    row: T,
}

#[derive(Serialize)]
struct Told<'a> {
    scope_no: i64,
    #[serde(flatten)]
    row: Row<'a>,
}

/// Registers `scope_comparison`: the columns of `comparison`, one row a scope and stage.
pub(super) async fn register(session: &Session, config: &Config) -> Result<(), MetricsError> {
    let sql = "select * from scope_recent order by scope_no, stage_order";
    let recent: Vec<Of<Recent>> = session.query("recent", sql).await?.rows()?;
    let kept = kept(session, config).await?;
    let none = Baselines::default();
    let mut told = Vec::with_capacity(recent.len());
    for stages in recent.chunk_by(|one, next| one.scope_no == next.scope_no) {
        let scope_no = stages.first().map_or(0, |it| it.scope_no);
        let kept = kept.get(&scope_no).unwrap_or(&none);
        let sides: Vec<Sides<'_>> = stages
            .iter()
            .map(|it| Sides::of(&it.row, kept, config))
            .collect();
        // The sides end here, so what they lead to is written down at once.
        for row in comparison::judge(&sides) {
            told.push(serde_json::to_value(Told { scope_no, row }).unwrap_or_default());
        }
    }
    let columns: Vec<(&str, ColumnType)> = [(SCOPE_NO, ColumnType::Bigint)]
        .into_iter()
        .chain(comparison::COLUMNS)
        .collect();
    inputs::table(session, "scope_comparison", &columns, &told)
}

/// What the configured baseline kept of the rows of each scope.
async fn kept(
    session: &Session,
    config: &Config,
) -> Result<BTreeMap<i64, Baselines>, MetricsError> {
    let sql = "select x.scope_no, b.measure, b.stage, b.to_stage, b.period_start, b.age_days, b.n, b.converted, b.value,
                      b.durations
               from baseline b
               join setting s on s.baseline = b.baseline
               join scope x on x.dimension = b.dimension and x.member = b.member
               where b.measure in ('volume_week', 'conversion_by_age', 'duration')
               order by x.scope_no, b.stage, b.period_start, b.age_days";
    let rows: Vec<Of<Kept>> = session.query("baseline", sql).await?.rows()?;
    let horizon_days = config.metrics.horizon_days;
    let whole = Baselines::read(session, horizon_days).await?;
    let mut kept: BTreeMap<i64, Baselines> = BTreeMap::new();
    let sql = "select scope_no from scope where dimension is not null";
    for Numbered { scope_no } in session.query("scope", sql).await?.rows()? {
        kept.insert(scope_no, whole.emptied());
    }
    for Of { scope_no, row } in rows {
        kept.entry(scope_no).or_default().keep(row, horizon_days);
    }
    Ok(kept)
}

#[derive(Deserialize)]
struct Numbered {
    scope_no: i64,
}
