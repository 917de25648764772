//! Parts that are dealt wrongly: what would be missed or counted twice is refused by name, before anything is written.

use std::fs;
use std::sync::Arc;

use arrow_array::{ArrayRef, StringArray};
use serde_json::json;

use crate::parquet_file;
use crate::program::{CONFIG, OUTPUT, Run, Tree, gzip};

pub(super) const DATA: &str = "processing/input/data";

/// Three CSV files and a configuration of bias metrics.
pub(super) fn dataset() -> Tree {
    let tree = Tree::new();
    for file in 0..3_usize {
        let label = |n: usize| ["no", "yes"][n % 2];
        let row =
            |row: usize| format!("{},{},{}\n", ["f", "m"][(row + file) % 2], label(row), label(row / 2));
        let rows: String = (0..12).map(row).collect();
        tree.file(&format!("{DATA}/{file}.csv"), format!("sex,y,p\n{rows}"));
    }
    tree.config(&json!({
        "dataset_type": "text/csv", "label": "y", "label_values_or_threshold": ["yes"], "predicted_label": "p",
        "facet": [{"name_or_index": "sex", "value_or_threshold": ["f"]}],
        "methods": {"post_training_bias": {"methods": ["DPPL", "DI"]}},
    }));
    tree
}

/// An empty output.
pub(super) fn clear(tree: &Tree) {
    fs::remove_dir_all(tree.path(OUTPUT)).unwrap();
    fs::create_dir_all(tree.path(OUTPUT)).unwrap();
}

pub(super) fn path(tree: &Tree, name: &str) -> String {
    tree.path(name).display().to_string()
}

/// Folds some files of the data.
pub(super) fn fold(tree: &Tree, out: &str, files: &str, more: &[&str]) -> Run {
    tree.file("list", files);
    let list = format!("--files={}", path(tree, "list"));
    let out = path(tree, out);
    tree.run(&[&["fold", "--out", &out, &list], more].concat())
}

#[track_caller]
pub(super) fn folded(tree: &Tree, out: &str, files: &str, more: &[&str]) {
    let run = fold(tree, out, files, more);
    assert_eq!(run.code, Some(0), "{}", run.log);
}

#[track_caller]
pub(super) fn refused(tree: &Tree, run: &Run, code: i32, says: &[&str]) {
    assert_eq!(run.code, Some(code), "{} {}", run.message, run.log);
    for text in says {
        assert!(run.message.contains(text), "no `{text}` in {}", run.message);
    }
    assert!(tree.results().is_empty());
}

#[test]
fn a_state_under_another_name_is_not_passed_over() {
    for name in ["_p1.state", ".p1.state", "p1.STATE", "p1.state.bak", "p1", "deep/_p1.state", "p1.state.gz"]
    {
        let tree = dataset();
        folded(&tree, "states/p0.state", "0.csv", &[]);
        folded(&tree, "p1.state", "1.csv", &[]);
        let mut bytes = fs::read(tree.path("p1.state")).unwrap();
        if name.ends_with("gz") {
            // Packed once more.
            bytes = gzip(&bytes);
        }
        tree.file(&format!("states/{name}"), bytes);
        let run = tree.run(&["combine", &path(&tree, "states")]);
        refused(&tree, &run, 3, &["PL0908", &format!("states/{name}"), "ends in `.state`"]);
    }
    // What is no state is named, but for the markers of engines.
    let tree = dataset();
    folded(&tree, "states/p0.state", "0.csv", &[]);
    folded(&tree, "states/_put/aside.state", "1.csv", &[]);
    for name in ["_SUCCESS", ".p0.state.crc", "notes.txt"] {
        tree.file(&format!("states/{name}"), "x");
    }
    let run = tree.succeed(&["combine", &path(&tree, "states")]);
    assert!(run.log.contains("states/notes.txt") && run.log.contains("states/_put"), "{}", run.log);
    assert!(!run.log.contains("_SUCCESS") && !run.log.contains(".crc"), "{}", run.log);
    // The states of a baseline are looked for in the same way.
    tree.file("baseline/p0.STATE", fs::read(tree.path("states/p0.state")).unwrap());
    clear(&tree);
    let run = tree.run(&["--baseline-constraints", &path(&tree, "baseline")]);
    refused(&tree, &run, 3, &["PL0908", "baseline/p0.STATE"]);
}

