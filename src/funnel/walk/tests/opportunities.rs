//! Opportunities: which cycle holds one, what moves that cycle, and what ends it.

use super::*;

// The first opportunity joins the open cycle; evidence that names none still moves it.
#[test]
fn the_first_opportunity_joins_the_open_cycle() {
    expect(
        "
        mql 2026-01-10T09:00
        opportunity 2026-01-20T10:00 opp=A amount=500
        sal 2026-01-21T10:00
        closed 2026-02-01T10:00 opp=A won amount=600
        ",
        "
        1 known 2026-01-10T09:00 .. 2026-01-10T09:00 progressed mql net_new implied
        1 mql 2026-01-10T09:00 .. 2026-01-20T10:00 progressed sal net_new
        1 sal 2026-01-20T10:00 .. 2026-01-20T10:00 progressed opportunity net_new opp=A confirmed=2026-01-21T10:00 amount=500
        1 opportunity 2026-01-20T10:00 .. 2026-02-01T10:00 progressed closed net_new opp=A amount=500
        1 closed 2026-02-01T10:00 .. 2026-02-01T10:00 won net_new opp=A amount=600
        ",
        "confirmed",
    );
}

// A further opportunity has a cycle of its own, and evidence that names none never moves it.
#[test]
fn a_further_opportunity_gets_its_own_cycle() {
    expect_under(
        Skipping::Any,
        "
        mql 2026-01-10T09:00
        opportunity 2026-01-20T10:00 opp=A
        opportunity 2026-01-25T10:00 opp=B
        sal 2026-01-26T10:00
        closed 2026-02-01T10:00 opp=B won
        closed 2026-02-02T10:00 opp=A lost
        ",
        "
        1 mql 2026-01-10T09:00 .. 2026-01-20T10:00 progressed opportunity net_new
        1 sal 2026-01-26T10:00 .. 2026-02-02T10:00 progressed closed net_new opp=A
        1 opportunity 2026-01-20T10:00 .. 2026-02-02T10:00 progressed closed net_new opp=A
        1 closed 2026-02-02T10:00 .. 2026-02-02T10:00 lost opp=A
        2 known 2026-01-25T10:00 .. 2026-01-25T10:00 progressed mql carried opp=B
        2 mql 2026-01-25T10:00 .. 2026-01-25T10:00 progressed sal carried opp=B
        2 sal 2026-01-25T10:00 .. 2026-01-25T10:00 progressed opportunity carried opp=B
        2 opportunity 2026-01-25T10:00 .. 2026-02-01T10:00 progressed closed opp=B
        2 closed 2026-02-01T10:00 .. 2026-02-01T10:00 won net_new opp=B
        ",
        "out_of_order",
    );
}

// A further opportunity that is first seen closed has passed its own stages: implied, not carried.
#[test]
fn a_further_opportunity_closed_at_once_implies_its_stages() {
    expect(
        "
        opportunity 2026-01-20T10:00 opp=A
        closed 2026-01-25T10:00 opp=B won
        ",
        "
        1 known 2026-01-20T10:00 .. 2026-01-20T10:00 progressed mql net_new implied opp=A
        1 mql 2026-01-20T10:00 .. 2026-01-20T10:00 progressed sal net_new implied opp=A
        1 sal 2026-01-20T10:00 .. 2026-01-20T10:00 progressed opportunity net_new implied opp=A
        1 opportunity 2026-01-20T10:00 .. open net_new opp=A
        2 known 2026-01-25T10:00 .. 2026-01-25T10:00 progressed mql carried opp=B
        2 mql 2026-01-25T10:00 .. 2026-01-25T10:00 progressed sal carried opp=B
        2 sal 2026-01-25T10:00 .. 2026-01-25T10:00 progressed opportunity carried opp=B
        2 opportunity 2026-01-25T10:00 .. 2026-01-25T10:00 progressed closed implied opp=B
        2 closed 2026-01-25T10:00 .. 2026-01-25T10:00 won net_new opp=B
        ",
        "",
    );
}

