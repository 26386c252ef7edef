//! The weeks of a commitment, against figures worked out by hand and a loop over days.

use std::collections::BTreeMap;

use jiff::ToSpan;
use jiff::civil::{Date, date};
use serde::Deserialize;

use super::fixture::{Entry, commitment, config, entry, session};
use super::run_only;
use crate::config::{Commitment, Config, Split};

const SLA: [&str; 3] = ["entry", "sla_entry", "sla_week"];

#[derive(Debug, PartialEq, Deserialize)]
struct Slice {
    quarter: String,
    week_start: Date,
    week_end: Date,
    working_days: i64,
    commitment: i64,
    gross: i64,
    rejected: i64,
    pending: i64,
    net: i64,
    complete: bool,
    verdict: String,
}

async fn weeks(config: &Config, as_of: Date, entries: &[Entry]) -> Vec<Slice> {
    let session = session(config, as_of, entries);
    run_only(&session, config, &SLA).await;
    let sql = "select quarter, week_start, week_end, working_days, commitment, gross, rejected, pending, net,
                      complete, verdict
               from sla_week order by stage, quarter, week_no";
    session.query("test", sql).await.unwrap().rows().unwrap()
}

fn mql(person: &str, day: &str) -> Entry {
    entry(person, "mql", day)
}

/// Subtlety 19. 1,200 over 64 working days is 18.75 a day: weeks of five days have 93.75, of four 75 and the first
/// two days 37.5. The floors leave 8, which go to the largest remainders, ties to the earlier week.
#[tokio::test]
async fn the_weeks_add_up_to_the_commitment() {
    let weeks = weeks(&config(), date(2026, 11, 19), &[]).await;
    let split: Vec<_> = weeks
        .iter()
        .map(|week| (week.working_days, week.commitment))
        .collect();
    let expected = [
        (2, 37),
        (5, 94),
        (5, 94),
        (5, 94),
        (5, 94),
        (5, 94),
        (5, 94),
        (5, 94),
        (4, 75), // Thanksgiving
        (5, 94),
        (5, 93),
        (5, 93),
        (4, 75), // Christmas
        (4, 75), // the year ends on a Thursday
    ];
    assert_eq!(split, expected);
    assert_eq!(weeks[0].week_start, date(2026, 10, 1));
    assert_eq!(weeks[0].week_end, date(2026, 10, 4));
    assert!(weeks[6].complete && !weeks[7].complete);
    assert_eq!(
        (weeks[6].verdict.as_str(), weeks[7].verdict.as_str()),
        ("short", "open")
    );
}

/// Subtlety 20. One of a person per 14 days, no customers; rejected in the week it was made; what waits is pending.
#[tokio::test]
async fn what_counts() {
    let again = |entry: Entry, cycle| entry.with("cycle", cycle).with("net_new", false);
    let entries = [
        mql("twice", "2026-10-12").left("2026-10-13", "recycled"),
        again(mql("twice", "2026-10-14"), 2).left("2026-10-20", "recycled"),
        // 13 days after the one that counted: once more too soon.
        again(mql("twice", "2026-10-25"), 3).left("2026-10-26", "progressed"),
        // 14 days after the one that counted, though two after the last.
        again(mql("twice", "2026-10-26"), 4),
        mql("customer", "2026-10-13").with("customer", true),
        mql("implied", "2026-10-13").with("implied", true),
        mql("accepted", "2026-10-13").left("2026-11-01", "progressed"),
        mql("junk", "2026-10-14").left("2026-10-15", "disqualified"),
        mql("deleted", "2026-10-14").left("2026-10-15", "deleted"),
        // Accepted before it was an mql.
        entry("backward", "sal", "2026-10-13").left("2026-10-16", "recycled"),
        mql("backward", "2026-10-14").left("2026-10-16", "recycled"),
        // 14 dates after, but an hour short of 14 days.
        mql("hour", "2026-09-01").left("2026-09-02", "recycled"),
        again(mql("hour", "2026-09-15"), 2).with("entered_at", "2026-09-15T11:00:00Z"),
        // Counted in the quarter before, so too soon on the first day of this one.
        mql("earlier", "2026-09-30").left("2026-09-30", "recycled"),
        again(mql("earlier", "2026-10-01"), 2),
    ];
    let mut config = config();
    let before = Commitment {
        quarter: "2026-Q3".to_owned(),
        first_day: date(2026, 7, 1),
        last_day: date(2026, 9, 30),
        ..commitment(92)
    };
    config.sla.commitments = vec![commitment(14), before];
    let weeks = weeks(&config, date(2026, 11, 19), &entries).await;
    let third: i64 = weeks[..14].iter().map(|week| week.gross).sum();
    assert_eq!(third, 2, "of `hour` one, of `earlier` one");
    let weeks = &weeks[14..];
    let shown = |index: usize| {
        let week: &Slice = &weeks[index];
        (week.gross, week.rejected, week.pending, week.net)
    };
    assert_eq!(shown(0), (0, 0, 0, 0));
    assert_eq!(shown(2), (5, 3, 0, 2));
    assert_eq!(shown(3), (0, 0, 0, 0));
    assert_eq!(shown(4), (1, 0, 1, 1));
    assert_eq!(weeks[2].verdict, "met");
}

