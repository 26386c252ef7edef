//! What keeps a warehouse small and sound over the years: none of it changes an answer, but for
//! an erasure.

pub(super) mod compact;
pub(super) mod erase;
pub(in crate::warehouse) mod merging;
pub(super) mod vacuum;
pub(super) mod verify;

/// Files that are deleted, or looked at, at a time.
const AT_ONCE: usize = 8;
