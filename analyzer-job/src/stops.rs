//! A stop at every moment: whatever look at the flag is the first that sees it, the work ends as stopped, with no result.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use clap::Parser as _;
use jiff::Timestamp;
use plumbline_common::codes::Class;
use plumbline_common::contract::{Hosts, JobConfig, Tree};
use plumbline_common::job::Job;
use plumbline_common::settings::Instead;
use plumbline_common::stop::Stop;
use plumbline_common::{Problem, Result};

use crate::bias;
use crate::config::{Aggregation, Analysis, DatasetFormat, Scalar};
use crate::read::fixture::{self, name};
use crate::read::{Options, files_of};
use crate::run;
use crate::settings::Cli;
use crate::shap::{self, Estimator, Task};
use crate::stages::several;
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
    if format == DatasetFormat::Parquet {
        return parquet();
    }
    let lines: Vec<String> = lines.collect();
    match format {
        DatasetFormat::Json => format!("{{\"rows\":[{}]}}", lines.join(",\n")).into_bytes(),
        DatasetFormat::Csv => format!("a,b,y,pred\n{}\n", lines.join("\n")).into_bytes(),
        _ => lines.join("\n").into_bytes(),
    }
}

fn parquet() -> Vec<u8> {
    let column = |value: fn(usize) -> usize| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values((0..ROWS).map(|row| value(row) as i64)))
    };
    let columns = [
        ("a", column(|row| row % 2)),
        ("b", column(|row| row)),
        ("y", column(|row| row / 2 % 2)),
        ("pred", column(|row| row / 4 % 2)),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

#[test]
fn reading_of_every_format() {
    for format in [
        DatasetFormat::Csv,
        DatasetFormat::JsonLines,
        DatasetFormat::Json,
        DatasetFormat::Capture,
        DatasetFormat::Parquet,
    ] {
        let text = text(format);
        for keep_rows in [false, true] {
            let read = |stop: &Stop| {
                let options = Options { keep_rows, stop: stop.clone(), ..Options::default() };
                fixture::read(&[("data", &text)], &analysis(format), &options)
            };
            let looks = looks(read);
            // Once in a block, which may hold all of these rows; else once in 4,096 rows.
            let in_blocks = format == DatasetFormat::Csv || format == DatasetFormat::JsonLines && !keep_rows;
            let least = if in_blocks { 1 } else { 2 };
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

/// A job in a folder of its own, from its first file to the last line that it publishes: a stop at any look leaves nothing under
/// the output.
#[track_caller]
fn job(arguments: &[&str], files: &[(&str, &str)]) -> u64 {
    let root = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = root.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    std::fs::create_dir(root.path().join("out")).unwrap();
    let output = format!("--output-path={}", root.path().join("out").display());
    let arguments = ["analyzer-job"]
        .iter()
        .chain(arguments)
        .map(|argument| argument.replace("ROOT", &root.path().display().to_string()));
    let settings = Cli::try_parse_from(arguments.chain([output])).unwrap().settings;
    looks(|stop| {
        let job = Job {
            tree: Tree::at(root.path()),
            config: JobConfig::default(),
            hosts: Hosts::default(),
            stop: stop.clone(),
            for_people: false,
        };
        let ended = run::analyse(&job, &settings).map_err(|instead| match instead {
            Instead::Fail(problem) => problem,
            Instead::Show(text) => panic!("{text}"),
        });
        let left = std::fs::read_dir(root.path().join("out")).unwrap().count();
        assert_eq!(left > 0, ended.is_ok(), "{left} files");
        ended
    })
}

/// Counts, intervals, chance, reports, metrics.
#[test]
fn a_bias_job_with_a_baseline() {
    let rows = |seed: usize| -> String {
        let row =
            |row: usize| format!("{},{},{},{}\n", row % 4, row, row * seed % 7 / 4, row * seed % 11 / 6);
        "a,b,y,pred\n".to_owned() + &(0..600).map(row).collect::<String>()
    };
    let config = r#"{"dataset_type": "text/csv", "label": "y", "label_values_or_threshold": [1], "predicted_label": "pred",
        "facet": [{"name_or_index": "a"}], "methods": {"pre_training_bias": {"methods": "all"},
        "post_training_bias": {"methods": "all"}}}"#;
    let baseline = r#"{"pre_training_bias_metrics": {"facets": {"a": [{"value_or_threshold": "1",
        "counts": {"group": [60, 30, 30, 30], "rest": [90, 90, 120, 150]}, "metrics": [{"name": "CI", "value": 0.5}]}]}}}"#;
    let files = [("data/a.csv", rows(3)), ("config.json", config.into()), ("baseline.json", baseline.into())];
    let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
    let arguments = [
        "--analysis-config=ROOT/config.json",
        "--dataset-source=ROOT/data",
        "--baseline-constraints=ROOT/baseline.json",
        "--cloudwatch-namespace=test",
    ];
    assert!(job(&arguments, &files) >= 12);
}

#[test]
fn the_quality_monitors() {
    let row = |row: usize| format!("{},{},{}\n", row % 4, row * 3 % 7 / 4, row * 5 % 11 / 6);
    let data = "a,y,pred\n".to_owned() + &(0..300).map(row).collect::<String>();
    for (kind, least) in [("DATA_QUALITY", 2), ("MODEL_QUALITY", 2), ("DATA_QUALITY,MODEL_QUALITY", 2)] {
        let kind = format!("--analysis-type={kind}");
        let arguments = [
            kind.as_str(),
            "--dataset-source=ROOT/data",
            "--dataset-format={\"csv\": {\"header\": true}}",
            "--problem-type=BinaryClassification",
            "--ground-truth-attribute=y",
            "--inference-attribute=pred",
        ];
        let looks = job(&arguments, &[("data/a.csv", &data)]);
        assert!(looks >= least, "{kind}: {looks}");
    }
}

