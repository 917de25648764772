//! Rows cut into parts that lie close together, by halving.

use super::numbers::Numbers;

/// Rows looked at to find the widest column.
const SAMPLE_ROWS: usize = 256;

/// What becomes of some rows.
pub(super) enum Part<'a> {
    /// All have the same values in every column.
    Equal(&'a mut [usize]),
    /// No more than asked for.
    Few(&'a mut [usize]),
    /// Cut at the median of the column that spreads most; equal values go by row number.
    Halves(&'a mut [usize], &'a mut [usize]),
}

/// Cuts `rows`, at least one, if there are more than `few` and they differ. The lower half is a multiple of
/// `few`.
pub(super) fn part<'a>(columns: &[Numbers], rows: &'a mut [usize], few: usize) -> Part<'a> {
    let step = rows.len().div_ceil(SAMPLE_ROWS);
    let mut widest = widest(columns, rows.iter().step_by(step));
    if widest.is_none() && step > 1 {
        widest = self::widest(columns, rows.iter());
    }
    let Some(column) = widest else { return Part::Equal(rows) };
    if rows.len() <= few {
        return Part::Few(rows);
    }
    let mut keys: Vec<(f64, usize)> = rows.iter().map(|&row| (column.at(row), row)).collect();
    let middle = (rows.len() / 2).next_multiple_of(few);
    keys.select_nth_unstable_by(middle, |x, y| x.0.total_cmp(&y.0).then(x.1.cmp(&y.1)));
    for (row, key) in rows.iter_mut().zip(keys) {
        *row = key.1;
    }
    let (lower, upper) = rows.split_at_mut(middle);
    Part::Halves(lower, upper)
}

/// The column with the widest range over these rows; none when all rows are equal.
fn widest<'a>(columns: &[Numbers<'a>], rows: impl Iterator<Item = &'a usize> + Clone) -> Option<Numbers<'a>> {
    let mut widest = (0.0, None);
    for column in columns {
        let (low, high) = rows.clone().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &row| {
            let value = column.at(row);
            (value.min(low), value.max(high))
        });
        if high - low > widest.0 {
            widest = (high - low, Some(*column));
        }
    }
    widest.1
}
