//! What became of each row of evidence. Every row has exactly one fate, so the counts sum to the rows.

use std::collections::BTreeMap;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It entered its stage.
    Entered,
    /// It entered its stage after a higher one of the same cycle (policy `any`).
    OutOfOrder,
    /// It confirmed an implied entry, so it also came out of order.
    Confirmed,
    /// It told when a censored entry was made.
    Dated,
    /// It named no stage above those carried, but began their cycle.
    Restarted,
    /// A new definition found its condition true, so the person stands in the stage.
    Carried,
    Recycled,
    Disqualified,
    Reinstated,
    Deleted,
    /// The person was excluded at its instant.
    Excluded,
    /// Its stage was reached already.
    IgnoredReached,
    /// Policy `strict`: an earlier stage was not reached.
    IgnoredStrict,
    /// It came within `after_close.quiet`.
    IgnoredQuiet,
    /// It came after a close, from a customer.
    IgnoredCustomer,
    /// The person was disqualified, and it named no opportunity.
    IgnoredDisqualified,
    /// It named an opportunity whose close had ended its cycle.
    IgnoredClosed,
    /// It would have ended a cycle that only its open opportunity can end.
    IgnoredOpenOpportunity,
    /// Recycling with nothing above `to` reached.
    IgnoredRecycle,
    /// Reinstatement of a person who was not disqualified.
    IgnoredReinstate,
    /// Deletion with no cycle open.
    IgnoredDeleted,
    /// Its stage was no more when its turn came.
    IgnoredRedefined,
}

impl Fate {
    const NAMES: [&'static str; 22] = [
        "entered",
        "out_of_order",
        "confirmed",
        "dated",
        "restarted",
        "carried",
        "recycled",
        "disqualified",
        "reinstated",
        "deleted",
        "excluded",
        "ignored_reached",
        "ignored_strict",
        "ignored_quiet",
        "ignored_customer",
        "ignored_disqualified",
        "ignored_closed",
        "ignored_open_opportunity",
        "ignored_recycle",
        "ignored_reinstate",
        "ignored_deleted",
        "ignored_redefined",
    ];
}

#[derive(Debug, Default)]
pub(super) struct Fates([u64; Fate::NAMES.len()]);

impl Fates {
    pub(super) fn count(&mut self, fate: Fate) {
        self.0[fate as usize] += 1;
    }

    /// Every name, also of what never happened.
    pub(super) fn by_name(&self) -> BTreeMap<&'static str, u64> {
        Fate::NAMES.into_iter().zip(self.0).collect()
    }
}
