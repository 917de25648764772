//! Hosts of one processing job: each sees its shard of the data, or all see the same.

use std::fs;

use serde_json::{Value, json};

use crate::fold::{dataset, same};
use crate::program::{CONFIG, OUTPUT, Tree, files_below};

const DATA: &str = "processing/input/data";

/// The platform deals the files of an input to the hosts of a job one after the other, and collects every output.
#[test]
fn sharded_hosts_fold_and_one_host_combines() {
    let whole = Tree::new();
    dataset(&whole, true);
    whole.succeed(&[]);
    let config: Value = serde_json::from_slice(&fs::read(whole.path(CONFIG)).unwrap()).unwrap();
    let hosts = ["algo-2", "algo-1", "algo-3", "algo-4"];
    let combine = Tree::new();
    combine.config(&config);
    // One host gets no file.
    let dealt: Vec<(String, Vec<u8>)> = files_below(&whole.path(DATA)).into_iter().collect();
    for (number, host) in hosts.iter().enumerate() {
        let tree = Tree::new();
        tree.config(&config);
        fs::create_dir_all(tree.path(DATA)).unwrap();
        for (at, (name, bytes)) in dealt.iter().enumerate() {
            if at % 3 == number {
                tree.file(&format!("{DATA}/{name}"), bytes);
            }
        }
        host_files(&tree, host, &hosts);
        let run = tree.succeed(&[]);
        assert_eq!(!run.message.is_empty(), *host == "algo-1", "{}", run.message);
        for (name, bytes) in tree.results() {
            combine.file(&format!("processing/input/states/{name}"), bytes);
        }
    }
    let run = combine.succeed(&["combine"]);
    assert_eq!(run.message, "Completed: Job completed successfully with no violations.");
    same(&combine.results(), &whole.results(), hosts.len());
    // A host that was killed leaves no state.
    let killed = Tree::new();
    killed.config(&config);
    for (name, bytes) in files_below(&combine.path("processing/input/states")) {
        if !name.ends_with("algo-3.state") {
            killed.file(&format!("processing/input/states/{name}"), bytes);
        }
    }
    let run = killed.fail(&["combine"], 3, "PL0909");
    assert!(run.message.contains("`algo-3`"), "{}", run.message);
}

/// What the platform tells a host of its job: the data of the input `dataset`, each host's own or all, and the rest whole.
fn host_files(tree: &Tree, host: &str, hosts: &[&str]) {
    inputs_of_host(tree, host, hosts, (DATA, "ShardedByS3Key"));
}

fn inputs_of_host(tree: &Tree, host: &str, hosts: &[&str], (data, kind): (&str, &str)) {
    tree.file("config/resourceconfig.json", json!({"current_host": host, "hosts": hosts}).to_string());
    let input = |name: &str, path: &str, kind: &str| {
        json!({"InputName": name, "S3Input": {"LocalPath": format!("/opt/ml/{path}"), "S3Uri": "s3://b/k",
            "S3DataDistributionType": kind}})
    };
    let config = json!({"ProcessingJobName": "", "ProcessingInputs": [
        input("dataset", data, kind),
        input("analysis_config", "processing/input/config", "FullyReplicated"),
    ]});
    tree.file("config/processingjobconfig.json", config.to_string());
}

#[test]
fn what_every_host_needs_whole_may_not_be_sharded() {
    let tree = Tree::new();
    dataset(&tree, false);
    tree.file("config/resourceconfig.json", json!({"current_host": "b", "hosts": ["a", "b"]}).to_string());
    let input = json!({"InputName": "analysis_config", "S3Input": {"LocalPath": "/opt/ml/processing/input/config",
        "S3Uri": "s3://b/k", "S3DataDistributionType": "ShardedByS3Key"}});
    tree.file("config/processingjobconfig.json", json!({"ProcessingInputs": [input]}).to_string());
    tree.fail(&[], 1, "PL0103");
}

