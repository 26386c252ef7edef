//! Days that come late: extracts of a day before the newest published one, or of the newest that
//! stayed out of its night. They join the history, the newest day's tables are derived again, and
//! nobody is mailed.

use std::collections::BTreeSet;
use std::time::Instant;

use jiff::ToSpan;
use jiff::civil::Date;

use super::night::Night;
use super::pull::{self, Pulled};
use super::summary::{RunSummary, StreamResult, Watch};
use super::upkeep::{self, Kept};
use super::{Mails, PipelineError, commit, ready, run};
use crate::clock::RunId;
use crate::config::{Config, Source, Stream};
use crate::problem::{Problem, Problems};
use crate::sources::Known;
use crate::warehouse::{Draft, Version, Warehouse};

/// Loads the streams of a day that were not recorded for it.
pub(super) async fn load(
    config: &Config,
    warehouse: &Warehouse,
    newest: &Version,
    mut summary: RunSummary,
    watch: Watch<'_>,
) -> Result<RunSummary, PipelineError> {
    let began = Instant::now();
    summary.late = true;
    let config = &config.on(newest.as_of);
    let ready = ready(config, newest.as_of)?;
    let run_id = RunId::new(summary.as_of);
    let zone = &config.time_zone;
    let mut draft = warehouse.begin_late(summary.as_of, &run_id, zone).await?;
    let night = Night {
        config,
        warehouse,
        ready: &ready,
        base: Some(newest),
        run_id: &run_id,
        mails: Mails::Skip,
        watch,
    };
    let worked = async {
        night.pull(&mut draft, &mut summary).await?;
        night.derive(&mut draft, &mut summary).await
    };
    let worked = Box::pin(worked).await;
    let commit_no = commit(config, warehouse, draft, worked, watch).await?;
    summary.commit_no = Some(commit_no);
    summary
        .problems
        .extend(upkeep::export_delta(warehouse).await);
    summary.seconds = began.elapsed().as_secs_f64();
    Ok(summary)
}

/// A range of days, and what becomes of the last one's mails.
pub(crate) struct Days {
    pub(crate) from: Date,
    pub(crate) to: Date,
    pub(crate) mails: Mails,
}

/// Loads the days of a range that lack a stream, in order: those after the newest published day as
/// nights in their turn, of which only the last is mailed, the others late.
pub(crate) async fn backfill(
    config: &Config,
    days: &Days,
    watch: Watch<'_>,
) -> Result<Vec<RunSummary>, PipelineError> {
    let warehouse = Warehouse::open(&config.warehouse)?;
    let mut summaries = Vec::new();
    for day in days.from.series(1.day()).take_while(|day| *day <= days.to) {
        let newest = warehouse.latest().await?;
        let summary = match newest {
            Some(newest) if newest.as_of >= day => {
                if is_whole(config, &newest, day) {
                    continue;
                }
                let summary = RunSummary::new(day);
                load(config, &warehouse, &newest, summary, watch).await
            }
            _ if day < days.to => run(config, day, Mails::Skip, watch).await,
            _ => run(config, day, days.mails, watch).await,
        };
        summaries.push(match summary {
            // A day of which nothing is there is a hole, and no reason to leave out the days after it.
            Err(error @ PipelineError::NothingArrived { .. }) => RunSummary::failed(day, &error),
            other => other?,
        });
    }
    Ok(summaries)
}

/// Whether every configured stream was recorded for a day.
fn is_whole(config: &Config, newest: &Version, day: Date) -> bool {
    let recorded = |source: &Source, stream: &Stream| {
        let table = format!("{}.{}", source.name, stream.name);
        newest.stream(&table).is_some_and(|state| state.has(day))
    };
    let mut sources = config.sources.iter();
    sources.all(|source| source.streams.iter().all(|stream| recorded(source, stream)))
}

/// Records an extract that the gates refused, from the file that is kept, whatever they say of it.
pub(crate) async fn release(
    config: &Config,
    table: &str,
    day: Date,
    watch: Watch<'_>,
) -> Result<RunSummary, PipelineError> {
    let began = Instant::now();
    let warehouse = Warehouse::open(&config.warehouse)?;
    let newest = warehouse.latest().await?.ok_or(PipelineError::Empty)?;
    let config = &config.on(newest.as_of);
    let ready = ready(config, newest.as_of)?;
    let kept = upkeep::kept(config, table, day).await?;
    let run_id = RunId::new(day);
    let mut draft = warehouse
        .begin_late(day, &run_id, &config.time_zone)
        .await?;
    let night = Night {
        config,
        warehouse: &warehouse,
        ready: &ready,
        base: Some(&newest),
        run_id: &run_id,
        mails: Mails::Skip,
        watch,
    };
    let mut summary = RunSummary::new(day);
    summary.late = true;
    let worked = async {
        let released = released(config, &newest, &kept, &mut draft).await?;
        summary.streams.push(released);
        upkeep::mark_released(&mut draft, &kept).await?;
        night.derive(&mut draft, &mut summary).await
    };
    let worked = Box::pin(worked).await;
    let commit_no = commit(config, &warehouse, draft, worked, watch).await?;
    summary.commit_no = Some(commit_no);
    summary
        .problems
        .extend(upkeep::export_delta(&warehouse).await);
    summary.seconds = began.elapsed().as_secs_f64();
    Ok(summary)
}

/// Reads a kept file as its stream's and records it.
async fn released(
    config: &Config,
    newest: &Version,
    kept: &Kept,
    draft: &mut Draft,
) -> Result<StreamResult, PipelineError> {
    let (source, stream) = stream_of(config, &kept.table)?;
    let known = Known {
        schema: newest.pinned(&kept.table),
        held: BTreeSet::new(),
    };
    let aside = Source {
        location: config
            .warehouse
            .below(&kept.folder)
            .map_err(Problem::new)
            .map_err(Problems::from)?,
        ..source.clone()
    };
    let Pulled { read, .. } = pull::pull(&aside, stream, kept.as_of, &known).await;
    let extract = read.map_err(|error| Problems::from(error.problem()))?;
    let mut result = pull::blank(source, stream);
    result.file = Some(extract.file.path.clone());
    result.bytes = extract.file.bytes;
    result.sha256 = Some(extract.file.sha256.clone());
    let mut told = pull::stored_histories(source, kept.as_of);
    pull::record(extract, draft, &mut told, &mut result).await?;
    Ok(result)
}

fn stream_of<'a>(
    config: &'a Config,
    table: &str,
) -> Result<(&'a Source, &'a Stream), PipelineError> {
    let sources = config.sources.iter();
    let mut streams =
        sources.flat_map(|source| source.streams.iter().map(move |stream| (source, stream)));
    let found =
        streams.find(|(source, stream)| format!("{}.{}", source.name, stream.name) == table);
    found.ok_or_else(|| {
        let problem = Problem::new(format!("There is no stream `{table}` in the configuration"));
        Problems::from(problem.fix("`leadgauge warehouse quarantine` lists what is kept")).into()
    })
}
