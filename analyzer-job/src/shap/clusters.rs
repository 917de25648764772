//! A baseline made from the dataset: the centres of clusters of its rows.
//!
//! k-means when all features are numbers, k-prototypes when some are categories. Distances are taken
//! on standardised numbers, a different category counts as half a squared standard deviation.

use std::collections::HashMap;

use plumbline_common::stop::Stop;
use plumbline_common::{Problem, Result, codes};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::baseline::fit;
use super::kinds::{Kind, kind, value_counts};
use super::summary::{finite, sample, unit};
use crate::values::cells::{Cells, ModelRows, Value};
use crate::values::table::Values;

/// Rows that are clustered; more are sampled.
const MOST_ROWS: usize = 20_000;
/// Largest number of clusters when none is given.
pub(crate) const MOST_CLUSTERS: usize = 12;
/// Weight of a mismatch: half the mean standard deviation, which is 1.
const MISMATCH: f64 = 0.5;
const STARTS: usize = 10;
const MOST_ROUNDS: usize = 100;
/// How often the stop flag is looked at.
const ROWS_BETWEEN_CHECKS: usize = 512;
/// One cluster does, when two leave more than this share of its inertia.
const ONE_CLUSTER: f64 = 0.9;

/// A row as points of a space: standardised numbers (NaN for missing and infinite ones) and categories.
struct Space {
    numeric: Vec<usize>,
    categorical: Vec<usize>,
    /// By which the numbers of each column are divided.
    units: Vec<f64>,
    /// `[row][numeric]`, standardised.
    points: Vec<Vec<f64>>,
    /// `[row][categorical]`, cell numbers.
    codes: Vec<Vec<u32>>,
    means: Vec<f64>,
    deviations: Vec<f64>,
}

#[derive(Clone)]
struct Centre {
    point: Vec<f64>,
    codes: Vec<u32>,
}

struct Clustering {
    inertia: f64,
    centres: Vec<Centre>,
    /// Rows in each cluster.
    sizes: Vec<usize>,
}

/// Rows that stand for the dataset, the one of the largest cluster first.
///
/// `count`: number of clusters; none: the elbow of the inertia over 1 to 12. A number is the mean of its
/// cluster without nulls and infinite numbers, a category its most frequent value. `types`: the columns of the features, for
/// the type of a number.
///
/// # Errors
/// No rows; free text, which has no centre; being stopped.
pub fn from_clusters(
    count: Option<usize>,
    rows: &ModelRows,
    types: &[&Values],
    names: &[String],
    cells: &mut Cells,
    seed: u64,
    stop: &Stop,
) -> Result<ModelRows> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let space = Space::of(rows, names, cells, &mut random)?;
    let distinct = space.distinct();
    let best = match count {
        Some(count) => space.best_of(count.clamp(1, distinct), &mut random, stop)?,
        None => {
            let all = (1..=MOST_CLUSTERS.min(distinct)).map(|k| space.best_of(k, &mut random, stop));
            let all = all.collect::<Result<Vec<Clustering>>>()?;
            let inertia: Vec<f64> = all.iter().map(|clustering| clustering.inertia).collect();
            all.into_iter().nth(elbow(&inertia)).ok_or_else(no_rows)?
        }
    };
    let mut order: Vec<usize> = (0..best.centres.len()).filter(|&k| best.sizes[k] > 0).collect();
    order.sort_by_key(|&k| std::cmp::Reverse(best.sizes[k]));
    let mut baseline = ModelRows::new(rows.n_features);
    for k in order {
        let mut ids = vec![0; rows.n_features];
        for (place, &feature) in space.numeric.iter().enumerate() {
            let standardised = best.centres[k].point[place];
            let value = if standardised.is_nan() {
                Value::Null
            } else {
                let centre = space.means[place] + standardised * space.deviations[place];
                Value::Float((centre * space.units[place]).clamp(f64::MIN, f64::MAX))
            };
            ids[feature] = cells.intern(&fit(value, types[feature]));
        }
        for (place, &feature) in space.categorical.iter().enumerate() {
            ids[feature] = best.centres[k].codes[place];
        }
        baseline.push(&ids);
    }
    Ok(baseline)
}

