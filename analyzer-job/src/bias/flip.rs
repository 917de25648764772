//! The flip test: is a row of the sensitive group predicted as its nearest neighbours in the rest are?

use plumbline_common::stop::Stop;
use plumbline_common::{Problem, Result};
use rayon::prelude::*;

use super::neighbours::{Index, bunches};
use super::numbers::Numbers;
use crate::values::table::{Column, Values};

/// Rows of the sensitive group by what the model and their neighbours say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flips {
    /// Predicted positive, most neighbours negative.
    pub only_model_positive: u64,
    /// Predicted negative, most neighbours positive.
    pub only_neighbours_positive: u64,
    /// All rows of the sensitive group; at least 1.
    pub rows: u64,
}

impl Flips {
    /// Flip test (FT): `(only_model_positive - only_neighbours_positive) / rows`.
    ///
    /// Range [-1, 1], 0 is parity, negative when the model is less kind to the group than to its
    /// neighbours. This is the sign that the hosted service prints; its guide describes the opposite.
    pub fn value(&self) -> f64 {
        (self.only_model_positive as f64 - self.only_neighbours_positive as f64) / self.rows as f64
    }
}

/// The counts of a flip test, or why there are none.
pub type FlipOutcome = std::result::Result<Flips, String>;

/// Compares the rows of the sensitive group (`facet` true) with their nearest neighbours in the rest.
///
/// Neighbours are the 5 (with at most 9 rows in the rest: 1) nearest by Euclidean distance over the features
/// as they are, without scaling; among equal distances those of lower row number. They vote by their own
/// predictions. Truth values count as 0 and 1.
///
/// All slices and columns have one entry per row. Memory: 12 bytes per feature, and 12, for each row of the
/// rest; 16 more for each row while they are sorted. Time: at worst (rows of the group) x (rows of the rest) distances; data with structure need few.
///
/// # Errors
/// `STOPPED`. Inside: an empty group, no features, text, missing or infinite values.
pub fn flip_test(
    features: &[&Column],
    facet: &[bool],
    predicted: &[bool],
    stop: &Stop,
) -> Result<FlipOutcome> {
    let (mut group, rest): (Vec<usize>, Vec<usize>) = (0..facet.len()).partition(|&row| facet[row]);
    let columns = match usable(features, group.len(), rest.len()) {
        Ok(columns) => columns,
        Err(reason) => return Ok(Err(reason)),
    };
    let k = neighbours(rest.len());
    let index = Index::new(&columns, rest, &[], k, stop)?;
    let flips = bunches(&columns, &mut group, stop)?
        .par_iter()
        .map(|bunch| {
            let mut flips = (0, 0);
            for (&row, nearest) in bunch.rows.iter().zip(index.nearest(bunch, stop)?) {
                let positive = nearest.rows().filter(|&neighbour| predicted[neighbour]).count();
                match (predicted[row], 2 * positive > k) {
                    (true, false) => flips.0 += 1,
                    (false, true) => flips.1 += 1,
                    _ => {}
                }
            }
            Ok::<_, Problem>(flips)
        })
        .try_reduce(|| (0, 0), |x, y| Ok((x.0 + y.0, x.1 + y.1)))?;
    Ok(Ok(Flips {
        only_model_positive: flips.0,
        only_neighbours_positive: flips.1,
        rows: group.len() as u64,
    }))
}

/// Neighbours that vote, by the rows of the rest.
fn neighbours(rest: usize) -> usize {
    if rest > 9 { MOST_NEIGHBOURS } else { 1 }
}

const MOST_NEIGHBOURS: usize = 5;
/// From this many small groups on, one search among all rows is less work than one among the rest of each.
const MANY_GROUPS: usize = 3;
/// Groups of at most this share of the rows are small: the rows of the own group, which are passed over in that search, are
/// few wherever they lie.
const SMALL_SHARE: usize = 16;

