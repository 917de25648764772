//! P-values hang on no order: of values, of facets, of metrics, of the baseline's entries.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// Rows of a value of the facet `race`, by sex: the four cells of either.
type Rows = [[u64; 4]; 2];

/// A group against all others, with as many strata as there are sexes: the metrics within strata follow from these.
fn against_all(parts: &[Rows], is_inside: impl Fn(usize, usize) -> bool) -> FacetCounts {
    let group = |[tn, fp, fn_, tp]: [u64; 4]| Group { rows: [[tn, fp], [fn_, tp]] };
    let mut strata = vec![Groups::default(); 2];
    for (value, rows) in parts.iter().enumerate() {
        for (sex, cells) in rows.iter().enumerate() {
            // Half of each row's kind in either stratum, the odd ones in the first.
            for (half, stratum) in strata.iter_mut().enumerate() {
                let part = group(cells.map(|rows| (rows + 1 - half as u64) / 2));
                let side = if is_inside(value, sex) { &mut stratum.d } else { &mut stratum.a };
                side.add(&part);
            }
        }
    }
    let mut total = Groups::default();
    for stratum in &strata {
        total.d.add(&stratum.d);
        total.a.add(&stratum.a);
    }
    FacetCounts { facet: String::new(), value_or_threshold: String::new(), total, strata: Some(strata) }
}

const ENTRIES: [(&str, &str); 5] = [("race", "a"), ("race", "b"), ("race", "c"), ("sex", "f"), ("sex", "m")];

fn counts_in(order: &[usize], parts: &[Rows; 3]) -> BiasCounts {
    let facets = order.iter().map(|&place| {
        let (facet, value) = ENTRIES[place];
        let counts = match place {
            0..3 => against_all(parts, |value, _| value == place),
            _ => against_all(parts, |_, sex| sex == place - 3),
        };
        FacetCounts { facet: facet.into(), value_or_threshold: value.into(), ..counts }
    });
    BiasCounts { facets: facets.collect(), ..counts(&[]) }
}

/// Verdict and digits of the p-value of every metric of every entry.
type Verdicts = BTreeMap<(String, String, String), Option<(u64, Chance)>>;

/// Of a check whose facets, metrics and baseline stand in these orders.
fn verdicts(
    now: &[Rows; 3],
    then: &[Rows; 3],
    [of_now, of_then]: [&[usize]; 2],
    has_counts: bool,
) -> Verdicts {
    let mut baseline = results(&counts_in(of_then, then), &[], &methods());
    for section in [&mut baseline.pre_training_bias_metrics, &mut baseline.post_training_bias_metrics] {
        for (place, entry) in section.as_mut().unwrap().facets.values_mut().flatten().enumerate() {
            let turn = (of_then[0] + place) % entry.metrics.len();
            entry.metrics.rotate_left(turn);
            if !has_counts {
                entry.counts = None;
            }
        }
    }
    let mut facets = details(&counts_in(of_now, now), &[], &methods());
    for (place, facet) in facets.iter_mut().enumerate() {
        let turn = (3 * of_now[0] + place) % facet.metrics.len();
        facet.metrics.rotate_left(turn);
    }
    judge(&mut facets, &baseline, 0.95, 0, &Stop::default()).unwrap();
    let of_facet = |facet: FacetDetails| {
        let FacetDetails { facet, value_or_threshold, metrics, .. } = facet;
        metrics.into_iter().map(move |metric| {
            let chance = metric.chance.map(|chance| (chance.p_value.to_bits(), chance));
            ((facet.clone(), value_or_threshold.clone(), metric.name), chance)
        })
    };
    facets.into_iter().flat_map(of_facet).collect()
}

fn rows() -> impl Strategy<Value = [Rows; 3]> {
    let cells = prop_oneof![4 => 20_u64..300, 1 => 0_u64..8];
    prop::array::uniform3(prop::array::uniform2(prop::array::uniform4(cells)))
}

