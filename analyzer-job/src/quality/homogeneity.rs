//! Chance that two lists of counts of categories are so different if both come from one population.

use super::distance::{self, Counts, ln_gamma};

/// Expected rows of a cell, on the side with fewer rows, from which the chi-squared approximation holds.
const LEAST_EXPECTED: f64 = 5.0;

/// Pearson's test of homogeneity, and Fisher's exact test of the categories that are too rare for it.
///
/// A rare category shares a cell with others. Which ones is decided by the rows of both sides together, which say nothing of
/// a difference between the sides, so that chances stay true. What such a cell hides, a category that is new or has vanished,
/// the exact tests of its members find, one by one, for the number of which the smallest chance is adjusted; of both kinds of
/// tests the smaller chance counts twice (Bonferroni).
pub fn p_value(then: &Counts, now: &Counts) -> f64 {
    let categories = categories(then, now);
    let totals = sum(&categories);
    if categories.len() < 2 || totals.contains(&0.0) {
        return 1.0;
    }
    let cells = cells(&categories, totals);
    let rare: Vec<[f64; 2]> = cells.iter().filter(|cell| cell.len() > 1).flatten().copied().collect();
    let of_rare = rare
        .iter()
        .map(|category| exact(*category, totals))
        .reduce(f64::min)
        .map_or(1.0, |least| (least * rare.len() as f64).min(1.0));
    let cells: Vec<[f64; 2]> = cells.iter().map(|cell| sum(cell)).collect();
    let of_cells = match cells.as_slice() {
        // Both tests would be the same.
        _ if categories.len() == 2 => return exact(categories[0], totals),
        [_] => return of_rare,
        [one, _] => exact(*one, totals),
        cells => pearson(cells, totals),
    };
    if rare.is_empty() { of_cells } else { (2.0 * of_cells.min(of_rare)).min(1.0) }
}

/// Rows of each category on both sides, those with fewest rows first, in the order of the text where they are equal.
fn categories(then: &Counts, now: &Counts) -> Vec<[f64; 2]> {
    let keys: std::collections::BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    let count = |counts: &Counts, key: &str| counts.get(key).copied().unwrap_or(0.0);
    let mut out: Vec<[f64; 2]> = keys.into_iter().map(|key| [count(then, key), count(now, key)]).collect();
    out.retain(|[then, now]| then + now > 0.0);
    out.sort_by(|a, b| (a[0] + a[1]).total_cmp(&(b[0] + b[1])));
    out
}

fn sum(cells: &[[f64; 2]]) -> [f64; 2] {
    cells.iter().fold([0.0; 2], |sum, cell| [sum[0] + cell[0], sum[1] + cell[1]])
}

/// The categories, one to a cell, or several where they are rare.
fn cells(categories: &[[f64; 2]], totals: [f64; 2]) -> Vec<Vec<[f64; 2]>> {
    let smaller = totals[0].min(totals[1]) / (totals[0] + totals[1]);
    let is_large = |cell: &[[f64; 2]]| {
        let [then, now] = sum(cell);
        (then + now) * smaller >= LEAST_EXPECTED
    };
    let mut cells: Vec<Vec<[f64; 2]>> = Vec::new();
    let mut open: Vec<[f64; 2]> = Vec::new();
    for category in categories {
        // What is left of the rare ones makes no cell of a frequent one, unless there is no other.
        if is_large(&[*category])
            && let Some(last) = cells.last_mut()
        {
            last.append(&mut open);
        }
        open.push(*category);
        if is_large(&open) {
            cells.push(std::mem::take(&mut open));
        }
    }
    match cells.last_mut() {
        Some(last) => last.append(&mut open),
        None => cells.push(open),
    }
    cells
}

/// Source: Pearson's statistic of a table of two columns.
fn pearson(cells: &[[f64; 2]], [n, m]: [f64; 2]) -> f64 {
    let (up, down) = ((m / n).sqrt(), (n / m).sqrt());
    let statistic = cells.iter().map(|[x, y]| (x * up - y * down).powi(2) / (x + y)).sum();
    distance::chi_squared_p(statistic, (cells.len() - 1) as f64)
}

