use super::pairs::{LARGEST_OF_ALIKE, MOST_SPREAD, of_both, pairs};
use super::*;
use crate::bias::{details, results};
use crate::config::{Methods, ReportNames};
use crate::normal;
use crate::results::details::Stage;
use crate::results::metrics::codes_of;
use crate::state::counts::{BiasCounts, FacetCounts, Group};

#[path = "tests_of_order.rs"]
mod order;

fn methods() -> Methods {
    Methods {
        pre_training_bias: Some(codes_of(Stage::PreTraining).collect()),
        post_training_bias: Some(codes_of(Stage::PostTraining).collect()),
        shap: None,
        pdp: None,
        report: ReportNames { name: "report".into(), title: "Report".into() },
    }
}

/// Facet, value, and the true negatives, false positives, false negatives, true positives of group and rest.
type Entry<'a> = (&'a str, &'a str, [[u64; 4]; 2]);

fn counts(entries: &[Entry]) -> BiasCounts {
    let group = |[tn, fp, fn_, tp]: [u64; 4]| Group { rows: [[tn, fp], [fn_, tp]] };
    let facets = entries.iter().map(|(facet, value, [d, a])| FacetCounts {
        facet: (*facet).into(),
        value_or_threshold: (*value).into(),
        total: Groups { d: group(*d), a: group(*a) },
        strata: None,
    });
    BiasCounts {
        label: "y".into(),
        label_value_or_threshold: "1".into(),
        predicted: true,
        facets: facets.collect(),
        left_out: Vec::new(),
    }
}

fn judged(now: &[Entry], baseline: &Results) -> Vec<FacetDetails> {
    let mut facets = details(&counts(now), &[], &methods());
    judge(&mut facets, baseline, 0.95, 0, &Stop::default()).unwrap();
    facets
}

fn baseline(then: &[Entry]) -> Results {
    results(&counts(then), &[], &methods())
}

#[track_caller]
fn chance(facets: &[FacetDetails], code: &str) -> Chance {
    facets[0].metrics.iter().find(|metric| metric.name == code).unwrap().chance.unwrap()
}

const THEN: [[u64; 4]; 2] = [[329, 21, 22, 128], [329, 21, 22, 128]];
const NOW: [[u64; 4]; 2] = [[290, 60, 22, 128], [329, 21, 22, 128]];

#[test]
fn counts_travel_inside_the_constraints() {
    let then = [("f", "1", THEN)];
    let written = serde_json::to_string(&baseline(&then)).unwrap();
    let read: Results = serde_json::from_str(&written).unwrap();
    assert_eq!(read, baseline(&then));
    let found = judged(&[("f", "1", NOW)], &read);
    assert!(!chance(&found, "SD").exact_baseline);
    assert!(chance(&found, "SD").farther_from_parity);
    assert!(!chance(&found, "RD").farther_from_parity);
}

#[test]
fn without_counts_or_with_a_value_of_a_persons_the_baseline_is_exact() {
    let then = [("f", "1", THEN)];
    let mut hosted = baseline(&then);
    for section in [&mut hosted.post_training_bias_metrics, &mut hosted.pre_training_bias_metrics] {
        section.as_mut().unwrap().facets["f"][0].counts = None;
    }
    let found = judged(&[("f", "1", NOW)], &hosted);
    assert!(found[0].metrics.iter().filter_map(|metric| metric.chance).all(|chance| chance.exact_baseline));
    assert!(
        chance(&found, "SD").p_value < chance(&judged(&[("f", "1", NOW)], &baseline(&then)), "SD").p_value
    );
    let mut edited = baseline(&then);
    let section = edited.post_training_bias_metrics.as_mut().unwrap();
    let metric = section.facets["f"][0].metrics.iter_mut().find(|metric| metric.name == "SD").unwrap();
    metric.value = Some(Number::Float(0.3));
    let found = judged(&[("f", "1", NOW)], &edited);
    assert!(chance(&found, "SD").exact_baseline && !chance(&found, "AD").exact_baseline);
    assert!(!chance(&found, "SD").farther_from_parity, "the person's limit is 0.3");
}

