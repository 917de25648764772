//! The tables of docs/bias-metrics.md on false alarms, power and coverage.
//!
//! `cargo run --release -p analyzer-job --example chance_tables -- 4000` prints them as Markdown, from 4,000 samples for each
//! entry of the coverage and a quarter as many of the others. Seeds are fixed: the same number gives the same tables. A second
//! argument, `alarms`, `conditional` or `coverage`, prints only these.

#[path = "chance/worlds.rs"]
mod worlds;

use std::error::Error;
use std::io::{Write as _, stdout};

use analyzer_job::bias;
use analyzer_job::config::Methods;
use analyzer_job::drift::chance::judge;
use analyzer_job::results::details::FacetDetails;
use analyzer_job::results::{Number, Results};
use analyzer_job::state::counts::BiasCounts;
use plumbline_common::stop::Stop;
use rayon::prelude::*;

use worlds::{
    ALIKE, Rates, World, alarms, alarms_among, baseline, counts, details, every_metric, random,
    sample_strata, shares_alone, with_strata,
};

/// Rows of the baseline and of the window.
const SIZES: [[u64; 2]; 3] = [[1000, 1000], [1000, 5000], [5000, 1000]];
/// With 1,000 rows of either group too, of two that are as large.
const MORE_SIZES: [[u64; 2]; 4] = [[1000, 1000], [1000, 5000], [5000, 1000], [2000, 2000]];

fn main() -> Result<(), Box<dyn Error>> {
    let samples: u64 = std::env::args().nth(1).map_or(Ok(4000), |text| text.parse())?;
    let only = std::env::args().nth(2);
    let is_asked = |name: &str| only.as_deref().is_none_or(|only| only == name);
    let mut text = String::new();
    if is_asked("alarms") {
        let of = |cases: &[Case], sizes: &[[u64; 2]]| alarm_table(cases, sizes, samples / 4);
        for (title, table) in [
            ("Runs without a change that raise an alarm", of(&unchanged(), &SIZES)),
            ("Runs with a change of the predictions that raise an alarm", of(&changed(), &SIZES)),
            (
                "Runs with a change of labels and predictions that raise an alarm",
                of(&changed_along(), &MORE_SIZES),
            ),
        ] {
            text.push_str(&format!("{title}:\n\n{table}\n"));
        }
    }
    if is_asked("conditional") {
        text.push_str(&format!(
            "Runs without a change in which a conditional metric raises an alarm:\n\n{}\n",
            conditional_table(samples)?
        ));
    }
    if is_asked("coverage") {
        text.push_str(&format!("Coverage of the 95 % intervals:\n\n{}", coverage_table(samples)));
    }
    stdout().write_all(text.as_bytes())?;
    Ok(())
}

