#![no_main]
//! Any text as a file of a baseline: refused, or a small run is held against it and what is found are numbers. The first byte
//! chooses the monitor and the file.

use std::path::Path;
use std::sync::LazyLock;

use analyzer_job::commands::compare;
use analyzer_job::drift::attributions::{attribution_drift, check_names};
use analyzer_job::drift::bias::{self, Rule};
use analyzer_job::performance::findings;
use analyzer_job::performance::fit::Classes;
use analyzer_job::performance::outcomes::{Outcomes, ProblemType, Question, Row};
use analyzer_job::quality::checks::{self, Checked};
use analyzer_job::quality::config::MonitoringConfig;
use analyzer_job::quality::{baseline, drift, past, shift};
use analyzer_job::results::Results;
use analyzer_job::results::details::RunDetails;
use analyzer_job::settings::{DriftRule, Windows};
use analyzer_job::state::profile::Column;
use analyzer_job::values::numbers::strict_json;
use serde_json::Value as Json;

/// The columns of the run, of names that the text may have too.
static COLUMNS: LazyLock<[(&str, Column); 3]> = LazyLock::new(|| {
    let column = |cells: &[&'static str]| {
        let mut column = Column::new();
        column.update(cells.iter().map(|cell| Some(*cell).filter(|cell| !cell.is_empty())));
        column
    };
    [
        ("a", column(&["1", "2", "3", "1000000"])),
        ("b", column(&["0.5", "-7", "", "1e300"])),
        ("c", column(&["x", "y", "x", ""])),
    ]
});

/// An analysis of the same shape as that of the text may have.
const RESULTS: &str = r#"{"version": "1.0", "pre_training_bias_metrics": {"label": "y", "label_value_or_threshold": "1",
    "facets": {"f": [{"value_or_threshold": "a", "metrics": [{"name": "DPL", "description": "", "value": -0.5}]}]}},
    "explanations": {"kernel_shap": {"label0": {"global_shap_values": {"a": 0.5, "b": 0.25}, "expected_value": 0.5}}}}"#;

static QUESTIONS: LazyLock<Vec<(Question, Outcomes)>> = LazyLock::new(|| {
    let question = |problem| {
        let is_binary = problem == ProblemType::BinaryClassification;
        let question =
            Question { problem, prediction: true, score: is_binary, threshold: 0.5, positive_label: None };
        let mut outcomes = Outcomes::new(question.clone());
        for (label, prediction, score) in
            [("1", "1", "0.9"), ("0", "1", "0.6"), ("0", "0", "0.2"), ("1", "0", "0.4")]
        {
            let score = is_binary.then_some(score);
            outcomes.update(Row { label: Some(label), prediction: Some(prediction), score }).unwrap();
            // A row without a label does not count, and is kept for estimates.
            let _ = outcomes.update(Row { label: None, prediction: Some(prediction), score });
        }
        (question, outcomes)
    };
    ProblemType::ALL.map(question).into()
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let [choice, text @ ..] = bytes else { return };
    match choice % 4 {
        0 => data_quality(text),
        1 => model_quality(text, usize::from(choice / 4)),
        2 => attributions_and_bias(text),
        _ => {
            let _ = analyzer_job::state::file::decode(Path::new("profile"), text);
            if let Ok(json) = serde_json::from_slice::<Json>(&strict_json(text)) {
                let same = compare::compare(&json, &json, compare::TOLERANCE);
                assert!(same.differences.is_empty() && same.only_old.is_empty() && same.only_new.is_empty());
            }
        }
    }
});

