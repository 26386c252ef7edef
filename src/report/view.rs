//! What templates of every report see: figures with their comparison, faults, charts.

use jiff::civil::Date;
use serde::Serialize;

use super::ReportError;
use super::chart::{self, Quarter, Room, Svg, Week, WeekState};
use super::rows::{Row, Verdict};
use super::words;
use crate::metrics::MetricSet;

/// How wide a picture is shown in a mail on a desk.
const MAIL_WIDTH: f64 = 520.0;

/// The definition that the figures rest on, and who signed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Signing {
    pub(super) definition: String,
    pub(super) signed: bool,
    /// Who signed it, and who did not.
    pub(super) signing: String,
}

/// A direction, whether it is welcome, and what it says in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Mark {
    pub(super) up: bool,
    pub(super) good: bool,
    pub(super) says: String,
}

/// One figure as a reader sees it: what it is, or why it is not said, and what it compares with.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Cell {
    pub(super) shown: String,
    /// A figure, rather than words in the place of one.
    pub(super) figure: bool,
    /// The comparison and the n; empty where there is none.
    pub(super) note: String,
    pub(super) mark: Option<Mark>,
}

/// One of the four numbers at the top.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Key {
    #[serde(flatten)]
    pub(super) cell: Cell,
    pub(super) name: String,
}

/// Something that waits for someone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Wait {
    pub(super) what: String,
    pub(super) detail: String,
}

/// A stream that did not come as it should, and what that does to the reading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Fault {
    pub(super) what: String,
    pub(super) effect: String,
}

/// A chart: for the page wide and narrow, for the mail a picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Figure {
    pub(super) wide: String,
    pub(super) narrow: String,
    pub(super) picture: Picture,
}

/// A picture in a mail, by its content id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Picture {
    pub(super) content_id: String,
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) alt: String,
}

/// A drawing that becomes one of the mail's pictures.
pub(super) struct Drawing {
    pub(super) content_id: String,
    pub(super) svg: Svg,
}

/// The weeks of a quarter against its commitment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Weeks {
    pub(super) title: String,
    pub(super) commitment: i64,
    pub(super) rows: Vec<WeekRow>,
    /// The quarter so far as one bullet; none where it is not known.
    pub(super) quarter: Option<Figure>,
    pub(super) figure: Figure,
}

/// One week of a quarter against its commitment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct WeekRow {
    pub(super) quarter: String,
    pub(super) number: i64,
    pub(super) start: Date,
    pub(super) end: Date,
    pub(super) working_days: i64,
    pub(super) commitment: i64,
    pub(super) attained: Option<i64>,
    pub(super) complete: bool,
    /// Attained less commitment, of a complete week.
    pub(super) difference: Option<i64>,
    pub(super) short: bool,
    pub(super) verdict: String,
}

impl Signing {
    pub(super) fn of(set: &MetricSet) -> Self {
        Self {
            definition: words::clean(&set.definition),
            signed: !set.sign_off.is_unsigned(),
            signing: words::clean(&set.sign_off.words()),
        }
    }
}

impl Cell {
    pub(super) fn figure(shown: impl Into<String>, note: impl Into<String>) -> Self {
        Self {
            shown: shown.into(),
            figure: true,
            note: note.into(),
            mark: None,
        }
    }

    /// Words in the place of a figure.
    pub(super) fn words(shown: impl Into<String>, note: impl Into<String>) -> Self {
        Self {
            figure: false,
            ..Self::figure(shown, note)
        }
    }

    pub(super) fn marked(mut self, mark: Option<Mark>) -> Self {
        self.mark = mark;
        self
    }

    /// "Too few to say", and of how many.
    pub(super) fn few(n: Option<i64>) -> Self {
        let of = n.map_or_else(String::new, |n| format!(" (n\u{a0}{})", words::integer(n)));
        Self::words(format!("too few to say{of}"), "")
    }
}

impl Figure {
    /// Draws for each room; the mail's drawing is put to `drawings`.
    pub(super) fn draw(
        name: &str,
        draw: impl Fn(Room) -> Svg,
        drawings: &mut Vec<Drawing>,
    ) -> Self {
        let mail = draw(Room::Mail);
        let picture = Picture {
            content_id: format!("{name}@leadgauge"),
            width: pixels(MAIL_WIDTH),
            height: pixels(mail.height_at(MAIL_WIDTH)),
            alt: mail.alt(),
        };
        drawings.push(Drawing {
            content_id: picture.content_id.clone(),
            svg: mail,
        });
        Self {
            wide: draw(Room::Wide).inline(),
            narrow: draw(Room::Narrow).inline(),
            picture,
        }
    }
}

