//! What holds for every history, under each policy for skipped stages.

use proptest::prelude::*;

use super::*;

pub(in crate::funnel::walk) fn any_policy() -> impl Strategy<Value = Skipping> {
    prop_oneof![
        Just(Skipping::ReachedOrPassed),
        Just(Skipping::Strict),
        Just(Skipping::Any),
    ]
}

/// A line of a history: few instants and few opportunities, so that they meet.
fn any_sign() -> impl Strategy<Value = Sign> {
    let what = prop_oneof![
        12 => (1..=5_usize).prop_map(|order| STAGES[order - 1].to_owned()),
        2 => (1..=2_usize).prop_map(|order| format!("recycle:{}", STAGES[order - 1])),
        1 => Just("disqualify:known".to_owned()),
        1 => Just("reinstate:known".to_owned()),
        1 => Just("deleted".to_owned()),
    ];
    let when = (1..=28_u8, 0..4_u8, 1..=3_u8);
    let words = prop::sample::subsequence(
        vec![
            "won", "customer", "renewal", "excluded", "snapshot", "imported",
        ],
        0..=3,
    );
    let opportunity = prop_oneof![2 => Just(""), 1 => Just("opp=A"), 1 => Just("opp=B")];
    let parts = (what, when, words, opportunity, prop::bool::weighted(0.1));
    parts.prop_map(|(what, (day, hour, month), words, opportunity, censored)| {
        let mut when = format!("2026-0{month}-{day:02}");
        if hour > 0 || what.contains(':') || what == "deleted" {
            when = format!("{when}T{:02}:00", 6 * hour);
        }
        let opportunity = if what.contains(':') { "" } else { opportunity };
        let censored = if censored {
            "censored known=2026-03-31"
        } else {
            ""
        };
        let words = words.join(" ");
        sign(
            SOMEBODY,
            &format!("{what} {when} {opportunity} {words} {censored}"),
        )
    })
}

pub(in crate::funnel::walk) fn any_history() -> impl Strategy<Value = Vec<Sign>> {
    prop::collection::vec(any_sign(), 0..24)
}

fn of(person: &str, mut history: Vec<Sign>) -> Vec<Sign> {
    for sign in &mut history {
        person.clone_into(&mut sign.person);
    }
    history
}

fn entries_of(batches: &[RecordBatch], funnel: &Funnel) -> Vec<Told> {
    told(&walk(batches, &[funnel], &zone()).unwrap())
}

/// The entries of one person, as if they were somebody's.
fn renamed(told: &[Told], person: &str) -> Vec<Told> {
    let theirs = told.iter().filter(|entry| entry.person == person);
    let rename = |entry: &Told| Told {
        person: SOMEBODY.to_owned(),
        ..entry.clone()
    };
    theirs.map(rename).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    // A person's entries depend on that person's evidence alone: not on who else there is, who
    // comes first, in which order the rows come, or where batches end.
    #[test]
    fn only_a_persons_own_evidence_counts(
        policy in any_policy(),
        mine in any_history(),
        other in any_history(),
        keys in prop::collection::vec(any::<u32>(), 24),
        border in 0..48_usize,
    ) {
        let funnel = funnel(policy);
        let alone = entries_of(&[batch(&mine)], &funnel);

        let mut shuffled: Vec<(u32, Sign)> = keys.into_iter().zip(mine).collect();
        shuffled.sort_by_key(|(key, _)| *key);
        let mine: Vec<Sign> = shuffled.into_iter().map(|(_, sign)| sign).collect();
        for (me, them) in [("crm.lead:1", "crm.lead:2"), ("crm.lead:2", "crm.lead:1")] {
            let mut all = [of(me, mine.clone()), of(them, other.clone())].concat();
            all.sort_by(|a, b| a.person.cmp(&b.person));
            let (first, second) = all.split_at(border.min(all.len()));
            let together = entries_of(&[batch(first), batch(second)], &funnel);
            prop_assert_eq!(renamed(&together, me), alone.clone());
        }
    }

    // No stage is left or confirmed before it is entered, and every row has one fate.
    #[test]
    fn entries_end_after_they_begin(policy in any_policy(), history in any_history()) {
        let walked = walk(&[batch(&history)], &[&funnel(policy)], &zone()).unwrap();
        for entry in told(&walked) {
            prop_assert!(entry.exited_at.is_none_or(|exited| exited >= entry.entered_at));
            prop_assert!(entry.confirmed_at.is_none_or(|at| at >= entry.entered_at));
            prop_assert_eq!(entry.exited_at.is_none(), entry.outcome == "open");
            prop_assert_eq!(entry.next.is_some(), entry.outcome == "progressed");
        }
        let rows = u64::try_from(history.len()).unwrap();
        prop_assert_eq!(walked.counts.values().sum::<u64>(), rows);
    }

    // Where stages are not skipped, a cycle climbs without a gap, in time and in stages, and only
    // its highest stage is left by its end.
    #[test]
    fn a_cycle_climbs_without_a_gap(
        policy in prop_oneof![Just(Skipping::ReachedOrPassed), Just(Skipping::Strict)],
        history in any_history(),
    ) {
        let entries = entries_of(&[batch(&history)], &funnel(policy));
        for pair in entries.windows(2) {
            let (before, after) = (&pair[0], &pair[1]);
            if before.cycle != after.cycle {
                prop_assert_eq!(before.cycle + 1, after.cycle);
                prop_assert_eq!(after.order, 1);
                continue;
            }
            prop_assert_eq!(before.order + 1, after.order);
            prop_assert!(before.entered_at <= after.entered_at);
            prop_assert_eq!(before.exited_at, Some(after.entered_at));
            prop_assert_eq!(before.next.as_ref(), Some(&after.stage));
        }
    }

    // A person stands in at most one open cycle that holds no opportunity, and an opportunity in at
    // most one open cycle.
    #[test]
    fn nobody_stands_twice(policy in any_policy(), history in any_history()) {
        let entries = entries_of(&[batch(&history)], &funnel(policy));
        let mut open: BTreeMap<i64, Option<String>> = BTreeMap::new();
        for entry in entries.iter().filter(|entry| entry.outcome == "open") {
            let held = open.entry(entry.cycle).or_default();
            *held = held.take().or(entry.opportunity.clone());
        }
        let mut held: Vec<Option<String>> = open.into_values().collect();
        let cycles = held.len();
        held.sort();
        held.dedup();
        prop_assert_eq!(held.len(), cycles);
    }

    // Each stage is net-new at most once a person.
    #[test]
    fn a_stage_is_net_new_once(policy in any_policy(), history in any_history()) {
        let entries = entries_of(&[batch(&history)], &funnel(policy));
        let net_new = entries.iter().filter(|entry| entry.words[..].contains(&"net_new".to_owned()));
        let mut stages: Vec<&str> = net_new.map(|entry| entry.stage.as_str()).collect();
        let all = stages.len();
        stages.sort_unstable();
        stages.dedup();
        prop_assert_eq!(stages.len(), all);
    }
}
