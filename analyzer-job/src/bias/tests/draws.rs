use super::*;

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
    let drawn = populations(&groups, 0, &mut Random::new(3, 0));
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
fn exchanged_groups_have_exchanged_populations() {
    let groups =
        Groups { d: Group { rows: [[110, 40], [60, 180]] }, a: Group { rows: [[160, 20], [10, 80]] } };
    let exchanged = Groups { d: groups.a, a: groups.d };
    let drawn = populations(&groups, 0, &mut Random::new(3, 0));
    let other = populations(&exchanged, 1, &mut Random::new(3, 0));
    // Sums in another order round apart.
    for (one, other) in drawn.iter().zip(&other) {
        assert!(one.d.n().abs_diff(other.a.n()) < 100 && one.a.n().abs_diff(other.d.n()) < 100);
    }
    assert_ne!(populations(&groups, 0, &mut Random::new(3, 1)), drawn);
    assert_ne!(populations(&groups, 0, &mut Random::new(4, 0)), drawn);
}

#[test]
fn an_estimate_is_drawn_with_its_error() {
    let (mean, error) = mean_and_error(&around(0.2, 0.03, &mut Random::new(5, 0)));
    assert!((mean - 0.2).abs() < 0.005 && (error / 0.03 - 1.0).abs() < 0.1, "{mean} {error}");
}
