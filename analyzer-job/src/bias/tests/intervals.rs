use super::*;
use crate::bias::metrics::{METRICS, metric};

fn group([tn, fp, fn_, tp]: [u64; 4]) -> Group {
    Group { rows: [[tn, fp], [fn_, tp]] }
}

fn facet(d: [u64; 4], a: [u64; 4], strata: Option<Vec<Groups>>) -> FacetCounts {
    let total = Groups { d: group(d), a: group(a) };
    FacetCounts { facet: "f".into(), value_or_threshold: "x".into(), total, strata }
}

#[track_caller]
fn interval(code: &str, facet: &FacetCounts) -> [f64; 2] {
    spread(metric(code).unwrap(), facet, None).interval.unwrap().map(Number::value)
}

#[track_caller]
fn check([low, high]: [f64; 2], expected: [f64; 2], tolerance: f64) {
    assert!(
        (low - expected[0]).abs() < tolerance && (high - expected[1]).abs() < tolerance,
        "[{low}, {high}] instead of {expected:?}"
    );
}

/// Newcombe 1998, table II, method 10: 56/70 - 48/80 is 0.0524 to 0.3339, 9/10 - 3/10 is 0.1705 to 0.8090, 5/56 - 0/29 is
/// -0.0381 to 0.1926 and 10/10 - 0/10 is 0.6075 to 1.
#[test]
fn differences_of_shares_equal_published_ones() {
    for ([d, n_d, a, n_a], expected) in [
        ([48, 80, 56, 70], [0.0524, 0.3339]),
        ([3, 10, 9, 10], [0.1705, 0.8090]),
        ([0, 29, 5, 56], [-0.0381, 0.1926]),
        ([0, 10, 10, 10], [0.6075, 1.0]),
    ] {
        let counts = facet([n_d - d, 0, d, 0], [n_a - a, 0, a, 0], None);
        check(interval("DPL", &counts), expected, 6e-5);
    }
}

/// Bonett and Price 2006, for a single table: rows with both, the one, the other; the ratio of its margins.
/// Worked out from their formulas (9) and (10) in Python.
#[test]
fn ratios_of_counts_that_share_rows_equal_the_published_formula() {
    let range = paired(24, 20, 16);
    check([range.low, range.high], [0.872_814, 1.649_837], 5e-6);
    assert!((range.value - 1.2).abs() < 1e-12);
    let none = paired(0, 12, 0);
    assert!(none.low == 0.0 && none.high > 0.0 && none.high.is_finite());
}

#[test]
fn large_samples_have_the_intervals_of_the_normal_approximation() {
    let d = [30_000, 10_000, 15_000, 5000_u64];
    let a = [50_000, 40_000, 10_000, 40_000_u64];
    let counts = facet(d, a, None);
    let [[tn, fp, fn_, tp], rest] = [d, a].map(|side| side.map(|rows| rows as f64));
    let n = [tn + fp + fn_ + tp, rest.iter().sum::<f64>()];
    let error = |code: &str| spread(metric(code).unwrap(), &counts, None).standard_error.unwrap();
    let close = |found: f64, expected: f64| {
        assert!((found / expected - 1.0).abs() < 0.01, "{found} instead of {expected}");
    };
    let variance = |part: f64, whole: f64| part / whole * (1.0 - part / whole) / whole;
    close(error("DPL"), (variance(fn_ + tp, n[0]) + variance(rest[2] + rest[3], n[1])).sqrt());
    close(error("RD"), (variance(tp, fn_ + tp) + variance(rest[3], rest[2] + rest[3])).sqrt());
    close(error("CI"), 2.0 * variance(n[0], n[0] + n[1]).sqrt());
    // By the delta method: of the logarithm of a share (1 - p) / x, of odds 1/x + 1/y, of a ratio that shares rows (b + c) / (x y).
    let shares = [(fp + tp) / n[0], (rest[1] + rest[3]) / n[1]];
    let logarithm = (1.0 - shares[0]) / (fp + tp) + (1.0 - shares[1]) / (rest[1] + rest[3]);
    close(error("DI"), shares[0] / shares[1] * logarithm.sqrt());
    let odds = |[_, fp, fn_, _]: [f64; 4]| fn_ / fp * (1.0 / fn_ + 1.0 / fp).sqrt();
    close(error("TE"), odds([tn, fp, fn_, tp]).hypot(odds(rest)));
    let ratio = |[_, fp, fn_, tp]: [f64; 4]| {
        let (observed, predicted) = (fn_ + tp, fp + tp);
        observed / predicted * ((fn_ + fp) / (observed * predicted)).sqrt()
    };
    close(error("DCA"), ratio([tn, fp, fn_, tp]).hypot(ratio(rest)));
    // With one stratum CDDL is the difference of the group's shares of the labels.
    let one = facet(d, a, Some(vec![counts.total]));
    let cddl = |label: f64, of: f64| variance(label, of);
    let by_label = cddl(tn + fp, tn + fp + rest[0] + rest[1]) + cddl(fn_ + tp, fn_ + tp + rest[2] + rest[3]);
    close(spread(metric("CDDL").unwrap(), &one, None).standard_error.unwrap(), by_label.sqrt());
}