impl Drawing {
    pub(super) fn png(&self) -> Result<Vec<u8>, ReportError> {
        Ok(self.svg.png(MAIL_WIDTH)?)
    }
}

impl Fault {
    /// From a row of `faults.sql`.
    pub(super) fn read(row: &Row<'_>) -> Result<Self, ReportError> {
        let stream = format!("{}.{}", row.text("source")?, row.text("stream")?);
        let outcome = row.text("outcome")?;
        let message = row.maybe_text("message")?;
        let last_good = row.maybe_date("last_good")?;
        let what = match outcome.as_str() {
            "missing" => format!("{stream} did not arrive"),
            "quarantined" => format!("{stream} arrived damaged and was set aside"),
            _ => return Err(row.refuse("outcome", "one of `missing`, `quarantined`")),
        };
        let since = last_good.map_or_else(
            || "It has never arrived whole.".to_owned(),
            |day| format!("Its last good day is {}.", words::date(day)),
        );
        let why = message.map_or_else(String::new, |message| {
            format!(" {}.", words::capital(message.trim_end_matches('.')))
        });
        Ok(Self {
            what,
            effect: format!("{since}{why}"),
        })
    }
}

impl Weeks {
    /// `what` is promised, in the plural: `MQLs`.
    pub(super) fn new(
        what: &str,
        commitment: i64,
        rows: &[WeekRow],
        quarter: Option<&Quarter>,
        drawings: &mut Vec<Drawing>,
    ) -> Self {
        let drawn: Vec<Week> = rows.iter().map(WeekRow::drawn).collect();
        let bullet = quarter.map(|quarter| {
            let draw = |room| chart::quarter(quarter, what, room);
            Figure::draw("quarter", draw, drawings)
        });
        Self {
            title: format!("{what} against the commitment"),
            commitment,
            rows: rows.to_vec(),
            quarter: bullet,
            figure: Figure::draw("weeks", |room| chart::weeks(&drawn, what, room), drawings),
        }
    }
}

impl WeekRow {
    /// From a row of `weeks.sql`. A week that begins after `as_of` has attained nothing yet.
    pub(super) fn read(row: &Row<'_>, as_of: Date) -> Result<Self, ReportError> {
        let (start, complete) = (row.date("week_start")?, row.boolean("complete")?);
        let verdict = row.text("verdict")?;
        let (short, verdict) = match verdict.as_str() {
            "met" => (false, "met"),
            "short" => (true, "short"),
            "open" => (false, "open"),
            "ahead" => (false, "ahead"),
            _ => return Err(row.refuse("verdict", "one of `met`, `short`, `open`, `ahead`")),
        };
        let commitment = row.integer("commitment")?;
        let attained = row.maybe_integer("attained")?.filter(|_| start <= as_of);
        Ok(Self {
            quarter: row.text("quarter")?,
            number: row.integer("week_no")?,
            start,
            end: row.date("week_end")?,
            working_days: row.integer("working_days")?,
            commitment,
            attained,
            complete,
            difference: attained.filter(|_| complete).map(|n| n - commitment),
            short,
            verdict: verdict.to_owned(),
        })
    }

    pub(super) fn drawn(&self) -> Week {
        Week {
            number: self.number,
            start: self.start,
            commitment: self.commitment,
            attained: self.attained,
            state: match (self.complete, self.short) {
                (_, true) => WeekState::Short,
                (true, false) => WeekState::Met,
                (false, false) => WeekState::Open,
            },
        }
    }
}

/// What an `up` or `down` means where more is `good` or bad.
pub(super) fn mark(
    verdict: Option<Verdict>,
    more_is_good: bool,
    (more, less): (&str, &str),
) -> Option<Mark> {
    let up = match verdict? {
        Verdict::Up => true,
        Verdict::Down => false,
        Verdict::Same | Verdict::Few => return None,
    };
    Some(Mark {
        up,
        good: up == more_is_good,
        says: if up { more } else { less }.to_owned(),
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a picture is some hundred pixels wide"
)]
fn pixels(length: f64) -> u32 {
    length.round().clamp(1.0, 8192.0) as u32
}