/// A name, the population of the baseline and that of the window.
type Case = (&'static str, World, World);

fn unchanged() -> Vec<Case> {
    let gap = Rates { positive: 0.2, recall: 0.7, false_positive: 0.05 };
    let rare = Rates { positive: 0.05, recall: 0.6, false_positive: 0.02 };
    [
        ("groups alike, 50/50", World { share: 0.5, group: ALIKE, rest: ALIKE }),
        ("groups alike, 20/80", World { share: 0.2, group: ALIKE, rest: ALIKE }),
        ("group worse off, 50/50", World { share: 0.5, group: gap, rest: ALIKE }),
        ("group worse off, 20/80", World { share: 0.2, group: gap, rest: ALIKE }),
        ("rare positives, 50/50", World { share: 0.5, group: rare, rest: rare }),
    ]
    .map(|(name, world)| (name, world, world))
    .to_vec()
}

fn changed() -> Vec<Case> {
    let fewer = Rates { positive: 0.3, recall: 0.56, false_positive: 0.046 };
    let more = Rates { positive: 0.3, recall: 0.9, false_positive: 0.186 };
    let half_fewer = Rates { positive: 0.3, recall: 0.7, false_positive: 0.057 };
    let alike = |share| World { share, group: ALIKE, rest: ALIKE };
    vec![
        ("acceptance of the group 0.30 to 0.20, 50/50", alike(0.5), World { group: fewer, ..alike(0.5) }),
        ("acceptance of the group 0.30 to 0.40, 50/50", alike(0.5), World { group: more, ..alike(0.5) }),
        ("acceptance of the group 0.30 to 0.20, 20/80", alike(0.2), World { group: fewer, ..alike(0.2) }),
        ("acceptance of the group 0.30 to 0.40, 20/80", alike(0.2), World { group: more, ..alike(0.2) }),
        (
            "acceptance of the group 0.30 to 0.25, 50/50",
            alike(0.5),
            World { group: half_fewer, ..alike(0.5) },
        ),
    ]
}

/// The labels change as much as the predictions: the model is as good as before, and the metrics of its errors stay as they are.
fn changed_along() -> Vec<Case> {
    let fewer = Rates { positive: 0.2, recall: 0.85, false_positive: 0.034 };
    let more = Rates { positive: 0.4, recall: 0.85, false_positive: 0.095 };
    let alike = |share| World { share, group: ALIKE, rest: ALIKE };
    let of = |name, share, group| (name, alike(share), World { group, ..alike(share) });
    vec![
        of("labels and acceptance 0.30 to 0.20, 50/50", 0.5, fewer),
        of("labels and acceptance 0.30 to 0.40, 50/50", 0.5, more),
        of("labels and acceptance 0.30 to 0.20, 20/80", 0.2, fewer),
        of("labels and acceptance 0.30 to 0.40, 20/80", 0.2, more),
    ]
}

fn alarm_table(cases: &[Case], sizes: &[[u64; 2]], samples: u64) -> String {
    let mut text = String::from(
        "| population | baseline / window | by value (hosted rule) | by chance, baseline exact | by chance, with counts | \
         the same, only DPPL asked for |\n|---|---|---|---|---|---|\n",
    );
    let rows = cases.iter().flat_map(|case| sizes.iter().map(move |sizes| (case, *sizes)));
    let rows: Vec<(&Case, [u64; 2])> = rows.collect();
    let told = rows.into_par_iter().map(|((name, then, now), [rows_then, rows_now])| {
        let mut random = random(rows_then * 7 + rows_now);
        let mut found = [0; 4];
        for _ in 0..samples {
            let (old, new) = (then.sample(rows_then, &mut random), now.sample(rows_now, &mut random));
            let with_counts = baseline(&[old], true);
            let exact = baseline(&[old], false);
            found[0] += u32::from(alarms(&[new], &with_counts, false) > 0);
            found[1] += u32::from(alarms(&[new], &exact, true) > 0);
            found[2] += u32::from(alarms(&[new], &with_counts, true) > 0);
            found[3] += u32::from(alarms_among(&shares_alone(), &[new], &with_counts, true) > 0);
        }
        let percents = found.map(|found| format!("{:.1} %", 100.0 * f64::from(found) / samples as f64));
        format!("| {name} | {rows_then} / {rows_now} | {} |\n", percents.join(" | "))
    });
    text.push_str(&told.collect::<String>());
    text
}

/// Values of the group variable: their share of the rows, and by how much more often a row of theirs is positive.
const STRATA: [(f64, f64); 4] = [(0.4, 0.7), (0.3, 1.0), (0.2, 1.2), (0.1, 1.4)];

/// Shares of the confidence at which the conditional metrics are tried.
const CONFIDENCES: [f64; 4] = [0.8, 0.9, 0.95, 0.99];

/// Values of the group variable, each with its share of the rows and its population: a group worse off in each.
type Values = Vec<(f64, World)>;

fn conditional_worlds() -> Vec<(&'static str, Values)> {
    let of = |positive: [f64; 2]| {
        let [group, rest] = positive.map(|positive| Rates { positive, recall: 0.85, false_positive: 0.06 });
        World { share: 0.5, group, rest }
    };
    let equal = |values: u8, positive| (0..values).map(|_| (1.0 / f64::from(values), of(positive))).collect();
    vec![
        ("one value", equal(1, [0.2, 0.35])),
        ("four values", STRATA.map(|(share, by)| (share, of([0.2 * by, 0.3 * by]))).to_vec()),
        ("ten values", equal(10, [0.3, 0.45])),
        ("thirty values", equal(30, [0.35, 0.5])),
        (
            "four values, rare positives",
            STRATA.map(|(share, by)| (share, of([0.06 * by, 0.1 * by]))).to_vec(),
        ),
    ]
}

/// Share of the samples of either metric, asked for alone, that raise an alarm; a dash where fewer than a fifth have enough rows.
fn conditional_table(samples: u64) -> Result<String, Box<dyn Error>> {
    let mut text = String::from("| group variable | group / rest | baseline / window |");
    for code in ["CDDL", "CDDPL"] {
        text.push_str(&CONFIDENCES.map(|level| format!(" {code}, {:.0} % |", 100.0 * level)).concat());
    }
    text.push_str(&format!("\n|---|---|---|{}\n", "---|".repeat(2 * CONFIDENCES.len())));
    let worlds = conditional_worlds();
    let mut rows = Vec::new();
    for (name, values) in &worlds {
        for shares in [[1, 1], [1, 4]] {
            for sizes in [[1000, 1000], [1000, 5000], [5000, 1000], [5000, 5000]] {
                rows.push((*name, values, shares, sizes));
            }
        }
    }
    let told: Vec<Result<String, String>> = rows
        .into_par_iter()
        .map(|(name, values, shares, sizes)| {
            let row = conditional_row(values, shares, sizes, samples).map_err(|error| error.to_string())?;
            let ([of_group, of_rest], [then, now]) = (shares, sizes);
            Ok(format!("| {name} | {of_group} / {of_rest} | {then} / {now} |{row}\n"))
        })
        .collect();
    for row in told {
        text.push_str(&row?);
    }
    Ok(text)
}

/// `shares`: of group and rest; `sizes`: rows of baseline and window.
fn conditional_row(
    values: &Values,
    [of_group, of_rest]: [u64; 2],
    sizes: [u64; 2],
    samples: u64,
) -> Result<String, Box<dyn Error>> {
    let [then, now] = sizes.map(|rows: u64| {
        let group = rows * of_group / (of_group + of_rest);
        [group, rows - group]
    });
    let mut random = random(sizes[0] * 11 + sizes[1] + of_rest);
    let mut found = [[0_u64; CONFIDENCES.len()]; 2];
    let mut judged = [0_u64; 2];
    for _ in 0..samples {
        let then = with_strata(sample_strata(values, then, &mut random));
        let now = with_strata(sample_strata(values, now, &mut random));
        for (place, code) in ["CDDL", "CDDPL"].into_iter().enumerate() {
            let Some(p_value) = p_value_of(code, &then, &now)? else { continue };
            judged[place] += 1;
            for (found, level) in found[place].iter_mut().zip(CONFIDENCES) {
                *found += u64::from(p_value <= 1.0 - level);
            }
        }
    }
    let mut row = String::new();
    for (found, judged) in found.iter().zip(judged) {
        for found in found {
            row.push_str(&match judged * 5 < samples {
                true => " – |".into(),
                false => format!(" {:.1} |", 100.0 * *found as f64 / judged as f64),
            });
        }
    }
    Ok(row)
}

/// The p-value of a metric that is farther from 0 than in the baseline, 1 of one that is not; none of too few rows.
fn p_value_of(
    code: &'static str,
    then: &BiasCounts,
    now: &BiasCounts,
) -> Result<Option<f64>, Box<dyn Error>> {
    let methods = Methods {
        pre_training_bias: (code == "CDDL").then(|| vec![code]),
        post_training_bias: (code == "CDDPL").then(|| vec![code]),
        ..every_metric()
    };
    let mut facets = bias::details(now, &[], &methods);
    judge(&mut facets, &bias::results(then, &[], &methods), 0.95, 0, &Stop::default())?;
    let metric = facets.first().and_then(|facet| facet.metrics.first());
    let chance = metric.and_then(|metric| metric.chance).filter(|chance| !chance.unjudged);
    let size = |value: Option<Number>| value.map_or(0.0, |value| value.value().abs());
    let is_farther = metric.is_some_and(|metric| size(metric.value) > size(metric.baseline));
    Ok(chance.map(|chance| if is_farther { chance.p_value } else { 1.0 }))
}

/// Share of the samples with enough rows whose interval holds the true value, by metric, size and rate; a dash where
/// fewer than half of the samples have enough rows.
fn coverage_table(samples: u64) -> String {
    let codes =
        ["CI", "DPL", "DPPL", "DI", "AD", "RD", "SD", "DAR", "DRR", "DCA", "DCR", "TE", "CDDL", "CDDPL"];
    let mut text = format!("| rows of the group / the rest | rate | {} |\n", codes.join(" | "));
    text.push_str(&format!("|---|---|{}\n", "---|".repeat(codes.len())));
    let (mut least, mut most) = (100.0_f64, 0.0_f64);
    for rows in [20, 50, 100, 300, 1000, 5000].into_iter().flat_map(|n| [[n, n], [n, 4 * n]]) {
        for rate in [0.01, 0.05, 0.1, 0.3, 0.5] {
            let held = coverage(rows, rate, &codes, samples);
            let mut cells = Vec::new();
            for [inside, of] in held {
                let percent = 100.0 * inside as f64 / of as f64;
                if of * 2 < samples {
                    cells.push("–".into());
                } else {
                    (least, most) = (least.min(percent), most.max(percent));
                    cells.push(format!("{percent:.1}"));
                }
            }
            if cells.iter().any(|cell| cell != "–") {
                text.push_str(&format!("| {} / {} | {rate} | {} |\n", rows[0], rows[1], cells.join(" | ")));
            }
        }
    }
    text.push_str(&format!("\nFrom {least:.1} to {most:.1} %.\n"));
    text
}

/// For each metric: samples whose interval holds the true value, of how many with enough rows.
fn coverage(rows: [u64; 2], rate: f64, codes: &[&str], samples: u64) -> Vec<[u64; 2]> {
    let rest = Rates { positive: rate, recall: 0.7, false_positive: 0.3 * rate / (1.0 - rate) };
    let group = Rates { positive: 0.8 * rate, recall: 0.6, ..rest };
    let world = World { share: rows[0] as f64 / (rows[0] + rows[1]) as f64, group, rest };
    let more = |rates: Rates, by: f64| Rates { positive: (by * rates.positive).min(0.9), ..rates };
    let strata = STRATA
        .map(|(weight, by)| (weight, World { group: more(group, by), rest: more(rest, by), ..world }))
        .to_vec();
    let truth = bias::results(&counts(&[world.truth(rows)]), &[], &every_metric());
    let of_strata =
        strata.iter().map(|(weight, world)| world.truth(rows.map(|n| (n as f64 * weight * 10.0) as u64)));
    let conditional_truth = bias::results(&with_strata(of_strata.collect()), &[], &every_metric());
    let mut random = random(rows[0] * 31 + rows[1] + (rate * 1000.0) as u64);
    let mut held = vec![[0_u64; 2]; codes.len()];
    for _ in 0..samples {
        let fixed = details(&counts(&[world.sample_groups(rows, &mut random)]));
        // The sizes of the groups are an outcome of chance for CI alone.
        let free = details(&counts(&[world.sample(rows[0] + rows[1], &mut random)]));
        let conditional = details(&with_strata(sample_strata(&strata, rows, &mut random)));
        for (code, held) in codes.iter().zip(&mut held) {
            let (facets, truth) = match *code {
                "CI" => (&free, value(&truth, code)),
                "CDDL" | "CDDPL" => (&conditional, value(&conditional_truth, code)),
                _ => (&fixed, value(&truth, code)),
            };
            if let Some(inside) = truth.and_then(|truth| holds(facets, code, truth)) {
                held[0] += u64::from(inside);
                held[1] += 1;
            }
        }
    }
    held
}

fn value(truth: &Results, code: &str) -> Option<f64> {
    [&truth.post_training_bias_metrics, &truth.pre_training_bias_metrics]
        .into_iter()
        .flatten()
        .filter_map(|section| section.facets.get("f")?.first())
        .flat_map(|entry| &entry.metrics)
        .find(|known| known.name == code)?
        .value
        .map(Number::value)
}

/// Whether the interval holds the true value; none without enough rows.
fn holds(facets: &[FacetDetails], code: &str, truth: f64) -> Option<bool> {
    let metric = facets.first()?.metrics.iter().find(|metric| metric.name == code)?;
    let [low, high] = metric.interval.filter(|_| metric.enough_rows)?.map(Number::value);
    Some(low <= truth && truth <= high)
}
