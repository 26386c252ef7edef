//! Questions to a version, in SQL: how a table is read, how a query is planned and refused.

mod exec;
pub(in crate::warehouse) mod functions;
mod order;
mod parameters;
pub(crate) mod past;
pub(super) mod quantile;
pub(in crate::warehouse) mod read;
pub(crate) mod refusal;
pub(crate) mod relation;
mod scan;
pub(crate) mod session;
pub(in crate::warehouse) mod stored;
mod unread;
mod unsorted;
