//! The funnel: one bar a stage for the entries of 28 days, with the baseline as a mark across it.
//!
//! Bars grow with the square root, or the stages a chief asks for would be slivers.

use super::Room;
use super::svg::{Anchor, Svg, text_width};
use crate::report::view::Mark;
use crate::report::words;

/// How wide the column of differences is.
const CHANGE: f64 = 76.0;

/// One stage of the funnel chart.
pub(in crate::report) struct Bar {
    pub(in crate::report) label: String,
    pub(in crate::report) n: i64,
    pub(in crate::report) baseline: Option<f64>,
    /// Entries against the baseline, as `+7.0%`, or why that is not said.
    pub(in crate::report) change: Option<String>,
    pub(in crate::report) mark: Option<Mark>,
    /// The share that goes on to the next stage.
    pub(in crate::report) rate: Option<f64>,
}

pub(in crate::report) fn funnel(bars: &[Bar], room: Room) -> Svg {
    let svg = Svg::new(
        "funnel",
        room,
        "Entries in 28 days by stage",
        &description(bars),
    );
    match room {
        Room::Wide => wide(svg, bars),
        Room::Narrow | Room::Mail => stacked(svg, bars, room.width()),
    }
}

fn description(bars: &[Bar]) -> String {
    let each = bars.iter().map(|bar| {
        let against = bar.baseline.map_or_else(String::new, |baseline| {
            format!(" (baseline {})", words::rounded(baseline))
        });
        format!("{} {}{against}", bar.label, words::integer(bar.n))
    });
    format!("{}.", each.collect::<Vec<_>>().join(", "))
}

/// Labels on the left, bars, and the figures in columns on the right.
fn wide(svg: Svg, bars: &[Bar]) -> Svg {
    const PITCH: f64 = 44.0;
    const TOP: f64 = 24.0;
    const FIGURES: f64 = 170.0;
    let width = Room::Wide.width();
    let widest = bars.iter().map(|bar| text_width(&short(&bar.label), 14.0));
    let left = (widest.fold(0.0, f64::max) * 1.2).clamp(64.0, 190.0);
    let scale = scale(bars, width - left - 12.0 - FIGURES);
    let mut svg = svg.sized(width, TOP + PITCH * words::real(count(bars)));
    svg.text("ax", (width - CHANGE - 14.0, 12.0), Anchor::End, "28 days");
    svg.text("ax", (width, 12.0), Anchor::End, "vs baseline");
    let mut y = TOP;
    for (index, bar) in bars.iter().enumerate() {
        svg.text("lab", (left, y + 16.0), Anchor::End, &short(&bar.label));
        let lead = (left + 12.0, y + 11.5);
        svg.line("rule", lead, (width - FIGURES + 10.0, y + 11.5));
        draw_bar(&mut svg, bar, (left + 12.0, y + 1.0), 20.0, scale);
        svg.text(
            "val",
            (width - CHANGE - 14.0, y + 16.0),
            Anchor::End,
            &words::integer(bar.n),
        );
        draw_change(&mut svg, bar, (width, y + 16.0), CHANGE);
        if let Some(rate) = bar.rate
            && index + 1 < bars.len()
        {
            svg.text(
                "ax",
                (left - 14.0, y + 37.0),
                Anchor::End,
                &words::percent(rate),
            );
            arrow(&mut svg, (left - 8.0, y + 28.0));
        }
        y += PITCH;
    }
    svg
}

/// The label and figures above each bar, for where there is no room beside it.
fn stacked(svg: Svg, bars: &[Bar], width: f64) -> Svg {
    const PITCH: f64 = 48.0;
    let scale = scale(bars, width - 2.0);
    let mut svg = svg.sized(width, PITCH * words::real(count(bars)));
    let mut y = 0.0;
    for (index, bar) in bars.iter().enumerate() {
        let label = short(&bar.label);
        svg.text("lab", (0.0, y + 14.0), Anchor::Start, &label);
        let after = text_width(&label, 14.0) * 1.2 + 10.0;
        if let Some(rate) = bar.rate
            && index + 1 < bars.len()
            && after + 60.0 < width - CHANGE - 62.0
        {
            arrow(&mut svg, (after, y + 5.0));
            let at = (after + 11.0, y + 14.0);
            svg.text("ax", at, Anchor::Start, &words::percent(rate));
        }
        svg.text(
            "val",
            (width - CHANGE - 12.0, y + 14.0),
            Anchor::End,
            &words::integer(bar.n),
        );
        draw_change(&mut svg, bar, (width, y + 14.0), CHANGE);
        draw_bar(&mut svg, bar, (0.0, y + 22.0), 14.0, scale);
        y += PITCH;
    }
    svg
}

fn draw_bar(svg: &mut Svg, bar: &Bar, (x, y): (f64, f64), height: f64, scale: f64) {
    let length = (words::real(bar.n.max(0)).sqrt() * scale).max(1.0);
    svg.rect("bar", (x, y), (length, height));
    if let Some(baseline) = bar.baseline {
        let at = x + baseline.max(0.0).sqrt() * scale;
        svg.line("halo", (at, y - 4.0), (at, y + height + 4.0));
        svg.line("tick", (at, y - 4.0), (at, y + height + 4.0));
    }
}

/// The difference in a column that ends at `x`, with the triangle at the column's start.
fn draw_change(svg: &mut Svg, bar: &Bar, (x, y): (f64, f64), column: f64) {
    let Some(change) = &bar.change else {
        return;
    };
    let class = match &bar.mark {
        Some(mark) if mark.good => "good",
        Some(_) => "bad",
        None => "mut",
    };
    if let Some(mark) = &bar.mark {
        svg.triangle(class, (x - column, y - 1.0), mark.up);
    }
    svg.text(&format!("val {class}"), (x, y), Anchor::End, change);
}

/// A small arrow down, nine high, from `(x, y)`.
fn arrow(svg: &mut Svg, (x, y): (f64, f64)) {
    svg.path(
        "mut",
        &format!("M{:.1} {y:.1}h1.4v5.4h2.6l-3.3 3.8l-3.3 -3.8h2.6z", x + 2.6),
    );
}

fn scale(bars: &[Bar], room: f64) -> f64 {
    let largest = bars
        .iter()
        .map(|bar| words::real(bar.n).max(bar.baseline.unwrap_or(0.0)));
    room / largest.fold(1.0, f64::max).sqrt()
}

fn short(label: &str) -> String {
    words::shortened(label, 22)
}

fn count(bars: &[Bar]) -> i64 {
    i64::try_from(bars.len()).unwrap_or(i64::MAX)
}