/// By the names that the hosted service gives them, and by the settings that name their places.
#[test]
fn no_input_that_every_host_needs_whole_may_be_sharded() {
    let input = |name: &str, path: &str, kind: &str| {
        json!({"InputName": name, "S3Input": {"LocalPath": format!("/opt/ml/processing/{path}"), "S3Uri": "s3://b/k",
            "S3DataDistributionType": kind}})
    };
    let run = |name: &str, path: &str, setting: &str| {
        let mut tree = Tree::new();
        dataset(&tree, false);
        fs::create_dir_all(tree.path(&format!("processing/{path}"))).unwrap();
        tree.file(
            "config/resourceconfig.json",
            json!({"current_host": "a", "hosts": ["a", "b"]}).to_string(),
        );
        let inputs = [input("dataset", "input/data", "ShardedByS3Key"), input(name, path, "ShardedByS3Key")];
        tree.file("config/processingjobconfig.json", json!({"ProcessingInputs": inputs}).to_string());
        if !setting.is_empty() {
            tree.set(setting, format!("/opt/ml/processing/{path}"));
        }
        tree.run(&[])
    };
    for name in ["analysis_config", "constraints", "baseline_constraints", "baseline_statistics", "baseline"]
    {
        let run = run(name, "elsewhere", "");
        assert_eq!(run.code, Some(1), "{name}: {}", run.log);
        assert!(
            run.message.contains("PL0103") && run.message.contains(&format!("`{name}`")),
            "{}",
            run.message
        );
    }
    for setting in ["baseline_constraints", "baseline_statistics", "ground_truth_source"] {
        for path in ["elsewhere", "elsewhere/below"] {
            let run = run("mine", path, setting);
            assert_eq!(run.code, Some(1), "{setting}: {}", run.log);
            assert!(run.message.contains("PL0103") && run.message.contains("`mine`"), "{}", run.message);
        }
    }
    let run = run("mine", "elsewhere", "");
    assert!(!run.message.contains("PL0103"), "{}", run.message);
}

#[test]
fn a_host_with_an_empty_shard_of_a_monitor_folds_what_the_others_fold() {
    let tree = Tree::new();
    // Without `dataset_type` it is a monitor's configuration, by the folder of its data alone.
    tree.config(&json!({"headers": ["a", "b", "y"], "label": "y", "predictor": {"label": 0},
        "facet": [{"name_or_index": "a", "value_or_threshold": [1]}], "label_values_or_threshold": [1],
        "methods": {"post_training_bias": {"methods": "all"}}}));
    host_files(&tree, "algo-2", &["algo-1", "algo-2"]);
    let config = json!({"ProcessingJobName": "", "ProcessingInputs": [{"InputName": "endpoint", "S3Input": {
        "LocalPath": "/opt/ml/processing/input/endpoint", "S3Uri": "s3://b/k",
        "S3DataDistributionType": "ShardedByS3Key"}}]});
    tree.file("config/processingjobconfig.json", config.to_string());
    fs::create_dir_all(tree.path("processing/input/endpoint")).unwrap();
    let run = tree.succeed(&[]);
    assert!(run.log.contains("folded 0 rows of part algo-2"), "{}", run.log);
}

const CAPTURES: &str = "processing/input/endpoint";

/// Captured requests with a group and a number, as JSON or CSV, with the answer of a model; `labelled`: merged with labels.
fn captures(tree: &Tree, as_csv: bool, labelled: bool) {
    for file in 0..3_usize {
        let record = |row: usize| {
            let (group, number) = (["a", "b"][row % 2], (row * 7 + file) % 13);
            let data = match as_csv {
                true => format!("{group},{number}"),
                false => json!({"my group": group, "n": number}).to_string(),
            };
            let kind = if as_csv { "text/csv" } else { "application/json" };
            let mut record = json!({
                "captureData": {
                    "endpointInput": {"data": data, "encoding": "CSV", "observedContentType": kind},
                    "endpointOutput": {"data": format!("{},0.{}", row / 2 % 2, number % 9 + 1), "encoding": "CSV"},
                },
                "eventMetadata": {"eventId": format!("{file}-{row}"), "inferenceTime": "2024-05-01T01:00:00Z"},
                "eventVersion": "0",
            });
            if labelled {
                record["groundTruthData"] = label(row);
            }
            format!("{record}\n")
        };
        let truth = |row: usize| {
            format!(
                "{}\n",
                json!({"groundTruthData": label(row), "eventVersion": "0",
                "eventMetadata": {"eventId": format!("{file}-{row}")}})
            )
        };
        let folder = "2024/05/01/01";
        tree.file(&format!("{CAPTURES}/{folder}/{file}.jsonl"), (0..40).map(record).collect::<String>());
        if !labelled {
            tree.file(&format!("truth/{folder}/{file}.jsonl"), (0..40).map(truth).collect::<String>());
        }
    }
}

