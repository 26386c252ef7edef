//! What keeps a warehouse small and sound over the years: none of it changes an answer.

pub(in crate::warehouse) mod merging;
