//! What made the difference: from what the baseline brought to what came, member by member.

use std::collections::BTreeMap;

use super::Figures;
use super::grids::{member, plain};
use super::rows::{Member, Stage};
use crate::report::chart::{self, Step, StepKind};
use crate::report::grid::Panel;
use crate::report::rows::Verdict;
use crate::report::view::{Drawing, Figure};
use crate::report::words;

/// So many members have a step of their own; the rest share one.
const MOST: usize = 6;

/// Of the first stage with more or fewer entries than chance allows, the steps by the dimension one of
/// whose members moved the most. None where no stage has, or nothing tells its entries apart.
pub(super) fn panel(figures: &Figures, drawings: &mut Vec<Drawing>) -> Option<Panel> {
    let stage = moved(&figures.stages)?;
    let (n, baseline) = (words::real(stage.entered?), stage.baseline_entered?);
    let (dimension, members) = dimension(&figures.members, stage)?;
    let steps = steps(members, baseline, n);
    let title = format!("What moved {}", words::entries_within(&stage.label));
    let figure = Figure::draw(
        "bridge",
        |room| chart::bridge(&title, &steps, room),
        drawings,
    );
    let told = steps.iter().map(|it| format!("{} {}", it.label, it.shown));
    Some(Panel {
        id: "moved",
        title,
        say: format!(
            "Entries in 28 days, from what 28 days of the baseline brought to what came, by {}: {}.",
            plain(dimension),
            told.collect::<Vec<_>>().join(", ")
        ),
        figure,
    })
}

/// What fell comes before what rose.
fn moved(stages: &[Stage]) -> Option<&Stage> {
    let with = |verdict| stages.iter().find(|it| it.volume == Some(verdict));
    with(Verdict::Down).or_else(|| with(Verdict::Up))
}

type Steps<'a> = Vec<(&'a Member, f64)>;

/// The dimension with the largest step, and its steps, the largest first.
fn dimension<'a>(members: &'a [Member], stage: &Stage) -> Option<(&'a str, Steps<'a>)> {
    let mut all: BTreeMap<&str, Steps<'_>> = BTreeMap::new();
    for it in members.iter().filter(|it| it.stage.label == stage.label) {
        let n = words::real(it.stage.entered.unwrap_or(0));
        let difference = n - it.stage.baseline_entered.unwrap_or(0.0);
        all.entry(&it.dimension).or_default().push((it, difference));
    }
    for steps in all.values_mut() {
        steps.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
    }
    // That those of whom it is not known moved says nothing.
    let largest = |steps: &Steps<'_>| {
        let known = steps.iter().find(|it| it.0.member != "blank");
        known.map_or(0.0, |it| it.1.abs())
    };
    let (dimension, steps) = all
        .into_iter()
        .max_by(|a, b| largest(&a.1).total_cmp(&largest(&b.1)).then(b.0.cmp(a.0)))?;
    Some((dimension, steps))
}

fn steps(members: Steps<'_>, baseline: f64, n: f64) -> Vec<Step> {
    let named = members.into_iter().take(MOST);
    let mut differences: Vec<(String, f64)> = named.map(|it| (member(it.0), it.1)).collect();
    let told: f64 = differences.iter().map(|it| it.1).sum();
    // Members sum to the total, so what is left is that of the members without a step.
    let rest = n - baseline - told;
    if rest.abs() >= 0.05 {
        differences.push(("Others".to_owned(), rest));
    }
    let mut steps = vec![total("Baseline", baseline, words::decimal(baseline))];
    let mut at = baseline;
    for (label, difference) in differences {
        steps.push(step(label, at, difference));
        at += difference;
    }
    steps.push(total("Now", n, words::rounded(n)));
    steps
}

fn total(label: &str, value: f64, shown: String) -> Step {
    Step {
        label: label.to_owned(),
        from: 0.0,
        to: value,
        kind: StepKind::Total,
        shown,
    }
}

