//! Entering stages: skipping, confirming, ties and dates without time.

use super::*;

// Each stage is left at the next entry into a higher one; the person stands in the last one reached.
#[test]
fn stages_one_after_another() {
    expect(
        "
        known 2026-01-01T08:00
        mql   2026-01-10T09:00
        sal   2026-01-12T10:30
        ",
        "
        1 known 2026-01-01T08:00 .. 2026-01-10T09:00 progressed mql net_new
        1 mql 2026-01-10T09:00 .. 2026-01-12T10:30 progressed sal net_new
        1 sal 2026-01-12T10:30 .. open net_new
        ",
        "",
    );
}

// Subtlety 6. Reached or passed: who is in sal has passed mql, at the latest at that instant.
#[test]
fn a_skipped_stage_is_implied() {
    expect_under(
        Skipping::ReachedOrPassed,
        "
        known 2026-01-01T08:00
        sal   2026-01-12T10:30
        ",
        "
        1 known 2026-01-01T08:00 .. 2026-01-12T10:30 progressed mql net_new
        1 mql 2026-01-12T10:30 .. 2026-01-12T10:30 progressed sal net_new implied
        1 sal 2026-01-12T10:30 .. open net_new
        ",
        "",
    );
}

// Subtlety 6. Strict: sal does not count before mql, and what was ignored does not come back with mql.
#[test]
fn strict_ignores_evidence_over_a_gap() {
    expect_under(
        Skipping::Strict,
        "
        known 2026-01-01T08:00
        sal   2026-01-12T10:30
        mql   2026-01-13T10:30
        ",
        "
        1 known 2026-01-01T08:00 .. 2026-01-13T10:30 progressed mql net_new
        1 mql 2026-01-13T10:30 .. open net_new
        ",
        "ignored_strict",
    );
}

// Strict: evidence that is ignored begins no cycle, and its opportunity is not held.
#[test]
fn strict_ignores_an_opportunity_over_a_gap() {
    expect_under(
        Skipping::Strict,
        "
        opportunity 2026-01-01T08:00 opp=A
        known 2026-01-02T08:00
        mql 2026-01-03T08:00
        recycle:known 2026-01-04T08:00
        ",
        "
        1 known 2026-01-02T08:00 .. 2026-01-03T08:00 progressed mql net_new
        1 mql 2026-01-03T08:00 .. 2026-01-04T08:00 recycled net_new
        2 known 2026-01-04T08:00 .. open carried
        ",
        "ignored_strict, recycled",
    );
}

// Subtlety 6. Any: nothing is implied, a lower stage may come later, and is left at the next higher entry.
#[test]
fn any_enters_what_comes() {
    expect_under(
        Skipping::Any,
        "
        sal         2026-01-12T10:30
        mql         2026-01-13T10:30
        opportunity 2026-01-20T10:30 opp=A
        ",
        "
        1 mql 2026-01-13T10:30 .. 2026-01-20T10:30 progressed opportunity net_new
        1 sal 2026-01-12T10:30 .. 2026-01-20T10:30 progressed opportunity net_new
        1 opportunity 2026-01-20T10:30 .. open net_new opp=A
        ",
        "out_of_order",
    );
}

// Evidence for a reached stage changes nothing: the first instant counts.
#[test]
fn a_stage_is_entered_once_a_cycle() {
    expect(
        "
        known 2026-01-01T08:00
        mql 2026-01-10T09:00
        mql 2026-01-11T09:00 history
        known 2026-01-12T09:00
        ",
        "
        1 known 2026-01-01T08:00 .. 2026-01-10T09:00 progressed mql net_new
        1 mql 2026-01-10T09:00 .. open net_new
        ",
        "ignored_reached 2",
    );
}

// A stage's own evidence later in the cycle confirms the implied entry, whose instant stays; once.
#[test]
fn own_evidence_confirms_an_implied_entry() {
    expect(
        "
        known 2026-01-01T08:00
        sal 2026-01-12T10:30
        mql 2026-01-14T09:00
        mql 2026-01-15T09:00
        ",
        "
        1 known 2026-01-01T08:00 .. 2026-01-12T10:30 progressed mql net_new
        1 mql 2026-01-12T10:30 .. 2026-01-12T10:30 progressed sal net_new confirmed=2026-01-14T09:00
        1 sal 2026-01-12T10:30 .. open net_new
        ",
        "confirmed, ignored_reached",
    );
}

