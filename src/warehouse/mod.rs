//! The warehouse.
mod frame;
mod functions;
pub(crate) mod relation;
mod rows;
pub(crate) mod session;

pub(crate) use frame::{Frame, FrameFormat};
pub(crate) use functions::{date_of, days_since_epoch, instant_type};
pub(crate) use relation::Relation;
pub(crate) use rows::{arrow_type, batch_of, schema_of};
pub(crate) use session::{QueryError, Session};