fn data_quality(text: &[u8]) {
    let path = Path::new("baseline.json");
    let Ok(document) = serde_json::from_slice::<Json>(&strict_json(text)) else { return };
    let constraints = baseline::constraints_of(&document, path, &[]).ok().map(|found| found.0);
    let known = baseline::statistics_of(&document, path).ok().map(|found| found.0);
    let columns = || COLUMNS.iter().map(|(name, column)| (*name, column));
    if let Some(constraints) = &constraints {
        let _ = checks::count(COLUMNS.len(), constraints);
        let checked = |by_value| {
            let checked = columns().map(|(name, column)| {
                let domain =
                    constraints.columns.get(name).and_then(|constraint| constraint.domains.as_deref());
                Checked { name, column, inside: domain.and_then(|domain| checks::inside(column, domain)) }
            });
            checks::constraints(checked, 4, constraints, by_value)
        };
        let _ = (checked(false), checked(true), checks::by_spelling(columns(), constraints));
        if let Some(known) = &known {
            let _ = baseline::told_lacking(&baseline::lacking(constraints, known));
        }
    }
    let Some(known) = known else { return };
    let whole = constraints
        .as_ref()
        .map_or_else(|| MonitoringConfig::of([], true).unwrap(), |known| known.config.clone());
    for (rule, by_value) in [(DriftRule::Deequ, false), (DriftRule::Weighted, true)] {
        let (drifts, _) = drift::drifts(columns(), &known, constraints.as_ref(), &whole, rule, by_value);
        assert!(drifts.iter().all(|drift| !drift.value.is_nan()), "{drifts:?}");
        let shifts = shift::shifts(columns(), &known, &drifts, |_| &whole);
        let is_number = |shift: &shift::Shift| {
            let numbers = [shift.effect, shift.stability_index, shift.jensen_shannon, shift.p_value];
            numbers.iter().all(|number| number.is_finite()) && shift.wasserstein.is_none_or(f64::is_finite)
        };
        assert!(shifts.iter().all(is_number), "{shifts:?}");
    }
}

fn model_quality(text: &[u8], choice: usize) {
    let folder = std::env::temp_dir().join(format!("plumbline-fuzz-baseline-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let names = ["constraints.json", "statistics.json", "model_quality_details.json"];
    names.iter().for_each(|name| drop(std::fs::remove_file(folder.join(name))));
    let place = choice % names.len();
    std::fs::write(folder.join(names[place]), text).unwrap();
    // The details stand beside a file that is named.
    let statistics = folder.join("statistics.json");
    let (question, outcomes) = &QUESTIONS[choice / names.len() % QUESTIONS.len()];
    let constraints = folder.join(names[0]);
    let loaded = match place {
        0 => analyzer_job::performance::baseline::load(question, Some(&constraints), None),
        _ => analyzer_job::performance::baseline::load(question, None, Some(&statistics)),
    };
    let Ok(known) = loaded else { return };
    let mut outcomes = outcomes.clone();
    let fit = outcomes.fit(&known.classes);
    if let (Classes::Binary(_), Ok(both)) = (&known.classes, <[String; 2]>::try_from(fit.known.clone())) {
        outcomes.know(&both);
    }
    let known = if fit.foreign.is_empty() { known.respelled(&fit) } else { return };
    if let Some(constraints) = &known.constraints {
        for constraint in constraints {
            let _ = known.is_chosen(constraint);
        }
    }
    let found = findings::findings(&outcomes, &[], &known, RunDetails::default()).unwrap();
    serde_json::to_string(&found.details).unwrap();
    let _ = findings::unlabelled(&outcomes, &known, RunDetails::default());
}

fn attributions_and_bias(text: &[u8]) {
    let file = std::env::temp_dir().join(format!("plumbline-fuzz-analysis-{}", std::process::id()));
    std::fs::write(&file, text).unwrap();
    if let Ok(shares) = past::attributions(&file) {
        assert!(shares.values().all(|share| (0.0..=1.0).contains(share)), "{shares:?}");
    }
    let Ok(known) = bias::constraints(&file, text) else { return };
    let own: Results = serde_json::from_str(RESULTS).unwrap();
    let rule = Rule { beyond_chance_only: false, windows: Windows::default() };
    for (now, then) in [(&own, &known), (&known, &own), (&known, &known)] {
        let compared = bias::compare(now, &[], then);
        let violations = bias::violations(&compared, &[], &rule, &[]);
        // A run is not worse than itself.
        assert!(!std::ptr::eq(now, then) || violations.is_empty(), "{violations:?}");
        if let Ok(drift) = attribution_drift(now, then) {
            assert!(
                drift.scores.values().all(|score| (0.0..=1.0 + 1e-9).contains(score)),
                "{:?}",
                drift.scores
            );
        }
    }
    let _ = check_names(&["a".into()], None, &known);
    let written = serde_json::to_string(&known).unwrap();
    let again: Results = serde_json::from_str(&written).unwrap();
    assert_eq!(again, known);
}