// At one instant stages come from the lowest up, so neither is implied by the other; then recycling.
#[test]
fn ties_go_from_the_lowest_stage_up_then_out() {
    expect(
        "
        recycle:known 2026-01-12T10:30
        sal 2026-01-12T10:30
        mql 2026-01-12T10:30
        known 2026-01-01T08:00
        ",
        "
        1 known 2026-01-01T08:00 .. 2026-01-12T10:30 progressed mql net_new
        1 mql 2026-01-12T10:30 .. 2026-01-12T10:30 progressed sal net_new
        1 sal 2026-01-12T10:30 .. 2026-01-12T10:30 recycled net_new
        2 known 2026-01-12T10:30 .. open carried
        ",
        "recycled",
    );
}

// Of two signs of one stage at one instant the stamp wins over history: its bounds are kept.
#[test]
fn ties_of_one_stage_go_to_the_stamp() {
    expect(
        "
        known 2026-01-01T08:00 snapshot after=2025-12-31T08:00
        known 2026-01-01T08:00 stamp
        ",
        "1 known 2026-01-01T08:00 .. open net_new",
        "ignored_reached",
    );
}

// A date without time comes after that day's lower stages: at the instant of the latest of them.
#[test]
fn a_date_without_time_comes_after_lower_stages_of_its_day() {
    expect(
        "
        mql   2026-01-10
        known 2026-01-10T16:00
        ",
        "
        1 known 2026-01-10T16:00 .. 2026-01-10T16:00 progressed mql net_new
        1 mql 2026-01-10T16:00 .. open net_new
        ",
        "",
    );
}

// With nothing lower on its day, it is the day's start; and it comes before the day's higher stages.
#[test]
fn a_date_without_time_comes_before_higher_stages_of_its_day() {
    expect(
        "
        known 2026-01-08T16:00
        sal   2026-01-10T07:00
        mql   2026-01-10
        ",
        "
        1 known 2026-01-08T16:00 .. 2026-01-10T00:00 progressed mql net_new
        1 mql 2026-01-10T00:00 .. 2026-01-10T07:00 progressed sal net_new
        1 sal 2026-01-10T07:00 .. open net_new
        ",
        "",
    );
}

// Where a lower stage comes after a higher one of that day, the date is still before the higher.
#[test]
fn a_date_without_time_never_comes_after_a_higher_stage() {
    expect(
        "
        known 2026-01-10T12:00
        sal   2026-01-10T07:00
        mql   2026-01-10
        ",
        "
        1 known 2026-01-10T00:00 .. 2026-01-10T00:00 progressed mql net_new confirmed=2026-01-10T12:00
        1 mql 2026-01-10T00:00 .. 2026-01-10T07:00 progressed sal net_new
        1 sal 2026-01-10T07:00 .. open net_new
        ",
        "confirmed",
    );
}

// Two dates without time on one day go by stage; leaving comes after both.
#[test]
fn dates_without_time_go_by_stage_and_before_leaving() {
    expect(
        "
        recycle:known 2026-01-10T08:00 reason=timing
        sal 2026-01-10
        mql 2026-01-10
        known 2026-01-09T08:00
        ",
        "
        1 known 2026-01-09T08:00 .. 2026-01-10T00:00 progressed mql net_new
        1 mql 2026-01-10T00:00 .. 2026-01-10T00:00 progressed sal net_new
        1 sal 2026-01-10T00:00 .. 2026-01-10T08:00 recycled net_new reason=timing
        2 known 2026-01-10T08:00 .. open carried
        ",
        "recycled",
    );
}

// The day is the company's: 04:30 UTC is still the evening before in New York.
#[test]
fn a_date_without_time_belongs_to_the_local_day() {
    expect(
        "
        known 2026-01-09T23:30
        mql 2026-01-10
        ",
        "
        1 known 2026-01-09T23:30 .. 2026-01-10T00:00 progressed mql net_new
        1 mql 2026-01-10T00:00 .. open net_new
        ",
        "",
    );
}
