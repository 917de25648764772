//! What must hold for any counts, and small cases done by hand.

use proptest::prelude::*;

use super::super::*;
use super::all_metrics;
use crate::state::counts::{Group, Groups};

/// `[true negative, false positive, false negative, true positive]`.
fn group([tn, fp, fnn, tp]: [u64; 4]) -> Group {
    Group { rows: [[tn, fp], [fnn, tp]] }
}

fn counts(d: [u64; 4], a: [u64; 4]) -> BiasCounts {
    let total = Groups { d: group(d), a: group(a) };
    counts_of(total, Some(vec![total]))
}

fn counts_of(total: Groups, strata: Option<Vec<Groups>>) -> BiasCounts {
    BiasCounts {
        label: "y".into(),
        label_value_or_threshold: "1".into(),
        predicted: true,
        facets: vec![FacetCounts { facet: "f".into(), value_or_threshold: "x".into(), total, strata }],
        left_out: Vec::new(),
    }
}

/// The outcome of a metric: its value, or the error's text.
fn outcome(counts: &BiasCounts, code: &str) -> std::result::Result<Number, String> {
    let metric = metric(code).unwrap();
    let flip = Err("no rows".into());
    let asked = [metric.code];
    let stage = crate::results::metrics::Metric::of(code).unwrap().stage;
    let mut found = measure(&counts.facets[0], Some(&flip), stage, &asked);
    found.next().unwrap().1
}

fn value(counts: &BiasCounts, code: &str) -> f64 {
    outcome(counts, code).unwrap().value()
}

#[track_caller]
fn check_value(counts: &BiasCounts, code: &str, expected: f64) {
    let found = value(counts, code);
    assert!(found == expected || (found - expected).abs() < 1e-14, "{code}: {found} instead of {expected}");
}

#[test]
fn metrics_of_a_small_case_are_those_by_hand() {
    // Sensitive group: 10 rows, 4 observed and 3 predicted positive. The rest: 20 rows, 12 and 15.
    let counts = counts([5, 1, 2, 2], [4, 4, 1, 11]);
    for (code, expected) in [
        ("CI", 10.0 / 30.0),
        ("DPL", 12.0 / 20.0 - 4.0 / 10.0),
        ("KL", 0.4 * (0.4_f64 / 0.6).ln() + 0.6 * (0.6_f64 / 0.4).ln()),
        ("JS", 0.4 * (0.4_f64 / 0.5).ln() + 0.6 * (0.6_f64 / 0.5).ln()),
        ("LP", (2.0 * 0.2_f64 * 0.2).sqrt()),
        ("TVD", 0.2),
        ("KS", 0.2),
        ("CDDL", 6.0 / 14.0 - 4.0 / 16.0),
        ("DPPL", 15.0 / 20.0 - 3.0 / 10.0),
        ("DI", 0.3 / 0.75),
        ("DCA", 12.0 / 15.0 - 4.0 / 3.0),
        ("DCR", 6.0 / 7.0 - 8.0 / 5.0),
        ("RD", 11.0 / 12.0 - 2.0 / 4.0),
        ("SD", 5.0 / 6.0 - 4.0 / 8.0),
        ("DAR", 11.0 / 15.0 - 2.0 / 3.0),
        ("DRR", 5.0 / 7.0 - 4.0 / 5.0),
        ("AD", 15.0 / 20.0 - 7.0 / 10.0),
        ("CDDPL", 7.0 / 12.0 - 3.0 / 18.0),
        ("TE", 2.0 / 1.0 - 1.0 / 4.0),
    ] {
        check_value(&counts, code, expected);
    }
    // Benefits of the 30 rows: 5 times 2, 3 times 0, 22 times 1; the mean is 32/30.
    let mean = 32.0 / 30.0;
    let entropy = (5.0 * (4.0 / (mean * mean) - 1.0) + 22.0 * (1.0 / (mean * mean) - 1.0) - 3.0) / 60.0;
    check_value(&counts, "GE", entropy);
}

