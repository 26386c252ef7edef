//! Care of the warehouse between nights.

mod delta;
mod erase;
mod index;
mod keep;
mod log;
mod quarantine;

use std::error::Error;

use super::PipelineError;

pub(super) use delta::export_delta;
pub(crate) use delta::rewrite_delta;
pub(crate) use erase::{Asked, Erasure, erase, erased};
pub(super) use index::index;
pub(super) use keep::vacuum_after;
pub(crate) use keep::{compact, vacuum, verify};
pub(crate) use log::commits;
pub(crate) use quarantine::quarantined;
pub(super) use quarantine::{Kept, kept, mark_released};

/// What befell upkeep, with why and what to do: it undoes no night, which only tells it.
fn in_full(error: &PipelineError) -> String {
    let mut told = error.to_string();
    if let Some(why) = error.source() {
        told = format!("{told}\n  why: {why}");
    }
    if let Some(fix) = error.fix() {
        told = format!("{told}\n  fix: {fix}");
    }
    told
}