fn no_rows() -> Problem {
    Problem::new(&codes::BASELINE_INVALID, "no rows to make a baseline from").field("methods.shap.baseline")
}

/// Position of the number of clusters beyond which more of them help little: the largest distance of the
/// curve to the line from its first to its last point; the first when even two clusters help little.
fn elbow(inertia: &[f64]) -> usize {
    let last = inertia.len().saturating_sub(1);
    if last == 0 || inertia[1] > ONE_CLUSTER * inertia[0] {
        return 0;
    }
    // Both axes from 0 to 1; the chord falls from (0, 1) to (1, 0).
    let range = inertia[0] - inertia[last];
    let below = |k: usize| 1.0 - k as f64 / last as f64 - (inertia[k] - inertia[last]) / range;
    (0..=last).fold(0, |best, k| if below(k) > below(best) + 1e-12 { k } else { best }).max(1)
}

impl Space {
    fn of(rows: &ModelRows, names: &[String], cells: &Cells, random: &mut impl Rng) -> Result<Space> {
        if rows.is_empty() {
            return Err(no_rows());
        }
        let (mut numeric, mut categorical) = (Vec::new(), Vec::new());
        for (feature, name) in names.iter().enumerate() {
            match kind(&value_counts(rows, cells, feature), cells) {
                Kind::Numerical => numeric.push(feature),
                Kind::Categorical => categorical.push(feature),
                Kind::FreeText => {
                    return Err(Problem::new(&codes::BASELINE_INVALID, "free text has no typical value")
                        .field("methods.shap.baseline")
                        .found(format!("free text in `{name}`"))
                        .hint("give the baseline, with the text to use in place of the row's"));
                }
            }
        }
        let used: Vec<usize> = if rows.len() <= MOST_ROWS {
            (0..rows.len()).collect()
        } else {
            sample(rows.len(), MOST_ROWS, random)
        };
        let value = |row: usize, feature: usize| finite(cells.value(rows.row(row)[feature]));
        let (mut units, mut means, mut deviations) = (Vec::new(), Vec::new(), Vec::new());
        for &feature in &numeric {
            let mut known: Vec<f64> = used.iter().filter_map(|&row| value(row, feature)).collect();
            let unit = unit(known.iter().copied());
            known.iter_mut().for_each(|value| *value /= unit);
            let n = known.len().max(1) as f64;
            let mean = known.iter().sum::<f64>() / n;
            let deviation = (known.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n).sqrt();
            units.push(unit);
            means.push(mean);
            deviations.push(if deviation > 0.0 { deviation } else { 1.0 });
        }
        let point = |row: &usize| -> Vec<f64> {
            let standardise = |(place, &feature): (usize, &usize)| {
                let standardised = |value: f64| (value / units[place] - means[place]) / deviations[place];
                value(*row, feature).map_or(f64::NAN, standardised)
            };
            numeric.iter().enumerate().map(standardise).collect()
        };
        let code = |row: &usize| categorical.iter().map(|&feature| rows.row(*row)[feature]).collect();
        let (points, codes) = (used.iter().map(point).collect(), used.iter().map(code).collect());
        Ok(Space { numeric, categorical, units, points, codes, means, deviations })
    }

    /// Number of different rows, at most `MOST_CLUSTERS` of them counted beyond need.
    fn distinct(&self) -> usize {
        let mut seen = std::collections::HashSet::new();
        for (point, codes) in self.points.iter().zip(&self.codes) {
            seen.insert((point.iter().map(|value| value.to_bits()).collect::<Vec<_>>(), codes));
        }
        seen.len().max(1)
    }

    fn centre_at(&self, row: usize) -> Centre {
        Centre { point: self.points[row].clone(), codes: self.codes[row].clone() }
    }

    /// Squared distance; a missing number on either side counts as no distance.
    fn distance(&self, row: usize, centre: &Centre) -> f64 {
        let numbers: f64 = self.points[row]
            .iter()
            .zip(&centre.point)
            .map(|(a, b)| (a - b).powi(2))
            .filter(|square| !square.is_nan())
            .sum();
        let mismatches = self.codes[row].iter().zip(&centre.codes).filter(|(a, b)| a != b).count();
        numbers + MISMATCH * mismatches as f64
    }