// A new opportunity restarts a customer at once; quiet then runs from its close, the latest.
#[test]
fn a_new_opportunity_restarts_a_customer() {
    expect(
        "
        closed 2026-01-10T10:00 opp=A won
        opportunity 2026-01-15T10:00 opp=B customer renewal
        closed 2026-01-20T10:00 opp=B lost customer renewal
        mql 2026-02-15T10:00
        mql 2026-02-19T10:00
        ",
        "
        1 known 2026-01-10T10:00 .. 2026-01-10T10:00 progressed mql net_new implied opp=A
        1 mql 2026-01-10T10:00 .. 2026-01-10T10:00 progressed sal net_new implied opp=A
        1 sal 2026-01-10T10:00 .. 2026-01-10T10:00 progressed opportunity net_new implied opp=A
        1 opportunity 2026-01-10T10:00 .. 2026-01-10T10:00 progressed closed net_new implied opp=A
        1 closed 2026-01-10T10:00 .. 2026-01-10T10:00 won net_new opp=A
        2 known 2026-01-15T10:00 .. 2026-01-15T10:00 progressed mql carried customer opp=B
        2 mql 2026-01-15T10:00 .. 2026-01-15T10:00 progressed sal carried customer opp=B
        2 sal 2026-01-15T10:00 .. 2026-01-15T10:00 progressed opportunity carried customer opp=B
        2 opportunity 2026-01-15T10:00 .. 2026-01-20T10:00 progressed closed customer opp=B
        2 closed 2026-01-20T10:00 .. 2026-01-20T10:00 lost customer opp=B
        3 known 2026-02-19T10:00 .. 2026-02-19T10:00 progressed mql carried
        3 mql 2026-02-19T10:00 .. open
        ",
        "ignored_quiet",
    );
}

// Once closed, an opportunity moves nothing any more: its later versions only say so again.
#[test]
fn evidence_of_a_closed_opportunity_is_ignored() {
    expect_under(
        Skipping::Any,
        "
        closed 2026-01-10 opp=A won
        opportunity 2026-01-12T10:00 opp=A
        ",
        "1 closed 2026-01-10T00:00 .. 2026-01-10T00:00 won net_new opp=A",
        "ignored_closed",
    );
}

// A cycle with an open opportunity ends only by it: neither recycling nor disqualification nor a
// close that does not name it; but who is disqualified moves it only by opportunity evidence.
#[test]
fn only_its_opportunity_ends_a_cycle_that_holds_one() {
    expect_under(
        Skipping::Any,
        "
        mql 2026-01-10T10:00
        opportunity 2026-01-20T10:00 opp=A
        recycle:known 2026-01-21T10:00
        closed 2026-01-22T10:00 won
        disqualify:known 2026-01-23T10:00
        sal 2026-01-24T10:00
        closed 2026-01-25T10:00 opp=A lost
        ",
        "
        1 mql 2026-01-10T10:00 .. 2026-01-20T10:00 progressed opportunity net_new
        1 opportunity 2026-01-20T10:00 .. 2026-01-25T10:00 progressed closed net_new opp=A
        1 closed 2026-01-25T10:00 .. 2026-01-25T10:00 lost net_new opp=A
        ",
        "ignored_disqualified, ignored_open_opportunity 3",
    );
}

// Of the disqualified only opportunity evidence counts: it begins the next cycle, carried up to `to`.
#[test]
fn an_opportunity_of_a_disqualified_person_counts() {
    expect_under(
        Skipping::Any,
        "
        mql 2026-01-10T10:00
        disqualify:known 2026-01-20T10:00
        opportunity 2026-01-25T10:00 opp=A
        reinstate:known 2026-01-26T10:00
        sal 2026-01-27T10:00
        ",
        "
        1 mql 2026-01-10T10:00 .. 2026-01-20T10:00 disqualified net_new
        2 known 2026-01-25T10:00 .. 2026-01-25T10:00 progressed opportunity carried opp=A
        2 sal 2026-01-27T10:00 .. open net_new opp=A
        2 opportunity 2026-01-25T10:00 .. open net_new opp=A
        ",
        "disqualified, out_of_order, reinstated",
    );
}

// An opportunity without a person enters under its own name, directly: nothing is implied, even
// where a gap would be ignored.
#[test]
fn a_direct_opportunity_implies_nothing() {
    for skipping in [Skipping::ReachedOrPassed, Skipping::Strict, Skipping::Any] {
        expect_under(
            skipping,
            "
            person opportunity:77
            opportunity 2026-01-20T10:00 opp=77
            closed 2026-01-25T10:00 opp=77 won
            ",
            "
            person opportunity:77
            1 opportunity 2026-01-20T10:00 .. 2026-01-25T10:00 progressed closed net_new direct opp=77
            1 closed 2026-01-25T10:00 .. 2026-01-25T10:00 won net_new direct opp=77
            ",
            "",
        );
    }
}

