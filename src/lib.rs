//! Leadgauge: lead-to-revenue reporting that marketing and sales both trust.
//!
//! The modules below stand in the order in which data flows; a module names only what stands
//! above it (`tests/it/architecture.rs` holds the code to this).

mod clock;
mod fs;
mod problem;

mod cli;
mod config;
mod delivery;
mod demo;
mod funnel;
mod metrics;
mod pipeline;
mod report;
mod sources;
mod warehouse;

pub use cli::main;
