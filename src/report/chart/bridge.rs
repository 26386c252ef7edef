//! A waterfall: from what was to what is, one bar a step that begins where the one before ended.

use super::Room;
use super::svg::{Anchor, Svg, text_width};
use crate::report::words;

const PITCH: f64 = 30.0;
const HEIGHT: f64 = 16.0;
/// How wide the column of figures is.
const FIGURES: f64 = 64.0;

/// One bar, from one running total to the next.
pub(in crate::report) struct Step {
    pub(in crate::report) label: String,
    pub(in crate::report) from: f64,
    pub(in crate::report) to: f64,
    pub(in crate::report) kind: StepKind,
    /// The total or the difference as it is written, a difference with its sign.
    pub(in crate::report) shown: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum StepKind {
    /// Where the steps begin and end; it stands on zero.
    Total,
    More,
    Fewer,
}

pub(in crate::report) fn bridge(title: &str, steps: &[Step], room: Room) -> Svg {
    let svg = Svg::new("bridge", room, title, &description(steps));
    let width = room.width();
    let widest = steps.iter().map(|it| text_width(&short(it, room), 14.0));
    let left = (widest.fold(0.0, f64::max) * 1.2).clamp(48.0, width * 0.36) + 10.0;
    let lines = i64::try_from(steps.len()).unwrap_or(i64::MAX);
    let mut svg = svg.sized(width, PITCH * words::real(lines) + 2.0);
    let scale = (width - left - FIGURES) / largest(steps);
    let mut y = 1.0;
    for (number, step) in steps.iter().enumerate() {
        let label = (left - 10.0, y + 15.0);
        svg.text("lab", label, Anchor::End, &short(step, room));
        let (low, high) = (step.from.min(step.to), step.from.max(step.to));
        let at = (left + low * scale, y + 2.0);
        svg.rect(
            class(step.kind),
            at,
            (((high - low) * scale).max(1.0), HEIGHT),
        );
        svg.text("val", (width, y + 15.0), Anchor::End, &step.shown);
        if number + 1 < steps.len() {
            let x = left + step.to * scale;
            svg.line("rule", (x, y + 2.0 + HEIGHT), (x, y + PITCH + 2.0));
        }
        y += PITCH;
    }
    svg
}

fn class(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Total => "bar",
        StepKind::More => "good",
        StepKind::Fewer => "short",
    }
}

fn largest(steps: &[Step]) -> f64 {
    let each = steps.iter().map(|step| step.from.max(step.to));
    each.fold(f64::MIN_POSITIVE, f64::max)
}

fn short(step: &Step, room: Room) -> String {
    let most = if room == Room::Wide { 26 } else { 15 };
    words::shortened(&step.label, most)
}

fn description(steps: &[Step]) -> String {
    let each = steps.iter().map(|it| format!("{} {}", it.label, it.shown));
    format!("{}.", each.collect::<Vec<_>>().join(", "))
}