/// Two strata that are one table cut in two halves: the same value, and an interval as wide.
#[test]
fn strata_add_up() {
    let half = Groups { d: group([300, 100, 150, 50]), a: group([500, 400, 100, 400]) };
    let whole = Groups { d: group([600, 200, 300, 100]), a: group([1000, 800, 200, 800]) };
    let width = |strata: Vec<Groups>| {
        let counts = FacetCounts { strata: Some(strata), ..facet([1; 4], [1; 4], None) };
        let [low, high] = interval("CDDPL", &counts);
        high - low
    };
    let (one, two) = (width(vec![whole]), width(vec![half, half]));
    assert!((one / two - 1.0).abs() < 0.01, "{one} {two}");
    // Strata that differ vary by their weights too.
    let [early, late] = [[10, 90, 0, 0], [90, 10, 0, 0]].map(group);
    let apart = width(vec![Groups { d: early, a: late }, Groups { d: late, a: early }]);
    let alike = width(vec![Groups { d: early, a: late }; 2]);
    assert!(apart > 1.2 * alike, "{apart} {alike}");
}

#[test]
fn the_flip_test_varies_as_a_paired_difference_does() {
    let counts = facet([100, 100, 100, 100], [100; 4], None);
    let flips = |only_model_positive, only_neighbours_positive| {
        let flips = Flips { only_model_positive, only_neighbours_positive, rows: 400 };
        spread(metric("FT").unwrap(), &counts, Some(&flips))
    };
    let error = flips(30, 70).standard_error.unwrap();
    let expected = ((100.0 / 400.0 - 0.1 * 0.1) / 400.0_f64).sqrt();
    assert!((error / expected - 1.0).abs() < 0.02, "{error} {expected}");
    for edge in [flips(0, 0), flips(400, 0), flips(0, 400), flips(200, 200)] {
        let [low, high] = edge.interval.unwrap().map(Number::value);
        assert!(low < high && low.is_finite() && high.is_finite(), "{low} {high}");
    }
    assert_eq!(spread(metric("FT").unwrap(), &counts, None), Spread::default());
}

/// Tango's score interval, worked out in Python by maximising the likelihood of three cells under each difference.
#[test]
fn flip_tests_equal_a_score_interval_by_maximum_likelihood() {
    for (only_model_positive, only_neighbours_positive, rows, expected) in [
        (30, 70, 400, [-0.148_914, -0.052_052]),
        (0, 16, 120, [-0.205_648, -0.083_766]),
        (3, 9, 150, [-0.093_265, 0.006_127]),
        (0, 0, 200, [-0.018_845, 0.018_845]),
        (0, 1, 44, [-0.118_077, 0.059_393]),
        (20, 5, 120, [0.046_882, 0.209_435]),
    ] {
        let range = flipped(&Flips { only_model_positive, only_neighbours_positive, rows });
        check([range.low, range.high], expected, 2e-6);
        // The groups' sides exchanged.
        let other = flipped(&Flips {
            only_model_positive: only_neighbours_positive,
            only_neighbours_positive: only_model_positive,
            rows,
        });
        check([-other.high, -other.low], expected, 2e-6);
    }
}

