//! Data quality and model quality on invented data.

use std::error::Error;
use std::path::Path;

use analyzer_job::performance::details::{
    self as performance, ClassDetails, ConfusionDetails, Distribution, GroupDetails, MetricDetails,
    MetricVerdict, QualityDetails,
};
use analyzer_job::quality::checks::Violation;
use analyzer_job::quality::details::{self, Details};
use analyzer_job::quality::shift::{Part, Shift, Verdict};
use analyzer_job::quality::statistics::{Statistics, Taken, statistics};
use analyzer_job::report::{self, Quality};
use analyzer_job::results::details::RunDetails;
use analyzer_job::state::profile::Column;
use analyzer_job::values::java;
use analyzer_job::values::numbers::to_pretty_json;
use serde_json::json;

const ROWS: u64 = 400;
const NAMES: [&str; 8] = [
    "income",
    "النوع",
    "年齢層",
    "a_name_of_sixty_characters_that_nobody_would_ever_choose_ok_",
    "<b>&</b>",
    "all missing",
    "emoji 👩‍🚀",
    "colour",
];

/// The names of the runs, and whether one of them is asked for.
pub(crate) fn write(folder: &Path, asked: &[String]) -> Result<(), Box<dyn Error>> {
    let wanted = |name: &str| asked.is_empty() || asked.iter().any(|asked| asked == name);
    for (name, columns, moved) in [("quality", 8, 5), ("wide-quality", 500, 40), ("clean-quality", 70, 0)] {
        if wanted(name) {
            data_quality(&folder.join(name), columns, moved)?;
        }
    }
    for (name, classes) in [("binary", 2), ("classes", 12)] {
        if wanted(name) {
            model_quality(&folder.join(name), classes)?;
        }
    }
    Ok(())
}

fn save(folder: &Path, files: Vec<(String, Vec<u8>)>) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(folder)?;
    for (name, bytes) in files {
        std::fs::write(folder.join(name), bytes)?;
    }
    Ok(())
}

fn data_quality(folder: &Path, columns: usize, moved: usize) -> Result<(), Box<dyn Error>> {
    let names: Vec<String> = (0..columns)
        .map(|at| NAMES.get(at).map_or_else(|| format!("column_{at}"), |name| (*name).into()))
        .collect();
    let profiles: Vec<Column> = names.iter().map(|name| profile(name)).collect();
    let named = names.iter().map(String::as_str).zip(&profiles);
    let statistics: Statistics = statistics(named, ROWS, Taken::default());
    let details = Details {
        version: 1,
        program: "analyzer-job 0.1.0".into(),
        subject: vec!["Data quality monitor".into(), "loans-endpoint".into()],
        rows: ROWS,
        baseline: vec!["Constraints of the baseline: constraints.json.".into()],
        warnings: vec!["The window has columns in another order than the baseline.".into()],
        unseen: moved / 2,
        type_violations: [1, 1],
        unchecked: Vec::new(),
        segments: Vec::new(),
        columns: names.iter().enumerate().map(|(at, name)| shift(name, at < moved)).collect(),
    };
    let violations: Vec<Violation> = names
        .iter()
        .take(moved)
        .map(|name| Violation {
            feature_name: name.clone(),
            constraint_check_type: "baseline_drift_check",
            description: "Baseline drift distance: 0.502160534578033 exceeds threshold: 0.1".into(),
        })
        .collect();
    let quality = Quality::new(details.clone(), &statistics, Some(&violations));
    let mut files = report::draft_quality(&quality).files(report::NAME)?;
    files.push((details::FILE.into(), details.to_json()?));
    files.push(("statistics.json".into(), java::to_json(&statistics)?));
    files.push(("constraint_violations.json".into(), java::to_json(&json!({"violations": violations}))?));
    save(folder, files)
}

fn profile(name: &str) -> Column {
    let mut column = Column::new();
    let cell = |row: u64| match name {
        "all missing" => None,
        "colour" => Some(["red", "green", "blue"][row as usize % 3].to_owned()),
        _ => Some(format!("{}.5", row * row % 997)),
    };
    let cells: Vec<Option<String>> = (0..ROWS).map(cell).collect();
    column.update(cells.iter().map(Option::as_deref));
    column
}

/// Names of categories: short, long, alike but for their ends, from right to left, and such that try to be something else.
const CATEGORIES: [&str; 10] = [
    "card",
    "https://shop.example/checkout/step-1?from=newsletter",
    "https://shop.example/checkout/step-2?from=newsletter",
    "أنثى",
    "四十歳以上の女性のお客様と家族の方々",
    "</text><script>alert(1)</script>",
    "a\u{202e}gnp.exe",
    "",
    "emoji 👩‍🚀",
    "tab\tand\u{1b}[2J",
];

