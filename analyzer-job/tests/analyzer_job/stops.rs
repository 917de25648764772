//! A stop while somebody else works: at every request that a job makes of AWS, in every state of its endpoint, and while the
//! results are sent on.

use std::cell::RefCell;
use std::time::Duration;

use plumbline_generator::configs;
use plumbline_generator::dataset::Format;
use plumbline_model_server::{Options, Server};
use serde_json::json;

use crate::preparation::with_python;
use crate::program::{OUTPUT, RunTime, Tree, files_below, model};

/// A job that does all that a job does in an account: it fetches its data, makes an endpoint, asks it, deletes it and publishes.
pub(crate) fn in_the_account(server: &Server, data: &str) -> Tree {
    let mut config = configs::bias_model_baseline(Format::Csv, &["DPPL".into()]);
    let predictor = config["predictor"].as_object_mut().unwrap();
    predictor.remove("endpoint_name");
    predictor.extend([
        ("model_name".to_string(), json!("credit")),
        ("instance_type".to_string(), json!("ml.m5.large")),
        ("initial_instance_count".to_string(), json!(1)),
    ]);
    config["dataset_uri"] = json!(data);
    let mut tree = Tree::new();
    tree.config(&config);
    tree.aws(server).set("cloudwatch_namespace", "stops");
    tree
}

fn rows() -> Vec<u8> {
    let config = configs::bias_model_baseline(Format::Csv, &[]);
    let tree = Tree::with_dataset(&config, Format::Csv, 60, false);
    std::fs::read(tree.path("processing/input/data/data")).unwrap()
}

pub(crate) fn account(change: impl FnOnce(&mut Options)) -> Server {
    let rows = rows();
    model(|options| {
        options.objects = [("bucket/data/a.csv".to_string(), rows)].into();
        options.leftovers = vec![("sm-clarify-old-1700000000-0a1b".into(), "old".into())];
        options.jobs = [("old".to_string(), "Stopped")].into();
        change(options);
    })
}

pub(crate) const DATA: &str = "s3://bucket/data/";

/// The longest that a call which makes or deletes something is waited for, as its effect must be known.
const ONE_TRY: Duration = Duration::from_secs(4);

#[test]
fn at_every_request_that_hangs_a_stop_is_noticed_and_nothing_is_left() {
    let whole = account(|_| ());
    let run = in_the_account(&whole, DATA).succeed(&[]);
    assert_eq!(whole.published().len(), 1, "{}", run.log);
    // The last one is the publishing, once all results are there.
    let requests = whole.arrived();
    assert!(requests >= 15, "{requests}");
    for number in 1..=requests {
        let server = account(|options| options.faults.hang = Some(number));
        let tree = in_the_account(&server, DATA);
        let before = server.control_calls().len();
        let (run, took) = tree.stopped(tree.start(&[]), || server.arrived() >= number);
        let calls = server.control_calls().split_off(before);
        let told = format!("request {number}, {calls:?}: {took:?}, {} {}", run.message, run.log);
        let is_published = !server.published().is_empty();
        assert_eq!(run.code, Some(if is_published { 0 } else { 143 }), "{told}");
        assert_eq!(run.message.starts_with("Stopped: PL0904: "), !is_published, "{told}");
        assert!(!run.log.contains("no result was written") || !is_published, "{told}");
        assert_eq!(tree.results().contains_key("analysis.json"), is_published, "{told}");
        assert_eq!(tree.results().is_empty(), !is_published, "{told}");
        assert_eq!(server.left_behind(), [""; 0], "{told}");
        let is_known = calls.iter().any(|call| call.starts_with("Create") || call.starts_with("Delete"));
        // Beside the second: an unoptimised program on a busy machine, and what it deletes.
        let most = Duration::from_secs(2) + if is_known { ONE_TRY } else { Duration::ZERO };
        assert!(took < most, "{told}");
    }
}

/// One monitor and several.
const MONITORS: [&str; 2] = ["MODEL_QUALITY", "DATA_QUALITY,MODEL_QUALITY"];