#[test]
fn disparity_is_weighted_by_the_rows_of_each_stratum() {
    // First stratum: 4 rows, rejected 1 of 2 and accepted 0 of 2 in the group; second: 6 rows, 0 of 3 and 3 of 3.
    let first = Groups { d: group([1, 0, 0, 0]), a: group([1, 0, 0, 2]) };
    let second = Groups { d: group([0, 0, 0, 3]), a: group([3, 0, 0, 0]) };
    let mut total = first;
    total.d.add(&second.d);
    total.a.add(&second.a);
    // Rows without a stratum.
    total.d.add(&group([100, 0, 0, 0]));
    let counts = counts_of(total, Some(vec![first, second]));
    check_value(&counts, "CDDL", (4.0 * 0.5 - 6.0 * 1.0) / 10.0);
    check_value(&counts, "CDDPL", (4.0 * 0.5 - 6.0 * 1.0) / 10.0);
    let counts = counts_of(total, None);
    assert_eq!(outcome(&counts, "CDDL").unwrap_err(), "Group variable is empty or not provided");
    let counts = counts_of(total, Some(vec![]));
    check_value(&counts, "CDDL", 0.0);
}

#[test]
fn one_label_in_all_rows_leaves_no_conditional_disparity() {
    let counts = counts([0, 0, 1, 3], [0, 0, 2, 4]);
    assert_eq!(outcome(&counts, "CDDL").unwrap_err(), "No negative labels in set");
    let counts = super::laws::counts([3, 1, 0, 0], [2, 4, 0, 0]);
    assert_eq!(outcome(&counts, "CDDL").unwrap_err(), "No positive labels in set");
    check_value(&counts, "CDDPL", 5.0 / 10.0 * 0.0 + 3.0 / 5.0 - 1.0 / 5.0);
}

#[test]
fn infinities_are_values_and_two_of_them_cancel() {
    // Nobody in the group is predicted positive, though some are: c_d is infinite.
    let one = counts([5, 0, 5, 0], [5, 1, 1, 5]);
    assert_eq!(outcome(&one, "DCA").unwrap(), Number::Float(f64::NEG_INFINITY));
    assert_eq!(outcome(&one, "TE").unwrap(), Number::Float(f64::INFINITY));
    assert_eq!(outcome(&one, "DI").unwrap(), Number::Float(0.0));
    let both = counts([5, 0, 5, 0], [5, 0, 5, 0]);
    assert_eq!(outcome(&both, "DCA").unwrap(), Number::Int(0));
    assert_eq!(outcome(&both, "TE").unwrap(), Number::Float(0.0));
    let rejections = counts([0, 5, 0, 5], [0, 5, 0, 5]);
    assert_eq!(outcome(&rejections, "DCR").unwrap(), Number::Int(0));
    let rest = counts([4, 1, 4, 1], [5, 0, 5, 0]);
    assert_eq!(outcome(&rest, "DI").unwrap(), Number::Float(f64::INFINITY));
}

#[test]
fn a_label_that_one_group_lacks_is_dropped() {
    let counts = counts([6, 0, 0, 0], [3, 0, 3, 0]);
    check_value(&counts, "KL", 0.5 * 0.5_f64.ln());
    check_value(&counts, "TVD", 0.25);
    check_value(&counts, "LP", 0.5);
    check_value(&counts, "KS", 0.5);
}

#[test]
fn only_false_negatives_leave_no_entropy() {
    let counts = counts([0, 0, 2, 0], [0, 0, 3, 0]);
    assert!(outcome(&counts, "GE").unwrap_err().starts_with("All predicted labels are false negatives."));
}

#[test]
fn metrics_and_facets_come_in_report_order_whatever_was_asked_first() {
    let mut counts = counts([5, 1, 2, 2], [4, 4, 1, 11]);
    let mut other = counts.facets[0].clone();
    other.facet = "g".into();
    let mut again = counts.facets[0].clone();
    again.value_or_threshold = "z".into();
    counts.facets.extend([other, again]);
    let mut methods = all_metrics();
    methods.pre_training_bias = Some(vec!["TVD", "CI"]);
    methods.post_training_bias = None;
    let results = results(&counts, &[], &methods);
    assert_eq!(results.post_training_bias_metrics, None);
    let section = results.pre_training_bias_metrics.unwrap();
    let names: Vec<_> = section.facets["f"][0].metrics.iter().map(|metric| metric.name.as_str()).collect();
    assert_eq!(names, ["CI", "TVD"]);
    let values = |facet: &str| {
        section.facets[facet].iter().map(|entry| entry.value_or_threshold.clone()).collect::<Vec<_>>()
    };
    assert_eq!((values("f"), values("g")), (vec!["x".into(), "z".into()], vec!["x".to_string()]));
}

