//! A quarter against its commitment: a column or a row a week with the commitment as a line across
//! it, and one bullet for the quarter so far.

use jiff::civil::Date;

use super::Room;
use super::svg::{Anchor, Svg, text_width};
use crate::report::words;

/// One week of the quarter.
pub(in crate::report) struct Week {
    pub(in crate::report) number: i64,
    pub(in crate::report) start: Date,
    pub(in crate::report) commitment: i64,
    /// None for a week that has not begun.
    pub(in crate::report) attained: Option<i64>,
    pub(in crate::report) state: WeekState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum WeekState {
    Met,
    Short,
    /// Not yet complete.
    Open,
}

/// The quarter so far.
pub(in crate::report) struct Quarter {
    pub(in crate::report) commitment: i64,
    pub(in crate::report) attained: i64,
    pub(in crate::report) due: Option<f64>,
}

pub(in crate::report) fn weeks(weeks: &[Week], what: &str, room: Room) -> Svg {
    let title = format!("{what} by week against the commitment");
    let svg = Svg::new("weeks", room, &title, &description(weeks));
    match room {
        Room::Wide => columns(svg, weeks),
        Room::Narrow | Room::Mail => rows(svg, weeks, room.width()),
    }
}

fn description(weeks: &[Week]) -> String {
    let told = weeks.iter().filter_map(|week| {
        let n = words::integer(week.attained?);
        let verdict = match week.state {
            WeekState::Met => "",
            WeekState::Short => ", short",
            WeekState::Open => ", not complete",
        };
        let of = words::integer(week.commitment);
        Some(format!("Week {}: {n} of {of}{verdict}.", week.number))
    });
    told.collect::<Vec<_>>().join(" ")
}

fn columns(svg: Svg, weeks: &[Week]) -> Svg {
    const FLOOR: f64 = 168.0;
    let width = Room::Wide.width();
    let mut svg = svg.sized(width, 204.0);
    let pitch = (width / words::real(count(weeks)).max(1.0)).min(64.0);
    let bar = pitch * 0.74;
    let scale = (FLOOR - 20.0) / largest(weeks);
    svg.line("rule", (0.0, FLOOR + 0.5), (width, FLOOR + 0.5));
    for (index, week) in weeks.iter().enumerate() {
        let middle = pitch * (words::real(count(&weeks[..index])) + 0.5);
        let line = FLOOR - words::real(week.commitment) * scale;
        if let Some(n) = week.attained {
            let height = words::real(n) * scale;
            svg.rect(
                class(week.state),
                (middle - bar / 2.0, FLOOR - height),
                (bar, height),
            );
            column_number(&mut svg, week.state, n, middle, (FLOOR, height));
        }
        let from = (middle - pitch * 0.45, line);
        let to = (middle + pitch * 0.45, line);
        svg.line("halo", from, to);
        svg.line("tick", from, to);
        if week.state == WeekState::Short {
            svg.triangle("bad", (middle - 4.5, line - 5.0), false);
        }
        svg.text(
            "ax",
            (middle, FLOOR + 16.0),
            Anchor::Middle,
            &week.number.to_string(),
        );
        svg.text(
            "ax",
            (middle, FLOOR + 31.0),
            Anchor::Middle,
            &words::short_date(week.start),
        );
    }
    svg
}

/// The number inside the column's foot, or above the column where it is too low for that.
fn column_number(
    svg: &mut Svg,
    state: WeekState,
    n: i64,
    middle: f64,
    (floor, height): (f64, f64),
) {
    let (class, y) = match (height >= 24.0, state) {
        (false, _) => ("on", floor - height - 5.0),
        (true, WeekState::Open) => ("on", floor - 8.0),
        (true, _) => ("in", floor - 8.0),
    };
    svg.text(class, (middle, y), Anchor::Middle, &words::integer(n));
}

fn rows(svg: Svg, weeks: &[Week], width: f64) -> Svg {
    const PITCH: f64 = 26.0;
    const LEFT: f64 = 76.0;
    let mut svg = svg.sized(width, PITCH * words::real(count(weeks)) + 4.0);
    let figures = 92.0;
    let scale = (width - LEFT - figures - 6.0) / largest(weeks);
    let mut y = 2.0;
    for week in weeks {
        svg.text(
            "val",
            (18.0, y + 16.0),
            Anchor::End,
            &week.number.to_string(),
        );
        svg.text(
            "ax",
            (LEFT - 10.0, y + 16.0),
            Anchor::End,
            &words::short_date(week.start),
        );
        let line = LEFT + words::real(week.commitment) * scale;
        if let Some(n) = week.attained {
            svg.rect(
                class(week.state),
                (LEFT, y + 3.0),
                (words::real(n) * scale, 16.0),
            );
            svg.text(
                "val",
                (width - 46.0, y + 16.0),
                Anchor::End,
                &words::integer(n),
            );
            if week.state == WeekState::Short {
                svg.triangle("bad", (width - 92.0, y + 15.0), false);
            }
        }
        svg.line("halo", (line, y), (line, y + 22.0));
        svg.line("tick", (line, y), (line, y + 22.0));
        let of = format!("of {}", words::integer(week.commitment));
        svg.text("ax", (width, y + 16.0), Anchor::End, &of);
        y += PITCH;
    }
    svg
}

pub(in crate::report) fn quarter(quarter: &Quarter, what: &str, room: Room) -> Svg {
    let due = quarter.due.map(words::rounded);
    let told = format!(
        "{} {what} so far{}, {} committed for the whole quarter.",
        words::integer(quarter.attained),
        due.as_ref()
            .map_or_else(String::new, |due| format!(", {due} due by now")),
        words::integer(quarter.commitment)
    );
    let title = format!("{what} of the quarter so far");
    let width = room.width();
    let mut svg = Svg::new("quarter", room, &title, &told).sized(width, 62.0);
    let (attained, whole) = (
        words::real(quarter.attained),
        words::real(quarter.commitment),
    );
    let scale = width / attained.max(whole).max(quarter.due.unwrap_or(0.0)).max(1.0);
    svg.rect("track", (0.0, 20.0), (whole * scale, 20.0));
    if let Some(missing) = quarter
        .due
        .map(|due| due - attained)
        .filter(|gap| *gap > 0.0)
    {
        svg.rect("short", (attained * scale, 20.0), (missing * scale, 20.0));
    }
    svg.rect("bar", (0.0, 20.0), (attained * scale, 20.0));
    let below = format!("{} so far", words::integer(quarter.attained));
    svg.text("lab", (0.0, 57.0), Anchor::Start, &below);
    let promised = format!("{} committed", words::integer(quarter.commitment));
    svg.text("ax", (width, 57.0), Anchor::End, &promised);
    if let (Some(at), Some(due)) = (quarter.due, due) {
        let text = format!("{due} due by now");
        let half = text_width(&text, 12.0) * 0.6 + 2.0;
        let x = (at * scale).clamp(1.0, width - 1.0);
        svg.text(
            "ax",
            (x.clamp(half, width - half), 11.0),
            Anchor::Middle,
            &text,
        );
        svg.line("halo", (x, 15.0), (x, 45.0));
        svg.line("tick", (x, 15.0), (x, 45.0));
    }
    svg
}

fn class(state: WeekState) -> &'static str {
    match state {
        WeekState::Met => "bar",
        WeekState::Short => "short",
        WeekState::Open => "part",
    }
}

fn largest(weeks: &[Week]) -> f64 {
    let each = weeks
        .iter()
        .map(|week| week.attained.unwrap_or(0).max(week.commitment));
    words::real(each.max().unwrap_or(1).max(1))
}

fn count(weeks: &[Week]) -> i64 {
    i64::try_from(weeks.len()).unwrap_or(i64::MAX)
}
