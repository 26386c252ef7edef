//! Leaving a cycle without an opportunity: recycling, disqualification, closing, deletion.

use super::*;

// Recycling ends the cycle; the next one stands in `to`, carried; a second mql is a re-entry.
#[test]
fn recycling_begins_the_next_cycle_with_stages_carried() {
    expect(
        "
        known 2026-01-01T08:00
        mql 2026-01-10T09:00
        sal 2026-01-11T09:00
        recycle:mql 2026-01-20T10:00 reason=timing
        sal 2026-03-03T09:00
        ",
        "
        1 known 2026-01-01T08:00 .. 2026-01-10T09:00 progressed mql net_new
        1 mql 2026-01-10T09:00 .. 2026-01-11T09:00 progressed sal net_new
        1 sal 2026-01-11T09:00 .. 2026-01-20T10:00 recycled net_new reason=timing
        2 known 2026-01-20T10:00 .. 2026-01-20T10:00 progressed mql carried
        2 mql 2026-01-20T10:00 .. 2026-03-03T09:00 progressed sal carried
        2 sal 2026-03-03T09:00 .. open
        ",
        "recycled",
    );
}

// Nothing above `to` was reached, so there is nothing to return from.
#[test]
fn recycling_to_where_the_person_stands_changes_nothing() {
    expect(
        "
        recycle:known 2025-12-30T10:00
        known 2026-01-01T08:00
        recycle:known 2026-01-20T10:00
        ",
        "1 known 2026-01-01T08:00 .. open net_new",
        "ignored_recycle 2",
    );
}

// Two ways of recycling at one instant end one cycle: the one that returns furthest.
#[test]
fn recycling_twice_at_one_instant_ends_one_cycle() {
    expect(
        "
        sal 2026-01-01T08:00
        recycle:mql 2026-01-20T10:00
        recycle:known 2026-01-20T10:00
        ",
        "
        1 known 2026-01-01T08:00 .. 2026-01-01T08:00 progressed mql net_new implied
        1 mql 2026-01-01T08:00 .. 2026-01-01T08:00 progressed sal net_new implied
        1 sal 2026-01-01T08:00 .. 2026-01-20T10:00 recycled net_new
        2 known 2026-01-20T10:00 .. open carried
        ",
        "ignored_recycle, recycled",
    );
}

// A carried stage is not entered: its evidence is for a reached stage, and confirms nothing.
#[test]
fn evidence_for_a_carried_stage_changes_nothing() {
    expect(
        "
        known 2026-01-01T08:00
        mql 2026-01-10T09:00
        recycle:known 2026-01-20T10:00
        known 2026-01-21T10:00
        ",
        "
        1 known 2026-01-01T08:00 .. 2026-01-10T09:00 progressed mql net_new
        1 mql 2026-01-10T09:00 .. 2026-01-20T10:00 recycled net_new
        2 known 2026-01-20T10:00 .. open carried
        ",
        "ignored_reached, recycled",
    );
}

// While disqualified the person is in no stock and nothing counts; reinstated, they stand in `to`.
#[test]
fn disqualification_holds_until_reinstated() {
    expect(
        "
        known 2026-01-01T08:00
        mql 2026-01-10T09:00
        disqualify:known 2026-01-20T10:00 reason=student
        sal 2026-01-25T10:00
        recycle:known 2026-01-26T10:00
        reinstate:known 2026-02-01T10:00
        mql 2026-02-01T10:00
        ",
        "
        1 known 2026-01-01T08:00 .. 2026-01-10T09:00 progressed mql net_new
        1 mql 2026-01-10T09:00 .. 2026-01-20T10:00 disqualified net_new reason=student
        2 known 2026-02-01T10:00 .. 2026-02-01T10:00 progressed mql carried
        2 mql 2026-02-01T10:00 .. open
        ",
        "disqualified, ignored_disqualified, ignored_recycle, reinstated",
    );
}

// In no stock means in no stock: also who stands at `to` or below leaves, and returns no higher.
#[test]
fn disqualification_empties_the_stock_below_to() {
    expect(
        "
        known 2026-01-01T08:00
        disqualify:mql 2026-01-20T10:00
        reinstate:mql 2026-02-01T10:00
        ",
        "
        1 known 2026-01-01T08:00 .. 2026-01-20T10:00 disqualified net_new
        2 known 2026-02-01T10:00 .. open carried
        ",
        "disqualified, reinstated",
    );
}

// Two disqualifications hold until both are lifted.
#[test]
fn every_disqualification_must_be_lifted() {
    expect(
        "
        mql 2026-01-10T09:00
        disqualify:known 2026-01-20T10:00 reason=student
        disqualify:known 2026-01-21T10:00 reason=bounced
        reinstate:known 2026-01-22T10:00
        sal 2026-01-23T10:00
        reinstate:known 2026-01-24T10:00
        reinstate:known 2026-01-25T10:00
        ",
        "
        1 known 2026-01-10T09:00 .. 2026-01-10T09:00 progressed mql net_new implied
        1 mql 2026-01-10T09:00 .. 2026-01-20T10:00 disqualified net_new reason=student
        2 known 2026-01-24T10:00 .. open carried
        ",
        "disqualified 2, ignored_disqualified, ignored_reinstate, reinstated 2",
    );
}

