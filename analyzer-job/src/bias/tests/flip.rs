use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

fn column(name: &str, values: Values) -> Column {
    Column { name: name.into(), values }
}

fn floats(columns: &[Vec<f64>]) -> Vec<Column> {
    columns.iter().map(|values| column("x", Values::Float(values.clone()))).collect()
}

fn test(columns: &[Column], facet: &[bool], predicted: &[bool]) -> FlipOutcome {
    flip_test(&columns.iter().collect::<Vec<_>>(), facet, predicted, &Stop::default()).unwrap()
}

/// The same by sorting all distances.
fn slow_flips(columns: &[Vec<f64>], facet: &[bool], predicted: &[bool]) -> Flips {
    let rest: Vec<usize> = (0..facet.len()).filter(|&row| !facet[row]).collect();
    let k = if rest.len() >= 10 { 5 } else { 1 };
    let mut flips = Flips { only_model_positive: 0, only_neighbours_positive: 0, rows: 0 };
    for row in (0..facet.len()).filter(|&row| facet[row]) {
        let distance = |other: usize| {
            columns.iter().fold(0.0, |sum, column| sum + (column[other] - column[row]).powi(2))
        };
        let mut by_distance: Vec<(f64, usize)> = rest.iter().map(|&other| (distance(other), other)).collect();
        by_distance.sort_by(|x, y| x.0.total_cmp(&y.0).then(x.1.cmp(&y.1)));
        let votes = by_distance[..k].iter().filter(|(_, other)| predicted[*other]).count();
        flips.rows += 1;
        match (predicted[row], votes > k / 2) {
            (true, false) => flips.only_model_positive += 1,
            (false, true) => flips.only_neighbours_positive += 1,
            _ => {}
        }
    }
    flips
}

#[track_caller]
fn check_against_slow(columns: &[Vec<f64>], facet: &[bool], predicted: &[bool]) {
    assert_eq!(test(&floats(columns), facet, predicted), Ok(slow_flips(columns, facet, predicted)));
}

/// Columns of random numbers made by `value`, and random groups and predictions.
fn random_rows(
    n_rows: usize,
    n_columns: usize,
    seed: u64,
    value: impl Fn(f64) -> f64,
) -> (Vec<Vec<f64>>, Vec<bool>, Vec<bool>) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let columns = (0..n_columns).map(|_| (0..n_rows).map(|_| value(random.random())).collect()).collect();
    let mut labels = |share: f64| (0..n_rows).map(|_| random.random::<f64>() < share).collect();
    (columns, labels(0.4), labels(0.3))
}

#[test]
fn flips_of_a_line_are_those_by_hand() {
    // The rest at 0, 1, ... 9: positive up to 4. Neighbours of 2.2 are 0 to 4, of 6.8 are 5 to 9.
    let columns = [column("x", Values::Int((0..10).chain([2, 7, 2, 7]).collect()))];
    let facet = [vec![false; 10], vec![true; 4]].concat();
    let predicted = [vec![true; 5], vec![false; 5], vec![true, false, false, true]].concat();
    let flips = test(&columns, &facet, &predicted).unwrap();
    assert_eq!(flips, Flips { only_model_positive: 1, only_neighbours_positive: 1, rows: 4 });
    assert_eq!(flips.value(), 0.0);
    let predicted = [vec![true; 5], vec![false; 5], vec![false, false, false, true]].concat();
    assert_eq!(test(&columns, &facet, &predicted).unwrap().value(), (1.0 - 2.0) / 4.0);
}

#[test]
fn nine_rows_in_the_rest_mean_one_neighbour_and_ten_mean_five() {
    for (n, only_model_positive) in [(9, 0), (10, 1)] {
        // Only the very nearest is positive.
        let columns = [column("x", Values::Int((0..n).chain([0]).collect()))];
        let mut predicted = vec![false; n as usize + 1];
        predicted[0] = true;
        predicted[n as usize] = true;
        let facet: Vec<bool> = (0..=n).map(|row| row == n).collect();
        assert_eq!(test(&columns, &facet, &predicted).unwrap().only_model_positive, only_model_positive);
    }
}

#[test]
fn among_equal_distances_the_lower_row_number_is_nearer() {
    // All rows are alike; the first five of the rest are positive, the hundred others are not.
    let n = 106;
    let columns = [column("x", Values::Bool(vec![true; n]))];
    let facet: Vec<bool> = (0..n).map(|row| row == 0).collect();
    let predicted: Vec<bool> = (0..n).map(|row| (1..=5).contains(&row)).collect();
    assert_eq!(test(&columns, &facet, &predicted).unwrap().only_neighbours_positive, 1);
    let predicted: Vec<bool> = (0..n).map(|row| (3..=100).contains(&row)).collect();
    assert_eq!(test(&columns, &facet, &predicted).unwrap().only_neighbours_positive, 1);
    let predicted: Vec<bool> = (0..n).map(|row| (4..=100).contains(&row)).collect();
    assert_eq!(test(&columns, &facet, &predicted).unwrap().only_neighbours_positive, 0);
}

