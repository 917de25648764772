//! Datasets: formats, folders, facets, segments.

use std::fs;

use plumbline_generator::configs;
use plumbline_generator::dataset::Format;
use serde_json::{Value, json};

use crate::program::{OUTPUT, Tree, gzip};

const ROWS: u64 = 600;

/// The analysis of the rows in this format, `change`d on disk before.
#[track_caller]
fn analysis(format: Format, change: impl FnOnce(&Tree, Vec<u8>)) -> String {
    let tree = Tree::with_dataset(&configs::bias_baseline(format, &[]), format, ROWS, true);
    let bytes = fs::read(tree.path("processing/input/data/data")).unwrap();
    fs::remove_file(tree.path("processing/input/data/data")).unwrap();
    change(&tree, bytes);
    tree.succeed(&[]);
    tree.analysis_bytes()
}

#[test]
fn equal_rows_give_equal_bytes_in_every_format_and_folder() {
    let whole = |name: &'static str| {
        move |tree: &Tree, bytes: Vec<u8>| {
            tree.file(&format!("processing/input/data/{name}"), bytes);
        }
    };
    let packed = |name: &'static str| {
        move |tree: &Tree, bytes: Vec<u8>| {
            tree.file(&format!("processing/input/data/{name}"), gzip(&bytes));
        }
    };
    // Three parts in nested folders, read in the order of their names; of CSV each with the header.
    let nested = |header: bool| {
        move |tree: &Tree, bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).unwrap();
            let mut lines = text.lines();
            let header = if header { format!("{}\n", lines.next().unwrap()) } else { String::new() };
            let lines: Vec<_> = lines.collect();
            for (name, part) in ["a/1/x", "a/2/x", "b"].into_iter().zip(lines.chunks(250)) {
                let text = format!("{header}{}\n", part.join("\n"));
                tree.file(&format!("processing/input/data/{name}"), text);
            }
        }
    };
    let expected = analysis(Format::Csv, whole("data.csv"));
    assert!(expected.contains("\"FT\""), "{expected}");
    for (case, found) in [
        ("packed CSV", analysis(Format::Csv, packed("data.csv.gz"))),
        ("CSV in folders", analysis(Format::Csv, nested(true))),
        ("JSON Lines", analysis(Format::JsonLines, whole("data.jsonl"))),
        ("packed JSON Lines", analysis(Format::JsonLines, packed("data.jsonl.gz"))),
        ("JSON Lines in folders", analysis(Format::JsonLines, nested(false))),
        ("JSON", analysis(Format::Json, whole("data.json"))),
        ("packed JSON", analysis(Format::Json, packed("data.json.gz"))),
        ("Parquet", analysis(Format::Parquet, whole("data.parquet"))),
    ] {
        assert!(found == expected, "{case} gives another analysis:\n{found}\n{expected}");
    }
}

#[test]
fn a_second_run_writes_the_same_bytes() {
    let tree = Tree::with_dataset(&configs::bias_baseline(Format::Csv, &[]), Format::Csv, ROWS, true);
    tree.succeed(&[]);
    let first = tree.results();
    let names: Vec<_> = first.keys().map(String::as_str).collect();
    assert_eq!(names, ["analysis.json", "bias_details.json", "report.html", "report.ipynb", "report.pdf"]);
    tree.succeed(&[]);
    for (name, bytes) in tree.results() {
        assert!(first[&name] == bytes, "{name} differs");
    }
}

