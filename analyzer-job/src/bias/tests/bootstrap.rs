use super::*;
use crate::bias::metrics::METRICS;

fn group([tn, fp, fnn, tp]: [u64; 4]) -> Group {
    Group { rows: [[tn, fp], [fnn, tp]] }
}

fn facet(d: [u64; 4], a: [u64; 4], strata: Option<Vec<Groups>>) -> FacetCounts {
    let total = Groups { d: group(d), a: group(a) };
    FacetCounts { facet: "f".into(), value_or_threshold: "x".into(), total, strata }
}

fn spread_of(facet: &FacetCounts, flip: Option<&FlipOutcome>, code: &str, seed: u64) -> Spread {
    let metrics: Vec<&Metric> = METRICS.iter().collect();
    let place = metrics.iter().position(|metric| metric.code == code).unwrap();
    spreads(facet, flip, &metrics, seed, 0, &Stop::default()).unwrap().swap_remove(place)
}

#[track_caller]
fn check_close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance * expected.abs(), "{found} instead of {expected}");
}

/// Mean and variance of binomial draws are those of the distribution, within five standard errors.
#[track_caller]
fn check_binomial(n: u64, p: f64) {
    let mut random = ChaCha8Rng::seed_from_u64(n);
    let draws = 20_000;
    let values: Vec<f64> = (0..draws).map(|_| binomial(n, p, &mut random) as f64).collect();
    let mean = values.iter().sum::<f64>() / f64::from(draws);
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / f64::from(draws);
    let expected = n as f64 * p * (1.0 - p);
    let error = (expected / f64::from(draws)).sqrt();
    assert!((mean - n as f64 * p).abs() <= 5.0 * error, "mean {mean} of {n} x {p}");
    // The variance of a binomial's sample variance is about variance^2 (2 + excess) / draws.
    let excess = (1.0 - 6.0 * p * (1.0 - p)) / expected;
    let error = expected * ((2.0 + excess) / f64::from(draws)).sqrt();
    assert!((variance - expected).abs() <= 5.0 * error, "variance {variance} of {n} x {p}");
}

#[test]
fn binomial_draws_have_the_mean_and_variance_of_the_distribution() {
    for (n, p) in [
        (2, 0.5),
        (10, 0.05),
        (10, 0.97),
        (50, 0.3),
        (1000, 0.001),
        (1000, 0.5),
        (100_000, 0.2),
        (5_000_000, 0.9),
        (u64::from(u32::MAX), 1e-9),
    ] {
        check_binomial(n, p);
    }
    let mut random = ChaCha8Rng::seed_from_u64(0);
    assert_eq!(binomial(7, 0.0, &mut random), 0);
    assert_eq!(binomial(7, 1.0, &mut random), 7);
    assert_eq!(binomial(0, 0.5, &mut random), 0);
}

#[test]
fn small_binomials_have_the_right_shape() {
    // Chance of each number of heads in 4 throws: 1, 4, 6, 4, 1 of 16.
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let mut seen = [0_u32; 5];
    for _ in 0..160_000 {
        seen[binomial(4, 0.5, &mut random) as usize] += 1;
    }
    for (seen, expected) in seen.iter().zip([10_000.0, 40_000.0, 60_000.0, 40_000.0, 10_000.0]) {
        assert!((f64::from(*seen) - expected).abs() < 5.0 * f64::sqrt(expected), "{seen} of {expected}");
    }
}

#[test]
fn factorials_are_those_of_the_product() {
    let mut sum = 0.0;
    for n in 1_u64..3000 {
        sum += (n as f64).ln();
        check_close(ln_factorial(n) + 1.0, sum + 1.0, 1e-13);
    }
}

#[test]
fn a_draw_has_as_many_rows_and_leaves_empty_cells_empty() {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let cells = [0, 7, 0, 12, 1, 0, 300, 0];
    let mut drawn = [0; 8];
    for _ in 0..1000 {
        multinomial(&cells, &mut drawn, &mut random);
        assert_eq!(drawn.iter().sum::<u64>(), 320);
        assert_eq!([drawn[0], drawn[2], drawn[5], drawn[7]], [0; 4]);
    }
}

