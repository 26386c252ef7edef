//! Definitions as contracts: what one says in words, what a change of it would do to the same history,
//! whether its examples hold, and who signed it. Nothing here publishes anything.

mod bench;
mod card;
mod difference;
mod examples;
mod named;
mod scored;
mod sign;
mod sweep;
mod trigger;
mod walked;

pub(crate) use bench::{Contrast, diff, replay};
pub(crate) use card::card;
pub(crate) use examples::test;
pub(crate) use named::definition;
pub(crate) use sign::sign;
pub(super) use sign::unsigned;
pub(crate) use sweep::{Asked as Sweep, Promise, Swept, Tried, whatif};
pub(crate) use trigger::stage_sql;
pub(crate) use walked::walk;
