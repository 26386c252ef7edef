//! Conversion by age, as a baseline keeps it, against a slow loop over random stage entries.

use jiff::civil::date;

use super::fixture::{STAGES, config};
use super::random::{AS_OF, day_end, entries, session};
use super::reference::Slow;
use super::rows;
use crate::metrics::{Freeze, freeze};

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
