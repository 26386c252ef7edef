//! The nightly job, step by step: pull → history → derive → measure → render → queue → commit → send.
//!
//! Everything up to the commit is invisible; the commit publishes tables, archive and outbox
//! together or not at all. Sending touches only the ledger, so a run that is started again for a
//! published date pulls nothing and only finishes sending.

mod check;
mod error;
mod pull;
mod reader;
mod ready;
mod record;
mod render;
mod summary;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::time::Instant;

use jiff::civil::Date;

use crate::clock::RunId;
use crate::config::Config;
use crate::delivery::{self, Outcome};
use crate::funnel::{self, Derived};
use crate::metrics;
use crate::problem::{Problem, Problems};
use crate::report::Templates;
use crate::warehouse::query::refusal::no_table;
use crate::warehouse::{Draft, FileKind, Relation, Session, Version, Warehouse, declared_tables};
use ready::{Ready, ready};
use record::Record;

pub(crate) use check::check;
pub(crate) use error::PipelineError;
pub(crate) use reader::{Reader, baselines, freeze, reader, runs};
pub(crate) use render::render_one;
use summary::Watch;
pub(crate) use summary::{Event, ReportPage, RunSummary, StreamResult};

/// Runs the nightly job for one as-of date.
///
/// # Errors
/// Where nothing could be published. What failed or was withheld in a run that did publish stands in
/// the summary's `problems`.
pub(crate) async fn run(
    config: &Config,
    as_of: Date,
    send: bool,
    watch: Watch<'_>,
) -> Result<RunSummary, PipelineError> {
    let warehouse = Warehouse::open(&config.warehouse)?;
    run_on(&warehouse, config, as_of, send, watch).await
}

/// The same on a warehouse that is open already.
async fn run_on(
    warehouse: &Warehouse,
    config: &Config,
    as_of: Date,
    send: bool,
    watch: Watch<'_>,
) -> Result<RunSummary, PipelineError> {
    let began = Instant::now();
    let mut summary = RunSummary::new(as_of);
    let published = warehouse.as_of(as_of).await?;
    let version = match published {
        Some(version) => {
            summary.already_published = true;
            version
        }
        None => publish(config, warehouse, &mut summary, watch).await?,
    };
    summary.commit_no = Some(version.commit_no);
    if send {
        watch(&Event::Step {
            name: "sending",
            as_of,
        });
        deliver(config, warehouse, &version, &mut summary).await?;
    }
    summary.seconds = began.elapsed().as_secs_f64();
    Ok(summary)
}

/// Everything up to the commit, and the commit.
async fn publish(
    config: &Config,
    warehouse: &Warehouse,
    summary: &mut RunSummary,
    watch: Watch<'_>,
) -> Result<Version, PipelineError> {
    let as_of = summary.as_of;
    let ready = ready(config, as_of)?;
    let run_id = RunId::new(as_of);
    let base = warehouse.latest().await?;
    let mut draft = warehouse.begin(as_of, &run_id, &config.time_zone).await?;
    let night = Night {
        config,
        warehouse,
        ready: &ready,
        base: base.as_ref(),
        run_id: &run_id,
        watch,
    };
    if let Err(error) = night.work(&mut draft, summary).await {
        discard(warehouse, draft).await;
        return Err(error);
    }
    watch(&Event::Step {
        name: "publishing",
        as_of,
    });
    draft
        .commit(config.texts.clone(), &config.funnel.hash)
        .await?;
    let version = warehouse.as_of(as_of).await?;
    version.ok_or(PipelineError::NotPublished {
        as_of,
        fix: "look at `leadgauge runs`".to_owned(),
    })
}

/// One night's work before the commit.
struct Night<'a> {
    config: &'a Config,
    warehouse: &'a Warehouse,
    ready: &'a Ready,
    /// The newest published version; none on the first night.
    base: Option<&'a Version>,
    run_id: &'a RunId,
    watch: Watch<'a>,
}

impl Night<'_> {
    async fn work(&self, draft: &mut Draft, summary: &mut RunSummary) -> Result<(), PipelineError> {
        let began = Instant::now();
        let as_of = summary.as_of;
        let step = |name| (self.watch)(&Event::Step { name, as_of });
        let Ready {
            canonical,
            templates,
        } = self.ready;

        step("pulling");
        let pull = pull::Pull {
            config: self.config,
            base: self.base,
            as_of,
            canonical,
            watch: self.watch,
        };
        summary.streams = pull.all(draft).await?;
        judge_streams(summary)?;

        step("deriving");
        let (session, derived) = self.derive(draft, summary).await?;
        step("measuring");
        let measured = metrics::measure(&session, self.config).await?;
        for table in derived.tables.iter().chain(&measured) {
            let rows = session.table(table).await?;
            draft.replace(table, &rows.schema, &rows.batches).await?;
        }

        step("rendering");
        render::queue_due(self.config, &session, templates, draft, summary).await?;
        summary.seconds = began.elapsed().as_secs_f64();
        let record = Record {
            run_id: self.run_id,
            definition: &self.config.funnel.definition,
            summary,
            counts: &derived.counts,
        };
        record::append(draft, &record).await
    }

    /// The funnel over what the draft holds, in a session that has all that measures read.
    async fn derive(
        &self,
        draft: &Draft,
        summary: &mut RunSummary,
    ) -> Result<(Session, Derived), PipelineError> {
        let Self {
            config,
            warehouse,
            base,
            run_id,
            ..
        } = *self;
        let canonical = &self.ready.canonical;
        let version = draft.version();
        let session =
            open_session(warehouse, Some(&version), config, summary.as_of, canonical).await?;
        let extracts = record::extract_rows(run_id, summary);
        record::register_extracts(&session, warehouse, base, &extracts).await?;
        let derived =
            funnel::derive(&session, canonical, &config.funnel, &config.time_zone).await?;
        let left_out = derived.left_out.iter().map(ToString::to_string);
        summary.problems.extend(left_out);
        if let Some(base) = base.filter(|base| base.tables().contains("baseline")) {
            let (schema, batches) = warehouse.read(base, "baseline").await?;
            session.register("baseline", schema, batches)?;
        }
        Ok((session, derived))
    }
}

