//! Random nights with every kind of upkeep between them: nothing that could be asked is lost.

use proptest::prelude::*;

use super::model::wait;
use super::vacuum::{all_answers, data, named};
use super::*;
use crate::config::Retention;
use crate::warehouse::upkeep::verify::Fault;

/// What happens next. Statuses of three leads, by id; 0 is none.
#[derive(Debug, Clone)]
enum Step {
    Night([u8; 3], Option<u32>),
    /// A day that was left out is loaded.
    Late([u8; 3]),
    Crash([u8; 3]),
    Compact,
    Vacuum,
    Export,
}

fn step() -> impl Strategy<Value = Step> {
    let rows = || proptest::array::uniform3(0..4_u8);
    prop_oneof![
        5 => (rows(), proptest::option::of(1..6_u32)).prop_map(|(rows, days)| Step::Night(rows, days)),
        2 => rows().prop_map(Step::Late),
        2 => rows().prop_map(Step::Crash),
        1 => Just(Step::Compact),
        2 => Just(Step::Vacuum),
        1 => Just(Step::Export),
    ]
}

fn rows(day: i8, statuses: [u8; 3]) -> Extract {
    let there = (0..).zip(statuses).filter(|(_, status)| *status > 0);
    let rows: Vec<String> = there
        .map(|(id, status): (u8, u8)| format!("{id} {status} 1 - -"))
        .collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    leads(nov(day), &rows)
}

async fn write(mut draft: Draft, day: i8, statuses: [u8; 3]) -> Draft {
    draft.record(&rows(day, statuses), None).await.unwrap();
    let call = calls(nov(day), &[&format!("c{}", day % 5), &format!("c{day}")]);
    draft.record_events(&call).await.unwrap();
    let (schema, batches) = numbers(&[day.into()]);
    draft.append("job_run", &schema, &batches).await.unwrap();
    draft.replace("metric", &schema, &batches).await.unwrap();
    draft
}

/// What a night's version answers, and its derived table if that stays as a file.
type Answered = (Vec<Vec<Value>>, Option<Vec<Value>>);

/// The warehouse, and what each night answered when it was published.
struct Past {
    house: House,
    answered: BTreeMap<i8, Answered>,
    loaded_late: Vec<i8>,
}

impl Past {
    /// Nights take even days, so that odd ones can come late.
    fn next_day(&self) -> i8 {
        self.answered.keys().next_back().map_or(2, |day| day + 2)
    }

    async fn step(&mut self, step: &Step) {
        let warehouse = &self.house.warehouse;
        match step {
            Step::Night(statuses, days) => self.night(*statuses, *days).await,
            Step::Late(statuses) => self.late(*statuses).await,
            Step::Crash(statuses) => {
                let day = self.next_day();
                let draft = self.house.begin(nov(day)).await;
                write(draft, day, *statuses).await.abandon().await;
            }
            Step::Compact if !self.answered.is_empty() => {
                warehouse.compact(BTreeMap::new(), "hash").await.unwrap();
            }
            Step::Vacuum if !self.answered.is_empty() => self.vacuum().await,
            Step::Export => warehouse.export_delta().await.unwrap(),
            Step::Compact | Step::Vacuum => {}
        }
    }

    async fn night(&mut self, statuses: [u8; 3], days: Option<u32>) {
        let day = self.next_day();
        let draft = self.house.begin(nov(day)).await;
        let mut draft = write(draft, day, statuses).await;
        if let Some(derived_days) = days {
            draft.retain(Retention {
                derived_days,
                archive_days: None,
                quarantine_days: None,
            });
        }
        commit(draft).await;
        let answers = all_answers(&self.house, day).await;
        self.answered.insert(day, answers);
    }

    async fn late(&mut self, statuses: [u8; 3]) {
        let Some(newest) = self.answered.keys().next_back() else {
            return;
        };
        let mut free = (1..*newest).rev().step_by(2);
        let free = free.rfind(|day| !self.loaded_late.contains(day));
        let Some(day) = free else { return };
        let run_id = RunId::new(nov(day));
        let begun = self
            .house
            .warehouse
            .begin_late(nov(day), &run_id, &self.house.zone);
        commit(write(begun.await.unwrap(), day, statuses).await).await;
        self.loaded_late.push(day);
    }

    /// Without a grace nothing is left that no version names, but what stands of a late night's
    /// derived tables, to which no day leads.
    async fn vacuum(&self) {
        let done = self.house.warehouse.vacuum(0, false).await.unwrap();
        assert!(done.stuck.is_empty() && done.unknown.is_empty(), "{done:?}");
        let named = named(&self.house, self.answered.keys().copied()).await;
        let left = data(&self.house).await;
        assert!(named.is_subset(&left));
        let more = left.difference(&named);
        assert!(more.into_iter().all(|path| path.starts_with("derived/")));
        if self.loaded_late.is_empty() {
            assert_eq!(left, named);
        }
    }

    /// Nothing is damaged, and each night answers what it did; its derived tables may be let go.
    async fn holds(&self) {
        for (day, (rows, derived)) in &self.answered {
            let now = all_answers(&self.house, *day).await;
            assert_eq!(now.0, *rows, "as of day {day}");
            if now.1.is_some() {
                assert_eq!(now.1, *derived, "as of day {day}");
            }
        }
        if !self.answered.is_empty() {
            let verified = self.house.warehouse.verify().await.unwrap();
            let behind = |fault: &&Fault| !fault.stated.starts_with("the commit log goes");
            let faults: Vec<_> = verified.faults.iter().filter(behind).collect();
            assert!(faults.is_empty(), "{faults:#?}");
        }
    }
}

async fn nothing_is_lost(steps: &[Step]) {
    let mut past = Past {
        house: House::new(),
        answered: BTreeMap::new(),
        loaded_late: Vec::new(),
    };
    for step in steps {
        past.step(step).await;
        past.holds().await;
    }
    past.house.warehouse.export_delta().await.unwrap();
    past.step(&Step::Vacuum).await;
    past.holds().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, failure_persistence: None, ..ProptestConfig::default() })]

    // After any sequence of nights, late nights, crashes, merges, retention and vacuums everything is
    // as the log says, and every day's answer is what it was when the day was published.
    #[test]
    fn upkeep_changes_no_answer(steps in proptest::collection::vec(step(), 1..13)) {
        wait(nothing_is_lost(&steps));
    }
}
