//! Tests of the measures, each against figures worked out by hand or by a slow loop.

mod audit;
mod baseline;
pub(super) mod fixture;
mod horizons;
mod measures;
mod members;
mod random;
mod reference;
mod reports;
mod scopes;
mod sla;
mod subtleties;

use jiff::civil::date;

use super::*;
use fixture::{config, session};

/// Registers the inputs and runs the named relations alone, in order.
async fn run_only(session: &Session, config: &Config, names: &[&str]) {
    inputs::register(session, config).await.unwrap();
    for relation in relations(config).unwrap().into_iter().flatten() {
        if names.contains(&relation.name.as_str()) {
            let frame = session.run(&relation).await.unwrap();
            session
                .register(&relation.name, frame.schema, frame.batches)
                .unwrap();
        }
    }
}

async fn rows(session: &Session, sql: &str) -> Vec<serde_json::Value> {
    session.query("test", sql).await.unwrap().rows().unwrap()
}

/// A funnel that nothing has entered yet measures as nothing, and fails nowhere.
#[tokio::test]
async fn no_entries() {
    let config = config();
    let session = session(&config, date(2026, 11, 19), &[]);
    measure(&session, &config).await.unwrap();
    let counted = "select count(*) as rows, sum(n) as n from metric";
    assert_eq!(rows(&session, counted).await[0]["n"], 0);
}

/// A dimension that is no column is refused by its name.
#[tokio::test]
async fn an_unknown_dimension_is_refused() {
    let mut config = config();
    config.metrics.dimensions.push("colour".to_owned());
    let session = session(&config, date(2026, 11, 19), &[]);
    let text = measure(&session, &config).await.unwrap_err().to_string();
    assert!(
        text.starts_with("`dimensions` names `colour`, which is no column of `stage_entry`\n  fix: name some of: person_id, "),
        "{text}"
    );
}
