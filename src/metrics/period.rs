//! The periods that are measured, and the slots of days that they are added up from.
//!
//! | period | which |
//! |---|---|
//! | `day` | the last 60 |
//! | `week` | the last 53, the running one among them |
//! | `month`, `quarter`, `fiscal_year` | all since the first entry |
//! | `rolling_7`, `rolling_28`, `rolling_90`, `rolling_365` | so many days, the as-of day the last |
//!
//! No period begins after the as-of date; a running one ends after it. A slot is a longest run of days
//! that no period cuts, so every period is a union of slots: entries are counted once by slot, and
//! slots are added up.

use std::collections::BTreeSet;

use jiff::ToSpan;
use jiff::civil::Date;
use serde::Serialize;

use super::calendar::Day;
use crate::config::ColumnType;

pub(super) const COLUMNS: [(&str, ColumnType); 5] = [
    ("slot", ColumnType::Bigint),
    ("period", ColumnType::String),
    ("period_start", ColumnType::Date),
    ("period_end", ColumnType::Date),
    ("last_slot", ColumnType::Boolean),
];

pub(super) const SLOT_COLUMNS: [(&str, ColumnType); 2] =
    [("date", ColumnType::Date), ("slot", ColumnType::Bigint)];

const DAYS: i32 = 60;
const WEEKS: i32 = 53;
const ROLLING: [(&str, i32); 4] = [
    ("rolling_7", 7),
    ("rolling_28", 28),
    ("rolling_90", 90),
    ("rolling_365", 365),
];

/// One row of `period`: a period, and a slot of it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Row {
    pub(super) slot: i64,
    pub(super) period: &'static str,
    pub(super) period_start: Date,
    pub(super) period_end: Date,
    /// Whether it is the period's last slot, at whose end its stock is taken.
    last_slot: bool,
}

/// One row of `day_slot`.
#[derive(Debug, Serialize)]
pub(super) struct Slot {
    date: Date,
    slot: i64,
}

/// What is measured: the periods from that of `first` to that of the as-of date, slot by slot, and
/// the slot of every day up to it.
pub(super) struct Periods {
    pub(super) rows: Vec<Row>,
    pub(super) slots: Vec<Slot>,
}