/// Estimates of metrics that do not follow from the counts: value and error must fit the constraints.
#[test]
fn estimates_are_used_if_they_are_sound() {
    let then = [("f", "1", THEN)];
    for (value, estimate, is_exact) in [
        (0.02, Some([0.02, 0.02]), false),
        (0.02, Some([0.3, 0.02]), true),
        (0.02, Some([0.02, 0.0]), true),
        (0.02, Some([0.02, -1.0]), true),
    ] {
        let mut baseline = baseline(&then);
        let entry = &mut baseline.pre_training_bias_metrics.as_mut().unwrap().facets["f"][0];
        entry.metrics.iter_mut().find(|metric| metric.name == "CDDL").unwrap().value =
            Some(Number::Float(value));
        let counts_of_entry = entry.counts.as_mut().unwrap();
        counts_of_entry.estimates.extend(estimate.map(|estimate| ("CDDL".to_owned(), estimate)));
        baseline.post_training_bias_metrics = None;
        let mut now = counts(&[("f", "1", NOW)]);
        now.facets[0].strata = Some(vec![now.facets[0].total]);
        let mut facets = details(&now, &[], &methods());
        judge(&mut facets, &baseline, 0.95, 0, &Stop::default()).unwrap();
        assert_eq!(chance(&facets, "CDDL").exact_baseline, is_exact, "{estimate:?}");
    }
}

/// Two samples that differ in everything, either of which may hold no row or every row of a selection.
const FIRST: [[u64; 4]; 2] = [[330, 70, 90, 110], [300, 100, 50, 350]];
const OTHER: [[u64; 4]; 2] = [[360, 40, 60, 140], [310, 90, 80, 320]];

type Emptied = fn([[u64; 4]; 2]) -> [[u64; 4]; 2];

/// Each selection, and a sample that holds nothing to compare in it.
fn emptied() -> Vec<(SelectionRole, &'static str, Emptied)> {
    vec![
        (SelectionRole::Label, "no", |sides| sides.map(|[tn, fp, fn_, tp]| [tn + fn_, fp + tp, 0, 0])),
        (SelectionRole::Label, "every", |sides| sides.map(|[tn, fp, fn_, tp]| [0, 0, tn + fn_, fp + tp])),
        (SelectionRole::Prediction, "no", |sides| sides.map(|[tn, fp, fn_, tp]| [tn + fp, 0, fn_ + tp, 0])),
        (SelectionRole::Prediction, "every", |sides| {
            sides.map(|[tn, fp, fn_, tp]| [0, tn + fp, 0, fn_ + tp])
        }),
        (SelectionRole::Facet, "no", |[_, a]| [[0; 4], a]),
        (SelectionRole::Facet, "every", |[d, _]| [d, [0; 4]]),
    ]
}

fn sample(total: [[u64; 4]; 2]) -> BiasCounts {
    let mut counts = counts(&[("f", "1", total)]);
    counts.facets[0].strata = Some(vec![counts.facets[0].total]);
    counts
}

/// Every metric, every selection of no row or of every row, in the window and in the baseline: whether it is judged goes by what it
/// reads. As nothing else is in the way, all others are judged but the flip test.
#[test]
fn a_metric_is_judged_if_and_only_if_it_reads_no_empty_selection() {
    for (role, how, empty) in emptied() {
        for is_now in [true, false] {
            let (now, then) = if is_now { (empty(FIRST), OTHER) } else { (FIRST, empty(OTHER)) };
            let mut facets = details(&sample(now), &[], &methods());
            judge(&mut facets, &results(&sample(then), &[], &methods()), 0.95, 0, &Stop::default()).unwrap();
            assert_eq!(facets[0].empty, if is_now { vec![role] } else { vec![] });
            let mut judged = 0;
            for metric in &facets[0].metrics {
                let told = format!("{} {role:?} {how} {is_now}: {:?}", metric.name, metric.chance);
                let reads = reads_any(&metric.name, &[role]);
                let Some(chance) = metric.chance else {
                    // Errors, of which an empty group makes many.
                    assert!(metric.value.is_none() || metric.baseline.is_none(), "{told}");
                    continue;
                };
                assert_eq!(chance.unjudged, reads, "{told}");
                assert_eq!(facets[0].compares_nothing(metric), reads, "{told}");
                assert_eq!(chance.empty_baseline, reads && !is_now, "{told}");
                judged += usize::from(!chance.unjudged);
            }
            assert_eq!(
                judged,
                match role {
                    // CDDPL, CI, DI and DPPL; CDDL, CI, DPL and the distances; GE.
                    SelectionRole::Label => 4,
                    SelectionRole::Prediction => 8,
                    SelectionRole::Facet => 1,
                }
            );
        }
    }
}

/// What reads no empty selection is found where it moves: predictions while no or every row is labelled positive, labels while the
/// same holds of the predictions.
#[test]
fn what_moves_beside_an_empty_selection_is_found() {
    // Three rows in ten of either group, and then one in ten of the first.
    let (even, less) =
        ([[490, 210, 90, 210], [490, 210, 90, 210]], [[630, 70, 180, 120], [490, 210, 90, 210]]);
    for (role, how, empty) in emptied() {
        let (code, other) = match role {
            SelectionRole::Label => ("DPPL", "AD"),
            SelectionRole::Prediction => ("DPL", "AD"),
            SelectionRole::Facet => continue,
        };
        let labelled = |sides: [[u64; 4]; 2]| sides.map(|[tn, fp, fn_, tp]| [tn, fn_, fp, tp]);
        let of_role = |sides| if role == SelectionRole::Label { sides } else { labelled(sides) };
        let found = judged(&[("f", "1", empty(of_role(less)))], &baseline(&[("f", "1", of_role(even))]));
        assert!(chance(&found, code).farther_from_parity, "{role:?} {how}: {:?}", chance(&found, code));
        assert_eq!(chance(&found, other), UNJUDGED, "{role:?} {how}");
    }
}

