//! States that make no run: they are refused by name, and nothing is written.

use std::fs;

use serde_json::{Value, json};

use super::fold::{DATA, dataset, fold};
use crate::program::{CONFIG, Tree};

/// Two parts of bias on the dataset, and a combination of them that must fail and leave nothing.
#[track_caller]
fn refused(change: impl FnOnce(&Tree, &mut Vec<String>), code: &str, says: &[&str]) {
    let tree = Tree::new();
    dataset(&tree, false);
    let mut arguments = fold(&tree, &tree.path(DATA), 2, 9, &[]);
    arguments.insert(0, "combine".into());
    change(&tree, &mut arguments);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let run = tree.run(&arguments);
    assert_eq!(run.code, Some(3), "{}", run.log);
    assert!(run.message.starts_with(&format!("Error: {code}: ")), "{}", run.message);
    for text in says {
        assert!(run.message.contains(text), "no `{text}` in {}", run.message);
    }
    assert!(tree.results().is_empty());
}

#[test]
fn states_that_make_no_run_are_refused_by_name() {
    let missing = |_: &Tree, arguments: &mut Vec<String>| drop(arguments.remove(1));
    refused(missing, "PL0909", &["a part is missing", "without `p0`"]);
    let twice = |tree: &Tree, arguments: &mut Vec<String>| {
        let copy = tree.path("copy.state");
        fs::copy(&arguments[1], &copy).unwrap();
        arguments.push(copy.display().to_string());
    };
    refused(twice, "PL0909", &["a part occurs twice", "part `p0`", "states/p0.state"]);
    let cut = |_: &Tree, arguments: &mut Vec<String>| {
        let bytes = fs::read(&arguments[2]).unwrap();
        fs::write(&arguments[2], &bytes[..bytes.len() / 2]).unwrap();
    };
    refused(cut, "PL0908", &["p1.state"]);
    let emptied = |tree: &Tree, arguments: &mut Vec<String>| {
        fs::write(&arguments[2], "").unwrap();
        arguments.truncate(1);
        arguments.push(tree.path("states").display().to_string());
    };
    refused(emptied, "PL0908", &["p1.state"]);
    let foreign = |tree: &Tree, arguments: &mut Vec<String>| {
        let list = format!("--files={}", tree.path("lists/1").display());
        let settings = ["fold", "--out", &arguments[2], &list, "--parts=p0,p1", "--on-bad-record=fail"];
        tree.succeed(&settings);
    };
    refused(foreign, "PL0909", &["on_bad_record `fail`", "p1.state"]);
    let configured = |tree: &Tree, _: &mut Vec<String>| {
        let mut config: Value = serde_json::from_slice(&fs::read(tree.path(CONFIG)).unwrap()).unwrap();
        config["label_values_or_threshold"] = json!([0]);
        tree.config(&config);
    };
    refused(configured, "PL0909", &["the configuration", "p0.state"]);
}

#[test]
fn parts_whose_files_name_other_columns_are_refused() {
    let tree = Tree::new();
    dataset(&tree, false);
    tree.file(&format!("{DATA}/z/last.csv"), "age,town,job,code,y,p\n1,Oslo,a,01,1,1\n2,Bergen,b,01,0,0\n");
    let mut arguments: Vec<String> = vec!["combine".into()];
    for (part, list) in [("one", "b/part-10.csv"), ("two", "z/last.csv")] {
        tree.file("list", list);
        let out = tree.path(&format!("{part}.state")).display().to_string();
        let files = format!("--files={}", tree.path("list").display());
        let run = tree.run(&["fold", "--out", &out, &files]);
        // The facet `city` is not in the second, which its own fold says.
        assert_eq!(run.code == Some(0), part == "one", "{}", run.message);
        arguments.push(out);
    }
    let mut config: Value = serde_json::from_slice(&fs::read(tree.path(CONFIG)).unwrap()).unwrap();
    config["facet"] = json!([{"name_or_index": "age", "value_or_threshold": [40]}]);
    tree.config(&config);
    for (part, list) in [("one", "b/part-10.csv"), ("two", "z/last.csv")] {
        tree.file("list", list);
        let out = tree.path(&format!("{part}.state")).display().to_string();
        tree.succeed(&["fold", "--out", &out, &format!("--files={}", tree.path("list").display())]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let run = tree.fail(&arguments, 3, "PL0909");
    assert!(run.message.contains("two.state") && run.message.contains("`town`"), "{}", run.message);
}

/// The columns may have the same names, so these alone would not say what to mend; and a part alone does not tell whether its
/// first row is data.
#[test]
fn parts_of_different_formats_or_with_doubtful_names_are_told_apart() {
    let way_out = "give `dataset_format` to every `fold`";
    for (files, (exit_code, code), words) in [
        (
            [("f0.csv", "a,b\n1,2\n"), ("f1.jsonl", "{\"a\":1,\"b\":2}\n")],
            (3, "PL0909"),
            ["found JSON", "expected CSV", way_out],
        ),
        (
            [("f0.csv", "f,28\nm,31\n"), ("f1.csv", "m,31\nf,40\n")],
            (1, "PL0303"),
            ["found `f`, `28`", "f1.csv begins with: `m`, `31`", "give every piece the header row"],
        ),
        (
            [("f0.csv", "a,b\n1,2\n"), ("f1.csv", "1,2\n3,4\n")],
            (3, "PL0909"),
            [
                "the first row `1`, `2` (line 1 of f1.csv)",
                "the columns of the header row `a`, `b` (line 1 of f0.csv)",
                way_out,
            ],
        ),
    ] {
        let tree = Tree::new();
        let mut arguments = vec!["combine".to_string(), "--analysis-type=DATA_QUALITY".into()];
        for (name, text) in files {
            tree.file(&format!("{DATA}/{name}"), text).file("list", name);
            let out = tree.path(&format!("{}.state", &name[..2])).display().to_string();
            let list = format!("--files={}", tree.path("list").display());
            let data = format!("--dataset-source={}", tree.path(DATA).display());
            tree.succeed(&["fold", "--analysis-type=DATA_QUALITY", "--out", &out, &list, &data]);
            arguments.push(out);
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let run = tree.fail(&arguments, exit_code, code);
        for word in words {
            assert!(run.message.contains(word), "no {word} in {}", run.message);
        }
    }
}