    fn nearest(&self, row: usize, centres: &[Centre]) -> (usize, f64) {
        let mut best = (0, f64::INFINITY);
        for (k, centre) in centres.iter().enumerate() {
            let distance = self.distance(row, centre);
            if distance < best.1 {
                best = (k, distance);
            }
        }
        best
    }

    /// The best of several starts.
    fn best_of(&self, k: usize, random: &mut impl Rng, stop: &Stop) -> Result<Clustering> {
        let starts = if k == 1 { 1 } else { STARTS };
        let mut best = self.cluster(k, random, stop)?;
        for _ in 1..starts {
            let other = self.cluster(k, random, stop)?;
            if other.inertia < best.inertia {
                best = other;
            }
        }
        Ok(best)
    }

    /// k-means++ and then rounds of assignment and new centres until nothing moves.
    fn cluster(&self, k: usize, random: &mut impl Rng, stop: &Stop) -> Result<Clustering> {
        let rows = self.points.len();
        let mut centres = vec![self.centre_at(random.random_range(0..rows))];
        let mut nearest: Vec<f64> = (0..rows).map(|row| self.distance(row, &centres[0])).collect();
        while centres.len() < k {
            stop.check()?;
            let total: f64 = nearest.iter().sum();
            let mut point = random.random::<f64>() * total;
            let mut pick = rows - 1;
            for (row, distance) in nearest.iter().enumerate() {
                if *distance > 0.0 && point < *distance {
                    pick = row;
                    break;
                }
                point -= distance;
            }
            let centre = self.centre_at(pick);
            for (row, distance) in nearest.iter_mut().enumerate() {
                *distance = distance.min(self.distance(row, &centre));
            }
            centres.push(centre);
        }
        let mut members = vec![usize::MAX; rows];
        let mut inertia = f64::INFINITY;
        let mut sizes = vec![0; k];
        for _ in 0..MOST_ROUNDS {
            let mut moved = false;
            inertia = 0.0;
            sizes.fill(0);
            for (row, member) in members.iter_mut().enumerate() {
                if row.is_multiple_of(ROWS_BETWEEN_CHECKS) {
                    stop.check()?;
                }
                let (cluster, distance) = self.nearest(row, &centres);
                moved |= cluster != *member;
                *member = cluster;
                sizes[cluster] += 1;
                inertia += distance;
            }
            if !moved {
                break;
            }
            self.move_centres(&mut centres, &members);
        }
        Ok(Clustering { inertia, centres, sizes })
    }

