//! Nights that come late: loaded between, or before, those that are known.

use proptest::prelude::*;
use serde_json::json;

use super::model::{Life, Night, kept, life, nights, rows_of, shown_on, wait};
use super::*;
use crate::config::ColumnType::Boolean;

/// A history without what tells when it was loaded.
async fn facts(house: &House) -> Vec<Value> {
    let mut rows = house.rows(&house.latest().await, "crm.lead_history").await;
    for row in &mut rows {
        let row = row.as_object_mut().unwrap();
        row.remove("commit_no");
        row.remove("known_at");
    }
    rows
}

// A change that two snapshots dated at the end of the later one's day is dated anew by a snapshot
// between them; what was known before can still be asked.
#[tokio::test]
async fn a_late_snapshot_dates_a_change_anew() {
    let house = House::new();
    house
        .any_night(&leads(nov(5), &["a New 1 - -"]), None)
        .await;
    house
        .any_night(&leads(nov(8), &["a Open 1 - -"]), None)
        .await;
    let before = house.history().await;
    assert_eq!(before[1], "a Open 1 08 end..- snapshot");
    let recorded = house
        .any_night(&leads(nov(6), &["a Open 1 - -"]), None)
        .await;
    assert_eq!((recorded.changed, recorded.versions), (1, 2));
    assert_eq!(
        house.history().await,
        [
            "a New 1 05 end..06 end snapshot censored",
            "a Open 1 06 end..- snapshot",
        ]
    );
    let latest = house.latest().await;
    assert_eq!(latest.as_of, nov(8), "the newest day stays the newest");
    let rows = house.rows(&latest, "crm.lead_history").await;
    assert_eq!(rows[1]["known_at"], "2026-11-08T23:59:59.999999Z");
    let then = house.warehouse.as_of(nov(8)).await.unwrap().unwrap();
    let then: Vec<String> = house
        .rows(&then, "crm.lead_history")
        .await
        .iter()
        .map(line)
        .collect();
    assert_eq!(then, before);
    assert!(house.warehouse.as_of(nov(6)).await.unwrap().is_none());
}

// A late snapshot that shows what was known narrows only since when it was seen.
#[tokio::test]
async fn a_late_snapshot_without_news() {
    let house = House::new();
    house
        .any_night(&leads(nov(5), &["a New 1 - -", "b New 1 - -"]), None)
        .await;
    house
        .any_night(&leads(nov(8), &["a Open 1 - -", "b New 1 - -"]), None)
        .await;
    let late = leads(nov(6), &["a New 1 - -", "b New 1 - -"]);
    let recorded = house.any_night(&late, None).await;
    assert_eq!((recorded.changed, recorded.versions), (0, 1));
    let rows = house.rows(&house.latest().await, "crm.lead_history").await;
    assert_eq!(line(&rows[1]), "a Open 1 08 end..- snapshot");
    assert_eq!(rows[1]["seen_after"], "2026-11-06T23:59:59.999999Z");
    assert_eq!(rows[1]["known_at"], "2026-11-08T23:59:59.999999Z");
}

// A day is loaded once, late or not; a day after the newest is not late.
#[tokio::test]
async fn what_is_not_late_is_refused() {
    let house = House::new();
    house
        .any_night(&leads(nov(5), &["a New 1 - -"]), None)
        .await;
    let late = |day| {
        let run_id = RunId::new(day);
        let house = &house;
        async move { house.warehouse.begin_late(day, &run_id, &house.zone).await }
    };
    assert_eq!(
        late(nov(6)).await.unwrap_err().to_string(),
        "`2026-11-06` comes after `2026-11-05`, the last day published: it is not late"
    );
    let mut again = late(nov(5)).await.unwrap();
    let twice = again.record(&leads(nov(5), &["a New 1 - -"]), None).await;
    assert_eq!(
        twice.unwrap_err().to_string(),
        "`crm.lead` is recorded already in this run"
    );
}

async fn any_order_holds(nights: &[Night], column_from: usize, order: &[usize]) {
    let wide = [LEAD.as_slice(), &[("Flag", Boolean)]].concat();
    let extract_of = |index: usize| {
        let night = nights[index].as_ref()?;
        let day = i8::try_from(index + 2).unwrap();
        let late = index >= column_from;
        let columns = if late { wide.as_slice() } else { &LEAD };
        let values: Vec<Value> = rows_of(day, night, late).into_values().collect();
        Some(extract("lead", lead_kind(), nov(day), columns, &values))
    };
    let (in_order, shuffled) = (House::new(), House::new());
    for night in (0..nights.len()).filter_map(extract_of) {
        in_order.any_night(&night, None).await;
    }
    let order = order.iter().copied().filter(|index| *index < nights.len());
    for night in order.filter_map(extract_of) {
        shuffled.any_night(&night, None).await;
    }
    if in_order.warehouse.latest().await.unwrap().is_none() {
        return;
    }
    // A column that comes late may stand elsewhere.
    let sorted = |rows: Vec<Value>| -> Vec<BTreeMap<String, Value>> {
        rows.into_iter()
            .map(|row| serde_json::from_value(row).unwrap())
            .collect()
    };
    assert_eq!(
        sorted(facts(&shuffled).await),
        sorted(facts(&in_order).await)
    );
}

