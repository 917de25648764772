//! The program as a user starts it: on a folder tree shaped like that of a processing job, on data that
//! the generator makes for each test.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use merge_job::MergeTask;
use plumbline_common::stop::Stop;
use plumbline_generator::dataset::{self, Dataset, Format};
use plumbline_generator::traffic::{self, CAPTURES, GROUND_TRUTH, Payload, Traffic};
use plumbline_model_server::{Options, Server};
use serde_json::{Value, json};

use crate::runs;
pub(crate) use crate::runs::{Run, RunTime, await_handler, files_below, gzip, signal};

/// A tree that stands for `/opt/ml`, with a home folder and one for scratch files beside it.
pub(crate) struct Tree {
    root: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

pub(crate) const CONFIG: &str = "processing/input/config/analysis_config.json";
pub(crate) const OUTPUT: &str = "processing/output";

impl Tree {
    pub(crate) fn new() -> Tree {
        let tree = Tree { root: tempfile::tempdir().unwrap(), variables: Vec::new() };
        for folder in [OUTPUT, "output", "tmp", "home"] {
            fs::create_dir_all(tree.path(folder)).unwrap();
        }
        tree
    }

    /// With a configuration and `rows` rows of training data.
    pub(crate) fn with_dataset(config: &Value, format: Format, rows: u64, predictions: bool) -> Tree {
        let tree = Tree::new();
        tree.config(config);
        tree.dataset(format, rows, predictions);
        tree
    }

    /// Of the data quality monitor: files by name, of a `dataset_format`.
    pub(crate) fn of_quality<B: AsRef<[u8]>>(
        dataset_format: &str,
        files: impl IntoIterator<Item = (String, B)>,
    ) -> Tree {
        let mut tree = Tree::new();
        for (name, bytes) in files {
            tree.file(&format!("processing/input/endpoint/{name}"), bytes);
        }
        tree.set("dataset_format", dataset_format).set("analysis_type", "DATA_QUALITY");
        tree
    }

