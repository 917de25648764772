//! Pictures, drawn once for all writers. Text stays outside them, in the table around, so that it
//! wraps, is read aloud and is found by a search; only numbers on an axis are drawn.

use std::fmt::Write as _;

use super::amounts::short;
use super::page::{State, Svg};
use crate::results::metrics::{Family, Scale};

/// Width of the pictures in tables.
const WIDTH: f64 = 320.0;
/// Left and right of the axis, for arrows and labels.
const MARGIN: f64 = 14.0;

/// Light colours; a page replaces them through the style names.
const INK: &str = "#1b1d21";
const QUIET: &str = "#5c626b";
const GRID: &str = "#dfe2e6";
const PARITY: &str = "#8b929b";
const PAPER: &str = "#ffffff";

/// Pale to strong: the value of a feature from low to high.
pub(super) const RAMP: [&str; 5] = ["#b79ddb", "#9673c7", "#7549ad", "#562b8b", "#371168"];

fn colour(state: State) -> &'static str {
    match state {
        State::Moved => "#b84300",
        State::Held | State::Measured => "#0069a6",
        State::CannotTell | State::Undefined => QUIET,
    }
}

/// The shared axis of a group of rows.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    scale: Scale,
    low: f64,
    high: f64,
    ticks: Vec<(f64, String)>,
}

impl Axis {
    /// Wide enough for all finite values; round numbers at the ends.
    pub(super) fn new(scale: Scale, values: impl Iterator<Item = f64>) -> Axis {
        let finite = values.filter(|value| value.is_finite());
        match scale {
            Scale::Ratio => {
                let reach =
                    finite.filter(|value| *value > 0.0).map(|value| value.ln().abs()).fold(0.0, f64::max);
                let ends = [1.25, 2.0, 4.0, 10.0, 100.0, 1000.0];
                let end = ends.into_iter().find(|end: &f64| end.ln() >= reach * 1.02).unwrap_or(1e4_f64);
                let inner = match end {
                    e if e <= 1.25 => vec![],
                    e if e <= 2.0 => vec![0.8, 1.25],
                    e if e <= 4.0 => vec![0.5, 2.0],
                    e if e <= 10.0 => vec![0.25, 4.0],
                    e => vec![1.0 / e.sqrt(), e.sqrt()],
                };
                let mut at = vec![1.0 / end, 1.0, end];
                at.extend(inner);
                at.sort_by(f64::total_cmp);
                let ticks = at.into_iter().map(|value| (value, short(value))).collect();
                Axis { scale, low: -end.ln(), high: end.ln(), ticks }
            }
            Scale::Distance => {
                let end = round_up(finite.fold(0.0, |most, value| most.max(value.abs())));
                let ticks = [0.0, end / 2.0, end].map(|value| (value, short(value))).to_vec();
                Axis { scale, low: 0.0, high: end, ticks }
            }
            Scale::Share | Scale::Unbounded => {
                let end = round_up(finite.fold(0.0, |most, value| most.max(value.abs())));
                let ticks =
                    [-end, -end / 2.0, 0.0, end / 2.0, end].map(|value| (value, short(value.abs()))).to_vec();
                Axis { scale, low: -end, high: end, ticks }
            }
        }
    }

    /// Position and whether it lies inside.
    fn x(&self, value: f64) -> f64 {
        let value = if self.scale == Scale::Ratio { value.max(f64::MIN_POSITIVE).ln() } else { value };
        let share = (value - self.low) / (self.high - self.low);
        // Infinities end at the margin; the arrow says so.
        MARGIN + share.clamp(-0.02, 1.02) * (WIDTH - 2.0 * MARGIN)
    }

    fn inside(&self, value: f64) -> bool {
        let value = if self.scale == Scale::Ratio { value.ln() } else { value };
        value >= self.low && value <= self.high
    }