/// What befalls a night of the model, by its place among the nights.
#[derive(Debug, Clone, Copy)]
enum Turn {
    /// It is run; if it was before, it is refused.
    Run(usize),
    /// Its run is cut off before the commit.
    Crash(usize),
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let turn = prop_oneof![
        3 => (0..7_usize).prop_map(Turn::Run),
        1 => (0..7_usize).prop_map(Turn::Crash),
    ];
    proptest::collection::vec(turn, 1..16)
}

/// Any sequence of nights, late or in their turn, repeated or cut off, against every full snapshot
/// kept in memory.
async fn the_model_holds(nights: &[Night], turns: &[Turn]) {
    let house = House::new();
    let mut model = BTreeMap::new();
    for turn in turns {
        let (Turn::Run(index) | Turn::Crash(index)) = *turn;
        let Some(Some(night)) = nights.get(index) else {
            continue;
        };
        let day = i8::try_from(index + 2).unwrap();
        let rows = rows_of(day, night, false);
        let values: Vec<Value> = rows.values().cloned().collect();
        let leads = extract("lead", lead_kind(), nov(day), &LEAD, &values);
        let newest = house.warehouse.latest().await.unwrap();
        let run_id = RunId::new(nov(day));
        let begun = match newest {
            Some(newest) if newest.as_of >= nov(day) => {
                house
                    .warehouse
                    .begin_late(nov(day), &run_id, &house.zone)
                    .await
            }
            _ => house.warehouse.begin(nov(day), &run_id, &house.zone).await,
        };
        let mut draft = begun.unwrap();
        let recorded = draft.record(&leads, None).await;
        assert_eq!(recorded.is_err(), model.contains_key(&day), "{recorded:?}");
        if matches!(turn, Turn::Run(_)) && recorded.is_ok() {
            commit(draft).await;
            model.insert(day, rows);
        } else {
            draft.abandon().await;
        }
    }
    let Some(newest) = house.warehouse.latest().await.unwrap() else {
        assert!(model.is_empty());
        return;
    };
    let history = house.rows(&newest, "crm.lead_history").await;
    for (day, rows) in &model {
        assert_eq!(
            shown_on(&history, *day),
            kept(rows),
            "at the end of day {day}"
        );
    }
    assert_eq!(house.warehouse.verify().await.unwrap().faults.len(), 0);
}

async fn lives_hold(lives: &[Life], first: i64, order: &[i64]) {
    let (in_order, shuffled) = (House::new(), House::new());
    let night = |day: i64| {
        let (end, date) = (day * 24, nov(i8::try_from(day).unwrap()));
        let ids = || lives.iter().enumerate();
        let rows: Vec<Value> = ids().filter_map(|(id, life)| life.row(id, end)).collect();
        let told: Vec<Value> = ids().flat_map(|(id, life)| life.told(id, 0, end)).collect();
        let kind = changes(date, &[]).kind;
        let told = extract("lead_change", kind, date, &CHANGE, &told);
        (extract("lead", lead_kind(), date, &LEAD, &rows), told)
    };
    for day in first..7 {
        let (leads, told) = night(day);
        in_order.any_night(&leads, Some(&told)).await;
    }
    for day in order.iter().filter(|day| **day >= first) {
        let (leads, told) = night(*day);
        shuffled.any_night(&leads, Some(&told)).await;
    }
    assert_eq!(facts(&shuffled).await, facts(&in_order).await);
}

fn any_order<T: Clone + std::fmt::Debug>(all: Vec<T>) -> impl Strategy<Value = Vec<T>> {
    Just(all).prop_shuffle()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    // In whatever order snapshots come, the history is that of their days in order.
    #[test]
    fn snapshots_may_come_in_any_order(
        nights in nights(),
        column_from in 0..7_usize,
        order in any_order((0..7_usize).collect()),
    ) {
        wait(any_order_holds(&nights, column_from, &order));
    }

    // Whatever is run, repeated or cut off in whatever order, the history shows at each recorded day's
    // end what that day's snapshot showed, and no version is left that `verify` rejects.
    #[test]
    fn any_sequence_gives_what_the_model_keeps(nights in nights(), turns in turns()) {
        wait(the_model_holds(&nights, &turns));
    }

    // So it is with field history, whose rows every night tells from the start.
    #[test]
    fn field_history_may_come_in_any_order(
        lives in proptest::collection::vec(life(), 1..4),
        first in 1..5_i64,
        order in any_order((1..7_i64).collect()),
    ) {
        wait(lives_hold(&lives, first, &order));
    }
}

// A record that only a late snapshot shows: it came and went, and comes back later.
#[tokio::test]
async fn a_record_of_one_late_night() {
    let house = House::new();
    house
        .any_night(&leads(nov(5), &["a New 1 - -"]), None)
        .await;
    house
        .any_night(&leads(nov(7), &["a New 1 - -"]), None)
        .await;
    house
        .any_night(
            &leads(nov(8), &["a New 1 - -", "b New 1 06T09:00 06T09:00"]),
            None,
        )
        .await;
    let late = leads(nov(6), &["a New 1 - -", "b Old 1 06T09:00 06T09:00"]);
    house.any_night(&late, None).await;
    assert_eq!(
        house.history().await[1..],
        [
            "b Old 1 06T09:00..07 end snapshot",
            "b Old 1 07 end..08 end snapshot deleted",
            "b New 1 08 end..- snapshot",
        ]
    );
    let rows = house.rows(&house.latest().await, "crm.lead").await;
    assert_eq!(rows.last().unwrap()["status"], json!("New"));
}
