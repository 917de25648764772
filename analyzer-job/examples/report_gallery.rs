//! Writes reports on invented data into the folder given, one folder for each kind of run:
//!
//! `cargo run --release --example report_gallery -- target/gallery [NAME..]`

#[path = "report_gallery/monitors.rs"]
mod monitors;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::time::Instant;

use analyzer_job::config::ReportNames;
use analyzer_job::report;
use analyzer_job::results::details::{
    BiasDetails, Chance, Check, EarlierRun, EstimatorUse, ExplanationDetails, FacetDetails, FeatureDetails,
    Findings, HeldBack, InputDigest, MetricDetails, OutputDetails, RowCounts, RunDetails, SegmentDetails,
    Selected, SelectionNote, SelectionRole, SettingUsed, Skipped, Stage,
};
use analyzer_job::results::{
    Attributions, BiasSection, Explanations, FacetResult, MetricResult, Number, PartialDependence, Results,
    VERSION, Violation, Violations,
};
use analyzer_job::state::counts::{Group, Groups, LeftOut};
use analyzer_job::values::numbers::to_pretty_json;
use indexmap::IndexMap;
use serde_json::{Value as Json, json};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).ok_or("usage: report_gallery FOLDER")?;
    let asked: Vec<String> = std::env::args().skip(2).collect();
    write(Path::new(&folder), &asked)
}

/// The runs of these names; of none given all.
pub(crate) fn write(folder: &Path, asked: &[String]) -> Result<(), Box<dyn Error>> {
    let names = ReportNames { name: "report".into(), title: "Analysis Report".into() };
    for (name, findings, history) in
        runs().into_iter().filter(|run| asked.is_empty() || asked.iter().any(|a| a == run.0))
    {
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder)?;
        let start = Instant::now();
        report::write(&findings, &names, &history, &folder, &std::env::temp_dir())?;
        let millis = start.elapsed().as_millis();
        let sizes: Vec<String> = ["html", "pdf", "ipynb"]
            .iter()
            .map(|kind| {
                let bytes =
                    std::fs::metadata(folder.join(format!("report.{kind}"))).map_or(0, |file| file.len());
                format!("{kind} {} kB", bytes / 1000)
            })
            .collect();
        #[expect(clippy::print_stdout, reason = "an example talks to the person who runs it")]
        {
            println!("{name}: {millis} ms, {}", sizes.join(", "));
        }
        std::fs::write(folder.join("analysis.json"), to_pretty_json(&findings.results)?)?;
        if !findings.violations.is_empty() {
            let violations = Violations { version: VERSION.into(), violations: findings.violations.clone() };
            std::fs::write(folder.join("constraint_violations.json"), to_pretty_json(&violations)?)?;
        }
        if let Some(details) = &findings.bias {
            std::fs::write(folder.join("bias_details.json"), to_pretty_json(details)?)?;
        }
        if let Some(details) = &findings.explanations {
            std::fs::write(folder.join("explanations_details.json"), to_pretty_json(details)?)?;
        }
    }
    monitors::write(folder, asked)
}

