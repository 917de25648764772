//! The quantile sketch of the hosted service (KLL without randomness), item for item.
//!
//! Items lie in levels; an item of level h stands for 2^h rows. A level that is full is sorted and every second
//! item goes up. Source of the rules: the open library that the hosted service is built on, in the class
//! `QuantileNonSample`; see `docs/data-quality.md`.

use serde::{Deserialize, Serialize};

/// Items that the lowest level holds at most, before it is rounded up to pairs.
const K: f64 = 2048.0;
/// Each level above holds this share of the one below.
const C: f64 = 0.64;
/// A sketch of 2^53 values has fewer levels.
const MOST_LEVELS: usize = 54;

/// A sketch of numbers. Row order matters; the sum of all weights is the number of rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub struct Kll {
    levels: Vec<Level>,
    /// Items in all levels.
    #[serde(skip)]
    items: usize,
    /// What all levels hold together.
    #[serde(skip)]
    capacity: usize,
}

/// A sketch in a file, without what follows from its levels.
#[derive(Deserialize)]
struct Stored {
    levels: Vec<Level>,
}

impl From<Stored> for Kll {
    fn from(Stored { levels }: Stored) -> Kll {
        let mut out = Kll {
            items: levels.iter().map(|level| level.items.len()).sum(),
            capacity: (0..levels.len()).map(capacity).sum(),
            levels,
        };
        out.shrink();
        out
    }
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Level {
    /// In the order they came.
    items: Vec<f64>,
    compactions: u64,
    /// Which of each pair went up last: the first (0) or the second (1).
    offset: usize,
}

impl Default for Kll {
    fn default() -> Kll {
        Kll { levels: vec![Level::default()], items: 0, capacity: capacity(0) }
    }
}

/// 2050, 1314, 842, 540, 346, ...
fn capacity(level: usize) -> usize {
    2 * ((K * C.powi(i32::try_from(level).unwrap_or(i32::MAX)) / 2.0).ceil() as usize + 1)
}

/// Room for so many more items is made at once in the lowest level: a run may have thousands of sketches, so none has much more
/// than it needs. What is given back holds the items of another sketch's next level.
fn more(items: usize) -> usize {
    let half = (capacity(0) + 1).div_ceil(2);
    match items {
        _ if items < 16 => 16,
        _ if 4 * items < half => 3 * items,
        _ if items < half => half - items,
        _ => half / 4,
    }
}

impl Kll {
    pub fn update(&mut self, value: f64) {
        let items = &mut self.levels[0].items;
        if items.len() == items.capacity() {
            items.reserve_exact(more(items.len()));
        }
        items.push(value);
        self.items += 1;
        if self.items > self.capacity {
            self.condense();
        }
    }

    /// Appends another sketch level by level. The result depends on the order, and is not that of one sketch over
    /// all rows; ranks stay within the bound of the larger of the two.
    pub fn merge(&mut self, other: &Kll) {
        while self.levels.len() < other.levels.len() {
            self.add_level();
        }
        for (level, more) in self.levels.iter_mut().zip(&other.levels) {
            level.items.extend_from_slice(&more.items);
        }
        self.items += other.items;
        while self.items >= self.capacity && self.condense() {}
    }

    /// Compacts the lowest level that is full. False when there is none.
    fn condense(&mut self) -> bool {
        let full = (0..self.levels.len()).find(|&at| self.levels[at].items.len() >= capacity(at));
        let Some(at) = full else { return false };
        if at + 1 == self.levels.len() {
            self.add_level();
        }
        let (below, above) = self.levels.split_at_mut(at + 1);
        let before = below[at].items.len() + above[0].items.len();
        below[at].compact(&mut above[0].items);
        self.items -= before - below[at].items.len() - above[0].items.len();
        true
    }

    /// The same sketch with the items of each level in ascending order: ranks are equal, and files are smaller.
    pub fn in_order(&self) -> Kll {
        let mut out = self.clone();
        out.levels.iter_mut().for_each(|level| level.items.sort_unstable_by(f64::total_cmp));
        out
    }

    /// Whether a sketch that was read from a file is one of so many values.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn check(&self, values: u64) -> Result<(), String> {
        if self.levels.is_empty() || self.levels.len() > MOST_LEVELS {
            return Err(format!("a sketch of {} levels", self.levels.len()));
        }
        let mut weight = 0u64;
        for (at, level) in self.levels.iter().enumerate() {
            let numbers = level.items.iter().all(|item| item.is_finite());
            if level.offset > 1 || level.compactions == u64::MAX || !numbers {
                return Err("a sketch that holds something else than numbers".into());
            }
            let stands_for = (level.items.len() as u64).checked_mul(1 << at);
            weight = stands_for.and_then(|n| weight.checked_add(n)).ok_or("a sketch of too many values")?;
        }
        if weight != values {
            return Err(format!("a sketch of {weight} values, expected {values}"));
        }
        Ok(())
    }

    /// Gives back the room for more items.
    pub(super) fn shrink(&mut self) {
        self.levels.iter_mut().for_each(|level| level.items.shrink_to_fit());
    }

