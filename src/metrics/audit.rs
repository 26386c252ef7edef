//! The audit: which values are in use and what they map to, where systems differ, which triggers
//! fire, and what the rules leave out. Plain SQL in `queries/audit/` over what the funnel derived.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{MetricsError, definition, inputs, terms};
use crate::config::{ColumnType, Config};
use crate::warehouse::Session;
use crate::warehouse::query::relation::{in_waves, load};

/// `derived_count`: what was counted while the funnel was derived, by name.
const COUNT: [(&str, ColumnType); 2] = [("name", ColumnType::String), ("n", ColumnType::Bigint)];

/// Relations of this beginning are published; the others are steps to them, and go with what only they
/// read.
const PUBLISHED: &str = "audit_";
const RECORD_VERSION: &str = "record_version";

#[derive(Serialize)]
struct Count<'a> {
    name: &'a str,
    n: u64,
}

/// Audits a session in which the funnel was derived and measured; `counts` are what was counted on
/// the way. Names the tables that are to be published.
pub(crate) async fn audit(
    session: &Session,
    config: &Config,
    counts: &BTreeMap<String, u64>,
) -> Result<Vec<String>, MetricsError> {
    let counts = counts.iter().map(|(name, n)| Count { name, n: *n });
    inputs::table(
        session,
        "derived_count",
        &COUNT,
        &counts.collect::<Vec<_>>(),
    )?;
    terms::register(session, &definition::rules(&config.funnel)).await?;
    let (mut published, mut steps) = (Vec::new(), vec![RECORD_VERSION.to_owned()]);
    for wave in in_waves(load("audit", &config.queries)?)? {
        let frames = session.run_all(&wave).await?;
        for (relation, frame) in wave.into_iter().zip(frames) {
            session.register(&relation.name, frame.schema, frame.batches)?;
            let is_published = relation.name.starts_with(PUBLISHED);
            let of = if is_published {
                &mut published
            } else {
                &mut steps
            };
            of.push(relation.name);
        }
    }
    session.forget(steps.iter().map(String::as_str))?;
    Ok(published)
}