fn runs() -> Vec<(&'static str, Findings, Vec<EarlierRun>)> {
    let loans = [Facet::new("Gender", "female", [[611, 24], [146, 31]], [[902, 131], [190, 245]])];
    let steady = [
        Facet::new("Gender", "female", [[611, 74], [66, 131]], [[902, 131], [90, 245]]),
        Facet::new("Age", "(40, 80]", [[711, 94], [86, 161]], [[802, 111], [70, 215]]),
    ];
    let nasty = [
        Facet::new(
            "</script><script>alert(1)</script>",
            "<img src=x onerror=alert(2)>",
            [[61, 4], [14, 9]],
            [[90, 31], [19, 45]],
        ),
        Facet::new(
            "#set page(fill: red) $x$ *bold* \\u{41}",
            "`code` [link](javascript:alert(3))",
            [[61, 4], [14, 9]],
            [[90, 31], [19, 45]],
        ),
        Facet::new("النوع", "أنثى", [[61, 4], [14, 9]], [[90, 31], [19, 45]]),
        Facet::new("年齢層 👩‍🚀", "四十歳以上", [[61, 4], [14, 9]], [[90, 31], [19, 45]]),
        Facet::new(
            "a_name_of_sixty_characters_that_nobody_would_ever_choose_ok",
            "AnotherValueWithoutAnyPlaceToBreakTheLineWhichIsSixtyLettersX",
            [[61, 4], [14, 9]],
            [[90, 31], [19, 45]],
        ),
    ];
    let dozen: Vec<Facet> = (1..=12)
        .map(|n| {
            let value = format!("region {n}");
            Facet::new("Region", &value, [[40 + 9 * n, 4 + n], [14, 9 + n / 2]], [[900, 131], [190, 245]])
        })
        .collect();
    let broken = [Facet::new("Gender", "female", [[3, 0], [0, 0]], [[402, 31], [90, 45]])];
    let mut clean = bias_run(&steady, Baseline::Farther, "Bias monitor");
    if let Some(bias) = &mut clean.bias {
        bias.run.rows.records_skipped.clear();
    }
    let mut with_segments = bias_run(&loans, Baseline::Nearer, "Bias monitor");
    add_segments(&mut with_segments);
    let history = (1..=7)
        .map(|day| {
            let shift = day * 7;
            let earlier = [Facet::new(
                "Gender",
                "female",
                [[611, 94 - shift], [80 + shift, 131 - 2 * shift]],
                [[902, 131], [190, 245]],
            )];
            let findings = bias_run(&earlier, Baseline::None, "");
            // The first runs are another program's, which leaves no details.
            let bias = findings.bias.filter(|_| day > 2);
            EarlierRun { name: format!("2031-03-{day:02}"), results: findings.results, bias }
        })
        .collect();
    let mut both = bias_run(&loans, Baseline::None, "Bias and explainability");
    let explained = explained_run(12, 1, false);
    both.results.explanations = explained.results.explanations;
    both.explanations = explained.explanations;
    vec![
        ("violations", with_segments, history),
        ("clean", clean, Vec::new()),
        ("errors", broken_run(&broken), Vec::new()),
        ("nasty", bias_run(&nasty, Baseline::Nearer, "Bias <monitor>"), Vec::new()),
        ("dozen", bias_run(&dozen, Baseline::Nearer, "Bias monitor"), Vec::new()),
        ("single", single_run(), Vec::new()),
        ("selections", selections_run(&loans), Vec::new()),
        ("features", explained_run(69, 1, true), Vec::new()),
        ("outputs", explained_run(5, 3, false), Vec::new()),
        ("baseline", both, Vec::new()),
        (
            "nothing",
            Findings { results: Results::default(), violations: Vec::new(), bias: None, explanations: None },
            Vec::new(),
        ),
    ]
}

struct Facet {
    name: String,
    value: String,
    groups: Groups,
}

impl Facet {
    fn new(name: &str, value: &str, d: [[u64; 2]; 2], a: [[u64; 2]; 2]) -> Facet {
        Facet {
            name: name.into(),
            value: value.into(),
            groups: Groups { d: Group { rows: d }, a: Group { rows: a } },
        }
    }
}

/// Where the invented baseline lies.
#[derive(Clone, Copy, PartialEq)]
enum Baseline {
    None,
    /// Nearer to parity, so that most metrics moved.
    Nearer,
    Farther,
}

/// Values by code, good enough to look at.
fn values(groups: &Groups) -> BTreeMap<&'static str, f64> {
    let (d, a) = (&groups.d, &groups.a);
    let div = |x: u64, y: u64| match (x, y) {
        (0, 0) => 0.0,
        (_, 0) => f64::INFINITY,
        (x, y) => x as f64 / y as f64,
    };
    let gap = |of: &dyn Fn(&Group) -> f64| of(a) - of(d);
    let observed = gap(&|g| div(g.observed_positive(), g.n()));
    let n = (d.n() + a.n()) as f64;
    let wrong = (d.false_positive() + a.false_positive() + d.false_negative() + a.false_negative()) as f64;
    BTreeMap::from([
        ("CI", (a.n() as f64 - d.n() as f64) / n),
        ("DPL", observed),
        ("CDDL", observed * 0.8),
        ("KL", observed * observed * 2.2),
        ("JS", observed * observed * 0.5),
        ("LP", observed.abs() * 2_f64.sqrt()),
        ("TVD", observed.abs()),
        ("KS", observed.abs()),
        ("DPPL", gap(&|g| div(g.predicted_positive(), g.n()))),
        ("CDDPL", gap(&|g| div(g.predicted_positive(), g.n())) * 0.9),
        ("DI", div(d.predicted_positive(), d.n()) / div(a.predicted_positive(), a.n())),
        ("DCA", gap(&|g| div(g.observed_positive(), g.predicted_positive()))),
        ("DCR", -gap(&|g| div(g.observed_negative(), g.predicted_negative()))),
        ("RD", gap(&|g| div(g.true_positive(), g.observed_positive()))),
        ("SD", -gap(&|g| div(g.true_negative(), g.observed_negative()))),
        ("DAR", gap(&|g| div(g.true_positive(), g.predicted_positive()))),
        ("DRR", -gap(&|g| div(g.true_negative(), g.predicted_negative()))),
        ("AD", gap(&|g| div(g.true_positive() + g.true_negative(), g.n()))),
        ("TE", -gap(&|g| div(g.false_negative(), g.false_positive()))),
        ("FT", -0.136),
        ("GE", wrong / n / 2.0),
    ])
}

