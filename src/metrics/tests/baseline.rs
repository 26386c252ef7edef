//! Freezing a baseline, and what is said to differ from it.

use arrow::array::AsArray;
use jiff::ToSpan;
use jiff::civil::{Date, date};
use serde_json::json;

use super::fixture::{Entry, config, entry, session};
use super::{measure, rows};
use crate::config::Config;
use crate::metrics::baseline::Frozen;
use crate::metrics::{Freeze, MetricsError, baselines, freeze};
use crate::warehouse::Session;

const AS_OF: Date = date(2026, 11, 30);

const ASKED: Freeze<'_> = Freeze {
    name: "year",
    window: None,
    commit_no: 7,
    imported: false,
};

/// From October 2025 one person becomes known a day and every second an mql after three days; from
/// August 2026 every one does, after ten days; from November three become known a day. Nobody gets
/// further.
fn history() -> Vec<Entry> {
    let mut entries = Vec::new();
    let first = date(2025, 10, 1);
    for (index, day) in first
        .series(1.day())
        .take_while(|day| *day <= AS_OF)
        .enumerate()
    {
        let persons = if day >= date(2026, 11, 1) { 3 } else { 1 };
        for number in 0..persons {
            let person = format!("p{index}-{number}");
            let (delay, converts) = if day >= date(2026, 8, 1) {
                (10, true)
            } else {
                (3, index % 2 == 0)
            };
            let then = day.saturating_add(delay.days());
            let known = entry(&person, "known", &day.to_string());
            if converts && then <= AS_OF {
                let then = then.to_string();
                entries.push(known.left(&then, "progressed"));
                entries.push(entry(&person, "mql", &then));
            } else {
                entries.push(known);
            }
        }
    }
    // The two later stages are reached once, long ago, so that all have been watched.
    entries.push(entry("old", "sal", "2025-10-05").left("2025-10-06", "progressed"));
    entries.push(entry("old", "closed", "2025-10-06").left("2025-10-06", "won"));
    entries
}

async fn frozen(
    session: &Session,
    config: &Config,
    asked: &Freeze<'_>,
) -> Result<Frozen, MetricsError> {
    freeze(session, config, asked).await
}

async fn refused(session: &Session, config: &Config, asked: &Freeze<'_>) -> String {
    frozen(session, config, asked)
        .await
        .unwrap_err()
        .to_string()
}

/// Subtlety 33. What was frozen is what the window held; what differs since is told by direction, and what is
/// rare is too few to say.
#[tokio::test]
async fn a_baseline_is_compared() {
    let config = config();
    let session = session(&config, AS_OF, &history());
    let frozen = frozen(&session, &config, &ASKED).await.unwrap();
    assert_eq!(
        (frozen.first_day, frozen.last_day),
        (date(2025, 12, 1), date(2026, 11, 30))
    );
    assert!(!is_imported(&frozen));
    session
        .register("baseline", frozen.schema.clone(), frozen.batches.clone())
        .unwrap();

    let weekly = "select count(*) as weeks, sum(n) as n from baseline
                  where measure = 'volume_week' and stage = 'known' and dimension is null";
    // 52 whole weeks from Monday 1 December: 334 days of one person and, of November's, 29 of three.
    assert_eq!(
        rows(&session, weekly).await[0],
        json!({"weeks": 52, "n": 335 + 29 * 3})
    );
    let conversion = "select n, converted from baseline
                      where measure = 'conversion' and stage = 'known' and to_stage = 'mql' and dimension is null";
    // Up to 31 October all are 30 days old: 243 days of every second (121), 92 of every one.
    assert_eq!(
        rows(&session, conversion).await[0],
        json!({"n": 335, "converted": 121 + 92})
    );

    measure(&session, &config).await.unwrap();
    let found = rows(&session, "select * from comparison").await;
    let verdicts = |index: usize| {
        ["stage", "volume_verdict", "rate_verdict", "days_verdict"]
            .map(|name| found[index][name].clone())
    };
    assert_eq!(
        verdicts(0),
        ["known", "up", "up", "up"].map(serde_json::Value::from)
    );
    assert_eq!(
        verdicts(2),
        ["sal", "few", "few", "few"].map(serde_json::Value::from)
    );
    assert_eq!(found[0]["entered_28"], 84);
    assert_eq!(
        (&found[0]["rate"], &found[0]["median_days"]),
        (&json!(1.0), &json!(10.0))
    );
    assert_eq!(
        found[3]["rate_verdict"],
        json!(null),
        "nothing follows the last stage"
    );
}

/// Without a baseline of that name there is nothing to compare with, and no verdict.
#[tokio::test]
async fn without_a_baseline_there_is_no_verdict() {
    let config = config();
    let session = session(&config, AS_OF, &history());
    measure(&session, &config).await.unwrap();
    let found = rows(
        &session,
        "select volume_verdict as v, baseline_28 as b, entered_28 as n from comparison",
    )
    .await;
    assert_eq!(found[0], json!({"v": null, "b": null, "n": 84}));
}

/// Subtlety 13. A baseline never changes: its name is taken for good.
#[tokio::test]
async fn a_name_is_given_once() {
    let config = config();
    let session = session(&config, AS_OF, &history());
    let first = frozen(&session, &config, &ASKED).await.unwrap();
    assert!(
        baselines(&session)
            .await
            .unwrap()
            .rows::<serde_json::Value>()
            .unwrap()
            .is_empty()
    );
    session
        .register("baseline", first.schema, first.batches)
        .unwrap();
    let listed: Vec<serde_json::Value> = baselines(&session).await.unwrap().rows().unwrap();
    let expected = json!({"baseline": "year", "definition": "2026-q4", "definition_hash": "abc", "commit_no": 7,
        "first_day": "2025-12-01", "last_day": "2026-11-30", "imported": false, "horizon_days": 30});
    assert_eq!(listed, [expected]);
    assert_eq!(
        refused(&session, &config, &ASKED).await,
        "There is a baseline `year` already\n  why: a baseline never changes\n  fix: freeze another under a new name"
    );
}

/// Subtlety 13. History that does not reach back is refused, and so is imported history unless it is allowed.
#[tokio::test]
async fn history_must_reach_back() {
    let config = config();
    let imported: Vec<Entry> = history()
        .into_iter()
        .map(|entry| entry.with("known_at", "2026-11-30T04:59:59Z"))
        .collect();
    let session = session(&config, AS_OF, &imported);
    let early = Freeze {
        window: Some((date(2025, 9, 1), date(2026, 8, 31))),
        ..ASKED
    };
    let text = refused(&session, &config, &early).await;
    assert!(
        text.starts_with("Baseline `year` cannot be frozen: its window begins on 2025-09-01, and the first entry known is of 2025-10-01"),
        "{text}"
    );
    let text = refused(&session, &config, &ASKED).await;
    assert!(
        text.starts_with("Baseline `year` cannot be frozen: its window begins on 2025-12-01, and stage `known` was observed only from 2026-11-29"),
        "{text}"
    );
    let ahead = Freeze {
        window: Some((date(2026, 1, 1), date(2026, 12, 1))),
        ..ASKED
    };
    let text = refused(&session, &config, &ahead).await;
    assert!(
        text.contains("is empty or does not end by 2026-11-30"),
        "{text}"
    );
    let allowed = Freeze {
        imported: true,
        ..ASKED
    };
    assert!(is_imported(
        &frozen(&session, &config, &allowed).await.unwrap()
    ));
}

fn is_imported(frozen: &Frozen) -> bool {
    let column = frozen.batches[0].column_by_name("imported").unwrap();
    column.as_boolean().value(0)
}
