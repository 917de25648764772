use super::*;
use crate::bias::flip::Flips;
use crate::bias::metrics::metric;
use crate::bias::{Side, draw, intervals};
use crate::results::Number;
use crate::state::counts::FacetCounts;

fn group([tn, fp, fnn, tp]: [u64; 4]) -> Group {
    Group { rows: [[tn, fp], [fnn, tp]] }
}

fn facet(d: [u64; 4], a: [u64; 4], strata: Option<Vec<Groups>>) -> FacetCounts {
    let total = Groups { d: group(d), a: group(a) };
    FacetCounts { facet: "f".into(), value_or_threshold: "x".into(), total, strata }
}

fn drawn(facet: &FacetCounts, code: &str) -> Option<Vec<f64>> {
    draw(metric(code).unwrap(), facet, None, Side::Now, 0, 1)
}

fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt())
}

#[track_caller]
fn check_close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance * expected.abs(), "{found} instead of {expected}");
}

/// Mean and variance of a gamma distribution with scale 1 are its shape, within five standard errors.
#[test]
fn gamma_draws_have_the_mean_and_variance_of_the_distribution() {
    for (stream, shape) in [0.1, 0.5, 1.0, 3.5, 200.5, 1e6].into_iter().enumerate() {
        let mut random = Random::new(7, stream as u64);
        let gamma = Gamma::new(shape);
        let values: Vec<f64> = (0..40_000).map(|_| random.draw(&gamma)).collect();
        let (mean, error) = mean_and_error(&values);
        assert!((mean - shape).abs() < 5.0 * (shape / 40_000.0).sqrt(), "mean {mean} of {shape}");
        // The fourth moment makes the variance of a sample variance shape (2 shape + 6) / n.
        let tolerance = 5.0 * (shape * (2.0 * shape + 6.0) / 40_000.0).sqrt();
        assert!((error * error - shape).abs() < tolerance, "variance {} of {shape}", error * error);
    }
}

#[test]
fn standard_errors_are_those_of_the_normal_approximation() {
    let counts = facet([300, 100, 150, 50], [500, 400, 100, 400], None);
    let (n_d, n_a) = (600.0, 1400.0_f64);
    let (p_d, p_a) = (200.0 / 600.0, 500.0 / 1400.0);
    let dpl = (p_d * (1.0 - p_d) / n_d + p_a * (1.0 - p_a) / n_a).sqrt();
    let mut draws = drawn(&counts, "DPL").unwrap();
    check_close(mean_and_error(&draws).1, dpl, 0.1);
    let [low, high] = intervals::spread(p_a - p_d, &mut draws).interval.unwrap().map(Number::value);
    check_close(high - low, 2.0 * 1.96 * dpl, 0.1);
    // CI is 1 - 2 n_d / n.
    let share = 600.0 / 2000.0;
    let ci = 2.0 * (share * (1.0 - share) / 2000.0_f64).sqrt();
    check_close(mean_and_error(&drawn(&counts, "CI").unwrap()).1, ci, 0.1);
    // With one stratum CDDL is the difference of two shares too.
    let mut one = counts.clone();
    one.strata = Some(vec![one.total]);
    let (d, a) = (400.0 / 1300.0, 200.0 / 700.0);
    let cddl = (d * (1.0 - d) / 1300.0 + a * (1.0 - a) / 700.0_f64).sqrt();
    check_close(mean_and_error(&drawn(&one, "CDDL").unwrap()).1, cddl, 0.1);
    // The logarithm of a ratio of two counts that share rows, by the delta method: (b + c) / (n1 n2).
    let ratio = |[_, fp, fnn, tp]: [u64; 4]| {
        let (observed, predicted) = ((fnn + tp) as f64, (fp + tp) as f64);
        let value = observed / predicted;
        value * ((fnn + fp) as f64 / (observed * predicted)).sqrt()
    };
    let dca = ratio([300, 100, 150, 50]).hypot(ratio([500, 400, 100, 400]));
    check_close(mean_and_error(&drawn(&counts, "DCA").unwrap()).1, dca, 0.15);
}

#[test]
fn the_flip_test_varies_as_a_paired_difference_does() {
    let counts = facet([100, 100, 100, 100], [100; 4], None);
    let flips = Ok(Flips { only_model_positive: 30, only_neighbours_positive: 70, rows: 400 });
    let draws = draw(metric("FT").unwrap(), &counts, Some(&flips), Side::Now, 0, 2).unwrap();
    check_close(mean_and_error(&draws).1, ((100.0 / 400.0 - 0.1 * 0.1) / 400.0_f64).sqrt(), 0.1);
    let failed = Err("text".into());
    assert_eq!(draw(metric("FT").unwrap(), &counts, Some(&failed), Side::Now, 0, 2), None);
}

#[test]
fn streams_are_repeatable_and_apart() {
    let counts = facet([110, 40, 60, 180], [160, 20, 10, 80], None);
    let of =
        |side, facet_idx, seed| draw(metric("AD").unwrap(), &counts, None, side, facet_idx, seed).unwrap();
    assert_eq!(of(Side::Now, 3, 4), of(Side::Now, 3, 4));
    for other in [of(Side::Baseline, 3, 4), of(Side::Now, 2, 4), of(Side::Now, 3, 5)] {
        assert_ne!(of(Side::Now, 3, 4), other);
    }
}

/// 0 of 400 leaves the true share open: the rule of three says up to 3 / 400.
#[test]
fn no_positive_prediction_gives_an_interval_with_a_width() {
    let counts = facet([300, 0, 100, 0], [200, 100, 50, 50], None);
    let mut draws = drawn(&counts, "DI").unwrap();
    let [low, high] = intervals::spread(0.0, &mut draws).interval.unwrap().map(Number::value);
    assert_eq!(low, 0.0);
    let share_of_rest = 150.0 / 400.0;
    assert!((1.5 / 400.0..4.0 / 400.0).contains(&(high * share_of_rest)), "{high}");
}

#[test]
fn distances_and_missing_material_are_not_drawn() {
    let counts = facet([10, 10, 10, 10], [20; 4], None);
    for code in ["KL", "JS", "LP", "TVD", "KS", "CDDL", "CDDPL", "FT"] {
        assert_eq!(drawn(&counts, code), None, "{code}");
    }
    assert_eq!(drawn(&facet([0; 4], [10; 4], None), "DPL"), None);
    let strata = vec![Groups { d: group([1, 0, 0, 0]), a: group([0, 0, 0, 1]) }; MOST_STRATA + 1];
    assert_eq!(drawn(&facet([1; 4], [1; 4], Some(strata)), "CDDL"), None);
}

/// Positive labels stand only where there is no stratum: the sensitive group's share of the negatives is all there is.
#[test]
fn a_label_that_a_stratum_lacks_has_a_share_of_zero() {
    let stratum = Groups { d: group([30, 0, 0, 0]), a: group([70, 0, 0, 0]) };
    let draws = drawn(&facet([30, 0, 50, 0], [70, 0, 50, 0], Some(vec![stratum])), "CDDL").unwrap();
    check_close(mean_and_error(&draws).0, 0.3, 0.05);
}