const POST: [&str; 13] =
    ["AD", "CDDPL", "DAR", "DCA", "DCR", "DI", "DPPL", "DRR", "FT", "GE", "RD", "SD", "TE"];
/// Their intervals would exclude 0 however alike the groups are, so they have none.
const NEVER_NEGATIVE: [&str; 6] = ["KL", "JS", "LP", "TVD", "KS", "GE"];
const PRE: [&str; 8] = ["CDDL", "CI", "DPL", "JS", "KL", "KS", "LP", "TVD"];

fn facet_details(facet: &Facet, baseline: Baseline) -> FacetDetails {
    let values = values(&facet.groups);
    let small = facet.groups.d.n() < 60;
    let metrics = POST
        .iter()
        .map(|code| (Stage::PostTraining, *code))
        .chain(PRE.iter().map(|code| (Stage::PreTraining, *code)))
        .filter_map(|(stage, code)| {
            let value = *values.get(code)?;
            let error = value.abs() * 0.12 + 1.0 / (facet.groups.d.n() as f64 + 10.0);
            let was = match baseline {
                Baseline::None => None,
                Baseline::Nearer if matches!(code, "CI" | "GE" | "SD" | "DRR") => Some(value * 1.4 - 0.02),
                Baseline::Nearer if matches!(code, "DAR" | "AD") => Some(value * 0.93),
                Baseline::Nearer => Some(value * 0.55),
                Baseline::Farther => Some(value * 1.3),
            };
            let was = was.filter(|was| was.is_finite());
            Some(MetricDetails {
                stage,
                name: code.into(),
                value: Some(Number::Float(value)),
                error: None,
                standard_error: Some(error),
                interval: (value.is_finite() && !NEVER_NEGATIVE.contains(&code))
                    .then_some([Number::Float(value - 1.96 * error), Number::Float(value + 1.96 * error)]),
                enough_rows: !small,
                rows_reason: small.then(|| "a group has fewer than 60 rows".into()),
                baseline: was.map(Number::Float),
                chance: was.map(|was| {
                    let beyond = value.abs() - was.abs() > 2.8 * error;
                    Chance {
                        p_value: if beyond { 0.01 } else { 1.0 },
                        farther_from_parity: beyond || (code == "DI" && was - value > 2.8 * error),
                        exact_baseline: false,
                        unjudged: false,
                        empty_baseline: false,
                    }
                }),
                violated: was.is_some_and(|was| value.abs() > was.abs()),
            })
        })
        .collect();
    FacetDetails {
        facet: facet.name.clone(),
        value_or_threshold: facet.value.clone(),
        groups: facet.groups,
        predicted: true,
        empty: Vec::new(),
        metrics,
    }
}

fn bias_run(facets: &[Facet], baseline: Baseline, kind: &str) -> Findings {
    let details: Vec<FacetDetails> = facets.iter().map(|facet| facet_details(facet, baseline)).collect();
    from_details(details, kind)
}