#[test]
fn two_facets_are_crossed_only_when_asked() {
    let mut config = configs::bias_baseline(Format::Csv, &[]);
    config["facet"] = json!([
        {"name_or_index": "sex", "value_or_threshold": ["female"]},
        {"name_or_index": "housing", "value_or_threshold": ["rent"]},
    ]);
    config.as_object_mut().unwrap().remove("group_variable");
    let tree = Tree::with_dataset(&config, Format::Csv, ROWS, true);
    tree.succeed(&[]);
    let plain = tree.analysis_bytes();
    assert!(tree.result("bias_details.json").get("intersections").is_none());

    tree.succeed(&["--intersections", "Enabled"]);
    assert_eq!(tree.analysis_bytes(), plain, "crossed facets stand in files of their own");
    let details = tree.result("bias_details.json");
    let crossed = details["intersections"].as_array().unwrap();
    assert!(!crossed.is_empty());
    // The rows of both values, counted here in the plainest way.
    let text = fs::read_to_string(tree.path("processing/input/data/data")).unwrap();
    let both = text.lines().filter(|line| line.contains(",female,") && line.contains(",rent,")).count();
    let entry = crossed.iter().find(|entry| {
        let text = entry["value_or_threshold"].as_str().unwrap();
        text.contains("female") && text.contains("rent")
    });
    // Observed by predicted: two rows of two counts.
    let rows = |group: &Value| -> u64 {
        group["rows"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|row| row.as_array().unwrap())
            .map(|n| n.as_u64().unwrap())
            .sum()
    };
    let entry = entry.unwrap_or_else(|| panic!("{crossed:?}"));
    assert_eq!(rows(&entry["groups"]["d"]), both as u64, "{entry}");
    assert_eq!(rows(&entry["groups"]["d"]) + rows(&entry["groups"]["a"]), ROWS, "{entry}");
}

#[test]
fn segments_have_metrics_of_their_own() {
    let mut config = configs::bias_baseline(Format::Csv, &["DI".into()]);
    config["segment_config"] = json!([{
        "config_name": "by age", "name_or_index": "age", "segments": [["[0, 35]"], ["(35, 60]"]],
        "display_aliases": ["young", "middle", "old"],
    }]);
    let tree = Tree::with_dataset(&config, Format::Csv, ROWS, true);
    tree.succeed(&[]);
    let details = tree.result("bias_details.json");
    let segments = details["segments"].as_array().unwrap();
    let names: Vec<_> = segments.iter().map(|segment| segment["segment"].as_str().unwrap()).collect();
    assert_eq!(names, ["young", "middle", "old"]);
    let rows: u64 = segments.iter().map(|segment| segment["rows"].as_u64().unwrap()).sum();
    assert_eq!(rows, ROWS);
    let text = fs::read_to_string(tree.path("processing/input/data/data")).unwrap();
    let header: Vec<_> = text.lines().next().unwrap().split(',').collect();
    let age = header.iter().position(|name| *name == "age").unwrap();
    let ages = text.lines().skip(1).map(|line| line.split(',').nth(age).unwrap().parse::<u32>().unwrap());
    assert_eq!(segments[0]["rows"], ages.filter(|age| *age <= 35).count());
    assert!(
        segments[0]["facets"][0]["metrics"].as_array().unwrap().iter().any(|metric| metric["name"] == "DI")
    );
}

