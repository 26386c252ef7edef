//! What a scope shows: the figures of a company that has nothing but the scope's persons, and nothing
//! that depends on anybody else.

use jiff::civil::date;
use proptest::prelude::*;
use serde_json::Value;

use super::random::{AS_OF, Entry, day_end, entries, region, session};
use super::*;
use crate::config::{Conditions, Listed, Privacy, Recipient, Report, Schedule, Scope, Sees, To};
use crate::metrics::{Figures, Reading, figures_for};
use crate::problem::Place;

const REGIONS: [&str; 4] = ["EMEA", "APAC", "blank", "AMER"];

/// Columns that a scope leaves empty: what was promised is the company's.
const PROMISED: [&str; 4] = ["quarter", "commitment", "attained", "expected_to_date"];

/// A company in which somebody gets a report by region and somebody by owner.
fn company() -> Config {
    let mut config = config();
    config.metrics.dimensions.push("region".to_owned());
    let listed = |column: &str| Listed {
        recipient: To::Person(Recipient {
            address: format!("{column}@acme.example"),
            name: None,
        }),
        sees: Sees {
            scope: scope(&[(column, &["EMEA"])]),
            ..Sees::default()
        },
        place: None,
    };
    config.reports = vec![Report {
        name: "daily".to_owned(),
        place: Place::of("leadgauge.yaml", "", 1, 1),
        schedule: Schedule::Daily,
        recipients: vec![listed("region"), listed("owner_id")],
        recipient_queries: Vec::new(),
        conditions: Conditions::default(),
        attach: Vec::new(),
    }];
    config
}

fn scope(columns: &[(&str, &[&str])]) -> Scope {
    let columns = columns.iter().map(|(column, values)| {
        let values = values.iter().map(|it| (*it).to_owned()).collect();
        ((*column).to_owned(), values)
    });
    Scope::part(columns).unwrap()
}

/// Random entries, and one long ago for each region and owner, so that the company is as old in each.
fn history(seed: u64) -> Vec<Entry> {
    let mut all = entries(seed);
    let at = day_end(date(2024, 11, 1));
    for person in 100..112 {
        all.push(Entry {
            person,
            cycle: 1,
            stage: 1,
            at,
            on: date(2024, 11, 1),
            exit: Some(at + 1),
            outcome: "deleted",
            implied: false,
            carried: false,
            censored: false,
            confirmed: None,
            net_new: true,
            source: "Old",
            segment: None,
        });
    }
    all
}

fn admits(scope: &Scope, person: usize) -> bool {
    let owner = format!("u{}", person / 4 % 3);
    scope.admits(|column| match column {
        "region" => region(person),
        _ => Some(owner.as_str()),
    })
}

/// A session whose baseline was frozen from it.
async fn compared(config: &Config, entries: &[Entry]) -> Session {
    let session = session(config, entries);
    let asked = Freeze {
        name: "year",
        window: Some((date(2025, 8, 1), date(2026, 7, 31))),
        commit_no: 1,
        imported: true,
    };
    let frozen = freeze(&session, config, &asked).await.unwrap();
    session
        .register("baseline", frozen.schema, frozen.batches)
        .unwrap();
    measure(&session, config).await.unwrap();
    session
}

async fn all(session: &Session, config: &Config, report: &str, scopes: &[Scope]) -> Figures {
    figures_for(session, config, report, AS_OF, scopes)
        .await
        .unwrap()
}

fn of(figures: &Figures, scope: &Scope) -> Reading {
    let sees = Sees {
        scope: scope.clone(),
        ..Sees::default()
    };
    figures.of(&sees, &Privacy::default()).unwrap()
}

/// Without the columns that `without` names.
fn less(rows: &[serde_json::Map<String, Value>], without: impl Fn(&str) -> bool) -> Vec<Value> {
    let kept = rows.iter().map(|row| {
        let cells = row.iter().filter(|(column, _)| !without(column));
        Value::Object(
            cells
                .map(|(column, cell)| (column.clone(), cell.clone()))
                .collect(),
        )
    });
    kept.collect()
}

