//! What the warehouse promises.