    /// Held against what a quality monitor wrote in another tree.
    pub(crate) fn against(mut self, baseline: &Tree) -> Tree {
        for name in ["constraints.json", "statistics.json"] {
            self.file(&format!("processing/baseline/{name}"), &baseline.results()[name]);
        }
        self.set("baseline_constraints", "/opt/ml/processing/baseline/constraints.json")
            .set("baseline_statistics", "/opt/ml/processing/baseline");
        self
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    pub(crate) fn file(&self, path: &str, bytes: impl AsRef<[u8]>) -> &Tree {
        runs::write(&self.path(path), bytes);
        self
    }

    pub(crate) fn config(&self, config: &Value) -> &Tree {
        self.file(CONFIG, config.to_string())
    }

    fn dataset(&self, format: Format, rows: u64, predictions: bool) {
        let dataset = Dataset { rows, seed: 1, drift: 0.0, format, predictions };
        dataset::write(&dataset, &self.path("processing/input/data/data")).unwrap();
    }

    /// An environment variable of every run to come.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) -> &mut Tree {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Every service of AWS at this server, with a key in the environment.
    pub(crate) fn aws(&mut self, server: &Server) -> &mut Tree {
        self.set("AWS_ENDPOINT_URL", server.url())
            .set("AWS_REGION", "eu-west-1")
            .set("AWS_ACCESS_KEY_ID", "AKIDENVIRONMENT")
            .set("AWS_SECRET_ACCESS_KEY", "secret-of-the-environment")
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_analyzer-job"));
        command
            .args(arguments)
            .env_clear()
            .env("SAGEMAKER_BASE_DIR", self.root.path())
            .env("TMPDIR", self.path("tmp"))
            .env("HOME", self.path("home"))
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// Runs the program; whatever happens, no scratch file may stay.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.ended(self.command(arguments).output().unwrap())
    }

    /// A run that must succeed.
    #[track_caller]
    pub(crate) fn succeed(&self, arguments: &[&str]) -> Run {
        let run = self.run(arguments);
        assert_eq!(run.code, Some(0), "{}{}", run.stdout, run.log);
        run
    }

    /// A run that must fail with this code of exit and of error, and no result.
    #[track_caller]
    pub(crate) fn fail(&self, arguments: &[&str], exit: i32, code: &str) -> Run {
        let run = self.run(arguments);
        assert_eq!(run.code, Some(exit), "{}{}", run.stdout, run.log);
        assert!(run.message.starts_with(&format!("Error: {code}: ")), "{}", run.message);
        assert!(self.results().is_empty(), "{:?}", self.results().keys());
        run
    }

    /// Starts the program in the background.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Waits until `at` holds, then asks the program to stop; gives how it ended, and how long that took.
    #[track_caller]
    pub(crate) fn stopped(&self, child: Child, at: impl Fn() -> bool) -> (Run, Duration) {
        let began = Instant::now();
        while !at() {
            assert!(began.elapsed() < Duration::from_secs(30), "the program did not get that far");
            std::thread::sleep(Duration::from_millis(2));
        }
        signal(&child, "TERM");
        let began = Instant::now();
        let output = child.wait_with_output().unwrap();
        (self.ended(output), began.elapsed())
    }

    #[track_caller]
    pub(crate) fn ended(&self, output: Output) -> Run {
        assert_eq!(fs::read_dir(self.path("tmp")).unwrap().count(), 0, "scratch files stay");
        Run::of(self.root.path(), output)
    }

    /// Result files by their path below the output.
    pub(crate) fn results(&self) -> BTreeMap<String, Vec<u8>> {
        files_below(&self.path(OUTPUT))
    }

    pub(crate) fn result(&self, name: &str) -> Value {
        serde_json::from_slice(&fs::read(self.path(OUTPUT).join(name)).unwrap()).unwrap()
    }

    pub(crate) fn analysis_bytes(&self) -> String {
        fs::read_to_string(self.path(OUTPUT).join("analysis.json")).unwrap()
    }
}

/// The project's model server with one thing or another changed.
pub(crate) fn model(change: impl FnOnce(&mut Options)) -> Server {
    let mut options = Options::default();
    change(&mut options);
    plumbline_model_server::start(options).unwrap()
}

/// Captured requests with labels for all: six hours from 2024-05-01T00:00:00Z.
pub(crate) fn traffic(rows: u64, drift: f64) -> Traffic {
    Traffic {
        rows,
        seed: 1,
        drift,
        payload: Payload::JsonLines,
        start: "2024-05-01T00:00:00Z".parse().unwrap(),
        hours: 6,
        rows_per_file: 20_000,
        several: 0.2,
        inference_ids: 0.25,
        late_hours: 1,
        missing: 0.0,
        orphaned: 0.0,
        repeated: 0.0,
    }
}

/// What tells where a monitor finds things in the generated payloads.
pub(crate) const MONITOR: [&str; 3] =
    ["--analysis-type=MODEL_BIAS", "--features-attribute=features", "--inference-attribute=approved"];

/// A tree of a bias monitor: this traffic, merged with its labels, where monitors have it.
pub(crate) fn monitored(traffic: &Traffic) -> Tree {
    let tree = captured(traffic);
    let (captures, labels) = (tree.path("traffic").join(CAPTURES), tree.path("traffic").join(GROUND_TRUTH));
    let task = MergeTask::new(&captures, &labels, &tree.path("processing/input_data"), &tree.path("tmp"));
    merge_job::merge(&task, &Stop::default()).map_err(|failure| failure.problem).unwrap();
    tree
}

/// As `monitored`, with captures and labels still apart in `traffic/`.
pub(crate) fn captured(traffic: &Traffic) -> Tree {
    let tree = Tree::new();
    let mut config = plumbline_generator::configs::bias_monitor(Format::JsonLines, &[]);
    config["methods"] =
        json!({"pre_training_bias": {"methods": "all"}, "post_training_bias": {"methods": "all"}});
    tree.config(&config);
    traffic::write(traffic, &tree.path("traffic")).unwrap();
    tree
}