fn order() -> impl Strategy<Value = Vec<usize>> {
    Just((0..ENTRIES.len()).collect::<Vec<_>>()).prop_shuffle()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn no_order_changes_a_p_value(
        now in rows(),
        // The baseline is the window, changed a little here and there.
        changes in prop::array::uniform3(prop::array::uniform2(prop::array::uniform4(0_u64..60))),
        orders in [order(), order()],
        has_counts in any::<bool>(),
    ) {
        let mut then = now;
        let cells = then.as_flattened_mut().as_flattened_mut();
        cells.iter_mut().zip(changes.as_flattened().as_flattened()).for_each(|(cell, change)| *cell += change);
        let in_order: Vec<usize> = (0..ENTRIES.len()).collect();
        let expected = verdicts(&now, &then, [&in_order, &in_order], has_counts);
        prop_assert!(expected.values().flatten().any(|(_, chance)| !chance.unjudged));
        let found = verdicts(&now, &then, [&orders[0], &orders[1]], has_counts);
        prop_assert_eq!(found, expected);
    }
}

/// One check in some orders, far from trivial: its p-values are neither 0 nor 1.
#[test]
fn every_order_of_a_check_gives_the_same_chances() {
    let now = [
        [[150, 20, 15, 60], [140, 25, 20, 55]],
        [[90, 30, 25, 80], [100, 10, 20, 40]],
        [[60, 9, 14, 30], [75, 22, 9, 41]],
    ];
    let then = [
        [[160, 12, 15, 60], [150, 15, 14, 55]],
        [[99, 20, 16, 80], [100, 10, 20, 40]],
        [[66, 9, 10, 30], [80, 14, 9, 41]],
    ];
    let expected = verdicts(&now, &then, [&[0, 1, 2, 3, 4]; 2], true);
    let entropy = |verdicts: &Verdicts| verdicts[&("sex".into(), "m".into(), "GE".into())].unwrap().1.p_value;
    assert!((0.0..1.0).contains(&entropy(&expected)), "{}", entropy(&expected));
    for order in [[4, 3, 2, 1, 0], [1, 2, 0, 4, 3], [2, 0, 1, 3, 4], [3, 0, 4, 1, 2]] {
        assert_eq!(verdicts(&now, &then, [&order, &order], true), expected, "{order:?}");
    }
}

/// An entry whose limit a person chose has a test of its own; the others keep theirs.
#[test]
fn an_entropy_that_a_person_chose_is_the_limit_of_its_entry_only() {
    let sample = |rows: u64| [[[150, rows, 15, 60]; 2]; 3];
    let in_order: Vec<usize> = (0..3).collect();
    let methods = Methods { pre_training_bias: None, post_training_bias: Some(vec![ENTROPY]), ..methods() };
    let p_values = |edited: Option<usize>| -> Vec<Chance> {
        let mut baseline = results(&counts_in(&in_order, &sample(10)), &[], &methods);
        let facets = &mut baseline.post_training_bias_metrics.as_mut().unwrap().facets;
        for (place, entry) in facets.values_mut().flatten().enumerate() {
            if edited == Some(place) {
                entry.metrics[0].value = Some(Number::Float(0.5));
            }
        }
        let mut facets = details(&counts_in(&in_order, &sample(40)), &[], &methods);
        judge(&mut facets, &baseline, 0.95, 0, &Stop::default()).unwrap();
        facets.iter().map(|facet| facet.metrics[0].chance.unwrap()).collect()
    };
    assert!(p_values(None).iter().all(|chance| chance.farther_from_parity));
    for edited in 0..3 {
        for (place, chance) in p_values(Some(edited)).iter().enumerate() {
            assert_eq!(chance.exact_baseline, place == edited, "{edited} {place}: {chance:?}");
            assert_eq!(chance.farther_from_parity, place != edited, "{edited} {place}: {chance:?}");
        }
    }
}