/// Removes the files of a draft that will not be committed. No version names them, so one that stays
/// costs space and nothing else.
async fn discard(warehouse: &Warehouse, draft: Draft) {
    let kinds = [
        FileKind::History,
        FileKind::Events,
        FileKind::Derived,
        FileKind::Append,
        FileKind::Archive,
        FileKind::Outbox,
    ];
    let version = draft.version();
    let run_id = draft.run_id().to_string();
    let own = |path: &&str| path.contains(&run_id);
    for kind in kinds {
        let paths = version.files_of(kind).map(|file| file.path.as_str());
        for path in paths.filter(own) {
            let _gone = warehouse.store().delete(path).await;
        }
    }
    draft.abandon().await;
}

/// Streams that did not arrive are problems of the run; without any stream there is no run.
fn judge_streams(summary: &mut RunSummary) -> Result<(), PipelineError> {
    let failed: Vec<_> = summary
        .streams
        .iter()
        .filter(|stream| stream.outcome != "ok")
        .collect();
    let reasons: Vec<String> = failed
        .iter()
        .map(|stream| {
            let message = stream.message.as_deref().unwrap_or_default();
            format!(
                "`{}.{}` is {}: {message}",
                stream.source, stream.stream, stream.outcome
            )
        })
        .collect();
    let transient = failed.iter().all(|stream| stream.transient);
    if failed.len() == summary.streams.len() {
        let reasons = reasons.join("\n");
        return Err(PipelineError::NothingArrived {
            as_of: summary.as_of,
            reasons,
            transient,
        });
    }
    summary.problems.extend(reasons);
    Ok(())
}

/// A session over one version, with every table that the canonical queries read. A stream that never
/// arrived has no rows and the columns that its configuration declares.
async fn open_session(
    warehouse: &Warehouse,
    version: Option<&Version>,
    config: &Config,
    as_of: Date,
    canonical: &BTreeMap<String, Vec<Relation>>,
) -> Result<Session, PipelineError> {
    let session = Session::new(as_of, &config.time_zone);
    let declared: BTreeMap<_, _> = config.sources.iter().flat_map(declared_tables).collect();
    let published = version.map(Version::tables).unwrap_or_default();
    let mut there: BTreeSet<String> = declared.keys().cloned().collect();
    there.extend(published.iter().cloned());
    let own = canonical.values().flatten().filter(|relation| relation.own);
    let problems: Vec<Problem> = own
        .flat_map(|relation| misspelt(relation, &there))
        .collect();
    if !problems.is_empty() {
        return Err(Problems(problems).into());
    }
    let needed: BTreeSet<&String> = canonical
        .values()
        .flatten()
        .flat_map(|relation| &relation.needs)
        .collect();
    for table in needed {
        if let Some(version) = version.filter(|_| published.contains(table)) {
            let (schema, batches) = warehouse.read(version, table).await?;
            session.register(table, schema, batches)?;
        } else if let Some(schema) = declared.get(table) {
            session.register(table, schema.clone(), Vec::new())?;
        }
    }
    Ok(session)
}

/// The tables that a query of the deployment's own reads and no stream gives. A shipped query may
/// read streams that a deployment does not have; it is left out.
fn misspelt(relation: &Relation, there: &BTreeSet<String>) -> Vec<Problem> {
    let unknown = relation.needs.difference(there);
    unknown
        .map(|table| no_table(table, there).at(relation.place_of_table(table)))
        .collect()
}

/// Hands over what this version's outbox holds and is not settled yet. What comes in between leaves
/// the version published and the mails in the outbox.
async fn deliver(
    config: &Config,
    warehouse: &Warehouse,
    version: &Version,
    summary: &mut RunSummary,
) -> Result<(), PipelineError> {
    let mails = render::unsettled(warehouse, version).await?;
    let receipts = match delivery::send(warehouse.store(), &config.delivery.transport, &mails).await
    {
        Ok(receipts) => receipts,
        Err(error) => {
            let why = error.source().map(|cause| format!("\n  why: {cause}"));
            summary.problems.push(format!(
                "The mails wait in the outbox: {error}{}",
                why.unwrap_or_default()
            ));
            return Ok(());
        }
    };
    let mut passing = 0;
    for receipt in receipts {
        // To whom it goes stands in the outbox; the log names no person.
        let told = |what: &str| format!("The mail `{}` {what}", receipt.id);
        match &receipt.outcome {
            Outcome::Sent => summary.sent += 1,
            Outcome::Settled => {}
            Outcome::Elsewhere => {
                passing += 1;
                summary.problems.push(told("is being sent by another run"));
            }
            Outcome::Waits(why) => {
                passing += 1;
                summary
                    .problems
                    .push(told(&format!("waits for the next run: {why}")));
            }
            Outcome::Held(why) => summary
                .problems
                .push(told(&format!("waits until this is mended: {why}"))),
            Outcome::Refused(why) => summary.problems.push(told(&format!("was refused: {why}"))),
            Outcome::Unknown(why) => {
                summary
                    .problems
                    .push(told(&format!("may or may not have arrived: {why}")));
            }
        }
    }
    summary.transient = passing > 0 && passing == summary.problems.len();
    Ok(())
}
