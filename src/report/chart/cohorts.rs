//! Cohorts: one square a month and step of the funnel, of the stronger colour the more went on. Each step has shades of
//! its own, from none to its best month, so that months can be compared down a column.

use super::Room;
use super::svg::{Anchor, Svg};
use crate::report::words;

/// The shades of a square, from the palest.
const SHADES: [&str; 5] = ["h1", "h2", "h3", "h4", "h5"];
const HEAD: f64 = 22.0;
const PITCH: f64 = 28.0;
/// A narrower column has no room for `43.1%+`.
const ROOMY: f64 = 60.0;

/// What became of those who entered a stage in one month.
pub(in crate::report) struct Square {
    /// None where there are too few to say, or nobody.
    pub(in crate::report) rate: Option<f64>,
    /// As it is written, and where there is little room.
    pub(in crate::report) shown: String,
    pub(in crate::report) brief: String,
}

/// The squares of a month, one a step.
pub(in crate::report) struct Cohort {
    pub(in crate::report) month: String,
    /// The same where there is little room.
    pub(in crate::report) brief: String,
    pub(in crate::report) squares: Vec<Square>,
}

/// `steps` are the stages from which people go on, in order.
pub(in crate::report) fn cohorts(steps: &[String], rows: &[Cohort], room: Room) -> Svg {
    let title = "Conversion by month of entry";
    let svg = Svg::new("cohorts", room, title, &description(steps, rows));
    let (width, left) = (room.width(), left(room));
    let lines = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let mut svg = svg.sized(width, HEAD + PITCH * words::real(lines));
    let across = i64::try_from(steps.len().max(1)).unwrap_or(i64::MAX);
    let column = (width - left) / words::real(across);
    let place = |number: usize| {
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        left + column * words::real(number)
    };
    for (number, step) in steps.iter().enumerate() {
        let text = words::shortened(step, letters(column));
        let middle = place(number) + column / 2.0;
        svg.text("ax", (middle, 12.0), Anchor::Middle, &text);
    }
    let best: Vec<f64> = (0..steps.len()).map(|step| best(rows, step)).collect();
    let mut y = HEAD;
    for row in rows {
        let month = if room == Room::Wide {
            &row.month
        } else {
            &row.brief
        };
        svg.text("lab", (0.0, y + 18.0), Anchor::Start, month);
        for (number, (square, best)) in row.squares.iter().zip(&best).enumerate() {
            let at = (place(number), y);
            draw(&mut svg, square, *best, (at, column));
        }
        y += PITCH;
    }
    svg
}

fn draw(svg: &mut Svg, square: &Square, best: f64, ((x, y), column): ((f64, f64), f64)) {
    let shade = square.rate.map(|rate| shade(rate, best));
    let class = shade.map_or("track", |shade| SHADES[shade]);
    svg.rect(class, (x + 1.0, y + 1.0), (column - 2.0, PITCH - 2.0));
    let text = match shade {
        None => "ax",
        Some(shade) if shade + 1 == SHADES.len() => "in",
        Some(_) => "on",
    };
    let middle = (x + column / 2.0, y + 18.0);
    let shown = if column < ROOMY {
        &square.brief
    } else {
        &square.shown
    };
    svg.text(text, middle, Anchor::Middle, shown);
}

/// The place of a rate among the shades, of which the last is that of the best.
fn shade(rate: f64, best: f64) -> usize {
    let reached = |bound: f64| rate >= best * bound - 1e-9;
    [0.2, 0.4, 0.6, 0.8]
        .iter()
        .filter(|bound| best > 0.0 && reached(**bound))
        .count()
}

fn best(rows: &[Cohort], step: usize) -> f64 {
    let of_step = rows.iter().filter_map(|row| row.squares.get(step)?.rate);
    of_step.fold(0.0, f64::max)
}

fn left(room: Room) -> f64 {
    match room {
        Room::Wide => 118.0,
        Room::Narrow | Room::Mail => 54.0,
    }
}

/// How many letters of a label have room.
fn letters(width: f64) -> usize {
    let room = words::whole((width - 4.0) / 7.2).unwrap_or_default();
    usize::try_from(room).unwrap_or_default().max(3)
}

fn description(steps: &[String], rows: &[Cohort]) -> String {
    let month = |row: &Cohort| {
        let squares = steps.iter().zip(&row.squares);
        let each = squares.map(|(step, square)| format!("{step} {}", square.shown));
        format!("{}: {}", row.month, each.collect::<Vec<_>>().join(", "))
    };
    let each: Vec<String> = rows.iter().map(month).collect();
    format!("{}.", each.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The best month has the darkest shade and none the palest; of nothing but noughts all are pale.
    #[test]
    fn shades_run_from_none_to_the_best() {
        let shades = [0.0, 0.09, 0.1, 0.3, 0.41, 0.5].map(|rate| shade(rate, 0.5));
        assert_eq!(shades, [0, 0, 1, 3, 4, 4]);
        assert_eq!(shade(0.0, 0.0), 0);
    }
}
