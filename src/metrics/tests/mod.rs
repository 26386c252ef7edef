//! Tests of the measures, each against figures worked out by hand or by a slow loop.

mod baseline;
pub(super) mod fixture;
mod measures;
mod reports;
mod sla;

use super::*;

/// Registers the inputs and runs the named relations alone, in order.
async fn run_only(session: &Session, config: &Config, names: &[&str]) {
    inputs::register(session, config).await.unwrap();
    for relation in relations(config).unwrap() {
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
