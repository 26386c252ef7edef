//! Which members of the configured dimensions differ from the baseline by more than chance, stage by stage.
//!
//! So many members are compared at once that some would differ by chance alone: all of one as-of date
//! share one false discovery rate, as the stages' own comparisons share theirs.

use serde::{Deserialize, Serialize};

use super::comparison::{Test, rates, verdicts};
use super::{MetricsError, baseline, inputs};
use crate::config::{ColumnType, Config};
use crate::warehouse::Session;

pub(super) const TABLE: &str = "member_comparison";

/// `member_comparison`, one row a dimension, member and stage that goes on to another. `rate_p` is null
/// where no test could be made, `rate_verdict` where there is no baseline.
const COLUMNS: [(&str, ColumnType); 5] = [
    ("dimension", ColumnType::String),
    ("member", ColumnType::String),
    ("stage", ColumnType::String),
    ("rate_p", ColumnType::Double),
    ("rate_verdict", ColumnType::String),
];

/// A row of `member_side`.
#[derive(Deserialize)]
struct Side {
    dimension: String,
    member: String,
    stage: String,
    next_term: Option<String>,
    rate_n: Option<i64>,
    converted: Option<i64>,
    baseline_rate_n: Option<i64>,
    baseline_converted: Option<i64>,
}

#[derive(Serialize)]
struct Row<'a> {
    dimension: &'a str,
    member: &'a str,
    stage: &'a str,
    rate_p: Option<f64>,
    rate_verdict: Option<&'static str>,
}

/// Compares every member's conversion with the configured baseline's, over the measures that `measure`
/// left registered; leaves `member_side` and `member_comparison`.
pub(super) async fn register(session: &Session, config: &Config) -> Result<(), MetricsError> {
    let sides = baseline::run(session, config, "member_side").await?;
    let sides: Vec<Side> = sides.rows()?;
    let floor = i64::from(config.metrics.floor);
    let tests: Vec<Test> = sides.iter().map(|side| side.test(floor)).collect();
    let rows = sides.iter().zip(&tests).zip(verdicts(&tests));
    let rows = rows.map(|((side, test), rate_verdict)| Row {
        dimension: &side.dimension,
        member: &side.member,
        stage: &side.stage,
        rate_p: test.p_value(),
        rate_verdict,
    });
    let rows: Vec<Row<'_>> = rows.collect();
    inputs::table(session, TABLE, &COLUMNS, &rows)
}

impl Side {
    fn test(&self, floor: i64) -> Test {
        let baseline = self.baseline_rate_n.zip(self.baseline_converted);
        match (&self.next_term, baseline) {
            (Some(_), Some(baseline)) => {
                let recent = (self.rate_n.unwrap_or(0), self.converted.unwrap_or(0));
                rates(recent, baseline, floor)
            }
            _ => Test::Missing,
        }
    }
}
