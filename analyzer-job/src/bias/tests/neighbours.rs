use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

/// Columns of random numbers, each by a shape of its own.
fn random_columns(n_rows: usize, shapes: &[u8], seed: u64) -> Vec<Vec<f64>> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut column = |shape| {
        let mut value = || {
            let value: f64 = random.random();
            match shape {
                0 => value,
                1 => (value * 3.0).floor(),
                2 => 7.0,
                3 => 1e9 + value,
                4 => (value * 1e6).floor() - 5e5,
                5 => (value - 0.5) * 1e-3,
                // Squares that overflow, that vanish, and anything between.
                6 => (value - 0.5) * 3e200,
                7 => (value - 0.5) * 1e-180,
                8 => (value - 0.5).signum() * 10.0_f64.powf(random.random::<f64>() * 600.0 - 300.0),
                9 => (value - 0.5) * f64::MAX * 2.0,
                10 => f64::from_bits((value * 1e3) as u64),
                _ => {
                    if value < 0.5 {
                        -0.0
                    } else {
                        0.0
                    }
                }
            }
        };
        (0..n_rows).map(|_| value()).collect()
    };
    shapes.iter().map(|shape| column(*shape)).collect()
}

/// The nearest rows of each point by the new way, in the order of `points`.
fn fast(columns: &[Vec<f64>], points: &[usize], rows: &[usize], k: usize) -> Vec<Vec<usize>> {
    fast_apart(columns, points, rows, &[], k)
}

/// As `fast`, among rows of other classes.
fn fast_apart(
    columns: &[Vec<f64>],
    points: &[usize],
    rows: &[usize],
    classes: &[u32],
    k: usize,
) -> Vec<Vec<usize>> {
    let mut nearest = vec![None; columns[0].len()];
    let columns: Vec<_> = columns.iter().map(|column| Numbers::Float(column)).collect();
    let stop = Stop::default();
    let index = Index::new(&columns, rows.to_vec(), classes, k, &stop).unwrap();
    let mut sorted = points.to_vec();
    for bunch in bunches(&columns, &mut sorted, &stop).unwrap() {
        let found = index.nearest(&bunch, &stop).unwrap();
        assert_eq!(found.len(), bunch.rows.len());
        for (row, found) in bunch.rows.iter().zip(found) {
            assert!(nearest[*row].replace(found.rows().collect()).is_none());
        }
    }
    points.iter().map(|row| nearest[*row].take().unwrap()).collect()
}

/// The same by sorting all distances.
fn slow(columns: &[Vec<f64>], points: &[usize], rows: &[usize], k: usize) -> Vec<Vec<usize>> {
    let nearest = |point: &usize| {
        let distance = |row: usize| {
            columns.iter().fold(0.0, |sum, column| {
                let difference: f64 = column[row] - column[*point];
                sum + difference * difference
            })
        };
        let mut nearest: Vec<(f64, usize)> = rows.iter().map(|&row| (distance(row), row)).collect();
        nearest.sort_by(|x, y| x.0.total_cmp(&y.0).then(x.1.cmp(&y.1)));
        nearest.into_iter().take(k).map(|(_, row)| row).collect()
    };
    points.iter().map(nearest).collect()
}

#[track_caller]
fn check(columns: &[Vec<f64>], points: &[usize], rows: &[usize], k: usize) {
    assert_eq!(fast(columns, points, rows, k), slow(columns, points, rows, k));
}

fn every_third(n_rows: usize) -> (Vec<usize>, Vec<usize>) {
    (0..n_rows).partition(|row| row % 3 == 0)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn neighbours_are_those_of_sorting_all_distances(
        n_rows in 2_usize..900,
        shapes in proptest::collection::vec(0_u8..12, 1..9),
        k in 1_usize..=5,
        seed in any::<u64>(),
    ) {
        let columns = random_columns(n_rows, &shapes, seed);
        let (points, rows) = every_third(n_rows);
        prop_assert_eq!(fast(&columns, &points, &rows, k), slow(&columns, &points, &rows, k));
    }

    #[test]
    fn columns_of_one_shape_and_rows_many_times(
        shape in 0_u8..12,
        n_columns in 1_usize..30,
        copies in 1_usize..40,
        seed in any::<u64>(),
    ) {
        let few = random_columns(900 / copies + 2, &vec![shape; n_columns], seed);
        let columns: Vec<Vec<f64>> = few.iter().map(|column| column.repeat(copies)).collect();
        let (points, rows) = every_third(columns[0].len());
        prop_assert_eq!(fast(&columns, &points, &rows, 5), slow(&columns, &points, &rows, 5));
    }
}