/// Three quarters, one split evenly, against a loop over days that knows no SQL.
#[tokio::test]
async fn a_slow_loop_agrees() {
    let mut config = config();
    let quarter = |name: &str, first_day, last_day, commitment, split| Commitment {
        quarter: name.to_owned(),
        first_day,
        last_day,
        commitment,
        split,
        ..super::fixture::commitment(0)
    };
    config.sla.commitments = vec![
        quarter(
            "2026-Q2",
            date(2026, 4, 1),
            date(2026, 6, 30),
            997,
            Split::WorkingDays,
        ),
        quarter(
            "2026-Q3",
            date(2026, 7, 1),
            date(2026, 9, 30),
            101,
            Split::Even,
        ),
        quarter(
            "2026-Q4",
            date(2026, 10, 1),
            date(2026, 12, 31),
            5,
            Split::WorkingDays,
        ),
    ];
    let days = scattered(400);
    let entries: Vec<Entry> = days
        .iter()
        .enumerate()
        .map(|(index, (person, day))| {
            mql(&format!("p{person}"), &day.to_string())
                .with("cycle", i64::try_from(index + 1).unwrap())
        })
        .collect();
    let found = weeks(&config, date(2026, 12, 31), &entries).await;
    for promise in &config.sla.commitments {
        let slow = slowly(&config, promise, &days);
        let found = found.iter().filter(|week| week.quarter == promise.quarter);
        let fast: Vec<_> = found
            .map(|week| (week.week_start, week.commitment, week.gross))
            .collect();
        assert_eq!(fast, slow, "{}", promise.quarter);
        let total: i64 = slow.iter().map(|(_, commitment, _)| commitment).sum();
        assert_eq!(total, i64::from(promise.commitment));
    }
}

/// Persons and days from a small generator of its own, the same at every run.
fn scattered(n: usize) -> Vec<(u64, Date)> {
    let mut state = 7_u64;
    let mut next = |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    (0..n)
        .map(|_| {
            let day = i64::try_from(next(270)).unwrap();
            (next(40), date(2026, 4, 1).checked_add(day.days()).unwrap())
        })
        .collect()
}

/// Slice by week: first day, commitment, counted entries.
fn slowly(config: &Config, promise: &Commitment, entries: &[(u64, Date)]) -> Vec<(Date, i64, i64)> {
    let mut counted: BTreeMap<Date, i64> = BTreeMap::new();
    let mut sorted = entries.to_vec();
    sorted.sort_by_key(|(_, day)| *day);
    let mut last: BTreeMap<u64, Date> = BTreeMap::new();
    for (person, day) in sorted {
        if last
            .get(&person)
            .is_none_or(|before| (day - *before).get_days() >= 14)
        {
            last.insert(person, day);
            *counted.entry(day).or_default() += 1;
        }
    }
    let mut weeks: Vec<(Date, i64, i64)> = Vec::new();
    let mut day = promise.first_day;
    while day <= promise.last_day {
        if weeks.is_empty() || day.weekday() == config.calendar.week_starts {
            weeks.push((day, 0, 0));
        }
        let works = config.calendar.working_days.contains(&day.weekday())
            && !config.calendar.holidays.contains_key(&day);
        let week = weeks.last_mut().unwrap();
        week.1 += i64::from(works || promise.split == Split::Even);
        week.2 += counted.get(&day).copied().unwrap_or(0);
        day = day.tomorrow().unwrap();
    }
    let shares = handed_out(i64::from(promise.commitment), &weeks);
    weeks
        .iter()
        .zip(shares)
        .map(|(week, share)| (week.0, share, week.2))
        .collect()
}

/// One by one, to the week that is furthest below its exact share, the earlier of two.
fn handed_out(commitment: i64, weeks: &[(Date, i64, i64)]) -> Vec<i64> {
    let whole: i64 = weeks.iter().map(|week| week.1).sum();
    let mut shares: Vec<i64> = weeks
        .iter()
        .map(|week| commitment * week.1 / whole)
        .collect();
    let rest: Vec<i64> = weeks
        .iter()
        .map(|week| commitment * week.1 % whole)
        .collect();
    let mut given = vec![false; weeks.len()];
    while shares.iter().sum::<i64>() < commitment {
        let open = (0..weeks.len()).filter(|index| !given[*index]);
        let best = open
            .max_by_key(|index| (rest[*index], std::cmp::Reverse(*index)))
            .unwrap();
        given[best] = true;
        shares[best] += 1;
    }
    shares
}
