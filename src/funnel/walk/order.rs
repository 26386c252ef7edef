//! The order in which one person's evidence is taken.
//!
//! By instant; at one instant reinstatement, then stages from the lowest up, then recycling, then
//! disqualification, then deletion. Evidence whose time is not known to the microsecond finds its turn so:
//!
//! * a date without time comes after lower-stage and before higher-stage evidence of its local day;
//!   where both cannot be, before the higher. Leaving counts as higher than any stage;
//! * a censored end (recycling, disqualification, deletion, or the last stage) was there when it was
//!   first seen: it comes after all that happened until then. A censored entry comes at its `at`.

use std::cmp::Ordering;

use super::change::Definitions;
use super::columns::Table;
use super::days::LocalDays;
use super::evidence::{Evidence, Kind};

/// Puts one person's evidence in order.
pub(super) fn arrange(
    evidence: &mut [Evidence<'_>],
    table: &Table,
    days: &LocalDays,
    definitions: &Definitions,
) {
    let mut dates = false;
    for e in evidence.iter_mut() {
        if e.date_only {
            e.at = days.bounds(e.at).0;
            e.turn = e.at;
            dates = true;
        }
        let last = definitions.rules[e.definition].last;
        if e.censored && (e.kind != Kind::Enter || e.order == last) {
            e.turn = e.at.max(table.known_at(e.row));
        }
    }
    sort(evidence, table);
    if dates {
        place_dates(evidence, days, definitions.most_stages());
        sort(evidence, table);
    }
}

fn sort(evidence: &mut [Evidence<'_>], table: &Table) {
    if !evidence.is_sorted_by(|a, b| compare(a, b, table).is_le()) {
        evidence.sort_by(|a, b| compare(a, b, table));
    }
}

/// Total but for rows that say the same, so that the order in which rows arrive changes nothing.
/// Of two signs for one thing the one of known time, the more trusted, the earlier known comes first.
fn compare(a: &Evidence<'_>, b: &Evidence<'_>, table: &Table) -> Ordering {
    let turn = a.turn.cmp(&b.turn).then(a.kind.cmp(&b.kind));
    let turn = turn.then(a.order.cmp(&b.order));
    turn.then_with(|| (a.censored, a.date_only).cmp(&(b.censored, b.date_only)))
        .then_with(|| trust(table.via(a.row)).cmp(&trust(table.via(b.row))))
        .then_with(|| a.at.cmp(&b.at))
        .then_with(|| a.opportunity.cmp(&b.opportunity))
        .then_with(|| table.sign(a.row).cmp(&table.sign(b.row)))
}

/// Where they disagree, stamp, field history and snapshot win in that order.
fn trust(via: &str) -> usize {
    let known = ["stamp", "history", "snapshot", "event"];
    known
        .iter()
        .position(|name| *name == via)
        .unwrap_or(known.len())
}

/// Moves the turn of each date without time, which stands at the start of its day, within that day.
fn place_dates(evidence: &mut [Evidence<'_>], days: &LocalDays, last: usize) {
    let mut day = Day::default();
    for i in 0..evidence.len() {
        let e = evidence[i];
        if !e.date_only {
            continue;
        }
        if day.start != Some(e.at) {
            day.read(evidence, days.bounds(e.at), last);
        }
        evidence[i].turn = day.turn(e.order);
    }
}

/// What else a person's local day holds.
#[derive(Default)]
struct Day {
    start: Option<i64>,
    /// By stage order: the earliest turn of anything above that stage.
    above: Vec<Option<i64>>,
    latest: i64,
}

impl Day {
    /// Days before this one may already be rearranged, but only within themselves.
    fn read(&mut self, evidence: &[Evidence<'_>], (start, end): (i64, i64), last: usize) {
        self.start = Some(start);
        self.latest = start;
        self.above.clear();
        self.above.resize(last + 1, None);
        let first = evidence.partition_point(|e| e.turn < start);
        let of_day = evidence[first..].iter().take_while(|e| e.turn < end);
        for e in of_day.filter(|e| !e.date_only) {
            self.latest = self.latest.max(e.turn);
            let below = match e.kind {
                Kind::Reinstate => 0,
                Kind::Enter | Kind::Carry => e.order,
                Kind::Recycle | Kind::Disqualify | Kind::Deleted => last + 1,
            };
            for above in &mut self.above[..below] {
                above.get_or_insert(e.turn);
            }
        }
    }

    fn turn(&self, order: usize) -> i64 {
        self.above[order].unwrap_or(self.latest)
    }
}
