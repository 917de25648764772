//! The model of an endpoint that the job made, in an account that a server in this process stands for.

use std::fs;
use std::time::{Duration, Instant};

use clap::Parser as _;
use plumbline_common::contract::{Hosts, JobConfig, Tree};
use plumbline_common::stop::Stop;
use plumbline_model_server::{Cell, Instead, Options, Script, Server};
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

/// Rows with labels and predictions.
const ROWS: usize = 60;

/// A server whose model says of a row what its second value is, with one thing or another changed.
fn started(change: impl FnOnce(&mut Options)) -> Server {
    let mut options = Options {
        model: Arc::new(|row| match row[1] {
            Cell::Number(b) => vec![b],
            _ => vec![0.0],
        }),
        score_only: true,
        ..Options::default()
    };
    change(&mut options);
    plumbline_model_server::start(options).unwrap()
}

/// Reads rows, and reaches the model that `methods` need: one of an endpoint that the job makes, or by its address.
/// `with_predictions`: the data have a predicted label.
#[track_caller]
fn with_model<T>(
    server: &Server,
    methods: &Json,
    (by_address, with_predictions): (bool, bool),
    then: impl FnOnce(Prepared<'_>, Read, Model) -> T,
) -> T {
    let root = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| {
        fs::create_dir_all(root.path().join(name).parent().unwrap()).unwrap();
        fs::write(root.path().join(name), text).unwrap();
    };
    let mut config = json!({
        "dataset_type": "text/csv", "headers": ["a", "b", "y"], "label": "y", "label_values_or_threshold": [1],
        "facet": [{"name_or_index": "b", "value_or_threshold": [0]}], "methods": methods,
        "predictor": {"content_type": "text/csv", "accept_type": "text/csv"}
    });
    if !by_address {
        let of_model =
            json!({"model_name": "m", "instance_type": "ml.m5.large", "initial_instance_count": 1});
        config["predictor"].as_object_mut().unwrap().extend(of_model.as_object().unwrap().clone());
    }
    if with_predictions {
        config["headers"] = json!(["a", "b", "y", "p"]);
        config["predicted_label"] = json!("p");
    }
    write("config.json", config.to_string());
    let row = |row: usize| {
        let predicted = if with_predictions { format!(",{}", row / 3 % 2) } else { String::new() };
        format!("{},{},{}{predicted}\n", row % 7, row % 2, row / 2 % 2)
    };
    write("data/a.csv", (0..ROWS).map(row).collect());
    let job = Job {
        tree: Tree::at(root.path()),
        config: JobConfig::default(),
        hosts: Hosts::default(),
        stop: Stop::default(),
        for_people: false,
    };
    let at = |setting: &str, name: &str| format!("--{setting}={}", root.path().join(name).display());
    let mut arguments =
        vec![at("analysis-config", "config.json"), at("dataset-source", "data"), at("output-path", "out")];
    if by_address {
        arguments.push(format!("--model-url={}", server.url()));
    }
    let settings =
        Cli::try_parse_from(["analyzer-job".to_string()].iter().chain(&arguments)).unwrap().settings;
    let prepared = prepare(&job, &settings, Timestamp::UNIX_EPOCH, root.path(), RowsFrom::Here).unwrap();
    let read = read(&prepared, &Joins::new(&job, root.path(), false), None).unwrap();
    let (predictor, request, access) =
        predictions::way(&prepared.run, &read.reading, read.questions.as_ref().unwrap()).unwrap();
    let model = Model::connect_at(&server.url(), predictor, request, &access, &job.stop).unwrap();
    then(prepared, read, model)
}

/// Asks the model what `methods` need of it, and looks at the account before it is closed.
#[track_caller]
fn before_it_is_closed(methods: &Json, asker: Asker, look: impl Fn(&Server)) {
    let server = started(|_| ());
    with_model(&server, methods, (false, false), |prepared, read, model| {
        asker(&prepared.run, &read.reading, &model, read.questions.unwrap()).unwrap();
        look(&server);
        assert_eq!(model.close(), []);
    });
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

/// What a run comes to that is throttled for good once so many requests were answered: its results where there are any, and
/// with what it fails.
fn throttled_after(
    good: u64,
    methods: &Json,
    with_predictions: bool,
) -> (Option<Json>, Option<&'static codes::Code>) {
    let throttle = || Instead::Refuse(429, "ThrottlingException", "Rate exceeded".into());
    let server = started(|options| {
        options.faults.script = Script::invoked(move |call, _| (call > good).then(throttle));
    });
    with_model(&server, methods, (true, with_predictions), |prepared, read, model| {
        let Read { reading, counted, questions } = read;
        let mut files = output::Results::default();
        let answered = ask(&prepared.run, &reading, &model, (counted, questions.unwrap()), &mut files);
        let Answered { counted, explanation, lost } = match answered {
            Ok(answered) => answered,
            Err(problem) => return (None, Some(problem.code())),
        };
        let folder = prepared.run.plan.output.clone();
        let gathered = Gathered { reading, counted, explanation, lost, files, left: model.close() };
        let mut done = finish(prepared, gathered).unwrap();
        done.write().unwrap();
        let text = fs::read_to_string(folder.join("analysis.json")).unwrap();
        (Some(serde_json::from_str(&text).unwrap()), done.failed.map(|problem| problem.code()))
    })
}

/// Whenever an endpoint begins to throttle every request: what needs no answer is written once one was paid for, and all else that
/// was answered.
#[test]
fn what_needs_no_answer_outlasts_an_endpoint_that_throttles_every_request() {
    let (pre, post) = (json!({"methods": "all"}), json!({"methods": ["DPPL", "AD"]}));
    let pdp = json!({"features": ["a"], "grid_resolution": 3});
    for (methods, with_predictions) in [
        (json!({"pre_training_bias": pre, "post_training_bias": post}), false),
        (json!({"pre_training_bias": pre, "post_training_bias": post, "shap": shap()}), false),
        (json!({"pre_training_bias": pre, "post_training_bias": post, "shap": shap(), "pdp": pdp}), false),
        (json!({"post_training_bias": post, "shap": shap()}), true),
    ] {
        let first = throttled_after(0, &methods, with_predictions);
        assert_eq!(first, (None, Some(&codes::MODEL_THROTTLED)), "{methods}");
        let mut written = Vec::new();
        let whole = loop {
            match throttled_after(written.len() as u64 + 1, &methods, with_predictions) {
                (Some(results), None) => break results,
                (results, code) => {
                    assert_eq!(code, Some(&codes::MODEL_THROTTLED), "{methods}");
                    written.push(results.unwrap_or_else(|| panic!("{methods} after {}", written.len() + 1)));
                }
            }
        };
        assert!(!written.is_empty(), "{methods}");
        let without_model =
            if with_predictions { "post_training_bias_metrics" } else { "pre_training_bias_metrics" };
        let whole = without_counts(whole);
        for results in written.into_iter().map(without_counts) {
            assert_eq!(results[without_model], whole[without_model], "{methods}");
            for (section, found) in results.as_object().unwrap() {
                let pointer = if section == "explanations" { "/kernel_shap" } else { "" };
                assert_eq!(found.pointer(pointer), whole[section].pointer(pointer), "{methods} {section}");
            }
        }
    }
}

/// Counts of rows have those of predictions where there are any.
fn without_counts(mut value: Json) -> Json {
    match &mut value {
        Json::Object(fields) => {
            fields.shift_remove("counts");
            fields.values_mut().for_each(|field| *field = without_counts(field.take()));
        }
        Json::Array(items) => items.iter_mut().for_each(|item| *item = without_counts(item.take())),
        _ => {}
    }
    value
}