/// Chance that a category's rows are dealt to the sides as unevenly as this: twice the smaller tail of the hypergeometric
/// distribution.
/// Source: Fisher's exact test.
fn exact([then, now]: [f64; 2], [n, m]: [f64; 2]) -> f64 {
    let (all, of_category) = (n + m, then + now);
    let ln_choose = |n: f64, k: f64| ln_gamma(n + 1.0) - ln_gamma(k + 1.0) - ln_gamma(n - k + 1.0);
    let here = ln_choose(of_category, now) + ln_choose(all - of_category, m - now) - ln_choose(all, m);
    let here = here.exp();
    let is_above = now > of_category * m / all;
    // From here to the end of the tail, each chance from the one before.
    let (mut term, mut tail, mut x) = (here, here, now);
    while term > tail * 1e-17 {
        term *= if is_above {
            (of_category - x) * (m - x) / ((x + 1.0) * (all - of_category - m + x + 1.0))
        } else {
            x * (all - of_category - m + x) / ((of_category - x + 1.0) * (m - x + 1.0))
        };
        x += if is_above { 1.0 } else { -1.0 };
        tail += term;
    }
    (2.0 * tail.min(1.0 - tail + here)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use rand::{RngExt as _, SeedableRng as _};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn counts(rows: &[u32]) -> Counts {
        rows.iter().enumerate().map(|(at, &rows)| (format!("c{at:03}"), f64::from(rows))).collect()
    }

    fn p_of(then: &[u32], now: &[u32]) -> f64 {
        p_value(&counts(then), &counts(now))
    }

    #[track_caller]
    fn near(found: f64, expected: f64) {
        assert!((found / expected - 1.0).abs() < 1e-9, "{found}, expected {expected}");
    }

    #[test]
    fn two_categories_are_tested_exactly() {
        // The tea of Fisher (1935): 3 of 4 cups, 1/70 + 16/70 on one side.
        near(p_of(&[3, 1], &[1, 3]), 2.0 * 17.0 / 70.0);
        near(p_of(&[4, 0], &[0, 4]), 2.0 / 70.0);
        near(p_of(&[1, 3], &[3, 1]), 2.0 * 17.0 / 70.0);
        assert_eq!(p_of(&[2, 2], &[2, 2]), 1.0);
        // scipy.stats.hypergeom: 2 * sf(59, 2000, 100, 1000)
        near(p_of(&[40, 960], &[60, 940]), 0.050_760_129_870_748_34);
        // Very small chances keep their digits: two of the C(100, 50) ways to deal the rows.
        near(p_of(&[50, 0], &[0, 50]), 2.0 / 1.008_913_445_455_641_9e29);
    }

    #[test]
    fn frequent_categories_are_tested_as_pearson_does() {
        // scipy.stats.chi2_contingency([[30, 40, 50], [45, 35, 60]])
        near(p_of(&[30, 40, 50], &[45, 35, 60]), 0.256_653_369_823_010_3);
    }

    /// Five of fifty rows have a category that none of a million had. Beside the large ones it is nothing.
    #[test]
    fn a_rare_category_is_not_lost_among_others() {
        let then = [500_000, 499_990, 3, 2, 2, 1, 1, 1, 0];
        let moved = p_of(&then, &[22, 23, 0, 0, 0, 0, 0, 0, 5]);
        assert!(moved < 1e-15, "{moved}");
        let held = p_of(&then, &[25, 25, 0, 0, 0, 0, 0, 0, 0]);
        assert!(held > 0.5, "{held}");
        // Or one that vanished, with the sides changed.
        assert!(p_of(&[22, 23, 0, 0, 0, 0, 0, 0, 5], &then) < 1e-15);
    }

    #[test]
    fn nothing_to_compare_is_no_difference() {
        assert_eq!(p_of(&[], &[]), 1.0);
        assert_eq!(p_of(&[10], &[3]), 1.0);
        assert_eq!(p_of(&[10, 3], &[0, 0]), 1.0);
        assert_eq!(p_of(&[10, 0], &[3, 0]), 1.0);
    }

    /// Rows of one population: a chance of at most a level comes as often as that at most; and not far more seldom where no
    /// category is rare.
    #[test]
    fn false_alarms_are_as_rare_as_they_say() {
        const DRAWN: u32 = 600;
        let rare = |rare: usize, each: f64| {
            let frequent = (1.0 - rare as f64 * each) / 2.0;
            [vec![frequent; 2], vec![each; rare]].concat()
        };
        let falling = |power: i32| (1..=100).map(|at| f64::from(at).powi(-power)).collect::<Vec<f64>>();
        let mut random = ChaCha8Rng::seed_from_u64(11);
        for (what, shares) in [
            ("2 equal", vec![0.5; 2]),
            ("3, one of them rare", rare(1, 0.02)),
            ("3 equal", vec![1.0; 3]),
            ("10 equal", vec![0.1; 10]),
            ("50 equal", vec![0.02; 50]),
            ("100 of falling shares", falling(1)),
            ("100 of fast falling shares", falling(2)),
            ("100 rare ones", rare(100, 0.0005)),
        ] {
            let all: f64 = shares.iter().sum();
            for (n, m) in [(20, 20), (100, 100), (1000, 50), (50, 2000), (5000, 100)] {
                let draws = if n + m > 1000 { DRAWN / 2 } else { DRAWN };
                let mut alarms = [0_u32; 2];
                for _ in 0..draws {
                    let mut sample = |rows: u32| {
                        let mut sample = vec![0; shares.len()];
                        for _ in 0..rows {
                            let mut left = random.random::<f64>() * all;
                            let at = shares.iter().position(|share| {
                                left -= share;
                                left < 0.0
                            });
                            sample[at.unwrap_or(0)] += 1;
                        }
                        sample
                    };
                    let p = p_of(&sample(n), &sample(m));
                    for (level, alarms) in [0.05, 0.01].into_iter().zip(&mut alarms) {
                        *alarms += u32::from(p <= level);
                    }
                }
                for (level, alarms) in [0.05, 0.01].into_iter().zip(alarms) {
                    let share = f64::from(alarms) / f64::from(draws);
                    let chance = 3.5 * (level * (1.0 - level) / f64::from(draws)).sqrt();
                    assert!(share <= level + chance, "{what}, {n} and {m} rows: {share} at {level}");
                    if what.ends_with("3 equal") && n.min(m) >= 50 {
                        assert!(share >= 0.6 * level - chance, "{what}, {n} and {m}: {share} at {level}");
                    }
                }
            }
        }
    }
}
