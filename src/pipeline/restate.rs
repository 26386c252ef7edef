//! What changed since the version before, and what reports said before: what the night's figures are
//! restated from.

use std::collections::BTreeMap;

use super::night::Night;
use super::{PipelineError, Session, Version, Warehouse};
use crate::config::{Config, Deleted};
use crate::fs;
use crate::funnel::{Because, Change, Comparison};
use crate::warehouse::Draft;

/// The table of changes.
pub(super) const CHANGES: &str = "stage_entry_change";
/// The table of what reports said.
pub(super) const PUBLISHED: &str = "published_metric";

/// Compares the night's entries, which the session holds, with the version before, and makes known to
/// the night's queries all changes and all that was said so far.
pub(super) async fn compare(
    night: &Night<'_>,
    draft: &Draft,
    session: &Session,
) -> Result<Change, PipelineError> {
    let (config, warehouse) = (night.config, night.warehouse);
    let change = match night.base {
        None => Change::none(),
        Some(former) => {
            let because = because(config, warehouse, former, draft).await?;
            let last = config.funnel.stages.last();
            let comparison = Comparison {
                session,
                warehouse,
                former,
                zone: &config.time_zone,
                dimensions: &config.metrics.dimensions,
                last: last.map_or("", |stage| stage.id.as_str()),
                because,
                drops: config
                    .definitions()
                    .iter()
                    .any(|it| it.deleted == Deleted::Drop),
                late: draft.is_late(),
                as_of: draft.as_of(),
                commit_no: draft.commit_no(),
            };
            Box::pin(comparison.changes()).await?
        }
    };
    register(night, session, &change).await?;
    Ok(change)
}

/// Whether all of the night's entries may differ from those before.
async fn because(
    config: &Config,
    warehouse: &Warehouse,
    former: &Version,
    draft: &Draft,
) -> Result<Option<Because>, PipelineError> {
    let Some(written_by) = former.written_by("stage_entry") else {
        return Ok(None);
    };
    let then = warehouse.commit(written_by).await?;
    let mapping = |texts: &BTreeMap<String, String>| {
        let texts = texts.clone().into_iter();
        let texts = texts.filter(|(name, _)| name.starts_with("queries/canonical/"));
        texts.collect::<Vec<_>>()
    };
    let folder = fs::scratch()?;
    // What this program cannot read any more said something else.
    let before = Config::of_texts(&then.texts, folder.path()).ok();
    let before = before.map(|config| judge(&config.on(former.as_of)));
    let same = before == Some(judge(config)) && mapping(&then.texts) == mapping(&config.texts);
    Ok(match (same, draft.is_erasure()) {
        (false, _) => Some(Because::Redefined),
        (true, true) => Some(Because::Erased),
        (true, false) => None,
    })
}

/// What judges evidence and dates entries: every definition, and the zone whose days they are.
fn judge(config: &Config) -> (Vec<String>, Option<String>) {
    let hashes = config.definitions().into_iter().map(|it| it.hash.clone());
    let zone = config.time_zone.iana_name().map(str::to_owned);
    (hashes.collect(), zone)
}

async fn register(
    night: &Night<'_>,
    session: &Session,
    change: &Change,
) -> Result<(), PipelineError> {
    let mut batches = change.batches.clone();
    if let Some(base) = night.base {
        let tables = base.tables();
        if tables.contains(CHANGES) {
            batches.extend(night.warehouse.read(base, CHANGES).await?.1);
        }
        if tables.contains(PUBLISHED) {
            let said = night.warehouse.table(base, PUBLISHED).await?;
            session.register_table(PUBLISHED, &said)?;
        }
    }
    Ok(session.register(CHANGES, change.schema.clone(), batches)?)
}
