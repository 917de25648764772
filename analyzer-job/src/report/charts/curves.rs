//! Lines: a curve over a grid, and a value over runs.

use super::scale::ticks;
use super::{GRID, HELD, INK, LINE, QUIET};
use crate::paper::drawing::{Anchor, Drawing, Fill, Stroke};
use crate::report::amounts::{percent_of, short};

/// Left and right of the field that the lines are drawn in.
const LEFT: f64 = 44.0;
const RIGHT: f64 = 10.0;
const WIDTH: f64 = 280.0;
const TOP: f64 = 10.0;

/// A line over a numeric grid, with the share of rows below it on the same axis where `shares` are known. `across` names
/// the horizontal axis.
pub(in crate::report) fn curve(
    xs: &[f64],
    shares: &[f64],
    ys: &[f64],
    y_range: [f64; 2],
    across: &str,
) -> Drawing {
    let base = 154.0;
    let floor = if shares.is_empty() { base } else { 112.0 };
    let mut chart = Drawing::new(WIDTH, 176.0);
    let (first, last) = (xs.first().copied().unwrap_or(0.0), xs.last().copied().unwrap_or(1.0));
    let spread = if last > first { last - first } else { 1.0 };
    let half = spread / (2.0 * (xs.len().max(2) - 1) as f64);
    let x = |value: f64| LEFT + (value - first + half) / (spread + 2.0 * half) * (WIDTH - LEFT - RIGHT);
    let [low, high] = y_range;
    let y = |value: f64| floor - (value - low) / (high - low) * (floor - TOP);
    for value in ticks(y_range) {
        chart.line([LEFT, y(value)], [WIDTH - RIGHT, y(value)], Stroke::new(GRID, 1.0));
        chart.text([LEFT - 6.0, y(value) + 4.0], Anchor::End, QUIET, short(value));
    }
    let most = shares.iter().copied().fold(0.0, f64::max);
    for (at, share) in xs.iter().zip(shares).filter(|_| most > 0.0) {
        let tall = share / most * (base - floor - 10.0);
        let wide = (x(at + half) - x(at - half) - 1.0).max(0.5);
        chart.rectangle([x(at - half) + 0.5, base - tall], [wide, tall], LINE);
    }
    let points: Vec<[f64; 2]> =
        xs.iter().zip(ys).filter(|(_, v)| v.is_finite()).map(|(at, v)| [x(*at), y(*v)]).collect();
    chart.polyline(&points, Stroke::new(HELD, 2.0));
    if points.len() < 40 {
        points.iter().for_each(|point| chart.circle(*point, 2.2, HELD));
    }
    for (value, anchor) in [(first, Anchor::Start), (last, Anchor::End)] {
        chart.text([x(value), 170.0], anchor, QUIET, short(value));
        if last <= first {
            break;
        }
    }
    chart.text([(LEFT + WIDTH - RIGHT) / 2.0, 170.0], Anchor::Middle, QUIET, across);
    chart
}

/// Shares of rows by bins of equal width from `low` to `high`: bars for now, a line for the baseline where it is known.
pub(in crate::report) fn histogram(
    now: &[f64],
    then: Option<&[f64]>,
    [low, high]: [f64; 2],
    across: &str,
) -> Drawing {
    let base = 154.0;
    let mut chart = Drawing::new(WIDTH, 176.0);
    let most = now.iter().chain(then.into_iter().flatten()).copied().fold(0.01, f64::max);
    let step = (WIDTH - LEFT - RIGHT) / now.len().max(1) as f64;
    let x = |place: usize| LEFT + step * place as f64;
    let y = |share: f64| base - share / most * (base - TOP);
    for share in ticks([0.0, most]) {
        chart.line([LEFT, y(share)], [WIDTH - RIGHT, y(share)], Stroke::new(GRID, 1.0));
        chart.text([LEFT - 6.0, y(share) + 4.0], Anchor::End, QUIET, percent_of(share));
    }
    for (place, share) in now.iter().enumerate().filter(|(_, share)| **share > 0.0) {
        chart.rectangle([x(place) + 0.5, y(*share)], [step - 1.0, base - y(*share)], HELD);
    }
    if let Some(then) = then {
        let steps: Vec<[f64; 2]> = then
            .iter()
            .enumerate()
            .flat_map(|(place, share)| [[x(place), y(*share)], [x(place + 1), y(*share)]])
            .collect();
        chart.polyline(&steps, Stroke::new(INK, 1.5));
    }
    chart.text([LEFT, 170.0], Anchor::Start, QUIET, short(low));
    chart.text([WIDTH - RIGHT, 170.0], Anchor::End, QUIET, short(high));
    chart.text([(LEFT + WIDTH - RIGHT) / 2.0, 170.0], Anchor::Middle, QUIET, across);
    chart
}