#[test]
fn a_state_has_a_name_by_which_it_is_found() {
    let tree = dataset();
    for (name, says) in
        [("x.txt", "ends in `.state`"), ("x", "ends in `.state`"), ("_x.state", "does not begin")]
    {
        let run = fold(&tree, &format!("states/{name}"), "0.csv", &[]);
        refused(&tree, &run, 1, &["PL0101", "--out", says]);
        assert!(!tree.path("states").exists());
    }
}

#[test]
fn nothing_is_written_among_states_or_data() {
    let tree = dataset();
    folded(&tree, "states/p0.state", "0.csv", &[]);
    let states = path(&tree, "states");
    for output in ["states", "states/results", "states/../states/x"] {
        let output = path(&tree, output);
        let run = tree.run(&["combine", &states, "--output-path", &output]);
        refused(&tree, &run, 1, &["PL0101", "output_path", "`states`"]);
        let list = "--analysis-type=DATA_QUALITY,MODEL_BIAS";
        let run = tree.run(&["combine", &states, "--output-path", &output, list]);
        refused(&tree, &run, 1, &["PL0101", "output_path", "`states`"]);
        // Results beside the states of a baseline would be taken for the baseline.
        let run = tree.run(&["--baseline-constraints", &states, "--output-path", &output]);
        refused(&tree, &run, 1, &["PL0101", "output_path"]);
    }
    assert_eq!(fs::read_dir(&states).unwrap().count(), 1);
    for out in ["x.state", "deep/x.state"] {
        let run = fold(&tree, &format!("{DATA}/{out}"), "0.csv", &[]);
        refused(&tree, &run, 1, &["PL0101", "--out", "inside an input"]);
    }
    let run = tree.run(&["baseline", "--out", &path(&tree, &format!("{DATA}/baseline.csv"))]);
    refused(&tree, &run, 1, &["PL0101", "--out", "inside an input"]);
    assert_eq!(fs::read_dir(tree.path(DATA)).unwrap().count(), 3);
}

#[test]
fn names_of_parts_and_files_are_each_there_once() {
    let tree = dataset();
    for (parts, says) in [
        ("a,b", "a, b without `p0`"),
        ("p0,p1,p0", "`p0` twice"),
        ("p0,,p1", "an empty name"),
        (" p0 ,p1, p0", "`p0` twice"),
    ] {
        let parts = format!("--parts={parts}");
        let run = fold(&tree, "states/p0.state", "0.csv", &[&parts]);
        refused(&tree, &run, 1, &["PL0101", "--parts", says]);
    }
    for (list, says) in [
        ("0.csv\n1.csv\n\n0.csv", &["line 4", "`0.csv`, also in line 1"][..]),
        ("./0.csv\r\n0.csv\r\n", &["line 2", "also in line 1"]),
        ("../0.csv", &["line 1", "outside the folder of the data"]),
        (".", &["line 1", "outside the folder of the data"]),
    ] {
        let run = fold(&tree, "states/p0.state", list, &[]);
        refused(&tree, &run, 1, &[&["PL0101", "--files"], says].concat());
    }
    folded(&tree, "states/p0.state", "./0.csv\r\n", &["--parts", " p0, p1"]);
    folded(&tree, "states/p1.state", "1.csv", &["--parts", "p0,p1 "]);
    let states = path(&tree, "states");
    let run = tree.run(&["combine", &states, "--parts", "p0,p1,p0"]);
    refused(&tree, &run, 1, &["PL0101", "--parts", "`p0` twice"]);
    tree.succeed(&["combine", &states, "--parts", "p1 , p0"]);
}

