//! Conversion by age, as a baseline keeps it, against a slow loop over random stage entries; and by month, as
//! its report tells it.

use jiff::ToSpan;
use jiff::civil::{Date, date};
use serde_json::Value;

use super::fixture::{STAGES, config};
use super::random::{AS_OF, day_end, entries, session};
use super::reference::Slow;
use super::rows;
use crate::metrics::{Freeze, figures, freeze, measure};

/// What a baseline keeps of every horizon is what a loop counts: of entries at least so old when
/// frozen those that converted within it, whatever horizon was in force.
#[tokio::test]
async fn conversion_by_age_is_that_of_every_horizon() {
    let config = config();
    let entries = entries(23);
    let session = session(&config, &entries);
    let window = (date(2025, 6, 1), date(2026, 9, 30));
    let asked = Freeze {
        name: "year",
        window: Some(window),
        commit_no: 1,
        imported: true,
    };
    let frozen = freeze(&session, &config, &asked).await.unwrap();
    session
        .register("baseline", frozen.schema, frozen.batches)
        .unwrap();
    let slow = Slow::over(&entries);
    let mut told = 0;
    for (stage, to) in [(1, 2), (1, 4), (2, 3), (2, 4), (3, 4)] {
        for days in [0_i64, 1, 7, 30, 60, 200, 400] {
            let (mut n, mut converted) = (0, 0);
            for it in entries
                .iter()
                .filter(|it| it.stage == stage && it.observed())
            {
                let within = days * 86_400_000_000;
                let old = day_end(AS_OF) - it.at >= within;
                if !(old && window.0 <= it.on && it.on <= window.1) {
                    continue;
                }
                let reached = slow.arrival(it, to).filter(|b| b.at >= it.at);
                let soon = reached.is_some_and(|b| b.at - it.at <= within);
                n += i64::from(soon || !reached.is_some_and(|b| b.censored));
                converted += i64::from(soon);
            }
            let sql = format!(
                "select n, converted from baseline
                 where measure = 'conversion_by_age' and stage = '{}' and to_stage = '{}'
                    and dimension is null and age_days <= {days}
                 order by age_days desc limit 1",
                STAGES[stage - 1],
                STAGES[to - 1]
            );
            let found = rows(&session, &sql).await;
            let found = found.first().map_or((0, 0), |row| {
                let of = |name: &str| row[name].as_i64().unwrap();
                (of("n"), of("converted"))
            });
            assert_eq!(found, (n, converted), "{stage} to {to} within {days}");
            told += converted;
        }
    }
    assert!(told > 100, "{told}");
}

/// The cohorts of the baseline report are the conversion of months that `metric` tells, a year of them;
/// what a month can still bring is open there, and nothing once its last entry is a horizon old.
#[tokio::test]
async fn cohorts_are_the_conversion_of_months() {
    let config = config();
    let session = session(&config, &entries(7));
    measure(&session, &config).await.unwrap();
    let told = figures(&session, &config, "baseline", AS_OF).await.unwrap();
    let told = &told.tables["cohorts"];
    let sql = "select period_start as month, stage, n, value as rate, detail from metric
               join stage s on s.id = metric.stage join stage t on t.id = metric.to_stage
               where measure = 'conversion' and period = 'month' and dimension is null and n > 0
                   and t.stage_order = s.stage_order + 1 and period_start > $as_of - 366
               order by period_start, s.stage_order";
    let measured = rows(&session, sql).await;
    assert!(told.len() > 12, "{}", told.len());
    assert_eq!(told.len(), measured.len());
    for (cohort, measured) in told.iter().zip(measured) {
        for column in ["month", "stage", "n", "rate"] {
            assert_eq!(cohort[column], measured[column], "{cohort:?}");
        }
        let detail: Value = serde_json::from_str(measured["detail"].as_str().unwrap()).unwrap();
        assert_eq!(cohort["converted"], detail["converted"]);
        let open = cohort["open"].as_i64().unwrap();
        assert!(open <= detail["open"].as_i64().unwrap(), "{cohort:?}");
        let month: Date = cohort["month"].as_str().unwrap().parse().unwrap();
        let is_old = month.last_of_month() + 30.days() <= AS_OF;
        assert!(!is_old || open == 0, "{cohort:?}");
    }
    let still = told.iter().any(|it| it["open"].as_i64() > Some(0));
    assert!(still, "no month is still open");
}