    /// Means without missing numbers, and the most frequent category, the first seen of equals.
    fn move_centres(&self, centres: &mut [Centre], members: &[usize]) {
        for (k, centre) in centres.iter_mut().enumerate() {
            let own =
                || members.iter().enumerate().filter(move |(_, member)| **member == k).map(|(row, _)| row);
            if own().next().is_none() {
                continue;
            }
            for (place, value) in centre.point.iter_mut().enumerate() {
                let known = own().map(|row| self.points[row][place]).filter(|value| !value.is_nan());
                let (sum, count) = known.fold((0.0, 0usize), |(sum, count), value| (sum + value, count + 1));
                *value = if count == 0 { f64::NAN } else { sum / count as f64 };
            }
            for (place, code) in centre.codes.iter_mut().enumerate() {
                let mut counts: HashMap<u32, (usize, std::cmp::Reverse<usize>)> = HashMap::new();
                for (order, row) in own().enumerate() {
                    counts.entry(self.codes[row][place]).or_insert((0, std::cmp::Reverse(order))).0 += 1;
                }
                // Counts and first places differ between codes, so the largest is one only.
                if let Some((most, _)) = counts.into_iter().max_by_key(|(_, rank)| *rank) {
                    *code = most;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::table::Texts;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|i| format!("f{i}")).collect()
    }

    /// Three clouds far apart of 30, 20 and 10 rows, each with its own colour but for one row.
    fn clouds(cells: &mut Cells) -> ModelRows {
        let mut rows = ModelRows::new(2);
        for (size, centre, colour) in [(10, 50.0, "blue"), (30, 0.0, "red"), (20, 20.0, "green")] {
            for i in 0..size {
                let value = centre + (i as f64 - (size - 1) as f64 / 2.0) / 100.0;
                let colour = if i == 0 { "odd" } else { colour };
                let row = [cells.intern(&Value::Float(value)), cells.intern(&Value::Text(colour.into()))];
                rows.push(&row);
            }
        }
        rows
    }

    #[test]
    fn elbow_finds_the_clusters_and_sorts_them_by_size() {
        let mut cells = Cells::default();
        let rows = clouds(&mut cells);
        let (numbers, texts) = (Values::Float(vec![]), Values::Text(Texts::default()));
        let types = [&numbers, &texts];
        let got = from_clusters(None, &rows, &types, &names(2), &mut cells, 0, &Stop::default()).unwrap();
        let centres: Vec<(f64, &Value)> =
            got.rows().map(|row| (finite(cells.value(row[0])).unwrap(), cells.value(row[1]))).collect();
        assert_eq!(centres.len(), 3);
        for ((value, colour), (want, want_colour)) in
            centres.iter().zip([(0.0, "red"), (20.0, "green"), (50.0, "blue")])
        {
            assert!((value - want).abs() < 1e-9, "{value}");
            assert_eq!(*colour, &Value::Text(want_colour.into()));
        }
        let again = from_clusters(None, &rows, &types, &names(2), &mut cells, 0, &Stop::default()).unwrap();
        assert_eq!(again, got);
    }

    #[test]
    fn infinite_and_huge_numbers_leave_a_finite_centre() {
        let one = |values: &[f64]| {
            let mut cells = Cells::default();
            let mut rows = ModelRows::new(1);
            for value in values {
                let id = cells.intern(&Value::Float(*value));
                rows.push(&[id]);
            }
            let column = Values::Float(vec![]);
            let stop = Stop::default();
            let got = from_clusters(Some(1), &rows, &[&column], &names(1), &mut cells, 0, &stop).unwrap();
            cells.value(got.row(0)[0]).clone()
        };
        for infinite in [f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(one(&[1.0, infinite, 4.0]), Value::Float(2.5));
            assert_eq!(one(&[infinite, infinite]), Value::Null);
        }
        assert_eq!(one(&[f64::MAX, f64::MAX]), Value::Float(f64::MAX));
        let Value::Float(middle) = one(&[f64::MAX, -f64::MAX, 2e300]) else { panic!("a number") };
        assert!((middle / 2e300 - 1.0 / 3.0).abs() < 1e-6, "{middle}");
    }

    #[test]
    fn one_cluster_is_the_mean_without_nulls() {
        let mut cells = Cells::default();
        let mut rows = ModelRows::new(1);
        for value in [Value::Float(1.0), Value::Null, Value::Float(4.0)] {
            let id = cells.intern(&value);
            rows.push(&[id]);
        }
        let got = from_clusters(
            Some(1),
            &rows,
            &[&Values::Float(vec![])],
            &names(1),
            &mut cells,
            0,
            &Stop::default(),
        )
        .unwrap();
        assert_eq!(got.len(), 1);
        assert_eq!(cells.value(got.row(0)[0]), &Value::Float(2.5));
    }

    #[test]
    fn more_clusters_than_different_rows_are_not_made() {
        let mut cells = Cells::default();
        let id = [cells.intern(&Value::Int(3)), cells.intern(&Value::Int(5))];
        let rows = ModelRows { n_features: 1, ids: [id[0], id[1], id[0]].to_vec() };
        let got = from_clusters(
            Some(7),
            &rows,
            &[&Values::Int(vec![])],
            &names(1),
            &mut cells,
            0,
            &Stop::default(),
        )
        .unwrap();
        assert_eq!(got.ids, id);
    }

    #[test]
    fn elbow_of_a_straight_curve_and_of_no_gain() {
        assert_eq!(elbow(&[10.0]), 0);
        assert_eq!(elbow(&[10.0, 9.5, 9.0]), 0);
        assert_eq!(elbow(&[10.0, 2.0, 1.0, 0.9, 0.8]), 1);
    }
}
