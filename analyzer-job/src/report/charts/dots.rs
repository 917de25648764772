//! A row for each value, with its mark on an axis that all rows share.

use super::scale::{round_up, scaled, ticks};
use super::{GRID, HEAD, LINE, MARGIN, QUIET, RAMP, TITLE, WIDTH, colour, mark, ring, uprights};
use crate::paper::drawing::{Anchor, Drawing, Fill, Shape, Stroke};
use crate::report::amounts::short;
use crate::report::page::State;
use crate::results::metrics::{Family, Scale};

/// The shared axis of a group of rows.
#[derive(Debug, Clone)]
pub(in crate::report) struct Axis {
    scale: Scale,
    low: f64,
    high: f64,
    ticks: Vec<(f64, String)>,
}

impl Axis {
    /// Wide enough for all finite values; round numbers at the ends.
    pub(in crate::report) fn new(scale: Scale, values: impl Iterator<Item = f64>) -> Axis {
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
    pub(in crate::report) fn head(&self, family: Family) -> Drawing {
        let mut head = Drawing::new(WIDTH, 32.0);
        let two_sided = self.scale != Scale::Distance;
        if two_sided {
            let [left, right] = family.sides(self.scale);
            head.text([2.0, 11.0], Anchor::Start, QUIET, format!("← {left}"));
            head.text([WIDTH - 2.0, 11.0], Anchor::End, QUIET, format!("{right} →"));
        } else {
            head.text([WIDTH - 2.0, 11.0], Anchor::End, QUIET, "farther apart →");
        }
        let last = self.ticks.len() - 1;
        for (place, (value, label)) in self.ticks.iter().enumerate() {
            let anchor = match place {
                0 if !two_sided => Anchor::Start,
                p if p == last && label.len() > 4 => Anchor::End,
                _ => Anchor::Middle,
            };
            head.text([self.x(*value), 27.0], anchor, QUIET, label);
        }
        head
    }

    fn parity(&self) -> f64 {
        if self.scale == Scale::Ratio { 1.0 } else { 0.0 }
    }

    /// The faint lines as one path, since each row draws them, and the line of no difference.
    fn grid(&self, row: &mut Drawing) {
        let others = self.ticks.iter().map(|(value, _)| *value).filter(|value| *value != self.parity());
        uprights(row, others.map(|value| self.x(value)), GRID);
        uprights(row, [self.x(self.parity())].into_iter(), LINE);
    }
}

/// What one row of a dot plot shows. Values point as the axis does.
#[derive(Debug, Clone, Copy)]
pub(in crate::report) struct Dot {
    pub value: f64,
    pub interval: Option<[f64; 2]>,
    pub baseline: Option<f64>,
    pub state: State,
}

/// One row: the mark now, its interval as a bar, a ring for the baseline and the way between.
pub(in crate::report) fn dot_row(axis: &Axis, dot: &Dot) -> Drawing {
    let middle = 13.0;
    let mut row = Drawing::new(WIDTH, 26.0);
    axis.grid(&mut row);
    let paint = colour(dot.state);
    let x = axis.x(dot.value);
    if let Some([low, high]) = dot.interval {
        let dash = (dot.state == State::CannotTell).then_some([3.0, 2.0]);
        let bar = Stroke { opacity: 0.35, dash, ..Stroke::new(paint, 5.0) };
        row.line([axis.x(low.min(high)), middle], [axis.x(low.max(high)), middle], bar);
    }
    if let Some(baseline) = dot.baseline {
        let was = axis.x(baseline);
        row.line([was, middle], [x, middle], Stroke::new(LINE, 1.0));
        ring(&mut row, [was, middle]);
    }
    mark(&mut row, [x, middle], dot.state);
    if !axis.inside(dot.value) {
        let (tip, back) = if dot.value > axis.parity() { (WIDTH - 1.0, WIDTH - 7.0) } else { (1.0, 7.0) };
        row.polyline(&[[back, 8.0], [tip, middle], [back, 18.0]], Stroke::new(paint, 1.5));
    }
    row
}

/// Local attributions of one feature, one dot a row, spread by how many lie close; colour by the
/// feature's value.
pub(in crate::report) fn strip(range: [f64; 2], sample: &[(f64, Option<f64>)]) -> Drawing {
    let (height, middle) = (36.0, 18.0);
    let mut row = Drawing::new(WIDTH, height);
    uprights(&mut row, [scaled(range, 0.0)].into_iter(), LINE);
    let mut at: [Vec<[f64; 2]>; 6] = Default::default();
    let mut filled = [0_u32; 160];
    for (value, rank) in sample {
        let x = scaled(range, *value);
        let bin = ((x / WIDTH * 160.0) as usize).min(159);
        let level = filled[bin];
        filled[bin] += 1;
        // Above and below in turn; crowded places fold back on themselves.
        let step = f64::from(level.div_ceil(2) % 8) * 2.0;
        let y = if level % 2 == 0 { middle - step } else { middle + step };
        let shade = rank.map_or(RAMP.len(), |rank| ((rank * 5.0) as usize).min(4));
        at[shade].push([x, y]);
    }
    for (place, at) in at.into_iter().enumerate().filter(|(_, at)| !at.is_empty()) {
        let fill = Fill { colour: RAMP.get(place).copied().unwrap_or(LINE), opacity: 0.75 };
        row.shapes.push(Shape::Dots { at, diameter: 3.2, fill });
    }
    row
}

/// One value on a shared range, for categories.
pub(in crate::report) fn position(range: [f64; 2], value: f64) -> Drawing {
    let mut row = Drawing::new(WIDTH, 22.0);
    uprights(&mut row, ticks(range).into_iter().map(|tick| scaled(range, tick)), GRID);
    mark(&mut row, [scaled(range, value), 11.0], State::Measured);
    row
}

/// The axis of such a range, below what it measures.
pub(in crate::report) fn positions_head(range: [f64; 2], what: &str) -> Drawing {
    let mut head = Drawing::new(WIDTH, HEAD);
    head.text([MARGIN, TITLE], Anchor::Start, QUIET, what);
    for value in ticks(range) {
        head.text([scaled(range, value), HEAD - 4.0], Anchor::Middle, QUIET, short(value));
    }
    head
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
}