fn step(label: String, from: f64, difference: f64) -> Step {
    let kind = if difference < 0.0 {
        StepKind::Fewer
    } else {
        StepKind::More
    };
    Step {
        label,
        from,
        to: from + difference,
        kind,
        shown: difference_words(difference),
    }
}

/// With its sign, and a digit behind the point: a baseline of 28 days is seldom whole.
fn difference_words(value: f64) -> String {
    let sign = if value < 0.0 { "−" } else { "+" };
    format!("{sign}{}", words::decimal(value.abs()))
}

#[cfg(test)]
mod tests {
    use super::super::rows::Measured;
    use super::*;

    fn stage(label: &str, volume: Option<Verdict>, entered: i64, baseline: f64) -> Stage {
        let nothing = || Measured {
            value: None,
            n: None,
            baseline: None,
            industry: None,
            verdict: None,
        };
        Stage {
            label: label.to_owned(),
            term: label.to_owned(),
            next: None,
            entered: Some(entered),
            baseline_entered: Some(baseline),
            volume,
            rate: nothing(),
            range: None,
            days: nothing(),
        }
    }

    fn member_of(dimension: &str, member: &str, entered: i64, baseline: f64) -> Member {
        Member {
            dimension: dimension.to_owned(),
            member: member.to_owned(),
            stage: stage("MQL", None, entered, baseline),
        }
    }

    /// What fell is explained before what rose, and what does not differ never is.
    #[test]
    fn what_fell_comes_first() {
        let same = stage("Known", Some(Verdict::Same), 10, 10.0);
        let up = stage("MQL", Some(Verdict::Up), 30, 10.0);
        let down = stage("SAL", Some(Verdict::Down), 3, 10.0);
        let all = [same, up, down];
        assert_eq!(moved(&all).unwrap().label, "SAL");
        assert_eq!(moved(&all[..2]).unwrap().label, "MQL");
        assert!(moved(&all[..1]).is_none());
    }

    /// The dimension is that of the member that moved the most; those of whom nothing is known do not
    /// count for it, however many they are.
    #[test]
    fn the_dimension_that_tells_the_most() {
        let members = [
            member_of("region", "blank", 90, 10.0),
            member_of("region", "EMEA", 12, 10.0),
            member_of("lead_source", "Web", 20, 12.0),
            member_of("lead_source", "Event", 2, 22.0),
        ];
        let (found, steps) = dimension(&members, &members[0].stage).unwrap();
        assert_eq!(found, "lead_source");
        assert_eq!(
            steps.iter().map(|it| it.1).collect::<Vec<_>>(),
            [-20.0, 8.0]
        );
    }

    /// Each step begins where the one before ended; what has no step of its own is the others'; and they
    /// lead from the baseline to what came.
    #[test]
    fn steps_lead_from_the_baseline_to_now() {
        let members: Vec<Member> = (0..8)
            .map(|number| member_of("lead_source", &format!("m{number}"), 20 - 3 * number, 10.5))
            .collect();
        let total = stage("MQL", Some(Verdict::Down), 76, 84.0);
        let (_, ordered) = dimension(&members, &total).unwrap();
        let steps = steps(ordered, 84.0, 76.0);
        let labels: Vec<&str> = steps.iter().map(|it| it.label.as_str()).collect();
        let expected = [
            "Baseline", "m7", "m0", "m6", "m1", "m5", "m2", "Others", "Now",
        ];
        assert_eq!(labels, expected);
        let between = &steps[..steps.len() - 1];
        for pair in between.windows(2) {
            assert!(
                (pair[0].to - pair[1].from).abs() < 1e-9,
                "{}",
                pair[1].label
            );
        }
        assert!((between.last().unwrap().to - 76.0).abs() < 1e-9);
        let shown: Vec<&str> = steps.iter().map(|it| it.shown.as_str()).collect();
        let words = [
            "84.0", "−11.5", "+9.5", "−8.5", "+6.5", "−5.5", "+3.5", "−2.0", "76",
        ];
        assert_eq!(shown, words);
    }
}
