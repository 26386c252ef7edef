//! The warehouse.
mod frame;
mod functions;
pub(crate) mod relation;
pub(crate) mod session;

pub(crate) use frame::{Frame, FrameFormat};
pub(crate) use functions::{date_of, days_since_epoch, instant_type};
pub(crate) use relation::Relation;
pub(crate) use session::{QueryError, Session};