/// The selection was empty where the baseline was made, and a person wrote a limit: that is judged.
#[test]
fn a_limit_of_a_persons_is_judged_whatever_the_baseline_held() {
    let empty = FIRST.map(|[tn, fp, fn_, tp]| [tn + fn_, fp + tp, 0, 0]);
    let mut edited = baseline(&[("f", "1", empty)]);
    let entry = &mut edited.pre_training_bias_metrics.as_mut().unwrap().facets["f"][0];
    entry.metrics.iter_mut().find(|metric| metric.name == "DPL").unwrap().value = Some(Number::Float(0.05));
    let found = judged(&[("f", "1", FIRST)], &edited);
    let chance = chance(&found, "DPL");
    assert!(chance.farther_from_parity && chance.exact_baseline && !chance.empty_baseline, "{chance:?}");
}

#[test]
fn too_few_rows_on_either_side_are_never_a_finding() {
    let few = [[30, 4, 3, 3], [300, 4, 30, 3]];
    let none = [[330, 0, 30, 0], [300, 40, 0, 30]];
    for (then, now) in [(few, none), (none, few)] {
        let found = judged(&[("f", "1", now)], &baseline(&[("f", "1", then)]));
        assert_eq!(chance(&found, "RD"), UNJUDGED);
    }
}

/// The parity of DI is 1: it moves away from it upwards and downwards, and towards it is no finding.
#[test]
fn a_ratio_moves_away_from_parity_on_either_side() {
    const LOW: [[u64; 4]; 2] = [[345, 5, 100, 50], [329, 21, 22, 128]];
    const HIGH: [[u64; 4]; 2] = [[329, 21, 22, 128], [345, 5, 100, 50]];
    for (then, now, is_farther) in
        [(THEN, LOW, true), (THEN, HIGH, true), (LOW, THEN, false), (HIGH, THEN, false)]
    {
        let chance = chance(&judged(&[("f", "1", now)], &baseline(&[("f", "1", then)])), "DI");
        assert_eq!(chance.farther_from_parity, is_farther, "{then:?} {now:?}: {chance:?}");
        assert_eq!(chance.p_value < 0.05, is_farther, "{then:?} {now:?}: {chance:?}");
    }
}

/// A limit of 0.8 is the four-fifths rule, whichever group is better off.
#[test]
fn a_limit_of_a_ratio_is_one_on_either_side_of_parity() {
    let predicted = |rows: u64| [1000 - rows, rows, 0, 0];
    for (d, a, is_farther) in [
        (150, 300, true),
        (300, 150, true),
        (270, 300, false),
        (300, 270, false),
        // 0.78, which chance explains.
        (234, 300, false),
    ] {
        for limit in [0.8, 1.25] {
            let mut edited = baseline(&[("f", "1", THEN)]);
            let entry = &mut edited.post_training_bias_metrics.as_mut().unwrap().facets["f"][0];
            entry.metrics.iter_mut().find(|metric| metric.name == "DI").unwrap().value =
                Some(Number::Float(limit));
            let chance = chance(&judged(&[("f", "1", [predicted(d), predicted(a)])], &edited), "DI");
            assert!(chance.exact_baseline && !chance.unjudged, "{chance:?}");
            assert_eq!(chance.farther_from_parity, is_farther, "{d} {a} {limit}: {chance:?}");
        }
    }
}

/// Samples of two groups with every kind of change, some of them near the bound.
fn generated() -> Vec<[[[u64; 4]; 2]; 2]> {
    let mut random = Random::new(11, 0);
    let mut group = |rows: f64, positive: f64, predicted: f64| {
        let mut part = |share: f64| (rows * share * (1.0 + 0.12 * random.normal())).max(0.0).round() as u64;
        let [yes, no] = [positive, 1.0 - positive];
        [
            part(no * (1.0 - 0.3 * predicted)),
            part(no * 0.3 * predicted),
            part(yes * (1.0 - predicted)),
            part(yes * predicted),
        ]
    };
    let shares = [0.03, 0.3, 0.6];
    let mut samples = Vec::new();
    for rows in [60.0, 900.0] {
        for of_group in shares {
            for of_rest in shares {
                let mut side =
                    |change: f64| [group(rows, 0.4, of_group * change), group(2.0 * rows, 0.4, of_rest)];
                samples.push([side(1.0), side(1.0)]);
                samples.push([side(1.0), side(0.7)]);
            }
        }
    }
    samples
}

