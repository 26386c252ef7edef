//! Leadgauge: lead-to-revenue reporting that marketing and sales both trust.
//!
//! The modules below stand in the order in which data flows; a module names only what stands
//! above it (`tests/it/architecture.rs` holds the code to this).

mod clock;

mod fs;

mod problem;

mod config;

mod sources;

mod warehouse;

mod funnel;

mod metrics;

mod report;

mod delivery;

mod pipeline;

mod demo;

mod cli;

pub use cli::main;
