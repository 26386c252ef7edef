//! A definition that changes: the former one is `2026-q1` with the stages of all histories, the next one,
//! `2026-q2`, takes effect on the first of March. An entry made under another definition than the first
//! says so in its last word.

use proptest::prelude::*;

use super::properties::{any_history, any_policy};
use super::*;

const NO_CHANGE: &str = "";

/// The next definition, with these stages and the rules of the first.
fn next(stages: &[&str]) -> Funnel {
    Funnel {
        definition: "2026-q2".to_owned(),
        effective_from: Date::constant(2026, 3, 1),
        stages: stages.iter().map(|id| stage(id)).collect(),
        ..funnel(Skipping::ReachedOrPassed)
    }
}

/// The signs of a history, each in the stages of the definition in force at its instant.
fn signs_over(funnels: &[&Funnel], history: &str) -> Vec<Sign> {
    let mut signs = signs(history);
    for sign in &mut signs {
        let Some(stage) = &sign.stage else { continue };
        let start = |it: &Funnel| clock::day_start(it.effective_from, &zone()).as_microsecond();
        let later = funnels.iter().rev();
        let mut in_force = later.filter(|it| start(it) <= sign.at);
        let funnel = in_force.next().unwrap_or(&funnels[0]);
        let place = funnel.stages.iter().position(|it| it.id == *stage);
        let place = place.unwrap_or_else(|| panic!("no stage {stage}"));
        sign.order = i64::try_from(place + 1).unwrap();
    }
    signs
}

#[track_caller]
fn expect_over(funnels: &[&Funnel], history: &str, entries: &str, fates: &str) -> Vec<Told> {
    let signs = signs_over(funnels, history);
    let walked = walk(&[batch(&signs)], funnels, &zone()).unwrap();
    let told = told(&walked);
    assert_eq!(write(&told), plain(entries));
    assert_eq!(other_fates(&walked.counts), fates);
    told
}

/// The same with one change, to the stages given.
#[track_caller]
fn expect_change(stages: &[&str], history: &str, entries: &str, fates: &str) -> Vec<Told> {
    let first = funnel(Skipping::ReachedOrPassed);
    expect_over(&[&first, &next(stages)], history, entries, fates)
}

// A cycle goes on through a change: what was entered before keeps the former definition.
#[test]
fn a_cycle_goes_on_under_the_next_definition() {
    expect_change(
        &STAGES,
        "
        known 2026-02-01T08:00
        mql 2026-02-10T09:00
        sal 2026-03-02T09:00
        ",
        "
        1 known 2026-02-01T08:00 .. 2026-02-10T09:00 progressed mql net_new
        1 mql 2026-02-10T09:00 .. 2026-03-02T09:00 progressed sal net_new
        1 sal 2026-03-02T09:00 .. open net_new 2026-q2
        ",
        NO_CHANGE,
    );
}

// The change comes at the start of the company's day: an instant before is judged as before.
#[test]
fn a_definition_takes_effect_with_its_day() {
    expect_change(
        &STAGES,
        "
        known 2026-02-28T23:59
        mql 2026-03-01T00:00
        ",
        "
        1 known 2026-02-28T23:59 .. 2026-03-01T00:00 progressed mql net_new
        1 mql 2026-03-01T00:00 .. open net_new 2026-q2
        ",
        NO_CHANGE,
    );
}