/// The groups change places: differences change their sign, a ratio becomes its inverse, and no verdict changes.
#[test]
fn a_metric_seen_from_the_other_side_has_the_same_verdict() {
    let exchanged = |[d, a]: [[u64; 4]; 2]| [a, d];
    // Each compares the groups and turns round with them. The others are left alone.
    let of_both = [
        "AD", "DAR", "DCA", "DCR", "DI", "DPPL", "DRR", "RD", "SD", "TE", "CI", "DPL", "LP", "TVD", "KS",
        "JS",
    ];
    let mut found = [0, 0];
    for [then, now] in generated() {
        let one = judged(&[("f", "1", now)], &baseline(&[("f", "1", then)]));
        let other = judged(&[("f", "1", exchanged(now))], &baseline(&[("f", "1", exchanged(then))]));
        for code in of_both {
            let of = |facets: &[FacetDetails]| {
                facets[0].metrics.iter().find(|metric| metric.name == code).and_then(|metric| metric.chance)
            };
            let (Some(one), Some(other)) = (of(&one), of(&other)) else {
                assert_eq!((of(&one), of(&other)), (None, None), "{code} {then:?} {now:?}");
                continue;
            };
            let told = format!("{code} {then:?} {now:?}: {one:?} {other:?}");
            assert_eq!(one.unjudged, other.unjudged, "{told}");
            assert_eq!(one.farther_from_parity, other.farther_from_parity, "{told}");
            assert!((one.p_value - other.p_value).abs() < 1e-6, "{told}");
            found[usize::from(one.farther_from_parity)] += 1;
        }
    }
    assert!(found[0] > 200 && found[1] > 30, "{found:?}");
}

/// Observed labels alone are asked for, so each p-value is that of DPL.
fn p_value_of_labels(then: [[u64; 2]; 2], now: [[u64; 2]; 2], seed: u64) -> f64 {
    let rows = |[[d, of_d], [a, of_a]]: [[u64; 2]; 2]| [[of_d - d, 0, 0, d], [of_a - a, 0, 0, a]];
    let methods = Methods { pre_training_bias: Some(vec!["DPL"]), post_training_bias: None, ..methods() };
    let of = |sample| counts(&[("f", "1", rows(sample))]);
    let mut facets = details(&of(now), &[], &methods);
    judge(&mut facets, &results(&of(then), &[], &methods), 0.95, seed, &Stop::default()).unwrap();
    chance(&facets, "DPL").p_value
}

/// Positive rows and all rows of group and rest. The two chances, of being no farther than the baseline and its mirror image, are
/// from a convolution of the four beta distributions (scipy 1.17).
#[test]
fn the_p_value_of_two_shares_is_that_of_the_convolution() {
    for (then, now, [one, other]) in [
        ([[150, 500], [149, 500]], [[182, 500], [149, 500]], [0.050_912_314, 0.061_791_454]),
        ([[149, 500], [149, 500]], [[188, 500], [149, 500]], [0.030_475_969, 0.030_475_969]),
        ([[149, 500], [149, 500]], [[160, 500], [149, 500]], [0.296_683_870, 0.296_683_870]),
    ] {
        let expected = of_both(one, other, true);
        let found: Vec<f64> = (0..8).map(|seed| p_value_of_labels(then, now, seed)).collect();
        assert!(found.iter().all(|found| (found - expected).abs() < 0.03 * expected), "{found:?} {expected}");
    }
}

/// One error rate for thirteen tests or so: of a run near the bound too the p-values of other seeds are nearly the same.
#[test]
fn a_verdict_does_not_hang_on_the_seed() {
    let now = [[302, 48, 22, 128], [329, 21, 22, 128]];
    let p_value = |seed| {
        let mut facets = details(&counts(&[("f", "1", now)]), &[], &methods());
        judge(&mut facets, &baseline(&[("f", "1", THEN)]), 0.95, seed, &Stop::default()).unwrap();
        chance(&facets, "SD").p_value
    };
    let found: Vec<f64> = (0..10).map(p_value).collect();
    let mean = found.iter().sum::<f64>() / 10.0;
    assert!((0.02..0.09).contains(&mean), "{found:?}");
    assert!(found.iter().all(|found| (found - mean).abs() < 0.005), "{found:?}");
}