#[test]
fn standard_errors_are_those_of_the_normal_approximation() {
    let facet = facet([300, 100, 150, 50], [500, 400, 100, 400], None);
    let (n_d, n_a) = (600.0, 1400.0_f64);
    let (p_d, p_a) = (200.0 / 600.0, 500.0 / 1400.0);
    let dpl = (p_d * (1.0 - p_d) / n_d + p_a * (1.0 - p_a) / n_a).sqrt();
    let spread = spread_of(&facet, None, "DPL", 1);
    // 1,000 replicates know a standard deviation to 2 %.
    check_close(spread.standard_error.unwrap(), dpl, 0.1);
    let [low, high] = spread.interval.unwrap().map(Number::value);
    check_close(high - low, 2.0 * 1.96 * dpl, 0.1);
    // CI is 1 - 2 n_d / n.
    let share = 600.0 / 2000.0;
    let ci = 2.0 * (share * (1.0 - share) / 2000.0_f64).sqrt();
    check_close(spread_of(&facet, None, "CI", 1).standard_error.unwrap(), ci, 0.1);
    // With one stratum CDDL is the difference of two shares too.
    let mut one = facet;
    one.strata = Some(vec![one.total]);
    let (d, a) = (400.0 / 1300.0, 200.0 / 700.0);
    let cddl = (d * (1.0 - d) / 1300.0 + a * (1.0 - a) / 700.0_f64).sqrt();
    check_close(spread_of(&one, None, "CDDL", 1).standard_error.unwrap(), cddl, 0.1);
}

#[test]
fn the_flip_test_varies_as_a_paired_difference_does() {
    let facet = facet([100, 100, 100, 100], [100; 4], None);
    let flip = Ok(Flips { only_model_positive: 30, only_neighbours_positive: 70, rows: 400 });
    let spread = spread_of(&facet, Some(&flip), "FT", 2);
    let error = ((100.0 / 400.0 - 0.1 * 0.1) / 400.0_f64).sqrt();
    check_close(spread.standard_error.unwrap(), error, 0.1);
    assert_eq!(spread_of(&facet, Some(&Err("text".into())), "FT", 2), Spread::default());
}

#[test]
fn the_same_seed_gives_the_same_whatever_the_threads() {
    let strata = vec![Groups { d: group([5, 2, 3, 9]), a: group([8, 1, 0, 4]) }; 20];
    let facet = facet([110, 40, 60, 180], [160, 20, 10, 80], Some(strata));
    let with_threads = |threads, seed| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| spread_of(&facet, None, "CDDPL", seed))
    };
    assert_eq!(with_threads(1, 4), with_threads(3, 4));
    assert_ne!(with_threads(1, 4), with_threads(1, 5));
}

#[test]
fn rows_without_a_stratum_are_drawn_too() {
    // Positive labels stand only where there is no stratum; without those rows CDDL would be undefined.
    let stratum = Groups { d: group([30, 0, 0, 0]), a: group([70, 0, 0, 0]) };
    let facet = facet([30, 0, 50, 0], [70, 0, 50, 0], Some(vec![stratum]));
    let [low, high] = spread_of(&facet, None, "CDDL", 1).interval.unwrap().map(Number::value);
    assert!(low > 0.1 && low < 0.3 && high > 0.3 && high < 0.5, "[{low}, {high}]");
}

#[test]
fn a_group_variable_of_very_many_values_costs_only_its_own_intervals() {
    let strata = vec![Groups { d: group([1, 0, 0, 0]), a: group([0, 0, 0, 1]) }; 50_001];
    let facet = facet([50_001, 0, 0, 0], [0, 0, 0, 50_001], Some(strata));
    assert_eq!(spread_of(&facet, None, "CDDL", 1), Spread::default());
    assert!(spread_of(&facet, None, "CI", 1).interval.is_some());
}

#[test]
fn undefined_and_infinite_metrics_have_no_error() {
    let empty = facet([0; 4], [10, 10, 10, 10], None);
    assert_eq!(spread_of(&empty, None, "DPL", 1), Spread::default());
    assert_eq!(spread_of(&empty, None, "CDDL", 1), Spread::default());
    assert_eq!(spread_of(&facet([0; 4], [0; 4], None), None, "CI", 1), Spread::default());
    // No false positive in the group: infinite in every replicate.
    let spread = spread_of(&facet([50, 0, 50, 50], [50; 4], None), None, "TE", 1);
    assert_eq!(spread.standard_error, None);
    assert_eq!(spread.interval.unwrap()[1], Number::Float(f64::INFINITY));
}