/// Towns that hold rows of one group only, for facets of two and of three values: each group that has no row there, or every row, is
/// counted and named, in the log and in the report. No group of both sides is.
#[test]
fn segments_of_one_group_are_told() {
    let towns = ["a", "b", "c", "d"];
    // Values of the facet by town.
    let cases: [([&[&str]; 4], Value); 4] = [
        ([&["f"], &["f", "m"], &["m"], &["m", "f"]], json!(["f"])),
        ([&["f"], &["f", "m"], &["m"], &["m", "f"]], Value::Null),
        ([&["x", "y", "z"], &["x", "y"], &["z"], &["y", "z"]], Value::Null),
        ([&["x", "y"]; 4], json!(["x"])),
    ];
    for (values, listed) in cases {
        let mut facet = json!({"name_or_index": "sex"});
        if !listed.is_null() {
            facet["value_or_threshold"] = listed.clone();
        }
        let tree = small("text/csv", |config| {
            config["headers"] = json!(["sex", "town", "y", "p"]);
            config["facet"] = json!([facet]);
            let segments: Vec<[&str; 1]> = towns.map(|town| [town]).into();
            config["segment_config"] = json!([{"name_or_index": "town", "segments": segments}]);
        });
        let row = |(place, town): (usize, &str)| {
            let of_town = values[place];
            let row =
                |n: usize| format!("{},{town},{},{}\n", of_town[n % of_town.len()], n / 3 % 2, n / 4 % 2);
            (0..24).map(row).collect::<String>()
        };
        let rows: String = towns.into_iter().enumerate().map(row).collect();
        tree.file("processing/input/data/d.csv", format!("sex,town,y,p\n{rows}"));
        let run = tree.succeed(&[]);
        let page = fs::read_to_string(tree.path(OUTPUT).join("report.html")).unwrap().replace('\u{a0}', " ");
        let mut all: Vec<&str> = values.concat();
        all.sort_unstable();
        all.dedup();
        let groups = if listed.is_null() { all } else { vec![listed[0].as_str().unwrap()] };
        let mut number = 0;
        for (place, town) in towns.iter().enumerate() {
            let there = |value: &&&str| values[place].contains(*value);
            let none: Vec<&&str> = groups.iter().filter(|value| !there(value)).collect();
            let every: Vec<&&str> = groups.iter().filter(|value| values[place] == [**value]).collect();
            number += none.len() + every.len();
            let named = |what: &str, groups: &[&&str]| {
                let groups: Vec<String> = groups.iter().map(|value| format!("`sex` = `{value}`")).collect();
                (!groups.is_empty()).then(|| format!("{what} {}", groups.join(", ")))
            };
            let parts: Vec<String> = [named("no row is in", &none), named("every row is in", &every)]
                .into_iter()
                .flatten()
                .collect();
            let line = format!("segment `{town}` of `town`: {}: nothing is compared", parts.join(", "));
            assert_eq!(run.log.contains(&line), !parts.is_empty(), "{line}: {}", run.log);
        }
        let note = "No row or every row of the segment is in";
        let counted = format!("{note} {number} group");
        assert_eq!(page.contains(note), number > 0, "{values:?} {listed}");
        assert!(number == 0 || page.contains(&counted), "{counted}");
        assert_eq!(run.log.matches("put segments together").count() > 0, number > 0);
        // A cell for each of five metrics that are shown.
        let cells = page.matches(">compares nothing<").count();
        assert_eq!(cells, 5 * number, "{values:?} {listed}");
    }
}

/// A bias run of a few columns; `change`: of the configuration.
fn small(kind: &str, change: impl FnOnce(&mut Value)) -> Tree {
    let tree = Tree::new();
    let mut config = json!({
        "dataset_type": kind, "headers": ["sex", "y", "p"], "label": "y", "predicted_label": "p",
        "label_values_or_threshold": [1], "facet": [{"name_or_index": "sex", "value_or_threshold": [0]}],
        "methods": {"pre_training_bias": {"methods": "all"}, "post_training_bias": {"methods": ["AD", "DI", "DPPL"]}},
    });
    change(&mut config);
    tree.config(&config);
    tree
}

/// Files whose columns have different orders, one behind the other in one file.
#[test]
fn a_header_row_further_down_says_where_the_columns_stand_from_there_on() {
    let lines = |line: &dyn Fn(usize) -> String| (0..60).map(line).collect::<String>();
    let first = "sex,y,p\n".to_owned() + &lines(&|n| format!("{},{},{}\n", n % 2, n / 2 % 2, n / 3 % 2));
    let second =
        "P, Sex,y\n".to_owned() + &lines(&|n| format!("{},{},{}\n", n / 3 % 2, n % 3 / 2, n / 5 % 2));
    let apart = small("text/csv", |_| ());
    apart.file("processing/input/data/a.csv", &first).file("processing/input/data/b.csv", &second);
    let behind = small("text/csv", |_| ());
    behind.file("processing/input/data/a.csv", first + &second);
    apart.succeed(&[]);
    let run = behind.succeed(&[]);
    assert_eq!(behind.result("analysis.json"), apart.result("analysis.json"));
    assert!(run.log.contains("a.csv: the header row has the columns in another order"), "{}", run.log);
}