// An open entry of a stage that is no more exits as the change comes, also when nothing follows; what
// was left before stays left as it was, also towards that stage.
#[test]
fn an_open_entry_of_a_removed_stage_is_redefined() {
    expect_change(
        &["known", "sal", "opportunity", "closed"],
        "
        known 2026-02-01T08:00
        mql 2026-02-10T09:00
        person crm.lead:2
        known 2026-02-01T08:00
        mql 2026-02-10T09:00
        sal 2026-02-20T09:00
        person crm.lead:3
        mql 2026-02-10T09:00
        sal 2026-03-20T09:00
        ",
        "
        1 known 2026-02-01T08:00 .. 2026-02-10T09:00 progressed mql net_new
        1 mql 2026-02-10T09:00 .. 2026-03-01T00:00 redefined net_new
        person crm.lead:2
        1 known 2026-02-01T08:00 .. 2026-02-10T09:00 progressed mql net_new
        1 sal 2026-02-20T09:00 .. open net_new
        1 mql 2026-02-10T09:00 .. 2026-02-20T09:00 progressed sal net_new
        person crm.lead:3
        1 known 2026-02-10T09:00 .. 2026-02-10T09:00 progressed mql net_new implied
        1 sal 2026-03-20T09:00 .. open net_new 2026-q2
        1 mql 2026-02-10T09:00 .. 2026-03-01T00:00 redefined net_new
        ",
        NO_CHANGE,
    );
}

// A cycle that ended before the change is none of its business.
#[test]
fn a_cycle_that_ended_stays_as_it_was() {
    expect_change(
        &["known", "sal", "opportunity", "closed"],
        "
        mql 2026-01-10T09:00
        recycle:known 2026-01-20T10:00
        ",
        "
        1 known 2026-01-10T09:00 .. 2026-01-10T09:00 progressed mql net_new implied
        1 mql 2026-01-10T09:00 .. 2026-01-20T10:00 recycled net_new
        2 known 2026-01-20T10:00 .. open carried
        ",
        "recycled",
    );
}

// A new stage in between: whoever comes by later passes it; whoever is past it enters it by its own
// evidence. An entry keeps the order that its stage had when it was made.
#[test]
fn a_new_stage_in_between() {
    let told = expect_change(
        &["known", "mql", "meeting", "sal", "opportunity", "closed"],
        "
        mql 2026-02-10T09:00
        sal 2026-03-05T09:00
        person crm.lead:2
        sal 2026-02-10T09:00
        meeting 2026-03-06T09:00
        ",
        "
        1 known 2026-02-10T09:00 .. 2026-02-10T09:00 progressed mql net_new implied
        1 mql 2026-02-10T09:00 .. 2026-03-05T09:00 progressed meeting net_new
        1 meeting 2026-03-05T09:00 .. 2026-03-05T09:00 progressed sal net_new implied 2026-q2
        1 sal 2026-03-05T09:00 .. open net_new 2026-q2
        person crm.lead:2
        1 known 2026-02-10T09:00 .. 2026-02-10T09:00 progressed mql net_new implied
        1 mql 2026-02-10T09:00 .. 2026-02-10T09:00 progressed sal net_new implied
        1 meeting 2026-03-06T09:00 .. open net_new 2026-q2
        1 sal 2026-02-10T09:00 .. open net_new
        ",
        "out_of_order",
    );
    let of_sal = told.iter().filter(|entry| entry.stage == "sal");
    let orders: Vec<i64> = of_sal.map(|entry| entry.order).collect();
    assert_eq!(orders, [4, 3]);
}

// A stage that comes first, and one that comes after the others, behave like any other.
#[test]
fn a_new_stage_below_and_one_above() {
    expect_change(
        &[
            "visitor",
            "known",
            "mql",
            "sal",
            "demo",
            "opportunity",
            "closed",
        ],
        "
        known 2026-02-10T09:00
        visitor 2026-03-02T09:00
        person crm.lead:2
        sal 2026-02-10T09:00
        demo 2026-03-02T09:00
        person crm.lead:3
        known 2026-03-02T09:00
        ",
        "
        1 visitor 2026-03-02T09:00 .. open net_new 2026-q2
        1 known 2026-02-10T09:00 .. open net_new
        person crm.lead:2
        1 known 2026-02-10T09:00 .. 2026-02-10T09:00 progressed mql net_new implied
        1 mql 2026-02-10T09:00 .. 2026-02-10T09:00 progressed sal net_new implied
        1 sal 2026-02-10T09:00 .. 2026-03-02T09:00 progressed demo net_new
        1 demo 2026-03-02T09:00 .. open net_new 2026-q2
        person crm.lead:3
        1 visitor 2026-03-02T09:00 .. 2026-03-02T09:00 progressed known net_new implied 2026-q2
        1 known 2026-03-02T09:00 .. open net_new 2026-q2
        ",
        "out_of_order",
    );
}