// After a loss the person rests; from the last instant of `quiet` on, evidence begins the next cycle.
#[test]
fn a_close_is_followed_by_quiet() {
    expect(
        "
        mql 2026-01-10T09:00
        closed 2026-02-01T10:00 opp=A lost amount=500
        mql 2026-03-03T09:59
        mql 2026-03-03T10:00
        ",
        "
        1 known 2026-01-10T09:00 .. 2026-01-10T09:00 progressed mql net_new implied
        1 mql 2026-01-10T09:00 .. 2026-02-01T10:00 progressed sal net_new
        1 sal 2026-02-01T10:00 .. 2026-02-01T10:00 progressed opportunity net_new implied opp=A amount=500
        1 opportunity 2026-02-01T10:00 .. 2026-02-01T10:00 progressed closed net_new implied opp=A amount=500
        1 closed 2026-02-01T10:00 .. 2026-02-01T10:00 lost net_new opp=A amount=500
        2 known 2026-03-03T10:00 .. 2026-03-03T10:00 progressed mql carried
        2 mql 2026-03-03T10:00 .. open
        ",
        "ignored_quiet",
    );
}

// Evidence at or below `after_close.to` also begins the next cycle, in which it is carried.
#[test]
fn low_evidence_after_quiet_begins_a_cycle() {
    expect_under(
        Skipping::Any,
        "
        closed 2026-02-01T10:00 lost
        known 2026-04-01T10:00
        mql 2026-04-02T10:00
        ",
        "
        1 closed 2026-02-01T10:00 .. 2026-02-01T10:00 lost net_new
        2 known 2026-04-01T10:00 .. 2026-04-02T10:00 progressed mql carried
        2 mql 2026-04-02T10:00 .. open net_new
        ",
        "restarted",
    );
}

// A customer is not a lead again, however long ago; where nothing tells, having won tells.
#[test]
fn a_customer_does_not_restart_without_an_opportunity() {
    expect_under(
        Skipping::Any,
        "
        closed 2026-02-01T10:00 won unsaid
        mql 2026-06-01T10:00 customer
        mql 2026-06-02T10:00 unsaid
        mql 2026-06-03T10:00
        ",
        "
        1 closed 2026-02-01T10:00 .. 2026-02-01T10:00 won net_new
        2 known 2026-06-03T10:00 .. 2026-06-03T10:00 progressed mql carried
        2 mql 2026-06-03T10:00 .. open net_new
        ",
        "ignored_customer 2",
    );
}

// The entries of a deleted person stay and end; one who returns begins anew, and is not net-new.
#[test]
fn deletion_ends_all_cycles() {
    expect(
        "
        known 2026-01-01T08:00
        opportunity 2026-01-02T08:00 opp=A
        opportunity 2026-01-03T08:00 opp=B
        deleted 2026-01-20T23:59
        known 2026-01-22T08:00
        deleted 2026-01-23T08:00
        deleted 2026-01-24T08:00
        ",
        "
        1 known 2026-01-01T08:00 .. 2026-01-02T08:00 progressed mql net_new
        1 mql 2026-01-02T08:00 .. 2026-01-02T08:00 progressed sal net_new implied opp=A
        1 sal 2026-01-02T08:00 .. 2026-01-02T08:00 progressed opportunity net_new implied opp=A
        1 opportunity 2026-01-02T08:00 .. 2026-01-20T23:59 deleted net_new opp=A
        2 known 2026-01-03T08:00 .. 2026-01-03T08:00 progressed mql carried opp=B
        2 mql 2026-01-03T08:00 .. 2026-01-03T08:00 progressed sal carried opp=B
        2 sal 2026-01-03T08:00 .. 2026-01-03T08:00 progressed opportunity carried opp=B
        2 opportunity 2026-01-03T08:00 .. 2026-01-20T23:59 deleted opp=B
        3 known 2026-01-22T08:00 .. 2026-01-23T08:00 deleted
        ",
        "deleted 2, ignored_deleted",
    );
}

// At one instant a reinstated person may enter; and who is recycled and disqualified was recycled
// first, so that the disqualification finds the next cycle.
#[test]
fn ties_of_leaving_and_coming_back() {
    expect(
        "
        mql 2026-01-10T09:00
        recycle:known 2026-01-20T10:00 reason=timing
        disqualify:known 2026-01-20T10:00 reason=student
        mql 2026-02-01T10:00
        reinstate:known 2026-02-01T10:00
        ",
        "
        1 known 2026-01-10T09:00 .. 2026-01-10T09:00 progressed mql net_new implied
        1 mql 2026-01-10T09:00 .. 2026-01-20T10:00 recycled net_new reason=timing
        2 known 2026-01-20T10:00 .. 2026-01-20T10:00 disqualified carried reason=student
        3 known 2026-02-01T10:00 .. 2026-02-01T10:00 progressed mql carried
        3 mql 2026-02-01T10:00 .. open
        ",
        "disqualified, recycled, reinstated",
    );
}