#[test]
fn fast_and_slow_agree_on_thousands_of_rows() {
    let (columns, facet, predicted) = random_rows(3000, 1, 1, |value| value);
    check_against_slow(&columns, &facet, &predicted);
    let (columns, facet, predicted) = random_rows(3000, 17, 2, |value| value - 0.5);
    check_against_slow(&columns, &facet, &predicted);
    // Few distinct values: nearly every distance is a tie.
    let (columns, facet, predicted) = random_rows(3000, 3, 3, |value| (value * 3.0).floor());
    check_against_slow(&columns, &facet, &predicted);
    // One wide column decides, as a weight or an income does.
    let (mut columns, facet, predicted) = random_rows(3000, 4, 4, |value| (value * 5.0).floor());
    columns[2].iter_mut().enumerate().for_each(|(row, value)| *value = *value * 1e5 + (row % 97) as f64);
    check_against_slow(&columns, &facet, &predicted);
    // Squares that overflow are all infinitely far.
    let (columns, facet, predicted) = random_rows(500, 2, 5, |value| (value - 0.5) * 1e200);
    check_against_slow(&columns, &facet, &predicted);
}

proptest! {
    #[test]
    fn fast_and_slow_agree(
        n_rows in 2_usize..300,
        n_columns in 1_usize..6,
        seed in any::<u64>(),
        steps in 1_u32..40,
    ) {
        let value = |value: f64| (value * f64::from(steps)).floor() / 7.0;
        let (columns, mut facet, predicted) = random_rows(n_rows, n_columns, seed, value);
        (facet[0], facet[1]) = (true, false);
        prop_assert_eq!(
            test(&floats(&columns), &facet, &predicted),
            Ok(slow_flips(&columns, &facet, &predicted))
        );
    }
}

/// Together, the flip tests of groups are those of each by itself.
#[test]
fn groups_together_are_groups_one_by_one() {
    for (n_rows, n_classes) in [(400, 3), (400, 90), (400, 7), (400, 2), (64, 40), (12, 4), (11, 11)] {
        let (columns, _, predicted) = random_rows(n_rows, 2, 8, |value| (value * 9.0).floor());
        let columns = floats(&columns);
        let columns: Vec<&Column> = columns.iter().collect();
        let classes: Vec<u32> =
            (0..n_rows as u32).map(|row| if row % 4 > 0 { 0 } else { row * 7919 % n_classes }).collect();
        let groups: Vec<Option<u32>> = (0..n_classes).map(Some).chain([None]).collect();
        let found = flip_tests(&columns, &classes, &groups, &predicted, &Stop::default()).unwrap();
        for (group, found) in groups.iter().zip(found) {
            let facet: Vec<bool> = classes.iter().map(|class| Some(*class) == *group).collect();
            let alone = flip_test(&columns, &facet, &predicted, &Stop::default()).unwrap();
            assert_eq!(found, alone, "{n_rows} {n_classes} {group:?}");
        }
    }
}

#[test]
fn any_number_of_threads_gives_the_same() {
    let (columns, facet, predicted) = random_rows(4000, 3, 6, |value| (value * 10.0).floor());
    let with_threads = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| test(&floats(&columns), &facet, &predicted))
    };
    assert_eq!(with_threads(1), with_threads(5));
}

#[track_caller]
fn check_reason(columns: &[Column], facet: &[bool], start: &str) {
    let reason = test(columns, facet, &vec![true; facet.len()]).unwrap_err();
    assert!(reason.starts_with(start), "{reason}");
}

#[test]
fn what_cannot_be_compared_has_its_reason() {
    let good = [column("x", Values::Int(vec![1, 2, 3]))];
    check_reason(&good, &[false; 3], "Facet set is empty");
    check_reason(&good, &[true; 3], "Negated Facet set is empty");
    let facet = [true, false, false];
    check_reason(&[], &facet, "Found array with 0 feature(s)");
    let text = column("x", Values::Text(Default::default()));
    check_reason(&[text], &facet, "FlipTest does not support non-numeric columns");
    let missing = column("age", Values::Float(vec![1.0, f64::NAN, 2.0]));
    check_reason(&[missing], &facet, "Input X contains NaN. Column `age`");
    let infinite = column("age", Values::Float(vec![1.0, f64::INFINITY, 2.0]));
    check_reason(&[infinite], &facet, "Input X contains infinity or a value too large for dtype('float64').");
}

#[test]
fn a_stop_ends_the_comparison() {
    let stop = Stop::default();
    stop.request();
    let columns = [column("x", Values::Int(vec![1, 2, 3]))];
    let outcome = flip_test(&[&columns[0]], &[true, false, false], &[true; 3], &stop);
    assert_eq!(outcome.unwrap_err().class(), plumbline_common::codes::Class::Stopped);
}
