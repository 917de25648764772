//! Populations whose bias metrics are known, samples of them, and the drift check of one sample against another.

use analyzer_job::bias;
use analyzer_job::config::{Methods, ReportNames};
use analyzer_job::drift::bias::{Rule, compare, violations};
use analyzer_job::drift::chance::judge;
use analyzer_job::results::Results;
use analyzer_job::results::details::{FacetDetails, Stage};
use analyzer_job::results::metrics::codes_of;
use analyzer_job::settings::Windows;
use analyzer_job::state::counts::{BiasCounts, FacetCounts, Group, Groups};
use plumbline_common::stop::Stop;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Rates of a group: observed positive, predicted positive among the observed positive and among the observed negative.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rates {
    pub(crate) positive: f64,
    pub(crate) recall: f64,
    pub(crate) false_positive: f64,
}

impl Rates {
    /// Chances of the cells `[observed][predicted]`.
    pub(crate) fn cells(&self) -> [[f64; 2]; 2] {
        let [yes, no] = [self.positive, 1.0 - self.positive];
        [
            [no * (1.0 - self.false_positive), no * self.false_positive],
            [yes * (1.0 - self.recall), yes * self.recall],
        ]
    }
}

/// A population.
#[derive(Debug, Clone, Copy)]
pub(crate) struct World {
    /// Share of the rows that are in the group.
    pub(crate) share: f64,
    pub(crate) group: Rates,
    pub(crate) rest: Rates,
}

impl World {
    /// `rows` rows at random; each is in the group by chance.
    pub(crate) fn sample(&self, rows: u64, random: &mut ChaCha8Rng) -> Groups {
        let mut groups = Groups::default();
        let cells = [self.group.cells(), self.rest.cells()];
        for _ in 0..rows {
            let side = usize::from(random.random::<f64>() >= self.share);
            let (observed, predicted) = cell(&cells[side], random);
            let group = if side == 0 { &mut groups.d } else { &mut groups.a };
            group.rows[observed][predicted] += 1;
        }
        groups
    }

    /// So many rows of the group and of the rest.
    #[allow(dead_code, reason = "used by one of the two programs")]
    pub(crate) fn sample_groups(&self, rows: [u64; 2], random: &mut ChaCha8Rng) -> Groups {
        let mut groups = Groups::default();
        for (group, rates, rows) in
            [(&mut groups.d, &self.group, rows[0]), (&mut groups.a, &self.rest, rows[1])]
        {
            let cells = rates.cells();
            for _ in 0..rows {
                let (observed, predicted) = cell(&cells, random);
                group.rows[observed][predicted] += 1;
            }
        }
        groups
    }

    /// The population itself, as counts of very many rows.
    #[allow(dead_code, reason = "used by one of the two programs")]
    pub(crate) fn truth(&self, rows: [u64; 2]) -> Groups {
        let of = |rates: &Rates, rows: u64| Group {
            rows: rates.cells().map(|row| row.map(|chance| (chance * rows as f64 * 1e9).round() as u64)),
        };
        Groups { d: of(&self.group, rows[0]), a: of(&self.rest, rows[1]) }
    }
}

fn cell(cells: &[[f64; 2]; 2], random: &mut ChaCha8Rng) -> (usize, usize) {
    let mut left = random.random::<f64>();
    for (observed, row) in cells.iter().enumerate() {
        for (predicted, chance) in row.iter().enumerate() {
            left -= chance;
            if left < 0.0 {
                return (observed, predicted);
            }
        }
    }
    (0, 0)
}