#[test]
fn a_flip_test_that_was_not_made_has_no_entry() {
    let counts = counts([5, 1, 2, 2], [4, 4, 1, 11]);
    let section = results(&counts, &[], &all_metrics()).post_training_bias_metrics.unwrap();
    assert!(section.facets["f"][0].metrics.iter().all(|metric| metric.name != "FT"));
    let details = details(&counts, &[], &all_metrics());
    assert_eq!(details[0].metrics.len(), METRICS.len() - 1);
}

#[test]
fn details_hold_the_same_values_as_the_results() {
    let counts = counts([100, 20, 40, 40], [80, 80, 20, 220]);
    let flips = [Ok(Flips { only_model_positive: 4, only_neighbours_positive: 14, rows: 100 })];
    let results = results(&counts, &flips, &all_metrics());
    let details = details(&counts, &flips, &all_metrics());
    let sections = [results.post_training_bias_metrics.unwrap(), results.pre_training_bias_metrics.unwrap()];
    let expected: Vec<_> = sections
        .iter()
        .flat_map(|section| &section.facets["f"][0].metrics)
        .map(|metric| (metric.name.clone(), metric.value))
        .collect();
    let found: Vec<_> = details[0].metrics.iter().map(|metric| (metric.name.clone(), metric.value)).collect();
    assert_eq!(found, expected);
    assert_eq!(found.len(), METRICS.len());
    for metric in &details[0].metrics {
        let value = metric.value.unwrap().value();
        // No interval around parity holds for what is never negative.
        assert_eq!(
            metric.interval.is_none(),
            ["GE", "JS", "KL", "KS", "LP", "TVD"].contains(&metric.name.as_str())
        );
        if let Some([low, high]) = metric.interval.map(|interval| interval.map(Number::value)) {
            assert!(low <= value && value <= high, "{}: {value} not in [{low}, {high}]", metric.name);
        }
        assert!(metric.enough_rows || metric.name == "FT", "{}: {:?}", metric.name, metric.rows_reason);
    }
}

#[track_caller]
fn check_reason(counts: &BiasCounts, code: &str, expected: Option<&str>) {
    let reason = evidence::too_few(metric(code).unwrap(), &counts.facets[0]);
    assert_eq!(reason.as_deref(), expected, "{code}");
}

