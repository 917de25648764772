use super::*;
use crate::report::svg::body;
use crate::results::metrics::Scale;

#[test]
fn pictures_hold_no_words_of_the_data_and_stay_finite() {
    let axis = Axis::new(Scale::Ratio, [0.2].into_iter());
    for value in [0.0, 0.2, 1.0, f64::INFINITY] {
        let dot =
            Dot { value, interval: Some([0.0, f64::INFINITY]), baseline: Some(0.1), state: State::Moved };
        let body = body(&dot_row(&axis, &dot));
        assert!(!body.contains("NaN") && !body.contains("inf"), "{body}");
    }
    for drawing in [
        curve(&[3.0], &[1.0], &[0.5], span([0.5].into_iter()), "x"),
        curve(&[], &[], &[], span(std::iter::empty()), ""),
        histogram(&[], None, [0.0, 0.0], ""),
        histogram(&[0.0, 1.0], Some(&[0.5, 0.5]), [0.0, 1.0], "score"),
        trend(
            &[Point::default(), Point { value: Some(f64::INFINITY), interval: Some([0.0, f64::INFINITY]) }],
            None,
            0.0,
            [0.0, 1.0],
        ),
        attribution_bar(range(std::iter::empty()), 0.0, Some(0.0), None),
        pairs(&[], [Some(0.0), None]),
        pairs(&[(0.0, 0.0)], [None, None]),
    ] {
        let body = body(&drawing);
        assert!(!body.contains("NaN") && !body.contains("inf"), "{body}");
    }
}

#[test]
fn ten_thousand_dots_stay_small() {
    let sample: Vec<_> =
        (0..10_000).map(|i| (f64::from(i % 97) / 97.0, Some(f64::from(i % 10) / 10.0))).collect();
    let picture = strip([0.0, 1.0], &sample);
    assert!(body(&picture).len() < 150_000, "{}", body(&picture).len());
}