    /// The axis itself, for the head of the column.
    pub(super) fn head(&self, family: Family) -> Svg {
        let mut body = String::new();
        let two_sided = self.scale != Scale::Distance;
        if two_sided {
            let [left, right] = family.sides(self.scale);
            text(&mut body, 2.0, 11.0, "start", QUIET, "quiet", &format!("← {left}"));
            text(&mut body, WIDTH - 2.0, 11.0, "end", QUIET, "quiet", &format!("{right} →"));
        } else {
            text(&mut body, WIDTH - 2.0, 11.0, "end", QUIET, "quiet", "farther apart →");
        }
        let last = self.ticks.len() - 1;
        for (place, (value, label)) in self.ticks.iter().enumerate() {
            let anchor = match place {
                0 if !two_sided => "start",
                p if p == last && label.len() > 4 => "end",
                _ => "middle",
            };
            text(&mut body, self.x(*value), 27.0, anchor, QUIET, "quiet", label);
        }
        Svg { width: WIDTH, height: 32.0, body }
    }

    /// The faint lines as one path, since each row draws them, and the line of no difference.
    fn grid(&self, body: &mut String, height: f64) {
        let parity = if self.scale == Scale::Ratio { 1.0 } else { 0.0 };
        let others = self.ticks.iter().map(|(value, _)| *value).filter(|value| *value != parity);
        uprights(body, others.map(|value| self.x(value)), height, GRID, "grid");
        uprights(body, [self.x(parity)].into_iter(), height, PARITY, "parity");
    }
}

/// What one row of a dot plot shows. Values point as the axis does.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dot {
    pub value: f64,
    pub interval: Option<[f64; 2]>,
    pub baseline: Option<f64>,
    pub state: State,
}

/// One row: the mark now, its interval as a bar, a ring for the baseline and the way between.
pub(super) fn dot_row(axis: &Axis, dot: &Dot) -> Svg {
    let (height, middle) = (26.0, 13.0);
    let mut body = String::new();
    axis.grid(&mut body, height);
    let (paint, class) = (colour(dot.state), dot.state.class());
    let x = axis.x(dot.value);
    if let Some([low, high]) = dot.interval {
        let dashes = if dot.state == State::CannotTell { " stroke-dasharray=\"3 2\"" } else { "" };
        let _ = write!(
            body,
            "<path d=\"M{:.1} {middle}H{:.1}\" stroke=\"{paint}\" class=\"s-{class}\" stroke-width=\"5\" \
             stroke-opacity=\"0.35\" fill=\"none\"{dashes}/>",
            axis.x(low.min(high)),
            axis.x(low.max(high))
        );
    }
    if let Some(baseline) = dot.baseline {
        let ring = axis.x(baseline);
        line(&mut body, ring, middle, x, middle, PARITY, "parity", 1.0);
        let _ = write!(
            body,
            "<circle cx=\"{ring:.1}\" cy=\"{middle}\" r=\"4.5\" fill=\"{PAPER}\" stroke=\"{INK}\" class=\"ring\" \
             stroke-width=\"1.5\"/>"
        );
    }
    mark(&mut body, x, middle, dot.state);
    if !axis.inside(dot.value) {
        let parity = if axis.scale == Scale::Ratio { 1.0 } else { 0.0 };
        let (tip, back) = if dot.value > parity { (WIDTH - 1.0, WIDTH - 7.0) } else { (1.0, 7.0) };
        let _ = write!(
            body,
            "<path d=\"M{back} 8L{tip} {middle}L{back} 18\" fill=\"none\" stroke=\"{paint}\" class=\"s-{class}\" \
             stroke-width=\"1.5\"/>"
        );
    }
    Svg { width: WIDTH, height, body }
}

