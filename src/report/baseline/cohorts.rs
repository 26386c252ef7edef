//! Conversion by month of entry: a square and a cell for each month and step of the funnel.

use std::borrow::Cow;

use jiff::civil::Date;

use super::Figures;
use super::rows::Stage;
use crate::report::ReportError;
use crate::report::chart::{self, Cohort, Square};
use crate::report::grid::{Grid, Panel};
use crate::report::rows::Row;
use crate::report::view::{Cell, Drawing, Figure};
use crate::report::words;

/// `cohorts.sql`: what became of those who entered a stage in one month.
pub(super) struct Entered {
    month: Date,
    label: String,
    n: i64,
    open: i64,
    rate: Option<f64>,
}

impl Entered {
    pub(super) fn read(row: &Row<'_>) -> Result<Self, ReportError> {
        Ok(Self {
            month: row.date("month")?,
            label: words::label(&row.text("stage")?, &row.text("term")?),
            n: row.integer("n")?,
            open: row.integer("open")?,
            rate: row.maybe_number("rate")?,
        })
    }

    /// With a `+` where it can still rise.
    fn shown(&self, rate: f64) -> String {
        format!("{}{}", words::percent(rate), self.more())
    }

    fn brief(&self, rate: f64) -> String {
        format!("{}{}", words::rounded(rate * 100.0), self.more())
    }

    fn more(&self) -> &'static str {
        if self.open > 0 { "+" } else { "" }
    }

    /// Where there are enough to say.
    fn said(&self, floor: i64) -> Option<f64> {
        self.rate.filter(|_| self.n >= floor)
    }
}

/// The months, and the stages from which people go on, each as they come.
struct Table<'a> {
    months: Vec<Date>,
    steps: Vec<&'a Stage>,
    all: &'a [Entered],
    floor: i64,
    as_of: Date,
}

impl<'a> Table<'a> {
    fn of(figures: &'a Figures, as_of: Date) -> Self {
        let all = &figures.cohorts;
        let mut months: Vec<Date> = all.iter().map(|it| it.month).collect();
        months.dedup();
        // In the order of the funnel; one that has too few in every month says nothing.
        let floor = figures.summary.as_ref().map_or(0, |it| it.floor);
        let said = |stage: &&Stage| {
            let mut of_stage = all.iter().filter(|it| it.label == stage.label);
            of_stage.any(|it| it.said(floor).is_some())
        };
        let steps = figures.stages.iter().filter(said);
        Self {
            months,
            steps: steps.collect(),
            all,
            floor,
            as_of,
        }
    }

    fn row<T>(&self, month: Date, cell: impl Fn(Option<&Entered>) -> T) -> Vec<T> {
        let found = |step: &Stage| {
            let mut all = self.all.iter();
            all.find(|it| it.month == month && it.label == step.label)
        };
        self.steps.iter().map(|step| cell(found(step))).collect()
    }

    fn square(&self, entered: Option<&Entered>) -> Square {
        let rate = entered.and_then(|it| it.said(self.floor));
        let (shown, brief) = match (entered, rate) {
            (Some(it), Some(rate)) => (it.shown(rate), it.brief(rate)),
            (Some(it), None) => {
                let few = format!("n\u{a0}{}", words::integer(it.n));
                (few.clone(), few)
            }
            (None, _) => (words::NONE.to_owned(), words::NONE.to_owned()),
        };
        Square { rate, shown, brief }
    }

    fn cell(&self, entered: Option<&Entered>) -> Cell {
        let Some(it) = entered else {
            return Cell::words(words::NONE, "");
        };
        match it.said(self.floor) {
            Some(rate) => Cell::figure(it.shown(rate), format!("n\u{a0}{}", words::integer(it.n))),
            None => Cell::few(Some(it.n)),
        }
    }
}

pub(super) fn panel(
    figures: &Figures,
    as_of: Date,
    within: &str,
    drawings: &mut Vec<Drawing>,
) -> Option<Panel> {
    let table = Table::of(figures, as_of);
    if table.steps.is_empty() {
        return None;
    }
    let months = table.months.iter();
    let rows: Vec<Cohort> = months
        .map(|month| Cohort {
            month: words::month(*month, as_of),
            brief: month.strftime("%b %y").to_string(),
            squares: table.row(*month, |it| table.square(it)),
        })
        .collect();
    let steps: Vec<String> = table.steps.iter().map(|it| it.label.clone()).collect();
    Some(Panel {
        id: "cohorts",
        title: "Conversion by month of entry".to_owned(),
        say: format!(
            "{within}, of those who entered it in the month. The stronger its colour, the nearer to its best month; + can still rise."
        ),
        figure: Figure::draw(
            "cohorts",
            |room| chart::cohorts(&steps, &rows, room),
            drawings,
        ),
    })
}

/// The same as a table, the latest month first.
pub(super) fn grid(figures: &Figures, as_of: Date) -> Grid {
    let table = Table::of(figures, as_of);
    let steps = table.steps.iter();
    let next = |it: &Stage| it.next.clone().unwrap_or_default();
    let heads = steps.map(|it| Cow::Owned(format!("{} to {}", it.label, next(it))));
    let heads = std::iter::once(Cow::Borrowed("Month"))
        .chain(heads)
        .collect();
    let months = table.months.iter().rev();
    let rows = months.map(|month| {
        let cells = table.row(*month, |it| table.cell(it));
        (words::month(*month, table.as_of), String::new(), cells)
    });
    let say =
        "Of those who entered the stage in the month, the share that went on; + can still rise.";
    Grid::under(heads, "months", "By month of entry", say, rows)
}
