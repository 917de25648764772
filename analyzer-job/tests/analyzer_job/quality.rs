//! The data quality monitor as a user starts it: baseline, window, what a changed window raises.

use std::fs;

use plumbline_generator::traffic::{CAPTURES, Payload};
use serde_json::Value;

use crate::program::{OUTPUT, Tree, captured, traffic};

/// Captured CSV payloads of this drift, a second column of the answer included.
fn tree(rows: u64, drift: f64) -> Tree {
    let mut traffic = traffic(rows, drift);
    (traffic.payload, traffic.several) = (Payload::Csv, 0.3);
    let mut tree = captured(&traffic);
    let captures = tree.path("traffic").join(CAPTURES).display().to_string();
    tree.set("analysis_type", "DATA_QUALITY")
        .set(
            "dataset_format",
            r#"{"sagemakerCaptureJson":{"captureIndexNames":["endpointInput","endpointOutput"]}}"#,
        )
        .set("dataset_source", captures);
    tree
}

/// Hands the results of a baseline to a monitor.
fn hold_against(monitor: &mut Tree, baseline: &Tree) {
    for name in ["constraints.json", "statistics.json"] {
        monitor.file(&format!("processing/baseline/{name}"), &baseline.results()[name]);
    }
    monitor
        .set("baseline_constraints", "/opt/ml/processing/baseline/constraints.json")
        .set("baseline_statistics", "/opt/ml/processing/baseline");
}

fn violated(tree: &Tree) -> Vec<(String, String)> {
    let violations = tree.result("constraint_violations.json");
    let text = |violation: &Value, key: &str| violation[key].as_str().unwrap().to_string();
    let violations = violations["violations"].as_array().unwrap();
    violations.iter().map(|v| (text(v, "feature_name"), text(v, "constraint_check_type"))).collect()
}

#[test]
fn the_same_traffic_is_clean_and_a_drifted_one_is_told() {
    let baseline = tree(3000, 0.0);
    let run = baseline.succeed(&[]);
    assert_eq!(run.message, "Completed: Job completed successfully with no violations.");
    assert!(run.log.contains("read 3000 rows from "), "{}", run.log);
    let names: Vec<String> = baseline.results().into_keys().collect();
    let expected = [
        "constraints.json",
        "data_quality_details.json",
        PROFILE,
        "report.html",
        "report.ipynb",
        "report.pdf",
        "statistics.json",
    ];
    assert_eq!(names, expected);
    let features = baseline.result("statistics.json")["features"].as_array().unwrap().len();

    let mut same = tree(3000, 0.0);
    hold_against(&mut same, &baseline);
    same.succeed(&[]);
    let bytes = same.results();
    assert_eq!(bytes["constraint_violations.json"], b"{\n  \"violations\" : [ ]\n}");
    assert!(bytes["statistics.json"] == baseline.results()["statistics.json"]);
    let details = same.result("data_quality_details.json");
    let columns = details["columns"].as_array().unwrap();
    assert!(columns.len() <= features && columns.iter().all(|column| column["effect"] == 0.0));

    let mut drifted = tree(3000, 1.0);
    hold_against(&mut drifted, &baseline);
    drifted.set("drift_rule", "weighted").set("publish_cloudwatch_metrics", "Enabled");
    let run = drifted.succeed(&["--sagemaker-monitoring-schedule-name=sch"]);
    let violations = violated(&drifted);
    assert!(violations.iter().any(|(_, check)| check == "baseline_drift_check"), "{violations:?}");
    assert_eq!(
        run.message,
        format!("CompletedWithViolations: Job completed successfully with {} violations.", violations.len())
    );
    let lines =
        fs::read_to_string(drifted.path("output/metrics/cloudwatch/cloudwatch_metrics.jsonl")).unwrap();
    assert_eq!(lines.lines().filter(|line| line.contains("feature_non_null_")).count(), features);
    let last: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&last["MetricName"], last["Value"].as_f64()),
        (&"total_number_of_violations".into(), Some(violations.len() as f64))
    );

    // The reports can be made again, of a baseline and of a monitor.
    for tree in [&baseline, &drifted] {
        let before = tree.results();
        for ending in ["html", "ipynb", "pdf"] {
            fs::remove_file(tree.path(OUTPUT).join(format!("report.{ending}"))).unwrap();
        }
        tree.succeed(&["report", &tree.path(OUTPUT).display().to_string()]);
        let again = tree.results();
        for (name, bytes) in before {
            assert!(again[&name] == bytes, "{name}");
        }
    }

    // A baseline into the same folder: nothing is left that would speak of the monitor.
    let tidy = tree(500, 0.0);
    tidy.file(&format!("{OUTPUT}/constraint_violations.json"), "{}")
        .file(&format!("{OUTPUT}/data_quality_details.json"), "{}");
    tidy.succeed(&[]);
    assert_eq!(tidy.results().into_keys().collect::<Vec<_>>(), names);
}