/// Diamond, circle or square, by state.
fn mark(body: &mut String, x: f64, y: f64, state: State) {
    let (paint, class) = (colour(state), state.class());
    let _ = match state {
        State::Moved => write!(
            body,
            "<path d=\"M{x:.1} {:.1}l6 6l-6 6l-6-6z\" fill=\"{paint}\" class=\"f-{class}\"/>",
            y - 6.0
        ),
        State::CannotTell | State::Undefined => write!(
            body,
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"8\" height=\"8\" fill=\"{paint}\" class=\"f-{class}\"/>",
            x - 4.0,
            y - 4.0
        ),
        State::Held | State::Measured => {
            write!(body, "<circle cx=\"{x:.1}\" cy=\"{y}\" r=\"4.5\" fill=\"{paint}\" class=\"f-{class}\"/>")
        }
    };
}

/// Shares then and now side by side, a pair of bars for each part; the tallest fills the height.
pub(super) fn pairs(shares: &[(f64, f64)]) -> Svg {
    const HEIGHT: f64 = 44.0;
    let most = shares.iter().map(|(then, now)| then.max(*now)).fold(f64::MIN_POSITIVE, f64::max);
    let step = (WIDTH - 2.0 * MARGIN) / shares.len().max(1) as f64;
    let bar = (step * 0.42).min(14.0);
    let mut body = String::new();
    for (at, (then, now)) in shares.iter().enumerate() {
        let x = MARGIN + step * at as f64;
        let sides = [(0.0, then, PARITY, "parity"), (1.0, now, colour(State::Moved), "moved")];
        for (side, share, paint, class) in sides {
            let tall = share / most * (HEIGHT - 2.0);
            if tall > 0.0 {
                let tall = tall.max(0.8);
                let _ = write!(
                    body,
                    "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{bar:.1}\" height=\"{tall:.1}\" fill=\"{paint}\" \
                     class=\"f-{class}\"/>",
                    x + side * (bar + 1.0),
                    HEIGHT - tall
                );
            }
        }
    }
    Svg { width: WIDTH, height: HEIGHT, body }
}

/// A share of a whole as a bar, with an optional line at a limit. `share` from 0 to `full`.
pub(super) fn share_bar(share: f64, full: f64, limit: Option<f64>, state: State) -> Svg {
    let (width, height) = (110.0, 14.0);
    let x = |value: f64| (value / full).clamp(0.0, 1.0) * width;
    let mut body = String::new();
    let _ = write!(
        body,
        "<rect width=\"{width}\" height=\"{height}\" fill=\"{GRID}\" class=\"f-grid\"/>\
         <rect width=\"{:.1}\" height=\"{height}\" fill=\"{}\" class=\"f-{}\"/>",
        x(share),
        colour(state),
        state.class()
    );
    if let Some(limit) = limit {
        line(&mut body, x(limit), 0.0, x(limit), height, INK, "ink", 1.5);
    }
    Svg { width, height, body }
}

/// One feature's global attribution: bar, whisker of one standard error either way, ring for the
/// baseline. All in the units of `low..high`, which holds 0.
pub(super) fn attribution_bar(
    range: [f64; 2],
    value: f64,
    standard_error: Option<f64>,
    baseline: Option<f64>,
) -> Svg {
    let (height, middle) = (22.0, 11.0);
    let x = |value: f64| scaled(range, value);
    let mut body = String::new();
    line(&mut body, x(0.0), 0.0, x(0.0), height, PARITY, "parity", 1.0);
    let (from, to) = (x(0.0).min(x(value)), x(0.0).max(x(value)));
    let _ = write!(
        body,
        "<rect x=\"{from:.1}\" y=\"5\" width=\"{:.1}\" height=\"12\" fill=\"{}\" class=\"f-held\"/>",
        (to - from).max(0.6),
        colour(State::Held)
    );
    if let Some(error) = standard_error.filter(|error| *error > 0.0) {
        line(&mut body, x(value - error), middle, x(value + error), middle, INK, "ink", 1.5);
        for end in [value - error, value + error] {
            line(&mut body, x(end), middle - 3.0, x(end), middle + 3.0, INK, "ink", 1.5);
        }
    }
    if let Some(baseline) = baseline {
        let _ = write!(
            body,
            "<circle cx=\"{:.1}\" cy=\"{middle}\" r=\"4.5\" fill=\"{PAPER}\" stroke=\"{INK}\" class=\"ring\" \
             stroke-width=\"1.5\"/>",
            x(baseline)
        );
    }
    Svg { width: WIDTH, height, body }
}

