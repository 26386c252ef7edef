//! The first half of a run: every stream pulled, judged, and recorded in the history, or kept out of
//! it and said.

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Instant;

use futures::{StreamExt, stream};
use jiff::civil::Date;

use super::PipelineError;
use super::judge::{Judge, Verdict};
use super::summary::{Event, StreamResult, Watch};
use crate::config::{Config, Source, Stream, StreamKind};
use crate::sources::{self, Extract, Fetched, FileFact, Known, SourceError};
use crate::warehouse::{Check, Draft, Recorded};

/// What every pull of a run needs to know.
pub(super) struct Pull<'a> {
    pub(super) config: &'a Config,
    pub(super) as_of: Date,
    pub(super) judge: Judge<'a>,
    pub(super) watch: Watch<'a>,
}

/// What came of a stream: rows to record or, with the file if there is one, why not.
struct Arrived {
    result: StreamResult,
    outcome: Result<Extract, Option<Fetched>>,
}

/// A stream's file as it came, if it did, and what could be read in it.
pub(super) struct Pulled {
    pub(super) fetched: Option<Fetched>,
    pub(super) read: Result<Extract, SourceError>,
}

/// Pulls a stream's file for a day and reads it, whatever the gates would say of it. A file kept in
/// quarantine is pulled again from a source whose location is `quarantine/<run_id>/<source>`.
pub(super) async fn pull(source: &Source, stream: &Stream, as_of: Date, known: &Known) -> Pulled {
    match sources::fetch(source, stream, as_of).await {
        Err(error) => Pulled {
            fetched: None,
            read: Err(error),
        },
        Ok(fetched) => Pulled {
            read: sources::read(source, stream, as_of, &fetched, known).await,
            fetched: Some(fetched),
        },
    }
}

impl Pull<'_> {
    /// Pulls every stream and records what is sound; says how each fared.
    pub(super) async fn all(&self, draft: &mut Draft) -> Result<Vec<StreamResult>, PipelineError> {
        let mut results = Vec::new();
        for source in &self.config.sources {
            let mut changes = self.told_before(source);
            let news = histories_first(source).filter(|stream| !self.is_recorded(source, stream));
            // One file is parsed while the one before it is recorded.
            let one = |stream| self.one(source, stream);
            let mut pulls = pin!(stream::iter(news).map(one).buffered(2));
            while let Some(Arrived {
                mut result,
                outcome,
            }) = pulls.next().await
            {
                match outcome {
                    Ok(extract) => record(extract, draft, &mut changes, &mut result).await?,
                    Err(Some(fetched)) => put_aside(fetched, draft, &mut result).await?,
                    Err(None) => {}
                }
                (self.watch)(&Event::Stream(Box::new(result.clone())));
                results.push(result);
            }
        }
        Ok(results)
    }

    /// Whether a stream's extract for the day is in the history already.
    fn is_recorded(&self, source: &Source, stream: &Stream) -> bool {
        let table = format!("{}.{}", source.name, stream.name);
        let state = self.judge.base.and_then(|base| base.stream(&table));
        state.is_some_and(|state| state.has(self.as_of))
    }

    /// In a late run what field history ever told counts, whether or not it comes again.
    fn told_before(&self, source: &Source) -> BTreeMap<String, Extract> {
        let newest = self.judge.base.map(|base| base.as_of);
        if newest.is_none_or(|newest| newest < self.as_of) {
            return BTreeMap::new();
        }
        stored_histories(source, self.as_of)
    }

    /// Pulls one stream and judges it.
    async fn one(&self, source: &Source, stream: &Stream) -> Arrived {
        let began = Instant::now();
        let mut result = blank(source, stream);
        let known = self.judge.known(&result.table());
        let Pulled { fetched, read } = pull(source, stream, self.as_of, &known).await;
        if let Some(fetched) = &fetched {
            let FileFact {
                path,
                bytes,
                sha256,
            } = &fetched.file;
            (result.file, result.bytes) = (Some(path.clone()), *bytes);
            result.sha256 = Some(sha256.clone());
            // Whether the file is whole and holds what it should.
            let faults = u64::from(read.is_err());
            result.checks.push(Check::judged("file", faults, 0));
        }
        let outcome = match read {
            Ok(extract) => self.stands(source, stream, extract, &mut result),
            Err(error) => {
                result.outcome = error.outcome();
                result.transient = error.transient();
                result.message = Some(error.problem().to_string());
                None
            }
        };
        result.seconds = began.elapsed().as_secs_f64();
        Arrived {
            result,
            outcome: outcome.ok_or(fetched),
        }
    }

    /// The extract, if it may stand beside the last complete one and beside the queries.
    fn stands(
        &self,
        source: &Source,
        stream: &Stream,
        extract: Extract,
        result: &mut StreamResult,
    ) -> Option<Extract> {
        let Verdict { checks, problems } = self.judge.judge(source, stream, &extract);
        result.checks.extend(checks);
        if problems.is_empty() {
            return Some(extract);
        }
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        result.outcome = "quarantined";
        result.message = Some(told.join("\n"));
        None
    }
}