/// Results and violations that fit the details.
fn from_details(facets: Vec<FacetDetails>, kind: &str) -> Findings {
    let section = |stage: Stage| {
        let mut by_name: IndexMap<String, Vec<FacetResult>> = IndexMap::new();
        for facet in &facets {
            let metrics = facet
                .metrics
                .iter()
                .filter(|metric| metric.stage == stage)
                .map(|metric| MetricResult {
                    name: metric.name.clone(),
                    description: format!("Metric ({})", metric.name),
                    value: metric.value,
                    error: metric.error.clone(),
                })
                .collect();
            let result =
                FacetResult { value_or_threshold: facet.value_or_threshold.clone(), metrics, counts: None };
            by_name.entry(facet.facet.clone()).or_default().push(result);
        }
        BiasSection { label: "Approved".into(), facets: by_name, label_value_or_threshold: "yes".into() }
    };
    let violations = facets
        .iter()
        .flat_map(|facet| {
            facet.metrics.iter().filter(|metric| metric.violated).map(move |metric| (facet, metric))
        })
        .filter_map(|(facet, metric)| {
            let description = format!(
                "Metric value {} doesn't meet the baseline constraint requirement {}",
                metric.value?, metric.baseline?
            );
            Some(Violation::Bias {
                facet: facet.facet.clone(),
                facet_value: facet.value_or_threshold.clone(),
                metric_name: metric.name.clone(),
                constraint_check_type: "bias_drift_check".into(),
                description,
            })
        })
        .collect();
    let results = Results {
        post_training_bias_metrics: Some(section(Stage::PostTraining)),
        pre_training_bias_metrics: Some(section(Stage::PreTraining)),
        ..Results::default()
    };
    let rows = facets.first().map_or(0, |facet| facet.groups.d.n() + facet.groups.a.n());
    let facets_have_baseline =
        facets.iter().flat_map(|facet| &facet.metrics).any(|metric| metric.baseline.is_some());
    let bias = BiasDetails {
        run: run_details(kind, rows),
        label: "Approved".into(),
        label_value_or_threshold: "yes".into(),
        group_variable: Some("Region".into()),
        facets,
        check: facets_have_baseline.then_some(Check {
            compared: 20,
            measured: 20,
            confidence: 0.95,
            exact_baselines: 0,
            has_counts: false,
            beyond_chance_only: false,
            held_back: None,
            unjudged: 0,
            mute_windows: 0,
            runs_without_baseline: 0,
        }),
        selections: Vec::new(),
        left_out: vec![LeftOut {
            what: "Gender = unknown".into(),
            rows: 3,
            reason: "fewer than 10 rows".into(),
        }],
        intersections: Vec::new(),
        segments: Vec::new(),
    };
    Findings { results, violations, bias: Some(bias), explanations: None }
}

fn broken_run(facets: &[Facet]) -> Findings {
    let mut details: Vec<FacetDetails> =
        facets.iter().map(|facet| facet_details(facet, Baseline::Nearer)).collect();
    for (place, metric) in details.iter_mut().flat_map(|facet| &mut facet.metrics).enumerate() {
        if place % 2 == 0 {
            metric.value = None;
            metric.interval = None;
            metric.violated = false;
            metric.error = Some("No instance of common facet found, dataset may be too small".into());
        } else if metric.name == "DCA" {
            metric.value = Some(Number::Float(f64::INFINITY));
            metric.interval = None;
        }
    }
    from_details(details, "Bias monitor")
}

/// One of everything that reports count.
fn single_run() -> Findings {
    let facet = Facet::new("Gender", "female", [[611, 24], [146, 31]], [[902, 131], [190, 245]]);
    let mut details = facet_details(&facet, Baseline::Nearer);
    details.metrics.retain(|metric| metric.name == "DPPL");
    let mut findings = from_details(vec![details], "Bias monitor");
    if let Some(bias) = &mut findings.bias {
        bias.check = Some(Check {
            compared: 1,
            measured: 1,
            confidence: 0.95,
            exact_baselines: 1,
            has_counts: false,
            beyond_chance_only: true,
            held_back: Some(HeldBack { metrics: 1, agreeing: 1, of: 2, missing: 0 }),
            unjudged: 1,
            mute_windows: 1,
            runs_without_baseline: 1,
        });
        bias.run.rows.records_read = 1;
        bias.run.rows.rows = 1;
        for skipped in &mut bias.run.rows.records_skipped {
            skipped.records = 1;
        }
    }
    let mut explained = explained_run(4, 1, true);
    if let Some(details) = &mut explained.explanations {
        details.rows_explained = 1;
        details.num_samples = 1;
        details.model_rows = 1;
        details.use_logit = true;
        details.clipped_predictions = 1;
        for used in &mut details.estimators {
            (used.rows, used.players) = (1, 1);
        }
    }
    findings.results.explanations = explained.results.explanations;
    findings.explanations = explained.explanations;
    findings
}

