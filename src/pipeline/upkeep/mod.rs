//! Care of the warehouse between nights.

mod delta;
mod log;
mod quarantine;

pub(super) use delta::export_delta;
pub(crate) use delta::rewrite_delta;
pub(crate) use log::commits;
pub(crate) use quarantine::quarantined;
pub(super) use quarantine::{Kept, kept, mark_released};