/// Field history of which nothing comes anew, by the stream that it tells of.
pub(super) fn stored_histories(source: &Source, as_of: Date) -> BTreeMap<String, Extract> {
    let told = |stream: &Stream| match &stream.kind {
        StreamKind::FieldHistory { of, .. } => {
            Some((of.clone(), Extract::empty(source, stream, as_of)))
        }
        _ => None,
    };
    source.streams.iter().filter_map(told).collect()
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
pub(super) async fn record(
    extract: Extract,
    draft: &mut Draft,
    changes: &mut BTreeMap<String, Extract>,
    result: &mut StreamResult,
) -> Result<(), PipelineError> {
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

/// Keeps the file of a stream that stays out of this night.
async fn put_aside(
    fetched: Fetched,
    draft: &mut Draft,
    result: &mut StreamResult,
) -> Result<(), PipelineError> {
    let Fetched { file, stored, .. } = fetched;
    result.kept = draft.put_aside(&result.table(), &file.path, stored).await?;
    if result.kept.is_none() {
        let told = result.message.take().unwrap_or_default();
        let why = "the file names somebody who was erased, and is not kept";
        result.message = Some(format!("{told}\n  {why}"));
    }
    Ok(())
}

pub(super) fn blank(source: &Source, stream: &Stream) -> StreamResult {
    StreamResult {
        source: source.name.clone(),
        stream: stream.name.clone(),
        outcome: "ok",
        file: None,
        bytes: 0,
        sha256: None,
        recorded: Recorded::default(),
        checks: Vec::new(),
        kept: None,
        seconds: 0.0,
        message: None,
        transient: false,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use jiff::civil::date;

    use super::*;
    use crate::fs::{self, Location};

    // A file kept in quarantine is pulled again by its stream, from the folder of its source.
    #[tokio::test]
    async fn a_kept_file_is_pulled_again() {
        let folder = tempfile::tempdir().unwrap();
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/leadgauge.yaml");
        let config = Config::load(&shipped).unwrap();
        let mut source = config.sources[0].clone();
        let kept = folder.path().join("quarantine/2026-11-05-0/salesforce");
        source.location = Location::folder(&kept).unwrap();
        let user = |stream: &&Stream| stream.name == "user";
        let stream = source.streams.iter().find(user).unwrap();
        let text = b"Id,CreatedDate,SystemModstamp\n1,2026-11-05T09:00:00Z,2026-11-05T09:00:00Z\n";
        fs::write(&kept.join("2026-11-05/User.csv"), text).unwrap();
        let pulled = pull(&source, stream, date(2026, 11, 5), &Known::default()).await;
        assert_eq!(pulled.read.unwrap().file.path, "2026-11-05/User.csv");
        assert_eq!(pulled.fetched.unwrap().stored, text.as_slice());
    }
}
