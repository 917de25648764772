//! The model of an endpoint that the job made, in an account that a server in this process stands for.

use std::fs;
use std::time::{Duration, Instant};

use clap::Parser as _;
use plumbline_common::contract::{Hosts, JobConfig, Tree};
use plumbline_common::stop::Stop;
use plumbline_model_server::{Cell, Options, Server};
use serde_json::json;

use super::*;
use crate::settings::Cli;

/// Who asks the model.
type Asker = fn(&Context, &Reading, &Model, Questions) -> Result<()>;

/// Asks it everything, and has not closed it yet.
fn whole(run: &Context, reading: &Reading, model: &Model, questions: Questions) -> Result<()> {
    ask(run, reading, model, (None, questions), &mut output::Results::default()).map(|_| ())
}

fn part(run: &Context, reading: &Reading, model: &Model, questions: Questions) -> Result<()> {
    parts::fold(run, reading, model, &questions, "a", &mut output::Results::default()).map(|_| ())
}

/// Asks the model what `methods` need of it, and looks at the account before it is closed.
#[track_caller]
fn before_it_is_closed(methods: &Json, asker: Asker, look: impl Fn(&Server)) {
    let root = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| {
        fs::create_dir_all(root.path().join(name).parent().unwrap()).unwrap();
        fs::write(root.path().join(name), text).unwrap();
    };
    let config = json!({
        "dataset_type": "text/csv", "headers": ["a", "b", "y"], "label": "y", "label_values_or_threshold": [1],
        "facet": [{"name_or_index": "b", "value_or_threshold": [0]}], "methods": methods,
        "predictor": {"model_name": "m", "instance_type": "ml.m5.large", "initial_instance_count": 1,
            "content_type": "text/csv", "accept_type": "text/csv"}
    });
    write("config.json", config.to_string());
    write("data/a.csv", (0..60).map(|row| format!("{},{},{}\n", row % 7, row % 2, row / 2 % 2)).collect());
    let server = plumbline_model_server::start(Options {
        model: Arc::new(|row| match row[1] {
            Cell::Number(b) => vec![b],
            _ => vec![0.0],
        }),
        score_only: true,
        ..Options::default()
    })
    .unwrap();
    let job = Job {
        tree: Tree::at(root.path()),
        config: JobConfig::default(),
        hosts: Hosts::default(),
        stop: Stop::default(),
        for_people: false,
    };
    let at = |setting: &str, name: &str| format!("--{setting}={}", root.path().join(name).display());
    let arguments =
        [at("analysis-config", "config.json"), at("dataset-source", "data"), at("output-path", "out")];
    let settings =
        Cli::try_parse_from(["analyzer-job".to_string()].iter().chain(&arguments)).unwrap().settings;
    let prepared = prepare(&job, &settings, Timestamp::UNIX_EPOCH, root.path(), RowsFrom::Here).unwrap();
    let run = &prepared.run;
    let Read { reading, questions, .. } =
        read(&prepared, &Joins::new(&job, root.path(), false), None).unwrap();
    let questions = questions.unwrap();
    let (predictor, request, access) = predictions::way(run, &reading, &questions).unwrap();
    let model = Model::connect_at(&server.url(), predictor, request, &access, &job.stop).unwrap();
    asker(run, &reading, &model, questions).unwrap();
    look(&server);
    assert_eq!(model.close(), []);
    assert_eq!(server.left_behind(), [""; 0]);
}

fn shap() -> Json {
    json!({"baseline": [[0, 0]], "num_samples": 10, "agg_method": "mean_abs"})
}

/// The keeper of the endpoint deletes it while the program goes on.
#[track_caller]
fn goes(server: &Server) {
    let began = Instant::now();
    while !server.left_behind().is_empty() {
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", server.control_calls());
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn an_endpoint_begins_to_be_deleted_with_the_last_answer() {
    let bias = json!({"methods": ["DPPL", "FT"]});
    for methods in [
        json!({"post_training_bias": bias}),
        json!({"shap": shap()}),
        json!({"post_training_bias": bias, "shap": shap()}),
    ] {
        before_it_is_closed(&methods, whole, goes);
    }
    before_it_is_closed(&json!({"shap": shap()}), part, goes);
}

/// Attributions are not the last that is asked where curves follow, or predictions where attributions do.
#[test]
fn an_endpoint_stays_while_there_is_something_to_ask() {
    let pdp = json!({"features": ["a"], "grid_resolution": 3});
    for methods in [
        json!({"pdp": pdp}),
        json!({"shap": shap(), "pdp": pdp}),
        json!({"post_training_bias": {"methods": ["DPPL"]}, "shap": shap(), "pdp": pdp}),
    ] {
        before_it_is_closed(&methods, whole, |server| {
            assert!(!server.left_behind().is_empty(), "{:?}", server.control_calls());
        });
    }
}