/// Of two labels TVD and KS are the size of DPL, and LP is `sqrt 2` times that: limits of the same distance are judged alike.
#[test]
fn limits_of_distances_are_judged_by_the_difference_of_the_shares() {
    // 200 of 400 rows against 280 of 400: a difference of 0.2.
    let now = [("f", "1", [[160, 40, 40, 160], [100, 20, 80, 200]])];
    let error = ((0.5 * 0.5 + 0.7 * 0.3) / 400.0_f64).sqrt();
    let expected = normal::below(-(0.2 - 0.15) / error);
    for (code, limit) in [("DPL", 0.15), ("TVD", 0.15), ("KS", 0.15), ("LP", 0.15 * SQRT_2)] {
        let mut hosted = baseline(&now);
        hosted.post_training_bias_metrics = None;
        let entry = &mut hosted.pre_training_bias_metrics.as_mut().unwrap().facets["f"][0];
        entry.counts = None;
        entry.metrics.retain(|metric| metric.name == code);
        entry.metrics[0].value = Some(Number::Float(limit));
        let p_value = chance(&judged(&now, &hosted), code).p_value;
        assert!((p_value - expected).abs() < 0.02, "{code}: {p_value} instead of {expected}");
    }
}

/// The generalized entropy does not know the groups: it is one test in a run of many facets, and each has its verdict.
#[test]
fn the_entropy_is_one_test_of_a_run() {
    let methods = Methods { pre_training_bias: None, post_training_bias: Some(vec![ENTROPY]), ..methods() };
    let counts_of = |names: &[&str], total: [u64; 4]| {
        let entry = |(part, name)| {
            let group = total.map(|rows| rows / part);
            (name, "1", [group, [0, 1, 2, 3].map(|cell| total[cell] - group[cell])])
        };
        counts(&(3..).zip(names.iter().copied()).map(entry).collect::<Vec<Entry>>())
    };
    let chances = |names: &[&str]| -> Vec<Chance> {
        let mut facets = details(&counts_of(names, [640, 60, 60, 240]), &[], &methods);
        let then = results(&counts_of(names, [660, 45, 45, 250]), &[], &methods);
        judge(&mut facets, &then, 0.95, 0, &Stop::default()).unwrap();
        facets.iter().map(|facet| facet.metrics[0].chance.unwrap()).collect()
    };
    let alone = chances(&["a"])[0];
    assert!(alone.farther_from_parity && alone.p_value > 0.05 / 6.0, "{alone:?}");
    assert_eq!(chances(&["a", "b", "c", "d", "e", "f"]), [alone; 6]);
}

/// The other value of a two-valued facet, and a facet that selects the same rows, are no tests of their own.
#[test]
fn the_same_groups_again_cost_nothing() {
    let exchanged = |[d, a]: [[u64; 4]; 2]| [a, d];
    let now = [[300, 50, 22, 128], [329, 21, 22, 128]];
    let alone = judged(&[("f", "1", now)], &baseline(&[("f", "1", THEN)]));
    let again = judged(
        &[("f", "1", now), ("f", "0", exchanged(now)), ("g", "x", now)],
        &baseline(&[("f", "1", THEN), ("f", "0", exchanged(THEN)), ("g", "x", THEN)]),
    );
    let (one, three) = (chance(&alone, "SD").p_value, chance(&again, "SD").p_value);
    assert!(one > 0.001, "{one}");
    assert!(three < 1.6 * one, "{three} instead of {one}");
    // Facets of other rows do cost something.
    let others: Vec<(String, [[u64; 4]; 2])> =
        (0..12).map(|n| (format!("h{n}"), [[200 + n, 20, 20, 60], [400, 30 + n, 40, 200]])).collect();
    let with = |first| -> Vec<Entry> {
        let others = others.iter().map(|(name, rows)| (name.as_str(), "1", *rows));
        [("f", "1", first)].into_iter().chain(others).collect()
    };
    let many = judged(&with(now), &baseline(&with(THEN)));
    assert!(chance(&many, "SD").p_value > 3.0 * one, "{}", chance(&many, "SD").p_value);
}