#[test]
fn partial_dependence() {
    let server = plumbline_model_server::start(plumbline_model_server::Options {
        model: Arc::new(|row| vec![row.len() as f64]),
        score_only: true,
        ..Default::default()
    })
    .unwrap();
    let config = r#"{"dataset_type": "text/csv", "headers": ["a", "b", "c"], "methods": {"shap": {"baseline": [[0, 0, 0]],
        "num_samples": 8}, "pdp": {"grid_resolution": 5}}, "predictor": {"endpoint_name": "e", "accept_type": "text/csv",
        "content_type": "text/csv"}}"#;
    let data: String = (0..40).map(|row| format!("{row},{},{}\n", row % 7, row % 3)).collect();
    let url = format!("--model-url={}", server.url());
    let arguments = ["--analysis-config=ROOT/config.json", "--dataset-source=ROOT/data", &url];
    assert!(job(&arguments, &[("config.json", config), ("data/a.csv", &data)]) >= 12);
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

/// Runs several monitors on a folder with data, labels and configuration; a run that is stopped must leave no result.
fn monitors(root: &Path, list: &str, settings: &[String], stop: &Stop) -> Result<String> {
    let tree = Tree::at(root);
    let output = root.join("output");
    let _ = fs::remove_dir_all(&output);
    fs::create_dir_all(&output).unwrap();
    let job = Job {
        tree,
        config: JobConfig::default(),
        hosts: Hosts::default(),
        stop: stop.clone(),
        for_people: false,
    };
    let fixed = [
        "analyzer-job".to_string(),
        format!("--analysis-type={list}"),
        format!("--output-path={}", output.display()),
    ];
    let cli = Cli::try_parse_from(fixed.iter().chain(settings)).unwrap();
    let kinds = cli.settings.analysis_type.clone().unwrap();
    let ended = several::run(&job, &cli.settings, &kinds, Timestamp::UNIX_EPOCH);
    if ended.as_ref().is_err_and(|problem| problem.class() == Class::Stopped) {
        assert_eq!(fs::read_dir(&output).unwrap().count(), 0, "results of a run that was stopped");
    }
    ended
}

/// Whoever sees the stop first, the thread that reads for all or a monitor, all end, and none waits for another.
#[test]
fn readings_that_several_monitors_share() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let write = |name: &str, text: &[u8]| {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    for file in ["a", "b", "c", "d"] {
        write(&format!("rows/{file}.csv"), &text(DatasetFormat::Csv));
    }
    let lines = String::from_utf8(text(DatasetFormat::Capture)).unwrap();
    let with_ids = |line: (usize, &str)| {
        let end = format!(
            ",\"eventMetadata\":{{\"eventId\":\"{}\",\"inferenceTime\":\"2024-05-01T00:00:00Z\"}}}}",
            line.0
        );
        format!("{}{end}", line.1.strip_suffix('}').unwrap())
    };
    let merged: Vec<String> = lines.lines().enumerate().map(with_ids).collect();
    write("merged/2024/05/01/00/a.jsonl", merged.join("\n").as_bytes());
    let truth = |line: &String| {
        let id = line.split("eventId\":\"").nth(1).unwrap().split('"').next().unwrap().to_string();
        format!(
            "{{\"groundTruthData\":{{\"data\":\"1\",\"encoding\":\"CSV\"}},\"eventMetadata\":{{\"eventId\":\"{id}\"}}}}"
        )
    };
    write("truth/2024/05/01/00/a.jsonl", merged.iter().map(truth).collect::<Vec<_>>().join("\n").as_bytes());
    let config = r#"{"headers": ["a", "b", "y"], "label": "y", "label_values_or_threshold": [1],
        "facet": [{"name_or_index": "a", "value_or_threshold": [0]}],
        "methods": {"post_training_bias": {"methods": ["DPPL"]}}}"#;
    write("config/analysis_config.json", config.as_bytes());
    let at = |name: &str, folder: &str| format!("--{name}={}", root.join(folder).display());
    let quality = |position: &str| {
        [format!("--inference-attribute={position}"), "--problem-type=BinaryClassification".into()]
    };
    let rows = [
        &quality("pred")[..],
        &[at("dataset-source", "rows"), "--ground-truth-attribute=y".into()],
        &[r#"--dataset-format={"csv":{"header":true}}"#.into()],
    ]
    .concat();
    let records =
        [&quality("0")[..], &[at("dataset-source", "merged"), at("analysis-config", "config")]].concat();
    let joined = [&records[..], &[at("ground-truth-source", "truth")]].concat();
    for (what, list, settings, least) in [
        ("rows", "DATA_QUALITY,MODEL_QUALITY", &rows, 5),
        ("records", "DATA_QUALITY,MODEL_QUALITY,MODEL_BIAS", &records, 10),
        ("captures joined with labels", "MODEL_QUALITY,MODEL_BIAS", &joined, 10),
    ] {
        let looks = looks(|stop| monitors(root, list, settings, stop));
        assert!(looks >= least, "{what}: {looks}");
    }
}