/// First and last day.
type Span = (&'static str, Date, Date);

impl Periods {
    /// `days` holds every day between, and the first of their weeks and months.
    pub(super) fn of(days: &[Day], as_of: Date, first: Date) -> Self {
        let spans = spans(days, as_of, first);
        let cuts: BTreeSet<Date> = spans
            .iter()
            .flat_map(|(_, start, end)| [*start, end.saturating_add(1.day())])
            .collect();
        let mut slots: Vec<Slot> = Vec::new();
        let mut starts: Vec<Date> = Vec::new();
        for day in days.iter().filter(|day| day.date <= as_of) {
            if starts.is_empty() || cuts.contains(&day.date) {
                starts.push(day.date);
            }
            slots.push(Slot {
                date: day.date,
                slot: number(starts.len() - 1),
            });
        }
        let rows = spans.iter().flat_map(|span| rows(span, &starts)).collect();
        Self { rows, slots }
    }
}

/// The slots of one period.
fn rows(&(period, start, end): &Span, starts: &[Date]) -> Vec<Row> {
    let slots: Vec<usize> = (0..starts.len())
        .filter(|slot| (start..=end).contains(&starts[*slot]))
        .collect();
    slots
        .iter()
        .map(|slot| Row {
            slot: number(*slot),
            period,
            period_start: start,
            period_end: end,
            last_slot: slots.last() == Some(slot),
        })
        .collect()
}

fn spans(days: &[Day], as_of: Date, first: Date) -> Vec<Span> {
    let past = days.iter().filter(|day| day.date <= as_of);
    let fixed = past.flat_map(|day| {
        let week_end = day.week_start.saturating_add(6.days());
        let recent = |days: i32| day.date > as_of.saturating_sub(days.days());
        let since = |end: Date| end >= first;
        let begins_month = day.date == day.month_start && since(day.month_end);
        // Of a quarter or a year that began before the first day known, that day stands for it.
        let begins =
            |start: Date, end: Date| (day.date == start || day.date == days[0].date) && since(end);
        [
            (day.date >= first && recent(DAYS)).then_some(("day", day.date, day.date)),
            (day.date == day.week_start && since(week_end) && recent(WEEKS * 7))
                .then_some(("week", day.date, week_end)),
            begins_month.then_some(("month", day.date, day.month_end)),
            begins(day.quarter_start, day.quarter_end).then_some((
                "quarter",
                day.quarter_start,
                day.quarter_end,
            )),
            begins(day.year_start, day.year_end).then_some((
                "fiscal_year",
                day.year_start,
                day.year_end,
            )),
        ]
    });
    let rolling = ROLLING.map(|(period, days)| {
        let start = as_of.saturating_sub((days - 1).days());
        (period, start, as_of)
    });
    fixed.flatten().chain(rolling).collect()
}

fn number(slot: usize) -> i64 {
    i64::try_from(slot).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::metrics::calendar;
    use crate::metrics::tests::fixture;

    fn periods(fiscal_year_starts: i8, first: Date, as_of: Date) -> Periods {
        let calendar = crate::config::Calendar {
            fiscal_year_starts,
            ..fixture::calendar()
        };
        let days = calendar::days(&calendar, first, as_of);
        Periods::of(&days, as_of, first)
    }

    /// Periods that began before the first entry are there when it lies in them; none begins later.
    #[test]
    fn periods_reach_from_the_first_entry_to_the_running_one() {
        let found = periods(1, date(2026, 9, 2), date(2026, 11, 19));
        let of = |period: &str| -> Vec<(Date, Date)> {
            let rows = found.rows.iter();
            let last = rows.filter(|it| it.period == period && it.last_slot);
            last.map(|it| (it.period_start, it.period_end)).collect()
        };
        assert_eq!(of("day").len(), 60);
        assert_eq!(of("week")[0], (date(2026, 8, 31), date(2026, 9, 6)));
        assert_eq!(
            of("week").last(),
            Some(&(date(2026, 11, 16), date(2026, 11, 22)))
        );
        assert_eq!(of("month").len(), 3);
        assert_eq!(
            of("quarter"),
            [
                (date(2026, 7, 1), date(2026, 9, 30)),
                (date(2026, 10, 1), date(2026, 12, 31)),
            ]
        );
        assert_eq!(of("fiscal_year"), [(date(2026, 1, 1), date(2026, 12, 31))]);
        assert_eq!(of("rolling_7"), [(date(2026, 11, 13), date(2026, 11, 19))]);
        assert_eq!(
            of("rolling_365"),
            [(date(2025, 11, 20), date(2026, 11, 19))]
        );
    }

    /// Each period's slots hold exactly its days up to the as-of date, in fiscal years that begin
    /// elsewhere too.
    #[test]
    fn slots_make_up_every_period() {
        let as_of = date(2026, 11, 19);
        for (fiscal_year_starts, first) in [(1, date(2023, 2, 5)), (4, date(2025, 6, 30))] {
            let found = periods(fiscal_year_starts, first, as_of);
            let mut checked = 0;
            for last in found.rows.iter().filter(|it| it.last_slot) {
                let same =
                    |it: &&Row| (it.period, it.period_start) == (last.period, last.period_start);
                let slots: Vec<i64> = found.rows.iter().filter(same).map(|it| it.slot).collect();
                let days = found.slots.iter().filter(|it| slots.contains(&it.slot));
                let days: Vec<Date> = days.map(|it| it.date).collect();
                let within =
                    |day: &&Slot| (last.period_start..=last.period_end).contains(&day.date);
                let expected: Vec<Date> = found
                    .slots
                    .iter()
                    .filter(within)
                    .map(|it| it.date)
                    .collect();
                assert_eq!(days, expected, "{last:?}");
                checked += 1;
            }
            assert!(checked > 100);
        }
    }
}