/// What is known of a metric in one run.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::report) struct Point {
    pub value: Option<f64>,
    pub interval: Option<[f64; 2]>,
}

/// One metric over runs, oldest first: a line through what is known, its intervals as a band, the baseline
/// as a dashed line.
pub(in crate::report) fn trend(
    points: &[Point],
    limit: Option<f64>,
    parity: f64,
    y_range: [f64; 2],
) -> Drawing {
    let floor = 90.0;
    let mut chart = Drawing::new(WIDTH, 116.0);
    let step = (WIDTH - LEFT - RIGHT) / (points.len().max(2) - 1) as f64;
    let [low, high] = y_range;
    let x = |place: usize| LEFT + place as f64 * step;
    let y = |value: f64| (floor - (value - low) / (high - low) * (floor - TOP)).clamp(2.0, floor + 8.0);
    for value in ticks(y_range) {
        chart.text([LEFT - 6.0, y(value) + 4.0], Anchor::End, QUIET, short(value));
    }
    let across = |value: f64| ([LEFT, y(value)], [WIDTH - RIGHT, y(value)]);
    let (from, to) = across(parity);
    chart.line(from, to, Stroke::new(LINE, 1.0));
    if let Some(limit) = limit.filter(|limit| limit.is_finite()) {
        let (from, to) = across(limit);
        chart.line(from, to, Stroke { dash: Some([4.0, 3.0]), ..Stroke::new(INK, 1.0) });
    }
    let known: Vec<(usize, Point)> = points.iter().copied().enumerate().collect();
    for run in known.chunk_by(|(_, a), (_, b)| a.interval.is_some() == b.interval.is_some()) {
        let ends: Vec<(f64, [f64; 2])> =
            run.iter().filter_map(|(place, point)| Some((x(*place), point.interval?))).collect();
        // A run whose neighbours have no interval still has some width.
        let aside = if ends.len() == 1 { 2.5 } else { 0.0 };
        let lower = ends.iter().flat_map(|(at, [low, _])| [(at - aside, *low), (at + aside, *low)]);
        let upper = ends.iter().rev().flat_map(|(at, [_, high])| [(at + aside, *high), (at - aside, *high)]);
        let mut corners: Vec<[f64; 2]> = lower.chain(upper).map(|(at, value)| [at, y(value)]).collect();
        corners.dedup();
        chart.polygon(&corners, Fill { colour: HELD, opacity: 0.2 });
    }
    let known = points
        .iter()
        .enumerate()
        .map(|(place, point)| Some([x(place), y(point.value.filter(|value| value.is_finite())?)]));
    let known: Vec<Option<[f64; 2]>> = known.collect();
    for stretch in known.split(Option::is_none) {
        let stretch: Vec<[f64; 2]> = stretch.iter().flatten().copied().collect();
        if stretch.len() > 1 {
            chart.polyline(&stretch, Stroke::new(HELD, 2.0));
        }
    }
    for (place, point) in known.iter().enumerate() {
        if let Some(point) = point {
            chart.circle(*point, if place + 1 == points.len() { 4.0 } else { 2.0 }, HELD);
        }
    }
    let ago = points.len().saturating_sub(1);
    let runs = if ago == 1 { "run" } else { "runs" };
    chart.text([LEFT, 111.0], Anchor::Start, QUIET, format!("{ago} {runs} ago"));
    chart.text([WIDTH - RIGHT, 111.0], Anchor::End, QUIET, "now");
    chart
}