    /// The items of each level, lowest first, without a copy.
    pub fn into_data(self) -> Vec<Vec<f64>> {
        self.levels.into_iter().map(|level| level.items).collect()
    }

    fn add_level(&mut self) {
        self.capacity += capacity(self.levels.len());
        self.levels.push(Level::default());
    }

    /// The items of each level, lowest first.
    pub fn data(&self) -> impl ExactSizeIterator<Item = &[f64]> {
        self.levels.iter().map(|level| level.items.as_slice())
    }

    /// All items with their weights by value: what ranks are made of.
    pub fn weights(&self) -> Weights {
        Weights::of(self.data())
    }
}

impl Level {
    /// Every second of the sorted items goes up; an odd last item, in the order they came, stays.
    fn compact(&mut self, above: &mut Vec<f64>) {
        let pairs = self.items.len() / 2 * 2;
        if self.compactions % 2 == 1 {
            self.offset = 1 - self.offset;
        }
        self.compactions += 1;
        self.items[..pairs].sort_unstable_by(f64::total_cmp);
        above.reserve_exact(pairs / 2);
        above.extend(self.items[..pairs].iter().skip(self.offset).step_by(2));
        self.items.drain(..pairs);
    }
}

/// The standard deviation of a sketch's ranks about the true ones, as a share of so many rows; 0 while it holds every row.
/// Each compaction of level h moves the rank of a value between the two items of a pair by 2^h rows, up or down, and of two
/// compactions in turn one takes the first and one the second items: a variance of 4^h / 4 each. How often each level is
/// compacted hangs on the number of rows alone. From 10 million rows on it grows by less than a tenth for three times the
/// rows, and counts as it is there.
pub fn rank_error(rows: f64) -> f64 {
    const MOST: usize = 10_000_000;
    let rows = (rows as usize).min(MOST);
    let (mut levels, mut total, mut items, mut left) = (vec![0_usize], capacity(0), 0, rows);
    let mut variance = 0.0;
    while left > 0 {
        let more = left.min(total - items + 1);
        (levels[0], items, left) = (levels[0] + more, items + more, left - more);
        if items <= total {
            break;
        }
        let Some(at) = (0..levels.len()).find(|&at| levels[at] >= capacity(at)) else { continue };
        if at + 1 == levels.len() {
            total += capacity(levels.len());
            levels.push(0);
        }
        let up = levels[at] / 2;
        (levels[at], levels[at + 1], items) = (levels[at] % 2, levels[at + 1] + up, items - up);
        variance += 4f64.powi(at as i32) / 4.0;
    }
    variance.sqrt() / rows.max(1) as f64
}

/// Distinct values in ascending order with the rows they stand for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Weights {
    pub values: Vec<f64>,
    /// Rows that are at most the value of the same place.
    pub up_to: Vec<f64>,
}

