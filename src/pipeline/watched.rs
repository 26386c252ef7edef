//! A nightly run under the eyes of others: a watcher outside hears that it starts and how it ends, and
//! the owner is told what is wrong. Neither can fail the run; what comes in between is a note.

use jiff::civil::Date;

use super::owner;
use super::summary::{Event, RunSummary, Watch};
use super::{Mails, PipelineError};
use crate::config::Config;
use crate::delivery::{self, Beat};
use crate::warehouse::WarehouseError;

pub(super) async fn run(
    config: &Config,
    as_of: Date,
    mails: Mails,
    watch: Watch<'_>,
    nightly: impl Future<Output = Result<RunSummary, PipelineError>>,
) -> Result<RunSummary, PipelineError> {
    beat(config, Beat::Start, watch).await;
    let mut ended = nightly.await;
    // Who came second leaves the word to the run that is at it.
    if let Err(PipelineError::Warehouse(WarehouseError::Locked { .. })) = ended {
        return ended;
    }
    Box::pin(owner::tell(config, as_of, mails, &mut ended, watch)).await;
    let went_well = ended.as_ref().is_ok_and(RunSummary::is_complete);
    let last = if went_well {
        Beat::Success
    } else {
        Beat::Failure
    };
    beat(config, last, watch).await;
    ended
}

async fn beat(config: &Config, beat: Beat, watch: Watch<'_>) {
    if let Some(secret) = &config.delivery.heartbeat
        && let Err(what) = delivery::beat(secret, beat).await
    {
        watch(&Event::Note { what });
    }
}