/// Whatever the counts: no interval of width zero, none that leaves its value out, no NaN.
#[test]
fn every_interval_has_a_width_and_holds_its_value() {
    let edges = [0, 1, 2, 7, 400];
    let mut groups = Vec::new();
    for tn in edges {
        for fp in edges {
            for fn_ in [0, 1, 40] {
                for tp in [0, 3, 400] {
                    groups.push([tn, fp, fn_, tp]);
                }
            }
        }
    }
    let mut seen = 0;
    for (place, d) in groups.iter().enumerate() {
        for a in groups.iter().skip(place % 31).step_by(31) {
            let counts = facet(*d, *a, Some(vec![Groups { d: group(*d), a: group(*a) }]));
            let methods = crate::bias::tests::all_metrics();
            let found = crate::bias::details(
                &crate::state::counts::BiasCounts {
                    label: "y".into(),
                    label_value_or_threshold: "1".into(),
                    predicted: true,
                    facets: vec![counts],
                    left_out: Vec::new(),
                },
                &[],
                &methods,
            );
            for metric in &found[0].metrics {
                let Some([low, high]) = metric.interval.map(|ends| ends.map(Number::value)) else {
                    assert!(
                        !metric.enough_rows
                            || !METRICS.iter().any(|known| known.code == metric.name && known.has_interval()),
                        "{d:?} {a:?} {}",
                        metric.name
                    );
                    continue;
                };
                let value = metric.value.unwrap().value();
                assert!(
                    low < high && low <= value + 1e-12 && value <= high + 1e-12,
                    "{} {d:?} {a:?}: {low} {value} {high}",
                    metric.name
                );
                seen += 1;
            }
        }
    }
    assert!(seen > 5_000, "{seen}");
}

/// 0 of 400 leaves the true share open: the rule of three says up to 3 / 400, Wilson 3.8 / 404.
#[test]
fn no_positive_prediction_gives_an_interval_with_a_width() {
    let counts = facet([300, 0, 100, 0], [200, 100, 50, 50], None);
    let [low, high] = interval("DI", &counts);
    assert_eq!(low, 0.0);
    let share_of_rest = 150.0 / 400.0;
    assert!((3.0 / 400.0..4.0 / 400.0).contains(&(high * share_of_rest)), "{high}");
}

#[test]
fn distances_and_missing_material_have_no_interval() {
    let counts = facet([10, 10, 10, 10], [20; 4], None);
    for code in ["KL", "JS", "LP", "TVD", "KS", "GE", "CDDL", "CDDPL", "FT"] {
        assert_eq!(spread(metric(code).unwrap(), &counts, None), Spread::default(), "{code}");
    }
    assert_eq!(spread(metric("DPL").unwrap(), &facet([0; 4], [10; 4], None), None), Spread::default());
}

/// Two strata of equal size in which the shares differ by 1/2 and by -1/2. Of n rows in all, each of the four shares, of n / 4 rows,
/// has the variance 3/16 : n/4, and the mean of the differences, weighted by rows that vary, another 1/4 : n.
#[test]
fn the_error_of_a_conditional_metric_counts_that_the_weights_vary() {
    let stratum = |d, a| Groups { d: group(d), a: group(a) };
    let [many, few] = [[30_000, 0, 10_000, 0], [10_000, 0, 30_000, 0]];
    let all = [40_000, 0, 40_000, 0];
    let counts = facet(all, all, Some(vec![stratum(many, few), stratum(few, many)]));
    let error = spread(metric("CDDL").unwrap(), &counts, None).standard_error.unwrap();
    let n = 160_000.0_f64;
    let expected = (4.0 * (3.0 / 16.0 / (n / 4.0)) / 4.0 + 1.0 / 4.0 / n).sqrt();
    assert!((error / expected - 1.0).abs() < 1e-4, "{error} instead of {expected}");
}

/// 0 of 9 rows counts as 1/2 of 10, 3 of 4 as 7/2 of 5.
#[test]
fn the_variance_of_a_share_is_that_with_half_a_row_on_either_side() {
    for (part, whole, expected) in [
        (0, 0, 0.0),
        (1, 1, 0.25),
        (0, 9, 0.05 * 0.95 / 8.0),
        (3, 4, 0.7 * 0.3 / 3.0),
        (4, 4, 0.9 * 0.1 / 3.0),
    ] {
        assert!((variance_of_share(part, whole) - expected).abs() < 1e-15, "{part} of {whole}");
    }
}