#[test]
fn a_window_of_another_spelling_breaks_types_until_values_count() {
    let csv = |tree: &mut Tree, text: &str| {
        tree.file("processing/input/endpoint/data.csv", text);
        tree.set("dataset_format", r#"{"csv":{"header":true}}"#);
    };
    let mut baseline = Tree::new();
    csv(&mut baseline, &format!("n,plan\n{}", "1,a\n2,b\n".repeat(40)));
    baseline.set("analysis_type", "DATA_QUALITY").succeed(&[]);
    let mut monitor = Tree::new();
    csv(&mut monitor, &format!("n,plan\n{}", "1.0,a\n2.0,b\n".repeat(40)));
    hold_against(monitor.set("analysis_type", "DATA_QUALITY"), &baseline);
    let run = monitor.succeed(&[]);
    assert_eq!(violated(&monitor), [("n".to_string(), "data_type_check".to_string())]);
    assert!(run.log.contains("1 of 1 type violation is a matter of spelling"), "{}", run.log);
    monitor.succeed(&["--value-typing=value"]);
    assert_eq!(violated(&monitor), []);
}

#[test]
fn a_domain_is_checked_to_the_value_also_among_many() {
    let mut baseline = Tree::new();
    let few: String = (0..200).map(|i| format!("p{}\n", i % 4)).collect();
    baseline.file("processing/input/endpoint/data.csv", format!("plan\n{few}"));
    baseline
        .set("dataset_format", r#"{"csv":{"header":true}}"#)
        .set("analysis_type", "DATA_QUALITY")
        .succeed(&[]);
    let mut monitor = Tree::new();
    // 300 others come first, so that the profile has given up its categories when the known ones come.
    let many: String =
        (0..300).map(|i| format!("x{i}\n")).chain((0..100).map(|i| format!("p{}\n", i % 4))).collect();
    monitor.file("processing/input/endpoint/data.csv", format!("plan\n{many}"));
    monitor.set("dataset_format", r#"{"csv":{"header":true}}"#).set("analysis_type", "DATA_QUALITY");
    hold_against(&mut monitor, &baseline);
    monitor.succeed(&[]);
    let violations = monitor.result("constraint_violations.json");
    assert_eq!(
        violations["violations"][0]["description"],
        "Value: 0.25 does not meet the constraint requirement!"
    );
}

#[test]
fn what_cannot_be_used_stops_before_anything_is_written() {
    let data = |tree: &mut Tree| {
        tree.file("processing/input/endpoint/data.csv", "a,b\n1,2\n3,4\n");
        tree.set("analysis_type", "DATA_QUALITY");
    };
    for (name, value, exit, code, said) in [
        ("dataset_format", r#"{"avro":{}}"#, 1, "PL0101", "avro"),
        ("baseline_constraints", "/opt/ml/processing/nowhere.json", 1, "PL0801", "nowhere.json"),
        ("baseline_statistics", "/opt/ml/processing/input/endpoint/data.csv", 1, "PL0801", "no JSON"),
        (
            "record_preprocessor_script",
            "/opt/ml/processing/code/x.py",
            1,
            "PL0204",
            "record_preprocessor_script",
        ),
        ("exclude_features_attribute", "c", 1, "PL0304", "`c`"),
        ("data_quality_monitoring_config", r#"{"emit_metrics":"Maybe"}"#, 1, "PL0101", "emit_metrics"),
        ("categorical_drift_method", "Cosine", 1, "PL0101", "categorical_drift_method"),
        ("compat", "lax", 1, "PL0101", "compat"),
        ("drift_rule", "none", 1, "PL0101", "drift_rule"),
        ("output_path", "/opt/ml/processing/input/endpoint/out", 1, "PL0101", "inside an input"),
        ("dataset_source", "/opt/ml/processing/nowhere", 1, "PL0101", "dataset_source"),
    ] {
        let mut tree = Tree::new();
        data(&mut tree);
        tree.set(name, value);
        let run = tree.fail(&[], exit, code);
        assert!(run.message.contains(said), "{name}: {}", run.message);
        assert_eq!(tree.run(&["validate"]).code, Some(exit), "{name}");
    }
    let mut empty = Tree::new();
    empty.file("processing/input/endpoint/data.csv", "a,b\n");
    empty.set("analysis_type", "DATA_QUALITY");
    assert!(empty.fail(&[], 2, "PL0302").message.contains("no data"));
}

#[test]
fn a_dry_run_looks_and_writes_nothing() {
    let mut tree = Tree::new();
    tree.file("processing/input/endpoint/data.csv", "a,b\n1,x\n,y\n");
    tree.set("analysis_type", "DATA_QUALITY");
    let run = tree.succeed(&["validate"]);
    for part in [
        "data quality baseline",
        "2 rows from 2 records",
        "a: Integral, a value in 1 of 2 rows",
        "The job would start",
    ] {
        assert!(run.stdout.contains(part), "{}", run.stdout);
    }
    assert!(tree.results().is_empty());
}

#[test]
fn columns_are_left_out_on_both_sides() {
    let mut baseline = Tree::new();
    baseline.file("processing/input/endpoint/data.csv", "1,2,x\n3,4,y\n");
    baseline.set("dataset_format", r#"{"csv":{"header":false}}"#).set("analysis_type", "DATA_QUALITY");
    let names = |tree: &Tree| {
        let statistics = tree.result("statistics.json");
        let features = statistics["features"].as_array().unwrap();
        features.iter().map(|feature| feature["name"].as_str().unwrap().to_string()).collect::<Vec<_>>()
    };
    baseline.succeed(&["--exclude-features-attribute=0, _c2"]);
    assert_eq!(names(&baseline), ["_c1"]);
    // The baseline lacks them, the window has them still.
    let mut monitor = Tree::new();
    monitor.file("processing/input/endpoint/data.csv", "9,2,z\n9,4,z\n");
    monitor.set("dataset_format", r#"{"csv":{"header":false}}"#).set("analysis_type", "DATA_QUALITY");
    hold_against(&mut monitor, &baseline);
    monitor.succeed(&["--exclude-features-attribute=0, _c2"]);
    assert_eq!((names(&monitor), violated(&monitor)), (vec!["_c1".to_string()], vec![]));
    monitor.succeed(&[]);
    assert_eq!(violated(&monitor), [("Extra columns".to_string(), "extra_column_check".to_string())]);
}

const PROFILE: &str = "data_quality_profile.json.gz";

/// Rows of a table with numbers, fractions, categories and holes.
fn table(from: usize, rows: usize, shift: f64) -> String {
    let mut out = String::from("n,amount,plan,code\n");
    for row in from..from + rows {
        let plan = ["basic", "gold", "", "pro"][row * 7 % 4];
        let amount = (row * 7919 % 1000) as f64 / 8.0 + shift;
        out.push_str(&format!("{},{amount},{plan},c{}\n", row % 97, row * 31 % 500));
    }
    out
}

fn of_table(text: &str) -> Tree {
    let mut tree = Tree::new();
    tree.file("processing/input/endpoint/data.csv", text);
    tree.set("dataset_format", r#"{"csv":{"header":true}}"#).set("analysis_type", "DATA_QUALITY");
    tree
}

#[test]
fn profiles_of_hours_are_the_day_and_a_day_is_a_baseline() {
    let day = of_table(&table(0, 6000, 0.0));
    day.succeed(&[]);
    let mut sum = Tree::new();
    sum.set("analysis_type", "DATA_QUALITY");
    for hour in 0..6 {
        let part = of_table(&table(hour * 1000, 1000, 0.0));
        part.succeed(&[]);
        sum.file(&format!("processing/input/endpoint/{hour}/{PROFILE}"), &part.results()[PROFILE]);
    }
    let run = sum.succeed(&[]);
    assert!(run.log.contains("read 6000 rows from 6000 records"), "{}", run.log);
    // Eighths add up without rounding; only sketches, and the buckets made of them, may differ.
    let without_sketches = |tree: &Tree| {
        let mut found = tree.result("statistics.json");
        for feature in found["features"].as_array_mut().unwrap() {
            if let Some(numbers) = feature.get_mut("numerical_statistics") {
                numbers["distribution"].take();
                let deviation = numbers["std_dev"].as_f64().unwrap();
                numbers["std_dev"] = format!("{deviation:.9}").into();
            }
        }
        found
    };
    assert_eq!(without_sketches(&sum), without_sketches(&day));
    assert_eq!(sum.results()["constraints.json"], day.results()["constraints.json"]);
    // The sum is a profile itself, named by the setting this time.
    let mut again = Tree::new();
    again.file("processing/input/endpoint/any-name", &sum.results()[PROFILE]);
    again.set("analysis_type", "DATA_QUALITY").set("dataset_format", r#"{"profile":{}}"#).succeed(&[]);
    assert!(again.results()["statistics.json"] == sum.results()["statistics.json"]);
    assert!(again.results()[PROFILE] == sum.results()[PROFILE]);

    // As a baseline it does what the two files do, to the byte; edited constraints go before it.
    let window = of_table(&table(0, 1500, 60.0).replace("gold", "trial"));
    let by = |set: &[(&str, &str)], files: &[&str]| {
        let mut monitor = of_table("");
        for file in files {
            monitor.file(&format!("processing/baseline/{file}"), &day.results()[*file]);
        }
        let data = fs::read(window.path("processing/input/endpoint/data.csv")).unwrap();
        monitor.file("processing/input/endpoint/data.csv", data);
        for (name, value) in set {
            monitor.set(name, *value);
        }
        monitor.succeed(&[]);
        monitor
    };
    let folder = "/opt/ml/processing/baseline";
    let files = by(
        &[("baseline_constraints", folder), ("baseline_statistics", folder)],
        &["constraints.json", "statistics.json"],
    );
    let profile = by(&[("baseline_profile", folder)], &[PROFILE]);
    assert!(!violated(&profile).is_empty());
    for name in ["constraint_violations.json", PROFILE] {
        assert!(files.results()[name] == profile.results()[name], "{name}");
    }
    let compared = |tree: &Tree| tree.result("data_quality_details.json")["columns"].clone();
    assert_eq!(compared(&files), compared(&profile));
}

#[test]
fn profiles_that_cannot_be_used_are_named() {
    let mut tree = of_table("a\n1\n");
    tree.file("processing/baseline/x.gz", b"\x1f\x8bnothing");
    tree.set("baseline_profile", "/opt/ml/processing/baseline/x.gz");
    let run = tree.fail(&[], 1, "PL0801");
    assert!(run.message.contains("baseline_profile") && run.message.contains("x.gz"), "{}", run.message);
    let of = |text: &str| {
        let tree = of_table(text);
        tree.succeed(&[]);
        tree.results()[PROFILE].clone()
    };
    let mut sum = Tree::new();
    sum.file(&format!("processing/input/endpoint/1/{PROFILE}"), of("a,b\n1,2\n"));
    sum.file(&format!("processing/input/endpoint/2/{PROFILE}"), of("a,c\n1,2\n"));
    sum.set("analysis_type", "DATA_QUALITY");
    let run = sum.fail(&[], 1, "PL0801");
    assert!(run.message.contains("`b`") && run.message.contains("2/data_quality"), "{}", run.message);
    assert_eq!(sum.run(&["validate"]).code, Some(1));
    let run = sum.fail(&["--columns", r#"[{"drop": ["a"]}]"#], 1, "PL0101");
    assert!(run.message.contains("profiles have no records"), "{}", run.message);
}

/// The same rows in two profiles of a sum, as a copy or as a sum beside its parts, are told in log, details and dry run.
#[test]
fn profiles_whose_rows_count_twice_are_told() {
    let sum = |profiles: &[&Vec<u8>]| {
        let mut tree = Tree::new();
        for (at, profile) in profiles.iter().enumerate() {
            tree.file(&format!("processing/input/endpoint/{at}/{PROFILE}"), profile);
        }
        tree.set("analysis_type", "DATA_QUALITY");
        let run = tree.succeed(&[]);
        (tree, run)
    };
    let made = |from: usize, more: &[&str]| {
        let tree = of_table(&table(from, 200, 0.0));
        tree.succeed(more);
        tree.results()[PROFILE].clone()
    };
    let profile = |(tree, _): (Tree, _)| tree.results()[PROFILE].clone();
    let [a, b, c] = [0, 200, 400].map(|from| made(from, &[]));
    let segments = made(0, &["--segment-columns=plan"]);
    let [ab, bc, twice] = [[&a, &b], [&b, &c], [&a, &a]].map(|parts| profile(sum(&parts)));
    // Of one profile it is that profile.
    assert!(profile(sum(&[&a])) == a && profile(sum(&[&ab])) == ab);
    assert!(profile(sum(&[&ab, &c])) == profile(sum(&[&a, &b, &c])));
    for (profiles, named) in [
        (&[&a, &b][..], None),
        (&[&ab, &c], None),
        (&[&twice, &c], None),
        (&[&a, &b, &a], Some((2, 0))),
        (&[&a, &segments], Some((1, 0))),
        (&[&c, &ab, &b], Some((2, 1))),
        (&[&b, &c, &ab], Some((2, 0))),
        (&[&ab, &bc], Some((1, 0))),
        (&[&ab, &c, &ab], Some((2, 0))),
        (&[&twice, &a], Some((1, 0))),
    ] {
        let (tree, run) = sum(profiles);
        let told = "so they count twice";
        let details = tree.result("data_quality_details.json")["warnings"].to_string();
        let dry = tree.succeed(&["validate"]);
        for text in [&run.log, &details, &dry.stdout] {
            let expected = named
                .map(|(at, of)| format!("{at}/{PROFILE}: it has the same rows as {of}/{PROFILE}, {told}"));
            assert_eq!(text.matches(told).count(), usize::from(named.is_some()), "{text}");
            assert!(expected.is_none_or(|expected| text.contains(&expected)), "{named:?} {text}");
        }
    }
    // In parts that are combined.
    let whole = Tree::new();
    for (at, profile) in [&ab, &b].into_iter().enumerate() {
        let part = whole.path(&format!("part{at}")).display().to_string();
        whole.file(&format!("part{at}/{at}/{PROFILE}"), profile);
        let out = whole.path(&format!("states/{at}.state")).display().to_string();
        whole.succeed(&["fold", "--analysis-type=DATA_QUALITY", "--dataset-source", &part, "--out", &out]);
    }
    let states = whole.path("states").display().to_string();
    let run = whole.succeed(&["combine", "--analysis-type=DATA_QUALITY", &states]);
    assert!(run.log.contains("1.state: it has the same rows as "), "{}", run.log);
    assert!(whole.results()[PROFILE] == profile(sum(&[&ab, &b])));
}

/// A format that does not say whether files have header rows: what evidently names columns is told in log, details and dry run.
#[test]
fn a_header_row_that_nobody_spoke_of_is_data_with_a_warning() {
    let named = "y,age\n1,20\n0,30\n".to_string() + &"1,40\n".repeat(12);
    let rows = "1,20\n0,30\n".repeat(6);
    let texts = "plan,zone\nx,north\ny,south\n";
    let base = of_table(texts);
    base.succeed(&[]);
    let formats = [
        (r#"{"csv":{}}"#, true),
        (r#"{"CSV":null}"#, true),
        (r#"{"csv":{"header":null}}"#, true),
        (r#"{"csv":{"output_columns_position":"START"}}"#, true),
        (r#"{"csv":{"header":false}}"#, false),
        (r#"{"csv":{"Header":"false"}}"#, false),
        (r#"{"csv":{"header":true}}"#, false),
    ];
    for (format, is_open) in formats {
        for (text, is_evident, against) in
            [(named.as_str(), true, false), (&rows, false, false), (texts, false, false), (texts, true, true)]
        {
            let mut tree = of_table(text);
            if against {
                hold_against(&mut tree, &base);
            }
            tree.set("dataset_format", format).file("processing/input/endpoint/more.csv", text);
            let run = tree.succeed(&[]);
            let details = tree.result("data_quality_details.json")["warnings"].to_string();
            let dry = tree.succeed(&["validate"]);
            for told in [&run.log, &details, &dry.stdout] {
                let is_told = told.contains("does not say whether files have header rows");
                assert_eq!(is_told, is_open && is_evident, "{format} {text} {told}");
            }
        }
    }
}

/// Places that the platform does not read, and those that it does.
#[test]
fn another_place_for_message_and_metric_lines_is_told() {
    for (name, own) in [
        ("output_message_file", "/opt/ml/output/message"),
        ("cloudwatch_metrics_directory", "/opt/ml/output/metrics/cloudwatch"),
    ] {
        for (place, is_told) in [(own, false), (&format!("{own}/"), false), ("/opt/ml/elsewhere", true)] {
            let mut tree = of_table("a\n1\n");
            tree.set(name, place).set("publish_cloudwatch_metrics", "Enabled");
            let run = tree.succeed(&[]);
            let told = format!("the setting `{name}` has no effect");
            assert_eq!(run.log.contains(&told), is_told, "{place} {}", run.log);
            assert_eq!(tree.succeed(&["validate"]).stdout.contains(&told), is_told, "{place}");
            assert!(!tree.path("elsewhere").exists() && run.message.starts_with("Completed"));
        }
    }
}

/// The folders of whole results, as they lie in S3, are a folder of profiles too.
#[test]
fn profiles_are_found_among_other_results() {
    let part = of_table(&table(0, 200, 0.0));
    part.succeed(&[]);
    for format in [None, Some(r#"{"profile":{}}"#)] {
        let mut sum = Tree::new();
        sum.set("analysis_type", "DATA_QUALITY");
        for hour in 0..3 {
            for (name, bytes) in part.results() {
                sum.file(&format!("processing/input/endpoint/{hour}/{name}"), bytes);
            }
        }
        if let Some(format) = format {
            sum.set("dataset_format", format);
        }
        let run = sum.succeed(&[]);
        assert!(run.log.contains("read 600 rows from 600 records"), "{}", run.log);
        assert!(run.log.contains("files with other names"), "{}", run.log);
    }
}

/// Columns do not know of each other, and every row twice is the same data twice.
#[test]
fn order_of_columns_and_doubled_rows_change_no_share() {
    let features = |text: &str| -> std::collections::BTreeMap<String, Value> {
        let tree = of_table(text);
        tree.succeed(&[]);
        let found = tree.result("statistics.json")["features"].as_array().unwrap().clone();
        found.into_iter().map(|feature| (feature["name"].as_str().unwrap().to_owned(), feature)).collect()
    };
    let text = table(0, 1500, 0.0);
    let one = features(&text);
    for order in [[3, 2, 1, 0], [1, 3, 0, 2]] {
        let permuted: Vec<String> = text
            .lines()
            .map(|line| {
                let cells: Vec<&str> = line.split(',').collect();
                order.map(|at| cells[at]).join(",")
            })
            .collect();
        assert_eq!(features(&permuted.join("\n")), one, "{order:?}");
    }
    let (header, rows) = text.split_once('\n').unwrap();
    let twice = features(&format!("{header}\n{rows}{rows}"));
    for (name, now) in &twice {
        let then = &one[name];
        let kind = ["numerical_statistics", "string_statistics"];
        let [now, then] = [now, then].map(|feature| kind.iter().find_map(|kind| feature.get(kind)).unwrap());
        for count in ["/common/num_present", "/common/num_missing"] {
            let of = |found: &Value| found.pointer(count).unwrap().as_f64().unwrap();
            assert_eq!(of(now), 2.0 * of(then), "{name} {count}");
        }
        for same in ["mean", "min", "max", "distinct_count"] {
            assert_eq!(now.get(same), then.get(same), "{name} {same}");
        }
        if let Some(deviation) = now.get("std_dev") {
            let of = |found: &Value| found.as_f64().unwrap();
            assert!((of(deviation) / of(&then["std_dev"]) - 1.0).abs() < 1e-12, "{name}");
        }
    }
}

#[test]
fn paths_need_rows_in_json() {
    let tree = of_table("a,b\n1,2\n");
    let columns = r#"[{"path": {"c": "d.e"}}]"#;
    let run = tree.fail(&["--columns", columns], 1, "PL0101");
    assert!(run.message.contains("`path` of c") && run.message.contains("JSON only"), "{}", run.message);
    assert_eq!(tree.run(&["validate", "--columns", columns]).code, Some(1));
}

/// The table with other amounts for one plan only.
fn table_of_segments(rows: usize, shift_of_gold: f64) -> String {
    let mut out = String::from("n,amount,plan,code\n");
    for row in 0..rows {
        let plan = ["basic", "gold", "", "pro"][row * 7 % 4];
        let shift = if plan == "gold" { shift_of_gold } else { 0.0 };
        let amount = (row * 7919 % 1000) as f64 / 8.0 + shift;
        out.push_str(&format!("{},{amount},{plan},c{}\n", row % 97, row * 31 % 500));
    }
    out
}

#[test]
fn drift_that_hides_in_a_segment_is_found_there() {
    let mut baseline = of_table(&table_of_segments(4000, 0.0));
    baseline.set("segment_columns", "plan, code");
    let run = baseline.succeed(&[]);
    assert!(run.log.contains("`code` has more than 120 values"), "{}", run.log);
    let told = baseline.result("data_quality_details.json");
    let of = |details: &Value, value: &str| {
        let segments = details["segments"].as_array().unwrap().clone();
        segments.into_iter().find(|segment| segment["value"] == value).unwrap()
    };
    assert_eq!(told["segments"].as_array().unwrap().len(), 4);
    for value in ["basic", "gold", "(missing)", "pro"] {
        assert_eq!(of(&told, value)["rows"], 1000);
        assert!(of(&told, value)["baseline_rows"].is_null());
    }
    // The amounts of gold by hand.
    let gold: Vec<f64> =
        (0..4000).filter(|row| row * 7 % 4 == 1).map(|row| (row * 7919 % 1000) as f64 / 8.0).collect();
    let columns = of(&told, "gold")["columns"].clone();
    assert_eq!(columns[1]["mean"], gold.iter().sum::<f64>() / 1000.0);
    assert_eq!(columns.as_array().unwrap().len(), 3, "its own column has one value");

    let window = |shift| {
        let mut monitor = of_table(&table_of_segments(4000, shift));
        monitor.file(&format!("processing/baseline/{PROFILE}"), &baseline.results()[PROFILE]);
        monitor.set("baseline_profile", "/opt/ml/processing/baseline").set("segment_columns", "plan");
        monitor.succeed(&[]);
        monitor
    };
    let moved = |details: &Value| {
        let segments = details["segments"].as_array().unwrap();
        segments
            .iter()
            .map(|segment| {
                (segment["value"].as_str().unwrap().to_string(), segment["moved"].as_u64().unwrap())
            })
            .collect::<Vec<_>>()
    };
    let same = window(0.0);
    assert!(moved(&same.result("data_quality_details.json")).iter().all(|(_, moved)| *moved == 0));
    let drifted = window(30.0);
    let details = drifted.result("data_quality_details.json");
    assert_eq!(moved(&details)[0], ("gold".to_string(), 1));
    assert!(moved(&details)[1..].iter().all(|(_, moved)| *moved == 0), "{:?}", moved(&details));
    let html = String::from_utf8(drifted.results()["report.html"].clone()).unwrap();
    assert!(html.contains("Segments") && html.contains("gold"));
    // Small ones are not told, and are counted.
    let run = drifted.succeed(&["--segment-minimum-rows=1001"]);
    assert!(run.log.contains("left out 4 segments of fewer than 1001 rows"), "{}", run.log);
    assert!(drifted.result("data_quality_details.json").get("segments").is_none());
    for (setting, code) in [("a,b,c,d", "PL0101"), ("plam", "PL0304")] {
        let mut wrong = of_table(&table_of_segments(10, 0.0));
        wrong.set("segment_columns", setting).fail(&[], 1, code);
        assert_eq!(wrong.run(&["validate"]).code, Some(1));
    }
    // Segments of hours add up to those of the day.
    let mut sum = Tree::new();
    sum.set("analysis_type", "DATA_QUALITY").set("segment_columns", "plan");
    for hour in 0..2 {
        sum.file(&format!("processing/input/endpoint/{hour}/{PROFILE}"), &same.results()[PROFILE]);
    }
    sum.succeed(&[]);
    let twice = of(&sum.result("data_quality_details.json"), "gold");
    assert_eq!((&twice["rows"], &twice["columns"][1]["mean"]), (&2000.into(), &columns[1]["mean"]));
}

#[test]
fn columns_that_moved_are_ranked_by_what_the_model_makes_of_them() {
    let baseline = of_table(&table(0, 3000, 0.0));
    baseline.succeed(&[]);
    let mut monitor = of_table(&table(0, 3000, 60.0).replace(",gold,", ",basic,"));
    hold_against(&mut monitor, &baseline);
    monitor.succeed(&[]);
    let first = |tree: &Tree| {
        let details = tree.result("data_quality_details.json");
        (details["columns"][0]["column"].clone(), details["columns"][0].get("weighted_effect").cloned())
    };
    assert_eq!(first(&monitor), ("amount".into(), None));
    let attributions = |amount: f64, plan: f64| {
        let global = serde_json::json!({"amount": amount, "plan": plan, "n": 0.0});
        serde_json::json!({"version": "1.0", "explanations": {"kernel_shap": {
            "label0": {"global_shap_values": global, "expected_value": 0.5}}}})
        .to_string()
    };
    monitor.file("processing/input/shap/analysis.json", attributions(0.1, -0.9));
    monitor.set("attributions", "/opt/ml/processing/input/shap").succeed(&[]);
    let (column, weighted) = first(&monitor);
    assert_eq!(column, "plan");
    // A third of the values moved from one plan to another; 0.9 of the attributions are its own.
    let weighted = weighted.unwrap().as_f64().unwrap();
    assert!((weighted - 0.9 / 3.0).abs() < 1e-5, "{weighted}");
    let mut wrong = of_table("a\n1\n");
    wrong.file("processing/input/shap/analysis.json", r#"{"version": "1.0"}"#);
    let run = wrong.set("attributions", "/opt/ml/processing/input/shap").fail(&[], 1, "PL0801");
    for told in ["`attributions`", "analysis.json", "no attributions", "explainability run"] {
        assert!(run.message.contains(told), "{told}: {}", run.message);
    }
    for (text, told) in [(None, "No such file"), (Some("{"), "line 1"), (Some("[]"), "no attributions")] {
        match text {
            Some(text) => drop(wrong.file("processing/input/shap/analysis.json", text)),
            None => std::fs::remove_file(wrong.path("processing/input/shap/analysis.json")).unwrap(),
        }
        let run = wrong.fail(&[], 1, "PL0801");
        for told in [told, "the attributions that rank columns", "shap/analysis.json", "explainability run"] {
            assert!(run.message.contains(told), "{told}: {}", run.message);
        }
        assert!(!run.message.contains("baseline"), "{}", run.message);
    }
    // Those of another model rank nothing, and say so.
    let other = attributions(0.1, -0.9)
        .replace("amount", "f1")
        .replace("\"plan\"", "\"f2\"")
        .replace("\"n\"", "\"f3\"");
    monitor.file("processing/input/shap/analysis.json", other);
    let run = monitor.succeed(&[]);
    let told = "has other features: found `f1`, `f2`, `f3`, expected some of `n`";
    assert!(run.log.contains(told), "{}", run.log);
    assert!(
        String::from_utf8(monitor.results()["report.html"].clone()).unwrap().contains("has other features")
    );
    assert!(monitor.succeed(&["validate"]).stdout.contains(told));
    assert_eq!(first(&monitor), ("amount".into(), None));
}