/// Local attributions of one feature, one dot a row, spread by how many lie close; colour by the
/// feature's value.
pub(super) fn strip(range: [f64; 2], sample: &[(f64, Option<f64>)]) -> Svg {
    let (height, middle) = (36.0, 18.0);
    let mut body = String::new();
    line(&mut body, scaled(range, 0.0), 0.0, scaled(range, 0.0), height, PARITY, "parity", 1.0);
    // Dots of one colour are one path of zero-length strokes with round caps: a few bytes each.
    let mut paths: [String; 6] = Default::default();
    let mut filled = [0_u32; 160];
    for (value, rank) in sample {
        let x = scaled(range, *value);
        let bin = ((x / WIDTH * 160.0) as usize).min(159);
        let level = filled[bin];
        filled[bin] += 1;
        // Above and below in turn; crowded places fold back on themselves.
        let step = f64::from(level.div_ceil(2) % 8) * 2.0;
        let y = if level % 2 == 0 { middle - step } else { middle + step };
        let path = match rank {
            Some(rank) => ((rank * 5.0) as usize).min(4),
            None => 5,
        };
        let _ = write!(paths[path], "M{x:.1} {y:.0}h.01");
    }
    for (place, path) in paths.iter().enumerate().filter(|(_, path)| !path.is_empty()) {
        let (paint, class) = match RAMP.get(place) {
            Some(paint) => (*paint, format!("r{place}")),
            None => (QUIET, "quiet-dots".into()),
        };
        let _ = write!(
            body,
            "<path d=\"{path}\" fill=\"none\" stroke=\"{paint}\" class=\"{class}\" stroke-width=\"3.2\" \
             stroke-linecap=\"round\" stroke-opacity=\"0.75\"/>"
        );
    }
    Svg { width: WIDTH, height, body }
}

/// The axis for bars and strips.
pub(super) fn plain_head(range: [f64; 2]) -> Svg {
    let mut body = String::new();
    let [low, high] = range;
    let mut ticks = vec![(high, "end")];
    if low < 0.0 {
        ticks.push((low, "start"));
    }
    if scaled(range, high) - scaled(range, 0.0) > 40.0 {
        ticks.push((0.0, if low < 0.0 { "middle" } else { "start" }));
    }
    for (value, anchor) in ticks {
        text(&mut body, scaled(range, value), 12.0, anchor, QUIET, "quiet", &short(value));
    }
    Svg { width: WIDTH, height: 16.0, body }
}

/// One value on a shared range, for categories.
pub(super) fn position(range: [f64; 2], value: f64) -> Svg {
    let (height, middle) = (22.0, 11.0);
    let mut body = String::new();
    uprights(&mut body, ticks(range).into_iter().map(|tick| scaled(range, tick)), height, GRID, "grid");
    mark(&mut body, scaled(range, value), middle, State::Measured);
    Svg { width: WIDTH, height, body }
}

/// The axis of such a range.
pub(super) fn positions_head(range: [f64; 2]) -> Svg {
    let mut body = String::new();
    for value in ticks(range) {
        text(&mut body, scaled(range, value), 12.0, "middle", QUIET, "quiet", &short(value));
    }
    Svg { width: WIDTH, height: 16.0, body }
}

/// Round ends around 0 and all values.
pub(super) fn range(values: impl Iterator<Item = f64>) -> [f64; 2] {
    let (low, high) =
        values.filter(|v| v.is_finite()).fold((0.0_f64, 0.0_f64), |(low, high), v| (low.min(v), high.max(v)));
    if low == 0.0 && high == 0.0 {
        return [0.0, 1.0];
    }
    let low = if low < 0.0 { -round_up(-low) } else { 0.0 };
    let high = if high > 0.0 { round_up(high) } else { 0.0 };
    [low, high]
}