/// The same file, as a part of its own, as one of several, and from a folder above.
#[test]
fn a_file_that_would_count_in_two_parts_is_refused() {
    let tree = dataset();
    tree.file(&format!("{DATA}/hour/0.csv"), "sex,y,p\nf,yes,no\nm,yes,yes\nf,no,yes\n");
    folded(&tree, "states/one.state", "0.csv\n1.csv", &[]);
    folded(&tree, "states/two.state", "2.csv\n1.csv", &[]);
    let run = tree.run(&["combine", &path(&tree, "states")]);
    let says = ["PL0909", "two.state", "1.csv in part `two`", "part `one`", "one.state"];
    refused(&tree, &run, 3, &says);
    folded(&tree, "other/all.state", "0.csv\nhour/0.csv", &[]);
    folded(&tree, "other/hour.state", "0.csv", &["--dataset-source=/opt/ml/processing/input/data/hour"]);
    let run = tree.run(&["combine", &path(&tree, "other")]);
    refused(&tree, &run, 3, &["PL0909", "hour.state", "all.state", "hour/0.csv"]);
    // A header without rows may be the same every hour, and equal files of different names are different files.
    tree.file("hours/1/a.csv", "sex,y,p\n").file("hours/2/a.csv", "sex,y,p\n");
    tree.file("hours/1/b.csv", "sex,y,p\nf,yes,yes\nm,no,no\nm,yes,yes\n")
        .file("hours/2/c.csv", "sex,y,p\nf,yes,yes\nm,no,no\nm,yes,yes\n");
    for hour in ["1", "2"] {
        let (out, source) =
            (path(&tree, &format!("days/{hour}.state")), path(&tree, &format!("hours/{hour}")));
        tree.succeed(&["fold", "--out", &out, "--dataset-source", &source]);
    }
    tree.succeed(&["combine", &path(&tree, "days")]);
}

/// Rows of `sex` and `y` in a file of a dataset.
fn dataset_file(kind: &str, rows: &[(&str, &str)]) -> Vec<u8> {
    let record = |(sex, y): &(&str, &str)| format!("{{\"f\":[\"{sex}\"],\"y\":\"{y}\"}}");
    let records: Vec<String> = rows.iter().map(record).collect();
    match kind {
        "text/csv" => rows.iter().map(|(sex, y)| format!("{sex},{y}\n")).collect::<String>().into(),
        "application/jsonlines" => records.join("\n").into(),
        "application/json" => format!("{{\"rows\":[{}]}}", records.join(",")).into(),
        _ => {
            let columns: [(&str, ArrayRef); 2] = [
                ("sex", Arc::new(rows.iter().map(|row| Some(row.0)).collect::<StringArray>())),
                ("y", Arc::new(rows.iter().map(|row| Some(row.1)).collect::<StringArray>())),
            ];
            parquet_file::file(columns)
        }
    }
}

/// Whether a file has rows is known for each file of a part, the first as the others, in every format.
#[test]
fn a_file_of_two_parts_is_told_by_its_name_wherever_it_stands() {
    for (kind, places) in [
        ("text/csv", json!({})),
        ("application/jsonlines", json!({"features": "f"})),
        ("application/json", json!({"features": "rows[*].f", "label": "rows[*].y"})),
        ("application/x-parquet", json!({})),
    ] {
        let mut config = json!({
            "dataset_type": kind, "headers": ["sex", "y"], "label": "y", "label_values_or_threshold": ["yes"],
            "facet": [{"name_or_index": "sex", "value_or_threshold": ["f"]}],
            "methods": {"pre_training_bias": {"methods": "all"}},
        });
        config.as_object_mut().unwrap().extend(places.as_object().unwrap().clone());
        for (same, empty) in [("0", None), ("9", None), ("5", Some("1"))] {
            let tree = Tree::new();
            tree.config(&config);
            for (part, y) in [("a", "no"), ("b", "yes")] {
                let file = |name: &str, rows: &[(&str, &str)]| {
                    tree.file(&format!("in/{part}/{name}.data"), dataset_file(kind, rows));
                };
                file(&format!("3{part}"), &[("f", "no"), ("m", "yes"), ("m", "no"), ("f", y)]);
                file(same, &[("m", "yes"), ("f", "yes")]);
                if let (Some(empty), "application/x-parquet") = (empty, kind) {
                    file(empty, &[]);
                }
                let (out, source) =
                    (path(&tree, &format!("states/{part}.state")), path(&tree, &format!("in/{part}")));
                tree.succeed(&["fold", "--out", &out, "--dataset-source", &source]);
            }
            let run = tree.run(&["combine", &path(&tree, "states")]);
            refused(&tree, &run, 3, &["PL0909", &format!("{same}.data in part `b`"), "a.state"]);
        }
    }
}