/// A listed label that was read as another, and a facet of one value.
fn selections_run(facets: &[Facet]) -> Findings {
    let mut findings = bias_run(facets, Baseline::None, "Bias baseline");
    if let Some(bias) = &mut findings.bias {
        bias.label_value_or_threshold = "0.5".into();
        bias.selections = vec![SelectionNote {
            role: SelectionRole::Label,
            column: "Approved".into(),
            listed: "0.5".into(),
            present: vec!["`0`".into(), "`1`".into()],
            selected: Selected::Some,
            read_as: Some("0".into()),
            reason: Some(
                "0.5 is read as 0, since the column counts as categories and holds whole numbers".into(),
            ),
        }];
    }
    findings
}

fn add_segments(findings: &mut Findings) {
    let Some(bias) = &mut findings.bias else { return };
    let part = |name: &str, d: [[u64; 2]; 2], a: [[u64; 2]; 2]| SegmentDetails {
        segmentation: "Purpose".into(),
        segment: name.into(),
        rows: d.iter().chain(&a).flatten().sum(),
        facets: vec![facet_details(&Facet::new("Gender", "female", d, a), Baseline::None)],
    };
    bias.segments = vec![
        part("car", [[300, 14], [66, 11]], [[402, 61], [90, 125]]),
        part("education, furniture", [[311, 10], [80, 20]], [[500, 70], [100, 120]]),
    ];
    bias.intersections = vec![facet_details(
        &Facet::new("Gender x Age", "female x (40, 80]", [[120, 4], [36, 5]], [[1393, 151], [300, 271]]),
        Baseline::None,
    )];
}

fn run_details(kind: &str, rows: u64) -> RunDetails {
    RunDetails {
        program: "analyzer-job 0.1.0".into(),
        revision: Some("0123456789ab".into()),
        job_name: Some("loans-bias-2031-03-08-19".into()),
        kind: kind.into(),
        endpoint: Some("loans-endpoint".into()),
        schedule: Some("loans-hourly".into()),
        window: Some(["2031-03-08T18:00:00Z".into(), "2031-03-08T19:00:00Z".into()]),
        rows: RowCounts {
            records_read: rows + 11,
            records_skipped: vec![Skipped {
                reason: "`groundTruthData.data` is missing".into(),
                records: 11,
                examples: vec![
                    "2031/03/08/18/part-7.jsonl, line 118".into(),
                    "2031/03/08/18/part-7.jsonl, line 240".into(),
                ],
            }],
            rows,
        },
        inputs: vec![
            InputDigest {
                role: "configuration".into(),
                name: "analysis_config.json".into(),
                bytes: 812,
                sha256: "5a".repeat(32),
            },
            InputDigest {
                role: "dataset".into(),
                name: "2031/03/08/18/part-7.jsonl".into(),
                bytes: 1_204_331,
                sha256: "c3".repeat(32),
            },
        ],
        settings: vec![
            SettingUsed { name: "probability_threshold".into(), value: "0.8".into(), given: true },
            SettingUsed { name: "on_bad_record".into(), value: "skip".into(), given: false },
        ],
        warnings: vec!["facet `Gender` with value `other` of the baseline constraints is not in this analysis: not checked".into()],
        configuration: json!({"dataset_type": "application/jsonlines", "label": "Approved", "facet": [{"name_or_index": "Gender"}]}),
    }
}