fn monitored(kinds: &str) -> Tree {
    let config = configs::bias_baseline(Format::Csv, &["DPPL".into()]);
    let mut tree = Tree::with_dataset(&config, Format::Csv, 60, true);
    tree.set("dataset_source", "/opt/ml/processing/input/data")
        .set("dataset_format", r#"{"csv": {"header": true}}"#)
        .set("analysis_type", kinds)
        .set("problem_type", "BinaryClassification")
        .set("inference_attribute", "approved")
        .set("ground_truth_attribute", "repaid");
    tree
}

/// What fails while metrics are sent, or a kill then, does not take the results with it.
#[test]
fn results_are_there_before_their_metrics_are_sent() {
    for kinds in MONITORS {
        let server = model(|options| options.faults.hang = Some(1));
        let mut tree = monitored(kinds);
        tree.aws(&server).set("cloudwatch_namespace", "stops");
        let by_then = RefCell::default();
        let (run, _) = tree.stopped(tree.start(&[]), || {
            let is_sent = !server.published().is_empty();
            if is_sent {
                by_then.replace(tree.results());
            }
            is_sent
        });
        assert_eq!(run.code, Some(0), "{}", run.log);
        assert!(run.message.starts_with("Completed: "), "{}", run.message);
        assert!(run.log.contains("cannot publish to the namespace stops"), "{}", run.log);
        assert!(by_then.borrow().len() > 3);
        assert_eq!(by_then.into_inner(), tree.results());
    }
}

/// A script that runs last may take long: the results are there when it is stopped, and the message says so.
#[test]
fn while_the_last_script_runs_the_results_are_there() {
    let Some(path) = with_python() else { return };
    for kinds in ["DATA_QUALITY", "DATA_QUALITY,MODEL_QUALITY"] {
        let mut tree = monitored(kinds);
        tree.file(
            "end.py",
            "import time\ndef postprocess_handler():\n    print('begun')\n    time.sleep(60)\n",
        );
        tree.set("PATH", path.clone()).set("post_analytics_processor_script", "/opt/ml/end.py");
        let (run, took) = tree.stopped(tree.start(&[]), || files_below(&tree.path(OUTPUT)).len() > 3);
        assert_eq!(run.code, Some(143), "{}", run.log);
        assert!(run.message.starts_with("Stopped: PL0904: "), "{}", run.message);
        assert!(run.message.contains("the results are written"), "{}", run.message);
        assert!(took < Duration::from_secs(2), "{took:?}");
    }
}

/// A stop once everything is done: here while something that the last script started still holds its output, which is waited
/// for without a look at the flag. It tells that the script has ended, and been heard.
#[test]
fn a_run_whose_work_is_done_is_not_ended_as_stopped() {
    let Some(path) = with_python() else { return };
    for kinds in MONITORS {
        let mut tree = monitored(kinds);
        let ended = tree.path("ended");
        tree.file(
            "end.py",
            format!(
                "import os, subprocess, sys\nLATER = '''import os, pathlib, time
while os.getppid() == int(os.environ['SCRIPT']): time.sleep(0.01)
time.sleep(0.3)
pathlib.Path('{}').touch()
time.sleep(3)'''\ndef postprocess_handler():\n    \
                 subprocess.Popen([sys.executable, '-c', LATER], env=dict(os.environ, SCRIPT=str(os.getpid())))\n",
                ended.display()
            ),
        );
        tree.set("PATH", path.clone()).set("post_analytics_processor_script", "/opt/ml/end.py");
        let (run, took) = tree.stopped(tree.start(&[]), || ended.exists());
        assert_eq!(run.code, Some(0), "{took:?} {}", run.log);
        assert!(run.message.starts_with("Completed: "), "{}", run.message);
        assert!(tree.results().contains_key(if kinds.contains(',') {
            "report.html"
        } else {
            "constraints.json"
        }));
    }
}

/// Metrics of many classes and rows are worked out without a look at the flag; the program is ended under them.
#[test]
fn work_that_does_not_look_at_the_flag_is_ended() {
    let mut tree = Tree::new();
    let row = |n: usize| format!("c{},c{}\n", n * 7919 % 401, n * 104_729 % 397);
    tree.file("processing/input/data/a.csv", "y,p\n".to_owned() + &(0..40_000).map(row).collect::<String>());
    tree.set("dataset_source", "/opt/ml/processing/input/data")
        .set("dataset_format", r#"{"csv": {"header": true}}"#)
        .set("problem_type", "MulticlassClassification")
        .set("inference_attribute", "p")
        .set("ground_truth_attribute", "y");
    for kinds in ["MODEL_QUALITY", "DATA_QUALITY,MODEL_QUALITY"] {
        tree.set("analysis_type", kinds);
        let mut run_time = RunTime::measured(|| drop(tree.succeed(&[])));
        for share in [0.3, 0.6] {
            let ended = (0..20).find_map(|_| {
                std::fs::remove_dir_all(tree.path(OUTPUT)).unwrap();
                std::fs::create_dir_all(tree.path(OUTPUT)).unwrap();
                let child = tree.start(&[]);
                run_time.sleep(share);
                let ended = tree.stopped(child, || true);
                run_time.learn(ended.0.code == Some(0));
                (ended.0.code != Some(0)).then_some(ended)
            });
            let (run, took) = ended.expect("a run that was not over");
            assert_eq!(run.code, Some(143), "{}", run.log);
            assert!(run.message.starts_with("Stopped: PL0904: "), "{}", run.message);
            assert!(run.log.contains("PL0904"), "{}", run.log);
            assert!(tree.results().is_empty());
            // Of a second, and some for a busy machine; what was left of the work takes longer there too.
            let most = Duration::from_millis(1500).max(run_time.of(1.0 - share) / 2);
            assert!(took < most, "{kinds} {share}: {took:?} of {:?}", run_time.of(1.0));
        }
        std::fs::create_dir_all(tree.path(OUTPUT)).unwrap();
    }
}