/// A scope's report is that of a company which has the scope's persons alone: every figure of it, its
/// comparison with the baseline too where that is kept for the scope.
#[tokio::test]
async fn a_scope_is_a_company_of_its_own() {
    let config = company();
    let scopes = [
        scope(&[("region", &["EMEA"])]),
        scope(&[("region", &["blank", "APAC"])]),
        scope(&[("region", &["AMER"]), ("owner_id", &["u1", "u2"])]),
        scope(&[("owner_id", &["u0"])]),
    ];
    let history = history(3);
    let whole = compared(&config, &history).await;
    for (number, scope) in scopes.iter().enumerate() {
        let own = history.iter().filter(|it| admits(scope, it.person));
        let own = compared(&config, &own.cloned().collect::<Vec<_>>()).await;
        for report in ["daily", "baseline", "definitions"] {
            let expected = all(&own, &config, report, &[]).await;
            let expected = of(&expected, &Scope::everything()).set;
            let found = of(&all(&whole, &config, report, &scopes).await, scope);
            let without = |column: &str| {
                let compared = column.starts_with("baseline") || column.ends_with("verdict");
                PROMISED.contains(&column) || (number != 0 && compared)
            };
            let mut seen = 0;
            for given in found.given.iter().filter(|it| !it.left_out) {
                let rows = less(&found.set.tables[&given.query], without);
                let expected = less(&expected.tables[&given.query], without);
                let what = format!("{report}/{}, {}", given.query, scope.words());
                assert_eq!(rows, expected, "{what}");
                seen += usize::from(rows.len() > 1);
            }
            assert!(seen >= 1, "{report}: nothing was compared");
        }
    }
}

/// A comparison is left out, not shown for all, where the baseline is not kept for the scope.
#[tokio::test]
async fn no_comparison_with_others() {
    let config = company();
    let session = compared(&config, &history(5)).await;
    let scopes = [
        scope(&[("owner_id", &["u0"])]),
        scope(&[("region", &["EMEA"])]),
    ];
    let figures = all(&session, &config, "daily", &scopes).await;
    let baseline = |scope| of(&figures, scope).set.tables["stages"][0]["baseline_28"].clone();
    assert!(baseline(&scopes[0]).is_null() && baseline(&scopes[1]).is_number());
    let left_out = of(&figures, &scopes[0]).set.limits.left_out;
    assert_eq!(
        left_out,
        [
            "volumes that have changed since this report told them last",
            "the weeks of the commitment in force"
        ]
    );
    for (report, told) in [("sla-weekly", false), ("definitions", true)] {
        let figures = all(&session, &config, report, &scopes).await;
        assert_eq!(figures.tells_apart(&scopes[0]), told, "{report}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever others are and do, not a byte of a reader's figures changes; and none of theirs is in it.
    #[test]
    fn nobody_sees_another(
        mine in proptest::sample::subsequence(REGIONS.to_vec(), 1..4),
        owners in proptest::sample::subsequence(vec!["u0", "u1", "u2"], 1..=3),
        seeds in (1_u64..1000, 1000_u64..2000),
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let config = company();
            let others: Vec<&str> = REGIONS.into_iter().filter(|it| !mine.contains(it)).collect();
            let scopes = [
                scope(&[("region", mine.as_slice()), ("owner_id", owners.as_slice())]),
                scope(&[("region", others.as_slice())]),
            ];
            let all_mine = |seed| {
                let all = history(seed).into_iter();
                let all = all.map(|it| Entry { source: if admits(&scopes[0], it.person) { "Mine" } else { "Theirs" }, ..it });
                all.partition::<Vec<Entry>, _>(|it| admits(&scopes[0], it.person))
            };
            let (own, theirs) = all_mine(seeds.0);
            let (_, strangers) = all_mine(seeds.1);
            let mut found = Vec::new();
            for others in [&theirs, &strangers] {
                let entries: Vec<Entry> = own.iter().chain(others).cloned().collect();
                let session = session(&config, &entries);
                measure(&session, &config).await.unwrap();
                let figures = all(&session, &config, "daily", &scopes).await;
                let reading = of(&figures, &scopes[0]);
                let text = serde_json::to_string(&reading.set.tables).unwrap();
                assert!(!text.contains("Theirs"), "{text}");
                found.push((reading.set, reading.given));
            }
            assert!(found[0] == found[1], "another's rows show");
        });
    }
}
