//! The nightly job, step by step: pull → history → derive → measure → render → queue → commit → send.
//!
//! Everything up to the commit is invisible; the commit publishes tables, archive and outbox
//! together or not at all. Sending touches only the ledger, so a run that is started again for a
//! published date pulls nothing and only finishes sending.

mod again;
mod attach;
mod check;
pub(crate) mod contract;
mod deliveries;
mod error;
mod gates;
mod held;
mod judge;
mod late;
mod night;
mod outbox;
mod owner;
mod pdf;
mod pull;
mod reader;
mod ready;
mod recipients;
mod record;
mod render;
mod restate;
mod show;
mod summary;
#[cfg(test)]
mod tests;
mod upkeep;
mod watched;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::time::Instant;

use jiff::civil::Date;

use crate::clock::RunId;
use crate::config::{Config, Suppressed};
use crate::delivery::{self, DeliveryError, Outgoing};
use crate::problem::{Problem, Problems};
use crate::report::Templates;
use crate::warehouse::query::refusal::no_table;
use crate::warehouse::{Draft, FileKind, Relation, Session, Version, Warehouse, declared_tables};
use night::Night;
use ready::{Ready, ready};

pub(crate) use check::check;
pub(crate) use deliveries::{Which, list as list_messages, preview, resend, retry};
pub(crate) use error::PipelineError;
pub(crate) use late::{Days, backfill, release};
pub(crate) use reader::{Reader, baselines, compare, freeze, reader, runs, show_baseline};
pub(crate) use show::render_one;
pub(crate) use summary::{Event, ReportPage, RunSummary, StreamResult};
use summary::{OF_MAIL, Watch};
pub(crate) use upkeep::{
    Asked, Erasure, commits, compact, erase, erased, quarantined, rewrite_delta, vacuum, verify,
};

/// What becomes of a night's mails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mails {
    /// Into the outbox, and out.
    Send,
    /// Into the outbox, for a later run to send.
    Queue,
    /// None is made: a later day's says it better.
    Skip,
}

/// Runs the nightly job for one as-of date.
///
/// # Errors
/// Where nothing could be published. What failed or was withheld in a run that did publish stands in
/// the summary's `problems`.
pub(crate) async fn run(
    config: &Config,
    as_of: Date,
    mails: Mails,
    watch: Watch<'_>,
) -> Result<RunSummary, PipelineError> {
    let nightly = Box::pin(async {
        let warehouse = Warehouse::open(&config.warehouse)?;
        run_on(&warehouse, config, as_of, mails, watch).await
    });
    if mails == Mails::Skip {
        return nightly.await;
    }
    watched::run(config, as_of, mails, watch, nightly).await
}

/// The same on a warehouse that is open already.
async fn run_on(
    warehouse: &Warehouse,
    config: &Config,
    as_of: Date,
    mails: Mails,
    watch: Watch<'_>,
) -> Result<RunSummary, PipelineError> {
    let began = Instant::now();
    let mut summary = RunSummary::new(as_of);
    let published = warehouse.as_of(as_of).await?;
    let newest = warehouse.latest().await?;
    let version = match (published, newest) {
        (Some(version), _) => {
            summary.already_published = true;
            version
        }
        (None, Some(newest)) if newest.as_of > as_of => {
            return late::load(config, warehouse, &newest, summary, watch).await;
        }
        (None, _) => publish(config, warehouse, mails, &mut summary, watch).await?,
    };
    summary.commit_no = Some(version.commit_no);
    let version = if summary.already_published && mails != Mails::Skip {
        Box::pin(held::look_again(
            config,
            warehouse,
            version,
            &mut summary,
            watch,
        ))
        .await?
    } else {
        version
    };
    summary
        .problems
        .extend(upkeep::export_delta(warehouse).await);
    let index = upkeep::index(config, warehouse).await;
    summary.problems.extend(index);
    if mails == Mails::Send {
        watch(&Event::Step {
            name: "sending",
            as_of,
        });
        deliver(config, warehouse, &version, &mut summary).await?;
    }
    if !summary.already_published {
        let unsigned = contract::unsigned(config, warehouse).await?;
        summary.notes.extend(unsigned);
        let stays = upkeep::vacuum_after(warehouse).await;
        summary.transient &= stays.is_empty();
        summary.problems.extend(stays);
    }
    summary.seconds = began.elapsed().as_secs_f64();
    Ok(summary)
}