fn shift(name: &str, moved: bool) -> Shift {
    let is_text = matches!(name, "النوع" | "<b>&</b>");
    let part = |at: usize| Part {
        label: format!("from {}", at * 80),
        then: 0.15 - at as f64 * 0.01,
        now: 0.03 + at as f64 * 0.01,
    };
    Shift {
        column: name.into(),
        verdict: if moved { Verdict::Moved } else { Verdict::Held },
        effect: if moved { 0.31 } else { 0.02 },
        threshold: 0.1,
        wasserstein: Some(0.4),
        stability_index: if moved { 0.42 } else { 0.01 },
        jensen_shannon: 0.2,
        p_value: if moved { 1e-9 } else { 0.7 },
        adjusted_p_value: if moved { 1e-8 } else { 0.9 },
        attribution: None,
        weighted_effect: None,
        values: [ROWS, ROWS],
        compared: Some(0.3),
        violated: moved,
        quantiles: if is_text { Vec::new() } else { vec![[0.5, 300.0, 560.0]] },
        new: Vec::new(),
        vanished: Vec::new(),
        parts: match moved {
            true if is_text => {
                let category = |(at, name): (usize, &&str)| Part { label: (*name).into(), ..part(at) };
                CATEGORIES.iter().enumerate().map(category).collect()
            }
            true => (0..12).map(part).collect(),
            false => Vec::new(),
        },
    }
}

fn model_quality(folder: &Path, classes: usize) -> Result<(), Box<dyn Error>> {
    let binary = classes == 2;
    let names: Vec<String> = match binary {
        true => vec!["0".into(), "1".into()],
        false => (0..classes).map(|class| format!("kind {class}, a name with blanks")).collect(),
    };
    let keys: &[&str] = if binary {
        &["recall", "precision", "accuracy", "false_positive_rate", "auc", "au_prc", "f1"]
    } else {
        &["accuracy", "weighted_recall", "weighted_precision", "weighted_f1"]
    };
    let metric = |(at, key): (usize, &&str)| {
        let value = 0.9 - at as f64 * 0.07;
        MetricDetails {
            name: (*key).into(),
            value: Some(value),
            standard_error: Some(0.012),
            interval: Some([value - 0.024, value + 0.024]),
            share: None,
            baseline: Some(value + 0.06),
            threshold: Some(value + 0.06),
            violated: at % 3 == 0,
            verdict: if at % 3 == 0 { MetricVerdict::Moved } else { MetricVerdict::Held },
            p_value: Some(if at % 3 == 0 { 0.0004 } else { 0.3 }),
            against_threshold: None,
        }
    };
    let metrics: Vec<MetricDetails> = keys.iter().enumerate().map(metric).collect();
    let confusion = names.iter().enumerate().flat_map(|(row, actual)| {
        names.iter().enumerate().map(move |(column, predicted)| ConfusionDetails {
            actual: actual.clone(),
            predicted: predicted.clone(),
            rows: if row == column { 900 } else { (7 * row + 3 * column) as u64 },
            share: if row == column { 0.9 } else { 0.01 },
            baseline_share: Some(if row == column { 0.95 } else { 0.005 }),
            p_value: Some(0.2),
        })
    });
    let class = |name: &String| ClassDetails {
        name: name.clone(),
        rows: 1000,
        predicted: 980,
        recall: Some(0.91),
        recall_interval: Some([0.89, 0.93]),
        precision: Some(0.88),
        precision_interval: Some([0.86, 0.9]),
        f1: 0.89,
        baseline_recall: Some(0.93),
        baseline_precision: Some(0.9),
    };
    let curve =
        |bend: f64| (0..=40).map(|at| [f64::from(at) / 40.0, (f64::from(at) / 40.0).powf(bend)]).collect();
    let scores =
        |shift: u64| Distribution { low: 0.0, high: 1.0, rows: (0..20).map(|at| 20 + at * shift).collect() };
    let details = QualityDetails {
        run: RunDetails {
            program: "analyzer-job 0.1.0".into(),
            kind: "Model quality monitor".into(),
            endpoint: Some("loans-endpoint".into()),
            ..RunDetails::default()
        },
        problem_type: if binary { "BinaryClassification" } else { "MulticlassClassification" }.into(),
        classes: binary.then(|| ["0".into(), "1".into()]),
        threshold: None,
        rows: 2_400,
        rows_without_label: 120,
        judged: true,
        confusion: confusion.collect(),
        by_class: if binary { Vec::new() } else { names.iter().map(class).collect() },
        roc: if binary { curve(0.3) } else { Vec::new() },
        precision_recall: if binary { curve(-0.0) } else { Vec::new() },
        calibration: None,
        scores: binary.then(|| scores(9)),
        baseline_scores: binary.then(|| scores(4)),
        residuals: None,
        baseline_residuals: None,
        score_meaning: None,
        error_meaning: None,
        estimate: None,
        class_doubt: None,
        mostly_new_classes: false,
        not_estimated: Vec::new(),
        groups: vec![GroupDetails {
            column: "region".into(),
            value: "北".into(),
            rows: 812,
            metrics: metrics.iter().take(2).cloned().collect(),
        }],
        metrics,
        notes: vec!["The scores of 3 rows are outside of 0 and 1.".into()],
    };
    let mut files = report::draft_performance(&details).files(report::NAME)?;
    files.push((performance::FILE.into(), to_pretty_json(&details)?));
    save(folder, files)
}