/// A line over a numeric grid with the share of rows below, on the same axis.
pub(super) fn curve(xs: &[f64], shares: &[f64], ys: &[f64], y_range: [f64; 2]) -> Svg {
    let (width, height, left, right, top, floor, base) = (280.0, 176.0, 44.0, 10.0, 10.0, 112.0, 154.0);
    let mut body = String::new();
    let (first, last) = (xs.first().copied().unwrap_or(0.0), xs.last().copied().unwrap_or(1.0));
    let spread = if last > first { last - first } else { 1.0 };
    let half = spread / (2.0 * (xs.len().max(2) - 1) as f64);
    let x = |value: f64| left + (value - first + half) / (spread + 2.0 * half) * (width - left - right);
    let [low, high] = y_range;
    let y = |value: f64| floor - (value - low) / (high - low) * (floor - top);
    for value in ticks(y_range) {
        line(&mut body, left, y(value), width - right, y(value), GRID, "grid", 1.0);
        text(&mut body, left - 6.0, y(value) + 4.0, "end", QUIET, "quiet", &short(value));
    }
    let most = shares.iter().copied().fold(0.0, f64::max);
    for (at, share) in xs.iter().zip(shares).filter(|_| most > 0.0) {
        let tall = share / most * (base - floor - 10.0);
        let _ = write!(
            body,
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{tall:.1}\" fill=\"{PARITY}\" class=\"f-parity\"/>",
            x(at - half) + 0.5,
            base - tall,
            (x(at + half) - x(at - half) - 1.0).max(0.5)
        );
    }
    let points: Vec<_> = xs
        .iter()
        .zip(ys)
        .filter(|(_, v)| v.is_finite())
        .map(|(at, v)| format!("{:.1},{:.1}", x(*at), y(*v)))
        .collect();
    let _ = write!(
        body,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" class=\"s-held\" stroke-width=\"2\" \
         stroke-linejoin=\"round\"/>",
        points.join(" "),
        colour(State::Held)
    );
    if points.len() < 40 {
        for (at, value) in xs.iter().zip(ys).filter(|(_, v)| v.is_finite()) {
            let _ = write!(
                body,
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"2.2\" fill=\"{}\" class=\"f-held\"/>",
                x(*at),
                y(*value),
                colour(State::Held)
            );
        }
    }
    for (value, anchor) in [(first, "start"), (last, "end")] {
        text(&mut body, x(value), 170.0, anchor, QUIET, "quiet", &short(value));
        if last <= first {
            break;
        }
    }
    Svg { width, height, body }
}

/// What is known of a metric in one run.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Point {
    pub value: Option<f64>,
    pub interval: Option<[f64; 2]>,
}