fn label(row: usize) -> Value {
    json!({"data": (row / 3 % 2).to_string(), "encoding": "CSV"})
}

/// The configuration of a bias monitor; `dataset_type` of the baseline that it also served.
fn bias_config(tree: &Tree, dataset_type: Option<&str>) {
    let mut config = json!({
        "headers": ["g", "n", "y"], "label": "y", "label_values_or_threshold": [1],
        "facet": [{"name_or_index": "g", "value_or_threshold": ["a"]}],
        "methods": {"post_training_bias": {"methods": ["DPPL", "DI"]}},
    });
    if let Some(dataset_type) = dataset_type {
        config["dataset_type"] = json!(dataset_type);
    }
    tree.config(&config);
}

/// Two hosts, of which the second gets no file; their parts combined are the one run, byte for byte.
#[track_caller]
fn check_empty_host(what: &str, data: &str, set_up: impl Fn(&Tree), settings: &[&str]) {
    let tree = || {
        let tree = Tree::new();
        set_up(&tree);
        tree
    };
    let whole = tree();
    let expected = whole.run(settings);
    assert_eq!(expected.code, Some(0), "{what}: {}", expected.log);
    let combine = tree();
    for host in ["algo-1", "algo-2"] {
        let tree = tree();
        if host == "algo-2" {
            fs::remove_dir_all(tree.path(data)).unwrap();
            fs::create_dir_all(tree.path(data)).unwrap();
        }
        inputs_of_host(&tree, host, &["algo-1", "algo-2"], (data, "ShardedByS3Key"));
        let dry = tree.run(&[&["validate"], settings].concat());
        assert_eq!(dry.code, Some(0), "{what}, {host}: {}", dry.stdout);
        let run = tree.run(settings);
        assert_eq!(run.code, Some(0), "{what}, {host}: {}", run.log);
        for (name, bytes) in tree.results() {
            combine.file(&format!("processing/input/{name}"), bytes);
        }
    }
    fs::remove_dir_all(combine.path(data)).unwrap();
    let settings: Vec<&str> =
        settings.iter().copied().filter(|setting| !setting.starts_with("--dataset-source")).collect();
    let run = combine.run(&[&["combine"], &settings[..]].concat());
    assert_eq!((run.code, &run.message), (Some(0), &expected.message), "{what}: {}", run.log);
    same(&combine.results(), &whole.results(), 2);
}

const QUALITY: [&str; 3] =
    ["--problem-type=BinaryClassification", "--inference-attribute=0", "--probability-attribute=1"];