// What the next definition finds true already is stock, not volume: carried, with the stages below;
// evidence for it then changes nothing. Who is there or further is left alone.
#[test]
fn what_is_true_already_is_carried() {
    expect_change(
        &STAGES,
        "
        carry:mql 2026-03-01T00:00
        mql 2026-03-04T09:00
        sal 2026-03-05T09:00
        person crm.lead:2
        known 2026-02-10T09:00
        carry:mql 2026-03-01T00:00
        person crm.lead:3
        sal 2026-02-10T09:00
        carry:mql 2026-03-01T00:00
        ",
        "
        1 known 2026-03-01T00:00 .. 2026-03-01T00:00 progressed mql carried 2026-q2
        1 mql 2026-03-01T00:00 .. 2026-03-05T09:00 progressed sal carried 2026-q2
        1 sal 2026-03-05T09:00 .. open net_new 2026-q2
        person crm.lead:2
        1 known 2026-02-10T09:00 .. 2026-03-01T00:00 progressed mql net_new
        1 mql 2026-03-01T00:00 .. open carried 2026-q2
        person crm.lead:3
        1 known 2026-02-10T09:00 .. 2026-02-10T09:00 progressed mql net_new implied
        1 mql 2026-02-10T09:00 .. 2026-02-10T09:00 progressed sal net_new implied
        1 sal 2026-02-10T09:00 .. open net_new
        ",
        "carried 2, ignored_reached 2",
    );
}

// Nobody is carried who would not be let in: the disqualified, customers, those of whom a stage is asked
// that they skipped.
#[test]
fn carrying_follows_the_rules_of_entering() {
    let strict = Funnel {
        skipped_stages: Skipping::Strict,
        ..next(&STAGES)
    };
    expect_over(
        &[&funnel(Skipping::ReachedOrPassed), &strict],
        "
        known 2026-02-10T09:00
        disqualify:known 2026-02-20T09:00
        carry:mql 2026-03-01T00:00
        person crm.lead:2
        known 2026-02-10T09:00
        carry:sal 2026-03-01T00:00
        ",
        "
        1 known 2026-02-10T09:00 .. 2026-02-20T09:00 disqualified net_new
        person crm.lead:2
        1 known 2026-02-10T09:00 .. open net_new
        ",
        "disqualified, ignored_disqualified, ignored_strict",
    );
}

// A close that the next definition finds ends the cycle, and is no entry.
#[test]
fn a_carried_close_ends_the_cycle() {
    expect_change(
        &STAGES,
        "
        opportunity 2026-02-10T09:00 opp=A
        carry:closed 2026-03-01T00:00 opp=A won
        ",
        "
        1 known 2026-02-10T09:00 .. 2026-02-10T09:00 progressed mql net_new implied opp=A
        1 mql 2026-02-10T09:00 .. 2026-02-10T09:00 progressed sal net_new implied opp=A
        1 sal 2026-02-10T09:00 .. 2026-02-10T09:00 progressed opportunity net_new implied opp=A
        1 opportunity 2026-02-10T09:00 .. 2026-03-01T00:00 progressed closed net_new opp=A
        1 closed 2026-03-01T00:00 .. 2026-03-01T00:00 won carried opp=A 2026-q2
        ",
        "carried",
    );
}

