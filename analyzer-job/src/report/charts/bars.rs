//! Bars: shares of a whole, shares then and now, global attributions.

use super::scale::scaled;
use super::{GRID, HEAD, HELD, INK, LINE, MARGIN, MOVED, QUIET, TITLE, WIDTH, colour, ring, uprights};
use crate::paper::drawing::{Anchor, Drawing, Stroke};
use crate::report::amounts::short;
use crate::report::page::State;

/// Shares then and now side by side, a pair of bars for each part; the tallest fills the height. `ends`: where the
/// first and the last part of a numeric axis begin.
pub(in crate::report) fn pairs(shares: &[(f64, f64)], ends: [Option<f64>; 2]) -> Drawing {
    const HEIGHT: f64 = 44.0;
    const LABELS: f64 = 14.0;
    let most = shares.iter().map(|(then, now)| then.max(*now)).fold(f64::MIN_POSITIVE, f64::max);
    let step = (WIDTH - 2.0 * MARGIN) / shares.len().max(1) as f64;
    let bar = (step * 0.42).min(14.0);
    let labelled = ends.iter().any(Option::is_some);
    let mut row = Drawing::new(WIDTH, if labelled { HEIGHT + LABELS } else { HEIGHT });
    row.line([MARGIN, HEIGHT], [WIDTH - MARGIN, HEIGHT], Stroke::new(LINE, 1.0));
    for (place, end) in [0, shares.len().saturating_sub(1)].into_iter().zip(ends) {
        if let Some(end) = end {
            let x = MARGIN + step * place as f64;
            row.text([x, HEIGHT + LABELS - 3.0], Anchor::Start, QUIET, short(end));
        }
    }
    for (at, (then, now)) in shares.iter().enumerate() {
        let x = MARGIN + step * at as f64;
        for (side, share, fill) in [(0.0, then, LINE), (1.0, now, MOVED)] {
            let tall = share / most * (HEIGHT - 2.0);
            if tall > 0.0 {
                let tall = tall.max(0.8);
                row.rectangle([x + side * (bar + 1.0), HEIGHT - tall], [bar, tall], fill);
            }
        }
    }
    row
}

/// A share of a whole as a bar, with an optional line at a limit. `share` from 0 to `full`.
pub(in crate::report) fn share_bar(share: f64, full: f64, limit: Option<f64>, state: State) -> Drawing {
    let (width, height) = (110.0, 14.0);
    let x = |value: f64| (value / full).clamp(0.0, 1.0) * width;
    let mut bar = Drawing::new(width, height);
    bar.rectangle([0.0, 0.0], [width, height], GRID);
    bar.rectangle([0.0, 0.0], [x(share), height], colour(state));
    if let Some(limit) = limit {
        bar.line([x(limit), 0.0], [x(limit), height], Stroke::new(INK, 1.5));
    }
    bar
}

/// One feature's global attribution: bar, whisker of one standard error either way, ring for the
/// baseline. All in the units of `low..high`, which holds 0.
pub(in crate::report) fn attribution_bar(
    range: [f64; 2],
    value: f64,
    standard_error: Option<f64>,
    baseline: Option<f64>,
) -> Drawing {
    let (height, middle) = (22.0, 11.0);
    let x = |value: f64| scaled(range, value);
    let mut row = Drawing::new(WIDTH, height);
    uprights(&mut row, [x(0.0)].into_iter(), LINE);
    let (from, to) = (x(0.0).min(x(value)), x(0.0).max(x(value)));
    row.rectangle([from, 5.0], [(to - from).max(0.6), 12.0], HELD);
    if let Some(error) = standard_error.filter(|error| *error > 0.0) {
        let whisker = Stroke::new(INK, 1.5);
        let ends = [x(value - error), x(value + error)];
        row.line([ends[0], middle], [ends[1], middle], whisker);
        for end in ends {
            row.line([end, middle - 3.0], [end, middle + 3.0], whisker);
        }
    }
    if let Some(baseline) = baseline {
        ring(&mut row, [x(baseline), middle]);
    }
    row
}

/// The axis for bars and strips, below what it measures.
pub(in crate::report) fn plain_head(range: [f64; 2], what: &str) -> Drawing {
    let mut head = Drawing::new(WIDTH, HEAD);
    head.text([MARGIN, TITLE], Anchor::Start, QUIET, what);
    let [low, high] = range;
    let mut ticks = vec![(high, Anchor::End)];
    if low < 0.0 {
        ticks.push((low, Anchor::Start));
    }
    if scaled(range, high) - scaled(range, 0.0) > 40.0 {
        ticks.push((0.0, if low < 0.0 { Anchor::Middle } else { Anchor::Start }));
    }
    for (value, anchor) in ticks {
        head.text([scaled(range, value), HEAD - 4.0], anchor, QUIET, short(value));
    }
    head
}