/// One comparison, listed by either value or both, in either order, before or behind another facet: each of its metrics has one p-value
/// and one verdict. From the counts of the baseline, and with its values taken as exact.
#[test]
fn a_comparison_has_one_verdict_however_its_facet_is_listed() {
    let [now, then] = [[[263, 90, 40, 107], [290, 60, 22, 128]], [[329, 21, 22, 128], [300, 31, 30, 139]]];
    let exchanged = |[d, a]: [[u64; 4]; 2]| [a, d];
    let with_strata = |entries: &[Entry]| {
        let mut counts = counts(entries);
        for facet in &mut counts.facets {
            let mut halves = [facet.total; 2];
            for (half, stratum) in halves.iter_mut().enumerate() {
                for count in [&mut stratum.d, &mut stratum.a]
                    .into_iter()
                    .flat_map(|group| group.rows.as_flattened_mut())
                {
                    *count = (*count + half as u64) / 2;
                }
            }
            facet.strata = Some(halves.into());
        }
        counts
    };
    let sides = |rows| [("sex", "f", rows), ("sex", "m", exchanged(rows))];
    // The divergence is another number from the other side.
    let symmetric = || {
        let mut methods = methods();
        methods.pre_training_bias.as_mut().unwrap().retain(|code| *code != "KL");
        methods
    };
    let verdicts = |listed: &[&str], has_counts: bool| {
        let of = |rows| -> Vec<Entry> {
            listed.iter().map(|value| sides(rows)[usize::from(*value == "m")]).collect()
        };
        let mut baseline = results(&with_strata(&of(then)), &[], &symmetric());
        if !has_counts {
            for section in [&mut baseline.pre_training_bias_metrics, &mut baseline.post_training_bias_metrics]
            {
                let facets = section.as_mut().unwrap().facets.values_mut().flatten();
                facets.for_each(|facet| facet.counts = None);
            }
        }
        let mut facets = details(&with_strata(&of(now)), &[], &symmetric());
        judge(&mut facets, &baseline, 0.95, 0, &Stop::default()).unwrap();
        let verdicts = |facet: FacetDetails| -> Vec<(String, Option<f64>)> {
            let metrics = facet.metrics.into_iter();
            metrics.map(|metric| (metric.name, metric.chance.map(|chance| chance.p_value))).collect()
        };
        facets.into_iter().map(verdicts).collect::<Vec<_>>()
    };
    for has_counts in [true, false] {
        let expected = &verdicts(&["f"], has_counts)[0];
        let judged = |code: &str| {
            expected.iter().any(|(name, p)| name == code && p.is_some_and(|p| 0.0 < p && p < 1.0))
        };
        assert!(["CDDPL", "DI", "SD"].into_iter().any(judged), "{expected:?}");
        for listed in [&["m"][..], &["f", "m"], &["m", "f"]] {
            for found in verdicts(listed, has_counts) {
                for ((name, p), (_, expected)) in found.iter().zip(expected) {
                    // The inverse of a limit taken as exact is not the same to the last digit.
                    let difference = p.unwrap_or(-1.0) - expected.unwrap_or(-1.0);
                    let tolerance = if has_counts { 0.0 } else { 2e-4 };
                    assert!(
                        difference.abs() <= tolerance,
                        "{listed:?} {name}: {p:?} instead of {expected:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_chances() {
    let run = |seed| {
        let mut facets = details(&counts(&[("f", "1", NOW)]), &[], &methods());
        judge(&mut facets, &baseline(&[("f", "1", THEN)]), 0.95, seed, &Stop::default()).unwrap();
        facets
    };
    assert_eq!(run(3), run(3));
    assert_ne!(run(3), run(4));
}

#[test]
fn spoilt_counts_are_none_and_the_values_stay() {
    for counts in [
        r#"{"group": [1, 2, 3], "rest": [1, 2, 3, 4]}"#,
        r#"{"group": [1, 2, 3, -4], "rest": [1, 2, 3, 4]}"#,
        r#"{"group": [18446744073709551615, 2, 3, 4], "rest": [18446744073709551615, 2, 3, 4]}"#,
        r#""none""#,
        "null",
        "[]",
    ] {
        let text = format!(
            r#"{{"pre_training_bias_metrics": {{"facets": {{"f": [{{"value_or_threshold": "1", "counts": {counts},
            "metrics": [{{"name": "DPL", "value": 0.25}}]}}]}}}}}}"#
        );
        let read: Results = serde_json::from_str(&text).unwrap();
        let entry = &read.pre_training_bias_metrics.unwrap().facets["f"][0];
        assert_eq!((&entry.counts, entry.metrics[0].value), (&None, Some(Number::Float(0.25))), "{counts}");
    }
}

/// The distance of a metric from the nearer of its baseline and the baseline's mirror image, and the least distance from the other,
/// both in standard deviations, at which the p-value `of` both p-values is at most `bound`.
fn beyond_bound(bound: f64, of: impl Fn(f64, f64) -> f64) -> Vec<[f64; 2]> {
    let places = (0..4000).map(|place| (f64::from(place) + 0.5) * STEP - normal::quantile(bound));
    let least = |near: f64| {
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..50 {
            let middle = 0.5 * (low + high);
            if of(normal::below(-near), middle) <= bound { low = middle } else { high = middle }
        }
        [near, -normal::quantile(low.max(1e-12))]
    };
    places.map(least).collect()
}

const STEP: f64 = 0.002;