#[test]
fn a_host_without_captures_leaves_a_part_of_any_monitor_and_list() {
    let all = "--analysis-type=DATA_QUALITY,MODEL_QUALITY,MODEL_BIAS";
    let two = "--analysis-type=DATA_QUALITY,MODEL_QUALITY";
    let (quality, data) = ("--analysis-type=MODEL_QUALITY", "--analysis-type=DATA_QUALITY");
    let bias = ["--analysis-type=MODEL_BIAS", "--inference-attribute=0"];
    let truth = "--ground-truth-source=/opt/ml/truth";
    let by_name = ["--segment-columns=my group", "--segment-minimum-rows=1"];
    let label = "--ground-truth-attribute=0";
    for (as_csv, settings) in [
        (true, [&[quality], &QUALITY[..]].concat()),
        (true, [&[quality, "--segment-attributes=0"], &QUALITY[..]].concat()),
        (false, [&[quality, "--segment-attributes=n"], &QUALITY[..]].concat()),
        (true, [&[quality, label], &QUALITY[..]].concat()),
        (true, [&[quality, truth, label], &QUALITY[..]].concat()),
        (true, vec![data]),
        (false, [&[data], &by_name[..]].concat()),
        (true, [&[all], &QUALITY[..]].concat()),
        (true, [&[all, truth], &QUALITY[..]].concat()),
        (false, [&[two], &by_name[..], &QUALITY[..]].concat()),
        (false, [&[two, truth], &by_name[..], &QUALITY[..]].concat()),
        (false, [&[two, "--segment-attributes=n", truth], &by_name[..], &QUALITY[..]].concat()),
        (true, bias.to_vec()),
    ] {
        for dataset_type in [None, Some("text/csv"), Some("application/jsonlines"), Some("application/json")]
        {
            let with_bias = settings[0] == all || settings[0] == bias[0];
            if !with_bias && dataset_type.is_some() {
                continue;
            }
            let set_up = |tree: &Tree| {
                captures(tree, as_csv, !settings.contains(&truth));
                if with_bias {
                    bias_config(tree, dataset_type);
                }
            };
            check_empty_host(&format!("{settings:?} {dataset_type:?}"), CAPTURES, set_up, &settings);
        }
    }
}