/// One metric over runs, oldest first: a line through what is known, its intervals as a band, the baseline
/// as a dashed line.
pub(super) fn trend(points: &[Point], limit: Option<f64>, parity: f64, y_range: [f64; 2]) -> Svg {
    let (width, height, left, right, top, floor) = (280.0, 116.0, 44.0, 10.0, 10.0, 90.0);
    let mut body = String::new();
    let step = (width - left - right) / (points.len().max(2) - 1) as f64;
    let [low, high] = y_range;
    let x = |place: usize| left + place as f64 * step;
    let y = |value: f64| (floor - (value - low) / (high - low) * (floor - top)).clamp(2.0, floor + 8.0);
    for value in ticks(y_range) {
        text(&mut body, left - 6.0, y(value) + 4.0, "end", QUIET, "quiet", &short(value));
    }
    line(&mut body, left, y(parity), width - right, y(parity), PARITY, "parity", 1.0);
    if let Some(limit) = limit.filter(|limit| limit.is_finite()) {
        let _ = write!(
            body,
            "<path d=\"M{left} {:.1}H{:.1}\" stroke=\"{INK}\" class=\"s-ink\" stroke-width=\"1\" \
             stroke-dasharray=\"4 3\" fill=\"none\"/>",
            y(limit),
            width - right
        );
    }
    let known: Vec<(usize, Point)> = points.iter().copied().enumerate().collect();
    for run in known.chunk_by(|(_, a), (_, b)| a.interval.is_some() == b.interval.is_some()) {
        let ends: Vec<(f64, [f64; 2])> =
            run.iter().filter_map(|(place, point)| Some((x(*place), point.interval?))).collect();
        // A run whose neighbours have no interval still has some width.
        let aside = if ends.len() == 1 { 2.5 } else { 0.0 };
        let lower = ends.iter().flat_map(|(at, [low, _])| [(at - aside, *low), (at + aside, *low)]);
        let upper = ends.iter().rev().flat_map(|(at, [_, high])| [(at + aside, *high), (at - aside, *high)]);
        let mut corners: Vec<String> =
            lower.chain(upper).map(|(at, value)| format!("{at:.1},{:.1}", y(value))).collect();
        corners.dedup();
        if !corners.is_empty() {
            let _ = write!(
                body,
                "<polygon points=\"{}\" fill=\"{}\" class=\"f-held\" fill-opacity=\"0.2\"/>",
                corners.join(" "),
                colour(State::Held)
            );
        }
    }
    let values = points.iter().map(|point| point.value.filter(|value| value.is_finite()));
    let mut path = String::new();
    let mut dots = String::new();
    let mut pen_down = false;
    for (place, value) in values.enumerate() {
        let Some(value) = value else {
            pen_down = false;
            continue;
        };
        let (command, at, up) = (if pen_down { 'L' } else { 'M' }, x(place), y(value));
        let _ = write!(path, "{command}{at:.1} {up:.1}");
        pen_down = true;
        let radius = if place + 1 == points.len() { 4.0 } else { 2.0 };
        let _ = write!(
            dots,
            "<circle cx=\"{at:.1}\" cy=\"{up:.1}\" r=\"{radius}\" fill=\"{}\" class=\"f-held\"/>",
            colour(State::Held)
        );
    }
    let _ = write!(
        body,
        "<path d=\"{path}\" fill=\"none\" stroke=\"{}\" class=\"s-held\" stroke-width=\"2\" \
         stroke-linejoin=\"round\"/>{dots}",
        colour(State::Held)
    );
    let ago = points.len().saturating_sub(1);
    let runs = if ago == 1 { "run" } else { "runs" };
    text(&mut body, left, 111.0, "start", QUIET, "quiet", &format!("{ago} {runs} ago"));
    text(&mut body, width - right, 111.0, "end", QUIET, "quiet", "now");
    Svg { width, height, body }
}

/// Two to five or so round values inside a range: steps of 1, 2 or 5 times a power of ten.
fn ticks([low, high]: [f64; 2]) -> Vec<f64> {
    let rough = (high - low) / 4.0;
    if !(rough > 0.0 && rough.is_finite()) {
        return vec![low];
    }
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .map(|step| step * power)
        .into_iter()
        .find(|step| *step >= rough)
        .unwrap_or(rough);
    let first = (low / step).ceil() as i64;
    (first..first + 6).map(|n| n as f64 * step).take_while(|value| *value <= high).collect()
}

