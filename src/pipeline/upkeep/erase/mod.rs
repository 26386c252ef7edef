//! Erasure: who is meant, what goes, one commit without them, and the old files deleted.

mod who;

use std::collections::BTreeMap;

use self::who::Look;
use crate::clock::RunId;
use crate::config::Config;
use crate::delivery::Ledger;
use crate::pipeline::night::Night;
use crate::pipeline::ready::{Ready, ready};
use crate::pipeline::summary::{RunSummary, Watch};
use crate::pipeline::{Mails, PipelineError, commit};
use crate::warehouse::{Draft, Plan, Proof, Version, Warehouse, WarehouseError, Went};
pub(crate) use who::Asked;

/// What an erasure did, or would do. No value of a cell stands in it.
#[derive(Debug, Default)]
pub(crate) struct Erasure {
    pub(crate) persons: usize,
    /// None for a rehearsal, and where everything asked for was erased before.
    pub(crate) commit_no: Option<u64>,
    /// By table or kind of file.
    pub(crate) went: BTreeMap<String, Went>,
    /// Refused files that go whole.
    pub(crate) whole: Vec<String>,
    /// Mails that go before they were sent.
    pub(crate) unsent: usize,
    /// Files that are deleted now.
    pub(crate) deleted: usize,
    pub(crate) problems: Vec<String>,
}

/// What is decided before anything is written.
struct Planned {
    newest: Version,
    plan: Plan,
    erasure: Erasure,
}

/// Erases everybody who ever had one of the addresses; a rehearsal only tells.
pub(crate) async fn erase(
    config: &Config,
    asked: &[Asked],
    rehearsal: bool,
    watch: Watch<'_>,
) -> Result<Erasure, PipelineError> {
    let warehouse = Warehouse::open(&config.warehouse)?;
    let newest = warehouse.latest().await?.ok_or(PipelineError::Empty)?;
    let config = &config.on(newest.as_of);
    let ready = ready(config, newest.as_of)?;
    let run_id = RunId::new(newest.as_of);
    let planned = plan((config, &warehouse, &ready), asked, &run_id, rehearsal);
    if rehearsal {
        let planned = planned.await?;
        return Ok(planned.map_or_else(Erasure::default, |planned| planned.erasure));
    }
    let draft = warehouse.begin_erasure(&run_id, &config.time_zone);
    let draft = draft.await?;
    let mut erasure = match planned.await {
        Ok(Some(planned)) => carry_out((config, &warehouse, &ready), planned, draft, watch).await?,
        Ok(None) => {
            draft.abandon().await;
            Erasure::default()
        }
        Err(error) => {
            draft.abandon().await;
            return Err(error);
        }
    };
    sweep(&warehouse, &mut erasure).await;
    Ok(erasure)
}

/// Publishes what is left.
async fn carry_out(
    (config, warehouse, ready): (&Config, &Warehouse, &Ready),
    planned: Planned,
    mut draft: Draft,
    watch: Watch<'_>,
) -> Result<Erasure, PipelineError> {
    let Planned {
        newest,
        mut plan,
        mut erasure,
    } = planned;
    let run_id = draft.run_id().clone();
    let night = Night {
        config,
        warehouse,
        ready,
        base: Some(&newest),
        run_id: &run_id,
        mails: Mails::Skip,
        watch,
    };
    let mut summary = RunSummary::new(newest.as_of);
    summary.late = true;
    let worked = Box::pin(work(&night, &mut draft, &mut plan, &mut summary)).await;
    erasure.commit_no = Some(commit(config, warehouse, draft, worked, watch).await?);
    erasure.problems.append(&mut summary.problems);
    let delta = super::export_delta(warehouse).await;
    erasure.problems.extend(delta);
    let index = super::index(config, warehouse).await;
    erasure.problems.extend(index);
    Ok(erasure)
}

/// Looks through everything that is kept for what is left of the erased.
pub(crate) async fn erased(config: &Config) -> Result<Proof, PipelineError> {
    Ok(Warehouse::open(&config.warehouse)?.prove_erasure().await?)
}

/// What goes of the newest version; none where everything asked for was erased before.
async fn plan(
    (config, warehouse, ready): (&Config, &Warehouse, &Ready),
    asked: &[Asked],
    run_id: &RunId,
    rehearsal: bool,
) -> Result<Option<Planned>, PipelineError> {
    let newest = warehouse.latest().await?.ok_or(PipelineError::Empty)?;
    let look = Look {
        config,
        warehouse,
        version: &newest,
        ready,
    };
    let Some(erased) = Box::pin(look.who(asked)).await? else {
        return Ok(None);
    };
    let plan = warehouse.plan_erasure(&newest, &erased, run_id, rehearsal);
    let plan = plan.await?;
    let settled = Ledger::new(warehouse.store()).settled().await?;
    let erasure = Erasure {
        persons: erased.persons,
        went: plan.went().clone(),
        whole: plan.whole().map(str::to_owned).collect(),
        unsent: plan.mails().filter(|mail| !settled.contains(*mail)).count(),
        ..Erasure::default()
    };
    Ok(Some(Planned {
        newest,
        plan,
        erasure,
    }))
}

/// Everything before the commit.
async fn work(
    night: &Night<'_>,
    draft: &mut Draft,
    plan: &mut Plan,
    summary: &mut RunSummary,
) -> Result<(), PipelineError> {
    draft.erase(plan).await?;
    night.derive(draft, summary).await?;
    Ok(draft.bury(plan).await?)
}

/// The old files go at once; what stays is told.
async fn sweep(warehouse: &Warehouse, erasure: &mut Erasure) {
    match warehouse.sweep().await {
        Ok(done) => {
            erasure.deleted = done.gone.len();
            let stuck = done.stuck.into_iter().map(PipelineError::from);
            erasure.problems.extend(stuck.map(|error| stays(&error)));
        }
        Err(error @ WarehouseError::Locked { .. }) => {
            let why = PipelineError::from(error).to_string();
            erasure.problems.push(format!(
                "The old files stay: {why}\n  fix: erase the same again once it has ended"
            ));
        }
        Err(error) => erasure.problems.push(stays(&error.into())),
    }
}

fn stays(error: &PipelineError) -> String {
    format!("Old files stay: {}", super::in_full(error))
}