impl Weights {
    /// Of the levels of a sketch, also one that was read from a file.
    pub fn of<'a>(levels: impl Iterator<Item = &'a [f64]>) -> Weights {
        let mut items: Vec<(f64, f64)> = Vec::new();
        for (level, values) in levels.enumerate() {
            let weight = 2f64.powi(i32::try_from(level).unwrap_or(i32::MAX));
            items.extend(values.iter().map(|&value| (value, weight)));
        }
        Weights::of_counts(items)
    }

    /// Of values and how often each stands there, in any order.
    pub fn of_counts(mut items: Vec<(f64, f64)>) -> Weights {
        items.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let mut out = Weights::default();
        let mut sum = 0.0;
        for (value, weight) in items {
            sum += weight;
            match (out.values.last(), out.up_to.last_mut()) {
                (Some(&last), Some(up_to)) if last == value => *up_to = sum,
                _ => {
                    out.values.push(value);
                    out.up_to.push(sum);
                }
            }
        }
        out
    }

    /// Rows in all.
    pub fn total(&self) -> f64 {
        self.up_to.last().copied().unwrap_or(0.0)
    }

    /// Rows below a value.
    pub fn below(&self, value: f64) -> f64 {
        self.before(self.values.partition_point(|&other| other < value))
    }

    /// Rows not above a value.
    pub fn at_most(&self, value: f64) -> f64 {
        self.before(self.values.partition_point(|&other| other <= value))
    }

    fn before(&self, place: usize) -> f64 {
        place.checked_sub(1).map_or(0.0, |last| self.up_to[last])
    }

    /// The smallest value that at least this share (0 to 1) of the rows does not exceed; `None` without rows.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let wanted = share * self.total();
        let place = self.up_to.partition_point(|&up_to| up_to < wanted);
        self.values.get(place.min(self.values.len().checked_sub(1)?)).copied()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Against ranks of the values themselves, of one sketch and of the sum of several.
    #[test]
    fn ranks_are_wrong_by_as_much_as_is_said() {
        use rand::{RngExt as _, SeedableRng as _};

        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        assert_eq!(rank_error(2000.0), 0.0);
        for (rows, parts) in [(20_000_u32, 1), (100_000, 1), (100_000, 10)] {
            let mut errors = Vec::new();
            for _ in 0..12 {
                let mut values: Vec<f64> = (0..rows).map(|_| random.random()).collect();
                let mut sketch = Kll::default();
                for part in values.chunks((rows / parts) as usize) {
                    let mut more = Kll::default();
                    part.iter().for_each(|&value| more.update(value));
                    if parts == 1 { sketch = more } else { sketch.merge(&more) }
                }
                let weights = sketch.weights();
                values.sort_unstable_by(f64::total_cmp);
                for share in 1..50 {
                    let value = f64::from(share) / 50.0;
                    let rank = values.partition_point(|&other| other <= value) as f64;
                    errors.push((weights.at_most(value) - rank) / f64::from(rows));
                }
            }
            let found = (errors.iter().map(|error| error * error).sum::<f64>() / errors.len() as f64).sqrt();
            let ratio = found / rank_error(f64::from(rows));
            assert!((0.7..1.4).contains(&ratio), "{rows} in {parts}: {ratio}");
        }
    }

    #[test]
    fn capacities_are_those_of_the_rule() {
        let capacities: Vec<usize> = (0..6).map(capacity).collect();
        assert_eq!(capacities, [2050, 1314, 842, 540, 346, 222]);
    }

    /// The rule written down as it is said, without a count of items kept on the way.
    fn slow(values: &[f64]) -> Vec<Vec<f64>> {
        let mut levels: Vec<(Vec<f64>, u32, usize)> = vec![(Vec::new(), 0, 0)];
        for &value in values {
            levels[0].0.push(value);
            let items: usize = levels.iter().map(|level| level.0.len()).sum();
            let total: usize = (0..levels.len()).map(capacity).sum();
            if items <= total {
                continue;
            }
            for at in 0..levels.len() {
                if levels[at].0.len() < capacity(at) {
                    continue;
                }
                if at + 1 == levels.len() {
                    levels.push((Vec::new(), 0, 0));
                }
                let (items, times, offset) = &mut levels[at];
                if *times % 2 == 1 {
                    *offset = 1 - *offset;
                }
                *times += 1;
                let odd = if items.len() % 2 == 1 { items.pop() } else { None };
                items.sort_by(f64::total_cmp);
                let up: Vec<f64> = items
                    .iter()
                    .copied()
                    .enumerate()
                    .filter(|(i, _)| i % 2 == *offset)
                    .map(|i| i.1)
                    .collect();
                *items = odd.into_iter().collect();
                levels[at + 1].0.extend(up);
                break;
            }
        }
        levels.into_iter().map(|level| level.0).collect()
    }

    #[test]
    fn a_sketch_is_that_of_the_rule_said_slowly() {
        let values: Vec<f64> =
            (0..20_000u32).map(|i| f64::from(i.wrapping_mul(2_654_435_761) >> 12)).collect();
        for n in [0, 1, 2050, 2051, 5000, 20_000] {
            let mut kll = Kll::default();
            values[..n].iter().for_each(|&value| kll.update(value));
            let data: Vec<Vec<f64>> = kll.data().map(<[f64]>::to_vec).collect();
            assert_eq!(data, slow(&values[..n]), "{n} values");
        }
    }

    #[test]
    fn the_first_compaction_takes_every_second_of_the_sorted_items() {
        let mut kll = Kll::default();
        (0..2051).rev().for_each(|value| kll.update(f64::from(value)));
        // 2051 items: the last that came, 0, stays; of 1 to 2050 the odd ones go up.
        let data: Vec<&[f64]> = kll.data().collect();
        assert_eq!(data[0], [0.0]);
        assert_eq!(data[1].len(), 1025);
        assert!(data[1].iter().zip(0..).all(|(&value, at)| value == f64::from(2 * at + 1)));
    }

    /// A sketch of its own may be full; one that was put together may not.
    #[test]
    fn two_sketches_that_fill_one_are_condensed() {
        for (each, lengths) in [(1024, &[2048][..]), (1025, &[0, 1025])] {
            let (mut one, mut other) = (Kll::default(), Kll::default());
            (0..each).for_each(|value| one.update(f64::from(value)));
            (each..2 * each).for_each(|value| other.update(f64::from(value)));
            one.merge(&other);
            assert_eq!(one.data().map(<[f64]>::len).collect::<Vec<_>>(), lengths);
        }
    }

    proptest! {
        #[test]
        fn weights_add_up_to_the_rows_in_any_split(n in 0..9000usize, split in 0..9000usize) {
            let split = split.min(n);
            let value = |i: usize| ((i * 7919) % 1000) as f64;
            let (mut a, mut b) = (Kll::default(), Kll::default());
            (0..split).for_each(|i| a.update(value(i)));
            (split..n).for_each(|i| b.update(value(i)));
            a.merge(&b);
            prop_assert_eq!(a.weights().total(), n as f64);
            // Rank error of a sketch of this size is far below 2 %.
            if n > 0 {
                let below = (0..n).filter(|&i| value(i) < 500.0).count() as f64;
                prop_assert!((a.weights().below(500.0) - below).abs() <= 0.02 * n as f64);
            }
            let text = serde_json::to_string(&a).unwrap();
            prop_assert_eq!(serde_json::from_str::<Kll>(&text).unwrap(), a);
        }
    }
}