#[test]
fn too_few_rows_are_named_with_the_reason() {
    let small_group = counts([10, 1, 2, 3], [400, 40, 100, 110]);
    check_reason(&small_group, "DPPL", Some("group `x` has 16 rows, fewer than 30"));
    check_reason(&small_group, "CI", None);
    check_reason(
        &counts([5, 1, 2, 1], [400, 40, 100, 110]),
        "CI",
        Some("group `x` has 9 rows, fewer than 10"),
    );
    check_reason(
        &counts([30, 0, 5, 0], [40, 0, 9, 0]),
        "CI",
        Some("the dataset has 84 rows, fewer than 120"),
    );
    check_reason(&counts([30, 0, 5, 0], [80, 0, 9, 0]), "CI", None);
    // Whatever the rows: how far neighbours' votes vary does not follow from counts.
    let many = counts([9000, 900, 900, 9000], [9000, 900, 900, 9000]);
    assert!(evidence::too_few(metric("FT").unwrap(), &many.facets[0]).is_some());
    check_reason(&small_group, "GE", None);
    check_reason(
        &counts([30, 3, 5, 9], [80, 3, 4, 9]),
        "GE",
        Some("the dataset has 15 wrong predictions, fewer than 16"),
    );
    let few_positives = counts([180, 10, 6, 4], [900, 50, 30, 20]);
    check_reason(&few_positives, "DPL", None);
    check_reason(&few_positives, "RD", Some("group `x` has 10 observed positives, fewer than 30"));
    let rare = counts([40, 0, 0, 0], [3900, 30, 20, 50]);
    check_reason(
        &rare,
        "DI",
        Some(
            "at the overall share, 0.8 of the 40 rows of group `x` would be predicted positives, fewer than 10",
        ),
    );
    check_reason(
        &counts([0, 0, 0, 40], [30, 20, 50, 3900]),
        "DI",
        Some(
            "at the overall share, 0.8 of the 40 rows of group `x` would not be predicted positives, \
             fewer than 10",
        ),
    );
    // A large group without any positive prediction is a finding.
    check_reason(&counts([400, 0, 100, 0], [100, 100, 100, 100]), "DI", None);
    check_reason(&counts([400, 0, 100, 0], [100, 100, 100, 100]), "DPPL", None);
    // A small one may be chance.
    for code in ["DI", "DPPL"] {
        check_reason(
            &counts([40, 2, 18, 2], [100, 100, 100, 100]),
            code,
            Some("4 of the 62 rows of group `x` are predicted positives, fewer than 5"),
        );
        check_reason(
            &counts([2, 40, 2, 18], [100, 100, 100, 100]),
            code,
            Some("4 of the 62 rows of group `x` are not predicted positives, fewer than 5"),
        );
        check_reason(&counts([40, 2, 18, 3], [100, 100, 100, 100]), code, None);
    }
    check_reason(
        &counts([400, 0, 100, 0], [100, 100, 100, 100]),
        "TE",
        Some("group `x` has 0 false positives, fewer than 5"),
    );
    check_reason(
        &counts([100, 0, 11, 0], [100, 100, 100, 100]),
        "TE",
        Some("at the overall ratio, group `x` would have 5.8 false negatives, fewer than 12"),
    );
    check_reason(
        &counts([100, 20, 100, 0], [300, 2, 100, 100]),
        "DCA",
        Some(
            "at the overall ratio, group `x` would have 11.9 predicted positives that are no observed positives, \
             fewer than 12",
        ),
    );
    let mut thin = counts([50, 50, 50, 50], [50, 50, 50, 50]);
    thin.facets[0].strata = Some(vec![Groups { d: group([1, 0, 0, 0]), a: group([0, 0, 0, 1]) }; 200]);
    let reason = evidence::too_few(metric("CDDL").unwrap(), &thin.facets[0]).unwrap();
    assert!(
        reason.starts_with("0 of 400 rows, fewer than 90 %, are in values of the group variable"),
        "{reason}"
    );
    let large = Groups { d: group([40, 0, 40, 0]), a: group([40, 0, 40, 0]) };
    let of_ten = |small: usize| {
        let mut strata = vec![large; 10];
        strata[..small].fill(Groups { d: group([150, 0, 0, 0]), a: group([10, 0, 0, 0]) });
        let mut counts = counts([400, 0, 400, 0], [400, 0, 400, 0]);
        counts.facets[0].strata = Some(strata);
        evidence::too_few(metric("CDDL").unwrap(), &counts.facets[0]).is_some()
    };
    assert!(!of_ten(1) && of_ten(2));
    check_reason(&thin, "DPL", None);
}

/// Metrics that change their sign when the groups are swapped.
const ODD: [&str; 10] = ["CI", "DPL", "DPPL", "DCA", "DCR", "RD", "SD", "DAR", "DRR", "AD"];
/// Metrics that do not tell the groups apart.
const EVEN: [&str; 5] = ["JS", "LP", "TVD", "KS", "GE"];
/// Metrics that do not change when every count is multiplied.
const SCALE_FREE: [&str; 20] = [
    "AD", "CDDPL", "DAR", "DCA", "DCR", "DI", "DPPL", "DRR", "GE", "RD", "SD", "TE", "CDDL", "CI", "DPL",
    "JS", "KL", "KS", "LP", "TVD",
];

fn same(x: &std::result::Result<Number, String>, y: &std::result::Result<Number, String>, sign: f64) -> bool {
    match (x, y) {
        (Ok(x), Ok(y)) => {
            let (x, y) = (x.value(), sign * y.value());
            x == y || (x - y).abs() <= 1e-12 * x.abs().max(1.0)
        }
        (x, y) => x == y,
    }
}