/// A range for curves: all values with some air, never empty.
pub(super) fn span(values: impl Iterator<Item = f64>) -> [f64; 2] {
    let (low, high) = values
        .filter(|v| v.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    if low > high {
        return [0.0, 1.0];
    }
    let air = if high > low { (high - low) * 0.08 } else { low.abs().max(1.0) * 0.05 };
    [low - air, high + air]
}

fn scaled([low, high]: [f64; 2], value: f64) -> f64 {
    let share = (value - low) / (high - low);
    MARGIN + share.clamp(-0.03, 1.03) * (WIDTH - 2.0 * MARGIN)
}

/// The next of 1, 1.5, 2, 3, 4, 5, 6, 8 times a power of ten.
fn round_up(value: f64) -> f64 {
    if value <= 0.0 || !value.is_finite() {
        return 0.1;
    }
    let power = 10_f64.powf(value.log10().floor());
    [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0]
        .into_iter()
        .map(|step| step * power)
        .find(|end| *end >= value * 0.999_999)
        .unwrap_or(value)
}

fn text(body: &mut String, x: f64, y: f64, anchor: &str, paint: &str, class: &str, content: &str) {
    let _ = write!(
        body,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{paint}\" class=\"t-{class}\">{content}</text>"
    );
}

/// Upright lines over the whole height, as one path.
fn uprights(body: &mut String, at: impl Iterator<Item = f64>, height: f64, stroke: &str, class: &str) {
    let mut path = String::new();
    for x in at {
        let _ = write!(path, "M{x:.1} 0V{height}");
    }
    if !path.is_empty() {
        let _ = write!(body, "<path d=\"{path}\" stroke=\"{stroke}\" class=\"s-{class}\"/>");
    }
}

#[expect(clippy::too_many_arguments, reason = "two points, and how the line looks")]
fn line(body: &mut String, x1: f64, y1: f64, x2: f64, y2: f64, stroke: &str, class: &str, width: f64) {
    let _ = write!(
        body,
        "<path d=\"M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}\" stroke=\"{stroke}\" class=\"s-{class}\" \
         stroke-width=\"{width}\"/>"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axis_ends_are_round_and_hold_all_values() {
        for (values, end) in
            [(vec![0.22, -0.37], 0.4), (vec![], 0.1), (vec![0.0101], 0.015), (vec![f64::INFINITY, 2.9], 3.0)]
        {
            let axis = Axis::new(Scale::Share, values.into_iter());
            assert!((axis.high - end).abs() < 1e-12 && (axis.low + end).abs() < 1e-12, "{axis:?}");
        }
        let axis = Axis::new(Scale::Ratio, [0.18, 0.0, f64::INFINITY].into_iter());
        assert!((axis.high.exp() - 10.0).abs() < 1e-9);
        assert!((axis.x(1.0) - WIDTH / 2.0).abs() < 1e-9);
        assert!(!axis.inside(0.0) && !axis.inside(f64::INFINITY) && axis.inside(0.18));
    }

    #[test]
    fn pictures_hold_no_words_of_the_data_and_stay_finite() {
        let axis = Axis::new(Scale::Ratio, [0.2].into_iter());
        for value in [0.0, 0.2, 1.0, f64::INFINITY] {
            let dot =
                Dot { value, interval: Some([0.0, f64::INFINITY]), baseline: Some(0.1), state: State::Moved };
            let body = dot_row(&axis, &dot).body;
            assert!(!body.contains("NaN") && !body.contains("inf"), "{body}");
        }
        for body in [
            curve(&[3.0], &[1.0], &[0.5], span([0.5].into_iter())).body,
            curve(&[], &[], &[], span(std::iter::empty())).body,
            trend(
                &[
                    Point::default(),
                    Point { value: Some(f64::INFINITY), interval: Some([0.0, f64::INFINITY]) },
                ],
                None,
                0.0,
                [0.0, 1.0],
            )
            .body,
            attribution_bar(range(std::iter::empty()), 0.0, Some(0.0), None).body,
        ] {
            assert!(!body.contains("NaN") && !body.contains("inf"), "{body}");
        }
    }

    #[test]
    fn ten_thousand_dots_stay_small() {
        let sample: Vec<_> =
            (0..10_000).map(|i| (f64::from(i % 97) / 97.0, Some(f64::from(i % 10) / 10.0))).collect();
        let picture = strip([0.0, 1.0], &sample);
        assert!(picture.body.len() < 150_000, "{}", picture.body.len());
    }
}
