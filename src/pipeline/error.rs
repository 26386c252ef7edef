//! Why a run, or a question to the warehouse, came to nothing.

use jiff::civil::Date;

use crate::delivery::DeliveryError;
use crate::fs::StoreError;
use crate::funnel::FunnelError;
use crate::metrics::MetricsError;
use crate::problem::Problems;
use crate::report::ReportError;
use crate::warehouse::{QueryError, WarehouseError};

#[derive(Debug, thiserror::Error)]
pub(crate) enum PipelineError {
    #[error("No stream arrived for {as_of}, so nothing is published\n{reasons}")]
    NothingArrived {
        as_of: Date,
        reasons: String,
        transient: bool,
    },
    #[error("The warehouse is empty\n  fix: run `leadgauge run` once")]
    Empty,
    #[error("Nothing is published for {as_of}\n  fix: {fix}")]
    NotPublished { as_of: Date, fix: String },
    #[error(
        "Definition `{definition}` comes into force on {effective_from}, after {as_of}\n  \
         fix: run with the definition that is in force on that day"
    )]
    NotInForce {
        definition: String,
        effective_from: Date,
        as_of: Date,
    },
    #[error("There is no report `{name}`\n  fix: {fix}")]
    NoReport { name: String, fix: String },
    #[error("There is no message `{id}` in the outbox\n  fix: {fix}")]
    NoMessage { id: String, fix: String },
    #[error(
        "The message `{id}` is {state}: only one of which nothing is left to do is sent again on purpose\n  \
         fix: `leadgauge deliver retry` sends what waits; `leadgauge deliver list` shows what became of each"
    )]
    NotSettled { id: String, state: &'static str },
    #[error("{0}")]
    Problems(#[from] Problems),
    #[error(transparent)]
    Warehouse(#[from] WarehouseError),
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error(transparent)]
    Funnel(#[from] FunnelError),
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    #[error(transparent)]
    Report(#[from] ReportError),
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl PipelineError {
    /// Whether trying again may help.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::NothingArrived {
                transient: true,
                ..
            }
        ) || matches!(self, Self::Warehouse(WarehouseError::Locked { .. }))
    }

    /// Whether the command could not start, because of what the user wrote or asked.
    pub(crate) fn is_the_users(&self) -> bool {
        match self {
            Self::Problems(_)
            | Self::Empty
            | Self::NotPublished { .. }
            | Self::NotInForce { .. }
            | Self::NoReport { .. }
            | Self::NoMessage { .. }
            | Self::NotSettled { .. }
            | Self::Report(ReportError::Template { .. } | ReportError::Column { .. })
            | Self::Warehouse(WarehouseError::OutOfOrder { .. }) => true,
            Self::Query(query)
            | Self::Funnel(FunnelError::Query(query))
            | Self::Metrics(MetricsError::Query(query)) => matches!(query, QueryError::Refused(_)),
            Self::Funnel(funnel) => matches!(
                funnel,
                FunnelError::Definition(_)
                    | FunnelError::Incomplete { .. }
                    | FunnelError::Column { .. }
                    | FunnelError::Lacks { .. }
            ),
            Self::Metrics(metrics) => {
                matches!(metrics, MetricsError::Files(_) | MetricsError::Refused(_))
            }
            _ => false,
        }
    }

    /// What to do, where the error's own text does not say.
    pub(crate) fn fix(&self) -> Option<String> {
        let fix = match self {
            Self::Warehouse(WarehouseError::Store(error)) | Self::Store(error) => {
                return stored(error).map(str::to_owned);
            }
            Self::Warehouse(error) => return kept(error),
            Self::Funnel(FunnelError::Lacks { column, .. }) => {
                format!("add `{column}` to its `select`")
            }
            Self::Funnel(FunnelError::Column { column, .. }) => {
                format!("cast `{column}` in its `select`")
            }
            Self::Funnel(FunnelError::Trigger { .. }) => {
                "write it so that every row has an answer, as with `try_cast`".to_owned()
            }
            _ => return None,
        };
        Some(fix)
    }
}

fn stored(error: &StoreError) -> Option<&'static str> {
    match error {
        StoreError::NotFound { .. } => Some("put it back from a copy"),
        StoreError::Io { .. } => Some("see that this program may read and write it"),
        StoreError::AlreadyExists { .. } => None,
    }
}

/// What to do about the warehouse.
fn kept(error: &WarehouseError) -> Option<String> {
    let fix = match error {
        WarehouseError::OutOfOrder { last, .. } => return Some(format!("name a day after {last}")),
        WarehouseError::Locked { .. } => "wait until it has ended",
        WarehouseError::LostRace { .. } => "run again: that run may have published the day",
        WarehouseError::UnknownFormat { .. } => "use the version of this program that wrote it",
        WarehouseError::Garbled { .. }
        | WarehouseError::Gap { .. }
        | WarehouseError::Truncated { .. }
        | WarehouseError::Damaged { .. } => "put it back from a copy of the warehouse",
        WarehouseError::Foreign { .. } => {
            "write the Delta logs anew with `leadgauge warehouse delta`, and let others only read"
        }
        WarehouseError::OtherForm { .. } => "give the stream the kind that it had, or another name",
        _ => return None,
    };
    Some(fix.to_owned())
}