// Skipped stages are judged by the definition in force: ignored from the change on, passed before.
#[test]
fn skipped_stages_follow_the_definition_in_force() {
    let strict = Funnel {
        skipped_stages: Skipping::Strict,
        ..next(&STAGES)
    };
    expect_over(
        &[&funnel(Skipping::ReachedOrPassed), &strict],
        "
        mql 2026-02-10T09:00
        opportunity 2026-03-05T09:00
        person crm.lead:2
        sal 2026-02-10T09:00
        opportunity 2026-03-05T09:00
        ",
        "
        1 known 2026-02-10T09:00 .. 2026-02-10T09:00 progressed mql net_new implied
        1 mql 2026-02-10T09:00 .. open net_new
        person crm.lead:2
        1 known 2026-02-10T09:00 .. 2026-02-10T09:00 progressed mql net_new implied
        1 mql 2026-02-10T09:00 .. 2026-02-10T09:00 progressed sal net_new implied
        1 sal 2026-02-10T09:00 .. 2026-03-05T09:00 progressed opportunity net_new
        1 opportunity 2026-03-05T09:00 .. open net_new 2026-q2
        ",
        "ignored_strict",
    );
}

// How long it is quiet after a close, and where the next cycle begins, is for the definition in force
// when evidence comes, not when the cycle closed.
#[test]
fn after_a_close_the_definition_in_force_decides() {
    let brief = Funnel {
        after_close: AfterClose {
            to: 1,
            quiet_days: 5,
        },
        ..next(&STAGES)
    };
    expect_over(
        &[&funnel(Skipping::Any), &brief],
        "
        closed 2026-02-20T09:00 lost
        mql 2026-02-26T09:00
        sal 2026-03-02T09:00
        ",
        "
        1 closed 2026-02-20T09:00 .. 2026-02-20T09:00 lost net_new
        2 known 2026-03-02T09:00 .. 2026-03-02T09:00 progressed mql carried 2026-q2
        2 mql 2026-03-02T09:00 .. 2026-03-02T09:00 progressed sal carried 2026-q2
        2 sal 2026-03-02T09:00 .. open net_new 2026-q2
        ",
        "ignored_quiet",
    );
}

// The next cycle of a disqualified person begins with the stages that are still there.
#[test]
fn a_reinstated_person_stands_in_what_is_left() {
    expect_change(
        &["visitor", "known", "sal", "opportunity", "closed"],
        "
        sal 2026-02-10T09:00
        disqualify:mql 2026-02-20T09:00
        reinstate:known 2026-03-05T09:00
        ",
        "
        1 known 2026-02-10T09:00 .. 2026-02-10T09:00 progressed mql net_new implied
        1 mql 2026-02-10T09:00 .. 2026-02-10T09:00 progressed sal net_new implied
        1 sal 2026-02-10T09:00 .. 2026-02-20T09:00 disqualified net_new
        2 visitor 2026-03-05T09:00 .. 2026-03-05T09:00 progressed known carried 2026-q2
        2 known 2026-03-05T09:00 .. open carried 2026-q2
        ",
        "disqualified, reinstated",
    );
}

// A stage that goes and comes back is one stage: it was reached in the cycle, and is no one's first
// entry twice.
#[test]
fn a_stage_that_comes_back_was_entered_before() {
    let without = next(&["known", "sal", "opportunity", "closed"]);
    let again = Funnel {
        definition: "2026-q3".to_owned(),
        effective_from: Date::constant(2026, 6, 1),
        ..next(&STAGES)
    };
    expect_over(
        &[&funnel(Skipping::ReachedOrPassed), &without, &again],
        "
        mql 2026-02-10T09:00
        mql 2026-06-02T09:00
        sal 2026-06-03T09:00
        recycle:known 2026-06-04T09:00
        mql 2026-06-05T09:00
        ",
        "
        1 known 2026-02-10T09:00 .. 2026-02-10T09:00 progressed mql net_new implied
        1 mql 2026-02-10T09:00 .. 2026-03-01T00:00 redefined net_new
        1 sal 2026-06-03T09:00 .. 2026-06-04T09:00 recycled net_new 2026-q3
        2 known 2026-06-04T09:00 .. 2026-06-05T09:00 progressed mql carried 2026-q3
        2 mql 2026-06-05T09:00 .. open 2026-q3
        ",
        "ignored_reached, recycled",
    );
}