/// Two numbers of a normal distribution, the distances of a metric from its baseline and from the baseline's mirror image, in
/// standard deviations. Under the null hypothesis the mean of the nearer is 0, that of the other 0 or more. The chance that both
/// are beyond the bound on the one side or on the other, for a window that spreads `spread` times as far as its baseline.
fn chance_of_a_finding(beyond: &[[f64; 2]], mean: f64, spread: f64) -> f64 {
    let correlation = (spread * spread - 1.0) / (spread * spread + 1.0);
    let rest = (1.0 - correlation * correlation).sqrt();
    let found = |&[near, z]: &[f64; 2]| {
        let above = normal::below((correlation * near - (z - mean)) / rest);
        let below = normal::below((correlation * near - (z + mean)) / rest);
        // The second by symmetry: both numbers below.
        (-0.5 * near * near).exp() / std::f64::consts::TAU.sqrt() * (above + below) * STEP
    };
    beyond.iter().map(found).sum()
}

#[test]
fn a_p_value_of_both_directions_keeps_every_error_rate() {
    for bound in [0.2, 0.1, 0.06, LARGEST_OF_ALIKE, 0.02, 0.005, 0.0005] {
        let beyond = beyond_bound(bound, |one, other| of_both(one, other, true));
        for spread in [0.1, 0.3, 1.0, 1.5, 2.0, MOST_SPREAD] {
            for mean in (0..20).map(|place| f64::from(place) * 0.3) {
                let found = chance_of_a_finding(&beyond, mean, spread);
                assert!(found <= bound * 1.01, "{bound} {spread} {mean}: {found}");
            }
        }
    }
    // Of a baseline that hardly varies both directions count, and of large p-values the larger one is not enough.
    let larger = |bound| beyond_bound(bound, f64::max);
    assert!(chance_of_a_finding(&larger(LARGEST_OF_ALIKE), 0.0, 20.0) > 1.5 * LARGEST_OF_ALIKE);
    assert!(chance_of_a_finding(&larger(0.2), 0.0, MOST_SPREAD) > 1.1 * 0.2);
}

/// Windows in which a share moves by and by, held against a baseline near parity. The two p-values are those of normal distributions.
#[test]
fn up_to_five_percent_the_larger_p_value_counts_and_beyond_it_the_sum() {
    let share = |[positive, all]: [u64; 2]| (positive as f64 + 0.5) / (all as f64 + 1.0);
    let difference = |[d, a]: [[u64; 2]; 2]| share(d) - share(a);
    let variance = |[d, a]: [[u64; 2]; 2]| -> f64 {
        [d, a].iter().map(|&group| share(group) * (1.0 - share(group)) / (group[1] as f64 + 2.0)).sum()
    };
    let then = [[152, 500], [149, 500]];
    let mut seen = [0, 0];
    for positive in [170, 176, 180, 182, 184, 188, 190, 192, 196, 200] {
        let now = [[positive, 500], [149, 500]];
        let error = (variance(now) + variance(then)).sqrt();
        let [one, other] =
            [1.0, -1.0].map(|side| normal::below(-(difference(now) - side * difference(then)) / error));
        let is_small = one.max(other) <= 0.05;
        let expected = if is_small { one.max(other) } else { one + other };
        let found = p_value_of_labels(then, now, 0);
        assert!(
            (found - expected).abs() < 0.04 * expected,
            "{positive}: {found}, not {expected} of {one} and {other}"
        );
        seen[usize::from(is_small)] += 1;
    }
    assert!(seen.iter().all(|number| *number > 2), "{seen:?}");
}

#[test]
fn an_exact_baseline_at_parity_is_judged_in_both_directions() {
    assert_eq!(of_both(0.02, 0.01, true), 0.02);
    assert_eq!(of_both(0.02, 0.01, false), 0.03);
    assert_eq!(of_both(0.3, 0.1, true), 0.4);
    assert_eq!(of_both(0.9, 0.3, true), 1.0);
    let even: Vec<f64> = (0..1000).map(f64::from).collect();
    let times = |by: f64| Then::Drawn(even.iter().map(|draw| by * draw).collect());
    let is_spread_alike = |then: Then| pairs(&even, &then).is_spread_alike();
    assert!(is_spread_alike(times(0.5)) && is_spread_alike(times(9.0)));
    assert!(!is_spread_alike(times(0.3)) && !is_spread_alike(Then::Exact(0.0)));
}

/// A divergence may fall although the shares it is made of are farther apart: near 0 and 1 it is larger. Then DPL is farther, and
/// KL is not.
#[test]
fn a_distance_that_fell_is_not_farther_though_its_shares_are() {
    let of = |d: u64, a: u64| [[10_000 - d, 0, 0, d], [10_000 - a, 0, 0, a]];
    let found = judged(&[("f", "1", of(4000, 6000))], &baseline(&[("f", "1", of(200, 1500))]));
    assert!(chance(&found, "DPL").farther_from_parity && chance(&found, "TVD").farther_from_parity);
    assert!(!chance(&found, "KL").farther_from_parity, "{:?}", chance(&found, "KL"));
}