#[test]
fn a_host_without_a_file_of_a_dataset_leaves_a_part_of_any_monitor_and_list() {
    let rows = || (0..60).map(|row: usize| (row % 3, row * 7 % 11, row % 2, row / 2 % 2));
    let csv = |tree: &Tree, header: bool| {
        let lines: String = rows().map(|(g, n, y, p)| format!("{g},{n},{y},{p}\n")).collect();
        tree.file(&format!("{DATA}/a"), if header { format!("g,n,y,p\n{lines}") } else { lines });
    };
    let json = |tree: &Tree| {
        let line = |(g, n, y, p)| format!("{}\n", json!({"g": g, "n": n, "y": y, "p": p}));
        tree.file(&format!("{DATA}/a.jsonl"), rows().map(line).collect::<String>());
    };
    let source = "--dataset-source=/opt/ml/processing/input/data";
    let named = [
        "--problem-type=BinaryClassification",
        "--inference-attribute=p",
        "--ground-truth-attribute=y",
        source,
    ];
    let positions = [
        "--problem-type=BinaryClassification",
        "--inference-attribute=3",
        "--ground-truth-attribute=2",
        source,
    ];
    let without_header = r#"--dataset-format={"csv":{"header":false}}"#;
    for kind in ["DATA_QUALITY", "MODEL_QUALITY", "DATA_QUALITY,MODEL_QUALITY"] {
        let kind = format!("--analysis-type={kind}");
        for more in [&[][..], &["--segment-columns=g"], &[r#"--columns=[{"drop": ["n"]}]"#]] {
            let settings = [&[kind.as_str()], &named[..], more].concat();
            check_empty_host(&format!("CSV {settings:?}"), DATA, |tree| csv(tree, true), &settings);
            check_empty_host(&format!("JSON {settings:?}"), DATA, json, &settings);
        }
        let settings = [&[kind.as_str(), without_header], &positions[..]].concat();
        check_empty_host("CSV without a header", DATA, |tree| csv(tree, false), &settings);
    }
    let profile = |tree: &Tree| {
        let made = Tree::new();
        csv(&made, true);
        made.succeed(&["--analysis-type=DATA_QUALITY", source]);
        let name = "data_quality_profile.json.gz";
        tree.file(&format!("{DATA}/{name}"), &made.results()[name]);
    };
    for format in [&[][..], &[r#"--dataset-format={"profile":{}}"#]] {
        let settings = [&["--analysis-type=DATA_QUALITY", source], format].concat();
        check_empty_host("profiles", DATA, profile, &settings);
    }
    let analysis = |tree: &Tree| {
        csv(tree, true);
        tree.config(&json!({
            "dataset_type": "text/csv", "label": "y", "label_values_or_threshold": [1], "predicted_label": "p",
            "facet": [{"name_or_index": "g", "value_or_threshold": [1]}],
            "methods": {"pre_training_bias": {"methods": "all"}, "post_training_bias": {"methods": "all"}},
        }));
    };
    check_empty_host("an analysis", DATA, analysis, &[]);
}

/// Whoever needs all of the data refuses a part of them, and does the work once where all hosts see all.
#[test]
fn what_needs_all_of_the_data_is_done_by_one_host_or_refused() {
    let hosts = ["algo-2", "algo-1"];
    let set_up = || {
        let tree = Tree::new();
        let rows: String = (0..30).map(|row| format!("{},{},{}\n", row % 5, row % 7, row % 2)).collect();
        tree.file(&format!("{DATA}/a.csv"), format!("a,b,y\n{rows}"));
        tree.config(&json!({
            "dataset_type": "text/csv", "label": "y", "label_values_or_threshold": [1],
            "facet": [{"name_or_index": "a", "value_or_threshold": [2]}],
            "methods": {"pre_training_bias": {"methods": "all"}, "shap": {"num_clusters": 2}},
            "predictor": {"model_name": "m", "instance_type": "ml.m5.large", "initial_instance_count": 1},
        }));
        tree
    };
    let whole = set_up();
    let out = |tree: &Tree, name: &str| tree.path(name).display().to_string();
    whole.succeed(&["baseline", "--out", &out(&whole, "baseline.csv")]);
    for host in hosts {
        let tree = set_up();
        inputs_of_host(&tree, host, &hosts, (DATA, "ShardedByS3Key"));
        let run = tree.fail(&["baseline", "--out", &out(&tree, "baseline.csv")], 1, "PL0103");
        for text in ["baseline", "`dataset`", "one instance"] {
            assert!(run.message.contains(text), "no {text} in {}", run.message);
        }
        assert!(!tree.path("baseline.csv").exists());
        let tree = set_up();
        inputs_of_host(&tree, host, &hosts, (DATA, "FullyReplicated"));
        let run = tree.succeed(&["baseline", "--out", &out(&tree, "baseline.csv")]);
        assert_eq!(run.message.is_empty(), host != "algo-1", "{}", run.message);
        assert_eq!(tree.path("baseline.csv").exists(), host == "algo-1");
    }
    // States of hours, which name no hosts: a part of them would be a whole of its own.
    let states = "processing/input/states";
    let bias = || {
        let tree = Tree::new();
        dataset(&tree, false);
        tree
    };
    let folded = bias();
    for (number, name) in files_below(&folded.path(DATA)).into_keys().enumerate() {
        folded.file("list", name);
        let list = format!("--files={}", folded.path("list").display());
        folded.succeed(&["fold", "--out", &out(&folded, &format!("states/{number}.state")), &list]);
    }
    for kind in ["ShardedByS3Key", "FullyReplicated"] {
        for host in hosts {
            let tree = bias();
            for (name, bytes) in files_below(&folded.path("states")) {
                tree.file(&format!("{states}/{name}"), bytes);
            }
            inputs_of_host(&tree, host, &hosts, (states, kind));
            if kind == "ShardedByS3Key" {
                tree.fail(&["combine"], 1, "PL0103");
            } else {
                tree.succeed(&["combine"]);
                assert_eq!(tree.results().is_empty(), host != "algo-1");
            }
        }
    }
}

/// The command does what the job of a host does without it.
#[test]
fn fold_of_a_host_is_the_job_of_that_host() {
    for (kind, host) in
        [("ShardedByS3Key", "algo-1"), ("ShardedByS3Key", "algo-2"), ("FullyReplicated", "algo-2")]
    {
        let tree = Tree::new();
        dataset(&tree, false);
        inputs_of_host(&tree, host, &["algo-1", "algo-2"], (DATA, kind));
        let states = [&[][..], &["fold"]].map(|command| {
            let run = tree.succeed(command);
            let states = tree.results();
            fs::remove_dir_all(tree.path(OUTPUT)).unwrap();
            fs::create_dir_all(tree.path(OUTPUT)).unwrap();
            (run.message, states)
        });
        assert_eq!(states[0], states[1], "{kind} {host}");
        assert_eq!(states[0].1.is_empty(), kind == "FullyReplicated");
    }
}
