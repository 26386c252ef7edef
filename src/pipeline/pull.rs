//! The first half of a run: every stream pulled, judged, and recorded in the history, or kept out of
//! it and said.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::time::Instant;

use futures::{StreamExt, stream};
use jiff::civil::Date;

use super::PipelineError;
use super::summary::{Event, StreamResult, Watch};
use crate::config::{Config, Source, Stream, StreamKind};
use crate::sources::{self, Extract};
use crate::warehouse::{Draft, Recorded, Relation, Version, gate, vanished_columns};

/// Why a stream stays out of this night.
struct Fault {
    outcome: &'static str,
    message: String,
    transient: bool,
}

/// What every pull of a run needs to know.
pub(super) struct Pull<'a> {
    pub(super) config: &'a Config,
    /// The newest published version; none on the first night.
    pub(super) base: Option<&'a Version>,
    pub(super) as_of: Date,
    /// The canonical queries, by source: they say which columns matter.
    pub(super) canonical: &'a BTreeMap<String, Vec<Relation>>,
    pub(super) watch: Watch<'a>,
}

impl Pull<'_> {
    /// Pulls every stream and records what is sound; says how each fared.
    pub(super) async fn all(&self, draft: &mut Draft) -> Result<Vec<StreamResult>, PipelineError> {
        let mut results = Vec::new();
        for source in &self.config.sources {
            let mut changes = BTreeMap::new();
            let timed = |stream| async move {
                let began = Instant::now();
                let pulled = self.one(source, stream).await;
                (stream, pulled, began.elapsed().as_secs_f64())
            };
            // One file is parsed while the one before it is recorded.
            let mut pulls = pin!(stream::iter(histories_first(source)).map(timed).buffered(2));
            while let Some((stream, pulled, seconds)) = pulls.next().await {
                let mut result = blank(source, stream);
                result.seconds = seconds;
                match pulled {
                    Ok(extract) => record(extract, draft, &mut changes, &mut result).await?,
                    Err(fault) => {
                        result.outcome = fault.outcome;
                        result.transient = fault.transient;
                        result.message = Some(fault.message);
                    }
                }
                (self.watch)(&Event::Stream(Box::new(result.clone())));
                results.push(result);
            }
        }
        Ok(results)
    }

    async fn one(&self, source: &Source, stream: &Stream) -> Result<Extract, Fault> {
        let table = format!("{}.{}", source.name, stream.name);
        let known = self.base.and_then(|version| version.pinned(&table));
        let extract = sources::pull(source, stream, self.as_of, known.as_ref())
            .await
            .map_err(|error| Fault {
                outcome: error.outcome(),
                transient: error.transient(),
                message: error.problem().to_string(),
            })?;
        if let Some(base) = self.base {
            self.judge(&table, stream, &extract, base)
                .map_err(|message| Fault {
                    outcome: "quarantined",
                    transient: false,
                    message,
                })?;
        }
        Ok(extract)
    }

    /// Whether tonight's extract may stand beside the last complete one.
    fn judge(
        &self,
        table: &str,
        stream: &Stream,
        extract: &Extract,
        base: &Version,
    ) -> Result<(), String> {
        let mapped = self.mapped(table);
        let lost: Vec<String> = vanished_columns(extract, base)
            .iter()
            .filter(|column| mapped.contains(&column.name))
            .map(|column| format!("`{}`", column.original()))
            .collect();
        if !lost.is_empty() {
            return Err(format!(
                "`{}` has no column {} any more\n  why: queries/canonical/{}/ reads it\n  fix: have the export \
                 write it again, or take it out of the query",
                extract.file.path,
                lost.join(", "),
                extract.source,
            ));
        }
        gate(extract, base, stream.max_fall).map_err(|fault| fault.to_string())
    }

    /// The columns that canonical queries read, of all queries that read the table.
    fn mapped(&self, table: &str) -> BTreeSet<&String> {
        let history = format!("{table}_history");
        self.canonical
            .values()
            .flatten()
            .filter(|relation| relation.needs.contains(table) || relation.needs.contains(&history))
            .flat_map(|relation| &relation.columns)
            .collect()
    }
}

/// Field history comes before the snapshot that it is recorded with.
fn histories_first(source: &Source) -> impl Iterator<Item = &Stream> {
    let is_history = |stream: &&Stream| matches!(stream.kind, StreamKind::FieldHistory { .. });
    let histories = source.streams.iter().filter(is_history);
    histories.chain(
        source
            .streams
            .iter()
            .filter(move |stream| !is_history(stream)),
    )
}

/// Puts one extract into the draft. Field history also waits for its snapshot.
async fn record(
    extract: Extract,
    draft: &mut Draft,
    changes: &mut BTreeMap<String, Extract>,
    result: &mut StreamResult,
) -> Result<(), PipelineError> {
    result.file = Some(extract.file.path.clone());
    result.bytes = extract.file.bytes;
    result.sha256 = Some(extract.file.sha256.clone());
    let recorded = match &extract.kind {
        StreamKind::FieldHistory { of, .. } => {
            let recorded = draft.record_events(&extract).await?;
            changes.insert(of.clone(), extract);
            recorded
        }
        StreamKind::Snapshot { .. } => draft.record(&extract, changes.get(&extract.stream)).await?,
        StreamKind::Events { .. } => draft.record_events(&extract).await?,
    };
    result.recorded = recorded;
    Ok(())
}

fn blank(source: &Source, stream: &Stream) -> StreamResult {
    StreamResult {
        source: source.name.clone(),
        stream: stream.name.clone(),
        outcome: "ok",
        file: None,
        bytes: 0,
        sha256: None,
        recorded: Recorded::default(),
        seconds: 0.0,
        message: None,
        transient: false,
    }
}