/// What each metric reads, by trying: its value hangs on a selection if rows that change sides there change it. The flip test, which
/// has no value here, compares predictions of two groups.
#[test]
fn a_metric_reads_the_selections_that_change_its_value() {
    let (d, a) = ([50, 17, 23, 31], [90, 11, 29, 101]);
    let changed: [(SelectionRole, &[BiasCounts]); 3] = [
        (SelectionRole::Label, &[counts([45, 17, 28, 31], a), counts([50, 9, 23, 39], a)]),
        (SelectionRole::Prediction, &[counts([45, 22, 23, 31], a), counts([50, 17, 15, 39], a)]),
        (
            SelectionRole::Facet,
            &[
                counts([45, 17, 23, 31], [95, 11, 29, 101]),
                counts([50, 17, 23, 38], [90, 11, 29, 94]),
                counts([50, 12, 23, 31], [90, 16, 29, 101]),
            ],
        ),
    ];
    for metric in METRICS.iter().filter(|metric| metric.code != "FT") {
        let before = value(&counts(d, a), metric.code);
        let moved = changed
            .iter()
            .filter(|(_, after)| after.iter().any(|after| (value(after, metric.code) - before).abs() > 1e-9));
        let found: Vec<SelectionRole> = moved.map(|(role, _)| *role).collect();
        assert_eq!(words::Metric::of(metric.code).unwrap().reads, found, "{}", metric.code);
    }
}

proptest! {
    #[test]
    fn swapping_the_groups_flips_the_sign(d in any_group(), a in any_group()) {
        prop_assume!(d != [0; 4] && a != [0; 4]);
        let (straight, swapped) = (counts(d, a), counts(a, d));
        for code in ODD {
            prop_assert!(same(&outcome(&straight, code), &outcome(&swapped, code), -1.0), "{}", code);
        }
        for code in EVEN {
            prop_assert!(same(&outcome(&straight, code), &outcome(&swapped, code), 1.0), "{}", code);
        }
        let (di, inverse) = (value(&straight, "DI"), value(&swapped, "DI"));
        // 0/0 counts as 0 in both.
        prop_assert!(di == 0.0 || (di * inverse - 1.0).abs() < 1e-12 || di.is_infinite() && inverse == 0.0);
    }

    #[test]
    fn multiplying_every_row_changes_no_share(d in any_group(), a in any_group(), times in 2_u64..1000) {
        let all = counts(d.map(|count| count * times), a.map(|count| count * times));
        let once = counts(d, a);
        for code in SCALE_FREE {
            prop_assert!(same(&outcome(&once, code), &outcome(&all, code), 1.0), "{}", code);
        }
    }

    #[test]
    fn equal_groups_are_at_parity(d in any_group(), times in 1_u64..9) {
        prop_assume!(d != [0; 4]);
        let counts = counts(d, d.map(|count| count * times));
        for code in ["DPL", "DPPL", "DCA", "DCR", "RD", "SD", "DAR", "DRR", "AD", "TE", "KL", "JS", "LP", "TVD", "KS"] {
            prop_assert!(value(&counts, code).abs() < 1e-12, "{}", code);
        }
        prop_assert!([0.0, 1.0].contains(&value(&counts, "DI")));
    }

    #[test]
    fn values_are_never_nan_and_stay_in_range(d in any_group(), a in any_group()) {
        let counts = counts(d, a);
        for metric in METRICS.iter().filter(|metric| metric.code != "FT") {
            let Ok(value) = outcome(&counts, metric.code) else { continue };
            let value = value.value();
            let (low, high) = match metric.code {
                "DI" => (0.0, f64::INFINITY),
                "DCA" | "DCR" | "TE" | "KL" => (f64::NEG_INFINITY, f64::INFINITY),
                // Rounding may leave a trifle below 0.
                "GE" => (-1e-12, f64::INFINITY),
                "JS" => (-1.0, std::f64::consts::LN_2),
                "LP" => (0.0, 2.0_f64.sqrt()),
                "TVD" | "KS" => (0.0, 1.0),
                _ => (-1.0, 1.0),
            };
            prop_assert!(low <= value && value <= high, "{}: {}", metric.code, value);
        }
    }
}

fn any_group() -> impl Strategy<Value = [u64; 4]> {
    [0..40_u64, 0..40, 0..40, 0..40].prop_map(|counts| counts.map(|count| count.saturating_sub(10)))
}