/// Attributions of `features` features for `outputs` outputs, the last one drifted when asked.
fn explained_run(features: usize, outputs: usize, drifted: bool) -> Findings {
    let mut random = Random(7);
    let names: Vec<String> = (0..features)
        .map(|n| match n {
            0 => "Account age in months".into(),
            1 => "Calls to customer service".into(),
            2 => "État civil & région".into(),
            3 => "International plan".into(),
            n => format!("Day charge of week {n}"),
        })
        .collect();
    let mut shap = IndexMap::new();
    let mut details = Vec::new();
    for output in 0..outputs {
        let label = format!("churn_{output}");
        let mut values = IndexMap::new();
        let mut of_features = Vec::new();
        for (place, name) in names.iter().enumerate() {
            let value = 0.21 / (1.0 + ((place * 7 + output * 3) % features) as f64) + 0.002 * random.next();
            let baseline =
                drifted.then(|| 0.2 / (1.0 + ((place * 7 + 2) % features) as f64) + 0.002 * random.next());
            let mut sample: Vec<(f64, Option<f64>)> = (0..300)
                .map(|_| {
                    let rank = random.next();
                    let noise = random.next() + random.next() - 1.0;
                    (value * (2.6 * (rank - 0.5) + 0.7 * noise), (place != 3).then_some(rank))
                })
                .collect();
            let sorted = {
                let mut sorted: Vec<f64> = sample.iter().map(|(value, _)| *value).collect();
                sorted.sort_by(f64::total_cmp);
                sorted
            };
            let at = |share: f64| sorted[((sorted.len() - 1) as f64 * share) as usize];
            if place % 9 == 8 {
                sample.clear();
            }
            of_features.push(FeatureDetails {
                name: name.clone(),
                standard_error: Some(value * 0.04),
                local_standard_error: Some(0.002),
                baseline,
                quantiles: Some([0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0].map(at)),
                sample,
            });
            values.insert(name.clone(), value);
        }
        details.push(OutputDetails {
            label: label.clone(),
            features: of_features,
            ndcg: drifted.then_some(0.7639720923277322),
            violated: drifted,
        });
        shap.insert(label, Attributions { global_shap_values: values, expected_value: 0.2506 });
    }
    let grid: Vec<f64> = (0..15).map(|step| 2.0 + 4.0 * f64::from(step)).collect();
    let labels: Vec<String> = shap.keys().cloned().collect();
    let numeric = |name: &str, shift: f64| PartialDependence {
        feature_name: name.into(),
        data_type: "numerical".into(),
        error: None,
        data_distribution: Some((0..15).map(|step| f64::from(15 - step) / 120.0).collect()),
        feature_values: Some(grid.iter().map(|value| Json::from(*value)).collect()),
        model_predictions: Some(
            (0..outputs)
                .map(|o| {
                    grid.iter().map(|x| 0.3 + shift / (1.0 + (x / 8.0 - 3.0 + o as f64).exp())).collect()
                })
                .collect(),
        ),
        label_headers: labels.clone(),
    };
    let mut pdp = vec![numeric(&names[0], 0.4), numeric(&names[1], -0.2)];
    pdp.push(PartialDependence {
        feature_name: names[2].clone(),
        data_type: "categorical".into(),
        error: None,
        data_distribution: Some(vec![0.6, 0.3, 0.1]),
        feature_values: Some(vec![json!("célibataire <b>"), json!("marié"), json!(3)]),
        model_predictions: Some((0..outputs).map(|o| vec![0.31, 0.42 + 0.01 * o as f64, 0.38]).collect()),
        label_headers: labels.clone(),
    });
    pdp.push(PartialDependence {
        feature_name: "Remarks".into(),
        data_type: "free_text".into(),
        error: Some("Detected data type is not supported for PDP. PDP can only be computed for numerical or categorical columns".into()),
        data_distribution: None,
        feature_values: None,
        model_predictions: None,
        label_headers: labels,
    });
    let violations = if drifted {
        vec![Violation::Attribution {
            label: "churn_0".into(),
            metric_name: "shap".into(),
            constraint_check_type: "feature_attribution_drift_check".into(),
            description: "Feature attribution drift 0.7639720923277322 exceeds threshold 0.9".into(),
        }]
    } else {
        Vec::new()
    };
    let explanations = ExplanationDetails {
        run: run_details("Explainability monitor", 334),
        rows_explained: 334,
        num_samples: 2048,
        baseline_rows: 1,
        seed: Some(42),
        use_logit: true,
        aggregation: "mean_abs".into(),
        estimators: vec![EstimatorUse { players: features as u64, estimator: "pairs".into(), rows: 334 }],
        model_rows: 684_032,
        clipped_predictions: 4,
        stopped_early: None,
        outputs: details,
        pdp_rows: Some(334),
    };
    Findings {
        results: Results {
            explanations: Some(Explanations { kernel_shap: Some(shap), pdp: Some(pdp) }),
            ..Results::default()
        },
        violations,
        bias: None,
        explanations: Some(explanations),
    }
}

/// A small linear congruential generator: the gallery is the same everywhere.
struct Random(u64);

impl Random {
    /// From 0 to 1.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}