/// A text of one line is a row where no file has a header row.
#[test]
fn a_single_row_without_a_header_row_counts_once() {
    let quality = |header: bool| {
        format!("--analysis-type=DATA_QUALITY\n--dataset-format={{\"csv\":{{\"header\":{header}}}}}")
    };
    let analysis = |headers: &str| {
        format!(
            "{{\"dataset_type\":\"text/csv\",{headers}\"label\":\"y\",\"label_values_or_threshold\":[\"yes\"],\
             \"facet\":[{{\"name_or_index\":\"sex\",\"value_or_threshold\":[\"f\"]}}],\
             \"methods\":{{\"pre_training_bias\":{{\"methods\":\"all\"}}}}}}"
        )
    };
    for (line, settings, config, is_row) in [
        ("f,yes", quality(false), None, true),
        ("sex,y", quality(true), None, false),
        ("f,yes", String::new(), Some(analysis("\"headers\":[\"sex\",\"y\"],")), true),
        ("sex,y", String::new(), Some(analysis("\"headers\":[\"sex\",\"y\"],")), false),
        ("sex,y", String::new(), Some(analysis("")), false),
    ] {
        let tree = Tree::new();
        if let Some(config) = &config {
            tree.file(CONFIG, config);
        }
        for part in ["a", "b"] {
            tree.file(&format!("in/{part}/same.csv"), format!("{line}\n"));
            let head = if is_row { "" } else { "sex,y\n" };
            tree.file(
                &format!("in/{part}/{part}.csv"),
                format!("{head}f,no\nm,yes\nm,no\nf,yes\nm,{part}\n"),
            );
            let (out, source) =
                (path(&tree, &format!("states/{part}.state")), path(&tree, &format!("in/{part}")));
            let mut arguments = vec!["fold", "--out", &out, "--dataset-source", &source];
            arguments.extend(settings.lines());
            tree.succeed(&arguments);
        }
        let states = path(&tree, "states");
        let mut arguments = vec!["combine", &states];
        arguments.extend(settings.lines());
        if is_row {
            refused(&tree, &tree.run(&arguments), 3, &["PL0909", "same.csv in part `b`", "a.state"]);
        } else {
            tree.succeed(&arguments);
        }
    }
}

/// A line of texts is a row where another file has named the columns, and then it counts in one part only.
#[test]
fn a_line_of_texts_counts_as_what_its_part_reads_it_as() {
    for (line, is_row) in
        [("f,yes\n", true), ("sex,y\n", false), ("sex,y\nSex,Y\n", false), ("\u{feff}\n", false)]
    {
        let tree = Tree::new();
        tree.config(&json!({
            "dataset_type": "text/csv", "label": "y", "label_values_or_threshold": ["yes"],
            "facet": [{"name_or_index": "sex", "value_or_threshold": ["f"]}],
            "methods": {"pre_training_bias": {"methods": "all"}},
        }));
        for part in ["a", "b"] {
            tree.file(
                &format!("in/{part}/{part}.csv"),
                format!("sex,y\nf,no\nm,yes\nm,no\nf,yes\nm,{part}\n"),
            );
            tree.file(&format!("in/{part}/same.csv"), line);
            let (out, source) =
                (path(&tree, &format!("states/{part}.state")), path(&tree, &format!("in/{part}")));
            tree.succeed(&["fold", "--out", &out, "--dataset-source", &source]);
        }
        let run = tree.run(&["combine", &path(&tree, "states")]);
        if is_row {
            refused(&tree, &run, 3, &["PL0909", "same.csv in part `b`", "a.state"]);
        } else {
            assert_eq!(run.code, Some(0), "{line}: {}", run.log);
        }
    }
}

/// Lists that name what a run passes over, and a list as some editors write it.
#[test]
fn a_list_of_files_may_begin_with_a_mark_and_what_it_names_in_vain_is_said() {
    let tree = dataset();
    tree.file(&format!("{DATA}/_old.csv"), "sex,y,p\nf,yes,yes\n").file(&format!("{DATA}/empty.csv"), "");
    let run = fold(&tree, "states/p0.state", "\u{feff}0.csv\n_old.csv\nempty.csv\n", &[]);
    assert_eq!(run.code, Some(0), "{}", run.log);
    assert!(
        run.log.contains("passed over") && run.log.contains("_old.csv") && run.log.contains("empty.csv"),
        "{}",
        run.log
    );
    assert!(run.message.contains("folded 12 rows"), "{}", run.message);
    for name in ["", "a,b", " a", "a/b", "a\nb"] {
        let run = fold(&tree, "states/p1.state", "1.csv", &["--part", name]);
        refused(&tree, &run, 1, &["PL0101", "--part"]);
    }
}
