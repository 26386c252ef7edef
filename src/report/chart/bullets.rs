//! Bullets: one bar a stage from zero, with the baseline as a mark across it and, where it is known,
//! the interval as a pale band behind its end.

use super::Room;
use super::svg::{Anchor, Svg, text_width};
use crate::report::words;

/// One bar.
pub(in crate::report) struct Bullet {
    pub(in crate::report) label: String,
    pub(in crate::report) value: f64,
    /// The lower and the upper end of its interval.
    pub(in crate::report) range: Option<(f64, f64)>,
    pub(in crate::report) baseline: Option<f64>,
    /// The value as it is written.
    pub(in crate::report) shown: String,
}

/// How wide the column of figures is.
const FIGURES: f64 = 92.0;

pub(in crate::report) fn bullets(name: &str, title: &str, rows: &[Bullet], room: Room) -> Svg {
    let svg = Svg::new(name, room, title, &description(rows));
    let width = room.width();
    match room {
        Room::Wide => {
            let widest = rows.iter().map(|row| text_width(&short(&row.label), 14.0));
            let left = (widest.fold(0.0, f64::max) * 1.2).clamp(64.0, 190.0) + 12.0;
            drawn(svg, rows, width, (left, 34.0))
        }
        Room::Narrow | Room::Mail => drawn(svg, rows, width, (0.0, 48.0)),
    }
}

/// Labels stand left of the bars where there is room, else above them.
fn drawn(svg: Svg, rows: &[Bullet], width: f64, (left, pitch): (f64, f64)) -> Svg {
    let lines = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let mut svg = svg.sized(width, pitch * words::real(lines) + 4.0);
    let beside = left > 0.0;
    let room = if beside {
        width - left - FIGURES
    } else {
        width - 2.0
    };
    let scale = room / largest(rows);
    let mut top = 2.0;
    for row in rows {
        let (at, anchor, x) = if beside {
            (top + 17.0, Anchor::End, left - 12.0)
        } else {
            (top + 14.0, Anchor::Start, 0.0)
        };
        svg.text("lab", (x, at), anchor, &short(&row.label));
        svg.text("val", (width, at), Anchor::End, &row.shown);
        let y = if beside { top + 3.0 } else { top + 22.0 };
        bar(&mut svg, row, (left, y), scale);
        top += pitch;
    }
    svg
}

fn bar(svg: &mut Svg, row: &Bullet, (x, y): (f64, f64), scale: f64) {
    const HEIGHT: f64 = 18.0;
    if let Some((low, high)) = row.range {
        let from = x + low.max(0.0) * scale;
        svg.rect(
            "track",
            (from, y - 2.0),
            ((high - low) * scale, HEIGHT + 4.0),
        );
    }
    svg.rect(
        "bar",
        (x, y + 4.0),
        ((row.value.max(0.0) * scale).max(1.0), HEIGHT - 8.0),
    );
    if let Some(baseline) = row.baseline {
        let at = x + baseline.max(0.0) * scale;
        svg.line("halo", (at, y - 1.0), (at, y + HEIGHT + 1.0));
        svg.line("tick", (at, y - 1.0), (at, y + HEIGHT + 1.0));
    }
}

fn largest(rows: &[Bullet]) -> f64 {
    let each = rows.iter().map(|row| {
        let high = row.range.map_or(0.0, |(_, high)| high);
        row.value.max(high).max(row.baseline.unwrap_or(0.0))
    });
    each.fold(f64::MIN_POSITIVE, f64::max)
}

fn description(rows: &[Bullet]) -> String {
    let each = rows
        .iter()
        .map(|row| format!("{} {}", row.label, row.shown));
    format!("{}.", each.collect::<Vec<_>>().join(", "))
}

fn short(label: &str) -> String {
    words::shortened(label, 22)
}
