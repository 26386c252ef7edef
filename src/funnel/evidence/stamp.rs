//! Signs that stamps give: every instant ever seen in a column, but for those that were corrected.
//!
//! Stamps are read record by record. A replacement is a new stamp when it is dated between the last
//! look and the one that first shows it: between two snapshots, or on the local day of the change
//! where field history tells that. Any other replacement corrects the value that it replaces.
//! Clearing withdraws nothing.

use super::{Facts, Kind, Origin, Sign, Signs, Via, Who};
use crate::funnel::FunnelError;
use crate::funnel::formula::Formula;
use crate::funnel::history::{filled, holds, instant};

pub(super) fn signs(
    facts: &Facts<'_>,
    stage: usize,
    formula: &Formula,
    signs: &mut Signs,
) -> Result<(), FunnelError> {
    let rows = &facts.records.rows;
    let stamps = formula.instants(rows, |day| facts.day_start(day))?;
    let dates = formula.gives_dates();
    for (record, span) in facts.records.spans.iter().enumerate() {
        let mut current: Option<Sign> = None;
        for row in span.clone().filter(|row| !holds(facts.marks.deleted, *row)) {
            let Some(stamp) = instant(&stamps, row) else {
                continue;
            };
            if let Some(before) = current.take() {
                if before.at == stamp {
                    current = Some(before);
                    continue;
                }
                if is_new(facts, stamp, row, dates) {
                    signs.push(before);
                }
            }
            current = Some(sign(facts, record, row, stage, stamp, dates));
        }
        if let Some(last) = current {
            signs.push(last);
        }
    }
    Ok(())
}

/// Whether the stamp in `row` was set since the look before, rather than put right.
fn is_new(facts: &Facts<'_>, stamp: i64, row: usize, dates: bool) -> bool {
    let marks = &facts.marks;
    let from = facts.records.from[row];
    if filled(marks.via, row) == Some("history") {
        return facts.day_end(stamp) == facts.day_end(from);
    }
    // A date stands for its whole day: its last instant is what may lie after the look before.
    let latest = if dates { facts.day_end(stamp) } else { stamp };
    let seen_after = instant(marks.seen_after, row).unwrap_or(i64::MIN);
    let shown = instant(marks.known_at, row).unwrap_or(from);
    latest > seen_after && stamp <= shown
}

fn sign(
    facts: &Facts<'_>,
    record: usize,
    row: usize,
    stage: usize,
    at: i64,
    date_only: bool,
) -> Sign {
    let who = Who::Person(facts.person_of_record[record]);
    Sign {
        order: stage + 1,
        kind: Kind::Enter,
        via: Via::Stamp,
        censored: false,
        date_only,
        ..Sign::of_version(&facts.marks, row, who, at, Origin::Record(row))
    }
}
