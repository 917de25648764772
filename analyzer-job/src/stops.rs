//! A stop at every moment: whatever look at the flag is the first that sees it, the work ends as stopped, with no result.

use plumbline_common::codes::Class;
use plumbline_common::stop::Stop;
use plumbline_common::{Problem, Result};

use crate::bias;
use crate::config::{Aggregation, Analysis, DatasetFormat, Scalar};
use crate::read::fixture::{self, name};
use crate::read::{Options, files_of};
use crate::shap::{self, Estimator, Task};
use crate::values::cells::{Cells, ModelRows, Value};
use crate::values::table::{Column, Values};

/// Runs `work` with a stop at its first look at the flag, its second and so on, until it ends before it is stopped. Gives
/// about the number of looks; of many, not every one is tried.
#[track_caller]
fn looks<T>(work: impl Fn(&Stop) -> Result<T>) -> u64 {
    let mut looks = 0;
    loop {
        match work(&Stop::after(looks)) {
            Ok(_) => return looks,
            Err(problem) => assert_eq!(problem.class(), Class::Stopped, "{problem}"),
        }
        looks += 1 + looks / 3;
        assert!(looks < 1_000_000);
    }
}

const ROWS: usize = 9_000;

fn analysis(format: DatasetFormat) -> Analysis {
    let mut analysis = fixture::analysis(format);
    analysis.facets = vec![fixture::facet("a", &[Scalar::Int(0)])];
    if format == DatasetFormat::Json {
        analysis.dataset.features = Some("rows[*].x".into());
        analysis.label = Some(name("rows[*].y"));
        analysis.predicted_label = Some(name("rows[*].pred"));
    }
    if format == DatasetFormat::JsonLines {
        analysis.dataset.features = Some("x".into());
    }
    if matches!(format, DatasetFormat::Json | DatasetFormat::JsonLines) {
        analysis.dataset.headers = Some(["a", "b", "y", "pred"].map(String::from).to_vec());
    }
    if format == DatasetFormat::Capture {
        analysis.predicted_label = None;
        analysis.dataset.features = None;
        analysis.dataset.headers = Some(["a", "b", "y"].map(String::from).to_vec());
    }
    analysis
}

/// The same rows in a format.
fn text(format: DatasetFormat) -> Vec<u8> {
    let rows = (0..ROWS).map(|row| (row % 2, row, row / 2 % 2, row / 4 % 2));
    let lines = rows.map(|(a, b, y, pred)| match format {
        DatasetFormat::JsonLines | DatasetFormat::Json => format!("{{\"x\":[{a},{b}],\"y\":{y},\"pred\":{pred}}}"),
        DatasetFormat::Capture => format!(
            "{{\"captureData\":{{\"endpointInput\":{{\"data\":\"{a},{b}\",\"encoding\":\"CSV\"}},\"endpointOutput\":\
             {{\"data\":\"{pred}\",\"encoding\":\"CSV\"}}}},\"groundTruthData\":{{\"data\":\"{y}\",\"encoding\":\"CSV\"}}}}"
        ),
        _ => format!("{a},{b},{y},{pred}"),
    });
    let lines: Vec<String> = lines.collect();
    match format {
        DatasetFormat::Json => format!("{{\"rows\":[{}]}}", lines.join(",\n")).into_bytes(),
        DatasetFormat::Csv => format!("a,b,y,pred\n{}\n", lines.join("\n")).into_bytes(),
        _ => lines.join("\n").into_bytes(),
    }
}

#[test]
fn reading_of_every_format() {
    for format in [DatasetFormat::Csv, DatasetFormat::JsonLines, DatasetFormat::Json, DatasetFormat::Capture]
    {
        let text = text(format);
        for keep_rows in [false, true] {
            let read = |stop: &Stop| {
                let options = Options { keep_rows, stop: stop.clone(), ..Options::default() };
                fixture::read(&[("data", &text)], &analysis(format), &options)
            };
            let looks = looks(read);
            // In blocks of a megabyte, else once in 4,096 rows.
            let least = if format == DatasetFormat::Csv && !keep_rows { 1 } else { 2 };
            assert!(looks >= least, "{format:?} {keep_rows}: {looks}");
        }
    }
}