/// The flip test of several groups: `classes` of the rows, and for each group the class of its rows, none for a group
/// without rows. As `flip_test` of each, in one search for many.
///
/// # Errors
/// As `flip_test`.
pub fn flip_tests(
    features: &[&Column],
    classes: &[u32],
    groups: &[Option<u32>],
    predicted: &[bool],
    stop: &Stop,
) -> Result<Vec<FlipOutcome>> {
    let n_rows = classes.len();
    let mut sizes = vec![0_usize; classes.iter().max().map_or(0, |last| *last as usize + 1)];
    classes.iter().for_each(|&class| sizes[class as usize] += 1);
    let size = |group: Option<u32>| group.and_then(|class| sizes.get(class as usize)).copied().unwrap_or(0);
    let is_shared = |group: Option<u32>| (1..=n_rows / SMALL_SHARE).contains(&size(group));
    let shared = if groups.iter().filter(|group| is_shared(**group)).count() < MANY_GROUPS {
        None
    } else {
        usable(features, 1, 1).ok().map(|columns| all_flips(&columns, classes, &sizes, predicted, stop))
    };
    let shared = shared.transpose()?;
    groups
        .iter()
        .map(|&group| match (&shared, group) {
            (Some(shared), Some(class)) if is_shared(group) => Ok(Ok(shared[class as usize])),
            _ => {
                let reason = usable(features, size(group), n_rows - size(group)).err();
                match reason {
                    Some(reason) => Ok(Err(reason)),
                    None => {
                        let facet: Vec<bool> = classes.iter().map(|class| Some(*class) == group).collect();
                        flip_test(features, &facet, predicted, stop)
                    }
                }
            }
        })
        .collect()
}

/// The flips of every class against the rows of all others, right for small classes: there are enough others for all
/// neighbours.
fn all_flips(
    columns: &[Numbers],
    classes: &[u32],
    sizes: &[usize],
    predicted: &[bool],
    stop: &Stop,
) -> Result<Vec<Flips>> {
    let index = Index::new(columns, (0..classes.len()).collect(), classes, MOST_NEIGHBOURS, stop)?;
    let mut rows: Vec<usize> = (0..classes.len()).collect();
    let found: Vec<Vec<(u32, bool)>> = bunches(columns, &mut rows, stop)?
        .par_iter()
        .map(|bunch| {
            let voted = bunch.rows.iter().zip(index.nearest(bunch, stop)?);
            let flipped = voted.filter_map(|(&row, nearest)| {
                let positive = nearest.rows().filter(|&neighbour| predicted[neighbour]).count();
                (predicted[row] != (2 * positive > MOST_NEIGHBOURS)).then_some((classes[row], predicted[row]))
            });
            Ok(flipped.collect())
        })
        .collect::<Result<_>>()?;
    let mut flips: Vec<Flips> = sizes
        .iter()
        .map(|&rows| Flips { only_model_positive: 0, only_neighbours_positive: 0, rows: rows as u64 })
        .collect();
    for (class, by_model) in found.into_iter().flatten() {
        let flips = &mut flips[class as usize];
        flips.only_model_positive += u64::from(by_model);
        flips.only_neighbours_positive += u64::from(!by_model);
    }
    Ok(flips)
}

/// Why the flip test has no value for these features, whatever the groups and predictions are; none when it has one.
pub(crate) fn unusable(features: &[&Column]) -> Option<String> {
    usable(features, 1, 1).err()
}

/// The features as numbers, or what stands against it. The first words of each reason are those of the
/// hosted service.
fn usable<'a>(
    features: &[&'a Column],
    group: usize,
    rest: usize,
) -> std::result::Result<Vec<Numbers<'a>>, String> {
    if group == 0 {
        return Err("Facet set is empty".into());
    }
    if rest == 0 {
        return Err("Negated Facet set is empty".into());
    }
    if features.is_empty() {
        return Err(
            "Found array with 0 feature(s): the flip test needs a column beside facet and labels".into()
        );
    }
    let mut columns = Vec::with_capacity(features.len());
    for feature in features {
        columns.push(match &feature.values {
            Values::Int(values) => Numbers::Int(values),
            Values::Float(values) => Numbers::Float(values),
            Values::Bool(values) => Numbers::Bool(values),
            Values::Text(_) => return Err("FlipTest does not support non-numeric columns".into()),
        });
    }
    for (feature, column) in features.iter().zip(&columns) {
        let Numbers::Float(values) = column else { continue };
        if values.iter().any(|value| value.is_nan()) {
            return Err(format!(
                "Input X contains NaN. Column `{}` has missing values; fill them, or leave the column out",
                feature.name
            ));
        }
        if values.iter().any(|value| value.is_infinite()) {
            return Err(format!(
                "Input X contains infinity or a value too large for dtype('float64'). It is in column `{}`",
                feature.name
            ));
        }
    }
    Ok(columns)
}

#[cfg(test)]
#[path = "tests/flip.rs"]
mod tests;
