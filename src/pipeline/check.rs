//! Everything that can be checked offline: the whole job is run over empty tables of the declared
//! columns, so that every query is planned and every template rendered, and nothing is written.

use serde::Serialize;

use super::{PipelineError, Templates, canonical, open_session, record};
use crate::clock::{self, RunId};
use crate::config::Config;
use crate::warehouse::{Version, Warehouse};
use crate::{funnel, metrics, report};

/// What was looked at.
#[derive(Debug, Serialize)]
pub(crate) struct Checked {
    pub(crate) sources: usize,
    pub(crate) streams: usize,
    pub(crate) stages: usize,
    pub(crate) queries: usize,
    pub(crate) templates: usize,
}