/// Rows with identifiers, and predictions in a file of their own.
fn with_predictions() -> Tree {
    small("text/csv", |config| {
        config["headers"] = json!(["id", "sex", "y"]);
        config["predicted_label"] = json!("pred");
        config["predicted_label_dataset_uri"] = json!("/opt/ml/processing/input/predictions/p.csv");
        config["predicted_label_headers"] = json!(["id", "pred"]);
        config["joinsource_name_or_index"] = json!("id");
        // Two listed values, so that the columns count as categories in a few rows too.
        config["label_values_or_threshold"] = json!([1, 7]);
        config["facet"][0]["value_or_threshold"] = json!([0, 7]);
    })
}

#[test]
fn long_identifiers_join_their_own_rows_only() {
    let base = [i128::from(u32::MAX), 1 << 53, 1 << 63, 10_i128.pow(25)];
    for (base, part) in base.into_iter().flat_map(|base| [(base, true), (base, false)]) {
        let tree = with_predictions();
        let rows = |n: i128, line: &dyn Fn(i128) -> String| (0..n).map(line).collect::<Vec<_>>().join("\n");
        let data = rows(60, &|n| format!("{},{},{}", base + n, n % 2, n / 2 % 2));
        let n = if part { 30 } else { 60 };
        let predictions = rows(n, &|n| format!("{}.0,1", base + n));
        tree.file("processing/input/data/a.csv", data)
            .file("processing/input/predictions/p.csv", predictions);
        tree.succeed(&[]);
        let rows = &tree.result("bias_details.json")["run"]["rows"];
        assert_eq!(rows["rows"], json!(n as u64), "{base} {rows}");
    }
}

/// One identifier that is no number, on whichever side, and all are texts: `7.0` is not `7`.
#[test]
fn identifiers_are_texts_as_soon_as_one_of_either_side_is() {
    for (other, in_predictions) in [("x", true), ("x", false), ("007", true), ("007", false)] {
        let tree = with_predictions();
        let rows = |line: &dyn Fn(usize) -> String| (100..160).map(line).collect::<Vec<_>>().join("\n");
        let data = rows(&|n| format!("{n},{},{}", n % 2, n / 2 % 2));
        let predictions = rows(&|n| if n < 130 { format!("{n},{}", n / 3 % 2) } else { format!("{n}.0,1") });
        let end = |text: String, row: &str, here: bool| if here { format!("{text}\n{row}\n") } else { text };
        tree.file("processing/input/data/a.csv", end(data, &format!("{other},1,1"), !in_predictions)).file(
            "processing/input/predictions/p.csv",
            end(predictions, &format!("{other},1"), in_predictions),
        );
        tree.succeed(&[]);
        let rows = &tree.result("bias_details.json")["run"]["rows"];
        assert_eq!(rows["rows"], json!(30), "{other} {in_predictions} {rows}");
    }
}