// A deleted opportunity ends its cycle as deleted, and the person is carried on as after a close,
// but without quiet; should it come back, it is a new one.
#[test]
fn a_deleted_opportunity_ends_its_cycle() {
    expect_under(
        Skipping::Any,
        "
        opportunity 2026-01-20T10:00 opp=A
        opportunity 2026-01-21T10:00 opp=B
        deleted 2026-01-22T10:00 opp=A
        mql 2026-01-23T10:00
        opportunity 2026-01-24T10:00 opp=A
        deleted 2026-01-25T10:00 opp=Z
        ",
        "
        1 opportunity 2026-01-20T10:00 .. 2026-01-22T10:00 deleted net_new opp=A
        2 known 2026-01-21T10:00 .. 2026-01-21T10:00 progressed mql carried opp=B
        2 mql 2026-01-21T10:00 .. 2026-01-21T10:00 progressed sal carried opp=B
        2 sal 2026-01-21T10:00 .. 2026-01-21T10:00 progressed opportunity carried opp=B
        2 opportunity 2026-01-21T10:00 .. open opp=B
        3 known 2026-01-23T10:00 .. 2026-01-23T10:00 progressed mql carried
        3 mql 2026-01-23T10:00 .. 2026-01-24T10:00 progressed opportunity net_new
        3 opportunity 2026-01-24T10:00 .. open opp=A
        ",
        "deleted, ignored_deleted",
    );
}

// A win after the person's deletion is still counted, in a cycle of the opportunity's own.
#[test]
fn an_opportunity_outlives_its_deleted_person() {
    expect_under(
        Skipping::Strict,
        "
        known 2026-01-01T10:00
        mql 2026-01-02T10:00
        sal 2026-01-03T10:00
        opportunity 2026-01-20T10:00 opp=A
        deleted 2026-01-21T10:00
        opportunity 2026-01-22T10:00 opp=A
        closed 2026-01-25T10:00 opp=A won
        ",
        "
        1 known 2026-01-01T10:00 .. 2026-01-02T10:00 progressed mql net_new
        1 mql 2026-01-02T10:00 .. 2026-01-03T10:00 progressed sal net_new
        1 sal 2026-01-03T10:00 .. 2026-01-20T10:00 progressed opportunity net_new
        1 opportunity 2026-01-20T10:00 .. 2026-01-21T10:00 deleted net_new opp=A
        2 known 2026-01-22T10:00 .. 2026-01-22T10:00 progressed mql carried opp=A
        2 mql 2026-01-22T10:00 .. 2026-01-22T10:00 progressed sal carried opp=A
        2 sal 2026-01-22T10:00 .. 2026-01-22T10:00 progressed opportunity carried opp=A
        2 opportunity 2026-01-22T10:00 .. 2026-01-25T10:00 progressed closed opp=A
        2 closed 2026-01-25T10:00 .. 2026-01-25T10:00 won net_new opp=A
        ",
        "deleted",
    );
}

// Of two opportunities at one instant one joins the open cycle and the other is a further one, in the
// order of their ids whatever the order of rows.
#[test]
fn ties_of_two_opportunities_go_by_id() {
    expect_under(
        Skipping::Any,
        "
        mql 2026-01-10T10:00
        opportunity 2026-01-20T10:00 opp=B
        opportunity 2026-01-20T10:00 opp=A
        ",
        "
        1 mql 2026-01-10T10:00 .. 2026-01-20T10:00 progressed opportunity net_new
        1 opportunity 2026-01-20T10:00 .. open net_new opp=A
        2 known 2026-01-20T10:00 .. 2026-01-20T10:00 progressed mql carried opp=B
        2 mql 2026-01-20T10:00 .. 2026-01-20T10:00 progressed sal carried opp=B
        2 sal 2026-01-20T10:00 .. 2026-01-20T10:00 progressed opportunity carried opp=B
        2 opportunity 2026-01-20T10:00 .. open opp=B
        ",
        "",
    );
}
