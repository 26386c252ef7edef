//! The first half of a run: every stream pulled, judged, and recorded in the history, or kept out of
//! it and said.

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Instant;

use futures::{StreamExt, stream};
use jiff::civil::Date;

use super::PipelineError;
use super::summary::{Event, StreamResult, Watch};
use crate::config::{Config, Source, Stream, StreamKind};
use crate::problem::{Place, Problem};
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
        match self.judge(source, stream, &extract) {
            None => Ok(extract),
            Some(problem) => Err(Fault {
                outcome: "quarantined",
                transient: false,
                message: problem.to_string(),
            }),
        }
    }

    /// Why tonight's extract may not stand beside the last complete one, or beside the queries.
    fn judge(&self, source: &Source, stream: &Stream, extract: &Extract) -> Option<Problem> {
        let table = format!("{}.{}", source.name, stream.name);
        if let Some(problem) = self.lacks(source, stream, extract, &table) {
            return Some(problem);
        }
        let fault = gate(extract, self.base?, stream.max_fall).err()?;
        let problem = Problem::new(fault.to_string()).at(stream.place.clone());
        Some(problem.fix(format!(
            "export it again; if so many are really gone, raise `max_fall` of stream `{table}`"
        )))
    }

    /// The columns that queries read and the extract does not have: those of the last complete
    /// extract or, when it is the stream's first, those that the configuration declares.
    fn lacks(
        &self,
        source: &Source,
        stream: &Stream,
        extract: &Extract,
        table: &str,
    ) -> Option<Problem> {
        let before = self.base.filter(|base| base.stream(table).is_some());
        let (lost, any_more) = match before {
            Some(base) => (
                vanished_columns(extract, base)
                    .iter()
                    .map(|column| (column.name.clone(), column.original().to_owned()))
                    .collect(),
                " any more",
            ),
            None => (undelivered(stream, extract), ""),
        };
        let read: Vec<(String, Place)> = lost
            .into_iter()
            .filter_map(|(name, original)| Some((original, self.mention(table, &name)?)))
            .collect();
        let (_, place) = read.first()?;
        let names: Vec<&str> = read.iter().map(|(original, _)| original.as_str()).collect();
        let what = format!(
            "`{}/{}` has no column `{}`{any_more}",
            source.location.to_string().trim_end_matches('/'),
            extract.file.path,
            names.join("`, `"),
        );
        let problem = Problem::new(what).at(place.clone());
        Some(
            problem.why("this query reads it").fix(
                "have it exported, or take it out of the query and out of the stream's `columns`",
            ),
        )
    }

    /// Where a canonical query that reads the table mentions a column.
    fn mention(&self, table: &str, column: &str) -> Option<Place> {
        let history = format!("{table}_history");
        let mut readers =
            self.canonical.values().flatten().filter(|relation| {
                relation.needs.contains(table) || relation.needs.contains(&history)
            });
        readers.find_map(|relation| relation.mention(column))
    }
}

/// The columns that a stream declares and an extract does not have: SQL name and name in the file.
fn undelivered(stream: &Stream, extract: &Extract) -> Vec<(String, String)> {
    let declared = sources::declared_schema(stream);
    let there = |name: &str, original: &str| {
        extract.schema.fields().iter().any(|field| {
            field.name() == name || field.metadata().values().any(|known| known == original)
        })
    };
    let columns = declared.fields().iter().zip(stream.columns.keys());
    columns
        .map(|(field, original)| (field.name().clone(), original.clone()))
        .filter(|(name, original)| !there(name, original))
        .collect()
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
        StreamKind::Snapshot { .. } | StreamKind::Changes { .. } => {
            draft.record(&extract, changes.get(&extract.stream)).await?
        }
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