#[test]
fn neighbours_of_thousands_of_rows_in_few_and_many_columns() {
    for (n_columns, shape, seed) in [(1, 0, 1), (2, 4, 2), (14, 0, 3), (40, 0, 4), (3, 1, 5), (9, 3, 6)] {
        let columns = random_columns(2000, &vec![shape; n_columns], seed);
        let (points, rows) = every_third(2000);
        check(&columns, &points, &rows, 5);
    }
    // A wide column that decides nearly alone, beside narrow ones; and groups far from each other.
    let mut columns = random_columns(2000, &[4, 1, 0, 1, 2], 7);
    let (points, rows) = every_third(2000);
    check(&columns, &points, &rows, 5);
    columns[2].iter_mut().enumerate().for_each(|(row, value)| *value += (row % 17) as f64 * 1e7);
    check(&columns, &points, &rows, 5);
}

/// One search for the points of many classes, each among the rows of the others.
#[test]
fn rows_of_the_own_class_are_no_neighbours() {
    for (n_rows, shape, n_columns, n_classes) in
        [(900, 0, 3, 40), (900, 1, 2, 3), (900, 2, 1, 300), (700, 4, 5, 7), (60, 0, 2, 2)]
    {
        let columns = random_columns(n_rows, &vec![shape; n_columns], 9);
        // Classes of very different sizes, the first of which holds most of the rows.
        let classes: Vec<u32> =
            (0..n_rows as u32).map(|row| if row % 3 > 0 { 0 } else { row * 7919 % n_classes }).collect();
        let all: Vec<usize> = (0..n_rows).collect();
        let found = fast_apart(&columns, &all, &all, &classes, 5);
        for (point, found) in found.into_iter().enumerate() {
            let others: Vec<usize> = (0..n_rows).filter(|&row| classes[row] != classes[point]).collect();
            assert_eq!(found, slow(&columns, &[point], &others, 5)[0], "{shape} {n_classes}: {point}");
        }
    }
}

#[test]
fn fewer_rows_than_neighbours_are_all_found() {
    let columns = [vec![3.0, 1.0, 2.0, 9.0]];
    assert_eq!(fast(&columns, &[0], &[1, 2, 3], 5), [[2, 1, 3]]);
    assert_eq!(fast(&columns, &[3, 1], &[2], 5), [[2], [2]]);
}

#[test]
fn of_equal_rows_only_the_first_are_found() {
    let columns = vec![vec![4.0; 2000], vec![-0.0; 1000].into_iter().chain(vec![0.0; 1000]).collect()];
    let rows: Vec<usize> = (1..2000).rev().collect();
    assert_eq!(fast(&columns, &[0], &rows, 5), [[1, 2, 3, 4, 5]]);
}

#[test]
fn a_stop_ends_building_sorting_and_searching() {
    let values: Vec<f64> = (0..1000).map(f64::from).collect();
    let columns = [Numbers::Float(&values)];
    let stop = Stop::default();
    let index = Index::new(&columns, (500..1000).collect(), &[], 5, &stop).unwrap();
    let mut points: Vec<usize> = (0..500).collect();
    let sorted = bunches(&columns, &mut points, &stop).unwrap();
    stop.request();
    assert!(index.nearest(&sorted[0], &stop).is_err());
    assert!(Index::new(&columns, (500..1000).collect(), &[], 5, &stop).is_err());
    assert!(bunches(&columns, &mut (0..500).collect::<Vec<_>>(), &stop).is_err());
}