#[test]
fn truth_values_among_ones_and_zeros_are_ones_and_zeros() {
    let value = |n: usize| n / 3 % 2 == 1;
    let run = |line: &dyn Fn(usize) -> String| {
        let tree = small("application/jsonlines", |config| {
            config["features"] = json!("f");
            config["headers"] = json!(["sex", "y", "p"]);
        });
        tree.file("processing/input/data/a.jsonl", (0..60).map(line).collect::<Vec<_>>().join("\n"));
        tree.succeed(&[]);
        tree.analysis_bytes()
    };
    let record = |n: usize, p: String| format!("{{\"f\":[{}],\"y\":{},\"p\":{p}}}", n % 2, n / 2 % 2);
    let number = |n: usize| u8::from(value(n)).to_string();
    let expected = run(&|n| record(n, number(n)));
    for every in [1, 2, 7, 59] {
        let mixed = run(&|n| record(n, if n % every == 0 { value(n).to_string() } else { number(n) }));
        assert_eq!(mixed, expected, "a truth value in every {every}");
    }

    // In a file such words make the column text: the number stays, and it is said.
    let tree = small("text/csv", |_| ());
    let line =
        |n: usize| format!("{},{},{}", n % 2, n / 2 % 2, if n == 7 { "True".into() } else { number(n) });
    tree.file("processing/input/data/a.csv", (0..60).map(line).collect::<Vec<_>>().join("\n"));
    said(&tree, "1 is read as a text, since `True` among numbers makes the column text");
}

#[test]
fn a_missing_cell_that_makes_a_threshold_of_a_value_is_said() {
    for (kind, name) in [("text/csv", "a.csv"), ("application/jsonlines", "a.jsonl")] {
        for missing in [Some(5), None] {
            let tree = small(kind, |config| {
                if kind == "application/jsonlines" {
                    config["features"] = json!("f");
                }
            });
            let line = |n: usize| {
                let sex = if Some(n) == missing { None } else { Some(n % 2) };
                let (y, p) = (n / 2 % 2, n / 3 % 2);
                match kind {
                    "text/csv" => format!("{},{y},{p}", sex.map_or(String::new(), |sex| sex.to_string())),
                    _ => json!({"f": [sex], "y": y, "p": p}).to_string(),
                }
            };
            let rows = (0..60).map(line).collect::<Vec<_>>().join("\n");
            tree.file(&format!("processing/input/data/{name}"), rows);
            let text = "0 is read as a threshold and not as a value, since the column has missing cells";
            if missing.is_some() {
                said(&tree, text);
            } else {
                let run = tree.succeed(&[]);
                assert!(!run.log.contains(text) && !run.message.contains("Warning"), "{}", run.message);
            }
        }
    }
}

/// In log, exit message, dry run and report.
#[track_caller]
fn said(tree: &Tree, text: &str) {
    let dry = tree.succeed(&["validate"]);
    assert!(dry.stdout.contains(text), "{}", dry.stdout);
    let run = tree.succeed(&[]);
    assert!(run.log.contains(text) && run.message.contains(text), "{} {}", run.message, run.log);
    let report = fs::read_to_string(tree.path(OUTPUT).join("report.html")).unwrap();
    let plain = text.split('`').next().unwrap();
    assert!(report.contains(plain), "the report does not say `{plain}`");
}

/// A path that is wrong finds only nulls too, so a line of them says nothing of its features.
#[test]
fn a_line_of_json_lines_whose_features_are_all_null_has_none() {
    for path in ["x.*", "[x.a, x.b]"] {
        let tree = Tree::new();
        tree.config(&json!({
            "dataset_type": "application/jsonlines", "features": path, "headers": ["a", "b", "y"], "label": "y",
            "label_values_or_threshold": [1], "facet": [{"name_or_index": "b"}],
            "methods": {"pre_training_bias": {"methods": ["CI"]}},
        }));
        let lines = |second: &str| format!("{{\"x\":{{\"a\":1,\"b\":\"f\"}},\"y\":1}}\n{second}\n");
        let half = r#"{"x":{"a":null,"b":"m"},"y":0}"#;
        tree.file("processing/input/data/a.jsonl", lines(half)).succeed(&[]);
        tree.file("processing/input/data/a.jsonl", lines(r#"{"x":{"a":null,"b":null},"y":0}"#));
        fs::remove_dir_all(tree.path(OUTPUT)).unwrap();
        fs::create_dir_all(tree.path(OUTPUT)).unwrap();
        let run = tree.fail(&[], 1, "PL0305");
        assert!(run.message.contains("line 2"), "{}", run.message);
    }
}
