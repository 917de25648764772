use super::*;

const DRAWS: usize = 1024;

fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt())
}

/// Shares of the drawn populations: mean (x + 1/2) / (n + 4) and the variance of a Dirichlet distribution.
#[test]
fn populations_have_the_shares_of_the_counts() {
    let group = |rows| Group { rows };
    let groups = Groups { d: group([[300, 100], [150, 50]]), a: group([[500, 0], [100, 400]]) };
    let drawn = populations(&groups, DRAWS, &mut Random::new(3, 0));
    assert_eq!(drawn.len(), DRAWS);
    let n = 1600.0 + 4.0;
    for (count, cell) in [
        (300.0, (|groups: &Groups| groups.d.rows[0][0]) as fn(&Groups) -> u64),
        (50.0, |groups| groups.d.rows[1][1]),
        (0.0, |groups| groups.a.rows[0][1]),
        (400.0, |groups| groups.a.rows[1][1]),
    ] {
        let shares: Vec<f64> = drawn.iter().map(|groups| cell(groups) as f64 / ROWS).collect();
        let (mean, error) = mean_and_error(&shares);
        let expected: f64 = (count + 0.5) / n;
        let deviation = (expected * (1.0 - expected) / (n + 1.0)).sqrt();
        assert!((mean - expected).abs() < 5.0 * deviation / (DRAWS as f64).sqrt(), "{mean} {expected}");
        assert!((error / deviation - 1.0).abs() < 0.15, "{error} {deviation}");
    }
    assert!(drawn.iter().all(|groups| groups.a.rows[0][1] > 0), "no cell is empty");
}

#[test]
fn populations_are_those_of_the_random_numbers() {
    let groups =
        Groups { d: Group { rows: [[110, 40], [60, 180]] }, a: Group { rows: [[160, 20], [10, 80]] } };
    let drawn = |seed, stream| populations(&groups, DRAWS, &mut Random::new(seed, stream));
    assert_eq!(drawn(3, 0), drawn(3, 0));
    assert_ne!(drawn(3, 0), drawn(3, 1));
    assert_ne!(drawn(3, 0), drawn(4, 0));
}

#[test]
fn an_estimate_is_drawn_with_its_error() {
    let (mean, error) = mean_and_error(&around(0.2, 0.03, DRAWS, &mut Random::new(5, 0)));
    assert!((mean - 0.2).abs() < 0.005 && (error / 0.03 - 1.0).abs() < 0.1, "{mean} {error}");
}

/// scipy.special.gammaincinv at 0.001, 0.05, 0.5, 0.95 and 0.999.
#[test]
fn gammas_are_the_quantiles_of_the_distribution() {
    for (shape, expected) in [
        (0.5, [7.853_986e-7, 0.001_966_07, 0.227_468_212, 1.920_729_41, 5.413_783_09]),
        (1.5, [0.012_148_793, 0.175_923_159, 1.182_986_94, 3.907_363_95, 8.133_118_10]),
        (3.5, [0.299_246_876, 1.083_674_95, 3.172_905_60, 7.033_570_22, 12.160_943_2]),
        (200.5, [159.575_232, 177.791_409, 200.166_765, 224.345_311, 247.120_459]),
        (1e6, [996_912.617, 998_355.715, 999_999.667, 1_001_645.42, 1_003_093.08]),
    ] {
        let found = gammas(shape, 1000, 0.0);
        // The shift is that of a single quantile here.
        let found = [found[1], found[50], found[500], found[950], found[999]];
        for (found, expected) in found.into_iter().zip(expected) {
            assert!(
                (found - expected).abs() < 0.002 * shape.sqrt(),
                "{shape}: {found} instead of {expected}"
            );
        }
    }
}

/// In every n-th part of the distribution of a share there is one draw, so its mean is exact to a small part of its deviation.
#[test]
fn the_points_fill_every_part() {
    let groups =
        Groups { d: Group { rows: [[110, 40], [60, 180]] }, a: Group { rows: [[160, 20], [10, 80]] } };
    for seed in 0..5 {
        let drawn = populations(&groups, DRAWS, &mut Random::new(seed, 0));
        let share = |groups: &Groups| groups.d.observed_positive() as f64 / groups.d.n() as f64;
        let (mean, error) = mean_and_error(&drawn.iter().map(share).collect::<Vec<_>>());
        // A beta distribution of 241 and 151 rows.
        let expected = 241.0 / 392.0;
        assert!((mean - expected).abs() < 0.01 * error, "{mean} {expected} {error}");
    }
}

/// scipy.stats.qmc.Sobol(8, scramble=False).random(64), times 64: the points of one digit and the last.
#[test]
fn the_points_are_those_of_the_sequence() {
    let expected = [
        [32, 16, 8, 4, 2, 1, 63],
        [32, 48, 40, 60, 34, 51, 21],
        [32, 48, 24, 36, 58, 23, 1],
        [32, 48, 8, 20, 62, 29, 47],
        [32, 16, 8, 44, 62, 55, 29],
        [32, 16, 24, 12, 50, 9, 31],
        [32, 48, 40, 52, 22, 37, 63],
        [32, 16, 40, 20, 34, 9, 39],
    ];
    for (sobol, expected) in SOBOL.into_iter().zip(expected) {
        let found = places(sobol, 64);
        assert_eq!([1, 2, 4, 8, 16, 32, 63].map(|point| found[point]), expected);
        let mut of_many = places(sobol, 1 << 12);
        of_many.sort_unstable();
        assert!(of_many.into_iter().eq(0..1 << 12), "each part once");
    }
}