pub(crate) fn random(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

pub(crate) fn every_metric() -> Methods {
    Methods {
        pre_training_bias: Some(codes_of(Stage::PreTraining).collect()),
        post_training_bias: Some(codes_of(Stage::PostTraining).collect()),
        shap: None,
        pdp: None,
        report: ReportNames { name: "report".into(), title: "Report".into() },
    }
}

/// The difference of the shares predicted positive, and nothing else.
#[allow(dead_code, reason = "used by one of the two programs")]
pub(crate) fn shares_alone() -> Methods {
    Methods { pre_training_bias: None, post_training_bias: Some(vec!["DPPL"]), ..every_metric() }
}

pub(crate) fn counts(groups: &[Groups]) -> BiasCounts {
    let facets = (1..).zip(groups).map(|(value, groups): (u32, _)| FacetCounts {
        facet: "f".into(),
        value_or_threshold: value.to_string(),
        total: *groups,
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

#[allow(dead_code, reason = "used by one of the two programs")]
pub(crate) fn details(counts: &BiasCounts) -> Vec<FacetDetails> {
    bias::details(counts, &[], &every_metric())
}

/// So many rows of the group and of the rest, each in a stratum by chance: the strata's shares and their populations.
#[allow(dead_code, reason = "used by one of the two programs")]
pub(crate) fn sample_strata(strata: &[(f64, World)], rows: [u64; 2], random: &mut ChaCha8Rng) -> Vec<Groups> {
    let mut groups = vec![Groups::default(); strata.len()];
    for (side, rows) in rows.into_iter().enumerate() {
        let cells: Vec<[[f64; 2]; 2]> = strata
            .iter()
            .map(|(_, world)| if side == 0 { world.group.cells() } else { world.rest.cells() })
            .collect();
        for _ in 0..rows {
            let mut left = random.random::<f64>();
            let chosen = strata.iter().position(|(weight, _)| {
                left -= weight;
                left < 0.0
            });
            let stratum = chosen.unwrap_or(0);
            let (observed, predicted) = cell(&cells[stratum], random);
            let group = if side == 0 { &mut groups[stratum].d } else { &mut groups[stratum].a };
            group.rows[observed][predicted] += 1;
        }
    }
    groups
}

#[allow(dead_code, reason = "used by one of the two programs")]
pub(crate) fn with_strata(strata: Vec<Groups>) -> BiasCounts {
    let mut total = Groups::default();
    for stratum in &strata {
        total.d.add(&stratum.d);
        total.a.add(&stratum.a);
    }
    let mut counts = counts(&[total]);
    counts.facets[0].strata = Some(strata);
    counts
}

/// A baseline made from a sample of each group. `with_counts`: as this program writes it; else as the hosted service does.
pub(crate) fn baseline(groups: &[Groups], with_counts: bool) -> Results {
    let mut results = bias::results(&counts(groups), &[], &every_metric());
    let sections = [&mut results.post_training_bias_metrics, &mut results.pre_training_bias_metrics];
    if !with_counts {
        for entry in sections.into_iter().flatten().flat_map(|section| section.facets.values_mut().flatten())
        {
            entry.counts = None;
        }
    }
    results
}

/// The metrics that a check raises an alarm for. `beyond_chance_only`: else by the hosted rule.
pub(crate) fn alarms(now: &[Groups], baseline: &Results, beyond_chance_only: bool) -> usize {
    alarms_among(&every_metric(), now, baseline, beyond_chance_only)
}

/// The same for a run that is asked for these metrics.
pub(crate) fn alarms_among(
    methods: &Methods,
    now: &[Groups],
    baseline: &Results,
    beyond_chance_only: bool,
) -> usize {
    let counts = counts(now);
    let results = bias::results(&counts, &[], methods);
    let mut facets = Vec::new();
    if beyond_chance_only {
        facets = bias::details(&counts, &[], methods);
        if judge(&mut facets, baseline, 0.95, 0, &Stop::default()).is_err() {
            return usize::MAX;
        }
    }
    let rule = Rule { beyond_chance_only, windows: Windows { agreeing: 1, of: 1 } };
    violations(&compare(&results, &facets, baseline), &facets, &rule, &[]).len()
}

/// A model of fair quality that treats both groups alike.
pub(crate) const ALIKE: Rates = Rates { positive: 0.3, recall: 0.85, false_positive: 0.06 };

/// Two halves, treated alike.
#[allow(dead_code, reason = "used by one of the two programs")]
pub(crate) const FAIR: World = World { share: 0.5, group: ALIKE, rest: ALIKE };

/// A group that is predicted positive by 0.1 less often than the rest: 0.2 against 0.3.
#[allow(dead_code, reason = "used by one of the two programs")]
pub(crate) const UNFAIR: World =
    World { share: 0.5, group: Rates { positive: 0.3, recall: 0.56, false_positive: 0.046 }, rest: ALIKE };
