//! A stage's last 26 weeks as one small line, from zero, with its mean.

use std::fmt::Write as _;

use super::Room;
use super::svg::Svg;
use crate::report::words;

/// `number` keeps the drawing's id apart from its neighbours'.
pub(in crate::report) fn trend(label: &str, counts: &[i64], number: usize) -> Svg {
    const WIDTH: f64 = 170.0;
    const HEIGHT: f64 = 46.0;
    const FLOOR: f64 = 43.0;
    let title = format!("{label}, entries by week");
    let mut svg = Svg::new(
        &format!("trend-{number}"),
        Room::Wide,
        &title,
        &description(counts),
    );
    svg = svg.sized(WIDTH, HEIGHT);
    let largest = words::real(counts.iter().copied().max().unwrap_or(0).max(1));
    let step = (WIDTH - 8.0) / words::real(whole(counts.len()) - 1).max(1.0);
    let height = |value: f64| FLOOR - value / largest * (FLOOR - 5.0);
    let points: Vec<(f64, f64)> = counts
        .iter()
        .scan(2.0, |x, n| {
            let at = *x;
            *x += step;
            Some((at, height(words::real(*n))))
        })
        .collect();
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return svg;
    };
    let line = points.iter().fold(String::new(), |mut line, (x, y)| {
        let letter = if line.is_empty() { 'M' } else { 'L' };
        write!(line, "{letter}{x:.1} {y:.1}").expect("writing to a String does not fail");
        line
    });
    svg.path(
        "area",
        &format!("{line}L{:.1} {FLOOR:.1}L{:.1} {FLOOR:.1}z", last.0, first.0),
    );
    let mean = height(mean(counts));
    svg.line("mean", (first.0, mean), (last.0, mean));
    svg.path("spark", &line);
    svg.circle("bar", *last, 3.0);
    svg
}

/// The mean of the weeks; 0 of none.
pub(in crate::report) fn mean(counts: &[i64]) -> f64 {
    words::real(counts.iter().sum()) / words::real(whole(counts.len())).max(1.0)
}

fn description(counts: &[i64]) -> String {
    let (Some(last), Some(least), Some(most)) =
        (counts.last(), counts.iter().min(), counts.iter().max())
    else {
        return "No complete week yet.".to_owned();
    };
    format!(
        "{} weeks: last {}, mean {}, least {}, most {}.",
        counts.len(),
        words::integer(*last),
        words::decimal(mean(counts)),
        words::integer(*least),
        words::integer(*most)
    )
}

fn whole(len: usize) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX)
}
