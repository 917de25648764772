//! A facet of thousands of values, and segments of it: every group is in the results, and the reports stay small. `tests/bench.sh` has the time
//! and the memory of it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::program::Tree;

const VALUES: usize = 3000;
const MB: usize = 1_000_000;

/// Six rows of each value, and up to 99 more of each of the last hundred.
fn data() -> String {
    let mut text = String::from("region,age,label,predicted\n");
    for value in 0..VALUES {
        for row in 0..6 + value.saturating_sub(VALUES - 100) {
            let (label, predicted) = ((value + row).is_multiple_of(3), (value * 7 + row).is_multiple_of(2));
            let age = 18 + (value * 13 + row * 5) % 50;
            text.push_str(&format!("region-{value},{age},{},{}\n", u8::from(label), u8::from(predicted)));
        }
    }
    text
}

#[test]
fn a_facet_of_3000_values_has_all_groups_and_small_reports() {
    let tree = Tree::new();
    tree.file("processing/input/data/data.csv", data());
    tree.config(&json!({
        "dataset_type": "text/csv", "label": "label", "predicted_label": "predicted", "label_values_or_threshold": [1],
        "facet": [{"name_or_index": "region"}], "group_variable": "age",
        "methods": {
            "pre_training_bias": {"methods": "all"}, "post_training_bias": {"methods": ["DPPL", "DI", "AD", "TE", "CDDPL"]},
            "report": {"name": "report", "title": "Analysis Report"},
        },
    }));
    tree.succeed(&[]);
    let results = tree.results();
    let analysis = tree.result("analysis.json");
    let details = tree.result("bias_details.json");
    for section in ["pre_training_bias_metrics", "post_training_bias_metrics"] {
        let groups = analysis[section]["facets"]["region"].as_array().unwrap();
        let names: BTreeSet<&str> =
            groups.iter().map(|group| group["value_or_threshold"].as_str().unwrap()).collect();
        assert_eq!(names.len(), VALUES);
        let has_all = |group: &Value| group["metrics"].as_array().is_some_and(|metrics| metrics.len() >= 5);
        assert!(groups.iter().all(has_all));
    }
    assert_eq!(details["facets"].as_array().unwrap().len(), VALUES);
    let html = &results["report.html"];
    assert!(html.len() < 2 * MB, "{} bytes of HTML", html.len());
    assert!(results["report.pdf"].len() < 2 * MB, "{} bytes of PDF", results["report.pdf"].len());
    assert!(results["report.ipynb"].len() < 4 * MB, "{} bytes of notebook", results["report.ipynb"].len());
    // The largest groups have a chapter each, the next ones a line of a table.
    let html = String::from_utf8_lossy(html);
    let chapters = html.matches(" against everyone else").count();
    assert!((12..200).contains(&chapters), "{chapters}");
    assert!(html.contains("The 12 largest groups have a chapter each"));
    assert!(
        html.contains("region-2999 against everyone else") && !html.contains("region-17 against everyone")
    );
}

/// Rows of `values` facet values and `segments` values of another column: each row has a pair of them.
fn of_segments(values: usize, segments: usize, rows: usize) -> String {
    let mut text = String::from("region,plan,label,predicted\n");
    for row in 0..rows {
        let (label, predicted) = (row.is_multiple_of(3), (row * 7 / 2).is_multiple_of(2));
        let (region, plan) = ((row * 7 + row / 31) % values, (row * 11 + row / 13) % segments);
        text.push_str(&format!("r{region},p{plan},{},{}\n", u8::from(label), u8::from(predicted)));
    }
    text
}

/// Few segments of many groups, and many segments of some: pages show the largest groups over all segments, and say where the
/// others are. Reports that are made again are the same.
#[test]
fn segments_of_many_groups_have_small_reports() {
    for (values, listed, all, rows) in [(400, 2, 3, 3000), (60, 300, 400, 3000)] {
        let tree = Tree::new();
        tree.file("processing/input/data/data.csv", of_segments(values, all, rows));
        let segments: Vec<[String; 1]> = (0..listed).map(|plan| [format!("p{plan}")]).collect();
        tree.config(&json!({
            "dataset_type": "text/csv", "label": "label", "predicted_label": "predicted", "label_values_or_threshold": [1],
            "facet": [{"name_or_index": "region"}],
            "segment_config": [{"name_or_index": "plan", "segments": segments}],
            "methods": {
                "pre_training_bias": {"methods": "all"}, "post_training_bias": {"methods": ["DPPL", "DI", "AD", "TE"]},
                "report": {"name": "report", "title": "Analysis Report"},
            },
        }));
        let run = tree.succeed(&[]);
        let details = tree.result("bias_details.json");
        let found = details["segments"].as_array().unwrap();
        assert_eq!(found.len(), listed + 1);
        let (mut groups, mut with_rows) = (0, 0);
        let mut of_segments = 0;
        for segment in found {
            of_segments += segment["rows"].as_u64().unwrap();
            for group in segment["facets"].as_array().unwrap() {
                groups += 1;
                let rows = group["groups"]["d"]["rows"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .flat_map(|row| row.as_array().unwrap());
                let has_rows = rows.filter_map(Value::as_u64).sum::<u64>() > 0;
                with_rows += usize::from(has_rows);
                let metrics = group["metrics"].as_array().unwrap().len();
                assert_eq!(metrics, if has_rows { 12 } else { 0 }, "{group}");
            }
        }
        assert_eq!(of_segments, rows as u64);
        assert_eq!(groups % found.len(), 0);
        let results = tree.results();
        for (name, most) in [("report.html", 2 * MB), ("report.pdf", 2 * MB), ("report.ipynb", 4 * MB)] {
            assert!(results[name].len() < most, "{} bytes of {name}", results[name].len());
        }
        // All groups of the facet once, and twelve metrics of those with rows in a segment.
        let most = 4500 * with_rows + 600 * groups + 3 * MB;
        assert!(
            results["bias_details.json"].len() < most,
            "{} of {most}",
            results["bias_details.json"].len()
        );
        // Thousands are set apart by a narrow blank.
        let page = String::from_utf8_lossy(&results["report.html"]).replace('\u{202f}', "");
        let told = format!("The 100 largest of {groups} groups within segments stand here");
        assert!(page.contains(&told), "{told}");
        assert!(run.log.matches("nothing is compared with these groups there").count() <= 20, "{}", run.log);
        // From the files alone, which have all groups.
        let folder = tree.path(crate::program::OUTPUT);
        for name in ["report.html", "report.ipynb", "report.pdf"] {
            std::fs::remove_file(folder.join(name)).unwrap();
        }
        tree.succeed(&["report", folder.to_str().unwrap()]);
        let again = tree.results();
        for name in ["report.html", "report.ipynb", "report.pdf"] {
            assert!(again[name] == results[name], "{name} differs");
        }
    }
}
