//! Looking after what the warehouse keeps.

pub(super) mod quarantine;
