//! What changed since this report said it: earlier figures beside what they are now, and why.

use jiff::civil::Date;
use serde::Serialize;

use crate::report::ReportError;
use crate::report::rows::Row;
use crate::report::words;

/// What is told in words at most; the rest is counted.
const MOST: usize = 12;

/// The causes, by their columns and in the order in which they are told.
const CAUSES: [(&str, &str); 11] = [
    ("merged", "merged"),
    ("split", "split"),
    ("deleted", "deleted"),
    ("re_dated", "re-dated"),
    ("redefined", "redefined"),
    ("reopened", "reopened"),
    ("linked", "linked"),
    ("confirmed", "confirmed"),
    ("late", "late"),
    ("erased", "erased"),
    ("unexplained", "unexplained"),
];

/// `restated.sql`: one figure that this report told, and what it is now.
pub(super) struct Restated {
    label: String,
    period: Period,
    start: Date,
    end: Date,
    until: Date,
    then: i64,
    now: i64,
    /// By how much each cause changed it; none of them zero.
    causes: Vec<(&'static str, i64)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Period {
    Day,
    Week,
    Month,
}

/// What the templates see.
#[derive(Serialize)]
pub(super) struct View {
    says: Vec<String>,
    /// How many more figures changed.
    more: usize,
}

impl Restated {
    pub(super) fn read(row: &Row<'_>) -> Result<Self, ReportError> {
        let mut causes = Vec::new();
        for (column, word) in CAUSES {
            causes.push((word, row.integer(column)?));
        }
        causes.retain(|(_, n)| *n != 0);
        Ok(Self {
            label: words::label(&row.text("stage")?, &row.text("term")?),
            period: match row.text("period")?.as_str() {
                "day" => Period::Day,
                "week" => Period::Week,
                "month" => Period::Month,
                _ => return Err(row.refuse("period", "one of `day`, `week`, `month`")),
            },
            start: row.date("period_start")?,
            end: row.date("period_end")?,
            until: row.date("until")?,
            then: row.integer("n_then")?,
            now: row.integer("n_now")?,
            causes,
        })
    }

    /// `October MQLs: 412 when we told you, 405 now: 5 merged, 2 re-dated.`
    fn says(&self, as_of: Date) -> String {
        format!(
            "{}: {} when we told you, {} now: {}.",
            self.what(as_of),
            words::integer(self.then),
            words::integer(self.now),
            self.why()
        )
    }

    fn what(&self, as_of: Date) -> String {
        let entries = words::entries_title(&self.label);
        let partly = if self.until < self.end {
            format!(" up to {}", words::day(self.until))
        } else {
            String::new()
        };
        match self.period {
            Period::Day => format!("{entries} on {}", words::day(self.start)),
            Period::Week => format!(
                "{entries} in the week of {}{partly}",
                words::day(self.start)
            ),
            Period::Month => {
                let month = words::month(self.start, as_of);
                format!("{month} {}{partly}", words::entries_within(&self.label))
            }
        }
    }

    /// Where all causes pull one way, how many each moved; else by how much, with its sign.
    fn why(&self) -> String {
        let one_way =
            self.causes.iter().all(|(_, n)| *n < 0) || self.causes.iter().all(|(_, n)| *n > 0);
        let cause = |(word, n): &(&str, i64)| {
            let n = if one_way {
                words::integer(n.abs())
            } else {
                words::signed(*n)
            };
            format!("{n} {word}")
        };
        let causes: Vec<String> = self.causes.iter().map(cause).collect();
        causes.join(", ")
    }
}

/// None where nothing changed.
pub(super) fn view(all: &[Restated], as_of: Date) -> Option<View> {
    let says: Vec<String> = all.iter().take(MOST).map(|it| it.says(as_of)).collect();
    (!says.is_empty()).then(|| View {
        says,
        more: all.len().saturating_sub(MOST),
    })
}