// A close whose time is not known counts when it was first seen, by the stages of then; it is none where
// the stage is no more.
#[test]
fn a_censored_close_is_seen_under_the_next_definition() {
    expect_change(
        &["known", "opportunity", "closed"],
        "
        opportunity 2026-02-10T09:00 opp=A
        closed 2026-02-11T09:00 opp=A won censored known=2026-03-05
        ",
        "
        1 known 2026-02-10T09:00 .. 2026-02-10T09:00 progressed mql net_new implied opp=A
        1 opportunity 2026-02-10T09:00 .. 2026-02-11T09:00 progressed closed net_new opp=A
        1 closed 2026-02-11T09:00 .. 2026-02-11T09:00 won net_new censored late opp=A 2026-q2
        1 mql 2026-02-10T09:00 .. 2026-02-10T09:00 progressed sal net_new implied opp=A
        1 sal 2026-02-10T09:00 .. 2026-02-10T09:00 progressed opportunity net_new implied opp=A
        ",
        NO_CHANGE,
    );
    expect_change(
        &["known", "opportunity"],
        "
        known 2026-02-10T09:00
        closed 2026-02-11T09:00 opp=A won censored known=2026-03-05
        ",
        "1 known 2026-02-10T09:00 .. open net_new",
        "ignored_redefined",
    );
}

fn anonymous(told: &[Told]) -> Vec<Told> {
    let mut told = told.to_vec();
    for entry in &mut told {
        entry.words.retain(|word| word != "2026-q2");
    }
    told
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    // Another name for the same definition changes nothing but `definition`, whenever it comes.
    #[test]
    fn a_renamed_definition_changes_nothing(
        policy in any_policy(),
        history in any_history(),
        (month, day) in (1..=3_i8, 1..=28_i8),
    ) {
        let first = funnel(policy);
        let renamed = Funnel {
            definition: "2026-q2".to_owned(),
            effective_from: Date::constant(2026, month, day),
            ..first.clone()
        };
        let batches = [batch(&history)];
        let alone = walk(&batches, &[&first], &zone()).unwrap();
        let both = walk(&batches, &[&first, &renamed], &zone()).unwrap();
        prop_assert_eq!(anonymous(&told(&both)), told(&alone));
        prop_assert_eq!(both.counts, alone.counts);
    }

    // Whatever changes, no stage is left before it is entered, none is entered twice in a cycle, and
    // every row has one fate.
    #[test]
    fn entries_end_after_they_begin(
        policies in (any_policy(), any_policy()),
        history in any_history(),
        (month, day) in (1..=3_i8, 1..=28_i8),
        stages in Just(["known", "mql", "sal", "opportunity", "demo", "closed"]).prop_shuffle(),
    ) {
        let first = funnel(policies.0);
        let changed = Funnel {
            effective_from: Date::constant(2026, month, day),
            skipped_stages: policies.1,
            ..next(&stages[..5])
        };
        let walked = walk(&[batch(&history)], &[&first, &changed], &zone()).unwrap();
        let mut keys = Vec::new();
        for entry in told(&walked) {
            prop_assert!(entry.exited_at.is_none_or(|exited| exited >= entry.entered_at));
            prop_assert!(entry.confirmed_at.is_none_or(|at| at >= entry.entered_at));
            prop_assert_eq!(entry.exited_at.is_none(), entry.outcome == "open");
            prop_assert_eq!(entry.next.is_some(), entry.outcome == "progressed");
            let removed = !stages[..5].contains(&entry.stage.as_str());
            prop_assert!(!removed || entry.outcome != "open", "{entry:?}");
            keys.push((entry.cycle, entry.stage));
        }
        let all = keys.len();
        keys.sort();
        keys.dedup();
        prop_assert_eq!(keys.len(), all);
        let rows = u64::try_from(history.len()).unwrap();
        prop_assert_eq!(walked.counts.values().sum::<u64>(), rows);
    }
}