/// Constraints of this facet without counts, and of these metrics only.
fn hosted(then: [[u64; 4]; 2], codes: &[&str]) -> Results {
    let mut results = baseline(&[("f", "1", then)]);
    results.post_training_bias_metrics = None;
    let entry = &mut results.pre_training_bias_metrics.as_mut().unwrap().facets["f"][0];
    entry.counts = None;
    entry.metrics.retain(|metric| codes.contains(&metric.name.as_str()));
    results
}

/// Observed positives of the group and of the rest, of 10,000 each.
fn observed(d: u64, a: u64) -> [[u64; 4]; 2] {
    [[10_000 - d, 0, 0, d], [10_000 - a, 0, 0, a]]
}

/// Every distance is tested against a value taken as exact, whatever stands beside it, and agrees with the others.
#[test]
fn a_distance_without_counts_is_tested() {
    let (same, wider) = (observed(3000, 3060), observed(2600, 3300));
    for then in [observed(3000, 3050), observed(3050, 3000), observed(400, 500), observed(9000, 9100)] {
        let wider = if then == observed(400, 500) { observed(300, 700) } else { wider };
        let wider = if then == observed(9000, 9100) { observed(8800, 9400) } else { wider };
        let same = if then[0][3] < 2000 || then[0][3] > 8000 { then } else { same };
        for code in ["KL", "JS", "LP", "TVD", "KS"] {
            for codes in [vec![code], vec![code, "TVD"], vec![code, "DPL"]] {
                let hosted = hosted(then, &codes);
                let found = judged(&[("f", "1", wider)], &hosted);
                assert!(chance(&found, code).farther_from_parity, "{code} {codes:?} {then:?}");
                let found = judged(&[("f", "1", same)], &hosted);
                assert!(!chance(&found, code).farther_from_parity, "{code} {codes:?} {then:?}");
                assert!(chance(&found, code).exact_baseline && !chance(&found, code).unjudged);
            }
        }
    }
}

/// A value that a person chose is the limit, not the difference of the shares that the counts give or that stands beside it.
#[test]
fn a_divergence_is_tested_against_the_value_that_a_person_chose() {
    for (limit, is_farther, with_counts) in
        [(0.012, true, true), (0.0203, false, true), (0.012, true, false), (0.0203, false, false)]
    {
        let mut edited = baseline(&[("f", "1", observed(3000, 3050))]);
        if !with_counts {
            edited = hosted(observed(3000, 3050), &["DPL", "JS", "KL"]);
        }
        let entry = &mut edited.pre_training_bias_metrics.as_mut().unwrap().facets["f"][0];
        entry.metrics.iter_mut().find(|metric| metric.name == "KL").unwrap().value =
            Some(Number::Float(limit));
        let now = [("f", "1", observed(2400, 3300))];
        let found = judged(&now, &edited);
        let kl = found[0].metrics.iter().find(|metric| metric.name == "KL").unwrap();
        assert!(kl.value.unwrap().value() > limit, "{:?}", kl.value);
        assert_eq!(chance(&found, "KL").farther_from_parity, is_farther, "{kl:?}");
        assert!(chance(&found, "KL").exact_baseline && chance(&found, "DPL").farther_from_parity);
    }
}

/// A label that only one group has is left out of a distance: its value is not what the draws have.
#[test]
fn a_distance_that_leaves_a_label_out_is_not_judged() {
    let one_label = observed(0, 3000);
    for code in ["KL", "JS", "LP", "TVD", "KS"] {
        let found = judged(&[("f", "1", observed(0, 3010))], &hosted(one_label, &[code]));
        assert_eq!(chance(&found, code), UNJUDGED, "{code}");
    }
}

/// Without a change 5 % of the runs at most find one, from a baseline so large that it is exact: the root of a divergence has an even spread.
#[test]
fn a_divergence_tested_alone_keeps_the_error_rate() {
    let mut random = Random::new(7, 0);
    let mut sample = |share: f64, rows: u32| {
        (0..rows).filter(|_| random.normal() < normal::quantile(share)).count() as u64
    };
    for (d, a) in [(0.3, 0.3), (0.2, 0.3)] {
        let rows = |d: u64, a: u64, of: u64| [[of - d, 0, 0, d], [of - a, 0, 0, a]];
        let of = |share: f64| (share * 1e6) as u64;
        let then = hosted(rows(of(d), of(a), 1_000_000), &["KL"]);
        let found = (0..60).filter(|_| {
            let now = rows(sample(d, 500), sample(a, 500), 500);
            chance(&judged(&[("f", "1", now)], &then), "KL").farther_from_parity
        });
        let found = found.count();
        assert!(found <= 8, "{found} of 60 runs, {d} {a}");
    }
}