/// Everything up to the commit, and the commit.
async fn publish(
    config: &Config,
    warehouse: &Warehouse,
    mails: Mails,
    summary: &mut RunSummary,
    watch: Watch<'_>,
) -> Result<Version, PipelineError> {
    let as_of = summary.as_of;
    let config = &config.on(as_of);
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
        mails,
        watch,
    };
    let worked = async {
        night.pull(&mut draft, summary).await?;
        night.derive(&mut draft, summary).await
    };
    let worked = Box::pin(worked).await;
    commit(config, warehouse, draft, worked, watch).await?;
    let version = warehouse.as_of(as_of).await?;
    version.ok_or(PipelineError::NotPublished {
        as_of,
        fix: "look at `leadgauge runs`".to_owned(),
    })
}

/// Commits a draft whose work is done, or takes back what it wrote.
async fn commit(
    config: &Config,
    warehouse: &Warehouse,
    draft: Draft,
    worked: Result<(), PipelineError>,
    watch: Watch<'_>,
) -> Result<u64, PipelineError> {
    if let Err(error) = worked {
        discard(warehouse, draft).await;
        return Err(error);
    }
    watch(&Event::Step {
        name: "publishing",
        as_of: draft.as_of(),
    });
    let texts = config.texts.clone();
    let committed = draft.commit(texts, &config.funnel.hash).await?;
    Ok(committed.commit_no)
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
        FileKind::Quarantine,
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
            let rows = warehouse.table(version, table).await?;
            session.register_table(table, &rows)?;
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
    let mails = outbox::due(warehouse, version, summary).await?;
    hand_over(config, warehouse, mails, summary).await;
    Ok(())
}

/// Hands mails over, and tells in the summary what became of them.
async fn hand_over(
    config: &Config,
    warehouse: &Warehouse,
    mails: Vec<Outgoing>,
    summary: &mut RunSummary,
) {
    if let Err(error) = try_hand_over(config, warehouse, mails, summary).await {
        let why = error.source().map(|cause| format!("\n  why: {cause}"));
        let why = why.unwrap_or_default();
        let problem = format!("{OF_MAIL}s wait in the outbox: {error}{why}");
        summary.waiting.push(problem.clone());
        summary.problems.push(problem);
    }
}

async fn try_hand_over(
    config: &Config,
    warehouse: &Warehouse,
    mut mails: Vec<Outgoing>,
    summary: &mut RunSummary,
) -> Result<(), DeliveryError> {
    let delivery = &config.delivery;
    let store = warehouse.store();
    // With nothing to send, no list need be there.
    if let Some(file) = delivery.suppress.as_ref().filter(|_| !mails.is_empty()) {
        let list = Suppressed::read(file).map_err(DeliveryError::Suppressed)?;
        let (rest, settled) = delivery::without_suppressed(store, &list, mails).await?;
        summary.suppress(&settled);
        mails = rest;
    }
    let (mails, posts): (Vec<_>, Vec<_>) = mails
        .into_iter()
        .partition(|mail| mail.envelope.channel.is_none());
    // Neither waits for the other, and what stops the one does not stop the other.
    let (posted, sent) = futures::join!(
        Box::pin(delivery::post(
            store,
            &delivery.channels,
            delivery.keep_trying,
            &posts
        )),
        Box::pin(delivery::send(
            store,
            &delivery.transport,
            delivery.keep_trying,
            &mails
        )),
    );
    let (mut receipts, mut failed) = (Vec::new(), None);
    for ended in [posted, sent] {
        match ended {
            Ok(some) => receipts.extend(some),
            Err(error) => failed = Some(error),
        }
    }
    summary.receive(&receipts);
    failed.map_or(Ok(()), Err)
}