#[test]
fn a_document_while_its_bytes_come() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("{{\"rows\":[{{\"x\":[0,1],\"y\":1,\"pred\":1}}]{}}}", " ".repeat(20 << 20));
    std::fs::write(folder.path().join("a.json"), &text).unwrap();
    assert_eq!(files_of(folder.path(), "dataset").unwrap().len(), 1);
    let read = |stop: &Stop| {
        let options = Options { stop: stop.clone(), ..Options::default() };
        fixture::read(&[("a.json", text.as_bytes())], &analysis(DatasetFormat::Json), &options)
    };
    assert!(looks(read) >= 6);
}

#[test]
fn the_flip_test_of_one_group_and_of_many() {
    let number = |row: usize| ((row * 7919) % 1009) as f64;
    let columns = [0, 1].map(|column| Column {
        name: "x".into(),
        values: Values::Float((0..3000).map(|row| number(row + 31 * column)).collect()),
    });
    let columns: Vec<&Column> = columns.iter().collect();
    let predicted: Vec<bool> = (0..3000).map(|row| row % 3 == 0).collect();
    for n_classes in [2, 300] {
        let classes: Vec<u32> = (0..3000).map(|row| row % n_classes).collect();
        let groups: Vec<Option<u32>> = (0..n_classes).map(Some).collect();
        let looks = looks(|stop| bias::flip_tests(&columns, &classes, &groups, &predicted, stop));
        assert!(looks > 40, "{n_classes}: {looks}");
    }
}

/// Rows of so many features that all differ from a baseline of zeros.
fn explained(
    features: usize,
    num_samples: Option<u64>,
    estimator: Estimator,
    target: Option<f64>,
    stop: &Stop,
) -> Result<shap::Explained> {
    let mut cells = Cells::default();
    let mut rows = ModelRows::new(features);
    for row in 0..3 {
        let ids: Vec<u32> = (0..features)
            .map(|feature| cells.intern(&Value::Float(1.0 + ((row + 2 * feature) % 5) as f64)))
            .collect();
        rows.push(&ids);
    }
    let mut baseline = ModelRows::new(features);
    baseline.push(&vec![cells.intern(&Value::Float(0.0)); features]);
    let names: Vec<String> = (0..features).map(|feature| format!("f{feature}")).collect();
    let predict = |cells: &Cells, rows: &ModelRows| -> Result<ndarray::Array2<f64>> {
        let number = |id: u32| match cells.value(id) {
            Value::Float(value) => *value,
            _ => 0.0,
        };
        let score = |ids: &[u32]| {
            let sum: f64 = ids.iter().map(|&id| number(id)).sum();
            (sum / 7.0).sin() + number(ids[0]) * number(ids[1]) * number(ids[2])
        };
        let scores: Vec<f64> = rows.rows().map(score).collect();
        ndarray::Array2::from_shape_vec((rows.len(), 1), scores)
            .map_err(|error| Problem::new(&plumbline_common::codes::INTERNAL, error.to_string()))
    };
    let task = Task {
        cells: &cells,
        rows: &rows,
        baseline: &baseline,
        names: &names,
        explained: &[],
        num_samples,
        estimator,
        aggregation: Aggregation::MeanAbs,
        use_logit: false,
        seed: 1,
        max_model_rows: None,
        target_standard_error: target,
        answered: &|| (),
        stop,
        for_people: false,
    };
    shap::explain(&task, &predict, None)
}

/// Each way to solve, which looks at the flag for every covariance that it factorises.
#[test]
fn attributions_by_every_method() {
    for (what, features, num_samples, estimator, target, least) in [
        ("exact", 8, None, Estimator::Auto, None, 20),
        ("few pairs", 10, Some(16), Estimator::Auto, None, 60),
        ("free main effects", 10, Some(80), Estimator::Auto, None, 40),
        ("one process for all rows", 12, Some(620), Estimator::Auto, None, 20),
        ("least squares", 130, Some(620), Estimator::Auto, None, 100),
        ("stages", 10, Some(400), Estimator::Auto, Some(1e-12), 60),
        ("kernel", 8, Some(100), Estimator::Kernel, None, 4),
        ("permutation", 8, Some(100), Estimator::Permutation, None, 4),
    ] {
        let looks = looks(|stop| explained(features, num_samples, estimator, target, stop));
        assert!(looks >= least, "{what}: {looks}");
    }
}
