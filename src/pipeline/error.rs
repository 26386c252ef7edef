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
    #[error("There is no report `{name}`\n  fix: {fix}")]
    NoReport { name: String, fix: String },
    #[error("{0}")]
    Problems(#[from] Problems),
    #[error("The warehouse failed")]
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
        matches!(
            self,
            Self::Problems(_)
                | Self::Funnel(FunnelError::Definition(_) | FunnelError::Incomplete { .. })
                | Self::Empty
                | Self::NotPublished { .. }
                | Self::NoReport { .. }
                | Self::Query(QueryError::Refused(_))
        )
    }
}
